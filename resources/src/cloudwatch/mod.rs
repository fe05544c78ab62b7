//! Alarms and dashboards.

pub mod alarm;
pub mod dashboard;

use crate::definition::Fixed;
use crate::loaders::{By, Load};

/// 100 names a call (API_DescribeAlarms); without `MaxRecords` a page has 50.
pub(crate) static ALARMS: Load = Load {
    fixed: &[("MaxRecords", Fixed::Number(100))],
    ..Load::of(
        "cloudwatch",
        "DescribeAlarms",
        By::Ids("AlarmNames"),
        100,
        "MetricAlarms",
        "AlarmName",
    )
};
pub(crate) static TAGS: Load = Load {
    gone: &["ResourceNotFoundException", "ResourceNotFound"],
    ..Load::of(
        "cloudwatch",
        "ListTagsForResource",
        By::One(&["ResourceARN"]),
        1,
        "",
        "",
    )
};
pub(crate) static DASHBOARDS: Load = Load {
    gone: &["DashboardNotFoundError", "ResourceNotFound"],
    ..Load::of(
        "cloudwatch",
        "GetDashboard",
        By::One(&["DashboardName"]),
        1,
        "",
        "",
    )
};
