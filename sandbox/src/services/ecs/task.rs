//! Tasks: from PROVISIONING to STOPPED over the clock.

use super::cluster::{self, CLUSTER};
use super::{client, definition, described, images, invalid, listing, network, service};
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Tags, run};
use crate::law::Law;
use crate::path;
use crate::services::ec2::interfaces;
use crate::services::iam;
use crate::tags;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// Who runs the containers must be allowed to.
pub const ROLE_ASSUMED: Law = Law {
    name: "tasks start when ECS can assume their roles",
    operations: &["RunTask"],
    source: "Amazon ECS Developer Guide, Amazon ECS service event messages: ECS was unable to assume the role",
    fault: Fault::new(
        "ClientException",
        "ECS was unable to assume the role '{id}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.",
    ),
    check: None,
};

/// The log group is there before the task starts.
pub const LOG_GROUP: Law = Law {
    name: "a task that logs to CloudWatch stops when its log group is not there",
    operations: &[],
    source: "Amazon ECS Developer Guide, Stopped tasks error codes: ResourceInitializationError",
    fault: Fault::new(
        "TaskFailedToStart",
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status 1",
    ),
    check: None,
};

/// A task. `serviceArn` is kept for the service's sake and never shown.
pub const TASK: Kind = Kind {
    name: "ecs/task",
    id: Id::Made(|_, _, digits| Ok(digits[..32].to_owned())),
    arn: "arn:{partition}:ecs:{region}:{account}:task/{clusterName}/{id}",
    arn_member: "taskArn",
    created_member: "createdAt",
    tags: Tags::LowerList("tags"),
    refers: &[
        Reference::new("clusterArn", "ecs/cluster")
            .in_use(Fault::new(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            ))
            .source("Amazon ECS API Reference, DeleteCluster, Errors"),
        Reference::new("serviceArn", "ecs/service")
            .loose()
            .unchecked(),
    ],
    not_found: Fault::new(
        "InvalidParameterException",
        "The referenced task was not found.",
    ),
    on_event: Some(on_event),
    operations: &[
        run("RunTask", run_task),
        run("StopTask", stop_task),
        run("DescribeTasks", describe),
        run("ListTasks", list),
    ],
    ..Kind::NEW
};

/// Not running yet, and meant to.
pub fn is_pending(task: &Record) -> bool {
    task.is("desiredStatus", "RUNNING") && !task.is("lastStatus", "RUNNING")
}

/// Running, and called healthy by its health check and its load balancers.
pub fn is_healthy(task: &Record, now: f64) -> bool {
    task.is("desiredStatus", "RUNNING")
        && task.is("lastStatus", "RUNNING")
        && task
            .hidden
            .get("healthy at")
            .and_then(Json::as_f64)
            .is_some_and(|at| at <= now)
}

/// Is what answers at this address a task that never gets healthy?
pub fn is_ill(call: &Call, address: &str) -> bool {
    call.list(TASK.name).any(|task| {
        task.hidden.get("ill") == Some(&json!(true))
            && task.hidden.get("address") == Some(&json!(address))
    })
}

/// What a new task is made of.
#[derive(Debug)]
pub struct Start<'a> {
    /// Its cluster.
    pub cluster: &'a Record,
    /// What it runs.
    pub definition: &'a Record,
    /// The service, when it is a service's.
    pub service: Option<&'a Record>,
    /// The members of the service, or of RunTask, that concern tasks.
    pub members: &'a Map<String, Json>,
    /// The deployment, or what RunTask says.
    pub started_by: &'a str,
    /// Which of the subnets.
    pub at: usize,
}

/// Starts a task: refused when a role cannot be assumed or a subnet has no address left.
///
/// # Errors
/// AWS's refusal.
pub fn start(call: &mut Call, start: &Start) -> Result<Record, Refusal> {
    let definition = start.definition;
    for name in ["taskRoleArn", "executionRoleArn"] {
        let role = definition.text(name);
        if !role.is_empty() && !iam::role_is_assumable(call, role, "ecs-tasks.amazonaws.com") {
            return Err(ROLE_ASSUMED.fault.with(&[("id", role)]));
        }
    }
    let strategy = path::text(start.members, "capacityProviderStrategy[].capacityProvider");
    let launch = path::text(start.members, "launchType").unwrap_or("EC2");
    if launch != "FARGATE" && strategy.is_none() {
        return Err(Refusal::new(
            "RESOURCE",
            "unable to place a task because no container instance met all of its requirements. Reason: No Container Instances were found in your cluster.",
        ));
    }
    let group = match start.service {
        Some(service) => format!("service:{}", service.text("serviceName")),
        None => path::text(start.members, "group").map_or_else(
            || format!("family:{}", definition.text("family")),
            str::to_owned,
        ),
    };
    let containers: Vec<Json> = definition
        .list("containerDefinitions")
        .iter()
        .map(|one| {
            json!({"name": one["name"], "image": one["image"], "lastStatus": "PENDING", "networkInterfaces": [], "healthStatus": "UNKNOWN",
                   "cpu": one["cpu"].to_string()})
        })
        .collect();
    let overrides = start.members.get("overrides").cloned();
    let mut members = json!({
        "clusterArn": start.cluster.arn, "clusterName": start.cluster.id, "taskDefinitionArn": definition.arn, "group": group,
        "desiredStatus": "RUNNING", "lastStatus": "PROVISIONING", "containers": containers, "attachments": [], "attributes": [],
        "cpu": definition.text("cpu"), "memory": definition.text("memory"), "launchType": "FARGATE", "platformVersion": "1.4.0",
        "platformFamily": "Linux", "healthStatus": "UNKNOWN", "version": 1, "connectivity": "CONNECTED", "connectivityAt": call.now,
        "overrides": overrides.unwrap_or_else(|| json!({"containerOverrides": [], "inferenceAcceleratorOverrides": []})),
        "enableExecuteCommand": start.members.get("enableExecuteCommand").cloned().unwrap_or(json!(false)),
    });
    if let Some(provider) = strategy {
        members["capacityProviderName"] = json!(provider);
    }
    if !start.started_by.is_empty() {
        members["startedBy"] = json!(start.started_by);
    }
    if let Some(service) = start.service {
        members["serviceArn"] = json!(service.arn);
        members["loadBalancers"] = start
            .members
            .get("loadBalancers")
            .cloned()
            .unwrap_or_default();
    }
    let mut task = call.make(TASK.name, members)?;
    let configuration = "networkConfiguration.awsvpcConfiguration";
    let subnets = path::texts(start.members, &format!("{configuration}.subnets[]"));
    if let Some(subnet) = subnets.get(start.at % subnets.len().max(1)) {
        let groups = path::texts(start.members, &format!("{configuration}.securityGroups[]"));
        let public = path::text(start.members, &format!("{configuration}.assignPublicIp"));
        let attachment = uuid(&call.derive(&format!("attachment {}", task.id)));
        let description = format!(
            "arn:{}:ecs:{}:{}:attachment/{attachment}",
            call.partition(),
            call.region,
            call.account
        );
        let opening = interfaces::Opening {
            subnet,
            groups: &groups,
            description: &description,
            requester: "578734482556",
            public: public == Some("ENABLED"),
            ..Default::default()
        };
        let interface = match interfaces::open(call, &opening) {
            Ok(interface) => interface,
            Err(refusal) => {
                call.remove(TASK.name, &task.id);
                return Err(refusal);
            }
        };
        let detail = |name: &str, value: &str| json!({"name": name, "value": value});
        let details = json!([
            detail("subnetId", subnet),
            detail("networkInterfaceId", &interface.id),
            detail("macAddress", interface.text("MacAddress")),
            detail("privateDnsName", interface.text("PrivateDnsName")),
            detail("privateIPv4Address", interface.text("PrivateIpAddress")),
        ]);
        let one = json!({"id": attachment, "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": details});
        task.set("attachments", json!([one]));
        task.set("availabilityZone", interface.text("AvailabilityZone"));
        task.hidden.insert("interface".into(), json!(interface.id));
        task.hidden
            .insert("address".into(), json!(interface.text("PrivateIpAddress")));
        let inner = json!([{"attachmentId": attachment, "privateIpv4Address": interface.text("PrivateIpAddress")}]);
        for container in task.list_mut("containers") {
            container["networkInterfaces"] = inner.clone();
        }
    }
    let taken: &Record = match (path::text(start.members, "propagateTags"), start.service) {
        (Some("SERVICE"), Some(service)) => service,
        (Some("TASK_DEFINITION"), _) => definition,
        _ => &Record::default(),
    };
    task.tags.extend(taken.tags.clone());
    if start.members.get("enableECSManagedTags") == Some(&json!(true)) {
        task.tags
            .insert("aws:ecs:clusterName".into(), start.cluster.id.clone());
        if let Some(service) = start.service {
            let name = service.text("serviceName").to_owned();
            task.tags.insert("aws:ecs:serviceName".into(), name);
        }
    }
    task.steps
        .push(Step::set(call.now + 4.0, "lastStatus", "PENDING"));
    task.steps.push(Step::event(call.now + 10.0, "pulled"));
    call.world.put(call.key(TASK.name, &task.id), task.clone());
    Ok(task)
}

/// Stops a task: it leaves its target groups at once and is gone from its subnet some seconds later.
pub fn stop(call: &mut Call, id: &str, code: &str, reason: &str) {
    let Some(task) = call.find(TASK.name, id).cloned() else {
        return;
    };
    if !task.is("desiredStatus", "RUNNING") {
        return;
    }
    targets(call, &task, "DeregisterTargets");
    let now = call.now;
    call.update(TASK.name, id, |task| {
        task.set("desiredStatus", "STOPPED");
        task.set("lastStatus", "DEACTIVATING");
        task.set("stopCode", code);
        task.set("stoppedReason", reason);
        task.set("stoppingAt", now);
        task.steps.clear();
        task.steps
            .push(Step::set(now + 2.0, "lastStatus", "STOPPING"));
        task.steps
            .push(Step::set(now + 6.0, "lastStatus", "DEPROVISIONING"));
        task.steps.push(Step::event(now + 10.0, "stopped"));
    });
}

/// Enters the task into its service's target groups, or takes it out.
fn targets(call: &mut Call, task: &Record, operation: &str) {
    let address = task.hidden.get("address").cloned().unwrap_or_default();
    for balancer in task.list("loadBalancers").to_vec() {
        let target = json!({"Id": address, "Port": balancer["containerPort"]});
        let input = json!({"TargetGroupArn": balancer["targetGroupArn"], "Targets": [target]});
        // A target group may be gone by now; ECS then says so in an event and goes on.
        if let Err(refusal) = call.call("elbv2", operation, input) {
            tracing::debug!(%refusal, operation, "a task's target");
        }
    }
}

/// Are all log groups there that the containers write to?
fn log_groups_there(call: &mut Call, definition: &Record) -> bool {
    for container in definition.list("containerDefinitions") {
        let log = &container["logConfiguration"];
        let options = &log["options"];
        if log["logDriver"] != json!("awslogs") || options["awslogs-create-group"] == json!("true")
        {
            continue;
        }
        let elsewhere = options["awslogs-region"]
            .as_str()
            .is_some_and(|region| region != call.region);
        let (false, Some(name)) = (elsewhere, options["awslogs-group"].as_str()) else {
            continue;
        };
        let asked = json!({"logGroupNamePrefix": name});
        if let Ok(answer) = call.call("logs", "DescribeLogGroups", asked) {
            let groups = answer["logGroups"].as_array();
            if !groups
                .into_iter()
                .flatten()
                .any(|one| one["logGroupName"] == json!(name))
            {
                return false;
            }
        }
    }
    true
}

fn on_event(call: &mut Call, key: &Key, event: &str) {
    let Some(task) = call.world.get(key).cloned() else {
        return;
    };
    let now = call.now;
    match event {
        "pulled" => {
            let definition = call
                .find_any(definition::DEFINITION.name, task.text("taskDefinitionArn"))
                .cloned();
            if definition.is_some_and(|definition| !log_groups_there(call, &definition)) {
                call.update(TASK.name, &key.id, |task| {
                    task.hidden.insert("failed".into(), json!(true));
                });
                stop(call, &key.id, "TaskFailedToStart", LOG_GROUP.fault.message);
                service::failed(call, &task);
                return;
            }
            let images = path::texts(&task.body, "containers[].image");
            let missing = images
                .iter()
                .find_map(|image| images::cannot_be_pulled(call, image));
            if let Some(reason) = missing {
                stop(call, &key.id, "TaskFailedToStart", &reason);
                service::failed(call, &task);
                return;
            }
            call.update(TASK.name, &key.id, |task| {
                task.set("lastStatus", "ACTIVATING");
                task.set("pullStartedAt", now - 4.0);
                task.set("pullStoppedAt", now);
                task.steps.push(Step::event(now + 4.0, "running"));
            });
        }
        "running" => {
            call.update(TASK.name, &key.id, |task| {
                task.set("lastStatus", "RUNNING");
                task.set("startedAt", now);
                for container in task.list_mut("containers") {
                    container["lastStatus"] = json!("RUNNING");
                }
            });
            targets(call, &task, "RegisterTargets");
            checked(call, &key.id);
            service::wake(call, task.text("serviceArn"), 0.5);
        }
        "healthy" => {
            call.update(TASK.name, &key.id, |task| {
                if task.hidden.get("checked") == Some(&json!(true)) {
                    task.set("healthStatus", "HEALTHY");
                }
            });
            service::wake(call, task.text("serviceArn"), 0.5);
        }
        "ill" => {
            let reason = match task.list("loadBalancers").first() {
                Some(balancer) => format!(
                    "Task failed ELB health checks in (target-group {})",
                    balancer["targetGroupArn"].as_str().unwrap_or_default()
                ),
                None if task.hidden.get("checked") == Some(&json!(true)) => {
                    "Task failed container health checks".to_owned()
                }
                None => "Essential container in task exited".to_owned(),
            };
            let code = if reason.starts_with("Essential") {
                "EssentialContainerExited"
            } else {
                "ServiceSchedulerInitiated"
            };
            stop(call, &key.id, code, &reason);
            service::failed(call, &task);
        }
        "stopped" => {
            if let Some(interface) = task.hidden.get("interface").and_then(Json::as_str) {
                interfaces::close(call, interface, 0.0);
            }
            call.update(TASK.name, &key.id, |task| {
                task.set("lastStatus", "STOPPED");
                task.set("stoppedAt", now);
                task.set("executionStoppedAt", now);
                for container in task.list_mut("containers") {
                    container["lastStatus"] = json!("STOPPED");
                }
                for attachment in task.list_mut("attachments") {
                    attachment["status"] = json!("DELETED");
                }
                task.dead = true;
                // "Stopped tasks remain visible for at least one hour": Amazon ECS Developer Guide, Viewing stopped tasks.
                task.steps.push(Step::gone(now + 3600.0));
            });
            service::wake(call, task.text("serviceArn"), 0.5);
        }
        _ => {}
    }
}

/// When the task that runs now is called healthy, or given up: after as many checks as the container and the target groups ask for,
/// and not before the service's grace period is over (CreateService, healthCheckGracePeriodSeconds).
fn checked(call: &mut Call, id: &str) {
    let Some(task) = call.find(TASK.name, id).cloned() else {
        return;
    };
    let definition = call.find_any(definition::DEFINITION.name, task.text("taskDefinitionArn"));
    let own: Vec<f64> = definition
        .iter()
        .flat_map(|definition| definition.list("containerDefinitions"))
        .filter(|container| container["healthCheck"].is_object())
        .map(|container| {
            container["healthCheck"]["interval"]
                .as_f64()
                .unwrap_or(30.0)
        })
        .collect();
    let groups: Vec<&Record> = task
        .list("loadBalancers")
        .iter()
        .filter_map(|balancer| balancer["targetGroupArn"].as_str())
        .filter_map(|arn| call.find("elbv2/target-group", arn))
        .collect();
    let rounds = |threshold: &str| {
        let number = |group: &Record, member: &str| group.body.get(member).and_then(Json::as_f64);
        let rounds = groups.iter().map(|group| {
            number(group, threshold).unwrap_or(1.0)
                * number(group, "HealthCheckIntervalSeconds").unwrap_or(30.0)
        });
        rounds.chain(own.iter().copied()).fold(0.0, f64::max)
    };
    let images = path::texts(&task.body, "containers[].image");
    let ill = images
        .iter()
        .any(|image| images::failure(call, image) == Some(images::Failure::Health));
    let grace = call
        .find(service::SERVICE.name, task.text("serviceArn"))
        .and_then(|service| service.body.get("healthCheckGracePeriodSeconds")?.as_f64())
        .unwrap_or_default();
    let (healthy, given_up) = (
        rounds("HealthyThresholdCount"),
        rounds("UnhealthyThresholdCount"),
    );
    let (now, checked) = (call.now, !own.is_empty());
    call.update(TASK.name, id, |task| {
        task.hidden.insert("checked".into(), json!(checked));
        if ill {
            task.hidden.insert("ill".into(), json!(true));
            let at = now + given_up.max(grace).max(5.0);
            task.steps.push(Step::event(at, "ill"));
            return;
        }
        task.hidden
            .insert("healthy at".into(), json!(now + healthy));
        if healthy > 0.0 {
            task.steps.push(Step::event(now + healthy, "healthy"));
        }
    });
}

fn run_task(call: &mut Call) -> Answer {
    let cluster = cluster::the_cluster(call)?;
    let name = call.text("taskDefinition").unwrap_or_default();
    let definition = definition::active(call, name)?;
    let mut members = call.input.clone();
    service::choose_launch(&cluster, &mut members)?;
    service::compatible(&members, &definition)?;
    network::check(call, &mut members, &definition)?;
    let count = call.input.get("count").and_then(Json::as_u64).unwrap_or(1);
    if !(1..=10).contains(&count) {
        return Err(invalid("count must be between 1 and 10."));
    }
    let sent = tags::read(call.input.get("tags").unwrap_or(&Json::Null));
    let started_by = call.text("startedBy").unwrap_or_default().to_owned();
    let (mut started, mut failures) = (Vec::new(), Vec::new());
    for at in 0..count as usize {
        let one = Start {
            cluster: &cluster,
            definition: &definition,
            service: None,
            members: &members,
            started_by: &started_by,
            at,
        };
        match start(call, &one) {
            Ok(task) => {
                let key = call.key(TASK.name, &task.id);
                tags::add(call, &key, &sent)?;
                let task = call.need(TASK.name, &task.id)?;
                started.push(call.show(TASK.name, task));
            }
            Err(refusal) if refusal.code == "RESOURCE" => {
                failures.push(json!({"arn": cluster.arn, "reason": "RESOURCE:ENI"}));
            }
            Err(refusal) if refusal.code == "ClientException" => return Err(refusal),
            Err(refusal) => return Err(client(refusal.message)),
        }
    }
    Ok(json!({"tasks": started, "failures": failures}))
}

fn stop_task(call: &mut Call) -> Answer {
    let name = call.text("task").unwrap_or_default();
    let id = name.rsplit('/').next().unwrap_or(name).to_owned();
    let task = call.need(TASK.name, &id)?;
    let service = task.text("serviceArn").to_owned();
    let reason = call
        .text("reason")
        .unwrap_or("Task stopped by user")
        .to_owned();
    stop(call, &id, "UserInitiated", &reason);
    service::wake(call, &service, 1.0);
    let task = call.need(TASK.name, &id)?;
    Ok(json!({"task": call.show(TASK.name, task)}))
}

fn describe(call: &mut Call) -> Answer {
    let cluster = cluster::the_cluster(call)?;
    let (mut shown, mut failures) = (Vec::new(), Vec::new());
    for name in call.texts("tasks[]") {
        let id = name.rsplit('/').next().unwrap_or(&name);
        match call.find_any(TASK.name, id) {
            Some(task) if task.is("clusterArn", &cluster.arn) => {
                shown.push(described(call, TASK.name, task));
            }
            _ => {
                let arn = format!("{}/{id}", cluster.arn.replace(":cluster/", ":task/"));
                failures.push(json!({"arn": arn, "reason": "MISSING"}));
            }
        }
    }
    Ok(json!({"tasks": shown, "failures": failures}))
}

fn list(call: &mut Call) -> Answer {
    let cluster = call
        .need(CLUSTER.name, call.text("cluster").unwrap_or("default"))?
        .arn
        .clone();
    let status = call.text("desiredStatus").unwrap_or("RUNNING");
    let family = call.text("family");
    let group = match call.text("serviceName") {
        Some(name) => {
            let service = call
                .find_any(service::SERVICE.name, name)
                .ok_or_else(|| Refusal::new("ServiceNotFoundException", "Service not found."))?;
            Some(format!("service:{}", service.text("serviceName")))
        }
        None => None,
    };
    let all = call.world.records(TASK.name, &call.account, &call.region);
    let all = all.filter(|task| {
        let of_family = |family: &str| {
            let arn = task.text("taskDefinitionArn");
            arn.rsplit('/').next().and_then(|one| one.split(':').next()) == Some(family)
        };
        task.is("clusterArn", &cluster)
            && task.is("desiredStatus", status)
            && group.as_ref().is_none_or(|group| task.is("group", group))
            && family.is_none_or(of_family)
            && call
                .text("startedBy")
                .is_none_or(|by| task.is("startedBy", by))
            && call
                .text("launchType")
                .is_none_or(|launch| task.is("launchType", launch))
    });
    listing(call, "taskArns", all.map(|task| task.arn.clone()), 100)
}
