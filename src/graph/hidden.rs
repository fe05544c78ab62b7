//! Needs of AWS that no template shows, from the types' [`Rules`]: candidates for soft edges.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, PropertyPath, Step, Value};
use petgraph::stable_graph::NodeIndex;
use petgraph::visit::EdgeRef;

use super::{Hops, Milestone, ResourceGraph, Rules, Why};
use crate::template::{Lookup, dynamic};

/// What two resources have in common: the same resource named, or the same text, in one region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Common {
    Resource(Address),
    Text(String, String),
}

/// Producer, consumer and milestone of every hidden need, in a fixed order.
pub(super) fn needs(
    graph: &ResourceGraph,
    rules: &Rules,
) -> Vec<(NodeIndex, NodeIndex, Milestone)> {
    let mut found = after(graph, rules);
    found.extend(mentioned(graph, rules));
    found.extend(completed(graph, rules));
    found.extend(looked_up(graph));
    found.extend(renewing(graph, rules));
    found
}

/// Whoever reads an attribute of a VPC that its further ranges change waits for these, and the like.
fn renewing(graph: &ResourceGraph, rules: &Rules) -> Vec<(NodeIndex, NodeIndex, Milestone)> {
    let mut needs = Vec::new();
    for index in graph.index.values() {
        for (of, attributes) in renewed_by(graph, rules, *index) {
            let Some(renewed) = graph.index.get(&of) else {
                continue;
            };
            let readers = graph.graph.edges(*renewed).filter(|edge| {
                let read = edge.weight().attributes();
                edge.target() != *index
                    && attributes
                        .iter()
                        .any(|attribute| read.contains(attribute.as_str()))
            });
            needs.extend(readers.map(|edge| (*index, edge.target(), Milestone::Ready)));
        }
    }
    needs
}

/// Whose attributes, and which, have another value once this resource is ready.
pub(super) fn renewed_by<'r>(
    graph: &ResourceGraph,
    rules: &'r Rules,
    node: NodeIndex,
) -> Vec<(Address, &'r [String])> {
    let type_name = &graph.graph[node].resource.type_name;
    let mut renewed = Vec::new();
    for (property, attributes) in &rules.of(type_name).renews {
        for common in values(graph, node, &Hops(vec![property.clone()])) {
            if let Common::Resource(address) = common {
                renewed.push((address, attributes.as_slice()));
            }
        }
    }
    renewed
}

fn by_type(graph: &ResourceGraph) -> BTreeMap<&str, Vec<NodeIndex>> {
    let mut of_type: BTreeMap<&str, Vec<NodeIndex>> = BTreeMap::new();
    for index in graph.index.values() {
        of_type
            .entry(&graph.graph[*index].resource.type_name)
            .or_default()
            .push(*index);
    }
    of_type
}

/// A composite alarm comes after the alarms whose names stand in its rule.
fn mentioned(graph: &ResourceGraph, rules: &Rules) -> Vec<(NodeIndex, NodeIndex, Milestone)> {
    let of_type = by_type(graph);
    let mut needs = Vec::new();
    for (consumer_type, consumers) in &of_type {
        for rule in &rules.of(consumer_type).mentions {
            let texts = |index: NodeIndex, path: &PropertyPath| {
                values(graph, index, &Hops(vec![path.clone()]))
                    .into_iter()
                    .filter_map(|common| match common {
                        Common::Text(region, text) => Some((region, text)),
                        Common::Resource(_) => None,
                    })
                    .collect::<Vec<_>>()
            };
            let producers = of_type.get(rule.type_name.as_str()).into_iter().flatten();
            let names: Vec<(NodeIndex, String, String)> = producers
                .flat_map(|producer| {
                    let named = texts(*producer, &rule.name).into_iter();
                    named.map(|(region, name)| (*producer, region, name))
                })
                .collect();
            for consumer in consumers {
                for (region, text) in texts(*consumer, &rule.property) {
                    let producers = names.iter().filter(|(producer, of, name)| {
                        producer != consumer && *of == region && mentions(&text, name)
                    });
                    needs.extend(
                        producers.map(|(producer, ..)| (*producer, *consumer, Milestone::Accepted)),
                    );
                }
            }
        }
    }
    needs
}

/// Whether a name stands in a text by itself, or as the last part of an ARN: not within a longer name.
fn mentions(text: &str, name: &str) -> bool {
    let ends = |c: Option<char>| {
        c.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\'' | ':' | ','))
    };
    !name.is_empty()
        && text.match_indices(name).any(|(at, _)| {
            ends(text[..at].chars().next_back()) && ends(text[at + name.len()..].chars().next())
        })
}

/// A route to an internet gateway comes after the gateway's attachment to the same VPC, and the like.
fn after(graph: &ResourceGraph, rules: &Rules) -> Vec<(NodeIndex, NodeIndex, Milestone)> {
    let of_type = by_type(graph);
    let mut needs = Vec::new();
    for (consumer_type, consumers) in &of_type {
        for rule in &rules.of(consumer_type).after {
            let mut having: BTreeMap<Common, Vec<NodeIndex>> = BTreeMap::new();
            for producer in of_type.get(rule.type_name.as_str()).into_iter().flatten() {
                for common in values(graph, *producer, &rule.theirs) {
                    having.entry(common).or_default().push(*producer);
                }
            }
            for consumer in consumers {
                let producers: BTreeSet<NodeIndex> = values(graph, *consumer, &rule.mine)
                    .iter()
                    .filter_map(|common| having.get(common))
                    .flatten()
                    .copied()
                    .collect();
                needs.extend(
                    producers
                        .into_iter()
                        .map(|producer| (producer, *consumer, rule.milestone)),
                );
            }
        }
    }
    needs
}

/// Whoever uses a role waits for the role's policies too, and the like.
fn completed(graph: &ResourceGraph, rules: &Rules) -> Vec<(NodeIndex, NodeIndex, Milestone)> {
    let mut completers: BTreeMap<NodeIndex, BTreeSet<NodeIndex>> = BTreeMap::new();
    for index in graph.index.values() {
        for property in &rules.of(&graph.graph[*index].resource.type_name).completes {
            for common in values(graph, *index, &Hops(vec![property.clone()])) {
                let Common::Resource(address) = common else {
                    continue;
                };
                if let Some(completed) = graph.index.get(&address) {
                    completers.entry(*completed).or_default().insert(*index);
                }
            }
        }
    }
    let mut needs = Vec::new();
    for (completed, by) in &completers {
        let mut users: Vec<NodeIndex> = graph
            .graph
            .edges(*completed)
            .filter(|edge| {
                edge.weight()
                    .why
                    .iter()
                    .any(|why| matches!(why, Why::Reference { .. }))
            })
            .map(|edge| edge.target())
            .filter(|user| !by.contains(user))
            .collect();
        users.sort();
        needs.extend(
            users
                .iter()
                .flat_map(|user| by.iter().map(|by| (*by, *user, Milestone::Accepted))),
        );
    }
    needs
}

/// Whoever names a parameter or secret of the same region in a dynamic reference comes after it, where both names are
/// written out. Where one is put together from the other's attributes, that is an edge already.
fn looked_up(graph: &ResourceGraph) -> Vec<(NodeIndex, NodeIndex, Milestone)> {
    let mut made: BTreeMap<(&str, &str), Vec<(NodeIndex, &str)>> = BTreeMap::new();
    for index in graph.index.values() {
        let node = &graph.graph[*index];
        let named = |property| node.shape.get(property).and_then(Value::as_str);
        if let Some(name) = Lookup::PRODUCERS
            .iter()
            .find(|(type_name, _)| node.resource.type_name == *type_name)
            .and_then(|(_, property)| named(property))
        {
            let key = (
                node.resource.address.region.as_str(),
                node.resource.type_name.as_str(),
            );
            made.entry(key).or_default().push((*index, name));
        }
    }
    if made.is_empty() {
        return Vec::new();
    }
    let mut needs = Vec::new();
    for consumer in graph.index.values() {
        let node = &graph.graph[*consumer];
        for reference in dynamic::references_in(&node.shape) {
            let (type_name, _) = reference.lookup.made_by();
            let key = (node.resource.address.region.as_str(), type_name);
            let producers = made.get(&key).into_iter().flatten();
            needs.extend(
                producers
                    .filter(|(_, name)| reference.lookup.names(name))
                    .map(|(producer, _)| (*producer, *consumer, Milestone::Ready)),
            );
        }
    }
    needs
}

/// What stands at a path, resources named by reference as their address.
fn values(graph: &ResourceGraph, start: NodeIndex, hops: &Hops) -> BTreeSet<Common> {
    let start = &graph.graph[start].resource.address;
    let mut at = BTreeSet::from([Common::Resource(start.clone())]);
    for hop in &hops.0 {
        let mut next = BTreeSet::new();
        for common in at {
            let Common::Resource(address) = common else {
                continue;
            };
            let Some(node) = graph.get(&address) else {
                continue;
            };
            each_at(&node.shape, hop.steps(), &mut |value| match value {
                Value::Unknown(of) => {
                    // Of a text made from several resources nobody can say which one it names.
                    if let (Some(of), 1) = (of.first(), of.len()) {
                        next.insert(Common::Resource(of.address.clone()));
                    }
                }
                other => next.extend(
                    other
                        .to_text()
                        .map(|text| Common::Text(address.region.clone(), text)),
                ),
            });
        }
        at = next;
    }
    at
}

/// Calls `see` for every leaf at a path whose `*` stands for each item.
pub(crate) fn each_at<'a>(value: &'a Value, steps: &[Step], see: &mut impl FnMut(&'a Value)) {
    match (steps.split_first(), value) {
        (None, Value::List(items)) => items.iter().for_each(see),
        (None, value) => see(value),
        (Some((Step::Key(key), rest)), Value::Map(map)) => {
            if let Some(inner) = map.get(key) {
                each_at(inner, rest, see);
            }
        }
        (Some((Step::Index(index), rest)), Value::List(items)) => {
            if let Some(inner) = items.get(*index) {
                each_at(inner, rest, see);
            }
        }
        (Some((Step::Any, rest)), Value::List(items)) => {
            items.iter().for_each(|item| each_at(item, rest, see))
        }
        (Some((Step::Any, rest)), Value::Map(map)) => {
            map.values().for_each(|item| each_at(item, rest, see))
        }
        // A list where the path names a key: the path of facts without its `*`.
        (Some((Step::Key(_), _)), Value::List(items)) => {
            items.iter().for_each(|item| each_at(item, steps, see))
        }
        (Some(_), Value::Unknown(_)) => see(value),
        _ => {}
    }
}

/// Whether a pattern names this path, something in it, or something that it stands in.
pub(crate) fn touches(pattern: &PropertyPath, path: &PropertyPath) -> bool {
    pattern
        .steps()
        .iter()
        .zip(path.steps())
        .all(|(a, b)| *a == Step::Any || a == b)
}

#[cfg(test)]
mod tests {
    use super::mentions;

    #[test]
    fn a_name_is_mentioned_by_itself_or_at_the_end_of_an_arn() {
        let rule = "ALARM(cpu) AND NOT OK(\"too many errors\") OR \
                    INSUFFICIENT_DATA(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:queue)";
        for name in ["cpu", "too many errors", "queue"] {
            assert!(mentions(rule, name), "{name}");
        }
        for name in ["cp", "pu", "errors\" ", "ueue", "", "memory"] {
            assert!(!mentions(rule, name), "{name}");
        }
    }
}
