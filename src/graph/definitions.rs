//! The rules of the native types, from their definitions: the one place where the graph's knowledge of types comes from
//! `payctl_resources`.

use std::sync::LazyLock;

use payctl_model::PropertyPath;
use payctl_model::facts::{Provisioning, facts};
use payctl_resources::custom::{CDK, CustomResource};
use payctl_resources::definition;
use payctl_resources::{Resource, TYPES};

use super::{After, Conditional, Hops, Mention, Milestone, Rules, TypeRules};

impl Rules {
    /// The rules of every type that has a module.
    pub fn native() -> Rules {
        let custom: &dyn Resource = &CustomResource;
        TYPES
            .iter()
            .chain(CDK)
            .chain([&custom])
            .map(|resource| {
                let definition = resource.definition();
                (definition.type_name, rules(definition))
            })
            .collect::<Rules>()
            .with_cloud_control()
    }
}

impl TypeRules {
    /// The rules of a type without a module.
    pub(super) fn without_module(type_name: &str) -> &'static TypeRules {
        static NOTHING: LazyLock<TypeRules> = LazyLock::new(TypeRules::default);
        static MUTABLE: LazyLock<TypeRules> = LazyLock::new(TypeRules::through_cloud_control);
        static IMMUTABLE: LazyLock<TypeRules> = LazyLock::new(|| TypeRules {
            create_only: vec![PropertyPath::root()],
            ..TypeRules::through_cloud_control()
        });
        let facts = facts()
            .get(type_name)
            .filter(|_| payctl_resources::cloud_control::refusal(type_name).is_none());
        match facts.map(|facts| facts.provisioning) {
            None => &NOTHING,
            Some(Provisioning::Immutable) => &IMMUTABLE,
            Some(_) => &MUTABLE,
        }
    }

    /// Nobody knows what its handlers want to be there: CloudFormation calls them only when all that a resource refers to is
    /// complete.
    fn through_cloud_control() -> TypeRules {
        TypeRules {
            provisioned: true,
            needs_ready: vec![PropertyPath::root()],
            ..TypeRules::default()
        }
    }
}

fn rules(definition: &definition::Definition) -> TypeRules {
    let paths = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| PropertyPath::from(*text))
            .collect::<Vec<_>>()
    };
    let after = definition.after.iter().map(|after| After {
        type_name: after.type_name.to_owned(),
        mine: Hops::from(after.mine),
        theirs: Hops::from(after.theirs),
        milestone: match after.milestone {
            definition::Milestone::Accepted => Milestone::Accepted,
            definition::Milestone::Ready => Milestone::Ready,
        },
    });
    let mentions = |list: &[definition::Mention]| -> Vec<Mention> {
        let mentions = list.iter().map(|mention| Mention {
            property: PropertyPath::from(mention.property),
            type_name: mention.type_name.to_owned(),
            name: PropertyPath::from(mention.name),
        });
        mentions.collect()
    };
    TypeRules {
        native: true,
        remembered: definition.remembered,
        provisioned: true,
        needs_ready: definition
            .needs
            .iter()
            .map(|need| PropertyPath::from(need.property))
            .collect(),
        after: after.collect(),
        mentions: mentions(definition.mentions),
        stands_for: mentions(definition.stands_for),
        completes: paths(definition.completes),
        renews: definition
            .renews
            .iter()
            .map(|(path, attributes)| {
                let attributes = attributes.iter().map(|name| (*name).to_owned());
                (PropertyPath::from(*path), attributes.collect())
            })
            .collect(),
        unique: definition.unique.iter().map(|set| paths(set)).collect(),
        holds: paths(definition.holds),
        not_told: definition
            .not_told
            .iter()
            .map(|(path, _)| PropertyPath::from(*path))
            .collect(),
        create_only: definition
            .create_only
            .iter()
            .map(|(path, _)| PropertyPath::from(*path))
            .collect(),
        only_withdrawn: paths(definition.only_withdrawn),
        resets: definition
            .resets
            .iter()
            .filter_map(|(path, text)| {
                let default = serde_json::from_str::<serde_json::Value>(text).ok()?;
                Some((
                    PropertyPath::from(*path),
                    payctl_model::Value::from_json(&default),
                ))
            })
            .collect(),
        renewed_by_update: definition
            .renewed_by_update
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        conditional: definition
            .replaced_when
            .iter()
            .map(|(property, replaces)| Conditional {
                property: PropertyPath::from(*property),
                replaces: *replaces,
            })
            .collect(),
        renewed_by: definition
            .renewed_by
            .iter()
            .map(|(attribute, property)| ((*attribute).to_owned(), PropertyPath::from(*property)))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A misspelt property in a table would silently drop an edge.
    #[test]
    fn every_property_that_a_rule_names_exists() {
        let rules = Rules::native();
        for resource in TYPES {
            let type_name = resource.definition().type_name;
            let rules = rules.of(type_name);
            assert!(rules.native, "{type_name}");
            let facts = facts().get(type_name).unwrap();
            let first = rules.after.iter().filter_map(|after| after.mine.0.first());
            let sets = rules.unique.iter().flatten();
            let named = || rules.mentions.iter().chain(&rules.stands_for);
            let mentions = named().map(|mention| &mention.property);
            let renewing = rules.renews.iter().map(|(path, _)| path);
            let paths = first
                .chain(mentions)
                .chain(&rules.needs_ready)
                .chain(&rules.completes)
                .chain(&rules.holds)
                .chain(&rules.not_told)
                .chain(renewing)
                .chain(rules.renewed_by.iter().map(|(_, property)| property))
                .chain(sets);
            for path in paths {
                assert!(facts.schema_at(path).is_some(), "{type_name} has no {path}");
            }
            for Mention {
                type_name, name, ..
            } in named()
            {
                let other = self::facts().get(type_name).unwrap();
                assert!(other.schema_at(name).is_some(), "{type_name} has no {name}");
            }
        }
    }
}
