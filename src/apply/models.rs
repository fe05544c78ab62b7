//! [`Models`]: what is known of every resource while a run goes on; where templates' references get their values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock};

use payctl_model::facts::facts;
use payctl_model::{Address, AttributeOf, PhysicalId, Value};

use crate::template::Attributes;

/// One resource as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its type.
    pub type_name: String,
    /// AWS's identifier.
    pub id: PhysicalId,
    /// Its model, read-only properties included.
    pub model: Value,
}

impl Known {
    /// One attribute, or what Ref returns; `None` where the model does not have it (yet).
    pub fn attribute(&self, name: &str) -> Option<Value> {
        let value = match facts().get(&self.type_name) {
            Some(facts) => facts.attribute(name, &self.model, &self.id),
            None if name == AttributeOf::REF => Some(Value::from(self.id.as_str())),
            None => self
                .model
                .get(name)
                .or_else(|| self.model.at(&name.into()))
                .cloned(),
        };
        value.filter(|value| !value.has_unknown() && *value != Value::Null)
    }

    /// Whether all of these attributes are known.
    pub fn has(&self, names: &BTreeSet<String>) -> bool {
        names.iter().all(|name| self.attribute(name).is_some())
    }
}

/// The models of all resources, shared by all operations of a run.
#[derive(Debug, Default)]
pub struct Models(RwLock<BTreeMap<Address, Known>>);

impl Models {
    /// What is known before the run starts.
    pub fn new(known: BTreeMap<Address, Known>) -> Models {
        Models(RwLock::new(known))
    }

    /// What is known of one resource.
    pub fn get(&self, address: &Address) -> Option<Known> {
        // A map is never left half changed, whatever panicked beside it.
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(address)
            .cloned()
    }

    /// From now on this is known of it.
    pub fn set(&self, address: &Address, known: Known) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address.clone(), known);
    }
}

impl Attributes for Models {
    fn attribute(&self, of: &AttributeOf) -> Option<Value> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&of.address)?.attribute(&of.attribute)
    }
}
