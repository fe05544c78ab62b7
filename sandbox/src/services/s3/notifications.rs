//! Whom a bucket tells of its events: S3 asks every destination for leave before it takes the configuration.

use super::buckets::{bucket, the_bucket, told};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::registry;
use crate::services::kms::policy::{Principal, allows};
use serde_json::{Value as Json, json};

/// Destinations let S3 in.
pub(super) const DESTINATIONS: Law = Law {
    name: "a bucket's notifications go where S3 may send them",
    operations: &[],
    source: "Amazon S3 User Guide, Granting permissions to publish event notification messages to a destination; PutBucketNotificationConfiguration: S3 sends a test notification",
    fault: Fault::new(
        "InvalidArgument",
        "Unable to validate the following destination configurations",
    ),
    check: None,
};

/// One event has one destination.
pub(super) const OVERLAP: Law = Law {
    name: "two notifications of a bucket have no event and no keys in common",
    operations: &[],
    source: "Amazon S3 User Guide, Configuring event notifications using object key name filtering: overlapping prefixes and suffixes",
    fault: Fault::new(
        "InvalidArgument",
        "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
    ),
    check: None,
};

/// The lists of a configuration: where they go, and how S3 asks for leave there.
const LISTS: [(&str, &str); 3] = [
    ("TopicConfigurations", "TopicArn"),
    ("QueueConfigurations", "QueueArn"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn"),
];

pub(super) fn put(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    let mut sent = call
        .input
        .get("NotificationConfiguration")
        .cloned()
        .unwrap_or_else(|| json!({}));
    overlap(&sent)?;
    let arn = bucket(call)?.arn.clone();
    let validates = call.input.get("SkipDestinationValidation") != Some(&json!(true));
    for (list, member) in LISTS {
        for one in sent[list].as_array_mut().into_iter().flatten() {
            let destination = one[member].as_str().unwrap_or_default().to_owned();
            if validates && !lets_in(call, &destination, &arn) {
                let more = [
                    ("ArgumentName", destination.as_str()),
                    (
                        "ArgumentValue",
                        "The destination does not exist, or its policy does not let Amazon S3 in.",
                    ),
                ];
                return Err(told(DESTINATIONS.fault.with(&[]), &more));
            }
            if one.get("Id").is_none() {
                let digits = call.derive(&format!("notification {one}"));
                one["Id"] = json!(crate::call::uuid(&digits));
            }
            // They come back with capitals, however they were written.
            for rule in one["Filter"]["Key"]["FilterRules"]
                .as_array_mut()
                .into_iter()
                .flatten()
            {
                let name = match rule["Name"].as_str() {
                    Some(name) if name.eq_ignore_ascii_case("suffix") => "Suffix",
                    _ => "Prefix",
                };
                rule["Name"] = json!(name);
            }
            // Indexing made it where there was none.
            if one["Filter"]["Key"]["FilterRules"].is_null()
                && let Some(one) = one.as_object_mut()
            {
                one.remove("Filter");
            }
        }
    }
    if let Some(lists) = sent.as_object_mut() {
        lists.retain(|_, list| !list.is_null());
    }
    call.world
        .update(&key, |bucket| bucket.set("Notification", sent));
    Ok(json!({}))
}

/// Is it there, and does its policy let S3 send for this bucket?
fn lets_in(call: &mut Call, destination: &str, bucket: &str) -> bool {
    let service = destination.split(':').nth(2).unwrap_or_default().to_owned();
    let (operation, input, action) = match service.as_str() {
        "sqs" => {
            let name = destination.rsplit(':').next().unwrap_or_default();
            let url = call.call("sqs", "GetQueueUrl", json!({"QueueName": name}));
            let Some(url) = url.ok().map(|answer| answer["QueueUrl"].clone()) else {
                return false;
            };
            let input = json!({"QueueUrl": url, "AttributeNames": ["Policy"]});
            ("GetQueueAttributes", input, "sqs:SendMessage")
        }
        "sns" => (
            "GetTopicAttributes",
            json!({"TopicArn": destination}),
            "sns:Publish",
        ),
        "lambda" => (
            "GetPolicy",
            json!({"FunctionName": destination}),
            "lambda:InvokeFunction",
        ),
        _ => return false,
    };
    if registry::operation(&service, operation).is_none() {
        // What is not simulated cannot be asked.
        return true;
    }
    let Ok(answer) = call.call(&service, operation, input) else {
        return false;
    };
    let policy = answer["Attributes"]["Policy"]
        .as_str()
        .or(answer["Policy"].as_str());
    let context = [
        ("aws:SourceArn", bucket),
        ("aws:SourceAccount", call.account.as_str()),
    ];
    let principal = Principal::Service("s3.amazonaws.com");
    policy.is_some_and(|policy| allows(policy, &principal, action, &context))
}

fn overlap(sent: &Json) -> Result<(), Refusal> {
    let mut seen: Vec<(Vec<&str>, String, String)> = Vec::new();
    for (list, _) in LISTS {
        for one in sent[list].as_array().into_iter().flatten() {
            let events: Vec<&str> = one["Events"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Json::as_str)
                .collect();
            let rules = one["Filter"]["Key"]["FilterRules"].as_array();
            let rule = |name: &str| {
                let mut rules = rules.into_iter().flatten();
                let found = rules.find(|rule| {
                    rule["Name"]
                        .as_str()
                        .is_some_and(|it| it.eq_ignore_ascii_case(name))
                });
                found
                    .and_then(|rule| rule["Value"].as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            let (prefix, suffix) = (rule("prefix"), rule("suffix"));
            let same = seen.iter().any(|(others, other_prefix, other_suffix)| {
                let events = events
                    .iter()
                    .any(|event| others.iter().any(|other| share(event, other)));
                let prefixes = prefix.starts_with(other_prefix.as_str())
                    || other_prefix.starts_with(prefix.as_str());
                let suffixes = suffix.ends_with(other_suffix.as_str())
                    || other_suffix.ends_with(suffix.as_str());
                events && prefixes && suffixes
            });
            if same {
                return Err(OVERLAP.fault.with(&[]));
            }
            seen.push((events, prefix, suffix));
        }
    }
    Ok(())
}

/// `s3:ObjectCreated:*` has all of `s3:ObjectCreated:Put`.
fn share(event: &str, other: &str) -> bool {
    let all = |event: &str, other: &str| {
        event
            .strip_suffix('*')
            .is_some_and(|stem| other.starts_with(stem))
    };
    event == other || all(event, other) || all(other, event)
}
