//! `AWS::EC2::VPCPeeringConnection`: two VPCs that reach each other. Where the other VPC is one's own, or a role of its owner may be
//! assumed, the connection is accepted too; else its owner has to.

use std::time::Duration;

use async_trait::async_trait;

use super::VPC_PEERING_CONNECTIONS;
use crate::context::{Context, Elsewhere};
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::EC2::VPCPeeringConnection`.
pub struct VpcPeeringConnection;

static DEFINITION: Definition = Definition {
    create: Create {
        own: ACCEPTANCE,
        ..Create::of("CreateVpcPeeringConnection", "VpcPeeringConnection")
    },
    reads: &[Read::of(&VPC_PEERING_CONNECTIONS)],
    delete: Delete::of(
        "DeleteVpcPeeringConnection",
        &["VpcPeeringConnectionId=Id"],
        // What has failed, was rejected or has expired cannot be deleted: AWS forgets it after some hours (VPC peering guide,
        // "VPC peering connection lifecycle").
        &[
            "InvalidVpcPeeringConnectionID.NotFound",
            "InvalidStateTransition",
        ],
    ),
    rules: &[
        Rule::Told("Id", "VpcPeeringConnectionId"),
        Rule::Told("VpcId", "RequesterVpcInfo.VpcId"),
        Rule::Told("PeerVpcId", "AccepterVpcInfo.VpcId"),
        Rule::Told("PeerOwnerId", "AccepterVpcInfo.OwnerId"),
        Rule::Told("PeerRegion", "AccepterVpcInfo.Region"),
    ],
    tags: Tags::Specification("vpc-peering-connection"),
    status,
    // VpcPeeringConnectionAlreadyExists (EC2 API reference, "Error codes").
    unique: &[&["VpcId", "PeerVpcId"]],
    patience: Duration::from_secs(10 * 60),
    ..Definition::new("AWS::EC2::VPCPeeringConnection", "ec2")
};

/// Properties that say how the connection is accepted, and are no part of it.
const ACCEPTANCE: &[&str] = &["PeerRoleArn", "AssumeRoleRegion"];

/// How long AWS may take to bring the request to the other side (VPC peering guide: seconds).
const ARRIVING: Duration = Duration::from_secs(120);

fn code(connection: &Json) -> String {
    let code = look(connection, "Status.Code");
    let code = code.as_ref().and_then(Json::as_str);
    code.unwrap_or_default().to_owned()
}

/// initiating-request | pending-acceptance | provisioning | active | deleting | deleted | rejected | failed | expired (VPC peering
/// guide, "VPC peering connection lifecycle"). Whether somebody else accepts is not for payctl to wait for.
fn status(connection: &Json) -> Status {
    match code(connection).as_str() {
        "initiating-request" | "provisioning" | "deleting" => Status::Pending,
        "deleted" | "rejected" | "failed" | "expired" => Status::Gone,
        _ => Status::Ready,
    }
}

/// Where the connection has to be accepted; `None` where only the other VPC's owner can.
fn accepter(connection: &Json, desired: &Value) -> Option<Elsewhere> {
    let told =
        |path: &str| look(connection, path).and_then(|text| text.as_str().map(str::to_owned));
    let declared = |name: &str| desired.get(name).and_then(Value::to_text);
    let role = declared("PeerRoleArn");
    let own = told("AccepterVpcInfo.OwnerId") == told("RequesterVpcInfo.OwnerId");
    if !own && role.is_none() {
        return None;
    }
    let (here, there) = (
        told("RequesterVpcInfo.Region"),
        told("AccepterVpcInfo.Region").or_else(|| declared("PeerRegion")),
    );
    Some(Elsewhere {
        region: there.filter(|there| here.as_ref() != Some(there)),
        role,
        role_region: declared("AssumeRoleRegion"),
    })
}

/// Waits until the request has arrived at the other side, and accepts it there where that is for us to do. Whether it did.
async fn accept(context: &Context, id: &PhysicalId, desired: &Value) -> Result<bool> {
    let start = context.clock().now();
    loop {
        let found = generic::items_of(context, &VPC_PEERING_CONNECTIONS, id.as_str()).await?;
        let connection = found.first();
        match connection.map(code).as_deref() {
            Some("pending-acceptance") => {
                let Some(place) = connection.and_then(|found| accepter(found, desired)) else {
                    return Ok(false);
                };
                let context = context.elsewhere(&place).await?;
                let input =
                    Map::from_iter([("VpcPeeringConnectionId".to_owned(), json!(id.as_str()))]);
                generic::write(&DEFINITION, &context, "AcceptVpcPeeringConnection", input).await?;
                return Ok(true);
            }
            Some(state @ ("failed" | "rejected" | "expired" | "deleted")) => {
                let message = connection.and_then(|found| look(found, "Status.Message"));
                let message = message.as_ref().and_then(Json::as_str).unwrap_or_default();
                return Err(Error::Failed(format!(
                    "AWS reports the peering connection as {state}: {message}"
                )));
            }
            None | Some("initiating-request" | "") => {}
            Some(_) => return Ok(false),
        }
        let spent = context.clock().now().duration_since(start);
        if spent.unwrap_or(ARRIVING) >= ARRIVING {
            return Err(Error::Failed(format!(
                "the peering connection {id} does not arrive at the other VPC"
            )));
        }
        context.clock().sleep(Duration::from_secs(2)).await;
    }
}

#[async_trait]
impl Resource for VpcPeeringConnection {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let mut connection = desired.clone();
        if let Some(map) = connection.as_map_mut() {
            map.retain(|name, _| !ACCEPTANCE.contains(&name.as_str()));
        }
        let made = generic::create(&DEFINITION, context, &connection, incarnation).await?;
        accept(context, &made.id, desired).await?;
        let found = generic::read(&DEFINITION, context, &made.id).await?;
        Ok(found.unwrap_or(made))
    }

    /// Of a create that was cut off the acceptance may be missing too.
    async fn complete(&self, context: &Context, id: &PhysicalId, desired: &Value) -> Result<bool> {
        context.identified(id).await?;
        let accepted = accept(context, id, desired).await?;
        Ok(generic::complete(self, context, id, desired).await? || accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whose_the_other_vpc_is_says_who_accepts() {
        let told = |owner: &str, region: &str| json!({"RequesterVpcInfo": {"OwnerId": "1", "Region": "us-east-1"}, "AccepterVpcInfo": {"OwnerId": owner, "Region": region}});
        let none = Value::map();
        let here = accepter(&told("1", "us-east-1"), &none).unwrap();
        assert_eq!((here.region, here.role), (None, None));
        let there = accepter(&told("1", "us-west-2"), &none).unwrap();
        assert_eq!(there.region.as_deref(), Some("us-west-2"));
        assert_eq!(accepter(&told("2", "us-east-1"), &none), None);
        let role = Value::from(
            json!({"PeerRoleArn": "arn:aws:iam::2:role/peer", "AssumeRoleRegion": "us-west-2"}),
        );
        let assumed = accepter(&told("2", "us-east-1"), &role).unwrap();
        assert_eq!(assumed.role.as_deref(), Some("arn:aws:iam::2:role/peer"));
        assert_eq!(assumed.role_region.as_deref(), Some("us-west-2"));
    }
}
