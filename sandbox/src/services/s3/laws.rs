//! What settings of a bucket demand of it and of others.

use super::buckets::{bucket, key_of, reach};
use super::versions::{Versioning, versioning};
use crate::error::{Fault, Refusal};
use crate::law::Law;
use crate::path;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// Replication needs versions.
pub(super) const VERSIONED_REPLICATION: Law = Law {
    name: "a bucket that is replicated keeps versions",
    operations: &["PutBucketReplication", "PutBucketVersioning"],
    source: "Amazon S3 User Guide, Requirements and considerations for replication: \"The source and destination buckets must have versioning enabled\"",
    fault: Fault::new(
        "InvalidRequest",
        "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
    ),
    check: Some(|call, law| {
        let bucket = bucket(call)?;
        if call.operation == "PutBucketReplication" {
            return match versioning(bucket) {
                Versioning::Enabled => Ok(()),
                _ => Err(law.fault.with(&[])),
            };
        }
        let suspends = call.text("VersioningConfiguration.Status") == Some("Suspended");
        if suspends && bucket.body.contains_key("Replication") {
            let message = "A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration.";
            return Err(Refusal::new("InvalidBucketState", message).status(409));
        }
        Ok(())
    }),
};

/// So does where it goes to.
pub(super) const REPLICA: Law = Law {
    name: "what a bucket is replicated to is another bucket that keeps versions",
    operations: &["PutBucketReplication"],
    source: "Amazon S3 User Guide, Requirements and considerations for replication",
    fault: Fault::new(
        "InvalidRequest",
        "Destination bucket must have versioning enabled.",
    ),
    check: Some(|call, law| {
        let own = bucket(call)?.arn.clone();
        for arn in call.texts("ReplicationConfiguration.Rules[].Destination.Bucket") {
            let name = arn.rsplit(':').next().unwrap_or_default();
            let key = key_of(call, name);
            let Some(other) = key.and_then(|key| call.world.get(&key)) else {
                return Err(Refusal::new(
                    "InvalidRequest",
                    "Destination bucket must exist.",
                ));
            };
            if other.arn == own {
                let message = "Destination bucket cannot be the same as the source bucket.";
                return Err(Refusal::new("InvalidRequest", message));
            }
            if versioning(other) != Versioning::Enabled {
                return Err(law.fault.with(&[]));
            }
        }
        Ok(())
    }),
};

/// Locks need versions.
pub(super) const LOCK_VERSIONS: Law = Law {
    name: "a bucket with Object Lock keeps versions for good",
    operations: &["PutObjectLockConfiguration", "PutBucketVersioning"],
    source: "Amazon S3 User Guide, Object Lock considerations: \"you can't disable Object Lock or suspend versioning for the bucket\"; PutObjectLockConfiguration",
    fault: Fault::new(
        "InvalidBucketState",
        "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
    )
    .status(409),
    check: Some(|call, law| {
        let bucket = bucket(call)?;
        if call.operation == "PutObjectLockConfiguration" {
            return match versioning(bucket) {
                Versioning::Enabled => Ok(()),
                _ => {
                    let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
                    Err(Refusal::new("InvalidBucketState", message).status(409))
                }
            };
        }
        let suspends = call.text("VersioningConfiguration.Status") == Some("Suspended");
        match suspends && bucket.body.contains_key("ObjectLock") {
            true => Err(law.fault.with(&[])),
            false => Ok(()),
        }
    }),
};

/// Logs go to a bucket beside it.
pub(super) const LOG_TARGET: Law = Law {
    name: "a bucket's log goes to a bucket of the same account and region",
    operations: &["PutBucketLogging"],
    source: "Amazon S3 User Guide, Enabling Amazon S3 server access logging; Error responses, InvalidTargetBucketForLogging",
    fault: Fault::new(
        "InvalidTargetBucketForLogging",
        "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate grants for the log-delivery group.",
    ),
    check: Some(|call, law| {
        let own = reach(call, call.text("Bucket").unwrap_or_default())?;
        let Some(target) = call.text("BucketLoggingStatus.LoggingEnabled.TargetBucket") else {
            return Ok(());
        };
        let found = key_of(call, target);
        let beside =
            found.is_some_and(|key| key.account == own.account && key.region == own.region);
        match beside {
            true => Ok(()),
            false => Err(law.fault.with(&[])),
        }
    }),
};

/// Acceleration goes by the name.
pub(super) const ACCELERATED_NAME: Law = Law {
    name: "a bucket with a dot in its name is not accelerated",
    operations: &["PutBucketAccelerateConfiguration"],
    source: "Amazon S3 User Guide, Requirements for using Amazon S3 Transfer Acceleration",
    fault: Fault::new(
        "InvalidRequest",
        "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
    ),
    check: Some(
        |call, law| match call.text("Bucket").unwrap_or_default().contains('.') {
            true => Err(law.fault.with(&[])),
            false => Ok(()),
        },
    ),
};

/// Tags are told apart.
pub(super) const TAGS: Law = Law {
    name: "a bucket has each tag once, 50 at most, and none of AWS's",
    operations: &["PutBucketTagging", "PutObjectTagging"],
    source: "Amazon S3 API Reference, PutBucketTagging: InvalidTag",
    fault: Fault::new("InvalidTag", "{message}"),
    check: Some(|call, law| {
        let wrong = |message: &str| Err(law.fault.with(&[("message", message)]));
        let keys = call.texts("Tagging.TagSet[].Key");
        let most = if call.operation == "PutObjectTagging" {
            10
        } else {
            50
        };
        if keys.iter().collect::<BTreeSet<_>>().len() < keys.len() {
            return wrong("Cannot provide multiple Tags with the same key");
        }
        if keys
            .iter()
            .any(|key| key.to_ascii_lowercase().starts_with("aws:"))
        {
            return wrong("System tags cannot be added/updated by requester");
        }
        if keys.len() > most {
            let message = format!("Object tags cannot be greater than {most}");
            return Err(Refusal::new("BadRequest", message));
        }
        Ok(())
    }),
};

/// Rules are told apart.
pub(super) const UNIQUE_RULES: Law = Law {
    name: "rules of a bucket have identifiers of their own, and lifecycle rules do something to objects that they name",
    operations: &[
        "PutBucketLifecycleConfiguration",
        "PutBucketReplication",
        "PutBucketCors",
    ],
    source: "Amazon S3 API Reference, PutBucketLifecycleConfiguration, LifecycleRule: Filter, ID",
    fault: Fault::new(
        "InvalidArgument",
        "Rule ID must be unique. Found same ID for more than one rule",
    ),
    check: Some(|call, law| {
        let rules = [
            "LifecycleConfiguration.Rules[]",
            "ReplicationConfiguration.Rules[]",
            "CORSConfiguration.CORSRules[]",
        ];
        let rules: Vec<&Json> = rules
            .iter()
            .flat_map(|path| path::pick(&call.input, path))
            .collect();
        let ids: Vec<&str> = rules
            .iter()
            .filter_map(|rule| rule["ID"].as_str())
            .collect();
        if ids.iter().collect::<BTreeSet<_>>().len() < ids.len() {
            return Err(law.fault.with(&[]));
        }
        if call.operation != "PutBucketLifecycleConfiguration" {
            return Ok(());
        }
        for rule in rules {
            check_lifecycle(rule)?;
        }
        Ok(())
    }),
};

const ACTIONS: [&str; 6] = [
    "Expiration",
    "Transitions",
    "NoncurrentVersionTransitions",
    "NoncurrentVersionExpiration",
    "AbortIncompleteMultipartUpload",
    "Transition",
];

fn check_lifecycle(rule: &Json) -> Result<(), Refusal> {
    let has = |name: &str| rule.get(name).is_some_and(|value| !value.is_null());
    // "Filter is required if the LifecycleRule does not contain a Prefix element" (LifecycleRule).
    let malformed =
        "The XML you provided was not well-formed or did not validate against our published schema";
    if has("Filter") == has("Prefix") {
        return Err(Refusal::new("MalformedXML", malformed));
    }
    if !ACTIONS.iter().any(|action| has(action)) {
        let message = "At least one action needs to be specified in a rule";
        return Err(Refusal::new("InvalidRequest", message));
    }
    Ok(())
}
