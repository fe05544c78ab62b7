//! Key policies: what AWS refuses in them, and whom they let in. Conditions are looked at where the caller gives their values.

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::filter::matches;
use crate::law::Law;
use crate::registry;
use serde_json::{Value as Json, json};

/// Not a policy.
pub(super) const MALFORMED: Law = Law {
    name: "a key policy is a policy document",
    operations: &["CreateKey", "PutKeyPolicy"],
    source: "KMS API Reference, CreateKey, MalformedPolicyDocumentException",
    fault: Fault::new("MalformedPolicyDocumentException", "{message}"),
    check: None,
};

/// No key that nobody can manage.
pub(super) const LOCKOUT: Law = Law {
    name: "a key policy lets its author change it",
    operations: &["CreateKey", "PutKeyPolicy"],
    source: "KMS API Reference, PutKeyPolicy, BypassPolicyLockoutSafetyCheck",
    fault: Fault::new(
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    ),
    check: None,
};

/// Roles must exist before a key policy names them.
pub(super) const PRINCIPALS: Law = Law {
    name: "the roles that a key policy names exist",
    operations: &["CreateKey", "PutKeyPolicy"],
    source: "KMS API Reference, PutKeyPolicy, Policy: each statement must contain one or more principals that exist and are visible to KMS",
    fault: Fault::new(
        "MalformedPolicyDocumentException",
        "Policy contains a statement with one or more invalid principals.",
    ),
    check: None,
};

/// A key has one policy.
pub(super) const NAMED: Law = Law {
    name: "a key's policy is called default",
    operations: &["PutKeyPolicy", "GetKeyPolicy"],
    source: "KMS API Reference, GetKeyPolicy, PolicyName",
    fault: Fault::new("NotFoundException", "No such policy exists"),
    check: Some(|call, law| {
        super::named(call)?;
        match call.text("PolicyName") {
            None | Some("default") => Ok(()),
            Some(_) => Err(law.fault.with(&[])),
        }
    }),
};

/// The policy of keys for which none was sent (KMS Developer Guide, Default key policy), written as AWS writes it.
pub(super) fn default(call: &Call) -> String {
    format!(
        "{{\n  \"Version\" : \"2012-10-17\",\n  \"Id\" : \"key-default-1\",\n  \"Statement\" : [ {{\n    \"Sid\" : \"Enable IAM User Permissions\",\n    \"Effect\" : \"Allow\",\n    \"Principal\" : {{\n      \"AWS\" : \"arn:{}:iam::{}:root\"\n    }},\n    \"Action\" : \"kms:*\",\n    \"Resource\" : \"*\"\n  }} ]\n}}",
        call.partition(),
        call.account
    )
}

/// Refuses what AWS refuses in a key policy.
pub(super) fn check(call: &Call, text: &str) -> Result<(), Refusal> {
    let malformed = |message: &str| Err(MALFORMED.fault.with(&[("message", message)]));
    let policy: Json = match serde_json::from_str(text) {
        Ok(policy @ Json::Object(_)) => policy,
        _ => return malformed("Policy is not valid JSON."),
    };
    if let Some(version) = policy.get("Version")
        && *version != json!("2012-10-17")
        && *version != json!("2008-10-17")
    {
        return malformed("Invalid policy version.");
    }
    let statements = list(policy.get("Statement"));
    if statements.is_empty() {
        return malformed("Policy must contain at least one statement.");
    }
    for statement in &statements {
        if !statement.is_object() {
            return malformed("A statement is a JSON object.");
        }
        if !matches!(
            statement.get("Effect").and_then(Json::as_str),
            Some("Allow" | "Deny")
        ) {
            return malformed("A statement's Effect is Allow or Deny.");
        }
        if statement.get("Action").is_none() && statement.get("NotAction").is_none() {
            return malformed("Policy statement must contain actions.");
        }
        if statement.get("Principal").is_none() && statement.get("NotPrincipal").is_none() {
            return malformed("Policy statement must contain principals.");
        }
        if statement.get("Resource").is_none() && statement.get("NotResource").is_none() {
            return malformed("Policy statement must contain resources.");
        }
        for principal in texts(
            statement
                .get("Principal")
                .and_then(|principal| principal.get("AWS")),
        ) {
            if !known(call, principal) {
                return Err(PRINCIPALS.fault.with(&[]));
            }
        }
    }
    if call.input.get("BypassPolicyLockoutSafetyCheck") == Some(&Json::Bool(true)) {
        return Ok(());
    }
    let root = format!("arn:{}:iam::{}:root", call.partition(), call.account);
    let caller = call.world.sessions.get(&call.access_key).map(|session| {
        // `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION` is allowed as the role.
        let role = session.arn.split('/').nth(1).unwrap_or_default();
        format!(
            "arn:{}:iam::{}:role/{role}",
            call.partition(),
            session.account
        )
    });
    let mut principals = vec![root.as_str(), call.account.as_str()];
    principals.extend(caller.as_deref());
    if allows(text, &Principal::Aws(&principals), "kms:PutKeyPolicy", &[]) {
        Ok(())
    } else {
        Err(LOCKOUT.fault.with(&[]))
    }
}

/// Is a principal that the policy names there? Roles of the own account are looked up once IAM is simulated; service-linked roles, other
/// accounts and other principals are taken as they are.
fn known(call: &Call, principal: &str) -> bool {
    let parts: Vec<&str> = principal.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role]
            if role.starts_with("role/") && *account == call.account =>
        {
            role.starts_with("role/aws-service-role/")
                || registry::kind("iam/role").is_none()
                || call.find("iam/role", principal).is_some()
        }
        ["arn", ..] => parts.len() == 6,
        _ => {
            principal == "*"
                || (principal.len() == 12 && principal.bytes().all(|byte| byte.is_ascii_digit()))
                || is_unique_id(principal)
        }
    }
}

/// What IAM turns principals into that were deleted.
fn is_unique_id(principal: &str) -> bool {
    ["AIDA", "AROA"]
        .iter()
        .any(|prefix| principal.starts_with(prefix))
        && principal.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Who asks.
pub enum Principal<'a> {
    /// An AWS service: `logs.eu-west-1.amazonaws.com`.
    Service(&'a str),
    /// An AWS principal, by any of these names.
    Aws(&'a [&'a str]),
}

fn list(value: Option<&Json>) -> Vec<&Json> {
    match value {
        Some(Json::Array(items)) => items.iter().collect(),
        Some(Json::Null) | None => Vec::new(),
        Some(one) => vec![one],
    }
}

fn texts(value: Option<&Json>) -> Vec<&str> {
    list(value).into_iter().filter_map(Json::as_str).collect()
}

/// Does the policy allow the principal this action, and not deny it? `context` are the values of condition keys; conditions on other keys
/// count as met for Allow, as not met for Deny.
pub fn allows(policy: &str, principal: &Principal, action: &str, context: &[(&str, &str)]) -> bool {
    let Ok(policy) = serde_json::from_str::<Json>(policy) else {
        return false;
    };
    let concerns = |statement: &&Json| {
        let allow = statement.get("Effect").and_then(Json::as_str) == Some("Allow");
        concerns(statement, principal, action) && conditions(statement, context, allow)
    };
    let effect = |wanted: &str| {
        list(policy.get("Statement"))
            .into_iter()
            .filter(|statement| statement.get("Effect").and_then(Json::as_str) == Some(wanted))
            .any(|statement| concerns(&statement))
    };
    effect("Allow") && !effect("Deny")
}

fn concerns(statement: &Json, principal: &Principal, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let named = |member: &str| {
        texts(statement.get(member))
            .iter()
            .any(|pattern| matches(&pattern.to_ascii_lowercase(), &action))
    };
    let action = if statement.get("NotAction").is_some() {
        !named("NotAction")
    } else {
        named("Action")
    };
    let is = |of: &Json| match (of, principal) {
        (Json::String(any), _) => any == "*",
        (_, Principal::Service(service)) => {
            texts(of.get("Service")).contains(service) || texts(of.get("AWS")).contains(&"*")
        }
        (_, Principal::Aws(names)) => texts(of.get("AWS"))
            .iter()
            .any(|one| *one == "*" || names.contains(one)),
    };
    let who = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(of), _) => is(of),
        (None, Some(of)) => !is(of),
        (None, None) => false,
    };
    action && who
}

fn conditions(statement: &Json, context: &[(&str, &str)], allow: bool) -> bool {
    let Some(conditions) = statement.get("Condition").and_then(Json::as_object) else {
        return true;
    };
    conditions.iter().all(|(operator, keys)| {
        keys.as_object().into_iter().flatten().all(|(key, wanted)| {
            let Some((_, value)) = context
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key))
            else {
                return allow;
            };
            let operator = operator.trim_end_matches("IfExists");
            let operator = operator.rsplit(':').next().unwrap_or(operator);
            let wanted = texts(Some(wanted));
            let any = |test: &dyn Fn(&str) -> bool| wanted.iter().any(|one| test(one));
            match operator {
                "StringEquals" => any(&|one| one == *value),
                "StringNotEquals" => !any(&|one| one == *value),
                "StringEqualsIgnoreCase" => any(&|one| one.eq_ignore_ascii_case(value)),
                "StringLike" | "ArnLike" | "ArnEquals" => any(&|one| matches(one, value)),
                "StringNotLike" | "ArnNotLike" | "ArnNotEquals" => !any(&|one| matches(one, value)),
                _ => allow,
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_let_in_by_statement_action_and_condition() {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"},
            {"Effect": "Allow", "Principal": {"Service": ["logs.eu-west-1.amazonaws.com"]}, "Resource": "*",
             "Action": ["kms:Encrypt*", "kms:GenerateDataKey*"],
             "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:log-group:/app/*"}}},
        ]}).to_string();
        let ask = |service: &str, action: &str, group: &str| {
            let arn = format!("arn:aws:logs:eu-west-1:123456789012:log-group:{group}");
            allows(
                &policy,
                &Principal::Service(service),
                action,
                &[("kms:EncryptionContext:aws:logs:arn", &arn)],
            )
        };
        assert!(ask("logs.eu-west-1.amazonaws.com", "kms:Encrypt", "/app/a"));
        assert!(!ask(
            "logs.eu-west-1.amazonaws.com",
            "kms:Encrypt",
            "/other"
        ));
        assert!(!ask(
            "logs.eu-west-1.amazonaws.com",
            "kms:Decrypt",
            "/app/a"
        ));
        assert!(!ask(
            "logs.us-east-1.amazonaws.com",
            "kms:Encrypt",
            "/app/a"
        ));
        let root = Principal::Aws(&["arn:aws:iam::123456789012:root"]);
        assert!(allows(&policy, &root, "kms:PutKeyPolicy", &[]));
    }
}
