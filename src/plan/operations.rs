//! The steps of a plan and what each waits for.

use std::collections::BTreeSet;

use payctl_model::{Address, PhysicalId};
use petgraph::graph::DiGraph;

use super::Milestone;

/// What the executor walks: an edge's target starts when its source has reached the edge's milestone. Acyclic.
pub type OperationGraph = DiGraph<Operation, Milestone>;

/// One step of the executor. What it needs to know about the resource stands in [`super::Plan::changes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Which resource.
    pub address: Address,
    /// What is done to it.
    pub kind: OperationKind,
    /// Attributes that consumers wait for: a source is [`Milestone::Accepted`] only when they are known.
    pub needed_attributes: BTreeSet<String>,
    /// How much waits behind it, in steps of the longest chain: the greater, the earlier it starts.
    pub priority: u64,
}

/// The kinds of steps. A replacement is two of them.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationKind {
    /// Nothing to call; consumers start at once.
    Keep,
    /// Make it (of a replacement: the new one).
    Create {
        /// Whether it takes the place of another.
        replaces: bool,
    },
    /// Change it in place.
    Update,
    /// Take what an interrupted run made into the state.
    Adopt(PhysicalId),
    /// Delete it (of a replacement: the old one; or a deposed one left by an earlier run).
    Delete {
        /// AWS's identifier of what goes.
        physical_id: PhysicalId,
        /// Whether a final snapshot is taken first.
        snapshot: bool,
        /// Whether its successor lives on under the same address, or will.
        replaced: bool,
    },
    /// Take it out of the state and leave it in AWS.
    Forget {
        /// AWS's identifier of what is forgotten.
        physical_id: PhysicalId,
        /// Whether its successor lives on under the same address, or will.
        replaced: bool,
    },
}
