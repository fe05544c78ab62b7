//! Load balancers, their target groups, listeners and rules.

pub mod listener;
pub mod listener_certificate;
pub mod listener_rule;
pub mod load_balancer;
pub mod target_group;

use crate::context::Context;
use crate::definition::FindFuture;
use crate::loaders::{By, Load};
use crate::prelude::*;

/// "You can specify up to 20 … in a single call" (API_DescribeTags; API_DescribeLoadBalancers answers 20 ARNs).
const BATCH: usize = 20;

const NO_LOAD_BALANCER: &[&str] = &["LoadBalancerNotFound"];
const NO_TARGET_GROUP: &[&str] = &["TargetGroupNotFound"];
const NO_LISTENER: &[&str] = &["ListenerNotFound"];
const NO_RULE: &[&str] = &["RuleNotFound", "ListenerNotFound"];
/// What was read a moment ago may be gone at the next call.
const NOTHING: &[&str] = &[
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "ListenerNotFound",
    "RuleNotFound",
];

const fn of_arns(
    operation: &'static str,
    member: &'static str,
    items: &'static str,
    key: &'static str,
    gone: &'static [&'static str],
) -> Load {
    Load {
        gone,
        ..Load::of("elbv2", operation, By::Ids(member), BATCH, items, key)
    }
}

const fn of_one(
    operation: &'static str,
    members: &'static [&'static str],
    items: &'static str,
    gone: &'static [&'static str],
) -> Load {
    Load {
        gone,
        ..Load::of("elbv2", operation, By::One(members), 1, items, "")
    }
}

pub(crate) static LOAD_BALANCERS: Load = of_arns(
    "DescribeLoadBalancers",
    "LoadBalancerArns",
    "LoadBalancers",
    "LoadBalancerArn",
    NO_LOAD_BALANCER,
);
pub(crate) static LOAD_BALANCERS_BY_NAME: Load = of_one(
    "DescribeLoadBalancers",
    &["Names"],
    "LoadBalancers",
    NO_LOAD_BALANCER,
);
pub(crate) static LOAD_BALANCER_ATTRIBUTES: Load = of_one(
    "DescribeLoadBalancerAttributes",
    &["LoadBalancerArn"],
    "",
    NO_LOAD_BALANCER,
);
pub(crate) static CAPACITY: Load = of_one(
    "DescribeCapacityReservation",
    &["LoadBalancerArn"],
    "",
    NO_LOAD_BALANCER,
);
pub(crate) static TARGET_GROUPS: Load = of_arns(
    "DescribeTargetGroups",
    "TargetGroupArns",
    "TargetGroups",
    "TargetGroupArn",
    NO_TARGET_GROUP,
);
pub(crate) static TARGET_GROUPS_BY_NAME: Load = of_one(
    "DescribeTargetGroups",
    &["Names"],
    "TargetGroups",
    NO_TARGET_GROUP,
);
pub(crate) static TARGET_GROUP_ATTRIBUTES: Load = of_one(
    "DescribeTargetGroupAttributes",
    &["TargetGroupArn"],
    "",
    NO_TARGET_GROUP,
);
pub(crate) static TARGETS: Load = of_one(
    "DescribeTargetHealth",
    &["TargetGroupArn"],
    "",
    NO_TARGET_GROUP,
);
pub(crate) static LISTENERS: Load = of_arns(
    "DescribeListeners",
    "ListenerArns",
    "Listeners",
    "ListenerArn",
    NO_LISTENER,
);
pub(crate) static LISTENERS_OF_LOAD_BALANCERS: Load = of_one(
    "DescribeListeners",
    &["LoadBalancerArn"],
    "Listeners",
    NO_LOAD_BALANCER,
);
pub(crate) static LISTENER_ATTRIBUTES: Load = of_one(
    "DescribeListenerAttributes",
    &["ListenerArn"],
    "",
    NO_LISTENER,
);
pub(crate) static RULES: Load = of_arns("DescribeRules", "RuleArns", "Rules", "RuleArn", NO_RULE);
pub(crate) static RULES_OF_LISTENERS: Load =
    of_one("DescribeRules", &["ListenerArn"], "Rules", NO_LISTENER);
pub(crate) static CERTIFICATES_OF_LISTENERS: Load = of_one(
    "DescribeListenerCertificates",
    &["ListenerArn"],
    "Certificates",
    NO_LISTENER,
);
/// Of load balancers, target groups, listeners and rules in the same calls.
pub(crate) static TAGS: Load = of_arns(
    "DescribeTags",
    "ResourceArns",
    "TagDescriptions",
    "ResourceArn",
    NOTHING,
);

/// What an ARN has after the resource's kind: `app/name/hash` of `…:loadbalancer/app/name/hash`.
fn after<'a>(description: &'a Json, arn: &str, kind: &str) -> Option<&'a str> {
    described(description, arn)?
        .split_once(kind)
        .map(|(_, rest)| rest)
}

/// What has a declared name and this incarnation's tag. Names are unique in an account and region.
fn by_name<'a>(
    definition: &'static Definition,
    context: &'a Context,
    load: &'static Load,
    arn: &'static str,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(name) = desired.get("Name").and_then(Value::to_text) else {
            return Ok(None);
        };
        for item in generic::items_of(context, load, &name).await? {
            let Some(arn) = described(&item, arn) else {
                continue;
            };
            let id = PhysicalId::from(arn);
            if let Some(id) = generic::if_ours(definition, context, id, incarnation).await? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    })
}
