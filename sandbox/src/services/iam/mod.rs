//! IAM: roles, users, groups, their policies, instance profiles. One per account, for all regions.

mod attached;
mod document;
mod entities;
mod linked;
mod logins;
mod policies;
mod profiles;

pub use linked::service_linked;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::filter;
use crate::kind::{Paging, Service};
use crate::law::Law;
use crate::registry;
use crate::world::Record;
use serde_json::{Map, Value as Json};

/// AWS Identity and Access Management.
pub const SERVICE: Service = Service {
    name: "iam",
    kinds: &[
        &entities::ROLE,
        &entities::USER,
        &entities::GROUP,
        &policies::POLICY,
        &profiles::PROFILE,
    ],
    operations: linked::OPERATIONS,
    laws: &[
        &entities::DETACH_FIRST,
        &entities::DELETE_POLICIES_FIRST,
        &entities::LEAVE_PROFILES_FIRST,
        &entities::PROTECTED,
        &document::VALID_JSON,
        &document::WELL_FORMED,
        &document::KNOWN_PRINCIPAL,
        &policies::ATTACHABLE,
        &policies::FIVE_VERSIONS,
        &policies::DEFAULT_VERSION,
        &profiles::ONE_ROLE,
        &logins::ONE_PROFILE,
        &logins::PROFILE_FIRST,
        &logins::PASSWORD_POLICY,
        &linked::LINKED_ONCE,
        &ASSUMABLE,
    ],
    invalid: Fault::new("ValidationError", "{message}"),
    missing: Fault::new("ValidationError", "{message}"),
    ..Service::NEW
};

/// How long it takes until other services see a new role, in seconds.
pub const SPREADS: f64 = 8.0;

/// The services that assume roles ask [`role_is_assumable`]; what they answer is theirs.
pub const ASSUMABLE: Law = Law {
    name: "a new role can be assumed after some seconds, and only by whom it trusts",
    operations: &[],
    source: "IAM User Guide, Troubleshoot IAM: Changes that I make are not always immediately visible",
    fault: Fault::new(
        "InvalidParameterException",
        "The role '{id}' cannot be assumed.",
    ),
    check: None,
};

/// Can a service (`ecs-tasks.amazonaws.com`) assume this role now? Roles of other accounts are taken to be right.
pub fn role_is_assumable(call: &Call, arn: &str, service_principal: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if let ["arn", _, "iam", _, account, _] = parts.as_slice()
        && *account != call.account
    {
        return true;
    }
    let Some(role) = call.find(entities::ROLE.name, arn) else {
        return false;
    };
    let seen = role
        .hidden
        .get("seen at")
        .and_then(Json::as_f64)
        .unwrap_or(role.created);
    call.now >= seen && document::trusts(role.text("AssumeRolePolicyDocument"), service_principal)
}

/// IAM's pages.
const PAGES: Paging = Paging {
    size: "MaxItems",
    token: "Marker",
    next: "Marker",
    default: 100,
    bounds: (1, 1000),
    more: "IsTruncated",
};

/// A list, page by page, under a member.
fn listing(call: &Call, member: &str, mut shown: Vec<(String, Json)>) -> Result<Json, Refusal> {
    let service = registry::service("iam").unwrap_or(&SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let mut answer = Map::new();
    answer.insert("IsTruncated".into(), next.is_some().into());
    if let Some(next) = next {
        answer.insert(PAGES.next.into(), next.into());
    }
    answer.insert(
        member.into(),
        shown.into_iter().map(|(_, json)| json).collect(),
    );
    Ok(Json::Object(answer))
}

/// `AROA` and 17 letters and digits.
fn unique_id(prefix: &str, digits: &str) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let tail = digits.as_bytes().chunks(2).take(17).map(|pair| {
        let text = std::str::from_utf8(pair).unwrap_or_default();
        let value = u8::from_str_radix(text, 16).unwrap_or_default();
        letters[usize::from(value % 32)] as char
    });
    prefix.chars().chain(tail).collect()
}

/// Is the record under this path (`/service-role/`)?
fn under(record: &Record, prefix: Option<&str>) -> bool {
    prefix.is_none_or(|prefix| record.text("Path").starts_with(prefix))
}
