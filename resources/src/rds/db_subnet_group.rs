//! `AWS::RDS::DBSubnetGroup`: the subnets that databases may use.

use super::{SUBNET_GROUPS, TAGS};
use crate::prelude::*;

native!(
    /// `AWS::RDS::DBSubnetGroup`.
    DbSubnetGroup,
    Definition {
        create: Create::of("CreateDBSubnetGroup", "DBSubnetGroup"),
        reads: &[
            Read::of(&SUBNET_GROUPS),
            Read { key: Key::Described(&["DBSubnetGroupArn"]), ..Read::of(&TAGS) },
        ],
        updates: &[Change {
            // The subnets must be in every call.
            together: &[&["DBSubnetGroupDescription", "SubnetIds"]],
            ..Change::of("ModifyDBSubnetGroup", &["DBSubnetGroupName"])
        }],
        delete: Delete {
            // A database that is being deleted uses it still.
            busy: &["InvalidDBSubnetGroupStateFault", "InvalidDBSubnetStateFault"],
            ..Delete::of("DeleteDBSubnetGroup", &["DBSubnetGroupName"], &["DBSubnetGroupNotFoundFault"])
        },
        find: Find::Key(&["DBSubnetGroupName"]),
        rules: &[
            Rule::Told("SubnetIds", "Subnets.*.SubnetIdentifier"),
            Rule::Told("Tags", "TagList"),
        ],
        tags: Tags::Member,
        // "Must contain no more than 255 letters, numbers, periods, underscores, spaces, or hyphens"; "This value is stored as a
        // lowercase string" (API_CreateDBSubnetGroup).
        name: Some(Name { also: "._", ..Name::lower("DBSubnetGroupName", 255) }),
        unique: &[&["DBSubnetGroupName"]],
        ..Definition::new("AWS::RDS::DBSubnetGroup", "rds")
    }
);
