//! `AWS::SecretsManager::ResourcePolicy`: who may use a secret. A secret has one.

use async_trait::async_trait;

use super::{MISSING, POLICIES, REFUSED};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;
use payctl_model::compare::document;

/// `AWS::SecretsManager::ResourcePolicy`.
pub struct ResourcePolicy;

static DEFINITION: Definition = Definition {
    create: Create::of("PutResourcePolicy", ""),
    reads: &[Read {
        select: Some(there),
        ..Read::of(&POLICIES)
    }],
    updates: &[Change {
        mode: Mode::All,
        ..Change::of("PutResourcePolicy", &["SecretId=Id"])
    }],
    delete: Delete::of(
        "DeleteResourcePolicy",
        &["SecretId=Id"],
        // The secret is gone, or marked to go.
        &[MISSING, REFUSED],
    ),
    find: Find::Search(search),
    rules: &[Rule::Told("Id", "ARN"), Rule::Told("SecretId", "ARN")],
    // A principal that was made a moment ago.
    propagation: &[("MalformedPolicyDocumentException", "principal")],
    unique: &[&["SecretId"]],
    resets: &[("BlockPublicPolicy", "false")],
    ..Definition::new("AWS::SecretsManager::ResourcePolicy", "secretsmanager")
};

fn there(answer: &Json, _: &PhysicalId) -> Option<Json> {
    answer.get("ResourcePolicy").map(|_| answer.clone())
}

/// The policy that the declared secret has, and the secret's ARN.
async fn present(context: &Context, desired: &Value) -> Result<Option<(PhysicalId, Value)>> {
    let Some(secret) = super::text(desired, "SecretId") else {
        return Ok(None);
    };
    let answers = generic::items_of(context, &POLICIES, &secret).await?;
    Ok(answers.first().and_then(|answer| {
        let arn = described(answer, "ARN")?;
        let policy = described(answer, "ResourcePolicy")?;
        Some((arn.into(), policy.into()))
    }))
}

fn is_declared(desired: &Value, policy: &Value) -> bool {
    desired
        .get("ResourcePolicy")
        .is_some_and(|declared| document::same(declared, policy))
}

/// It has no tags: the policy that means the same is it.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let present = present(context, desired).await?;
        Ok(present
            .filter(|(_, policy)| is_declared(desired, policy))
            .map(|(id, _)| id))
    })
}

#[async_trait]
impl Resource for ResourcePolicy {
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
        if let Some((id, policy)) = present(context, desired).await?
            && !is_declared(desired, &policy)
        {
            return Err(Error::Failed(format!(
                "{id} has a resource policy already that is not this resource's: remove it, or declare the same"
            )));
        }
        generic::create(&DEFINITION, context, desired, incarnation).await
    }
}
