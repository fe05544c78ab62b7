//! IAM roles of clusters and instances, one for each feature.

use super::{clusters, instances};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

const ROLES: &str = "AssociatedRoles";

/// One role once.
pub const CLUSTER_ROLE_ONCE: Law = Law {
    name: "a role is associated with a cluster once",
    operations: &["AddRoleToDBCluster"],
    source: "Amazon RDS API Reference, AddRoleToDBCluster: DBClusterRoleAlreadyExists",
    fault: Fault::new(
        "DBClusterRoleAlreadyExists",
        "Role ARN {id} cannot be created because it already exists for DB cluster: {of}",
    ),
    check: None,
};

/// Only what is there goes.
pub const CLUSTER_ROLE_THERE: Law = Law {
    name: "only an associated role is removed from a cluster",
    operations: &["RemoveRoleFromDBCluster"],
    source: "Amazon RDS API Reference, RemoveRoleFromDBCluster: DBClusterRoleNotFound",
    fault: Fault::new(
        "DBClusterRoleNotFound",
        "Role ARN {id} cannot be found for DB cluster: {of}",
    )
    .status(404),
    check: None,
};

/// One role once.
pub const INSTANCE_ROLE_ONCE: Law = Law {
    name: "a role is associated with an instance once",
    operations: &["AddRoleToDBInstance"],
    source: "Amazon RDS API Reference, AddRoleToDBInstance: DBInstanceRoleAlreadyExists",
    fault: Fault::new(
        "DBInstanceRoleAlreadyExists",
        "Role ARN {id} cannot be created because it already exists for DB instance: {of}",
    ),
    check: None,
};

/// Only what is there goes.
pub const INSTANCE_ROLE_THERE: Law = Law {
    name: "only an associated role is removed from an instance",
    operations: &["RemoveRoleFromDBInstance"],
    source: "Amazon RDS API Reference, RemoveRoleFromDBInstance: DBInstanceRoleNotFound",
    fault: Fault::new(
        "DBInstanceRoleNotFound",
        "Role ARN {id} cannot be found for DB instance: {of}",
    )
    .status(404),
    check: None,
};

/// How long a role stays PENDING.
const PENDING: f64 = 10.0;

struct Of {
    kind: &'static str,
    member: &'static str,
    available: fn(&Record) -> Result<(), Refusal>,
    once: &'static Law,
    there: &'static Law,
}

const OF_CLUSTER: Of = Of {
    kind: "rds/cluster",
    member: "DBClusterIdentifier",
    available: clusters::available,
    once: &CLUSTER_ROLE_ONCE,
    there: &CLUSTER_ROLE_THERE,
};

const OF_INSTANCE: Of = Of {
    kind: "rds/instance",
    member: "DBInstanceIdentifier",
    available: instances::available,
    once: &INSTANCE_ROLE_ONCE,
    there: &INSTANCE_ROLE_THERE,
};

pub(super) fn add_to_cluster(call: &mut Call) -> Answer {
    add(call, &OF_CLUSTER)
}

pub(super) fn remove_from_cluster(call: &mut Call) -> Answer {
    remove(call, &OF_CLUSTER)
}

pub(super) fn add_to_instance(call: &mut Call) -> Answer {
    add(call, &OF_INSTANCE)
}

pub(super) fn remove_from_instance(call: &mut Call) -> Answer {
    remove(call, &OF_INSTANCE)
}

/// The record that is named, the role, and at which position it has the role for the feature that is named.
fn named(call: &Call, of: &Of) -> Result<(Record, String, Option<usize>), Refusal> {
    let record = call.need(of.kind, call.text(of.member).unwrap_or_default())?;
    (of.available)(record)?;
    let role = call.text("RoleArn").unwrap_or_default().to_owned();
    let feature = call.text("FeatureName").unwrap_or_default();
    let text = |role: &Json, member: &str| {
        role.get(member)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let position = record
        .list(ROLES)
        .iter()
        .position(|one| text(one, "RoleArn") == role && text(one, "FeatureName") == feature);
    Ok((record.clone(), role, position))
}

fn add(call: &mut Call, of: &Of) -> Answer {
    let (record, role, there) = named(call, of)?;
    if there.is_some() {
        return Err(of.once.fault.with(&[("id", &role), ("of", &record.id)]));
    }
    // `Since` is no member of the answer: how far the role has come follows from it.
    let mut one = json!({"RoleArn": role, "Since": call.now});
    if let Some(feature) = call.text("FeatureName").filter(|name| !name.is_empty()) {
        one["FeatureName"] = feature.into();
    }
    call.update(of.kind, &record.id, |record| {
        record.list_mut(ROLES).push(one)
    });
    Ok(json!({}))
}

fn remove(call: &mut Call, of: &Of) -> Answer {
    let (record, role, there) = named(call, of)?;
    let Some(there) = there else {
        return Err(of.there.fault.with(&[("id", &role), ("of", &record.id)]));
    };
    call.update(of.kind, &record.id, |record| {
        record.list_mut(ROLES).remove(there);
    });
    Ok(json!({}))
}

/// A role is PENDING for some seconds, then ACTIVE (API_DBClusterRole, API_DBInstanceRole).
pub(super) fn show(call: &Call, body: &mut Map<String, Json>) {
    for role in body
        .get_mut(ROLES)
        .and_then(Json::as_array_mut)
        .into_iter()
        .flatten()
    {
        let since = role["Since"].as_f64().unwrap_or(0.0);
        let pending = call.now < since + PENDING;
        role["Status"] = if pending { "PENDING" } else { "ACTIVE" }.into();
    }
}
