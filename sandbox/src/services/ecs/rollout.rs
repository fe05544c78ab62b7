//! How a service keeps its tasks running, and rolls out a new deployment.

use super::service::{deployment_id, say};
use super::task::{self, TASK};
use super::{keep, service_deployments as records, sets, stages};
use crate::call::Call;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// How long a deployment waits before it tries again what failed, in seconds: more each time, up to 27 minutes ("Service throttle
/// logic", Amazon ECS Developer Guide).
fn pause(failed: u64, desired: u64) -> f64 {
    let rounds = u32::try_from(failed / desired.max(1)).unwrap_or(u32::MAX);
    (10.0 * f64::from(2_u32.saturating_pow(rounds.min(8)))).min(27.0 * 60.0)
}

/// The hidden member that says until when nothing is tried again.
pub(super) const PAUSED: &str = "paused until";
/// The hidden member that counts what failed to start where no deployment does.
pub(super) const FAILURES: &str = "failures";

/// Until when nothing is tried again.
pub(super) fn paused(service: &Record, now: f64) -> Option<f64> {
    let until = service.hidden.get(PAUSED).and_then(Json::as_f64);
    until.filter(|until| *until > now)
}

/// Lets the service look after its tasks at this time, or earlier where that is planned.
pub fn schedule(service: &mut Record, at: f64) {
    let planned = service.steps.iter().filter(|step| step.event.is_some());
    if planned.map(|step| step.at).any(|planned| planned <= at) {
        return;
    }
    service.steps.retain(|step| step.event.is_none());
    service.steps.push(Step::event(at, "reconcile"));
}

/// Makes what the service now says its primary deployment.
pub fn deploy(service: &mut Record, digits: &str, now: f64) {
    let id = deployment_id(digits);
    let fargate = service.is("platformFamily", "Linux");
    let mut deployment = json!({
        "id": id, "status": "PRIMARY", "desiredCount": service.body.get("desiredCount"), "pendingCount": 0, "runningCount": 0,
        "failedTasks": 0, "createdAt": now, "updatedAt": now, "rolloutState": "IN_PROGRESS",
        "rolloutStateReason": format!("ECS deployment {id} in progress."),
    });
    if fargate {
        deployment["platformVersion"] = json!("1.4.0");
        deployment["platformFamily"] = json!("Linux");
    }
    for name in [
        "taskDefinition",
        "launchType",
        "capacityProviderStrategy",
        "networkConfiguration",
        "serviceConnectConfiguration",
        "volumeConfigurations",
        "vpcLatticeConfigurations",
    ] {
        if let Some(value) = service.body.get(name) {
            deployment[name] = value.clone();
        }
    }
    service.hidden.remove(PAUSED);
    service.hidden.remove(FAILURES);
    if stages::shifts(service) {
        deployment["side"] = json!(stages::next_side(service));
    }
    let deployments = service.list_mut("deployments");
    for older in deployments.iter_mut() {
        older["status"] = json!("ACTIVE");
    }
    deployments.insert(0, deployment);
}

/// A deployment counts what failed to start.
pub fn count_failure(service: &mut Record, id: &str, now: f64) {
    let desired = service.body.get("desiredCount").and_then(Json::as_u64);
    let before = service.hidden.get(FAILURES).and_then(Json::as_u64);
    let failed = before.unwrap_or_default() + 1;
    service.hidden.insert(FAILURES.into(), json!(failed));
    let mut until = now + pause(failed, desired.unwrap_or_default());
    for deployment in service.list_mut("deployments") {
        if deployment["id"] == json!(id) {
            let failed = deployment["failedTasks"].as_u64().unwrap_or_default();
            deployment["failedTasks"] = json!(failed + 1);
            until = now + pause(failed + 1, desired.unwrap_or_default());
        }
    }
    service.hidden.insert(PAUSED.into(), json!(until));
}

/// Counts come from the tasks; what CodeDeploy controls shows task sets in place of deployments.
pub fn show(call: &Call, service: &Record, body: &mut Map<String, Json>) {
    let tasks: Vec<&Record> = call
        .list_where(TASK.name, "serviceArn", &service.arn)
        .collect();
    let count = |id: Option<&str>, running: bool| {
        let of = tasks
            .iter()
            .filter(|task| id.is_none_or(|id| task.is("startedBy", id)));
        of.filter(|task| match running {
            true => task.is("lastStatus", "RUNNING"),
            false => task::is_pending(task),
        })
        .count()
    };
    body.insert("runningCount".into(), json!(count(None, true)));
    body.insert("pendingCount".into(), json!(count(None, false)));
    let mut deployments = service.list("deployments").to_vec();
    for deployment in &mut deployments {
        let id = deployment["id"].as_str().unwrap_or_default().to_owned();
        deployment["runningCount"] = json!(count(Some(&id), true));
        deployment["pendingCount"] = json!(count(Some(&id), false));
    }
    if !sets::has_sets(service) {
        body.insert("deployments".into(), json!(deployments));
        return;
    }
    let shown: Vec<Json> = sets::of(call, &service.arn)
        .into_iter()
        .map(|set| call.show(sets::SET.name, set))
        .collect();
    body.insert("taskSets".into(), json!(shown));
    body.insert("deployments".into(), json!([]));
}

fn percent(service: &Record, name: &str, default: u64) -> u64 {
    let path = format!("deploymentConfiguration.{name}");
    let value = path::pick(&service.body, &path)
        .first()
        .and_then(|one| one.as_u64());
    value.unwrap_or(default)
}

/// Brings the tasks nearer to what the service wants; called again whenever a task changes.
pub fn reconcile(call: &mut Call, key: &Key) {
    let Some(service) = call.world.get(key).filter(|one| !one.dead).cloned() else {
        return;
    };
    let tasks: Vec<Record> = call
        .list_where(TASK.name, "serviceArn", &service.arn)
        .cloned()
        .collect();
    if service.is("status", "DRAINING") {
        if tasks.is_empty() {
            sets::remove_all(call, &service.arn);
            call.world.update(key, |service| {
                service.set("status", "INACTIVE");
                service.set("deployments", json!([]));
                service.dead = true;
                // INACTIVE services "may be cleaned up and purged": DeleteService, API Reference.
                let at = service
                    .steps
                    .iter()
                    .map(|step| step.at)
                    .fold(call.now, f64::max);
                service.steps = vec![Step::gone(at + 3600.0)];
            });
        }
        return;
    }
    if sets::has_sets(&service) {
        sets::reconcile(call, key, &service);
        return;
    }
    records::open(call, key);
    if stages::shifts(&service) {
        stages::reconcile(call, key, &service);
        return;
    }
    let Some(primary) = service.list("deployments").first().cloned() else {
        return;
    };
    let id = primary["id"].as_str().unwrap_or_default().to_owned();
    let desired = service
        .body
        .get("desiredCount")
        .and_then(Json::as_u64)
        .unwrap_or_default();
    let living: Vec<&Record> = tasks
        .iter()
        .filter(|one| one.is("desiredStatus", "RUNNING"))
        .collect();
    let (new, old): (Vec<&Record>, Vec<&Record>) =
        living.iter().partition(|one| one.is("startedBy", &id));
    let now = call.now;
    let healthy = |tasks: &[&Record]| {
        tasks
            .iter()
            .filter(|one| task::is_healthy(one, now))
            .count() as u64
    };
    let most = (desired * percent(&service, "maximumPercent", 200) / 100).max(1);
    let least = (desired * percent(&service, "minimumHealthyPercent", 100)).div_ceil(100);
    // What is too much goes first: of the new, then of the old as the healthy ones allow.
    let mut stopped = 0;
    let too_many = (new.len() as u64).saturating_sub(desired);
    let spare = healthy(&living).saturating_sub(least);
    let mut stop: Vec<&Record> = new.iter().rev().take(too_many as usize).copied().collect();
    let waiting = old.iter().filter(|one| !one.is("lastStatus", "RUNNING"));
    stop.extend(waiting);
    let serving = old.iter().filter(|one| one.is("lastStatus", "RUNNING"));
    stop.extend(serving.take(spare as usize));
    for one in stop {
        let reason = format!("Scaling activity initiated by (deployment {id})");
        task::stop(call, &one.id, "ServiceSchedulerInitiated", &reason);
        stopped += 1;
    }
    if primary["rolloutState"] == json!("IN_PROGRESS") {
        if let Some((reason, back)) = trouble(call, &service) {
            give_up(call, key, &reason, back);
            return;
        }
        if watches(&service) {
            let at = call.now + LOOKS;
            call.world.update(key, |service| schedule(service, at));
        }
    }
    let room = most.saturating_sub(living.len() as u64 - stopped.min(living.len() as u64));
    let wanted = desired.saturating_sub(new.len() as u64).min(room);
    let mut started = 0;
    let paused = paused(&service, call.now);
    if let Some(until) = paused {
        call.world.update(key, |service| schedule(service, until));
    }
    if wanted > 0 && paused.is_none() && primary["rolloutState"] != json!("FAILED") {
        for at in 0..wanted {
            let part = keep::Part {
                id: &id,
                definition: primary["taskDefinition"].as_str().unwrap_or_default(),
                members: &service.body,
                desired,
            };
            match keep::start(call, &service, &part, new.len() + at as usize) {
                Ok(()) => started += 1,
                Err(message) => {
                    say(call, key, &message);
                    let now = call.now;
                    call.world.update(key, |service| {
                        count_failure(service, &id, now);
                        // The circuit breaker looks first; what is paused waits.
                        schedule(service, now + 1.0);
                    });
                    break;
                }
            }
        }
        if started > 0 {
            say(call, key, &format!("has started {started} tasks."));
        }
    }
    let done = stopped == 0
        && started == 0
        && old.is_empty()
        && healthy(&new) == desired
        && new.len() as u64 == desired;
    if done && primary["rolloutState"] == json!("IN_PROGRESS") {
        let now = call.now;
        call.world.update(key, |service| {
            let deployments = service.list_mut("deployments");
            deployments.truncate(1);
            let first = &mut deployments[0];
            first["rolloutState"] = json!("COMPLETED");
            first["rolloutStateReason"] = json!(format!("ECS deployment {id} completed."));
            first["updatedAt"] = json!(now);
        });
        match primary["rolloutStateReason"].as_str() {
            Some(reason) if reason.contains(ROLLING_BACK) => records::rolled_back(call, key),
            _ => records::close(call, key, &id, "SUCCESSFUL", ""),
        }
        say(
            call,
            key,
            &format!("(deployment {id}) deployment completed."),
        );
        say(call, key, "has reached a steady state.");
    }
}

/// What a rollback's deployment says of itself.
pub(super) const ROLLING_BACK: &str = "rolling back to deploymentId";

/// How often alarms are looked at, in seconds.
const LOOKS: f64 = 15.0;

/// Half the desired tasks, at least 3, at most 200 (Amazon ECS Developer Guide, How the Amazon ECS deployment circuit breaker
/// detects failures).
pub(super) fn threshold(desired: u64) -> u64 {
    desired.div_ceil(2).clamp(3, 200)
}

fn flag(service: &Record, path: &str) -> bool {
    path::pick(&service.body, &format!("deploymentConfiguration.{path}"))
        .first()
        .is_some_and(|one| **one == json!(true))
}

fn watches(service: &Record) -> bool {
    flag(service, "alarms.enable")
}

/// Why the newest deployment is given up, and whether it goes back: its circuit breaker, or an alarm.
pub(super) fn trouble(call: &mut Call, service: &Record) -> Option<(String, bool)> {
    let first = service.list("deployments").first()?.clone();
    let id = first["id"].as_str().unwrap_or_default();
    let desired = service.body.get("desiredCount").and_then(Json::as_u64);
    let failed = first["failedTasks"].as_u64().unwrap_or_default();
    if flag(service, "deploymentCircuitBreaker.enable")
        && failed >= threshold(desired.unwrap_or_default())
    {
        records::triggered(call, &service.arn, id, "breaker", json!(true));
        let reason = "ECS deployment circuit breaker: tasks failed to start.";
        return Some((
            reason.to_owned(),
            flag(service, "deploymentCircuitBreaker.rollback"),
        ));
    }
    if !watches(service) {
        return None;
    }
    let names = path::texts(&service.body, "deploymentConfiguration.alarms.alarmNames[]");
    let active: Vec<String> = names
        .into_iter()
        .filter(|name| {
            let alarm = call.find("cloudwatch/alarm", name);
            alarm.is_some_and(|alarm| alarm.is("StateValue", "ALARM"))
        })
        .collect();
    if active.is_empty() {
        return None;
    }
    let reason = format!(
        "ECS deployment failed: alarm(s) detected: {}.",
        active.join(", ")
    );
    records::triggered(call, &service.arn, id, "alarms", json!(active));
    Some((reason, flag(service, "alarms.rollback")))
}

/// Ends the newest deployment without success; goes back when that is wanted and there is something to go back to.
pub(super) fn give_up(call: &mut Call, key: &Key, reason: &str, back: bool) {
    let Some(service) = call.world.get(key).cloned() else {
        return;
    };
    let Some(first) = service.list("deployments").first().cloned() else {
        return;
    };
    let id = first["id"].as_str().unwrap_or_default().to_owned();
    let went = if stages::shifts(&service) && back {
        stages::back(call, key, reason)
    } else {
        replace(call, key, reason, back)
    };
    if went {
        records::rolls_back(call, &service.arn, &id, reason);
    } else {
        records::close(call, key, &id, "STOPPED", reason);
    }
    say(call, key, &format!("deployment failed: {}", words(reason)));
}

/// As an event says it.
fn words(reason: &str) -> &str {
    reason
        .strip_prefix("ECS deployment circuit breaker: ")
        .unwrap_or(reason)
}

/// The newest deployment has failed; the one before it is deployed anew where that is wanted. Whether it is.
fn replace(call: &mut Call, key: &Key, reason: &str, back: bool) -> bool {
    let digits = call.derive(&format!("deployment {}", key.id));
    let now = call.now;
    let replaced = call.world.update(key, |service| {
        let older = service.list("deployments").get(1).cloned();
        let back = older.filter(|_| back && !stages::shifts(service));
        if let Some(first) = service.list_mut("deployments").first_mut() {
            first["rolloutState"] = json!("FAILED");
            first["rolloutStateReason"] = json!(reason);
            first["updatedAt"] = json!(now);
        }
        let Some(back) = back else {
            return false;
        };
        for name in ["taskDefinition", "networkConfiguration"] {
            if let Some(value) = back.get(name) {
                service.set(name, value.clone());
            }
        }
        deploy(service, &digits, now);
        let id = back["id"].as_str().unwrap_or_default();
        let prefix = if reason.contains("circuit breaker") {
            "ECS deployment circuit breaker"
        } else {
            "ECS deployment"
        };
        if let Some(first) = service.list_mut("deployments").first_mut() {
            first["rolloutStateReason"] = json!(format!("{prefix}: {ROLLING_BACK} {id}."));
        }
        schedule(service, now + 1.0);
        true
    });
    replaced.unwrap_or_default()
}
