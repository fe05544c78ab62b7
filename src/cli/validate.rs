//! `payctl validate`: the templates alone. Nothing is asked of AWS, and no value is asked for.

use std::collections::BTreeMap;

use super::session::Session;
use super::{Exit, Global, Outcome, workflow};
use crate::report::failure::render_diagnostic;

pub(super) fn run(global: &Global) -> Outcome {
    let session = Session::for_checking(global)?;
    let loaded = workflow::load(&session)?;
    // Which zones there are is AWS's to say: any names do for checking.
    let zones: BTreeMap<String, Vec<String>> = session
        .regions()
        .into_iter()
        .map(|region| {
            let zones = ["a", "b", "c", "d", "e", "f"]
                .iter()
                .map(|letter| format!("{region}{letter}"))
                .collect();
            (region, zones)
        })
        .collect();
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
    if missing.is_empty() {
        workflow::graph(&session, global, &loaded, &zones, false)?;
    }
    let warnings: Vec<_> = loaded
        .stacks
        .iter()
        .flat_map(|(_, template)| &template.warnings)
        .collect();
    let resources: usize = loaded
        .stacks
        .iter()
        .map(|(_, template)| template.resource_types().count())
        .sum();
    if global.json {
        super::print_json(&serde_json::json!({
            "valid": true,
            "stacks": loaded.stacks.len(),
            "resources": resources,
            "warnings": warnings.iter().map(|warning| warning.to_json()).collect::<Vec<_>>(),
            "parameters_missing": missing,
        }));
        return Ok(Exit::Success);
    }
    for warning in warnings {
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
    Ok(Exit::Success)
}
