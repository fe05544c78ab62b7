//! Metric filters and subscription filters.

use super::streams::{delete_of_group, put_of_group};
use super::{group, show_created};
use crate::call::Call;
use crate::error::Fault;
use crate::kind::{Id, Kind, MakeId, Paging, Reference, describe, run};
use crate::law::Law;
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

fn of_group(call: &Call, filter: &Record) -> bool {
    call.text("logGroupName")
        .is_none_or(|group| filter.is("logGroupName", group))
        && call
            .text("filterNamePrefix")
            .is_none_or(|prefix| filter.text("filterName").starts_with(prefix))
}
