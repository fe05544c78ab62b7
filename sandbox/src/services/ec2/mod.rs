//! EC2: the network. One file per group of kinds.

pub mod acls;
pub mod addresses;
pub mod cidr;
pub mod dhcp;
pub mod endpoints;
pub mod flow_logs;
pub mod gateways;
pub mod interfaces;
pub mod peering;
pub mod ranges;
pub mod routes;
pub mod rules;
pub mod security;
pub mod subnet;
mod tagging;
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
    ],
    operations: &[
        run("DescribeAvailabilityZones", zones::describe),
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
