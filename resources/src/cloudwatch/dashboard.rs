//! `AWS::CloudWatch::Dashboard`: widgets, as one JSON document.

use super::{DASHBOARDS, TAGS};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;

native!(
    /// `AWS::CloudWatch::Dashboard`.
    Dashboard,
    Definition {
        create: Create { overwrites: true, ..Create::of("PutDashboard", "") },
        reads: &[
            Read::of(&DASHBOARDS),
            Read { key: Key::Described(&["DashboardArn"]), only_for: &["Tags"], ..Read::of(&TAGS) },
        ],
        updates: &[Change { mode: Mode::All, ..Change::of("PutDashboard", &["DashboardName"]) }],
        delete: Delete::of(
            "DeleteDashboards",
            &["DashboardNames=DashboardName"],
            &["DashboardNotFoundError", "ResourceNotFound"],
        ),
        find: Find::Search(search),
        tags: Tags::Member,
        // "Valid characters are A-Za-z0-9 and -_" (API_PutDashboard).
        name: Some(Name { also: "_", ..Name::of("DashboardName", 255) }),
        unique: &[&["DashboardName"]],
        ..Definition::new("AWS::CloudWatch::Dashboard", "cloudwatch")
    }
);

/// It carries no mark of payctl's: it is the one that was asked for when it has the name and the body.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(name) = desired.get("DashboardName").and_then(Value::as_str) else {
            return Ok(None);
        };
        let body = |text: &str| serde_json::from_str::<Json>(text).ok();
        let wanted = desired.get("DashboardBody").and_then(Value::expose_json);
        let wanted = wanted.as_ref().and_then(Json::as_str).and_then(body);
        let found = generic::items_of(context, &DASHBOARDS, name).await?;
        let same = found.iter().any(|dashboard| {
            described(dashboard, "DashboardBody").and_then(body) == wanted && wanted.is_some()
        });
        Ok(same.then(|| PhysicalId::from(name)))
    })
}
