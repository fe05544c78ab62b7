//! `AWS::SNS::Subscription`: where a topic's messages go.
//!
//! A subscription by e-mail or HTTP waits for its confirmation by whoever is there; it counts as made, as in CloudFormation.

use async_trait::async_trait;

use super::{GONE, SUBSCRIPTIONS, SUBSCRIPTIONS_OF_TOPICS, set_attributes};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::SNS::Subscription`.
pub struct Subscription;

static DEFINITION: Definition = Definition {
    create: Create {
        // Without it the answer has no ARN until somebody confirms (API_Subscribe).
        fixed: &[("ReturnSubscriptionArn", Fixed::Flag(true))],
        ..Create::of("Subscribe", "")
    },
    reads: &[Read::of(&SUBSCRIPTIONS)],
    updates: &[Change {
        takes: &[
            "DeliveryPolicy",
            "FilterPolicyScope",
            "FilterPolicy",
            "RawMessageDelivery",
            "RedrivePolicy",
            "ReplayPolicy",
            "SubscriptionRoleArn",
        ],
        mode: Mode::Step(attributes),
        ..Change::of("SetSubscriptionAttributes", &["SubscriptionArn=Arn"])
    }],
    delete: Delete {
        // One that nobody confirmed stays until AWS forgets it.
        lingers: true,
        ..Delete::of("Unsubscribe", &["SubscriptionArn=Arn"], GONE)
    },
    find: Find::Search(search),
    rules: &[
        Rule::Told("Arn", "SubscriptionArn"),
        Rule::Sent("DeliveryPolicy", "Attributes.DeliveryPolicy"),
        Rule::Sent("FilterPolicy", "Attributes.FilterPolicy"),
        Rule::Sent("FilterPolicyScope", "Attributes.FilterPolicyScope"),
        Rule::Sent("RawMessageDelivery", "Attributes.RawMessageDelivery"),
        Rule::Sent("RedrivePolicy", "Attributes.RedrivePolicy"),
        Rule::Sent("ReplayPolicy", "Attributes.ReplayPolicy"),
        Rule::Sent("SubscriptionRoleArn", "Attributes.SubscriptionRoleArn"),
        Rule::Told("TopicArn", "TopicArn"),
        Rule::Told("Protocol", "Protocol"),
        Rule::Told("Endpoint", "Endpoint"),
        Rule::Told("DeliveryPolicy", "DeliveryPolicy"),
        Rule::Told("FilterPolicy", "FilterPolicy"),
        Rule::Told("FilterPolicyScope", "FilterPolicyScope"),
        Rule::Told("RawMessageDelivery", "RawMessageDelivery"),
        Rule::Told("RedrivePolicy", "RedrivePolicy"),
        Rule::Told("ReplayPolicy", "ReplayPolicy"),
        Rule::Told("SubscriptionRoleArn", "SubscriptionRoleArn"),
    ],
    // "Idempotent": a second Subscribe with the same three answers with the same subscription (API_Subscribe).
    unique: &[&["TopicArn", "Protocol", "Endpoint"]],
    unsupported: &[(
        "Region",
        "SNS takes a subscription in its topic's region alone, and all calls for a resource go to its stack's region: \
         declare the subscription in a stack of the topic's region",
    )],
    ..Definition::new("AWS::SNS::Subscription", "sns")
};

#[async_trait]
impl Resource for Subscription {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// "You can't delete" what waits for confirmation; SNS forgets it after 48 hours, or with its topic (SNS developer guide,
    /// "Deleting an Amazon SNS subscription and topic").
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        match generic::delete(&DEFINITION, context, id, deletion).await {
            Err(error)
                if error.aws().is_some_and(|aws| {
                    aws.code.starts_with("InvalidParameter")
                        && aws.message.to_ascii_lowercase().contains("pending")
                }) =>
            {
                Ok(())
            }
            done => done,
        }
    }
}

fn attributes<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    // The scope goes before the policy that it is for (API_SetSubscriptionAttributes has the defaults).
    const DEFAULTS: &[(&str, &str)] = &[
        ("FilterPolicyScope", "MessageAttributes"),
        ("FilterPolicy", "{}"),
        ("DeliveryPolicy", "{}"),
        ("RawMessageDelivery", "false"),
        ("RedrivePolicy", ""),
        ("ReplayPolicy", ""),
        ("SubscriptionRoleArn", ""),
    ];
    Box::pin(set_attributes(
        &DEFINITION,
        context,
        "SetSubscriptionAttributes",
        "SubscriptionArn",
        id,
        update,
        DEFAULTS,
    ))
}

/// By topic, protocol and endpoint. One that waits for confirmation is listed without its ARN: asked for again, SNS tells it.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let text = |name: &str| {
            desired
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (topic, protocol, endpoint) = (text("TopicArn"), text("Protocol"), text("Endpoint"));
        let listed = generic::items_of(context, &SUBSCRIPTIONS_OF_TOPICS, topic).await?;
        let Some(mine) = listed.iter().find(|listed| {
            described(listed, "Protocol") == Some(protocol)
                && described(listed, "Endpoint") == Some(endpoint)
        }) else {
            return Ok(None);
        };
        match described(mine, "SubscriptionArn") {
            Some(arn) if arn.starts_with("arn:") => Ok(Some(arn.into())),
            _ => {
                let input = json!({"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "ReturnSubscriptionArn": true});
                let answer = context.write("sns", "Subscribe", input).await?;
                Ok(described(&answer, "SubscriptionArn").map(PhysicalId::from))
            }
        }
    })
}
