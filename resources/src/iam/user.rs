//! `AWS::IAM::User`: a user, its password, groups and policies.

use async_trait::async_trait;

use super::bearer::{Bearer, texts};
use super::{
    ATTACHED_TO_USERS, GONE, GROUPS_OF_USERS, LOGIN_PROFILES, POLICIES_OF_USERS, PROPAGATION,
    USER_POLICIES, USERS, remove,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::IAM::User`.
pub struct User;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateUser", "User"),
    reads: &[
        Read::of(&USERS),
        Read::of(&ATTACHED_TO_USERS),
        Read::of(&POLICIES_OF_USERS),
        Read {
            each: "PolicyNames",
            into: "Policies",
            all: true,
            ..Read::of(&USER_POLICIES)
        },
        Read::of(&GROUPS_OF_USERS),
        Read {
            only_for: &["LoginProfile"],
            into: "LoginProfile",
            ..Read::of(&LOGIN_PROFILES)
        },
    ],
    updates: &[
        Change {
            takes: &["Path"],
            ..Change::of("UpdateUser", &["UserName"])
        },
        Change {
            takes: &["PermissionsBoundary"],
            mode: Mode::Step(boundary),
            ..Change::of("PutUserPermissionsBoundary", &["UserName"])
        },
        Change {
            takes: &["Groups"],
            mode: Mode::Step(groups),
            ..Change::of("AddUserToGroup", &["UserName"])
        },
        Change {
            takes: &["ManagedPolicyArns"],
            mode: Mode::Step(managed),
            ..Change::of("AttachUserPolicy", &["UserName"])
        },
        Change {
            takes: &["Policies"],
            mode: Mode::Step(inline),
            ..Change::of("PutUserPolicy", &["UserName"])
        },
        Change {
            takes: &["LoginProfile"],
            mode: Mode::Step(login),
            ..Change::of("CreateLoginProfile", &["UserName"])
        },
    ],
    delete: Delete::of("DeleteUser", &["UserName"], GONE),
    find: Find::Key(&["UserName"]),
    rules: &[
        Rule::Sent("Path", "NewPath"),
        Rule::Told(
            "PermissionsBoundary",
            "PermissionsBoundary.PermissionsBoundaryArn",
        ),
        Rule::Told("ManagedPolicyArns", "AttachedPolicies.*.PolicyArn"),
        Rule::Told("Groups", "Groups.*.GroupName"),
        Rule::Computed("LoginProfile.PasswordResetRequired", |_| None),
    ],
    tags: Tags::Member,
    // "Upper and lowercase alphanumeric characters with no spaces. You can also include any of: _+=,.@-" (API_CreateUser).
    name: Some(Name {
        also: "_+=,.@",
        ..Name::of("UserName", 64)
    }),
    propagation: PROPAGATION,
    unique: &[&["UserName"]],
    // DeleteConflict: a policy is deleted after it is detached, a group after its users left (API_DeletePolicy, API_DeleteGroup).
    holds: &["ManagedPolicyArns", "PermissionsBoundary", "Groups"],
    not_told: &[(
        "LoginProfile.PasswordResetRequired",
        "AWS clears it when the user has chosen a password (API_CreateLoginProfile): what it tells then is no difference",
    )],
    resets: &[
        ("Path", "\"/\""),
        ("Groups", "[]"),
        ("ManagedPolicyArns", "[]"),
        ("Policies", "[]"),
    ],
    ..Definition::new("AWS::IAM::User", "iam")
};

static BEARER: Bearer = Bearer {
    definition: &DEFINITION,
    member: "UserName",
    attach: "AttachUserPolicy",
    detach: "DetachUserPolicy",
    put: "PutUserPolicy",
    take_away: "DeleteUserPolicy",
    boundary: Some((
        "PutUserPermissionsBoundary",
        "DeleteUserPermissionsBoundary",
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

fn groups<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (wanted, live) = (
            texts(update.desired, "Groups"),
            texts(update.live, "Groups"),
        );
        for group in wanted.iter().filter(|group| !live.contains(group)) {
            let input = Map::from_iter([
                ("UserName".to_owned(), json!(id.as_str())),
                ("GroupName".to_owned(), json!(group)),
            ]);
            generic::write(&DEFINITION, context, "AddUserToGroup", input).await?;
        }
        for group in live.iter().filter(|group| !wanted.contains(group)) {
            leave(context, id, group).await?;
        }
        Ok(())
    })
}

async fn leave(context: &Context, id: &PhysicalId, group: &str) -> Result<()> {
    let input = json!({"UserName": id.as_str(), "GroupName": group});
    remove(context, &DEFINITION, "RemoveUserFromGroup", input).await
}

/// A password is set when it is declared anew or otherwise; what the user has chosen meanwhile is the user's.
fn login<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let Some(profile) = update.desired.get("LoginProfile") else {
            return forget(context, id).await;
        };
        let profile = profile
            .expose_json()
            .ok_or_else(|| Error::Unknown("AWS::IAM::User LoginProfile".to_owned()))?;
        let mut input = Map::from_iter([("UserName".to_owned(), json!(id.as_str()))]);
        if let Some(password) = profile.get("Password") {
            input.insert("Password".to_owned(), password.clone());
        }
        let reset = profile.get("PasswordResetRequired");
        if let Some(reset) = reset {
            let text = reset.as_str().map(str::to_ascii_lowercase);
            let flag = reset.as_bool().unwrap_or(text.as_deref() == Some("true"));
            input.insert("PasswordResetRequired".to_owned(), flag.into());
        }
        let there = generic::items_of(context, &LOGIN_PROFILES, id.as_str()).await?;
        let operation = if there.is_empty() {
            "CreateLoginProfile"
        } else {
            "UpdateLoginProfile"
        };
        generic::write(&DEFINITION, context, operation, input).await?;
        Ok(())
    })
}

async fn forget(context: &Context, id: &PhysicalId) -> Result<()> {
    let input = json!({"UserName": id.as_str()});
    remove(context, &DEFINITION, "DeleteLoginProfile", input).await
}

#[async_trait]
impl Resource for User {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// "Unlike the AWS Management Console, when you delete a user programmatically, you must delete the items attached to the user manually"
    /// (API_DeleteUser). What payctl put there goes; keys and devices of others make IAM refuse: DeleteConflict.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let Some(applied) = BEARER.applied(context, id, deletion).await? else {
            return Ok(());
        };
        if applied.get("LoginProfile").is_some() {
            forget(context, id).await?;
        }
        for group in texts(&applied, "Groups") {
            leave(context, id, &group).await?;
        }
        BEARER.delete(context, id, &applied).await
    }
}
