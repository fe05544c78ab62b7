"""Alarms to one topic, and the dashboard."""
import aws_cdk as cdk
from aws_cdk import (
    aws_cloudwatch as cloudwatch,
    aws_cloudwatch_actions as actions,
    aws_elasticloadbalancingv2 as elbv2,
    aws_sns as sns,
)
from constructs import Construct


class Monitoring(Construct):
    """CPU, memory and response time, and what one wants to see of them."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        suffix: str,
        balancer: elbv2.ApplicationLoadBalancer,
        services: list,
        topic: sns.ITopic,
    ) -> None:
        super().__init__(scope, id)
        tell = actions.SnsAction(topic)
        for one in services:
            for name, metric, threshold in (
                ("cpu", one.service.metric_cpu_utilization(), 85),
                ("memory", one.service.metric_memory_utilization(), 90),
            ):
                cloudwatch.Alarm(
                    self,
                    f"{one.props.name}-{name}",
                    alarm_name=f"{one.props.name}-{name}-{suffix}",
                    metric=metric,
                    threshold=threshold,
                    evaluation_periods=2,
                ).add_alarm_action(tell)
        response = balancer.metrics.target_response_time(period=cdk.Duration.minutes(1))
        cloudwatch.Alarm(
            self,
            "response-time",
            alarm_name=f"response-time-{suffix}",
            metric=response,
            threshold=1,
            evaluation_periods=3,
        ).add_alarm_action(tell)
        dashboard = cloudwatch.Dashboard(self, "Dashboard", dashboard_name=f"payment-processing-{suffix}")
        dashboard.add_widgets(
            cloudwatch.GraphWidget(title="Requests", left=[balancer.metrics.request_count()]),
            cloudwatch.GraphWidget(title="Response time", left=[response]),
        )
        dashboard.add_widgets(
            cloudwatch.GraphWidget(title="CPU", left=[one.service.metric_cpu_utilization() for one in services]),
            cloudwatch.GraphWidget(
                title="Memory", left=[one.service.metric_memory_utilization() for one in services]
            ),
        )

        # The green group is behind the load balancer only while CodeDeploy puts it there, so the CDK knows no metrics of it.
        def hosts(name: str, group: elbv2.ApplicationTargetGroup) -> cloudwatch.Metric:
            return cloudwatch.Metric(
                namespace="AWS/ApplicationELB",
                metric_name=name,
                dimensions_map={
                    "LoadBalancer": balancer.load_balancer_full_name,
                    "TargetGroup": group.target_group_full_name,
                },
                statistic="Average",
                period=cdk.Duration.minutes(1),
            )

        groups = [group for one in services for group in (one.blue, one.green)]
        dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Targets",
                left=[hosts("HealthyHostCount", group) for group in groups],
                right=[hosts("UnHealthyHostCount", group) for group in groups],
            )
        )
