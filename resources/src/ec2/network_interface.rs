//! `AWS::EC2::NetworkInterface`: an interface in a subnet. Its further addresses and prefixes come and go one by one.

use super::NETWORK_INTERFACES;
use super::network_interface_addresses::{self as addresses, Family};
use crate::context::Context;
use crate::prelude::*;
use payctl_model::PropertyPath;

native!(
    /// `AWS::EC2::NetworkInterface`.
    NetworkInterface,
    Definition {
        create: Create::of("CreateNetworkInterface", "NetworkInterface"),
        reads: &[Read::of(&NETWORK_INTERFACES)],
        updates: &[
            Change {
                takes: &["PrivateIpAddresses", "SecondaryPrivateIpAddressCount", "Ipv4Prefixes", "Ipv4PrefixCount"],
                mode: Mode::Step(ipv4),
                ..Change::of("AssignPrivateIpAddresses", &["NetworkInterfaceId=Id"])
            },
            Change {
                takes: &["Ipv6Addresses", "Ipv6AddressCount", "Ipv6Prefixes", "Ipv6PrefixCount"],
                mode: Mode::Step(ipv6),
                ..Change::of("AssignIpv6Addresses", &["NetworkInterfaceId=Id"])
            },
            // "You can specify only one attribute at a time" (API_ModifyNetworkInterfaceAttribute).
            Change {
                takes: &["Description", "GroupSet", "SourceDestCheck", "ConnectionTrackingSpecification", "EnablePrimaryIpv6"],
                mode: Mode::OneAtATime,
                ..Change::of("ModifyNetworkInterfaceAttribute", &["NetworkInterfaceId=Id"])
            },
            Change {
                takes: &["PublicIpDnsHostnameTypeSpecification"],
                ..Change::of("ModifyPublicIpDnsNameOptions", &["NetworkInterfaceId=Id"])
            },
        ],
        delete: Delete {
            // It is at an instance that goes. Both codes are AWS's: the first is documented (EC2 API reference, "Error codes"), with
            // the second it answers "Network interface '…' is currently in use" (hashicorp/terraform-provider-aws, issues 1671, 5767).
            busy: &["InvalidNetworkInterface.InUse", "InvalidParameterValue"],
            ..Delete::of("DeleteNetworkInterface", &["NetworkInterfaceId=Id"], &["InvalidNetworkInterfaceID.NotFound"])
        },
        rules: &[
            Rule::Told("Id", "NetworkInterfaceId"),
            Rule::Sent("GroupSet", "Groups"),
            Rule::Told("GroupSet", "Groups.*.GroupId"),
            Rule::Built("InterfaceType", interface_type),
            Rule::Told("ConnectionTrackingSpecification", "ConnectionTrackingConfiguration"),
            Rule::Sent("PublicIpDnsHostnameTypeSpecification", "HostnameType"),
            Rule::Told("PublicIpDnsHostnameTypeSpecification", "PublicIpDnsNameOptions.DnsHostnameType"),
            Rule::Computed("EnablePrimaryIpv6", |interface| Some(addresses::primary_ipv6(interface).is_some().into())),
            Rule::Computed("PrimaryIpv6Address", addresses::primary_ipv6),
            Rule::Told("PrimaryPrivateIpAddress", "PrivateIpAddress"),
            Rule::Computed("SecondaryPrivateIpAddresses", addresses::secondary),
            Rule::Computed("SecondaryPrivateIpAddressCount", |interface| addresses::count(&addresses::secondary(interface)?)),
            Rule::Computed("Ipv4PrefixCount", |interface| addresses::count(&look(interface, "Ipv4Prefixes")?)),
            Rule::Computed("Ipv6PrefixCount", |interface| addresses::count(&look(interface, "Ipv6Prefixes")?)),
            Rule::Computed("Ipv6AddressCount", |interface| addresses::count(&look(interface, "Ipv6Addresses")?)),
            Rule::Told("Tags", "TagSet"),
        ],
        tags: Tags::Specification("network-interface"),
        status,
        replaced_when: &[
            // The primary address stays as long as the interface ("You can't unassign a primary private IPv4 address": EC2 user
            // guide, "Network interfaces").
            ("PrivateIpAddresses", another_primary),
            // "Once you enable an IPv6 GUA address to be a primary IPv6, you cannot disable it" (API_ModifyNetworkInterfaceAttribute).
            ("EnablePrimaryIpv6", |_, declared, _| declared.and_then(Value::as_bool) != Some(true)),
        ],
        // A group that an interface has cannot be deleted: DependencyViolation (API_DeleteSecurityGroup).
        holds: &["GroupSet"],
        resets: &[
            ("Description", r#""""#),
            ("SourceDestCheck", "true"),
            // EC2 user guide, "Idle connection tracking timeout": the defaults.
            (
                "ConnectionTrackingSpecification",
                r#"{"TcpEstablishedTimeout": 432000, "UdpStreamTimeout": 180, "UdpTimeout": 30}"#,
            ),
        ],
        ..Definition::new("AWS::EC2::NetworkInterface", "ec2")
    }
);

/// available | associated | attaching | in-use | detaching (API_NetworkInterface), and for a moment `pending`.
fn status(description: &Json) -> Status {
    match described(description, "Status") {
        Some("pending") => Status::Pending,
        _ => Status::Ready,
    }
}

/// What CloudFormation calls `interface` is what CreateNetworkInterface makes unasked; it takes other types only.
fn interface_type(declared: &Json) -> Json {
    match declared.as_str() {
        Some("interface") => json!({}),
        _ => json!({"InterfaceType": declared}),
    }
}

/// Whether another address is declared as the primary one.
fn another_primary(path: &PropertyPath, declared: Option<&Value>, live: &Value) -> bool {
    let is = live.get("PrimaryPrivateIpAddress").and_then(Value::as_str);
    let is_primary = |item: &Value| item.get("Primary").and_then(Value::as_bool) == Some(true);
    match declared {
        Some(Value::List(items)) => items
            .iter()
            .filter(|item| is_primary(item))
            .any(|item| item.get("PrivateIpAddress").and_then(Value::as_str) != is),
        // One item, or a part of it: which one is live there.
        _ => {
            let [list, item, ..] = path.steps() else {
                return false;
            };
            let item = PropertyPath::root().step(list.clone()).step(item.clone());
            declared.is_some() && live.at(&item).is_some_and(is_primary)
        }
    }
}

fn ipv4<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(addresses::change(context, id, update, &Family::V4))
}

fn ipv6<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(addresses::change(context, id, update, &Family::V6))
}
