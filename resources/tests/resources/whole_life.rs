//! Types in the simulated AWS: made, read back as declared, found again, changed in place and deleted.

use std::collections::BTreeSet;

use payctl_model::Value;
use payctl_resources::{Deletion, read_declared};
use serde_json::{Value as Json, json};

use crate::trip::{Made, Trip};

fn tags(pairs: &[(&str, &str)]) -> Json {
    pairs
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn keys_and_their_names() {
    let trip = Trip::new();
    let policy = |sid: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"},
            {"Sid": "Logs", "Effect": "Allow", "Principal": {"Service": "logs.us-east-1.amazonaws.com"},
             "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"], "Resource": "*"},
        ]})
    };
    let mut key = trip
        .make("AWS::KMS::Key", json!({
            "Description": "data", "EnableKeyRotation": true, "RotationPeriodInDays": 100, "KeyPolicy": policy("Account"),
            "PendingWindowInDays": 7, "Tags": tags(&[("a", "1")]),
        }))
        .await;
    trip.change(
        &mut key,
        json!({
            "Description": "other", "EnableKeyRotation": false, "Enabled": false, "KeyPolicy": policy("Owner"),
            "PendingWindowInDays": 8, "Tags": tags(&[("a", "2"), ("b", "1")]),
        }),
        &["Description", "EnableKeyRotation", "Enabled", "KeyPolicy", "PendingWindowInDays", "Tags"],
    )
    .await;
    let mut alias = trip
        .make(
            "AWS::KMS::Alias",
            json!({"AliasName": "alias/data", "TargetKeyId": key.id.as_str()}),
        )
        .await;
    let other = trip.did("kms", "CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    trip.change(
        &mut alias,
        json!({"AliasName": "alias/data", "TargetKeyId": other}),
        &["TargetKeyId"],
    )
    .await;
    trip.delete(&alias).await;
    trip.delete(&key).await;
}

#[tokio::test(start_paused = true)]
async fn log_groups() {
    let trip = Trip::new();
    let index = json!([{"Fields": ["requestId"]}]);
    let mut group = trip
        .make("AWS::Logs::LogGroup", json!({
            "LogGroupName": "/ecs/payments", "RetentionInDays": "7", "FieldIndexPolicies": index, "Tags": tags(&[("a", "1")]),
        }))
        .await;
    trip.change(
        &mut group,
        json!({
            "LogGroupName": "/ecs/payments", "DeletionProtectionEnabled": true, "BearerTokenAuthenticationEnabled": true,
            "Tags": tags(&[("b", "1")]),
        }),
        &["RetentionInDays", "FieldIndexPolicies", "Tags", "DeletionProtectionEnabled", "BearerTokenAuthenticationEnabled"],
    )
    .await;
    trip.change(
        &mut group,
        json!({"LogGroupName": "/ecs/payments"}),
        &[
            "Tags",
            "DeletionProtectionEnabled",
            "BearerTokenAuthenticationEnabled",
        ],
    )
    .await;
    trip.delete(&group).await;
}

#[tokio::test(start_paused = true)]
async fn virtual_private_gateways_are_attached() {
    let trip = Trip::new();
    let gateway = trip.ask("ec2", "CreateVpnGateway", json!({"Type": "ipsec.1"}));
    let vpc = trip
        .make("AWS::EC2::VPC", json!({"CidrBlock": "10.0.0.0/16"}))
        .await;
    let attachment = trip
        .make(
            "AWS::EC2::VPCGatewayAttachment",
            json!({"VpcId": vpc.id.as_str(), "VpnGatewayId": gateway["VpnGateway"]["VpnGatewayId"]}),
        )
        .await;
    trip.delete(&attachment).await;
    trip.delete(&vpc).await;
}

/// CloudFormation takes a cluster out of its global cluster before it deletes it; AWS refuses otherwise.
#[tokio::test(start_paused = true)]
async fn a_member_leaves_its_global_cluster_when_it_is_deleted() {
    let trip = Trip::new();
    let world = json!({"GlobalClusterIdentifier": "world", "Engine": "aurora-postgresql"});
    trip.ask("rds", "CreateGlobalCluster", world);
    let vpc = trip
        .make("AWS::EC2::VPC", json!({"CidrBlock": "10.0.0.0/16"}))
        .await;
    let subnet = |block: &str, zone: &str| {
        let input = json!({"VpcId": vpc.id.as_str(), "CidrBlock": block, "AvailabilityZone": zone});
        trip.ask("ec2", "CreateSubnet", input)["Subnet"]["SubnetId"].clone()
    };
    let subnets = [
        subnet("10.0.0.0/24", "us-east-1a"),
        subnet("10.0.1.0/24", "us-east-1b"),
    ];
    let group = trip
        .make(
            "AWS::RDS::DBSubnetGroup",
            json!({"DBSubnetGroupName": "db", "DBSubnetGroupDescription": "d", "SubnetIds": subnets}),
        )
        .await;
    let cluster = trip
        .make(
            "AWS::RDS::DBCluster",
            json!({"DBClusterIdentifier": "main", "GlobalClusterIdentifier": "world", "Engine": "aurora-postgresql",
                   "DBSubnetGroupName": group.id.as_str(), "MasterUsername": "dbadmin", "MasterUserPassword": "not-a-secret"}),
        )
        .await;
    trip.delete(&cluster).await;
    let world = json!({"GlobalClusterIdentifier": "world"});
    trip.ask("rds", "DeleteGlobalCluster", world);
}

#[tokio::test(start_paused = true)]
async fn alarms_and_dashboards() {
    let trip = Trip::new();
    let alarm = |threshold: f64, more: Json| {
        let mut alarm = json!({
            "AlarmName": "connections", "Namespace": "AWS/RDS", "MetricName": "DatabaseConnections", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 2, "Threshold": threshold, "ComparisonOperator": "LessThanOrEqualToThreshold",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            alarm[name] = value.clone();
        }
        alarm
    };
    let first = json!({
        "AlarmDescription": "nobody", "Dimensions": [{"Name": "DBClusterIdentifier", "Value": "x"}], "TreatMissingData": "breaching",
        "Tags": tags(&[("a", "1")]),
    });
    let mut made = trip.make("AWS::CloudWatch::Alarm", alarm(0.0, first)).await;
    trip.change(
        &mut made,
        alarm(
            2.5,
            json!({"TreatMissingData": "missing", "Tags": tags(&[("a", "2")])}),
        ),
        &[
            "AlarmDescription",
            "Dimensions",
            "TreatMissingData",
            "Threshold",
            "Tags",
        ],
    )
    .await;
    trip.delete(&made).await;

    let body = |title: &str| json!({"widgets": [{"type": "text", "x": 0, "y": 0, "width": 3, "height": 3, "properties": {"markdown": title}}]});
    let mut dashboard = trip
        .make(
            "AWS::CloudWatch::Dashboard",
            json!({"DashboardName": "d", "DashboardBody": body("a").to_string()}),
        )
        .await;
    trip.change(
        &mut dashboard,
        json!({"DashboardName": "d", "DashboardBody": body("b").to_string()}),
        &["DashboardBody"],
    )
    .await;
    trip.delete(&dashboard).await;
}

#[tokio::test(start_paused = true)]
async fn topics_and_subscriptions() {
    let trip = Trip::new();
    let mut topic = trip
        .make("AWS::SNS::Topic", json!({
            "TopicName": "alerts", "DisplayName": "Alerts", "Tags": tags(&[("a", "1")]),
            "Subscription": [{"Protocol": "email", "Endpoint": "inline@example.com"}],
            "DeliveryStatusLogging": [{"Protocol": "sqs", "SuccessFeedbackRoleArn": "arn:aws:iam::123456789012:role/feedback", "SuccessFeedbackSampleRate": "50"}],
        }))
        .await;
    trip.change(
        &mut topic,
        json!({"TopicName": "alerts", "DisplayName": "Other", "TracingConfig": "Active", "Tags": tags(&[("a", "2")])}),
        &["DisplayName", "TracingConfig", "Tags", "Subscription", "DeliveryStatusLogging"],
    )
    .await;
    let mut subscription = trip
        .make("AWS::SNS::Subscription", json!({
            "TopicArn": topic.id.as_str(), "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:123456789012:q",
            "FilterPolicy": {"kind": ["a"]}, "RawMessageDelivery": true,
        }))
        .await;
    trip.change(
        &mut subscription,
        json!({
            "TopicArn": topic.id.as_str(), "Protocol": "sqs", "Endpoint": "arn:aws:sqs:us-east-1:123456789012:q",
            "FilterPolicy": {"kind": ["b"]}, "FilterPolicyScope": "MessageBody", "RawMessageDelivery": "false",
        }),
        &["FilterPolicy", "FilterPolicyScope", "RawMessageDelivery"],
    )
    .await;
    trip.delete(&subscription).await;
    let pending = trip
        .make("AWS::SNS::Subscription", json!({"TopicArn": topic.id.as_str(), "Protocol": "email", "Endpoint": "a@example.com"}))
        .await;
    let deletion = Deletion::default();
    let done = pending
        .resource
        .delete(&trip.context, &pending.id, &deletion)
        .await;
    done.expect("what nobody confirmed is left to AWS");
    trip.delete(&topic).await;
}

#[tokio::test(start_paused = true)]
async fn parameters() {
    let trip = Trip::new();
    let mut parameter = trip
        .make("AWS::SSM::Parameter", json!({
            "Name": "/payments/url", "Type": "String", "Value": "a", "Description": "where", "Tags": {"a": "1"},
        }))
        .await;
    trip.change(
        &mut parameter,
        json!({"Name": "/payments/url", "Type": "String", "Value": "b", "Description": "there", "AllowedPattern": "^.*$", "Tags": {"a": "2"}}),
        &["Value", "Description", "AllowedPattern", "Tags"],
    )
    .await;
    trip.delete(&parameter).await;
}

#[tokio::test(start_paused = true)]
async fn clusters_services_and_their_scaling() {
    let trip = Trip::new();
    let vpc = trip
        .make("AWS::EC2::VPC", json!({"CidrBlock": "10.0.0.0/16"}))
        .await;
    let subnet = trip
        .make(
            "AWS::EC2::Subnet",
            json!({"VpcId": vpc.id.as_str(), "CidrBlock": "10.0.1.0/24"}),
        )
        .await;
    let group = trip
        .make(
            "AWS::EC2::SecurityGroup",
            json!({"VpcId": vpc.id.as_str(), "GroupName": "g", "GroupDescription": "d"}),
        )
        .await;
    let gateway = trip.make("AWS::EC2::InternetGateway", json!({})).await;
    trip.make(
        "AWS::EC2::VPCGatewayAttachment",
        json!({"VpcId": vpc.id.as_str(), "InternetGatewayId": gateway.id.as_str()}),
    )
    .await;
    let table = trip
        .make("AWS::EC2::RouteTable", json!({"VpcId": vpc.id.as_str()}))
        .await;
    trip.make(
        "AWS::EC2::Route",
        json!({"RouteTableId": table.id.as_str(), "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway.id.as_str()}),
    )
    .await;
    trip.make(
        "AWS::EC2::SubnetRouteTableAssociation",
        json!({"RouteTableId": table.id.as_str(), "SubnetId": subnet.id.as_str()}),
    )
    .await;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let role = trip.did(
        "iam",
        "CreateRole",
        json!({"RoleName": "execution", "AssumeRolePolicyDocument": trust.to_string()}),
    )["Role"]["Arn"]
        .clone();
    let policy = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
    trip.did(
        "iam",
        "AttachRolePolicy",
        json!({"RoleName": "execution", "PolicyArn": policy}),
    );

    let mut cluster = trip
        .make("AWS::ECS::Cluster", json!({
            "ClusterName": "c", "ClusterSettings": [{"Name": "containerInsights", "Value": "enabled"}], "Tags": tags(&[("a", "1")]),
        }))
        .await;
    trip.change(
        &mut cluster,
        json!({
            "ClusterName": "c", "ClusterSettings": [{"Name": "containerInsights", "Value": "disabled"}],
            "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "DefaultCapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1, "Base": 1}],
        }),
        &["ClusterSettings", "CapacityProviders", "DefaultCapacityProviderStrategy", "Tags"],
    )
    .await;
    let task = |image: &str| {
        json!({
            "Family": "payments", "RequiresCompatibilities": ["FARGATE"], "NetworkMode": "awsvpc", "Cpu": "256", "Memory": "512",
            "ExecutionRoleArn": role,
            "ContainerDefinitions": [{
                "Name": "payments", "Image": image, "Essential": true, "PortMappings": [{"ContainerPort": 80, "Protocol": "tcp"}],
                "Environment": [{"Name": "B", "Value": "1"}, {"Name": "A", "Value": 2}],
            }],
            "Tags": tags(&[("a", "1")]),
        })
    };
    let mut definition = trip
        .make(
            "AWS::ECS::TaskDefinition",
            task("public.ecr.aws/nginx/nginx:1"),
        )
        .await;
    let mut tagged = task("public.ecr.aws/nginx/nginx:1");
    tagged["Tags"] = tags(&[("a", "2")]);
    trip.change(&mut definition, tagged, &["Tags"]).await;
    let service = |definition: &Made, count: i64, percent: i64| {
        json!({
            "ServiceName": "s", "Cluster": "c", "TaskDefinition": definition.id.as_str(), "DesiredCount": count, "LaunchType": "FARGATE",
            "DeploymentConfiguration": {
                "MaximumPercent": percent, "MinimumHealthyPercent": 100, "DeploymentCircuitBreaker": {"Enable": true, "Rollback": true},
            },
            "NetworkConfiguration": {"AwsvpcConfiguration": {
                "AssignPublicIp": "ENABLED", "SecurityGroups": [group.id.as_str()], "Subnets": [subnet.id.as_str()],
            }},
            "PropagateTags": "SERVICE", "Tags": tags(&[("a", "1")]),
        })
    };
    let mut running = trip
        .make("AWS::ECS::Service", service(&definition, 2, 200))
        .await;
    trip.change(
        &mut running,
        service(&definition, 3, 150),
        &["DesiredCount", "DeploymentConfiguration"],
    )
    .await;

    let target = |max: i64, more: Json| {
        let mut target = json!({
            "ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": "service/c/s", "MinCapacity": 1,
            "MaxCapacity": max,
            "RoleARN": "arn:aws:iam::123456789012:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService",
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            target[name] = value.clone();
        }
        target
    };
    let action = |max: i64| {
        json!({"ScheduledActions": [{
            "ScheduledActionName": "night", "Schedule": "cron(0 22 * * ? *)", "StartTime": "2033-01-01T00:00:00Z",
            "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": max},
        }]})
    };
    let mut scaling = trip
        .make(
            "AWS::ApplicationAutoScaling::ScalableTarget",
            target(4, action(2)),
        )
        .await;
    trip.change(
        &mut scaling,
        target(5, action(3)),
        &["MaxCapacity", "ScheduledActions"],
    )
    .await;
    trip.change(&mut scaling, target(5, json!({})), &["ScheduledActions"])
        .await;
    let policy = |value: i64| {
        json!({
            "PolicyName": "cpu", "PolicyType": "TargetTrackingScaling", "ScalingTargetId": scaling.id.as_str(),
            "TargetTrackingScalingPolicyConfiguration": {
                "TargetValue": value, "ScaleInCooldown": 60,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            },
        })
    };
    let mut policy_made = trip
        .make("AWS::ApplicationAutoScaling::ScalingPolicy", policy(75))
        .await;
    trip.change(
        &mut policy_made,
        policy(60),
        &["TargetTrackingScalingPolicyConfiguration"],
    )
    .await;

    trip.delete(&policy_made).await;
    trip.delete(&scaling).await;
    trip.delete(&running).await;
    trip.delete(&definition).await;
    trip.delete(&cluster).await;
}

/// What a plan of many resources costs: tags of everything in one call, descriptions in batches.
#[tokio::test(start_paused = true)]
async fn many_are_read_with_few_calls() {
    let trip = Trip::new();
    let mut wanted = Vec::new();
    for number in 0..12 {
        let name = format!("/p/{number}");
        let made = trip
            .make(
                "AWS::SSM::Parameter",
                json!({"Name": name, "Type": "String", "Value": "v"}),
            )
            .await;
        wanted.push((made.resource, made.id.clone(), Some(BTreeSet::new())));
    }
    let topic = trip
        .make("AWS::SNS::Topic", json!({"TopicName": "t"}))
        .await;
    wanted.push((topic.resource, topic.id.clone(), Some(BTreeSet::new())));
    let group = trip
        .make("AWS::Logs::LogGroup", json!({"LogGroupName": "g"}))
        .await;
    wanted.push((group.resource, group.id.clone(), Some(BTreeSet::new())));
    trip.aws
        .calls
        .lock()
        .expect("no test panics with it")
        .clear();
    let read = read_declared(&trip.context, wanted).await;
    assert!(read.iter().all(|read| matches!(read, Ok(Some(_)))));
    let mut calls = trip
        .aws
        .calls
        .lock()
        .expect("no test panics with it")
        .clone();
    calls.sort();
    assert_eq!(
        calls,
        [
            "logs:DescribeLogGroups",
            "resourcegroupstaggingapi:GetResources",
            "sns:GetTopicAttributes",
            "ssm:DescribeParameters",
            "ssm:GetParameters",
            "ssm:GetParameters",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn composite_alarms() {
    let trip = Trip::new();
    let metric = |name: &str| {
        json!({
            "AlarmName": name, "Namespace": "payments", "MetricName": "Errors", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold",
        })
    };
    let errors = trip.make("AWS::CloudWatch::Alarm", metric("errors")).await;
    let deployment = trip
        .make("AWS::CloudWatch::Alarm", metric("deployment"))
        .await;
    let topic = "arn:aws:sns:us-east-1:123456789012:on-call";
    let mut composite = trip
        .make("AWS::CloudWatch::CompositeAlarm", json!({
            "AlarmName": "payments", "AlarmDescription": "people cannot pay", "AlarmRule": "ALARM(errors) AND NOT ALARM(\"deployment\")",
            "ActionsEnabled": "true", "AlarmActions": [topic], "OKActions": [topic], "InsufficientDataActions": [],
            "ActionsSuppressor": "deployment", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 120,
            "Tags": tags(&[("a", "1")]),
        }))
        .await;
    trip.change(
        &mut composite,
        json!({
            "AlarmName": "payments", "AlarmRule": "ALARM(errors)", "ActionsEnabled": false, "OKActions": [topic],
            "Tags": tags(&[("a", "2"), ("b", "1")]),
        }),
        &[
            "ActionsEnabled",
            "ActionsSuppressor",
            "ActionsSuppressorExtensionPeriod",
            "ActionsSuppressorWaitPeriod",
            "AlarmActions",
            "AlarmDescription",
            "AlarmRule",
            "Tags",
        ],
    )
    .await;
    // Metric and composite alarms are read by the same call.
    trip.aws
        .calls
        .lock()
        .expect("nothing panics with it")
        .clear();
    let wanted = [&errors, &deployment, &composite]
        .map(|made| (made.resource, made.id.clone(), Some(BTreeSet::new())));
    for read in read_declared(&trip.context, wanted.into()).await {
        assert!(read.expect("an answer").is_some());
    }
    let calls = trip
        .aws
        .calls
        .lock()
        .expect("nothing panics with it")
        .clone();
    let reads = calls
        .iter()
        .filter(|call| *call == "cloudwatch:DescribeAlarms");
    assert_eq!(reads.count(), 1, "{calls:?}");
    trip.delete(&composite).await;
    trip.delete(&errors).await;
    trip.delete(&deployment).await;
}

#[tokio::test(start_paused = true)]
async fn an_alarm_of_somebody_else_is_not_overwritten_by_a_composite_one() {
    let trip = Trip::new();
    trip.did(
        "cloudwatch",
        "PutCompositeAlarm",
        json!({"AlarmName": "taken", "AlarmRule": "TRUE"}),
    );
    let refused = trip
        .refused(
            "AWS::CloudWatch::CompositeAlarm",
            json!({"AlarmName": "taken", "AlarmRule": "FALSE"}),
        )
        .await;
    assert!(refused.contains("`taken` exists already"), "{refused}");
    let rule = trip.did(
        "cloudwatch",
        "DescribeAlarms",
        json!({"AlarmTypes": ["CompositeAlarm"]}),
    );
    assert_eq!(rule["CompositeAlarms"][0]["AlarmRule"], "TRUE");
}

#[tokio::test(start_paused = true)]
async fn filters_of_log_groups() {
    let trip = Trip::new();
    let group = trip
        .make("AWS::Logs::LogGroup", json!({"LogGroupName": "/ecs/api"}))
        .await;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "logs.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]});
    // A moment ago: Logs cannot assume it yet.
    let role = trip.did(
        "iam",
        "CreateRole",
        json!({"RoleName": "stream", "AssumeRolePolicyDocument": trust.to_string()}),
    );
    let mut metric = trip
        .make("AWS::Logs::MetricFilter", json!({
            "LogGroupName": "/ecs/api", "FilterPattern": "{ $.level = \"error\" }", "ApplyOnTransformedLogs": "false",
            "MetricTransformations": [{
                "MetricName": "Errors", "MetricNamespace": "payments", "MetricValue": "1", "Unit": "Count",
                "Dimensions": [{"Key": "route", "Value": "$.route"}, {"Key": "tenant", "Value": "$.tenant"}],
            }],
        }))
        .await;
    assert!(
        metric
            .id
            .as_str()
            .starts_with("/ecs/api|project-env-stack-MetricFilter-"),
        "{}",
        metric.id
    );
    trip.change(
        &mut metric,
        json!({
            "LogGroupName": "/ecs/api", "FilterPattern": "", "EmitSystemFieldDimensions": ["@aws.account"],
            "FieldSelectionCriteria": "@aws.region = \"us-east-1\"",
            "MetricTransformations": [{
                "MetricName": "Lines", "MetricNamespace": "payments", "MetricValue": "1", "DefaultValue": 0,
            }],
        }),
        &["ApplyOnTransformedLogs", "EmitSystemFieldDimensions", "FieldSelectionCriteria", "FilterPattern", "MetricTransformations"],
    )
    .await;
    let mut subscription = trip
        .make("AWS::Logs::SubscriptionFilter", json!({
            "LogGroupName": "/ecs/api", "FilterName": "all", "FilterPattern": "", "Distribution": "Random", "RoleArn": role["Role"]["Arn"],
            "DestinationArn": "arn:aws:kinesis:us-east-1:123456789012:stream/events", "EmitSystemFields": ["@aws.account", "@aws.region"],
        }))
        .await;
    assert_eq!(subscription.id.as_str(), "all|/ecs/api");
    trip.change(
        &mut subscription,
        json!({
            "LogGroupName": "/ecs/api", "FilterName": "all", "FilterPattern": "error", "ApplyOnTransformedLogs": true,
            "DestinationArn": "arn:aws:logs:us-east-1:210987654321:destination:central", "FieldSelectionCriteria": "@aws.account = \"1\"",
        }),
        &["ApplyOnTransformedLogs", "DestinationArn", "Distribution", "EmitSystemFields", "FieldSelectionCriteria", "FilterPattern", "RoleArn"],
    )
    .await;
    for (kind, properties) in [
        (
            "AWS::Logs::SubscriptionFilter",
            json!({
                "LogGroupName": "/ecs/api", "FilterName": "all", "FilterPattern": "x",
                "DestinationArn": "arn:aws:logs:us-east-1:210987654321:destination:central",
            }),
        ),
        (
            "AWS::Logs::MetricFilter",
            json!({
                "LogGroupName": "/ecs/api", "FilterPattern": "", "FilterName": metric.id.as_str().rsplit('|').next(),
                "MetricTransformations": [{"MetricName": "Lines", "MetricNamespace": "payments", "MetricValue": "2"}],
            }),
        ),
    ] {
        let refused = trip.refused(kind, properties).await;
        assert!(refused.contains("exists already"), "{refused}");
    }
    trip.delete(&subscription).await;
    trip.delete(&metric).await;
    trip.delete(&group).await;
}

#[tokio::test(start_paused = true)]
async fn saved_queries() {
    let trip = Trip::new();
    trip.did(
        "logs",
        "PutQueryDefinition",
        json!({"name": "payments/errors", "queryString": "somebody else's"}),
    );
    let mut query = trip
        .make("AWS::Logs::QueryDefinition", json!({
            "Name": "payments/errors", "QueryString": "fields @timestamp\n| limit {{count}}", "LogGroupNames": ["/ecs/b", "/ecs/a"],
            "Parameters": [{"Name": "count", "DefaultValue": "20", "Description": "how many"}],
        }))
        .await;
    trip.change(
        &mut query,
        json!({"Name": "payments/all", "QueryString": "fields @message", "QueryLanguage": "CWLI"}),
        &["LogGroupNames", "Name", "Parameters", "QueryString"],
    )
    .await;
    trip.delete(&query).await;
    let left = trip.did("logs", "DescribeQueryDefinitions", json!({}));
    assert_eq!(
        left["queryDefinitions"][0]["queryString"],
        "somebody else's"
    );
}

#[tokio::test(start_paused = true)]
async fn rules_and_their_targets() {
    let trip = Trip::new();
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]});
    // A moment ago: EventBridge cannot assume it yet.
    let role = trip.did(
        "iam",
        "CreateRole",
        json!({"RoleName": "run", "AssumeRolePolicyDocument": trust.to_string()}),
    );
    let role = role["Role"]["Arn"].clone();
    trip.did("events", "CreateEventBus", json!({"Name": "payments"}));
    let queue = |name: &str| format!("arn:aws:sqs:us-east-1:123456789012:{name}");
    let mut rule = trip
        .make("AWS::Events::Rule", json!({
            "EventBusName": "arn:aws:events:us-east-1:123456789012:event-bus/payments", "Description": "refunds", "RoleArn": role,
            "EventPattern": {"source": ["payments"], "detail": {"amount": [{"numeric": [">", 100]}]}}, "State": "DISABLED",
            "Tags": tags(&[("a", "1")]),
            "Targets": [
                {
                    "Id": "task", "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/c", "RoleArn": role,
                    "EcsParameters": {
                        "TaskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/t:1", "TaskCount": "2", "LaunchType": "FARGATE",
                        "PlacementStrategies": [{"Type": "spread", "Field": "instanceId"}], "TagList": [{"Key": "k", "Value": "v"}],
                        "NetworkConfiguration": {"AwsVpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}},
                    },
                },
                {
                    "Id": "queue", "Arn": queue("q"), "DeadLetterConfig": {"Arn": queue("dead")},
                    "InputTransformer": {"InputPathsMap": {"id": "$.detail.id"}, "InputTemplate": "{\"id\": <id>}"},
                    "RetryPolicy": {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0},
                },
                {"Id": "fifo", "Arn": queue("q.fifo"), "SqsParameters": {"MessageGroupId": "g"}, "InputPath": "$.detail"},
                {
                    "Id": "http", "Arn": "arn:aws:events:us-east-1:123456789012:api-destination/d/1", "RoleArn": role,
                    "HttpParameters": {"PathParameterValues": ["a"], "HeaderParameters": {"h": "1"}, "QueryStringParameters": {"q": "2"}},
                },
                {
                    "Id": "job", "Arn": "arn:aws:batch:us-east-1:123456789012:job-queue/q", "RoleArn": role,
                    "BatchParameters": {"JobDefinition": "d", "JobName": "n", "ArrayProperties": {"Size": 2}, "RetryStrategy": {"Attempts": 3}},
                },
            ],
        }))
        .await;
    assert!(
        rule.id.as_str().starts_with(
            "arn:aws:events:us-east-1:123456789012:rule/payments/project-env-stack-Rule-"
        ),
        "{}",
        rule.id
    );
    // Five other targets: the rule has no room for both.
    let others: Vec<Json> = (0..5)
        .map(|number| json!({"Id": format!("n{number}"), "Arn": queue("q"), "Input": "{}"}))
        .collect();
    trip.change(
        &mut rule,
        json!({
            "EventBusName": "payments", "EventPattern": {"source": ["payments", "billing"]}, "Tags": tags(&[("b", "1")]), "Targets": others,
        }),
        &["Description", "EventPattern", "RoleArn", "State", "Tags", "Targets"],
    )
    .await;
    trip.change(
        &mut rule,
        json!({"EventBusName": "payments", "EventPattern": "{\"source\": [\"payments\", \"billing\"]}"}),
        &["Tags", "Targets"],
    )
    .await;
    let mut scheduled = trip
        .make("AWS::Events::Rule", json!({
            "Name": "nightly", "ScheduleExpression": "cron(0 3 * * ? *)", "Targets": [{"Id": "q", "Arn": queue("q")}],
        }))
        .await;
    assert_eq!(
        scheduled.id.as_str(),
        "arn:aws:events:us-east-1:123456789012:rule/nightly"
    );
    trip.change(
        &mut scheduled,
        json!({
            "Name": "nightly", "ScheduleExpression": "rate(1 day)", "State": "DISABLED",
            "Targets": [{"Id": "q", "Arn": queue("other")}, {"Id": "r", "Arn": queue("q")}],
        }),
        &["ScheduleExpression", "State", "Targets"],
    )
    .await;
    let refused = trip
        .refused(
            "AWS::Events::Rule",
            json!({"Name": "nightly", "ScheduleExpression": "rate(1 day)"}),
        )
        .await;
    assert!(refused.contains("`nightly` exists already"), "{refused}");
    trip.delete(&scheduled).await;
    trip.delete(&rule).await;
}

fn attribute(name: &str) -> Json {
    json!({"AttributeName": name, "AttributeType": "S"})
}

fn attributes(names: &str) -> Json {
    names.split(' ').map(attribute).collect()
}

fn index(name: &str, key: &str, more: Json) -> Json {
    let mut index = json!({
        "IndexName": name, "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        index[name] = value.clone();
    }
    index
}

fn units(read: u32, write: u32) -> Json {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

fn policy(sid: &str) -> Json {
    json!({"PolicyDocument": {"Version": "2012-10-17", "Statement": [{
        "Sid": sid, "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "dynamodb:GetItem", "Resource": "*",
    }]}})
}

#[tokio::test(start_paused = true)]
async fn tables() {
    let trip = Trip::new();
    let key = trip.did("kms", "CreateKey", json!({}))["KeyMetadata"]["Arn"].clone();
    let keys = json!([{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]);
    let local = json!([{
        "IndexName": "local", "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "l", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["z", "a"]},
    }]);
    let table = |more: Json| {
        let mut table =
            json!({"TableName": "payments", "KeySchema": keys, "LocalSecondaryIndexes": local});
        for (name, value) in more.as_object().into_iter().flatten() {
            table[name] = value.clone();
        }
        table
    };
    let insights = json!({"Enabled": true, "Mode": "THROTTLED_KEYS"});
    let mut made = trip
        .make("AWS::DynamoDB::Table", table(json!({
            "AttributeDefinitions": attributes("sk pk l a b"),
            "ProvisionedThroughput": {"ReadCapacityUnits": "5", "WriteCapacityUnits": 5},
            "GlobalSecondaryIndexes": [
                index("one", "a", json!({"ProvisionedThroughput": units(1, 1), "ContributorInsightsSpecification": insights})),
                index("two", "b", json!({"ProvisionedThroughput": units(2, 2), "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["y", "x"]}})),
            ],
            "StreamSpecification": {"StreamViewType": "KEYS_ONLY", "ResourcePolicy": policy("stream")},
            "SSESpecification": {"SSEEnabled": true, "SSEType": "KMS", "KMSMasterKeyId": key},
            "TableClass": "STANDARD_INFREQUENT_ACCESS", "DeletionProtectionEnabled": true,
            "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "ttl"},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 7},
            "ContributorInsightsSpecification": {"Enabled": true},
            "KinesisStreamSpecification": {"StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/s", "ApproximateCreationDateTimePrecision": "MICROSECOND"},
            "ResourcePolicy": policy("table"),
            "Tags": tags(&[("a", "1")]),
        })))
        .await;
    assert_eq!(made.id.as_str(), "payments");
    let live = trip.ready(&made).await;
    let stream = live.model.get("StreamArn").cloned();
    assert!(
        stream
            .as_ref()
            .and_then(Value::as_str)
            .is_some_and(|arn| arn.contains(":table/payments/stream/")),
        "{stream:?}"
    );

    // One index goes, one is another, one comes, one has other throughput: one call each.
    trip.change(
        &mut made,
        table(json!({
            "AttributeDefinitions": attributes("sk pk l b c d"),
            "ProvisionedThroughput": units(6, 5),
            "GlobalSecondaryIndexes": [
                index("two", "b", json!({"ProvisionedThroughput": units(3, 2)})),
                index("three", "c", json!({"ProvisionedThroughput": units(1, 1), "ContributorInsightsSpecification": insights})),
                index("four", "d", json!({"ProvisionedThroughput": units(1, 1)})),
            ],
            "StreamSpecification": {"StreamViewType": "NEW_IMAGE", "ResourcePolicy": policy("other")},
            "TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"},
            "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
            "ContributorInsightsSpecification": {"Enabled": true, "Mode": "THROTTLED_KEYS"},
            "KinesisStreamSpecification": {"StreamArn": "arn:aws:kinesis:us-east-1:123456789012:stream/other"},
            "ResourcePolicy": policy("other"),
            "Tags": tags(&[("b", "1")]),
        })),
        &[
            "AttributeDefinitions", "ContributorInsightsSpecification", "DeletionProtectionEnabled", "GlobalSecondaryIndexes",
            "KinesisStreamSpecification", "PointInTimeRecoverySpecification", "ProvisionedThroughput", "ResourcePolicy", "SSESpecification",
            "StreamSpecification", "TableClass", "Tags", "TimeToLiveSpecification",
        ],
    )
    .await;
    let live = trip.ready(&made).await;
    assert_ne!(
        live.model.get("StreamArn").cloned(),
        stream,
        "another stream"
    );

    // By request, with limits; all that was attached goes.
    trip.change(
        &mut made,
        table(json!({
            "AttributeDefinitions": attributes("sk pk l b"),
            "BillingMode": "PAY_PER_REQUEST",
            "GlobalSecondaryIndexes": [index("two", "b", json!({"OnDemandThroughput": {"MaxReadRequestUnits": 10}}))],
            "OnDemandThroughput": {"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 50},
            "WarmThroughput": {"ReadUnitsPerSecond": 13000, "WriteUnitsPerSecond": 4000},
        })),
        &[
            "AttributeDefinitions", "BillingMode", "ContributorInsightsSpecification", "GlobalSecondaryIndexes", "KinesisStreamSpecification",
            "OnDemandThroughput", "PointInTimeRecoverySpecification", "ProvisionedThroughput", "ResourcePolicy", "StreamSpecification", "Tags",
            "TimeToLiveSpecification", "WarmThroughput",
        ],
    )
    .await;
    trip.change(
        &mut made,
        table(json!({
            "AttributeDefinitions": attributes("sk pk l b"), "BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1, 1),
            "GlobalSecondaryIndexes": [index("two", "b", json!({"ProvisionedThroughput": units(1, 1)}))],
        })),
        &["BillingMode", "GlobalSecondaryIndexes", "OnDemandThroughput", "ProvisionedThroughput", "WarmThroughput"],
    )
    .await;
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn a_table_on_demand_without_anything_costs_two_reads() {
    let trip = Trip::new();
    let properties = json!({
        "AttributeDefinitions": [attribute("pk")], "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
    });
    let made = trip.make("AWS::DynamoDB::Table", properties.clone()).await;
    trip.aws
        .calls
        .lock()
        .expect("nothing panics with it")
        .clear();
    trip.observe(&made).await.expect("the table");
    let calls = trip
        .aws
        .calls
        .lock()
        .expect("nothing panics with it")
        .clone();
    assert_eq!(
        calls,
        [
            "dynamodb:DescribeTable",
            "resourcegroupstaggingapi:GetResources"
        ]
    );
    let mut again = properties;
    again["TableName"] = json!(made.id.as_str());
    let refused = trip.refused("AWS::DynamoDB::Table", again).await;
    assert!(refused.contains("ResourceInUseException"), "{refused}");
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn tables_made_of_what_lies_in_a_bucket() {
    let trip = Trip::new();
    let made = trip
        .make("AWS::DynamoDB::Table", json!({
            "AttributeDefinitions": attributes("pk a"), "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST", "GlobalSecondaryIndexes": [index("one", "a", json!({}))],
            "ImportSourceSpecification": {
                "InputFormat": "CSV", "InputCompressionType": "GZIP", "InputFormatOptions": {"Csv": {"Delimiter": ";", "HeaderList": ["pk", "a"]}},
                "S3BucketSource": {"S3Bucket": "payments-archive", "S3KeyPrefix": "2024/"},
            },
            "DeletionProtectionEnabled": false, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
            "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}, "Tags": tags(&[("a", "1")]),
        }))
        .await;
    trip.delete(&made).await;
}
