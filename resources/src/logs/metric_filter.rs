//! `AWS::Logs::MetricFilter`: a metric made of what log events say. The id is `group|filter`.

use super::METRIC_FILTERS;
use crate::prelude::*;

native!(
    /// `AWS::Logs::MetricFilter`.
    MetricFilter,
    Definition {
        create: Create { overwrites: true, ..Create::of("PutMetricFilter", "") },
        reads: &[Read {
            key: Key::Id(&[0]),
            select: Some(|filter, id| {
                let (_, name) = id.as_str().split_once('|')?;
                (described(filter, "filterName") == Some(name)).then(|| filter.clone())
            }),
            ..Read::of(&METRIC_FILTERS)
        }],
        // "Creates or updates a metric filter" (API_PutMetricFilter): as a whole.
        updates: &[Change { mode: Mode::All, ..Change::of("PutMetricFilter", &["logGroupName=LogGroupName", "filterName=FilterName"]) }],
        delete: Delete {
            busy: &["OperationAbortedException"],
            ..Delete::of(
                "DeleteMetricFilter",
                &["logGroupName=LogGroupName", "filterName=FilterName"],
                &["ResourceNotFoundException"],
            )
        },
        find: Find::Key(&["LogGroupName", "FilterName"]),
        // Anything but `:` and `*` (API_PutMetricFilter, "filterName").
        name: Some(Name { also: "_./", ..Name::of("FilterName", 512) }),
        // "Multiple concurrent requests to update the same resource were in conflict" (API_PutMetricFilter, Errors).
        propagation: &[("OperationAbortedException", "")],
        unique: &[&["LogGroupName", "FilterName"]],
        resets: &[("ApplyOnTransformedLogs", "false")],
        ..Definition::new("AWS::Logs::MetricFilter", "logs")
    }
);
