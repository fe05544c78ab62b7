//! What is live: every resource of the state, read together.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, AttributeOf, PhysicalId, Value};
use payctl_state::{State, Status as Kept};

use super::cloud::{Cloud, CloudError, Status, Target};
use super::models::Known;
use crate::graph::ResourceGraph;
use crate::plan::references::values;
use crate::plan::{Live, Observed, masked_like};

/// What refresh has seen.
#[derive(Clone, Debug, Default)]
pub struct Refreshed {
    /// For the planner.
    pub observed: Observed,
    /// For the executor: the models of what exists.
    pub known: BTreeMap<Address, Known>,
    /// What AWS is still working on.
    pub pending: BTreeSet<Address>,
}

/// A resource that could not be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot read {address}: {error}")]
pub struct RefreshError {
    /// Which resource.
    pub address: Address,
    /// What AWS said.
    pub error: CloudError,
}

/// Reads all resources of the state, deposed ones included: one question to the cloud, which makes the fewest calls of it.
///
/// # Errors
/// The first resource that cannot be read: a plan that does not know what is live would be a guess.
pub async fn refresh(
    cloud: &dyn Cloud,
    state: &State,
    graph: &ResourceGraph,
) -> Result<Refreshed, RefreshError> {
    let wanted = questions(cloud, state, graph);
    let read = cloud.read(&wanted).await;
    let mut refreshed = without_reading(state);
    for ((target, id), result) in wanted.into_iter().zip(read) {
        let address = target.address.clone();
        let seen = result.map_err(|error| RefreshError {
            address: address.clone(),
            error,
        })?;
        let seen = seen.filter(|seen| seen.status != Status::Gone);
        let is_current = state
            .resources
            .get(&address)
            .is_some_and(|kept| kept.physical_id.as_ref() == Some(&id));
        if is_current {
            refreshed.known.remove(&address);
        }
        let type_name = target.type_name.clone();
        let live = seen.map(|seen| {
            if is_current {
                let applied = state
                    .resources
                    .get(&address)
                    .map(|kept| values(&kept.last_applied));
                let known = Known {
                    type_name: target.type_name,
                    id: seen.id,
                    // AWS gives a secret back like any other text; whoever reads it here gets it as the secret that it is.
                    model: match applied {
                        Some(applied) => masked_like(&seen.model, &applied),
                        None => seen.model.clone(),
                    },
                };
                refreshed.known.insert(address.clone(), known);
                if seen.status == Status::Pending {
                    refreshed.pending.insert(address.clone());
                }
            }
            let deploying = seen.status == Status::Deploying;
            let failed = match seen.status {
                Status::Failed(reason) if !survives_failure(&type_name) => Some(reason),
                _ => None,
            };
            Live {
                model: seen.model,
                failed,
                deploying,
            }
        });
        refreshed.observed.live.insert((address, id), live);
    }
    Ok(refreshed)
}

/// Whether what AWS reports as failed is the last change and not the resource.
fn survives_failure(type_name: &str) -> bool {
    payctl_resources::resource(type_name)
        .is_some_and(|resource| resource.definition().survives_failure)
}

/// What is asked about everything that the state has and a module reads.
pub(super) fn questions(
    cloud: &dyn Cloud,
    state: &State,
    graph: &ResourceGraph,
) -> Vec<(Target, PhysicalId)> {
    let outputs = outputs(graph);
    state
        .all()
        .filter(|(_, resource)| cloud.is_native(&resource.type_name))
        .filter(|(_, resource)| !cloud.is_remembered(&resource.type_name))
        .filter_map(|(address, resource)| {
            let target = Target {
                address: address.clone(),
                type_name: resource.type_name.clone(),
                declared: Some(interesting(
                    address,
                    &resource.last_applied,
                    graph,
                    &outputs,
                )),
            };
            Some((target, resource.physical_id.clone()?))
        })
        .collect()
}

/// The names under which a resource has to be read: what was declared, what the templates declare now, and what others and
/// the outputs read of it.
fn interesting(
    address: &Address,
    applied: &Value,
    graph: &ResourceGraph,
    outputs: &BTreeSet<AttributeOf>,
) -> BTreeSet<String> {
    let declared = graph.get(address).map(|node| &node.shape);
    let properties = [Some(applied), declared].into_iter().flatten();
    let mut names: BTreeSet<String> = properties
        .flat_map(payctl_resources::declared_names)
        .collect();
    for (_, edge) in graph.consumers(address) {
        names.extend(edge.attributes().into_iter().map(head));
    }
    let read = outputs.iter().filter(|of| of.address == *address);
    names.extend(read.map(|of| head(&of.attribute)));
    names
}

/// `Endpoint` of `Endpoint.Address`.
pub(super) fn head(attribute: &str) -> String {
    attribute.split('.').next().unwrap_or(attribute).to_owned()
}

fn outputs(graph: &ResourceGraph) -> BTreeSet<AttributeOf> {
    let outputs = graph.outputs().values();
    outputs
        .flat_map(|output| output.value.references())
        .map(|(_, of)| of)
        .collect()
}

/// What the state itself knows: `--no-refresh`.
pub fn without_reading(state: &State) -> Refreshed {
    let kept = state
        .resources
        .iter()
        .filter(|(_, kept)| kept.status != Kept::Deposed);
    let known = kept.filter_map(|(address, kept)| {
        let mut model = values(&kept.last_applied)
            .as_map()
            .cloned()
            .unwrap_or_default();
        model.extend(kept.attributes.as_map().cloned().unwrap_or_default());
        let known = Known {
            type_name: kept.type_name.clone(),
            id: kept.physical_id.clone()?,
            model: Value::Map(model),
        };
        Some((address.clone(), known))
    });
    Refreshed {
        known: known.collect(),
        ..Refreshed::default()
    }
}
