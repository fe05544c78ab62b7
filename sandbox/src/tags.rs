//! Tags, once for all services.

use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::generic::named;
use crate::kind::{Does, Kind, Operation, Tags};
use crate::registry;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// AWS's limit on user tags per resource (Tagging AWS resources, "Tag naming limits and requirements").
const MOST: usize = 50;

/// Reads tags in any of AWS's forms: `[{Key, Value}]`, `[{key, value}]`, `[{TagKey, TagValue}]`, `{key: value}`.
pub fn read(tags: &Json) -> BTreeMap<String, String> {
    let text = |value: Option<&Json>| value.and_then(Json::as_str).unwrap_or_default().to_owned();
    match tags {
        Json::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), text(Some(value))))
            .collect(),
        Json::Array(list) => list
            .iter()
            .filter_map(Json::as_object)
            .filter_map(|tag| {
                let (key, value) = [("Key", "Value"), ("key", "value"), ("TagKey", "TagValue")]
                    .into_iter()
                    .find(|(key, _)| tag.contains_key(*key))?;
                Some((text(tag.get(key)), text(tag.get(value))))
            })
            .collect(),
        _ => BTreeMap::new(),
    }
}

/// Tags in the form of the kind.
pub fn write(form: Tags, tags: &BTreeMap<String, String>) -> Json {
    match form {
        Tags::Map(_) | Tags::UnseenMap(_) => tags
            .iter()
            .map(|(key, value)| (key.clone(), json!(value)))
            .collect(),
        Tags::LowerList(_) => tags
            .iter()
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect(),
        Tags::UnseenTagKey(_) => tags
            .iter()
            .map(|(key, value)| json!({"TagKey": key, "TagValue": value}))
            .collect(),
        _ => tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect(),
    }
}

/// Takes the tags out of a create request.
pub(crate) fn take(
    kind: &'static Kind,
    members: &mut Map<String, Json>,
) -> Result<BTreeMap<String, String>, Refusal> {
    let mut tags = BTreeMap::new();
    if let Some(Json::Array(specifications)) = members.remove("TagSpecifications") {
        for specification in &specifications {
            let of = specification
                .get("ResourceType")
                .and_then(Json::as_str)
                .unwrap_or_default();
            if of != kind.tag_type() {
                let message =
                    format!("'{of}' is not a valid taggable resource type for this operation.");
                return Err(Refusal::new("InvalidParameterValue", message));
            }
            tags.extend(read(specification.get("Tags").unwrap_or(&Json::Null)));
        }
    }
    if kind.tags != Tags::None
        && let Some(sent) = members.remove(kind.tags.member())
    {
        tags.extend(read(&sent));
    }
    check(kind.service(), &tags, tags.len())?;
    Ok(tags)
}

/// Adds the tags to what is shown.
pub(crate) fn show(kind: &'static Kind, record: &Record, body: &mut Map<String, Json>) {
    match kind.tags {
        Tags::List(member) | Tags::LowerList(member) | Tags::Map(member) => {
            body.insert(member.into(), write(kind.tags, &record.tags));
        }
        Tags::None | Tags::Unseen(_) | Tags::UnseenMap(_) | Tags::UnseenTagKey(_) => {}
    }
}

/// What AWS says of tags that it does not take.
pub fn check(service: &str, tags: &BTreeMap<String, String>, total: usize) -> Result<(), Refusal> {
    let invalid = match service {
        "ec2" => "InvalidParameterValue",
        "sns" => "InvalidParameter",
        "sqs" => "InvalidParameterValue",
        "elbv2" | "iam" | "cloudwatch" => "ValidationError",
        "ecs" | "logs" | "secretsmanager" => "InvalidParameterException",
        "kms" => "TagException",
        "codedeploy" => "InvalidTagsToAddException",
        _ => "ValidationException",
    };
    for (key, value) in tags {
        if key.to_ascii_lowercase().starts_with("aws:") {
            let message =
                format!("Tag keys starting with 'aws:' are reserved for internal use: {key}");
            return Err(Refusal::new(invalid, message));
        }
        if key.is_empty() || key.chars().count() > 128 {
            return Err(Refusal::new(
                invalid,
                "Tag keys must be between 1 and 128 characters in length.",
            ));
        }
        if value.chars().count() > 256 {
            return Err(Refusal::new(
                invalid,
                "Tag values must be at most 256 characters in length.",
            ));
        }
    }
    if total > MOST {
        let code = match service {
            "ec2" => "TagLimitExceeded",
            "elbv2" => "TooManyTags",
            "iam" | "kms" => "LimitExceeded",
            _ => "TooManyTagsException",
        };
        return Err(Refusal::new(
            code,
            format!("More than {MOST} tags specified."),
        ));
    }
    Ok(())
}

/// The record that a tag operation names: by ARN, or by identifier or alias among the operation's kind, else among the
/// service's kinds.
pub fn target(call: &Call, kind: Option<&'static Kind>, name: &str) -> Option<Key> {
    if let Some(key) = call.world.by_arn(name) {
        return Some(key.clone());
    }
    let service = registry::service(call.service)?;
    let kinds = kind.map_or_else(|| service.kinds.to_vec(), |kind| vec![kind]);
    kinds.into_iter().find_map(|kind| {
        call.find(kind.name, name)
            .map(|record| call.key(kind.name, &record.id))
    })
}

/// The kind that an ARN of nothing is of, by the form of the service's ARNs; else the service's first.
pub(crate) fn meant(service: &str, arn: &str) -> Option<&'static Kind> {
    fn thing(arn: &str) -> &str {
        arn.splitn(6, ':').nth(5).unwrap_or_default()
    }
    let kinds = registry::service(service)?.kinds;
    let named = |kind: &&&Kind| {
        let head = thing(kind.arn).split('{').next().unwrap_or_default();
        !head.is_empty() && thing(arn).starts_with(head)
    };
    let longest = |kind: &&&Kind| thing(kind.arn).find('{');
    let found = kinds.iter().filter(named).max_by_key(longest);
    found.or_else(|| kinds.first()).copied()
}

/// Adds, removes or lists tags.
pub(crate) fn operate(
    call: &mut Call,
    kind: Option<&'static Kind>,
    operation: &'static Operation,
) -> Answer {
    let mut targets = Vec::new();
    for name in named(&call.input, operation.key) {
        let Some(key) = target(call, kind, &name) else {
            let kind = kind.or_else(|| meant(call.service, &name));
            return Err(kind.map_or_else(
                || {
                    Refusal::new(
                        "ResourceNotFoundException",
                        format!("{name} was not found."),
                    )
                },
                |kind| kind.not_found.with(&[("id", &name)]),
            ));
        };
        targets.push(key);
    }
    match operation.does {
        Does::Tag => {
            let tags = read(call.input.get(operation.tags).unwrap_or(&Json::Null));
            for key in &targets {
                add(call, key, &tags)?;
            }
            Ok(json!({}))
        }
        Does::Untag => {
            let keys = named(&call.input, operation.tags);
            for key in &targets {
                call.world.update(key, |record| {
                    record.tags.retain(|name, _| !keys.contains(name))
                });
            }
            Ok(json!({}))
        }
        _ => {
            let Some((key, record)) = targets
                .first()
                .and_then(|key| Some((key, call.world.get(key)?)))
            else {
                return Ok(json!({operation.tags: []}));
            };
            let form = registry::kind(key.kind).map_or(Tags::None, |kind| kind.tags);
            Ok(json!({operation.tags: write(form, &record.tags)}))
        }
    }
}

/// Adds tags to a record.
pub fn add(call: &mut Call, key: &Key, tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let service = key
        .kind
        .split_once('/')
        .map_or(key.kind, |(service, _)| service);
    let Some(record) = call.world.get(key) else {
        return Ok(());
    };
    let total = record
        .tags
        .keys()
        .chain(tags.keys())
        .collect::<std::collections::BTreeSet<_>>()
        .len();
    check(service, tags, total)?;
    call.world
        .update(key, |record| record.tags.extend(tags.clone()));
    Ok(())
}
