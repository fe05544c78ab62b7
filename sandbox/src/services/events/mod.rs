//! EventBridge: buses, rules and their targets. No events are delivered.

mod buses;
mod rules;
mod targets;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Service, list_tags, tag, untag};
use crate::law::Law;

/// Amazon EventBridge.
pub const SERVICE: Service = Service {
    name: "events",
    kinds: &[&buses::BUS, &rules::RULE],
    operations: &[
        tag("TagResource", "ResourceARN", "Tags"),
        untag("UntagResource", "ResourceARN", "TagKeys"),
        list_tags("ListTagsForResource", "ResourceARN", "Tags"),
    ],
    laws: &[
        &buses::DEFAULT,
        &ASSUMED,
        &rules::WHEN,
        &rules::SCHEDULE,
        &rules::SCHEDULED_BUS,
        &rules::PATTERN,
        &rules::MANY,
        &rules::EMPTY,
        &targets::MANY,
        &targets::ARN,
        &targets::INPUT,
        &targets::ROLE,
        &targets::PARAMETERS,
    ],
    ..Service::NEW
};

/// EventBridge acts as roles that let it.
pub(super) const ASSUMED: Law = Law {
    name: "the roles of rules and targets let EventBridge assume them",
    operations: &["PutRule", "PutTargets"],
    source: "EventBridge User Guide, Using IAM roles to grant EventBridge permissions to access target resources",
    fault: Fault::new(
        "ValidationException",
        "Provided role '{arn}' cannot be assumed by principal 'events.amazonaws.com'.",
    ),
    check: Some(|call, law| {
        let mut roles = call.texts("Targets[].RoleArn");
        roles.extend(call.text("RoleArn").map(str::to_owned));
        let wrong = roles
            .iter()
            .find(|role| !super::iam::role_is_assumable(call, role, "events.amazonaws.com"));
        match wrong {
            Some(arn) => Err(law.fault.with(&[("arn", arn)])),
            None => Ok(()),
        }
    }),
};

/// The name of the bus that a request names by name or ARN, or leaves out; AWS's refusal where there is none.
fn bus(call: &mut Call) -> Result<String, Refusal> {
    let name = call.text("EventBusName").unwrap_or("default").to_owned();
    buses::summon(call, &name);
    Ok(call.need(buses::BUS.name, &name)?.id.clone())
}
