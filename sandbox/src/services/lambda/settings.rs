//! What is set beside a function's configuration: concurrency, runtime updates, recursion, code signing, scaling.

use super::functions::FUNCTION;
use super::{named, named_or_version, qualifier};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, Tags, create, delete, describe, get, modify};
use serde_json::{Value as Json, json};

/// Who may sign a function's code.
pub(super) const CODE_SIGNING_CONFIG: Kind = Kind {
    name: "lambda/code-signing-config",
    id: Id::Made(|_, _, digits| Ok(format!("csc-{}", &digits[..17]))),
    id_member: "CodeSigningConfigId",
    arn: "arn:{partition}:lambda:{region}:{account}:code-signing-config:{id}",
    arn_member: "CodeSigningConfigArn",
    defaults: Some(
        |call| json!({"Description": "", "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}, "LastModified": super::written(call.now)}),
    ),
    tags: Tags::UnseenMap("Tags"),
    not_found: Fault::new(
        "ResourceNotFoundException",
        "The code signing configuration {id} does not exist.",
    )
    .status(404),
    operations: &[
        create("CreateCodeSigningConfig", Shows::In("CodeSigningConfig")),
        get(
            "GetCodeSigningConfig",
            "CodeSigningConfigArn",
            Shows::In("CodeSigningConfig"),
        ),
        modify(
            "UpdateCodeSigningConfig",
            "CodeSigningConfigArn",
            Shows::In("CodeSigningConfig"),
        ),
        describe("ListCodeSigningConfigs", "", "CodeSigningConfigs").paging(super::PAGES),
        delete(
            "DeleteCodeSigningConfig",
            "CodeSigningConfigArn",
            Shows::Nothing,
        ),
    ],
    ..Kind::NEW
};

fn keep(call: &mut Call, name: &str, value: Json) -> Result<(), Refusal> {
    let id = named(call)?.id.clone();
    call.update(FUNCTION.name, &id, |function| match value {
        Json::Null => {
            function.hidden.remove(name);
        }
        value => {
            function.hidden.insert(name.to_owned(), value);
        }
    });
    Ok(())
}

fn kept(call: &Call, name: &str) -> Result<Option<Json>, Refusal> {
    Ok(named(call)?.hidden.get(name).cloned())
}

pub(super) fn reserve(call: &mut Call) -> Answer {
    let reserved = call.input["ReservedConcurrentExecutions"].clone();
    keep(call, "ReservedConcurrentExecutions", reserved.clone())?;
    Ok(json!({"ReservedConcurrentExecutions": reserved}))
}

pub(super) fn reserved(call: &mut Call) -> Answer {
    match kept(call, "ReservedConcurrentExecutions")? {
        Some(reserved) => Ok(json!({"ReservedConcurrentExecutions": reserved})),
        None => Ok(json!({})),
    }
}

pub(super) fn unreserve(call: &mut Call) -> Answer {
    keep(call, "ReservedConcurrentExecutions", Json::Null)?;
    Ok(json!({}))
}

/// Where what belongs to a version is kept.
fn of_version(call: &Call, what: &str) -> String {
    format!("{what} of {}", qualifier(call).unwrap_or_default())
}

/// How long it takes until as many environments as asked for stand ready.
const ALLOCATING: f64 = 45.0;

pub(super) fn provision(call: &mut Call) -> Answer {
    named_or_version(call)?;
    let asked = call.input["ProvisionedConcurrentExecutions"].clone();
    let place = of_version(call, "provisioned");
    let kept =
        json!({"asked": asked, "at": call.now + ALLOCATING, "modified": super::written(call.now)});
    keep(call, &place, kept)?;
    provisioned(call)
}

const NOT_PROVISIONED: Fault = Fault::new(
    "ProvisionedConcurrencyConfigNotFoundException",
    "No Provisioned Concurrency Config found for this function",
)
.status(404);

pub(super) fn provisioned(call: &mut Call) -> Answer {
    let place = of_version(call, "provisioned");
    let Some(config) = kept(call, &place)? else {
        return Err(NOT_PROVISIONED.with(&[]));
    };
    let done = call.now >= config["at"].as_f64().unwrap_or_default();
    let (status, count) = match done {
        true => ("READY", config["asked"].clone()),
        false => ("IN_PROGRESS", json!(0)),
    };
    Ok(json!({
        "RequestedProvisionedConcurrentExecutions": config["asked"], "AvailableProvisionedConcurrentExecutions": count,
        "AllocatedProvisionedConcurrentExecutions": count, "Status": status, "LastModified": config["modified"],
    }))
}

pub(super) fn unprovision(call: &mut Call) -> Answer {
    let place = of_version(call, "provisioned");
    if kept(call, &place)?.is_none() {
        return Err(NOT_PROVISIONED.with(&[]));
    }
    keep(call, &place, Json::Null)?;
    Ok(json!({}))
}

pub(super) fn put_runtime(call: &mut Call) -> Answer {
    named_or_version(call)?;
    let mut config = json!({"UpdateRuntimeOn": call.input["UpdateRuntimeOn"]});
    if let Some(arn) = call.text("RuntimeVersionArn") {
        config["RuntimeVersionArn"] = arn.into();
    }
    let place = of_version(call, "runtime");
    keep(call, &place, config)?;
    runtime(call)
}

/// "Auto (default)" (PutRuntimeManagementConfig).
pub(super) fn runtime(call: &mut Call) -> Answer {
    let arn = named_or_version(call)?.1.text("FunctionArn").to_owned();
    let place = of_version(call, "runtime");
    let mut config = kept(call, &place)?.unwrap_or(json!({"UpdateRuntimeOn": "Auto"}));
    config["FunctionArn"] = arn.into();
    Ok(config)
}

pub(super) fn put_recursion(call: &mut Call) -> Answer {
    let recursive = call.input["RecursiveLoop"].clone();
    keep(call, "RecursiveLoop", recursive)?;
    recursion(call)
}

/// "Terminate" where nothing was said (PutFunctionRecursionConfig).
pub(super) fn recursion(call: &mut Call) -> Answer {
    let recursive = kept(call, "RecursiveLoop")?.unwrap_or(json!("Terminate"));
    Ok(json!({"RecursiveLoop": recursive}))
}

pub(super) fn put_signing(call: &mut Call) -> Answer {
    let arn = call
        .text("CodeSigningConfigArn")
        .unwrap_or_default()
        .to_owned();
    if call.find(CODE_SIGNING_CONFIG.name, &arn).is_none() {
        let message = format!("The code signing configuration cannot be found: {arn}");
        return Err(Refusal::new("CodeSigningConfigNotFoundException", message).status(404));
    }
    keep(call, "CodeSigningConfigArn", arn.into())?;
    signing(call)
}

pub(super) fn signing(call: &mut Call) -> Answer {
    let function = named(call)?;
    let mut answer = json!({"FunctionName": function.id});
    if let Some(arn) = function.hidden.get("CodeSigningConfigArn") {
        answer["CodeSigningConfigArn"] = arn.clone();
    }
    Ok(answer)
}

pub(super) fn delete_signing(call: &mut Call) -> Answer {
    keep(call, "CodeSigningConfigArn", Json::Null)?;
    Ok(json!({}))
}

pub(super) fn put_scaling(call: &mut Call) -> Answer {
    let config = call.input.get("FunctionScalingConfig").cloned();
    let place = format!("scaling of {}", call.text("Qualifier").unwrap_or_default());
    keep(call, &place, config.unwrap_or(Json::Null))?;
    Ok(json!({"FunctionState": named(call)?.text("State")}))
}

pub(super) fn scaling(call: &mut Call) -> Answer {
    let function = named(call)?;
    let qualifier = call.text("Qualifier").unwrap_or_default();
    let mut answer = json!({"FunctionArn": format!("{}:{qualifier}", function.arn)});
    if let Some(config) = function.hidden.get(&format!("scaling of {qualifier}")) {
        answer["AppliedFunctionScalingConfig"] = config.clone();
        answer["RequestedFunctionScalingConfig"] = config.clone();
    }
    Ok(answer)
}
