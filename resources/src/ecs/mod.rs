//! Clusters, their capacity providers, task definitions and services.

pub mod cluster;
pub mod cluster_capacity_provider_associations;
pub mod service;
pub mod task_definition;

use crate::definition::Fixed;
use crate::loaders::{By, Load};

/// 100 clusters a call (API_DescribeClusters). Unknown ones stand under `failures`, without an error.
pub(crate) static CLUSTERS: Load = Load {
    fixed: &[(
        "include",
        // ATTACHMENTS: how far the cluster's capacity providers are.
        Fixed::List(&["ATTACHMENTS", "CONFIGURATIONS", "SETTINGS", "TAGS"]),
    )],
    ..Load::of(
        "ecs",
        "DescribeClusters",
        By::Ids("clusters"),
        100,
        "clusters",
        "clusterName",
    )
};
/// One a call is all that ECS offers. ClientException: "Unable to describe task definition".
pub(crate) static TASK_DEFINITIONS: Load = Load {
    fixed: &[("include", Fixed::List(&["TAGS"]))],
    gone: &["ClientException"],
    ..Load::of(
        "ecs",
        "DescribeTaskDefinition",
        By::One(&["taskDefinition"]),
        1,
        "",
        "",
    )
};
/// The newest first.
pub(crate) static REVISIONS: Load = Load {
    fixed: &[("sort", Fixed::Text("DESC"))],
    ..Load::of(
        "ecs",
        "ListTaskDefinitions",
        By::One(&["familyPrefix"]),
        1,
        "taskDefinitionArns",
        "",
    )
};
/// Ten services of one cluster a call (API_DescribeServices).
const fn services(key: &'static str) -> Load {
    Load {
        fixed: &[("include", Fixed::List(&["TAGS"]))],
        gone: &["ClusterNotFoundException"],
        ..Load::of(
            "ecs",
            "DescribeServices",
            By::Within("cluster", "services"),
            10,
            "services",
            key,
        )
    }
}
pub(crate) static SERVICES: Load = services("serviceArn");
pub(crate) static SERVICES_BY_NAME: Load = services("serviceName");
