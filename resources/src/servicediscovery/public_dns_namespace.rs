//! `AWS::ServiceDiscovery::PublicDnsNamespace`: names in a public hosted zone.

use async_trait::async_trait;

use super::namespace;
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;

namespace::namespace!(
    /// `AWS::ServiceDiscovery::PublicDnsNamespace`.
    PublicDnsNamespace,
    "CreatePublicDnsNamespace",
    "UpdatePublicDnsNamespace",
    "DNS_PUBLIC",
    &["Name", "Description", "Properties", "Tags"],
    &["Description", "Properties"],
    Definition {
        rules: &[Rule::Told("HostedZoneId", "Properties.DnsProperties.HostedZoneId")],
        ..Definition::new("AWS::ServiceDiscovery::PublicDnsNamespace", "servicediscovery")
    }
);
