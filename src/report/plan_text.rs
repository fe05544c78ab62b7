//! A plan for people: grouped by stack, what changes and why, a summary line. Reads well without colour at 80 columns.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use payctl_model::{Address, Value};

use super::style::{CREATE, DELETE, FAINT, REPLACE, STRONG, UPDATE, paint};
use super::values::{write_difference, write_value};
use crate::plan::{Accepted, Action, Change, Drift, Effect, Managed, Plan, Reason, ReplaceOrder};

/// What stands around the plan and is not part of it.
pub struct PlanHeader<'a> {
    /// Project and environment, such as `payments / local`.
    pub title: String,
    /// How many calls the refresh made.
    pub api_calls: u64,
    /// What an address is called on the terminal: as short as is unambiguous.
    pub short: &'a dyn Fn(&payctl_model::Address) -> String,
}

/// The whole plan as text.
pub fn render(plan: &Plan, header: &PlanHeader<'_>) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n", paint(STRONG, &header.title));
    let mut stacks: BTreeMap<(String, String), Vec<&Change>> = BTreeMap::new();
    for change in plan.effective() {
        let address = &change.address;
        stacks
            .entry((address.region.clone(), address.stack.clone()))
            .or_default()
            .push(change);
    }
    for ((region, stack), changes) in &stacks {
        let _ = writeln!(
            out,
            "{} {}",
            paint(STRONG, stack),
            paint(FAINT, format!("({region})"))
        );
        for change in changes {
            write_change(&mut out, change, header);
        }
        out.push('\n');
    }
    for old in &plan.deposed {
        let name = (header.short)(&old.address);
        let _ = writeln!(
            out,
            "  {} {name}  {} left by an earlier replacement",
            paint(DELETE, "-"),
            old.physical_id
        );
    }
    write_drift(&mut out, &plan.drift, header);
    write_accepted(&mut out, &plan.accepted, header);
    write_managed(&mut out, &plan.managed, header);
    // What nested stacks put out is for the stacks around them.
    let is_own = |(name, _): &(&String, &_)| name.matches('/').count() == 1;
    let outputs: Vec<_> = plan.outputs.iter().filter(is_own).collect();
    if !stacks.is_empty() && !outputs.is_empty() {
        let _ = writeln!(out, "{}", paint(STRONG, "Outputs"));
        for (name, value) in outputs {
            write_value(&mut out, 2, name, value);
        }
        out.push('\n');
    }
    for warning in &plan.warnings {
        let _ = writeln!(out, "{} {warning}", paint(UPDATE, "warning:"));
    }
    let _ = writeln!(out, "{}", summary_line(plan, header.api_calls));
    out
}

/// `Plan: 3 to create, …`, or that there is nothing to do.
pub fn summary_line(plan: &Plan, api_calls: u64) -> String {
    let summary = plan.summary();
    let calls = paint(FAINT, format!("({api_calls} API calls)"));
    let parts: Vec<String> = [
        (summary.create, "to create"),
        (summary.update, "to update"),
        (summary.replace, "to replace"),
        (summary.delete, "to delete"),
    ]
    .iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, what)| format!("{count} {what}"))
    .collect();
    if parts.is_empty() {
        let noop = summary.noop;
        return format!("No changes. {noop} resources are as the templates declare them. {calls}");
    }
    let kept = summary.noop;
    format!("Plan: {}, {kept} unchanged. {calls}", parts.join(", "))
}

fn write_change(out: &mut String, change: &Change, header: &PlanHeader<'_>) {
    let (style, sign, verb) = match &change.action {
        Action::NoOp => (FAINT, "=", "no change".to_owned()),
        Action::Create => (CREATE, "+", "create".to_owned()),
        Action::Update => (UPDATE, "~", rolled_out("update in place", change)),
        Action::Deploy => (UPDATE, "~", rolled_out("deploy", change)),
        Action::Replace(ReplaceOrder::CreateFirst) => {
            (REPLACE, "±", "replace, the new one first".to_owned())
        }
        Action::Replace(ReplaceOrder::DeleteFirst) => {
            (REPLACE, "∓", "replace, the old one goes first".to_owned())
        }
        Action::Delete { snapshot: false } => (DELETE, "-", "delete".to_owned()),
        Action::Delete { snapshot: true } => {
            (DELETE, "-", "delete after a final snapshot".to_owned())
        }
        Action::Retain => (
            FAINT,
            "o",
            "leave in AWS, forget (DeletionPolicy)".to_owned(),
        ),
        Action::Forget => (FAINT, "o", "forget: AWS has it no more".to_owned()),
        Action::Adopt(id) => (CREATE, ">", format!("adopt {id}")),
    };
    let native = match (change.native, change.provisioned) {
        (true, _) => "",
        (false, true) => " (through Cloud Control)",
        (false, false) => " (cannot be provisioned: apply refuses it)",
    };
    let _ = writeln!(
        out,
        "  {} {}  {}{native}",
        paint(style, sign),
        paint(STRONG, &change.address.logical_id),
        paint(FAINT, &change.type_name)
    );
    let _ = writeln!(out, "      {}", paint(style, verb));
    for reason in &change.reasons {
        if let Some(text) = reason_text(reason, header) {
            let _ = writeln!(out, "      {text}");
        }
    }
    match &change.action {
        Action::Create => {
            if let Some(Value::Map(map)) = &change.after {
                map.iter()
                    .for_each(|(name, value)| write_value(out, 6, name, value));
            }
        }
        Action::Update | Action::Deploy | Action::Replace(_) => {
            for edit in &change.edits {
                let name = edit.property.to_string();
                write_difference(out, 6, &name, edit.before.as_ref(), edit.after.as_ref());
                if let Some(default) = &edit.default {
                    let default = default.to_json();
                    let _ = writeln!(
                        out,
                        "        declared no more: back to AWS's default, {default}"
                    );
                }
            }
        }
        _ => {}
    }
}

/// What is done, and how it is rolled out where that is more than a rolling update.
fn rolled_out(what: &str, change: &Change) -> String {
    match &change.deployment {
        Some(deployment) => format!("{what} ({})", deployment.words),
        None => what.to_owned(),
    }
}

fn reason_text(reason: &Reason, header: &PlanHeader<'_>) -> Option<String> {
    let short = header.short;
    Some(match reason {
        Reason::New | Reason::Destroy => return None,
        Reason::Property { cause: None, .. } => return None,
        Reason::GoneFromAws => "AWS has it no more".to_owned(),
        Reason::NotInTemplate => "it is in no template any more".to_owned(),
        Reason::Tainted => "an earlier run left it incomplete".to_owned(),
        Reason::Deployed { cause: None, .. } => return None,
        Reason::Property {
            property,
            cause: Some(cause),
        }
        | Reason::Deployed {
            property,
            cause: Some(cause),
        } => format!("{property} follows {}", short(cause)),
        Reason::CreateOnly {
            property,
            cause: None,
        } => format!("{property} cannot be changed in place"),
        Reason::CreateOnly {
            property,
            cause: Some(cause),
        } => {
            format!(
                "{property} follows {} and cannot be changed in place",
                short(cause)
            )
        }
        Reason::Holds { property, cause } => {
            format!(
                "{property} holds {}, which goes before its successor is made",
                short(cause)
            )
        }
    })
}

/// What other systems have moved, in a line for each resource; empty where nothing is.
pub fn write_managed(out: &mut String, managed: &[Managed], header: &PlanHeader<'_>) {
    let mut lines: Vec<(String, Vec<&str>)> = Vec::new();
    for one in managed {
        let owner = one.owner.as_ref().map(header.short);
        let owner = owner.map(|owner| format!(" ({owner})")).unwrap_or_default();
        let who = format!(
            "{}: managed by {}{owner}",
            (header.short)(&one.address),
            one.by.name()
        );
        let property = one.property.head().unwrap_or_default();
        match lines.iter_mut().find(|(known, _)| *known == who) {
            Some((_, properties)) if properties.contains(&property) => {}
            Some((_, properties)) => properties.push(property),
            None => lines.push((who, vec![property])),
        }
    }
    for (who, properties) in &lines {
        let _ = writeln!(
            out,
            "  {} {who}: {}",
            paint(FAINT, "="),
            properties.join(", ")
        );
    }
    if !lines.is_empty() {
        out.push('\n');
    }
}

/// What differs between AWS and what was applied; empty where nothing does.
pub fn write_drift(out: &mut String, drift: &[Drift], header: &PlanHeader<'_>) {
    if drift.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "{}",
        paint(STRONG, "Drift: changed behind the templates' back")
    );
    for entry in drift {
        let name = (header.short)(&entry.address);
        if entry.property.is_root() && entry.live.is_none() {
            let _ = writeln!(
                out,
                "  {} {name}: gone from AWS ({})",
                paint(DELETE, "!"),
                effect(entry)
            );
            continue;
        }
        let note = if entry.undeclared {
            " (not declared)"
        } else {
            ""
        };
        let _ = writeln!(out, "  {} {name}{note}", paint(UPDATE, "!"));
        write_difference(
            out,
            6,
            &entry.property.to_string(),
            entry.declared.as_ref().or(entry.was.as_ref()),
            entry.live.as_ref(),
        );
        let _ = writeln!(out, "      {}", effect(entry));
    }
    out.push('\n');
}

/// What apply does about drift, in words.
fn effect(drift: &Drift) -> &'static str {
    match (drift.accepted, drift.effect) {
        (true, _) => "accepted: recorded as seen",
        (_, Effect::Nothing) if drift.undeclared => "apply leaves it alone",
        (_, Effect::Nothing) => "apply leaves it alone: nothing declares otherwise",
        (_, Effect::Update) => "apply sets it back",
        (_, Effect::Replace) => "apply replaces the resource to set it back",
        (_, Effect::Create) => "apply makes it again",
        (_, Effect::Delete) => "apply deletes the resource",
    }
}

/// Differences that stay because somebody accepted them; empty where none are.
pub fn write_accepted(
    out: &mut String,
    accepted: &BTreeMap<Address, Vec<Accepted>>,
    header: &PlanHeader<'_>,
) {
    if accepted.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "{}",
        paint(STRONG, "Accepted: different in AWS, and left so")
    );
    for (address, list) in accepted {
        let _ = writeln!(out, "    {}", (header.short)(address));
        for entry in list {
            write_difference(
                out,
                6,
                &entry.property.to_string(),
                entry.declared.as_ref(),
                entry.live.as_ref(),
            );
        }
    }
    out.push('\n');
}
