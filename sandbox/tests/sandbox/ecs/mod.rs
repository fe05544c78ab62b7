//! ECS as a client sees it: what comes back, what is refused, and how a service keeps its tasks running.

mod tasks;

use payctl_sandbox::Refusal;
use serde_json::{Value as Json, json};

use crate::support::{Client, pass};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

struct Aws {
    client: Client,
    subnet: String,
    group: String,
}

impl Aws {
    fn new() -> Aws {
        let mut aws = Aws {
            client: Client::of("ecs"),
            subnet: String::new(),
            group: String::new(),
        };
        let vpc = aws.of("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
        let vpc = vpc["Vpc"]["VpcId"].clone();
        let subnet = aws.of(
            "ec2",
            "CreateSubnet",
            json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"}),
        );
        aws.subnet = subnet["Subnet"]["SubnetId"].as_str().expect("id").into();
        let group = json!({"GroupName": "g", "Description": "d", "VpcId": vpc});
        let group = aws.of("ec2", "CreateSecurityGroup", group);
        aws.group = group["GroupId"].as_str().expect("id").into();
        aws
    }

    fn ask_of(&self, service: &str, operation: &str, input: Json) -> Result<Json, Refusal> {
        self.client.ask(&format!("{service}:{operation}"), input)
    }

    fn of(&self, service: &str, operation: &str, input: Json) -> Json {
        self.client.did(&format!("{service}:{operation}"), input)
    }

    fn did(&self, operation: &str, input: Json) -> Json {
        self.of("ecs", operation, input)
    }

    fn refused(&self, operation: &str, input: Json, code: &str, words: &str) {
        let refusal = self.client.refusal(operation, input.clone());
        assert_eq!(refusal.code, code, "{operation} {input}: {refusal}");
        assert!(refusal.message.contains(words), "{refusal}");
    }

    fn definition(&self, extra: Json) -> Json {
        let mut input = json!({"family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "web", "image": "nginx", "portMappings": [{"containerPort": 80}]}]});
        for (name, value) in extra.as_object().expect("an object") {
            input[name] = value.clone();
        }
        self.did("RegisterTaskDefinition", input)["taskDefinition"].clone()
    }

    fn network(&self) -> Json {
        json!({"awsvpcConfiguration": {"subnets": [self.subnet], "securityGroups": [self.group]}})
    }

    fn input(&self, count: u64) -> Json {
        json!({"cluster": "c", "serviceName": "s", "taskDefinition": "f", "desiredCount": count, "launchType": "FARGATE",
               "networkConfiguration": self.network(), "tags": [{"key": "a", "value": "b"}], "propagateTags": "SERVICE"})
    }

    fn service(&self) -> Json {
        self.did(
            "DescribeServices",
            json!({"cluster": "c", "services": ["s"], "include": ["TAGS"]}),
        )["services"][0]
            .clone()
    }

    fn with_service(count: u64) -> Aws {
        let aws = Aws::new();
        aws.did("CreateCluster", json!({"clusterName": "c"}));
        aws.definition(json!({}));
        aws.did("CreateService", aws.input(count));
        aws
    }
}

#[tokio::test(start_paused = true)]
async fn clusters_come_back_and_go() {
    let aws = Aws::new();
    let input = json!({"clusterName": "c", "settings": [{"name": "containerInsights", "value": "enabled"}], "tags": [{"key": "a", "value": "b"}],
                       "capacityProviders": ["FARGATE", "FARGATE_SPOT"], "configuration": {"executeCommandConfiguration": {"logging": "DEFAULT"}},
                       "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]});
    let made = aws.did("CreateCluster", input);
    assert_eq!(made["cluster"]["status"], "ACTIVE");
    let again = aws.did("CreateCluster", json!({"clusterName": "c"}));
    assert_eq!(
        again["cluster"]["clusterArn"],
        made["cluster"]["clusterArn"]
    );
    let plain = aws.did("DescribeClusters", json!({"clusters": ["c", "nope"]}));
    assert_eq!(plain["failures"][0]["reason"], "MISSING");
    assert_eq!(plain["clusters"][0]["settings"], json!([]));
    assert!(plain["clusters"][0].get("tags").is_none());
    let full = aws.did("DescribeClusters", json!({"clusters": [made["cluster"]["clusterArn"]], "include": ["TAGS", "SETTINGS", "CONFIGURATIONS"]}));
    let full = &full["clusters"][0];
    assert_eq!(full["tags"], json!([{"key": "a", "value": "b"}]));
    assert_eq!(full["settings"][0]["value"], "enabled");
    assert_eq!(
        full["configuration"]["executeCommandConfiguration"]["logging"],
        "DEFAULT"
    );
    assert_eq!(full["defaultCapacityProviderStrategy"][0]["base"], 0);
    aws.refused(
        "PutClusterCapacityProviders",
        json!({"cluster": "c", "capacityProviders": ["FARGATE"], "defaultCapacityProviderStrategy":
        [{"capacityProvider": "FARGATE_SPOT"}]}),
        "InvalidParameterException",
        "not associated",
    );
    assert_eq!(
        aws.did("DeleteCluster", json!({"cluster": "c"}))["cluster"]["status"],
        "INACTIVE"
    );
    assert_eq!(aws.did("ListClusters", json!({}))["clusterArns"], json!([]));
    let gone = aws.did("DescribeClusters", json!({"clusters": ["c"]}));
    assert_eq!(gone["clusters"][0]["status"], "INACTIVE");
    aws.refused(
        "DeleteCluster",
        json!({"cluster": "x"}),
        "ClusterNotFoundException",
        "not found",
    );
    assert_eq!(
        aws.did("CreateCluster", json!({"clusterName": "c"}))["cluster"]["status"],
        "ACTIVE"
    );
}

#[tokio::test(start_paused = true)]
async fn capacity_providers_come_to_clusters_and_leave_them() {
    let aws = Aws::new();
    let group = json!({"autoScalingGroupArn": "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:x:autoScalingGroupName/hosts"});
    let own = json!({"name": "hosts", "autoScalingGroupProvider": group, "tags": [{"key": "a", "value": "b"}]});
    let made = aws.did("CreateCapacityProvider", own.clone());
    let provider = &made["capacityProvider"]["autoScalingGroupProvider"];
    assert_eq!(provider["managedScaling"]["targetCapacity"], 100);
    assert_eq!(provider["managedDraining"], "ENABLED");
    aws.refused(
        "CreateCapacityProvider",
        own,
        "ClientException",
        "already exists",
    );
    let all = aws.did("DescribeCapacityProviders", json!({}));
    let names = all["capacityProviders"].as_array().into_iter().flatten();
    let names: Vec<&str> = names.filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["FARGATE", "FARGATE_SPOT", "hosts"]);
    let some = aws.did(
        "DescribeCapacityProviders",
        json!({"capacityProviders": ["hosts", "nope"], "include": ["TAGS"]}),
    );
    assert_eq!(some["capacityProviders"][0]["tags"][0]["key"], "a");
    assert_eq!(some["failures"][0]["reason"], "MISSING");

    aws.did("CreateCluster", json!({"clusterName": "c"}));
    let put = |providers: &[&str]| json!({"cluster": "c", "capacityProviders": providers, "defaultCapacityProviderStrategy": []});
    aws.refused(
        "PutClusterCapacityProviders",
        put(&["nope"]),
        "InvalidParameterException",
        "not in an ACTIVE state",
    );
    aws.did(
        "PutClusterCapacityProviders",
        put(&["FARGATE_SPOT", "hosts"]),
    );
    let status = || {
        let input = json!({"clusters": ["c"], "include": ["ATTACHMENTS"]});
        aws.did("DescribeClusters", input)["clusters"][0]["attachmentsStatus"].clone()
    };
    assert_eq!(status(), "UPDATE_IN_PROGRESS");
    for (operation, input) in [
        ("PutClusterCapacityProviders", put(&[])),
        ("DeleteCluster", json!({"cluster": "c"})),
    ] {
        aws.refused(operation, input, "UpdateInProgressException", "busy");
    }
    pass(20).await;
    assert_eq!(status(), "UPDATE_COMPLETE");
    aws.refused(
        "DeleteCapacityProvider",
        json!({"capacityProvider": "hosts"}),
        "ClientException",
        "associated with cluster: c",
    );

    aws.definition(json!({}));
    let mut service = aws.input(1);
    service["capacityProviderStrategy"] =
        json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
    service
        .as_object_mut()
        .map(|service| service.remove("launchType"));
    aws.did("CreateService", service);
    aws.refused(
        "PutClusterCapacityProviders",
        put(&["hosts"]),
        "ResourceInUseException",
        "in use",
    );
    aws.did("PutClusterCapacityProviders", put(&["FARGATE_SPOT"]));
    pass(20).await;
    let gone = aws.did(
        "DeleteCapacityProvider",
        json!({"capacityProvider": "hosts"}),
    );
    assert_eq!(gone["capacityProvider"]["status"], "INACTIVE");
    aws.refused(
        "UpdateCapacityProvider",
        json!({"name": "hosts", "autoScalingGroupProvider": {}}),
        "ClientException",
        "does not exist",
    );
}

#[tokio::test(start_paused = true)]
async fn task_definitions_come_back_with_defaults() {
    let aws = Aws::new();
    let one = aws.definition(
        json!({"tags": [{"key": "a", "value": "b"}], "cpu": ".25 vCPU", "memory": "1 GB"}),
    );
    assert_eq!(one["revision"], 1);
    assert_eq!(
        (&one["cpu"], &one["memory"]),
        (&json!("256"), &json!("1024"))
    );
    assert_eq!(one["compatibilities"], json!(["EC2", "FARGATE"]));
    let container = &one["containerDefinitions"][0];
    assert_eq!(
        container["portMappings"],
        json!([{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}])
    );
    assert_eq!(
        (
            &container["cpu"],
            &container["essential"],
            &container["environment"]
        ),
        (&json!(0), &json!(true), &json!([]))
    );
    assert!(
        one["requiresAttributes"]
            .as_array()
            .is_some_and(|list| list.contains(&json!({"name": "ecs.capability.task-eni"})))
    );
    assert_eq!(aws.definition(json!({}))["revision"], 2);
    let got = aws.did(
        "DescribeTaskDefinition",
        json!({"taskDefinition": "f:1", "include": ["TAGS"]}),
    );
    assert_eq!(got["tags"], json!([{"key": "a", "value": "b"}]));
    assert_eq!(
        aws.did("DescribeTaskDefinition", json!({"taskDefinition": "f"}))["taskDefinition"]["revision"],
        2
    );
    aws.did("DeregisterTaskDefinition", json!({"taskDefinition": "f:2"}));
    assert_eq!(
        aws.did("DescribeTaskDefinition", json!({"taskDefinition": "f"}))["taskDefinition"]["revision"],
        1
    );
    assert_eq!(
        aws.did("ListTaskDefinitions", json!({}))["taskDefinitionArns"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
    assert_eq!(
        aws.did(
            "DeleteTaskDefinitions",
            json!({"taskDefinitions": ["f:1", "f:2"]})
        )["taskDefinitions"][0]["status"],
        "DELETE_IN_PROGRESS"
    );
    assert_eq!(aws.definition(json!({}))["revision"], 3);
    let bad = |extra: Json, words: &str| {
        let mut input = json!({"family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "web", "image": "nginx", "logConfiguration": {"logDriver": "awslogs"}}],
            "executionRoleArn": "arn:aws:iam::123456789012:role/x"});
        for (name, value) in extra.as_object().expect("an object") {
            input[name] = value.clone();
        }
        aws.refused("RegisterTaskDefinition", input, "ClientException", words);
    };
    bad(
        json!({"memory": "4096"}),
        "No Fargate configuration exists for given values",
    );
    bad(json!({"networkMode": "bridge"}), "awsvpc");
    bad(json!({"executionRoleArn": ""}), "execution role");
    bad(json!({"containerDefinitions": []}), "empty");
}

#[tokio::test(start_paused = true)]
async fn a_service_runs_its_tasks_and_drains() {
    let aws = Aws::with_service(2);
    let service = aws.service();
    assert_eq!(service["status"], "ACTIVE");
    assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert_eq!(service["deploymentConfiguration"]["maximumPercent"], 200);
    assert_eq!(service["tags"], json!([{"key": "a", "value": "b"}]));
    assert_eq!(
        service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"],
        "DISABLED"
    );
    pass(3).await;
    assert_eq!(aws.service()["pendingCount"], 2);
    pass(30).await;
    let service = aws.service();
    assert_eq!(
        (
            &service["runningCount"],
            &service["deployments"][0]["rolloutState"]
        ),
        (&json!(2), &json!("COMPLETED"))
    );
    let tasks =
        aws.did("ListTasks", json!({"cluster": "c", "serviceName": "s"}))["taskArns"].clone();
    let shown = aws.did(
        "DescribeTasks",
        json!({"cluster": "c", "tasks": tasks, "include": ["TAGS"]}),
    );
    assert_eq!(shown["tasks"][0]["lastStatus"], "RUNNING");
    assert_eq!(
        shown["tasks"][0]["tags"],
        json!([{"key": "a", "value": "b"}])
    );
    assert!(
        aws.ask_of("ec2", "DeleteSecurityGroup", json!({"GroupId": aws.group}))
            .is_err()
    );
    // Law: a stopped task is replaced.
    aws.did("StopTask", json!({"cluster": "c", "task": tasks[0]}));
    pass(40).await;
    assert_eq!(aws.service()["runningCount"], 2);
    aws.refused(
        "CreateService",
        aws.input(2),
        "InvalidParameterException",
        "not idempotent",
    );
    aws.refused(
        "DeleteCluster",
        json!({"cluster": "c"}),
        "ClusterContainsServicesException",
        "",
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_is_deleted_in_order() {
    let aws = Aws::with_service(1);
    pass(30).await;
    aws.refused(
        "DeleteService",
        json!({"cluster": "c", "service": "s"}),
        "InvalidParameterException",
        "scaled above 0",
    );
    aws.did(
        "UpdateService",
        json!({"cluster": "c", "service": "s", "desiredCount": 0}),
    );
    assert_eq!(
        aws.did("DeleteService", json!({"cluster": "c", "service": "s"}))["service"]["status"],
        "DRAINING"
    );
    aws.refused(
        "CreateService",
        aws.input(1),
        "InvalidParameterException",
        "still Draining",
    );
    aws.refused(
        "UpdateService",
        json!({"cluster": "c", "service": "s", "desiredCount": 1}),
        "ServiceNotActiveException",
        "ACTIVE",
    );
    pass(30).await;
    assert_eq!(aws.service()["status"], "INACTIVE");
    aws.of("ec2", "DeleteSecurityGroup", json!({"GroupId": aws.group}));
    aws.did("DeleteCluster", json!({"cluster": "c"}));
}

#[tokio::test(start_paused = true)]
async fn a_new_definition_rolls_out_without_loss() {
    let aws = Aws::with_service(2);
    pass(30).await;
    aws.definition(json!({"memory": "1024"}));
    aws.did(
        "UpdateService",
        json!({"cluster": "c", "service": "s", "taskDefinition": "f:2"}),
    );
    assert_eq!(
        aws.service()["deployments"].as_array().map(Vec::len),
        Some(2)
    );
    for _ in 0..30 {
        pass(2).await;
        assert!(aws.service()["runningCount"].as_u64() >= Some(2));
    }
    let service = aws.service();
    assert_eq!(service["deployments"].as_array().map(Vec::len), Some(1));
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(
        service["taskDefinition"]
            .as_str()
            .is_some_and(|arn| arn.ends_with("f:2"))
    );
    aws.did(
        "UpdateService",
        json!({"cluster": "c", "service": "s", "desiredCount": 1}),
    );
    pass(30).await;
    assert_eq!(aws.service()["runningCount"], 1);
    assert_eq!(
        aws.service()["deployments"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_is_refused() {
    let aws = Aws::new();
    aws.refused(
        "CreateService",
        aws.input(1),
        "ClusterNotFoundException",
        "not found",
    );
    aws.did("CreateCluster", json!({"clusterName": "c"}));
    aws.refused(
        "CreateService",
        aws.input(1),
        "ClientException",
        "TaskDefinition not found",
    );
    aws.definition(json!({}));
    let with = |name: &str, value: Json| {
        let mut input = aws.input(1);
        input[name] = value;
        input
    };
    let network = |subnet: &str, group: &str| json!({"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}});
    let wrong = "InvalidParameterException";
    aws.refused(
        "CreateService",
        with("networkConfiguration", json!({})),
        wrong,
        "must be provided",
    );
    aws.refused(
        "CreateService",
        with("networkConfiguration", network("subnet-1", &aws.group)),
        wrong,
        "InvalidSubnetID.NotFound",
    );
    aws.refused(
        "CreateService",
        with("networkConfiguration", network(&aws.subnet, "sg-1")),
        wrong,
        "InvalidGroup.NotFound",
    );
    aws.refused(
        "CreateService",
        with(
            "loadBalancers",
            json!([{"containerName": "x", "containerPort": 80}]),
        ),
        wrong,
        "does not exist in the task definition",
    );
    aws.refused(
        "CreateService",
        with(
            "loadBalancers",
            json!([{"containerName": "web", "containerPort": 81}]),
        ),
        wrong,
        "container port",
    );
    aws.refused(
        "CreateService",
        with("healthCheckGracePeriodSeconds", json!(60)),
        wrong,
        "grace period",
    );
    let bridge =
        json!({"family": "b", "containerDefinitions": [{"name": "w", "image": "i", "memory": 64}]});
    aws.did("RegisterTaskDefinition", bridge);
    let mut input = with("taskDefinition", json!("b"));
    aws.refused("CreateService", input.clone(), wrong, "launch_type FARGATE");
    input["launchType"] = json!("EC2");
    aws.refused(
        "CreateService",
        input,
        wrong,
        "not valid for the given networkMode",
    );
    aws.did("DeregisterTaskDefinition", json!({"taskDefinition": "f:1"}));
    aws.refused(
        "CreateService",
        with("taskDefinition", json!("f:1")),
        "ClientException",
        "inactive",
    );
    aws.refused(
        "UpdateService",
        json!({"cluster": "c", "service": "none"}),
        "ServiceNotFoundException",
        "not found",
    );
    let missing = aws.did(
        "DescribeServices",
        json!({"cluster": "c", "services": ["none"]}),
    );
    assert_eq!(missing["failures"][0]["reason"], "MISSING");
    aws.definition(json!({"family": "g"}));
    let mut input = with("taskDefinition", json!("g"));
    input["deploymentController"] = json!({"type": "CODE_DEPLOY"});
    let made = aws.did("CreateService", input);
    assert_eq!(made["service"]["taskSets"][0]["status"], "PRIMARY");
    aws.refused(
        "UpdateService",
        json!({"cluster": "c", "service": "s", "taskDefinition": "g"}),
        wrong,
        "CODE_DEPLOY",
    );
}
