//! Buckets and their policies. S3 has a call of its own for each of a bucket's settings.

pub mod bucket;
pub mod bucket_policy;
mod filters;
mod lifecycle;
mod listed;
mod notification;
mod settings;

use crate::loaders::{By, Load};

const NO_BUCKET: &str = "NoSuchBucket";
/// "A conflicting conditional operation is currently in progress against this resource. Try again" (API reference, "Error responses"): also
/// while a name that was just deleted is not free everywhere.
const BUSY: &str = "OperationAborted";

/// All buckets of the account in one call.
pub(crate) static BUCKETS: Load = Load::of("s3", "ListBuckets", By::All, 1, "Buckets", "Name");

/// One bucket a call is all that S3 offers for settings.
const fn setting(
    operation: &'static str,
    items: &'static str,
    gone: &'static [&'static str],
) -> Load {
    Load {
        gone,
        ..Load::of("s3", operation, By::One(&["Bucket"]), 1, items, "")
    }
}

pub(crate) static TAGS: Load = setting("GetBucketTagging", "", &[NO_BUCKET, "NoSuchTagSet"]);
pub(crate) static POLICIES: Load =
    setting("GetBucketPolicy", "", &[NO_BUCKET, "NoSuchBucketPolicy"]);
static VERSIONING: Load = setting("GetBucketVersioning", "", &[NO_BUCKET]);
static ENCRYPTION: Load = setting(
    "GetBucketEncryption",
    "",
    &[NO_BUCKET, "ServerSideEncryptionConfigurationNotFoundError"],
);
static PUBLIC_ACCESS: Load = setting(
    "GetPublicAccessBlock",
    "",
    &[NO_BUCKET, "NoSuchPublicAccessBlockConfiguration"],
);
static OWNERSHIP: Load = setting(
    "GetBucketOwnershipControls",
    "",
    &[NO_BUCKET, "OwnershipControlsNotFoundError"],
);
static LIFECYCLE: Load = setting(
    "GetBucketLifecycleConfiguration",
    "",
    &[NO_BUCKET, "NoSuchLifecycleConfiguration"],
);
static CORS: Load = setting("GetBucketCors", "", &[NO_BUCKET, "NoSuchCORSConfiguration"]);
static LOGGING: Load = setting("GetBucketLogging", "", &[NO_BUCKET]);
static NOTIFICATION: Load = setting("GetBucketNotificationConfiguration", "", &[NO_BUCKET]);
static REPLICATION: Load = setting(
    "GetBucketReplication",
    "",
    &[NO_BUCKET, "ReplicationConfigurationNotFoundError"],
);
static WEBSITE: Load = setting(
    "GetBucketWebsite",
    "",
    &[NO_BUCKET, "NoSuchWebsiteConfiguration"],
);
static ACCELERATION: Load = setting("GetBucketAccelerateConfiguration", "", &[NO_BUCKET]);
static ABAC: Load = setting("GetBucketAbac", "", &[NO_BUCKET]);
static LOCK: Load = setting(
    "GetObjectLockConfiguration",
    "",
    &[NO_BUCKET, "ObjectLockConfigurationNotFoundError"],
);
static METADATA: Load = setting(
    "GetBucketMetadataConfiguration",
    "GetBucketMetadataConfigurationResult",
    &[NO_BUCKET, "MetadataConfigurationNotFound"],
);
static METADATA_TABLE: Load = setting(
    "GetBucketMetadataTableConfiguration",
    "GetBucketMetadataTableConfigurationResult",
    &[NO_BUCKET, "MetadataConfigurationNotFound"],
);
static ANALYTICS: Load = setting(
    "ListBucketAnalyticsConfigurations",
    "AnalyticsConfigurationList",
    &[NO_BUCKET],
);
static TIERING: Load = setting(
    "ListBucketIntelligentTieringConfigurations",
    "IntelligentTieringConfigurationList",
    &[NO_BUCKET],
);
static INVENTORY: Load = setting(
    "ListBucketInventoryConfigurations",
    "InventoryConfigurationList",
    &[NO_BUCKET],
);
static METRICS: Load = setting(
    "ListBucketMetricsConfigurations",
    "MetricsConfigurationList",
    &[NO_BUCKET],
);
