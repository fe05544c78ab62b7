//! RDS: subnet groups, Aurora and Multi-AZ clusters, instances, snapshots.

pub mod alteration;
pub mod changes;
pub mod clusters;
pub mod creation;
pub mod engines;
pub mod globals;
pub mod instances;
pub mod option_groups;
pub mod parameter_groups;
pub mod parameters;
pub mod replicas;
pub mod roles;
pub mod snapshots;
pub mod subnet_groups;
pub mod values;

use crate::error::Fault;
use crate::kind::{Paging, Service, list_tags, run, tag, untag};
use crate::law::Law;

/// Amazon Relational Database Service.
pub const SERVICE: Service = Service {
    name: "rds",
    kinds: &[
        &clusters::CLUSTER,
        &globals::GLOBAL_CLUSTER,
        &instances::INSTANCE,
        &subnet_groups::SUBNET_GROUP,
        &snapshots::CLUSTER_SNAPSHOT,
        &snapshots::SNAPSHOT,
        &parameter_groups::PARAMETER_GROUP,
        &parameter_groups::CLUSTER_PARAMETER_GROUP,
        &option_groups::OPTION_GROUP,
    ],
    operations: &[
        tag("AddTagsToResource", "ResourceName", "Tags"),
        untag("RemoveTagsFromResource", "ResourceName", "TagKeys"),
        list_tags("ListTagsForResource", "ResourceName", "TagList"),
        run("DescribeDBEngineVersions", engines::describe),
        run("EnableHttpEndpoint", |call| {
            clusters::http_endpoint(call, true)
        }),
        run("DisableHttpEndpoint", |call| {
            clusters::http_endpoint(call, false)
        }),
    ],
    laws: &[
        &TAGGED_BY_ARN,
        &parameter_groups::DEFAULT_GROUPS,
        &parameter_groups::FAMILY_KNOWN,
        &parameter_groups::TWENTY,
        &parameter_groups::FAMILY_FITS,
        &parameters::STATIC,
        &parameters::MODIFIABLE,
        &parameters::ALLOWED,
        &parameters::SCOPED,
        &option_groups::ENGINE_OPTIONS,
        &option_groups::DEFAULT_OPTIONS,
        &option_groups::OPTION_KNOWN,
        &option_groups::PERMANENT,
        &option_groups::VPC_GROUPS,
        &option_groups::OPTIONS_FIT,
        &subnet_groups::TWO_ZONES,
        &subnet_groups::ONE_VPC,
        &values::SAME_NETWORK,
        &values::VERSION_KNOWN,
        &values::KEY_ACCESSIBLE,
        &values::LOG_TYPES,
        &clusters::CLUSTER_PROTECTED,
        &clusters::CLUSTER_EMPTY,
        &clusters::CLUSTER_SNAPSHOT_DECIDED,
        &clusters::CLUSTER_AVAILABLE,
        &clusters::FAILOVER_TARGET,
        &globals::GLOBAL_EMPTY,
        &globals::GLOBAL_PROTECTED,
        &globals::MEMBER_LEAVES,
        &roles::CLUSTER_ROLE_ONCE,
        &roles::CLUSTER_ROLE_THERE,
        &roles::INSTANCE_ROLE_ONCE,
        &roles::INSTANCE_ROLE_THERE,
        &changes::MAJOR_UPGRADE,
        &instances::ENGINE_OF_CLUSTER,
        &instances::REPLICA_NEEDS_BACKUPS,
        &instances::SET_ON_CLUSTER,
        &instances::INSTANCE_AVAILABLE,
        &instances::INSTANCE_PROTECTED,
        &instances::SNAPSHOT_DECIDED,
        &instances::ZONE_COVERED,
        &instances::PUBLIC_NEEDS_GATEWAY,
    ],
    invalid: Fault::new("InvalidParameterValue", "{message}"),
    missing: Fault::new(
        "MissingParameter",
        "The request must contain the parameter {member}",
    ),
    ..Service::NEW
};

/// Tags are for what an ARN names.
const TAGGED_BY_ARN: Law = Law {
    name: "what is tagged is named by its ARN",
    operations: &[
        "AddTagsToResource",
        "RemoveTagsFromResource",
        "ListTagsForResource",
    ],
    source: "Amazon RDS API Reference, AddTagsToResource, ResourceName: this value is an Amazon Resource Name (ARN)",
    fault: Fault::new("InvalidParameterValue", "Invalid resource name: {id}"),
    check: Some(|call, law| {
        let name = call.text("ResourceName").unwrap_or_default();
        if name.starts_with("arn:") {
            return Ok(());
        }
        Err(law.fault.with(&[("id", name)]))
    }),
};

/// RDS's pages: twenty to a hundred.
pub(crate) const PAGES: Paging = Paging::marker(100, (20, 100));
