//! Keeping the tasks of one part of a service (a task set, one side of a blue/green deployment) as many as they shall be.

use super::cluster::CLUSTER;
use super::definition::DEFINITION;
use super::rollout::{self, schedule};
use super::service::say;
use super::task::{self, TASK};
use crate::call::Call;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// One part of a service.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// What its tasks say that started them.
    pub id: &'a str,
    /// The task definition.
    pub definition: &'a str,
    /// The service's members with those that the part has of its own.
    pub members: &'a Map<String, Json>,
    /// How many tasks.
    pub desired: u64,
}

/// Tasks of a part by how far they are.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub pending: u64,
    pub running: u64,
    /// Those of the running ones that load balancers and health checks call healthy.
    pub healthy: u64,
    /// On their way out.
    pub leaving: u64,
}

/// How far the tasks of a part are.
pub(super) fn count(call: &Call, service: &str, id: &str) -> Count {
    let mut count = Count::default();
    for task in call
        .list_where(TASK.name, "serviceArn", service)
        .filter(|task| task.is("startedBy", id))
    {
        if task::is_pending(task) {
            count.pending += 1;
        } else if !task.is("desiredStatus", "RUNNING") {
            count.leaving += 1;
        } else {
            count.running += 1;
            count.healthy += u64::from(task::is_healthy(task, call.now));
        }
    }
    count
}

/// Starts what is missing and stops what is too much. Whether the part is as it shall be.
pub(super) fn keep(call: &mut Call, key: &Key, service: &Record, part: &Part<'_>) -> bool {
    let living: Vec<Record> = call
        .list_where(TASK.name, "serviceArn", &service.arn)
        .filter(|task| task.is("startedBy", part.id) && task.is("desiredStatus", "RUNNING"))
        .cloned()
        .collect();
    let surplus = (living.len() as u64).saturating_sub(part.desired);
    for task in living.iter().rev().take(surplus as usize) {
        let reason = format!("Scaling activity initiated by ({})", part.id);
        task::stop(call, &task.id, "ServiceSchedulerInitiated", &reason);
    }
    let missing = part.desired.saturating_sub(living.len() as u64);
    let paused = rollout::paused(service, call.now);
    if let Some(until) = paused {
        call.world.update(key, |service| schedule(service, until));
    }
    let mut started = 0;
    if missing > 0 && paused.is_none() {
        for at in 0..missing {
            match start(call, service, part, living.len() + at as usize) {
                Ok(()) => started += 1,
                Err(message) => {
                    say(call, key, &message);
                    let now = call.now;
                    call.world.update(key, |service| {
                        rollout::count_failure(service, part.id, now);
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
    let now = count(call, &service.arn, part.id);
    now.healthy == part.desired
        && now.running == part.desired
        && now.pending == 0
        && now.leaving == 0
}

/// Starts one task.
pub(super) fn start(
    call: &mut Call,
    service: &Record,
    part: &Part<'_>,
    at: usize,
) -> Result<(), String> {
    let cluster = call.find(CLUSTER.name, service.text("clusterArn")).cloned();
    let definition = call.find_any(DEFINITION.name, part.definition).cloned();
    let Some((cluster, definition)) = cluster.zip(definition) else {
        return Err("was unable to place a task because its task definition is gone.".into());
    };
    let one = task::Start {
        cluster: &cluster,
        definition: &definition,
        service: Some(service),
        members: part.members,
        started_by: part.id,
        at,
    };
    task::start(call, &one)
        .map(|_| ())
        .map_err(|refusal| match refusal.code.as_str() {
            "RESOURCE" => format!("was {}", refusal.message),
            _ => format!("failed to launch a task with (error {}).", refusal.message),
        })
}

/// A service's members under those of a part.
pub(super) fn members(service: &Record, part: &Map<String, Json>) -> Map<String, Json> {
    let mut members = service.body.clone();
    // Who names a launch type has no strategy, and the other way round.
    if part.contains_key("launchType") || part.contains_key("capacityProviderStrategy") {
        members.remove("launchType");
        members.remove("capacityProviderStrategy");
    }
    for name in [
        "launchType",
        "capacityProviderStrategy",
        "platformVersion",
        "networkConfiguration",
        "loadBalancers",
        "serviceRegistries",
    ] {
        if let Some(value) = part.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    members.entry("loadBalancers").or_insert(json!([]));
    members
}
