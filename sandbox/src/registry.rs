//! Which services, kinds and operations there are.

use crate::kind::{Kind, Operation, Service};
use crate::services::SERVICES;
use std::collections::HashMap;
use std::sync::OnceLock;

type Operations = HashMap<
    (&'static str, &'static str),
    (&'static Service, Option<&'static Kind>, &'static Operation),
>;

/// Every service that is simulated.
pub fn services() -> &'static [&'static Service] {
    SERVICES
}

/// The service of this name.
pub fn service(name: &str) -> Option<&'static Service> {
    SERVICES
        .iter()
        .copied()
        .find(|service| service.name == name)
}

/// The kind of this name: `ec2/subnet`.
pub fn kind(name: &str) -> Option<&'static Kind> {
    static KINDS: OnceLock<HashMap<&'static str, &'static Kind>> = OnceLock::new();
    KINDS
        .get_or_init(|| {
            SERVICES
                .iter()
                .flat_map(|service| service.kinds)
                .map(|kind| (kind.name, *kind))
                .collect()
        })
        .get(name)
        .copied()
}

/// The operation of this name, and the kind that it concerns.
pub fn operation(
    service: &str,
    name: &str,
) -> Option<(&'static Service, Option<&'static Kind>, &'static Operation)> {
    static OPERATIONS: OnceLock<Operations> = OnceLock::new();
    let operations = OPERATIONS.get_or_init(|| {
        SERVICES
            .iter()
            .flat_map(|service| {
                service.all_operations().map(move |(kind, operation)| {
                    ((service.name, operation.name), (*service, kind, operation))
                })
            })
            .collect()
    });
    operations.get(&(service, name) as &(&str, &str)).copied()
}
