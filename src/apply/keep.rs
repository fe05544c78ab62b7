//! What a run's ledger means for the state.

use payctl_model::Incarnation;
use payctl_state::{ResourceState, State, Status};

use super::ledger::{Ledger, Resource, StateChange};

/// Takes everything that is settled into the state.
pub fn take_in(state: &mut State, ledger: &Ledger) {
    for change in ledger.changes() {
        match change {
            StateChange::Put(resource) => put(state, *resource),
            StateChange::Depose(address, id) => {
                let has = state
                    .resources
                    .get(&address)
                    .is_some_and(|old| old.physical_id.as_ref() == Some(&id));
                if has && let Some(mut old) = state.resources.remove(&address) {
                    old.status = Status::Deposed;
                    state.deposed.entry(address).or_default().push(old);
                }
            }
            StateChange::Remove(address, id) => {
                state.remove_deposed(&address, &id);
                if state
                    .resources
                    .get(&address)
                    .is_some_and(|old| old.physical_id.as_ref() == Some(&id))
                {
                    state.resources.remove(&address);
                }
            }
        }
    }
}

fn put(state: &mut State, resource: Resource) {
    let old = state.resources.remove(&resource.address);
    let same = old.filter(|old| old.physical_id.as_ref() == Some(&resource.physical_id));
    let nothing_read = resource
        .attributes
        .as_map()
        .is_some_and(|map| map.is_empty());
    let kept = ResourceState {
        type_name: resource.type_name,
        physical_id: Some(resource.physical_id),
        incarnation: resource
            .incarnation
            .or_else(|| same.as_ref().map(|same| same.incarnation.clone()))
            .unwrap_or_else(|| Incarnation(String::new())),
        status: if resource.tainted {
            Status::Tainted
        } else {
            Status::Ok
        },
        last_applied: resource
            .last_applied
            .or_else(|| same.as_ref().map(|same| same.last_applied.clone()))
            .unwrap_or_else(payctl_model::Value::map),
        attributes: match &same {
            Some(same) if nothing_read => same.attributes.clone(),
            _ => resource.attributes,
        },
        dependencies: resource.dependencies,
        deletion_policy: resource.deletion_policy,
        update_replace_policy: resource.update_replace_policy,
        protected: same.is_some_and(|same| same.protected),
    };
    state.resources.insert(resource.address, kept);
}
