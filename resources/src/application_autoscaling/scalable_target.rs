//! `AWS::ApplicationAutoScaling::ScalableTarget`: a capacity that may be scaled, between bounds and by schedule. The id is
//! `resource|dimension|service`.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{ACTIONS, TAGS, TARGETS};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::tags;

const ARN: Key = Key::Described(&["ScalableTargetARN"]);

native!(
    /// `AWS::ApplicationAutoScaling::ScalableTarget`.
    ScalableTarget,
    Definition {
        create: Create::of("RegisterScalableTarget", ""),
        reads: &[
            Read { key: Key::Id(&[2, 0]), select: Some(target), ..Read::of(&TARGETS) },
            Read { key: ARN, select: Some(tags::mapped), only_for: &["Tags"], ..Read::of(&TAGS) },
            Read {
                key: Key::Id(&[2, 0, 1]),
                select: Some(action),
                all: true,
                only_for: &["ScheduledActions"],
                into: "ScheduledActions",
                ..Read::of(&ACTIONS)
            },
        ],
        updates: &[
            // "To update a scalable target, specify the parameters that you want to change" (API_RegisterScalableTarget).
            Change::of("RegisterScalableTarget", &["ServiceNamespace", "ResourceId", "ScalableDimension"]),
            Change { takes: &["ScheduledActions"], mode: Mode::Step(actions), ..Change::of("PutScheduledAction", &[]) },
        ],
        // Its policies and scheduled actions go with it (API_DeregisterScalableTarget).
        delete: Delete::of(
            "DeregisterScalableTarget",
            &["ServiceNamespace", "ResourceId", "ScalableDimension"],
            &["ObjectNotFoundException"],
        ),
        find: Find::Key(&["ResourceId", "ScalableDimension", "ServiceNamespace"]),
        tags: Tags::Member,
        rules: &[
            Rule::Computed("Id", id),
            // Services with a service-linked role use that, whatever is said (API_RegisterScalableTarget, "RoleARN").
            Rule::Computed("RoleARN", |target| {
                described(target, "RoleARN").filter(|arn| !arn.contains("/aws-service-role/")).map(Json::from)
            }),
        ],
        propagation: &[
            ("ConcurrentUpdateException", ""),
            // The resource was made a moment ago.
            ("ValidationException", "doesn't exist"),
            ("ValidationException", "does not exist"),
            ("ValidationException", "nable to assume"),
        ],
        unique: &[&["ResourceId", "ScalableDimension", "ServiceNamespace"]],
        resets: &[(
            "SuspendedState",
            r#"{"DynamicScalingInSuspended": false, "DynamicScalingOutSuspended": false, "ScheduledScalingSuspended": false}"#,
        )],
        ..Definition::new("AWS::ApplicationAutoScaling::ScalableTarget", "application-autoscaling")
    }
);

fn id(target: &Json) -> Option<Json> {
    let part = |name: &str| described(target, name);
    let (resource, dimension, service) = (
        part("ResourceId")?,
        part("ScalableDimension")?,
        part("ServiceNamespace")?,
    );
    Some(format!("{resource}|{dimension}|{service}").into())
}

/// A resource may be scaled in several dimensions.
fn target(target: &Json, id: &PhysicalId) -> Option<Json> {
    let dimension = id.parts().get(1).copied()?.to_owned();
    (described(target, "ScalableDimension") == Some(&dimension)).then(|| target.clone())
}

/// Times are told in seconds.
fn action(action: &Json, _: &PhysicalId) -> Option<Json> {
    let mut action = action.clone();
    if let Some(members) = action.as_object_mut() {
        for name in ["StartTime", "EndTime"] {
            let seconds = members.get(name).and_then(Json::as_f64);
            let time = seconds
                .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds as i64).ok())
                .and_then(|time| time.format(&Rfc3339).ok());
            if let Some(time) = time {
                members.insert(name.to_owned(), time.into());
            }
        }
    }
    Some(action)
}

fn list(properties: &Value) -> Result<Vec<Map<String, Json>>> {
    let Some(actions) = properties.get("ScheduledActions") else {
        return Ok(Vec::new());
    };
    let actions = actions.expose_json().ok_or_else(|| {
        Error::Unknown("AWS::ApplicationAutoScaling::ScalableTarget ScheduledActions".to_owned())
    })?;
    let actions = actions.as_array().into_iter().flatten();
    Ok(actions
        .filter_map(|action| action.as_object().cloned())
        .collect())
}

/// Scheduled actions have calls of their own, one each.
fn actions<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let parts = id.parts();
        let part = |position: usize| Json::from(parts.get(position).copied().unwrap_or_default());
        let names: [(&str, Json); 3] = [
            ("ResourceId", part(0)),
            ("ScalableDimension", part(1)),
            ("ServiceNamespace", part(2)),
        ];
        let named = |mut input: Map<String, Json>| {
            input.extend(
                names
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.clone())),
            );
            input
        };
        let definition = ScalableTarget.definition();
        let (wanted, live) = (list(update.desired)?, list(update.live)?);
        for action in wanted.iter().filter(|action| !live.contains(action)) {
            let input = generic::input(definition, "PutScheduledAction", action)?;
            generic::write(definition, context, "PutScheduledAction", named(input)).await?;
        }
        let name = |action: &Map<String, Json>| action.get("ScheduledActionName").cloned();
        for gone in live
            .iter()
            .filter(|live| !wanted.iter().any(|wanted| name(wanted) == name(live)))
        {
            let input = Map::from_iter([(
                "ScheduledActionName".to_owned(),
                name(gone).unwrap_or_default(),
            )]);
            match generic::write(definition, context, "DeleteScheduledAction", named(input)).await {
                Err(error) if error.code() == Some("ObjectNotFoundException") => {}
                done => {
                    done?;
                }
            }
        }
        Ok(())
    })
}
