//! `AWS::EC2::FlowLog`: a record of the traffic of a VPC, a subnet, a network interface or a gateway. Only its tags change.

use super::FLOW_LOGS;
use crate::prelude::*;

native!(
    /// `AWS::EC2::FlowLog`.
    FlowLog,
    Definition {
        create: Create { token: Some("ClientToken"), ..Create::of("CreateFlowLogs", "") },
        reads: &[Read::of(&FLOW_LOGS)],
        delete: Delete::of("DeleteFlowLogs", &["FlowLogIds=Id"], &["InvalidFlowLogId.NotFound"]),
        rules: &[
            Rule::Told("Id", "FlowLogId"),
            Rule::Told("Id", "FlowLogIds.0"),
            Rule::Sent("ResourceId", "ResourceIds"),
            Rule::Computed("ResourceType", kind),
            // A log group's Arn attribute ends in ":*", which names its streams; CreateFlowLogs wants the group's own.
            Rule::Built("LogDestination", |destination| {
                let destination = destination.as_str().unwrap_or_default();
                json!({"LogDestination": destination.strip_suffix(":*").unwrap_or(destination)})
            }),
        ],
        tags: Tags::Specification("vpc-flow-log"),
        // A role that was just made is not known everywhere yet (IAM user guide, "Changes that I make are not always immediately
        // visible").
        propagation: &[("InvalidParameter", "Unable to assume given IAM role")],
        // FlowLogAlreadyExists: "with the same configuration and log destination" (EC2 API reference, "Error codes"). What of a
        // configuration counts is not written down, and a destination can be written in several ways: a successor of the same
        // resource's log waits until its place is free.
        unique: &[&["ResourceId"]],
        ..Definition::new("AWS::EC2::FlowLog", "ec2")
    }
);

/// DescribeFlowLogs does not tell the kind of what is logged; its id does (EC2 user guide, "Resource IDs").
fn kind(log: &Json) -> Option<Json> {
    let id = look(log, "ResourceId")?;
    let id = id.as_str()?;
    let kinds = [
        ("vpc-", "VPC"),
        ("subnet-", "Subnet"),
        ("eni-", "NetworkInterface"),
        ("tgw-attach-", "TransitGatewayAttachment"),
        ("tgw-", "TransitGateway"),
        ("nat-", "RegionalNatGateway"),
    ];
    let found = kinds.iter().find(|(prefix, _)| id.starts_with(prefix));
    found.map(|(_, kind)| (*kind).into())
}
