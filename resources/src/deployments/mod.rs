//! Deployments of services: by CodeDeploy under the deployment controller CODE_DEPLOY, else by ECS itself. Started, looked at and
//! stopped; nothing here waits.

mod app_spec;
mod code_deploy;
mod ecs;
pub mod revisions;

use std::fmt;

use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::error::Result;

pub use app_spec::AppSpec;

/// Who carries the deployments of a service out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controller {
    /// CodeDeploy.
    CodeDeploy {
        /// The application's name.
        application: String,
        /// The deployment group's name.
        group: String,
        /// The cluster's name.
        cluster: String,
        /// The service's name.
        service: String,
    },
    /// ECS.
    Ecs {
        /// The cluster, by name or ARN.
        cluster: String,
        /// The service, by name or ARN.
        service: String,
    },
}

/// How far a deployment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It goes on.
    Running,
    /// It has ended well, all of it.
    Succeeded,
    /// It failed or was stopped.
    Failed,
}

/// One deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// CodeDeploy's identifier, or ECS's ARN.
    pub id: String,
    /// How far it has come.
    pub stage: Stage,
    /// AWS's word for it.
    pub status: String,
    /// When it was asked for, in seconds since 1970.
    pub created: Option<f64>,
    /// When it ended.
    pub finished: Option<f64>,
    /// The task definition that it brings; of ECS's own the service revision.
    pub revision: Option<String>,
    /// What CodeDeploy was told to do.
    pub app_spec: Option<AppSpec>,
    /// What whoever asked for it wrote.
    pub description: Option<String>,
    /// Who asked for it, as CodeDeploy says: `user`, `codeDeployRollback` …
    pub creator: Option<String>,
    /// AWS's reason for a failure.
    pub reason: Option<String>,
    /// The deployment that rolls this one back.
    pub rollback: Option<String>,
    /// What AWS says of that.
    pub rollback_message: Option<String>,
    /// What is visible of it from outside.
    pub progress: Progress,
}

/// What is visible of a deployment while it goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// How much of the production traffic the new tasks get, in percent.
    pub traffic: Option<f64>,
    /// The steps in their order, with AWS's word for each.
    pub lifecycle: Vec<(String, String)>,
    /// The tasks, the new ones last.
    pub tasks: Vec<Tasks>,
}

/// The tasks of one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tasks {
    /// `blue` or `green`.
    pub side: &'static str,
    /// How many there shall be.
    pub desired: i64,
    /// How many start.
    pub pending: i64,
    /// How many run.
    pub running: i64,
    /// Their share of the traffic, in percent.
    pub traffic: Option<f64>,
}

impl Deployment {
    /// Whether somebody may still have to wait for it.
    pub fn is_running(&self) -> bool {
        self.stage == Stage::Running
    }
}

impl Progress {
    /// For events and `payctl deployments --json`.
    pub fn to_json(&self) -> Json {
        let lifecycle = self.lifecycle.iter();
        let lifecycle: Vec<Json> = lifecycle
            .map(|(name, status)| json!({ "name": name, "status": status }))
            .collect();
        let tasks: Vec<Json> = self
            .tasks
            .iter()
            .map(|one| {
                json!({
                    "side": one.side, "desired": one.desired, "pending": one.pending, "running": one.running,
                    "traffic": one.traffic,
                })
            })
            .collect();
        json!({ "traffic": self.traffic, "lifecycle": lifecycle, "tasks": tasks })
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(traffic) = self.traffic {
            parts.push(format!("{traffic:.0} % of the traffic"));
        }
        // AWS's own words: PascalCase of CodeDeploy, UPPER_CASE of ECS.
        let current = self
            .lifecycle
            .iter()
            .rev()
            .find(|(_, status)| !["Pending", "Skipped", "Unknown"].contains(&status.as_str()));
        if let Some((name, status)) = current {
            parts.push(match status.as_str() {
                "InProgress" | "IN_PROGRESS" | "Succeeded" | "SUCCEEDED" => name.clone(),
                other => format!("{name} {other}"),
            });
        }
        if let Some(new) = self.tasks.last() {
            parts.push(format!("{} of {} new tasks run", new.running, new.desired));
        }
        match parts.is_empty() {
            true => f.write_str("started"),
            false => f.write_str(&parts.join(", ")),
        }
    }
}

impl Controller {
    /// The system that deploys, as messages name it.
    pub fn by(&self) -> &'static str {
        match self {
            Controller::CodeDeploy { .. } => "CodeDeploy",
            Controller::Ecs { .. } => "Amazon ECS",
        }
    }
}

/// Asks CodeDeploy for a deployment; its identifier. `config` takes the place of the group's own deployment configuration.
///
/// # Errors
/// What AWS says.
pub async fn start(
    context: &Context,
    application: &str,
    group: &str,
    app_spec: &AppSpec,
    config: Option<&str>,
    description: &str,
) -> Result<String> {
    code_deploy::start(context, application, group, app_spec, config, description).await
}

/// How one deployment stands.
///
/// # Errors
/// What AWS says.
pub async fn look(context: &Context, controller: &Controller, id: &str) -> Result<Deployment> {
    match controller {
        Controller::CodeDeploy {
            cluster, service, ..
        } => code_deploy::look(context, cluster, service, id).await,
        Controller::Ecs { .. } => ecs::look(context, id).await,
    }
}

/// The newest deployments, newest first; `running`: only those that go on.
///
/// # Errors
/// What AWS says.
pub async fn list(
    context: &Context,
    controller: &Controller,
    running: bool,
    most: usize,
) -> Result<Vec<Deployment>> {
    match controller {
        Controller::CodeDeploy {
            application, group, ..
        } => code_deploy::list(context, application, group, running, most).await,
        Controller::Ecs { cluster, service } => {
            ecs::list(context, cluster, service, running, most).await
        }
    }
}

/// Stops a deployment and rolls it back.
///
/// # Errors
/// What AWS says.
pub async fn stop(context: &Context, controller: &Controller, id: &str) -> Result<()> {
    match controller {
        Controller::CodeDeploy { .. } => code_deploy::stop(context, id).await,
        Controller::Ecs { .. } => ecs::stop(context, id).await,
    }
}

fn text(value: &Json, pointer: &str) -> Option<String> {
    value
        .pointer(pointer)
        .and_then(Json::as_str)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

fn items<'j>(value: &'j Json, pointer: &str) -> impl Iterator<Item = &'j Json> {
    value
        .pointer(pointer)
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_one_line() {
        assert_eq!(Progress::default().to_string(), "started");
        let step = |name: &str, status: &str| (name.to_owned(), status.to_owned());
        let progress = Progress {
            traffic: Some(30.0),
            lifecycle: vec![
                step("Install", "Succeeded"),
                step("AllowTraffic", "InProgress"),
                step("AfterAllowTraffic", "Pending"),
            ],
            tasks: vec![
                Tasks {
                    side: "blue",
                    ..Tasks::default()
                },
                Tasks {
                    side: "green",
                    desired: 2,
                    running: 2,
                    ..Tasks::default()
                },
            ],
        };
        assert_eq!(
            progress.to_string(),
            "30 % of the traffic, AllowTraffic, 2 of 2 new tasks run"
        );
    }
}
