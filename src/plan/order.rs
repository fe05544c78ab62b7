//! Whether a replacement can be made beside the old one.

use payctl_model::{Address, PropertyPath, Value};

use super::differences;
use crate::graph::{ResourceGraph, Rules, touches};

/// What refers to a thing in a way that can be changed in place and still makes AWS refuse that thing's deletion; and that
/// may itself be made anew without losing anything. Source: Elastic Load Balancing API reference, DeleteTargetGroup
/// ("if it is not referenced by any actions").
const HOLDS: &[(&str, &str)] = &[
    ("AWS::ElasticLoadBalancingV2::Listener", "DefaultActions"),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "Actions"),
];

/// Where `consumer` names `used` in a way that keeps it from being deleted.
pub(super) fn holds(
    graph: &ResourceGraph,
    rules: &Rules,
    consumer: &Address,
    used: &Address,
) -> Option<PropertyPath> {
    let type_name = &graph.get(consumer)?.resource.type_name;
    let (_, edge) = graph
        .producers(consumer)
        .into_iter()
        .find(|(producer, _)| *producer == used)?;
    let listed = HOLDS
        .iter()
        .filter(|(holder, _)| holder == type_name)
        .map(|(_, path)| PropertyPath::from(*path));
    let patterns: Vec<PropertyPath> = listed
        .chain(rules.of(type_name).holds.iter().cloned())
        .collect();
    let held = edge
        .properties()
        .find(|path| patterns.iter().any(|pattern| touches(pattern, path)));
    held.cloned()
}

/// Whether AWS allows only one resource with what both the old and the new one have.
pub(super) fn must_go_first(rules: &Rules, type_name: &str, wanted: &Value, live: &Value) -> bool {
    if differences::is_deleted_then_created(type_name) {
        return true;
    }
    let same = |set: &Vec<PropertyPath>| {
        let mut given = 0;
        let equal = set
            .iter()
            .all(|path| match (wanted.at(path), live.at(path)) {
                (Some(wanted), Some(live)) => {
                    given += 1;
                    !wanted.has_unknown()
                        && (wanted == live
                            || wanted.to_text().is_some_and(|t| Some(t) == live.to_text()))
                }
                (None, None) => true,
                _ => false,
            });
        equal && given > 0
    };
    let own = &rules.of(type_name).unique;
    // What a definition says is exact: a name may be unique only beside others of the same parent.
    own.iter().any(same)
        || own.is_empty() && differences::identifying(type_name).iter().any(same)
}
