//! What the simulated AWS keeps: records by account and region, kind and identifier; their references and their timeline.

use crate::call::Call;
use crate::kind::{Kind, Unique};
use crate::path;
use crate::registry;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Names one record of the world.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The account, 12 digits.
    pub account: String,
    /// The region; empty for kinds that are global.
    pub region: String,
    /// The kind's name.
    pub kind: &'static str,
    /// The identifier.
    pub id: String,
}

/// One thing that AWS keeps.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Record {
    /// The identifier.
    pub id: String,
    /// The ARN; empty when the kind has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub arn: String,
    /// The members, under the API's names, as the describe shows them.
    pub body: Map<String, Json>,
    /// The tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// When it was made, in epoch seconds.
    pub created: f64,
    /// What is known of it but never shown.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub hidden: Map<String, Json>,
    /// What time will do to it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Deleted, though still described: it refers to nothing, blocks nothing and its names are free.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dead: bool,
    /// What it refers to. Kept by the world.
    #[serde(skip)]
    pub(crate) links: Vec<Key>,
}

/// What happens to a record at a time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// When, in epoch seconds.
    pub at: f64,
    /// Members that change: path and value (`null` takes away).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<(String, Json)>,
    /// An event that the kind's code handles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// It dies: described still, but refers to nothing.
    #[serde(default)]
    pub dies: bool,
    /// It is gone.
    #[serde(default)]
    pub gone: bool,
}

impl Step {
    /// Members change at this time.
    pub fn set(at: f64, path: &str, value: impl Into<Json>) -> Step {
        Step {
            at,
            set: vec![(path.to_owned(), value.into())],
            ..Step::default()
        }
    }

    /// The kind's `on_event` is called at this time.
    pub fn event(at: f64, event: &str) -> Step {
        Step {
            at,
            event: Some(event.to_owned()),
            ..Step::default()
        }
    }

    /// The record is gone at this time.
    pub fn gone(at: f64) -> Step {
        Step {
            at,
            gone: true,
            ..Step::default()
        }
    }
}

impl Record {
    /// The text at a path of the body; empty when there is none.
    pub fn text(&self, path: &str) -> &str {
        path::text(&self.body, path).unwrap_or_default()
    }

    /// Is the member at this path this text?
    pub fn is(&self, path: &str, text: &str) -> bool {
        path::text(&self.body, path) == Some(text)
    }

    /// Makes it part of another record, whose identifier stands here and to which it refers: it does not block deleting
    /// that one, and goes with it (a VPC's default security group).
    pub fn part_of(mut self, owner: &str) -> Record {
        self.hidden.insert("part of".into(), owner.into());
        self
    }

    /// See [`Record::part_of`].
    pub fn is_part_of(&self, owner: &str) -> bool {
        self.hidden.get("part of").and_then(Json::as_str) == Some(owner)
    }

    /// Sets a member of the body; `null` takes it away.
    pub fn set(&mut self, path: &str, value: impl Into<Json>) {
        path::set(&mut self.body, path, value.into());
    }

    /// The list at a member of the body.
    pub fn list(&self, member: &str) -> &[Json] {
        self.body
            .get(member)
            .and_then(Json::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// The list at a member of the body, made when there is none.
    pub fn list_mut(&mut self, member: &str) -> &mut Vec<Json> {
        let value = self
            .body
            .entry(member.to_owned())
            .or_insert_with(|| Json::Array(Vec::new()));
        if !value.is_array() {
            *value = Json::Array(Vec::new());
        }
        match value {
            Json::Array(items) => items,
            // Made an array just above.
            _ => unreachable!(),
        }
    }
}

/// A token that was used, and what was answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// Digest of the parameters.
    pub parameters: String,
    /// The first answer.
    pub answer: Json,
}

#[derive(Debug, Default)]
struct Table {
    records: BTreeMap<String, Record>,
    /// ARN or alias to identifier.
    names: HashMap<String, BTreeSet<String>>,
}

/// Everything. All changes of records go through [`World::put`], [`World::update`] and [`World::remove`], which keep the indexes.
#[derive(Debug, Default)]
pub struct World {
    tables: HashMap<&'static str, BTreeMap<(String, String), Table>>,
    referrers: HashMap<Key, BTreeSet<Key>>,
    arns: HashMap<String, Key>,
    due: BTreeSet<(u64, Key)>,
    /// How often the same request was made: what keeps identical creates apart.
    pub(crate) occurrences: HashMap<String, u32>,
    /// Used idempotency tokens by account, region, operation and token.
    pub(crate) tokens: HashMap<String, Token>,
    /// Accounts of temporary credentials, by access key.
    pub(crate) sessions: BTreeMap<String, Session>,
    /// Types that services of the simulated AWS keep themselves, so that Cloud Control does not.
    pub(crate) elsewhere: BTreeSet<String>,
}

/// Temporary credentials.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Session {
    /// The account of the role.
    pub account: String,
    /// The assumed role's ARN.
    pub arn: String,
    /// Role id and session name.
    pub user: String,
}

fn millis(at: f64) -> u64 {
    (at.max(0.0) * 1000.0).ceil() as u64
}

impl World {
    /// A record.
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.table(key.kind, &key.account, &key.region)?
            .records
            .get(&key.id)
    }

    /// The records of a kind, by identifier, dead ones included.
    pub fn records(
        &self,
        kind: &str,
        account: &str,
        region: &str,
    ) -> impl Iterator<Item = &Record> {
        self.table(kind, account, region)
            .into_iter()
            .flat_map(|table| table.records.values())
    }

    /// All records of all kinds, accounts and regions.
    pub fn all(&self) -> impl Iterator<Item = (Key, &Record)> {
        let mut kinds: Vec<&&'static str> = self.tables.keys().collect();
        kinds.sort();
        kinds.into_iter().flat_map(|kind| {
            self.tables[kind]
                .iter()
                .flat_map(|((account, region), table)| {
                    table.records.iter().map(|(id, record)| {
                        let key = Key {
                            account: account.clone(),
                            region: region.clone(),
                            kind,
                            id: id.clone(),
                        };
                        (key, record)
                    })
                })
        })
    }

    /// The identifier of the living record that goes by this identifier, ARN or alias.
    pub fn lookup(&self, kind: &str, account: &str, region: &str, name: &str) -> Option<String> {
        let table = self.table(kind, account, region)?;
        if let Some(record) = table.records.get(name) {
            return Some(record.id.clone());
        }
        let ids = table.names.get(name)?;
        let alive = ids
            .iter()
            .find(|id| table.records.get(*id).is_some_and(|record| !record.dead));
        alive.or_else(|| ids.first()).cloned()
    }

    /// The record of this ARN, of any kind.
    pub fn by_arn(&self, arn: &str) -> Option<&Key> {
        self.arns.get(arn)
    }

    /// The keys of who refers to this record.
    pub(crate) fn referring(&self, key: &Key) -> impl Iterator<Item = &Key> {
        self.referrers.get(key).into_iter().flatten()
    }

    /// Who has the same values in these unique members.
    pub(crate) fn sharing(
        &self,
        kind: &'static Kind,
        unique: &Unique,
        body: &Map<String, Json>,
        account: &str,
        region: &str,
    ) -> Vec<String> {
        let Some(table) = self.table(kind.name, account, region) else {
            return Vec::new();
        };
        table
            .names
            .get(&shared(unique, body))
            .map(|ids| ids.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Who refers to this record, whether that blocks or not.
    pub fn referrers(&self, key: &Key) -> Vec<Key> {
        self.referrers
            .get(key)
            .map(|keys| keys.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Stores a new record, or another in its place.
    pub fn put(&mut self, key: Key, mut record: Record) {
        self.remove(&key);
        let Some(kind) = registry::kind(key.kind) else {
            return;
        };
        record.id.clone_from(&key.id);
        record.links = if record.dead {
            Vec::new()
        } else {
            self.links(kind, &key, &record)
        };
        for link in &record.links {
            self.referrers
                .entry(link.clone())
                .or_default()
                .insert(key.clone());
        }
        for step in &record.steps {
            self.due.insert((millis(step.at), key.clone()));
        }
        if !record.arn.is_empty() {
            self.arns.insert(record.arn.clone(), key.clone());
        }
        let names = names(kind, &record);
        let tables = self.tables.entry(key.kind).or_default();
        let table = tables
            .entry((key.account.clone(), key.region.clone()))
            .or_default();
        for name in names {
            table.names.entry(name).or_default().insert(key.id.clone());
        }
        table.records.insert(key.id, record);
    }

    /// Changes a record. `None` when there is none.
    pub fn update<T>(&mut self, key: &Key, change: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let mut record = self.remove(key)?;
        let result = change(&mut record);
        self.put(key.clone(), record);
        Some(result)
    }

    /// Takes a record away.
    pub fn remove(&mut self, key: &Key) -> Option<Record> {
        let kind = registry::kind(key.kind)?;
        let table = self
            .tables
            .get_mut(key.kind)?
            .get_mut(&(key.account.clone(), key.region.clone()))?;
        let record = table.records.remove(&key.id)?;
        for name in names(kind, &record) {
            if let Some(ids) = table.names.get_mut(&name) {
                ids.remove(&key.id);
                if ids.is_empty() {
                    table.names.remove(&name);
                }
            }
        }
        for link in &record.links {
            if let Some(keys) = self.referrers.get_mut(link) {
                keys.remove(key);
                if keys.is_empty() {
                    self.referrers.remove(link);
                }
            }
        }
        for step in &record.steps {
            self.due.remove(&(millis(step.at), key.clone()));
        }
        if self.arns.get(&record.arn) == Some(key) {
            self.arns.remove(&record.arn);
        }
        Some(record)
    }

    /// Lets time pass: carries out the steps that are due, in the order of their times.
    pub fn advance(&mut self, now: f64) {
        while let Some((due, key)) = self.due.first().cloned() {
            // Milliseconds were rounded up, so a step is due at the earliest when it says.
            if due > millis(now) {
                break;
            }
            self.due.pop_first();
            let taken = self.update(&key, |record| {
                let (ready, rest): (Vec<Step>, Vec<Step>) = std::mem::take(&mut record.steps)
                    .into_iter()
                    .partition(|step| millis(step.at) <= due);
                record.steps = rest;
                for step in &ready {
                    for (path, value) in &step.set {
                        path::set(&mut record.body, path, value.clone());
                    }
                    record.dead |= step.dies;
                }
                ready
            });
            for step in taken.unwrap_or_default() {
                if let (Some(event), Some(code)) = (
                    &step.event,
                    registry::kind(key.kind).and_then(|kind| kind.on_event),
                ) {
                    let mut call = Call::event(self, &key, step.at);
                    code(&mut call, &key, event);
                }
                if step.gone {
                    self.remove(&key);
                }
            }
        }
    }

    /// The key under which a kind's record of this account and region is kept.
    pub fn key(kind: &'static Kind, account: &str, region: &str, id: &str) -> Key {
        let region = if kind.global {
            String::new()
        } else {
            region.to_owned()
        };
        Key {
            account: account.to_owned(),
            region,
            kind: kind.name,
            id: id.to_owned(),
        }
    }

    fn table(&self, kind: &str, account: &str, region: &str) -> Option<&Table> {
        let region = if registry::kind(kind)?.global {
            ""
        } else {
            region
        };
        self.tables
            .get(kind)?
            .get(&(account.to_owned(), region.to_owned()))
    }

    fn links(&self, kind: &'static Kind, key: &Key, record: &Record) -> Vec<Key> {
        let mut links = Vec::new();
        for reference in kind.refers {
            let Some(other) = registry::kind(reference.to) else {
                continue;
            };
            for name in path::texts(&record.body, reference.path) {
                let id = self
                    .lookup(other.name, &key.account, &key.region, &name)
                    .unwrap_or(name);
                let link = World::key(other, &key.account, &key.region, &id);
                if link != *key && !links.contains(&link) {
                    links.push(link);
                }
            }
        }
        links
    }
}

fn names(kind: &Kind, record: &Record) -> Vec<String> {
    let mut names: Vec<String> = kind
        .aliases
        .iter()
        .flat_map(|path| path::texts(&record.body, path))
        .collect();
    if !record.arn.is_empty() {
        names.push(record.arn.clone());
    }
    names.extend(
        kind.unique
            .iter()
            .map(|unique| shared(unique, &record.body)),
    );
    names
}

/// The values of unique members as a name that no request can give.
fn shared(unique: &Unique, body: &Map<String, Json>) -> String {
    let values = unique
        .members
        .iter()
        .map(|member| format!("{member}\u{1}{}", path::texts(body, member).join("\u{2}")));
    format!("\u{0}{}", values.collect::<Vec<_>>().join("\u{0}"))
}
