//! Deployments of services by ECS itself: two sides, the rule's weights, stages, and the way back.

use payctl_sandbox::Failure;
use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["ecs.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;

struct Shop {
    aws: Client,
    groups: [Json; 2],
    rule: Json,
    input: Json,
}

fn with(mut members: Json, more: Json) -> Json {
    for (name, value) in more.as_object().into_iter().flatten() {
        members[name] = value.clone();
    }
    members
}

impl Shop {
    async fn open(configuration: Json) -> Shop {
        let aws = Client::of("ecs");
        let vpc =
            aws.did("ec2:CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"].clone();
        let subnet = |block: &str, zone: &str| {
            let asked = json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": zone});
            aws.did("ec2:CreateSubnet", asked)["Subnet"]["SubnetId"].clone()
        };
        let subnets = [
            subnet("10.0.0.0/24", "eu-west-1a"),
            subnet("10.0.1.0/24", "eu-west-1b"),
        ];
        let balancer = json!({"Name": "shop", "Subnets": subnets, "Scheme": "internal"});
        let balancer =
            aws.did("elbv2:CreateLoadBalancer", balancer)["LoadBalancers"][0]["LoadBalancerArn"]
                .clone();
        let group = |name: &str| {
            let asked = json!({"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip", "HealthCheckIntervalSeconds": 10,
                               "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2});
            aws.did("elbv2:CreateTargetGroup", asked)["TargetGroups"][0]["TargetGroupArn"].clone()
        };
        let groups = [group("blue"), group("green")];
        let fixed =
            json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]);
        let listener = json!({"LoadBalancerArn": balancer, "Port": 80, "Protocol": "HTTP", "DefaultActions": fixed});
        let listener =
            aws.did("elbv2:CreateListener", listener)["Listeners"][0]["ListenerArn"].clone();
        let weighted = json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": groups[0], "Weight": 1}, {"TargetGroupArn": groups[1], "Weight": 0}]}}]);
        let rule = json!({"ListenerArn": listener, "Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/*"]}], "Actions": weighted});
        let rule = aws.did("elbv2:CreateRule", rule)["Rules"][0]["RuleArn"].clone();
        aws.did("CreateCluster", json!({"clusterName": "c"}));
        let role = aws.text(
            "iam:CreateRole",
            json!({"RoleName": "shifter", "AssumeRolePolicyDocument": TRUST}),
            "/Role/Arn",
        );
        pass(30).await;
        let code = json!({"ZipFile": "UEsDBBQAAAAAAAAAIQB+qJWeAwAAAAMAAAAIAAAAaW5kZXgucHl4PTFQSwECFAMUAAAAAAAAACEAfqiVngMAAAADAAAACAAAAAAAAAAAAAAAgAEAAAAAaW5kZXgucHlQSwUGAAAAAAEAAQA2AAAAKQAAAAAA"});
        aws.did("lambda:CreateFunction", json!({"FunctionName": "check", "Role": role, "Code": code, "Runtime": "python3.13", "Handler": "index.handler"}));
        let advanced = json!({"alternateTargetGroupArn": groups[1], "productionListenerRule": rule, "roleArn": role});
        let input = json!({
            "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2, "launchType": "FARGATE",
            "deploymentConfiguration": configuration, "networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets}},
            "loadBalancers": [{"containerName": "web", "containerPort": 80, "targetGroupArn": groups[0], "advancedConfiguration": advanced}],
        });
        let shop = Shop {
            aws,
            groups,
            rule,
            input,
        };
        shop.definition("shop:1");
        shop.aws.did("CreateService", shop.input.clone());
        pass(180).await;
        shop
    }

    fn definition(&self, image: &str) -> Json {
        self.aws.did(
            "RegisterTaskDefinition",
            json!({"family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
                   "containerDefinitions": [{"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}]}),
        )["taskDefinition"]["taskDefinitionArn"]
            .clone()
    }

    fn update(&self, definition: &Json) {
        self.aws.did(
            "UpdateService",
            json!({"cluster": "c", "service": "web", "taskDefinition": definition}),
        );
    }

    fn service(&self) -> Json {
        self.aws.did(
            "DescribeServices",
            json!({"cluster": "c", "services": ["web"]}),
        )["services"][0]
            .clone()
    }

    /// The newest service deployment.
    fn newest(&self) -> Json {
        let listed = self.aws.did(
            "ListServiceDeployments",
            json!({"cluster": "c", "service": "web"}),
        );
        let arn = listed["serviceDeployments"][0]["serviceDeploymentArn"].clone();
        let told = self.aws.did(
            "DescribeServiceDeployments",
            json!({"serviceDeploymentArns": [arn]}),
        );
        told["serviceDeployments"][0].clone()
    }

    fn weights(&self) -> Json {
        let rules = self
            .aws
            .did("elbv2:DescribeRules", json!({"RuleArns": [self.rule]}));
        let groups = &rules["Rules"][0]["Actions"][0]["ForwardConfig"]["TargetGroups"];
        let weight = |arn: &Json| {
            let mut groups = groups.as_array().into_iter().flatten();
            groups
                .find(|group| group["TargetGroupArn"] == *arn)
                .map(|group| group["Weight"].clone())
        };
        json!([weight(&self.groups[0]), weight(&self.groups[1])])
    }
}

#[tokio::test(start_paused = true)]
async fn each_deployment_goes_to_the_other_side() {
    let shop = Shop::open(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})).await;
    let first = shop.newest();
    assert_eq!(first["status"], "SUCCESSFUL", "{first:#}");
    assert_eq!(shop.weights(), json!([0, 100]));
    let one = shop.service();
    assert_eq!(one["deployments"][0]["rolloutState"], "COMPLETED");
    let two = shop.definition("shop:2");
    shop.update(&two);
    pass(30).await;
    let scaling = shop.newest();
    assert_eq!(
        (&scaling["status"], &scaling["lifecycleStage"]),
        (&json!("IN_PROGRESS"), &json!("SCALE_UP"))
    );
    assert_eq!(
        scaling["sourceServiceRevisions"][0]["arn"],
        first["targetServiceRevision"]["arn"]
    );
    assert_eq!(
        scaling["targetServiceRevision"]["requestedProductionTrafficWeight"],
        0.0
    );
    pass(90).await;
    let baking = shop.newest();
    assert_eq!(baking["lifecycleStage"], "BAKE_TIME", "{baking:#}");
    assert_eq!(
        baking["targetServiceRevision"]["requestedProductionTrafficWeight"],
        100.0
    );
    assert_eq!(shop.weights(), json!([100, 0]));
    assert_eq!(
        shop.service()["deployments"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(shop.service()["runningCount"], 4);
    pass(400).await;
    assert_eq!(shop.newest()["status"], "SUCCESSFUL");
    assert_eq!(
        shop.service()["deployments"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(shop.service()["runningCount"], 2);
    assert_eq!(shop.service()["taskDefinition"], two);
    let revision = shop.newest()["targetServiceRevision"]["arn"].clone();
    let told = shop.aws.did(
        "DescribeServiceRevisions",
        json!({"serviceRevisionArns": [revision, "arn:none"]}),
    );
    assert_eq!(told["serviceRevisions"][0]["taskDefinition"], two);
    assert_eq!(told["failures"][0]["reason"], "MISSING");
}

#[tokio::test(start_paused = true)]
async fn what_fails_goes_back() {
    let configuration = json!({"strategy": "LINEAR", "bakeTimeInMinutes": 5, "linearConfiguration": {"stepPercent": 25.0, "stepBakeTimeInMinutes": 2},
        "deploymentCircuitBreaker": {"enable": true, "rollback": true}, "alarms": {"enable": true, "rollback": true, "alarmNames": ["errors"]}});
    let shop = Shop::open(configuration).await;
    let one = shop.service()["taskDefinition"].clone();
    shop.aws.sandbox.call_bad("shop:bad", Some(Failure::Pull));
    shop.update(&shop.definition("shop:bad"));
    pass(600).await;
    let failed = shop.newest();
    assert_eq!(failed["status"], "ROLLBACK_SUCCESSFUL", "{failed:#}");
    assert_eq!(failed["deploymentCircuitBreaker"]["status"], "TRIGGERED");
    assert!(
        failed["rollback"]["reason"]
            .as_str()
            .is_some_and(|reason| reason.contains("circuit breaker"))
    );
    assert_eq!(shop.service()["taskDefinition"], one);
    assert_eq!(shop.weights(), json!([0, 100]));
    let two = shop.definition("shop:2");
    shop.update(&two);
    pass(150).await;
    let shifting = shop.newest();
    assert_eq!(
        shifting["lifecycleStage"], "PRODUCTION_TRAFFIC_SHIFT",
        "{shifting:#}"
    );
    let weight = shop.weights()[0].as_u64().unwrap_or_default();
    assert!((25..100).contains(&weight), "{weight}");
    let alarm = json!({"AlarmName": "errors", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
                       "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"});
    shop.aws.did("cloudwatch:PutMetricAlarm", alarm);
    shop.aws.did(
        "cloudwatch:SetAlarmState",
        json!({"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "test"}),
    );
    pass(60).await;
    let failed = shop.newest();
    assert_eq!(failed["status"], "ROLLBACK_SUCCESSFUL", "{failed:#}");
    assert_eq!(failed["alarms"]["triggeredAlarmNames"], json!(["errors"]));
    assert_eq!(shop.weights(), json!([0, 100]));
    shop.aws.did(
        "cloudwatch:SetAlarmState",
        json!({"AlarmName": "errors", "StateValue": "OK", "StateReason": "test"}),
    );
    // Its user stops one.
    shop.update(&two);
    pass(30).await;
    let arn = shop.newest()["serviceDeploymentArn"].clone();
    shop.aws.did(
        "StopServiceDeployment",
        json!({"serviceDeploymentArn": arn}),
    );
    pass(60).await;
    assert_eq!(shop.newest()["status"], "ROLLBACK_SUCCESSFUL");
    let mut book = LawBook::new(&shop.aws);
    book.breaks(
        "ecs: only a service deployment in progress is stopped",
        "StopServiceDeployment",
        json!({"serviceDeploymentArn": arn}),
    );
}

#[tokio::test(start_paused = true)]
async fn hooks_decide_and_a_canary_waits() {
    let hooks = json!([{"hookTargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:check", "lifecycleStages": ["POST_SCALE_UP"]}]);
    let configuration = json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 3}, "lifecycleHooks": hooks});
    let shop = Shop::open(configuration).await;
    shop.aws.sandbox.call_bad("check", Some(Failure::Health));
    let two = shop.definition("shop:2");
    shop.update(&two);
    pass(240).await;
    let failed = shop.newest();
    assert_eq!(failed["status"], "ROLLBACK_SUCCESSFUL", "{failed:#}");
    assert_eq!(failed["lifecycleHookDetails"][0]["status"], "FAILED");
    shop.aws.sandbox.call_bad("check", None);
    shop.update(&two);
    pass(90).await;
    assert_eq!(shop.weights(), json!([10, 90]));
    pass(300).await;
    assert_eq!(shop.newest()["status"], "SUCCESSFUL");
    assert_eq!(shop.weights(), json!([100, 0]));
}

#[tokio::test(start_paused = true)]
async fn rolling_deployments_are_told_too() {
    let breaker = json!({"enable": true, "rollback": true});
    let shop = Shop::open(json!({"deploymentCircuitBreaker": breaker})).await;
    assert_eq!(shop.newest()["status"], "SUCCESSFUL");
    let one = shop.service()["taskDefinition"].clone();
    shop.aws.sandbox.call_bad("shop:bad", Some(Failure::Health));
    shop.update(&shop.definition("shop:bad"));
    pass(30).await;
    assert_eq!(shop.newest()["status"], "IN_PROGRESS");
    pass(900).await;
    let failed = shop.newest();
    assert_eq!(failed["status"], "ROLLBACK_SUCCESSFUL", "{failed:#}");
    assert_eq!(shop.service()["taskDefinition"], one);
    assert_eq!(shop.service()["runningCount"], 2);
    let health = shop.aws.did(
        "elbv2:DescribeTargetHealth",
        json!({"TargetGroupArn": shop.groups[0]}),
    );
    assert_eq!(
        health["TargetHealthDescriptions"][0]["TargetHealth"]["State"],
        "healthy"
    );
    for (more, words) in [
        (
            json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}, "loadBalancers": [{"containerName": "web", "containerPort": 80, "targetGroupArn": shop.groups[0]}]}),
            "advancedConfiguration",
        ),
        (
            json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN", "linearConfiguration": {"stepPercent": 10.0}}}),
            "linearConfiguration",
        ),
        (
            json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}, "deploymentController": {"type": "CODE_DEPLOY"}}),
            "ECS deployment controller",
        ),
    ] {
        let refusal = shop.aws.refusal(
            "CreateService",
            with(
                with(shop.input.clone(), json!({"serviceName": "other"})),
                more,
            ),
        );
        assert_eq!(refusal.code, "InvalidParameterException");
        assert!(refusal.message.contains(words), "{refusal}");
    }
}
