//! CodeDeploy as a client sees it.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["codedeploy.amazonaws.com","ecs-tasks.amazonaws.com"]},"Action":"sts:AssumeRole"}]}"#;

fn with(mut members: Json, more: Json) -> Json {
    for (name, value) in more.as_object().into_iter().flatten() {
        members[name] = value.clone();
    }
    members
}

/// A role that CodeDeploy may assume, once it has spread.
async fn role(aws: &Client) -> String {
    let role = json!({"RoleName": "deployer", "AssumeRolePolicyDocument": TRUST});
    let arn = aws.text("iam:CreateRole", role, "/Role/Arn");
    pass(30).await;
    arn
}

fn hosts(role: &str, more: Json) -> Json {
    let group =
        json!({"applicationName": "hosts", "deploymentGroupName": "all", "serviceRoleArn": role});
    with(group, more)
}

fn service(role: &str, more: Json) -> Json {
    let listener = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/lb/1/2";
    let pair = json!({"targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": {"listenerArns": [listener]}});
    let group = json!({
        "applicationName": "services", "deploymentGroupName": "web", "serviceRoleArn": role,
        "deploymentStyle": {"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
        "blueGreenDeploymentConfiguration": {
            "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 5},
            "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
        },
        "ecsServices": [{"clusterName": "c", "serviceName": "web"}],
        "loadBalancerInfo": {"targetGroupPairInfoList": [pair]},
    });
    with(group, more)
}

fn ecs_service(aws: &Client, name: &str, controller: &str) {
    aws.did(
        "ecs:CreateService",
        json!({"cluster": "c", "serviceName": name, "taskDefinition": "f", "desiredCount": 0, "launchType": "FARGATE",
               "deploymentController": {"type": controller},
               "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet(aws)]}}}),
    );
}

fn subnet(aws: &Client) -> Json {
    let found = aws.did("ec2:DescribeSubnets", json!({}));
    found["Subnets"][0]["SubnetId"].clone()
}

/// A cluster with services under both controllers.
fn cluster(aws: &Client) {
    let vpc = aws.did("ec2:CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    aws.did(
        "ec2:CreateSubnet",
        json!({"VpcId": vpc["Vpc"]["VpcId"], "CidrBlock": "10.0.0.0/24"}),
    );
    aws.did("ecs:CreateCluster", json!({"clusterName": "c"}));
    aws.did(
        "ecs:RegisterTaskDefinition",
        json!({"family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
               "containerDefinitions": [{"name": "web", "image": "nginx"}]}),
    );
    ecs_service(aws, "web", "CODE_DEPLOY");
    ecs_service(aws, "rolling", "ECS");
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Client::of("codedeploy");
    let role = role(&aws).await;
    cluster(&aws);
    for (name, platform) in [
        ("hosts", "Server"),
        ("services", "ECS"),
        ("functions", "Lambda"),
    ] {
        aws.did(
            "CreateApplication",
            json!({"applicationName": name, "computePlatform": platform}),
        );
    }
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    breaks(
        "codedeploy/application: applicationName is unique",
        "CreateApplication",
        json!({"applicationName": "hosts"}),
    );
    let many: Vec<String> = (0..101).map(|number| format!("a{number}")).collect();
    breaks(
        "codedeploy: a batch names no more than its limit",
        "BatchGetApplications",
        json!({"applicationNames": many}),
    );
    let named = |name: &str, more: Json| with(json!({"deploymentConfigName": name}), more);
    let healthy = json!({"minimumHealthyHosts": {"type": "HOST_COUNT", "value": 1}});
    breaks(
        "codedeploy: the names of predefined deployment configurations are AWS's",
        "CreateDeploymentConfig",
        named("CodeDeployDefault.Mine", healthy.clone()),
    );
    breaks(
        "codedeploy: predefined deployment configurations cannot be deleted",
        "DeleteDeploymentConfig",
        named("CodeDeployDefault.OneAtATime", json!({})),
    );
    for hosts in [
        json!({}),
        json!({"minimumHealthyHosts": {"type": "FLEET_PERCENT", "value": 100}}),
    ] {
        breaks(
            "codedeploy: hosts are deployed to with a minimum of healthy ones",
            "CreateDeploymentConfig",
            named("own", hosts),
        );
    }
    for routing in [
        json!({}),
        json!({"trafficRoutingConfig": {"type": "TimeBasedCanary"}}),
        json!({"trafficRoutingConfig": {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 100, "linearInterval": 1}}}),
        json!({"trafficRoutingConfig": {"type": "AllAtOnce", "timeBasedCanary": {"canaryPercentage": 10, "canaryInterval": 1}}}),
    ] {
        breaks(
            "codedeploy: traffic shifts by the configuration of its type",
            "CreateDeploymentConfig",
            named("own", with(json!({"computePlatform": "ECS"}), routing)),
        );
    }
    let zonal = json!({"computePlatform": "Lambda", "trafficRoutingConfig": {"type": "AllAtOnce"}, "zonalConfig": {"monitorDurationInSeconds": 9}});
    breaks(
        "codedeploy: only deployments to hosts go zone by zone",
        "CreateDeploymentConfig",
        named("own", zonal),
    );
    aws.did("CreateDeploymentConfig", named("own", healthy.clone()));
    breaks(
        "codedeploy/configuration: deploymentConfigName is unique",
        "CreateDeploymentConfig",
        named("own", healthy),
    );
    breaks(
        "codedeploy/group: applicationName must exist",
        "CreateDeploymentGroup",
        hosts(&role, json!({"applicationName": "none"})),
    );
    breaks(
        "codedeploy/group: deploymentConfigName must exist",
        "CreateDeploymentGroup",
        hosts(&role, json!({"deploymentConfigName": "none"})),
    );
    breaks(
        "codedeploy: the service role of a deployment group lets CodeDeploy assume it",
        "CreateDeploymentGroup",
        hosts("arn:aws:iam::123456789012:role/nobody", json!({})),
    );
    breaks(
        "codedeploy: the configuration of a deployment group is of its application's platform",
        "CreateDeploymentGroup",
        hosts(
            &role,
            json!({"deploymentConfigName": "CodeDeployDefault.ECSAllAtOnce"}),
        ),
    );
    let in_place =
        json!({"deploymentType": "IN_PLACE", "deploymentOption": "WITH_TRAFFIC_CONTROL"});
    breaks(
        "codedeploy: services and functions are deployed blue/green with traffic control",
        "CreateDeploymentGroup",
        service(&role, json!({"deploymentStyle": in_place})),
    );
    for group in [
        hosts(&role, json!({"deploymentStyle": in_place})),
        service(
            &role,
            json!({"loadBalancerInfo": {"targetGroupInfoList": [{"name": "blue"}]}}),
        ),
    ] {
        breaks(
            "codedeploy: traffic control needs a load balancer",
            "CreateDeploymentGroup",
            group,
        );
    }
    let pair = |groups: Json, listeners: Json| {
        let pair = json!({"targetGroups": groups, "prodTrafficRoute": {"listenerArns": listeners}});
        json!({"loadBalancerInfo": {"targetGroupPairInfoList": [pair]}})
    };
    for (groups, listeners) in [
        (json!([{"name": "blue"}]), json!(["l"])),
        (json!([{"name": "blue"}, {"name": "blue"}]), json!(["l"])),
        (json!([{"name": "blue"}, {"name": "green"}]), json!([])),
    ] {
        breaks(
            "codedeploy: a service shifts between two target groups of one production listener",
            "CreateDeploymentGroup",
            service(&role, pair(groups, listeners)),
        );
    }
    for services in [
        json!([]),
        json!([{"clusterName": "c", "serviceName": "none"}]),
        json!([{"clusterName": "c", "serviceName": "rolling"}]),
    ] {
        breaks(
            "codedeploy: a deployment group is for one service that is there and has the CODE_DEPLOY controller",
            "CreateDeploymentGroup",
            service(&role, json!({"ecsServices": services})),
        );
    }
    for blue in [
        json!({"deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT"}}),
        json!({"terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 2881}}),
    ] {
        breaks(
            "codedeploy: a blue/green group of a service says what becomes of the original task set",
            "CreateDeploymentGroup",
            service(&role, json!({"blueGreenDeploymentConfiguration": blue})),
        );
    }
    for alarms in [json!([]), json!([{"name": "a"}, {"name": "a"}])] {
        breaks(
            "codedeploy: an alarm configuration that is enabled names alarms, each once",
            "CreateDeploymentGroup",
            hosts(
                &role,
                json!({"alarmConfiguration": {"enabled": true, "alarms": alarms}}),
            ),
        );
    }
    breaks(
        "codedeploy: automatic rollback that is enabled names its events",
        "CreateDeploymentGroup",
        hosts(
            &role,
            json!({"autoRollbackConfiguration": {"enabled": true}}),
        ),
    );
    let filter = json!({"Key": "tier", "Value": "web", "Type": "KEY_AND_VALUE"});
    breaks(
        "codedeploy: instances are chosen by filters or by sets of filters",
        "CreateDeploymentGroup",
        hosts(
            &role,
            json!({"ec2TagFilters": [filter], "ec2TagSet": {"ec2TagSetList": [[filter]]}}),
        ),
    );
    breaks(
        "codedeploy: on-premises instances are chosen by filters or by sets of filters",
        "CreateDeploymentGroup",
        hosts(
            &role,
            json!({"onPremisesInstanceTagFilters": [filter], "onPremisesTagSet": {"onPremisesTagSetList": [[filter]]}}),
        ),
    );
    aws.did("CreateDeploymentGroup", service(&role, json!({})));
    breaks(
        "codedeploy: a service is in one deployment group",
        "CreateDeploymentGroup",
        service(&role, json!({"deploymentGroupName": "other"})),
    );
    aws.did(
        "CreateDeploymentGroup",
        hosts(
            &role,
            json!({"deploymentConfigName": "own", "ec2TagFilters": [filter]}),
        ),
    );
    breaks(
        "codedeploy/group: applicationName, deploymentGroupName is unique",
        "CreateDeploymentGroup",
        hosts(&role, json!({})),
    );
    breaks(
        "codedeploy/configuration: not deleted while a codedeploy/group has it as deploymentConfigName",
        "DeleteDeploymentConfig",
        named("own", json!({})),
    );
    let deploy = |more: Json| {
        let deployment = json!({"applicationName": "hosts", "deploymentGroupName": "all"});
        with(deployment, more)
    };
    breaks(
        "codedeploy: a deployment has a revision, or its group has one",
        "CreateDeployment",
        deploy(json!({})),
    );
    let revision = json!({"revisionType": "S3", "s3Location": {"bucket": "b", "key": "k", "bundleType": "zip"}});
    breaks(
        "codedeploy/deployment: applicationName must exist",
        "CreateDeployment",
        deploy(json!({"applicationName": "none", "revision": revision})),
    );
    breaks(
        "codedeploy/deployment: deploymentConfigName must exist",
        "CreateDeployment",
        deploy(json!({"deploymentConfigName": "none", "revision": revision})),
    );
    let id = aws.text(
        "CreateDeployment",
        deploy(json!({"revision": revision})),
        "/deploymentId",
    );
    breaks(
        "codedeploy: a group has one deployment at a time",
        "CreateDeployment",
        deploy(json!({"revision": revision})),
    );
    pass(10).await;
    breaks(
        "codedeploy: a deployment that is over is neither stopped nor continued",
        "StopDeployment",
        json!({"deploymentId": id}),
    );
    // Broken where services are deployed: blue_green.rs.
    let elsewhere = [
        "codedeploy: the revision of a service's",
        "codedeploy: only a deployment that waits",
        "codedeploy: a deployment has targets",
    ];
    book.is_complete(&["codedeploy"], &elsewhere);
}

#[tokio::test(start_paused = true)]
async fn groups_are_told_as_they_were_made_and_changed() {
    let aws = Client::of("codedeploy");
    let role = role(&aws).await;
    aws.did(
        "CreateApplication",
        json!({"applicationName": "hosts", "tags": [{"Key": "a", "Value": "1"}]}),
    );
    aws.did("CreateDeploymentGroup", hosts(&role, json!({})));
    let name = json!({"applicationName": "hosts", "deploymentGroupName": "all"});
    let group = || aws.did("GetDeploymentGroup", name.clone())["deploymentGroupInfo"].clone();
    let told = group();
    assert_eq!(told["deploymentConfigName"], "CodeDeployDefault.OneAtATime");
    assert_eq!(told["outdatedInstancesStrategy"], "UPDATE");
    assert_eq!(told["computePlatform"], "Server");
    assert_eq!(told["deploymentStyle"]["deploymentType"], "IN_PLACE");
    let update = |more: Json| {
        let named = json!({"applicationName": "hosts", "currentDeploymentGroupName": "all"});
        aws.did("UpdateDeploymentGroup", with(named, more))
    };
    let filter = json!({"Key": "tier", "Type": "KEY_ONLY"});
    update(
        json!({"ec2TagSet": {"ec2TagSetList": [[filter]]}, "alarmConfiguration": {"enabled": true, "alarms": [{"name": "a"}]}}),
    );
    assert_eq!(
        group()["alarmConfiguration"]["ignorePollAlarmFailure"],
        false
    );
    assert_eq!(group()["ec2TagSet"]["ec2TagSetList"][0][0], filter);
    update(json!({"ec2TagSet": {"ec2TagSetList": []}}));
    assert_eq!(group()["ec2TagSet"], Json::Null);
    update(json!({"newDeploymentGroupName": "some"}));
    let listed = aws.did("ListDeploymentGroups", json!({"applicationName": "hosts"}));
    assert_eq!(listed["deploymentGroups"], json!(["some"]));
    aws.did(
        "UpdateApplication",
        json!({"applicationName": "hosts", "newApplicationName": "machines"}),
    );
    let arn = "arn:aws:codedeploy:eu-west-1:123456789012:application:machines";
    let tags = aws.did("ListTagsForResource", json!({"ResourceArn": arn}));
    assert_eq!(tags["Tags"], json!([{"Key": "a", "Value": "1"}]));
    let batch = aws.did(
        "BatchGetDeploymentGroups",
        json!({"applicationName": "machines", "deploymentGroupNames": ["some", "none"]}),
    );
    assert_eq!(
        batch["deploymentGroupsInfo"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(batch["errorMessage"].is_string());
    aws.did("DeleteApplication", json!({"applicationName": "machines"}));
    let gone = aws.refused(
        "ListDeploymentGroups",
        json!({"applicationName": "machines"}),
    );
    assert_eq!(gone, "ApplicationDoesNotExistException");
}

#[test]
fn predefined_configurations_are_there_without_being_made() {
    let aws = Client::of("codedeploy");
    let listed = aws.did("ListDeploymentConfigs", json!({}));
    assert_eq!(
        listed["deploymentConfigsList"].as_array().map(Vec::len),
        Some(17)
    );
    let told = |name: &str| {
        let answer = aws.did("GetDeploymentConfig", json!({"deploymentConfigName": name}));
        answer["deploymentConfigInfo"].clone()
    };
    let linear = told("CodeDeployDefault.ECSLinear10PercentEvery1Minutes");
    assert_eq!(linear["computePlatform"], "ECS");
    assert_eq!(
        linear["trafficRoutingConfig"]["timeBasedLinear"],
        json!({"linearPercentage": 10, "linearInterval": 1})
    );
    let canary = told("CodeDeployDefault.LambdaCanary10Percent30Minutes");
    assert_eq!(
        canary["trafficRoutingConfig"]["timeBasedCanary"]["canaryInterval"],
        30
    );
}

#[tokio::test(start_paused = true)]
async fn instances_that_have_the_tags_are_deployed_to() {
    let aws = Client::of("codedeploy");
    let role = role(&aws).await;
    aws.did("CreateApplication", json!({"applicationName": "hosts"}));
    let filter = json!({"Key": "tier", "Value": "web", "Type": "KEY_AND_VALUE"});
    aws.did(
        "CreateDeploymentGroup",
        hosts(&role, json!({"ec2TagFilters": [filter]})),
    );
    let revision =
        json!({"revisionType": "GitHub", "gitHubLocation": {"repository": "o/r", "commitId": "c"}});
    let deploy = || {
        let asked =
            json!({"applicationName": "hosts", "deploymentGroupName": "all", "revision": revision});
        aws.text("CreateDeployment", asked, "/deploymentId")
    };
    let told =
        |id: &str| aws.did("GetDeployment", json!({"deploymentId": id}))["deploymentInfo"].clone();
    let first = deploy();
    assert_eq!(told(&first)["status"], "Created");
    pass(5).await;
    assert_eq!(told(&first)["errorInformation"]["code"], "NO_INSTANCES");
    let vpc = aws.did("ec2:CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    aws.did(
        "ec2:CreateSubnet",
        json!({"VpcId": vpc["Vpc"]["VpcId"], "CidrBlock": "10.0.0.0/24"}),
    );
    let tags = json!([{"ResourceType": "instance", "Tags": [{"Key": "tier", "Value": "web"}]}]);
    aws.did(
        "ec2:RunInstances",
        json!({"ImageId": "ami-0abcdef1234567890", "MinCount": 2, "MaxCount": 2, "InstanceType": "t3.micro", "SubnetId": subnet(&aws),
               "TagSpecifications": tags}),
    );
    pass(60).await;
    let second = deploy();
    pass(10).await;
    assert_eq!(told(&second)["deploymentOverview"]["InProgress"], 2);
    pass(60).await;
    assert_eq!(told(&second)["status"], "Succeeded");
    let listed = aws.did(
        "ListDeployments",
        json!({"applicationName": "hosts", "deploymentGroupName": "all", "includeOnlyStatuses": ["Succeeded"]}),
    );
    assert_eq!(listed["deployments"], json!([second]));
    let group = json!({"applicationName": "hosts", "deploymentGroupName": "all"});
    let group = aws.did("GetDeploymentGroup", group)["deploymentGroupInfo"].clone();
    assert_eq!(group["targetRevision"], revision);
    assert_eq!(
        group["lastSuccessfulDeployment"]["deploymentId"],
        json!(second)
    );
}
