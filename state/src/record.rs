//! [`Record`]: one line of the journal.

use std::collections::BTreeMap;

use payctl_model::{Address, Incarnation, PhysicalId, Value};
use serde::{Deserialize, Serialize};

use crate::secrets::is_open;
use crate::state::{Dependency, Policy};

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Something is about to happen: an operation, or (with `call`) one of its calls.
    Intent,
    /// It happened. Of an operation: with `done` it is complete, without it this is what is known so far.
    Result,
    /// It did not happen, or not to the end.
    Failed,
    /// A later run found out how it stands.
    Settled,
}

/// One line of the journal. What a record does not speak of is absent. Secrets stand in it as hashes only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The position in the journal, from 1; set by the journal.
    #[serde(default)]
    pub seq: u64,
    /// When, RFC 3339 or epoch seconds: for people.
    pub time: String,
    /// Which operation of the run.
    pub operation: u64,
    /// What kind of record.
    pub kind: Kind,
    /// Which resource.
    pub address: Address,
    /// `create`, `update`, `delete`, `forget` …
    pub action: String,
    /// Of an operation's last result: it is complete.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub done: bool,
    /// The CloudFormation type (on an operation's intent).
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
    /// The incarnation: of a create the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Incarnation>,
    /// One AWS call, such as `ec2:CreateSubnet`; absent where the record is about the operation itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// AWS's identifier, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical_id: Option<PhysicalId>,
    /// What the resource shall be (on a create's or update's intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub properties: Option<Value>,
    /// The model that AWS gave (on a result).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Value>,
    /// What it needs of others (on an intent).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dependencies: BTreeMap<Address, Dependency>,
    /// What becomes of it when it is no longer wanted (on an intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<Policy>,
    /// What becomes of it when it is replaced (on an intent).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_replace_policy: Option<Policy>,
    /// Of a deletion: a successor lives on under the same address, or will; of a create: it takes the place of another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replaces: bool,
    /// Of a failed operation: what exists is not whole and must be replaced.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tainted: bool,
    /// Of a failed call: it is sure that AWS did nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Record {
    /// A record that says only the necessary.
    pub fn new(
        time: String,
        operation: u64,
        kind: Kind,
        address: Address,
        action: impl Into<String>,
    ) -> Record {
        Record {
            seq: 0,
            time,
            operation,
            kind,
            address,
            action: action.into(),
            done: false,
            type_name: None,
            incarnation: None,
            call: None,
            physical_id: None,
            properties: None,
            attributes: None,
            dependencies: BTreeMap::new(),
            deletion_policy: None,
            update_replace_policy: None,
            replaces: false,
            tainted: false,
            refused: false,
            error: None,
        }
    }

    /// Whether a secret stands in it in the open.
    pub(crate) fn has_open_secret(&self) -> bool {
        self.properties.iter().chain(&self.attributes).any(is_open)
    }
}
