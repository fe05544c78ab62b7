//! DB instances: members of clusters, and those that stand alone.

use super::engines::{Engine, engine};
use super::{PAGES, alteration, clusters, creation, replicas, roles, snapshots, values};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{
    Id, Kind, Reference, Shows, States, Tags, Unique, create, delete, describe, modify, run,
};
use crate::law::Law;
use crate::services::ec2::interfaces;
use crate::tags;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// Replicas follow from backups.
pub const REPLICA_NEEDS_BACKUPS: Law = Law {
    name: "only what is backed up has read replicas",
    operations: &["CreateDBInstanceReadReplica"],
    source: "Amazon RDS user guide, Working with DB instance read replicas: \"you must enable automatic backups on the source DB instance\"",
    fault: Fault::new(
        "InvalidDBInstanceState",
        "Automated backups are not enabled for this database instance. To enable automated backups, use ModifyDBInstance to set the backup retention period to a non-zero value.",
    ),
    check: None,
};

/// A member's engine is its cluster's.
pub const ENGINE_OF_CLUSTER: Law = Law {
    name: "a member has its cluster's engine",
    operations: &["CreateDBInstance"],
    source: "Amazon RDS API Reference, CreateDBInstance: Engine",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The engine name requested for your DB instance ({id}) doesn't match the engine name of your DB cluster ({engine}).",
    ),
    check: None,
};

/// What the cluster decides.
pub const SET_ON_CLUSTER: Law = Law {
    name: "what the cluster decides is not set on its members",
    operations: &["CreateDBInstance", "ModifyDBInstance"],
    source: "Amazon RDS API Reference, CreateDBInstance: \"This setting doesn't apply to Amazon Aurora DB instances\"",
    fault: Fault::new(
        "InvalidParameterCombination",
        "The requested DB Instance will be a member of a DB Cluster. Set {id} for the DB Cluster.",
    ),
    check: None,
};

/// What changes an instance waits until it is available.
pub const INSTANCE_AVAILABLE: Law = Law {
    name: "an instance is changed only when it is available",
    operations: &[
        "ModifyDBInstance",
        "RebootDBInstance",
        "CreateDBSnapshot",
        "AddRoleToDBInstance",
        "RemoveRoleFromDBInstance",
    ],
    source: "Amazon RDS API Reference, ModifyDBInstance: InvalidDBInstanceState",
    fault: Fault::new(
        "InvalidDBInstanceState",
        "Database instance is not in available state.",
    ),
    check: None,
};

/// Deletion protection.
pub const INSTANCE_PROTECTED: Law = Law {
    name: "a protected instance is not deleted",
    operations: &["DeleteDBInstance"],
    source: "Amazon RDS API Reference, CreateDBInstance: DeletionProtection",
    fault: Fault::new(
        "InvalidParameterCombination",
        "Cannot delete protected DB Instance, please disable deletion protection and try again.",
    ),
    check: None,
};

/// A last snapshot, or explicitly none.
pub const SNAPSHOT_DECIDED: Law = Law {
    name: "deleting an instance names a final snapshot or skips it",
    operations: &["DeleteDBInstance"],
    source: "Amazon RDS API Reference, DeleteDBInstance: SkipFinalSnapshot",
    fault: Fault::new(
        "InvalidParameterCombination",
        "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
    ),
    check: None,
};

/// The zone is one of the subnet group's.
pub const ZONE_COVERED: Law = Law {
    name: "the subnet group covers an instance's zone",
    operations: &["CreateDBInstance"],
    source: "Amazon RDS API Reference, CreateDBInstance: InvalidVPCNetworkStateFault",
    fault: Fault::new(
        "InvalidVPCNetworkStateFault",
        "The DB subnet group has no subnet in the Availability Zone {id}.",
    ),
    check: None,
};

/// Public instances need an internet gateway.
pub const PUBLIC_NEEDS_GATEWAY: Law = Law {
    name: "a publicly accessible instance needs an internet gateway in its VPC",
    operations: &["CreateDBInstance", "ModifyDBInstance"],
    source: "Amazon RDS API Reference, CreateDBInstance: PubliclyAccessible",
    fault: Fault::new(
        "InvalidVPCNetworkStateFault",
        "Cannot create a publicly accessible DBInstance. The specified VPC has no internet gateway attached. Update the VPC and then try again",
    ),
    check: None,
};

/// A database instance.
pub const INSTANCE: Kind = Kind {
    name: "rds/instance",
    id: Id::Member("DBInstanceIdentifier"),
    arn: "arn:{partition}:rds:{region}:{account}:db:{id}",
    arn_member: "DBInstanceArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    created_member: "InstanceCreateTime",
    defaults: Some(|call| {
        json!({
            "DBSecurityGroups": [], "PendingModifiedValues": {}, "ReadReplicaDBInstanceIdentifiers": [], "ReadReplicaDBClusterIdentifiers": [],
            "StatusInfos": [], "DomainMemberships": [], "AssociatedRoles": [], "MultiAZ": false, "AutoMinorVersionUpgrade": true, "DbInstancePort": 0,
            "CopyTagsToSnapshot": false, "MonitoringInterval": 0, "IAMDatabaseAuthenticationEnabled": false, "PerformanceInsightsEnabled": false,
            "DeletionProtection": false, "NetworkType": "IPV4", "BackupTarget": "region", "DatabaseInsightsMode": "standard",
            "CustomerOwnedIpEnabled": false, "ActivityStreamStatus": "stopped", "DedicatedLogVolume": false, "IsStorageConfigUpgradeAvailable": false,
            "EngineLifecycleSupport": "open-source-rds-extended-support", "CACertificateIdentifier": "rds-ca-rsa2048-g1",
            "CertificateDetails": {"CAIdentifier": "rds-ca-rsa2048-g1", "ValidTill": call.now + 365.0 * 86400.0}, "StorageThroughput": 0,
            "AdditionalStorageVolumes": [],
        })
    }),
    tags: Tags::Unseen("Tags"),
    tag_type: "db",
    states: Some(States {
        member: "DBInstanceStatus",
        creating: ("creating", 360.0),
        ready: "available",
        deleting: Some(("deleting", 240.0)),
        ..States::NEW
    }),
    refers: &[
        Reference::new("DBClusterIdentifier", "rds/cluster")
            .loose()
            .source("Amazon RDS API Reference, CreateDBInstance: DBClusterNotFoundFault"),
        Reference::new("DBSubnetGroupName", "rds/subnet-group").source(
            "Amazon RDS API Reference, DeleteDBSubnetGroup: InvalidDBSubnetGroupStateFault",
        ),
        Reference::new(
            "DBParameterGroups[].DBParameterGroupName",
            "rds/parameter-group",
        )
        .source("Amazon RDS API Reference, DeleteDBParameterGroup: InvalidDBParameterGroupState"),
        Reference::new(
            "OptionGroupMemberships[].OptionGroupName",
            "rds/option-group",
        )
        .source("Amazon RDS API Reference, DeleteOptionGroup: InvalidOptionGroupStateFault"),
        Reference::new(
            "VpcSecurityGroups[].VpcSecurityGroupId",
            "ec2/security-group",
        )
        .unchecked()
        .loose(),
    ],
    unique: &[Unique::new(
        &["DBInstanceIdentifier"],
        Fault::new("DBInstanceAlreadyExists", "DB instance already exists"),
    )],
    not_found: Fault::new("DBInstanceNotFound", "DBInstance {id} not found."),
    limit: Some((
        40,
        Fault::new(
            "InstanceQuotaExceeded",
            "The request would exceed the quota of {limit} DB instances.",
        ),
    )),
    show: Some(show),
    on_event: Some(on_event),
    operations: &[
        create("CreateDBInstance", Shows::In("DBInstance"))
            .rename(MEMBERS)
            .control(&[
                "MasterUserPassword",
                "ManageMasterUserPassword",
                "MasterUserSecretKmsKeyId",
                "TdeCredentialPassword",
                "DBSecurityGroups",
                "OptionGroupName",
                "Domain",
                "DomainIAMRoleName",
            ])
            .before(creation::before_create)
            .prepare(creation::prepare_create)
            .done(creation::furnish),
        create("CreateDBInstanceReadReplica", Shows::In("DBInstance"))
            .rename(MEMBERS)
            .control(&[
                "OptionGroupName",
                "Domain",
                "DomainIAMRoleName",
                "PreSignedUrl",
            ])
            .before(creation::before_create)
            .prepare(creation::prepare_create)
            .done(creation::furnish),
        run("PromoteReadReplica", replicas::promote),
        run("AddRoleToDBInstance", roles::add_to_instance),
        run("RemoveRoleFromDBInstance", roles::remove_from_instance),
        describe("DescribeDBInstances", "DBInstanceIdentifier", "DBInstances")
            .paging(PAGES)
            .filters(&[
                ("db-cluster-id", "DBClusterIdentifier"),
                ("db-instance-id", "DBInstanceIdentifier"),
                ("dbi-resource-id", "DbiResourceId"),
                ("engine", "Engine"),
                ("domain", "DomainMemberships[].Domain"),
            ]),
        modify(
            "ModifyDBInstance",
            "DBInstanceIdentifier",
            Shows::In("DBInstance"),
        )
        .rename(MEMBERS)
        .control(&[
            "MasterUserPassword",
            "ManageMasterUserPassword",
            "RotateMasterUserPassword",
            "MasterUserSecretKmsKeyId",
            "TdeCredentialPassword",
            "AllowMajorVersionUpgrade",
            "CertificateRotationRestart",
            "DBSecurityGroups",
            "DBParameterGroupName",
            "OptionGroupName",
            "Domain",
            "DomainIAMRoleName",
            "DisableDomain",
            "UseDefaultProcessorFeatures",
            "ResumeFullAutomationModeMinutes",
        ])
        .before(alteration::before_modify)
        .prepare(alteration::prepare_modify)
        .done(alteration::after_modify),
        delete(
            "DeleteDBInstance",
            "DBInstanceIdentifier",
            Shows::In("DBInstance"),
        )
        .prepare(before_delete)
        .done(after_delete),
        run("RebootDBInstance", reboot),
    ],
    ..Kind::NEW
};

pub(super) const MEMBERS: &[(&str, &str)] = &[
    (
        "EnableIAMDatabaseAuthentication",
        "IAMDatabaseAuthenticationEnabled",
    ),
    ("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
    ("EnableCustomerOwnedIp", "CustomerOwnedIpEnabled"),
];

/// The cluster's members that its instances show as their own.
pub(super) const INHERITED: &[(&str, &str)] = &[
    ("EngineVersion", "EngineVersion"),
    ("MasterUsername", "MasterUsername"),
    ("BackupRetentionPeriod", "BackupRetentionPeriod"),
    ("PreferredBackupWindow", "PreferredBackupWindow"),
    ("StorageEncrypted", "StorageEncrypted"),
    ("KmsKeyId", "KmsKeyId"),
    ("DatabaseName", "DBName"),
    ("Port", "Port"),
    ("DBSubnetGroup", "DBSubnetGroupName"),
    ("VpcSecurityGroups", "VpcSecurityGroups"),
    ("AllocatedStorage", "AllocatedStorage"),
    (
        "IAMDatabaseAuthenticationEnabled",
        "IAMDatabaseAuthenticationEnabled",
    ),
    ("NetworkType", "NetworkType"),
];

/// What members of a cluster may not be given, and AWS's words for it.
pub(super) const OF_CLUSTER: &[(&str, &str)] = &[
    ("MasterUsername", "master user name"),
    ("MasterUserPassword", "master user password"),
    ("ManageMasterUserPassword", "master user password"),
    ("DBName", "database name"),
    ("BackupRetentionPeriod", "backup retention period"),
    ("PreferredBackupWindow", "backup window"),
    ("VpcSecurityGroupIds", "vpc security group"),
];

fn show(call: &Call, instance: &Record, body: &mut Map<String, Json>) {
    roles::show(call, body);
    if let Some(cluster) = call.find("rds/cluster", instance.text("DBClusterIdentifier")) {
        for (from, to) in INHERITED {
            if let Some(value) = cluster.body.get(*from) {
                body.insert((*to).to_owned(), value.clone());
            }
        }
    }
    if let Some(group) = call.find("rds/subnet-group", instance.text("DBSubnetGroupName")) {
        let mut shown = call.show("rds/subnet-group", group);
        if let Some(members) = shown.as_object_mut() {
            for member in ["DBSubnetGroupArn", "SupportedNetworkTypes"] {
                members.remove(member);
            }
        }
        body.insert("DBSubnetGroup".into(), shown);
    }
    body.insert(
        "TagList".into(),
        tags::write(Tags::List("TagList"), &instance.tags),
    );
    if instance.hidden.contains_key("reached") {
        let port = body.get("Port").cloned().unwrap_or_default();
        let address = format!("{}.{}", instance.id, values::domain(call));
        body.insert(
            "Endpoint".into(),
            json!({"Address": address, "Port": port, "HostedZoneId": values::hosted_zone(call)}),
        );
        let backed = body
            .get("BackupRetentionPeriod")
            .and_then(Json::as_u64)
            .unwrap_or(0)
            > 0;
        if backed && !instance.body.contains_key("DBClusterIdentifier") {
            let latest = ((call.now / 300.0).floor() * 300.0).max(instance.created);
            body.insert("LatestRestorableTime".into(), json!(latest));
        }
    }
}

fn on_event(call: &mut Call, key: &Key, event: &str) {
    match event {
        "ready" => {
            call.world.update(key, |instance| {
                instance.hidden.insert("reached".into(), json!(true))
            });
        }
        "deleted" => {
            let interface = call
                .world
                .get(key)
                .and_then(|one| one.hidden.get("interface")?.as_str().map(str::to_owned));
            if let Some(interface) = interface {
                interfaces::close(call, &interface, 0.0);
            }
        }
        "maintenance" => {
            let Some(mut instance) = call.world.remove(key) else {
                return;
            };
            if let Some(Json::Object(pending)) = instance.body.remove("PendingModifiedValues") {
                instance.body.extend(pending);
            }
            instance.set("PendingModifiedValues", json!({}));
            alteration::settle(&mut instance);
            call.world.put(key.clone(), instance);
        }
        _ => {}
    }
}

/// Refuses when it is not available.
pub(super) fn available(instance: &Record) -> Result<(), Refusal> {
    if instance.is("DBInstanceStatus", "available") {
        Ok(())
    } else {
        Err(INSTANCE_AVAILABLE.fault.with(&[]))
    }
}

fn before_delete(call: &mut Call, instance: &mut Record) -> Result<(), Refusal> {
    if instance.is("DBInstanceStatus", "deleting") {
        let message = format!("Instance {} is already being deleted.", instance.id);
        return Err(Refusal::new("InvalidDBInstanceState", message));
    }
    let name = call.text("FinalDBSnapshotIdentifier").map(str::to_owned);
    if let Some(cluster) = call.find("rds/cluster", instance.text("DBClusterIdentifier")) {
        if !engine(instance.text("Engine")).is_ok_and(Engine::aurora) {
            let message = format!(
                "Deleting cluster instances isn't supported for DB engine {}.",
                instance.text("Engine")
            );
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let replica = cluster.body.contains_key("ReplicationSourceIdentifier");
        if replica && clusters::members(call, &cluster.id).len() < 2 {
            let message = "Cannot delete the last instance of the read replica DB cluster. Promote the DB cluster to a standalone DB cluster in order to delete it.";
            return Err(Refusal::new("InvalidDBClusterStateFault", message));
        }
        if name.is_some() {
            let message =
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance";
            return Err(Refusal::new("InvalidParameterCombination", message));
        }
        return Ok(());
    }
    if values::flag(&instance.body, "DeletionProtection") {
        return Err(INSTANCE_PROTECTED.fault.with(&[]));
    }
    match (values::flag(&call.input, "SkipFinalSnapshot"), name) {
        (true, Some(_)) => Err(Refusal::new(
            "InvalidParameterCombination",
            "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is specified.",
        )),
        (true, None) => Ok(()),
        (false, None) => Err(SNAPSHOT_DECIDED.fault.with(&[])),
        (false, Some(name)) => {
            available(instance)?;
            snapshots::of_instance(call, instance, &name, "manual").map(|_| ())
        }
    }
}

/// A writer that goes hands over to a reader, a source lets its replicas go.
fn after_delete(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    replicas::part(call, key);
    let name = call
        .world
        .get(key)
        .map(|one| one.text("DBClusterIdentifier").to_owned())
        .unwrap_or_default();
    let Some(cluster) = call.find("rds/cluster", &name).cloned() else {
        return Ok(());
    };
    if clusters::writer(&cluster) == key.id {
        let next = clusters::successor(call, &cluster);
        call.update("rds/cluster", &cluster.id, |cluster| match next {
            Some(next) => {
                cluster.hidden.insert("writer".into(), json!(next));
            }
            None => {
                cluster.hidden.remove("writer");
            }
        });
    }
    Ok(())
}

fn reboot(call: &mut Call) -> Answer {
    let instance = call
        .need(
            "rds/instance",
            call.text("DBInstanceIdentifier").unwrap_or_default(),
        )?
        .clone();
    available(&instance)?;
    let forced = values::flag(&call.input, "ForceFailover");
    if forced && !values::flag(&instance.body, "MultiAZ") {
        let message =
            "ForceFailover cannot be specified since the instance is not configured for MultiAZ";
        return Err(Refusal::new("InvalidParameterCombination", message));
    }
    let until = call.now + 30.0;
    call.update("rds/instance", &instance.id, |one| {
        if forced {
            let (first, second) = (
                one.text("AvailabilityZone").to_owned(),
                one.text("SecondaryAvailabilityZone").to_owned(),
            );
            one.set("AvailabilityZone", second);
            one.set("SecondaryAvailabilityZone", first);
        }
        for group in one.list_mut("DBParameterGroups") {
            group["ParameterApplyStatus"] = json!("in-sync");
        }
        values::passes(one, "DBInstanceStatus", "rebooting", until, "available");
    });
    let instance = call.need("rds/instance", &instance.id)?;
    Ok(json!({"DBInstance": call.show("rds/instance", instance)}))
}
