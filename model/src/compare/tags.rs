//! Tags: a map, however a property writes them, in which AWS, payctl and the stack have their own.

use std::collections::BTreeMap;

use crate::facts::Schema;
use crate::path::{PropertyPath, Step};
use crate::value::{Secret, Value};

use super::{Walk, is_empty, scalar};

/// Tags that AWS or payctl itself sets.
pub fn is_system_tag(key: &str) -> bool {
    key.starts_with("aws:") || key.starts_with("payctl:")
}

impl Walk<'_> {
    pub(super) fn is_tags(&self, schema: Option<&Schema>, path: &PropertyPath) -> bool {
        if self
            .facts
            .tagging
            .property
            .as_ref()
            .is_some_and(|tags| tags == path)
        {
            return true;
        }
        // Tags of something within, such as a launch template's instances: a list of keys and values named Tags.
        let named = path
            .steps()
            .last()
            .is_some_and(|step| matches!(step, Step::Key(key) if key == "Tags"));
        // A schema without the property: the tags of the whole stack came with it.
        if schema.is_none() && named && path.steps().len() == 1 {
            return true;
        }
        let items = schema.and_then(|schema| self.facts.items(schema));
        named
            && items.is_some_and(|items| {
                items.properties.contains_key("Key") && items.properties.contains_key("Value")
            })
    }

    fn is_stack_tag(&self, key: &str, value: &Value) -> bool {
        let tag = self.options.stack_tags.and_then(|tags| tags.get(key));
        !self.facts.tagging.taggable && tag.is_some() && tag.map(String::as_str) == value.as_str()
    }

    pub(super) fn only_stack_tags(&self, declared: &Value) -> bool {
        tags_of(declared).is_some_and(|tags| {
            tags.iter()
                .all(|(key, (_, value))| is_system_tag(key) || self.is_stack_tag(key, value))
        })
    }

    /// A tag's value, secret or not.
    fn same_tag(&self, declared: &Value, live: &Value) -> bool {
        match (declared, live) {
            (Value::Secret(Secret::Hashed(hash)), Value::String(text)) => self
                .options
                .same_secret
                .is_some_and(|same| same(text, hash)),
            (Value::Secret(_), Value::String(text)) => declared.expose_str() == Some(text),
            _ => scalar::same(declared, live),
        }
    }

    /// Tags as the map that they are. Tells whether they could be read as one.
    pub(super) fn tags(&mut self, path: &PropertyPath, declared: &Value, live: &Value) -> bool {
        let (whole, present) = (declared, live);
        let (Some(declared), Some(live)) = (tags_of(declared), tags_of(live)) else {
            return false;
        };
        for (key, (position, value)) in declared.iter().filter(|(key, _)| !is_system_tag(key)) {
            let below = position
                .clone()
                .into_iter()
                .fold(path.clone(), |path, step| path.step(step));
            match live.get(key) {
                _ if matches!(value, Value::Unknown(_)) => self.found.follows.push(below),
                Some((_, present))
                    if self.same_tag(value, present) || is_empty(value) && is_empty(present) => {}
                Some((_, present)) => self.differs(&below, Some(value), Some(present)),
                // The stack's tags reach only resources that can be tagged.
                None if self.is_stack_tag(key, value) => {}
                None => self.differs(&below, Some(value), None),
            }
            // An Auto Scaling group's tags say more: whether instances get them.
            if let ([Step::Index(at), _], Some(([Step::Index(other), _], _))) = (
                position.as_slice(),
                live.get(key)
                    .map(|(position, value)| (position.as_slice(), value)),
            ) {
                let item = |list: &Value, at: usize| {
                    list.at(&PropertyPath::root().index(at))?.as_map().cloned()
                };
                let present = item(present, *other).unwrap_or_default();
                for (name, value) in item(whole, *at).unwrap_or_default() {
                    let differs = !name.ends_with("Key")
                        && !name.ends_with("Value")
                        && present
                            .get(&name)
                            .is_none_or(|other| !scalar::same(&value, other));
                    if differs && !matches!(value, Value::Unknown(_)) {
                        self.differs(
                            &path.index(*at).key(&name),
                            Some(&value),
                            present.get(&name),
                        );
                    }
                }
            }
        }
        true
    }
}

/// Tags by key, each with where its value stands below the property. `None` where it is neither a map nor a list of keys and
/// values.
pub(super) fn tags_of(value: &Value) -> Option<BTreeMap<String, (Vec<Step>, Value)>> {
    use Step::{Index, Key};
    match value {
        Value::Map(map) => Some(
            map.iter()
                .map(|(key, value)| (key.clone(), (vec![Key(key.clone())], value.clone())))
                .collect(),
        ),
        Value::List(items) => {
            let tag = |(position, item): (usize, &Value)| {
                let key = item.get("Key").or_else(|| item.get("TagKey"))?.to_text()?;
                let name = if item.get("Key").is_some() {
                    "Value"
                } else {
                    "TagValue"
                };
                let value = item.get(name).cloned().unwrap_or(Value::Null);
                Some((key, (vec![Index(position), Key(name.to_owned())], value)))
            };
            items.iter().enumerate().map(tag).collect()
        }
        _ => None,
    }
}
