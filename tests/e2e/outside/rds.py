rds = client("rds")
_, one, two = network(client("ec2"))

rds.create_db_subnet_group(
    DBSubnetGroupName="shop", DBSubnetGroupDescription="of the shop", SubnetIds=[one, two], Tags=tags({"Name": "shop"})
)
refused(
    "DBSubnetGroupAlreadyExists", rds.create_db_subnet_group,
    DBSubnetGroupName="shop", DBSubnetGroupDescription="x", SubnetIds=[one, two],
)
refused(
    "DBSubnetGroupDoesNotCoverEnoughAZs", rds.create_db_subnet_group,
    DBSubnetGroupName="narrow", DBSubnetGroupDescription="x", SubnetIds=[one],
)
found = rds.describe_db_subnet_groups(DBSubnetGroupName="shop")["DBSubnetGroups"][0]
holds("subnet group", found, DBSubnetGroupDescription="of the shop", SubnetGroupStatus="Complete")
same("its subnets", sorted(s["SubnetIdentifier"] for s in found["Subnets"]), sorted([one, two]))
rds.modify_db_subnet_group(DBSubnetGroupName="shop", DBSubnetGroupDescription="of all", SubnetIds=[one, two])
same("description", rds.describe_db_subnet_groups(DBSubnetGroupName="shop")["DBSubnetGroups"][0]["DBSubnetGroupDescription"], "of all")

cluster = dict(
    DBClusterIdentifier="shop", Engine="aurora-mysql", MasterUsername="admin", MasterUserPassword="correct-horse-9",
    DBSubnetGroupName="shop", DatabaseName="orders", BackupRetentionPeriod=7, StorageEncrypted=True,
    PreferredBackupWindow="03:00-04:00", PreferredMaintenanceWindow="sun:05:00-sun:06:00",
    EnableCloudwatchLogsExports=["error"], DeletionProtection=True, CopyTagsToSnapshot=True,
    EnableIAMDatabaseAuthentication=True, Tags=tags({"Name": "shop"}),
    ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 2.0},
)
rds.create_db_cluster(**cluster)
refused("DBClusterAlreadyExistsFault", rds.create_db_cluster, **cluster)


def of_cluster():
    return rds.describe_db_clusters(DBClusterIdentifier="shop")["DBClusters"][0]


until("the cluster", lambda: of_cluster()["Status"] == "available")
found = of_cluster()
holds(
    "cluster", found, Engine="aurora-mysql", MasterUsername="admin", DBSubnetGroup="shop", DatabaseName="orders", Port=3306,
    BackupRetentionPeriod=7, StorageEncrypted=True, PreferredBackupWindow="03:00-04:00",
    PreferredMaintenanceWindow="sun:05:00-sun:06:00", EnabledCloudwatchLogsExports=["error"], DeletionProtection=True,
    CopyTagsToSnapshot=True, IAMDatabaseAuthenticationEnabled=True, MultiAZ=False, TagList=tags({"Name": "shop"}),
)
holds("capacity", found["ServerlessV2ScalingConfiguration"], MinCapacity=0.5, MaxCapacity=2.0)
true("no password", "correct-horse" not in str(found))
true("endpoints", found["Endpoint"].startswith("shop.cluster-") and found["ReaderEndpoint"].startswith("shop.cluster-ro-"))
for name in ("shop-1", "shop-2"):
    rds.create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.r6g.large", Engine="aurora-mysql", DBClusterIdentifier="shop",
        PubliclyAccessible=False, PromotionTier=1, AutoMinorVersionUpgrade=False,
    )


def of_instance(name="shop-1"):
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


until("the instances", lambda: all(of_instance(n)["DBInstanceStatus"] == "available" for n in ("shop-1", "shop-2")))
holds("instance", of_instance(), DBClusterIdentifier="shop", DBInstanceClass="db.r6g.large", PubliclyAccessible=False, PromotionTier=1, AutoMinorVersionUpgrade=False)
members = of_cluster()["DBClusterMembers"]
same("one writer", sorted(m["IsClusterWriter"] for m in members), [False, True])
refused("DBClusterNotFoundFault", rds.describe_db_clusters, DBClusterIdentifier="nobody")
refused("DBInstanceNotFound", rds.describe_db_instances, DBInstanceIdentifier="nobody")
refused("InvalidParameterCombination", rds.delete_db_cluster, DBClusterIdentifier="shop", SkipFinalSnapshot=True)
rds.modify_db_cluster(DBClusterIdentifier="shop", BackupRetentionPeriod=3, DeletionProtection=False, ApplyImmediately=True)
until("modified", lambda: of_cluster()["Status"] == "available" and of_cluster()["BackupRetentionPeriod"] == 3)
arn = of_cluster()["DBClusterArn"]
rds.add_tags_to_resource(ResourceName=arn, Tags=tags({"Stage": "test"}))
rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["Name"])
same("tags", rds.list_tags_for_resource(ResourceName=arn)["TagList"], tags({"Stage": "test"}))
refused("InvalidDBClusterStateFault", rds.delete_db_cluster, DBClusterIdentifier="shop", SkipFinalSnapshot=True)
for name in ("shop-2", "shop-1"):
    rds.delete_db_instance(DBInstanceIdentifier=name)
until("no instance", lambda: not rds.describe_db_instances()["DBInstances"])
refused("InvalidParameterCombination", rds.delete_db_cluster, DBClusterIdentifier="shop")
rds.delete_db_cluster(DBClusterIdentifier="shop", FinalDBSnapshotIdentifier="last")
until("no cluster", lambda: not rds.describe_db_clusters()["DBClusters"])
same("snapshot", rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="last")["DBClusterSnapshots"][0]["DBClusterIdentifier"], "shop")
rds.delete_db_subnet_group(DBSubnetGroupName="shop")
refused("DBSubnetGroupNotFoundFault", rds.describe_db_subnet_groups, DBSubnetGroupName="shop")
