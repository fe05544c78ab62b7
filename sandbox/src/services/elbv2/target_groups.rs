//! Target groups.

use super::{PAGES, attributes, invalid, name_well, targets};
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{
    Id, Kind, Missing, Reference, Shows, Tags, Unique, create, delete, describe, modify, run,
};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Names that are asked for exist, and so does the load balancer.
pub const NAMES_KNOWN: Law = Law {
    name: "target groups that are asked for by name exist",
    operations: &["DescribeTargetGroups"],
    source: "Elastic Load Balancing API Reference, DescribeTargetGroups: TargetGroupNotFound",
    fault: TARGET_GROUP.not_found,
    check: Some(|call, law| {
        if let Some(arn) = call.text("LoadBalancerArn") {
            call.need("elbv2/load-balancer", arn)?;
        }
        match call
            .texts("Names[]")
            .iter()
            .find(|name| call.find("elbv2/target-group", name).is_none())
        {
            Some(name) => Err(law.fault.with(&[("id", name)])),
            None => Ok(()),
        }
    }),
};

/// A check ends before the next begins.
pub const TIMEOUT_BELOW_INTERVAL: Law = Law {
    name: "a health check's timeout is smaller than its interval",
    operations: &["CreateTargetGroup", "ModifyTargetGroup"],
    source: "Elastic Load Balancing API Reference, CreateTargetGroup: HealthCheckTimeoutSeconds",
    fault: Fault::new(
        "ValidationError",
        "Health check timeout '{id}' must be smaller than the interval '{interval}'",
    ),
    check: None,
};

/// A target group.
pub const TARGET_GROUP: Kind = Kind {
    name: "elbv2/target-group",
    id: Id::Made(|_, body, digits| {
        Ok(format!(
            "{}/{}",
            path::text(body, "TargetGroupName").unwrap_or_default(),
            &digits[..16]
        ))
    }),
    arn: "arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{id}",
    arn_member: "TargetGroupArn",
    tag_type: "targetgroup",
    aliases: &["TargetGroupName"],
    tags: Tags::Unseen("Tags"),
    refers: &[Reference::new("VpcId", "ec2/vpc")
        .loose()
        .missing(Fault::new(
            "ValidationError",
            "The VPC ID '{id}' is not found",
        ))],
    unique: &[Unique {
        members: &["TargetGroupName"],
        fault: Fault::new(
            "DuplicateTargetGroupName",
            "A target group with the same name '{TargetGroupName}' exists, but with different settings",
        ),
        same_is_fine: true,
    }],
    not_found: Fault::new("TargetGroupNotFound", "Target groups '[{id}]' not found"),
    in_use: Fault::new(
        "ResourceInUse",
        "Target group '{arn}' is currently in use by a listener or a rule",
    ),
    limit: Some((
        3000,
        Fault::new(
            "TooManyTargetGroups",
            "The maximum number of target groups has been reached: {limit}",
        ),
    )),
    show: Some(|call, group, body| {
        body.insert("LoadBalancerArns".into(), json!(balancers(call, group)));
    }),
    operations: &[
        create("CreateTargetGroup", Shows::List("TargetGroups"))
            .rename(&[("Name", "TargetGroupName")])
            .before(before_create),
        describe("DescribeTargetGroups", "TargetGroupArns", "TargetGroups")
            .select(&[("Names", "TargetGroupName")])
            .keep(|call, group| match call.text("LoadBalancerArn") {
                Some(arn) => balancers(call, group).iter().any(|known| known == arn),
                None => true,
            })
            .paging(PAGES),
        modify(
            "ModifyTargetGroup",
            "TargetGroupArn",
            Shows::List("TargetGroups"),
        )
        .prepare(|_, group| timing(&group.body)),
        // "You can delete a target group if it is not referenced by any actions"; one that is not there is no error.
        delete("DeleteTargetGroup", "TargetGroupArn", Shows::Nothing).missing(Missing::LeftOut),
        run("DescribeTargetGroupAttributes", |call| {
            attributes::describe(call, "elbv2/target-group", "TargetGroupArn")
        }),
        run("ModifyTargetGroupAttributes", |call| {
            attributes::modify(call, "elbv2/target-group", "TargetGroupArn", "Target group")
        }),
        run("RegisterTargets", targets::register),
        run("DeregisterTargets", targets::deregister),
        run("DescribeTargetHealth", targets::health),
    ],
    ..Kind::NEW
};

/// The load balancers whose listeners and rules name the group.
pub(super) fn balancers(call: &Call, group: &Record) -> Vec<String> {
    let mut arns: Vec<String> = call
        .world
        .referrers(&call.key("elbv2/target-group", &group.id))
        .iter()
        .filter(|key| key.kind.starts_with("elbv2/"))
        .filter_map(|key| super::balancer_of(call, &key.id))
        .map(|balancer| balancer.arn.clone())
        .collect();
    arns.sort();
    arns.dedup();
    arns
}

/// Defaults by protocol and target type: CreateTargetGroup, and real target groups.
fn before_create(_: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    name_well(
        "target group",
        path::text(members, "Name").unwrap_or_default(),
    )?;
    let of = path::text(members, "TargetType")
        .unwrap_or("instance")
        .to_owned();
    let protocol = path::text(members, "Protocol")
        .unwrap_or_default()
        .to_owned();
    let check = path::text(members, "HealthCheckProtocol").map(str::to_owned);
    if of == "lambda" {
        for member in ["Protocol", "Port", "VpcId"] {
            if members.contains_key(member) {
                return Err(invalid(format!(
                    "{member} cannot be specified for target groups with target type 'lambda'"
                )));
            }
        }
    } else {
        if !members.contains_key("VpcId") {
            return Err(invalid("A VPC ID must be specified"));
        }
        for (member, words) in [("Protocol", "protocol"), ("Port", "port")] {
            if !members.contains_key(member) {
                return Err(invalid(format!("A {words} must be specified")));
            }
        }
    }
    if of == "alb" && protocol != "TCP" {
        return Err(invalid(
            "The protocol must be TCP for target groups with target type 'alb'",
        ));
    }
    let http = matches!(protocol.as_str(), "HTTP" | "HTTPS");
    if members.contains_key("ProtocolVersion") && !http {
        return Err(invalid(
            "Protocol version can only be specified for HTTP and HTTPS target groups",
        ));
    }
    let mut defaults = json!({"TargetType": of, "HealthCheckEnabled": true, "HealthCheckPort": "traffic-port", "HealthyThresholdCount": 5,
                              "UnhealthyThresholdCount": 2, "HealthCheckIntervalSeconds": 30, "IpAddressType": "ipv4"});
    let grpc = path::text(members, "ProtocolVersion") == Some("GRPC");
    let mut set = |member: &str, value: Json| defaults[member] = value;
    if of == "lambda" {
        set("HealthCheckEnabled", json!(false));
        set("HealthCheckPort", Json::Null);
        set("HealthCheckIntervalSeconds", json!(35));
        set("HealthCheckTimeoutSeconds", json!(30));
        set("HealthCheckPath", json!("/"));
        set("Matcher", json!({"HttpCode": "200"}));
    } else if http {
        set("ProtocolVersion", json!("HTTP1"));
        set("HealthCheckProtocol", json!("HTTP"));
        set("HealthCheckTimeoutSeconds", json!(5));
        set(
            "HealthCheckPath",
            json!(if grpc { "/AWS.ALB/healthcheck" } else { "/" }),
        );
        set(
            "Matcher",
            if grpc {
                json!({"GrpcCode": "12"})
            } else {
                json!({"HttpCode": "200"})
            },
        );
    } else if protocol == "GENEVE" {
        set("HealthCheckProtocol", json!("TCP"));
        set("HealthCheckPort", json!("80"));
        set("HealthCheckIntervalSeconds", json!(10));
        set("HealthCheckTimeoutSeconds", json!(5));
        set("IpAddressType", Json::Null);
    } else {
        let checked = check
            .as_deref()
            .unwrap_or(if of == "alb" { "HTTP" } else { "TCP" })
            .to_owned();
        set("HealthCheckProtocol", json!(checked));
        if checked == "TCP" {
            set("HealthCheckTimeoutSeconds", json!(10));
        } else {
            set("HealthCheckTimeoutSeconds", json!(6));
            set("HealthCheckPath", json!("/"));
            set("Matcher", json!({"HttpCode": "200-399"}));
        }
    }
    if let Json::Object(defaults) = defaults {
        for (member, value) in defaults {
            if !value.is_null() {
                members.entry(member).or_insert(value);
            }
        }
    }
    timing(members)
}

fn timing(members: &Map<String, Json>) -> Result<(), Refusal> {
    let number = |member: &str| members.get(member).and_then(Json::as_u64);
    if let (Some(timeout), Some(interval)) = (
        number("HealthCheckTimeoutSeconds"),
        number("HealthCheckIntervalSeconds"),
    ) && timeout >= interval
    {
        return Err(TIMEOUT_BELOW_INTERVAL.fault.with(&[
            ("id", &timeout.to_string()),
            ("interval", &interval.to_string()),
        ]));
    }
    Ok(())
}
