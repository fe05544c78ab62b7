//! Managed policies: the account's own, and AWS's.

use super::{attached, document, listing, under, unique_id};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, Tags, Unique, create, delete, list_tags, run, tag, untag};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What is attached exists.
pub const ATTACHABLE: Law = Law {
    name: "only a managed policy that exists is attached",
    operations: &["AttachRolePolicy", "AttachUserPolicy", "AttachGroupPolicy"],
    source: "IAM API Reference, AttachRolePolicy, Errors: NoSuchEntity",
    fault: Fault::new(
        "NoSuchEntity",
        "Policy {id} does not exist or is not attachable.",
    ),
    check: None,
};

/// Five versions at most.
pub const FIVE_VERSIONS: Law = Law {
    name: "a managed policy has at most five versions",
    operations: &["CreatePolicyVersion"],
    source: "IAM User Guide, IAM and AWS STS quotas: versions per managed policy",
    fault: Fault::new(
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    ),
    check: None,
};

/// The default version and its policy go together.
pub const DEFAULT_VERSION: Law = Law {
    name: "the default version of a policy is not deleted, and a policy only after its other versions",
    operations: &["DeletePolicyVersion", "DeletePolicy"],
    source: "IAM API Reference, DeletePolicyVersion and DeletePolicy, Errors: DeleteConflict",
    fault: Fault::new("DeleteConflict", "{message}"),
    check: None,
};

/// A customer managed policy.
pub const POLICY: Kind = Kind {
    name: "iam/policy",
    global: true,
    id: Id::Member("PolicyName"),
    arn: "arn:{partition}:iam::{account}:policy{Path}{id}",
    arn_member: "Arn",
    created_member: "CreateDate",
    defaults: Some(|_| json!({"Path": "/", "DefaultVersionId": "v1", "IsAttachable": true})),
    tags: Tags::List("Tags"),
    unique: &[Unique::new(
        &["PolicyName"],
        Fault::new(
            "EntityAlreadyExists",
            "A policy called {PolicyName} already exists. Duplicate names are not allowed.",
        ),
    )],
    not_found: Fault::new("NoSuchEntity", "Policy {id} was not found."),
    in_use: Fault::new(
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    ),
    show: Some(show_policy),
    operations: &[
        create("CreatePolicy", Shows::In("Policy"))
            .before(|call, _| {
                document::permissions(call.text("PolicyDocument").unwrap_or_default())
            })
            .prepare(|call, policy| {
                let digits = call.derive(&format!("policy id {}", policy.id));
                policy.set("PolicyId", unique_id("ANPA", &digits));
                policy.set("UpdateDate", call.now);
                let text = policy.text("PolicyDocument").to_owned();
                policy.set("PolicyDocument", Json::Null);
                policy.hidden.insert("latest".into(), json!(1));
                let first = json!({"VersionId": "v1", "Document": text, "CreateDate": call.now});
                policy.hidden.insert("versions".into(), json!([first]));
                Ok(())
            }),
        run("GetPolicy", get_policy),
        run("ListPolicies", list_policies),
        delete("DeletePolicy", "PolicyArn", Shows::Nothing).prepare(|_, policy| {
            if versions(policy).len() > 1 {
                let message = "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.";
                return Err(DEFAULT_VERSION.fault.with(&[("message", message)]));
            }
            Ok(())
        }),
        run("CreatePolicyVersion", create_version),
        run("GetPolicyVersion", get_version),
        run("ListPolicyVersions", list_versions),
        run("DeletePolicyVersion", delete_version),
        run("SetDefaultPolicyVersion", set_default),
        run("ListEntitiesForPolicy", entities_for),
        tag("TagPolicy", "PolicyArn", "Tags"),
        untag("UntagPolicy", "PolicyArn", "TagKeys"),
        list_tags("ListPolicyTags", "PolicyArn", "Tags"),
    ],
    ..Kind::NEW
};

/// AWS's own policies: path with name, and number of the default version.
fn managed() -> &'static BTreeMap<&'static str, &'static str> {
    static MANAGED: OnceLock<BTreeMap<&str, &str>> = OnceLock::new();
    MANAGED.get_or_init(|| {
        include_str!("managed.txt")
            .lines()
            .filter_map(|line| line.split_once(' '))
            .collect()
    })
}

/// The path, name and version of AWS's own policy of this ARN.
fn aws_managed<'a>(call: &Call, arn: &'a str) -> Option<(&'a str, &'static str)> {
    let prefix = format!("arn:{}:iam::aws:policy/", call.partition());
    let name = arn.strip_prefix(&prefix)?;
    Some((name, managed().get(name)?))
}

/// Refuses a policy that cannot be attached.
///
/// # Errors
/// NoSuchEntity.
pub fn attachable(call: &Call, arn: &str) -> Result<(), Refusal> {
    if !arn.starts_with("arn:") {
        let message = format!("ARN {arn} is not valid.");
        return Err(Refusal::new("InvalidInput", message));
    }
    if aws_managed(call, arn).is_some() || call.find(POLICY.name, arn).is_some() {
        return Ok(());
    }
    Err(ATTACHABLE.fault.with(&[("id", arn)]))
}

/// Who has it, as (kind, record, as boundary).
fn bearers<'a>(call: &'a Call, arn: &'a str) -> Vec<(&'static str, &'a Record, bool)> {
    let mut found = Vec::new();
    for kind in ["iam/role", "iam/user", "iam/group"] {
        for record in call.list(kind) {
            if record.list(attached::ATTACHED).contains(&json!(arn)) {
                found.push((kind, record, false));
            }
            if record.is("PermissionsBoundary.PermissionsBoundaryArn", arn) {
                found.push((kind, record, true));
            }
        }
    }
    found
}

fn counts(call: &Call, arn: &str, body: &mut Map<String, Json>) {
    let bearers = bearers(call, arn);
    let bounds = bearers.iter().filter(|(.., boundary)| *boundary).count();
    body.insert("AttachmentCount".into(), json!(bearers.len() - bounds));
    body.insert("PermissionsBoundaryUsageCount".into(), json!(bounds));
}

fn show_policy(call: &Call, policy: &Record, body: &mut Map<String, Json>) {
    counts(call, &policy.arn, body);
}

fn show_managed(call: &Call, name: &str, version: &str) -> Json {
    let arn = format!("arn:{}:iam::aws:policy/{name}", call.partition());
    let (path, short) = name
        .rsplit_once('/')
        .map_or(("/".to_owned(), name), |(path, short)| {
            (format!("/{path}/"), short)
        });
    let digits = crate::call::digest(&["aws managed", name]);
    let mut body = Map::new();
    for (member, value) in [
        ("PolicyName", json!(short)),
        ("PolicyId", json!(unique_id("ANPA", &digits))),
        ("Arn", json!(arn)),
        ("Path", json!(path)),
        ("DefaultVersionId", json!(format!("v{version}"))),
        ("IsAttachable", json!(true)),
        // 2015-02-06T18:40:15Z: when most of AWS's own policies were made.
        ("CreateDate", json!(1_423_248_015)),
        ("UpdateDate", json!(1_423_248_015)),
    ] {
        body.insert(member.into(), value);
    }
    counts(call, &arn, &mut body);
    Json::Object(body)
}

fn get_policy(call: &mut Call) -> Answer {
    let arn = call.text("PolicyArn").unwrap_or_default();
    if let Some((name, version)) = aws_managed(call, arn) {
        return Ok(json!({"Policy": show_managed(call, name, version)}));
    }
    let policy = call.need(POLICY.name, arn)?;
    Ok(json!({"Policy": call.show(POLICY.name, policy)}))
}

fn list_policies(call: &mut Call) -> Answer {
    let scope = call.text("Scope").unwrap_or("All");
    let prefix = call.text("PathPrefix");
    let mut shown = Vec::new();
    if scope != "AWS" {
        let own = call.list(POLICY.name).filter(|one| under(one, prefix));
        shown.extend(own.map(|one| {
            let mut body = call.show(POLICY.name, one);
            if let Json::Object(body) = &mut body {
                // Both only by GetPolicy (API_Policy).
                body.remove("Tags");
                body.remove("Description");
            }
            (format!("0{}", one.id), body)
        }));
    }
    if scope != "Local" {
        let names = managed()
            .iter()
            .filter(|(name, _)| prefix.is_none_or(|prefix| format!("/{name}").starts_with(prefix)));
        shown.extend(
            names.map(|(name, version)| (format!("1{name}"), show_managed(call, name, version))),
        );
    }
    if call.input.get("OnlyAttached") == Some(&json!(true)) {
        shown.retain(|(_, body)| body["AttachmentCount"] != json!(0));
    }
    listing(call, "Policies", shown)
}

fn versions(policy: &Record) -> Vec<Json> {
    let list = policy.hidden.get("versions").and_then(Json::as_array);
    list.cloned().unwrap_or_default()
}

fn the_policy(call: &Call) -> Result<Record, Refusal> {
    let arn = call.text("PolicyArn").unwrap_or_default();
    call.need(POLICY.name, arn).cloned()
}

fn show_version(policy: &Record, version: &Json, document: bool) -> Json {
    let id = version["VersionId"].as_str().unwrap_or_default();
    let mut shown = json!({"VersionId": id, "CreateDate": version["CreateDate"], "IsDefaultVersion": policy.is("DefaultVersionId", id)});
    if document {
        let text = version["Document"].as_str().unwrap_or_default();
        shown["Document"] = json!(document::encoded(text));
    }
    shown
}

fn create_version(call: &mut Call) -> Answer {
    let policy = the_policy(call)?;
    let text = call.text("PolicyDocument").unwrap_or_default().to_owned();
    document::permissions(&text)?;
    if versions(&policy).len() >= 5 {
        return Err(FIVE_VERSIONS.fault.with(&[]));
    }
    let latest = policy.hidden.get("latest").and_then(Json::as_u64);
    let number = latest.unwrap_or(1) + 1;
    let id = format!("v{number}");
    let version = json!({"VersionId": id, "Document": text, "CreateDate": call.now});
    let default = call.input.get("SetAsDefault") == Some(&json!(true));
    let now = call.now;
    call.update(POLICY.name, &policy.id, |policy| {
        let mut all = versions(policy);
        all.insert(0, version.clone());
        policy.hidden.insert("versions".into(), json!(all));
        policy.hidden.insert("latest".into(), json!(number));
        policy.set("UpdateDate", now);
        if default {
            policy.set("DefaultVersionId", id.as_str());
        }
    });
    let policy = the_policy(call)?;
    Ok(json!({"PolicyVersion": show_version(&policy, &version, false)}))
}

fn find_version(policy: &Record, id: &str) -> Result<Json, Refusal> {
    let mut all = versions(policy).into_iter();
    all.find(|one| one["VersionId"] == json!(id))
        .ok_or_else(|| {
            let message = format!(
                "Policy {} version {id} does not exist or is not attachable.",
                policy.arn
            );
            Refusal::new("NoSuchEntity", message)
        })
}

fn get_version(call: &mut Call) -> Answer {
    let arn = call.text("PolicyArn").unwrap_or_default();
    if aws_managed(call, arn).is_some() {
        let message = "The simulated AWS knows which policies AWS manages, not their documents.";
        return Err(Refusal::new("NotImplemented", message).status(501));
    }
    let policy = the_policy(call)?;
    let version = find_version(&policy, call.text("VersionId").unwrap_or_default())?;
    Ok(json!({"PolicyVersion": show_version(&policy, &version, true)}))
}

fn list_versions(call: &mut Call) -> Answer {
    let policy = the_policy(call)?;
    let all = versions(&policy);
    let shown = all.iter().enumerate();
    let shown = shown.map(|(at, one)| (format!("{at}"), show_version(&policy, one, false)));
    listing(call, "Versions", shown.collect())
}

fn delete_version(call: &mut Call) -> Answer {
    let policy = the_policy(call)?;
    let id = call.text("VersionId").unwrap_or_default().to_owned();
    find_version(&policy, &id)?;
    if policy.is("DefaultVersionId", &id) {
        let message = "Cannot delete the default version of a policy.";
        return Err(DEFAULT_VERSION.fault.with(&[("message", message)]));
    }
    call.update(POLICY.name, &policy.id, |policy| {
        let mut all = versions(policy);
        all.retain(|one| one["VersionId"] != json!(id));
        policy.hidden.insert("versions".into(), json!(all));
    });
    Ok(json!({}))
}

fn set_default(call: &mut Call) -> Answer {
    let policy = the_policy(call)?;
    let id = call.text("VersionId").unwrap_or_default().to_owned();
    find_version(&policy, &id)?;
    let now = call.now;
    call.update(POLICY.name, &policy.id, |policy| {
        policy.set("DefaultVersionId", id);
        policy.set("UpdateDate", now);
    });
    Ok(json!({}))
}

fn entities_for(call: &mut Call) -> Answer {
    let arn = call.text("PolicyArn").unwrap_or_default();
    attachable(call, arn).map_err(|_| POLICY.not_found.with(&[("id", arn)]))?;
    let usage = call.text("PolicyUsageFilter").unwrap_or_default();
    let wanted = |boundary: bool| usage.is_empty() || boundary == (usage == "PermissionsBoundary");
    let list = |kind: &str, name: &str, id: &str| -> Vec<Json> {
        let all = bearers(call, arn).into_iter();
        all.filter(|(of, _, boundary)| *of == kind && wanted(*boundary))
            .map(|(_, one, _)| json!({name: one.id, id: one.text(id)}))
            .collect()
    };
    Ok(json!({
        "PolicyRoles": list("iam/role", "RoleName", "RoleId"),
        "PolicyUsers": list("iam/user", "UserName", "UserId"),
        "PolicyGroups": list("iam/group", "GroupName", "GroupId"),
        "IsTruncated": false,
    }))
}
