//! SQS as a client sees it: what comes back, what is refused, what takes time.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

fn attributes(aws: &Client, url: &str) -> Json {
    let input = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    aws.did("GetQueueAttributes", input)["Attributes"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_queue_tells_its_settings_a_while_after_they_change() {
    let aws = Client::of("sqs");
    let made =
        json!({"QueueName": "jobs", "Attributes": {"VisibilityTimeout": "45"}, "tags": {"a": "1"}});
    let url = aws.text("CreateQueue", made.clone(), "/QueueUrl");
    assert_eq!(url, "https://sqs.eu-west-1.amazonaws.com/123456789012/jobs");
    assert_eq!(aws.text("CreateQueue", made, "/QueueUrl"), url);
    let first = attributes(&aws, &url);
    assert_eq!(first["VisibilityTimeout"], "45");
    assert_eq!(first["MaximumMessageSize"], "1048576");
    assert_eq!(first["SqsManagedSseEnabled"], "true");
    assert_eq!(first["QueueArn"], "arn:aws:sqs:eu-west-1:123456789012:jobs");
    assert_eq!(first["FifoQueue"], Json::Null);
    aws.did("SetQueueAttributes", json!({
        "QueueUrl": url, "Attributes": {"VisibilityTimeout": "60", "KmsMasterKeyId": "alias/aws/sqs", "KmsDataKeyReusePeriodSeconds": "600"},
    }));
    assert_eq!(attributes(&aws, &url), first, "it has not spread yet");
    pass(5).await;
    let second = attributes(&aws, &url);
    assert_eq!(second["VisibilityTimeout"], "60");
    assert_eq!(second["SqsManagedSseEnabled"], "false");
    assert_eq!(second["KmsDataKeyReusePeriodSeconds"], "600");
    aws.did("SetQueueAttributes", json!({
        "QueueUrl": url, "Attributes": {"KmsMasterKeyId": "", "SqsManagedSseEnabled": "true", "Policy": "{\"Statement\": []}"},
    }));
    pass(5).await;
    let third = attributes(&aws, &url);
    assert_eq!(third["KmsMasterKeyId"], Json::Null);
    assert_eq!(third["KmsDataKeyReusePeriodSeconds"], Json::Null);
    assert_eq!(third["SqsManagedSseEnabled"], "true");
    assert_eq!(third["Policy"], "{\"Statement\": []}");
    let tags =
        |client: &Client| client.did("ListQueueTags", json!({"QueueUrl": url}))["Tags"].clone();
    assert_eq!(tags(&aws), json!({"a": "1"}));
    let one = json!({"QueueUrl": url, "AttributeNames": ["DelaySeconds"]});
    assert_eq!(
        aws.did("GetQueueAttributes", one)["Attributes"],
        json!({"DelaySeconds": "0"})
    );

    aws.did("DeleteQueue", json!({"QueueUrl": url}));
    for (operation, input) in [
        ("GetQueueUrl", json!({"QueueName": "jobs"})),
        ("GetQueueAttributes", json!({"QueueUrl": url})),
        ("DeleteQueue", json!({"QueueUrl": url})),
        ("ListQueueTags", json!({"QueueUrl": url})),
    ] {
        assert_eq!(
            aws.refused(operation, input),
            "QueueDoesNotExist",
            "{operation}"
        );
    }
    assert_eq!(aws.did("ListQueues", json!({})), json!({}));
    pass(61).await;
    aws.did("CreateQueue", json!({"QueueName": "jobs"}));
    assert_eq!(attributes(&aws, &url)["VisibilityTimeout"], "30");
}

#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Client::of("sqs");
    let mut law = LawBook::new(&aws);
    let url = aws.text("CreateQueue", json!({"QueueName": "jobs"}), "/QueueUrl");
    let fifo = json!({"QueueName": "orders.fifo", "Attributes": {"FifoQueue": "true"}});
    let fifo = aws.text("CreateQueue", fifo, "/QueueUrl");
    let set =
        |url: &str, name: &str, value: &str| json!({"QueueUrl": url, "Attributes": {name: value}});
    let named = "sqs: a queue's name has letters, digits, - and _, 80 at most; FIFO queues end in .fifo, and only they";
    law.breaks(named, "CreateQueue", json!({"QueueName": "no spaces"}));
    law.breaks(named, "CreateQueue", json!({"QueueName": "orders.fifo2"}));
    law.breaks(
        named,
        "CreateQueue",
        json!({"QueueName": "orders", "Attributes": {"FifoQueue": "true"}}),
    );
    law.breaks(
        "sqs: a queue that exists is made again only with the same attributes",
        "CreateQueue",
        json!({"QueueName": "jobs", "Attributes": {"DelaySeconds": "1"}}),
    );
    let known =
        "sqs: a queue has SQS's attributes only, and those of FIFO queues only where it is one";
    law.breaks(
        known,
        "CreateQueue",
        json!({"QueueName": "plain", "Attributes": {"FifoQueue": "false"}}),
    );
    law.breaks(
        known,
        "SetQueueAttributes",
        set(&url, "ContentBasedDeduplication", "true"),
    );
    law.breaks(known, "SetQueueAttributes", set(&fifo, "FifoQueue", "true"));
    law.breaks(known, "SetQueueAttributes", set(&url, "QueueArn", "x"));
    for (name, value) in [
        ("DelaySeconds", "901"),
        ("MessageRetentionPeriod", "59"),
        ("MaximumMessageSize", "many"),
        ("SqsManagedSseEnabled", "yes"),
        ("Policy", "none"),
        ("RedriveAllowPolicy", r#"{"redrivePermission": "byQueue"}"#),
    ] {
        law.breaks(
            "sqs: an attribute has a value that it takes",
            "SetQueueAttributes",
            set(&url, name, value),
        );
    }
    law.breaks(
        "sqs: a queue has one kind of encryption",
        "SetQueueAttributes",
        json!({"QueueUrl": url, "Attributes": {"KmsMasterKeyId": "alias/a", "SqsManagedSseEnabled": "true"}}),
    );
    law.breaks(
        "sqs: a throughput limit by message group needs deduplication by message group",
        "SetQueueAttributes",
        set(&fifo, "FifoThroughputLimit", "perMessageGroupId"),
    );
    let dead = |arn: &str| format!(r#"{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": 3}}"#);
    let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:123456789012:{name}");
    for policy in [
        dead(&arn("nowhere")),
        dead(&arn("orders.fifo")),
        format!(r#"{{"deadLetterTargetArn": "{}"}}"#, arn("jobs")),
        "{}".to_owned(),
    ] {
        law.breaks(
            "sqs: a dead-letter queue is there, and of the same kind",
            "SetQueueAttributes",
            set(&url, "RedrivePolicy", &policy),
        );
    }
    aws.did("DeleteQueue", json!({"QueueUrl": url}));
    law.breaks(
        "sqs: a queue's name is free 60 seconds after its deletion",
        "CreateQueue",
        json!({"QueueName": "jobs"}),
    );
    law.is_complete(&["sqs"], &[]);
}
