//! Lifecycle rules: flat in templates, in groups in S3's API.

use super::filters::{self, renamed};
use serde_json::{Map, Value as Json, json};

const TRANSITION: &[(&str, &str)] = &[
    ("TransitionInDays", "Days"),
    ("TransitionDate", "Date"),
    ("StorageClass", "StorageClass"),
];
const NONCURRENT: &[(&str, &str)] = &[
    ("TransitionInDays", "NoncurrentDays"),
    ("NewerNoncurrentVersions", "NewerNoncurrentVersions"),
    ("StorageClass", "StorageClass"),
];
const EXPIRATION: &[(&str, &str)] = &[
    ("ExpirationInDays", "Days"),
    ("ExpirationDate", "Date"),
    ("ExpiredObjectDeleteMarker", "ExpiredObjectDeleteMarker"),
];
const SAME: &[(&str, &str)] = &[
    ("Id", "ID"),
    ("Status", "Status"),
    ("NoncurrentVersionExpiration", "NoncurrentVersionExpiration"),
    (
        "AbortIncompleteMultipartUpload",
        "AbortIncompleteMultipartUpload",
    ),
];
const MINIMUM: &str = "TransitionDefaultMinimumObjectSize";

/// The list at one name, or the only one at its older name.
fn either(rule: &Json, list: &str, one: &str) -> Vec<Json> {
    match rule.get(list).and_then(Json::as_array) {
        Some(items) => items.clone(),
        None => rule.get(one).cloned().into_iter().collect(),
    }
}

fn sent_rule(rule: &Json) -> Json {
    let mut sent = renamed(rule, SAME);
    // A rule has a filter (API_LifecycleRule); that of all objects has an empty prefix.
    let filter = filters::of(rule).unwrap_or_else(|| json!({"Prefix": ""}));
    sent.insert("Filter".to_owned(), filter);
    let expiration = renamed(rule, EXPIRATION);
    if !expiration.is_empty() {
        sent.insert("Expiration".to_owned(), Json::Object(expiration));
    }
    // The older form of a noncurrent version's expiration.
    if let Some(days) = rule.get("NoncurrentVersionExpirationInDays") {
        sent.entry("NoncurrentVersionExpiration")
            .or_insert_with(|| json!({"NoncurrentDays": days}));
    }
    let lists = [
        ("Transitions", "Transition", TRANSITION),
        (
            "NoncurrentVersionTransitions",
            "NoncurrentVersionTransition",
            NONCURRENT,
        ),
    ];
    for (list, one, names) in lists {
        let items = either(rule, list, one);
        if !items.is_empty() {
            let items: Vec<Json> = items
                .iter()
                .map(|item| Json::Object(renamed(item, names)))
                .collect();
            sent.insert(list.to_owned(), Json::Array(items));
        }
    }
    Json::Object(sent)
}

/// The input of PutBucketLifecycleConfiguration.
pub(super) fn sent(declared: &Json) -> Map<String, Json> {
    let rules = declared.get("Rules").and_then(Json::as_array);
    let rules: Vec<Json> = rules.into_iter().flatten().map(sent_rule).collect();
    let mut input = Map::new();
    input.insert("LifecycleConfiguration".to_owned(), json!({"Rules": rules}));
    if let Some(minimum) = declared.get(MINIMUM) {
        input.insert(MINIMUM.to_owned(), minimum.clone());
    }
    input
}

fn back(names: &'static [(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    names.iter().map(|(from, to)| (*to, *from)).collect()
}

fn told_rule(rule: &Json) -> Json {
    let mut told = renamed(rule, &back(SAME));
    match rule.get("Filter") {
        Some(filter) => told.extend(filters::told(filter)),
        // Rules of before there were filters.
        None => told.extend(renamed(rule, &[("Prefix", "Prefix")])),
    }
    if let Some(expiration) = rule.get("Expiration") {
        told.extend(renamed(expiration, &back(EXPIRATION)));
    }
    for (list, names) in [
        ("Transitions", TRANSITION),
        ("NoncurrentVersionTransitions", NONCURRENT),
    ] {
        if let Some(items) = rule.get(list).and_then(Json::as_array) {
            let items = items
                .iter()
                .map(|item| Json::Object(renamed(&dated(item, "Date"), &back(names))));
            told.insert(list.to_owned(), items.collect());
        }
    }
    dated(&Json::Object(told), "ExpirationDate")
}

/// A time as templates write it.
fn dated(item: &Json, name: &str) -> Json {
    let mut item = item.clone();
    let seconds = item.get(name).and_then(Json::as_f64);
    let moment = seconds.and_then(|at| time::OffsetDateTime::from_unix_timestamp(at as i64).ok());
    let format = &time::format_description::well_known::Rfc3339;
    if let Some(text) = moment.and_then(|moment| moment.format(format).ok()) {
        item[name] = json!(text);
    }
    item
}

/// What GetBucketLifecycleConfiguration tells, as templates have it.
pub(super) fn told(answer: &Json) -> Option<Json> {
    let rules = answer.get("Rules")?.as_array()?;
    let mut told = json!({"Rules": rules.iter().map(told_rule).collect::<Json>()});
    if let Some(minimum) = answer.get(MINIMUM) {
        told[MINIMUM] = minimum.clone();
    }
    Some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_back_as_they_were_declared() {
        let declared = json!({"TransitionDefaultMinimumObjectSize": "varies_by_storage_class", "Rules": [
            {
                "Id": "dates", "Prefix": "archive/", "Status": "Enabled", "ExpirationDate": 1_798_761_600,
                "Transitions": [{"StorageClass": "GLACIER", "TransitionDate": 1_796_083_200}],
            },
            {
                "Id": "versions", "Status": "Disabled", "ObjectSizeGreaterThan": 5,
                "TagFilters": [{"Key": "a", "Value": "b"}],
                "NoncurrentVersionExpiration": {"NoncurrentDays": 30, "NewerNoncurrentVersions": 2},
                "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": 7}],
                "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
            },
        ]});
        let sent = sent(&declared);
        let rules = &sent["LifecycleConfiguration"]["Rules"];
        assert_eq!(rules[0]["Expiration"], json!({"Date": 1_798_761_600}));
        assert_eq!(rules[1]["Filter"]["And"]["ObjectSizeGreaterThan"], 5);
        let answer = json!({"Rules": rules, MINIMUM: sent[MINIMUM]});
        let mut back = declared.clone();
        back["Rules"][0]["ExpirationDate"] = json!("2027-01-01T00:00:00Z");
        back["Rules"][0]["Transitions"][0]["TransitionDate"] = json!("2026-12-01T00:00:00Z");
        assert_eq!(told(&answer), Some(back));
    }

    #[test]
    fn older_forms_are_sent_in_the_newer_one() {
        let declared = json!({"Rules": [{
            "Status": "Enabled", "NoncurrentVersionExpirationInDays": 3,
            "Transition": {"StorageClass": "GLACIER", "TransitionInDays": 1},
            "NoncurrentVersionTransition": {"StorageClass": "GLACIER", "TransitionInDays": 2},
        }]});
        let rule = sent(&declared)["LifecycleConfiguration"]["Rules"][0].clone();
        assert_eq!(
            rule,
            json!({
                "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
                "Transitions": [{"StorageClass": "GLACIER", "Days": 1}],
                "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "NoncurrentDays": 2}],
            })
        );
    }
}
