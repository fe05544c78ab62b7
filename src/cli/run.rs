//! `payctl apply` and `payctl destroy`: both carry a plan out.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use payctl_state::Hasher;
use tokio_util::sync::CancellationToken;

use super::arguments::{ApplyArguments, DestroyArguments, Selection};
use super::session::{Connected, Session, Templates};
use super::workflow::{self, Planned};
use super::{Exit, Global, Interrupts, Outcome, lookups, plan as plan_command};
use crate::apply::assets::{self, AssetError};
use crate::apply::engine::{Apply, apply, recover};
use crate::apply::executor::Wanted as _;
use crate::apply::poller::Pace;
use crate::apply::recovery::Patience;
use crate::apply::{Cloud, Events};
use crate::graph::ResourceGraph;
use crate::plan::{Plan, PlanInputs, SavedPlan, operations};
use crate::report::failure::Failure;
use crate::report::progress::Progress;
use crate::template::Diagnostic;

/// How many operations call AWS at once where payctl.toml says nothing.
const CONCURRENCY: usize = 24;

pub(super) async fn apply_command(global: &Global, options: &ApplyArguments) -> Outcome {
    let saved = options.plan.as_deref().map(read_saved).transpose()?;
    let mut selection = options.selection.clone();
    selection.accept_drift.clone_from(&options.accept_drift);
    let mut destroy = false;
    if let Some(saved) = &saved {
        destroy = saved.destroy;
        selection.targets = saved.targets.iter().map(ToString::to_string).collect();
        selection.allow_destructive = saved.allow_destructive;
    }
    // Looking at the saved plan was the yes to it.
    let approval = if options.auto_approve || saved.is_some() {
        Approval::Given
    } else {
        Approval::Yes
    };
    carry_out(
        global,
        "apply",
        &selection,
        destroy,
        saved.as_ref(),
        approval,
    )
    .await
}

pub(super) async fn destroy_command(global: &Global, options: &DestroyArguments) -> Outcome {
    let approval = if options.auto_approve {
        Approval::Given
    } else {
        Approval::Name
    };
    carry_out(global, "destroy", &options.selection, true, None, approval).await
}

/// What a person has to type before anything is done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Approval {
    /// Nothing.
    Given,
    /// `yes`.
    Yes,
    /// The environment's name.
    Name,
}

async fn carry_out(
    global: &Global,
    command: &str,
    selection: &Selection,
    destroy: bool,
    saved: Option<&SavedPlan>,
    approval: Approval,
) -> Outcome {
    let needed = match (destroy, saved) {
        (true, _) => Templates::Unneeded,
        (false, Some(_)) => Templates::AsPlanned,
        (false, None) => Templates::Current,
    };
    let mut session = Session::with_templates(global, needed)?;
    let loaded = if destroy {
        None
    } else {
        Some(workflow::load(&session)?)
    };
    let _lock = session.lock(command)?;
    // Another run may have ended between the first look and the lock.
    session.reread()?;
    if let Some(saved) = saved {
        saved.found(&mut session.state);
    }
    let connected = session.connect().await?;
    let loaded = match loaded {
        Some(loaded) => {
            let anew = selection.refresh_lookups;
            Some(lookups::with_types(&mut session, loaded, &connected, anew).await?)
        }
        None => None,
    };
    let outcome = locked(
        global,
        &mut session,
        &connected,
        loaded.as_ref(),
        selection,
        destroy,
        saved,
        approval,
    )
    .await;
    // Whatever came of it: the simulated AWS remembers what it was told.
    connected.close()?;
    outcome
}

#[allow(clippy::too_many_arguments)]
async fn locked(
    global: &Global,
    session: &mut Session,
    connected: &Connected,
    loaded: Option<&workflow::Loaded>,
    selection: &Selection,
    destroy: bool,
    saved: Option<&SavedPlan>,
    approval: Approval,
) -> Outcome {
    let (events, receiver) = Events::channel(connected.clock.clone());
    let mut progress = Progress::start(receiver, global.json);
    let cloud: std::sync::Arc<dyn Cloud> = connected.regions.clone();
    let findings = recover(
        &session.store,
        &mut session.state,
        cloud.clone(),
        &events,
        Patience::default(),
    )
    .await?;
    if !findings.is_empty() && !global.json {
        super::say(&format!(
            "an earlier run was cut off; {} operations are settled now",
            findings.len()
        ));
    }
    let (graph, inputs) = match loaded {
        None => {
            let inputs = PlanInputs {
                environment: session.environment.name.clone(),
                ..PlanInputs::default()
            };
            (ResourceGraph::default(), inputs)
        }
        Some(loaded) => {
            let known = lookups::look_up(
                session,
                global,
                loaded,
                connected,
                selection.refresh_lookups,
            )
            .await?;
            workflow::graph(session, global, loaded, &known, true)?
        }
    };
    let planned = workflow::make(
        session,
        &session.state,
        graph,
        inputs,
        Some(connected),
        selection,
        destroy,
    )
    .await?;
    let hasher = Hasher::new(&session.state.salt);
    if let Some(saved) = saved {
        saved.check(
            &planned.plan,
            &planned.inputs,
            &session.state,
            &|secret, hash| hasher.matches(secret, hash),
        )?;
    }
    if !global.json {
        plan_command::show(session, global, &planned, connected);
    }
    if planned.plan.problems.is_empty() {
        provisionable(&planned)?;
    }
    if planned.plan.problems.is_empty() && !planned.plan.is_noop() {
        approve(session, approval, global.json)?;
    }
    let Planned {
        plan,
        templates,
        refreshed,
        names,
        ..
    } = planned;
    progress.names(names.clone());
    let steps = operations(&plan, &templates.graph, &session.state);
    let stop = CancellationToken::new();
    let watch = tokio::spawn(interrupted(stop.clone(), Interrupts::listen()));
    if let Err(error) = publish(session, connected, &plan, &events, &stop).await {
        watch.abort();
        drop(events);
        progress.finish().await;
        return match error {
            AssetError::Interrupted => Ok(Exit::Interrupted),
            error => Err(error.into()),
        };
    }
    let calls = || connected.regions.calls();
    let carried = apply(
        &session.store,
        &mut session.state,
        Apply {
            plan,
            operations: steps,
            templates,
            refreshed,
            cloud,
            events,
            concurrency: session.environment.concurrency.unwrap_or(CONCURRENCY),
            pace: Pace::default(),
            destroy,
            force_secrets: selection.force_secrets,
        },
        &calls,
        stop.clone(),
    )
    .await;
    watch.abort();
    progress.finish().await;
    let outcome = carried?;
    if outcome.is_complete() {
        if !global.json && !destroy && !session.state.outputs.is_empty() {
            super::print(&super::outputs::text(&session.state.outputs));
        }
        return Ok(Exit::Success);
    }
    if !global.json {
        for (address, failure) in &outcome.failures {
            super::say(&super::failures::of_operation(&names.show(address), failure).render());
        }
        super::say(&format!(
            "{} failed, {} were not started. What was done is recorded; run it again to go on.",
            outcome.failures.len(),
            outcome.skipped.len() + outcome.interrupted.len()
        ));
    }
    Ok(if outcome.failures.is_empty() && stop.is_cancelled() {
        Exit::Interrupted
    } else {
        Exit::Failed
    })
}

/// Publishes the assets that a plan needs.
async fn publish(
    session: &Session,
    connected: &Connected,
    plan: &Plan,
    events: &Events,
    stop: &CancellationToken,
) -> Result<(), AssetError> {
    // Connecting has asked for it.
    let account = session.state.account.clone().unwrap_or_default();
    let partition = |region: &str| workflow::partition(region);
    let needed = assets::needed(&session.environment.stacks, plan, &account, &partition);
    if needed.is_empty() || !plan.problems.is_empty() {
        return Ok(());
    }
    assets::publish(
        needed,
        &connected.regions,
        &account,
        connected.images(),
        events,
        stop,
    )
    .await
}

/// Nothing is asked or called for a plan that cannot be carried out.
///
/// # Errors
/// Every resource of a type that no module provisions, with its place in the template.
fn provisionable(planned: &Planned) -> Result<(), Failure> {
    let mut foreign: Vec<Diagnostic> = planned
        .plan
        .not_provisioned()
        .map(|change| {
            let message = payctl_resources::cloud_control::refusal(&change.type_name)
                .unwrap_or_else(|| format!("{} cannot be provisioned", change.type_name));
            Diagnostic {
                place: planned.templates.place(&change.address),
                ..Diagnostic::error("not-native", message)
            }
            .address(planned.names.show(&change.address))
        })
        .collect();
    foreign.sort_by_key(|diagnostic| {
        let place = diagnostic.place.as_ref();
        place.map(|place| (place.source.name().to_owned(), place.span))
    });
    // Advice that is the same for all, once.
    match foreign.pop() {
        None => Ok(()),
        Some(last) => {
            foreign.push(last.help(
                "nothing was called; take them out of the template, or keep them in a stack of their own",
            ));
            Err(Failure::of_diagnostics(foreign))
        }
    }
}

/// The first Ctrl-C starts nothing new, the second one leaves at once: the journal has it all.
pub(super) async fn interrupted(stop: CancellationToken, mut interrupts: Interrupts) {
    interrupts.next().await;
    stop.cancel();
    super::say(
        "interrupted: nothing new is started, what runs is finished and saved; once more leaves at once",
    );
    interrupts.next().await;
    std::process::exit(130);
}

fn read_saved(path: &Path) -> Result<SavedPlan, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            Failure::new("no-plan", format!("there is no plan {}", path.display()))
                .help("payctl plan --out FILE saves one; payctl apply alone plans anew")
        }
        _ => Failure::new(
            "io",
            format!("cannot read the plan {}: {error}", path.display()),
        ),
    })?;
    Ok(SavedPlan::from_text(&text)?)
}

fn approve(session: &Session, approval: Approval, json: bool) -> Result<(), Failure> {
    let (question, wanted) = match approval {
        Approval::Given => return Ok(()),
        Approval::Yes => (
            "Apply this plan? Only `yes` does: ".to_owned(),
            "yes".to_owned(),
        ),
        Approval::Name => {
            let name = session.environment.name.clone();
            (
                format!("Destroy everything in {name}? Type the environment's name: "),
                name,
            )
        }
    };
    let not_asked = || {
        Failure::new("not-approved", "nobody is there to approve it")
            .help("--auto-approve approves without asking")
    };
    if json || !std::io::stdin().is_terminal() {
        return Err(not_asked());
    }
    let _ = write!(std::io::stderr(), "{question}");
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|_| not_asked())?;
    if answer.trim() == wanted {
        return Ok(());
    }
    Err(Failure::new(
        "not-approved",
        "not approved: nothing was done",
    ))
}
