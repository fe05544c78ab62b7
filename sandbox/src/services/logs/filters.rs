//! Metric filters and subscription filters.

use super::streams::{delete_of_group, put_of_group};
use super::{group, show_created};
use crate::call::Call;
use crate::error::Fault;
use crate::kind::{Id, Kind, MakeId, Paging, Reference, describe, run};
use crate::law::Law;
use crate::services::iam;
use crate::world::Record;
use serde_json::{Value as Json, json};

const IN_GROUP: MakeId = |_, body, _| {
    let text = |member| body.get(member).and_then(Json::as_str).unwrap_or_default();
    Ok(format!("{}:{}", text("logGroupName"), text("filterName")))
};

const METRIC: &str = "logs/metric-filter";
const SUBSCRIPTION: &str = "logs/subscription-filter";

/// Counts events in a metric.
pub(super) const METRIC_FILTER: Kind = Kind {
    name: METRIC,
    id: Id::Made(IN_GROUP),
    defaults: Some(|_| json!({"applyOnTransformedLogs": false})),
    refers: &[Reference::new("logGroupName", "logs/log-group")],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "The specified metric filter does not exist.",
    ),
    show: Some(show_created),
    operations: &[
        run("PutMetricFilter", |call| {
            put_of_group(call, METRIC, "filterName")
        }),
        describe("DescribeMetricFilters", "", "metricFilters")
            .keep(|call, filter| {
                let transforms = |member: &str, wanted: &str| {
                    filter
                        .list("metricTransformations")
                        .iter()
                        .any(|one| one[member] == wanted)
                };
                of_group(call, filter)
                    && call
                        .text("metricName")
                        .is_none_or(|name| transforms("metricName", name))
                    && call
                        .text("metricNamespace")
                        .is_none_or(|name| transforms("metricNamespace", name))
            })
            .paging(Paging::lower_limit(50, (1, 50))),
        run("DeleteMetricFilter", |call| {
            delete_of_group(call, METRIC, "filterName")
        }),
    ],
    ..Kind::NEW
};

/// Sends events elsewhere.
pub(super) const SUBSCRIPTION_FILTER: Kind = Kind {
    name: SUBSCRIPTION,
    id: Id::Made(IN_GROUP),
    defaults: Some(|_| json!({"distribution": "ByLogStream", "applyOnTransformedLogs": false})),
    refers: &[Reference::new("logGroupName", "logs/log-group")],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "The specified subscription filter does not exist.",
    ),
    show: Some(show_created),
    operations: &[
        run("PutSubscriptionFilter", |call| {
            put_of_group(call, SUBSCRIPTION, "filterName")
        }),
        describe("DescribeSubscriptionFilters", "", "subscriptionFilters")
            .keep(of_group)
            .paging(Paging::lower_limit(50, (1, 50))),
        run("DeleteSubscriptionFilter", |call| {
            delete_of_group(call, SUBSCRIPTION, "filterName")
        }),
    ],
    ..Kind::NEW
};

/// Two of a group.
pub(super) const TWO: Law = Law {
    name: "a group has at most two subscription filters",
    operations: &["PutSubscriptionFilter"],
    source: "CloudWatch Logs quotas, Subscription filters",
    fault: Fault::new("LimitExceededException", "Resource limit exceeded."),
    check: Some(|call, law| {
        let Ok(group) = group(call) else {
            return Ok(());
        };
        let name = call.text("filterName").unwrap_or_default();
        let others = call
            .list_where(SUBSCRIPTION, "logGroupName", &group.id)
            .filter(|filter| !filter.is("filterName", name));
        if others.count() >= 2 {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// A hundred of a group.
pub(super) const MANY: Law = Law {
    name: "a group has at most 100 metric filters",
    operations: &["PutMetricFilter"],
    source: "CloudWatch Logs quotas, Metric filters; API Reference, PutMetricFilter",
    fault: Fault::new("LimitExceededException", "Resource limit exceeded."),
    check: Some(|call, law| {
        let Ok(group) = group(call) else {
            return Ok(());
        };
        let name = call.text("filterName").unwrap_or_default();
        let others = call
            .list_where(METRIC, "logGroupName", &group.id)
            .filter(|filter| !filter.is("filterName", name));
        if others.count() >= 100 {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// What is asked for is asked for of a group.
pub(super) const OF_A_GROUP: Law = Law {
    name: "filters are told of a group that exists",
    operations: &["DescribeMetricFilters", "DescribeSubscriptionFilters"],
    source: "CloudWatch Logs API Reference, DescribeMetricFilters, Errors",
    fault: Fault::new(
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    ),
    check: Some(|call, law| match call.text("logGroupName") {
        Some(name) if call.find("logs/log-group", name).is_none() => Err(law.fault.with(&[])),
        _ => Ok(()),
    }),
};

/// What goes out must be let out, and in.
pub(super) const DESTINATION: Law = Law {
    name: "a subscription's destination is a stream, a function or a destination of Logs, and streams come with a role that Logs can assume",
    operations: &["PutSubscriptionFilter"],
    source: "CloudWatch Logs API Reference, PutSubscriptionFilter, destinationArn and roleArn; User Guide, Log group-level subscription filters",
    fault: Fault::new("InvalidParameterException", "{message}"),
    check: Some(|call, law| {
        let arn = call.text("destinationArn").unwrap_or_default();
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (vendor, what) = match parts.as_slice() {
            ["arn", _, vendor, region, _, thing] if *region == call.region => (*vendor, *thing),
            _ => ("", ""),
        };
        let role = call.text("roleArn");
        let logs = [
            "logs.amazonaws.com".to_owned(),
            format!("logs.{}.amazonaws.com", call.region),
        ];
        let message = match (vendor, role) {
            ("kinesis" | "firehose", None) => {
                format!(
                    "PutSubscriptionFilter operation requires a roleArn for destinations of vendor {vendor}."
                )
            }
            ("kinesis" | "firehose", Some(role))
                if !logs
                    .iter()
                    .any(|service| iam::role_is_assumable(call, role, service)) =>
            {
                let stream = if vendor == "kinesis" {
                    "Kinesis stream"
                } else {
                    "Firehose stream"
                };
                format!(
                    "Could not deliver test message to specified {stream}. Check if the given {stream} is in ACTIVE state."
                )
            }
            ("lambda", Some(_)) => {
                "destinationArn for vendor lambda cannot be used with roleArn".to_owned()
            }
            ("kinesis" | "firehose" | "lambda", _) => return Ok(()),
            ("logs", _) if what.starts_with("destination:") => return Ok(()),
            _ => format!("Invalid destinationArn: {arn}"),
        };
        Err(law.fault.with(&[("message", &message)]))
    }),
};

/// A default value or dimensions, and at most three of these.
pub(super) const TRANSFORMATION: Law = Law {
    name: "a metric has a default value or dimensions, three at most, taken from the event's fields",
    operations: &["PutMetricFilter"],
    source: "CloudWatch Logs API Reference, MetricTransformation, defaultValue and dimensions",
    fault: Fault::new(
        "InvalidParameterException",
        "Invalid metric transformation: {message}",
    ),
    check: Some(|call, law| {
        let transformations = call.input.get("metricTransformations");
        for one in transformations
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            let dimensions = one.get("dimensions").and_then(Json::as_object);
            let count = dimensions.map_or(0, |dimensions| dimensions.len());
            let message = if count > 0 && one.get("defaultValue").is_some() {
                "dimensions and a default value are mutually exclusive properties."
            } else if count > 3 {
                "there are at most 3 dimensions."
            } else {
                continue;
            };
            return Err(law.fault.with(&[("message", message)]));
        }
        Ok(())
    }),
};

/// A metric is asked for with its namespace.
pub(super) const CRITERIA: Law = Law {
    name: "a metric name is asked for with its namespace, and a prefix with its group",
    operations: &["DescribeMetricFilters"],
    source: "CloudWatch Logs API Reference, DescribeMetricFilters, metricName and filterNamePrefix",
    fault: Fault::new(
        "InvalidParameterException",
        "{one} must be given with {other}.",
    ),
    check: Some(|call, law| {
        let pairs = [
            ("metricName", "metricNamespace"),
            ("filterNamePrefix", "logGroupName"),
        ];
        let alone = pairs
            .iter()
            .find(|(one, other)| call.text(one).is_some() && call.text(other).is_none());
        match alone {
            Some((one, other)) => Err(law.fault.with(&[("one", one), ("other", other)])),
            None => Ok(()),
        }
    }),
};

fn of_group(call: &Call, filter: &Record) -> bool {
    call.text("logGroupName")
        .is_none_or(|group| filter.is("logGroupName", group))
        && call
            .text("filterNamePrefix")
            .is_none_or(|prefix| filter.text("filterName").starts_with(prefix))
}
