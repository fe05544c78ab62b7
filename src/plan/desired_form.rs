//! What is live, as the template would say it: what is declared and no more, and never a secret.

use payctl_model::Value;
use payctl_model::compare::is_system_tag;
use payctl_model::facts::facts;

/// What is live of what `declared` speaks of, secrets masked: those that are declared now, and those that were applied
/// last. The tags by which payctl knows its own are no part of it.
pub(super) fn desired_form(
    type_name: &str,
    live: &Value,
    declared: &Value,
    applied: &Value,
) -> Value {
    let mut form = masked_like(&restricted(live, declared), applied);
    let tags = facts()
        .get(type_name)
        .and_then(|facts| facts.tagging.property.clone());
    if let Some(key) = tags.as_ref().and_then(|path| path.head())
        && let Some(tags) = form.as_map_mut().and_then(|form| form.get_mut(key))
    {
        *tags = own_tags(tags);
    }
    form
}

/// The tags that are neither AWS's nor payctl's.
fn own_tags(tags: &Value) -> Value {
    let is_own = |tag: &Value| {
        let key = tag.get("Key").and_then(Value::as_str);
        !key.is_some_and(is_system_tag)
    };
    match tags {
        Value::List(items) => {
            Value::List(items.iter().filter(|tag| is_own(tag)).cloned().collect())
        }
        Value::Map(map) => Value::Map(
            map.iter()
                .filter(|(key, _)| !is_system_tag(key))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// What is live of what `declared` speaks of, with secrets where `declared` has them.
pub(super) fn restricted(live: &Value, declared: &Value) -> Value {
    match (live, declared) {
        (Value::Map(live), Value::Map(declared)) => Value::Map(
            declared
                .iter()
                .filter_map(|(key, declared)| {
                    Some((key.clone(), restricted(live.get(key)?, declared)))
                })
                .collect(),
        ),
        (live, Value::Secret(_)) => masked(live),
        (Value::List(items), Value::List(declared)) if declared.iter().any(Value::has_secret) => {
            let masked = |(i, item): (usize, &Value)| match partner(declared, item, i) {
                Some(declared) => masked_like(item, declared),
                None => masked(item),
            };
            Value::List(items.iter().enumerate().map(masked).collect())
        }
        (live, _) => live.clone(),
    }
}

/// `live` with secrets where `declared` has them, and nothing taken away. AWS may keep a list in another order: items with
/// names or keys are held against their like, others against all that may be theirs.
pub(crate) fn masked_like(live: &Value, declared: &Value) -> Value {
    if !declared.has_secret() {
        return live.clone();
    }
    match (live, declared) {
        (Value::Map(live), Value::Map(declared)) => Value::Map(
            live.iter()
                .map(|(key, value)| {
                    let value = match declared.get(key) {
                        Some(declared) => masked_like(value, declared),
                        None => value.clone(),
                    };
                    (key.clone(), value)
                })
                .collect(),
        ),
        (Value::List(items), Value::List(declared)) => Value::List(
            items
                .iter()
                .map(|item| match named_partner(declared, item) {
                    Some(Some(partner)) => masked_like(item, partner),
                    Some(None) => item.clone(),
                    None => declared
                        .iter()
                        .filter(|other| other.as_map().is_some() == item.as_map().is_some())
                        .fold(item.clone(), |item, other| masked_like(&item, other)),
                })
                .collect(),
        ),
        // A document that stands as a text on one side, or a secret.
        (live, _) => masked(live),
    }
}

/// Every text in it as a secret.
pub(super) fn masked(value: &Value) -> Value {
    value.map_leaves(&mut |leaf| match leaf {
        Value::String(text) => Value::secret(text.as_str()),
        other => other.clone(),
    })
}

/// The item of `others` that an item belongs to: by its name or key, else by position.
pub(super) fn partner<'a>(others: &'a [Value], item: &Value, position: usize) -> Option<&'a Value> {
    match named_partner(others, item) {
        Some(partner) => partner,
        None => others.get(position),
    }
}

/// The item of `others` with the same name or key; `None` where the item has neither.
fn named_partner<'a>(others: &'a [Value], item: &Value) -> Option<Option<&'a Value>> {
    let names = ["Name", "Key", "ParameterName", "DeviceName", "DeviceIndex"];
    let (key, name) = names.iter().find_map(|key| Some((*key, item.get(key)?)))?;
    // A device's index is a text in one place and a number in another.
    let is_same = |other: &Value| {
        other == name
            || other
                .to_text()
                .is_some_and(|other| name.to_text() == Some(other))
    };
    Some(
        others
            .iter()
            .find(|other| other.get(key).is_some_and(is_same)),
    )
}

#[cfg(test)]
mod tests {
    use payctl_model::Secret;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_tags_of_payctl_and_aws_are_no_part_of_what_a_template_says() {
        let live = Value::from(json!({ "TopicName": "t", "Tags": [
            { "Key": "payctl:address", "Value": "a" }, { "Key": "aws:x", "Value": "b" }, { "Key": "team", "Value": "c" },
        ] }));
        let declared = Value::from(json!({ "TopicName": "t", "Tags": [] }));
        assert_eq!(
            desired_form("AWS::SNS::Topic", &live, &declared, &Value::Null).to_json(),
            json!({ "TopicName": "t", "Tags": [{ "Key": "team", "Value": "c" }] })
        );
    }

    #[test]
    fn what_was_applied_as_a_secret_is_masked_where_it_is_declared_in_the_open_now() {
        let live = Value::from(json!({ "Value": "hunter2", "Type": "String" }));
        let applied = Value::Map(
            [(
                "Value".to_owned(),
                Value::Secret(Secret::Hashed("h".into())),
            )]
            .into(),
        );
        let declared = Value::from(json!({ "Value": "public", "Type": "String" }));
        let form = desired_form("AWS::SSM::Parameter", &live, &declared, &applied);
        assert_eq!(form.get("Value"), Some(&Value::secret("hunter2")));
        assert_eq!(form.get("Type"), Some(&Value::from("String")));
    }

    #[test]
    fn a_list_without_names_hides_all_when_one_was_secret() {
        let hidden = Value::Secret(Secret::Hashed("h".into()));
        let live = Value::from(json!(["b", "hunter2"]));
        let declared = Value::List(vec![hidden.clone(), "b".into()]);
        assert_eq!(masked_like(&live, &declared), masked(&live));
        // Where items have keys it is known which one it is.
        let tag = |key: &str, value: Value| {
            Value::Map([("Key".to_owned(), key.into()), ("Value".to_owned(), value)].into())
        };
        let live = Value::List(vec![
            tag("payctl:a", "b".into()),
            tag("token", "hunter2".into()),
        ]);
        let declared = Value::List(vec![tag("token", hidden)]);
        assert_eq!(
            masked_like(&live, &declared),
            Value::List(vec![
                tag("payctl:a", "b".into()),
                tag("token", Value::secret("hunter2"))
            ])
        );
    }
}
