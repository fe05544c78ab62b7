//! `AWS::SQS::Queue`: a queue and its settings.

use async_trait::async_trait;

use super::{GONE, QUEUES, QUEUES_BY_NAME, TAGS, set_attributes};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::mapping::document;
use crate::prelude::*;
use crate::tags;

/// `AWS::SQS::Queue`.
pub struct Queue;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateQueue", ""),
    reads: &[
        Read::of(&QUEUES),
        Read {
            key: Key::Described(&["QueueArn"]),
            select: Some(tags::swept),
            ..Read::of(&tags::SWEEP)
        },
        Read {
            when: Some(tags::untagged),
            ..Read::of(&TAGS)
        },
    ],
    updates: &[Change {
        takes: &[
            "ContentBasedDeduplication",
            "DeduplicationScope",
            "DelaySeconds",
            "FifoThroughputLimit",
            "KmsDataKeyReusePeriodSeconds",
            "KmsMasterKeyId",
            "MaximumMessageSize",
            "MessageRetentionPeriod",
            "ReceiveMessageWaitTimeSeconds",
            "RedriveAllowPolicy",
            "RedrivePolicy",
            "SqsManagedSseEnabled",
            "VisibilityTimeout",
        ],
        mode: Mode::Step(change),
        ..Change::of("SetQueueAttributes", &["QueueUrl"])
    }],
    delete: Delete::of("DeleteQueue", &["QueueUrl"], GONE),
    find: Find::Search(find),
    rules: &[
        Rule::Told("Arn", "QueueArn"),
        Rule::Computed("QueueName", |queue| {
            Some(described(queue, "QueueArn")?.rsplit(':').next()?.into())
        }),
        Rule::Sent(
            "ContentBasedDeduplication",
            "Attributes.ContentBasedDeduplication",
        ),
        Rule::Sent("DeduplicationScope", "Attributes.DeduplicationScope"),
        Rule::Sent("DelaySeconds", "Attributes.DelaySeconds"),
        Rule::Sent("FifoQueue", "Attributes.FifoQueue"),
        Rule::Sent("FifoThroughputLimit", "Attributes.FifoThroughputLimit"),
        Rule::Sent(
            "KmsDataKeyReusePeriodSeconds",
            "Attributes.KmsDataKeyReusePeriodSeconds",
        ),
        Rule::Sent("KmsMasterKeyId", "Attributes.KmsMasterKeyId"),
        Rule::Sent("MaximumMessageSize", "Attributes.MaximumMessageSize"),
        Rule::Sent(
            "MessageRetentionPeriod",
            "Attributes.MessageRetentionPeriod",
        ),
        Rule::Sent(
            "ReceiveMessageWaitTimeSeconds",
            "Attributes.ReceiveMessageWaitTimeSeconds",
        ),
        Rule::Sent("RedriveAllowPolicy", "Attributes.RedriveAllowPolicy"),
        Rule::Sent("RedrivePolicy", "Attributes.RedrivePolicy"),
        Rule::Sent("SqsManagedSseEnabled", "Attributes.SqsManagedSseEnabled"),
        Rule::Sent("VisibilityTimeout", "Attributes.VisibilityTimeout"),
        Rule::Computed("ContentBasedDeduplication", |queue| {
            Some(flag(queue, "ContentBasedDeduplication"))
        }),
        Rule::Told("DeduplicationScope", "DeduplicationScope"),
        Rule::Told("DelaySeconds", "DelaySeconds"),
        Rule::Computed("FifoQueue", |queue| Some(flag(queue, "FifoQueue"))),
        Rule::Told("FifoThroughputLimit", "FifoThroughputLimit"),
        Rule::Told(
            "KmsDataKeyReusePeriodSeconds",
            "KmsDataKeyReusePeriodSeconds",
        ),
        Rule::Told("KmsMasterKeyId", "KmsMasterKeyId"),
        Rule::Told("MaximumMessageSize", "MaximumMessageSize"),
        Rule::Told("MessageRetentionPeriod", "MessageRetentionPeriod"),
        Rule::Told(
            "ReceiveMessageWaitTimeSeconds",
            "ReceiveMessageWaitTimeSeconds",
        ),
        Rule::Computed("RedriveAllowPolicy", |queue| {
            document(described(queue, "RedriveAllowPolicy")?)
        }),
        Rule::Computed("RedrivePolicy", |queue| {
            document(described(queue, "RedrivePolicy")?)
        }),
        Rule::Told("SqsManagedSseEnabled", "SqsManagedSseEnabled"),
        Rule::Told("VisibilityTimeout", "VisibilityTimeout"),
    ],
    tags: Tags::Member,
    propagation: &[
        // "You must wait 60 seconds after deleting a queue before you can create another queue with the same name" (API_CreateQueue).
        ("QueueDeletedRecently", ""),
        ("AWS.SimpleQueueService.QueueDeletedRecently", ""),
        // A dead-letter queue that was made a moment ago.
        ("InvalidParameterValue", "Dead letter target does not exist"),
        ("InvalidAttributeValue", "Dead letter target does not exist"),
    ],
    // "A queue name can have up to 80 characters. Valid values: alphanumeric characters, hyphens (-), and underscores (_). A FIFO queue
    // name must end with the .fifo suffix" (API_CreateQueue).
    name: Some(Name {
        also: "_",
        ending: Some(("FifoQueue", ".fifo")),
        ..Name::of("QueueName", 80)
    }),
    unique: &[&["QueueName"]],
    not_told: &[(
        "KmsDataKeyReusePeriodSeconds",
        "GetQueueAttributes tells it of queues with a key of KMS alone",
    )],
    // API_SetQueueAttributes, each attribute's default; of the greatest message and of the encryption, which have changed since, as
    // CloudFormation has them (template reference, AWS::SQS::Queue).
    resets: &[
        ("ContentBasedDeduplication", "false"),
        ("DeduplicationScope", "\"queue\""),
        ("DelaySeconds", "0"),
        ("FifoQueue", "false"),
        ("FifoThroughputLimit", "\"perQueue\""),
        ("KmsDataKeyReusePeriodSeconds", "300"),
        ("KmsMasterKeyId", "\"\""),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("RedriveAllowPolicy", "\"\""),
        ("RedrivePolicy", "\"\""),
        ("SqsManagedSseEnabled", "true"),
        ("VisibilityTimeout", "30"),
    ],
    ..Definition::new("AWS::SQS::Queue", "sqs")
};

/// What only queues for first-in-first-out have is not told of others.
fn flag(queue: &Json, name: &str) -> Json {
    (described(queue, name) == Some("true")).into()
}

/// Attributes are texts; documents are JSON in a text.
fn text(value: &Value) -> Result<String> {
    match value.expose_json() {
        // SQS knows no empty document: an empty text takes it away.
        Some(Json::Object(members)) if members.is_empty() => Ok(String::new()),
        Some(Json::String(text)) => Ok(text),
        Some(other) => Ok(other.to_string()),
        None => Err(Error::Unknown(DEFINITION.type_name.to_owned())),
    }
}

/// All in one call: some attributes only go together (a throughput limit by message group and its scope; one encryption and not
/// the other).
fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let mut attributes = Map::new();
        for (property, default) in DEFINITION.resets {
            if !update.touches(property) {
                continue;
            }
            let value = match update.desired.get(property) {
                Some(value) => text(value)?,
                // An empty text, or one without quotes.
                None => default.trim_matches('"').to_owned(),
            };
            attributes.insert((*property).to_owned(), value.into());
        }
        encrypt(&mut attributes, update.desired)?;
        set_attributes(&DEFINITION, context, id.as_str(), attributes).await
    })
}

/// "You can use one type of server-side encryption at one time" (InvalidAttributeName). A key of KMS takes the place of SQS's own by
/// itself, but not the other way round; a queue that declares neither has SQS's own (template reference, `SqsManagedSseEnabled`).
fn encrypt(attributes: &mut Map<String, Json>, desired: &Value) -> Result<()> {
    let key = match desired.get("KmsMasterKeyId") {
        Some(key) => text(key)?,
        None => String::new(),
    };
    if desired.get("SqsManagedSseEnabled").is_some() {
        return Ok(());
    }
    if !key.is_empty() {
        attributes.remove("SqsManagedSseEnabled");
    } else if attributes.contains_key("KmsMasterKeyId") {
        attributes.insert("SqsManagedSseEnabled".to_owned(), "true".into());
    }
    Ok(())
}

async fn url_of(context: &Context, desired: &Value) -> Result<Option<String>> {
    let Some(name) = desired.get("QueueName").and_then(Value::to_text) else {
        return Ok(None);
    };
    let found = generic::items_of(context, &QUEUES_BY_NAME, &name).await?;
    let url = found.first().and_then(|queue| described(queue, "QueueUrl"));
    Ok(url.map(str::to_owned))
}

fn find<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        match url_of(context, desired).await? {
            Some(url) => generic::if_ours(&DEFINITION, context, url.into(), incarnation).await,
            None => Ok(None),
        }
    })
}

#[async_trait]
impl Resource for Queue {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// CreateQueue answers with a queue that is there already, whoever's it is, where its attributes are the same (API_CreateQueue). That a
    /// queue is none for first-in-first-out cannot be said, only left out ("Unknown Attribute FifoQueue").
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        // One that was deleted a moment ago may be found by its name still.
        if let Some(id) = url_of(context, desired).await?.map(PhysicalId::from)
            && generic::read(&DEFINITION, context, &id).await?.is_some()
            && generic::if_ours(&DEFINITION, context, id, incarnation)
                .await?
                .is_none()
        {
            return Err(Error::Failed(format!(
                "a queue with the name `{}` exists already and is not this resource's: choose another name, or delete it",
                desired
                    .get("QueueName")
                    .and_then(Value::to_text)
                    .unwrap_or_default()
            )));
        }
        let is_false = |name: &str| {
            let text = desired.get(name).and_then(Value::to_text);
            text.is_some_and(|text| text.eq_ignore_ascii_case("false"))
        };
        let standard = desired.get("FifoQueue").is_none() || is_false("FifoQueue");
        let mut wanted = desired.clone();
        if let Some(properties) = wanted.as_map_mut().filter(|_| standard) {
            properties.remove("FifoQueue");
            if is_false("ContentBasedDeduplication") {
                properties.remove("ContentBasedDeduplication");
            }
        }
        generic::create(&DEFINITION, context, &wanted, incarnation).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encrypted(attributes: Json, desired: Json) -> Json {
        let mut attributes = attributes.as_object().cloned().unwrap_or_default();
        encrypt(&mut attributes, &Value::from(desired)).expect("everything is known");
        Json::Object(attributes)
    }

    #[test]
    fn one_encryption_takes_the_place_of_the_other() {
        // The key goes: SQS's own is back.
        assert_eq!(
            encrypted(json!({"KmsMasterKeyId": ""}), json!({})),
            json!({"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true"})
        );
        // The key comes, and what stood there for SQS's own is declared no more.
        assert_eq!(
            encrypted(
                json!({"KmsMasterKeyId": "alias/a", "SqsManagedSseEnabled": "true"}),
                json!({"KmsMasterKeyId": "alias/a"})
            ),
            json!({"KmsMasterKeyId": "alias/a"})
        );
        // What is declared stands.
        let both = json!({"KmsMasterKeyId": "", "SqsManagedSseEnabled": "false"});
        assert_eq!(
            encrypted(both.clone(), json!({"SqsManagedSseEnabled": false})),
            both
        );
    }
}
