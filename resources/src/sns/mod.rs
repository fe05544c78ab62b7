//! Topics, their policies and subscriptions. All have their settings in maps of texts, changed one at a time.

pub mod subscription;
pub mod topic;
pub mod topic_inline_policy;
pub mod topic_policy;

use crate::context::Context;
use crate::definition::Definition;
use crate::error::{Error, Result};
use crate::loaders::{By, Load};
use crate::resource::Update;
use payctl_model::PhysicalId;
use serde_json::{Map, Value as Json, json};

/// SNS says `NotFound` for what its model calls NotFoundException.
const GONE: &[&str] = &["NotFound", "NotFoundException"];

const fn one(
    operation: &'static str,
    member: &'static [&'static str],
    items: &'static str,
) -> Load {
    Load {
        gone: GONE,
        ..Load::of("sns", operation, By::One(member), 1, items, "")
    }
}

pub(crate) static TOPICS: Load = one("GetTopicAttributes", &["TopicArn"], "Attributes");
pub(crate) static ALL_TOPICS: Load =
    Load::of("sns", "ListTopics", By::All, 1, "Topics", "TopicArn");
pub(crate) static SUBSCRIPTIONS: Load = one(
    "GetSubscriptionAttributes",
    &["SubscriptionArn"],
    "Attributes",
);
pub(crate) static SUBSCRIPTIONS_OF_TOPICS: Load =
    one("ListSubscriptionsByTopic", &["TopicArn"], "Subscriptions");
pub(crate) static DATA_PROTECTION: Load = one("GetDataProtectionPolicy", &["ResourceArn"], "");
pub(crate) static TAGS: Load = one("ListTagsForResource", &["ResourceArn"], "");

/// Attributes are texts; documents are JSON in a text.
fn text(value: &Json) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Sets the attributes of the properties that change; what is declared no more gets its default. Property, default.
async fn set_attributes(
    definition: &'static Definition,
    context: &Context,
    operation: &str,
    member: &str,
    id: &PhysicalId,
    update: &Update<'_>,
    attributes: &[(&str, &str)],
) -> Result<()> {
    for (property, default) in attributes {
        if !update.touches(property) {
            continue;
        }
        let value =
            match update.desired.get(property) {
                Some(value) => text(&value.expose_json().ok_or_else(|| {
                    Error::Unknown(format!("{} {property}", definition.type_name))
                })?),
                None => (*default).to_owned(),
            };
        set_attribute(definition, context, operation, member, id, property, &value).await?;
    }
    Ok(())
}

async fn set_attribute(
    definition: &'static Definition,
    context: &Context,
    operation: &str,
    member: &str,
    id: &PhysicalId,
    name: &str,
    value: &str,
) -> Result<()> {
    let input = Map::from_iter([
        (member.to_owned(), id.as_str().into()),
        ("AttributeName".to_owned(), name.into()),
        ("AttributeValue".to_owned(), value.into()),
    ]);
    crate::generic::write(definition, context, operation, input).await?;
    Ok(())
}

/// Who made a policy for a topic without one.
const DEFAULT_POLICY_ID: &str = "__default_policy_ID";

/// A principal that was made a moment ago (IAM user guide, "Changes that I make are not always immediately visible").
const POLICY_PROPAGATION: &[(&str, &str)] = &[
    ("InvalidParameter", "PrincipalNotFound"),
    ("InvalidParameterException", "PrincipalNotFound"),
];

/// The policy that SNS gives a topic when it is made, which CloudFormation gives back to it when another one is deleted: a topic
/// cannot be without (SNS developer guide, "Example cases for Amazon SNS access control": the default policy is for its owner).
fn default_policy(topic: &str) -> String {
    let account = topic.split(':').nth(4).unwrap_or_default();
    let actions = [
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    let statement = json!({
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": actions,
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    });
    json!({"Version": "2008-10-17", "Id": DEFAULT_POLICY_ID, "Statement": [statement]}).to_string()
}

async fn put_policy(
    definition: &'static Definition,
    context: &Context,
    topic: &str,
    policy: String,
) -> Result<()> {
    let topic = PhysicalId::from(topic);
    set_attribute(
        definition,
        context,
        "SetTopicAttributes",
        "TopicArn",
        &topic,
        "Policy",
        &policy,
    )
    .await
}
