//! Repositories.

use super::{images, policies};
use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::generic;
use crate::kind::{
    Id, Kind, Paging, Reference, Shows, Tags, Unique, create, describe, modify, run,
};
use crate::law::Law;
use serde_json::{Value as Json, json};

/// A repository.
pub(super) const REPOSITORY: Kind = Kind {
    name: "ecr/repository",
    id: Id::Member("repositoryName"),
    arn: "arn:{partition}:ecr:{region}:{account}:repository/{id}",
    arn_member: "repositoryArn",
    created_member: "createdAt",
    // ECR API Reference, CreateRepository: each member's default.
    defaults: Some(|call| {
        json!({
            "registryId": call.account,
            "imageTagMutability": "MUTABLE",
            "imageScanningConfiguration": {"scanOnPush": false},
            "encryptionConfiguration": {"encryptionType": "AES256"},
        })
    }),
    tags: Tags::Unseen("tags"),
    refers: &[Reference::new("encryptionConfiguration.kmsKey", "kms/key")
        .loose()
        .unchecked()],
    unique: &[Unique::new(
        &["repositoryName"],
        Fault::new(
            "RepositoryAlreadyExistsException",
            "The repository with name '{repositoryName}' already exists in the registry",
        ),
    )],
    not_found: Fault::new(
        "RepositoryNotFoundException",
        "The repository with name '{id}' does not exist in the registry",
    ),
    in_use: Fault::new(
        "RepositoryNotEmptyException",
        "The repository with name '{id}' cannot be deleted because it still contains images",
    ),
    show: Some(|call, repository, shown| {
        let uri = format!("{}/{}", super::registry(call), repository.id);
        shown.insert("repositoryUri".into(), json!(uri));
    }),
    operations: &[
        create("CreateRepository", Shows::In("repository")).prepare(|call, repository| {
            // "If no key is specified, the default Amazon Web Services managed KMS key for Amazon ECR will be used" (EncryptionConfiguration).
            let kind = repository.text("encryptionConfiguration.encryptionType");
            if kind.starts_with("KMS")
                && repository.text("encryptionConfiguration.kmsKey").is_empty()
            {
                let key = crate::services::kms::own_key(call, "alias/aws/ecr");
                repository.set("encryptionConfiguration.kmsKey", key);
            }
            Ok(())
        }),
        describe("DescribeRepositories", "repositoryNames", "repositories")
            .paging(Paging::lower_next_token(100, (1, 1000))),
        run("DeleteRepository", delete),
        modify("PutImageTagMutability", "repositoryName", Shows::Record).prepare(
            |call, repository| {
                if !call
                    .input
                    .contains_key("imageTagMutabilityExclusionFilters")
                {
                    repository.set("imageTagMutabilityExclusionFilters", Json::Null);
                }
                Ok(())
            },
        ),
        modify(
            "PutImageScanningConfiguration",
            "repositoryName",
            Shows::Record,
        ),
        run("PutLifecyclePolicy", policies::put_lifecycle),
        run("GetLifecyclePolicy", policies::get_lifecycle),
        run("DeleteLifecyclePolicy", policies::delete_lifecycle),
        run("SetRepositoryPolicy", policies::put_access),
        run("GetRepositoryPolicy", policies::get_access),
        run("DeleteRepositoryPolicy", policies::delete_access),
    ],
    ..Kind::NEW
};

/// Exclusions go with the settings that have them.
pub(super) const EXCLUSIONS: Law = Law {
    name: "tags are excluded from mutability or immutability where that is said, and only there",
    operations: &["CreateRepository", "PutImageTagMutability"],
    source: "ECR API Reference, PutImageTagMutability, imageTagMutabilityExclusionFilters",
    fault: Fault::new(
        "InvalidParameterException",
        "Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: 'Exclusion filters go with IMMUTABLE_WITH_EXCLUSION and MUTABLE_WITH_EXCLUSION'",
    ),
    check: Some(|call, law| {
        let mutability = call.text("imageTagMutability").unwrap_or("MUTABLE");
        let filters = call
            .input
            .get("imageTagMutabilityExclusionFilters")
            .and_then(Json::as_array)
            .is_some_and(|filters| !filters.is_empty());
        match mutability.ends_with("_WITH_EXCLUSION") == filters {
            true => Ok(()),
            false => Err(law.fault.with(&[])),
        }
    }),
};

/// A key that is there.
pub(super) const KEY: Law = Law {
    name: "a repository's key exists",
    operations: &["CreateRepository"],
    source: "ECR API Reference, CreateRepository: KmsException",
    fault: Fault::new(
        "KmsException",
        "The operation failed due to a KMS exception: key {id} is not found",
    ),
    check: Some(
        |call, law| match call.text("encryptionConfiguration.kmsKey") {
            Some(key)
                if call.find("kms/key", key).is_none()
                    && crate::services::kms::own_key(call, key).is_none() =>
            {
                Err(law.fault.with(&[("id", key)]))
            }
            _ => Ok(()),
        },
    ),
};

/// With its images where that is asked for.
fn delete(call: &mut Call) -> Answer {
    let name = call.text("repositoryName").unwrap_or_default().to_owned();
    let repository = call.need(REPOSITORY.name, &name)?.clone();
    let shown = call.show(REPOSITORY.name, &repository);
    if call.input.get("force") == Some(&json!(true)) {
        images::remove_all(call, &name);
    }
    let key = call.key(REPOSITORY.name, &name);
    generic::remove(call, &REPOSITORY, &key)?;
    Ok(json!({"repository": shown}))
}
