//! EC2's filters, and pages.

use crate::call::Call;
use crate::error::Refusal;
use crate::kind::{Paging, Service};
use crate::path;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

/// Keeps what every filter lets through (a filter lets through what matches one of its values).
pub(crate) fn apply(
    call: &Call,
    declared: &[(&str, &str)],
    shown: &mut Vec<(String, Json)>,
) -> Result<(), Refusal> {
    // DescribeNatGateways and DescribeFlowLogs call theirs `Filter`.
    let filters = call.input.get("Filters").or(call.input.get("Filter"));
    let Some(filters) = filters.and_then(Json::as_array) else {
        return Ok(());
    };
    for filter in filters {
        let name = filter
            .get("Name")
            .and_then(Json::as_str)
            .unwrap_or_default();
        let patterns: Vec<String> = filter
            .get("Values")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .map(path::plain)
            .collect();
        let tag = name.strip_prefix("tag:");
        let member = declared
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, member)| *member);
        if tag.is_none() && name != "tag-key" && member.is_none() {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("The filter '{name}' is invalid"),
            ));
        }
        shown.retain(|(_, json)| {
            let Some(body) = json.as_object() else {
                return false;
            };
            // Network interfaces call them TagSet.
            let tags = json
                .get("Tags")
                .or(json.get("TagSet"))
                .unwrap_or(&Json::Null);
            let values = match (tag, member) {
                (Some(key), _) => crate::tags::read(tags).remove(key).into_iter().collect(),
                (None, Some(member)) => path::texts(body, member),
                (None, None) => crate::tags::read(tags).into_keys().collect(),
            };
            values
                .iter()
                .any(|value| patterns.iter().any(|pattern| matches(pattern, value)))
        });
    }
    Ok(())
}

/// `*` stands for any characters, `?` for one.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, from)) = star {
            star = Some((at, from + 1));
            p = at + 1;
            t = from + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|char| *char == '*')
}

/// Cuts the list to a page; gives the token of the next one.
pub(crate) fn page(
    call: &Call,
    service: &'static Service,
    paging: &Paging,
    named: bool,
    key: &str,
    shown: &mut Vec<(String, Json)>,
) -> Result<Option<String>, Refusal> {
    let asked = call
        .input
        .get(paging.size)
        .and_then(Json::as_u64)
        .map(|size| size as usize);
    if let Some(size) = asked
        && !(paging.bounds.0..=paging.bounds.1).contains(&size)
    {
        let message = format!(
            "Value ({size}) for parameter {} is invalid. Expecting a value between {} and {}.",
            paging.size, paging.bounds.0, paging.bounds.1
        );
        return Err(service.invalid.with(&[("message", &message)]));
    }
    if asked.is_some() && named && service.name == "ec2" {
        let message = format!(
            "The parameter {key} cannot be used with the parameter {}",
            paging.size
        );
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if let Some(token) = call.text(paging.token).filter(|token| !token.is_empty()) {
        let after = STANDARD
            .decode(token)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        let Some(after) = after else {
            let message = format!(
                "Invalid value for {}: the token is not one that was given out.",
                paging.token
            );
            return Err(service.invalid.with(&[("message", &message)]));
        };
        shown.retain(|(id, _)| *id > after);
    }
    if !named {
        shown.sort_by(|a, b| a.0.cmp(&b.0));
    }
    // EC2 gives everything at once when no size is asked for.
    let size = asked.unwrap_or(if service.name == "ec2" {
        usize::MAX
    } else {
        paging.default
    });
    if shown.len() <= size {
        return Ok(None);
    }
    shown.truncate(size);
    Ok(shown.last().map(|(id, _)| STANDARD.encode(id)))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("a*", "abc", true),
            ("a?c", "abc", true),
            ("*b*", "abc", true),
            ("a", "ab", false),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "axbxbc", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
