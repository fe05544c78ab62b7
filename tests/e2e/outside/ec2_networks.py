ec2 = client("ec2")
west = client("ec2", "us-west-2")


def vpc_of(block, api=ec2):
    return api.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]


vpc = vpc_of("10.0.0.0/16")
ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})


def subnet_of(block, zone):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]


# Ranges.
made = ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")["CidrBlockAssociation"]
same("associating", made["CidrBlockState"]["State"], "associating")


def ranges():
    found = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlockAssociationSet"]
    return {one["CidrBlock"]: one["CidrBlockState"]["State"] for one in found}


until("associated", lambda: ranges()["10.1.0.0/16"] == "associated")
a, b = subnet_of("10.0.1.0/24", "us-east-1a"), subnet_of("10.1.1.0/24", "us-east-1b")
refused("InvalidVpc.Range", ec2.associate_vpc_cidr_block, VpcId=vpc, CidrBlock="10.1.128.0/17")
refused("InvalidCidrBlock.InUse", ec2.disassociate_vpc_cidr_block, AssociationId=made["AssociationId"])

# DHCP options.
options = ec2.create_dhcp_options(
    DhcpConfigurations=[
        {"Key": "domain-name", "Values": ["example.com"]},
        {"Key": "domain-name-servers", "Values": ["10.0.0.2", "10.0.0.3"]},
    ],
    TagSpecifications=[{"ResourceType": "dhcp-options", "Tags": tags({"Name": "d"})}],
)["DhcpOptions"]
options_id = options["DhcpOptionsId"]
found = ec2.describe_dhcp_options(Filters=[{"Name": "value", "Values": ["example.com"]}])["DhcpOptions"]
same("options", [one["DhcpOptionsId"] for one in found], [options_id])
same("their values", found[0]["DhcpConfigurations"][1]["Values"], [{"Value": "10.0.0.2"}, {"Value": "10.0.0.3"}])
same("their tags", found[0]["Tags"], tags({"Name": "d"}))
ec2.associate_dhcp_options(DhcpOptionsId=options_id, VpcId=vpc)
refused("DependencyViolation", ec2.delete_dhcp_options, DhcpOptionsId=options_id)
ec2.associate_dhcp_options(DhcpOptionsId="default", VpcId=vpc)
ec2.delete_dhcp_options(DhcpOptionsId=options_id)
refused("InvalidDhcpOptionID.NotFound", ec2.describe_dhcp_options, DhcpOptionsIds=[options_id])

# Network ACLs.
acl = ec2.create_network_acl(
    VpcId=vpc,
    ClientToken="once",
    TagSpecifications=[{"ResourceType": "network-acl", "Tags": tags({"Name": "cards"})}],
)["NetworkAcl"]
acl_id = acl["NetworkAclId"]
again = ec2.create_network_acl(
    VpcId=vpc,
    ClientToken="once",
    TagSpecifications=[{"ResourceType": "network-acl", "Tags": tags({"Name": "cards"})}],
)["NetworkAcl"]
same("the same token", again["NetworkAclId"], acl_id)
same("closed", [entry["RuleAction"] for entry in acl["Entries"]], ["deny", "deny"])
rule = {
    "NetworkAclId": acl_id,
    "RuleNumber": 100,
    "Protocol": "6",
    "RuleAction": "allow",
    "Egress": False,
    "CidrBlock": "10.0.0.0/8",
    "PortRange": {"From": 443, "To": 443},
}
ec2.create_network_acl_entry(**rule)
refused("NetworkAclEntryAlreadyExists", ec2.create_network_acl_entry, **{**rule, "RuleAction": "deny"})
ec2.replace_network_acl_entry(**{**rule, "RuleAction": "deny"})
refused("InvalidNetworkAclEntry.NotFound", ec2.replace_network_acl_entry, **{**rule, "RuleNumber": 7})


def lists(name, value):
    found = ec2.describe_network_acls(Filters=[{"Name": name, "Values": [value]}])["NetworkAcls"]
    return {one["NetworkAclId"]: one for one in found}


entries = [entry for entry in lists("vpc-id", vpc)[acl_id]["Entries"] if entry["RuleNumber"] == 100]
same("entry", entries[0]["RuleAction"], "deny")
same("ports", entries[0]["PortRange"], {"From": 443, "To": 443})
(before,) = lists("association.subnet-id", a).values()
old = next(one for one in before["Associations"] if one["SubnetId"] == a)["NetworkAclAssociationId"]
new = ec2.replace_network_acl_association(AssociationId=old, NetworkAclId=acl_id)["NewAssociationId"]
true("another id", new != old)
same("moved", list(lists("association.association-id", new)), [acl_id])
refused("DependencyViolation", ec2.delete_network_acl, NetworkAclId=acl_id)
refused("InvalidAssociationID.NotFound", ec2.replace_network_acl_association, AssociationId=old, NetworkAclId=acl_id)
ec2.replace_network_acl_association(AssociationId=new, NetworkAclId=before["NetworkAclId"])
ec2.delete_network_acl_entry(NetworkAclId=acl_id, RuleNumber=100, Egress=False)
ec2.delete_network_acl(NetworkAclId=acl_id)
refused("InvalidNetworkAclID.NotFound", ec2.describe_network_acls, NetworkAclIds=[acl_id])

# Endpoints.
table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
gateway = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table])["VpcEndpoint"]
holds("gateway", gateway, VpcEndpointType="Gateway", RouteTableIds=[table], State="available")
routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
true("its route", any(route.get("GatewayId") == gateway["VpcEndpointId"] for route in routes))
interface = ec2.create_vpc_endpoint(
    VpcId=vpc,
    VpcEndpointType="Interface",
    ServiceName="com.amazonaws.us-east-1.kms",
    SubnetIds=[a],
    PolicyDocument='{"Statement": []}',
    TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": tags({"Name": "kms"})}],
)["VpcEndpoint"]
holds("interface", interface, State="pending", SubnetIds=[a], PolicyDocument='{"Statement": []}', Tags=tags({"Name": "kms"}))
true("a default group", interface["Groups"])
kms = interface["VpcEndpointId"]


def endpoint():
    return ec2.describe_vpc_endpoints(VpcEndpointIds=[kms])["VpcEndpoints"][0]


until("available", lambda: endpoint()["State"] == "available")
ec2.modify_vpc_endpoint(VpcEndpointId=kms, AddSubnetIds=[b], ResetPolicy=True)
same("subnets", sorted(endpoint()["SubnetIds"]), sorted([a, b]))
same("interfaces", len(endpoint()["NetworkInterfaceIds"]), 2)
true("the default policy", '"Principal":"*"' in endpoint()["PolicyDocument"])
of_type = [{"Name": "vpc-endpoint-type", "Values": ["Interface"]}]
same("by type", [one["VpcEndpointId"] for one in ec2.describe_vpc_endpoints(Filters=of_type)["VpcEndpoints"]], [kms])
refused("InvalidServiceName", ec2.create_vpc_endpoint, VpcId=vpc, ServiceName="com.amazonaws.us-east-1.nothing")
refused("DependencyViolation", ec2.delete_subnet, SubnetId=a)
answer = ec2.delete_vpc_endpoints(VpcEndpointIds=[kms, gateway["VpcEndpointId"], "vpce-0"])["Unsuccessful"]
same("one was not there", [one["Error"]["Code"] for one in answer], ["InvalidVpcEndpoint.NotFound"])
until("gone", lambda: ec2.describe_vpc_endpoints()["VpcEndpoints"] == [])

# Flow logs.
log = {
    "ResourceIds": [vpc],
    "ResourceType": "VPC",
    "TrafficType": "ALL",
    "LogDestinationType": "s3",
    "LogDestination": "arn:aws:s3:::flows",
}
(log_id,) = ec2.create_flow_logs(**log)["FlowLogIds"]
again = ec2.create_flow_logs(**log)["Unsuccessful"]
same("once", [one["Error"]["Code"] for one in again], ["FlowLogAlreadyExists"])
found = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
same("logs", [one["FlowLogId"] for one in found], [log_id])
holds("log", found[0], FlowLogStatus="ACTIVE", MaxAggregationInterval=600, TrafficType="ALL")
same("none here", ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": ["vpc-0"]}])["FlowLogs"], [])
refused("InvalidParameter", ec2.create_flow_logs, **{**log, "LogDestinationType": "cloud-watch-logs"})
refused("InvalidFlowLogId.NotFound", ec2.delete_flow_logs, FlowLogIds=["fl-0"])
ec2.delete_flow_logs(FlowLogIds=[log_id])

# Peerings.
peer = vpc_of("10.9.0.0/16", west)
made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer, PeerRegion="us-west-2")["VpcPeeringConnection"]
pcx = made["VpcPeeringConnectionId"]
holds("accepter", made["AccepterVpcInfo"], VpcId=peer, Region="us-west-2", OwnerId=ACCOUNT, CidrBlock="10.9.0.0/16")


def status(api):
    found = api.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"]
    return found[0]["Status"]["Code"]


until("pending", lambda: status(west) == "pending-acceptance")
refused("OperationNotPermitted", ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=pcx)
west.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
until("active", lambda: status(ec2) == "active")
ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
until("deleted", lambda: status(west) == "deleted")
refused("InvalidVpcPeeringConnectionID.NotFound", ec2.delete_vpc_peering_connection, VpcPeeringConnectionId="pcx-0")

# All goes.
until("drained", lambda: ec2.describe_network_interfaces()["NetworkInterfaces"] == [])
for subnet in (a, b):
    ec2.delete_subnet(SubnetId=subnet)
ec2.delete_route_table(RouteTableId=table)
ec2.delete_vpc(VpcId=vpc)
west.delete_vpc(VpcId=peer)
