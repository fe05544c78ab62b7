//! SNS: topics and subscriptions. No messages are delivered.

mod attributes;
mod subscriptions;
mod topics;

use crate::error::Fault;
use crate::kind::{Service, list_tags, tag, untag};
use crate::law::Law;

/// Amazon Simple Notification Service.
pub const SERVICE: Service = Service {
    name: "sns",
    kinds: &[&topics::TOPIC, &subscriptions::SUBSCRIPTION],
    operations: &[
        tag("TagResource", "ResourceArn", "Tags"),
        untag("UntagResource", "ResourceArn", "TagKeys"),
        list_tags("ListTagsForResource", "ResourceArn", "Tags"),
    ],
    laws: &[
        &TAGGED,
        &topics::NAME,
        &topics::SAME,
        &attributes::TOPIC,
        &attributes::SUBSCRIPTION,
        &subscriptions::ENDPOINT,
        &subscriptions::SAME,
        &subscriptions::PENDING,
        &subscriptions::TOKEN,
    ],
    invalid: Fault::new("InvalidParameter", "Invalid parameter: {message}"),
    missing: Fault::new("InvalidParameter", "Invalid parameter: {message}"),
    ..Service::NEW
};

/// Tags have another not-found.
const TAGGED: Law = Law {
    name: "what is tagged exists",
    operations: &["TagResource", "UntagResource", "ListTagsForResource"],
    source: "SNS API Reference, TagResource, Errors",
    fault: Fault::new("ResourceNotFound", "Resource does not exist").status(404),
    check: Some(|call, law| {
        match call.find("sns/topic", call.text("ResourceArn").unwrap_or_default()) {
            Some(_) => Ok(()),
            None => Err(law.fault.with(&[])),
        }
    }),
};
