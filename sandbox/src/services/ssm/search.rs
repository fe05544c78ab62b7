//! Filters of parameters.

use crate::call::Call;
use crate::error::Refusal;
use crate::path;
use crate::world::Record;
use serde_json::Value as Json;

/// Does the parameter stand below the path?
pub(super) fn below(name: &str, path: &str, deep: bool) -> bool {
    let path = path.trim_end_matches('/');
    let rest = name
        .strip_prefix(path)
        .and_then(|rest| rest.strip_prefix('/'));
    // Names without a slash stand at the root.
    let rest = rest.or(if path.is_empty() && !name.contains('/') {
        Some(name)
    } else {
        None
    });
    rest.is_some_and(|rest| !rest.is_empty() && (deep || !rest.contains('/')))
}

/// Does the parameter pass the request's filters?
pub(super) fn fits(call: &Call, record: &Record) -> Result<bool, Refusal> {
    let list = |member: &str| {
        call.input
            .get(member)
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default()
    };
    for filter in list("ParameterFilters") {
        let Some(filter) = filter.as_object() else {
            continue;
        };
        let key = path::text(filter, "Key").unwrap_or_default();
        let option = path::text(filter, "Option");
        if !one(record, key, option, &path::texts(filter, "Values[]"))? {
            return Ok(false);
        }
    }
    for filter in list("Filters") {
        let Some(filter) = filter.as_object() else {
            continue;
        };
        let key = path::text(filter, "Key").unwrap_or_default();
        let option = (key == "Name").then_some("BeginsWith");
        if !one(record, key, option, &path::texts(filter, "Values[]"))? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn one(
    record: &Record,
    key: &str,
    option: Option<&str>,
    values: &[String],
) -> Result<bool, Refusal> {
    let invalid = |option: &str| {
        let message = format!(
            "The following filter option is not valid: {option}. Valid options include: [BeginsWith, Equals]"
        );
        Err(Refusal::new("InvalidFilterOption", message))
    };
    if key == "Path" {
        let deep = match option {
            None | Some("OneLevel") => false,
            Some("Recursive") => true,
            Some(other) => return invalid(other),
        };
        return Ok(values.iter().any(|path| below(&record.id, path, deep)));
    }
    let has: Vec<String> = match key {
        "Name" | "Type" | "KeyId" | "Tier" | "DataType" => vec![record.text(key).to_owned()],
        "Label" => {
            let versions = record
                .hidden
                .get("versions")
                .and_then(Json::as_array)
                .into_iter()
                .flatten();
            versions
                .filter_map(Json::as_object)
                .flat_map(|version| path::texts(version, "Labels[]"))
                .collect()
        }
        _ => match key.strip_prefix("tag:") {
            Some(tag) => match record.tags.get(tag) {
                Some(_) if values.is_empty() => return Ok(true),
                Some(value) => vec![value.clone()],
                None => return Ok(false),
            },
            None => {
                let message = format!("The following filter key is not valid: {key}.");
                return Err(Refusal::new("InvalidFilterKey", message));
            }
        },
    };
    let test = |one: &str, value: &str| match option {
        None | Some("Equals") => Some(
            one == value
                || (key == "Name" && one.trim_start_matches('/') == value.trim_start_matches('/')),
        ),
        Some("BeginsWith") => Some(one.starts_with(value)),
        Some("Contains") => Some(one.contains(value)),
        Some(_) => None,
    };
    for one in &has {
        for value in values {
            match test(one, value) {
                Some(true) => return Ok(true),
                Some(false) => {}
                None => return invalid(option.unwrap_or_default()),
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::below;

    #[test]
    fn paths_hold_what_stands_below() {
        assert!(below("/a/b", "/a", false));
        assert!(below("/a/b", "/a/", false));
        assert!(!below("/a/b/c", "/a", false));
        assert!(below("/a/b/c", "/a", true));
        assert!(!below("/ab/c", "/a", true));
        assert!(below("a", "/", false));
    }
}
