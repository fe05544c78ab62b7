//! What will be done, and why: desired x state x observed -> [`Plan`]. Pure: no I/O, no clock, no randomness.
//!
//! [`plan`](fn@plan) decides per resource; [`operations`](fn@operations) splits replacements into create and delete and
//! gives the graph that `apply` walks. Decisions are final here: the executor only checks that what became known
//! [`refines`](fn@refines) what was planned. Read [`Change`] first, then `decide.rs`.

mod accepted;
mod decide;
mod deploy;
mod desired_form;
mod differences;
mod drift;
mod known;
mod operations;
mod order;
mod ownership;
mod prior;
mod properties;
pub(crate) mod references;
mod refines;
mod saved;

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, PhysicalId, PropertyPath, Value};

use crate::template::{Diagnostic, Lookup};

pub use crate::graph::Milestone;
pub use decide::{Desired, deletion_policy, plan};
pub use deploy::{Deployment, Managed};
pub(crate) use desired_form::masked_like;
pub(crate) use ownership::APP_SPEC;
pub use ownership::Manager;
use ownership::Ownership;

pub use operations::{Operation, OperationGraph, OperationKind, operations};
pub use properties::properties;
pub use refines::refines;
pub use saved::{PlanInputs, SAVED_PLAN_VERSION, SavedPlan, SavedPlanError, fingerprint};

/// Everything that one run will do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Per resource of the templates and of the state, no-ops included.
    pub changes: BTreeMap<Address, Change>,
    /// What an earlier run replaced but did not delete: deleted by this one.
    pub deposed: Vec<Deposed>,
    /// What must be gone before something of another address can be made: AWS has room for one of them only. First what
    /// goes, then what comes.
    pub makes_room: BTreeSet<(Address, Address)>,
    /// What differs between the last apply and what is live, decided or not.
    pub drift: Vec<Drift>,
    /// Differences that stay because somebody accepted them, now or earlier: neither drift nor change.
    pub accepted: BTreeMap<Address, Vec<Accepted>>,
    /// What differs because another system moves it: neither drift nor change.
    pub managed: Vec<Managed>,
    /// The outputs as far as they are known, by `region/stack.Name`.
    pub outputs: BTreeMap<String, Value>,
    /// What the plan wants people to know before they say yes.
    pub warnings: Vec<String>,
    /// Why this plan must not be applied. Empty where it may.
    pub problems: Vec<Problem>,
    /// What of a live model stands as resources of its own: an update must see a model without it, as the decision did.
    pub(crate) ownership: Ownership,
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
    /// What becomes of the live one where it is deleted or replaced.
    pub removal: Removal,
    /// Whether a module of its own carries it out.
    pub native: bool,
    /// Whether anything carries it out: a module, or the Cloud Control API. Where not, apply refuses before the first call.
    pub provisioned: bool,
    /// Whether it is a database, bucket, key or secret: what `protect` guards.
    pub stateful: bool,
    /// How what changes is rolled out, where that is more than a rolling update.
    pub deployment: Option<Deployment>,
}

/// What becomes of a resource that is no longer wanted: `DeletionPolicy`, for the old one of a replacement
/// `UpdateReplacePolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Removal {
    /// It is deleted.
    #[default]
    Delete,
    /// A final snapshot is taken, then it is deleted.
    Snapshot,
    /// It stays in AWS and leaves the state.
    Retain,
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
    /// It is changed by a deployment of another service, and in place where that is enough.
    Deploy,
    /// A new one takes its place.
    Replace(ReplaceOrder),
    /// It is deleted.
    Delete {
        /// Whether a final snapshot is taken first (`DeletionPolicy: Snapshot`).
        snapshot: bool,
    },
    /// It left the template, but its `DeletionPolicy` keeps it in AWS: it only leaves the state.
    Retain,
    /// It left the template and AWS has it no more: it only leaves the state.
    Forget,
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It is in the template and was never made.
    New,
    /// It was made, and AWS has it no more.
    GoneFromAws,
    /// It left the template.
    NotInTemplate,
    /// The whole environment is destroyed.
    Destroy,
    /// An interrupted or failed run left it incomplete, or AWS reports it as failed.
    Tainted,
    /// This property is changed in place.
    Property {
        /// Where.
        property: PropertyPath,
        /// The resource whose change causes it, where it is not the template's.
        cause: Option<Address>,
    },
    /// This property is changed by a deployment.
    Deployed {
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
    /// It could be changed in place, but it uses something that must be deleted before its successor can be made, and AWS
    /// refuses that deletion while it is used.
    Holds {
        /// Where it names what it holds.
        property: PropertyPath,
        /// What it holds.
        cause: Address,
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
    /// Of a property that is declared no more: AWS's default, where it is known.
    pub default: Option<Value>,
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
    /// Of what no template declares: what AWS had when the resource was last applied; `None`: nothing.
    pub was: Option<Value>,
    /// What is live.
    pub live: Option<Value>,
    /// Whether the template never spoke of it.
    pub undeclared: bool,
    /// What apply does about it.
    pub effect: Effect,
    /// Whether this run records it as seen instead.
    pub accepted: bool,
}

/// What apply does about drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It leaves it as it is.
    Nothing,
    /// It sets the property back in place.
    Update,
    /// It replaces the resource: AWS cannot set the property back in place.
    Replace,
    /// It makes the resource again.
    Create,
    /// It deletes the resource, which left the template.
    Delete,
}

/// A live value that stays although the template declares another.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// Where.
    pub property: PropertyPath,
    /// What the template declares.
    pub declared: Option<Value>,
    /// What AWS has.
    pub live: Option<Value>,
}

/// A resource that was replaced by an earlier run and is still there.
#[derive(Clone, Debug, PartialEq)]
pub struct Deposed {
    /// The address that its successor has.
    pub address: Address,
    /// Its CloudFormation type.
    pub type_name: String,
    /// AWS's identifier of the old one.
    pub physical_id: PhysicalId,
    /// What becomes of it.
    pub removal: Removal,
    /// What it used.
    pub dependencies: BTreeSet<Address>,
}

/// Why a plan must not be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// `protect`, or the stack's termination protection, guards what this plan would destroy.
    #[error("{address} ({type_name}) would be {what}, and {guard}")]
    Protected {
        /// The stateful resource.
        address: Address,
        /// Its type.
        type_name: String,
        /// `deleted` or `replaced`.
        what: &'static str,
        /// Who guards it.
        guard: Guard,
    },
    /// A protected environment is not destroyed.
    #[error("the environment is protected: it is not destroyed")]
    DestroyProtected,
    /// A stack with termination protection is not destroyed.
    #[error("the stack {0} has termination protection: it is not destroyed")]
    StackProtected(String),
    /// A service is deployed by CodeDeploy, and nothing says how.
    #[error(
        "{address}: {property} changes, which under the deployment controller CODE_DEPLOY only a CodeDeploy deployment can do, and {why}"
    )]
    NoDeploymentGroup {
        /// The service.
        address: Address,
        /// What changes.
        property: PropertyPath,
        /// Why no deployment can be made, and what to do.
        why: String,
    },
    /// Neither UpdateService nor an AppSpec can change it.
    #[error(
        "{address}: {property} changes, which under the deployment controller CODE_DEPLOY neither UpdateService nor an AppSpec can do: \
         give the service another name, so that a new one takes its place, or change the controller to ECS first"
    )]
    NotDeployable {
        /// The service.
        address: Address,
        /// What changes.
        property: PropertyPath,
    },
    /// There is nothing left whose drift could be accepted.
    #[error(
        "{address} is gone from AWS: there is nothing to accept; take it out of the template, or let apply make it again"
    )]
    NothingToAccept {
        /// The resource.
        address: Address,
    },
    /// A function failed once its arguments were known.
    #[error("{}: {}", .0.address.as_deref().unwrap_or_default(), .0.message)]
    Evaluation(Diagnostic),
}

/// Who keeps what holds data from being deleted or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// `protect = true` of the environment.
    Environment,
    /// `terminationProtection` of the stack.
    Stack,
}

impl std::fmt::Display for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Guard::Environment => "the environment is protected",
            Guard::Stack => "its stack has termination protection",
        })
    }
}

/// How many resources a plan touches, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Made, adopted included.
    pub create: usize,
    /// Changed in place.
    pub update: usize,
    /// Replaced.
    pub replace: usize,
    /// Deleted, what earlier runs left over included.
    pub delete: usize,
    /// Left alone, retained included.
    pub noop: usize,
    /// Differences between last applied and live.
    pub drift: usize,
}

impl Action {
    /// Whether it calls AWS for anything but reading.
    pub fn mutates(&self) -> bool {
        matches!(
            self,
            Action::Create
                | Action::Update
                | Action::Deploy
                | Action::Replace(_)
                | Action::Delete { .. }
        )
    }

    /// The name in JSON output (contracts.md).
    pub fn name(&self) -> &'static str {
        match self {
            Action::NoOp => "no-op",
            Action::Create => "create",
            Action::Update => "update",
            Action::Deploy => "deploy",
            Action::Replace(_) => "replace",
            Action::Delete { .. } | Action::Forget => "delete",
            Action::Retain => "retain",
            Action::Adopt(_) => "adopt",
        }
    }
}

impl Plan {
    /// Whether applying it would do nothing at all.
    pub fn is_noop(&self) -> bool {
        self.deposed.is_empty()
            && self
                .changes
                .values()
                .all(|change| change.action == Action::NoOp)
    }

    /// The counts for the summary line.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary {
            drift: self.drift.len(),
            delete: self.deposed.len(),
            ..Summary::default()
        };
        for change in self.changes.values() {
            *match change.action {
                Action::NoOp | Action::Retain => &mut summary.noop,
                Action::Create | Action::Adopt(_) => &mut summary.create,
                Action::Update | Action::Deploy => &mut summary.update,
                Action::Replace(_) => &mut summary.replace,
                Action::Delete { .. } | Action::Forget => &mut summary.delete,
            } += 1;
        }
        summary
    }

    /// The changes that are more than a no-op, by address.
    pub fn effective(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .values()
            .filter(|change| change.action != Action::NoOp)
    }

    /// Changes that nothing carries out: apply refuses before the first call, naming them.
    pub fn not_provisioned(&self) -> impl Iterator<Item = &Change> {
        self.changes
            .values()
            .filter(|change| !change.provisioned && change.action.mutates())
    }
}

/// One resource as AWS has it now, for the planner.
#[derive(Clone, Debug, PartialEq)]
pub struct Live {
    /// The model under the registry's names, read-only properties included.
    pub model: Value,
    /// AWS's reason, where AWS reports the resource as failed: it is replaced.
    pub failed: Option<String>,
    /// Whether a deployment is going on, so that what is live is not what stays.
    pub deploying: bool,
}

/// What refresh has read, deposed resources included. What stands in the state and not here was not read: the state's own
/// record of it stands in (`--no-refresh`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// By address and identifier; `None`: AWS does not have it.
    pub live: BTreeMap<(Address, PhysicalId), Option<Live>>,
    /// What plain parameters hold now, by region, where look-ups are read anew (`--refresh-lookups`): dynamic references
    /// that were applied with another value change. Empty: they stay as they were applied.
    pub looked_up: BTreeMap<(String, Lookup), String>,
}

/// What may differ from run to run.
#[derive(Clone, Copy)]
pub struct PlanOptions<'a> {
    /// Delete everything.
    pub destroy: bool,
    /// Only these and what they need (of a destroy: what needs them). Empty: everything.
    pub targets: &'a BTreeSet<Address>,
    /// `protect = true` of the environment.
    pub protect: bool,
    /// `--allow-destructive`.
    pub allow_destructive: bool,
    /// Resources whose drift is recorded as seen instead of being set back.
    pub accept_drift: &'a BTreeSet<Address>,
    /// The tags that the environment puts on every resource that can have tags.
    pub environment_tags: &'a BTreeMap<String, String>,
    /// Whether a secret in the open is what a hash of the state was made from.
    pub verify_secret: &'a (dyn Fn(&str, &str) -> bool + Send + Sync),
}

#[cfg(test)]
mod tests;
