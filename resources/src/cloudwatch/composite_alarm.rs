//! `AWS::CloudWatch::CompositeAlarm`: a watch on the states of other alarms.

use super::{ALARMS, TAGS, is_composite};
use crate::prelude::*;
use crate::tags;

/// Why it comes after the alarms of its rule.
const NAMED: &str = "the alarms that a rule names must exist when it is put, by name or by ARN (API_PutCompositeAlarm, \"AlarmRule\"), and \
                     are not deleted while it names them (CloudWatch user guide, \"Delete an alarm\")";

native!(
    /// `AWS::CloudWatch::CompositeAlarm`.
    CompositeAlarm,
    Definition {
        create: Create { overwrites: true, ..Create::of("PutCompositeAlarm", "") },
        reads: &[
            Read { select: Some(composite), ..Read::of(&ALARMS) },
            Read { key: Key::Described(&["AlarmArn"]), select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read { key: Key::Described(&["AlarmArn"]), when: Some(tags::untagged), ..Read::of(&TAGS) },
        ],
        // The whole configuration is replaced; tags are not touched (API_PutCompositeAlarm, "Tags").
        updates: &[Change { mode: Mode::All, ..Change::of("PutCompositeAlarm", &["AlarmName"]) }],
        delete: Delete::of("DeleteAlarms", &["AlarmNames=AlarmName"], &["ResourceNotFound"]),
        find: Find::Key(&["AlarmName"]),
        rules: &[Rule::Told("Arn", "AlarmArn")],
        tags: Tags::Member,
        name: Some(Name { also: "_.", ..Name::of("AlarmName", 255) }),
        mentions: &[
            Mention { property: "AlarmRule", type_name: "AWS::CloudWatch::Alarm", name: "AlarmName", reason: NAMED },
            Mention { property: "AlarmRule", type_name: "AWS::CloudWatch::CompositeAlarm", name: "AlarmName", reason: NAMED },
            Mention { property: "ActionsSuppressor", type_name: "AWS::CloudWatch::Alarm", name: "AlarmName", reason: NAMED },
            Mention {
                property: "ActionsSuppressor",
                type_name: "AWS::CloudWatch::CompositeAlarm",
                name: "AlarmName",
                reason: NAMED,
            },
        ],
        holds: &["AlarmRule"],
        // "This name must be unique within the Region" (API_PutCompositeAlarm), among metric alarms too.
        unique: &[&["AlarmName"]],
        resets: &[("ActionsEnabled", "true")],
        ..Definition::new("AWS::CloudWatch::CompositeAlarm", "cloudwatch")
    }
);

fn composite(alarm: &Json, _: &PhysicalId) -> Option<Json> {
    is_composite(alarm).then(|| alarm.clone())
}
