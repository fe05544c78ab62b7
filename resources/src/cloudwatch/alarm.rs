//! `AWS::CloudWatch::Alarm`: a watch on a metric or on an expression of metrics.

use super::{ALARMS, TAGS, is_composite};
use crate::prelude::*;
use crate::tags;

native!(
    /// `AWS::CloudWatch::Alarm`.
    Alarm,
    Definition {
        create: Create { overwrites: true, ..Create::of("PutMetricAlarm", "") },
        reads: &[
            Read { select: Some(metric), ..Read::of(&ALARMS) },
            Read { key: Key::Described(&["AlarmArn"]), select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read { key: Key::Described(&["AlarmArn"]), when: Some(tags::untagged), ..Read::of(&TAGS) },
        ],
        // "When you update an existing alarm, its state is left unchanged, but the update completely overwrites the previous
        // configuration of the alarm" (API_PutMetricAlarm); its tags are not touched.
        updates: &[Change { mode: Mode::All, ..Change::of("PutMetricAlarm", &["AlarmName"]) }],
        delete: Delete::of("DeleteAlarms", &["AlarmNames=AlarmName"], &["ResourceNotFound"]),
        find: Find::Key(&["AlarmName"]),
        rules: &[Rule::Told("Arn", "AlarmArn")],
        tags: Tags::Member,
        name: Some(Name { also: "_.", ..Name::of("AlarmName", 255) }),
        // "The name must be unique within the Region" (API_PutMetricAlarm).
        unique: &[&["AlarmName"]],
        ..Definition::new("AWS::CloudWatch::Alarm", "cloudwatch")
    }
);

fn metric(alarm: &Json, _: &PhysicalId) -> Option<Json> {
    (!is_composite(alarm)).then(|| alarm.clone())
}
