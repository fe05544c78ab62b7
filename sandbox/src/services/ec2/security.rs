//! Security groups. Their permission lists are computed from their rules ([`super::rules`]).

use super::PAGES;
use super::rules::{add, authorize, describe_rules, modify_rules, revoke, rules};
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, Unique, create, delete, describe, run};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// The default group stays.
pub const DEFAULT_GROUP: Law = Law {
    name: "a VPC's default security group is not deleted",
    operations: &["DeleteSecurityGroup"],
    source: "Amazon VPC User Guide, Default security groups: error Client.CannotDelete",
    fault: Fault::new(
        "CannotDelete",
        "the specified group: \"{id}\" name: \"default\" cannot be deleted by a user",
    ),
    check: None,
};

/// A security group.
pub const SECURITY_GROUP: Kind = Kind {
    name: "ec2/security-group",
    id: Id::Hex("sg-"),
    id_member: "GroupId",
    arn: "arn:{partition}:ec2:{region}:{account}:security-group/{id}",
    arn_member: "SecurityGroupArn",
    defaults: Some(|call| json!({"OwnerId": call.account})),
    tags: Tags::List("Tags"),
    refers: &[Reference::new("VpcId", "ec2/vpc").source("Amazon EC2 API Reference, DeleteVpc")],
    unique: &[Unique::new(
        &["GroupName", "VpcId"],
        Fault::new(
            "InvalidGroup.Duplicate",
            "The security group '{GroupName}' already exists for VPC '{VpcId}'",
        ),
    )],
    not_found: Fault::new(
        "InvalidGroup.NotFound",
        "The security group '{id}' does not exist",
    ),
    in_use: Fault::new(
        "DependencyViolation",
        "resource {id} has a dependent object",
    ),
    show: Some(show_group),
    operations: &[
        create(
            "CreateSecurityGroup",
            Shows::With(|call, group| {
                let shown = call.show(SECURITY_GROUP.name, group);
                json!({"GroupId": group.id, "SecurityGroupArn": group.arn, "Tags": shown["Tags"]})
            }),
        )
        .before(named_well)
        .done(|call, key| match call.world.get(key).cloned() {
            Some(group) => furnish(call, &group, false),
            None => Ok(()),
        }),
        describe("DescribeSecurityGroups", "GroupIds", "SecurityGroups")
            .select(&[("GroupNames", "GroupName")])
            .paging(PAGES)
            .filters(&[
                ("group-id", "GroupId"),
                ("group-name", "GroupName"),
                ("description", "Description"),
                ("vpc-id", "VpcId"),
                ("owner-id", "OwnerId"),
                ("ip-permission.cidr", "IpPermissions[].IpRanges[].CidrIp"),
                (
                    "ip-permission.ipv6-cidr",
                    "IpPermissions[].Ipv6Ranges[].CidrIpv6",
                ),
                ("ip-permission.from-port", "IpPermissions[].FromPort"),
                ("ip-permission.to-port", "IpPermissions[].ToPort"),
                ("ip-permission.protocol", "IpPermissions[].IpProtocol"),
                (
                    "ip-permission.group-id",
                    "IpPermissions[].UserIdGroupPairs[].GroupId",
                ),
                (
                    "ip-permission.prefix-list-id",
                    "IpPermissions[].PrefixListIds[].PrefixListId",
                ),
                (
                    "ip-permission.user-id",
                    "IpPermissions[].UserIdGroupPairs[].UserId",
                ),
                (
                    "egress.ip-permission.cidr",
                    "IpPermissionsEgress[].IpRanges[].CidrIp",
                ),
                (
                    "egress.ip-permission.ipv6-cidr",
                    "IpPermissionsEgress[].Ipv6Ranges[].CidrIpv6",
                ),
                (
                    "egress.ip-permission.from-port",
                    "IpPermissionsEgress[].FromPort",
                ),
                (
                    "egress.ip-permission.to-port",
                    "IpPermissionsEgress[].ToPort",
                ),
                (
                    "egress.ip-permission.protocol",
                    "IpPermissionsEgress[].IpProtocol",
                ),
                (
                    "egress.ip-permission.group-id",
                    "IpPermissionsEgress[].UserIdGroupPairs[].GroupId",
                ),
                (
                    "egress.ip-permission.prefix-list-id",
                    "IpPermissionsEgress[].PrefixListIds[].PrefixListId",
                ),
            ]),
        delete(
            "DeleteSecurityGroup",
            "GroupId",
            Shows::With(|_, group| json!({"Return": true, "GroupId": group.id})),
        )
        .prepare(not_default),
        run("AuthorizeSecurityGroupIngress", |call| {
            authorize(call, false)
        }),
        run("AuthorizeSecurityGroupEgress", |call| authorize(call, true)),
        run("RevokeSecurityGroupIngress", |call| revoke(call, false)),
        run("RevokeSecurityGroupEgress", |call| revoke(call, true)),
        run("UpdateSecurityGroupRuleDescriptionsIngress", |call| {
            describe_rules(call, false)
        }),
        run("UpdateSecurityGroupRuleDescriptionsEgress", |call| {
            describe_rules(call, true)
        }),
        run("ModifySecurityGroupRules", modify_rules),
    ],
    ..Kind::NEW
};

fn named_well(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let name = path::text(members, "GroupName").unwrap_or_default();
    let description = path::text(members, "Description").unwrap_or_default();
    // "Up to 255 characters in length. Cannot start with sg-": CreateSecurityGroup, Amazon EC2 API Reference.
    if name.starts_with("sg-") {
        let message = format!(
            "Invalid value '{name}' for groupName. Group names may not be in the format sg-*."
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    if name == "default" {
        return Err(Refusal::new(
            "InvalidGroup.Reserved",
            "The security group 'default' is reserved",
        ));
    }
    let allowed = |text: &str| {
        text.len() <= 255
            && text
                .chars()
                .all(|char| char.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(char))
    };
    for (member, value) in [("groupName", name), ("GroupDescription", description)] {
        if !allowed(value) {
            let message = format!(
                "Invalid security group {member}. Valid {member}s are strings less than 256 characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{{}}!$*"
            );
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    }
    if path::text(members, "VpcId").is_none() {
        let default = call
            .list("ec2/vpc")
            .find(|vpc| vpc.body.get("IsDefault") == Some(&json!(true)))
            .map(|vpc| vpc.id.clone());
        let id = default
            .ok_or_else(|| Refusal::new("VPCIdNotSpecified", "No default VPC for this user"))?;
        members.insert("VpcId".into(), json!(id));
    }
    Ok(())
}

fn not_default(_: &mut Call, group: &mut Record) -> Result<(), Refusal> {
    if group.is("GroupName", "default") {
        Err(DEFAULT_GROUP.fault.with(&[("id", &group.id)]))
    } else {
        Ok(())
    }
}

/// What a new group comes with: all traffic out; a VPC's default group lets its own members in as well.
pub(super) fn furnish(call: &mut Call, group: &Record, default: bool) -> Result<(), Refusal> {
    let out = json!({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "CidrIpv4": "0.0.0.0/0"});
    add(call, group, true, out)?;
    if default {
        let own =
            json!({"GroupId": group.id, "UserId": call.account, "VpcId": group.text("VpcId")});
        add(
            call,
            group,
            false,
            json!({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "ReferencedGroupInfo": own}),
        )?;
    }
    Ok(())
}

/// Permission lists: one entry for each protocol and port range, with all its peers.
fn show_group(call: &Call, group: &Record, body: &mut Map<String, Json>) {
    for (member, egress) in [("IpPermissions", false), ("IpPermissionsEgress", true)] {
        let mut permissions: Vec<Json> = Vec::new();
        for rule in rules(call, &group.id, egress) {
            let mut head = json!({"IpProtocol": rule.text("IpProtocol")});
            if !rule.is("IpProtocol", "-1") {
                head["FromPort"] = rule.body["FromPort"].clone();
                head["ToPort"] = rule.body["ToPort"].clone();
            }
            let same = |one: &Json| {
                ["IpProtocol", "FromPort", "ToPort"]
                    .iter()
                    .all(|name| one.get(*name) == head.get(*name))
            };
            let at = permissions.iter().position(same).unwrap_or_else(|| {
                let mut one = head.clone();
                for list in [
                    "IpRanges",
                    "Ipv6Ranges",
                    "PrefixListIds",
                    "UserIdGroupPairs",
                ] {
                    one[list] = json!([]);
                }
                permissions.push(one);
                permissions.len() - 1
            });
            let (list, mut peer) = match (
                rule.text("CidrIpv4"),
                rule.text("CidrIpv6"),
                rule.text("PrefixListId"),
            ) {
                ("", "", "") => (
                    "UserIdGroupPairs",
                    json!({
                        "GroupId": rule.text("ReferencedGroupInfo.GroupId"), "UserId": rule.text("ReferencedGroupInfo.UserId"),
                    }),
                ),
                ("", "", prefix) => ("PrefixListIds", json!({"PrefixListId": prefix})),
                ("", six, _) => ("Ipv6Ranges", json!({"CidrIpv6": six})),
                (four, ..) => ("IpRanges", json!({"CidrIp": four})),
            };
            if let Some(description) = rule.body.get("Description") {
                peer["Description"] = description.clone();
            }
            if let Some(peers) = permissions[at][list].as_array_mut() {
                peers.push(peer);
            }
        }
        body.insert(member.into(), Json::Array(permissions));
    }
}

/// The group that the request names by identifier, or by name.
pub(super) fn the_group(call: &Call) -> Result<Record, Refusal> {
    match (call.text("GroupId"), call.text("GroupName")) {
        (Some(id), _) => call.need(SECURITY_GROUP.name, id).cloned(),
        (None, Some(name)) => call
            .list_where(SECURITY_GROUP.name, "GroupName", name)
            .next()
            .cloned()
            .ok_or_else(|| SECURITY_GROUP.not_found.with(&[("id", name)])),
        _ => Err(Refusal::new(
            "MissingParameter",
            "The request must contain the parameter groupName or groupId",
        )),
    }
}
