//! Parameters.

pub mod parameter;

use crate::definition::Fixed;
use crate::loaders::{By, Load};

/// Ten names a call (API_GetParameters). Unknown names are told apart, without an error.
pub(crate) static PARAMETERS: Load = Load::of(
    "ssm",
    "GetParameters",
    By::Ids("Names"),
    10,
    "Parameters",
    "Name",
);
/// What GetParameters does not tell; 50 values a filter (API_ParameterStringFilter).
pub(crate) static METADATA: Load = Load {
    fixed: &[("MaxResults", Fixed::Number(50))],
    ..Load::of(
        "ssm",
        "DescribeParameters",
        By::KeyFilter("ParameterFilters", "Name"),
        50,
        "Parameters",
        "Name",
    )
};
pub(crate) static TAGS: Load = Load {
    fixed: &[("ResourceType", Fixed::Text("Parameter"))],
    gone: &["InvalidResourceId"],
    ..Load::of(
        "ssm",
        "ListTagsForResource",
        By::One(&["ResourceId"]),
        1,
        "",
        "",
    )
};
