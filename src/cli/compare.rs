//! `payctl compare TYPE DECLARED LIVE`: what a plan would do with a resource that declares the one and reads like the
//! other.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use payctl_model::compare::{CompareOptions, Comparison, compare};
use payctl_model::facts::facts;
use payctl_model::{Address, AttributeOf, PropertyPath, Value};
use serde_json::{Value as Json, json};

use super::arguments::CompareArguments;
use super::{Exit, Global, Outcome};
use crate::report::failure::Failure;
use crate::report::values::write_difference;

/// The text that stands for a value only AWS can tell.
const UNKNOWN: &str = "__unknown__";

pub(super) fn run(global: &Global, options: &CompareArguments) -> Outcome {
    let Some(known) = facts().get(&options.r#type) else {
        let failure = Failure::new(
            "unknown-type",
            format!("AWS has no resource type {}", options.r#type),
        );
        return Err(match facts().nearest(&options.r#type) {
            Some(name) => failure.help(format!("did you mean {name}?")),
            None => failure,
        });
    };
    let declared = with_unknowns(&Value::from(read_object(&options.declared)?));
    let live = Value::from(read_object(&options.live)?);
    let stack_tags = options.stack_tags.as_deref().map(read_tags).transpose()?;
    let not_read: Vec<PropertyPath> = options
        .not_read
        .iter()
        .map(|path| PropertyPath::from(path.as_str()))
        .collect();
    let comparison = compare(
        &known,
        &declared,
        &live,
        &CompareOptions {
            stack_tags: stack_tags.as_ref(),
            not_read: &not_read,
            ..CompareOptions::default()
        },
    );
    if global.json {
        super::print_json(&to_json(&comparison));
    } else {
        super::print(&to_text(&comparison));
    }
    Ok(if comparison.changes.is_empty() {
        Exit::Success
    } else {
        Exit::Changes
    })
}

fn to_json(comparison: &Comparison) -> Json {
    let changes: Vec<Json> = comparison
        .changes
        .iter()
        .map(|change| {
            json!({
                "property": change.property, "declared": change.declared, "live": change.live,
                "effect": if change.replaces { "replace" } else { "update" },
            })
        })
        .collect();
    let undeclared: Vec<Json> = comparison
        .undeclared
        .iter()
        .map(|undeclared| json!({"property": undeclared.property, "live": undeclared.live}))
        .collect();
    json!({ "changes": changes, "undeclared": undeclared })
}

fn to_text(comparison: &Comparison) -> String {
    let mut out = String::new();
    for change in &comparison.changes {
        let effect = if change.replaces {
            "replace"
        } else {
            "update in place"
        };
        let _ = writeln!(out, "{} ({effect})", change.property);
        write_difference(
            &mut out,
            2,
            "live -> declared",
            change.live.as_ref(),
            change.declared.as_ref(),
        );
    }
    let count = comparison.undeclared.len();
    let _ = match comparison.changes.len() {
        0 => writeln!(out, "No change. {count} live values are not declared."),
        changes => writeln!(
            out,
            "{changes} changes. {count} live values are not declared."
        ),
    };
    out
}

fn with_unknowns(value: &Value) -> Value {
    let nowhere = Address::new("unknown", "unknown", "Unknown");
    value.map_leaves(&mut |leaf| match leaf.as_str() {
        Some(UNKNOWN) => Value::unknown(AttributeOf {
            address: nowhere.clone(),
            attribute: "Unknown".into(),
        }),
        _ => leaf.clone(),
    })
}

fn read_object(path: &Path) -> Result<Json, Failure> {
    let wrong = |why: String| {
        Failure::new("io", format!("{}: {why}", path.display())).help("a JSON object is expected")
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let json: Json = serde_json::from_str(&text).map_err(|error| Failure {
        place: Some((path.display().to_string(), error.line(), error.column())),
        ..wrong(error.to_string())
    })?;
    if json.is_object() {
        Ok(json)
    } else {
        Err(wrong("it is no JSON object".to_owned()))
    }
}

fn read_tags(path: &Path) -> Result<BTreeMap<String, String>, Failure> {
    let json = read_object(path)?;
    let tags = json.as_object().into_iter().flatten();
    Ok(tags
        .map(|(key, value)| {
            (
                key.clone(),
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned),
            )
        })
        .collect())
}
