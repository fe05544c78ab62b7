//! What a repository keeps of its images, and who may use it.

use super::repositories::REPOSITORY;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// What is no lifecycle policy.
pub(super) const LIFECYCLE: Law = Law {
    name: "a lifecycle policy has rules, each with a priority of its own, a selection and an action",
    operations: &[],
    source: "ECR User Guide, Lifecycle policy properties in Amazon ECR; PutLifecyclePolicy: InvalidParameterException",
    fault: Fault::new(
        "InvalidParameterException",
        "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: 'Lifecycle policy validation failure: {message}'",
    ),
    check: None,
};

/// What is no policy.
pub(super) const ACCESS: Law = Law {
    name: "a repository's policy is a policy, and its principals exist",
    operations: &[],
    source: "ECR User Guide, Private repository policies; SetRepositoryPolicy: InvalidParameterException",
    fault: Fault::new(
        "InvalidParameterException",
        "Invalid parameter at 'PolicyText' failed to satisfy constraint: '{message}'",
    ),
    check: None,
};

const NO_LIFECYCLE: Fault = Fault::new(
    "LifecyclePolicyNotFoundException",
    "Lifecycle policy does not exist for the repository with name '{id}'",
);
const NO_ACCESS: Fault = Fault::new(
    "RepositoryPolicyNotFoundException",
    "Repository policy does not exist for the repository with name '{id}'",
);

fn name(call: &Call) -> Result<String, Refusal> {
    let name = call.text("repositoryName").unwrap_or_default();
    Ok(call.need(REPOSITORY.name, name)?.id.clone())
}

fn told(call: &Call, name: &str, member: &str, text: &str) -> Json {
    json!({"registryId": call.account, "repositoryName": name, member: text})
}

pub(super) fn put_lifecycle(call: &mut Call) -> Answer {
    let name = name(call)?;
    let text = call
        .text("lifecyclePolicyText")
        .unwrap_or_default()
        .to_owned();
    check_lifecycle(&text).map_err(|message| LIFECYCLE.fault.with(&[("message", &message)]))?;
    call.update(REPOSITORY.name, &name, |repository| {
        repository.set("lifecyclePolicyText", text.as_str())
    });
    Ok(told(call, &name, "lifecyclePolicyText", &text))
}

fn check_lifecycle(text: &str) -> Result<(), String> {
    let policy: Json =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let rules = policy["rules"].as_array().filter(|rules| !rules.is_empty());
    let rules = rules.ok_or("object has missing required properties ([\"rules\"])")?;
    let mut priorities = BTreeSet::new();
    for rule in rules {
        let priority = rule["rulePriority"]
            .as_u64()
            .filter(|priority| *priority > 0);
        let priority =
            priority.ok_or("object has missing required properties ([\"rulePriority\"])")?;
        if !priorities.insert(priority) {
            return Err(format!("two rules have the priority {priority}"));
        }
        let selection = &rule["selection"];
        let status = selection["tagStatus"].as_str().unwrap_or_default();
        if !["tagged", "untagged", "any"].contains(&status) {
            return Err("instance value of tagStatus not found in enum (possible values: [\"any\",\"tagged\",\"untagged\"])".into());
        }
        let lists = ["tagPrefixList", "tagPatternList"];
        let named = lists.iter().any(|list| {
            selection[*list]
                .as_array()
                .is_some_and(|tags| !tags.is_empty())
        });
        if (status == "tagged") != named {
            return Err(
                "tagPrefixList or tagPatternList goes with tagStatus=tagged, and only with it"
                    .into(),
            );
        }
        let kinds = [
            "imageCountMoreThan",
            "sinceImagePushed",
            "sinceImagePulled",
            "sinceImageTransitioned",
        ];
        let kind = selection["countType"].as_str().unwrap_or_default();
        if !kinds.contains(&kind) || selection["countNumber"].as_u64().unwrap_or(0) == 0 {
            return Err(
                "object has missing required properties ([\"countNumber\",\"countType\"])".into(),
            );
        }
        if (kind != "imageCountMoreThan") != selection["countUnit"].is_string() {
            return Err(
                "countUnit goes with countType=sinceImagePushed, and only with times".into(),
            );
        }
        if !["expire", "transition"].contains(&rule["action"]["type"].as_str().unwrap_or_default())
        {
            return Err("object has missing required properties ([\"action\"])".into());
        }
    }
    Ok(())
}

pub(super) fn get_lifecycle(call: &mut Call) -> Answer {
    let name = name(call)?;
    let repository = call.need(REPOSITORY.name, &name)?;
    match repository.text("lifecyclePolicyText") {
        "" => Err(NO_LIFECYCLE.with(&[("id", &name)])),
        text => Ok(told(call, &name, "lifecyclePolicyText", text)),
    }
}

pub(super) fn delete_lifecycle(call: &mut Call) -> Answer {
    let answer = get_lifecycle(call)?;
    let name = name(call)?;
    call.update(REPOSITORY.name, &name, |repository| {
        repository.set("lifecyclePolicyText", Json::Null)
    });
    Ok(answer)
}

pub(super) fn put_access(call: &mut Call) -> Answer {
    let name = name(call)?;
    let text = call.text("policyText").unwrap_or_default().to_owned();
    check_access(call, &text).map_err(|message| ACCESS.fault.with(&[("message", message)]))?;
    call.update(REPOSITORY.name, &name, |repository| {
        repository.set("policyText", text.as_str())
    });
    Ok(told(call, &name, "policyText", &text))
}

fn check_access(call: &Call, text: &str) -> Result<(), &'static str> {
    let invalid = "Invalid repository policy provided";
    let policy: Json = serde_json::from_str(text).map_err(|_| invalid)?;
    let list = |value: &Json| match value {
        Json::Array(items) => items.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let statements = list(&policy["Statement"]);
    if statements.is_empty() {
        return Err(invalid);
    }
    for statement in statements {
        let has = |names: [&str; 2]| names.iter().any(|name| statement.get(*name).is_some());
        let effect = matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"));
        if !effect || !has(["Principal", "NotPrincipal"]) || !has(["Action", "NotAction"]) {
            return Err(invalid);
        }
        // Which repository it is for, is clear ("Private repository policies": no Resource).
        if has(["Resource", "NotResource"]) {
            return Err(invalid);
        }
        for principal in list(&statement["Principal"]["AWS"]) {
            let principal = principal.as_str().unwrap_or_default();
            let own = format!(":iam::{}:", call.account);
            let kind = match principal
                .split_once(&own)
                .map(|(_, rest)| rest.split('/').next())
            {
                Some(Some("role")) => "iam/role",
                Some(Some("user")) => "iam/user",
                _ => continue,
            };
            if call.find(kind, principal).is_none() {
                return Err("Principal not found");
            }
        }
    }
    Ok(())
}

pub(super) fn get_access(call: &mut Call) -> Answer {
    let name = name(call)?;
    let repository = call.need(REPOSITORY.name, &name)?;
    match repository.text("policyText") {
        "" => Err(NO_ACCESS.with(&[("id", &name)])),
        text => Ok(told(call, &name, "policyText", text)),
    }
}

pub(super) fn delete_access(call: &mut Call) -> Answer {
    let answer = get_access(call)?;
    let name = name(call)?;
    call.update(REPOSITORY.name, &name, |repository| {
        repository.set("policyText", Json::Null)
    });
    Ok(answer)
}
