//! CreateTags, DeleteTags, DescribeTags.

use super::{PAGES, SERVICE};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::filter;
use crate::registry;
use crate::tags;
use crate::world::Key;
use serde_json::{Value as Json, json};

/// The records that `Resources` names; by its prefix, the kind's not-found for one that is not there.
fn targets(call: &Call) -> Result<Vec<Key>, Refusal> {
    call.texts("Resources[]")
        .iter()
        .map(|id| {
            tags::target(call, None, id).ok_or_else(|| {
                let prefix = id.rsplit_once('-').map_or("", |(prefix, _)| prefix);
                let kind = SERVICE.kinds.iter().find(|kind| matches!(kind.id, crate::kind::Id::Hex(known) if known.strip_suffix('-') == Some(prefix)));
                match kind {
                    Some(kind) => kind.not_found.with(&[("id", id)]),
                    None => Refusal::new("InvalidID", format!("The ID '{id}' is not valid")),
                }
            })
        })
        .collect()
}

pub(super) fn create_tags(call: &mut Call) -> Answer {
    let sent = tags::read(call.input.get("Tags").unwrap_or(&Json::Null));
    for key in targets(call)? {
        tags::add(call, &key, &sent)?;
    }
    Ok(json!({"Return": true}))
}

/// Without tags all of them go; with a value only a tag of this value.
pub(super) fn delete_tags(call: &mut Call) -> Answer {
    let sent = call.input.get("Tags").and_then(Json::as_array).cloned();
    for key in targets(call)? {
        call.world.update(&key, |record| {
            record.tags.retain(|name, value| {
                let Some(sent) = &sent else {
                    return name.starts_with("aws:");
                };
                !sent.iter().any(|tag| {
                    tag["Key"].as_str() == Some(name)
                        && tag
                            .get("Value")
                            .and_then(Json::as_str)
                            .is_none_or(|asked| asked == value)
                })
            });
        });
    }
    Ok(json!({"Return": true}))
}

pub(super) fn describe_tags(call: &mut Call) -> Answer {
    let call = &*call;
    let mut shown = Vec::new();
    for kind in SERVICE.kinds {
        for record in call.list(kind.name) {
            for (key, value) in &record.tags {
                let tag = json!({"Key": key, "Value": value, "ResourceId": record.id, "ResourceType": kind.tag_type(),
                                 "Tags": [{"Key": key, "Value": value}]});
                shown.push((format!("{} {key}", record.id), tag));
            }
        }
    }
    let filters = [
        ("key", "Key"),
        ("value", "Value"),
        ("resource-id", "ResourceId"),
        ("resource-type", "ResourceType"),
    ];
    filter::apply(call, &filters, &mut shown)?;
    shown.sort_by(|a, b| a.0.cmp(&b.0));
    let service = registry::service("ec2").unwrap_or(&SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let mut answer = json!({"Tags": shown.into_iter().map(|(_, tag)| tag).collect::<Vec<_>>()});
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}
