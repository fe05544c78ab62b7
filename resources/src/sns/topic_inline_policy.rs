//! `AWS::SNS::TopicInlinePolicy`: the policy of one topic.

use async_trait::async_trait;

use super::{DEFAULT_POLICY_ID, GONE, TOPICS, default_policy, put_policy};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::SNS::TopicInlinePolicy`.
pub struct TopicInlinePolicy;

static DEFINITION: Definition = Definition {
    create: Create {
        fixed: &[("AttributeName", Fixed::Text("Policy"))],
        ..Create::of("SetTopicAttributes", "")
    },
    reads: &[Read::of(&TOPICS)],
    updates: &[Change {
        fixed: &[("AttributeName", Fixed::Text("Policy"))],
        ..Change::of("SetTopicAttributes", &["TopicArn"])
    }],
    delete: Delete {
        // A topic always has a policy: SNS's own is put back.
        lingers: true,
        ..Delete::of("SetTopicAttributes", &[], GONE)
    },
    find: Find::Search(find),
    rules: &[
        Rule::Sent("PolicyDocument", "AttributeValue"),
        Rule::Told("PolicyDocument", "Policy"),
    ],
    propagation: super::POLICY_PROPAGATION,
    completes: &["TopicArn"],
    unique: &[&["TopicArn"]],
    ..Definition::new("AWS::SNS::TopicInlinePolicy", "sns")
};

/// It has no tags: a policy that SNS has not set itself is it.
fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(topic) = desired.get("TopicArn").and_then(Value::as_str) else {
            return Ok(None);
        };
        let items = generic::items_of(context, &TOPICS, topic).await?;
        let policy = items.first().and_then(|topic| described(topic, "Policy"));
        let own = policy.is_some_and(|policy| !policy.contains(DEFAULT_POLICY_ID));
        Ok(own.then(|| topic.into()))
    })
}

#[async_trait]
impl Resource for TopicInlinePolicy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let topic = id.as_str();
        match put_policy(&DEFINITION, context, topic, default_policy(topic)).await {
            Err(error) if error.code().is_some_and(|code| GONE.contains(&code)) => Ok(()),
            done => done,
        }
    }
}
