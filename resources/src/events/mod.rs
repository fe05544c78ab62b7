//! EventBridge: rules and where they send events.

pub mod rule;

use crate::definition::Fixed;
use crate::loaders::{By, Load};

/// A bus that does not exist, or a rule of it.
const GONE: &[&str] = &["ResourceNotFoundException"];

/// All rules of a bus, 100 a page (API_ListRules, "Limit"): a bus has 300 by default, so that this takes fewer calls than
/// DescribeRule as soon as it has four of ours.
pub(crate) static RULES: Load = Load {
    fixed: &[("Limit", Fixed::Number(100))],
    gone: GONE,
    ..Load::of(
        "events",
        "ListRules",
        By::One(&["EventBusName"]),
        1,
        "Rules",
        "",
    )
};
pub(crate) static TARGETS: Load = Load {
    fixed: &[("Limit", Fixed::Number(100))],
    gone: GONE,
    ..Load::of(
        "events",
        "ListTargetsByRule",
        By::One(&["EventBusName", "Rule"]),
        1,
        "Targets",
        "",
    )
};
pub(crate) static TAGS: Load = Load {
    gone: GONE,
    ..Load::of(
        "events",
        "ListTagsForResource",
        By::One(&["ResourceARN"]),
        1,
        "",
        "",
    )
};
