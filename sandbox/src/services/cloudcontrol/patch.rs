//! JSON patches (RFC 6902), with the paths that AWS takes: a leading slash may be left out (User Guide, "Updating a resource").

use serde_json::{Map, Value as Json};

/// Carries out a patch document. The error is AWS's message.
pub(super) fn apply(document: &Json, operations: &[Json]) -> Result<Json, String> {
    let mut document = document.clone();
    for one in operations {
        let op = one["op"].as_str().unwrap_or_default();
        let path = steps(
            one["path"]
                .as_str()
                .ok_or("a patch operation has no path")?,
        );
        let from = || steps(one["from"].as_str().unwrap_or_default());
        let value = || {
            let value = one.get("value").cloned();
            value.ok_or_else(|| format!("[{} Operation] has no value", op.to_uppercase()))
        };
        match op {
            "add" => add(&mut document, &path, value()?)?,
            "replace" => {
                let value = value()?;
                remove(&mut document, &path, "REPLACE")?;
                add(&mut document, &path, value)?;
            }
            "remove" => {
                remove(&mut document, &path, "REMOVE")?;
            }
            "move" => {
                let value = remove(&mut document, &from(), "MOVE")?;
                add(&mut document, &path, value)?;
            }
            "copy" => {
                let from = from();
                let value = at(&document, &from)
                    .cloned()
                    .ok_or_else(|| missing("COPY", &from))?;
                add(&mut document, &path, value)?;
            }
            "test" => {
                if at(&document, &path) != Some(&value()?) {
                    return Err(format!(
                        "[TEST Operation] value differs at {}",
                        shown(&path)
                    ));
                }
            }
            other => return Err(format!("unknown patch operation {other}")),
        }
    }
    Ok(document)
}

fn steps(path: &str) -> Vec<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split('/')
        .map(|step| step.replace("~1", "/").replace("~0", "~"))
        .collect()
}

fn shown(path: &[String]) -> String {
    format!("/{}", path.join("/"))
}

fn missing(op: &str, path: &[String]) -> String {
    format!(
        "[{op} Operation] noSuchPath in source, path provided : /{}",
        shown(path)
    )
}

fn at<'j>(document: &'j Json, path: &[String]) -> Option<&'j Json> {
    path.iter().try_fold(document, |here, step| match here {
        Json::Array(items) => items.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}

fn parent<'j>(document: &'j mut Json, path: &[String]) -> Option<&'j mut Json> {
    path.iter().try_fold(document, |here, step| match here {
        Json::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        other => other.get_mut(step),
    })
}

fn add(document: &mut Json, path: &[String], value: Json) -> Result<(), String> {
    let Some((last, above)) = path.split_last() else {
        *document = value;
        return Ok(());
    };
    let refused = || missing("ADD", path);
    match parent(document, above).ok_or_else(refused)? {
        Json::Object(members) => {
            members.insert(last.clone(), value);
        }
        Json::Array(items) if last == "-" => items.push(value),
        Json::Array(items) => {
            let at: usize = last.parse().map_err(|_| refused())?;
            if at > items.len() {
                return Err(refused());
            }
            items.insert(at, value);
        }
        _ => return Err(refused()),
    }
    Ok(())
}

fn remove(document: &mut Json, path: &[String], op: &str) -> Result<Json, String> {
    let refused = || missing(op, path);
    let Some((last, above)) = path.split_last() else {
        return Ok(std::mem::replace(document, Json::Object(Map::new())));
    };
    match parent(document, above).ok_or_else(refused)? {
        Json::Object(members) => members.remove(last).ok_or_else(refused),
        Json::Array(items) => {
            let at: usize = last.parse().map_err(|_| refused())?;
            if at >= items.len() {
                return Err(refused());
            }
            Ok(items.remove(at))
        }
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_operation_does_what_the_rfc_says() {
        let document = json!({"a": {"b": [1, 2]}, "c~/d": 1});
        let patch = json!([
            {"op": "test", "path": "/a/b/0", "value": 1},
            {"op": "add", "path": "/a/b/1", "value": 9},
            {"op": "add", "path": "/a/b/-", "value": 3},
            {"op": "remove", "path": "/a/b/0"},
            {"op": "replace", "path": "c~0~1d", "value": 2},
            {"op": "copy", "from": "/a/b", "path": "/e"},
            {"op": "move", "from": "/a", "path": "/f"},
        ]);
        let done = apply(&document, patch.as_array().unwrap()).unwrap();
        assert_eq!(
            done,
            json!({"c~/d": 2, "e": [9, 2, 3], "f": {"b": [9, 2, 3]}})
        );
    }

    #[test]
    fn what_is_not_there_is_neither_replaced_nor_removed() {
        let document = json!({"a": 1});
        for op in ["replace", "remove"] {
            let patch = [json!({"op": op, "path": "/Tags", "value": []})];
            let refused = apply(&document, &patch).unwrap_err();
            assert!(
                refused.contains("noSuchPath in source, path provided : //Tags"),
                "{refused}"
            );
        }
        let deep = [json!({"op": "add", "path": "/x/y", "value": 1})];
        assert!(apply(&document, &deep).is_err());
    }
}
