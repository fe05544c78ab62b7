//! `AWS::ElasticLoadBalancingV2::TargetGroup`: what a load balancer sends requests to.

use super::{
    NO_TARGET_GROUP, TAGS, TARGET_GROUP_ATTRIBUTES, TARGET_GROUPS, TARGET_GROUPS_BY_NAME, TARGETS,
};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;

/// `AWS::ElasticLoadBalancingV2::TargetGroup`.
pub struct TargetGroup;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateTargetGroup", "TargetGroups.0"),
    reads: &[
        Read::of(&TARGET_GROUPS),
        Read::of(&TAGS),
        Read {
            only_for: &["TargetGroupAttributes"],
            ..Read::of(&TARGET_GROUP_ATTRIBUTES)
        },
        Read {
            only_for: &["Targets"],
            ..Read::of(&TARGETS)
        },
    ],
    updates: &[
        Change {
            takes: &["Targets"],
            mode: Mode::Step(targets),
            ..Change::of("RegisterTargets", &["TargetGroupArn"])
        },
        Change {
            // Another protocol needs its path and its codes.
            together: &[&["HealthCheckProtocol", "HealthCheckPath", "Matcher"]],
            ..Change::of("ModifyTargetGroup", &["TargetGroupArn"])
        },
        Change::of("ModifyTargetGroupAttributes", &["TargetGroupArn"]),
    ],
    delete: Delete {
        // A listener or rule that is being deleted uses it still.
        busy: &["ResourceInUse"],
        ..Delete::of("DeleteTargetGroup", &["TargetGroupArn"], NO_TARGET_GROUP)
    },
    find: Find::Search(find),
    rules: &[
        Rule::Told("Name", "TargetGroupName"),
        Rule::Computed("TargetGroupFullName", |description| {
            let name = super::after(description, "TargetGroupArn", ":targetgroup/")?;
            Some(format!("targetgroup/{name}").into())
        }),
        Rule::Renamed("TargetGroupAttributes", "Attributes"),
        Rule::Computed("Targets", registered),
    ],
    tags: Tags::Member,
    // "Up to 32 characters; alphanumeric or hyphens; must not begin or end with a hyphen" (API_CreateTargetGroup).
    name: Some(Name::of("Name", 32)),
    needs: &[Need {
        property: "Targets.*.Id",
        reason: "RegisterTargets refuses instances that are not running and load balancers that are not active: InvalidTarget \
                 (API_RegisterTargets)",
    }],
    unique: &[&["Name"]],
    create_only: &[(
        "TargetControlPort",
        "ModifyTargetGroup has no such member: a group keeps its control port",
    )],
    resets: &[("Targets", "[]"), ("TargetGroupAttributes", "[]")],
    ..Definition::new("AWS::ElasticLoadBalancingV2::TargetGroup", "elbv2")
};

/// What is registered and not on its way out.
fn registered(description: &Json) -> Option<Json> {
    let targets = description.get("TargetHealthDescriptions")?.as_array()?;
    let staying = targets.iter().filter(|target| {
        let state = look(target, "TargetHealth.State");
        state.as_ref().and_then(Json::as_str) != Some("draining")
    });
    Some(
        staying
            .filter_map(|target| look(target, "Target"))
            .collect(),
    )
}

/// Whether a registered target is the declared one; what is not declared AWS has filled in (the group's port, a zone).
fn is_same(declared: &Json, registered: &Json) -> bool {
    let Json::Object(members) = declared else {
        return false;
    };
    members.iter().all(|(name, value)| {
        let text = |value: &Json| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        registered
            .get(name)
            .is_some_and(|have| text(have) == text(value))
    })
}

/// Targets come before others go. Only those that the template declared before are taken away: others belong to a service or to an
/// Auto Scaling group.
fn targets<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let list = |value: &Value| -> Vec<Json> {
            let items = value.get("Targets").and_then(Value::expose_json);
            items
                .and_then(|items| items.as_array().cloned())
                .unwrap_or_default()
        };
        let (wanted, live) = (list(update.desired), list(update.live));
        let new: Vec<&Json> = wanted
            .iter()
            .filter(|target| !live.iter().any(|have| is_same(target, have)))
            .collect();
        let gone: Vec<&Json> = live
            .iter()
            .filter(|have| !wanted.iter().any(|target| is_same(target, have)))
            .collect();
        for (operation, some) in [("RegisterTargets", new), ("DeregisterTargets", gone)] {
            if some.is_empty() {
                continue;
            }
            let mapping = json!({"Targets": some})
                .as_object()
                .cloned()
                .unwrap_or_default();
            let mut input = generic::input(&DEFINITION, operation, &mapping)?;
            input.insert("TargetGroupArn".to_owned(), json!(id.as_str()));
            generic::write(&DEFINITION, context, operation, input).await?;
        }
        Ok(())
    })
}

fn find<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    super::by_name(
        &DEFINITION,
        context,
        &TARGET_GROUPS_BY_NAME,
        "TargetGroupArn",
        desired,
        incarnation,
    )
}

impl Resource for TargetGroup {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }
}
