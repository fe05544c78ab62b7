//! What can go wrong between a resource's module and AWS.

use std::fmt;
use std::sync::Arc;

use payctl_model::PropertyPath;

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of one call: AWS's own words, or why there are none.
#[derive(Clone, Debug)]
pub struct AwsError {
    /// `ec2`.
    pub service: String,
    /// `CreateSubnet`.
    pub operation: String,
    /// AWS's error code, such as `InvalidSubnet.Conflict`; empty where AWS did not answer.
    pub code: String,
    /// AWS's message, or what happened instead of an answer.
    pub message: String,
    /// AWS's id of the request, for its support.
    pub request_id: Option<String>,
    /// What kind of failure it is.
    pub kind: AwsErrorKind,
}

/// The kinds of failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsErrorKind {
    /// AWS answered with an error.
    Service,
    /// No credentials could be had.
    Credentials,
    /// The request was never sent: nothing was changed.
    NotSent,
    /// There was no answer: AWS may have acted or not.
    Lost,
    /// The request could not be written as the API wants it, or the answer not be read.
    Codec,
}

impl fmt::Display for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.operation)?;
        if !self.code.is_empty() {
            write!(f, " {}", self.code)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for AwsError {}

/// Why a resource could not be made, read, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A call that several reads share failed.
    #[error(transparent)]
    Shared(Arc<Error>),
    /// The journal could not be written, so the call was not made.
    #[error("the journal cannot be written: {0}")]
    Journal(String),
    /// A property that payctl refuses.
    #[error("{type_name}: `{property}` is not supported: {reason}")]
    Unsupported {
        /// The resource type.
        type_name: String,
        /// Where.
        property: PropertyPath,
        /// Why.
        reason: String,
    },
    /// Properties that no call of the type takes.
    #[error("{type_name}: no call takes {}", list(.properties))]
    Unmapped {
        /// The resource type.
        type_name: String,
        /// Where.
        properties: Vec<PropertyPath>,
    },
    /// AWS's answer lacks what it must have.
    #[error("{call}: the answer has no {missing}")]
    Answer {
        /// `ec2:CreateSubnet`.
        call: String,
        /// What is missing.
        missing: String,
    },
    /// Something is still unknown, or a secret only known by its hash, where AWS must be told.
    #[error("{0}: a value is not known")]
    Unknown(String),
    /// A resource that AWS reports as failed, or does not bring to the awaited state.
    #[error("{0}")]
    Failed(String),
    /// The type's own table is wrong.
    #[error("{type_name}: {what}")]
    Definition {
        /// The resource type.
        type_name: String,
        /// What is wrong.
        what: String,
    },
}

impl Error {
    /// An error of a type's own table.
    pub fn definition(type_name: &str, what: impl Into<String>) -> Error {
        Error::Definition {
            type_name: type_name.to_owned(),
            what: what.into(),
        }
    }

    /// What AWS said, where it did.
    pub fn aws(&self) -> Option<&AwsError> {
        match self {
            Error::Aws(error) => Some(error),
            Error::Shared(error) => error.aws(),
            _ => None,
        }
    }

    /// AWS's error code.
    pub fn code(&self) -> Option<&str> {
        self.aws().map(|error| error.code.as_str())
    }
}

fn list(paths: &[PropertyPath]) -> String {
    let names: Vec<String> = paths.iter().map(|path| format!("`{path}`")).collect();
    names.join(", ")
}
