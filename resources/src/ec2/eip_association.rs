//! `AWS::EC2::EIPAssociation`: an Elastic IP address at an instance or a network interface.

use super::{ADDRESSES, ADDRESSES_OF_ASSOCIATIONS, PUBLIC_ADDRESSES};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;

/// "A public IPv4 address … requires an internet gateway attached to the VPC": AssociateAddress answers Gateway.NotAttached.
const GATEWAY: &str = "an address works in a VPC with an internet gateway only, else AssociateAddress fails with \
     Gateway.NotAttached (VPC user guide, \"Elastic IP addresses\")";

const fn after_gateway(mine: &'static str) -> After {
    After {
        type_name: "AWS::EC2::VPCGatewayAttachment",
        mine,
        theirs: "VpcId",
        milestone: Milestone::Ready,
        reason: GATEWAY,
    }
}

native!(
    /// `AWS::EC2::EIPAssociation`.
    EipAssociation,
    Definition {
        create: Create {
            // An address that somebody has associated elsewhere stays there: Resource.AlreadyAssociated.
            fixed: &[("AllowReassociation", Fixed::Flag(false))],
            ..Create::of("AssociateAddress", "")
        },
        reads: &[Read::of(&ADDRESSES_OF_ASSOCIATIONS)],
        delete: Delete::of("DisassociateAddress", &["AssociationId=Id"], &["InvalidAssociationID.NotFound"]),
        find: Find::Search(search),
        rules: &[Rule::Told("Id", "AssociationId"), Rule::Renamed("EIP", "PublicIp")],
        needs: &[Need {
            property: "InstanceId",
            reason: "AssociateAddress refuses a pending instance (EC2 API reference, \"Error codes\": IncorrectInstanceState)",
        }],
        after: &[
            after_gateway("NetworkInterfaceId>SubnetId>VpcId"),
            after_gateway("InstanceId>SubnetId>VpcId"),
            after_gateway("InstanceId>NetworkInterfaces.*.SubnetId>VpcId"),
            after_gateway("InstanceId>NetworkInterfaces.*.NetworkInterfaceId>SubnetId>VpcId"),
        ],
        // An address has one association: Resource.AlreadyAssociated (EC2 API reference, "Error codes").
        unique: &[&["AllocationId"], &["EIP"]],
        ..Definition::new("AWS::EC2::EIPAssociation", "ec2")
    }
);

/// The address's association, if it is with what is declared.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let named = |name: &str| desired.get(name).and_then(Value::as_str);
        let (load, key) = match (named("AllocationId"), named("EIP")) {
            (Some(allocation), _) => (&ADDRESSES, allocation),
            (None, Some(address)) => (&PUBLIC_ADDRESSES, address),
            (None, None) => return Ok(None),
        };
        let is_here = |address: &Json| {
            ["InstanceId", "NetworkInterfaceId", "PrivateIpAddress"]
                .into_iter()
                .all(|name| {
                    named(name).is_none_or(|wanted| described(address, name) == Some(wanted))
                })
        };
        let addresses = generic::items_of(context, load, key).await?;
        Ok(addresses
            .iter()
            .filter(|address| is_here(address))
            .find_map(|address| described(address, "AssociationId"))
            .map(PhysicalId::from))
    })
}
