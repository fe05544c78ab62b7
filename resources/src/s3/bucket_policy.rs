//! `AWS::S3::BucketPolicy`: who may do what in a bucket. A bucket has one.

use async_trait::async_trait;

use super::{BUSY, NO_BUCKET, POLICIES};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;
use payctl_model::compare::document;

/// `AWS::S3::BucketPolicy`.
pub struct BucketPolicy;

static DEFINITION: Definition = Definition {
    create: Create::of("PutBucketPolicy", ""),
    reads: &[Read::of(&POLICIES)],
    updates: &[Change {
        mode: Mode::All,
        ..Change::of("PutBucketPolicy", &["Bucket"])
    }],
    delete: Delete {
        busy: &[BUSY],
        ..Delete::of("DeleteBucketPolicy", &["Bucket"], &[NO_BUCKET])
    },
    find: Find::Search(find),
    rules: &[Rule::Renamed("PolicyDocument", "Policy")],
    propagation: &[
        (BUSY, ""),
        // A principal that was made a moment ago (IAM user guide, "Changes that I make are not always immediately visible").
        ("MalformedPolicy", "Invalid principal in policy"),
    ],
    completes: &["Bucket"],
    unique: &[&["Bucket"]],
    ..Definition::new("AWS::S3::BucketPolicy", "s3")
};

/// The policy that the declared bucket has.
async fn present(context: &Context, desired: &Value) -> Result<Option<(PhysicalId, Value)>> {
    let Some(bucket) = desired.get("Bucket").and_then(Value::to_text) else {
        return Ok(None);
    };
    let answers = generic::items_of(context, &POLICIES, &bucket).await?;
    let policy = answers
        .first()
        .and_then(|answer| described(answer, "Policy"));
    Ok(policy.map(|policy| (bucket.into(), Value::from(policy))))
}

fn is_declared(desired: &Value, policy: &Value) -> bool {
    desired
        .get("PolicyDocument")
        .is_some_and(|declared| document::same(declared, policy))
}

/// It has no tags: the policy that means the same is it.
fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let present = present(context, desired).await?;
        Ok(present
            .filter(|(_, policy)| is_declared(desired, policy))
            .map(|(id, _)| id))
    })
}

#[async_trait]
impl Resource for BucketPolicy {
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
        if let Some((bucket, policy)) = present(context, desired).await?
            && !is_declared(desired, &policy)
        {
            return Err(Error::Failed(format!(
                "the bucket {bucket} has a policy already that is not this resource's: remove it, or declare the same"
            )));
        }
        generic::create(&DEFINITION, context, desired, incarnation).await
    }
}
