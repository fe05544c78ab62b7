//! Internet gateways and NAT gateways.

use super::PAGES;
use super::interfaces::{self, Opening};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, States, Tags, create, delete, describe, run};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// One internet gateway per VPC, one VPC per internet gateway.
pub const ONE_GATEWAY: Law = Law {
    name: "an internet gateway is attached once, a VPC has one",
    operations: &["AttachInternetGateway"],
    source: "Amazon EC2 API Reference, Error codes: Resource.AlreadyAssociated",
    fault: Fault::new(
        "Resource.AlreadyAssociated",
        "resource {id} is already attached to network {vpc}",
    ),
    check: Some(|call, law| {
        let (gateway, vpc) = (
            call.text("InternetGatewayId").unwrap_or_default(),
            call.text("VpcId").unwrap_or_default(),
        );
        if let Some(attached) = call
            .find("ec2/internet-gateway", gateway)
            .and_then(|gateway| path::text(&gateway.body, "Attachments[].VpcId"))
        {
            return Err(law.fault.with(&[("id", gateway), ("vpc", attached)]));
        }
        if attached_to(call, vpc).is_some() {
            let message = format!("Network {vpc} already has an internet gateway attached");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        Ok(())
    }),
};

/// Only what is attached can be detached.
pub const GATEWAY_ATTACHED: Law = Law {
    name: "only an attached internet gateway is detached",
    operations: &["DetachInternetGateway"],
    source: "Amazon EC2 API Reference, Error codes: Gateway.NotAttached",
    fault: Fault::new(
        "Gateway.NotAttached",
        "resource {id} is not attached to network {vpc}",
    ),
    check: Some(|call, law| {
        let (gateway, vpc) = (
            call.text("InternetGatewayId").unwrap_or_default(),
            call.text("VpcId").unwrap_or_default(),
        );
        let found = call.need("ec2/internet-gateway", gateway)?;
        if path::text(&found.body, "Attachments[].VpcId") == Some(vpc) {
            return Ok(());
        }
        Err(law.fault.with(&[("id", gateway), ("vpc", vpc)]))
    }),
};

/// A VPC with public addresses keeps its internet gateway.
pub const MAPPED_ADDRESSES: Law = Law {
    name: "an internet gateway stays while public addresses are mapped",
    operations: &["DetachInternetGateway"],
    source: "Amazon EC2 API Reference, DetachInternetGateway: \"The VPC must not contain any running instances with Elastic IP addresses or public IPv4 addresses\"",
    fault: Fault::new(
        "DependencyViolation",
        "Network {vpc} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.",
    ),
    check: Some(|call, law| {
        let vpc = call.text("VpcId").unwrap_or_default();
        match interfaces::public_addresses(call, vpc).next() {
            Some(_) => Err(law.fault.with(&[("vpc", vpc)])),
            None => Ok(()),
        }
    }),
};

/// A public NAT gateway fails in a VPC without an attached internet gateway.
pub const NAT_NEEDS_GATEWAY: Law = Law {
    name: "a public NAT gateway needs an internet gateway in its VPC",
    operations: &["CreateNatGateway"],
    source: "Amazon VPC User Guide, Troubleshoot NAT gateways: \"Network vpc-xxxxxxxx has no Internet gateway attached\"",
    fault: Fault::new(
        "Gateway.NotAttached",
        "Network {vpc} has no Internet gateway attached",
    ),
    check: None,
};

/// A public NAT gateway fails with an address that is taken.
pub const NAT_ADDRESS: Law = Law {
    name: "a public NAT gateway needs an address of its own",
    operations: &["CreateNatGateway"],
    source: "Amazon VPC User Guide, Troubleshoot NAT gateways: \"Elastic IP address eipalloc-xxxxxxxx is already associated\"",
    fault: Fault::new(
        "Resource.AlreadyAssociated",
        "Elastic IP address [{id}] is already associated",
    ),
    check: None,
};

/// The internet gateway that is attached to this VPC.
pub fn attached_to<'a>(call: &'a Call, vpc: &'a str) -> Option<&'a Record> {
    call.list_where("ec2/internet-gateway", "Attachments[].VpcId", vpc)
        .next()
}

/// An internet gateway.
pub const INTERNET_GATEWAY: Kind = Kind {
    name: "ec2/internet-gateway",
    id: Id::Hex("igw-"),
    id_member: "InternetGatewayId",
    arn: "arn:{partition}:ec2:{region}:{account}:internet-gateway/{id}",
    defaults: Some(|call| json!({"Attachments": [], "OwnerId": call.account})),
    tags: Tags::List("Tags"),
    refers: &[Reference::new("Attachments[].VpcId", "ec2/vpc")
        .source("Amazon EC2 API Reference, DeleteVpc")],
    not_found: Fault::new(
        "InvalidInternetGatewayID.NotFound",
        "The internetGateway ID '{id}' does not exist",
    ),
    in_use: Fault::new(
        "DependencyViolation",
        "The internetGateway '{id}' has dependencies and cannot be deleted.",
    ),
    operations: &[
        create("CreateInternetGateway", Shows::In("InternetGateway")),
        describe(
            "DescribeInternetGateways",
            "InternetGatewayIds",
            "InternetGateways",
        )
        .paging(PAGES)
        .filters(&[
            ("internet-gateway-id", "InternetGatewayId"),
            ("attachment.vpc-id", "Attachments[].VpcId"),
            ("attachment.state", "Attachments[].State"),
            ("owner-id", "OwnerId"),
        ]),
        delete("DeleteInternetGateway", "InternetGatewayId", Shows::Nothing).prepare(only_detached),
        run("AttachInternetGateway", attach),
        run("DetachInternetGateway", detach),
    ],
    ..Kind::NEW
};

fn only_detached(_: &mut Call, gateway: &mut Record) -> Result<(), Refusal> {
    if gateway.list("Attachments").is_empty() {
        Ok(())
    } else {
        Err(INTERNET_GATEWAY.in_use.with(&[("id", &gateway.id)]))
    }
}

fn attach(call: &mut Call) -> Answer {
    let gateway = call
        .need(
            "ec2/internet-gateway",
            call.text("InternetGatewayId").unwrap_or_default(),
        )?
        .id
        .clone();
    let vpc = call
        .need("ec2/vpc", call.text("VpcId").unwrap_or_default())?
        .id
        .clone();
    call.update("ec2/internet-gateway", &gateway, |gateway| {
        gateway.set("Attachments", json!([{"State": "available", "VpcId": vpc}]))
    });
    Ok(json!({}))
}

fn detach(call: &mut Call) -> Answer {
    let gateway = call
        .need(
            "ec2/internet-gateway",
            call.text("InternetGatewayId").unwrap_or_default(),
        )?
        .id
        .clone();
    call.update("ec2/internet-gateway", &gateway, |gateway| {
        gateway.set("Attachments", json!([]))
    });
    Ok(json!({}))
}

/// How long a NAT gateway takes to become available, to fail and to be deleted, and how long a deleted or failed one is still
/// described ("about an hour": Amazon VPC User Guide, Delete a NAT gateway).
const NAT_SECONDS: (f64, f64, f64, f64) = (90.0, 10.0, 45.0, 3600.0);

/// A NAT gateway.
pub const NAT_GATEWAY: Kind = Kind {
    name: "ec2/nat-gateway",
    id: Id::Hex("nat-"),
    id_member: "NatGatewayId",
    arn: "arn:{partition}:ec2:{region}:{account}:natgateway/{id}",
    tag_type: "natgateway",
    created_member: "CreateTime",
    defaults: Some(|_| json!({"ConnectivityType": "public"})),
    tags: Tags::List("Tags"),
    token: "ClientToken",
    states: Some(States {
        creating: ("pending", NAT_SECONDS.0),
        deleting: Some(("deleting", NAT_SECONDS.2)),
        deleted: Some(("deleted", NAT_SECONDS.3)),
        ..States::NEW
    }),
    refers: &[
        Reference::new("SubnetId", "ec2/subnet").source("Amazon EC2 API Reference, DeleteSubnet"),
        Reference::new("NatGatewayAddresses[].AllocationId", "ec2/elastic-ip")
            .missing(Fault::new(
                "InvalidAllocationID.NotFound",
                "The allocation ID '{id}' does not exist",
            ))
            .source("Amazon EC2 API Reference, ReleaseAddress"),
    ],
    not_found: Fault::new("NatGatewayNotFound", "The Nat Gateway {id} was not found"),
    on_event: Some(event),
    operations: &[
        create(
            "CreateNatGateway",
            Shows::With(|call, record| {
                let mut answer = json!({"NatGateway": call.show(NAT_GATEWAY.name, record)});
                if let Some(token) = call.text("ClientToken") {
                    answer["ClientToken"] = json!(token);
                }
                answer
            }),
        )
        .control(&[
            "AllocationId",
            "PrivateIpAddress",
            "SecondaryAllocationIds",
            "SecondaryPrivateIpAddresses",
            "SecondaryPrivateIpAddressCount",
        ])
        .before(complete_nat)
        .done(furnish_nat),
        describe("DescribeNatGateways", "NatGatewayIds", "NatGateways")
            .paging(PAGES)
            .filters(NAT_FILTERS),
        run("DeleteNatGateway", delete_nat),
        run("AssociateNatGatewayAddress", add_addresses),
        run("DisassociateNatGatewayAddress", |call| {
            drop_addresses(call, "AssociationId", "AssociationIds[]")
        }),
        run("AssignPrivateNatGatewayAddress", add_addresses),
        run("UnassignPrivateNatGatewayAddress", |call| {
            drop_addresses(call, "PrivateIp", "PrivateIpAddresses[]")
        }),
    ],
    ..Kind::NEW
};

const NAT_FILTERS: &[(&str, &str)] = &[
    ("nat-gateway-id", "NatGatewayId"),
    ("state", "State"),
    ("subnet-id", "SubnetId"),
    ("vpc-id", "VpcId"),
];

fn complete_nat(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let subnet = path::text(members, "SubnetId").ok_or_else(|| {
        Refusal::new(
            "MissingParameter",
            "The request must contain the parameter subnetId",
        )
    })?;
    let subnet = call.need("ec2/subnet", subnet)?;
    members.insert("VpcId".into(), json!(subnet.text("VpcId")));
    let private = path::text(members, "ConnectivityType") == Some("private");
    match path::text(members, "AllocationId") {
        None if !private => {
            let message = "The request must include the AllocationId parameter. Add the required parameter and retry the request.";
            Err(Refusal::new("MissingParameter", message))
        }
        Some(_) if private => {
            let message = "The AllocationId parameter cannot be specified for a NAT gateway with the connectivity type private.";
            Err(Refusal::new("InvalidParameterCombination", message))
        }
        _ => {
            for id in path::texts(members, "AllocationId")
                .iter()
                .chain(&path::texts(members, "SecondaryAllocationIds[]"))
            {
                call.need("ec2/elastic-ip", id)?;
            }
            Ok(())
        }
    }
}

/// Opens the interface, takes the addresses; or sets out to fail, as AWS does some seconds after it accepted the request.
fn furnish_nat(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let Some(nat) = call.world.get(key).cloned() else {
        return Ok(());
    };
    let vpc = nat.text("VpcId").to_owned();
    let main: Option<String> = call.text("AllocationId").map(str::to_owned);
    let secondary = call.texts("SecondaryAllocationIds[]");
    let taken = main.iter().chain(&secondary).find(|id| {
        call.find("ec2/elastic-ip", id)
            .is_some_and(|address| !address.text("AssociationId").is_empty())
            || in_nat(call, id, &nat.id)
    });
    let failure = if nat.is("ConnectivityType", "public") && attached_to(call, &vpc).is_none() {
        Some(NAT_NEEDS_GATEWAY.fault.with(&[("vpc", &vpc)]))
    } else {
        taken.map(|id| NAT_ADDRESS.fault.with(&[("id", id)]))
    };
    let description = format!("Interface for NAT Gateway {}", nat.id);
    let wanted = call.text("PrivateIpAddress").map(str::to_owned);
    let opening = Opening {
        subnet: nat.text("SubnetId"),
        description: &description,
        interface_type: "nat_gateway",
        requester: "amazon-natgw",
        address: wanted.as_deref(),
        ..Opening::default()
    };
    let interface = match interfaces::open(call, &opening) {
        Ok(interface) => interface,
        Err(refusal) => {
            call.world.remove(key);
            return Err(refusal);
        }
    };
    let mut wanted = vec![(main, interface.text("PrivateIpAddress").to_owned())];
    wanted.extend(further(
        call,
        &nat,
        &interface.id,
        &secondary,
        "SecondaryPrivateIpAddresses[]",
        "SecondaryPrivateIpAddressCount",
    )?);
    let shown = take_addresses(call, &interface.id, wanted, true, failure.is_none())?;
    let now = call.now;
    call.world.update(key, |nat| {
        nat.set("NatGatewayAddresses", shown);
        if let Some(failure) = failure {
            nat.steps.clear();
            let set = vec![
                ("State".to_owned(), json!("failed")),
                ("FailureCode".to_owned(), json!(failure.code)),
                ("FailureMessage".to_owned(), json!(failure.message)),
            ];
            nat.steps.push(Step {
                at: now + NAT_SECONDS.1,
                set,
                event: Some("failed".into()),
                dies: true,
                gone: false,
            });
            nat.steps.push(Step::gone(now + NAT_SECONDS.3));
        }
    });
    Ok(())
}

/// Further private addresses on a NAT gateway's interface, with the allocations that they are for.
fn further(
    call: &mut Call,
    nat: &Record,
    interface: &str,
    allocations: &[String],
    addresses: &str,
    count: &str,
) -> Result<Vec<(Option<String>, String)>, Refusal> {
    let subnet = call.need("ec2/subnet", nat.text("SubnetId"))?.clone();
    let mut wanted: Vec<Option<String>> = call.texts(addresses).into_iter().map(Some).collect();
    let count = call.input.get(count).and_then(Json::as_u64).unwrap_or(0) as usize;
    wanted.resize(wanted.len().max(count).max(allocations.len()), None);
    let mut made = Vec::new();
    for (nth, wanted) in wanted.into_iter().enumerate() {
        let digits = digest(&[&nat.id, &nth.to_string()]);
        let address = interfaces::free_address(call, &subnet, wanted.as_deref(), &digits)?;
        let shown = json!({"Primary": false, "PrivateIpAddress": address});
        call.update("ec2/network-interface", interface, |interface| {
            interface.list_mut("PrivateIpAddresses").push(shown);
        });
        made.push((allocations.get(nth).cloned(), address));
    }
    Ok(made)
}

/// Associates the allocations with the private addresses; gives what the NAT gateway shows of them.
fn take_addresses(
    call: &mut Call,
    interface: &str,
    addresses: Vec<(Option<String>, String)>,
    primary: bool,
    succeeds: bool,
) -> Result<Vec<Json>, Refusal> {
    let mut shown = Vec::new();
    for (nth, (allocation, private)) in addresses.into_iter().enumerate() {
        let status = if succeeds { "succeeded" } else { "failed" };
        let mut address = json!({"NetworkInterfaceId": interface, "PrivateIp": private, "IsPrimary": primary && nth == 0, "Status": status});
        if let Some(id) = allocation {
            address["AllocationId"] = json!(id);
            if succeeds {
                address["PublicIp"] = json!(call.need("ec2/elastic-ip", &id)?.text("PublicIp"));
                address["AssociationId"] =
                    json!(super::addresses::associate(call, &id, interface, &private));
            }
        }
        shown.push(address);
    }
    Ok(shown)
}

/// AssociateNatGatewayAddress (public ones), AssignPrivateNatGatewayAddress (private ones).
fn add_addresses(call: &mut Call) -> Answer {
    let nat = call
        .need(
            NAT_GATEWAY.name,
            call.text("NatGatewayId").unwrap_or_default(),
        )?
        .clone();
    let allocations = call.texts("AllocationIds[]");
    for id in &allocations {
        let address = call.need("ec2/elastic-ip", id)?;
        if !address.text("AssociationId").is_empty() {
            return Err(NAT_ADDRESS.fault.with(&[("id", id)]));
        }
    }
    let interface = path::text(&nat.body, "NatGatewayAddresses[].NetworkInterfaceId")
        .unwrap_or_default()
        .to_owned();
    let wanted = further(
        call,
        &nat,
        &interface,
        &allocations,
        "PrivateIpAddresses[]",
        "PrivateIpAddressCount",
    )?;
    let shown = take_addresses(call, &interface, wanted, false, true)?;
    let new = shown.clone();
    call.update(NAT_GATEWAY.name, &nat.id, |nat| {
        nat.list_mut("NatGatewayAddresses").extend(new)
    });
    Ok(json!({"NatGatewayId": nat.id, "NatGatewayAddresses": shown}))
}

/// DisassociateNatGatewayAddress, UnassignPrivateNatGatewayAddress: the primary address stays.
fn drop_addresses(call: &mut Call, member: &str, asked: &str) -> Answer {
    let nat = call
        .need(
            NAT_GATEWAY.name,
            call.text("NatGatewayId").unwrap_or_default(),
        )?
        .clone();
    let asked = call.texts(asked);
    let mut gone = Vec::new();
    for name in &asked {
        let known = nat
            .list("NatGatewayAddresses")
            .iter()
            .find(|one| one[member] == name.as_str());
        match known {
            Some(one) if one["IsPrimary"] == true => {
                let message = format!(
                    "The primary address of {} cannot be removed: {name}",
                    nat.id
                );
                return Err(Refusal::new("InvalidParameterValue", message));
            }
            Some(one) => gone.push(one.clone()),
            None => {
                return Err(Refusal::new(
                    "InvalidParameterValue",
                    format!("{name} is not an address of {}", nat.id),
                ));
            }
        }
    }
    for one in &gone {
        if let Some(id) = one["AllocationId"].as_str() {
            super::addresses::forget(call, id);
        }
        let (interface, private) = (
            one["NetworkInterfaceId"].as_str().unwrap_or_default(),
            &one["PrivateIp"],
        );
        call.update("ec2/network-interface", interface, |record| {
            record
                .list_mut("PrivateIpAddresses")
                .retain(|address| address["PrivateIpAddress"] != *private);
        });
    }
    call.update(NAT_GATEWAY.name, &nat.id, |nat| {
        nat.list_mut("NatGatewayAddresses")
            .retain(|one| !gone.contains(one))
    });
    Ok(json!({"NatGatewayId": nat.id, "NatGatewayAddresses": gone}))
}

fn in_nat(call: &Call, allocation: &str, own: &str) -> bool {
    call.world
        .referrers(&call.key("ec2/elastic-ip", allocation))
        .iter()
        .any(|key| key.kind == NAT_GATEWAY.name && key.id != own)
}

/// Deleted or failed: the interface goes and the addresses are free.
fn event(call: &mut Call, key: &Key, event: &str) {
    if event == "ready" {
        return;
    }
    let Some(nat) = call.world.get(key).cloned() else {
        return;
    };
    if event == "deleted" {
        let now = call.now;
        call.world.update(key, |nat| nat.set("DeleteTime", now));
    }
    for id in path::texts(&nat.body, "NatGatewayAddresses[].NetworkInterfaceId") {
        for allocation in path::texts(&nat.body, "NatGatewayAddresses[].AllocationId") {
            let ours = call
                .find("ec2/elastic-ip", &allocation)
                .is_some_and(|address| address.is("NetworkInterfaceId", &id));
            if ours {
                super::addresses::forget(call, &allocation);
            }
        }
        interfaces::close(call, &id, 0.0);
    }
}

fn delete_nat(call: &mut Call) -> Answer {
    let id = call.text("NatGatewayId").unwrap_or_default().to_owned();
    let found = call
        .find_any(NAT_GATEWAY.name, &id)
        .ok_or_else(|| NAT_GATEWAY.not_found.with(&[("id", &id)]))?;
    match found.text("State") {
        "failed" => call.update(NAT_GATEWAY.name, &id, |nat| nat.set("State", "deleted")),
        "deleting" | "deleted" => {}
        _ => call.delete(NAT_GATEWAY.name, &id)?,
    }
    Ok(json!({"NatGatewayId": id}))
}
