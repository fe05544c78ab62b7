//! A small AWS for the executor's tests: it has laws (what is used exists and is ready enough; what is used cannot be
//! deleted), takes time, fails on demand and can be cut off at any journal record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use payctl_model::{Address, Clock, Incarnation, PhysicalId, Value};
use payctl_state::{Dependency, Policy};
use tokio::sync::Notify;

use super::cloud::{
    AwsWords, Calls, Cloud, CloudError, Deletion, Observed, Status, Target, Update,
};
use super::executor::{Outcome, Run, Wanted, execute};
use super::ledger::{Ledger, Resource, StateChange};
use super::log::{Entry, Log, LogError};
use super::models::Known;
use super::poller::Pace;
use super::recovery::{self, Patience};
use super::{Event, Events};
use crate::plan::{
    Action, Change, Edit, Milestone, Operation, OperationGraph, OperationKind, Plan, Removal,
};
use crate::template::{Attributes, EvalError};
use tokio_util::sync::CancellationToken;

pub(super) const TYPE: &str = "Fake::Thing";

pub(super) fn address(name: &str) -> Address {
    Address::new("r", "s", name)
}

/// How one resource behaves, and what it uses.
#[derive(Clone, Debug, Default)]
pub(super) struct Nature {
    /// What it uses, and how far that must have come.
    pub uses: BTreeMap<String, Milestone>,
    /// How long a call takes, in seconds.
    pub call: u64,
    /// From its acceptance to being ready.
    pub ready: u64,
    /// From its acceptance to being visible in reads.
    pub visible: u64,
    /// From its acceptance to being found by its incarnation.
    pub listed: u64,
    /// From its acceptance to having its `Arn`.
    pub arn: u64,
    /// Every create is refused.
    pub refused: bool,
    /// It breaks after it was accepted.
    pub broken: bool,
    /// Its create panics after AWS has acted.
    pub panics: bool,
    /// The answers of its first calls are lost, and whether AWS has acted on each.
    pub lost: Vec<bool>,
}

#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub address: Address,
    pub incarnation: Incarnation,
    pub model: Value,
    made: SystemTime,
}

#[derive(Default)]
pub(super) struct World {
    pub things: BTreeMap<PhysicalId, Thing>,
    pub laws_broken: Vec<String>,
    pub reads: usize,
    next: u64,
    /// How many of a resource's calls were lost already.
    lost: BTreeMap<Address, usize>,
}

pub(super) struct FakeCloud {
    pub clock: Clock,
    pub natures: BTreeMap<String, Nature>,
    pub world: Mutex<World>,
}

impl FakeCloud {
    pub(super) fn new(natures: &[(&str, Nature)]) -> Arc<FakeCloud> {
        Arc::new(FakeCloud {
            clock: Clock::starting_at(SystemTime::UNIX_EPOCH, 1.0),
            natures: natures
                .iter()
                .map(|(name, nature)| ((*name).to_owned(), nature.clone()))
                .collect(),
            world: Mutex::default(),
        })
    }

    fn nature(&self, address: &Address) -> &Nature {
        &self.natures[&address.logical_id]
    }

    fn age(&self, thing: &Thing) -> Duration {
        self.clock
            .now()
            .duration_since(thing.made)
            .unwrap_or_default()
    }

    fn is_ready(&self, thing: &Thing) -> bool {
        self.age(thing) >= Duration::from_secs(self.nature(&thing.address).ready)
    }

    fn observe(&self, id: &PhysicalId, thing: &Thing) -> Observed {
        let nature = self.nature(&thing.address);
        let mut model = thing.model.clone();
        if self.age(thing) >= Duration::from_secs(nature.arn) {
            model
                .as_map_mut()
                .unwrap()
                .insert("Arn".into(), Value::from(format!("arn:{id}")));
        }
        let status = match (nature.broken, self.is_ready(thing)) {
            (true, _) => Status::Failed("broken".into()),
            (false, true) => Status::Ready,
            (false, false) => Status::Pending,
        };
        Observed {
            id: id.clone(),
            model,
            status,
        }
    }

    /// Addresses of all that exists, one entry for each thing.
    pub(super) fn existing(&self) -> Vec<String> {
        let world = self.world.lock().unwrap();
        let mut names: Vec<String> = world
            .things
            .values()
            .map(|t| t.address.logical_id.clone())
            .collect();
        names.sort();
        names
    }
}

impl World {
    pub(super) fn forget_losses(&mut self) {
        self.lost.clear();
    }

    /// Whether this call's answer is lost, and whether it is carried out all the same.
    fn loses(&mut self, address: &Address, nature: &Nature) -> Option<bool> {
        let count = self.lost.entry(address.clone()).or_default();
        let acts = nature.lost.get(*count).copied();
        *count += 1;
        acts
    }
}

fn lost_answer() -> CloudError {
    CloudError {
        message: "no answer".to_owned(),
        aws: None,
        refused: false,
    }
}

fn refusal(code: &str) -> CloudError {
    let aws = AwsWords {
        call: "fake:Call".into(),
        code: code.into(),
        message: code.into(),
        request_id: None,
    };
    CloudError {
        message: code.to_owned(),
        aws: Some(Box::new(aws)),
        refused: true,
    }
}

fn used_by(model: &Value) -> BTreeSet<PhysicalId> {
    let uses = model
        .get("Uses")
        .and_then(Value::as_map)
        .cloned()
        .unwrap_or_default();
    uses.values()
        .filter_map(|id| id.as_str().map(|id| id.trim_start_matches("arn:").into()))
        .collect()
}

#[async_trait]
impl Cloud for FakeCloud {
    async fn create(
        &self,
        target: &Target,
        desired: &Value,
        incarnation: &Incarnation,
        calls: Arc<dyn Calls>,
    ) -> Result<Observed, CloudError> {
        let nature = self.nature(&target.address).clone();
        let number = calls.intent("fake:Create").await?;
        let lost;
        let made = {
            let mut world = self.world.lock().unwrap();
            for (used, id) in desired.get("Uses").and_then(Value::as_map).unwrap() {
                let id = PhysicalId::from(id.as_str().unwrap().trim_start_matches("arn:"));
                match world.things.get(&id) {
                    None => {
                        let broken =
                            format!("{} uses {used}, which does not exist", target.address);
                        world.laws_broken.push(broken);
                    }
                    Some(thing)
                        if nature.uses[used] == Milestone::Ready && !self.is_ready(thing) =>
                    {
                        let broken = format!("{} uses {used}, which is not ready", target.address);
                        world.laws_broken.push(broken);
                    }
                    Some(_) => {}
                }
            }
            lost = world.loses(&target.address, &nature);
            if nature.refused {
                Err(refusal("Refused"))
            } else if lost == Some(false) {
                Err(lost_answer())
            } else {
                world.next += 1;
                let id = PhysicalId(format!("{}-{}", target.address.logical_id, world.next));
                let thing = Thing {
                    address: target.address.clone(),
                    incarnation: incarnation.clone(),
                    model: desired.clone(),
                    made: self.clock.now() + Duration::from_secs(nature.call),
                };
                world.things.insert(id.clone(), thing);
                Ok(id)
            }
        };
        assert!(!nature.panics, "a defect");
        self.clock.sleep(Duration::from_secs(nature.call)).await;
        let made = match lost {
            Some(_) => Err(lost_answer()),
            None => made,
        };
        calls.answered(number, made.as_ref().map(|_| ())).await?;
        let id = made?;
        let world = self.world.lock().unwrap();
        let mut observed = self.observe(&id, &world.things[&id]);
        if nature.ready > 0 || nature.broken {
            observed.status = Status::Pending;
        }
        Ok(observed)
    }

    async fn read(
        &self,
        wanted: &[(Target, PhysicalId)],
    ) -> Vec<Result<Option<Observed>, CloudError>> {
        let mut world = self.world.lock().unwrap();
        world.reads += 1;
        let visible = |thing: &&Thing| {
            self.age(thing) >= Duration::from_secs(self.nature(&thing.address).visible)
        };
        wanted
            .iter()
            .map(|(_, id)| {
                Ok(world
                    .things
                    .get(id)
                    .filter(visible)
                    .map(|thing| self.observe(id, thing)))
            })
            .collect()
    }

    async fn update(
        &self,
        target: &Target,
        id: &PhysicalId,
        _: Option<&Incarnation>,
        update: &Update<'_>,
        calls: Arc<dyn Calls>,
    ) -> Result<(), CloudError> {
        let number = calls.intent("fake:Update").await?;
        let nature = self.nature(&target.address);
        let lost = self.world.lock().unwrap().loses(&target.address, nature);
        if lost == Some(false) {
        } else if let Some(thing) = self.world.lock().unwrap().things.get_mut(id) {
            thing.model = update.desired.clone();
        }
        self.clock
            .sleep(Duration::from_secs(self.nature(&target.address).call))
            .await;
        let done = lost.map_or(Ok(()), |_| Err(lost_answer()));
        calls.answered(number, done.as_ref().copied()).await?;
        done
    }

    async fn complete(
        &self,
        _: &Target,
        _: &PhysicalId,
        _: &Value,
        _: &Incarnation,
        _: Arc<dyn Calls>,
    ) -> Result<bool, CloudError> {
        Ok(false)
    }

    async fn delete(
        &self,
        target: &Target,
        id: &PhysicalId,
        _: &Deletion,
        calls: Arc<dyn Calls>,
    ) -> Result<(), CloudError> {
        let number = calls.intent("fake:Delete").await?;
        let result = {
            let mut world = self.world.lock().unwrap();
            let lost = world.loses(&target.address, self.nature(&target.address));
            if lost == Some(false) {
                Err(lost_answer())
            } else if world
                .things
                .values()
                .any(|thing| used_by(&thing.model).contains(id))
            {
                let broken = format!("{id} is deleted and still used");
                world.laws_broken.push(broken);
                Err(refusal("DependencyViolation"))
            } else {
                world.things.remove(id);
                lost.map_or(Ok(()), |_| Err(lost_answer()))
            }
        };
        self.clock
            .sleep(Duration::from_secs(self.nature(&target.address).call))
            .await;
        calls.answered(number, result.as_ref().map(|_| ())).await?;
        result
    }

    async fn find(
        &self,
        _: &Target,
        _: &Value,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>, CloudError> {
        let world = self.world.lock().unwrap();
        let found = world
            .things
            .iter()
            .find(|(_, thing)| thing.incarnation == *incarnation)
            .filter(|(_, thing)| {
                self.age(thing) >= Duration::from_secs(self.nature(&thing.address).listed)
            });
        Ok(found.map(|(id, _)| id.clone()))
    }

    fn patience(&self, _: &str) -> Duration {
        Duration::from_secs(3600)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }
}

/// A journal in memory that cuts the run off after a number of records.
#[derive(Default)]
pub(super) struct MemoryLog {
    pub entries: Mutex<Vec<Entry>>,
    pub cut_after: Option<usize>,
    pub cut: Notify,
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, entry: Entry) -> Result<(), LogError> {
        let count = {
            let mut entries = self.entries.lock().unwrap();
            if self.cut_after.is_some_and(|after| entries.len() >= after) {
                entries.len() + 1
            } else {
                entries.push(entry);
                entries.len()
            }
        };
        if self.cut_after.is_some_and(|after| count >= after) {
            self.cut.notify_one();
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

/// What is wanted: everything in `natures` whose name is wanted, under a version.
pub(super) struct Want {
    pub natures: BTreeMap<String, Nature>,
    pub version: i64,
}

impl Wanted for Want {
    fn properties(
        &self,
        address: &Address,
        attributes: &dyn Attributes,
    ) -> Option<Result<Value, EvalError>> {
        let nature = self.natures.get(&address.logical_id)?;
        let uses = nature.uses.keys().map(|name| {
            let of = super::fake::address(name).attribute("Arn");
            (
                name.clone(),
                attributes
                    .attribute(&of)
                    .unwrap_or_else(|| Value::unknown(of)),
            )
        });
        Some(Ok(Value::Map(BTreeMap::from([
            ("Uses".to_owned(), Value::Map(uses.collect())),
            ("Version".to_owned(), Value::from(self.version)),
        ]))))
    }

    fn needs(&self, address: &Address) -> BTreeMap<Address, Dependency> {
        let nature = self
            .natures
            .get(&address.logical_id)
            .cloned()
            .unwrap_or_default();
        nature
            .uses
            .keys()
            .map(|name| (super::fake::address(name), Dependency::default()))
            .collect()
    }

    fn policies(&self, _: &Address) -> (Policy, Policy) {
        (Policy::Delete, Policy::Delete)
    }
}

/// The state file's stand-in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub resources: BTreeMap<Address, Resource>,
    pub deposed: Vec<(Address, PhysicalId)>,
}

impl Kept {
    pub(super) fn take_in(&mut self, ledger: &Ledger) {
        for change in ledger.changes() {
            match change {
                StateChange::Put(resource) => {
                    self.resources.insert(resource.address.clone(), *resource);
                }
                StateChange::Depose(address, id) => {
                    if self
                        .resources
                        .get(&address)
                        .is_some_and(|r| r.physical_id == id)
                    {
                        self.resources.remove(&address);
                        self.deposed.push((address, id));
                    }
                }
                StateChange::Remove(address, id) => {
                    self.deposed.retain(|(_, deposed)| *deposed != id);
                    if self
                        .resources
                        .get(&address)
                        .is_some_and(|r| r.physical_id == id)
                    {
                        self.resources.remove(&address);
                    }
                }
            }
        }
    }
}

/// One payctl command after the other against one fake cloud.
pub(super) struct Scene {
    pub cloud: Arc<FakeCloud>,
    pub kept: Kept,
    pub version: i64,
    pub concurrency: usize,
    incarnations: u128,
}

/// How a command went.
pub(super) struct Ended {
    /// `None` where it was cut off.
    pub outcome: Option<Outcome>,
    pub events: Vec<Event>,
    pub records: usize,
}

impl Scene {
    pub(super) fn new(natures: &[(&str, Nature)]) -> Scene {
        let cloud = FakeCloud::new(natures);
        Scene {
            cloud,
            kept: Kept::default(),
            version: 1,
            concurrency: 64,
            incarnations: 0,
        }
    }

    /// Applies (or destroys); cut off after so many records.
    pub(super) async fn run(
        &mut self,
        destroy: bool,
        cut_after: Option<usize>,
        stop: CancellationToken,
    ) -> Ended {
        let (events, mut heard) = Events::channel(self.cloud.clock.clone());
        let log = Arc::new(MemoryLog {
            cut_after,
            ..MemoryLog::default()
        });
        let run = self.prepare(destroy, log.clone(), events);
        let outcome = tokio::select! {
            biased;
            outcome = execute(run, stop) => Some(outcome),
            () = log.cut.notified() => None,
        };
        // What was on its way when the process was killed never gets further.
        tokio::task::yield_now().await;
        let entries = std::mem::take(&mut *log.entries.lock().unwrap());
        let mut ledger = Ledger::of(&entries).expect("a possible journal");
        let patience = Patience {
            looks: 3,
            pause: Duration::from_secs(1),
        };
        let settled = MemoryLog::default();
        recovery::settle(
            &mut ledger,
            self.cloud.clone(),
            &settled,
            &Events::unheard(self.cloud.clock.clone()),
            patience,
        )
        .await
        .unwrap();
        assert_eq!(ledger.in_doubt().count(), 0);
        self.kept.take_in(&ledger);
        let mut events = Vec::new();
        while let Ok(event) = heard.try_recv() {
            events.push(event);
        }
        Ended {
            outcome,
            events,
            records: entries.len(),
        }
    }

    fn prepare(&mut self, destroy: bool, log: Arc<MemoryLog>, events: Events) -> Run {
        let world = self.cloud.world.lock().unwrap();
        let mut graph = OperationGraph::new();
        let mut plan = Plan::default();
        let (mut up, mut down) = (BTreeMap::new(), BTreeMap::new());
        let (mut known, mut pending) = (BTreeMap::new(), BTreeSet::new());
        for (address, resource) in &self.kept.resources {
            if let Some(thing) = world.things.get(&resource.physical_id) {
                let Observed { id, model, status } =
                    self.cloud.observe(&resource.physical_id, thing);
                if status != Status::Ready {
                    pending.insert(address.clone());
                }
                known.insert(
                    address.clone(),
                    Known {
                        type_name: TYPE.into(),
                        id,
                        model,
                    },
                );
            }
        }
        drop(world);
        let want = Want {
            natures: self.cloud.natures.clone(),
            version: self.version,
        };
        let mut step = |name: &str, kind: OperationKind| {
            let needed_attributes = BTreeSet::from(["Arn".to_owned()]);
            graph.add_node(Operation {
                address: address(name),
                kind,
                needed_attributes,
                priority: 0,
            })
        };
        for name in self.cloud.natures.keys() {
            let address = address(name);
            let prior = self.kept.resources.get(&address);
            let replaced = prior.is_some_and(|prior| prior.tainted);
            let version = known
                .get(&address)
                .and_then(|k| k.model.get("Version").cloned());
            let action = match prior {
                Some(_) if destroy => Action::Delete { snapshot: false },
                None if destroy => continue,
                None => Action::Create,
                Some(_) if replaced => Action::Replace(crate::plan::ReplaceOrder::CreateFirst),
                Some(_) if version != Some(Value::from(self.version)) => Action::Update,
                Some(_) => Action::NoOp,
            };
            let after = want
                .properties(&address, &BTreeMap::new())
                .unwrap()
                .unwrap();
            let edits = vec![Edit {
                property: "Version".into(),
                before: version,
                after: Some(Value::from(self.version)),
                replaces: false,
            }];
            let up_kind = match action {
                Action::NoOp => Some(OperationKind::Keep),
                Action::Update => Some(OperationKind::Update),
                Action::Create => Some(OperationKind::Create { replaces: false }),
                Action::Replace(_) => Some(OperationKind::Create { replaces: true }),
                _ => None,
            };
            if let Some(kind) = up_kind {
                up.insert(name.clone(), step(name, kind));
            }
            if let (Some(prior), true) = (prior, destroy || replaced) {
                let physical_id = prior.physical_id.clone();
                let kind = OperationKind::Delete {
                    physical_id,
                    snapshot: false,
                    replaced,
                };
                down.insert(name.clone(), step(name, kind));
            }
            let change = Change {
                address: address.clone(),
                type_name: TYPE.into(),
                physical_id: prior.map(|prior| prior.physical_id.clone()),
                action,
                reasons: Vec::new(),
                edits,
                before: None,
                after: Some(after),
                removal: Removal::Delete,
                native: true,
                stateful: false,
            };
            plan.changes.insert(address, change);
        }
        let mut deposed = Vec::new();
        for (address, id) in &self.kept.deposed {
            let kind = OperationKind::Delete {
                physical_id: id.clone(),
                snapshot: false,
                replaced: true,
            };
            deposed.push((address.logical_id.clone(), step(&address.logical_id, kind)));
        }
        let mut edges = BTreeMap::new();
        for (name, nature) in &self.cloud.natures {
            for (used, milestone) in &nature.uses {
                if let (Some(used), Some(user)) = (up.get(used), up.get(name)) {
                    edges.insert((*used, *user), *milestone);
                }
                let olds = |of: &str| {
                    let deposed = deposed
                        .iter()
                        .filter(|(name, _)| name == of)
                        .map(|(_, node)| *node);
                    down.get(of)
                        .copied()
                        .into_iter()
                        .chain(deposed)
                        .collect::<Vec<_>>()
                };
                for old in olds(used) {
                    edges.extend(
                        olds(name)
                            .into_iter()
                            .map(|user| ((user, old), Milestone::Ready)),
                    );
                    edges.extend(up.get(name).map(|user| ((*user, old), Milestone::Ready)));
                }
            }
            if let (Some(new), Some(old)) = (up.get(name), down.get(name)) {
                edges.insert((*new, *old), Milestone::Ready);
            }
        }
        for ((from, to), milestone) in edges {
            graph.add_edge(from, to, milestone);
        }
        for node in petgraph::algo::toposort(&graph, None)
            .unwrap()
            .into_iter()
            .rev()
        {
            let behind = graph.neighbors(node).map(|next| graph[next].priority).max();
            graph[node].priority = behind.unwrap_or(0) + 1;
        }
        let first = self.incarnations;
        self.incarnations += 1_000;
        let drawn = std::sync::atomic::AtomicU64::new(0);
        Run {
            plan,
            operations: graph,
            wanted: Arc::new(want),
            before: BTreeMap::new(),
            known,
            pending,
            cloud: self.cloud.clone(),
            log,
            events,
            seal: Arc::new(Value::clone),
            seal_observed: Arc::new(Value::clone),
            draw: Arc::new(move || {
                let next = drawn.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                Incarnation::from_bits(first + u128::from(next) + 1)
            }),
            concurrency: self.concurrency,
            pace: Pace {
                first: Duration::ZERO,
                ..Pace::default()
            },
        }
    }
}
