//! Settings of which a bucket has several, each with an identifier: analytics, inventories, metrics, tiering.

use super::filters::{self, renamed};
use serde_json::{Value as Json, json};

/// One kind of them.
pub(super) struct Listed {
    /// The property.
    pub(super) property: &'static str,
    /// The call that sets one.
    pub(super) put: &'static str,
    /// Its member.
    pub(super) member: &'static str,
    /// The call that takes one away.
    pub(super) delete: &'static str,
    /// One as the API has it.
    pub(super) sent: fn(&Json) -> Json,
}

pub(super) const LISTED: &[Listed] = &[
    Listed {
        property: "AnalyticsConfigurations",
        put: "PutBucketAnalyticsConfiguration",
        member: "AnalyticsConfiguration",
        delete: "DeleteBucketAnalyticsConfiguration",
        sent: analytics,
    },
    Listed {
        property: "IntelligentTieringConfigurations",
        put: "PutBucketIntelligentTieringConfiguration",
        member: "IntelligentTieringConfiguration",
        delete: "DeleteBucketIntelligentTieringConfiguration",
        sent: |one| {
            with_filter(
                one,
                &[("Id", "Id"), ("Status", "Status"), ("Tierings", "Tierings")],
            )
        },
    },
    Listed {
        property: "InventoryConfigurations",
        put: "PutBucketInventoryConfiguration",
        member: "InventoryConfiguration",
        delete: "DeleteBucketInventoryConfiguration",
        sent: inventory,
    },
    Listed {
        property: "MetricsConfigurations",
        put: "PutBucketMetricsConfiguration",
        member: "MetricsConfiguration",
        delete: "DeleteBucketMetricsConfiguration",
        sent: |one| with_filter(one, &[("Id", "Id")]),
    },
];

fn with_filter(one: &Json, names: &[(&str, &str)]) -> Json {
    let mut sent = renamed(one, names);
    if let Some(filter) = filters::of(one) {
        sent.insert("Filter".to_owned(), filter);
    }
    Json::Object(sent)
}

fn told_with_filter(one: &Json, names: &[(&str, &str)]) -> Json {
    let mut told = renamed(one, names);
    if let Some(filter) = one.get("Filter") {
        told.extend(filters::told(filter));
    }
    Json::Object(told)
}

/// How templates and the API call what stands in a destination.
const EXPORT: &[(&str, &str)] = &[
    ("BucketArn", "Bucket"),
    ("BucketAccountId", "BucketAccountId"),
    ("Format", "Format"),
    ("Prefix", "Prefix"),
];
const INVENTORY: &[(&str, &str)] = &[
    ("BucketArn", "Bucket"),
    ("BucketAccountId", "AccountId"),
    ("Format", "Format"),
    ("Prefix", "Prefix"),
];

fn back(names: &'static [(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    names.iter().map(|(from, to)| (*to, *from)).collect()
}

fn analytics(one: &Json) -> Json {
    let mut sent = with_filter(one, &[("Id", "Id")]);
    let export = &one["StorageClassAnalysis"]["DataExport"];
    sent["StorageClassAnalysis"] = match export {
        Json::Null => json!({}),
        export => json!({"DataExport": {
            "OutputSchemaVersion": export["OutputSchemaVersion"],
            "Destination": {"S3BucketDestination": renamed(&export["Destination"], EXPORT)},
        }}),
    };
    sent
}

fn inventory(one: &Json) -> Json {
    let names = [
        ("Id", "Id"),
        ("Enabled", "IsEnabled"),
        ("IncludedObjectVersions", "IncludedObjectVersions"),
        ("OptionalFields", "OptionalFields"),
    ];
    let mut sent = with_filter(one, &names);
    sent["Schedule"] = json!({"Frequency": one["ScheduleFrequency"]});
    sent["Destination"] = json!({"S3BucketDestination": renamed(&one["Destination"], INVENTORY)});
    sent
}

fn all(description: &Json, name: &str, told: fn(&Json) -> Json) -> Option<Json> {
    let items = description.get(name)?.as_array()?;
    Some(items.iter().map(told).collect())
}

/// What AWS tells of analytics, as templates have it.
pub(super) fn told_analytics(description: &Json) -> Option<Json> {
    all(description, "AnalyticsConfigurations", |one| {
        let mut told = told_with_filter(one, &[("Id", "Id")]);
        let export = &one["StorageClassAnalysis"]["DataExport"];
        told["StorageClassAnalysis"] = match export {
            Json::Null => json!({}),
            export => {
                let destination = &export["Destination"]["S3BucketDestination"];
                json!({"DataExport": {
                    "OutputSchemaVersion": export["OutputSchemaVersion"],
                    "Destination": renamed(destination, &back(EXPORT)),
                }})
            }
        };
        told
    })
}

/// The same of tiering.
pub(super) fn told_tiering(description: &Json) -> Option<Json> {
    all(description, "IntelligentTieringConfigurations", |one| {
        told_with_filter(
            one,
            &[("Id", "Id"), ("Status", "Status"), ("Tierings", "Tierings")],
        )
    })
}

/// The same of inventories.
pub(super) fn told_inventories(description: &Json) -> Option<Json> {
    all(description, "InventoryConfigurations", |one| {
        let names = [
            ("Id", "Id"),
            ("IsEnabled", "Enabled"),
            ("IncludedObjectVersions", "IncludedObjectVersions"),
            ("OptionalFields", "OptionalFields"),
        ];
        let mut told = told_with_filter(one, &names);
        told["ScheduleFrequency"] = one["Schedule"]["Frequency"].clone();
        let destination = &one["Destination"]["S3BucketDestination"];
        told["Destination"] = Json::Object(renamed(destination, &back(INVENTORY)));
        told
    })
}

/// The same of metrics.
pub(super) fn told_metrics(description: &Json) -> Option<Json> {
    all(description, "MetricsConfigurations", |one| {
        told_with_filter(one, &[("Id", "Id")])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_comes_back_as_it_was_declared() {
        let tag = json!({"Key": "a", "Value": "b"});
        let bucket = json!({"BucketArn": "arn:aws:s3:::b", "BucketAccountId": "123456789012", "Format": "CSV", "Prefix": "p"});
        let export = json!({"DataExport": {"OutputSchemaVersion": "V_1", "Destination": bucket}});
        let samples = [
            (
                json!([
                    {"Id": "a", "Prefix": "x", "TagFilters": [tag], "StorageClassAnalysis": export},
                    {"Id": "b", "StorageClassAnalysis": {}},
                ]),
                told_analytics as fn(&Json) -> Option<Json>,
            ),
            (
                json!([{"Id": "a", "Status": "Enabled", "TagFilters": [tag], "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}]),
                told_tiering,
            ),
            (
                json!([{
                    "Id": "a", "Enabled": true, "IncludedObjectVersions": "All", "OptionalFields": ["Size"], "Prefix": "x",
                    "ScheduleFrequency": "Daily", "Destination": bucket,
                }]),
                told_inventories,
            ),
            (
                json!([{"Id": "a"}, {"Id": "b", "Prefix": "x", "AccessPointArn": "arn:p"}]),
                told_metrics,
            ),
        ];
        for (listed, (declared, told)) in LISTED.iter().zip(samples) {
            let items = declared.as_array().unwrap();
            let sent: Json = items.iter().map(listed.sent).collect();
            assert_eq!(told(&json!({listed.property: sent})), Some(declared));
        }
    }
}
