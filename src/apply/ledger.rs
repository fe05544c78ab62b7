//! [`Ledger`]: the journal's entries folded, by one pure function, while a run goes on and when a later one recovers.
//!
//! [`Ledger::after`] takes an entry in; `verdict` says what came of an operation; [`Ledger::changes`] says what
//! that means for the state. What is impossible is an error: a journal is never guessed at.

use std::collections::BTreeMap;

use payctl_model::facts::is_custom;
use payctl_model::{Address, Incarnation, PhysicalId, Value};
use payctl_state::{Dependency, Policy};

use super::events::Verb;
use super::log::{Entry, Intent, OperationId};

/// What is written of all operations of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    operations: BTreeMap<OperationId, Written>,
}

/// What is written of one operation.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// What it was to do.
    pub intent: Intent,
    /// What exists, with its model.
    pub exists: Option<(PhysicalId, Value)>,
    /// Calls without an answer, in the order in which they went out.
    pub unanswered: Vec<String>,
    /// Whether a call was answered and not refused.
    pub acted: bool,
    /// How it ended.
    pub end: Option<End>,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// Well.
    Done,
    /// It failed.
    Failed {
        /// Why.
        reason: String,
        /// What was made and must be replaced.
        tainted: Option<PhysicalId>,
    },
}

/// What came of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ended, or what it left is known.
    Settled,
    /// It went on to call AWS, and the answer is missing: AWS has to be asked.
    InDoubt,
    /// It never called AWS.
    Untouched,
}

/// What a settled operation means for the state.
#[derive(Clone, Debug, PartialEq)]
pub enum StateChange {
    /// The address has this resource now.
    Put(Box<Resource>),
    /// What the address had has a successor: it is still in AWS and has to be deleted.
    Depose(Address, PhysicalId),
    /// The address's resource, or the deposed one, with this identifier is no longer payctl's.
    Remove(Address, PhysicalId),
}

/// A resource as the state keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// Which resource.
    pub address: Address,
    /// Its type.
    pub type_name: String,
    /// AWS's identifier.
    pub physical_id: PhysicalId,
    /// Its incarnation; `None` where the one in the state holds.
    pub incarnation: Option<Incarnation>,
    /// Whether it must be replaced.
    pub tainted: bool,
    /// What the template asked for; secrets as hashes. `None` where the one in the state holds.
    pub last_applied: Option<Value>,
    /// The model; empty where only the identifier is known.
    pub attributes: Value,
    /// What it needs of others.
    pub dependencies: BTreeMap<Address, Dependency>,
    /// What becomes of it when it leaves the template.
    pub deletion_policy: Policy,
    /// What becomes of it when it is replaced.
    pub update_replace_policy: Policy,
}

/// An entry that cannot follow what is written before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal contradicts itself at operation {operation}: {what}")]
pub struct Impossible {
    /// Of which operation.
    pub operation: OperationId,
    /// What is wrong.
    pub what: &'static str,
}

impl Ledger {
    /// Takes one more entry in.
    ///
    /// # Errors
    /// Where it cannot follow what is written already.
    pub fn after(&mut self, entry: &Entry) -> Result<(), Impossible> {
        let operation = entry.operation();
        let impossible = |what| Err(Impossible { operation, what });
        if let Entry::Intent(intent) = entry {
            let written = Written {
                intent: (**intent).clone(),
                exists: None,
                unanswered: Vec::new(),
                acted: false,
                end: None,
            };
            return match self.operations.insert(operation, written) {
                None => Ok(()),
                Some(_) => impossible("a second intent"),
            };
        }
        let Some(written) = self.operations.get_mut(&operation) else {
            return impossible("no intent");
        };
        if written.end.is_some() {
            return impossible("something after its end");
        }
        match entry {
            Entry::Intent(_) => {}
            Entry::Call { call, .. } => written.unanswered.push(call.clone()),
            Entry::Answer { call, refused, .. } => {
                let Some(position) = written.unanswered.iter().position(|open| open == call) else {
                    return impossible("an answer without its call");
                };
                written.unanswered.remove(position);
                written.acted |= !refused;
            }
            Entry::Exists {
                physical_id,
                attributes,
                ..
            } => {
                written.exists = Some((physical_id.clone(), attributes.clone()));
            }
            Entry::Settled { made, .. } => {
                written.end = Some(match made {
                    Some(id) => {
                        written.exists = Some((id.clone(), Value::map()));
                        End::Done
                    }
                    None => End::Failed {
                        reason: "interrupted".to_owned(),
                        tainted: None,
                    },
                });
            }
            Entry::Done { .. } => written.end = Some(End::Done),
            Entry::Failed {
                reason, tainted, ..
            } => {
                written.end = Some(End::Failed {
                    reason: reason.clone(),
                    tainted: tainted.clone(),
                });
            }
        }
        Ok(())
    }

    /// One operation.
    pub fn get(&self, operation: OperationId) -> Option<&Written> {
        self.operations.get(&operation)
    }

    /// All entries of a journal.
    ///
    /// # Errors
    /// Where they contradict each other.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Ledger, Impossible> {
        let mut ledger = Ledger::default();
        entries
            .into_iter()
            .try_for_each(|entry| ledger.after(entry))?;
        Ok(ledger)
    }

    /// What is written, by operation.
    pub fn operations(&self) -> impl Iterator<Item = (OperationId, &Written)> {
        self.operations.iter().map(|(id, written)| (*id, written))
    }

    /// The operations whose outcome only AWS knows.
    pub fn in_doubt(&self) -> impl Iterator<Item = (OperationId, &Written)> {
        self.operations()
            .filter(|(_, written)| written.verdict() == Verdict::InDoubt)
    }

    /// What all that is settled means for the state, in the order of the operations' ends that matter: successors before
    /// the removal of what they replace.
    pub fn changes(&self) -> Vec<StateChange> {
        let (removed, made): (Vec<&Written>, Vec<&Written>) = self
            .operations
            .values()
            .partition(|written| written.intent.desired.is_none());
        let removed: Vec<StateChange> = removed.into_iter().flat_map(Written::changes).collect();
        let mut changes = Vec::new();
        for change in made.into_iter().flat_map(Written::changes) {
            // An idempotent creation may answer with what was to be replaced. Nothing has a successor then, and nothing is deleted;
            // where the deletion came first, it is what the new one has the identifier of.
            if let StateChange::Put(resource) = &change
                && let Some(StateChange::Depose(_, old)) = changes.last()
                && *old == resource.physical_id
                && !removed.contains(&StateChange::Remove(resource.address.clone(), old.clone()))
            {
                changes.pop();
            }
            changes.push(change);
        }
        changes.extend(removed);
        changes
    }
}

impl Entry {
    /// The operation that it is about.
    pub fn operation(&self) -> OperationId {
        match self {
            Entry::Intent(intent) => intent.operation,
            Entry::Call { operation, .. }
            | Entry::Answer { operation, .. }
            | Entry::Exists { operation, .. }
            | Entry::Done { operation }
            | Entry::Failed { operation, .. }
            | Entry::Settled { operation, .. } => *operation,
        }
    }
}

impl Written {
    /// What came of it.
    pub fn verdict(&self) -> Verdict {
        let called = self.acted || !self.unanswered.is_empty();
        match (&self.end, self.intent.verb) {
            (Some(_), _) => Verdict::Settled,
            // Only the state is concerned.
            (None, Verb::Forget | Verb::Settle | Verb::Keep) => Verdict::Untouched,
            // What exists already is compared with what is wanted by the next plan, which reads it.
            (None, Verb::Update) if self.superseded().is_some() => Verdict::Settled,
            (None, Verb::Update | Verb::Deploy | Verb::Adopt) => Verdict::Untouched,
            (None, _) if self.exists.is_some() => Verdict::Settled,
            (None, _) if called => Verdict::InDoubt,
            (None, _) => Verdict::Untouched,
        }
    }

    /// What an update has made another resource of: the provider of a custom resource that answers with another identifier has made
    /// a new one, and is asked to delete the old one (CloudFormation user guide, "Custom resource request and response reference",
    /// Update).
    fn superseded(&self) -> Option<&PhysicalId> {
        let old = self.intent.physical_id.as_ref()?;
        let (new, _) = self.exists.as_ref()?;
        let is_update = self.intent.verb == Verb::Update;
        (is_update && new != old && is_custom(&self.intent.type_name)).then_some(old)
    }

    /// What it means for the state; nothing while it is in doubt.
    pub fn changes(&self) -> Vec<StateChange> {
        if self.verdict() != Verdict::Settled {
            return Vec::new();
        }
        let intent = &self.intent;
        let tainted = match &self.end {
            Some(End::Failed { tainted, .. }) => {
                let Some(id) = tainted else { return Vec::new() };
                Some(id.clone())
            }
            _ => None,
        };
        match intent.verb {
            Verb::Delete | Verb::Forget => match &intent.physical_id {
                Some(id) => vec![StateChange::Remove(intent.address.clone(), id.clone())],
                None => Vec::new(),
            },
            Verb::Create
            | Verb::Replace
            | Verb::Update
            | Verb::Deploy
            | Verb::Adopt
            | Verb::Settle
            | Verb::Keep => {
                let known = self.exists.clone();
                let id = tainted
                    .clone()
                    .or_else(|| known.as_ref().map(|(id, _)| id.clone()));
                let Some(physical_id) = id.or_else(|| intent.physical_id.clone()) else {
                    return Vec::new();
                };
                let resource = Resource {
                    address: intent.address.clone(),
                    type_name: intent.type_name.clone(),
                    physical_id,
                    incarnation: intent.incarnation.clone(),
                    tainted: tainted.is_some(),
                    last_applied: intent.desired.clone(),
                    attributes: known.map_or_else(Value::map, |(_, attributes)| attributes),
                    dependencies: intent.dependencies.clone(),
                    deletion_policy: intent.deletion_policy,
                    update_replace_policy: intent.update_replace_policy,
                };
                let deposed = intent
                    .physical_id
                    .clone()
                    .filter(|_| intent.verb == Verb::Replace)
                    .or_else(|| self.superseded().cloned());
                let deposed = deposed.map(|id| StateChange::Depose(intent.address.clone(), id));
                deposed
                    .into_iter()
                    .chain([StateChange::Put(Box::new(resource))])
                    .collect()
            }
        }
    }
}
