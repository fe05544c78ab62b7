//! `Custom::VpcRestrictDefaultSG`: a VPC's default security group without the two rules that AWS gives it.

use async_trait::async_trait;

use crate::context::Context;
use crate::ec2::SECURITY_GROUPS;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `Custom::VpcRestrictDefaultSG`.
pub struct RestrictDefaultSecurityGroup;

static DEFINITION: Definition = Definition {
    delete: Delete {
        // The group stays: it is the VPC's.
        lingers: true,
        ..Delete::of("AuthorizeSecurityGroupIngress", &[], &[])
    },
    unique: &[&["DefaultSecurityGroupId"]],
    create_only: &[(
        "DefaultSecurityGroupId",
        "another group is another resource: the handler gives the rules of the old one back",
    )],
    not_told: &[
        (
            "Account",
            "an argument of the handler: payctl knows the account",
        ),
        ("ServiceToken", "nobody is asked"),
    ],
    ..Definition::new("Custom::VpcRestrictDefaultSG", "ec2")
};

/// The two rules, as they are shown, each with the call that gives it and the one that takes it.
const RULES: [(&str, &str, &str); 2] = [
    (
        "all traffic from the group itself",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
    ),
    (
        "all traffic to 0.0.0.0/0",
        "AuthorizeSecurityGroupEgress",
        "RevokeSecurityGroupEgress",
    ),
];

#[async_trait]
impl Resource for RestrictDefaultSecurityGroup {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let id = group(desired)?;
        context.identified(&PhysicalId::from(id.as_str())).await?;
        restrict(context, &id).await?;
        Ok(super::declared(&id, desired))
    }

    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let found = generic::items_of(context, &SECURITY_GROUPS, id.as_str()).await?;
        Ok(found.first().map(|group| {
            let model = json!({"DefaultSecurityGroupId": id.as_str(), "Rules": standing(group, id.as_str())});
            super::declared(id.as_str(), &Value::from(model))
        }))
    }

    async fn update(&self, context: &Context, id: &PhysicalId, _: &Update<'_>) -> Result<()> {
        restrict(context, id.as_str()).await
    }

    /// AWS's own rules are given back: whoever uses the VPC after this finds it as AWS makes it.
    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        for (position, (_, give, _)) in RULES.iter().enumerate() {
            let done = context
                .write("ec2", give, permission(id.as_str(), position))
                .await;
            match done {
                Err(error)
                    if matches!(
                        error.code(),
                        Some(
                            "InvalidPermission.Duplicate"
                                | "InvalidGroup.NotFound"
                                | "InvalidGroupId.NotFound"
                        )
                    ) => {}
                done => {
                    done?;
                }
            }
        }
        Ok(())
    }

    async fn complete(&self, context: &Context, id: &PhysicalId, _: &Value) -> Result<bool> {
        restrict(context, id.as_str()).await?;
        Ok(false)
    }

    async fn find(
        &self,
        _: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        Ok(group(desired).ok().map(PhysicalId::from))
    }
}

fn group(desired: &Value) -> Result<String> {
    let id = desired
        .get("DefaultSecurityGroupId")
        .and_then(Value::to_text);
    id.ok_or_else(|| {
        Error::Failed("Custom::VpcRestrictDefaultSG has no DefaultSecurityGroupId".to_owned())
    })
}

fn permission(id: &str, position: usize) -> Json {
    match position {
        0 => {
            json!({"GroupId": id, "IpPermissions": [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": id}]}]})
        }
        _ => {
            json!({"GroupId": id, "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]})
        }
    }
}

async fn restrict(context: &Context, id: &str) -> Result<()> {
    let found = generic::items_of(context, &SECURITY_GROUPS, id).await?;
    // What is not there is not taken: AWS's answer to that is also the one for a group that is not known everywhere yet.
    let standing = found.first().map(|group| standing(group, id));
    for (position, (name, _, take)) in RULES.iter().enumerate() {
        if standing.as_ref().is_some_and(|rules| !rules.contains(name)) {
            continue;
        }
        let done = context.write("ec2", take, permission(id, position)).await;
        match done {
            Err(error) if error.code() == Some("InvalidPermission.NotFound") => {}
            done => {
                done?;
            }
        }
    }
    Ok(())
}

/// Which of the two rules a group has.
fn standing(group: &Json, id: &str) -> Vec<&'static str> {
    let has = |list: &str, within: &str, member: &str, value: &str| {
        let permissions = group.get(list).and_then(Json::as_array);
        permissions.into_iter().flatten().any(|permission| {
            let items = permission.get(within).and_then(Json::as_array);
            described(permission, "IpProtocol") == Some("-1")
                && items
                    .into_iter()
                    .flatten()
                    .any(|item| described(item, member) == Some(value))
        })
    };
    let standing = [
        has("IpPermissions", "UserIdGroupPairs", "GroupId", id),
        has("IpPermissionsEgress", "IpRanges", "CidrIp", "0.0.0.0/0"),
    ];
    let rules = RULES.iter().zip(standing);
    rules
        .filter(|(_, there)| *there)
        .map(|((name, _, _), _)| *name)
        .collect()
}
