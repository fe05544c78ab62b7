//! [`Templates`]: what the templates want of each resource while a run goes on.

use std::collections::BTreeMap;

use payctl_model::{Address, PropertyPath, Value};
use payctl_state::{Dependency, Need, Policy};

use super::executor::Wanted;
use crate::graph::{Edge, ResourceGraph, Why, touches};
use crate::plan::{Milestone, Removal, deletion_policy, properties};
use crate::template::{Attributes, DeletionPolicy, EvalError, Place};

/// The graph of the templates, with the tags that every resource gets.
#[derive(Clone, Debug)]
pub struct Templates {
    /// All stacks.
    pub graph: ResourceGraph,
    /// The environment's tags.
    pub tags: BTreeMap<String, String>,
}

impl Templates {
    /// The outputs with these attributes, by `region/stack.Name`; what cannot be told (yet) is left out.
    pub fn outputs(&self, attributes: &dyn Attributes) -> BTreeMap<String, Value> {
        let outputs = self.graph.outputs().iter();
        outputs
            .filter_map(|(name, output)| {
                Some((name.clone(), output.value.evaluate(attributes).ok()?))
            })
            .filter(|(_, value)| !value.has_unknown())
            .collect()
    }

    /// The exports, by `region/ExportName`, each with the output that has its value.
    pub fn exports(&self) -> BTreeMap<String, String> {
        let outputs = self.graph.outputs().iter();
        outputs
            .filter_map(|(name, output)| {
                let export = output.export.as_ref()?;
                Some((format!("{}/{export}", output.region), name.clone()))
            })
            .collect()
    }
}

impl Wanted for Templates {
    fn properties(
        &self,
        address: &Address,
        attributes: &dyn Attributes,
    ) -> Option<Result<Value, EvalError>> {
        Some(properties(self.graph.get(address)?, attributes, &self.tags))
    }

    fn needs(&self, address: &Address) -> BTreeMap<Address, Dependency> {
        let producers = self.graph.producers(address).into_iter();
        producers
            .map(|(producer, edge)| (producer.clone(), dependency(edge)))
            .collect()
    }

    fn renewed(
        &self,
        address: &Address,
        renews: &'static [(&'static str, &'static [&'static str])],
    ) -> Vec<(Address, &'static [&'static str])> {
        let mut found = Vec::new();
        for (producer, edge) in self.graph.producers(address) {
            for (property, attributes) in renews {
                let property = PropertyPath::from(*property);
                if edge.properties().any(|path| touches(&property, path)) {
                    found.push((producer.clone(), *attributes));
                }
            }
        }
        found
    }

    fn place(&self, address: &Address) -> Option<Place> {
        let node = self.graph.get(address)?;
        Some(Place {
            source: node.source.clone(),
            span: node.resource.span,
        })
    }

    fn place_of(&self, address: &Address, property: &PropertyPath) -> Option<Place> {
        let node = self.graph.get(address)?;
        Some(Place {
            source: node.source.clone(),
            span: node.resource.properties.place_of(property),
        })
    }

    fn policies(&self, address: &Address) -> (Policy, Policy) {
        let Some(node) = self.graph.get(address) else {
            return (Policy::Delete, Policy::Delete);
        };
        let resource = &node.resource;
        let deletion = match resource.deletion_policy {
            Some(DeletionPolicy::RetainExceptOnCreate) => Policy::RetainExceptOnCreate,
            written => match deletion_policy(&resource.type_name, &node.shape, written) {
                Removal::Delete => Policy::Delete,
                Removal::Snapshot => Policy::Snapshot,
                Removal::Retain => Policy::Retain,
            },
        };
        let replacement = match resource.update_replace_policy {
            Some(DeletionPolicy::Retain) => Policy::Retain,
            Some(DeletionPolicy::RetainExceptOnCreate) => Policy::RetainExceptOnCreate,
            Some(DeletionPolicy::Snapshot) => Policy::Snapshot,
            Some(DeletionPolicy::Delete) | None => Policy::Delete,
        };
        (deletion, replacement)
    }
}

fn dependency(edge: &Edge) -> Dependency {
    let attributes = edge.why.iter().filter_map(|why| match why {
        Why::Reference {
            attribute,
            property,
        } => Some((attribute.clone(), property.to_string())),
        Why::DependsOn | Why::Hidden => None,
    });
    Dependency {
        needs: if edge.milestone == Milestone::Ready {
            Need::Ready
        } else {
            Need::Accepted
        },
        attributes: attributes.collect(),
    }
}
