//! `AWS::SNS::TopicPolicy`: one policy of several topics.

use async_trait::async_trait;

use super::{DEFAULT_POLICY_ID, GONE, TOPICS, default_policy, put_policy};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;
use crate::shared_policy::Holders;

/// `AWS::SNS::TopicPolicy`.
pub struct TopicPolicy;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["PolicyDocument", "Topics"],
        ..Create::of("SetTopicAttributes", "")
    },
    reads: &[Read::of(&TOPICS)],
    updates: &[Change {
        takes: &["PolicyDocument", "Topics"],
        mode: Mode::Step(change),
        ..Change::of("SetTopicAttributes", &[])
    }],
    delete: Delete {
        // A topic always has a policy: SNS's own is put back.
        lingers: true,
        ..Delete::of("SetTopicAttributes", &[], GONE)
    },
    find: Find::Search(find),
    rules: &[
        Rule::Told("PolicyDocument", "Policy"),
        Rule::Told("Topics", "TopicArn"),
    ],
    propagation: super::POLICY_PROPAGATION,
    completes: &["Topics"],
    unique: &[&["Topics"]],
    ..Definition::new("AWS::SNS::TopicPolicy", "sns")
};

static TOPICS_OF_POLICY: Holders = Holders {
    definition: &DEFINITION,
    property: "Topics",
    member: "TopicArn",
    load: &TOPICS,
    policy: |topic| described(topic, "Policy"),
    put: |context, topic, text| Box::pin(put_policy(&DEFINITION, context, topic, text)),
    remove: |context, topic| {
        Box::pin(async move {
            match put_policy(&DEFINITION, context, topic, default_policy(topic)).await {
                Err(error) if error.code().is_some_and(|code| GONE.contains(&code)) => Ok(()),
                done => done,
            }
        })
    },
};

fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(TOPICS_OF_POLICY.update(context, id, update))
}

fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    let is_default = |policy: &str| policy.contains(DEFAULT_POLICY_ID);
    Box::pin(TOPICS_OF_POLICY.find(context, desired, is_default))
}

#[async_trait]
impl Resource for TopicPolicy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        TOPICS_OF_POLICY.create(context, desired).await
    }

    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        TOPICS_OF_POLICY.read(context, id).await
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        TOPICS_OF_POLICY.delete(context, id).await
    }
}
