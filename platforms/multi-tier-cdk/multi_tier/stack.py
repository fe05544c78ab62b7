"""The whole platform as one stack: what is shared here, what is per service in `service.py`."""
import aws_cdk as cdk
from aws_cdk import (
    aws_cloudwatch as cloudwatch,
    aws_codedeploy as codedeploy,
    aws_ec2 as ec2,
    aws_ecs as ecs,
    aws_elasticloadbalancingv2 as elbv2,
    aws_iam as iam,
    aws_kms as kms,
    aws_logs as logs,
    aws_rds as rds,
    aws_secretsmanager as secretsmanager,
    aws_servicediscovery as servicediscovery,
    aws_sns as sns,
)
from constructs import Construct

from .monitoring import Monitoring
from .service import BlueGreenService, ServiceProps

SERVICES = [
    ServiceProps("payment-api", "/api/payments/*", 10, 2048, 4096, spot=False),
    ServiceProps("transaction-processor", "/api/transactions/*", 20, 1024, 2048, spot=False),
    ServiceProps("notification-service", "/api/notifications/*", 30, 1024, 2048, spot=True),
]


class MultiTierStack(cdk.Stack):
    """Network, key, secrets, database, cluster, load balancer, services, monitoring."""

    def __init__(self, scope: Construct, id: str, *, suffix: str, **kwargs) -> None:
        super().__init__(scope, id, **kwargs)
        image = cdk.CfnParameter(
            self,
            "ContainerImage",
            default="public.ecr.aws/docker/library/nginx:1.27",
            description="What the services run until the first deployment.",
        )

        key = kms.Key(
            self,
            "Key",
            alias=f"alias/payment-processing-{suffix}",
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        key.grant_encrypt_decrypt(iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com"))

        vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=f"vpc-{suffix}",
            ip_addresses=ec2.IpAddresses.cidr("10.0.0.0/16"),
            availability_zones=[cdk.Fn.select(i, cdk.Fn.get_azs()) for i in range(3)],
            nat_gateways=3,
            subnet_configuration=[
                ec2.SubnetConfiguration(name="public", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=24),
                ec2.SubnetConfiguration(
                    name="private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=24
                ),
                ec2.SubnetConfiguration(
                    name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                ),
            ],
        )
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(
                logs.LogGroup(
                    self,
                    "FlowLogs",
                    log_group_name=f"/aws/vpc/payment-processing-{suffix}",
                    retention=logs.RetentionDays.ONE_MONTH,
                    removal_policy=cdk.RemovalPolicy.DESTROY,
                )
            ),
        )

        alb_group = ec2.SecurityGroup(
            self, "AlbGroup", vpc=vpc, security_group_name=f"alb-{suffix}", description="load balancer"
        )
        for port in (80, 443):
            alb_group.add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(port), "from anywhere")
        ecs_group = ec2.SecurityGroup(
            self, "EcsGroup", vpc=vpc, security_group_name=f"ecs-{suffix}", description="tasks"
        )
        ecs_group.add_ingress_rule(alb_group, ec2.Port.tcp(8080), "from the load balancer")
        ecs_group.add_ingress_rule(ecs_group, ec2.Port.all_tcp(), "between the services")
        db_group = ec2.SecurityGroup(
            self,
            "DbGroup",
            vpc=vpc,
            security_group_name=f"db-{suffix}",
            description="database",
            allow_all_outbound=False,
        )
        db_group.add_ingress_rule(ecs_group, ec2.Port.tcp(5432), "from the tasks")

        api_keys = secretsmanager.Secret(
            self,
            "ApiKeys",
            secret_name=f"payment-api-keys-{suffix}",
            encryption_key=key,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}", generate_string_key="key", exclude_punctuation=True
            ),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        database = rds.DatabaseCluster(
            self,
            "Database",
            cluster_identifier=f"aurora-{suffix}",
            engine=rds.DatabaseClusterEngine.aurora_postgres(version=rds.AuroraPostgresEngineVersion.VER_15_4),
            credentials=rds.Credentials.from_generated_secret(
                "dbadmin", secret_name=f"payment-db-{suffix}", encryption_key=key
            ),
            writer=rds.ClusterInstance.serverless_v2("writer"),
            readers=[rds.ClusterInstance.serverless_v2("reader", scale_with_writer=True)],
            serverless_v2_min_capacity=0.5,
            serverless_v2_max_capacity=2,
            default_database_name="payments",
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED),
            security_groups=[db_group],
            storage_encrypted=True,
            storage_encryption_key=key,
            backup=rds.BackupProps(retention=cdk.Duration.days(7)),
            cloudwatch_logs_exports=["postgresql"],
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )

        cluster = ecs.Cluster(
            self,
            "Cluster",
            cluster_name=f"payment-processing-{suffix}",
            vpc=vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
            enable_fargate_capacity_providers=True,
        )
        namespace = servicediscovery.PrivateDnsNamespace(
            self, "Namespace", name=f"payment-{suffix}.local", vpc=vpc
        )
        balancer = elbv2.ApplicationLoadBalancer(
            self,
            "Balancer",
            load_balancer_name=f"payment-alb-{suffix}",
            vpc=vpc,
            internet_facing=True,
            security_group=alb_group,
        )
        listener = balancer.add_listener(
            "Http",
            port=80,
            open=False,
            default_action=elbv2.ListenerAction.fixed_response(
                404, content_type="text/plain", message_body="nothing here"
            ),
        )
        application = codedeploy.EcsApplication(
            self, "Application", application_name=f"payment-processing-{suffix}"
        )
        topic = sns.Topic(self, "Alerts", topic_name=f"payment-alerts-{suffix}")

        services = [
            BlueGreenService(
                self,
                props.name,
                props=props,
                suffix=suffix,
                image=image.value_as_string,
                key=key,
                vpc=vpc,
                cluster=cluster,
                namespace=namespace,
                listener=listener,
                balancer=balancer,
                group=ecs_group,
                application=application,
                secrets={"DB_CREDENTIALS": database.secret, "API_KEYS": api_keys},
            )
            for props in SERVICES
        ]
        Monitoring(self, "Monitoring", suffix=suffix, balancer=balancer, services=services, topic=topic)

        cdk.CfnOutput(self, "LoadBalancerDns", value=balancer.load_balancer_dns_name)
        cdk.CfnOutput(self, "DatabaseEndpoint", value=database.cluster_endpoint.hostname)
        cdk.CfnOutput(self, "AlertsTopic", value=topic.topic_arn)
