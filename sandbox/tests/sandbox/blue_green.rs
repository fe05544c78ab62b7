//! Deployments of services by CodeDeploy, over the clock: traffic, task sets, failure and the way back.

use payctl_sandbox::Failure;
use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["codedeploy.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;

struct Shop {
    aws: Client,
    groups: [Json; 2],
    listener: Json,
    test: Json,
    rule: Json,
}

impl Shop {
    /// A service with two tasks behind a rule of the production listener, and its deployment group.
    async fn open(configuration: &str) -> Shop {
        let aws = Client::of("codedeploy");
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
        let balancer = aws.did(
            "elbv2:CreateLoadBalancer",
            json!({"Name": "shop", "Subnets": subnets, "Scheme": "internal"}),
        );
        let balancer = balancer["LoadBalancers"][0]["LoadBalancerArn"].clone();
        let group = |name: &str| {
            let asked = json!({"Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": vpc, "TargetType": "ip", "HealthCheckIntervalSeconds": 10,
                               "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 2});
            aws.did("elbv2:CreateTargetGroup", asked)["TargetGroups"][0]["TargetGroupArn"].clone()
        };
        let groups = [group("blue"), group("green")];
        let fixed =
            json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]);
        let listener = |port: u64, actions: &Json| {
            let asked = json!({"LoadBalancerArn": balancer, "Port": port, "Protocol": "HTTP", "DefaultActions": actions});
            aws.did("elbv2:CreateListener", asked)["Listeners"][0]["ListenerArn"].clone()
        };
        let forward = json!([{"Type": "forward", "TargetGroupArn": groups[0]}]);
        let (production, test) = (listener(80, &fixed), listener(8080, &forward));
        let rule = json!({"ListenerArn": production, "Priority": 1, "Conditions": [{"Field": "path-pattern", "Values": ["/shop/*"]}], "Actions": forward});
        let rule = aws.did("elbv2:CreateRule", rule)["Rules"][0]["RuleArn"].clone();
        aws.did("ecs:CreateCluster", json!({"clusterName": "c"}));
        let shop = Shop {
            aws,
            groups,
            listener: production,
            test,
            rule,
        };
        shop.definition("shop:1");
        shop.aws.did(
            "ecs:CreateService",
            json!({"cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2, "launchType": "FARGATE",
                   "deploymentController": {"type": "CODE_DEPLOY"}, "networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets}},
                   "loadBalancers": [{"containerName": "web", "containerPort": 80, "targetGroupArn": shop.groups[0]}]}),
        );
        let role = json!({"RoleName": "deployer", "AssumeRolePolicyDocument": TRUST});
        let role = shop.aws.text("iam:CreateRole", role, "/Role/Arn");
        pass(120).await;
        shop.aws.did(
            "CreateApplication",
            json!({"applicationName": "shop", "computePlatform": "ECS"}),
        );
        let pair = json!({"targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": {"listenerArns": [shop.listener]},
                          "testTrafficRoute": {"listenerArns": [shop.test]}});
        shop.aws.did(
            "CreateDeploymentGroup",
            json!({
                "applicationName": "shop", "deploymentGroupName": "web", "serviceRoleArn": role, "deploymentConfigName": configuration,
                "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
                "blueGreenDeploymentConfiguration": {
                    "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
                    "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
                },
                "autoRollbackConfiguration": {"enabled": true, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
                "alarmConfiguration": {"enabled": true, "alarms": [{"name": "errors"}]},
                "ecsServices": [{"clusterName": "c", "serviceName": "web"}],
                "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
            }),
        );
        shop
    }

    fn definition(&self, image: &str) -> Json {
        self.aws.did(
            "ecs:RegisterTaskDefinition",
            json!({"family": "web", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
                   "containerDefinitions": [{"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}]}),
        )["taskDefinition"]["taskDefinitionArn"]
            .clone()
    }

    fn spec(definition: &Json, hooks: Json) -> Json {
        let content = json!({"version": 0.0, "Hooks": hooks, "Resources": [{"TargetService": {"Type": "AWS::ECS::Service", "Properties": {
            "TaskDefinition": definition, "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80}}}}]});
        json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": content.to_string()}})
    }

    fn deploy(&self, definition: &Json, more: Json) -> String {
        let mut asked = json!({"applicationName": "shop", "deploymentGroupName": "web", "revision": Shop::spec(definition, json!([]))});
        for (name, value) in more.as_object().into_iter().flatten() {
            asked[name] = value.clone();
        }
        self.aws.text("CreateDeployment", asked, "/deploymentId")
    }

    fn told(&self, id: &str) -> Json {
        self.aws.did("GetDeployment", json!({"deploymentId": id}))["deploymentInfo"].clone()
    }

    fn target(&self, id: &str) -> Json {
        let asked = json!({"deploymentId": id, "targetId": "c:web"});
        self.aws.did("GetDeploymentTarget", asked)["deploymentTarget"]["ecsTarget"].clone()
    }

    fn service(&self) -> Json {
        self.aws.did(
            "ecs:DescribeServices",
            json!({"cluster": "c", "services": ["web"]}),
        )["services"][0]
            .clone()
    }

    /// The weights of both groups in the production rule.
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
async fn traffic_shifts_step_by_step_and_the_original_goes() {
    let shop = Shop::open("CodeDeployDefault.ECSLinear10PercentEvery1Minutes").await;
    let before = shop.service();
    assert_eq!(before["deployments"], json!([]));
    assert_eq!(before["taskSets"][0]["status"], "PRIMARY");
    assert_eq!(before["taskSets"][0]["stabilityStatus"], "STEADY_STATE");
    assert_eq!(shop.weights(), json!([1, null]));
    let two = shop.definition("shop:2");
    let id = shop.deploy(&two, json!({"description": "two"}));
    assert_eq!(shop.told(&id)["status"], "Created");
    pass(20).await;
    assert_eq!(shop.told(&id)["status"], "InProgress");
    assert_eq!(shop.weights(), json!([100, 0]));
    let events = |id: &str| -> Vec<(String, String)> {
        let target = shop.target(id);
        let events = target["lifecycleEvents"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |event: &Json, name: &str| event[name].as_str().unwrap_or_default().to_owned();
        events
            .iter()
            .map(|event| (text(event, "lifecycleEventName"), text(event, "status")))
            .collect()
    };
    assert_eq!(events(&id)[1], ("Install".into(), "InProgress".into()));
    assert_eq!(events(&id)[6], ("AllowTraffic".into(), "Pending".into()));
    pass(90).await;
    let target = shop.target(&id);
    assert_eq!(target["taskSetsInfo"][1]["taskSetLabel"], "Green");
    assert_eq!(target["taskSetsInfo"][1]["targetGroup"]["name"], "green");
    let weight = target["taskSetsInfo"][1]["trafficWeight"]
        .as_f64()
        .unwrap_or_default();
    assert!(weight > 0.0 && weight < 100.0, "{target:#}");
    assert_eq!(shop.weights()[1].as_f64(), Some(weight));
    let test = shop.aws.did(
        "elbv2:DescribeListeners",
        json!({"ListenerArns": [shop.test]}),
    );
    assert_eq!(
        test["Listeners"][0]["DefaultActions"][0]["ForwardConfig"]["TargetGroups"][1]["Weight"],
        100
    );
    pass(600).await;
    // The replacement is the primary one now; the original waits.
    let between = shop.service();
    assert_eq!(between["taskDefinition"], two);
    assert_eq!(
        between["loadBalancers"][0]["targetGroupArn"],
        shop.groups[1]
    );
    assert_eq!(between["taskSets"].as_array().map(Vec::len), Some(2));
    assert_eq!(between["taskSets"][0]["startedBy"], "CODE_DEPLOY");
    assert_eq!(between["taskSets"][0]["externalId"], json!(id));
    assert_eq!(shop.told(&id)["instanceTerminationWaitTimeStarted"], true);
    pass(400).await;
    let done = shop.told(&id);
    assert_eq!(done["status"], "Succeeded", "{done:#}");
    assert!(events(&id).iter().all(|(_, status)| status == "Succeeded"));
    assert_eq!(shop.weights(), json!([0, 100]));
    let after = shop.service();
    assert_eq!(after["taskSets"].as_array().map(Vec::len), Some(1));
    assert_eq!(after["runningCount"], 2);
    // The next one goes the other way.
    let three = shop.definition("shop:3");
    let next = shop.deploy(
        &three,
        json!({"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"}),
    );
    pass(120).await;
    assert_eq!(shop.weights(), json!([100, 0]));
    let asked = json!({"deploymentId": next, "deploymentWaitType": "TERMINATION_WAIT"});
    shop.aws.did("ContinueDeployment", asked);
    pass(60).await;
    assert_eq!(shop.told(&next)["status"], "Succeeded");
    let group = json!({"applicationName": "shop", "deploymentGroupName": "web"});
    let listed = shop.aws.did("ListDeployments", group);
    assert_eq!(listed["deployments"], json!([next, id]));
}

/// Tasks that never get healthy, an image that is not there, an alarm, its user: each time what was there before serves again.
#[tokio::test(start_paused = true)]
async fn what_fails_is_rolled_back() {
    let shop = Shop::open("CodeDeployDefault.ECSCanary10Percent5Minutes").await;
    let one = shop.service()["taskDefinition"].clone();
    let alarm = json!({"AlarmName": "errors", "Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
                       "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"});
    shop.aws.did("cloudwatch:PutMetricAlarm", alarm);
    for (failure, words) in [
        (Failure::Health, "ELB health checks"),
        (Failure::Pull, "CannotPullContainerError"),
    ] {
        shop.aws.sandbox.call_bad("shop:bad", Some(failure));
        let bad = shop.definition("shop:bad");
        let id = shop.deploy(&bad, json!({}));
        pass(120).await;
        let stopped = shop.aws.did(
            "ecs:ListTasks",
            json!({"cluster": "c", "desiredStatus": "STOPPED"}),
        );
        let tasks = shop.aws.did(
            "ecs:DescribeTasks",
            json!({"cluster": "c", "tasks": stopped["taskArns"]}),
        );
        let reasons: Vec<&str> = tasks["tasks"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|task| task["stoppedReason"].as_str())
            .collect();
        assert!(
            reasons.iter().any(|reason| reason.contains(words)),
            "{failure}: {reasons:?}"
        );
        pass(3_700).await;
        let failed = shop.told(&id);
        assert_eq!(failed["status"], "Failed");
        assert!(
            failed["errorInformation"]["message"]
                .as_str()
                .is_some_and(|words| words.contains("60 minutes"))
        );
        let back = failed["rollbackInfo"]["rollbackDeploymentId"]
            .as_str()
            .expect("a rollback")
            .to_owned();
        pass(120).await;
        let back = shop.told(&back);
        assert_eq!(
            (&back["status"], &back["creator"]),
            (&json!("Succeeded"), &json!("codeDeployRollback"))
        );
        assert_eq!(
            back["rollbackInfo"]["rollbackTriggeringDeploymentId"],
            json!(id)
        );
        assert_eq!(shop.service()["taskDefinition"], one);
        assert_eq!(shop.service()["taskSets"].as_array().map(Vec::len), Some(1));
        assert_eq!(shop.weights(), json!([100, 0]));
        assert!(shop.aws.sandbox.call_bad("shop:bad", None));
    }
    let two = shop.definition("shop:2");
    let id = shop.deploy(&two, json!({}));
    pass(120).await;
    assert_eq!(shop.weights(), json!([90, 10]));
    shop.aws.did(
        "cloudwatch:SetAlarmState",
        json!({"AlarmName": "errors", "StateValue": "ALARM", "StateReason": "test"}),
    );
    pass(60).await;
    let stopped = shop.told(&id);
    assert_eq!(
        (&stopped["status"], &stopped["errorInformation"]["code"]),
        (&json!("Stopped"), &json!("ALARM_ACTIVE"))
    );
    pass(60).await;
    assert_eq!(shop.weights(), json!([100, 0]));
    shop.aws.did(
        "cloudwatch:SetAlarmState",
        json!({"AlarmName": "errors", "StateValue": "OK", "StateReason": "test"}),
    );
    let id = shop.deploy(&two, json!({}));
    pass(30).await;
    shop.aws.did(
        "StopDeployment",
        json!({"deploymentId": id, "autoRollbackEnabled": true}),
    );
    assert_eq!(shop.told(&id)["errorInformation"]["code"], "MANUAL_STOP");
    pass(120).await;
    assert_eq!(shop.service()["taskDefinition"], one);
    // A hook that fails.
    shop.aws.sandbox.call_bad("check", Some(Failure::Health));
    let revision = Shop::spec(&two, json!([{"BeforeAllowTraffic": "check"}]));
    let id = shop.deploy(&two, json!({"revision": revision}));
    pass(120).await;
    let failed = shop.told(&id);
    assert_eq!(
        failed["errorInformation"]["code"], "HOOK_EXECUTION_FAILURE",
        "{failed:#}"
    );
    let events = shop.target(&id)["lifecycleEvents"].clone();
    assert_eq!(
        (&events[5]["status"], &events[6]["status"]),
        (&json!("Failed"), &json!("Skipped"))
    );
}

#[tokio::test(start_paused = true)]
async fn traffic_waits_to_be_told_where_the_group_says_so() {
    let shop = Shop::open("CodeDeployDefault.ECSAllAtOnce").await;
    let ready = json!({"terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 0},
                       "deploymentReadyOption": {"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 10}});
    shop.aws.did("UpdateDeploymentGroup", json!({"applicationName": "shop", "currentDeploymentGroupName": "web", "blueGreenDeploymentConfiguration": ready}));
    let two = shop.definition("shop:2");
    let mut book = LawBook::new(&shop.aws);
    let id = shop.deploy(&two, json!({}));
    book.breaks(
        "codedeploy: a deployment has targets once it has begun",
        "ListDeploymentTargets",
        json!({"deploymentId": id}),
    );
    book.breaks(
        "codedeploy: only a deployment that waits is continued",
        "ContinueDeployment",
        json!({"deploymentId": id}),
    );
    let wrong = json!({"applicationName": "shop", "deploymentGroupName": "web", "revision": {"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}});
    pass(120).await;
    assert_eq!(shop.told(&id)["status"], "Ready");
    assert_eq!(shop.weights(), json!([100, 0]));
    shop.aws.did(
        "ContinueDeployment",
        json!({"deploymentId": id, "deploymentWaitType": "READY_WAIT"}),
    );
    pass(60).await;
    assert_eq!(shop.told(&id)["status"], "Succeeded");
    book.breaks(
        "codedeploy: the revision of a service's deployment is an AppSpec that can be understood",
        "CreateDeployment",
        wrong,
    );
    let listed = shop
        .aws
        .did("ListDeploymentTargets", json!({"deploymentId": id}));
    assert_eq!(listed["targetIds"], json!(["c:web"]));
    // Nobody tells the next one.
    let three = shop.definition("shop:3");
    let id = shop.deploy(&three, json!({}));
    pass(900).await;
    assert_eq!(shop.told(&id)["status"], "Stopped");
}

/// Task sets of services that somebody else deploys, and what ECS refuses.
#[tokio::test(start_paused = true)]
async fn task_sets_are_made_scaled_and_deleted() {
    let shop = Shop::open("CodeDeployDefault.ECSAllAtOnce").await;
    let ecs = |operation: &str, input: Json| shop.aws.did(&format!("ecs:{operation}"), input);
    let two = shop.definition("shop:2");
    let primary = shop.service()["taskSets"][0]["id"].clone();
    let of = |more: Json| {
        let mut asked = json!({"cluster": "c", "service": "web"});
        for (name, value) in more.as_object().into_iter().flatten() {
            asked[name] = value.clone();
        }
        asked
    };
    let balanced =
        json!([{"containerName": "web", "containerPort": 80, "targetGroupArn": shop.groups[1]}]);
    // A target group that no listener has.
    let refusal = shop.aws.refusal(
        "ecs:CreateTaskSet",
        of(json!({"taskDefinition": two, "loadBalancers": balanced})),
    );
    assert!(
        refusal
            .message
            .contains("does not have an associated load balancer"),
        "{refusal}"
    );
    let set = ecs(
        "CreateTaskSet",
        of(
            json!({"taskDefinition": two, "loadBalancers": [], "scale": {"value": 50.0, "unit": "PERCENT"}, "externalId": "x"}),
        ),
    );
    let id = set["taskSet"]["id"].clone();
    assert_eq!(set["taskSet"]["computedDesiredCount"], 1);
    pass(60).await;
    let sets = ecs("DescribeTaskSets", of(json!({"taskSets": [id]})));
    assert_eq!(
        (
            &sets["taskSets"][0]["runningCount"],
            &sets["taskSets"][0]["stabilityStatus"]
        ),
        (&json!(1), &json!("STEADY_STATE"))
    );
    let mut book = LawBook::new(&shop.aws);
    book.breaks(
        "ecs: a task set is deleted when it is scaled to zero, or by force",
        "ecs:DeleteTaskSet",
        of(json!({"taskSet": id})),
    );
    book.breaks(
        "ecs: the primary task set is not deleted",
        "ecs:DeleteTaskSet",
        of(json!({"taskSet": primary})),
    );
    shop.aws.did("ecs:CreateService", json!({"cluster": "c", "serviceName": "rolling", "taskDefinition": "web", "desiredCount": 0, "launchType": "FARGATE",
        "networkConfiguration": shop.service()["networkConfiguration"]}));
    book.breaks(
        "ecs: only services that CodeDeploy or others deploy have task sets",
        "ecs:DescribeTaskSets",
        json!({"cluster": "c", "service": "rolling"}),
    );
    ecs(
        "UpdateTaskSet",
        of(json!({"taskSet": id, "scale": {"value": 0.0, "unit": "PERCENT"}})),
    );
    ecs("DeleteTaskSet", of(json!({"taskSet": id})));
    pass(60).await;
    assert_eq!(shop.service()["taskSets"].as_array().map(Vec::len), Some(1));
    for (sent, words) in [
        (json!({"taskDefinition": two}), "task definition"),
        (
            json!({"networkConfiguration": shop.service()["networkConfiguration"]}),
            "network parameters",
        ),
        (json!({"loadBalancers": []}), "load balancers"),
        (json!({"platformVersion": "LATEST"}), "platform version"),
    ] {
        let refusal = shop.aws.refusal("ecs:UpdateService", of(sent));
        assert!(
            refusal.message.contains(words) && refusal.message.contains("Use AWS CodeDeploy"),
            "{refusal}"
        );
    }
    ecs(
        "UpdateService",
        of(
            json!({"desiredCount": 3, "healthCheckGracePeriodSeconds": 30, "enableExecuteCommand": true}),
        ),
    );
    pass(120).await;
    assert_eq!(shop.service()["runningCount"], 3);
    ecs("DeleteService", of(json!({"force": true})));
    pass(60).await;
    assert_eq!(shop.service()["status"], "INACTIVE");
}
