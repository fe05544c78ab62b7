//! Deployments: how one is asked for, told, and stopped. What one does stands with its platform.

use super::applications::APPLICATION;
use super::configurations::CONFIGURATION;
use super::groups::{self, GROUP};
use super::{ECS, LAMBDA, SERVER, hosts, listing, services, targets};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, create, get, run};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// One at a time.
pub const ONE_AT_A_TIME: Law = Law {
    name: "a group has one deployment at a time",
    operations: &["CreateDeployment"],
    source: "CodeDeploy User Guide, CodeDeploy quotas: concurrent deployments to a deployment group, 1; CreateDeployment, Errors: DeploymentLimitExceededException",
    fault: Fault::new(
        "DeploymentLimitExceededException",
        "The Deployment Group '{group}' already has an active Deployment '{id}'",
    ),
    check: None,
};

/// Something to deploy.
pub const REVISION: Law = Law {
    name: "a deployment has a revision, or its group has one",
    operations: &["CreateDeployment"],
    source: "CodeDeploy API Reference, CreateDeployment, Errors: RevisionRequiredException",
    fault: Fault::new(
        "RevisionRequiredException",
        "Revision is required to create a deployment.",
    ),
    check: None,
};

/// An AppSpec says what to deploy.
pub const WELL_FORMED: Law = Law {
    name: "the revision of a service's deployment is an AppSpec that can be understood",
    operations: &["CreateDeployment"],
    source: "CodeDeploy API Reference, CreateDeployment, Errors: InvalidRevisionException; CodeDeploy User Guide, AppSpec file structure for Amazon ECS deployments",
    fault: Fault::new("InvalidRevisionException", "{message}"),
    check: None,
};

/// Only what waits is continued.
pub const WAITS: Law = Law {
    name: "only a deployment that waits is continued",
    operations: &["ContinueDeployment"],
    source: "CodeDeploy API Reference, ContinueDeployment, Errors: DeploymentIsNotInReadyStateException",
    fault: Fault::new(
        "DeploymentIsNotInReadyStateException",
        "The deployment {id} does not wait for this.",
    ),
    check: None,
};

/// What is over cannot be stopped.
pub const OVER: Law = Law {
    name: "a deployment that is over is neither stopped nor continued",
    operations: &["StopDeployment", "ContinueDeployment"],
    source: "CodeDeploy API Reference, StopDeployment and ContinueDeployment, Errors: DeploymentAlreadyCompletedException",
    fault: Fault::new(
        "DeploymentAlreadyCompletedException",
        "The deployment {id} is already completed.",
    ),
    check: Some(|call, law| {
        let id = call.text("deploymentId").unwrap_or_default();
        match call.find(DEPLOYMENT.name, id) {
            Some(deployment) if is_over(deployment) => Err(law.fault.with(&[("id", id)])),
            _ => Ok(()),
        }
    }),
};

/// A deployment.
pub const DEPLOYMENT: Kind = Kind {
    name: "codedeploy/deployment",
    id: Id::Made(|_, _, digits| {
        let letters = digits.to_ascii_uppercase();
        Ok(format!("d-{}", &letters[..9]))
    }),
    id_member: "deploymentId",
    created_member: "createTime",
    defaults: Some(|_| {
        json!({
            "status": "Created", "creator": "user", "ignoreApplicationStopFailures": false, "updateOutdatedInstancesOnly": false,
            "fileExistsBehavior": "DISALLOW", "instanceTerminationWaitTimeStarted": false,
        })
    }),
    refers: &[
        Reference::new("applicationName", APPLICATION.name)
            .loose()
            .source("CodeDeploy API Reference, CreateDeployment, Errors"),
        Reference::new("deploymentConfigName", CONFIGURATION.name)
            .loose()
            .source("CodeDeploy API Reference, CreateDeployment, Errors"),
    ],
    not_found: Fault::new(
        "DeploymentDoesNotExistException",
        "The deployment {id} could not be found",
    ),
    on_event: Some(on_event),
    operations: &[
        create(
            "CreateDeployment",
            Shows::With(|_, record| json!({"deploymentId": record.id})),
        )
        .before(new_deployment)
        .done(started),
        get("GetDeployment", "deploymentId", Shows::In("deploymentInfo")),
        run("BatchGetDeployments", batch),
        run("ListDeployments", list),
        run("StopDeployment", stop),
        run("ContinueDeployment", go_on),
        run("SkipWaitTimeForInstanceTermination", |call| {
            call.input
                .insert("deploymentWaitType".into(), json!("TERMINATION_WAIT"));
            go_on(call)
        }),
        run("ListDeploymentTargets", targets::list),
        run("GetDeploymentTarget", targets::get),
        run("BatchGetDeploymentTargets", targets::batch),
    ],
    ..Kind::NEW
};

/// Has it come to its end?
pub(super) fn is_over(deployment: &Record) -> bool {
    ["Succeeded", "Failed", "Stopped"]
        .iter()
        .any(|status| deployment.is("status", status))
}

fn new_deployment(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    call.need(
        APPLICATION.name,
        call.text("applicationName").unwrap_or_default(),
    )?;
    let name = call.text("deploymentGroupName").unwrap_or_default();
    let group = call.need(GROUP.name, name)?.clone();
    let active = call
        .list(DEPLOYMENT.name)
        .find(|other| groups::id_of(&other.body) == group.id && !is_over(other));
    if let Some(active) = active {
        let names = [
            ("group", group.text("deploymentGroupName")),
            ("id", &active.id),
        ];
        return Err(ONE_AT_A_TIME.fault.with(&names));
    }
    let last = group.body.get("targetRevision");
    if let Some(last) = last {
        members.insert("previousRevision".into(), last.clone());
        members.entry("revision").or_insert(last.clone());
    }
    if !members.contains_key("revision") {
        return Err(REVISION.fault.with(&[]));
    }
    for name in [
        "deploymentConfigName",
        "autoRollbackConfiguration",
        "deploymentStyle",
        "blueGreenDeploymentConfiguration",
        "loadBalancerInfo",
        "computePlatform",
    ] {
        if let (Some(own), false) = (group.body.get(name), members.contains_key(name)) {
            members.insert(name.to_owned(), own.clone());
        }
    }
    let none = json!({"enabled": false, "events": []});
    members.entry("autoRollbackConfiguration").or_insert(none);
    groups::of_platform(
        call,
        group.text("computePlatform"),
        path::text(members, "deploymentConfigName").unwrap_or_default(),
    )?;
    if group.is("computePlatform", ECS) {
        let revision = members.get("revision").cloned().unwrap_or_default();
        services::revision(call, &revision)
            .map_err(|message| WELL_FORMED.fault.with(&[("message", &message)]))?;
    }
    if group.is("computePlatform", LAMBDA) {
        return Err(Refusal::new(
            "NotImplemented",
            "The simulated AWS does not deploy functions.",
        )
        .status(501));
    }
    Ok(())
}

pub(super) fn started(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let now = call.now;
    call.world.update(key, |deployment| {
        let overview = json!({"Pending": 0, "InProgress": 0, "Succeeded": 0, "Failed": 0, "Skipped": 0, "Ready": 0});
        deployment.set("deploymentOverview", overview);
        deployment.steps.push(Step::event(now + 2.0, "begins"));
    });
    note(call, key, "lastAttemptedDeployment");
    Ok(())
}

fn on_event(call: &mut Call, key: &Key, event: &str) {
    let Some(deployment) = call.world.get(key).cloned() else {
        return;
    };
    if is_over(&deployment) {
        return;
    }
    if event == "begins" {
        let now = call.now;
        call.world.update(key, |deployment| {
            deployment.set("status", "InProgress");
            deployment.set("startTime", now);
        });
        note(call, key, "lastAttemptedDeployment");
    }
    if deployment.is("computePlatform", SERVER) {
        hosts::advance(call, key, event);
    } else if deployment.is("computePlatform", ECS) {
        services::advance(call, key);
    }
}

/// Ends a deployment, and tells its group.
pub(super) fn end(call: &mut Call, key: &Key, status: &str, error: Option<(&str, &str)>) {
    let now = call.now;
    call.world.update(key, |deployment| {
        deployment.set("status", status);
        deployment.set("completeTime", now);
        deployment.steps.clear();
        if let Some((code, message)) = error {
            deployment.set(
                "errorInformation",
                json!({"code": code, "message": message}),
            );
        }
    });
    note(call, key, "lastAttemptedDeployment");
    if status == "Succeeded" {
        note(call, key, "lastSuccessfulDeployment");
    }
}

/// Keeps with its group how a deployment stands.
fn note(call: &mut Call, key: &Key, member: &str) {
    let Some(deployment) = call.world.get(key).cloned() else {
        return;
    };
    let mut info = Map::new();
    for (told, own) in [
        ("deploymentId", "deploymentId"),
        ("status", "status"),
        ("createTime", "createTime"),
        ("endTime", "completeTime"),
    ] {
        if let Some(value) = deployment.body.get(own) {
            info.insert(told.to_owned(), value.clone());
        }
    }
    let revision = deployment.body.get("revision").cloned();
    let group = groups::id_of(&deployment.body);
    call.update(GROUP.name, &group, |group| {
        group.set(member, Json::Object(info));
        if let (Some(revision), "lastSuccessfulDeployment") = (revision, member) {
            group.set("targetRevision", revision);
        }
    });
}

fn batch(call: &mut Call) -> Answer {
    let ids = call.texts("deploymentIds[]");
    let found = ids.iter().filter_map(|id| call.find(DEPLOYMENT.name, id));
    let shown: Vec<Json> = found
        .map(|deployment| call.show(DEPLOYMENT.name, deployment))
        .collect();
    Ok(json!({"deploymentsInfo": shown}))
}

/// The newest first.
fn list(call: &mut Call) -> Answer {
    let application = call.text("applicationName");
    let group = call.text("deploymentGroupName");
    if application.is_some() != group.is_some() {
        let code = match application {
            None => "ApplicationNameRequiredException",
            Some(_) => "DeploymentGroupNameRequiredException",
        };
        let message = "applicationName and deploymentGroupName go together.";
        return Err(Refusal::new(code, message));
    }
    if let (Some(application), Some(group)) = (application, group) {
        call.need(APPLICATION.name, application)?;
        call.need(GROUP.name, group)?;
    }
    let statuses = call.texts("includeOnlyStatuses[]");
    let time = |name: &str| {
        let found = path::pick(&call.input, &format!("createTimeRange.{name}"));
        found.first().and_then(|time| time.as_f64())
    };
    let (from, to) = (time("start"), time("end"));
    let mut found: Vec<&Record> = call
        .list(DEPLOYMENT.name)
        .filter(|one| {
            application.is_none_or(|name| one.is("applicationName", name))
                && group.is_none_or(|name| one.is("deploymentGroupName", name))
                && (statuses.is_empty() || statuses.iter().any(|status| one.is("status", status)))
                && from.is_none_or(|from| one.created >= from)
                && to.is_none_or(|to| one.created <= to)
        })
        .collect();
    found.sort_by(|a, b| b.created.total_cmp(&a.created).then(b.id.cmp(&a.id)));
    let ids = found.into_iter().map(|one| one.id.clone());
    listing(call, "deployments", ids).map(Json::Object)
}

fn stop(call: &mut Call) -> Answer {
    let id = call.text("deploymentId").unwrap_or_default().to_owned();
    let deployment = call.need(DEPLOYMENT.name, &id)?.clone();
    let key = call.key(DEPLOYMENT.name, &id);
    if deployment.is("computePlatform", ECS) {
        let back = call.input.get("autoRollbackEnabled") == Some(&json!(true));
        services::stop(call, &key, back);
    } else {
        let error = ("MANUAL_STOP", "The deployment was stopped by the user.");
        end(call, &key, "Stopped", Some(error));
    }
    Ok(json!({"status": "Succeeded", "statusMessage": "The deployment was stopped."}))
}

/// Ends a wait before its time.
fn go_on(call: &mut Call) -> Answer {
    let id = call.text("deploymentId").unwrap_or_default().to_owned();
    let deployment = call.need(DEPLOYMENT.name, &id)?.clone();
    let wait = call
        .text("deploymentWaitType")
        .unwrap_or("READY_WAIT")
        .to_owned();
    let stage = deployment.hidden.get("stage").and_then(Json::as_str);
    let waits = match wait.as_str() {
        "READY_WAIT" => deployment.is("status", "Ready"),
        _ => stage == Some("wait"),
    };
    if !waits {
        return Err(WAITS.fault.with(&[("id", &id)]));
    }
    let at = call.now;
    call.update(DEPLOYMENT.name, &id, |deployment| {
        deployment
            .hidden
            .insert(format!("continued {wait}"), json!(true));
        deployment.steps = vec![Step::event(at, "continues")];
    });
    Ok(json!({}))
}
