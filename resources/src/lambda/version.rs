//! `AWS::Lambda::Version`: a function as it is now, for good.

use async_trait::async_trait;

use super::{
    PROPAGATION, PROVISIONED, RUNTIME_MANAGEMENT_OF_VERSIONS, SCALING, VERSIONS, VERSIONS_OF,
    status,
};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;

/// `AWS::Lambda::Version`.
pub struct Version;

static DEFINITION: Definition = Definition {
    create: Create {
        // Provisioned concurrency is for versions that are active.
        settles: true,
        ..Create::of("PublishVersion", "")
    },
    reads: &[
        Read {
            key: Key::Made(function_and_version),
            ..Read::of(&VERSIONS)
        },
        Read {
            key: Key::Made(function_and_version),
            only_for: &["ProvisionedConcurrencyConfig"],
            select: Some(provisioned),
            into: "ProvisionedConcurrencyConfig",
            ..Read::of(&PROVISIONED)
        },
        Read {
            key: Key::Made(function_and_version),
            only_for: &["RuntimePolicy"],
            into: "RuntimePolicy",
            ..Read::of(&RUNTIME_MANAGEMENT_OF_VERSIONS)
        },
        Read {
            key: Key::Made(function_and_version),
            only_for: &["FunctionScalingConfig"],
            select: Some(scaling),
            into: "FunctionScalingConfig",
            ..Read::of(&SCALING)
        },
    ],
    updates: &[
        Change {
            takes: &["ProvisionedConcurrencyConfig"],
            mode: Mode::Step(provision),
            ..Change::of("PutProvisionedConcurrencyConfig", &[])
        },
        Change {
            takes: &["RuntimePolicy"],
            mode: Mode::Step(runtime_policy),
            ..Change::of("PutRuntimeManagementConfig", &[])
        },
        Change {
            takes: &["FunctionScalingConfig"],
            mode: Mode::Step(scale),
            ..Change::of("PutFunctionScalingConfig", &[])
        },
    ],
    delete: Delete {
        // An alias that moves away points to it still: "because the following aliases reference it".
        busy: &["ResourceConflictException"],
        ..Delete::of("DeleteFunction", &[], &["ResourceNotFoundException"])
    },
    find: Find::Search(search),
    status,
    propagation: PROPAGATION,
    needs: &[Need {
        property: "FunctionName",
        reason: "a version is published of a function whose last update is done (Lambda developer guide, \"Lambda function states\")",
    }],
    patience: std::time::Duration::from_secs(20 * 60),
    ..Definition::new("AWS::Lambda::Version", "lambda")
};

#[async_trait]
impl Resource for Version {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    /// PublishVersion answers with the last version where nothing has changed since, whoever's that is: looked at before, it
    /// is refused as CloudFormation refuses it.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        if let Some(version) = published(context, function(desired)).await? {
            let number = described(&version, "Version")
                .unwrap_or_default()
                .to_owned();
            return Err(Error::Failed(format!(
                "the function's code and configuration are those of its version {number}, so that Lambda publishes no other one: \
                 change the function, or take this version out of the template (AWS::Lambda::Version)"
            )));
        }
        generic::create(&DEFINITION, context, desired, incarnation).await
    }

    /// The version alone: without its number the call would delete the function.
    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let (function, version) = split(id)?;
        let input = json!({"FunctionName": function, "Qualifier": version});
        let Json::Object(input) = input else {
            return Ok(());
        };
        generic::delete_with(&DEFINITION, context, "DeleteFunction", input).await
    }
}

fn function(desired: &Value) -> &str {
    desired
        .get("FunctionName")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// `arn:…:function:name:7` as the function's ARN and `7`.
fn split(id: &PhysicalId) -> Result<(&str, &str)> {
    id.as_str()
        .rsplit_once(':')
        .filter(|(_, version)| {
            !version.is_empty() && version.chars().all(|char| char.is_ascii_digit())
        })
        .ok_or_else(|| {
            Error::Failed(format!(
                "{id} is not the ARN of a version of a Lambda function"
            ))
        })
}

fn function_and_version(id: &PhysicalId) -> Option<String> {
    let (function, version) = split(id).ok()?;
    Some(format!("{function}|{version}"))
}

fn provisioned(answer: &Json, _: &PhysicalId) -> Option<Json> {
    let asked = look(answer, "RequestedProvisionedConcurrentExecutions")?;
    Some(json!({"ProvisionedConcurrentExecutions": asked}))
}

fn scaling(answer: &Json, _: &PhysicalId) -> Option<Json> {
    look(answer, "RequestedFunctionScalingConfig")
}

/// What differs between a version and its function although both are the same code and configuration.
const OWN: &[&str] = &[
    "Description",
    "FunctionArn",
    "LastModified",
    "LastUpdateStatus",
    "LastUpdateStatusReason",
    "LastUpdateStatusReasonCode",
    "RevisionId",
    "RuntimeVersionConfig",
    "SnapStart",
    "State",
    "StateReason",
    "StateReasonCode",
    "Version",
];

/// The last version, where it is what the function is now.
async fn published(context: &Context, function: &str) -> Result<Option<Json>> {
    let all = generic::items_of(context, &VERSIONS_OF, function).await?;
    let number = |version: &Json| described(version, "Version")?.parse::<u64>().ok();
    let Some(last) = all
        .iter()
        .filter(|version| number(version).is_some())
        .max_by_key(|version| number(version))
    else {
        return Ok(None);
    };
    let latest = all
        .iter()
        .find(|version| described(version, "Version") == Some("$LATEST"));
    let compared = |version: &Json| {
        let mut members = version.as_object().cloned().unwrap_or_default();
        members.retain(|name, value| !OWN.contains(&name.as_str()) && !value.is_null());
        members
    };
    let same = latest.is_some_and(|latest| compared(latest) == compared(last));
    Ok(same.then(|| last.clone()))
}

/// Versions have no tags: one that is what the function is now was not there before the call, which looks first.
fn search<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let version = published(context, function(desired)).await?;
        Ok(version
            .as_ref()
            .and_then(|version| described(version, "FunctionArn"))
            .map(PhysicalId::from))
    })
}

async fn put(
    context: &Context,
    id: &PhysicalId,
    operation: &str,
    mut input: Map<String, Json>,
) -> Result<()> {
    let (function, version) = split(id)?;
    input.insert("FunctionName".to_owned(), function.into());
    input.insert("Qualifier".to_owned(), version.into());
    generic::write(&DEFINITION, context, operation, input)
        .await
        .map(|_| ())
}

/// A property as it shall be, under the call's names.
fn wanted(update: &Update<'_>, name: &str) -> Result<Option<Map<String, Json>>> {
    match update.desired.get(name) {
        Some(value) if *value != Value::Null => match value.expose_json() {
            Some(Json::Object(members)) => Ok(Some(members)),
            _ => Err(Error::Unknown(format!("AWS::Lambda::Version {name}"))),
        },
        _ => Ok(None),
    }
}

/// Texts as numbers where the call takes numbers.
fn numbers(members: Map<String, Json>) -> Map<String, Json> {
    let number = |value: Json| match value
        .as_str()
        .and_then(|text| text.trim().parse::<i64>().ok())
    {
        Some(number) => number.into(),
        None => value,
    };
    members
        .into_iter()
        .map(|(name, value)| (name, number(value)))
        .collect()
}

fn provision<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        match wanted(update, "ProvisionedConcurrencyConfig")? {
            Some(config) => {
                put(
                    context,
                    id,
                    "PutProvisionedConcurrencyConfig",
                    numbers(config),
                )
                .await
            }
            None => {
                put(
                    context,
                    id,
                    "DeleteProvisionedConcurrencyConfig",
                    Map::new(),
                )
                .await
            }
        }
    })
}

fn runtime_policy<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        // "Auto" is what a version has of itself (API_PutRuntimeManagementConfig).
        let automatic = || Map::from_iter([("UpdateRuntimeOn".to_owned(), "Auto".into())]);
        let policy = wanted(update, "RuntimePolicy")?.unwrap_or_else(automatic);
        put(context, id, "PutRuntimeManagementConfig", policy).await
    })
}

fn scale<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let mut input = Map::new();
        // Left out, Lambda's own scaling holds again (API_PutFunctionScalingConfig).
        if let Some(config) = wanted(update, "FunctionScalingConfig")? {
            input.insert(
                "FunctionScalingConfig".to_owned(),
                Json::Object(numbers(config)),
            );
        }
        put(context, id, "PutFunctionScalingConfig", input).await
    })
}
