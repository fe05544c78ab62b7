//! `payctl deployments [SERVICE]`: what was deployed, and what is being deployed.

use payctl_model::Address;
use serde_json::{Value as Json, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::arguments::DeploymentsArguments;
use super::services::{self, Service};
use super::session::{Connected, Session};
use super::{Exit, Global, Interrupts, Outcome, plan as plan_command};
use crate::apply::Cloud as _;
use crate::apply::cloud::{Controller, Deployment, Stage};
use crate::apply::operation::deployment::failure;
use crate::apply::poller::Pace;
use crate::report::failure::Failure;

/// How many deployments of a service are told.
const TOLD: usize = 10;

pub(super) async fn run(global: &Global, options: &DeploymentsArguments) -> Outcome {
    let mut session = Session::open(global)?;
    let state = plan_command::counted_in(&session)?;
    let wanted = match &options.service {
        Some(text) => vec![services::find(&state, text)?],
        None => services::all(&state),
    };
    let connected = session.connect().await?;
    let outcome = match options.follow {
        true => follow(global, &connected, &wanted).await,
        false => list(global, &connected, &state, &wanted).await,
    };
    connected.close()?;
    outcome
}

async fn list(
    global: &Global,
    connected: &Connected,
    state: &payctl_state::State,
    wanted: &[Service],
) -> Outcome {
    let names = services::names(state);
    let (mut told, mut lines) = (Vec::new(), String::new());
    for service in wanted {
        let name = names.show(&service.address);
        let region = &service.address.region;
        let found = connected
            .regions
            .deployments(region, &service.controller, false, TOLD)
            .await?;
        let revisions = revisions(connected, service, &found).await?;
        lines += &format!("{name}  ({})\n", service.controller.by());
        if found.is_empty() {
            lines += "  no deployments yet\n";
        }
        for (deployment, revision) in found.iter().zip(revisions) {
            told.push(as_json(&service.address, deployment, revision.as_deref()));
            lines += &line(deployment, revision.as_deref());
        }
    }
    if global.json {
        super::print_json(&json!({ "format_version": "1.0", "deployments": told }));
    } else if wanted.is_empty() {
        super::print("The environment has no services.");
    } else {
        super::print(&lines);
    }
    Ok(Exit::Success)
}

/// The task definition that each deployment brings.
///
/// # Errors
/// What AWS says.
pub(super) async fn revisions(
    connected: &Connected,
    service: &Service,
    deployments: &[Deployment],
) -> Result<Vec<Option<String>>, Failure> {
    if matches!(service.controller, Controller::CodeDeploy { .. }) {
        return Ok(deployments.iter().map(|one| one.revision.clone()).collect());
    }
    // ECS tells service revisions, each of which runs a task definition.
    let mut found = Vec::new();
    for deployment in deployments {
        let arns: Vec<String> = deployment.revision.iter().cloned().collect();
        let region = &service.address.region;
        let definitions = connected.regions.task_definitions(region, &arns).await?;
        found.push(definitions.into_iter().next());
    }
    Ok(found)
}

fn line(deployment: &Deployment, revision: Option<&str>) -> String {
    let short = |arn: &str| arn.rsplit('/').next().unwrap_or(arn).to_owned();
    let revision = revision.map_or_else(|| "another revision".to_owned(), short);
    let mut text = format!(
        "  {}  {:<11}  {revision}  {}\n",
        time(deployment.created).unwrap_or_else(|| "?".to_owned()),
        deployment.status,
        short(&deployment.id)
    );
    if deployment.is_running() {
        text += &format!("      {}\n", deployment.progress);
    }
    for note in [&deployment.reason, &deployment.rollback_message]
        .into_iter()
        .flatten()
    {
        text += &format!("      {note}\n");
    }
    text
}

fn as_json(address: &Address, deployment: &Deployment, revision: Option<&str>) -> Json {
    json!({
        "service": address, "id": deployment.id, "status": deployment.status, "running": deployment.is_running(),
        "created": time(deployment.created), "finished": time(deployment.finished), "task_definition": revision,
        "description": deployment.description, "reason": deployment.reason, "rollback": deployment.rollback,
        "rollback_message": deployment.rollback_message, "progress": deployment.progress.to_json(),
    })
}

fn time(seconds: Option<f64>) -> Option<String> {
    let time = OffsetDateTime::from_unix_timestamp(seconds? as i64).ok()?;
    time.format(&Rfc3339).ok()
}

async fn follow(global: &Global, connected: &Connected, wanted: &[Service]) -> Outcome {
    for service in wanted {
        let region = &service.address.region;
        let running = connected
            .regions
            .deployments(region, &service.controller, true, 1)
            .await?;
        let Some(deployment) = running.first() else {
            continue;
        };
        let Some(ended) = watch(global, connected, service, &deployment.id).await? else {
            return Ok(Exit::Interrupted);
        };
        if ended.stage == Stage::Succeeded {
            return Ok(Exit::Success);
        }
        let rollback = match &ended.rollback {
            Some(id) => watch(global, connected, service, id).await?,
            None => None,
        };
        return Err(Failure::new(
            "deployment",
            failure(&service.controller, &ended, rollback.as_ref()),
        )
        .address(service.address.to_string()));
    }
    match global.json {
        true => super::print_json(&json!({ "format_version": "1.0", "deployments": [] })),
        false => super::print("No deployment is going on."),
    }
    Ok(Exit::Success)
}

/// Tells what moves until a deployment has ended. `None` where the user has seen enough.
///
/// # Errors
/// What AWS says.
pub(super) async fn watch(
    global: &Global,
    connected: &Connected,
    service: &Service,
    id: &str,
) -> Result<Option<Deployment>, Failure> {
    let pace = Pace::default();
    let mut interrupts = Interrupts::listen();
    let mut interval = pace.interval;
    let mut told = None;
    loop {
        let region = &service.address.region;
        let seen = connected
            .regions
            .deployment(region, &service.controller, id)
            .await?;
        let now = (seen.status.clone(), seen.progress.clone());
        if told.as_ref() != Some(&now) {
            if global.json {
                let mut event = as_json(&service.address, &seen, seen.revision.as_deref());
                event["event"] = json!("deployment");
                // One line, as events are.
                super::print(&event.to_string());
            } else {
                super::say(&format!("  {}: {}", seen.status, seen.progress));
            }
            told = Some(now);
        }
        if !seen.is_running() {
            return Ok(Some(seen));
        }
        tokio::select! {
            () = connected.clock.sleep(interval) => {}
            () = interrupts.next() => return Ok(None),
        }
        interval = interval.mul_f64(pace.growth).min(pace.longest);
    }
}
