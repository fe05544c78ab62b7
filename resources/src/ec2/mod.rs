//! Networks: VPCs and what is in them. The loads that several types share stand here.

pub mod dhcp_options;
pub mod dhcp_options_association;
pub mod eip;
pub mod eip_association;
pub mod flow_log;
pub mod gateway_attachment;
pub mod instance;
mod instance_described;
mod instance_updates;
pub mod internet_gateway;
pub mod launch_template;
pub mod nat_gateway;
pub mod network_acl;
pub mod network_acl_association;
pub mod network_acl_entry;
pub mod network_interface;
mod network_interface_addresses;
mod permission;
pub mod route;
pub mod route_table;
pub mod route_table_association;
pub mod security_group;
pub mod security_group_rule;
pub mod subnet;
pub mod vpc;
pub mod vpc_cidr_block;
pub mod vpc_endpoint;
pub mod vpc_peering_connection;

use crate::definition::Fixed;
use crate::loaders::{By, Load};

/// A filter takes up to 200 values (EC2 API reference, "Filtering your resources").
const FILTER: usize = 200;

const fn filter(
    operation: &'static str,
    name: &'static str,
    items: &'static str,
    key: &'static str,
) -> Load {
    Load::of("ec2", operation, By::Filter(name), FILTER, items, key)
}

pub(crate) static VPCS: Load = filter("DescribeVpcs", "vpc-id", "Vpcs", "VpcId");
/// One attribute of one VPC a call is all that EC2 offers.
pub(crate) static VPC_DNS_SUPPORT: Load = Load {
    fixed: &[("Attribute", Fixed::Text("enableDnsSupport"))],
    gone: &["InvalidVpcID.NotFound"],
    ..Load::of(
        "ec2",
        "DescribeVpcAttribute",
        By::One(&["VpcId"]),
        1,
        "",
        "",
    )
};
pub(crate) static VPC_DNS_HOSTNAMES: Load = Load {
    fixed: &[("Attribute", Fixed::Text("enableDnsHostnames"))],
    ..VPC_DNS_SUPPORT
};
pub(crate) static SUBNETS: Load = filter("DescribeSubnets", "subnet-id", "Subnets", "SubnetId");
/// All lists of a VPC: the default one for the VPC, and the associations of its subnets.
pub(crate) static NETWORK_ACLS: Load =
    filter("DescribeNetworkAcls", "vpc-id", "NetworkAcls", "VpcId");
pub(crate) static NETWORK_ACLS_OF_SUBNETS: Load = Load {
    within: Some(&NETWORK_ACLS),
    ..filter(
        "DescribeNetworkAcls",
        "association.subnet-id",
        "NetworkAcls",
        "Associations.*.SubnetId",
    )
};
pub(crate) static NETWORK_ACLS_BY_ID: Load = filter(
    "DescribeNetworkAcls",
    "network-acl-id",
    "NetworkAcls",
    "NetworkAclId",
);
pub(crate) static NETWORK_ACLS_OF_ASSOCIATIONS: Load = Load {
    within: Some(&NETWORK_ACLS_BY_ID),
    ..filter(
        "DescribeNetworkAcls",
        "association.association-id",
        "NetworkAcls",
        "Associations.*.NetworkAclAssociationId",
    )
};
pub(crate) static DHCP_OPTIONS: Load = filter(
    "DescribeDhcpOptions",
    "dhcp-options-id",
    "DhcpOptions",
    "DhcpOptionsId",
);
pub(crate) static FLOW_LOGS: Load =
    filter("DescribeFlowLogs", "flow-log-id", "FlowLogs", "FlowLogId");
pub(crate) static VPC_ENDPOINTS: Load = filter(
    "DescribeVpcEndpoints",
    "vpc-endpoint-id",
    "VpcEndpoints",
    "VpcEndpointId",
);
pub(crate) static VPC_PEERING_CONNECTIONS: Load = filter(
    "DescribeVpcPeeringConnections",
    "vpc-peering-connection-id",
    "VpcPeeringConnections",
    "VpcPeeringConnectionId",
);
pub(crate) static INTERNET_GATEWAYS: Load = filter(
    "DescribeInternetGateways",
    "internet-gateway-id",
    "InternetGateways",
    "InternetGatewayId",
);
pub(crate) static ATTACHED_INTERNET_GATEWAYS: Load = Load {
    within: Some(&INTERNET_GATEWAYS),
    ..filter(
        "DescribeInternetGateways",
        "attachment.vpc-id",
        "InternetGateways",
        "Attachments.*.VpcId",
    )
};
pub(crate) static ATTACHED_VPN_GATEWAYS: Load = filter(
    "DescribeVpnGateways",
    "attachment.vpc-id",
    "VpnGateways",
    "VpcAttachments.*.VpcId",
);
pub(crate) static ADDRESSES: Load = filter(
    "DescribeAddresses",
    "allocation-id",
    "Addresses",
    "AllocationId",
);
pub(crate) static NAT_GATEWAYS: Load = filter(
    "DescribeNatGateways",
    "nat-gateway-id",
    "NatGateways",
    "NatGatewayId",
);
pub(crate) static ROUTE_TABLES: Load = filter(
    "DescribeRouteTables",
    "route-table-id",
    "RouteTables",
    "RouteTableId",
);
pub(crate) static ROUTE_TABLES_OF_ASSOCIATIONS: Load = Load {
    within: Some(&ROUTE_TABLES),
    ..filter(
        "DescribeRouteTables",
        "association.route-table-association-id",
        "RouteTables",
        "Associations.*.RouteTableAssociationId",
    )
};
pub(crate) static ROUTE_TABLES_OF_SUBNETS: Load = filter(
    "DescribeRouteTables",
    "association.subnet-id",
    "RouteTables",
    "Associations.*.SubnetId",
);
pub(crate) static SECURITY_GROUPS: Load = filter(
    "DescribeSecurityGroups",
    "group-id",
    "SecurityGroups",
    "GroupId",
);
pub(crate) static DEFAULT_SECURITY_GROUPS: Load = Load {
    fixed: &[(
        "Filters",
        Fixed::Json(r#"[{"Name": "group-name", "Values": ["default"]}]"#),
    )],
    ..filter(
        "DescribeSecurityGroups",
        "vpc-id",
        "SecurityGroups",
        "VpcId",
    )
};
pub(crate) static SECURITY_GROUP_RULES: Load = filter(
    "DescribeSecurityGroupRules",
    "security-group-rule-id",
    "SecurityGroupRules",
    "SecurityGroupRuleId",
);
pub(crate) static RULES_OF_SECURITY_GROUPS: Load = filter(
    "DescribeSecurityGroupRules",
    "group-id",
    "SecurityGroupRules",
    "GroupId",
);
/// The address of an association.
pub(crate) static ADDRESSES_OF_ASSOCIATIONS: Load = Load {
    within: Some(&ADDRESSES),
    ..filter(
        "DescribeAddresses",
        "association-id",
        "Addresses",
        "AssociationId",
    )
};
pub(crate) static PUBLIC_ADDRESSES: Load =
    filter("DescribeAddresses", "public-ip", "Addresses", "PublicIp");
pub(crate) static NETWORK_INTERFACES: Load = filter(
    "DescribeNetworkInterfaces",
    "network-interface-id",
    "NetworkInterfaces",
    "NetworkInterfaceId",
);
pub(crate) static INSTANCES: Load = filter(
    "DescribeInstances",
    "instance-id",
    "Reservations.*.Instances.*",
    "InstanceId",
);
/// The volumes at instances.
pub(crate) static VOLUMES_OF_INSTANCES: Load = filter(
    "DescribeVolumes",
    "attachment.instance-id",
    "Volumes",
    "Attachments.*.InstanceId",
);
/// Instances must be named: without, only those with unlimited credits are told (API_DescribeInstanceCreditSpecifications).
pub(crate) static CREDIT_SPECIFICATIONS: Load = Load {
    gone: &["InvalidInstanceID.NotFound"],
    ..Load::of(
        "ec2",
        "DescribeInstanceCreditSpecifications",
        By::Ids("InstanceIds"),
        FILTER,
        "InstanceCreditSpecifications",
        "InstanceId",
    )
};
/// One attribute of one instance a call is all that EC2 offers.
const fn instance_attribute(fixed: &'static [(&'static str, Fixed)]) -> Load {
    Load {
        fixed,
        gone: &["InvalidInstanceID.NotFound"],
        ..Load::of(
            "ec2",
            "DescribeInstanceAttribute",
            By::One(&["InstanceId"]),
            1,
            "",
            "",
        )
    }
}
pub(crate) static INSTANCE_USER_DATA: Load =
    instance_attribute(&[("Attribute", Fixed::Text("userData"))]);
pub(crate) static INSTANCE_TERMINATION: Load =
    instance_attribute(&[("Attribute", Fixed::Text("disableApiTermination"))]);
pub(crate) static INSTANCE_SHUTDOWN: Load = instance_attribute(&[(
    "Attribute",
    Fixed::Text("instanceInitiatedShutdownBehavior"),
)]);
pub(crate) static INSTANCE_PROFILES: Load = filter(
    "DescribeIamInstanceProfileAssociations",
    "instance-id",
    "IamInstanceProfileAssociations",
    "InstanceId",
);
/// There is no filter for identifiers.
pub(crate) static LAUNCH_TEMPLATES: Load = Load {
    gone: &["InvalidLaunchTemplateId.NotFound"],
    ..Load::of(
        "ec2",
        "DescribeLaunchTemplates",
        By::Ids("LaunchTemplateIds"),
        FILTER,
        "LaunchTemplates",
        "LaunchTemplateId",
    )
};
/// The latest versions of all launch templates of the region come in one call, those of several named ones do not
/// (API_DescribeLaunchTemplateVersions: "To describe all the latest … versions in your account, you must omit" the identifier).
pub(crate) static LATEST_VERSIONS: Load = Load {
    fixed: &[("Versions", Fixed::List(&["$Latest"]))],
    ..Load::of(
        "ec2",
        "DescribeLaunchTemplateVersions",
        By::All,
        1,
        "LaunchTemplateVersions",
        "LaunchTemplateId",
    )
};
