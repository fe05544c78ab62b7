//! Which objects a rule is for. Templates have a prefix, tags and sizes side by side; S3 takes one of them, or several in an `And`.

use serde_json::{Map, Value as Json, json};

/// What stands in a filter by itself, beside tags.
const OTHERS: &[&str] = &[
    "Prefix",
    "ObjectSizeGreaterThan",
    "ObjectSizeLessThan",
    "AccessPointArn",
];

/// The filter of a declared rule; `None` where it has none.
pub(super) fn of(rule: &Json) -> Option<Json> {
    let mut parts: Map<String, Json> = OTHERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), rule.get(*name)?.clone())))
        .collect();
    let tags = rule.get("TagFilters").and_then(Json::as_array);
    let tags = tags.map_or(&[][..], Vec::as_slice);
    match (parts.len(), tags) {
        (0, []) => None,
        (1, []) => Some(Json::Object(parts)),
        (0, [tag]) => Some(json!({"Tag": tag})),
        (_, tags) => {
            if !tags.is_empty() {
                parts.insert("Tags".to_owned(), json!(tags));
            }
            Some(json!({"And": parts}))
        }
    }
}

/// What a told filter says, as templates have it.
pub(super) fn told(filter: &Json) -> Map<String, Json> {
    let inner = filter.get("And").unwrap_or(filter);
    let mut parts: Map<String, Json> = OTHERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), inner.get(*name)?.clone())))
        .collect();
    let tags = match inner.get("Tag") {
        Some(tag) => Some(json!([tag])),
        None => inner.get("Tags").cloned(),
    };
    if let Some(tags) = tags {
        parts.insert("TagFilters".to_owned(), tags);
    }
    parts
}

/// The members of a rule whose names are other ones.
pub(super) fn renamed(rule: &Json, names: &[(&str, &str)]) -> Map<String, Json> {
    names
        .iter()
        .filter_map(|(from, to)| Some(((*to).to_owned(), rule.get(*from)?.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_one_condition_or_several() {
        let tag = json!({"Key": "a", "Value": "b"});
        for (rule, filter) in [
            (json!({"Prefix": "x/"}), json!({"Prefix": "x/"})),
            (json!({"TagFilters": [tag]}), json!({"Tag": tag})),
            (
                json!({"TagFilters": [tag, tag]}),
                json!({"And": {"Tags": [tag, tag]}}),
            ),
            (
                json!({"Prefix": "x/", "TagFilters": [tag], "ObjectSizeLessThan": 5}),
                json!({"And": {"Prefix": "x/", "Tags": [tag], "ObjectSizeLessThan": 5}}),
            ),
        ] {
            assert_eq!(of(&rule), Some(filter.clone()));
            assert_eq!(Json::Object(told(&filter)), rule);
        }
        assert_eq!(of(&json!({"Status": "Enabled", "TagFilters": []})), None);
    }
}
