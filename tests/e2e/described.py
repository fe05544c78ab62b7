"""Everything that an AWS describes, as {kind: {name: members}}, with what differs from run to run taken out: identifiers, times,
addresses, host names. What every account has from the start is left out."""

import datetime
import json
import re
import sys

import boto3

URL = sys.argv[1]
REGION = "us-east-1"

# Each: kind, service, operation, where its items are, the members that name an item.
LISTS = [
    ("ec2/vpc", "ec2", "describe_vpcs", "Vpcs", ["CidrBlock"]),
    ("ec2/subnet", "ec2", "describe_subnets", "Subnets", ["CidrBlock"]),
    ("ec2/internet-gateway", "ec2", "describe_internet_gateways", "InternetGateways", ["Tags.Name"]),
    ("ec2/nat-gateway", "ec2", "describe_nat_gateways", "NatGateways", ["Tags.Name"]),
    ("ec2/address", "ec2", "describe_addresses", "Addresses", ["Tags.Name"]),
    ("ec2/route-table", "ec2", "describe_route_tables", "RouteTables", ["Tags.Name", "Associations"]),
    ("ec2/security-group", "ec2", "describe_security_groups", "SecurityGroups", ["GroupName"]),
    ("ec2/security-group-rule", "ec2", "describe_security_group_rules", "SecurityGroupRules", ["IsEgress", "IpProtocol", "FromPort", "CidrIpv4"]),
    ("ec2/network-acl", "ec2", "describe_network_acls", "NetworkAcls", ["IsDefault", "Tags.Name"]),
    ("ec2/dhcp-options", "ec2", "describe_dhcp_options", "DhcpOptions", ["Tags.Name"]),
    ("ec2/vpc-endpoint", "ec2", "describe_vpc_endpoints", "VpcEndpoints", ["ServiceName"]),
    ("ec2/flow-log", "ec2", "describe_flow_logs", "FlowLogs", ["TrafficType"]),
    ("ec2/peering", "ec2", "describe_vpc_peering_connections", "VpcPeeringConnections", ["Tags.Name"]),
    ("iam/role", "iam", "list_roles", "Roles", ["RoleName"]),
    ("iam/user", "iam", "list_users", "Users", ["UserName"]),
    ("iam/group", "iam", "list_groups", "Groups", ["GroupName"]),
    ("iam/instance-profile", "iam", "list_instance_profiles", "InstanceProfiles", ["InstanceProfileName"]),
    ("rds/cluster", "rds", "describe_db_clusters", "DBClusters", ["DBClusterIdentifier"]),
    ("rds/instance", "rds", "describe_db_instances", "DBInstances", ["DBInstanceIdentifier"]),
    ("rds/subnet-group", "rds", "describe_db_subnet_groups", "DBSubnetGroups", ["DBSubnetGroupName"]),
    ("elbv2/load-balancer", "elbv2", "describe_load_balancers", "LoadBalancers", ["LoadBalancerName"]),
    ("elbv2/target-group", "elbv2", "describe_target_groups", "TargetGroups", ["TargetGroupName"]),
    ("logs/log-group", "logs", "describe_log_groups", "logGroups", ["logGroupName"]),
    ("cloudwatch/alarm", "cloudwatch", "describe_alarms", "MetricAlarms", ["AlarmName"]),
    ("ssm/parameter", "ssm", "describe_parameters", "Parameters", ["Name"]),
    ("kms/alias", "kms", "list_aliases", "Aliases", ["AliasName"]),
]

IDENTIFIER = re.compile(
    r"\b(vpc|subnet|rtb|rtbassoc|igw|nat|eipalloc|eipassoc|eni|eni-attach|sg|sgr|acl|aclassoc|dopt|vpc-cidr-assoc|sgr|db|cluster)-[0-9a-zA-Z]{8,}\b"
)
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
HEX = re.compile(r"(?<=[/:-])[0-9a-f]{16,40}\b")
IAM = re.compile(r"\b(AROA|AIDA|AGPA|ANPA|AIPA)[A-Z0-9]{12,}\b")
HOST = re.compile(r"[A-Za-z0-9.-]+\.(amazonaws\.com|internal|elb\.amazonaws\.com)\b")
# The end of a name that payctl has generated, and the hexadecimal number that some services give in its place.
SUFFIX = re.compile(r"-[a-z2-7]{12}\b")
ADDRESS = re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b(?!/)")


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key != "ResponseMetadata"}
    if isinstance(value, (list, tuple)):
        items = [plain(item) for item in value]
        items = [item for item in items if not (isinstance(item, dict) and str(item.get("Key", item.get("key", ""))).startswith("payctl:"))]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True))
    if isinstance(value, datetime.datetime):
        return "<time>"
    # Logs tells times as milliseconds.
    if isinstance(value, int) and value > 1_500_000_000_000:
        return "<time>"
    if isinstance(value, str):
        for pattern, word in ((UUID, "<uuid>"), (IDENTIFIER, r"\1-<id>"), (HOST, "<host>"), (HEX, "<hex>"), (SUFFIX, "-<suffix>"), (IAM, r"\1<id>"), (ADDRESS, "<address>")):
            value = pattern.sub(word, value)
        return value
    return value


def name(item, members):
    parts = []
    for member in members:
        if member == "Tags.Name":
            tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
            parts.append(tags.get("Name", "-"))
        elif member == "Associations":
            parts.append("main" if any(one.get("Main") for one in item[member]) else f"of {len(item[member])} subnets")
        else:
            parts.append(str(item.get(member)))
    return " ".join(parts)


def client(service):
    return boto3.client(service, region_name=REGION, endpoint_url=URL)


def items(service, operation, key):
    api = client(service)
    if api.can_paginate(operation):
        for page in api.get_paginator(operation).paginate():
            yield from page.get(key, [])
    else:
        yield from getattr(api, operation)().get(key, [])


found = {}


def add(kind, key, item):
    of = found.setdefault(kind, {})
    key = plain(key)
    while key in of:
        key += "'"
    of[key] = plain(item)


defaults = {vpc["VpcId"] for vpc in items("ec2", "describe_vpcs", "Vpcs") if vpc.get("IsDefault")}
default_groups = {
    group["GroupId"] for group in items("ec2", "describe_security_groups", "SecurityGroups") if group["GroupName"] == "default"
}
for kind, service, operation, key, members in LISTS:
    for item in items(service, operation, key):
        of = item.get("VpcId") or next((one.get("VpcId") for one in item.get("Attachments", [])), None)
        if str(item.get("AlarmName", "")).startswith("TargetTracking-"):
            continue
        made_by_aws = str(item.get("Path", "")).startswith("/aws-service-role/") or str(item.get("AliasName", "")).startswith("alias/aws/")
        if of in defaults or item.get("GroupId") in default_groups or made_by_aws:
            continue
        add(kind, name(item, members), item)

iam = client("iam")
for role in [role["RoleName"] for role in items("iam", "list_roles", "Roles") if not role["Path"].startswith("/aws-service-role/")]:
    add("iam/role (GetRole)", role, iam.get_role(RoleName=role)["Role"])
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        add("iam/inline-policy", f"{role} {policy}", iam.get_role_policy(RoleName=role, PolicyName=policy))
    add("iam/attached-policies", role, iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"])

elb = client("elbv2")
for balancer in items("elbv2", "describe_load_balancers", "LoadBalancers"):
    arn, of = balancer["LoadBalancerArn"], balancer["LoadBalancerName"]
    attributes = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    add("elbv2/load-balancer (attributes)", of, {one["Key"]: one["Value"] for one in attributes})
    for listener in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]:
        add("elbv2/listener", f"{of} {listener['Port']}", listener)
        for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
            add("elbv2/rule", f"{of} {listener['Port']} {rule['Priority']}", rule)
for group in items("elbv2", "describe_target_groups", "TargetGroups"):
    attributes = elb.describe_target_group_attributes(TargetGroupArn=group["TargetGroupArn"])["Attributes"]
    add("elbv2/target-group (attributes)", group["TargetGroupName"], {one["Key"]: one["Value"] for one in attributes})

ecs = client("ecs")
for arn in [arn for page in ecs.get_paginator("list_clusters").paginate() for arn in page["clusterArns"]]:
    include = ["SETTINGS", "CONFIGURATIONS", "TAGS"]
    for cluster in ecs.describe_clusters(clusters=[arn], include=include)["clusters"]:
        add("ecs/cluster", cluster["clusterName"], cluster)
    for service in ecs.list_services(cluster=arn)["serviceArns"]:
        for described in ecs.describe_services(cluster=arn, services=[service], include=["TAGS"])["services"]:
            add("ecs/service", described["serviceName"], described)
for arn in [arn for page in ecs.get_paginator("list_task_definitions").paginate() for arn in page["taskDefinitionArns"]]:
    described = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
    add("ecs/task-definition", described["taskDefinition"]["family"], described["taskDefinition"])

sns = client("sns")
for topic in items("sns", "list_topics", "Topics"):
    add("sns/topic", topic["TopicArn"].rsplit(":", 1)[1], sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"])
for one in items("sns", "list_subscriptions", "Subscriptions"):
    add("sns/subscription", f"{one['Protocol']} {one['Endpoint']}", one)

kms = client("kms")
for key in items("kms", "list_keys", "Keys"):
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    if described["KeyManager"] == "CUSTOMER":
        add("kms/key", described.get("Description", ""), described)
        add("kms/key-rotation", described.get("Description", ""), kms.get_key_rotation_status(KeyId=key["KeyId"]))

scaling = client("application-autoscaling")
for one in scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]:
    add("scaling/target", one["ResourceId"], one)
for one in scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]:
    add("scaling/policy", one["PolicyName"], one)

for policy in iam.get_paginator("list_policies").paginate(Scope="Local"):
    for one in policy["Policies"]:
        version = iam.get_policy_version(PolicyArn=one["Arn"], VersionId=one["DefaultVersionId"])["PolicyVersion"]
        add("iam/managed-policy", one["PolicyName"], {**one, "Document": version["Document"]})
for user in [user["UserName"] for user in items("iam", "list_users", "Users")]:
    groups = iam.list_groups_for_user(UserName=user)["Groups"]
    add("iam/user (groups)", user, [group["GroupName"] for group in groups])
    for policy in iam.list_user_policies(UserName=user)["PolicyNames"]:
        add("iam/inline-policy", f"{user} {policy}", iam.get_user_policy(UserName=user, PolicyName=policy))

dynamodb = client("dynamodb")
for table in items("dynamodb", "list_tables", "TableNames"):
    add("dynamodb/table", table, dynamodb.describe_table(TableName=table)["Table"])
    add("dynamodb/time-to-live", table, dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"])
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    add("dynamodb/backups", table, backups)

events = client("events")
for bus in events.list_event_buses()["EventBuses"]:
    for rule in events.list_rules(EventBusName=bus["Name"])["Rules"]:
        add("events/rule", rule["Name"], rule)
        targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=bus["Name"])["Targets"]
        add("events/targets", rule["Name"], targets)

sqs = client("sqs")
for url in sqs.list_queues().get("QueueUrls", []):
    add("sqs/queue", url.rsplit("/", 1)[1], sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])

print(json.dumps(found, sort_keys=True, default=str))
