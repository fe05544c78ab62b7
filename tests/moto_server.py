"""moto's server, with what it loses of a request kept (docs/emulators.md). Arguments are moto_server's.

AWS gives back every member below from DescribeServices and DescribeSecurityGroupRules (the API reference of each); moto
5.2.5 takes them and forgets them, so that no second plan could be clean. And it keeps the network interfaces of NAT
gateways that are gone. Every request is held to AWS's API models: strict.py.
"""

import sys

import moto.ec2.models.nat_gateways as nat_gateways
import moto.ec2.models.security_groups as security_groups
import moto.ecs.responses as ecs
import strict
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


def take_interface_along(delete_nat_gateway):
    """A deleted NAT gateway's network interface goes with it (API_DeleteNatGateway)."""

    def delete(self, nat_gateway_id):
        gateway = delete_nat_gateway(self, nat_gateway_id)
        self.enis.pop(gateway._eni.id, None)
        return gateway

    return delete


responses = ecs.EC2ContainerServiceResponse
responses.create_service = keep_service_members(responses.create_service)
security_groups.SecurityGroupRule.description = property(rule_description)
backend = nat_gateways.NatGatewayBackend
backend.delete_nat_gateway = take_interface_along(backend.delete_nat_gateway)

strict.install()

if __name__ == "__main__":
    main(sys.argv[1:])
