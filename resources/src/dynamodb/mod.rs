//! DynamoDB: tables.

mod alteration;
mod description;
mod satellites;
pub mod table;

use crate::loaders::{By, Load};

/// A table that does not exist: `TableNotFoundException` to those that tell backups (API_DescribeContinuousBackups, Errors).
const GONE: &[&str] = &["ResourceNotFoundException", "TableNotFoundException"];

const fn of_table(operation: &'static str, items: &'static str) -> Load {
    Load {
        gone: GONE,
        ..Load::of("dynamodb", operation, By::One(&["TableName"]), 1, items, "")
    }
}

/// No call tells several tables (DynamoDB API reference, "Actions").
pub(crate) static TABLES: Load = of_table("DescribeTable", "Table");
pub(crate) static TIMES_TO_LIVE: Load = of_table("DescribeTimeToLive", "TimeToLiveDescription");
pub(crate) static BACKUPS: Load = of_table(
    "DescribeContinuousBackups",
    "ContinuousBackupsDescription.PointInTimeRecoveryDescription",
);
/// A table's and all its indexes' in one call.
pub(crate) static INSIGHTS: Load =
    of_table("ListContributorInsights", "ContributorInsightsSummaries");
pub(crate) static STREAMING: Load = of_table(
    "DescribeKinesisStreamingDestination",
    "KinesisDataStreamDestinations",
);
/// Of a table, or of its stream.
pub(crate) static POLICIES: Load = Load {
    gone: &["PolicyNotFoundException", "ResourceNotFoundException"],
    ..Load::of(
        "dynamodb",
        "GetResourcePolicy",
        By::One(&["ResourceArn"]),
        1,
        "Policy",
        "",
    )
};
/// In pages of ten (API_ListTagsOfResource).
pub(crate) static TAGS: Load = Load {
    gone: GONE,
    ..Load::of(
        "dynamodb",
        "ListTagsOfResource",
        By::One(&["ResourceArn"]),
        1,
        "Tags",
        "",
    )
};
pub(crate) static IMPORTS: Load = Load::of(
    "dynamodb",
    "ListImports",
    By::One(&["TableArn"]),
    1,
    "ImportSummaryList",
    "",
);
pub(crate) static IMPORT: Load = Load::of(
    "dynamodb",
    "DescribeImport",
    By::One(&["ImportArn"]),
    1,
    "ImportTableDescription",
    "",
);
