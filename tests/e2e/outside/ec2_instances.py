ec2 = client("ec2")
ssm = client("ssm")
vpc_id, subnet_id, other_id = network(ec2)


def state(instance):
    answer = ec2.describe_instances(InstanceIds=[instance])
    return answer["Reservations"][0]["Instances"][0]["State"]["Name"]


# Images: Systems Manager's public ones are there, in their region.
name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
image = ssm.get_parameter(Name=name)["Parameter"]["Value"]
found = ec2.describe_images(ImageIds=[image])["Images"][0]
holds("image", found, Architecture="arm64", State="available", RootDeviceName="/dev/xvda", PublicSsmParameterName=name)
arm = [{"Name": "architecture", "Values": ["arm64"]}]
true("images by filter", all(i["Architecture"] == "arm64" for i in ec2.describe_images(Filters=arm)["Images"]))
refused("InvalidAMIID.NotFound", client("ec2", "us-west-2").describe_images, ImageIds=[image])
refused("InvalidAMIID.Malformed", ec2.describe_images, ImageIds=["ami-x"])

# Launch templates and their versions.
data = {"ImageId": image, "InstanceType": "m7g.medium", "MetadataOptions": {"HttpTokens": "required"}, "UserData": "IyEvYmluL3No"}
template = ec2.create_launch_template(
    LaunchTemplateName="vault",
    VersionDescription="first",
    LaunchTemplateData=data,
    TagSpecifications=[{"ResourceType": "launch-template", "Tags": tags({"team": "vault"})}],
)["LaunchTemplate"]
template_id = template["LaunchTemplateId"]
holds("template", template, LaunchTemplateName="vault", LatestVersionNumber=1, DefaultVersionNumber=1)
refused(
    "InvalidLaunchTemplateName.AlreadyExistsException",
    ec2.create_launch_template,
    LaunchTemplateName="vault",
    LaunchTemplateData=data,
)
ec2.create_launch_template_version(LaunchTemplateId=template_id, SourceVersion="1", LaunchTemplateData={"KeyName": "ops"})
found = ec2.describe_launch_templates(Filters=[{"Name": "tag:team", "Values": ["vault"]}])["LaunchTemplates"][0]
holds("template", found, LatestVersionNumber=2, DefaultVersionNumber=1, Tags=tags({"team": "vault"}))
versions = ec2.describe_launch_template_versions(Versions=["$Latest"])["LaunchTemplateVersions"]
same("latest", [(v["VersionNumber"], v["LaunchTemplateData"]) for v in versions], [(2, {**data, "KeyName": "ops"})])
for number in range(3, 8):
    ec2.create_launch_template_version(LaunchTemplateId=template_id, LaunchTemplateData=data)
items, count = pages(ec2, "describe_launch_template_versions", "LaunchTemplateVersions", 3, LaunchTemplateId=template_id)
same("versions by pages", (len(items), count), (7, 3))
ec2.modify_launch_template(LaunchTemplateId=template_id, DefaultVersion="2")
refused("InvalidLaunchTemplateId.NotFound", ec2.describe_launch_templates, LaunchTemplateIds=["lt-00000000000000000"])

# Instances: from the template's default version, with what the request says over it.
launched = ec2.run_instances(
    MinCount=1,
    MaxCount=1,
    SubnetId=subnet_id,
    LaunchTemplate={"LaunchTemplateId": template_id},
    InstanceType="t4g.small",
    ClientToken="one",
    TagSpecifications=[{"ResourceType": "instance", "Tags": tags({"Name": "vault-1"})}],
)["Instances"][0]
instance = launched["InstanceId"]
holds("launched", launched, InstanceType="t4g.small", KeyName="ops", Architecture="arm64", VpcId=vpc_id, SubnetId=subnet_id)
same("pending", launched["State"], {"Code": 0, "Name": "pending"})
until("running", lambda: state(instance) == "running")
named = [{"Name": "tag:Name", "Values": ["vault-1"]}, {"Name": "instance-state-name", "Values": ["running"]}]
found = ec2.describe_instances(Filters=named)["Reservations"][0]["Instances"][0]
holds("running", found, InstanceId=instance, SourceDestCheck=True, EbsOptimized=False, PublicDnsName="")
same("placement", found["Placement"]["AvailabilityZone"], "us-east-1a")
same("tokens", found["MetadataOptions"]["HttpTokens"], "required")
same("interface", found["NetworkInterfaces"][0]["PrivateIpAddress"], found["PrivateIpAddress"])
told = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")
same("user data", told["UserData"], {"Value": "IyEvYmluL3No"})
credits = ec2.describe_instance_credit_specifications(InstanceIds=[instance])["InstanceCreditSpecifications"]
same("credits", credits, [{"InstanceId": instance, "CpuCredits": "unlimited"}])
refused("InvalidInstanceID.NotFound", ec2.describe_instances, InstanceIds=["i-00000000000000000"])
refused(
    "IncorrectInstanceState",
    ec2.modify_instance_attribute,
    InstanceId=instance,
    InstanceType={"Value": "t4g.large"},
)
ec2.stop_instances(InstanceIds=[instance])
until("stopped", lambda: state(instance) == "stopped")
ec2.modify_instance_attribute(InstanceId=instance, InstanceType={"Value": "t4g.large"})
ec2.modify_instance_attribute(InstanceId=instance, UserData={"Value": b"#!/bin/bash"})
told = ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")
same("user data", told["UserData"], {"Value": "IyEvYmluL2Jhc2g="})
ec2.start_instances(InstanceIds=[instance])
until("running again", lambda: state(instance) == "running")

# Its volume, and one that is attached.
mine = [{"Name": "attachment.instance-id", "Values": [instance]}]
root = ec2.describe_volumes(Filters=mine)["Volumes"][0]
holds("root", root, Size=8, VolumeType="gp3", Iops=3000, State="in-use", AvailabilityZone="us-east-1a")
volume = ec2.create_volume(AvailabilityZone="us-east-1a", Size=4, VolumeType="gp3")["VolumeId"]
until("volume", lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available")
ec2.attach_volume(InstanceId=instance, VolumeId=volume, Device="/dev/sdf")
refused("VolumeInUse", ec2.delete_volume, VolumeId=volume)
same("volumes", len(ec2.describe_volumes(Filters=mine)["Volumes"]), 2)

# Addresses need a gateway, and stay when the instance goes.
address = ec2.allocate_address(Domain="vpc")
refused("Gateway.NotAttached", ec2.associate_address, AllocationId=address["AllocationId"], InstanceId=instance)
gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc_id)
association = ec2.associate_address(AllocationId=address["AllocationId"], InstanceId=instance)["AssociationId"]
found = ec2.describe_addresses(Filters=[{"Name": "association-id", "Values": [association]}])["Addresses"][0]
holds("address", found, InstanceId=instance, PublicIp=address["PublicIp"])
found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
same("public", found["PublicIpAddress"], address["PublicIp"])
ec2.disassociate_address(AssociationId=association)
ec2.release_address(AllocationId=address["AllocationId"])

# Interfaces.
interface = ec2.create_network_interface(SubnetId=other_id, Description="d", SecondaryPrivateIpAddressCount=2)["NetworkInterface"]
same("addresses", [a["Primary"] for a in interface["PrivateIpAddresses"]], [True, False, False])
interface_id = interface["NetworkInterfaceId"]
ec2.unassign_private_ip_addresses(
    NetworkInterfaceId=interface_id, PrivateIpAddresses=[interface["PrivateIpAddresses"][1]["PrivateIpAddress"]]
)
found = ec2.describe_network_interfaces(NetworkInterfaceIds=[interface_id])["NetworkInterfaces"][0]
same("fewer", len(found["PrivateIpAddresses"]), 2)
ec2.delete_network_interface(NetworkInterfaceId=interface_id)

# The end: what it held is free, what was attached stays.
refused("DependencyViolation", ec2.delete_subnet, SubnetId=subnet_id)
ec2.terminate_instances(InstanceIds=[instance])
until("terminated", lambda: state(instance) == "terminated")
same("left", [v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]], [volume])
ec2.delete_volume(VolumeId=volume)
ec2.delete_launch_template(LaunchTemplateId=template_id)
ec2.delete_subnet(SubnetId=subnet_id)
