//! `AWS::ECS::Cluster`: where services and tasks run.

use async_trait::async_trait;

use super::CLUSTERS;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::tags;

/// `AWS::ECS::Cluster`.
pub struct Cluster;

static DEFINITION: Definition = Definition {
    create: Create::of("CreateCluster", "cluster"),
    reads: &[Read::of(&CLUSTERS)],
    updates: &[
        Change {
            takes: &["CapacityProviders", "DefaultCapacityProviderStrategy"],
            mode: Mode::Step(capacity),
            ..Change::of("PutClusterCapacityProviders", &["cluster=ClusterName"])
        },
        Change::of("UpdateCluster", &["cluster=ClusterName"]),
    ],
    delete: Delete {
        // Services that drain and tasks that stop are still in it (API_DeleteCluster).
        busy: &[
            "ClusterContainsServicesException",
            "ClusterContainsTasksException",
            "ClusterContainsContainerInstancesException",
            "ClusterContainsCapacityProviderException",
            "UpdateInProgressException",
        ],
        ..Delete::of(
            "DeleteCluster",
            &["cluster=ClusterName"],
            &["ClusterNotFoundException"],
        )
    },
    find: Find::Key(&["ClusterName"]),
    rules: &[
        Rule::Renamed("ClusterSettings", "Settings"),
        Rule::Told("Arn", "clusterArn"),
        // A namespace's name comes back as an ARN that does not have it; the registry calls the property write-only.
        Rule::Computed("ServiceConnectDefaults", |_| None),
    ],
    tags: Tags::Member,
    status,
    propagation: &[
        // The service-linked role that ECS makes with the first cluster (ECS developer guide, "Using service-linked roles").
        ("InvalidParameterException", "ervice linked role"),
        ("UpdateInProgressException", ""),
    ],
    // Letters, digits, hyphens and underscores (API_CreateCluster).
    name: Some(Name {
        also: "_",
        ..Name::of("ClusterName", 255)
    }),
    unique: &[&["ClusterName"]],
    resets: &[
        (
            "ClusterSettings",
            r#"[{"Name": "containerInsights", "Value": "disabled"}]"#,
        ),
        ("Configuration", "{}"),
        // "If you update the cluster with an empty string for the namespace name, the cluster configuration for Service Connect is
        // removed" (API_ClusterServiceConnectDefaultsRequest).
        ("ServiceConnectDefaults", r#"{"Namespace": ""}"#),
    ],
    ..Definition::new("AWS::ECS::Cluster", "ecs")
};

#[async_trait]
impl Resource for Cluster {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// CreateCluster answers with a cluster that is there already, whoever's it is.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let name = desired.get("ClusterName").and_then(Value::as_str);
        for cluster in generic::items_of(context, &CLUSTERS, name.unwrap_or_default()).await? {
            if status(&cluster) != Status::Gone && !tags::carries(cluster.get("tags"), incarnation)
            {
                return Err(Error::Failed(format!(
                    "a cluster with the name `{}` exists already and is not this resource's",
                    name.unwrap_or_default()
                )));
            }
        }
        generic::create(&DEFINITION, context, desired, incarnation).await
    }
}

/// ACTIVE | PROVISIONING | DEPROVISIONING | FAILED | INACTIVE (API_Cluster).
pub(super) fn status(cluster: &Json) -> Status {
    match described(cluster, "status") {
        Some("INACTIVE") => Status::Gone,
        Some("PROVISIONING" | "DEPROVISIONING") => Status::Pending,
        Some("FAILED") => {
            Status::Failed("the cluster's capacity providers could not be made".to_owned())
        }
        _ => match described(cluster, "attachmentsStatus") {
            Some("UPDATE_IN_PROGRESS") => Status::Pending,
            Some("UPDATE_FAILED") => {
                Status::Failed("the cluster's capacity providers could not be changed".to_owned())
            }
            _ => Status::Ready,
        },
    }
}

/// Both lists are required and replace what was there (API_PutClusterCapacityProviders).
fn capacity<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let list = |name: &str| match update.desired.get(name) {
            Some(value) => value
                .expose_json()
                .ok_or_else(|| Error::Unknown(format!("AWS::ECS::Cluster {name}"))),
            None => Ok(json!([])),
        };
        let properties = Map::from_iter(
            [
                ("CapacityProviders", list("CapacityProviders")?),
                (
                    "DefaultCapacityProviderStrategy",
                    list("DefaultCapacityProviderStrategy")?,
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        let mut input = generic::input(&DEFINITION, "PutClusterCapacityProviders", &properties)?;
        input.insert("cluster".to_owned(), id.as_str().into());
        generic::write(&DEFINITION, context, "PutClusterCapacityProviders", input).await?;
        Ok(())
    })
}
