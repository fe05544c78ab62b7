//! Objects made of other objects.

use super::buckets::{reach, the_bucket};
use super::{checksums, objects, versions};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::world::{Key, Record};
use percent_encoding::percent_decode_str;
use serde_json::{Value as Json, json};

/// Text without the percent signs of URLs.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// The version that `x-amz-copy-source` names: `bucket/key?versionId=…`, as it stands in a URL.
pub(super) fn source(call: &Call) -> Result<(Key, Record), Refusal> {
    let text = call.text("CopySource").unwrap_or_default();
    let (text, version) = match text.split_once("?versionId=") {
        Some((text, version)) => (text, Some(version)),
        None => (text, None),
    };
    let plain = decoded(text.trim_start_matches('/'));
    let (bucket, name) = plain
        .split_once('/')
        .ok_or_else(|| Refusal::new("InvalidArgument", "Invalid copy source object key"))?;
    let bucket = reach(call, bucket)?;
    let (_, found) = objects::readable(call, &bucket, name, version)?;
    Ok((bucket.clone(), found.clone()))
}

pub(super) fn copy(call: &mut Call) -> Answer {
    let bucket = the_bucket(call)?;
    let name = call.text("Key").unwrap_or_default().to_owned();
    objects::check_write(call, &bucket, &name)?;
    let (from, source) = source(call)?;
    let replaces = call.text("MetadataDirective") == Some("REPLACE");
    if from == bucket
        && source.text("Key") == name
        && !replaces
        && call.text("StorageClass").is_none()
    {
        let message = "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.";
        return Err(Refusal::new("InvalidRequest", message));
    }
    let mut input = call.input.clone();
    if !replaces {
        for member in [
            "CacheControl",
            "ContentDisposition",
            "ContentEncoding",
            "ContentLanguage",
            "ContentType",
            "Expires",
            "Metadata",
        ] {
            input.remove(member);
            if let Some(value) = source.body.get(member) {
                input.insert(member.into(), value.clone());
            }
        }
    }
    let mut members = objects::described(call, &bucket, &input);
    for member in ["ETag", "Size", "Data"] {
        members.insert(
            member.into(),
            source.body.get(member).cloned().unwrap_or_default(),
        );
    }
    members.extend(checksums::of(&source.body));
    if call.text("TaggingDirective") != Some("REPLACE") {
        members.insert(
            "TagSet".into(),
            crate::tags::write(crate::kind::Tags::List("TagSet"), &source.tags),
        );
    }
    let mut answer = objects::written(&members, None);
    let mut result = checksums::of(&members);
    result.insert("ETag".into(), answer.remove("ETag").unwrap_or_default());
    result.insert("LastModified".into(), json!(call.now.floor()));
    answer.insert("CopyObjectResult".into(), Json::Object(result));
    let version = versions::store(call, &bucket, &name, members)?;
    answer.extend(version.map(|version| ("VersionId".to_owned(), json!(version))));
    Ok(Json::Object(answer))
}
