//! CodeDeploy: applications, their deployment groups, and how traffic or hosts are shifted.

pub mod application;
pub mod deployment_config;
pub mod deployment_group;

use crate::loaders::{By, Load};

/// 100 applications a call (API_BatchGetApplications).
pub(crate) static APPLICATIONS: Load = Load {
    gone: &["ApplicationDoesNotExistException"],
    ..Load::of(
        "codedeploy",
        "BatchGetApplications",
        By::Ids("applicationNames"),
        100,
        "applicationsInfo",
        "applicationName",
    )
};
/// 100 groups of one application a call (API_BatchGetDeploymentGroups); unknown ones are left out.
pub(crate) static GROUPS: Load = Load {
    gone: &[
        "ApplicationDoesNotExistException",
        "DeploymentGroupDoesNotExistException",
    ],
    ..Load::of(
        "codedeploy",
        "BatchGetDeploymentGroups",
        By::Within("applicationName", "deploymentGroupNames"),
        100,
        "deploymentGroupsInfo",
        "deploymentGroupName",
    )
};
/// One a call is all that CodeDeploy offers.
pub(crate) static CONFIGURATIONS: Load = Load {
    gone: &["DeploymentConfigDoesNotExistException"],
    ..Load::of(
        "codedeploy",
        "GetDeploymentConfig",
        By::One(&["deploymentConfigName"]),
        1,
        "deploymentConfigInfo",
        "",
    )
};
pub(crate) static TAGS: Load = Load {
    gone: &[
        "ApplicationDoesNotExistException",
        "DeploymentGroupDoesNotExistException",
    ],
    ..Load::of(
        "codedeploy",
        "ListTagsForResource",
        By::One(&["ResourceArn"]),
        1,
        "",
        "",
    )
};
