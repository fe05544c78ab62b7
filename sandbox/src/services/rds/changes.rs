//! What changes of clusters do, at once or in the maintenance window.

use super::engines::{Engine, engine};
use super::{clusters, values};
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// Major upgrades are asked for explicitly.
pub const MAJOR_UPGRADE: Law = Law {
    name: "a major version upgrade is allowed explicitly",
    operations: &["ModifyDBCluster", "ModifyDBInstance"],
    source: "Amazon RDS API Reference, ModifyDBCluster: AllowMajorVersionUpgrade",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.",
    ),
    check: None,
};

/// The request's members that a DBCluster has under another name.
pub(super) const CLUSTER_MEMBERS: &[(&str, &str)] = &[
    ("DBClusterParameterGroupName", "DBClusterParameterGroup"),
    (
        "EnableIAMDatabaseAuthentication",
        "IAMDatabaseAuthenticationEnabled",
    ),
    ("EnableHttpEndpoint", "HttpEndpointEnabled"),
    ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
    ("ScalingConfiguration", "ScalingConfigurationInfo"),
    ("CACertificateIdentifier", "CertificateDetails.CAIdentifier"),
    (
        "EnableGlobalWriteForwarding",
        "GlobalWriteForwardingRequested",
    ),
];

/// Create's own of the same sort, kept apart because a change has no such member.
pub(super) const LOGS: (&str, &str) = (
    "EnableCloudwatchLogsExports",
    "EnabledCloudwatchLogsExports",
);

/// Checks a new version against the present one; gives the resolved one.
pub(super) fn upgrade(
    engine: &Engine,
    present: &str,
    asked: &str,
    allowed: bool,
) -> Result<&'static str, Refusal> {
    let version = engine.resolve(Some(asked))?;
    // A prefix that the present version has asks for no change.
    if present.starts_with(asked) && asked != version {
        return Ok(engine
            .rank(present)
            .map_or(version, |at| engine.versions[at]));
    }
    if engine.rank(version) < engine.rank(present) {
        let message = format!("Cannot upgrade {} from {present} to {version}", engine.name);
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if engine.major(version) != engine.major(present) && !allowed {
        return Err(MAJOR_UPGRADE.fault.with(&[]));
    }
    Ok(version)
}

pub(super) fn before_cluster(
    call: &mut Call,
    members: &mut Map<String, Json>,
) -> Result<(), Refusal> {
    let name = call
        .text("DBClusterIdentifier")
        .unwrap_or_default()
        .to_owned();
    let cluster = call.need("rds/cluster", &name)?.clone();
    clusters::in_state(&cluster, &["available"])?;
    let engine = engine(cluster.text("Engine"))?;
    let vpc = call
        .find("rds/subnet-group", cluster.text("DBSubnetGroup"))
        .map(|group| group.text("VpcId").to_owned())
        .unwrap_or_default();
    values::security_groups(call, members, &vpc, false)?;
    values::change_logs(members, &cluster, engine)?;
    if let Some(asked) = path::text(members, "EngineVersion") {
        let allowed = values::flag(members, "AllowMajorVersionUpgrade");
        let version = upgrade(engine, cluster.text("EngineVersion"), asked, allowed)?;
        members.insert("EngineVersion".into(), json!(version));
    }
    if let Some(password) = path::text(members, "MasterUserPassword") {
        if cluster.body.contains_key("MasterUserSecret")
            && members.get("ManageMasterUserPassword") != Some(&json!(false))
        {
            let message = "You can't specify MasterUserPassword for a cluster whose password Secrets Manager manages.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        values::password_well(password, engine)?;
    }
    match members.remove("ManageMasterUserPassword") {
        Some(Json::Bool(true)) if !cluster.body.contains_key("MasterUserSecret") => {
            let secret = values::secret(call, members, "cluster")?;
            members.insert("MasterUserSecret".into(), secret);
        }
        Some(Json::Bool(false)) => {
            if !members.contains_key("MasterUserPassword") {
                let message =
                    "A MasterUserPassword is required when ManageMasterUserPassword is turned off.";
                return Err(Refusal::new("InvalidParameterCombination", message));
            }
            members.insert("MasterUserSecret".into(), json!({}));
        }
        _ => {}
    }
    if let Some(window) =
        path::text(members, "PreferredMaintenanceWindow").map(str::to_ascii_lowercase)
    {
        members.insert("PreferredMaintenanceWindow".into(), json!(window));
    }
    if values::flag(members, "EnablePerformanceInsights") {
        let key = values::key_arn(
            call,
            path::text(members, "PerformanceInsightsKMSKeyId"),
            "aws/rds",
        )?;
        members.insert("PerformanceInsightsKMSKeyId".into(), json!(key));
        if !cluster
            .body
            .contains_key("PerformanceInsightsRetentionPeriod")
        {
            members
                .entry("PerformanceInsightsRetentionPeriod")
                .or_insert(json!(7));
        }
    }
    if members.contains_key("NewDBClusterIdentifier") {
        let name = values::identifier(members, "NewDBClusterIdentifier")?;
        if name != cluster.id && call.find("rds/cluster", &name).is_some() {
            return Err(Refusal::new(
                "DBClusterAlreadyExistsFault",
                "DB Cluster already exists",
            ));
        }
    }
    if engine.aurora() {
        members.remove("AllocatedStorage");
    }
    // What waits for the maintenance window unless it is to be applied at once.
    let mut waits: Vec<(&str, &str)> = vec![
        ("EngineVersion", "EngineVersion"),
        ("NewDBClusterIdentifier", "DBClusterIdentifier"),
    ];
    if !engine.aurora() {
        waits.extend([
            ("AllocatedStorage", "AllocatedStorage"),
            ("Iops", "Iops"),
            ("StorageType", "StorageType"),
        ]);
    }
    pend(members, &cluster, &waits);
    Ok(())
}

/// Moves members into `PendingModifiedValues`, where they wait, unless `ApplyImmediately`; what has the value already does not change.
pub(super) fn pend(members: &mut Map<String, Json>, record: &Record, waits: &[(&str, &str)]) {
    let at_once = values::flag(members, "ApplyImmediately");
    members.remove("ApplyImmediately");
    let mut pending = match record.body.get("PendingModifiedValues") {
        Some(Json::Object(pending)) => pending.clone(),
        _ => Map::new(),
    };
    for (member, shown) in waits {
        let Some(value) = members.get(*member).cloned() else {
            continue;
        };
        if record.body.get(*shown) == Some(&value) {
            members.remove(*member);
            pending.remove(*shown);
        } else if !at_once {
            members.remove(*member);
            pending.insert((*shown).to_owned(), value);
        } else {
            pending.remove(*shown);
        }
    }
    members.insert("PendingModifiedValues".into(), json!(pending));
}

/// Is anything waiting for the maintenance window?
pub(super) fn waiting(record: &Record) -> bool {
    record
        .body
        .get("PendingModifiedValues")
        .and_then(Json::as_object)
        .is_some_and(|pending| !pending.is_empty())
}

/// Opens the maintenance window in time when something waits.
pub(super) fn schedule(record: &mut Record, now: f64) {
    record
        .steps
        .retain(|step| step.event.as_deref() != Some("maintenance"));
    if waiting(record) {
        let at = values::next_window(record.text("PreferredMaintenanceWindow"), now);
        record.steps.push(Step::event(at, "maintenance"));
    }
}

/// Statuses that follow from what was asked.
pub(super) fn forwarding(cluster: &mut Record) {
    if let Some(sent) = cluster.body.remove("EnableLocalWriteForwarding") {
        let state = if sent == json!(true) {
            "enabled"
        } else {
            "disabled"
        };
        cluster.set("LocalWriteForwardingStatus", state);
    }
    if let Some(logs) = cluster.body.remove(LOGS.0) {
        cluster.set(LOGS.1, logs);
    }
    if cluster.list(LOGS.1).is_empty() {
        cluster.set(LOGS.1, Json::Null);
    }
}

pub(super) fn prepare_cluster(call: &mut Call, cluster: &mut Record) -> Result<(), Refusal> {
    forwarding(cluster);
    if cluster.body.get("MasterUserSecret") == Some(&json!({})) {
        cluster.set("MasterUserSecret", Json::Null);
    }
    if cluster.is("StorageType", "aurora") {
        cluster.set("StorageType", Json::Null);
    }
    settle(call, cluster);
    values::passes(cluster, "Status", "modifying", call.now + 60.0, "available");
    schedule(cluster, call.now);
    Ok(())
}

/// A new name, a new version: what follows from them.
fn settle(call: &Call, cluster: &mut Record) {
    if let Some(Json::String(name)) = cluster.body.remove("NewDBClusterIdentifier") {
        rename(call, cluster, &name);
    }
    if let Ok(engine) = engine(cluster.text("Engine"))
        && cluster
            .text("DBClusterParameterGroup")
            .starts_with("default.")
    {
        let group = format!("default.{}", engine.family(cluster.text("EngineVersion")));
        cluster.set("DBClusterParameterGroup", group);
    }
}

fn rename(call: &Call, cluster: &mut Record, name: &str) {
    cluster
        .hidden
        .insert("renamed from".into(), json!(cluster.id));
    cluster.arn = match cluster.arn.rsplit_once(':') {
        Some((head, _)) => format!("{head}:{name}"),
        None => cluster.arn.clone(),
    };
    cluster.id = name.to_owned();
    let domain = values::domain(call);
    cluster.set("DBClusterIdentifier", name);
    cluster.set("DBClusterArn", cluster.arn.clone());
    cluster.set("Endpoint", format!("{name}.cluster-{domain}"));
    cluster.set("ReaderEndpoint", format!("{name}.cluster-ro-{domain}"));
}

/// Members follow: a new name, new security groups.
pub(super) fn after_cluster(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let Some(cluster) = call.world.get(key).cloned() else {
        return Ok(());
    };
    let before = cluster
        .hidden
        .get("renamed from")
        .and_then(Json::as_str)
        .unwrap_or(&cluster.id)
        .to_owned();
    let ids: Vec<String> = call
        .list("rds/instance")
        .filter(|one| one.is("DBClusterIdentifier", &before))
        .map(|one| one.id.clone())
        .collect();
    for id in ids {
        call.update("rds/instance", &id, |one| {
            one.set("DBClusterIdentifier", cluster.id.as_str())
        });
        super::alteration::regroup(call, &id, &cluster);
    }
    call.world
        .update(key, |cluster| cluster.hidden.remove("renamed from"));
    Ok(())
}

/// The maintenance window opens; a stopped cluster starts again.
pub(super) fn on_cluster_event(call: &mut Call, key: &Key, event: &str) {
    match event {
        "restart" => clusters::switch(call, &key.id, true),
        "maintenance" => {
            let Some(mut cluster) = call.world.remove(key) else {
                return;
            };
            if let Some(Json::Object(pending)) = cluster.body.remove("PendingModifiedValues") {
                for (member, value) in pending {
                    let member = if member == "DBClusterIdentifier" {
                        "NewDBClusterIdentifier"
                    } else {
                        member.as_str()
                    };
                    cluster.body.insert(member.to_owned(), value);
                }
            }
            settle(call, &mut cluster);
            let key = Key {
                id: cluster.id.clone(),
                ..key.clone()
            };
            call.world.put(key.clone(), cluster);
            // Members follow; nothing can be refused here.
            let _ = after_cluster(call, &key);
        }
        _ => {}
    }
}
