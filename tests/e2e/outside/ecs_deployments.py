import json
import time

ecs, elb, ec2 = client("ecs"), client("elbv2"), client("ec2")
vpc, one, two = network(ec2)
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = client("iam").create_role(RoleName="shifter", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
balancer = elb.create_load_balancer(Name="shop", Subnets=[one, two], Scheme="internal")["LoadBalancers"][0]["LoadBalancerArn"]
groups = [
    elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip", HealthCheckIntervalSeconds=10, HealthyThresholdCount=2)["TargetGroups"][0]["TargetGroupArn"]
    for name in ("blue", "green")
]
listener = elb.create_listener(
    LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=[{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
)["Listeners"][0]["ListenerArn"]
rule = elb.create_rule(
    ListenerArn=listener, Priority=1, Conditions=[{"Field": "path-pattern", "Values": ["/*"]}], Actions=[{"Type": "forward", "TargetGroupArn": groups[0]}]
)["Rules"][0]["RuleArn"]
# Target groups that ECS registers in are of a load balancer before: the alternate one by another rule.
elb.create_rule(ListenerArn=listener, Priority=2, Conditions=[{"Field": "path-pattern", "Values": ["/green"]}], Actions=[{"Type": "forward", "TargetGroupArn": groups[1]}])
ecs.create_cluster(clusterName="shop")


def definition(image):
    container = {"name": "web", "image": image, "portMappings": [{"containerPort": 80}]}
    return ecs.register_task_definition(
        family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512", containerDefinitions=[container]
    )["taskDefinition"]["taskDefinitionArn"]


first = definition("nginx:1")
time.sleep(0.1)
made = ecs.create_service(
    cluster="shop", serviceName="web", taskDefinition=first, desiredCount=2, launchType="FARGATE",
    networkConfiguration={"awsvpcConfiguration": {"subnets": [one, two]}},
    deploymentConfiguration={"strategy": "CANARY", "bakeTimeInMinutes": 1, "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1}},
    loadBalancers=[{
        "targetGroupArn": groups[0], "containerName": "web", "containerPort": 80,
        "advancedConfiguration": {"alternateTargetGroupArn": groups[1], "productionListenerRule": rule, "roleArn": role},
    }],
)["service"]
holds("made", made["deploymentConfiguration"], strategy="CANARY", bakeTimeInMinutes=1)


def deployments(**more):
    return ecs.list_service_deployments(cluster="shop", service="web", **more)["serviceDeployments"]


def newest():
    return ecs.describe_service_deployments(serviceDeploymentArns=[deployments()[0]["serviceDeploymentArn"]])["serviceDeployments"][0]


def service():
    return ecs.describe_services(cluster="shop", services=["web"])["services"][0]


def weights():
    action = elb.describe_rules(RuleArns=[rule])["Rules"][0]["Actions"][0]
    return [item["Weight"] for item in action["ForwardConfig"]["TargetGroups"]]


until("first", lambda: newest()["status"] == "SUCCESSFUL")
same("the first goes to the alternate group", weights(), [0, 100])
second = definition("nginx:2")
ecs.update_service(cluster="shop", service="web", taskDefinition=second)
until("second", lambda: newest()["status"] == "SUCCESSFUL")
same("the second goes back", weights(), [100, 0])
same("told", [item["status"] for item in deployments()], ["SUCCESSFUL", "SUCCESSFUL"])
same("one a page", len(deployments(maxResults=1)), 1)
revision = newest()["targetServiceRevision"]["arn"]
same("revision", ecs.describe_service_revisions(serviceRevisionArns=[revision])["serviceRevisions"][0]["taskDefinition"], second)

third = definition("nginx:3")
ecs.update_service(cluster="shop", service="web", taskDefinition=third)
arn = newest()["serviceDeploymentArn"]
ecs.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
until("stopped", lambda: newest()["status"] == "ROLLBACK_SUCCESSFUL")
same("as before", service()["taskDefinition"], second)
refused("ConflictException", ecs.stop_service_deployment, serviceDeploymentArn=arn)
refused("ServiceDeploymentNotFoundException", ecs.stop_service_deployment, serviceDeploymentArn=arn + "x")

# Task sets of a service that somebody else deploys.
ecs.create_service(cluster="shop", serviceName="outer", desiredCount=2, deploymentController={"type": "EXTERNAL"})
named = dict(cluster="shop", service="outer")
made = ecs.create_task_set(**named, taskDefinition=third, launchType="FARGATE", networkConfiguration={"awsvpcConfiguration": {"subnets": [one]}}, scale={"value": 50.0, "unit": "PERCENT"})["taskSet"]
same("half", made["computedDesiredCount"], 1)
until("steady", lambda: ecs.describe_task_sets(**named)["taskSets"][0]["stabilityStatus"] == "STEADY_STATE")
refused("InvalidParameterException", ecs.delete_task_set, **named, taskSet=made["id"])
refused("TaskSetNotFoundException", ecs.update_task_set, **named, taskSet="ecs-svc/1", scale={"value": 1.0, "unit": "PERCENT"})
ecs.update_service_primary_task_set(**named, primaryTaskSet=made["taskSetArn"])
outer = ecs.describe_services(cluster="shop", services=["outer"])["services"][0]
same("its definition is the service's", outer["taskDefinition"], third)
ecs.delete_task_set(**named, taskSet=made["id"], force=True)
until("gone", lambda: ecs.describe_task_sets(**named)["taskSets"] == [])
