//! What differs between what is declared and what is live: the comparison of `payctl_model` with what the planner knows
//! besides: unknowns, secrets, what AWS never returns, what is no longer declared.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::compare::{CompareOptions, compare, scalar};
use payctl_model::facts::{TypeFacts, facts};
use payctl_model::{AttributeOf, PhysicalId, PropertyPath, Secret, Value};

use super::desired_form::{masked, masked_like, partner};
use crate::graph::{Conditional, touches};

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Difference {
    pub(super) property: PropertyPath,
    pub(super) declared: Option<Value>,
    pub(super) live: Option<Value>,
    pub(super) replaces: bool,
    /// Whether only a deployment changes it.
    pub(super) deploys: bool,
}

/// All differences.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Differences {
    pub(super) changes: Vec<Difference>,
    /// Live values of which the declaration does not speak.
    pub(super) undeclared: Vec<(PropertyPath, Value)>,
}

/// What both sides are.
pub(super) struct Sides<'a> {
    pub(super) type_name: &'a str,
    pub(super) declared: &'a Value,
    pub(super) live: &'a Value,
    /// What was last applied: it stands in for what AWS does not return.
    pub(super) applied: &'a Value,
    pub(super) verify_secret: &'a (dyn Fn(&str, &str) -> bool + Send + Sync),
    /// Whether an unknown attribute will be another than it is.
    pub(super) is_fresh: &'a dyn Fn(&AttributeOf) -> bool,
    /// Whether AWS cannot be asked about it: what is live is what was last applied.
    pub(super) remembered: bool,
    /// Patterns of what AWS takes and does not tell, besides the registry's write-only properties.
    pub(super) not_told: &'a [PropertyPath],
    /// Patterns of what only a new resource can have, besides what the registry calls create-only.
    pub(super) create_only: &'a [PropertyPath],
    /// Properties whose change needs a new resource in some cases.
    pub(super) conditional: &'a [Conditional],
    /// Patterns of what can be taken away in place, but not be given another value.
    pub(super) only_withdrawn: &'a [PropertyPath],
    /// What properties go back to when they are declared no more.
    pub(super) resets: &'a [(PropertyPath, Value)],
}

/// Compares. What shows a secret is masked; an unknown that is sure to become something else always makes a difference.
pub(super) fn differences(sides: &Sides<'_>) -> Differences {
    let Some(facts) = facts().get(sides.type_name) else {
        return Differences::default();
    };
    let live = with_untold(
        sides.not_told,
        sides.live,
        sides.applied,
        &PropertyPath::root(),
    );
    let declared = settled(sides.declared, Some(&live), sides.is_fresh).unwrap_or_else(Value::map);
    if sides.remembered {
        return told_otherwise(&declared, sides);
    }
    let options = CompareOptions {
        last_applied: (*sides.applied != Value::Null).then_some(sides.applied),
        same_secret: Some(sides.verify_secret),
        deployments_known: true,
        ..CompareOptions::default()
    };
    let compared = compare(&facts, &declared, &live, &options);
    let mut changes: Vec<Difference> = compared
        .changes
        .into_iter()
        .map(|change| Difference {
            property: change.property,
            declared: change.declared,
            live: change.live,
            replaces: change.replaces,
            deploys: false,
        })
        .collect();
    let mut follows = compared.follows;
    unknown_paths(&declared, &PropertyPath::root(), &mut follows);
    for property in follows {
        if changes
            .iter()
            .any(|change| touches(&change.property, &property))
        {
            continue;
        }
        changes.push(Difference {
            declared: declared.at(&property).cloned(),
            live: live.at(&property).cloned(),
            replaces: facts.is_create_only(&property),
            deploys: false,
            property,
        });
    }
    // What AWS never tells and is as it was applied: hashes of it cannot be compared otherwise than whole.
    changes.retain(|change| {
        !(facts.is_write_only(&change.property)
            && change.declared.as_ref() == sides.applied.at(&change.property))
    });
    // What is declared no more and is at its default already has nowhere to go back to.
    changes.retain(|change| {
        let (None, Some(live)) = (&change.declared, &change.live) else {
            return true;
        };
        !sides.resets.iter().any(|(property, default)| {
            *property == change.property && (default == live || scalar::same(default, live))
        })
    });
    changes.extend(withdrawn_untold(sides, &facts, &declared, &live));
    changes.sort_by(|a, b| a.property.cmp(&b.property));
    for change in &mut changes {
        let property = &change.property;
        change.replaces |= sides
            .create_only
            .iter()
            .any(|pattern| pattern.is_prefix_of(property));
        change.replaces |= sides.conditional.iter().any(|conditional| {
            conditional.property.is_prefix_of(property)
                && (conditional.replaces)(property, change.declared.as_ref(), &live)
        });
        let given = match &change.declared {
            None => false,
            Some(declared) => declared.as_str() != Some(""),
        };
        change.replaces |= given
            && sides
                .only_withdrawn
                .iter()
                .any(|pattern| pattern.is_prefix_of(property));
        // What is secret now, and what was secret when it was applied.
        for known in [
            change.declared.clone(),
            sides.applied.at(&change.property).cloned(),
        ] {
            if let (Some(live), Some(known)) = (&change.live, &known) {
                change.live = Some(masked_like(live, known));
            }
        }
        if facts.is_sensitive(&change.property) {
            change.live = change.live.take().map(|live| masked(&live));
            change.declared = change.declared.take().map(|declared| masked(&declared));
        }
    }
    let undeclared = compared
        .undeclared
        .into_iter()
        .filter(|undeclared| !facts.is_read_only(&undeclared.property))
        .map(
            |undeclared| match facts.is_sensitive(&undeclared.property) {
                true => (undeclared.property, masked(&undeclared.live)),
                false => (undeclared.property, undeclared.live),
            },
        )
        .collect();
    Differences {
        changes,
        undeclared,
    }
}

/// A provider was told something else when it was last asked. Nobody completes or rewrites what it was told: every word counts, but
/// whether a text, a number or a flag says it.
fn told_otherwise(declared: &Value, sides: &Sides<'_>) -> Differences {
    let none = BTreeMap::new();
    let (now, before) = (
        declared.as_map().unwrap_or(&none),
        sides.applied.as_map().unwrap_or(&none),
    );
    let names: BTreeSet<&String> = now.keys().chain(before.keys()).collect();
    let changes = names.into_iter().filter_map(|name| {
        let (now, before) = (now.get(name), before.get(name));
        let same = match (now, before) {
            (Some(now), Some(before)) => says_the_same(now, before, sides.verify_secret),
            (Some(one), None) | (None, Some(one)) => *one == Value::Null,
            (None, None) => true,
        };
        (!same).then(|| Difference {
            property: PropertyPath::root().key(name),
            declared: now.cloned(),
            live: before.cloned(),
            replaces: false,
            deploys: false,
        })
    });
    Differences {
        changes: changes.collect(),
        undeclared: Vec::new(),
    }
}

fn says_the_same(
    now: &Value,
    before: &Value,
    verify_secret: &(dyn Fn(&str, &str) -> bool + Send + Sync),
) -> bool {
    let same = |now: &Value, before: &Value| says_the_same(now, before, verify_secret);
    match (now, before) {
        (Value::Map(now), Value::Map(before)) => {
            now.len() == before.len()
                && now
                    .iter()
                    .all(|(name, now)| before.get(name).is_some_and(|before| same(now, before)))
        }
        (Value::List(now), Value::List(before)) => {
            now.len() == before.len()
                && now
                    .iter()
                    .zip(before)
                    .all(|(now, before)| same(now, before))
        }
        (Value::Secret(Secret::Hashed(now)), Value::Secret(Secret::Hashed(before))) => {
            now == before
        }
        (now, Value::Secret(Secret::Hashed(hash))) => match now
            .expose_str()
            .map(str::to_owned)
            .or_else(|| now.to_text())
        {
            Some(text) => verify_secret(&text, hash),
            None => false,
        },
        (Value::Unknown(_), _) => false,
        (now, before) => {
            now == before || now.to_text().is_some() && now.to_text() == before.to_text()
        }
    }
}

/// What AWS does not tell, was applied and is declared no more: it goes back to its default, where it has one.
fn withdrawn_untold(
    sides: &Sides<'_>,
    facts: &TypeFacts,
    declared: &Value,
    live: &Value,
) -> Vec<Difference> {
    let gone = sides.resets.iter().filter(|(property, default)| {
        let applied = sides.applied.at(property);
        facts.is_write_only(property)
            && declared.at(property).is_none()
            && applied
                .is_some_and(|applied| applied != default && applied.to_text() != default.to_text())
    });
    let withdrawn = sides.only_withdrawn.iter().filter(|property| {
        let applied = sides.applied.at(property);
        facts.is_write_only(property)
            && declared.at(property).is_none()
            && applied.is_some_and(|applied| applied.as_str() != Some(""))
    });
    let gone = gone.map(|(property, _)| property).chain(withdrawn);
    gone.map(|property| Difference {
        property: property.clone(),
        declared: None,
        live: live
            .at(property)
            .or_else(|| sides.applied.at(property))
            .cloned(),
        replaces: false,
        deploys: false,
    })
    .collect()
}

fn unknown_paths(declared: &Value, path: &PropertyPath, found: &mut Vec<PropertyPath>) {
    match declared {
        Value::Unknown(_) if !found.contains(path) => found.push(path.clone()),
        Value::Map(map) => map
            .iter()
            .for_each(|(key, value)| unknown_paths(value, &path.key(key), found)),
        Value::List(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(i, item)| unknown_paths(item, &path.index(i), found));
        }
        _ => {}
    }
}

/// How what is live differs from what was recorded when the resource was last applied, which stands as `declared`.
pub(super) fn since(sides: &Sides<'_>) -> Differences {
    differences(&Sides {
        applied: &Value::Null,
        ..*sides
    })
}

/// The identifier that follows from what is declared; `None` while AWS decides a part of it.
pub(super) fn declared_id(type_name: &str, declared: &Value) -> Option<PhysicalId> {
    let facts = facts().get(type_name)?;
    let follows = |path: &PropertyPath| {
        declared.at(path).is_some_and(|value| !value.has_unknown())
            && !is_rewritten_by(&facts, path)
    };
    facts
        .primary_identifier
        .iter()
        .all(follows)
        .then(|| facts.identifier(declared))
        .flatten()
}

/// The registry's `default` of a property.
pub(super) fn default_of(type_name: &str, property: &PropertyPath) -> Option<Value> {
    facts().get(type_name)?.schema_at(property)?.default.clone()
}

/// Whether it is a database, bucket, key or secret.
pub(super) fn is_stateful(type_name: &str) -> bool {
    facts().get(type_name).is_some_and(|facts| facts.stateful)
}

/// Whether its registry schema says that a replacement deletes first (`replacementStrategy`).
pub(super) fn is_deleted_then_created(type_name: &str) -> bool {
    facts()
        .get(type_name)
        .is_some_and(|facts| facts.delete_then_create)
}

/// Property sets that identify a resource of this type: its identifiers, as far as a template gives them, and a name of its
/// own (`Name`, or what the type's name ends with and `Name`: the `GroupName` of a security group, not the `KeyName` of an
/// instance).
pub(super) fn identifying(type_name: &str) -> Vec<Vec<PropertyPath>> {
    let Some(facts) = facts().get(type_name) else {
        return Vec::new();
    };
    let is_given = |path: &PropertyPath| !facts.is_read_only(path);
    let primary = std::iter::once(&facts.primary_identifier).chain(&facts.additional_identifiers);
    let mut sets: Vec<Vec<PropertyPath>> = primary
        .filter(|set| !set.is_empty() && set.iter().all(is_given))
        .cloned()
        .collect();
    let last = type_name.rsplit("::").next().unwrap_or_default();
    let names = facts.root.properties.keys().filter(|key| {
        key.strip_suffix("Name")
            .is_some_and(|stem| last.ends_with(stem))
            && facts.is_create_only(&PropertyPath::root().key(*key))
    });
    sets.extend(names.map(|key| vec![PropertyPath::root().key(key)]));
    sets
}

/// What `Ref` returns.
pub(super) fn reference(type_name: &str, model: &Value, id: &PhysicalId) -> Option<Value> {
    match facts().get(type_name) {
        Some(facts) => facts.reference(model, id),
        None => Some(Value::from(id.as_str())),
    }
}

/// Whether AWS writes this property otherwise than a template may (letter case, ARN for name).
pub(super) fn is_rewritten(type_name: &str, path: &PropertyPath) -> bool {
    facts()
        .get(type_name)
        .is_none_or(|facts| is_rewritten_by(&facts, path))
}

fn is_rewritten_by(facts: &TypeFacts, path: &PropertyPath) -> bool {
    facts
        .transforms
        .iter()
        .any(|(pattern, _)| touches(pattern, path))
        || facts.is_read_only(path)
}

/// `live` with what AWS takes and does not tell taken from what was last applied.
fn with_untold(
    untold: &[PropertyPath],
    live: &Value,
    applied: &Value,
    path: &PropertyPath,
) -> Value {
    if untold.is_empty() {
        return live.clone();
    }
    match (live, applied) {
        (Value::Map(live), Value::Map(applied)) => {
            let mut live = live.clone();
            for (key, applied) in applied {
                let path = path.key(key);
                match live.get_mut(key) {
                    Some(inner) => *inner = with_untold(untold, inner, applied, &path),
                    None if untold.iter().any(|pattern| touches(pattern, &path)) => {
                        live.insert(key.clone(), applied.clone());
                    }
                    None => {}
                }
            }
            Value::Map(live)
        }
        (Value::List(live), Value::List(applied)) if applied.len() == live.len() => {
            let filled = |(i, item)| match partner(applied, item, i) {
                Some(applied) => with_untold(untold, item, applied, &path.index(i)),
                None => item.clone(),
            };
            Value::List(live.iter().enumerate().map(filled).collect())
        }
        _ => live.clone(),
    }
}

/// `declared` with the unknowns that will not change taken from what is live; `None` where nothing is left.
fn settled(
    declared: &Value,
    live: Option<&Value>,
    is_fresh: &dyn Fn(&AttributeOf) -> bool,
) -> Option<Value> {
    match declared {
        Value::Unknown(of) if !of.iter().any(is_fresh) => live.cloned(),
        Value::Map(map) => Some(Value::Map(
            map.iter()
                .filter_map(|(key, value)| {
                    Some((
                        key.clone(),
                        settled(value, live.and_then(|live| live.get(key)), is_fresh)?,
                    ))
                })
                .collect(),
        )),
        Value::List(items) => {
            let others = live.and_then(Value::as_list).unwrap_or_default();
            Some(Value::List(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(i, item)| settled(item, partner(others, item, i), is_fresh))
                    .collect(),
            ))
        }
        other => Some(other.clone()),
    }
}
