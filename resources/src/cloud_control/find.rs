//! What an interrupted create request has made.
//!
//! Cloud Control answers a request whose client token it knows with that request's progress, for 36 hours (API reference,
//! CreateResource, ClientToken); and it lists the requests of the last seven days (ListResourceRequests), without their tokens. A
//! request made again would make the resource where the first one never arrived, so it is the last thing to be tried.

use std::time::Duration;

use payctl_model::facts::TypeFacts;
use payctl_model::{Incarnation, PhysicalId, Value};
use serde_json::{Map, Value as Json, json};

use super::progress::{self, Event};
use super::{CloudControl, SERVICE, desired};
use crate::context::Context;
use crate::error::Result;
use crate::generic::together;
use crate::loaders::{self, By, Load};
use crate::resource::Resource;
use crate::tags;

/// For how long a client token names its request (API reference, CreateResource, ClientToken).
const TOKEN_HOLDS: Duration = Duration::from_secs(36 * 3_600);
/// A create is attempted no more often than this before it is given up.
const ATTEMPTS: usize = 12;

static REQUESTS: Load = Load::of(
    SERVICE,
    "ListResourceRequests",
    By::All,
    100,
    "ResourceRequestStatusSummaries",
    "RequestToken",
);

pub(super) async fn find(
    of: &CloudControl,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Option<PhysicalId>> {
    let facts = of.facts()?;
    let input = json!({"ResourceRequestStatusFilter": {"Operations": ["CREATE"]}});
    let input = input.as_object().cloned().unwrap_or_default();
    let requests: Vec<Event> = loaders::items(context, &REQUESTS, input)
        .await?
        .into_iter()
        .map(Event::new)
        .filter(|event| event.is_of(of.type_name()))
        .collect();
    if of.shows_owner(&facts) {
        let mut ids: Vec<PhysicalId> = requests.iter().filter_map(Event::identifier).collect();
        ids.extend(facts.identifier(desired));
        if requests.is_empty() {
            ids.extend(tagged(context, incarnation).await?);
        }
        ids.sort();
        ids.dedup();
        if let Some(id) = ours(of, context, &facts, &ids, incarnation).await? {
            return Ok(Some(id));
        }
        // Every request has told what it makes, or made nothing: what carries no tag of ours is not ours.
        if requests
            .iter()
            .all(|event| event.identifier().is_some() || event.is_over())
        {
            return Ok(None);
        }
    }
    asked_again(of, context, &facts, &requests, desired, incarnation).await
}

/// Which of these carries the incarnation's tag.
async fn ours(
    of: &CloudControl,
    context: &Context,
    facts: &TypeFacts,
    ids: &[PhysicalId],
    incarnation: &Incarnation,
) -> Result<Option<PhysicalId>> {
    let read = together(ids.iter().map(|id| of.read(context, id))).await;
    for (id, found) in ids.iter().zip(read) {
        let tags = found?.map(|found| tags::tags_of(facts, &found.model));
        let mark = tags.as_ref().and_then(|tags| tags.get(tags::INCARNATION));
        if mark.map(String::as_str) == Some(incarnation.as_str()) {
            return Ok(Some(id.clone()));
        }
    }
    Ok(None)
}

/// The identifiers that resources with the incarnation's tag may have: their ARNs, or the names at their ends.
async fn tagged(context: &Context, incarnation: &Incarnation) -> Result<Vec<PhysicalId>> {
    let filter = json!([{"Key": tags::INCARNATION, "Values": [incarnation.as_str()]}]);
    let input = Map::from_iter([("TagFilters".to_owned(), filter)]);
    let found = loaders::items(context, &tags::SWEEP, input).await?;
    let arns = found.iter().filter_map(|item| item["ResourceARN"].as_str());
    let ids = arns.flat_map(|arn| {
        let name = arn.rsplit(['/', ':']).next().unwrap_or(arn);
        [PhysicalId::from(arn), PhysicalId::from(name)]
    });
    Ok(ids.collect())
}

/// The same request again: AWS answers with what became of the first one.
async fn asked_again(
    of: &CloudControl,
    context: &Context,
    facts: &TypeFacts,
    requests: &[Event],
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Option<PhysicalId>> {
    let now = context.clock().now();
    let is_fresh = |event: &&Event| {
        let age = now.duration_since(event.time()).unwrap_or_default();
        age < TOKEN_HOLDS
    };
    let fresh: Vec<&Event> = requests.iter().filter(is_fresh).collect();
    // A journal has secrets as hashes only: with them the request would be another one.
    let Ok(properties) = desired::state(facts, desired) else {
        return named(of, context, facts, requests, desired).await;
    };
    if fresh.is_empty() {
        return Ok(None);
    }
    for attempt in 0..ATTEMPTS {
        let input = json!({
            "TypeName": of.type_name(),
            "DesiredState": properties.to_string(),
            "ClientToken": progress::token(incarnation, attempt),
        });
        let follow = |answer: Json| async move {
            let event = progress::follow(context, "CreateResource", answer).await?;
            Ok(event.into_json())
        };
        let answer = context.write_followed(SERVICE, "CreateResource", input, follow);
        let event = match answer.await {
            Ok(event) => Event::new(event),
            // It was made of other properties than are known now: only its name can tell it.
            Err(error) if error.code() == Some("ClientTokenConflictException") => {
                return named(of, context, facts, requests, desired).await;
            }
            Err(error) => return Err(error),
        };
        if event.succeeded() {
            // What was made may be gone by now.
            return match event.identifier() {
                Some(id) => Ok(of.read(context, &id).await?.map(|found| found.id)),
                None => Ok(None),
            };
        }
        // It was made again under another token only after it had failed.
        if !fresh.iter().any(|other| other.time() > event.time()) {
            return Ok(None);
        }
    }
    Ok(None)
}

/// What a request of this type has made under the very name that is declared.
async fn named(
    of: &CloudControl,
    context: &Context,
    facts: &TypeFacts,
    requests: &[Event],
    desired: &Value,
) -> Result<Option<PhysicalId>> {
    let Some(id) = facts.identifier(desired) else {
        return Ok(None);
    };
    let made = requests
        .iter()
        .any(|event| event.succeeded() && event.identifier().as_ref() == Some(&id));
    match made {
        true => Ok(of.read(context, &id).await?.map(|found| found.id)),
        false => Ok(None),
    }
}
