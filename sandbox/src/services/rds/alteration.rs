//! What changes of DB instances do.

use super::creation::{monitored, watched};
use super::engines::engine;
use super::instances::{OF_CLUSTER, PUBLIC_NEEDS_GATEWAY, SET_ON_CLUSTER, available};
use super::{changes, values};
use crate::call::Call;
use crate::error::Refusal;
use crate::path;
use crate::services::ec2::gateways;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

pub(super) fn before_modify(
    call: &mut Call,
    members: &mut Map<String, Json>,
) -> Result<(), Refusal> {
    let instance = call
        .need(
            "rds/instance",
            call.text("DBInstanceIdentifier").unwrap_or_default(),
        )?
        .clone();
    available(&instance)?;
    let engine = engine(instance.text("Engine"))?;
    members.remove("Engine");
    if let Some(port) = members.remove("DBPortNumber") {
        members.insert("Port".into(), port);
    }
    if instance.body.contains_key("DBClusterIdentifier") {
        if let Some((_, words)) = OF_CLUSTER
            .iter()
            .find(|(member, _)| members.contains_key(*member))
        {
            return Err(SET_ON_CLUSTER.fault.with(&[("id", words)]));
        }
        for member in [
            "EngineVersion",
            "AllocatedStorage",
            "StorageType",
            "Iops",
            "DeletionProtection",
            "MultiAZ",
            "DBSubnetGroupName",
            "Port",
        ] {
            members.remove(member);
        }
    }
    if members.contains_key("NewDBInstanceIdentifier") {
        let message = "Renaming DB instances isn't simulated.";
        return Err(Refusal::new("NotImplemented", message).status(501));
    }
    let group = call.find("rds/subnet-group", instance.text("DBSubnetGroupName"));
    let vpc = group
        .map(|group| group.text("VpcId").to_owned())
        .unwrap_or_default();
    values::security_groups(call, members, &vpc, false)?;
    values::change_logs(members, &instance, engine)?;
    if let Some(asked) = path::text(members, "EngineVersion") {
        let allowed = values::flag(members, "AllowMajorVersionUpgrade");
        let version = changes::upgrade(engine, instance.text("EngineVersion"), asked, allowed)?;
        members.insert("EngineVersion".into(), json!(version));
    }
    if let Some(password) = path::text(members, "MasterUserPassword") {
        values::password_well(password, engine)?;
    }
    if values::flag(members, "ManageMasterUserPassword")
        && !instance.body.contains_key("MasterUserSecret")
    {
        let secret = values::secret(call, members, "db")?;
        members.insert("MasterUserSecret".into(), secret);
    }
    if let Some(size) = members.get("AllocatedStorage").and_then(Json::as_u64)
        && instance
            .body
            .get("AllocatedStorage")
            .and_then(Json::as_u64)
            .is_some_and(|present| size < present)
    {
        let message =
            "Invalid storage size: the allocated storage of a DB instance can't be reduced.";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if values::flag(members, "PubliclyAccessible") && gateways::attached_to(call, &vpc).is_none() {
        return Err(PUBLIC_NEEDS_GATEWAY.fault.with(&[]));
    }
    if members.contains_key("MonitoringInterval")
        && let Some(role) = instance.body.get("MonitoringRoleArn")
    {
        members.entry("MonitoringRoleArn").or_insert(role.clone());
    }
    watched(call, members)?;
    if let Some(named) = path::text(members, "DBParameterGroupName").map(str::to_ascii_lowercase) {
        let groups =
            json!([{"DBParameterGroupName": named, "ParameterApplyStatus": "pending-reboot"}]);
        if path::texts(&instance.body, "DBParameterGroups[].DBParameterGroupName") != [named] {
            members.insert("DBParameterGroups".into(), groups);
        }
    }
    if let Some(named) = path::text(members, "OptionGroupName").map(str::to_ascii_lowercase) {
        members.insert(
            "OptionGroupMemberships".into(),
            json!([{"OptionGroupName": named, "Status": "in-sync"}]),
        );
    }
    if let Some(window) =
        path::text(members, "PreferredMaintenanceWindow").map(str::to_ascii_lowercase)
    {
        members.insert("PreferredMaintenanceWindow".into(), json!(window));
    }
    // What waits for the maintenance window unless it is to be applied at once.
    let waits: Vec<(&str, &str)> = [
        "DBInstanceClass",
        "AllocatedStorage",
        "MultiAZ",
        "EngineVersion",
        "Iops",
        "StorageType",
        "StorageThroughput",
        "Port",
        "CACertificateIdentifier",
        "LicenseModel",
        "DBSubnetGroupName",
        "DedicatedLogVolume",
    ]
    .iter()
    .map(|name| (*name, *name))
    .collect();
    changes::pend(members, &instance, &waits);
    Ok(())
}

/// What follows from a new version or certificate.
pub(super) fn settle(instance: &mut Record) {
    if let Ok(engine) = engine(instance.text("Engine")) {
        let version = instance.text("EngineVersion").to_owned();
        let own = path::text(&instance.body, "CACertificateIdentifier")
            .unwrap_or_default()
            .to_owned();
        instance.set("CertificateDetails.CAIdentifier", own);
        for group in instance.list_mut("DBParameterGroups") {
            if group["DBParameterGroupName"]
                .as_str()
                .is_some_and(|name| name.starts_with("default."))
            {
                group["DBParameterGroupName"] =
                    json!(format!("default.{}", engine.family(&version)));
            }
        }
        for group in instance.list_mut("OptionGroupMemberships") {
            if group["OptionGroupName"]
                .as_str()
                .is_some_and(|name| name.starts_with("default:"))
            {
                group["OptionGroupName"] = json!(engine.option_group(&version));
            }
        }
    }
    if instance.list("EnabledCloudwatchLogsExports").is_empty() {
        instance.set("EnabledCloudwatchLogsExports", Json::Null);
    }
}

pub(super) fn prepare_modify(call: &mut Call, instance: &mut Record) -> Result<(), Refusal> {
    settle(instance);
    if call.input.contains_key("MonitoringInterval") {
        monitored(call, instance);
    }
    if call.input.get("ManageMasterUserPassword") == Some(&json!(false)) {
        instance.set("MasterUserSecret", Json::Null);
    }
    let seconds = if call.input.contains_key("DBInstanceClass") {
        240.0
    } else {
        60.0
    };
    values::passes(
        instance,
        "DBInstanceStatus",
        "modifying",
        call.now + seconds,
        "available",
    );
    changes::schedule(instance, call.now);
    Ok(())
}

pub(super) fn after_modify(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    if let Some(instance) = call.world.get(key).cloned()
        && !instance.body.contains_key("DBClusterIdentifier")
    {
        regroup(call, &key.id, &instance);
    }
    Ok(())
}

/// Gives an instance's interface the security groups of its source: itself, or its cluster.
pub(super) fn regroup(call: &mut Call, id: &str, source: &Record) {
    let Some(interface) = call
        .find("rds/instance", id)
        .and_then(|one| one.hidden.get("interface")?.as_str().map(str::to_owned))
    else {
        return;
    };
    let groups: Vec<Json> = path::texts(&source.body, "VpcSecurityGroups[].VpcSecurityGroupId")
        .iter()
        .filter_map(|id| call.find("ec2/security-group", id))
        .map(|group| json!({"GroupId": group.id, "GroupName": group.text("GroupName")}))
        .collect();
    call.update("ec2/network-interface", &interface, |interface| {
        interface.set("Groups", groups)
    });
    let groups = source
        .body
        .get("VpcSecurityGroups")
        .cloned()
        .unwrap_or_default();
    call.update("rds/instance", id, |one| {
        one.set("VpcSecurityGroups", groups)
    });
}
