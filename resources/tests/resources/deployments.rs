//! CodeDeploy's types in the simulated AWS.

use payctl_model::Value;
use serde_json::{Value as Json, json};

use crate::trip::Trip;

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"codedeploy.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

fn tags(value: &str) -> Json {
    json!([{"Key": "team", "Value": value}])
}

async fn role(trip: &Trip, name: &str) -> Json {
    let role = json!({"RoleName": name, "AssumeRolePolicyDocument": TRUST});
    let role = trip.ask("iam", "CreateRole", role)["Role"]["Arn"].clone();
    trip.context
        .clock()
        .sleep(std::time::Duration::from_secs(30))
        .await;
    role
}

/// A group of hosts with most that one can have, then with little.
#[tokio::test(start_paused = true)]
async fn hosts_are_deployed_to() {
    let trip = Trip::new();
    let (first, second) = (role(&trip, "first").await, role(&trip, "second").await);
    let mut application = trip
        .make(
            "AWS::CodeDeploy::Application",
            json!({"ComputePlatform": "Server", "Tags": tags("a")}),
        )
        .await;
    trip.change(
        &mut application,
        json!({"ComputePlatform": "Server", "Tags": tags("b")}),
        &["Tags"],
    )
    .await;
    let configuration = trip
        .make(
            "AWS::CodeDeploy::DeploymentConfig",
            json!({
                "DeploymentConfigName": "two-thirds", "ComputePlatform": "Server",
                "MinimumHealthyHosts": {"Type": "FLEET_PERCENT", "Value": 66},
                "ZonalConfig": {
                    "FirstZoneMonitorDurationInSeconds": 60, "MonitorDurationInSeconds": 30,
                    "MinimumHealthyHostsPerZone": {"Type": "HOST_COUNT", "Value": 1},
                },
            }),
        )
        .await;
    let topic = trip.ask("sns", "CreateTopic", json!({"Name": "t"}))["TopicArn"].clone();
    let filter = json!({"Key": "tier", "Value": "web", "Type": "KEY_AND_VALUE"});
    let name = application.id.as_str();
    let mut group = trip
        .make(
            "AWS::CodeDeploy::DeploymentGroup",
            json!({
                "ApplicationName": name, "DeploymentConfigName": "two-thirds", "ServiceRoleArn": first,
                "AlarmConfiguration": {"Enabled": true, "Alarms": [{"Name": "zeta"}, {"Name": "alpha"}]},
                "AutoRollbackConfiguration": {"Enabled": true, "Events": ["DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_FAILURE"]},
                "AutoScalingGroups": ["workers"],
                "DeploymentStyle": {"DeploymentOption": "WITH_TRAFFIC_CONTROL", "DeploymentType": "IN_PLACE"},
                "LoadBalancerInfo": {"TargetGroupInfoList": [{"Name": "web"}]},
                "Ec2TagSet": {"Ec2TagSetList": [{"Ec2TagGroup": [filter]}, {"Ec2TagGroup": [{"Key": "app", "Type": "KEY_ONLY"}]}]},
                "OnPremisesTagSet": {"OnPremisesTagSetList": [{"OnPremisesTagGroup": [filter]}]},
                "OutdatedInstancesStrategy": "IGNORE", "TerminationHookEnabled": true,
                "TriggerConfigurations": [{"TriggerName": "told", "TriggerTargetArn": topic,
                    "TriggerEvents": ["DeploymentFailure", "DeploymentStart"]}],
                "Tags": tags("a"),
            }),
        )
        .await;
    trip.change(
        &mut group,
        json!({
            "ApplicationName": name, "ServiceRoleArn": second, "Ec2TagFilters": [filter], "OnPremisesInstanceTagFilters": [filter],
            "AlarmConfiguration": {"Enabled": true, "Alarms": [{"Name": "zeta"}], "IgnorePollAlarmFailure": true}, "Tags": tags("b"),
        }),
        &[
            "ServiceRoleArn",
            "Ec2TagFilters",
            "OnPremisesInstanceTagFilters",
            "AlarmConfiguration",
            "DeploymentConfigName",
            "AutoRollbackConfiguration",
            "AutoScalingGroups",
            "DeploymentStyle",
            "LoadBalancerInfo",
            "Ec2TagSet",
            "OnPremisesTagSet",
            "OutdatedInstancesStrategy",
            "TerminationHookEnabled",
            "TriggerConfigurations",
            "Tags",
        ],
    )
    .await;
    let parts = group.id.parts();
    let told = trip.ask(
        "codedeploy",
        "GetDeploymentGroup",
        json!({"applicationName": parts[0], "deploymentGroupName": parts[1]}),
    );
    assert_eq!(
        told["deploymentGroupInfo"]["deploymentConfigName"],
        "CodeDeployDefault.OneAtATime"
    );
    trip.delete(&configuration).await;
    trip.delete(&group).await;
    trip.delete(&application).await;
}

/// `Deployment` deploys when the group is made, and when another revision is declared.
#[tokio::test(start_paused = true)]
async fn a_declared_revision_is_deployed() {
    let trip = Trip::new();
    let role = role(&trip, "deployer").await;
    let application = trip.make("AWS::CodeDeploy::Application", json!({})).await;
    let name = application.id.as_str().to_owned();
    let group = |key: &str| {
        json!({
            "ApplicationName": name, "DeploymentGroupName": "all", "ServiceRoleArn": role,
            "Deployment": {"Description": key, "Revision": {"S3Location": {"Bucket": "b", "Key": key, "BundleType": "zip"}}},
        })
    };
    let resource = payctl_resources::resource("AWS::CodeDeploy::DeploymentGroup").expect("native");
    let incarnation = payctl_model::Incarnation::from_bits(9);
    let made = resource
        .create(&trip.context, &Value::from(group("one.zip")), &incarnation)
        .await
        .expect("nothing refuses it");
    let deployments = || {
        let listed = trip.ask(
            "codedeploy",
            "ListDeployments",
            json!({"applicationName": name, "deploymentGroupName": "all"}),
        );
        let told = trip.ask(
            "codedeploy",
            "BatchGetDeployments",
            json!({"deploymentIds": listed["deployments"]}),
        );
        told["deploymentsInfo"].clone()
    };
    assert_eq!(deployments()[0]["revision"]["revisionType"], "S3");
    assert_eq!(deployments()[0]["revision"]["s3Location"]["key"], "one.zip");
    trip.context
        .clock()
        .sleep(std::time::Duration::from_secs(60))
        .await;
    let changed = ["Deployment.Revision.S3Location.Key".into()];
    let update = payctl_resources::Update {
        desired: &Value::from(group("two.zip")),
        live: &made.model,
        changed: &changed,
    };
    let done = resource.update(&trip.context, &made.id, &update).await;
    done.expect("nothing refuses it");
    assert_eq!(deployments().as_array().map(Vec::len), Some(2));
    // Nobody says in which order they are told.
    let told = deployments();
    let mut descriptions = told.as_array().into_iter().flatten();
    assert!(descriptions.any(|one| one["description"] == "two.zip"));
}

/// A service has one group, and its group the service: the names are all that connects them.
#[tokio::test(start_paused = true)]
async fn services_are_deployed_blue_green() {
    let trip = Trip::new();
    let role = role(&trip, "deployer").await;
    let vpc = trip.ask("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    let subnet = json!({"VpcId": vpc["Vpc"]["VpcId"], "CidrBlock": "10.0.0.0/24"});
    let subnet = trip.ask("ec2", "CreateSubnet", subnet)["Subnet"]["SubnetId"].clone();
    trip.ask("ecs", "CreateCluster", json!({"clusterName": "c"}));
    trip.ask(
        "ecs",
        "RegisterTaskDefinition",
        json!({"family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
               "containerDefinitions": [{"name": "web", "image": "nginx"}]}),
    );
    trip.ask(
        "ecs",
        "CreateService",
        json!({"cluster": "c", "serviceName": "web", "taskDefinition": "f", "desiredCount": 0, "launchType": "FARGATE",
               "deploymentController": {"type": "CODE_DEPLOY"}, "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet]}}}),
    );
    let application = trip
        .make(
            "AWS::CodeDeploy::Application",
            json!({"ComputePlatform": "ECS"}),
        )
        .await;
    let canary = json!({"Type": "TimeBasedCanary", "TimeBasedCanary": {"CanaryPercentage": 20, "CanaryInterval": 2}});
    let configuration = trip
        .make(
            "AWS::CodeDeploy::DeploymentConfig",
            json!({"ComputePlatform": "ECS", "TrafficRoutingConfig": canary}),
        )
        .await;
    let group = |configuration: Option<&str>, minutes: u64| {
        let mut group = json!({
            "ApplicationName": application.id.as_str(), "ServiceRoleArn": role,
            "DeploymentStyle": {"DeploymentOption": "WITH_TRAFFIC_CONTROL", "DeploymentType": "BLUE_GREEN"},
            "BlueGreenDeploymentConfiguration": {
                "DeploymentReadyOption": {"ActionOnTimeout": "CONTINUE_DEPLOYMENT", "WaitTimeInMinutes": 0},
                "TerminateBlueInstancesOnDeploymentSuccess": {"Action": "TERMINATE", "TerminationWaitTimeInMinutes": minutes},
            },
            "ECSServices": [{"ClusterName": "c", "ServiceName": "web"}],
            "LoadBalancerInfo": {"TargetGroupPairInfoList": [{
                "TargetGroups": [{"Name": "blue"}, {"Name": "green"}],
                "ProdTrafficRoute": {"ListenerArns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/l/1/2"]},
                "TestTrafficRoute": {"ListenerArns": ["arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/l/1/3"]},
            }]},
        });
        if let Some(configuration) = configuration {
            group["DeploymentConfigName"] = json!(configuration);
        }
        group
    };
    let mut made = trip
        .make(
            "AWS::CodeDeploy::DeploymentGroup",
            group(Some(configuration.id.as_str()), 5),
        )
        .await;
    trip.change(
        &mut made,
        group(None, 10),
        &["DeploymentConfigName", "BlueGreenDeploymentConfiguration"],
    )
    .await;
    let live = trip.ready(&made).await;
    let name = live.model.get("DeploymentConfigName");
    assert_eq!(
        name.and_then(Value::as_str),
        Some("CodeDeployDefault.ECSAllAtOnce")
    );
    trip.delete(&configuration).await;
    trip.delete(&made).await;
    trip.delete(&application).await;
}
