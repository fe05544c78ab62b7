//! JSON documents and policies, compared by what they mean.
//!
//! In a policy one value and a list of one are the same, lists mean sets, and so do statements (IAM user guide, "Grammar of the
//! IAM JSON policy language"). In any document numbers and booleans equal the texts that write them, and JSON in a text is
//! a document itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::value::Value;

use super::{is_empty, scalar};

/// Documents within documents within documents: deeper ones are compared as text.
const DEPTH: usize = 64;

/// Whether it is a text that holds a JSON map or list.
pub(super) fn is_json(value: &Value) -> bool {
    matches!(value, Value::String(_)) && matches!(parsed(value), Cow::Owned(_))
}

/// Whether two documents mean the same.
pub fn same(declared: &Value, live: &Value) -> bool {
    meaning(declared, live, false, DEPTH)
}

/// Whether two texts hold the same JSON, however it is written.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    parsed(a) == parsed(b)
}

fn parsed(value: &Value) -> Cow<'_, Value> {
    let Value::String(text) = value else {
        return Cow::Borrowed(value);
    };
    if !text.trim_start().starts_with(['{', '[']) {
        return Cow::Borrowed(value);
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(json) if json.is_object() || json.is_array() => Cow::Owned(Value::from(json)),
        _ => Cow::Borrowed(value),
    }
}

/// "If you do not include a Version element, the value defaults to 2008-10-17" (IAM user guide, "IAM JSON policy elements: Version"): SQS and
/// SNS write it there.
const FIRST: &str = "2008-10-17";

/// A policy, or one statement by itself (AWS::Events::EventBusPolicy, `Statement`).
fn is_policy(map: &BTreeMap<String, Value>) -> bool {
    let names = |key: &str| map.contains_key(key);
    let effect = map.get("Effect").and_then(Value::as_str);
    names("Statement")
        || matches!(effect, Some("Allow" | "Deny")) && (names("Action") || names("NotAction"))
}

fn meaning(declared: &Value, live: &Value, policy: bool, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return declared == live;
    };
    if matches!(declared, Value::Unknown(_)) {
        return true;
    }
    let (declared, live) = (parsed(declared), parsed(live));
    match (declared.as_ref(), live.as_ref()) {
        (Value::Map(a), Value::Map(b)) => {
            let policy = policy || is_policy(a) && is_policy(b);
            a.keys()
                .chain(b.keys())
                .all(|key| match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) if policy && is_principal(key) => {
                        meaning(&principal(a), &principal(b), true, depth)
                    }
                    (Some(a), Some(b)) => meaning(a, b, policy, depth),
                    (Some(Value::Unknown(_)), None) => true,
                    (Some(version), None) | (None, Some(version))
                        if policy && key == "Version" && version.as_str() == Some(FIRST) =>
                    {
                        true
                    }
                    (Some(one), None) => is_empty(one),
                    // AWS completes documents; in a policy every word counts.
                    (None, Some(one)) => !policy || is_empty(one),
                    (None, None) => true,
                })
        }
        (Value::List(a), Value::List(b)) if policy => as_sets(a, b, depth),
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| meaning(a, b, policy, depth))
        }
        (Value::List(items), one) | (one, Value::List(items)) if policy => match items.as_slice() {
            [only] => meaning(only, one, policy, depth),
            [] => is_empty(one),
            several => several.iter().all(|item| meaning(item, one, policy, depth)),
        },
        (Value::String(a), Value::String(b)) => {
            a.trim() == b.trim() || policy && (same_api(a, b) || same_api(b, a))
        }
        (a, b) => scalar::same(a, b),
    }
}

/// API Gateway writes `execute-api:/stage/…` in a resource policy as the ARN of the API (its developer guide, "Create and attach an
/// API Gateway resource policy").
fn same_api(short: &str, arn: &str) -> bool {
    let Some(path) = short.strip_prefix("execute-api:/") else {
        return false;
    };
    let rest = arn
        .split_once(":execute-api:")
        .filter(|(start, _)| start.starts_with("arn:"));
    rest.and_then(|(_, rest)| rest.split_once('/'))
        .is_some_and(|(_, of)| of == path)
}

fn is_principal(key: &str) -> bool {
    matches!(key, "Principal" | "NotPrincipal")
}

/// `"*"` and `{"AWS": "*"}` are the same principal, and so are an account's number and the ARN of its root (IAM user guide, "AWS
/// JSON policy elements: Principal").
fn principal(value: &Value) -> Value {
    let root = |leaf: &Value| match leaf {
        Value::String(text) => match text
            .strip_prefix("arn:")
            .and_then(|rest| rest.split_once(":iam::"))
        {
            Some((_, rest)) => match rest.strip_suffix(":root") {
                Some(account) => Value::from(account),
                None => leaf.clone(),
            },
            None => leaf.clone(),
        },
        other => other.clone(),
    };
    match value {
        Value::String(text) if text == "*" => {
            Value::Map(BTreeMap::from([("AWS".to_owned(), Value::from("*"))]))
        }
        other => other.map_leaves(&mut { root }),
    }
}

/// Whether every item of one list is in the other, and the other way round.
fn as_sets(a: &[Value], b: &[Value], depth: usize) -> bool {
    let all = |of: &[Value], other: &[Value], swapped: bool| {
        of.iter().all(|one| {
            other.iter().any(|two| {
                if swapped {
                    meaning(two, one, true, depth)
                } else {
                    meaning(one, two, true, depth)
                }
            })
        })
    };
    all(a, b, false) && all(b, a, true)
}
