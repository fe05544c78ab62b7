//! `AWS::ApplicationAutoScaling::ScalingPolicy`: how a target's capacity follows a metric. The id is `arn|dimension`.

use async_trait::async_trait;

use super::POLICIES;
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::ApplicationAutoScaling::ScalingPolicy`.
pub struct ScalingPolicy;

static DEFINITION: Definition = Definition {
    create: Create::of("PutScalingPolicy", ""),
    reads: &[Read {
        key: Key::Made(|id| {
            let policy = Named::of(id)?;
            Some(format!("{}|{}", policy.service, policy.name))
        }),
        select: Some(policy),
        ..Read::of(&POLICIES)
    }],
    // The configuration is replaced as a whole (API_PutScalingPolicy).
    updates: &[Change {
        mode: Mode::All,
        ..Change::of(
            "PutScalingPolicy",
            &[
                "PolicyName",
                "ServiceNamespace",
                "ResourceId",
                "ScalableDimension",
            ],
        )
    }],
    delete: Delete::of("DeleteScalingPolicy", &[], &["ObjectNotFoundException"]),
    find: Find::Search(search),
    rules: &[
        Rule::Told("Arn", "PolicyARN"),
        Rule::Built("ScalingTargetId", |id| {
            let names = ["ResourceId", "ScalableDimension", "ServiceNamespace"];
            let parts = id.as_str().unwrap_or_default().split('|').map(Json::from);
            Json::Object(names.map(str::to_owned).into_iter().zip(parts).collect())
        }),
        Rule::Computed("ScalableDimension", |policy| {
            let own = look(policy, "ScalableDimension");
            own.or_else(|| Some(target(policy.get("ScalingTargetId")?)?[1].into()))
        }),
    ],
    propagation: &[
        ("ConcurrentUpdateException", ""),
        // The target was registered a moment ago.
        ("ObjectNotFoundException", "No scalable target"),
        ("ValidationException", "No scalable target"),
    ],
    after: &[After {
        type_name: "AWS::ApplicationAutoScaling::ScalableTarget",
        mine: "ResourceId",
        theirs: "ResourceId",
        milestone: Milestone::Accepted,
        reason: "\"You cannot create a scaling policy until you have registered the resource as a scalable target\" \
                 (API_PutScalingPolicy)",
    }],
    unique: &[&[
        "ScalingTargetId",
        "ResourceId",
        "ScalableDimension",
        "PolicyName",
    ]],
    ..Definition::new(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "application-autoscaling",
    )
};

#[async_trait]
impl Resource for ScalingPolicy {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let Some(policy) = Named::of(id) else {
            return Ok(());
        };
        let dimension = id.parts().get(1).copied().unwrap_or_default();
        let input = Map::from_iter(
            [
                ("PolicyName", policy.name),
                ("ServiceNamespace", policy.service),
                ("ResourceId", policy.resource),
                ("ScalableDimension", dimension),
            ]
            .map(|(name, value)| (name.to_owned(), value.into())),
        );
        generic::delete_with(&DEFINITION, context, "DeleteScalingPolicy", input).await
    }
}

/// The parts of a target's id.
fn target(id: &Json) -> Option<[&str; 3]> {
    let mut parts = id.as_str()?.split('|');
    Some([parts.next()?, parts.next()?, parts.next()?])
}

/// What a policy's ARN says: `…:resource/ecs/service/cluster/name:policyName/policy` (API_PutScalingPolicy, "PolicyARN").
struct Named<'a> {
    service: &'a str,
    resource: &'a str,
    name: &'a str,
}

impl<'a> Named<'a> {
    fn of(id: &'a PhysicalId) -> Option<Named<'a>> {
        let arn = id.as_str().split('|').next()?;
        let (resource, name) = arn.split_once(":resource/")?.1.split_once(":policyName/")?;
        let (service, resource) = resource.split_once('/')?;
        // A policy that belongs to another service says so behind its name.
        let name = name.split(":createdBy/").next()?;
        Some(Named {
            service,
            resource,
            name,
        })
    }
}

fn policy(policy: &Json, id: &PhysicalId) -> Option<Json> {
    let arn = id.as_str().split('|').next()?;
    (described(policy, "PolicyARN") == Some(arn)).then(|| policy.clone())
}

/// By service, resource, dimension and name.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let text = |name: &str| desired.get(name).and_then(Value::as_str);
        let whole = Json::from(text("ScalingTargetId").unwrap_or_default());
        let named = match (
            text("ResourceId"),
            text("ScalableDimension"),
            text("ServiceNamespace"),
        ) {
            (Some(resource), Some(dimension), Some(service)) => {
                Some([resource, dimension, service])
            }
            _ => target(&whole),
        };
        let (Some([resource, dimension, service]), Some(name)) = (named, text("PolicyName")) else {
            return Ok(None);
        };
        let key = format!("{service}|{name}");
        let found = generic::items_of(context, &POLICIES, &key).await?;
        let mine = found.iter().find(|policy| {
            described(policy, "ResourceId") == Some(resource)
                && described(policy, "ScalableDimension") == Some(dimension)
        });
        Ok(mine
            .and_then(|policy| described(policy, "PolicyARN"))
            .map(|arn| PhysicalId::from(format!("{arn}|{dimension}"))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_says_what_the_policy_is_for() {
        let id = PhysicalId::from(
            "arn:aws:autoscaling:us-east-1:1:scalingPolicy:u:resource/ecs/service/c/s:policyName/cpu|ecs:service:DesiredCount",
        );
        let policy = Named::of(&id).expect("the parts that API_PutScalingPolicy has");
        assert_eq!(
            (policy.service, policy.resource, policy.name),
            ("ecs", "service/c/s", "cpu")
        );
    }
}
