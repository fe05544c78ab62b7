//! Subnets.

use super::cidr::Block;
use super::vpc::malformed;
use super::{PAGES, interfaces, routes, zones};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, States, Tags, create, delete, describe, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Value as Json, json};

/// A subnet's block lies within a block of its VPC.
pub const SUBNET_IN_VPC: Law = Law {
    name: "a subnet lies within its VPC",
    operations: &["CreateSubnet"],
    source: "Amazon EC2 API Reference, Error codes: InvalidSubnet.Range",
    fault: Fault::new("InvalidSubnet.Range", "The CIDR '{id}' is invalid."),
    check: None,
};

/// Blocks of subnets do not overlap.
pub const SUBNETS_APART: Law = Law {
    name: "subnets of a VPC do not overlap",
    operations: &["CreateSubnet"],
    source: "Amazon EC2 API Reference, Error codes: InvalidSubnet.Conflict",
    fault: Fault::new(
        "InvalidSubnet.Conflict",
        "The CIDR '{id}' conflicts with another subnet",
    ),
    check: None,
};

/// A subnet's zone is one of the region's.
pub const ZONE_EXISTS: Law = Law {
    name: "a subnet's zone exists in the region",
    operations: &["CreateSubnet"],
    source: "Amazon EC2 API Reference, CreateSubnet: InvalidParameterValue",
    fault: Fault::new(
        "InvalidParameterValue",
        "Value ({id}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {zones}.",
    ),
    check: None,
};

/// A subnet.
pub const SUBNET: Kind = Kind {
    name: "ec2/subnet",
    id: Id::Hex("subnet-"),
    id_member: "SubnetId",
    arn: "arn:{partition}:ec2:{region}:{account}:subnet/{id}",
    arn_member: "SubnetArn",
    defaults: Some(|call| {
        json!({"MapPublicIpOnLaunch": false, "AssignIpv6AddressOnCreation": false, "DefaultForAz": false, "MapCustomerOwnedIpOnLaunch": false,
               "EnableDns64": false, "Ipv6Native": false, "Ipv6CidrBlockAssociationSet": [], "OwnerId": call.account,
               "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"},
               "PrivateDnsNameOptionsOnLaunch": {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": false, "EnableResourceNameDnsAAAARecord": false}})
    }),
    tags: Tags::List("Tags"),
    states: Some(States {
        creating: ("pending", 1.0),
        ..States::NEW
    }),
    refers: &[Reference::new("VpcId", "ec2/vpc").source("Amazon EC2 API Reference, DeleteVpc")],
    not_found: Fault::new(
        "InvalidSubnetID.NotFound",
        "The subnet ID '{id}' does not exist",
    ),
    in_use: Fault::new(
        "DependencyViolation",
        "The subnet '{id}' has dependencies and cannot be deleted.",
    ),
    show: Some(|call, record, body| {
        let size = Block::parse(record.text("CidrBlock")).map_or(0, Block::size);
        let used = interfaces::addresses_in(call, &record.id).len() as u64;
        body.insert(
            "AvailableIpAddressCount".into(),
            size.saturating_sub(5 + used).into(),
        );
    }),
    operations: &[
        create("CreateSubnet", Shows::In("Subnet"))
            .control(&["Ipv6CidrBlock"])
            .prepare(new_subnet),
        describe("DescribeSubnets", "SubnetIds", "Subnets")
            .paging(PAGES)
            .filters(&[
                ("subnet-id", "SubnetId"),
                ("vpc-id", "VpcId"),
                ("availability-zone", "AvailabilityZone"),
                ("availabilityZone", "AvailabilityZone"),
                ("availability-zone-id", "AvailabilityZoneId"),
                ("availabilityZoneId", "AvailabilityZoneId"),
                ("available-ip-address-count", "AvailableIpAddressCount"),
                ("cidr-block", "CidrBlock"),
                ("cidr", "CidrBlock"),
                ("cidrBlock", "CidrBlock"),
                ("default-for-az", "DefaultForAz"),
                ("defaultForAz", "DefaultForAz"),
                ("map-public-ip-on-launch", "MapPublicIpOnLaunch"),
                (
                    "ipv6-cidr-block-association.ipv6-cidr-block",
                    "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock",
                ),
                (
                    "ipv6-cidr-block-association.association-id",
                    "Ipv6CidrBlockAssociationSet[].AssociationId",
                ),
                ("ipv6-native", "Ipv6Native"),
                ("enable-dns64", "EnableDns64"),
                ("owner-id", "OwnerId"),
                ("state", "State"),
                ("subnet-arn", "SubnetArn"),
            ]),
        delete("DeleteSubnet", "SubnetId", Shows::Nothing).done(routes::forget_subnet),
        run("ModifySubnetAttribute", modify_subnet_attribute),
        run("AssociateSubnetCidrBlock", associate_subnet_cidr_block),
        run(
            "DisassociateSubnetCidrBlock",
            disassociate_subnet_cidr_block,
        ),
    ],
    ..Kind::NEW
};

fn new_subnet(call: &mut Call, subnet: &mut Record) -> Result<(), Refusal> {
    let asked = subnet.text("CidrBlock").to_owned();
    if asked.is_empty() {
        return Err(Refusal::new(
            "MissingParameter",
            "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.",
        ));
    }
    let block = Block::parse(&asked).ok_or_else(|| malformed(&asked))?;
    let vpc = call.need("ec2/vpc", subnet.text("VpcId"))?;
    let within = super::ranges::associated(vpc);
    if !(16..=28).contains(&block.prefix())
        || !within
            .iter()
            .filter_map(|text| Block::parse(text))
            .any(|outer| outer.holds(block))
    {
        return Err(SUBNET_IN_VPC.fault.with(&[("id", &asked)]));
    }
    let conflict = call
        .list_where("ec2/subnet", "VpcId", subnet.text("VpcId"))
        .any(|other| {
            Block::parse(other.text("CidrBlock")).is_some_and(|other| other.overlaps(block))
        });
    if conflict {
        return Err(SUBNETS_APART.fault.with(&[("id", &asked)]));
    }
    subnet.set("CidrBlock", block.to_string());
    let zones = zones::of(&call.region);
    let (name, id) = (
        subnet.text("AvailabilityZone").to_owned(),
        subnet.text("AvailabilityZoneId").to_owned(),
    );
    let zone = match (name.as_str(), id.as_str()) {
        ("", "") => zones.first(),
        ("", id) => zones.iter().find(|(_, zone)| zone == id),
        (name, _) => zones.iter().find(|(zone, _)| zone == name),
    };
    let Some((name, id)) = zone else {
        let known: Vec<&str> = zones.iter().map(|(name, _)| name.as_str()).collect();
        return Err(ZONE_EXISTS.fault.with(&[
            ("id", if name.is_empty() { &id } else { &name }),
            ("zones", &known.join(", ")),
        ]));
    };
    subnet.set("AvailabilityZone", name.as_str());
    subnet.set("AvailabilityZoneId", id.as_str());
    if let Some(block) = call.text("Ipv6CidrBlock").map(str::to_owned) {
        let vpc = call.need("ec2/vpc", subnet.text("VpcId"))?;
        if !super::ranges::holds_six(vpc, &block) {
            return Err(SUBNET_IN_VPC.fault.with(&[("id", &block)]));
        }
        let digits = call.derive(&format!("association {}", subnet.id));
        subnet
            .list_mut("Ipv6CidrBlockAssociationSet")
            .push(subnet_ipv6(&digits, &block));
    }
    Ok(())
}

fn subnet_ipv6(digits: &str, block: &str) -> Json {
    json!({"AssociationId": format!("subnet-cidr-assoc-{}", &digits[..17]), "Ipv6CidrBlock": block, "Ipv6CidrBlockState": {"State": "associated"},
           "Ipv6AddressAttribute": "public", "IpSource": "amazon"})
}

/// (The request's member, the path in the subnet.)
const SUBNET_ATTRIBUTES: [(&str, &str); 10] = [
    ("AssignIpv6AddressOnCreation", "AssignIpv6AddressOnCreation"),
    ("MapPublicIpOnLaunch", "MapPublicIpOnLaunch"),
    ("MapCustomerOwnedIpOnLaunch", "MapCustomerOwnedIpOnLaunch"),
    ("CustomerOwnedIpv4Pool", "CustomerOwnedIpv4Pool"),
    ("EnableDns64", "EnableDns64"),
    (
        "PrivateDnsHostnameTypeOnLaunch",
        "PrivateDnsNameOptionsOnLaunch.HostnameType",
    ),
    (
        "EnableResourceNameDnsARecordOnLaunch",
        "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord",
    ),
    (
        "EnableResourceNameDnsAAAARecordOnLaunch",
        "PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord",
    ),
    ("EnableLniAtDeviceIndex", "EnableLniAtDeviceIndex"),
    ("DisableLniAtDeviceIndex", "EnableLniAtDeviceIndex"),
];

fn modify_subnet_attribute(call: &mut Call) -> Answer {
    let id = call
        .need("ec2/subnet", call.text("SubnetId").unwrap_or_default())?
        .id
        .clone();
    let named: Vec<(&str, &str, Json)> = SUBNET_ATTRIBUTES
        .iter()
        .filter_map(|(member, path)| {
            let sent = call.input.get(*member)?;
            let value = sent.get("Value").unwrap_or(sent).clone();
            Some((
                *member,
                *path,
                if *member == "DisableLniAtDeviceIndex" {
                    Json::Null
                } else {
                    value
                },
            ))
        })
        .collect();
    // "You can only modify one attribute at a time", save for a pool with the flag that uses it: ModifySubnetAttribute, Amazon EC2 API
    // Reference.
    let together = named
        .iter()
        .all(|(member, ..)| member.contains("CustomerOwned"));
    if named.len() > 1 && !together {
        return Err(Refusal::new(
            "InvalidParameterCombination",
            "Only one attribute may be modified at a time",
        ));
    }
    if named.is_empty() {
        return Err(Refusal::new(
            "MissingParameter",
            "The request must contain the parameter attribute",
        ));
    }
    let bare = call
        .need("ec2/subnet", &id)?
        .list("Ipv6CidrBlockAssociationSet")
        .is_empty();
    if bare
        && named.iter().any(|(member, _, value)| {
            *member == "AssignIpv6AddressOnCreation" && *value == Json::Bool(true)
        })
    {
        let message = "Invalid value 'true' for assignIpv6AddressOnCreation. The subnet does not have an IPv6 CIDR block associated with it.";
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    call.update("ec2/subnet", &id, |subnet| {
        for (_, path, value) in named {
            subnet.set(path, value);
        }
    });
    Ok(json!({}))
}

fn associate_subnet_cidr_block(call: &mut Call) -> Answer {
    let id = call
        .need("ec2/subnet", call.text("SubnetId").unwrap_or_default())?
        .id
        .clone();
    let block = call.text("Ipv6CidrBlock").unwrap_or_default().to_owned();
    if !call
        .need("ec2/subnet", &id)?
        .list("Ipv6CidrBlockAssociationSet")
        .is_empty()
    {
        return Err(Refusal::new(
            "InvalidSubnet.Conflict",
            format!("The subnet '{id}' already has an IPv6 CIDR block."),
        ));
    }
    let vpc = call.need("ec2/subnet", &id)?.text("VpcId").to_owned();
    if !super::ranges::holds_six(call.need("ec2/vpc", &vpc)?, &block) {
        return Err(SUBNET_IN_VPC.fault.with(&[("id", &block)]));
    }
    let digits = call.derive(&format!("association {id} {block}"));
    let made = subnet_ipv6(&digits, &block);
    call.update("ec2/subnet", &id, |subnet| {
        subnet
            .list_mut("Ipv6CidrBlockAssociationSet")
            .push(made.clone())
    });
    Ok(json!({"SubnetId": id, "Ipv6CidrBlockAssociation": made}))
}

fn disassociate_subnet_cidr_block(call: &mut Call) -> Answer {
    let asked = call.text("AssociationId").unwrap_or_default().to_owned();
    let member = "Ipv6CidrBlockAssociationSet[].AssociationId";
    let Some(id) = call
        .list_where("ec2/subnet", member, &asked)
        .next()
        .map(|subnet| subnet.id.clone())
    else {
        return Err(Refusal::new(
            "InvalidSubnetCidrBlockAssociationID.NotFound",
            format!("The subnet CIDR block association ID '{asked}' does not exist"),
        ));
    };
    let mut taken = Json::Null;
    call.update("ec2/subnet", &id, |subnet| {
        let set = subnet.list_mut("Ipv6CidrBlockAssociationSet");
        if let Some(at) = set
            .iter()
            .position(|one| one["AssociationId"] == asked.as_str())
        {
            taken = set.remove(at);
        }
    });
    taken["Ipv6CidrBlockState"] = json!({"State": "disassociating"});
    Ok(json!({"SubnetId": id, "Ipv6CidrBlockAssociation": taken}))
}
