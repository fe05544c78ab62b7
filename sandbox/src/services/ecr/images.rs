//! Images: manifests, by digest, and the tags that point at them.

use super::repositories::REPOSITORY;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Reference, run};
use crate::law::Law;
use crate::registry;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

/// An image.
pub(super) const IMAGE: Kind = Kind {
    name: "ecr/image",
    id: Id::Made(|_, image, _| {
        let text = |name: &str| {
            crate::path::text(image, name)
                .unwrap_or_default()
                .to_owned()
        };
        Ok(format!(
            "{} {}",
            text("repositoryName"),
            text("imageDigest")
        ))
    }),
    refers: &[Reference::new("repositoryName", REPOSITORY.name)
        .source("ECR API Reference, DeleteRepository: RepositoryNotEmptyException")],
    not_found: Fault::new(
        "ImageNotFoundException",
        "The image with imageId {id} does not exist within the repository",
    ),
    operations: &[
        run("PutImage", put),
        run("BatchGetImage", batch_get),
        run("DescribeImages", describe),
        run("ListImages", list),
        run("BatchDeleteImage", batch_delete),
    ],
    ..Kind::NEW
};

/// A manifest is one.
pub(super) const MANIFEST: Law = Law {
    name: "an image's manifest is a JSON document with a media type",
    operations: &["PutImage"],
    source: "ECR API Reference, PutImage: InvalidParameterException",
    fault: Fault::new(
        "InvalidParameterException",
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    ),
    check: Some(|call, law| {
        let manifest = call.text("imageManifest").unwrap_or_default();
        match serde_json::from_str::<Map<String, Json>>(manifest) {
            Ok(_) => Ok(()),
            Err(_) => Err(law.fault.with(&[])),
        }
    }),
};

/// A digest is that of the manifest.
pub(super) const DIGEST: Law = Law {
    name: "an image's digest is that of its manifest",
    operations: &["PutImage"],
    source: "ECR API Reference, PutImage: ImageDigestDoesNotMatchException",
    fault: Fault::new(
        "ImageDigestDoesNotMatchException",
        "The specified image digest does not match the digest that Amazon ECR calculated for the image",
    ),
    check: Some(|call, law| {
        let digest = digest(call.text("imageManifest").unwrap_or_default());
        match call.text("imageDigest") {
            Some(told) if told != digest => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// Where tags are immutable they stay.
pub(super) const TAKEN: Law = Law {
    name: "a tag that is immutable stays at its image",
    operations: &[],
    source: "ECR User Guide, Preventing image tags from being overwritten in Amazon ECR: ImageTagAlreadyExistsException",
    fault: Fault::new(
        "ImageTagAlreadyExistsException",
        "The image tag '{tag}' already exists in the '{id}' repository and cannot be overwritten because the tag is immutable.",
    ),
    check: None,
};

/// The same image is not put twice.
pub(super) const THERE: Law = Law {
    name: "an image that is there under its tag is not put again",
    operations: &[],
    source: "ECR API Reference, PutImage: ImageAlreadyExistsException",
    fault: Fault::new(
        "ImageAlreadyExistsException",
        "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{id}'",
    ),
    check: None,
};

fn digest(manifest: &str) -> String {
    let sum = Sha256::digest(manifest.as_bytes());
    let digits: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{digits}")
}

fn images<'a>(call: &'a Call, repository: &'a str) -> impl Iterator<Item = &'a Record> {
    call.list_where(IMAGE.name, "repositoryName", repository)
}

fn tags(image: &Record) -> Vec<String> {
    crate::path::texts(&image.body, "imageTags[]")
}

/// Takes all images of a repository away.
pub(super) fn remove_all(call: &mut Call, repository: &str) {
    let ids: Vec<String> = images(call, repository)
        .map(|image| image.id.clone())
        .collect();
    for id in ids {
        call.remove(IMAGE.name, &id);
    }
}

fn repository(call: &Call) -> Result<Record, Refusal> {
    let name = call.text("repositoryName").unwrap_or_default();
    call.need(REPOSITORY.name, name).cloned()
}

/// May a tag be moved to another image?
fn is_mutable(repository: &Record, tag: &str) -> bool {
    let filters = crate::path::texts(
        &repository.body,
        "imageTagMutabilityExclusionFilters[].filter",
    );
    let excluded = filters.iter().any(|pattern| filter::matches(pattern, tag));
    match repository.text("imageTagMutability") {
        "IMMUTABLE" => false,
        "IMMUTABLE_WITH_EXCLUSION" => excluded,
        "MUTABLE_WITH_EXCLUSION" => !excluded,
        _ => true,
    }
}

fn put(call: &mut Call) -> Answer {
    let repository = repository(call)?;
    let name = repository.id.clone();
    let manifest = call.text("imageManifest").unwrap_or_default().to_owned();
    let digest = digest(&manifest);
    let tag = call.text("imageTag").map(str::to_owned);
    let there = images(call, &name)
        .find(|image| image.is("imageDigest", &digest))
        .cloned();
    let holder = tag.as_ref().and_then(|tag| {
        let mut images = images(call, &name);
        images.find(|image| tags(image).contains(tag)).cloned()
    });
    let same = match (&tag, &there) {
        (Some(_), Some(image)) => holder.as_ref().is_some_and(|holder| holder.id == image.id),
        (None, Some(_)) => true,
        (_, None) => false,
    };
    let shown = tag.clone().unwrap_or_default();
    if same {
        return Err(THERE
            .fault
            .with(&[("digest", &digest), ("tag", &shown), ("id", &name)]));
    }
    if let Some(holder) = holder {
        if !is_mutable(&repository, &shown) {
            return Err(TAKEN.fault.with(&[("tag", &shown), ("id", &name)]));
        }
        untag(call, &holder, &shown);
    }
    let document: Json = serde_json::from_str(&manifest).unwrap_or_default();
    let kind = call
        .text("imageManifestMediaType")
        .or(document["mediaType"].as_str());
    let kind = kind
        .unwrap_or("application/vnd.docker.distribution.manifest.v2+json")
        .to_owned();
    if there.is_none() {
        let layers = document["layers"].as_array().into_iter().flatten();
        let size: u64 = layers.filter_map(|layer| layer["size"].as_u64()).sum();
        let image = json!({
            "registryId": call.account, "repositoryName": name, "imageDigest": digest, "imageManifest": manifest,
            "imageManifestMediaType": kind, "imagePushedAt": call.now.floor(), "imageSizeInBytes": size,
            "artifactMediaType": document["config"]["mediaType"], "imageStatus": "ACTIVE",
        });
        call.make(IMAGE.name, image)?;
    }
    let id = format!("{name} {digest}");
    call.update(IMAGE.name, &id, |image| {
        if let Some(tag) = &tag {
            image.list_mut("imageTags").push(json!(tag));
        }
    });
    Ok(json!({"image": {
        "registryId": call.account, "repositoryName": name, "imageManifest": manifest, "imageManifestMediaType": kind,
        "imageId": {"imageDigest": digest, "imageTag": tag},
    }}))
}

fn untag(call: &mut Call, image: &Record, tag: &str) {
    call.update(IMAGE.name, &image.id, |image| {
        image.list_mut("imageTags").retain(|one| one != tag);
        if image.list("imageTags").is_empty() {
            image.set("imageTags", Json::Null);
        }
    });
}

/// The image that an identifier means, or why there is none.
fn named(call: &Call, repository: &str, id: &Json) -> Result<Record, (&'static str, String)> {
    let (digest, tag) = (id["imageDigest"].as_str(), id["imageTag"].as_str());
    if digest.is_none() && tag.is_none() {
        return Err((
            "MissingDigestAndTag",
            "Invalid request parameters: both tag and digest cannot be null".into(),
        ));
    }
    let found = match digest {
        Some(digest) => images(call, repository).find(|image| image.is("imageDigest", digest)),
        None => images(call, repository)
            .find(|image| tags(image).iter().any(|one| Some(one.as_str()) == tag)),
    };
    let found = found.ok_or(("ImageNotFound", "Requested image not found".to_owned()))?;
    match tag {
        Some(tag) if !tags(found).iter().any(|one| one == tag) => Err((
            "ImageTagDoesNotMatchDigest",
            "Image tag and digest did not match".into(),
        )),
        _ => Ok(found.clone()),
    }
}

fn asked(call: &Call) -> Vec<Json> {
    let ids = call.input.get("imageIds").and_then(Json::as_array);
    ids.cloned().unwrap_or_default()
}

fn failure(id: &Json, (code, reason): (&str, String)) -> Json {
    json!({"imageId": id, "failureCode": code, "failureReason": reason})
}

fn batch_get(call: &mut Call) -> Answer {
    let name = repository(call)?.id;
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for id in asked(call) {
        match named(call, &name, &id) {
            Ok(image) => found.push(json!({
                "registryId": call.account, "repositoryName": name, "imageManifest": image.text("imageManifest"),
                "imageManifestMediaType": image.text("imageManifestMediaType"),
                "imageId": {"imageDigest": image.text("imageDigest"), "imageTag": id["imageTag"]},
            })),
            Err(why) => failures.push(failure(&id, why)),
        }
    }
    Ok(json!({"images": found, "failures": failures}))
}

/// A tag is taken away; with its last one, or by digest, the image goes.
fn batch_delete(call: &mut Call) -> Answer {
    let name = repository(call)?.id;
    let (mut gone, mut failures) = (Vec::new(), Vec::new());
    for id in asked(call) {
        let image = match named(call, &name, &id) {
            Ok(image) => image,
            Err(why) => {
                failures.push(failure(&id, why));
                continue;
            }
        };
        let digest = image.text("imageDigest");
        let told = |tag: Option<&str>| json!({"imageDigest": digest, "imageTag": tag});
        match (id["imageDigest"].as_str(), id["imageTag"].as_str()) {
            (None, Some(tag)) => {
                gone.push(told(Some(tag)));
                if tags(&image).len() > 1 {
                    untag(call, &image, tag);
                    continue;
                }
            }
            _ if tags(&image).is_empty() => gone.push(told(None)),
            _ => gone.extend(tags(&image).iter().map(|tag| told(Some(tag)))),
        }
        call.remove(IMAGE.name, &image.id);
    }
    Ok(json!({"imageIds": gone, "failures": failures}))
}

fn page(call: &Call, shown: &mut Vec<(String, Json)>) -> Result<Option<String>, Refusal> {
    let service = registry::service("ecr").unwrap_or(&super::SERVICE);
    let paging = Paging::lower_next_token(100, (1, 1000));
    filter::page(call, service, &paging, false, "", shown)
}

fn is_asked(call: &Call, image: &Record) -> bool {
    match call.text("filter.tagStatus") {
        Some("TAGGED") => !tags(image).is_empty(),
        Some("UNTAGGED") => tags(image).is_empty(),
        _ => true,
    }
}

fn describe(call: &mut Call) -> Answer {
    let call = &*call;
    let name = repository(call)?.id;
    let asked = asked(call);
    let mut chosen: Vec<Record> = Vec::new();
    for id in &asked {
        let found =
            named(call, &name, id).map_err(|_| IMAGE.not_found.with(&[("id", &id.to_string())]))?;
        chosen.push(found);
    }
    if asked.is_empty() {
        chosen = images(call, &name).cloned().collect();
    }
    let kept = chosen.iter().filter(|image| is_asked(call, image));
    let mut shown = kept
        .map(|image| (image.id.clone(), Json::Object(image.body.clone())))
        .collect();
    let next = page(call, &mut shown)?;
    let details: Vec<Json> = shown.into_iter().map(|(_, image)| image).collect();
    Ok(json!({"imageDetails": details, "nextToken": next}))
}

fn list(call: &mut Call) -> Answer {
    let call = &*call;
    let name = repository(call)?.id;
    let mut shown = Vec::new();
    for image in images(call, &name).filter(|image| is_asked(call, image)) {
        let digest = image.text("imageDigest");
        let tags = tags(image);
        if tags.is_empty() {
            shown.push((format!("{digest} "), json!({"imageDigest": digest})));
        }
        for tag in tags {
            shown.push((
                format!("{digest} {tag}"),
                json!({"imageDigest": digest, "imageTag": tag}),
            ));
        }
    }
    let next = page(call, &mut shown)?;
    let ids: Vec<Json> = shown.into_iter().map(|(_, id)| id).collect();
    Ok(json!({"imageIds": ids, "nextToken": next}))
}
