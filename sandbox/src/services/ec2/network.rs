//! VPCs, subnets, network ACLs and DHCP options.

use super::cidr::Block;
use super::{PAGES, interfaces, routes, zones};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{
    Id, Kind, Missing, Reference, Shows, States, Tags, create, delete, describe, modify, run,
};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

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

/// Blocks are /16 to /28.
pub const BLOCK_SIZE: Law = Law {
    name: "a VPC's block is a /16 to /28",
    operations: &["CreateVpc", "AssociateVpcCidrBlock"],
    source: "Amazon EC2 API Reference, Error codes: InvalidVpc.Range",
    fault: Fault::new("InvalidVpc.Range", "The CIDR '{id}' is invalid."),
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

/// A virtual network.
pub const VPC: Kind = Kind {
    name: "ec2/vpc",
    id: Id::Hex("vpc-"),
    id_member: "VpcId",
    arn: "arn:{partition}:ec2:{region}:{account}:vpc/{id}",
    defaults: Some(|call| {
        json!({"DhcpOptionsId": "default", "InstanceTenancy": "default", "IsDefault": false, "OwnerId": call.account,
               "Ipv6CidrBlockAssociationSet": []})
    }),
    tags: Tags::List("Tags"),
    states: Some(States {
        creating: ("pending", 1.0),
        ..States::NEW
    }),
    refers: &[Reference::new("DhcpOptionsId", "ec2/dhcp-options").unchecked()],
    not_found: Fault::new("InvalidVpcID.NotFound", "The vpc ID '{id}' does not exist"),
    in_use: Fault::new(
        "DependencyViolation",
        "The vpc '{id}' has dependencies and cannot be deleted.",
    ),
    operations: &[
        create("CreateVpc", Shows::In("Vpc"))
            .control(&[
                "AmazonProvidedIpv6CidrBlock",
                "Ipv6CidrBlock",
                "Ipv6Pool",
                "Ipv6CidrBlockNetworkBorderGroup",
                "Ipv4IpamPoolId",
                "Ipv4NetmaskLength",
                "Ipv6IpamPoolId",
                "Ipv6NetmaskLength",
            ])
            .prepare(new_vpc)
            .done(furnish_vpc),
        describe("DescribeVpcs", "VpcIds", "Vpcs")
            .paging(PAGES)
            .filters(&[
                ("vpc-id", "VpcId"),
                ("cidr", "CidrBlock"),
                (
                    "cidr-block-association.cidr-block",
                    "CidrBlockAssociationSet[].CidrBlock",
                ),
                (
                    "cidr-block-association.association-id",
                    "CidrBlockAssociationSet[].AssociationId",
                ),
                (
                    "cidr-block-association.state",
                    "CidrBlockAssociationSet[].CidrBlockState.State",
                ),
                (
                    "ipv6-cidr-block-association.ipv6-cidr-block",
                    "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock",
                ),
                (
                    "ipv6-cidr-block-association.association-id",
                    "Ipv6CidrBlockAssociationSet[].AssociationId",
                ),
                ("dhcp-options-id", "DhcpOptionsId"),
                ("is-default", "IsDefault"),
                ("isDefault", "IsDefault"),
                ("owner-id", "OwnerId"),
                ("state", "State"),
            ]),
        delete("DeleteVpc", "VpcId", Shows::Nothing),
        modify(
            "ModifyVpcTenancy",
            "VpcId",
            Shows::With(|_, _| json!({"ReturnValue": true})),
        ),
        modify("AssociateDhcpOptions", "VpcId", Shows::Nothing).before(existing_options),
        run("ModifyVpcAttribute", modify_vpc_attribute),
        run("DescribeVpcAttribute", describe_vpc_attribute),
        run("AssociateVpcCidrBlock", associate_vpc_cidr_block),
        run("DisassociateVpcCidrBlock", disassociate_vpc_cidr_block),
    ],
    ..Kind::NEW
};

/// (The member of the API, the word of DescribeVpcAttribute, the default.)
const VPC_ATTRIBUTES: [(&str, &str, bool); 3] = [
    ("EnableDnsSupport", "enableDnsSupport", true),
    ("EnableDnsHostnames", "enableDnsHostnames", false),
    (
        "EnableNetworkAddressUsageMetrics",
        "enableNetworkAddressUsageMetrics",
        false,
    ),
];

fn new_vpc(call: &mut Call, vpc: &mut Record) -> Result<(), Refusal> {
    let asked = match (vpc.text("CidrBlock"), call.text("Ipv4IpamPoolId")) {
        ("", None) => {
            return Err(Refusal::new(
                "MissingParameter",
                "The request must contain the parameter cidrBlock",
            ));
        }
        ("", Some(pool)) => {
            return Err(Refusal::new(
                "InvalidIpamPoolId.NotFound",
                format!("The ipam-pool ID '{pool}' does not exist"),
            ));
        }
        (block, _) => block.to_owned(),
    };
    let block = vpc_block(&asked)?;
    vpc.set("CidrBlock", block.to_string());
    let digits = call.derive(&format!("association {}", vpc.id));
    vpc.set(
        "CidrBlockAssociationSet",
        json!([association(&digits, &block)]),
    );
    if call.input.get("AmazonProvidedIpv6CidrBlock") == Some(&Json::Bool(true)) {
        vpc.list_mut("Ipv6CidrBlockAssociationSet")
            .push(ipv6_association(&digits, &call.region));
    }
    Ok(())
}

fn vpc_block(text: &str) -> Result<Block, Refusal> {
    let block = Block::parse(text).ok_or_else(|| malformed(text))?;
    if !(16..=28).contains(&block.prefix()) {
        return Err(BLOCK_SIZE.fault.with(&[("id", text)]));
    }
    Ok(block)
}

fn malformed(block: &str) -> Refusal {
    let message = format!(
        "Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
    );
    Refusal::new("InvalidParameterValue", message)
}

fn association(digits: &str, block: &Block) -> Json {
    json!({"AssociationId": format!("vpc-cidr-assoc-{}", &digits[..17]), "CidrBlock": block.to_string(), "CidrBlockState": {"State": "associated"}})
}

fn ipv6_association(digits: &str, region: &str) -> Json {
    json!({
        "AssociationId": format!("vpc-cidr-assoc-{}", &digits[17..34]),
        "Ipv6CidrBlock": format!("2600:1f{}:{}:{}00::/56", &digits[34..36], &digits[36..40], &digits[40..42]),
        "Ipv6CidrBlockState": {"State": "associated"}, "NetworkBorderGroup": region, "Ipv6Pool": "Amazon",
        "Ipv6AddressAttribute": "public", "IpSource": "amazon",
    })
}

/// What a new VPC comes with: default security group, main route table, default network ACL ("Default VPC components", Amazon VPC
/// User Guide).
fn furnish_vpc(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let vpc = &key.id;
    let group =
        json!({"GroupName": "default", "Description": "default VPC security group", "VpcId": vpc});
    let group = call.make_part("ec2/security-group", vpc, group)?;
    super::security::furnish(call, &group, true)?;
    routes::make_main(call, vpc)?;
    let entry = |number: u32, action: &str, egress: bool| json!({"CidrBlock": "0.0.0.0/0", "Egress": egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number});
    let entries = json!([
        entry(100, "allow", true),
        entry(32767, "deny", true),
        entry(100, "allow", false),
        entry(32767, "deny", false)
    ]);
    call.make_part(
        "ec2/network-acl",
        vpc,
        json!({"VpcId": vpc, "IsDefault": true, "Entries": entries}),
    )?;
    Ok(())
}

fn existing_options(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    match path::text(members, "DhcpOptionsId") {
        Some("default") | None => Ok(()),
        Some(id) => call.need("ec2/dhcp-options", id).map(|_| ()),
    }
}

fn modify_vpc_attribute(call: &mut Call) -> Answer {
    let id = call
        .need("ec2/vpc", call.text("VpcId").unwrap_or_default())?
        .id
        .clone();
    let named: Vec<(&str, Json)> = VPC_ATTRIBUTES
        .iter()
        .filter_map(|(member, ..)| Some((*member, call.input.get(*member)?.get("Value")?.clone())))
        .collect();
    // "You can modify only one attribute at a time": ModifyVpcAttribute, Amazon EC2 API Reference.
    match named.as_slice() {
        [(member, value)] => call.update("ec2/vpc", &id, |vpc| {
            vpc.hidden.insert((*member).to_owned(), value.clone());
        }),
        [] => {
            return Err(Refusal::new(
                "MissingParameter",
                "The request must contain the parameter attribute",
            ));
        }
        _ => {
            return Err(Refusal::new(
                "InvalidParameterCombination",
                "Fields for multiple attribute types specified",
            ));
        }
    }
    Ok(json!({}))
}

fn describe_vpc_attribute(call: &mut Call) -> Answer {
    let vpc = call.need("ec2/vpc", call.text("VpcId").unwrap_or_default())?;
    let asked = call.text("Attribute").unwrap_or_default();
    let (member, _, default) = VPC_ATTRIBUTES
        .iter()
        .find(|(_, word, _)| *word == asked)
        .ok_or_else(|| {
            Refusal::new(
                "InvalidParameterValue",
                format!("Value ({asked}) for parameter attribute is invalid. Unknown attribute."),
            )
        })?;
    let value = vpc
        .hidden
        .get(*member)
        .cloned()
        .unwrap_or(Json::Bool(*default));
    Ok(json!({"VpcId": vpc.id, *member: {"Value": value}}))
}

fn associate_vpc_cidr_block(call: &mut Call) -> Answer {
    let id = call
        .need("ec2/vpc", call.text("VpcId").unwrap_or_default())?
        .id
        .clone();
    let digits = call.derive(&format!(
        "association {id} {}",
        path::canonical(&Json::Object(call.input.clone()))
    ));
    if call.input.get("AmazonProvidedIpv6CidrBlock") == Some(&Json::Bool(true)) {
        let made = ipv6_association(&digits, &call.region);
        call.update("ec2/vpc", &id, |vpc| {
            vpc.list_mut("Ipv6CidrBlockAssociationSet")
                .push(made.clone())
        });
        return Ok(json!({"VpcId": id, "Ipv6CidrBlockAssociation": made}));
    }
    let text = call.text("CidrBlock").ok_or_else(|| {
        Refusal::new(
            "MissingParameter",
            "The request must contain the parameter cidrBlock",
        )
    })?;
    let block = vpc_block(text)?;
    let taken = call
        .need("ec2/vpc", &id)?
        .list("CidrBlockAssociationSet")
        .iter()
        .any(|known| {
            known["CidrBlock"]
                .as_str()
                .and_then(Block::parse)
                .is_some_and(|known| known.overlaps(block))
        });
    if taken {
        return Err(Refusal::new(
            "InvalidVpc.Range",
            format!("The CIDR '{text}' overlaps with an existing CIDR of the VPC."),
        ));
    }
    let made = association(&digits, &block);
    call.update("ec2/vpc", &id, |vpc| {
        vpc.list_mut("CidrBlockAssociationSet").push(made.clone())
    });
    routes::refresh_local(call, &id);
    Ok(json!({"VpcId": id, "CidrBlockAssociation": made}))
}

fn disassociate_vpc_cidr_block(call: &mut Call) -> Answer {
    let asked = call.text("AssociationId").unwrap_or_default().to_owned();
    let sets = [
        (
            "CidrBlockAssociationSet",
            "CidrBlockAssociation",
            "CidrBlockState",
        ),
        (
            "Ipv6CidrBlockAssociationSet",
            "Ipv6CidrBlockAssociation",
            "Ipv6CidrBlockState",
        ),
    ];
    let found = call.list("ec2/vpc").find_map(|vpc| {
        sets.iter().find_map(|(set, answer, state)| {
            let at = vpc
                .list(set)
                .iter()
                .position(|one| one["AssociationId"] == asked.as_str())?;
            Some((
                vpc.id.clone(),
                *set,
                *answer,
                *state,
                vpc.list(set)[at].clone(),
                vpc.text("CidrBlock").to_owned(),
            ))
        })
    });
    let Some((vpc, set, answer, state, mut one, primary)) = found else {
        return Err(Refusal::new(
            "InvalidCidrBlockAssociationID.NotFound",
            format!("The vpc CIDR block association ID '{asked}' does not exist"),
        ));
    };
    if one["CidrBlock"] == primary.as_str() {
        return Err(Refusal::new(
            "OperationNotPermitted",
            format!(
                "The vpc CIDR block with association ID {asked} may not be disassociated. It is the primary IPv4 CIDR block of the VPC"
            ),
        ));
    }
    let block = one["CidrBlock"].as_str().and_then(Block::parse);
    let used = |subnet: &Record| {
        Block::parse(subnet.text("CidrBlock"))
            .zip(block)
            .is_some_and(|(inner, block)| block.holds(inner))
    };
    if call.list_where("ec2/subnet", "VpcId", &vpc).any(used) {
        return Err(Refusal::new(
            "CidrBlockInUse",
            format!(
                "The vpc CIDR block with association ID {asked} may not be disassociated. It is in use"
            ),
        ));
    }
    call.update("ec2/vpc", &vpc, |vpc| {
        vpc.list_mut(set)
            .retain(|one| one["AssociationId"] != asked.as_str())
    });
    routes::refresh_local(call, &vpc);
    one[state] = json!({"State": "disassociating"});
    Ok(json!({"VpcId": vpc, answer: one}))
}

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
    let within = path::texts(&vpc.body, "CidrBlockAssociationSet[].CidrBlock");
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

/// DHCP options.
pub const DHCP_OPTIONS: Kind = Kind {
    name: "ec2/dhcp-options",
    id: Id::Hex("dopt-"),
    id_member: "DhcpOptionsId",
    arn: "arn:{partition}:ec2:{region}:{account}:dhcp-options/{id}",
    defaults: Some(|call| json!({"OwnerId": call.account})),
    tags: Tags::List("Tags"),
    not_found: Fault::new(
        "InvalidDhcpOptionID.NotFound",
        "The dhcpOption ID '{id}' does not exist",
    ),
    in_use: Fault::new(
        "DependencyViolation",
        "The dhcpOptions '{id}' has dependencies and cannot be deleted.",
    ),
    operations: &[
        create("CreateDhcpOptions", Shows::In("DhcpOptions")).prepare(new_options),
        describe("DescribeDhcpOptions", "DhcpOptionsIds", "DhcpOptions")
            .paging(PAGES)
            .filters(&[
                ("dhcp-options-id", "DhcpOptionsId"),
                ("key", "DhcpConfigurations[].Key"),
                ("value", "DhcpConfigurations[].Values[].Value"),
                ("owner-id", "OwnerId"),
            ]),
        delete("DeleteDhcpOptions", "DhcpOptionsId", Shows::Nothing),
    ],
    ..Kind::NEW
};

fn new_options(_: &mut Call, options: &mut Record) -> Result<(), Refusal> {
    for configuration in options.list_mut("DhcpConfigurations") {
        let values: Vec<Json> = configuration["Values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|value| json!({"Value": value}))
            .collect();
        configuration["Values"] = Json::Array(values);
    }
    Ok(())
}

/// Network ACLs: the one that each VPC comes with.
pub const NETWORK_ACL: Kind = Kind {
    name: "ec2/network-acl",
    id: Id::Hex("acl-"),
    id_member: "NetworkAclId",
    arn: "arn:{partition}:ec2:{region}:{account}:network-acl/{id}",
    defaults: Some(|call| json!({"IsDefault": false, "OwnerId": call.account, "Entries": []})),
    tags: Tags::List("Tags"),
    refers: &[Reference::new("VpcId", "ec2/vpc").source("Amazon EC2 API Reference, DeleteVpc")],
    not_found: Fault::new(
        "InvalidNetworkAclID.NotFound",
        "The networkAcl ID '{id}' does not exist",
    ),
    show: Some(|call, record, body| {
        let associations: Vec<Json> = call
            .list_where("ec2/subnet", "VpcId", record.text("VpcId"))
            .map(|subnet| {
                let digits = crate::call::digest(&["aclassoc", &subnet.id]);
                json!({"NetworkAclAssociationId": format!("aclassoc-{}", &digits[..17]), "NetworkAclId": record.id, "SubnetId": subnet.id})
            })
            .collect();
        body.insert("Associations".into(), Json::Array(associations));
    }),
    operations: &[
        describe("DescribeNetworkAcls", "NetworkAclIds", "NetworkAcls")
            .missing(Missing::Refused)
            .paging(PAGES)
            .filters(&[
                ("network-acl-id", "NetworkAclId"),
                ("vpc-id", "VpcId"),
                ("default", "IsDefault"),
                ("association.subnet-id", "Associations[].SubnetId"),
                (
                    "association.association-id",
                    "Associations[].NetworkAclAssociationId",
                ),
                ("association.network-acl-id", "Associations[].NetworkAclId"),
                ("owner-id", "OwnerId"),
            ]),
    ],
    ..Kind::NEW
};
