//! Network ACLs, their entries, and which subnet has which.

use super::PAGES;
use super::cidr::Block;
use super::vpc::malformed;
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, create, delete, describe, run};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// A number stands once in each direction.
pub const ENTRY_ONCE: Law = Law {
    name: "a network ACL has one entry with a number in each direction",
    operations: &["CreateNetworkAclEntry"],
    source: "Amazon EC2 API Reference, Error codes: NetworkAclEntryAlreadyExists",
    fault: Fault::new(
        "NetworkAclEntryAlreadyExists",
        "The network acl entry identified by {id} already exists.",
    ),
    check: None,
};

/// What is replaced or deleted is there.
pub const ENTRY_THERE: Law = Law {
    name: "an entry that is replaced or deleted is there",
    operations: &["ReplaceNetworkAclEntry", "DeleteNetworkAclEntry"],
    source: "Amazon EC2 API Reference, Error codes: InvalidNetworkAclEntry.NotFound",
    fault: Fault::new(
        "InvalidNetworkAclEntry.NotFound",
        "The network acl entry identified by {id} does not exist.",
    ),
    check: None,
};

/// TCP and UDP have ports.
pub const ENTRY_PORTS: Law = Law {
    name: "an entry for TCP or UDP has ports, one for ICMP type and code",
    operations: &["CreateNetworkAclEntry", "ReplaceNetworkAclEntry"],
    source: "Amazon EC2 API Reference, CreateNetworkAclEntry: PortRange, Icmp",
    fault: Fault::new(
        "MissingParameter",
        "The request must contain the parameter {id}",
    ),
    check: None,
};

/// The numbers that are free for use.
pub const ENTRY_NUMBER: Law = Law {
    name: "an entry's number is between 1 and 32766",
    operations: &["CreateNetworkAclEntry", "ReplaceNetworkAclEntry"],
    source: "Amazon EC2 API Reference, CreateNetworkAclEntry: RuleNumber",
    fault: Fault::new(
        "InvalidParameterValue",
        "Value ({id}) for parameter ruleNumber is invalid. Rule number must be between 1 and 32766.",
    ),
    check: None,
};

/// How many entries there may be.
pub const ENTRY_QUOTA: Law = Law {
    name: "a network ACL has at most 20 entries in each direction",
    operations: &["CreateNetworkAclEntry"],
    source: "Amazon VPC User Guide, Amazon VPC quotas: Rules per network ACL",
    fault: Fault::new(
        "NetworkAclEntryLimitExceeded",
        "The limit of entries of the network acl '{id}' has been reached.",
    ),
    check: None,
};

/// The default list stays.
pub const DEFAULT_ACL: Law = Law {
    name: "the default network ACL is not deleted",
    operations: &["DeleteNetworkAcl"],
    source: "Amazon EC2 API Reference, DeleteNetworkAcl: \"You can't delete the default network ACL\"",
    fault: Fault::new(
        "InvalidParameterValue",
        "cannot delete default network ACL {id}",
    ),
    check: None,
};

/// A list that subnets have stays.
pub const ACL_IN_USE: Law = Law {
    name: "a network ACL that a subnet has is not deleted",
    operations: &["DeleteNetworkAcl"],
    source: "Amazon EC2 API Reference, DeleteNetworkAcl: \"You can't delete the ACL if it's associated with any subnets\"",
    fault: Fault::new(
        "DependencyViolation",
        "The networkAcl '{id}' has dependencies and cannot be deleted.",
    ),
    check: None,
};

/// A list and a subnet of one VPC.
pub const ACL_OF_VPC: Law = Law {
    name: "a network ACL and its subnet belong to one network",
    operations: &["ReplaceNetworkAclAssociation"],
    source: "Amazon VPC User Guide, Custom network ACLs: a network ACL is of a VPC",
    fault: Fault::new(
        "InvalidParameterValue",
        "networkAcl {acl} and subnet {id} belong to different networks",
    ),
    check: None,
};

/// A network ACL: the one that each VPC comes with, or one's own.
pub const NETWORK_ACL: Kind = Kind {
    name: "ec2/network-acl",
    id: Id::Hex("acl-"),
    id_member: "NetworkAclId",
    arn: "arn:{partition}:ec2:{region}:{account}:network-acl/{id}",
    defaults: Some(
        |call| json!({"IsDefault": false, "OwnerId": call.account, "Entries": closed(), "Associations": []}),
    ),
    tags: Tags::List("Tags"),
    token: "ClientToken",
    refers: &[
        Reference::new("VpcId", "ec2/vpc").source("Amazon EC2 API Reference, DeleteVpc"),
        Reference::new("Associations[].SubnetId", "ec2/subnet")
            .unchecked()
            .loose(),
    ],
    not_found: Fault::new(
        "InvalidNetworkAclID.NotFound",
        "The networkAcl ID '{id}' does not exist",
    ),
    in_use: ACL_IN_USE.fault,
    show: Some(|call, record, body| {
        body.insert(
            "Associations".into(),
            Json::Array(associations(call, record)),
        );
    }),
    operations: &[
        create(
            "CreateNetworkAcl",
            Shows::With(|call, acl| {
                let mut answer = json!({"NetworkAcl": call.show(NETWORK_ACL.name, acl)});
                if let Some(token) = call.text("ClientToken") {
                    answer["ClientToken"] = json!(token);
                }
                answer
            }),
        ),
        describe("DescribeNetworkAcls", "NetworkAclIds", "NetworkAcls")
            .paging(PAGES)
            .filters(&[
                ("network-acl-id", "NetworkAclId"),
                ("vpc-id", "VpcId"),
                ("default", "IsDefault"),
                ("association.subnet-id", "Associations[].SubnetId"),
                (
                    "association.association-id",
                    "Associations[].NetworkAclAssociationId",
                ),
                ("association.network-acl-id", "Associations[].NetworkAclId"),
                ("entry.cidr", "Entries[].CidrBlock"),
                ("entry.ipv6-cidr", "Entries[].Ipv6CidrBlock"),
                ("entry.egress", "Entries[].Egress"),
                ("entry.icmp.code", "Entries[].IcmpTypeCode.Code"),
                ("entry.icmp.type", "Entries[].IcmpTypeCode.Type"),
                ("entry.port-range.from", "Entries[].PortRange.From"),
                ("entry.port-range.to", "Entries[].PortRange.To"),
                ("entry.protocol", "Entries[].Protocol"),
                ("entry.rule-action", "Entries[].RuleAction"),
                ("entry.rule-number", "Entries[].RuleNumber"),
                ("owner-id", "OwnerId"),
            ]),
        delete("DeleteNetworkAcl", "NetworkAclId", Shows::Nothing).prepare(only_free),
        run("CreateNetworkAclEntry", create_entry),
        run("ReplaceNetworkAclEntry", replace_entry),
        run("DeleteNetworkAclEntry", delete_entry),
        run("ReplaceNetworkAclAssociation", replace_association),
    ],
    ..Kind::NEW
};

/// The number of the entries that end every list: neither changed nor deleted ("Default network ACL", Amazon VPC User Guide).
const LAST: i64 = 32767;

fn everything(number: i64, action: &str, egress: bool) -> Json {
    json!({"CidrBlock": "0.0.0.0/0", "Egress": egress, "Protocol": "-1", "RuleAction": action, "RuleNumber": number})
}

/// What a new list says: nothing passes.
fn closed() -> Vec<Json> {
    vec![
        everything(LAST, "deny", true),
        everything(LAST, "deny", false),
    ]
}

/// The list that a VPC comes with: everything passes.
pub(super) fn make_default(call: &mut Call, vpc: &str) -> Result<(), Refusal> {
    let entries = json!([
        everything(100, "allow", true),
        everything(LAST, "deny", true),
        everything(100, "allow", false),
        everything(LAST, "deny", false)
    ]);
    call.make_part(
        NETWORK_ACL.name,
        vpc,
        json!({"VpcId": vpc, "IsDefault": true, "Entries": entries}),
    )?;
    Ok(())
}

/// The subnets that were given this list; of a VPC's default one also all that were given none.
fn associations(call: &Call, acl: &Record) -> Vec<Json> {
    let mut all = acl.list("Associations").to_vec();
    if acl.body.get("IsDefault") != Some(&Json::Bool(true)) {
        return all;
    }
    let vpc = acl.text("VpcId");
    for subnet in call.list_where("ec2/subnet", "VpcId", vpc) {
        let given = call
            .list_where(NETWORK_ACL.name, "Associations[].SubnetId", &subnet.id)
            .next();
        if given.is_none() {
            let digits = digest(&["aclassoc", &subnet.id]);
            all.push(association(&digits, &acl.id, &subnet.id));
        }
    }
    all
}

fn association(digits: &str, acl: &str, subnet: &str) -> Json {
    json!({"NetworkAclAssociationId": format!("aclassoc-{}", &digits[..17]), "NetworkAclId": acl, "SubnetId": subnet})
}

fn only_free(call: &mut Call, acl: &mut Record) -> Result<(), Refusal> {
    let names = [("id", acl.id.as_str())];
    if acl.body.get("IsDefault") == Some(&Json::Bool(true)) {
        return Err(DEFAULT_ACL.fault.with(&names));
    }
    if associations(call, acl).is_empty() {
        Ok(())
    } else {
        Err(ACL_IN_USE.fault.with(&names))
    }
}

fn the_acl(call: &Call) -> Result<Record, Refusal> {
    let id = call.text("NetworkAclId").unwrap_or_default();
    call.need(NETWORK_ACL.name, id).cloned()
}

/// The entry that the request describes.
fn asked(call: &Call) -> Result<Json, Refusal> {
    let number = call
        .input
        .get("RuleNumber")
        .and_then(Json::as_i64)
        .unwrap_or_default();
    if !(1..LAST).contains(&number) {
        return Err(ENTRY_NUMBER.fault.with(&[("id", &number.to_string())]));
    }
    let protocol = call.text("Protocol").unwrap_or_default();
    let number_of_protocol = protocol
        .parse::<i64>()
        .ok()
        .filter(|protocol| (-1..256).contains(protocol));
    let Some(number_of_protocol) = number_of_protocol else {
        let message = format!("Invalid value '{protocol}' for IP protocol. Unknown protocol.");
        return Err(Refusal::new("InvalidParameterValue", message));
    };
    let mut entry = Map::new();
    for member in ["RuleNumber", "RuleAction", "Egress"] {
        entry.insert(
            member.into(),
            call.input.get(member).cloned().unwrap_or_default(),
        );
    }
    entry.insert("Protocol".into(), json!(number_of_protocol.to_string()));
    let six = match (call.text("CidrBlock"), call.text("Ipv6CidrBlock")) {
        (Some(text), None) => {
            // "We modify the specified CIDR block to its canonical form": CreateNetworkAclEntry, Amazon EC2 API Reference.
            let block = Block::parse(text).ok_or_else(|| malformed(text))?;
            entry.insert("CidrBlock".into(), json!(block.to_string()));
            false
        }
        (None, Some(text)) => {
            entry.insert("Ipv6CidrBlock".into(), json!(text));
            true
        }
        _ => {
            return Err(Refusal::new(
                "MissingParameter",
                "The request must contain exactly one of cidrBlock, ipv6CidrBlock",
            ));
        }
    };
    // Of all other protocols ports, types and codes are ignored (CreateNetworkAclEntry, Protocol).
    let (member, wanted) = match number_of_protocol {
        6 | 17 => ("PortRange", "portRange"),
        1 => ("IcmpTypeCode", "icmpTypeCode"),
        58 if six => ("IcmpTypeCode", "icmpTypeCode"),
        _ => return Ok(Json::Object(entry)),
    };
    let Some(value) = call.input.get(member) else {
        return Err(ENTRY_PORTS.fault.with(&[("id", wanted)]));
    };
    entry.insert(member.into(), value.clone());
    Ok(Json::Object(entry))
}

fn position(acl: &Record, call: &Call) -> Option<usize> {
    let same = |entry: &Json, member: &str| {
        entry.get(member).unwrap_or(&Json::Null) == call.input.get(member).unwrap_or(&Json::Null)
    };
    acl.list("Entries")
        .iter()
        .position(|entry| same(entry, "RuleNumber") && same(entry, "Egress"))
}

fn number(call: &Call) -> String {
    path::plain(call.input.get("RuleNumber").unwrap_or(&Json::Null))
}

fn create_entry(call: &mut Call) -> Answer {
    let acl = the_acl(call)?;
    let entry = asked(call)?;
    if let Some(at) = position(&acl, call) {
        // The same once more is no mistake.
        if acl.list("Entries")[at] == entry {
            return Ok(json!({}));
        }
        return Err(ENTRY_ONCE.fault.with(&[("id", &number(call))]));
    }
    let mine = |other: &&Json| other["Egress"] == entry["Egress"] && other["RuleNumber"] != LAST;
    if acl.list("Entries").iter().filter(mine).count() >= 20 {
        return Err(ENTRY_QUOTA.fault.with(&[("id", &acl.id)]));
    }
    call.update(NETWORK_ACL.name, &acl.id, |acl| {
        let entries = acl.list_mut("Entries");
        entries.push(entry);
        // As DescribeNetworkAcls tells them: outward first, by number.
        entries.sort_by_key(|entry| (entry["Egress"] != true, entry["RuleNumber"].as_i64()));
    });
    Ok(json!({}))
}

fn replace_entry(call: &mut Call) -> Answer {
    let acl = the_acl(call)?;
    let entry = asked(call)?;
    let Some(at) = position(&acl, call) else {
        return Err(ENTRY_THERE.fault.with(&[("id", &number(call))]));
    };
    call.update(NETWORK_ACL.name, &acl.id, |acl| {
        acl.list_mut("Entries")[at] = entry
    });
    Ok(json!({}))
}

fn delete_entry(call: &mut Call) -> Answer {
    let acl = the_acl(call)?;
    let last = call.input.get("RuleNumber") == Some(&json!(LAST));
    let Some(at) = position(&acl, call).filter(|_| !last) else {
        return Err(ENTRY_THERE.fault.with(&[("id", &number(call))]));
    };
    call.update(NETWORK_ACL.name, &acl.id, |acl| {
        acl.list_mut("Entries").remove(at);
    });
    Ok(json!({}))
}

fn replace_association(call: &mut Call) -> Answer {
    let asked = call.text("AssociationId").unwrap_or_default().to_owned();
    let found = call.list(NETWORK_ACL.name).find_map(|acl| {
        let all = associations(call, acl);
        let one = all
            .into_iter()
            .find(|one| one["NetworkAclAssociationId"] == asked.as_str())?;
        Some((acl.clone(), one))
    });
    let Some((old, one)) = found else {
        return Err(Refusal::new(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{asked}' does not exist"),
        ));
    };
    let new = the_acl(call)?;
    let subnet = path::plain(&one["SubnetId"]);
    if old.text("VpcId") != new.text("VpcId") {
        return Err(ACL_OF_VPC.fault.with(&[("acl", &new.id), ("id", &subnet)]));
    }
    let digits = call.derive(&format!("aclassoc {subnet} {}", new.id));
    let made = association(&digits, &new.id, &subnet);
    call.update(NETWORK_ACL.name, &old.id, |acl| {
        acl.list_mut("Associations")
            .retain(|other| other["SubnetId"] != subnet.as_str());
    });
    call.update(NETWORK_ACL.name, &new.id, |acl| {
        acl.list_mut("Associations").push(made.clone())
    });
    Ok(json!({"NewAssociationId": made["NetworkAclAssociationId"]}))
}
