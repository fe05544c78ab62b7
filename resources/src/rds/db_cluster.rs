//! `AWS::RDS::DBCluster`: an Aurora or Multi-AZ cluster, new, restored from a snapshot or as of a point in time.

use async_trait::async_trait;

use super::CLUSTERS;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::RDS::DBCluster`.
pub struct DbCluster;

static FROM_SNAPSHOT: Create = Create {
    settles: true,
    ..Create::of("RestoreDBClusterFromSnapshot", "DBCluster")
};
static TO_POINT_IN_TIME: Create = Create {
    settles: true,
    ..Create::of("RestoreDBClusterToPointInTime", "DBCluster")
};

static DEFINITION: Definition = Definition {
    create: Create {
        instead: Some(restore),
        settles: true,
        ..Create::of("CreateDBCluster", "DBCluster")
    },
    reads: &[Read::of(&CLUSTERS)],
    updates: &[
        Change {
            fixed: &[("ApplyImmediately", Fixed::Flag(true))],
            made: &[
                ("EnableCloudwatchLogsExports", super::log_exports),
                ("EngineVersion", engine_version),
            ],
            along: &[
                // Only for upgrades to another major version (API_ModifyDBCluster).
                ("DBInstanceParameterGroupName", &["EngineVersion"]),
            ],
            together: &[
                &["MonitoringInterval", "MonitoringRoleArn"],
                &[
                    "PerformanceInsightsEnabled",
                    "PerformanceInsightsKmsKeyId",
                    "PerformanceInsightsRetentionPeriod",
                    "DatabaseInsightsMode",
                ],
                &["AllocatedStorage", "Iops", "StorageType"],
                &["Domain", "DomainIAMRoleName"],
                &["ManageMasterUserPassword", "MasterUserSecret"],
            ],
            takes: &[
                "AllocatedStorage",
                "AutoMinorVersionUpgrade",
                "BacktrackWindow",
                "BackupRetentionPeriod",
                "CopyTagsToSnapshot",
                "DBClusterInstanceClass",
                "DBClusterParameterGroupName",
                "DBInstanceParameterGroupName",
                "DatabaseInsightsMode",
                "DeletionProtection",
                "Domain",
                "DomainIAMRoleName",
                "EnableGlobalWriteForwarding",
                "EnableIAMDatabaseAuthentication",
                "EnableLocalWriteForwarding",
                "EngineLifecycleSupport",
                "Iops",
                "ManageMasterUserPassword",
                "MasterUserAuthenticationType",
                "MasterUserPassword",
                "MasterUserSecret",
                "MonitoringInterval",
                "MonitoringRoleArn",
                "NetworkType",
                "PerformanceInsightsEnabled",
                "PerformanceInsightsKmsKeyId",
                "PerformanceInsightsRetentionPeriod",
                "Port",
                "PreferredBackupWindow",
                "PreferredMaintenanceWindow",
                "ScalingConfiguration",
                "ServerlessV2ScalingConfiguration",
                "StorageType",
                "VpcSecurityGroupIds",
            ],
            ..Change::of("ModifyDBCluster", &["DBClusterIdentifier"])
        },
        Change {
            takes: &["AssociatedRoles"],
            mode: Mode::Step(roles),
            ..Change::of("AddRoleToDBCluster", &["DBClusterIdentifier"])
        },
        Change {
            takes: &["EnableHttpEndpoint"],
            mode: Mode::Step(http_endpoint),
            ..Change::of("EnableHttpEndpoint", &["ResourceArn"])
        },
        Change {
            takes: &["ReplicationSourceIdentifier"],
            mode: Mode::Step(promote),
            ..Change::of("PromoteReadReplicaDBCluster", &["DBClusterIdentifier"])
        },
        Change {
            takes: &["GlobalClusterIdentifier"],
            mode: Mode::Step(leave_global),
            ..Change::of("RemoveFromGlobalCluster", &["DbClusterIdentifier"])
        },
        // Sent with the deletion.
        Change::elsewhere(&["DeleteAutomatedBackups"]),
    ],
    delete: Delete {
        // Members that are being deleted; the cluster changes.
        busy: &["InvalidDBClusterStateFault"],
        ..Delete::of(
            "DeleteDBCluster",
            &["DBClusterIdentifier"],
            &["DBClusterNotFoundFault"],
        )
    },
    decided_elsewhere,
    find: Find::Key(&["DBClusterIdentifier"]),
    rules: &[
        Rule::Told("DBClusterParameterGroupName", "DBClusterParameterGroup"),
        Rule::Told("DBSubnetGroupName", "DBSubnetGroup"),
        Rule::Told("Domain", "DomainMemberships.0.Domain"),
        Rule::Told("DomainIAMRoleName", "DomainMemberships.0.IAMRoleName"),
        Rule::Told(
            "EnableCloudwatchLogsExports",
            "EnabledCloudwatchLogsExports",
        ),
        Rule::Told(
            "EnableGlobalWriteForwarding",
            "GlobalWriteForwardingRequested",
        ),
        Rule::Told("EnableHttpEndpoint", "HttpEndpointEnabled"),
        Rule::Computed("StorageType", storage_type),
        Rule::Told(
            "EnableIAMDatabaseAuthentication",
            "IAMDatabaseAuthenticationEnabled",
        ),
        Rule::Computed("EnableLocalWriteForwarding", local_write_forwarding),
        Rule::Computed("Endpoint", |cluster| {
            Some(json!({"Address": look(cluster, "Endpoint")?, "Port": look(cluster, "Port")}))
        }),
        Rule::Computed("ReadEndpoint", |cluster| {
            Some(json!({"Address": look(cluster, "ReaderEndpoint")?}))
        }),
        Rule::Computed("ManageMasterUserPassword", |cluster| {
            Some(look(cluster, "MasterUserSecret.SecretArn").is_some().into())
        }),
        Rule::Sent("MasterUserSecret.KmsKeyId", "/MasterUserSecretKmsKeyId"),
        Rule::Sent("PerformanceInsightsEnabled", "EnablePerformanceInsights"),
        Rule::Told("ScalingConfiguration", "ScalingConfigurationInfo"),
        Rule::Told("Tags", "TagList"),
        Rule::Told(
            "VpcSecurityGroupIds",
            "VpcSecurityGroups.*.VpcSecurityGroupId",
        ),
    ],
    tags: Tags::Member,
    // "Must contain from 1 to 63 letters, numbers, or hyphens"; stored in lower case (API_CreateDBCluster).
    name: Some(Name::lower("DBClusterIdentifier", 63)),
    status,
    // The key's policy and a new role are not known everywhere at once.
    propagation: &[
        ("KMSKeyNotAccessibleFault", ""),
        ("InvalidParameterValue", "role"),
        // A call comes while the one before is carried out.
        ("InvalidDBClusterStateFault", ""),
        ("InvalidResourceStateFault", ""),
    ],
    needs: &[
        Need {
            property: "ReplicationSourceIdentifier",
            reason: "the source replicates when it is available only: InvalidDBClusterStateFault (API_CreateDBCluster)",
        },
        Need {
            property: "SourceDBClusterIdentifier",
            reason: "a clone is made of a cluster in the state available only: InvalidDBClusterStateFault (API_RestoreDBClusterToPointInTime)",
        },
    ],
    unique: &[&["DBClusterIdentifier"]],
    snapshot_by_default: true,
    unsupported: &[(
        "SourceRegion",
        "a copy from another region is asked for with a request that is signed for that region's endpoint (PreSignedUrl); calls go to \
         the stack's own region only. Copy the snapshot into the region and restore from it",
    )],
    create_only: &[
        (
            "Engine",
            "ModifyDBCluster has no such member: a cluster keeps its engine",
        ),
        (
            "MasterUsername",
            "ModifyDBCluster has no such member: a cluster keeps its first user's name",
        ),
    ],
    // Without it the cluster is promoted (AWS::RDS::DBCluster, ReplicationSourceIdentifier).
    only_withdrawn: &["ReplicationSourceIdentifier"],
    resets: &[
        ("AssociatedRoles", "[]"),
        ("CopyTagsToSnapshot", "false"),
        ("DeletionProtection", "false"),
        ("EnableIAMDatabaseAuthentication", "false"),
        ("EnableGlobalWriteForwarding", "false"),
        ("EnableLocalWriteForwarding", "false"),
        ("ManageMasterUserPassword", "false"),
        ("MonitoringInterval", "0"),
        ("PerformanceInsightsEnabled", "false"),
        ("BacktrackWindow", "0"),
    ],
    patience: std::time::Duration::from_secs(60 * 60),
    ..Definition::new("AWS::RDS::DBCluster", "rds")
};

/// As CloudFormation chooses: a snapshot before a point in time.
fn restore(properties: &Map<String, Json>) -> Option<&'static Create> {
    if properties.contains_key("SnapshotIdentifier") {
        return Some(&FROM_SNAPSHOT);
    }
    let source = [
        "SourceDBClusterIdentifier",
        "SourceDbClusterResourceId",
        "RestoreToTime",
        "RestoreType",
        "UseLatestRestorableTime",
    ];
    source
        .iter()
        .any(|name| properties.contains_key(*name))
        .then_some(&TO_POINT_IN_TIME)
}

/// The source has these: "don't specify this property … the value is inherited" (AWS::RDS::DBCluster, per property).
fn decided_elsewhere(properties: &Map<String, Json>) -> &'static [&'static str] {
    match restore(properties).map(|create| create.operation) {
        Some("RestoreDBClusterFromSnapshot") => &["MasterUsername", "StorageEncrypted"],
        Some(_) => &[
            "MasterUsername",
            "StorageEncrypted",
            "Engine",
            "DatabaseName",
            "AvailabilityZones",
        ],
        None if properties.contains_key("GlobalClusterIdentifier")
            && !properties.contains_key("MasterUserPassword") =>
        {
            &["MasterUsername", "DatabaseName"]
        }
        None => &[],
    }
}

/// Aurora user guide, "Viewing Aurora DB cluster status". What is stopped stands as it is.
fn status(description: &Json) -> Status {
    match described(description, "Status") {
        Some("available" | "stopped") | None => Status::Ready,
        Some(
            state @ ("failed"
            | "migration-failed"
            | "cloning-failed"
            | "inaccessible-encryption-credentials"
            | "inaccessible-encryption-credentials-recoverable"
            | "incompatible-network"
            | "incompatible-parameters"
            | "incompatible-restore"),
        ) => Status::Failed(format!("the database cluster is in the state {state}")),
        Some(_) => Status::Pending,
    }
}

/// enabled | disabled | enabling | disabling | requested (API_DBCluster).
fn local_write_forwarding(cluster: &Json) -> Option<Json> {
    let state = described(cluster, "LocalWriteForwardingStatus")?;
    Some(matches!(state, "enabled" | "enabling" | "requested").into())
}

/// An upgrade to another major version must be allowed by name; CloudFormation always does.
fn engine_version(update: &Update<'_>) -> Json {
    match update.desired.get("EngineVersion").and_then(Value::as_str) {
        Some(version) => json!({"EngineVersion": version, "AllowMajorVersionUpgrade": true}),
        None => json!({}),
    }
}

fn roles<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(super::change_roles(
        context,
        &DEFINITION,
        ("DBClusterIdentifier", id),
        update,
        ("AddRoleToDBCluster", "RemoveRoleFromDBCluster"),
    ))
}

/// "The storage type isn't returned when you set it to aurora" (API_CreateDBCluster, StorageType).
fn storage_type(cluster: &Json) -> Option<Json> {
    let aurora = described(cluster, "Engine")?.starts_with("aurora");
    look(cluster, "StorageType").or_else(|| aurora.then(|| "aurora".into()))
}

/// Serverless v1 clusters switch their Data API with ModifyDBCluster, all others with a call of its own (API_ModifyDBCluster,
/// EnableHttpEndpoint).
fn http_endpoint<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = super::flag(Some(update.desired), "EnableHttpEndpoint").unwrap_or(false);
        let clusters = generic::items_of(context, &CLUSTERS, id.as_str()).await?;
        let Some(cluster) = clusters.first() else {
            return Ok(());
        };
        let (operation, input) = if state_is(cluster, "EngineMode", &["serverless"]) {
            let input = Map::from_iter([
                ("DBClusterIdentifier".to_owned(), json!(id.as_str())),
                ("EnableHttpEndpoint".to_owned(), wanted.into()),
                ("ApplyImmediately".to_owned(), true.into()),
            ]);
            ("ModifyDBCluster", input)
        } else {
            let operation = if wanted {
                "EnableHttpEndpoint"
            } else {
                "DisableHttpEndpoint"
            };
            let arn = look(cluster, "DBClusterArn").unwrap_or_default();
            (operation, Map::from_iter([("ResourceArn".to_owned(), arn)]))
        };
        // The cluster is still being modified by what was sent before it.
        generic::write(&DEFINITION, context, operation, input).await?;
        Ok(())
    })
}

/// A replica that shall have no source any more is promoted; it cannot get another.
fn promote<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = update.desired.get("ReplicationSourceIdentifier");
        if wanted
            .and_then(Value::as_str)
            .is_some_and(|source| !source.is_empty())
        {
            return Err(refused(
                "ReplicationSourceIdentifier",
                "a cluster becomes a replica only when it is made",
            ));
        }
        let input = Map::from_iter([("DBClusterIdentifier".to_owned(), json!(id.as_str()))]);
        generic::write(&DEFINITION, context, "PromoteReadReplicaDBCluster", input).await?;
        Ok(())
    })
}

/// "To remove the DB cluster from a global database cluster, specify an empty value" (AWS::RDS::DBCluster).
fn leave_global<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = update.desired.get("GlobalClusterIdentifier");
        if wanted
            .and_then(Value::as_str)
            .is_some_and(|name| !name.is_empty())
        {
            return Err(refused(
                "GlobalClusterIdentifier",
                "a cluster joins a global one only when it is made",
            ));
        }
        let clusters = generic::items_of(context, &CLUSTERS, id.as_str()).await?;
        let Some(cluster) = clusters.first() else {
            return Ok(());
        };
        leave(context, cluster, update.live.get("GlobalClusterIdentifier")).await
    })
}

/// Takes a cluster out of the global one that it tells, or that it is known to be of.
async fn leave(context: &Context, cluster: &Json, known: Option<&Value>) -> Result<()> {
    let global = look(cluster, "GlobalClusterIdentifier").or_else(|| known?.expose_json());
    if let Some(global) = global {
        let input = json!({"GlobalClusterIdentifier": global, "DbClusterIdentifier": look(cluster, "DBClusterArn")});
        context
            .write("rds", "RemoveFromGlobalCluster", input)
            .await?;
    }
    Ok(())
}

fn refused(property: &str, reason: &str) -> Error {
    Error::Unsupported {
        type_name: DEFINITION.type_name.to_owned(),
        property: property.into(),
        reason: reason.to_owned(),
    }
}

#[async_trait]
impl Resource for DbCluster {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let mut input = Map::from_iter([("DBClusterIdentifier".to_owned(), json!(id.as_str()))]);
        match &deletion.final_snapshot {
            Some(name) => {
                input.insert("SkipFinalSnapshot".to_owned(), false.into());
                input.insert("FinalDBSnapshotIdentifier".to_owned(), json!(name));
            }
            None => {
                input.insert("SkipFinalSnapshot".to_owned(), true.into());
            }
        }
        if let Some(flag) = super::flag(deletion.last_applied.as_ref(), "DeleteAutomatedBackups") {
            input.insert("DeleteAutomatedBackups".to_owned(), flag.into());
        }
        // A second deletion of what is being deleted is refused with the state that members give too: look first.
        let clusters = generic::items_of(context, &CLUSTERS, id.as_str()).await?;
        match clusters.first() {
            None => return Ok(()),
            Some(cluster) if state_is(cluster, "Status", &["deleting"]) => return Ok(()),
            // A member is refused (Aurora user guide, "Deleting an Amazon Aurora global database").
            Some(cluster) => leave(context, cluster, None).await?,
        }
        generic::delete_with(&DEFINITION, context, "DeleteDBCluster", input).await
    }
}
