//! A small AWS for the executor's tests: it has laws (what is used exists and is ready enough; what is used cannot be
//! deleted), takes time, fails on demand and can be cut off at any journal record.

mod deployments;
mod scene;

pub(super) use deployments::Deploys;
pub(super) use scene::{Ended, Scene};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use payctl_model::{Address, Clock, Incarnation, PhysicalId, Value};

use crate::apply::cloud::{
    AwsWords, Calls, Cloud, CloudError, Controller, Deletion, Deployment, LookupError,
    LookupResult, Observed, Rollout, Status, Target, Update,
};
use crate::plan::Milestone;
use crate::template::Lookup;

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
    /// What is done already is refused when it is asked for again.
    pub strict: bool,
    /// A create answers with what is there already.
    pub idempotent: bool,
    /// Another version comes by a deployment.
    pub deploys: Option<Deploys>,
}

#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub address: Address,
    pub incarnation: Incarnation,
    pub model: Value,
    pub made: SystemTime,
}

#[derive(Default)]
pub(super) struct World {
    pub things: BTreeMap<PhysicalId, Thing>,
    pub laws_broken: Vec<String>,
    pub reads: usize,
    /// What the last read said was declared of each.
    pub asked: Vec<Option<BTreeSet<String>>>,
    /// What parameters and secrets hold.
    pub values: BTreeMap<Lookup, String>,
    /// What was looked up, call by call.
    pub lookups: Vec<Vec<Lookup>>,
    next: u64,
    /// What was asked of CodeDeploy.
    pub deployments: Vec<deployments::Asked>,
    /// How often.
    requests: usize,
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
                let there = world
                    .things
                    .iter()
                    .find(|(_, thing)| nature.idempotent && thing.address == target.address)
                    .map(|(id, _)| id.clone());
                let id = there.unwrap_or_else(|| {
                    PhysicalId(format!("{}-{}", target.address.logical_id, world.next))
                });
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
        self.pass(&mut world);
        world.reads += 1;
        world.asked = wanted
            .iter()
            .map(|(target, _)| target.declared.clone())
            .collect();
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
        let wanted = |thing: &Thing| thing.model == *update.desired;
        let repeated = self
            .world
            .lock()
            .unwrap()
            .things
            .get(id)
            .is_some_and(wanted);
        if nature.strict && repeated {
            let refused = Err(refusal("Duplicate"));
            calls.answered(number, refused.as_ref().copied()).await?;
            return refused;
        }
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
            } else if self.nature(&target.address).strict && !world.things.contains_key(id) {
                Err(refusal("InvalidRequest"))
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

    async fn deploy(
        &self,
        _: &str,
        rollout: &Rollout,
        calls: Arc<dyn Calls>,
    ) -> Result<String, CloudError> {
        self.start(rollout, calls).await
    }

    async fn deployment(
        &self,
        _: &str,
        _: &Controller,
        id: &str,
    ) -> Result<Deployment, CloudError> {
        let told = self.told(false).into_iter().find(|one| one.id == id);
        told.ok_or_else(|| refusal("DeploymentDoesNotExistException"))
    }

    async fn deployments(
        &self,
        _: &str,
        _: &Controller,
        running: bool,
        _: usize,
    ) -> Result<Vec<Deployment>, CloudError> {
        Ok(self.told(running))
    }

    async fn look_up(&self, _: &str, wanted: &[Lookup]) -> Vec<LookupResult> {
        let mut world = self.world.lock().unwrap();
        world.lookups.push(wanted.to_vec());
        let told = wanted.iter().map(|lookup| {
            let value = world.values.get(lookup).cloned();
            value.ok_or_else(|| {
                LookupError::because(format!(
                    "there is no {}",
                    &lookup.to_string()["the ".len()..]
                ))
            })
        });
        told.collect()
    }

    fn patience(&self, _: &str) -> Duration {
        Duration::from_secs(3600)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }
}
