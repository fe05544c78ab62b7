//! How an operation is declared.

use super::{Does, Missing, Paging, Shows};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json};

/// Computes members of a record whenever it is shown.
pub type Show = fn(&Call, &Record, &mut Map<String, Json>);
/// Makes an identifier from the record's members and 64 hexadecimal digits.
pub type MakeId = fn(&Call, &Map<String, Json>, &str) -> Result<String, Refusal>;
/// A hook on the request's members before anything is done with them.
pub type Before = fn(&mut Call, &mut Map<String, Json>) -> Result<(), Refusal>;
/// A hook on the record before it is stored (create, modify) or deleted.
pub type Prepare = fn(&mut Call, &mut Record) -> Result<(), Refusal>;
/// A hook after the record was stored or deleted.
pub type Done = fn(&mut Call, &Key) -> Result<(), Refusal>;
/// A rule that lets a record through.
pub type Keep = fn(&Call, &Record) -> bool;

/// One operation. Built with [`create`], [`describe`], [`get`], [`modify`], [`delete`], [`tag`], [`untag`], [`list_tags`], [`run`] and the
/// methods.
#[derive(Debug)]
pub struct Operation {
    /// Its name in the API.
    pub name: &'static str,
    /// What it does.
    pub does: Does,
    /// The request's member that names the record, or the records (a list).
    pub key: &'static str,
    /// Further members of a describe that select: (request's member, path in the record).
    pub select: &'static [(&'static str, &'static str)],
    /// What the answer holds.
    pub shows: Shows,
    /// Members that are stored under another name: (request's, record's).
    pub rename: &'static [(&'static str, &'static str)],
    /// Members of the request that are not stored.
    pub control: &'static [&'static str],
    /// EC2's filters: (name, path in the record). `tag:…`, `tag-key` are understood always.
    pub filters: Option<&'static [(&'static str, &'static str)]>,
    /// Pages.
    pub paging: Option<Paging>,
    /// What happens when a named record is not there.
    pub missing: Missing,
    /// The request's member with tags ([`tag`]) or with their keys ([`untag`]), the answer's ([`list_tags`]).
    pub tags: &'static str,
    /// See [`Before`].
    pub before: Option<Before>,
    /// See [`Prepare`].
    pub prepare: Option<Prepare>,
    /// See [`Done`].
    pub done: Option<Done>,
    /// Further rule of a describe.
    pub keep: Option<Keep>,
}

const fn operation(name: &'static str, does: Does, shows: Shows) -> Operation {
    Operation {
        name,
        does,
        key: "",
        select: &[],
        shows,
        rename: &[],
        control: &[],
        filters: None,
        paging: None,
        missing: Missing::Refused,
        tags: "",
        before: None,
        prepare: None,
        done: None,
        keep: None,
    }
}

/// Makes a record; shows it under `shows`.
pub const fn create(name: &'static str, shows: Shows) -> Operation {
    operation(name, Does::Create, shows)
}

/// Shows the records named by `key` (all without), listed under `list`.
pub const fn describe(name: &'static str, key: &'static str, list: &'static str) -> Operation {
    operation(name, Does::Describe, Shows::List(list)).key(key)
}

/// Shows the one record named by `key`.
pub const fn get(name: &'static str, key: &'static str, shows: Shows) -> Operation {
    operation(name, Does::Get, shows).key(key)
}

/// Merges the request into the record named by `key`.
pub const fn modify(name: &'static str, key: &'static str, shows: Shows) -> Operation {
    operation(name, Does::Modify, shows).key(key)
}

/// Deletes the record named by `key`.
pub const fn delete(name: &'static str, key: &'static str, shows: Shows) -> Operation {
    operation(name, Does::Delete, shows).key(key)
}

/// Adds the tags in `tags` to what `key` names (identifier, ARN, or a list of them).
pub const fn tag(name: &'static str, key: &'static str, tags: &'static str) -> Operation {
    operation(name, Does::Tag, Shows::Nothing)
        .key(key)
        .tags(tags)
}

/// Takes away the tags whose keys stand in `keys`.
pub const fn untag(name: &'static str, key: &'static str, keys: &'static str) -> Operation {
    operation(name, Does::Untag, Shows::Nothing)
        .key(key)
        .tags(keys)
}

/// Shows the tags of what `key` names under `tags`, in the kind's own form.
pub const fn list_tags(name: &'static str, key: &'static str, tags: &'static str) -> Operation {
    operation(name, Does::ListTags, Shows::Nothing)
        .key(key)
        .tags(tags)
}

/// Code answers.
pub const fn run(name: &'static str, code: fn(&mut Call) -> Answer) -> Operation {
    operation(name, Does::Run(code), Shows::Nothing)
}

impl Operation {
    /// See [`Operation::key`].
    pub const fn key(mut self, member: &'static str) -> Operation {
        self.key = member;
        self
    }

    /// See [`Operation::tags`].
    pub const fn tags(mut self, member: &'static str) -> Operation {
        self.tags = member;
        self
    }

    /// See [`Operation::select`].
    pub const fn select(mut self, members: &'static [(&'static str, &'static str)]) -> Operation {
        self.select = members;
        self
    }

    /// See [`Operation::shows`].
    pub const fn shows(mut self, shows: Shows) -> Operation {
        self.shows = shows;
        self
    }

    /// See [`Operation::rename`].
    pub const fn rename(mut self, members: &'static [(&'static str, &'static str)]) -> Operation {
        self.rename = members;
        self
    }

    /// See [`Operation::control`].
    pub const fn control(mut self, members: &'static [&'static str]) -> Operation {
        self.control = members;
        self
    }

    /// See [`Operation::filters`].
    pub const fn filters(mut self, filters: &'static [(&'static str, &'static str)]) -> Operation {
        self.filters = Some(filters);
        self
    }

    /// See [`Operation::paging`].
    pub const fn paging(mut self, paging: Paging) -> Operation {
        self.paging = Some(paging);
        self
    }

    /// See [`Operation::missing`].
    pub const fn missing(mut self, missing: Missing) -> Operation {
        self.missing = missing;
        self
    }

    /// See [`Before`].
    pub const fn before(mut self, hook: Before) -> Operation {
        self.before = Some(hook);
        self
    }

    /// See [`Prepare`].
    pub const fn prepare(mut self, hook: Prepare) -> Operation {
        self.prepare = Some(hook);
        self
    }

    /// See [`Done`].
    pub const fn done(mut self, hook: Done) -> Operation {
        self.done = Some(hook);
        self
    }

    /// See [`Keep`].
    pub const fn keep(mut self, hook: Keep) -> Operation {
        self.keep = Some(hook);
        self
    }
}
