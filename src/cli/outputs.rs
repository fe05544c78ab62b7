//! `payctl outputs [NAME]`: what the stacks give out, as the last apply left it.

use std::collections::BTreeMap;

use payctl_model::Value;

use super::session::Session;
use super::{Exit, Global, Outcome, plan as plan_command, workflow};
use crate::report::failure::Failure;
use crate::report::values::write_value;
use crate::template::diagnostic::did_you_mean;

pub(super) fn run(global: &Global, name: Option<&str>) -> Outcome {
    let session = Session::open(global)?;
    let outputs = plan_command::counted_in(&session)?.outputs;
    let Some(name) = name else {
        if global.json {
            super::print_json(&workflow::outputs_json(&outputs));
        } else {
            super::print(&text(&outputs));
        }
        return Ok(Exit::Success);
    };
    let fits = |full: &&String| {
        full.as_str() == name
            || full.split_once('/').is_some_and(|(_, rest)| rest == name)
            || full.rsplit_once('.').is_some_and(|(_, last)| last == name)
    };
    let mut found: Vec<&String> = outputs.keys().filter(fits).collect();
    // A name alone is that of a stack's own output rather than of one that is nested in it.
    let is_own = |full: &&String| full.matches('/').count() == 1;
    if found.len() > 1 && found.iter().any(is_own) {
        found.retain(is_own);
    }
    match found.as_slice() {
        [one] => {
            if global.json {
                let value = workflow::outputs_json(&outputs);
                super::print_json(&value[one.as_str()]);
            } else {
                match &outputs[*one] {
                    Value::Secret(_) => super::print("(secret)"),
                    value => super::print(
                        &value
                            .to_text()
                            .unwrap_or_else(|| value.to_json().to_string()),
                    ),
                }
            }
            Ok(Exit::Success)
        }
        [] => {
            let short = outputs.keys().filter_map(|full| full.rsplit('.').next());
            let help = match did_you_mean(name, short) {
                Some(similar) => format!("did you mean `{similar}`?"),
                None => "payctl outputs lists them; outputs are known after the first apply".into(),
            };
            Err(Failure::new("unknown-output", format!("there is no output `{name}`")).help(help))
        }
        several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            Err(Failure::new(
                "ambiguous-output",
                format!("`{name}` may be {}", names.join(" or ")),
            ))
        }
    }
}

/// All outputs, one a line.
pub(super) fn text(outputs: &BTreeMap<String, Value>) -> String {
    let mut out = String::from("Outputs\n");
    if outputs.is_empty() {
        return "No outputs.".to_owned();
    }
    outputs
        .iter()
        .for_each(|(name, value)| write_value(&mut out, 2, name, value));
    out
}
