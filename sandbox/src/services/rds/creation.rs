//! How DB instances are made: as members of a cluster, or alone.

use super::engines::{Engine, engine};
use super::instances::{
    ENGINE_OF_CLUSTER, INHERITED, INSTANCE, OF_CLUSTER, PUBLIC_NEEDS_GATEWAY, SET_ON_CLUSTER,
    ZONE_COVERED,
};
use super::{clusters, option_groups, parameter_groups, replicas, subnet_groups, values};
use crate::call::{Call, digest};
use crate::error::Refusal;
use crate::path;
use crate::registry;
use crate::services::ec2::{gateways, interfaces, zones};
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

pub(super) fn before_create(
    call: &mut Call,
    members: &mut Map<String, Json>,
) -> Result<(), Refusal> {
    let name = values::identifier(members, "DBInstanceIdentifier")?;
    let source = replicas::take_over(call, members)?;
    let engine = engine(path::text(members, "Engine").unwrap_or_default())?;
    let class = path::text(members, "DBInstanceClass").unwrap_or_default();
    if !class.starts_with("db.") {
        return Err(Refusal::new(
            "InvalidParameterValue",
            format!("Invalid DB Instance class: {class}"),
        ));
    }
    let group = match path::text(members, "DBClusterIdentifier").map(str::to_owned) {
        Some(cluster) => joins(call, members, engine, &cluster)?,
        None if source.is_some() => path::text(members, "DBSubnetGroupName")
            .unwrap_or_default()
            .to_owned(),
        None => alone(call, members, engine)?,
    };
    let vpc = call
        .need("rds/subnet-group", &group)?
        .text("VpcId")
        .to_owned();
    values::windows(call, members, &name);
    zone(call, members, &group, &name)?;
    let public = values::flag(members, "PubliclyAccessible");
    if public && gateways::attached_to(call, &vpc).is_none() {
        return Err(PUBLIC_NEEDS_GATEWAY.fault.with(&[]));
    }
    // "defaults to false unless the value of DBSubnetGroup is default".
    members.insert("PubliclyAccessible".into(), json!(public));
    let version = path::text(members, "EngineVersion")
        .unwrap_or(engine.default)
        .to_owned();
    let family = engine.family(&version);
    let parameters = match members.remove("DBParameterGroupName") {
        Some(Json::String(named)) => {
            let named = named.to_ascii_lowercase();
            parameter_groups::fits(call, "rds/parameter-group", &named, &family)?;
            named
        }
        _ => format!("default.{family}"),
    };
    members.insert(
        "DBParameterGroups".into(),
        json!([{"DBParameterGroupName": parameters, "ParameterApplyStatus": "in-sync"}]),
    );
    let options = match path::text(members, "OptionGroupName").map(str::to_ascii_lowercase) {
        Some(named) => {
            option_groups::fits(call, &named, engine, &version)?;
            named
        }
        None => engine.option_group(&version),
    };
    members.insert(
        "OptionGroupMemberships".into(),
        json!([{"OptionGroupName": options, "Status": "in-sync"}]),
    );
    let logs = values::logs(
        path::texts(members, "EnableCloudwatchLogsExports[]"),
        engine,
        &version,
    )?;
    members.remove("EnableCloudwatchLogsExports");
    if !logs.is_empty() {
        members.insert("EnabledCloudwatchLogsExports".into(), json!(logs));
    }
    members
        .entry("LicenseModel")
        .or_insert(json!(engine.license));
    watched(call, members)
}

/// Enhanced Monitoring needs a role; Performance Insights a key, and keeps seven days.
pub(super) fn watched(call: &Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let interval = members
        .get("MonitoringInterval")
        .and_then(Json::as_u64)
        .unwrap_or(0);
    if interval > 0 && !members.contains_key("MonitoringRoleArn") {
        let message = "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if values::flag(members, "EnablePerformanceInsights") {
        members
            .entry("PerformanceInsightsRetentionPeriod")
            .or_insert(json!(7));
        let key = values::key_arn(
            call,
            path::text(members, "PerformanceInsightsKMSKeyId"),
            "aws/rds",
        )?;
        members.insert("PerformanceInsightsKMSKeyId".into(), json!(key));
    }
    Ok(())
}

/// A member takes from its cluster; gives the subnet group.
pub(super) fn joins(
    call: &Call,
    members: &mut Map<String, Json>,
    engine: &Engine,
    name: &str,
) -> Result<String, Refusal> {
    let cluster = call.need("rds/cluster", name)?;
    clusters::in_state(
        cluster,
        &[
            "available",
            "creating",
            "modifying",
            "backing-up",
            "failing-over",
        ],
    )?;
    if !cluster.is("Engine", engine.name) {
        return Err(ENGINE_OF_CLUSTER
            .fault
            .with(&[("id", engine.name), ("engine", cluster.text("Engine"))]));
    }
    let made_by_cluster = call.operation == "CreateDBCluster";
    if !engine.aurora() && !made_by_cluster {
        let message = format!(
            "Adding instances isn't supported for the Multi-AZ DB cluster {}.",
            cluster.id
        );
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if let Some((_, words)) = OF_CLUSTER
        .iter()
        .find(|(member, _)| members.contains_key(*member))
    {
        return Err(SET_ON_CLUSTER.fault.with(&[("id", words)]));
    }
    if path::text(members, "DBInstanceClass") == Some("db.serverless")
        && !cluster
            .body
            .contains_key("ServerlessV2ScalingConfiguration")
    {
        let message = "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2 DB instance.";
        return Err(Refusal::new("InvalidDBClusterStateFault", message));
    }
    members.insert("DBClusterIdentifier".into(), json!(cluster.id));
    for (from, to) in INHERITED {
        match cluster.body.get(*from) {
            Some(value) => members.insert((*to).to_owned(), value.clone()),
            None => members.remove(*to),
        };
    }
    for member in ["MultiAZ", "DeletionProtection", "MaxAllocatedStorage"] {
        members.remove(member);
    }
    let storage = path::text(&cluster.body, "StorageType").unwrap_or("aurora");
    members.insert("StorageType".into(), json!(storage));
    if engine.aurora() {
        members.remove("Iops");
        members.entry("PromotionTier").or_insert(json!(1));
    }
    Ok(cluster.text("DBSubnetGroup").to_owned())
}

/// One that stands alone; gives the subnet group.
pub(super) fn alone(
    call: &mut Call,
    members: &mut Map<String, Json>,
    engine: &Engine,
) -> Result<String, Refusal> {
    if engine.aurora() {
        let message = format!(
            "DBClusterIdentifier is required for the engine {}.",
            engine.name
        );
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let version = engine.resolve(path::text(members, "EngineVersion"))?;
    members.insert("EngineVersion".into(), json!(version));
    let group = path::text(members, "DBSubnetGroupName")
        .unwrap_or("default")
        .to_ascii_lowercase();
    let vpc = call
        .need("rds/subnet-group", &group)?
        .text("VpcId")
        .to_owned();
    members.insert("DBSubnetGroupName".into(), json!(group));
    values::security_groups(call, members, &vpc, true)?;
    values::master(call, members, engine, "db")?;
    values::encryption(call, members)?;
    members.entry("BackupRetentionPeriod").or_insert(json!(1));
    members.entry("Port").or_insert(json!(engine.port));
    members.remove("PromotionTier");
    let iops = members
        .get("Iops")
        .and_then(Json::as_u64)
        .is_some_and(|iops| iops > 0);
    // Real answers have gp2 where nothing is asked for, whatever the API reference says.
    let storage = path::text(members, "StorageType")
        .unwrap_or(if iops { "io1" } else { "gp2" })
        .to_owned();
    let size = members
        .get("AllocatedStorage")
        .and_then(Json::as_u64)
        .unwrap_or(0);
    let least = match storage.as_str() {
        "io1" | "io2" => 100,
        "standard" => 5,
        _ => 20,
    };
    if !(least..=65536).contains(&size) {
        let message = format!(
            "Invalid storage size for engine name {} and storage type {storage}: {size}",
            engine.name
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    if matches!(storage.as_str(), "io1" | "io2") && !iops {
        let message = format!("You must specify a value for Iops with the storage type {storage}.");
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    if storage == "gp3" {
        members.entry("Iops").or_insert(json!(3000));
        members.entry("StorageThroughput").or_insert(json!(125));
    }
    members.insert("StorageType".into(), json!(storage));
    Ok(group)
}

/// The zone asked for, or of those that the group covers one that the cluster has fewest members in.
pub(super) fn zone(
    call: &Call,
    members: &mut Map<String, Json>,
    group: &str,
    name: &str,
) -> Result<(), Refusal> {
    let covered = subnet_groups::zones(call, group);
    if let Some(asked) = path::text(members, "AvailabilityZone") {
        if values::flag(members, "MultiAZ") {
            let message =
                "Requesting a specific availability zone is not valid for Multi-AZ instances.";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        if zones::id(&call.region, asked).is_none() {
            let message = format!("Invalid Availability Zone: {asked}");
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        if !covered.iter().any(|(zone, _)| zone == asked) {
            return Err(ZONE_COVERED.fault.with(&[("id", asked)]));
        }
        return Ok(());
    }
    let others: Vec<&Record> = match path::text(members, "DBClusterIdentifier") {
        Some(cluster) => clusters::members(call, cluster),
        None => Vec::new(),
    };
    let spread = digest(&["zone", name]);
    let rank = |zone: &str| {
        let taken = others
            .iter()
            .filter(|one| one.is("AvailabilityZone", zone))
            .count();
        (taken, digest(&[&spread, zone]))
    };
    let mut sorted: Vec<&str> = covered.iter().map(|(zone, _)| zone.as_str()).collect();
    sorted.sort_by_key(|zone| rank(zone));
    let Some(first) = sorted.first().map(|zone| (*zone).to_owned()) else {
        return Err(ZONE_COVERED.fault.with(&[("id", &call.region)]));
    };
    if values::flag(members, "MultiAZ")
        && let Some(second) = sorted.get(1)
    {
        members.insert("SecondaryAvailabilityZone".into(), json!(second));
    }
    members.insert("AvailabilityZone".into(), json!(first));
    Ok(())
}

pub(super) fn prepare_create(call: &mut Call, instance: &mut Record) -> Result<(), Refusal> {
    let digits = call.derive(&format!("instance resource {}", instance.id));
    instance.set(
        "DbiResourceId",
        format!("db-{}", values::letters(&digits, 26)),
    );
    let authority = instance.text("CACertificateIdentifier").to_owned();
    instance.set("CertificateDetails.CAIdentifier", authority);
    monitored(call, instance);
    // Its network interface is there from the start.
    let zone = instance.text("AvailabilityZone").to_owned();
    let subnet = subnet_groups::zones(call, instance.text("DBSubnetGroupName"))
        .into_iter()
        .find(|(known, _)| *known == zone)
        .map(|(_, subnet)| subnet)
        .unwrap_or_default();
    let groups = path::texts(&instance.body, "VpcSecurityGroups[].VpcSecurityGroupId");
    let opened = interfaces::open(
        call,
        &interfaces::Opening {
            subnet: &subnet,
            groups: &groups,
            description: "RDSNetworkInterface",
            requester: "amazon-rds",
            public: values::flag(&instance.body, "PubliclyAccessible"),
            ..Default::default()
        },
    )?;
    instance.hidden.insert("subnet".into(), json!(subnet));
    instance.hidden.insert("interface".into(), json!(opened.id));
    Ok(())
}

pub(super) fn monitored(call: &Call, instance: &mut Record) {
    let on = instance
        .body
        .get("MonitoringInterval")
        .and_then(Json::as_u64)
        .unwrap_or(0)
        > 0;
    if on {
        let stream = format!(
            "arn:{}:logs:{}:{}:log-group:RDSOSMetrics:log-stream:{}",
            call.partition(),
            call.region,
            call.account,
            instance.text("DbiResourceId")
        );
        instance.set("EnhancedMonitoringResourceArn", stream);
    } else {
        instance.set("EnhancedMonitoringResourceArn", Json::Null);
        instance.set("MonitoringRoleArn", Json::Null);
    }
}

/// The first member writes; a source knows its replicas.
pub(super) fn furnish(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    replicas::announce(call, key);
    let cluster = call
        .world
        .get(key)
        .map(|one| one.text("DBClusterIdentifier").to_owned())
        .unwrap_or_default();
    let first = call
        .find("rds/cluster", &cluster)
        .is_some_and(|cluster| clusters::writer(cluster).is_empty());
    if first {
        call.update("rds/cluster", &cluster, |cluster| {
            cluster.hidden.insert("writer".into(), json!(key.id));
        });
    }
    Ok(())
}

/// An instance of a Multi-AZ cluster: made with it.
pub(super) fn make_member(call: &mut Call, cluster: &Record, number: usize) -> Result<(), Refusal> {
    let mut members = Map::new();
    for (member, value) in [
        (
            "DBInstanceIdentifier",
            json!(format!("{}-instance-{number}", cluster.id)),
        ),
        ("DBClusterIdentifier", json!(cluster.id)),
        (
            "DBInstanceClass",
            cluster
                .body
                .get("DBClusterInstanceClass")
                .cloned()
                .unwrap_or_default(),
        ),
        (
            "Engine",
            cluster.body.get("Engine").cloned().unwrap_or_default(),
        ),
    ] {
        members.insert(member.to_owned(), value);
    }
    before_create(call, &mut members)?;
    let operation =
        registry::operation("rds", "CreateDBInstance").map(|(_, _, operation)| operation);
    let (key, _) = crate::generic::make(call, call.kind(INSTANCE.name), operation, members)?;
    furnish(call, &key)
}
