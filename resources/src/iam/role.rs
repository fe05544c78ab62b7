//! `AWS::IAM::Role`: a role, its inline policies and what is attached to it.
//!
//! Policies that stand as resources of their own are not the role's: `update.live` comes without them, and only what it tells is
//! ever taken away.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;

use super::{ATTACHED_TO_ROLES, GONE, POLICIES_OF_ROLES, PROPAGATION, ROLE_POLICIES, ROLES};
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::IAM::Role`.
pub struct Role;

/// How long a deletion is repeated while what was taken from the role is not known everywhere to be gone.
const DETACHING: Duration = Duration::from_secs(60);

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

fn boundary<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let role = json!(id.as_str());
        match update
            .desired
            .get("PermissionsBoundary")
            .and_then(Value::as_str)
        {
            Some(arn) if !arn.is_empty() => {
                let input = Map::from_iter([
                    ("RoleName".to_owned(), role),
                    ("PermissionsBoundary".to_owned(), json!(arn)),
                ]);
                generic::write(&DEFINITION, context, "PutRolePermissionsBoundary", input).await?;
                Ok(())
            }
            _ => {
                let input = json!({"RoleName": role});
                super::remove(context, &DEFINITION, "DeleteRolePermissionsBoundary", input).await
            }
        }
    })
}

fn arns(properties: &Value) -> Vec<String> {
    let arns = properties.get("ManagedPolicyArns").and_then(Value::as_list);
    arns.into_iter()
        .flatten()
        .filter_map(Value::to_text)
        .collect()
}

/// New policies come before old ones go: nothing that both allow is refused in between.
fn managed<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (wanted, live) = (arns(update.desired), arns(update.live));
        for arn in wanted.iter().filter(|arn| !live.contains(arn)) {
            let input = Map::from_iter([
                ("RoleName".to_owned(), json!(id.as_str())),
                ("PolicyArn".to_owned(), json!(arn)),
            ]);
            generic::write(&DEFINITION, context, "AttachRolePolicy", input).await?;
        }
        for arn in live.iter().filter(|arn| !wanted.contains(arn)) {
            detach(context, id, arn).await?;
        }
        Ok(())
    })
}

async fn detach(context: &Context, id: &PhysicalId, arn: &str) -> Result<()> {
    let input = json!({"RoleName": id.as_str(), "PolicyArn": arn});
    super::remove(context, &DEFINITION, "DetachRolePolicy", input).await
}

/// Inline policies by name.
fn policies(properties: &Value) -> BTreeMap<String, Option<Value>> {
    let policies = properties.get("Policies").and_then(Value::as_list);
    policies
        .into_iter()
        .flatten()
        .filter_map(|policy| {
            let name = policy.get("PolicyName")?.to_text()?;
            Some((name, policy.get("PolicyDocument").cloned()))
        })
        .collect()
}

fn inline<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (wanted, live) = (policies(update.desired), policies(update.live));
        for (name, wanted) in &wanted {
            if live.get(name) == Some(wanted) {
                continue;
            }
            let text = wanted.as_ref().and_then(super::document);
            let input = Map::from_iter([
                ("RoleName".to_owned(), json!(id.as_str())),
                ("PolicyName".to_owned(), json!(name)),
                ("PolicyDocument".to_owned(), json!(text)),
            ]);
            generic::write(&DEFINITION, context, "PutRolePolicy", input).await?;
        }
        for name in live.keys().filter(|name| !wanted.contains_key(*name)) {
            take_away(context, id, name).await?;
        }
        Ok(())
    })
}

async fn take_away(context: &Context, id: &PhysicalId, name: &str) -> Result<()> {
    let input = json!({"RoleName": id.as_str(), "PolicyName": name});
    super::remove(context, &DEFINITION, "DeleteRolePolicy", input).await
}

#[async_trait]
impl Resource for Role {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// A role goes when nothing is in it or attached to it. What payctl put there is taken away first; of a role that was never
    /// finished, everything is. What others attached makes IAM refuse: DeleteConflict.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let unfinished;
        let applied = match &deletion.last_applied {
            Some(applied) => applied,
            None => match generic::read(&DEFINITION, context, id).await? {
                Some(found) => {
                    unfinished = found.model;
                    &unfinished
                }
                None => return Ok(()),
            },
        };
        for arn in arns(applied) {
            detach(context, id, &arn).await?;
        }
        for name in policies(applied).keys() {
            take_away(context, id, name).await?;
        }
        let passing = |error: &crate::error::Error| {
            matches!(
                error.code(),
                Some("DeleteConflict" | "ConcurrentModification")
            )
        };
        let call = || context.write("iam", "DeleteRole", json!({"RoleName": id.as_str()}));
        match generic::repeat(context, DETACHING, passing, call).await {
            Err(error) if error.code() == Some("NoSuchEntity") => Ok(()),
            done => done.map(|_| ()),
        }
    }
}
