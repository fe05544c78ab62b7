//! `Custom::ECRAutoDeleteImages`: a repository whose images are deleted before it.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `Custom::ECRAutoDeleteImages`.
pub struct AutoDeleteImages;

const TYPE: &str = "Custom::ECRAutoDeleteImages";

static DEFINITION: Definition = Definition {
    remembered: true,
    create_only: &[(
        "RepositoryName",
        "another repository is another resource: the images of the old one are deleted",
    )],
    ..Definition::new(TYPE, "ecr")
};

/// Whoever takes it off a repository means that its images stay.
const TAG: &str = "aws-cdk:auto-delete-images";
/// BatchDeleteImage takes as many (API_BatchDeleteImage).
const BATCH: usize = 100;
/// One that is filled as fast as it is emptied must not hang payctl.
const PASSES: usize = 100_000;

#[async_trait]
impl Resource for AutoDeleteImages {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(&self, _: &Context, desired: &Value, _: &Incarnation) -> Result<Observed> {
        Ok(super::declared(&repository(desired)?, desired))
    }

    async fn read(&self, _: &Context, _: &PhysicalId) -> Result<Option<Observed>> {
        Ok(None)
    }

    async fn update(&self, context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
        if let Some(subject) = context.subject() {
            subject.tell(super::declared(id.as_str(), update.desired));
        }
        Ok(())
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        match empty(context, id.as_str()).await {
            Err(error) if error.code() == Some("RepositoryNotFoundException") => Ok(()),
            done => done,
        }
    }

    async fn complete(&self, _: &Context, _: &PhysicalId, _: &Value) -> Result<bool> {
        Ok(false)
    }

    async fn find(
        &self,
        _: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        Ok(repository(desired).ok().map(PhysicalId::from))
    }
}

fn repository(desired: &Value) -> Result<String> {
    let name = desired.get("RepositoryName").and_then(Value::to_text);
    name.ok_or_else(|| Error::Failed(format!("{TYPE} has no RepositoryName")))
}

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
