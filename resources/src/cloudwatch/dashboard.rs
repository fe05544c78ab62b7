//! `AWS::CloudWatch::Dashboard`: widgets, as one JSON document.

use super::{DASHBOARDS, TAGS};
use crate::prelude::*;
use crate::tags;

native!(
    /// `AWS::CloudWatch::Dashboard`.
    Dashboard,
    Definition {
        create: Create { overwrites: true, ..Create::of("PutDashboard", "") },
        reads: &[
            Read::of(&DASHBOARDS),
            Read { key: Key::Described(&["DashboardArn"]), select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read { key: Key::Described(&["DashboardArn"]), when: Some(tags::untagged), ..Read::of(&TAGS) },
        ],
        updates: &[Change { mode: Mode::All, ..Change::of("PutDashboard", &["DashboardName"]) }],
        delete: Delete::of(
            "DeleteDashboards",
            &["DashboardNames=DashboardName"],
            &["DashboardNotFoundError", "ResourceNotFound"],
        ),
        find: Find::Key(&["DashboardName"]),
        tags: Tags::Member,
        // "Valid characters are A-Za-z0-9 and -_" (API_PutDashboard).
        name: Some(Name { also: "_", ..Name::of("DashboardName", 255) }),
        unique: &[&["DashboardName"]],
        ..Definition::new("AWS::CloudWatch::Dashboard", "cloudwatch")
    }
);
