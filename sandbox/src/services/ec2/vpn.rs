//! Virtual private gateways: the other end of a VPC's VPN connections.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, States, Tags, create, delete, describe, run};
use crate::law::Law;
use crate::world::{Record, Step};
use serde_json::{Value as Json, json};

const GATEWAY: &str = "ec2/vpn-gateway";
const ATTACHMENTS: &str = "VpcAttachments";

/// One virtual private gateway per VPC, one VPC per virtual private gateway.
pub const ONE_VPN_GATEWAY: Law = Law {
    name: "a virtual private gateway is attached once, a VPC has one",
    operations: &["AttachVpnGateway"],
    source: "AWS Site-to-Site VPN quotas: \"Virtual private gateways that can be attached to a VPC at a time: 1\"",
    fault: Fault::new(
        "VpnGatewayLimitExceeded",
        "The maximum number of virtual private gateways has been reached.",
    ),
    check: None,
};

/// Only what is attached can be detached.
pub const VPN_ATTACHED: Law = Law {
    name: "only an attached virtual private gateway is detached",
    operations: &["DetachVpnGateway"],
    source: "Amazon EC2 API Reference, Error codes: InvalidVpnGatewayAttachment.NotFound",
    fault: Fault::new(
        "InvalidVpnGatewayAttachment.NotFound",
        "The attachment with vpn gateway ID '{id}' and vpc ID '{vpc}' does not exist",
    ),
    check: None,
};

/// "You must first detach all virtual private gateways": DeleteVpnGateway.
pub const VPN_DETACHED: Law = Law {
    name: "an attached virtual private gateway is not deleted",
    operations: &["DeleteVpnGateway"],
    source: "Amazon EC2 API Reference, DeleteVpnGateway",
    fault: Fault::new(
        "IncorrectState",
        "The vpnGateway ID '{id}' is attached to a VPC. Detach it first.",
    ),
    check: None,
};

/// How long attaching and detaching take.
const ATTACHING: f64 = 20.0;
const DETACHING: f64 = 30.0;

/// A virtual private gateway.
pub const VPN_GATEWAY: Kind = Kind {
    name: GATEWAY,
    id: Id::Hex("vgw-"),
    id_member: "VpnGatewayId",
    arn: "arn:{partition}:ec2:{region}:{account}:vpn-gateway/{id}",
    defaults: Some(|_| json!({"AmazonSideAsn": 64512, "VpcAttachments": []})),
    tags: Tags::List("Tags"),
    states: Some(States {
        creating: ("available", 0.0),
        deleted: Some(("deleted", 3600.0)),
        ..States::NEW
    }),
    refers: &[Reference::new("VpcAttachments[].VpcId", "ec2/vpc")
        .source("Amazon EC2 API Reference, DeleteVpc")],
    not_found: Fault::new(
        "InvalidVpnGatewayID.NotFound",
        "The vpnGateway ID '{id}' does not exist",
    ),
    in_use: Fault::new(
        "DependencyViolation",
        "The vpnGateway '{id}' has dependencies and cannot be deleted.",
    ),
    operations: &[
        create("CreateVpnGateway", Shows::In("VpnGateway")),
        describe("DescribeVpnGateways", "VpnGatewayIds", "VpnGateways").filters(&[
            ("vpn-gateway-id", "VpnGatewayId"),
            ("attachment.vpc-id", "VpcAttachments[].VpcId"),
            ("attachment.state", "VpcAttachments[].State"),
            ("state", "State"),
            ("type", "Type"),
            ("amazon-side-asn", "AmazonSideAsn"),
        ]),
        delete("DeleteVpnGateway", "VpnGatewayId", Shows::Nothing).prepare(only_detached),
        run("AttachVpnGateway", attach),
        run("DetachVpnGateway", detach),
    ],
    ..Kind::NEW
};

/// The attachment that is not a memory.
fn attachment(gateway: &Record) -> Option<&Json> {
    gateway
        .list(ATTACHMENTS)
        .iter()
        .find(|attachment| attachment["State"] != "detached")
}

fn only_detached(_: &mut Call, gateway: &mut Record) -> Result<(), Refusal> {
    match attachment(gateway) {
        Some(_) => Err(VPN_DETACHED.fault.with(&[("id", &gateway.id)])),
        None => Ok(()),
    }
}

fn named(call: &Call) -> Result<(Record, String), Refusal> {
    let gateway = call.need(GATEWAY, call.text("VpnGatewayId").unwrap_or_default())?;
    let vpc = call.need("ec2/vpc", call.text("VpcId").unwrap_or_default())?;
    Ok((gateway.clone(), vpc.id.clone()))
}

fn attach(call: &mut Call) -> Answer {
    let (gateway, vpc) = named(call)?;
    let mine = attachment(&gateway);
    if let Some(mine) = mine
        && mine["VpcId"] == vpc.as_str()
    {
        return Ok(json!({"VpcAttachment": mine}));
    }
    let taken = call
        .list(GATEWAY)
        .any(|other| attachment(other).is_some_and(|other| other["VpcId"] == vpc.as_str()));
    if mine.is_some() || taken {
        return Err(ONE_VPN_GATEWAY.fault.with(&[]));
    }
    let at = call.now + ATTACHING;
    let state = |state: &str| json!([{"State": state, "VpcId": vpc}]);
    call.update(GATEWAY, &gateway.id, |gateway| {
        gateway.set(ATTACHMENTS, state("attaching"));
        gateway
            .steps
            .push(Step::set(at, ATTACHMENTS, state("attached")));
    });
    Ok(json!({"VpcAttachment": {"State": "attaching", "VpcId": vpc}}))
}

fn detach(call: &mut Call) -> Answer {
    let (gateway, vpc) = named(call)?;
    if attachment(&gateway).is_none_or(|mine| mine["VpcId"] != vpc.as_str()) {
        return Err(VPN_ATTACHED
            .fault
            .with(&[("id", &gateway.id), ("vpc", &vpc)]));
    }
    let at = call.now + DETACHING;
    call.update(GATEWAY, &gateway.id, |gateway| {
        gateway
            .steps
            .retain(|step| step.set.iter().all(|(path, _)| path != ATTACHMENTS));
        gateway.set(ATTACHMENTS, json!([{"State": "detaching", "VpcId": vpc}]));
        gateway.steps.push(Step::set(at, ATTACHMENTS, json!([])));
    });
    Ok(json!({}))
}
