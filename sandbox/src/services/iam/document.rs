//! Policy documents: what IAM refuses in them, how it writes them, whom they trust.

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value as Json};

/// RFC 3986: all but the unreserved characters ("URL-encoded compliant with RFC 3986", IAM API Reference, Role).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Not JSON at all.
pub const VALID_JSON: Law = Law {
    name: "a policy document is JSON",
    operations: &[],
    source: "IAM API Reference, CreateRole, Errors: MalformedPolicyDocument",
    fault: Fault::new(
        "MalformedPolicyDocument",
        "This policy contains invalid Json",
    ),
    check: None,
};

/// JSON, but no policy.
pub const WELL_FORMED: Law = Law {
    name: "a policy document follows the policy grammar",
    operations: &[],
    source: "IAM User Guide, Grammar of the IAM JSON policy language",
    fault: Fault::new("MalformedPolicyDocument", "{message}"),
    check: None,
};

/// Principals of the same account exist.
pub const KNOWN_PRINCIPAL: Law = Law {
    name: "a trust policy names principals that exist",
    operations: &[],
    source: "IAM User Guide, Troubleshoot IAM roles: MalformedPolicyDocument, invalid principal in policy",
    fault: Fault::new(
        "MalformedPolicyDocument",
        "Invalid principal in policy: \"AWS\":\"{id}\"",
    ),
    check: None,
};

/// A document as IAM answers with it.
pub fn encoded(document: &str) -> String {
    utf8_percent_encode(document, RESERVED).to_string()
}

fn wrong(message: &str) -> Refusal {
    WELL_FORMED.fault.with(&[("message", message)])
}

fn statements(document: &Json) -> Vec<&Map<String, Json>> {
    match &document["Statement"] {
        Json::Array(statements) => statements.iter().filter_map(Json::as_object).collect(),
        Json::Object(statement) => vec![statement],
        _ => Vec::new(),
    }
}

/// A text or a list of texts.
fn texts(value: Option<&Json>) -> Vec<&str> {
    match value {
        Some(Json::String(text)) => vec![text],
        Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

fn parse(text: &str) -> Result<Json, Refusal> {
    let document: Json = serde_json::from_str(text).map_err(|_| VALID_JSON.fault.with(&[]))?;
    let Some(members) = document.as_object() else {
        return Err(wrong("Syntax errors in policy."));
    };
    let known = ["Version", "Id", "Statement"];
    if members.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(wrong("Syntax errors in policy."));
    }
    if let Some(version) = members.get("Version")
        && !["2012-10-17", "2008-10-17"].contains(&version.as_str().unwrap_or_default())
    {
        return Err(wrong("The policy must contain a valid version string"));
    }
    if statements(&document).is_empty() {
        return Err(wrong("Syntax errors in policy."));
    }
    for statement in statements(&document) {
        let effect = statement.get("Effect").and_then(Json::as_str);
        if !matches!(effect, Some("Allow" | "Deny")) {
            return Err(wrong("Syntax errors in policy."));
        }
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "NotPrincipal",
            "Action",
            "NotAction",
            "Resource",
            "NotResource",
            "Condition",
        ];
        if statement.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(wrong("Syntax errors in policy."));
        }
        let actions = [
            texts(statement.get("Action")),
            texts(statement.get("NotAction")),
        ]
        .concat();
        if actions.is_empty() {
            return Err(wrong("Policy statement must contain actions."));
        }
        if let Some(action) = actions
            .iter()
            .find(|action| **action != "*" && !action.contains(':'))
        {
            let message = format!(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action}"
            );
            return Err(wrong(&message));
        }
    }
    Ok(document)
}

/// Refuses what is no permissions policy.
///
/// # Errors
/// MalformedPolicyDocument.
pub fn permissions(text: &str) -> Result<(), Refusal> {
    let document = parse(text)?;
    for statement in statements(&document) {
        if statement.contains_key("Principal") || statement.contains_key("NotPrincipal") {
            return Err(wrong("Policy document should not specify a principal."));
        }
        let resources = [
            texts(statement.get("Resource")),
            texts(statement.get("NotResource")),
        ]
        .concat();
        if resources.is_empty() {
            return Err(wrong("Policy statement must contain resources."));
        }
        if let Some(resource) = resources
            .iter()
            .find(|one| **one != "*" && !one.starts_with("arn:") && !one.starts_with('*'))
        {
            let message = format!("Resource {resource} must be in ARN format or \"*\".");
            return Err(wrong(&message));
        }
    }
    Ok(())
}

/// Refuses what is no trust policy, or names principals of this account that are not there.
///
/// # Errors
/// MalformedPolicyDocument.
pub fn trust(call: &Call, text: &str) -> Result<(), Refusal> {
    let document = parse(text)?;
    for statement in statements(&document) {
        if statement.contains_key("Resource") || statement.contains_key("NotResource") {
            return Err(wrong("Has prohibited field Resource"));
        }
        let Some(principal) = statement
            .get("Principal")
            .or_else(|| statement.get("NotPrincipal"))
        else {
            return Err(wrong("Missing required field Principal"));
        };
        let foreign = texts(statement.get("Action"))
            .into_iter()
            .any(|action| action != "*" && !action.to_ascii_lowercase().starts_with("sts:"));
        if foreign {
            return Err(wrong(
                "AssumeRole policy may only specify STS AssumeRole actions.",
            ));
        }
        for arn in texts(principal.get("AWS")) {
            let own = format!(":iam::{}:", call.account);
            let Some((_, name)) = arn.split_once(&own) else {
                continue;
            };
            let kind = match name.split('/').next() {
                Some("role") => "iam/role",
                Some("user") => "iam/user",
                _ => continue,
            };
            if call.find(kind, arn).is_none() {
                return Err(KNOWN_PRINCIPAL.fault.with(&[("id", arn)]));
            }
        }
    }
    Ok(())
}

/// Does the trust policy let this service assume the role?
pub fn trusts(text: &str, service: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Json>(text) else {
        return false;
    };
    let named = |statement: &Map<String, Json>, effect: &str| {
        let principal = statement.get("Principal");
        let services = texts(principal.and_then(|principal| principal.get("Service")));
        let all = principal.and_then(Json::as_str) == Some("*");
        statement.get("Effect").and_then(Json::as_str) == Some(effect)
            && (all || services.contains(&service))
    };
    let statements = statements(&document);
    statements.iter().any(|one| named(one, "Allow"))
        && !statements
            .iter()
            .any(|one| named(one, "Deny") && !one.contains_key("Condition"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_judged_and_written_as_iam_does() {
        let good = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
        assert!(permissions(good).is_ok());
        for bad in [
            "nope",
            "{}",
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*"}]}"#,
            r#"{"Statement":[{"Effect":"Maybe","Action":"s3:*","Resource":"*"}]}"#,
            r#"{"Version":"2013","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Action":"all","Resource":"*"}]}"#,
            r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}]}"#,
        ] {
            let refusal = permissions(bad).expect_err(bad);
            assert_eq!(refusal.code, "MalformedPolicyDocument", "{bad}");
        }
        assert_eq!(encoded("{\"a b\": 1}"), "%7B%22a%20b%22%3A%201%7D");
        let trusting = r#"{"Statement":{"Effect":"Allow","Principal":{"Service":["a.amazonaws.com"]},"Action":"sts:AssumeRole"}}"#;
        assert!(trusts(trusting, "a.amazonaws.com") && !trusts(trusting, "b.amazonaws.com"));
    }
}
