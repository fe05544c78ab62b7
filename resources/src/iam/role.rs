//! `AWS::IAM::Role`: a role, its inline policies and what is attached to it.

use async_trait::async_trait;

use super::bearer::Bearer;
use super::{ATTACHED_TO_ROLES, GONE, POLICIES_OF_ROLES, PROPAGATION, ROLE_POLICIES, ROLES};
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::IAM::Role`.
pub struct Role;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateRole", "Role"),
    reads: &[
        Read::of(&ROLES),
        Read::of(&ATTACHED_TO_ROLES),
        Read::of(&POLICIES_OF_ROLES),
        Read {
            each: "PolicyNames",
            into: "Policies",
            all: true,
            ..Read::of(&ROLE_POLICIES)
        },
    ],
    updates: &[
        Change {
            takes: &["AssumeRolePolicyDocument"],
            ..Change::of("UpdateAssumeRolePolicy", &["RoleName"])
        },
        Change {
            // A length that is not sent goes back to an hour (API_UpdateRole).
            together: &[&["Description", "MaxSessionDuration"]],
            ..Change::of("UpdateRole", &["RoleName"])
        },
        Change {
            takes: &["PermissionsBoundary"],
            mode: Mode::Step(boundary),
            ..Change::of("PutRolePermissionsBoundary", &["RoleName"])
        },
        Change {
            takes: &["ManagedPolicyArns"],
            mode: Mode::Step(managed),
            ..Change::of("AttachRolePolicy", &["RoleName"])
        },
        Change {
            takes: &["Policies"],
            mode: Mode::Step(inline),
            ..Change::of("PutRolePolicy", &["RoleName"])
        },
    ],
    delete: Delete::of("DeleteRole", &["RoleName"], GONE),
    find: Find::Key(&["RoleName"]),
    rules: &[
        Rule::Sent("AssumeRolePolicyDocument", "PolicyDocument"),
        Rule::Told(
            "PermissionsBoundary",
            "PermissionsBoundary.PermissionsBoundaryArn",
        ),
        Rule::Told("ManagedPolicyArns", "AttachedPolicies.*.PolicyArn"),
    ],
    tags: Tags::Member,
    // "Upper and lowercase alphanumeric characters with no spaces. You can also include any of: _+=,.@-" (API_CreateRole).
    name: Some(Name {
        also: "_+=,.@",
        ..Name::of("RoleName", 64)
    }),
    propagation: PROPAGATION,
    unique: &[&["RoleName"]],
    // DeleteConflict: "The policy must be detached from all roles and users" (API_DeletePolicy).
    holds: &["ManagedPolicyArns", "PermissionsBoundary"],
    resets: &[
        ("Description", r#""""#),
        ("MaxSessionDuration", "3600"),
        ("ManagedPolicyArns", "[]"),
        ("Policies", "[]"),
    ],
    ..Definition::new("AWS::IAM::Role", "iam")
};

static BEARER: Bearer = Bearer {
    definition: &DEFINITION,
    member: "RoleName",
    attach: "AttachRolePolicy",
    detach: "DetachRolePolicy",
    put: "PutRolePolicy",
    take_away: "DeleteRolePolicy",
    boundary: Some((
        "PutRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
    )),
};

fn boundary<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(BEARER.bound(context, id, update))
}

fn managed<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(BEARER.managed(context, id, update))
}

fn inline<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(BEARER.inline(context, id, update))
}

#[async_trait]
impl Resource for Role {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// A role goes when nothing is in it or attached to it. What payctl put there is taken away first.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        match BEARER.applied(context, id, deletion).await? {
            Some(applied) => BEARER.delete(context, id, &applied).await,
            None => Ok(()),
        }
    }
}
