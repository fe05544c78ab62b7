//! `AWS::EC2::NetworkAcl`: a list of rules for the traffic of subnets. Its entries are resources of their own.

use super::NETWORK_ACLS_BY_ID;
use crate::prelude::*;

native!(
    /// `AWS::EC2::NetworkAcl`.
    NetworkAcl,
    Definition {
        create: Create::of("CreateNetworkAcl", "NetworkAcl"),
        reads: &[Read::of(&NETWORK_ACLS_BY_ID)],
        delete: Delete {
            // A subnet that is going away, or is moving to another list, is associated with it still (API_DeleteNetworkAcl).
            busy: &["DependencyViolation"],
            ..Delete::of("DeleteNetworkAcl", &["NetworkAclId=Id"], &["InvalidNetworkAclID.NotFound"])
        },
        rules: &[Rule::Told("Id", "NetworkAclId")],
        tags: Tags::Specification("network-acl"),
        ..Definition::new("AWS::EC2::NetworkAcl", "ec2")
    }
);
