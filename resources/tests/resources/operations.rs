//! Whatever a native type may ask of AWS, the simulated AWS answers: a call that it does not know would show up only on
//! the rare paths that make it (a search after a crash, a read of what nobody declares).

use std::collections::BTreeSet;

use payctl_resources::TYPES;
use payctl_resources::definition::{Definition, Find, Mode};
use payctl_sandbox::registry;

/// The calls that a table names. Those of steps in Rust show in the types' round trips.
fn calls(definition: &'static Definition) -> BTreeSet<(&'static str, &'static str)> {
    let own = |operation| (definition.service, operation);
    let mut calls: BTreeSet<_> = [definition.create.operation, definition.delete.operation]
        .map(own)
        .into();
    calls.extend(
        definition
            .reads
            .iter()
            .map(|read| (read.load.service, read.load.operation)),
    );
    let updates = definition
        .updates
        .iter()
        .filter(|change| !matches!(change.mode, Mode::Elsewhere));
    calls.extend(updates.map(|change| own(change.operation)));
    if let Find::Lookup(load, _) = definition.find {
        calls.insert((load.service, load.operation));
    }
    calls.retain(|(_, operation)| !operation.is_empty());
    calls
}

#[test]
fn the_simulated_aws_knows_every_call_of_every_type() {
    let unknown: Vec<String> = TYPES
        .iter()
        .map(|resource| resource.definition())
        .flat_map(|definition| {
            calls(definition)
                .into_iter()
                .map(|call| (definition.type_name, call))
        })
        .filter(|(_, (service, operation))| registry::operation(service, operation).is_none())
        .map(|(type_name, (service, operation))| format!("{service}:{operation} of {type_name}"))
        .collect();
    assert!(
        unknown.is_empty(),
        "the simulated AWS does not know:\n{}",
        unknown.join("\n")
    );
}
