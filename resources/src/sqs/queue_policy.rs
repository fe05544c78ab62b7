//! `AWS::SQS::QueuePolicy`: one policy of several queues.

use async_trait::async_trait;

use super::{GONE, QUEUES, put_policy, remove_policy};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;
use crate::shared_policy::Holders;

/// `AWS::SQS::QueuePolicy`.
pub struct QueuePolicy;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["PolicyDocument", "Queues"],
        ..Create::of("SetQueueAttributes", "")
    },
    reads: &[Read::of(&QUEUES)],
    updates: &[Change {
        takes: &["PolicyDocument", "Queues"],
        mode: Mode::Step(change),
        ..Change::of("SetQueueAttributes", &[])
    }],
    delete: Delete::of("SetQueueAttributes", &[], GONE),
    find: Find::Search(find),
    rules: &[
        Rule::Told("PolicyDocument", "Policy"),
        Rule::Told("Queues", "QueueUrl"),
    ],
    propagation: super::POLICY_PROPAGATION,
    completes: &["Queues"],
    unique: &[&["Queues"]],
    ..Definition::new("AWS::SQS::QueuePolicy", "sqs")
};

static QUEUES_OF_POLICY: Holders = Holders {
    definition: &DEFINITION,
    property: "Queues",
    member: "QueueUrl",
    load: &QUEUES,
    policy: |queue| described(queue, "Policy").filter(|policy| !policy.is_empty()),
    put: |context, queue, text| Box::pin(put_policy(&DEFINITION, context, queue, text)),
    remove: |context, queue| Box::pin(remove_policy(&DEFINITION, context, queue)),
};

fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(QUEUES_OF_POLICY.update(context, id, update))
}

fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(QUEUES_OF_POLICY.find(context, desired, |_| false))
}

#[async_trait]
impl Resource for QueuePolicy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        QUEUES_OF_POLICY.create(context, desired).await
    }

    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        QUEUES_OF_POLICY.read(context, id).await
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        QUEUES_OF_POLICY.delete(context, id).await
    }
}
