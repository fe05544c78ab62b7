//! `AWS::Lambda::Permission`: one statement of a function's policy.

use super::{POLICIES, PROPAGATION};
use crate::prelude::*;

native!(
    /// `AWS::Lambda::Permission`.
    Permission,
    Definition {
        create: Create::of("AddPermission", ""),
        reads: &[Read {
            key: Key::Id(&[0]),
            select: Some(statement),
            ..Read::of(&POLICIES)
        }],
        delete: Delete::of(
            "RemovePermission",
            &["FunctionName", "StatementId=Id"],
            &["ResourceNotFoundException"],
        ),
        find: Find::Key(&["FunctionName", "Id"]),
        rules: &[
            Rule::Sent("Id", "StatementId"),
            Rule::Told("Id", "Sid"),
            Rule::Computed("Action", |told| told.get("Action").cloned()),
            Rule::Computed("Principal", principal),
            Rule::Computed("SourceArn", |told| condition(told, "aws:SourceArn")),
            Rule::Computed("SourceAccount", |told| condition(told, "aws:SourceAccount")),
            Rule::Computed("PrincipalOrgID", |told| condition(told, "aws:PrincipalOrgID")),
            Rule::Computed("EventSourceToken", |told| condition(told, "lambda:EventSourceToken")),
            Rule::Computed("FunctionUrlAuthType", |told| condition(told, "lambda:FunctionUrlAuthType")),
            Rule::Computed("InvokedViaFunctionUrl", |told| condition(told, "lambda:InvokedViaFunctionUrl")),
        ],
        // "([a-zA-Z0-9-_]+)", 100 characters (API_AddPermission, StatementId). A statement has no other mark of whose it is.
        name: Some(Name { also: "_", ..Name::of("Id", 100) }),
        propagation: PROPAGATION,
        ..Definition::new("AWS::Lambda::Permission", "lambda")
    }
);

/// The statement of this id in the function's policy.
fn statement(answer: &Json, id: &PhysicalId) -> Option<Json> {
    let parts = id.parts();
    let [function, sid] = parts.as_slice() else {
        return None;
    };
    let policy: Json = serde_json::from_str(described(answer, "Policy")?).ok()?;
    let statements = policy.get("Statement")?.as_array()?;
    let mut found = statements
        .iter()
        .find(|statement| described(statement, "Sid") == Some(*sid))?
        .as_object()?
        .clone();
    found.insert("FunctionName".to_owned(), (*function).into());
    Some(Json::Object(found))
}

/// A service, an account, or whoever an ARN names. Lambda writes an account's number as the ARN of its root.
fn principal(statement: &Json) -> Option<Json> {
    match statement.get("Principal")? {
        Json::String(everyone) => Some(everyone.as_str().into()),
        principal => {
            let service = look(principal, "Service").or_else(|| look(principal, "AWS"))?;
            let text = service.as_str()?;
            let account = text
                .split_once(":iam::")
                .and_then(|(_, rest)| rest.strip_suffix(":root"));
            Some(account.unwrap_or(text).into())
        }
    }
}

/// The value of a condition's key, whatever the operator; keys are told in any letter case (IAM user guide, "Condition").
fn condition(statement: &Json, key: &str) -> Option<Json> {
    let operators = statement.get("Condition")?.as_object()?;
    let mut keys = operators.values().filter_map(Json::as_object).flatten();
    keys.find(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_of_the_policy_is_told_as_it_was_declared() {
        let policy = json!({"Statement": [{
            "Sid": "mine", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "lambda:InvokeFunctionUrl",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:f",
            "Condition": {"StringEquals": {"AWS:SourceAccount": "123456789012", "lambda:FunctionUrlAuthType": "AWS_IAM"},
                          "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}},
        }]});
        let answer = json!({"Policy": policy.to_string()});
        let found = statement(&answer, &PhysicalId::from("f|mine")).unwrap();
        assert_eq!(principal(&found), Some(json!("123456789012")));
        assert_eq!(
            condition(&found, "aws:SourceArn"),
            Some(json!("arn:aws:s3:::b"))
        );
        assert_eq!(
            condition(&found, "aws:SourceAccount"),
            Some(json!("123456789012"))
        );
        assert_eq!(
            condition(&found, "lambda:FunctionUrlAuthType"),
            Some(json!("AWS_IAM"))
        );
        assert_eq!(condition(&found, "aws:PrincipalOrgID"), None);
        assert_eq!(statement(&answer, &PhysicalId::from("f|other")), None);
    }
}
