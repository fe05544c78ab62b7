//! Create, read, update, delete and find as a [`Definition`] describes them.

mod create;
mod delete;
mod find;
mod read;
mod types;
mod update;

pub use create::{create, create_with, taken};
pub use delete::{delete, delete_with};
pub use find::{find, if_ours};
pub use read::{description, read, together};
pub(crate) use types::Type;
pub use update::{complete, update};

use std::time::Duration;

use payctl_model::PhysicalId;
use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::definition::Definition;
use crate::error::{Error, Result};
use crate::loaders::{Load, load};
use crate::mapping::{look, member};
use crate::resource::Observed;

/// How long a call is repeated while AWS has not yet spread what it depends on (IAM: "usually seconds"; minutes happen).
const PROPAGATION: Duration = Duration::from_secs(180);
/// Makes a mutating call; repeats it while AWS answers with one of the type's propagation errors.
pub async fn write(
    definition: &Definition,
    context: &Context,
    operation: &str,
    input: Map<String, Json>,
) -> Result<Json> {
    write_checked(definition, context, operation, input, |_| Ok(())).await
}

/// The same for calls whose answer says what went wrong although it is an answer of success.
pub async fn write_checked(
    definition: &Definition,
    context: &Context,
    operation: &str,
    input: Map<String, Json>,
    check: impl Fn(&Json) -> Result<()>,
) -> Result<Json> {
    let transient = |error: &Error| {
        let Some(error) = error.aws() else {
            return false;
        };
        definition
            .propagation
            .iter()
            .any(|(code, part)| error.code == *code && error.message.contains(part))
    };
    let check = &check;
    repeat(context, PROPAGATION, transient, || {
        let call = context.write(definition.service, operation, Json::Object(input.clone()));
        async move {
            let answer = call.await?;
            check(&answer)?;
            Ok(answer)
        }
    })
    .await
}

/// Repeats a call while its error is a passing one, with growing pauses, until one fails that was sent `limit` of the
/// clock's time after the first. What counts is when a call was sent: a process that did not run for a while has not waited.
pub async fn repeat<F: Future<Output = Result<Json>>>(
    context: &Context,
    limit: Duration,
    passing: impl Fn(&Error) -> bool,
    mut call: impl FnMut() -> F,
) -> Result<Json> {
    let start = context.clock().now();
    let mut pause = Duration::from_secs(1);
    loop {
        let sent = context.clock().now();
        match call().await {
            Err(error) if passing(&error) => {
                if sent.duration_since(start).unwrap_or(limit) >= limit {
                    return Err(error);
                }
                context.retrying(&error);
                context.clock().sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(15));
            }
            done => return done,
        }
    }
}

/// An operation's input for some properties: for steps.
pub fn input(
    definition: &'static Definition,
    operation: &str,
    properties: &Map<String, Json>,
) -> Result<Map<String, Json>> {
    Ok(Type::of(definition)?
        .mapping()
        .input(operation, properties)
        .input)
}

/// Whether a description's member is one of these texts: for status functions.
pub fn state_is(description: &Json, path: &str, states: &[&str]) -> bool {
    look(description, path)
        .as_ref()
        .and_then(Json::as_str)
        .is_some_and(|state| states.contains(&state))
}

/// A text of a description, by dotted path.
pub fn described<'j>(description: &'j Json, name: &str) -> Option<&'j str> {
    member(description, name).and_then(Json::as_str)
}

/// A resource from its description, for modules that read by themselves.
pub fn observed(
    definition: &'static Definition,
    id: &PhysicalId,
    description: &Json,
) -> Result<Option<Observed>> {
    Ok(Type::of(definition)?.observed(Some(id), description))
}

/// All items of a load for one key, fresh: for steps and searches.
pub async fn items_of(context: &Context, by: &'static Load, key: &str) -> Result<Vec<Json>> {
    load(context, by, key).await
}
