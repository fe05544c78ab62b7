//! Templates -> [`ResourceGraph`].

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, PropertyPath};
use petgraph::stable_graph::NodeIndex;

use super::{
    Edge, Milestone, Node, OutputNode, ResourceGraph, Rules, Why, cycle, hidden, providers,
};
use crate::template::{Diagnostic, Expr, Kind, NoAttributes, Reference, Span, Stack, StackOutput};

impl ResourceGraph {
    /// One graph of all stacks. Imports are linked to the outputs of the same region that export them, and
    /// `Fn::GetStackOutput` to outputs of any region.
    ///
    /// # Errors
    /// All that is wrong: imports of what nobody exports, exports of the same name, references to resources that do not
    /// exist, functions that fail, and else cycles with their path.
    pub fn build(stacks: &[Stack], rules: &Rules) -> Result<ResourceGraph, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let mut graph = ResourceGraph::default();
        let done_here = providers::without(stacks);
        if let Some((_, said)) = done_here.as_ref().filter(|(_, said)| !said.is_empty()) {
            graph.warnings.push(said.clone());
        }
        let stacks = done_here.as_ref().map_or(stacks, |(stacks, _)| stacks);
        let exports = Exports::of(stacks, &mut errors);
        for stack in stacks {
            // That a type is not checked is told of the change, where there is one.
            let warnings = stack
                .warnings
                .iter()
                .filter(|one| one.code != "unchecked-type");
            graph.warn(warnings);
            for resource in stack.resources.values() {
                let mut resource = resource.clone();
                resource.properties = exports.link(&resource.properties, stack, &mut errors);
                // An import without an export is an error already.
                if !resource.properties.links().is_empty() {
                    continue;
                }
                let shape = match resource.properties.evaluate(&NoAttributes) {
                    Ok(shape) => shape,
                    Err(error) => {
                        errors.push(stack.diagnose(&error, Some(&resource.address)));
                        continue;
                    }
                };
                let address = resource.address.clone();
                let node = graph.graph.add_node(Node {
                    resource,
                    source: stack.source.clone(),
                    shape,
                    tags: stack.tags.clone(),
                    termination_protection: stack.termination_protection,
                });
                graph.index.insert(address, node);
            }
            for (name, output) in &stack.outputs {
                let value = exports.link(&output.value, stack, &mut errors);
                let output = OutputNode {
                    value,
                    description: output.description.clone(),
                    export: output.export.clone(),
                    region: stack.region.clone(),
                    source: stack.source.clone(),
                };
                graph
                    .outputs
                    .insert(format!("{}/{}.{name}", stack.region, stack.name), output);
            }
        }
        if errors.is_empty() {
            graph.add_declared_edges(rules, &mut errors);
        }
        if errors.is_empty() {
            errors = cycle::report(&graph);
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        graph.link_names(rules);
        for (producer, consumer, milestone) in hidden::needs(&graph, rules) {
            graph.add_soft_edge(producer, consumer, milestone);
        }
        Ok(graph)
    }

    fn add_declared_edges(&mut self, rules: &Rules, errors: &mut Vec<Diagnostic>) {
        for consumer in self.graph.node_indices().collect::<Vec<_>>() {
            let node = &self.graph[consumer];
            let needs_ready = &rules.of(&node.resource.type_name).needs_ready;
            let mut found = Vec::new();
            node.resource.properties.visit_leaves(
                &PropertyPath::root(),
                &mut |property, leaf, span| {
                    // Imports that could not be linked are errors already.
                    let Reference::Attribute(of) = leaf else {
                        return;
                    };
                    let ready = needs_ready
                        .iter()
                        .any(|pattern| pattern.is_prefix_of(property));
                    let why = Why::Reference {
                        attribute: of.attribute.clone(),
                        property: property.clone(),
                    };
                    let milestone = if ready {
                        Milestone::Ready
                    } else {
                        Milestone::Accepted
                    };
                    found.push((of.address.clone(), milestone, why, span));
                },
            );
            let own = &node.resource.address;
            for logical_id in &node.resource.depends_on {
                let producer = Address::new(&own.region, &own.stack, logical_id);
                found.push((
                    producer,
                    Milestone::Ready,
                    Why::DependsOn,
                    node.resource.span,
                ));
            }
            for (address, milestone, why, span) in found {
                match self.index.get(&address) {
                    Some(producer) => self.add_edge(*producer, consumer, milestone, why),
                    None => {
                        let node = &self.graph[consumer];
                        let message = format!("`{address}` is no resource of this environment");
                        errors.push(
                            Diagnostic::error("unknown-reference", message)
                                .at(&node.source, span)
                                .address(node.resource.address.to_string()),
                        );
                    }
                }
            }
        }
    }

    pub(super) fn add_edge(
        &mut self,
        producer: NodeIndex,
        consumer: NodeIndex,
        milestone: Milestone,
        why: Why,
    ) {
        match self.graph.find_edge(producer, consumer) {
            Some(edge) => {
                let edge = &mut self.graph[edge];
                edge.milestone = edge.milestone.max(milestone);
                edge.why.insert(why);
            }
            None => {
                self.graph.add_edge(
                    producer,
                    consumer,
                    Edge {
                        milestone,
                        why: BTreeSet::from([why]),
                    },
                );
            }
        }
    }

    /// Adds a hidden need unless it would make a cycle: what the template says goes first.
    fn add_soft_edge(&mut self, producer: NodeIndex, consumer: NodeIndex, milestone: Milestone) {
        if producer != consumer
            && !petgraph::algo::has_path_connecting(&self.graph, consumer, producer, None)
        {
            self.add_edge(producer, consumer, milestone, Why::Hidden);
        }
    }
}

/// What the stacks export and put out.
struct Exports<'a> {
    stacks: &'a [Stack],
    /// By region and name.
    exports: BTreeMap<(&'a str, &'a str), (&'a Stack, &'a Expr)>,
}

impl<'a> Exports<'a> {
    fn of(stacks: &'a [Stack], errors: &mut Vec<Diagnostic>) -> Exports<'a> {
        let mut exports = BTreeMap::new();
        for stack in stacks {
            for (export, name) in &stack.exports {
                let Some(output) = stack.outputs.get(name) else {
                    continue;
                };
                let key = (stack.region.as_str(), export.as_str());
                if let Some((other, _)) = exports.insert(key, (stack, &output.value)) {
                    let other: &Stack = other;
                    let message =
                        format!("`{export}` is exported by stack `{}` already", other.name);
                    errors.push(
                        Diagnostic::error("duplicate-export", message)
                            .at(&stack.source, output.span)
                            .help("an export's name must be unique in its region"),
                    );
                }
            }
        }
        Exports { stacks, exports }
    }

    /// `expr` with all imports and other stacks' outputs replaced by what these say, imports in these included.
    fn link(&self, expr: &Expr, stack: &Stack, errors: &mut Vec<Diagnostic>) -> Expr {
        let links = expr.links();
        if links.is_empty() {
            return expr.clone();
        }
        for (_, link, span) in &links {
            if let Err(error) = self.resolve(&stack.region, link, &mut Vec::new()) {
                errors.push(error.at(&stack.source, *span));
            }
        }
        expr.linked(&mut |link| self.resolve(&stack.region, link, &mut Vec::new()).ok())
    }

    /// The expression that an import in a region stands for.
    fn resolve(
        &self,
        region: &str,
        link: &Reference,
        path: &mut Vec<String>,
    ) -> Result<Expr, Box<Diagnostic>> {
        let (name, (stack, expr)) = match link {
            Reference::Import(name) => (format!("export {name}"), self.export(region, name)?),
            Reference::Output(output) => {
                let region = output.region.as_deref().unwrap_or(region);
                let name = format!("{region}/{}.{}", output.stack, output.output);
                (name, self.output(region, output)?)
            }
            // Attributes are no links.
            other => return Ok(Expr::new(Kind::Leaf(other.clone()), Span::default())),
        };
        if path.contains(&name) {
            let message = format!("outputs need each other: {} -> {name}", path.join(" -> "));
            return Err(Box::new(Diagnostic::error("cycle", message)));
        }
        path.push(name);
        let mut failed = None;
        let linked = expr.linked(
            &mut |inner| match self.resolve(&stack.region, inner, path) {
                Ok(expr) => Some(expr),
                Err(error) => {
                    failed.get_or_insert(error);
                    None
                }
            },
        );
        path.pop();
        failed.map_or(Ok(linked), Err)
    }

    fn export(&self, region: &str, name: &str) -> Result<(&'a Stack, &'a Expr), Box<Diagnostic>> {
        if let Some(found) = self.exports.get(&(region, name)) {
            return Ok(*found);
        }
        let here = self.exports.keys().filter(|(r, _)| *r == region);
        let here: Vec<&str> = here.map(|(_, name)| *name).collect();
        let help = match here.as_slice() {
            [] => format!("no stack of this environment exports anything in {region}"),
            names => format!("exported in {region}: {}", names.join(", ")),
        };
        let message = format!("no stack of this environment exports `{name}` in {region}");
        Err(Box::new(
            Diagnostic::error("unknown-import", message).help(help),
        ))
    }

    /// The output of a stack, which is named as in AWS (`AWS::StackName`) or as in payctl.toml.
    fn output(
        &self,
        region: &str,
        wanted: &StackOutput,
    ) -> Result<(&'a Stack, &'a Expr), Box<Diagnostic>> {
        let here = || self.stacks.iter().filter(|stack| stack.region == region);
        let stack = here()
            .find(|stack| stack.stack_name == wanted.stack)
            .or_else(|| here().find(|stack| stack.name == wanted.stack));
        let Some(stack) = stack else {
            let names: Vec<&str> = here().map(|stack| stack.name.as_str()).collect();
            let help = match names.as_slice() {
                [] => format!(
                    "this environment has no stack in {region}; payctl reads no other stacks"
                ),
                names => format!(
                    "stacks in {region}: {}; payctl reads no other stacks",
                    names.join(", ")
                ),
            };
            let message = format!(
                "this environment has no stack `{}` in {region}",
                wanted.stack
            );
            return Err(Box::new(
                Diagnostic::error("unknown-stack", message).help(help),
            ));
        };
        match stack.outputs.get(&wanted.output) {
            Some(output) => Ok((stack, &output.value)),
            None => {
                let names: Vec<&str> = stack.outputs.keys().map(String::as_str).collect();
                let help = match names.as_slice() {
                    [] => "it has no outputs".to_owned(),
                    names => format!("it has {}", names.join(", ")),
                };
                let message = format!(
                    "the stack `{}` has no output `{}`",
                    stack.name, wanted.output
                );
                Err(Box::new(
                    Diagnostic::error("unknown-output", message).help(help),
                ))
            }
        }
    }
}
