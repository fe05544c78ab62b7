//! Repositories of container images.

pub mod repository;

use crate::loaders::{By, Load};

const GONE: &[&str] = &["RepositoryNotFoundException"];

/// "maxResults … between 1 and 1000"; names a call: a hundred (API_DescribeRepositories).
pub(crate) static REPOSITORIES: Load = Load {
    gone: GONE,
    ..Load::of(
        "ecr",
        "DescribeRepositories",
        By::Ids("repositoryNames"),
        100,
        "repositories",
        "repositoryName",
    )
};
pub(crate) static TAGS: Load = Load {
    gone: GONE,
    ..Load::of(
        "ecr",
        "ListTagsForResource",
        By::One(&["resourceArn"]),
        1,
        "",
        "",
    )
};
pub(crate) static LIFECYCLE_POLICIES: Load = Load {
    gone: &[
        "RepositoryNotFoundException",
        "LifecyclePolicyNotFoundException",
    ],
    ..Load::of(
        "ecr",
        "GetLifecyclePolicy",
        By::One(&["repositoryName"]),
        1,
        "",
        "",
    )
};
pub(crate) static POLICIES: Load = Load {
    gone: &[
        "RepositoryNotFoundException",
        "RepositoryPolicyNotFoundException",
    ],
    ..Load::of(
        "ecr",
        "GetRepositoryPolicy",
        By::One(&["repositoryName"]),
        1,
        "",
        "",
    )
};
