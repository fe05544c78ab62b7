//! `payctl graph`: the dependency graph of the environment, from the templates alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use super::arguments::GraphFormat;
use super::lookups::LookedUp;
use super::session::{Session, Templates};
use super::{Exit, Global, Outcome, workflow};
use crate::graph::{Names, ResourceGraph, Why};

pub(super) fn run(global: &Global, format: GraphFormat) -> Outcome {
    let session = Session::with_templates(global, Templates::Current)?;
    let loaded = workflow::load(&session)?;
    let known = LookedUp::recorded(&session);
    let (graph, _) = workflow::graph(&session, global, &loaded, &known, true)?;
    let format = if global.json {
        GraphFormat::Json
    } else {
        format
    };
    let text = match format {
        GraphFormat::Dot => dot(&graph),
        GraphFormat::Mermaid => mermaid(&graph),
        GraphFormat::Json => {
            super::print_json(&to_json(&graph));
            return Ok(Exit::Success);
        }
    };
    super::print(&text);
    Ok(Exit::Success)
}

fn names(graph: &ResourceGraph) -> Names {
    Names::new(graph.nodes().map(|(address, _)| address))
}

fn dot(graph: &ResourceGraph) -> String {
    let names = names(graph);
    let mut out = String::from("digraph payctl {\n  rankdir = LR;\n  node [shape = box];\n");
    for (address, node) in graph.nodes() {
        let _ = writeln!(
            out,
            "  \"{}\" [label = \"{0}\\n{}\"];",
            names.show(address),
            node.resource.type_name
        );
    }
    for (producer, consumer, edge) in graph.edges() {
        let style = if edge.why.iter().all(|why| matches!(why, Why::Hidden)) {
            " [style = dashed]"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "  \"{}\" -> \"{}\"{style};",
            names.show(producer),
            names.show(consumer)
        );
    }
    out.push_str("}\n");
    out
}

fn mermaid(graph: &ResourceGraph) -> String {
    let names = names(graph);
    let number: BTreeMap<_, _> = graph
        .nodes()
        .enumerate()
        .map(|(number, (address, _))| (address, number))
        .collect();
    let mut out = String::from("flowchart LR\n");
    for (address, node) in graph.nodes() {
        let _ = writeln!(
            out,
            "  n{}[\"{}<br/>{}\"]",
            number[address],
            names.show(address),
            node.resource.type_name
        );
    }
    for (producer, consumer, edge) in graph.edges() {
        let arrow = if edge.why.iter().all(|why| matches!(why, Why::Hidden)) {
            "-.->"
        } else {
            "-->"
        };
        let _ = writeln!(out, "  n{} {arrow} n{}", number[producer], number[consumer]);
    }
    out
}

fn to_json(graph: &ResourceGraph) -> serde_json::Value {
    let nodes: Vec<_> = graph
        .nodes()
        .map(|(address, node)| json!({ "address": address, "type": node.resource.type_name }))
        .collect();
    let edges: Vec<_> =
        graph
            .edges()
            .into_iter()
            .map(|(producer, consumer, edge)| {
                let why: Vec<_> = edge
                .why
                .iter()
                .map(|why| match why {
                    Why::Reference { attribute, property } => {
                        json!({ "kind": "reference", "attribute": attribute, "property": property })
                    }
                    Why::DependsOn => json!({ "kind": "depends-on" }),
                    Why::Hidden => json!({ "kind": "hidden" }),
                })
                .collect();
                json!({ "from": producer, "to": consumer, "needs": edge.milestone, "why": why })
            })
            .collect();
    json!({ "nodes": nodes, "edges": edges })
}
