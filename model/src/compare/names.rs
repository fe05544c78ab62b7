//! Properties under another name, and one thing that can be said in two ways.

use std::collections::BTreeMap;

use crate::value::Value;

/// Older names of properties and what AWS calls them now. Source: API references ("Deprecated. Represents …; use … instead").
const RENAMED: &[(&str, &str, &str)] = &[
    ("AWS::GuardDuty::Filter", "Eq", "Equals"),
    ("AWS::GuardDuty::Filter", "Neq", "NotEquals"),
    ("AWS::GuardDuty::Filter", "Gt", "GreaterThan"),
    ("AWS::GuardDuty::Filter", "Gte", "GreaterThanOrEqual"),
    ("AWS::GuardDuty::Filter", "Lt", "LessThan"),
    ("AWS::GuardDuty::Filter", "Lte", "LessThanOrEqual"),
];

/// The names under which AWS may return what a template declares under this one: its successor, and the same name with its
/// first letter in the other case (APIs that write `sourceColumn` and `SourceColumn` for the same).
pub(super) fn other(type_name: &str, key: &str) -> Vec<String> {
    let renamed = RENAMED
        .iter()
        .filter(|(of, old, _)| *of == type_name && *old == key)
        .map(|(_, _, new)| (*new).to_owned());
    let mut characters = key.chars();
    let swapped = characters.next().map(|first| {
        let first = if first.is_ascii_lowercase() {
            first.to_ascii_uppercase()
        } else {
            first.to_ascii_lowercase()
        };
        format!("{first}{}", characters.as_str())
    });
    renamed
        .chain(swapped.filter(|swapped| swapped != key))
        .collect()
}

/// Whether AWS says the same in another property. `TargetGroupArn` and a `ForwardConfig` with that group are the same action
/// (Elastic Load Balancing API reference, Action). With several groups the weights are their deployment's, not the
/// template's, which named one: unless it is known what deployments moved.
pub(super) fn said_otherwise(
    deployments_known: bool,
    type_name: &str,
    key: &str,
    declared: &Value,
    live: &BTreeMap<String, Value>,
) -> bool {
    if !type_name.starts_with("AWS::ElasticLoadBalancingV2::Listener") || key != "TargetGroupArn" {
        return false;
    }
    let groups = live
        .get("ForwardConfig")
        .and_then(|config| config.get("TargetGroups"))
        .and_then(Value::as_list);
    let groups = groups.unwrap_or_default();
    let is_it = |group: &Value| group.get("TargetGroupArn") == Some(declared);
    groups.iter().any(is_it) && (!deployments_known || groups.iter().all(is_it))
}
