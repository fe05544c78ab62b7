//! Rules of listeners.

use super::{PAGES, actions, balancer_of, invalid, text};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Reference, Shows, Tags, create, delete, modify, run};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// The default rule stays.
pub const DEFAULT_STAYS: Law = Law {
    name: "a listener's default rule is neither changed nor deleted",
    operations: &["DeleteRule", "ModifyRule", "SetRulePriorities"],
    source: "Elastic Load Balancing API Reference, DeleteRule: \"You can't delete the default rule\"",
    fault: Fault::new(
        "OperationNotPermitted",
        "Default rule '{id}' cannot be {done}",
    ),
    check: None,
};

/// A priority is one rule's.
pub const PRIORITY_FREE: Law = Law {
    name: "a priority is one rule's of its listener",
    operations: &["CreateRule", "SetRulePriorities"],
    source: "Elastic Load Balancing API Reference, CreateRule: PriorityInUse",
    fault: Fault::new("PriorityInUse", "Priority '{id}' is currently in use"),
    check: None,
};

/// A rule.
pub const RULE: Kind = Kind {
    name: "elbv2/rule",
    id: Id::Made(|call, body, digits| {
        let arn = path::text(body, "ListenerArn").unwrap_or_default();
        Ok(format!(
            "{}/{}",
            call.need("elbv2/listener", arn)?.id,
            &digits[..16]
        ))
    }),
    arn: "arn:{partition}:elasticloadbalancing:{region}:{account}:listener-rule/{id}",
    arn_member: "RuleArn",
    tag_type: "listener-rule",
    defaults: Some(|_| json!({"IsDefault": false, "Conditions": [], "Transforms": []})),
    tags: Tags::Unseen("Tags"),
    refers: &[
        Reference::new("ListenerArn", "elbv2/listener").loose(),
        Reference::new(
            "Actions[].ForwardConfig.TargetGroups[].TargetGroupArn",
            "elbv2/target-group",
        )
        .source("Elastic Load Balancing API Reference, DeleteTargetGroup: ResourceInUse"),
    ],
    not_found: Fault::new("RuleNotFound", "One or more rules not found"),
    show: Some(|call, rule, body| {
        // The default rule does what the listener says.
        if rule.is("Priority", "default")
            && let Some(listener) = call.find("elbv2/listener", rule.text("ListenerArn"))
        {
            body.insert("Actions".into(), json!(listener.list("DefaultActions")));
        }
    }),
    operations: &[
        create("CreateRule", Shows::List("Rules"))
            .before(before_create)
            .prepare(belongs),
        run("DescribeRules", describe),
        modify("ModifyRule", "RuleArn", Shows::List("Rules"))
            .control(&["ResetTransforms"])
            .before(before_modify),
        delete("DeleteRule", "RuleArn", Shows::Nothing)
            .prepare(|_, rule| not_default(rule, "deleted")),
        run("SetRulePriorities", set_priorities),
    ],
    ..Kind::NEW
};

fn not_default(rule: &Record, done: &str) -> Result<(), Refusal> {
    if rule.is("Priority", "default") {
        return Err(DEFAULT_STAYS
            .fault
            .with(&[("id", &rule.arn), ("done", done)]));
    }
    Ok(())
}

/// The fields of conditions: name, the member that holds their values, and whether `Values` holds them as well.
const FIELDS: &[(&str, &str, bool)] = &[
    ("host-header", "HostHeaderConfig", true),
    ("path-pattern", "PathPatternConfig", true),
    ("http-header", "HttpHeaderConfig", false),
    ("http-request-method", "HttpRequestMethodConfig", false),
    ("query-string", "QueryStringConfig", false),
    ("source-ip", "SourceIpConfig", false),
];

/// `Values` and the field's own member say the same.
fn conditions(sent: Option<&Json>) -> Result<Json, Refusal> {
    let mut conditions = sent.and_then(Json::as_array).cloned().unwrap_or_default();
    if conditions.is_empty() {
        return Err(invalid("A rule must have at least one condition"));
    }
    for condition in &mut conditions {
        let field = text(condition, "Field").to_owned();
        let by_member = FIELDS
            .iter()
            .find(|(_, member, _)| condition.get(*member).is_some());
        let Some((field, member, mirrored)) = FIELDS
            .iter()
            .find(|(name, ..)| *name == field)
            .or(by_member)
        else {
            return Err(invalid(format!(
                "Condition field '{field}' must be one of '[path-pattern, host-header, http-header, http-request-method, query-string, source-ip]'"
            )));
        };
        condition["Field"] = json!(field);
        let plain = condition
            .get("Values")
            .and_then(Json::as_array)
            .is_some_and(|values| !values.is_empty());
        match (plain, condition.get(*member).cloned()) {
            (true, Some(config)) if config.get("Values") != condition.get("Values") => {
                return Err(invalid(format!(
                    "Values and {member} cannot both be specified in a condition"
                )));
            }
            (true, None) if *mirrored => {
                condition[*member] = json!({"Values": condition["Values"].clone()})
            }
            (false, Some(config)) if *mirrored => {
                if let Some(values) = config.get("Values") {
                    condition["Values"] = values.clone();
                }
            }
            (false, None) if condition.get("RegexValues").is_none() => {
                return Err(invalid(format!(
                    "A condition value must be specified for the field '{field}'"
                )));
            }
            _ => {}
        }
    }
    Ok(json!(conditions))
}

fn before_create(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let listener = call.need(
        "elbv2/listener",
        path::text(members, "ListenerArn").unwrap_or_default(),
    )?;
    let balancer = call.need("elbv2/load-balancer", listener.text("LoadBalancerArn"))?;
    let priority = members.get("Priority").map(path::plain).unwrap_or_default();
    if others(call, &listener.id, &[]).any(|rule| rule.is("Priority", &priority)) {
        return Err(PRIORITY_FREE.fault.with(&[("id", &priority)]));
    }
    let shown = conditions(members.get("Conditions"))?;
    let filled = actions::fill(call, balancer, members.get("Actions"))?;
    members.insert("Conditions".into(), shown);
    members.insert("Actions".into(), filled);
    members.insert("Priority".into(), json!(priority));
    Ok(())
}

/// The listener's rules but these.
fn others<'a>(
    call: &'a Call,
    listener: &'a str,
    but: &'a [String],
) -> impl Iterator<Item = &'a Record> {
    call.list_where(RULE.name, "ListenerArn", listener)
        .filter(move |rule| !but.contains(&rule.id))
}

fn belongs(call: &mut Call, rule: &mut Record) -> Result<(), Refusal> {
    let owner = call
        .need("elbv2/listener", rule.text("ListenerArn"))?
        .id
        .clone();
    *rule = std::mem::take(rule).part_of(&owner);
    Ok(())
}

fn before_modify(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let rule = call.need(RULE.name, call.text("RuleArn").unwrap_or_default())?;
    not_default(rule, "modified")?;
    if members.contains_key("Conditions") {
        let shown = conditions(members.get("Conditions"))?;
        members.insert("Conditions".into(), shown);
    }
    if members.contains_key("Actions") {
        let balancer = balancer_of(call, &rule.id).ok_or_else(|| RULE.not_found.with(&[]))?;
        let filled = actions::fill(call, balancer, members.get("Actions"))?;
        members.insert("Actions".into(), filled);
    }
    if members.get("ResetTransforms") == Some(&json!(true)) {
        members.insert("Transforms".into(), json!([]));
    }
    Ok(())
}

/// In the order in which they are tried: the default rule last.
fn describe(call: &mut Call) -> Answer {
    let call = &*call;
    let arns = call.texts("RuleArns[]");
    let mut found: Vec<&Record> = Vec::new();
    match call.text("ListenerArn") {
        Some(arn) => found.extend(others(call, &call.need("elbv2/listener", arn)?.id, &[])),
        None if arns.is_empty() => {
            return Err(invalid(
                "You must specify either listener rule ARNs or a listener ARN",
            ));
        }
        None => {}
    }
    for arn in &arns {
        found.push(call.need(RULE.name, arn)?);
    }
    let mut shown: Vec<(String, Json)> = found
        .into_iter()
        .map(|rule| {
            let listener = rule.id.rsplit_once('/').map_or("", |(head, _)| head);
            (
                format!("{listener} {:>8}", rule.text("Priority")),
                call.show(RULE.name, rule),
            )
        })
        .collect();
    shown.sort_by(|a, b| a.0.cmp(&b.0));
    let service = registry::service("elbv2").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let mut answer = json!({"Rules": shown.into_iter().map(|(_, rule)| rule).collect::<Vec<_>>()});
    if let Some(next) = next {
        answer["NextMarker"] = json!(next);
    }
    Ok(answer)
}

fn set_priorities(call: &mut Call) -> Answer {
    let asked = call
        .input
        .get("RulePriorities")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let mut changes: Vec<(String, String)> = Vec::new();
    for one in &asked {
        let rule = call.need(RULE.name, text(one, "RuleArn"))?;
        not_default(rule, "reprioritized")?;
        changes.push((
            rule.id.clone(),
            one.get("Priority").map(path::plain).unwrap_or_default(),
        ));
    }
    let ids: Vec<String> = changes.iter().map(|(id, _)| id.clone()).collect();
    for (at, (id, priority)) in changes.iter().enumerate() {
        let listener = id.rsplit_once('/').map_or("", |(head, _)| head);
        let taken = others(call, listener, &ids).any(|rule| rule.is("Priority", priority));
        let twice = changes[..at]
            .iter()
            .any(|(other, same)| same == priority && other.starts_with(listener));
        if taken || twice {
            return Err(PRIORITY_FREE.fault.with(&[("id", priority)]));
        }
    }
    for (id, priority) in &changes {
        call.update(RULE.name, id, |rule| {
            rule.set("Priority", priority.as_str())
        });
    }
    let shown: Vec<Json> = ids
        .iter()
        .filter_map(|id| call.find(RULE.name, id))
        .map(|rule| call.show(RULE.name, rule))
        .collect();
    Ok(json!({"Rules": shown}))
}
