//! Task definitions: families of revisions that never change.

use super::{caller, client, described, fargate, fill, includes, listing};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Tags, run};
use crate::law::Law;
use crate::path;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

/// Only active revisions run.
pub const DEFINITION_ACTIVE: Law = Law {
    name: "what a service or a task runs is an active task definition",
    operations: &["CreateService", "UpdateService", "RunTask"],
    source: "Amazon ECS API Reference, DeregisterTaskDefinition: cannot use an INACTIVE task definition to run new tasks or create new services",
    fault: Fault::new("ClientException", "TaskDefinition is inactive"),
    check: None,
};

/// A revision. Its identifier is `family:revision`; a family's name alone means the newest active one.
pub const DEFINITION: Kind = Kind {
    name: "ecs/task-definition",
    id: Id::Made(|_, body, _| {
        let family = body
            .get("family")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let revision = body.get("revision").and_then(Json::as_u64);
        Ok(format!("{family}:{}", revision.unwrap_or(1)))
    }),
    arn: "arn:{partition}:ecs:{region}:{account}:task-definition/{id}",
    arn_member: "taskDefinitionArn",
    tags: Tags::LowerList("tags"),
    resolve: Some(|call, name| {
        let short = name.rsplit('/').next().unwrap_or(name);
        if short.contains(':') {
            return short.to_owned();
        }
        let newest = call
            .list(DEFINITION.name)
            .filter(|one| one.is("family", short) && one.is("status", "ACTIVE"))
            .max_by_key(|one| revision(one));
        newest.map_or_else(|| short.to_owned(), |one| one.id.clone())
    }),
    not_found: Fault::new("ClientException", "Unable to describe task definition."),
    operations: &[
        run("RegisterTaskDefinition", register),
        run("DescribeTaskDefinition", |call| {
            let name = call.text("taskDefinition").unwrap_or_default();
            let found = call.need(DEFINITION.name, name)?;
            let mut answer = json!({"taskDefinition": call.show(DEFINITION.name, found)});
            if includes(call, "TAGS") {
                answer["tags"] = described(call, DEFINITION.name, found)["tags"].clone();
            }
            Ok(answer)
        }),
        run("DeregisterTaskDefinition", deregister),
        run("DeleteTaskDefinitions", delete),
        run("ListTaskDefinitions", list),
        run("ListTaskDefinitionFamilies", families),
    ],
    ..Kind::NEW
};

/// A family: it remembers the last revision's number, which is never given again.
pub const FAMILY: Kind = Kind {
    name: "ecs/family",
    id: Id::Member("family"),
    ..Kind::NEW
};

fn revision(record: &Record) -> u64 {
    let number = record.body.get("revision").and_then(Json::as_u64);
    number.unwrap_or_default()
}

/// The active task definition of this name.
///
/// # Errors
/// ClientException.
pub fn active(call: &Call, name: &str) -> Result<Record, Refusal> {
    let found = call
        .find(DEFINITION.name, name)
        .ok_or_else(|| client("TaskDefinition not found."))?;
    if !found.is("status", "ACTIVE") {
        return Err(DEFINITION_ACTIVE.fault.with(&[]));
    }
    Ok(found.clone())
}

fn register(call: &mut Call) -> Answer {
    let family = call.text("family").unwrap_or_default().to_owned();
    let fine = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    if family.is_empty() || family.len() > 255 || !family.chars().all(fine) {
        return Err(client("Family contains invalid characters."));
    }
    let mut body = call.input.clone();
    normalize(&mut body)?;
    let compatible = compatibilities(&body)?;
    let attributes = attributes(&body);
    let last = call.find(FAMILY.name, &family);
    let last = last.and_then(|one| one.body.get("last")?.as_u64());
    let revision = last.unwrap_or(0) + 1;
    call.remove(FAMILY.name, &family);
    call.make(FAMILY.name, json!({"family": family, "last": revision}))?;
    for (name, value) in [
        ("revision", json!(revision)),
        ("status", json!("ACTIVE")),
        ("compatibilities", json!(compatible)),
        ("requiresAttributes", json!(attributes)),
        ("registeredAt", json!(call.now)),
        ("registeredBy", json!(caller(call))),
    ] {
        body.insert(name.into(), value);
    }
    let made = call.make(DEFINITION.name, Json::Object(body))?;
    let shown = call.show(DEFINITION.name, &made);
    let tags = shown["tags"].clone();
    Ok(json!({"taskDefinition": shown, "tags": tags}))
}

/// AWS's defaults, as DescribeTaskDefinition shows them.
fn normalize(body: &mut Map<String, Json>) -> Result<(), Refusal> {
    let fargate = body
        .get("requiresCompatibilities")
        .and_then(Json::as_array)
        .is_some_and(|list| list.contains(&json!("FARGATE")));
    if !fargate {
        body.entry("networkMode").or_insert(json!("bridge"));
    }
    if let Some(Json::Array(list)) = body.get_mut("requiresCompatibilities") {
        list.sort_by_key(|one| one.as_str().map(str::to_owned));
    }
    for name in ["volumes", "placementConstraints"] {
        body.entry(name).or_insert(json!([]));
    }
    for name in ["cpu", "memory"] {
        if let Some(Json::String(text)) = body.get(name) {
            let units = fargate::units(text)
                .ok_or_else(|| client(format!("Invalid '{name}' setting for task.")))?;
            body.insert(name.into(), json!(units.to_string()));
        }
    }
    for name in ["taskRoleArn", "executionRoleArn"] {
        // A role's name does as well as its ARN; it comes back as it was sent.
        let text = body.get(name).and_then(Json::as_str).unwrap_or_default();
        if text.starts_with("arn:") && !text.contains(":role/") {
            return Err(client("Role is not valid"));
        }
    }
    let own_ports = matches!(
        body.get("networkMode").and_then(Json::as_str),
        Some("awsvpc" | "host")
    );
    let sized = body.contains_key("memory");
    let Some(Json::Array(containers)) = body.get_mut("containerDefinitions") else {
        return Ok(());
    };
    if containers.is_empty() {
        return Err(client("Container list cannot be empty."));
    }
    let mut names = Vec::new();
    for container in containers.iter_mut() {
        fill(
            container,
            &json!({"cpu": 0, "essential": true, "portMappings": [], "environment": [], "mountPoints": [], "volumesFrom": [],
                    "systemControls": []}),
        );
        let name = container["name"].as_str().unwrap_or_default().to_owned();
        if container["image"].as_str().unwrap_or_default().is_empty() {
            return Err(client("Container.image should not be null or empty."));
        }
        if name.is_empty() {
            return Err(client("Container.name should not be null or empty."));
        }
        if names.contains(&name) {
            return Err(client("Container names should be unique."));
        }
        if !sized
            && container.get("memory").is_none()
            && container.get("memoryReservation").is_none()
        {
            let message = format!(
                "Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified."
            );
            return Err(client(message));
        }
        names.push(name);
        if let Some(Json::Array(ports)) = container.get_mut("portMappings") {
            for port in ports {
                let inner = port.get("containerPort").cloned();
                fill(port, &json!({"protocol": "tcp"}));
                let same = port
                    .get("hostPort")
                    .is_none_or(|host| Some(host) == inner.as_ref());
                if own_ports && !same {
                    return Err(client(
                        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
                    ));
                }
                if let (Some(inner), true) = (inner, port.get("containerPortRange").is_none()) {
                    fill(
                        port,
                        &json!({"hostPort": if own_ports { inner } else { json!(0) }}),
                    );
                }
            }
        }
        if let Some(check) = container.get_mut("healthCheck") {
            fill(check, &json!({"interval": 30, "timeout": 5, "retries": 3}));
        }
    }
    for container in containers.iter_mut() {
        shuffle(container);
    }
    if !containers.iter().any(|one| one["essential"] == json!(true)) {
        return Err(client(
            "At least one container must be marked as essential.",
        ));
    }
    Ok(())
}

/// ECS gives these lists back in an order of its own, and means nothing by it.
fn shuffle(container: &mut Json) {
    for name in ["environment", "portMappings", "links", "volumesFrom"] {
        if let Some(Json::Array(items)) = container.get_mut(name) {
            items.sort_by_cached_key(|item| digest(&[&path::canonical(item)]));
        }
    }
}

fn compatibilities(body: &Map<String, Json>) -> Result<Vec<&'static str>, Refusal> {
    let required = body.get("requiresCompatibilities").and_then(Json::as_array);
    let fargate = fargate::check(body);
    if required.is_some_and(|list| list.contains(&json!("FARGATE"))) {
        fargate.clone()?;
    }
    let mut found = vec!["EC2"];
    let network = body.get("networkMode").and_then(Json::as_str);
    if matches!(network, Some("bridge" | "host" | "none")) {
        found.insert(0, "EXTERNAL");
    }
    if fargate.is_ok() {
        found.push("FARGATE");
    }
    Ok(found)
}

/// What a container instance must be able to do, as AWS derives it.
fn attributes(body: &Map<String, Json>) -> Vec<Json> {
    let mut names = std::collections::BTreeSet::new();
    names.insert("com.amazonaws.ecs.capability.docker-remote-api.1.18");
    let has = |name: &str| {
        body.get(name)
            .and_then(Json::as_str)
            .is_some_and(|text| !text.is_empty())
    };
    if has("taskRoleArn") {
        names.insert("com.amazonaws.ecs.capability.task-iam-role");
    }
    if body.get("networkMode") == Some(&json!("awsvpc")) {
        names.insert("ecs.capability.task-eni");
    }
    let containers = body.get("containerDefinitions").and_then(Json::as_array);
    for container in containers.into_iter().flatten() {
        if container["logConfiguration"]["logDriver"] == json!("awslogs") {
            names.insert("com.amazonaws.ecs.capability.logging-driver.awslogs");
            names.insert("com.amazonaws.ecs.capability.docker-remote-api.1.19");
            if has("executionRoleArn") {
                names.insert("ecs.capability.execution-role-awslogs");
            }
        }
        let image = container["image"].as_str().unwrap_or_default();
        if image.contains(".dkr.ecr.") {
            names.insert("com.amazonaws.ecs.capability.ecr-auth");
            if has("executionRoleArn") {
                names.insert("ecs.capability.execution-role-ecr-pull");
            }
        }
        for secret in container["secrets"].as_array().into_iter().flatten() {
            let from = secret["valueFrom"].as_str().unwrap_or_default();
            names.insert(if from.contains(":secretsmanager:") {
                "ecs.capability.secrets.asm.environment-variables"
            } else {
                "ecs.capability.secrets.ssm.environment-variables"
            });
        }
        if container.get("healthCheck").is_some() {
            names.insert("ecs.capability.container-health-check");
            names.insert("com.amazonaws.ecs.capability.docker-remote-api.1.24");
        }
    }
    names
        .into_iter()
        .map(|name| json!({"name": name}))
        .collect()
}

fn deregister(call: &mut Call) -> Answer {
    let name = call.text("taskDefinition").unwrap_or_default();
    let short = name.rsplit('/').next().unwrap_or(name);
    if !short.contains(':') {
        return Err(client("Invalid revision number. Number: null"));
    }
    let found = call
        .find(DEFINITION.name, name)
        .ok_or_else(|| client("The specified task definition does not exist."))?;
    let id = found.id.clone();
    let now = call.now;
    call.update(DEFINITION.name, &id, |one| {
        if one.is("status", "ACTIVE") {
            one.set("status", "INACTIVE");
            one.set("deregisteredAt", now);
        }
    });
    let found = call.need(DEFINITION.name, &id)?;
    Ok(json!({"taskDefinition": call.show(DEFINITION.name, found)}))
}

fn delete(call: &mut Call) -> Answer {
    let (mut gone, mut failures) = (Vec::new(), Vec::new());
    for name in call.texts("taskDefinitions[]") {
        let found = call.find(DEFINITION.name, &name).cloned();
        let Some(found) = found.filter(|_| name.contains(':')) else {
            failures.push(json!({"arn": name, "reason": "TASK_DEFINITION_NOT_FOUND"}));
            continue;
        };
        if found.is("status", "ACTIVE") {
            let detail = "The specified task definition is still in ACTIVE status. Please deregister the target and try again.";
            failures.push(json!({"arn": found.arn, "reason": detail}));
            continue;
        }
        let now = call.now;
        call.update(DEFINITION.name, &found.id, |one| {
            one.set("status", "DELETE_IN_PROGRESS");
            one.set("deleteRequestedAt", now);
            one.steps.push(Step::gone(now + 3600.0));
        });
        let found = call.need(DEFINITION.name, &found.id)?;
        gone.push(call.show(DEFINITION.name, found));
    }
    Ok(json!({"taskDefinitions": gone, "failures": failures}))
}

fn list(call: &mut Call) -> Answer {
    let status = call.text("status").unwrap_or("ACTIVE");
    let family = call.text("familyPrefix");
    let all = call.list(DEFINITION.name).filter(|one| {
        one.is("status", status) && family.is_none_or(|family| one.is("family", family))
    });
    listing(
        call,
        "taskDefinitionArns",
        all.map(|one| one.arn.clone()),
        100,
    )
}

fn families(call: &mut Call) -> Answer {
    let status = call.text("status").unwrap_or("ALL");
    let prefix = call.text("familyPrefix").unwrap_or_default();
    let active = |family: &str| {
        call.list(DEFINITION.name)
            .any(|one| one.is("family", family) && one.is("status", "ACTIVE"))
    };
    let all = call.list(FAMILY.name).map(|one| one.id.clone());
    let all = all.filter(|family| {
        family.starts_with(prefix)
            && match status {
                "ACTIVE" => active(family),
                "INACTIVE" => !active(family),
                _ => true,
            }
    });
    listing(call, "families", all, 100)
}
