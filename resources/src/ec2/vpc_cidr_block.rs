//! `AWS::EC2::VPCCidrBlock`: a further address range of a VPC. The id is `vpc-cidr-assoc-…|vpc-…`.

use super::VPCS;
use crate::prelude::*;

native!(
    /// `AWS::EC2::VPCCidrBlock`.
    VpcCidrBlock,
    Definition {
        create: Create::of("AssociateVpcCidrBlock", ""),
        reads: &[Read { key: Key::Id(&[1]), select: Some(by_id), ..Read::of(&VPCS) }],
        delete: Delete {
            // A subnet that is going away lies in it still.
            busy: &["InvalidCidrBlock.InUse"],
            ..Delete::of(
                "DisassociateVpcCidrBlock",
                &["AssociationId=Id"],
                &["InvalidVpcCidrBlockAssociationID.NotFound", "InvalidVpcID.NotFound"],
            )
        },
        find: Find::Search(search),
        rules: &[
            Rule::Computed("Id", |told| part(told, "AssociationId")),
            Rule::Computed("CidrBlock", |told| look(told, "CidrBlockAssociation.CidrBlock")),
            Rule::Computed("Ipv6CidrBlock", |told| look(told, "Ipv6CidrBlockAssociation.Ipv6CidrBlock")),
            Rule::Computed("Ipv6CidrBlockNetworkBorderGroup", |told| {
                look(told, "Ipv6CidrBlockAssociation.NetworkBorderGroup")
            }),
            Rule::Computed("IpSource", |told| look(told, "Ipv6CidrBlockAssociation.IpSource")),
            Rule::Computed("Ipv6AddressAttribute", |told| {
                look(told, "Ipv6CidrBlockAssociation.Ipv6AddressAttribute")
            }),
            Rule::Computed("AmazonProvidedIpv6CidrBlock", |told| {
                (pool(told)? == AMAZON).then(|| true.into())
            }),
            Rule::Computed("Ipv6Pool", |told| {
                pool(told).filter(|pool| pool != AMAZON && pool != IPAM).map(Json::from)
            }),
        ],
        status,
        // "A VPC can be associated with a CIDR block once": InvalidVpc.Range where blocks overlap (VPC user guide, "VPC CIDR
        // blocks").
        unique: &[&["VpcId", "CidrBlock"], &["VpcId", "Ipv6CidrBlock"]],
        renews: &[("VpcId", &["CidrBlockAssociations", "Ipv6CidrBlocks"])],
        patience: std::time::Duration::from_secs(10 * 60),
        ..Definition::new("AWS::EC2::VPCCidrBlock", "ec2")
    }
);

/// What EC2 calls the pool of ranges that it provides itself, and of those that IPAM gave out (API_VpcIpv6CidrBlockAssociation).
const AMAZON: &str = "Amazon";
const IPAM: &str = "IPAM Managed";

/// The two kinds of association: in a VPC's description, in the answer to the create call, and where the state stands.
const KINDS: [(&str, &str, &str); 2] = [
    (
        "CidrBlockAssociationSet",
        "CidrBlockAssociation",
        "CidrBlockState",
    ),
    (
        "Ipv6CidrBlockAssociationSet",
        "Ipv6CidrBlockAssociation",
        "Ipv6CidrBlockState",
    ),
];

/// A member of the association, whichever kind it is of.
fn part(told: &Json, member: &str) -> Option<Json> {
    KINDS
        .iter()
        .find_map(|(_, answer, _)| look(told, &format!("{answer}.{member}")))
}

fn pool(told: &Json) -> Option<String> {
    let pool = look(told, "Ipv6CidrBlockAssociation.Ipv6Pool")?;
    pool.as_str().map(str::to_owned)
}

/// All associations of a VPC, each in the form of the create call's answer.
fn associations(vpc: &Json) -> impl Iterator<Item = Json> {
    KINDS.iter().flat_map(move |(set, answer, _)| {
        let all = vpc.get(*set).and_then(Json::as_array).into_iter().flatten();
        all.map(move |one| json!({"VpcId": vpc.get("VpcId"), *answer: one}))
    })
}

fn by_id(vpc: &Json, id: &PhysicalId) -> Option<Json> {
    let wanted = id.parts().first().copied()?.to_owned();
    associations(vpc).find(|told| part(told, "AssociationId") == Some(json!(wanted)))
}

/// associating | associated | disassociating | disassociated | failing | failed (API_VpcCidrBlockState). Disassociated ones
/// stay visible for an hour and more.
fn status(told: &Json) -> Status {
    let state = KINDS
        .iter()
        .find_map(|(_, answer, state)| look(told, &format!("{answer}.{state}")));
    let text = |name| state.as_ref().and_then(|state| described(state, name));
    match text("State") {
        Some("associating" | "disassociating" | "failing") => Status::Pending,
        Some("disassociated") => Status::Gone,
        Some("failed") => Status::Failed(
            text("StatusMessage")
                .unwrap_or("AWS reports the association as failed")
                .to_owned(),
        ),
        _ => Status::Ready,
    }
}

/// The range is known by itself. One that AWS chooses is known by being the only one of its kind that nobody declared: a VPC
/// has one range that Amazon provides (VPC user guide, "VPC CIDR blocks": up to five IPv6 ranges, of different pools).
fn search<'a>(
    context: &'a crate::context::Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(async move {
        let named = |name: &str| desired.get(name).and_then(Value::as_str);
        let Some(vpc) = named("VpcId") else {
            return Ok(None);
        };
        let amazon = desired
            .get("AmazonProvidedIpv6CidrBlock")
            .and_then(Value::to_text)
            .is_some_and(|flag| flag == "true");
        let ours = |told: &Json| {
            let range = |member: &str, property: &str| {
                let told = look(told, member);
                named(property).is_some_and(|wanted| {
                    told.as_ref()
                        .and_then(Json::as_str)
                        .is_some_and(|told| super::route::same(told, wanted))
                })
            };
            range("CidrBlockAssociation.CidrBlock", "CidrBlock")
                || range("Ipv6CidrBlockAssociation.Ipv6CidrBlock", "Ipv6CidrBlock")
                || amazon && pool(told).as_deref() == Some(AMAZON)
        };
        for found in generic::items_of(context, &VPCS, vpc).await? {
            let primary = look(&found, "CidrBlock");
            let is_primary = |told: &Json| {
                let range = look(told, "CidrBlockAssociation.CidrBlock");
                range.is_some() && range == primary
            };
            let mine = associations(&found).find(|told| {
                ours(told)
                    && !is_primary(told)
                    && matches!(status(told), Status::Pending | Status::Ready)
            });
            if let Some(id) = mine.and_then(|told| part(&told, "AssociationId")) {
                let id = id.as_str().unwrap_or_default();
                return Ok(Some(format!("{id}|{vpc}").into()));
            }
        }
        Ok(None)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_found_among_those_of_its_vpc_with_its_state() {
        let vpc = json!({"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16",
            "CidrBlockAssociationSet": [{"AssociationId": "a", "CidrBlock": "10.0.0.0/16", "CidrBlockState": {"State": "associated"}},
                                        {"AssociationId": "b", "CidrBlock": "10.1.0.0/16", "CidrBlockState": {"State": "associating"}}],
            "Ipv6CidrBlockAssociationSet": [{"AssociationId": "c", "Ipv6CidrBlock": "2600::/56", "Ipv6Pool": "Amazon",
                                             "Ipv6CidrBlockState": {"State": "failed", "StatusMessage": "none left"}}]});
        let told = |id: &str| by_id(&vpc, &format!("{id}|vpc-1").into()).unwrap();
        assert_eq!(status(&told("a")), Status::Ready);
        assert_eq!(status(&told("b")), Status::Pending);
        assert_eq!(status(&told("c")), Status::Failed("none left".to_owned()));
        assert_eq!(pool(&told("c")).as_deref(), Some(AMAZON));
        assert_eq!(by_id(&vpc, &"d|vpc-1".into()), None);
    }
}
