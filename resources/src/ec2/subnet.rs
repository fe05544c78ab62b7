//! `AWS::EC2::Subnet`: a range of a VPC's addresses in one availability zone.

use super::{NETWORK_ACLS_OF_SUBNETS, SUBNETS};
use crate::context::Context;
use crate::prelude::*;

native!(
    /// `AWS::EC2::Subnet`.
    Subnet,
    Definition {
        create: Create::of("CreateSubnet", "Subnet"),
        reads: &[
            Read::of(&SUBNETS),
            Read { select: Some(acl_association), into: "NetworkAclAssociationId", only_for: &["NetworkAclAssociationId"], ..Read::of(&NETWORK_ACLS_OF_SUBNETS) },
        ],
        updates: &[
            Change { takes: &["Ipv6CidrBlock"], mode: Mode::Step(ipv6_range), ..Change::of("AssociateSubnetCidrBlock", &["SubnetId"]) },
            // "You can only modify one attribute at a time" (API_ModifySubnetAttribute).
            Change { mode: Mode::OneAtATime, ..Change::of("ModifySubnetAttribute", &["SubnetId"]) },
        ],
        delete: Delete {
            busy: &["DependencyViolation"],
            ..Delete::of("DeleteSubnet", &["SubnetId"], &["InvalidSubnetID.NotFound"])
        },
        rules: &[
            Rule::Told("Ipv6CidrBlock", "Ipv6CidrBlockAssociationSet.0.Ipv6CidrBlock"),
            Rule::Told("Ipv6CidrBlocks", "Ipv6CidrBlockAssociationSet.*.Ipv6CidrBlock"),
            Rule::Sent("PrivateDnsNameOptionsOnLaunch.HostnameType", "/PrivateDnsHostnameTypeOnLaunch"),
            Rule::Sent("PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsARecord", "/EnableResourceNameDnsARecordOnLaunch"),
            Rule::Sent("PrivateDnsNameOptionsOnLaunch.EnableResourceNameDnsAAAARecord", "/EnableResourceNameDnsAAAARecordOnLaunch"),
        ],
        tags: Tags::Specification("subnet"),
        status,
        after: &[After {
            type_name: "AWS::EC2::VPCCidrBlock",
            mine: "VpcId",
            theirs: "VpcId",
            milestone: Milestone::Ready,
            reason: "a subnet lies in a range of its VPC, else InvalidSubnet.Range (EC2 API reference, \"Error codes\"); the range can \
                     be taken from the VPC only when no subnet lies in it: InvalidCidrBlock.InUse",
        }],
        // Two subnets of a VPC cannot overlap: InvalidSubnet.Conflict (EC2 API reference, "Error codes").
        unique: &[&["VpcId", "CidrBlock"]],
        resets: &[
            ("MapPublicIpOnLaunch", "false"),
            ("AssignIpv6AddressOnCreation", "false"),
            ("EnableDns64", "false"),
            (
                "PrivateDnsNameOptionsOnLaunch",
                r#"{"HostnameType": "ip-name", "EnableResourceNameDnsARecord": false, "EnableResourceNameDnsAAAARecord": false}"#,
            ),
        ],
        ..Definition::new("AWS::EC2::Subnet", "ec2")
    }
);

/// pending | available | unavailable | failed (API_Subnet).
fn status(description: &Json) -> Status {
    match described(description, "State") {
        Some("pending") => Status::Pending,
        Some("failed" | "failed-insufficient-capacity") => {
            Status::Failed("AWS reports the subnet as failed".to_owned())
        }
        _ => Status::Ready,
    }
}

fn acl_association(list: &Json, id: &PhysicalId) -> Option<Json> {
    let associations = list.get("Associations")?.as_array()?;
    let mine = associations
        .iter()
        .find(|association| described(association, "SubnetId") == Some(id.as_str()))?;
    look(mine, "NetworkAclAssociationId")
}

/// A subnet has one IPv6 range: the old one goes before another comes (API_AssociateSubnetCidrBlock).
fn ipv6_range<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        for subnet in generic::items_of(context, &SUBNETS, id.as_str()).await? {
            for association in subnet
                .get("Ipv6CidrBlockAssociationSet")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                let state = look(association, "Ipv6CidrBlockState.State");
                if state.as_ref().and_then(Json::as_str) == Some("disassociated") {
                    continue;
                }
                let input = json!({"AssociationId": association.get("AssociationId")});
                context
                    .write("ec2", "DisassociateSubnetCidrBlock", input)
                    .await?;
            }
        }
        if let Some(range) = update.desired.get("Ipv6CidrBlock").and_then(Value::as_str) {
            let input = json!({"SubnetId": id.as_str(), "Ipv6CidrBlock": range});
            context
                .write("ec2", "AssociateSubnetCidrBlock", input)
                .await?;
        }
        Ok(())
    })
}
