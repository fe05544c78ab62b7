//! `AWS::IAM::InstanceProfile`: what gives a role to EC2 instances. It holds one.

use async_trait::async_trait;

use super::bearer::{last, texts};
use super::{GONE, PROFILES, PROPAGATION, ownership, remove};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;
use crate::tags;

/// `AWS::IAM::InstanceProfile`.
pub struct InstanceProfile;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateInstanceProfile", "InstanceProfile"),
    reads: &[Read::of(&PROFILES)],
    updates: &[Change {
        takes: &["Roles"],
        mode: Mode::Step(roles),
        ..Change::of("AddRoleToInstanceProfile", &["InstanceProfileName"])
    }],
    delete: Delete::of("DeleteInstanceProfile", &["InstanceProfileName"], GONE),
    find: Find::Search(search),
    rules: &[Rule::Told("Roles", "Roles.*.RoleName")],
    // "Upper and lowercase alphanumeric characters with no spaces. You can also include any of: _+=,.@-" (API_CreateInstanceProfile).
    name: Some(Name {
        also: "_+=,.@",
        ..Name::of("InstanceProfileName", 128)
    }),
    propagation: PROPAGATION,
    unique: &[&["InstanceProfileName"]],
    // DeleteConflict: "must remove roles from instance profile first" (API_DeleteRole).
    holds: &["Roles"],
    ..Definition::new("AWS::IAM::InstanceProfile", "iam")
};

/// "An instance profile can contain only one role" (API_AddRoleToInstanceProfile): the old one goes first.
fn roles<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let (wanted, live) = (texts(update.desired, "Roles"), texts(update.live, "Roles"));
        for role in live.iter().filter(|role| !wanted.contains(role)) {
            release(context, id, role).await?;
        }
        for role in wanted.iter().filter(|role| !live.contains(role)) {
            let input = Map::from_iter([
                ("InstanceProfileName".to_owned(), json!(id.as_str())),
                ("RoleName".to_owned(), json!(role)),
            ]);
            generic::write(&DEFINITION, context, "AddRoleToInstanceProfile", input).await?;
        }
        Ok(())
    })
}

async fn release(context: &Context, id: &PhysicalId, role: &str) -> Result<()> {
    let input = json!({"InstanceProfileName": id.as_str(), "RoleName": role});
    remove(context, &DEFINITION, "RemoveRoleFromInstanceProfile", input).await
}

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let name = desired.get("InstanceProfileName").and_then(Value::to_text);
        let Some(name) = name else { return Ok(None) };
        let found = generic::items_of(context, &PROFILES, &name).await?;
        let ours = found
            .iter()
            .any(|profile| tags::carries(profile.get("Tags"), incarnation));
        Ok(ours.then(|| name.into()))
    })
}

#[async_trait]
impl Resource for InstanceProfile {
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

    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let roles = match &deletion.last_applied {
            Some(applied) => texts(applied, "Roles"),
            None => match generic::read(&DEFINITION, context, id).await? {
                Some(found) => texts(&found.model, "Roles"),
                None => return Ok(()),
            },
        };
        for role in roles {
            release(context, id, &role).await?;
        }
        let input = json!({"InstanceProfileName": id.as_str()});
        last(context, "DeleteInstanceProfile", input).await
    }
}
