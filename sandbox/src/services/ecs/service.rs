//! Services: what is asked, and what AWS refuses. Keeping the tasks running is `rollout`.

use super::capacity::PROVIDER_KNOWN;
use super::cluster;
use super::{
    caller, definition, described, fill, invalid, listing, network, rollout, service_deployments,
    sets, task,
};
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, Unique, create, modify, run};
use crate::law::Law;
use crate::path;
use crate::services::iam;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// Only active services change.
pub const ACTIVE: Law = Law {
    name: "only an active service is updated",
    operations: &["UpdateService"],
    source: "Amazon ECS API Reference, UpdateService, Errors: ServiceNotActiveException",
    fault: Fault::new("ServiceNotActiveException", "Service was not ACTIVE."),
    check: Some(|call, law| {
        let name = call.text("service").unwrap_or_default();
        match call.find_any(SERVICE.name, name) {
            Some(service) if !service.is("status", "ACTIVE") => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// A name is free again when the old service is INACTIVE.
pub const DRAINING: Law = Law {
    name: "a service is not created while one of its name drains",
    operations: &["CreateService"],
    source: "Amazon ECS API Reference, DeleteService: if you attempt to create a new service with the same name as an existing service in DRAINING status, you receive an error",
    fault: Fault::new(
        "InvalidParameterException",
        "Unable to Start a service that is still Draining.",
    ),
    check: Some(|call, law| {
        let name = call.text("serviceName").unwrap_or_default();
        match call.find(SERVICE.name, name) {
            Some(service) if service.is("status", "DRAINING") => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// Scale down, or force.
pub const SCALED_DOWN: Law = Law {
    name: "a service is deleted when it is scaled to zero, or by force",
    operations: &["DeleteService"],
    source: "Amazon ECS API Reference, DeleteService: you can delete a service if you have no running tasks in it and the desired task count is zero",
    fault: Fault::new(
        "InvalidParameterException",
        "The service cannot be stopped while it is scaled above 0.",
    ),
    check: None,
};

/// CodeDeploy deploys what it controls.
pub const BY_CODE_DEPLOY: Law = Law {
    name: "what CodeDeploy deploys is not deployed by UpdateService",
    operations: &["UpdateService"],
    source: "Amazon ECS API Reference, UpdateService: for services using the blue/green (CODE_DEPLOY) deployment controller, only the desired count, deployment configuration, health check grace period … can be updated",
    fault: Fault::new("InvalidParameterException", "{message}"),
    check: None,
};

/// Fargate runs what was made for Fargate.
pub const COMPATIBLE: Law = Law {
    name: "the task definition supports the launch type",
    operations: &["CreateService", "UpdateService", "RunTask"],
    source: "Amazon ECS API Reference, CreateService: launchType; TaskDefinition: compatibilities",
    fault: Fault::new(
        "InvalidParameterException",
        "Task definition does not support launch_type FARGATE.",
    ),
    check: None,
};

/// A service. Its identifier is `cluster/service`; requests name it by ARN, or by name with the cluster beside it.
pub const SERVICE: Kind = Kind {
    name: "ecs/service",
    id: Id::Made(|_, body, _| {
        let text = |name| path::text(body, name).unwrap_or_default();
        Ok(format!("{}/{}", text("clusterName"), text("serviceName")))
    }),
    arn: "arn:{partition}:ecs:{region}:{account}:service/{id}",
    arn_member: "serviceArn",
    created_member: "createdAt",
    resolve: Some(|call, name| {
        if name.starts_with("arn:") || name.contains('/') {
            return name.to_owned();
        }
        let cluster = call.text("cluster").unwrap_or("default");
        let short = cluster.rsplit('/').next().unwrap_or(cluster);
        format!("{short}/{name}")
    }),
    defaults: Some(|call| {
        json!({"status": "ACTIVE", "loadBalancers": [], "serviceRegistries": [], "placementConstraints": [], "placementStrategy": [],
               "events": [], "deployments": [], "schedulingStrategy": "REPLICA", "enableECSManagedTags": false, "propagateTags": "NONE",
               "enableExecuteCommand": false, "desiredCount": 0, "createdBy": caller(call), "availabilityZoneRebalancing": "ENABLED"})
    }),
    tags: Tags::LowerList("tags"),
    token: "clientToken",
    refers: &[
        Reference::new("clusterArn", "ecs/cluster")
            .in_use(Fault::new(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            ))
            .source("Amazon ECS API Reference, DeleteCluster, Errors"),
        Reference::new("taskDefinition", "ecs/task-definition")
            .loose()
            .unchecked(),
    ],
    unique: &[Unique::new(
        &["clusterArn", "serviceName"],
        Fault::new(
            "InvalidParameterException",
            "Creation of service was not idempotent.",
        ),
    )],
    not_found: Fault::new("ServiceNotFoundException", "Service not found."),
    show: Some(rollout::show),
    on_event: Some(|call, key, _| rollout::reconcile(call, key)),
    operations: &[
        create("CreateService", Shows::In("service"))
            .rename(&[("role", "roleArn")])
            .control(&["cluster"])
            .before(new_service)
            .done(first_deployment),
        modify("UpdateService", "service", Shows::In("service"))
            .control(&["cluster", "forceNewDeployment"])
            .prepare(update)
            .done(|call, key| {
                if call
                    .world
                    .get(key)
                    .is_some_and(|service| !sets::has_sets(service))
                {
                    service_deployments::open(call, key);
                }
                Ok(())
            }),
        run("DeleteService", delete),
        run("DescribeServices", describe),
        run("ListServices", list),
    ],
    ..Kind::NEW
};

/// Members whose change starts a new deployment (Amazon ECS API Reference, UpdateService).
const DEPLOYED: [&str; 8] = [
    "taskDefinition",
    "networkConfiguration",
    "platformVersion",
    "capacityProviderStrategy",
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
];

/// Launch type, or capacity providers: the cluster's when neither is given.
///
/// # Errors
/// InvalidParameterException.
pub fn choose_launch(cluster: &Record, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    if members.contains_key("launchType") && members.contains_key("capacityProviderStrategy") {
        return Err(invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        ));
    }
    if members.contains_key("launchType") {
        return Ok(());
    }
    let default = cluster.list("defaultCapacityProviderStrategy");
    if !members.contains_key("capacityProviderStrategy") {
        if default.is_empty() {
            members.insert("launchType".into(), json!("EC2"));
            return Ok(());
        }
        members.insert("capacityProviderStrategy".into(), json!(default));
    }
    let known = path::texts(&cluster.body, "capacityProviders[]");
    let used = path::texts(members, "capacityProviderStrategy[].capacityProvider");
    if used.iter().any(|name| !known.contains(name)) {
        return Err(PROVIDER_KNOWN.fault.with(&[]));
    }
    if let Some(Json::Array(items)) = members.get_mut("capacityProviderStrategy") {
        for item in items {
            fill(item, &json!({"weight": 0, "base": 0}));
        }
    }
    Ok(())
}

fn on_fargate(members: &Map<String, Json>) -> bool {
    members.get("launchType") == Some(&json!("FARGATE"))
        || path::texts(members, "capacityProviderStrategy[].capacityProvider")
            .iter()
            .any(|name| name.starts_with("FARGATE"))
}

/// Refuses a definition that Fargate cannot run.
///
/// # Errors
/// InvalidParameterException.
pub fn compatible(members: &Map<String, Json>, definition: &Record) -> Result<(), Refusal> {
    if on_fargate(members)
        && !definition
            .list("compatibilities")
            .contains(&json!("FARGATE"))
    {
        return Err(COMPATIBLE.fault.with(&[]));
    }
    Ok(())
}

fn controller(members: &Map<String, Json>) -> &str {
    path::text(members, "deploymentController.type").unwrap_or("ECS")
}

/// What must hold of a new service as of a changed one.
fn check(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let number = |path: &str| {
        path::pick(members, path)
            .first()
            .and_then(|one| one.as_i64())
    };
    if number("desiredCount").is_some_and(|count| count < 0) {
        return Err(invalid("Desired count must be 0 or more."));
    }
    let least = number("deploymentConfiguration.minimumHealthyPercent");
    let most = number("deploymentConfiguration.maximumPercent");
    if least
        .zip(most)
        .is_some_and(|(least, most)| most < 100 || least >= most && least > 100)
    {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    if least == Some(100) && most == Some(100) {
        return Err(invalid(
            "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
        ));
    }
    if controller(members) == "CODE_DEPLOY"
        && path::pick(
            members,
            "deploymentConfiguration.deploymentCircuitBreaker.enable",
        )
        .first()
        .is_some_and(|one| **one == json!(true))
    {
        return Err(invalid(
            "Deployment circuit breaker feature is not supported with CODE_DEPLOY deployment controller.",
        ));
    }
    let balanced = members.get("loadBalancers").and_then(Json::as_array);
    if balanced.is_none_or(Vec::is_empty)
        && number("healthCheckGracePeriodSeconds").is_some_and(|seconds| seconds > 0)
    {
        return Err(invalid(
            "Health check grace period is only valid for services configured to use load balancers",
        ));
    }
    service_deployments::check(members)?;
    let Some(name) = path::text(members, "taskDefinition").map(str::to_owned) else {
        if controller(members) == "EXTERNAL" {
            return Ok(());
        }
        return Err(invalid("TaskDefinition can not be blank."));
    };
    let definition = definition::active(call, &name)?;
    members.insert("taskDefinition".into(), json!(definition.arn));
    compatible(members, &definition)?;
    network::check(call, members, &definition)?;
    network::check_balancers(call, members, &definition)
}

fn new_service(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let name = path::text(members, "serviceName").unwrap_or_default();
    let fine = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    if name.is_empty() || name.len() > 255 || !name.chars().all(fine) {
        return Err(invalid("Invalid service name."));
    }
    let cluster = cluster::the_cluster(call)?;
    let id = format!("{}/{name}", cluster.id);
    if call.find(SERVICE.name, &id).is_some() {
        return Err(SERVICE.unique[0].fault.with(&[]));
    }
    members.insert("clusterArn".into(), json!(cluster.arn));
    members.insert("clusterName".into(), json!(cluster.id));
    choose_launch(&cluster, members)?;
    check(call, members)?;
    let fargate = on_fargate(members);
    if fargate {
        members.entry("platformVersion").or_insert(json!("LATEST"));
        members.insert("platformFamily".into(), json!("Linux"));
    }
    let daemon = members.get("schedulingStrategy") == Some(&json!("DAEMON"));
    if daemon && fargate {
        return Err(invalid(
            "The DAEMON scheduling strategy does not support the Fargate launch type.",
        ));
    }
    members
        .entry("deploymentController")
        .or_insert(json!({"type": "ECS"}));
    let rolling = controller(members) == "ECS";
    let configuration = members
        .entry("deploymentConfiguration")
        .or_insert(json!({}));
    fill(
        configuration,
        &json!({"maximumPercent": 200, "minimumHealthyPercent": if daemon { 0 } else { 100 }}),
    );
    if rolling {
        let breaker = json!({"enable": false, "rollback": false});
        let rest = json!({"deploymentCircuitBreaker": breaker, "strategy": "ROLLING", "bakeTimeInMinutes": 0});
        fill(configuration, &rest);
    }
    members
        .entry("healthCheckGracePeriodSeconds")
        .or_insert(json!(0));
    let linked = iam::service_linked(call, "ecs.amazonaws.com");
    let sent = members.remove("role");
    let balanced = members.get("loadBalancers").and_then(Json::as_array);
    if members.contains_key("networkConfiguration") || balanced.is_some_and(|list| !list.is_empty())
    {
        // With awsvpc networking the service-linked role is used whatever role was sent: CreateService, role.
        let role = sent.filter(|_| !members.contains_key("networkConfiguration"));
        members.insert("roleArn".into(), role.unwrap_or(json!(linked)));
    }
    Ok(())
}

fn first_deployment(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    if call.world.get(key).is_some_and(sets::has_sets) {
        let external = call
            .world
            .get(key)
            .is_some_and(|service| service.is("deploymentController.type", "EXTERNAL"));
        return if external {
            Ok(())
        } else {
            sets::first(call, key)
        };
    }
    let digits = call.derive(&format!("deployment {}", key.id));
    let now = call.now;
    call.world.update(key, |service| {
        rollout::deploy(service, &digits, now);
        service.steps.push(Step::event(now + 1.0, "reconcile"));
    });
    service_deployments::open(call, key);
    Ok(())
}

fn update(call: &mut Call, service: &mut Record) -> Result<(), Refusal> {
    let old = call.need(SERVICE.name, &service.arn)?.clone();
    let force = call.input.get("forceNewDeployment") == Some(&json!(true));
    if controller(&old.body) == "CODE_DEPLOY" {
        // What is sent counts, not what differs: hashicorp/terraform-provider-aws issue 36727, pulumi/pulumi-aws issue 1961.
        let sent = [
            ("taskDefinition", "Unable to update task definition"),
            (
                "networkConfiguration",
                "Unable to update network parameters",
            ),
            ("platformVersion", "Unable to update platform version"),
            ("loadBalancers", "Unable to update load balancers"),
            ("serviceRegistries", "Unable to update service registries"),
            (
                "capacityProviderStrategy",
                "Unable to update capacity provider strategy",
            ),
        ];
        let sent = sent
            .iter()
            .find(|(name, _)| call.input.contains_key(*name))
            .map(|(_, what)| *what);
        let what = sent.or(force.then_some("Cannot force a new deployment"));
        if let Some(what) = what {
            let message = format!(
                "{what} on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment."
            );
            return Err(BY_CODE_DEPLOY.fault.with(&[("message", &message)]));
        }
    }
    if call.input.contains_key("capacityProviderStrategy") {
        if !force && old.body.contains_key("launchType") {
            return Err(invalid(
                "A new deployment must be forced to change from a launch type to a capacity provider strategy.",
            ));
        }
        service.set("launchType", Json::Null);
        let cluster = call.need(cluster::CLUSTER.name, service.text("clusterArn"))?;
        choose_launch(cluster, &mut service.body)?;
    }
    check(call, &mut service.body)?;
    if let Some(before) = old.body.get("deploymentConfiguration")
        && let Some(now) = service.body.get_mut("deploymentConfiguration")
    {
        fill(now, before);
    }
    let changed = DEPLOYED
        .iter()
        .any(|name| service.body.get(*name) != old.body.get(*name));
    if sets::has_sets(service) {
        rollout::schedule(service, call.now + 1.0);
        return Ok(());
    }
    if force || changed {
        let digits = call.derive(&format!("deployment {}", service.id));
        rollout::deploy(service, &digits, call.now);
    } else if let Some(first) = service
        .body
        .get("deployments")
        .and_then(|list| list.get(0))
        .cloned()
    {
        let mut first = first;
        first["desiredCount"] = service.body["desiredCount"].clone();
        first["updatedAt"] = json!(call.now);
        service.list_mut("deployments")[0] = first;
    }
    rollout::schedule(service, call.now + 1.0);
    Ok(())
}

/// Lets a service look after its tasks in so many seconds.
pub fn wake(call: &mut Call, arn: &str, after: f64) {
    let at = call.now + after;
    if let Some(id) = call.find(SERVICE.name, arn).map(|one| one.id.clone()) {
        call.update(SERVICE.name, &id, |service| rollout::schedule(service, at));
    }
}

/// A task of a service failed to start: the deployment counts it.
pub fn failed(call: &mut Call, task: &Record) {
    let (arn, now) = (task.text("serviceArn"), call.now);
    if let Some(id) = call.find(SERVICE.name, arn).map(|one| one.id.clone()) {
        call.update(SERVICE.name, &id, |service| {
            rollout::count_failure(service, task.text("startedBy"), now);
        });
        wake(call, arn, 1.0);
    }
}

/// Sets the desired count, as Application Auto Scaling does.
pub fn scale(call: &mut Call, arn: &str, desired: u64) {
    let Some(id) = call.find(SERVICE.name, arn).map(|one| one.id.clone()) else {
        return;
    };
    let now = call.now;
    call.update(SERVICE.name, &id, |service| {
        service.set("desiredCount", desired);
        if let Some(first) = service.list_mut("deployments").first_mut() {
            first["desiredCount"] = json!(desired);
            first["updatedAt"] = json!(now);
        }
        rollout::schedule(service, now + 1.0);
    });
}

fn delete(call: &mut Call) -> Answer {
    let name = call.text("service").unwrap_or_default();
    let service = call.need(SERVICE.name, name)?.clone();
    let force = call.input.get("force") == Some(&json!(true));
    let desired = service.body.get("desiredCount").and_then(Json::as_u64);
    if !force && desired.unwrap_or_default() > 0 {
        return Err(SCALED_DOWN.fault.with(&[]));
    }
    let tasks: Vec<String> = call
        .list_where(task::TASK.name, "serviceArn", &service.arn)
        .map(|one| one.id.clone())
        .collect();
    let now = call.now;
    call.update(SERVICE.name, &service.id, |service| {
        service.set("status", "DRAINING");
        service.set("desiredCount", 0);
        for deployment in service.list_mut("deployments") {
            deployment["desiredCount"] = json!(0);
        }
        rollout::schedule(service, now + 1.0);
    });
    for id in tasks {
        let reason = format!(
            "Scaling activity initiated by (deployment {})",
            service.text("serviceName")
        );
        task::stop(call, &id, "ServiceSchedulerInitiated", &reason);
    }
    let service = call.need(SERVICE.name, &service.id)?;
    Ok(json!({"service": call.show(SERVICE.name, service)}))
}

fn describe(call: &mut Call) -> Answer {
    let cluster = cluster::the_cluster(call)?;
    let names = call.texts("services[]");
    if names.is_empty() || names.len() > 10 {
        return Err(invalid("Services cannot be empty, nor more than 10."));
    }
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for name in names {
        match call.find_any(SERVICE.name, &name) {
            Some(service) if service.is("clusterArn", &cluster.arn) => {
                shown.push(described(call, SERVICE.name, service));
            }
            _ => {
                let short = name.rsplit('/').next().unwrap_or(&name);
                let arn = format!("{}/{short}", cluster.arn.replace(":cluster/", ":service/"));
                failures.push(json!({"arn": arn, "reason": "MISSING"}));
            }
        }
    }
    Ok(json!({"services": shown, "failures": failures}))
}

fn list(call: &mut Call) -> Answer {
    let cluster = cluster::the_cluster(call)?;
    let all = call.list_where(SERVICE.name, "clusterArn", &cluster.arn);
    let all = all.filter(|one| {
        ["launchType", "schedulingStrategy"]
            .iter()
            .all(|name| call.text(name).is_none_or(|wanted| one.is(name, wanted)))
    });
    listing(call, "serviceArns", all.map(|one| one.arn.clone()), 10)
}

/// A deployment's identifier: `ecs-svc/` and 19 digits.
pub fn deployment_id(digits: &str) -> String {
    let number = u64::from_str_radix(&digits[..15], 16).unwrap_or_default();
    format!("ecs-svc/{:019}", number % 10_000_000_000_000_000_000)
}

/// An event of the service, newest first; AWS keeps the last hundred.
pub fn say(call: &mut Call, key: &Key, message: &str) {
    let now = call.now;
    let digits = call.derive(&format!("event {} {message}", key.id));
    call.world.update(key, |service| {
        let text = format!("(service {}) {message}", service.text("serviceName"));
        let event = json!({"id": uuid(&digits), "createdAt": now, "message": text});
        let events = service.list_mut("events");
        events.insert(0, event);
        events.truncate(100);
    });
}
