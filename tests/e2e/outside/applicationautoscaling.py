import json

ecs = client("ecs")
scaling = client("application-autoscaling")
ecs.create_cluster(clusterName="shop")
ecs.register_task_definition(
    family="web", requiresCompatibilities=["EC2"], containerDefinitions=[{"name": "web", "image": "nginx", "memory": 128}]
)
ecs.create_service(cluster="shop", serviceName="web", taskDefinition="web", desiredCount=0)
of = dict(ServiceNamespace="ecs", ResourceId="service/shop/web", ScalableDimension="ecs:service:DesiredCount")

answer = scaling.register_scalable_target(**of, MinCapacity=1, MaxCapacity=4, Tags={"Name": "shop"})
arn = answer["ScalableTargetARN"]


def target():
    return scaling.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=[of["ResourceId"]])["ScalableTargets"][0]


holds("target", target(), MinCapacity=1, MaxCapacity=4, ScalableTargetARN=arn, **of)
scaling.register_scalable_target(**of, MaxCapacity=6)
holds("target", target(), MinCapacity=1, MaxCapacity=6)
same("tags", scaling.list_tags_for_resource(ResourceARN=arn)["Tags"], {"Name": "shop"})
tracking = {
    "TargetValue": 60.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
    "ScaleInCooldown": 120, "ScaleOutCooldown": 30,
}
answer = scaling.put_scaling_policy(
    **of, PolicyName="cpu", PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=tracking
)
true("its alarms", len(answer["Alarms"]) == 2)
policy = scaling.describe_scaling_policies(ServiceNamespace="ecs", PolicyNames=["cpu"])["ScalingPolicies"][0]
holds("policy", policy, PolicyARN=answer["PolicyARN"], PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=tracking)
names = [alarm["AlarmName"] for alarm in policy["Alarms"]]
same("alarms", len(client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]), 2)
refused(
    "ObjectNotFoundException", scaling.put_scaling_policy, ServiceNamespace="ecs", ResourceId="service/shop/nobody",
    ScalableDimension="ecs:service:DesiredCount", PolicyName="cpu", PolicyType="TargetTrackingScaling",
    TargetTrackingScalingPolicyConfiguration=tracking,
)
scaling.delete_scaling_policy(**of, PolicyName="cpu")
refused("ObjectNotFoundException", scaling.delete_scaling_policy, **of, PolicyName="cpu")
same("no alarms", client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"], [])
scaling.deregister_scalable_target(**of)
refused("ObjectNotFoundException", scaling.deregister_scalable_target, **of)
