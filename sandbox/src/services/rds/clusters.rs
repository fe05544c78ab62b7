//! DB clusters: Aurora's, and Multi-AZ clusters of other engines.

use super::engines::{Engine, engine};
use super::{PAGES, changes, creation, globals, replicas, roles, snapshots, subnet_groups, values};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{
    Id, Kind, Reference, Shows, States, Tags, Unique, create, delete, describe, modify, run,
};
use crate::law::Law;
use crate::path;
use crate::tags;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// Deletion protection.
pub const CLUSTER_PROTECTED: Law = Law {
    name: "a protected cluster is not deleted",
    operations: &["DeleteDBCluster"],
    source: "Amazon RDS API Reference, CreateDBCluster: DeletionProtection",
    fault: Fault::new(
        "InvalidParameterCombination",
        "Cannot delete protected Cluster, please disable deletion protection and try again.",
    ),
    check: None,
};

/// First the instances.
pub const CLUSTER_EMPTY: Law = Law {
    name: "an Aurora cluster with instances is not deleted",
    operations: &["DeleteDBCluster"],
    source: "Amazon Aurora User Guide, Deleting Aurora DB clusters and DB instances",
    fault: Fault::new(
        "InvalidDBClusterStateFault",
        "Cluster cannot be deleted, it still contains DB instances in non-deleting state.",
    ),
    check: None,
};

/// A last snapshot, or explicitly none.
pub const CLUSTER_SNAPSHOT_DECIDED: Law = Law {
    name: "deleting a cluster names a final snapshot or skips it",
    operations: &["DeleteDBCluster"],
    source: "Amazon RDS API Reference, DeleteDBCluster: SkipFinalSnapshot",
    fault: Fault::new(
        "InvalidParameterCombination",
        "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
    ),
    check: None,
};

/// What changes a cluster waits until it is available.
pub const CLUSTER_AVAILABLE: Law = Law {
    name: "a cluster is changed in the right state only",
    operations: &[
        "ModifyDBCluster",
        "FailoverDBCluster",
        "StopDBCluster",
        "StartDBCluster",
        "AddRoleToDBCluster",
        "RemoveRoleFromDBCluster",
        "PromoteReadReplicaDBCluster",
        "CreateDBInstance",
        "CreateDBClusterSnapshot",
    ],
    source: "Amazon RDS API Reference, ModifyDBCluster: InvalidDBClusterStateFault",
    fault: Fault::new(
        "InvalidDBClusterStateFault",
        "DbCluster {id} is in {state} state but expected it to be one of {expected}.",
    ),
    check: None,
};

/// A failover needs a reader.
pub const FAILOVER_TARGET: Law = Law {
    name: "a failover needs an available reader",
    operations: &["FailoverDBCluster"],
    source: "Amazon RDS API Reference, FailoverDBCluster: InvalidDBInstanceState",
    fault: Fault::new(
        "InvalidDBInstanceState",
        "Cluster {id} has no available reader to fail over to.",
    ),
    check: None,
};

/// A database cluster.
pub const CLUSTER: Kind = Kind {
    name: "rds/cluster",
    id: Id::Member("DBClusterIdentifier"),
    arn: "arn:{partition}:rds:{region}:{account}:cluster:{id}",
    arn_member: "DBClusterArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    created_member: "ClusterCreateTime",
    defaults: Some(defaults),
    tags: Tags::Unseen("Tags"),
    states: Some(States {
        member: "Status",
        creating: ("creating", 90.0),
        ready: "available",
        deleting: Some(("deleting", 60.0)),
        ..States::NEW
    }),
    refers: &[
        Reference::new("DBSubnetGroup", "rds/subnet-group")
            .in_use(Fault::new(
                "InvalidDBSubnetGroupStateFault",
                "Cannot delete the subnet group '{id}' because at least one database cluster: {by} is still using it.",
            ))
            .source("Amazon RDS API Reference, DeleteDBSubnetGroup: InvalidDBSubnetGroupStateFault"),
        Reference::new("DBClusterParameterGroup", "rds/cluster-parameter-group")
            .source("Amazon RDS API Reference, DeleteDBClusterParameterGroup: InvalidDBParameterGroupState"),
        Reference::new("VpcSecurityGroups[].VpcSecurityGroupId", "ec2/security-group").unchecked().loose(),
        // What has members is kept by a law of its own.
        Reference::new("GlobalClusterIdentifier", "rds/global-cluster")
            .loose()
            .source("Amazon RDS API Reference, CreateDBCluster: GlobalClusterNotFoundFault"),
    ],
    unique: &[Unique::new(
        &["DBClusterIdentifier"],
        Fault::new("DBClusterAlreadyExistsFault", "DB Cluster already exists"),
    )],
    not_found: Fault::new("DBClusterNotFoundFault", "DBCluster {id} not found."),
    limit: Some((
        40,
        Fault::new(
            "DBClusterQuotaExceededFault",
            "You cannot create more than {limit} DB clusters.",
        ),
    )),
    show: Some(show),
    on_event: Some(changes::on_cluster_event),
    operations: &[
        create("CreateDBCluster", Shows::In("DBCluster"))
            .rename(changes::CLUSTER_MEMBERS)
            .control(&[
                "MasterUserPassword",
                "ManageMasterUserPassword",
                "MasterUserSecretKmsKeyId",
                "PreSignedUrl",
                "SourceRegion",
                "OptionGroupName",
                "Domain",
                "DomainIAMRoleName",
                "VpcSecurityGroupIds",
            ])
            .before(before_create)
            .prepare(prepare_create)
            .done(furnish),
        describe("DescribeDBClusters", "DBClusterIdentifier", "DBClusters")
            .paging(PAGES)
            .filters(&[
                ("db-cluster-id", "DBClusterIdentifier"),
                ("db-cluster-resource-id", "DbClusterResourceId"),
                ("engine", "Engine"),
                ("clone-group-id", "CloneGroupId"),
                ("domain", "DomainMemberships[].Domain"),
            ]),
        modify("ModifyDBCluster", "DBClusterIdentifier", Shows::In("DBCluster"))
            .rename(changes::CLUSTER_MEMBERS)
            .control(&[
                "MasterUserPassword",
                "RotateMasterUserPassword",
                "MasterUserSecretKmsKeyId",
                "AllowMajorVersionUpgrade",
                "AllowEngineModeChange",
                "DBInstanceParameterGroupName",
                "OptionGroupName",
                "Domain",
                "DomainIAMRoleName",
            ])
            .before(changes::before_cluster)
            .prepare(changes::prepare_cluster)
            .done(changes::after_cluster),
        delete("DeleteDBCluster", "DBClusterIdentifier", Shows::In("DBCluster"))
            .prepare(before_delete)
            .done(after_delete),
        run("FailoverDBCluster", failover),
        run("StartDBCluster", |call| power(call, true)),
        run("StopDBCluster", |call| power(call, false)),
        run("AddRoleToDBCluster", roles::add_to_cluster),
        run("RemoveRoleFromDBCluster", roles::remove_from_cluster),
        run("PromoteReadReplicaDBCluster", replicas::promote_cluster),
    ],
    ..Kind::NEW
};

fn defaults(call: &Call) -> Json {
    let domain = values::domain(call);
    let name = call
        .text("DBClusterIdentifier")
        .unwrap_or_default()
        .to_ascii_lowercase();
    json!({
        "BackupRetentionPeriod": 1, "MultiAZ": false, "ReadReplicaIdentifiers": [], "AssociatedRoles": [], "DomainMemberships": [],
        "IAMDatabaseAuthenticationEnabled": false, "EngineMode": "provisioned", "HttpEndpointEnabled": false, "CopyTagsToSnapshot": false,
        "CrossAccountClone": false, "DeletionProtection": false, "ActivityStreamStatus": "stopped", "AutoMinorVersionUpgrade": true,
        "NetworkType": "IPV4", "DatabaseInsightsMode": "standard", "EngineLifecycleSupport": "open-source-rds-extended-support",
        "Endpoint": format!("{name}.cluster-{domain}"), "ReaderEndpoint": format!("{name}.cluster-ro-{domain}"),
        "HostedZoneId": values::hosted_zone(call), "LocalWriteForwardingStatus": "disabled", "StorageEncryptionType": "sse-rds",
    })
}

fn before_create(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let name = values::identifier(members, "DBClusterIdentifier")?;
    let engine = engine(path::text(members, "Engine").unwrap_or_default())?;
    let version = engine.resolve(path::text(members, "EngineVersion"))?;
    members.insert("EngineVersion".into(), json!(version));
    let group = path::text(members, "DBSubnetGroupName")
        .unwrap_or("default")
        .to_ascii_lowercase();
    let vpc = call
        .need("rds/subnet-group", &group)?
        .text("VpcId")
        .to_owned();
    members.remove("DBSubnetGroupName");
    members.insert("DBSubnetGroup".into(), json!(group));
    values::security_groups(call, members, &vpc, true)?;
    if !members.contains_key("ReplicationSourceIdentifier")
        && !members.contains_key("GlobalClusterIdentifier")
    {
        values::master(call, members, engine, "cluster")?;
    }
    storage(members, engine)?;
    values::encryption(call, members)?;
    if values::flag(members, "StorageEncrypted") {
        members.insert("StorageEncryptionType".into(), json!("sse-kms"));
    }
    let logs = values::logs(
        path::texts(members, "EnableCloudwatchLogsExports[]"),
        engine,
        version,
    )?;
    if logs.is_empty() {
        members.remove("EnableCloudwatchLogsExports");
    } else {
        members.insert("EnableCloudwatchLogsExports".into(), json!(logs));
    }
    scaling(members)?;
    values::windows(call, members, &name);
    members.entry("Port").or_insert(json!(engine.port));
    let family = engine.family(version);
    let named = path::text(members, "DBClusterParameterGroupName").map(str::to_ascii_lowercase);
    if let Some(named) = &named {
        super::parameter_groups::fits(call, "rds/cluster-parameter-group", named, &family)?;
    }
    let parameters = named.unwrap_or_else(|| format!("default.{family}"));
    members.insert("DBClusterParameterGroupName".into(), json!(parameters));
    // Storage spans three zones: those asked for, those of the subnets, then others of the region.
    let mut zones = path::texts(members, "AvailabilityZones[]");
    let covered = subnet_groups::zones(call, &group)
        .into_iter()
        .map(|(zone, _)| zone);
    let region = crate::services::ec2::zones::of(&call.region)
        .into_iter()
        .map(|(zone, _)| zone);
    for zone in covered.chain(region) {
        if zones.len() < 3 && !zones.contains(&zone) {
            zones.push(zone);
        }
    }
    members.insert("AvailabilityZones".into(), json!(zones));
    insights(call, members)
}

/// Performance Insights: seven days, and RDS's own key.
fn insights(call: &Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    if values::flag(members, "EnablePerformanceInsights") {
        members
            .entry("PerformanceInsightsRetentionPeriod")
            .or_insert(json!(7));
        let named = path::text(members, "PerformanceInsightsKMSKeyId").map(str::to_owned);
        let key = values::key_arn(call, named.as_deref(), "aws/rds")?;
        members.insert("PerformanceInsightsKMSKeyId".into(), json!(key));
    }
    Ok(())
}

/// Aurora's storage grows by itself: "AllocatedStorage always returns 1"; `aurora-iopt1` is shown, `aurora` is not.
fn storage(members: &mut Map<String, Json>, engine: &Engine) -> Result<(), Refusal> {
    let sent = |member: &str| members.contains_key(member);
    if engine.aurora() {
        if sent("DBClusterInstanceClass") || sent("Iops") {
            let message = format!(
                "DBClusterInstanceClass and Iops aren't supported for the engine {}.",
                engine.name
            );
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        members.insert("AllocatedStorage".into(), json!(1));
        if path::text(members, "StorageType") == Some("aurora") {
            members.remove("StorageType");
        }
        return Ok(());
    }
    if !matches!(engine.name, "mysql" | "postgres") {
        let message = format!(
            "The engine {} isn't supported for DB clusters.",
            engine.name
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    for member in ["DBClusterInstanceClass", "AllocatedStorage"] {
        if !sent(member) {
            let message = format!("{member} is required for Multi-AZ DB clusters.");
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
    }
    members.entry("StorageType").or_insert(json!("io1"));
    members.entry("PubliclyAccessible").or_insert(json!(false));
    Ok(())
}

/// Aurora capacity units: half steps, smallest not above largest.
fn scaling(members: &Map<String, Json>) -> Result<(), Refusal> {
    let Some(sent) = members.get("ServerlessV2ScalingConfiguration") else {
        return Ok(());
    };
    let (least, most) = (sent["MinCapacity"].as_f64(), sent["MaxCapacity"].as_f64());
    if let (Some(least), Some(most)) = (least, most) {
        let halves = |number: f64| (number * 2.0).fract() == 0.0;
        if least > most
            || !halves(least)
            || !halves(most)
            || !(0.0..=256.0).contains(&least)
            || !(0.5..=256.0).contains(&most)
        {
            let message =
                format!("Serverless v2 capacity {least} isn't valid with maximum {most}.");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    }
    Ok(())
}

fn prepare_create(call: &mut Call, cluster: &mut Record) -> Result<(), Refusal> {
    let digits = call.derive(&format!("cluster resource {}", cluster.id));
    cluster.set(
        "DbClusterResourceId",
        format!("cluster-{}", values::letters(&digits, 26)),
    );
    changes::forwarding(cluster);
    cluster.set("EarliestRestorableTime", cluster.created + 120.0);
    Ok(())
}

/// A Multi-AZ cluster comes with a writer and two readers.
fn furnish(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let Some(cluster) = call.world.get(key).cloned() else {
        return Ok(());
    };
    globals::join(call, &cluster.id);
    if engine(cluster.text("Engine")).is_ok_and(Engine::aurora) {
        return Ok(());
    }
    for number in 1..=3 {
        creation::make_member(call, &cluster, number)?;
    }
    Ok(())
}

/// The members: writer first come, then by identifier.
pub(super) fn members<'a>(call: &'a Call, cluster: &'a str) -> Vec<&'a Record> {
    let mut found: Vec<&Record> = call
        .list_where("rds/instance", "DBClusterIdentifier", cluster)
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// Who writes.
pub(super) fn writer(cluster: &Record) -> &str {
    cluster
        .hidden
        .get("writer")
        .and_then(Json::as_str)
        .unwrap_or_default()
}

fn show(call: &Call, cluster: &Record, body: &mut Map<String, Json>) {
    let members = members(call, &cluster.id);
    let shown: Vec<Json> = members
        .iter()
        .map(|one| {
            json!({"DBInstanceIdentifier": one.id, "IsClusterWriter": one.id == writer(cluster),
                   "DBClusterParameterGroupStatus": "in-sync", "PromotionTier": one.body.get("PromotionTier").cloned().unwrap_or(json!(1))})
        })
        .collect();
    let mut zones: Vec<&str> = members
        .iter()
        .map(|one| one.text("AvailabilityZone"))
        .collect();
    zones.sort_unstable();
    zones.dedup();
    body.insert("DBClusterMembers".into(), json!(shown));
    roles::show(call, body);
    body.insert("MultiAZ".into(), json!(zones.len() > 1));
    body.insert(
        "TagList".into(),
        tags::write(Tags::List("TagList"), &cluster.tags),
    );
    if !cluster.is("Status", "creating") {
        // Every five minutes a point in time is restorable.
        let latest = ((call.now / 300.0).floor() * 300.0).max(cluster.created);
        body.insert("LatestRestorableTime".into(), json!(latest));
    }
}

/// Refuses when it is not available.
pub(super) fn available(cluster: &Record) -> Result<(), Refusal> {
    in_state(cluster, &["available"])
}

/// Refuses when the cluster is in none of these states.
pub(super) fn in_state(cluster: &Record, expected: &[&str]) -> Result<(), Refusal> {
    let state = cluster.text("Status");
    if expected.contains(&state) {
        return Ok(());
    }
    Err(CLUSTER_AVAILABLE.fault.with(&[
        ("id", &cluster.id),
        ("state", state),
        ("expected", &expected.join(",")),
    ]))
}

fn before_delete(call: &mut Call, cluster: &mut Record) -> Result<(), Refusal> {
    if values::flag(&cluster.body, "DeletionProtection") {
        return Err(CLUSTER_PROTECTED.fault.with(&[]));
    }
    if cluster.is("Status", "deleting") {
        return in_state(cluster, &["available"]);
    }
    let aurora = engine(cluster.text("Engine")).is_ok_and(Engine::aurora);
    let alive = |one: &&Record| !one.is("DBInstanceStatus", "deleting");
    if aurora && members(call, &cluster.id).iter().any(alive) {
        return Err(CLUSTER_EMPTY.fault.with(&[]));
    }
    let name = call.text("FinalDBSnapshotIdentifier").map(str::to_owned);
    match (values::flag(&call.input, "SkipFinalSnapshot"), name) {
        (true, Some(_)) => Err(Refusal::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified.",
        )),
        (true, None) => Ok(()),
        (false, None) => Err(CLUSTER_SNAPSHOT_DECIDED.fault.with(&[])),
        (false, Some(name)) => {
            in_state(cluster, &["available", "stopped"])?;
            snapshots::of_cluster(call, cluster, &name, "manual").map(|_| ())
        }
    }
}

/// It goes when its last instance has gone.
fn after_delete(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let ids: Vec<String> = members(call, &key.id)
        .iter()
        .map(|one| one.id.clone())
        .collect();
    let mut last = 0.0_f64;
    for id in ids {
        let going = call
            .find("rds/instance", &id)
            .is_some_and(|one| one.is("DBInstanceStatus", "deleting"));
        if !going {
            call.delete("rds/instance", &id)?;
        }
        if let Some(one) = call.find("rds/instance", &id) {
            last = one.steps.iter().map(|step| step.at).fold(last, f64::max);
        }
    }
    call.world.update(key, |cluster| {
        for step in &mut cluster.steps {
            step.at = step.at.max(last + 15.0);
        }
    });
    Ok(())
}

/// The reader that takes over: the lowest promotion tier, then the name ("Fault tolerance for an Aurora DB cluster", Amazon Aurora User
/// Guide; sizes are not compared).
pub(super) fn successor(call: &Call, cluster: &Record) -> Option<String> {
    let mut readers: Vec<&Record> = members(call, &cluster.id);
    readers.retain(|one| one.id != writer(cluster) && one.is("DBInstanceStatus", "available"));
    readers.sort_by_key(|one| {
        one.body
            .get("PromotionTier")
            .and_then(Json::as_u64)
            .unwrap_or(1)
    });
    readers.first().map(|one| one.id.clone())
}

fn failover(call: &mut Call) -> Answer {
    let cluster = call
        .need(
            "rds/cluster",
            call.text("DBClusterIdentifier").unwrap_or_default(),
        )?
        .clone();
    in_state(&cluster, &["available"])?;
    let target = match call
        .text("TargetDBInstanceIdentifier")
        .map(str::to_ascii_lowercase)
    {
        Some(name) => {
            let one = call.find("rds/instance", &name);
            one.filter(|one| {
                one.is("DBClusterIdentifier", &cluster.id)
                    && one.is("DBInstanceStatus", "available")
            })
            .map(|one| one.id.clone())
            .filter(|id| id != writer(&cluster))
        }
        None => successor(call, &cluster),
    };
    let target = target.ok_or_else(|| FAILOVER_TARGET.fault.with(&[("id", &cluster.id)]))?;
    let until = call.now + 30.0;
    call.update("rds/cluster", &cluster.id, |cluster| {
        cluster.hidden.insert("writer".into(), json!(target));
        values::passes(cluster, "Status", "failing-over", until, "available");
    });
    shown(call, &cluster.id)
}

fn shown(call: &Call, id: &str) -> Answer {
    let cluster = call.need("rds/cluster", id)?;
    Ok(json!({"DBCluster": call.show("rds/cluster", cluster)}))
}

fn power(call: &mut Call, on: bool) -> Answer {
    let cluster = call
        .need(
            "rds/cluster",
            call.text("DBClusterIdentifier").unwrap_or_default(),
        )?
        .clone();
    in_state(&cluster, if on { &["stopped"] } else { &["available"] })?;
    switch(call, &cluster.id, on);
    shown(call, &cluster.id)
}

/// Starts or stops a cluster with its instances; what is stopped starts by itself after seven days.
pub(super) fn switch(call: &mut Call, id: &str, on: bool) {
    let (state, then, seconds) = if on {
        ("starting", "available", 120.0)
    } else {
        ("stopping", "stopped", 90.0)
    };
    let now = call.now;
    let ids: Vec<String> = members(call, id).iter().map(|one| one.id.clone()).collect();
    for one in ids {
        call.update("rds/instance", &one, |one| {
            if !one.is("DBInstanceStatus", "deleting") {
                values::passes(one, "DBInstanceStatus", state, now + seconds, then);
            }
        });
    }
    call.update("rds/cluster", id, |cluster| {
        values::passes(cluster, "Status", state, now + seconds, then);
        cluster
            .steps
            .retain(|step| step.event.as_deref() != Some("restart"));
        if on {
            cluster.set("AutomaticRestartTime", Json::Null);
        } else {
            let at = now + 7.0 * 86400.0;
            cluster.set("AutomaticRestartTime", at);
            cluster.steps.push(Step::event(at, "restart"));
        }
    });
}

/// The Data API of a cluster that is not Serverless v1 is switched by calls of its own.
pub(super) fn http_endpoint(call: &mut Call, on: bool) -> Answer {
    let arn = call.text("ResourceArn").unwrap_or_default().to_owned();
    let name = arn.rsplit(':').next().unwrap_or_default();
    let cluster = match call.find("rds/cluster", name) {
        Some(cluster) if cluster.arn == arn => cluster.clone(),
        _ => {
            let message = format!(
                "The specified resource name does not match an RDS resource in this region: {arn}"
            );
            return Err(Refusal::new("ResourceNotFoundFault", message));
        }
    };
    if !cluster.is("Status", "available") {
        let message = "The operation can't be performed because another operation is in progress.";
        return Err(Refusal::new("InvalidResourceStateFault", message));
    }
    call.update("rds/cluster", &cluster.id, |cluster| {
        cluster.set("HttpEndpointEnabled", on);
    });
    Ok(json!({"ResourceArn": arn, "HttpEndpointEnabled": on}))
}
