//! Who may invoke a function: the statements of its policy, and of its versions' policies.

use super::functions::FUNCTION;
use super::{named, named_or_version, qualifier};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Statements have names.
pub(super) const TWICE: Law = Law {
    name: "a statement's name is used once in a policy",
    operations: &["AddPermission"],
    source: "Lambda API Reference, AddPermission, Errors: ResourceConflictException, the resource already exists",
    fault: Fault::new(
        "ResourceConflictException",
        "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement.",
    )
    .status(409),
    check: Some(|call, law| {
        let id = call.text("StatementId").unwrap_or_default();
        match statements(call).iter().any(|statement| statement["Sid"] == id) {
            true => Err(law.fault.with(&[("id", id)])),
            false => Ok(()),
        }
    }),
};

/// What is removed is there.
pub(super) const THERE: Law = Law {
    name: "a statement that is removed is in the policy",
    operations: &["RemovePermission"],
    source: "Lambda API Reference, RemovePermission, Errors: ResourceNotFoundException",
    fault: Fault::new(
        "ResourceNotFoundException",
        "Statement {id} is not found in resource policy.",
    )
    .status(404),
    check: Some(|call, law| {
        let id = call.text("StatementId").unwrap_or_default();
        if named(call).is_err() {
            return Ok(());
        }
        match statements(call)
            .iter()
            .any(|statement| statement["Sid"] == id)
        {
            true => Ok(()),
            false => Err(law.fault.with(&[("id", id)])),
        }
    }),
};

const NONE: Fault = Fault::new(
    "ResourceNotFoundException",
    "The resource you requested does not exist.",
)
.status(404);

/// Where the policy of what the request names is kept.
fn place(call: &Call) -> String {
    format!("policy of {}", qualifier(call).unwrap_or_default())
}

fn kept<'a>(function: &'a Record, place: &str) -> &'a [Json] {
    let policy = function.hidden.get(place).and_then(Json::as_array);
    policy.map(Vec::as_slice).unwrap_or_default()
}

fn statements<'a>(call: &'a Call) -> &'a [Json] {
    match named(call) {
        Ok(function) => kept(function, &place(call)),
        Err(_) => &[],
    }
}

pub(super) fn add(call: &mut Call) -> Answer {
    let (_, target) = named_or_version(call)?;
    let resource = target.text("FunctionArn").to_owned();
    let text = |name: &str| call.text(name).map(str::to_owned);
    let principal = text("Principal").unwrap_or_default();
    let principal = if principal == "*" {
        json!("*")
    } else if principal.len() == 12 && principal.chars().all(|char| char.is_ascii_digit()) {
        json!({"AWS": format!("arn:{}:iam::{principal}:root", call.partition())})
    } else if principal.starts_with("arn:") {
        json!({"AWS": principal})
    } else {
        json!({"Service": principal})
    };
    let mut statement = json!({"Sid": text("StatementId"), "Effect": "Allow", "Principal": principal, "Action": text("Action"),
                               "Resource": resource});
    let mut conditions: Map<String, Json> = Map::new();
    for (member, operator, key) in [
        ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
        ("SourceArn", "ArnLike", "AWS:SourceArn"),
        ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
        (
            "EventSourceToken",
            "StringEquals",
            "lambda:EventSourceToken",
        ),
        (
            "FunctionUrlAuthType",
            "StringEquals",
            "lambda:FunctionUrlAuthType",
        ),
    ] {
        if let Some(value) = text(member) {
            let of = conditions.entry(operator).or_insert_with(|| json!({}));
            of[key] = value.into();
        }
    }
    if call.input.get("InvokedViaFunctionUrl") == Some(&Json::Bool(true)) {
        conditions.insert(
            "Bool".into(),
            json!({"lambda:InvokedViaFunctionUrl": "true"}),
        );
    }
    if !conditions.is_empty() {
        statement["Condition"] = Json::Object(conditions);
    }
    let (name, place) = (named(call)?.id.clone(), place(call));
    let told = statement.to_string();
    call.update(FUNCTION.name, &name, |function| {
        let mut all = kept(function, &place).to_vec();
        all.push(statement);
        function.hidden.insert(place, all.into());
    });
    Ok(json!({"Statement": told}))
}

pub(super) fn remove(call: &mut Call) -> Answer {
    let (name, place) = (named(call)?.id.clone(), place(call));
    let id = call.text("StatementId").unwrap_or_default().to_owned();
    call.update(FUNCTION.name, &name, |function| {
        let mut all = kept(function, &place).to_vec();
        all.retain(|statement| statement["Sid"] != id.as_str());
        function.hidden.insert(place, all.into());
    });
    Ok(json!({}))
}

pub(super) fn get(call: &mut Call) -> Answer {
    let function = named(call)?;
    let statements = kept(function, &place(call));
    if statements.is_empty() {
        return Err::<Json, Refusal>(NONE.with(&[]));
    }
    let policy = json!({"Version": "2012-10-17", "Id": "default", "Statement": statements});
    Ok(json!({"Policy": policy.to_string(), "RevisionId": function.text("RevisionId")}))
}
