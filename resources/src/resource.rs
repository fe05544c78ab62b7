//! [`Resource`]: what a type's module gives the engine, and the [`Definition`] table from which most of it
//! follows.
//!
//! Read `ec2/subnet.rs` for an example, then ARCHITECTURE.md, "A property is written down once".

use async_trait::async_trait;
use payctl_model::{Incarnation, PhysicalId, PropertyPath, Value};

use crate::context::Context;
use crate::definition::Definition;
use crate::error::Result;

/// One resource as AWS has it now.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// AWS's identifier.
    pub id: PhysicalId,
    /// The resource model under the registry's property names, read-only properties included: what GetAtt reads from.
    pub model: Value,
    /// How far AWS has come with it.
    pub status: Status,
}

/// How far AWS has come with a resource. A pure function of what was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// AWS is still working on it.
    Pending,
    /// It is ready for use.
    Ready,
    /// It is ready for use, while a deployment that nobody has to wait for gives it something else to run.
    Deploying,
    /// It is being deleted, or only a record of it is left.
    Gone,
    /// AWS gave up; the text is AWS's reason.
    Failed(String),
}

impl Status {
    /// Whether it is ready for use.
    pub fn is_ready(&self) -> bool {
        matches!(self, Status::Ready | Status::Deploying)
    }
}

/// What an update is to do.
#[derive(Clone, Debug)]
pub struct Update<'a> {
    /// What the resource shall be: all declared properties, nothing unknown in them.
    pub desired: &'a Value,
    /// What is live, under the registry's names.
    pub live: &'a Value,
    /// The paths that change; a path of `live` alone goes back to AWS's default.
    pub changed: &'a [PropertyPath],
}

impl Update<'_> {
    /// Whether anything under this top-level property changes.
    pub fn touches(&self, property: &str) -> bool {
        self.changed
            .iter()
            .any(|path| path.head() == Some(property))
    }
}

/// How a deletion is to be done.
#[derive(Clone, Debug, Default)]
pub struct Deletion {
    /// The name of the final snapshot to take, where `DeletionPolicy: Snapshot` asks for one.
    pub final_snapshot: Option<String>,
    /// Whether what AWS would keep for a while, so that it can be restored, goes at once.
    pub without_recovery: bool,
    /// What was last applied (secrets as hashes), for calls that need more than the id.
    pub last_applied: Option<Value>,
}

/// A resource type that payctl provisions by calling its service.
///
/// Every method has a default that follows the [`Definition`]; a module overrides what its type does otherwise. All
/// mutating calls go through [`Context::write`], which journals them; a crash between any two calls must leave what
/// `find` and a further plan can complete.
#[async_trait]
pub trait Resource: Send + Sync {
    /// The type's table.
    fn definition(&self) -> &'static Definition;

    /// Makes the resource. Returns as soon as AWS has accepted it, with what the answer told; what is missing in the model
    /// is read afterwards. `desired` has the ownership tags in it already, in the type's own tag property.
    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        crate::generic::create(self.definition(), context, desired, incarnation).await
    }

    /// Reads one resource through the context's batching loaders: many `read`s at once become few calls. `None`: AWS does
    /// not have it.
    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        crate::generic::read(self.definition(), context, id).await
    }

    /// Changes only what `update` names.
    async fn update(&self, context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
        crate::generic::update(self.definition(), context, id, update).await
    }

    /// Deletes it; success where it is already gone. May return before it is gone: the engine polls `read`.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        crate::generic::delete(self.definition(), context, id, deletion).await
    }

    /// What a create whose answer was lost, or that was cut off, has left undone. Whether anything did.
    async fn complete(&self, context: &Context, id: &PhysicalId, desired: &Value) -> Result<bool> {
        crate::generic::complete(self, context, id, desired).await
    }

    /// After a crash: what an interrupted create of this incarnation has made, by ownership tag, unique name plus tag, or
    /// natural key (for what cannot be tagged). Never something that is not ours.
    async fn find(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        crate::generic::find(self.definition(), context, desired, incarnation).await
    }
}
