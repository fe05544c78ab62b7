//! `AWS::EC2::Route`: one destination of a route table. The id is `rtb-…|destination`.

use std::net::IpAddr;

use async_trait::async_trait;

use super::ROUTE_TABLES;
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::EC2::Route`.
pub struct Route;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateRoute", ""),
    reads: &[Read {
        key: Key::Id(&[0]),
        select: Some(route),
        ..Read::of(&ROUTE_TABLES)
    }],
    updates: &[Change::of(
        "ReplaceRoute",
        &[
            "RouteTableId",
            "DestinationCidrBlock",
            "DestinationIpv6CidrBlock",
            "DestinationPrefixListId",
        ],
    )],
    delete: Delete::of(
        "DeleteRoute",
        &[
            "RouteTableId",
            "DestinationCidrBlock",
            "DestinationIpv6CidrBlock",
            "DestinationPrefixListId",
        ],
        &["InvalidRoute.NotFound", "InvalidRouteTableID.NotFound"],
    ),
    find: Find::Search(search),
    rules: &[
        Rule::Computed("CidrBlock", destination),
        Rule::Computed("GatewayId", gateway),
        Rule::Computed("VpcEndpointId", endpoint),
    ],
    status,
    needs: &[
        Need {
            property: "NatGatewayId",
            reason: "a NAT gateway that is not available yet cannot be a route's target: InvalidNatGatewayID.NotFound or a black hole \
                     (VPC user guide, \"NAT gateways\": state Pending cannot process traffic)",
        },
        Need {
            property: "TransitGatewayId",
            reason: "the transit gateway must be available and attached (VPC transit gateways guide)",
        },
        Need {
            property: "VpcPeeringConnectionId",
            reason: "until the peering connection is active the route is a black hole (VPC peering guide, \"Update your route tables\")",
        },
        Need {
            property: "VpcEndpointId",
            reason: "a gateway load balancer endpoint must be available to be a target (API_CreateRoute)",
        },
    ],
    after: &[
        After {
            type_name: "AWS::EC2::VPCGatewayAttachment",
            mine: "GatewayId",
            theirs: "InternetGatewayId",
            milestone: Milestone::Ready,
            reason: "InvalidGatewayID.NotFound / Gateway.NotAttached: the gateway must be attached to the VPC (API_CreateRoute; \
                     CloudFormation user guide, \"DependsOn attribute\")",
        },
        After {
            type_name: "AWS::EC2::VPCGatewayAttachment",
            mine: "GatewayId",
            theirs: "VpnGatewayId",
            milestone: Milestone::Ready,
            reason: "the virtual private gateway must be attached to the VPC (CloudFormation user guide, \"DependsOn attribute\")",
        },
        After {
            type_name: "AWS::EC2::TransitGatewayAttachment",
            mine: "TransitGatewayId",
            theirs: "TransitGatewayId",
            milestone: Milestone::Ready,
            reason: "a route to a transit gateway needs the VPC's attachment (VPC transit gateways guide)",
        },
    ],
    unique: &[&[
        "RouteTableId",
        "DestinationCidrBlock",
        "DestinationIpv6CidrBlock",
        "DestinationPrefixListId",
    ]],
    ..Definition::new("AWS::EC2::Route", "ec2")
};

/// active | blackhole | filtered (API_Route). A black hole is a route all the same.
fn status(_: &Json) -> Status {
    Status::Ready
}

const DESTINATIONS: [&str; 3] = [
    "DestinationCidrBlock",
    "DestinationIpv6CidrBlock",
    "DestinationPrefixListId",
];

fn destination(description: &Json) -> Option<Json> {
    DESTINATIONS.iter().find_map(|name| look(description, name))
}

/// DescribeRouteTables tells a gateway load balancer's endpoint as GatewayId `vpce-…`.
fn gateway(description: &Json) -> Option<Json> {
    look(description, "GatewayId").filter(|id| !is_endpoint(id))
}

fn endpoint(description: &Json) -> Option<Json> {
    look(description, "VpcEndpointId")
        .or_else(|| look(description, "GatewayId").filter(is_endpoint))
}

fn is_endpoint(id: &Json) -> bool {
    id.as_str().is_some_and(|id| id.starts_with("vpce-"))
}

fn route(table: &Json, id: &PhysicalId) -> Option<Json> {
    let wanted = id.as_str().split_once('|')?.1;
    let routes = table.get("Routes")?.as_array()?;
    let found = routes.iter().find(|route| {
        destination(route)
            .as_ref()
            .and_then(Json::as_str)
            .is_some_and(|told| same(told, wanted))
    })?;
    let mut description = found.clone();
    description.as_object_mut()?.insert(
        "RouteTableId".to_owned(),
        table.get("RouteTableId")?.clone(),
    );
    Some(description)
}

/// AWS writes a range without its host bits ("100.68.0.18/18 becomes 100.68.0.0/18": API_CreateRoute).
pub(super) fn same(told: &str, wanted: &str) -> bool {
    told == wanted
        || matches!((network(told), network(wanted)), (Some(told), Some(wanted)) if told == wanted)
}

fn network(range: &str) -> Option<(u128, u32, bool)> {
    let (address, length) = range.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (bits, width, six) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32, false),
        IpAddr::V6(address) => (u128::from(address), 128, true),
    };
    let host = (width as u32).checked_sub(length)?;
    Some((bits.checked_shr(host).unwrap_or(0), length, six))
}

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(async move {
        let named = |name: &str| desired.get(name).and_then(Value::as_str);
        let (Some(table), Some(to)) = (
            named("RouteTableId"),
            DESTINATIONS.iter().find_map(|name| named(name)),
        ) else {
            return Ok(None);
        };
        let id = PhysicalId::from(format!("{table}|{to}"));
        Ok(generic::read(&DEFINITION, context, &id).await?.map(|_| id))
    })
}

#[async_trait]
impl Resource for Route {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// What kind of destination the id has tells its form.
    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let (table, to) = id.as_str().split_once('|').unwrap_or((id.as_str(), ""));
        let member = match to {
            _ if to.starts_with("pl-") => "DestinationPrefixListId",
            _ if to.contains(':') => "DestinationIpv6CidrBlock",
            _ => "DestinationCidrBlock",
        };
        let input = Map::from_iter([
            ("RouteTableId".to_owned(), json!(table)),
            (member.to_owned(), json!(to)),
        ]);
        generic::delete_with(&DEFINITION, context, "DeleteRoute", input).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_compared_without_their_host_bits() {
        assert!(same("100.68.0.0/18", "100.68.0.18/18"));
        assert!(same("::/0", "0::0/0"));
        assert!(!same("10.0.0.0/16", "10.0.0.0/17") && !same("0.0.0.0/0", "::/0"));
    }
}
