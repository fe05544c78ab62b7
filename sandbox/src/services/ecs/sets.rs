//! Task sets: what services under the controllers CODE_DEPLOY and EXTERNAL run, one of them the primary one.

use super::service::{SERVICE, deployment_id, say};
use super::{definition, invalid, keep, network, rollout, service};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Tags, run};
use crate::law::Law;
use crate::path;
use crate::tags;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// Task sets are of services that others deploy.
pub const OF_CONTROLLER: Law = Law {
    name: "only services that CodeDeploy or others deploy have task sets",
    operations: &[
        "CreateTaskSet",
        "UpdateTaskSet",
        "DeleteTaskSet",
        "DescribeTaskSets",
        "UpdateServicePrimaryTaskSet",
    ],
    source: "Amazon ECS API Reference, CreateTaskSet: used when a service uses the EXTERNAL deployment controller type; UnsupportedFeatureException",
    fault: Fault::new(
        "InvalidParameterException",
        "Service cannot have task sets with an ECS deployment controller.",
    ),
    check: Some(|call, law| {
        let name = call.text("service").unwrap_or_default();
        match call.find(SERVICE.name, name) {
            Some(service) if !has_sets(service) => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// Scale down, or force.
pub const SET_SCALED_DOWN: Law = Law {
    name: "a task set is deleted when it is scaled to zero, or by force",
    operations: &["DeleteTaskSet"],
    source: "Amazon ECS API Reference, DeleteTaskSet: force allows you to delete a task set even if it hasn't been scaled down to zero",
    fault: Fault::new(
        "InvalidParameterException",
        "The task set cannot be deleted while it is scaled above 0.",
    ),
    check: None,
};

/// Somebody must serve.
pub const PRIMARY_STAYS: Law = Law {
    name: "the primary task set is not deleted",
    operations: &["DeleteTaskSet"],
    source: "Amazon ECS API Reference, TaskSet, status: PRIMARY is the task set that serves production traffic",
    fault: Fault::new(
        "InvalidParameterException",
        "The PRIMARY task set cannot be deleted.",
    ),
    check: None,
};

/// A task set. Its identifier is `ecs-svc/` and 19 digits.
pub const SET: Kind = Kind {
    name: "ecs/task-set",
    id: Id::Made(|_, body, digits| {
        let given = path::text(body, "id").map(str::to_owned);
        Ok(given.unwrap_or_else(|| deployment_id(digits)))
    }),
    id_member: "id",
    arn: "arn:{partition}:ecs:{region}:{account}:task-set/{serviceId}/{id}",
    arn_member: "taskSetArn",
    created_member: "createdAt",
    tags: Tags::LowerList("tags"),
    token: "clientToken",
    refers: &[
        Reference::new("serviceArn", "ecs/service")
            .loose()
            .unchecked(),
        Reference::new("taskDefinition", "ecs/task-definition")
            .loose()
            .unchecked(),
    ],
    not_found: Fault::new(
        "TaskSetNotFoundException",
        "The specified task set wasn't found: {id}",
    ),
    show: Some(show),
    operations: &[
        run("CreateTaskSet", create),
        run("UpdateTaskSet", update),
        run("DeleteTaskSet", delete),
        run("DescribeTaskSets", describe),
        run("UpdateServicePrimaryTaskSet", make_primary),
    ],
    ..Kind::NEW
};

/// Is it deployed by others than ECS?
pub(super) fn has_sets(service: &Record) -> bool {
    !service.is("deploymentController.type", "ECS")
}

fn show(call: &Call, set: &Record, body: &mut Map<String, Json>) {
    let count = keep::count(call, set.text("serviceArn"), &set.id);
    body.insert("runningCount".into(), json!(count.running));
    body.insert("pendingCount".into(), json!(count.pending));
    body.remove("serviceId");
}

/// The service's task sets, the primary one first.
pub fn of<'a>(call: &'a Call, service: &'a str) -> Vec<&'a Record> {
    let mut sets: Vec<&Record> = call.list_where(SET.name, "serviceArn", service).collect();
    sets.sort_by(|a, b| {
        let rank = |set: &Record| !set.is("status", "PRIMARY");
        rank(a)
            .cmp(&rank(b))
            .then(b.created.total_cmp(&a.created))
            .then(a.id.cmp(&b.id))
    });
    sets
}

/// As many tasks as a set's share of the service's.
fn computed(service: &Record, set: &Record) -> u64 {
    if set.is("status", "DRAINING") {
        return 0;
    }
    let desired = service.body.get("desiredCount").and_then(Json::as_f64);
    let scale = path::pick(&set.body, "scale.value");
    let scale = scale.first().and_then(|scale| scale.as_f64());
    (desired.unwrap_or_default() * scale.unwrap_or(100.0) / 100.0).ceil() as u64
}

/// What a new set is made of: the service's own for the first one of a CODE_DEPLOY service.
///
/// # Errors
/// InvalidParameterException.
pub fn make(
    call: &mut Call,
    service: &Record,
    mut members: Map<String, Json>,
) -> Result<Record, Refusal> {
    let name = path::text(&members, "taskDefinition").unwrap_or_default();
    let definition = definition::active(call, name)?;
    members.insert("taskDefinition".into(), json!(definition.arn));
    let mut all = keep::members(service, &members);
    service::compatible(&all, &definition)?;
    network::check(call, &mut all, &definition)?;
    network::check_balancers(call, &all, &definition)?;
    for (name, value) in [
        ("serviceArn", json!(service.arn)),
        ("serviceId", json!(service.id)),
        ("clusterArn", json!(service.text("clusterArn"))),
        ("stabilityStatus", json!("STABILIZING")),
        ("stabilityStatusAt", json!(call.now)),
        ("updatedAt", json!(call.now)),
    ] {
        members.insert(name.to_owned(), value);
    }
    members.entry("status").or_insert(json!("ACTIVE"));
    members
        .entry("scale")
        .or_insert(json!({"value": 100.0, "unit": "PERCENT"}));
    if let Some(scale) = members.get_mut("scale") {
        super::fill(scale, &json!({"unit": "PERCENT"}));
    }
    for name in [
        "launchType",
        "capacityProviderStrategy",
        "platformVersion",
        "networkConfiguration",
        "loadBalancers",
        "serviceRegistries",
    ] {
        if let Some(value) = all.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    if service.is("platformFamily", "Linux") {
        members.insert("platformVersion".into(), json!("1.4.0"));
        members.insert("platformFamily".into(), json!("Linux"));
    }
    let mut set = call.make(SET.name, Json::Object(members))?;
    set.set("computedDesiredCount", computed(service, &set));
    call.world.put(call.key(SET.name, &set.id), set.clone());
    let at = call.now + 1.0;
    call.update(SERVICE.name, &service.id, |service| {
        service.hidden.remove(rollout::PAUSED);
        service.hidden.remove(rollout::FAILURES);
        rollout::schedule(service, at);
    });
    Ok(set)
}

/// The first one of a service that CodeDeploy controls is ECS's own.
pub(super) fn first(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let Some(service) = call.world.get(key).cloned() else {
        return Ok(());
    };
    let mut members = Map::new();
    for name in ["taskDefinition", "loadBalancers", "serviceRegistries"] {
        if let Some(value) = service.body.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    members.insert("status".into(), json!("PRIMARY"));
    make(call, &service, members).map(|_| ())
}

fn named(call: &Call) -> Result<Record, Refusal> {
    let name = call.text("service").unwrap_or_default();
    call.need(SERVICE.name, name).cloned()
}

/// By identifier or ARN.
fn the_set(call: &Call, service: &Record, member: &str) -> Result<Record, Refusal> {
    let name = call.text(member).unwrap_or_default();
    let id = name.find("ecs-svc/").map_or(name, |at| &name[at..]);
    let found = call.find(SET.name, id);
    found
        .filter(|set| set.is("serviceArn", &service.arn))
        .cloned()
        .ok_or_else(|| SET.not_found.with(&[("id", name)]))
}

fn answer(call: &Call, id: &str) -> Answer {
    let set = call.need(SET.name, id)?;
    Ok(json!({"taskSet": call.show(SET.name, set)}))
}

fn create(call: &mut Call) -> Answer {
    let service = named(call)?;
    let mut members = call.input.clone();
    for name in ["service", "cluster", "clientToken"] {
        members.remove(name);
    }
    let scale = path::pick(&members, "scale.value");
    if let Some(value) = scale.first().and_then(|scale| scale.as_f64())
        && !(0.0..=100.0).contains(&value)
    {
        return Err(invalid("Scale value must be between 0 and 100."));
    }
    let sent = tags::read(&members.remove("tags").unwrap_or_default());
    let set = make(call, &service, members)?;
    let key = call.key(SET.name, &set.id);
    tags::add(call, &key, &sent)?;
    answer(call, &set.id)
}

fn update(call: &mut Call) -> Answer {
    let service = named(call)?;
    let set = the_set(call, &service, "taskSet")?;
    let scale = call.input.get("scale").cloned();
    let now = call.now;
    call.update(SET.name, &set.id, |set| {
        if let Some(mut scale) = scale {
            super::fill(&mut scale, &json!({"unit": "PERCENT"}));
            set.set("scale", scale);
        }
        set.set("computedDesiredCount", computed(&service, set));
        set.set("stabilityStatus", "STABILIZING");
        set.set("updatedAt", now);
    });
    service::wake(call, &service.arn, 1.0);
    answer(call, &set.id)
}

fn delete(call: &mut Call) -> Answer {
    let service = named(call)?;
    let set = the_set(call, &service, "taskSet")?;
    let force = call.input.get("force") == Some(&json!(true));
    if set.is("status", "PRIMARY") && !force {
        return Err(PRIMARY_STAYS.fault.with(&[]));
    }
    if !force && computed(&service, &set) > 0 {
        return Err(SET_SCALED_DOWN.fault.with(&[]));
    }
    let now = call.now;
    call.update(SET.name, &set.id, |set| {
        set.set("status", "DRAINING");
        set.set("computedDesiredCount", 0);
        set.set("updatedAt", now);
    });
    service::wake(call, &service.arn, 1.0);
    answer(call, &set.id)
}

fn describe(call: &mut Call) -> Answer {
    let service = named(call)?;
    let names = call.texts("taskSets[]");
    let sets = of(call, &service.arn);
    let asked = |set: &Record| {
        names.is_empty()
            || names
                .iter()
                .any(|name| *name == set.id || *name == set.arn || name.ends_with(&set.id))
    };
    let shown: Vec<Json> = sets
        .iter()
        .filter(|set| asked(set))
        .map(|set| super::described(call, SET.name, set))
        .collect();
    let unknown = names
        .iter()
        .filter(|name| !sets.iter().any(|set| name.ends_with(&set.id)));
    let failures: Vec<Json> = unknown
        .map(|name| json!({"arn": name, "reason": "MISSING"}))
        .collect();
    Ok(json!({"taskSets": shown, "failures": failures}))
}

/// "Any parameters that are updated on the primary task set in a service will transition to the service"
/// (UpdateServicePrimaryTaskSet).
fn make_primary(call: &mut Call) -> Answer {
    let service = named(call)?;
    let set = the_set(call, &service, "primaryTaskSet")?;
    let now = call.now;
    let others: Vec<String> = of(call, &service.arn)
        .into_iter()
        .filter(|other| other.id != set.id && other.is("status", "PRIMARY"))
        .map(|other| other.id.clone())
        .collect();
    for id in others {
        call.update(SET.name, &id, |set| {
            set.set("status", "ACTIVE");
            set.set("updatedAt", now);
        });
    }
    call.update(SET.name, &set.id, |set| {
        set.set("status", "PRIMARY");
        set.set("updatedAt", now);
    });
    call.update(SERVICE.name, &service.id, |service| {
        for name in [
            "taskDefinition",
            "loadBalancers",
            "networkConfiguration",
            "serviceRegistries",
        ] {
            if let Some(value) = set.body.get(name) {
                service.set(name, value.clone());
            }
        }
        rollout::schedule(service, now + 1.0);
    });
    answer(call, &set.id)
}

/// Brings the tasks of all sets nearer to what the service wants.
pub(super) fn reconcile(call: &mut Call, key: &Key, service: &Record) {
    let sets: Vec<Record> = of(call, &service.arn).into_iter().cloned().collect();
    for set in sets {
        let desired = computed(service, &set);
        let members = keep::members(service, &set.body);
        let part = keep::Part {
            id: &set.id,
            definition: set.text("taskDefinition"),
            members: &members,
            desired,
        };
        let steady = keep::keep(call, key, service, &part);
        if set.is("status", "DRAINING") {
            if steady {
                call.remove(SET.name, &set.id);
            }
            continue;
        }
        let state = if steady {
            "STEADY_STATE"
        } else {
            "STABILIZING"
        };
        let now = call.now;
        if !set.is("stabilityStatus", state)
            || set.body.get("computedDesiredCount") != Some(&json!(desired))
        {
            call.update(SET.name, &set.id, |set| {
                set.set("stabilityStatus", state);
                set.set("stabilityStatusAt", now);
                set.set("computedDesiredCount", desired);
                set.set("updatedAt", now);
            });
            if steady {
                say(
                    call,
                    key,
                    &format!("(taskSet {}) has reached a steady state.", set.id),
                );
            }
        }
    }
}

/// The sets go with their service.
pub(super) fn remove_all(call: &mut Call, service: &str) {
    let ids: Vec<String> = of(call, service).iter().map(|set| set.id.clone()).collect();
    for id in ids {
        call.remove(SET.name, &id);
    }
}
