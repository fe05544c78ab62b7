//! Deleting a resource, and forgetting one.

use super::*;

impl Doing {
    pub(super) async fn delete(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
        snapshot: bool,
        replaced: bool,
    ) -> Result<(), Failure> {
        let before = self
            .before
            .get(&(current.target.address.clone(), id.clone()));
        let incarnation = before.and_then(|before| before.incarnation.clone());
        let intent = self.intent(
            current,
            incarnation.clone(),
            Some(id.clone()),
            None,
            replaced,
        );
        self.start(current, intent).await?;
        let deletion = Deletion {
            final_snapshot: snapshot
                .then(|| snapshot_name(&current.target.address, id, incarnation.as_ref())),
            // Its successor may need the name.
            without_recovery: self.force_secrets || replaced && self.goes_first(current),
            last_applied: before.map(|before| applied::values(&before.last_applied)),
        };
        let calls = self.calls(current);
        let (mut attempt, mut pause) = (1, PAUSE);
        while let Err(error) = self
            .cloud
            .delete(&current.target, id, &deletion, calls.clone())
            .await
        {
            if error.refused || attempt >= ATTEMPTS {
                // The refusal of a call that was sent again may mean that the one before, whose answer was lost, has done it.
                if self
                    .seen(current, id)
                    .await
                    .is_ok_and(|seen| seen.is_none())
                {
                    break;
                }
                return Err(self.failed(current, Failure::of(error, id)).await);
            }
            // What is gone already counts as deleted: a second time does no harm.
            attempt += 1;
            calls.retrying(&error.message);
            self.cloud.clock().sleep(pause).await;
            pause *= 2;
        }
        // What AWS keeps after the call, for itself, is not waited for.
        let lingers = payctl_resources::resource(&current.target.type_name)
            .is_some_and(|resource| resource.definition().delete.lingers);
        if lingers {
            return self.conclude(current, Ok(true)).await;
        }
        let _ = self.progress.send(Progress::Waits(current.node));
        let gone = tokio::select! {
            gone = self.poller.wait(&current.target, id, current.verb, Until::Gone) => gone,
            // The intent stays in doubt: the next run looks whether it is gone.
            () = self.stop.cancelled() => return Ok(()),
        };
        match gone {
            Ok(_) => self.conclude(current, Ok(true)).await,
            Err(cause) => Err(self.failed(current, Failure::of(cause, id)).await),
        }
    }

    pub(super) async fn forget(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
        replaced: bool,
    ) -> Result<(), Failure> {
        // Nothing of this run was deposed then; what an earlier run left is to be forgotten.
        let address = &current.target.address;
        let is_of_this_run = self
            .change(current)
            .is_ok_and(|change| change.physical_id.as_ref() == Some(id));
        if replaced && is_of_this_run && self.is_taken_over(address, id) {
            self.reached(current.node, Milestone::Ready);
            return Ok(());
        }
        let intent = self.intent(current, None, Some(id.clone()), None, replaced);
        self.start(current, intent).await?;
        self.conclude(current, Ok(true)).await
    }

    /// Whether the creation of the successor was answered with what was to be replaced: some creations are idempotent by what they ask
    /// for (SNS's CreateTopic and Subscribe, ELB's CreateTargetGroup). To delete it would be to delete the new one.
    pub(super) fn is_taken_over(&self, address: &Address, id: &PhysicalId) -> bool {
        let change = self.plan.changes.get(address);
        let goes_first = change.is_some_and(|change| {
            change.action == Action::Replace(ReplaceOrder::DeleteFirst)
                && change.physical_id.as_ref() == Some(id)
        });
        let known = self.models.get(address);
        !goes_first && known.is_some_and(|known| known.id == *id)
    }

    /// Whether its successor is made only when it is gone.
    pub(super) fn goes_first(&self, current: &Current<'_>) -> bool {
        let change = self.plan.changes.get(&current.target.address);
        change.is_some_and(|change| change.action == Action::Replace(ReplaceOrder::DeleteFirst))
    }
}

/// The name of a final snapshot: the same in every attempt. Letters, digits and single hyphens, as RDS asks for
/// (API_DeleteDBInstance, `FinalDBSnapshotIdentifier`).
fn snapshot_name(address: &Address, id: &PhysicalId, incarnation: Option<&Incarnation>) -> String {
    let unique = incarnation.map_or(id.as_str(), Incarnation::suffix);
    let mut name = String::from("final");
    for c in format!("-{}-{}-{unique}", address.stack, address.logical_id).chars() {
        match c {
            c if c.is_ascii_alphanumeric() => name.push(c),
            _ if !name.ends_with('-') => name.push('-'),
            _ => {}
        }
    }
    name.trim_end_matches('-').to_owned()
}
