//! The simulated AWS as its clients see it.

mod alarms_and_topics;
mod blue_green;
mod buckets;
mod cloud_control;
mod codedeploy;
mod ec2;
mod ec2_networks;
mod ecs;
mod elbv2;
mod events;
mod functions;
mod iam;
mod instances;
mod keys_and_logs;
mod parameters;
mod queues;
mod rds;
mod registries;
mod scaling;
mod secrets;
mod service_deployments;
mod support;
mod tables;
