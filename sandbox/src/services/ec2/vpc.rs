//! VPCs.

use super::cidr::Block;
use super::{PAGES, ranges, routes};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{
    Id, Kind, Reference, Shows, States, Tags, create, delete, describe, modify, run,
};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// Blocks are /16 to /28.
pub const BLOCK_SIZE: Law = Law {
    name: "a VPC's block is a /16 to /28",
    operations: &["CreateVpc", "AssociateVpcCidrBlock"],
    source: "Amazon EC2 API Reference, Error codes: InvalidVpc.Range",
    fault: Fault::new("InvalidVpc.Range", "The CIDR '{id}' is invalid."),
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
    on_event: Some(ranges::event),
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
        run("AssociateVpcCidrBlock", ranges::associate),
        run("DisassociateVpcCidrBlock", ranges::disassociate),
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
        json!([ranges::four(&digits, &block, "associated")]),
    );
    if call.input.get("AmazonProvidedIpv6CidrBlock") == Some(&Json::Bool(true)) {
        vpc.list_mut("Ipv6CidrBlockAssociationSet")
            .push(ranges::six(&digits, &call.region, "associated"));
    }
    Ok(())
}

pub(super) fn vpc_block(text: &str) -> Result<Block, Refusal> {
    let block = Block::parse(text).ok_or_else(|| malformed(text))?;
    if !(16..=28).contains(&block.prefix()) {
        return Err(BLOCK_SIZE.fault.with(&[("id", text)]));
    }
    Ok(block)
}

pub(super) fn malformed(block: &str) -> Refusal {
    let message = format!(
        "Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
    );
    Refusal::new("InvalidParameterValue", message)
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
    super::acls::make_default(call, vpc)?;
    Ok(())
}

fn existing_options(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    match path::text(members, "DhcpOptionsId") {
        Some("default") | None => Ok(()),
        Some(id) => call.need("ec2/dhcp-options", id).map(|_| ()),
    }
}

/// One of the flags that DescribeVpcAttribute tells.
pub(super) fn is_set(vpc: &Record, member: &str) -> bool {
    let default = VPC_ATTRIBUTES.iter().find(|(name, ..)| *name == member);
    let default = Json::Bool(default.is_some_and(|(.., default)| *default));
    vpc.hidden.get(member).unwrap_or(&default) == &Json::Bool(true)
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
