//! Service revisions and service deployments: what ECS itself has deployed of a service, and how.

use super::service::SERVICE;
use super::{invalid, keep, rollout, stages};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Reference, run};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// What is over cannot be stopped.
pub const RUNS: Law = Law {
    name: "only a service deployment in progress is stopped",
    operations: &["StopServiceDeployment"],
    source: "Amazon ECS API Reference, StopServiceDeployment, Errors: ConflictException",
    fault: Fault::new(
        "ConflictException",
        "The service deployment {id} is in the status {status} and cannot be stopped.",
    ),
    check: None,
};

/// What a service looked like when it was deployed.
pub const REVISION: Kind = Kind {
    name: "ecs/service-revision",
    id: Id::Made(|_, body, digits| {
        let number = u64::from_str_radix(&digits[..15], 16).unwrap_or_default();
        let service = path::text(body, "serviceId").unwrap_or_default();
        Ok(format!("{service}/{number:019}"))
    }),
    arn: "arn:{partition}:ecs:{region}:{account}:service-revision/{id}",
    arn_member: "serviceRevisionArn",
    created_member: "createdAt",
    refers: &[Reference::new("serviceArn", "ecs/service")
        .loose()
        .unchecked()],
    operations: &[run("DescribeServiceRevisions", |call| {
        described(
            call,
            REVISION.name,
            "serviceRevisionArns[]",
            "serviceRevisions",
        )
    })],
    ..Kind::NEW
};

/// A deployment of a service by ECS.
pub const DEPLOYMENT: Kind = Kind {
    name: "ecs/service-deployment",
    id: Id::Made(|_, body, digits| {
        let service = path::text(body, "serviceId").unwrap_or_default();
        Ok(format!("{service}/{}", &digits[..21]))
    }),
    arn: "arn:{partition}:ecs:{region}:{account}:service-deployment/{id}",
    arn_member: "serviceDeploymentArn",
    created_member: "createdAt",
    refers: &[Reference::new("serviceArn", "ecs/service")
        .loose()
        .unchecked()],
    not_found: Fault::new(
        "ServiceDeploymentNotFoundException",
        "The service deployment {id} was not found.",
    ),
    show: Some(show),
    operations: &[
        run("ListServiceDeployments", list),
        run("DescribeServiceDeployments", |call| {
            described(
                call,
                DEPLOYMENT.name,
                "serviceDeploymentArns[]",
                "serviceDeployments",
            )
        }),
        run("StopServiceDeployment", stop),
    ],
    ..Kind::NEW
};

/// Members of a service that a revision keeps.
const KEPT: [&str; 10] = [
    "taskDefinition",
    "capacityProviderStrategy",
    "launchType",
    "platformVersion",
    "platformFamily",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
    "serviceConnectConfiguration",
    "volumeConfigurations",
];

fn hidden<'a>(record: &'a Record, name: &str) -> &'a str {
    record
        .hidden
        .get(name)
        .and_then(Json::as_str)
        .unwrap_or_default()
}

/// The service deployment of a deployment that `DescribeServices` lists.
pub(super) fn of(call: &Call, service: &str, deployment: &str) -> Option<Record> {
    call.list_where(DEPLOYMENT.name, "serviceArn", service)
        .find(|one| hidden(one, "deployment") == deployment)
        .cloned()
}

/// Writes down the deployment that has begun, once.
pub(super) fn open(call: &mut Call, key: &Key) {
    let Some(service) = call.world.get(key).cloned() else {
        return;
    };
    let Some(first) = service.list("deployments").first().cloned() else {
        return;
    };
    let id = first["id"].as_str().unwrap_or_default().to_owned();
    if hidden(&service, "opened") == id {
        return;
    }
    // A rollback is told as part of the service deployment that it undoes.
    if first["rolloutStateReason"]
        .as_str()
        .is_some_and(|reason| reason.contains(rollout::ROLLING_BACK))
    {
        call.world.update(key, |service| {
            service.hidden.insert("opened".into(), json!(id));
        });
        return;
    }
    let superseded: Vec<String> = call
        .list_where(DEPLOYMENT.name, "serviceArn", &service.arn)
        .filter(|one| !one.body.contains_key("finishedAt"))
        .map(|one| hidden(one, "deployment").to_owned())
        .collect();
    for older in superseded {
        close(
            call,
            key,
            &older,
            "STOPPED",
            "A newer service deployment was started.",
        );
    }
    let mut members = Map::new();
    for name in KEPT {
        if let Some(value) = service.body.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    for (name, value) in [("serviceArn", &service.arn), ("serviceId", &service.id)] {
        members.insert(name.to_owned(), json!(value));
    }
    members.insert("clusterArn".into(), json!(service.text("clusterArn")));
    let source = hidden(&service, "revision").to_owned();
    let revision = match call.make(REVISION.name, Json::Object(members)) {
        Ok(made) => made.arn,
        Err(refusal) => {
            tracing::debug!(%refusal, "a service revision");
            return;
        }
    };
    let configuration = service.body.get("deploymentConfiguration").cloned();
    let sources: Vec<Json> = (!source.is_empty())
        .then(|| json!({"arn": source}))
        .into_iter()
        .collect();
    let made = call.make(
        DEPLOYMENT.name,
        json!({
            "serviceArn": service.arn, "serviceId": service.id, "clusterArn": service.text("clusterArn"), "startedAt": call.now,
            "updatedAt": call.now, "status": "IN_PROGRESS", "sourceServiceRevisions": sources, "targetServiceRevision": {"arn": revision},
            "deploymentConfiguration": configuration,
        }),
    );
    match made {
        Ok(made) => {
            call.update(DEPLOYMENT.name, &made.id, |deployment| {
                deployment.hidden.insert("deployment".into(), json!(id));
                deployment.hidden.insert("weight".into(), json!(0.0));
                deployment.hidden.insert("test weight".into(), json!(0.0));
            });
            call.world.update(key, |service| {
                service.hidden.insert("opened".into(), json!(id));
                service.set("currentServiceDeployment", made.arn);
            });
        }
        Err(refusal) => tracing::debug!(%refusal, "a service deployment"),
    }
}

/// Writes down how a deployment ended.
pub(super) fn close(call: &mut Call, key: &Key, deployment: &str, status: &str, reason: &str) {
    let Some(service) = call.world.get(key).cloned() else {
        return;
    };
    let Some(closed) = of(call, &service.arn, deployment) else {
        return;
    };
    let now = call.now;
    call.update(DEPLOYMENT.name, &closed.id, |one| {
        one.set("status", status);
        one.set("finishedAt", now);
        one.set("updatedAt", now);
        one.set("lifecycleStage", Json::Null);
        if !reason.is_empty() {
            one.set("statusReason", reason);
        }
    });
    let revision = closed.text("targetServiceRevision.arn").to_owned();
    call.world.update(key, |service| {
        if status == "SUCCESSFUL" {
            service.hidden.insert("revision".into(), json!(revision));
        }
        service.set("currentServiceDeployment", Json::Null);
    });
}

/// A deployment is being undone.
pub(super) fn rolls_back(call: &mut Call, service: &str, deployment: &str, reason: &str) {
    let Some(one) = of(call, service, deployment) else {
        return;
    };
    let source = one.list("sourceServiceRevisions").first();
    let source = source.map(|source| source["arn"].clone());
    let now = call.now;
    call.update(DEPLOYMENT.name, &one.id, |one| {
        one.set("status", "ROLLBACK_IN_PROGRESS");
        one.set("statusReason", reason);
        one.set("updatedAt", now);
        one.set(
            "rollback",
            json!({"reason": reason, "startedAt": now, "serviceRevisionArn": source}),
        );
    });
}

/// What was being undone is.
pub(super) fn rolled_back(call: &mut Call, key: &Key) {
    let Some(service) = call.world.get(key).cloned() else {
        return;
    };
    let undone = call
        .list_where(DEPLOYMENT.name, "serviceArn", &service.arn)
        .find(|one| one.is("status", "ROLLBACK_IN_PROGRESS"))
        .map(|one| {
            (
                hidden(one, "deployment").to_owned(),
                one.text("statusReason").to_owned(),
            )
        });
    if let Some((id, reason)) = undone {
        close(call, key, &id, "ROLLBACK_SUCCESSFUL", &reason);
    }
}

/// What gave a deployment up.
pub(super) fn triggered(call: &mut Call, service: &str, deployment: &str, what: &str, told: Json) {
    if let Some(one) = of(call, service, deployment) {
        call.update(DEPLOYMENT.name, &one.id, |one| {
            one.hidden.insert(what.to_owned(), told);
        });
    }
}

fn show(call: &Call, deployment: &Record, body: &mut Map<String, Json>) {
    let service = call.find_any(SERVICE.name, deployment.text("serviceArn"));
    let own = hidden(deployment, "deployment");
    let weight = |name: &str| {
        let weight = deployment.hidden.get(name).and_then(Json::as_f64);
        weight.unwrap_or_default()
    };
    let shifts = service.is_some_and(stages::shifts);
    let counts = |id: &str| service.map(|service| keep::count(call, &service.arn, id));
    let desired = service.and_then(|service| service.body.get("desiredCount").cloned());
    let add = |summary: &mut Json, id: &str, production: f64, test: f64| {
        let count = counts(id).unwrap_or_default();
        summary["requestedTaskCount"] = desired.clone().unwrap_or(json!(0));
        summary["runningTaskCount"] = json!(count.running);
        summary["pendingTaskCount"] = json!(count.pending);
        if shifts {
            summary["requestedProductionTrafficWeight"] = json!(production);
            summary["requestedTestTrafficWeight"] = json!(test);
        }
    };
    let (production, test) = (weight("weight"), weight("test weight"));
    if let Some(target) = body.get_mut("targetServiceRevision") {
        add(target, own, production, test);
    }
    let older = service.and_then(|service| {
        let other = |one: &&Json| one["id"] != json!(own);
        let older = service.list("deployments").iter().find(other)?;
        older["id"].as_str().map(str::to_owned)
    });
    if let Some(Json::Array(sources)) = body.get_mut("sourceServiceRevisions") {
        for source in sources {
            let id = older.clone().unwrap_or_default();
            add(source, &id, 100.0 - production, 100.0 - test);
        }
    }
    let configuration = deployment.body.get("deploymentConfiguration");
    let enabled = |name: &str| {
        configuration.is_some_and(|configuration| configuration[name]["enable"] == json!(true))
    };
    let over = deployment.body.contains_key("finishedAt");
    let state = |enabled: bool, triggered: bool| match (enabled, triggered, over) {
        (false, ..) => "DISABLED",
        (_, true, _) => "TRIGGERED",
        (_, _, true) => "MONITORING_COMPLETE",
        _ => "MONITORING",
    };
    let first = service.and_then(|service| {
        let mine = |one: &&Json| one["id"] == json!(own);
        service.list("deployments").iter().find(mine).cloned()
    });
    let wanted = desired.and_then(|desired| desired.as_u64());
    body.insert(
        "deploymentCircuitBreaker".into(),
        json!({
            "status": state(enabled("deploymentCircuitBreaker"), deployment.hidden.contains_key("breaker")),
            "failureCount": first.map_or(json!(0), |first| first["failedTasks"].clone()),
            "threshold": rollout::threshold(wanted.unwrap_or_default()),
        }),
    );
    let names = configuration
        .map(|configuration| configuration["alarms"]["alarmNames"].clone())
        .filter(Json::is_array);
    body.insert(
        "alarms".into(),
        json!({
            "status": state(enabled("alarms"), deployment.hidden.contains_key("alarms")),
            "alarmNames": names.unwrap_or(json!([])),
            "triggeredAlarmNames": deployment.hidden.get("alarms").cloned().unwrap_or(json!([])),
        }),
    );
}

fn described(call: &mut Call, kind: &str, names: &str, member: &str) -> Answer {
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for arn in call.texts(names) {
        match call.find_any(kind, &arn) {
            Some(record) => shown.push(call.show(kind, record)),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({member: shown, "failures": failures}))
}

/// The newest first.
fn list(call: &mut Call) -> Answer {
    let name = call.text("service").unwrap_or_default();
    let service = call
        .find_any(SERVICE.name, name)
        .ok_or_else(|| SERVICE.not_found.with(&[("id", name)]))?
        .arn
        .clone();
    let statuses = call.texts("status[]");
    let time = |name: &str| {
        let found = path::pick(&call.input, &format!("createdAt.{name}"));
        found.first().and_then(|time| time.as_f64())
    };
    let (before, after) = (time("before"), time("after"));
    let mut found: Vec<&Record> = call
        .list_where(DEPLOYMENT.name, "serviceArn", &service)
        .filter(|one| {
            (statuses.is_empty() || statuses.iter().any(|status| one.is("status", status)))
                && before.is_none_or(|before| one.created < before)
                && after.is_none_or(|after| one.created > after)
        })
        .collect();
    found.sort_by(|a, b| b.created.total_cmp(&a.created));
    let brief = |one: &Record| {
        let mut brief = one.body.clone();
        brief.insert(
            "targetServiceRevisionArn".into(),
            json!(one.text("targetServiceRevision.arn")),
        );
        Json::Object(brief)
    };
    // In the order of time whatever the identifiers are.
    let mut shown: Vec<(String, Json)> = found
        .iter()
        .enumerate()
        .map(|(at, one)| (format!("{at:08}"), brief(one)))
        .collect();
    let paging = Paging::lower_next_token(20, (1, 100));
    let declared = registry::service("ecs").unwrap_or(&super::SERVICE);
    let next = filter::page(call, declared, &paging, false, "", &mut shown)?;
    let mut answer =
        json!({"serviceDeployments": shown.into_iter().map(|(_, one)| one).collect::<Vec<Json>>()});
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn stop(call: &mut Call) -> Answer {
    let arn = call
        .text("serviceDeploymentArn")
        .unwrap_or_default()
        .to_owned();
    let deployment = call.need(DEPLOYMENT.name, &arn)?.clone();
    if !deployment.is("status", "IN_PROGRESS") {
        let names = [("id", arn.as_str()), ("status", deployment.text("status"))];
        return Err(RUNS.fault.with(&names));
    }
    let back = call.text("stopType").unwrap_or("ROLLBACK") == "ROLLBACK";
    let service = call
        .find(SERVICE.name, deployment.text("serviceArn"))
        .map(|service| service.id.clone())
        .ok_or_else(|| invalid("The service is not active."))?;
    let key = call.key(SERVICE.name, &service);
    let now = call.now;
    call.update(DEPLOYMENT.name, &deployment.id, |one| {
        one.set("stoppedAt", now)
    });
    let reason = "Service deployment was stopped by the user.";
    rollout::give_up(call, &key, reason, back);
    Ok(json!({"serviceDeploymentArn": arn}))
}

/// What is refused of a configuration whose parts do not fit.
pub(super) fn check(members: &Map<String, Json>) -> Result<(), Refusal> {
    let configuration = "deploymentConfiguration";
    let strategy = path::text(members, &format!("{configuration}.strategy")).unwrap_or("ROLLING");
    for (own, member) in [
        ("LINEAR", "linearConfiguration"),
        ("CANARY", "canaryConfiguration"),
    ] {
        let there = !path::pick(members, &format!("{configuration}.{member}")).is_empty();
        if there && strategy != own {
            return Err(invalid(format!(
                "{member} is only supported with the deployment strategy {own}."
            )));
        }
    }
    if strategy == "ROLLING" {
        return Ok(());
    }
    let controller = path::text(members, "deploymentController.type").unwrap_or("ECS");
    if controller != "ECS" {
        return Err(invalid(format!(
            "The deployment strategy {strategy} is only supported with the ECS deployment controller."
        )));
    }
    let balancers = path::pick(members, "loadBalancers[]");
    let complete = |balancer: &&Json| {
        [
            "alternateTargetGroupArn",
            "productionListenerRule",
            "roleArn",
        ]
        .iter()
        .all(|name| balancer["advancedConfiguration"][*name].is_string())
    };
    if balancers.iter().any(|balancer| !complete(balancer)) {
        return Err(invalid(format!(
            "advancedConfiguration field is required for all loadBalancers when using a {strategy} deployment strategy."
        )));
    }
    Ok(())
}
