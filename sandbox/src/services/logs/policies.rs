//! Data protection and index policies of groups; resource policies of the account.

use super::{group, millis};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, describe, run};
use crate::law::Law;
use serde_json::{Map, Value as Json, json};

/// Who may write to the account's groups, or to one.
pub(super) const RESOURCE_POLICY: Kind = Kind {
    name: "logs/resource-policy",
    id: Id::Made(|_, body, _| {
        let text = |member| body.get(member).and_then(Json::as_str);
        let id = text("resourceArn").or(text("policyName"));
        Ok(id.unwrap_or_default().to_owned())
    }),
    not_found: Fault::new(
        "ResourceNotFoundException",
        "Policy with name [{id}] does not exist",
    ),
    operations: &[
        run("PutResourcePolicy", put_resource),
        run("DeleteResourcePolicy", delete_resource),
        describe("DescribeResourcePolicies", "", "resourcePolicies")
            .keep(|call, policy| {
                call.text("resourceArn")
                    .is_none_or(|arn| policy.is("resourceArn", bare(arn)))
                    && policy.is(
                        "policyScope",
                        call.text("policyScope").unwrap_or({
                            if call.text("resourceArn").is_some() {
                                "RESOURCE"
                            } else {
                                "ACCOUNT"
                            }
                        }),
                    )
            })
            .paging(Paging::lower_limit(50, (1, 50))),
    ],
    ..Kind::NEW
};

/// Policies are JSON.
pub(super) const JSON: Law = Law {
    name: "a policy is a JSON document",
    operations: &[
        "PutResourcePolicy",
        "PutDataProtectionPolicy",
        "PutIndexPolicy",
    ],
    source: "CloudWatch Logs API Reference, PutResourcePolicy, policyDocument",
    fault: Fault::new(
        "InvalidParameterException",
        "Policy document is invalid. The policy must be a valid JSON object.",
    ),
    check: Some(|call, law| {
        let text = call.text("policyDocument").unwrap_or_default();
        match serde_json::from_str::<Map<String, Json>>(text) {
            Ok(_) => Ok(()),
            Err(_) => Err(law.fault.with(&[])),
        }
    }),
};

/// Ten of an account and region.
pub(super) const MANY: Law = Law {
    name: "an account has at most ten resource policies in a region",
    operations: &["PutResourcePolicy"],
    source: "CloudWatch Logs quotas, Resource policies",
    fault: Fault::new("LimitExceededException", "Resource limit exceeded."),
    check: Some(|call, law| {
        let Some(name) = call.text("policyName") else {
            return Ok(());
        };
        let mut others = call
            .list("logs/resource-policy")
            .filter(|policy| policy.is("policyScope", "ACCOUNT"));
        let known = call.find("logs/resource-policy", name).is_some();
        if !known && others.by_ref().count() >= 10 {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

fn bare(arn: &str) -> &str {
    arn.strip_suffix(":*").unwrap_or(arn)
}

fn put_resource(call: &mut Call) -> Answer {
    let document = call.text("policyDocument").unwrap_or_default().to_owned();
    let revision = crate::call::digest(&[&document, &call.now.to_string()])[..32].to_owned();
    let mut members = json!({
        "policyDocument": document,
        "lastUpdatedTime": millis(call.now),
        "revisionId": revision,
    });
    let id = match (call.text("resourceArn"), call.text("policyName")) {
        (Some(arn), _) => {
            let arn = call.need("logs/log-group", arn)?.arn.clone();
            members["resourceArn"] = json!(arn);
            members["policyScope"] = json!("RESOURCE");
            arn
        }
        (None, Some(name)) => {
            members["policyName"] = json!(name);
            members["policyScope"] = json!("ACCOUNT");
            name.to_owned()
        }
        (None, None) => {
            let message = "Either policyName or resourceArn must be given.";
            return Err(Refusal::new("InvalidParameterException", message));
        }
    };
    call.remove("logs/resource-policy", &id);
    let policy = call.make("logs/resource-policy", members)?;
    Ok(json!({"resourcePolicy": policy.body, "revisionId": revision}))
}

fn delete_resource(call: &mut Call) -> Answer {
    let named = call
        .text("resourceArn")
        .map(bare)
        .or(call.text("policyName"));
    let id = call
        .need("logs/resource-policy", named.unwrap_or_default())?
        .id
        .clone();
    call.remove("logs/resource-policy", &id);
    Ok(json!({}))
}

fn put(call: &mut Call, member: &str) -> Result<Json, Refusal> {
    let id = group(call)?.id.clone();
    let document = call.text("policyDocument").unwrap_or_default().to_owned();
    let policy = json!({"document": document, "time": millis(call.now)});
    call.update("logs/log-group", &id, |group| {
        group.hidden.insert(member.to_owned(), policy.clone());
    });
    Ok(policy)
}

fn take(call: &mut Call, member: &str) -> Answer {
    let id = group(call)?.id.clone();
    call.update("logs/log-group", &id, |group| {
        group.hidden.remove(member);
    });
    Ok(json!({}))
}

pub(super) fn put_protection(call: &mut Call) -> Answer {
    let policy = put(call, "protection")?;
    Ok(json!({
        "logGroupIdentifier": call.text("logGroupIdentifier"),
        "policyDocument": policy["document"],
        "lastUpdatedTime": policy["time"],
    }))
}

pub(super) fn get_protection(call: &mut Call) -> Answer {
    let group = group(call)?;
    let policy = group.hidden.get("protection");
    Ok(json!({
        "logGroupIdentifier": call.text("logGroupIdentifier"),
        "policyDocument": policy.map(|policy| &policy["document"]),
        "lastUpdatedTime": policy.map(|policy| &policy["time"]),
    }))
}

pub(super) fn delete_protection(call: &mut Call) -> Answer {
    take(call, "protection")
}

fn index(arn: &str, policy: &Json) -> Json {
    json!({
        "logGroupIdentifier": arn,
        "policyDocument": policy["document"],
        "lastUpdateTime": policy["time"],
        "source": "LOG_GROUP",
    })
}

pub(super) fn put_index(call: &mut Call) -> Answer {
    let policy = put(call, "index")?;
    let group = group(call)?;
    Ok(json!({"indexPolicy": index(&group.arn, &policy)}))
}

pub(super) fn describe_index(call: &mut Call) -> Answer {
    let mut policies = Vec::new();
    for name in call.texts("logGroupIdentifiers[]") {
        let group = call.need("logs/log-group", &name)?;
        if let Some(policy) = group.hidden.get("index") {
            policies.push(index(&group.arn, policy));
        }
    }
    Ok(json!({"indexPolicies": policies}))
}

pub(super) fn delete_index(call: &mut Call) -> Answer {
    take(call, "index")
}
