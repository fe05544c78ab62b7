//! Values as people and programs see them: secrets masked, unknowns named, JSON documents inside texts opened.

use std::fmt::Write as _;

use payctl_model::{PropertyPath, Secret, Value};
use serde_json::json;

use super::style::{CREATE, DELETE, FAINT, UPDATE, paint};

/// What stands for a secret on the terminal.
const MASK: &str = "(secret)";
/// What stands for a value that only AWS can tell.
const UNKNOWN: &str = "(known after apply)";

/// A text longer than this (in characters) is cut where nothing is to be compared with it.
const LONG: usize = 60;

/// How a secret in a plan relates to what was last applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// The same as last applied.
    Same,
    /// Another one than last applied.
    Changed,
    /// Nothing was applied before.
    New,
}

/// A value as `plan --json` gives it: unknowns as `{"$unknown": …}`, secrets as `{"$secret": …}` by what `secret` says of
/// their path.
pub fn to_json(
    value: &Value,
    path: &PropertyPath,
    secret: &dyn Fn(&PropertyPath) -> SecretChange,
) -> serde_json::Value {
    match value {
        Value::Secret(_) => {
            let change = match secret(path) {
                SecretChange::Same => "same",
                SecretChange::Changed => "changed",
                SecretChange::New => "new",
            };
            json!({ "$secret": change })
        }
        Value::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| to_json(item, &path.index(index), secret))
            .collect(),
        Value::Map(map) => serde_json::Value::Object(
            map.iter()
                .map(|(key, item)| (key.clone(), to_json(item, &path.key(key), secret)))
                .collect(),
        ),
        other => other.to_json(),
    }
}

/// One line for a leaf; `None` for lists and maps that are not empty.
fn leaf(value: &Value) -> Option<String> {
    Some(match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.contains('\n') => format!("{text:?}"),
        Value::String(text) => format!("\"{text}\""),
        Value::Secret(Secret::Plain(_) | Secret::Hashed(_)) => MASK.to_owned(),
        Value::Unknown(_) => UNKNOWN.to_owned(),
        Value::List(items) if items.is_empty() => "[]".to_owned(),
        Value::Map(map) if map.is_empty() => "{}".to_owned(),
        Value::List(_) | Value::Map(_) => return None,
    })
}

/// A text that holds a JSON object or list, as that value: policies and dashboards are read better opened.
fn opened(value: &Value) -> std::borrow::Cow<'_, Value> {
    if let Value::String(text) = value
        && text.trim_start().starts_with(['{', '['])
        && let Ok(document) = serde_json::from_str::<serde_json::Value>(text)
    {
        return std::borrow::Cow::Owned(Value::from(document));
    }
    std::borrow::Cow::Borrowed(value)
}

/// `name: value`, indented, over several lines where the value is nested.
pub fn write_value(out: &mut String, indent: usize, name: &str, value: &Value) {
    let value = opened(value);
    let pad = " ".repeat(indent);
    if let Some(text) = leaf(&value) {
        let text = if matches!(*value, Value::Unknown(_)) {
            paint(FAINT, text)
        } else {
            text
        };
        let _ = writeln!(out, "{pad}{name}: {text}");
        return;
    }
    let _ = writeln!(out, "{pad}{name}:");
    match &*value {
        Value::Map(map) => map
            .iter()
            .for_each(|(key, item)| write_value(out, indent + 2, key, item)),
        Value::List(items) => write_items(out, indent + 2, items),
        _ => {}
    }
}

fn write_items(out: &mut String, indent: usize, items: &[Value]) {
    let pad = " ".repeat(indent);
    for item in items {
        match item {
            Value::Map(map) if !map.is_empty() => {
                if let Some(line) = short_map(map, 78usize.saturating_sub(indent)) {
                    let _ = writeln!(out, "{pad}- {line}");
                    continue;
                }
                let mut nested = String::new();
                map.iter()
                    .for_each(|(key, item)| write_value(&mut nested, indent + 2, key, item));
                out.push_str(&pad);
                out.push_str("- ");
                out.push_str(nested.trim_start());
            }
            other => match leaf(other) {
                Some(text) => {
                    let _ = writeln!(out, "{pad}- {text}");
                }
                None => write_value(out, indent, "-", other),
            },
        }
    }
}

/// `{A: 1, B: 2}` where every value is a leaf and the line stays within `width`.
fn short_map(map: &std::collections::BTreeMap<String, Value>, width: usize) -> Option<String> {
    let parts: Option<Vec<String>> = map
        .iter()
        .map(|(key, item)| Some(format!("{key}: {}", leaf(item)?)))
        .collect();
    let line = format!("{{{}}}", parts?.join(", "));
    (line.chars().count() <= width).then_some(line)
}

/// The difference of two values under `name`, nested: only what differs is shown.
pub fn write_difference(
    out: &mut String,
    indent: usize,
    name: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) {
    let pad = " ".repeat(indent);
    match (before, after) {
        (None, None) => {}
        (None, Some(after)) => {
            let mut text = String::new();
            write_value(&mut text, 0, name, after);
            marked(out, &pad, '+', &text);
        }
        (Some(before), None) => {
            let mut text = String::new();
            write_value(&mut text, 0, name, before);
            marked(out, &pad, '-', &text);
        }
        (Some(before), Some(after)) => {
            let (opened_before, opened_after) = (opened(before), opened(after));
            match (&*opened_before, &*opened_after) {
                (Value::Map(old), Value::Map(new)) => {
                    let _ = writeln!(out, "{pad}{} {name}:", paint(UPDATE, '~'));
                    let keys: std::collections::BTreeSet<&String> =
                        old.keys().chain(new.keys()).collect();
                    for key in keys
                        .into_iter()
                        .filter(|key| old.get(*key) != new.get(*key))
                    {
                        write_difference(out, indent + 4, key, old.get(key), new.get(key));
                    }
                }
                (Value::List(old), Value::List(new)) => {
                    let _ = writeln!(out, "{pad}{} {name}:", paint(UPDATE, '~'));
                    write_list_difference(out, indent + 4, old, new);
                }
                (old, new) => {
                    // A long text against something that is not known yet says nothing.
                    let cut = matches!(new, Value::Unknown(_));
                    let show = |value: &Value| {
                        let text = leaf(value).unwrap_or_else(|| value.to_json().to_string());
                        match text.char_indices().nth(LONG) {
                            Some((end, _)) if cut => format!("{}…", &text[..end]),
                            _ => text,
                        }
                    };
                    let new = match (old, new) {
                        (Value::Secret(_), Value::Secret(_)) => "(secret, changed)".to_owned(),
                        _ => show(new),
                    };
                    let mark = paint(UPDATE, '~');
                    let (old, new) = (show(old), new);
                    if pad.len() + name.len() + old.chars().count() + new.chars().count() + 8 <= 80
                    {
                        let _ = writeln!(out, "{pad}{mark} {name}: {old} -> {new}");
                    } else {
                        let _ = writeln!(
                            out,
                            "{pad}{mark} {name}:\n{pad}      {old}\n{pad}   -> {new}"
                        );
                    }
                }
            }
        }
    }
}

/// Items that both lists hold are left out; where exactly as many go as come, they are shown against each other.
fn write_list_difference(out: &mut String, indent: usize, before: &[Value], after: &[Value]) {
    let mut gone: Vec<&Value> = Vec::new();
    let mut come: Vec<&Value> = after.iter().collect();
    for item in before {
        match come.iter().position(|other| *other == item) {
            Some(position) => {
                come.remove(position);
            }
            None => gone.push(item),
        }
    }
    if gone.is_empty() && come.is_empty() {
        let _ = writeln!(out, "{}(another order)", " ".repeat(indent));
    }
    if gone.len() == come.len()
        && gone
            .iter()
            .zip(&come)
            .all(|(a, b)| matches!((a, b), (Value::Map(_), Value::Map(_))))
    {
        for (old, new) in gone.iter().zip(&come) {
            let position = after
                .iter()
                .position(|item| std::ptr::eq(item, *new))
                .unwrap_or(0);
            write_difference(out, indent, &position.to_string(), Some(old), Some(new));
        }
        return;
    }
    let pad = " ".repeat(indent);
    for (mark, items) in [('-', gone), ('+', come)] {
        for item in items {
            let mut text = String::new();
            write_items(&mut text, 0, std::slice::from_ref(item));
            marked(out, &pad, mark, text.trim_start_matches("- "));
        }
    }
}

fn marked(out: &mut String, pad: &str, mark: char, text: &str) {
    let style = if mark == '+' { CREATE } else { DELETE };
    for (position, line) in text.lines().enumerate() {
        let mark = if position == 0 {
            paint(style, mark)
        } else {
            " ".to_owned()
        };
        let _ = writeln!(out, "{pad}{mark} {line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::style::plain;

    fn value(json: serde_json::Value) -> Value {
        Value::from(json)
    }

    fn difference(before: serde_json::Value, after: serde_json::Value) -> String {
        let mut out = String::new();
        write_difference(&mut out, 0, "P", Some(&value(before)), Some(&value(after)));
        plain(&out)
    }

    #[test]
    fn only_what_differs_is_shown() {
        let before = json!({"Same": 1, "Threshold": 1, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]});
        let after = json!({"Same": 1, "Threshold": 2, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}], "New": true});
        insta::assert_snapshot!(difference(before, after), @r#"
        ~ P:
            + New: true
            ~ Tags:
                ~ 1:
                    ~ Value: "2" -> "3"
            ~ Threshold: 1 -> 2
        "#);
    }

    #[test]
    fn a_json_document_in_a_text_is_opened() {
        let shown = difference(json!("{\"widgets\": [1]}"), json!("{\"widgets\": [1, 2]}"));
        insta::assert_snapshot!(shown, @r"
        ~ P:
            ~ widgets:
                + 2
        ");
    }

    #[test]
    fn a_secret_is_masked_in_text_and_json() {
        let secret = Value::secret("hunter2");
        let mut out = String::new();
        write_value(&mut out, 0, "Password", &secret);
        assert_eq!(out, "Password: (secret)\n");
        let json = to_json(&secret, &PropertyPath::root(), &|_| SecretChange::New);
        assert_eq!(json, json!({"$secret": "new"}));
    }
}
