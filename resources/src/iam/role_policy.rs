//! `AWS::IAM::RolePolicy`: one inline policy of one role.

use async_trait::async_trait;

use super::{GONE, PROPAGATION, ROLE_POLICIES};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;
use payctl_model::compare::document;

/// `AWS::IAM::RolePolicy`.
pub struct RolePolicy;

/// The identifier is `policy|role`, the call asks for role and policy.
const KEY: Key = Key::Id(&[1, 0]);

static DEFINITION: Definition = Definition {
    create: Create::of("PutRolePolicy", ""),
    reads: &[Read {
        key: KEY,
        ..Read::of(&ROLE_POLICIES)
    }],
    updates: &[Change {
        takes: &["PolicyDocument"],
        ..Change::of("PutRolePolicy", &["RoleName", "PolicyName"])
    }],
    delete: Delete {
        busy: &["ConcurrentModification"],
        ..Delete::of("DeleteRolePolicy", &["RoleName", "PolicyName"], GONE)
    },
    find: Find::Search(search),
    propagation: PROPAGATION,
    completes: &["RoleName"],
    unique: &[&["PolicyName", "RoleName"]],
    // A role with a policy in it is not deleted: DeleteConflict (API_DeleteRole).
    holds: &["RoleName"],
    ..Definition::new("AWS::IAM::RolePolicy", "iam")
};

/// The document of the role's policy of this name.
async fn present(context: &Context, desired: &Value) -> Result<Option<(PhysicalId, Value)>> {
    let text = |name: &str| desired.get(name).and_then(Value::to_text);
    let (Some(role), Some(policy)) = (text("RoleName"), text("PolicyName")) else {
        return Ok(None);
    };
    let found = generic::items_of(context, &ROLE_POLICIES, &format!("{role}|{policy}")).await?;
    Ok(found.first().and_then(|found| {
        let text = described(found, "PolicyDocument")?;
        let told = crate::mapping::document(text).map_or_else(|| text.into(), Value::from);
        Some((format!("{policy}|{role}").into(), told))
    }))
}

fn is_declared(desired: &Value, present: &Value) -> bool {
    desired
        .get("PolicyDocument")
        .is_some_and(|declared| document::same(declared, present))
}

/// It has no tags: the role's policy of this name that means the same is it.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let present = present(context, desired).await?;
        Ok(present
            .filter(|(_, document)| is_declared(desired, document))
            .map(|(id, _)| id))
    })
}

#[async_trait]
impl Resource for RolePolicy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// The call overwrites: somebody else's policy is left alone.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        if let Some((id, document)) = present(context, desired).await?
            && !is_declared(desired, &document)
        {
            return Err(Error::Failed(format!(
                "the role has an inline policy `{}` already that is not this resource's: choose another name, or delete it",
                id.parts().first().copied().unwrap_or_default()
            )));
        }
        generic::create(&DEFINITION, context, desired, incarnation).await
    }
}
