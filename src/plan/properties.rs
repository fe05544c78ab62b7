//! A resource's properties as they are wanted: evaluated, with the tags of its stack and of the environment, secrets marked.

use std::collections::BTreeMap;

use payctl_model::facts::{TypeFacts, facts};
use payctl_model::{PropertyPath, Value};

use crate::graph::Node;
use crate::template::dynamic::is_reference;
use crate::template::{Attributes, EvalError};

/// Evaluates a resource's properties with the attributes known so far. Planning and applying both use this, so that what is
/// applied refines what was planned.
///
/// # Errors
/// Where a function fails on what its arguments turned out to be.
pub fn properties(
    node: &Node,
    attributes: &dyn Attributes,
    environment_tags: &BTreeMap<String, String>,
) -> Result<Value, EvalError> {
    let value = node.resource.properties.evaluate(attributes)?;
    let Some(facts) = facts().get(&node.resource.type_name) else {
        return Ok(value);
    };
    // A key that several give has the value of who is nearest to the resource.
    let of_stack = node.tags.iter();
    let of_stack: BTreeMap<&str, Value> = of_stack
        .map(|(key, tag)| Ok((key.as_str(), tag.evaluate(attributes)?)))
        .collect::<Result<_, EvalError>>()?;
    let tagged = with_tags(&facts, value, of_stack);
    let of_environment = environment_tags.iter();
    let of_environment = of_environment.map(|(key, tag)| (key.as_str(), Value::from(tag.as_str())));
    let tagged = with_tags(&facts, tagged, of_environment.collect());
    Ok(with_secrets(&facts, &tagged, &PropertyPath::root()))
}

/// Adds tags where these keys are not given yet. A type whose tags cannot change without a new
/// resource gets none.
fn with_tags(facts: &TypeFacts, mut properties: Value, tags: BTreeMap<&str, Value>) -> Value {
    let Some(at) = facts
        .tagging
        .property
        .as_ref()
        .filter(|_| facts.tagging.updatable && !facts.tagging.declared_only)
    else {
        return properties;
    };
    let (Some(name), 1, false) = (at.head(), at.steps().len(), tags.is_empty()) else {
        return properties;
    };
    let Some(schema) = facts.schema_at(at) else {
        return properties;
    };
    let Some(map) = properties.as_map_mut() else {
        return properties;
    };
    if schema.is_array() {
        // Auto Scaling groups want to know of each tag whether instances get it.
        let has = |name: &str| facts.schema_at(&at.index(0).key(name)).is_some();
        if !has("Key") {
            // A list of tags by type of resource.
            return properties;
        }
        let propagate = has("PropagateAtLaunch");
        let list = map
            .entry(name.to_owned())
            .or_insert_with(|| Value::List(Vec::new()));
        let Value::List(list) = list else {
            return properties;
        };
        for (key, value) in tags {
            if list
                .iter()
                .any(|tag| tag.get("Key").and_then(Value::as_str) == Some(key))
            {
                continue;
            }
            let mut tag = BTreeMap::from([
                ("Key".to_owned(), Value::from(key)),
                ("Value".to_owned(), value),
            ]);
            if propagate {
                tag.insert("PropagateAtLaunch".to_owned(), Value::from(true));
            }
            list.push(Value::Map(tag));
        }
    } else if let Value::Map(given) = map.entry(name.to_owned()).or_insert_with(Value::map) {
        for (key, value) in tags {
            given.entry(key.to_owned()).or_insert(value);
        }
    }
    properties
}

/// Texts at properties that AWS calls sensitive become secrets.
fn with_secrets(facts: &TypeFacts, value: &Value, path: &PropertyPath) -> Value {
    match value {
        Value::Map(map) => Value::Map(
            map.iter()
                .map(|(k, v)| (k.clone(), with_secrets(facts, v, &path.key(k))))
                .collect(),
        ),
        Value::List(items) => Value::List(
            items
                .iter()
                .enumerate()
                .map(|(i, item)| with_secrets(facts, item, &path.index(i)))
                .collect(),
        ),
        // What a dynamic reference stands for is secret, not the reference.
        Value::String(text) if facts.is_sensitive(path) && !is_reference(text) => {
            Value::secret(text.as_str())
        }
        other => other.clone(),
    }
}
