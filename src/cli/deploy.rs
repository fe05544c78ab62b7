//! `payctl deploy SERVICE --image URI` and `payctl rollback SERVICE`: another revision, without editing the template.

use std::collections::BTreeMap;

use payctl_model::{PropertyPath, Value};
use tokio_util::sync::CancellationToken;

use super::arguments::{DeployArguments, RollbackArguments};
use super::deployments::{revisions, watch};
use super::services::{self, Service};
use super::session::{Connected, Session};
use super::{Exit, Global, Interrupts, Outcome, run};
use crate::apply::cloud::Stage;
use crate::apply::engine::recover;
use crate::apply::models::Known;
use crate::apply::operation::deployment::failure;
use crate::apply::poller::Pace;
use crate::apply::recovery::Patience;
use crate::apply::redeploy::{Redeploy, redeploy};
use crate::apply::regions::Revision;
use crate::apply::{Cloud as _, Events, Target};
use crate::plan::{Deployment, Manager};
use crate::report::failure::Failure;
use crate::report::progress::Progress;

/// How far back a rollback looks for what ran before.
const LOOKS_BACK: usize = 20;

pub(super) async fn deploy(global: &Global, options: &DeployArguments) -> Outcome {
    let mut session = Session::open(global)?;
    services::find(&session.state, &options.service)?;
    let _lock = session.lock("deploy")?;
    session = Session::open(global)?;
    let connected = session.connect().await?;
    let outcome = deploy_image(global, &mut session, &connected, options).await;
    connected.close()?;
    outcome
}

pub(super) async fn rollback(global: &Global, options: &RollbackArguments) -> Outcome {
    let mut session = Session::open(global)?;
    services::find(&session.state, &options.service)?;
    let _lock = session.lock("rollback")?;
    session = Session::open(global)?;
    let connected = session.connect().await?;
    let outcome = roll_back(global, &mut session, &connected, options).await;
    connected.close()?;
    outcome
}

async fn deploy_image(
    global: &Global,
    session: &mut Session,
    connected: &Connected,
    options: &DeployArguments,
) -> Outcome {
    settle(session, connected).await?;
    let service = services::find(&session.state, &options.service)?;
    let region = service.address.region.clone();
    let running = connected
        .regions
        .deployments(&region, &service.controller, true, 1)
        .await?;
    if let Some(running) = running.first() {
        return Err(Failure::new(
            "deployment-running",
            format!(
                "{} is being deployed already ({} is {})",
                service.address, running.id, running.status
            ),
        )
        .help(format!(
            "payctl deployments {0} --follow shows it, payctl rollback {0} stops it",
            options.service
        )));
    }
    let known = known(connected, &service).await?;
    let model = &known[&service.address].model;
    let revision = connected
        .regions
        .revision(&region, &runs(&service, model)?)
        .await?;
    let container = container(&service, model, &revision, options.container.as_deref())?;
    let old = revision.image(&container).unwrap_or_default().to_owned();
    if old == options.image {
        tell(
            global,
            &format!(
                "{} runs {old} in {container} already ({})",
                options.service,
                short(&revision.arn)
            ),
        );
        return Ok(Exit::Success);
    }
    let arn = connected
        .regions
        .register(&region, &revision.with_image(&container, &options.image))
        .await?;
    tell(
        global,
        &format!(
            "{}: {container} gets {} instead of {old}",
            short(&arn),
            options.image
        ),
    );
    bring(global, session, connected, &service, known, arn).await
}

async fn roll_back(
    global: &Global,
    session: &mut Session,
    connected: &Connected,
    options: &RollbackArguments,
) -> Outcome {
    settle(session, connected).await?;
    let service = services::find(&session.state, &options.service)?;
    let region = service.address.region.clone();
    let running = connected
        .regions
        .deployments(&region, &service.controller, true, 1)
        .await?;
    if let Some(running) = running.first() {
        connected
            .regions
            .stop(&region, &service.controller, &running.id)
            .await?;
        tell(
            global,
            &format!("{} is stopped and rolled back", running.id),
        );
        return stopped(global, connected, &service, &running.id).await;
    }
    let known = known(connected, &service).await?;
    let now = runs(&service, &known[&service.address].model)?;
    let history = connected
        .regions
        .deployments(&region, &service.controller, false, LOOKS_BACK)
        .await?;
    let brought = revisions(connected, &service, &history).await?;
    let succeeded = history
        .iter()
        .zip(brought)
        .filter(|(one, _)| one.stage == Stage::Succeeded);
    let before = succeeded
        .filter_map(|(_, revision)| revision)
        .find(|revision| *revision != now);
    // The first deployment has none before it: what the service was made with is the revision before.
    let before = before.or_else(|| {
        let (family, number) = now.rsplit_once(':')?;
        let number = number
            .parse::<u64>()
            .ok()?
            .checked_sub(1)
            .filter(|number| *number > 0)?;
        Some(format!("{family}:{number}"))
    });
    let Some(before) = before else {
        return Err(Failure::new(
            "no-previous-revision",
            format!(
                "{} is the first revision that {} runs: there is none to go back to",
                short(&now),
                service.address
            ),
        )
        .help("payctl deploy SERVICE --image URI brings another one"));
    };
    let revision = connected.regions.revision(&region, &before).await?;
    let arn = match revision.active {
        true => revision.arn.clone(),
        false => {
            let arn = connected.regions.register(&region, &revision).await?;
            tell(
                global,
                &format!(
                    "{} was deregistered: registered again as {}",
                    short(&revision.arn),
                    short(&arn)
                ),
            );
            arn
        }
    };
    tell(
        global,
        &format!(
            "{}: from {} back to {}",
            options.service,
            short(&now),
            short(&arn)
        ),
    );
    bring(global, session, connected, &service, known, arn).await
}

/// Waits until a stopped deployment is rolled back.
async fn stopped(global: &Global, connected: &Connected, service: &Service, id: &str) -> Outcome {
    let Some(ended) = watch(global, connected, service, id).await? else {
        return Ok(Exit::Interrupted);
    };
    let rollback = match &ended.rollback {
        Some(id) => match watch(global, connected, service, id).await? {
            Some(rollback) => Some(rollback),
            None => return Ok(Exit::Interrupted),
        },
        None => None,
    };
    let is_back = match &rollback {
        Some(rollback) => rollback.stage == Stage::Succeeded,
        None => ended.status == "ROLLBACK_SUCCESSFUL" || ended.status == "Stopped",
    };
    if is_back {
        tell(global, "rolled back");
        return Ok(Exit::Success);
    }
    Err(Failure::new(
        "deployment",
        failure(&service.controller, &ended, rollback.as_ref()),
    )
    .address(service.address.to_string()))
}

/// Clears up what an interrupted run left.
async fn settle(session: &mut Session, connected: &Connected) -> Result<(), Failure> {
    let events = Events::unheard(connected.clock.clone());
    recover(
        &session.store,
        &mut session.state,
        connected.regions.clone(),
        &events,
        Patience::default(),
    )
    .await?;
    Ok(())
}

/// The service and its deployment group as they are live.
async fn known(
    connected: &Connected,
    service: &Service,
) -> Result<BTreeMap<payctl_model::Address, Known>, Failure> {
    let target = |address: &payctl_model::Address, type_name: &str| Target {
        address: address.clone(),
        type_name: type_name.to_owned(),
        declared: None,
    };
    let mut asked = vec![(
        target(&service.address, "AWS::ECS::Service"),
        service.id.clone(),
    )];
    if let Some((group, id)) = &service.group {
        asked.push((
            target(group, "AWS::CodeDeploy::DeploymentGroup"),
            id.clone(),
        ));
    }
    let read = connected.regions.read(&asked).await;
    let mut known = BTreeMap::new();
    for ((target, _), seen) in asked.into_iter().zip(read) {
        let Some(seen) = seen? else {
            return Err(
                Failure::new("gone", format!("AWS has {} no more", target.address))
                    .help("payctl apply makes it again"),
            );
        };
        let one = Known {
            type_name: target.type_name,
            id: seen.id,
            model: seen.model,
        };
        known.insert(target.address, one);
    }
    Ok(known)
}

/// The task definition that a service runs.
fn runs(service: &Service, model: &Value) -> Result<String, Failure> {
    let arn = model.get("TaskDefinition").and_then(Value::as_str);
    arn.map(str::to_owned).ok_or_else(|| {
        Failure::new(
            "no-task-definition",
            format!("{} runs no task definition", service.address),
        )
    })
}

/// The container whose image changes: the named one, the one that takes the traffic, or the only one.
fn container(
    service: &Service,
    model: &Value,
    revision: &Revision,
    named: Option<&str>,
) -> Result<String, Failure> {
    let containers = revision.containers();
    let list = || {
        format!(
            "containers of {}: {}",
            short(&revision.arn),
            containers.join(", ")
        )
    };
    if let Some(named) = named {
        return match containers.contains(&named) {
            true => Ok(named.to_owned()),
            false => Err(Failure::new(
                "unknown-container",
                format!("{} has no container `{named}`", short(&revision.arn)),
            )
            .help(list())),
        };
    }
    let path = PropertyPath::from("LoadBalancers.0.ContainerName");
    let balanced = model.at(&path).and_then(Value::as_str);
    match (
        balanced.filter(|name| containers.contains(name)),
        containers.as_slice(),
    ) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        _ => Err(Failure::new(
            "which-container",
            format!(
                "{} has several containers, and none of them takes the traffic of a load balancer",
                service.address
            ),
        )
        .help(format!(
            "--container NAME says which one gets the image; {}",
            list()
        ))),
    }
}

/// Deploys a revision and says how it went.
async fn bring(
    global: &Global,
    session: &mut Session,
    connected: &Connected,
    service: &Service,
    known: BTreeMap<payctl_model::Address, Known>,
    task_definition: String,
) -> Outcome {
    let (events, receiver) = Events::channel(connected.clock.clone());
    let mut progress = Progress::start(receiver, global.json);
    let names = services::names(&session.state);
    progress.names(names.clone());
    let stop = CancellationToken::new();
    let watch = tokio::spawn(run::interrupted(stop.clone(), Interrupts::listen()));
    let deployment = service.group.as_ref().map(|(group, _)| Deployment {
        by: Manager::CodeDeploy,
        group: Some(group.clone()),
        words: "blue/green".to_owned(),
    });
    let calls = || connected.regions.calls();
    let brought = redeploy(
        &session.store,
        &mut session.state,
        Redeploy {
            service: service.address.clone(),
            task_definition,
            deployment,
            known,
            cloud: connected.regions.clone(),
            events,
            pace: Pace::default(),
        },
        &calls,
        stop.clone(),
    )
    .await;
    watch.abort();
    progress.finish().await;
    let outcome = brought?;
    if outcome.is_complete() {
        return Ok(Exit::Success);
    }
    for (address, failure) in &outcome.failures {
        let failure = super::failures::of_operation(&names.show(address), failure);
        if !global.json {
            super::say(&failure.render());
        }
    }
    Ok(match outcome.failures.is_empty() {
        true => Exit::Interrupted,
        false => Exit::Failed,
    })
}

fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn tell(global: &Global, text: &str) {
    if !global.json {
        super::say(text);
    }
}
