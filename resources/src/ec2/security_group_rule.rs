//! `AWS::EC2::SecurityGroupIngress` and `AWS::EC2::SecurityGroupEgress`: one rule as a resource of its own. The id is `sgr-…`.

use async_trait::async_trait;

use super::permission::{self, Direction};
use super::{RULES_OF_SECURITY_GROUPS, SECURITY_GROUP_RULES};
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// `AWS::EC2::SecurityGroupIngress`.
pub struct Ingress;

/// `AWS::EC2::SecurityGroupEgress`.
pub struct Egress;

const READS: &[Read] = &[Read::of(&SECURITY_GROUP_RULES)];
const UPDATES: &[Change] = &[Change {
    takes: &["Description"],
    mode: Mode::Step(describe),
    ..Change::of("", &[])
}];

const fn definition(type_name: &'static str) -> Definition {
    Definition {
        reads: READS,
        updates: UPDATES,
        ..Definition::new(type_name, "ec2")
    }
}

static INGRESS: Definition = Definition {
    create: Create {
        build: Some(|rule| input(Direction::Ingress, rule)),
        ..Create::of("AuthorizeSecurityGroupIngress", "SecurityGroupRules.0")
    },
    delete: Delete::of("RevokeSecurityGroupIngress", &[], GONE),
    find: Find::Search(search_ingress),
    rules: &[
        Rule::Told("Id", "SecurityGroupRuleId"),
        Rule::Told("CidrIp", "CidrIpv4"),
        Rule::Told("SourcePrefixListId", "PrefixListId"),
        Rule::Told("SourceSecurityGroupId", "ReferencedGroupInfo.GroupId"),
        Rule::Told("SourceSecurityGroupOwnerId", "ReferencedGroupInfo.UserId"),
        Rule::Computed("FromPort", |rule| port(rule, "FromPort")),
        Rule::Computed("ToPort", |rule| port(rule, "ToPort")),
    ],
    not_told: &[
        (
            "GroupName",
            "DescribeSecurityGroupRules tells the group's id alone",
        ),
        (
            "SourceSecurityGroupName",
            "DescribeSecurityGroupRules tells the source group's id alone",
        ),
    ],
    // AWS refuses a second rule that is equal: InvalidPermission.Duplicate.
    unique: &[&[
        "GroupId",
        "GroupName",
        "IpProtocol",
        "FromPort",
        "ToPort",
        "CidrIp",
        "CidrIpv6",
        "SourcePrefixListId",
        "SourceSecurityGroupId",
        "SourceSecurityGroupName",
    ]],
    ..definition("AWS::EC2::SecurityGroupIngress")
};

static EGRESS: Definition = Definition {
    create: Create {
        build: Some(|rule| input(Direction::Egress, rule)),
        ..Create::of("AuthorizeSecurityGroupEgress", "SecurityGroupRules.0")
    },
    delete: Delete::of("RevokeSecurityGroupEgress", &[], GONE),
    find: Find::Search(search_egress),
    rules: &[
        Rule::Told("Id", "SecurityGroupRuleId"),
        Rule::Told("CidrIp", "CidrIpv4"),
        Rule::Told("DestinationPrefixListId", "PrefixListId"),
        Rule::Told("DestinationSecurityGroupId", "ReferencedGroupInfo.GroupId"),
        Rule::Computed("FromPort", |rule| port(rule, "FromPort")),
        Rule::Computed("ToPort", |rule| port(rule, "ToPort")),
    ],
    unique: &[&[
        "GroupId",
        "IpProtocol",
        "FromPort",
        "ToPort",
        "CidrIp",
        "CidrIpv6",
        "DestinationPrefixListId",
        "DestinationSecurityGroupId",
    ]],
    ..definition("AWS::EC2::SecurityGroupEgress")
};

const GONE: &[&str] = &[
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",
    "InvalidGroup.NotFound",
    "InvalidGroupId.NotFound",
];

fn input(direction: Direction, rule: &Map<String, Json>) -> Map<String, Json> {
    let mut input = Map::new();
    for name in ["GroupId", "GroupName"] {
        if let Some(value) = rule.get(name) {
            input.insert(name.to_owned(), value.clone());
        }
    }
    input.insert(
        "IpPermissions".to_owned(),
        json!([permission::permission(direction, rule)]),
    );
    input
}

/// A rule for all traffic has -1 for its ports in DescribeSecurityGroupRules, as one for all ICMP types has.
fn port(rule: &Json, name: &str) -> Option<Json> {
    let all = state_is(rule, "IpProtocol", &["-1"]);
    look(rule, name).filter(|_| !all)
}

/// The rule in the form of declared ones.
fn declared(direction: Direction, rule: &Json) -> Map<String, Json> {
    let mut out = Map::new();
    let (list, group) = match direction {
        Direction::Ingress => ("SourcePrefixListId", "SourceSecurityGroupId"),
        Direction::Egress => ("DestinationPrefixListId", "DestinationSecurityGroupId"),
    };
    let members = [
        ("IpProtocol", "IpProtocol"),
        ("FromPort", "FromPort"),
        ("ToPort", "ToPort"),
        ("CidrIpv4", "CidrIp"),
        ("CidrIpv6", "CidrIpv6"),
        ("PrefixListId", list),
        ("ReferencedGroupInfo.GroupId", group),
    ];
    for (from, to) in members {
        if let Some(value) = look(rule, from) {
            out.insert(to.to_owned(), value);
        }
    }
    out
}

async fn search(
    context: &Context,
    desired: &Value,
    direction: Direction,
) -> Result<Option<PhysicalId>> {
    let (Some(Json::Object(wanted)), Some(group)) = (
        desired.expose_json(),
        desired.get("GroupId").and_then(Value::as_str),
    ) else {
        return Ok(None);
    };
    let rules = generic::items_of(context, &RULES_OF_SECURITY_GROUPS, group).await?;
    let found = rules
        .iter()
        .filter(|rule| rule.get("IsEgress") == Some(&json!(direction == Direction::Egress)))
        .find(|rule| {
            permission::identity(direction, &declared(direction, rule))
                == permission::identity(direction, &wanted)
        });
    Ok(found
        .and_then(|rule| described(rule, "SecurityGroupRuleId"))
        .map(PhysicalId::from))
}

fn search_ingress<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(search(context, desired, Direction::Ingress))
}

fn search_egress<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(search(context, desired, Direction::Egress))
}

/// The rule's group and direction, from AWS.
async fn group_of(context: &Context, id: &PhysicalId) -> Result<Option<(Json, Direction)>> {
    let rules = generic::items_of(context, &SECURITY_GROUP_RULES, id.as_str()).await?;
    Ok(rules.first().and_then(|rule| {
        let egress = rule.get("IsEgress") == Some(&json!(true));
        Some((
            look(rule, "GroupId")?,
            if egress {
                Direction::Egress
            } else {
                Direction::Ingress
            },
        ))
    }))
}

/// Only the description of a rule can change in place; an absent one empties it.
fn describe<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let Some((group, direction)) = group_of(context, id).await? else {
            return Ok(());
        };
        let text = update
            .desired
            .get("Description")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let rules = json!([{"SecurityGroupRuleId": id.as_str(), "Description": text}]);
        context
            .write(
                "ec2",
                direction.describe(),
                json!({"GroupId": group, "SecurityGroupRuleDescriptions": rules}),
            )
            .await?;
        Ok(())
    })
}

async fn revoke(definition: &'static Definition, context: &Context, id: &PhysicalId) -> Result<()> {
    let Some((group, direction)) = group_of(context, id).await? else {
        return Ok(());
    };
    let input = Map::from_iter([
        ("GroupId".to_owned(), group),
        ("SecurityGroupRuleIds".to_owned(), json!([id.as_str()])),
    ]);
    generic::delete_with(definition, context, direction.revoke(), input).await
}

#[async_trait]
impl Resource for Ingress {
    fn definition(&self) -> &'static Definition {
        &INGRESS
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        revoke(&INGRESS, context, id).await
    }
}

#[async_trait]
impl Resource for Egress {
    fn definition(&self) -> &'static Definition {
        &EGRESS
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        revoke(&EGRESS, context, id).await
    }
}
