//! ECS's own deployments: rolling, blue/green, linear and canary (ECS developer guide, "View service history using Amazon ECS service
//! deployments").

use serde_json::{Map, Value as Json, json};

use super::{Deployment, Progress, Stage, Tasks, items, text};
use crate::context::Context;
use crate::error::{Error, Result};

/// What has not ended (API_ServiceDeploymentBrief, `status`).
const RUNNING: &[&str] = &[
    "PENDING",
    "STOP_REQUESTED",
    "IN_PROGRESS",
    "ROLLBACK_REQUESTED",
    "ROLLBACK_IN_PROGRESS",
];
/// Deployments a call of DescribeServiceDeployments may name.
const BATCH: usize = 20;

pub(super) async fn look(context: &Context, arn: &str) -> Result<Deployment> {
    let found = describe(context, &[arn.to_owned()]).await?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| Error::Failed(format!("ECS does not have the deployment {arn}")))
}

pub(super) async fn list(
    context: &Context,
    cluster: &str,
    service: &str,
    running: bool,
    most: usize,
) -> Result<Vec<Deployment>> {
    let mut input = Map::new();
    input.insert("cluster".to_owned(), json!(cluster));
    input.insert("service".to_owned(), json!(service));
    if running {
        input.insert("status".to_owned(), json!(RUNNING));
    }
    let mut found: Vec<(Option<f64>, String)> = Vec::new();
    loop {
        let answer = context
            .read("ecs", "ListServiceDeployments", Json::Object(input.clone()))
            .await?;
        found.extend(items(&answer, "/serviceDeployments").filter_map(|one| {
            Some((
                one["createdAt"].as_f64(),
                text(one, "/serviceDeploymentArn")?,
            ))
        }));
        match text(&answer, "/nextToken") {
            Some(next) => input.insert("nextToken".to_owned(), json!(next)),
            None => break,
        };
    }
    // The page does not say in which order they come.
    found.sort_by(|a, b| b.partial_cmp(a).unwrap_or(std::cmp::Ordering::Equal));
    let arns: Vec<String> = found.into_iter().take(most).map(|(_, arn)| arn).collect();
    let mut deployments = Vec::new();
    for arns in arns.chunks(BATCH) {
        deployments.extend(describe(context, arns).await?);
    }
    deployments.sort_by(|a, b| {
        b.created
            .partial_cmp(&a.created)
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    Ok(deployments)
}

pub(super) async fn stop(context: &Context, arn: &str) -> Result<()> {
    let input = json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"});
    context.write("ecs", "StopServiceDeployment", input).await?;
    Ok(())
}

async fn describe(context: &Context, arns: &[String]) -> Result<Vec<Deployment>> {
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let answer = context
        .read(
            "ecs",
            "DescribeServiceDeployments",
            json!({"serviceDeploymentArns": arns}),
        )
        .await?;
    Ok(items(&answer, "/serviceDeployments")
        .map(deployment)
        .collect())
}

fn deployment(info: &Json) -> Deployment {
    let status = text(info, "/status").unwrap_or_default();
    let stage = match status.as_str() {
        "SUCCESSFUL" => Stage::Succeeded,
        "STOPPED" | "ROLLBACK_SUCCESSFUL" | "ROLLBACK_FAILED" => Stage::Failed,
        _ => Stage::Running,
    };
    let hook = items(info, "/lifecycleHookDetails").find_map(|hook| {
        let status = text(hook, "/status")?;
        ["FAILED", "TIMED_OUT"].contains(&status.as_str()).then(|| {
            let arn = text(hook, "/targetArn").unwrap_or_else(|| "a pause".to_owned());
            format!("the lifecycle hook {arn} is {status}")
        })
    });
    let alarms: Vec<&str> = items(info, "/alarms/triggeredAlarmNames")
        .filter_map(Json::as_str)
        .collect();
    let alarms = (!alarms.is_empty()).then(|| format!("alarms: {}", alarms.join(", ")));
    let reasons = [
        text(info, "/statusReason"),
        text(info, "/rollback/reason"),
        hook,
        alarms,
    ];
    let mut told: Vec<String> = Vec::new();
    for reason in reasons.into_iter().flatten() {
        if !told.contains(&reason) {
            told.push(reason);
        }
    }
    let rolled_back = text(info, "/rollback/serviceRevisionArn");
    Deployment {
        id: text(info, "/serviceDeploymentArn").unwrap_or_default(),
        stage,
        created: info["createdAt"].as_f64(),
        finished: info["finishedAt"].as_f64().or(info["stoppedAt"].as_f64()),
        revision: text(info, "/targetServiceRevision/arn"),
        app_spec: None,
        description: None,
        creator: None,
        reason: (stage != Stage::Succeeded && !told.is_empty()).then(|| told.join("; ")),
        rollback: None,
        rollback_message: match (status.as_str(), rolled_back) {
            ("ROLLBACK_SUCCESSFUL", Some(revision)) => Some(format!("rolled back to {revision}")),
            ("ROLLBACK_SUCCESSFUL", None) => Some("rolled back".to_owned()),
            ("ROLLBACK_FAILED", _) => Some("the rollback failed, too".to_owned()),
            _ => None,
        },
        progress: progress(info, &status),
        status,
    }
}

fn progress(info: &Json, status: &str) -> Progress {
    let count = |of: &Json, name: &str| of[name].as_i64().unwrap_or_default();
    let side = |of: &Json, side| Tasks {
        side,
        desired: count(of, "requestedTaskCount"),
        pending: count(of, "pendingTaskCount"),
        running: count(of, "runningTaskCount"),
        traffic: of["requestedProductionTrafficWeight"].as_f64(),
    };
    let target = &info["targetServiceRevision"];
    let mut tasks: Vec<Tasks> = items(info, "/sourceServiceRevisions")
        .map(|source| side(source, "blue"))
        .collect();
    if target.is_object() {
        tasks.push(side(target, "green"));
    }
    let mut lifecycle: Vec<(String, String)> = Vec::new();
    if let Some(stage) = text(info, "/lifecycleStage") {
        lifecycle.push((stage, status.to_owned()));
    }
    lifecycle.extend(items(info, "/lifecycleHookDetails").filter_map(|hook| {
        let name = text(hook, "/targetArn").or_else(|| text(hook, "/hookId"))?;
        Some((format!("hook {name}"), text(hook, "/status")?))
    }));
    Progress {
        traffic: target["requestedProductionTrafficWeight"].as_f64(),
        lifecycle,
        tasks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rollback_says_why() {
        let info = json!({
            "serviceDeploymentArn": "arn:1", "status": "ROLLBACK_SUCCESSFUL", "createdAt": 1.0, "finishedAt": 2.0,
            "statusReason": "Service deployment rolled back because of alarms.", "lifecycleStage": "BAKE_TIME",
            "rollback": {"reason": "Service deployment rolled back because of alarms.", "serviceRevisionArn": "arn:revision/1"},
            "alarms": {"status": "TRIGGERED", "triggeredAlarmNames": ["errors"]},
            "lifecycleHookDetails": [{"targetArn": "arn:hook", "status": "FAILED"}],
            "sourceServiceRevisions": [{"arn": "arn:revision/1", "requestedTaskCount": 2, "runningTaskCount": 2}],
            "targetServiceRevision": {"arn": "arn:revision/2", "requestedTaskCount": 2, "runningTaskCount": 1,
                "requestedProductionTrafficWeight": 100.0},
        });
        let found = deployment(&info);
        assert_eq!(found.stage, Stage::Failed);
        assert_eq!(
            found.reason.as_deref(),
            Some(
                "Service deployment rolled back because of alarms.; the lifecycle hook arn:hook is FAILED; alarms: errors"
            )
        );
        assert_eq!(
            found.rollback_message.as_deref(),
            Some("rolled back to arn:revision/1")
        );
        assert_eq!(found.progress.traffic, Some(100.0));
        assert!(deployment(&json!({"status": "ROLLBACK_IN_PROGRESS"})).is_running());
        assert_eq!(
            deployment(&json!({"status": "SUCCESSFUL", "statusReason": "x"})).reason,
            None
        );
    }
}
