//! The services, one file each. [`SERVICES`] is where a new one is added.

mod autoscaling;
mod cloudcontrol;
pub(crate) mod cloudformation;
mod cloudwatch;
mod codedeploy;
mod dynamodb;
pub mod ec2;
mod ecr;
pub mod ecs;
pub mod elbv2;
mod events;
pub mod iam;
pub mod kms;
mod lambda;
mod logs;
pub mod rds;
pub mod s3;
mod secretsmanager;
pub mod servicediscovery;
mod sns;
mod sqs;
mod ssm;
mod sts;
mod tagging;

use crate::kind::Service;

/// Every service that is simulated.
pub const SERVICES: &[&Service] = &[
    &autoscaling::SERVICE,
    &cloudcontrol::SERVICE,
    &cloudformation::SERVICE,
    &cloudwatch::SERVICE,
    &codedeploy::SERVICE,
    &dynamodb::SERVICE,
    &ec2::SERVICE,
    &ecr::SERVICE,
    &elbv2::SERVICE,
    &ecs::SERVICE,
    &events::SERVICE,
    &iam::SERVICE,
    &kms::SERVICE,
    &lambda::SERVICE,
    &logs::SERVICE,
    &rds::SERVICE,
    &s3::SERVICE,
    &secretsmanager::SERVICE,
    &servicediscovery::SERVICE,
    &sns::SERVICE,
    &sqs::SERVICE,
    &ssm::SERVICE,
    &sts::SERVICE,
    &tagging::SERVICE,
];
