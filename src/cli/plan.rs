//! `payctl plan`.

use payctl_state::Hasher;

use super::arguments::PlanArguments;
use super::session::{Connected, Session, Templates};
use super::workflow::{self, Planned};
use super::{Exit, Global, Outcome, lookups};
use crate::apply::engine::look;
use crate::graph::ResourceGraph;
use crate::plan::{PlanInputs, SavedPlan};
use crate::report::failure::Failure;
use crate::report::{plan_json, plan_text};

pub(super) async fn run(global: &Global, options: &PlanArguments) -> Outcome {
    let needed = match options.destroy {
        true => Templates::Unneeded,
        false => Templates::Current,
    };
    let mut session = Session::with_templates(global, needed)?;
    // What is wrong with the templates is said before anything is asked of AWS.
    let loaded = if options.destroy {
        None
    } else {
        Some(workflow::load(&session)?)
    };
    let connected = session.connect().await?;
    let loaded = match loaded {
        Some(loaded) => {
            let anew = options.selection.refresh_lookups;
            Some(lookups::with_types(&mut session, loaded, &connected, anew).await?)
        }
        None => None,
    };
    let state = counted_in(&session)?;
    let (graph, inputs) = match &loaded {
        None => (
            ResourceGraph::default(),
            PlanInputs {
                environment: session.environment.name.clone(),
                ..PlanInputs::default()
            },
        ),
        Some(loaded) => {
            let known = lookups::look_up(
                &mut session,
                global,
                loaded,
                &connected,
                options.selection.refresh_lookups,
            )
            .await?;
            workflow::graph(&session, global, loaded, &known, true)?
        }
    };
    let planned = workflow::make(
        &session,
        &state,
        graph,
        inputs,
        Some(&connected),
        &options.selection,
        options.destroy,
    )
    .await?;
    show(&session, global, &planned, &connected);
    if let Some(path) = &options.out {
        let hasher = Hasher::new(&state.salt);
        let saved = SavedPlan::new(&planned.plan, &planned.inputs, &state, &|secret| {
            hasher.hash(secret)
        });
        write_private(path, &saved.to_text())?;
        super::say(&format!(
            "saved: payctl apply {} carries out exactly this, or refuses",
            path.display()
        ));
    }
    if let [problem, ..] = planned.plan.problems.as_slice()
        && !global.json
    {
        super::say(&format!("apply will refuse this plan: {problem}"));
    }
    connected.close()?;
    Ok(if options.detailed_exitcode && !planned.plan.is_noop() {
        Exit::Changes
    } else {
        Exit::Success
    })
}

/// The state with what an interrupted run left counted in, and a word about it.
pub(super) fn counted_in(session: &Session) -> Result<payctl_state::State, Failure> {
    let Some((left, state)) = look(&session.store, &session.state)? else {
        return Ok(session.state.clone());
    };
    super::say(&format!(
        "An earlier run was cut off: {} operations never reached the state, {} are in doubt. The next apply settles them.",
        left.settled.len(),
        left.in_doubt.len()
    ));
    for (address, verb) in &left.in_doubt {
        super::say(&format!("  in doubt: {} {address}", verb.name()));
    }
    Ok(state)
}

/// Prints a plan.
pub(super) fn show(session: &Session, global: &Global, planned: &Planned, connected: &Connected) {
    let calls = connected.regions.calls();
    if global.json {
        super::print_json(&plan_json::render(
            &planned.plan,
            &session.environment.name,
            &calls,
        ));
        return;
    }
    let header = plan_text::PlanHeader {
        title: session.title(),
        api_calls: calls.values().sum(),
        short: &|address| planned.names.show(address),
    };
    super::print(&plan_text::render(&planned.plan, &header));
}

/// Writes a file that only its owner may read.
fn write_private(path: &std::path::Path, text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let io = |error: std::io::Error| {
        Failure::new("io", format!("cannot write {}: {error}", path.display()))
    };
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(io)?;
    file.write_all(text.as_bytes()).map_err(io)
}
