//! RDS as a client sees it: what comes back, what is refused, what takes time.

use payctl_model::Clock;
use payctl_sandbox::{Options, Refusal, Sandbox, laws};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

const REGION: &str = "eu-west-1";

struct Aws(Sandbox);

impl Aws {
    fn new() -> Aws {
        let origin = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        Aws(Sandbox::new(
            Clock::starting_at(origin, 1.0),
            Options::default(),
        ))
    }

    fn ask(&self, operation: &str, input: Json) -> Result<Json, Refusal> {
        self.0.invoke("key", REGION, "rds", operation, input)
    }

    fn did(&self, operation: &str, input: Json) -> Json {
        self.ask(operation, input.clone())
            .unwrap_or_else(|refusal| panic!("{operation} {input}: {refusal}"))
    }

    fn refused(&self, operation: &str, input: Json) -> String {
        match self.ask(operation, input) {
            Err(refusal) => refusal.code,
            Ok(answer) => panic!("{operation} was answered with {answer}"),
        }
    }

    fn ec2(&self, operation: &str, input: Json, path: &str) -> String {
        let answer = self
            .0
            .invoke("key", REGION, "ec2", operation, input)
            .unwrap();
        answer
            .pointer(path)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// A VPC with a subnet in each zone, and a subnet group `db` of them.
    fn network(&self) -> (String, Vec<String>) {
        let vpc = self.ec2(
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16"}),
            "/Vpc/VpcId",
        );
        let subnets: Vec<String> = ["a", "b", "c"]
            .iter()
            .enumerate()
            .map(|(at, letter)| {
                let input = json!({"VpcId": vpc, "CidrBlock": format!("10.0.{at}.0/24"), "AvailabilityZone": format!("{REGION}{letter}")});
                self.ec2("CreateSubnet", input, "/Subnet/SubnetId")
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

async fn pass(seconds: u64) {
    tokio::time::advance(Duration::from_secs(seconds)).await;
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
    assert!(!aws.0.dump().to_string().contains("secret-password"));

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
        .0
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
    aws.ec2("DeleteSubnet", json!({"SubnetId": subnets[0]}), "/");
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

/// Breaks each law of RDS and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Aws::new();
    let (vpc, subnets) = aws.network();
    let mut broken: BTreeSet<String> = BTreeSet::new();
    let mut breaks = |law: &str, operation: &str, input: Json| {
        let listed = laws()
            .into_iter()
            .find(|listed| listed.name == law)
            .unwrap_or_else(|| panic!("no law is named {law}"));
        assert_eq!(aws.refused(operation, input), listed.code, "{law}");
        broken.insert(listed.name);
    };
    let other = aws.ec2(
        "CreateVpc",
        json!({"CidrBlock": "10.1.0.0/16"}),
        "/Vpc/VpcId",
    );
    let foreign = aws.ec2(
        "CreateSubnet",
        json!({"VpcId": other, "CidrBlock": "10.1.0.0/24", "AvailabilityZone": "eu-west-1b"}),
        "/Subnet/SubnetId",
    );
    let group = aws.ec2(
        "CreateSecurityGroup",
        json!({"GroupName": "g", "Description": "d", "VpcId": other}),
        "/GroupId",
    );
    let of = |subnets: Json| json!({"DBSubnetGroupName": "x", "DBSubnetGroupDescription": "d", "SubnetIds": subnets});
    breaks(
        "rds: a DB subnet group covers two availability zones",
        "CreateDBSubnetGroup",
        of(json!([subnets[0]])),
    );
    breaks(
        "rds: the subnets of a DB subnet group are of one VPC",
        "CreateDBSubnetGroup",
        of(json!([subnets[0], foreign])),
    );
    breaks(
        "rds/subnet-group: SubnetIds[] must exist",
        "CreateDBSubnetGroup",
        of(json!(["subnet-0"])),
    );
    breaks(
        "rds/subnet-group: DBSubnetGroupName is unique",
        "CreateDBSubnetGroup",
        with(of(json!(subnets)), json!({"DBSubnetGroupName": "Db"})),
    );
    breaks(
        "rds: security groups are of the subnet group's VPC",
        "CreateDBCluster",
        with(cluster(), json!({"VpcSecurityGroupIds": [group]})),
    );
    breaks(
        "rds: the engine has the version",
        "CreateDBCluster",
        with(cluster(), json!({"EngineVersion": "9.9"})),
    );
    breaks(
        "rds: the engine exports these logs",
        "CreateDBCluster",
        with(
            cluster(),
            json!({"EnableCloudwatchLogsExports": ["slowquery"]}),
        ),
    );
    breaks(
        "rds/cluster: DBSubnetGroup must exist",
        "CreateDBCluster",
        with(cluster(), json!({"DBSubnetGroupName": "none"})),
    );
    breaks(
        "rds: the encryption key is accessible",
        "CreateDBCluster",
        with(
            cluster(),
            json!({"KmsKeyId": "00000000-0000-4000-a000-000000000000"}),
        ),
    );
    aws.did(
        "CreateDBCluster",
        with(cluster(), json!({"DeletionProtection": true})),
    );
    breaks(
        "rds/cluster: DBClusterIdentifier is unique",
        "CreateDBCluster",
        cluster(),
    );
    breaks(
        "rds: a cluster is changed in the right state only",
        "ModifyDBCluster",
        json!({"DBClusterIdentifier": "main"}),
    );
    breaks(
        "rds: a protected cluster is not deleted",
        "DeleteDBCluster",
        json!({"DBClusterIdentifier": "main", "SkipFinalSnapshot": true}),
    );
    pass(100).await;
    breaks(
        "rds: a major version upgrade is allowed explicitly",
        "ModifyDBCluster",
        json!({"DBClusterIdentifier": "main", "EngineVersion": "16.4"}),
    );
    aws.did(
        "ModifyDBCluster",
        json!({"DBClusterIdentifier": "main", "DeletionProtection": false}),
    );
    breaks(
        "rds: deleting a cluster names a final snapshot or skips it",
        "DeleteDBCluster",
        json!({"DBClusterIdentifier": "main"}),
    );
    breaks(
        "rds: a member has its cluster's engine",
        "CreateDBInstance",
        with(member("m"), json!({"Engine": "aurora-mysql"})),
    );
    breaks(
        "rds: what the cluster decides is not set on its members",
        "CreateDBInstance",
        with(member("m"), json!({"MasterUsername": "x"})),
    );
    breaks(
        "rds/instance: DBClusterIdentifier must exist",
        "CreateDBInstance",
        with(member("m"), json!({"DBClusterIdentifier": "none"})),
    );
    breaks(
        "rds: a publicly accessible instance needs an internet gateway in its VPC",
        "CreateDBInstance",
        with(member("m"), json!({"PubliclyAccessible": true})),
    );
    pass(100).await;
    breaks(
        "rds: a failover needs an available reader",
        "FailoverDBCluster",
        json!({"DBClusterIdentifier": "main"}),
    );
    aws.did("CreateDBInstance", member("m"));
    breaks(
        "rds/instance: DBInstanceIdentifier is unique",
        "CreateDBInstance",
        member("M"),
    );
    breaks(
        "rds: an instance is changed only when it is available",
        "RebootDBInstance",
        json!({"DBInstanceIdentifier": "m"}),
    );
    breaks(
        "rds: an Aurora cluster with instances is not deleted",
        "DeleteDBCluster",
        json!({"DBClusterIdentifier": "main", "SkipFinalSnapshot": true}),
    );
    aws.did(
        "CreateDBSubnetGroup",
        with(
            of(json!([subnets[0], subnets[1]])),
            json!({"DBSubnetGroupName": "two"}),
        ),
    );
    breaks(
        "rds: the subnet group covers an instance's zone",
        "CreateDBInstance",
        with(
            single("s"),
            json!({"DBSubnetGroupName": "two", "AvailabilityZone": "eu-west-1c"}),
        ),
    );
    breaks(
        "rds/instance: DBSubnetGroupName must exist",
        "CreateDBInstance",
        with(single("s"), json!({"DBSubnetGroupName": "none"})),
    );
    aws.did(
        "CreateDBInstance",
        with(
            single("s"),
            json!({"DBSubnetGroupName": "two", "DeletionProtection": true}),
        ),
    );
    breaks(
        "rds/subnet-group: not deleted while a rds/instance has it as DBSubnetGroupName",
        "DeleteDBSubnetGroup",
        json!({"DBSubnetGroupName": "two"}),
    );
    breaks(
        "rds/subnet-group: not deleted while a rds/cluster has it as DBSubnetGroup",
        "DeleteDBSubnetGroup",
        json!({"DBSubnetGroupName": "db"}),
    );
    breaks(
        "rds: a protected instance is not deleted",
        "DeleteDBInstance",
        json!({"DBInstanceIdentifier": "s", "SkipFinalSnapshot": true}),
    );
    aws.did("CreateDBInstance", with(single("t"), json!({})));
    breaks(
        "rds: deleting an instance names a final snapshot or skips it",
        "DeleteDBInstance",
        json!({"DBInstanceIdentifier": "t"}),
    );
    pass(400).await;
    let snapshot = |name: &str| json!({"DBSnapshotIdentifier": name, "DBInstanceIdentifier": "t"});
    aws.did("CreateDBSnapshot", snapshot("one"));
    breaks(
        "rds/snapshot: DBSnapshotIdentifier is unique",
        "CreateDBSnapshot",
        snapshot("one"),
    );
    let snapshot = json!({"DBClusterSnapshotIdentifier": "one", "DBClusterIdentifier": "main"});
    aws.did("CreateDBClusterSnapshot", snapshot.clone());
    breaks(
        "rds/cluster-snapshot: DBClusterSnapshotIdentifier is unique",
        "CreateDBClusterSnapshot",
        snapshot,
    );
    for number in 2..50 {
        aws.did(
            "CreateDBSubnetGroup",
            with(
                of(json!(subnets)),
                json!({"DBSubnetGroupName": format!("g{number}")}),
            ),
        );
    }
    breaks(
        "rds/subnet-group: as many as the quota allows",
        "CreateDBSubnetGroup",
        of(json!(subnets)),
    );
    for number in 1..40 {
        aws.did(
            "CreateDBCluster",
            with(
                cluster(),
                json!({"DBClusterIdentifier": format!("c{number}")}),
            ),
        );
    }
    breaks(
        "rds/cluster: as many as the quota allows",
        "CreateDBCluster",
        with(cluster(), json!({"DBClusterIdentifier": "more"})),
    );
    for number in 3..40 {
        aws.did("CreateDBInstance", member(&format!("i{number}")));
    }
    breaks(
        "rds/instance: as many as the quota allows",
        "CreateDBInstance",
        member("more"),
    );
    // What breaks a law is the same whether or not the network's gateway is there.
    assert!(!vpc.is_empty());
    let left: Vec<String> = laws()
        .into_iter()
        .map(|law| law.name)
        .filter(|name| name.starts_with("rds") && !broken.contains(name))
        .collect();
    assert!(left.is_empty(), "nobody breaks: {left:#?}");
}
