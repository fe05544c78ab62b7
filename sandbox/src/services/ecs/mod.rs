//! ECS: clusters, their capacity providers, task definitions, services and the tasks that they keep running.

mod capacity;
pub mod cluster;
mod definition;
mod fargate;
pub mod images;
mod keep;
mod network;
mod rollout;
pub mod service;
mod service_deployments;
pub mod sets;
mod settings;
mod stages;
pub mod task;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::filter;
use crate::kind::{Paging, Service, list_tags, tag, untag};
use crate::registry;
use crate::world::Record;
use serde_json::{Map, Value as Json};

/// Amazon Elastic Container Service.
pub const SERVICE: Service = Service {
    name: "ecs",
    kinds: &[
        &cluster::CLUSTER,
        &capacity::PROVIDER,
        &definition::DEFINITION,
        &definition::FAMILY,
        &service::SERVICE,
        &sets::SET,
        &service_deployments::REVISION,
        &service_deployments::DEPLOYMENT,
        &task::TASK,
        &images::BROKEN,
        &settings::SETTING,
    ],
    operations: &[
        tag("TagResource", "resourceArn", "tags"),
        untag("UntagResource", "resourceArn", "tagKeys"),
        list_tags("ListTagsForResource", "resourceArn", "tags"),
    ],
    laws: &[
        &cluster::CLUSTER_THERE,
        &capacity::PROVIDER_KNOWN,
        &capacity::PROVIDER_FREE,
        &capacity::SETTLED,
        &capacity::LEFT,
        &definition::DEFINITION_ACTIVE,
        &fargate::FARGATE_SIZE,
        &fargate::FARGATE_NEEDS,
        &network::NETWORK_GIVEN,
        &network::NETWORK_THERE,
        &network::BALANCED,
        &service::ACTIVE,
        &service::DRAINING,
        &service::SCALED_DOWN,
        &service::BY_CODE_DEPLOY,
        &service::COMPATIBLE,
        &service_deployments::RUNS,
        &sets::OF_CONTROLLER,
        &sets::SET_SCALED_DOWN,
        &sets::PRIMARY_STAYS,
        &task::ROLE_ASSUMED,
        &task::LOG_GROUP,
    ],
    invalid: Fault::new("InvalidParameterException", "{message}"),
    missing: Fault::new("InvalidParameterException", "{message}"),
    token_mismatch: Fault::new(
        "InvalidParameterException",
        "Creation of service was not idempotent.",
    ),
};

/// What AWS says of parameters that do not fit.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameterException", message)
}

/// What AWS says of what the caller did wrong.
fn client(message: impl Into<String>) -> Refusal {
    Refusal::new("ClientException", message)
}

/// Does the request ask for this extra (`include`)?
fn includes(call: &Call, what: &str) -> bool {
    call.texts("include[]").iter().any(|one| one == what)
}

/// ECS's pages of a list of ARNs.
fn listing(
    call: &Call,
    member: &str,
    arns: impl Iterator<Item = String>,
    most: usize,
) -> Result<Json, Refusal> {
    let mut shown: Vec<(String, Json)> = arns.map(|arn| (arn.clone(), Json::String(arn))).collect();
    let service = registry::service("ecs").unwrap_or(&SERVICE);
    let paging = Paging::lower_next_token(most, (1, 100));
    let next = filter::page(call, service, &paging, false, "", &mut shown)?;
    let mut answer = Map::new();
    if let Some(next) = next {
        answer.insert("nextToken".into(), next.into());
    }
    let arns = shown.into_iter().map(|(_, arn)| arn).collect();
    answer.insert(member.into(), Json::Array(arns));
    Ok(Json::Object(answer))
}

/// A record as described, with tags only when they are asked for.
fn described(call: &Call, kind: &str, record: &Record) -> Json {
    let mut shown = call.show(kind, record);
    if let Json::Object(body) = &mut shown
        && !includes(call, "TAGS")
    {
        body.remove("tags");
    }
    shown
}

/// Fills in what was not sent, nested members too.
fn fill(value: &mut Json, defaults: &Json) {
    let (Json::Object(members), Json::Object(defaults)) = (value, defaults) else {
        return;
    };
    for (name, default) in defaults {
        match members.get_mut(name) {
            Some(there) => fill(there, default),
            None => {
                members.insert(name.clone(), default.clone());
            }
        }
    }
}

/// The ARN of who calls, for `createdBy` and `registeredBy`.
fn caller(call: &Call) -> String {
    match call.world.sessions.get(&call.access_key) {
        Some(session) => session.arn.clone(),
        None => format!("arn:{}:iam::{}:root", call.partition(), call.account),
    }
}
