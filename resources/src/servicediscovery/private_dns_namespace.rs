//! `AWS::ServiceDiscovery::PrivateDnsNamespace`: names in a private hosted zone of a VPC.

use async_trait::async_trait;

use super::namespace;
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;

namespace::namespace!(
    /// `AWS::ServiceDiscovery::PrivateDnsNamespace`.
    PrivateDnsNamespace,
    "CreatePrivateDnsNamespace",
    "UpdatePrivateDnsNamespace",
    "DNS_PRIVATE",
    &["Name", "Description", "Vpc", "Properties", "Tags"],
    &["Description", "Properties"],
    Definition {
        rules: &[Rule::Told("HostedZoneId", "Properties.DnsProperties.HostedZoneId")],
        unique: &[&["Name", "Vpc"]],
        not_told: &[(
            "Vpc",
            "Cloud Map does not tell it: GetNamespace names the hosted zone, which only Route 53 describes",
        )],
        ..Definition::new("AWS::ServiceDiscovery::PrivateDnsNamespace", "servicediscovery")
    }
);
