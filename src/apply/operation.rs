//! What one operation does: evaluate, check against the plan, write down, call, write down, wait. Each kind of operation has a file of
//! its own; here stands what they share.

mod create;
mod delete;
pub(crate) mod deployment;
pub(super) mod superseded;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use payctl_model::facts::custom::DATA;
use payctl_model::{Address, AttributeOf, Incarnation, PhysicalId, PropertyPath, Secret, Value};
use petgraph::graph::NodeIndex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::cloud::{
    AppSpec, Calls, Cloud, CloudError, Controller, Deletion, Deployment, Observed, Rollout, Stage,
    Status, Target, Update,
};
use super::events::{Events, Happened, Verb};
use super::executor::{Before, Wanted};
use super::failure::{About, Cause, Failure};
use super::journalled::Journalled;
use super::log::{Entry, Intent, Log, LogError, OperationId};
use super::models::{Known, Models};
use super::poller::{Pace, Poller, Until};
use super::recovery::{self, Patience};
use super::references::{References, Resolution};
use crate::apply::executor::Seal;
use crate::graph::touches;
use crate::plan::references as applied;
use crate::plan::{
    Action, Change, Milestone, Operation, OperationGraph, OperationKind, Plan, ReplaceOrder,
    masked_like, refines,
};
use crate::template::Place;

/// How often something is done in all whose outcome AWS did not tell. The client itself has tried several times by then.
const ATTEMPTS: u32 = 4;
/// Before the second attempt; twice as long before each further one.
const PAUSE: Duration = Duration::from_secs(2);

/// What a running operation tells the walk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Progress {
    /// It has come this far.
    Reached(NodeIndex, Milestone),
    /// It has made its calls and only waits.
    Waits(NodeIndex),
}

/// What all operations of a run share.
pub(super) struct Doing {
    pub(super) graph: Arc<OperationGraph>,
    pub(super) plan: Plan,
    pub(super) wanted: Arc<dyn Wanted>,
    pub(super) before: BTreeMap<(Address, PhysicalId), Before>,
    pub(super) models: Arc<Models>,
    pub(super) poller: Poller,
    pub(super) pace: Pace,
    pub(super) references: References,
    /// What was sent of what this run makes or changes, references resolved: where secrets stand in what AWS tells of it.
    pub(super) sent: Mutex<BTreeMap<Address, Value>>,
    pub(super) cloud: Arc<dyn Cloud>,
    pub(super) log: Arc<dyn Log>,
    pub(super) events: Events,
    pub(super) seal: Seal,
    pub(super) seal_observed: Seal,
    pub(super) draw: Arc<dyn Fn() -> Incarnation + Send + Sync>,
    pub(super) progress: mpsc::UnboundedSender<Progress>,
    pub(super) stop: CancellationToken,
    /// Secrets are deleted without a recovery window.
    pub(super) force_secrets: bool,
    /// What updates have made other resources of, to be deleted when all that uses them has moved.
    pub(super) superseded: Mutex<Vec<superseded::Superseded>>,
}

/// One operation while it is carried out.
struct Current<'a> {
    node: NodeIndex,
    id: OperationId,
    operation: &'a Operation,
    verb: Verb,
    target: Target,
    started: SystemTime,
}

impl Doing {
    /// The names under which it has to be read: what is declared, and what consumers wait for.
    fn interesting(&self, operation: &Operation) -> BTreeSet<String> {
        let change = self.plan.changes.get(&operation.address);
        let after = change.and_then(|change| change.after.as_ref());
        let declared = after.into_iter().flat_map(payctl_resources::declared_names);
        let needed = operation.needed_attributes.iter();
        declared
            .chain(needed.map(|name| super::refresh::head(name)))
            .collect()
    }

    /// Does one operation. Ends well before it is ready where the run is interrupted meanwhile.
    pub(super) async fn carry_out(&self, node: NodeIndex) -> Result<(), Failure> {
        self.attempt(node).await.map_err(|mut failure| {
            let operation = &self.graph[node];
            let place = self.wanted.place(&operation.address);
            // What a function of the template failed on stands at a place of its own.
            let place = match (&*failure.cause, place) {
                (Cause::Evaluation(error), Some(place)) if error.span.length > 0 => Some(Place {
                    span: error.span,
                    ..place
                }),
                (Cause::Reference(error), place) => self
                    .wanted
                    .place_of(&operation.address, &error.property)
                    .or(place),
                (_, place) => place,
            };
            failure.about = Some(Box::new(About {
                verb: super::executor::verb(&operation.kind).unwrap_or(Verb::Keep),
                type_name: self.type_name(operation).unwrap_or_default(),
                place,
            }));
            failure
        })
    }

    async fn attempt(&self, node: NodeIndex) -> Result<(), Failure> {
        let operation = &self.graph[node];
        let forgotten = match &operation.kind {
            OperationKind::Delete {
                physical_id,
                replaced: true,
                ..
            } if self.is_taken_over(&operation.address, physical_id) => Some(Operation {
                kind: OperationKind::Forget {
                    physical_id: physical_id.clone(),
                    replaced: true,
                },
                ..operation.clone()
            }),
            _ => None,
        };
        let operation = forgotten.as_ref().unwrap_or(operation);
        let verb = super::executor::verb(&operation.kind).unwrap_or(Verb::Keep);
        let current = Current {
            node,
            id: node.index() as OperationId,
            operation,
            verb,
            target: Target {
                address: operation.address.clone(),
                type_name: self.type_name(operation)?,
                declared: Some(self.interesting(operation)),
            },
            started: self.cloud.clock().now(),
        };
        match &operation.kind {
            OperationKind::Keep => self.keep(&current).await,
            OperationKind::Create { .. } => self.create(&current).await,
            OperationKind::Update => self.update(&current).await,
            OperationKind::Deploy => self.deploy(&current).await,
            OperationKind::Adopt(id) => self.adopt(&current, id).await,
            OperationKind::Delete {
                physical_id,
                snapshot,
                replaced,
            } => {
                self.delete(&current, physical_id, *snapshot, *replaced)
                    .await
            }
            OperationKind::Forget {
                physical_id,
                replaced,
            } => self.forget(&current, physical_id, *replaced).await,
        }
    }

    /// Nothing is called; it only becomes ready.
    async fn keep(&self, current: &Current<'_>) -> Result<(), Failure> {
        let _ = self.progress.send(Progress::Waits(current.node));
        let Some(known) = self.models.get(&current.target.address) else {
            return Err(Cause::NotPlanned.into());
        };
        self.reached(current.node, Milestone::Accepted);
        match self.wait(current, &known.id, Until::Ready).await {
            Ok(Some(observed)) => {
                self.learn(current, &observed);
                self.reached(current.node, Milestone::Ready);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(cause) => Err(Failure::of(cause, &known.id)),
        }
    }

    /// What AWS has at this moment; `None` where it is gone.
    async fn seen(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
    ) -> Result<Option<Observed>, CloudError> {
        let wanted = [(current.target.clone(), id.clone())];
        let seen = self.cloud.read(&wanted).await.pop().transpose()?;
        Ok(seen.flatten().filter(|seen| seen.status != Status::Gone))
    }

    /// From accepted to ready; `false` where the run was interrupted meanwhile.
    async fn settle_down(
        &self,
        current: &Current<'_>,
        mut observed: Observed,
    ) -> Result<bool, Failure> {
        let id = observed.id.clone();
        let _ = self.progress.send(Progress::Waits(current.node));
        let needed = &current.operation.needed_attributes;
        // What its provider did not return never comes; who needs it says so.
        let comes = !self.cloud.is_remembered(&current.target.type_name);
        if comes && !self.knows(current, needed) {
            match self.wait(current, &id, Until::Known(needed.clone())).await {
                Ok(Some(seen)) => observed = seen,
                Ok(None) => return Ok(false),
                Err(cause) => return Err(Failure::of(cause, &id)),
            }
            self.exists(current, &observed).await?;
            self.learn(current, &observed);
        }
        let target = &current.target;
        self.references
            .forget(&target.address.region, &target.type_name);
        // Told before its consumers can begin, so that the order of the events is the order of what happened.
        self.events.send(Happened::Accepted {
            address: current.target.address.clone(),
            verb: current.verb,
            physical_id: id.clone(),
        });
        self.reached(current.node, Milestone::Accepted);
        if !observed.status.is_ready() {
            match self.wait(current, &id, Until::Ready).await {
                Ok(Some(seen)) => observed = seen,
                Ok(None) => return Ok(false),
                Err(cause) => return Err(Failure::of(cause, &id)),
            }
            self.exists(current, &observed).await?;
            self.learn(current, &observed);
        }
        self.events.send(Happened::Ready {
            address: current.target.address.clone(),
            verb: current.verb,
        });
        Ok(true)
    }

    /// The last record and the last event of an operation.
    async fn conclude(
        &self,
        current: &Current<'_>,
        result: Result<bool, Failure>,
    ) -> Result<(), Failure> {
        match result {
            Ok(ready) => {
                // What was made is complete even where nobody waited for it to be ready.
                self.log
                    .append(Entry::Done {
                        operation: current.id,
                    })
                    .await?;
                if !ready {
                    return Ok(());
                }
                let physical_id = match &current.operation.kind {
                    OperationKind::Delete { physical_id, .. }
                    | OperationKind::Forget { physical_id, .. } => Some(physical_id.clone()),
                    _ => self
                        .models
                        .get(&current.target.address)
                        .map(|known| known.id),
                };
                let took = self
                    .cloud
                    .clock()
                    .now()
                    .duration_since(current.started)
                    .unwrap_or_default();
                self.events.send(Happened::Done {
                    address: current.target.address.clone(),
                    verb: current.verb,
                    physical_id,
                    seconds: took.as_secs_f64(),
                    note: None,
                });
                let target = &current.target;
                self.references
                    .forget(&target.address.region, &target.type_name);
                self.reached(current.node, Milestone::Ready);
                Ok(())
            }
            Err(failure) => Err(self.failed(current, failure).await),
        }
    }

    /// Writes a failure down, unless what exists is in doubt: then the intent must stay open.
    async fn failed(&self, current: &Current<'_>, mut failure: Failure) -> Failure {
        if failure.in_doubt || matches!(*failure.cause, Cause::Log(_)) {
            return failure;
        }
        let made = matches!(current.operation.kind, OperationKind::Create { .. });
        let entry = Entry::Failed {
            operation: current.id,
            reason: failure.to_string(),
            tainted: failure.physical_id.clone().filter(|_| made),
        };
        if self.log.append(entry).await.is_err() {
            failure.in_doubt = true;
        }
        failure
    }

    /// What the resource shall be, with everything known, checked against what was planned.
    fn desired(&self, current: &Current<'_>) -> Result<Value, Failure> {
        let address = &current.target.address;
        let desired = self
            .wanted
            .properties(address, &*self.models)
            .ok_or(Failure::from(Cause::NotPlanned))??;
        let unknowns = desired.unknowns();
        if let Some(error) = unknowns.iter().find_map(|of| self.not_returned(of)) {
            return Err(Cause::from(error).into());
        }
        if !unknowns.is_empty() {
            return Err(Cause::Unknown(unknowns.into_iter().collect()).into());
        }
        let planned = self
            .change(current)?
            .after
            .as_ref()
            .ok_or(Failure::from(Cause::NotPlanned))?;
        refines(planned, &desired).map_err(Cause::NotAsPlanned)?;
        Ok(desired)
    }

    /// Why there is no such attribute of a custom resource that exists.
    fn not_returned(&self, of: &AttributeOf) -> Option<CloudError> {
        let known = self.models.get(&of.address)?;
        let data = known.model.get(DATA).and_then(Value::as_map);
        if !self.cloud.is_remembered(&known.type_name) {
            return None;
        }
        let names: Vec<&str> = data
            .into_iter()
            .flatten()
            .map(|(name, _)| name.as_str())
            .collect();
        let returned = match names.is_empty() {
            true => "it returned none".to_owned(),
            false => format!("it returned {}", names.join(", ")),
        };
        Some(CloudError {
            message: format!(
                "the provider of {} returned no attribute `{}`: {returned}",
                of.address, of.attribute
            ),
            aws: None,
            refused: true,
        })
    }

    /// What the resource shall be, with what its dynamic references stand for. `before`: what it is updated from.
    async fn resolved(
        &self,
        current: &Current<'_>,
        before: Option<&Before>,
    ) -> Result<Resolution, Failure> {
        let desired = self.desired(current)?;
        let change = self.change(current)?;
        let applied = before.map_or_else(Value::map, |before| before.last_applied.clone());
        let is_edited = |property: &PropertyPath| is_edited(change, property);
        let kept = super::references::kept(&applied, is_edited);
        let target = &current.target;
        let resolved = self
            .references
            .resolve(&target.address.region, &target.type_name, &desired, &kept)
            .await?;
        self.models.hide(resolved.secrets.clone());
        self.sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(target.address.clone(), resolved.values.clone());
        Ok(resolved)
    }

    fn change(&self, current: &Current<'_>) -> Result<&Change, Failure> {
        self.plan
            .changes
            .get(&current.target.address)
            .ok_or(Failure::from(Cause::NotPlanned))
    }

    /// The type of what an operation is about: of deletions that of what exists, which a replacement may change.
    fn type_name(&self, operation: &Operation) -> Result<String, Failure> {
        if let OperationKind::Delete { physical_id, .. } | OperationKind::Forget { physical_id, .. } =
            &operation.kind
            && let Some(before) = self
                .before
                .get(&(operation.address.clone(), physical_id.clone()))
        {
            return Ok(before.type_name.clone());
        }
        let change = self.plan.changes.get(&operation.address);
        change
            .map(|change| change.type_name.clone())
            .ok_or(Failure::from(Cause::NotPlanned))
    }

    fn intent(
        &self,
        current: &Current<'_>,
        incarnation: Option<Incarnation>,
        physical_id: Option<PhysicalId>,
        desired: Option<&Value>,
        replaced: bool,
    ) -> Intent {
        let address = &current.target.address;
        let (deletion_policy, update_replace_policy) = self.wanted.policies(address);
        Intent {
            operation: current.id,
            address: address.clone(),
            verb: current.verb,
            type_name: current.target.type_name.clone(),
            incarnation,
            physical_id,
            desired: desired.map(|desired| (self.seal)(desired)),
            dependencies: if desired.is_some() {
                self.wanted.needs(address)
            } else {
                BTreeMap::new()
            },
            deletion_policy,
            update_replace_policy,
            replaced,
        }
    }

    /// Where this operation's mutating calls are written down.
    fn calls(&self, current: &Current<'_>) -> Arc<Journalled> {
        self.journalled(current.id, &current.target.address, current.verb)
    }

    fn journalled(&self, operation: OperationId, address: &Address, verb: Verb) -> Arc<Journalled> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let journalled = Journalled::new(
            self.log.clone(),
            self.events.clone(),
            operation,
            address.clone(),
            verb,
        );
        Arc::new(journalled.sealing(self.seal_observed.clone(), sent.get(address).cloned()))
    }

    async fn start(&self, current: &Current<'_>, intent: Intent) -> Result<(), Failure> {
        self.events.send(Happened::Started {
            address: current.target.address.clone(),
            verb: current.verb,
            type_name: current.target.type_name.clone(),
        });
        Ok(self.log.append(Entry::Intent(Box::new(intent))).await?)
    }

    async fn exists(&self, current: &Current<'_>, observed: &Observed) -> Result<(), LogError> {
        let entry = Entry::Exists {
            operation: current.id,
            physical_id: observed.id.clone(),
            attributes: (self.seal_observed)(&self.masked(current, &observed.model)),
        };
        self.log.append(entry).await
    }

    fn learn(&self, current: &Current<'_>, observed: &Observed) {
        let known = Known {
            type_name: current.target.type_name.clone(),
            id: observed.id.clone(),
            model: self.masked(current, &observed.model),
        };
        self.models.set(&current.target.address, known);
    }

    /// What AWS tells, with secrets where what was sent has them.
    fn masked(&self, current: &Current<'_>, model: &Value) -> Value {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        match sent.get(&current.target.address) {
            Some(sent) => masked_like(model, sent),
            None => model.clone(),
        }
    }

    fn knows(&self, current: &Current<'_>, names: &std::collections::BTreeSet<String>) -> bool {
        names.is_empty()
            || self
                .models
                .get(&current.target.address)
                .is_some_and(|known| known.has(names))
    }

    /// `None` where the run was interrupted meanwhile.
    async fn wait(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
        until: Until,
    ) -> Result<Option<Observed>, Cause> {
        tokio::select! {
            observed = self.poller.wait(&current.target, id, current.verb, until) => observed,
            () = self.stop.cancelled() => Ok(None),
        }
    }

    fn reached(&self, node: NodeIndex, milestone: Milestone) {
        // The walk listens for as long as there are operations.
        let _ = self.progress.send(Progress::Reached(node, milestone));
    }
}

/// What AWS told, before the secrets in it were marked.
fn in_the_open(model: &Value) -> Value {
    model.map_leaves(&mut |leaf| match leaf {
        Value::Secret(Secret::Plain(text)) => Value::from(&**text),
        other => other.clone(),
    })
}

/// Whether the plan changes this property.
fn is_edited(change: &Change, property: &PropertyPath) -> bool {
    let mut edits = change.edits.iter();
    edits.any(|edit| touches(&edit.property, property))
}
