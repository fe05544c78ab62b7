//! EC2: the network. One file per group of kinds.

pub mod addresses;
pub mod cidr;
pub mod gateways;
pub mod interfaces;
pub mod network;
pub mod routes;
pub mod security;
mod tagging;
pub mod zones;

use crate::error::Fault;
use crate::kind::{Paging, Service, run};

/// Amazon EC2.
pub const SERVICE: Service = Service {
    name: "ec2",
    kinds: &[
        &network::VPC,
        &network::SUBNET,
        &network::DHCP_OPTIONS,
        &network::NETWORK_ACL,
        &gateways::INTERNET_GATEWAY,
        &gateways::NAT_GATEWAY,
        &addresses::ADDRESS,
        &routes::ROUTE_TABLE,
        &security::SECURITY_GROUP,
        &security::RULE,
        &interfaces::INTERFACE,
    ],
    operations: &[
        run("DescribeAvailabilityZones", zones::describe),
        run("CreateTags", tagging::create_tags),
        run("DeleteTags", tagging::delete_tags),
        run("DescribeTags", tagging::describe_tags),
    ],
    laws: &[
        &network::SUBNET_IN_VPC,
        &network::SUBNETS_APART,
        &network::BLOCK_SIZE,
        &network::ZONE_EXISTS,
        &gateways::ONE_GATEWAY,
        &gateways::GATEWAY_ATTACHED,
        &gateways::MAPPED_ADDRESSES,
        &gateways::NAT_NEEDS_GATEWAY,
        &gateways::NAT_ADDRESS,
        &addresses::ADDRESS_IN_USE,
        &addresses::ADDRESS_TAKEN,
        &routes::ROUTE_ONCE,
        &routes::SAME_NETWORK,
        &routes::ROUTE_GATEWAY_ATTACHED,
        &routes::MAIN_TABLE,
        &routes::ONE_TABLE,
        &routes::LOCAL_ROUTE,
        &security::RULE_ONCE,
        &security::RULE_THERE,
        &security::DEFAULT_GROUP,
        &security::RULE_QUOTA,
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
