//! Which attributes there are, and what they may be.

use crate::call::Call;
use crate::error::Fault;
use crate::law::Law;
use serde_json::{Map, Value as Json};

/// A topic's attributes.
pub(super) const TOPIC: Law = Law {
    name: "a topic has SNS's attributes only, with values that they take",
    operations: &["CreateTopic", "SetTopicAttributes"],
    source: "SNS API Reference, SetTopicAttributes, AttributeName",
    fault: Fault::new("InvalidParameter", "Invalid parameter: {message}"),
    check: Some(|call, law| {
        let fifo = match call.operation.as_str() {
            "CreateTopic" => call.text("Name").unwrap_or_default().ends_with(".fifo"),
            _ => call.text("TopicArn").unwrap_or_default().ends_with(".fifo"),
        };
        for (name, value) in sent(call) {
            if let Some(message) = wrong_for_topic(&name, &value, fifo, &call.operation) {
                return Err(law.fault.with(&[("message", &message)]));
            }
        }
        Ok(())
    }),
};

/// A subscription's attributes.
pub(super) const SUBSCRIPTION: Law = Law {
    name: "a subscription has SNS's attributes only, with values that they take",
    operations: &["Subscribe", "SetSubscriptionAttributes"],
    source: "SNS API Reference, SetSubscriptionAttributes, AttributeName",
    fault: Fault::new("InvalidParameter", "Invalid parameter: {message}"),
    check: Some(|call, law| {
        for (name, value) in sent(call) {
            if let Some(message) = wrong_for_subscription(&name, &value) {
                return Err(law.fault.with(&[("message", &message)]));
            }
        }
        Ok(())
    }),
};

/// The attributes that the request sets.
pub(super) fn sent(call: &Call) -> Vec<(String, String)> {
    if let Some(name) = call.text("AttributeName") {
        let value = call.text("AttributeValue").unwrap_or_default();
        return vec![(name.to_owned(), value.to_owned())];
    }
    let attributes = call.input.get("Attributes").and_then(Json::as_object);
    attributes
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn is_object(text: &str) -> bool {
    serde_json::from_str::<Map<String, Json>>(text).is_ok()
}

fn is_bool(text: &str) -> bool {
    matches!(text, "true" | "false")
}

fn wrong_for_topic(name: &str, value: &str, fifo: bool, operation: &str) -> Option<String> {
    let feedback = ["HTTP", "Firehose", "Lambda", "Application", "SQS"]
        .iter()
        .find_map(|protocol| name.strip_prefix(protocol));
    let bad = |what: &str| Some(format!("Attributes Reason: {name}: {what}"));
    match (name, feedback) {
        ("Policy", _) if !is_object(value) => Some("Policy Error: null".into()),
        ("DeliveryPolicy" | "ArchivePolicy", _) if !value.is_empty() && !is_object(value) => {
            Some(format!("{name}: failed to parse JSON."))
        }
        ("DisplayName", _) if value.chars().count() > 100 => Some("DisplayName".into()),
        ("TracingConfig", _) if !matches!(value, "PassThrough" | "Active") => {
            bad("PassThrough or Active")
        }
        ("SignatureVersion", _) if !matches!(value, "1" | "2") => bad("1 or 2"),
        ("FifoTopic", _) if operation != "CreateTopic" => Some("AttributeName".into()),
        ("FifoTopic", _) if !is_bool(value) => bad("true or false"),
        ("ContentBasedDeduplication", _) if !fifo => Some(
            "Attributes Reason: Content-based deduplication can only be set for FIFO topics".into(),
        ),
        ("ContentBasedDeduplication", _) if !is_bool(value) => bad("true or false"),
        ("FifoThroughputScope", _) if !fifo || !matches!(value, "Topic" | "MessageGroup") => {
            bad("Topic or MessageGroup, for FIFO topics")
        }
        ("ArchivePolicy", _) if !fifo => bad("only for FIFO topics"),
        (_, Some("SuccessFeedbackSampleRate"))
            if !value.parse::<u32>().is_ok_and(|rate| rate <= 100) =>
        {
            bad("0 to 100")
        }
        (
            "Policy"
            | "DeliveryPolicy"
            | "ArchivePolicy"
            | "DisplayName"
            | "TracingConfig"
            | "SignatureVersion"
            | "FifoTopic"
            | "ContentBasedDeduplication"
            | "FifoThroughputScope"
            | "KmsMasterKeyId",
            _,
        )
        | (
            _,
            Some("SuccessFeedbackRoleArn" | "FailureFeedbackRoleArn" | "SuccessFeedbackSampleRate"),
        ) => None,
        _ => Some("AttributeName".into()),
    }
}

fn wrong_for_subscription(name: &str, value: &str) -> Option<String> {
    match name {
        "FilterPolicy" | "DeliveryPolicy" | "RedrivePolicy" | "ReplayPolicy"
            if !value.is_empty() && !is_object(value) =>
        {
            Some(format!("{name}: failed to parse JSON."))
        }
        "RawMessageDelivery" if !is_bool(&value.to_ascii_lowercase()) => {
            Some("Attributes Reason: RawMessageDelivery: Invalid value [true/false]".into())
        }
        "FilterPolicyScope" if !matches!(value, "MessageAttributes" | "MessageBody") => {
            Some("FilterPolicyScope: Invalid value".into())
        }
        "FilterPolicy"
        | "DeliveryPolicy"
        | "RedrivePolicy"
        | "ReplayPolicy"
        | "RawMessageDelivery"
        | "FilterPolicyScope"
        | "SubscriptionRoleArn" => None,
        _ => Some("AttributeName".into()),
    }
}
