//! `AWS::ECS::Service`: tasks that are kept running. It is ready when its newest deployment has come to rest.

use async_trait::async_trait;

use super::{SERVICES, SERVICES_BY_NAME};
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::ECS::Service`.
pub struct Service;

/// Why a service waits for what uses its target group.
const BALANCED: &str = "InvalidParameterException \"does not have an associated load balancer\": a service's target group must be used by a \
                        listener (ECS developer guide, \"Service load balancing considerations\"; CloudFormation user guide, \"DependsOn \
                        attribute\")";
/// Why a service waits for the way out of its subnets.
const REACHABLE: &str = "tasks fetch their image and write their logs from their subnets: without a way out they stop with \
                         CannotPullContainerError (ECS developer guide, \"CannotPullContainer task errors\")";
/// Why a service waits for the rules of its security groups.
const OPEN: &str = "health checks and the tasks' own connections pass only by the rules of their security groups (ECS developer guide, \
                    \"Troubleshooting service load balancers\")";

const fn after(
    type_name: &'static str,
    mine: &'static str,
    theirs: &'static str,
    reason: &'static str,
) -> After {
    After {
        type_name,
        mine,
        theirs,
        milestone: Milestone::Ready,
        reason,
    }
}

const GROUPS: &str = "LoadBalancers.*.TargetGroupArn";
const OTHER_GROUPS: &str = "LoadBalancers.*.AdvancedConfiguration.AlternateTargetGroupArn";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";
const SUBNETS: &str = "NetworkConfiguration.AwsvpcConfiguration.Subnets.*";
const SECURITY_GROUPS: &str = "NetworkConfiguration.AwsvpcConfiguration.SecurityGroups.*";

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["ForceNewDeployment"],
        token: Some("clientToken"),
        ..Create::of("CreateService", "service")
    },
    reads: &[Read {
        key: Key::Id(&[1, 0]),
        ..Read::of(&SERVICES)
    }],
    updates: &[Change::of(
        "UpdateService",
        &["cluster=Cluster", "service=ServiceArn"],
    )],
    delete: Delete {
        // Scales it down to nothing first (API_DeleteService); it drains until its tasks are gone.
        fixed: &[("force", Fixed::Flag(true))],
        ..Delete::of(
            "DeleteService",
            &["cluster=Cluster", "service=ServiceArn"],
            &[
                "ServiceNotFoundException",
                "ServiceNotActiveException",
                "ClusterNotFoundException",
            ],
        )
    },
    find: Find::Lookup(&SERVICES_BY_NAME, by_name),
    rules: &[
        Rule::Renamed("PlacementStrategies", "placementStrategy"),
        Rule::Told("Name", "serviceName"),
        Rule::Told("Cluster", "clusterArn"),
        Rule::Told("Role", "roleArn"),
        Rule::Built("ForceNewDeployment", |force| {
            let flag = look(force, "EnableForceNewDeployment");
            let flag = flag.as_ref().map(|flag| {
                flag.as_bool().unwrap_or_else(|| {
                    flag.as_str()
                        .is_some_and(|text| text.eq_ignore_ascii_case("true"))
                })
            });
            json!({"forceNewDeployment": flag.unwrap_or_default()})
        }),
    ],
    tags: Tags::Member,
    status,
    propagation: &[
        // Roles and service-linked roles that were made a moment ago (IAM user guide, "Changes that I make are not always immediately
        // visible").
        ("InvalidParameterException", "nable to assume"),
        ("ClientException", "nable to assume"),
        ("InvalidParameterException", "is not authorized"),
        ("InvalidParameterException", "ervice linked role"),
        // One of the same name that is going away (API_DeleteService).
        ("InvalidParameterException", "still Draining"),
    ],
    after: &[
        after(
            LISTENER,
            GROUPS,
            "DefaultActions.*.TargetGroupArn",
            BALANCED,
        ),
        after(
            LISTENER,
            GROUPS,
            "DefaultActions.*.ForwardConfig.TargetGroups.*.TargetGroupArn",
            BALANCED,
        ),
        after(LISTENER_RULE, GROUPS, "Actions.*.TargetGroupArn", BALANCED),
        after(
            LISTENER_RULE,
            GROUPS,
            "Actions.*.ForwardConfig.TargetGroups.*.TargetGroupArn",
            BALANCED,
        ),
        after(
            LISTENER,
            OTHER_GROUPS,
            "DefaultActions.*.TargetGroupArn",
            BALANCED,
        ),
        after(
            LISTENER,
            OTHER_GROUPS,
            "DefaultActions.*.ForwardConfig.TargetGroups.*.TargetGroupArn",
            BALANCED,
        ),
        after(
            LISTENER_RULE,
            OTHER_GROUPS,
            "Actions.*.TargetGroupArn",
            BALANCED,
        ),
        after(
            LISTENER_RULE,
            OTHER_GROUPS,
            "Actions.*.ForwardConfig.TargetGroups.*.TargetGroupArn",
            BALANCED,
        ),
        after(
            "AWS::EC2::SubnetRouteTableAssociation",
            SUBNETS,
            "SubnetId",
            REACHABLE,
        ),
        after(
            "AWS::EC2::Route",
            "NetworkConfiguration.AwsvpcConfiguration.Subnets.*>VpcId",
            "RouteTableId>VpcId",
            REACHABLE,
        ),
        after(
            "AWS::EC2::SecurityGroupIngress",
            SECURITY_GROUPS,
            "GroupId",
            OPEN,
        ),
        after(
            "AWS::EC2::SecurityGroupEgress",
            SECURITY_GROUPS,
            "GroupId",
            OPEN,
        ),
        after(
            "AWS::ECS::ClusterCapacityProviderAssociations",
            "Cluster",
            "Cluster",
            "a strategy can name only capacity providers that are associated with the cluster (API_CreateService)",
        ),
    ],
    stands_for: &[Mention {
        property: "TaskDefinition",
        type_name: "AWS::ECS::TaskDefinition",
        name: "Family",
        reason: "a family without a revision is its latest ACTIVE revision (API_CreateService, taskDefinition)",
    }],
    // A rollout that failed, or was rolled back, leaves the service running what it ran.
    survives_failure: true,
    name: Some(Name {
        also: "_",
        ..Name::of("ServiceName", 255)
    }),
    // "Service names must be unique within a cluster" (API_CreateService).
    unique: &[&["Cluster", "ServiceName"]],
    create_only: &[(
        "LaunchType",
        "UpdateService does not take it; another one needs a new service (API_UpdateService)",
    )],
    resets: &[
        ("CapacityProviderStrategy", "[]"),
        ("EnableECSManagedTags", "false"),
        ("EnableExecuteCommand", "false"),
        ("HealthCheckGracePeriodSeconds", "0"),
        ("LoadBalancers", "[]"),
        ("PlacementConstraints", "[]"),
        ("PlacementStrategies", "[]"),
        ("PlatformVersion", "\"LATEST\""),
        ("PropagateTags", "\"NONE\""),
        ("ServiceConnectConfiguration", r#"{"Enabled": false}"#),
        ("ServiceRegistries", "[]"),
        ("VolumeConfigurations", "[]"),
        ("VpcLatticeConfigurations", "[]"),
    ],
    patience: std::time::Duration::from_secs(20 * 60),
    ..Definition::new("AWS::ECS::Service", "ecs")
};

#[async_trait]
impl Resource for Service {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// A new service is a new deployment anyhow, and has one task where none is said (CloudFormation user guide, AWS::ECS::Service,
    /// `DesiredCount`); CreateService itself refuses a replica service without a count.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let mut wanted = desired.clone();
        let daemon = desired.get("SchedulingStrategy").and_then(Value::as_str) == Some("DAEMON");
        if let Some(properties) = wanted.as_map_mut() {
            properties.remove("ForceNewDeployment");
            if !daemon {
                properties
                    .entry("DesiredCount".to_owned())
                    .or_insert_with(|| Value::from(json!(1)));
            }
        }
        generic::create(&DEFINITION, context, &wanted, incarnation).await
    }
}

fn by_name(desired: &Value) -> Option<String> {
    let cluster = desired.get("Cluster").and_then(Value::as_str);
    let name = desired.get("ServiceName").and_then(Value::as_str)?;
    Some(format!("{}|{name}", cluster.unwrap_or("default")))
}

/// ACTIVE | DRAINING | INACTIVE (API_Service), and how far the newest deployment is: COMPLETED | FAILED | IN_PROGRESS
/// (API_Deployment, `rolloutState`).
fn status(service: &Json) -> Status {
    match described(service, "status") {
        Some("INACTIVE") => return Status::Gone,
        Some("DRAINING") => return Status::Pending,
        _ => {}
    }
    let list = |name: &str| service.get(name).and_then(Json::as_array);
    let controller = look(service, "deploymentController.type");
    if matches!(
        controller.as_ref().and_then(Json::as_str),
        Some("CODE_DEPLOY" | "EXTERNAL")
    ) {
        // Task sets come from elsewhere; those that are there must be steady.
        let steady = list("taskSets").into_iter().flatten().all(|set| {
            described(set, "status") != Some("PRIMARY")
                || described(set, "stabilityStatus") != Some("STABILIZING")
        });
        // Until the old tasks are gone a deployment can be rolled back.
        let several = list("taskSets").is_some_and(|sets| sets.len() > 1);
        return match (steady, several) {
            (_, true) => Status::Deploying,
            (true, false) => Status::Ready,
            (false, false) => Status::Pending,
        };
    }
    let deployments = || list("deployments").into_iter().flatten();
    // One that was rolled back stands beside its predecessor until its tasks are gone.
    if let Some(failed) =
        deployments().find(|deployment| described(deployment, "rolloutState") == Some("FAILED"))
    {
        let reason = described(failed, "rolloutStateReason").unwrap_or("the deployment failed");
        let event = list("events")
            .and_then(|events| events.first())
            .and_then(|event| described(event, "message"));
        return Status::Failed(match event {
            Some(event) => format!("{reason} {event}"),
            None => reason.to_owned(),
        });
    }
    let primary =
        deployments().find(|deployment| described(deployment, "status") == Some("PRIMARY"));
    let count = |of: &Json, name: &str| of.get(name).and_then(Json::as_i64).unwrap_or_default();
    match primary.map(|primary| (primary, described(primary, "rolloutState"))) {
        Some((_, Some("COMPLETED"))) => Status::Ready,
        Some((_, Some(_))) => Status::Pending,
        // Without a state: as many tasks as are wanted, and no deployment before it.
        Some((primary, None))
            if count(primary, "runningCount") < count(primary, "desiredCount") =>
        {
            Status::Pending
        }
        Some(_) if deployments().count() > 1 => Status::Pending,
        Some(_) => Status::Ready,
        None => Status::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_ready_when_its_newest_deployment_has_come_to_rest() {
        let of = |deployments: Json| {
            status(
                &json!({"status": "ACTIVE", "deployments": deployments, "events": [{"message": "(service x) was unable to place a task."}]}),
            )
        };
        let primary = |state: &str| json!({"status": "PRIMARY", "rolloutState": state});
        assert_eq!(of(json!([primary("COMPLETED")])), Status::Ready);
        assert_eq!(of(json!([primary("IN_PROGRESS")])), Status::Pending);
        let failed = json!({"status": "ACTIVE", "rolloutState": "FAILED", "rolloutStateReason": "Circuit breaker."});
        assert_eq!(
            of(json!([primary("IN_PROGRESS"), failed])),
            Status::Failed("Circuit breaker. (service x) was unable to place a task.".to_owned())
        );
        let plain = json!({"status": "PRIMARY", "runningCount": 1, "desiredCount": 2});
        assert_eq!(of(json!([plain])), Status::Pending);
        assert_eq!(status(&json!({"status": "INACTIVE"})), Status::Gone);
    }
}
