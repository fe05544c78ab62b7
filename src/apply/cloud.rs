//! [`Cloud`]: what the executor needs of AWS, so that tests can stand a fake one in its place.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payctl_model::{Address, Clock, Incarnation, PhysicalId, Value};

use super::log::LogError;
use crate::template::Lookup;

pub use payctl_resources::deployments::{AppSpec, Controller, Deployment, Stage};
pub use payctl_resources::{Deletion, Intention, Observed, Status, Update};

/// Which resource a call is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Its address; the region decides where the call goes.
    pub address: Address,
    /// Its CloudFormation type.
    pub type_name: String,
    /// Its top-level properties as last applied: what AWS tells of others by calls of their own is not read. `None`: everything is.
    pub declared: Option<BTreeSet<String>>,
}

/// What AWS said, for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsWords {
    /// The call, such as `ec2:CreateSubnet`.
    pub call: String,
    /// AWS's error code.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// AWS's request id.
    pub request_id: Option<String>,
}

/// Why a call to AWS failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CloudError {
    /// What was being done and what AWS said.
    pub message: String,
    /// AWS's own words, where it answered.
    pub aws: Option<Box<AwsWords>>,
    /// Whether AWS refused, so that nothing was done by the call that failed.
    pub refused: bool,
}

/// Why a value that another service keeps cannot be told.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct LookupError {
    /// Why not.
    pub why: String,
    /// What to do.
    pub help: Option<&'static str>,
    /// What AWS said, where it refused.
    pub cloud: Option<Box<CloudError>>,
}

impl LookupError {
    /// Nothing that AWS refused.
    pub fn because(why: impl Into<String>) -> LookupError {
        LookupError {
            why: why.into(),
            help: None,
            cloud: None,
        }
    }
}

/// What a dynamic reference's parameter or secret holds. A secret's whole text: the key within it is looked for later.
pub type LookupResult = Result<String, LookupError>;

impl From<LogError> for CloudError {
    fn from(error: LogError) -> CloudError {
        CloudError {
            message: error.to_string(),
            aws: None,
            refused: true,
        }
    }
}

/// Told of every mutating call: before it goes out and once it is answered.
#[async_trait]
pub trait Calls: Send + Sync {
    /// A call is about to go out; `call` is for instance `ec2:CreateSubnet`.
    ///
    /// # Errors
    /// Where this could not be written down: the call must not go out.
    async fn intent(&self, call: &str) -> Result<u64, LogError>;

    /// The call with this number was answered.
    ///
    /// # Errors
    /// Where this could not be written down.
    async fn answered(&self, number: u64, result: Result<(), &CloudError>) -> Result<(), LogError>;

    /// The resource being made has this identifier, known before its create has made all its calls.
    ///
    /// # Errors
    /// Where this could not be written down.
    async fn identified(&self, id: &PhysicalId) -> Result<(), LogError>;

    /// The resource being made or changed is this now, known before its calls are all made. For what cannot be read later.
    ///
    /// # Errors
    /// Where this could not be written down.
    async fn exists(&self, observed: &Observed) -> Result<(), LogError> {
        self.identified(&observed.id).await
    }

    /// A call is made again because of a passing error.
    fn retrying(&self, reason: &str) {
        let _ = reason;
    }
}

/// What CodeDeploy is to be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// By which deployment group.
    pub controller: Controller,
    /// What is to run.
    pub app_spec: AppSpec,
    /// The deployment configuration, where it is not the group's own.
    pub config: Option<String>,
    /// Whose deployment it is.
    pub description: String,
}

fn no_deployments() -> CloudError {
    CloudError {
        message: "this cloud deploys nothing".to_owned(),
        aws: None,
        refused: true,
    }
}

/// AWS, as the executor uses it.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Told before the run's first call what it is going to do to each live resource.
    fn intends(&self, target: &Target, id: &PhysicalId, intention: Intention) {
        let _ = (target, id, intention);
    }

    /// Makes a resource; returns once AWS has accepted it.
    ///
    /// # Errors
    /// What AWS says; an error of several calls may leave something behind, which `find` finds.
    async fn create(
        &self,
        target: &Target,
        desired: &Value,
        incarnation: &Incarnation,
        calls: Arc<dyn Calls>,
    ) -> Result<Observed, CloudError>;

    /// Reads many at once, in as few calls as AWS allows; answers in the order of the question.
    async fn read(
        &self,
        wanted: &[(Target, PhysicalId)],
    ) -> Vec<Result<Option<Observed>, CloudError>>;

    /// Does what a create, whose answer was lost, has left undone on what it made. Whether there was anything.
    ///
    /// # Errors
    /// What AWS says; part of it may be done.
    async fn complete(
        &self,
        target: &Target,
        id: &PhysicalId,
        desired: &Value,
        incarnation: &Incarnation,
        calls: Arc<dyn Calls>,
    ) -> Result<bool, CloudError>;

    /// Changes what `update` names.
    ///
    /// # Errors
    /// What AWS says; part of it may be done.
    async fn update(
        &self,
        target: &Target,
        id: &PhysicalId,
        incarnation: Option<&Incarnation>,
        update: &Update<'_>,
        calls: Arc<dyn Calls>,
    ) -> Result<(), CloudError>;

    /// Deletes; success where it is already gone.
    ///
    /// # Errors
    /// What AWS says.
    async fn delete(
        &self,
        target: &Target,
        id: &PhysicalId,
        deletion: &Deletion,
        calls: Arc<dyn Calls>,
    ) -> Result<(), CloudError>;

    /// What a create of this incarnation has made.
    ///
    /// # Errors
    /// What AWS says.
    async fn find(
        &self,
        target: &Target,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>, CloudError>;

    /// The parameters and secrets that dynamic references name, in as few calls as AWS allows; answers in the order of the
    /// question.
    async fn look_up(&self, region: &str, wanted: &[Lookup]) -> Vec<LookupResult>;

    /// Asks CodeDeploy for a deployment; its identifier.
    ///
    /// # Errors
    /// What AWS says.
    async fn deploy(
        &self,
        region: &str,
        rollout: &Rollout,
        calls: Arc<dyn Calls>,
    ) -> Result<String, CloudError> {
        let _ = (region, rollout, calls);
        Err(no_deployments())
    }

    /// How a deployment stands.
    ///
    /// # Errors
    /// What AWS says.
    async fn deployment(
        &self,
        region: &str,
        controller: &Controller,
        id: &str,
    ) -> Result<Deployment, CloudError> {
        let _ = (region, controller, id);
        Err(no_deployments())
    }

    /// The newest deployments of a service, newest first; `running`: only those that go on.
    ///
    /// # Errors
    /// What AWS says.
    async fn deployments(
        &self,
        region: &str,
        controller: &Controller,
        running: bool,
        most: usize,
    ) -> Result<Vec<Deployment>, CloudError> {
        let _ = (region, controller, running, most);
        Err(no_deployments())
    }

    /// How long a resource of this type may take to become ready, or to be gone.
    fn patience(&self, type_name: &str) -> Duration;

    /// The clock on which everything waits.
    fn clock(&self) -> &Clock;

    /// Whether AWS cannot be asked about resources of this type: what is known of them is what the state remembers.
    fn is_remembered(&self, type_name: &str) -> bool {
        let _ = type_name;
        false
    }

    /// Whether there is a module for this type; without one it is neither read nor changed.
    fn is_native(&self, type_name: &str) -> bool {
        let _ = type_name;
        true
    }
}
