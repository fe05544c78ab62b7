//! Elastic Load Balancing: load balancers, target groups, listeners and rules.

mod actions;
pub mod attributes;
pub mod capacity;
pub mod listeners;
pub mod load_balancers;
mod networks;
pub mod rules;
pub mod shift;
pub mod target_groups;
pub mod targets;

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Paging, Service, Tags, run, tag, untag};
use crate::law::Law;
use crate::tags;
use crate::world::Record;
use serde_json::{Value as Json, json};

/// Elastic Load Balancing (v2).
pub const SERVICE: Service = Service {
    name: "elbv2",
    kinds: &[
        &load_balancers::LOAD_BALANCER,
        &target_groups::TARGET_GROUP,
        &listeners::LISTENER,
        &rules::RULE,
    ],
    operations: &[
        tag("AddTags", "ResourceArns", "Tags"),
        untag("RemoveTags", "ResourceArns", "TagKeys"),
        run("DescribeTags", describe_tags),
    ],
    laws: &[
        &TWENTY_AT_ONCE,
        &load_balancers::NAMES_KNOWN,
        &load_balancers::PROTECTED,
        &capacity::PRIOR_REQUEST,
        &capacity::DECREASES,
        &networks::TWO_ZONES,
        &networks::ONE_SUBNET_A_ZONE,
        &networks::NEEDS_GATEWAY,
        &networks::ROOM,
        &networks::GROUPS_OF_VPC,
        &target_groups::NAMES_KNOWN,
        &target_groups::TIMEOUT_BELOW_INTERVAL,
        &attributes::KNOWN,
        &listeners::NAMED,
        &listeners::CERTIFICATE_NEEDED,
        &listeners::CERTIFICATE_KNOWN,
        &listeners::POLICY_KNOWN,
        &listeners::PROTOCOL_OF_TYPE,
        &actions::SAME_NETWORK,
        &actions::PROTOCOLS_FIT,
        &rules::DEFAULT_STAYS,
        &rules::PRIORITY_FREE,
    ],
    invalid: Fault::new("ValidationError", "{message}"),
    missing: Fault::new("ValidationError", "{message}"),
    ..Service::NEW
};

/// A describe names at most twenty.
pub const TWENTY_AT_ONCE: Law = Law {
    name: "tags of at most 20 resources are described at once",
    operations: &["DescribeTags"],
    source: "Elastic Load Balancing API Reference, DescribeTags: \"You can specify up to 20 resources in a single call\"",
    fault: Fault::new(
        "ValidationError",
        "Up to 20 resource ARNs can be specified, not {id}.",
    ),
    check: Some(|call, law| {
        let count = call.texts("ResourceArns[]").len();
        if count > 20 {
            return Err(law.fault.with(&[("id", &count.to_string())]));
        }
        Ok(())
    }),
};

/// Pages of up to 400.
pub(crate) const PAGES: Paging = Paging {
    size: "PageSize",
    token: "Marker",
    next: "NextMarker",
    default: 400,
    bounds: (1, 400),
    more: "",
};

fn describe_tags(call: &mut Call) -> Answer {
    let mut shown = Vec::new();
    for arn in call.texts("ResourceArns[]") {
        let record = call.world.by_arn(&arn).and_then(|key| call.world.get(key));
        let Some(record) = record else {
            let kind = tags::meant("elbv2", &arn).unwrap_or(&load_balancers::LOAD_BALANCER);
            return Err(kind.not_found.with(&[("id", &arn)]));
        };
        shown.push(
            json!({"ResourceArn": arn, "Tags": tags::write(Tags::List("Tags"), &record.tags)}),
        );
    }
    Ok(json!({"TagDescriptions": shown}))
}

/// "Up to 32 characters, alphanumeric or hyphens, must not begin or end with a hyphen": CreateLoadBalancer, CreateTargetGroup.
fn name_well(what: &str, name: &str) -> Result<(), Refusal> {
    let allowed = |char: char| char.is_ascii_alphanumeric() || char == '-';
    let problem = if name.is_empty() || name.len() > 32 {
        "must be between 1 and 32 characters long"
    } else if !name.chars().all(allowed) {
        "can only contain characters that are alphanumeric characters and hyphens(-)"
    } else if name.starts_with('-') || name.ends_with('-') {
        "cannot begin or end with a hyphen(-)"
    } else if what == "load balancer" && name.starts_with("internal-") {
        "cannot begin with 'internal-'"
    } else {
        return Ok(());
    };
    let message = format!("The {what} name '{name}' {problem}");
    Err(Refusal::new("ValidationError", message))
}

/// The load balancer that a listener or a rule is of: their identifiers begin with its.
fn balancer_of<'a>(call: &'a Call, part: &str) -> Option<&'a Record> {
    let end = part
        .match_indices('/')
        .nth(2)
        .map_or(part.len(), |(at, _)| at);
    call.find("elbv2/load-balancer", &part[..end])
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("ValidationError", message)
}

fn text<'a>(value: &'a Json, member: &str) -> &'a str {
    value.get(member).and_then(Json::as_str).unwrap_or_default()
}
