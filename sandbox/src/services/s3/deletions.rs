//! Objects deleted: versions for good, or a marker put on top of them.

use super::buckets::the_bucket;
use super::versions::{self, Versioning};
use crate::call::Call;
use crate::error::{Answer, Refusal};
use crate::world::Key;
use serde_json::{Map, Value as Json, json};

/// Deletes an object or one of its versions; what is not there is deleted too (DeleteObject).
fn delete(
    call: &mut Call,
    bucket: &Key,
    name: &str,
    version: Option<&str>,
) -> Result<Map<String, Json>, Refusal> {
    let bypass = call.input.get("BypassGovernanceRetention") == Some(&json!(true));
    let kept = call
        .world
        .get(bucket)
        .map_or(Versioning::Off, versions::versioning);
    let mut answer = Map::new();
    // Without versions `null` is the only one.
    let version = match kept {
        Versioning::Off => Some(version.unwrap_or("null")),
        _ => version,
    };
    let Some(version) = version else {
        let marker = Map::from_iter([("DeleteMarker".to_owned(), json!(true))]);
        let id = versions::store(call, bucket, name, marker)?;
        answer.insert("DeleteMarker".into(), json!(true));
        answer.insert("VersionId".into(), json!(id));
        return Ok(answer);
    };
    let found = versions::find(call, bucket, name, Some(version))
        .map(|(key, one)| (key.clone(), one.clone()));
    if let Some((key, one)) = found {
        versions::check_lock(call, &one, bypass)?;
        if versions::is_marker(&one) {
            answer.insert("DeleteMarker".into(), json!(true));
        }
        call.world.remove(&key);
    }
    if kept != Versioning::Off {
        answer.insert("VersionId".into(), json!(version));
    }
    Ok(answer)
}

pub(super) fn delete_one(call: &mut Call) -> Answer {
    let bucket = the_bucket(call)?;
    let name = call.text("Key").unwrap_or_default().to_owned();
    let version = call.text("VersionId").map(str::to_owned);
    delete(call, &bucket, &name, version.as_deref()).map(Json::Object)
}

/// As many as a thousand; each fails by itself.
pub(super) fn delete_many(call: &mut Call) -> Answer {
    let bucket = the_bucket(call)?;
    let asked = call.input.get("Delete").cloned().unwrap_or_default();
    let objects = asked["Objects"].as_array().cloned().unwrap_or_default();
    if objects.is_empty() || objects.len() > 1000 {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(Refusal::new("MalformedXML", message));
    }
    let quiet = asked["Quiet"] == json!(true);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in objects {
        let name = object["Key"].as_str().unwrap_or_default();
        let version = object["VersionId"].as_str();
        match delete(call, &bucket, name, version) {
            Ok(_) if quiet => {}
            Ok(done) => {
                let marker = done.get("DeleteMarker").cloned();
                // Of a marker its own identifier is told, made or deleted.
                let made = marker
                    .is_some()
                    .then(|| done.get("VersionId").cloned())
                    .flatten();
                deleted.push(json!({
                    "Key": name, "VersionId": version, "DeleteMarker": marker, "DeleteMarkerVersionId": made,
                }));
            }
            Err(refusal) => errors.push(json!({
                "Key": name, "VersionId": version, "Code": refusal.code, "Message": refusal.message,
            })),
        }
    }
    let lists = [("Deleted", deleted), ("Errors", errors)];
    let told = lists.into_iter().filter(|(_, list)| !list.is_empty());
    Ok(told
        .map(|(name, list)| (name.to_owned(), Json::Array(list)))
        .collect::<Map<_, _>>()
        .into())
}
