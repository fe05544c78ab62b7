//! Types without a module, through the simulated Cloud Control: types of different shape, and what goes wrong.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use payctl_model::{Incarnation, Value};
use payctl_resources::{AwsError, AwsErrorKind, Caller, Context, Deletion, resource};
use serde_json::{Value as Json, json};

use crate::trip::{NoJournal, Simulated, Trip};

/// A type, what it is made of, and what changes in place.
type Declared = (&'static str, Json, Json);

fn declared() -> Vec<Declared> {
    let tags = json!([{"Key": "team", "Value": "a"}]);
    vec![
        (
            "AWS::Athena::WorkGroup",
            json!({"Name": "reports", "Tags": tags, "WorkGroupConfiguration": {
                "EnforceWorkGroupConfiguration": "true", "BytesScannedCutoffPerQuery": "10000000",
                "ResultConfiguration": {"OutputLocation": "s3://results/"}}}),
            json!({"WorkGroupConfiguration": {
                "EnforceWorkGroupConfiguration": true, "BytesScannedCutoffPerQuery": 20_000_000,
                "ResultConfiguration": {"OutputLocation": "s3://results/"}}}),
        ),
        (
            "AWS::ApiGatewayV2::Api",
            json!({"Name": "payments", "ProtocolType": "HTTP", "Tags": {"team": "a"},
                "CorsConfiguration": {"AllowOrigins": ["https://a.example"], "MaxAge": "60"}}),
            json!({"Description": "the public door"}),
        ),
        (
            "AWS::ApiGatewayV2::Route",
            json!({"ApiId": "a1b2c3", "RouteKey": "GET /payments"}),
            json!({"AuthorizationType": "AWS_IAM"}),
        ),
        (
            "AWS::StepFunctions::StateMachine",
            json!({"RoleArn": "arn:aws:iam::999999999999:role/states", "Tags": tags,
                "DefinitionString": "{\"StartAt\": \"A\", \"States\": {\"A\": {\"Type\": \"Succeed\"}}}"}),
            json!({"DefinitionString": "{\"StartAt\": \"B\", \"States\": {\"B\": {\"Type\": \"Succeed\"}}}"}),
        ),
        (
            "AWS::CloudFront::Distribution",
            json!({"Tags": tags, "DistributionConfig": {"Enabled": true,
                "Origins": [{"Id": "o", "DomainName": "origin.example", "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"}}],
                "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only",
                    "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}}}),
            json!({"DistributionConfig": {"Enabled": false, "Comment": "closed",
                "Origins": [{"Id": "o", "DomainName": "origin.example", "CustomOriginConfig": {"OriginProtocolPolicy": "https-only"}}],
                "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only",
                    "CachePolicyId": "658327ea-f89d-4fab-a63d-7e88639e58f6"}}}),
        ),
        (
            "AWS::EFS::FileSystem",
            json!({"Encrypted": true, "FileSystemTags": tags, "ThroughputMode": "bursting"}),
            json!({"ThroughputMode": "elastic"}),
        ),
        (
            "AWS::ElastiCache::ReplicationGroup",
            json!({"ReplicationGroupDescription": "sessions", "CacheNodeType": "cache.t4g.micro", "Engine": "redis",
                "AuthToken": "0123456789abcdef", "TransitEncryptionEnabled": true, "NumCacheClusters": 2, "Tags": tags}),
            json!({"ReplicationGroupDescription": "sessions of users"}),
        ),
        (
            "AWS::Cognito::UserPool",
            json!({"UserPoolName": "customers", "UserPoolTags": {"team": "a"},
                "Policies": {"PasswordPolicy": {"MinimumLength": 12, "RequireSymbols": false}}}),
            json!({"Policies": {"PasswordPolicy": {"MinimumLength": 14, "RequireSymbols": false}}}),
        ),
        (
            "AWS::WAFv2::WebACL",
            json!({"Scope": "REGIONAL", "DefaultAction": {"Allow": {}}, "Tags": tags,
                "VisibilityConfig": {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "m"},
                "Rules": [{"Name": "rate", "Priority": 0, "Action": {"Block": {}},
                    "Statement": {"RateBasedStatement": {"Limit": "1000", "AggregateKeyType": "IP"}},
                    "VisibilityConfig": {"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": true, "MetricName": "r"}}]}),
            json!({"DefaultAction": {"Block": {}}}),
        ),
        (
            "AWS::Backup::BackupVault",
            json!({"BackupVaultName": "payments", "BackupVaultTags": {"team": "a"}}),
            json!({"Notifications": {"BackupVaultEvents": ["BACKUP_JOB_FAILED"], "SNSTopicArn": "arn:aws:sns:us-east-1:123456789012:t"}}),
        ),
        (
            "AWS::Scheduler::Schedule",
            json!({"ScheduleExpression": "rate(5 minutes)", "FlexibleTimeWindow": {"Mode": "OFF"},
                "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::999999999999:role/r"}}),
            json!({"State": "DISABLED"}),
        ),
        (
            "AWS::AppConfig::Application",
            json!({"Name": "switches", "Tags": tags}),
            json!({"Description": "feature switches"}),
        ),
        (
            "AWS::AppConfig::Environment",
            json!({"ApplicationId": "abc1234", "Name": "prod"}),
            json!({"Name": "production"}),
        ),
        (
            "AWS::Kinesis::Stream",
            json!({"Name": "events", "RetentionPeriodHours": "24", "StreamModeDetails": {"StreamMode": "ON_DEMAND"}, "Tags": tags}),
            json!({"RetentionPeriodHours": 48}),
        ),
        (
            "AWS::Glue::Job",
            json!({"Role": "glue", "Command": {"Name": "glueetl", "ScriptLocation": "s3://scripts/a.py"},
                "DefaultArguments": {"--TempDir": "s3://tmp/"}, "Tags": {"team": "a"}}),
            json!({"DefaultArguments": {"--TempDir": "s3://other/"}}),
        ),
        (
            "AWS::AutoScaling::AutoScalingGroup",
            json!({"MinSize": "1", "MaxSize": "2", "AvailabilityZones": ["us-east-1a"], "LaunchConfigurationName": "l",
                "Tags": [{"Key": "team", "Value": "a", "PropagateAtLaunch": "true"}]}),
            json!({"MaxSize": "3"}),
        ),
        (
            "AWS::MSK::Configuration",
            json!({"Name": "brokers", "ServerProperties": "auto.create.topics.enable=false"}),
            json!({"Description": "no topics by themselves"}),
        ),
        (
            "AWS::OpenSearchService::Domain",
            json!({"DomainName": "search", "EngineVersion": "OpenSearch_2.13", "Tags": tags,
                "ClusterConfig": {"InstanceType": "t3.small.search", "InstanceCount": 1},
                "AccessPolicies": {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "es:*", "Resource": "*",
                    "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}]}}),
            json!({"ClusterConfig": {"InstanceType": "t3.small.search", "InstanceCount": 2}}),
        ),
        (
            "AWS::EKS::Addon",
            json!({"ClusterName": "payments", "AddonName": "vpc-cni", "Tags": tags}),
            json!({"ResolveConflicts": "OVERWRITE", "AddonVersion": "v1.18.3-eksbuild.1"}),
        ),
        (
            "AWS::Route53::HealthCheck",
            json!({"HealthCheckConfig": {"Type": "HTTPS", "FullyQualifiedDomainName": "pay.example", "Port": "443"}}),
            json!({"HealthCheckConfig": {"Type": "HTTPS", "FullyQualifiedDomainName": "pay.example", "Port": 8443}}),
        ),
        (
            "AWS::VpcLattice::Service",
            json!({"Name": "payments", "AuthType": "NONE", "Tags": tags}),
            json!({"AuthType": "AWS_IAM"}),
        ),
    ]
}

fn merged(mut made: Json, change: &Json) -> Json {
    if let (Some(made), Some(change)) = (made.as_object_mut(), change.as_object()) {
        made.extend(change.clone());
    }
    made
}

#[tokio::test(start_paused = true)]
async fn types_of_every_shape_are_made_read_changed_and_deleted() {
    for (type_name, properties, change) in declared() {
        let trip = Trip::new();
        let mut made = trip.make(type_name, properties.clone()).await;
        let heads = change.as_object().into_iter().flatten();
        let told: Vec<&str> = heads.map(|(name, _)| name.as_str()).collect();
        trip.change(&mut made, merged(properties, &change), &told)
            .await;
        trip.delete(&made).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_aws_never_tells_survives_every_update() {
    let trip = Trip::new();
    let properties = json!({"ReplicationGroupDescription": "a", "CacheNodeType": "cache.t4g.micro", "Engine": "redis",
        "AuthToken": "0123456789abcdef", "TransitEncryptionEnabled": true});
    let mut made = trip
        .make("AWS::ElastiCache::ReplicationGroup", properties.clone())
        .await;
    let change = json!({"ReplicationGroupDescription": "b"});
    trip.change(
        &mut made,
        merged(properties, &change),
        &["ReplicationGroupDescription"],
    )
    .await;
    let kept = trip.aws.sandbox.inspect(|world| {
        let mut all = world
            .all()
            .filter(|(key, _)| key.kind == "cloudcontrol/resource");
        all.next()
            .map(|(_, record)| record.body["AuthToken"].clone())
    });
    assert_eq!(kept, Some(json!("0123456789abcdef")));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_says_why() {
    let trip = Trip::new();
    let named = json!({"Name": "reports"});
    trip.make("AWS::Athena::WorkGroup", named.clone()).await;
    let refused = trip.refused("AWS::Athena::WorkGroup", named).await;
    assert!(
        refused.starts_with("cloudcontrol:CreateResource AlreadyExists: ")
            && refused.contains(" (request "),
        "{refused}"
    );
    let trip = Trip::new();
    let role =
        json!({"RoleArn": "arn:aws:iam::123456789012:role/nobody", "DefinitionString": "{}"});
    let refused = trip.refused("AWS::StepFunctions::StateMachine", role).await;
    assert!(
        refused.contains("InvalidRequest: arn:aws:iam::123456789012:role/nobody does not exist"),
        "{refused}"
    );
}

#[test]
fn what_has_no_handlers_is_no_type_of_cloud_control() {
    for type_name in [
        "AWS::WAF::Rule",
        "AWS::CloudFormation::Stack",
        "Org::Unknown::Type",
        "Org::Some::Type::MODULE",
    ] {
        assert!(
            payctl_resources::cloud_control::of(type_name).is_none(),
            "{type_name}"
        );
        assert!(
            payctl_resources::cloud_control::refusal(type_name).is_some(),
            "{type_name}"
        );
    }
    assert!(
        payctl_resources::cloud_control::of("Custom::Thing").is_none(),
        "its provider is asked"
    );
    assert!(
        payctl_resources::cloud_control::of("AWS::EC2::VPC").is_none(),
        "it has a module"
    );
    assert_eq!(
        payctl_resources::cloud_control::refusal("AWS::EC2::VPC"),
        None
    );
}

/// Loses the answer of each first create request.
struct Forgetful {
    aws: Arc<Simulated>,
}

#[async_trait]
impl Caller for Forgetful {
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        let answer = self.aws.call(service, operation, input).await;
        match operation {
            "CreateResource" if answer.is_ok() => Err(AwsError {
                service: service.to_owned(),
                operation: operation.to_owned(),
                code: String::new(),
                message: "the connection broke".to_owned(),
                request_id: None,
                kind: AwsErrorKind::Lost,
            }),
            _ => answer,
        }
    }
}

/// With tags, without any, and under a name of the template's.
#[tokio::test(start_paused = true)]
async fn what_a_lost_answer_has_made_is_found_and_made_no_second_time() {
    for (type_name, properties) in [
        ("AWS::AppConfig::Application", json!({"Name": "switches"})),
        (
            "AWS::ApiGatewayV2::Route",
            json!({"ApiId": "a1b2c3", "RouteKey": "GET /"}),
        ),
        (
            "AWS::Scheduler::Schedule",
            json!({"Name": "nightly", "ScheduleExpression": "rate(1 day)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::999999999999:role/r"}}),
        ),
    ] {
        let trip = Trip::new();
        let resource = resource(type_name).expect("a type of Cloud Control");
        let incarnation = Incarnation(format!("i{:x<25}", "lost"));
        let desired = trip.prepared(resource, &incarnation, properties);
        let clock = trip.context.clock().clone();
        let forgetful = Forgetful {
            aws: Arc::clone(&trip.aws),
        };
        let context = Context::new(Arc::new(forgetful), clock).with_journal(Arc::new(NoJournal));
        resource
            .create(&context, &desired, &incarnation)
            .await
            .expect_err("the answer is lost");
        let found = resource.find(&trip.context, &desired, &incarnation).await;
        let id = found.expect("it can be looked for").expect("it was made");
        let again = resource.create(&trip.context, &desired, &incarnation).await;
        assert_eq!(
            again.expect("the token stands for it").id,
            id,
            "{type_name}"
        );
        let count = trip.aws.sandbox.inspect(|world| {
            world
                .all()
                .filter(|(key, _)| key.kind == "cloudcontrol/resource")
                .count()
        });
        assert_eq!(count, 1, "{type_name}");
        // Of another incarnation it is not ours.
        let other = Incarnation(format!("i{:x<25}", "other"));
        let desired = trip.prepared(resource, &other, json!({"Name": "switches"}));
        if resource.definition().tags != payctl_resources::definition::Tags::None {
            let found = resource.find(&trip.context, &desired, &other).await;
            assert_eq!(found.expect("it can be looked for"), None, "{type_name}");
        }
        let deleted = resource
            .delete(&trip.context, &id, &Deletion::default())
            .await;
        deleted.expect("it can be deleted");
    }
}

/// A handler that is busy is asked again.
#[tokio::test(start_paused = true)]
async fn a_request_waits_for_the_one_before() {
    let trip = Trip::new();
    let made = trip
        .make("AWS::AppConfig::Application", json!({"Name": "switches"}))
        .await;
    let patch = json!([{"op": "add", "path": "/Description", "value": "by hand"}]).to_string();
    let input = json!({"TypeName": "AWS::AppConfig::Application", "Identifier": made.id.as_str(), "PatchDocument": patch});
    trip.did("cloudcontrol", "UpdateResource", input);
    trip.delete(&made).await;
}

/// A role that was made a moment ago, and that the service cannot assume yet.
struct NotYet {
    aws: Arc<Simulated>,
    fails: std::sync::atomic::AtomicUsize,
}

#[async_trait]
impl Caller for NotYet {
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        let counts = std::sync::atomic::Ordering::SeqCst;
        let fails = operation == "CreateResource"
            && self
                .fails
                .fetch_update(counts, counts, |left| left.checked_sub(1))
                .is_ok();
        if fails {
            return Ok(
                json!({"ProgressEvent": {"OperationStatus": "FAILED", "ErrorCode": "InvalidRequest",
                "RequestToken": "r-1", "TypeName": "AWS::StepFunctions::StateMachine",
                "StatusMessage": "The role cannot be assumed by the service"}}),
            );
        }
        self.aws.call(service, operation, input).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_new_may_take_its_time_to_be_known() {
    let trip = Trip::new();
    let resource = resource("AWS::StepFunctions::StateMachine").expect("a type of Cloud Control");
    let incarnation = Incarnation(format!("i{:x<25}", "new"));
    let role = "arn:aws:iam::999999999999:role/states";
    let properties = json!({"RoleArn": role, "DefinitionString": "{}"});
    let desired = trip.prepared(resource, &incarnation, properties);
    for (known, made) in [(true, true), (false, false)] {
        let fails = std::sync::atomic::AtomicUsize::new(2);
        let caller = NotYet {
            aws: Arc::clone(&trip.aws),
            fails,
        };
        let clock = trip.context.clock().clone();
        let context = Context::new(Arc::new(caller), clock).with_journal(Arc::new(NoJournal));
        if known {
            context
                .identified(&"states".into())
                .await
                .expect("it is noted");
        }
        let done = resource.create(&context, &desired, &incarnation).await;
        assert_eq!(done.is_ok(), made, "{done:?}");
        tokio::time::advance(Duration::from_secs(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn another_address_is_written_into_the_tags() {
    let trip = Trip::new();
    let made = trip
        .make(
            "AWS::ApiGatewayV2::Api",
            json!({"Name": "payments", "ProtocolType": "HTTP"}),
        )
        .await;
    let through = payctl_resources::cloud_control::of("AWS::ApiGatewayV2::Api").expect("no module");
    let live = trip.observe(&made).await.expect("it is there");
    let address = payctl_model::Address::new("us-east-1", "other", "Door");
    let moved = through
        .set_address(&trip.context, &made.id, &live.model, &address)
        .await;
    moved.expect("the tag can be set");
    let live = trip.ready(&made).await;
    let tag = live
        .model
        .get("Tags")
        .and_then(|tags| tags.get("payctl:address"));
    assert_eq!(tag, Some(&Value::from("us-east-1/other.Door")));
}
