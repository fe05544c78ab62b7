//! What tasks need, and what becomes of those that lack it.

use serde_json::json;

use super::{Aws, TRUST};
use crate::support::pass;

#[tokio::test(start_paused = true)]
async fn tasks_wait_for_their_roles_and_fail_without() {
    let aws = Aws::new();
    aws.did("CreateCluster", json!({"clusterName": "c"}));
    aws.of(
        "iam",
        "CreateRole",
        json!({"RoleName": "r", "AssumeRolePolicyDocument": TRUST}),
    );
    aws.of("iam", "CreateRole", json!({"RoleName": "other", "AssumeRolePolicyDocument": TRUST.replace("ecs-tasks", "lambda")}));
    aws.definition(json!({"taskRoleArn": "arn:aws:iam::123456789012:role/r"}));
    aws.definition(json!({"taskRoleArn": "arn:aws:iam::123456789012:role/other"}));
    let once = json!({"cluster": "c", "taskDefinition": "f:1", "launchType": "FARGATE", "networkConfiguration": aws.network()});
    aws.refused(
        "RunTask",
        once.clone(),
        "ClientException",
        "unable to assume the role",
    );
    let mut input = aws.input(2);
    input["taskDefinition"] = json!("f:1");
    input["deploymentConfiguration"] =
        json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    aws.did("CreateService", input);
    pass(2).await;
    let service = aws.service();
    assert_eq!(service["deployments"][0]["failedTasks"], 1);
    assert!(
        service["events"][0]["message"]
            .as_str()
            .is_some_and(|text| text.contains("unable to assume the role"))
    );
    pass(60).await;
    assert_eq!(aws.service()["runningCount"], 2);
    let task = aws.did("RunTask", once)["tasks"][0].clone();
    pass(20).await;
    let shown = aws.did(
        "DescribeTasks",
        json!({"cluster": "c", "tasks": [task["taskArn"]]}),
    );
    assert_eq!(shown["tasks"][0]["lastStatus"], "RUNNING");
    // The circuit breaker goes back to what ran before.
    aws.did(
        "UpdateService",
        json!({"cluster": "c", "service": "s", "taskDefinition": "f:2"}),
    );
    pass(120).await;
    let service = aws.service();
    assert!(
        service["taskDefinition"]
            .as_str()
            .is_some_and(|arn| arn.ends_with("f:1")),
        "{service}"
    );
    assert_eq!(
        (
            &service["runningCount"],
            &service["deployments"][0]["rolloutState"]
        ),
        (&json!(2), &json!("COMPLETED"))
    );
}

#[tokio::test(start_paused = true)]
async fn tasks_stop_when_their_log_group_is_not_there() {
    let aws = Aws::new();
    aws.did("CreateCluster", json!({"clusterName": "c"}));
    aws.of(
        "iam",
        "CreateRole",
        json!({"RoleName": "r", "AssumeRolePolicyDocument": TRUST}),
    );
    pass(10).await;
    let log = json!({"logDriver": "awslogs", "options": {"awslogs-group": "/g", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "p"}});
    aws.definition(json!({"executionRoleArn": "arn:aws:iam::123456789012:role/r", "containerDefinitions": [
        {"name": "web", "image": "nginx", "logConfiguration": log, "environment": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}]}]}));
    aws.did("CreateService", aws.input(2));
    pass(30).await;
    let service = aws.service();
    assert_eq!(service["runningCount"], 0);
    assert!(service["deployments"][0]["failedTasks"].as_u64() >= Some(2));
    let stopped = aws.did(
        "ListTasks",
        json!({"cluster": "c", "desiredStatus": "STOPPED"}),
    )["taskArns"]
        .clone();
    let shown = aws.did(
        "DescribeTasks",
        json!({"cluster": "c", "tasks": [stopped[0]]}),
    );
    assert_eq!(shown["tasks"][0]["stopCode"], "TaskFailedToStart");
    assert!(
        shown["tasks"][0]["stoppedReason"]
            .as_str()
            .is_some_and(|text| text.contains("log group does not exist"))
    );
    aws.of("logs", "CreateLogGroup", json!({"logGroupName": "/g"}));
    pass(200).await;
    assert_eq!(aws.service()["runningCount"], 2);
    // What goes on failing is tried less and less often.
    aws.of("logs", "DeleteLogGroup", json!({"logGroupName": "/g"}));
    aws.did(
        "UpdateService",
        json!({"cluster": "c", "service": "s", "forceNewDeployment": true}),
    );
    pass(3600).await;
    let service = aws.service();
    assert!(
        service["deployments"][0]["failedTasks"].as_u64() < Some(40),
        "{service}"
    );
    assert_eq!(service["runningCount"], 2);
}

#[tokio::test(start_paused = true)]
async fn tasks_are_targets_of_their_load_balancer() {
    let aws = Aws::new();
    aws.did("CreateCluster", json!({"clusterName": "c"}));
    aws.definition(json!({}));
    let subnet =
        aws.of("ec2", "DescribeSubnets", json!({"SubnetIds": [aws.subnet]}))["Subnets"][0].clone();
    let vpc = subnet["VpcId"].clone();
    let zone = if subnet["AvailabilityZone"] == "eu-west-1a" {
        "eu-west-1b"
    } else {
        "eu-west-1a"
    };
    let other = aws.of(
        "ec2",
        "CreateSubnet",
        json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": zone}),
    );
    let group =
        json!({"Name": "t", "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip"});
    let group =
        aws.of("elbv2", "CreateTargetGroup", group)["TargetGroups"][0]["TargetGroupArn"].clone();
    let mut input = aws.input(2);
    input["loadBalancers"] =
        json!([{"targetGroupArn": group, "containerName": "web", "containerPort": 80}]);
    aws.refused(
        "CreateService",
        input.clone(),
        "InvalidParameterException",
        "does not have an associated load balancer",
    );
    let balancer = json!({"Name": "b", "Scheme": "internal", "Subnets": [aws.subnet, other["Subnet"]["SubnetId"]], "SecurityGroups": [aws.group]});
    let balancer =
        aws.of("elbv2", "CreateLoadBalancer", balancer)["LoadBalancers"][0]["LoadBalancerArn"]
            .clone();
    aws.of(
        "elbv2",
        "CreateListener",
        json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}]}),
    );
    aws.did("CreateService", input);
    pass(60).await;
    assert_eq!(aws.service()["runningCount"], 2);
    let targets = || {
        let health = aws.of(
            "elbv2",
            "DescribeTargetHealth",
            json!({"TargetGroupArn": group}),
        );
        health["TargetHealthDescriptions"]
            .as_array()
            .map_or(0, Vec::len)
    };
    assert_eq!(targets(), 2);
    aws.did(
        "DeleteService",
        json!({"cluster": "c", "service": "s", "force": true}),
    );
    pass(600).await;
    assert_eq!(targets(), 0);
}
