//! What AWS's handlers of a type can do, and so what can be done with it through the Cloud Control API.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;

/// The registry's `ProvisioningType` (CloudFormation API reference, DescribeType).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provisioning {
    /// It can be made, read, changed and deleted.
    #[default]
    FullyMutable,
    /// It has no update handler: whatever changes needs a new resource.
    Immutable,
    /// It lacks a handler that makes, reads or deletes it.
    NonProvisionable,
}

/// Of the pack's types those that are not fully mutable. The pack's own schemas leave `handlers` out; these were derived from the
/// same schemas as cfn-lint 1.58.0 ships them: NON_PROVISIONABLE without handlers that create, read and delete, IMMUTABLE without one
/// that updates.
static HANDLERS: &str = include_str!("handlers.txt");

impl Provisioning {
    /// Of a type's schema, or of the table where the schema does not say.
    pub(super) fn of(name: &str, schema: &Json) -> Provisioning {
        match schema["handlers"].as_object() {
            Some(handlers) => {
                let has = |names: &[&str]| names.iter().all(|name| handlers.contains_key(*name));
                match (has(&["create", "read", "delete"]), has(&["update"])) {
                    (false, _) => Provisioning::NonProvisionable,
                    (true, false) => Provisioning::Immutable,
                    (true, true) => Provisioning::FullyMutable,
                }
            }
            None => listed().get(name).copied().unwrap_or_default(),
        }
    }
}

fn listed() -> &'static BTreeMap<&'static str, Provisioning> {
    static LISTED: LazyLock<BTreeMap<&str, Provisioning>> = LazyLock::new(|| {
        let lines = HANDLERS.lines().filter_map(|line| line.split_once(' '));
        lines
            .map(|(name, kind)| match kind {
                "IMMUTABLE" => (name, Provisioning::Immutable),
                _ => (name, Provisioning::NonProvisionable),
            })
            .collect()
    });
    &LISTED
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::facts::facts;

    #[test]
    fn handlers_say_what_can_be_done() {
        let of = |schema: Json| Provisioning::of("Org::Some::Type", &schema);
        let all = json!({"handlers": {"create": {}, "read": {}, "update": {}, "delete": {}}});
        assert_eq!(of(all), Provisioning::FullyMutable);
        let no_update = json!({"handlers": {"create": {}, "read": {}, "delete": {}}});
        assert_eq!(of(no_update), Provisioning::Immutable);
        assert_eq!(
            of(json!({"handlers": {"create": {}}})),
            Provisioning::NonProvisionable
        );
    }

    /// A misspelt line would silently say nothing.
    #[test]
    fn every_listed_type_is_one() {
        assert_eq!(listed().len(), HANDLERS.lines().count());
        for (name, provisioning) in listed() {
            let facts = facts().get(name);
            assert_eq!(
                facts.map(|facts| facts.provisioning),
                Some(*provisioning),
                "{name}"
            );
        }
    }
}
