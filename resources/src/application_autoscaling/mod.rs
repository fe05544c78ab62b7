//! Application Auto Scaling: what may be scaled, and when.

pub mod scalable_target;
pub mod scaling_policy;

use crate::loaders::{By, Load};

/// 50 resources of one service a call (API_DescribeScalableTargets).
pub(crate) static TARGETS: Load = Load::of(
    "application-autoscaling",
    "DescribeScalableTargets",
    By::Within("ServiceNamespace", "ResourceIds"),
    50,
    "ScalableTargets",
    "ResourceId",
);
pub(crate) static TAGS: Load = Load {
    gone: &["ResourceNotFoundException"],
    ..Load::of(
        "application-autoscaling",
        "ListTagsForResource",
        By::One(&["ResourceARN"]),
        1,
        "",
        "",
    )
};
pub(crate) static ACTIONS: Load = Load::of(
    "application-autoscaling",
    "DescribeScheduledActions",
    By::One(&["ServiceNamespace", "ResourceId", "ScalableDimension"]),
    1,
    "ScheduledActions",
    "",
);
/// 50 names of one service a call; a name is unique for one resource and dimension only.
pub(crate) static POLICIES: Load = Load::of(
    "application-autoscaling",
    "DescribeScalingPolicies",
    By::Within("ServiceNamespace", "PolicyNames"),
    50,
    "ScalingPolicies",
    "PolicyName",
);
