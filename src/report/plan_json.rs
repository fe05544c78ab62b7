//! `plan --json`, as docs/contracts.md fixes it.

use std::collections::BTreeMap;

use payctl_model::{PropertyPath, Value};
use serde_json::{Value as Json, json};

use super::values::{SecretChange, to_json};
use crate::plan::{Action, Change, Plan, Reason, ReplaceOrder};

/// The version of this format.
const FORMAT_VERSION: &str = "1.0";

/// The plan and what its refresh called.
pub fn render(plan: &Plan, environment: &str, api_calls: &BTreeMap<String, u64>) -> Json {
    let summary = plan.summary();
    let changes: Vec<Json> = plan.effective().map(change_json).collect();
    let outputs: BTreeMap<&String, Json> = plan
        .outputs
        .iter()
        .map(|(name, value)| {
            (
                name,
                to_json(value, &PropertyPath::root(), &|_| SecretChange::Same),
            )
        })
        .collect();
    json!({
        "format_version": FORMAT_VERSION,
        "environment": environment,
        "summary": {
            "create": summary.create, "update": summary.update, "replace": summary.replace,
            "delete": summary.delete, "noop": summary.noop, "drift": summary.drift,
        },
        "changes": changes,
        "drift": drift_json(plan),
        "accepted": accepted_json(plan),
        "managed": managed_json(plan),
        "problems": plan.problems.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "outputs": outputs,
        "warnings": plan.warnings,
        "api_calls": { "total": api_calls.values().sum::<u64>(), "by_operation": api_calls },
    })
}

/// The drift list alone, as `drift --json` and `plan --json` give it.
pub fn drift_json(plan: &Plan) -> Vec<Json> {
    let masked = |value: &Option<Value>| {
        value
            .as_ref()
            .map(|value| to_json(value, &PropertyPath::root(), &|_| SecretChange::Changed))
    };
    plan.drift
        .iter()
        .map(|drift| {
            json!({
                "address": drift.address, "property": drift.property, "declared": masked(&drift.declared),
                "was": masked(&drift.was), "live": masked(&drift.live), "undeclared": drift.undeclared,
                "effect": drift.effect, "accepted": drift.accepted,
            })
        })
        .collect()
}

/// The differences that stay because somebody accepted them.
pub fn accepted_json(plan: &Plan) -> Vec<Json> {
    let masked = |value: &Option<Value>| {
        value
            .as_ref()
            .map(|value| to_json(value, &PropertyPath::root(), &|_| SecretChange::Same))
    };
    let all = plan
        .accepted
        .iter()
        .flat_map(|(address, list)| list.iter().map(move |one| (address, one)));
    all.map(|(address, one)| {
        json!({
            "address": address, "property": one.property,
            "declared": masked(&one.declared), "live": masked(&one.live),
        })
    })
    .collect()
}

/// What other systems have moved: neither drift nor change.
pub fn managed_json(plan: &Plan) -> Vec<Json> {
    let masked = |value: &Option<Value>| {
        value
            .as_ref()
            .map(|value| to_json(value, &PropertyPath::root(), &|_| SecretChange::Same))
    };
    let all = plan.managed.iter();
    all.map(|one| {
        json!({
            "address": one.address, "property": one.property, "declared": masked(&one.declared), "live": masked(&one.live),
            "by": one.by.name(), "owner": one.owner,
        })
    })
    .collect()
}

fn change_json(change: &Change) -> Json {
    let order = match &change.action {
        Action::Replace(ReplaceOrder::CreateFirst) => Some("create-first"),
        Action::Replace(ReplaceOrder::DeleteFirst) => Some("delete-first"),
        _ => None,
    };
    let effect = if matches!(change.action, Action::Replace(_)) {
        "replace"
    } else {
        "update"
    };
    let reasons: Vec<Json> = change
        .reasons
        .iter()
        .filter_map(|reason| match reason {
            Reason::Property { property, cause } => {
                Some(json!({"property": property, "effect": "update", "cause": cause}))
            }
            Reason::Deployed { property, cause } => {
                Some(json!({"property": property, "effect": "deploy", "cause": cause}))
            }
            Reason::CreateOnly { property, cause } => {
                Some(json!({"property": property, "effect": "replace", "cause": cause}))
            }
            Reason::Holds { property, cause } => {
                Some(json!({"property": property, "effect": "replace", "cause": cause}))
            }
            Reason::Tainted => Some(json!({"property": "", "effect": effect, "cause": null})),
            Reason::New | Reason::GoneFromAws | Reason::NotInTemplate | Reason::Destroy => None,
        })
        .collect();
    let before_exists = change.before.is_some();
    let changed = |path: &PropertyPath| {
        if !before_exists {
            SecretChange::New
        } else if change
            .edits
            .iter()
            .any(|edit| edit.property.is_prefix_of(path))
        {
            SecretChange::Changed
        } else {
            SecretChange::Same
        }
    };
    let show = |value: &Option<Value>| {
        value
            .as_ref()
            .map(|value| to_json(value, &PropertyPath::root(), &changed))
    };
    json!({
        "address": change.address,
        "stack": change.address.stack,
        "region": change.address.region,
        "type": change.type_name,
        "physical_id": change.physical_id,
        "action": change.action.name(),
        "order": order,
        "deployment": change.deployment.as_ref().map(|deployment| json!({
            "by": deployment.by.name(), "group": deployment.group, "words": deployment.words,
        })),
        "native": change.native,
        "reasons": reasons,
        "before": show(&change.before),
        "after": show(&change.after),
    })
}
