//! What the state knows of a resource, as the planner looks at it.

use std::collections::BTreeMap;

use payctl_model::{Address, PhysicalId, PropertyPath, Value};
use payctl_state::{AcceptedDrift, Policy, ResourceState, State, Status};

use super::references::{self, Resolved};
use super::{Accepted, Deposed, Observed, Removal};

/// One live resource of the state. `in-doubt` ones without an identifier are none: apply settles them before it plans.
#[derive(Clone, Debug)]
pub(super) struct Prior {
    pub(super) type_name: String,
    pub(super) id: PhysicalId,
    pub(super) tainted: bool,
    /// What was last applied, dynamic references as what they stood for, secrets as hashes.
    pub(super) applied: Value,
    /// What was last applied, dynamic references as they are written.
    pub(super) texts: Value,
    /// What its dynamic references stood for.
    pub(super) resolved: Resolved,
    /// The model as it was read after the last apply.
    pub(super) recorded: Value,
    /// What it uses, with the properties that name it where they are known.
    pub(super) dependencies: BTreeMap<Address, Vec<PropertyPath>>,
    pub(super) removal: Removal,
    pub(super) protected: bool,
    /// Differences that somebody accepted, secrets as hashes.
    pub(super) accepted: Vec<Accepted>,
}

/// What refresh says of it.
pub(super) enum Seen<'a> {
    /// It was read.
    Live {
        model: &'a Value,
        failed: Option<&'a str>,
        /// A deployment is going on.
        deploying: bool,
    },
    /// AWS does not have it.
    Gone,
    /// It was not read.
    Unread,
}

impl Prior {
    pub(super) fn seen<'a>(&self, address: &Address, observed: &'a Observed) -> Seen<'a> {
        match observed.live.get(&(address.clone(), self.id.clone())) {
            Some(Some(live)) => Seen::Live {
                model: &live.model,
                failed: live.failed.as_deref(),
                deploying: live.deploying,
            },
            Some(None) => Seen::Gone,
            None => Seen::Unread,
        }
    }

    /// The model to plan with: what was read, else what was recorded over what was applied.
    pub(super) fn model(&self, address: &Address, observed: &Observed) -> Value {
        match self.seen(address, observed) {
            Seen::Live { model, .. } => model.clone(),
            Seen::Gone | Seen::Unread => {
                let mut model = self.applied.as_map().cloned().unwrap_or_default();
                model.extend(self.recorded.as_map().cloned().unwrap_or_default());
                Value::Map(model)
            }
        }
    }
}

/// The live resources of a state, and the deposed ones.
pub(super) fn priors(state: &State) -> (BTreeMap<Address, Prior>, Vec<Deposed>) {
    let live = state
        .resources
        .iter()
        .filter(|(_, resource)| resource.status != Status::Deposed);
    let live = live
        .filter_map(|(address, resource)| Some((address.clone(), prior(resource)?)))
        .collect();
    let deposed = state
        .deposed
        .iter()
        .flat_map(|(address, list)| list.iter().map(move |old| (address, old)));
    let beside = state
        .resources
        .iter()
        .filter(|(_, resource)| resource.status == Status::Deposed);
    let deposed = deposed
        .chain(beside)
        .filter_map(|(address, resource)| {
            Some(Deposed {
                address: address.clone(),
                type_name: resource.type_name.clone(),
                physical_id: resource.physical_id.clone()?,
                removal: removal(resource.update_replace_policy, resource.status),
                dependencies: resource.dependencies.keys().cloned().collect(),
            })
        })
        .collect();
    (live, deposed)
}

fn prior(resource: &ResourceState) -> Option<Prior> {
    let dependencies = resource.dependencies.iter().map(|(used, dependency)| {
        let properties = dependency
            .attributes
            .iter()
            .map(|(_, property)| PropertyPath::from(property.as_str()));
        (used.clone(), properties.collect())
    });
    Some(Prior {
        type_name: resource.type_name.clone(),
        id: resource.physical_id.clone()?,
        tainted: resource.status == Status::Tainted,
        applied: references::values(&resource.last_applied),
        texts: references::texts(&resource.last_applied),
        resolved: Resolved::of(&resource.last_applied),
        recorded: resource.attributes.clone(),
        dependencies: dependencies.collect(),
        removal: removal(resource.deletion_policy, resource.status),
        protected: resource.protected,
        accepted: resource.accepted.iter().map(accepted).collect(),
    })
}

fn accepted(kept: &AcceptedDrift) -> Accepted {
    Accepted {
        property: PropertyPath::from(kept.property.as_str()),
        declared: kept.declared.clone(),
        live: kept.live.clone(),
    }
}

fn removal(policy: Policy, status: Status) -> Removal {
    match policy {
        Policy::RetainExceptOnCreate if status == Status::Tainted => Removal::Delete,
        Policy::Retain | Policy::RetainExceptOnCreate => Removal::Retain,
        Policy::Snapshot => Removal::Snapshot,
        Policy::Delete => Removal::Delete,
    }
}
