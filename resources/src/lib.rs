//! AWS's resource types: how each is created, read, changed, deleted and found again.
//!
//! # Adding a type
//! 1. A file `src/<service>/<type>.rs` with a doc line, a `const DEFINITION: Definition` that starts from
//!    `..Definition::new("AWS::EC2::Subnet", "ec2")`, and a unit type with `impl Resource` that returns it
//!    (`crate::native!(Subnet, DEFINITION)` writes both). Look at `ec2/subnet.rs`.
//! 2. A line in [`TYPES`]. Where the service's tags are not known yet: a line in [`tags::TAG_CALLS`].
//! 3. `cargo test -p payctl-resources conformance` lists what does not map by name. For each: a [`mapping::Rule`], a read or a change
//!    that has it, or, where AWS really cannot, a line in `unsupported`, `not_told` or `create_only` with the reason.
//!
//! A definition has:
//! - `create`: the operation, where its answer has the description, fixed members. The input follows from the properties by name; the
//!   idempotency token goes by itself where the API model marks it. What the call does not take is sent with the `updates` after it.
//! - `reads`: [`loaders::Load`]s, shared as `const`s of the service's `mod.rs` by all types that read the same; the first gives the
//!   description, the others are merged into it. The physical id is made from the model by the registry's primary identifier.
//! - `updates`: operations in order; a changed property goes to the first whose input has it (or whose `takes` names it).
//!   `Mode::Step` is Rust for what one call cannot do.
//! - `delete`, `find`, `tags`, `name`, `status`, `needs`, `after`, `unique` …: see [`definition::Definition`].
//! - Where even that is not enough, override the method in `impl Resource` and call `generic::…` for the rest.

// Errors are rare beside the calls that they come from; boxing them would only cost readers.
#![allow(clippy::result_large_err)]

pub mod application_autoscaling;
pub mod aws;
pub mod cloud_control;
pub mod cloudwatch;
pub mod codedeploy;
pub mod conformance;
pub mod context;
pub mod custom;
pub mod definition;
pub mod deployments;
pub mod dynamodb;
pub mod ec2;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod error;
pub mod events;
pub mod generic;
pub mod iam;
pub mod kms;
pub mod lambda;
pub mod loaders;
pub mod logs;
pub mod mapping;
pub mod names;
pub mod rds;
pub mod resource;
pub mod s3;
pub mod secretsmanager;
pub mod servicediscovery;
mod shared_policy;
pub mod sns;
pub mod sqs;
pub mod ssm;
pub mod tags;
#[cfg(test)]
mod tests;

pub use context::{CallJournal, Caller, Context, Elsewhere, Intention, Place, Subject};
pub use definition::{Definition, Milestone};
pub use error::{AwsError, AwsErrorKind, Error, Result};
pub use loaders::{declared_names, least_calls, read_declared, read_many};
pub use resource::{Deletion, Observed, Resource, Status, Update};
pub use tags::{Owner, prepare};

/// What a type's module imports.
pub mod prelude {
    pub use crate::definition::{
        After, Change, Create, Definition, Delete, Find, Fixed, Key, Mention, Milestone, Mode,
        Need, Read, StepFuture, Tags, ready,
    };
    pub use crate::generic::{self, described, state_is};
    pub use crate::loaders::{By, Load};
    pub use crate::mapping::{Rule, look};
    pub use crate::names::Name;
    pub use crate::native;
    pub use crate::resource::{Deletion, Observed, Resource, Status, Update};
    pub use payctl_model::{Incarnation, PhysicalId, Value};
    pub use serde_json::{Map, Value as Json, json};
}

/// A unit type whose every behaviour follows from a [`Definition`].
#[macro_export]
macro_rules! native {
    ($(#[$doc:meta])* $name:ident, $definition:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl $crate::resource::Resource for $name {
            fn definition(&self) -> &'static $crate::definition::Definition {
                static DEFINITION: $crate::definition::Definition = $definition;
                &DEFINITION
            }
        }
    };
}

/// Every native type.
pub const TYPES: &[&dyn Resource] = &[
    &ec2::vpc::Vpc,
    &ec2::vpc_cidr_block::VpcCidrBlock,
    &ec2::dhcp_options::DhcpOptions,
    &ec2::dhcp_options_association::VpcDhcpOptionsAssociation,
    &ec2::subnet::Subnet,
    &ec2::network_acl::NetworkAcl,
    &ec2::network_acl_entry::NetworkAclEntry,
    &ec2::network_acl_association::SubnetNetworkAclAssociation,
    &ec2::internet_gateway::InternetGateway,
    &ec2::gateway_attachment::VpcGatewayAttachment,
    &ec2::eip::Eip,
    &ec2::nat_gateway::NatGateway,
    &ec2::route_table::RouteTable,
    &ec2::route::Route,
    &ec2::route_table_association::SubnetRouteTableAssociation,
    &ec2::vpc_endpoint::VpcEndpoint,
    &ec2::vpc_peering_connection::VpcPeeringConnection,
    &ec2::flow_log::FlowLog,
    &ec2::security_group::SecurityGroup,
    &ec2::security_group_rule::Ingress,
    &ec2::security_group_rule::Egress,
    &ec2::network_interface::NetworkInterface,
    &ec2::launch_template::LaunchTemplate,
    &ec2::instance::Instance,
    &ec2::eip_association::EipAssociation,
    &rds::db_subnet_group::DbSubnetGroup,
    &rds::db_parameter_group::DbParameterGroup,
    &rds::db_cluster_parameter_group::DbClusterParameterGroup,
    &rds::option_group::OptionGroup,
    &rds::db_cluster::DbCluster,
    &rds::db_instance::DbInstance,
    &kms::key::Key,
    &kms::alias::Alias,
    &logs::log_group::LogGroup,
    &logs::metric_filter::MetricFilter,
    &logs::subscription_filter::SubscriptionFilter,
    &logs::query_definition::QueryDefinition,
    &cloudwatch::alarm::Alarm,
    &cloudwatch::composite_alarm::CompositeAlarm,
    &cloudwatch::dashboard::Dashboard,
    &dynamodb::table::Table,
    &events::rule::Rule,
    &sns::topic::Topic,
    &sns::subscription::Subscription,
    &sns::topic_policy::TopicPolicy,
    &sns::topic_inline_policy::TopicInlinePolicy,
    &sqs::queue::Queue,
    &sqs::queue_policy::QueuePolicy,
    &sqs::queue_inline_policy::QueueInlinePolicy,
    &ssm::parameter::Parameter,
    &secretsmanager::secret::Secret,
    &secretsmanager::secret_target_attachment::SecretTargetAttachment,
    &secretsmanager::resource_policy::ResourcePolicy,
    &elbv2::load_balancer::LoadBalancer,
    &elbv2::target_group::TargetGroup,
    &elbv2::listener::Listener,
    &elbv2::listener_rule::ListenerRule,
    &elbv2::listener_certificate::ListenerCertificate,
    &s3::bucket::Bucket,
    &s3::bucket_policy::BucketPolicy,
    &ecr::repository::Repository,
    &servicediscovery::private_dns_namespace::PrivateDnsNamespace,
    &servicediscovery::public_dns_namespace::PublicDnsNamespace,
    &servicediscovery::http_namespace::HttpNamespace,
    &servicediscovery::service::Service,
    &iam::role::Role,
    &iam::policy::Policy,
    &iam::managed_policy::ManagedPolicy,
    &iam::role_policy::RolePolicy,
    &iam::instance_profile::InstanceProfile,
    &iam::user::User,
    &iam::group::Group,
    &ecs::cluster::Cluster,
    &ecs::cluster_capacity_provider_associations::ClusterCapacityProviderAssociations,
    &ecs::task_definition::TaskDefinition,
    &ecs::service::Service,
    &lambda::function::Function,
    &lambda::permission::Permission,
    &lambda::version::Version,
    &application_autoscaling::scalable_target::ScalableTarget,
    &application_autoscaling::scaling_policy::ScalingPolicy,
    &codedeploy::application::Application,
    &codedeploy::deployment_config::DeploymentConfig,
    &codedeploy::deployment_group::DeploymentGroup,
];

/// The module of a type; `None` where payctl has none.
pub fn native(type_name: &str) -> Option<&'static dyn Resource> {
    TYPES
        .iter()
        .chain(custom::CDK)
        .find(|resource| resource.definition().type_name == type_name)
        .copied()
        .or_else(|| custom::of(type_name))
}

/// How a type is provisioned: by its module, or through Cloud Control. `None` where it cannot be: [`cloud_control::refusal`]
/// says why.
pub fn resource(type_name: &str) -> Option<&'static dyn Resource> {
    native(type_name)
        .or_else(|| cloud_control::of(type_name).map(|through| through as &'static dyn Resource))
}
