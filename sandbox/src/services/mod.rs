//! The services, one file each. [`SERVICES`] is where a new one is added.

pub mod ec2;
pub mod ecs;
pub mod iam;
pub mod kms;
mod logs;
pub mod rds;
mod sts;

use crate::kind::Service;

/// Every service that is simulated.
pub const SERVICES: &[&Service] = &[
    &ec2::SERVICE,
    &ecs::SERVICE,
    &iam::SERVICE,
    &kms::SERVICE,
    &logs::SERVICE,
    &rds::SERVICE,
    &sts::SERVICE,
];
