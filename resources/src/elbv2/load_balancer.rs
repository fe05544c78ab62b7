//! `AWS::ElasticLoadBalancingV2::LoadBalancer`: an application, network or gateway load balancer.

use std::time::Duration;

use super::{
    CAPACITY, LOAD_BALANCER_ATTRIBUTES, LOAD_BALANCERS, LOAD_BALANCERS_BY_NAME, NO_LOAD_BALANCER,
    TAGS,
};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Error;
use crate::prelude::*;

/// `AWS::ElasticLoadBalancingV2::LoadBalancer`.
pub struct LoadBalancer;

/// CloudFormation waits for a reservation for some time too.
const PROVISIONING: Duration = Duration::from_secs(3_600);

static DEFINITION: Definition = Definition {
    create: Create::of("CreateLoadBalancer", "LoadBalancers.0"),
    reads: &[
        Read::of(&LOAD_BALANCERS),
        Read::of(&TAGS),
        Read {
            only_for: &["LoadBalancerAttributes"],
            ..Read::of(&LOAD_BALANCER_ATTRIBUTES)
        },
        Read {
            // Gateway load balancers have no capacity units (API_ModifyCapacityReservation).
            when: Some(|description| !state_is(description, "Type", &["gateway"])),
            only_for: &["MinimumLoadBalancerCapacity"],
            ..Read::of(&CAPACITY)
        },
    ],
    updates: &[
        Change {
            // One list replaces the zones; an address type or prefixes may need the same call.
            takes: &["Subnets", "SubnetMappings", "EnablePrefixForIpv6SourceNat"],
            together: &[&["Subnets", "SubnetMappings", "EnablePrefixForIpv6SourceNat"]],
            ..Change::of("SetSubnets", &["LoadBalancerArn"])
        },
        Change {
            takes: &["IpAddressType"],
            ..Change::of("SetIpAddressType", &["LoadBalancerArn"])
        },
        Change {
            // The groups are required.
            together: &[&[
                "SecurityGroups",
                "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
            ]],
            ..Change::of("SetSecurityGroups", &["LoadBalancerArn", "SecurityGroups"])
        },
        Change {
            takes: &["Ipv4IpamPoolId"],
            made: &[("Ipv4IpamPoolId", address_pool)],
            ..Change::of("ModifyIpPools", &["LoadBalancerArn"])
        },
        Change::of("ModifyLoadBalancerAttributes", &["LoadBalancerArn"]),
        Change {
            takes: &["MinimumLoadBalancerCapacity"],
            mode: Mode::Step(capacity),
            ..Change::of("ModifyCapacityReservation", &["LoadBalancerArn"])
        },
        // Whether the step for the capacity waits.
        Change::elsewhere(&["EnableCapacityReservationProvisionStabilize"]),
    ],
    delete: Delete {
        // Something that goes away uses it (an endpoint service).
        busy: &["ResourceInUse"],
        ..Delete::of("DeleteLoadBalancer", &["LoadBalancerArn"], NO_LOAD_BALANCER)
    },
    find: Find::Search(find),
    rules: &[
        Rule::Told("Name", "LoadBalancerName"),
        Rule::Computed("LoadBalancerFullName", |description| {
            Some(super::after(description, "LoadBalancerArn", ":loadbalancer/")?.into())
        }),
        Rule::Told("Subnets", "AvailabilityZones.*.SubnetId"),
        Rule::Computed("SubnetMappings", mappings),
        Rule::Renamed("LoadBalancerAttributes", "Attributes"),
        Rule::Renamed("Ipv4IpamPoolId", "IpamPools.Ipv4IpamPoolId"),
    ],
    tags: Tags::Member,
    // "Up to 32 characters; alphanumeric or hyphens; must not begin or end with a hyphen" (API_CreateLoadBalancer).
    name: Some(Name::of("Name", 32)),
    status,
    unique: &[&["Name"]],
    after: &[
        After {
            type_name: "AWS::EC2::VPCGatewayAttachment",
            mine: "Subnets.*>VpcId",
            theirs: "VpcId",
            milestone: Milestone::Ready,
            reason: ATTACHMENT,
        },
        After {
            type_name: "AWS::EC2::VPCGatewayAttachment",
            mine: "SubnetMappings.*.SubnetId>VpcId",
            theirs: "VpcId",
            milestone: Milestone::Ready,
            reason: ATTACHMENT,
        },
    ],
    resets: &[("LoadBalancerAttributes", "[]")],
    patience: std::time::Duration::from_secs(15 * 60),
    ..Definition::new("AWS::ElasticLoadBalancingV2::LoadBalancer", "elbv2")
};

const ATTACHMENT: &str = "an internet-facing load balancer needs an internet gateway attached to its subnets' VPC, else InvalidSubnet: \
                          \"VPC … has no internet gateway\" (API_CreateLoadBalancer); the gateway can be detached only when the load \
                          balancer's public addresses are gone";

/// provisioning | active | active_impaired | failed (API_LoadBalancerState).
fn status(description: &Json) -> Status {
    let state = look(description, "State.Code");
    match state.as_ref().and_then(Json::as_str) {
        Some("provisioning") => Status::Pending,
        Some("failed") => {
            let reason = look(description, "State.Reason");
            let reason = reason.as_ref().and_then(Json::as_str).unwrap_or_default();
            Status::Failed(format!("the load balancer could not be set up: {reason}"))
        }
        _ => Status::Ready,
    }
}

/// The addresses by subnet.
fn mappings(description: &Json) -> Option<Json> {
    let zones = description.get("AvailabilityZones")?.as_array()?;
    let mapping = |zone: &Json| {
        let members = [
            ("SubnetId", "SubnetId"),
            ("AllocationId", "LoadBalancerAddresses.0.AllocationId"),
            (
                "PrivateIPv4Address",
                "LoadBalancerAddresses.0.PrivateIPv4Address",
            ),
            ("IPv6Address", "LoadBalancerAddresses.0.IPv6Address"),
            ("SourceNatIpv6Prefix", "SourceNatIpv6Prefixes.0"),
        ];
        let found = members
            .into_iter()
            .filter_map(|(name, path)| Some((name.to_owned(), look(zone, path)?)));
        Json::Object(found.filter(|(_, value)| !value.is_null()).collect())
    };
    Some(zones.iter().map(mapping).collect())
}

/// A pool that is declared no more is taken away.
fn address_pool(update: &Update<'_>) -> Json {
    match update.desired.get("Ipv4IpamPoolId").and_then(Value::as_str) {
        Some(pool) => json!({"IpamPools": {"Ipv4IpamPoolId": pool}}),
        None => json!({"RemoveIpamPools": ["ipv4"]}),
    }
}

/// Reserves capacity, or gives the reservation back; waits for it where `EnableCapacityReservationProvisionStabilize` asks for that.
fn capacity<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = update.desired.get("MinimumLoadBalancerCapacity");
        let mut input = Map::from_iter([("LoadBalancerArn".to_owned(), json!(id.as_str()))]);
        match wanted
            .and_then(|wanted| wanted.get("CapacityUnits"))
            .and_then(Value::as_i64)
        {
            Some(units) => input.insert(
                "MinimumLoadBalancerCapacity".to_owned(),
                json!({"CapacityUnits": units}),
            ),
            None => input.insert("ResetCapacityReservation".to_owned(), true.into()),
        };
        generic::write(&DEFINITION, context, "ModifyCapacityReservation", input).await?;
        let waits = update
            .desired
            .get("EnableCapacityReservationProvisionStabilize")
            .and_then(Value::to_text);
        if waits.as_deref() != Some("true") {
            return Ok(());
        }
        let start = context.clock().now();
        loop {
            let input = json!({"LoadBalancerArn": id.as_str()});
            let answer = context
                .read("elbv2", "DescribeCapacityReservation", input)
                .await?;
            let zones = look(&answer, "CapacityReservationState.*.State.Code");
            let zones: Vec<&str> = zones
                .iter()
                .filter_map(Json::as_array)
                .flatten()
                .filter_map(Json::as_str)
                .collect();
            if zones.contains(&"failed") {
                let what = "the capacity reservation of the load balancer failed";
                return Err(Error::Failed(what.to_owned()));
            }
            if !zones.contains(&"pending") {
                return Ok(());
            }
            let spent = context.clock().now().duration_since(start);
            if spent.unwrap_or(PROVISIONING) >= PROVISIONING {
                let what = "the capacity reservation of the load balancer is still pending";
                return Err(Error::Failed(what.to_owned()));
            }
            context.clock().sleep(Duration::from_secs(15)).await;
        }
    })
}

fn find<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    super::by_name(
        &DEFINITION,
        context,
        &LOAD_BALANCERS_BY_NAME,
        "LoadBalancerArn",
        desired,
        incarnation,
    )
}

impl Resource for LoadBalancer {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }
}
