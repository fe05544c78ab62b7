//! Secrets.

use super::{laws, policies, replicas, values};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Tags, Unique, get, run};
use crate::registry;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

pub(super) const KIND: &str = "secretsmanager/secret";

const DAY: f64 = 86_400.0;

/// How long a deletion without recovery takes ("Secrets Manager performs the actual deletion with an asynchronous background process, so there might be a
/// short delay before the secret is permanently deleted": DeleteSecret), in seconds.
const PURGED: f64 = 2.0;

/// A secret. Its ARN ends in six characters that AWS makes up (`Suffix`).
pub(super) const SECRET: Kind = Kind {
    name: KIND,
    id: Id::Member("Name"),
    arn: "arn:{partition}:secretsmanager:{region}:{account}:secret:{id}-{Suffix}",
    arn_member: "ARN",
    resolve: Some(resolve),
    created_member: "CreatedDate",
    tags: Tags::List("Tags"),
    unique: &[Unique::new(
        &["Name"],
        Fault::new(
            "ResourceExistsException",
            "The operation failed because the secret {Name} already exists.",
        ),
    )],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    ),
    limit: Some((
        500_000,
        Fault::new(
            "LimitExceededException",
            "You have exceeded the quota of {limit} secrets.",
        ),
    )),
    show: Some(show),
    on_event: Some(|call, key, event| {
        if event == "copied" {
            call.world.update(key, replicas::copied);
        }
    }),
    operations: &[
        run("CreateSecret", create),
        get("DescribeSecret", "SecretId", crate::kind::Shows::Record),
        run("ListSecrets", list),
        run("UpdateSecret", values::update),
        run("DeleteSecret", delete),
        run("RestoreSecret", restore),
        run("PutSecretValue", values::put),
        run("GetSecretValue", values::get),
        run("BatchGetSecretValue", values::get_many),
        run("ListSecretVersionIds", values::list),
        run("UpdateSecretVersionStage", values::move_label),
        run("ReplicateSecretToRegions", replicas::add),
        run("RemoveRegionsFromReplication", replicas::remove),
        run("StopReplicationToReplica", replicas::stand_alone),
        run("PutResourcePolicy", policies::put),
        run("GetResourcePolicy", policies::get),
        run("DeleteResourcePolicy", policies::delete),
        run("ValidateResourcePolicy", policies::validate),
    ],
    ..Kind::NEW
};

/// A partial ARN, without the six characters, names a secret too (user guide, "Finding a secret from a partial ARN").
fn resolve(call: &Call, name: &str) -> String {
    let prefix = format!(
        "arn:{}:secretsmanager:{}:{}:secret:",
        call.partition(),
        call.region,
        call.account
    );
    let Some(rest) = name.strip_prefix(&prefix) else {
        return name.to_owned();
    };
    if call.world.by_arn(name).is_some() {
        return name.to_owned();
    }
    match call.world.get(&call.key(KIND, rest)) {
        Some(_) => rest.to_owned(),
        None => name.to_owned(),
    }
}

pub(super) fn flag(call: &Call, member: &str) -> bool {
    call.input.get(member) == Some(&Json::Bool(true))
}

fn show(_: &Call, secret: &Record, body: &mut Map<String, Json>) {
    body.insert("VersionIdsToStages".into(), values::labelled(secret));
    if secret.tags.is_empty() {
        body.remove("Tags");
    }
}

fn create(call: &mut Call) -> Answer {
    let name = call.text("Name").unwrap_or_default().to_owned();
    if let (Some(old), Some(token)) = (call.find(KIND, &name), call.text("ClientRequestToken")) {
        // The same request again is answered with what it made (CreateSecret, ClientRequestToken).
        let made = old.hidden.get("token") == Some(&json!(token));
        if made {
            let arn = old.arn.clone();
            let version = values::add(call, &name, Vec::new())?;
            return Ok(json!({"ARN": arn, "Name": name, "VersionId": version}));
        }
    }
    let digits = call.derive(&format!("secret {name}"));
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let suffix: String = (0..6)
        .filter_map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).ok())
        .map(|byte| letters[usize::from(byte) % letters.len()] as char)
        .collect();
    let mut members = json!({"Name": name, "Suffix": suffix, "LastChangedDate": call.now});
    for member in ["Description", "Type", "Tags"] {
        if let Some(value) = call.input.get(member) {
            members[member] = value.clone();
        }
    }
    if let Some(key) = call.text("KmsKeyId").filter(|key| !key.is_empty()) {
        members["KmsKeyId"] = json!(laws::key_arn(call, key));
    }
    let secret = call.make(KIND, members)?;
    let token = call.text("ClientRequestToken").map(str::to_owned);
    call.update(KIND, &name, |secret| {
        secret.hidden.insert("token".into(), json!(token));
    });
    let version = values::add(call, &name, vec!["AWSCURRENT".to_owned()])?;
    let regions = call.input.get("AddReplicaRegions").cloned();
    let mut answer = json!({"ARN": secret.arn, "Name": name, "VersionId": version});
    if regions.is_some() {
        answer["ReplicationStatus"] = replicas::replicate(call, &name)?;
    }
    Ok(answer)
}

fn delete(call: &mut Call) -> Answer {
    let force = flag(call, "ForceDeleteWithoutRecovery");
    let name = call.text("SecretId").unwrap_or_default().to_owned();
    let Some(secret) = call.find(KIND, &name).cloned() else {
        if force {
            // "If you forcibly delete an already deleted or nonexistent secret, the operation does not return ResourceNotFoundException."
            return Ok(json!({"Name": name, "DeletionDate": call.now}));
        }
        return Err(call.kind(KIND).not_found.with(&[("id", &name)]));
    };
    let days = call
        .input
        .get("RecoveryWindowInDays")
        .and_then(Json::as_f64)
        .unwrap_or(30.0);
    let now = call.now;
    let end = if force {
        now + PURGED
    } else {
        now + days * DAY
    };
    if replicas::is_replica(&secret, &call.region) {
        // "When you delete a replica, it is deleted immediately" (DeleteSecret).
        call.remove(KIND, &secret.id);
    } else {
        call.update(KIND, &secret.id, |secret| {
            secret.set("DeletedDate", now);
            secret.steps.push(Step::gone(end));
        });
    }
    let date = if force { now } else { end };
    Ok(json!({"ARN": secret.arn, "Name": secret.id, "DeletionDate": date}))
}

fn restore(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    call.update(KIND, &secret.id, |secret| {
        secret.set("DeletedDate", Json::Null);
        secret.steps.retain(|step| !step.gone);
    });
    Ok(json!({"ARN": secret.arn, "Name": secret.id}))
}

const PAGES: Paging = Paging::next_token(100, (1, 100));

/// Filters: beginnings of names, descriptions, tags; `!` before a value turns it round (ListSecrets, Filters).
pub(super) fn filtered(call: &Call) -> Result<Vec<(String, Json)>, Refusal> {
    let filters = call.input.get("Filters").and_then(Json::as_array);
    let filters: Vec<&Json> = filters.into_iter().flatten().collect();
    let known = [
        "description",
        "name",
        "tag-key",
        "tag-value",
        "primary-region",
        "owning-service",
        "all",
    ];
    if let Some(other) = filters
        .iter()
        .filter_map(|filter| filter["Key"].as_str())
        .find(|key| !known.contains(key))
    {
        let message = format!(
            "1 validation error detected: Value '{other}' at 'filters.1.member.key' failed to satisfy constraint."
        );
        return Err(Refusal::new("ValidationException", message));
    }
    let begins = |text: &str, value: &str, any_case: bool| {
        if any_case {
            text.to_lowercase().starts_with(&value.to_lowercase())
        } else {
            text.starts_with(value)
        }
    };
    let fits = |secret: &Record, key: &str, value: &str| {
        let (value, wanted) = match value.strip_prefix('!') {
            Some(rest) => (rest, false),
            None => (value, true),
        };
        let tag_key = || secret.tags.keys().any(|one| begins(one, value, false));
        let tag_value = || secret.tags.values().any(|one| begins(one, value, false));
        let words = || {
            secret
                .text("Description")
                .split_whitespace()
                .any(|word| begins(word, value, true))
        };
        let found = match key {
            "name" => begins(&secret.id, value, false),
            "description" => words(),
            "tag-key" => tag_key(),
            "tag-value" => tag_value(),
            "primary-region" => secret.text("PrimaryRegion").starts_with(value),
            "owning-service" => secret.text("OwningService").starts_with(value),
            _ => begins(&secret.id, value, true) || words() || tag_key() || tag_value(),
        };
        found == wanted
    };
    let with_deleted = flag(call, "IncludePlannedDeletion");
    let all = call.list(KIND).filter(|secret| {
        (with_deleted || !secret.body.contains_key("DeletedDate"))
            && filters.iter().all(|filter| {
                let key = filter["Key"].as_str().unwrap_or_default();
                let values = filter["Values"].as_array();
                let mut values = values.into_iter().flatten().filter_map(Json::as_str);
                values.any(|value| fits(secret, key, value))
            })
    });
    Ok(all
        .map(|secret| {
            let mut shown = call.show(KIND, secret);
            if let Json::Object(body) = &mut shown {
                // An entry of the list has no replication status, and calls the versions otherwise.
                body.remove("ReplicationStatus");
                if let Some(versions) = body.remove("VersionIdsToStages") {
                    body.insert("SecretVersionsToStages".into(), versions);
                }
            }
            (secret.id.clone(), shown)
        })
        .collect())
}

fn list(call: &mut Call) -> Answer {
    let call = &*call;
    let mut shown = filtered(call)?;
    let service = registry::service("secretsmanager").unwrap_or(&super::SERVICE);
    let next = filter::page(call, service, &PAGES, false, "", &mut shown)?;
    let list: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({"SecretList": list, "NextToken": next}))
}
