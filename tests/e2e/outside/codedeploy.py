import json
import time

deploy, ecs, elb, ec2 = client("codedeploy"), client("ecs"), client("elbv2"), client("ec2")
vpc, one, two = network(ec2)
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "codedeploy.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = client("iam").create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]

# Applications, with tags by ARN alone, page by page.
for number in range(105):
    deploy.create_application(applicationName=f"app{number:03}", computePlatform="Server")
refused("ApplicationAlreadyExistsException", deploy.create_application, applicationName="app000")
refused("ApplicationDoesNotExistException", deploy.get_application, applicationName="nobody")
names = [name for page in deploy.get_paginator("list_applications").paginate() for name in page["applications"]]
same("applications", len(names), 105)
found = deploy.batch_get_applications(applicationNames=["app001", "app002"])["applicationsInfo"]
same("batch", [item["applicationName"] for item in found], ["app001", "app002"])
arn = f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:application:app001"
deploy.tag_resource(ResourceArn=arn, Tags=tags({"Team": "shop", "Stage": "test"}))
deploy.untag_resource(ResourceArn=arn, TagKeys=["Stage"])
same("tags", deploy.list_tags_for_resource(ResourceArn=arn)["Tags"], tags({"Team": "shop"}))
swept = client("resourcegroupstaggingapi").get_resources(ResourceARNList=[arn])["ResourceTagMappingList"]
same("tagging API", swept[0]["Tags"], tags({"Team": "shop"}))

# Configurations: AWS's own and one's own.
linear = deploy.get_deployment_config(deploymentConfigName="CodeDeployDefault.ECSLinear10PercentEvery3Minutes")["deploymentConfigInfo"]
same("linear", linear["trafficRoutingConfig"], {"type": "TimeBasedLinear", "timeBasedLinear": {"linearPercentage": 10, "linearInterval": 3}})
canary = {"type": "TimeBasedCanary", "timeBasedCanary": {"canaryPercentage": 20, "canaryInterval": 1}}
deploy.create_deployment_config(deploymentConfigName="careful", computePlatform="ECS", trafficRoutingConfig=canary)
refused("DeploymentConfigAlreadyExistsException", deploy.create_deployment_config, deploymentConfigName="careful", computePlatform="ECS", trafficRoutingConfig=canary)
refused("InvalidOperationException", deploy.delete_deployment_config, deploymentConfigName="CodeDeployDefault.OneAtATime")
true("listed", "careful" in deploy.list_deployment_configs()["deploymentConfigsList"])

# A service behind a listener.
balancer = elb.create_load_balancer(Name="shop", Subnets=[one, two], Scheme="internal")["LoadBalancers"][0]["LoadBalancerArn"]
groups = [
    elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", HealthCheckIntervalSeconds=10, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    for name in ("blue", "green")
]
listener = elb.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=[{"Type": "forward", "TargetGroupArn": groups[0]}])["Listeners"][0]["ListenerArn"]
ecs.create_cluster(clusterName="shop")


def definition(image):
    container = {"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}
    return ecs.register_task_definition(
        family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512", containerDefinitions=[container]
    )["taskDefinition"]["taskDefinitionArn"]


first = definition("nginx:1")
ecs.create_service(
    cluster="shop", serviceName="web", taskDefinition=first, desiredCount=2, launchType="FARGATE", deploymentController={"type": "CODE_DEPLOY"},
    networkConfiguration={"awsvpcConfiguration": {"subnets": [one, two]}}, loadBalancers=[{"targetGroupArn": groups[0], "containerName": "web", "containerPort": 80}],
)


def service():
    return ecs.describe_services(cluster="shop", services=["web"])["services"][0]


until("steady", lambda: service()["taskSets"][0]["stabilityStatus"] == "STEADY_STATE")
same("primary", service()["taskSets"][0]["status"], "PRIMARY")
deploy.create_application(applicationName="shop", computePlatform="ECS")
group = dict(
    applicationName="shop", deploymentGroupName="web", deploymentConfigName="careful", serviceRoleArn=role,
    deploymentStyle={"deploymentType": "BLUE_GREEN", "deploymentOption": "WITH_TRAFFIC_CONTROL"},
    blueGreenDeploymentConfiguration={
        "terminateBlueInstancesOnDeploymentSuccess": {"action": "TERMINATE", "terminationWaitTimeInMinutes": 1},
        "deploymentReadyOption": {"actionOnTimeout": "CONTINUE_DEPLOYMENT", "waitTimeInMinutes": 0},
    },
    ecsServices=[{"clusterName": "shop", "serviceName": "web"}],
    autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    loadBalancerInfo={"targetGroupPairInfoList": [{"targetGroups": [{"name": "blue"}, {"name": "green"}], "prodTrafficRoute": {"listenerArns": [listener]}}]},
    tags=tags({"Team": "shop"}),
)
refused("InvalidRoleException", deploy.create_deployment_group, **{**group, "serviceRoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"})
refused("InvalidECSServiceException", deploy.create_deployment_group, **{**group, "ecsServices": [{"clusterName": "shop", "serviceName": "none"}]})
time.sleep(0.1)
deploy.create_deployment_group(**group)
refused("DeploymentGroupAlreadyExistsException", deploy.create_deployment_group, **group)
refused("ECSServiceMappingLimitExceededException", deploy.create_deployment_group, **{**group, "deploymentGroupName": "other"})
refused("DeploymentConfigInUseException", deploy.delete_deployment_config, deploymentConfigName="careful")
told = deploy.get_deployment_group(applicationName="shop", deploymentGroupName="web")["deploymentGroupInfo"]
holds("group", told, computePlatform="ECS", deploymentConfigName="careful", ecsServices=group["ecsServices"], loadBalancerInfo=group["loadBalancerInfo"])

# An image change: traffic, task sets, the end of the original one.
second = definition("nginx:2")
spec = f"""version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: {second}
        LoadBalancerInfo: {{ContainerName: web, ContainerPort: 80}}
"""
revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": spec}}
refused("InvalidRevisionException", deploy.create_deployment, applicationName="shop", deploymentGroupName="web", revision={"revisionType": "AppSpecContent", "appSpecContent": {"content": "version: 0.0"}})
refused("InvalidParameterException", ecs.update_service, cluster="shop", service="web", taskDefinition=second)
id = deploy.create_deployment(applicationName="shop", deploymentGroupName="web", revision=revision, description="two")["deploymentId"]
refused("DeploymentLimitExceededException", deploy.create_deployment, applicationName="shop", deploymentGroupName="web", revision=revision)


def deployment(name):
    return deploy.get_deployment(deploymentId=name)["deploymentInfo"]


until("begun", lambda: deployment(id)["status"] == "InProgress")
target = deploy.list_deployment_targets(deploymentId=id)["targetIds"][0]
same("target", target, "shop:web")
until("succeeded", lambda: deployment(id)["status"] == "Succeeded")
target = deploy.get_deployment_target(deploymentId=id, targetId=target)["deploymentTarget"]["ecsTarget"]
same("events", {event["status"] for event in target["lifecycleEvents"]}, {"Succeeded"})
same("green", [info["trafficWeight"] for info in target["taskSetsInfo"]], [0.0, 100.0])
action = elb.describe_listeners(ListenerArns=[listener])["Listeners"][0]["DefaultActions"][0]
same("weights", [(item["TargetGroupArn"], item["Weight"]) for item in action["ForwardConfig"]["TargetGroups"]], [(groups[0], 0), (groups[1], 100)])
same("one set", [item["taskDefinition"] for item in service()["taskSets"]], [second])
same("service", service()["taskDefinition"], second)
refused("DeploymentAlreadyCompletedException", deploy.stop_deployment, deploymentId=id)

# A task definition that ECS does not have: failed, and nothing to go back from but what serves.
missing = spec.replace(second, "web:99")
id = deploy.create_deployment(applicationName="shop", deploymentGroupName="web", revision={"revisionType": "String", "string": {"content": missing}})["deploymentId"]
until("failed", lambda: deployment(id)["status"] == "Failed")
same("why", deployment(id)["errorInformation"]["code"], "ECS_UPDATE_ERROR")
back = deployment(id)["rollbackInfo"]["rollbackDeploymentId"]
until("back", lambda: deployment(back)["status"] == "Succeeded")
same("creator", deployment(back)["creator"], "codeDeployRollback")
same("still", service()["taskDefinition"], second)
same("failed ones", deploy.list_deployments(applicationName="shop", deploymentGroupName="web", includeOnlyStatuses=["Failed"])["deployments"], [id])

deploy.delete_deployment_group(applicationName="shop", deploymentGroupName="web")
deploy.delete_deployment_config(deploymentConfigName="careful")
deploy.delete_application(applicationName="shop")
refused("ApplicationDoesNotExistException", deploy.list_deployment_groups, applicationName="shop")
