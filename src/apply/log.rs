//! [`Log`]: what must survive a crash, written before the executor goes on. The real one is the environment's journal.

use std::collections::BTreeMap;

use async_trait::async_trait;
use payctl_model::{Address, Incarnation, PhysicalId, Value};
use payctl_state::{Dependency, Policy};

use super::events::Verb;

/// One operation, by its number in the run.
pub type OperationId = u64;

/// Something that must survive a crash. Secrets stand in it as hashes only.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// An operation is about to call AWS.
    Intent(Box<Intent>),
    /// A mutating call is about to go out.
    Call {
        /// Of which operation.
        operation: OperationId,
        /// Which, such as `ec2:CreateSubnet`.
        call: String,
    },
    /// A mutating call was answered.
    Answer {
        /// Of which operation.
        operation: OperationId,
        /// Which.
        call: String,
        /// AWS's refusal, where it refused.
        error: Option<String>,
        /// Whether it is sure that nothing was done.
        refused: bool,
    },
    /// The resource exists with this identifier and these attributes. The last one of an operation counts.
    Exists {
        /// Of which operation.
        operation: OperationId,
        /// AWS's identifier.
        physical_id: PhysicalId,
        /// Its model as far as it is known.
        attributes: Value,
    },
    /// The operation has done what it was to do.
    Done {
        /// Which operation.
        operation: OperationId,
    },
    /// The operation failed; it is known what exists.
    Failed {
        /// Which operation.
        operation: OperationId,
        /// Why.
        reason: String,
        /// What was made and must be replaced.
        tainted: Option<PhysicalId>,
    },
    /// A later run has found out how it stands.
    Settled {
        /// Which operation.
        operation: OperationId,
        /// What a create had made; `None` where nothing was done.
        made: Option<PhysicalId>,
    },
}

/// What an operation is about to do, with all that a later run needs to complete it.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Its number in the run.
    pub operation: OperationId,
    /// Which resource.
    pub address: Address,
    /// What is done.
    pub verb: Verb,
    /// Its type.
    pub type_name: String,
    /// The incarnation: of a create the new one, drawn before.
    pub incarnation: Option<Incarnation>,
    /// AWS's identifier, where it exists already.
    pub physical_id: Option<PhysicalId>,
    /// What it shall be, secrets as hashes; `None` where it goes away.
    pub desired: Option<Value>,
    /// What it needs of others.
    pub dependencies: BTreeMap<Address, Dependency>,
    /// What becomes of it when it leaves the template.
    pub deletion_policy: Policy,
    /// What becomes of it when it is replaced.
    pub update_replace_policy: Policy,
    /// Whether a successor lives on under the same address, or will.
    pub replaced: bool,
}

/// Why the journal could not be written.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot write the journal: {0}")]
pub struct LogError(pub String);

/// Where [`Entry`]s go.
#[async_trait]
pub trait Log: Send + Sync {
    /// Writes; durable on return.
    ///
    /// # Errors
    /// Where it could not be written: the caller must not call AWS.
    async fn append(&self, entry: Entry) -> Result<(), LogError>;
}
