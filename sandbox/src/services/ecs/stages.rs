//! Blue/green, linear and canary deployments by ECS itself: two sides, the traffic between them, stage by stage (Amazon ECS Developer
//! Guide, Amazon ECS blue/green service deployments workflow).

use super::service::say;
use super::service_deployments::{self as records, DEPLOYMENT};
use super::{images, keep, rollout};
use crate::call::Call;
use crate::path;
use crate::services::elbv2::shift::{self, Route};
use crate::services::iam;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

const STAGES: [&str; 10] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
    "BAKE_TIME",
    "CLEAN_UP",
];

/// How often a deployment is looked at, and how long a hook's function takes, in seconds.
const LOOKS: f64 = 10.0;
const HOOK: f64 = 5.0;

/// Does ECS shift traffic between two target groups of this service?
pub(super) fn shifts(service: &Record) -> bool {
    service.is("deploymentController.type", "ECS")
        && ["BLUE_GREEN", "LINEAR", "CANARY"]
            .iter()
            .any(|strategy| service.is("deploymentConfiguration.strategy", strategy))
}

fn text(of: &Json, name: &str) -> String {
    of[name].as_str().unwrap_or_default().to_owned()
}

/// The target groups of a side: the declared ones for `blue`, their alternates for `green`.
fn side(service: &Record, green: bool) -> Json {
    let balancers = service.list("loadBalancers").iter().cloned();
    balancers
        .map(|mut balancer| {
            let alternate = balancer["advancedConfiguration"]["alternateTargetGroupArn"].clone();
            if green && alternate.is_string() {
                balancer["targetGroupArn"] = alternate;
            }
            balancer
        })
        .collect()
}

/// Where the next deployment goes: away from what serves.
pub(super) fn next_side(service: &Record) -> &'static str {
    let serving = service
        .list("deployments")
        .iter()
        .find(|one| one["rolloutState"] == json!("COMPLETED"));
    if serving.is_some_and(is_green) {
        "blue"
    } else {
        "green"
    }
}

/// Is this deployment's side the green one? The first deployment goes there (observed: go-to-k/cdk-real-drift issue 1730), each
/// later one to the other side.
fn is_green(deployment: &Json) -> bool {
    deployment["side"] != json!("blue")
}

/// Brings the service nearer to what it shall be.
pub(super) fn reconcile(call: &mut Call, key: &Key, service: &Record) {
    let deployments = service.list("deployments").to_vec();
    let Some(first) = deployments.first().cloned() else {
        return;
    };
    let desired = service.body.get("desiredCount").and_then(Json::as_u64);
    for (at, deployment) in deployments.iter().enumerate() {
        let id = text(deployment, "id");
        let failed = deployment["rolloutState"] == json!("FAILED");
        let gone = failed && at > 0 || deployment["status"] == json!("INACTIVE");
        let mut own = Map::new();
        for name in [
            "networkConfiguration",
            "launchType",
            "capacityProviderStrategy",
        ] {
            if let Some(value) = deployment.get(name) {
                own.insert(name.to_owned(), value.clone());
            }
        }
        own.insert("loadBalancers".into(), side(service, is_green(deployment)));
        let members = keep::members(service, &own);
        let definition = text(deployment, "taskDefinition");
        let waits = at == 0
            && deployment["rolloutState"] == json!("IN_PROGRESS")
            && before_scale_up(call, service, &id);
        let part = keep::Part {
            id: &id,
            definition: &definition,
            members: &members,
            desired: if gone || failed || waits {
                0
            } else {
                desired.unwrap_or_default()
            },
        };
        let is_steady = keep::keep(call, key, service, &part);
        if gone && is_steady {
            call.world.update(key, |service| {
                service
                    .list_mut("deployments")
                    .retain(|one| one["id"] != json!(id));
            });
            if failed {
                records::rolled_back(call, key);
            }
        }
    }
    if first["rolloutState"] == json!("IN_PROGRESS") {
        advance(call, key, &text(&first, "id"));
    }
}

fn before_scale_up(call: &Call, service: &Record, id: &str) -> bool {
    let stage = records::of(call, &service.arn, id);
    let stage = stage.as_ref().map_or("", |one| one.text("lifecycleStage"));
    ["", "RECONCILE_SERVICE", "PRE_SCALE_UP"].contains(&stage)
}

/// Goes through the stages as far as it can now.
fn advance(call: &mut Call, key: &Key, id: &str) {
    loop {
        let Some(service) = call.world.get(key).cloned() else {
            return;
        };
        let Some(record) = records::of(call, &service.arn, id) else {
            return;
        };
        if !record.is("status", "IN_PROGRESS") {
            return;
        }
        if let Some((reason, back)) = rollout::trouble(call, &service) {
            rollout::give_up(call, key, &reason, back);
            return;
        }
        let stage = record.text("lifecycleStage").to_owned();
        let since = record.hidden.get("since").and_then(Json::as_f64);
        let since = since.unwrap_or(call.now);
        match work(call, &service, &record, &stage, since) {
            Ok(None) => {
                let at = STAGES.iter().position(|one| *one == stage);
                let next = match at {
                    None => Some(STAGES[0]),
                    Some(at) => STAGES.get(at + 1).copied(),
                };
                let Some(next) = next else {
                    return finish(call, key, id);
                };
                let now = call.now;
                call.update(DEPLOYMENT.name, &record.id, |one| {
                    one.set("lifecycleStage", next);
                    one.set("updatedAt", now);
                    one.hidden.insert("since".into(), json!(now));
                });
                if next == "CLEAN_UP" {
                    retire(call, key, id);
                }
            }
            Ok(Some(seconds)) => {
                let at = call.now + seconds;
                call.world
                    .update(key, |service| rollout::schedule(service, at));
                return;
            }
            Err(reason) => return rollout::give_up(call, key, &reason, true),
        }
    }
}

/// One stage: how many seconds it still takes, or that it is over.
fn work(
    call: &mut Call,
    service: &Record,
    record: &Record,
    stage: &str,
    since: f64,
) -> Result<Option<f64>, String> {
    if let Some(left) = hooks(call, service, record, stage, since)? {
        return Ok(Some(left));
    }
    match stage {
        "SCALE_UP" => {
            if !record.hidden.contains_key("attached") {
                swing(call, service, record, "productionListenerRule", 0.0)?;
                call.update(DEPLOYMENT.name, &record.id, |one| {
                    one.hidden.insert("attached".into(), json!(true));
                });
            }
            let own = record.hidden.get("deployment").and_then(Json::as_str);
            let count = keep::count(call, &service.arn, own.unwrap_or_default());
            let desired = service.body.get("desiredCount").and_then(Json::as_u64);
            let steady = count.healthy == desired.unwrap_or_default() && count.pending == 0;
            Ok((!steady).then_some(LOOKS))
        }
        "TEST_TRAFFIC_SHIFT" => {
            swing(call, service, record, "testListenerRule", 100.0)?;
            call.update(DEPLOYMENT.name, &record.id, |one| {
                one.hidden.insert("test weight".into(), json!(100.0));
            });
            Ok(None)
        }
        "PRODUCTION_TRAFFIC_SHIFT" => {
            let shares = shares(service, record);
            let due = shares
                .iter()
                .rev()
                .find(|(seconds, _)| call.now >= since + seconds)
                .map_or(0.0, |(_, share)| *share);
            if record.hidden.get("weight").and_then(Json::as_f64) != Some(due) {
                swing(call, service, record, "productionListenerRule", due)?;
                call.update(DEPLOYMENT.name, &record.id, |one| {
                    one.hidden.insert("weight".into(), json!(due));
                });
            }
            let later = shares.iter().map(|(seconds, _)| since + seconds);
            let next = later.filter(|at| *at > call.now).fold(f64::MAX, f64::min);
            Ok((due < 100.0).then(|| LOOKS.min(next - call.now)))
        }
        "BAKE_TIME" => {
            let minutes = number(service, "bakeTimeInMinutes");
            // Without a side before it there is nothing to go back to.
            let bakes = !record.list("sourceServiceRevisions").is_empty();
            let until = since + if bakes { minutes * 60.0 } else { 0.0 };
            Ok((call.now < until).then(|| LOOKS.min(until - call.now)))
        }
        "CLEAN_UP" => {
            let others = service.list("deployments").len();
            Ok((others > 1).then_some(LOOKS))
        }
        _ => Ok(None),
    }
}

fn number(service: &Record, name: &str) -> f64 {
    let found = path::pick(&service.body, &format!("deploymentConfiguration.{name}"));
    found
        .first()
        .and_then(|number| number.as_f64())
        .unwrap_or_default()
}

/// Shares of traffic and the seconds at which they are reached (API_LinearConfiguration, API_CanaryConfiguration: their defaults).
fn shares(service: &Record, record: &Record) -> Vec<(f64, f64)> {
    let or = |found: f64, default: f64| if found > 0.0 { found } else { default };
    let first = record.list("sourceServiceRevisions").is_empty();
    match service.text("deploymentConfiguration.strategy") {
        _ if first => vec![(0.0, 100.0)],
        "LINEAR" => {
            let step = or(number(service, "linearConfiguration.stepPercent"), 10.0);
            let minutes = or(
                number(service, "linearConfiguration.stepBakeTimeInMinutes"),
                6.0,
            );
            let steps = (100.0 / step).ceil().max(1.0) as u32;
            (1..=steps)
                .map(|at| {
                    (
                        f64::from(at - 1) * minutes * 60.0,
                        (f64::from(at) * step).min(100.0),
                    )
                })
                .collect()
        }
        "CANARY" => {
            let share = or(number(service, "canaryConfiguration.canaryPercent"), 5.0);
            let minutes = or(
                number(service, "canaryConfiguration.canaryBakeTimeInMinutes"),
                10.0,
            );
            vec![(0.0, share), (minutes * 60.0, 100.0)]
        }
        _ => vec![(0.0, 100.0)],
    }
}

/// So many percent to the side that is deployed, in the rules of each load balancer.
fn swing(
    call: &mut Call,
    service: &Record,
    record: &Record,
    rule: &str,
    percent: f64,
) -> Result<(), String> {
    let own = record.hidden.get("deployment").cloned().unwrap_or_default();
    let deployment = service
        .list("deployments")
        .iter()
        .find(|one| one["id"] == own);
    let green = deployment.is_none_or(is_green);
    // Nothing serves yet before the first one: its own side has it all from the start.
    let first = record.list("sourceServiceRevisions").is_empty();
    let percent = if first { 100.0 } else { percent }
        .clamp(0.0, 100.0)
        .round() as u64;
    for balancer in service.list("loadBalancers") {
        let advanced = &balancer["advancedConfiguration"];
        let (Some(arn), Some(blue), Some(alternate)) = (
            advanced[rule].as_str(),
            balancer["targetGroupArn"].as_str(),
            advanced["alternateTargetGroupArn"].as_str(),
        ) else {
            continue;
        };
        if let Some(role) = advanced["roleArn"].as_str()
            && !iam::role_is_assumable(call, role, "ecs.amazonaws.com")
        {
            return Err(format!(
                "ECS was unable to assume the role '{role}' that was provided for the load balancer."
            ));
        }
        let weights = if green {
            [100 - percent, percent]
        } else {
            [percent, 100 - percent]
        };
        let route = if arn.contains(":listener/") {
            Route::Listener(arn)
        } else {
            Route::Rule(arn)
        };
        let swung = shift::swing(call, route, [blue, alternate], weights).map_err(|refusal| {
            format!("The listener rule cannot be changed: {}", refusal.message)
        })?;
        if swung == 0 {
            return Err(format!(
                "The listener rule {arn} does not forward to the target groups of the service."
            ));
        }
    }
    Ok(())
}

/// Functions that a stage calls. What they do is not simulated: they succeed unless they are called bad or are not there.
fn hooks(
    call: &mut Call,
    service: &Record,
    record: &Record,
    stage: &str,
    since: f64,
) -> Result<Option<f64>, String> {
    let hooks = path::pick(&service.body, "deploymentConfiguration.lifecycleHooks[]");
    let mine: Vec<Json> = hooks
        .into_iter()
        .filter(|hook| {
            hook["lifecycleStages"]
                .as_array()
                .is_some_and(|stages| stages.contains(&json!(stage)))
        })
        .cloned()
        .collect();
    if mine.is_empty() {
        return Ok(None);
    }
    let told = |status: &str| -> Json {
        mine.iter()
            .map(|hook| json!({"targetType": hook.get("targetType").cloned().unwrap_or(json!("AWS_LAMBDA")), "targetArn": hook["hookTargetArn"], "status": status}))
            .collect()
    };
    if call.now < since + HOOK {
        let running = told("IN_PROGRESS");
        call.update(DEPLOYMENT.name, &record.id, |one| {
            one.set("lifecycleHookDetails", running)
        });
        return Ok(Some(since + HOOK - call.now));
    }
    for hook in &mine {
        let arn = hook["hookTargetArn"].as_str().unwrap_or_default();
        let role = hook["roleArn"].as_str().unwrap_or_default();
        let function = arn.rsplit(':').next().unwrap_or(arn).to_owned();
        let gone = call
            .call("lambda", "GetFunction", json!({"FunctionName": arn}))
            .is_err_and(|refusal| refusal.code == "ResourceNotFoundException");
        let assumed = role.is_empty() || iam::role_is_assumable(call, role, "ecs.amazonaws.com");
        if gone
            || !assumed
            || images::failure(call, &function).is_some()
            || images::failure(call, arn).is_some()
        {
            let failed = told("FAILED");
            call.update(DEPLOYMENT.name, &record.id, |one| {
                one.set("lifecycleHookDetails", failed)
            });
            return Err(format!(
                "Service deployment rolled back because the lifecycle hook {arn} failed at {stage}."
            ));
        }
    }
    let done = told("SUCCEEDED");
    call.update(DEPLOYMENT.name, &record.id, |one| {
        one.set("lifecycleHookDetails", done)
    });
    Ok(None)
}

/// The older sides go.
fn retire(call: &mut Call, key: &Key, id: &str) {
    let at = call.now + 1.0;
    call.world.update(key, |service| {
        for deployment in service.list_mut("deployments") {
            if deployment["id"] != json!(id) {
                deployment["status"] = json!("INACTIVE");
                deployment["desiredCount"] = json!(0);
            }
        }
        rollout::schedule(service, at);
    });
}

fn finish(call: &mut Call, key: &Key, id: &str) {
    let now = call.now;
    call.world.update(key, |service| {
        if let Some(first) = service.list_mut("deployments").first_mut() {
            first["rolloutState"] = json!("COMPLETED");
            first["rolloutStateReason"] = json!(format!("ECS deployment {id} completed."));
            first["updatedAt"] = json!(now);
        }
    });
    records::close(call, key, id, "SUCCESSFUL", "");
    say(
        call,
        key,
        &format!("(deployment {id}) deployment completed."),
    );
    say(call, key, "has reached a steady state.");
}

/// All traffic to the side that served before, and the service as it was. Whether there was one.
pub(super) fn back(call: &mut Call, key: &Key, reason: &str) -> bool {
    let Some(service) = call.world.get(key).cloned() else {
        return false;
    };
    let deployments = service.list("deployments").to_vec();
    let Some(failed) = deployments.first().cloned() else {
        return false;
    };
    let id = text(&failed, "id");
    let older = deployments
        .iter()
        .find(|one| one["rolloutState"] == json!("COMPLETED"))
        .cloned();
    if let (Some(record), Some(_)) = (records::of(call, &service.arn, &id), &older) {
        for rule in ["productionListenerRule", "testListenerRule"] {
            if let Err(words) = swing(call, &service, &record, rule, 0.0) {
                say(call, key, &words);
            }
        }
        call.update(DEPLOYMENT.name, &record.id, |one| {
            one.hidden.insert("weight".into(), json!(0.0));
            one.hidden.insert("test weight".into(), json!(0.0));
        });
    }
    let at = call.now + 1.0;
    call.world.update(key, |service| {
        let deployments = service.list_mut("deployments");
        if let Some(first) = deployments.first_mut() {
            first["rolloutState"] = json!("FAILED");
            first["rolloutStateReason"] = json!(reason);
            first["status"] = json!(if older.is_some() { "ACTIVE" } else { "PRIMARY" });
        }
        if let Some(older) = &older {
            deployments.sort_by_key(|one| one["id"] != older["id"]);
            if let Some(first) = deployments.first_mut() {
                first["status"] = json!("PRIMARY");
            }
            for name in ["taskDefinition", "networkConfiguration"] {
                if let Some(value) = older.get(name) {
                    service.set(name, value.clone());
                }
            }
            service.hidden.insert("opened".into(), older["id"].clone());
        }
        rollout::schedule(service, at);
    });
    older.is_some()
}
