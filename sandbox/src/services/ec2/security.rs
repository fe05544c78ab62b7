//! Security groups and their rules. Every rule is a record of its own; the groups' permission lists are computed from them.

use super::PAGES;
use super::cidr::Block;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, Unique, create, delete, describe, run};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record};
use serde_json::{Map, Value as Json, json};

/// A rule exists once.
pub const RULE_ONCE: Law = Law {
    name: "a rule exists once in a security group",
    operations: &[
        "AuthorizeSecurityGroupIngress",
        "AuthorizeSecurityGroupEgress",
        "ModifySecurityGroupRules",
    ],
    source: "Amazon EC2 API Reference, Error codes: InvalidPermission.Duplicate",
    fault: Fault::new(
        "InvalidPermission.Duplicate",
        "the specified rule \"{id}\" already exists",
    ),
    check: None,
};

/// Only rules that exist are revoked.
pub const RULE_THERE: Law = Law {
    name: "a rule that is revoked exists",
    operations: &["RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress"],
    source: "Amazon EC2 API Reference, Error codes: InvalidPermission.NotFound",
    fault: Fault::new(
        "InvalidPermission.NotFound",
        "The specified rule does not exist in this security group.",
    ),
    check: None,
};

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

/// Sixty rules each way.
pub const RULE_QUOTA: Law = Law {
    name: "a security group has at most 60 rules each way",
    operations: &[
        "AuthorizeSecurityGroupIngress",
        "AuthorizeSecurityGroupEgress",
    ],
    source: "Amazon VPC User Guide, Amazon VPC quotas: Inbound or outbound rules per security group",
    fault: Fault::new(
        "RulesPerSecurityGroupLimitExceeded",
        "The maximum number of rules per security group has been reached.",
    ),
    check: None,
};

const RULES: usize = 60;

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

/// A rule of a security group.
pub const RULE: Kind = Kind {
    name: "ec2/security-group-rule",
    id: Id::Hex("sgr-"),
    id_member: "SecurityGroupRuleId",
    arn: "arn:{partition}:ec2:{region}:{account}:security-group-rule/{id}",
    arn_member: "SecurityGroupRuleArn",
    tags: Tags::List("Tags"),
    refers: &[
        Reference::new("GroupId", "ec2/security-group").unchecked(),
        Reference::new("ReferencedGroupInfo.GroupId", "ec2/security-group")
            .source("Amazon EC2 API Reference, DeleteSecurityGroup"),
    ],
    not_found: Fault::new(
        "InvalidSecurityGroupRuleId.NotFound",
        "The security group rule ID '{id}' does not exist",
    ),
    operations: &[describe(
        "DescribeSecurityGroupRules",
        "SecurityGroupRuleIds",
        "SecurityGroupRules",
    )
    .paging(PAGES)
    .filters(&[
        ("group-id", "GroupId"),
        ("security-group-rule-id", "SecurityGroupRuleId"),
    ])],
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

fn add(call: &mut Call, group: &Record, egress: bool, mut rule: Json) -> Result<Record, Refusal> {
    rule["GroupId"] = json!(group.id);
    rule["GroupOwnerId"] = json!(call.account);
    rule["IsEgress"] = json!(egress);
    call.make_part(RULE.name, &group.id, rule)
}

/// The rules of a group, in the order in which they were made.
fn rules(call: &Call, group: &str, egress: bool) -> Vec<Record> {
    let mut rules: Vec<Record> = call
        .world
        .referrers(&call.key(SECURITY_GROUP.name, group))
        .iter()
        .filter(|key| key.kind == RULE.name)
        .filter_map(|key| call.world.get(key))
        .filter(|rule| {
            rule.is("GroupId", group) && rule.body.get("IsEgress") == Some(&Json::Bool(egress))
        })
        .cloned()
        .collect();
    rules.sort_by(|a, b| {
        a.created
            .total_cmp(&b.created)
            .then_with(|| a.id.cmp(&b.id))
    });
    rules
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
fn the_group(call: &Call) -> Result<Record, Refusal> {
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

fn protocol(text: &str) -> String {
    match text {
        "6" => "tcp".into(),
        "17" => "udp".into(),
        "1" => "icmp".into(),
        "58" => "icmpv6".into(),
        "all" => "-1".into(),
        other => other.to_ascii_lowercase(),
    }
}

/// Protocol and ports as a rule has them.
fn head(sent: &Json) -> Result<Json, Refusal> {
    let protocol = protocol(sent["IpProtocol"].as_str().unwrap_or_default());
    if protocol.is_empty() {
        return Err(Refusal::new(
            "MissingParameter",
            "The request must contain the parameter ipProtocol",
        ));
    }
    let known = ["tcp", "udp", "icmp", "icmpv6", "-1"].contains(&protocol.as_str());
    if !known && !protocol.parse::<u8>().is_ok_and(|number| number < 255) {
        let message = format!("Invalid value '{protocol}' for IP protocol. Unknown protocol.");
        return Err(Refusal::new("InvalidPermission.Malformed", message));
    }
    let (from, to) = (sent["FromPort"].as_i64(), sent["ToPort"].as_i64());
    let (from, to) = match protocol.as_str() {
        "tcp" | "udp" => {
            let (Some(from), Some(to)) = (from, to) else {
                let message = "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
                return Err(Refusal::new("InvalidParameterValue", message));
            };
            if from > to || !(0..=65535).contains(&from) || !(0..=65535).contains(&to) {
                let message = format!(
                    "Invalid value '{from}-{to}' for portRange. Invalid TCP/UDP port range ({from}:{to})"
                );
                return Err(Refusal::new("InvalidParameterValue", message));
            }
            (from, to)
        }
        "icmp" | "icmpv6" => (from.unwrap_or(-1), to.unwrap_or(-1)),
        _ => (-1, -1),
    };
    Ok(json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to}))
}

fn four(text: &str) -> Result<String, Refusal> {
    let block = Block::parse(text).map(|block| block.to_string());
    block.ok_or_else(|| {
        Refusal::new(
            "InvalidParameterValue",
            format!("CIDR block {text} is malformed"),
        )
    })
}

fn six(text: &str) -> Result<String, Refusal> {
    let valid = text.split_once('/').is_some_and(|(address, prefix)| {
        address.parse::<std::net::Ipv6Addr>().is_ok()
            && prefix.parse::<u8>().is_ok_and(|prefix| prefix <= 128)
    });
    if valid {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(Refusal::new(
            "InvalidParameterValue",
            format!("CIDR block {text} is malformed"),
        ))
    }
}

fn group_peer(call: &Call, group: &Record, pair: &Json) -> Result<Json, Refusal> {
    let other = match (pair["GroupId"].as_str(), pair["GroupName"].as_str()) {
        (Some(id), _) => {
            let foreign = pair["UserId"]
                .as_str()
                .is_some_and(|user| user != call.account);
            if foreign {
                return Ok(json!({"GroupId": id, "UserId": pair["UserId"]}));
            }
            call.need(SECURITY_GROUP.name, id)?
        }
        (None, Some(name)) => call
            .list_where(SECURITY_GROUP.name, "GroupName", name)
            .find(|other| other.text("VpcId") == group.text("VpcId"))
            .ok_or_else(|| SECURITY_GROUP.not_found.with(&[("id", name)]))?,
        _ => {
            return Err(Refusal::new(
                "MissingParameter",
                "The request must contain the parameter groupId",
            ));
        }
    };
    Ok(json!({"GroupId": other.id, "UserId": call.account, "VpcId": other.text("VpcId")}))
}

/// The rules that the request's permissions stand for: one per peer.
fn asked(call: &Call, group: &Record) -> Result<Vec<Json>, Refusal> {
    let mut permissions = call
        .input
        .get("IpPermissions")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    if permissions.is_empty()
        && (call.text("IpProtocol").is_some() || call.text("CidrIp").is_some())
    {
        let mut flat = Json::Object(call.input.clone());
        if let Some(block) = call.text("CidrIp") {
            flat["IpRanges"] = json!([{"CidrIp": block}]);
        }
        if let Some(name) = call.text("SourceSecurityGroupName") {
            flat["UserIdGroupPairs"] = json!([{"GroupName": name}]);
        }
        permissions.push(flat);
    }
    if permissions.is_empty() {
        return Err(Refusal::new("MissingParameter", "Source group ID missing."));
    }
    let mut rules: Vec<Json> = Vec::new();
    for permission in &permissions {
        let head = head(permission)?;
        let before = rules.len();
        let peers = |list: &str| permission[list].as_array().cloned().unwrap_or_default();
        let mut push = |member: &str, value: Json, peer: &Json| {
            let mut rule = head.clone();
            rule[member] = value;
            if let Some(description) = peer
                .get("Description")
                .filter(|description| !description.is_null())
            {
                rule["Description"] = description.clone();
            }
            rules.push(rule);
        };
        for peer in peers("IpRanges") {
            push(
                "CidrIpv4",
                json!(four(peer["CidrIp"].as_str().unwrap_or_default())?),
                &peer,
            );
        }
        for peer in peers("Ipv6Ranges") {
            push(
                "CidrIpv6",
                json!(six(peer["CidrIpv6"].as_str().unwrap_or_default())?),
                &peer,
            );
        }
        for peer in peers("PrefixListIds") {
            push("PrefixListId", peer["PrefixListId"].clone(), &peer);
        }
        for peer in peers("UserIdGroupPairs") {
            push(
                "ReferencedGroupInfo",
                group_peer(call, group, &peer)?,
                &peer,
            );
        }
        if rules.len() == before {
            let message = "Invalid value 'null' for parameter: the rule must specify a source or destination: cidrIp, cidrIpv6, prefixListId or groupId";
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    }
    Ok(rules)
}

/// Do two rules let the same traffic through?
fn same(rule: &Map<String, Json>, other: &Json) -> bool {
    [
        "IpProtocol",
        "FromPort",
        "ToPort",
        "CidrIpv4",
        "CidrIpv6",
        "PrefixListId",
    ]
    .iter()
    .all(|name| rule.get(*name) == other.get(*name))
        && path::text(rule, "ReferencedGroupInfo.GroupId")
            == other["ReferencedGroupInfo"]["GroupId"].as_str()
}

fn words(rule: &Json) -> String {
    let peer = ["CidrIpv4", "CidrIpv6", "PrefixListId"]
        .iter()
        .find_map(|name| rule[*name].as_str());
    let peer = peer
        .or(rule["ReferencedGroupInfo"]["GroupId"].as_str())
        .unwrap_or_default();
    match rule["IpProtocol"].as_str() {
        Some("-1") => format!("peer: {peer}, ALL, ALLOW"),
        protocol => format!(
            "peer: {peer}, {}, from port: {}, to port: {}, ALLOW",
            protocol.unwrap_or_default().to_ascii_uppercase(),
            rule["FromPort"],
            rule["ToPort"]
        ),
    }
}

fn authorize(call: &mut Call, egress: bool) -> Answer {
    let group = the_group(call)?;
    let asked = asked(call, &group)?;
    let existing = rules(call, &group.id, egress);
    for (nth, rule) in asked.iter().enumerate() {
        let again = asked[..nth]
            .iter()
            .any(|other| other.as_object().is_some_and(|other| same(other, rule)));
        if again || existing.iter().any(|other| same(&other.body, rule)) {
            return Err(RULE_ONCE.fault.with(&[("id", &words(rule))]));
        }
    }
    if existing.len() + asked.len() > RULES {
        return Err(RULE_QUOTA.fault.with(&[]));
    }
    let specifications = call.input.get("TagSpecifications").cloned();
    let mut shown = Vec::new();
    for mut rule in asked {
        if let Some(specifications) = &specifications {
            rule["TagSpecifications"] = specifications.clone();
        }
        let record = add(call, &group, egress, rule)?;
        shown.push(call.show(RULE.name, &record));
    }
    Ok(json!({"Return": true, "SecurityGroupRules": shown}))
}

fn revoke(call: &mut Call, egress: bool) -> Answer {
    let group = the_group(call)?;
    let existing = rules(call, &group.id, egress);
    let ids = call.texts("SecurityGroupRuleIds[]");
    let mut found: Vec<&Record> = Vec::new();
    for id in &ids {
        found.push(
            existing
                .iter()
                .find(|rule| rule.id == *id)
                .ok_or_else(|| RULE.not_found.with(&[("id", id)]))?,
        );
    }
    if ids.is_empty() {
        for rule in asked(call, &group)? {
            found.push(
                existing
                    .iter()
                    .find(|other| same(&other.body, &rule))
                    .ok_or_else(|| RULE_THERE.fault.with(&[]))?,
            );
        }
    }
    let mut revoked = Vec::new();
    for rule in found {
        let mut one = rule.body.clone();
        if let Some(other) = path::text(&rule.body, "ReferencedGroupInfo.GroupId") {
            one.insert("ReferencedGroupId".into(), json!(other));
        }
        revoked.push(one);
        call.remove(RULE.name, &rule.id);
    }
    Ok(json!({"Return": true, "RevokedSecurityGroupRules": revoked}))
}

fn describe_rules(call: &mut Call, egress: bool) -> Answer {
    let group = the_group(call)?;
    let existing = rules(call, &group.id, egress);
    let mut changes: Vec<(String, Json)> = Vec::new();
    for one in call
        .input
        .get("SecurityGroupRuleDescriptions")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let id = one["SecurityGroupRuleId"].as_str().unwrap_or_default();
        let rule = existing
            .iter()
            .find(|rule| rule.id == id)
            .ok_or_else(|| RULE.not_found.with(&[("id", id)]))?;
        changes.push((rule.id.clone(), one["Description"].clone()));
    }
    if changes.is_empty() {
        for rule in asked(call, &group)? {
            let known = existing
                .iter()
                .find(|other| same(&other.body, &rule))
                .ok_or_else(|| RULE_THERE.fault.with(&[]))?;
            changes.push((known.id.clone(), rule["Description"].clone()));
        }
    }
    for (id, description) in changes {
        call.update(RULE.name, &id, |rule| rule.set("Description", description));
    }
    Ok(json!({"Return": true}))
}

fn modify_rules(call: &mut Call) -> Answer {
    let group = the_group(call)?;
    let mut changes: Vec<(Key, Json)> = Vec::new();
    for one in call
        .input
        .get("SecurityGroupRules")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let id = one["SecurityGroupRuleId"].as_str().unwrap_or_default();
        let rule = call.need(RULE.name, id)?;
        if !rule.is("GroupId", &group.id) {
            return Err(RULE.not_found.with(&[("id", id)]));
        }
        let sent = &one["SecurityGroupRule"];
        let mut new = head(sent)?;
        let text = |member: &str| sent[member].as_str();
        match (
            text("CidrIpv4"),
            text("CidrIpv6"),
            text("PrefixListId"),
            text("ReferencedGroupId"),
        ) {
            (Some(block), ..) => new["CidrIpv4"] = json!(four(block)?),
            (_, Some(block), ..) => new["CidrIpv6"] = json!(six(block)?),
            (_, _, Some(prefix), _) => new["PrefixListId"] = json!(prefix),
            (.., Some(other)) => {
                new["ReferencedGroupInfo"] = group_peer(call, &group, &json!({"GroupId": other}))?
            }
            _ => {
                return Err(Refusal::new(
                    "MissingParameter",
                    "The request must contain a source or destination of the rule",
                ));
            }
        }
        if let Some(description) = text("Description") {
            new["Description"] = json!(description);
        }
        let egress = rule.body.get("IsEgress") == Some(&Json::Bool(true));
        if rules(call, &group.id, egress)
            .iter()
            .any(|other| other.id != id && same(&other.body, &new))
        {
            return Err(RULE_ONCE.fault.with(&[("id", &words(&new))]));
        }
        changes.push((call.key(RULE.name, id), new));
    }
    for (key, new) in changes {
        call.world.update(&key, |rule| {
            for member in [
                "CidrIpv4",
                "CidrIpv6",
                "PrefixListId",
                "ReferencedGroupInfo",
                "Description",
            ] {
                rule.body.remove(member);
            }
            for (name, value) in new.as_object().into_iter().flatten() {
                rule.body.insert(name.clone(), value.clone());
            }
        });
    }
    Ok(json!({"Return": true}))
}
