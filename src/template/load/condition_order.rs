//! The section Conditions: in which order conditions are decided, and those that need each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use super::super::source::Span;
use super::super::syntax::{Local, Term};
use super::Loader;

impl Loader {
    /// The names of all conditions, each after those that it needs. So they are decided one by one: evaluating a chain of
    /// them recursively would need a stack as deep as the chain is long.
    pub(super) fn condition_order(
        &mut self,
        conditions: &BTreeMap<String, (Span, Term)>,
    ) -> Vec<String> {
        let mut graph = DiGraph::<&str, ()>::new();
        let nodes: BTreeMap<&str, NodeIndex> = conditions
            .keys()
            .map(|name| (name.as_str(), graph.add_node(name.as_str())))
            .collect();
        for (name, (_, term)) in conditions {
            let mut needed = BTreeSet::new();
            needed_conditions(term, &mut needed);
            for other in needed.iter().filter_map(|other| nodes.get(other)) {
                graph.add_edge(nodes[name.as_str()], *other, ());
            }
        }
        let mut order = Vec::with_capacity(conditions.len());
        // Groups that need each other, each after the groups that it needs: edges lead to what is needed.
        for group in kosaraju_scc(&graph) {
            if group.len() > 1 || graph.contains_edge(group[0], group[0]) {
                let path = circle(&graph, &group);
                let message = format!(
                    "conditions depend on each other in a circle: {}",
                    path.join(" -> ")
                );
                self.report("circular", message, conditions[path[0]].0);
            }
            order.extend(group.iter().map(|node| graph[*node].to_owned()));
        }
        order
    }
}

/// A way from the group's first name through the group back to it.
fn circle<'a>(graph: &DiGraph<&'a str, ()>, group: &[NodeIndex]) -> Vec<&'a str> {
    let members: BTreeSet<NodeIndex> = group.iter().copied().collect();
    let start = group
        .iter()
        .copied()
        .min_by_key(|node| graph[*node])
        .unwrap_or_default();
    let mut from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut open = std::collections::VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        for next in graph.neighbors(node).filter(|next| members.contains(next)) {
            if next == start {
                let mut path = vec![graph[start]];
                let mut at = node;
                while at != start {
                    path.insert(1, graph[at]);
                    at = from[&at];
                }
                path.push(graph[start]);
                return path;
            }
            from.entry(next).or_insert_with(|| {
                open.push_back(next);
                node
            });
        }
    }
    vec![graph[start]]
}

fn needed_conditions<'t>(term: &'t Term, found: &mut BTreeSet<&'t str>) {
    term.visit_locals(&mut |local, _| {
        if let Local::Condition(name) = local {
            found.insert(name);
        }
    });
}
