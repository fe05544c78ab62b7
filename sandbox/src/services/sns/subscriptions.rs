//! Subscriptions.

use super::attributes::sent;
use super::topics::{PAGES, by_arn};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault};
use crate::kind::Shows;
use crate::kind::{Id, Kind, Reference, describe, get, run};
use crate::law::Law;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

const KIND: &str = "sns/subscription";

/// Who gets a topic's messages.
pub(super) const SUBSCRIPTION: Kind = Kind {
    name: KIND,
    id: Id::Uuid,
    arn: "{TopicArn}:{id}",
    arn_member: "SubscriptionArn",
    defaults: Some(|call| json!({"Owner": call.account})),
    refers: &[Reference::new("TopicArn", "sns/topic").loose()],
    not_found: Fault::new("NotFound", "Subscription does not exist").status(404),
    show: Some(|_, one, body| {
        if pending(one) {
            body.insert("SubscriptionArn".into(), "PendingConfirmation".into());
        }
    }),
    operations: &[
        run("Subscribe", subscribe),
        run("ConfirmSubscription", confirm),
        run("Unsubscribe", unsubscribe),
        get(
            "GetSubscriptionAttributes",
            "SubscriptionArn",
            Shows::With(attributes),
        ),
        run("SetSubscriptionAttributes", set_attributes),
        describe("ListSubscriptions", "", "Subscriptions").paging(PAGES),
        run("ListSubscriptionsByTopic", list),
    ],
    ..Kind::NEW
};

/// Not confirmed yet?
pub(super) fn pending(subscription: &Record) -> bool {
    subscription.hidden.contains_key("token")
}

/// Where messages may go.
pub(super) const ENDPOINT: Law = Law {
    name: "the endpoint fits the protocol",
    operations: &["Subscribe"],
    source: "SNS API Reference, Subscribe, Protocol and Endpoint",
    fault: Fault::new("InvalidParameter", "Invalid parameter: {what}"),
    check: Some(|call, law| {
        let protocol = call.text("Protocol").unwrap_or_default();
        let endpoint = call.text("Endpoint").unwrap_or_default();
        let arn = |service: &str| {
            let parts: Vec<&str> = endpoint.splitn(6, ':').collect();
            parts.len() == 6 && parts[0] == "arn" && parts[2] == service
        };
        let what = match protocol {
            "email" | "email-json" if !endpoint.contains('@') => "Email address".to_owned(),
            "http" if !endpoint.starts_with("http://") => {
                "HTTP(S) Endpoint must match the specified protocol".to_owned()
            }
            "https" if !endpoint.starts_with("https://") => {
                "HTTP(S) Endpoint must match the specified protocol".to_owned()
            }
            "sqs" if !arn("sqs") => "SQS endpoint ARN".to_owned(),
            "lambda" if !arn("lambda") => "Lambda endpoint ARN".to_owned(),
            "firehose" if !arn("firehose") => "Firehose endpoint ARN".to_owned(),
            "firehose" if call.text("Attributes.SubscriptionRoleArn").is_none() => {
                "Delivery stream subscriptions need SubscriptionRoleArn".to_owned()
            }
            "application" if !arn("sns") => "Application endpoint arn invalid".to_owned(),
            "sms" if endpoint.is_empty() => "Invalid SMS endpoint".to_owned(),
            "email" | "email-json" | "http" | "https" | "sqs" | "lambda" | "firehose"
            | "application" | "sms" => return Ok(()),
            other => format!("Amazon SNS does not support this protocol string: {other}"),
        };
        Err(law.fault.with(&[("what", &what)]))
    }),
};

/// The same subscription again.
pub(super) const SAME: Law = Law {
    name: "a subscription that exists is made again only with the same attributes",
    operations: &["Subscribe"],
    source: "SNS API Reference, Subscribe, InvalidParameter",
    fault: Fault::new(
        "InvalidParameter",
        "Invalid parameter: Attributes Reason: Subscription already exists with different attributes",
    ),
    check: Some(|call, law| {
        let Some(known) = known(call) else {
            return Ok(());
        };
        let now = known.body.get("Attributes");
        let other = sent(call).into_iter().any(|(name, value)| {
            now.and_then(|now| now.get(&name)).and_then(Json::as_str) != Some(&value)
        });
        if other {
            Err(law.fault.with(&[]))
        } else {
            Ok(())
        }
    }),
};

/// What nobody confirmed goes by itself.
pub(super) const PENDING: Law = Law {
    name: "a subscription that waits for its confirmation is not ended",
    operations: &["Unsubscribe"],
    source: "SNS Developer Guide, Deleting an Amazon SNS topic and subscription: pending subscriptions expire",
    fault: Fault::new(
        "InvalidParameter",
        "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation",
    ),
    check: Some(|call, law| {
        let arn = call.text("SubscriptionArn").unwrap_or_default();
        match call.find(KIND, arn) {
            Some(one) if pending(one) => Err(law.fault.with(&[])),
            None if !arn.starts_with("arn:") => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// Only the token that was sent confirms.
pub(super) const TOKEN: Law = Law {
    name: "a subscription is confirmed with the token that its endpoint was sent",
    operations: &["ConfirmSubscription"],
    source: "SNS API Reference, ConfirmSubscription, Token",
    fault: Fault::new("InvalidParameter", "Invalid parameter: Token"),
    check: Some(|call, law| {
        by_arn(call, "TopicArn")?;
        match awaited(call) {
            Some(_) => Ok(()),
            None => Err(law.fault.with(&[])),
        }
    }),
};

/// The subscription whose token the request has.
fn awaited<'a>(call: &'a Call) -> Option<&'a Record> {
    let token = call.text("Token")?;
    call.list(KIND)
        .find(|one| one.hidden.get("token").and_then(Json::as_str) == Some(token))
}

/// The subscription of the same endpoint.
fn known<'a>(call: &'a Call) -> Option<&'a Record> {
    let same =
        |one: &Record, member: &str| one.text(member) == call.text(member).unwrap_or_default();
    call.list(KIND).find(|one| {
        ["TopicArn", "Protocol", "Endpoint"]
            .iter()
            .all(|member| same(one, member))
    })
}

/// Protocols whose endpoint must say yes first (SNS API Reference, Subscribe).
fn asks(protocol: &str) -> bool {
    matches!(protocol, "email" | "email-json" | "http" | "https")
}

const DAYS: f64 = 3.0 * 86_400.0;

fn subscribe(call: &mut Call) -> Answer {
    by_arn(call, "TopicArn")?;
    let shown = call.input.get("ReturnSubscriptionArn") == Some(&Json::Bool(true));
    let answer = |one: &Record| {
        let arn = if pending(one) && !shown {
            "pending confirmation"
        } else {
            &one.arn
        };
        json!({"SubscriptionArn": arn})
    };
    if let Some(known) = known(call) {
        return Ok(answer(known));
    }
    let mut members = call.input.clone();
    members.remove("ReturnSubscriptionArn");
    let one = call.make(KIND, Json::Object(members))?;
    if asks(one.text("Protocol")) {
        let end = call.now + DAYS;
        let token = digest(&[&one.arn, "token"]);
        call.update(KIND, &one.id, |one| {
            one.hidden.insert("token".into(), token.into());
            one.steps.push(Step::gone(end));
        });
    }
    let one = call.need(KIND, &one.id)?;
    Ok(answer(one))
}

fn confirm(call: &mut Call) -> Answer {
    let Some((id, arn)) = awaited(call).map(|one| (one.id.clone(), one.arn.clone())) else {
        return Err(TOKEN.fault.with(&[]));
    };
    call.update(KIND, &id, |one| {
        one.hidden.remove("token");
        one.steps.clear();
    });
    Ok(json!({"SubscriptionArn": arn}))
}

fn unsubscribe(call: &mut Call) -> Answer {
    // What is not there is ended already.
    let id = call
        .find(KIND, call.text("SubscriptionArn").unwrap_or_default())
        .map(|one| one.id.clone());
    if let Some(id) = id {
        call.remove(KIND, &id);
    }
    Ok(json!({}))
}

fn set_attributes(call: &mut Call) -> Answer {
    let id = call
        .need(KIND, call.text("SubscriptionArn").unwrap_or_default())?
        .id
        .clone();
    for (name, value) in sent(call) {
        call.update(KIND, &id, |one| {
            // An empty policy takes it away, as an empty JSON object does for filters.
            let none = value.is_empty() || (name == "FilterPolicy" && value == "{}");
            let value = if none { Json::Null } else { value.into() };
            one.set(&format!("Attributes.{name}"), value);
        });
    }
    Ok(json!({}))
}

fn attributes(call: &Call, one: &Record) -> Json {
    let mut all = match one.body.get("Attributes") {
        Some(Json::Object(attributes)) => attributes.clone(),
        _ => Map::new(),
    };
    let mut put = |name: &str, value: &str| {
        all.entry(name).or_insert_with(|| value.into());
    };
    for member in ["TopicArn", "Protocol", "Endpoint", "Owner"] {
        put(member, one.text(member));
    }
    put("SubscriptionArn", &one.arn);
    put(
        "PendingConfirmation",
        if pending(one) { "true" } else { "false" },
    );
    let by_owner = !asks(one.text("Protocol"));
    put(
        "ConfirmationWasAuthenticated",
        if by_owner { "true" } else { "false" },
    );
    put("RawMessageDelivery", "false");
    let root = format!("arn:{}:iam::{}:root", call.partition(), call.account);
    put("SubscriptionPrincipal", &root);
    if all.contains_key("FilterPolicy") {
        all.entry("FilterPolicyScope")
            .or_insert_with(|| "MessageAttributes".into());
    }
    if matches!(one.text("Protocol"), "http" | "https") {
        let delivery = all.get("DeliveryPolicy").cloned();
        all.insert(
            "EffectiveDeliveryPolicy".into(),
            delivery.unwrap_or_else(|| super::topics::DELIVERY.into()),
        );
    }
    json!({"Attributes": all})
}

fn list(call: &mut Call) -> Answer {
    by_arn(call, "TopicArn")?;
    let topic = call.text("TopicArn").unwrap_or_default();
    let mut shown: Vec<(String, Json)> = call
        .list(KIND)
        .filter(|one| one.is("TopicArn", topic))
        .map(|one| (one.id.clone(), call.show(KIND, one)))
        .collect();
    let next = crate::filter::page(call, &super::SERVICE, &PAGES, false, "", &mut shown)?;
    let shown: Vec<Json> = shown.into_iter().map(|(_, one)| one).collect();
    Ok(json!({"Subscriptions": shown, "NextToken": next}))
}
