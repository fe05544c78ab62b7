//! [`Journalled`]: the mutating calls of one operation, written down before and after.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use payctl_model::{Address, PhysicalId, Value};

use super::cloud::{Calls, CloudError, Observed};
use super::events::{Events, Happened, Verb};
use super::log::{Entry, Log, LogError, OperationId};
use crate::apply::executor::Seal;
use crate::plan::masked_like;

/// Writes every mutating call of one operation down.
pub(super) struct Journalled {
    log: Arc<dyn Log>,
    operation: OperationId,
    next: AtomicU64,
    /// Whether a call went out that AWS has not refused.
    pub(super) may_have_acted: AtomicBool,
    /// Whether an answer was lost, so that only AWS knows what came of the call.
    pub(super) lost: AtomicBool,
    events: Events,
    address: Address,
    verb: Verb,
    names: Mutex<BTreeMap<u64, String>>,
    identified: Mutex<Option<PhysicalId>>,
    /// Replaces secrets by salted hashes.
    seal: Option<Seal>,
    /// What was sent: where secrets stand in what is told.
    sent: Option<Value>,
}

impl Journalled {
    pub(super) fn new(
        log: Arc<dyn Log>,
        events: Events,
        operation: OperationId,
        address: Address,
        verb: Verb,
    ) -> Journalled {
        Journalled {
            log,
            operation,
            lost: AtomicBool::new(false),
            events,
            address,
            verb,
            next: AtomicU64::new(0),
            may_have_acted: AtomicBool::new(false),
            names: Mutex::default(),
            identified: Mutex::default(),
            seal: None,
            sent: None,
        }
    }

    /// The same with what hides secrets in what is told of the resource.
    pub(super) fn sealing(self, seal: Seal, sent: Option<Value>) -> Journalled {
        Journalled {
            seal: Some(seal),
            sent,
            ..self
        }
    }

    pub(super) fn identified(&self) -> Option<PhysicalId> {
        self.identified.lock().ok().and_then(|id| id.clone())
    }

    pub(super) async fn identified_as(&self, id: &PhysicalId) -> Result<(), LogError> {
        Calls::identified(self, id).await
    }
}

#[async_trait]
impl Calls for Journalled {
    async fn intent(&self, call: &str) -> Result<u64, LogError> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        if let Ok(mut names) = self.names.lock() {
            names.insert(number, call.to_owned());
        }
        self.log
            .append(Entry::Call {
                operation: self.operation,
                call: call.to_owned(),
            })
            .await?;
        Ok(number)
    }

    async fn answered(&self, number: u64, result: Result<(), &CloudError>) -> Result<(), LogError> {
        let refused = result.is_err_and(|error| error.refused);
        if !refused {
            self.may_have_acted.store(true, Ordering::SeqCst);
            self.lost.fetch_or(result.is_err(), Ordering::SeqCst);
        }
        let call = self
            .names
            .lock()
            .ok()
            .and_then(|mut names| names.remove(&number))
            .unwrap_or_default();
        let error = result.err().map(ToString::to_string);
        self.log
            .append(Entry::Answer {
                operation: self.operation,
                call,
                error,
                refused,
            })
            .await
    }

    fn retrying(&self, reason: &str) {
        self.events.send(Happened::Retrying {
            address: self.address.clone(),
            verb: self.verb,
            reason: reason.to_owned(),
        });
    }

    async fn exists(&self, observed: &Observed) -> Result<(), LogError> {
        // Without it what is secret could not be told from the rest.
        let Some(seal) = &self.seal else {
            return Calls::identified(self, &observed.id).await;
        };
        if let Ok(mut identified) = self.identified.lock() {
            *identified = Some(observed.id.clone());
        }
        let model = match &self.sent {
            Some(sent) => masked_like(&observed.model, sent),
            None => observed.model.clone(),
        };
        let entry = Entry::Exists {
            operation: self.operation,
            physical_id: observed.id.clone(),
            attributes: seal(&model),
        };
        self.log.append(entry).await
    }

    async fn identified(&self, id: &PhysicalId) -> Result<(), LogError> {
        if let Ok(mut identified) = self.identified.lock()
            && identified.replace(id.clone()).as_ref() == Some(id)
        {
            return Ok(());
        }
        let attributes = Value::map();
        let entry = Entry::Exists {
            operation: self.operation,
            physical_id: id.clone(),
            attributes,
        };
        self.log.append(entry).await
    }
}
