//! One request in the world: what hooks and operations in code work with.

use crate::error::{Answer, Refusal};
use crate::kind::Kind;
use crate::path;
use crate::registry;
use crate::world::{Key, Record, World};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

/// A request, decoded, with the world that it acts upon.
#[derive(Debug)]
pub struct Call<'w> {
    /// Everything that the simulated AWS keeps.
    pub world: &'w mut World,
    /// The account of the caller.
    pub account: String,
    /// The region asked.
    pub region: String,
    /// The service's name.
    pub service: &'static str,
    /// The operation's name; empty in an event.
    pub operation: String,
    /// The request's members.
    pub input: Map<String, Json>,
    /// The access key that signed the request.
    pub access_key: String,
    /// The simulated time, in epoch seconds.
    pub now: f64,
    /// What the request identifies itself by: a digest of account, region, operation, members, and how often it was made.
    pub request_id: String,
}

impl<'w> Call<'w> {
    /// The call in which an event is handled.
    pub(crate) fn event(world: &'w mut World, key: &Key, now: f64) -> Call<'w> {
        Call {
            world,
            account: key.account.clone(),
            region: key.region.clone(),
            service: key
                .kind
                .split_once('/')
                .map_or(key.kind, |(service, _)| service),
            operation: String::new(),
            input: Map::new(),
            access_key: String::new(),
            now,
            request_id: String::new(),
        }
    }

    /// The AWS partition of the region.
    pub fn partition(&self) -> &'static str {
        if self.region.starts_with("cn-") {
            "aws-cn"
        } else if self.region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }

    /// The text at a path of the request.
    pub fn text(&self, path: &str) -> Option<&str> {
        path::text(&self.input, path)
    }

    /// The texts at a path of the request.
    pub fn texts(&self, path: &str) -> Vec<String> {
        path::texts(&self.input, path)
    }

    /// The kind of this name.
    ///
    /// # Panics
    /// When no service declares it: a mistake in the tables, not in a request.
    pub fn kind(&self, name: &str) -> &'static Kind {
        registry::kind(name).unwrap_or_else(|| panic!("no service declares the kind {name}"))
    }

    /// The key of a kind's record in the caller's account and region.
    pub fn key(&self, kind: &str, id: &str) -> Key {
        World::key(self.kind(kind), &self.account, &self.region, id)
    }

    /// The living record that goes by this identifier, ARN or alias.
    pub fn find(&self, kind: &str, name: &str) -> Option<&Record> {
        self.find_any(kind, name).filter(|record| !record.dead)
    }

    /// As [`Call::find`], dead ones included.
    pub fn find_any(&self, kind: &str, name: &str) -> Option<&Record> {
        let declared = registry::kind(kind)?;
        let name = match declared.resolve {
            Some(resolve) => resolve(self, name),
            None => name.to_owned(),
        };
        let id = self
            .world
            .lookup(kind, &self.account, &self.region, &name)?;
        self.world
            .get(&World::key(declared, &self.account, &self.region, &id))
    }

    /// As [`Call::find`]; AWS's not-found when there is none.
    pub fn need(&self, kind: &str, name: &str) -> Result<&Record, Refusal> {
        self.find(kind, name)
            .ok_or_else(|| self.kind(kind).not_found.with(&[("id", name)]))
    }

    /// The living records of a kind in the caller's account and region.
    pub fn list(&self, kind: &str) -> impl Iterator<Item = &Record> {
        self.world
            .records(kind, &self.account, &self.region)
            .filter(|record| !record.dead)
    }

    /// The living records of a kind whose member is this text. Quick when the path is one of the kind's references (any name of the
    /// other will do then), else all of the kind are looked at.
    pub fn list_where<'a>(
        &'a self,
        kind: &str,
        path: &'a str,
        text: &'a str,
    ) -> impl Iterator<Item = &'a Record> {
        let declared = registry::kind(kind);
        let reference = declared.and_then(|kind| kind.refers.iter().find(|one| one.path == path));
        let found: Vec<&Record> = match reference.and_then(|one| registry::kind(one.to)) {
            // What is a reference is indexed.
            Some(other) => {
                let id = self
                    .world
                    .lookup(other.name, &self.account, &self.region, text);
                let id = id.as_deref().unwrap_or(text);
                let key = World::key(other, &self.account, &self.region, id);
                let referrers = self.world.referring(&key).filter(|key| key.kind == kind);
                referrers.filter_map(|key| self.world.get(key)).collect()
            }
            None => self.list(kind).collect(),
        };
        let lookup = reference.map(|one| one.to);
        let id = move |name: &str| match lookup {
            Some(to) => self.world.lookup(to, &self.account, &self.region, name),
            None => None,
        };
        let wanted = id(text);
        found.into_iter().filter(move |record| {
            let mut names = path::texts(&record.body, path).into_iter();
            names.any(|name| name == text || (wanted.is_some() && id(&name) == wanted))
        })
    }

    /// Changes a record. Nothing happens when there is none.
    pub fn update(&mut self, kind: &str, id: &str, change: impl FnOnce(&mut Record)) {
        let key = self.key(kind, id);
        self.world.update(&key, change);
    }

    /// Takes a record away, whatever refers to it.
    pub fn remove(&mut self, kind: &str, id: &str) -> Option<Record> {
        let key = self.key(kind, id);
        self.world.remove(&key)
    }

    /// Makes a record of a kind as its create operation would (references, names, identifier, states), of these
    /// members. For what one service makes for another (a load balancer's network interfaces).
    pub fn make(&mut self, kind: &str, members: Json) -> Result<Record, Refusal> {
        let kind = self.kind(kind);
        let members = match members {
            Json::Object(members) => members,
            _ => Map::new(),
        };
        let (key, _) = crate::generic::make(self, kind, None, members)?;
        self.world
            .get(&key)
            .cloned()
            .ok_or_else(|| kind.not_found.with(&[("id", &key.id)]))
    }

    /// As [`Call::make`], as a part of another record ([`Record::part_of`]).
    pub fn make_part(&mut self, kind: &str, owner: &str, members: Json) -> Result<Record, Refusal> {
        let record = self.make(kind, members)?.part_of(owner);
        self.world.put(self.key(kind, &record.id), record.clone());
        Ok(record)
    }

    /// Deletes a record as its delete operation would: refused when something refers to it, states.
    pub fn delete(&mut self, kind: &str, id: &str) -> Result<(), Refusal> {
        let kind = self.kind(kind);
        let key = World::key(kind, &self.account, &self.region, id);
        crate::generic::remove(self, kind, &key)
    }

    /// A record as the API shows it: with tags and what is computed.
    pub fn show(&self, kind: &str, record: &Record) -> Json {
        crate::generic::show(self, self.kind(kind), record)
    }

    /// Runs another operation of the simulated AWS within this call, as the same caller.
    pub fn call(&mut self, service: &str, operation: &str, input: Json) -> Answer {
        let mut inner = Call {
            world: self.world,
            account: self.account.clone(),
            region: self.region.clone(),
            service: registry::service(service).map_or(self.service, |service| service.name),
            operation: operation.to_owned(),
            input: input.as_object().cloned().unwrap_or_default(),
            access_key: self.access_key.clone(),
            now: self.now,
            request_id: self.request_id.clone(),
        };
        crate::generic::dispatch(&mut inner)
    }

    /// 64 hexadecimal digits derived from account, region and these words, and from how often they were asked for:
    /// the same calls give the same digits, whatever ran in between.
    pub fn derive(&mut self, what: &str) -> String {
        let asked = digest(&[&self.account, &self.region, what]);
        let count = self
            .world
            .occurrences
            .entry(asked[..24].to_owned())
            .or_insert(0);
        let occurrence = count.to_string();
        *count += 1;
        digest(&[&asked, &occurrence])
    }
}

/// 64 hexadecimal digits of SHA-256.
pub fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A UUID made of digits that [`Call::derive`] gave.
pub fn uuid(digits: &str) -> String {
    format!(
        "{}-{}-4{}-a{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..32]
    )
}
