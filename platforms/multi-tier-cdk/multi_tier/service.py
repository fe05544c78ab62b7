"""One Fargate service that CodeDeploy deploys blue/green, with its roles, images, targets and scaling."""
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import (
    aws_applicationautoscaling as scaling,
    aws_cloudwatch as cloudwatch,
    aws_codedeploy as codedeploy,
    aws_ec2 as ec2,
    aws_ecr as ecr,
    aws_ecs as ecs,
    aws_elasticloadbalancingv2 as elbv2,
    aws_iam as iam,
    aws_logs as logs,
    aws_servicediscovery as servicediscovery,
)
from constructs import Construct

PORT = 8080


@dataclass(frozen=True)
class ServiceProps:
    """What differs between the services."""

    name: str
    path: str
    priority: int
    cpu: int
    memory: int
    spot: bool


class BlueGreenService(Construct):
    """Repository, task definition, service, blue and green target groups, deployment group, scaling."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        props: ServiceProps,
        suffix: str,
        image: str,
        key,
        vpc: ec2.IVpc,
        cluster: ecs.Cluster,
        namespace: servicediscovery.INamespace,
        listener: elbv2.ApplicationListener,
        balancer: elbv2.ApplicationLoadBalancer,
        group: ec2.ISecurityGroup,
        application: codedeploy.EcsApplication,
        secrets: dict,
    ) -> None:
        super().__init__(scope, id)
        self.props = props

        repository = ecr.Repository(
            self,
            "Repository",
            repository_name=f"{props.name}-{suffix}",
            image_scan_on_push=True,
            lifecycle_rules=[ecr.LifecycleRule(max_image_count=10, description="keep the last 10")],
            removal_policy=cdk.RemovalPolicy.DESTROY,
            empty_on_delete=True,
        )
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/ecs/payment-processing/{props.name}-{suffix}",
            retention=logs.RetentionDays.ONE_MONTH,
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        task_role = iam.Role(
            self,
            "TaskRole",
            role_name=f"{props.name}-task-{suffix}",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
            managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name("AWSXRayDaemonWriteAccess")],
        )
        execution_role = iam.Role(
            self,
            "ExecutionRole",
            role_name=f"{props.name}-execution-{suffix}",
            assumed_by=iam.ServicePrincipal("ecs-tasks.amazonaws.com"),
        )
        repository.grant_pull(execution_role)

        task = ecs.FargateTaskDefinition(
            self,
            "Task",
            family=f"{props.name}-{suffix}",
            cpu=props.cpu,
            memory_limit_mib=props.memory,
            task_role=task_role,
            execution_role=execution_role,
        )
        task.add_container(
            "app",
            container_name=props.name,
            image=ecs.ContainerImage.from_registry(image),
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            secrets={name: ecs.Secret.from_secrets_manager(secret) for name, secret in secrets.items()},
            logging=ecs.LogDrivers.aws_logs(stream_prefix=props.name, log_group=log_group),
            health_check=ecs.HealthCheck(
                command=["CMD-SHELL", f"curl -f http://localhost:{PORT}/health || exit 1"],
                interval=cdk.Duration.seconds(30),
                timeout=cdk.Duration.seconds(5),
                retries=3,
                start_period=cdk.Duration.seconds(60),
            ),
        )
        task.add_container(
            "xray",
            container_name="xray-daemon",
            image=ecs.ContainerImage.from_registry("public.ecr.aws/xray/aws-xray-daemon:3.x"),
            cpu=32,
            memory_limit_mib=256,
            port_mappings=[ecs.PortMapping(container_port=2000, protocol=ecs.Protocol.UDP)],
            logging=ecs.LogDrivers.aws_logs(stream_prefix="xray", log_group=log_group),
        )

        strategy = (
            [
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE_SPOT", weight=4),
                ecs.CapacityProviderStrategy(capacity_provider="FARGATE", weight=1, base=1),
            ]
            if props.spot
            else [ecs.CapacityProviderStrategy(capacity_provider="FARGATE", weight=1, base=1)]
        )
        self.service = ecs.FargateService(
            self,
            "Service",
            service_name=f"{props.name}-{suffix}",
            cluster=cluster,
            task_definition=task,
            desired_count=2,
            enable_execute_command=True,
            security_groups=[group],
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS),
            capacity_provider_strategies=strategy,
            deployment_controller=ecs.DeploymentController(type=ecs.DeploymentControllerType.CODE_DEPLOY),
            cloud_map_options=ecs.CloudMapOptions(name=props.name, cloud_map_namespace=namespace),
        )

        short = "".join(word[0] for word in props.name.split("-"))
        self.blue, self.green = (
            elbv2.ApplicationTargetGroup(
                self,
                colour.capitalize(),
                target_group_name=f"{short}-{colour}-{suffix}",
                vpc=vpc,
                port=PORT,
                protocol=elbv2.ApplicationProtocol.HTTP,
                target_type=elbv2.TargetType.IP,
                health_check=elbv2.HealthCheck(
                    path="/health", interval=cdk.Duration.seconds(30), unhealthy_threshold_count=3
                ),
            )
            for colour in ("blue", "green")
        )
        listener.add_action(
            f"{props.name}-route",
            priority=props.priority,
            conditions=[elbv2.ListenerCondition.path_patterns([props.path])],
            action=elbv2.ListenerAction.forward([self.blue]),
        )
        self.blue.add_target(
            self.service.load_balancer_target(container_name=props.name, container_port=PORT)
        )
        self.errors = cloudwatch.Alarm(
            self,
            "Errors",
            alarm_name=f"{props.name}-errors-{suffix}",
            metric=cloudwatch.Metric(
                namespace="AWS/ApplicationELB",
                metric_name="HTTPCode_Target_5XX_Count",
                dimensions_map={"LoadBalancer": balancer.load_balancer_full_name},
                statistic="Sum",
                period=cdk.Duration.minutes(1),
            ),
            threshold=50,
            evaluation_periods=2,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        codedeploy.EcsDeploymentGroup(
            self,
            "DeploymentGroup",
            application=application,
            deployment_group_name=f"{props.name}-{suffix}",
            service=self.service,
            blue_green_deployment_config=codedeploy.EcsBlueGreenDeploymentConfig(
                blue_target_group=self.blue,
                green_target_group=self.green,
                listener=listener,
                termination_wait_time=cdk.Duration.minutes(5),
            ),
            deployment_config=codedeploy.EcsDeploymentConfig.LINEAR_10_PERCENT_EVERY_1_MINUTES,
            alarms=[self.errors],
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )

        count = self.service.auto_scale_task_count(min_capacity=2, max_capacity=10)
        cooldowns = {
            "scale_out_cooldown": cdk.Duration.seconds(30),
            "scale_in_cooldown": cdk.Duration.seconds(60),
        }
        count.scale_on_cpu_utilization("Cpu", target_utilization_percent=70, **cooldowns)
        count.scale_on_memory_utilization("Memory", target_utilization_percent=80, **cooldowns)
        # Both target groups together: AWS has no ALBRequestCountPerTarget for blue/green services.
        requests = cloudwatch.Metric(
            namespace="AWS/ApplicationELB",
            metric_name="RequestCount",
            dimensions_map={"LoadBalancer": balancer.load_balancer_full_name},
            statistic="Sum",
            period=cdk.Duration.minutes(1),
        )
        count.scale_to_track_custom_metric("Requests", metric=requests, target_value=1000, **cooldowns)
