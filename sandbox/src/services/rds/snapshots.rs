//! Snapshots of clusters and of instances.

use super::{PAGES, clusters, instances, values};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, States, Tags, Unique, delete, describe, run};
use crate::tags;
use crate::world::Record;
use serde_json::{Value as Json, json};

const STATES: States = States {
    member: "Status",
    creating: ("creating", 60.0),
    ready: "available",
    ..States::NEW
};

/// A snapshot of a cluster.
pub const CLUSTER_SNAPSHOT: Kind = Kind {
    name: "rds/cluster-snapshot",
    id: Id::Member("DBClusterSnapshotIdentifier"),
    arn: "arn:{partition}:rds:{region}:{account}:cluster-snapshot:{id}",
    arn_member: "DBClusterSnapshotArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    created_member: "SnapshotCreateTime",
    tags: Tags::Unseen("Tags"),
    states: Some(STATES),
    unique: &[Unique::new(
        &["DBClusterSnapshotIdentifier"],
        Fault::new(
            "DBClusterSnapshotAlreadyExistsFault",
            "Cannot create the cluster snapshot because a cluster snapshot with the identifier {id} already exists.",
        ),
    )],
    not_found: Fault::new(
        "DBClusterSnapshotNotFoundFault",
        "DBClusterSnapshot not found: {id}",
    ),
    show: Some(|_, record, body| {
        body.insert(
            "TagList".into(),
            tags::write(Tags::List("TagList"), &record.tags),
        );
        body.insert(
            "PercentProgress".into(),
            json!(if record.is("Status", "available") {
                100
            } else {
                0
            }),
        );
    }),
    operations: &[
        run("CreateDBClusterSnapshot", create_of_cluster),
        describe(
            "DescribeDBClusterSnapshots",
            "DBClusterSnapshotIdentifier",
            "DBClusterSnapshots",
        )
        .select(&[
            ("DBClusterIdentifier", "DBClusterIdentifier"),
            ("SnapshotType", "SnapshotType"),
            ("DbClusterResourceId", "DbClusterResourceId"),
        ])
        .paging(PAGES)
        .filters(&[
            ("db-cluster-id", "DBClusterIdentifier"),
            ("db-cluster-snapshot-id", "DBClusterSnapshotIdentifier"),
            ("snapshot-type", "SnapshotType"),
            ("engine", "Engine"),
        ]),
        delete(
            "DeleteDBClusterSnapshot",
            "DBClusterSnapshotIdentifier",
            Shows::In("DBClusterSnapshot"),
        )
        .prepare(ready),
    ],
    ..Kind::NEW
};

/// A snapshot of an instance.
pub const SNAPSHOT: Kind = Kind {
    name: "rds/snapshot",
    id: Id::Member("DBSnapshotIdentifier"),
    arn: "arn:{partition}:rds:{region}:{account}:snapshot:{id}",
    arn_member: "DBSnapshotArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    created_member: "SnapshotCreateTime",
    tags: Tags::Unseen("Tags"),
    states: Some(STATES),
    unique: &[Unique::new(
        &["DBSnapshotIdentifier"],
        Fault::new(
            "DBSnapshotAlreadyExists",
            "Cannot create the snapshot because a snapshot with the identifier {id} already exists.",
        ),
    )],
    not_found: Fault::new("DBSnapshotNotFound", "DBSnapshot not found: {id}"),
    show: CLUSTER_SNAPSHOT.show,
    operations: &[
        run("CreateDBSnapshot", create_of_instance),
        describe("DescribeDBSnapshots", "DBSnapshotIdentifier", "DBSnapshots")
            .select(&[
                ("DBInstanceIdentifier", "DBInstanceIdentifier"),
                ("SnapshotType", "SnapshotType"),
                ("DbiResourceId", "DbiResourceId"),
            ])
            .paging(PAGES)
            .filters(&[
                ("db-instance-id", "DBInstanceIdentifier"),
                ("db-snapshot-id", "DBSnapshotIdentifier"),
                ("dbi-resource-id", "DbiResourceId"),
                ("snapshot-type", "SnapshotType"),
                ("engine", "Engine"),
            ]),
        delete(
            "DeleteDBSnapshot",
            "DBSnapshotIdentifier",
            Shows::In("DBSnapshot"),
        )
        .prepare(ready),
    ],
    ..Kind::NEW
};

fn ready(_: &mut Call, snapshot: &mut Record) -> Result<(), Refusal> {
    if snapshot.is("Status", "available") {
        return Ok(());
    }
    let code = if snapshot.body.contains_key("DBSnapshotIdentifier") {
        "InvalidDBSnapshotState"
    } else {
        "InvalidDBClusterSnapshotStateFault"
    };
    Err(Refusal::new(
        code,
        format!("The snapshot {} is not in available state.", snapshot.id),
    ))
}

fn copy(from: &Record, names: &[&str]) -> Json {
    names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), from.body.get(*name)?.clone())))
        .collect()
}

/// Makes one of a cluster.
pub(super) fn of_cluster(
    call: &mut Call,
    cluster: &Record,
    name: &str,
    of: &str,
) -> Result<Record, Refusal> {
    let mut members = copy(
        cluster,
        &[
            "AvailabilityZones",
            "DBClusterIdentifier",
            "Engine",
            "EngineMode",
            "AllocatedStorage",
            "Port",
            "ClusterCreateTime",
            "MasterUsername",
            "EngineVersion",
            "StorageEncrypted",
            "StorageEncryptionType",
            "KmsKeyId",
            "IAMDatabaseAuthenticationEnabled",
            "StorageType",
            "DbClusterResourceId",
            "BackupRetentionPeriod",
            "PreferredBackupWindow",
        ],
    );
    members["DBClusterSnapshotIdentifier"] = json!(name.to_ascii_lowercase());
    members["SnapshotType"] = json!(of);
    let vpc = call
        .find("rds/subnet-group", cluster.text("DBSubnetGroup"))
        .map(|group| group.text("VpcId").to_owned());
    members["VpcId"] = json!(vpc);
    if let Ok(engine) = super::engines::engine(cluster.text("Engine")) {
        members["LicenseModel"] = json!(engine.license);
    }
    members["Tags"] = snapshot_tags(call, cluster);
    call.make(CLUSTER_SNAPSHOT.name, members)
}

/// Makes one of an instance.
pub(super) fn of_instance(
    call: &mut Call,
    instance: &Record,
    name: &str,
    of: &str,
) -> Result<Record, Refusal> {
    let mut members = copy(
        instance,
        &[
            "DBInstanceIdentifier",
            "Engine",
            "AllocatedStorage",
            "Port",
            "AvailabilityZone",
            "InstanceCreateTime",
            "MasterUsername",
            "EngineVersion",
            "LicenseModel",
            "Iops",
            "StorageThroughput",
            "StorageType",
            "KmsKeyId",
            "IAMDatabaseAuthenticationEnabled",
            "DbiResourceId",
            "DedicatedLogVolume",
            "BackupRetentionPeriod",
            "PreferredBackupWindow",
        ],
    );
    members["DBSnapshotIdentifier"] = json!(name.to_ascii_lowercase());
    members["SnapshotType"] = json!(of);
    members["Encrypted"] = instance
        .body
        .get("StorageEncrypted")
        .cloned()
        .unwrap_or(json!(false));
    members["SnapshotTarget"] = json!("region");
    members["OptionGroupName"] =
        instance.body["OptionGroupMemberships"][0]["OptionGroupName"].clone();
    let vpc = call
        .find("rds/subnet-group", instance.text("DBSubnetGroupName"))
        .map(|group| group.text("VpcId").to_owned());
    members["VpcId"] = json!(vpc);
    members["Tags"] = snapshot_tags(call, instance);
    call.make(SNAPSHOT.name, members)
}

/// Tags that were sent, and the source's when it copies them.
fn snapshot_tags(call: &Call, source: &Record) -> Json {
    let mut all = tags::read(call.input.get("Tags").unwrap_or(&Json::Null));
    if values::flag(&source.body, "CopyTagsToSnapshot") {
        all.extend(source.tags.clone());
    }
    tags::write(Tags::List("Tags"), &all)
}

fn create_of_cluster(call: &mut Call) -> Answer {
    let cluster = call
        .need(
            "rds/cluster",
            call.text("DBClusterIdentifier").unwrap_or_default(),
        )?
        .clone();
    clusters::in_state(&cluster, &["available"])?;
    let name = call
        .text("DBClusterSnapshotIdentifier")
        .unwrap_or_default()
        .to_owned();
    let made = of_cluster(call, &cluster, &name, "manual")?;
    Ok(json!({"DBClusterSnapshot": call.show(CLUSTER_SNAPSHOT.name, &made)}))
}

fn create_of_instance(call: &mut Call) -> Answer {
    let instance = call
        .need(
            "rds/instance",
            call.text("DBInstanceIdentifier").unwrap_or_default(),
        )?
        .clone();
    instances::available(&instance)?;
    let name = call
        .text("DBSnapshotIdentifier")
        .unwrap_or_default()
        .to_owned();
    let made = of_instance(call, &instance, &name, "manual")?;
    Ok(json!({"DBSnapshot": call.show(SNAPSHOT.name, &made)}))
}
