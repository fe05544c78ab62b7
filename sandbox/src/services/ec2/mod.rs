//! EC2: the network. One file per group of kinds.

pub mod acls;
pub mod addresses;
pub mod cidr;
mod default_vpc;
pub mod dhcp;
pub mod endpoints;
pub mod flow_logs;
pub mod gateways;
pub mod images;
pub mod instance_attributes;
pub mod instance_launch;
pub mod instance_profiles;
pub mod instances;
mod interface_addresses;
pub mod interfaces;
pub mod launch_templates;
pub mod peering;
pub mod ranges;
pub mod routes;
pub mod rules;
pub mod security;
pub mod subnet;
mod tagging;
pub mod volumes;
pub mod vpc;
pub mod vpn;
pub mod zones;

use crate::error::Fault;
use crate::kind::{Paging, Service, run};

/// Amazon EC2.
pub const SERVICE: Service = Service {
    name: "ec2",
    kinds: &[
        &vpc::VPC,
        &subnet::SUBNET,
        &dhcp::DHCP_OPTIONS,
        &acls::NETWORK_ACL,
        &endpoints::VPC_ENDPOINT,
        &flow_logs::FLOW_LOG,
        &peering::PEERING,
        &gateways::INTERNET_GATEWAY,
        &gateways::NAT_GATEWAY,
        &vpn::VPN_GATEWAY,
        &addresses::ADDRESS,
        &routes::ROUTE_TABLE,
        &security::SECURITY_GROUP,
        &rules::RULE,
        &interfaces::INTERFACE,
        &launch_templates::TEMPLATE,
        &launch_templates::VERSION,
        &volumes::VOLUME,
        &instances::INSTANCE,
        &instance_profiles::ASSOCIATION,
    ],
    operations: &[
        run("DescribeAvailabilityZones", zones::describe),
        run("DescribeImages", images::describe),
        run("CreateTags", tagging::create_tags),
        run("DeleteTags", tagging::delete_tags),
        run("DescribeTags", tagging::describe_tags),
    ],
    laws: &[
        &subnet::SUBNET_IN_VPC,
        &subnet::SUBNETS_APART,
        &vpc::BLOCK_SIZE,
        &ranges::RANGES_APART,
        &ranges::RANGE_IN_USE,
        &ranges::PRIMARY_RANGE,
        &ranges::RANGE_QUOTA,
        &dhcp::OPTION_KNOWN,
        &acls::ENTRY_ONCE,
        &acls::ENTRY_THERE,
        &acls::ENTRY_PORTS,
        &acls::ENTRY_NUMBER,
        &acls::ENTRY_QUOTA,
        &acls::DEFAULT_ACL,
        &acls::ACL_IN_USE,
        &acls::ACL_OF_VPC,
        &endpoints::SERVICE_KNOWN,
        &endpoints::ZONES_APART,
        &endpoints::OF_VPC,
        &endpoints::DNS_OF_VPC,
        &endpoints::DNS_ONCE,
        &endpoints::ROUTED_ONCE,
        &endpoints::INBOUND_ONLY,
        &flow_logs::ROLE_ASSUMABLE,
        &flow_logs::DESTINATION,
        &flow_logs::INTERVAL,
        &flow_logs::LOGGED_ONCE,
        &peering::PEERED_ONCE,
        &peering::ACCEPTABLE,
        &peering::DELETABLE,
        &subnet::ZONE_EXISTS,
        &gateways::ONE_GATEWAY,
        &gateways::GATEWAY_ATTACHED,
        &gateways::MAPPED_ADDRESSES,
        &gateways::NAT_NEEDS_GATEWAY,
        &gateways::NAT_ADDRESS,
        &vpn::ONE_VPN_GATEWAY,
        &vpn::VPN_ATTACHED,
        &vpn::VPN_DETACHED,
        &addresses::ADDRESS_IN_USE,
        &addresses::ADDRESS_TAKEN,
        &routes::ROUTE_ONCE,
        &routes::SAME_NETWORK,
        &routes::ROUTE_GATEWAY_ATTACHED,
        &routes::MAIN_TABLE,
        &routes::ONE_TABLE,
        &routes::LOCAL_ROUTE,
        &rules::RULE_ONCE,
        &rules::RULE_THERE,
        &security::DEFAULT_GROUP,
        &rules::RULE_QUOTA,
        &addresses::NEEDS_GATEWAY,
        &addresses::INSTANCE_RUNS,
        &addresses::ONE_INTERFACE,
        &images::REGIONAL,
        &launch_templates::NAMED_VERSIONS,
        &launch_templates::ONE_NAME,
        &launch_templates::DEFAULT_STAYS,
        &volumes::SAME_ZONE,
        &volumes::ONE_INSTANCE,
        &volumes::ATTACHABLE,
        &instances::PROTECTED,
        &instance_launch::PROCESSOR,
        &instance_launch::INTERFACES_APART,
        &instance_launch::PROFILE_KNOWN,
        &instance_attributes::STOPPED,
        &instance_attributes::ONE_ATTRIBUTE,
        &instance_attributes::ONE_INTERFACE,
        &instance_attributes::TENANCY,
        &instance_profiles::ONE_PROFILE,
        &interface_addresses::PRIMARY_STAYS,
    ],
    invalid: Fault::new("InvalidParameterValue", "{message}"),
    missing: Fault::new(
        "MissingParameter",
        "The request must contain the parameter {member}",
    ),
    ..Service::NEW
};

/// EC2's pages: five to a thousand.
pub(crate) const PAGES: Paging = Paging::next_token(1000, (5, 1000));
