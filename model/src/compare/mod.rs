//! [`compare`]: what a plan would change in a resource that declares one thing and reads like another.
//!
//! Two rules stand above all others. What AWS adds, reorders, rewrites or never returns is no change; a declared value that
//! really differs always is one. So every rule here rests on a fact of the schema, on the kind of value, or on how AWS documents that
//! it writes such values, never on one resource seen once.
//!
//! - [`scalar`] knows when two texts, numbers or booleans are the same;
//! - [`document`] compares JSON documents and policies by what they mean;
//! - [`transform`] reads the registry's own rules of how AWS rewrites a property.

pub mod document;
mod list;
mod names;
pub mod scalar;
mod tags;
pub mod transform;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use crate::facts::{Kind, Schema, TypeFacts};
use crate::path::PropertyPath;
use crate::value::{Secret, Value};

pub use self::tags::is_system_tag;
use self::tags::tags_of;

/// What a plan would do with one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// The declared values that differ, and those that are no longer declared.
    pub changes: Vec<Difference>,
    /// What is live and was never declared: drift at most, never a change.
    pub undeclared: Vec<Undeclared>,
    /// The properties whose declared value is not known yet: they may turn out to differ.
    pub follows: Vec<PropertyPath>,
}

/// One value that a plan would change.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where. Positions are those of the live list for items that both have, else those of the declared one.
    pub property: PropertyPath,
    /// What is wanted; `None` where it is no longer declared.
    pub declared: Option<Value>,
    /// What is live; `None` where nothing is.
    pub live: Option<Value>,
    /// Whether only a new resource can have the declared value.
    pub replaces: bool,
}

/// One value that only AWS, or somebody else, has set.
#[derive(Clone, Debug, PartialEq)]
pub struct Undeclared {
    /// Where, positions being those of the live list.
    pub property: PropertyPath,
    /// What it is.
    pub live: Value,
}

/// Whether a secret text has this hash. The state knows how it hashes.
pub type SameSecret<'a> = &'a (dyn Fn(&str, &str) -> bool + Send + Sync);

/// What else is known.
#[derive(Clone, Copy, Default)]
pub struct CompareOptions<'a> {
    /// The properties as they were last applied, secrets hashed: what write-only properties are compared with, and what
    /// tells that a property is no longer declared.
    pub last_applied: Option<&'a Value>,
    /// How a secret is compared with the hash of one.
    pub same_secret: Option<SameSecret<'a>>,
    /// Tags that the whole stack gives its resources: live though not declared.
    pub stack_tags: Option<&'a BTreeMap<String, String>>,
    /// Paths that this reading did not return: their absence says nothing.
    pub not_read: &'a [PropertyPath],
    /// Whether what deployments have moved stands in `declared` as it is live. Else several target groups, the declared one among
    /// them, are taken for a deployment's.
    pub deployments_known: bool,
}

/// Nothing is looked into deeper than this; what lies deeper must be equal as JSON.
const DEPTH: usize = 64;

/// Values compared for one resource, tries of matching items included. Far more than any real resource needs; beyond it values
/// must be equal as they are, so that no input takes long.
const BUDGET: usize = 2_000_000;

/// What a plan would change: `declared` are the template's properties, `live` is the model that AWS returned.
pub fn compare(
    facts: &TypeFacts,
    declared: &Value,
    live: &Value,
    options: &CompareOptions<'_>,
) -> Comparison {
    let budget = Cell::new(BUDGET);
    let mut walk = Walk {
        facts,
        options,
        budget: &budget,
        declared,
        quiet: false,
        found: Comparison::default(),
    };
    walk.value(
        Some(&facts.root),
        &PropertyPath::root(),
        declared,
        Some(live),
        DEPTH,
    );
    if let Some(last) = options.last_applied {
        walk.withdrawn(&PropertyPath::root(), last, declared, live, DEPTH);
    }
    walk.undeclared(
        Some(&facts.root),
        &PropertyPath::root(),
        declared,
        live,
        DEPTH,
    );
    walk.found
}

struct Walk<'a> {
    facts: &'a TypeFacts,
    options: &'a CompareOptions<'a>,
    declared: &'a Value,
    budget: &'a Cell<usize>,
    /// Whether only the presence of a difference matters: while list items are matched.
    quiet: bool,
    found: Comparison,
}

impl<'a> Walk<'a> {
    fn differs(&mut self, path: &PropertyPath, declared: Option<&Value>, live: Option<&Value>) {
        let below = |patterns: &[PropertyPath]| {
            patterns
                .iter()
                .any(|pattern| path.is_prefix_of(pattern) || pattern.is_prefix_of(&path.pattern()))
        };
        self.found.changes.push(Difference {
            property: path.clone(),
            declared: declared.cloned(),
            live: live.cloned(),
            replaces: self.facts.is_create_only(path)
                || live.is_none() && below(&self.facts.create_only),
        });
    }

    /// Whether the two are the same, without a word to the outside.
    fn same(
        &self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &Value,
        live: &Value,
        depth: usize,
    ) -> bool {
        let mut walk = self.quietly();
        walk.value(schema, path, declared, Some(live), depth);
        walk.found.changes.is_empty()
    }

    fn quietly(&self) -> Walk<'a> {
        Walk {
            facts: self.facts,
            options: self.options,
            budget: self.budget,
            declared: self.declared,
            quiet: true,
            found: Comparison::default(),
        }
    }

    fn value(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &Value,
        live: Option<&Value>,
        depth: usize,
    ) {
        // While matching, one difference is enough.
        if self.quiet && !self.found.changes.is_empty() {
            return;
        }
        self.budget.set(self.budget.get().saturating_sub(1));
        let Some(depth) = depth.checked_sub(1).filter(|_| self.budget.get() > 0) else {
            if live != Some(declared) {
                self.differs(path, Some(declared), live);
            }
            return;
        };
        let facts = self.facts;
        let schema = schema.map(|schema| facts.resolve(schema));
        if !path.is_root() && facts.is_read_only(path) {
            return;
        }
        if let Value::Unknown(_) = declared {
            self.found.follows.push(path.clone());
            return;
        }
        let Some(live) = live.filter(|live| !matches!(live, Value::Null)) else {
            return self.absent(schema, path, declared, depth);
        };
        if self.is_tags(schema, path) && self.tags(path, declared, live) {
            return;
        }
        match (declared, live) {
            (Value::Map(declared), Value::Map(live)) if !is_document(schema) => {
                self.map(schema, path, declared, live, depth);
            }
            (Value::List(items), Value::List(present)) if !is_document(schema) => {
                self.list(schema, path, items, present, depth);
            }
            // AWS may tell a number or a truth value where a secret text was given.
            (Value::Secret(Secret::Hashed(hash)), live) if live.to_text().is_some() => {
                let text = live.to_text().unwrap_or_default();
                if !self
                    .options
                    .same_secret
                    .is_some_and(|same| same(&text, hash))
                {
                    self.differs(path, Some(declared), Some(live));
                }
            }
            (Value::Secret(Secret::Plain(text)), live)
                if live.expose_str() == Some(text) || live.to_text().as_deref() == Some(text) => {}
            // AWS shows stars, or another stand-in, for what is write-only.
            _ if facts.is_write_only(path) && self.options.last_applied.is_some() => {
                self.write_only(path, declared)
            }
            _ => {
                if !self.leaf(schema, path, declared, live) {
                    self.differs(path, Some(declared), Some(live));
                }
            }
        }
    }

    /// A declared value that AWS does not show.
    fn absent(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &Value,
        depth: usize,
    ) {
        let facts = self.facts;
        if facts.is_write_only(path) || facts.is_sensitive(path) {
            return self.write_only(path, declared);
        }
        if self
            .options
            .not_read
            .iter()
            .any(|pattern| pattern.is_prefix_of(path))
        {
            return;
        }
        match declared {
            // What is not there and what is empty is the same to AWS's APIs.
            Value::Null => {}
            Value::String(text) if text.is_empty() => {}
            Value::List(items) if items.is_empty() => {}
            Value::Map(map) => {
                for (key, value) in map {
                    let schema = schema.and_then(|schema| facts.property(schema, key));
                    self.value(schema, &path.key(key), value, None, depth);
                }
            }
            Value::List(items) if self.is_partly_unreadable(path) => {
                let schema = schema.and_then(|schema| facts.items(schema));
                for (position, item) in items.iter().enumerate() {
                    self.value(schema, &path.index(position), item, None, depth);
                }
            }
            _ if self.is_tags(schema, path) && self.only_stack_tags(declared) => {}
            value
                if schema
                    .and_then(|schema| schema.default.as_ref())
                    .is_some_and(|default| scalar::same(default, value)) => {}
            _ => self.differs(path, Some(declared), None),
        }
    }

    fn is_partly_unreadable(&self, path: &PropertyPath) -> bool {
        let unreadable = self
            .facts
            .write_only
            .iter()
            .chain(self.options.not_read)
            .chain(&self.facts.read_only);
        let path = path.pattern();
        unreadable
            .into_iter()
            .any(|pattern| path.is_prefix_of(&pattern.pattern()))
    }

    /// A write-only property is compared with what was last applied.
    fn write_only(&mut self, path: &PropertyPath, declared: &Value) {
        let Some(last) = self.options.last_applied else {
            return;
        };
        let last = last.at(path);
        let same = last.is_some_and(|last| self.same_as_applied(declared, last));
        if !same {
            self.differs(path, Some(declared), None);
        }
    }

    fn same_as_applied(&self, declared: &Value, last: &Value) -> bool {
        match (declared, last) {
            (Value::Unknown(_), _) => true,
            (Value::Secret(Secret::Plain(text)), Value::Secret(Secret::Hashed(hash))) => self
                .options
                .same_secret
                .is_some_and(|same| same(text, hash)),
            (Value::String(text), Value::Secret(Secret::Hashed(hash))) => self
                .options
                .same_secret
                .is_some_and(|same| same(text, hash)),
            (Value::Map(declared), Value::Map(last)) => {
                declared.len() == last.len()
                    && declared.iter().all(|(key, value)| {
                        last.get(key)
                            .is_some_and(|last| self.same_as_applied(value, last))
                    })
            }
            (Value::List(declared), Value::List(last)) => {
                declared.len() == last.len()
                    && declared
                        .iter()
                        .zip(last)
                        .all(|(declared, last)| self.same_as_applied(declared, last))
            }
            (Value::Secret(_), Value::Secret(_)) => declared == last,
            _ => scalar::same(declared, last),
        }
    }

    fn map(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &BTreeMap<String, Value>,
        live: &BTreeMap<String, Value>,
        depth: usize,
    ) {
        let facts = self.facts;
        if !path.is_root() && is_other_choice(schema, declared, live) {
            let (declared, live) = (Value::Map(declared.clone()), Value::Map(live.clone()));
            return self.differs(path, Some(&declared), Some(&live));
        }
        for (key, value) in declared {
            let property = schema.and_then(|schema| facts.property(schema, key));
            let present = live.get(key).or_else(|| {
                let other = names::other(&facts.name, key);
                other
                    .iter()
                    .find_map(|name| live.get(name).filter(|_| !declared.contains_key(name)))
            });
            let known = self.options.deployments_known;
            if present.is_none() && names::said_otherwise(known, &facts.name, key, value, live) {
                continue;
            }
            self.value(property, &path.key(key), value, present, depth);
        }
    }

    /// A value that is no map or list on both sides.
    fn leaf(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &Value,
        live: &Value,
    ) -> bool {
        if document::is_json(declared) || document::is_json(live) || is_document(schema) {
            return document::same(declared, live);
        }
        match (declared, live) {
            // One value for a list of one, either way.
            (Value::List(items), live) if !matches!(live, Value::Map(_)) => {
                match items.as_slice() {
                    [] => is_empty(live),
                    [one] => self.leaf(schema, path, one, live),
                    _ => false,
                }
            }
            (declared, Value::List(items)) if !matches!(declared, Value::Map(_)) => {
                match items.as_slice() {
                    [] => is_empty(declared),
                    [one] => self.leaf(schema, path, declared, one),
                    _ => false,
                }
            }
            _ => {
                scalar::same_as_live(&self.facts.name, schema, path, declared, live)
                    || self.transformed(path, declared, live)
            }
        }
    }

    fn transformed(&self, path: &PropertyPath, declared: &Value, live: &Value) -> bool {
        let (Some(declared), Some(live)) = (declared.to_text(), live.to_text()) else {
            return false;
        };
        let mut rules = self
            .facts
            .transforms
            .iter()
            .filter(|(pattern, _)| pattern.matches(path));
        rules.any(|(_, rule)| transform::gives(rule, path, &declared, self.declared, &live))
    }

    /// What was applied before and is declared no more. AWS's default is nothing to go back to.
    fn withdrawn(
        &mut self,
        path: &PropertyPath,
        last: &Value,
        declared: &Value,
        live: &Value,
        depth: usize,
    ) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let facts = self.facts;
        let schema = facts.schema_at(path);
        if is_document(schema) {
            return;
        }
        if self.is_tags(schema, path) {
            let (Some(last), Some(declared), Some(live)) =
                (tags_of(last), tags_of(declared), tags_of(live))
            else {
                return;
            };
            let stack = |key: &str| {
                self.options
                    .stack_tags
                    .is_some_and(|tags| tags.contains_key(key))
            };
            let gone = last
                .keys()
                .filter(|key| !declared.contains_key(*key) && !is_system_tag(key) && !stack(key));
            let gone: Vec<_> = gone.filter_map(|key| live.get(key)).cloned().collect();
            for (position, value) in gone {
                let below = position
                    .into_iter()
                    .fold(path.clone(), |path, step| path.step(step));
                self.differs(&below, None, Some(&value));
            }
            return;
        }
        if let (Value::List(last), Value::List(declared), Value::List(live)) =
            (last, declared, live)
        {
            return self.withdrawn_items(schema, path, last, declared, live, depth);
        }
        let (Value::Map(last), Value::Map(declared), Value::Map(live)) = (last, declared, live)
        else {
            return;
        };
        for (key, last) in last {
            let below = path.key(key);
            let Some(live) = live.get(key).filter(|live| !is_empty(live)) else {
                continue;
            };
            match declared.get(key) {
                Some(declared) => self.withdrawn(&below, last, declared, live, depth),
                None if facts.is_read_only(&below) || facts.is_write_only(&below) => {}
                // Of all tags only those that were applied go: others may be the stack's, AWS's or payctl's own.
                None if self.is_tags(facts.schema_at(&below), &below) => {
                    self.withdrawn(&below, last, &Value::List(Vec::new()), live, depth);
                }
                None => {
                    let default = facts
                        .schema_at(&below)
                        .and_then(|schema| schema.default.as_ref());
                    if !default.is_some_and(|default| scalar::same(default, live)) {
                        self.differs(&below, None, Some(live));
                    }
                }
            }
        }
    }

    /// What is live and not declared, top down.
    fn undeclared(
        &mut self,
        schema: Option<&'a Schema>,
        path: &PropertyPath,
        declared: &Value,
        live: &Value,
        depth: usize,
    ) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let facts = self.facts;
        let schema = schema.map(|schema| facts.resolve(schema));
        if self.is_tags(schema, path) {
            let (Some(declared), Some(live)) = (tags_of(declared), tags_of(live)) else {
                return;
            };
            let stack = |key: &str| {
                self.options
                    .stack_tags
                    .is_some_and(|tags| tags.contains_key(key))
            };
            for (key, (position, value)) in &live {
                if !declared.contains_key(key) && !is_system_tag(key) && !stack(key) {
                    let below = position
                        .clone()
                        .into_iter()
                        .fold(path.clone(), |path, step| path.step(step));
                    self.found.undeclared.push(Undeclared {
                        property: below,
                        live: value.clone(),
                    });
                }
            }
            return;
        }
        if let (Value::List(declared), Value::List(live)) = (declared, live) {
            return self.undeclared_items(schema, path, declared, live, depth);
        }
        let (Value::Map(declared), Value::Map(live)) = (declared, live) else {
            return;
        };
        if is_document(schema) {
            return;
        }
        for (key, value) in live {
            let below = path.key(key);
            if facts.is_read_only(&below)
                || is_empty(value)
                || self
                    .found
                    .changes
                    .iter()
                    .any(|change| change.property == below)
            {
                continue;
            }
            let property = schema.and_then(|schema| facts.property(schema, key));
            let empty = match value {
                Value::List(_) => Value::List(Vec::new()),
                _ => Value::map(),
            };
            let other = || {
                declared.keys().any(|name| {
                    !live.contains_key(name) && names::other(&facts.name, name).contains(key)
                })
            };
            match declared.get(key) {
                None if other() => {}
                Some(declared) => self.undeclared(property, &below, declared, value, depth),
                None if self.is_tags(property, &below) => {
                    self.undeclared(property, &below, &empty, value, depth)
                }
                None if facts.primary_identifier.contains(&below) => {}
                None if property
                    .and_then(|schema| schema.default.as_ref())
                    .is_some_and(|default| scalar::same(default, value)) => {}
                None => self.found.undeclared.push(Undeclared {
                    property: below,
                    live: value.clone(),
                }),
            }
        }
    }
}

/// Whether a schema stands for a JSON document of any shape.
fn is_document(schema: Option<&Schema>) -> bool {
    schema.is_some_and(|schema| {
        schema.kinds.contains(&Kind::Object) && schema.is_free_form() && schema.parts_are_silent()
    })
}

/// Whether both choose by an empty map alone what else something is: `{Block: {}}` instead of `{Allow: {}}`. There what is empty says
/// something.
fn is_other_choice(
    schema: Option<&Schema>,
    declared: &BTreeMap<String, Value>,
    live: &BTreeMap<String, Value>,
) -> bool {
    let named = schema.is_some_and(|schema| !schema.properties.is_empty());
    let is_map = |value: &Value| matches!(value, Value::Map(_));
    named
        && !declared.is_empty()
        && !live.is_empty()
        && declared
            .values()
            .all(|value| is_map(value) && is_empty(value))
        && live.values().all(is_map)
        && declared.keys().all(|key| !live.contains_key(key))
}

/// What AWS's APIs do not tell from nothing at all.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(map) => map.values().all(is_empty),
        _ => false,
    }
}

/// The property names of a list's items, for matching them by name.
fn keys(items: &[Value]) -> BTreeSet<&str> {
    items
        .iter()
        .filter_map(Value::as_map)
        .flat_map(|map| map.keys().map(String::as_str))
        .collect()
}

#[cfg(test)]
mod tests;
