//! `AWS::EC2::SubnetNetworkAclAssociation`: which network ACL a subnet has. A subnet always has one: an association is neither
//! made nor deleted, only replaced by another with an id of its own.

use std::time::Duration;

use async_trait::async_trait;

use super::{NETWORK_ACLS, NETWORK_ACLS_OF_ASSOCIATIONS, NETWORK_ACLS_OF_SUBNETS};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::EC2::SubnetNetworkAclAssociation`.
pub struct SubnetNetworkAclAssociation;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["NetworkAclId", "SubnetId"],
        ..Create::of("ReplaceNetworkAclAssociation", "")
    },
    reads: &[Read {
        select: Some(by_id),
        ..Read::of(&NETWORK_ACLS_OF_ASSOCIATIONS)
    }],
    delete: Delete {
        // Where the declared list is the VPC's default one, nothing goes away.
        lingers: true,
        ..Delete::of("ReplaceNetworkAclAssociation", &["AssociationId"], GONE)
    },
    find: Find::Search(search),
    rules: &[Rule::Told("AssociationId", "NetworkAclAssociationId")],
    ..Definition::new("AWS::EC2::SubnetNetworkAclAssociation", "ec2")
};

const STALE: &str = "InvalidAssociationID.NotFound";
const GONE: &[&str] = &[STALE];
/// How long the association of a subnet that was just made may stay unseen, or another one's replacement of it.
const SETTLING: Duration = Duration::from_secs(60);

fn association<'j>(acl: &'j Json, member: &str, wanted: &str) -> Option<&'j Json> {
    let mut associations = acl.get("Associations")?.as_array()?.iter();
    associations.find(|association| described(association, member) == Some(wanted))
}

fn by_id(acl: &Json, id: &PhysicalId) -> Option<Json> {
    association(acl, "NetworkAclAssociationId", id.as_str()).cloned()
}

async fn of_subnet(context: &Context, subnet: &str) -> Result<Option<Json>> {
    let acls = generic::items_of(context, &NETWORK_ACLS_OF_SUBNETS, subnet).await?;
    Ok(acls
        .iter()
        .find_map(|acl| association(acl, "SubnetId", subnet))
        .cloned())
}

fn named<'v>(desired: &'v Value, name: &str) -> Option<&'v str> {
    desired.get(name).and_then(Value::as_str)
}

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(async move {
        let (Some(subnet), Some(acl)) =
            (named(desired, "SubnetId"), named(desired, "NetworkAclId"))
        else {
            return Ok(None);
        };
        let current = of_subnet(context, subnet).await?;
        let ours = current.filter(|current| described(current, "NetworkAclId") == Some(acl));
        Ok(ours
            .as_ref()
            .and_then(|current| described(current, "NetworkAclAssociationId"))
            .map(PhysicalId::from))
    })
}

/// Replaces the association that the subnet has; AWS's answer, or the association that is as wanted already.
async fn associate(context: &Context, subnet: &str, acl: &str) -> Result<Json> {
    let Some(current) = of_subnet(context, subnet).await? else {
        return Err(unseen(subnet));
    };
    if described(&current, "NetworkAclId") == Some(acl) {
        return Ok(json!({"NewAssociationId": current.get("NetworkAclAssociationId")}));
    }
    let input = Map::from_iter([
        (
            "AssociationId".to_owned(),
            json!(current.get("NetworkAclAssociationId")),
        ),
        ("NetworkAclId".to_owned(), json!(acl)),
    ]);
    generic::write(&DEFINITION, context, "ReplaceNetworkAclAssociation", input).await
}

fn unseen(subnet: &str) -> Error {
    Error::Answer {
        call: "ec2:DescribeNetworkAcls".to_owned(),
        missing: format!("network ACL of {subnet}"),
    }
}

#[async_trait]
impl Resource for SubnetNetworkAclAssociation {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let (Some(subnet), Some(acl)) =
            (named(desired, "SubnetId"), named(desired, "NetworkAclId"))
        else {
            return Err(Error::Failed(
                "a network ACL's association needs SubnetId and NetworkAclId".to_owned(),
            ));
        };
        let passing =
            |error: &Error| error.code() == Some(STALE) || matches!(error, Error::Answer { .. });
        let call = || associate(context, subnet, acl);
        let answer = generic::repeat(context, SETTLING, passing, call).await?;
        let Some(id) = described(&answer, "NewAssociationId") else {
            return Err(Error::Answer {
                call: "ec2:ReplaceNetworkAclAssociation".to_owned(),
                missing: "NewAssociationId".to_owned(),
            });
        };
        let mut model = desired.clone();
        if let Some(map) = model.as_map_mut() {
            map.insert("AssociationId".to_owned(), id.into());
        }
        Ok(Observed {
            id: id.into(),
            model,
            status: Status::Ready,
        })
    }

    /// The subnet goes back to the default list of its VPC (API_ReplaceNetworkAclAssociation), unless a successor's has replaced
    /// this association already.
    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let found = generic::items_of(context, &NETWORK_ACLS_OF_ASSOCIATIONS, id.as_str()).await?;
        let Some(acl) = found.iter().find(|acl| by_id(acl, id).is_some()) else {
            return Ok(());
        };
        let is_default = |acl: &&Json| look(acl, "IsDefault") == Some(json!(true));
        if is_default(&acl) {
            return Ok(());
        }
        let vpc = described(acl, "VpcId").unwrap_or_default();
        let all = generic::items_of(context, &NETWORK_ACLS, vpc).await?;
        let Some(default) = all.iter().find(is_default) else {
            return Err(Error::Answer {
                call: "ec2:DescribeNetworkAcls".to_owned(),
                missing: format!("default network ACL of {vpc}"),
            });
        };
        let input = Map::from_iter([
            ("AssociationId".to_owned(), json!(id.as_str())),
            (
                "NetworkAclId".to_owned(),
                json!(default.get("NetworkAclId")),
            ),
        ]);
        generic::delete_with(&DEFINITION, context, "ReplaceNetworkAclAssociation", input).await
    }
}
