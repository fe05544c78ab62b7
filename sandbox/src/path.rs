//! Paths into records: `VpcId`, `State.Code`, `Attachments[].VpcId`.

use serde_json::{Map, Value as Json};

/// What the path leads to: nothing, one value, or as many as the lists on the way hold.
pub fn pick<'a>(members: &'a Map<String, Json>, path: &str) -> Vec<&'a Json> {
    let (head, rest) = path
        .split_once('.')
        .map_or((path, None), |(head, rest)| (head, Some(rest)));
    let (name, each) = head
        .strip_suffix("[]")
        .map_or((head, false), |name| (name, true));
    let Some(value) = members.get(name) else {
        return Vec::new();
    };
    let values: Vec<&Json> = match value {
        Json::Array(items) if each => items.iter().collect(),
        Json::Null => Vec::new(),
        other => vec![other],
    };
    match rest {
        None => values,
        Some(rest) => values
            .into_iter()
            .filter_map(Json::as_object)
            .flat_map(|inner| pick(inner, rest))
            .collect(),
    }
}

/// The one text at the path.
pub fn text<'a>(members: &'a Map<String, Json>, path: &str) -> Option<&'a str> {
    pick(members, path).first().and_then(|value| value.as_str())
}

/// The texts at the path.
pub fn texts(members: &Map<String, Json>, path: &str) -> Vec<String> {
    pick(members, path).into_iter().map(plain).collect()
}

/// A scalar as filters and messages write it.
pub fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Sets the value at a path without lists; `null` takes the member away.
pub fn set(members: &mut Map<String, Json>, path: &str, value: Json) {
    match path.split_once('.') {
        None if value.is_null() => {
            members.remove(path);
        }
        None => {
            members.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let inner = members
                .entry(head.to_owned())
                .or_insert_with(|| Json::Object(Map::new()));
            if !inner.is_object() {
                *inner = Json::Object(Map::new());
            }
            if let Json::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// The value as text that does not depend on the order in which members were written.
pub fn canonical(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            let inner: Vec<String> = names
                .into_iter()
                .map(|name| format!("{name:?}:{}", canonical(&members[name])))
                .collect();
            format!("{{{}}}", inner.join(","))
        }
        Json::Array(items) => format!(
            "[{}]",
            items.iter().map(canonical).collect::<Vec<_>>().join(",")
        ),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_walk_lists_and_set_what_is_nested() {
        let Json::Object(mut record) = json!({"A": [{"B": "x"}, {"B": 2}, {}], "C": {"D": true}})
        else {
            unreachable!()
        };
        assert_eq!(texts(&record, "A[].B"), ["x", "2"]);
        assert_eq!(texts(&record, "C.D"), ["true"]);
        assert!(texts(&record, "C.E.F").is_empty());
        set(&mut record, "State.Code", json!("active"));
        assert_eq!(text(&record, "State.Code"), Some("active"));
    }
}
