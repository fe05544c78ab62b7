//! Lambda: functions, who may invoke them, and their versions.

mod code;
pub mod function;
pub mod permission;
pub mod version;

use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::error::{Error, Result};
use crate::generic::described;
use crate::loaders::{By, Load};
use crate::resource::Status;

const fn of(
    operation: &'static str,
    members: &'static [&'static str],
    gone: &'static [&'static str],
) -> Load {
    Load {
        gone,
        ..Load::of("lambda", operation, By::One(members), 1, "", "")
    }
}

const UNKNOWN: &[&str] = &["ResourceNotFoundException"];

/// One function with its tags and its reserved concurrency. ListFunctions tells neither, nor how far a function has come
/// (API_ListFunctions: "a subset of the FunctionConfiguration fields").
pub(crate) static FUNCTIONS: Load = of("GetFunction", &["FunctionName"], UNKNOWN);
/// One version's configuration.
pub(crate) static VERSIONS: Load = of(
    "GetFunctionConfiguration",
    &["FunctionName", "Qualifier"],
    UNKNOWN,
);
/// All versions of a function, `$LATEST` first.
pub(crate) static VERSIONS_OF: Load = Load {
    gone: UNKNOWN,
    ..Load::of(
        "lambda",
        "ListVersionsByFunction",
        By::One(&["FunctionName"]),
        1,
        "Versions",
        "",
    )
};
pub(crate) static POLICIES: Load = of("GetPolicy", &["FunctionName"], UNKNOWN);
pub(crate) static RUNTIME_MANAGEMENT: Load =
    of("GetRuntimeManagementConfig", &["FunctionName"], UNKNOWN);
pub(crate) static RUNTIME_MANAGEMENT_OF_VERSIONS: Load = of(
    "GetRuntimeManagementConfig",
    &["FunctionName", "Qualifier"],
    UNKNOWN,
);
pub(crate) static RECURSION: Load = of("GetFunctionRecursionConfig", &["FunctionName"], UNKNOWN);
pub(crate) static CODE_SIGNING: Load =
    of("GetFunctionCodeSigningConfig", &["FunctionName"], UNKNOWN);
pub(crate) static SCALING: Load = of(
    "GetFunctionScalingConfig",
    &["FunctionName", "Qualifier"],
    UNKNOWN,
);
pub(crate) static PROVISIONED: Load = of(
    "GetProvisionedConcurrencyConfig",
    &["FunctionName", "Qualifier"],
    &[
        "ResourceNotFoundException",
        "ProvisionedConcurrencyConfigNotFoundException",
    ],
);

/// The code and part of the message of answers that only mean that something is not known everywhere yet, or that another change
/// of the function is under way (Lambda developer guide, "Lambda function states": "the update fails").
pub(crate) const PROPAGATION: &[(&str, &str)] = &[
    (
        "InvalidParameterValueException",
        "cannot be assumed by Lambda",
    ),
    (
        "InvalidParameterValueException",
        "execution role does not have permissions",
    ),
    (
        "InvalidParameterValueException",
        "KMS key is invalid for CreateGrant",
    ),
    ("ResourceConflictException", "in progress"),
    (
        "ResourceConflictException",
        "is currently in the following state",
    ),
    ("ResourceConflictException", "concurrent update"),
];

/// Pending | Active | Inactive | Failed … and, of the last update, InProgress | Successful | Failed (Lambda developer guide,
/// "Lambda function states"). An update that failed leaves the function as it was, which works.
pub(crate) fn status(description: &Json) -> Status {
    let reason = || {
        let text = |name| described(description, name).unwrap_or_default().to_owned();
        format!("{}: {}", text("StateReasonCode"), text("StateReason"))
    };
    match (
        described(description, "State"),
        described(description, "LastUpdateStatus"),
    ) {
        (Some("Failed"), _) => Status::Failed(reason()),
        (Some("Pending"), _) | (_, Some("InProgress")) => Status::Pending,
        _ => Status::Ready,
    }
}

/// How long a change of a function may take: one in a VPC gets new network interfaces first ("can take several minutes": Lambda
/// developer guide, "Giving Lambda functions access to resources in an Amazon VPC").
const CHANGING: Duration = Duration::from_secs(20 * 60);

/// Waits until no change of the function is under way: until then Lambda refuses the next one.
///
/// # Errors
/// AWS's reason where the change failed.
pub(crate) async fn settled(context: &Context, function: &str) -> Result<()> {
    let start = context.clock().now();
    let mut pause = Duration::from_secs(1);
    loop {
        let input = json!({"FunctionName": function});
        let told = context
            .read("lambda", "GetFunctionConfiguration", input)
            .await?;
        let text = |name: &str| described(&told, name).unwrap_or_default().to_owned();
        if text("LastUpdateStatus") == "Failed" {
            return Err(Error::Failed(format!(
                "Lambda could not carry out the change of {function}: {}: {}",
                text("LastUpdateStatusReasonCode"),
                text("LastUpdateStatusReason")
            )));
        }
        match status(&told) {
            Status::Pending => {}
            Status::Failed(reason) => return Err(Error::Failed(reason)),
            Status::Ready | Status::Deploying | Status::Gone => return Ok(()),
        }
        let spent = context.clock().now().duration_since(start);
        if spent.unwrap_or(CHANGING) >= CHANGING {
            return Err(Error::Failed(format!(
                "{function} does not become ready: {}",
                text("LastUpdateStatusReason")
            )));
        }
        context.clock().sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}
