//! Parameter groups and option groups.

use serde_json::{Value as Json, json};

use crate::round_trip::{declared, network, trip};
use crate::trip::Trip;

#[tokio::test(start_paused = true)]
async fn parameter_and_option_groups() {
    let mut all = network();
    all.extend([
        declared(
            "Instances",
            "AWS::RDS::DBParameterGroup",
            json!({
                "Family": "MySQL8.4",
                "Description": "of a test",
                "Parameters": {"max_connections": 200, "slow_query_log": "1", "lower_case_table_names": "1"},
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({
                "Parameters": {"max_connections": 300, "long_query_time": "0.5"},
                "Tags": [{"Key": "team", "Value": "b"}],
            }),
        ),
        declared(
            "Clusters",
            "AWS::RDS::DBClusterParameterGroup",
            json!({
                "DBClusterParameterGroupName": "Clusters-Of-A-Test",
                "Family": "aurora-postgresql15",
                "Description": "of a test",
                "Parameters": {"rds.force_ssl": "1", "shared_preload_libraries": "pg_stat_statements,pgaudit"},
            }),
            json!({"Parameters": {"rds.force_ssl": "0"}}),
        ),
        declared(
            "Options",
            "AWS::RDS::OptionGroup",
            json!({
                "EngineName": "mysql",
                "MajorEngineVersion": "8.4",
                "OptionGroupDescription": "of a test",
                "OptionConfigurations": [{
                    "OptionName": "MARIADB_AUDIT_PLUGIN",
                    "OptionSettings": [{"Name": "SERVER_AUDIT_EVENTS", "Value": "CONNECT"}],
                }],
            }),
            json!({"OptionConfigurations": [{
                "OptionName": "MEMCACHED",
                "Port": "11212",
                "VpcSecurityGroupMemberships": ["{Group.Ref}"],
            }]}),
        ),
    ]);
    trip(&all).await;
}

/// More than one call's worth, of which some act at once and some after a reboot.
#[tokio::test(start_paused = true)]
async fn many_parameters_are_sent_twenty_at_a_time() {
    let trip = Trip::new();
    let parameters: Json = (0..45)
        .map(|at| (format!("parameter_{at}"), json!("1")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let wanted = |parameters: Json| json!({"DBParameterGroupName": "many", "Family": "mysql8.4", "Description": "d", "Parameters": parameters});
    let mut made = trip
        .make("AWS::RDS::DBParameterGroup", wanted(parameters))
        .await;
    let calls = |operation: &str| {
        let calls = trip.aws.calls.lock().expect("no test panics with it");
        calls
            .iter()
            .filter(|call| call.ends_with(operation))
            .count()
    };
    assert_eq!(calls(":ModifyDBParameterGroup"), 3);
    trip.change(
        &mut made,
        wanted(json!({"parameter_0": "1", "wait_timeout": 60})),
        &["Parameters"],
    )
    .await;
    assert_eq!(calls(":ResetDBParameterGroup"), 3);
    let set = json!({"DBParameterGroupName": "many", "Source": "user"});
    let set = trip.did("rds", "DescribeDBParameters", set);
    assert_eq!(set["Parameters"].as_array().map(Vec::len), Some(2));
    assert_eq!(set["Parameters"][1]["ApplyMethod"], "immediate");
    trip.delete(&made).await;
}

/// What somebody else has set is theirs.
#[tokio::test(start_paused = true)]
async fn parameters_of_others_stay() {
    let trip = Trip::new();
    let wanted = |value: &str| json!({"DBParameterGroupName": "shared", "Family": "mysql8.4", "Description": "d", "Parameters": {"wait_timeout": value}});
    let mut made = trip.make("AWS::RDS::DBParameterGroup", wanted("60")).await;
    let theirs = json!({"ParameterName": "max_connections", "ParameterValue": "99", "ApplyMethod": "immediate"});
    trip.did(
        "rds",
        "ModifyDBParameterGroup",
        json!({"DBParameterGroupName": "shared", "Parameters": [theirs]}),
    );
    trip.change(&mut made, wanted("90"), &["Parameters"]).await;
    let set = json!({"DBParameterGroupName": "shared", "Source": "user"});
    let set = trip.did("rds", "DescribeDBParameters", set);
    assert_eq!(set["Parameters"].as_array().map(Vec::len), Some(2), "{set}");
}
