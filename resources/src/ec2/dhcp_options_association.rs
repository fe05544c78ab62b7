//! `AWS::EC2::VPCDHCPOptionsAssociation`: which DHCP options a VPC has. The id is `dopt-…|vpc-…`, or `default|vpc-…`.

use async_trait::async_trait;

use super::VPCS;
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::EC2::VPCDHCPOptionsAssociation`.
pub struct VpcDhcpOptionsAssociation;

static DEFINITION: Definition = Definition {
    create: Create::of("AssociateDhcpOptions", ""),
    reads: &[Read {
        key: Key::Id(&[1]),
        select: Some(association),
        ..Read::of(&VPCS)
    }],
    delete: Delete {
        // A VPC always has some options: where the declared ones are the default, nothing goes away.
        lingers: true,
        ..Delete::of("AssociateDhcpOptions", &["VpcId"], GONE)
    },
    find: Find::Search(search),
    ..Definition::new("AWS::EC2::VPCDHCPOptionsAssociation", "ec2")
};

const GONE: &[&str] = &["InvalidVpcID.NotFound"];

/// A VPC has one set at a time: with others it is not this association.
fn association(vpc: &Json, id: &PhysicalId) -> Option<Json> {
    let options = id.parts().first().copied()?.to_owned();
    (described(vpc, "DhcpOptionsId") == Some(options.as_str())).then(|| vpc.clone())
}

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(async move {
        let named = |name: &str| desired.get(name).and_then(Value::as_str);
        let (Some(options), Some(vpc)) = (named("DhcpOptionsId"), named("VpcId")) else {
            return Ok(None);
        };
        let id = PhysicalId::from(format!("{options}|{vpc}"));
        Ok(generic::read(&DEFINITION, context, &id).await?.map(|_| id))
    })
}

#[async_trait]
impl Resource for VpcDhcpOptionsAssociation {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// "You cannot disassociate": the VPC goes back to the default options (API_AssociateDhcpOptions), unless it has others by
    /// now: a successor's.
    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let vpc = id.parts().get(1).copied().unwrap_or_default().to_owned();
        let is_default = id.as_str().starts_with("default|");
        if is_default || generic::read(&DEFINITION, context, id).await?.is_none() {
            return Ok(());
        }
        let input = Map::from_iter([
            ("DhcpOptionsId".to_owned(), json!("default")),
            ("VpcId".to_owned(), json!(vpc)),
        ]);
        generic::delete_with(&DEFINITION, context, "AssociateDhcpOptions", input).await
    }
}
