//! DynamoDB: tables, their indexes and what is attached to them. No items are kept.

mod attachments;
mod imports;
mod indexes;
mod tables;
mod updates;

use crate::error::Fault;
use crate::kind::Service;

/// Amazon DynamoDB.
pub const SERVICE: Service = Service {
    name: "dynamodb",
    kinds: &[&tables::TABLE, &imports::IMPORT],
    laws: &[
        &tables::NAME,
        &tables::KEYS,
        &tables::DEFINITIONS,
        &tables::THROUGHPUT,
        &tables::PROJECTION,
        &tables::INDEXES,
        &tables::KEY,
        &tables::PROTECTED,
        &tables::BUSY,
        &updates::ONE_AT_A_TIME,
        &updates::INDEX,
        &updates::STREAM,
        &updates::NOTHING,
        &updates::WARM,
        &attachments::TIME_TO_LIVE,
        &attachments::BACKUPS_LATER,
        &attachments::POLICY,
        &attachments::DESTINATION,
    ],
    ..Service::NEW
};

/// What DynamoDB says of what is not there.
const NOT_FOUND: Fault = Fault::new(
    "ResourceNotFoundException",
    "Requested resource not found: Table: {id} not found",
);
