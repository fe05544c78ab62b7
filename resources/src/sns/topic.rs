//! `AWS::SNS::Topic`: a topic, its settings and the subscriptions declared with it.
//!
//! Subscriptions that stand as resources of their own are not the topic's: `update.live` comes without them.

use std::collections::BTreeSet;

use super::{
    ALL_TOPICS, DATA_PROTECTION, GONE, SUBSCRIPTIONS_OF_TOPICS, TAGS, TOPICS, set_attribute,
    set_attributes,
};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;
use crate::tags;

native!(
    /// `AWS::SNS::Topic`.
    Topic,
    Definition {
        create: Create::of("CreateTopic", ""),
        reads: &[
            Read::of(&TOPICS),
            Read { select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read { when: Some(tags::untagged), ..Read::of(&TAGS) },
            Read {
                // Always listed: the counts in a topic's attributes follow its subscriptions late, if at all.
                only_for: &["Subscription"],
                all: true,
                into: "Subscription",
                ..Read::of(&SUBSCRIPTIONS_OF_TOPICS)
            },
            Read { only_for: &["DataProtectionPolicy"], ..Read::of(&DATA_PROTECTION) },
        ],
        updates: &[
            Change {
                takes: &[
                    "DisplayName",
                    "KmsMasterKeyId",
                    "ContentBasedDeduplication",
                    "ArchivePolicy",
                    "SignatureVersion",
                    "TracingConfig",
                    "FifoThroughputScope",
                    "MaximumMessageSize",
                ],
                mode: Mode::Step(attributes),
                ..Change::of("SetTopicAttributes", &["TopicArn"])
            },
            Change { takes: &["DeliveryStatusLogging"], mode: Mode::Step(feedback), ..Change::of("SetTopicAttributes", &[]) },
            Change::of("PutDataProtectionPolicy", &["ResourceArn=TopicArn"]),
            Change { takes: &["Subscription"], mode: Mode::Step(subscriptions), ..Change::of("Subscribe", &[]) },
        ],
        delete: Delete::of("DeleteTopic", &["TopicArn"], GONE),
        find: Find::Search(search),
        rules: &[
            Rule::Sent("TopicName", "Name"),
            Rule::Computed("TopicName", name),
            Rule::Sent("DisplayName", "Attributes.DisplayName"),
            Rule::Sent("KmsMasterKeyId", "Attributes.KmsMasterKeyId"),
            Rule::Sent("FifoTopic", "Attributes.FifoTopic"),
            Rule::Sent("ContentBasedDeduplication", "Attributes.ContentBasedDeduplication"),
            Rule::Sent("ArchivePolicy", "Attributes.ArchivePolicy"),
            Rule::Sent("SignatureVersion", "Attributes.SignatureVersion"),
            Rule::Sent("TracingConfig", "Attributes.TracingConfig"),
            Rule::Sent("FifoThroughputScope", "Attributes.FifoThroughputScope"),
            Rule::Sent("MaximumMessageSize", "Attributes.MaximumMessageSize"),
            Rule::Told("DisplayName", "DisplayName"),
            Rule::Told("KmsMasterKeyId", "KmsMasterKeyId"),
            Rule::Told("FifoTopic", "FifoTopic"),
            Rule::Told("ContentBasedDeduplication", "ContentBasedDeduplication"),
            Rule::Told("ArchivePolicy", "ArchivePolicy"),
            Rule::Told("SignatureVersion", "SignatureVersion"),
            Rule::Told("TracingConfig", "TracingConfig"),
            Rule::Told("FifoThroughputScope", "FifoThroughputScope"),
            Rule::Told("MaximumMessageSize", "MaximumMessageSize"),
            Rule::Computed("DeliveryStatusLogging", logging),
        ],
        tags: Tags::Member,
        // "Topic names must … be between 1 and 256 characters"; that of a FIFO topic "must end with the .fifo suffix" (API_CreateTopic).
        name: Some(Name { also: "_", ending: Some(("FifoTopic", ".fifo")), ..Name::of("TopicName", 256) }),
        unique: &[&["TopicName"]],
        resets: &[("DataProtectionPolicy", "\"\"")],
        ..Definition::new("AWS::SNS::Topic", "sns")
    }
);

fn name(topic: &Json) -> Option<Json> {
    let arn = described(topic, "TopicArn")?;
    Some(arn.rsplit(':').next()?.into())
}

/// The protocols of DeliveryStatusLogging and how their attributes begin (API_SetTopicAttributes).
const FEEDBACK: &[(&str, &str)] = &[
    ("http/s", "HTTP"),
    ("sqs", "SQS"),
    ("lambda", "Lambda"),
    ("firehose", "Firehose"),
    ("application", "Application"),
];
const FEEDBACK_PARTS: &[&str] = &[
    "SuccessFeedbackRoleArn",
    "SuccessFeedbackSampleRate",
    "FailureFeedbackRoleArn",
];

fn logging(topic: &Json) -> Option<Json> {
    let mut found = Vec::new();
    for (protocol, prefix) in FEEDBACK {
        let mut entry = Map::new();
        for part in FEEDBACK_PARTS {
            let value = described(topic, &format!("{prefix}{part}"));
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                entry.insert((*part).to_owned(), value.into());
            }
        }
        // A rate alone logs nothing.
        if entry.keys().any(|part| part.ends_with("RoleArn")) {
            entry.insert("Protocol".to_owned(), (*protocol).into());
            found.push(Json::Object(entry));
        }
    }
    (!found.is_empty()).then_some(Json::Array(found))
}

fn attributes<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    // Defaults: API_SetTopicAttributes, API_CreateTopic.
    const DEFAULTS: &[(&str, &str)] = &[
        ("DisplayName", ""),
        ("KmsMasterKeyId", ""),
        ("ContentBasedDeduplication", "false"),
        ("ArchivePolicy", "{}"),
        ("SignatureVersion", "1"),
        ("TracingConfig", "PassThrough"),
        ("FifoThroughputScope", "Topic"),
    ];
    Box::pin(set_attributes(
        Topic.definition(),
        context,
        "SetTopicAttributes",
        "TopicArn",
        id,
        update,
        DEFAULTS,
    ))
}

fn feedback<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let entry = |properties: &Value, protocol: &str, part: &str| -> Option<String> {
            let entries = properties.get("DeliveryStatusLogging")?.as_list()?;
            let mut mine = entries
                .iter()
                .filter(|entry| entry.get("Protocol").and_then(Value::as_str) == Some(protocol));
            mine.find_map(|entry| entry.get(part)?.to_text())
        };
        for (protocol, prefix) in FEEDBACK {
            for part in FEEDBACK_PARTS {
                let wanted = entry(update.desired, protocol, part);
                if wanted != entry(update.live, protocol, part) {
                    let name = format!("{prefix}{part}");
                    // A rate is a number even where nothing is logged.
                    let none = if part.ends_with("SampleRate") {
                        "0"
                    } else {
                        ""
                    };
                    let value = wanted.unwrap_or_else(|| none.to_owned());
                    set_attribute(
                        Topic.definition(),
                        context,
                        "SetTopicAttributes",
                        "TopicArn",
                        id,
                        &name,
                        &value,
                    )
                    .await?;
                }
            }
        }
        Ok(())
    })
}

fn pairs(properties: &Value) -> BTreeSet<(String, String)> {
    let entries = properties.get("Subscription").and_then(Value::as_list);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            Some((
                entry.get("Protocol")?.to_text()?,
                entry.get("Endpoint")?.to_text()?,
            ))
        })
        .collect()
}

fn subscriptions<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let (wanted, have) = (pairs(update.desired), pairs(update.live));
        for (protocol, endpoint) in wanted.difference(&have) {
            let input = json!({"TopicArn": id.as_str(), "Protocol": protocol, "Endpoint": endpoint, "ReturnSubscriptionArn": true});
            context.write("sns", "Subscribe", input).await?;
        }
        let gone: BTreeSet<&(String, String)> = have.difference(&wanted).collect();
        if gone.is_empty() {
            return Ok(());
        }
        for listed in generic::items_of(context, &SUBSCRIPTIONS_OF_TOPICS, id.as_str()).await? {
            let text = |name: &str| described(&listed, name).unwrap_or_default().to_owned();
            let arn = text("SubscriptionArn");
            // Those that wait for confirmation have no ARN here; AWS forgets them by itself.
            if gone.contains(&(text("Protocol"), text("Endpoint"))) && arn.starts_with("arn:") {
                context
                    .write("sns", "Unsubscribe", json!({"SubscriptionArn": arn}))
                    .await?;
            }
        }
        Ok(())
    })
}

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(name) = desired.get("TopicName").and_then(Value::as_str) else {
            return Ok(None);
        };
        for topic in crate::loaders::items(context, &ALL_TOPICS, Map::new()).await? {
            let Some(arn) =
                described(&topic, "TopicArn").filter(|arn| arn.rsplit(':').next() == Some(name))
            else {
                continue;
            };
            let answer = generic::items_of(context, &TAGS, arn).await?;
            if answer
                .iter()
                .any(|answer| tags::carries(answer.get("Tags"), incarnation))
            {
                return Ok(Some(arn.into()));
            }
        }
        Ok(None)
    })
}
