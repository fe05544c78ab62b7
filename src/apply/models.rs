//! [`Models`]: what is known of every resource while a run goes on; where templates' references get their values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use payctl_model::facts::facts;
use payctl_model::{Address, AttributeOf, PhysicalId, Secret, Value};

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
pub struct Models {
    known: RwLock<BTreeMap<Address, Known>>,
    /// AWS gives a secret back like any other text; whoever reads it here gets it as the secret that it is.
    secrets: RwLock<BTreeSet<Arc<str>>>,
}

impl Models {
    /// What is known before the run starts, and the secrets that the templates declare.
    pub fn new(known: BTreeMap<Address, Known>, mut secrets: BTreeSet<Arc<str>>) -> Models {
        secrets.extend(secrets_of(known.values().map(|known| &known.model)));
        Models {
            known: RwLock::new(known),
            secrets: RwLock::new(secrets),
        }
    }

    /// These are secrets, too.
    pub fn hide(&self, secrets: BTreeSet<Arc<str>>) {
        self.secrets
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(secrets);
    }

    /// What is known of one resource.
    pub fn get(&self, address: &Address) -> Option<Known> {
        // A map is never left half changed, whatever panicked beside it.
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(address)
            .cloned()
    }

    /// From now on this is known of it.
    pub fn set(&self, address: &Address, known: Known) {
        self.known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address.clone(), known);
    }
}

impl Attributes for Models {
    fn attribute(&self, of: &AttributeOf) -> Option<Value> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let value = known.get(&of.address)?.attribute(&of.attribute)?;
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        Some(value.map_leaves(&mut |leaf| match leaf {
            Value::String(text) if secrets.contains(text.as_str()) => Value::secret(text.as_str()),
            other => other.clone(),
        }))
    }
}

/// Every secret text in what a plan wants.
pub fn secrets_of<'a>(wanted: impl IntoIterator<Item = &'a Value>) -> BTreeSet<Arc<str>> {
    let mut secrets = BTreeSet::new();
    for value in wanted {
        value.visit(&mut |leaf| {
            if let Value::Secret(Secret::Plain(text)) = leaf {
                secrets.insert(text.clone());
            }
        });
    }
    secrets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_aws_gives_back_is_still_one() {
        let address = Address::new("us-east-1", "app", "Parameter");
        let model = Value::from(serde_json::json!({ "Type": "String", "Value": "hunter2" }));
        let known = Known {
            type_name: "AWS::SSM::Parameter".into(),
            id: "p".into(),
            model,
        };
        let wanted = Value::Map(BTreeMap::from([(
            "Value".to_owned(),
            Value::secret("hunter2"),
        )]));
        let models = Models::new(
            BTreeMap::from([(address.clone(), known)]),
            secrets_of([&wanted]),
        );
        assert_eq!(
            models.attribute(&address.attribute("Value")),
            Some(Value::secret("hunter2"))
        );
        assert_eq!(
            models.attribute(&address.attribute("Type")),
            Some(Value::from("String"))
        );
    }
}
