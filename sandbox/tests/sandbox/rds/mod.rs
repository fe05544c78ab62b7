//! RDS as a client sees it: what comes back, what is refused, what takes time.

mod groups;
mod laws;

use serde_json::{Value as Json, json};
use std::ops::Deref;

use crate::support::{Client, REGION, pass};

struct Aws(Client);

impl Deref for Aws {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Aws {
    fn new() -> Aws {
        Aws(Client::of("rds"))
    }

    /// A VPC with a subnet in each zone, and a subnet group `db` of them.
    fn network(&self) -> (String, Vec<String>) {
        let vpc = self.text(
            "ec2:CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16"}),
            "/Vpc/VpcId",
        );
        let subnets: Vec<String> = ["a", "b", "c"]
            .iter()
            .enumerate()
            .map(|(at, letter)| {
                let input = json!({"VpcId": vpc, "CidrBlock": format!("10.0.{at}.0/24"), "AvailabilityZone": format!("{REGION}{letter}")});
                self.text("ec2:CreateSubnet", input, "/Subnet/SubnetId")
            })
            .collect();
        self.did("CreateDBSubnetGroup", json!({"DBSubnetGroupName": "DB", "DBSubnetGroupDescription": "d", "SubnetIds": subnets}));
        (vpc, subnets)
    }

    fn cluster(&self) -> Json {
        self.did("DescribeDBClusters", json!({"DBClusterIdentifier": "main"}))["DBClusters"][0]
            .clone()
    }

    fn instance(&self, name: &str) -> Json {
        self.did("DescribeDBInstances", json!({"DBInstanceIdentifier": name}))["DBInstances"][0]
            .clone()
    }
}

fn cluster() -> Json {
    json!({"DBClusterIdentifier": "Main", "Engine": "aurora-postgresql", "EngineVersion": "15.4", "DatabaseName": "payments", "MasterUsername": "root",
           "MasterUserPassword": "secret-password", "DBSubnetGroupName": "db", "StorageEncrypted": true, "EnableCloudwatchLogsExports": ["postgresql"],
           "Tags": [{"Key": "a", "Value": "b"}]})
}

fn member(name: &str) -> Json {
    json!({"DBInstanceIdentifier": name, "DBClusterIdentifier": "main", "Engine": "aurora-postgresql", "DBInstanceClass": "db.t3.medium"})
}

fn single(name: &str) -> Json {
    json!({"DBInstanceIdentifier": name, "Engine": "mysql", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": 20, "MasterUsername": "root",
           "MasterUserPassword": "secret-password", "DBSubnetGroupName": "db"})
}

fn with(mut input: Json, more: Json) -> Json {
    for (name, value) in more.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    input
}

#[tokio::test(start_paused = true)]
async fn an_aurora_cluster_lives_fails_over_and_goes() {
    let aws = Aws::new();
    let (_, subnets) = aws.network();
    let made = aws.did("CreateDBCluster", cluster())["DBCluster"].clone();
    assert_eq!(made["Status"], "creating");
    assert_eq!(made["EngineVersion"], "15.4");
    assert_eq!(
        made["DBClusterParameterGroup"],
        "default.aurora-postgresql15"
    );
    assert_eq!(made["DBSubnetGroup"], "db");
    assert_eq!(made["EnabledCloudwatchLogsExports"], json!(["postgresql"]));
    assert_eq!(made["VpcSecurityGroups"][0]["Status"], "active");
    assert_eq!(made["AvailabilityZones"].as_array().map(Vec::len), Some(3));
    assert_eq!(made["Port"], 5432);
    assert_eq!(made["TagList"], json!([{"Key": "a", "Value": "b"}]));
    assert!(
        made["KmsKeyId"]
            .as_str()
            .unwrap_or_default()
            .starts_with("arn:aws:kms:")
    );
    assert!(
        made["Endpoint"]
            .as_str()
            .unwrap_or_default()
            .starts_with("main.cluster-")
    );
    assert!(!aws.sandbox.dump().to_string().contains("secret-password"));

    let writer = aws.did(
        "CreateDBInstance",
        with(
            member("writer"),
            json!({"AvailabilityZone": "eu-west-1a", "PromotionTier": 0}),
        ),
    );
    assert_eq!(writer["DBInstance"]["DBInstanceStatus"], "creating");
    assert!(writer["DBInstance"].get("Endpoint").is_none());
    aws.did("CreateDBInstance", member("reader"));
    pass(400).await;
    let shown = aws.instance("writer");
    assert_eq!(shown["DBInstanceStatus"], "available");
    assert_eq!(shown["Endpoint"]["Port"], 5432);
    assert_eq!(shown["EngineVersion"], "15.4");
    assert_eq!(shown["StorageType"], "aurora");
    assert_eq!(
        shown["OptionGroupMemberships"][0]["OptionGroupName"],
        "default:aurora-postgresql-15"
    );
    assert_eq!(
        shown["DBSubnetGroup"]["Subnets"].as_array().map(Vec::len),
        Some(3)
    );
    assert_ne!(aws.instance("reader")["AvailabilityZone"], "eu-west-1a");
    let writes = |cluster: &Json| -> Vec<String> {
        cluster["DBClusterMembers"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| one["IsClusterWriter"] == true)
            .map(|one| {
                one["DBInstanceIdentifier"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(aws.cluster()["Status"], "available");
    assert_eq!(aws.cluster()["MultiAZ"], true);
    assert_eq!(writes(&aws.cluster()), ["writer"]);

    assert_eq!(
        aws.did("FailoverDBCluster", json!({"DBClusterIdentifier": "main"}))["DBCluster"]["Status"],
        "failing-over"
    );
    pass(40).await;
    assert_eq!(writes(&aws.cluster()), ["reader"]);

    // Its interface holds the subnet.
    let refusal = aws
        .sandbox
        .invoke(
            "key",
            REGION,
            "ec2",
            "DeleteSubnet",
            json!({"SubnetId": subnets[0]}),
        )
        .unwrap_err();
    assert_eq!(refusal.code, "DependencyViolation");

    aws.did("StopDBCluster", json!({"DBClusterIdentifier": "main"}));
    pass(100).await;
    assert_eq!(aws.cluster()["Status"], "stopped");
    assert_eq!(aws.instance("writer")["DBInstanceStatus"], "stopped");
    pass(8 * 86400).await;
    assert_eq!(aws.cluster()["Status"], "available");

    // The writer goes, the other takes over; the cluster goes after its instances.
    aws.did(
        "DeleteDBInstance",
        json!({"DBInstanceIdentifier": "reader"}),
    );
    assert_eq!(writes(&aws.cluster()), ["writer"]);
    aws.did(
        "DeleteDBInstance",
        json!({"DBInstanceIdentifier": "writer"}),
    );
    let gone = aws.did(
        "DeleteDBCluster",
        json!({"DBClusterIdentifier": "main", "FinalDBSnapshotIdentifier": "last"}),
    );
    assert_eq!(gone["DBCluster"]["Status"], "deleting");
    assert_eq!(
        aws.refused("DeleteDBSubnetGroup", json!({"DBSubnetGroupName": "db"})),
        "InvalidDBSubnetGroupStateFault"
    );
    pass(100).await;
    assert_eq!(aws.cluster()["Status"], "deleting");
    pass(300).await;
    assert_eq!(
        aws.refused("DescribeDBClusters", json!({"DBClusterIdentifier": "main"})),
        "DBClusterNotFoundFault"
    );
    assert_eq!(
        aws.refused(
            "DescribeDBInstances",
            json!({"DBInstanceIdentifier": "writer"})
        ),
        "DBInstanceNotFound"
    );
    let kept = aws.did(
        "DescribeDBClusterSnapshots",
        json!({"DBClusterIdentifier": "main"}),
    );
    assert_eq!(kept["DBClusterSnapshots"][0]["Status"], "available");
    aws.did(
        "DeleteDBClusterSnapshot",
        json!({"DBClusterSnapshotIdentifier": "last"}),
    );
    aws.did("DeleteDBSubnetGroup", json!({"DBSubnetGroupName": "db"}));
    aws.did("ec2:DeleteSubnet", json!({"SubnetId": subnets[0]}));
}

#[tokio::test(start_paused = true)]
async fn changes_apply_at_once_or_in_the_window() {
    let aws = Aws::new();
    aws.network();
    aws.did("CreateDBCluster", cluster());
    pass(100).await;
    let change = json!({"DBClusterIdentifier": "main", "EngineVersion": "15.5", "BackupRetentionPeriod": 7, "DeletionProtection": true,
                        "CloudwatchLogsExportConfiguration": {"DisableLogTypes": ["postgresql"]},
                        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 4}});
    let changed = aws.did("ModifyDBCluster", change)["DBCluster"].clone();
    assert_eq!(changed["Status"], "modifying");
    assert_eq!(changed["EngineVersion"], "15.4");
    assert_eq!(changed["PendingModifiedValues"]["EngineVersion"], "15.5");
    assert_eq!(changed["BackupRetentionPeriod"], 7);
    assert!(changed.get("EnabledCloudwatchLogsExports").is_none());
    pass(8 * 86400).await;
    assert_eq!(aws.cluster()["EngineVersion"], "15.5");
    let major = json!({"DBClusterIdentifier": "main", "EngineVersion": "16.4", "AllowMajorVersionUpgrade": true, "ApplyImmediately": true,
                       "NewDBClusterIdentifier": "other"});
    let changed = aws.did("ModifyDBCluster", major)["DBCluster"].clone();
    assert_eq!(
        changed["DBClusterParameterGroup"],
        "default.aurora-postgresql16"
    );
    assert_eq!(changed["DBClusterIdentifier"], "other");
    pass(100).await;
    aws.did(
        "CreateDBInstance",
        with(
            member("one"),
            json!({"DBClusterIdentifier": "other", "DBInstanceClass": "db.serverless"}),
        ),
    );

    aws.did("CreateDBInstance", with(single("alone"), json!({"MultiAZ": true, "ManageMasterUserPassword": true, "MasterUserPassword": null, "StorageType": "gp3"})));
    pass(400).await;
    let shown = aws.instance("alone");
    assert_eq!(
        (&shown["Iops"], &shown["MultiAZ"]),
        (&json!(3000), &json!(true))
    );
    assert!(
        shown["MasterUserSecret"]["SecretArn"]
            .as_str()
            .unwrap_or_default()
            .contains(":secret:rds!db-")
    );
    aws.did(
        "ModifyDBInstance",
        json!({"DBInstanceIdentifier": "alone", "DBInstanceClass": "db.t3.small"}),
    );
    assert_eq!(
        aws.instance("alone")["PendingModifiedValues"]["DBInstanceClass"],
        "db.t3.small"
    );
    pass(8 * 86400).await;
    assert_eq!(aws.instance("alone")["DBInstanceClass"], "db.t3.small");
    aws.did("ModifyDBInstance", json!({"DBInstanceIdentifier": "alone", "DBInstanceClass": "db.t3.large", "ApplyImmediately": true}));
    assert_eq!(aws.instance("alone")["DBInstanceClass"], "db.t3.large");
    pass(300).await;
    aws.did(
        "DeleteDBInstance",
        json!({"DBInstanceIdentifier": "alone", "FinalDBSnapshotIdentifier": "alone-last"}),
    );
    let kept = aws.did(
        "DescribeDBSnapshots",
        json!({"DBInstanceIdentifier": "alone"}),
    );
    assert_eq!(kept["DBSnapshots"][0]["DBSnapshotIdentifier"], "alone-last");
}

#[tokio::test(start_paused = true)]
async fn a_multi_az_cluster_brings_its_instances() {
    let aws = Aws::new();
    aws.network();
    let input = json!({"DBClusterIdentifier": "main", "Engine": "postgres", "MasterUsername": "root", "ManageMasterUserPassword": true,
                       "DBClusterInstanceClass": "db.m5d.large", "AllocatedStorage": 100, "Iops": 1000, "DBSubnetGroupName": "db"});
    let made = aws.did("CreateDBCluster", input);
    assert_eq!(
        made["DBCluster"]["DBClusterMembers"]
            .as_array()
            .map(Vec::len),
        Some(3)
    );
    assert_eq!(made["DBCluster"]["MultiAZ"], true);
    pass(400).await;
    aws.did(
        "DeleteDBCluster",
        json!({"DBClusterIdentifier": "main", "SkipFinalSnapshot": true}),
    );
    pass(400).await;
    assert_eq!(
        aws.did("DescribeDBInstances", json!({}))["DBInstances"],
        json!([])
    );
    assert_eq!(
        aws.did("DescribeDBClusters", json!({}))["DBClusters"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn tags_versions_and_pages() {
    let aws = Aws::new();
    aws.network();
    let made = aws.did("CreateDBCluster", cluster());
    let arn = made["DBCluster"]["DBClusterArn"].clone();
    aws.did(
        "AddTagsToResource",
        json!({"ResourceName": arn, "Tags": [{"Key": "c", "Value": "d"}]}),
    );
    aws.did(
        "RemoveTagsFromResource",
        json!({"ResourceName": arn, "TagKeys": ["a"]}),
    );
    assert_eq!(
        aws.did("ListTagsForResource", json!({"ResourceName": arn}))["TagList"],
        json!([{"Key": "c", "Value": "d"}])
    );
    assert_eq!(
        aws.cluster()["TagList"],
        json!([{"Key": "c", "Value": "d"}])
    );
    let unknown = "arn:aws:rds:eu-west-1:000000000000:db:none";
    assert_eq!(
        aws.refused("ListTagsForResource", json!({"ResourceName": unknown})),
        "DBInstanceNotFound"
    );
    let versions = aws.did(
        "DescribeDBEngineVersions",
        json!({"Engine": "aurora-postgresql", "EngineVersion": "16", "DefaultOnly": true}),
    );
    assert_eq!(
        versions["DBEngineVersions"].as_array().map(Vec::len),
        Some(1)
    );
    for number in 0..25 {
        aws.did("CreateDBInstance", member(&format!("m{number:02}")));
    }
    let first = aws.did("DescribeDBInstances", json!({"MaxRecords": 20}));
    let rest = aws.did(
        "DescribeDBInstances",
        json!({"MaxRecords": 20, "Marker": first["Marker"]}),
    );
    assert_eq!(rest["DBInstances"].as_array().map(Vec::len), Some(5));
    let filtered = aws.did(
        "DescribeDBInstances",
        json!({"Filters": [{"Name": "db-cluster-id", "Values": ["other"]}]}),
    );
    assert_eq!(filtered["DBInstances"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn roles_global_clusters_and_replica_clusters() {
    let aws = Aws::new();
    aws.network();
    aws.did("CreateDBCluster", cluster());
    pass(100).await;
    let role = json!({"DBClusterIdentifier": "main", "RoleArn": "arn:aws:iam::123456789012:role/import", "FeatureName": "s3Import"});
    aws.did("AddRoleToDBCluster", role.clone());
    assert_eq!(aws.cluster()["AssociatedRoles"][0]["Status"], "PENDING");
    pass(60).await;
    let expected =
        json!([{"RoleArn": role["RoleArn"], "FeatureName": "s3Import", "Status": "ACTIVE"}]);
    assert_eq!(aws.cluster()["AssociatedRoles"], expected);
    aws.did("RemoveRoleFromDBCluster", role);
    assert_eq!(aws.cluster()["AssociatedRoles"], json!([]));

    aws.did(
        "CreateGlobalCluster",
        json!({"GlobalClusterIdentifier": "World", "Engine": "aurora-postgresql"}),
    );
    let member = |name: &str| {
        with(
            cluster(),
            json!({"DBClusterIdentifier": name, "GlobalClusterIdentifier": "world"}),
        )
    };
    for name in ["first", "second"] {
        aws.did("CreateDBCluster", member(name));
    }
    let global = || {
        aws.did(
            "DescribeGlobalClusters",
            json!({"GlobalClusterIdentifier": "world"}),
        )["GlobalClusters"][0]
            .clone()
    };
    let members = global()["GlobalClusterMembers"].clone();
    assert_eq!(members[0]["IsWriter"], true);
    assert_eq!(members[0]["Readers"], json!([members[1]["DBClusterArn"]]));
    assert_eq!(members[1]["IsWriter"], false);
    let leave =
        |arn: &Json| json!({"GlobalClusterIdentifier": "world", "DbClusterIdentifier": arn});
    let writer = leave(&members[0]["DBClusterArn"]);
    assert_eq!(
        aws.refused("RemoveFromGlobalCluster", writer.clone()),
        "InvalidGlobalClusterStateFault"
    );
    aws.did(
        "RemoveFromGlobalCluster",
        leave(&members[1]["DBClusterArn"]),
    );
    assert_eq!(global()["GlobalClusterMembers"][0]["Readers"], json!([]));
    aws.did("RemoveFromGlobalCluster", writer);
    aws.did(
        "DeleteGlobalCluster",
        json!({"GlobalClusterIdentifier": "world"}),
    );

    let source = aws.cluster()["DBClusterArn"].clone();
    let mut replica = with(
        cluster(),
        json!({"DBClusterIdentifier": "replica", "ReplicationSourceIdentifier": source}),
    );
    for member in ["MasterUsername", "MasterUserPassword", "DatabaseName"] {
        replica.as_object_mut().expect("an object").remove(member);
    }
    aws.did("CreateDBCluster", replica);
    pass(100).await;
    let named = json!({"DBClusterIdentifier": "replica"});
    aws.did("PromoteReadReplicaDBCluster", named.clone());
    let promoted = aws.did("DescribeDBClusters", named.clone())["DBClusters"][0].clone();
    assert_eq!(promoted["Status"], "promoting");
    assert!(promoted.get("ReplicationSourceIdentifier").is_none());
    pass(200).await;
    assert_eq!(
        aws.refused("PromoteReadReplicaDBCluster", named),
        "InvalidDBClusterStateFault"
    );
}
