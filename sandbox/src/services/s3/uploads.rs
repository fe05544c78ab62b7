//! Objects that come in parts.

use super::buckets::{BUCKET, the_bucket, told};
use super::{checksums, copies, objects, versions};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, run};
use crate::world::{Key, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// An upload that is under way.
pub(super) const UPLOAD: Kind = Kind {
    name: "s3/upload",
    id: Id::Made(|_, _, digits| Ok(digits.to_owned())),
    id_member: "UploadId",
    // It does not keep a bucket from being deleted: it is no object yet.
    refers: &[Reference::new("Bucket", BUCKET.name).loose()],
    not_found: Fault::new(
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.",
    )
    .status(404),
    operations: &[
        run("CreateMultipartUpload", create),
        run("UploadPart", |call| {
            let data = call.input.remove("Body").unwrap_or_else(|| json!(""));
            let bytes = versions::bytes(Some(&data));
            let mut answer = checksums::check(call, &bytes)?;
            answer.remove("ChecksumType");
            answer.insert("ETag".into(), json!(put_part(call, &bytes, data)?));
            Ok(Json::Object(answer))
        }),
        run("UploadPartCopy", |call| {
            let (_, source) = copies::source(call)?;
            let mut bytes = versions::bytes(source.body.get("Data"));
            if let Some(asked) = call.text("CopySourceRange") {
                let range = asked.strip_prefix("bytes=").and_then(|range| range.split_once('-'));
                let range = range.and_then(|(from, to)| Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()?)));
                let part = range.and_then(|(from, to)| bytes.get(from..to.checked_add(1)?));
                bytes = part.map(<[u8]>::to_vec).ok_or_else(|| {
                    Refusal::new("InvalidArgument", "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
                })?;
            }
            let data = json!(STANDARD.encode(&bytes));
            let etag = put_part(call, &bytes, data)?;
            Ok(json!({"CopyPartResult": {"ETag": etag, "LastModified": call.now.floor()}}))
        }),
        run("CompleteMultipartUpload", complete),
        run("AbortMultipartUpload", |call| {
            let upload = upload(call)?;
            call.world.remove(&upload);
            Ok(json!({}))
        }),
        run("ListParts", |call| {
            let parts = parts(call)?;
            let shown: Vec<Json> = parts
                .iter()
                .map(|(number, part)| {
                    json!({"PartNumber": number, "ETag": part["ETag"], "Size": part["Size"], "LastModified": part["LastModified"]})
                })
                .collect();
            let mut answer = json!({
                "Bucket": call.text("Bucket"), "Key": call.text("Key"), "UploadId": call.text("UploadId"), "MaxParts": 10_000,
                "IsTruncated": false, "StorageClass": "STANDARD",
            });
            if !shown.is_empty() {
                answer["Parts"] = json!(shown);
            }
            Ok(answer)
        }),
        run("ListMultipartUploads", |call| {
            let bucket = the_bucket(call)?;
            let prefix = call.text("Prefix").unwrap_or_default();
            let uploads = call.world.referring(&bucket).filter(|key| key.kind == UPLOAD.name);
            let mut shown: Vec<Json> = uploads
                .filter_map(|key| call.world.get(key))
                .filter(|upload| upload.text("Key").starts_with(prefix))
                .map(|upload| {
                    json!({"Key": upload.text("Key"), "UploadId": upload.id, "Initiated": upload.created.floor(), "StorageClass": "STANDARD"})
                })
                .collect();
            shown.sort_by_key(|one| (one["Key"].to_string(), one["UploadId"].to_string()));
            let mut answer = json!({"Bucket": bucket.id, "MaxUploads": 1000, "IsTruncated": false});
            if !shown.is_empty() {
                answer["Uploads"] = json!(shown);
            }
            Ok(answer)
        }),
    ],
    ..Kind::NEW
};

fn create(call: &mut Call) -> Answer {
    let bucket = the_bucket(call)?;
    let name = call.text("Key").unwrap_or_default().to_owned();
    let described = objects::described(call, &bucket, &call.input);
    let told: Map<String, Json> = ["ServerSideEncryption", "SSEKMSKeyId", "BucketKeyEnabled"]
        .iter()
        .filter_map(|member| Some(((*member).to_owned(), described.get(*member)?.clone())))
        .collect();
    let id = call.derive(&format!("upload to {}/{name}", bucket.id));
    let mut record = Record {
        id: id.clone(),
        body: Map::from_iter([
            ("Bucket".to_owned(), json!(bucket.id)),
            ("Key".to_owned(), json!(name)),
            ("Described".to_owned(), Json::Object(described)),
        ]),
        created: call.now,
        ..Record::default()
    };
    record = record.part_of(&bucket.id);
    call.world.put(
        Key {
            id: id.clone(),
            kind: UPLOAD.name,
            ..bucket.clone()
        },
        record,
    );
    let mut answer = told;
    answer.insert("Bucket".into(), json!(bucket.id));
    answer.insert("Key".into(), json!(name));
    answer.insert("UploadId".into(), json!(id));
    Ok(Json::Object(answer))
}

/// Where the upload of the request is kept.
fn upload(call: &Call) -> Result<Key, Refusal> {
    let bucket = the_bucket(call)?;
    let id = call.text("UploadId").unwrap_or_default().to_owned();
    let key = Key {
        id,
        kind: UPLOAD.name,
        ..bucket
    };
    let name = call.text("Key").unwrap_or_default();
    match call
        .world
        .get(&key)
        .is_some_and(|upload| upload.is("Key", name))
    {
        true => Ok(key),
        false => Err(told(UPLOAD.not_found.with(&[]), &[("UploadId", &key.id)])),
    }
}

/// The parts that have come, by their numbers.
fn parts(call: &Call) -> Result<BTreeMap<u64, Json>, Refusal> {
    let key = upload(call)?;
    let kept = call
        .world
        .get(&key)
        .and_then(|upload| upload.body.get("Parts"));
    let kept = kept.and_then(Json::as_object).into_iter().flatten();
    Ok(kept
        .filter_map(|(number, part)| Some((number.parse().ok()?, part.clone())))
        .collect())
}

fn put_part(call: &mut Call, bytes: &[u8], data: Json) -> Result<String, Refusal> {
    let key = upload(call)?;
    let number = call
        .input
        .get("PartNumber")
        .and_then(Json::as_u64)
        .unwrap_or(0);
    if !(1..=10_000).contains(&number) {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        return Err(Refusal::new("InvalidArgument", message));
    }
    let others: usize = parts(call)?
        .iter()
        .filter(|(other, _)| **other != number)
        .filter_map(|(_, part)| usize::try_from(part["Size"].as_u64()?).ok())
        .sum();
    if others + bytes.len() > versions::LARGEST {
        return Err(versions::TOO_LARGE.fault.with(&[]));
    }
    let etag = format!("\"{}\"", checksums::md5(bytes));
    let part =
        json!({"ETag": etag, "Size": bytes.len(), "Data": data, "LastModified": call.now.floor()});
    call.world
        .update(&key, |upload| upload.set(&format!("Parts.{number}"), part));
    Ok(etag)
}

fn complete(call: &mut Call) -> Answer {
    let key = upload(call)?;
    let bucket = the_bucket(call)?;
    let name = call.text("Key").unwrap_or_default().to_owned();
    objects::check_write(call, &bucket, &name)?;
    let kept = parts(call)?;
    let asked = call
        .input
        .get("MultipartUpload")
        .and_then(|upload| upload["Parts"].as_array().cloned());
    let asked = asked.unwrap_or_default();
    if asked.is_empty() {
        return Err(Refusal::new(
            "InvalidRequest",
            "You must specify at least one part",
        ));
    }
    let (mut whole, mut sums, mut before) = (Vec::new(), Vec::new(), 0);
    for (index, part) in asked.iter().enumerate() {
        let number = part["PartNumber"].as_u64().unwrap_or(0);
        if number <= before {
            let message = "The list of parts was not in ascending order. Parts must be ordered by part number.";
            return Err(Refusal::new("InvalidPartOrder", message));
        }
        before = number;
        let etag = |part: &Json| {
            part["ETag"]
                .as_str()
                .unwrap_or_default()
                .trim_matches('"')
                .to_owned()
        };
        let found = kept.get(&number).filter(|found| etag(found) == etag(part)).ok_or_else(|| {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.";
            Refusal::new("InvalidPart", message)
        })?;
        let bytes = versions::bytes(found.get("Data"));
        // All but the last have 5 MiB (Amazon S3 User Guide, "Amazon S3 multipart upload limits").
        if bytes.len() < 5 * 1024 * 1024 && index + 1 < asked.len() {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(Refusal::new("EntityTooSmall", message));
        }
        sums.extend(hex(&etag(found)));
        whole.extend(bytes);
    }
    let mut members = match call
        .world
        .get(&key)
        .and_then(|upload| upload.body.get("Described"))
    {
        Some(Json::Object(described)) => described.clone(),
        _ => Map::new(),
    };
    let etag = format!("\"{}-{}\"", checksums::md5(&sums), asked.len());
    members.insert("ETag".into(), json!(etag));
    members.insert("Size".into(), json!(whole.len()));
    members.insert("Data".into(), json!(STANDARD.encode(&whole)));
    let mut answer = objects::written(&members, None);
    call.world.remove(&key);
    let version = versions::store(call, &bucket, &name, members)?;
    answer.extend(version.map(|version| ("VersionId".to_owned(), json!(version))));
    answer.insert("Bucket".into(), json!(bucket.id));
    answer.insert("Key".into(), json!(name));
    let location = format!(
        "https://{}.s3.{}.amazonaws.com/{name}",
        bucket.id, bucket.region
    );
    answer.insert("Location".into(), json!(location));
    Ok(Json::Object(answer))
}

/// The bytes that hexadecimal digits write.
fn hex(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}
