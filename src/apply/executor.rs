//! [`execute`]: carries a plan out, as many operations at once as the graph and the concurrency allow.
//!
//! An operation starts when every edge that leads to it has reached its milestone; among those that may start, the one
//! with the longest chain behind it goes first. A failure stops only what depends on it. What one operation does stands in
//! `operation.rs`.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payctl_model::{Address, Incarnation, PhysicalId, PropertyPath, Value};
use payctl_state::{Dependency, Policy};
use petgraph::Direction::{Incoming, Outgoing};
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::cloud::{Cloud, Intention, Target};
use super::events::{Counts, Events, Happened, Verb};
use super::failure::{Cause, Failure};
use super::log::Log;
use super::models::{Known, Models, secrets_of};
use super::operation::{Doing, Progress};
use super::poller::{Pace, Poller};
use super::references::References;
use crate::plan::{Action, Change, Milestone, Operation, OperationGraph, OperationKind, Plan};
use crate::template::{Attributes, EvalError, Place};

/// What the templates want of one resource, evaluated when what it needs exists.
pub trait Wanted: Send + Sync {
    /// Its properties with these attributes.
    ///
    /// # Errors
    /// Where a function fails on what its arguments turned out to be. `None`: the templates do not have it.
    fn properties(
        &self,
        address: &Address,
        attributes: &dyn Attributes,
    ) -> Option<Result<Value, EvalError>>;

    /// What it needs of others.
    fn needs(&self, address: &Address) -> BTreeMap<Address, Dependency>;

    /// What it uses at properties whose references it renews, with the attributes.
    fn renewed(
        &self,
        address: &Address,
        renews: &'static [(&'static str, &'static [&'static str])],
    ) -> Vec<(Address, &'static [&'static str])> {
        let _ = (address, renews);
        Vec::new()
    }

    /// Where the template declares it, for messages.
    fn place(&self, _address: &Address) -> Option<Place> {
        None
    }

    /// Where one of its properties stands, for messages.
    fn place_of(&self, address: &Address, _property: &PropertyPath) -> Option<Place> {
        self.place(address)
    }

    /// What becomes of it when it leaves the template, and when it is replaced.
    fn policies(&self, address: &Address) -> (Policy, Policy);
}

/// What the state knows of a resource (or of a deposed one) before the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Before {
    /// Its type.
    pub type_name: String,
    /// Its incarnation.
    pub incarnation: Option<Incarnation>,
    /// What was last applied, secrets as hashes.
    pub last_applied: Value,
}

/// Replaces secrets by salted hashes.
pub type Seal = Arc<dyn Fn(&Value) -> Value + Send + Sync>;

/// Everything that [`execute`] needs.
pub struct Run {
    /// What was decided.
    pub plan: Plan,
    /// The steps.
    pub operations: OperationGraph,
    /// What the templates want.
    pub wanted: Arc<dyn Wanted>,
    /// What the state knows, deposed resources included.
    pub before: BTreeMap<(Address, PhysicalId), Before>,
    /// The live models that refresh has read (or the state's).
    pub known: BTreeMap<Address, Known>,
    /// What AWS is still working on, as refresh saw it: who needs it ready waits, although nothing is done to it.
    pub pending: BTreeSet<Address>,
    /// AWS.
    pub cloud: Arc<dyn Cloud>,
    /// The journal.
    pub log: Arc<dyn Log>,
    /// Who listens.
    pub events: Events,
    /// Replaces secrets by salted hashes.
    pub seal: Seal,
    /// The same for what AWS gives back, in which secrets are texts like others.
    pub seal_observed: Seal,
    /// Draws incarnations.
    pub draw: Arc<dyn Fn() -> Incarnation + Send + Sync>,
    /// How many operations may be calling at once. What only waits does not count.
    pub concurrency: usize,
    /// How often is looked at what is waited for.
    pub pace: Pace,
    /// Secrets are deleted without a recovery window.
    pub force_secrets: bool,
}

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What failed, and why.
    pub failures: BTreeMap<Address, Failure>,
    /// What was not started because of a failure, with the failed resource.
    pub skipped: BTreeMap<Address, Address>,
    /// What was not started, or not waited for, because the run was interrupted.
    pub interrupted: Vec<Address>,
    /// In numbers.
    pub counts: Counts,
    /// How long it took.
    pub took: Duration,
    /// Everything that is known of the resources now.
    pub models: Arc<Models>,
}

impl Outcome {
    /// Whether everything was done.
    pub fn is_complete(&self) -> bool {
        self.failures.is_empty() && self.skipped.is_empty() && self.interrupted.is_empty()
    }
}

/// What an operation does, as events name it; `None` where nothing is done.
pub fn verb(kind: &OperationKind) -> Option<Verb> {
    match kind {
        OperationKind::Keep => None,
        OperationKind::Create { replaces: false } => Some(Verb::Create),
        OperationKind::Create { replaces: true } => Some(Verb::Replace),
        OperationKind::Update => Some(Verb::Update),
        OperationKind::Deploy => Some(Verb::Deploy),
        OperationKind::Adopt(_) => Some(Verb::Adopt),
        OperationKind::Delete { .. } => Some(Verb::Delete),
        OperationKind::Forget { .. } => Some(Verb::Forget),
    }
}

/// Carries the operations out. `stop` (the first Ctrl-C) starts nothing new, ends what only waits and lets calls finish;
/// dropping the future (the second) leaves at once, and the journal has it all.
pub async fn execute(run: Run, stop: CancellationToken) -> Outcome {
    let started = run.cloud.clock().now();
    let graph = Arc::new(run.operations);
    let wanted = run.plan.changes.values();
    let secrets = secrets_of(wanted.filter_map(|change| change.after.as_ref()));
    let models = Arc::new(Models::new(run.known, secrets));
    for change in run.plan.changes.values() {
        announce(&*run.cloud, change);
    }
    let (progress, reached) = mpsc::unbounded_channel();
    let doing = Arc::new(Doing {
        graph: graph.clone(),
        plan: run.plan,
        wanted: run.wanted,
        before: run.before,
        models: models.clone(),
        poller: Poller::start(run.cloud.clone(), run.pace, run.events.clone()),
        pace: run.pace,
        references: References::new(run.cloud.clone()),
        sent: Mutex::default(),
        superseded: Mutex::default(),
        cloud: run.cloud.clone(),
        log: run.log,
        events: run.events.clone(),
        seal: run.seal,
        seal_observed: run.seal_observed,
        force_secrets: run.force_secrets,
        draw: run.draw,
        progress,
        stop: stop.clone(),
    });
    let operations = graph.node_count() as u64;
    let mut walk = Walk::new(graph, run.events, models, run.pending);
    walk.run(doing.clone(), reached, run.concurrency.max(1), &stop)
        .await;
    let mut outcome = walk.finish(&stop);
    // What could not move uses them still: the next run deletes them.
    if outcome.is_complete() {
        for (address, failure) in doing.clean_up(operations).await {
            outcome.counts.failed += 1;
            outcome.failures.entry(address).or_insert(failure);
        }
    }
    outcome.took = run
        .cloud
        .clock()
        .now()
        .duration_since(started)
        .unwrap_or_default();
    outcome
}

fn announce(cloud: &dyn Cloud, change: &Change) {
    let intention = match (&change.action, &change.after) {
        (Action::Update | Action::Deploy, Some(after)) => Intention::Update(after.clone()),
        (Action::Delete { .. }, _) => Intention::Delete,
        _ => return,
    };
    if let Some(id) = &change.physical_id {
        let target = Target {
            address: change.address.clone(),
            type_name: change.type_name.clone(),
            declared: None,
        };
        cloud.intends(&target, id, intention);
    }
}

/// Where one operation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for others.
    Blocked,
    /// Calls AWS and takes one of the places.
    Calling,
    /// Waits for AWS and takes none.
    Waiting,
    /// Has ended, well or not.
    Ended,
    /// Will not be started.
    Skipped,
}

struct Walk {
    graph: Arc<OperationGraph>,
    events: Events,
    /// How many incoming edges have not reached their milestone.
    missing: Vec<usize>,
    level: Vec<Milestone>,
    stage: Vec<Stage>,
    startable: BinaryHeap<(u64, std::cmp::Reverse<NodeIndex>)>,
    pending: BTreeSet<Address>,
    outcome: Outcome,
}

impl Walk {
    fn new(
        graph: Arc<OperationGraph>,
        events: Events,
        models: Arc<Models>,
        pending: BTreeSet<Address>,
    ) -> Walk {
        let missing = graph
            .node_indices()
            .map(|node| graph.edges_directed(node, Incoming).count())
            .collect();
        let startable = graph
            .externals(Incoming)
            .map(|node| (graph[node].priority, std::cmp::Reverse(node)))
            .collect();
        let outcome = Outcome {
            failures: BTreeMap::new(),
            skipped: BTreeMap::new(),
            interrupted: Vec::new(),
            counts: Counts::default(),
            took: Duration::ZERO,
            models,
        };
        Walk {
            missing,
            level: vec![Milestone::Planned; graph.node_count()],
            stage: vec![Stage::Blocked; graph.node_count()],
            startable,
            pending,
            graph,
            events,
            outcome,
        }
    }

    fn hear(&mut self, progress: Progress) {
        match progress {
            Progress::Reached(node, milestone) => self.reach(node, milestone),
            Progress::Waits(node) => self.stage[node.index()] = Stage::Waiting,
        }
    }

    async fn run(
        &mut self,
        doing: Arc<Doing>,
        mut reached: mpsc::UnboundedReceiver<Progress>,
        concurrency: usize,
        stop: &CancellationToken,
    ) {
        let mut running: JoinSet<(NodeIndex, Result<(), Failure>)> = JoinSet::new();
        let mut nodes: BTreeMap<tokio::task::Id, NodeIndex> = BTreeMap::new();
        loop {
            while !stop.is_cancelled() {
                // What calls nothing takes no place.
                let calling = self
                    .stage
                    .iter()
                    .filter(|stage| **stage == Stage::Calling)
                    .count();
                let Some((_, std::cmp::Reverse(node))) = self.startable.peek().copied() else {
                    break;
                };
                let keeps = self.graph[node].kind == OperationKind::Keep
                    && !self.pending.contains(&self.graph[node].address);
                if !keeps && calling >= concurrency {
                    break;
                }
                self.startable.pop();
                if self.stage[node.index()] != Stage::Blocked {
                    continue;
                }
                if keeps {
                    self.stage[node.index()] = Stage::Ended;
                    self.reach(node, Milestone::Ready);
                    continue;
                }
                self.stage[node.index()] = Stage::Calling;
                let doing = doing.clone();
                let task = running.spawn(async move { (node, doing.carry_out(node).await) });
                nodes.insert(task.id(), node);
            }
            if running.is_empty() {
                return;
            }
            tokio::select! {
                biased;
                Some(progress) = reached.recv() => self.hear(progress),
                Some(ended) = running.join_next_with_id() => {
                    // A task tells its progress before it ends, and on another thread it may do both between the two
                    // looks: what it told is heard first.
                    while let Ok(progress) = reached.try_recv() {
                        self.hear(progress);
                    }
                    let (node, result) = match ended {
                        Ok((_, ended)) => ended,
                        // The call may have been made: the journal has its intent, and the next run settles it.
                        Err(error) => {
                            let Some(node) = nodes.get(&error.id()).copied() else { continue };
                            let cause = Box::new(Cause::Defect(error.to_string()));
                            (node, Err(Failure { cause, physical_id: None, in_doubt: true, about: None }))
                        }
                    };
                    self.ended(node, result);
                }
            }
        }
    }

    /// Releases what waited for this milestone.
    fn reach(&mut self, node: NodeIndex, milestone: Milestone) {
        let level = self.level[node.index()];
        for edge in self.graph.edges_directed(node, Outgoing) {
            if level < *edge.weight() && *edge.weight() <= milestone {
                let target = edge.target();
                let missing = &mut self.missing[target.index()];
                *missing -= 1;
                if *missing == 0 {
                    self.startable
                        .push((self.graph[target].priority, std::cmp::Reverse(target)));
                }
            }
        }
        self.level[node.index()] = level.max(milestone);
    }

    fn ended(&mut self, node: NodeIndex, result: Result<(), Failure>) {
        self.stage[node.index()] = Stage::Ended;
        let operation = &self.graph[node];
        let counts = &mut self.outcome.counts;
        match result {
            Ok(()) if self.level[node.index()] < Milestone::Ready => {
                self.outcome.interrupted.push(operation.address.clone());
                counts.interrupted += 1;
            }
            Ok(()) => match verb(&operation.kind) {
                Some(Verb::Create | Verb::Adopt) => counts.created += 1,
                Some(Verb::Replace) => counts.replaced += 1,
                Some(Verb::Update | Verb::Deploy) => counts.updated += 1,
                Some(Verb::Delete) => counts.deleted += 1,
                Some(Verb::Forget) => counts.forgotten += 1,
                Some(Verb::Settle | Verb::Keep) | None => {}
            },
            Err(failure) => {
                counts.failed += 1;
                let address = operation.address.clone();
                if let Some(verb) = verb(&operation.kind) {
                    self.events.send(Happened::Failed {
                        address: address.clone(),
                        verb,
                        failure: failure.clone(),
                    });
                }
                self.outcome
                    .failures
                    .entry(address.clone())
                    .or_insert(failure);
                self.skip_after(node, &address);
            }
        }
    }

    /// What can never start now, because this operation will not get further.
    fn skip_after(&mut self, node: NodeIndex, because: &Address) {
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            let level = self.level[node.index()];
            let blocked: Vec<NodeIndex> = self
                .graph
                .edges_directed(node, Outgoing)
                .filter(|edge| *edge.weight() > level)
                .map(|edge| edge.target())
                .filter(|target| self.stage[target.index()] == Stage::Blocked)
                .collect();
            for target in blocked {
                self.stage[target.index()] = Stage::Skipped;
                let Operation { address, kind, .. } = &self.graph[target];
                if let Some(verb) = verb(kind) {
                    self.outcome.counts.skipped += 1;
                    self.outcome
                        .skipped
                        .insert(address.clone(), because.clone());
                    self.events.send(Happened::Skipped {
                        address: address.clone(),
                        verb,
                        because: because.clone(),
                    });
                }
                open.push(target);
            }
        }
    }

    fn finish(mut self, stop: &CancellationToken) -> Outcome {
        if stop.is_cancelled() {
            for node in self.graph.node_indices() {
                if self.stage[node.index()] == Stage::Blocked
                    && self.graph[node].kind != OperationKind::Keep
                {
                    self.outcome
                        .interrupted
                        .push(self.graph[node].address.clone());
                    self.outcome.counts.interrupted += 1;
                }
            }
        }
        self.outcome
    }
}
