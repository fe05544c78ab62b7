//! Looks at an emulator from outside, with boto3: what a destroyed environment must not leave.

use super::python;

/// Lists what every service of the platforms still holds that payctl made. KMS keys pending deletion and INACTIVE task
/// definitions are AWS's own way of ending these; AWS's own resources (default VPC, managed policies, service-linked
/// roles) are not ours.
const INVENTORY: &str = r#"
import json, sys, boto3, botocore.exceptions
from botocore.config import Config
from botocore.parsers import ResponseParserError
url, left = sys.argv[1], []
for region in ("us-east-1", "us-west-2"):
    def client(name):
        return boto3.client(name, region_name=region, endpoint_url=url)
    def pages(name, operation, key, **arguments):
        c = client(name)
        if c.can_paginate(operation):
            for page in c.get_paginator(operation).paginate(**arguments):
                yield from page.get(key, [])
        else:
            yield from getattr(c, operation)(**arguments).get(key, [])
    def pages_if_known(*arguments, **named):
        """What moto does not know it answers with 500: then it has none."""
        try:
            yield from pages(*arguments, **named)
        except botocore.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 500: raise
    def found(kind, what):
        left.append(f"{region} {kind} {what}")
    default_vpcs = {v["VpcId"] for v in pages("ec2", "describe_vpcs", "Vpcs") if v.get("IsDefault")}
    for v in pages("ec2", "describe_vpcs", "Vpcs"):
        if v["VpcId"] not in default_vpcs: found("vpc", v["VpcId"])
    for key, operation, ident in (
        ("Subnets", "describe_subnets", "SubnetId"), ("RouteTables", "describe_route_tables", "RouteTableId"),
        ("SecurityGroups", "describe_security_groups", "GroupId"), ("NetworkInterfaces", "describe_network_interfaces", "NetworkInterfaceId"),
    ):
        for item in pages("ec2", operation, key):
            if item.get("VpcId") not in default_vpcs: found(key, item[ident])
    for item in pages("ec2", "describe_internet_gateways", "InternetGateways"):
        if not any(a.get("VpcId") in default_vpcs for a in item.get("Attachments", [])): found("igw", item["InternetGatewayId"])
    for item in pages("ec2", "describe_nat_gateways", "NatGateways"):
        if item["State"] not in ("deleted", "deleting"): found("nat", item["NatGatewayId"])
    for item in pages("ec2", "describe_network_acls", "NetworkAcls"):
        if not item["IsDefault"]: found("network acl", item["NetworkAclId"])
    for item in pages("ec2", "describe_vpc_endpoints", "VpcEndpoints"):
        if item["State"].lower() not in ("deleted", "deleting"): found("endpoint", item["VpcEndpointId"])
    for item in pages("ec2", "describe_vpc_peering_connections", "VpcPeeringConnections"):
        if item["Status"]["Code"] not in ("deleted", "deleting"): found("peering", item["VpcPeeringConnectionId"])
    for item in pages("ec2", "describe_flow_logs", "FlowLogs"): found("flow log", item["FlowLogId"])
    for item in pages("ec2", "describe_dhcp_options", "DhcpOptions"):
        if any(t["Key"].startswith("payctl:") for t in item.get("Tags", [])): found("dhcp options", item["DhcpOptionsId"])
    for item in client("ec2").describe_addresses()["Addresses"]: found("address", item["AllocationId"])
    for item in pages("ec2", "describe_instances", "Reservations"):
        for i in item["Instances"]:
            if i["State"]["Name"] not in ("terminated", "shutting-down"): found("host", i["InstanceId"])
    for item in pages("ec2", "describe_volumes", "Volumes"): found("volume", item["VolumeId"])
    for item in pages("ec2", "describe_launch_templates", "LaunchTemplates"): found("launch template", item["LaunchTemplateId"])
    for item in pages("rds", "describe_db_clusters", "DBClusters"): found("cluster", item["DBClusterIdentifier"])
    for item in pages("rds", "describe_db_instances", "DBInstances"): found("instance", item["DBInstanceIdentifier"])
    for item in pages("rds", "describe_db_subnet_groups", "DBSubnetGroups"): found("subnet group", item["DBSubnetGroupName"])
    for key, operation, name in (
        ("DBParameterGroups", "describe_db_parameter_groups", "DBParameterGroupName"),
        ("DBClusterParameterGroups", "describe_db_cluster_parameter_groups", "DBClusterParameterGroupName"),
        ("OptionGroupsList", "describe_option_groups", "OptionGroupName"),
    ):
        try:
            groups = list(pages("rds", operation, key))
        except ResponseParserError:
            # moto fails where there is no option group at all (docs/emulators.md).
            groups = []
        for item in groups:
            if not item[name].startswith("default"): found(key, item[name])
    for arn in pages("ecs", "list_clusters", "clusterArns"):
        for c in client("ecs").describe_clusters(clusters=[arn])["clusters"]:
            if c["status"] != "INACTIVE": found("ecs cluster", arn)
    for arn in pages("ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"): found("task definition", arn)
    for item in pages("elbv2", "describe_load_balancers", "LoadBalancers"): found("load balancer", item["LoadBalancerArn"])
    for item in pages("elbv2", "describe_target_groups", "TargetGroups"): found("target group", item["TargetGroupArn"])
    for item in pages("application-autoscaling", "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs"): found("scalable target", item["ResourceId"])
    for item in pages("logs", "describe_log_groups", "logGroups"): found("log group", item["logGroupName"])
    for item in pages("cloudwatch", "describe_alarms", "MetricAlarms"): found("alarm", item["AlarmName"])
    for item in pages("cloudwatch", "describe_alarms", "CompositeAlarms", AlarmTypes=["CompositeAlarm"]): found("composite alarm", item["AlarmName"])
    # Types without a service of their own in the simulated AWS; moto has no Cloud Control.
    control = boto3.client("cloudcontrol", region_name=region, endpoint_url=url, config=Config(retries={"max_attempts": 0}))
    try:
        made = control.get_paginator("list_resource_requests").paginate(ResourceRequestStatusFilter={"Operations": ["CREATE"]})
        types = {event["TypeName"] for page in made for event in page["ResourceRequestStatusSummaries"]}
    except (botocore.exceptions.ClientError, ResponseParserError):
        types = set()
    for kind in sorted(types):
        for page in control.get_paginator("list_resources").paginate(TypeName=kind):
            for item in page["ResourceDescriptions"]: found(kind, item["Identifier"])
    for item in pages_if_known("logs", "describe_query_definitions", "queryDefinitions"): found("saved query", item["name"])
    for name in pages("dynamodb", "list_tables", "TableNames"): found("table", name)
    for item in pages("events", "list_rules", "Rules"): found("rule", item["Name"])
    for item in pages("events", "list_event_buses", "EventBuses"):
        if item["Name"] != "default": found("event bus", item["Name"])
    for item in pages("cloudwatch", "list_dashboards", "DashboardEntries"): found("dashboard", item["DashboardName"])
    for item in pages("sns", "list_topics", "Topics"): found("topic", item["TopicArn"])
    # Nobody can delete one that waits for its confirmation: AWS forgets it after three days (sns API_Unsubscribe).
    for item in pages("sns", "list_subscriptions", "Subscriptions"):
        if item["SubscriptionArn"] != "PendingConfirmation": found("subscription", item["SubscriptionArn"])
    for name in pages("codedeploy", "list_applications", "applications"): found("deployed application", name)
    for name in pages_if_known("codedeploy", "list_deployment_configs", "deploymentConfigsList"):
        if not name.startswith("CodeDeployDefault."): found("deployment configuration", name)
    for item in pages("sqs", "list_queues", "QueueUrls"): found("queue", item)
    # What `cdk bootstrap` makes is the account's, not the project's.
    for item in pages("ssm", "describe_parameters", "Parameters"):
        if not item["Name"].startswith("/cdk-bootstrap/"): found("parameter", item["Name"])
    for item in pages("ecr", "describe_repositories", "repositories"):
        if not item["repositoryName"].startswith("cdk-"): found("repository", item["repositoryName"])
    for item in pages("servicediscovery", "list_namespaces", "Namespaces"): found("namespace", item["Name"])
    for item in pages("servicediscovery", "list_services", "Services"): found("discovered service", item["Name"])
    # Those in their recovery window are not listed; those of a service are its own.
    for item in pages("secretsmanager", "list_secrets", "SecretList"):
        if "!" not in item["Name"]: found("secret", item["Name"])
    for item in pages("kms", "list_aliases", "Aliases"):
        if not item["AliasName"].startswith("alias/aws/"): found("key alias", item["AliasName"])
    for item in pages("kms", "list_keys", "Keys"):
        state = client("kms").describe_key(KeyId=item["KeyId"])["KeyMetadata"]
        if state["KeyState"] != "PendingDeletion" and state.get("KeyManager") == "CUSTOMER": found("key", item["KeyId"])
for item in boto3.client("s3", region_name="us-east-1", endpoint_url=url).list_buckets()["Buckets"]:
    if not item["Name"].startswith("cdk-"): left.append("bucket " + item["Name"])
iam = boto3.client("iam", region_name="us-east-1", endpoint_url=url)
for item in iam.list_roles()["Roles"]:
    if not item["Path"].startswith("/aws-service-role/"): left.append("role " + item["RoleName"])
for item in iam.list_policies(Scope="Local")["Policies"]: left.append("policy " + item["PolicyName"])
for item in iam.list_users()["Users"]: left.append("user " + item["UserName"])
for item in iam.list_groups()["Groups"]: left.append("group " + item["GroupName"])
for item in iam.list_instance_profiles()["InstanceProfiles"]: left.append("profile " + item["InstanceProfileName"])
print(json.dumps(left))
"#;

/// Everything that an emulator still holds.
pub fn left_over(url: &str) -> Vec<String> {
    serde_json::from_str(&python::script(INVENTORY, &[url])).expect("a JSON list")
}

/// Fails where an emulator still holds something that payctl made.
pub fn assert_empty(url: &str) {
    assert_eq!(left_over(url), Vec::<String>::new());
}
