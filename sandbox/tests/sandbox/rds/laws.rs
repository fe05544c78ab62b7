//! The laws of databases.

use serde_json::{Value as Json, json};

use super::{Aws, cluster, member, single, with};
use crate::support::{LawBook, pass};

/// Breaks each law of RDS and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Aws::new();
    let (vpc, subnets) = aws.network();
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    let other = aws.text(
        "ec2:CreateVpc",
        json!({"CidrBlock": "10.1.0.0/16"}),
        "/Vpc/VpcId",
    );
    let foreign = aws.text(
        "ec2:CreateSubnet",
        json!({"VpcId": other, "CidrBlock": "10.1.0.0/24", "AvailabilityZone": "eu-west-1b"}),
        "/Subnet/SubnetId",
    );
    let group = aws.text(
        "ec2:CreateSecurityGroup",
        json!({"GroupName": "g", "Description": "d", "VpcId": other}),
        "/GroupId",
    );
    aws.did(
        "CreateDBInstance",
        with(single("bare"), json!({"BackupRetentionPeriod": 0})),
    );
    pass(3_600).await;
    breaks(
        "rds: only what is backed up has read replicas",
        "CreateDBInstanceReadReplica",
        json!({"DBInstanceIdentifier": "replica", "SourceDBInstanceIdentifier": "bare"}),
    );
    aws.did(
        "DeleteDBInstance",
        json!({"DBInstanceIdentifier": "bare", "SkipFinalSnapshot": true}),
    );
    pass(3_600).await;
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
    let role = json!({"DBClusterIdentifier": "main", "RoleArn": "arn:aws:iam::123456789012:role/import", "FeatureName": "s3Import"});
    breaks(
        "rds: only an associated role is removed from a cluster",
        "RemoveRoleFromDBCluster",
        role.clone(),
    );
    aws.did("AddRoleToDBCluster", role.clone());
    breaks(
        "rds: a role is associated with a cluster once",
        "AddRoleToDBCluster",
        role,
    );
    breaks(
        "rds/cluster: GlobalClusterIdentifier must exist",
        "CreateDBCluster",
        with(
            cluster(),
            json!({"DBClusterIdentifier": "second", "GlobalClusterIdentifier": "none"}),
        ),
    );
    let global = json!({"GlobalClusterIdentifier": "world", "SourceDBClusterIdentifier": aws.cluster()["DBClusterArn"],
                        "DeletionProtection": true});
    aws.did("CreateGlobalCluster", global.clone());
    breaks(
        "rds/global-cluster: GlobalClusterIdentifier is unique",
        "CreateGlobalCluster",
        global,
    );
    let world = json!({"GlobalClusterIdentifier": "world"});
    breaks(
        "rds: a protected global cluster is not deleted",
        "DeleteGlobalCluster",
        world.clone(),
    );
    aws.did(
        "ModifyGlobalCluster",
        with(world.clone(), json!({"DeletionProtection": false})),
    );
    breaks(
        "rds: a global cluster with members is not deleted",
        "DeleteGlobalCluster",
        world.clone(),
    );
    breaks(
        "rds: a cluster leaves its global cluster before it is deleted",
        "DeleteDBCluster",
        json!({"DBClusterIdentifier": "main", "SkipFinalSnapshot": true}),
    );
    aws.did(
        "RemoveFromGlobalCluster",
        with(
            world.clone(),
            json!({"DbClusterIdentifier": aws.cluster()["DBClusterArn"]}),
        ),
    );
    aws.did("DeleteGlobalCluster", world);
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
    let role = json!({"DBInstanceIdentifier": "t", "RoleArn": "arn:aws:iam::123456789012:role/import", "FeatureName": "S3_INTEGRATION"});
    breaks(
        "rds: only an associated role is removed from an instance",
        "RemoveRoleFromDBInstance",
        role.clone(),
    );
    aws.did("AddRoleToDBInstance", role.clone());
    breaks(
        "rds: a role is associated with an instance once",
        "AddRoleToDBInstance",
        role,
    );
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
    // Those of parameter and option groups are broken in `groups`.
    let elsewhere = [
        "rds/parameter-group",
        "rds/cluster-parameter-group",
        "rds/option-group",
        "rds/instance: DBParameterGroups",
        "rds/instance: OptionGroupMemberships",
        "rds/cluster: DBClusterParameterGroup",
        "rds: a default parameter group",
        "rds: a parameter group is of",
        "rds: at most twenty",
        "rds: a database uses a parameter group",
        "rds: a static parameter",
        "rds: a parameter that AWS sets",
        "rds: a parameter's value",
        "rds: a cluster's parameter is set",
        "rds: an option group is for",
        "rds: a default option group",
        "rds: an option is one",
        "rds: a permanent option",
        "rds: an option that listens",
        "rds: an instance uses an option group",
        "rds: what is tagged",
    ];
    book.is_complete(&["rds"], &elsewhere);
}
