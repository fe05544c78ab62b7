//! `AWS::SQS::QueueInlinePolicy`: the policy of one queue.

use async_trait::async_trait;

use super::{GONE, QUEUES, put_policy, remove_policy};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::shared_policy::document;

/// `AWS::SQS::QueueInlinePolicy`.
pub struct QueueInlinePolicy;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["PolicyDocument", "Queue"],
        ..Create::of("SetQueueAttributes", "")
    },
    reads: &[Read {
        select: Some(with_policy),
        ..Read::of(&QUEUES)
    }],
    updates: &[Change {
        takes: &["PolicyDocument"],
        mode: Mode::Step(change),
        ..Change::of("SetQueueAttributes", &[])
    }],
    delete: Delete::of("SetQueueAttributes", &[], GONE),
    find: Find::Key(&["Queue"]),
    rules: &[Rule::Told("PolicyDocument", "Policy")],
    propagation: super::POLICY_PROPAGATION,
    completes: &["Queue"],
    unique: &[&["Queue"]],
    ..Definition::new("AWS::SQS::QueueInlinePolicy", "sqs")
};

/// A queue without a policy is described too.
fn with_policy(queue: &Json, _: &PhysicalId) -> Option<Json> {
    described(queue, "Policy")
        .filter(|policy| !policy.is_empty())
        .map(|policy| json!({"Policy": policy}))
}

async fn put(context: &Context, queue: &str, properties: &Value) -> Result<()> {
    let policy = document(properties)
        .ok_or_else(|| Error::Unknown(format!("{} PolicyDocument", DEFINITION.type_name)))?;
    put_policy(&DEFINITION, context, queue, policy).await
}

fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(put(context, id.as_str(), update.desired))
}

#[async_trait]
impl Resource for QueueInlinePolicy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let queue = desired
            .get("Queue")
            .and_then(Value::to_text)
            .ok_or_else(|| Error::Unknown(format!("{} Queue", DEFINITION.type_name)))?;
        put(context, &queue, desired).await?;
        Ok(Observed {
            id: queue.into(),
            model: desired.clone(),
            status: Status::Ready,
        })
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        remove_policy(&DEFINITION, context, id.as_str()).await
    }
}
