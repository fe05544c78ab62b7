//! One payctl command after the other: a journal, a state and a plan for the executor.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use payctl_model::{Address, Incarnation, PhysicalId, Value};
use payctl_state::{Dependency, Policy};
use tokio::sync::Notify;

use crate::apply::cloud::{Observed, Status};
use crate::apply::executor::{Outcome, Run, Wanted, execute};
use crate::apply::ledger::{Ledger, Resource, StateChange};
use crate::apply::log::{Entry, Log, LogError};
use crate::apply::models::Known;
use crate::apply::poller::Pace;
use crate::apply::recovery::{self, Patience};
use crate::apply::{Event, Events};
use crate::plan::{
    Action, Change, Edit, Milestone, Operation, OperationGraph, OperationKind, Plan, Removal,
};
use crate::template::{Attributes, EvalError};
use tokio_util::sync::CancellationToken;

use super::{FakeCloud, Nature, TYPE, address, used_by};

/// A journal in memory that cuts the run off after a number of records.
#[derive(Default)]
pub(in crate::apply) struct MemoryLog {
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
pub(in crate::apply) struct Want {
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
            let of = super::address(name).attribute("Arn");
            (
                name.clone(),
                attributes
                    .attribute(&of)
                    .unwrap_or_else(|| Value::unknown(of)),
            )
        });
        let mut properties = BTreeMap::from([("Uses".to_owned(), Value::Map(uses.collect()))]);
        match nature.deploys {
            None => {
                properties.insert("Version".to_owned(), Value::from(self.version));
            }
            Some(_) => {
                let service = serde_json::json!({
                    "TaskDefinition": format!("api:{}", self.version), "Cluster": "main", "ServiceName": "api",
                    "LoadBalancers": [{"ContainerName": "api", "ContainerPort": 80}],
                    // Of the group that deploys it.
                    "ApplicationName": "shop", "DeploymentGroupName": "api",
                });
                let service = Value::from(service);
                properties.extend(service.as_map().cloned().unwrap_or_default());
            }
        }
        Some(Ok(Value::Map(properties)))
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
            .map(|name| (super::address(name), Dependency::default()))
            .collect()
    }

    fn policies(&self, _: &Address) -> (Policy, Policy) {
        (Policy::Delete, Policy::Delete)
    }
}

/// The state file's stand-in.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::apply) struct Kept {
    pub resources: BTreeMap<Address, Resource>,
    pub deposed: Vec<(Address, PhysicalId)>,
}

impl Kept {
    pub(in crate::apply) fn take_in(&mut self, ledger: &Ledger) {
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
pub(in crate::apply) struct Scene {
    pub cloud: Arc<FakeCloud>,
    pub kept: Kept,
    pub version: i64,
    pub concurrency: usize,
    incarnations: u128,
}

/// How a command went.
pub(in crate::apply) struct Ended {
    /// `None` where it was cut off.
    pub outcome: Option<Outcome>,
    pub events: Vec<Event>,
    pub records: usize,
}

impl Scene {
    pub(in crate::apply) fn new(natures: &[(&str, Nature)]) -> Scene {
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
    pub(in crate::apply) async fn run(
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
        self.cloud.world.lock().unwrap().asked.clear();
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
        // Whether something is there: no call is made for what AWS tells of it besides.
        let nothing = Some(BTreeSet::new());
        let asked = &self.cloud.world.lock().unwrap().asked;
        assert!(
            asked.iter().all(|declared| *declared == nothing),
            "{asked:?}"
        );
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
            let deploys = self.cloud.natures[name].deploys.is_some();
            let (property, wanted) = match deploys {
                true => (
                    "TaskDefinition",
                    Value::from(format!("api:{}", self.version)),
                ),
                false => ("Version", Value::from(self.version)),
            };
            let version = known
                .get(&address)
                .and_then(|k| k.model.get(property).cloned());
            // What it uses is another one now, or will be.
            let model = known.get(&address).map(|known| &known.model);
            let ids = model.map(used_by).unwrap_or_default();
            let moves = self.cloud.natures[name].uses.keys().any(|used| {
                let used = self.kept.resources.get(&super::address(used));
                used.is_some_and(|used| used.tainted || !ids.contains(&used.physical_id))
            });
            let action = match prior {
                Some(_) if destroy => Action::Delete { snapshot: false },
                None if destroy => continue,
                None => Action::Create,
                Some(_) if replaced => Action::Replace(crate::plan::ReplaceOrder::CreateFirst),
                Some(_) if deploys && version.as_ref() != Some(&wanted) => Action::Deploy,
                Some(_) if moves || version.as_ref() != Some(&wanted) => Action::Update,
                Some(_) => Action::NoOp,
            };
            let after = want
                .properties(&address, &BTreeMap::new())
                .unwrap()
                .unwrap();
            let edits = vec![Edit {
                property: property.into(),
                before: version,
                after: Some(wanted),
                replaces: false,
                default: None,
            }];
            let up_kind = match action {
                Action::NoOp => Some(OperationKind::Keep),
                Action::Update => Some(OperationKind::Update),
                Action::Deploy => Some(OperationKind::Deploy),
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
                provisioned: true,
                stateful: false,
                // The service stands for its group, too.
                deployment: deploys.then(|| crate::plan::Deployment {
                    by: crate::plan::Manager::CodeDeploy,
                    group: Some(address.clone()),
                    words: "blue/green".to_owned(),
                }),
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
            force_secrets: false,
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
