//! `AWS::EC2::VPCGatewayAttachment`: an internet or VPN gateway at its VPC. The id is `IGW|vpc-…` or `VGW|vpc-…`.

use async_trait::async_trait;

use super::{ATTACHED_INTERNET_GATEWAYS, ATTACHED_VPN_GATEWAYS};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::EC2::VPCGatewayAttachment`.
pub struct VpcGatewayAttachment;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["InternetGatewayId", "VpnGatewayId", "VpcId"],
        ..Create::of("AttachInternetGateway", "")
    },
    reads: &[
        Read {
            key: Key::Id(&[1]),
            select: Some(attachment),
            ..Read::of(&ATTACHED_INTERNET_GATEWAYS)
        },
        Read {
            // Instead of the first one, by the module's own read.
            key: Key::Id(&[1]),
            select: Some(attachment),
            when: Some(|_| false),
            ..Read::of(&ATTACHED_VPN_GATEWAYS)
        },
    ],
    updates: &[Change {
        takes: &["InternetGatewayId", "VpnGatewayId"],
        mode: Mode::Step(exchange),
        ..Change::of("AttachInternetGateway", &["VpcId"])
    }],
    delete: Delete {
        // Public addresses in the VPC are still in use (API_DetachInternetGateway).
        busy: &["DependencyViolation"],
        ..Delete::of(
            "DetachInternetGateway",
            &["InternetGatewayId", "VpcId"],
            &[
                "Gateway.NotAttached",
                "InvalidInternetGatewayID.NotFound",
                "InvalidVpnGatewayID.NotFound",
                "InvalidVpnGatewayAttachment.NotFound",
            ],
        )
    },
    find: Find::Search(search),
    rules: &[
        Rule::Computed("AttachmentType", kind_of),
        Rule::Computed("VpcId", vpc_of),
    ],
    status,
    // One gateway of each kind a VPC, and one VPC a gateway (API_AttachInternetGateway).
    unique: &[&["VpcId", "InternetGatewayId"]],
    ..Definition::new("AWS::EC2::VPCGatewayAttachment", "ec2")
};

/// available (internet); attaching | attached | detaching | detached (VPN): API_InternetGatewayAttachment, API_VpcAttachment.
fn status(description: &Json) -> Status {
    match described(description, "State") {
        Some("attaching" | "detaching") => Status::Pending,
        Some("detached") => Status::Gone,
        _ => Status::Ready,
    }
}

fn kind_of(description: &Json) -> Option<Json> {
    if look(description, "VpnGatewayId").is_some() {
        Some("VGW".into())
    } else {
        look(description, "InternetGatewayId").map(|_| "IGW".into())
    }
}

fn vpc_of(description: &Json) -> Option<Json> {
    let attachments =
        look(description, "Attachments").or_else(|| look(description, "VpcAttachments"));
    look(description, "VpcId").or_else(|| look(&attachments?, "0.VpcId"))
}

/// The gateway and how it stands at this VPC.
fn attachment(gateway: &Json, id: &PhysicalId) -> Option<Json> {
    let vpc = id.parts().get(1).copied()?.to_owned();
    let attachments = gateway
        .get("Attachments")
        .or_else(|| gateway.get("VpcAttachments"))?
        .as_array()?;
    let mine = attachments.iter().find(|at| {
        described(at, "VpcId") == Some(&vpc) && described(at, "State") != Some("detached")
    })?;
    let mut description = gateway.clone();
    let members = description.as_object_mut()?;
    members.insert("VpcId".to_owned(), vpc.into());
    members.insert("State".to_owned(), mine.get("State")?.clone());
    Some(description)
}

/// The call, the member and the gateway's id that the properties name.
fn gateway(properties: &Value, attach: bool) -> Option<(&'static str, &'static str, &str)> {
    let named = |name: &str| properties.get(name).and_then(Value::as_str);
    let internet = named("InternetGatewayId").map(|id| {
        (
            if attach {
                "AttachInternetGateway"
            } else {
                "DetachInternetGateway"
            },
            "InternetGatewayId",
            id,
        )
    });
    internet.or_else(|| {
        named("VpnGatewayId").map(|id| {
            (
                if attach {
                    "AttachVpnGateway"
                } else {
                    "DetachVpnGateway"
                },
                "VpnGatewayId",
                id,
            )
        })
    })
}

async fn attach(context: &Context, desired: &Value) -> Result<PhysicalId> {
    let vpc = desired.get("VpcId").and_then(Value::as_str);
    let (Some(vpc), Some((operation, member, id))) = (vpc, gateway(desired, true)) else {
        return Err(Error::Failed(
            "a gateway attachment needs VpcId and InternetGatewayId or VpnGatewayId".to_owned(),
        ));
    };
    let input = Map::from_iter([
        (member.to_owned(), json!(id)),
        ("VpcId".to_owned(), json!(vpc)),
    ]);
    generic::write(&DEFINITION, context, operation, input).await?;
    let kind = if member == "InternetGatewayId" {
        "IGW"
    } else {
        "VGW"
    };
    Ok(format!("{kind}|{vpc}").into())
}

async fn detach(context: &Context, id: &PhysicalId, live: &Value) -> Result<()> {
    let vpc = id.parts().get(1).copied().unwrap_or_default().to_owned();
    let Some((operation, member, gateway)) = gateway(live, false) else {
        return Ok(());
    };
    let input = Map::from_iter([
        (member.to_owned(), json!(gateway)),
        ("VpcId".to_owned(), json!(vpc)),
    ]);
    generic::delete_with(&DEFINITION, context, operation, input).await
}

/// Another gateway of the same kind: the VPC holds one at a time.
fn exchange<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        detach(context, id, update.live).await?;
        attach(context, update.desired).await.map(|_| ())
    })
}

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(async move {
        let (Some(vpc), Some((_, member, wanted))) = (
            desired.get("VpcId").and_then(Value::as_str),
            gateway(desired, true),
        ) else {
            return Ok(None);
        };
        let kind = if member == "InternetGatewayId" {
            "IGW"
        } else {
            "VGW"
        };
        let id = PhysicalId::from(format!("{kind}|{vpc}"));
        let found = VpcGatewayAttachment.read(context, &id).await?;
        Ok(found
            .filter(|found| found.model.get(member).and_then(Value::as_str) == Some(wanted))
            .map(|_| id))
    })
}

#[async_trait]
impl Resource for VpcGatewayAttachment {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let id = attach(context, desired).await?;
        let mut model = desired.clone();
        if let (Some(map), Some(kind)) = (model.as_map_mut(), id.parts().first()) {
            map.insert("AttachmentType".to_owned(), (*kind).into());
        }
        let status = if id.as_str().starts_with("IGW") {
            Status::Ready
        } else {
            Status::Pending
        };
        Ok(Observed { id, model, status })
    }

    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        if !id.as_str().starts_with("VGW|") {
            return generic::read(&DEFINITION, context, id).await;
        }
        let vpc = id.parts().get(1).copied().unwrap_or_default().to_owned();
        let gateways = generic::items_of(context, &ATTACHED_VPN_GATEWAYS, &vpc).await?;
        let Some(found) = gateways.iter().find_map(|gateway| attachment(gateway, id)) else {
            return Ok(None);
        };
        generic::observed(&DEFINITION, id, &found)
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        match self.read(context, id).await? {
            Some(found) => detach(context, id, &found.model).await,
            None => Ok(()),
        }
    }
}
