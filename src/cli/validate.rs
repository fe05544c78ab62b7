//! `payctl validate`: the templates alone. Nothing is asked of AWS, and no value is asked for.

use super::lookups::LookedUp;
use super::session::Session;
use super::{Exit, Global, Outcome, workflow};
use crate::graph::{ResourceGraph, Rules};
use crate::report::failure::{Failure, render_diagnostic};
use crate::template::{Diagnostic, Stack};

pub(super) fn run(global: &Global) -> Outcome {
    let session = Session::for_checking(global)?;
    let loaded = workflow::load(&session)?;
    let given = workflow::given(&session, global, &loaded)?;
    let missing: Vec<String> = given
        .iter()
        .zip(&loaded.stacks)
        .flat_map(|(given, (stack, template))| {
            let missing = template.parameters.iter().filter(|(name, parameter)| {
                parameter.default.is_none() && !given.contains_key(*name)
            });
            missing.map(|(name, _)| format!("{}.{name}", stack.name))
        })
        .collect();
    let mut warnings: Vec<Diagnostic> = loaded
        .stacks
        .iter()
        .flat_map(|(_, template)| template.warnings.clone())
        .collect();
    let mut not_looked_up = Vec::new();
    if missing.is_empty() {
        let known = LookedUp::recorded(&session);
        let made = workflow::instantiate(&session, global, &loaded, &known, false)?;
        let assumed = made.stacks.iter().filter(|stack| stack.is_assumed());
        not_looked_up = assumed.map(|stack| stack.name.clone()).collect();
        // What was only taken to hold can contradict itself across stacks.
        let mut between = Vec::new();
        if not_looked_up.is_empty() {
            let exported = &session.state.exports;
            let graph = ResourceGraph::build_after(&made.stacks, &Rules::native(), exported)
                .map_err(Failure::of_diagnostics)?;
            between = workflow::checked(&graph)?;
        }
        let within = made.stacks.iter().flat_map(Stack::with_nested);
        let within = within.flat_map(|stack| stack.warnings.clone());
        warnings = within.chain(between).collect();
    }
    let resources: usize = loaded
        .stacks
        .iter()
        .map(|(_, template)| template.resource_count())
        .sum();
    if global.json {
        super::print_json(&serde_json::json!({
            "valid": true,
            "stacks": loaded.stacks.len(),
            "resources": resources,
            "warnings": warnings.iter().map(|warning| warning.to_json()).collect::<Vec<_>>(),
            "parameters_missing": missing,
            "not_looked_up": not_looked_up,
        }));
        return Ok(Exit::Success);
    }
    for warning in &warnings {
        super::say(&render_diagnostic(warning));
    }
    super::print(&format!(
        "valid: {resources} resources in {} stacks",
        loaded.stacks.len()
    ));
    if !missing.is_empty() {
        super::say(&format!(
            "not given, so checked without their values: {}",
            missing.join(", ")
        ));
    }
    if !not_looked_up.is_empty() {
        super::say(&format!(
            "parameters of Systems Manager that were never looked up decide conditions, rules or names in: {} (taken to hold; `payctl plan` looks them up)",
            not_looked_up.join(", ")
        ));
    }
    Ok(Exit::Success)
}
