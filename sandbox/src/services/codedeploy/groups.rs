//! Deployment groups: what an application is deployed to, and how.

use super::applications::APPLICATION;
use super::configurations::CONFIGURATION;
use super::{ECS, LAMBDA, SERVER, listing};
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, Unique, create, get, modify, run};
use crate::law::Law;
use crate::path;
use crate::services::{ecs, iam};
use crate::world::Record;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

const CHANGES: &[&str] = &["CreateDeploymentGroup", "UpdateDeploymentGroup"];

/// CodeDeploy acts as the group's role.
pub const ASSUMED: Law = Law {
    name: "the service role of a deployment group lets CodeDeploy assume it",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup, Errors: InvalidRoleException; CodeDeploy User Guide, Create a service role",
    fault: Fault::new("InvalidRoleException", "Cannot assume role provided."),
    check: None,
};

/// Configurations are of a platform.
pub const OF_PLATFORM: Law = Law {
    name: "the configuration of a deployment group is of its application's platform",
    operations: &[
        "CreateDeploymentGroup",
        "UpdateDeploymentGroup",
        "CreateDeployment",
    ],
    source: "CodeDeploy User Guide, Working with deployment configurations: they differ by compute platform",
    fault: Fault::new(
        "InvalidDeploymentConfigNameException",
        "The deployment configuration {id} is for the compute platform {theirs}, the application is for {ours}.",
    ),
    check: None,
};

/// Services and functions are deployed blue/green.
pub const STYLE: Law = Law {
    name: "services and functions are deployed blue/green with traffic control",
    operations: CHANGES,
    source: "CodeDeploy API Reference, DeploymentStyle; CodeDeploy User Guide, Overview of CodeDeploy compute platforms",
    fault: Fault::new(
        "InvalidDeploymentStyleException",
        "For {platform} deployment group, deploymentType must be BLUE_GREEN and deploymentOption must be WITH_TRAFFIC_CONTROL.",
    ),
    check: None,
};

/// Traffic control needs traffic.
pub const BALANCED: Law = Law {
    name: "traffic control needs a load balancer",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup, Errors: InvalidLoadBalancerInfoException; awsdocs/amazon-ecs-developer-guide issue 213 for the words",
    fault: Fault::new("InvalidLoadBalancerInfoException", "{message}"),
    check: None,
};

/// Blue and green.
pub const PAIR: Law = Law {
    name: "a service shifts between two target groups of one production listener",
    operations: CHANGES,
    source: "CodeDeploy API Reference, TargetGroupPairInfo and TrafficRoute; CreateDeploymentGroup, Errors: InvalidTargetGroupPairException",
    fault: Fault::new(
        "InvalidTargetGroupPairException",
        "A target group pair associated with this deployment is not valid. {message}",
    ),
    check: None,
};

/// The service is CodeDeploy's to deploy.
pub const SERVICE_THERE: Law = Law {
    name: "a deployment group is for one service that is there and has the CODE_DEPLOY controller",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup, Errors: InvalidECSServiceException",
    fault: Fault::new("InvalidECSServiceException", "{message}"),
    check: None,
};

/// One group a service.
pub const ONE_GROUP: Law = Law {
    name: "a service is in one deployment group",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup, Errors: ECSServiceMappingLimitExceededException",
    fault: Fault::new(
        "ECSServiceMappingLimitExceededException",
        "The Amazon ECS service {id} is associated with the deployment group {group} already. An Amazon ECS service can be associated with only one deployment group.",
    ),
    check: None,
};

/// What becomes of the old ones.
pub const BLUE_GREEN: Law = Law {
    name: "a blue/green group of a service says what becomes of the original task set",
    operations: CHANGES,
    source: "CodeDeploy API Reference, BlueGreenDeploymentConfiguration and BlueInstanceTerminationOption (at most 2880 minutes); CreateDeploymentGroup, Errors",
    fault: Fault::new(
        "InvalidBlueGreenDeploymentConfigurationException",
        "{message}",
    ),
    check: None,
};

/// Alarms that are watched are named.
pub const ALARMS: Law = Law {
    name: "an alarm configuration that is enabled names alarms, each once",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup, Errors: InvalidAlarmConfigException",
    fault: Fault::new("InvalidAlarmConfigException", "{message}"),
    check: Some(|call, law| {
        let Some(alarms) = call.input.get("alarmConfiguration") else {
            return Ok(());
        };
        let names = call.texts("alarmConfiguration.alarms[].name");
        if alarms["enabled"] == json!(true) && names.is_empty() {
            let message = "The alarm configuration is enabled, but the alarm list is empty.";
            return Err(law.fault.with(&[("message", message)]));
        }
        if names.iter().collect::<BTreeSet<_>>().len() < names.len() {
            let message = "The alarm configuration names an alarm twice.";
            return Err(law.fault.with(&[("message", message)]));
        }
        Ok(())
    }),
};

/// A rollback needs a reason.
pub const ROLLBACK: Law = Law {
    name: "automatic rollback that is enabled names its events",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup, Errors: InvalidAutoRollbackConfigException",
    fault: Fault::new(
        "InvalidAutoRollbackConfigException",
        "The automatic rollback configuration is enabled, but no event types were listed.",
    ),
    check: Some(|call, law| {
        let rollback = call.input.get("autoRollbackConfiguration");
        let enabled = rollback.is_some_and(|rollback| rollback["enabled"] == json!(true));
        if enabled && call.texts("autoRollbackConfiguration.events[]").is_empty() {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// One way to choose instances.
pub const TAGS_COMBINED: Law = Law {
    name: "instances are chosen by filters or by sets of filters",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup: \"cannot be used in the same call as ec2TagFilters\"",
    fault: Fault::new(
        "InvalidEC2TagCombinationException",
        "A call was submitted that specified both Ec2TagFilters and Ec2TagSet, but only one of these data types can be used in a single call.",
    ),
    check: Some(|call, law| {
        let both = !path::pick(&call.input, "ec2TagFilters[]").is_empty()
            && !path::pick(&call.input, "ec2TagSet.ec2TagSetList[]").is_empty();
        if both {
            Err(law.fault.with(&[]))
        } else {
            Ok(())
        }
    }),
};

/// On premises, too.
pub const SITE_TAGS_COMBINED: Law = Law {
    name: "on-premises instances are chosen by filters or by sets of filters",
    operations: CHANGES,
    source: "CodeDeploy API Reference, CreateDeploymentGroup: \"cannot be used in the same call as onPremisesInstanceTagFilters\"",
    fault: Fault::new(
        "InvalidOnPremisesTagCombinationException",
        "A call was submitted that specified both OnPremisesTagFilters and OnPremisesTagSet, but only one of these data types can be used in a single call.",
    ),
    check: Some(|call, law| {
        let both = !path::pick(&call.input, "onPremisesInstanceTagFilters[]").is_empty()
            && !path::pick(&call.input, "onPremisesTagSet.onPremisesTagSetList[]").is_empty();
        if both {
            Err(law.fault.with(&[]))
        } else {
            Ok(())
        }
    }),
};

/// A deployment group. Its identifier is `application/group`; requests name the group beside the application.
pub const GROUP: Kind = Kind {
    name: "codedeploy/group",
    id: Id::Made(|_, body, _| Ok(id_of(body))),
    arn: "arn:{partition}:codedeploy:{region}:{account}:deploymentgroup:{id}",
    resolve: Some(|call, name| {
        if name.starts_with("arn:") || name.contains('/') {
            return name.to_owned();
        }
        let application = call.text("applicationName").unwrap_or_default();
        format!("{application}/{name}")
    }),
    defaults: Some(|_| {
        json!({
            "ec2TagFilters": [], "onPremisesInstanceTagFilters": [], "autoScalingGroups": [], "triggerConfigurations": [],
            "ecsServices": [], "outdatedInstancesStrategy": "UPDATE", "terminationHookEnabled": false,
            "deploymentStyle": {"deploymentType": "IN_PLACE", "deploymentOption": "WITHOUT_TRAFFIC_CONTROL"},
        })
    }),
    tags: Tags::Unseen("tags"),
    refers: &[
        // Groups go with their application.
        Reference::new("applicationName", APPLICATION.name)
            .loose()
            .source("CodeDeploy API Reference, CreateDeploymentGroup, Errors"),
        Reference::new("deploymentConfigName", CONFIGURATION.name).source(
            "CodeDeploy API Reference, CreateDeploymentGroup and DeleteDeploymentConfig, Errors",
        ),
    ],
    unique: &[Unique::new(
        &["applicationName", "deploymentGroupName"],
        Fault::new(
            "DeploymentGroupAlreadyExistsException",
            "Deployment group name already exists: {deploymentGroupName}",
        ),
    )],
    not_found: Fault::new(
        "DeploymentGroupDoesNotExistException",
        "No Deployment Group found for name: {id}",
    ),
    operations: &[
        create(
            "CreateDeploymentGroup",
            Shows::With(|_, record| json!({"deploymentGroupId": record.text("deploymentGroupId")})),
        )
        .before(new_group)
        .prepare(made),
        modify(
            "UpdateDeploymentGroup",
            "currentDeploymentGroupName",
            Shows::With(|_, _| json!({"hooksNotCleanedUp": []})),
        )
        .before(of_application)
        .rename(&[("newDeploymentGroupName", "deploymentGroupName")])
        .prepare(changed),
        get(
            "GetDeploymentGroup",
            "deploymentGroupName",
            Shows::In("deploymentGroupInfo"),
        ),
        run("BatchGetDeploymentGroups", batch),
        run("ListDeploymentGroups", list),
        run("DeleteDeploymentGroup", delete),
    ],
    ..Kind::NEW
};

pub(super) fn id_of(body: &Map<String, Json>) -> String {
    let text = |name| path::text(body, name).unwrap_or_default();
    format!(
        "{}/{}",
        text("applicationName"),
        text("deploymentGroupName")
    )
}

/// The application that the request names.
fn application<'a>(call: &'a Call<'_>) -> Result<&'a Record, Refusal> {
    call.need(
        APPLICATION.name,
        call.text("applicationName").unwrap_or_default(),
    )
}

/// An unknown application is told before an unknown group.
fn of_application(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    application(call)?;
    normal(members);
    Ok(())
}

fn new_group(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let platform = application(call)?.text("computePlatform").to_owned();
    let default = match platform.as_str() {
        ECS => "CodeDeployDefault.ECSAllAtOnce",
        LAMBDA => "CodeDeployDefault.LambdaAllAtOnce",
        _ => "CodeDeployDefault.OneAtATime",
    };
    members
        .entry("deploymentConfigName")
        .or_insert(json!(default));
    members.insert("computePlatform".into(), json!(platform));
    normal(members);
    Ok(())
}

/// In the form in which CodeDeploy tells it.
fn normal(members: &mut Map<String, Json>) {
    if let Some(Json::Array(groups)) = members.get_mut("autoScalingGroups") {
        for group in groups.iter_mut().filter(|group| group.is_string()) {
            let name = group.as_str().unwrap_or_default();
            let hook = format!("CodeDeploy-managed-automatic-launch-deployment-hook-{name}");
            *group = json!({"name": name, "hook": hook});
        }
    }
    if let Some(Json::Object(alarms)) = members.get_mut("alarmConfiguration") {
        for (name, default) in [
            ("enabled", json!(false)),
            ("ignorePollAlarmFailure", json!(false)),
            ("alarms", json!([])),
        ] {
            alarms.entry(name).or_insert(default);
        }
    }
}

fn made(call: &mut Call, group: &mut Record) -> Result<(), Refusal> {
    check(call, group, None)?;
    let digits = call.derive(&format!("deployment group {}", group.id));
    group.set("deploymentGroupId", uuid(&digits));
    Ok(())
}

/// The record still has its old identifier.
fn changed(call: &mut Call, group: &mut Record) -> Result<(), Refusal> {
    // "To remove …, specify an empty": what is sent empty is there no more.
    for (name, list) in [
        ("loadBalancerInfo", ""),
        ("ec2TagSet", "ec2TagSetList"),
        ("onPremisesTagSet", "onPremisesTagSetList"),
    ] {
        let empty = match group.body.get(name) {
            Some(Json::Object(members)) => members
                .iter()
                .all(|(member, value)| (list.is_empty() || member == list) && value == &json!([])),
            _ => false,
        };
        if empty {
            group.set(name, Json::Null);
        }
    }
    let old = group.id.clone();
    check(call, group, Some(&old))?;
    let id = id_of(&group.body);
    if id != old {
        let head = group.arn.strip_suffix(&old).unwrap_or_default();
        group.arn = format!("{head}{id}");
        group.id = id;
    }
    Ok(())
}

/// Does the role trust CodeDeploy, of all regions or of this one?
pub(super) fn assumable(call: &Call, role: &str) -> bool {
    let regional = format!("codedeploy.{}.amazonaws.com", call.region);
    ["codedeploy.amazonaws.com", regional.as_str()]
        .iter()
        .any(|principal| iam::role_is_assumable(call, role, principal))
}

/// Is the configuration for this platform?
pub(super) fn of_platform(call: &Call, ours: &str, name: &str) -> Result<(), Refusal> {
    match call.find(CONFIGURATION.name, name) {
        Some(configuration) if !configuration.is("computePlatform", ours) => {
            let theirs = configuration.text("computePlatform");
            let names = [("id", name), ("theirs", theirs), ("ours", ours)];
            Err(OF_PLATFORM.fault.with(&names))
        }
        _ => Ok(()),
    }
}

/// What must hold of a group, new or changed.
fn check(call: &Call, group: &Record, own: Option<&str>) -> Result<(), Refusal> {
    let platform = group.text("computePlatform");
    if !assumable(call, group.text("serviceRoleArn")) {
        return Err(ASSUMED.fault.with(&[]));
    }
    of_platform(call, platform, group.text("deploymentConfigName"))?;
    let controlled = group.is("deploymentStyle.deploymentOption", "WITH_TRAFFIC_CONTROL");
    if platform != SERVER
        && !(controlled && group.is("deploymentStyle.deploymentType", "BLUE_GREEN"))
    {
        return Err(STYLE.fault.with(&[("platform", platform)]));
    }
    if platform == ECS {
        return check_service(call, group, own);
    }
    let balancers = [
        "elbInfoList[]",
        "targetGroupInfoList[]",
        "targetGroupPairInfoList[]",
    ];
    let balanced = balancers
        .iter()
        .any(|list| !path::pick(&group.body, &format!("loadBalancerInfo.{list}")).is_empty());
    if platform == SERVER && controlled && !balanced {
        let message = "The specification for load balancing in the deployment group is invalid. The deploymentOption value is set to \
                       WITH_TRAFFIC_CONTROL, but either no load balancer was specified in elbInfoList or no target group was specified in \
                       targetGroupInfoList.";
        return Err(BALANCED.fault.with(&[("message", message)]));
    }
    Ok(())
}

fn check_service(call: &Call, group: &Record, own: Option<&str>) -> Result<(), Refusal> {
    let count = |path: &str| path::pick(&group.body, path).len();
    if count("ecsServices[]") != 1 {
        let message = "For ECS deployment group, exactly one ECS service must be specified.";
        return Err(SERVICE_THERE.fault.with(&[("message", message)]));
    }
    let cluster = path::text(&group.body, "ecsServices[].clusterName").unwrap_or("default");
    let service = path::text(&group.body, "ecsServices[].serviceName").unwrap_or_default();
    let id = format!("{cluster}/{service}");
    match call.find(ecs::service::SERVICE.name, &id) {
        Some(found) if found.is("deploymentController.type", "CODE_DEPLOY") => {}
        Some(_) => {
            let message = "Deployment group's ECS service must be configured for a CODE_DEPLOY deployment controller.";
            return Err(SERVICE_THERE.fault.with(&[("message", message)]));
        }
        None => {
            let message =
                format!("The ECS service {service} cannot be found in the cluster {cluster}.");
            return Err(SERVICE_THERE.fault.with(&[("message", &message)]));
        }
    }
    let other = call.list(GROUP.name).find(|other| {
        Some(other.id.as_str()) != own
            && other.id != group.id
            && path::text(&other.body, "ecsServices[].clusterName") == Some(cluster)
            && path::text(&other.body, "ecsServices[].serviceName") == Some(service)
    });
    if let Some(other) = other {
        return Err(ONE_GROUP.fault.with(&[("id", &id), ("group", &other.id)]));
    }
    if count("loadBalancerInfo.targetGroupPairInfoList[]") != 1 {
        let message = "For ECS deployment group, loadBalancerInfo must be specified with one targetGroupPairInfo.";
        return Err(BALANCED.fault.with(&[("message", message)]));
    }
    let pair = "loadBalancerInfo.targetGroupPairInfoList[]";
    let names = path::texts(&group.body, &format!("{pair}.targetGroups[].name"));
    let message = if names.len() != 2 || names[0] == names[1] {
        Some("Two target groups must be specified.")
    } else if count(&format!("{pair}.prodTrafficRoute.listenerArns[]")) != 1 {
        Some("One production listener must be specified.")
    } else if count(&format!("{pair}.testTrafficRoute.listenerArns[]")) > 1 {
        Some("No more than one test listener can be specified.")
    } else {
        None
    };
    if let Some(message) = message {
        return Err(PAIR.fault.with(&[("message", message)]));
    }
    let number = |name: &str| {
        let path = format!("blueGreenDeploymentConfiguration.{name}");
        let found = path::pick(&group.body, &path);
        found.first().and_then(|number| number.as_i64())
    };
    let old = "terminateBlueInstancesOnDeploymentSuccess";
    let wait = number(&format!("{old}.terminationWaitTimeInMinutes")).unwrap_or_default();
    let ready = number("deploymentReadyOption.waitTimeInMinutes").unwrap_or_default();
    let message = if !group
        .body
        .get("blueGreenDeploymentConfiguration")
        .is_some_and(|blue_green| blue_green[old].is_object())
    {
        Some(
            "For ECS deployment group, terminateBlueInstancesOnDeploymentSuccess must be specified.",
        )
    } else if !(0..=2880).contains(&wait) {
        Some("The terminationWaitTimeInMinutes must be between 0 and 2880.")
    } else if ready < 0 {
        Some("The waitTimeInMinutes must not be negative.")
    } else {
        None
    };
    match message {
        Some(message) => Err(BLUE_GREEN.fault.with(&[("message", message)])),
        None => Ok(()),
    }
}

/// Unknown groups are left out (API_BatchGetDeploymentGroups: `errorMessage`).
fn batch(call: &mut Call) -> Answer {
    application(call)?;
    let mut unknown = Vec::new();
    let mut shown = Vec::new();
    for name in call.texts("deploymentGroupNames[]") {
        match call.find(GROUP.name, &name) {
            Some(group) => shown.push(call.show(GROUP.name, group)),
            None => unknown.push(name),
        }
    }
    let mut answer = json!({"deploymentGroupsInfo": shown});
    if !unknown.is_empty() {
        let message = format!("No Deployment Group found for name: {}", unknown.join(", "));
        answer["errorMessage"] = json!(message);
    }
    Ok(answer)
}

fn list(call: &mut Call) -> Answer {
    let application = application(call)?.id.clone();
    let groups = call.list(GROUP.name);
    let mine = groups.filter(|group| group.is("applicationName", &application));
    let names = mine.map(|group| group.text("deploymentGroupName").to_owned());
    let mut answer = listing(call, "deploymentGroups", names)?;
    answer.insert("applicationName".into(), json!(application));
    Ok(Json::Object(answer))
}

/// Deleting what is not there is no error (API_DeleteDeploymentGroup, Errors).
fn delete(call: &mut Call) -> Answer {
    let name = call.text("deploymentGroupName").unwrap_or_default();
    if let Some(group) = call.find(GROUP.name, name) {
        let id = group.id.clone();
        call.remove(GROUP.name, &id);
    }
    Ok(json!({"hooksNotCleanedUp": []}))
}
