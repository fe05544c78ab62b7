//! `AWS::Logs::SubscriptionFilter`: log events that are sent on as they come. The id is `filter|group`.

use super::SUBSCRIPTION_FILTERS;
use crate::prelude::*;

/// Logs sends a test message to the destination before it makes the filter.
const TESTED: &str = "PutSubscriptionFilter delivers a test message (CloudWatch Logs user guide, \"Log group-level subscription filters\": \
                      the destination must be ready and let Logs in)";

native!(
    /// `AWS::Logs::SubscriptionFilter`.
    SubscriptionFilter,
    Definition {
        create: Create { overwrites: true, ..Create::of("PutSubscriptionFilter", "") },
        reads: &[Read {
            // A group's name has no `|`; a filter's may.
            key: Key::Made(|id| Some(id.as_str().rsplit_once('|')?.1.to_owned())),
            select: Some(|filter, id| {
                let (name, _) = id.as_str().rsplit_once('|')?;
                (described(filter, "filterName") == Some(name)).then(|| filter.clone())
            }),
            ..Read::of(&SUBSCRIPTION_FILTERS)
        }],
        // "If you are updating an existing filter, you must specify the correct name" (API_PutSubscriptionFilter): as a whole.
        updates: &[Change {
            mode: Mode::All,
            ..Change::of("PutSubscriptionFilter", &["logGroupName=LogGroupName", "filterName=FilterName"])
        }],
        delete: Delete {
            busy: &["OperationAbortedException"],
            ..Delete::of(
                "DeleteSubscriptionFilter",
                &["logGroupName=LogGroupName", "filterName=FilterName"],
                &["ResourceNotFoundException"],
            )
        },
        find: Find::Key(&["FilterName", "LogGroupName"]),
        name: Some(Name { also: "_./", ..Name::of("FilterName", 512) }),
        propagation: &[
            ("OperationAbortedException", ""),
            // A role, its policy, a stream or a function's permission that was made a moment ago (CloudWatch Logs user guide, "Log
            // group-level subscription filters").
            ("InvalidParameterException", "Could not deliver test message"),
            ("InvalidParameterException", "Could not execute the lambda function"),
            ("InvalidParameterException", "permission to assume the provided role"),
            ("ValidationException", "permission to assume the provided role"),
        ],
        needs: &[Need { property: "DestinationArn", reason: TESTED }],
        after: &[After {
            type_name: "AWS::Lambda::Permission",
            mine: "DestinationArn",
            theirs: "FunctionName",
            milestone: Milestone::Ready,
            reason: TESTED,
        }],
        unique: &[&["FilterName", "LogGroupName"]],
        resets: &[("ApplyOnTransformedLogs", "false"), ("Distribution", "\"ByLogStream\"")],
        ..Definition::new("AWS::Logs::SubscriptionFilter", "logs")
    }
);
