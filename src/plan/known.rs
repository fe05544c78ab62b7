//! Which attributes are known while planning: [`Known`].

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::facts::custom::DATA;
use payctl_model::facts::{facts, is_custom};
use payctl_model::{Address, AttributeOf, PhysicalId, PropertyPath, Secret, Value};

use super::differences;
use crate::graph::{Rules, touches};
use crate::template::Attributes;

/// What will have become of a resource when its consumers are evaluated.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It stays as it is.
    Stays {
        type_name: String,
        id: PhysicalId,
        model: Value,
    },
    /// It is changed in place: what mirrors a property takes the new value.
    Updated {
        type_name: String,
        id: PhysicalId,
        model: Value,
        desired: Value,
        /// Where.
        changed: Vec<PropertyPath>,
    },
    /// It is made; of a replacement: anew.
    New { type_name: String, desired: Value },
}

/// The attributes of all resources that have been decided on.
#[derive(Debug, Default)]
pub(super) struct Known {
    outcomes: BTreeMap<Address, Outcome>,
    /// Attributes that will have another value: of updated resources those that an update renews, and what others' being made
    /// renews.
    renewed: BTreeSet<AttributeOf>,
    /// Updated resources whose provider is asked: what it returns may be anything else each time.
    asked: BTreeSet<Address>,
}

impl Known {
    pub(super) fn set(&mut self, address: Address, outcome: Outcome, rules: &Rules) {
        if let Outcome::Updated {
            type_name, changed, ..
        } = &outcome
        {
            let rules = rules.of(type_name);
            if rules.remembered {
                self.asked.insert(address.clone());
            }
            let by_update = rules.renewed_by_update.iter();
            let by_property = rules
                .renewed_by
                .iter()
                .filter(|(_, property)| changed.iter().any(|at| touches(property, at)))
                .map(|(attribute, _)| attribute);
            let renewed = by_update.chain(by_property);
            self.renewed
                .extend(renewed.map(|attribute| address.attribute(attribute)));
        }
        self.outcomes.insert(address, outcome);
    }

    /// From now on this attribute is another than it is: of something updated, or that something made gives another value.
    pub(super) fn renew(&mut self, of: AttributeOf) {
        self.renewed.insert(of);
    }

    /// Whether this attribute will be another than it is: that of something made, or one that an update renews. Else an
    /// attribute without a value is only not known, not changed. What stays and has a list to which something is added keeps
    /// what it has; an empty one becomes another.
    pub(super) fn is_fresh(&self, of: &AttributeOf) -> bool {
        match self.outcomes.get(&of.address) {
            Some(Outcome::Stays { model, .. }) => {
                let now = at_attribute(model, &of.attribute);
                self.renewed.contains(of)
                    && now.is_none_or(|now| now.as_list().is_some_and(<[Value]>::is_empty))
            }
            None => false,
            Some(Outcome::Updated { .. }) => {
                self.asked.contains(&of.address) || self.renewed.contains(of)
            }
            Some(Outcome::New { .. }) => true,
        }
    }

    /// What the provider of a custom resource that stays as it is returned, where this attribute is not among it.
    pub(super) fn not_returned(&self, of: &AttributeOf) -> Option<Vec<String>> {
        match self.outcomes.get(&of.address) {
            Some(Outcome::Stays {
                type_name,
                id,
                model,
            }) if is_custom(type_name) => {
                let data = model.get(DATA)?.as_map()?;
                let is_there = read(type_name, Some(id), model, &of.attribute).is_some();
                (!is_there).then(|| data.keys().cloned().collect())
            }
            _ => None,
        }
    }

    /// The same, but that updates of custom resources change nothing of what others read of them: what only a new resource can have
    /// is not replaced on the chance that it will be another.
    pub(super) fn steady(&self) -> Steady<'_> {
        Steady(self)
    }

    /// Whether anything is done to this resource.
    pub(super) fn changes(&self, address: &Address) -> bool {
        matches!(
            self.outcomes.get(address),
            Some(Outcome::Updated { .. } | Outcome::New { .. })
        )
    }
}

impl Attributes for Known {
    fn attribute(&self, of: &AttributeOf) -> Option<Value> {
        if self.renewed.contains(of) {
            return None;
        }
        match self.outcomes.get(&of.address)? {
            Outcome::Stays {
                type_name,
                id,
                model,
            } => read(type_name, Some(id), model, &of.attribute),
            Outcome::Updated { .. } if self.asked.contains(&of.address) => None,
            Outcome::Updated {
                type_name,
                id,
                model,
                desired,
                ..
            } => mirrored(type_name, desired, &of.attribute)
                .or_else(|| read(type_name, Some(id), model, &of.attribute)),
            Outcome::New { type_name, desired } => {
                let id = differences::declared_id(type_name, desired);
                match (of.attribute.as_str(), id) {
                    // Without the identifier what Ref returns is not known, even where it is not the identifier itself.
                    (AttributeOf::REF, None) => None,
                    (AttributeOf::REF, Some(id)) => {
                        read(type_name, Some(&id), desired, AttributeOf::REF)
                    }
                    (attribute, _) => mirrored(type_name, desired, attribute),
                }
            }
        }
    }
}

/// See [`Known::steady`].
pub(super) struct Steady<'a>(&'a Known);

impl Attributes for Steady<'_> {
    fn attribute(&self, of: &AttributeOf) -> Option<Value> {
        match self.0.outcomes.get(&of.address) {
            Some(Outcome::Updated {
                type_name,
                id,
                model,
                ..
            }) if self.0.asked.contains(&of.address) => {
                read(type_name, Some(id), model, &of.attribute)
            }
            _ => self.0.attribute(of),
        }
    }
}

/// What is live with the secrets of the declaration marked: AWS gives a secret back like any other text, and what is made of
/// it must not be shown or kept.
pub(super) fn with_secrets_of(model: &Value, declared: &Value) -> Value {
    let mut secrets = BTreeSet::new();
    declared.map_leaves(&mut |leaf| {
        if let Value::Secret(Secret::Plain(text)) = leaf {
            secrets.insert(text.clone());
        }
        leaf.clone()
    });
    if secrets.is_empty() {
        return model.clone();
    }
    model.map_leaves(&mut |leaf| match leaf {
        Value::String(text) if secrets.contains(&**text) => Value::secret(text.as_str()),
        other => other.clone(),
    })
}

/// An attribute that is one of the declared properties, where AWS takes these as they are.
fn mirrored(type_name: &str, desired: &Value, attribute: &str) -> Option<Value> {
    // The attributes of a custom resource are its provider's, whatever they are called.
    if is_custom(type_name) {
        return None;
    }
    let value = at_attribute(desired, attribute)?;
    let path = PropertyPath::from(attribute);
    (!value.has_unknown() && !differences::is_rewritten(type_name, &path)).then(|| value.clone())
}

/// An attribute (or what Ref returns) of a resource with this model.
pub(super) fn read(
    type_name: &str,
    id: Option<&PhysicalId>,
    model: &Value,
    attribute: &str,
) -> Option<Value> {
    if attribute == AttributeOf::REF {
        return differences::reference(type_name, model, id?).filter(|value| !value.has_unknown());
    }
    if is_custom(type_name) {
        return facts().get(type_name)?.attribute(attribute, model, id?);
    }
    at_attribute(model, attribute).cloned()
}

fn at_attribute<'a>(model: &'a Value, attribute: &str) -> Option<&'a Value> {
    model
        .get(attribute)
        .or_else(|| model.at(&PropertyPath::from(attribute)))
}
