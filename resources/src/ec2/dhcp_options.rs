//! `AWS::EC2::DHCPOptions`: what a VPC's machines are told of their network. No call changes them; a VPC moves to others.

use super::DHCP_OPTIONS;
use crate::prelude::*;

native!(
    /// `AWS::EC2::DHCPOptions`.
    DhcpOptions,
    Definition {
        create: Create { build: Some(input), ..Create::of("CreateDhcpOptions", "DhcpOptions") },
        reads: &[Read::of(&DHCP_OPTIONS)],
        delete: Delete {
            // A VPC that is going away, or is moving to other options, has them still (API_DeleteDhcpOptions).
            busy: &["DependencyViolation"],
            ..Delete::of(
                "DeleteDhcpOptions",
                &["DhcpOptionsId"],
                &["InvalidDhcpOptionID.NotFound", "InvalidDhcpOptionsID.NotFound"],
            )
        },
        rules: &[
            Rule::Computed("DomainName", |options| one(options, "domain-name")),
            Rule::Computed("DomainNameServers", |options| all(options, "domain-name-servers")),
            Rule::Computed("NtpServers", |options| all(options, "ntp-servers")),
            Rule::Computed("NetbiosNameServers", |options| all(options, "netbios-name-servers")),
            Rule::Computed("NetbiosNodeType", |options| one(options, "netbios-node-type")),
            Rule::Computed("Ipv6AddressPreferredLeaseTime", |options| {
                one(options, "ipv6-address-preferred-lease-time")
            }),
        ],
        tags: Tags::Specification("dhcp-options"),
        ..Definition::new("AWS::EC2::DHCPOptions", "ec2")
    }
);

/// What EC2 calls the options (API_CreateDhcpOptions).
const OPTIONS: [(&str, &str); 6] = [
    ("DomainName", "domain-name"),
    ("DomainNameServers", "domain-name-servers"),
    ("NtpServers", "ntp-servers"),
    ("NetbiosNameServers", "netbios-name-servers"),
    ("NetbiosNodeType", "netbios-node-type"),
    (
        "Ipv6AddressPreferredLeaseTime",
        "ipv6-address-preferred-lease-time",
    ),
];

fn input(properties: &Map<String, Json>) -> Map<String, Json> {
    let text = |value: &Json| match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    };
    let configurations: Vec<Json> = OPTIONS
        .iter()
        .filter_map(|(property, key)| {
            let values: Vec<String> = match properties.get(*property)? {
                Json::Null => return None,
                Json::Array(items) => items.iter().map(text).collect(),
                one => vec![text(one)],
            };
            Some(json!({"Key": key, "Values": values}))
        })
        .collect();
    Map::from_iter([("DhcpConfigurations".to_owned(), Json::Array(configurations))])
}

/// Of the answer (`Values: [{Value}]`) or of what was sent (`Values: [text]`).
fn all(options: &Json, key: &str) -> Option<Json> {
    let configurations = options.get("DhcpConfigurations")?.as_array()?;
    let mine = configurations
        .iter()
        .find(|configuration| described(configuration, "Key") == Some(key))?;
    let values = mine.get("Values")?.as_array()?;
    Some(
        values
            .iter()
            .map(|value| value.get("Value").unwrap_or(value).clone())
            .collect(),
    )
}

fn one(options: &Json, key: &str) -> Option<Json> {
    look(&all(options, key)?, "0")
}
