//! CodeDeploy's deployments of an ECS service.

use serde_json::{Map, Value as Json, json};

use super::{AppSpec, Deployment, Progress, Stage, Tasks, items, text};
use crate::context::Context;
use crate::error::Result;

/// What has not ended (API_ListDeployments, `includeOnlyStatuses`).
const RUNNING: &[&str] = &["Created", "Queued", "InProgress", "Baking", "Ready"];
/// Deployments a call of BatchGetDeployments may name.
const BATCH: usize = 25;

pub(super) async fn start(
    context: &Context,
    application: &str,
    group: &str,
    app_spec: &AppSpec,
    config: Option<&str>,
    description: &str,
) -> Result<String> {
    let mut input = json!({
        "applicationName": application,
        "deploymentGroupName": group,
        "description": description,
        "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": app_spec.content()}},
    });
    if let Some(config) = config {
        input["deploymentConfigName"] = json!(config);
    }
    let answer = context
        .write("codedeploy", "CreateDeployment", input)
        .await?;
    Ok(text(&answer, "/deploymentId").unwrap_or_default())
}

pub(super) async fn look(
    context: &Context,
    cluster: &str,
    service: &str,
    id: &str,
) -> Result<Deployment> {
    let answer = context
        .read("codedeploy", "GetDeployment", json!({"deploymentId": id}))
        .await?;
    let mut deployment = deployment(&answer["deploymentInfo"]);
    // "For deployments that use the Amazon ECS compute platform, the target IDs are pairs of Amazon ECS clusters and services"
    // (API_BatchGetDeploymentTargets).
    let input = json!({"deploymentId": id, "targetIds": [format!("{cluster}:{service}")]});
    // A deployment that has not started has no targets; and what cannot be told of its progress does not stop who follows it.
    if let Ok(answer) = context
        .read("codedeploy", "BatchGetDeploymentTargets", input)
        .await
    {
        deployment.progress = progress(&answer);
    }
    Ok(deployment)
}

pub(super) async fn list(
    context: &Context,
    application: &str,
    group: &str,
    running: bool,
    most: usize,
) -> Result<Vec<Deployment>> {
    let mut input = Map::new();
    input.insert("applicationName".to_owned(), json!(application));
    input.insert("deploymentGroupName".to_owned(), json!(group));
    if running {
        input.insert("includeOnlyStatuses".to_owned(), json!(RUNNING));
    }
    let mut ids: Vec<String> = Vec::new();
    // The newest come first (AWS CLI reference, list-deployments); AWS keeps no end of them.
    loop {
        let answer = context
            .read("codedeploy", "ListDeployments", Json::Object(input.clone()))
            .await?;
        ids.extend(
            items(&answer, "/deployments")
                .filter_map(Json::as_str)
                .map(str::to_owned),
        );
        match text(&answer, "/nextToken") {
            Some(next) if ids.len() < most => input.insert("nextToken".to_owned(), json!(next)),
            _ => break,
        };
    }
    ids.truncate(most);
    let mut found = Vec::new();
    for ids in ids.chunks(BATCH) {
        let answer = context
            .read(
                "codedeploy",
                "BatchGetDeployments",
                json!({"deploymentIds": ids}),
            )
            .await?;
        found.extend(items(&answer, "/deploymentsInfo").map(deployment));
    }
    found.sort_by(|a: &Deployment, b| {
        b.created
            .partial_cmp(&a.created)
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    Ok(found)
}

pub(super) async fn stop(context: &Context, id: &str) -> Result<()> {
    let input = json!({"deploymentId": id, "autoRollbackEnabled": true});
    context.write("codedeploy", "StopDeployment", input).await?;
    Ok(())
}

fn deployment(info: &Json) -> Deployment {
    let status = text(info, "/status").unwrap_or_default();
    let stage = match status.as_str() {
        "Succeeded" => Stage::Succeeded,
        "Failed" | "Stopped" => Stage::Failed,
        _ => Stage::Running,
    };
    let content = ["appSpecContent", "string"]
        .iter()
        .find_map(|kind| text(info, &format!("/revision/{kind}/content")));
    let app_spec = content.as_deref().and_then(AppSpec::parse);
    let reason = match (
        text(info, "/errorInformation/code"),
        text(info, "/errorInformation/message"),
    ) {
        (Some(code), Some(message)) => Some(format!("{code}: {message}")),
        (code, message) => code.or(message),
    };
    Deployment {
        id: text(info, "/deploymentId").unwrap_or_default(),
        stage,
        status,
        created: info["createTime"].as_f64(),
        finished: info["completeTime"].as_f64(),
        revision: app_spec
            .as_ref()
            .and_then(AppSpec::task_definition)
            .map(str::to_owned),
        app_spec,
        description: text(info, "/description"),
        creator: text(info, "/creator"),
        reason,
        rollback: text(info, "/rollbackInfo/rollbackDeploymentId"),
        rollback_message: text(info, "/rollbackInfo/rollbackMessage"),
        progress: Progress::default(),
    }
}

fn progress(answer: &Json) -> Progress {
    let Some(target) = items(answer, "/deploymentTargets")
        .filter_map(|target| target.get("ecsTarget"))
        .next()
    else {
        return Progress::default();
    };
    let lifecycle = items(target, "/lifecycleEvents").filter_map(|event| {
        Some((
            text(event, "/lifecycleEventName")?,
            text(event, "/status").unwrap_or_default(),
        ))
    });
    let count = |set: &Json, name: &str| set[name].as_i64().unwrap_or_default();
    let mut tasks: Vec<Tasks> = items(target, "/taskSetsInfo")
        .map(|set| Tasks {
            side: match set["taskSetLabel"].as_str() {
                Some("Green") => "green",
                _ => "blue",
            },
            desired: count(set, "desiredCount"),
            pending: count(set, "pendingCount"),
            running: count(set, "runningCount"),
            traffic: set["trafficWeight"].as_f64(),
        })
        .collect();
    tasks.sort_by_key(|set| set.side);
    let green = tasks.iter().find(|set| set.side == "green");
    Progress {
        traffic: green.and_then(|set| set.traffic),
        lifecycle: lifecycle.collect(),
        tasks,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_codedeploy_says_of_a_deployment() {
        let info = json!({
            "deploymentId": "d-1", "status": "Stopped", "createTime": 5.0, "completeTime": 9.5, "creator": "user",
            "errorInformation": {"code": "ALARM_ACTIVE", "message": "One or more alarms have been activated"},
            "rollbackInfo": {"rollbackDeploymentId": "d-2", "rollbackMessage": "Deployment d-1 was rolled back"},
            "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content":
                "{\"version\":0.0,\"Resources\":[{\"TargetService\":{\"Type\":\"AWS::ECS::Service\",\"Properties\":{\"TaskDefinition\":\"api:2\"}}}]}"}},
        });
        let found = deployment(&info);
        assert_eq!(found.stage, Stage::Failed);
        assert_eq!(found.revision.as_deref(), Some("api:2"));
        assert_eq!(
            found.reason.as_deref(),
            Some("ALARM_ACTIVE: One or more alarms have been activated")
        );
        assert_eq!(found.rollback.as_deref(), Some("d-2"));
        assert!(deployment(&json!({"status": "Ready"})).is_running());
    }

    #[test]
    fn the_new_tasks_and_their_share_of_the_traffic() {
        let answer = json!({"deploymentTargets": [{"deploymentTargetType": "ECSTarget", "ecsTarget": {
        "lifecycleEvents": [{"lifecycleEventName": "Install", "status": "Succeeded"}],
        "taskSetsInfo": [
            {"taskSetLabel": "Green", "desiredCount": 2, "runningCount": 1, "pendingCount": 1, "trafficWeight": 10.0},
            {"taskSetLabel": "Blue", "desiredCount": 2, "runningCount": 2, "trafficWeight": 90.0},
        ]}}]});
        let progress = progress(&answer);
        assert_eq!(progress.traffic, Some(10.0));
        assert_eq!(
            progress.to_string(),
            "10 % of the traffic, Install, 1 of 2 new tasks run"
        );
    }
}
