//! DHCP options.

use super::PAGES;
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Id, Kind, Shows, Tags, create, delete, describe};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Value as Json, json};

/// What a machine can be told.
pub const OPTION_KNOWN: Law = Law {
    name: "a set of DHCP options has options that DHCP of a VPC knows",
    operations: &["CreateDhcpOptions"],
    source: "Amazon EC2 API Reference, CreateDhcpOptions: the keys of a DhcpConfiguration",
    fault: Fault::new(
        "InvalidParameterValue",
        "Value ({id}) for parameter name is invalid. Unknown DHCP option",
    ),
    check: Some(|call, law| {
        let unknown = call
            .texts("DhcpConfigurations[].Key")
            .into_iter()
            .find(|key| !KEYS.contains(&key.as_str()));
        match unknown {
            Some(key) => Err(law.fault.with(&[("id", &key)])),
            None => Ok(()),
        }
    }),
};

const KEYS: [&str; 6] = [
    "domain-name",
    "domain-name-servers",
    "ntp-servers",
    "netbios-name-servers",
    "netbios-node-type",
    "ipv6-address-preferred-lease-time",
];

/// DHCP options.
pub const DHCP_OPTIONS: Kind = Kind {
    name: "ec2/dhcp-options",
    id: Id::Hex("dopt-"),
    id_member: "DhcpOptionsId",
    arn: "arn:{partition}:ec2:{region}:{account}:dhcp-options/{id}",
    defaults: Some(|call| json!({"OwnerId": call.account})),
    tags: Tags::List("Tags"),
    not_found: Fault::new(
        "InvalidDhcpOptionID.NotFound",
        "The dhcpOption ID '{id}' does not exist",
    ),
    in_use: Fault::new(
        "DependencyViolation",
        "The dhcpOptions '{id}' has dependencies and cannot be deleted.",
    ),
    operations: &[
        create("CreateDhcpOptions", Shows::In("DhcpOptions")).prepare(new_options),
        describe("DescribeDhcpOptions", "DhcpOptionsIds", "DhcpOptions")
            .paging(PAGES)
            .filters(&[
                ("dhcp-options-id", "DhcpOptionsId"),
                ("key", "DhcpConfigurations[].Key"),
                ("value", "DhcpConfigurations[].Values[].Value"),
                ("owner-id", "OwnerId"),
            ]),
        delete("DeleteDhcpOptions", "DhcpOptionsId", Shows::Nothing),
    ],
    ..Kind::NEW
};

fn new_options(_: &mut Call, options: &mut Record) -> Result<(), Refusal> {
    for configuration in options.list_mut("DhcpConfigurations") {
        let values: Vec<Json> = configuration["Values"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|value| json!({"Value": value}))
            .collect();
        configuration["Values"] = Json::Array(values);
    }
    Ok(())
}
