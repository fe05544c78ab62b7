//! `AWS::EC2::VPC`: a private network with its own address range.

use super::{DEFAULT_SECURITY_GROUPS, NETWORK_ACLS, VPC_DNS_HOSTNAMES, VPC_DNS_SUPPORT, VPCS};
use crate::prelude::*;

native!(
    /// `AWS::EC2::VPC`.
    Vpc,
    Definition {
        create: Create::of("CreateVpc", "Vpc"),
        reads: &[
            Read::of(&VPCS),
            Read::of(&VPC_DNS_SUPPORT),
            Read::of(&VPC_DNS_HOSTNAMES),
            Read { select: Some(default_acl), into: "DefaultNetworkAcl", only_for: &["DefaultNetworkAcl"], ..Read::of(&NETWORK_ACLS) },
            Read { select: Some(group_id), into: "DefaultSecurityGroup", only_for: &["DefaultSecurityGroup"], ..Read::of(&DEFAULT_SECURITY_GROUPS) },
        ],
        updates: &[
            // "You cannot enable DNS hostnames if DNS support is not enabled": support first (API_ModifyVpcAttribute). One
            // attribute a call, says the same page.
            Change { takes: &["EnableDnsSupport"], ..Change::of("ModifyVpcAttribute", &["VpcId"]) },
            Change { takes: &["EnableDnsHostnames"], ..Change::of("ModifyVpcAttribute", &["VpcId"]) },
            // Only from dedicated to default (API_ModifyVpcTenancy); AWS refuses the other way.
            Change { takes: &["InstanceTenancy"], ..Change::of("ModifyVpcTenancy", &["VpcId"]) },
        ],
        delete: Delete { busy: &["DependencyViolation"], ..Delete::of("DeleteVpc", &["VpcId"], &["InvalidVpcID.NotFound"]) },
        rules: &[
            Rule::Told("VpcEncryptionControl", "EncryptionControl"),
            Rule::Computed("CidrBlockAssociations", |vpc| {
                ranges(vpc, "CidrBlockAssociationSet", "CidrBlockState", "AssociationId")
            }),
            Rule::Computed("Ipv6CidrBlocks", |vpc| {
                ranges(vpc, "Ipv6CidrBlockAssociationSet", "Ipv6CidrBlockState", "Ipv6CidrBlock")
            }),
        ],
        tags: Tags::Specification("vpc"),
        status,
        resets: &[("EnableDnsSupport", "true"), ("EnableDnsHostnames", "false"), ("InstanceTenancy", "\"default\"")],
        ..Definition::new("AWS::EC2::VPC", "ec2")
    }
);

/// pending | available (API_Vpc).
fn status(description: &Json) -> Status {
    if state_is(description, "State", &["pending"]) {
        Status::Pending
    } else {
        Status::Ready
    }
}

/// A member of each range that the VPC has; those that it had are told for an hour and more as `disassociated`.
fn ranges(vpc: &Json, set: &str, state: &str, member: &str) -> Option<Json> {
    // Of what it has none of, DescribeVpcs tells nothing.
    vpc.get("VpcId")?;
    let ranges = vpc.get(set).and_then(Json::as_array).into_iter().flatten();
    let has = |range: &&Json| {
        let state = format!("{state}.State");
        !state_is(
            range,
            &state,
            &["disassociating", "disassociated", "failing", "failed"],
        )
    };
    Some(
        ranges
            .filter(has)
            .filter_map(|range| look(range, member))
            .collect(),
    )
}

fn default_acl(list: &Json, _: &PhysicalId) -> Option<Json> {
    (look(list, "IsDefault")? == json!(true)).then(|| look(list, "NetworkAclId"))?
}

fn group_id(group: &Json, _: &PhysicalId) -> Option<Json> {
    look(group, "GroupId")
}
