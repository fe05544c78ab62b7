//! Deployments of services: a replacement task set, its traffic step by step, the end of the original one; or the way back.

use super::appspec::{self, AppSpec};
use super::configurations::CONFIGURATION;
use super::deployments::{self, DEPLOYMENT};
use super::groups::{self, GROUP};
use crate::call::Call;
use crate::path;
use crate::services::ecs::images;
use crate::services::ecs::service::SERVICE;
use crate::services::ecs::sets::{self, SET};
use crate::services::elbv2::shift::{self, Route};
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// The lifecycle events, in their order (CodeDeploy User Guide, AppSpec 'hooks' section for an Amazon ECS deployment).
pub(super) const EVENTS: [&str; 8] = [
    "BeforeInstall",
    "Install",
    "AfterInstall",
    "AllowTestTraffic",
    "AfterAllowTestTraffic",
    "BeforeAllowTraffic",
    "AllowTraffic",
    "AfterAllowTraffic",
];

/// How often a deployment looks at its task set and its alarms, in seconds.
const LOOKS: f64 = 10.0;
/// How long a hook's function takes, in seconds.
const HOOK: f64 = 5.0;
/// "This time out period is 60 minutes."
const PATIENCE: f64 = 3_600.0;

/// Why a deployment does not succeed.
struct Trouble {
    status: &'static str,
    /// The event of automatic rollback that it is.
    event: &'static str,
    code: &'static str,
    message: String,
}

impl Trouble {
    fn failure(code: &'static str, message: impl Into<String>) -> Trouble {
        Trouble {
            status: "Failed",
            event: "DEPLOYMENT_FAILURE",
            code,
            message: message.into(),
        }
    }
}

/// What is next, and when.
enum Next {
    /// Look again after so many seconds.
    After(f64),
    /// The next stage at once.
    Go,
}

/// Carries a deployment on.
pub(super) fn advance(call: &mut Call, key: &Key) {
    loop {
        let Some(deployment) = call.world.get(key).cloned() else {
            return;
        };
        if deployments::is_over(&deployment) {
            return;
        }
        let done = match alarmed(call, &deployment) {
            Some(trouble) => Err(trouble),
            None => stage(call, key, &deployment),
        };
        match done {
            Ok(Next::Go) => {
                let at = text(&deployment, "stage").to_owned();
                let now = call.now;
                call.world.update(key, |deployment| {
                    finish_event(deployment, &at, "Succeeded", now);
                    let next = following(deployment, &at);
                    deployment.hidden.insert("stage".into(), json!(next));
                    deployment.hidden.insert("since".into(), json!(now));
                });
            }
            Ok(Next::After(seconds)) => {
                let at = call.now + seconds;
                call.world.update(key, |deployment| {
                    deployment.steps = vec![Step::event(at, "continues")];
                });
                return;
            }
            Err(trouble) => return fail(call, key, &trouble),
        }
    }
}

fn text<'a>(deployment: &'a Record, name: &str) -> &'a str {
    deployment
        .hidden
        .get(name)
        .and_then(Json::as_str)
        .unwrap_or_default()
}

fn number(deployment: &Record, name: &str) -> Option<f64> {
    deployment.hidden.get(name).and_then(Json::as_f64)
}

/// The stage after one: the lifecycle events, the waits between them, the end. A rollback has stages of its own.
fn following(deployment: &Record, stage: &str) -> &'static str {
    if deployment.hidden.contains_key("undoes") {
        return match stage {
            "" => "back",
            "back" => "clean",
            _ => "end",
        };
    }
    match stage {
        "" => EVENTS[0],
        "AfterAllowTestTraffic" => "ready",
        "ready" => "BeforeAllowTraffic",
        "AfterAllowTraffic" => "wait",
        "wait" => "terminate",
        "terminate" => "end",
        event => EVENTS
            .iter()
            .position(|one| *one == event)
            .and_then(|at| EVENTS.get(at + 1))
            .copied()
            .unwrap_or("end"),
    }
}

fn stage(call: &mut Call, key: &Key, deployment: &Record) -> Result<Next, Trouble> {
    let stage = text(deployment, "stage").to_owned();
    if EVENTS.contains(&stage.as_str()) {
        let now = call.now;
        call.world
            .update(key, |deployment| begin_event(deployment, &stage, now));
    }
    match stage.as_str() {
        "" => prepare(call, key, deployment),
        "Install" => install(call, key, deployment),
        "AllowTestTraffic" => {
            if let Some(listener) = listener(deployment, "testTrafficRoute") {
                swing(call, deployment, &listener, 100)?;
            }
            Ok(Next::Go)
        }
        "ready" => ready(call, key, deployment),
        "AllowTraffic" => shift_step(call, key, deployment),
        "wait" => wait(call, key, deployment),
        "terminate" => remove(call, deployment, "blue"),
        "back" => back(call, key, deployment),
        "clean" => remove(call, deployment, "green"),
        "end" => {
            call.world.update(key, |deployment| {
                deployment.set("deploymentOverview.InProgress", 0);
                deployment.set("deploymentOverview.Succeeded", 1);
            });
            deployments::end(call, key, "Succeeded", None);
            Ok(Next::After(0.0))
        }
        hook => call_hook(call, deployment, hook),
    }
}

/// Events as a target tells them.
fn begin_event(deployment: &mut Record, name: &str, now: f64) {
    event(deployment, name, |event| {
        if event["status"] == json!("Pending") {
            event["status"] = json!("InProgress");
            event["startTime"] = json!(now);
        }
    });
    deployment.hidden.insert("updated".into(), json!(now));
}

fn finish_event(deployment: &mut Record, name: &str, status: &str, now: f64) {
    event(deployment, name, |event| {
        event["status"] = json!(status);
        event["endTime"] = json!(now);
    });
    deployment.hidden.insert("updated".into(), json!(now));
}

fn event(deployment: &mut Record, name: &str, change: impl FnOnce(&mut Json)) {
    if let Some(Json::Array(events)) = deployment.hidden.get_mut("events")
        && let Some(event) = events
            .iter_mut()
            .find(|event| event["lifecycleEventName"] == json!(name))
    {
        change(event);
    }
}

fn the_service(call: &Call, deployment: &Record) -> Result<Record, Trouble> {
    let id = text(deployment, "service");
    let found = call.find(SERVICE.name, id).cloned();
    found.ok_or_else(|| {
        let message = "The ECS service cannot be found, or is not active.";
        Trouble::failure("INVALID_ECS_SERVICE", message)
    })
}

/// ARNs of the pair's target groups, the one that is called blue first.
fn pair(deployment: &Record) -> [String; 2] {
    ["blue group", "green group"].map(|name| text(deployment, name).to_owned())
}

fn listener(deployment: &Record, route: &str) -> Option<String> {
    let pair = format!("loadBalancerInfo.targetGroupPairInfoList[].{route}.listenerArns[]");
    path::text(&deployment.body, &pair).map(str::to_owned)
}

/// So many percent to the replacement task set.
fn swing(
    call: &mut Call,
    deployment: &Record,
    listener: &str,
    percent: u64,
) -> Result<(), Trouble> {
    let [blue, green] = pair(deployment);
    let weights = [100 - percent, percent];
    shift::swing(call, Route::Listener(listener), [&blue, &green], weights)
        .map(|_| ())
        .map_err(|refusal| {
            let message = format!(
                "The ELB could not be updated due to the following error: {}",
                refusal.message
            );
            Trouble::failure("ELASTIC_LOAD_BALANCING_INVALID", message)
        })
}

/// Finds out what is to be done.
fn prepare(call: &mut Call, key: &Key, deployment: &Record) -> Result<Next, Trouble> {
    let cannot = |message: String| Trouble::failure("ECS_UPDATE_ERROR", message);
    let Some(group) = call
        .find(GROUP.name, &groups::id_of(&deployment.body))
        .cloned()
    else {
        let message = "The deployment group cannot be found.";
        return Err(Trouble::failure("DEPLOYMENT_GROUP_MISSING", message));
    };
    if !groups::assumable(call, group.text("serviceRoleArn")) {
        let message = "The service role cannot be assumed by CodeDeploy.";
        return Err(Trouble::failure("IAM_ROLE_MISSING", message));
    }
    let cluster = path::text(&group.body, "ecsServices[].clusterName").unwrap_or_default();
    let name = path::text(&group.body, "ecsServices[].serviceName").unwrap_or_default();
    let id = format!("{cluster}/{name}");
    let mut named = deployment.clone();
    named.hidden.insert("service".into(), json!(id));
    let service = the_service(call, &named)?;
    let all: Vec<Record> = sets::of(call, &service.arn).into_iter().cloned().collect();
    let primary = all.iter().find(|set| set.is("status", "PRIMARY"));
    let Some(primary) = primary else {
        return Err(cannot("The ECS service has no primary task set.".into()));
    };
    let names = path::texts(
        &group.body,
        "loadBalancerInfo.targetGroupPairInfoList[].targetGroups[].name",
    );
    let mut arns = Vec::new();
    for name in &names {
        let Some(found) = call.find("elbv2/target-group", name) else {
            let message = format!("The target group {name} cannot be found.");
            return Err(Trouble::failure("ELASTIC_LOAD_BALANCING_INVALID", message));
        };
        arns.push(found.arn.clone());
    }
    let serving = path::text(&primary.body, "loadBalancers[].targetGroupArn").unwrap_or_default();
    let Some(blue) = arns.iter().find(|arn| *arn == serving).cloned() else {
        let message =
            "The target group of the primary task set is not one of the deployment group's pair.";
        return Err(Trouble::failure("ELASTIC_LOAD_BALANCING_INVALID", message));
    };
    let green = arns
        .into_iter()
        .find(|arn| *arn != blue)
        .unwrap_or_default();
    let production = listener(deployment, "prodTrafficRoute").unwrap_or_default();
    if !shift::reaches(call, Route::Listener(&production), &blue) {
        let message = "The ELB could not be updated due to the following error: Primary taskset target group must be behind listener";
        return Err(Trouble::failure("ELASTIC_LOAD_BALANCING_INVALID", message));
    }
    let revision = deployment.body.get("revision").cloned().unwrap_or_default();
    let spec = appspec::read(call, &revision)
        .map_err(|message| Trouble::failure("INVALID_REVISION", message))?;
    // What earlier deployments have left.
    for left in all.iter().filter(|set| !set.is("status", "PRIMARY")) {
        delete_set(call, &service, &left.id);
    }
    let primary = primary.clone();
    call.world.update(key, |deployment| {
        let hidden = &mut deployment.hidden;
        for (name, value) in [
            ("service", json!(service.id)),
            ("blue", json!(primary.id)),
            ("blue set", Json::Object(primary.body.clone())),
            ("blue group", json!(blue)),
            ("green group", json!(green)),
            ("set", Json::Object(spec.set)),
            ("hooks", Json::Object(spec.hooks)),
            ("weight", json!(0)),
        ] {
            hidden.insert(name.to_owned(), value);
        }
        let events: Vec<Json> = EVENTS
            .iter()
            .map(|name| json!({"lifecycleEventName": name, "status": "Pending"}))
            .collect();
        hidden.insert("events".into(), json!(events));
        deployment.set("deploymentOverview.InProgress", 1);
    });
    Ok(Next::Go)
}

/// Asks a function of the AppSpec. What it does is not simulated: it succeeds unless it is called bad or is not there.
fn call_hook(call: &mut Call, deployment: &Record, hook: &str) -> Result<Next, Trouble> {
    let Some(function) = deployment
        .hidden
        .get("hooks")
        .and_then(|hooks| hooks[hook].as_str())
    else {
        return Ok(Next::Go);
    };
    let since = number(deployment, "since").unwrap_or(call.now);
    if call.now < since + HOOK {
        return Ok(Next::After(since + HOOK - call.now));
    }
    let asked = json!({"FunctionName": function});
    let gone = call
        .call("lambda", "GetFunction", asked)
        .is_err_and(|refusal| refusal.code == "ResourceNotFoundException");
    if gone || images::failure(call, function).is_some() {
        let message = format!(
            "The Lambda function {function} of the lifecycle event {hook} failed: the deployment failed because the hook did not succeed."
        );
        return Err(Trouble::failure("HOOK_EXECUTION_FAILURE", message));
    }
    Ok(Next::Go)
}

/// Makes the replacement task set and waits until it is steady.
fn install(call: &mut Call, key: &Key, deployment: &Record) -> Result<Next, Trouble> {
    let service = the_service(call, deployment)?;
    let green = text(deployment, "green").to_owned();
    if green.is_empty() {
        let [_, group] = pair(deployment);
        let production = listener(deployment, "prodTrafficRoute").unwrap_or_default();
        swing(call, deployment, &production, 0)?;
        let mut members = deployment
            .hidden
            .get("set")
            .and_then(Json::as_object)
            .cloned()
            .unwrap_or_default();
        let balancer = members
            .get_mut("loadBalancers")
            .and_then(|balancers| balancers.get_mut(0));
        if let Some(balancer) = balancer {
            balancer["targetGroupArn"] = json!(group);
        }
        members.insert("startedBy".into(), json!("CODE_DEPLOY"));
        members.insert("externalId".into(), json!(deployment.id));
        let set = sets::make(call, &service, members).map_err(|refusal| {
            let message = format!(
                "The ECS service cannot be updated due to the following error: {}",
                refusal.message
            );
            Trouble::failure("ECS_UPDATE_ERROR", message)
        })?;
        call.world.update(key, |deployment| {
            deployment.hidden.insert("green".into(), json!(set.id));
        });
        return Ok(Next::After(LOOKS));
    }
    let steady = call
        .find(SET.name, &green)
        .is_some_and(|set| set.is("stabilityStatus", "STEADY_STATE"));
    if steady {
        return Ok(Next::Go);
    }
    let since = number(deployment, "since").unwrap_or(call.now);
    if call.now >= since + PATIENCE {
        let message = "The deployment timed out while waiting for the replacement task set to become healthy. This time out period is 60 \
                       minutes.";
        return Err(Trouble::failure("TIMEOUT", message));
    }
    Ok(Next::After(LOOKS))
}

/// Waits to be continued, where the group wants that (API_DeploymentReadyOption).
fn ready(call: &mut Call, key: &Key, deployment: &Record) -> Result<Next, Trouble> {
    let option = "blueGreenDeploymentConfiguration.deploymentReadyOption";
    let stops = path::text(&deployment.body, &format!("{option}.actionOnTimeout"))
        == Some("STOP_DEPLOYMENT");
    let minutes = path::pick(&deployment.body, &format!("{option}.waitTimeInMinutes"));
    let minutes = minutes.first().and_then(|minutes| minutes.as_f64());
    if !stops || deployment.hidden.contains_key("continued READY_WAIT") {
        call.world
            .update(key, |deployment| deployment.set("status", "InProgress"));
        return Ok(Next::Go);
    }
    call.world
        .update(key, |deployment| deployment.set("status", "Ready"));
    let since = number(deployment, "since").unwrap_or(call.now);
    let until = since + minutes.unwrap_or_default() * 60.0;
    if call.now >= until {
        return Err(Trouble {
            status: "Stopped",
            event: "DEPLOYMENT_STOP_ON_REQUEST",
            code: "TIMEOUT",
            message: "The deployment was stopped because traffic rerouting was not started before the end of the wait period.".into(),
        });
    }
    Ok(Next::After(LOOKS.min(until - call.now)))
}

/// Shares of traffic and the seconds at which they are reached (API_TrafficRoutingConfig).
fn shares(configuration: &Record) -> Vec<(f64, u64)> {
    let number = |path: &str| {
        let found = path::pick(&configuration.body, &format!("trafficRoutingConfig.{path}"));
        found
            .first()
            .and_then(|number| number.as_u64())
            .unwrap_or_default()
    };
    match path::text(&configuration.body, "trafficRoutingConfig.type") {
        Some("TimeBasedCanary") => {
            let minutes = number("timeBasedCanary.canaryInterval");
            vec![
                (0.0, number("timeBasedCanary.canaryPercentage")),
                (minutes as f64 * 60.0, 100),
            ]
        }
        Some("TimeBasedLinear") => {
            let step = number("timeBasedLinear.linearPercentage").max(1);
            let minutes = number("timeBasedLinear.linearInterval");
            (1..=100_u64.div_ceil(step))
                .map(|at| (((at - 1) * minutes * 60) as f64, (at * step).min(100)))
                .collect()
        }
        _ => vec![(0.0, 100)],
    }
}

fn shift_step(call: &mut Call, key: &Key, deployment: &Record) -> Result<Next, Trouble> {
    let name = deployment.text("deploymentConfigName");
    let shares = call
        .find(CONFIGURATION.name, name)
        .map_or_else(|| vec![(0.0, 100)], shares);
    let since = number(deployment, "since").unwrap_or(call.now);
    let due = shares
        .iter()
        .rev()
        .find(|(seconds, _)| call.now >= since + seconds)
        .map_or(0, |(_, share)| *share);
    let production = listener(deployment, "prodTrafficRoute").unwrap_or_default();
    if number(deployment, "weight") != Some(due as f64) {
        swing(call, deployment, &production, due)?;
        let now = call.now;
        call.world.update(key, |deployment| {
            deployment.hidden.insert("weight".into(), json!(due));
            deployment.hidden.insert("updated".into(), json!(now));
        });
    }
    if due < 100 {
        let later = shares.iter().map(|(seconds, _)| since + seconds);
        let next = later.filter(|at| *at > call.now).fold(f64::MAX, f64::min);
        return Ok(Next::After(LOOKS.min(next - call.now)));
    }
    make_primary(call, deployment, "green")?;
    Ok(Next::Go)
}

fn make_primary(call: &mut Call, deployment: &Record, which: &str) -> Result<(), Trouble> {
    let service = the_service(call, deployment)?;
    let input = json!({"cluster": service.text("clusterArn"), "service": service.arn, "primaryTaskSet": text(deployment, which)});
    call.call("ecs", "UpdateServicePrimaryTaskSet", input)
        .map(|_| ())
        .map_err(|refusal| {
            let message = format!(
                "The ECS service cannot be updated due to the following error: {}",
                refusal.message
            );
            Trouble::failure("ECS_UPDATE_ERROR", message)
        })
}

/// The original task set stays for a while.
fn wait(call: &mut Call, key: &Key, deployment: &Record) -> Result<Next, Trouble> {
    let option = "blueGreenDeploymentConfiguration.terminateBlueInstancesOnDeploymentSuccess";
    let minutes = path::pick(
        &deployment.body,
        &format!("{option}.terminationWaitTimeInMinutes"),
    );
    let minutes = minutes.first().and_then(|minutes| minutes.as_f64());
    let since = number(deployment, "since").unwrap_or(call.now);
    let until = since + minutes.unwrap_or_default() * 60.0;
    if call.now >= until || deployment.hidden.contains_key("continued TERMINATION_WAIT") {
        return Ok(Next::Go);
    }
    call.world.update(key, |deployment| {
        deployment.set("instanceTerminationWaitTimeStarted", true);
    });
    Ok(Next::After(LOOKS.min(until - call.now)))
}

fn delete_set(call: &mut Call, service: &Record, id: &str) {
    let input = json!({"cluster": service.text("clusterArn"), "service": service.arn, "taskSet": id, "force": true});
    if let Err(refusal) = call.call("ecs", "DeleteTaskSet", input) {
        tracing::debug!(%refusal, id, "a task set that was to go");
    }
}

/// Takes a task set away and waits until its tasks are gone.
fn remove(call: &mut Call, deployment: &Record, which: &str) -> Result<Next, Trouble> {
    let id = text(deployment, which).to_owned();
    let option =
        "blueGreenDeploymentConfiguration.terminateBlueInstancesOnDeploymentSuccess.action";
    let kept = which == "blue" && path::text(&deployment.body, option) == Some("KEEP_ALIVE");
    let Some(set) = call.find(SET.name, &id).cloned() else {
        return Ok(Next::Go);
    };
    if kept {
        return Ok(Next::Go);
    }
    if !set.is("status", "DRAINING") {
        let service = the_service(call, deployment)?;
        delete_set(call, &service, &id);
    }
    Ok(Next::After(LOOKS))
}

/// All traffic to the original task set again, and that the primary one.
fn back(call: &mut Call, key: &Key, deployment: &Record) -> Result<Next, Trouble> {
    for route in ["prodTrafficRoute", "testTrafficRoute"] {
        if let Some(listener) = listener(deployment, route) {
            swing(call, deployment, &listener, 0)?;
        }
    }
    make_primary(call, deployment, "blue")?;
    let now = call.now;
    call.world.update(key, |deployment| {
        deployment.hidden.insert("weight".into(), json!(0));
        for name in EVENTS {
            begin_event(deployment, name, now);
            finish_event(deployment, name, "Succeeded", now);
        }
    });
    Ok(Next::Go)
}

/// An alarm of the group's, or of the deployment's own, that is in ALARM.
fn alarmed(call: &Call, deployment: &Record) -> Option<Trouble> {
    if deployment.hidden.contains_key("undoes") {
        return None;
    }
    let group = call.find(GROUP.name, &groups::id_of(&deployment.body));
    let own = deployment.body.get("overrideAlarmConfiguration");
    let configuration = own.or_else(|| group?.body.get("alarmConfiguration"))?;
    if configuration["enabled"] != json!(true) {
        return None;
    }
    let names = configuration["alarms"].as_array()?.iter();
    let active: Vec<&str> = names
        .filter_map(|alarm| alarm["name"].as_str())
        .filter(|name| {
            call.find("cloudwatch/alarm", name)
                .is_some_and(|alarm| alarm.is("StateValue", "ALARM"))
        })
        .collect();
    (!active.is_empty()).then(|| Trouble {
        status: "Stopped",
        event: "DEPLOYMENT_STOP_ON_ALARM",
        code: "ALARM_ACTIVE",
        message: format!(
            "One or more alarms have been activated according to the Amazon CloudWatch metrics you selected, and the affected deployments \
             have been stopped. Activated alarms: <{}>",
            active.join(", ")
        ),
    })
}

/// Stopped by its user; rolls back when that is asked for, or automatic.
pub(super) fn stop(call: &mut Call, key: &Key, roll_back: bool) {
    let trouble = Trouble {
        status: "Stopped",
        event: if roll_back {
            ""
        } else {
            "DEPLOYMENT_STOP_ON_REQUEST"
        },
        code: "MANUAL_STOP",
        message: "The deployment was stopped by the user.".into(),
    };
    fail(call, key, &trouble);
}

/// Ends a deployment without success, and begins the rollback where one is to be.
fn fail(call: &mut Call, key: &Key, trouble: &Trouble) {
    let now = call.now;
    call.world.update(key, |deployment| {
        if let Some(Json::Array(events)) = deployment.hidden.get_mut("events") {
            for event in events {
                match event["status"].as_str() {
                    Some("InProgress") => {
                        event["status"] = json!("Failed");
                        event["endTime"] = json!(now);
                        event["diagnostics"] = json!({"errorCode": "UnknownError", "scriptName": "", "message": trouble.message, "logTail": ""});
                    }
                    Some("Pending") => event["status"] = json!("Skipped"),
                    _ => {}
                }
            }
        }
        deployment.set("deploymentOverview.InProgress", 0);
        deployment.set("deploymentOverview.Failed", 1);
    });
    deployments::end(
        call,
        key,
        trouble.status,
        Some((trouble.code, &trouble.message)),
    );
    let Some(failed) = call.world.get(key).cloned() else {
        return;
    };
    let automatic = failed
        .body
        .get("autoRollbackConfiguration")
        .is_some_and(|rollback| {
            rollback["enabled"] == json!(true)
                && path::texts(&failed.body, "autoRollbackConfiguration.events[]")
                    .iter()
                    .any(|event| event == trouble.event)
        });
    let undoes = failed.hidden.contains_key("undoes");
    // Where nothing was begun there is nothing to go back from.
    let begun = !text(&failed, "blue").is_empty();
    if !undoes && begun && (automatic || trouble.event.is_empty()) {
        roll_back(call, key, &failed);
    }
}

/// A rollback is a deployment of its own (CodeDeploy User Guide, Redeploy and roll back a deployment).
fn roll_back(call: &mut Call, key: &Key, failed: &Record) {
    let mut members = Map::new();
    for name in [
        "applicationName",
        "deploymentGroupName",
        "deploymentConfigName",
        "autoRollbackConfiguration",
        "deploymentStyle",
        "blueGreenDeploymentConfiguration",
        "loadBalancerInfo",
        "computePlatform",
    ] {
        if let Some(value) = failed.body.get(name) {
            members.insert(name.to_owned(), value.clone());
        }
    }
    let original = failed.hidden.get("blue set").and_then(Json::as_object);
    let revision = failed.body.get("previousRevision").cloned();
    let revision = revision.or_else(|| original.map(appspec::of_set));
    members.insert("revision".into(), revision.unwrap_or_default());
    members.insert("creator".into(), json!("codeDeployRollback"));
    members.insert(
        "description".into(),
        json!(format!(
            "Deployment {} failed and was rolled back automatically",
            failed.id
        )),
    );
    let message = format!("The deployment {} is rolled back.", failed.id);
    members.insert(
        "rollbackInfo".into(),
        json!({"rollbackTriggeringDeploymentId": failed.id, "rollbackMessage": message}),
    );
    let made = match call.make(DEPLOYMENT.name, Json::Object(members)) {
        Ok(made) => made,
        Err(refusal) => {
            tracing::debug!(%refusal, "a rollback");
            return;
        }
    };
    let own = call.key(DEPLOYMENT.name, &made.id);
    call.world.update(&own, |rollback| {
        for (name, value) in &failed.hidden {
            rollback.hidden.insert(name.clone(), value.clone());
        }
        rollback.hidden.insert("undoes".into(), json!(failed.id));
        rollback.hidden.insert("stage".into(), json!(""));
        let events: Vec<Json> = EVENTS
            .iter()
            .map(|name| json!({"lifecycleEventName": name, "status": "Pending"}))
            .collect();
        rollback.hidden.insert("events".into(), json!(events));
    });
    if let Err(refusal) = deployments::started(call, &own) {
        tracing::debug!(%refusal, "a rollback");
    }
    let id = made.id;
    call.world.update(key, |failed| {
        let message = format!("The rollback deployment {id} was created.");
        failed.set(
            "rollbackInfo",
            json!({"rollbackDeploymentId": id, "rollbackMessage": message}),
        );
    });
}

/// Checks the revision before a deployment is made of it.
pub(super) fn revision(call: &mut Call, revision: &Json) -> Result<AppSpec, String> {
    appspec::read(call, revision)
}
