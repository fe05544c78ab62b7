//! `AWS::DynamoDB::Table`: a table, its indexes, and what is attached to it by calls of its own.

use async_trait::async_trait;

use super::{BACKUPS, INSIGHTS, POLICIES, STREAMING, TABLES, TAGS, TIMES_TO_LIVE};
use super::{alteration, description, satellites};
use crate::context::Context;
use crate::error::Result;
use crate::mapping;
use crate::prelude::*;
use crate::tags;

/// `AWS::DynamoDB::Table`.
pub struct Table;

const ARN: Key = Key::Described(&["TableArn"]);

pub(super) static DEFINITION: Definition = Definition {
    create: Create {
        // What CreateTable does not take is refused until the table is ACTIVE (API_CreateTable).
        settles: true,
        own: &["ImportSourceSpecification"],
        ..Create::of("CreateTable", "TableDescription")
    },
    reads: &[
        Read::of(&TABLES),
        Read {
            key: ARN,
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            key: ARN,
            when: Some(tags::untagged),
            all: true,
            into: "Tags",
            ..Read::of(&TAGS)
        },
        Read {
            only_for: &["TimeToLiveSpecification"],
            into: "TimeToLive",
            ..Read::of(&TIMES_TO_LIVE)
        },
        Read {
            only_for: &["PointInTimeRecoverySpecification"],
            into: "PointInTimeRecovery",
            ..Read::of(&BACKUPS)
        },
        Read {
            only_for: &[
                "ContributorInsightsSpecification",
                "GlobalSecondaryIndexes.*.ContributorInsightsSpecification",
            ],
            all: true,
            into: "ContributorInsights",
            ..Read::of(&INSIGHTS)
        },
        Read {
            only_for: &["KinesisStreamSpecification"],
            all: true,
            into: "KinesisDestinations",
            ..Read::of(&STREAMING)
        },
        Read {
            key: ARN,
            only_for: &["ResourcePolicy"],
            into: "TablePolicy",
            ..Read::of(&POLICIES)
        },
        Read {
            key: Key::Described(&["LatestStreamArn"]),
            when: Some(|table| description::stream_arn(table).is_some()),
            only_for: &["StreamSpecification.ResourcePolicy"],
            into: "StreamPolicy",
            ..Read::of(&POLICIES)
        },
    ],
    updates: &[
        Change {
            takes: &[
                "AttributeDefinitions",
                "BillingMode",
                "DeletionProtectionEnabled",
                "GlobalSecondaryIndexes",
                "OnDemandThroughput",
                "ProvisionedThroughput",
                "SSESpecification",
                "StreamSpecification",
                "TableClass",
                "WarmThroughput",
            ],
            mode: Mode::Step(alteration::alter),
            ..Change::of("UpdateTable", &[])
        },
        Change {
            takes: &["TimeToLiveSpecification"],
            mode: Mode::Step(satellites::time_to_live),
            ..Change::of("UpdateTimeToLive", &[])
        },
        Change {
            takes: &["PointInTimeRecoverySpecification"],
            mode: Mode::Step(satellites::recovery),
            ..Change::of("UpdateContinuousBackups", &[])
        },
        Change {
            takes: &["ContributorInsightsSpecification"],
            mode: Mode::Step(satellites::insights),
            ..Change::of("UpdateContributorInsights", &[])
        },
        Change {
            takes: &["KinesisStreamSpecification"],
            mode: Mode::Step(satellites::kinesis),
            ..Change::of("EnableKinesisStreamingDestination", &[])
        },
        Change {
            takes: &["ResourcePolicy"],
            mode: Mode::Step(satellites::policy),
            ..Change::of("PutResourcePolicy", &[])
        },
    ],
    delete: Delete {
        // It is being made or changed, or too many tables are (API_DeleteTable, Errors).
        busy: &["ResourceInUseException", "LimitExceededException"],
        ..Delete::of(
            "DeleteTable",
            &["TableName"],
            &["ResourceNotFoundException"],
        )
    },
    find: Find::Key(&["TableName"]),
    rules: &[
        mapping::Rule::Told("Arn", "TableArn"),
        mapping::Rule::Computed("StreamArn", description::stream_arn),
        mapping::Rule::Computed("BillingMode", description::billing_mode),
        mapping::Rule::Computed("ProvisionedThroughput", description::throughput),
        mapping::Rule::Computed("OnDemandThroughput", description::on_demand),
        mapping::Rule::Computed("GlobalSecondaryIndexes", description::indexes),
        mapping::Rule::Sent("SSESpecification.SSEEnabled", "Enabled"),
        mapping::Rule::Computed("SSESpecification", description::encryption),
        mapping::Rule::Told("TableClass", "TableClassSummary.TableClass"),
        mapping::Rule::Built("StreamSpecification", |stream| {
            let view = stream.get("StreamViewType").cloned().unwrap_or_default();
            json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": view}})
        }),
        mapping::Rule::Computed("StreamSpecification", description::stream),
        mapping::Rule::Built(
            "ResourcePolicy",
            |policy| json!({"ResourcePolicy": satellites::policy_text(policy)}),
        ),
        mapping::Rule::Computed("ResourcePolicy", description::policy),
        mapping::Rule::Computed("TimeToLiveSpecification", description::time_to_live),
        mapping::Rule::Computed("PointInTimeRecoverySpecification", description::recovery),
        mapping::Rule::Computed("ContributorInsightsSpecification", |table| {
            description::insights(table, None)
        }),
        mapping::Rule::Computed("KinesisStreamSpecification", description::kinesis),
    ],
    tags: Tags::Member,
    // "[a-zA-Z0-9_.-]+", 3 to 255 characters (DynamoDB developer guide, "Naming rules").
    name: Some(Name {
        also: "_.",
        ..Name::of("TableName", 255)
    }),
    status: description::status,
    propagation: &[
        // Another change of the same table, made by auto scaling, say.
        (
            "ResourceInUseException",
            "Attempt to change a resource which is still in use",
        ),
        // "Only N tables can be created, updated, or deleted simultaneously"; other limits do not pass by waiting (DynamoDB
        // developer guide, "Error handling": LimitExceededException).
        ("LimitExceededException", "simultaneously"),
        // "Backups are being enabled for the table: … Please retry later" (API_UpdateContinuousBackups, Errors).
        ("ContinuousBackupsUnavailableException", ""),
    ],
    needs: &[Need {
        property: "KinesisStreamSpecification.StreamArn",
        reason: "the stream must be ACTIVE (API_EnableKinesisStreamingDestination)",
    }],
    unique: &[&["TableName"]],
    renewed_by: &[("StreamArn", "StreamSpecification.StreamViewType")],
    create_only: &[
        (
            "KeySchema",
            "the key is given to CreateTable alone: UpdateTable takes no key (API_UpdateTable)",
        ),
        (
            "LocalSecondaryIndexes",
            "\"Local secondary indexes are created when you create a table\" (DynamoDB developer guide, \"Local secondary \
             indexes\"): UpdateTable takes none",
        ),
    ],
    resets: &[
        ("BillingMode", "\"PROVISIONED\""),
        ("DeletionProtectionEnabled", "false"),
        ("SSESpecification", r#"{"SSEEnabled": false}"#),
        ("TableClass", "\"STANDARD\""),
        ("TimeToLiveSpecification", r#"{"Enabled": false}"#),
        (
            "PointInTimeRecoverySpecification",
            r#"{"PointInTimeRecoveryEnabled": false}"#,
        ),
        ("ContributorInsightsSpecification", r#"{"Enabled": false}"#),
        ("GlobalSecondaryIndexes", "[]"),
    ],
    // An index of a large table is filled for hours (DynamoDB developer guide, "Managing global secondary indexes").
    patience: alteration::BACKFILL,
    unsupported: &[(
        "VectorIndexes",
        "UpdateTable makes and removes them one at a time, and DescribeTable tells them in states of their own: payctl does not follow \
         these yet, and would take a half-made index for a finished one. Make them by a call of your own",
    )],
    ..Definition::new("AWS::DynamoDB::Table", "dynamodb")
};

#[async_trait]
impl Resource for Table {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        if desired.get("ImportSourceSpecification").is_some() {
            return satellites::import(context, desired, incarnation).await;
        }
        // What indexes and streams have by calls of their own.
        let made = generic::create(&DEFINITION, context, &bare(desired), incarnation).await?;
        if bare(desired) != *desired {
            let table = alteration::active(context, made.id.as_str()).await?;
            alteration::attachments(context, &table, desired, &Value::map()).await?;
        }
        Ok(made)
    }

    /// An imported table has no tags until its import is over: its import carries our token.
    async fn find(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        match generic::find(&DEFINITION, context, desired, incarnation).await? {
            None if desired.get("ImportSourceSpecification").is_some() => {
                satellites::imported(context, desired, incarnation).await
            }
            found => Ok(found),
        }
    }
}

/// The properties that CreateTable takes, or that have a change of their own.
fn bare(desired: &Value) -> Value {
    let mut bare = desired.clone();
    let Some(properties) = bare.as_map_mut() else {
        return bare;
    };
    if let Some(Value::List(indexes)) = properties.get_mut("GlobalSecondaryIndexes") {
        for index in indexes.iter_mut().filter_map(Value::as_map_mut) {
            index.remove("ContributorInsightsSpecification");
        }
    }
    if let Some(stream) = properties
        .get_mut("StreamSpecification")
        .and_then(Value::as_map_mut)
    {
        stream.remove("ResourcePolicy");
    }
    bare
}
