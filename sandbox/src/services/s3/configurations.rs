//! What a bucket is set to: each setting with the operations that write, read and withdraw it. They differ in names alone.

use super::buckets::{BUCKET, bucket, canonical_user, the_bucket};
use super::{NO_CONFIGURATION, notifications, policies};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Operation, Tags, run};
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// A setting.
struct Setting {
    /// The member of the bucket's record that keeps it.
    name: &'static str,
    /// The member of the request that has it.
    sent: &'static str,
    /// The member of the answer that shows it; empty: the answer's members are its own.
    shown: &'static str,
    /// What is answered when there is none; without a code: an empty answer.
    none: Option<Fault>,
}

const fn setting(name: &'static str, sent: &'static str, shown: &'static str) -> Setting {
    Setting {
        name,
        sent,
        shown,
        none: None,
    }
}

impl Setting {
    const fn none(mut self, code: &'static str, message: &'static str) -> Setting {
        self.none = Some(Fault::new(code, message).status(404));
        self
    }
}

/// By the middle of the operations' names: `PutBucketCors`, `GetBucketCors`, `DeleteBucketCors`. The codes: Amazon S3 API Reference, Error
/// responses, "List of error codes", and the Get operations' pages.
const SETTINGS: &[(&str, Setting)] = &[
    (
        "BucketVersioning",
        setting("Versioning", "VersioningConfiguration", ""),
    ),
    (
        "BucketEncryption",
        setting(
            "Encryption",
            "ServerSideEncryptionConfiguration",
            "ServerSideEncryptionConfiguration",
        ),
    ),
    (
        "PublicAccessBlock",
        setting(
            "PublicAccessBlock",
            "PublicAccessBlockConfiguration",
            "PublicAccessBlockConfiguration",
        )
        .none(
            "NoSuchPublicAccessBlockConfiguration",
            "The public access block configuration was not found",
        ),
    ),
    (
        "BucketOwnershipControls",
        setting(
            "OwnershipControls",
            "OwnershipControls",
            "OwnershipControls",
        )
        .none(
            "OwnershipControlsNotFoundError",
            "The bucket ownership controls were not found",
        ),
    ),
    (
        "BucketLifecycleConfiguration",
        setting("Lifecycle", "LifecycleConfiguration", "").none(
            "NoSuchLifecycleConfiguration",
            "The lifecycle configuration does not exist",
        ),
    ),
    (
        "BucketCors",
        setting("Cors", "CORSConfiguration", "").none(
            "NoSuchCORSConfiguration",
            "The CORS configuration does not exist",
        ),
    ),
    (
        "BucketLogging",
        setting("Logging", "BucketLoggingStatus", ""),
    ),
    (
        "BucketNotificationConfiguration",
        setting("Notification", "NotificationConfiguration", ""),
    ),
    (
        "BucketReplication",
        setting(
            "Replication",
            "ReplicationConfiguration",
            "ReplicationConfiguration",
        )
        .none(
            "ReplicationConfigurationNotFoundError",
            "The replication configuration was not found",
        ),
    ),
    (
        "BucketWebsite",
        setting("Website", "WebsiteConfiguration", "").none(
            "NoSuchWebsiteConfiguration",
            "The specified bucket does not have a website configuration",
        ),
    ),
    (
        "BucketAccelerateConfiguration",
        setting("Accelerate", "AccelerateConfiguration", ""),
    ),
    (
        "BucketRequestPayment",
        setting("RequestPayment", "RequestPaymentConfiguration", ""),
    ),
    ("BucketAbac", setting("Abac", "AbacStatus", "AbacStatus")),
    (
        "ObjectLockConfiguration",
        setting(
            "ObjectLock",
            "ObjectLockConfiguration",
            "ObjectLockConfiguration",
        )
        .none(
            "ObjectLockConfigurationNotFoundError",
            "Object Lock configuration does not exist for this bucket",
        ),
    ),
];

/// Settings of which a bucket has several, each with an identifier; the word in the operations' names, and how many there may be.
const NUMBERED: &[(&str, &str, &str, usize)] = &[
    (
        "Analytics",
        "AnalyticsConfiguration",
        "AnalyticsConfigurationList",
        1000,
    ),
    (
        "IntelligentTiering",
        "IntelligentTieringConfiguration",
        "IntelligentTieringConfigurationList",
        1000,
    ),
    (
        "Inventory",
        "InventoryConfiguration",
        "InventoryConfigurationList",
        1000,
    ),
    (
        "Metrics",
        "MetricsConfiguration",
        "MetricsConfigurationList",
        1000,
    ),
];

pub(super) const OPERATIONS: &[Operation] = &[
    run("PutBucketVersioning", put),
    run("GetBucketVersioning", get),
    run("PutBucketEncryption", put),
    run("GetBucketEncryption", get),
    run("DeleteBucketEncryption", delete),
    run("PutPublicAccessBlock", put),
    run("GetPublicAccessBlock", get),
    run("DeletePublicAccessBlock", delete),
    run("PutBucketOwnershipControls", put),
    run("GetBucketOwnershipControls", get),
    run("DeleteBucketOwnershipControls", delete),
    run("PutBucketLifecycleConfiguration", |call| {
        let size = "TransitionDefaultMinimumObjectSize";
        let minimum = call
            .text(size)
            .unwrap_or("all_storage_classes_128K")
            .to_owned();
        put(call)?;
        let key = the_bucket(call)?;
        call.world.update(&key, |bucket| {
            bucket.set(&format!("Lifecycle.{size}"), minimum.as_str())
        });
        Ok(json!({size: minimum}))
    }),
    run("GetBucketLifecycleConfiguration", get),
    run("DeleteBucketLifecycle", delete),
    run("PutBucketCors", put),
    run("GetBucketCors", get),
    run("DeleteBucketCors", delete),
    run("PutBucketLogging", put),
    run("GetBucketLogging", get),
    run("PutBucketNotificationConfiguration", notifications::put),
    run("GetBucketNotificationConfiguration", get),
    run("PutBucketReplication", put),
    run("GetBucketReplication", get),
    run("DeleteBucketReplication", delete),
    run("PutBucketWebsite", put),
    run("GetBucketWebsite", get),
    run("DeleteBucketWebsite", delete),
    run("PutBucketAccelerateConfiguration", put),
    run("GetBucketAccelerateConfiguration", get),
    run("PutBucketRequestPayment", put),
    run("GetBucketRequestPayment", get),
    run("PutBucketAbac", put),
    run("GetBucketAbac", get),
    run("PutObjectLockConfiguration", put),
    run("GetObjectLockConfiguration", get),
    run("PutBucketAnalyticsConfiguration", put_numbered),
    run("GetBucketAnalyticsConfiguration", get_numbered),
    run("DeleteBucketAnalyticsConfiguration", delete_numbered),
    run("ListBucketAnalyticsConfigurations", list_numbered),
    run("PutBucketIntelligentTieringConfiguration", put_numbered),
    run("GetBucketIntelligentTieringConfiguration", get_numbered),
    run(
        "DeleteBucketIntelligentTieringConfiguration",
        delete_numbered,
    ),
    run("ListBucketIntelligentTieringConfigurations", list_numbered),
    run("PutBucketInventoryConfiguration", put_numbered),
    run("GetBucketInventoryConfiguration", get_numbered),
    run("DeleteBucketInventoryConfiguration", delete_numbered),
    run("ListBucketInventoryConfigurations", list_numbered),
    run("PutBucketMetricsConfiguration", put_numbered),
    run("GetBucketMetricsConfiguration", get_numbered),
    run("DeleteBucketMetricsConfiguration", delete_numbered),
    run("ListBucketMetricsConfigurations", list_numbered),
    run("PutBucketAcl", put_acl),
    run("GetBucketAcl", get_acl),
    run("PutBucketTagging", |call| {
        let key = the_bucket(call)?;
        let tags = call
            .input
            .get("Tagging")
            .and_then(|tagging| tagging.get("TagSet"));
        let tags = crate::tags::read(tags.unwrap_or(&Json::Null));
        // All of them are written at once; AWS's own stay (PutBucketTagging).
        call.world.update(&key, |bucket| {
            bucket.tags.retain(|name, _| name.starts_with("aws:"));
            bucket.tags.extend(tags);
        });
        Ok(json!({}))
    }),
    run("GetBucketTagging", |call| {
        let bucket = bucket(call)?;
        match bucket.tags.is_empty() {
            true => Err(Refusal::new("NoSuchTagSet", "The TagSet does not exist").status(404)),
            false => Ok(json!({"TagSet": crate::tags::write(Tags::List("TagSet"), &bucket.tags)})),
        }
    }),
    run("DeleteBucketTagging", |call| {
        let key = the_bucket(call)?;
        call.world.update(&key, |bucket| bucket.tags.clear());
        Ok(json!({}))
    }),
    run("PutBucketPolicy", policies::put),
    run("GetBucketPolicy", policies::get),
    run("DeleteBucketPolicy", policies::delete),
    run("GetBucketPolicyStatus", policies::status),
    run("CreateBucketMetadataConfiguration", super::metadata::create),
    run("GetBucketMetadataConfiguration", super::metadata::get),
    run("DeleteBucketMetadataConfiguration", super::metadata::delete),
    run(
        "UpdateBucketMetadataInventoryTableConfiguration",
        super::metadata::update_inventory,
    ),
    run(
        "UpdateBucketMetadataAnnotationTableConfiguration",
        super::metadata::update_annotations,
    ),
    run(
        "UpdateBucketMetadataJournalTableConfiguration",
        super::metadata::update_journal,
    ),
    run(
        "CreateBucketMetadataTableConfiguration",
        super::metadata::create_table,
    ),
    run(
        "GetBucketMetadataTableConfiguration",
        super::metadata::get_table,
    ),
    run(
        "DeleteBucketMetadataTableConfiguration",
        super::metadata::delete_table,
    ),
];

fn asked(call: &Call) -> Result<&'static Setting, Refusal> {
    let middle = call
        .operation
        .trim_start_matches(|char: char| char.is_ascii_uppercase());
    let middle = middle.trim_start_matches(|char: char| char.is_ascii_lowercase());
    // `DeleteBucketLifecycle` withdraws a BucketLifecycleConfiguration.
    let found = SETTINGS
        .iter()
        .find(|(name, _)| *name == middle || name.strip_suffix("Configuration") == Some(middle));
    found.map(|(_, setting)| setting).ok_or_else(|| {
        Refusal::new(
            "NotImplemented",
            format!("{} concerns no setting.", call.operation),
        )
        .status(501)
    })
}

/// AWS's own, where a bucket was told nothing.
fn default(name: &str) -> Option<Json> {
    Some(match name {
        // Amazon S3 User Guide, "Setting default server-side encryption behavior": SSE-S3.
        "Encryption" => json!({"Rules": [{
            "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": false,
            "BlockedEncryptionTypes": {"EncryptionType": ["SSE-C"]},
        }]}),
        "RequestPayment" => json!({"Payer": "BucketOwner"}),
        "Abac" => json!({"Status": "Disabled"}),
        _ => return None,
    })
}

/// A setting as it is in force.
pub(super) fn current(bucket: &Record, name: &str) -> Option<Json> {
    bucket.body.get(name).cloned().or_else(|| default(name))
}

fn put(call: &mut Call) -> Answer {
    let setting = asked(call)?;
    let key = the_bucket(call)?;
    let mut sent = call
        .input
        .get(setting.sent)
        .cloned()
        .unwrap_or_else(|| json!({}));
    if setting.name == "Lifecycle" {
        name_rules(call, &mut sent);
    }
    if setting.name == "Encryption" {
        for rule in sent["Rules"].as_array_mut().into_iter().flatten() {
            if rule.get("BucketKeyEnabled").is_none() {
                rule["BucketKeyEnabled"] = json!(false);
            }
            // Since April 2026 (Amazon S3 User Guide, "Blocking or unblocking SSE-C for a general purpose bucket").
            if rule.get("BlockedEncryptionTypes").is_none() {
                rule["BlockedEncryptionTypes"] = json!({"EncryptionType": ["SSE-C"]});
            }
        }
    }
    call.world.update(&key, |bucket| match setting.name {
        // What is not said stays: MFA delete beside the status.
        "Versioning" => {
            for (name, value) in sent.as_object().into_iter().flatten() {
                bucket.set(&format!("Versioning.{name}"), value.clone());
            }
        }
        name => bucket.set(name, sent),
    });
    Ok(json!({}))
}

/// Rules without an identifier get one (PutBucketLifecycleConfiguration, ID).
fn name_rules(call: &mut Call, sent: &mut Json) {
    for rule in sent["Rules"].as_array_mut().into_iter().flatten() {
        if rule.get("ID").is_none() {
            let digits = call.derive(&format!("lifecycle rule {rule}"));
            rule["ID"] = json!(crate::call::uuid(&digits));
        }
    }
}

fn get(call: &mut Call) -> Answer {
    let setting = asked(call)?;
    let bucket = bucket(call)?;
    match (current(bucket, setting.name), &setting.none) {
        (Some(set), _) if setting.shown.is_empty() => Ok(set),
        (Some(set), _) => Ok(json!({setting.shown: set})),
        (None, Some(fault)) => Err(fault.with(&[])),
        (None, None) => Ok(json!({})),
    }
}

fn delete(call: &mut Call) -> Answer {
    let setting = asked(call)?;
    let key = the_bucket(call)?;
    call.world
        .update(&key, |bucket| bucket.set(setting.name, Json::Null));
    Ok(json!({}))
}

type Numbered = &'static (&'static str, &'static str, &'static str, usize);

fn numbered(call: &Call) -> Result<Numbered, Refusal> {
    let found = NUMBERED
        .iter()
        .find(|(word, ..)| call.operation.contains(word));
    found.ok_or_else(|| {
        Refusal::new(
            "NotImplemented",
            format!("{} concerns no setting.", call.operation),
        )
        .status(501)
    })
}

fn entries<'a>(bucket: &'a Record, word: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    bucket
        .body
        .get(word)
        .and_then(Json::as_object)
        .into_iter()
        .flatten()
}

fn put_numbered(call: &mut Call) -> Answer {
    let (word, sent, _, most) = numbered(call)?;
    let key = the_bucket(call)?;
    let id = call.text("Id").unwrap_or_default().to_owned();
    let configuration = call.input.get(*sent).cloned().unwrap_or_default();
    if configuration["Id"] != json!(id) {
        let message = "The configuration's ID does not match the ID of the request";
        return Err(Refusal::new("InvalidArgument", message));
    }
    let Some(bucket) = call.world.get(&key) else {
        return Err(BUCKET.not_found.with(&[]));
    };
    let others = entries(bucket, word)
        .filter(|(other, _)| **other != id)
        .count();
    if others >= *most {
        let message = "You are attempting to create a new configuration but have already reached the 1,000-configuration limit.";
        return Err(Refusal::new("TooManyConfigurations", message));
    }
    call.world.update(&key, |bucket| {
        let kept = bucket.body.entry(*word).or_insert_with(|| json!({}));
        kept[id] = configuration;
    });
    Ok(json!({}))
}

fn get_numbered(call: &mut Call) -> Answer {
    let (word, sent, ..) = numbered(call)?;
    let id = call.text("Id").unwrap_or_default();
    let mut entries = entries(bucket(call)?, word);
    match entries.find(|(other, _)| *other == id) {
        Some((_, configuration)) => Ok(json!({*sent: configuration})),
        None => Err(NO_CONFIGURATION.with(&[])),
    }
}

fn delete_numbered(call: &mut Call) -> Answer {
    let (word, ..) = numbered(call)?;
    get_numbered(call)?;
    let key = the_bucket(call)?;
    let id = call.text("Id").unwrap_or_default().to_owned();
    call.world.update(&key, |bucket| {
        if let Some(Json::Object(kept)) = bucket.body.get_mut(*word) {
            kept.remove(&id);
        }
    });
    Ok(json!({}))
}

/// A hundred at a time (ListBucketMetricsConfigurations).
fn list_numbered(call: &mut Call) -> Answer {
    let (word, _, list, _) = numbered(call)?;
    let token = call.text("ContinuationToken");
    let behind = entries(bucket(call)?, word)
        .filter(|(id, _)| token.is_none_or(|token| id.as_str() > token));
    let rest: Vec<(&String, &Json)> = behind.collect();
    let page = &rest[..rest.len().min(100)];
    let mut answer = Map::new();
    answer.insert("IsTruncated".into(), json!(page.len() < rest.len()));
    answer.insert("ContinuationToken".into(), json!(token));
    if let Some((last, _)) = page.last().filter(|_| page.len() < rest.len()) {
        answer.insert("NextContinuationToken".into(), json!(last));
    }
    if !page.is_empty() {
        answer.insert(
            (*list).into(),
            page.iter().map(|(_, one)| (*one).clone()).collect(),
        );
    }
    Ok(Json::Object(answer))
}

fn put_acl(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    let canned = call.text("ACL").map(str::to_owned);
    let written = call
        .input
        .get("AccessControlPolicy")
        .and_then(|policy| policy.get("Grants"))
        .cloned();
    call.world.update(&key, |bucket| {
        bucket.set("CannedAcl", canned.clone());
        bucket.set("Grants", written.unwrap_or_default());
    });
    Ok(json!({}))
}

/// Amazon S3 User Guide, "Access control list (ACL) overview", Canned ACL.
fn get_acl(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    let owner = json!({"ID": canonical_user(&key.account)});
    let user = json!({"Type": "CanonicalUser", "ID": canonical_user(&key.account)});
    let bucket = bucket(call)?;
    if let Some(grants) = bucket.body.get("Grants") {
        return Ok(json!({"Owner": owner, "Grants": grants}));
    }
    let group = |name: &str| {
        let uri = match name {
            "LogDelivery" => "http://acs.amazonaws.com/groups/s3/LogDelivery".to_owned(),
            name => format!("http://acs.amazonaws.com/groups/global/{name}"),
        };
        json!({"Type": "Group", "URI": uri})
    };
    let mut grants = vec![json!({"Grantee": user, "Permission": "FULL_CONTROL"})];
    let others: &[(&str, &str)] = match bucket.text("CannedAcl") {
        "public-read" => &[("AllUsers", "READ")],
        "public-read-write" => &[("AllUsers", "READ"), ("AllUsers", "WRITE")],
        "authenticated-read" => &[("AuthenticatedUsers", "READ")],
        "log-delivery-write" => &[("LogDelivery", "WRITE"), ("LogDelivery", "READ_ACP")],
        _ => &[],
    };
    grants.extend(
        others
            .iter()
            .map(|(name, permission)| json!({"Grantee": group(name), "Permission": permission})),
    );
    Ok(json!({"Owner": owner, "Grants": grants}))
}
