//! Read replicas: of DB instances that stand alone, and of clusters.

use super::instances::{self, REPLICA_NEEDS_BACKUPS};
use super::{clusters, values};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::path;
use crate::world::Key;
use serde_json::{Map, Value as Json, json};

const SOURCE: &str = "ReadReplicaSourceDBInstanceIdentifier";
const REPLICAS: &str = "ReadReplicaDBInstanceIdentifiers";

/// What a replica has of its source, whatever the call says.
const SAME: &[&str] = &[
    "Engine",
    "EngineVersion",
    "MasterUsername",
    "DBName",
    "AllocatedStorage",
    "LicenseModel",
    "StorageEncrypted",
    "KmsKeyId",
];

/// What a replica has of its source where the call says nothing.
const DEFAULT: &[&str] = &[
    "DBInstanceClass",
    "StorageType",
    "Iops",
    "StorageThroughput",
    "Port",
    "DBSubnetGroupName",
    "AutoMinorVersionUpgrade",
    "NetworkType",
    "MaxAllocatedStorage",
];

/// Fills in what a replica has of its source. Nothing for what is no replica.
pub(super) fn take_over(
    call: &Call,
    members: &mut Map<String, Json>,
) -> Result<Option<String>, Refusal> {
    let Some(Json::String(named)) = members.remove("SourceDBInstanceIdentifier") else {
        return Ok(None);
    };
    // Within the region by name, from elsewhere by ARN.
    let name = named.rsplit(':').next().unwrap_or_default();
    let source = call.need("rds/instance", name)?;
    instances::available(source)?;
    let kept = source
        .body
        .get("BackupRetentionPeriod")
        .and_then(Json::as_u64);
    if kept.unwrap_or(0) == 0 {
        return Err(REPLICA_NEEDS_BACKUPS.fault.with(&[]));
    }
    for member in SAME {
        match source.body.get(*member) {
            Some(value) => members.insert((*member).to_owned(), value.clone()),
            None => members.remove(*member),
        };
    }
    for member in DEFAULT {
        if let Some(value) = source.body.get(*member) {
            members.entry(*member).or_insert_with(|| value.clone());
        }
    }
    let groups = path::texts(&source.body, "VpcSecurityGroups[].VpcSecurityGroupId");
    if !members.contains_key("VpcSecurityGroupIds") {
        members.insert("VpcSecurityGroupIds".into(), json!(groups));
    }
    let group = path::text(members, "DBSubnetGroupName")
        .unwrap_or("default")
        .to_ascii_lowercase();
    let vpc = call
        .need("rds/subnet-group", &group)?
        .text("VpcId")
        .to_owned();
    members.insert("DBSubnetGroupName".into(), json!(group));
    let id = source.id.clone();
    values::security_groups(call, members, &vpc, true)?;
    // "the default is 0": a replica makes backups when it is told to.
    members.entry("BackupRetentionPeriod").or_insert(json!(0));
    members.insert(SOURCE.to_owned(), json!(id));
    members.insert(
        "StatusInfos".to_owned(),
        json!([{"StatusType": "read replication", "Normal": true, "Status": "replicating"}]),
    );
    Ok(Some(id))
}

/// The source lists a new replica.
pub(super) fn announce(call: &mut Call, key: &Key) {
    let Some(replica) = call.world.get(key) else {
        return;
    };
    let (name, source) = (replica.id.clone(), replica.text(SOURCE).to_owned());
    if !source.is_empty() {
        call.update("rds/instance", &source, |one| {
            one.list_mut(REPLICAS).push(json!(name));
        });
    }
}

/// One that goes is in no list any more, and its replicas stand alone: "the read replicas are promoted" (Amazon RDS user
/// guide, "Deleting a DB instance that has a read replica").
pub(super) fn part(call: &mut Call, key: &Key) {
    let Some(gone) = call.world.get(key) else {
        return;
    };
    let (name, source) = (gone.id.clone(), gone.text(SOURCE).to_owned());
    let replicas = path::texts(&gone.body, "ReadReplicaDBInstanceIdentifiers[]");
    if !source.is_empty() {
        call.update("rds/instance", &source, |one| {
            one.list_mut(REPLICAS).retain(|other| *other != json!(name));
        });
    }
    for replica in replicas {
        call.update("rds/instance", &replica, |one| {
            one.set(SOURCE, Json::Null);
            one.set("StatusInfos", Json::Null);
        });
    }
}

/// A replica becomes a database of its own.
pub(super) fn promote(call: &mut Call) -> Answer {
    let name = call.text("DBInstanceIdentifier").unwrap_or_default();
    let replica = call.need("rds/instance", name)?.clone();
    instances::available(&replica)?;
    let source = replica.text(SOURCE).to_owned();
    if source.is_empty() {
        let message = format!("DB Instance is not a read replica: {}", replica.id);
        return Err(Refusal::new("InvalidDBInstanceState", message));
    }
    call.update("rds/instance", &source, |one| {
        one.list_mut(REPLICAS)
            .retain(|other| *other != json!(replica.id));
    });
    let kept = call.input.get("BackupRetentionPeriod").cloned();
    let until = call.now + 120.0;
    call.update("rds/instance", &replica.id, |one| {
        one.set(SOURCE, Json::Null);
        one.set("StatusInfos", Json::Null);
        // "Default: 1" (PromoteReadReplica).
        one.set("BackupRetentionPeriod", kept.unwrap_or(json!(1)));
        values::passes(one, "DBInstanceStatus", "modifying", until, "available");
    });
    let promoted = call.need("rds/instance", &replica.id)?;
    Ok(json!({"DBInstance": call.show("rds/instance", promoted)}))
}

/// A replica cluster becomes one of its own.
pub(super) fn promote_cluster(call: &mut Call) -> Answer {
    const SOURCE: &str = "ReplicationSourceIdentifier";
    let name = call.text("DBClusterIdentifier").unwrap_or_default();
    let replica = call.need("rds/cluster", name)?.clone();
    clusters::available(&replica)?;
    if replica.text(SOURCE).is_empty() {
        let message = format!("DB Cluster is not a read replica: {}", replica.id);
        return Err(Refusal::new("InvalidDBClusterStateFault", message));
    }
    let until = call.now + 120.0;
    call.update("rds/cluster", &replica.id, |one| {
        one.set(SOURCE, Json::Null);
        values::passes(one, "Status", "promoting", until, "available");
    });
    let promoted = call.need("rds/cluster", &replica.id)?;
    Ok(json!({"DBCluster": call.show("rds/cluster", promoted)}))
}
