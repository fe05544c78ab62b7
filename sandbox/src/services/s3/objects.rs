//! Objects: written, read, asked for.

use super::buckets::{BUCKET, key_of, the_bucket, told};
use super::{checksums, copies, deletions, listing, versions};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::kind::{Operation, run};
use crate::world::{Key, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

pub(super) const OPERATIONS: &[Operation] = &[
    run("PutObject", put),
    run("GetObject", |call| {
        let (members, data) = read(call)?;
        respond(call, members, Some(data))
    }),
    run("HeadObject", |call| {
        let (members, data) = read(call).map_err(|mut refusal| {
            // Without a body the code is HTTP's.
            if refusal.code == "NoSuchKey" || refusal.code == "NoSuchVersion" {
                refusal.code = "NotFound".into();
            }
            refusal
        })?;
        let length = data.len();
        let mut answer = respond(call, members, None)?;
        answer["ContentLength"] = json!(length);
        Ok(answer)
    }),
    run("CopyObject", copies::copy),
    run("DeleteObject", deletions::delete_one),
    run("DeleteObjects", deletions::delete_many),
    run("ListObjects", listing::list_objects),
    run("ListObjectsV2", listing::list_objects_v2),
    run("ListObjectVersions", listing::list_versions),
    run("GetObjectTagging", |call| {
        let (key, _) = the_version(call)?;
        let version = call.world.get(&key).ok_or_else(no_key)?;
        let tags = crate::tags::write(crate::kind::Tags::List("TagSet"), &version.tags);
        Ok(json!({"TagSet": tags, "VersionId": version_id(call, version)}))
    }),
    run("PutObjectTagging", |call| {
        let tags = call
            .input
            .get("Tagging")
            .and_then(|tagging| tagging.get("TagSet"));
        let tags = crate::tags::read(tags.unwrap_or(&Json::Null));
        change(call, |version| version.tags = tags)
    }),
    run("DeleteObjectTagging", |call| {
        change(call, |version| version.tags.clear())
    }),
    run("GetObjectLegalHold", |call| {
        let (key, _) = the_version(call)?;
        let version = call.world.get(&key).ok_or_else(no_key)?;
        match version.text("ObjectLockLegalHoldStatus") {
            "" => Err(no_lock()),
            status => Ok(json!({"LegalHold": {"Status": status}})),
        }
    }),
    run("PutObjectLegalHold", |call| {
        let status = call.text("LegalHold.Status").unwrap_or("OFF").to_owned();
        change(call, |version| {
            version.set("ObjectLockLegalHoldStatus", status)
        })
    }),
    run("GetObjectRetention", |call| {
        let (key, _) = the_version(call)?;
        let version = call.world.get(&key).ok_or_else(no_key)?;
        match version.body.get("ObjectLockRetainUntilDate") {
            None => Err(no_lock()),
            Some(until) => {
                let mode = version.text("ObjectLockMode");
                Ok(json!({"Retention": {"Mode": mode, "RetainUntilDate": until}}))
            }
        }
    }),
    run("PutObjectRetention", |call| {
        let (key, _) = the_version(call)?;
        let bypass = call.input.get("BypassGovernanceRetention") == Some(&json!(true));
        if let Some(version) = call.world.get(&key) {
            versions::check_lock(call, version, bypass)?;
        }
        let retention = call.input.get("Retention").cloned().unwrap_or_default();
        change(call, |version| {
            version.set("ObjectLockMode", retention["Mode"].clone());
            version.set(
                "ObjectLockRetainUntilDate",
                retention["RetainUntilDate"].clone(),
            );
        })
    }),
];

fn no_key() -> Refusal {
    versions::OBJECT.not_found.with(&[])
}

fn no_lock() -> Refusal {
    let message = "The specified object does not have a ObjectLock configuration";
    Refusal::new("NoSuchObjectLockConfiguration", message).status(404)
}

/// What requests say of an object that is kept with it and told with it.
const KEPT: &[&str] = &[
    "CacheControl",
    "ContentDisposition",
    "ContentEncoding",
    "ContentLanguage",
    "ContentType",
    "Expires",
    "Metadata",
    "ServerSideEncryption",
    "SSECustomerAlgorithm",
    "SSECustomerKeyMD5",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
    "StorageClass",
    "WebsiteRedirectLocation",
    "ObjectLockMode",
    "ObjectLockRetainUntilDate",
    "ObjectLockLegalHoldStatus",
];

/// The members of a new version that the request says, and what the bucket says where it does not.
pub(super) fn described(call: &Call, bucket: &Key, input: &Map<String, Json>) -> Map<String, Json> {
    let mut members: Map<String, Json> = KEPT
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), input.get(*name)?.clone())))
        .collect();
    members
        .entry("ContentType")
        .or_insert_with(|| json!("binary/octet-stream"));
    let empty = Record::default();
    let keeper = call.world.get(bucket).unwrap_or(&empty);
    let default = |path: &str| {
        crate::path::pick(&keeper.body, path)
            .first()
            .map(|value| (*value).clone())
    };
    if !members.contains_key("ServerSideEncryption")
        && !members.contains_key("SSECustomerAlgorithm")
    {
        let rule = "Encryption.Rules[].ApplyServerSideEncryptionByDefault";
        let algorithm = default(&format!("{rule}.SSEAlgorithm")).unwrap_or_else(|| json!("AES256"));
        if let Some(key) = default(&format!("{rule}.KMSMasterKeyID")) {
            members.insert("SSEKMSKeyId".into(), key);
        }
        members.insert("ServerSideEncryption".into(), algorithm);
    }
    let retention = "ObjectLock.Rule.DefaultRetention";
    if let Some(mode) = default(&format!("{retention}.Mode"))
        && !members.contains_key("ObjectLockMode")
    {
        let count =
            |unit: &str| default(&format!("{retention}.{unit}")).and_then(|count| count.as_f64());
        let days = count("Days")
            .or(count("Years").map(|years| years * 365.0))
            .unwrap_or(0.0);
        members.insert("ObjectLockMode".into(), mode);
        members.insert(
            "ObjectLockRetainUntilDate".into(),
            json!(call.now.floor() + days * 86_400.0),
        );
    }
    // `key=value&…`, as in a URL.
    if let Some(tagging) = input.get("Tagging").and_then(Json::as_str) {
        members.insert("TagSet".into(), tags(tagging));
    }
    members
}

fn tags(query: &str) -> Json {
    let plain = |text: &str| copies::decoded(&text.replace('+', " "));
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            json!({"Key": plain(key), "Value": plain(value)})
        })
        .collect()
}

/// Refuses a write whose condition does not hold (Amazon S3 User Guide, "Prevent object overwrites with conditional writes").
pub(super) fn check_write(call: &Call, bucket: &Key, name: &str) -> Result<(), Refusal> {
    let current =
        versions::find(call, bucket, name, None).filter(|(_, one)| !versions::is_marker(one));
    let etag = current.map(|(_, version)| version.text("ETag").to_owned());
    let failed = |condition: &str| {
        let message = "At least one of the pre-conditions you specified did not hold";
        let refusal = Refusal::new("PreconditionFailed", message).status(412);
        Err(told(refusal, &[("Condition", condition)]))
    };
    if call.text("IfNoneMatch").is_some() && etag.is_some() {
        return failed("If-None-Match");
    }
    match (call.text("IfMatch"), etag) {
        (Some(_), None) => Err(told(no_key(), &[("Key", name)])),
        (Some(wanted), Some(etag)) if wanted.trim_matches('"') != etag.trim_matches('"') => {
            failed("If-Match")
        }
        _ => Ok(()),
    }
}

/// What is told of a version that was just written.
pub(super) fn written(members: &Map<String, Json>, version: Option<String>) -> Map<String, Json> {
    let mut answer = checksums::of(members);
    for name in [
        "ETag",
        "ServerSideEncryption",
        "SSEKMSKeyId",
        "BucketKeyEnabled",
        "SSECustomerAlgorithm",
        "SSECustomerKeyMD5",
    ] {
        if let Some(value) = members.get(name) {
            answer.insert(name.into(), value.clone());
        }
    }
    if let Some(version) = version {
        answer.insert("VersionId".into(), json!(version));
    }
    answer
}

fn put(call: &mut Call) -> Answer {
    let bucket = the_bucket(call)?;
    let name = call.text("Key").unwrap_or_default().to_owned();
    check_write(call, &bucket, &name)?;
    // It is kept as it came: base64.
    let data = call.input.remove("Body").unwrap_or_else(|| json!(""));
    let bytes = versions::bytes(Some(&data));
    if bytes.len() > versions::LARGEST {
        return Err(versions::TOO_LARGE.fault.with(&[]));
    }
    let sums = checksums::check(call, &bytes)?;
    let mut members = described(call, &bucket, &call.input);
    members.extend(sums);
    members.insert(
        "ETag".into(),
        json!(format!("\"{}\"", checksums::md5(&bytes))),
    );
    members.insert("Size".into(), json!(bytes.len()));
    members.insert("Data".into(), data);
    let answer = written(&members, None);
    let version = versions::store(call, &bucket, &name, members)?;
    let mut answer = answer;
    answer.extend(version.map(|version| ("VersionId".to_owned(), json!(version))));
    Ok(Json::Object(answer))
}

/// Puts an object, as somebody else with leave to: the answer of a function that CloudFormation's pre-signed URL asks for, the log
/// that a service delivers.
///
/// # Errors
/// Where there is no such bucket, or the object is too large.
pub fn put_object(call: &mut Call, bucket: &str, key: &str, bytes: &[u8]) -> Result<(), Refusal> {
    let none = || told(BUCKET.not_found.with(&[]), &[("BucketName", bucket)]);
    let place = key_of(call, bucket).ok_or_else(none)?;
    if bytes.len() > versions::LARGEST {
        return Err(versions::TOO_LARGE.fault.with(&[]));
    }
    let mut members = described(call, &place, &Map::new());
    members.insert(
        "ETag".into(),
        json!(format!("\"{}\"", checksums::md5(bytes))),
    );
    members.insert("Size".into(), json!(bytes.len()));
    members.insert("Data".into(), json!(STANDARD.encode(bytes)));
    versions::store(call, &place, key, members)?;
    Ok(())
}

/// The bytes of an object (its newest version without one), for services that read what others put there.
///
/// # Errors
/// AWS's, where there is no such bucket, object or version.
pub fn get_object(
    call: &Call,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Vec<u8>, Refusal> {
    let none = || told(BUCKET.not_found.with(&[]), &[("BucketName", bucket)]);
    let place = key_of(call, bucket).ok_or_else(none)?;
    let (_, found) = readable(call, &place, key, version)?;
    Ok(versions::bytes(found.body.get("Data")))
}

/// The version that is meant, if it is one that can be read.
pub(super) fn readable<'a>(
    call: &'a Call,
    bucket: &'a Key,
    name: &'a str,
    version: Option<&str>,
) -> Result<(&'a Key, &'a Record), Refusal> {
    let found = versions::find(call, bucket, name, version);
    match (found, version) {
        (Some((_, found)), Some(_)) if versions::is_marker(found) => {
            let message = "The specified method is not allowed against this resource.";
            Err(Refusal::new("MethodNotAllowed", message).status(405))
        }
        (Some((key, found)), _) if !versions::is_marker(found) => Ok((key, found)),
        (None, Some(version)) => {
            let refusal = Refusal::new("NoSuchVersion", "The specified version does not exist.");
            Err(told(
                refusal.status(404),
                &[("Key", name), ("VersionId", version)],
            ))
        }
        _ => Err(told(no_key(), &[("Key", name)])),
    }
}

/// Where the version of the request is kept, and the object's name.
fn the_version(call: &Call) -> Result<(Key, String), Refusal> {
    let bucket = the_bucket(call)?;
    let name = call.text("Key").unwrap_or_default();
    let (key, _) = readable(call, &bucket, name, call.text("VersionId"))?;
    Ok((key.clone(), name.to_owned()))
}

/// A version's identifier, where the bucket has ever kept versions.
fn version_id(call: &Call, version: &Record) -> Json {
    let bucket = key_of(call, version.text("Bucket"));
    let keeper = bucket.and_then(|key| call.world.get(&key));
    match keeper.is_some_and(|keeper| versions::versioning(keeper) != versions::Versioning::Off) {
        true => json!(version.text("VersionId")),
        false => Json::Null,
    }
}

fn change(call: &mut Call, change: impl FnOnce(&mut Record)) -> Answer {
    let (key, _) = the_version(call)?;
    call.world.update(&key, change);
    let version = call.world.get(&key).ok_or_else(no_key)?;
    Ok(json!({"VersionId": version_id(call, version)}))
}

/// The members and the bytes of what the request asks to read, if its conditions hold.
fn read(call: &Call) -> Result<(Map<String, Json>, Vec<u8>), Refusal> {
    let (key, _) = the_version(call)?;
    let version = call.world.get(&key).ok_or_else(no_key)?;
    let etag = version.text("ETag").trim_matches('"');
    let modified = version
        .body
        .get("LastModified")
        .and_then(Json::as_f64)
        .unwrap_or(0.0);
    let time = |member: &str| call.input.get(member).and_then(Json::as_f64);
    let is = |wanted: &str| wanted == "*" || wanted.trim_matches('"') == etag;
    let changed = match call.text("IfMatch") {
        Some(wanted) => !is(wanted),
        None => time("IfUnmodifiedSince").is_some_and(|since| modified > since),
    };
    if changed {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(Refusal::new("PreconditionFailed", message).status(412));
    }
    let same = match call.text("IfNoneMatch") {
        Some(wanted) => is(wanted),
        None => time("IfModifiedSince").is_some_and(|since| modified <= since),
    };
    if same {
        return Err(Refusal::new("NotModified", "Not Modified").status(304));
    }
    let mut members = version.body.clone();
    members.insert("VersionId".into(), version_id(call, version));
    if !version.tags.is_empty() {
        members.insert("TagCount".into(), json!(version.tags.len()));
    }
    // STANDARD is what is not told (GetObject, StorageClass).
    if version.is("StorageClass", "STANDARD") {
        members.remove("StorageClass");
    }
    let data = versions::bytes(members.remove("Data").as_ref());
    Ok((members, data))
}

/// The answer to a read: all of the bytes, or the range asked for.
fn respond(call: &Call, mut members: Map<String, Json>, data: Option<Vec<u8>>) -> Answer {
    if call.text("ChecksumMode") != Some("ENABLED") {
        for name in checksums::of(&members).keys() {
            members.remove(name);
        }
    }
    for (name, asked) in [
        ("CacheControl", "ResponseCacheControl"),
        ("ContentDisposition", "ResponseContentDisposition"),
        ("ContentEncoding", "ResponseContentEncoding"),
        ("ContentLanguage", "ResponseContentLanguage"),
        ("ContentType", "ResponseContentType"),
        ("Expires", "ResponseExpires"),
    ] {
        if let Some(value) = call.input.get(asked) {
            members.insert(name.into(), value.clone());
        }
    }
    members.insert("AcceptRanges".into(), json!("bytes"));
    if let Some(mut data) = data {
        if let Some(asked) = call.text("Range") {
            let total = data.len();
            if let Some((from, to)) = range(asked, total)? {
                data = data[from..=to].to_vec();
                members.insert(
                    "ContentRange".into(),
                    json!(format!("bytes {from}-{to}/{total}")),
                );
                for name in checksums::of(&members).keys() {
                    members.remove(name);
                }
            }
        }
        members.insert("ContentLength".into(), json!(data.len()));
        members.insert("Body".into(), json!(STANDARD.encode(&data)));
    }
    Ok(Json::Object(members))
}

/// First and last byte of a range (RFC 9110, 14.1.2); `None` where it is none that is understood.
fn range(asked: &str, total: usize) -> Result<Option<(usize, usize)>, Refusal> {
    let unsatisfiable = || {
        let message = "The requested range is not satisfiable";
        Refusal::new("InvalidRange", message).status(416)
    };
    let Some((from, to)) = asked
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Ok(None);
    };
    let last = total.checked_sub(1);
    let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) if from <= to => (from, to),
        (Ok(from), Err(_)) if to.is_empty() => (from, usize::MAX),
        (Err(_), Ok(count)) if from.is_empty() && count > 0 => {
            (total.saturating_sub(count), usize::MAX)
        }
        _ => return Ok(None),
    };
    match last {
        Some(last) if from <= last => Ok(Some((from, to.min(last)))),
        _ => Err(unsatisfiable()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_as_http_has_them() {
        assert_eq!(range("bytes=0-3", 10).unwrap(), Some((0, 3)));
        assert_eq!(range("bytes=8-", 10).unwrap(), Some((8, 9)));
        assert_eq!(range("bytes=-3", 10).unwrap(), Some((7, 9)));
        assert_eq!(range("bytes=5-99", 10).unwrap(), Some((5, 9)));
        assert_eq!(range("lines=5-99", 10).unwrap(), None);
        assert_eq!(range("bytes=3-1", 10).unwrap(), None);
        assert!(range("bytes=10-", 10).is_err() && range("bytes=0-", 0).is_err());
    }
}
