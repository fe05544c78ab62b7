//! Who may do what: roles, users and groups, and policies that stand in them or are attached to them.

mod bearer;
pub mod group;
pub mod instance_profile;
pub mod managed_policy;
mod ownership;
pub mod policy;
pub mod role;
pub mod role_policy;
pub mod user;

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

pub(crate) static USERS: Load = of_one("GetUser", &["UserName"], "User");
pub(crate) static ATTACHED_TO_USERS: Load = Load {
    fixed: ALL,
    ..of_one("ListAttachedUserPolicies", &["UserName"], "")
};
pub(crate) static POLICIES_OF_USERS: Load = Load {
    fixed: ALL,
    ..of_one("ListUserPolicies", &["UserName"], "")
};
/// A user is in ten groups at most (IAM user guide, "IAM and AWS STS quotas").
pub(crate) static GROUPS_OF_USERS: Load = Load {
    fixed: ALL,
    ..of_one("ListGroupsForUser", &["UserName"], "")
};
pub(crate) static LOGIN_PROFILES: Load = of_one("GetLoginProfile", &["UserName"], "LoginProfile");
/// Who is in the group comes in pages beside the group, and is asked for by nobody.
pub(crate) static GROUPS: Load = Load {
    fixed: &[("MaxItems", Fixed::Number(1))],
    ..of_one("GetGroup", &["GroupName"], "")
};
pub(crate) static ATTACHED_TO_GROUPS: Load = Load {
    fixed: ALL,
    ..of_one("ListAttachedGroupPolicies", &["GroupName"], "")
};
pub(crate) static POLICIES_OF_GROUPS: Load = Load {
    fixed: ALL,
    ..of_one("ListGroupPolicies", &["GroupName"], "")
};
pub(crate) static MANAGED_POLICIES: Load = of_one("GetPolicy", &["PolicyArn"], "Policy");
pub(crate) static VERSIONS: Load = of_one(
    "GetPolicyVersion",
    &["PolicyArn", "VersionId"],
    "PolicyVersion",
);
pub(crate) static VERSIONS_OF_POLICIES: Load =
    of_one("ListPolicyVersions", &["PolicyArn"], "Versions");
/// The first thousand of whom a policy is attached to, of all kinds together.
pub(crate) static ENTITIES: Load = Load {
    fixed: &[
        ("MaxItems", Fixed::Number(1_000)),
        ("PolicyUsageFilter", Fixed::Text("PermissionsPolicy")),
    ],
    ..of_one("ListEntitiesForPolicy", &["PolicyArn"], "")
};
/// The account's own policies, without their tags.
pub(crate) static OWN_POLICIES: Load = Load {
    fixed: &[
        ("Scope", Fixed::Text("Local")),
        ("MaxItems", Fixed::Number(1_000)),
    ],
    ..Load::of("iam", "ListPolicies", By::All, 1, "Policies", "PolicyName")
};
pub(crate) static PROFILES: Load = of_one(
    "GetInstanceProfile",
    &["InstanceProfileName"],
    "InstanceProfile",
);

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
