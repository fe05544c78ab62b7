//! `Custom::S3AutoDeleteObjects`: a bucket that is emptied before it is deleted.

use super::emptied::Emptied;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `Custom::S3AutoDeleteObjects`.
pub static AUTO_DELETE_OBJECTS: Emptied = Emptied {
    definition: &DEFINITION,
    property: "BucketName",
    gone: "NoSuchBucket",
    empty: |context, name| Box::pin(empty(context, name)),
};

static DEFINITION: Definition = Definition {
    remembered: true,
    create_only: &[(
        "BucketName",
        "another bucket is another resource: the old one is emptied",
    )],
    ..Definition::new("Custom::S3AutoDeleteObjects", "s3")
};

/// Whoever takes it off a bucket means that it is not to be emptied.
const TAG: &str = "aws-cdk:auto-delete-objects";
/// DeleteObjects takes as many (API_DeleteObjects).
const BATCH: usize = 1_000;
/// No bucket has more pages than this many times: one that is filled as fast as it is emptied must not hang payctl.
const PASSES: usize = 100_000;

/// Deletes all versions of all objects and all delete markers, where the bucket still says that it may be.
async fn empty(context: &Context, bucket: &str) -> Result<()> {
    let tags = match context
        .read("s3", "GetBucketTagging", json!({"Bucket": bucket}))
        .await
    {
        Err(error) if error.code() == Some("NoSuchTagSet") => return Ok(()),
        answer => answer?,
    };
    if !super::is_tagged(&tags["TagSet"], TAG) {
        return Ok(());
    }
    for _ in 0..PASSES {
        // Always the first page: what was on it is gone the next time.
        let listed = context
            .read("s3", "ListObjectVersions", json!({"Bucket": bucket}))
            .await?;
        let all = ["Versions", "DeleteMarkers"]
            .into_iter()
            .flat_map(|list| listed[list].as_array().into_iter().flatten());
        let objects: Vec<Json> = all
            .map(|one| json!({"Key": one["Key"], "VersionId": one["VersionId"]}))
            .collect();
        if objects.is_empty() {
            return Ok(());
        }
        for batch in objects.chunks(BATCH) {
            let input = json!({"Bucket": bucket, "Delete": {"Objects": batch, "Quiet": true}});
            let answer = context.write("s3", "DeleteObjects", input).await?;
            let refused = answer["Errors"]
                .as_array()
                .and_then(|errors| errors.first());
            if let Some(refused) = refused {
                let text = |name: &str| refused[name].as_str().unwrap_or_default();
                return Err(Error::Failed(format!(
                    "the bucket {bucket} cannot be emptied: {} could not be deleted: {}: {}",
                    text("Key"),
                    text("Code"),
                    text("Message")
                )));
            }
        }
    }
    Err(Error::Failed(format!(
        "the bucket {bucket} is filled as fast as it is emptied"
    )))
}
