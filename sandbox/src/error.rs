//! How AWS says no.

use serde_json::{Map, Value as Json};

/// What an operation answers.
pub type Answer = Result<Json, Refusal>;

/// An error answer of AWS.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// AWS's error code: `InvalidSubnetID.NotFound`.
    pub code: String,
    /// AWS's words.
    pub message: String,
    /// The HTTP status; 0: as AWS's model says, else 400.
    pub status: u16,
    /// Further members of the error's shape.
    pub members: Map<String, Json>,
}

impl Refusal {
    /// With the HTTP status of AWS's model, else 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Refusal {
        Refusal {
            code: code.into(),
            message: message.into(),
            status: 0,
            members: Map::new(),
        }
    }

    /// With another HTTP status.
    pub fn status(mut self, status: u16) -> Refusal {
        self.status = status;
        self
    }
}

/// A refusal as data: the code, and the message with `{names}` to be filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// AWS's error code.
    pub code: &'static str,
    /// AWS's words.
    pub message: &'static str,
    /// The HTTP status; 0: as AWS's model says, else 400.
    pub status: u16,
}

impl Fault {
    /// With the HTTP status of AWS's model, else 400.
    pub const fn new(code: &'static str, message: &'static str) -> Fault {
        Fault {
            code,
            message,
            status: 0,
        }
    }

    /// With another HTTP status.
    pub const fn status(mut self, status: u16) -> Fault {
        self.status = status;
        self
    }

    /// Fills in the names.
    pub fn with(&self, names: &[(&str, &str)]) -> Refusal {
        let mut message = self.message.to_owned();
        for (name, value) in names {
            message = message.replace(&format!("{{{name}}}"), value);
        }
        Refusal::new(self.code, message).status(self.status)
    }
}
