//! What rules send events to.

use super::rules::{KIND, PAGES, the_rule};
use super::{SERVICE, bus};
use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::filter;
use crate::law::Law;
use crate::world::Record;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Targets of one rule.
const MOST: usize = 5;

const PUT_TARGETS: &str = "EventBridge API Reference, PutTargets";

/// The targets of a rule.
pub(super) fn of(rule: &Record) -> &[Json] {
    let targets = rule.hidden.get("targets").and_then(Json::as_array);
    targets.map_or(&[], Vec::as_slice)
}

fn sent<'a>(call: &'a Call<'_>) -> &'a [Json] {
    let targets = call.input.get("Targets").and_then(Json::as_array);
    targets.map_or(&[], Vec::as_slice)
}

fn text<'a>(target: &'a Json, member: &str) -> &'a str {
    target
        .get(member)
        .and_then(Json::as_str)
        .unwrap_or_default()
}

/// Adds targets, or puts them in the place of those of the same identifiers.
pub(super) fn put(call: &mut Call) -> Answer {
    let (id, rule) = the_rule(call, "Rule")?;
    let mut targets = of(&rule).to_vec();
    for target in sent(call) {
        targets.retain(|other| other["Id"] != target["Id"]);
        targets.push(target.clone());
    }
    if targets.len() > MOST {
        return Err(MANY.fault.with(&[]));
    }
    call.update(KIND, &id, |rule| {
        rule.hidden.insert("targets".into(), targets.into());
    });
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

pub(super) fn remove(call: &mut Call) -> Answer {
    let (id, rule) = the_rule(call, "Rule")?;
    let gone = call.texts("Ids[]");
    let mut targets = of(&rule).to_vec();
    targets.retain(|target| !gone.iter().any(|id| text(target, "Id") == id));
    call.update(KIND, &id, |rule| {
        rule.hidden.insert("targets".into(), targets.into());
    });
    Ok(json!({"FailedEntryCount": 0, "FailedEntries": []}))
}

fn page(call: &Call, list: &str, mut shown: Vec<(String, Json)>) -> Answer {
    let next = filter::page(call, &SERVICE, &PAGES, false, "", &mut shown)?;
    let items: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({list: items, "NextToken": next}))
}

pub(super) fn list(call: &mut Call) -> Answer {
    let (_, rule) = the_rule(call, "Rule")?;
    let targets = of(&rule).iter();
    let shown = targets.map(|target| (text(target, "Id").to_owned(), target.clone()));
    page(call, "Targets", shown.collect())
}

pub(super) fn rules_of(call: &mut Call) -> Answer {
    let bus = bus(call)?;
    let arn = call.text("TargetArn").unwrap_or_default();
    let rules = call.list_where(KIND, "EventBusName", &bus);
    let rules = rules.filter(|rule| of(rule).iter().any(|target| text(target, "Arn") == arn));
    let shown = rules.map(|rule| {
        let name = rule.text("Name");
        (name.to_owned(), json!(name))
    });
    page(call, "RuleNames", shown.collect())
}

/// Five of a rule. Only the operation knows how many there are in the end.
pub(super) const MANY: Law = Law {
    name: "a rule has at most five targets",
    operations: &["PutTargets"],
    source: "EventBridge User Guide, Amazon EventBridge quotas: Targets per rule",
    fault: Fault::new(
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    ),
    check: None,
};

/// A target is named by its ARN.
pub(super) const ARN: Law = Law {
    name: "a target has an ARN, and an identifier of its own",
    operations: &["PutTargets"],
    source: PUT_TARGETS,
    fault: Fault::new("ValidationException", "{message}"),
    check: Some(|call, law| {
        let mut seen = BTreeSet::new();
        for target in sent(call) {
            let arn = text(target, "Arn");
            let message = if arn.splitn(6, ':').count() != 6 || !arn.starts_with("arn:") {
                format!(
                    "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
                )
            } else if !seen.insert(text(target, "Id")) {
                format!("Duplicate target id {} in the request.", text(target, "Id"))
            } else {
                continue;
            };
            return Err(law.fault.with(&[("message", &message)]));
        }
        Ok(())
    }),
};

/// One way to say what a target is sent.
pub(super) const INPUT: Law = Law {
    name: "a target is sent the event, a constant, a part of it or what a transformer makes of it",
    operations: &["PutTargets"],
    source: "EventBridge API Reference, PutTargets: Input, InputPath, and InputTransformer are mutually exclusive",
    fault: Fault::new(
        "ValidationException",
        "Only one of Input, InputPath, or InputTransformer must be provided for target {id}.",
    ),
    check: Some(|call, law| {
        let ways = ["Input", "InputPath", "InputTransformer"];
        let several = |target: &&Json| {
            ways.iter()
                .filter(|way| target.get(**way).is_some())
                .count()
                > 1
        };
        match sent(call).iter().find(several) {
            Some(target) => Err(law.fault.with(&[("id", text(target, "Id"))])),
            None => Ok(()),
        }
    }),
};

/// The service of a target's ARN, and what stands after the account.
fn service(target: &Json) -> (&str, &str) {
    let mut parts = text(target, "Arn").splitn(6, ':');
    (
        parts.nth(2).unwrap_or_default(),
        parts.nth(2).unwrap_or_default(),
    )
}

/// Where EventBridge acts as a role.
pub(super) const ROLE: Law = Law {
    name: "streams, tasks, jobs and state machines are targets with a role",
    operations: &["PutTargets"],
    source: "EventBridge API Reference, PutTargets: For Amazon ECS, Kinesis data streams, Step Functions state machines and API Gateway APIs, EventBridge relies on IAM roles that you specify in the RoleARN",
    fault: Fault::new(
        "ValidationException",
        "RoleArn is required for target {arn}.",
    ),
    check: Some(|call, law| {
        let needs = |target: &&Json| {
            matches!(
                service(target).0,
                "kinesis" | "firehose" | "ecs" | "batch" | "states" | "execute-api"
            ) && target.get("RoleArn").is_none()
        };
        match sent(call).iter().find(needs) {
            Some(target) => Err(law.fault.with(&[("arn", text(target, "Arn"))])),
            None => Ok(()),
        }
    }),
};

/// Parameters that a target cannot be without.
pub(super) const PARAMETERS: Law = Law {
    name: "a cluster, a job queue and a FIFO queue are targets with their parameters",
    operations: &["PutTargets"],
    source: "EventBridge API Reference, Target: EcsParameters, BatchParameters, SqsParameters",
    fault: Fault::new(
        "ValidationException",
        "Parameter(s) {member} must be specified for target: {id}.",
    ),
    check: Some(|call, law| {
        for target in sent(call) {
            let member = match service(target) {
                ("ecs", _) => "EcsParameters",
                ("batch", _) => "BatchParameters",
                ("sqs", queue) if queue.ends_with(".fifo") => "SqsParameters",
                _ => continue,
            };
            if target.get(member).is_none() {
                return Err(law
                    .fault
                    .with(&[("member", member), ("id", text(target, "Id"))]));
            }
        }
        Ok(())
    }),
};
