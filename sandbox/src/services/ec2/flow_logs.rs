//! Flow logs.

use super::PAGES;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Tags, describe, run};
use crate::law::Law;
use crate::path;
use crate::services::iam;
use serde_json::{Value as Json, json};

/// Who delivers to CloudWatch Logs.
const DELIVERER: &str = "vpc-flow-logs.amazonaws.com";

/// The role can be assumed.
pub const ROLE_ASSUMABLE: Law = Law {
    name: "a flow log's role can be assumed by the flow logs service",
    operations: &["CreateFlowLogs"],
    source: "Amazon VPC User Guide, IAM role for publishing flow logs to CloudWatch Logs: the trust policy",
    fault: Fault::new("InvalidParameter", "Unable to assume given IAM role"),
    check: Some(|call, law| {
        let role = call.text("DeliverLogsPermissionArn");
        match role.is_none_or(|role| iam::role_is_assumable(call, role, DELIVERER)) {
            true => Ok(()),
            false => Err(law.fault.with(&[])),
        }
    }),
};

/// Where the records go is said once, and completely.
pub const DESTINATION: Law = Law {
    name: "a flow log has a destination that fits its type",
    operations: &["CreateFlowLogs"],
    source: "Amazon EC2 API Reference, CreateFlowLogs: LogDestination, LogGroupName, DeliverLogsPermissionArn",
    fault: Fault::new("InvalidParameter", "{id}"),
    check: Some(|call, law| {
        let (group, destination) = (call.text("LogGroupName"), call.text("LogDestination"));
        let kind = call.text("LogDestinationType").unwrap_or(LOGS);
        let wrong = if group.is_none() && destination.is_none() {
            "LogDestination can't be empty if LogGroupName is not provided."
        } else if group.is_some() && kind != LOGS {
            "LogDestination type must be cloud-watch-logs if LogGroupName is provided."
        } else if kind == LOGS && call.text("DeliverLogsPermissionArn").is_none() {
            "DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs."
        } else if destination.is_some_and(|arn| arn.ends_with(":*")) {
            "LogDestination is not a valid ARN of a log group."
        } else {
            return Ok(());
        };
        Err(law.fault.with(&[("id", wrong)]))
    }),
};

/// Ten minutes or one.
pub const INTERVAL: Law = Law {
    name: "a flow log aggregates for one minute or ten",
    operations: &["CreateFlowLogs"],
    source: "Amazon EC2 API Reference, CreateFlowLogs: MaxAggregationInterval",
    fault: Fault::new(
        "InvalidParameter",
        "Invalid Flow Log Max Aggregation Interval",
    ),
    check: Some(|call, law| {
        match call
            .input
            .get("MaxAggregationInterval")
            .and_then(Json::as_i64)
        {
            None | Some(60 | 600) => Ok(()),
            Some(_) => Err(law.fault.with(&[])),
        }
    }),
};

/// The same once.
pub const LOGGED_ONCE: Law = Law {
    name: "one flow log of the same traffic to the same destination",
    operations: &["CreateFlowLogs"],
    source: "Amazon EC2 API Reference, Error codes: FlowLogAlreadyExists",
    fault: Fault::new(
        "FlowLogAlreadyExists",
        "Error. There is an existing Flow Log with the same configuration and log destination.",
    ),
    check: None,
};

const LOGS: &str = "cloud-watch-logs";

/// "If you omit this parameter, the flow log is created using the default format": CreateFlowLogs, Amazon EC2 API Reference.
const FORMAT: &str = "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}";

/// A flow log.
pub const FLOW_LOG: Kind = Kind {
    name: "ec2/flow-log",
    id: Id::Hex("fl-"),
    id_member: "FlowLogId",
    arn: "arn:{partition}:ec2:{region}:{account}:vpc-flow-log/{id}",
    tag_type: "vpc-flow-log",
    created_member: "CreationTime",
    defaults: Some(
        |_| json!({"FlowLogStatus": "ACTIVE", "LogDestinationType": LOGS, "LogFormat": FORMAT, "MaxAggregationInterval": 600}),
    ),
    tags: Tags::List("Tags"),
    token: "ClientToken",
    not_found: Fault::new(
        "InvalidFlowLogId.NotFound",
        "These flow log ids in the input list are not found: [{id}]",
    ),
    show: Some(|call, record, body| {
        let group = record.text("LogGroupName");
        // A log group that is not there is found out when records are delivered.
        let lost =
            record.is("LogDestinationType", LOGS) && call.find("logs/log-group", group).is_none();
        let status = if lost { "FAILED" } else { "SUCCESS" };
        body.insert("DeliverLogsStatus".into(), json!(status));
        if lost {
            body.insert("DeliverLogsErrorMessage".into(), json!("Access error"));
        }
    }),
    operations: &[
        run("CreateFlowLogs", create_flow_logs),
        describe("DescribeFlowLogs", "FlowLogIds", "FlowLogs")
            .paging(PAGES)
            .filters(&[
                ("flow-log-id", "FlowLogId"),
                ("resource-id", "ResourceId"),
                ("traffic-type", "TrafficType"),
                ("log-group-name", "LogGroupName"),
                ("log-destination-type", "LogDestinationType"),
                ("deliver-log-status", "DeliverLogsStatus"),
            ]),
        run("DeleteFlowLogs", delete_flow_logs),
    ],
    ..Kind::NEW
};

fn create_flow_logs(call: &mut Call) -> Answer {
    let kind = call.text("ResourceType").unwrap_or_default().to_owned();
    let simulated = match kind.as_str() {
        "VPC" => "ec2/vpc",
        "Subnet" => "ec2/subnet",
        "NetworkInterface" => "ec2/network-interface",
        "RegionalNatGateway" => "ec2/nat-gateway",
        _ => "",
    };
    if !simulated.is_empty() && call.text("TrafficType").is_none() {
        return Err(Refusal::new(
            "MissingParameter",
            "The request must contain the parameter trafficType",
        ));
    }
    if let Some(token) = call.text("ClientToken") {
        let made: Vec<String> = call
            .list(FLOW_LOG.name)
            .filter(|log| log.hidden.get("token").and_then(Json::as_str) == Some(token))
            .map(|log| log.id.clone())
            .collect();
        if !made.is_empty() {
            return Ok(json!({"FlowLogIds": made, "Unsuccessful": [], "ClientToken": token}));
        }
    }
    let ids = call.texts("ResourceIds[]");
    for id in ids.iter().filter(|_| !simulated.is_empty()) {
        call.need(simulated, id)?;
    }
    let (mut made, mut failed) = (Vec::new(), Vec::new());
    for id in ids {
        let mut members = call.input.clone();
        for steers in ["ResourceIds", "ResourceType"] {
            members.remove(steers);
        }
        members.insert("ResourceId".into(), json!(id));
        let destination = path::text(&members, "LogDestination").map(str::to_owned);
        if let Some((_, name)) = destination
            .as_deref()
            .and_then(|arn| arn.split_once(":log-group:"))
        {
            members.insert("LogGroupName".into(), json!(name));
        }
        if path::text(&members, "LogDestinationType") == Some("s3") {
            let mut options = json!({"FileFormat": "plain-text", "HiveCompatiblePartitions": false, "PerHourPartition": false});
            if let Some(Json::Object(sent)) = members.get("DestinationOptions") {
                for (name, value) in sent {
                    options[name] = value.clone();
                }
            }
            members.insert("DestinationOptions".into(), options);
        }
        let same = |other: &crate::world::Record| {
            other.is("ResourceId", &id)
                && ["TrafficType", "LogDestination", "LogGroupName"]
                    .iter()
                    .all(|member| other.body.get(*member) == members.get(*member))
        };
        if call.list(FLOW_LOG.name).any(same) {
            // With one of several the call does not fail: it is listed.
            let error =
                json!({"Code": LOGGED_ONCE.fault.code, "Message": LOGGED_ONCE.fault.message});
            failed.push(json!({"ResourceId": id, "Error": error}));
            continue;
        }
        made.push(call.make(FLOW_LOG.name, Json::Object(members))?.id);
    }
    let mut answer = json!({"FlowLogIds": made, "Unsuccessful": failed});
    if let Some(token) = call.text("ClientToken") {
        answer["ClientToken"] = json!(token);
    }
    Ok(answer)
}

fn delete_flow_logs(call: &mut Call) -> Answer {
    let ids = call.texts("FlowLogIds[]");
    for id in &ids {
        call.need(FLOW_LOG.name, id)?;
    }
    for id in &ids {
        call.delete(FLOW_LOG.name, id)?;
    }
    Ok(json!({"Unsuccessful": []}))
}
