//! CloudWatch Logs: groups and what hangs on them. Events are not kept.

mod filters;
mod groups;
mod policies;
mod queries;
mod streams;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Service, list_tags, tag, untag};
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Amazon CloudWatch Logs.
pub const SERVICE: Service = Service {
    name: "logs",
    kinds: &[
        &groups::GROUP,
        &streams::STREAM,
        &filters::METRIC_FILTER,
        &filters::SUBSCRIPTION_FILTER,
        &policies::RESOURCE_POLICY,
        &queries::QUERY,
    ],
    operations: &[
        tag("TagResource", "resourceArn", "tags"),
        untag("UntagResource", "resourceArn", "tagKeys"),
        list_tags("ListTagsForResource", "resourceArn", "tags"),
    ],
    laws: &[
        &groups::RETENTION,
        &groups::KEY,
        &groups::PROTECTED,
        &groups::PREFIX_OR_PATTERN,
        &policies::JSON,
        &policies::MANY,
        &filters::TWO,
        &filters::MANY,
        &filters::OF_A_GROUP,
        &filters::DESTINATION,
        &filters::TRANSFORMATION,
        &filters::CRITERIA,
    ],
    invalid: Fault::new("InvalidParameterException", "{message}"),
    missing: Fault::new("InvalidParameterException", "{message}"),
    ..Service::NEW
};

/// Times in Logs are milliseconds.
fn millis(at: f64) -> i64 {
    (at * 1000.0).round() as i64
}

/// Shows when it was made.
fn show_created(_: &Call, record: &Record, body: &mut Map<String, Json>) {
    body.insert("creationTime".into(), json!(millis(record.created)));
}

/// The group that a request names, in any of the members that do.
fn group<'a>(call: &'a Call) -> Result<&'a Record, Refusal> {
    let name = ["logGroupName", "logGroupIdentifier", "resourceIdentifier"]
        .iter()
        .find_map(|member| call.text(member))
        .unwrap_or_default();
    call.need("logs/log-group", name)
}
