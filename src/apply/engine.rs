//! A run in steps that the command line puts together: [`look`] or [`recover`], then refresh and plan, then [`apply`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, Incarnation, PhysicalId, Value};
use payctl_state::{AcceptedDrift, Hasher, Journal, JournalError, State, Store, StoreError};
use tokio_util::sync::CancellationToken;

use super::cloud::{Cloud, Status};
use super::events::{Events, Happened, Summary};
use super::executor::{Before, Outcome, Run, Wanted as _, execute};
use super::journal::{Recorder, ledger_of};
use super::keep::take_in;
use super::ledger::{Impossible, Ledger, StateChange};
use super::models::{Known, Models};
use super::poller::Pace;
use super::recovery::{self, Finding, Leftover, Patience, SettleError};
use super::refresh::{self, Refreshed};
use super::templates::Templates;
use crate::graph::ResourceGraph;
use crate::plan::references::{still_written, values};
use crate::plan::{Accepted, OperationGraph, OperationKind, Plan, Problem, masked_like};

/// Why a run cannot go on, or not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The state file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// What an interrupted run left cannot be cleared up.
    #[error(transparent)]
    Settle(#[from] SettleError),
    /// The journal contradicts itself.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// The plan has changes of types that no module carries out.
    #[error("these cannot be provisioned: {}", .0.join("; "))]
    NotNative(Vec<String>),
    /// The plan says itself that it must not be applied.
    #[error("the plan must not be applied: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Problems(Vec<Problem>),
    /// The system has no randomness: nothing can be made safely.
    #[error("no randomness from the system: {0}")]
    Randomness(String),
}

/// What an interrupted run left, with the state as it is when that is counted in. Changes nothing and asks nobody: for
/// commands that only read. `None`: nothing was left.
///
/// # Errors
/// Where the journal is damaged or another state's.
pub fn look(store: &Store, state: &State) -> Result<Option<(Leftover, State)>, EngineError> {
    let Some(left) = Journal::read(&store.paths().journal, state)? else {
        return Ok(None);
    };
    let ledger = ledger_of(&left.records)?;
    let mut counted = state.clone();
    take_in(&mut counted, &ledger);
    Ok(Some((recovery::inspect(&ledger), counted)))
}

/// Clears up what an interrupted run left: asks AWS about what is in doubt, takes everything into the state, saves it and
/// empties the journal. The caller holds the lock. Says what was found; nothing where nothing was left.
///
/// # Errors
/// Where AWS cannot be asked or the files cannot be written; the journal still has everything then.
pub async fn recover(
    store: &Store,
    state: &mut State,
    cloud: Arc<dyn Cloud>,
    events: &Events,
    patience: Patience,
) -> Result<Vec<(Address, Finding)>, EngineError> {
    let path = &store.paths().journal;
    let Some(left) = Journal::read(path, state)? else {
        return Ok(Vec::new());
    };
    let mut ledger = ledger_of(&left.records)?;
    let journal = Journal::resume(path, &left)?;
    let recorder = Recorder::new(journal, cloud.clock().clone(), ledger.clone());
    let findings =
        recovery::settle(&mut ledger, cloud.clone(), &recorder, events, patience).await?;
    take_in(state, &ledger);
    let touched = touched(&ledger);
    let hasher = Hasher::new(&state.salt);
    read_back(
        &*cloud,
        state,
        &hasher,
        &|address| touched.contains(address),
        &ResourceGraph::default(),
        None,
    )
    .await;
    store.save_run(state, recorder.journal())?;
    recorder.into_journal().clear()?;
    Ok(findings)
}

/// What a run has made or changed.
fn touched(ledger: &Ledger) -> BTreeSet<Address> {
    let changes = ledger.changes().into_iter();
    changes
        .filter_map(|change| match change {
            StateChange::Put(resource) => Some(resource.address),
            StateChange::Depose(..) | StateChange::Remove(..) => None,
        })
        .collect()
}

/// Takes what AWS tells of resources now into the state: their create calls told only part of it, and what was made after
/// them may show in them (a rule in its security group). What cannot be read stays as it was told.
async fn read_back(
    cloud: &dyn Cloud,
    state: &mut State,
    hasher: &Hasher,
    wanted: &(dyn Fn(&Address) -> bool + Sync),
    graph: &ResourceGraph,
    models: Option<&Models>,
) {
    let asked: Vec<_> = refresh::questions(cloud, state, graph)
        .into_iter()
        .filter(|(target, _)| wanted(&target.address))
        .collect();
    if asked.is_empty() {
        return;
    }
    let read = cloud.read(&asked).await;
    for ((target, id), seen) in asked.into_iter().zip(read) {
        let Ok(Some(seen)) = seen else { continue };
        let Some(kept) = state.resources.get_mut(&target.address) else {
            continue;
        };
        if seen.status == Status::Gone || kept.physical_id.as_ref() != Some(&id) {
            continue;
        }
        // Also what stood for a reference that this process never resolved.
        let model = masked_like(&seen.model, &values(&kept.last_applied));
        kept.attributes = hasher.hash_observed(&model);
        if let Some(models) = models {
            let known = Known {
                type_name: target.type_name,
                id: seen.id,
                model,
            };
            models.set(&target.address, known);
        }
    }
}

/// What [`apply`] needs.
pub struct Apply {
    /// What was decided.
    pub plan: Plan,
    /// Its steps.
    pub operations: OperationGraph,
    /// What the templates want.
    pub templates: Arc<Templates>,
    /// What was live when it was decided.
    pub refreshed: Refreshed,
    /// AWS.
    pub cloud: Arc<dyn Cloud>,
    /// Who listens.
    pub events: Events,
    /// How many operations may be calling at once.
    pub concurrency: usize,
    /// How often is looked at what is waited for.
    pub pace: Pace,
    /// Whether everything is destroyed.
    pub destroy: bool,
    /// Whether secrets go without a recovery window.
    pub force_secrets: bool,
}

/// Carries a plan out and saves what came of it. The caller holds the lock, has recovered, and has asked. Sends a summary as
/// the last event, with the calls that `calls` counts.
///
/// # Errors
/// Before the first call: where the plan must not be applied, or journal or state cannot be written. Afterwards: where the
/// state cannot be saved; the journal has everything then.
pub async fn apply(
    store: &Store,
    state: &mut State,
    apply: Apply,
    calls: &(dyn Fn() -> BTreeMap<String, u64> + Sync),
    stop: CancellationToken,
) -> Result<Outcome, EngineError> {
    check(&apply.plan)?;
    // The journal names the state that it belongs to: that has to be on disk.
    if state.serial == 0 {
        store.save(state)?;
    }
    let incarnations = incarnations(&apply.operations)?;
    let journal = Journal::create(&store.paths().journal, state)?;
    let recorder = Arc::new(Recorder::new(
        journal,
        apply.cloud.clock().clone(),
        Ledger::default(),
    ));
    let hasher = Arc::new(Hasher::new(&state.salt));
    let seal = {
        let hasher = hasher.clone();
        move |value: &Value| hasher.hash_secrets(value)
    };
    let seal_observed = {
        let hasher = hasher.clone();
        move |value: &Value| hasher.hash_observed(value)
    };
    let kept: BTreeSet<Address> = apply
        .operations
        .node_weights()
        .filter(|operation| operation.kind == OperationKind::Keep)
        .map(|operation| operation.address.clone())
        .collect();
    let seen = Seen::of(&apply.plan, state);
    let planned: BTreeSet<Address> = apply.plan.changes.keys().cloned().collect();
    let run = Run {
        plan: apply.plan,
        operations: apply.operations,
        wanted: apply.templates.clone(),
        before: before(state),
        known: apply.refreshed.known,
        pending: apply.refreshed.pending,
        cloud: apply.cloud.clone(),
        log: recorder.clone(),
        events: apply.events.clone(),
        seal: Arc::new(seal),
        seal_observed: Arc::new(seal_observed),
        draw: incarnations,
        concurrency: apply.concurrency,
        pace: apply.pace,
        force_secrets: apply.force_secrets,
    };
    let outcome = execute(run, stop).await;
    let mut ledger = recorder.ledger();
    let settled = recovery::settle(
        &mut ledger,
        apply.cloud.clone(),
        &*recorder,
        &apply.events,
        Patience::default(),
    )
    .await;
    if settled.is_ok() {
        take_in(state, &ledger);
        remember_kept(state, &kept, &apply.templates, &outcome, &hasher);
        let touched = touched(&ledger);
        if ledger.operations().next().is_some() {
            let wanted = |address: &Address| touched.contains(address) || kept.contains(address);
            let models = Some(&*outcome.models);
            let graph = &apply.templates.graph;
            read_back(&*apply.cloud, state, &hasher, &wanted, graph, models).await;
        }
        seen.remember(state, &hasher);
        remember_protection(state, &planned, &apply.templates);
        let outputs = if apply.destroy {
            BTreeMap::new()
        } else {
            apply.templates.outputs(&*outcome.models)
        };
        state.outputs = outputs
            .iter()
            .map(|(name, value)| (name.clone(), hasher.hash_secrets(value)))
            .collect();
        state.exports = if apply.destroy {
            BTreeMap::new()
        } else {
            apply.templates.exports()
        };
        store.save_run(state, recorder.journal())?;
    }
    apply.events.send(Happened::Summary(Summary {
        counts: outcome.counts,
        seconds: outcome.took.as_secs_f64(),
        api_calls: calls(),
        interrupted: outcome.counts.interrupted > 0,
    }));
    // Left as it is where something is in doubt and AWS does not answer: the next run starts with it.
    settled?;
    if let Ok(recorder) = Arc::try_unwrap(recorder) {
        recorder.into_journal().clear()?;
    }
    Ok(outcome)
}

/// What the plan saw of drift: what somebody accepted is written down, and what nobody accepted stays drift although what is
/// live is written down anew.
struct Seen {
    accepted: BTreeMap<Address, Vec<Accepted>>,
    /// Who adds something undeclared, as it was recorded before: address, identifier, top-level property.
    unaccepted: Vec<(Address, PhysicalId, String, Option<Value>)>,
    planned: BTreeSet<Address>,
}

impl Seen {
    fn of(plan: &Plan, state: &State) -> Seen {
        let unaccepted = plan
            .drift
            .iter()
            .filter(|drift| drift.undeclared && !drift.accepted)
            .filter_map(|drift| {
                let kept = state.resources.get(&drift.address)?;
                let head = drift.property.head()?;
                let recorded = kept.attributes.get(head).cloned();
                Some((
                    drift.address.clone(),
                    kept.physical_id.clone()?,
                    head.to_owned(),
                    recorded,
                ))
            });
        Seen {
            accepted: plan.accepted.clone(),
            unaccepted: unaccepted.collect(),
            planned: plan.changes.keys().cloned().collect(),
        }
    }

    fn remember(self, state: &mut State, hasher: &Hasher) {
        for (address, id, head, recorded) in self.unaccepted {
            let Some(kept) = state.resources.get_mut(&address) else {
                continue;
            };
            if kept.physical_id.as_ref() != Some(&id) {
                continue;
            }
            if let Some(attributes) = kept.attributes.as_map_mut() {
                match recorded {
                    Some(recorded) => attributes.insert(head, recorded),
                    None => attributes.remove(&head),
                };
            }
        }
        let seal = |value: Option<Value>| value.map(|value| hasher.hash_observed(&value));
        let mut accepted = self.accepted;
        for address in self.planned {
            if let Some(kept) = state.resources.get_mut(&address) {
                let accepted = accepted.remove(&address).unwrap_or_default();
                kept.accepted = accepted
                    .into_iter()
                    .map(|one| AcceptedDrift {
                        property: one.property.to_string(),
                        declared: seal(one.declared),
                        live: seal(one.live),
                    })
                    .collect();
            }
        }
    }
}

fn check(plan: &Plan) -> Result<(), EngineError> {
    if !plan.problems.is_empty() {
        return Err(EngineError::Problems(plan.problems.clone()));
    }
    let foreign: Vec<String> = plan
        .not_provisioned()
        .map(|change| {
            let why = payctl_resources::cloud_control::refusal(&change.type_name);
            format!(
                "{}: {}",
                change.address,
                why.unwrap_or_else(|| change.type_name.clone())
            )
        })
        .collect();
    if foreign.is_empty() {
        Ok(())
    } else {
        Err(EngineError::NotNative(foreign))
    }
}

/// Incarnations for every step, drawn before the first call: later nothing may fail for want of randomness.
pub(super) fn incarnations(
    operations: &OperationGraph,
) -> Result<Arc<dyn Fn() -> Incarnation + Send + Sync>, EngineError> {
    let mut drawn = Vec::with_capacity(operations.node_count());
    for _ in 0..operations.node_count() {
        let mut bits = [0u8; 16];
        getrandom::fill(&mut bits).map_err(|error| EngineError::Randomness(error.to_string()))?;
        drawn.push(Incarnation::from_bits(u128::from_le_bytes(bits)));
    }
    let next = std::sync::atomic::AtomicUsize::new(0);
    Ok(Arc::new(move || {
        let index = next.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        // Each step draws once at most, and there are as many as steps.
        drawn[index % drawn.len()].clone()
    }))
}

pub(super) fn before(state: &State) -> BTreeMap<(Address, PhysicalId), Before> {
    state
        .all()
        .filter_map(|(address, kept)| {
            let before = Before {
                type_name: kept.type_name.clone(),
                incarnation: Some(kept.incarnation.clone()),
                last_applied: kept.last_applied.clone(),
            };
            Some(((address.clone(), kept.physical_id.clone()?), before))
        })
        .collect()
}

/// Whether each resource's stack has termination protection: `destroy`, which reads no template, must know.
fn remember_protection(state: &mut State, planned: &BTreeSet<Address>, templates: &Templates) {
    for address in planned {
        let node = templates.graph.get(address);
        if let (Some(resource), Some(node)) = (state.resources.get_mut(address), node) {
            resource.protected = node.termination_protection;
        }
    }
}

/// What nothing was done to may be declared otherwise than before, with the same meaning; what it needs may be other
/// resources; and it was read.
fn remember_kept(
    state: &mut State,
    kept: &BTreeSet<Address>,
    templates: &Templates,
    outcome: &Outcome,
    hasher: &Hasher,
) {
    for address in kept {
        let (Some(resource), Some(known)) = (
            state.resources.get_mut(address),
            outcome.models.get(address),
        ) else {
            continue;
        };
        if resource.physical_id.as_ref() != Some(&known.id) {
            continue;
        }
        if let Some(Ok(desired)) = templates.properties(address, &*outcome.models)
            && !desired.has_unknown()
        {
            resource.last_applied = hasher.hash_secrets(&still_written(
                &desired,
                &resource.last_applied,
                &|text, hash| hasher.matches(text, hash),
            ));
        }
        let model = masked_like(&known.model, &values(&resource.last_applied));
        resource.attributes = hasher.hash_observed(&model);
        resource.dependencies = templates.needs(address);
        (resource.deletion_policy, resource.update_replace_policy) = templates.policies(address);
    }
}
