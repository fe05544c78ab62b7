//! [`Value`]: JSON's six kinds, and two that JSON has not: what only AWS can tell, and what nobody may see.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde_json::Number;

use crate::address::AttributeOf;
use crate::path::{PropertyPath, Step};

/// A value as templates declare it, as plans compare it and as AWS returns it. Maps are sorted by key.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// JSON `null`.
    Null,
    /// JSON `true` or `false`.
    Bool(bool),
    /// A JSON number.
    Number(Number),
    /// A text.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// A map with text keys.
    Map(BTreeMap<String, Value>),
    /// A text that must never reach disk, log or terminal.
    Secret(Secret),
    /// What only AWS can tell once the named attributes exist. Never empty. A value built from several unknowns waits for
    /// all of them.
    Unknown(BTreeSet<AttributeOf>),
}

/// A secret text: in the open only in memory, and a salted hash everywhere else.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// The text itself. `Debug` does not show it.
    Plain(Arc<str>),
    /// What the state file holds instead of the text: an argon2id hash in PHC form, made with the state's salt.
    Hashed(String),
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secret::Plain(_) => f.write_str("Secret(…)"),
            Secret::Hashed(_) => f.write_str("Secret(hashed)"),
        }
    }
}

/// The map key under which a hashed secret stands in JSON (state, journal).
pub const SECRET_HASH_KEY: &str = "$secret_hash";
/// The map key under which an unknown stands in JSON (plan output).
pub const UNKNOWN_KEY: &str = "$unknown";

impl Value {
    /// An empty map.
    pub fn map() -> Value {
        Value::Map(BTreeMap::new())
    }

    /// A secret text.
    pub fn secret(text: impl Into<Arc<str>>) -> Value {
        Value::Secret(Secret::Plain(text.into()))
    }

    /// The unknown that waits for one attribute.
    pub fn unknown(of: AttributeOf) -> Value {
        Value::Unknown(BTreeSet::from([of]))
    }

    /// The text, where this is a text that is no secret.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text, a secret's included. Only for what goes to AWS.
    pub fn expose_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            Value::Secret(Secret::Plain(text)) => Some(text),
            _ => None,
        }
    }

    /// A text, number or boolean as CloudFormation writes it into a text; `None` for everything else.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    /// `true` or `false`, also where it is written as text.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// A whole number, also where it is written as text.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// The list's items, where this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The map, where this is one.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Value>> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The map, where this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut BTreeMap<String, Value>> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value under `key`, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The value at a path (`A.B.0.C`); `None` where there is none. `*` finds nothing.
    pub fn at(&self, path: &PropertyPath) -> Option<&Value> {
        path.steps()
            .iter()
            .try_fold(self, |value, step| match (value, step) {
                (Value::Map(map), Step::Key(key)) => map.get(key),
                (Value::List(items), Step::Index(index)) => items.get(*index),
                _ => None,
            })
    }

    /// Whether an unknown stands anywhere in it.
    pub fn has_unknown(&self) -> bool {
        let mut found = false;
        self.visit(&mut |value| found |= matches!(value, Value::Unknown(_)));
        found
    }

    /// Whether a secret stands anywhere in it.
    pub fn has_secret(&self) -> bool {
        let mut found = false;
        self.visit(&mut |value| found |= matches!(value, Value::Secret(_)));
        found
    }

    /// Every attribute that this value waits for.
    pub fn unknowns(&self) -> BTreeSet<AttributeOf> {
        let mut found = BTreeSet::new();
        self.visit(&mut |value| {
            if let Value::Unknown(of) = value {
                found.extend(of.iter().cloned());
            }
        });
        found
    }

    /// Calls `see` for this value and everything in it, parents first.
    pub fn visit<'a>(&'a self, see: &mut impl FnMut(&'a Value)) {
        see(self);
        match self {
            Value::List(items) => items.iter().for_each(|item| item.visit(see)),
            Value::Map(map) => map.values().for_each(|item| item.visit(see)),
            _ => {}
        }
    }

    /// The same value with every leaf (all but lists and maps) replaced by what `change` makes of it.
    pub fn map_leaves(&self, change: &mut impl FnMut(&Value) -> Value) -> Value {
        match self {
            Value::List(items) => {
                Value::List(items.iter().map(|item| item.map_leaves(change)).collect())
            }
            Value::Map(map) => Value::Map(
                map.iter()
                    .map(|(k, v)| (k.clone(), v.map_leaves(change)))
                    .collect(),
            ),
            leaf => change(leaf),
        }
    }

    /// JSON with every secret in the open: only for requests to AWS. `None` while an unknown stands in it.
    pub fn expose_json(&self) -> Option<serde_json::Value> {
        Some(match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::String(text) => text.clone().into(),
            Value::Secret(Secret::Plain(text)) => text.to_string().into(),
            Value::Secret(Secret::Hashed(_)) | Value::Unknown(_) => return None,
            Value::List(items) => serde_json::Value::Array(
                items
                    .iter()
                    .map(Value::expose_json)
                    .collect::<Option<_>>()?,
            ),
            Value::Map(map) => serde_json::Value::Object(
                map.iter()
                    .map(|(k, v)| Some((k.clone(), v.expose_json()?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }

    /// JSON for files and for people: a hashed secret as `{"$secret_hash": …}`, an unknown as `{"$unknown": "a, b"}`, a
    /// secret in the open as `{"$secret_hash": null}` (callers that write files hash first).
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Secret(Secret::Plain(_)) => serde_json::json!({ SECRET_HASH_KEY: null }),
            Value::Secret(Secret::Hashed(hash)) => serde_json::json!({ SECRET_HASH_KEY: hash }),
            Value::Unknown(of) => {
                let names: Vec<String> = of.iter().map(ToString::to_string).collect();
                serde_json::json!({ UNKNOWN_KEY: names.join(", ") })
            }
            Value::List(items) => {
                serde_json::Value::Array(items.iter().map(Value::to_json).collect())
            }
            Value::Map(map) => serde_json::Value::Object(
                map.iter().map(|(k, v)| (k.clone(), v.to_json())).collect(),
            ),
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Number(number) => serde_json::Value::Number(number.clone()),
            Value::String(text) => text.clone().into(),
        }
    }

    /// The inverse of [`Value::to_json`] for state and journal: `{"$secret_hash": "…"}` becomes a hashed secret again.
    pub fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Object(map) => {
                match map.get(SECRET_HASH_KEY).and_then(|hash| hash.as_str()) {
                    Some(hash) if map.len() == 1 => Value::Secret(Secret::Hashed(hash.to_owned())),
                    _ => Value::Map(
                        map.iter()
                            .map(|(k, v)| (k.clone(), Value::from_json(v)))
                            .collect(),
                    ),
                }
            }
            serde_json::Value::Array(items) => {
                Value::List(items.iter().map(Value::from_json).collect())
            }
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(*flag),
            serde_json::Value::Number(number) => Value::Number(number.clone()),
            serde_json::Value::String(text) => Value::String(text.clone()),
        }
    }
}

impl serde::Serialize for Value {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Value {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        Ok(Value::from_json(&serde_json::Value::deserialize(
            deserializer,
        )?))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Value {
        Value::Bool(flag)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Value {
        Value::Number(number.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Value {
        Value::List(items)
    }
}

impl From<BTreeMap<String, Value>> for Value {
    fn from(map: BTreeMap<String, Value>) -> Value {
        Value::Map(map)
    }
}

/// Plain JSON as a value: no key has a special meaning.
impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(flag),
            serde_json::Value::Number(number) => Value::Number(number),
            serde_json::Value::String(text) => Value::String(text),
            serde_json::Value::Array(items) => {
                Value::List(items.into_iter().map(Value::from).collect())
            }
            serde_json::Value::Object(map) => {
                Value::Map(map.into_iter().map(|(k, v)| (k, Value::from(v))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_in_neither_debug_nor_json() {
        let value = Value::Map(BTreeMap::from([(
            "Password".to_owned(),
            Value::secret("hunter2"),
        )]));
        assert!(!format!("{value:?}").contains("hunter2"));
        assert!(!value.to_json().to_string().contains("hunter2"));
        assert_eq!(value.expose_json().unwrap()["Password"], "hunter2");
    }

    #[test]
    fn state_json_round_trips_hashed_secrets() {
        let value = Value::List(vec![
            Value::Secret(Secret::Hashed("$argon2id$x".into())),
            Value::from(3),
        ]);
        assert_eq!(Value::from_json(&value.to_json()), value);
    }
}
