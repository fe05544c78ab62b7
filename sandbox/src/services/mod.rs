//! The services, one file each. [`SERVICES`] is where a new one is added.

mod cloudwatch;
pub mod ec2;
pub mod ecs;
pub mod iam;
pub mod kms;
mod logs;
pub mod rds;
mod sns;
mod sts;

use crate::kind::Service;

/// Every service that is simulated.
pub const SERVICES: &[&Service] = &[
    &cloudwatch::SERVICE,
    &ec2::SERVICE,
    &ecs::SERVICE,
    &iam::SERVICE,
    &kms::SERVICE,
    &logs::SERVICE,
    &rds::SERVICE,
    &sns::SERVICE,
    &sts::SERVICE,
];
