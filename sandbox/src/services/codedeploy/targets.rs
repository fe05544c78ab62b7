//! Targets of deployments: a service with its two task sets, or the instances.

use super::deployments::DEPLOYMENT;
use super::{ECS, listing};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::services::ecs::service::SERVICE;
use crate::services::ecs::sets::SET;
use crate::world::Record;
use serde_json::{Value as Json, json};

/// A target is there once the deployment has begun.
pub const STARTED: Law = Law {
    name: "a deployment has targets once it has begun",
    operations: &[
        "ListDeploymentTargets",
        "GetDeploymentTarget",
        "BatchGetDeploymentTargets",
    ],
    source: "CodeDeploy API Reference, ListDeploymentTargets, Errors: DeploymentNotStartedException",
    fault: Fault::new(
        "DeploymentNotStartedException",
        "The deployment {id} has not started yet.",
    ),
    check: Some(|call, law| {
        let id = call.text("deploymentId").unwrap_or_default();
        match call.find(DEPLOYMENT.name, id) {
            Some(deployment) if deployment.is("status", "Created") => {
                Err(law.fault.with(&[("id", id)]))
            }
            _ => Ok(()),
        }
    }),
};

const NOT_FOUND: Fault = Fault::new(
    "DeploymentTargetDoesNotExistException",
    "The deployment target {id} does not exist.",
);

fn deployment(call: &Call) -> Result<Record, Refusal> {
    call.need(
        DEPLOYMENT.name,
        call.text("deploymentId").unwrap_or_default(),
    )
    .cloned()
}

/// `cluster:service` (CodeDeploy API Reference, ECSTarget, targetId).
fn target_id(deployment: &Record) -> Option<String> {
    let service = deployment.hidden.get("service")?.as_str()?;
    Some(service.replacen('/', ":", 1))
}

pub(super) fn list(call: &mut Call) -> Answer {
    let deployment = deployment(call)?;
    listing(call, "targetIds", target_id(&deployment).into_iter()).map(Json::Object)
}

pub(super) fn get(call: &mut Call) -> Answer {
    let deployment = deployment(call)?;
    let id = call.text("targetId").unwrap_or_default();
    target(call, &deployment, id).map(|target| json!({"deploymentTarget": target}))
}

pub(super) fn batch(call: &mut Call) -> Answer {
    let deployment = deployment(call)?;
    let mut targets = Vec::new();
    for id in call.texts("targetIds[]") {
        targets.push(target(call, &deployment, &id)?);
    }
    Ok(json!({"deploymentTargets": targets}))
}

fn target(call: &Call, deployment: &Record, id: &str) -> Result<Json, Refusal> {
    if !deployment.is("computePlatform", ECS) || target_id(deployment).as_deref() != Some(id) {
        return Err(NOT_FOUND.with(&[("id", id)]));
    }
    let hidden = |name: &str| deployment.hidden.get(name);
    let service = call.find_any(
        SERVICE.name,
        hidden("service").and_then(Json::as_str).unwrap_or_default(),
    );
    let weight = hidden("weight").and_then(Json::as_f64).unwrap_or_default();
    let status = match deployment.text("status") {
        "Stopped" => "Failed",
        "Queued" => "Pending",
        other => other,
    };
    let mut sets = Vec::new();
    for (label, name, group, weight) in [
        ("Blue", "blue", "blue group", 100.0 - weight),
        ("Green", "green", "green group", weight),
    ] {
        let Some(id) = hidden(name)
            .and_then(Json::as_str)
            .filter(|id| !id.is_empty())
        else {
            continue;
        };
        let group = hidden(group).and_then(Json::as_str).unwrap_or_default();
        let group = call
            .find("elbv2/target-group", group)
            .map(|group| json!({"name": group.text("TargetGroupName")}));
        let set = call.find(SET.name, id).map(|set| call.show(SET.name, set));
        let of = |name: &str| set.as_ref().map(|set| set[name].clone());
        sets.push(json!({
            "identifer": id,
            "desiredCount": of("computedDesiredCount").unwrap_or(json!(0)),
            "pendingCount": of("pendingCount").unwrap_or(json!(0)),
            "runningCount": of("runningCount").unwrap_or(json!(0)),
            "status": of("status").unwrap_or(json!("DRAINING")),
            "trafficWeight": weight,
            "targetGroup": group,
            "taskSetLabel": label,
        }));
    }
    Ok(json!({
        "deploymentTargetType": "ECSTarget",
        "ecsTarget": {
            "deploymentId": deployment.id,
            "targetId": id,
            "targetArn": service.map(|service| service.arn.clone()),
            "lastUpdatedAt": hidden("updated").cloned().unwrap_or(json!(deployment.created)),
            "lifecycleEvents": hidden("events").cloned().unwrap_or(json!([])),
            "status": status,
            "taskSetsInfo": sets,
        },
    }))
}
