//! Actions of listeners and rules, filled in as AWS gives them back.

use super::text;
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Value as Json, json};

/// Target groups are of the load balancer's VPC.
pub const SAME_NETWORK: Law = Law {
    name: "target groups are of the load balancer's VPC",
    operations: &[
        "CreateListener",
        "ModifyListener",
        "CreateRule",
        "ModifyRule",
    ],
    source: "Elastic Load Balancing API Reference, CreateListener: InvalidConfigurationRequest",
    fault: Fault::new(
        "InvalidConfigurationRequest",
        "The following target groups are in a different VPC than load balancer '{id}': {group}",
    ),
    check: None,
};

/// Protocols fit.
pub const PROTOCOLS_FIT: Law = Law {
    name: "a target group's protocol fits its load balancer",
    operations: &[
        "CreateListener",
        "ModifyListener",
        "CreateRule",
        "ModifyRule",
    ],
    source: "Elastic Load Balancing API Reference, CreateListener: IncompatibleProtocols",
    fault: Fault::new(
        "IncompatibleProtocols",
        "The protocol {id} of the target group is not compatible with a load balancer of type {of}",
    ),
    check: None,
};

fn wrong(message: &str) -> Refusal {
    Refusal::new("InvalidLoadBalancerAction", message)
}

/// Checks actions and fills in what AWS fills in.
pub(super) fn fill(call: &Call, balancer: &Record, sent: Option<&Json>) -> Result<Json, Refusal> {
    let mut actions = sent.and_then(Json::as_array).cloned().unwrap_or_default();
    actions.sort_by_key(|action| {
        action
            .get("Order")
            .and_then(Json::as_i64)
            .unwrap_or(i64::MAX)
    });
    let Some(last) = actions.last() else {
        return Err(wrong("At least one action must be specified"));
    };
    if !matches!(
        text(last, "Type"),
        "forward" | "redirect" | "fixed-response"
    ) {
        return Err(wrong(
            "The last action must be a forward, redirect or fixed-response action",
        ));
    }
    for action in &mut actions {
        match text(action, "Type") {
            "forward" => forward(call, balancer, action)?,
            "redirect" => redirect(action)?,
            "fixed-response" if action.get("FixedResponseConfig").is_none() => {
                return Err(wrong(
                    "A FixedResponseConfig is required for fixed-response actions",
                ));
            }
            _ => {}
        }
    }
    Ok(json!(actions))
}

/// A group alone is shown as `ForwardConfig` too, and a `ForwardConfig` of one group as that group.
fn forward(call: &Call, balancer: &Record, action: &mut Json) -> Result<(), Refusal> {
    let weighted = balancer.is("Type", "application");
    let single = action
        .get("TargetGroupArn")
        .and_then(Json::as_str)
        .map(str::to_owned);
    let mut config = action.get("ForwardConfig").cloned().unwrap_or(json!({}));
    let mut groups = config
        .get("TargetGroups")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    match (&single, groups.as_slice()) {
        (None, []) => return Err(wrong("A forward action requires a target group")),
        (Some(arn), []) => groups.push(json!({"TargetGroupArn": arn})),
        (Some(arn), [one]) if text(one, "TargetGroupArn") == arn => {}
        (Some(_), _) => {
            return Err(wrong(
                "TargetGroupArn and ForwardConfig must name the same, single target group",
            ));
        }
        (None, _) => {}
    }
    for group in &mut groups {
        if weighted && group.get("Weight").is_none() {
            group["Weight"] = json!(1);
        }
        let arn = text(group, "TargetGroupArn").to_owned();
        let Some(target) = call.find("elbv2/target-group", &arn) else {
            return Err(Refusal::new(
                "TargetGroupNotFound",
                "One or more target groups not found",
            ));
        };
        let of = balancer.text("Type");
        let fits = match target.text("Protocol") {
            "HTTP" | "HTTPS" => of == "application",
            "GENEVE" => of == "gateway",
            "" => of == "application" && target.is("TargetType", "lambda"),
            _ => of == "network",
        };
        if !fits {
            return Err(PROTOCOLS_FIT
                .fault
                .with(&[("id", target.text("Protocol")), ("of", of)]));
        }
        if !target.text("VpcId").is_empty() && !target.is("VpcId", balancer.text("VpcId")) {
            return Err(SAME_NETWORK
                .fault
                .with(&[("id", &balancer.arn), ("group", &arn)]));
        }
    }
    if let [one] = groups.as_slice() {
        action["TargetGroupArn"] = one["TargetGroupArn"].clone();
    }
    config["TargetGroups"] = json!(groups);
    if config.get("TargetGroupStickinessConfig").is_none() {
        config["TargetGroupStickinessConfig"] = json!({"Enabled": false});
    }
    action["ForwardConfig"] = config;
    Ok(())
}

/// What a redirect keeps is written as `#{…}`.
fn redirect(action: &mut Json) -> Result<(), Refusal> {
    let Some(Json::Object(config)) = action.get_mut("RedirectConfig") else {
        return Err(wrong("A RedirectConfig is required for redirect actions"));
    };
    for (member, default) in [
        ("Protocol", "#{protocol}"),
        ("Port", "#{port}"),
        ("Host", "#{host}"),
        ("Path", "/#{path}"),
        ("Query", "#{query}"),
    ] {
        config.entry(member).or_insert(json!(default));
    }
    Ok(())
}
