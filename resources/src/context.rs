//! [`Context`]: what a resource's module works with: AWS of one account and region, the journal, the clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use payctl_model::{Clock, PhysicalId};
use serde_json::Value as Json;

use crate::error::{AwsError, Error, Result};

/// Makes calls: AWS, or what stands in for it in tests.
#[async_trait]
pub trait Caller: Send + Sync {
    /// One call, values under the API model's member names.
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError>;
}

/// Where mutating calls are written down before and after they are made.
#[async_trait]
pub trait CallJournal: Send + Sync {
    /// Durable when it returns. The number names the intent in [`CallJournal::result`].
    async fn intent(&self, call: &str) -> Result<u64>;
    /// What became of it. Durable when it returns.
    async fn result(&self, intent: u64, outcome: Result<&Json, &AwsError>) -> Result<()>;
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Context {
    caller: Arc<dyn Caller>,
    journal: Option<Arc<dyn CallJournal>>,
    clock: Clock,
    renamed: Arc<Mutex<BTreeMap<PhysicalId, PhysicalId>>>,
}

impl Context {
    /// An update has given a resource another id: reads under the old one tell the new one from now on.
    pub fn rename(&self, old: &PhysicalId, new: PhysicalId) {
        let mut renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        renamed.remove(&new);
        if *old != new {
            renamed.insert(old.clone(), new);
        }
    }

    /// The id that a resource has now.
    pub fn current(&self, id: &PhysicalId) -> PhysicalId {
        let renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = id;
        // Each step is a later name; more steps than names would be a circle.
        for _ in 0..renamed.len() {
            match renamed.get(id) {
                Some(new) => id = new,
                None => break,
            }
        }
        id.clone()
    }

    /// For reading only: [`Context::write`] fails.
    pub fn new(caller: Arc<dyn Caller>, clock: Clock) -> Context {
        Context {
            caller,
            journal: None,
            clock,
            renamed: Arc::default(),
        }
    }

    /// The same with a journal for mutating calls: one per operation of the executor.
    pub fn with_journal(&self, journal: Arc<dyn CallJournal>) -> Context {
        Context {
            journal: Some(journal),
            ..self.clone()
        }
    }

    /// The clock that waits go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A call that changes nothing.
    pub async fn read(&self, service: &str, operation: &str, input: Json) -> Result<Json> {
        Ok(self.caller.call(service, operation, input).await?)
    }

    /// A call that changes something, written to the journal before and after.
    pub async fn write(&self, service: &str, operation: &str, input: Json) -> Result<Json> {
        let Some(journal) = &self.journal else {
            return Err(Error::Journal("this run only reads".to_owned()));
        };
        let intent = journal.intent(&format!("{service}:{operation}")).await?;
        let outcome = self.caller.call(service, operation, input).await;
        journal.result(intent, outcome.as_ref()).await?;
        Ok(outcome?)
    }
}
