//! Route tables, routes and associations.

use super::cidr::Block;
use super::{PAGES, endpoints, gateways};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, create, delete, describe, run};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// A destination has one route.
pub const ROUTE_ONCE: Law = Law {
    name: "a destination has one route in a table",
    operations: &["CreateRoute"],
    source: "Amazon EC2 API Reference, Error codes: RouteAlreadyExists",
    fault: Fault::new(
        "RouteAlreadyExists",
        "The route identified by {id} already exists.",
    ),
    check: None,
};

/// A table and what is associated with it belong to one VPC.
pub const SAME_NETWORK: Law = Law {
    name: "a route table and its subnet belong to one network",
    operations: &["AssociateRouteTable", "ReplaceRouteTableAssociation"],
    source: "Amazon EC2 API Reference, AssociateRouteTable: \"The route table and subnet must be in the same VPC\"",
    fault: Fault::new(
        "InvalidParameterValue",
        "route table {table} and subnet {id} belong to different networks",
    ),
    check: None,
};

/// A route to an internet gateway needs the attachment.
pub const ROUTE_GATEWAY_ATTACHED: Law = Law {
    name: "a route leads to an internet gateway that is attached to the table's VPC",
    operations: &["CreateRoute", "ReplaceRoute"],
    source: "Amazon EC2 API Reference, CreateRoute; AWS CloudFormation User Guide, DependsOn attribute: VPC-gateway attachment",
    fault: Fault::new(
        "InvalidParameterValue",
        "route table {table} and network gateway {id} belong to different networks",
    ),
    check: None,
};

/// The main table stays.
pub const MAIN_TABLE: Law = Law {
    name: "the main route table is neither deleted nor disassociated",
    operations: &["DeleteRouteTable", "DisassociateRouteTable"],
    source: "Amazon EC2 API Reference, DeleteRouteTable: \"You can't delete the main route table\"",
    fault: Fault::new(
        "DependencyViolation",
        "The routeTable '{id}' has dependencies and cannot be deleted.",
    ),
    check: None,
};

/// A subnet has one table.
pub const ONE_TABLE: Law = Law {
    name: "a subnet is associated with one route table",
    operations: &["AssociateRouteTable"],
    source: "Amazon EC2 API Reference, Error codes: Resource.AlreadyAssociated",
    fault: Fault::new(
        "Resource.AlreadyAssociated",
        "the specified association for route table {table} conflicts with an existing association",
    ),
    check: None,
};

/// The local route stays.
pub const LOCAL_ROUTE: Law = Law {
    name: "the local route is not deleted",
    operations: &["DeleteRoute"],
    source: "Amazon VPC User Guide, Configure route tables: \"you cannot delete the local route\"",
    fault: Fault::new(
        "InvalidParameterValue",
        "cannot remove local route {id} in route table {table}",
    ),
    check: None,
};

/// A route table.
pub const ROUTE_TABLE: Kind = Kind {
    name: "ec2/route-table",
    id: Id::Hex("rtb-"),
    id_member: "RouteTableId",
    arn: "arn:{partition}:ec2:{region}:{account}:route-table/{id}",
    defaults: Some(
        |call| json!({"Associations": [], "PropagatingVgws": [], "OwnerId": call.account}),
    ),
    tags: Tags::List("Tags"),
    token: "ClientToken",
    refers: &[
        Reference::new("VpcId", "ec2/vpc").source("Amazon EC2 API Reference, DeleteVpc"),
        Reference::new("Associations[].SubnetId", "ec2/subnet")
            .unchecked()
            .loose(),
    ],
    not_found: Fault::new(
        "InvalidRouteTableID.NotFound",
        "The routeTable ID '{id}' does not exist",
    ),
    in_use: MAIN_TABLE.fault,
    show: Some(show),
    operations: &[
        create(
            "CreateRouteTable",
            Shows::With(|call, table| {
                let mut answer = json!({"RouteTable": call.show(ROUTE_TABLE.name, table)});
                if let Some(token) = call.text("ClientToken") {
                    answer["ClientToken"] = json!(token);
                }
                answer
            }),
        )
        .prepare(|call, table| {
            let routes = local_routes(call, table.text("VpcId"));
            table.set("Routes", routes);
            Ok(())
        }),
        describe("DescribeRouteTables", "RouteTableIds", "RouteTables")
            .paging(PAGES)
            .filters(&[
                ("route-table-id", "RouteTableId"),
                ("vpc-id", "VpcId"),
                ("association.main", "Associations[].Main"),
                ("association.subnet-id", "Associations[].SubnetId"),
                ("association.gateway-id", "Associations[].GatewayId"),
                ("association.route-table-id", "Associations[].RouteTableId"),
                (
                    "association.route-table-association-id",
                    "Associations[].RouteTableAssociationId",
                ),
                ("association.state", "Associations[].AssociationState.State"),
                (
                    "route.destination-cidr-block",
                    "Routes[].DestinationCidrBlock",
                ),
                (
                    "route.destination-ipv6-cidr-block",
                    "Routes[].DestinationIpv6CidrBlock",
                ),
                (
                    "route.destination-prefix-list-id",
                    "Routes[].DestinationPrefixListId",
                ),
                ("route.gateway-id", "Routes[].GatewayId"),
                ("route.nat-gateway-id", "Routes[].NatGatewayId"),
                ("route.instance-id", "Routes[].InstanceId"),
                ("route.transit-gateway-id", "Routes[].TransitGatewayId"),
                (
                    "route.vpc-peering-connection-id",
                    "Routes[].VpcPeeringConnectionId",
                ),
                (
                    "route.egress-only-internet-gateway-id",
                    "Routes[].EgressOnlyInternetGatewayId",
                ),
                ("route.origin", "Routes[].Origin"),
                ("route.state", "Routes[].State"),
                ("owner-id", "OwnerId"),
            ]),
        delete("DeleteRouteTable", "RouteTableId", Shows::Nothing).prepare(only_free),
        run("CreateRoute", create_route),
        run("ReplaceRoute", replace_route),
        run("DeleteRoute", delete_route),
        run("AssociateRouteTable", associate),
        run("ReplaceRouteTableAssociation", replace_association),
        run("DisassociateRouteTable", disassociate),
    ],
    ..Kind::NEW
};

/// A route whose target is gone is a black hole; one whose target came back leads there again.
fn show(call: &Call, table: &Record, body: &mut Map<String, Json>) {
    let Some(Json::Array(routes)) = body.get_mut("Routes") else {
        return;
    };
    routes.extend(endpoints::routes(call, &table.id));
    for route in routes {
        let target = |member: &str| route[member].as_str();
        let leads = match (
            target("GatewayId"),
            target("NatGatewayId"),
            target("NetworkInterfaceId"),
        ) {
            (Some(gateway), ..) if gateway.starts_with("igw-") => {
                gateways::attached_to(call, table.text("VpcId"))
                    .is_some_and(|attached| attached.id == gateway)
            }
            (_, Some(nat), _) => call
                .find("ec2/nat-gateway", nat)
                .is_some_and(|nat| nat.is("State", "available")),
            (Some(endpoint), ..) if endpoint.starts_with("vpce-") => call
                .find("ec2/vpc-endpoint", endpoint)
                .is_some_and(|endpoint| endpoint.is("State", "available")),
            _ if target("VpcPeeringConnectionId").is_some() => {
                let id = target("VpcPeeringConnectionId").unwrap_or_default();
                call.find("ec2/vpc-peering-connection", id)
                    .is_some_and(|peering| peering.is("Status.Code", "active"))
            }
            (.., Some(interface)) => call.find("ec2/network-interface", interface).is_some(),
            _ => true,
        };
        route["State"] = json!(if leads { "active" } else { "blackhole" });
    }
}

fn local_routes(call: &Call, vpc: &str) -> Vec<Json> {
    let Some(vpc) = call.find("ec2/vpc", vpc) else {
        return Vec::new();
    };
    let local = |member: &str, block: String| json!({member: block, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
    let four = super::ranges::associated(vpc)
        .into_iter()
        .map(|block| local("DestinationCidrBlock", block));
    let six = super::ranges::associated_six(vpc)
        .into_iter()
        .map(|block| local("DestinationIpv6CidrBlock", block));
    four.chain(six).collect()
}

/// The main route table of a new VPC.
pub(super) fn make_main(call: &mut Call, vpc: &str) -> Result<(), Refusal> {
    let routes = local_routes(call, vpc);
    let table = call.make_part(
        ROUTE_TABLE.name,
        vpc,
        json!({"VpcId": vpc, "Routes": routes}),
    )?;
    let association = association(call, &table.id, json!({"Main": true}));
    call.update(ROUTE_TABLE.name, &table.id, |table| {
        table.list_mut("Associations").push(association)
    });
    Ok(())
}

/// After the blocks of a VPC changed.
pub(super) fn refresh_local(call: &mut Call, vpc: &str) {
    let local = local_routes(call, vpc);
    let tables: Vec<String> = call
        .list_where(ROUTE_TABLE.name, "VpcId", vpc)
        .map(|table| table.id.clone())
        .collect();
    for table in tables {
        call.update(ROUTE_TABLE.name, &table, |table| {
            let own = table
                .list("Routes")
                .iter()
                .filter(|route| route["GatewayId"] != "local")
                .cloned();
            let routes: Vec<Json> = local.iter().cloned().chain(own).collect();
            table.set("Routes", routes);
        });
    }
}

/// A deleted subnet's associations go with it.
pub(super) fn forget_subnet(call: &mut Call, subnet: &Key) -> Result<(), Refusal> {
    for key in call.world.referrers(subnet) {
        call.world.update(&key, |table| {
            table
                .list_mut("Associations")
                .retain(|one| one["SubnetId"] != subnet.id.as_str())
        });
    }
    Ok(())
}

fn association(call: &mut Call, table: &str, members: Json) -> Json {
    let digits = call.derive(&format!("rtbassoc {table} {members}"));
    let mut association = json!({"RouteTableAssociationId": format!("rtbassoc-{}", &digits[..17]), "RouteTableId": table, "Main": false,
                                 "AssociationState": {"State": "associated"}});
    for (name, value) in members.as_object().into_iter().flatten() {
        association[name] = value.clone();
    }
    association
}

fn only_free(_: &mut Call, table: &mut Record) -> Result<(), Refusal> {
    if table.list("Associations").is_empty() {
        Ok(())
    } else {
        Err(MAIN_TABLE.fault.with(&[("id", &table.id)]))
    }
}

const DESTINATIONS: [&str; 3] = [
    "DestinationCidrBlock",
    "DestinationIpv6CidrBlock",
    "DestinationPrefixListId",
];

/// (The member, the kind where it is simulated.)
const TARGETS: [(&str, Option<&str>); 12] = [
    ("GatewayId", None),
    ("NatGatewayId", None),
    ("NetworkInterfaceId", Some("ec2/network-interface")),
    ("InstanceId", None),
    ("VpcEndpointId", Some("ec2/vpc-endpoint")),
    ("TransitGatewayId", None),
    ("VpcPeeringConnectionId", Some("ec2/vpc-peering-connection")),
    ("EgressOnlyInternetGatewayId", None),
    ("LocalGatewayId", None),
    ("CarrierGatewayId", None),
    ("CoreNetworkArn", None),
    ("OdbNetworkArn", None),
];

fn destination(call: &Call) -> Result<(&'static str, String), Refusal> {
    let (member, text) = DESTINATIONS.into_iter().find_map(|member| Some((member, call.text(member)?))).ok_or_else(|| {
        Refusal::new("MissingParameter", "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock or destinationPrefixListId")
    })?;
    if member == "DestinationCidrBlock" {
        let block = Block::parse(text).ok_or_else(|| {
            Refusal::new("InvalidParameterValue", format!("Value ({text}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."))
        })?;
        return Ok((member, block.to_string()));
    }
    Ok((member, text.to_owned()))
}

/// The target that the request names, which must be able to take traffic.
fn target(call: &Call, table: &Record) -> Result<(&'static str, String), Refusal> {
    let named: Vec<(&'static str, Option<&str>, &str)> = TARGETS
        .into_iter()
        .filter_map(|(member, kind)| Some((member, kind, call.text(member)?)))
        .collect();
    let (member, kind, id) = match named.as_slice() {
        [one] => *one,
        [] => {
            let message = "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId, localGatewayId, instanceId";
            return Err(Refusal::new("MissingParameter", message));
        }
        _ => {
            return Err(Refusal::new(
                "InvalidParameterCombination",
                "The request must contain exactly one target.",
            ));
        }
    };
    if let Some(kind) = kind {
        call.need(kind, id)?;
    }
    match member {
        "GatewayId" if id.starts_with("igw-") => {
            if call.find("ec2/internet-gateway", id).is_none() {
                return Err(Refusal::new(
                    "InvalidGatewayID.NotFound",
                    format!("The gateway ID '{id}' does not exist"),
                ));
            }
            if gateways::attached_to(call, table.text("VpcId"))
                .is_none_or(|attached| attached.id != id)
            {
                return Err(ROUTE_GATEWAY_ATTACHED
                    .fault
                    .with(&[("table", &table.id), ("id", id)]));
            }
        }
        "GatewayId" if !id.starts_with("vgw-") && !id.starts_with("vpce-") && id != "local" => {
            return Err(Refusal::new(
                "InvalidGatewayID.NotFound",
                format!("The gateway ID '{id}' does not exist"),
            ));
        }
        // "The NAT gateway must be in the available state" before traffic can be routed to it: Amazon VPC User Guide, Work with NAT gateways.
        "NatGatewayId"
            if !call
                .find("ec2/nat-gateway", id)
                .is_some_and(|nat| nat.is("State", "available")) =>
        {
            return Err(Refusal::new(
                "InvalidNatGatewayID.NotFound",
                format!("The natGateway ID '{id}' does not exist"),
            ));
        }
        _ => {}
    }
    // A gateway load balancer's endpoint is told as a gateway (DescribeRouteTables).
    let member = if member == "VpcEndpointId" {
        "GatewayId"
    } else {
        member
    };
    Ok((member, id.to_owned()))
}

fn the_table(call: &Call) -> Result<Record, Refusal> {
    call.need(
        ROUTE_TABLE.name,
        call.text("RouteTableId").unwrap_or_default(),
    )
    .cloned()
}

fn create_route(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let (where_to, block) = destination(call)?;
    let (through, id) = target(call, &table)?;
    if table
        .list("Routes")
        .iter()
        .any(|route| route[where_to] == block.as_str())
    {
        return Err(ROUTE_ONCE.fault.with(&[("id", &block)]));
    }
    let route = json!({where_to: block, through: id, "Origin": "CreateRoute", "State": "active"});
    call.update(ROUTE_TABLE.name, &table.id, |table| {
        table.list_mut("Routes").push(route)
    });
    Ok(json!({"Return": true}))
}

fn replace_route(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let (where_to, block) = destination(call)?;
    let (through, id) = match call.input.get("LocalTarget") {
        Some(Json::Bool(true)) => ("GatewayId", "local".to_owned()),
        _ => target(call, &table)?,
    };
    let Some(at) = table
        .list("Routes")
        .iter()
        .position(|route| route[where_to] == block.as_str())
    else {
        let message = format!(
            "There is no route defined for '{block}' in the route table. Use CreateRoute instead."
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    };
    let origin = table.list("Routes")[at]["Origin"].clone();
    let route = json!({where_to: block, through: id, "Origin": origin, "State": "active"});
    call.update(ROUTE_TABLE.name, &table.id, |table| {
        table.list_mut("Routes")[at] = route
    });
    Ok(json!({}))
}

fn delete_route(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let (where_to, block) = destination(call)?;
    let Some(at) = table
        .list("Routes")
        .iter()
        .position(|route| route[where_to] == block.as_str())
    else {
        let message = format!(
            "no route with destination-cidr-block {block} in route table {}",
            table.id
        );
        return Err(Refusal::new("InvalidRoute.NotFound", message));
    };
    if table.list("Routes")[at]["GatewayId"] == "local" {
        return Err(LOCAL_ROUTE
            .fault
            .with(&[("id", &block), ("table", &table.id)]));
    }
    call.update(ROUTE_TABLE.name, &table.id, |table| {
        table.list_mut("Routes").remove(at);
    });
    Ok(json!({}))
}

fn associate(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let members = match (call.text("SubnetId"), call.text("GatewayId")) {
        (Some(id), None) => {
            let subnet = call.need("ec2/subnet", id)?;
            if subnet.text("VpcId") != table.text("VpcId") {
                return Err(SAME_NETWORK.fault.with(&[("table", &table.id), ("id", id)]));
            }
            json!({"SubnetId": id})
        }
        (None, Some(id)) => {
            let attached = gateways::attached_to(call, table.text("VpcId"))
                .is_some_and(|gateway| gateway.id == id);
            if !attached && id.starts_with("igw-") {
                return Err(ROUTE_GATEWAY_ATTACHED
                    .fault
                    .with(&[("table", &table.id), ("id", id)]));
            }
            json!({"GatewayId": id})
        }
        _ => {
            return Err(Refusal::new(
                "MissingParameter",
                "The request must contain exactly one of subnetId, gatewayId",
            ));
        }
    };
    let same = |one: &&Json| {
        ["SubnetId", "GatewayId"]
            .iter()
            .all(|member| one[*member] == members[*member])
    };
    let of_subnet = members["SubnetId"].as_str();
    let tables: Vec<&Record> = match of_subnet {
        Some(id) => call
            .list_where(ROUTE_TABLE.name, "Associations[].SubnetId", id)
            .collect(),
        None => call.list(ROUTE_TABLE.name).collect(),
    };
    let existing = tables.into_iter().find_map(|other| {
        Some((
            other.id.clone(),
            other.list("Associations").iter().find(same)?.clone(),
        ))
    });
    let one = match existing {
        Some((other, one)) if other == table.id => one,
        Some(_) => return Err(ONE_TABLE.fault.with(&[("table", &table.id)])),
        None => {
            let one = association(call, &table.id, members);
            call.update(ROUTE_TABLE.name, &table.id, |table| {
                table.list_mut("Associations").push(one.clone())
            });
            one
        }
    };
    Ok(
        json!({"AssociationId": one["RouteTableAssociationId"], "AssociationState": {"State": "associated"}}),
    )
}

fn the_association(call: &Call) -> Result<(Record, Json), Refusal> {
    let id = call.text("AssociationId").unwrap_or_default();
    call.list(ROUTE_TABLE.name)
        .find_map(|table| {
            let one = table
                .list("Associations")
                .iter()
                .find(|one| one["RouteTableAssociationId"] == id)?;
            Some((table.clone(), one.clone()))
        })
        .ok_or_else(|| {
            Refusal::new(
                "InvalidAssociationID.NotFound",
                format!("The association ID '{id}' does not exist"),
            )
        })
}

fn take(call: &mut Call, table: &str, association: &Json) {
    call.update(ROUTE_TABLE.name, table, |table| {
        table
            .list_mut("Associations")
            .retain(|one| one["RouteTableAssociationId"] != association["RouteTableAssociationId"]);
    });
}

fn replace_association(call: &mut Call) -> Answer {
    let (old, one) = the_association(call)?;
    let table = the_table(call)?;
    if old.text("VpcId") != table.text("VpcId") {
        let id = one["SubnetId"]
            .as_str()
            .unwrap_or_else(|| old.text("VpcId"));
        return Err(SAME_NETWORK.fault.with(&[("table", &table.id), ("id", id)]));
    }
    let mut members = Map::new();
    for member in ["SubnetId", "GatewayId", "Main"] {
        if let Some(value) = one.get(member) {
            members.insert(member.into(), value.clone());
        }
    }
    let made = association(call, &table.id, Json::Object(members));
    take(call, &old.id, &one);
    let main = one["Main"] == true;
    let vpc = table.text("VpcId").to_owned();
    call.update(ROUTE_TABLE.name, &table.id, |table| {
        table.list_mut("Associations").push(made.clone())
    });
    if main {
        // The VPC's own table is now this one: it goes with the VPC, the other has become one like any other.
        call.update(ROUTE_TABLE.name, &old.id, |table| {
            table.hidden.remove("part of");
        });
        call.update(ROUTE_TABLE.name, &table.id, |table| {
            *table = std::mem::take(table).part_of(&vpc)
        });
    }
    Ok(
        json!({"NewAssociationId": made["RouteTableAssociationId"], "AssociationState": {"State": "associated"}}),
    )
}

fn disassociate(call: &mut Call) -> Answer {
    let (table, one) = the_association(call)?;
    if one["Main"] == true {
        let message = format!(
            "cannot disassociate the main route table association {}",
            path::plain(&one["RouteTableAssociationId"])
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    take(call, &table.id, &one);
    Ok(json!({}))
}
