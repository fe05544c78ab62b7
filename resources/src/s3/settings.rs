//! The calls that change a bucket's settings: one for each, in an order in which none needs what comes after it.

use std::collections::BTreeSet;

use super::listed::{LISTED, Listed};
use super::{bucket, lifecycle, notification};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::generic::{self, Type};
use crate::resource::Update;
use payctl_model::{PhysicalId, PropertyPath, Value};
use serde_json::{Map, Value as Json, json};

/// One of them.
struct Setting {
    property: &'static str,
    put: &'static str,
    /// The call's input for a declared value, in the API's words; scalars may be as templates have them.
    sent: fn(&Json) -> Map<String, Json>,
    /// What is done where it is declared no more.
    withdrawn: Withdrawn,
}

enum Withdrawn {
    /// Another call takes it away.
    Delete(&'static str),
    /// The same call sets this, in JSON.
    Put(&'static str),
}

/// The input under the property's own name: the rules of the type say where it goes.
macro_rules! named {
    ($property:literal) => {
        |declared| Map::from_iter([($property.to_owned(), declared.clone())])
    };
}

/// Versions come before what needs them, ownership before ACLs, public access before both; notifications go last.
const SETTINGS: &[Setting] = &[
    Setting {
        property: "VersioningConfiguration",
        put: "PutBucketVersioning",
        sent: named!("VersioningConfiguration"),
        // "After you version-enable a bucket, it can never return to an unversioned state" (user guide).
        withdrawn: Withdrawn::Put(r#"{"VersioningConfiguration": {"Status": "Suspended"}}"#),
    },
    Setting {
        property: "ObjectLockConfiguration",
        put: "PutObjectLockConfiguration",
        sent: named!("ObjectLockConfiguration"),
        withdrawn: Withdrawn::Put(
            r#"{"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}}"#,
        ),
    },
    Setting {
        property: "OwnershipControls",
        put: "PutBucketOwnershipControls",
        sent: named!("OwnershipControls"),
        // As a new bucket has it (user guide, "Default settings for new S3 buckets").
        withdrawn: Withdrawn::Put(
            r#"{"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}"#,
        ),
    },
    Setting {
        property: "PublicAccessBlockConfiguration",
        put: "PutPublicAccessBlock",
        sent: named!("PublicAccessBlockConfiguration"),
        withdrawn: Withdrawn::Put(
            r#"{"PublicAccessBlockConfiguration": {"BlockPublicAcls": true, "IgnorePublicAcls": true,
                "BlockPublicPolicy": true, "RestrictPublicBuckets": true}}"#,
        ),
    },
    Setting {
        property: "AccessControl",
        put: "PutBucketAcl",
        sent: |declared| {
            let acl = canned(declared.as_str().unwrap_or_default());
            Map::from_iter([("ACL".to_owned(), acl.into())])
        },
        withdrawn: Withdrawn::Put(r#"{"ACL": "private"}"#),
    },
    Setting {
        property: "BucketEncryption",
        put: "PutBucketEncryption",
        sent: named!("BucketEncryption"),
        withdrawn: Withdrawn::Delete("DeleteBucketEncryption"),
    },
    Setting {
        property: "LifecycleConfiguration",
        put: "PutBucketLifecycleConfiguration",
        sent: lifecycle::sent,
        withdrawn: Withdrawn::Delete("DeleteBucketLifecycle"),
    },
    Setting {
        property: "CorsConfiguration",
        put: "PutBucketCors",
        sent: named!("CorsConfiguration"),
        withdrawn: Withdrawn::Delete("DeleteBucketCors"),
    },
    Setting {
        property: "AccelerateConfiguration",
        put: "PutBucketAccelerateConfiguration",
        sent: named!("AccelerateConfiguration"),
        withdrawn: Withdrawn::Put(r#"{"AccelerateConfiguration": {"Status": "Suspended"}}"#),
    },
    Setting {
        property: "LoggingConfiguration",
        put: "PutBucketLogging",
        sent: named!("LoggingConfiguration"),
        withdrawn: Withdrawn::Put(r#"{"BucketLoggingStatus": {}}"#),
    },
    Setting {
        property: "WebsiteConfiguration",
        put: "PutBucketWebsite",
        sent: named!("WebsiteConfiguration"),
        withdrawn: Withdrawn::Delete("DeleteBucketWebsite"),
    },
    Setting {
        property: "AbacStatus",
        put: "PutBucketAbac",
        sent: |declared| Map::from_iter([("AbacStatus".to_owned(), json!({"Status": declared}))]),
        withdrawn: Withdrawn::Put(r#"{"AbacStatus": {"Status": "Disabled"}}"#),
    },
    Setting {
        property: "ReplicationConfiguration",
        put: "PutBucketReplication",
        sent: |declared| {
            let mut declared = declared.clone();
            for rule in declared["Rules"].as_array_mut().into_iter().flatten() {
                complete_rule(rule);
            }
            Map::from_iter([("ReplicationConfiguration".to_owned(), declared)])
        },
        withdrawn: Withdrawn::Delete("DeleteBucketReplication"),
    },
    Setting {
        property: "NotificationConfiguration",
        put: "PutBucketNotificationConfiguration",
        sent: notification::sent,
        withdrawn: Withdrawn::Put(r#"{"NotificationConfiguration": {}}"#),
    },
];

/// Everything that changes in steps.
pub(super) const TAKES: &[&str] = &[
    "VersioningConfiguration",
    "ObjectLockConfiguration",
    "ObjectLockEnabled",
    "OwnershipControls",
    "PublicAccessBlockConfiguration",
    "AccessControl",
    "BucketEncryption",
    "LifecycleConfiguration",
    "CorsConfiguration",
    "AccelerateConfiguration",
    "LoggingConfiguration",
    "WebsiteConfiguration",
    "MetadataConfiguration",
    "MetadataTableConfiguration",
    "AbacStatus",
    "AnalyticsConfigurations",
    "IntelligentTieringConfigurations",
    "InventoryConfigurations",
    "MetricsConfigurations",
    "ReplicationConfiguration",
    "NotificationConfiguration",
];

/// `PublicRead` as `public-read`.
fn canned(acl: &str) -> String {
    let mut text = String::new();
    for (at, char) in acl.char_indices() {
        if char.is_ascii_uppercase() && at > 0 {
            text.push('-');
        }
        text.push(char.to_ascii_lowercase());
    }
    text
}

/// A rule with a filter says what becomes of delete markers (API_ReplicationRule: "must … specify" with Filter).
fn complete_rule(rule: &mut Json) {
    if rule.get("Filter").is_some() && rule.get("DeleteMarkerReplication").is_none() {
        rule["DeleteMarkerReplication"] = json!({"Status": "Disabled"});
    }
}

/// Makes these settings what is declared: first what is declared no more, the last first, then the others.
pub(super) async fn change(context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
    let declared = |property: &str| update.desired.get(property).is_some();
    let touched = |property: &str| update.touches(property);
    for setting in SETTINGS.iter().rev() {
        if touched(setting.property) && !declared(setting.property) {
            withdraw(context, id, setting).await?;
        }
    }
    for setting in SETTINGS {
        if setting.property == "ObjectLockConfiguration" && touched("ObjectLockEnabled") {
            lock(context, id, update).await?;
        }
        if touched(setting.property) && declared(setting.property) {
            let mut value = exposed(update.desired, setting.property)?;
            if let ("LoggingConfiguration", Some(log)) = (setting.property, value.as_object_mut()) {
                // "By default, logs are stored in the bucket where the LoggingConfiguration property is defined" (template reference); the API
                // wants both (API_LoggingEnabled).
                log.entry("DestinationBucketName")
                    .or_insert_with(|| id.as_str().into());
                log.entry("LogFilePrefix").or_insert_with(|| "".into());
            }
            put(context, id, setting.put, (setting.sent)(&value)).await?;
        }
    }
    for listed in LISTED.iter().filter(|listed| touched(listed.property)) {
        list(context, id, listed, update).await?;
    }
    if touched("MetadataConfiguration") {
        metadata(context, id, update).await?;
    }
    if touched("MetadataTableConfiguration") {
        metadata_table(context, id, update).await?;
    }
    Ok(())
}

/// The settings that a new bucket is given.
pub(super) fn of_new(desired: &Value) -> Vec<PropertyPath> {
    let at_creation = ["ObjectLockEnabled"];
    let declared = |name: &&&str| desired.get(name).is_some() && !at_creation.contains(*name);
    let private = |name: &&&str| {
        **name == "AccessControl" && desired.get(name).and_then(Value::as_str) == Some("Private")
    };
    TAKES
        .iter()
        .filter(declared)
        .filter(|name| !private(name))
        .map(|name| PropertyPath::root().key(*name))
        .collect()
}

fn exposed(properties: &Value, property: &str) -> Result<Json> {
    let unknown = || Error::Unknown(format!("{} {property}", bucket::DEFINITION.type_name));
    let value = properties.get(property).ok_or_else(unknown)?;
    value.expose_json().ok_or_else(unknown)
}

/// One call. What the API has no member for is an error, never dropped.
async fn put(
    context: &Context,
    id: &PhysicalId,
    operation: &str,
    members: Map<String, Json>,
) -> Result<()> {
    let of = Type::of(&bucket::DEFINITION)?;
    let placed = of.mapping().input(operation, &members);
    if !placed.unplaced.is_empty() {
        return Err(Error::Unmapped {
            type_name: bucket::DEFINITION.type_name.to_owned(),
            properties: placed.unplaced,
        });
    }
    send(context, id, operation, placed.input).await
}

async fn send(
    context: &Context,
    id: &PhysicalId,
    operation: &str,
    mut input: Map<String, Json>,
) -> Result<()> {
    input.insert("Bucket".to_owned(), id.as_str().into());
    generic::write(&bucket::DEFINITION, context, operation, input).await?;
    Ok(())
}

async fn withdraw(context: &Context, id: &PhysicalId, setting: &Setting) -> Result<()> {
    match setting.withdrawn {
        Withdrawn::Delete(operation) => send(context, id, operation, Map::new()).await,
        Withdrawn::Put(text) => {
            let input = serde_json::from_str(text).unwrap_or_default();
            send(context, id, setting.put, input).await
        }
    }
}

/// Object Lock is turned on for good ("Object Lock considerations").
async fn lock(context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
    let wanted = update
        .desired
        .get("ObjectLockEnabled")
        .and_then(Value::to_text);
    if !wanted.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
        return Err(Error::Failed(format!(
            "Object Lock of the bucket {id} cannot be turned off: declare `ObjectLockEnabled: true` again, or another bucket"
        )));
    }
    if update.desired.get("ObjectLockConfiguration").is_some()
        && update.touches("ObjectLockConfiguration")
    {
        return Ok(());
    }
    let input = json!({"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"}});
    put(context, id, "PutObjectLockConfiguration", object(input)).await
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// Sets those that are new or differ, takes away the others.
async fn list(
    context: &Context,
    id: &PhysicalId,
    listed: &Listed,
    update: &Update<'_>,
) -> Result<()> {
    let items = |properties: &Value| -> Vec<Json> {
        let list = properties.get(listed.property).and_then(Value::expose_json);
        list.and_then(|list| list.as_array().cloned())
            .unwrap_or_default()
    };
    let name = |item: &Json| item["Id"].as_str().unwrap_or_default().to_owned();
    let (wanted, have) = (items(update.desired), items(update.live));
    let names: BTreeSet<String> = wanted.iter().map(name).collect();
    for gone in have.iter().map(name).filter(|name| !names.contains(name)) {
        let input = Map::from_iter([("Id".to_owned(), gone.into())]);
        match send(context, id, listed.delete, input).await {
            Err(error) if error.code() == Some("NoSuchConfiguration") => {}
            done => done?,
        }
    }
    for item in wanted.iter().filter(|item| !have.contains(item)) {
        let members = Map::from_iter([
            ("Id".to_owned(), name(item).into()),
            (listed.member.to_owned(), (listed.sent)(item)),
        ]);
        put(context, id, listed.put, members).await?;
    }
    Ok(())
}

/// Journal, inventory and annotations are changed apart; the whole is made or taken away.
async fn metadata(context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
    const PROPERTY: &str = "MetadataConfiguration";
    let live = update.live.get(PROPERTY).is_some();
    if update.desired.get(PROPERTY).is_none() {
        return send(context, id, "DeleteBucketMetadataConfiguration", Map::new()).await;
    }
    let mut wanted = object(exposed(update.desired, PROPERTY)?);
    // AWS's own answer to where the tables are.
    wanted.remove("Destination");
    if !live {
        let input = Map::from_iter([(PROPERTY.to_owned(), Json::Object(wanted))]);
        return put(context, id, "CreateBucketMetadataConfiguration", input).await;
    }
    if let Some(journal) = wanted.get("JournalTableConfiguration") {
        let kept = json!({"RecordExpiration": journal["RecordExpiration"]});
        let input = Map::from_iter([("JournalTableConfiguration".to_owned(), kept)]);
        put(
            context,
            id,
            "UpdateBucketMetadataJournalTableConfiguration",
            input,
        )
        .await?;
    }
    for (table, operation) in [
        (
            "InventoryTableConfiguration",
            "UpdateBucketMetadataInventoryTableConfiguration",
        ),
        (
            "AnnotationTableConfiguration",
            "UpdateBucketMetadataAnnotationTableConfiguration",
        ),
    ] {
        let there = update
            .live
            .at(&format!("{PROPERTY}.{table}").as_str().into());
        let change = match (wanted.get(table), there) {
            (Some(wanted), _) => wanted.clone(),
            (None, Some(_)) => json!({"ConfigurationState": "DISABLED"}),
            (None, None) => continue,
        };
        let input = Map::from_iter([(table.to_owned(), change)]);
        put(context, id, operation, input).await?;
    }
    Ok(())
}

/// The older form is made and taken away, and never changed.
async fn metadata_table(context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
    const PROPERTY: &str = "MetadataTableConfiguration";
    if update.live.get(PROPERTY).is_some() {
        send(
            context,
            id,
            "DeleteBucketMetadataTableConfiguration",
            Map::new(),
        )
        .await?;
    }
    if update.desired.get(PROPERTY).is_none() {
        return Ok(());
    }
    let wanted = exposed(update.desired, PROPERTY)?;
    let input = Map::from_iter([(PROPERTY.to_owned(), wanted)]);
    put(context, id, "CreateBucketMetadataTableConfiguration", input).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_taken_and_what_is_put_back_is_json() {
        for setting in SETTINGS {
            assert!(TAKES.contains(&setting.property), "{}", setting.property);
            if let Withdrawn::Put(text) = setting.withdrawn {
                assert!(
                    serde_json::from_str::<Map<String, Json>>(text).is_ok(),
                    "{text}"
                );
            }
        }
        for listed in LISTED {
            assert!(TAKES.contains(&listed.property));
        }
    }

    #[test]
    fn canned_acls_are_called_otherwise_in_the_api() {
        assert_eq!(canned("Private"), "private");
        assert_eq!(canned("LogDeliveryWrite"), "log-delivery-write");
        assert_eq!(
            canned("BucketOwnerFullControl"),
            "bucket-owner-full-control"
        );
    }
}
