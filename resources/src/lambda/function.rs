//! `AWS::Lambda::Function`: code, how it runs and as whom.

use async_trait::async_trait;

use super::{
    CODE_SIGNING, FUNCTIONS, PROPAGATION, RECURSION, RUNTIME_MANAGEMENT, SCALING, code, settled,
    status,
};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::Lambda::Function`.
pub struct Function;

/// What UpdateFunctionConfiguration takes.
const CONFIGURATION: &[&str] = &[
    "CapacityProviderConfig",
    "DeadLetterConfig",
    "Description",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "ImageConfig",
    "KmsKeyArn",
    "Layers",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "SnapStart",
    "Timeout",
    "TracingConfig",
    "VpcConfig",
];

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["Code"],
        // Until a function is active Lambda refuses to change it (Lambda developer guide, "Lambda function states").
        settles: true,
        ..Create::of("CreateFunction", "")
    },
    reads: &[
        Read {
            select: Some(configuration),
            ..Read::of(&FUNCTIONS)
        },
        Read {
            only_for: &["RuntimeManagementConfig"],
            into: "RuntimeManagementConfig",
            ..Read::of(&RUNTIME_MANAGEMENT)
        },
        Read {
            only_for: &["RecursiveLoop"],
            ..Read::of(&RECURSION)
        },
        Read {
            only_for: &["CodeSigningConfigArn"],
            select: Some(signing),
            ..Read::of(&CODE_SIGNING)
        },
        Read {
            only_for: &["FunctionScalingConfig"],
            key: Key::Made(latest_published),
            select: Some(scaling),
            into: "FunctionScalingConfig",
            ..Read::of(&SCALING)
        },
    ],
    updates: &[
        Change {
            takes: &["Code", "Architectures"],
            mode: Mode::Step(new_code),
            ..Change::of("UpdateFunctionCode", &["FunctionName"])
        },
        Change {
            takes: CONFIGURATION,
            mode: Mode::Step(new_configuration),
            ..Change::of("UpdateFunctionConfiguration", &["FunctionName"])
        },
        Change {
            takes: &["ReservedConcurrentExecutions"],
            mode: Mode::Step(concurrency),
            ..Change::of("PutFunctionConcurrency", &["FunctionName"])
        },
        Change {
            takes: &["CodeSigningConfigArn"],
            mode: Mode::Step(code_signing),
            ..Change::of("PutFunctionCodeSigningConfig", &["FunctionName"])
        },
        Change {
            takes: &["RuntimeManagementConfig"],
            mode: Mode::Step(runtime_management),
            ..Change::of("PutRuntimeManagementConfig", &["FunctionName"])
        },
        Change::of("PutFunctionRecursionConfig", &["FunctionName"]),
        Change {
            // Managed instances run published versions alone; a function's own configuration is that of `$LATEST.PUBLISHED`
            // (API_PutFunctionScalingConfig, Qualifier).
            fixed: &[("Qualifier", Fixed::Text(LATEST_PUBLISHED))],
            ..Change::of("PutFunctionScalingConfig", &["FunctionName"])
        },
        // It acts in the calls that bring code.
        Change::elsewhere(&["PublishToLatestPublished"]),
    ],
    delete: Delete {
        // An update is under way still.
        busy: &["ResourceConflictException"],
        ..Delete::of(
            "DeleteFunction",
            &["FunctionName"],
            &["ResourceNotFoundException"],
        )
    },
    find: Find::Key(&["FunctionName"]),
    rules: &[
        Rule::Told("Arn", "FunctionArn"),
        Rule::Computed("Layers", |function| look(function, "Layers.*.Arn")),
        Rule::Told("ImageConfig", "ImageConfigResponse.ImageConfig"),
        Rule::Told("SnapStartResponse", "SnapStart"),
        // What was asked for is told as what became of it.
        Rule::Computed("SnapStart", |_| None),
        Rule::Sent("SnapStart", "SnapStart"),
        // The answer's `Code` says where the package lies, by a signed URL: no part of the model.
        Rule::Computed("Code", |_| None),
        Rule::Sent("Code", "Code"),
        Rule::Computed("PublishToLatestPublished", |_| None),
    ],
    tags: Tags::Member,
    // "[a-zA-Z0-9-_]+", 64 characters (API_CreateFunction).
    name: Some(Name {
        also: "_",
        ..Name::of("FunctionName", 64)
    }),
    status,
    propagation: PROPAGATION,
    after: &[After {
        type_name: "AWS::EFS::MountTarget",
        mine: "FileSystemConfigs.*.Arn>FileSystemId",
        theirs: "FileSystemId",
        milestone: Milestone::Ready,
        reason: "the file system must have a mount target in the function's zones that is available (AWS::Lambda::Function \
                 FileSystemConfig: \"you must also specify a DependsOn attribute\")",
    }],
    unique: &[&["FunctionName"]],
    // API_CreateFunction; the runtime's own handling of recursion: API_PutFunctionRecursionConfig; updates of the runtime:
    // API_PutRuntimeManagementConfig, "Auto (default)".
    resets: &[
        ("Architectures", "[\"x86_64\"]"),
        ("DeadLetterConfig", "{\"TargetArn\":\"\"}"),
        ("Description", "\"\""),
        ("Environment", "{\"Variables\":{}}"),
        ("EphemeralStorage", "{\"Size\":512}"),
        ("FileSystemConfigs", "[]"),
        ("ImageConfig", "{}"),
        ("KmsKeyArn", "\"\""),
        ("Layers", "[]"),
        ("LoggingConfig", "{\"LogFormat\":\"Text\"}"),
        ("MemorySize", "128"),
        ("RecursiveLoop", "\"Terminate\""),
        ("RuntimeManagementConfig", "{\"UpdateRuntimeOn\":\"Auto\"}"),
        ("SnapStart", "{\"ApplyOn\":\"None\"}"),
        ("Timeout", "3"),
        ("TracingConfig", "{\"Mode\":\"PassThrough\"}"),
        ("VpcConfig", "{\"SubnetIds\":[],\"SecurityGroupIds\":[]}"),
    ],
    // Lambda keeps the old values until the change is made, which in a VPC takes minutes.
    patience: std::time::Duration::from_secs(20 * 60),
    ..Definition::new("AWS::Lambda::Function", "lambda")
};

#[async_trait]
impl Resource for Function {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let mut more = Map::from_iter([("Code".to_owned(), Json::Object(packaged(desired)?))]);
        if flag(desired, "PublishToLatestPublished") {
            more.insert("PublishTo".to_owned(), "LATEST_PUBLISHED".into());
            more.insert("Publish".to_owned(), true.into());
        }
        generic::create_with(&DEFINITION, context, desired, incarnation, more).await
    }

    /// One change at a time: Lambda refuses the next one until the one before is carried out.
    async fn update(&self, context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
        generic::update(&DEFINITION, context, id, update).await?;
        settled(context, id.as_str()).await
    }
}

const LATEST_PUBLISHED: &str = "$LATEST.PUBLISHED";

fn latest_published(id: &PhysicalId) -> Option<String> {
    Some(format!("{}|{LATEST_PUBLISHED}", id.as_str()))
}

/// GetFunction's answer as one description.
fn configuration(answer: &Json, _: &PhysicalId) -> Option<Json> {
    let mut function = answer.get("Configuration")?.as_object()?.clone();
    let tags = answer.get("Tags").and_then(Json::as_object);
    let pairs = tags
        .into_iter()
        .flatten()
        .map(|(key, value)| json!({"Key": key, "Value": value}));
    function.insert("Tags".to_owned(), pairs.collect());
    if let Some(reserved) = look(answer, "Concurrency.ReservedConcurrentExecutions") {
        function.insert("ReservedConcurrentExecutions".to_owned(), reserved);
    }
    Some(Json::Object(function))
}

/// Without one the ARN is left out.
fn signing(answer: &Json, _: &PhysicalId) -> Option<Json> {
    let arn = described(answer, "CodeSigningConfigArn").filter(|arn| !arn.is_empty())?;
    Some(json!({"CodeSigningConfigArn": arn}))
}

fn scaling(answer: &Json, _: &PhysicalId) -> Option<Json> {
    look(answer, "RequestedFunctionScalingConfig")
}

fn packaged(desired: &Value) -> Result<Map<String, Json>> {
    let shown = |name: &str| -> Result<Json> {
        match desired.get(name) {
            None => Ok(Json::Null),
            Some(value) => value
                .expose_json()
                .ok_or_else(|| Error::Unknown(format!("AWS::Lambda::Function {name}"))),
        }
    };
    let runtime = shown("Runtime")?;
    code::package(&shown("Code")?, runtime.as_str().unwrap_or_default())
}

/// `true` and `"true"`.
fn flag(desired: &Value, name: &str) -> bool {
    let text = desired.get(name).and_then(Value::to_text);
    text.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// A property as it shall be, or what it goes back to.
fn wanted(update: &Update<'_>, name: &str) -> Result<Option<Json>> {
    match update.desired.get(name) {
        Some(value) if *value != Value::Null => value
            .expose_json()
            .map(Some)
            .ok_or_else(|| Error::Unknown(format!("AWS::Lambda::Function {name}"))),
        _ => {
            let reset = DEFINITION
                .resets
                .iter()
                .find(|(property, _)| *property == name);
            // The table's texts are JSON: a test of all tables reads them.
            Ok(reset.and_then(|(_, text)| serde_json::from_str(text).ok()))
        }
    }
}

async fn call(
    context: &Context,
    id: &PhysicalId,
    operation: &str,
    mut input: Map<String, Json>,
) -> Result<()> {
    input.insert("FunctionName".to_owned(), id.as_str().into());
    generic::write(&DEFINITION, context, operation, input)
        .await
        .map(|_| ())
}

fn new_code<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        // The call takes the code's members beside its own.
        let mut input = packaged(update.desired)?;
        if let Some(architectures) = wanted(update, "Architectures")? {
            input.insert("Architectures".to_owned(), architectures);
        }
        if flag(update.desired, "PublishToLatestPublished") {
            input.insert("PublishTo".to_owned(), "LATEST_PUBLISHED".into());
            input.insert("Publish".to_owned(), true.into());
        }
        settled_or_failed_before(context, id).await?;
        call(context, id, "UpdateFunctionCode", input).await?;
        settled(context, id.as_str()).await
    })
}

fn new_configuration<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let mut properties = Map::new();
        for name in CONFIGURATION.iter().filter(|name| update.touches(name)) {
            if let Some(value) = wanted(update, name)? {
                properties.insert((*name).to_owned(), value);
            }
        }
        let input = generic::input(&DEFINITION, "UpdateFunctionConfiguration", &properties)?;
        settled_or_failed_before(context, id).await?;
        call(context, id, "UpdateFunctionConfiguration", input).await?;
        settled(context, id.as_str()).await
    })
}

/// Waits for a change that is under way. That an earlier one failed is what this one is to mend.
async fn settled_or_failed_before(context: &Context, id: &PhysicalId) -> Result<()> {
    match settled(context, id.as_str()).await {
        Err(Error::Failed(_)) => Ok(()),
        done => done,
    }
}

fn concurrency<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        match wanted(update, "ReservedConcurrentExecutions")? {
            Some(reserved) => {
                let properties =
                    Map::from_iter([("ReservedConcurrentExecutions".to_owned(), reserved)]);
                let input = generic::input(&DEFINITION, "PutFunctionConcurrency", &properties)?;
                call(context, id, "PutFunctionConcurrency", input).await
            }
            None => call(context, id, "DeleteFunctionConcurrency", Map::new()).await,
        }
    })
}

fn code_signing<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        match wanted(update, "CodeSigningConfigArn")? {
            Some(arn) => {
                let input = Map::from_iter([("CodeSigningConfigArn".to_owned(), arn)]);
                call(context, id, "PutFunctionCodeSigningConfig", input).await
            }
            None => call(context, id, "DeleteFunctionCodeSigningConfig", Map::new()).await,
        }
    })
}

fn runtime_management<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let config = wanted(update, "RuntimeManagementConfig")?;
        let input = config.and_then(|config| config.as_object().cloned());
        call(
            context,
            id,
            "PutRuntimeManagementConfig",
            input.unwrap_or_default(),
        )
        .await
    })
}
