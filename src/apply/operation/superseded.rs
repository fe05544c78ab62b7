//! What updates have made other resources of: the provider of a custom resource that answers with another identifier has made another one.

use payctl_state::Policy;

use super::*;

/// What an update left behind: the provider of a custom resource has made another one.
#[derive(Clone, Debug)]
pub(in crate::apply) struct Superseded {
    pub(in crate::apply) address: Address,
    pub(in crate::apply) type_name: String,
    pub(in crate::apply) id: PhysicalId,
    /// What was last applied, secrets as hashes.
    pub(in crate::apply) applied: Value,
    /// Whether it is left alone: its `UpdateReplacePolicy`.
    pub(in crate::apply) retained: bool,
}

impl Doing {
    /// An update that gave a resource another identifier, although it is not only another name of the same one.
    pub(super) fn supersede(&self, current: &Current<'_>, old: &PhysicalId, new: &PhysicalId) {
        let target = &current.target;
        if old == new || !self.cloud.is_remembered(&target.type_name) {
            return;
        }
        let before = self.before.get(&(target.address.clone(), old.clone()));
        let (_, policy) = self.wanted.policies(&target.address);
        self.superseded
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Superseded {
                address: target.address.clone(),
                type_name: target.type_name.clone(),
                id: old.clone(),
                applied: before
                    .map_or_else(Value::map, |before| applied::values(&before.last_applied)),
                retained: matches!(policy, Policy::Retain | Policy::RetainExceptOnCreate),
            });
    }

    /// Deletes what updates have made other resources of, one after the other: each is an operation of its own.
    pub(in crate::apply) async fn clean_up(&self, first: OperationId) -> Vec<(Address, Failure)> {
        let left: Vec<Superseded> = std::mem::take(
            &mut *self
                .superseded
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let mut failures = Vec::new();
        for (operation, old) in (first..).zip(left) {
            if let Err(failure) = self.delete_superseded(operation, &old).await {
                self.events.send(Happened::Failed {
                    address: old.address.clone(),
                    verb: Verb::Delete,
                    failure: failure.clone(),
                });
                failures.push((old.address, failure));
            }
        }
        failures
    }

    async fn delete_superseded(
        &self,
        operation: OperationId,
        old: &Superseded,
    ) -> Result<(), Failure> {
        let verb = if old.retained {
            Verb::Forget
        } else {
            Verb::Delete
        };
        let started = self.cloud.clock().now();
        self.events.send(Happened::Started {
            address: old.address.clone(),
            verb,
            type_name: old.type_name.clone(),
        });
        let (deletion_policy, update_replace_policy) = self.wanted.policies(&old.address);
        let intent = Intent {
            operation,
            address: old.address.clone(),
            verb,
            type_name: old.type_name.clone(),
            incarnation: None,
            physical_id: Some(old.id.clone()),
            desired: None,
            dependencies: BTreeMap::new(),
            deletion_policy,
            update_replace_policy,
            replaced: true,
        };
        self.log.append(Entry::Intent(Box::new(intent))).await?;
        if !old.retained {
            let target = Target {
                address: old.address.clone(),
                type_name: old.type_name.clone(),
                declared: None,
            };
            let deletion = Deletion {
                final_snapshot: None,
                without_recovery: false,
                last_applied: Some(old.applied.clone()),
            };
            let calls = self.journalled(operation, &old.address, verb);
            if let Err(error) = self.cloud.delete(&target, &old.id, &deletion, calls).await {
                let failure = Failure::of(error, &old.id);
                let reason = failure.to_string();
                let tainted = None;
                self.log
                    .append(Entry::Failed {
                        operation,
                        reason,
                        tainted,
                    })
                    .await?;
                return Err(failure);
            }
        }
        self.log.append(Entry::Done { operation }).await?;
        let took = self.cloud.clock().now().duration_since(started);
        self.events.send(Happened::Done {
            address: old.address.clone(),
            verb,
            physical_id: Some(old.id.clone()),
            seconds: took.unwrap_or_default().as_secs_f64(),
            note: None,
        });
        Ok(())
    }
}
