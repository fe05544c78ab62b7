//! Policies of buckets.

use super::buckets::{bucket, the_bucket};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use serde_json::{Value as Json, json};

/// What is no policy of the bucket is refused.
pub(super) const DOCUMENT: Law = Law {
    name: "a bucket's policy has principals that exist, actions, and resources in the bucket",
    operations: &[],
    source: "Amazon S3 User Guide, Policies and permissions in Amazon S3; Error responses, MalformedPolicy",
    fault: Fault::new("MalformedPolicy", "{message}"),
    check: None,
};

/// No policy for everybody where that is blocked.
pub(super) const PUBLIC: Law = Law {
    name: "a bucket that blocks public policies takes none",
    operations: &[],
    source: "Amazon S3 User Guide, Blocking public access to your Amazon S3 storage: BlockPublicPolicy",
    fault: Fault::new(
        "AccessDenied",
        "User is not authorized to perform: s3:PutBucketPolicy because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
    )
    .status(403),
    check: None,
};

const NONE: Fault =
    Fault::new("NoSuchBucketPolicy", "The bucket policy does not exist").status(404);

fn list(value: &Json) -> Vec<&Json> {
    match value {
        Json::Array(items) => items.iter().collect(),
        Json::Null => Vec::new(),
        one => vec![one],
    }
}

fn texts(value: &Json) -> Vec<&str> {
    list(value).into_iter().filter_map(Json::as_str).collect()
}

pub(super) fn put(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    let text = call.text("Policy").unwrap_or_default().to_owned();
    let policy = check(call, &text, &bucket(call)?.arn)?;
    let blocks = bucket(call)?
        .body
        .get("PublicAccessBlock")
        .and_then(|block| block.get("BlockPublicPolicy"));
    if blocks == Some(&json!(true)) && is_public(&policy) {
        return Err(PUBLIC.fault.with(&[]));
    }
    call.world.update(&key, |bucket| bucket.set("Policy", text));
    Ok(json!({}))
}

pub(super) fn get(call: &mut Call) -> Answer {
    match bucket(call)?.body.get("Policy") {
        Some(policy) => Ok(json!({"Policy": policy})),
        None => Err(NONE.with(&[])),
    }
}

pub(super) fn delete(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    call.world
        .update(&key, |bucket| bucket.set("Policy", Json::Null));
    Ok(json!({}))
}

pub(super) fn status(call: &mut Call) -> Answer {
    let bucket = bucket(call)?;
    let text = bucket
        .body
        .get("Policy")
        .and_then(Json::as_str)
        .ok_or_else(|| NONE.with(&[]))?;
    let policy = serde_json::from_str(text).unwrap_or_default();
    Ok(json!({"PolicyStatus": {"IsPublic": is_public(&policy)}}))
}

fn check(call: &Call, text: &str, arn: &str) -> Result<Json, Refusal> {
    let malformed = |message: &str| DOCUMENT.fault.with(&[("message", message)]);
    // 20 KB (Amazon S3 User Guide, "Bucket policies").
    if text.len() > 20 * 1024 {
        return Err(Refusal::new(
            "PolicyTooLarge",
            "Your policy exceeds the maximum allowed document size.",
        ));
    }
    let policy: Json = serde_json::from_str(text)
        .ok()
        .filter(Json::is_object)
        .ok_or_else(|| malformed("Policies must be valid JSON and the first byte must be '{'"))?;
    if let Some(version) = policy.get("Version")
        && *version != json!("2012-10-17")
        && *version != json!("2008-10-17")
    {
        return Err(malformed("The policy must contain a valid version string"));
    }
    if list(&policy["Statement"]).is_empty() {
        return Err(malformed("Missing required field Statement"));
    }
    for statement in list(&policy["Statement"]) {
        let has = |names: [&str; 2]| names.iter().any(|name| statement.get(*name).is_some());
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return Err(malformed("Missing required field Effect"));
        }
        if !has(["Principal", "NotPrincipal"]) {
            return Err(malformed("Missing required field Principal"));
        }
        if !has(["Action", "NotAction"]) {
            return Err(malformed("Missing required field Action"));
        }
        if !has(["Resource", "NotResource"]) {
            return Err(malformed("Missing required field Resource"));
        }
        let actions = [texts(&statement["Action"]), texts(&statement["NotAction"])].concat();
        if actions
            .iter()
            .any(|action| *action != "*" && !action.to_ascii_lowercase().starts_with("s3:"))
        {
            return Err(malformed("Policy has invalid action"));
        }
        let inside = |resource: &&str| {
            let rest = resource.strip_prefix(arn);
            **resource == *"*"
                || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '*']))
        };
        let resources = [
            texts(&statement["Resource"]),
            texts(&statement["NotResource"]),
        ]
        .concat();
        if !resources.iter().all(inside) {
            return Err(malformed("Policy has invalid resource"));
        }
        for principal in [
            &statement["Principal"]["AWS"],
            &statement["NotPrincipal"]["AWS"],
        ] {
            if !texts(principal).iter().all(|one| exists(call, one)) {
                return Err(malformed("Invalid principal in policy"));
            }
        }
    }
    Ok(policy)
}

/// Roles and users of this account exist; of others nothing is known.
fn exists(call: &Call, principal: &str) -> bool {
    let own = format!(":iam::{}:", call.account);
    let Some((_, name)) = principal.split_once(&own) else {
        return true;
    };
    let kind = match name.split('/').next() {
        Some("role") => "iam/role",
        Some("user") => "iam/user",
        _ => return true,
    };
    call.find(kind, principal).is_some()
}

/// Somebody unknown may do something: anybody is the principal, and no condition says which ones ("The meaning of public").
fn is_public(policy: &Json) -> bool {
    let fixed = [
        "aws:principalorgid",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceip",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:sourceowner",
        "aws:userid",
        "s3:dataaccesspointarn",
        "s3:dataaccesspointaccount",
    ];
    list(&policy["Statement"]).iter().any(|statement| {
        let anybody = statement["Principal"] == json!("*")
            || texts(&statement["Principal"]["AWS"]).contains(&"*");
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        let keys = conditions.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
        let bound = keys
            .clone()
            .any(|(key, _)| fixed.contains(&key.to_ascii_lowercase().as_str()));
        statement["Effect"] == json!("Allow") && anybody && !bound
    })
}
