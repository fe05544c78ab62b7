//! RDS: subnet groups, Aurora and Multi-AZ clusters, instances, snapshots.

pub mod alteration;
pub mod changes;
pub mod clusters;
pub mod creation;
pub mod engines;
pub mod globals;
pub mod instances;
pub mod replicas;
pub mod roles;
pub mod snapshots;
pub mod subnet_groups;
pub mod values;

use crate::error::Fault;
use crate::kind::{Paging, Service, list_tags, run, tag, untag};

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

/// RDS's pages: twenty to a hundred.
pub(crate) const PAGES: Paging = Paging::marker(100, (20, 100));
