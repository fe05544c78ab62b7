//! `payctl drift`: what changed behind the templates' back. Needs no template and no parameter: the state knows what was
//! applied.

use super::arguments::{DriftArguments, Selection};
use super::session::Session;
use super::{Exit, Global, Outcome, plan as plan_command, workflow};
use crate::graph::ResourceGraph;
use crate::plan::PlanInputs;
use crate::report::{plan_json, plan_text};

pub(super) async fn run(global: &Global, options: &DriftArguments) -> Outcome {
    let mut session = Session::open(global)?;
    let connected = session.connect().await?;
    let state = plan_command::counted_in(&session)?;
    let planned = workflow::make(
        &session,
        &state,
        ResourceGraph::default(),
        PlanInputs::default(),
        Some(&connected),
        &Selection::default(),
        false,
    )
    .await?;
    let drift = &planned.plan.drift;
    if global.json {
        let calls = connected.regions.calls();
        super::print_json(&serde_json::json!({
            "format_version": "1.0",
            "environment": session.environment.name,
            "drift": plan_json::drift_json(&planned.plan),
            "accepted": plan_json::accepted_json(&planned.plan),
            "managed": plan_json::managed_json(&planned.plan),
            "api_calls": { "total": calls.values().sum::<u64>(), "by_operation": calls },
        }));
    } else {
        let header = plan_text::PlanHeader {
            title: session.title(),
            api_calls: 0,
            short: &|address| planned.names.show(address),
        };
        let mut text = String::new();
        if drift.is_empty() {
            text.push_str("No drift: AWS is as it was applied.\n");
        }
        plan_text::write_drift(&mut text, drift, &header);
        plan_text::write_accepted(&mut text, &planned.plan.accepted, &header);
        plan_text::write_managed(&mut text, &planned.plan.managed, &header);
        super::print(&text);
    }
    connected.close()?;
    Ok(if options.detailed_exitcode && !drift.is_empty() {
        Exit::Changes
    } else {
        Exit::Success
    })
}
