//! `AWS::RDS::DBClusterParameterGroup`: settings of the engine, for clusters.

use super::parameters::{self, Groups};
use super::{CLUSTER_PARAMETER_GROUPS, CLUSTER_PARAMETERS, TAGS, USER_CLUSTER_PARAMETERS};
use crate::context::Context;
use crate::prelude::*;
use crate::tags;

/// `AWS::RDS::DBClusterParameterGroup`.
pub struct DbClusterParameterGroup;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateDBClusterParameterGroup", "DBClusterParameterGroup"),
    reads: &[
        Read::of(&CLUSTER_PARAMETER_GROUPS),
        Read {
            key: Key::Described(&["DBClusterParameterGroupArn"]),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            key: Key::Described(&["DBClusterParameterGroupArn"]),
            when: Some(tags::untagged),
            ..Read::of(&TAGS)
        },
        Read {
            only_for: &["Parameters"],
            all: true,
            into: "UserParameters",
            ..Read::of(&USER_CLUSTER_PARAMETERS)
        },
    ],
    updates: &[Change {
        takes: &["Parameters"],
        mode: Mode::Step(change),
        ..Change::of(
            "ModifyDBClusterParameterGroup",
            &["DBClusterParameterGroupName"],
        )
    }],
    delete: Delete {
        // A database that is being deleted uses it still.
        busy: &["InvalidDBParameterGroupState"],
        ..Delete::of(
            "DeleteDBClusterParameterGroup",
            &["DBClusterParameterGroupName"],
            &["DBParameterGroupNotFound"],
        )
    },
    find: Find::Key(&["DBClusterParameterGroupName"]),
    rules: &[
        Rule::Renamed("Family", "DBParameterGroupFamily"),
        Rule::Computed("Parameters", parameters::set),
        Rule::Told("Tags", "TagList"),
        Rule::Told("Tags", "Tags"),
    ],
    tags: Tags::Member,
    // "Must be 1 to 255 letters, numbers, or hyphens. First character must be a letter. Can't end with a hyphen or contain two consecutive
    // hyphens"; "This value is stored as a lowercase string" (API_CreateDBClusterParameterGroup).
    name: Some(Name::lower("DBClusterParameterGroupName", 255)),
    // "The parameter group is in use": another change of it is being carried out.
    propagation: &[("InvalidDBParameterGroupState", "")],
    unique: &[&["DBClusterParameterGroupName"]],
    ..Definition::new("AWS::RDS::DBClusterParameterGroup", "rds")
};

impl Resource for DbClusterParameterGroup {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }
}

static GROUPS: Groups = Groups {
    definition: &DEFINITION,
    name: "DBClusterParameterGroupName",
    all: &CLUSTER_PARAMETERS,
    set: &USER_CLUSTER_PARAMETERS,
    modify: "ModifyDBClusterParameterGroup",
    reset: "ResetDBClusterParameterGroup",
};

fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(GROUPS.change(context, id, update))
}
