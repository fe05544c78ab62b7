//! The functions of the rules, and the references and templates in their arguments.

use std::net::IpAddr;
use std::sync::OnceLock;

use fancy_regex::Regex;
use serde_json::{Map, Value as Json, json};

use crate::codec::percent_encode;
use crate::pack;

type Scope = Map<String, Json>;

/// The value of a call (a condition or an argument); None where the function has no value.
pub(super) fn call(call: &Json, scope: &Scope) -> Option<Json> {
    let arguments = call["argv"].as_array().map_or(&[][..], Vec::as_slice);
    let at = |index: usize| argument(arguments.get(index)?, scope);
    let text = |index: usize| at(index).and_then(|value| value.as_str().map(String::from));
    let flag = |index: usize| at(index).and_then(|value| value.as_bool());
    match call["fn"].as_str()? {
        "isSet" => Some(Json::from(at(0).is_some())),
        "not" => Some(Json::from(
            !at(0).is_some_and(|value| value != json!(false)),
        )),
        "booleanEquals" => Some(Json::from(flag(0)? == flag(1)?)),
        "stringEquals" => Some(Json::from(text(0)? == text(1)?)),
        "getAttr" => attribute(&at(0)?, &text(1)?),
        "substring" => {
            substring(&text(0)?, at(1)?.as_u64()?, at(2)?.as_u64()?, flag(3)?).map(Json::from)
        }
        "uriEncode" => Some(Json::from(percent_encode(&text(0)?))),
        "parseURL" => parse_url(&text(0)?),
        "isValidHostLabel" => Some(Json::from(is_host_label(&text(0)?, flag(1)?))),
        "aws.partition" => partition(&text(0)?),
        "aws.parseArn" => parse_arn(&text(0)?),
        "aws.isVirtualHostableS3Bucket" => {
            Some(Json::from(is_virtual_hostable(&text(0)?, flag(1)?)))
        }
        "coalesce" => (0..arguments.len()).find_map(at),
        _ => None,
    }
}

/// An argument: a reference, a call, a template or a literal.
pub(super) fn argument(argument: &Json, scope: &Scope) -> Option<Json> {
    match argument {
        Json::Object(map) if map.contains_key("ref") => scope
            .get(map["ref"].as_str()?)
            .filter(|value| !value.is_null())
            .cloned(),
        Json::Object(map) if map.contains_key("fn") => {
            call(argument, scope).filter(|value| !value.is_null())
        }
        Json::String(template) => fill(template, scope).map(Json::from),
        other => Some(other.clone()),
    }
}

/// `{Region}`, `{PartitionResult#dnsSuffix}`, and `{{` for a brace.
fn fill(template: &str, scope: &Scope) -> Option<String> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        filled.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            filled.push_str(brace);
            rest = after;
        } else if brace == "{" {
            let (reference, after) = rest.split_once('}')?;
            let value = match reference.split_once('#') {
                Some((name, path)) => attribute(scope.get(name)?, path)?,
                None => scope.get(reference)?.clone(),
            };
            filled.push_str(value.as_str()?);
            rest = after;
        } else {
            filled.push_str(brace);
        }
    }
    filled.push_str(rest);
    Some(filled)
}

/// `a.b[1]`.
fn attribute(value: &Json, path: &str) -> Option<Json> {
    let mut value = value;
    for part in path.split('.') {
        let (name, index) = match part.split_once('[') {
            Some((name, index)) => (name, Some(index.strip_suffix(']')?.parse::<usize>().ok()?)),
            None => (part, None),
        };
        if !name.is_empty() {
            value = value.get(name)?;
        }
        if let Some(index) = index {
            value = value.get(index)?;
        }
    }
    Some(value.clone())
}

fn substring(text: &str, start: u64, stop: u64, reverse: bool) -> Option<String> {
    let (start, stop) = (usize::try_from(start).ok()?, usize::try_from(stop).ok()?);
    if start >= stop || text.len() < stop || !text.is_ascii() {
        return None;
    }
    let range = if reverse {
        text.len() - stop..text.len() - start
    } else {
        start..stop
    };
    text.get(range).map(String::from)
}

fn parse_url(text: &str) -> Option<Json> {
    let (scheme, rest) = text.split_once("://")?;
    if !matches!(scheme, "http" | "https") || rest.contains(['?', '#']) {
        return None;
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.is_empty() {
        return None;
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None => authority.split(':').next()?,
    };
    let trimmed = path.trim_matches('/');
    let normalized = if trimmed.is_empty() {
        String::from("/")
    } else {
        format!("/{trimmed}/")
    };
    Some(json!({
        "scheme": scheme,
        "authority": authority,
        "path": path,
        "normalizedPath": normalized,
        "isIp": host.parse::<IpAddr>().is_ok(),
    }))
}

fn is_host_label(text: &str, dots: bool) -> bool {
    if dots && text.contains('.') {
        return text.split('.').all(|label| is_host_label(label, false));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-')
}

fn is_virtual_hostable(bucket: &str, dots: bool) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(allowed)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (3..=63).contains(&bucket.len())
        && bucket.parse::<IpAddr>().is_err()
        && (dots || !bucket.contains('.'))
        && bucket.split('.').all(label)
}

fn parse_arn(text: &str) -> Option<Json> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts.as_slice() else {
        return None;
    };
    if *prefix != "arn" || partition.is_empty() || service.is_empty() || resource.is_empty() {
        return None;
    }
    let resource: Vec<&str> = resource.split([':', '/']).collect();
    Some(json!({
        "partition": partition,
        "service": service,
        "region": region,
        "accountId": account,
        "resourceId": resource,
    }))
}

/// The partition of a region: by the region's name, else by its pattern, else AWS's first one.
fn partition(region: &str) -> Option<Json> {
    static PARTITIONS: OnceLock<Vec<(Json, Option<Regex>)>> = OnceLock::new();
    let partitions = PARTITIONS.get_or_init(|| {
        let file: Json = serde_json::from_str(pack::PARTITIONS).unwrap_or_default();
        let list = file["partitions"].as_array().cloned().unwrap_or_default();
        let with_pattern = |partition: Json| {
            let pattern = partition["regionRegex"]
                .as_str()
                .and_then(|pattern| Regex::new(pattern).ok());
            (partition, pattern)
        };
        list.into_iter().map(with_pattern).collect()
    });
    let named = partitions
        .iter()
        .find(|(partition, _)| partition["regions"].get(region).is_some());
    let matching = || {
        partitions.iter().find(|(_, pattern)| {
            pattern
                .as_ref()
                .is_some_and(|pattern| pattern.is_match(region).unwrap_or(false))
        })
    };
    let (found, _) = named.or_else(matching).or_else(|| {
        partitions
            .iter()
            .find(|(partition, _)| partition["id"] == json!("aws"))
    })?;
    let mut outputs = found["outputs"].clone();
    if let Some(overrides) = found["regions"].get(region).and_then(Json::as_object) {
        for (name, value) in overrides.iter().filter(|(name, _)| *name != "description") {
            outputs[name] = value.clone();
        }
    }
    Some(outputs)
}
