//! Invocations. No code is run. A request of a custom resource, though, is answered as a provider would: after some seconds, by an
//! object at its `ResponseURL`.
//!
//! What the answer is, an environment variable of the function says ([`ANSWER`]): JSON members that go over the usual answer
//! (`{"Status": "FAILED", "Reason": "…"}`, `{"PhysicalResourceId": "other"}`, `{"Data": {…}}`), besides `after`, the seconds until
//! then; or `none`: it never answers.

use super::functions::FUNCTION;
use super::{named, named_or_version};
use crate::call::{Call, digest};
use crate::error::Answer;
use crate::path;
use crate::world::{Key, Step};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

/// The environment variable that says how requests of custom resources are answered.
const ANSWER: &str = "SANDBOX_ANSWER";
/// How long a provider takes, in seconds.
const SECONDS: f64 = 3.0;

pub(super) fn invoke(call: &mut Call) -> Answer {
    let version = named_or_version(call)?.1.text("Version").to_owned();
    let function = named(call)?.clone();
    let payload = call.text("Payload").unwrap_or_default();
    let payload = STANDARD.decode(payload).unwrap_or_default();
    let payload: Json = serde_json::from_slice(&payload).unwrap_or_default();
    let how = call
        .text("InvocationType")
        .unwrap_or("RequestResponse")
        .to_owned();
    if how == "DryRun" {
        return Ok(json!({"StatusCode": 204}));
    }
    if is_request(&payload) {
        let configured = path::text(&function.body, &format!("Environment.Variables.{ANSWER}"));
        let configured = configured.unwrap_or_default();
        let more: Map<String, Json> = serde_json::from_str(configured).unwrap_or_default();
        if configured != "none" {
            let after = more.get("after").and_then(Json::as_f64).unwrap_or(SECONDS);
            let digits = call.derive(&format!("invocation {}", function.id));
            let name = format!("answer {}", &digits[..16]);
            let pending = json!({"request": payload, "more": more});
            let step = Step::event(call.now + after, &name);
            call.update(FUNCTION.name, &function.id, |function| {
                function.hidden.insert(name, pending);
                function.steps.push(step);
            });
        }
    }
    match how.as_str() {
        "Event" => Ok(json!({"StatusCode": 202})),
        _ => Ok(
            json!({"StatusCode": 200, "ExecutedVersion": version, "Payload": STANDARD.encode("null")}),
        ),
    }
}

/// CloudFormation User Guide, Custom resource reference: request objects.
fn is_request(payload: &Json) -> bool {
    [
        "RequestType",
        "ResponseURL",
        "StackId",
        "RequestId",
        "LogicalResourceId",
    ]
    .iter()
    .all(|member| payload[*member].is_string())
}

/// The time of an answer has come.
pub(super) fn due(call: &mut Call, key: &Key, event: &str) {
    let pending = call
        .world
        .update(key, |function| function.hidden.remove(event));
    let Some(pending) = pending.flatten() else {
        return;
    };
    let (request, more) = (&pending["request"], &pending["more"]);
    let asked_for = request["PhysicalResourceId"].as_str();
    let stream = digest(&[
        "log stream",
        request["RequestId"].as_str().unwrap_or_default(),
    ]);
    let properties = request["ResourceProperties"].as_object().cloned();
    let mut data = properties.unwrap_or_default();
    data.remove("ServiceToken");
    data.remove("ServiceTimeout");
    let mut answer = json!({
        "Status": "SUCCESS",
        "Reason": format!("See the details in CloudWatch Log Stream: {stream}"),
        // A provider that keeps its resource keeps the identifier.
        "PhysicalResourceId": asked_for.map_or_else(|| format!("{}-{}", request["LogicalResourceId"].as_str().unwrap_or_default(), &stream[..12]), str::to_owned),
        "StackId": request["StackId"], "RequestId": request["RequestId"], "LogicalResourceId": request["LogicalResourceId"],
        "Data": data,
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        // Of a deletion only whether it succeeds is wanted; its identifier stays.
        if member != "after"
            && !(member == "PhysicalResourceId" && request["RequestType"] == "Delete")
        {
            answer[member] = value.clone();
        }
    }
    put(
        call,
        request["ResponseURL"].as_str().unwrap_or_default(),
        &answer.to_string(),
    );
}

/// What a PUT to a signed URL of S3 does: nothing when its time is over.
fn put(call: &mut Call, url: &str, body: &str) {
    let Some((bucket, key, query)) = parts(url) else {
        return;
    };
    let value = |name: &str| {
        let found = query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    };
    if value("X-Amz-Signature").is_none()
        || !is_in_time(value("X-Amz-Date"), value("X-Amz-Expires"), call.now)
    {
        return;
    }
    let input = json!({"Bucket": bucket, "Key": key, "Body": STANDARD.encode(body)});
    // A refused PUT is the provider's misfortune: nobody hears of it.
    let _ = call.call("s3", "PutObject", input);
}

fn is_in_time(date: Option<&str>, expires: Option<&str>, now: f64) -> bool {
    use time::macros::format_description;
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let signed = date.and_then(|date| time::PrimitiveDateTime::parse(date, &format).ok());
    let lasts = expires.and_then(|expires| expires.parse::<f64>().ok());
    match (signed, lasts) {
        (Some(signed), Some(lasts)) => now <= signed.assume_utc().unix_timestamp() as f64 + lasts,
        _ => false,
    }
}

type Parts = (String, String, Vec<(String, String)>);

/// Bucket, key and query of `https://bucket.s3.region.amazonaws.com/key?…`, or of one with the bucket in the path.
fn parts(url: &str) -> Option<Parts> {
    let plain = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    let (_, rest) = url.split_once("://")?;
    let (host, rest) = rest.split_once('/')?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (plain(key), plain(value)))
        .collect();
    let (bucket, key) = match host.split_once(".s3.").or_else(|| host.split_once(".s3-")) {
        Some((bucket, _)) => (bucket, path),
        None => path.split_once('/')?,
    };
    Some((plain(bucket), plain(key), query))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_url_names_a_bucket_and_a_key() {
        let (bucket, key, query) = parts("https://b.s3.eu-west-1.amazonaws.com/a%20b/c?X-Amz-Expires=60&X-Amz-Date=20231114T221320Z").unwrap();
        assert_eq!((bucket.as_str(), key.as_str()), ("b", "a b/c"));
        assert_eq!(query.len(), 2);
        let (bucket, key, _) = parts("http://127.0.0.1:4566/b/a/c").unwrap();
        assert_eq!((bucket.as_str(), key.as_str()), ("b", "a/c"));
        assert!(is_in_time(
            Some("20231114T221320Z"),
            Some("60"),
            1_700_000_060.0
        ));
        assert!(!is_in_time(
            Some("20231114T221320Z"),
            Some("60"),
            1_700_000_061.0
        ));
        assert!(!is_in_time(None, Some("60"), 0.0));
    }
}
