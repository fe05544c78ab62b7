//! CloudWatch: alarms and dashboards. No metrics are kept: a metric alarm's state changes when it is set, a composite one's with
//! the alarms of its rule.

mod alarms;
mod composite;
mod dashboards;

use crate::error::Fault;
use crate::kind::{Service, list_tags, tag, untag};

/// Amazon CloudWatch.
pub const SERVICE: Service = Service {
    name: "cloudwatch",
    kinds: &[&alarms::ALARM, &dashboards::DASHBOARD],
    operations: &[
        tag("TagResource", "ResourceARN", "Tags"),
        untag("UntagResource", "ResourceARN", "TagKeys"),
        list_tags("ListTagsForResource", "ResourceARN", "Tags"),
    ],
    laws: &[
        &alarms::METRIC,
        &alarms::COMBINATION,
        &alarms::VALUES,
        &composite::EXPRESSION,
        &composite::RULE,
        &composite::SUPPRESSOR,
        &alarms::THERE,
        &composite::ONE,
        &composite::CHILD,
        &dashboards::BODY,
        &dashboards::NAME,
        &dashboards::THERE,
    ],
    invalid: Fault::new("ValidationError", "{message}"),
    missing: Fault::new("ValidationError", "{message}"),
    ..Service::NEW
};
