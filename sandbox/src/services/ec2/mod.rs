//! EC2: the network. One file per group of kinds.

pub mod addresses;
pub mod cidr;
pub mod gateways;
pub mod interfaces;
pub mod network;
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
        &network::DHCP_OPTIONS,
        &network::NETWORK_ACL,
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
