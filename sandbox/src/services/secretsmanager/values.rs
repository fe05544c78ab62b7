//! Versions of a secret's value.

use super::laws::{self, TOKEN};
use super::replicas;
use super::secrets::KIND;
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// The current version and the one before it.
const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// How many versions without labels are kept ("Secrets Manager … keeps 100 of the most recent versions": user guide, Secret versions).
const KEPT: usize = 100;

/// What a version is asked for by.
pub(super) const STAGED: Law = Law {
    name: "a version that is asked for by label and identifier has both",
    operations: &["GetSecretValue"],
    source: "Secrets Manager API Reference, GetSecretValue, VersionId: if you include both parameters, the two parameters must refer to the same secret version",
    fault: Fault::new(
        "InvalidRequestException",
        "You provided a VersionStage that is not associated to the provided VersionId.",
    ),
    check: None,
};

pub(super) fn versions(secret: &Record) -> Vec<Json> {
    let list = secret.hidden.get("versions").and_then(Json::as_array);
    list.cloned().unwrap_or_default()
}

fn stages(version: &Json) -> Vec<&str> {
    let list = version["VersionStages"].as_array().into_iter().flatten();
    list.filter_map(Json::as_str).collect()
}

/// The value that a request brings: a text or bytes.
fn sent(call: &Call) -> Option<(&'static str, Json)> {
    ["SecretString", "SecretBinary"]
        .into_iter()
        .find_map(|member| Some((member, call.input.get(member)?.clone())))
}

/// Keeps the value of the request as a new version, with these labels; gives its identifier. The same token with the same value
/// is the version that is there already.
pub(super) fn add(
    call: &mut Call,
    name: &str,
    labels: Vec<String>,
) -> Result<Option<String>, Refusal> {
    let Some((member, value)) = sent(call) else {
        return Ok(None);
    };
    let secret = call.need(KIND, name)?.clone();
    let id = match call.text("ClientRequestToken") {
        Some(token) => token.to_owned(),
        None => uuid(&call.derive(&format!("version of {name}"))),
    };
    let all = versions(&secret);
    if let Some(same) = all.iter().find(|one| one["VersionId"] == json!(id)) {
        if same.get(member) == Some(&value) {
            return Ok(Some(id));
        }
        return Err(TOKEN.fault.with(&[("token", &id), ("arn", &secret.arn)]));
    }
    let version = json!({
        "VersionId": id,
        member: value,
        "VersionStages": [],
        "CreatedDate": call.now,
    });
    let now = call.now;
    call.update(KIND, &secret.id, |secret| {
        let mut all = versions(secret);
        all.push(version);
        secret.hidden.insert("versions".into(), json!(all));
        for label in &labels {
            label_version(secret, label, Some(&id));
        }
        secret.set("LastChangedDate", now);
    });
    replicas::follow(call, &secret.id);
    Ok(Some(id))
}

/// Moves a label; what was current becomes the previous one.
fn label_version(secret: &mut Record, label: &str, to: Option<&str>) {
    let mut all = versions(secret);
    let had = all
        .iter()
        .find(|version| stages(version).contains(&label))
        .and_then(|version| version["VersionId"].as_str().map(str::to_owned));
    let mut give = |label: &str, to: Option<&str>| {
        for version in &mut all {
            let mut labels: Vec<String> = stages(version)
                .iter()
                .map(|one| (*one).to_owned())
                .collect();
            labels.retain(|one| one != label);
            if to.is_some() && version["VersionId"].as_str() == to {
                labels.push(label.to_owned());
            }
            version["VersionStages"] = json!(labels);
        }
    };
    if had.as_deref() == to {
        return;
    }
    give(label, to);
    if label == CURRENT && had.is_some() {
        give(PREVIOUS, had.as_deref());
    }
    let unlabelled = all
        .iter()
        .filter(|version| stages(version).is_empty())
        .count();
    let mut surplus = unlabelled.saturating_sub(KEPT);
    all.retain(|version| {
        let goes = surplus > 0 && stages(version).is_empty();
        surplus -= usize::from(goes);
        !goes
    });
    secret.hidden.insert("versions".into(), json!(all));
}

/// `VersionIdsToStages`: versions without labels are not in it.
pub(super) fn labelled(secret: &Record) -> Json {
    let all = versions(secret);
    let shown = all.iter().filter_map(|version| {
        let labels = stages(version);
        let id = version["VersionId"].as_str()?;
        (!labels.is_empty()).then(|| (id.to_owned(), json!(labels)))
    });
    Json::Object(shown.collect::<Map<_, _>>())
}

fn answer(secret: &Record, version: Option<String>) -> Json {
    json!({"ARN": secret.arn, "Name": secret.id, "VersionId": version})
}

pub(super) fn put(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    if sent(call).is_none() {
        let message = "You must provide either SecretString or SecretBinary.";
        return Err(Refusal::new("InvalidRequestException", message));
    }
    let asked = call.texts("VersionStages[]");
    let labels = if asked.is_empty() {
        vec![CURRENT.to_owned()]
    } else {
        asked
    };
    let version = add(call, &secret.id, labels.clone())?;
    let mut answer = answer(&secret, version);
    answer["VersionStages"] = json!(labels);
    Ok(answer)
}

pub(super) fn update(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let key = call.text("KmsKeyId").map(|key| match key {
        // "If you set this to an empty string, Secrets Manager uses the AWS managed key" (UpdateSecret, KmsKeyId).
        "" => Json::Null,
        key => json!(laws::key_arn(call, key)),
    });
    let description = call.input.get("Description").cloned();
    let partner = call.input.get("Type").cloned();
    let version = add(call, &secret.id, vec![CURRENT.to_owned()])?;
    let now = call.now;
    call.update(KIND, &secret.id, |secret| {
        if let Some(key) = key {
            secret.set("KmsKeyId", key);
        }
        if let Some(description) = description {
            secret.set("Description", description);
        }
        if let Some(partner) = partner {
            secret.set("Type", partner);
        }
        secret.set("LastChangedDate", now);
    });
    replicas::follow(call, &secret.id);
    Ok(answer(&secret, version))
}

/// The version that a request means.
fn wanted(call: &Call, secret: &Record) -> Result<Json, Refusal> {
    let all = versions(secret);
    let stage = call.text("VersionStage");
    if let Some(id) = call.text("VersionId") {
        let found = all
            .into_iter()
            .find(|version| version["VersionId"] == json!(id));
        let Some(version) = found else {
            let message = format!(
                "Secrets Manager can't find the specified secret value for VersionId: {id}"
            );
            return Err(Refusal::new("ResourceNotFoundException", message));
        };
        if stage.is_some_and(|stage| !stages(&version).contains(&stage)) {
            return Err(STAGED.fault.with(&[]));
        }
        return Ok(version);
    }
    let stage = stage.unwrap_or(CURRENT);
    let mut all = all.into_iter();
    all.find(|version| stages(version).contains(&stage))
        .ok_or_else(|| {
            let message = format!(
                "Secrets Manager can't find the specified secret value for staging label: {stage}"
            );
            Refusal::new("ResourceNotFoundException", message)
        })
}

fn shown(secret: &Record, version: &Json) -> Json {
    let mut shown = json!({
        "ARN": secret.arn,
        "Name": secret.id,
        "VersionId": version["VersionId"],
        "VersionStages": version["VersionStages"],
        "CreatedDate": version["CreatedDate"],
    });
    for member in ["SecretString", "SecretBinary"] {
        if let Some(value) = version.get(member) {
            shown[member] = value.clone();
        }
    }
    shown
}

pub(super) fn get(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let version = wanted(call, &secret)?;
    Ok(shown(&secret, &version))
}

/// Up to twenty at once, by name or by filter; what fails stands apart.
pub(super) fn get_many(call: &mut Call) -> Answer {
    let names = call.texts("SecretIdList[]");
    if names.is_empty() != call.input.contains_key("Filters") {
        let message = "You must specify either SecretIdList or Filters, but not both.";
        return Err(Refusal::new("InvalidParameterException", message));
    }
    let call = &*call;
    let (mut values, mut errors) = (Vec::new(), Vec::new());
    let asked: Vec<String> = if names.is_empty() {
        super::secrets::filtered(call)?
            .into_iter()
            .map(|(id, _)| id)
            .take(20)
            .collect()
    } else {
        names
    };
    for name in asked {
        let found = call.need(KIND, &name).and_then(|secret| {
            if secret.body.contains_key("DeletedDate") {
                return Err(laws::MARKED.fault.with(&[]));
            }
            Ok(shown(secret, &wanted(call, secret)?))
        });
        match found {
            Ok(value) => values.push(value),
            Err(refusal) => errors.push(
                json!({"SecretId": name, "ErrorCode": refusal.code, "Message": refusal.message}),
            ),
        }
    }
    Ok(json!({"SecretValues": values, "Errors": errors}))
}

pub(super) fn list(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let all = super::secrets::flag(call, "IncludeDeprecated");
    let versions = versions(&secret);
    let shown: Vec<Json> = versions
        .iter()
        .filter(|version| all || !stages(version).is_empty())
        .map(|version| {
            json!({
                "VersionId": version["VersionId"],
                "VersionStages": version["VersionStages"],
                "CreatedDate": version["CreatedDate"],
            })
        })
        .collect();
    Ok(json!({"ARN": secret.arn, "Name": secret.id, "Versions": shown}))
}

/// Moves a label from one version to another.
pub(super) fn move_label(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let label = call.text("VersionStage").unwrap_or_default().to_owned();
    let to = call.text("MoveToVersionId").map(str::to_owned);
    let from = call.text("RemoveFromVersionId").map(str::to_owned);
    let all = versions(&secret);
    let known = |id: &Option<String>| {
        id.as_ref()
            .is_none_or(|id| all.iter().any(|version| version["VersionId"] == json!(id)))
    };
    if !known(&to) || !known(&from) {
        let message = "Secrets Manager can't find the specified secret version.";
        return Err(Refusal::new("ResourceNotFoundException", message));
    }
    let holder = all
        .iter()
        .find(|version| stages(version).contains(&label.as_str()));
    let holder = holder.and_then(|version| version["VersionId"].as_str());
    if holder != from.as_deref() && holder != to.as_deref() {
        let message = format!(
            "The parameter RemoveFromVersionId can't be empty. Staging label {label} is currently attached to version {}, so you must explicitly reference that version in RemoveFromVersionId.",
            holder.unwrap_or_default()
        );
        return Err(Refusal::new("InvalidParameterException", message));
    }
    call.update(KIND, &secret.id, |secret| {
        label_version(secret, &label, to.as_deref());
    });
    replicas::follow(call, &secret.id);
    Ok(json!({"ARN": secret.arn, "Name": secret.id}))
}
