//! The steps of a plan and what each waits for.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, PhysicalId};
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::prior::priors;
use super::{Action, Change, Deposed, Milestone, Plan, Removal, ReplaceOrder};
use crate::graph::ResourceGraph;
use payctl_state::State;

/// What the executor walks: an edge's target starts when its source has reached the edge's milestone. Acyclic.
pub type OperationGraph = DiGraph<Operation, Milestone>;

/// One step of the executor. What it needs to know about the resource stands in [`super::Plan::changes`].
#[derive(Clone, Debug, PartialEq)]
pub struct Operation {
    /// Which resource.
    pub address: Address,
    /// What is done to it.
    pub kind: OperationKind,
    /// Attributes that consumers wait for: a source is [`Milestone::Accepted`] only when they are known.
    pub needed_attributes: BTreeSet<String>,
    /// How much waits behind it, in steps of the longest chain: the greater, the earlier it starts.
    pub priority: u64,
}

/// The kinds of steps. A replacement is two of them.
#[derive(Clone, Debug, PartialEq)]
pub enum OperationKind {
    /// Nothing to call; consumers start at once.
    Keep,
    /// Make it (of a replacement: the new one).
    Create {
        /// Whether it takes the place of another.
        replaces: bool,
    },
    /// Change it in place.
    Update,
    /// Change it by a deployment, and in place where that is enough.
    Deploy,
    /// Take what an interrupted run made into the state.
    Adopt(PhysicalId),
    /// Delete it (of a replacement: the old one; or a deposed one left by an earlier run).
    Delete {
        /// AWS's identifier of what goes.
        physical_id: PhysicalId,
        /// Whether a final snapshot is taken first.
        snapshot: bool,
        /// Whether its successor lives on under the same address, or will.
        replaced: bool,
    },
    /// Take it out of the state and leave it in AWS.
    Forget {
        /// AWS's identifier of what is forgotten.
        physical_id: PhysicalId,
        /// Whether its successor lives on under the same address, or will.
        replaced: bool,
    },
}

/// Splits a plan into steps. Edges of the templates order what is made and changed; what each resource used when it was
/// applied (the state's dependencies) orders what is deleted.
pub fn operations(plan: &Plan, graph: &ResourceGraph, state: &State) -> OperationGraph {
    let (prior, _) = priors(state);
    let mut steps = Steps {
        operations: DiGraph::new(),
        up: BTreeMap::new(),
        down: BTreeMap::new(),
    };
    for change in plan.changes.values() {
        steps.add(change);
    }
    for (address, node) in &steps.up {
        let read = graph
            .consumers(address)
            .into_iter()
            .flat_map(|(_, edge)| edge.attributes());
        let read: BTreeSet<String> = read.map(str::to_owned).collect();
        steps.operations[*node].needed_attributes = read;
    }
    for output in graph.outputs().values() {
        for (_, of) in output.value.references() {
            if let Some(node) = steps.up.get(&of.address) {
                steps.operations[*node]
                    .needed_attributes
                    .insert(of.attribute);
            }
        }
    }
    let deposed: Vec<(&Deposed, NodeIndex)> = plan
        .deposed
        .iter()
        .map(|deposed| (deposed, steps.add_deposed(deposed)))
        .collect();

    // What cannot be otherwise: it follows the templates, which have no cycle, and pairs of old and new.
    let mut edges: Vec<(NodeIndex, NodeIndex, Milestone)> = Vec::new();
    for (producer, consumer, edge) in graph.edges() {
        if let (Some(producer), Some(consumer)) = (steps.up.get(producer), steps.up.get(consumer)) {
            edges.push((*producer, *consumer, edge.milestone));
        }
    }
    for change in plan.changes.values() {
        if let (Action::Replace(order), Some(new), Some(old)) = (
            &change.action,
            steps.up.get(&change.address),
            steps.down.get(&change.address),
        ) {
            edges.push(match order {
                ReplaceOrder::CreateFirst => (*new, *old, Milestone::Ready),
                ReplaceOrder::DeleteFirst => (*old, *new, Milestone::Ready),
            });
        }
    }
    for (goes, comes) in &plan.makes_room {
        if let (Some(old), Some(new)) = (steps.down.get(goes), steps.up.get(comes)) {
            edges.push((*old, *new, Milestone::Ready));
        }
    }
    // What follows from how things were when they were applied. Templates that have turned a dependency round could make
    // a cycle with it: there it gives way, and AWS's own refusal would tell.
    let mut soft: Vec<(NodeIndex, NodeIndex)> = Vec::new();
    for (user, prior) in &prior {
        for used in prior.dependencies.keys() {
            let Some(old) = steps.down.get(used).copied() else {
                continue;
            };
            // The old user goes before what it used.
            soft.extend(steps.down.get(user).map(|user| (*user, old)));
            // What stays has moved away from what it used before that goes, unless that had to go first.
            if !plan
                .changes
                .get(used)
                .is_some_and(|c| c.action == Action::Replace(ReplaceOrder::DeleteFirst))
            {
                soft.extend(steps.up.get(user).map(|user| (*user, old)));
            }
        }
    }
    for (producer, consumer, _) in graph.edges() {
        let first = plan
            .changes
            .get(producer)
            .is_some_and(|c| c.action == Action::Replace(ReplaceOrder::CreateFirst));
        if let (true, Some(old), Some(user)) =
            (first, steps.down.get(producer), steps.up.get(consumer))
        {
            soft.push((*user, *old));
        }
    }
    // What stays deposed goes after its successor's users have moved, and after what used it and goes too.
    for (gone, old) in &deposed {
        soft.extend(steps.up.get(&gone.address).map(|new| (*new, *old)));
        for (consumer, _) in graph.consumers(&gone.address) {
            soft.extend(steps.up.get(consumer).map(|user| (*user, *old)));
        }
        for used in &gone.dependencies {
            soft.extend(steps.down.get(used).map(|used| (*old, *used)));
            let others = deposed
                .iter()
                .filter(|(other, node)| other.address == *used && node != old);
            soft.extend(others.map(|(_, used)| (*old, *used)));
        }
    }
    steps.connect(edges, soft);
    steps.prioritize();
    steps.operations
}

/// The steps while they are put together: per address what brings it about, and what takes the old one away.
struct Steps {
    operations: OperationGraph,
    up: BTreeMap<Address, NodeIndex>,
    down: BTreeMap<Address, NodeIndex>,
}

impl Steps {
    fn add(&mut self, change: &Change) {
        let up = match &change.action {
            Action::NoOp => Some(OperationKind::Keep),
            Action::Create => Some(OperationKind::Create { replaces: false }),
            Action::Replace(_) => Some(OperationKind::Create { replaces: true }),
            Action::Update => Some(OperationKind::Update),
            Action::Deploy => Some(OperationKind::Deploy),
            Action::Adopt(id) => Some(OperationKind::Adopt(id.clone())),
            Action::Delete { .. } | Action::Retain | Action::Forget => None,
        };
        if let Some(kind) = up {
            let node = self.step(&change.address, kind);
            self.up.insert(change.address.clone(), node);
        }
        let Some(id) = &change.physical_id else {
            return;
        };
        let down = match &change.action {
            Action::Replace(_) => removal(id, change.removal, true),
            Action::Delete { snapshot } => OperationKind::Delete {
                physical_id: id.clone(),
                snapshot: *snapshot,
                replaced: false,
            },
            Action::Retain | Action::Forget => removal(id, Removal::Retain, false),
            Action::NoOp | Action::Create | Action::Update | Action::Deploy | Action::Adopt(_) => {
                return;
            }
        };
        let node = self.step(&change.address, down);
        self.down.insert(change.address.clone(), node);
    }

    fn add_deposed(&mut self, deposed: &Deposed) -> NodeIndex {
        self.step(
            &deposed.address,
            removal(&deposed.physical_id, deposed.removal, true),
        )
    }

    fn step(&mut self, address: &Address, kind: OperationKind) -> NodeIndex {
        let needed_attributes = BTreeSet::new();
        self.operations.add_node(Operation {
            address: address.clone(),
            kind,
            needed_attributes,
            priority: 0,
        })
    }

    /// Adds all edges; of the soft ones those that make no cycle.
    fn connect(
        &mut self,
        hard: Vec<(NodeIndex, NodeIndex, Milestone)>,
        soft: Vec<(NodeIndex, NodeIndex)>,
    ) {
        for (from, to, milestone) in hard {
            self.edge(from, to, milestone);
        }
        let only_hard = self.operations.clone();
        for (from, to) in &soft {
            if from != to {
                self.edge(*from, *to, Milestone::Ready);
            }
        }
        if !petgraph::algo::is_cyclic_directed(&self.operations) {
            return;
        }
        // One by one is quadratic: only where it must be.
        self.operations = only_hard;
        for (from, to) in soft {
            if from != to && !petgraph::algo::has_path_connecting(&self.operations, to, from, None)
            {
                self.edge(from, to, Milestone::Ready);
            }
        }
    }

    fn edge(&mut self, from: NodeIndex, to: NodeIndex, milestone: Milestone) {
        match self.operations.find_edge(from, to) {
            Some(edge) => self.operations[edge] = self.operations[edge].max(milestone),
            None => {
                self.operations.add_edge(from, to, milestone);
            }
        }
    }

    /// Sets every step's priority to the length of the longest chain that waits for it, itself included.
    fn prioritize(&mut self) {
        let Ok(order) = petgraph::algo::toposort(&self.operations, None) else {
            return;
        };
        for node in order.into_iter().rev() {
            let behind = self
                .operations
                .edges(node)
                .map(|edge| self.operations[edge.target()].priority)
                .max();
            let own = u64::from(self.operations[node].kind != OperationKind::Keep);
            self.operations[node].priority = behind.unwrap_or(0) + own;
        }
    }
}

fn removal(id: &PhysicalId, removal: Removal, replaced: bool) -> OperationKind {
    let physical_id = id.clone();
    match removal {
        Removal::Retain => OperationKind::Forget {
            physical_id,
            replaced,
        },
        Removal::Delete => OperationKind::Delete {
            physical_id,
            snapshot: false,
            replaced,
        },
        Removal::Snapshot => OperationKind::Delete {
            physical_id,
            snapshot: true,
            replaced,
        },
    }
}
