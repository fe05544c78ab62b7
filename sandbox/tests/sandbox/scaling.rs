//! Application Auto Scaling and the Tagging API as a client sees them.

use serde_json::{Value as Json, json};

use crate::support::Client;

fn with_service() -> Client {
    let aws = Client::of(SCALING);
    let vpc = aws.did(
        "ec2:CreateVpc",
        json!({"CidrBlock": "10.0.0.0/16", "TagSpecifications": [
        {"ResourceType": "vpc", "Tags": [{"Key": "env", "Value": "a"}]}]}),
    );
    let subnet = aws.did(
        "ec2:CreateSubnet",
        json!({"VpcId": vpc["Vpc"]["VpcId"], "CidrBlock": "10.0.0.0/24"}),
    );
    aws.did(
        "ecs:CreateCluster",
        json!({"clusterName": "c", "tags": [{"key": "env", "value": "b"}]}),
    );
    aws.did("ecs:RegisterTaskDefinition",
        json!({"family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
        "cpu": "256", "memory": "512", "containerDefinitions": [{"name": "web", "image": "nginx"}]}),
    );
    aws.did("ecs:CreateService",
        json!({"cluster": "c", "serviceName": "s", "taskDefinition": "f", "desiredCount": 1, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet["Subnet"]["SubnetId"]]}}}),
    );
    aws
}

fn target(extra: Json) -> Json {
    let mut input = json!({"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"});
    for (name, value) in extra.as_object().expect("an object") {
        input[name] = value.clone();
    }
    input
}

const SCALING: &str = "application-autoscaling";

#[test]
fn targets_and_policies() {
    let aws = with_service();
    let refused = |operation: &str, input: Json, code: &str| {
        let refusal = aws.ask(operation, input).expect_err(operation);
        assert_eq!(refusal.code, code, "{refusal}");
    };
    let bounds = json!({"MinCapacity": 2, "MaxCapacity": 4});
    refused(
        "RegisterScalableTarget",
        target(json!({"ResourceId": "service/c/none", "MinCapacity": 1, "MaxCapacity": 2})),
        "ValidationException",
    );
    refused(
        "RegisterScalableTarget",
        target(json!({"MinCapacity": 1})),
        "ValidationException",
    );
    refused(
        "RegisterScalableTarget",
        target(json!({"MinCapacity": 3, "MaxCapacity": 2})),
        "ValidationException",
    );
    let policy = json!({"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 75.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}});
    refused(
        "PutScalingPolicy",
        target(policy.clone()),
        "ObjectNotFoundException",
    );
    refused(
        "DeregisterScalableTarget",
        target(json!({})),
        "ObjectNotFoundException",
    );
    let made = aws.did("RegisterScalableTarget", target(bounds));
    let service = aws.did(
        "ecs:DescribeServices",
        json!({"cluster": "c", "services": ["s"]}),
    );
    assert_eq!(service["services"][0]["desiredCount"], 2);
    let again = aws.did("RegisterScalableTarget", target(json!({"MaxCapacity": 6})));
    assert_eq!(made, again);
    let shown = aws.did(
        "DescribeScalableTargets",
        json!({"ServiceNamespace": "ecs", "ResourceIds": ["service/c/s"]}),
    );
    let shown = &shown["ScalableTargets"][0];
    assert_eq!(
        (&shown["MinCapacity"], &shown["MaxCapacity"]),
        (&json!(2), &json!(6))
    );
    assert!(shown["RoleARN"].as_str().is_some_and(|arn| arn.ends_with("/AWSServiceRoleForApplicationAutoScaling_ECSService")));
    assert_eq!(shown["SuspendedState"]["DynamicScalingInSuspended"], false);
    aws.did(
        "TagResource",
        json!({"ResourceARN": made["ScalableTargetARN"], "Tags": {"env": "c"}}),
    );
    assert_eq!(
        aws.did(
            "ListTagsForResource",
            json!({"ResourceARN": made["ScalableTargetARN"]})
        )["Tags"],
        json!({"env": "c"})
    );
    let put = aws.did("PutScalingPolicy", target(policy.clone()));
    assert_eq!(put["Alarms"].as_array().map(Vec::len), Some(2));
    assert!(
        put["Alarms"][0]["AlarmName"]
            .as_str()
            .is_some_and(|name| name.starts_with("TargetTracking-service/c/s-AlarmHigh-"))
    );
    assert_eq!(aws.did("PutScalingPolicy", target(policy)), put);
    let all = aws.did(
        "DescribeScalingPolicies",
        json!({"ServiceNamespace": "ecs", "PolicyNames": ["p"]}),
    );
    assert_eq!(
        all["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"]["TargetValue"],
        75.0
    );
    aws.did(
        "PutScheduledAction",
        target(json!({"ScheduledActionName": "n", "Schedule": "rate(1 hour)"})),
    );
    aws.did("DeregisterScalableTarget", target(json!({})));
    for (operation, member) in [
        ("DescribeScalingPolicies", "ScalingPolicies"),
        ("DescribeScheduledActions", "ScheduledActions"),
    ] {
        assert_eq!(
            aws.did(operation, json!({"ServiceNamespace": "ecs"}))[member],
            json!([])
        );
    }
    refused(
        "DeleteScalingPolicy",
        target(json!({"PolicyName": "p"})),
        "ObjectNotFoundException",
    );
}

#[test]
fn tags_of_all_services() {
    let aws = with_service();
    let found = |input: Json| {
        let answer = aws.did("resourcegroupstaggingapi:GetResources", input);
        answer["ResourceTagMappingList"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(found(json!({})).len(), 2);
    assert_eq!(
        found(json!({"TagFilters": [{"Key": "env", "Values": ["a"]}]})).len(),
        1
    );
    assert_eq!(
        found(json!({"TagFilters": [{"Key": "env"}], "ResourceTypeFilters": ["ecs"]})).len(),
        1
    );
    assert_eq!(
        found(json!({"ResourceTypeFilters": ["ec2:subnet"]})).len(),
        0
    );
    let arn = found(json!({"ResourceTypeFilters": ["ecs:cluster"]}))[0]["ResourceARN"].clone();
    let told = aws.did("resourcegroupstaggingapi:TagResources",
        json!({"ResourceARNList": [arn, "arn:aws:ec2:eu-west-1:123456789012:vpc/none"], "Tags": {"x": "y"}}),
    );
    assert_eq!(
        told["FailedResourcesMap"]
            .as_object()
            .map(serde_json::Map::len),
        Some(1)
    );
    assert_eq!(
        found(json!({"ResourceARNList": [arn]}))[0]["Tags"],
        json!([{"Key": "env", "Value": "b"}, {"Key": "x", "Value": "y"}])
    );
    aws.did(
        "resourcegroupstaggingapi:UntagResources",
        json!({"ResourceARNList": [arn], "TagKeys": ["env"]}),
    );
    assert_eq!(
        aws.did("resourcegroupstaggingapi:GetTagKeys", json!({}))["TagKeys"],
        json!(["env", "x"])
    );
    assert_eq!(
        aws.did(
            "resourcegroupstaggingapi:GetTagValues",
            json!({"Key": "env"})
        )["TagValues"],
        json!(["a"])
    );
    let page = aws.did(
        "resourcegroupstaggingapi:GetResources",
        json!({"ResourcesPerPage": 1}),
    );
    let next = aws.did(
        "resourcegroupstaggingapi:GetResources",
        json!({"ResourcesPerPage": 1, "PaginationToken": page["PaginationToken"]}),
    );
    assert_eq!(next["PaginationToken"], "");
    let both = json!({"ResourceARNList": [arn], "TagFilters": [{"Key": "env"}]});
    assert_eq!(
        aws.ask("resourcegroupstaggingapi:GetResources", both)
            .expect_err("both")
            .code,
        "InvalidParameterException"
    );
}
