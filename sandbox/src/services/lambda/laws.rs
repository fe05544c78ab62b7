//! What Lambda refuses.

use super::{functions, named, versions};
use crate::call::Call;
use crate::error::Fault;
use crate::law::Law;
use crate::path;
use serde_json::{Map, Value as Json};

const CREATE: &str = "Lambda API Reference, CreateFunction";

/// The runtime acts as a role.
pub(super) const ROLE: Law = Law {
    name: "a function's role lets Lambda assume it, and is known everywhere",
    operations: &["CreateFunction", "UpdateFunctionConfiguration"],
    source: "AWS re:Post, \"The role defined for the function cannot be assumed by Lambda\"; IAM User Guide, Troubleshoot IAM: eventual consistency",
    fault: Fault::new(
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    ),
    check: Some(|call, law| match call.text("Role") {
        Some(role)
            if !crate::services::iam::role_is_assumable(call, role, "lambda.amazonaws.com") =>
        {
            Err(law.fault.with(&[]))
        }
        _ => Ok(()),
    }),
};

/// One change at a time.
pub(super) const SETTLED: Law = Law {
    name: "a function is changed, published and invoked when no change of it is under way",
    operations: &[
        "UpdateFunctionCode",
        "UpdateFunctionConfiguration",
        "PublishVersion",
        "Invoke",
    ],
    source: "Lambda Developer Guide, Lambda function states: while the function is in the Pending state, other API actions return an error; LastUpdateStatus InProgress",
    fault: Fault::new("ResourceConflictException", "{message}"),
    check: Some(|call, law| {
        let Ok(function) = named(call) else {
            return Ok(());
        };
        let message = if function.is("State", "Pending") {
            "The operation cannot be performed at this time. The function is currently in the following state: Pending".to_owned()
        } else if function.is("LastUpdateStatus", "InProgress") && call.operation != "Invoke" {
            format!(
                "The operation cannot be performed at this time. An update is in progress for resource: {}",
                function.arn
            )
        } else {
            return Ok(());
        };
        Err(law.fault.with(&[("message", &message)]))
    }),
};

/// The code comes from one place.
pub(super) const SOURCE: Law = Law {
    name: "code comes as a zip file, from a bucket or as an image, in one way",
    operations: &["CreateFunction", "UpdateFunctionCode"],
    source: "Lambda API Reference, FunctionCode",
    fault: Fault::new(
        "InvalidParameterValueException",
        "Please provide a source for function code.",
    ),
    check: Some(|call, law| {
        let code = code_of(call);
        let given = ["ZipFile", "S3Bucket", "ImageUri"];
        let count = given
            .iter()
            .filter(|name| code.contains_key(**name))
            .count();
        if count != 1 || code.contains_key("S3Bucket") != code.contains_key("S3Key") {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// The members that bring code: those of `Code`, or the request's own.
pub(super) fn code_of<'a>(call: &'a Call) -> &'a Map<String, Json> {
    match call.input.get("Code") {
        Some(Json::Object(code)) => code,
        _ => &call.input,
    }
}

/// Images have their entry point in themselves.
pub(super) const PACKAGE: Law = Law {
    name: "a deployment package has a runtime and a handler, an image has neither, and a function keeps its kind",
    operations: &["CreateFunction", "UpdateFunctionCode"],
    source: CREATE,
    fault: Fault::new("InvalidParameterValueException", "{message}"),
    check: Some(|call, law| {
        let said = |message: &str| Err(law.fault.with(&[("message", message)]));
        let by_image = code_of(call).contains_key("ImageUri");
        if call.operation == "UpdateFunctionCode" {
            let image = named(call).is_ok_and(|function| function.is("PackageType", "Image"));
            return match (image, by_image) {
                (false, true) => said(
                    "Please do not provide ImageUri when updating a function with packageType Zip.",
                ),
                (true, false) => {
                    said("Please provide ImageUri when updating a function with packageType Image.")
                }
                _ => Ok(()),
            };
        }
        let image = call.text("PackageType") == Some("Image");
        let given = |name: &str| call.input.contains_key(name);
        if image && (given("Handler") || given("Runtime") || given("Layers")) {
            return said(
                "Please don't provide Handler or Runtime or Layer when the intent is to create a function with PackageType Image",
            );
        }
        if image != by_image {
            return said(
                "Please provide ImageUri when the intent is to create a function with PackageType Image, and only then",
            );
        }
        if !image && (!given("Handler") || !given("Runtime")) {
            return said(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            );
        }
        Ok(())
    }),
};

/// What is named in a bucket lies there. Checked where the code is taken.
pub(super) const STORED: Law = Law {
    name: "code in a bucket is there",
    operations: &["CreateFunction", "UpdateFunctionCode"],
    source: "Lambda Developer Guide, Troubleshoot deployment issues in Lambda: Error occurred while GetObject",
    fault: Fault::new(
        "InvalidParameterValueException",
        "Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}",
    ),
    check: None,
};

/// A zip file is one. Checked where the code is taken.
pub(super) const ARCHIVE: Law = Law {
    name: "a deployment package is a zip archive",
    operations: &["CreateFunction", "UpdateFunctionCode"],
    source: "Lambda Developer Guide, Troubleshoot deployment issues in Lambda: Could not unzip uploaded file",
    fault: Fault::new(
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
    ),
    check: None,
};

/// All variables together.
pub(super) const ENVIRONMENT_SIZE: Law = Law {
    name: "environment variables have 4 KB together",
    operations: &["CreateFunction", "UpdateFunctionConfiguration"],
    source: "Lambda Developer Guide, Lambda quotas: Function environment variables, 4 KB, for all environment variables associated with the function, in aggregate",
    fault: Fault::new(
        "InvalidParameterValueException",
        "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: {text}",
    ),
    check: Some(|call, law| {
        let text = path::canonical(&Json::Object(variables(call)));
        match text.len() > 4_096 {
            true => Err(law.fault.with(&[("text", &text)])),
            false => Ok(()),
        }
    }),
};

fn variables(call: &Call) -> Map<String, Json> {
    let environment = call.input.get("Environment");
    let variables = environment.and_then(|environment| environment.get("Variables"));
    variables
        .and_then(Json::as_object)
        .cloned()
        .unwrap_or_default()
}

/// Lambda's own.
const RESERVED: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

/// Names that Lambda sets.
pub(super) const RESERVED_NAMES: Law = Law {
    name: "environment variables that Lambda sets cannot be set",
    operations: &["CreateFunction", "UpdateFunctionConfiguration"],
    source: "Lambda Developer Guide, Working with Lambda environment variables: Reserved environment variables",
    fault: Fault::new(
        "InvalidParameterValueException",
        "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {names}",
    ),
    check: Some(|call, law| {
        let used: Vec<String> = variables(call)
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| RESERVED.contains(&name.as_str()))
            .collect();
        match used.is_empty() {
            true => Ok(()),
            false => Err(law.fault.with(&[("names", &used.join(", "))])),
        }
    }),
};

/// Both or none.
pub(super) const NETWORK: Law = Law {
    name: "a function in a VPC has subnets and security groups of one VPC",
    operations: &["CreateFunction", "UpdateFunctionConfiguration"],
    source: "Lambda API Reference, VpcConfig; Lambda Developer Guide, Giving Lambda functions access to resources in an Amazon VPC",
    fault: Fault::new("InvalidParameterValueException", "{message}"),
    check: Some(|call, law| {
        let said = |message: &str| Err(law.fault.with(&[("message", message)]));
        let subnets = call.texts("VpcConfig.SubnetIds[]");
        let groups = call.texts("VpcConfig.SecurityGroupIds[]");
        if subnets.is_empty() != groups.is_empty() {
            return said("SubnetIds and SecurityIds must coexist or be both empty list.");
        }
        let of =
            |kind: &str, id: &String| call.find(kind, id).map(|it| it.text("VpcId").to_owned());
        let vpcs = subnets
            .iter()
            .filter_map(|id| of("ec2/subnet", id))
            .chain(groups.iter().filter_map(|id| of("ec2/security-group", id)));
        let vpcs: std::collections::BTreeSet<String> = vpcs.collect();
        if vpcs.len() > 1 {
            return said("Security Groups are required to be in the same VPC as the subnets.");
        }
        Ok(())
    }),
};

/// What a region may run at once, and what must stay for functions without a reservation.
const CONCURRENT: i64 = 1_000;
const UNRESERVED_AT_LEAST: i64 = 100;

/// Something stays for the others.
pub(super) const UNRESERVED: Law = Law {
    name: "100 concurrent executions stay unreserved",
    operations: &["PutFunctionConcurrency"],
    source: "Lambda API Reference, PutFunctionConcurrency: as long as you leave at least 100 simultaneous executions unreserved for functions that aren't configured with a per-function limit",
    fault: Fault::new(
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].",
    ),
    check: Some(|call, law| {
        let reserved = |value: Option<&Json>| value.and_then(Json::as_i64).unwrap_or_default();
        let own = named(call)
            .map(|function| function.id.clone())
            .unwrap_or_default();
        let others = call
            .list(functions::FUNCTION.name)
            .filter(|other| other.id != own);
        let others: i64 = others
            .map(|other| reserved(other.hidden.get("ReservedConcurrentExecutions")))
            .sum();
        let asked = reserved(call.input.get("ReservedConcurrentExecutions"));
        match others + asked > CONCURRENT - UNRESERVED_AT_LEAST {
            true => Err(law.fault.with(&[])),
            false => Ok(()),
        }
    }),
};

/// The code that is meant.
pub(super) const PUBLISHED_CODE: Law = Law {
    name: "a version is published of the code that the request names",
    operations: &["PublishVersion"],
    source: "Lambda API Reference, PublishVersion, CodeSha256: only publish a version if the hash value matches the value that's specified",
    fault: Fault::new(
        "InvalidParameterValueException",
        "CodeSHA256 ({given}) is different from current CodeSHA256 in $LATEST ({now}). Please try again with the CodeSHA256 in $LATEST.",
    ),
    check: Some(|call, law| {
        let (Some(given), Ok(function)) = (call.text("CodeSha256"), named(call)) else {
            return Ok(());
        };
        match given.is_empty() || function.is("CodeSha256", given) {
            true => Ok(()),
            false => Err(law
                .fault
                .with(&[("given", given), ("now", function.text("CodeSha256"))])),
        }
    }),
};

/// Not for what changes.
pub(super) const PROVISIONED_VERSION: Law = Law {
    name: "concurrency is provisioned for versions and aliases",
    operations: &["PutProvisionedConcurrencyConfig"],
    source: "Lambda Developer Guide, Configuring provisioned concurrency: you can't use provisioned concurrency with $LATEST",
    fault: Fault::new(
        "InvalidParameterValueException",
        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
    ),
    check: Some(|call, law| {
        let qualifier = call.text("Qualifier").unwrap_or_default();
        match qualifier == "$LATEST" {
            true => Err(law.fault.with(&[])),
            false => Ok(()),
        }
    }),
};

/// The members of a function that a version keeps.
pub(super) fn configuration(body: &Map<String, Json>) -> Map<String, Json> {
    let mut kept = body.clone();
    for own in versions::OWN {
        kept.remove(*own);
    }
    kept
}
