//! The rules of security groups. Each is a record of its own.

use super::PAGES;
use super::cidr::Block;
use super::security::{SECURITY_GROUP, the_group};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Tags, describe};
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

pub(super) fn add(
    call: &mut Call,
    group: &Record,
    egress: bool,
    mut rule: Json,
) -> Result<Record, Refusal> {
    rule["GroupId"] = json!(group.id);
    rule["GroupOwnerId"] = json!(call.account);
    rule["IsEgress"] = json!(egress);
    call.make_part(RULE.name, &group.id, rule)
}

/// The rules of a group, in the order in which they were made.
pub(super) fn rules(call: &Call, group: &str, egress: bool) -> Vec<Record> {
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

pub(super) fn authorize(call: &mut Call, egress: bool) -> Answer {
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

pub(super) fn revoke(call: &mut Call, egress: bool) -> Answer {
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

pub(super) fn describe_rules(call: &mut Call, egress: bool) -> Answer {
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

pub(super) fn modify_rules(call: &mut Call) -> Answer {
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
