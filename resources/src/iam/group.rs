//! `AWS::IAM::Group`: a group and its policies. Who is in it is said by the users.

use async_trait::async_trait;

use super::bearer::Bearer;
use super::{ATTACHED_TO_GROUPS, GONE, GROUP_POLICIES, GROUPS, POLICIES_OF_GROUPS, PROPAGATION};
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::IAM::Group`.
pub struct Group;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateGroup", "Group"),
    reads: &[
        Read {
            select: Some(itself),
            ..Read::of(&GROUPS)
        },
        Read::of(&ATTACHED_TO_GROUPS),
        Read::of(&POLICIES_OF_GROUPS),
        Read {
            each: "PolicyNames",
            into: "Policies",
            all: true,
            ..Read::of(&GROUP_POLICIES)
        },
    ],
    updates: &[
        Change {
            takes: &["Path"],
            ..Change::of("UpdateGroup", &["GroupName"])
        },
        Change {
            takes: &["ManagedPolicyArns"],
            mode: Mode::Step(managed),
            ..Change::of("AttachGroupPolicy", &["GroupName"])
        },
        Change {
            takes: &["Policies"],
            mode: Mode::Step(inline),
            ..Change::of("PutGroupPolicy", &["GroupName"])
        },
    ],
    delete: Delete::of("DeleteGroup", &["GroupName"], GONE),
    // A group has no tags (IAM user guide, "Tags for IAM resources"): the one with the name is it.
    find: Find::Key(&["GroupName"]),
    rules: &[
        Rule::Sent("Path", "NewPath"),
        Rule::Told("ManagedPolicyArns", "AttachedPolicies.*.PolicyArn"),
    ],
    // "Upper and lowercase alphanumeric characters with no spaces. You can also include any of: _+=,.@-" (API_CreateGroup).
    name: Some(Name {
        also: "_+=,.@",
        ..Name::of("GroupName", 128)
    }),
    propagation: PROPAGATION,
    unique: &[&["GroupName"]],
    // DeleteConflict: a policy is deleted after it is detached (API_DeletePolicy).
    holds: &["ManagedPolicyArns"],
    resets: &[
        ("Path", "\"/\""),
        ("ManagedPolicyArns", "[]"),
        ("Policies", "[]"),
    ],
    ..Definition::new("AWS::IAM::Group", "iam")
};

static BEARER: Bearer = Bearer {
    definition: &DEFINITION,
    member: "GroupName",
    attach: "AttachGroupPolicy",
    detach: "DetachGroupPolicy",
    put: "PutGroupPolicy",
    take_away: "DeleteGroupPolicy",
    boundary: None,
};

fn itself(answer: &Json, _: &PhysicalId) -> Option<Json> {
    answer.get("Group").cloned()
}

fn managed<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(BEARER.managed(context, id, update))
}

fn inline<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(BEARER.inline(context, id, update))
}

#[async_trait]
impl Resource for Group {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// A group goes when nobody is in it and nothing attached to it. What payctl put there is taken away first.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        match BEARER.applied(context, id, deletion).await? {
            Some(applied) => BEARER.delete(context, id, &applied).await,
            None => Ok(()),
        }
    }
}
