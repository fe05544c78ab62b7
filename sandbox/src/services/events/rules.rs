//! Rules of buses.

use super::{bus, targets};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Reference, Tags, describe, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

pub(super) const KIND: &str = "events/rule";

const PUT_RULE: &str = "EventBridge API Reference, PutRule";
/// Rules of one bus.
const MOST: usize = 300;

/// A rule of a bus. Its targets are kept with it.
pub(super) const RULE: Kind = Kind {
    name: KIND,
    id: Id::Made(|_, body, _| {
        let text = |member| body.get(member).and_then(Json::as_str).unwrap_or_default();
        Ok(id(text("EventBusName"), text("Name")))
    }),
    arn: "arn:{partition}:events:{region}:{account}:rule/{Path}",
    arn_member: "Arn",
    tags: Tags::Unseen("Tags"),
    refers: &[Reference::new("EventBusName", "events/bus").source("EventBridge API Reference, DeleteEventBus: all rules associated with this event bus need to be deleted")],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "Rule {id} does not exist on EventBus {bus}.",
    ),
    operations: &[
        run("PutRule", put),
        run("DescribeRule", |call| {
            let (_, rule) = the_rule(call, "Name")?;
            Ok(call.show(KIND, &rule))
        }),
        describe("ListRules", "", "Rules")
            .keep(|call, rule| {
                let bus = call.text("EventBusName").unwrap_or("default");
                call.find("events/bus", bus)
                    .is_some_and(|bus| rule.is("EventBusName", &bus.id))
                    && call
                        .text("NamePrefix")
                        .is_none_or(|prefix| rule.text("Name").starts_with(prefix))
            })
            .paging(PAGES),
        run("EnableRule", |call| switch(call, "ENABLED")),
        run("DisableRule", |call| switch(call, "DISABLED")),
        run("DeleteRule", delete),
        run("PutTargets", targets::put),
        run("RemoveTargets", targets::remove),
        run("ListTargetsByRule", targets::list),
        run("ListRuleNamesByTarget", targets::rules_of),
    ],
    ..Kind::NEW
};

/// EventBridge's pages.
pub(super) const PAGES: Paging = Paging {
    size: "Limit",
    ..Paging::next_token(100, (1, 100))
};

fn id(bus: &str, name: &str) -> String {
    format!("{bus}|{name}")
}

/// The identifier and the record of the rule that a member and `EventBusName` name.
pub(super) fn the_rule(call: &mut Call, member: &str) -> Result<(String, Record), Refusal> {
    let bus = bus(call)?;
    let name = call.text(member).unwrap_or_default();
    match call.find(KIND, &id(&bus, name)) {
        Some(rule) => Ok((rule.id.clone(), rule.clone())),
        None => Err(RULE.not_found.with(&[("id", name), ("bus", &bus)])),
    }
}

/// Makes a rule, or puts one in the place of the one of this name: what is left out is gone; its targets and tags stay.
fn put(call: &mut Call) -> Answer {
    let bus = bus(call)?;
    let name = call.text("Name").unwrap_or_default().to_owned();
    let path = if bus == "default" {
        name.clone()
    } else {
        format!("{bus}/{name}")
    };
    let mut members: Map<String, Json> = call.input.clone();
    members.retain(|_, value| value.as_str() != Some(""));
    members.insert("EventBusName".into(), bus.clone().into());
    members.insert("Path".into(), path.into());
    members.insert("CreatedBy".into(), call.account.clone().into());
    members.entry("State").or_insert(json!("ENABLED"));
    let key = id(&bus, &name);
    let Some(old) = call.find(KIND, &key) else {
        let rule = call.make(KIND, Json::Object(members))?;
        return Ok(json!({"RuleArn": rule.arn}));
    };
    let arn = old.arn.clone();
    members.remove("Tags");
    members.insert("Arn".into(), arn.clone().into());
    call.update(KIND, &key, |rule| rule.body = members);
    Ok(json!({"RuleArn": arn}))
}

fn switch(call: &mut Call, state: &str) -> Answer {
    let (id, _) = the_rule(call, "Name")?;
    call.update(KIND, &id, |rule| rule.set("State", state));
    Ok(json!({}))
}

/// A rule that is not there is deleted already.
fn delete(call: &mut Call) -> Answer {
    let bus = bus(call)?;
    let key = id(&bus, call.text("Name").unwrap_or_default());
    if call.find(KIND, &key).is_some() {
        call.delete(KIND, &key)?;
    }
    Ok(json!({}))
}

/// Something must set it off.
pub(super) const WHEN: Law = Law {
    name: "a rule has an event pattern or a schedule",
    operations: &["PutRule"],
    source: PUT_RULE,
    fault: Fault::new(
        "ValidationException",
        "Parameter(s) EventPattern or ScheduleExpression must be specified.",
    ),
    check: Some(|call, law| {
        let given = |member: &&str| call.text(member).is_some_and(|text| !text.is_empty());
        if ["EventPattern", "ScheduleExpression"].iter().any(given) {
            return Ok(());
        }
        Err(law.fault.with(&[]))
    }),
};

/// `rate(5 minutes)`, `cron(0 12 * * ? *)`.
pub(super) const SCHEDULE: Law = Law {
    name: "a schedule is a rate or six fields of cron",
    operations: &["PutRule"],
    source: "EventBridge User Guide, Creating a rule that runs on a schedule: Rate expressions, Cron expressions",
    fault: Fault::new(
        "ValidationException",
        "Parameter ScheduleExpression is not valid.",
    ),
    check: Some(|call, law| {
        let text = call.text("ScheduleExpression").unwrap_or_default();
        if text.is_empty() || is_schedule(text) {
            return Ok(());
        }
        Err(law.fault.with(&[]))
    }),
};

fn is_schedule(text: &str) -> bool {
    let inner = |name: &str| {
        text.strip_prefix(name)?
            .strip_prefix('(')?
            .strip_suffix(')')
    };
    if let Some(rate) = inner("rate") {
        let Some((value, unit)) = rate.split_once(' ') else {
            return false;
        };
        let Some(value) = value.parse::<u32>().ok().filter(|value| *value > 0) else {
            return false;
        };
        let units = if value == 1 {
            ["minute", "hour", "day"]
        } else {
            ["minutes", "hours", "days"]
        };
        return units.contains(&unit);
    }
    let Some(cron) = inner("cron") else {
        return false;
    };
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let fits = |field: &str| {
        field
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || ",-*/?#".contains(char))
    };
    // One of day of month and day of week is `?`.
    fields.len() == 6
        && fields.iter().all(|field| fits(field))
        && (fields[2] == "?") != (fields[4] == "?")
}

/// Schedules belong to the default bus.
pub(super) const SCHEDULED_BUS: Law = Law {
    name: "schedules run on the default bus",
    operations: &["PutRule"],
    source: "EventBridge User Guide, Creating a rule that runs on a schedule: scheduled rules are only supported on the default event bus",
    fault: Fault::new(
        "ValidationException",
        "ScheduleExpression is supported only on the default event bus.",
    ),
    check: Some(|call, law| {
        let bus = call.text("EventBusName").unwrap_or("default");
        let default = bus == "default" || bus.ends_with(":event-bus/default");
        if call
            .text("ScheduleExpression")
            .is_some_and(|text| !text.is_empty())
            && !default
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// A pattern is a filter.
pub(super) const PATTERN: Law = Law {
    name: "an event pattern is JSON whose leaves are lists of what is wanted",
    operations: &["PutRule"],
    source: "EventBridge User Guide, Creating event patterns: Event pattern syntax",
    fault: Fault::new(
        "InvalidEventPatternException",
        "Event pattern is not valid. Reason: {reason}",
    ),
    check: Some(|call, law| {
        let Some(text) = call.text("EventPattern").filter(|text| !text.is_empty()) else {
            return Ok(());
        };
        let wrong = match serde_json::from_str::<Json>(text) {
            Ok(Json::Object(pattern)) if pattern.is_empty() => {
                Some("Empty patterns are not allowed".to_owned())
            }
            Ok(Json::Object(pattern)) => wrong_pattern(&pattern, ""),
            Ok(_) => Some("Filter is not an object".to_owned()),
            Err(_) => Some("Filter is not valid JSON".to_owned()),
        };
        match wrong {
            Some(reason) => Err(law.fault.with(&[("reason", &reason)])),
            None => Ok(()),
        }
    }),
};

fn wrong_pattern(pattern: &Map<String, Json>, path: &str) -> Option<String> {
    pattern.iter().find_map(|(key, value)| {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        match value {
            Json::Array(items) if items.is_empty() => {
                Some(format!("Empty arrays are not allowed at {path}"))
            }
            // `$or` holds patterns.
            Json::Array(items) if key == "$or" => items.iter().find_map(|item| match item {
                Json::Object(item) => wrong_pattern(item, &path),
                _ => Some(format!("\"{path}\" must be an array of objects")),
            }),
            Json::Array(_) => None,
            Json::Object(inner) if inner.is_empty() => {
                Some(format!("Empty objects are not allowed at {path}"))
            }
            Json::Object(inner) => wrong_pattern(inner, &path),
            _ => Some(format!("\"{path}\" must be an object or an array")),
        }
    })
}

/// As many as a bus may have.
pub(super) const MANY: Law = Law {
    name: "a bus has at most 300 rules",
    operations: &["PutRule"],
    source: "EventBridge User Guide, Amazon EventBridge quotas: Rules per event bus",
    fault: Fault::new(
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    ),
    check: Some(|call, law| {
        let named = call.text("EventBusName").unwrap_or("default");
        let Some(bus) = call.find("events/bus", named) else {
            return Ok(());
        };
        let name = call.text("Name").unwrap_or_default();
        let rules = call.list_where(KIND, "EventBusName", &bus.id);
        let others = rules.filter(|rule| !rule.is("Name", name));
        if others.count() >= MOST {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// Targets go first.
pub(super) const EMPTY: Law = Law {
    name: "a rule with targets is not deleted",
    operations: &["DeleteRule"],
    source: "EventBridge API Reference, DeleteRule: Before you can delete the rule, you must remove all targets",
    fault: Fault::new(
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    ),
    check: Some(|call, law| {
        let named = call.text("EventBusName").unwrap_or("default");
        let bus = call.find("events/bus", named).map(|bus| bus.id.clone());
        let key = id(
            &bus.unwrap_or_default(),
            call.text("Name").unwrap_or_default(),
        );
        let rule = call.find(KIND, &key);
        if rule.is_some_and(|rule| !targets::of(rule).is_empty()) {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

#[cfg(test)]
mod tests {
    use super::is_schedule;

    #[test]
    fn schedules() {
        for text in [
            "rate(1 minute)",
            "rate(5 hours)",
            "cron(0 12 * * ? *)",
            "cron(0/5 8-17 ? * MON-FRI *)",
        ] {
            assert!(is_schedule(text), "{text}");
        }
        for text in [
            "rate(1 minutes)",
            "rate(2 minute)",
            "rate(0 days)",
            "rate()",
            "cron(0 12 * * * *)",
            "cron(0 12 * *)",
            "5 minutes",
            "rate(5 minutes",
        ] {
            assert!(!is_schedule(text), "{text}");
        }
    }
}
