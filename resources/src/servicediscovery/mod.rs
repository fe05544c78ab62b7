//! Cloud Map: namespaces and services. What changes a namespace is an operation that takes some time.

pub mod http_namespace;
mod namespace;
pub mod private_dns_namespace;
pub mod public_dns_namespace;
pub mod service;

use std::time::Duration;

use crate::context::Context;
use crate::definition::Definition;
use crate::error::{Error, Result};
use crate::generic::{self, described, repeat};
use crate::loaders::{By, Load};
use serde_json::{Map, Value as Json, json};

/// All namespaces of the region in one call.
pub(crate) static NAMESPACES: Load = Load::of(
    "servicediscovery",
    "ListNamespaces",
    By::All,
    1,
    "Namespaces",
    "Id",
);
/// A list does not tell the namespace of a service that has no records.
pub(crate) static SERVICES: Load = Load {
    gone: &["ServiceNotFound"],
    ..Load::of(
        "servicediscovery",
        "GetService",
        By::One(&["Id"]),
        1,
        "Service",
        "",
    )
};
pub(crate) static ATTRIBUTES: Load = Load {
    gone: &["ServiceNotFound"],
    ..Load::of(
        "servicediscovery",
        "GetServiceAttributes",
        By::One(&["ServiceId"]),
        1,
        "ServiceAttributes",
        "",
    )
};
pub(crate) static TAGS: Load = Load {
    gone: &["ResourceNotFoundException"],
    ..Load::of(
        "servicediscovery",
        "ListTagsForResource",
        By::One(&["ResourceARN"]),
        1,
        "",
        "",
    )
};
static OPERATIONS: Load = Load::of(
    "servicediscovery",
    "GetOperation",
    By::One(&["OperationId"]),
    1,
    "Operation",
    "",
);

/// How long an operation may take: hosted zones take about a minute.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How long a deletion is repeated while instances are being deregistered, or another operation is under way.
const DRAINING: Duration = Duration::from_secs(20 * 60);

/// Makes a call that begins an operation, and waits for its end. Gives the operation.
async fn operate(
    definition: &'static Definition,
    context: &Context,
    operation: &str,
    input: Map<String, Json>,
) -> Result<Json> {
    let answer = generic::write(definition, context, operation, input).await?;
    end(definition, context, operation, &answer).await
}

async fn end(
    definition: &'static Definition,
    context: &Context,
    operation: &str,
    answer: &Json,
) -> Result<Json> {
    let Some(id) = described(answer, "OperationId") else {
        return Err(Error::Answer {
            call: format!("servicediscovery:{operation}"),
            missing: "OperationId".to_owned(),
        });
    };
    let start = context.clock().now();
    let mut pause = Duration::from_secs(1);
    loop {
        let told = generic::items_of(context, &OPERATIONS, id).await?;
        let told = told.into_iter().next().unwrap_or_default();
        match described(&told, "Status") {
            Some("SUCCESS") => return Ok(told),
            Some("FAIL") => {
                let text = |name: &str| described(&told, name).unwrap_or_default().to_owned();
                return Err(Error::Failed(format!(
                    "{}: {operation} failed: {}: {}",
                    definition.type_name,
                    text("ErrorCode"),
                    text("ErrorMessage")
                )));
            }
            _ => {}
        }
        let spent = context.clock().now().duration_since(start);
        if spent.unwrap_or(PATIENCE) >= PATIENCE {
            return Err(Error::Failed(format!(
                "{}: {operation} does not come to an end (operation {id})",
                definition.type_name
            )));
        }
        context.clock().sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
}

/// Deletes a namespace, and waits for the end.
async fn delete(definition: &'static Definition, context: &Context, id: &str) -> Result<()> {
    let busy = |error: &Error| {
        let busy = definition.delete.busy;
        error.code().is_some_and(|code| busy.contains(&code))
    };
    let call = || context.write("servicediscovery", "DeleteNamespace", json!({"Id": id}));
    match repeat(context, DRAINING, busy, call).await {
        Ok(answer) => end(definition, context, "DeleteNamespace", &answer)
            .await
            .map(|_| ()),
        Err(error) if error.code() == Some("NamespaceNotFound") => Ok(()),
        Err(error) => Err(error),
    }
}
