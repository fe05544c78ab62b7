//! [`Regions`]: the real [`Cloud`]: one AWS client per region, each type's module for what it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use payctl_model::facts::is_custom;
use payctl_model::{Address, Clock, Incarnation, PhysicalId, Value};
use payctl_resources::aws::Aws;
pub use payctl_resources::deployments::revisions::Revision;
use payctl_resources::deployments::{self, revisions};
use payctl_resources::{AwsError, AwsErrorKind, CallJournal, Context, Owner, Resource, Subject};
use serde_json::{Value as Json, json};

use super::cloud::{
    AwsWords, Calls, Cloud, CloudError, Controller, Deletion, Deployment, Intention, LookupError,
    LookupResult, Observed, Rollout, Status, Target, Update,
};
use super::lookups;
use crate::template::Lookup;

/// AWS in all regions of an environment, with whose resources these are.
pub struct Regions {
    project: String,
    environment: String,
    clock: Clock,
    regions: BTreeMap<String, (Aws, Context)>,
    stacks: Option<Stacks>,
    /// What this run was told of resources about which AWS cannot be asked.
    told: Mutex<ToldOf>,
}

/// What a run was told, by address and identifier; `None`: it is gone.
type ToldOf = BTreeMap<(Address, PhysicalId), Option<Observed>>;

/// The identifier of the stack at an address, of an account.
pub type StackIds = Box<dyn Fn(Option<&str>, &Address) -> String + Send + Sync>;
/// The name of a region's bucket, of an account.
pub type Buckets = Box<dyn Fn(Option<&str>, &str) -> String + Send + Sync>;

/// What is said of stacks to those who carry custom resources out, with the account where it is known.
pub struct Stacks {
    /// `AWS::StackId` of the stack at an address.
    pub id: StackIds,
    /// The bucket of a region in which they leave their answers.
    pub response_bucket: Buckets,
}

impl Regions {
    /// With one connected client per region.
    pub fn new(project: &str, environment: &str, clock: Clock, clients: Vec<Aws>) -> Regions {
        let regions = clients.into_iter().map(|aws| {
            let context = Context::new(Arc::new(aws.clone()), clock.clone());
            (aws.region().to_owned(), (aws, context))
        });
        Regions {
            project: project.to_owned(),
            environment: environment.to_owned(),
            regions: regions.collect(),
            clock,
            stacks: None,
            told: Mutex::default(),
        }
    }

    /// With what providers of custom resources are told.
    pub fn with_stacks(mut self, stacks: Stacks) -> Regions {
        self.stacks = Some(stacks);
        self
    }

    /// Whom the calls are about, where somebody else is told of it.
    fn subject(&self, target: &Target, incarnation: Option<&Incarnation>) -> Option<Arc<Subject>> {
        let stacks = self.stacks.as_ref()?;
        let address = &target.address;
        let clients = self.regions.get(&address.region);
        let account = clients.and_then(|(aws, _)| aws.known_account().map(str::to_owned));
        is_custom(&target.type_name).then(|| {
            let mut subject = Subject::new(
                address.clone(),
                target.type_name.as_str(),
                (stacks.id)(account.as_deref(), address),
                (stacks.response_bucket)(account.as_deref(), &address.region),
            );
            subject.incarnation = incarnation.cloned();
            Arc::new(subject)
        })
    }

    /// A context for one operation on a resource.
    fn context(
        context: &Context,
        subject: Option<&Arc<Subject>>,
        calls: Arc<dyn Calls>,
    ) -> Context {
        let context = context.with_journal(Arc::new(Told(calls)));
        match subject {
            Some(subject) => context.about(subject.clone()),
            None => context,
        }
    }

    fn told(&self) -> std::sync::MutexGuard<'_, ToldOf> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What an operation has told of its subject. It is asked for by the identifier that it had, and later by its new one.
    fn remember(&self, subject: Option<&Arc<Subject>>, id: &PhysicalId) {
        let Some((subject, observed)) = subject.and_then(|one| Some((one, one.take()?))) else {
            return;
        };
        let mut told = self.told();
        let key = |id: &PhysicalId| (subject.address.clone(), id.clone());
        told.insert(key(id), Some(observed.clone()));
        told.insert(key(&observed.id), Some(observed));
    }

    /// What is known of a resource about which AWS cannot be asked: what this run was told of it, else that it is there.
    fn remembered(&self, target: &Target, id: &PhysicalId) -> Option<Observed> {
        let key = (target.address.clone(), id.clone());
        let told = self.told().get(&key).cloned();
        told.unwrap_or_else(|| {
            Some(Observed {
                id: id.clone(),
                model: Value::map(),
                status: Status::Ready,
            })
        })
    }

    /// The account that the credentials belong to.
    ///
    /// # Errors
    /// Where it cannot be asked, is not the `expected` one, or differs between regions.
    pub async fn account(&self, expected: Option<&str>) -> Result<String, AccountError> {
        let mut found: Option<String> = expected.map(str::to_owned);
        for (region, (aws, _)) in &self.regions {
            let account = aws.account().await?.to_owned();
            match &found {
                Some(wanted) if *wanted != account => {
                    return Err(AccountError::Other {
                        region: region.clone(),
                        found: account,
                        wanted: wanted.clone(),
                    });
                }
                _ => found = Some(account),
            }
        }
        found.ok_or(AccountError::NoRegion)
    }

    /// The availability zones of regions, in alphabetical order; those that the state knows are not asked for again unless
    /// `anew`.
    ///
    /// # Errors
    /// Where a region cannot be asked.
    pub async fn zones(
        &self,
        wanted: &BTreeSet<String>,
        known: &BTreeMap<String, Vec<String>>,
        anew: bool,
    ) -> Result<BTreeMap<String, Vec<String>>, CloudError> {
        let mut zones = known.clone();
        for region in wanted {
            if !anew && zones.contains_key(region) {
                continue;
            }
            let (_, context) = self.region(region)?;
            // Local and wavelength zones have to be opted into; `Fn::GetAZs` does not name them.
            let input = json!({ "Filters": [
                { "Name": "state", "Values": ["available"] },
                { "Name": "zone-type", "Values": ["availability-zone"] },
            ] });
            let answer = context
                .read("ec2", "DescribeAvailabilityZones", input)
                .await
                .map_err(cloud_error)?;
            let names = answer["AvailabilityZones"].as_array().into_iter().flatten();
            let mut names: Vec<String> = names
                .filter_map(|zone| Some(zone["ZoneName"].as_str()?.to_owned()))
                .collect();
            names.sort();
            zones.insert(region.clone(), names);
        }
        Ok(zones)
    }

    /// Parameters of Systems Manager in one region, ten a call (Systems Manager API Reference, GetParameters), by the names
    /// that were asked for (a name can have a version or label behind it). What is not there is left out.
    ///
    /// # Errors
    /// Where the region cannot be asked.
    pub async fn ssm_parameters(
        &self,
        region: &str,
        names: &[String],
    ) -> Result<BTreeMap<String, SsmAnswer>, CloudError> {
        let (_, context) = self.region(region)?;
        let mut found = BTreeMap::new();
        for names in names.chunks(10) {
            // Without decryption: what is secret is not even asked for.
            let input = json!({ "Names": names, "WithDecryption": false });
            let answer = context
                .read("ssm", "GetParameters", input)
                .await
                .map_err(cloud_error)?;
            for parameter in answer["Parameters"].as_array().into_iter().flatten() {
                let text = |member: &str| parameter[member].as_str().unwrap_or_default();
                let asked = format!("{}{}", text("Name"), text("Selector"));
                // A parameter shared by another account is asked for by its ARN.
                let asked = match names.contains(&asked) {
                    true => asked,
                    false => format!("{}{}", text("ARN"), text("Selector")),
                };
                let answer = match text("Type") {
                    "SecureString" => SsmAnswer::Secure,
                    _ => SsmAnswer::Text {
                        value: text("Value").to_owned(),
                        version: parameter["Version"].as_i64().unwrap_or_default(),
                    },
                };
                found.insert(asked, answer);
            }
        }
        Ok(found)
    }

    /// How often each operation was called, all regions together.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let mut calls = BTreeMap::new();
        for (aws, _) in self.regions.values() {
            for (operation, count) in aws.calls() {
                *calls.entry(operation).or_default() += count;
            }
        }
        calls
    }

    /// Tells AWS that a resource has another address now: what `state mv` does before it changes the state.
    ///
    /// # Errors
    /// What AWS says.
    pub async fn readdress(&self, target: &Target, id: &PhysicalId) -> Result<(), CloudError> {
        let (resource, context) = self.of(target)?;
        let context = context.with_journal(Arc::new(Untold));
        let Some(facts) = payctl_model::facts::facts().get(&target.type_name) else {
            return Ok(());
        };
        let Some(live) = resource.read(&context, id).await.map_err(cloud_error)? else {
            return Ok(());
        };
        if let Some(through) = payctl_resources::cloud_control::of(&target.type_name) {
            let done = through.set_address(&context, id, &live.model, &target.address);
            return done.await.map_err(cloud_error);
        }
        payctl_resources::tags::set_address(
            &context,
            resource.definition(),
            &facts,
            id,
            &live.model,
            &target.address,
        )
        .await
        .map_err(cloud_error)
    }

    /// AWS in a region, for what is no resource.
    ///
    /// # Errors
    /// Where the run is not connected to it.
    pub fn client(&self, region: &str) -> Result<&Aws, CloudError> {
        Ok(&self.region(region)?.0)
    }

    /// The time on the run's clock.
    pub(super) fn now(&self) -> std::time::SystemTime {
        self.clock.now()
    }

    /// One revision of a task definition, whether it is registered or not.
    ///
    /// # Errors
    /// What AWS says.
    pub async fn revision(&self, region: &str, name: &str) -> Result<Revision, CloudError> {
        let (_, context) = self.region(region)?;
        revisions::describe(context, name)
            .await
            .map_err(cloud_error)
    }

    /// Registers a revision; its ARN. Not journalled: a revision that nothing runs is no resource, and costs nothing.
    ///
    /// # Errors
    /// What AWS says.
    pub async fn register(&self, region: &str, revision: &Revision) -> Result<String, CloudError> {
        let (_, context) = self.region(region)?;
        let context = context.with_journal(Arc::new(Untold));
        revisions::register(&context, revision)
            .await
            .map_err(cloud_error)
    }

    /// The task definitions that service revisions run.
    ///
    /// # Errors
    /// What AWS says.
    pub async fn task_definitions(
        &self,
        region: &str,
        service_revisions: &[String],
    ) -> Result<Vec<String>, CloudError> {
        let (_, context) = self.region(region)?;
        revisions::of_service_revisions(context, service_revisions)
            .await
            .map_err(cloud_error)
    }

    /// Stops a deployment, with nothing to write down: only AWS has it.
    ///
    /// # Errors
    /// What AWS says.
    pub async fn stop(
        &self,
        region: &str,
        controller: &Controller,
        id: &str,
    ) -> Result<(), CloudError> {
        let (_, context) = self.region(region)?;
        let context = context.with_journal(Arc::new(Untold));
        deployments::stop(&context, controller, id)
            .await
            .map_err(cloud_error)
    }

    /// The registry schema of a type that is registered or activated in this account and region, as a JSON text; `None` where
    /// there is no such type.
    ///
    /// # Errors
    /// Where the region cannot be asked.
    pub async fn type_schema(
        &self,
        region: &str,
        type_name: &str,
    ) -> Result<Option<String>, CloudError> {
        let (_, context) = self.region(region)?;
        let input = json!({ "Type": "RESOURCE", "TypeName": type_name });
        match context.read("cloudformation", "DescribeType", input).await {
            Ok(answer) => Ok(answer["Schema"].as_str().map(str::to_owned)),
            Err(error) if error.code() == Some("TypeNotFoundException") => Ok(None),
            Err(error) => Err(cloud_error(error)),
        }
    }

    fn region(&self, region: &str) -> Result<&(Aws, Context), CloudError> {
        self.regions
            .get(region)
            .ok_or_else(|| refused(format!("this run is not connected to {region}")))
    }

    fn of(&self, target: &Target) -> Result<(&'static dyn Resource, &Context), CloudError> {
        let resource = payctl_resources::resource(&target.type_name).ok_or_else(|| {
            let why = payctl_resources::cloud_control::refusal(&target.type_name);
            refused(why.unwrap_or_else(|| format!("{} cannot be provisioned", target.type_name)))
        })?;
        Ok((resource, &self.region(&target.address.region)?.1))
    }

    /// What goes to AWS: with generated name and ownership tags.
    fn prepared(
        &self,
        resource: &dyn Resource,
        target: &Target,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Value {
        let owner = Owner {
            project: &self.project,
            environment: &self.environment,
            address: &target.address,
            incarnation,
        };
        // The environment's tags are in the desired properties already.
        payctl_resources::prepare(resource.definition(), desired, &owner, &BTreeMap::new())
    }
}

/// What Systems Manager says of one parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SsmAnswer {
    /// A String or StringList.
    Text {
        /// Its text.
        value: String,
        /// Which version of it.
        version: i64,
    },
    /// A SecureString.
    Secure,
}

/// Why payctl does not run with these credentials.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The account could not be asked.
    #[error("cannot find out which account the credentials belong to: {0}")]
    Aws(#[from] AwsError),
    /// It is another one.
    #[error(
        "the credentials for {region} belong to account {found}, and the environment is in {wanted}"
    )]
    Other {
        /// Where.
        region: String,
        /// Whose the credentials are.
        found: String,
        /// Whose they must be.
        wanted: String,
    },
    /// The environment has no region.
    #[error("the environment has no stack in any region")]
    NoRegion,
}

#[async_trait]
impl Cloud for Regions {
    fn intends(&self, target: &Target, id: &PhysicalId, intention: Intention) {
        // A type without a module is not changed at all.
        if let Ok((_, context)) = self.of(target) {
            context.intends(id.clone(), intention);
        }
    }

    async fn create(
        &self,
        target: &Target,
        desired: &Value,
        incarnation: &Incarnation,
        calls: Arc<dyn Calls>,
    ) -> Result<Observed, CloudError> {
        let (resource, context) = self.of(target)?;
        let desired = self.prepared(resource, target, desired, incarnation);
        let subject = self.subject(target, Some(incarnation));
        let context = Regions::context(context, subject.as_ref(), calls);
        let made = resource
            .create(&context, &desired, incarnation)
            .await
            .map_err(cloud_error)?;
        if let Some(subject) = &subject
            && resource.definition().remembered
        {
            subject.tell(made.clone());
        }
        self.remember(subject.as_ref(), &made.id);
        context.identified(&made.id).await.map_err(cloud_error)?;
        Ok(made)
    }

    async fn complete(
        &self,
        target: &Target,
        id: &PhysicalId,
        desired: &Value,
        incarnation: &Incarnation,
        calls: Arc<dyn Calls>,
    ) -> Result<bool, CloudError> {
        let (resource, context) = self.of(target)?;
        let desired = self.prepared(resource, target, desired, incarnation);
        let subject = self.subject(target, Some(incarnation));
        let context = Regions::context(context, subject.as_ref(), calls);
        resource
            .complete(&context, id, &desired)
            .await
            .map_err(cloud_error)
    }

    async fn read(
        &self,
        wanted: &[(Target, PhysicalId)],
    ) -> Vec<Result<Option<Observed>, CloudError>> {
        let mut answers: Vec<_> = wanted.iter().map(|_| None).collect();
        let mut by_region: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (index, (target, id)) in wanted.iter().enumerate() {
            match self.of(target) {
                Ok((resource, _)) if resource.definition().remembered => {
                    answers[index] = Some(Ok(self.remembered(target, id)));
                }
                Ok((resource, _)) => {
                    let region = by_region.entry(&target.address.region).or_default();
                    region.push((index, (resource, id.clone(), target.declared.clone())));
                }
                Err(error) => answers[index] = Some(Err(error)),
            }
        }
        let mut reading = tokio::task::JoinSet::new();
        for (region, asked) in by_region {
            // `of` has found the region.
            let Ok((_, context)) = self.region(region) else {
                continue;
            };
            let context = context.clone();
            reading.spawn(async move {
                let (indices, asked): (Vec<usize>, Vec<_>) = asked.into_iter().unzip();
                let read = payctl_resources::read_declared(&context, asked).await;
                indices.into_iter().zip(read).collect::<Vec<_>>()
            });
        }
        while let Some(read) = reading.join_next().await {
            for (index, result) in read.unwrap_or_default() {
                answers[index] = Some(result.map_err(cloud_error));
            }
        }
        let unanswered = || CloudError {
            message: "reading ended without an answer".to_owned(),
            aws: None,
            refused: false,
        };
        answers
            .into_iter()
            .map(|answer| answer.unwrap_or_else(|| Err(unanswered())))
            .collect()
    }

    async fn update(
        &self,
        target: &Target,
        id: &PhysicalId,
        incarnation: Option<&Incarnation>,
        update: &Update<'_>,
        calls: Arc<dyn Calls>,
    ) -> Result<(), CloudError> {
        let (resource, context) = self.of(target)?;
        let subject = self.subject(target, incarnation);
        let context = Regions::context(context, subject.as_ref(), calls);
        let desired = match incarnation {
            Some(incarnation) => self.prepared(resource, target, update.desired, incarnation),
            None => update.desired.clone(),
        };
        let update = Update {
            desired: &desired,
            ..update.clone()
        };
        resource
            .update(&context, id, &update)
            .await
            .map_err(cloud_error)?;
        self.remember(subject.as_ref(), id);
        Ok(())
    }

    async fn delete(
        &self,
        target: &Target,
        id: &PhysicalId,
        deletion: &Deletion,
        calls: Arc<dyn Calls>,
    ) -> Result<(), CloudError> {
        let (resource, context) = self.of(target)?;
        let subject = self.subject(target, None);
        let context = Regions::context(context, subject.as_ref(), calls);
        resource
            .delete(&context, id, deletion)
            .await
            .map_err(cloud_error)?;
        if resource.definition().remembered {
            let key = (target.address.clone(), id.clone());
            self.told().insert(key, None);
        }
        Ok(())
    }

    async fn find(
        &self,
        target: &Target,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>, CloudError> {
        let (resource, context) = self.of(target)?;
        let desired = self.prepared(resource, target, desired, incarnation);
        // Where finding means asking again with the same idempotency token, the open intent stands in the journal already.
        let mut context = context.with_journal(Arc::new(Untold));
        let subject = self.subject(target, Some(incarnation));
        if let Some(subject) = &subject {
            context = context.about(subject.clone());
        }
        let found = resource
            .find(&context, &desired, incarnation)
            .await
            .map_err(cloud_error)?;
        if let Some(id) = &found {
            self.remember(subject.as_ref(), id);
        }
        Ok(found)
    }

    async fn look_up(&self, region: &str, wanted: &[Lookup]) -> Vec<LookupResult> {
        match self.region(region) {
            Ok((_, context)) => lookups::look_up(context, region, wanted, cloud_error).await,
            Err(error) => {
                let failed = LookupError::because(error.message);
                wanted.iter().map(|_| Err(failed.clone())).collect()
            }
        }
    }

    async fn deploy(
        &self,
        region: &str,
        rollout: &Rollout,
        calls: Arc<dyn Calls>,
    ) -> Result<String, CloudError> {
        let (_, context) = self.region(region)?;
        let context = context.with_journal(Arc::new(Told(calls)));
        let Controller::CodeDeploy {
            application, group, ..
        } = &rollout.controller
        else {
            return Err(refused("ECS deploys by UpdateService".to_owned()));
        };
        let config = rollout.config.as_deref();
        deployments::start(
            &context,
            application,
            group,
            &rollout.app_spec,
            config,
            &rollout.description,
        )
        .await
        .map_err(cloud_error)
    }

    async fn deployment(
        &self,
        region: &str,
        controller: &Controller,
        id: &str,
    ) -> Result<Deployment, CloudError> {
        let (_, context) = self.region(region)?;
        deployments::look(context, controller, id)
            .await
            .map_err(cloud_error)
    }

    async fn deployments(
        &self,
        region: &str,
        controller: &Controller,
        running: bool,
        most: usize,
    ) -> Result<Vec<Deployment>, CloudError> {
        let (_, context) = self.region(region)?;
        deployments::list(context, controller, running, most)
            .await
            .map_err(cloud_error)
    }

    fn patience(&self, type_name: &str) -> Duration {
        let definition = payctl_resources::resource(type_name).map(Resource::definition);
        // Without a module it is never waited for.
        definition.map_or(Duration::ZERO, |definition| definition.patience)
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn is_remembered(&self, type_name: &str) -> bool {
        payctl_resources::resource(type_name)
            .is_some_and(|resource| resource.definition().remembered)
    }

    fn is_native(&self, type_name: &str) -> bool {
        payctl_resources::resource(type_name).is_some()
    }
}

/// Passes what a module's calls tell on to the operation.
struct Told(Arc<dyn Calls>);

fn journal_error(error: super::log::LogError) -> payctl_resources::Error {
    payctl_resources::Error::Journal(error.to_string())
}

#[async_trait]
impl CallJournal for Told {
    async fn intent(&self, call: &str) -> payctl_resources::Result<u64> {
        self.0.intent(call).await.map_err(journal_error)
    }

    async fn result(
        &self,
        intent: u64,
        outcome: Result<&Json, &AwsError>,
    ) -> payctl_resources::Result<()> {
        let error = outcome.err().map(aws_error);
        let result = match &error {
            Some(error) => Err(error),
            None => Ok(()),
        };
        self.0.answered(intent, result).await.map_err(journal_error)
    }

    async fn identified(&self, id: &PhysicalId) -> payctl_resources::Result<()> {
        self.0.identified(id).await.map_err(journal_error)
    }

    async fn exists(&self, observed: &Observed) -> payctl_resources::Result<()> {
        self.0.exists(observed).await.map_err(journal_error)
    }

    fn retrying(&self, because: &payctl_resources::Error) {
        self.0.retrying(&because.to_string());
    }
}

struct Untold;

#[async_trait]
impl CallJournal for Untold {
    async fn intent(&self, _: &str) -> payctl_resources::Result<u64> {
        Ok(0)
    }

    async fn result(&self, _: u64, _: Result<&Json, &AwsError>) -> payctl_resources::Result<()> {
        Ok(())
    }
}

fn refused(message: String) -> CloudError {
    CloudError {
        message,
        aws: None,
        refused: true,
    }
}

fn aws_error(error: &AwsError) -> CloudError {
    CloudError {
        message: error.to_string(),
        aws: Some(Box::new(AwsWords {
            call: format!("{}:{}", error.service, error.operation),
            code: error.code.clone(),
            message: error.message.clone(),
            request_id: error.request_id.clone(),
        })),
        // A server error does not say whether AWS has acted; an answer that could not be read says nothing at all.
        refused: match error.kind {
            AwsErrorKind::Service => !is_server_error(&error.code),
            AwsErrorKind::Credentials | AwsErrorKind::NotSent => true,
            AwsErrorKind::Lost | AwsErrorKind::Codec => false,
        },
    }
}

/// AWS's common names of errors of the server's making (any service's API reference, "Common Errors").
fn is_server_error(code: &str) -> bool {
    [
        "InternalFailure",
        "InternalError",
        "ServiceUnavailable",
        "Unavailable",
        "InternalServerError",
        "ServerException",
    ]
    .iter()
    .any(|name| code.starts_with(name))
        || code.ends_with("InternalServerException")
}

fn cloud_error(error: payctl_resources::Error) -> CloudError {
    match error.aws() {
        Some(aws) => aws_error(aws),
        None => refused(error.to_string()),
    }
}
