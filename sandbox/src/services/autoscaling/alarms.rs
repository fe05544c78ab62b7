//! The alarms of target tracking policies.

use crate::call::{Call, uuid};
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// The metric that a predefined one stands for: namespace, name, statistic.
const METRICS: &[(&str, &str, &str, &str)] = &[
    (
        "ECSServiceAverageCPUUtilization",
        "AWS/ECS",
        "CPUUtilization",
        "Average",
    ),
    (
        "ECSServiceAverageMemoryUtilization",
        "AWS/ECS",
        "MemoryUtilization",
        "Average",
    ),
    (
        "ALBRequestCountPerTarget",
        "AWS/ApplicationELB",
        "RequestCountPerTarget",
        "Sum",
    ),
    (
        "RDSReaderAverageCPUUtilization",
        "AWS/RDS",
        "CPUUtilization",
        "Average",
    ),
    (
        "RDSReaderAverageDatabaseConnections",
        "AWS/RDS",
        "DatabaseConnections",
        "Average",
    ),
    (
        "DynamoDBReadCapacityUtilization",
        "AWS/DynamoDB",
        "ConsumedReadCapacityUnits",
        "Sum",
    ),
    (
        "DynamoDBWriteCapacityUtilization",
        "AWS/DynamoDB",
        "ConsumedWriteCapacityUnits",
        "Sum",
    ),
];

/// The alarms of a target tracking policy, as AWS makes them: three minutes above the target, fifteen minutes below nine tenths of it.
pub(super) fn put(call: &mut Call, policy: &Map<String, Json>, old: Option<&Record>) -> Vec<Json> {
    let configuration = &policy["TargetTrackingScalingPolicyConfiguration"];
    let target = configuration["TargetValue"].as_f64().unwrap_or_default();
    let resource = policy["ResourceId"].as_str().unwrap_or_default().to_owned();
    let arn = policy["PolicyARN"].as_str().unwrap_or_default().to_owned();
    let one_way = configuration["DisableScaleIn"] == json!(true);
    let mut made = Vec::new();
    for (side, comparison, periods, threshold) in [
        ("AlarmHigh", "GreaterThanThreshold", 3, target),
        ("AlarmLow", "LessThanThreshold", 15, target * 0.9),
    ] {
        let mut there = old.into_iter().flat_map(|one| one.list("Alarms"));
        let there = there
            .find(|one| {
                one["AlarmName"]
                    .as_str()
                    .is_some_and(|name| name.contains(side))
            })
            .cloned();
        if side == "AlarmLow" && one_way {
            if let Some(there) = there {
                let names = json!({"AlarmNames": [there["AlarmName"]]});
                let deleted = call.call("cloudwatch", "DeleteAlarms", names);
                tracing::debug!(?deleted, "the alarm of scaling in");
            }
            continue;
        }
        let name = match there.as_ref().and_then(|one| one["AlarmName"].as_str()) {
            Some(name) => name.to_owned(),
            None => {
                let digits = call.derive(&format!("alarm {side} {resource}"));
                format!("TargetTracking-{resource}-{side}-{}", uuid(&digits))
            }
        };
        let mut alarm = json!({
            "AlarmName": name, "AlarmActions": [arn], "ComparisonOperator": comparison, "EvaluationPeriods": periods, "Threshold": threshold,
            "AlarmDescription": format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}."), "ActionsEnabled": true,
        });
        metric(configuration, &resource, &mut alarm);
        // Without CloudWatch among the simulated services there is nobody to keep the alarm.
        let put = call.call("cloudwatch", "PutMetricAlarm", alarm);
        tracing::debug!(?put, "the alarm of a scaling policy");
        let alarm_arn = format!(
            "arn:{}:cloudwatch:{}:{}:alarm:{name}",
            call.partition(),
            call.region,
            call.account
        );
        made.push(json!({"AlarmName": name, "AlarmARN": alarm_arn}));
    }
    made
}

fn metric(configuration: &Json, resource: &str, alarm: &mut Json) {
    let predefined = &configuration["PredefinedMetricSpecification"];
    let custom = &configuration["CustomizedMetricSpecification"];
    if custom.is_object() {
        for name in ["MetricName", "Namespace", "Dimensions", "Statistic", "Unit"] {
            if let Some(value) = custom.get(name) {
                alarm[name] = value.clone();
            }
        }
        match custom.get("Metrics") {
            Some(metrics) => alarm["Metrics"] = metrics.clone(),
            None => alarm["Period"] = json!(60),
        }
        return;
    }
    let wanted = predefined["PredefinedMetricType"]
        .as_str()
        .unwrap_or_default();
    let known = METRICS.iter().find(|(name, ..)| *name == wanted);
    let (namespace, name, statistic) = known.map_or(
        ("AWS/ApplicationAutoScaling", wanted, "Average"),
        |(_, namespace, name, statistic)| (*namespace, *name, *statistic),
    );
    let parts: Vec<&str> = resource.split('/').collect();
    let label = predefined["ResourceLabel"].as_str().unwrap_or_default();
    let pairs: Vec<(&str, String)> = match (wanted, parts.as_slice()) {
        ("ALBRequestCountPerTarget", _) => {
            let (balancer, group) = label.split_once("/targetgroup/").unwrap_or((label, ""));
            vec![
                ("LoadBalancer", balancer.to_owned()),
                ("TargetGroup", format!("targetgroup/{group}")),
            ]
        }
        (_, ["service", cluster, service]) => {
            vec![
                ("ClusterName", (*cluster).to_owned()),
                ("ServiceName", (*service).to_owned()),
            ]
        }
        (_, ["table", table, ..]) => vec![("TableName", (*table).to_owned())],
        (_, [one]) => one
            .strip_prefix("cluster:")
            .map_or_else(Vec::new, |cluster| {
                vec![
                    ("DBClusterIdentifier", cluster.to_owned()),
                    ("Role", "READER".to_owned()),
                ]
            }),
        _ => Vec::new(),
    };
    let dimensions: Vec<Json> = pairs
        .into_iter()
        .map(|(name, value)| json!({"Name": name, "Value": value}))
        .collect();
    for (member, value) in [
        ("Namespace", json!(namespace)),
        ("MetricName", json!(name)),
        ("Statistic", json!(statistic)),
        ("Dimensions", json!(dimensions)),
        ("Period", json!(60)),
    ] {
        alarm[member] = value;
    }
}
