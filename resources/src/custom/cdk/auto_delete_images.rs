//! `Custom::ECRAutoDeleteImages`: a repository whose images are deleted before it.

use super::emptied::Emptied;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `Custom::ECRAutoDeleteImages`.
pub static AUTO_DELETE_IMAGES: Emptied = Emptied {
    definition: &DEFINITION,
    property: "RepositoryName",
    gone: "RepositoryNotFoundException",
    empty: |context, name| Box::pin(empty(context, name)),
};

static DEFINITION: Definition = Definition {
    remembered: true,
    create_only: &[(
        "RepositoryName",
        "another repository is another resource: the images of the old one are deleted",
    )],
    ..Definition::new("Custom::ECRAutoDeleteImages", "ecr")
};

/// Whoever takes it off a repository means that its images stay.
const TAG: &str = "aws-cdk:auto-delete-images";
/// BatchDeleteImage takes as many (API_BatchDeleteImage).
const BATCH: usize = 100;
/// One that is filled as fast as it is emptied must not hang payctl.
const PASSES: usize = 100_000;

/// Deletes all images, where the repository still says that they may be.
async fn empty(context: &Context, name: &str) -> Result<()> {
    let input = json!({"repositoryNames": [name]});
    let found = context.read("ecr", "DescribeRepositories", input).await?;
    let arn = found["repositories"][0]["repositoryArn"].clone();
    let tags = context
        .read("ecr", "ListTagsForResource", json!({"resourceArn": arn}))
        .await?;
    if !super::is_tagged(&tags["tags"], TAG) {
        return Ok(());
    }
    for _ in 0..PASSES {
        // Always the first page: what was on it is gone the next time.
        let listed = context
            .read("ecr", "ListImages", json!({"repositoryName": name}))
            .await?;
        let images = listed["imageIds"].as_array().cloned().unwrap_or_default();
        if images.is_empty() {
            return Ok(());
        }
        for batch in images.chunks(BATCH) {
            let input = json!({"repositoryName": name, "imageIds": batch});
            let answer = context.write("ecr", "BatchDeleteImage", input).await?;
            let failed = answer["failures"].as_array().into_iter().flatten();
            // An image with several tags is gone with the first of them; a list of images goes before what it lists.
            let failed = failed.map(|failure| failure["failureCode"].as_str().unwrap_or_default());
            if let Some(code) = failed
                .into_iter()
                .find(|code| !matches!(*code, "ImageNotFound" | "ImageReferencedByManifestList"))
            {
                return Err(Error::Failed(format!(
                    "the images of {name} cannot be deleted: {code}"
                )));
            }
        }
    }
    Err(Error::Failed(format!(
        "the repository {name} is filled as fast as it is emptied"
    )))
}
