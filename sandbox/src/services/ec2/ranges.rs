//! The address ranges of VPCs: how they come and go.

use super::cidr::Block;
use super::{routes, vpc::vpc_block};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Value as Json, json};
use std::net::Ipv6Addr;

/// Ranges of a VPC do not overlap.
pub const RANGES_APART: Law = Law {
    name: "ranges of a VPC do not overlap",
    operations: &["AssociateVpcCidrBlock"],
    source: "Amazon VPC User Guide, VPC CIDR blocks: \"The CIDR block must not overlap with any existing CIDR block that's associated with the VPC\"",
    fault: Fault::new(
        "InvalidVpc.Range",
        "The CIDR '{id}' overlaps with an existing CIDR of the VPC.",
    ),
    check: None,
};

/// A range with subnets stays.
pub const RANGE_IN_USE: Law = Law {
    name: "a range in which a subnet lies stays with its VPC",
    operations: &["DisassociateVpcCidrBlock"],
    source: "Amazon EC2 API Reference, DisassociateVpcCidrBlock: \"You must detach or delete all gateways and resources that are associated with the CIDR block before you can disassociate it\"",
    fault: Fault::new(
        "InvalidCidrBlock.InUse",
        "The vpc {vpc} currently has a subnet within CIDR block {id}",
    ),
    check: None,
};

/// The first range stays.
pub const PRIMARY_RANGE: Law = Law {
    name: "the range with which a VPC was made stays",
    operations: &["DisassociateVpcCidrBlock"],
    source: "Amazon EC2 API Reference, DisassociateVpcCidrBlock: \"You cannot disassociate the CIDR block with which you originally created the VPC (the primary CIDR block)\"",
    fault: Fault::new(
        "OperationNotPermitted",
        "The vpc CIDR block with association ID {id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC",
    ),
    check: None,
};

/// How many ranges there may be.
pub const RANGE_QUOTA: Law = Law {
    name: "a VPC has at most five IPv4 ranges",
    operations: &["AssociateVpcCidrBlock"],
    source: "Amazon VPC User Guide, Amazon VPC quotas: IPv4 CIDR blocks per VPC",
    fault: Fault::new(
        "CidrLimitExceeded",
        "This network '{id}' has met its maximum number of allowed CIDRs: 5",
    ),
    check: None,
};

/// How long a range takes to be associated, to be disassociated, and is still told afterwards (more than an hour).
const SECONDS: (f64, f64, f64) = (5.0, 5.0, 5400.0);

/// (The set in the VPC, the member of the answer, the member with the state, the member with the range.)
const KINDS: [(&str, &str, &str, &str); 2] = [
    (
        "CidrBlockAssociationSet",
        "CidrBlockAssociation",
        "CidrBlockState",
        "CidrBlock",
    ),
    (
        "Ipv6CidrBlockAssociationSet",
        "Ipv6CidrBlockAssociation",
        "Ipv6CidrBlockState",
        "Ipv6CidrBlock",
    ),
];

/// An IPv4 range of a VPC.
pub(super) fn four(digits: &str, block: &Block, state: &str) -> Json {
    json!({"AssociationId": format!("vpc-cidr-assoc-{}", &digits[..17]), "CidrBlock": block.to_string(), "CidrBlockState": {"State": state}})
}

/// An IPv6 range that Amazon provides.
pub(super) fn six(digits: &str, region: &str, state: &str) -> Json {
    json!({
        "AssociationId": format!("vpc-cidr-assoc-{}", &digits[17..34]),
        "Ipv6CidrBlock": format!("2600:1f{}:{}:{}00::/56", &digits[34..36], &digits[36..40], &digits[40..42]),
        "Ipv6CidrBlockState": {"State": state}, "NetworkBorderGroup": region, "Ipv6Pool": "Amazon",
        "Ipv6AddressAttribute": "public", "IpSource": "amazon",
    })
}

fn having(vpc: &Record, kind: usize) -> impl Iterator<Item = &Json> {
    let (set, _, state, _) = KINDS[kind];
    vpc.list(set)
        .iter()
        .filter(move |range| range[state]["State"] == "associated")
}

/// The IPv4 ranges in which subnets may lie.
pub(super) fn associated(vpc: &Record) -> Vec<String> {
    having(vpc, 0)
        .map(|range| path::plain(&range["CidrBlock"]))
        .collect()
}

/// The IPv6 ranges in which subnets may lie.
pub(super) fn associated_six(vpc: &Record) -> Vec<String> {
    having(vpc, 1)
        .map(|range| path::plain(&range["Ipv6CidrBlock"]))
        .collect()
}

fn parse_six(text: &str) -> Option<(u128, u32)> {
    let (address, prefix) = text.split_once('/')?;
    let address: Ipv6Addr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 128)?;
    Some((u128::from(address), prefix))
}

fn is_within(inner: &str, outer: &str) -> bool {
    let (Some((inner, longer)), Some((outer, prefix))) = (parse_six(inner), parse_six(outer))
    else {
        return false;
    };
    let host = 128 - prefix;
    longer >= prefix && inner.checked_shr(host).unwrap_or(0) == outer.checked_shr(host).unwrap_or(0)
}

/// Whether a subnet with this IPv6 range may lie in the VPC.
pub(super) fn holds_six(vpc: &Record, block: &str) -> bool {
    associated_six(vpc)
        .iter()
        .any(|outer| is_within(block, outer))
}

/// AssociateVpcCidrBlock.
pub(super) fn associate(call: &mut Call) -> Answer {
    let vpc = call
        .need("ec2/vpc", call.text("VpcId").unwrap_or_default())?
        .clone();
    let digits = call.derive(&format!(
        "association {} {}",
        vpc.id,
        path::canonical(&Json::Object(call.input.clone()))
    ));
    // Pools of one's own, and IPAM's, are not simulated: none is there.
    let pools = [
        ("Ipv4IpamPoolId", "InvalidIpamPoolId.NotFound"),
        ("Ipv6IpamPoolId", "InvalidIpamPoolId.NotFound"),
        ("Ipv6Pool", "InvalidPoolID.NotFound"),
    ];
    for (member, code) in pools {
        if let Some(pool) = call.text(member) {
            let message = format!("The pool ID '{pool}' does not exist");
            return Err(Refusal::new(code, message));
        }
    }
    let (kind, made) = if call.input.get("AmazonProvidedIpv6CidrBlock") == Some(&Json::Bool(true)) {
        let mut made = six(&digits, &call.region, "associating");
        if let Some(group) = call.text("Ipv6CidrBlockNetworkBorderGroup") {
            made["NetworkBorderGroup"] = json!(group);
        }
        (1, made)
    } else {
        let text = call.text("CidrBlock").ok_or_else(|| {
            Refusal::new(
                "MissingParameter",
                "The request must contain the parameter cidrBlock",
            )
        })?;
        let block = vpc_block(text)?;
        let ranges = vpc.list("CidrBlockAssociationSet");
        let taken = ranges
            .iter()
            .filter(|range| range["CidrBlockState"]["State"] != "disassociated")
            .filter_map(|range| Block::parse(range["CidrBlock"].as_str()?));
        let taken: Vec<Block> = taken.collect();
        if taken.iter().any(|known| known.overlaps(block)) {
            return Err(RANGES_APART.fault.with(&[("id", text)]));
        }
        if taken.len() >= 5 {
            return Err(RANGE_QUOTA.fault.with(&[("id", &vpc.id)]));
        }
        (0, four(&digits, &block, "associating"))
    };
    let (set, answer, ..) = KINDS[kind];
    later(call, &vpc.id, SECONDS.0, &made, "associated");
    call.update("ec2/vpc", &vpc.id, |vpc| {
        vpc.list_mut(set).push(made.clone())
    });
    Ok(json!({"VpcId": vpc.id, answer: made}))
}

/// What becomes of an association after so many seconds.
fn later(call: &mut Call, vpc: &str, seconds: f64, association: &Json, state: &str) {
    let event = format!("{state} {}", path::plain(&association["AssociationId"]));
    let at = call.now + seconds;
    call.update("ec2/vpc", vpc, |vpc| {
        vpc.steps.push(Step::event(at, &event))
    });
}

/// An association has come as far as the event says.
pub(super) fn event(call: &mut Call, key: &Key, event: &str) {
    let Some((state, id)) = event.split_once(' ') else {
        return;
    };
    call.world.update(key, |vpc| {
        for (set, _, member, _) in KINDS {
            let ranges = vpc.list_mut(set);
            if state == "forgotten" {
                ranges.retain(|range| range["AssociationId"] != id);
            }
            for range in ranges.iter_mut() {
                if range["AssociationId"] == id {
                    range[member] = json!({"State": state});
                }
            }
        }
    });
    routes::refresh_local(call, &key.id);
}

/// DisassociateVpcCidrBlock.
pub(super) fn disassociate(call: &mut Call) -> Answer {
    let asked = call.text("AssociationId").unwrap_or_default().to_owned();
    let found = call.list("ec2/vpc").find_map(|vpc| {
        KINDS.iter().find_map(|kind| {
            let mut ranges = vpc.list(kind.0).iter();
            let one = ranges.find(|one| one["AssociationId"] == asked.as_str())?;
            let gone = one[kind.2]["State"] == "disassociated";
            (!gone).then(|| (vpc.clone(), *kind, one.clone()))
        })
    });
    let Some((vpc, (set, answer, state, member), mut one)) = found else {
        return Err(Refusal::new(
            "InvalidVpcCidrBlockAssociationID.NotFound",
            format!("The vpc CIDR block association ID '{asked}' does not exist"),
        ));
    };
    let range = path::plain(&one[member]);
    if range == vpc.text("CidrBlock") {
        return Err(PRIMARY_RANGE.fault.with(&[("id", &asked)]));
    }
    let block = Block::parse(&range);
    let used = |subnet: &Record| {
        let mut six = subnet.list("Ipv6CidrBlockAssociationSet").iter();
        six.any(|inner| is_within(inner["Ipv6CidrBlock"].as_str().unwrap_or_default(), &range))
            || Block::parse(subnet.text("CidrBlock"))
                .zip(block)
                .is_some_and(|(inner, block)| block.holds(inner))
    };
    if call.list_where("ec2/subnet", "VpcId", &vpc.id).any(used) {
        return Err(RANGE_IN_USE.fault.with(&[("vpc", &vpc.id), ("id", &range)]));
    }
    one[state] = json!({"State": "disassociating"});
    call.update("ec2/vpc", &vpc.id, |vpc| {
        for range in vpc.list_mut(set) {
            if range["AssociationId"] == asked.as_str() {
                range[state] = json!({"State": "disassociating"});
            }
        }
    });
    later(call, &vpc.id, SECONDS.1, &one, "disassociated");
    later(call, &vpc.id, SECONDS.1 + SECONDS.2, &one, "forgotten");
    routes::refresh_local(call, &vpc.id);
    Ok(json!({"VpcId": vpc.id, answer: one}))
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn ranges_of_ipv6_hold_each_other() {
        assert!(is_within(
            "2600:1f18:2de0:6e01::/64",
            "2600:1f18:2de0:6e00::/56"
        ));
        assert!(!is_within(
            "2600:1f18:2de0:6f00::/64",
            "2600:1f18:2de0:6e00::/56"
        ));
        assert!(!is_within("2600::/40", "2600::/56") && !is_within("x", "2600::/56"));
    }
}
