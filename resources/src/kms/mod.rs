//! Keys and their names.

pub mod alias;
pub mod key;

use crate::loaders::{By, Load};

const fn one(operation: &'static str, items: &'static str) -> Load {
    Load {
        // A key that is going away has no policy, and an asymmetric one no rotation, to tell.
        gone: &[
            "NotFoundException",
            "KMSInvalidStateException",
            "UnsupportedOperationException",
        ],
        ..Load::of("kms", operation, By::One(&["KeyId"]), 1, items, "")
    }
}

pub(crate) static KEYS: Load = one("DescribeKey", "KeyMetadata");
pub(crate) static POLICIES: Load = Load {
    // "The only valid name is default", and the name may be left out (API_GetKeyPolicy).
    fixed: &[("PolicyName", crate::definition::Fixed::Text("default"))],
    ..one("GetKeyPolicy", "")
};
pub(crate) static ROTATIONS: Load = one("GetKeyRotationStatus", "");
pub(crate) static TAGS: Load = one("ListResourceTags", "");
pub(crate) static ALL_KEYS: Load = Load::of("kms", "ListKeys", By::All, 1, "Keys", "KeyId");
/// All aliases of the region: a call names none of them.
pub(crate) static ALIASES: Load = Load {
    fixed: &[("Limit", crate::definition::Fixed::Number(100))],
    ..Load::of("kms", "ListAliases", By::All, 100, "Aliases", "AliasName")
};
