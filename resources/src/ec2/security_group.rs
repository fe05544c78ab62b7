//! `AWS::EC2::SecurityGroup`: a group and its inline rules.
//!
//! Rules that stand as resources of their own are not the group's: `update.live` comes without them, and only what
//! it tells is ever revoked.

use super::SECURITY_GROUPS;
use super::permission::{self, Direction};
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

native!(
    /// `AWS::EC2::SecurityGroup`.
    SecurityGroup,
    Definition {
        create: Create::of("CreateSecurityGroup", ""),
        reads: &[Read::of(&SECURITY_GROUPS)],
        updates: &[
            Change {
                takes: &["SecurityGroupIngress"],
                mode: Mode::Step(ingress),
                ..Change::of("AuthorizeSecurityGroupIngress", &["GroupId=Id"])
            },
            Change {
                takes: &["SecurityGroupEgress"],
                mode: Mode::Step(egress),
                ..Change::of("AuthorizeSecurityGroupEgress", &["GroupId=Id"])
            },
        ],
        delete: Delete {
            // Its network interfaces drain, or a rule of another group names it.
            busy: &["DependencyViolation"],
            ..Delete::of("DeleteSecurityGroup", &["GroupId=Id"], &["InvalidGroup.NotFound", "InvalidGroupId.NotFound"])
        },
        rules: &[
            Rule::Renamed("GroupDescription", "Description"),
            Rule::Told("Id", "GroupId"),
            Rule::Computed("SecurityGroupIngress", |group| told(Direction::Ingress, group)),
            Rule::Computed("SecurityGroupEgress", |group| told(Direction::Egress, group)),
        ],
        tags: Tags::Specification("security-group"),
        // Up to 255 characters: a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$* (API_CreateSecurityGroup).
        name: Some(Name { also: "._", ..Name::of("GroupName", 255) }),
        unique: &[&["VpcId", "GroupName"]],
        resets: &[("SecurityGroupIngress", "[]")],
        ..Definition::new("AWS::EC2::SecurityGroup", "ec2")
    }
);

fn told(direction: Direction, group: &Json) -> Option<Json> {
    permission::rules(direction, group).map(|rules| rules.into_iter().map(Json::Object).collect())
}

fn ingress<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(change(context, id, update, Direction::Ingress))
}

fn egress<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(change(context, id, update, Direction::Egress))
}

/// A rule that lets everything out, as AWS makes it with every group (VPC user guide, "Default security group rules").
fn allow_all() -> Map<String, Json> {
    Map::from_iter([
        ("IpProtocol".to_owned(), json!("-1")),
        ("CidrIp".to_owned(), json!("0.0.0.0/0")),
    ])
}

async fn change(
    context: &Context,
    id: &PhysicalId,
    update: &Update<'_>,
    direction: Direction,
) -> Result<()> {
    let list = |value: &Value| -> Option<Vec<Map<String, Json>>> {
        let items = value.get(direction.property())?.expose_json()?;
        items.as_array().map(|items| {
            items
                .iter()
                .filter_map(|item| item.as_object().cloned())
                .collect()
        })
    };
    // What is declared no more goes back to what AWS makes: nothing in, everything out.
    let wanted = list(update.desired).unwrap_or_else(|| match direction {
        Direction::Ingress => Vec::new(),
        Direction::Egress => vec![allow_all()],
    });
    let live = match list(update.live) {
        Some(live) => live,
        // Just made: AWS's default rules are to be replaced where egress is declared, as CloudFormation does.
        None => {
            let groups = generic::items_of(context, &SECURITY_GROUPS, id.as_str()).await?;
            groups
                .first()
                .and_then(|group| permission::rules(direction, group))
                .unwrap_or_default()
        }
    };
    let mut new: Vec<Json> = Vec::new();
    let mut described: Vec<Json> = Vec::new();
    for rule in &wanted {
        match permission::find(direction, &live, rule) {
            None => {
                let permission = permission::permission(direction, rule);
                if !new.contains(&permission) {
                    new.push(permission);
                }
            }
            Some(have) if have.get("Description") != rule.get("Description") => {
                described.push(permission::permission(direction, rule));
            }
            Some(_) => {}
        }
    }
    let gone: Vec<Json> = live
        .iter()
        .filter(|rule| permission::find(direction, &wanted, rule).is_none())
        .map(|rule| permission::identity(direction, rule))
        .collect();
    // New rules before the old ones go: no connection is cut that both allow.
    for (operation, permissions) in [
        (direction.authorize(), new),
        (direction.describe(), described),
        (direction.revoke(), gone),
    ] {
        if !permissions.is_empty() {
            let input = json!({"GroupId": id.as_str(), "IpPermissions": permissions});
            match context.write("ec2", operation, input).await {
                Err(error)
                    if operation == direction.revoke()
                        && error.code() == Some("InvalidPermission.NotFound") => {}
                done => {
                    done?;
                }
            }
        }
    }
    Ok(())
}
