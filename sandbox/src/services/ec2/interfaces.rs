//! Network interfaces: those that are asked for, and those that NAT gateways, load balancers, tasks and databases open.

use super::cidr::Block;
use super::{PAGES, interface_addresses, zones};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, States, Tags, create, delete, describe, run};
use crate::path;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// A network interface.
pub const INTERFACE: Kind = Kind {
    name: "ec2/network-interface",
    id: Id::Hex("eni-"),
    id_member: "NetworkInterfaceId",
    arn: "arn:{partition}:ec2:{region}:{account}:network-interface/{id}",
    defaults: Some(|call| {
        json!({"Description": "", "InterfaceType": "interface", "OwnerId": call.account, "RequesterManaged": false, "SourceDestCheck": true,
               "Status": "available", "Ipv6Addresses": [], "Ipv4Prefixes": [], "Ipv6Prefixes": []})
    }),
    tags: Tags::List("TagSet"),
    states: Some(States {
        member: "Status",
        creating: ("pending", 0.0),
        ..States::NEW
    }),
    token: "ClientToken",
    refers: &[
        Reference::new("SubnetId", "ec2/subnet").source("Amazon EC2 API Reference, DeleteSubnet"),
        Reference::new("VpcId", "ec2/vpc")
            .unchecked()
            .source("Amazon EC2 API Reference, DeleteVpc"),
        Reference::new("Attachment.InstanceId", "ec2/instance")
            .unchecked()
            .loose(),
        Reference::new("Groups[].GroupId", "ec2/security-group")
            .source("Amazon EC2 API Reference, DeleteSecurityGroup"),
    ],
    not_found: Fault::new(
        "InvalidNetworkInterfaceID.NotFound",
        "The networkInterface ID '{id}' does not exist",
    ),
    in_use: Fault::new(
        "InvalidNetworkInterface.InUse",
        "Network interface '{id}' is currently in use.",
    ),
    operations: &[
        create("CreateNetworkInterface", Shows::In("NetworkInterface"))
            .rename(&[(
                "ConnectionTrackingSpecification",
                "ConnectionTrackingConfiguration",
            )])
            .control(&[
                "SecondaryPrivateIpAddressCount",
                "Ipv4PrefixCount",
                "Ipv6AddressCount",
                "Ipv6PrefixCount",
                "EnablePrimaryIpv6",
            ])
            .before(named_groups)
            .prepare(asked_interface),
        describe(
            "DescribeNetworkInterfaces",
            "NetworkInterfaceIds",
            "NetworkInterfaces",
        )
        .paging(PAGES)
        .filters(&[
            ("network-interface-id", "NetworkInterfaceId"),
            ("subnet-id", "SubnetId"),
            ("vpc-id", "VpcId"),
            ("availability-zone", "AvailabilityZone"),
            ("group-id", "Groups[].GroupId"),
            ("group-name", "Groups[].GroupName"),
            ("description", "Description"),
            ("interface-type", "InterfaceType"),
            ("status", "Status"),
            ("owner-id", "OwnerId"),
            ("requester-id", "RequesterId"),
            ("requester-managed", "RequesterManaged"),
            ("private-ip-address", "PrivateIpAddress"),
            (
                "addresses.private-ip-address",
                "PrivateIpAddresses[].PrivateIpAddress",
            ),
            ("association.allocation-id", "Association.AllocationId"),
            ("association.association-id", "Association.AssociationId"),
            ("association.public-ip", "Association.PublicIp"),
            ("association.ip-owner-id", "Association.IpOwnerId"),
            ("attachment.status", "Attachment.Status"),
            ("attachment.attachment-id", "Attachment.AttachmentId"),
            ("attachment.instance-id", "Attachment.InstanceId"),
            ("attachment.device-index", "Attachment.DeviceIndex"),
            (
                "attachment.delete-on-termination",
                "Attachment.DeleteOnTermination",
            ),
            ("attachment.instance-owner-id", "Attachment.InstanceOwnerId"),
            ("ipv6-addresses.ipv6-address", "Ipv6Addresses[].Ipv6Address"),
            ("private-dns-name", "PrivateDnsName"),
            ("source-dest-check", "SourceDestCheck"),
            ("mac-address", "MacAddress"),
        ]),
        delete(
            "DeleteNetworkInterface",
            "NetworkInterfaceId",
            Shows::Nothing,
        )
        .prepare(only_idle),
        run("ModifyNetworkInterfaceAttribute", modify_attribute),
        run("AssignPrivateIpAddresses", interface_addresses::assign_ipv4),
        run(
            "UnassignPrivateIpAddresses",
            interface_addresses::unassign_ipv4,
        ),
        run("AssignIpv6Addresses", interface_addresses::assign_ipv6),
        run("UnassignIpv6Addresses", interface_addresses::unassign_ipv6),
        run("ModifyPublicIpDnsNameOptions", public_names),
        run("AttachNetworkInterface", attach),
        run("DetachNetworkInterface", detach),
    ],
    ..Kind::NEW
};

/// What a service asks for when it opens an interface of its own.
#[derive(Debug, Clone, Default)]
pub struct Opening<'a> {
    /// The subnet.
    pub subnet: &'a str,
    /// Security group identifiers.
    pub groups: &'a [String],
    /// What AWS writes: `ELB app/name/id`, `Interface for NAT Gateway nat-…`.
    pub description: &'a str,
    /// `interface`, `nat_gateway`, `network_load_balancer` …
    pub interface_type: &'a str,
    /// Who asked: `amazon-elb`, `amazon-rds`, or an account-like number.
    pub requester: &'a str,
    /// Has it a public address of Amazon's pool (an internet-facing load balancer, a task with a public address)?
    pub public: bool,
    /// A wanted private address.
    pub address: Option<&'a str>,
}

/// Opens an interface for a service. It holds its subnet and its groups (deleting them: DependencyViolation) until [`close`] lets it drain; a
/// public address keeps the VPC's internet gateway attached.
///
/// # Errors
/// EC2's not-found of subnet or groups; no free address.
pub fn open(call: &mut Call, opening: &Opening) -> Result<Record, Refusal> {
    let groups: Vec<Json> = opening
        .groups
        .iter()
        .map(|id| json!({"GroupId": id}))
        .collect();
    let kind = if opening.interface_type.is_empty() {
        "interface"
    } else {
        opening.interface_type
    };
    let mut members = json!({
        "SubnetId": opening.subnet, "Groups": groups, "Description": opening.description, "InterfaceType": kind,
        "RequesterId": opening.requester, "RequesterManaged": true, "Status": "in-use",
    });
    if let Some(address) = opening.address {
        members["PrivateIpAddress"] = json!(address);
    }
    let mut record = call.make("ec2/network-interface", members)?;
    if let Err(refusal) = new_interface(call, &mut record) {
        call.remove("ec2/network-interface", &record.id);
        return Err(refusal);
    }
    let digits = digest(&["attachment", &record.id]);
    let attachment = json!({"AttachmentId": format!("eni-attach-{}", &digits[..17]), "Status": "attached", "DeleteOnTermination": false,
                            "DeviceIndex": 1, "InstanceOwnerId": opening.requester, "AttachTime": call.now});
    record.set("Attachment", attachment);
    record.set("Status", "in-use");
    if opening.public {
        let address = zones::public_address(&record.id);
        record.set(
            "Association",
            json!({"PublicIp": address, "IpOwnerId": "amazon"}),
        );
    }
    call.world.put(
        call.key("ec2/network-interface", &record.id),
        record.clone(),
    );
    Ok(record)
}

/// Lets an interface go after so many seconds: until then it still blocks what it uses.
pub fn close(call: &mut Call, id: &str, after: f64) {
    if after <= 0.0 {
        call.remove("ec2/network-interface", id);
        return;
    }
    let at = call.now + after;
    call.update("ec2/network-interface", id, |record| {
        record.steps.push(Step::gone(at))
    });
}

/// Which public addresses are mapped in this VPC.
pub fn public_addresses<'a>(call: &'a Call, vpc: &'a str) -> impl Iterator<Item = &'a Record> {
    call.list_where("ec2/network-interface", "VpcId", vpc)
        .filter(|record| !record.text("Association.PublicIp").is_empty())
}

/// The private addresses in use in a subnet.
pub fn addresses_in(call: &Call, subnet: &str) -> BTreeSet<String> {
    call.world
        .referrers(&call.key("ec2/subnet", subnet))
        .iter()
        .filter(|key| key.kind == INTERFACE.name)
        .filter_map(|key| call.world.get(key))
        .flat_map(|record| path::texts(&record.body, "PrivateIpAddresses[].PrivateIpAddress"))
        .collect()
}

/// A free address: the wanted one, or the first free one from where the digits point (the first four and the last of a subnet are AWS's:
/// "Subnet sizing", Amazon VPC User Guide).
pub fn free_address(
    call: &Call,
    subnet: &Record,
    wanted: Option<&str>,
    digits: &str,
) -> Result<String, Refusal> {
    let used = addresses_in(call, &subnet.id);
    let block = Block::parse(subnet.text("CidrBlock"));
    let (Some(block), size) = (
        block,
        block.map_or(0, |block| block.size().saturating_sub(5)),
    ) else {
        return Err(Refusal::new(
            "InvalidParameterValue",
            "The subnet has no IPv4 CIDR block.",
        ));
    };
    if let Some(wanted) = wanted {
        let within = Block::parse(&format!("{wanted}/32")).is_some_and(|one| block.holds(one));
        if !within {
            return Err(Refusal::new(
                "InvalidParameterValue",
                format!("Address {wanted} does not fall within the subnet's address range"),
            ));
        }
        if used.contains(wanted) {
            return Err(Refusal::new(
                "InvalidIPAddress.InUse",
                format!("Address {wanted} is in use."),
            ));
        }
        return Ok(wanted.to_owned());
    }
    let start = u64::from_str_radix(&digits[..8], 16).unwrap_or_default();
    (0..size)
        .map(|step| block.address(4 + (start + step) % size).to_string())
        .find(|address| !used.contains(address))
        .ok_or_else(|| {
            let message = format!("The specified subnet does not have enough free addresses to satisfy the request: {}", subnet.id);
            Refusal::new("InsufficientFreeAddressesInSubnet", message)
        })
}

fn named_groups(_: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    if let Some(Json::Array(groups)) = members.remove("Groups") {
        let groups = groups
            .into_iter()
            .map(|id| json!({"GroupId": id}))
            .collect();
        members.insert("Groups".into(), groups);
    }
    Ok(())
}

/// An interface that a request asks for, with its further addresses.
fn asked_interface(call: &mut Call, record: &mut Record) -> Result<(), Refusal> {
    let addresses = path::pick(&record.body, "PrivateIpAddresses[]");
    let (primary, secondary): (Vec<&Json>, Vec<&Json>) = addresses
        .into_iter()
        .partition(|one| one["Primary"] == true);
    let text = |one: &&Json| one["PrivateIpAddress"].as_str().map(str::to_owned);
    let further: Vec<String> = secondary.iter().filter_map(text).collect();
    if let Some(primary) = primary.first().and_then(text) {
        record.set("PrivateIpAddress", primary);
    }
    new_interface(call, record)?;
    let input = call.input.clone();
    interface_addresses::furnish(call, record, &input, &further)
}

pub(super) fn new_interface(call: &mut Call, record: &mut Record) -> Result<(), Refusal> {
    let subnet = call.need("ec2/subnet", record.text("SubnetId"))?.clone();
    let vpc = subnet.text("VpcId").to_owned();
    record.set("VpcId", vpc.as_str());
    record.set("AvailabilityZone", subnet.text("AvailabilityZone"));
    record.set("AvailabilityZoneId", subnet.text("AvailabilityZoneId"));
    let asked = path::texts(&record.body, "Groups[].GroupId");
    let default = call
        .list_where("ec2/security-group", "VpcId", &vpc)
        .find(|group| group.is("GroupName", "default"));
    let ids = match (
        asked.is_empty() && !record.is("InterfaceType", "nat_gateway"),
        default,
    ) {
        (true, Some(default)) => vec![default.id.clone()],
        _ => asked,
    };
    record.set("Groups", json!(groups(call, &vpc, &ids)?));
    let digits = digest(&["address", &record.id]);
    let wanted = path::text(&record.body, "PrivateIpAddress").map(str::to_owned);
    let address = free_address(call, &subnet, wanted.as_deref(), &digits)?;
    let suffix = if call.region == "us-east-1" {
        "ec2.internal".to_owned()
    } else {
        format!("{}.compute.internal", call.region)
    };
    let name = format!("ip-{}.{suffix}", address.replace('.', "-"));
    record.set("PrivateIpAddress", address.as_str());
    record.set("PrivateDnsName", name.as_str());
    record.set(
        "PrivateIpAddresses",
        json!([{"Primary": true, "PrivateIpAddress": address, "PrivateDnsName": name}]),
    );
    let mac: Vec<&str> = (0..5).map(|at| &digits[at * 2..at * 2 + 2]).collect();
    record.set("MacAddress", format!("02:{}", mac.join(":")));
    Ok(())
}

pub(super) fn groups(call: &Call, vpc: &str, ids: &[String]) -> Result<Vec<Json>, Refusal> {
    ids.iter()
        .map(|id| {
            let group = call.need("ec2/security-group", id)?;
            if !group.is("VpcId", vpc) {
                let message = format!("The security group '{id}' does not exist in VPC '{vpc}'");
                return Err(Refusal::new("InvalidGroup.NotFound", message));
            }
            Ok(json!({"GroupId": group.id, "GroupName": group.text("GroupName")}))
        })
        .collect()
}

fn only_idle(_: &mut Call, record: &mut Record) -> Result<(), Refusal> {
    if record.body.get("RequesterManaged") == Some(&Json::Bool(true)) {
        return Err(Refusal::new(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    if record.is("Status", "in-use") {
        return Err(INTERFACE.in_use.with(&[("id", &record.id)]));
    }
    Ok(())
}

fn modify_attribute(call: &mut Call) -> Answer {
    let record = call.need(
        "ec2/network-interface",
        call.text("NetworkInterfaceId").unwrap_or_default(),
    )?;
    let (id, vpc) = (record.id.clone(), record.text("VpcId").to_owned());
    let ids = call.texts("Groups[]");
    let groups = (!ids.is_empty())
        .then(|| groups(call, &vpc, &ids))
        .transpose()?;
    let input = call.input.clone();
    call.update("ec2/network-interface", &id, |record| {
        if let Some(groups) = groups {
            record.set("Groups", groups);
        }
        for member in ["Description", "SourceDestCheck"] {
            if let Some(value) = input.get(member).and_then(|sent| sent.get("Value")) {
                record.set(member, value.clone());
            }
        }
        if let Some(Json::Object(times)) = input.get("ConnectionTrackingSpecification") {
            for (name, seconds) in times {
                record.set(
                    &format!("ConnectionTrackingConfiguration.{name}"),
                    seconds.clone(),
                );
            }
        }
        if let Some(deleted) = input
            .get("Attachment")
            .and_then(|at| at.get("DeleteOnTermination"))
        {
            record.set("Attachment.DeleteOnTermination", deleted.clone());
        }
        if input.get("EnablePrimaryIpv6") == Some(&Json::Bool(true)) {
            interface_addresses::enable_primary(record);
        }
    });
    Ok(json!({}))
}

/// ModifyPublicIpDnsNameOptions.
fn public_names(call: &mut Call) -> Answer {
    let id = call
        .need(
            "ec2/network-interface",
            call.text("NetworkInterfaceId").unwrap_or_default(),
        )?
        .id
        .clone();
    let kind = call.text("HostnameType").unwrap_or_default().to_owned();
    call.update("ec2/network-interface", &id, |record| {
        record.set("PublicIpDnsNameOptions.DnsHostnameType", kind)
    });
    Ok(json!({"Successful": true}))
}

/// Puts an interface at an instance.
pub(super) fn attach_to(call: &mut Call, id: &str, instance: &str, index: i64, deleted: bool) {
    let digits = digest(&["attachment", id, instance]);
    let attachment = json!({
        "AttachmentId": format!("eni-attach-{}", &digits[..17]), "Status": "attached", "DeleteOnTermination": deleted,
        "DeviceIndex": index, "NetworkCardIndex": 0, "InstanceId": instance, "InstanceOwnerId": call.account, "AttachTime": call.now,
    });
    call.update("ec2/network-interface", id, |record| {
        record.set("Attachment", attachment);
        record.set("Status", "in-use");
    });
}

/// Takes it away: it stays, or goes where that was asked for.
pub(super) fn leave(call: &mut Call, id: &str) {
    let deleted = call.find("ec2/network-interface", id).is_some_and(|one| {
        one.body
            .get("Attachment")
            .is_some_and(|at| at["DeleteOnTermination"] == true)
    });
    let address = call
        .list_where("ec2/elastic-ip", "NetworkInterfaceId", id)
        .map(|address| address.id.clone())
        .collect::<Vec<_>>();
    if deleted {
        for allocation in address {
            super::addresses::forget(call, &allocation);
        }
        call.remove("ec2/network-interface", id);
        return;
    }
    call.update("ec2/network-interface", id, |record| {
        record.set("Attachment", Json::Null);
        record.set("Status", "available");
    });
}

fn attach(call: &mut Call) -> Answer {
    let interface = call
        .need(
            "ec2/network-interface",
            call.text("NetworkInterfaceId").unwrap_or_default(),
        )?
        .clone();
    let instance = call
        .need("ec2/instance", call.text("InstanceId").unwrap_or_default())?
        .clone();
    if interface.is("Status", "in-use") {
        return Err(INTERFACE.in_use.with(&[("id", &interface.id)]));
    }
    let index = call
        .input
        .get("DeviceIndex")
        .and_then(Json::as_i64)
        .unwrap_or(1);
    attach_to(call, &interface.id, &instance.id, index, false);
    let attached = call.need("ec2/network-interface", &interface.id)?;
    Ok(json!({"AttachmentId": attached.text("Attachment.AttachmentId"), "NetworkCardIndex": 0}))
}

fn detach(call: &mut Call) -> Answer {
    let asked = call.text("AttachmentId").unwrap_or_default();
    let found = call
        .list("ec2/network-interface")
        .find(|one| one.is("Attachment.AttachmentId", asked))
        .cloned();
    let Some(interface) = found else {
        let message = format!("The attachment '{asked}' does not exist");
        return Err(Refusal::new("InvalidAttachmentID.NotFound", message));
    };
    if interface.body["Attachment"]["DeviceIndex"] == 0 {
        let message = "The network interface at device index 0 cannot be detached.";
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    call.update("ec2/network-interface", &interface.id, |record| {
        record.set("Attachment", Json::Null);
        record.set("Status", "available");
    });
    Ok(json!({}))
}
