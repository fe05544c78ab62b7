//! Secrets Manager: secrets and their versions, replicas in other regions, resource policies, generated passwords.

mod laws;
mod passwords;
mod policies;
mod replicas;
mod secrets;
mod values;

use crate::error::Fault;
use crate::kind::{Operation, Service, run, tag, untag};

/// AWS Secrets Manager.
pub const SERVICE: Service = Service {
    name: "secretsmanager",
    kinds: &[&secrets::SECRET],
    operations: OPERATIONS,
    laws: &[
        &laws::NAME,
        &laws::ONE_VALUE,
        &laws::PENDING_NAME,
        &laws::MARKED,
        &laws::WINDOW,
        &laws::WINDOW_OR_FORCE,
        &laws::REPLICATED,
        &laws::PRIMARY_ONLY,
        &laws::KEY_USABLE,
        &laws::TOKEN,
        &passwords::LONG_ENOUGH,
        &passwords::SOMETHING_LEFT,
        &policies::VALID_JSON,
        &policies::WELL_FORMED,
        &policies::NOT_PUBLIC,
        &replicas::OTHER_REGION,
        &values::STAGED,
    ],
    invalid: Fault::new("ValidationException", "{message}"),
    missing: Fault::new("ValidationException", "{message}"),
    ..Service::NEW
};

const OPERATIONS: &[Operation] = &[
    tag("TagResource", "SecretId", "Tags"),
    untag("UntagResource", "SecretId", "TagKeys"),
    run("GetRandomPassword", passwords::random),
];
