//! `AWS::EC2::EIP`: a public address. The id is `PublicIp|AllocationId`.

use async_trait::async_trait;

use super::ADDRESSES;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::EC2::EIP`.
pub struct Eip;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["TransferAddress"],
        ..Create::of("AllocateAddress", "")
    },
    reads: &[Read {
        key: Key::Id(&[1]),
        ..Read::of(&ADDRESSES)
    }],
    updates: &[Change {
        takes: &["InstanceId"],
        mode: Mode::Step(associate),
        ..Change::of("AssociateAddress", &["AllocationId"])
    }],
    delete: Delete {
        busy: &["InvalidIPAddress.InUse"],
        ..Delete::of(
            "ReleaseAddress",
            &["AllocationId", "NetworkBorderGroup"],
            &["InvalidAllocationID.NotFound"],
        )
    },
    tags: Tags::Specification("elastic-ip"),
    create_only: &[
        (
            "Domain",
            "an address has its domain from its allocation; the EC2 API has no call that changes it",
        ),
        (
            "PublicIpv4Pool",
            "an address comes from its pool at allocation; the EC2 API has no call that changes it",
        ),
    ],
    ..Definition::new("AWS::EC2::EIP", "ec2")
};

/// The address at an instance, or at none.
fn associate<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let allocation = id.parts().get(1).copied().unwrap_or_default().to_owned();
        if let Some(instance) = update.desired.get("InstanceId").and_then(Value::as_str) {
            let input = json!({"AllocationId": allocation, "InstanceId": instance, "AllowReassociation": true});
            context.write("ec2", "AssociateAddress", input).await?;
            return Ok(());
        }
        for address in generic::items_of(context, &ADDRESSES, &allocation).await? {
            if let Some(association) = described(&address, "AssociationId") {
                context
                    .write(
                        "ec2",
                        "DisassociateAddress",
                        json!({"AssociationId": association}),
                    )
                    .await?;
            }
        }
        Ok(())
    })
}

#[async_trait]
impl Resource for Eip {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// An address that another account offers is accepted instead of allocated.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let Some(address) = desired.get("TransferAddress").and_then(Value::as_str) else {
            return generic::create(&DEFINITION, context, desired, incarnation).await;
        };
        let mut input = Map::from_iter([("Address".to_owned(), json!(address))]);
        if let Some(tags) = desired.get("Tags").and_then(Value::expose_json) {
            input.insert(
                "TagSpecifications".to_owned(),
                json!([{"ResourceType": "elastic-ip", "Tags": tags}]),
            );
        }
        let answer = generic::write(&DEFINITION, context, "AcceptAddressTransfer", input).await?;
        let allocation = look(&answer, "AddressTransfer.AllocationId");
        let Some(allocation) = allocation.as_ref().and_then(Json::as_str) else {
            let call = "ec2:AcceptAddressTransfer".to_owned();
            return Err(Error::Answer {
                call,
                missing: "AllocationId".to_owned(),
            });
        };
        let id = PhysicalId::from(format!("{address}|{allocation}"));
        if desired.get("InstanceId").is_some() {
            let changed = ["InstanceId".into()];
            let update = Update {
                desired,
                live: &Value::map(),
                changed: &changed,
            };
            generic::update(&DEFINITION, context, &id, &update).await?;
        }
        let found = generic::read(&DEFINITION, context, &id).await?;
        Ok(found.unwrap_or(Observed {
            id,
            model: desired.clone(),
            status: Status::Ready,
        }))
    }
}
