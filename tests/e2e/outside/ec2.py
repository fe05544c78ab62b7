ec2 = client("ec2")

# VPCs: what was sent comes back, with AWS's defaults.
vpc = ec2.create_vpc(
    CidrBlock="10.0.0.0/16",
    TagSpecifications=[{"ResourceType": "vpc", "Tags": tags({"Name": "shop"})}],
)["Vpc"]
vpc_id = vpc["VpcId"]
until("available", lambda: ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]["State"] == "available")
found = ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]
holds("vpc", found, CidrBlock="10.0.0.0/16", InstanceTenancy="default", IsDefault=False, OwnerId=ACCOUNT)
same("tags", found["Tags"], tags({"Name": "shop"}))


def attribute(name):
    answer = ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=name)
    return answer[name[0].upper() + name[1:]]["Value"]


same("dns support", attribute("enableDnsSupport"), True)
same("dns hostnames", attribute("enableDnsHostnames"), False)
ec2.modify_vpc_attribute(VpcId=vpc_id, EnableDnsHostnames={"Value": True})
same("dns hostnames", attribute("enableDnsHostnames"), True)
refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=["vpc-00000000000000000"])
refused("InvalidVpc.Range", ec2.create_vpc, CidrBlock="10.0.0.0/8")
groups = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["SecurityGroups"]
same("the default group", [group["GroupName"] for group in groups], ["default"])
tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc_id]}])["RouteTables"]
same("the main table", [table["Associations"][0]["Main"] for table in tables], [True])

# Subnets.
subnet = ec2.create_subnet(
    VpcId=vpc_id,
    CidrBlock="10.0.1.0/24",
    AvailabilityZone="us-east-1a",
    TagSpecifications=[{"ResourceType": "subnet", "Tags": tags({"Name": "a"})}],
)["Subnet"]
subnet_id = subnet["SubnetId"]
holds("subnet", subnet, AvailabilityZone="us-east-1a", AvailableIpAddressCount=251, MapPublicIpOnLaunch=False)
ec2.modify_subnet_attribute(SubnetId=subnet_id, MapPublicIpOnLaunch={"Value": True})
found = ec2.describe_subnets(SubnetIds=[subnet_id])["Subnets"][0]
holds("subnet", found, MapPublicIpOnLaunch=True, VpcId=vpc_id, Tags=tags({"Name": "a"}))
refused("InvalidSubnet.Conflict", ec2.create_subnet, VpcId=vpc_id, CidrBlock="10.0.1.128/25")
refused("InvalidSubnet.Range", ec2.create_subnet, VpcId=vpc_id, CidrBlock="10.9.0.0/24")
refused("InvalidVpcID.NotFound", ec2.create_subnet, VpcId="vpc-00000000000000000", CidrBlock="10.0.9.0/24")
refused("InvalidSubnetID.NotFound", ec2.describe_subnets, SubnetIds=["subnet-00000000000000000"])
for number in range(2, 8):
    ec2.create_subnet(VpcId=vpc_id, CidrBlock=f"10.0.{number}.0/24")
mine = [{"Name": "vpc-id", "Values": [vpc_id]}]
items, count = pages(ec2, "describe_subnets", "Subnets", 5, Filters=mine)
same("subnets by pages", (len(items), count), (7, 2))
named = [{"Name": "tag:Name", "Values": ["a"]}]
same("by tag", [s["SubnetId"] for s in ec2.describe_subnets(Filters=named)["Subnets"]], [subnet_id])
wild = [{"Name": "cidr-block", "Values": ["10.0.1.*"]}]
same("by pattern", len(ec2.describe_subnets(Filters=wild)["Subnets"]), 1)
refused("InvalidParameterValue", ec2.describe_subnets, Filters=[{"Name": "colour", "Values": ["red"]}])

# Groups and rules.
group = ec2.create_security_group(
    GroupName="web",
    Description="web",
    VpcId=vpc_id,
    TagSpecifications=[{"ResourceType": "security-group", "Tags": tags({"Name": "web"})}],
)["GroupId"]
refused("InvalidGroup.Duplicate", ec2.create_security_group, GroupName="web", Description="x", VpcId=vpc_id)
rule = {
    "IpProtocol": "tcp",
    "FromPort": 443,
    "ToPort": 443,
    "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "all"}],
}
answer = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
rule_id = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
refused("InvalidPermission.Duplicate", ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=[rule])
found = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
holds("group", found, Description="web", VpcId=vpc_id, Tags=tags({"Name": "web"}))
same("ingress", found["IpPermissions"][0]["IpRanges"], rule["IpRanges"])
same("egress", found["IpPermissionsEgress"][0]["IpProtocol"], "-1")
found = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"][0]
holds("rule", found, CidrIpv4="0.0.0.0/0", Description="all", FromPort=443, IsEgress=False, GroupId=group)
ec2.modify_security_group_rules(
    GroupId=group,
    SecurityGroupRules=[
        {
            "SecurityGroupRuleId": rule_id,
            "SecurityGroupRule": {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIpv4": "10.0.0.0/8"},
        }
    ],
)
found = ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])["SecurityGroupRules"][0]
holds("rule", found, CidrIpv4="10.0.0.0/8", FromPort=80)
other = ec2.create_security_group(GroupName="db", Description="db", VpcId=vpc_id)["GroupId"]
pair = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306, "UserIdGroupPairs": [{"GroupId": group}]}
ec2.authorize_security_group_ingress(GroupId=other, IpPermissions=[pair])
refused("DependencyViolation", ec2.delete_security_group, GroupId=group)
refused("InvalidGroup.NotFound", ec2.delete_security_group, GroupId="sg-00000000000000000")
ec2.revoke_security_group_ingress(GroupId=other, IpPermissions=[pair])
refused("InvalidPermission.NotFound", ec2.revoke_security_group_ingress, GroupId=other, IpPermissions=[pair])

# Gateways, addresses, routes.
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
table = ec2.create_route_table(VpcId=vpc_id)["RouteTable"]["RouteTableId"]
everywhere = {"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
try:
    ec2.create_route(**everywhere)
    fail("a route to a gateway that is not attached was accepted")
except ClientError as error:
    pass
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
refused("Resource.AlreadyAssociated", ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc_id)
ec2.create_route(**everywhere)
refused("RouteAlreadyExists", ec2.create_route, **everywhere)
found = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
same("routes", sorted(route["DestinationCidrBlock"] for route in found), ["0.0.0.0/0", "10.0.0.0/16"])
association = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet_id)["AssociationId"]
refused("DependencyViolation", ec2.delete_route_table, RouteTableId=table)
refused("DependencyViolation", ec2.delete_vpc, VpcId=vpc_id)
refused("DependencyViolation", ec2.delete_internet_gateway, InternetGatewayId=gateway)
address = ec2.allocate_address(Domain="vpc")["AllocationId"]
token = {"SubnetId": subnet_id, "AllocationId": address, "ClientToken": "once"}
nat = ec2.create_nat_gateway(**token)["NatGateway"]["NatGatewayId"]
same("the same token", ec2.create_nat_gateway(**token)["NatGateway"]["NatGatewayId"], nat)


def state():
    return ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]["State"]


until("the NAT gateway", lambda: state() == "available")
found = ec2.describe_nat_gateways(NatGatewayIds=[nat])["NatGateways"][0]
holds("nat", found, SubnetId=subnet_id, VpcId=vpc_id, ConnectivityType="public")
same("its address", found["NatGatewayAddresses"][0]["AllocationId"], address)
refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnet_id)
refused("DependencyViolation", ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc_id)
ec2.delete_nat_gateway(NatGatewayId=nat)
until("it is gone", lambda: state() == "deleted")
ec2.release_address(AllocationId=address)
refused("InvalidAllocationID.NotFound", ec2.describe_addresses, AllocationIds=[address])

# Tags.
ec2.create_tags(Resources=[vpc_id, subnet_id], Tags=tags({"Stage": "test"}))
found = ec2.describe_tags(Filters=[{"Name": "key", "Values": ["Stage"]}])["Tags"]
same("tagged", sorted(tag["ResourceId"] for tag in found), sorted([vpc_id, subnet_id]))
ec2.delete_tags(Resources=[vpc_id], Tags=[{"Key": "Stage"}])
same("untagged", ec2.describe_vpcs(VpcIds=[vpc_id])["Vpcs"][0]["Tags"], tags({"Name": "shop"}))
refused("InvalidParameterValue", ec2.create_tags, Resources=[vpc_id], Tags=tags({"aws:x": "y"}))

# Regions are apart.
same("another region", client("ec2", "us-west-2").describe_subnets(Filters=mine)["Subnets"], [])

# All goes in the right order.
ec2.disassociate_route_table(AssociationId=association)
ec2.delete_route_table(RouteTableId=table)
ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
ec2.delete_internet_gateway(InternetGatewayId=gateway)
ec2.delete_security_group(GroupId=group)
ec2.delete_security_group(GroupId=other)
for item in ec2.describe_subnets(Filters=mine)["Subnets"]:
    ec2.delete_subnet(SubnetId=item["SubnetId"])
ec2.delete_vpc(VpcId=vpc_id)
refused("InvalidVpcID.NotFound", ec2.describe_vpcs, VpcIds=[vpc_id])
