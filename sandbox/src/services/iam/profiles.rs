//! Instance profiles.

use super::{listing, under, unique_id};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, Unique, create, delete, get, run};
use crate::kind::{list_tags, tag, untag};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// One role per profile.
pub const ONE_ROLE: Law = Law {
    name: "an instance profile holds one role",
    operations: &["AddRoleToInstanceProfile"],
    source: "IAM API Reference, AddRoleToInstanceProfile: an instance profile can contain only one role",
    fault: Fault::new(
        "LimitExceeded",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
    ),
    check: None,
};

/// An instance profile. `RoleNames` refers to its role.
pub const PROFILE: Kind = Kind {
    name: "iam/instance-profile",
    global: true,
    id: Id::Member("InstanceProfileName"),
    arn: "arn:{partition}:iam::{account}:instance-profile{Path}{id}",
    arn_member: "Arn",
    created_member: "CreateDate",
    defaults: Some(|_| json!({"Path": "/"})),
    tags: Tags::List("Tags"),
    refers: &[Reference::new("RoleNames[]", "iam/role").source("IAM API Reference, DeleteRole")],
    unique: &[Unique::new(
        &["InstanceProfileName"],
        Fault::new(
            "EntityAlreadyExists",
            "Instance Profile {InstanceProfileName} already exists.",
        ),
    )],
    not_found: Fault::new("NoSuchEntity", "Instance Profile {id} cannot be found."),
    show: Some(show),
    operations: &[
        create("CreateInstanceProfile", Shows::In("InstanceProfile")).prepare(|call, profile| {
            let digits = call.derive(&format!("profile id {}", profile.id));
            profile.set("InstanceProfileId", unique_id("AIPA", &digits));
            Ok(())
        }),
        get(
            "GetInstanceProfile",
            "InstanceProfileName",
            Shows::In("InstanceProfile"),
        ),
        delete(
            "DeleteInstanceProfile",
            "InstanceProfileName",
            Shows::Nothing,
        )
        .prepare(|_, profile| {
            if profile.list("RoleNames").is_empty() {
                return Ok(());
            }
            let message = "Cannot delete entity, must remove roles from instance profile first.";
            Err(Refusal::new("DeleteConflict", message))
        }),
        run("ListInstanceProfiles", |call| {
            let prefix = call.text("PathPrefix");
            let all = call.list(PROFILE.name).filter(|one| under(one, prefix));
            let shown = all.map(|one| (one.id.clone(), call.show(PROFILE.name, one)));
            listing(call, "InstanceProfiles", shown.collect())
        }),
        run("ListInstanceProfilesForRole", |call| {
            let role = call.need("iam/role", call.text("RoleName").unwrap_or_default())?;
            let all = call.list_where(PROFILE.name, "RoleNames[]", &role.id);
            let shown = all.map(|one| (one.id.clone(), call.show(PROFILE.name, one)));
            listing(call, "InstanceProfiles", shown.collect())
        }),
        run("AddRoleToInstanceProfile", |call| member(call, true)),
        run("RemoveRoleFromInstanceProfile", |call| member(call, false)),
        tag("TagInstanceProfile", "InstanceProfileName", "Tags"),
        untag("UntagInstanceProfile", "InstanceProfileName", "TagKeys"),
        list_tags("ListInstanceProfileTags", "InstanceProfileName", "Tags"),
    ],
    ..Kind::NEW
};

fn show(call: &Call, profile: &Record, body: &mut Map<String, Json>) {
    let names = profile.list("RoleNames").iter().filter_map(Json::as_str);
    let roles = names.filter_map(|name| call.find("iam/role", name));
    let roles: Vec<Json> = roles.map(|role| call.show("iam/role", role)).collect();
    body.insert("Roles".into(), json!(roles));
}

fn member(call: &mut Call, add: bool) -> Answer {
    let name = call.text("InstanceProfileName").unwrap_or_default();
    let profile = call.need(PROFILE.name, name)?.clone();
    let name = call.text("RoleName").unwrap_or_default();
    let role = call.need("iam/role", name)?.id.clone();
    let there = profile.list("RoleNames").contains(&json!(role));
    if add && !profile.list("RoleNames").is_empty() {
        return Err(ONE_ROLE.fault.with(&[]));
    }
    if !add && !there {
        let message = format!("Role {role} is not in the instance profile {}.", profile.id);
        return Err(Refusal::new("NoSuchEntity", message));
    }
    call.update(PROFILE.name, &profile.id, |profile| {
        let roles = profile.list_mut("RoleNames");
        roles.clear();
        if add {
            roles.push(json!(role));
        }
    });
    Ok(json!({}))
}
