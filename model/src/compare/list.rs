//! Lists: in order, as sets, and as pairs of keys and values.

use std::collections::{BTreeSet, HashMap};

use crate::facts::{Kind, Schema};
use crate::path::PropertyPath;
use crate::value::Value;

use super::{Undeclared, Walk, keys, scalar};

/// Properties that name an item among its siblings, in the order in which they are tried.
const NAMES: &[&str] = &[
    "Id",
    "Name",
    "Key",
    "Sid",
    "RuleName",
    "PolicyName",
    "DeviceName",
    "Device",
    "VolumeId",
    "Cidr",
    "ContainerName",
    "IndexName",
    "AttributeName",
    "Type",
];

/// More items than this that match none exactly are compared by position only.
const MATCHED: usize = 400;

impl<'a> Walk<'a> {
    /// Two lists.
    pub(super) fn list(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) {
        let items = schema.and_then(|schema| self.facts.items(schema));
        let told: Vec<Value>;
        let declared = match declared.iter().any(|item| is_no_device(item, live)) {
            true => {
                let rest = declared.iter().filter(|item| !is_no_device(item, live));
                told = rest.cloned().collect();
                &told[..]
            }
            false => declared,
        };
        if schema.is_some_and(|schema| schema.attribute_list) || self.is_settings(items, path) {
            return self.settings(items, path, declared, live, depth);
        }
        if self.in_order(items, path, declared, live, depth) {
            for (position, (declared, live)) in declared.iter().zip(live).enumerate() {
                self.follow(items, &path.index(position), declared, live, depth);
            }
            return;
        }
        if !self.is_set(schema, path, declared, live)
            && !self.was_sorted(schema, path, declared, live, depth)
        {
            return self.by_position(items, path, declared, live, depth);
        }
        self.as_set(items, path, declared, live, depth);
    }

    /// Notes what is not known yet within two values that are otherwise the same.
    fn follow(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &Value,
        live: &Value,
        depth: usize,
    ) {
        if !self.quiet && declared.has_unknown() {
            self.value(schema, path, declared, Some(live), depth);
        }
    }

    fn in_order(
        &self,
        items: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) -> bool {
        declared.len() == live.len()
            && declared
                .iter()
                .zip(live)
                .enumerate()
                .all(|(position, (declared, live))| {
                    self.same(items, &path.index(position), declared, live, depth)
                })
    }

    /// Whether the order of a list means nothing: the schema says that AWS keeps none (`insertionOrder: false`), or that the
    /// items differ from each other (`uniqueItems`) without saying that AWS keeps their order, or every item is named.
    fn is_set(
        &self,
        schema: Option<&Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
    ) -> bool {
        if self.facts.is_unordered(path) {
            return true;
        }
        if schema.is_some_and(|schema| schema.insertion_order == Some(true)) {
            return false;
        }
        schema.is_some_and(|schema| schema.unique_items)
            || scalar::are_names(declared) && scalar::are_names(live)
            || scalar::are_constants(declared) && scalar::are_constants(live)
            || is_named(declared) && is_named(live)
    }

    /// Whether AWS keeps the list as a set and returns it sorted: the same items, in the order of the alphabet.
    fn was_sorted(
        &self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) -> bool {
        let texts: Vec<String> = live.iter().map(|item| item.to_json().to_string()).collect();
        if declared.len() != live.len()
            || !texts.is_sorted()
            || schema.is_some_and(|schema| schema.insertion_order == Some(true))
        {
            return false;
        }
        let mut walk = self.quietly();
        walk.as_set(
            schema.and_then(|schema| self.facts.items(schema)),
            path,
            declared,
            live,
            depth,
        );
        walk.found.changes.is_empty()
    }

    /// Lists of settings by their shape: a name (or key), a value, and at most what they belong to. A template names those that
    /// it wants otherwise than AWS's defaults. A metric's dimensions look the same but are one identity.
    fn is_settings(&self, items: Option<&Schema>, path: &PropertyPath) -> bool {
        let Some(items) = items else { return false };
        let identity = path
            .steps()
            .last()
            .is_some_and(|step| matches!(step, crate::Step::Key(key) if key == "Dimensions"));
        let scalars = || {
            items.properties.values().all(|schema| {
                let schema = self.facts.resolve(schema);
                !schema.allows(Kind::Array) && !schema.allows(Kind::Object)
            })
        };
        let has = |endings: &[&str]| {
            items
                .properties
                .keys()
                .any(|key| endings.iter().any(|ending| key.ends_with(ending)))
        };
        !identity
            && (2..=4).contains(&items.properties.len())
            && has(&["Name", "Key"])
            && has(&["Value"])
            && scalars()
    }

    fn by_position(
        &mut self,
        items: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) {
        if declared.len() != live.len() {
            let (declared, live) = (Value::List(declared.to_vec()), Value::List(live.to_vec()));
            return self.differs(path, Some(&declared), Some(&live));
        }
        for (position, (declared, live)) in declared.iter().zip(live).enumerate() {
            self.value(items, &path.index(position), declared, Some(live), depth);
        }
    }

    fn as_set(
        &mut self,
        items: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) {
        let mut by_text: HashMap<String, Vec<usize>> = HashMap::new();
        for (position, item) in live.iter().enumerate().rev() {
            by_text
                .entry(item.to_json().to_string())
                .or_default()
                .push(position);
        }
        let mut free: Vec<bool> = vec![true; live.len()];
        let mut rest = Vec::new();
        for (position, item) in declared.iter().enumerate() {
            match by_text
                .get_mut(&item.to_json().to_string())
                .and_then(Vec::pop)
            {
                Some(found) => free[found] = false,
                None => rest.push(position),
            }
        }
        let mut left: Vec<usize> = (0..live.len()).filter(|position| free[*position]).collect();
        if rest.len().max(left.len()) > MATCHED {
            return self.by_position(items, path, declared, live, depth);
        }
        rest.retain(|position| {
            let below = path.index(*position);
            let found = left.iter().position(|other| {
                self.same(items, &below, &declared[*position], &live[*other], depth)
            });
            let Some(found) = found else { return true };
            let other = left.remove(found);
            self.follow(items, &below, &declared[*position], &live[other], depth);
            false
        });
        // More things in a set than the template names are drift at most; more texts make another value.
        let things = left.iter().all(|other| live[*other].as_map().is_some());
        if rest.is_empty() && things {
            return;
        }
        if rest.len() <= left.len()
            && things
            && let Some(pairs) = pairs(&rest, &left, declared, live)
        {
            for (position, other) in pairs {
                self.value(
                    items,
                    &path.index(other),
                    &declared[position],
                    Some(&live[other]),
                    depth,
                );
            }
            return;
        }
        let (declared, live) = (Value::List(declared.to_vec()), Value::List(live.to_vec()));
        self.differs(path, Some(&declared), Some(&live));
    }

    /// Items that were applied before, are declared no more and are still there; and within those that stayed, what was taken
    /// out of them. Settings keep the value that they were given: AWS has no call that takes one back.
    pub(super) fn withdrawn_items(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        last: &[Value],
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) {
        let items = schema.and_then(|schema| self.facts.items(schema));
        let told = self
            .found
            .changes
            .iter()
            .any(|change| change.property == *path);
        if told
            || last.len().max(declared.len()).max(live.len()) > MATCHED
            || schema.is_some_and(|schema| schema.attribute_list)
            || self.is_settings(items, path)
        {
            return;
        }
        let mut wanted: Vec<(usize, &Value)> = declared.iter().enumerate().collect();
        let mut there: Vec<(usize, &Value)> = live.iter().enumerate().collect();
        // What is as before, then what has the same name, then what stands in the same place.
        let mut stayed = Vec::new();
        let mut gone: Vec<(usize, &Value)> = Vec::new();
        for (position, item) in last.iter().enumerate() {
            match wanted.iter().position(|(_, other)| *other == item) {
                Some(found) => {
                    let (position, item) = wanted.remove(found);
                    take_same(self, items, path, &mut there, position, item, depth);
                }
                None => gone.push((position, item)),
            }
        }
        gone.retain(|(position, item)| {
            let named = wanted.iter().position(|(_, other)| same_name(item, other));
            let placed = || wanted.iter().position(|(other, _)| other == position);
            let lone = || (last.len() == 1 && declared.len() == 1).then_some(0);
            let found = named.or_else(|| {
                (name_of(item).is_none() && declared.len() == last.len())
                    .then(placed)
                    .flatten()
                    .or_else(lone)
            });
            let Some(found) = found else { return true };
            stayed.push((*item, wanted.remove(found)));
            false
        });
        for (last, (position, item)) in stayed {
            let below = path.index(position);
            let same = there
                .iter()
                .position(|(_, other)| self.same(items, &below, item, other, depth));
            let named = || there.iter().position(|(_, other)| same_name(item, other));
            let placed = || there.iter().position(|(other, _)| *other == position);
            if let Some(found) = same.or_else(named).or_else(placed) {
                let (at, live) = there.remove(found);
                self.withdrawn(&path.index(at), last, item, live, depth);
            }
        }
        for (position, item) in gone {
            let below = path.index(position);
            let found = there.iter().position(|(_, other)| {
                other.as_map().is_some() && self.same(items, &below, item, other, depth)
            });
            if let Some(found) = found {
                let (at, live) = there.remove(found);
                self.differs(&path.index(at), None, Some(live));
            }
        }
    }

    /// The live items of a set that the template does not name.
    pub(super) fn undeclared_items(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) {
        let items = schema.and_then(|schema| self.facts.items(schema));
        let told = self
            .found
            .changes
            .iter()
            .any(|change| change.property == *path);
        if live.len() <= declared.len() || told || live.len() > MATCHED {
            return;
        }
        let mut open: Vec<&Value> = declared.iter().collect();
        for (position, item) in live
            .iter()
            .enumerate()
            .filter(|(_, item)| item.as_map().is_some())
        {
            let below = path.index(position);
            match open
                .iter()
                .position(|one| self.same(items, &below, one, item, depth))
            {
                Some(found) => drop(open.remove(found)),
                None if self
                    .found
                    .changes
                    .iter()
                    .any(|change| below.is_prefix_of(&change.property)) => {}
                None => self.found.undeclared.push(Undeclared {
                    property: below,
                    live: item.clone(),
                }),
            }
        }
    }

    /// Pairs of a key and a value, of which a template names those that it wants otherwise than AWS's defaults.
    fn settings(
        &mut self,
        items: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &[Value],
        live: &[Value],
        depth: usize,
    ) {
        let mut rest: Vec<&Value> = live.iter().collect();
        for (position, item) in declared.iter().enumerate() {
            let below = path.index(position);
            if let Some(found) = rest
                .iter()
                .position(|other| self.same(items, &below, item, other, depth))
            {
                rest.remove(found);
                continue;
            }
            let named = |other: &&Value| {
                let (Some(item), Some(other)) = (item.as_map(), other.as_map()) else {
                    return false;
                };
                item.iter().all(|(key, value)| {
                    key.ends_with("Value")
                        || other
                            .get(key)
                            .is_some_and(|other| scalar::same(value, other))
                })
            };
            let found = rest.iter().find(|other| named(other)).copied();
            let at =
                found.and_then(|found| live.iter().position(|other| std::ptr::eq(other, found)));
            self.value(
                items,
                &at.map_or(below, |at| path.index(at)),
                item,
                found,
                depth,
            );
        }
    }
}

/// Takes the live item out that a declared one stands for.
fn take_same(
    walk: &Walk<'_>,
    items: Option<&Schema>,
    path: &PropertyPath,
    there: &mut Vec<(usize, &Value)>,
    position: usize,
    item: &Value,
    depth: usize,
) {
    let below = path.index(position);
    let found = there
        .iter()
        .position(|(_, other)| walk.same(items, &below, item, other, depth));
    if let Some(found) = found {
        there.remove(found);
    }
}

fn name_of(item: &Value) -> Option<(&'static str, String)> {
    NAMES
        .iter()
        .find_map(|name| Some((*name, item.get(name)?.to_text()?)))
}

fn same_name(one: &Value, other: &Value) -> bool {
    name_of(one).is_some_and(|(name, text)| other.get(name).and_then(Value::to_text) == Some(text))
}

/// Properties that are an item's identity, so that its place in the list means nothing.
const IDENTITIES: &[&str] = &[
    "DeviceName",
    "Id",
    "VolumeId",
    "Cidr",
    "Priority",
    "IndexName",
    "AttributeName",
];

/// Whether an item only says that a device of an image is left out (`NoDevice`), or is a disk of the host (`VirtualName`): neither
/// is among the devices that AWS tells (EC2 API reference, BlockDeviceMapping and InstanceBlockDeviceMapping).
fn is_no_device(item: &Value, live: &[Value]) -> bool {
    let name = item.get("DeviceName");
    name.is_some()
        && (item.get("NoDevice").is_some() || item.get("VirtualName").is_some())
        && live.iter().all(|other| other.get("DeviceName") != name)
}

/// Whether every item has an identity of its own.
fn is_named(items: &[Value]) -> bool {
    IDENTITIES.iter().any(|name| {
        let names: BTreeSet<String> = items
            .iter()
            .filter_map(|item| item.get(name)?.to_text())
            .collect();
        names.len() == items.len()
    })
}

/// Pairs items that match none by the property that names them; by position where they are one each.
fn pairs(
    rest: &[usize],
    left: &[usize],
    declared: &[Value],
    live: &[Value],
) -> Option<Vec<(usize, usize)>> {
    if rest.is_empty() {
        return None;
    }
    if let ([one], [other]) = (rest, left)
        && declared[*one].as_map().is_some()
    {
        return Some(vec![(*one, *other)]);
    }
    let present = keys(declared);
    let by = NAMES.iter().find(|name| {
        present.contains(**name)
            && rest.iter().all(|position| {
                let mut same = left.iter().filter(|other| {
                    let name_of = |value: &Value| value.get(name).and_then(Value::to_text);
                    name_of(&declared[*position])
                        .is_some_and(|one| name_of(&live[**other]) == Some(one))
                });
                same.next().is_some() && same.next().is_none()
            })
    })?;
    let pair = |position: &usize| {
        let name = declared[*position].get(by)?.to_text()?;
        let other = left
            .iter()
            .find(|other| live[**other].get(by).and_then(Value::to_text).as_ref() == Some(&name))?;
        Some((*position, *other))
    };
    rest.iter().map(pair).collect()
}
