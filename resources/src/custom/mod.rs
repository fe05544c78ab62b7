//! Custom resources: AWS knows nothing of them. A provider of the user's, a Lambda function or who reads an SNS topic, is asked to
//! make, change and delete them, as CloudFormation asks (CloudFormation user guide, "Custom resource request and response
//! reference"); what it answers is all that is known of them.

pub mod cdk;
mod request;
mod response;

use std::time::Duration;

use async_trait::async_trait;
use payctl_model::facts::custom::DATA;
use payctl_model::facts::{CUSTOM, is_custom};

use crate::context::{Context, Subject};
use crate::error::{Error, Result};
use crate::prelude::*;
use request::{Asked, Request};
use response::Response;

pub use cdk::CDK;

/// The module of a custom resource's type.
pub fn of(type_name: &str) -> Option<&'static dyn Resource> {
    is_custom(type_name).then_some(&CustomResource as &dyn Resource)
}

/// `AWS::CloudFormation::CustomResource` and every `Custom::…` that is carried out by its provider.
pub struct CustomResource;

static DEFINITION: Definition = Definition {
    remembered: true,
    needs: &[Need {
        property: "ServiceToken",
        reason: "a function can be invoked when it is active (Lambda developer guide, \"Lambda function states\")",
    }],
    ..Definition::new(CUSTOM, "lambda")
};

/// How long a provider may take where the template does not say (AWS::CloudFormation::CustomResource, `ServiceTimeout`).
const TIMEOUT: Duration = Duration::from_secs(3_600);
/// How long an answer to a request of an interrupted run is waited for: as long as a function may run (Lambda quotas, "Function
/// timeout").
const LATE: Duration = Duration::from_secs(900);

#[async_trait]
impl Resource for CustomResource {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let subject = subject(context)?;
        let request = Request::create(subject, desired, incarnation)?;
        let default = default_id(subject, incarnation);
        let response = match ask(context, subject, &request, timeout(desired)).await {
            Ok(response) => response,
            Err(error) => {
                // It may have been made: the next run has it deleted, as CloudFormation does when it rolls back.
                if request.was_sent() {
                    context.identified(&default).await?;
                }
                return Err(error);
            }
        };
        let id = response.physical_id.clone().unwrap_or(default);
        if let Some(reason) = &response.failed {
            context.identified(&id).await?;
            request.forget(context, subject).await?;
            return Err(failed(subject, &request, reason));
        }
        let observed = response.observed(id, desired);
        // Durable before the answer is gone: nobody can tell it again.
        context.exists(&observed).await?;
        request.forget(context, subject).await?;
        Ok(observed)
    }

    /// Nobody can be asked: the engine keeps what was told.
    async fn read(&self, _: &Context, _: &PhysicalId) -> Result<Option<Observed>> {
        Ok(None)
    }

    async fn update(&self, context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
        let subject = subject(context)?;
        // A run that died before it had written down what the provider answered to `Create` has left that answer.
        let is_known = update.live.get(DATA).is_some();
        if !is_known
            && let Some(left) =
                request::left_by_create(context, subject, id, update.desired).await?
        {
            context.exists(&left).await?;
            subject.tell(left);
            return request::forget_create(context, subject).await;
        }
        let request = Request::update(subject, id, update)?;
        let response = ask(context, subject, &request, timeout(update.desired)).await?;
        if let Some(reason) = &response.failed {
            request.forget(context, subject).await?;
            return Err(failed(subject, &request, reason));
        }
        let id = response.physical_id.clone().unwrap_or_else(|| id.clone());
        let observed = response.observed(id, update.desired);
        context.exists(&observed).await?;
        subject.tell(observed);
        request.forget(context, subject).await
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let subject = subject(context)?;
        let applied = deletion.last_applied.clone().unwrap_or_else(Value::map);
        let request = Request::delete(subject, id, &applied)?;
        let response = ask(context, subject, &request, timeout(&applied)).await?;
        request.forget(context, subject).await?;
        match &response.failed {
            Some(reason) => Err(failed(subject, &request, reason)),
            None => Ok(()),
        }
    }

    /// What [`find`](Resource::find) has found is written down before the answer goes.
    async fn complete(&self, context: &Context, id: &PhysicalId, desired: &Value) -> Result<bool> {
        let subject = subject(context)?;
        if let Some(left) = request::left_by_create(context, subject, id, desired).await? {
            context.exists(&left).await?;
            request::forget_create(context, subject).await?;
        }
        Ok(false)
    }

    /// The answer to an interrupted run's request, which may still come. A failure is cleared up as CloudFormation does.
    async fn find(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        let subject = subject(context)?;
        let request = Request::create(subject, desired, incarnation)?;
        let patience = timeout(desired).min(LATE);
        let Some(response) = request.answer(context, subject, patience).await? else {
            return Ok(None);
        };
        let id = response
            .physical_id
            .clone()
            .unwrap_or_else(|| default_id(subject, incarnation));
        match response.failed {
            None => {
                subject.tell(response.observed(id.clone(), desired));
                Ok(Some(id))
            }
            Some(_) => {
                request.forget(context, subject).await?;
                let deletion = Deletion {
                    last_applied: Some(desired.clone()),
                    ..Deletion::default()
                };
                self.delete(context, &id, &deletion).await?;
                Ok(None)
            }
        }
    }
}

fn subject(context: &Context) -> Result<&Subject> {
    context
        .subject()
        .ok_or_else(|| Error::definition(CUSTOM, "nobody says which resource of which stack it is"))
}

/// What a provider is called that names nothing: as CloudFormation names what has no name.
fn default_id(subject: &Subject, incarnation: &Incarnation) -> PhysicalId {
    let stack = subject.address.stack.replace('/', "-");
    format!(
        "{stack}-{}-{}",
        subject.address.logical_id,
        incarnation.suffix()
    )
    .into()
}

fn timeout(desired: &Value) -> Duration {
    let seconds = desired
        .get("ServiceTimeout")
        .and_then(Value::to_text)
        .and_then(|text| text.trim().parse::<u64>().ok());
    seconds.map_or(TIMEOUT, |seconds| {
        Duration::from_secs(seconds.clamp(1, 3_600))
    })
}

/// Asks the provider and waits for its answer. One that is there already is the answer to the same request of a run that was
/// interrupted: the provider is not asked twice.
async fn ask(
    context: &Context,
    subject: &Subject,
    request: &Request,
    timeout: Duration,
) -> Result<Response> {
    if let Some(response) = request.look(context, subject).await? {
        return Ok(response);
    }
    request.send(context, subject).await?;
    match request.answer(context, subject, timeout).await? {
        Some(response) => Ok(response),
        None => Err(Error::Failed(format!(
            "the provider of {} did not answer its {} request within {} s: {}",
            subject.address.logical_id,
            request.kind(),
            timeout.as_secs(),
            request.hint()
        ))),
    }
}

fn failed(subject: &Subject, request: &Request, reason: &str) -> Error {
    let done = match request.kind() {
        Asked::Create => "create",
        Asked::Update => "update",
        Asked::Delete => "delete",
    };
    Error::Failed(format!(
        "the provider of {} could not {done} it: {reason} ({})",
        subject.address.logical_id,
        request.hint()
    ))
}
