//! What one operation does: evaluate, check against the plan, write down, call, write down, wait.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use payctl_model::{Address, Incarnation, PhysicalId, PropertyPath, Secret, Value};
use petgraph::graph::NodeIndex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::cloud::{Calls, Cloud, CloudError, Deletion, Observed, Status, Target, Update};
use super::events::{Events, Happened, Verb};
use super::executor::{Before, Wanted};
use super::failure::{About, Cause, Failure};
use super::log::{Entry, Intent, Log, LogError, OperationId};
use super::models::{Known, Models};
use super::poller::{Poller, Until};
use super::recovery::{self, Patience};
use super::references::{References, Resolution};
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
    pub(super) references: References,
    /// What was sent of what this run makes or changes, references resolved: where secrets stand in what AWS tells of it.
    pub(super) sent: Mutex<BTreeMap<Address, Value>>,
    pub(super) cloud: Arc<dyn Cloud>,
    pub(super) log: Arc<dyn Log>,
    pub(super) events: Events,
    pub(super) seal: Arc<dyn Fn(&Value) -> Value + Send + Sync>,
    pub(super) seal_observed: Arc<dyn Fn(&Value) -> Value + Send + Sync>,
    pub(super) draw: Arc<dyn Fn() -> Incarnation + Send + Sync>,
    pub(super) progress: mpsc::UnboundedSender<Progress>,
    pub(super) stop: CancellationToken,
    /// Secrets are deleted without a recovery window.
    pub(super) force_secrets: bool,
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
        let forgotten = self.taken_over(operation);
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

    async fn create(&self, current: &Current<'_>) -> Result<(), Failure> {
        let resolved = self.resolved(current, None).await?;
        let desired = resolved.values;
        let incarnation = (self.draw)();
        let old = match &current.operation.kind {
            OperationKind::Create { replaces: true } => self.change(current)?.physical_id.clone(),
            _ => None,
        };
        let intent = self.intent(
            current,
            Some(incarnation.clone()),
            old,
            Some(&resolved.written),
            false,
        );
        self.start(current, intent).await?;
        let calls = Arc::new(Journalled::new(self, current));
        let observed = self.make(current, &desired, &incarnation, &calls).await?;
        // Durable before anyone hears of it: a consumer's existence must never be the only trace of this one.
        self.exists(current, &observed).await?;
        self.learn(current, &observed);
        let mut result = self.settle_down(current, observed).await;
        if matches!(result, Ok(true)) {
            result = self.renew(current).await;
        }
        self.conclude(current, result).await
    }

    /// Reads anew what has other attributes now that this one is ready. `false` where the run was interrupted meanwhile.
    async fn renew(&self, current: &Current<'_>) -> Result<bool, Failure> {
        let renews = payctl_resources::resource(&current.target.type_name)
            .map_or(&[][..], |resource| resource.definition().renews);
        for (address, names) in self.wanted.renewed(&current.target.address, renews) {
            let Some(mut known) = self.models.get(&address) else {
                continue;
            };
            let target = Target {
                address: address.clone(),
                type_name: known.type_name.clone(),
                declared: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            };
            let seen = tokio::select! {
                seen = self.poller.wait(&target, &known.id, Verb::Keep, Until::Seen) => seen,
                () = self.stop.cancelled() => return Ok(false),
            };
            match seen {
                Ok(Some(seen)) => {
                    for name in names {
                        let (Some(model), Some(value)) =
                            (known.model.as_map_mut(), seen.model.get(name))
                        else {
                            continue;
                        };
                        model.insert((*name).to_owned(), value.clone());
                    }
                    self.models.set(&address, known);
                }
                Ok(None) => return Ok(false),
                Err(cause) => return Err(Failure::of(cause, &known.id)),
            }
        }
        Ok(true)
    }

    /// Creates until AWS has said whether it did. After a lost answer it is looked for what was made; only what was not made
    /// is made again, as the same incarnation.
    async fn make(
        &self,
        current: &Current<'_>,
        desired: &Value,
        incarnation: &Incarnation,
        calls: &Arc<Journalled>,
    ) -> Result<Observed, Failure> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let error = match self
                .cloud
                .create(&current.target, desired, incarnation, calls.clone())
                .await
            {
                Ok(observed) => return Ok(observed),
                Err(error) => error,
            };
            let lost = calls.lost.load(Ordering::SeqCst);
            if lost {
                let found = match calls.identified() {
                    // A follow-up call was refused: to ask again would get the same answer.
                    Some(_) if error.refused => None,
                    Some(id) => Some(id),
                    None => recovery::search(
                        &*self.cloud,
                        &current.target,
                        desired,
                        incarnation,
                        Patience::default(),
                    )
                    .await
                    .ok()
                    .flatten(),
                };
                if let Some(id) = found {
                    calls.retrying(&error.message);
                    return self
                        .take_over(current, &id, desired, incarnation, calls)
                        .await;
                }
            }
            if error.refused || !lost || attempt >= ATTEMPTS {
                return Err(self
                    .not_made(current, desired, incarnation, calls, error)
                    .await);
            }
            calls.retrying(&error.message);
            self.cloud.clock().sleep(pause).await;
            pause *= 2;
        }
        Err(Cause::Defect("no more attempts".to_owned()).into())
    }

    /// Goes on with what a create has made whose answer was lost.
    async fn take_over(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
        desired: &Value,
        incarnation: &Incarnation,
        calls: &Arc<Journalled>,
    ) -> Result<Observed, Failure> {
        calls.identified_as(id).await?;
        let mut pause = PAUSE;
        for attempt in 1.. {
            let seen = self
                .poller
                .wait(&current.target, id, current.verb, Until::Seen)
                .await;
            let cause = match seen {
                Ok(Some(observed)) => {
                    match self
                        .cloud
                        .complete(&current.target, id, desired, incarnation, calls.clone())
                        .await
                    {
                        Ok(false) => return Ok(observed),
                        // What was changed shows at the next look.
                        Ok(true) if attempt < ATTEMPTS => continue,
                        Ok(true) => return Ok(observed),
                        Err(error) if error.refused || attempt >= ATTEMPTS => error.into(),
                        Err(error) => {
                            calls.retrying(&error.message);
                            self.cloud.clock().sleep(pause).await;
                            pause *= 2;
                            continue;
                        }
                    }
                }
                Ok(None) => Cause::Vanished,
                Err(cause) => cause,
            };
            return Err(self.failed(current, Failure::of(cause, id)).await);
        }
        Err(Cause::Defect("no more attempts".to_owned()).into())
    }

    /// After a create that failed: what exists, and what the next run has to do about it.
    async fn not_made(
        &self,
        current: &Current<'_>,
        desired: &Value,
        incarnation: &Incarnation,
        calls: &Journalled,
        error: CloudError,
    ) -> Failure {
        let identified = calls.identified();
        let mut failure = Failure {
            cause: Box::new(error.into()),
            physical_id: identified,
            in_doubt: false,
            about: None,
        };
        if failure.physical_id.is_none() && calls.may_have_acted.load(Ordering::SeqCst) {
            match self.cloud.find(&current.target, desired, incarnation).await {
                Ok(Some(id)) => failure.physical_id = Some(id),
                // A call was answered well, or not at all: that nothing is found yet proves nothing.
                Ok(None) | Err(_) => failure.in_doubt = true,
            }
        }
        self.failed(current, failure).await
    }

    async fn update(&self, current: &Current<'_>) -> Result<(), Failure> {
        let change = self.change(current)?;
        let id = change
            .physical_id
            .clone()
            .ok_or(Failure::from(Cause::NotPlanned))?;
        let before = self
            .before
            .get(&(current.target.address.clone(), id.clone()));
        let mut resolved = self.resolved(current, before).await?;
        let renewed = self.renewed(current, change, before, &mut resolved);
        let desired = resolved.values;
        // AWS is held against what it told.
        let live = self
            .models
            .get(&current.target.address)
            .map_or_else(Value::map, |known| in_the_open(&known.model));
        let own = |live: &Value| {
            let address = &current.target.address;
            self.plan.ownership.without_owned(address, live)
        };
        let (mut live, mut changed) = (own(&live), Vec::new());
        changed.extend(still_different(change, &desired, &live));
        changed.extend(renewed);
        let incarnation = before.and_then(|before| before.incarnation.clone());
        let intent = self.intent(
            current,
            incarnation.clone(),
            Some(id.clone()),
            Some(&resolved.written),
            false,
        );
        self.start(current, intent).await?;
        let calls = Arc::new(Journalled::new(self, current));
        let (mut attempt, mut pause) = (1, PAUSE);
        while !changed.is_empty() {
            let update = Update {
                desired: &desired,
                live: &live,
                changed: &changed,
            };
            let done = self
                .cloud
                .update(
                    &current.target,
                    &id,
                    incarnation.as_ref(),
                    &update,
                    calls.clone(),
                )
                .await;
            let error = match done {
                Ok(()) => break,
                // The refusal of a call that was sent again may mean that the one before, whose answer was lost, has done it.
                Err(error) if error.refused && attempt < ATTEMPTS => {
                    match self.seen(current, &id).await {
                        Ok(Some(seen)) if own(&seen.model) != live => error,
                        _ => return Err(self.failed(current, Failure::of(error, &id)).await),
                    }
                }
                Err(error) if attempt >= ATTEMPTS => {
                    return Err(self.failed(current, Failure::of(error, &id)).await);
                }
                Err(error) => error,
            };
            // Part of it may be done: what still differs is looked up, and done again.
            attempt += 1;
            calls.retrying(&error.message);
            self.cloud.clock().sleep(pause).await;
            pause *= 2;
            match self
                .poller
                .wait(&current.target, &id, current.verb, Until::Seen)
                .await
            {
                Ok(Some(seen)) => live = own(&seen.model),
                Ok(None) => {}
                Err(cause) => return Err(self.failed(current, Failure::of(cause, &id)).await),
            }
            changed.retain(|property| {
                let wanted = desired.at(property);
                wanted.is_none() && live.at(property).is_some() || wanted != live.at(property)
            });
        }
        let _ = self.progress.send(Progress::Waits(current.node));
        // An update may renew attributes: what consumers hear of was read after it.
        let result = match self.wait(current, &id, Until::Seen).await {
            Ok(Some(observed)) => match self.exists(current, &observed).await {
                Ok(()) => {
                    self.learn(current, &observed);
                    self.settle_down(current, observed).await
                }
                Err(error) => Err(error.into()),
            },
            Ok(None) => Ok(false),
            Err(cause) => Err(Failure::of(cause, &id)),
        };
        self.conclude(current, result).await
    }

    async fn adopt(&self, current: &Current<'_>, id: &PhysicalId) -> Result<(), Failure> {
        let resolved = self.resolved(current, None).await?;
        let intent = self.intent(
            current,
            None,
            Some(id.clone()),
            Some(&resolved.written),
            false,
        );
        self.start(current, intent).await?;
        let _ = self.progress.send(Progress::Waits(current.node));
        let result = match self.wait(current, id, Until::Seen).await {
            Ok(Some(observed)) => {
                self.exists(current, &observed).await?;
                self.learn(current, &observed);
                self.settle_down(current, observed).await
            }
            Ok(None) => Ok(false),
            Err(cause) => Err(Failure::of(cause, id)),
        };
        self.conclude(current, result).await
    }

    async fn delete(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
        snapshot: bool,
        replaced: bool,
    ) -> Result<(), Failure> {
        if replaced && self.is_its_own_successor(current, id) {
            self.reached(current.node, Milestone::Ready);
            return Ok(());
        }
        let before = self
            .before
            .get(&(current.target.address.clone(), id.clone()));
        let incarnation = before.and_then(|before| before.incarnation.clone());
        let intent = self.intent(
            current,
            incarnation.clone(),
            Some(id.clone()),
            None,
            replaced,
        );
        self.start(current, intent).await?;
        let deletion = Deletion {
            final_snapshot: snapshot
                .then(|| snapshot_name(&current.target.address, id, incarnation.as_ref())),
            // Its successor may need the name.
            without_recovery: self.force_secrets || replaced && self.goes_first(current),
            last_applied: before.map(|before| applied::values(&before.last_applied)),
        };
        let calls = Arc::new(Journalled::new(self, current));
        let (mut attempt, mut pause) = (1, PAUSE);
        while let Err(error) = self
            .cloud
            .delete(&current.target, id, &deletion, calls.clone())
            .await
        {
            if error.refused || attempt >= ATTEMPTS {
                // The refusal of a call that was sent again may mean that the one before, whose answer was lost, has done it.
                if self
                    .seen(current, id)
                    .await
                    .is_ok_and(|seen| seen.is_none())
                {
                    break;
                }
                return Err(self.failed(current, Failure::of(error, id)).await);
            }
            // What is gone already counts as deleted: a second time does no harm.
            attempt += 1;
            calls.retrying(&error.message);
            self.cloud.clock().sleep(pause).await;
            pause *= 2;
        }
        // What AWS keeps after the call, for itself, is not waited for.
        let lingers = payctl_resources::resource(&current.target.type_name)
            .is_some_and(|resource| resource.definition().delete.lingers);
        if lingers {
            return self.conclude(current, Ok(true)).await;
        }
        let _ = self.progress.send(Progress::Waits(current.node));
        let gone = tokio::select! {
            gone = self.poller.wait(&current.target, id, current.verb, Until::Gone) => gone,
            // The intent stays in doubt: the next run looks whether it is gone.
            () = self.stop.cancelled() => return Ok(()),
        };
        match gone {
            Ok(_) => self.conclude(current, Ok(true)).await,
            Err(cause) => Err(self.failed(current, Failure::of(cause, id)).await),
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

    async fn forget(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
        replaced: bool,
    ) -> Result<(), Failure> {
        if replaced && self.is_its_own_successor(current, id) {
            self.reached(current.node, Milestone::Ready);
            return Ok(());
        }
        let intent = self.intent(current, None, Some(id.clone()), None, replaced);
        self.start(current, intent).await?;
        self.conclude(current, Ok(true)).await
    }

    /// Whether AWS answered the creation of the successor with what was to be replaced: some creations are idempotent by what they
    /// ask for (API_Subscribe of SNS). Nothing was deposed then, other than what an earlier run left, which is to be forgotten.
    fn is_its_own_successor(&self, current: &Current<'_>, id: &PhysicalId) -> bool {
        let change = self.plan.changes.get(&current.target.address);
        let is_of_this_run = change.is_some_and(|change| change.physical_id.as_ref() == Some(id));
        let known = self.models.get(&current.target.address);
        is_of_this_run && !self.goes_first(current) && known.is_some_and(|known| known.id == *id)
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
        if !self.knows(current, needed) {
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
        self.reached(current.node, Milestone::Accepted);
        self.events.send(Happened::Accepted {
            address: current.target.address.clone(),
            verb: current.verb,
            physical_id: id.clone(),
        });
        if observed.status != Status::Ready {
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

    /// The properties of an update whose secret is another than when it was applied last, although the template says the
    /// same: CloudFormation gives it to whatever it updates. What only a new resource can have keeps what it has.
    fn renewed(
        &self,
        current: &Current<'_>,
        change: &Change,
        before: Option<&Before>,
        resolved: &mut Resolution,
    ) -> Vec<PropertyPath> {
        let Some(before) = before else {
            return Vec::new();
        };
        let facts = payctl_model::facts::facts().get(&current.target.type_name);
        let kept = applied::Resolved::of(&before.last_applied);
        let verify = |text: &str, hash: &str| {
            let sealed = (self.seal)(&Value::secret(text));
            sealed == Value::Secret(Secret::Hashed(hash.to_owned()))
        };
        let mut renewed = Vec::new();
        let leaves: Vec<(PropertyPath, Value)> =
            applied::leaves(&applied::texts(&resolved.written))
                .into_iter()
                .map(|(property, leaf)| (property, leaf.clone()))
                .collect();
        for (property, leaf) in leaves {
            let Some(stood_for) = kept.get(&leaf, &verify) else {
                continue;
            };
            let now = resolved
                .values
                .at(&property)
                .map(|value| (self.seal)(value));
            if is_edited(change, &property) || now.as_ref() == Some(stood_for) {
                continue;
            }
            if facts
                .as_ref()
                .is_some_and(|facts| facts.is_create_only(&property))
            {
                let written = applied::written(leaf, stood_for.clone());
                super::references::replace(&mut resolved.written, &property, written);
            } else {
                renewed.push(property);
            }
        }
        renewed
    }

    /// Where a create found and took what was replaced before (SNS's CreateTopic and ELB's CreateTargetGroup return what has the
    /// name already), the deletion of the old one would be that of the new one: it is only forgotten.
    fn taken_over(&self, operation: &Operation) -> Option<Operation> {
        let OperationKind::Delete {
            physical_id,
            replaced: true,
            ..
        } = &operation.kind
        else {
            return None;
        };
        let change = self.plan.changes.get(&operation.address);
        let goes_first = change.is_some_and(|change| {
            change.action == Action::Replace(ReplaceOrder::DeleteFirst)
                && change.physical_id.as_ref() == Some(physical_id)
        });
        let known = self.models.get(&operation.address)?;
        (!goes_first && known.id == *physical_id).then(|| Operation {
            kind: OperationKind::Forget {
                physical_id: physical_id.clone(),
                replaced: true,
            },
            ..operation.clone()
        })
    }

    /// Whether its successor is made only when it is gone.
    fn goes_first(&self, current: &Current<'_>) -> bool {
        let change = self.plan.changes.get(&current.target.address);
        change.is_some_and(|change| change.action == Action::Replace(ReplaceOrder::DeleteFirst))
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

/// The planned edits that still are some, now that everything is known: an unknown may have become what is live.
fn still_different(change: &Change, desired: &Value, live: &Value) -> Vec<PropertyPath> {
    change
        .edits
        .iter()
        .filter(|edit| {
            let after = edit.after.as_ref();
            let was_unknown =
                after.is_some_and(|after| after.has_unknown() || applied::is_anywhere_in(after));
            let exposed = |value: &Value| value.at(&edit.property)?.expose_json();
            !was_unknown || exposed(desired) != exposed(live)
        })
        .map(|edit| edit.property.clone())
        .collect()
}

/// The name of a final snapshot: the same in every attempt. Letters, digits and single hyphens, as RDS asks for
/// (API_DeleteDBInstance, `FinalDBSnapshotIdentifier`).
fn snapshot_name(address: &Address, id: &PhysicalId, incarnation: Option<&Incarnation>) -> String {
    let unique = incarnation.map_or(id.as_str(), Incarnation::suffix);
    let mut name = String::from("final");
    for c in format!("-{}-{}-{unique}", address.stack, address.logical_id).chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.trim_end_matches('-').to_owned()
}

/// Writes every mutating call of one operation down.
struct Journalled {
    log: Arc<dyn Log>,
    operation: OperationId,
    next: AtomicU64,
    /// Whether a call went out that AWS has not refused.
    may_have_acted: AtomicBool,
    /// Whether an answer was lost, so that only AWS knows what came of the call.
    lost: AtomicBool,
    events: Events,
    address: Address,
    verb: Verb,
    names: Mutex<BTreeMap<u64, String>>,
    identified: Mutex<Option<PhysicalId>>,
}

impl Journalled {
    fn new(doing: &Doing, current: &Current<'_>) -> Journalled {
        Journalled {
            log: doing.log.clone(),
            operation: current.id,
            lost: AtomicBool::new(false),
            events: doing.events.clone(),
            address: current.target.address.clone(),
            verb: current.verb,
            next: AtomicU64::new(0),
            may_have_acted: AtomicBool::new(false),
            names: Mutex::default(),
            identified: Mutex::default(),
        }
    }

    fn identified(&self) -> Option<PhysicalId> {
        self.identified.lock().ok().and_then(|id| id.clone())
    }

    async fn identified_as(&self, id: &PhysicalId) -> Result<(), LogError> {
        Calls::identified(self, id).await
    }
}

#[async_trait]
impl Calls for Journalled {
    async fn intent(&self, call: &str) -> Result<u64, LogError> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        if let Ok(mut names) = self.names.lock() {
            names.insert(number, call.to_owned());
        }
        self.log
            .append(Entry::Call {
                operation: self.operation,
                call: call.to_owned(),
            })
            .await?;
        Ok(number)
    }

    async fn answered(&self, number: u64, result: Result<(), &CloudError>) -> Result<(), LogError> {
        let refused = result.is_err_and(|error| error.refused);
        if !refused {
            self.may_have_acted.store(true, Ordering::SeqCst);
            self.lost.fetch_or(result.is_err(), Ordering::SeqCst);
        }
        let call = self
            .names
            .lock()
            .ok()
            .and_then(|mut names| names.remove(&number))
            .unwrap_or_default();
        let error = result.err().map(ToString::to_string);
        self.log
            .append(Entry::Answer {
                operation: self.operation,
                call,
                error,
                refused,
            })
            .await
    }

    fn retrying(&self, reason: &str) {
        self.events.send(Happened::Retrying {
            address: self.address.clone(),
            verb: self.verb,
            reason: reason.to_owned(),
        });
    }

    async fn identified(&self, id: &PhysicalId) -> Result<(), LogError> {
        if let Ok(mut identified) = self.identified.lock()
            && identified.replace(id.clone()).as_ref() == Some(id)
        {
            return Ok(());
        }
        let attributes = Value::map();
        let entry = Entry::Exists {
            operation: self.operation,
            physical_id: id.clone(),
            attributes,
        };
        self.log.append(entry).await
    }
}
