//! Queues.

use super::attributes::{asked, sent};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Tags, run};
use crate::law::Law;
use crate::registry;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

/// A queue.
pub(super) const QUEUE: Kind = Kind {
    name: "sqs/queue",
    id: Id::Member("QueueName"),
    arn: "arn:{partition}:sqs:{region}:{account}:{id}",
    // Requests name it by its URL.
    resolve: Some(|_, name| match name.starts_with("arn:") {
        true => name.to_owned(),
        false => name_of(name).to_owned(),
    }),
    tags: Tags::UnseenMap("tags"),
    not_found: Fault::new("QueueDoesNotExist", "The specified queue does not exist."),
    operations: &[
        run("CreateQueue", create),
        run("DeleteQueue", delete),
        run("GetQueueUrl", |call| {
            let queue = call.need(QUEUE.name, call.text("QueueName").unwrap_or_default())?;
            Ok(json!({"QueueUrl": url(call, &queue.id)}))
        }),
        run("GetQueueAttributes", get_attributes),
        run("SetQueueAttributes", set_attributes),
        run("ListQueues", |call| {
            let prefix = call.text("QueueNamePrefix").unwrap_or_default().to_owned();
            listing(call, "QueueUrls", &|queue| queue.id.starts_with(&prefix))
        }),
        run("ListDeadLetterSourceQueues", |call| {
            let arn = named(call)?.arn.clone();
            listing(call, "queueUrls", &|queue| {
                let policy = queue
                    .body
                    .get("Attributes")
                    .and_then(|all| all.get("RedrivePolicy"));
                let policy = policy
                    .and_then(Json::as_str)
                    .and_then(|text| serde_json::from_str::<Json>(text).ok());
                policy.is_some_and(|policy| policy["deadLetterTargetArn"] == json!(arn))
            })
        }),
    ],
    ..Kind::NEW
};

/// What a queue is called.
pub(super) const NAME: Law = Law {
    name: "a queue's name has letters, digits, - and _, 80 at most; FIFO queues end in .fifo, and only they",
    operations: &["CreateQueue"],
    source: "SQS API Reference, CreateQueue, QueueName",
    fault: Fault::new("InvalidParameterValue", "{message}"),
    check: Some(|call, law| {
        let name = call.text("QueueName").unwrap_or_default();
        let fifo = sent(call)
            .get("FifoQueue")
            .is_some_and(|value| value == "true");
        let base = name.strip_suffix(".fifo").filter(|_| fifo);
        let fits = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_');
        let fine = |base: &str| !base.is_empty() && base.chars().all(fits);
        let right = match fifo {
            true => base.is_some_and(fine),
            false => fine(name),
        };
        if right && name.len() <= 80 {
            return Ok(());
        }
        let message = match fifo {
            true => {
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
            }
            false => {
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            }
        };
        Err(law.fault.with(&[("message", message)]))
    }),
};

/// How long a deleted queue's name cannot be used.
const DELETED: f64 = 60.0;

/// A name is free a minute after the deletion.
pub(super) const RECENTLY: Law = Law {
    name: "a queue's name is free 60 seconds after its deletion",
    operations: &["CreateQueue"],
    source: "SQS API Reference, CreateQueue: QueueDeletedRecently, \"You must wait 60 seconds after deleting a queue before you can create another queue with the same name\"",
    fault: Fault::new(
        "QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    ),
    check: Some(|call, law| {
        let name = call.text("QueueName").unwrap_or_default();
        match call.find_any(QUEUE.name, name) {
            Some(queue) if queue.dead => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// A queue is made twice only as it is.
pub(super) const SAME: Law = Law {
    name: "a queue that exists is made again only with the same attributes",
    operations: &["CreateQueue"],
    source: "SQS API Reference, CreateQueue: QueueNameExists",
    fault: Fault::new(
        "QueueNameExists",
        "A queue already exists with the same name and a different value for attribute {name}",
    ),
    check: Some(|call, law| {
        let Some(queue) = call.find(QUEUE.name, call.text("QueueName").unwrap_or_default()) else {
            return Ok(());
        };
        let now = attributes(call, queue);
        for (name, value) in sent(call) {
            if now.get(&name).and_then(Json::as_str).unwrap_or_default() != value {
                return Err(law.fault.with(&[("name", &name)]));
            }
        }
        Ok(())
    }),
};

/// The name in a URL: `https://sqs.us-east-1.amazonaws.com/123456789012/name`.
pub(super) fn name_of(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

pub(super) fn is_fifo(name: &str) -> bool {
    name.ends_with(".fifo")
}

fn url(call: &Call, name: &str) -> String {
    let domain = match call.partition() {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    format!(
        "https://sqs.{}.{domain}/{}/{name}",
        call.region, call.account
    )
}

fn named<'a>(call: &'a Call) -> Result<&'a Record, Refusal> {
    call.need(QUEUE.name, call.text("QueueUrl").unwrap_or_default())
}

/// The attributes that were set.
pub(super) fn stored(call: &Call, name: &str) -> Map<String, Json> {
    let queue = call.find(QUEUE.name, name);
    match queue.and_then(|queue| queue.body.get("Attributes")) {
        Some(Json::Object(attributes)) => attributes.clone(),
        _ => Map::new(),
    }
}

fn create(call: &mut Call) -> Answer {
    let name = asked(call);
    if call.find(QUEUE.name, &name).is_none() {
        let mut members = call.input.clone();
        members.insert("LastModified".into(), json!(call.now as i64));
        call.make(QUEUE.name, Json::Object(members))?;
        // A key of KMS takes the place of SQS's own encryption.
        let set = sent(call);
        call.update(QUEUE.name, &name, |queue| settle(queue, &set));
    }
    Ok(json!({"QueueUrl": url(call, &name)}))
}

/// The messages are gone at once; the name is kept for a while.
fn delete(call: &mut Call) -> Answer {
    let id = named(call)?.id.clone();
    let gone = Step::gone(call.now + DELETED);
    call.update(QUEUE.name, &id, |queue| {
        queue.dead = true;
        queue.tags.clear();
        queue.steps.push(gone);
    });
    Ok(json!({}))
}

/// How long a queue tells its old attributes still ("can take up to 60 seconds to propagate": SetQueueAttributes).
const SPREADING: f64 = 3.0;

fn set_attributes(call: &mut Call) -> Answer {
    let queue = named(call)?;
    let (id, told) = (queue.id.clone(), attributes(call, queue));
    let (set, now) = (sent(call), call.now);
    call.update(QUEUE.name, &id, |queue| {
        settle(queue, &set);
        queue.set("LastModified", now as i64);
        queue.hidden.insert("told".into(), Json::Object(told));
        queue.hidden.insert("until".into(), json!(now + SPREADING));
    });
    Ok(json!({}))
}

/// An empty text takes an attribute away. One encryption puts the other out of use.
fn settle(queue: &mut Record, set: &std::collections::BTreeMap<String, String>) {
    for (name, value) in set {
        let value = match value.is_empty() {
            true => Json::Null,
            false => value.as_str().into(),
        };
        queue.set(&format!("Attributes.{name}"), value);
    }
    let is_on = |name: &str| {
        set.get(name)
            .is_some_and(|value| !value.is_empty() && value != "false")
    };
    if is_on("KmsMasterKeyId") {
        queue.set("Attributes.SqsManagedSseEnabled", "false");
    } else if is_on("SqsManagedSseEnabled") {
        queue.set("Attributes.KmsMasterKeyId", Json::Null);
    } else if set.get("KmsMasterKeyId").is_some() && !set.contains_key("SqsManagedSseEnabled") {
        // Without its key a queue is not encrypted.
        queue.set("Attributes.SqsManagedSseEnabled", "false");
    }
}

/// As SQS tells them; its defaults: SQS API Reference, SetQueueAttributes.
fn attributes(call: &Call, queue: &Record) -> Map<String, Json> {
    let told = queue.hidden.get("told").and_then(Json::as_object);
    let until = queue.hidden.get("until").and_then(Json::as_f64);
    if let (Some(told), Some(until)) = (told, until)
        && call.now < until
    {
        return told.clone();
    }
    let mut all = match queue.body.get("Attributes") {
        Some(Json::Object(attributes)) => attributes.clone(),
        _ => Map::new(),
    };
    let mut default = |name: &str, value: &str| {
        all.entry(name).or_insert_with(|| value.into());
    };
    for (name, value) in [
        ("ApproximateNumberOfMessages", "0"),
        ("ApproximateNumberOfMessagesDelayed", "0"),
        ("ApproximateNumberOfMessagesNotVisible", "0"),
        ("DelaySeconds", "0"),
        ("MaximumMessageSize", "1048576"),
        ("MessageRetentionPeriod", "345600"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("SqsManagedSseEnabled", "true"),
        ("VisibilityTimeout", "30"),
    ] {
        default(name, value);
    }
    if is_fifo(&queue.id) {
        default("ContentBasedDeduplication", "false");
        default("DeduplicationScope", "queue");
        default("FifoThroughputLimit", "perQueue");
    }
    default("QueueArn", &queue.arn);
    default("CreatedTimestamp", &(queue.created as i64).to_string());
    let changed = queue.body.get("LastModified").map(crate::path::plain);
    default("LastModifiedTimestamp", &changed.unwrap_or_default());
    match all.contains_key("KmsMasterKeyId") {
        true => {
            all.entry("KmsDataKeyReusePeriodSeconds")
                .or_insert_with(|| "300".into());
        }
        // Told of queues with a key alone.
        false => {
            all.remove("KmsDataKeyReusePeriodSeconds");
        }
    }
    all
}

fn get_attributes(call: &mut Call) -> Answer {
    let wanted = call.texts("AttributeNames[]");
    let mut all = attributes(call, named(call)?);
    if !wanted.iter().any(|name| name == "All") {
        all.retain(|name, _| wanted.contains(name));
    }
    match all.is_empty() {
        true => Ok(json!({})),
        false => Ok(json!({"Attributes": all})),
    }
}

/// URLs, by name.
fn listing(call: &Call, member: &str, keep: &dyn Fn(&Record) -> bool) -> Answer {
    let mut shown: Vec<(String, Json)> = call
        .list(QUEUE.name)
        .filter(|queue| keep(queue))
        .map(|queue| (queue.id.clone(), url(call, &queue.id).into()))
        .collect();
    let service = registry::service("sqs").unwrap_or(&super::SERVICE);
    // "If you do not set MaxResults, the response includes a maximum of 1,000 results" (ListQueues).
    let paging = Paging::next_token(1_000, (1, 1_000));
    let next = filter::page(call, service, &paging, false, "", &mut shown)?;
    let mut answer = Map::new();
    if !shown.is_empty() {
        let urls = shown.into_iter().map(|(_, url)| url).collect();
        answer.insert(member.into(), Json::Array(urls));
    }
    if let Some(next) = next {
        answer.insert("NextToken".into(), next.into());
    }
    Ok(Json::Object(answer))
}
