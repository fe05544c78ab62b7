//! Queues and their policies. A queue has its settings in a map of texts.

pub mod queue;
pub mod queue_inline_policy;
pub mod queue_policy;

use std::time::Duration;

use crate::context::Context;
use crate::definition::{Definition, Fixed};
use crate::error::{Error, Result};
use crate::generic::{self, described};
use crate::loaders::{By, Load};
use payctl_model::Value;
use payctl_model::compare::document;
use serde_json::{Map, Value as Json, json};

/// The name in today's API model, and the one of before (SQS API reference, "Common Errors"; developer guide, "AWS JSON protocol").
const GONE: &[&str] = &[
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
];

/// One queue a call is all that SQS offers.
pub(crate) static QUEUES: Load = Load {
    fixed: &[("AttributeNames", Fixed::List(&["All"]))],
    gone: GONE,
    ..Load::of(
        "sqs",
        "GetQueueAttributes",
        By::One(&["QueueUrl"]),
        1,
        "Attributes",
        "",
    )
};
pub(crate) static QUEUES_BY_NAME: Load = Load {
    gone: GONE,
    ..Load::of("sqs", "GetQueueUrl", By::One(&["QueueName"]), 1, "", "")
};
pub(crate) static TAGS: Load = Load {
    gone: GONE,
    ..Load::of("sqs", "ListQueueTags", By::One(&["QueueUrl"]), 1, "", "")
};

/// How long it takes until all of SQS knows of a change: "most attributes' new values can take up to 60 seconds to propagate
/// throughout the Amazon SQS system" (API_SetQueueAttributes).
const SPREADING: Duration = Duration::from_secs(90);
/// As often in a row as a queue that was seen with old values must be seen with the new ones.
const TIMES: u32 = 3;

/// Sets attributes of a queue, and waits until SQS tells them: a plan right after would see the old ones.
async fn set_attributes(
    definition: &'static Definition,
    context: &Context,
    url: &str,
    attributes: Map<String, Json>,
) -> Result<()> {
    let input = Map::from_iter([
        ("QueueUrl".to_owned(), json!(url)),
        ("Attributes".to_owned(), Json::Object(attributes.clone())),
    ]);
    generic::write(definition, context, "SetQueueAttributes", input).await?;
    let start = context.clock().now();
    let (mut needed, mut pause) = (1, Duration::from_secs(1));
    loop {
        let told = generic::items_of(context, &QUEUES, url).await?;
        let arrived = told.first().is_some_and(|told| {
            attributes
                .iter()
                .all(|(name, value)| is_told(value, described(told, name)))
        });
        needed = if arrived { needed - 1 } else { TIMES };
        let spent = context.clock().now().duration_since(start);
        // What SQS writes otherwise than it was told is for the next plan to show.
        if needed == 0 || spent.unwrap_or(SPREADING) >= SPREADING {
            return Ok(());
        }
        context.clock().sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(8));
    }
}

/// Whether an attribute is told as it was set. One that is empty is not told; documents are told in another form.
fn is_told(set: &Json, told: Option<&str>) -> bool {
    let set = set.as_str().unwrap_or_default();
    let Some(told) = told else {
        return set.is_empty();
    };
    set == told || document::same(&Value::from(set), &Value::from(told))
}

/// A principal that was made a moment ago is no valid value (IAM user guide, "Changes that I make are not always immediately visible").
const POLICY_PROPAGATION: &[(&str, &str)] = &[
    (
        "InvalidAttributeValue",
        "Invalid value for the parameter Policy",
    ),
    (
        "InvalidParameterValue",
        "Invalid value for the parameter Policy",
    ),
];

/// An empty policy takes a queue's policy away (API_SetQueueAttributes: an attribute's empty text is its default).
async fn put_policy(
    definition: &'static Definition,
    context: &Context,
    url: &str,
    policy: String,
) -> Result<()> {
    let attributes = Map::from_iter([("Policy".to_owned(), policy.into())]);
    set_attributes(definition, context, url, attributes).await
}

/// The same of a queue that may be gone.
async fn remove_policy(
    definition: &'static Definition,
    context: &Context,
    url: &str,
) -> Result<()> {
    match put_policy(definition, context, url, String::new()).await {
        Err(error) if is_gone(&error) => Ok(()),
        done => done,
    }
}

fn is_gone(error: &Error) -> bool {
    error.code().is_some_and(|code| GONE.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_told_as_it_was_set_or_in_another_form() {
        let told = Some(r#"{"maxReceiveCount":3,"deadLetterTargetArn":"a"}"#);
        let set = json!(r#"{"deadLetterTargetArn": "a", "maxReceiveCount": "3"}"#);
        assert!(is_told(&set, told));
        assert!(is_told(&json!(""), None) && is_told(&json!("30"), Some("30")));
        assert!(!is_told(&json!(""), told) && !is_told(&json!("30"), Some("45")));
        assert!(!is_told(&set, Some("{}")) && !is_told(&set, None));
        assert!(!is_told(&json!(r#"{"a": 1}"#), Some(r#"{"a": 2}"#)));
    }
}
