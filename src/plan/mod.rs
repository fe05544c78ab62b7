//! What will be done, and why: desired x state x observed -> [`Plan`]. Pure: no I/O, no clock, no randomness.
//!
//! [`plan`](fn@plan) decides per resource; [`operations`] splits replacements into create and delete and gives the graph
//! that `apply` walks. Decisions are final here: the executor only checks that what became known [`refines`] what was
//! planned.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, PhysicalId, PropertyPath, Value};

/// Everything that one run will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Per resource of the templates and of the state, no-ops included.
    pub changes: BTreeMap<Address, Change>,
    /// What differs between the last apply and what is live, decided or not.
    pub drift: Vec<Drift>,
    /// The outputs as far as they are known, by `region/stack.Name`.
    pub outputs: BTreeMap<String, Value>,
    /// What the plan wants people to know before they say yes.
    pub warnings: Vec<String>,
}

/// What happens to one resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which resource.
    pub address: Address,
    /// Its CloudFormation type.
    pub type_name: String,
    /// AWS's identifier, where it exists.
    pub physical_id: Option<PhysicalId>,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The property edits that an update or a replacement makes.
    pub edits: Vec<Edit>,
    /// What is live, in the desired form (declared properties only); `None` where nothing is.
    pub before: Option<Value>,
    /// What is wanted, unknowns included; `None` where it goes away.
    pub after: Option<Value>,
    /// Whether a module carries it out. Where not, apply refuses before the first call.
    pub native: bool,
    /// Whether it is a database, bucket, key or secret: what `protect` guards.
    pub stateful: bool,
}

/// What is done to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    NoOp,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// A new one takes its place.
    Replace(ReplaceOrder),
    /// It is deleted.
    Delete {
        /// Whether a final snapshot is taken first (`DeletionPolicy: Snapshot`).
        snapshot: bool,
    },
    /// It left the template, but its `DeletionPolicy` keeps it in AWS: it only leaves the state.
    Retain,
    /// What an interrupted run made is taken into the state.
    Adopt(PhysicalId),
}

/// In which order a replacement happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplaceOrder {
    /// The new one first, then what uses it moves, then the old one goes.
    CreateFirst,
    /// The old one first: a fixed name or a singleton leaves no room for two.
    DeleteFirst,
}

/// Why something is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It is in the template and was never made.
    New,
    /// It was made, and AWS has it no more.
    GoneFromAws,
    /// It left the template.
    NotInTemplate,
    /// The whole environment is destroyed.
    Destroy,
    /// An interrupted or failed run left it incomplete.
    Tainted,
    /// This property is changed in place.
    Property {
        /// Where.
        property: PropertyPath,
        /// The resource whose change causes it, where it is not the template's.
        cause: Option<Address>,
    },
    /// This property cannot be changed in place.
    CreateOnly {
        /// Where.
        property: PropertyPath,
        /// The resource whose change causes it, where it is not the template's.
        cause: Option<Address>,
    },
}

/// One property's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Where.
    pub property: PropertyPath,
    /// What is live; `None` where nothing is.
    pub before: Option<Value>,
    /// What is wanted; `None` where the property goes away (back to AWS's default).
    pub after: Option<Value>,
    /// Whether AWS can only do it by a new resource.
    pub replaces: bool,
}

/// One difference between what was applied and what is live.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Which resource.
    pub address: Address,
    /// Where; the root where the whole resource is gone.
    pub property: PropertyPath,
    /// What the template declares, or what was last applied.
    pub declared: Option<Value>,
    /// What is live.
    pub live: Option<Value>,
    /// Whether the template never spoke of it.
    pub undeclared: bool,
}

/// How far a resource has come; an edge waits for one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Milestone {
    /// Nothing has happened yet.
    Planned,
    /// AWS has accepted it and the attributes that consumers need are known.
    Accepted,
    /// It is ready for use; of a deletion: it is gone.
    Ready,
}

/// One step of the executor.
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Which resource.
    pub address: Address,
    /// What is done to it.
    pub kind: OperationKind,
    /// Attributes that consumers wait for.
    pub needed_attributes: BTreeSet<String>,
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
    /// Delete it (of a replacement: the old one; or a deposed one left by an earlier run).
    Delete {
        /// AWS's identifier of what goes.
        physical_id: PhysicalId,
        /// Whether a final snapshot is taken first.
        snapshot: bool,
        /// Whether its successor lives on under the same address.
        replaced: bool,
    },
    /// Take it out of the state and leave it in AWS.
    Forget,
}
