//! Which attributes a queue has, and what they may be.

use super::queues::{self, is_fifo};
use crate::call::Call;
use crate::error::Fault;
use crate::law::Law;
use serde_json::{Map, Value as Json};

const SETTING: &[&str] = &["CreateQueue", "SetQueueAttributes"];

/// Attributes that SQS has, of the kind of queue.
pub(super) const KNOWN: Law = Law {
    name: "a queue has SQS's attributes only, and those of FIFO queues only where it is one",
    operations: SETTING,
    source: "SQS API Reference, SetQueueAttributes, Attributes: \"The following attributes apply only to FIFO queues\"; InvalidAttributeName",
    fault: Fault::new("InvalidAttributeName", "Unknown Attribute {name}."),
    check: Some(|call, law| {
        let fifo = is_fifo(&asked(call));
        for name in sent(call).keys() {
            let known = match name.as_str() {
                // Only at creation, and only to say that it is one.
                "FifoQueue" => call.operation == "CreateQueue" && fifo,
                "ContentBasedDeduplication" | "DeduplicationScope" | "FifoThroughputLimit" => fifo,
                "DelaySeconds"
                | "KmsDataKeyReusePeriodSeconds"
                | "KmsMasterKeyId"
                | "MaximumMessageSize"
                | "MessageRetentionPeriod"
                | "Policy"
                | "ReceiveMessageWaitTimeSeconds"
                | "RedriveAllowPolicy"
                | "RedrivePolicy"
                | "SqsManagedSseEnabled"
                | "VisibilityTimeout" => true,
                _ => false,
            };
            if !known {
                return Err(law.fault.with(&[("name", name)]));
            }
        }
        Ok(())
    }),
};

/// Numbers in their bounds, documents that are documents.
pub(super) const VALID: Law = Law {
    name: "an attribute has a value that it takes",
    operations: SETTING,
    source: "SQS API Reference, SetQueueAttributes, Attributes: valid values of each; InvalidAttributeValue",
    fault: Fault::new(
        "InvalidAttributeValue",
        "Invalid value for the parameter {name}.",
    ),
    check: Some(|call, law| {
        for (name, value) in sent(call) {
            let within = |least: u32, most: u32| {
                value
                    .parse::<u32>()
                    .is_ok_and(|number| (least..=most).contains(&number))
            };
            let valid = match name.as_str() {
                "DelaySeconds" => within(0, 900),
                "MaximumMessageSize" => within(1_024, 1_048_576),
                "MessageRetentionPeriod" => within(60, 1_209_600),
                "ReceiveMessageWaitTimeSeconds" => within(0, 20),
                "VisibilityTimeout" => within(0, 43_200),
                "KmsDataKeyReusePeriodSeconds" => within(60, 86_400),
                "FifoQueue" => value == "true",
                "ContentBasedDeduplication" | "SqsManagedSseEnabled" => {
                    matches!(value.as_str(), "true" | "false")
                }
                "DeduplicationScope" => matches!(value.as_str(), "messageGroup" | "queue"),
                "FifoThroughputLimit" => {
                    matches!(value.as_str(), "perQueue" | "perMessageGroupId")
                }
                "Policy" => {
                    value.is_empty()
                        || document(&value).is_some_and(|policy| policy.contains_key("Statement"))
                }
                "RedriveAllowPolicy" => value.is_empty() || allows(&value),
                _ => true,
            };
            if !valid {
                return Err(law.fault.with(&[("name", &name)]));
            }
        }
        Ok(())
    }),
};

/// SQS's own encryption, or a key of KMS.
pub(super) const ONE_ENCRYPTION: Law = Law {
    name: "a queue has one kind of encryption",
    operations: SETTING,
    source: "SQS API Reference, SetQueueAttributes, SqsManagedSseEnabled: \"Only one server-side encryption option is supported per queue\"",
    fault: Fault::new(
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    ),
    check: Some(|call, law| {
        let sent = sent(call);
        let key = sent
            .get("KmsMasterKeyId")
            .is_some_and(|key| !key.is_empty());
        if key
            && sent
                .get("SqsManagedSseEnabled")
                .is_some_and(|on| on == "true")
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// High throughput needs the scope that goes with it.
pub(super) const THROUGHPUT_SCOPE: Law = Law {
    name: "a throughput limit by message group needs deduplication by message group",
    operations: SETTING,
    source: "SQS API Reference, SetQueueAttributes: \"The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup\"",
    fault: Fault::new(
        "InvalidAttributeValue",
        "To set FifoThroughputLimit to perMessageGroupId, the DeduplicationScope must be messageGroup",
    ),
    check: Some(|call, law| {
        let mut all = queues::stored(call, &asked(call));
        all.extend(
            sent(call)
                .into_iter()
                .map(|(name, value)| (name, Json::from(value))),
        );
        let is = |name: &str, value: &str| all.get(name).and_then(Json::as_str) == Some(value);
        if is("FifoThroughputLimit", "perMessageGroupId")
            && !is("DeduplicationScope", "messageGroup")
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// Where messages go that cannot be processed.
pub(super) const DEAD_LETTERS: Law = Law {
    name: "a dead-letter queue is there, and of the same kind",
    operations: SETTING,
    source: "SQS API Reference, SetQueueAttributes, RedrivePolicy: \"The dead-letter queue of a FIFO queue must also be a FIFO queue\"",
    fault: Fault::new(
        "InvalidParameterValue",
        "Value {value} for parameter RedrivePolicy is invalid. Reason: {reason}.",
    ),
    check: Some(|call, law| {
        let Some(value) = sent(call).get("RedrivePolicy").cloned() else {
            return Ok(());
        };
        if value.is_empty() {
            return Ok(());
        }
        match wrong_redrive(call, &value) {
            Some(reason) => Err(law.fault.with(&[("value", &value), ("reason", reason)])),
            None => Ok(()),
        }
    }),
};

fn wrong_redrive(call: &Call, value: &str) -> Option<&'static str> {
    let Some(policy) = document(value) else {
        return Some(
            "Amazon SQS can't create the redrive policy, as it's in an unsupported format",
        );
    };
    let Some(count) = policy.get("maxReceiveCount").map(crate::path::plain) else {
        return Some("Redrive policy does not contain mandatory attribute: maxReceiveCount");
    };
    if !count
        .parse::<u32>()
        .is_ok_and(|count| (1..=1_000).contains(&count))
    {
        return Some(
            "Invalid value for maxReceiveCount, valid values are from 1 to 1000 both inclusive",
        );
    }
    let Some(arn) = policy.get("deadLetterTargetArn").and_then(Json::as_str) else {
        return Some("Redrive policy does not contain mandatory attribute: deadLetterTargetArn");
    };
    let Some(target) = call.find(queues::QUEUE.name, arn) else {
        return Some("Dead letter target does not exist");
    };
    (is_fifo(&target.id) != is_fifo(&asked(call)))
        .then_some("Dead-letter queue must be same type of queue as the source")
}

fn allows(value: &str) -> bool {
    let Some(policy) = document(value) else {
        return false;
    };
    let sources = policy.get("sourceQueueArns").and_then(Json::as_array);
    match policy.get("redrivePermission").and_then(Json::as_str) {
        Some("allowAll" | "denyAll") => sources.is_none(),
        Some("byQueue") => sources.is_some_and(|arns| (1..=10).contains(&arns.len())),
        _ => false,
    }
}

fn document(text: &str) -> Option<Map<String, Json>> {
    serde_json::from_str(text).ok()
}

/// The attributes of the request.
pub(super) fn sent(call: &Call) -> std::collections::BTreeMap<String, String> {
    let attributes = call.input.get("Attributes").and_then(Json::as_object);
    attributes
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

/// The name of the queue that the request is about.
pub(super) fn asked(call: &Call) -> String {
    match call.text("QueueName") {
        Some(name) => name.to_owned(),
        None => queues::name_of(call.text("QueueUrl").unwrap_or_default()).to_owned(),
    }
}
