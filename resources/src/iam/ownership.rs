//! IAM tags policies and instance profiles, which CloudFormation's types of them have no property for: they carry the incarnation's
//! tag all the same, so that a lost answer is found again.

use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;
use crate::tags;

/// The create call with the incarnation's tag in it, and what it does not take afterwards.
pub(super) async fn create(
    definition: &'static Definition,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Observed> {
    let more = json!({"Tags": [{"Key": tags::INCARNATION, "Value": incarnation.as_str()}]});
    let more = more.as_object().cloned().unwrap_or_default();
    generic::create_with(definition, context, desired, incarnation, more).await
}
