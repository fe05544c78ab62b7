//! Alarms and dashboards.

pub mod alarm;
pub mod composite_alarm;
pub mod dashboard;

use serde_json::Value as Json;

use crate::definition::Fixed;
use crate::loaders::{By, Load};

/// 100 names a call (API_DescribeAlarms); without `MaxRecords` a page has 50, and without `AlarmTypes` only metric alarms are told.
/// Both kinds share their names, so one call tells both.
pub(crate) static ALARMS: Load = Load {
    fixed: &[
        (
            "AlarmTypes",
            Fixed::List(&["MetricAlarm", "CompositeAlarm"]),
        ),
        ("MaxRecords", Fixed::Number(100)),
    ],
    also: "CompositeAlarms",
    ..Load::of(
        "cloudwatch",
        "DescribeAlarms",
        By::Ids("AlarmNames"),
        100,
        "MetricAlarms",
        "AlarmName",
    )
};
/// Only composite alarms have a rule.
pub(crate) fn is_composite(alarm: &Json) -> bool {
    alarm.get("AlarmRule").is_some()
}

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
