//! Who may do what: roles, and policies that stand in roles, users and groups.

pub mod policy;
pub mod role;

use crate::context::Context;
use crate::definition::Fixed;
use crate::error::Result;
use crate::loaders::{By, Load};
use crate::prelude::*;

const GONE: &[&str] = &["NoSuchEntity"];

const fn of_one(
    operation: &'static str,
    members: &'static [&'static str],
    items: &'static str,
) -> Load {
    Load {
        gone: GONE,
        ..Load::of("iam", operation, By::One(members), 1, items, "")
    }
}

/// More than a role can have: 20 managed policies at most, 10,240 characters of inline ones (IAM user guide, "IAM and AWS STS
/// quotas"). So an answer is always whole.
const ALL: &[(&str, Fixed)] = &[("MaxItems", Fixed::Number(1_000))];

/// One role a call is all that tells a role's tags, its boundary and its longest session.
pub(crate) static ROLES: Load = of_one("GetRole", &["RoleName"], "Role");
pub(crate) static ATTACHED_TO_ROLES: Load = Load {
    fixed: ALL,
    ..of_one("ListAttachedRolePolicies", &["RoleName"], "")
};
pub(crate) static POLICIES_OF_ROLES: Load = Load {
    fixed: ALL,
    ..of_one("ListRolePolicies", &["RoleName"], "")
};
pub(crate) static ROLE_POLICIES: Load = of_one("GetRolePolicy", &["RoleName", "PolicyName"], "");
pub(crate) static USER_POLICIES: Load = of_one("GetUserPolicy", &["UserName", "PolicyName"], "");
pub(crate) static GROUP_POLICIES: Load = of_one("GetGroupPolicy", &["GroupName", "PolicyName"], "");

/// IAM's answers to what was made or changed a moment ago (IAM user guide, "Changes that I make are not always immediately visible").
const PROPAGATION: &[(&str, &str)] = &[
    ("NoSuchEntity", "cannot be found"),
    ("ConcurrentModification", ""),
    // A role or user in a trust policy that is not known everywhere yet.
    ("MalformedPolicyDocument", "Invalid principal"),
];

/// A document as IAM takes it: as text.
fn document(value: &Value) -> Option<String> {
    match value.expose_json()? {
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// A call that takes something away; it may be gone already.
async fn remove(
    context: &Context,
    definition: &Definition,
    operation: &'static str,
    input: Json,
) -> Result<()> {
    let input = input.as_object().cloned().unwrap_or_default();
    let busy = |error: &crate::error::Error| error.code() == Some("ConcurrentModification");
    let call = || context.write(definition.service, operation, Json::Object(input.clone()));
    match generic::repeat(context, std::time::Duration::from_secs(60), busy, call).await {
        Err(error) if error.code() == Some("NoSuchEntity") => Ok(()),
        done => done.map(|_| ()),
    }
}
