//! `AWS::IAM::ManagedPolicy`: a policy of its own, its versions, and whom it is attached to.
//!
//! Roles, users and groups that name the policy themselves own that attachment: `update.live` comes without them.

use async_trait::async_trait;

use super::bearer::{last, still_there, texts};
use super::{
    ENTITIES, GONE, MANAGED_POLICIES, OWN_POLICIES, PROPAGATION, VERSIONS, VERSIONS_OF_POLICIES,
    ownership, remove,
};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::tags;

/// `AWS::IAM::ManagedPolicy`.
pub struct ManagedPolicy;

/// "A managed policy can have up to five versions" (API_CreatePolicyVersion).
const MOST: usize = 5;

static DEFINITION: Definition = Definition {
    create: Create::of("CreatePolicy", "Policy"),
    reads: &[
        Read::of(&MANAGED_POLICIES),
        Read {
            key: Key::Described(&["Arn", "DefaultVersionId"]),
            into: "Version",
            ..Read::of(&VERSIONS)
        },
        Read::of(&ENTITIES),
    ],
    updates: &[
        Change {
            takes: &["PolicyDocument"],
            mode: Mode::Step(version),
            ..Change::of("CreatePolicyVersion", &["PolicyArn"])
        },
        Change {
            takes: &["Roles", "Users", "Groups"],
            mode: Mode::Step(attachments),
            ..Change::of("AttachRolePolicy", &["PolicyArn"])
        },
    ],
    delete: Delete::of("DeletePolicy", &["PolicyArn"], GONE),
    find: Find::Search(search),
    rules: &[
        Rule::Sent("ManagedPolicyName", "PolicyName"),
        Rule::Told("ManagedPolicyName", "PolicyName"),
        Rule::Told("PolicyArn", "Arn"),
        Rule::Computed("PolicyDocument", policy),
        Rule::Computed("CreateDate", |policy| date(policy, "CreateDate")),
        Rule::Computed("UpdateDate", |policy| date(policy, "UpdateDate")),
        Rule::Told("Roles", "PolicyRoles.*.RoleName"),
        Rule::Told("Users", "PolicyUsers.*.UserName"),
        Rule::Told("Groups", "PolicyGroups.*.GroupName"),
    ],
    // "Upper and lowercase alphanumeric characters with no spaces. You can also include any of: _+=,.@-" (API_CreatePolicy).
    name: Some(Name {
        also: "_+=,.@",
        ..Name::of("ManagedPolicyName", 128)
    }),
    propagation: PROPAGATION,
    completes: &["Roles", "Users", "Groups"],
    unique: &[&["ManagedPolicyName"]],
    // A role with a policy attached to it is not deleted: DeleteConflict (API_DeleteRole).
    holds: &["Roles", "Users", "Groups"],
    resets: &[("Roles", "[]"), ("Users", "[]"), ("Groups", "[]")],
    ..Definition::new("AWS::IAM::ManagedPolicy", "iam")
};

/// The default version's document, as JSON.
fn policy(policy: &Json) -> Option<Json> {
    let text = look(policy, "Version.Document")?;
    let text = text.as_str()?;
    Some(crate::mapping::document(text).unwrap_or_else(|| text.into()))
}

/// ISO 8601, as CloudFormation tells it.
fn date(policy: &Json, name: &str) -> Option<Json> {
    let seconds = look(policy, name)?.as_f64()?;
    let at = time::OffsetDateTime::from_unix_timestamp(seconds as i64).ok()?;
    let text = at.format(&time::format_description::well_known::Rfc3339);
    text.ok().map(Json::from)
}

/// The oldest version that is not the default one makes room for a sixth.
fn version<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let versions = generic::items_of(context, &VERSIONS_OF_POLICIES, id.as_str()).await?;
        if versions.len() >= MOST
            && let Some(oldest) = others(&versions).first()
        {
            forget(context, id, oldest).await?;
        }
        let document = update.desired.get("PolicyDocument");
        let document = document.and_then(super::document);
        let document = document
            .ok_or_else(|| Error::Unknown("AWS::IAM::ManagedPolicy PolicyDocument".to_owned()))?;
        let input = Map::from_iter([
            ("PolicyArn".to_owned(), json!(id.as_str())),
            ("PolicyDocument".to_owned(), json!(document)),
            ("SetAsDefault".to_owned(), true.into()),
        ]);
        generic::write(&DEFINITION, context, "CreatePolicyVersion", input).await?;
        Ok(())
    })
}

/// All but the default version, oldest first. They are numbered (`v3`: API_PolicyVersion).
fn others(versions: &[Json]) -> Vec<String> {
    let mut found: Vec<(u64, String)> = versions
        .iter()
        .filter(|version| look(version, "IsDefaultVersion") != Some(true.into()))
        .filter_map(|version| {
            let id = described(version, "VersionId")?;
            Some((id.trim_start_matches('v').parse().ok()?, id.to_owned()))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, id)| id).collect()
}

async fn forget(context: &Context, id: &PhysicalId, version: &str) -> Result<()> {
    let input = json!({"PolicyArn": id.as_str(), "VersionId": version});
    remove(context, &DEFINITION, "DeletePolicyVersion", input).await
}

/// Whom a policy is attached to: the property, the member of the calls, and the calls.
const KINDS: [(&str, &str, &str, &str); 3] = [
    ("Roles", "RoleName", "AttachRolePolicy", "DetachRolePolicy"),
    ("Users", "UserName", "AttachUserPolicy", "DetachUserPolicy"),
    (
        "Groups",
        "GroupName",
        "AttachGroupPolicy",
        "DetachGroupPolicy",
    ),
];

/// All new attachments before the old ones go.
fn attachments<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let touched = || {
            KINDS
                .iter()
                .filter(|(property, ..)| update.touches(property))
        };
        for (property, member, attach, _) in touched() {
            let live = texts(update.live, property);
            for name in texts(update.desired, property) {
                if !live.contains(&name) {
                    let input = Map::from_iter([
                        ((*member).to_owned(), json!(name)),
                        ("PolicyArn".to_owned(), json!(id.as_str())),
                    ]);
                    generic::write(&DEFINITION, context, attach, input).await?;
                }
            }
        }
        for (property, member, _, detach) in touched() {
            let wanted = texts(update.desired, property);
            for name in texts(update.live, property) {
                if !wanted.contains(&name) {
                    release(context, id, (*member, &name), detach).await?;
                }
            }
        }
        Ok(())
    })
}

async fn release(
    context: &Context,
    id: &PhysicalId,
    (member, name): (&str, &str),
    detach: &'static str,
) -> Result<()> {
    let input = json!({"PolicyArn": id.as_str(), member: name});
    remove(context, &DEFINITION, detach, input).await
}

/// A list of policies tells no tags: the one of the name is asked for its own.
fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let name = desired.get("ManagedPolicyName").and_then(Value::to_text);
        let Some(name) = name else { return Ok(None) };
        for listed in generic::items_of(context, &OWN_POLICIES, &name).await? {
            let Some(arn) = described(&listed, "Arn") else {
                continue;
            };
            let found = generic::items_of(context, &MANAGED_POLICIES, arn).await?;
            let ours = found
                .iter()
                .any(|policy| tags::carries(policy.get("Tags"), incarnation));
            if ours {
                return Ok(Some(arn.into()));
            }
        }
        Ok(None)
    })
}

#[async_trait]
impl Resource for ManagedPolicy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// CloudFormation gives it no tags; the ownership tag is how it is found again.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        ownership::create(&DEFINITION, context, desired, incarnation).await
    }

    /// "You must detach the policy from all users, groups, and roles", and delete all versions but the default one (API_DeletePolicy). What
    /// payctl attached goes; what others attached makes IAM refuse: DeleteConflict.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let Some(found) = generic::read(&DEFINITION, context, id).await? else {
            return Ok(());
        };
        let applied = still_there(deletion.last_applied.as_ref(), &found.model);
        for (property, member, _, detach) in KINDS {
            for name in texts(&applied, property) {
                release(context, id, (member, &name), detach).await?;
            }
        }
        let versions = generic::items_of(context, &VERSIONS_OF_POLICIES, id.as_str()).await?;
        for version in others(&versions) {
            forget(context, id, &version).await?;
        }
        last(context, "DeletePolicy", json!({"PolicyArn": id.as_str()})).await
    }
}
