//! AWS's resource types: how each is created, read, changed, deleted and found again.

pub mod aws;
pub mod context;
pub mod error;

pub use context::{CallJournal, Caller, Context};
pub use error::{AwsError, AwsErrorKind, Error, Result};
