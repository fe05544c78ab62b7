//! `AWS::RDS::DBInstance`: a database server: alone, a member of a cluster, a replica, or restored.

use async_trait::async_trait;

use super::INSTANCES;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::RDS::DBInstance`.
pub struct DbInstance;

static FROM_SNAPSHOT: Create = Create {
    settles: true,
    ..Create::of("RestoreDBInstanceFromDBSnapshot", "DBInstance")
};
static TO_POINT_IN_TIME: Create = Create {
    settles: true,
    ..Create::of("RestoreDBInstanceToPointInTime", "DBInstance")
};
static REPLICA: Create = Create {
    settles: true,
    ..Create::of("CreateDBInstanceReadReplica", "DBInstance")
};

static DEFINITION: Definition = Definition {
    create: Create {
        instead: Some(instead),
        settles: true,
        ..Create::of("CreateDBInstance", "DBInstance")
    },
    reads: &[Read::of(&INSTANCES)],
    updates: &[
        Change {
            takes: &["SourceDBInstanceIdentifier"],
            mode: Mode::Step(promote),
            ..Change::of("PromoteReadReplica", &["DBInstanceIdentifier"])
        },
        Change {
            fixed: &[("ApplyImmediately", Fixed::Flag(true))],
            made: &[
                ("EnableCloudwatchLogsExports", super::log_exports),
                ("ProcessorFeatures", processor_features),
            ],
            along: &[
                ("ApplyImmediately", &[]),
                ("AllowMajorVersionUpgrade", &["EngineVersion"]),
                ("CertificateRotationRestart", &["CACertificateIdentifier"]),
                ("UseDefaultProcessorFeatures", &["ProcessorFeatures"]),
            ],
            together: &[
                &["MonitoringInterval", "MonitoringRoleArn"],
                &[
                    "EnablePerformanceInsights",
                    "PerformanceInsightsKMSKeyId",
                    "PerformanceInsightsRetentionPeriod",
                    "DatabaseInsightsMode",
                ],
                &[
                    "AllocatedStorage",
                    "Iops",
                    "StorageThroughput",
                    "StorageType",
                ],
                &[
                    "Domain",
                    "DomainAuthSecretArn",
                    "DomainDnsIps",
                    "DomainFqdn",
                    "DomainIAMRoleName",
                    "DomainOu",
                ],
                &["ManageMasterUserPassword", "MasterUserSecret"],
                &["TdeCredentialArn", "TdeCredentialPassword"],
                // Other engine versions have other parameters and options.
                &["EngineVersion", "DBParameterGroupName", "OptionGroupName"],
            ],
            ..Change::of("ModifyDBInstance", &["DBInstanceIdentifier"])
        },
        Change {
            takes: &["AssociatedRoles"],
            mode: Mode::Step(roles),
            ..Change::of("AddRoleToDBInstance", &["DBInstanceIdentifier"])
        },
        // Sent with the deletion.
        Change::elsewhere(&["DeleteAutomatedBackups"]),
    ],
    delete: Delete {
        // It is being created or changed; the cluster of its last member changes.
        busy: &[
            "InvalidDBInstanceState",
            "InvalidDBInstanceStateFault",
            "InvalidDBClusterStateFault",
        ],
        ..Delete::of(
            "DeleteDBInstance",
            &["DBInstanceIdentifier"],
            &["DBInstanceNotFound", "DBInstanceNotFoundFault"],
        )
    },
    decided_elsewhere,
    find: Find::Key(&["DBInstanceIdentifier"]),
    rules: &[
        Rule::Sent("DBInstanceIdentifier", "TargetDBInstanceIdentifier"),
        Rule::Told(
            "DBParameterGroupName",
            "DBParameterGroups.0.DBParameterGroupName",
        ),
        Rule::Told("DBSecurityGroups", "DBSecurityGroups.*.DBSecurityGroupName"),
        Rule::Told("DBSubnetGroupName", "DBSubnetGroup.DBSubnetGroupName"),
        Rule::Told("Domain", "DomainMemberships.0.Domain"),
        Rule::Told("DomainAuthSecretArn", "DomainMemberships.0.AuthSecretArn"),
        Rule::Told("DomainDnsIps", "DomainMemberships.0.DnsIps"),
        Rule::Told("DomainFqdn", "DomainMemberships.0.FQDN"),
        Rule::Told("DomainIAMRoleName", "DomainMemberships.0.IAMRoleName"),
        Rule::Told("DomainOu", "DomainMemberships.0.OU"),
        Rule::Told(
            "EnableCloudwatchLogsExports",
            "EnabledCloudwatchLogsExports",
        ),
        Rule::Told(
            "EnableIAMDatabaseAuthentication",
            "IAMDatabaseAuthenticationEnabled",
        ),
        Rule::Told("EnablePerformanceInsights", "PerformanceInsightsEnabled"),
        Rule::Computed("ManageMasterUserPassword", |instance| {
            Some(
                look(instance, "MasterUserSecret.SecretArn")
                    .is_some()
                    .into(),
            )
        }),
        Rule::Sent("MasterUserSecret.KmsKeyId", "/MasterUserSecretKmsKeyId"),
        Rule::Told(
            "OptionGroupName",
            "OptionGroupMemberships.0.OptionGroupName",
        ),
        Rule::Sent("Port", "DBPortNumber"),
        Rule::Computed("Port", port),
        Rule::Told(
            "SourceDBClusterIdentifier",
            "ReadReplicaSourceDBClusterIdentifier",
        ),
        Rule::Told("Tags", "TagList"),
        Rule::Sent("VPCSecurityGroups", "VpcSecurityGroupIds"),
        Rule::Told(
            "VPCSecurityGroups",
            "VpcSecurityGroups.*.VpcSecurityGroupId",
        ),
    ],
    tags: Tags::Member,
    // "Must contain from 1 to 63 letters, numbers, or hyphens"; stored in lower case (API_CreateDBInstance).
    name: Some(Name::lower("DBInstanceIdentifier", 63)),
    status,
    propagation: &[
        ("KMSKeyNotAccessibleFault", ""),
        // "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING"
        ("InvalidParameterValue", "role"),
        // A call comes while the one before is carried out.
        ("InvalidDBInstanceState", ""),
        ("InvalidDBInstanceStateFault", ""),
        ("InvalidDBClusterStateFault", ""),
    ],
    needs: &[
        Need {
            property: "SourceDBInstanceIdentifier",
            reason: "a replica is made of an instance in the state available only: InvalidDBInstanceState (API_CreateDBInstanceReadReplica)",
        },
        Need {
            property: "SourceDBClusterIdentifier",
            reason: "a replica is made of a cluster in the state available only: InvalidDBClusterStateFault (API_CreateDBInstanceReadReplica)",
        },
    ],
    unique: &[&["DBInstanceIdentifier"]],
    snapshot_by_default: true,
    unsupported: &[
        (
            "SourceRegion",
            "a copy from another region is asked for with a request that is signed for that region's endpoint (PreSignedUrl); calls go \
             to the stack's own region only. Copy the snapshot into the region and restore from it",
        ),
        (
            "AutomaticBackupReplicationRegion",
            "the copies are started, read and stopped by calls in the other region (StartDBInstanceAutomatedBackupsReplication); calls \
             go to the stack's own region only",
        ),
        (
            "AutomaticBackupReplicationKmsKeyId",
            "it belongs to AutomaticBackupReplicationRegion, which is refused",
        ),
        (
            "AutomaticBackupReplicationRetentionPeriod",
            "it belongs to AutomaticBackupReplicationRegion, which is refused",
        ),
    ],
    not_told: &[(
        "DBClusterSnapshotIdentifier",
        "DescribeDBInstances does not tell what an instance was restored from",
    )],
    create_only: &[
        (
            "AvailabilityZone",
            "ModifyDBInstance has no such member: an instance keeps its zone",
        ),
        (
            "DBClusterSnapshotIdentifier",
            "an instance is restored when it is made",
        ),
        (
            "DBSnapshotIdentifier",
            "an instance is restored when it is made",
        ),
        ("RestoreTime", "an instance is restored when it is made"),
        (
            "UseLatestRestorableTime",
            "an instance is restored when it is made",
        ),
        (
            "SourceDBInstanceAutomatedBackupsArn",
            "an instance is restored when it is made",
        ),
        (
            "SourceDbiResourceId",
            "an instance is restored when it is made",
        ),
        (
            "SourceDBClusterIdentifier",
            "an instance becomes a cluster's replica when it is made",
        ),
    ],
    // "removes … promotes": AWS::RDS::DBInstance, SourceDBInstanceIdentifier. CreateDBInstanceReadReplica alone makes one.
    only_withdrawn: &["SourceDBInstanceIdentifier"],
    resets: &[
        ("AssociatedRoles", "[]"),
        ("CopyTagsToSnapshot", "false"),
        ("DeletionProtection", "false"),
        ("EnableIAMDatabaseAuthentication", "false"),
        ("EnablePerformanceInsights", "false"),
        ("ManageMasterUserPassword", "false"),
        ("MonitoringInterval", "0"),
        ("MultiAZ", "false"),
    ],
    patience: std::time::Duration::from_secs(60 * 60),
    ..Definition::new("AWS::RDS::DBInstance", "rds")
};

fn has(properties: &Map<String, Json>, name: &str) -> bool {
    properties
        .get(name)
        .is_some_and(|value| !value.is_null() && *value != json!("") && *value != json!(false))
}

/// As CloudFormation chooses: a point in time, a replica, a snapshot.
fn instead(properties: &Map<String, Json>) -> Option<&'static Create> {
    let any = |names: &[&str]| names.iter().any(|name| has(properties, name));
    if any(&[
        "RestoreTime",
        "UseLatestRestorableTime",
        "SourceDBInstanceAutomatedBackupsArn",
        "SourceDbiResourceId",
    ]) {
        Some(&TO_POINT_IN_TIME)
    } else if any(&["SourceDBInstanceIdentifier", "SourceDBClusterIdentifier"]) {
        Some(&REPLICA)
    } else if any(&["DBSnapshotIdentifier", "DBClusterSnapshotIdentifier"]) {
        Some(&FROM_SNAPSHOT)
    } else {
        None
    }
}

/// What the cluster decides for its members ("Not applicable. … managed by the DB cluster": API_CreateDBInstance, per member), and
/// what a source decides ("inherited": AWS::RDS::DBInstance, per property).
fn decided_elsewhere(properties: &Map<String, Json>) -> &'static [&'static str] {
    if has(properties, "DBClusterIdentifier") {
        return &[
            "AllocatedStorage",
            "BackupRetentionPeriod",
            "CharacterSetName",
            "CopyTagsToSnapshot",
            "DBName",
            "DeleteAutomatedBackups",
            "DeletionProtection",
            "Domain",
            "DomainIAMRoleName",
            "EnableCloudwatchLogsExports",
            "EnableIAMDatabaseAuthentication",
            "KmsKeyId",
            "ManageMasterUserPassword",
            "MasterUserPassword",
            "MasterUserSecret",
            "MasterUsername",
            "MaxAllocatedStorage",
            "NetworkType",
            "OptionGroupName",
            "Port",
            "PreferredBackupWindow",
            "StorageEncrypted",
            "StorageType",
            "VPCSecurityGroups",
        ];
    }
    match instead(properties).map(|create| create.operation) {
        Some("CreateDBInstanceReadReplica") => &[
            "CharacterSetName",
            "DBName",
            "Engine",
            "LicenseModel",
            "MasterUserPassword",
            "MasterUsername",
            "NcharCharacterSetName",
            "StorageEncrypted",
            "Timezone",
        ],
        Some(_) => {
            let engine = properties.get("Engine").and_then(Json::as_str);
            let named = engine.is_some_and(|engine| {
                engine.starts_with("oracle") || engine.starts_with("sqlserver")
            });
            if named {
                &[
                    "CharacterSetName",
                    "KmsKeyId",
                    "MasterUsername",
                    "NcharCharacterSetName",
                    "StorageEncrypted",
                    "Timezone",
                ]
            } else {
                &[
                    "CharacterSetName",
                    "DBName",
                    "KmsKeyId",
                    "MasterUsername",
                    "NcharCharacterSetName",
                    "StorageEncrypted",
                    "Timezone",
                ]
            }
        }
        None => &[],
    }
}

/// RDS user guide, "Viewing Amazon RDS DB instance status". What is stopped or full stands as it is.
fn status(description: &Json) -> Status {
    match described(description, "DBInstanceStatus") {
        Some("available" | "stopped" | "storage-optimization" | "storage-full") | None => {
            Status::Ready
        }
        Some(
            state @ ("failed"
            | "inaccessible-encryption-credentials"
            | "inaccessible-encryption-credentials-recoverable"
            | "incompatible-create"
            | "incompatible-network"
            | "incompatible-option-group"
            | "incompatible-parameters"
            | "incompatible-restore"
            | "insufficient-capacity"
            | "restore-error"),
        ) => Status::Failed(format!("the database instance is in the state {state}")),
        Some(_) => Status::Pending,
    }
}

/// DbInstancePort is 0 for members of clusters, and until there is an endpoint.
fn port(instance: &Json) -> Option<Json> {
    look(instance, "Endpoint.Port")
        .or_else(|| look(instance, "DbInstancePort").filter(|port| *port != json!(0)))
}

/// Features that are declared no more go back to those of the class.
fn processor_features(update: &Update<'_>) -> Json {
    let features = update.desired.get("ProcessorFeatures");
    match features.and_then(Value::expose_json) {
        Some(features) if features != json!([]) => json!({"ProcessorFeatures": features}),
        _ => json!({"UseDefaultProcessorFeatures": true}),
    }
}

fn roles<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(super::change_roles(
        context,
        &DEFINITION,
        ("DBInstanceIdentifier", id),
        update,
        ("AddRoleToDBInstance", "RemoveRoleFromDBInstance"),
    ))
}

/// A replica that shall have no source any more is promoted; it cannot get another.
fn promote<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = update.desired.get("SourceDBInstanceIdentifier");
        if wanted
            .and_then(Value::as_str)
            .is_some_and(|source| !source.is_empty())
        {
            return Err(Error::Unsupported {
                type_name: DEFINITION.type_name.to_owned(),
                property: "SourceDBInstanceIdentifier".into(),
                reason: "an instance becomes a replica only when it is made".to_owned(),
            });
        }
        let instances = generic::items_of(context, &INSTANCES, id.as_str()).await?;
        let is_replica = instances
            .first()
            .and_then(|instance| described(instance, "ReadReplicaSourceDBInstanceIdentifier"))
            .is_some_and(|source| !source.is_empty());
        if !is_replica {
            return Ok(());
        }
        let mut input = Map::from_iter([("DBInstanceIdentifier".to_owned(), json!(id.as_str()))]);
        for name in ["BackupRetentionPeriod", "PreferredBackupWindow"] {
            if let Some(value) = update.desired.get(name).and_then(Value::expose_json) {
                input.insert(name.to_owned(), value);
            }
        }
        generic::write(&DEFINITION, context, "PromoteReadReplica", input).await?;
        Ok(())
    })
}

#[async_trait]
impl Resource for DbInstance {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let instances = generic::items_of(context, &INSTANCES, id.as_str()).await?;
        let Some(instance) = instances.first() else {
            return Ok(());
        };
        // A second deletion is refused.
        if state_is(instance, "DBInstanceStatus", &["deleting"]) {
            return Ok(());
        }
        let filled = |name: &str| described(instance, name).is_some_and(|text| !text.is_empty());
        let mut input = Map::from_iter([("DBInstanceIdentifier".to_owned(), json!(id.as_str()))]);
        // Members of clusters and replicas have no final snapshots (API_DeleteDBInstance, FinalDBSnapshotIdentifier).
        let dependent = filled("DBClusterIdentifier")
            || filled("ReadReplicaSourceDBInstanceIdentifier")
            || filled("ReadReplicaSourceDBClusterIdentifier");
        match deletion.final_snapshot.as_ref().filter(|_| !dependent) {
            Some(name) => {
                input.insert("SkipFinalSnapshot".to_owned(), false.into());
                input.insert("FinalDBSnapshotIdentifier".to_owned(), json!(name));
            }
            None => {
                input.insert("SkipFinalSnapshot".to_owned(), true.into());
            }
        }
        let backups = super::flag(deletion.last_applied.as_ref(), "DeleteAutomatedBackups");
        if let Some(flag) = backups.filter(|_| !filled("DBClusterIdentifier")) {
            input.insert("DeleteAutomatedBackups".to_owned(), flag.into());
        }
        generic::delete_with(&DEFINITION, context, "DeleteDBInstance", input).await
    }
}
