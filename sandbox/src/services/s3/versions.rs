//! Objects as they are kept: a record for each version, the newest of a key first.

use super::buckets::BUCKET;
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Id, Kind, Reference};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

/// A version of an object, or a delete marker.
pub(super) const OBJECT: Kind = Kind {
    name: "s3/object",
    id: Id::Member("Id"),
    refers: &[Reference::new("Bucket", BUCKET.name)
        .in_use(BUCKET.in_use)
        .source("Amazon S3 API Reference, DeleteBucket: BucketNotEmpty")],
    not_found: Fault::new("NoSuchKey", "The specified key does not exist.").status(404),
    operations: super::objects::OPERATIONS,
    ..Kind::NEW
};

/// What a rehearsal may put into one object: all objects are kept in one file with everything else. AWS takes 5 GB at once.
pub(super) const LARGEST: usize = 64 * 1024 * 1024;

/// Larger objects are refused.
pub(super) const TOO_LARGE: Law = Law {
    name: "an object is not larger than what is taken",
    operations: &[],
    source: "Amazon S3 API Reference, Error responses: EntityTooLarge (the simulated AWS's limit is its own)",
    fault: Fault::new(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
    ),
    check: None,
};

/// What is locked stays.
pub(super) const LOCKED: Law = Law {
    name: "a version that is retained or held is not deleted",
    operations: &[],
    source: "Amazon S3 User Guide, Locking objects with Object Lock",
    fault: Fault::new(
        "AccessDenied",
        "Access Denied because object protected by object lock.",
    )
    .status(403),
    check: None,
};

/// How a bucket keeps versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versioning {
    /// Never asked to.
    Off,
    /// Each write makes one.
    Enabled,
    /// Writes replace the version `null`.
    Suspended,
}

pub(super) fn versioning(bucket: &Record) -> Versioning {
    match bucket.text("Versioning.Status") {
        "Enabled" => Versioning::Enabled,
        "Suspended" => Versioning::Suspended,
        _ => Versioning::Off,
    }
}

/// The versions in a bucket: by key, the newest first.
pub(super) fn all<'a>(
    call: &'a Call,
    bucket: &'a Key,
) -> impl Iterator<Item = (&'a Key, &'a Record)> {
    let objects = call
        .world
        .referring(bucket)
        .filter(|key| key.kind == OBJECT.name);
    objects.filter_map(|key| Some((key, call.world.get(key)?)))
}

/// The versions of one object, the newest first.
pub(super) fn of<'a>(
    call: &'a Call,
    bucket: &'a Key,
    name: &'a str,
) -> impl Iterator<Item = (&'a Key, &'a Record)> {
    all(call, bucket).filter(move |(_, version)| version.text("Key") == name)
}

/// The version of an object that is meant: the newest without a version's identifier.
pub(super) fn find<'a>(
    call: &'a Call,
    bucket: &'a Key,
    name: &'a str,
    version: Option<&str>,
) -> Option<(&'a Key, &'a Record)> {
    let mut versions = of(call, bucket, name);
    match version {
        None => versions.next(),
        Some(version) => versions.find(|(_, one)| one.text("VersionId") == version),
    }
}

pub(super) fn is_marker(version: &Record) -> bool {
    version.body.contains_key("DeleteMarker")
}

/// Stores a version; gives its identifier, where the bucket tells one.
pub(super) fn store(
    call: &mut Call,
    bucket: &Key,
    name: &str,
    mut members: Map<String, Json>,
) -> Result<Option<String>, Refusal> {
    let Some(keeper) = call.world.get(bucket) else {
        return Err(BUCKET.not_found.with(&[]));
    };
    let versioning = versioning(keeper);
    let serial = keeper
        .hidden
        .get("versions")
        .and_then(Json::as_u64)
        .unwrap_or(0);
    let id = match versioning {
        Versioning::Enabled => {
            call.derive(&format!("version of {}/{name}", bucket.id))[..32].to_owned()
        }
        Versioning::Off | Versioning::Suspended => "null".to_owned(),
    };
    if id == "null" {
        let replaced = find(call, bucket, name, Some("null")).map(|(key, _)| key.clone());
        if let Some(key) = replaced {
            call.world.remove(&key);
        }
    }
    call.world.update(bucket, |keeper| {
        keeper.hidden.insert("versions".into(), json!(serial + 1));
    });
    members.insert("Bucket".into(), json!(bucket.id));
    members.insert("Key".into(), json!(name));
    members.insert("VersionId".into(), json!(id));
    members.insert("LastModified".into(), json!(call.now.floor()));
    let tags = members
        .remove("TagSet")
        .map(|tags| crate::tags::read(&tags))
        .unwrap_or_default();
    let key = Key {
        // The newest sorts first.
        id: format!("{}/{name}\u{0}{:020}", bucket.id, u64::MAX - serial),
        kind: OBJECT.name,
        ..bucket.clone()
    };
    let record = Record {
        body: members,
        tags,
        created: call.now,
        ..Record::default()
    };
    call.world.put(key, record);
    Ok((versioning != Versioning::Off).then_some(id))
}

/// The bytes of a body as requests and records carry them.
pub(super) fn bytes(data: Option<&Json>) -> Vec<u8> {
    let text = data.and_then(Json::as_str).unwrap_or_default();
    // The door wrote it so.
    STANDARD.decode(text).unwrap_or_default()
}

/// Refuses to take away what is locked.
pub(super) fn check_lock(call: &Call, version: &Record, bypass: bool) -> Result<(), Refusal> {
    let held = version.is("ObjectLockLegalHoldStatus", "ON");
    let until = path::pick(&version.body, "ObjectLockRetainUntilDate");
    let until = until
        .first()
        .and_then(|until| until.as_f64())
        .unwrap_or(0.0);
    let governed = bypass && version.is("ObjectLockMode", "GOVERNANCE");
    match held || (until > call.now && !governed) {
        true => Err(LOCKED.fault.with(&[])),
        false => Ok(()),
    }
}
