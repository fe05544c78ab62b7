//! VPC peering connections. One that spans regions or accounts is seen from both sides.

use super::PAGES;
use super::cidr::Block;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, Tags, create, describe, run};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// Two VPCs are peered once.
pub const PEERED_ONCE: Law = Law {
    name: "two VPCs have one peering connection",
    operations: &["CreateVpcPeeringConnection"],
    source: "Amazon EC2 API Reference, Error codes: VpcPeeringConnectionAlreadyExists",
    fault: Fault::new(
        "VpcPeeringConnectionAlreadyExists",
        "A VPC peering connection between the VPCs already exists: {id}",
    ),
    check: None,
};

/// What waits for it is accepted.
pub const ACCEPTABLE: Law = Law {
    name: "a peering connection is accepted while it waits for that",
    operations: &["AcceptVpcPeeringConnection"],
    source: "Amazon VPC Peering Guide, VPC peering connection lifecycle",
    fault: Fault::new(
        "InvalidStateTransition",
        "Invalid state transition for {id}, attempted to transition from {state} to active",
    ),
    check: None,
};

/// What came to nothing is not deleted.
pub const DELETABLE: Law = Law {
    name: "a peering connection that has failed is not deleted",
    operations: &["DeleteVpcPeeringConnection"],
    source: "Amazon VPC Peering Guide, VPC peering connection lifecycle: Failed",
    fault: Fault::new(
        "InvalidStateTransition",
        "Invalid state transition for {id}, attempted to transition from {state} to deleting",
    ),
    check: None,
};

/// How long a request takes to arrive, an acceptance and a deletion to be done, and what is over stays visible.
const SECONDS: (f64, f64, f64) = (2.0, 2.0, 7200.0);
/// A request expires after seven days.
const EXPIRES: f64 = 7.0 * 86_400.0;

/// A peering connection.
pub const PEERING: Kind = Kind {
    name: "ec2/vpc-peering-connection",
    id: Id::Hex("pcx-"),
    id_member: "VpcPeeringConnectionId",
    arn: "arn:{partition}:ec2:{region}:{account}:vpc-peering-connection/{id}",
    tags: Tags::List("Tags"),
    not_found: Fault::new(
        "InvalidVpcPeeringConnectionID.NotFound",
        "The vpcPeeringConnection ID '{id}' does not exist",
    ),
    operations: &[
        create(
            "CreateVpcPeeringConnection",
            Shows::In("VpcPeeringConnection"),
        )
        .control(&["VpcId", "PeerVpcId", "PeerOwnerId", "PeerRegion"])
        .before(request)
        .done(send),
        describe(
            "DescribeVpcPeeringConnections",
            "VpcPeeringConnectionIds",
            "VpcPeeringConnections",
        )
        .paging(PAGES)
        .filters(&[
            ("vpc-peering-connection-id", "VpcPeeringConnectionId"),
            ("requester-vpc-info.vpc-id", "RequesterVpcInfo.VpcId"),
            ("requester-vpc-info.owner-id", "RequesterVpcInfo.OwnerId"),
            (
                "requester-vpc-info.cidr-block",
                "RequesterVpcInfo.CidrBlock",
            ),
            ("accepter-vpc-info.vpc-id", "AccepterVpcInfo.VpcId"),
            ("accepter-vpc-info.owner-id", "AccepterVpcInfo.OwnerId"),
            ("accepter-vpc-info.cidr-block", "AccepterVpcInfo.CidrBlock"),
            ("status-code", "Status.Code"),
            ("status-message", "Status.Message"),
            ("expiration-time", "ExpirationTime"),
        ]),
        run("AcceptVpcPeeringConnection", accept),
        run("RejectVpcPeeringConnection", reject),
        run("DeleteVpcPeeringConnection", delete_connection),
    ],
    ..Kind::NEW
};

/// What AWS tells of one side.
fn side(call: &Call, account: &str, region: &str, vpc: &str) -> Json {
    let key = Key {
        account: account.to_owned(),
        region: region.to_owned(),
        ..call.key("ec2/vpc", vpc)
    };
    let mut side = json!({"OwnerId": account, "Region": region, "VpcId": vpc});
    if let Some(vpc) = call.world.get(&key) {
        side["CidrBlock"] = json!(vpc.text("CidrBlock"));
        let blocks: Vec<Json> = super::ranges::associated(vpc)
            .into_iter()
            .map(|block| json!({"CidrBlock": block}))
            .collect();
        side["CidrBlockSet"] = json!(blocks);
        side["PeeringOptions"] = json!({"AllowDnsResolutionFromRemoteVpc": false, "AllowEgressFromLocalClassicLinkToRemoteVpc": false,
                                        "AllowEgressFromLocalVpcToRemoteClassicLink": false});
    }
    side
}

fn request(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let own = call
        .need("ec2/vpc", call.text("VpcId").unwrap_or_default())?
        .id
        .clone();
    let Some(peer) = call.text("PeerVpcId") else {
        return Err(Refusal::new(
            "MissingParameter",
            "The request must contain the parameter peerVpcId",
        ));
    };
    let account = call.text("PeerOwnerId").unwrap_or(&call.account);
    let region = call.text("PeerRegion").unwrap_or(&call.region);
    let (requester, accepter) = (
        side(call, &call.account, &call.region, &own),
        side(call, account, region, peer),
    );
    let existing = call.list(PEERING.name).find(|other| {
        let ends = [
            other.text("RequesterVpcInfo.VpcId"),
            other.text("AccepterVpcInfo.VpcId"),
        ];
        let lives = matches!(
            other.text("Status.Code"),
            "initiating-request" | "pending-acceptance" | "provisioning" | "active"
        );
        lives && ends.contains(&own.as_str()) && ends.contains(&peer)
    });
    if let Some(existing) = existing {
        return Err(PEERED_ONCE.fault.with(&[("id", &existing.id)]));
    }
    members.insert("RequesterVpcInfo".into(), requester);
    members.insert("AccepterVpcInfo".into(), accepter);
    members.insert("ExpirationTime".into(), json!(call.now + EXPIRES));
    members.insert(
        "Status".into(),
        status("initiating-request", "Initiating Request"),
    );
    Ok(())
}

fn status(code: &str, message: &str) -> Json {
    json!({"Code": code, "Message": message})
}

/// The request arrives at the other side, or has failed some seconds after AWS accepted it.
fn send(call: &mut Call, key: &Key) -> Result<(), Refusal> {
    let Some(connection) = call.world.get(key).cloned() else {
        return Ok(());
    };
    let blocks = |side: &str| -> Vec<Block> {
        path::texts(
            &connection.body,
            &format!("{side}.CidrBlockSet[].CidrBlock"),
        )
        .iter()
        .filter_map(|block| Block::parse(block))
        .collect()
    };
    let (mine, theirs) = (blocks("RequesterVpcInfo"), blocks("AccepterVpcInfo"));
    // A VPC of another account is taken to be there.
    let unknown = theirs.is_empty() && connection.is("AccepterVpcInfo.OwnerId", &call.account);
    let overlap = mine
        .iter()
        .any(|mine| theirs.iter().any(|theirs| mine.overlaps(*theirs)));
    let at = call.now + SECONDS.0;
    let mut sent = connection.clone();
    if unknown || overlap {
        let message = "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range";
        sent.steps.push(Step {
            dies: true,
            ..Step::set(at, "Status", status("failed", message))
        });
        sent.steps.push(Step::gone(at + SECONDS.2));
        call.world.put(key.clone(), sent);
        return Ok(());
    }
    let owner = connection.text("AccepterVpcInfo.OwnerId");
    let message = format!("Pending Acceptance by {owner}");
    sent.steps.push(Step::set(
        at,
        "Status",
        status("pending-acceptance", &message),
    ));
    let late = call.now + EXPIRES;
    sent.steps.push(Step {
        dies: true,
        ..Step::set(late, "Status", status("expired", "Expired"))
    });
    sent.steps.push(Step::gone(late + SECONDS.2));
    for key in sides(&sent) {
        let mut seen = sent.clone();
        if key.account != call.account || key.region != call.region {
            // Tags are of the side that set them.
            seen.tags.clear();
        }
        call.world.put(key, seen);
    }
    Ok(())
}

/// Where a connection is seen: once where both VPCs are of one account and region.
fn sides(connection: &Record) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    for side in ["RequesterVpcInfo", "AccepterVpcInfo"] {
        let key = Key {
            account: connection.text(&format!("{side}.OwnerId")).to_owned(),
            region: connection.text(&format!("{side}.Region")).to_owned(),
            kind: PEERING.name,
            id: connection.id.clone(),
        };
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

fn the_connection(call: &Call) -> Result<Record, Refusal> {
    let id = call.text("VpcPeeringConnectionId").unwrap_or_default();
    let found = call.find_any(PEERING.name, id);
    found
        .cloned()
        .ok_or_else(|| PEERING.not_found.with(&[("id", id)]))
}

/// On both sides: a status now, another one later; and whether it is over then.
fn turn(call: &mut Call, connection: &Record, now: Json, later: Option<Json>, over: bool) {
    let at = call.now + SECONDS.1;
    for key in sides(connection) {
        call.world.update(&key, |seen| {
            seen.set("Status", now.clone());
            seen.body.remove("ExpirationTime");
            seen.steps.clear();
            if let Some(later) = later.clone() {
                seen.steps.push(Step {
                    dies: over,
                    ..Step::set(at, "Status", later)
                });
            }
            if over {
                seen.dead |= later.is_none();
                seen.steps.push(Step::gone(at + SECONDS.2));
            }
        });
    }
}

/// Only who has the accepter's VPC, in its region, can accept or reject.
fn waiting(call: &Call, connection: &Record) -> Result<(), Refusal> {
    let theirs = connection.is("AccepterVpcInfo.OwnerId", &call.account)
        && connection.is("AccepterVpcInfo.Region", &call.region);
    if !theirs {
        let message = format!(
            "User {} cannot accept peering {}",
            call.account, connection.id
        );
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    let state = connection.text("Status.Code");
    if state != "pending-acceptance" {
        return Err(ACCEPTABLE
            .fault
            .with(&[("id", &connection.id), ("state", state)]));
    }
    Ok(())
}

fn accept(call: &mut Call) -> Answer {
    let connection = the_connection(call)?;
    waiting(call, &connection)?;
    let active = status("active", "Active");
    let now = status("provisioning", "Provisioning");
    turn(call, &connection, now, Some(active), false);
    let record = the_connection(call)?;
    Ok(json!({"VpcPeeringConnection": call.show(PEERING.name, &record)}))
}

fn reject(call: &mut Call) -> Answer {
    let connection = the_connection(call)?;
    waiting(call, &connection)?;
    let rejected = status("rejected", &format!("Rejected by {}", call.account));
    turn(call, &connection, rejected, None, true);
    Ok(json!({"Return": true}))
}

fn delete_connection(call: &mut Call) -> Answer {
    let connection = the_connection(call)?;
    let state = connection.text("Status.Code");
    match state {
        "deleting" | "deleted" => return Ok(json!({"Return": true})),
        "failed" | "rejected" | "expired" => {
            return Err(DELETABLE
                .fault
                .with(&[("id", &connection.id), ("state", state)]));
        }
        _ => {}
    }
    let deleted = status("deleted", &format!("Deleted by {}", call.account));
    let deleting = status("deleting", "Deleting");
    turn(call, &connection, deleting, Some(deleted), true);
    Ok(json!({"Return": true}))
}
