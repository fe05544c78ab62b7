//! What AWS refuses of parameters.

use super::parameters::{KIND, tier};
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use regex::Regex;

const SOURCE: &str = "Systems Manager API Reference, PutParameter";
const PUT: &[&str] = &["PutParameter"];

/// What a parameter is called.
pub(super) const NAME: Law = Law {
    name: "a parameter's name is a path of letters, digits, . - and _, and not AWS's",
    operations: PUT,
    source: SOURCE,
    fault: Fault::new("ValidationException", "{message}"),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        let bare = name.trim_start_matches('/').to_ascii_lowercase();
        let fits =
            |char: char| char.is_ascii_alphanumeric() || matches!(char, '.' | '-' | '_' | '/');
        let message = if bare.starts_with("aws") || bare.starts_with("ssm") {
            "Parameter name: can't be prefixed with \"aws\" or \"ssm\" (case-insensitive)."
        } else if name.contains('/') && !name.starts_with('/') {
            "Parameter name must be a fully qualified name."
        } else if !name.chars().all(fits)
            || bare.is_empty()
            || name.ends_with('/')
            || name.contains("//")
        {
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_"
        } else if name.len() > 1011 {
            "Parameter name is too long: at most 1011 characters."
        } else {
            return Ok(());
        };
        Err(law.fault.with(&[("message", message)]))
    }),
};

/// Fifteen levels.
pub(super) const LEVELS: Law = Law {
    name: "a parameter's name has at most 15 levels",
    operations: PUT,
    source: SOURCE,
    fault: Fault::new(
        "HierarchyLevelLimitExceededException",
        "Hierarchy level limit exceeded: a parameter name can have at most 15 levels.",
    ),
    check: Some(|call, law| {
        if call.text("Name").unwrap_or_default().matches('/').count() > 15 {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// Tags are for new ones.
pub(super) const TAGS: Law = Law {
    name: "tags and overwrite are not used together",
    operations: PUT,
    source: SOURCE,
    fault: Fault::new(
        "ValidationException",
        "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.",
    ),
    check: Some(|call, law| {
        let tags = call.input.get("Tags").and_then(|tags| tags.as_array());
        if overwrites(call) && tags.is_some_and(|tags| !tags.is_empty()) {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// A new one has a type.
pub(super) const TYPE: Law = Law {
    name: "a new parameter has a type",
    operations: PUT,
    source: SOURCE,
    fault: Fault::new(
        "ValidationException",
        "A parameter type is required when you create a parameter.",
    ),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        if call.text("Type").is_none() && call.find(KIND, name).is_none() {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// It keeps it.
pub(super) const SAME_TYPE: Law = Law {
    name: "a parameter keeps its type",
    operations: PUT,
    source: "Systems Manager API Reference, PutParameter, HierarchyTypeMismatchException",
    fault: Fault::new(
        "HierarchyTypeMismatchException",
        "The parameter {id} is of type {now}: Parameter Store doesn't support changing a parameter type in a hierarchy.",
    ),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        match (call.find(KIND, name), call.text("Type")) {
            (Some(old), Some(asked)) if overwrites(call) && !old.is("Type", asked) => {
                Err(law.fault.with(&[("id", name), ("now", old.text("Type"))]))
            }
            _ => Ok(()),
        }
    }),
};

/// The value fits the pattern.
pub(super) const PATTERN: Law = Law {
    name: "a parameter's value fits its allowed pattern",
    operations: PUT,
    source: "Systems Manager API Reference, PutParameter, AllowedPattern",
    fault: Fault::new(
        "ParameterPatternMismatchException",
        "Parameter value, cannot be validated against allowedPattern: {pattern}",
    ),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        let old = call.find(KIND, name).filter(|_| overwrites(call));
        let kept = old.map(|old| old.text("AllowedPattern"));
        let Some(pattern) = call
            .text("AllowedPattern")
            .or(kept)
            .filter(|text| !text.is_empty())
        else {
            return Ok(());
        };
        let Ok(regex) = Regex::new(&format!("^(?:{pattern})$")) else {
            let message =
                format!("The request does not meet the regular expression requirement: {pattern}");
            return Err(Refusal::new("InvalidAllowedPatternException", message));
        };
        let value = call.text("Value").unwrap_or_default();
        // Each item of a list is looked at (PutParameter, AllowedPattern).
        let list = call.text("Type").or(old.map(|old| old.text("Type"))) == Some("StringList");
        let fits = if list {
            value.split(',').all(|item| regex.is_match(item))
        } else {
            regex.is_match(value)
        };
        if fits {
            Ok(())
        } else {
            Err(law.fault.with(&[("pattern", pattern)]))
        }
    }),
};

/// How long values are.
pub(super) const SIZE: Law = Law {
    name: "a standard parameter's value has at most 4 KB, an advanced one's 8 KB",
    operations: PUT,
    source: "Systems Manager User Guide, Managing parameter tiers",
    fault: Fault::new(
        "ValidationException",
        "{tier} tier parameters support a maximum parameter value of {most} characters.",
    ),
    check: Some(|call, law| {
        let value = call.text("Value").unwrap_or_default();
        if value.is_empty() {
            let message = "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.";
            return Err(Refusal::new("ValidationException", message));
        }
        let tier = tier(call);
        let most = if tier == "Standard" { 4096 } else { 8192 };
        if value.len() > most {
            return Err(law
                .fault
                .with(&[("tier", &tier), ("most", &most.to_string())]));
        }
        Ok(())
    }),
};

/// What only advanced parameters have, and that they stay so.
pub(super) const TIER: Law = Law {
    name: "policies need the advanced tier, and an advanced parameter stays one",
    operations: PUT,
    source: "Systems Manager User Guide, Managing parameter tiers",
    fault: Fault::new("ValidationException", "{message}"),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        let old = call.find(KIND, name).filter(|_| overwrites(call));
        let message = if old.is_some_and(|old| old.is("Tier", "Advanced"))
            && call.text("Tier") == Some("Standard")
        {
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter."
        } else if call
            .text("Policies")
            .is_some_and(|text| !matches!(text, "" | "[{}]" | "[]"))
            && tier(call) == "Standard"
        {
            "Parameter policies are supported for parameters that use the advanced-parameter tier only."
        } else {
            return Ok(());
        };
        Err(law.fault.with(&[("message", message)]))
    }),
};

/// Tags have another not-found.
pub(super) const TAGGED: Law = Law {
    name: "what is tagged exists",
    operations: &[
        "AddTagsToResource",
        "RemoveTagsFromResource",
        "ListTagsForResource",
    ],
    source: "Systems Manager API Reference, AddTagsToResource, InvalidResourceId",
    fault: Fault::new(
        "InvalidResourceId",
        "The resource ID {id} is not valid. Verify that you entered the correct ID and try again.",
    ),
    check: Some(|call, law| {
        let id = call.text("ResourceId").unwrap_or_default();
        if call.text("ResourceType") == Some("Parameter") && call.find(KIND, id).is_some() {
            return Ok(());
        }
        Err(law.fault.with(&[("id", id)]))
    }),
};

pub(super) fn overwrites(call: &Call) -> bool {
    call.input.get("Overwrite") == Some(&serde_json::Value::Bool(true))
}
