//! SQS: queues, with their attributes and policies. No messages are kept.

mod attributes;
mod queues;

use crate::error::Fault;
use crate::kind::{Service, list_tags, tag, untag};

/// Amazon Simple Queue Service.
pub const SERVICE: Service = Service {
    name: "sqs",
    kinds: &[&queues::QUEUE],
    operations: &[
        tag("TagQueue", "QueueUrl", "Tags"),
        untag("UntagQueue", "QueueUrl", "TagKeys"),
        list_tags("ListQueueTags", "QueueUrl", "Tags"),
    ],
    laws: &[
        &queues::NAME,
        &queues::RECENTLY,
        &queues::SAME,
        &attributes::KNOWN,
        &attributes::VALID,
        &attributes::ONE_ENCRYPTION,
        &attributes::THROUGHPUT_SCOPE,
        &attributes::DEAD_LETTERS,
    ],
    // SQS API Reference, Common Errors.
    invalid: Fault::new("InvalidParameterValue", "{message}"),
    missing: Fault::new(
        "MissingParameter",
        "The request must contain the parameter {member}.",
    ),
    ..Service::NEW
};
