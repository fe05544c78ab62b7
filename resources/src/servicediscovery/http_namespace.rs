//! `AWS::ServiceDiscovery::HttpNamespace`: names that Cloud Map alone answers.

use async_trait::async_trait;

use super::namespace;
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;

namespace::namespace!(
    /// `AWS::ServiceDiscovery::HttpNamespace`.
    HttpNamespace,
    "CreateHttpNamespace",
    "UpdateHttpNamespace",
    "HTTP",
    &["Name", "Description", "Tags"],
    &["Description"],
    Definition {
        unique: &[&["Name"]],
        ..Definition::new("AWS::ServiceDiscovery::HttpNamespace", "servicediscovery")
    }
);
