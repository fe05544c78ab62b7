//! `AWS::ECS::ClusterCapacityProviderAssociations`: the capacity providers of a cluster, and which of them its services use by default.
//!
//! They are properties of the cluster: one call replaces them all, and a cluster without any has no associations to delete.

use async_trait::async_trait;

use super::CLUSTERS;
use super::cluster;
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::tags;

/// `AWS::ECS::ClusterCapacityProviderAssociations`.
pub struct ClusterCapacityProviderAssociations;

static DEFINITION: Definition = Definition {
    create: Create::of("PutClusterCapacityProviders", "cluster"),
    reads: &[Read {
        key: Key::Made(|id| Some(name_of(id.as_str()).to_owned())),
        select: Some(of_cluster),
        ..Read::of(&CLUSTERS)
    }],
    updates: &[Change {
        mode: Mode::All,
        takes: &["CapacityProviders", "DefaultCapacityProviderStrategy"],
        // Both lists are required (API_PutClusterCapacityProviders).
        fixed: &[("capacityProviders", Fixed::List(&[]))],
        ..Change::of("PutClusterCapacityProviders", &["cluster=Cluster"])
    }],
    delete: Delete {
        fixed: &[
            ("capacityProviders", Fixed::List(&[])),
            ("defaultCapacityProviderStrategy", Fixed::List(&[])),
        ],
        busy: &[
            // Services that drain use them still.
            "ResourceInUseException",
            "UpdateInProgressException",
        ],
        // A cluster without providers is nothing to wait for; AWS tells it as one whose lists are empty.
        lingers: true,
        ..Delete::of(
            "PutClusterCapacityProviders",
            &["cluster=Cluster"],
            &["ClusterNotFoundException"],
        )
    },
    find: Find::Search(find),
    status: cluster::status,
    propagation: &[
        // "There's already a current Amazon ECS container agent update in progress", of attachments too (API_PutClusterCapacityProviders);
        // only a cluster that is active can be changed.
        ("UpdateInProgressException", ""),
        ("ClientException", "was not ACTIVE"),
        // The service-linked role that ECS makes with the first cluster (ECS developer guide, "Using service-linked roles").
        ("InvalidParameterException", "ervice linked role"),
    ],
    unique: &[&["Cluster"]],
    resets: &[("CapacityProviders", "[]")],
    ..Definition::new("AWS::ECS::ClusterCapacityProviderAssociations", "ecs")
};

/// Clusters are named by their names or their ARNs, and told by their names.
fn name_of(cluster: &str) -> &str {
    cluster.rsplit('/').next().unwrap_or(cluster)
}

/// Of a cluster that is there: its providers, and what tells how far they are. INACTIVE clusters are described still.
fn of_cluster(cluster: &Json, _: &PhysicalId) -> Option<Json> {
    if state_is(cluster, "status", &["INACTIVE"]) {
        return None;
    }
    let members = [
        "capacityProviders",
        "defaultCapacityProviderStrategy",
        "status",
        "attachmentsStatus",
    ];
    let told = members
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), cluster.get(name)?.clone())));
    Some(Json::Object(told.collect()))
}

fn providers(cluster: &Json) -> Vec<&str> {
    let list = cluster.get("capacityProviders").and_then(Json::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect()
}

async fn the_cluster(context: &Context, desired: &Value) -> Result<Option<(PhysicalId, Json)>> {
    let Some(named) = desired.get("Cluster").and_then(Value::as_str) else {
        return Ok(None);
    };
    let clusters = generic::items_of(context, &CLUSTERS, name_of(named)).await?;
    let there = clusters
        .into_iter()
        .find(|cluster| !state_is(cluster, "status", &["INACTIVE"]));
    Ok(there.map(|cluster| (named.into(), cluster)))
}

/// A cluster that has any providers has been given them.
fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let found = the_cluster(context, desired).await?;
        Ok(found
            .filter(|(_, cluster)| !providers(cluster).is_empty())
            .map(|(id, _)| id))
    })
}

#[async_trait]
impl Resource for ClusterCapacityProviderAssociations {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// The call replaces what was there: providers of somebody else's cluster are not taken away.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let wanted: Vec<&str> = desired
            .get("CapacityProviders")
            .and_then(Value::as_list)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let there = the_cluster(context, desired).await?;
        if let Some((_, cluster)) = &there {
            let lost: Vec<&str> = providers(cluster)
                .into_iter()
                .filter(|provider| !wanted.contains(provider))
                .collect();
            if !lost.is_empty() && !tags::is_marked(cluster.get("tags")) {
                return Err(Error::Failed(format!(
                    "the cluster `{}` is not payctl's and has capacity providers already that would be lost: {}; name them in \
                     CapacityProviders too, or take them from the cluster first",
                    desired
                        .get("Cluster")
                        .and_then(Value::as_str)
                        .unwrap_or_default(),
                    lost.join(", ")
                )));
            }
        }
        let mut wanted = desired.clone();
        if let Some(properties) = wanted.as_map_mut() {
            // Required by the call, not by the type.
            properties
                .entry("CapacityProviders".to_owned())
                .or_insert_with(|| Value::List(Vec::new()));
        }
        generic::create(&DEFINITION, context, &wanted, incarnation).await
    }
}
