//! Metric alarms and composite alarms, which share their names.

use super::composite::{self, depends};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Tags, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

pub(super) const KIND: &str = "cloudwatch/alarm";

/// An alarm; a composite one has a rule.
pub(super) const ALARM: Kind = Kind {
    name: KIND,
    id: Id::Member("AlarmName"),
    arn: "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}",
    arn_member: "AlarmArn",
    defaults: Some(|call| {
        json!({
            "ActionsEnabled": true,
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            "StateValue": "INSUFFICIENT_DATA",
            "StateReason": "Unchecked: Initial alarm creation",
            "StateUpdatedTimestamp": call.now,
            "StateTransitionedTimestamp": call.now,
            "AlarmConfigurationUpdatedTimestamp": call.now,
        })
    }),
    tags: Tags::Unseen("Tags"),
    on_event: Some(composite::on_event),
    not_found: Fault::new("ResourceNotFoundException", "{id} does not exist."),
    operations: &[
        run("PutMetricAlarm", put),
        run("PutCompositeAlarm", put),
        run("DescribeAlarms", describe),
        run("DeleteAlarms", delete),
        run("EnableAlarmActions", |call| switch(call, true)),
        run("DisableAlarmActions", |call| switch(call, false)),
        run("SetAlarmState", set_state),
    ],
    ..Kind::NEW
};

const PUT: &str = "CloudWatch API Reference, PutMetricAlarm";

/// Something must be measured.
pub(super) const METRIC: Law = Law {
    name: "an alarm measures a metric, or metrics, with a statistic",
    operations: &["PutMetricAlarm"],
    source: PUT,
    fault: Fault::new("MissingParameter", "The parameter {member} must be given."),
    check: Some(|call, law| {
        let has = |member: &str| call.input.contains_key(member);
        let missing = if has("Metrics") || has("EvaluationCriteria") {
            None
        } else if !has("MetricName") {
            Some("MetricName")
        } else if !has("Namespace") {
            Some("Namespace")
        } else if !has("Statistic") && !has("ExtendedStatistic") {
            Some("Statistic")
        } else if !has("Period") {
            Some("Period")
        } else {
            None
        };
        let missing = match missing {
            None if has("EvaluationCriteria") => None,
            None if !has("EvaluationPeriods") => Some("EvaluationPeriods"),
            None if !has("ComparisonOperator") => Some("ComparisonOperator"),
            None if !has("Threshold") && !has("ThresholdMetricId") => Some("Threshold"),
            missing => missing,
        };
        match missing {
            Some(member) => Err(law.fault.with(&[("member", member)])),
            None => Ok(()),
        }
    }),
};

/// What excludes each other.
pub(super) const COMBINATION: Law = Law {
    name: "an alarm has one way to measure and one threshold",
    operations: &["PutMetricAlarm"],
    source: PUT,
    fault: Fault::new(
        "InvalidParameterCombination",
        "The parameters {one} and {other} cannot be used together.",
    ),
    check: Some(|call, law| {
        let has = |member: &&str| call.input.contains_key(*member);
        let pairs = [
            ("Metrics", "MetricName"),
            ("Metrics", "Namespace"),
            ("Metrics", "Dimensions"),
            ("Metrics", "Period"),
            ("Metrics", "Statistic"),
            ("Metrics", "ExtendedStatistic"),
            ("Metrics", "Unit"),
            ("Statistic", "ExtendedStatistic"),
            ("Threshold", "ThresholdMetricId"),
        ];
        match pairs.iter().find(|(one, other)| has(one) && has(other)) {
            Some((one, other)) => Err(law.fault.with(&[("one", one), ("other", other)])),
            None => Ok(()),
        }
    }),
};

/// What the API model does not say of the values.
pub(super) const VALUES: Law = Law {
    name: "an alarm's values are ones that CloudWatch evaluates",
    operations: &["PutMetricAlarm", "PutCompositeAlarm"],
    source: PUT,
    fault: Fault::new("ValidationError", "{message}"),
    check: Some(|call, law| match wrong(call) {
        Some(message) => Err(law.fault.with(&[("message", &message)])),
        None => Ok(()),
    }),
};

fn wrong(call: &Call) -> Option<String> {
    let number = |member: &str| call.input.get(member).and_then(Json::as_u64);
    if let Some(treat) = call.text("TreatMissingData")
        && !matches!(treat, "breaching" | "notBreaching" | "ignore" | "missing")
    {
        return Some(format!(
            "The value {treat} is unsupported for MissingDataTreatment"
        ));
    }
    if let Some(low) = call.text("EvaluateLowSampleCountPercentile")
        && !matches!(low, "evaluate" | "ignore")
    {
        return Some(format!(
            "Option {low} is not supported. Supported options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore."
        ));
    }
    if let Some(extended) = call.text("ExtendedStatistic")
        && !extended.starts_with(['p', 't', 'w', 'P', 'T', 'W', 'I'])
    {
        return Some(format!(
            "The value {extended} for parameter ExtendedStatistic is not supported."
        ));
    }
    if let Some(period) = number("Period")
        && !matches!(period, 10 | 20 | 30)
        && period % 60 != 0
    {
        return Some("Metric Period must be 10, 20, 30 or a multiple of 60".into());
    }
    if let (Some(period), Some(times)) = (number("Period"), number("EvaluationPeriods")) {
        let most = if period >= 3600 { 604_800 } else { 86_400 };
        if period.saturating_mul(times) > most {
            return Some(format!(
                "Metrics cannot be checked across more than {} (EvaluationPeriods * Period must be <= {most}).",
                if most == 86_400 { "a day" } else { "a week" }
            ));
        }
    }
    if let (Some(points), Some(times)) = (number("DatapointsToAlarm"), number("EvaluationPeriods"))
        && points > times
    {
        return Some("DatapointsToAlarm must be less than or equal to EvaluationPeriods".into());
    }
    let metrics = call.input.get("Metrics").and_then(Json::as_array);
    if let Some(metrics) = metrics {
        let shown: Vec<&Json> = metrics
            .iter()
            .filter(|metric| metric["ReturnData"] != false)
            .collect();
        let watched = call.text("ThresholdMetricId");
        let count = shown
            .iter()
            .filter(|metric| metric["Id"].as_str() != watched)
            .count();
        if count != 1 {
            return Some("Exactly one element of the metrics list should return data.".into());
        }
        if let Some(id) = watched
            && !metrics.iter().any(|metric| metric["Id"] == id)
        {
            return Some(format!("ThresholdMetricId {id} is not the id of a metric."));
        }
        if metrics
            .iter()
            .any(|metric| metric.get("MetricStat").is_some() == metric.get("Expression").is_some())
        {
            return Some("Each metric must have exactly one of MetricStat and Expression.".into());
        }
    }
    let actions = ["OKActions", "AlarmActions", "InsufficientDataActions"];
    for action in actions
        .iter()
        .flat_map(|member| call.texts(&format!("{member}[]")))
    {
        let parts: Vec<&str> = action.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "sns", region, _, _] if *region != call.region => {
                return Some(format!(
                    "Invalid region {region} specified. Only {} is supported.",
                    call.region
                ));
            }
            ["arn", _, _, _, _, _] => {}
            _ => return Some(format!("Invalid arn syntax: {action}")),
        }
    }
    None
}

/// All or none are deleted.
pub(super) const THERE: Law = Law {
    name: "the alarm exists",
    operations: &["DeleteAlarms", "SetAlarmState"],
    source: "CloudWatch API Reference, DeleteAlarms and SetAlarmState, Errors",
    fault: Fault::new("ResourceNotFound", "Alarm {id} does not exist"),
    check: Some(|call, law| {
        let mut names = call.texts("AlarmNames[]");
        names.extend(call.text("AlarmName").map(str::to_owned));
        match names.iter().find(|name| call.find(KIND, name).is_none()) {
            Some(name) => Err(law.fault.with(&[("id", name)])),
            None => Ok(()),
        }
    }),
};

/// Makes the alarm, or replaces all that is configured of the one of this name; state and tags stay.
fn put(call: &mut Call) -> Answer {
    let mut members = call.input.clone();
    if !members.contains_key("AlarmRule") && !members.contains_key("Metrics") {
        members.entry("Dimensions").or_insert_with(|| json!([]));
    }
    if let Some(Json::Array(metrics)) = members.get_mut("Metrics") {
        for metric in metrics.iter_mut().filter_map(Json::as_object_mut) {
            metric.entry("ReturnData").or_insert(Json::Bool(true));
        }
    }
    let name = call.text("AlarmName").unwrap_or_default().to_owned();
    let Some(old) = call.find(KIND, &name).cloned() else {
        call.make(KIND, Json::Object(members))?;
        composite::evaluate_soon(call, &name);
        return Ok(json!({}));
    };
    if old.body.contains_key("AlarmRule") != members.contains_key("AlarmRule") {
        let message = format!("An alarm of another type is already named {name}.");
        return Err(Refusal::new("ValidationError", message));
    }
    // Tags are ignored when the alarm exists (API reference, Tags).
    members.remove("Tags");
    let mut body: Map<String, Json> = json!({
        "ActionsEnabled": true, "OKActions": [], "AlarmActions": [], "InsufficientDataActions": [],
    })
    .as_object()
    .cloned()
    .unwrap_or_default();
    for kept in [
        "AlarmArn",
        "StateValue",
        "StateReason",
        "StateReasonData",
        "StateUpdatedTimestamp",
        "StateTransitionedTimestamp",
    ] {
        if let Some(value) = old.body.get(kept) {
            body.insert(kept.into(), value.clone());
        }
    }
    body.insert("AlarmConfigurationUpdatedTimestamp".into(), json!(call.now));
    body.extend(members);
    call.update(KIND, &name, |alarm| alarm.body = body);
    composite::evaluate_soon(call, &name);
    Ok(json!({}))
}

fn describe(call: &mut Call) -> Answer {
    let names = call.texts("AlarmNames[]");
    let mut types = call.texts("AlarmTypes[]");
    if types.is_empty() {
        // API reference, AlarmTypes: only metric alarms when it is left out.
        types.push("MetricAlarm".into());
    }
    let related = |member: &str| match call.text(member) {
        Some(name) => call.find(KIND, name).cloned().map(Some).ok_or(()),
        None => Ok(None),
    };
    let (parents_of, children_of) = (
        related("ParentsOfAlarmName"),
        related("ChildrenOfAlarmName"),
    );
    let is_composite = |alarm: &Record| alarm.body.contains_key("AlarmRule");
    let keep = |alarm: &&Record| {
        let kind = if is_composite(alarm) {
            "CompositeAlarm"
        } else {
            "MetricAlarm"
        };
        let family = match (&parents_of, &children_of) {
            (Ok(Some(child)), _) => is_composite(alarm) && depends(alarm, child),
            (_, Ok(Some(parent))) => depends(parent, alarm),
            (Err(()), _) | (_, Err(())) => false,
            _ => types.iter().any(|one| one == kind),
        };
        let begins = |action: &str, prefix: &str| action.starts_with(prefix);
        family
            && (names.is_empty() || names.contains(&alarm.id))
            && call
                .text("AlarmNamePrefix")
                .is_none_or(|prefix| alarm.id.starts_with(prefix))
            && call
                .text("StateValue")
                .is_none_or(|state| alarm.is("StateValue", state))
            && call.text("ActionPrefix").is_none_or(|prefix| {
                ["OKActions", "AlarmActions", "InsufficientDataActions"]
                    .iter()
                    .any(|member| {
                        alarm
                            .list(member)
                            .iter()
                            .any(|action| begins(action.as_str().unwrap_or_default(), prefix))
                    })
            })
    };
    let mut shown: Vec<(String, Json)> = call
        .list(KIND)
        .filter(keep)
        .map(|alarm| (alarm.id.clone(), call.show(KIND, alarm)))
        .collect();
    let paging = Paging {
        size: "MaxRecords",
        ..Paging::next_token(50, (1, 100))
    };
    let next = crate::filter::page(call, &super::SERVICE, &paging, false, "", &mut shown)?;
    let (composite, metric): (Vec<Json>, Vec<Json>) = shown
        .into_iter()
        .map(|(_, alarm)| alarm)
        .partition(|alarm| alarm.get("AlarmRule").is_some());
    Ok(json!({"MetricAlarms": metric, "CompositeAlarms": composite, "NextToken": next}))
}

fn delete(call: &mut Call) -> Answer {
    for name in call.texts("AlarmNames[]") {
        call.remove(KIND, &name);
    }
    Ok(json!({}))
}

fn switch(call: &mut Call, on: bool) -> Answer {
    for name in call.texts("AlarmNames[]") {
        call.update(KIND, &name, |alarm| alarm.set("ActionsEnabled", on));
    }
    Ok(json!({}))
}

fn set_state(call: &mut Call) -> Answer {
    let name = call.text("AlarmName").unwrap_or_default().to_owned();
    let (input, now) = (call.input.clone(), call.now);
    call.update(KIND, &name, |alarm| {
        if input.get("StateValue") != alarm.body.get("StateValue") {
            alarm.set("StateTransitionedTimestamp", now);
        }
        for member in ["StateValue", "StateReason", "StateReasonData"] {
            alarm.set(member, input.get(member).cloned().unwrap_or(Json::Null));
        }
        alarm.set("StateUpdatedTimestamp", now);
    });
    composite::changed(call, &name);
    Ok(json!({}))
}
