//! When two texts, numbers or booleans are the same.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::facts::check::same_scalar;
use crate::facts::{Kind, Schema};
use crate::path::{PropertyPath, Step};
use crate::value::Value;

use super::is_empty;

/// Whether two values are the same where nothing is known of them but that text counts as what it writes.
pub fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((key, value), (other, with))| key == other && same(value, with))
        }
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Secret(_), _) | (_, Value::Secret(_)) => {
            a.expose_str().is_some() && a.expose_str() == b.expose_str()
        }
        _ => a == b || same_scalar(a, b, false),
    }
}

/// Whether AWS shows `live` where `declared` was asked for, by the kind of value alone.
pub(super) fn same_as_live(
    type_name: &str,
    schema: Option<&Schema>,
    path: &PropertyPath,
    declared: &Value,
    live: &Value,
) -> bool {
    if same_scalar(declared, live, schema.is_some_and(|schema| schema.any_case))
        || is_empty(declared) && is_empty(live)
    {
        return true;
    }
    let (Some(declared), Some(live)) = (declared.to_text(), live.to_text()) else {
        return false;
    };
    let numeric = |kind: &Kind| matches!(kind, Kind::Integer | Kind::Number);
    if schema.is_some_and(|schema| schema.kinds.iter().any(numeric)) {
        return matches!((declared.trim().parse::<f64>(), live.trim().parse::<f64>()), (Ok(a), Ok(b)) if a == b);
    }
    if schema.is_some_and(|schema| schema.kinds == [Kind::Boolean]) {
        return declared.eq_ignore_ascii_case(&live);
    }
    same_arn(&declared, &live)
        || same_key(&declared, &live)
        || same_network(&declared, &live)
        || same_time(&declared, &live)
        || declared.trim() == live.trim()
        || same_domain(type_name, path, &declared, &live)
        || is_header(path) && declared.eq_ignore_ascii_case(&live)
        || same_public_key(&declared, &live)
        || last_key(path) == Some("AccessString") && same_access(&declared, &live)
        || same_but_for_encoding(&declared, &live)
        || same_task_size(path, &declared, &live)
}

/// A task's size with and without its unit: `2 GB` are 2048 MiB, `.5 vCPU` 512 units. ECS keeps the number (Amazon ECS API
/// Reference, RegisterTaskDefinition, `cpu` and `memory`).
fn same_task_size(path: &PropertyPath, declared: &str, live: &str) -> bool {
    let unit = match last_key(path) {
        Some("Memory") => "gb",
        Some("Cpu") => "vcpu",
        _ => return false,
    };
    let size = |text: &str| {
        let text = text.trim().to_ascii_lowercase();
        match text.strip_suffix(unit) {
            Some(number) => Some(number.trim().parse::<f64>().ok()? * 1024.0),
            None => text.parse().ok(),
        }
    };
    matches!((size(declared), size(live)), (Some(declared), Some(live)) if declared == live)
}

fn last_key(path: &PropertyPath) -> Option<&str> {
    path.steps().iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    })
}

/// DNS names may end in a dot; where a property is one, letter case means nothing (RFC 4343).
fn same_domain(type_name: &str, path: &PropertyPath, declared: &str, live: &str) -> bool {
    let (a, b) = (declared.trim_end_matches('.'), live.trim_end_matches('.'));
    let dns = type_name.starts_with("AWS::Route53")
        || last_key(path).is_some_and(|key| key.contains("DNSName") || key.contains("DomainName"));
    is_domain(declared) && is_domain(live) && (a == b || dns && a.eq_ignore_ascii_case(b))
}

/// Names of HTTP headers, in which letter case means nothing (RFC 9110), and of query arguments where WAF says the same of them
/// (WAF API reference, SingleHeader and SingleQueryArgument: "not case sensitive").
fn is_header(path: &PropertyPath) -> bool {
    const HEADERS: &[&str] = &[
        "AllowHeaders",
        "AllowedHeaders",
        "ExposeHeaders",
        "ExposedHeaders",
        "SingleHeader",
        "SingleQueryArgument",
    ];
    let last = path.steps().iter().rev().take(2);
    last.into_iter()
        .any(|step| matches!(step, Step::Key(key) if HEADERS.contains(&key.as_str())))
}

/// An SSH public key is its kind and its body; the comment after them is the key's name to EC2.
fn same_public_key(a: &str, b: &str) -> bool {
    let key = |text: &str| -> Option<(String, String)> {
        let mut words = text.split_whitespace();
        let kind = words
            .next()
            .filter(|kind| kind.starts_with("ssh-") || kind.starts_with("ecdsa-"))?;
        Some((kind.to_owned(), words.next()?.to_owned()))
    };
    key(a).is_some_and(|a| key(b) == Some(a))
}

/// Users of Redis and Valkey start without any command: AWS writes `-@all` before those that are given (ElastiCache user guide,
/// "Specifying permissions using an access string").
fn same_access(declared: &str, live: &str) -> bool {
    let declared: Vec<&str> = declared.split_whitespace().collect();
    let mut live: Vec<&str> = live.split_whitespace().collect();
    let first = live.iter().position(|word| word.starts_with(['+', '-']));
    if let Some(first) =
        first.filter(|first| live[*first] == "-@all" && !declared.contains(&"-@all"))
    {
        live.remove(first);
    }
    declared == live
}

/// CloudFormation keeps `?` for a letter beyond ASCII in the template that it shows; what reached AWS is the letter.
fn same_but_for_encoding(declared: &str, live: &str) -> bool {
    declared.contains('?')
        && declared.chars().count() == live.chars().count()
        && declared
            .chars()
            .zip(live.chars())
            .all(|(a, b)| a == b || a == '?' && !b.is_ascii())
}

/// Whether all items are constants of an API (`GET`, `ALLOW_USER_SRP_AUTH`), none of them twice: flags, whose order means nothing.
pub(super) fn are_constants(items: &[Value]) -> bool {
    let constant = |text: &str| {
        text.len() > 2
            && text.starts_with(|first: char| first.is_ascii_uppercase())
            && text
                .chars()
                .all(|character| matches!(character, 'A'..='Z' | '0'..='9' | '_'))
    };
    let texts: BTreeSet<&str> = items
        .iter()
        .filter_map(Value::as_str)
        .filter(|text| constant(text))
        .collect();
    texts.len() == items.len()
}

/// An ARN's last part: what the service names the resource by, with its kind (`function:name`, `key/id`, `bucket`).
fn arn_resource(text: &str) -> Option<&str> {
    let mut parts = text.splitn(6, ':');
    (parts.next()? == "arn").then_some(())?;
    parts.nth(4)
}

/// Whether one is the ARN of what the other names. What both name as an ARN must be equal.
fn same_arn(a: &str, b: &str) -> bool {
    let (arn, name) = match (arn_resource(a), arn_resource(b)) {
        (Some(resource), None) => (resource, b),
        (None, Some(resource)) => (resource, a),
        _ => return false,
    };
    // "name", "kind/name" and "kind:name", but no part of a name: the rest must begin after a separator.
    let begins = arn.len().checked_sub(name.len());
    !name.is_empty()
        && arn.ends_with(name)
        && begins
            .is_some_and(|begins| begins == 0 || matches!(arn.as_bytes()[begins - 1], b'/' | b':'))
}

/// Whether one is an alias of a KMS key and the other a key: which key an alias stands for, only KMS can tell.
fn same_key(declared: &str, live: &str) -> bool {
    let alias = declared.starts_with("alias/")
        || declared.contains(":kms:") && declared.contains(":alias/");
    let id = live.rsplit_once("/").map_or(live, |(_, id)| id);
    let kms = !live.contains('/')
        || live.starts_with("arn:") && live.contains(":kms:") && live.contains(":key/");
    alias && kms && is_key_id(id)
}

/// A KMS key's identifier: the form of a UUID, or `mrk-` and 32 hexadecimal digits (KMS developer guide, "Key identifiers").
fn is_key_id(id: &str) -> bool {
    let hex = |text: &str| {
        text.chars()
            .all(|character| character.is_ascii_alphanumeric())
    };
    match id.strip_prefix("mrk-") {
        Some(digits) => digits.len() == 32 && hex(digits),
        None => {
            let groups: Vec<&str> = id.split('-').collect();
            groups.len() == 5
                && groups
                    .iter()
                    .zip([8, 4, 4, 4, 12])
                    .all(|(group, length)| group.len() == length && hex(group))
        }
    }
}

/// Whether two address ranges are the same network. EC2 sets the host bits to zero and writes IPv6 in its short form (EC2 API,
/// CreateVpc, CidrBlock: "We modify the specified CIDR block to its canonical form").
fn same_network(a: &str, b: &str) -> bool {
    matches!((network(a), network(b)), (Some(a), Some(b)) if a == b)
}

fn network(text: &str) -> Option<(u128, u32)> {
    let (address, length) = text.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        let host = 32u32.checked_sub(length)?;
        return Some((
            u128::from(u64::from(u32::from(address)) >> host << host),
            length,
        ));
    }
    let address = u128::from(address.parse::<Ipv6Addr>().ok()?);
    let host = 128u32.checked_sub(length)?;
    // A shift by all 128 bits is no shift in Rust. IPv6 lengths are kept apart from IPv4's.
    Some((
        address
            .checked_shr(host)
            .unwrap_or(0)
            .checked_shl(host)
            .unwrap_or(0),
        1_000 + length,
    ))
}

/// Whether two texts are the same moment, to the second, in UTC: `2030-01-01T00:00:00Z`, `…:00.000Z`, `…+00:00`.
fn same_time(a: &str, b: &str) -> bool {
    matches!((moment(a), moment(b)), (Some(a), Some(b)) if a == b)
}

fn moment(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let shape = bytes.len() >= 19
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && bytes[10] == b'T'
        && bytes[13] == b':';
    let (seconds, rest) = text.split_at_checked(19).filter(|_| shape)?;
    let fraction = rest
        .trim_end_matches('Z')
        .trim_end_matches("+00:00")
        .trim_start_matches('.');
    fraction
        .chars()
        .all(|digit| digit == '0')
        .then_some(seconds)
}

/// A DNS name, which may be written with its final dot.
fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "-_.*".contains(character))
}

/// Whether all items are identifiers that AWS made up (`subnet-…`, `sg-…`, ARNs): a list of those is a set of things, unless
/// the schema says otherwise.
pub(super) fn are_names(items: &[Value]) -> bool {
    !items.is_empty()
        && items.iter().all(|item| {
            item.as_str()
                .is_some_and(|text| arn_resource(text).is_some() || is_ec2_id(text))
        })
}

/// `prefix-` and 8 to 17 hexadecimal digits (EC2 user guide, "Resource IDs").
fn is_ec2_id(text: &str) -> bool {
    text.rsplit_once('-').is_some_and(|(prefix, digits)| {
        !prefix.is_empty()
            && (8..=17).contains(&digits.len())
            && digits
                .chars()
                .all(|character| matches!(character, '0'..='9' | 'a'..='f'))
    })
}
