//! Requests and their progress events.

use serde_json::{Map, Value as Json, json};

use super::{ONE_REQUEST_A_TOKEN, REQUEST, key_of, page, progress};
use crate::call::{Call, digest, uuid};
use crate::error::{Answer, Refusal};
use crate::path;
use crate::world::{Key, Record, Step, World};

/// "A client token is valid for 36 hours once used" (API reference, CreateResource, ClientToken).
const TOKEN_HOLDS: f64 = 36.0 * 3_600.0;
/// Requests are told of for seven days (User Guide, "Managing resource operation requests").
const KEPT: f64 = 7.0 * 86_400.0;

/// What a request has come to.
pub(super) struct Outcome<'a> {
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub(super) operation: &'a str,
    pub(super) type_name: &'a str,
    /// What AWS knows of the identifier when it takes the request in.
    pub(super) identifier: Option<&'a str>,
    /// How many seconds it takes.
    pub(super) takes: f64,
    /// The handler's error code and message, where it fails.
    pub(super) failure: Option<(String, String)>,
    /// What the request said.
    pub(super) said: &'a Json,
}

/// The progress of a request that was made before under the same client token.
pub(super) fn before(call: &Call, said: &Json) -> Result<Option<Json>, Refusal> {
    let Some(token) = call.text("ClientToken") else {
        return Ok(None);
    };
    let requests = call.list(REQUEST.name);
    let mut known = requests.filter(|request| {
        request.hidden.get("ClientToken").and_then(Json::as_str) == Some(token)
            && request.created + TOKEN_HOLDS > call.now
    });
    let Some(request) = known.next() else {
        return Ok(None);
    };
    if request.hidden.get("Said").and_then(Json::as_str) != Some(&digest_of(said)) {
        return Err(ONE_REQUEST_A_TOKEN.fault.with(&[("token", token)]));
    }
    Ok(Some(Json::Object(request.body.clone())))
}

fn digest_of(said: &Json) -> String {
    digest(&[&path::canonical(said)])
}

/// Takes a request in: its first progress event.
pub(super) fn begin(call: &mut Call, outcome: &Outcome<'_>) -> Json {
    let said = path::canonical(outcome.said);
    let token = uuid(&call.derive(&format!(
        "cloudcontrol request {} {said}",
        outcome.operation
    )));
    let ends = call.now + outcome.takes;
    let mut body = Map::new();
    body.insert("TypeName".into(), outcome.type_name.into());
    body.insert("RequestToken".into(), token.as_str().into());
    body.insert("Operation".into(), outcome.operation.into());
    body.insert("OperationStatus".into(), "IN_PROGRESS".into());
    body.insert("EventTime".into(), call.now.into());
    // When to look again is told only while it goes on.
    body.insert(
        "RetryAfter".into(),
        (call.now + outcome.takes.min(2.0)).into(),
    );
    let mut end = Step::set(ends, "RetryAfter", Json::Null);
    match &outcome.failure {
        None => end.set.push(("OperationStatus".into(), "SUCCESS".into())),
        Some((code, message)) => {
            end.set.push(("OperationStatus".into(), "FAILED".into()));
            end.set.push(("ErrorCode".into(), code.as_str().into()));
            end.set
                .push(("StatusMessage".into(), message.as_str().into()));
        }
    }
    if let Some(id) = outcome.identifier {
        // A create's identifier is known on the way.
        match outcome.operation {
            "CREATE" => end.set.push(("Identifier".into(), id.into())),
            _ => {
                body.insert("Identifier".into(), id.into());
            }
        }
    }
    let mut hidden = Map::from_iter([("Said".to_owned(), Json::from(digest_of(outcome.said)))]);
    if let Some(client) = call.text("ClientToken") {
        hidden.insert("ClientToken".into(), client.into());
    }
    let record = Record {
        id: token.clone(),
        body: body.clone(),
        created: call.now,
        hidden,
        steps: vec![end, Step::gone(call.now + KEPT)],
        ..Record::default()
    };
    call.world.put(key(call, &token), record);
    Json::Object(body)
}

fn key(call: &Call, token: &str) -> Key {
    World::key(&REQUEST, &call.account, &call.region, token)
}

fn named(call: &Call) -> Result<Record, Refusal> {
    let token = call.text("RequestToken").unwrap_or_default();
    let record = call.world.get(&key(call, token));
    record
        .cloned()
        .ok_or_else(|| REQUEST.not_found.with(&[("id", token)]))
}

pub(super) fn status(call: &mut Call) -> Answer {
    progress(Json::Object(named(call)?.body))
}

pub(super) fn list(call: &mut Call) -> Answer {
    let operations = call.texts("ResourceRequestStatusFilter.Operations[]");
    let statuses = call.texts("ResourceRequestStatusFilter.OperationStatuses[]");
    let fits =
        |wanted: &[String], value: &str| wanted.is_empty() || wanted.iter().any(|one| one == value);
    let mut shown: Vec<(String, Json)> = call
        .list(REQUEST.name)
        .filter(|request| {
            fits(&operations, request.text("Operation"))
                && fits(&statuses, request.text("OperationStatus"))
        })
        .map(|request| (request.id.clone(), Json::Object(request.body.clone())))
        .collect();
    let next = page(call, &mut shown)?;
    let shown: Vec<Json> = shown.into_iter().map(|(_, event)| event).collect();
    Ok(json!({"ResourceRequestStatusSummaries": shown, "NextToken": next}))
}

/// "Only resource operation requests with a status of PENDING or IN_PROGRESS can be canceled" (API reference,
/// CancelResourceRequest).
pub(super) fn cancel(call: &mut Call) -> Answer {
    let record = named(call)?;
    if !record.is("OperationStatus", "IN_PROGRESS") {
        return Err(Refusal::new(
            "ConcurrentModificationException",
            format!("The request {} is over and cannot be canceled", record.id),
        ));
    }
    let now = call.now;
    let token = record.id.clone();
    let (type_name, operation) = (record.text("TypeName"), record.text("Operation"));
    let resource = record.hidden.get("Resource").and_then(Json::as_str);
    if let Some(id) = resource {
        let resource = key_of(call, type_name, id);
        match operation {
            "CREATE" => {
                call.world.remove(&resource);
            }
            // What was there before stays as it was.
            _ => {
                call.world.update(&resource, |kept| {
                    kept.steps.clear();
                    kept.hidden.remove("Busy");
                });
            }
        }
    }
    let changed = call.world.update(&key(call, &token), |request| {
        request.steps.retain(|step| step.gone);
        request.set("OperationStatus", "CANCEL_IN_PROGRESS");
        request.steps.insert(
            0,
            Step::set(now + 1.0, "OperationStatus", "CANCEL_COMPLETE"),
        );
        request.body.clone()
    });
    progress(Json::Object(changed.unwrap_or_default()))
}

/// Says which resource a request is about.
pub(super) fn concerns(call: &mut Call, event: &Json, id: &str) {
    let token = event["RequestToken"].as_str().unwrap_or_default();
    let key = key(call, token);
    call.world.update(&key, |request| {
        request.hidden.insert("Resource".into(), id.into());
    });
}
