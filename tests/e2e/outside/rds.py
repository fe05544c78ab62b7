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

group = rds.create_db_parameter_group(
    DBParameterGroupName="Own-Group", DBParameterGroupFamily="postgres16", Description="of the shop", Tags=tags({"Name": "shop"})
)["DBParameterGroup"]
holds("parameter group", group, DBParameterGroupName="own-group", DBParameterGroupFamily="postgres16", Description="of the shop")
same("its ARN", group["DBParameterGroupArn"], f"arn:aws:rds:{REGION}:{ACCOUNT}:pg:own-group")
same("its tags", rds.list_tags_for_resource(ResourceName=group["DBParameterGroupArn"])["TagList"], tags({"Name": "shop"}))
refused("DBParameterGroupAlreadyExists", rds.create_db_parameter_group, DBParameterGroupName="own-group", DBParameterGroupFamily="postgres16", Description="x")
refused("InvalidParameterValue", rds.create_db_parameter_group, DBParameterGroupName="other", DBParameterGroupFamily="postgres1", Description="x")
rds.modify_db_parameter_group(DBParameterGroupName="own-group", Parameters=[
    {"ParameterName": "log_statement", "ParameterValue": "ddl", "ApplyMethod": "immediate"},
    {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"},
])
refused("InvalidParameterCombination", rds.modify_db_parameter_group, DBParameterGroupName="own-group", Parameters=[
    {"ParameterName": "rds.logical_replication", "ParameterValue": "0", "ApplyMethod": "immediate"}])


def of_user():
    found = rds.describe_db_parameters(DBParameterGroupName="own-group", Source="user")["Parameters"]
    return {p["ParameterName"]: p["ParameterValue"] for p in found}


same("set", of_user(), {"log_statement": "ddl", "rds.logical_replication": "1"})
items, count = pages(rds, "describe_db_parameters", "Parameters", 20, DBParameterGroupName="own-group")
true("all parameters by pages", len(items) > 20 and count > 1)
rds.reset_db_parameter_group(DBParameterGroupName="own-group", Parameters=[{"ParameterName": "log_statement", "ApplyMethod": "immediate"}])
same("given back", of_user(), {"rds.logical_replication": "1"})
rds.reset_db_parameter_group(DBParameterGroupName="own-group", ResetAllParameters=True)
same("all given back", of_user(), {})
rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="clusters", DBParameterGroupFamily="aurora-mysql8.0", Description="x")
rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="clusters", Parameters=[
    {"ParameterName": "character_set_server", "ParameterValue": "utf8mb4", "ApplyMethod": "immediate"}])
found = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="clusters", Source="user")["Parameters"]
same("of clusters", [p["ParameterValue"] for p in found], ["utf8mb4"])
rds.create_option_group(OptionGroupName="Audit", EngineName="mysql", MajorEngineVersion="8.0", OptionGroupDescription="x")
rds.modify_option_group(OptionGroupName="audit", OptionsToInclude=[
    {"OptionName": "MARIADB_AUDIT_PLUGIN", "OptionSettings": [{"Name": "SERVER_AUDIT_EVENTS", "Value": "CONNECT"}]}])
found = rds.describe_option_groups(OptionGroupName="audit")["OptionGroupsList"][0]
holds("option group", found, EngineName="mysql", MajorEngineVersion="8.0")
settings = {s["Name"]: s.get("Value") for s in found["Options"][0]["OptionSettings"]}
same("settings", (settings["SERVER_AUDIT_EVENTS"], settings["SERVER_AUDIT_LOGGING"]), ("CONNECT", "ON"))
refused("InvalidParameterValue", rds.modify_option_group, OptionGroupName="audit", OptionsToInclude=[{"OptionName": "TDE"}])
true("what there is", any(o["Name"] == "MEMCACHED" for o in rds.describe_option_group_options(EngineName="mysql")["OptionGroupOptions"]))
rds.delete_option_group(OptionGroupName="audit")
refused("OptionGroupNotFoundFault", rds.delete_option_group, OptionGroupName="audit")
rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="clusters")
rds.delete_db_parameter_group(DBParameterGroupName="own-group")
refused("DBParameterGroupNotFound", rds.describe_db_parameter_groups, DBParameterGroupName="own-group")
refused("InvalidParameterValue", rds.list_tags_for_resource, ResourceName="own-group")
