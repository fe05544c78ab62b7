//! `AWS::S3::Bucket`: a bucket with its settings.

use async_trait::async_trait;

use super::{
    ABAC, ACCELERATION, ANALYTICS, BUCKETS, BUSY, CORS, ENCRYPTION, INVENTORY, LIFECYCLE, LOCK,
    LOGGING, METADATA, METADATA_TABLE, METRICS, NO_BUCKET, NOTIFICATION, OWNERSHIP, PUBLIC_ACCESS,
    REPLICATION, TAGS, TIERING, VERSIONING, WEBSITE, lifecycle, listed, notification, settings,
};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::tags;

/// `AWS::S3::Bucket`.
pub struct Bucket;

/// A read of one setting, which costs a call for each bucket: only where it is declared.
const fn only_for(
    load: &'static Load,
    into: &'static str,
    properties: &'static [&'static str],
) -> Read {
    Read {
        only_for: properties,
        into,
        select: Some(set),
        ..Read::of(load)
    }
}

/// Some settings are answered with nothing where there are none.
fn set(answer: &Json, _: &PhysicalId) -> Option<Json> {
    let none = answer.as_object().is_some_and(Map::is_empty);
    (!none).then(|| answer.clone())
}

pub(super) static DEFINITION: Definition = Definition {
    create: Create {
        own: &["BucketNamePrefix"],
        ..Create::of("CreateBucket", "")
    },
    reads: &[
        Read::of(&BUCKETS),
        Read {
            key: Key::Arn("arn:{partition}:s3:::{0}"),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            when: Some(tags::untagged),
            select: Some(|answer, _| Some(json!({"Tags": answer.get("TagSet")?}))),
            ..Read::of(&TAGS)
        },
        only_for(
            &VERSIONING,
            "VersioningConfiguration",
            &["VersioningConfiguration"],
        ),
        only_for(&ENCRYPTION, "", &["BucketEncryption"]),
        only_for(&PUBLIC_ACCESS, "", &["PublicAccessBlockConfiguration"]),
        only_for(&OWNERSHIP, "", &["OwnershipControls"]),
        only_for(&LIFECYCLE, "Lifecycle", &["LifecycleConfiguration"]),
        only_for(&CORS, "CorsConfiguration", &["CorsConfiguration"]),
        only_for(&LOGGING, "LoggingConfiguration", &["LoggingConfiguration"]),
        // An answer with nothing in it says that nothing is told.
        Read {
            select: None,
            ..only_for(
                &NOTIFICATION,
                "Notification",
                &["NotificationConfiguration"],
            )
        },
        only_for(&REPLICATION, "", &["ReplicationConfiguration"]),
        only_for(&WEBSITE, "WebsiteConfiguration", &["WebsiteConfiguration"]),
        only_for(
            &ACCELERATION,
            "AccelerateConfiguration",
            &["AccelerateConfiguration"],
        ),
        only_for(&ABAC, "", &["AbacStatus"]),
        only_for(&LOCK, "", &["ObjectLockConfiguration", "ObjectLockEnabled"]),
        only_for(&METADATA, "Metadata", &["MetadataConfiguration"]),
        only_for(
            &METADATA_TABLE,
            "MetadataTable",
            &["MetadataTableConfiguration"],
        ),
        Read {
            all: true,
            ..only_for(
                &ANALYTICS,
                "AnalyticsConfigurations",
                &["AnalyticsConfigurations"],
            )
        },
        Read {
            all: true,
            ..only_for(
                &TIERING,
                "IntelligentTieringConfigurations",
                &["IntelligentTieringConfigurations"],
            )
        },
        Read {
            all: true,
            ..only_for(
                &INVENTORY,
                "InventoryConfigurations",
                &["InventoryConfigurations"],
            )
        },
        Read {
            all: true,
            ..only_for(
                &METRICS,
                "MetricsConfigurations",
                &["MetricsConfigurations"],
            )
        },
    ],
    updates: &[Change {
        takes: settings::TAKES,
        mode: Mode::Step(change),
        ..Change::of("PutBucketVersioning", &["Bucket=BucketName"])
    }],
    delete: Delete {
        busy: &[BUSY],
        ..Delete::of("DeleteBucket", &["Bucket=BucketName"], &[NO_BUCKET])
    },
    find: Find::Search(find),
    rules: &[
        Rule::Sent("BucketName", "Bucket"),
        Rule::Told("BucketName", "Name"),
        Rule::Sent("BucketNamespace", "BucketNamespace"),
        Rule::Sent("ObjectLockEnabled", "ObjectLockEnabledForBucket"),
        Rule::Computed("ObjectLockEnabled", |bucket| {
            let lock = look(bucket, "ObjectLockConfiguration.ObjectLockEnabled")?;
            Some((lock == json!("Enabled")).into())
        }),
        Rule::Sent("Tags", "CreateBucketConfiguration.Tags"),
        Rule::Computed("Arn", |bucket| address(bucket, "Arn")),
        Rule::Computed("DomainName", |bucket| address(bucket, "DomainName")),
        Rule::Computed("DualStackDomainName", |bucket| {
            address(bucket, "DualStackDomainName")
        }),
        Rule::Computed("RegionalDomainName", |bucket| {
            address(bucket, "RegionalDomainName")
        }),
        Rule::Computed("WebsiteURL", |bucket| address(bucket, "WebsiteURL")),
        Rule::Renamed("AccelerateConfiguration.AccelerationStatus", "Status"),
        Rule::Told("AbacStatus", "AbacStatus.Status"),
        Rule::Renamed("BucketEncryption", "ServerSideEncryptionConfiguration"),
        Rule::Renamed(
            "BucketEncryption.ServerSideEncryptionConfiguration",
            "Rules",
        ),
        Rule::Renamed(
            "BucketEncryption.ServerSideEncryptionConfiguration.*.ServerSideEncryptionByDefault",
            "ApplyServerSideEncryptionByDefault",
        ),
        Rule::Renamed(
            "CorsConfiguration.CorsRules.*.ExposedHeaders",
            "ExposeHeaders",
        ),
        Rule::Renamed("CorsConfiguration.CorsRules.*.MaxAge", "MaxAgeSeconds"),
        Rule::Computed("LifecycleConfiguration", |bucket| {
            lifecycle::told(bucket.get("Lifecycle")?)
        }),
        Rule::Sent("LoggingConfiguration", "BucketLoggingStatus.LoggingEnabled"),
        Rule::Told(
            "LoggingConfiguration",
            "LoggingConfiguration.LoggingEnabled",
        ),
        Rule::Renamed("LoggingConfiguration.DestinationBucketName", "TargetBucket"),
        Rule::Renamed("LoggingConfiguration.LogFilePrefix", "TargetPrefix"),
        Rule::Computed("NotificationConfiguration", |bucket| {
            notification::told(bucket.get("Notification")?)
        }),
        Rule::Renamed("ReplicationConfiguration.Rules.*.Filter.TagFilter", "Tag"),
        Rule::Renamed(
            "ReplicationConfiguration.Rules.*.Filter.And.TagFilters",
            "Tags",
        ),
        Rule::Renamed("WebsiteConfiguration.ErrorDocument", "ErrorDocument.Key"),
        Rule::Renamed("WebsiteConfiguration.IndexDocument", "IndexDocument.Suffix"),
        Rule::Renamed(
            "WebsiteConfiguration.RoutingRules.*.RedirectRule",
            "Redirect",
        ),
        Rule::Renamed(
            "WebsiteConfiguration.RoutingRules.*.RoutingRuleCondition",
            "Condition",
        ),
        Rule::Computed("AnalyticsConfigurations", listed::told_analytics),
        Rule::Computed("IntelligentTieringConfigurations", listed::told_tiering),
        Rule::Computed("InventoryConfigurations", listed::told_inventories),
        Rule::Computed("MetricsConfigurations", listed::told_metrics),
        Rule::Computed("MetadataConfiguration", metadata),
        Rule::Computed("MetadataTableConfiguration", |bucket| {
            let result = look(
                bucket,
                "MetadataTable.MetadataTableConfigurationResult.S3TablesDestinationResult",
            )?;
            Some(json!({"S3TablesDestination": result}))
        }),
    ],
    tags: Tags::Member,
    propagation: &[
        (BUSY, ""),
        // The policies of queues, topics and functions that were set a moment ago; S3 asks them all.
        (
            "InvalidArgument",
            "Unable to validate the following destination configurations",
        ),
        // Versioning that was enabled a moment ago, here or at the destination.
        (
            "InvalidRequest",
            "Versioning must be 'Enabled' on the bucket",
        ),
        ("InvalidRequest", "Destination bucket must"),
        (
            "InvalidBucketState",
            "Versioning must be 'Enabled' on the bucket",
        ),
    ],
    // "Bucket names must be between 3 … and 63 … characters long" and have lower-case letters ("General purpose bucket naming rules").
    name: Some(Name::lower("BucketName", 63)),
    unique: &[&["BucketName"]],
    ..Definition::new("AWS::S3::Bucket", "s3")
};

/// Regions whose website endpoints have a hyphen before the region; the others have a dot (General Reference, "Amazon S3 endpoints and
/// quotas", website endpoints).
const HYPHENATED: &[&str] = &[
    "us-east-1",
    "us-west-1",
    "us-west-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "eu-west-1",
    "sa-east-1",
    "us-gov-west-1",
];

/// What follows from the name and the region.
fn address(bucket: &Json, attribute: &str) -> Option<Json> {
    let (name, region) = (described(bucket, "Name")?, described(bucket, "Region")?);
    let (partition, domain) = match region {
        region if region.starts_with("cn-") => ("aws-cn", "amazonaws.com.cn"),
        region if region.starts_with("us-gov-") => ("aws-us-gov", "amazonaws.com"),
        _ => ("aws", "amazonaws.com"),
    };
    let hyphen = if HYPHENATED.contains(&region) {
        '-'
    } else {
        '.'
    };
    let text = match attribute {
        "Arn" => format!("arn:{partition}:s3:::{name}"),
        "DomainName" => format!("{name}.s3.{domain}"),
        "DualStackDomainName" => format!("{name}.s3.dualstack.{region}.{domain}"),
        "RegionalDomainName" => format!("{name}.s3.{region}.{domain}"),
        _ => format!("http://{name}.s3-website{hyphen}{region}.{domain}"),
    };
    Some(text.into())
}

/// The tables as AWS has made them.
fn metadata(bucket: &Json) -> Option<Json> {
    let result = look(bucket, "Metadata.MetadataConfigurationResult")?;
    let mut told = Map::new();
    for (property, member) in [
        ("Destination", "DestinationResult"),
        (
            "JournalTableConfiguration",
            "JournalTableConfigurationResult",
        ),
        (
            "InventoryTableConfiguration",
            "InventoryTableConfigurationResult",
        ),
        (
            "AnnotationTableConfiguration",
            "AnnotationTableConfigurationResult",
        ),
    ] {
        let mut part = result.get(member).cloned();
        // Its progress is no property.
        if let Some(Json::Object(members)) = &mut part {
            members.remove("TableStatus");
            members.remove("Error");
        }
        told.extend(part.map(|part| (property.to_owned(), part)));
    }
    Some(Json::Object(told))
}

fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(settings::change(context, id, update))
}

/// The name: declared or generated; in the account's own namespace made of a prefix ("Account regional namespaces for general purpose
/// buckets": `prefix-account-region-an`).
async fn name(context: &Context, desired: &Value) -> Result<Option<String>> {
    let text = |name: &str| desired.get(name).and_then(Value::to_text);
    let Some(prefix) = text("BucketNamePrefix") else {
        return Ok(text("BucketName"));
    };
    let (place, prefix) = (context.place().await?, prefix.trim_end_matches('-'));
    Ok(Some(format!(
        "{prefix}-{}-{}-an",
        place.account, place.region
    )))
}

fn find<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        match name(context, desired).await? {
            Some(name) => generic::if_ours(&DEFINITION, context, name.into(), incarnation).await,
            None => Ok(None),
        }
    })
}

#[async_trait]
impl Resource for Bucket {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// In us-east-1 CreateBucket answers its owner as if the bucket were new (API_CreateBucket, BucketAlreadyOwnedByYou), and takes its ACL
    /// away.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let unknown = || Error::Unknown(format!("{} BucketName", DEFINITION.type_name));
        let bucket = name(context, desired).await?.ok_or_else(unknown)?;
        let there = generic::items_of(context, &BUCKETS, &bucket).await?;
        if !there.is_empty() {
            let id = PhysicalId::from(bucket.as_str());
            let ours = generic::if_ours(&DEFINITION, context, id, incarnation).await?;
            if ours.is_none() {
                return Err(generic::taken(&DEFINITION, &bucket));
            }
        }
        let mut at_creation = Value::map();
        if let Some(members) = at_creation.as_map_mut() {
            members.insert("BucketName".to_owned(), bucket.as_str().into());
            for property in ["BucketNamespace", "ObjectLockEnabled"] {
                let value = desired.get(property).cloned();
                members.extend(value.map(|value| (property.to_owned(), value)));
            }
        }
        let mut place = Map::new();
        let region = context.place().await?.region;
        if region != "us-east-1" {
            place.insert("LocationConstraint".to_owned(), region.as_str().into());
        }
        if let Some(tags) = desired.get("Tags").and_then(Value::expose_json) {
            place.insert("Tags".to_owned(), tags);
        }
        let more = Map::from_iter([("CreateBucketConfiguration".to_owned(), Json::Object(place))]);
        let mut made =
            generic::create_with(&DEFINITION, context, &at_creation, incarnation, more).await?;
        let update = Update {
            desired,
            live: &Value::map(),
            changed: &settings::of_new(desired),
        };
        settings::change(context, &made.id, &update).await?;
        let told = json!({"Name": bucket, "Region": region});
        if let (Some(model), Some(desired)) = (made.model.as_map_mut(), desired.as_map()) {
            for (name, value) in desired.iter().filter(|(name, _)| *name != "BucketName") {
                model.insert(name.clone(), value.clone());
            }
            for attribute in [
                "Arn",
                "DomainName",
                "DualStackDomainName",
                "RegionalDomainName",
                "WebsiteURL",
            ] {
                let value = address(&told, attribute);
                model.extend(value.map(|value| (attribute.to_owned(), Value::from(value))));
            }
        }
        Ok(made)
    }

    /// Its addresses follow from the region, which not every answer tells.
    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let Some(mut description) = generic::description(&DEFINITION, context, id).await? else {
            return Ok(None);
        };
        if let Some(members) = description.as_object_mut() {
            members.insert("Region".to_owned(), context.place().await?.region.into());
        }
        generic::observed(&DEFINITION, id, &description)
    }
}
