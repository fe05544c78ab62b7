//! Log groups.

pub mod log_group;

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
