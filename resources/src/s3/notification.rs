//! Whom a bucket tells of its events: templates have one event each, S3 has several under an identifier.

use serde_json::{Map, Value as Json, json};

/// The lists in templates and in the API, and what their entries call the destination.
const LISTS: &[(&str, &str, &str, &str)] = &[
    (
        "TopicConfigurations",
        "TopicConfigurations",
        "Topic",
        "TopicArn",
    ),
    (
        "QueueConfigurations",
        "QueueConfigurations",
        "Queue",
        "QueueArn",
    ),
    (
        "LambdaConfigurations",
        "LambdaFunctionConfigurations",
        "Function",
        "LambdaFunctionArn",
    ),
];

/// "This option is on by default" where the group is declared (template reference, EventBridgeConfiguration).
fn has_event_bridge(declared: &Json) -> bool {
    declared
        .get("EventBridgeConfiguration")
        .is_some_and(|bridge| match bridge.get("EventBridgeEnabled") {
            Some(Json::String(text)) => !text.eq_ignore_ascii_case("false"),
            Some(Json::Bool(flag)) => *flag,
            _ => true,
        })
}

/// The input of PutBucketNotificationConfiguration.
pub(super) fn sent(declared: &Json) -> Map<String, Json> {
    let mut configuration = Map::new();
    for (list, member, destination, arn) in LISTS {
        let entries = declared.get(*list).and_then(Json::as_array);
        let entries: Vec<Json> = entries
            .into_iter()
            .flatten()
            .map(|entry| {
                let mut sent = json!({*arn: entry[*destination], "Events": [entry["Event"]]});
                let rules = &entry["Filter"]["S3Key"]["Rules"];
                if let Some(rules) = rules.as_array() {
                    let rules = rules.iter().map(|rule| {
                        // The API's model has them in lower case; S3 takes both (template reference, FilterRule).
                        let name = rule["Name"].as_str().unwrap_or_default().to_lowercase();
                        json!({"Name": name, "Value": rule["Value"]})
                    });
                    sent["Filter"] = json!({"Key": {"FilterRules": rules.collect::<Json>()}});
                }
                sent
            })
            .collect();
        if !entries.is_empty() {
            configuration.insert((*member).to_owned(), Json::Array(entries));
        }
    }
    if has_event_bridge(declared) {
        configuration.insert("EventBridgeConfiguration".to_owned(), json!({}));
    }
    Map::from_iter([(
        "NotificationConfiguration".to_owned(),
        Json::Object(configuration),
    )])
}

/// What GetBucketNotificationConfiguration tells, as templates have it: an entry for each event.
pub(super) fn told(answer: &Json) -> Option<Json> {
    let mut told = Map::new();
    for (list, member, destination, arn) in LISTS {
        let entries = answer.get(*member).and_then(Json::as_array);
        let mut found = Vec::new();
        for entry in entries.into_iter().flatten() {
            for event in entry["Events"].as_array().into_iter().flatten() {
                let mut one = json!({"Event": event, *destination: entry[*arn]});
                let rules = &entry["Filter"]["Key"]["FilterRules"];
                if rules.as_array().is_some_and(|rules| !rules.is_empty()) {
                    one["Filter"] = json!({"S3Key": {"Rules": rules}});
                }
                found.push(one);
            }
        }
        if !found.is_empty() {
            told.insert((*list).to_owned(), Json::Array(found));
        }
    }
    // Said either way: the registry has `true` for what is not said.
    let bridge = answer.get("EventBridgeConfiguration").is_some();
    let bridge = json!({"EventBridgeEnabled": bridge});
    told.insert("EventBridgeConfiguration".to_owned(), bridge);
    Some(Json::Object(told))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_is_an_entry_of_its_own() {
        let rules = |name: &str| json!([{"Name": name, "Value": "in/"}]);
        let declared = json!({
            "EventBridgeConfiguration": {"EventBridgeEnabled": true},
            "QueueConfigurations": [
                {"Event": "s3:ObjectCreated:*", "Queue": "arn:q", "Filter": {"S3Key": {"Rules": rules("Prefix")}}},
                {"Event": "s3:ObjectRemoved:*", "Queue": "arn:q"},
            ],
            "LambdaConfigurations": [{"Event": "s3:ObjectRestore:*", "Function": "arn:f"}],
        });
        let sent = sent(&declared)["NotificationConfiguration"].clone();
        let queue = &sent["QueueConfigurations"][0];
        assert_eq!(queue["Filter"]["Key"]["FilterRules"], rules("prefix"));
        let mut answer = sent.clone();
        answer["QueueConfigurations"][0]["Filter"]["Key"]["FilterRules"] = rules("Prefix");
        assert_eq!(told(&answer), Some(declared));
        let off = json!({"EventBridgeConfiguration": {"EventBridgeEnabled": "false"}});
        assert_eq!(super::sent(&off)["NotificationConfiguration"], json!({}));
        let nothing = json!({"EventBridgeConfiguration": {"EventBridgeEnabled": false}});
        assert_eq!(told(&json!({})), Some(nothing));
    }
}
