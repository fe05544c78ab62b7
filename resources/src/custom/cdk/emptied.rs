//! What is emptied before it is deleted. Until then nothing is done: it is what was declared.

use async_trait::async_trait;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// A custom resource that empties the thing it names when it is deleted.
pub struct Emptied {
    pub(super) definition: &'static Definition,
    /// The property that names the thing.
    pub(super) property: &'static str,
    /// AWS's code where there is no such thing any more.
    pub(super) gone: &'static str,
    /// Empties it, where it still says that it may be.
    pub(super) empty: for<'a> fn(&'a Context, &'a str) -> StepFuture<'a>,
}

impl Emptied {
    fn named(&self, desired: &Value) -> Result<String> {
        let name = desired.get(self.property).and_then(Value::to_text);
        let (type_name, property) = (self.definition.type_name, self.property);
        name.ok_or_else(|| Error::Failed(format!("{type_name} has no {property}")))
    }
}

#[async_trait]
impl Resource for Emptied {
    fn definition(&self) -> &'static Definition {
        self.definition
    }

    async fn create(&self, _: &Context, desired: &Value, _: &Incarnation) -> Result<Observed> {
        Ok(super::declared(&self.named(desired)?, desired))
    }

    async fn read(&self, _: &Context, _: &PhysicalId) -> Result<Option<Observed>> {
        Ok(None)
    }

    async fn update(&self, context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
        if let Some(subject) = context.subject() {
            subject.tell(super::declared(id.as_str(), update.desired));
        }
        Ok(())
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        match (self.empty)(context, id.as_str()).await {
            Err(error) if error.code() == Some(self.gone) => Ok(()),
            done => done,
        }
    }

    async fn complete(&self, _: &Context, _: &PhysicalId, _: &Value) -> Result<bool> {
        Ok(false)
    }

    async fn find(
        &self,
        _: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        Ok(self.named(desired).ok().map(PhysicalId::from))
    }
}
