//! CodeDeploy: applications, deployment configurations, deployment groups and their deployments.

mod applications;
mod appspec;
mod configurations;
mod deployments;
mod groups;
mod hosts;
mod services;
mod targets;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::filter;
use crate::kind::{Paging, Service, list_tags, tag, untag};
use crate::law::Law;
use crate::registry;
use serde_json::{Map, Value as Json};

/// AWS CodeDeploy.
pub const SERVICE: Service = Service {
    name: "codedeploy",
    kinds: &[
        &applications::APPLICATION,
        &configurations::CONFIGURATION,
        &groups::GROUP,
        &deployments::DEPLOYMENT,
    ],
    operations: &[
        tag("TagResource", "ResourceArn", "Tags"),
        untag("UntagResource", "ResourceArn", "TagKeys"),
        list_tags("ListTagsForResource", "ResourceArn", "Tags"),
    ],
    laws: &[
        &BATCH,
        &configurations::RESERVED,
        &configurations::PREDEFINED,
        &configurations::HOSTS,
        &configurations::ROUTED,
        &configurations::ZONAL,
        &groups::ASSUMED,
        &groups::OF_PLATFORM,
        &groups::STYLE,
        &groups::BALANCED,
        &groups::PAIR,
        &groups::SERVICE_THERE,
        &groups::ONE_GROUP,
        &groups::BLUE_GREEN,
        &groups::ALARMS,
        &groups::ROLLBACK,
        &groups::TAGS_COMBINED,
        &groups::SITE_TAGS_COMBINED,
        &deployments::ONE_AT_A_TIME,
        &deployments::REVISION,
        &deployments::OVER,
        &deployments::WELL_FORMED,
        &deployments::WAITS,
        &targets::STARTED,
    ],
    ..Service::NEW
};

/// So many names a call.
pub(super) const BATCH: Law = Law {
    name: "a batch names no more than its limit",
    operations: &["BatchGetApplications", "BatchGetDeploymentGroups"],
    source: "CodeDeploy API Reference, BatchGetApplications: the maximum number of application names you can specify is 100",
    fault: Fault::new(
        "BatchLimitExceededException",
        "The maximum number of names or IDs allowed for this request ({limit}) was exceeded.",
    ),
    check: Some(|call, law| {
        let names = ["applicationNames[]", "deploymentGroupNames[]"];
        let asked: usize = names.iter().map(|name| call.texts(name).len()).sum();
        if asked > 100 {
            return Err(law.fault.with(&[("limit", "100")]));
        }
        Ok(())
    }),
};

/// The compute platforms.
const SERVER: &str = "Server";
const LAMBDA: &str = "Lambda";
const ECS: &str = "ECS";

/// CodeDeploy's pages have no size that a request could name.
fn listing(
    call: &Call,
    member: &str,
    names: impl Iterator<Item = String>,
) -> Result<Map<String, Json>, Refusal> {
    let mut shown: Vec<(String, Json)> = names
        .map(|name| (name.clone(), Json::String(name)))
        .collect();
    let paging = Paging {
        size: "",
        ..Paging::lower_next_token(100, (1, 100))
    };
    let service = registry::service("codedeploy").unwrap_or(&SERVICE);
    let next = filter::page(call, service, &paging, false, "", &mut shown)?;
    let mut answer = Map::new();
    if let Some(next) = next {
        answer.insert("nextToken".into(), next.into());
    }
    answer.insert(
        member.into(),
        shown.into_iter().map(|(_, name)| name).collect(),
    );
    Ok(answer)
}
