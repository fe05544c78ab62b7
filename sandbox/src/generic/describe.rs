//! Lists of records: those that are named or selected, filtered and in pages.

use super::{named, show};
use crate::call::Call;
use crate::error::Answer;
use crate::filter;
use crate::kind::{Kind, Missing, Operation, Service, Shows};
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

pub(super) fn describe(
    call: &mut Call,
    service: &'static Service,
    kind: &'static Kind,
    operation: &'static Operation,
) -> Answer {
    let call = &*call;
    let named = named(&call.input, operation.key);
    let mut answer = Map::new();
    let mut found: Vec<&Record> = Vec::new();
    let mut failures = Vec::new();
    if named.is_empty() {
        found.extend(call.world.records(kind.name, &call.account, &call.region));
    }
    for name in &named {
        match (call.find_any(kind.name, name), operation.missing) {
            (Some(record), _) => {
                if !found.iter().any(|other| other.id == record.id) {
                    found.push(record);
                }
            }
            (None, Missing::LeftOut) => {}
            (None, Missing::Failures(_)) => {
                failures.push(json!({"arn": name, "reason": "MISSING"}))
            }
            (None, Missing::Refused) => return Err(kind.not_found.with(&[("id", name)])),
        }
    }
    for (member, what) in operation.select {
        let wanted = self::named(&call.input, member);
        if wanted.is_empty() {
            continue;
        }
        if matches!(operation.missing, Missing::Refused) && operation.key.is_empty() {
            let unknown = wanted.iter().find(|name| {
                !found
                    .iter()
                    .any(|record| path::texts(&record.body, what).contains(name))
            });
            if let Some(name) = unknown {
                return Err(kind.not_found.with(&[("id", name)]));
            }
        }
        found.retain(|record| {
            path::texts(&record.body, what)
                .iter()
                .any(|value| wanted.contains(value))
        });
    }
    if let Some(keep) = operation.keep {
        found.retain(|record| keep(call, record));
    }
    let mut shown: Vec<(String, Json)> = found
        .into_iter()
        .map(|record| (record.id.clone(), show(call, kind, record)))
        .collect();
    if let Some(filters) = operation.filters {
        filter::apply(call, filters, &mut shown)?;
    }
    if let Some(paging) = &operation.paging {
        let next = filter::page(
            call,
            service,
            paging,
            !named.is_empty(),
            operation.key,
            &mut shown,
        )?;
        if !paging.more.is_empty() {
            answer.insert(paging.more.into(), Json::Bool(next.is_some()));
        }
        if let Some(next) = next {
            answer.insert(paging.next.into(), Json::String(next));
        }
    }
    match operation.shows {
        Shows::List(member) => {
            answer.insert(
                member.into(),
                shown.into_iter().map(|(_, json)| json).collect(),
            );
        }
        Shows::Listed(member, what) => {
            let values = shown
                .iter()
                .filter_map(|(_, json)| json.as_object())
                .flat_map(|body| path::pick(body, what));
            answer.insert(member.into(), values.cloned().collect());
        }
        _ => {}
    }
    if let Missing::Failures(member) = operation.missing {
        answer.insert(member.into(), Json::Array(failures));
    }
    Ok(Json::Object(answer))
}
