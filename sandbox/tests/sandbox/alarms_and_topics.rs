//! CloudWatch and SNS as a client sees them.

use serde_json::{Value as Json, json};
use std::ops::Deref;

use crate::support::{Client, LawBook, pass};

struct Aws(Client);

impl Deref for Aws {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Aws {
    fn new() -> Aws {
        Aws(Client::of(""))
    }

    fn topic(&self, name: &str) -> Json {
        self.did("sns:CreateTopic", json!({"Name": name}))["TopicArn"].clone()
    }

    fn subscribe(&self, topic: &Json, protocol: &str, endpoint: &str) -> Json {
        let input = json!({"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "ReturnSubscriptionArn": true});
        self.did("sns:Subscribe", input)["SubscriptionArn"].clone()
    }
}

fn alarm(name: &str, other: Json) -> Json {
    let mut alarm = json!({
        "AlarmName": name, "Namespace": "AWS/EC2", "MetricName": "CPUUtilization", "Statistic": "Average", "Period": 60,
        "EvaluationPeriods": 2, "Threshold": 80.5, "ComparisonOperator": "GreaterThanThreshold",
    });
    for (member, value) in other.as_object().into_iter().flatten() {
        if value.is_null() {
            alarm.as_object_mut().map(|alarm| alarm.remove(member));
        } else {
            alarm[member] = value.clone();
        }
    }
    alarm
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Aws::new();
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    let put = "cloudwatch:PutMetricAlarm";
    breaks(
        "cloudwatch: an alarm measures a metric, or metrics, with a statistic",
        put,
        alarm("a", json!({"Statistic": null})),
    );
    breaks(
        "cloudwatch: an alarm has one way to measure and one threshold",
        put,
        alarm("a", json!({"ThresholdMetricId": "m"})),
    );
    let values = "cloudwatch: an alarm's values are ones that CloudWatch evaluates";
    for other in [
        json!({"TreatMissingData": "never"}),
        json!({"Period": 45}),
        json!({"Period": 3540, "EvaluationPeriods": 100}),
        json!({"DatapointsToAlarm": 3}),
        json!({"AlarmActions": ["nonsense"]}),
        json!({"AlarmActions": ["arn:aws:sns:us-east-1:123456789012:t"]}),
    ] {
        breaks(values, put, alarm("a", other));
    }
    breaks(
        "cloudwatch: the alarms of a composite alarm's rule exist",
        "cloudwatch:PutCompositeAlarm",
        json!({"AlarmName": "c", "AlarmRule": "ALARM(a)"}),
    );
    aws.did(put, alarm("a", json!({})));
    let composite = "cloudwatch:PutCompositeAlarm";
    let expression = "cloudwatch: a composite alarm's rule is an expression, of at most 100 alarms and 500 elements";
    let many = vec!["ALARM(a)"; 101].join(" OR ");
    for rule in ["a", "ALARM(a) OK(a)", "ALARM()", many.as_str()] {
        breaks(
            expression,
            composite,
            json!({"AlarmName": "c", "AlarmRule": rule}),
        );
    }
    let suppressor = "cloudwatch: a suppressor exists, and comes with both of its periods";
    for more in [
        json!({"ActionsSuppressor": "none", "ActionsSuppressorWaitPeriod": 1, "ActionsSuppressorExtensionPeriod": 1}),
        json!({"ActionsSuppressor": "a", "ActionsSuppressorWaitPeriod": 1}),
        json!({"ActionsSuppressorWaitPeriod": 1}),
    ] {
        let mut input = json!({"AlarmName": "c", "AlarmRule": "ALARM(a)"});
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        breaks(suppressor, composite, input);
    }
    for name in ["c", "d"] {
        aws.did(
            composite,
            json!({"AlarmName": name, "AlarmRule": "ALARM(a)"}),
        );
    }
    breaks(
        "cloudwatch: at most one composite alarm is deleted by a call",
        "cloudwatch:DeleteAlarms",
        json!({"AlarmNames": ["c", "d"]}),
    );
    breaks(
        "cloudwatch: the alarm exists",
        "cloudwatch:DeleteAlarms",
        json!({"AlarmNames": ["a", "b"]}),
    );
    breaks(
        "cloudwatch: an alarm that a composite alarm depends on is not deleted",
        "cloudwatch:DeleteAlarms",
        json!({"AlarmNames": ["a"]}),
    );
    let body = "cloudwatch: a dashboard's body is JSON that describes widgets";
    for text in [
        "{",
        "{}",
        "{\"widgets\": [{\"type\": \"nope\", \"properties\": {}}]}",
    ] {
        breaks(
            body,
            "cloudwatch:PutDashboard",
            json!({"DashboardName": "d", "DashboardBody": text}),
        );
    }
    breaks(
        "cloudwatch: a dashboard's name has letters, digits, - and _, 255 at most",
        "cloudwatch:PutDashboard",
        json!({"DashboardName": "d d", "DashboardBody": "{\"widgets\":[]}"}),
    );
    breaks(
        "cloudwatch: the dashboards to delete exist",
        "cloudwatch:DeleteDashboards",
        json!({"DashboardNames": ["d"]}),
    );

    let topic = aws.topic("t");
    breaks(
        "sns: what is tagged exists",
        "sns:ListTagsForResource",
        json!({"ResourceArn": "arn:aws:sns:eu-west-1:123456789012:none"}),
    );
    let name = "sns: a topic's name has letters, digits, - and _, 256 at most; FIFO topics end in .fifo, and only they";
    breaks(name, "sns:CreateTopic", json!({"Name": "a b"}));
    breaks(name, "sns:CreateTopic", json!({"Name": "a.fifo"}));
    breaks(
        name,
        "sns:CreateTopic",
        json!({"Name": "a", "Attributes": {"FifoTopic": "true"}}),
    );
    let same = "sns: a topic that exists is made again only with the same attributes and tags";
    breaks(
        same,
        "sns:CreateTopic",
        json!({"Name": "t", "Attributes": {"DisplayName": "x"}}),
    );
    breaks(
        same,
        "sns:CreateTopic",
        json!({"Name": "t", "Tags": [{"Key": "a", "Value": "b"}]}),
    );
    let attributes = "sns: a topic has SNS's attributes only, with values that they take";
    breaks(
        attributes,
        "sns:SetTopicAttributes",
        json!({"TopicArn": topic, "AttributeName": "Nope", "AttributeValue": "1"}),
    );
    breaks(
        attributes,
        "sns:SetTopicAttributes",
        json!({"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": "{"}),
    );
    let queue = "arn:aws:sqs:eu-west-1:123456789012:q";
    let subscribe = |protocol: &str, endpoint: &str, attributes: Json| json!({"TopicArn": topic, "Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes});
    let subscribes = "sns:Subscribe";
    breaks(
        "sns: the endpoint fits the protocol",
        subscribes,
        subscribe("email", "nobody", json!({})),
    );
    breaks(
        "sns: the endpoint fits the protocol",
        subscribes,
        subscribe("pigeon", "x", json!({})),
    );
    breaks(
        "sns: a subscription has SNS's attributes only, with values that they take",
        subscribes,
        subscribe("sqs", queue, json!({"FilterPolicy": "x"})),
    );
    aws.did(subscribes, subscribe("sqs", queue, json!({})));
    breaks(
        "sns: a subscription that exists is made again only with the same attributes",
        subscribes,
        subscribe("sqs", queue, json!({"RawMessageDelivery": "true"})),
    );
    let mail = aws.subscribe(&topic, "email", "a@example.com");
    breaks(
        "sns: a subscription that waits for its confirmation is not ended",
        "sns:Unsubscribe",
        json!({"SubscriptionArn": mail}),
    );
    breaks(
        "sns: a subscription is confirmed with the token that its endpoint was sent",
        "sns:ConfirmSubscription",
        json!({"TopicArn": topic, "Token": "x"}),
    );
    breaks(
        "sns/subscription: TopicArn must exist",
        subscribes,
        json!({"TopicArn": "arn:aws:sns:eu-west-1:123456789012:none", "Protocol": "sqs", "Endpoint": queue}),
    );
    book.is_complete(&["sns", "cloudwatch"], &[]);
}

#[tokio::test(start_paused = true)]
async fn alarms_come_back_as_they_were_put() {
    let aws = Aws::new();
    let topic = aws.topic("t");
    let put = alarm(
        "a",
        json!({"AlarmActions": [topic], "Dimensions": [{"Name": "n", "Value": "v"}], "TreatMissingData": "breaching", "Tags": [{"Key": "k", "Value": "v"}]}),
    );
    aws.did("cloudwatch:PutMetricAlarm", put.clone());
    let shown = |name: &str| {
        aws.did("cloudwatch:DescribeAlarms", json!({"AlarmNames": [name]}))["MetricAlarms"][0]
            .clone()
    };
    let first = shown("a");
    for (member, value) in put
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(member, _)| *member != "Tags")
    {
        assert_eq!(&first[member], value, "{member}");
    }
    assert_eq!(first["StateValue"], "INSUFFICIENT_DATA");
    assert_eq!(
        first["AlarmArn"],
        "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"
    );
    assert_eq!(
        (&first["ActionsEnabled"], &first["OKActions"]),
        (&json!(true), &json!([]))
    );
    aws.did(
        "cloudwatch:SetAlarmState",
        json!({"AlarmName": "a", "StateValue": "OK", "StateReason": "test"}),
    );
    let math = json!([
        {"Id": "m", "MetricStat": {"Metric": {"Namespace": "n", "MetricName": "x"}, "Period": 60, "Stat": "Sum"}, "ReturnData": false},
        {"Id": "e", "Expression": "m * 2"},
    ]);
    let other = json!({"AlarmName": "a", "Metrics": math, "EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "LessThanThreshold", "ActionsEnabled": false});
    aws.did("cloudwatch:PutMetricAlarm", other);
    let second = shown("a");
    assert_eq!(second.get("MetricName"), None);
    assert_eq!(
        (&second["StateValue"], &second["AlarmActions"]),
        (&json!("OK"), &json!([]))
    );
    assert_eq!(second["Metrics"][1]["ReturnData"], true);
    assert_eq!(second["Metrics"][0]["ReturnData"], false);
    aws.did(
        "cloudwatch:EnableAlarmActions",
        json!({"AlarmNames": ["a"]}),
    );
    assert_eq!(shown("a")["ActionsEnabled"], true);
    let arn = json!({"ResourceARN": first["AlarmArn"]});
    assert_eq!(
        aws.did("cloudwatch:ListTagsForResource", arn)["Tags"],
        json!([{"Key": "k", "Value": "v"}])
    );
    aws.did(
        "cloudwatch:PutCompositeAlarm",
        json!({"AlarmName": "c", "AlarmRule": "ALARM(\"a\")"}),
    );
    let all = aws.did("cloudwatch:DescribeAlarms", json!({}));
    assert_eq!(
        (
            all["MetricAlarms"].as_array().map(Vec::len),
            &all["CompositeAlarms"]
        ),
        (Some(1), &json!([]))
    );
    let composite = aws.did(
        "cloudwatch:DescribeAlarms",
        json!({"AlarmTypes": ["CompositeAlarm"]}),
    );
    assert_eq!(composite["CompositeAlarms"][0]["AlarmRule"], "ALARM(\"a\")");
    aws.did("cloudwatch:DeleteAlarms", json!({"AlarmNames": ["c"]}));
    aws.did("cloudwatch:DeleteAlarms", json!({"AlarmNames": ["a"]}));
    assert_eq!(
        aws.did("cloudwatch:DescribeAlarms", json!({}))["MetricAlarms"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn composite_alarms_follow_the_alarms_of_their_rules() {
    let aws = Aws::new();
    for name in ["a", "b b"] {
        aws.did("cloudwatch:PutMetricAlarm", alarm(name, json!({})));
    }
    let composite = |name: &str, rule: &str| {
        let input = json!({"AlarmName": name, "AlarmRule": rule});
        aws.did("cloudwatch:PutCompositeAlarm", input);
    };
    composite("c", "ALARM(a) AND NOT ALARM(\"b b\")");
    composite(
        "parent",
        "OK(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:c) OR FALSE",
    );
    let state = |name: &str| {
        let input = json!({"AlarmNames": [name], "AlarmTypes": ["CompositeAlarm"]});
        aws.did("cloudwatch:DescribeAlarms", input)["CompositeAlarms"][0]["StateValue"].clone()
    };
    let set = |name: &str, value: &str| {
        let input = json!({"AlarmName": name, "StateValue": value, "StateReason": "a test"});
        aws.did("cloudwatch:SetAlarmState", input);
    };
    assert_eq!(state("c"), "INSUFFICIENT_DATA");
    pass(5).await;
    assert_eq!((state("c"), state("parent")), (json!("OK"), json!("ALARM")));
    set("a", "ALARM");
    pass(5).await;
    assert_eq!((state("c"), state("parent")), (json!("ALARM"), json!("OK")));
    set("b b", "ALARM");
    pass(5).await;
    assert_eq!((state("c"), state("parent")), (json!("OK"), json!("ALARM")));
    // Alarms that depend on themselves are left as they are.
    composite("c", "NOT ALARM(parent)");
    pass(3_600).await;
    assert_eq!((state("c"), state("parent")), (json!("OK"), json!("ALARM")));
    let family = |input: Json| {
        let found = aws.did("cloudwatch:DescribeAlarms", input);
        let names = ["MetricAlarms", "CompositeAlarms"].map(|kind| found[kind].clone());
        names
            .iter()
            .filter_map(Json::as_array)
            .flatten()
            .map(|one| one["AlarmName"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(family(json!({"ParentsOfAlarmName": "c"})), ["parent"]);
    assert_eq!(family(json!({"ChildrenOfAlarmName": "c"})), ["parent"]);
    assert_eq!(
        family(json!({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]})).len(),
        4
    );
}

#[tokio::test(start_paused = true)]
async fn dashboards_come_back_as_they_were_put() {
    let aws = Aws::new();
    let body = json!({"widgets": [{"type": "text", "x": 0, "y": 0, "width": 6, "height": 2, "properties": {"markdown": "# a"}}]}).to_string();
    aws.did(
        "cloudwatch:PutDashboard",
        json!({"DashboardName": "d", "DashboardBody": body}),
    );
    let dashboard = aws.did("cloudwatch:GetDashboard", json!({"DashboardName": "d"}));
    assert_eq!(dashboard["DashboardBody"], body);
    assert_eq!(
        dashboard["DashboardArn"],
        "arn:aws:cloudwatch::123456789012:dashboard/d"
    );
    let listed = aws.did(
        "cloudwatch:ListDashboards",
        json!({"DashboardNamePrefix": "d"}),
    );
    assert_eq!(listed["DashboardEntries"][0]["Size"], body.len());
    aws.did(
        "cloudwatch:DeleteDashboards",
        json!({"DashboardNames": ["d"]}),
    );
    let gone = aws.ask("cloudwatch:GetDashboard", json!({"DashboardName": "d"}));
    assert_eq!(
        gone.map_err(|refusal| refusal.code),
        Err("DashboardNotFoundError".into())
    );
}

#[tokio::test(start_paused = true)]
async fn topics_and_subscriptions_come_back_as_they_were_made() {
    let aws = Aws::new();
    let input = json!({"Name": "t", "Attributes": {"DisplayName": "T", "KmsMasterKeyId": "alias/aws/sns"}, "Tags": [{"Key": "a", "Value": "b"}]});
    let topic = aws.did("sns:CreateTopic", input.clone())["TopicArn"].clone();
    assert_eq!(aws.did("sns:CreateTopic", input)["TopicArn"], topic);
    assert_eq!(aws.topic("t"), topic);
    let attributes =
        || aws.did("sns:GetTopicAttributes", json!({"TopicArn": topic}))["Attributes"].clone();
    let first = attributes();
    assert_eq!(
        (&first["DisplayName"], &first["KmsMasterKeyId"]),
        (&json!("T"), &json!("alias/aws/sns"))
    );
    assert_eq!(
        (&first["Owner"], &first["SubscriptionsConfirmed"]),
        (&json!("123456789012"), &json!("0"))
    );
    assert!(
        first["Policy"]
            .as_str()
            .is_some_and(|policy| policy.contains("__default_policy_ID"))
    );
    aws.did(
        "sns:SetTopicAttributes",
        json!({"TopicArn": topic, "AttributeName": "KmsMasterKeyId", "AttributeValue": ""}),
    );
    assert_eq!(attributes().get("KmsMasterKeyId"), None);
    assert_eq!(
        aws.did("sns:ListTagsForResource", json!({"ResourceArn": topic}))["Tags"],
        json!([{"Key": "a", "Value": "b"}])
    );

    let mail = aws.did(
        "sns:Subscribe",
        json!({"TopicArn": topic, "Protocol": "email", "Endpoint": "a@example.com"}),
    );
    assert_eq!(mail["SubscriptionArn"], "pending confirmation");
    let mail = aws.subscribe(&topic, "email", "a@example.com");
    let queue = aws.subscribe(&topic, "sqs", "arn:aws:sqs:eu-west-1:123456789012:q");
    let of = |arn: &Json| {
        aws.did(
            "sns:GetSubscriptionAttributes",
            json!({"SubscriptionArn": arn}),
        )["Attributes"]
            .clone()
    };
    assert_eq!(
        (
            &of(&mail)["PendingConfirmation"],
            &of(&queue)["PendingConfirmation"]
        ),
        (&json!("true"), &json!("false"))
    );
    let set = json!({"SubscriptionArn": queue, "AttributeName": "FilterPolicy", "AttributeValue": "{\"a\":[\"b\"]}"});
    aws.did("sns:SetSubscriptionAttributes", set);
    assert_eq!(of(&queue)["FilterPolicyScope"], "MessageAttributes");
    let listed =
        aws.did("sns:ListSubscriptionsByTopic", json!({"TopicArn": topic}))["Subscriptions"]
            .clone();
    let mut arns: Vec<&str> = listed
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["SubscriptionArn"].as_str())
        .collect();
    arns.sort_unstable();
    assert_eq!(
        arns,
        ["PendingConfirmation", queue.as_str().unwrap_or_default()]
    );
    assert_eq!(
        (
            &attributes()["SubscriptionsConfirmed"],
            &attributes()["SubscriptionsPending"]
        ),
        (&json!("1"), &json!("1"))
    );

    aws.did("sns:DeleteTopic", json!({"TopicArn": topic}));
    aws.did("sns:DeleteTopic", json!({"TopicArn": topic}));
    let gone = aws.ask(
        "sns:GetSubscriptionAttributes",
        json!({"SubscriptionArn": queue}),
    );
    assert_eq!(gone.map_err(|refusal| refusal.code), Err("NotFound".into()));
    assert_eq!(
        aws.did("sns:ListSubscriptions", json!({}))["Subscriptions"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    pass(3 * 86_400 + 1).await;
    assert_eq!(
        aws.did("sns:ListSubscriptions", json!({}))["Subscriptions"],
        json!([])
    );
}
