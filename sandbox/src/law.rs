//! The laws of AWS: what it refuses because it comes too early, out of order, or twice.
//!
//! Most laws are data: the [`References`](crate::kind::Reference) and [`Unique`](crate::kind::Unique) members of a kind. What cannot be said
//! so is a [`Law`] with a check. [`laws`] lists them all.

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::registry;

/// Refuses a request that breaks the law.
pub type Check = fn(&Call, &Law) -> Result<(), Refusal>;

/// A law that data cannot express.
#[derive(Debug)]
pub struct Law {
    /// A short name: a test shows the law under it.
    pub name: &'static str,
    /// The operations that it concerns; `check` runs before each.
    pub operations: &'static [&'static str],
    /// The AWS documentation page that states it.
    pub source: &'static str,
    /// AWS's answer; names in braces are filled in by the check.
    pub fault: Fault,
    /// Refuses. Laws that need what only the operation knows are checked there (`LAW.fault.with(…)`) and have no check.
    pub check: Option<Check>,
}

/// A law as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// `ec2/subnet: VpcId must exist`.
    pub name: String,
    /// AWS's error code.
    pub code: String,
    /// AWS's message, names in braces.
    pub message: String,
    /// The AWS documentation page.
    pub source: String,
}

/// Every law that the simulated AWS holds, data and code alike, sorted by name.
pub fn laws() -> Vec<Listed> {
    let mut laws = Vec::new();
    let mut list = |name: String, fault: &Fault, source: &str| {
        laws.push(Listed {
            name,
            code: fault.code.into(),
            message: fault.message.into(),
            source: source.into(),
        });
    };
    for service in registry::services() {
        for law in service.laws {
            list(
                format!("{}: {}", service.name, law.name),
                &law.fault,
                law.source,
            );
        }
        for kind in service.kinds {
            for reference in kind.refers {
                let Some(other) = registry::kind(reference.to) else {
                    continue;
                };
                if reference.must_exist {
                    let fault = reference.missing.as_ref().unwrap_or(&other.not_found);
                    list(
                        format!("{}: {} must exist", kind.name, reference.path),
                        fault,
                        reference.source,
                    );
                }
                if reference.blocks {
                    let fault = reference.in_use.as_ref().unwrap_or(&other.in_use);
                    list(
                        format!(
                            "{}: not deleted while a {} has it as {}",
                            other.name, kind.name, reference.path
                        ),
                        fault,
                        reference.source,
                    );
                }
            }
            for unique in kind.unique {
                list(
                    format!("{}: {} is unique", kind.name, unique.members.join(", ")),
                    &unique.fault,
                    "API reference of the create operation",
                );
            }
            if let Some((_, fault)) = &kind.limit {
                list(
                    format!("{}: as many as the quota allows", kind.name),
                    fault,
                    "Service quotas page of the service",
                );
            }
        }
    }
    laws.sort_by(|a, b| a.name.cmp(&b.name));
    laws
}
