//! Resource policies.

use super::laws;
use super::secrets::{KIND, flag};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use serde_json::{Value as Json, json};

/// Not JSON at all.
pub(super) const VALID_JSON: Law = Law {
    name: "a resource policy is JSON",
    operations: &["PutResourcePolicy"],
    source: "Secrets Manager API Reference, PutResourcePolicy, Errors: MalformedPolicyDocumentException",
    fault: Fault::new(
        "MalformedPolicyDocumentException",
        "This resource policy contains invalid Json.",
    ),
    check: None,
};

/// Who may do what.
pub(super) const WELL_FORMED: Law = Law {
    name: "a statement of a resource policy says for whom, what, and whether",
    operations: &["PutResourcePolicy"],
    source: "IAM User Guide, Grammar of the IAM JSON policy language",
    fault: Fault::new(
        "MalformedPolicyDocumentException",
        "This resource policy contains a syntax error: {message}",
    ),
    check: None,
};

/// Not for all the world.
pub(super) const NOT_PUBLIC: Law = Law {
    name: "a policy for everybody is blocked where it is asked for",
    operations: &["PutResourcePolicy"],
    source: "Secrets Manager API Reference, PutResourcePolicy, BlockPublicPolicy",
    fault: Fault::new(
        "PublicPolicyException",
        "This resource policy grants broad access to the secret: use BlockPublicPolicy=false or restrict it.",
    ),
    check: None,
};

fn statements(policy: &Json) -> Vec<&Json> {
    match policy.get("Statement") {
        Some(Json::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

fn parsed(text: &str) -> Result<Json, Refusal> {
    let Ok(policy) = serde_json::from_str::<Json>(text) else {
        return Err(VALID_JSON.fault.with(&[]));
    };
    let malformed = |message: &str| WELL_FORMED.fault.with(&[("message", message)]);
    if statements(&policy).is_empty() {
        return Err(malformed("it has no statement."));
    }
    for statement in statements(&policy) {
        let one_of = |names: [&str; 2]| names.iter().any(|name| statement.get(*name).is_some());
        if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
            return Err(malformed("Effect is Allow or Deny."));
        }
        if !one_of(["Principal", "NotPrincipal"]) {
            return Err(malformed("a principal is missing."));
        }
        if !one_of(["Action", "NotAction"]) || !one_of(["Resource", "NotResource"]) {
            return Err(malformed("an action or a resource is missing."));
        }
    }
    Ok(policy)
}

/// Whether a policy allows everybody without a condition.
fn is_public(policy: &Json) -> bool {
    statements(policy).iter().any(|statement| {
        let everybody = |principal: &Json| match principal {
            Json::String(text) => text == "*",
            Json::Array(items) => items.contains(&json!("*")),
            _ => false,
        };
        let principal = &statement["Principal"];
        let all = everybody(principal) || everybody(&principal["AWS"]);
        statement["Effect"] == "Allow" && all && statement.get("Condition").is_none()
    })
}

pub(super) fn put(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let text = call.text("ResourcePolicy").unwrap_or_default().to_owned();
    let policy = parsed(&text)?;
    if flag(call, "BlockPublicPolicy") && is_public(&policy) {
        return Err(NOT_PUBLIC.fault.with(&[]));
    }
    call.update(KIND, &secret.id, |secret| {
        secret.hidden.insert("policy".into(), json!(text));
    });
    Ok(json!({"ARN": secret.arn, "Name": secret.id}))
}

/// Without a policy the member is not there.
pub(super) fn get(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    let mut answer = json!({"ARN": secret.arn, "Name": secret.id});
    if let Some(policy) = secret.hidden.get("policy") {
        answer["ResourcePolicy"] = policy.clone();
    }
    Ok(answer)
}

pub(super) fn delete(call: &mut Call) -> Answer {
    let secret = laws::needed(call)?;
    call.update(KIND, &secret.id, |secret| {
        secret.hidden.remove("policy");
    });
    Ok(json!({"ARN": secret.arn, "Name": secret.id}))
}

pub(super) fn validate(call: &mut Call) -> Answer {
    let policy = parsed(call.text("ResourcePolicy").unwrap_or_default())?;
    if is_public(&policy) {
        let error = json!({
            "CheckName": "BLOCK_PUBLIC_POLICY",
            "ErrorMessage": "This resource policy grants broad access to the secret.",
        });
        return Ok(json!({"PolicyValidationPassed": false, "ValidationErrors": [error]}));
    }
    Ok(json!({"PolicyValidationPassed": true, "ValidationErrors": []}))
}
