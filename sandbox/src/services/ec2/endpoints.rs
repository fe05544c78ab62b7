//! VPC endpoints: network interfaces in subnets, or routes in route tables.

use super::interfaces::{self, Opening};
use super::{PAGES, vpc};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, States, Tags, create, describe, run};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// The service is there, and has endpoints of this type.
pub const SERVICE_KNOWN: Law = Law {
    name: "an endpoint is of a service that there is, and of a type that it has",
    operations: &["CreateVpcEndpoint"],
    source: "Amazon EC2 API Reference, Error codes: InvalidServiceName",
    fault: Fault::new(
        "InvalidServiceName",
        "The Vpc Endpoint Service '{id}' does not exist",
    ),
    check: None,
};

/// One subnet of each zone.
pub const ZONES_APART: Law = Law {
    name: "an endpoint has one subnet in each zone",
    operations: &["CreateVpcEndpoint", "ModifyVpcEndpoint"],
    source: "AWS PrivateLink Guide, Create an interface endpoint: one subnet per Availability Zone",
    fault: Fault::new(
        "DuplicateSubnetsInSameZone",
        "Found another VPC endpoint subnet in the availability zone of {id}. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.",
    ),
    check: None,
};

/// Subnets, groups and route tables of its VPC.
pub const OF_VPC: Law = Law {
    name: "an endpoint's subnets, groups and route tables are of its VPC",
    operations: &["CreateVpcEndpoint", "ModifyVpcEndpoint"],
    source: "AWS PrivateLink Guide, Access an AWS service using an interface VPC endpoint",
    fault: Fault::new("InvalidParameter", "{id} does not belong to the VPC {vpc}"),
    check: None,
};

/// Private names need the VPC's DNS.
pub const DNS_OF_VPC: Law = Law {
    name: "private names of an endpoint need a VPC with DNS support and hostnames",
    operations: &["CreateVpcEndpoint", "ModifyVpcEndpoint"],
    source: "Amazon EC2 API Reference, CreateVpcEndpoint: PrivateDnsEnabled",
    fault: Fault::new(
        "InvalidParameter",
        "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {vpc}",
    ),
    check: None,
};

/// A private name leads to one endpoint.
pub const DNS_ONCE: Law = Law {
    name: "one endpoint of a service has its private names in a VPC",
    operations: &["CreateVpcEndpoint", "ModifyVpcEndpoint"],
    source: "AWS PrivateLink Guide, Private DNS names",
    fault: Fault::new(
        "InvalidParameter",
        "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {id} in the VPC {vpc}",
    ),
    check: None,
};

/// A route table leads to a service once.
pub const ROUTED_ONCE: Law = Law {
    name: "a route table has one gateway endpoint of a service",
    operations: &["CreateVpcEndpoint", "ModifyVpcEndpoint"],
    source: "AWS PrivateLink Guide, Gateway endpoints: \"You cannot have more than one endpoint route to a service in a route table\"",
    fault: Fault::new(
        "RouteAlreadyExists",
        "route table {table} already has a route with destination-prefix-list-id {id}",
    ),
    check: None,
};

/// Names for resolvers alone need the way for everybody else.
pub const INBOUND_ONLY: Law = Law {
    name: "private names for inbound resolvers alone need a gateway endpoint of the service",
    operations: &["CreateVpcEndpoint", "ModifyVpcEndpoint"],
    source: "AWS PrivateLink Guide, Private DNS for Amazon S3: PrivateDnsOnlyForInboundResolverEndpoint",
    fault: Fault::new(
        "InvalidParameter",
        "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC {vpc} must have a Gateway endpoint for the service.",
    ),
    check: None,
};

/// How long an endpoint with network interfaces takes to become available, to change and to go, and how long its network
/// interfaces stay afterwards.
const SECONDS: (f64, f64, f64, f64) = (60.0, 15.0, 30.0, 45.0);

/// An endpoint.
pub const VPC_ENDPOINT: Kind = Kind {
    name: "ec2/vpc-endpoint",
    id: Id::Hex("vpce-"),
    id_member: "VpcEndpointId",
    arn: "arn:{partition}:ec2:{region}:{account}:vpc-endpoint/{id}",
    created_member: "CreationTimestamp",
    defaults: Some(|call| {
        json!({"VpcEndpointType": "Gateway", "OwnerId": call.account, "RequesterManaged": false, "RouteTableIds": [], "SubnetIds": [],
               "Groups": [], "NetworkInterfaceIds": [], "PrivateDnsEnabled": false})
    }),
    tags: Tags::List("Tags"),
    token: "ClientToken",
    states: Some(States {
        creating: ("pending", SECONDS.0),
        deleting: Some(("deleting", SECONDS.2)),
        ..States::NEW
    }),
    refers: &[
        Reference::new("VpcId", "ec2/vpc").source("Amazon EC2 API Reference, DeleteVpc"),
        // Its network interfaces keep subnets and groups.
        Reference::new("SubnetIds[]", "ec2/subnet").loose(),
        Reference::new("Groups[].GroupId", "ec2/security-group").loose(),
        Reference::new("RouteTableIds[]", "ec2/route-table").loose(),
    ],
    not_found: Fault::new(
        "InvalidVpcEndpointId.NotFound",
        "The Vpc Endpoint Id '{id}' does not exist",
    ),
    show: Some(show),
    on_event: Some(event),
    operations: &[
        create(
            "CreateVpcEndpoint",
            Shows::With(|call, endpoint| {
                let mut answer = json!({"VpcEndpoint": call.show(VPC_ENDPOINT.name, endpoint)});
                if let Some(token) = call.text("ClientToken") {
                    answer["ClientToken"] = json!(token);
                }
                answer
            }),
        )
        .control(&["SecurityGroupIds", "SubnetConfigurations"])
        .before(complete)
        .prepare(|call, endpoint| {
            if kind_of(endpoint) == "Gateway" {
                endpoint.steps.clear();
                endpoint.set("State", "available");
            } else if endpoint.text("ServiceName").contains(".vpce-svc-") {
                // Of somebody's own service: its owner has to accept, and nobody does here.
                endpoint.steps.clear();
                endpoint.set("State", "pendingAcceptance");
            }
            check(call, endpoint, None)
        })
        .done(|call, key| furnish(call, &key.id)),
        describe("DescribeVpcEndpoints", "VpcEndpointIds", "VpcEndpoints")
            .paging(PAGES)
            .filters(&[
                ("vpc-endpoint-id", "VpcEndpointId"),
                ("vpc-id", "VpcId"),
                ("service-name", "ServiceName"),
                ("service-region", "ServiceRegion"),
                ("vpc-endpoint-state", "State"),
                ("vpc-endpoint-type", "VpcEndpointType"),
                ("ip-address-type", "IpAddressType"),
            ]),
        run("ModifyVpcEndpoint", change),
        run("DeleteVpcEndpoints", delete_endpoints),
    ],
    ..Kind::NEW
};

fn kind_of(endpoint: &Record) -> &str {
    endpoint.text("VpcEndpointType")
}

/// "We attach a default policy that allows full access to the service": CreateVpcEndpoint, Amazon EC2 API Reference.
const OPEN: &str = r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;

/// The last part of an AWS service's name, where it is one of the region's: `com.amazonaws.eu-west-1.s3`.
fn service<'n>(name: &'n str, region: &str) -> Option<&'n str> {
    ["com.amazonaws", "aws.api", "aws.sagemaker"]
        .iter()
        .find_map(|owner| name.strip_prefix(&format!("{owner}.{region}.")))
}

/// What AWS fills in before anything is checked.
fn complete(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let kind = path::text(members, "VpcEndpointType")
        .unwrap_or("Gateway")
        .to_owned();
    let name = path::text(members, "ServiceName")
        .unwrap_or_default()
        .to_owned();
    let region = path::text(members, "ServiceRegion")
        .unwrap_or(&call.region)
        .to_owned();
    let vpc = call
        .need("ec2/vpc", call.text("VpcId").unwrap_or_default())?
        .clone();
    let of_aws = service(&name, &region).is_some();
    let known = match kind.as_str() {
        "Gateway" => matches!(service(&name, &region), Some("s3" | "dynamodb")),
        "Interface" => {
            of_aws || name.starts_with(&format!("com.amazonaws.vpce.{region}.vpce-svc-"))
        }
        "GatewayLoadBalancer" => {
            name.starts_with(&format!("com.amazonaws.vpce.{region}.vpce-svc-"))
        }
        // These name a resource configuration or a service network.
        _ => true,
    };
    if !known {
        return Err(SERVICE_KNOWN.fault.with(&[("id", &name)]));
    }
    if kind == "Gateway" || kind == "Interface" {
        members
            .entry("PolicyDocument".to_owned())
            .or_insert_with(|| json!(OPEN));
    }
    if kind == "Gateway" {
        return Ok(());
    }
    members
        .entry("IpAddressType".to_owned())
        .or_insert_with(|| json!("ipv4"));
    members
        .entry("ServiceRegion".to_owned())
        .or_insert_with(|| json!(region));
    if kind == "GatewayLoadBalancer" {
        return Ok(());
    }
    members
        .entry("PrivateDnsEnabled".to_owned())
        .or_insert(Json::Bool(of_aws));
    let mut options = json!({"DnsRecordIpType": "ipv4"});
    for (name, value) in members
        .get("DnsOptions")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        options[name] = value.clone();
    }
    members.insert("DnsOptions".into(), options);
    let mut groups = call.texts("SecurityGroupIds[]");
    if groups.is_empty() {
        // "If this parameter is not specified, we use the default security group for the VPC": CreateVpcEndpoint.
        let default = call
            .list_where("ec2/security-group", "VpcId", &vpc.id)
            .find(|group| group.is("GroupName", "default"));
        groups.extend(default.map(|group| group.id.clone()));
    }
    members.insert("Groups".into(), shown_groups(call, &groups)?);
    Ok(())
}

fn shown_groups(call: &Call, ids: &[String]) -> Result<Json, Refusal> {
    ids.iter()
        .map(|id| {
            let group = call.need("ec2/security-group", id)?;
            Ok(json!({"GroupId": id, "GroupName": group.text("GroupName")}))
        })
        .collect::<Result<Vec<Json>, Refusal>>()
        .map(Json::Array)
}

/// What AWS refuses of an endpoint as it shall be; `before`: as it was.
fn check(call: &Call, endpoint: &Record, before: Option<&Record>) -> Result<(), Refusal> {
    let vpc = call.need("ec2/vpc", endpoint.text("VpcId"))?;
    let parts = [
        ("SubnetIds[]", "ec2/subnet"),
        ("Groups[].GroupId", "ec2/security-group"),
        ("RouteTableIds[]", "ec2/route-table"),
    ];
    for (at, kind) in parts {
        for id in path::texts(&endpoint.body, at) {
            if !call.need(kind, &id)?.is("VpcId", &vpc.id) {
                return Err(OF_VPC.fault.with(&[("id", &id), ("vpc", &vpc.id)]));
            }
        }
    }
    let mut zones = BTreeSet::new();
    for id in path::texts(&endpoint.body, "SubnetIds[]") {
        if !zones.insert(call.need("ec2/subnet", &id)?.text("AvailabilityZone")) {
            return Err(ZONES_APART.fault.with(&[("id", &id)]));
        }
    }
    let name = endpoint.text("ServiceName");
    let siblings: Vec<&Record> = call
        .list_where(VPC_ENDPOINT.name, "VpcId", &vpc.id)
        .filter(|other| other.id != endpoint.id && other.is("ServiceName", name))
        .collect();
    for table in path::texts(&endpoint.body, "RouteTableIds[]") {
        let routed = siblings
            .iter()
            .any(|other| path::texts(&other.body, "RouteTableIds[]").contains(&table));
        if routed {
            let list = prefix_list(name);
            return Err(ROUTED_ONCE.fault.with(&[("table", &table), ("id", &list)]));
        }
    }
    let private = |endpoint: &Record| {
        kind_of(endpoint) == "Interface"
            && endpoint.body.get("PrivateDnsEnabled") == Some(&Json::Bool(true))
    };
    if private(endpoint) && !before.is_some_and(private) {
        if !vpc::is_set(vpc, "EnableDnsSupport") || !vpc::is_set(vpc, "EnableDnsHostnames") {
            return Err(DNS_OF_VPC.fault.with(&[("vpc", &vpc.id)]));
        }
        if siblings.iter().any(|other| private(other)) {
            let domain = private_name(endpoint);
            return Err(DNS_ONCE.fault.with(&[("id", &domain), ("vpc", &vpc.id)]));
        }
    }
    let inbound = "DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint";
    let only = path::pick(&endpoint.body, inbound).contains(&&Json::Bool(true));
    if private(endpoint) && only && !siblings.iter().any(|other| kind_of(other) == "Gateway") {
        return Err(INBOUND_ONLY.fault.with(&[("vpc", &vpc.id)]));
    }
    Ok(())
}

/// Opens a network interface in each subnet that has none, closes those whose subnets have left, and puts all in the endpoint's
/// groups.
fn furnish(call: &mut Call, id: &str) -> Result<(), Refusal> {
    let endpoint = call.need(VPC_ENDPOINT.name, id)?.clone();
    let interface_type = match kind_of(&endpoint) {
        "Gateway" => return Ok(()),
        "GatewayLoadBalancer" => "gateway_load_balancer_endpoint",
        _ => "vpc_endpoint",
    };
    let groups = path::texts(&endpoint.body, "Groups[].GroupId");
    let wanted = path::texts(&endpoint.body, "SubnetIds[]");
    let mut open = Vec::new();
    for interface in path::texts(&endpoint.body, "NetworkInterfaceIds[]") {
        let subnet = call
            .find("ec2/network-interface", &interface)
            .map(|interface| interface.text("SubnetId").to_owned());
        match subnet {
            Some(subnet) if wanted.contains(&subnet) => open.push((subnet, interface)),
            _ => interfaces::close(call, &interface, SECONDS.3),
        }
    }
    let description = format!("VPC Endpoint Interface {id}");
    for subnet in &wanted {
        if open.iter().any(|(known, _)| known == subnet) {
            continue;
        }
        let opening = Opening {
            subnet,
            groups: &groups,
            description: &description,
            interface_type,
            requester: "amazon-vpce",
            ..Opening::default()
        };
        open.push((subnet.clone(), interfaces::open(call, &opening)?.id));
    }
    let shown = shown_groups(call, &groups)?;
    for (_, interface) in &open {
        call.update("ec2/network-interface", interface, |interface| {
            interface.set("Groups", shown.clone())
        });
    }
    let ids: Vec<String> = open.into_iter().map(|(_, interface)| interface).collect();
    call.update(VPC_ENDPOINT.name, id, |endpoint| {
        endpoint.set("NetworkInterfaceIds", json!(ids))
    });
    Ok(())
}

/// ModifyVpcEndpoint.
fn change(call: &mut Call) -> Answer {
    let id = call.text("VpcEndpointId").unwrap_or_default().to_owned();
    let before = call.need(VPC_ENDPOINT.name, &id)?.clone();
    let mut endpoint = before.clone();
    let lists = [
        ("SubnetIds[]", "AddSubnetIds[]", "RemoveSubnetIds[]"),
        (
            "Groups[].GroupId",
            "AddSecurityGroupIds[]",
            "RemoveSecurityGroupIds[]",
        ),
        (
            "RouteTableIds[]",
            "AddRouteTableIds[]",
            "RemoveRouteTableIds[]",
        ),
    ];
    let mut moved = false;
    for (at, add, remove) in lists {
        let (add, remove) = (call.texts(add), call.texts(remove));
        if add.is_empty() && remove.is_empty() {
            continue;
        }
        let mut ids = path::texts(&endpoint.body, at);
        ids.retain(|id| !remove.contains(id));
        ids.extend(add);
        if at.starts_with("Groups") {
            endpoint.set("Groups", shown_groups(call, &ids)?);
        } else {
            moved |= at.starts_with("SubnetIds");
            endpoint.set(at.trim_end_matches("[]"), json!(ids));
        }
    }
    if call.input.get("ResetPolicy") == Some(&Json::Bool(true)) {
        endpoint.set("PolicyDocument", OPEN);
    }
    for member in ["PolicyDocument", "IpAddressType", "PrivateDnsEnabled"] {
        if let Some(value) = call.input.get(member) {
            endpoint.set(member, value.clone());
        }
    }
    for (name, value) in call
        .input
        .get("DnsOptions")
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
    {
        endpoint.set(&format!("DnsOptions.{name}"), value.clone());
    }
    check(call, &endpoint, Some(&before))?;
    if moved && endpoint.is("State", "available") {
        endpoint.set("State", "pending");
        let available = Step::set(call.now + SECONDS.1, "State", "available");
        endpoint.steps.push(available);
    }
    call.world.put(call.key(VPC_ENDPOINT.name, &id), endpoint);
    furnish(call, &id)?;
    Ok(json!({"Return": true}))
}

/// DeleteVpcEndpoints: what cannot be deleted is listed.
fn delete_endpoints(call: &mut Call) -> Answer {
    let mut failed = Vec::new();
    for id in call.texts("VpcEndpointIds[]") {
        if call.find(VPC_ENDPOINT.name, &id).is_none() {
            let message = format!("The Vpc Endpoint '{id}' does not exist");
            let error = json!({"Code": "InvalidVpcEndpoint.NotFound", "Message": message});
            failed.push(json!({"ResourceId": id, "Error": error}));
            continue;
        }
        call.delete(VPC_ENDPOINT.name, &id)?;
    }
    Ok(json!({"Unsuccessful": failed}))
}

/// It is gone; its network interfaces go a little later.
fn event(call: &mut Call, key: &Key, event: &str) {
    if event != "deleted" {
        return;
    }
    let interfaces = call
        .world
        .get(key)
        .map(|endpoint| path::texts(&endpoint.body, "NetworkInterfaceIds[]"));
    for interface in interfaces.unwrap_or_default() {
        interfaces::close(call, &interface, SECONDS.3);
    }
}

/// The identifier of a service's prefix list in a region.
fn prefix_list(service: &str) -> String {
    format!("pl-{}", &digest(&["prefix list", service])[..8])
}

/// The routes that endpoints put into a route table.
pub(super) fn routes(call: &Call, table: &str) -> Vec<Json> {
    call.list_where(VPC_ENDPOINT.name, "RouteTableIds[]", table)
        .filter(|endpoint| endpoint.is("State", "available"))
        .map(|endpoint| {
            json!({"DestinationPrefixListId": prefix_list(endpoint.text("ServiceName")), "GatewayId": endpoint.id, "Origin": "CreateRoute"})
        })
        .collect()
}

/// `kms.eu-west-1.amazonaws.com`.
fn private_name(endpoint: &Record) -> String {
    let region = endpoint.text("ServiceRegion");
    let name = service(endpoint.text("ServiceName"), region).unwrap_or_default();
    let name: Vec<&str> = name.rsplit('.').collect();
    format!("{}.{region}.amazonaws.com", name.join("."))
}

/// The names of an endpoint: of the region, of each zone, and the service's own.
fn show(call: &Call, endpoint: &Record, body: &mut Map<String, Json>) {
    if kind_of(endpoint) != "Interface" {
        return;
    }
    let region = endpoint.text("ServiceRegion");
    let name = match service(endpoint.text("ServiceName"), region) {
        Some(name) => name.rsplit('.').collect::<Vec<_>>().join("."),
        None => endpoint
            .text("ServiceName")
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .to_owned(),
    };
    let suffix = &digest(&["vpce name", &endpoint.id])[..8];
    let zone = format!(
        "Z{}",
        digest(&["vpce zone", region])[..13].to_ascii_uppercase()
    );
    let entry = |middle: &str| {
        let host = format!("{}-{suffix}{middle}", endpoint.id);
        json!({"DnsName": format!("{host}.{name}.{region}.vpce.amazonaws.com"), "HostedZoneId": zone})
    };
    let mut entries = vec![entry("")];
    for subnet in path::texts(&endpoint.body, "SubnetIds[]") {
        let zone = call.find("ec2/subnet", &subnet);
        entries.extend(zone.map(|subnet| entry(&format!("-{}", subnet.text("AvailabilityZone")))));
    }
    if endpoint.body.get("PrivateDnsEnabled") == Some(&Json::Bool(true)) {
        let own = format!(
            "Z{}",
            digest(&["private zone", &endpoint.id])[..20].to_ascii_uppercase()
        );
        entries.push(json!({"DnsName": private_name(endpoint), "HostedZoneId": own}));
    }
    body.insert("DnsEntries".into(), Json::Array(entries));
}
