//! The dependency graph of an environment: one node per resource of all its stacks and regions, edges from producer to
//! consumer. Built once from what expressions refer to; nothing here knows what is live.
//!
//! Three kinds of edge ([`Why`]): references, `DependsOn`, and needs of AWS that no template shows ([`rules`]). The
//! first two must not make a cycle (reported with the path); the third gives way. Read [`ResourceGraph::build`] first.

mod build;
mod cycle;
mod definitions;
mod hidden;
pub mod names;
pub mod rules;
mod stands_for;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, AttributeOf, PropertyPath, Value};
use petgraph::Direction;
use petgraph::stable_graph::{NodeIndex, StableDiGraph};
use petgraph::visit::EdgeRef;

use crate::template::{Diagnostic, Expr, Source, StackResource};

pub(crate) use hidden::{each_at, touches};
pub use names::{NameError, Names};
pub use rules::{After, Conditional, Hops, Mention, Rules, TypeRules};

/// How far a resource has come; an edge waits for one of these.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Milestone {
    /// Nothing has happened yet.
    Planned,
    /// AWS has accepted it and the attributes that consumers need are known.
    Accepted,
    /// It is ready for use; of a deletion: it is gone.
    Ready,
}

/// All resources of an environment's templates and what each needs. Acyclic.
#[derive(Clone, Debug, Default)]
pub struct ResourceGraph {
    graph: StableDiGraph<Node, Edge>,
    index: BTreeMap<Address, NodeIndex>,
    outputs: BTreeMap<String, OutputNode>,
    warnings: Vec<String>,
}

/// One resource of the templates.
#[derive(Clone, Debug)]
pub struct Node {
    /// What its template says, imports linked to the exporting outputs.
    pub resource: StackResource,
    /// Its template, for messages.
    pub source: Arc<Source>,
    /// Its properties as far as they are known without any attribute.
    pub shape: Value,
    /// Tags that its stack puts on all its resources.
    pub tags: Arc<BTreeMap<String, Expr>>,
    /// Whether its stack guards it as by `protect`.
    pub termination_protection: bool,
}

/// One output of the templates.
#[derive(Clone, Debug)]
pub struct OutputNode {
    /// Its value, imports linked.
    pub value: Expr,
    /// What the template says about it.
    pub description: Option<String>,
    /// The name under which other stacks of its region import it.
    pub export: Option<String>,
    /// The region of its stack.
    pub region: String,
    /// Its template, for messages.
    pub source: Arc<Source>,
}

/// What a consumer (the edge's target) needs of a producer (its source).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// How far the producer must have come.
    pub milestone: Milestone,
    /// Every cause.
    pub why: BTreeSet<Why>,
}

/// One cause of an edge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The consumer's property is made from the producer's attribute.
    Reference {
        /// The attribute, or `Ref`.
        attribute: String,
        /// The consumer's property.
        property: PropertyPath,
    },
    /// The template says `DependsOn`.
    DependsOn,
    /// AWS needs it, and the template does not show it.
    Hidden,
}

impl Edge {
    /// The attributes that the consumer reads.
    pub fn attributes(&self) -> BTreeSet<&str> {
        self.why
            .iter()
            .filter_map(|why| match why {
                Why::Reference { attribute, .. } => Some(attribute.as_str()),
                Why::DependsOn | Why::Hidden => None,
            })
            .collect()
    }

    /// The consumer's properties that are made from the producer's attributes.
    pub fn properties(&self) -> impl Iterator<Item = &PropertyPath> {
        self.why.iter().filter_map(|why| match why {
            Why::Reference { property, .. } => Some(property),
            _ => None,
        })
    }
}

impl ResourceGraph {
    /// The resource at this address.
    pub fn get(&self, address: &Address) -> Option<&Node> {
        self.graph.node_weight(*self.index.get(address)?)
    }

    /// Whether the templates have it.
    pub fn contains(&self, address: &Address) -> bool {
        self.index.contains_key(address)
    }

    /// Every resource, by address.
    pub fn nodes(&self) -> impl Iterator<Item = (&Address, &Node)> {
        self.index
            .iter()
            .map(|(address, index)| (address, &self.graph[*index]))
    }

    /// How many resources there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Every address, producers before consumers; the same for the same templates.
    pub fn ordered(&self) -> Vec<&Address> {
        match petgraph::algo::toposort(&self.graph, None) {
            Ok(order) => order
                .into_iter()
                .map(|index| &self.graph[index].resource.address)
                .collect(),
            // Cannot be: `build` refuses hard cycles and adds no soft ones.
            Err(_) => self.index.keys().collect(),
        }
    }

    /// What a resource needs, with why.
    pub fn producers(&self, address: &Address) -> Vec<(&Address, &Edge)> {
        self.neighbours(address, Direction::Incoming)
    }

    /// Attributes of others that have another value once this one is ready.
    pub(crate) fn renewed_by(&self, rules: &Rules, address: &Address) -> Vec<AttributeOf> {
        let renewed = self
            .index
            .get(address)
            .map(|node| hidden::renewed_by(self, rules, *node));
        let renewed = renewed.into_iter().flatten();
        renewed
            .flat_map(|(of, names)| names.iter().map(move |name| of.attribute(name.as_str())))
            .collect()
    }

    /// What needs a resource, with why.
    pub fn consumers(&self, address: &Address) -> Vec<(&Address, &Edge)> {
        self.neighbours(address, Direction::Outgoing)
    }

    fn neighbours(&self, address: &Address, direction: Direction) -> Vec<(&Address, &Edge)> {
        let Some(index) = self.index.get(address) else {
            return Vec::new();
        };
        let mut found: Vec<_> = self
            .graph
            .edges_directed(*index, direction)
            .map(|edge| {
                let other = if direction == Direction::Incoming {
                    edge.source()
                } else {
                    edge.target()
                };
                (&self.graph[other].resource.address, edge.weight())
            })
            .collect();
        found.sort_by_key(|(address, _)| *address);
        found
    }

    /// Every edge: producer, consumer, why. Sorted.
    pub fn edges(&self) -> Vec<(&Address, &Address, &Edge)> {
        self.index
            .keys()
            .flat_map(|from| {
                self.consumers(from)
                    .into_iter()
                    .map(move |(to, e)| (from, to, e))
            })
            .collect()
    }

    /// What the templates' parameters and policies make worth knowing, each with its place.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Adds what is worth knowing and stopped nothing.
    pub(crate) fn warn<'d>(&mut self, warnings: impl IntoIterator<Item = &'d Diagnostic>) {
        let lines = warnings.into_iter().map(Diagnostic::in_one_line);
        self.warnings.extend(lines);
    }

    /// The outputs of all stacks, by `region/stack.Name`.
    pub fn outputs(&self) -> &BTreeMap<String, OutputNode> {
        &self.outputs
    }

    /// These and everything that they need, directly or not.
    pub fn with_producers<'a>(
        &self,
        wanted: impl IntoIterator<Item = &'a Address>,
    ) -> BTreeSet<Address> {
        self.closure(wanted, Direction::Incoming)
    }

    /// These and everything that needs them, directly or not.
    pub fn with_consumers<'a>(
        &self,
        wanted: impl IntoIterator<Item = &'a Address>,
    ) -> BTreeSet<Address> {
        self.closure(wanted, Direction::Outgoing)
    }

    fn closure<'a>(
        &self,
        wanted: impl IntoIterator<Item = &'a Address>,
        direction: Direction,
    ) -> BTreeSet<Address> {
        let mut found = BTreeSet::new();
        let mut open: Vec<Address> = wanted.into_iter().cloned().collect();
        while let Some(address) = open.pop() {
            let next = self.neighbours(&address, direction);
            open.extend(
                next.into_iter()
                    .map(|(a, _)| a)
                    .filter(|a| !found.contains(*a))
                    .cloned(),
            );
            found.insert(address);
        }
        found
    }
}

#[cfg(test)]
mod tests;
