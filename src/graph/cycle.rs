//! Cycles, reported so that they can be mended: the shortest path, where each step stands, what it refers to.

use std::collections::{BTreeMap, HashSet, VecDeque};

// Not Tarjan's algorithm, which recurses as deep as the longest chain of resources.
use petgraph::algo::kosaraju_scc;
use petgraph::stable_graph::NodeIndex;
use petgraph::visit::EdgeRef;

use super::{Names, ResourceGraph, Why};
use crate::template::{Diagnostic, Span};

/// One error for each group of resources that need each other.
pub(super) fn report(graph: &ResourceGraph) -> Vec<Diagnostic> {
    let names = Names::new(graph.index.keys());
    let mut errors: Vec<(String, Diagnostic)> = kosaraju_scc(&graph.graph)
        .into_iter()
        .filter(|group| group.len() > 1 || graph.graph.contains_edge(group[0], group[0]))
        .map(|group| {
            let cycle = shortest(graph, &group);
            let diagnostic = describe(graph, &names, &cycle);
            (diagnostic.message.clone(), diagnostic)
        })
        .collect();
    errors.sort_by(|a, b| a.0.cmp(&b.0));
    errors
        .into_iter()
        .map(|(_, diagnostic)| diagnostic)
        .collect()
}

/// The shortest cycle through the group's first address, each followed by what needs it.
fn shortest(graph: &ResourceGraph, group: &[NodeIndex]) -> Vec<NodeIndex> {
    let Some(start) = group
        .iter()
        .copied()
        .min_by_key(|node| &graph.graph[*node].resource.address)
    else {
        return Vec::new();
    };
    let members: HashSet<NodeIndex> = group.iter().copied().collect();
    let mut from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        let mut next: Vec<NodeIndex> = graph
            .graph
            .edges(node)
            .map(|edge| edge.target())
            .filter(|target| members.contains(target))
            .collect();
        next.sort_by_key(|target| &graph.graph[*target].resource.address);
        for target in next {
            if target == start {
                let mut path = vec![node];
                while let Some(previous) = path.last().and_then(|last| from.get(last)) {
                    path.push(*previous);
                }
                path.reverse();
                return path;
            }
            from.entry(target).or_insert_with(|| {
                open.push_back(target);
                node
            });
        }
    }
    vec![start]
}

fn describe(graph: &ResourceGraph, names: &Names, cycle: &[NodeIndex]) -> Diagnostic {
    // Said in the direction in which templates are read: what needs what.
    let needing: Vec<NodeIndex> = cycle.iter().rev().copied().collect();
    let show = |node: NodeIndex| names.show(&graph.graph[node].resource.address);
    let mut shown: Vec<String> = needing.iter().map(|node| show(*node)).collect();
    shown.extend(needing.first().map(|node| show(*node)));
    let mut steps = Vec::new();
    let mut place: Option<(NodeIndex, Span)> = None;
    for (position, consumer) in needing.iter().enumerate() {
        let producer = needing[(position + 1) % needing.len()];
        let Some(edge) = graph.graph.find_edge(producer, *consumer) else {
            continue;
        };
        let node = &graph.graph[*consumer];
        let (what, span) = match graph.graph[edge].why.first() {
            Some(Why::Reference {
                property,
                attribute,
            }) => (
                format!("{property} (its {attribute})"),
                node.resource.properties.place_of(property),
            ),
            _ => ("DependsOn".to_owned(), node.resource.span),
        };
        let at = node.source.position(span.offset);
        steps.push(format!(
            "{} needs {} through {what} at {}:{}:{}",
            show(*consumer),
            show(producer),
            node.source.name(),
            at.line,
            at.column
        ));
        place.get_or_insert((*consumer, span));
    }
    let mut diagnostic = Diagnostic::error(
        "cycle",
        format!("resources need each other: {}", shown.join(" -> ")),
    )
    .help(format!("one of these must go:\n{}", steps.join("\n")));
    if let Some((node, span)) = place {
        let node = &graph.graph[node];
        diagnostic = diagnostic
            .at(&node.source, span)
            .address(node.resource.address.to_string());
    }
    diagnostic
}
