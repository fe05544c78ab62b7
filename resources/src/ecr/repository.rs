//! `AWS::ECR::Repository`: a repository of images, its policies and settings.

use async_trait::async_trait;

use super::{GONE, LIFECYCLE_POLICIES, POLICIES, REPOSITORIES, TAGS};
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;
use crate::tags;

/// `AWS::ECR::Repository`.
pub struct Repository;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateRepository", "repository"),
    reads: &[
        Read::of(&REPOSITORIES),
        Read {
            key: Key::Described(&["repositoryArn"]),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            key: Key::Described(&["repositoryArn"]),
            when: Some(tags::untagged),
            ..Read::of(&TAGS)
        },
        Read {
            only_for: &["LifecyclePolicy"],
            into: "kept",
            ..Read::of(&LIFECYCLE_POLICIES)
        },
        Read {
            only_for: &["RepositoryPolicyText"],
            ..Read::of(&POLICIES)
        },
    ],
    updates: &[
        Change {
            takes: &["ImageTagMutability", "ImageTagMutabilityExclusionFilters"],
            together: &[&["ImageTagMutability", "ImageTagMutabilityExclusionFilters"]],
            ..Change::of("PutImageTagMutability", &["repositoryName=RepositoryName"])
        },
        Change {
            takes: &["ImageScanningConfiguration"],
            ..Change::of(
                "PutImageScanningConfiguration",
                &["repositoryName=RepositoryName"],
            )
        },
        Change {
            takes: &["LifecyclePolicy"],
            mode: Mode::Step(lifecycle),
            ..Change::of("PutLifecyclePolicy", &["repositoryName=RepositoryName"])
        },
        Change {
            takes: &["RepositoryPolicyText"],
            mode: Mode::Step(access),
            ..Change::of("SetRepositoryPolicy", &["repositoryName=RepositoryName"])
        },
        // It acts when the repository is deleted.
        Change::elsewhere(&["EmptyOnDelete"]),
    ],
    delete: Delete::of("DeleteRepository", &["repositoryName=RepositoryName"], GONE),
    find: Find::Key(&["RepositoryName"]),
    rules: &[
        Rule::Told("Arn", "repositoryArn"),
        Rule::Renamed(
            "ImageTagMutabilityExclusionFilters.*.ImageTagMutabilityExclusionFilterType",
            "filterType",
        ),
        Rule::Renamed(
            "ImageTagMutabilityExclusionFilters.*.ImageTagMutabilityExclusionFilterValue",
            "filter",
        ),
        Rule::Told(
            "LifecyclePolicy.LifecyclePolicyText",
            "/kept.lifecyclePolicyText",
        ),
        Rule::Told("LifecyclePolicy.RegistryId", "/kept.registryId"),
        Rule::Told("RepositoryPolicyText", "policyText"),
    ],
    tags: Tags::Member,
    // "The repository name must start with a letter and can only contain lowercase letters, numbers, hyphens, underscores, and forward
    // slashes"; 256 characters at most (API_CreateRepository).
    name: Some(Name {
        also: "_",
        ..Name::lower("RepositoryName", 256)
    }),
    propagation: &[
        // A principal that was made a moment ago (IAM user guide, "Changes that I make are not always immediately visible").
        ("InvalidParameterException", "Principal not found"),
    ],
    unique: &[&["RepositoryName"]],
    // API_CreateRepository: each member's default.
    resets: &[
        ("ImageTagMutability", "\"MUTABLE\""),
        ("ImageScanningConfiguration", "{\"ScanOnPush\": false}"),
    ],
    ..Definition::new("AWS::ECR::Repository", "ecr")
};

/// A document as the API takes it: as text.
fn text(properties: &Value, path: &str) -> Option<String> {
    match properties.at(&path.into())?.expose_json()? {
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

async fn set(
    context: &Context,
    id: &PhysicalId,
    operation: &str,
    more: Option<(&str, String)>,
) -> Result<()> {
    let mut input = Map::from_iter([("repositoryName".to_owned(), id.as_str().into())]);
    input.extend(more.map(|(name, value)| (name.to_owned(), value.into())));
    match generic::write(&DEFINITION, context, operation, input).await {
        // Nothing is there to take away.
        Err(error)
            if error
                .code()
                .is_some_and(|code| code.ends_with("PolicyNotFoundException")) =>
        {
            Ok(())
        }
        done => done.map(|_| ()),
    }
}

fn lifecycle<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        match text(update.desired, "LifecyclePolicy.LifecyclePolicyText") {
            Some(policy) => {
                let more = Some(("lifecyclePolicyText", policy));
                set(context, id, "PutLifecyclePolicy", more).await
            }
            None => set(context, id, "DeleteLifecyclePolicy", None).await,
        }
    })
}

fn access<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        match text(update.desired, "RepositoryPolicyText") {
            Some(policy) => {
                let more = Some(("policyText", policy));
                set(context, id, "SetRepositoryPolicy", more).await
            }
            None => set(context, id, "DeleteRepositoryPolicy", None).await,
        }
    })
}

#[async_trait]
impl Resource for Repository {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// With its images only where the template says so.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let declared = deletion.last_applied.as_ref();
        let empties = declared
            .and_then(|declared| declared.get("EmptyOnDelete")?.to_text())
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let input = Map::from_iter([
            ("repositoryName".to_owned(), Json::from(id.as_str())),
            ("force".to_owned(), empties.into()),
        ]);
        generic::delete_with(&DEFINITION, context, "DeleteRepository", input).await
    }
}
