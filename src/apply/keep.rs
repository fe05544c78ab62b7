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
                // A successor may have the identifier of what it replaces: a route's, or a name that the template gives.
                let deposed = state.remove_deposed(&address, &id).is_some();
                if !deposed
                    && state
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
        protected: same.as_ref().is_some_and(|same| same.protected),
        accepted: same.map(|same| same.accepted).unwrap_or_default(),
    };
    state.resources.insert(resource.address, kept);
}

#[cfg(test)]
mod tests {
    use payctl_model::{Address, PhysicalId, Value};

    use super::*;
    use crate::apply::events::Verb;
    use crate::apply::log::{Entry, Intent};

    fn intent(operation: u64, verb: Verb) -> Entry {
        Entry::Intent(Box::new(Intent {
            operation,
            address: Address::new("r", "s", "Route"),
            verb,
            type_name: "AWS::EC2::Route".into(),
            incarnation: Some(Incarnation::from_bits(operation.into())),
            physical_id: (verb != Verb::Create).then(|| PhysicalId::from("rtb|0.0.0.0/0")),
            desired: (verb != Verb::Delete).then(Value::map),
            dependencies: Default::default(),
            deletion_policy: Default::default(),
            update_replace_policy: Default::default(),
            replaced: verb == Verb::Delete,
        }))
    }

    fn exists(operation: u64) -> Entry {
        Entry::Exists {
            operation,
            physical_id: "rtb|0.0.0.0/0".into(),
            attributes: Value::map(),
        }
    }

    #[test]
    fn a_successor_with_the_same_identifier_stays() {
        let address = Address::new("r", "s", "Route");
        let mut state = State::empty("p", "e", "lineage".into(), "salt".into());
        let created = [
            intent(0, Verb::Create),
            exists(0),
            Entry::Done { operation: 0 },
        ];
        take_in(&mut state, &Ledger::of(&created).unwrap());
        let replaced = [
            intent(1, Verb::Delete),
            Entry::Done { operation: 1 },
            intent(2, Verb::Replace),
            exists(2),
            Entry::Done { operation: 2 },
        ];
        take_in(&mut state, &Ledger::of(&replaced).unwrap());
        assert_eq!(
            state.resources[&address].incarnation,
            Incarnation::from_bits(2)
        );
        assert!(state.deposed.is_empty());
        // Where the successor was not made there is nothing.
        let refused = [intent(3, Verb::Delete), Entry::Done { operation: 3 }];
        take_in(&mut state, &Ledger::of(&refused).unwrap());
        assert!(state.is_empty());
    }
}
