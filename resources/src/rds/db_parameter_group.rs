//! `AWS::RDS::DBParameterGroup`: settings of the engine, for instances.

use super::parameters::{self, Groups};
use super::{PARAMETER_GROUPS, PARAMETERS, TAGS, USER_PARAMETERS};
use crate::context::Context;
use crate::prelude::*;
use crate::tags;

/// `AWS::RDS::DBParameterGroup`.
pub struct DbParameterGroup;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateDBParameterGroup", "DBParameterGroup"),
    reads: &[
        Read::of(&PARAMETER_GROUPS),
        Read {
            key: Key::Described(&["DBParameterGroupArn"]),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            key: Key::Described(&["DBParameterGroupArn"]),
            when: Some(tags::untagged),
            ..Read::of(&TAGS)
        },
        Read {
            only_for: &["Parameters"],
            all: true,
            into: "UserParameters",
            ..Read::of(&USER_PARAMETERS)
        },
    ],
    updates: &[Change {
        takes: &["Parameters"],
        mode: Mode::Step(change),
        ..Change::of("ModifyDBParameterGroup", &["DBParameterGroupName"])
    }],
    delete: Delete {
        // A database that is being deleted uses it still.
        busy: &["InvalidDBParameterGroupState"],
        ..Delete::of(
            "DeleteDBParameterGroup",
            &["DBParameterGroupName"],
            &["DBParameterGroupNotFound"],
        )
    },
    find: Find::Key(&["DBParameterGroupName"]),
    rules: &[
        Rule::Renamed("Family", "DBParameterGroupFamily"),
        Rule::Computed("Parameters", parameters::set),
        Rule::Told("Tags", "TagList"),
        Rule::Told("Tags", "Tags"),
    ],
    tags: Tags::Member,
    // "Must be 1 to 255 letters, numbers, or hyphens. First character must be a letter. Can't end with a hyphen or contain two consecutive
    // hyphens"; "This value is stored as a lowercase string" (API_CreateDBParameterGroup).
    name: Some(Name::lower("DBParameterGroupName", 255)),
    // "The parameter group is in use": another change of it is being carried out.
    propagation: &[("InvalidDBParameterGroupState", "")],
    unique: &[&["DBParameterGroupName"]],
    ..Definition::new("AWS::RDS::DBParameterGroup", "rds")
};

impl Resource for DbParameterGroup {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }
}

static GROUPS: Groups = Groups {
    definition: &DEFINITION,
    name: "DBParameterGroupName",
    all: &PARAMETERS,
    set: &USER_PARAMETERS,
    modify: "ModifyDBParameterGroup",
    reset: "ResetDBParameterGroup",
};

fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(GROUPS.change(context, id, update))
}
