import json

ecs = client("ecs")
vpc, one, two = network(client("ec2"))
group = client("ec2").create_security_group(GroupName="task", Description="task", VpcId=vpc)["GroupId"]
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
role = client("iam").create_role(RoleName="task", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]


def pairs(found):
    return [{"key": key, "value": value} for key, value in found.items()]


cluster = ecs.create_cluster(
    clusterName="shop", settings=[{"name": "containerInsights", "value": "enabled"}], tags=pairs({"Name": "shop"}),
    capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
)["cluster"]
found = ecs.describe_clusters(clusters=["shop"], include=["TAGS", "SETTINGS"])["clusters"][0]
holds("cluster", found, clusterName="shop", status="ACTIVE", capacityProviders=["FARGATE"], tags=pairs({"Name": "shop"}))
same("settings", found["settings"], [{"name": "containerInsights", "value": "enabled"}])
same("missing", ecs.describe_clusters(clusters=["nobody"])["failures"][0]["reason"], "MISSING")

definition = dict(
    family="web", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512", executionRoleArn=role,
    containerDefinitions=[
        {
            "name": "web", "image": "nginx", "essential": True, "portMappings": [{"containerPort": 80, "protocol": "tcp"}],
            "environment": [{"name": "STAGE", "value": "test"}],
            "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 30, "timeout": 5, "retries": 3},
        }
    ],
)
task = ecs.register_task_definition(**definition, tags=pairs({"Name": "web"}))["taskDefinition"]
holds("task definition", task, family="web", revision=1, status="ACTIVE", cpu="256", memory="512", networkMode="awsvpc")
container = ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["containerDefinitions"][0]
holds("container", container, image="nginx", environment=[{"name": "STAGE", "value": "test"}])
same("health check", container["healthCheck"]["command"], ["CMD-SHELL", "true"])
same("revision", ecs.register_task_definition(**definition)["taskDefinition"]["revision"], 2)
same("tags", ecs.describe_task_definition(taskDefinition="web:1", include=["TAGS"])["tags"], pairs({"Name": "web"}))

service = dict(
    cluster="shop", serviceName="web", taskDefinition="web:1", desiredCount=2, launchType="FARGATE",
    networkConfiguration={"awsvpcConfiguration": {"subnets": [one, two], "securityGroups": [group], "assignPublicIp": "DISABLED"}},
    deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 50, "deploymentCircuitBreaker": {"enable": True, "rollback": True}},
    enableECSManagedTags=True, propagateTags="SERVICE", enableExecuteCommand=True, tags=pairs({"Name": "web"}), clientToken="once",
)
refused("ClusterNotFoundException", ecs.create_service, **{**service, "cluster": "nobody"})
arn = ecs.create_service(**service)["service"]["serviceArn"]
refused("InvalidParameterException", ecs.create_service, **{**service, "clientToken": "twice", "desiredCount": 3})


def of_service():
    return ecs.describe_services(cluster="shop", services=["web"], include=["TAGS"])["services"][0]


until("running", lambda: of_service()["runningCount"] == 2)
found = of_service()
holds(
    "service", found, serviceName="web", status="ACTIVE", desiredCount=2, launchType="FARGATE", enableECSManagedTags=True,
    propagateTags="SERVICE", enableExecuteCommand=True, tags=pairs({"Name": "web"}), taskDefinition=task["taskDefinitionArn"],
)
holds("deployment", found["deploymentConfiguration"], maximumPercent=200, minimumHealthyPercent=50)
same("network", found["networkConfiguration"]["awsvpcConfiguration"]["securityGroups"], [group])
same("tasks", len(ecs.list_tasks(cluster="shop", serviceName="web")["taskArns"]), 2)
ecs.update_service(cluster="shop", service="web", taskDefinition="web:2", desiredCount=1)
until("moved", lambda: of_service()["runningCount"] == 1 and len(of_service()["deployments"]) == 1)
true("new revision", of_service()["taskDefinition"].endswith("web:2"))
refused("ClusterContainsServicesException", ecs.delete_cluster, cluster="shop")
refused("InvalidParameterException", ecs.delete_service, cluster="shop", service="web")
refused("ServiceNotFoundException", ecs.update_service, cluster="shop", service="nobody", desiredCount=1)
ecs.update_service(cluster="shop", service="web", desiredCount=0)
ecs.delete_service(cluster="shop", service="web")
until("inactive", lambda: of_service()["status"] == "INACTIVE")
ecs.deregister_task_definition(taskDefinition="web:1")
same("inactive", ecs.describe_task_definition(taskDefinition="web:1")["taskDefinition"]["status"], "INACTIVE")
until("empty", lambda: not ecs.list_tasks(cluster="shop")["taskArns"])
ecs.delete_cluster(cluster="shop")
