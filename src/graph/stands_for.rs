//! Texts that stand for a resource: a service that names a task definition's FAMILY runs the newest revision of it, so that where
//! the environment declares this family the text is a reference to that resource.

use payctl_model::{AttributeOf, PropertyPath, Step, Value};
use petgraph::stable_graph::NodeIndex;

use super::{Mention, Milestone, ResourceGraph, Rules, Why};
use crate::template::NoAttributes;
use crate::template::expr::{Expr, Field, Kind, Reference, Tree};

impl ResourceGraph {
    /// Makes references of all such texts. One that would close a circle stays a text: what the template says goes first. So does
    /// one that two resources go by: nobody can say which of them registers last.
    pub(super) fn link_names(&mut self, rules: &Rules) {
        for consumer in self.graph.node_indices().collect::<Vec<_>>() {
            let type_name = &self.graph[consumer].resource.type_name;
            for rule in &rules.of(type_name).stands_for {
                let Some(producer) = self.named(consumer, rule) else {
                    continue;
                };
                if producer == consumer
                    || petgraph::algo::has_path_connecting(&self.graph, consumer, producer, None)
                {
                    continue;
                }
                let of = self.graph[producer]
                    .resource
                    .address
                    .attribute(AttributeOf::REF);
                let node = &mut self.graph[consumer];
                if !put(
                    &mut node.resource.properties,
                    rule.property.steps(),
                    &Reference::Attribute(of.clone()),
                ) {
                    continue;
                }
                if let Ok(shape) = node.resource.properties.evaluate(&NoAttributes) {
                    node.shape = shape;
                }
                let why = Why::Reference {
                    attribute: of.attribute,
                    property: rule.property.clone(),
                };
                self.add_edge(producer, consumer, Milestone::Accepted, why);
            }
        }
    }

    /// The one resource of the same region that has the name which stands at a rule's property.
    fn named(&self, consumer: NodeIndex, rule: &Mention) -> Option<NodeIndex> {
        let node = &self.graph[consumer];
        let text = text_at(&node.shape, &rule.property)?;
        let region = &node.resource.address.region;
        let mut found = self.index.values().copied().filter(|other| {
            let other = &self.graph[*other];
            other.resource.type_name == rule.type_name
                && other.resource.address.region == *region
                && text_at(&other.shape, &rule.name) == Some(text)
        });
        let only = found.next()?;
        found.next().is_none().then_some(only)
    }
}

fn text_at<'a>(shape: &'a Value, path: &PropertyPath) -> Option<&'a str> {
    shape.at(path).and_then(Value::as_str)
}

/// Puts a reference in the place of what stands at a path of maps. Whether there was something.
fn put(expr: &mut Expr, path: &[Step], reference: &Reference) -> bool {
    let Some((step, rest)) = path.split_first() else {
        expr.kind = Kind::Leaf(reference.clone());
        return true;
    };
    let Step::Key(key) = step else { return false };
    if let Kind::Value(Value::Map(map)) = &expr.kind {
        let span = expr.span;
        let field = |(key, value): (&String, &Value)| {
            let value = Tree::new(Kind::Value(value.clone()), span);
            (key.clone(), Field { key: span, value })
        };
        expr.kind = Kind::Map(map.iter().map(field).collect());
    }
    match &mut expr.kind {
        Kind::Map(fields) => fields
            .get_mut(key)
            .is_some_and(|field| put(&mut field.value, rest, reference)),
        _ => false,
    }
}
