use super::*;
use crate::facts::facts;

fn changes(type_name: &str, declared: serde_json::Value, live: serde_json::Value) -> Vec<String> {
    let facts = facts().get(type_name).unwrap();
    let found = compare(
        &facts,
        &Value::from(declared),
        &Value::from(live),
        &CompareOptions::default(),
    );
    found
        .changes
        .iter()
        .map(|change| change.property.to_string())
        .collect()
}
