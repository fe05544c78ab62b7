//! Capacity providers: AWS's own two, and those of Auto Scaling groups; what of them a cluster has.

use super::{cluster, service};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Tags, run};
use crate::law::Law;
use crate::path;
use crate::world::{Record, Step};
use serde_json::{Value as Json, json};

/// A capacity provider of an Auto Scaling group. The group itself is not simulated.
pub const PROVIDER: Kind = Kind {
    name: "ecs/capacity-provider",
    id: Id::Member("name"),
    arn: "arn:{partition}:ecs:{region}:{account}:capacity-provider/{id}",
    arn_member: "capacityProviderArn",
    defaults: Some(|_| json!({"status": "ACTIVE"})),
    tags: Tags::LowerList("tags"),
    not_found: Fault::new(
        "ClientException",
        "The specified capacity provider does not exist. Specify a valid name or ARN and try again.",
    ),
    operations: &[
        run("CreateCapacityProvider", create),
        run("UpdateCapacityProvider", update),
        run("DeleteCapacityProvider", delete),
        run("DescribeCapacityProviders", describe),
        run("PutClusterCapacityProviders", put),
    ],
    ..Kind::NEW
};

/// Capacity providers are the cluster's.
pub const PROVIDER_KNOWN: Law = Law {
    name: "a strategy uses capacity providers of its cluster",
    operations: &["CreateService", "UpdateService", "RunTask", "CreateCluster"],
    source: "Amazon ECS API Reference, PutClusterCapacityProviders: the capacity provider must be associated with the cluster",
    fault: Fault::new(
        "InvalidParameterException",
        "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. Associate the capacity provider with the cluster and try again.",
    ),
    check: None,
};

/// What services use stays.
pub const PROVIDER_FREE: Law = Law {
    name: "a capacity provider that services use stays with its cluster",
    operations: &["PutClusterCapacityProviders"],
    source: "Amazon ECS API Reference, PutClusterCapacityProviders: ResourceInUseException",
    fault: Fault::new(
        "ResourceInUseException",
        "The specified capacity provider is in use and cannot be removed.",
    ),
    check: None,
};

/// One change at a time.
pub const SETTLED: Law = Law {
    name: "a cluster whose capacity providers are being attached is not changed",
    operations: &["PutClusterCapacityProviders", "DeleteCluster"],
    source: "Amazon ECS API Reference, PutClusterCapacityProviders: UpdateInProgressException",
    fault: Fault::new(
        "UpdateInProgressException",
        "The specified cluster is in a busy state. Cluster attachments must be in UPDATE_COMPLETE or UPDATE_FAILED state before they can be updated. Wait and try again.",
    ),
    check: Some(|call, law| {
        let name = call.text("cluster").unwrap_or("default");
        match call.find(cluster::CLUSTER.name, name) {
            Some(cluster) if cluster.is("attachmentsStatus", "UPDATE_IN_PROGRESS") => {
                Err(law.fault.with(&[]))
            }
            _ => Ok(()),
        }
    }),
};

/// A provider leaves its clusters before it goes.
pub const LEFT: Law = Law {
    name: "a capacity provider is of no cluster when it is deleted",
    operations: &["DeleteCapacityProvider"],
    source: "Amazon ECS API Reference, DeleteCapacityProvider: \"Prior to a capacity provider being deleted\"",
    fault: Fault::new(
        "ClientException",
        "The capacity provider cannot be deleted because it is associated with cluster: {id}. Remove the capacity provider from the cluster and try again.",
    ),
    check: None,
};

const AWS_PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// How long Auto Scaling groups are being attached to a cluster.
const ATTACHING: f64 = 15.0;

pub(super) fn check(call: &Call, providers: &[String], strategy: &str) -> Result<(), Refusal> {
    let known = |name: &&String| {
        AWS_PROVIDERS.contains(&name.as_str()) || call.find(PROVIDER.name, name).is_some()
    };
    if let Some(unknown) = providers.iter().find(|name| !known(name)) {
        let message = format!(
            "The specified capacity provider is not in an ACTIVE state. Specify a valid capacity provider and try again: {unknown}"
        );
        return Err(super::invalid(message));
    }
    let used = call.texts(&format!("{strategy}[].capacityProvider"));
    if used.iter().any(|name| !providers.contains(name)) {
        return Err(PROVIDER_KNOWN.fault.with(&[]));
    }
    Ok(())
}

/// Both lists take the place of what was there.
fn put(call: &mut Call) -> Answer {
    let cluster = cluster::the_cluster(call)?;
    let providers = call.texts("capacityProviders[]");
    check(call, &providers, "defaultCapacityProviderStrategy")?;
    let before = path::texts(&cluster.body, "capacityProviders[]");
    let left_out: Vec<&String> = before
        .iter()
        .filter(|name| !providers.contains(name))
        .collect();
    let used = call
        .list_where(service::SERVICE.name, "clusterArn", &cluster.arn)
        .any(|service| {
            let names = path::texts(&service.body, "capacityProviderStrategy[].capacityProvider");
            names.iter().any(|name| left_out.contains(&name))
        });
    if used {
        return Err(PROVIDER_FREE.fault.with(&[]));
    }
    let attaches = |name: &&String| !AWS_PROVIDERS.contains(&name.as_str());
    let attached = left_out.iter().copied().any(|name| attaches(&name))
        || providers
            .iter()
            .any(|name| attaches(&name) && !before.contains(name));
    let mut input = call.input.clone();
    cluster::normal_strategy(&mut input);
    let ready = call.now + ATTACHING;
    call.update(cluster::CLUSTER.name, &cluster.id, |cluster| {
        for name in ["capacityProviders", "defaultCapacityProviderStrategy"] {
            if let Some(sent) = input.get(name) {
                cluster.set(name, sent.clone());
            }
        }
        if attached {
            cluster.set("attachmentsStatus", "UPDATE_IN_PROGRESS");
            let done = Step::set(ready, "attachmentsStatus", "UPDATE_COMPLETE");
            cluster.steps.push(done);
        }
    });
    let cluster = call.need(cluster::CLUSTER.name, &cluster.id)?;
    Ok(json!({"cluster": call.show(cluster::CLUSTER.name, cluster)}))
}

fn create(call: &mut Call) -> Answer {
    let name = call.text("name").unwrap_or_default().to_owned();
    // "The name can't be prefixed with aws, ecs, or fargate" (CreateCapacityProvider).
    let lower = name.to_ascii_lowercase();
    if ["aws", "ecs", "fargate"]
        .iter()
        .any(|word| lower.starts_with(word))
    {
        return Err(super::client(
            "The specified capacity provider name is invalid. Names cannot be prefixed with aws, ecs or fargate.",
        ));
    }
    if call.find(PROVIDER.name, &name).is_some() {
        return Err(super::client(
            "The specified capacity provider already exists. To change the configuration of an existing capacity provider, update the capacity provider.",
        ));
    }
    let mut members = call.input.clone();
    if let Some(group) = members.get_mut("autoScalingGroupProvider") {
        // Amazon ECS API Reference, ManagedScaling and AutoScalingGroupProvider: the defaults.
        super::fill(
            group,
            &json!({
                "managedScaling": {
                    "status": "DISABLED", "targetCapacity": 100, "minimumScalingStepSize": 1, "maximumScalingStepSize": 10000,
                    "instanceWarmupPeriod": 300,
                },
                "managedTerminationProtection": "DISABLED", "managedDraining": "ENABLED",
            }),
        );
    }
    let made = call.make(PROVIDER.name, Json::Object(members))?;
    Ok(json!({"capacityProvider": call.show(PROVIDER.name, &made)}))
}

fn named(call: &Call, member: &str) -> Result<Record, Refusal> {
    call.need(PROVIDER.name, call.text(member).unwrap_or_default())
        .cloned()
}

fn update(call: &mut Call) -> Answer {
    let id = named(call, "name")?.id;
    let sent = call.input.get("autoScalingGroupProvider").cloned();
    call.update(PROVIDER.name, &id, |provider| {
        for (name, value) in sent
            .as_ref()
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
        {
            provider.set(&format!("autoScalingGroupProvider.{name}"), value.clone());
        }
        provider.set("updateStatus", "UPDATE_COMPLETE");
    });
    let provider = call.need(PROVIDER.name, &id)?;
    Ok(json!({"capacityProvider": call.show(PROVIDER.name, provider)}))
}

fn delete(call: &mut Call) -> Answer {
    let mut provider = named(call, "capacityProvider")?;
    let holder = call
        .list(cluster::CLUSTER.name)
        .find(|cluster| path::texts(&cluster.body, "capacityProviders[]").contains(&provider.id));
    if let Some(holder) = holder {
        return Err(LEFT.fault.with(&[("id", &holder.id)]));
    }
    call.remove(PROVIDER.name, &provider.id);
    provider.set("status", "INACTIVE");
    provider.set("updateStatus", "DELETE_IN_PROGRESS");
    Ok(json!({"capacityProvider": call.show(PROVIDER.name, &provider)}))
}

fn describe(call: &mut Call) -> Answer {
    let names = call.texts("capacityProviders[]");
    let arn = |name: &str| {
        format!(
            "arn:{}:ecs:{}:{}:capacity-provider/{name}",
            call.partition(),
            call.region,
            call.account
        )
    };
    let asked =
        |name: &str| names.is_empty() || names.iter().any(|one| one == name || *one == arn(name));
    let mut shown: Vec<Json> = AWS_PROVIDERS
        .into_iter()
        .filter(|name| asked(name))
        .map(|name| {
            json!({"capacityProviderArn": arn(name), "name": name, "status": "ACTIVE", "tags": []})
        })
        .collect();
    let own = call.list(PROVIDER.name).filter(|own| asked(&own.id));
    shown.extend(own.map(|own| super::described(call, PROVIDER.name, own)));
    let mut failures = Vec::new();
    for name in &names {
        let is =
            |one: &Json| one["name"] == json!(name) || one["capacityProviderArn"] == json!(name);
        if !shown.iter().any(is) {
            failures.push(json!({"arn": name, "reason": "MISSING"}));
        }
    }
    Ok(json!({"capacityProviders": shown, "failures": failures}))
}
