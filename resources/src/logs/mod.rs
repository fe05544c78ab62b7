//! Log groups, what happens to their events, and saved queries.

pub mod log_group;
pub mod metric_filter;
pub mod query_definition;
pub mod subscription_filter;

use crate::definition::Fixed;
use crate::loaders::{By, Load};

/// Up to 50 names a call, and nothing but them (API_DescribeLogGroups, "logGroupIdentifiers").
pub(crate) static LOG_GROUPS: Load = Load {
    gone: &["ResourceNotFoundException"],
    ..Load::of(
        "logs",
        "DescribeLogGroups",
        By::Ids("logGroupIdentifiers"),
        50,
        "logGroups",
        "logGroupName",
    )
};
const fn of_arn(
    operation: &'static str,
    member: &'static [&'static str],
    items: &'static str,
) -> Load {
    Load {
        gone: &["ResourceNotFoundException"],
        ..Load::of("logs", operation, By::One(member), 1, items, "")
    }
}
pub(crate) static DATA_PROTECTION: Load =
    of_arn("GetDataProtectionPolicy", &["logGroupIdentifier"], "");
pub(crate) static INDEX_POLICIES: Load = of_arn(
    "DescribeIndexPolicies",
    &["logGroupIdentifiers"],
    "indexPolicies",
);
pub(crate) static RESOURCE_POLICIES: Load = Load {
    fixed: &[("policyScope", Fixed::Text("RESOURCE"))],
    ..of_arn(
        "DescribeResourcePolicies",
        &["resourceArn"],
        "resourcePolicies",
    )
};
pub(crate) static TAGS: Load = of_arn("ListTagsForResource", &["resourceArn"], "");

/// All filters of a group: names have no call of their own.
pub(crate) static METRIC_FILTERS: Load =
    of_arn("DescribeMetricFilters", &["logGroupName"], "metricFilters");
pub(crate) static SUBSCRIPTION_FILTERS: Load = of_arn(
    "DescribeSubscriptionFilters",
    &["logGroupName"],
    "subscriptionFilters",
);
/// Saved queries are told all at once; a page holds as many as a region may have (API_DescribeQueryDefinitions, "maxResults";
/// CloudWatch Logs quotas, "Saved queries").
pub(crate) static QUERIES: Load = Load {
    fixed: &[("maxResults", Fixed::Number(1000))],
    ..Load::of(
        "logs",
        "DescribeQueryDefinitions",
        By::All,
        1,
        "queryDefinitions",
        "queryDefinitionId",
    )
};
