//! S3: buckets with their configurations, and objects with their versions. Access is not decided here, and nothing is replicated,
//! moved, expired or notified by itself.

mod buckets;
mod checksums;
mod configurations;
mod copies;
mod deletions;
mod laws;
mod listing;
mod metadata;
mod notifications;
mod objects;
mod policies;
mod uploads;
mod versions;

use crate::error::Fault;
use crate::kind::Service;

pub use objects::{get_object, put_object};

/// Amazon Simple Storage Service.
pub const SERVICE: Service = Service {
    name: "s3",
    kinds: &[&buckets::BUCKET, &versions::OBJECT, &uploads::UPLOAD],
    operations: configurations::OPERATIONS,
    laws: &[
        &buckets::NAME,
        &buckets::LOCATION,
        &buckets::TAKEN,
        &buckets::ELSEWHERE,
        &buckets::ACL,
        &versions::LOCKED,
        &versions::TOO_LARGE,
        &checksums::DIGEST,
        &laws::VERSIONED_REPLICATION,
        &laws::REPLICA,
        &laws::LOCK_VERSIONS,
        &laws::LOG_TARGET,
        &laws::ACCELERATED_NAME,
        &laws::TAGS,
        &laws::UNIQUE_RULES,
        &notifications::DESTINATIONS,
        &notifications::OVERLAP,
        &policies::DOCUMENT,
        &policies::PUBLIC,
    ],
    // Amazon S3 API Reference, Error responses.
    invalid: Fault::new(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema ({message})",
    ),
    missing: Fault::new(
        "InvalidRequest",
        "Missing required header or member for this request: {member}",
    ),
    ..Service::NEW
};

/// A bucket's configuration that is not there.
const NO_CONFIGURATION: Fault = Fault::new(
    "NoSuchConfiguration",
    "The specified configuration does not exist.",
)
.status(404);
