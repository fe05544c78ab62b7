//! Deleting a resource.

use std::time::Duration;

use payctl_model::PhysicalId;
use serde_json::{Map, Value as Json};

use super::repeat;
use super::types::{Type, add_fixed, known};
use crate::context::Context;
use crate::definition::Definition;
use crate::error::{Error, Result};
use crate::resource::Deletion;

/// How long a deletion is repeated while something that is going away uses the resource (a NAT gateway's or a load balancer's
/// network interfaces take minutes).
const DRAINING: Duration = Duration::from_secs(1_200);

/// The delete call. Success where it is gone already.
pub async fn delete(
    definition: &'static Definition,
    context: &Context,
    id: &PhysicalId,
    deletion: &Deletion,
) -> Result<()> {
    let of = Type::of(definition)?;
    let call = &definition.delete;
    let mut named = deletion
        .last_applied
        .as_ref()
        .map(known)
        .unwrap_or_default();
    of.add_identity(&mut named, id);
    let mut input = Map::new();
    of.identity(call.operation, call.ids, &named, &mut input)?;
    add_fixed(&mut input, call.fixed);
    delete_with(definition, context, call.operation, input).await
}

/// A delete call with this input, repeated while the resource is in use by what is going away.
pub async fn delete_with(
    definition: &Definition,
    context: &Context,
    operation: &str,
    input: Map<String, Json>,
) -> Result<()> {
    let busy = |error: &Error| {
        error
            .code()
            .is_some_and(|code| definition.delete.busy.contains(&code))
    };
    let call = || context.write(definition.service, operation, Json::Object(input.clone()));
    match repeat(context, DRAINING, busy, call).await {
        Err(error)
            if error
                .code()
                .is_some_and(|code| definition.delete.gone.contains(&code)) =>
        {
            Ok(())
        }
        done => done.map(|_| ()),
    }
}
