//! Copies of secrets in other regions.

use super::laws;
use super::secrets::{KIND, flag};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::path;
use crate::world::{Key, Record, Step};
use serde_json::{Value as Json, json};

/// How long a copy takes, in seconds. AWS gives no time; the console shows "In progress" for moments.
const COPYING: f64 = 5.0;

/// Elsewhere.
pub(super) const OTHER_REGION: Law = Law {
    name: "a secret is replicated to other regions, to each once",
    operations: &["CreateSecret", "ReplicateSecretToRegions"],
    source: "Secrets Manager API Reference, ReplicateSecretToRegions, Errors: InvalidParameterException",
    fault: Fault::new("InvalidParameterException", "Invalid replica region."),
    check: None,
};

/// The regions to which it is replicated.
pub(super) fn regions(secret: &Record) -> Vec<String> {
    path::texts(&secret.body, "ReplicationStatus[].Region")
}

/// Whether this one is a copy.
pub(super) fn is_replica(secret: &Record, region: &str) -> bool {
    let primary = secret.text("PrimaryRegion");
    !primary.is_empty() && primary != region
}

fn elsewhere(call: &Call, region: &str, name: &str) -> Key {
    Key {
        region: region.to_owned(),
        ..call.key(KIND, name)
    }
}

/// Copies the secret to the regions of the request; gives the status of all copies.
pub(super) fn replicate(call: &mut Call, name: &str) -> Result<Json, Refusal> {
    let asked = call.input.get("AddReplicaRegions").and_then(Json::as_array);
    let asked: Vec<Json> = asked.into_iter().flatten().cloned().collect();
    let force = flag(call, "ForceOverwriteReplicaSecret");
    for one in asked {
        let region = one["Region"].as_str().unwrap_or_default().to_owned();
        let secret = call.need(KIND, name)?.clone();
        let known = is_region(&region);
        if region == call.region || !known || regions(&secret).contains(&region) {
            return Err(OTHER_REGION.fault.with(&[]));
        }
        // "If you don't include this field, Secrets Manager uses the AWS managed key aws/secretsmanager" (ReplicaRegionType).
        let key = one["KmsKeyId"].as_str().filter(|key| !key.is_empty());
        let key = key.unwrap_or("alias/aws/secretsmanager").to_owned();
        let target = elsewhere(call, &region, name);
        let taken = call.world.get(&target).is_some() && !force;
        let mut status = json!({"Region": region, "KmsKeyId": key, "Status": "InProgress"});
        if taken {
            status["Status"] = json!("Failed");
            status["StatusMessage"] = json!(format!(
                "Replication failed: Secret name {name} already exists in region {region}."
            ));
        } else {
            copy(call, &secret, &target, &key);
        }
        let here = call.region.clone();
        let end = call.now + COPYING;
        call.update(KIND, name, |secret| {
            secret.set("PrimaryRegion", here);
            secret.list_mut("ReplicationStatus").push(status);
            secret.steps.push(Step::event(end, "copied"));
        });
    }
    let secret = call.need(KIND, name)?;
    Ok(secret
        .body
        .get("ReplicationStatus")
        .cloned()
        .unwrap_or(json!([])))
}

fn copy(call: &mut Call, secret: &Record, target: &Key, key: &str) {
    let mut replica = secret.clone();
    replica.arn = secret.arn.replacen(
        &format!(":{}:", call.region),
        &format!(":{}:", target.region),
        1,
    );
    let arn = replica.arn.clone();
    replica.set("ARN", arn);
    replica.set("KmsKeyId", key);
    replica.set("PrimaryRegion", call.region.as_str());
    replica.set("ReplicationStatus", Json::Null);
    replica.hidden.remove("policy");
    replica.steps.clear();
    call.world.put(target.clone(), replica);
}

/// What was changed shows in the copies: "Secrets Manager … propagates changes to the replicas" (user guide, Multi-Region secrets).
pub(super) fn follow(call: &mut Call, name: &str) {
    let Some(secret) = call.find(KIND, name).cloned() else {
        return;
    };
    for status in secret.list("ReplicationStatus").to_vec() {
        if status["Status"] == "Failed" {
            continue;
        }
        let region = status["Region"].as_str().unwrap_or_default();
        let key = status["KmsKeyId"].as_str().unwrap_or_default().to_owned();
        let target = elsewhere(call, region, name);
        copy(call, &secret, &target, &key);
    }
}

/// Copies that were under way are there now.
pub(super) fn copied(secret: &mut Record) {
    for status in secret.list_mut("ReplicationStatus") {
        if status["Status"] == "InProgress" {
            status["Status"] = json!("InSync");
            status["StatusMessage"] = json!("Replication succeeded");
        }
    }
}

pub(super) fn add(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let status = replicate(call, &secret.id)?;
    Ok(json!({"ARN": secret.arn, "ReplicationStatus": status}))
}

pub(super) fn remove(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let gone = call.texts("RemoveReplicaRegions[]");
    if gone.iter().any(|region| !regions(&secret).contains(region)) {
        return Err(OTHER_REGION.fault.with(&[]));
    }
    for region in &gone {
        let target = elsewhere(call, region, &secret.id);
        let ours = call
            .world
            .get(&target)
            .is_some_and(|replica| is_replica(replica, region));
        if ours {
            call.world.remove(&target);
        }
    }
    call.update(KIND, &secret.id, |secret| {
        let list = secret.list_mut("ReplicationStatus");
        list.retain(|status| !gone.iter().any(|region| status["Region"] == json!(region)));
        if list.is_empty() {
            secret.set("ReplicationStatus", Json::Null);
        }
    });
    let left = call.need(KIND, &secret.id)?;
    let left = left.body.get("ReplicationStatus").cloned();
    Ok(json!({"ARN": secret.arn, "ReplicationStatus": left.unwrap_or(json!([]))}))
}

/// The copy becomes a secret of its own.
pub(super) fn stand_alone(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    if !is_replica(&secret, &call.region) {
        let message = "You can't stop replication of a secret that is not a replica.";
        return Err(Refusal::new("InvalidRequestException", message));
    }
    let primary = elsewhere(call, secret.text("PrimaryRegion"), &secret.id);
    let here = call.region.clone();
    call.world.update(&primary, |primary| {
        primary
            .list_mut("ReplicationStatus")
            .retain(|status| status["Region"] != json!(here));
    });
    call.update(KIND, &secret.id, |secret| {
        secret.set("PrimaryRegion", Json::Null);
    });
    Ok(json!({"ARN": secret.arn}))
}

/// `eu-west-1`, `us-gov-east-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let letters = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.as_slice() {
        [area, words @ .., number] => {
            area.len() == 2
                && letters(area)
                && !words.is_empty()
                && words.iter().all(|word| letters(word))
                && number.parse::<u8>().is_ok()
        }
        _ => false,
    }
}
