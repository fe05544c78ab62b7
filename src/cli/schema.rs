//! `payctl schema [TYPE]`: AWS's facts about resource types, and which properties payctl's own modules carry out.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use payctl_model::PropertyPath;
use payctl_model::facts::facts;
use payctl_resources::TYPES;
use payctl_resources::conformance::coverage;
use serde_json::{Value as Json, json};

use super::{Exit, Global, Outcome};
use crate::report::failure::Failure;
use crate::report::schema::{describe, page};
use crate::template::NESTED_STACK;

pub(super) fn run(global: &Global, type_name: Option<&str>) -> Outcome {
    let wanted: Vec<String> = match type_name {
        Some(name) => vec![name.to_owned()],
        None => TYPES
            .iter()
            .map(|resource| resource.definition().type_name.to_owned())
            .collect(),
    };
    let mut types = BTreeMap::new();
    for name in &wanted {
        types.insert(name.clone(), of_type(name)?);
    }
    if global.json {
        super::print_json(&json!({ "types": types }));
    } else if type_name.is_some() {
        let text: String = types
            .iter()
            .map(|(name, facts)| describe(name, facts))
            .collect();
        super::print(&text);
    } else {
        let mut out = String::new();
        for name in types.keys() {
            let _ = writeln!(out, "{name}  {}", page(name));
        }
        let _ = writeln!(
            out,
            "{} native types; payctl schema TYPE describes any type of AWS",
            types.len()
        );
        super::print(&out);
    }
    Ok(Exit::Success)
}

/// One type as docs/contracts.md wants it.
fn of_type(name: &str) -> Result<Json, Failure> {
    let Some(known) = facts().get(name) else {
        let failure = Failure::new("unknown-type", format!("AWS has no resource type {name}"));
        return Err(match facts().nearest(name) {
            Some(similar) => failure.help(format!("did you mean {similar}?")),
            None => failure,
        });
    };
    if name == NESTED_STACK {
        // The language carries it out, no module.
        return Ok(crate::report::schema::to_json(
            &known,
            true,
            &|path| match path.head() {
                Some("NotificationARNs") => {
                    let why = "payctl notifies nobody of a stack's events";
                    (false, Some(why.to_owned()))
                }
                Some("TimeoutInMinutes") => {
                    let why = "each resource has a time limit of its own";
                    (false, Some(why.to_owned()))
                }
                _ => (true, None),
            },
        ));
    }
    let native = payctl_resources::native(name).map(|resource| resource.definition());
    let refusal = payctl_resources::cloud_control::refusal(name);
    let covered = match native {
        Some(definition) => {
            coverage(definition).map_err(|why| Failure::new("schema", format!("{name}: {why}")))?
        }
        None => BTreeMap::new(),
    };
    let support = |path: &PropertyPath| {
        if native.is_none() {
            return match &refusal {
                None => (true, None),
                Some(why) => (false, Some(why.clone())),
            };
        }
        // A group is what all its leaves are.
        let name = path.to_string();
        let mut leaves = covered.iter().filter(|(leaf, _)| {
            leaf.strip_prefix(&name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let reasons: Option<Vec<&str>> = leaves
            .by_ref()
            .map(|(_, coverage)| coverage.unsupported)
            .collect();
        match reasons.as_deref() {
            Some([reason, ..]) => (false, Some((*reason).to_owned())),
            _ => (
                true,
                covered
                    .get(&name)
                    .and_then(|coverage| coverage.note)
                    .map(str::to_owned),
            ),
        }
    };
    Ok(crate::report::schema::to_json(
        &known,
        native.is_some(),
        &support,
    ))
}
