//! Systems Manager's Parameter Store.

mod associations;
mod laws;
mod parameters;
pub(crate) mod public;
mod search;

use crate::kind::{Service, list_tags, tag, untag};

/// AWS Systems Manager.
pub const SERVICE: Service = Service {
    name: "ssm",
    kinds: &[&parameters::PARAMETER, &associations::ASSOCIATION],
    operations: &[
        tag("AddTagsToResource", "ResourceId", "Tags"),
        untag("RemoveTagsFromResource", "ResourceId", "TagKeys"),
        list_tags("ListTagsForResource", "ResourceId", "TagList"),
    ],
    laws: &[
        &laws::NAME,
        &laws::LEVELS,
        &laws::TAGS,
        &laws::TYPE,
        &laws::SAME_TYPE,
        &laws::PATTERN,
        &laws::SIZE,
        &laws::TIER,
        &laws::TAGGED,
    ],
    ..Service::NEW
};
