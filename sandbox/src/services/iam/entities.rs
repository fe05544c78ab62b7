//! Roles, users and groups.

use super::attached::{ATTACHED, Bearer, inline};
use super::{SPREADS, document, listing, under, unique_id};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, Unique, create, delete, get, modify, run};
use crate::kind::{list_tags, tag, untag};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Attached policies keep a role.
pub const DETACH_FIRST: Law = Law {
    name: "a role, user or group is deleted after its policies are detached",
    operations: &["DeleteRole", "DeleteUser", "DeleteGroup"],
    source: "IAM API Reference, DeleteRole, Errors: DeleteConflict",
    fault: Fault::new(
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    ),
    check: None,
};

/// So do its own.
pub const DELETE_POLICIES_FIRST: Law = Law {
    name: "a role, user or group is deleted after its inline policies",
    operations: &["DeleteRole", "DeleteUser", "DeleteGroup"],
    source: "IAM API Reference, DeleteRole, Errors: DeleteConflict",
    fault: Fault::new(
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    ),
    check: None,
};

/// And instance profiles.
pub const LEAVE_PROFILES_FIRST: Law = Law {
    name: "a role is deleted after it left its instance profiles",
    operations: &["DeleteRole"],
    source: "IAM API Reference, DeleteRole: remove the role from instance profiles first",
    fault: Fault::new(
        "DeleteConflict",
        "Cannot delete entity, must remove roles from instance profile first.",
    ),
    check: None,
};

/// Service-linked roles belong to their service.
pub const PROTECTED: Law = Law {
    name: "a service-linked role is changed by its service only",
    operations: &[
        "DeleteRole",
        "UpdateRole",
        "PutRolePolicy",
        "AttachRolePolicy",
    ],
    source: "IAM API Reference, DeleteRole, Errors: UnmodifiableEntity",
    fault: Fault::new(
        "UnmodifiableEntity",
        "Cannot perform the operation on the protected role '{id}' - this role is only modifiable by AWS",
    ),
    check: None,
};

const ROLES: Bearer = Bearer {
    kind: &ROLE,
    member: "RoleName",
    word: "role",
};

const USERS: Bearer = Bearer {
    kind: &USER,
    member: "UserName",
    word: "user",
};

const GROUPS: Bearer = Bearer {
    kind: &GROUP,
    member: "GroupName",
    word: "group",
};

/// A role.
pub const ROLE: Kind = Kind {
    name: "iam/role",
    global: true,
    id: Id::Member("RoleName"),
    arn: "arn:{partition}:iam::{account}:role{Path}{id}",
    arn_member: "Arn",
    created_member: "CreateDate",
    defaults: Some(|_| json!({"Path": "/", "MaxSessionDuration": 3600, "RoleLastUsed": {}})),
    tags: Tags::List("Tags"),
    refers: &[
        Reference::new("AttachedPolicyArns[]", "iam/policy")
            .unchecked()
            .source("IAM API Reference, DeletePolicy"),
        Reference::new("PermissionsBoundary.PermissionsBoundaryArn", "iam/policy")
            .unchecked()
            .source("IAM API Reference, DeletePolicy"),
    ],
    unique: &[Unique::new(
        &["RoleName"],
        Fault::new(
            "EntityAlreadyExists",
            "Role with name {RoleName} already exists.",
        ),
    )],
    not_found: Fault::new("NoSuchEntity", "The role with name {id} cannot be found."),
    // What refers to a role are instance profiles.
    in_use: LEAVE_PROFILES_FIRST.fault,
    limit: Some((
        1000,
        Fault::new(
            "LimitExceeded",
            "Cannot exceed quota for RolesPerAccount: {limit}",
        ),
    )),
    show: Some(show_role),
    operations: &[
        create("CreateRole", Shows::In("Role"))
            .before(before_role)
            .prepare(|call, role| {
                let digits = call.derive(&format!("role id {}", role.id));
                role.set("RoleId", unique_id("AROA", &digits));
                role.hidden
                    .insert("seen at".into(), json!(call.now + SPREADS));
                Ok(())
            }),
        get("GetRole", "RoleName", Shows::In("Role")),
        modify("UpdateRole", "RoleName", Shows::Nothing).prepare(|_, role| not_protected(role)),
        modify("UpdateRoleDescription", "RoleName", Shows::In("Role"))
            .prepare(|_, role| not_protected(role)),
        modify("UpdateAssumeRolePolicy", "RoleName", Shows::Nothing)
            .rename(&[("PolicyDocument", "AssumeRolePolicyDocument")])
            .prepare(|call, role| {
                not_protected(role)?;
                document::trust(call, role.text("AssumeRolePolicyDocument"))
            }),
        delete("DeleteRole", "RoleName", Shows::Nothing).prepare(|_, role| deletable(role)),
        run("ListRoles", |call| list(call, &ROLE, "Roles")),
        run("PutRolePermissionsBoundary", |call| {
            bound(call, ROLES, true)
        }),
        run("DeleteRolePermissionsBoundary", |call| {
            bound(call, ROLES, false)
        }),
        tag("TagRole", "RoleName", "Tags"),
        untag("UntagRole", "RoleName", "TagKeys"),
        list_tags("ListRoleTags", "RoleName", "Tags"),
        run("PutRolePolicy", |call| ROLES.put(call)),
        run("GetRolePolicy", |call| ROLES.get(call)),
        run("DeleteRolePolicy", |call| ROLES.delete(call)),
        run("ListRolePolicies", |call| ROLES.list(call)),
        run("AttachRolePolicy", |call| ROLES.attach(call)),
        run("DetachRolePolicy", |call| ROLES.detach(call)),
        run("ListAttachedRolePolicies", |call| ROLES.attached(call)),
    ],
    ..Kind::NEW
};

/// A user.
pub const USER: Kind = Kind {
    name: "iam/user",
    global: true,
    id: Id::Member("UserName"),
    arn: "arn:{partition}:iam::{account}:user{Path}{id}",
    arn_member: "Arn",
    created_member: "CreateDate",
    defaults: Some(|_| json!({"Path": "/"})),
    tags: Tags::List("Tags"),
    refers: &[
        Reference::new("AttachedPolicyArns[]", "iam/policy").unchecked(),
        Reference::new("PermissionsBoundary.PermissionsBoundaryArn", "iam/policy").unchecked(),
        Reference::new("Groups[]", "iam/group")
            .unchecked()
            .in_use(Fault::new(
                "DeleteConflict",
                "Cannot delete entity, must remove users from group first.",
            ))
            .source("IAM API Reference, DeleteGroup"),
    ],
    unique: &[Unique::new(
        &["UserName"],
        Fault::new(
            "EntityAlreadyExists",
            "User with name {UserName} already exists.",
        ),
    )],
    not_found: Fault::new("NoSuchEntity", "The user with name {id} cannot be found."),
    in_use: Fault::new(
        "DeleteConflict",
        "Cannot delete entity, it is referred to by {by}.",
    ),
    operations: &[
        create("CreateUser", Shows::In("User"))
            .before(boundary)
            .prepare(|call, user| {
                let digits = call.derive(&format!("user id {}", user.id));
                user.set("UserId", unique_id("AIDA", &digits));
                Ok(())
            }),
        get("GetUser", "UserName", Shows::In("User")),
        delete("DeleteUser", "UserName", Shows::Nothing).prepare(|_, user| {
            if !user.list("Groups").is_empty() {
                let message = "Cannot delete entity, must remove user from groups first.";
                return Err(Refusal::new("DeleteConflict", message));
            }
            super::logins::without_login(user)?;
            deletable(user)
        }),
        run("ListUsers", |call| list(call, &USER, "Users")),
        run("UpdateUser", |call| USERS.rename(call)),
        run("CreateLoginProfile", |call| USERS.create_login(call)),
        run("GetLoginProfile", |call| USERS.login(call)),
        run("UpdateLoginProfile", |call| USERS.update_login(call)),
        run("DeleteLoginProfile", |call| USERS.delete_login(call)),
        tag("TagUser", "UserName", "Tags"),
        untag("UntagUser", "UserName", "TagKeys"),
        list_tags("ListUserTags", "UserName", "Tags"),
        run("PutUserPermissionsBoundary", |call| {
            bound(call, USERS, true)
        }),
        run("DeleteUserPermissionsBoundary", |call| {
            bound(call, USERS, false)
        }),
        run("PutUserPolicy", |call| USERS.put(call)),
        run("GetUserPolicy", |call| USERS.get(call)),
        run("DeleteUserPolicy", |call| USERS.delete(call)),
        run("ListUserPolicies", |call| USERS.list(call)),
        run("AttachUserPolicy", |call| USERS.attach(call)),
        run("DetachUserPolicy", |call| USERS.detach(call)),
        run("ListAttachedUserPolicies", |call| USERS.attached(call)),
        run("ListGroupsForUser", groups_of),
    ],
    ..Kind::NEW
};

/// A group.
pub const GROUP: Kind = Kind {
    name: "iam/group",
    global: true,
    id: Id::Member("GroupName"),
    arn: "arn:{partition}:iam::{account}:group{Path}{id}",
    arn_member: "Arn",
    created_member: "CreateDate",
    defaults: Some(|_| json!({"Path": "/"})),
    refers: &[Reference::new("AttachedPolicyArns[]", "iam/policy").unchecked()],
    unique: &[Unique::new(
        &["GroupName"],
        Fault::new(
            "EntityAlreadyExists",
            "Group with name {GroupName} already exists.",
        ),
    )],
    not_found: Fault::new("NoSuchEntity", "The group with name {id} cannot be found."),
    operations: &[
        create("CreateGroup", Shows::In("Group")).prepare(|call, group| {
            let digits = call.derive(&format!("group id {}", group.id));
            group.set("GroupId", unique_id("AGPA", &digits));
            Ok(())
        }),
        get(
            "GetGroup",
            "GroupName",
            Shows::With(|call, group| {
                let users = call.list_where("iam/user", "Groups[]", &group.id);
                let shown = users.map(|user| (user.id.clone(), call.show("iam/user", user)));
                // Pages that cannot be cut are those of a bad marker: then all is told.
                let mut answer = listing(call, "Users", shown.collect())
                    .unwrap_or_else(|_| json!({"Users": [], "IsTruncated": false}));
                answer["Group"] = call.show("iam/group", group);
                answer
            }),
        ),
        delete("DeleteGroup", "GroupName", Shows::Nothing).prepare(|_, group| deletable(group)),
        run("ListGroups", |call| list(call, &GROUP, "Groups")),
        run("UpdateGroup", |call| GROUPS.rename(call)),
        run("AddUserToGroup", |call| member(call, true)),
        run("RemoveUserFromGroup", |call| member(call, false)),
        run("PutGroupPolicy", |call| GROUPS.put(call)),
        run("GetGroupPolicy", |call| GROUPS.get(call)),
        run("DeleteGroupPolicy", |call| GROUPS.delete(call)),
        run("ListGroupPolicies", |call| GROUPS.list(call)),
        run("AttachGroupPolicy", |call| GROUPS.attach(call)),
        run("DetachGroupPolicy", |call| GROUPS.detach(call)),
        run("ListAttachedGroupPolicies", |call| GROUPS.attached(call)),
    ],
    ..Kind::NEW
};

fn show_role(_: &Call, role: &Record, body: &mut Map<String, Json>) {
    let text = document::encoded(role.text("AssumeRolePolicyDocument"));
    body.insert("AssumeRolePolicyDocument".into(), json!(text));
    if role.tags.is_empty() {
        body.remove("Tags");
    }
}

/// Names are kept as written, but must differ in more than letter case ("Names are not distinguished by case", IAM API Reference, CreateRole).
fn before_role(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    let name = call.text("RoleName").unwrap_or_default();
    if let Some(other) = call
        .list(ROLE.name)
        .find(|role| role.id.eq_ignore_ascii_case(name))
    {
        return Err(ROLE.unique[0].fault.with(&[("RoleName", &other.id)]));
    }
    document::trust(
        call,
        call.text("AssumeRolePolicyDocument").unwrap_or_default(),
    )?;
    boundary(call, members)
}

/// A boundary is sent as an ARN and shown with its type.
fn boundary(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    if let Some(Json::String(arn)) = members.remove("PermissionsBoundary") {
        super::policies::attachable(call, &arn)?;
        members.insert("PermissionsBoundary".into(), boundary_of(&arn));
    }
    Ok(())
}

fn boundary_of(arn: &str) -> Json {
    json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn})
}

fn bound(call: &mut Call, bearer: Bearer, put: bool) -> Answer {
    let record = bearer.record(call)?;
    not_protected(&record)?;
    let arn = call
        .text("PermissionsBoundary")
        .unwrap_or_default()
        .to_owned();
    let value = if put {
        super::policies::attachable(call, &arn)?;
        boundary_of(&arn)
    } else if record.body.contains_key("PermissionsBoundary") {
        Json::Null
    } else {
        let message = format!("{} does not have permission boundary", record.id);
        return Err(Refusal::new("NoSuchEntity", message));
    };
    call.update(bearer.kind.name, &record.id, |record| {
        record.set("PermissionsBoundary", value);
    });
    Ok(json!({}))
}

/// Refused for a service's own role.
pub fn not_protected(record: &Record) -> Result<(), Refusal> {
    if record.text("Path").starts_with("/aws-service-role/") {
        return Err(PROTECTED.fault.with(&[("id", &record.id)]));
    }
    Ok(())
}

fn deletable(record: &mut Record) -> Result<(), Refusal> {
    not_protected(record)?;
    if !record.list(ATTACHED).is_empty() {
        return Err(DETACH_FIRST.fault.with(&[]));
    }
    if inline(record).is_some_and(|inline| !inline.is_empty()) {
        return Err(DELETE_POLICIES_FIRST.fault.with(&[]));
    }
    Ok(())
}

/// Lists leave out tags, boundary and last use ("does not return …", IAM API Reference, ListRoles).
fn list(call: &mut Call, kind: &'static Kind, member: &str) -> Answer {
    let prefix = call.text("PathPrefix");
    let shown = call.list(kind.name).filter(|record| under(record, prefix));
    let shown = shown.map(|record| {
        let mut body = call.show(kind.name, record);
        if let Json::Object(body) = &mut body {
            for name in ["Tags", "PermissionsBoundary", "RoleLastUsed"] {
                body.remove(name);
            }
        }
        (record.id.clone(), body)
    });
    listing(call, member, shown.collect())
}

fn member(call: &mut Call, add: bool) -> Answer {
    let group = GROUPS.record(call)?.id;
    let user = USERS.record(call)?.id;
    call.update(USER.name, &user, |user| {
        let groups = user.list_mut("Groups");
        groups.retain(|one| *one != json!(group));
        if add {
            groups.push(json!(group));
        }
    });
    Ok(json!({}))
}

fn groups_of(call: &mut Call) -> Answer {
    let user = USERS.record(call)?;
    let groups = user.list("Groups").iter().filter_map(Json::as_str);
    let shown = groups.filter_map(|name| call.find(GROUP.name, name));
    let shown = shown.map(|group| (group.id.clone(), call.show(GROUP.name, group)));
    listing(call, "Groups", shown.collect())
}
