//! Topics.

use super::attributes::sent;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Shows, Tags, describe, get, run};
use crate::law::Law;
use crate::tags;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

const KIND: &str = "sns/topic";

/// A topic.
pub(super) const TOPIC: Kind = Kind {
    name: KIND,
    id: Id::Member("Name"),
    arn: "arn:{partition}:sns:{region}:{account}:{id}",
    arn_member: "TopicArn",
    // A topic is asked for by its ARN alone.
    tags: Tags::Unseen("Tags"),
    not_found: Fault::new("NotFound", "Topic does not exist").status(404),
    operations: &[
        run("CreateTopic", create),
        run("DeleteTopic", delete),
        get("GetTopicAttributes", "TopicArn", Shows::With(attributes)),
        run("SetTopicAttributes", set_attributes),
        describe("ListTopics", "", "Topics").paging(PAGES),
        run("PutDataProtectionPolicy", |call| {
            let id = by_arn(call, "ResourceArn")?;
            let policy = call
                .text("DataProtectionPolicy")
                .unwrap_or_default()
                .to_owned();
            call.update(KIND, &id, |topic| topic.set("DataProtectionPolicy", policy));
            Ok(json!({}))
        }),
        get(
            "GetDataProtectionPolicy",
            "ResourceArn",
            Shows::With(
                |_, topic| json!({"DataProtectionPolicy": topic.body.get("DataProtectionPolicy")}),
            ),
        ),
    ],
    ..Kind::NEW
};

/// SNS's pages.
pub(super) const PAGES: Paging = Paging {
    size: "",
    ..Paging::next_token(100, (1, 100))
};

/// What a topic is called.
pub(super) const NAME: Law = Law {
    name: "a topic's name has letters, digits, - and _, 256 at most; FIFO topics end in .fifo, and only they",
    operations: &["CreateTopic"],
    source: "SNS API Reference, CreateTopic, Name",
    fault: Fault::new("InvalidParameter", "Invalid parameter: Topic Name"),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        let fifo = call.text("Attributes.FifoTopic") == Some("true");
        let plain = name.strip_suffix(".fifo");
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        let base = plain.unwrap_or(name);
        if plain.is_some() != fifo || base.is_empty() || name.len() > 256 || !base.chars().all(fits)
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// A topic is made twice only as it is.
pub(super) const SAME: Law = Law {
    name: "a topic that exists is made again only with the same attributes and tags",
    operations: &["CreateTopic"],
    source: "SNS API Reference, CreateTopic: this action is idempotent",
    fault: Fault::new(
        "InvalidParameter",
        "Invalid parameter: {what} Reason: Topic already exists with different {other}",
    ),
    check: Some(|call, law| {
        let Some(topic) = call.find(KIND, call.text("Name").unwrap_or_default()) else {
            return Ok(());
        };
        let now = stored(topic);
        let other = sent(call)
            .into_iter()
            .any(|(name, value)| now.get(&name).and_then(Json::as_str) != Some(&value));
        if other {
            return Err(law
                .fault
                .with(&[("what", "Attributes"), ("other", "attributes")]));
        }
        if let Some(sent) = call.input.get("Tags")
            && tags::read(sent) != topic.tags
        {
            return Err(law.fault.with(&[("what", "Tags"), ("other", "tags")]));
        }
        Ok(())
    }),
};

fn stored(topic: &Record) -> Map<String, Json> {
    match topic.body.get("Attributes") {
        Some(Json::Object(attributes)) => attributes.clone(),
        _ => Map::new(),
    }
}

/// The identifier of the topic whose ARN stands in a member.
pub(super) fn by_arn(call: &Call, member: &str) -> Result<String, Refusal> {
    let arn = call.text(member).unwrap_or_default();
    if arn.splitn(6, ':').count() != 6 || !arn.starts_with("arn:") {
        let message = format!(
            "Invalid parameter: {member} Reason: An ARN must have at least 6 elements, not 1"
        );
        return Err(Refusal::new("InvalidParameter", message));
    }
    Ok(call.need(KIND, arn)?.id.clone())
}

fn create(call: &mut Call) -> Answer {
    let name = call.text("Name").unwrap_or_default().to_owned();
    if let Some(topic) = call.find(KIND, &name) {
        return Ok(json!({"TopicArn": topic.arn}));
    }
    let topic = call.make(KIND, Json::Object(call.input.clone()))?;
    Ok(json!({"TopicArn": topic.arn}))
}

fn delete(call: &mut Call) -> Answer {
    // A topic that is not there is deleted already (API reference, DeleteTopic). Its subscriptions go; pending ones expire.
    let Ok(id) = by_arn(call, "TopicArn") else {
        return Ok(json!({}));
    };
    let arn = call.text("TopicArn").unwrap_or_default().to_owned();
    let gone: Vec<String> = call
        .list("sns/subscription")
        .filter(|one| one.is("TopicArn", &arn) && !super::subscriptions::pending(one))
        .map(|one| one.id.clone())
        .collect();
    for one in gone {
        call.remove("sns/subscription", &one);
    }
    call.remove(KIND, &id);
    Ok(json!({}))
}

fn set_attributes(call: &mut Call) -> Answer {
    let id = by_arn(call, "TopicArn")?;
    for (name, value) in sent(call) {
        call.update(KIND, &id, |topic| {
            // An empty value takes an attribute away.
            let value = if value.is_empty() {
                Json::Null
            } else {
                value.into()
            };
            topic.set(&format!("Attributes.{name}"), value);
        });
    }
    Ok(json!({}))
}

/// What AWS does with messages that cannot be delivered over HTTP, unless told otherwise (SNS Developer Guide, Message delivery retries).
pub(super) const DELIVERY: &str = r#"{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":20,"maxDelayTarget":20,"numRetries":3,"numMaxDelayRetries":0,"numNoDelayRetries":0,"numMinDelayRetries":0,"backoffFunction":"linear"},"disableSubscriptionOverrides":false,"defaultRequestPolicy":{"headerContentType":"text/plain; charset=UTF-8"}}}"#;

fn attributes(call: &Call, topic: &Record) -> Json {
    let mut all = stored(topic);
    let mut default = |name: &str, value: String| {
        all.entry(name).or_insert(Json::String(value));
    };
    let count = |pending: bool| {
        let subscriptions = call.list("sns/subscription");
        let ours = subscriptions.filter(|one| one.is("TopicArn", &topic.arn));
        ours.filter(|one| super::subscriptions::pending(one) == pending)
            .count()
            .to_string()
    };
    default("TopicArn", topic.arn.clone());
    default("Owner", call.account.clone());
    default("DisplayName", String::new());
    default("SubscriptionsConfirmed", count(false));
    default("SubscriptionsPending", count(true));
    default("SubscriptionsDeleted", "0".into());
    default(
        "Policy",
        json!({
            "Version": "2008-10-17",
            "Id": "__default_policy_ID",
            "Statement": [{
                "Sid": "__default_statement_ID",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": [
                    "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                    "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
                ],
                "Resource": topic.arn,
                "Condition": {"StringEquals": {"AWS:SourceOwner": call.account}},
            }],
        })
        .to_string(),
    );
    if topic.id.ends_with(".fifo") {
        default("ContentBasedDeduplication", "false".into());
    }
    let delivery = all
        .get("DeliveryPolicy")
        .cloned()
        .unwrap_or_else(|| DELIVERY.into());
    all.insert("EffectiveDeliveryPolicy".into(), delivery);
    json!({"Attributes": all})
}
