//! Rules and certificates of listeners, capacity providers of clusters, queues and policies in the simulated AWS.

use payctl_model::Value;
use payctl_resources::Intention;
use serde_json::{Value as Json, json};

use crate::trip::{Made, Trip};

const CERTIFICATES: [&str; 3] = [
    "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-a000-000000000001",
    "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-a000-000000000002",
    "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-a000-000000000003",
];

fn text<'j>(answer: &'j Json, path: &str) -> &'j str {
    let found = answer.pointer(path).and_then(Json::as_str);
    found.unwrap_or_else(|| panic!("no {path} in {answer}"))
}

/// A load balancer with an HTTPS listener and two target groups.
struct Front {
    listener: String,
    groups: [String; 2],
}

fn front(trip: &Trip) -> Front {
    let vpc = trip.did("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    let vpc = text(&vpc, "/Vpc/VpcId").to_owned();
    let subnets: Vec<String> = ["a", "b"]
        .iter()
        .enumerate()
        .map(|(at, zone)| {
            let input = json!({"VpcId": vpc, "CidrBlock": format!("10.0.{at}.0/24"), "AvailabilityZone": format!("us-east-1{zone}")});
            text(&trip.did("ec2", "CreateSubnet", input), "/Subnet/SubnetId").to_owned()
        })
        .collect();
    let balancer = trip.did(
        "elbv2",
        "CreateLoadBalancer",
        json!({"Name": "front", "Subnets": subnets, "Scheme": "internal"}),
    );
    let groups = ["blue", "green"].map(|name| {
        let input =
            json!({"Name": name, "VpcId": vpc, "Protocol": "HTTP", "Port": 80, "TargetType": "ip"});
        let group = trip.did("elbv2", "CreateTargetGroup", input);
        text(&group, "/TargetGroups/0/TargetGroupArn").to_owned()
    });
    let listener = trip.did("elbv2", "CreateListener", json!({
        "LoadBalancerArn": text(&balancer, "/LoadBalancers/0/LoadBalancerArn"), "Port": 443, "Protocol": "HTTPS",
        "Certificates": [{"CertificateArn": CERTIFICATES[0]}],
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}],
    }));
    Front {
        listener: text(&listener, "/Listeners/0/ListenerArn").to_owned(),
        groups,
    }
}

#[tokio::test(start_paused = true)]
async fn rules_with_every_action_and_condition() {
    let trip = Trip::new();
    let front = front(&trip);
    let mut rule = trip
        .make("AWS::ElasticLoadBalancingV2::ListenerRule", json!({
            "ListenerArn": front.listener,
            "Priority": "10",
            "Conditions": [
                {"Field": "path-pattern", "Values": ["/pay/*"]},
                {"Field": "host-header", "HostHeaderConfig": {"Values": ["pay.example.com"]}},
                {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Version", "Values": ["2", "3"]}},
                {"Field": "http-request-method", "HttpRequestMethodConfig": {"Values": ["POST"]}},
                {"Field": "source-ip", "SourceIpConfig": {"Values": ["10.0.0.0/8"]}},
            ],
            "Actions": [
                {"Order": 1, "Type": "authenticate-oidc", "AuthenticateOidcConfig": {
                    "Issuer": "https://id.example.com", "AuthorizationEndpoint": "https://id.example.com/a",
                    "TokenEndpoint": "https://id.example.com/t", "UserInfoEndpoint": "https://id.example.com/u",
                    "ClientId": "payments", "ClientSecret": "s3cret", "SessionTimeout": 3600, "Scope": "openid",
                    "AuthenticationRequestExtraParams": {"display": "page"},
                }},
                {"Order": 2, "Type": "forward", "ForwardConfig": {
                    "TargetGroups": [
                        {"TargetGroupArn": front.groups[0], "Weight": 9}, {"TargetGroupArn": front.groups[1], "Weight": "1"},
                    ],
                    "TargetGroupStickinessConfig": {"Enabled": true, "DurationSeconds": 60},
                }},
            ],
            "Transforms": [{"Type": "url-rewrite", "UrlRewriteConfig": {"Rewrites": [{"Regex": "^/pay/", "Replace": "/"}]}}],
        }))
        .await;
    let plain = |priority: i64| {
        json!({
            "ListenerArn": front.listener,
            "Priority": priority,
            "Conditions": [{"Field": "query-string", "QueryStringConfig": {"Values": [{"Key": "v", "Value": "2"}, {"Value": "beta"}]}}],
            "Actions": [{"Type": "forward", "TargetGroupArn": front.groups[1]}],
        })
    };
    trip.change(
        &mut rule,
        plain(20),
        &["Priority", "Conditions", "Actions", "Transforms"],
    )
    .await;
    trip.change(&mut rule, plain(21), &["Priority"]).await;
    trip.delete(&rule).await;
    let redirect = trip
        .make("AWS::ElasticLoadBalancingV2::ListenerRule", json!({
            "ListenerArn": front.listener,
            "Priority": 30,
            "Conditions": [{"PathPatternConfig": {"Values": ["/old"]}, "Field": "path-pattern"}],
            "Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Path": "/new"}}],
        }))
        .await;
    trip.delete(&redirect).await;
}

/// A rule of the trip with a path and a priority.
fn path_rule(front: &Front, path: &str, priority: i64) -> Json {
    json!({
        "ListenerArn": front.listener,
        "Priority": priority,
        "Conditions": [{"Field": "path-pattern", "Values": [path]}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    })
}

fn priorities(trip: &Trip, front: &Front) -> Vec<(String, String)> {
    let rules = trip.did(
        "elbv2",
        "DescribeRules",
        json!({"ListenerArn": front.listener}),
    );
    let rules = rules["Rules"].as_array().cloned().unwrap_or_default();
    rules
        .iter()
        .filter(|rule| rule["IsDefault"] != json!(true))
        .map(|rule| {
            let path = text(rule, "/Conditions/0/Values/0").to_owned();
            (path, text(rule, "/Priority").to_owned())
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn rules_exchange_their_priorities_in_one_call() {
    let trip = Trip::new();
    let front = front(&trip);
    let kind = "AWS::ElasticLoadBalancingV2::ListenerRule";
    let mut first = trip.make(kind, path_rule(&front, "/a", 10)).await;
    let mut second = trip.make(kind, path_rule(&front, "/b", 20)).await;
    for (made, priority) in [(&first, 20), (&second, 10)] {
        let properties = Value::from(json!({"Priority": priority}));
        trip.context
            .intends(made.id.clone(), Intention::Update(properties));
    }
    trip.change(&mut first, path_rule(&front, "/a", 20), &["Priority"])
        .await;
    let pair = |path: &str, priority: &str| (path.to_owned(), priority.to_owned());
    assert_eq!(
        priorities(&trip, &front),
        [pair("/b", "10"), pair("/a", "20")],
        "both have moved"
    );
    // The other one has nothing to do any more.
    trip.change(&mut second, path_rule(&front, "/b", 10), &[])
        .await;

    // A new rule takes the place of one that this run moves away.
    trip.context.intends(
        second.id.clone(),
        Intention::Update(Value::from(json!({"Priority": 5}))),
    );
    let third = trip.make(kind, path_rule(&front, "/c", 10)).await;
    assert_eq!(
        priorities(&trip, &front),
        [pair("/b", "5"), pair("/c", "10"), pair("/a", "20")]
    );
    // What stays is not driven out, and the message says what it is.
    let taken = third
        .resource
        .create(
            &trip.context,
            &Value::from(path_rule(&front, "/d", 20)),
            &payctl_model::Incarnation("other".into()),
        )
        .await;
    let error = taken.expect_err("the priority is taken").to_string();
    assert!(
        error.contains("priority 20") && error.contains(first.id.as_str()),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_ones_rule_is_not_found_by_its_priority() {
    let trip = Trip::new();
    let front = front(&trip);
    trip.did("elbv2", "CreateRule", {
        let mut other = path_rule(&front, "/theirs", 10);
        other["Priority"] = json!(10);
        other
    });
    let resource = payctl_resources::resource("AWS::ElasticLoadBalancingV2::ListenerRule");
    let found = resource
        .expect("a native type")
        .find(
            &trip.context,
            &Value::from(path_rule(&front, "/ours", 10)),
            &payctl_model::Incarnation("i".into()),
        )
        .await;
    assert_eq!(found.expect("nothing refuses to look"), None);
}

#[tokio::test(start_paused = true)]
async fn certificates_of_a_listener() {
    let trip = Trip::new();
    let front = front(&trip);
    let declared = |arns: &[&str]| {
        let list: Vec<Json> = arns
            .iter()
            .map(|arn| json!({"CertificateArn": arn}))
            .collect();
        json!({"ListenerArn": front.listener, "Certificates": list})
    };
    let mut made = trip
        .make(
            "AWS::ElasticLoadBalancingV2::ListenerCertificate",
            declared(&[CERTIFICATES[1]]),
        )
        .await;
    trip.change(&mut made, declared(&[CERTIFICATES[2]]), &["Certificates"])
        .await;
    trip.change(
        &mut made,
        declared(&[CERTIFICATES[2], CERTIFICATES[1]]),
        &["Certificates"],
    )
    .await;
    // The default one is not this resource's.
    let listed = trip.did(
        "elbv2",
        "DescribeListenerCertificates",
        json!({"ListenerArn": front.listener}),
    );
    assert_eq!(listed["Certificates"].as_array().map(Vec::len), Some(3));
    trip.delete(&made).await;
    trip.did(
        "elbv2",
        "DeleteListener",
        json!({"ListenerArn": front.listener}),
    );
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn capacity_providers_of_a_cluster() {
    let trip = Trip::new();
    let cluster = trip
        .make("AWS::ECS::Cluster", json!({"ClusterName": "c"}))
        .await;
    let kind = "AWS::ECS::ClusterCapacityProviderAssociations";
    let declared = |providers: &[&str], strategy: Json| json!({"Cluster": cluster.id.as_str(), "CapacityProviders": providers, "DefaultCapacityProviderStrategy": strategy});
    let weighted = json!([{"CapacityProvider": "FARGATE", "Weight": "1", "Base": 1}, {"CapacityProvider": "FARGATE_SPOT", "Weight": 4}]);
    let mut made = trip
        .make(kind, declared(&["FARGATE_SPOT", "FARGATE"], weighted))
        .await;
    trip.change(
        &mut made,
        declared(&["FARGATE"], json!([])),
        &["CapacityProviders", "DefaultCapacityProviderStrategy"],
    )
    .await;
    trip.change(
        &mut made,
        json!({"Cluster": "c", "DefaultCapacityProviderStrategy": []}),
        &["CapacityProviders"],
    )
    .await;
    trip.delete(&made).await;

    // By its ARN, and of a cluster that has its providers from elsewhere.
    let arn = trip.did("ecs", "DescribeClusters", json!({"clusters": ["c"]}));
    let arn = text(&arn, "/clusters/0/clusterArn").to_owned();
    let named = trip
        .make(kind, json!({"Cluster": arn, "CapacityProviders": ["FARGATE"], "DefaultCapacityProviderStrategy": []}))
        .await;
    trip.delete(&named).await;
    trip.did(
        "ecs",
        "CreateCluster",
        json!({"clusterName": "theirs", "capacityProviders": ["FARGATE", "FARGATE_SPOT"]}),
    );
    let refused = made
        .resource
        .create(
            &trip.context,
            &Value::from(json!({"Cluster": "theirs", "CapacityProviders": ["FARGATE"], "DefaultCapacityProviderStrategy": []})),
            &payctl_model::Incarnation("i".into()),
        )
        .await;
    let error = refused.expect_err("their providers stay").to_string();
    assert!(error.contains("FARGATE_SPOT"), "{error}");
    trip.delete(&cluster).await;
}

fn policy(resource: &str, sid: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": sid, "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish", "Resource": resource,
    }]})
}

#[tokio::test(start_paused = true)]
async fn policies_of_topics() {
    let trip = Trip::new();
    let topics = ["a", "b", "c"].map(|name| {
        text(
            &trip.did("sns", "CreateTopic", json!({"Name": name})),
            "/TopicArn",
        )
        .to_owned()
    });
    let told = |topic: &str| {
        let answer = trip.did("sns", "GetTopicAttributes", json!({"TopicArn": topic}));
        text(&answer, "/Attributes/Policy").to_owned()
    };
    let before = told(&topics[0]);
    let declared = |topics: &[&String], sid: &str| json!({"Topics": topics, "PolicyDocument": policy("*", sid)});
    let kind = "AWS::SNS::TopicPolicy";
    let mut made = trip
        .make(kind, declared(&[&topics[1], &topics[0]], "One"))
        .await;
    trip.change(
        &mut made,
        declared(&[&topics[1], &topics[2]], "One"),
        &["Topics"],
    )
    .await;
    assert_eq!(
        serde_json::from_str::<Json>(&told(&topics[0])).ok(),
        serde_json::from_str::<Json>(&before).ok(),
        "what is declared no more has SNS's own policy again"
    );
    trip.change(
        &mut made,
        declared(&[&topics[1], &topics[2]], "Two"),
        &["PolicyDocument"],
    )
    .await;
    // Somebody gives one of them another policy: it is missing, and is set there again.
    trip.did("sns", "SetTopicAttributes", json!({
        "TopicArn": topics[2], "AttributeName": "Policy", "AttributeValue": policy("*", "Theirs").to_string(),
    }));
    trip.change(
        &mut made,
        declared(&[&topics[1], &topics[2]], "Two"),
        &["Topics"],
    )
    .await;
    trip.delete(&made).await;
    assert!(told(&topics[2]).contains("__default_policy_ID"));

    let mut inline = trip
        .make(
            "AWS::SNS::TopicInlinePolicy",
            json!({"TopicArn": topics[0], "PolicyDocument": policy("*", "One")}),
        )
        .await;
    trip.change(
        &mut inline,
        json!({"TopicArn": topics[0], "PolicyDocument": policy("*", "Two").to_string()}),
        &["PolicyDocument"],
    )
    .await;
    trip.delete(&inline).await;
    trip.did("sns", "DeleteTopic", json!({"TopicArn": topics[0]}));
    trip.delete(&inline).await;
}

async fn queue(trip: &Trip, name: &str) -> Made {
    trip.make("AWS::SQS::Queue", json!({"QueueName": name}))
        .await
}

#[tokio::test(start_paused = true)]
async fn queues() {
    let trip = Trip::new();
    let dead = queue(&trip, "dead").await;
    let arn = "arn:aws:sqs:us-east-1:123456789012:dead";
    let redrive = json!({"deadLetterTargetArn": arn, "maxReceiveCount": "5"});
    let mut made = trip
        .make("AWS::SQS::Queue", json!({
            "QueueName": "jobs", "FifoQueue": false, "VisibilityTimeout": "45", "MessageRetentionPeriod": 1209600, "DelaySeconds": 5,
            "MaximumMessageSize": 2048, "ReceiveMessageWaitTimeSeconds": 20, "RedrivePolicy": redrive,
            "RedriveAllowPolicy": {"redrivePermission": "denyAll"}, "KmsMasterKeyId": "alias/aws/sqs",
            "KmsDataKeyReusePeriodSeconds": 600, "Tags": [{"Key": "a", "Value": "1"}],
        }))
        .await;
    // A queue without a key has SQS's own encryption again.
    trip.change(
        &mut made,
        json!({"QueueName": "jobs", "FifoQueue": false, "VisibilityTimeout": 60, "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "1"}]}),
        &[
            "VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "MaximumMessageSize", "ReceiveMessageWaitTimeSeconds",
            "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "Tags",
        ],
    )
    .await;
    let attributes = trip.did(
        "sqs",
        "GetQueueAttributes",
        json!({"QueueUrl": made.id.as_str(), "AttributeNames": ["All"]}),
    );
    let attributes = attributes["Attributes"].clone();
    assert_eq!(attributes["SqsManagedSseEnabled"], "true");
    assert_eq!(attributes["MaximumMessageSize"], "1048576");
    assert_eq!(attributes["RedrivePolicy"], Json::Null);
    trip.change(
        &mut made,
        json!({"QueueName": "jobs", "FifoQueue": false, "VisibilityTimeout": 60, "SqsManagedSseEnabled": "false"}),
        &["SqsManagedSseEnabled", "Tags"],
    )
    .await;
    trip.delete(&made).await;
    // Its name is free a minute later: that is waited for.
    let again = queue(&trip, "jobs").await;
    trip.delete(&again).await;
    trip.delete(&dead).await;
}

#[tokio::test(start_paused = true)]
async fn queues_first_in_first_out() {
    let trip = Trip::new();
    let mut made = trip
        .make("AWS::SQS::Queue", json!({
            "FifoQueue": true, "ContentBasedDeduplication": true, "DeduplicationScope": "messageGroup",
            "FifoThroughputLimit": "perMessageGroupId",
        }))
        .await;
    assert!(made.id.as_str().ends_with(".fifo"), "{}", made.id);
    trip.change(
        &mut made,
        json!({"FifoQueue": true}),
        &[
            "ContentBasedDeduplication",
            "DeduplicationScope",
            "FifoThroughputLimit",
        ],
    )
    .await;
    trip.delete(&made).await;
}

/// CreateQueue answers with a queue that is there already.
#[tokio::test(start_paused = true)]
async fn somebody_elses_queue_is_not_taken() {
    let trip = Trip::new();
    trip.did("sqs", "CreateQueue", json!({"QueueName": "theirs"}));
    let resource = payctl_resources::resource("AWS::SQS::Queue").expect("a native type");
    let incarnation = payctl_model::Incarnation("i".into());
    let desired = Value::from(json!({"QueueName": "theirs"}));
    let found = resource.find(&trip.context, &desired, &incarnation).await;
    assert_eq!(found.expect("nothing refuses to look"), None);
    let refused = resource.create(&trip.context, &desired, &incarnation).await;
    let error = refused.expect_err("it is theirs").to_string();
    assert!(error.contains("exists already"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn policies_of_queues() {
    let trip = Trip::new();
    let (one, two) = (queue(&trip, "one").await, queue(&trip, "two").await);
    let declared = |queues: &[&Made], sid: &str| json!({"Queues": queues.iter().map(|queue| queue.id.as_str()).collect::<Vec<_>>(), "PolicyDocument": policy("*", sid)});
    let mut made = trip
        .make("AWS::SQS::QueuePolicy", declared(&[&one], "One"))
        .await;
    trip.change(&mut made, declared(&[&two, &one], "One"), &["Queues"])
        .await;
    trip.change(
        &mut made,
        declared(&[&two], "Two"),
        &["Queues", "PolicyDocument"],
    )
    .await;
    let attributes = trip.did(
        "sqs",
        "GetQueueAttributes",
        json!({"QueueUrl": one.id.as_str(), "AttributeNames": ["Policy"]}),
    );
    assert_eq!(attributes["Attributes"], Json::Null, "its policy is gone");
    let mut inline = trip
        .make(
            "AWS::SQS::QueueInlinePolicy",
            json!({"Queue": one.id.as_str(), "PolicyDocument": policy("*", "One")}),
        )
        .await;
    trip.change(
        &mut inline,
        json!({"Queue": one.id.as_str(), "PolicyDocument": policy("*", "Two").to_string()}),
        &["PolicyDocument"],
    )
    .await;
    trip.delete(&inline).await;
    trip.delete(&made).await;
    for queue in [&one, &two] {
        trip.delete(queue).await;
    }
    trip.delete(&inline).await;
}
