//! `AWS::ECS::TaskDefinition`: one revision of what a task is. A change of its content is a new revision; the old one is deregistered
//! when nothing needs it.

use super::{REVISIONS, TASK_DEFINITIONS};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;
use crate::tags;

native!(
    /// `AWS::ECS::TaskDefinition`.
    TaskDefinition,
    Definition {
        create: Create::of("RegisterTaskDefinition", "taskDefinition"),
        reads: &[Read { select: Some(flat), ..Read::of(&TASK_DEFINITIONS) }],
        delete: Delete::of("DeregisterTaskDefinition", &["taskDefinition=TaskDefinitionArn"], &["ClientException"]),
        find: Find::Search(search),
        rules: &[Rule::Renamed("ProxyConfiguration.ProxyConfigurationProperties", "properties")],
        tags: Tags::Member,
        // Letters, digits, hyphens and underscores (API_RegisterTaskDefinition).
        name: Some(Name { also: "_", ..Name::of("Family", 255) }),
        status,
        // A role that was made a moment ago (IAM user guide, "Changes that I make are not always immediately visible").
        propagation: &[("ClientException", "ole is not valid")],
        ..Definition::new("AWS::ECS::TaskDefinition", "ecs")
    }
);

/// Tags stand beside the description.
fn flat(answer: &Json, _: &PhysicalId) -> Option<Json> {
    let mut description = answer.get("taskDefinition")?.clone();
    if let (Some(members), Some(tags)) = (description.as_object_mut(), answer.get("tags")) {
        members.insert("tags".to_owned(), tags.clone());
    }
    Some(description)
}

/// ACTIVE | INACTIVE | DELETE_IN_PROGRESS (API_TaskDefinition). AWS keeps inactive revisions.
fn status(description: &Json) -> Status {
    if state_is(description, "status", &["INACTIVE", "DELETE_IN_PROGRESS"]) {
        Status::Gone
    } else {
        Status::Ready
    }
}

/// Revisions of an interrupted create are among the newest.
const NEWEST: usize = 20;

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(family) = desired.get("Family").and_then(Value::as_str) else {
            return Ok(None);
        };
        let revisions = generic::items_of(context, &REVISIONS, family).await?;
        for arn in revisions.iter().filter_map(Json::as_str).take(NEWEST) {
            let answers = generic::items_of(context, &TASK_DEFINITIONS, arn).await?;
            let ours = answers.iter().any(|answer| {
                tags::carries(answer.get("tags"), incarnation)
                    && look(answer, "taskDefinition.family")
                        .as_ref()
                        .and_then(Json::as_str)
                        == Some(family)
            });
            if ours {
                return Ok(Some(arn.into()));
            }
        }
        Ok(None)
    })
}
