//! The Resource Groups Tagging API: the tags of all services in one place.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Paging, Service, run};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::tags;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

/// Resource Groups Tagging API.
pub const SERVICE: Service = Service {
    name: "resourcegroupstaggingapi",
    operations: &[
        run("GetResources", get_resources),
        run("TagResources", |call| change(call, true)),
        run("UntagResources", |call| change(call, false)),
        run("GetTagKeys", get_keys),
        run("GetTagValues", get_values),
    ],
    laws: &[&BY_ARN_ALONE],
    invalid: Fault::new("InvalidParameterException", "{message}"),
    missing: Fault::new("InvalidParameterException", "{message}"),
    ..Service::NEW
};

/// ARNs or filters.
pub const BY_ARN_ALONE: Law = Law {
    name: "resources are named by ARN or chosen by filters, not both",
    operations: &["GetResources"],
    source: "Resource Groups Tagging API Reference, GetResources: ResourceARNList, if you specify this parameter you can't also specify other filters",
    fault: Fault::new(
        "InvalidParameterException",
        "The request cannot have ResourceARNList together with TagFilters, ResourceTypeFilters, ResourcesPerPage, TagsPerPage or PaginationToken.",
    ),
    check: Some(|call, law| {
        let others = [
            "TagFilters",
            "ResourceTypeFilters",
            "ResourcesPerPage",
            "TagsPerPage",
        ];
        let both = call.input.contains_key("ResourceARNList")
            && (others.iter().any(|name| call.input.contains_key(*name))
                || call
                    .text("PaginationToken")
                    .is_some_and(|token| !token.is_empty()));
        if both {
            Err(law.fault.with(&[]))
        } else {
            Ok(())
        }
    }),
};

/// Kinds that have tags of their own but are not seen here ("Services that support the Resource Groups Tagging API": of IAM's, roles, users and
/// groups are not).
const UNSEEN: [&str; 3] = ["iam/role", "iam/user", "iam/group"];

/// The ARN as this API writes it: log groups without their `:*`.
fn plain(arn: &str) -> &str {
    arn.strip_suffix(":*").unwrap_or(arn)
}

/// `ec2:vpc` of an ARN; `sns` where the ARN has no type.
fn type_of(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let (service, rest) = (
        parts.get(2).copied().unwrap_or_default(),
        parts.get(5).copied().unwrap_or_default(),
    );
    match rest.find(['/', ':']) {
        Some(0) => {
            // Some ARNs begin with a slash (API Gateway): the next word is the type.
            let word = rest[1..].split('/').next().unwrap_or_default();
            format!("{service}:{word}")
        }
        Some(at) => format!("{service}:{}", &rest[..at]),
        None => service.to_owned(),
    }
}

/// Is the record one of this account that this region's endpoint knows? What is global is known in us-east-1.
fn seen(call: &Call, key: &Key, record: &Record) -> bool {
    let home = if key.region.is_empty() {
        call.region == "us-east-1"
    } else {
        key.region == call.region
    };
    home && key.account == call.account
        && !record.dead
        && !record.arn.is_empty()
        && !UNSEEN.contains(&key.kind)
}

fn tagged<'a>(call: &'a Call<'_>) -> impl Iterator<Item = &'a Record> {
    let all = call.world.all();
    all.filter(|(key, record)| !record.tags.is_empty() && seen(call, key, record))
        .map(|(_, record)| record)
}

fn list(tags: &BTreeMap<String, String>) -> Json {
    let tags = tags.iter();
    tags.map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

fn get_resources(call: &mut Call) -> Answer {
    let call = &*call;
    let arns = call.texts("ResourceARNList[]");
    let types = call.texts("ResourceTypeFilters[]");
    let filters = call.input.get("TagFilters").and_then(Json::as_array);
    let mut wanted: Vec<(&str, Vec<String>)> = Vec::new();
    for one in filters.into_iter().flatten() {
        let Some(key) = one["Key"].as_str() else {
            return Err(Refusal::new(
                "InvalidParameterException",
                "The TagFilters parameter has a filter without a Key.",
            ));
        };
        let values = one["Values"].as_array().into_iter().flatten();
        wanted.push((key, values.map(path::plain).collect()));
    }
    let mut shown = Vec::new();
    for record in tagged(call) {
        let arn = plain(&record.arn);
        let named = arns.is_empty() || arns.iter().any(|one| plain(one) == arn);
        let kind = type_of(arn);
        let of_type = types.is_empty()
            || types
                .iter()
                .any(|one| *one == kind || kind.split(':').next() == Some(one.as_str()));
        let matches = wanted.iter().all(|(key, values)| {
            let value = record.tags.get(*key);
            value.is_some_and(|value| values.is_empty() || values.contains(value))
        });
        if named && of_type && matches {
            let entry = json!({"ResourceARN": arn, "Tags": list(&record.tags)});
            shown.push((arn.to_owned(), entry));
        }
    }
    let next = pages(call, "ResourcesPerPage", 50, &mut shown)?;
    let shown: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({"ResourceTagMappingList": shown, "PaginationToken": next}))
}

/// A page. The token of the last one is the empty text.
fn pages(
    call: &Call,
    size: &'static str,
    default: usize,
    shown: &mut Vec<(String, Json)>,
) -> Result<String, Refusal> {
    let paging = Paging {
        size,
        token: "PaginationToken",
        next: "PaginationToken",
        more: "",
        default,
        bounds: (1, 100),
    };
    let service = registry::service(SERVICE.name).unwrap_or(&SERVICE);
    let next = filter::page(call, service, &paging, false, "", shown)?;
    Ok(next.unwrap_or_default())
}

/// Tags or untags each; what fails is told in a map.
fn change(call: &mut Call, add: bool) -> Answer {
    let sent = tags::read(call.input.get("Tags").unwrap_or(&Json::Null));
    let keys: BTreeSet<String> = call.texts("TagKeys[]").into_iter().collect();
    let mut failed = Map::new();
    for arn in call.texts("ResourceARNList[]") {
        let long = format!("{arn}:*");
        let key = call.world.by_arn(&arn).or_else(|| call.world.by_arn(&long));
        let key = key.cloned().filter(|key| {
            let record = call.world.get(key);
            record.is_some_and(|record| seen(call, key, record))
        });
        let done = match key {
            None => Err(Refusal::new(
                "InvalidParameterException",
                format!("{arn} is not a resource that can be tagged here."),
            )),
            Some(key) if add => tags::add(call, &key, &sent),
            Some(key) => {
                call.world.update(&key, |record| {
                    record.tags.retain(|name, _| !keys.contains(name));
                });
                Ok(())
            }
        };
        if let Err(refusal) = done {
            let told = json!({"StatusCode": 400, "ErrorCode": "InvalidParameterException", "ErrorMessage": refusal.message});
            failed.insert(arn, told);
        }
    }
    Ok(json!({"FailedResourcesMap": failed}))
}

fn get_keys(call: &mut Call) -> Answer {
    let call = &*call;
    let names: BTreeSet<&String> = tagged(call).flat_map(|one| one.tags.keys()).collect();
    let mut shown = names
        .into_iter()
        .map(|one| (one.clone(), json!(one)))
        .collect();
    let next = pages(call, "", 100, &mut shown)?;
    let shown: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({"TagKeys": shown, "PaginationToken": next}))
}

fn get_values(call: &mut Call) -> Answer {
    let call = &*call;
    let key = call.text("Key").unwrap_or_default();
    let values: BTreeSet<&String> = tagged(call).filter_map(|one| one.tags.get(key)).collect();
    let mut shown = values
        .into_iter()
        .map(|one| (one.clone(), json!(one)))
        .collect();
    let next = pages(call, "", 100, &mut shown)?;
    let shown: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({"TagValues": shown, "PaginationToken": next}))
}

#[cfg(test)]
mod tests {
    use super::type_of;

    #[test]
    fn types_stand_in_arns() {
        for (arn, expected) in [
            ("arn:aws:ec2:r:1:vpc/vpc-1", "ec2:vpc"),
            ("arn:aws:rds:r:1:cluster:c", "rds:cluster"),
            ("arn:aws:sns:r:1:topic", "sns"),
            ("arn:aws:apigateway:r::/restapis/x", "apigateway:restapis"),
        ] {
            assert_eq!(type_of(arn), expected);
        }
    }
}
