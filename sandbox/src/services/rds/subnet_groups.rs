//! DB subnet groups.

use super::PAGES;
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, Unique, create, delete, describe, modify};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// Two zones at least.
pub const TWO_ZONES: Law = Law {
    name: "a DB subnet group covers two availability zones",
    operations: &["CreateDBSubnetGroup", "ModifyDBSubnetGroup"],
    source: "Amazon RDS API Reference, CreateDBSubnetGroup: DBSubnetGroupDoesNotCoverEnoughAZs",
    fault: Fault::new(
        "DBSubnetGroupDoesNotCoverEnoughAZs",
        "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {id}. Add subnets to cover at least 2 AZs.",
    ),
    check: None,
};

/// One VPC.
pub const ONE_VPC: Law = Law {
    name: "the subnets of a DB subnet group are of one VPC",
    operations: &["CreateDBSubnetGroup", "ModifyDBSubnetGroup"],
    source: "Amazon RDS API Reference, CreateDBSubnetGroup: InvalidSubnet",
    fault: Fault::new(
        "InvalidSubnet",
        "The requested subnet group includes subnets of different VPCs: {id}",
    ),
    check: None,
};

/// A DB subnet group.
pub const SUBNET_GROUP: Kind = Kind {
    name: "rds/subnet-group",
    id: Id::Member("DBSubnetGroupName"),
    arn: "arn:{partition}:rds:{region}:{account}:subgrp:{id}",
    arn_member: "DBSubnetGroupArn",
    resolve: Some(|_, name| name.to_ascii_lowercase()),
    defaults: Some(|_| json!({"SubnetGroupStatus": "Complete", "SupportedNetworkTypes": ["IPV4"]})),
    tags: Tags::Unseen("Tags"),
    tag_type: "subgrp",
    refers: &[
        // A subnet may be deleted though groups name it: what holds it are the network interfaces of the instances in it.
        Reference::new("SubnetIds[]", "ec2/subnet")
            .loose()
            .missing(Fault::new(
                "InvalidSubnet",
                "Some input subnets in :[{id}] are invalid.",
            ))
            .source("Amazon RDS API Reference, CreateDBSubnetGroup: InvalidSubnet"),
    ],
    unique: &[Unique::new(
        &["DBSubnetGroupName"],
        Fault::new(
            "DBSubnetGroupAlreadyExists",
            "The DB subnet group '{DBSubnetGroupName}' already exists.",
        ),
    )],
    not_found: Fault::new(
        "DBSubnetGroupNotFoundFault",
        "DB subnet group '{id}' does not exist.",
    ),
    in_use: Fault::new(
        "InvalidDBSubnetGroupStateFault",
        "Cannot delete the subnet group '{id}' because at least one database instance: {by} is still using it.",
    ),
    limit: Some((
        50,
        Fault::new(
            "DBSubnetGroupQuotaExceeded",
            "The request would result in the user exceeding the allowed number of DB subnet groups: {limit}.",
        ),
    )),
    show: Some(show),
    operations: &[
        create("CreateDBSubnetGroup", Shows::In("DBSubnetGroup"))
            .before(named_well)
            .prepare(covers),
        describe(
            "DescribeDBSubnetGroups",
            "DBSubnetGroupName",
            "DBSubnetGroups",
        )
        .paging(PAGES)
        .filters(&[]),
        modify(
            "ModifyDBSubnetGroup",
            "DBSubnetGroupName",
            Shows::In("DBSubnetGroup"),
        )
        .prepare(changed),
        delete("DeleteDBSubnetGroup", "DBSubnetGroupName", Shows::Nothing),
    ],
    ..Kind::NEW
};

/// "Must contain no more than 255 letters, numbers, periods, underscores, spaces, or hyphens. Must not be Default": CreateDBSubnetGroup.
fn named_well(_: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let name = path::text(members, "DBSubnetGroupName")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let allowed = |char: char| char.is_ascii_alphanumeric() || "._- ".contains(char);
    if name.is_empty() || name.len() > 255 || name == "default" || !name.chars().all(allowed) {
        let message = format!("The parameter DBSubnetGroupName is not a valid name: {name}");
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    members.insert("DBSubnetGroupName".into(), json!(name));
    Ok(())
}

fn covers(call: &mut Call, group: &mut Record) -> Result<(), Refusal> {
    let mut zones = BTreeSet::new();
    let mut networks = BTreeSet::new();
    for id in path::texts(&group.body, "SubnetIds[]") {
        let subnet = call.need("ec2/subnet", &id)?;
        zones.insert(subnet.text("AvailabilityZone").to_owned());
        networks.insert(subnet.text("VpcId").to_owned());
    }
    if networks.len() > 1 {
        let all = networks.into_iter().collect::<Vec<_>>().join(", ");
        return Err(ONE_VPC.fault.with(&[("id", &all)]));
    }
    if zones.len() < 2 {
        let all = zones.into_iter().collect::<Vec<_>>().join(", ");
        return Err(TWO_ZONES.fault.with(&[("id", &all)]));
    }
    group.set("VpcId", networks.into_iter().next().unwrap_or_default());
    Ok(())
}

/// The VPC stays, and so do subnets that instances are in.
fn changed(call: &mut Call, group: &mut Record) -> Result<(), Refusal> {
    let before = group.text("VpcId").to_owned();
    covers(call, group)?;
    if group.text("VpcId") != before {
        return Err(ONE_VPC
            .fault
            .with(&[("id", &format!("{before}, {}", group.text("VpcId")))]));
    }
    let kept = path::texts(&group.body, "SubnetIds[]");
    let used = call
        .list_where("rds/instance", "DBSubnetGroupName", &group.id)
        .filter_map(|instance| instance.hidden.get("subnet").and_then(Json::as_str))
        .find(|subnet| !kept.iter().any(|id| id == subnet));
    match used {
        Some(subnet) => Err(Refusal::new(
            "SubnetAlreadyInUse",
            format!("The subnet to be deleted is currently in use: {subnet}"),
        )),
        None => Ok(()),
    }
}

fn show(call: &Call, group: &Record, body: &mut Map<String, Json>) {
    let subnets: Vec<Json> = path::texts(&group.body, "SubnetIds[]")
        .iter()
        .map(|id| {
            let zone = call.find("ec2/subnet", id).map_or("", |subnet| subnet.text("AvailabilityZone"));
            json!({"SubnetIdentifier": id, "SubnetAvailabilityZone": {"Name": zone}, "SubnetOutpost": {}, "SubnetStatus": "Active"})
        })
        .collect();
    body.insert("Subnets".into(), json!(subnets));
}

/// The zones that a group covers, each with one of its subnets.
pub(super) fn zones(call: &Call, group: &str) -> Vec<(String, String)> {
    let Some(group) = call.find("rds/subnet-group", group) else {
        return Vec::new();
    };
    let mut zones: Vec<(String, String)> = Vec::new();
    for id in path::texts(&group.body, "SubnetIds[]") {
        if let Some(subnet) = call.find("ec2/subnet", &id) {
            let zone = subnet.text("AvailabilityZone");
            if !zones.iter().any(|(known, _)| known == zone) {
                zones.push((zone.to_owned(), id));
            }
        }
    }
    zones.sort();
    zones
}
