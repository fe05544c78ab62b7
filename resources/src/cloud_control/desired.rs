//! The desired state of a request: the declared properties in the types of the type's schema. Cloud Control holds them against it to
//! the letter, where CloudFormation converts texts first.

use payctl_model::Value;
use payctl_model::facts::{Kind, Schema, TypeFacts};
use serde_json::{Map, Value as Json};

use crate::error::{Error, Result};

/// The declared properties as requests have them.
pub(super) fn state(facts: &TypeFacts, desired: &Value) -> Result<Json> {
    let json = desired
        .expose_json()
        .ok_or_else(|| Error::Unknown(facts.name.clone()))?;
    Ok(super::without_nulls(typed(facts, &facts.root, json)))
}

/// What is known of a model: leaves that are only known by a hash are left out.
pub(super) fn known(model: &Value) -> Json {
    match model {
        Value::Map(map) => map
            .iter()
            .filter(|(_, value)| {
                value.as_map().is_some()
                    || value.as_list().is_some()
                    || value.expose_json().is_some()
            })
            .map(|(name, value)| (name.clone(), known(value)))
            .collect::<Map<String, Json>>()
            .into(),
        Value::List(items) => items.iter().map(known).collect(),
        leaf => leaf.expose_json().unwrap_or(Json::Null),
    }
}

/// A value in the types of its schema.
fn typed(facts: &TypeFacts, schema: &Schema, value: Json) -> Json {
    let schema = facts.resolve(schema);
    match value {
        Json::Object(members) => {
            let members = members.into_iter().map(|(name, value)| {
                let value = match facts.property(schema, &name) {
                    Some(inner) => typed(facts, inner, value),
                    None => value,
                };
                (name, value)
            });
            Json::Object(members.collect())
        }
        Json::Array(items) => match facts.items(schema) {
            Some(inner) => items
                .into_iter()
                .map(|item| typed(facts, inner, item))
                .collect(),
            None => Json::Array(items),
        },
        leaf => scalar(&kinds(facts, schema), leaf),
    }
}

/// The kinds that a value may have; empty: any.
fn kinds(facts: &TypeFacts, schema: &Schema) -> Vec<Kind> {
    if !schema.kinds.is_empty() {
        return schema.kinds.clone();
    }
    let parts = schema
        .all_of
        .iter()
        .chain(&schema.any_of)
        .chain(&schema.one_of);
    parts
        .flat_map(|part| facts.resolve(part).kinds.clone())
        .collect()
}

fn scalar(kinds: &[Kind], value: Json) -> Json {
    let allows = |kind: Kind| kinds.is_empty() || kinds.contains(&kind);
    match &value {
        Json::String(text) if !allows(Kind::String) => {
            let text = text.trim();
            if allows(Kind::Integer)
                && let Ok(number) = text.parse::<i64>()
            {
                return number.into();
            }
            if allows(Kind::Number)
                && let Ok(number) = text.parse::<f64>()
            {
                return serde_json::Number::from_f64(number).map_or(value, Json::Number);
            }
            if allows(Kind::Boolean)
                && let Ok(flag) = text.to_ascii_lowercase().parse::<bool>()
            {
                return flag.into();
            }
            // A document that was written as text.
            match serde_json::from_str::<Json>(text) {
                Ok(json) if json.is_object() && allows(Kind::Object) => json,
                Ok(json) if json.is_array() && allows(Kind::Array) => json,
                _ => value,
            }
        }
        Json::Bool(flag) if !allows(Kind::Boolean) && allows(Kind::String) => {
            flag.to_string().into()
        }
        Json::Number(number)
            if !allows(Kind::Number) && !allows(Kind::Integer) && allows(Kind::String) =>
        {
            number.to_string().into()
        }
        _ => value,
    }
}
