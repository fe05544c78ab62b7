//! DHCP options and network ACLs.

use super::PAGES;
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Id, Kind, Missing, Reference, Shows, Tags, create, delete, describe};
use crate::world::Record;
use serde_json::{Value as Json, json};

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
