//! Parameter groups and option groups.

use serde_json::{Value as Json, json};

use super::{Aws, cluster, single, with};
use crate::support::LawBook;

fn group(name: &str, family: &str) -> Json {
    json!({"DBParameterGroupName": name, "DBParameterGroupFamily": family, "Description": "d"})
}

fn parameter(name: &str, value: &str, method: &str) -> Json {
    json!({"ParameterName": name, "ParameterValue": value, "ApplyMethod": method})
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_of_groups_refuses_what_breaks_it() {
    let aws = Aws::new();
    aws.network();
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    aws.did("CreateDBParameterGroup", group("own", "mysql8.4"));
    aws.did("CreateDBParameterGroup", group("pg", "postgres16"));
    aws.did("CreateDBParameterGroup", group("aurora", "aurora-mysql8.0"));
    aws.did(
        "CreateDBClusterParameterGroup",
        json!({"DBClusterParameterGroupName": "clusters", "DBParameterGroupFamily": "aurora-postgresql15", "Description": "d"}),
    );
    let options = |name: &str| json!({"OptionGroupName": name, "EngineName": "mysql", "MajorEngineVersion": "8.4", "OptionGroupDescription": "d"});
    aws.did("CreateOptionGroup", options("options"));
    aws.did(
        "CreateOptionGroup",
        with(options("old"), json!({"MajorEngineVersion": "8.0"})),
    );
    aws.did(
        "CreateOptionGroup",
        with(
            options("server"),
            json!({"EngineName": "sqlserver-se", "MajorEngineVersion": "15.00"}),
        ),
    );
    let modify = |name: &str, list: Json| json!({"DBParameterGroupName": name, "Parameters": list});
    breaks(
        "rds/parameter-group: DBParameterGroupName is unique",
        "CreateDBParameterGroup",
        group("OWN", "mysql8.4"),
    );
    breaks(
        "rds/cluster-parameter-group: DBClusterParameterGroupName is unique",
        "CreateDBClusterParameterGroup",
        json!({"DBClusterParameterGroupName": "clusters", "DBParameterGroupFamily": "aurora-postgresql15", "Description": "d"}),
    );
    breaks(
        "rds/option-group: OptionGroupName is unique",
        "CreateOptionGroup",
        options("options"),
    );
    breaks(
        "rds: a default parameter group is neither changed nor deleted",
        "DeleteDBParameterGroup",
        json!({"DBParameterGroupName": "default.mysql8.4"}),
    );
    breaks(
        "rds: a parameter group is of a family that there is",
        "CreateDBParameterGroup",
        group("x", "mysql3"),
    );
    let many: Vec<Json> = (0..21)
        .map(|at| parameter(&format!("p{at}"), "1", "pending-reboot"))
        .collect();
    breaks(
        "rds: at most twenty parameters change in a call",
        "ModifyDBParameterGroup",
        modify("own", json!(many)),
    );
    breaks(
        "rds: a static parameter acts after a reboot",
        "ModifyDBParameterGroup",
        modify(
            "pg",
            json!([parameter("rds.logical_replication", "1", "immediate")]),
        ),
    );
    breaks(
        "rds: a parameter that AWS sets is not changed",
        "ModifyDBParameterGroup",
        modify("own", json!([parameter("datadir", "/x", "pending-reboot")])),
    );
    breaks(
        "rds: a parameter's value is an allowed one",
        "ModifyDBParameterGroup",
        modify(
            "pg",
            json!([parameter("log_statement", "some", "immediate")]),
        ),
    );
    breaks(
        "rds: a cluster's parameter is set in the cluster's group, an instance's in the instance's",
        "ModifyDBParameterGroup",
        modify(
            "aurora",
            json!([parameter(
                "aws_default_s3_role",
                "arn:aws:iam::123456789012:role/r",
                "immediate"
            )]),
        ),
    );
    breaks(
        "rds: an option group is for an engine and a major version that there is",
        "CreateOptionGroup",
        with(options("x"), json!({"MajorEngineVersion": "4"})),
    );
    breaks(
        "rds: a default option group is neither changed nor deleted",
        "DeleteOptionGroup",
        json!({"OptionGroupName": "default:mysql-8-4"}),
    );
    let include =
        |group: &str, option: Json| json!({"OptionGroupName": group, "OptionsToInclude": [option]});
    breaks(
        "rds: an option is one of its engine's",
        "ModifyOptionGroup",
        include("options", json!({"OptionName": "TDE"})),
    );
    breaks(
        "rds: an option that listens on a port has security groups",
        "ModifyOptionGroup",
        include("options", json!({"OptionName": "MEMCACHED"})),
    );
    aws.did(
        "CreateOptionGroup",
        with(
            options("oracle"),
            json!({"EngineName": "oracle-se2", "MajorEngineVersion": "19"}),
        ),
    );
    aws.did(
        "ModifyOptionGroup",
        include("oracle", json!({"OptionName": "Timezone"})),
    );
    breaks(
        "rds: a permanent option is never taken away, a persistent one only while no instance uses the group",
        "ModifyOptionGroup",
        json!({"OptionGroupName": "oracle", "OptionsToRemove": ["Timezone"]}),
    );
    breaks(
        "rds: a database uses a parameter group of its own family",
        "CreateDBInstance",
        with(single("s"), json!({"DBParameterGroupName": "pg"})),
    );
    breaks(
        "rds: an instance uses an option group of its own engine and major version",
        "CreateDBInstance",
        with(single("s"), json!({"OptionGroupName": "old"})),
    );
    breaks(
        "rds/instance: DBParameterGroups[].DBParameterGroupName must exist",
        "CreateDBInstance",
        with(single("s"), json!({"DBParameterGroupName": "none"})),
    );
    breaks(
        "rds/instance: OptionGroupMemberships[].OptionGroupName must exist",
        "CreateDBInstance",
        with(single("s"), json!({"OptionGroupName": "none"})),
    );
    breaks(
        "rds/cluster: DBClusterParameterGroup must exist",
        "CreateDBCluster",
        with(cluster(), json!({"DBClusterParameterGroupName": "none"})),
    );
    aws.did(
        "CreateDBInstance",
        with(
            single("s"),
            json!({"DBParameterGroupName": "Own", "OptionGroupName": "Options"}),
        ),
    );
    aws.did(
        "CreateDBCluster",
        with(
            cluster(),
            json!({"DBClusterParameterGroupName": "clusters"}),
        ),
    );
    breaks(
        "rds/parameter-group: not deleted while a rds/instance has it as DBParameterGroups[].DBParameterGroupName",
        "DeleteDBParameterGroup",
        json!({"DBParameterGroupName": "own"}),
    );
    breaks(
        "rds/option-group: not deleted while a rds/instance has it as OptionGroupMemberships[].OptionGroupName",
        "DeleteOptionGroup",
        json!({"OptionGroupName": "options"}),
    );
    breaks(
        "rds/cluster-parameter-group: not deleted while a rds/cluster has it as DBClusterParameterGroup",
        "DeleteDBClusterParameterGroup",
        json!({"DBClusterParameterGroupName": "clusters"}),
    );
    breaks(
        "rds: what is tagged is named by its ARN",
        "ListTagsForResource",
        json!({"ResourceName": "own"}),
    );
}

#[tokio::test(start_paused = true)]
async fn parameters_are_set_and_given_back() {
    let aws = Aws::new();
    let made = aws.did(
        "CreateDBParameterGroup",
        with(
            group("Own", "Postgres16"),
            json!({"Tags": [{"Key": "a", "Value": "b"}]}),
        ),
    );
    let made = &made["DBParameterGroup"];
    assert_eq!(made["DBParameterGroupName"], "own");
    assert_eq!(made["DBParameterGroupFamily"], "postgres16");
    let arn = "arn:aws:rds:eu-west-1:123456789012:pg:own";
    assert_eq!(made["DBParameterGroupArn"], arn);
    let tags = aws.did("ListTagsForResource", json!({"ResourceName": arn}));
    assert_eq!(tags["TagList"], json!([{"Key": "a", "Value": "b"}]));
    let user = || {
        let asked = json!({"DBParameterGroupName": "own", "Source": "user"});
        aws.did("DescribeDBParameters", asked)["Parameters"].clone()
    };
    assert_eq!(user(), json!([]));
    let list = json!([
        parameter("rds.force_ssl", "0", "immediate"),
        parameter("max_connections", "200", "pending-reboot"),
        parameter("some_new_parameter", "1", "pending-reboot"),
    ]);
    aws.did(
        "ModifyDBParameterGroup",
        json!({"DBParameterGroupName": "own", "Parameters": list}),
    );
    let set = user();
    assert_eq!(set.as_array().map(Vec::len), Some(3));
    assert_eq!(set[0]["ParameterName"], "max_connections");
    assert_eq!(set[0]["ParameterValue"], "200");
    assert_eq!(set[0]["ApplyType"], "static");
    let all = aws.did(
        "DescribeDBParameters",
        json!({"DBParameterGroupName": "own", "MaxRecords": 20}),
    );
    assert_eq!(all["Parameters"].as_array().map(Vec::len), Some(20));
    assert!(all["Marker"].is_string());
    aws.did(
        "ResetDBParameterGroup",
        json!({"DBParameterGroupName": "own", "Parameters": [{"ParameterName": "max_connections", "ApplyMethod": "pending-reboot"}]}),
    );
    assert_eq!(user().as_array().map(Vec::len), Some(2));
    aws.did(
        "ResetDBParameterGroup",
        json!({"DBParameterGroupName": "own", "ResetAllParameters": true}),
    );
    assert_eq!(user(), json!([]));
    let default = json!({"DBParameterGroupName": "default.mysql8.0"});
    let found = aws.did("DescribeDBParameterGroups", default);
    assert_eq!(
        found["DBParameterGroups"][0]["Description"],
        "Default parameter group for mysql8.0"
    );
    aws.did(
        "DeleteDBParameterGroup",
        json!({"DBParameterGroupName": "own"}),
    );
    assert_eq!(
        aws.refused(
            "DeleteDBParameterGroup",
            json!({"DBParameterGroupName": "own"})
        ),
        "DBParameterGroupNotFound"
    );
}

#[tokio::test(start_paused = true)]
async fn options_are_switched_on_with_their_settings() {
    let aws = Aws::new();
    aws.did(
        "CreateOptionGroup",
        json!({"OptionGroupName": "Audit", "EngineName": "MariaDB", "MajorEngineVersion": "10.11", "OptionGroupDescription": "d"}),
    );
    let changed = aws.did(
        "ModifyOptionGroup",
        json!({"OptionGroupName": "audit", "OptionsToInclude": [
            {"OptionName": "MARIADB_AUDIT_PLUGIN", "OptionSettings": [{"Name": "SERVER_AUDIT_EVENTS", "Value": "CONNECT"}]},
        ]}),
    );
    let option = &changed["OptionGroup"]["Options"][0];
    let value = |name: &str| {
        let settings = option["OptionSettings"].as_array().expect("settings");
        let found = settings.iter().find(|one| one["Name"] == json!(name));
        found.expect("it is told")["Value"].clone()
    };
    assert_eq!(value("SERVER_AUDIT_EVENTS"), "CONNECT");
    assert_eq!(value("SERVER_AUDIT_LOGGING"), "ON");
    assert_eq!(value("SERVER_AUDIT_INCL_USERS"), Json::Null);
    let found = aws.did("DescribeOptionGroups", json!({"EngineName": "mariadb"}));
    assert_eq!(found["OptionGroupsList"][0]["OptionGroupName"], "audit");
    aws.did(
        "ModifyOptionGroup",
        json!({"OptionGroupName": "audit", "OptionsToRemove": ["MARIADB_AUDIT_PLUGIN"]}),
    );
    aws.did("DeleteOptionGroup", json!({"OptionGroupName": "audit"}));
    assert_eq!(
        aws.refused("DeleteOptionGroup", json!({"OptionGroupName": "audit"})),
        "OptionGroupNotFoundFault"
    );
}
