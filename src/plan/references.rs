//! Dynamic references between the template, the state and what is live.
//!
//! A plan compares what the template says, as CloudFormation does: the same reference is no change, whatever it stands for by
//! now; another one is. What a reference stood for when it was applied is kept beside it in the state, a secret as its salted
//! hash, so that what is live can be held against it without asking anybody
//! ([decision 0005](../../docs/decisions/0005-references-are-compared-as-they-are-written.md)).

use std::collections::BTreeMap;

use payctl_model::{Address, PropertyPath, Secret, Value};

use crate::template::Lookup;
use crate::template::dynamic::{self, Piece, pieces};

/// In the state: the text with references, as the template gives it.
const REFERENCE_KEY: &str = "$reference";
/// In the state: what it stood for when it was applied.
const VALUE_KEY: &str = "$value";

/// What the state keeps of a text with references.
pub(crate) fn written(text: Value, stood_for: Value) -> Value {
    Value::Map(BTreeMap::from([
        (REFERENCE_KEY.to_owned(), text),
        (VALUE_KEY.to_owned(), stood_for),
    ]))
}

/// What [`written`] was made of.
fn read(value: &Value) -> Option<(&Value, &Value)> {
    match value.as_map() {
        Some(map) if map.len() == 2 => Some((map.get(REFERENCE_KEY)?, map.get(VALUE_KEY)?)),
        _ => None,
    }
}

/// What was last applied, as the template says it.
pub fn texts(applied: &Value) -> Value {
    picked(applied, &|text, _| text.clone())
}

/// What was last applied, as AWS was told it; secrets as hashes.
pub fn values(applied: &Value) -> Value {
    picked(applied, &|_, value| value.clone())
}

fn picked(applied: &Value, pick: &dyn Fn(&Value, &Value) -> Value) -> Value {
    if let Some((text, value)) = read(applied) {
        return pick(text, value);
    }
    match applied {
        Value::Map(map) => Value::Map(
            map.iter()
                .map(|(key, value)| (key.clone(), picked(value, pick)))
                .collect(),
        ),
        Value::List(items) => Value::List(items.iter().map(|item| picked(item, pick)).collect()),
        leaf => leaf.clone(),
    }
}

/// What the references of one resource stood for when it was last applied.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Resolved(Vec<(Value, Value)>);

impl Resolved {
    /// All in what was last applied.
    pub(crate) fn of(applied: &Value) -> Resolved {
        let mut found = Vec::new();
        collect(applied, &mut found);
        Resolved(found)
    }

    /// What this text stood for; `verify` tells whether a secret text is what a hash was made from.
    pub(crate) fn get(&self, text: &Value, verify: &dyn Fn(&str, &str) -> bool) -> Option<&Value> {
        let same = |kept: &Value| match (kept, text) {
            (Value::Secret(Secret::Hashed(hash)), Value::Secret(Secret::Plain(text))) => {
                verify(text, hash)
            }
            (kept, text) => kept == text,
        };
        let found = self.0.iter().find(|(kept, _)| same(kept));
        found.map(|(_, value)| value)
    }
}

fn collect(applied: &Value, found: &mut Vec<(Value, Value)>) {
    match (read(applied), applied) {
        (Some((text, value)), _) => found.push((text.clone(), value.clone())),
        (None, Value::Map(map)) => map.values().for_each(|value| collect(value, found)),
        (None, Value::List(items)) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Whether a dynamic reference stands in this leaf.
pub(crate) fn is_in(leaf: &Value) -> bool {
    leaf.expose_str().is_some_and(dynamic::has_reference)
}

/// Whether a dynamic reference stands anywhere in this value.
pub(crate) fn is_anywhere_in(value: &Value) -> bool {
    let mut found = false;
    value.visit(&mut |leaf| found |= is_in(leaf));
    found
}

/// Whether what a text stands for is a secret. What cannot be read is taken for one.
pub(crate) fn is_secret(text: &str) -> bool {
    match pieces(text) {
        Ok(pieces) => pieces.iter().any(|piece| match piece {
            Piece::Reference(reference, _) => reference.lookup.is_secret(),
            Piece::Plain(_) => false,
        }),
        Err(_) => true,
    }
}

/// What is wanted, for holding it against what is live: references that were applied as what they stood for then; others as
/// themselves, masked where they stand for a secret, so that what is live in their place is masked too. `anew` tells what a
/// text stands for now, where that was looked up.
pub(super) fn comparable(
    wanted: &Value,
    resolved: &Resolved,
    verify: &dyn Fn(&str, &str) -> bool,
    anew: &dyn Fn(&str) -> Option<String>,
) -> Value {
    wanted.map_leaves(&mut |leaf| match leaf.expose_str() {
        Some(text) if dynamic::has_reference(text) => match resolved.get(leaf, verify) {
            Some(Value::String(value)) => anew(text).unwrap_or_else(|| value.clone()).into(),
            Some(value) => value.clone(),
            None if is_secret(text) => Value::secret(text),
            None => leaf.clone(),
        },
        _ => leaf.clone(),
    })
}

/// What a text stands for now; `None` where not all of its references were looked up.
pub(super) fn looked_up(
    region: &str,
    text: &str,
    values: &BTreeMap<(String, Lookup), String>,
) -> Option<String> {
    if values.is_empty() {
        return None;
    }
    let pieces = pieces(text).ok()?.into_iter().map(|piece| match piece {
        Piece::Plain(plain) => Some(plain.to_owned()),
        Piece::Reference(reference, _) => {
            values.get(&(region.to_owned(), reference.lookup)).cloned()
        }
    });
    pieces.collect()
}

/// What the state keeps of a resource to which nothing was done: what the template says now, its references with what they
/// stood for when they were applied.
pub(crate) fn still_written(
    wanted: &Value,
    applied: &Value,
    verify: &dyn Fn(&str, &str) -> bool,
) -> Value {
    let resolved = Resolved::of(applied);
    wanted.map_leaves(&mut |leaf| match resolved.get(leaf, verify) {
        Some(value) if is_in(leaf) => written(leaf.clone(), value.clone()),
        _ => leaf.clone(),
    })
}

/// What is wanted, for those who read its attributes: what a reference stands for only AWS can tell.
pub(super) fn unresolved(address: &Address, wanted: &Value) -> Value {
    fn at(address: &Address, value: &Value, path: &PropertyPath) -> Value {
        match value {
            Value::Map(map) => Value::Map(
                map.iter()
                    .map(|(key, value)| (key.clone(), at(address, value, &path.key(key))))
                    .collect(),
            ),
            Value::List(items) => Value::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| at(address, item, &path.index(index)))
                    .collect(),
            ),
            leaf if is_in(leaf) => Value::unknown(address.attribute(path.to_string())),
            leaf => leaf.clone(),
        }
    }
    match is_anywhere_in(wanted) {
        true => at(address, wanted, &PropertyPath::root()),
        false => wanted.clone(),
    }
}

/// Every leaf with a reference, with its path.
pub(crate) fn leaves(wanted: &Value) -> Vec<(PropertyPath, &Value)> {
    fn at<'v>(value: &'v Value, path: &PropertyPath, found: &mut Vec<(PropertyPath, &'v Value)>) {
        match value {
            Value::Map(map) => map
                .iter()
                .for_each(|(key, value)| at(value, &path.key(key), found)),
            Value::List(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, item)| at(item, &path.index(index), found)),
            leaf if is_in(leaf) => found.push((path.clone(), leaf)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    at(wanted, &PropertyPath::root(), &mut found);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied() -> Value {
        let text = Value::from("{{resolve:secretsmanager:db}}");
        let hash = Value::Secret(Secret::Hashed("hash of pw".into()));
        let password = written(text, hash);
        let port = written("{{resolve:ssm:port}}".into(), "5432".into());
        Value::Map(BTreeMap::from([
            ("Name".to_owned(), Value::from("db")),
            ("Password".to_owned(), password),
            ("Ports".to_owned(), Value::List(vec![port])),
        ]))
    }

    #[test]
    fn the_state_tells_both_the_reference_and_what_it_stood_for() {
        let read = Value::from_json(&applied().to_json());
        assert_eq!(read, applied());
        assert_eq!(
            texts(&read).to_json(),
            json!({ "Name": "db", "Password": "{{resolve:secretsmanager:db}}", "Ports": ["{{resolve:ssm:port}}"] })
        );
        assert_eq!(
            values(&read).to_json(),
            json!({ "Name": "db", "Password": { "$secret_hash": "hash of pw" }, "Ports": ["5432"] })
        );
    }

    #[test]
    fn what_was_applied_is_compared_by_its_value_and_what_is_new_by_its_text() {
        let wanted = Value::from(json!({
            "Password": "{{resolve:secretsmanager:db}}", "Ports": ["{{resolve:ssm:port}}", "{{resolve:ssm:other}}"],
            "Next": "{{resolve:secretsmanager:next}}",
        }));
        let compared = comparable(&wanted, &Resolved::of(&applied()), &|_, _| false, &|_| None);
        assert_eq!(
            compared.get("Password"),
            Some(&Value::Secret(Secret::Hashed("hash of pw".into())))
        );
        assert_eq!(
            compared.get("Ports").map(Value::to_json),
            Some(json!(["5432", "{{resolve:ssm:other}}"]))
        );
        assert_eq!(
            compared.get("Next"),
            Some(&Value::secret("{{resolve:secretsmanager:next}}"))
        );
    }
}
