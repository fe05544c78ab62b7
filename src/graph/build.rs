//! Templates -> [`ResourceGraph`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, PropertyPath};
use petgraph::Direction;
use petgraph::stable_graph::NodeIndex;

use super::{Edge, Milestone, Node, OutputNode, ResourceGraph, Rules, Why, cycle, hidden};
use crate::template::{Diagnostic, Expr, Kind, NoAttributes, Reference, Span, Stack, StackOutput};

impl ResourceGraph {
    /// One graph of all stacks. Imports are linked to the outputs of the same region that export them, and
    /// `Fn::GetStackOutput` to outputs of any region.
    ///
    /// # Errors
    /// All that is wrong: imports of what nobody exports, exports of the same name, references to resources that do not
    /// exist, functions that fail, and else cycles with their path.
    pub fn build(stacks: &[Stack], rules: &Rules) -> Result<ResourceGraph, Vec<Diagnostic>> {
        ResourceGraph::build_after(stacks, rules, &BTreeMap::new())
    }

    /// The same where an earlier apply has exported this: by `region/Name`, the output `region/stack.Name`. Who imports what is
    /// exported no more is told by whom it was.
    ///
    /// # Errors
    /// See [`ResourceGraph::build`].
    pub fn build_after(
        stacks: &[Stack],
        rules: &Rules,
        exported: &BTreeMap<String, String>,
    ) -> Result<ResourceGraph, Vec<Diagnostic>> {
        let mut errors = Vec::new();
        let all: Vec<&Stack> = stacks.iter().flat_map(Stack::with_nested).collect();
        let exports = Exports::of(&all, exported, &mut errors);
        let mut graph = ResourceGraph::default();
        for stack in &all {
            // That a type is not checked is told of the change, where there is one.
            let warnings = stack
                .warnings
                .iter()
                .filter(|one| one.code != "unchecked-type");
            graph.warn(warnings);
            for resource in stack.resources.values() {
                let mut resource = resource.clone();
                resource.properties = exports.link(&resource.properties, stack, &mut errors);
                let tags = exports.link_tags(stack, &mut errors);
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
                    tags,
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
            graph.add_edges_of_nested(stacks);
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
            let mut see = |property: &PropertyPath, leaf: &Reference, span: Span| {
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
            };
            let properties = &node.resource.properties;
            properties.visit_leaves(&PropertyPath::root(), &mut see);
            for tag in node.tags.values() {
                tag.visit_leaves(&PropertyPath::from("Tags"), &mut see);
            }
            let own = &node.resource.address;
            for logical_id in &node.resource.depends_on {
                let producer = Address::new(&own.region, &own.stack, logical_id);
                // Nested stacks and placeholders are looked at afterwards.
                if !self.index.contains_key(&producer) {
                    continue;
                }
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

    /// `DependsOn` that names a nested stack means all that is in it; that of a nested stack, that all in it waits. What waits
    /// for another resource of the same nested stack waits through that: the state would not be readable else.
    fn add_edges_of_nested(&mut self, stacks: &[Stack]) {
        // The innermost first: what waits within a nested stack need not wait for what all of it waits for.
        let mut all: Vec<&Stack> = stacks.iter().flat_map(Stack::with_nested).collect();
        all.sort_by_key(|stack| std::cmp::Reverse(stack.name.matches('/').count()));
        for stack in all {
            for resource in stack.resources.values() {
                let Some(consumer) = self.index.get(&resource.address).copied() else {
                    continue;
                };
                for name in &resource.depends_on {
                    if stack.nested.contains_key(name) || stack.placeholders.contains_key(name) {
                        self.wait_for(stack, name, &[consumer]);
                    }
                }
            }
            for nested in stack.nested.values() {
                let members: BTreeSet<NodeIndex> = self.members(nested).into_iter().collect();
                let is_entry = |node: &NodeIndex| {
                    let mut producers = self.graph.neighbors_directed(*node, Direction::Incoming);
                    !producers.any(|producer| members.contains(&producer))
                };
                let entries: Vec<NodeIndex> = members.iter().copied().filter(is_entry).collect();
                for name in &nested.depends_on {
                    self.wait_for(stack, name, &entries);
                }
            }
        }
    }

    /// These wait for what `name` is in a stack: a resource, or all that is in a nested stack; where nothing is made of it, for
    /// what it would wait for.
    fn wait_for(&mut self, stack: &Stack, name: &str, consumers: &[NodeIndex]) {
        let mut producers = Vec::new();
        let (mut open, mut seen) = (vec![name], BTreeSet::new());
        while let Some(name) = open.pop() {
            if !seen.insert(name) {
                continue;
            }
            if let Some(depends_on) = stack.placeholders.get(name) {
                open.extend(depends_on.iter().map(String::as_str));
            }
            match stack.nested.get(name) {
                None => {
                    let address = Address::new(&stack.region, &stack.name, name);
                    producers.extend(self.index.get(&address));
                }
                Some(nested) => {
                    let members = self.members(nested);
                    if members.is_empty() {
                        open.extend(nested.depends_on.iter().map(String::as_str));
                    }
                    producers.extend(members);
                }
            }
        }
        for producer in producers {
            for consumer in consumers {
                self.add_edge(producer, *consumer, Milestone::Ready, Why::DependsOn);
            }
        }
    }

    /// Everything in a stack and what is nested in it.
    fn members(&self, stack: &Stack) -> Vec<NodeIndex> {
        let stacks = stack.with_nested().into_iter();
        let addresses = stacks.flat_map(|stack| stack.resources.values());
        addresses
            .filter_map(|resource| self.index.get(&resource.address).copied())
            .collect()
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
    stacks: &'a [&'a Stack],
    /// By region and name.
    exports: BTreeMap<(&'a str, &'a str), (&'a Stack, &'a Expr)>,
    /// What was exported before.
    exported: &'a BTreeMap<String, String>,
}

impl<'a> Exports<'a> {
    fn of(
        stacks: &'a [&'a Stack],
        exported: &'a BTreeMap<String, String>,
        errors: &mut Vec<Diagnostic>,
    ) -> Exports<'a> {
        let mut exports = BTreeMap::new();
        for stack in stacks.iter().copied() {
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
        Exports {
            stacks,
            exports,
            exported,
        }
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

    /// The same for a stack's tags.
    fn link_tags(
        &self,
        stack: &Stack,
        errors: &mut Vec<Diagnostic>,
    ) -> Arc<BTreeMap<String, Expr>> {
        if stack.tags.values().all(|tag| tag.links().is_empty()) {
            return stack.tags.clone();
        }
        let tags = stack.tags.iter();
        Arc::new(
            tags.map(|(key, tag)| (key.clone(), self.link(tag, stack, errors)))
                .collect(),
        )
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
        if let Some(output) = self.exported.get(&format!("{region}/{name}")) {
            return Err(Box::new(self.withdrawn(region, name, output)));
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

    /// An import of what the output of an environment's stack exported when it was last applied.
    fn withdrawn(&self, region: &str, name: &str, output: &str) -> Diagnostic {
        let (stack, output) = output.rsplit_once('.').unwrap_or(("", output));
        let exporter = self.stacks.iter().find(|other| {
            stack
                .strip_prefix(other.region.as_str())
                .is_some_and(|rest| rest.strip_prefix('/') == Some(other.name.as_str()))
        });
        let message = format!(
            "`{name}` is not exported in {region} any more, and this imports it: the output `{output}` of {stack} exported it when it was last applied"
        );
        let back = "or take the import out in the same edit: one apply then changes what imports before it deletes what was exported";
        let help = match exporter {
            None => format!("the environment has no stack {stack} any more: put it back, {back}"),
            Some(exporter) => match exporter.outputs.get(output) {
                Some(output) => {
                    let at = exporter.source.position(output.span.offset);
                    let file = exporter.source.name();
                    format!(
                        "give the output its export back, at {file}:{}:{}, {back}",
                        at.line, at.column
                    )
                }
                None => format!(
                    "put the output and its export back into {}, {back}",
                    exporter.source.name()
                ),
            },
        };
        Diagnostic::error("unknown-import", message).help(help)
    }

    /// The output of a stack, which is named as in AWS (`AWS::StackName`) or as in payctl.toml.
    fn output(
        &self,
        region: &str,
        wanted: &StackOutput,
    ) -> Result<(&'a Stack, &'a Expr), Box<Diagnostic>> {
        let here = || {
            let all = self.stacks.iter().copied();
            all.filter(|stack| stack.region == region)
        };
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
