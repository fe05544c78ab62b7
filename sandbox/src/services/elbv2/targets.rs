//! What is registered in target groups, and how it is.

use super::{attributes, target_groups, text};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::services::ecs;
use crate::world::Record;
use serde_json::{Value as Json, json};
use std::net::IpAddr;

fn registered(group: &Record) -> Vec<Json> {
    group
        .hidden
        .get("targets")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default()
}

fn named(call: &Call) -> Result<Record, Refusal> {
    call.need(
        "elbv2/target-group",
        call.text("TargetGroupArn").unwrap_or_default(),
    )
    .cloned()
}

/// The targets asked for, with the group's port where they have none.
fn asked(call: &Call, group: &Record) -> Result<Vec<Json>, Refusal> {
    let mut asked = call
        .input
        .get("Targets")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    for target in &mut asked {
        let id = text(target, "Id").to_owned();
        let fits = match group.text("TargetType") {
            "ip" => id.parse::<IpAddr>().is_ok(),
            "instance" => id.starts_with("i-"),
            "lambda" => id.contains(":function:"),
            _ => id.contains(":loadbalancer/app/"),
        };
        if !fits {
            let message = format!(
                "The following targets are not valid for target groups of type {}: '{id}'",
                group.text("TargetType")
            );
            return Err(Refusal::new("InvalidTarget", message));
        }
        if target.get("Port").is_none()
            && let Some(port) = group.body.get("Port")
        {
            target["Port"] = port.clone();
        }
    }
    Ok(asked)
}

fn same(a: &Json, b: &Json) -> bool {
    text(a, "Id") == text(b, "Id") && a.get("Port") == b.get("Port")
}

fn keep(call: &mut Call, group: &Record, targets: Vec<Json>) {
    let key = call.key("elbv2/target-group", &group.id);
    call.world.update(&key, |group| {
        group.hidden.insert("targets".into(), json!(targets))
    });
}

/// RegisterTargets: one that is draining is registered anew.
pub(super) fn register(call: &mut Call) -> Answer {
    let group = named(call)?;
    let asked = asked(call, &group)?;
    let mut targets = registered(&group);
    for mut target in asked {
        let known = targets.iter().position(|known| same(known, &target));
        if known.is_some_and(|at| targets[at].get("gone").is_none()) {
            continue;
        }
        target["since"] = json!(call.now);
        match known {
            Some(at) => targets[at] = target,
            None => targets.push(target),
        }
    }
    keep(call, &group, targets);
    Ok(json!({}))
}

/// DeregisterTargets: connections drain for the deregistration delay.
pub(super) fn deregister(call: &mut Call) -> Answer {
    let group = named(call)?;
    let sent = call
        .input
        .get("Targets")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let used = !target_groups::balancers(call, &group).is_empty();
    let delay: f64 = attributes::get(&group, "deregistration_delay.timeout_seconds")
        .parse()
        .unwrap_or(0.0);
    let now = call.now;
    let mut targets = registered(&group);
    for target in &mut targets {
        // Without a port all registrations of the identifier are meant.
        let meant = sent.iter().any(|one| {
            text(one, "Id") == text(target, "Id")
                && one
                    .get("Port")
                    .is_none_or(|port| target.get("Port") == Some(port))
        });
        if meant && target.get("gone").is_none() {
            target["gone"] = json!(if used { now + delay } else { now });
        }
    }
    targets.retain(|target| target["gone"].as_f64().is_none_or(|gone| gone > now));
    keep(call, &group, targets);
    Ok(json!({}))
}

/// DescribeTargetHealth: targets become healthy after as many checks as the group asks for; nothing is really asked whether it answers.
pub(super) fn health(call: &mut Call) -> Answer {
    let group = named(call)?;
    let used = !target_groups::balancers(call, &group).is_empty();
    let number = |member: &str| group.body.get(member).and_then(Json::as_f64).unwrap_or(1.0);
    let wait = number("HealthyThresholdCount") * number("HealthCheckIntervalSeconds");
    let checked = group.body.get("HealthCheckEnabled") != Some(&json!(false));
    let mut known = registered(&group);
    known.retain(|target| target["gone"].as_f64().is_none_or(|gone| gone > call.now));
    let port = |target: &Json| match group.text("HealthCheckPort") {
        "" | "traffic-port" => target.get("Port").map(ToString::to_string),
        port => Some(port.to_owned()),
    };
    let state = |target: &Json| -> Json {
        if target.get("gone").is_some() {
            return json!({"State": "draining", "Reason": "Target.DeregistrationInProgress", "Description": "Target deregistration is in progress"});
        }
        if !used {
            return json!({"State": "unused", "Reason": "Target.NotInUse",
                          "Description": "Target group is not configured to receive traffic from the load balancer"});
        }
        if !checked {
            return json!({"State": "unavailable", "Reason": "Target.HealthCheckDisabled", "Description": "Health checks are disabled for this target group"});
        }
        if ecs::task::is_ill(call, text(target, "Id")) {
            return json!({"State": "unhealthy", "Reason": "Target.FailedHealthChecks", "Description": "Health checks failed"});
        }
        if call.now < target["since"].as_f64().unwrap_or_default() + wait {
            return json!({"State": "initial", "Reason": "Elb.RegistrationInProgress", "Description": "Target registration is in progress"});
        }
        json!({"State": "healthy"})
    };
    let shown = |target: &Json, state: Json| {
        let mut one = json!({"Target": target, "TargetHealth": state});
        if let Some(port) = port(target) {
            one["HealthCheckPort"] = json!(port);
        }
        one
    };
    let asked = call
        .input
        .get("Targets")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let descriptions: Vec<Json> = if asked.is_empty() {
        known
            .iter()
            .map(|target| shown(target, state(target)))
            .collect()
    } else {
        asked
            .iter()
            .map(|one| {
                let found = known.iter().find(|target| {
                    text(one, "Id") == text(target, "Id") && one.get("Port").is_none_or(|port| target.get("Port") == Some(port))
                });
                match found {
                    Some(target) => shown(target, state(target)),
                    None => shown(one, json!({"State": "unused", "Reason": "Target.NotRegistered", "Description": "Target is not registered to the target group"})),
                }
            })
            .collect()
    };
    Ok(json!({"TargetHealthDescriptions": descriptions}))
}
