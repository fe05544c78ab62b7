"""moto's server, with what it loses of a request kept (docs/emulators.md). Arguments are moto_server's.

AWS gives back every member below from DescribeServices and DescribeSecurityGroupRules (the API reference of each); moto
5.2.5 takes them and forgets them, as it does with the tags of DHCP options, so that no second plan could be clean. It keeps the
network interfaces of NAT gateways and of instances that are gone, and does not know the filters for the identifiers of some
things. Every request is held to AWS's API models: strict.py.
"""

import sys

import moto.ec2.models.dhcp_options as dhcp_models
import moto.ec2.models.elastic_network_interfaces as elastic_network_interfaces
import moto.ec2.models.nat_gateways as nat_gateways
import moto.ec2.models.network_acls as network_acls
import moto.ec2.models.security_groups as security_groups
import moto.ec2.models.vpc_peering_connections as peerings
import moto.ec2.models.vpcs as vpcs
import moto.ec2.responses.dhcp_options as dhcp_options
import moto.ecs.responses as ecs
import moto.rds.models as rds
import moto.s3.responses as s3
import moto_missing
import strict
import xmltodict
from moto.server import main

# CreateService keeps these nowhere; UpdateService keeps whatever it is sent.
SERVICE_MEMBERS = {
    "deploymentConfiguration": "deployment_configuration",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
    "capacityProviderStrategy": "capacity_provider_strategy",
    "placementConstraints": "placement_constraints",
    "placementStrategy": "placement_strategy",
    "enableECSManagedTags": "enable_ecs_managed_tags",
    "enableExecuteCommand": "enable_execute_command",
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
}


def keep_service_members(create_service):
    def create(self):
        result = create_service(self)
        service = result.result["service"]
        for member, attribute in SERVICE_MEMBERS.items():
            value = self._get_params().get(member)
            if value is not None:
                setattr(service, attribute, value)
        return result

    return create


def rule_description(self):
    """A rule for another group carries its description there (moto looks at address ranges only)."""
    return self.ip_range.get("Description") or self.source_group.get("Description")


def keep_changed_group(modify_db_subnet_group):
    """A subnet group that is changed stays (API_ModifyDBSubnetGroup); moto takes it out of its list and leaves it out."""

    def modify(self, subnet_name, description, subnets):
        group = modify_db_subnet_group(self, subnet_name, description, subnets)
        self.subnet_groups[subnet_name] = group
        return group

    return modify


def take_interface_along(delete_nat_gateway):
    """A deleted NAT gateway's network interface goes with it, and its address is free again (API_DeleteNatGateway)."""

    def delete(self, nat_gateway_id):
        gateway = delete_nat_gateway(self, nat_gateway_id)
        self.enis.pop(gateway._eni.id, None)
        for address in self.addresses:
            if address.eni is gateway._eni:
                address.eni = address.association_id = None
        return gateway

    return delete


def keep_tags_of_options(create_dhcp_options):
    """DHCP options are tagged when they are made (API_CreateDhcpOptions, TagSpecification)."""

    def create(self):
        result = create_dhcp_options(self)
        tags = self._parse_tag_specification().get("dhcp-options", {})
        result.result["DhcpOptions"].add_tags(tags)
        return result

    return create


def goes_with_its_instance(create_network_interface):
    """What is made with an instance is deleted with it unless the request says no (API_InstanceNetworkInterfaceSpecification)."""

    def create(self, *arguments, **members):
        if "device_index" in members:
            members["delete_on_termination"] = True
        return create_network_interface(self, *arguments, **members)

    return create


def let_go_of_old_options(associate_dhcp_options):
    """DHCP options that a VPC had before are free (API_DeleteDhcpOptions)."""

    def associate(self, dhcp_options, vpc):
        if vpc.dhcp_options:
            vpc.dhcp_options.vpc = None
        associate_dhcp_options(self, dhcp_options, vpc)

    return associate


def keep_tags_of_buckets(put):
    """Tags that a bucket is made with (API_CreateBucketConfiguration, Tags)."""

    def create(self, request, bucket_name, querystring):
        answer = put(self, request, bucket_name, querystring)
        if not querystring and self.body:
            made = xmltodict.parse(self.body).get("CreateBucketConfiguration") or {}
            tags = (made.get("Tags") or {}).get("Tag", [])
            tags = tags if isinstance(tags, list) else [tags]
            if tags:
                pairs = {tag["Key"]: tag.get("Value") or "" for tag in tags}
                self.backend.put_bucket_tagging(bucket_name, pairs)
        return answer

    return create


def know_own_id(resource, name):
    """The filter for the identifier itself, which moto answers with 500 (API_DescribeNetworkAcls and the others')."""
    others = resource.get_filter_value

    def value(self, filter_name, method_name=None):
        return self.id if filter_name == name else others(self, filter_name, method_name)

    resource.get_filter_value = value


options = dhcp_options.DHCPOptions
options.create_dhcp_options = keep_tags_of_options(options.create_dhcp_options)
sets = dhcp_models.DHCPOptionsSetBackend
sets.associate_dhcp_options = let_go_of_old_options(sets.associate_dhcp_options)
know_own_id(network_acls.NetworkAcl, "network-acl-id")
know_own_id(vpcs.VPCEndPoint, "vpc-endpoint-id")
know_own_id(peerings.VPCPeeringConnection, "vpc-peering-connection-id")
responses = ecs.EC2ContainerServiceResponse
responses.create_service = keep_service_members(responses.create_service)
security_groups.SecurityGroupRule.description = property(rule_description)
interfaces = elastic_network_interfaces.NetworkInterfaceBackend
interfaces.create_network_interface = goes_with_its_instance(interfaces.create_network_interface)
buckets = s3.S3Response
buckets._bucket_response_put = keep_tags_of_buckets(buckets._bucket_response_put)
backend = nat_gateways.NatGatewayBackend
backend.delete_nat_gateway = take_interface_along(backend.delete_nat_gateway)

databases = rds.RDSBackend
databases.modify_db_subnet_group = keep_changed_group(databases.modify_db_subnet_group)

moto_missing.install()
strict.install()

if __name__ == "__main__":
    main(sys.argv[1:])
