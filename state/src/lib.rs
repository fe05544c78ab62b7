//! What payctl knows of an environment, and how it survives a kill at any instant: [`State`], [`Journal`], [`Lock`].
//!
//! The state file is replaced atomically when a run ends; until then the journal holds what happened. A run that finds a
//! journal settles it first; what the records mean is the executor's business. docs/contracts.md fixes the formats. Nothing here calls AWS.

mod checksum;
mod files;
mod journal;
mod lock;
mod record;
mod secrets;
mod state;
mod store;

pub use journal::{Journal, JournalError, LeftOver};
pub use lock::{Held, Holder, Lock, LockError};
pub use record::{Kind, Record};
pub use secrets::Hasher;
pub use state::{
    Absorbed, AcceptedDrift, Dependency, FORMAT_VERSION, Need, Policy, ResourceState, SsmParameter,
    State, Status,
};
pub use store::{Paths, Store, StoreError};
