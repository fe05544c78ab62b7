//! Making a resource, and taking over what an interrupted run made.

use super::*;

impl Doing {
    pub(super) async fn create(&self, current: &Current<'_>) -> Result<(), Failure> {
        let resolved = self.resolved(current, None).await?;
        let desired = resolved.values;
        let incarnation = (self.draw)();
        let old = match &current.operation.kind {
            OperationKind::Create { replaces: true } => self.change(current)?.physical_id.clone(),
            _ => None,
        };
        let intent = self.intent(
            current,
            Some(incarnation.clone()),
            old,
            Some(&resolved.written),
            false,
        );
        self.start(current, intent).await?;
        let calls = self.calls(current);
        let observed = self.make(current, &desired, &incarnation, &calls).await?;
        // Durable before anyone hears of it: a consumer's existence must never be the only trace of this one.
        self.exists(current, &observed).await?;
        self.learn(current, &observed);
        let mut result = self.settle_down(current, observed).await;
        if matches!(result, Ok(true)) {
            result = self.renew(current).await;
        }
        self.conclude(current, result).await
    }

    /// Reads anew what has other attributes now that this one is ready. `false` where the run was interrupted meanwhile.
    pub(super) async fn renew(&self, current: &Current<'_>) -> Result<bool, Failure> {
        let renews = payctl_resources::resource(&current.target.type_name)
            .map_or(&[][..], |resource| resource.definition().renews);
        for (address, names) in self.wanted.renewed(&current.target.address, renews) {
            let Some(mut known) = self.models.get(&address) else {
                continue;
            };
            let target = Target {
                address: address.clone(),
                type_name: known.type_name.clone(),
                declared: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            };
            let seen = tokio::select! {
                seen = self.poller.wait(&target, &known.id, Verb::Keep, Until::Seen) => seen,
                () = self.stop.cancelled() => return Ok(false),
            };
            match seen {
                Ok(Some(seen)) => {
                    for name in names {
                        let (Some(model), Some(value)) =
                            (known.model.as_map_mut(), seen.model.get(name))
                        else {
                            continue;
                        };
                        model.insert((*name).to_owned(), value.clone());
                    }
                    self.models.set(&address, known);
                }
                Ok(None) => return Ok(false),
                Err(cause) => return Err(Failure::of(cause, &known.id)),
            }
        }
        Ok(true)
    }

    /// Creates until AWS has said whether it did. After a lost answer it is looked for what was made; only what was not made
    /// is made again, as the same incarnation.
    pub(super) async fn make(
        &self,
        current: &Current<'_>,
        desired: &Value,
        incarnation: &Incarnation,
        calls: &Arc<Journalled>,
    ) -> Result<Observed, Failure> {
        let mut pause = PAUSE;
        for attempt in 1.. {
            let error = match self
                .cloud
                .create(&current.target, desired, incarnation, calls.clone())
                .await
            {
                Ok(observed) => return Ok(observed),
                Err(error) => error,
            };
            let lost = calls.lost.load(Ordering::SeqCst);
            if lost {
                let found = match calls.identified() {
                    // A follow-up call was refused: to ask again would get the same answer.
                    Some(_) if error.refused => None,
                    Some(id) => Some(id),
                    None => recovery::search(
                        &*self.cloud,
                        &current.target,
                        desired,
                        incarnation,
                        Patience::default(),
                    )
                    .await
                    .ok()
                    .flatten(),
                };
                if let Some(id) = found {
                    calls.retrying(&error.message);
                    return self
                        .take_over(current, &id, desired, incarnation, calls)
                        .await;
                }
            }
            if error.refused || !lost || attempt >= ATTEMPTS {
                return Err(self
                    .not_made(current, desired, incarnation, calls, error)
                    .await);
            }
            calls.retrying(&error.message);
            self.cloud.clock().sleep(pause).await;
            pause *= 2;
        }
        Err(Cause::Defect("no more attempts".to_owned()).into())
    }

    /// Goes on with what a create has made whose answer was lost.
    pub(super) async fn take_over(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
        desired: &Value,
        incarnation: &Incarnation,
        calls: &Arc<Journalled>,
    ) -> Result<Observed, Failure> {
        calls.identified_as(id).await?;
        let mut pause = PAUSE;
        for attempt in 1.. {
            let seen = self
                .poller
                .wait(&current.target, id, current.verb, Until::Seen)
                .await;
            let cause = match seen {
                Ok(Some(observed)) => {
                    match self
                        .cloud
                        .complete(&current.target, id, desired, incarnation, calls.clone())
                        .await
                    {
                        Ok(false) => return Ok(observed),
                        // What was changed shows at the next look.
                        Ok(true) if attempt < ATTEMPTS => continue,
                        Ok(true) => return Ok(observed),
                        Err(error) if error.refused || attempt >= ATTEMPTS => error.into(),
                        Err(error) => {
                            calls.retrying(&error.message);
                            self.cloud.clock().sleep(pause).await;
                            pause *= 2;
                            continue;
                        }
                    }
                }
                Ok(None) => Cause::Vanished,
                Err(cause) => cause,
            };
            return Err(self.failed(current, Failure::of(cause, id)).await);
        }
        Err(Cause::Defect("no more attempts".to_owned()).into())
    }

    /// After a create that failed: what exists, and what the next run has to do about it.
    pub(super) async fn not_made(
        &self,
        current: &Current<'_>,
        desired: &Value,
        incarnation: &Incarnation,
        calls: &Journalled,
        error: CloudError,
    ) -> Failure {
        let identified = calls.identified();
        let mut failure = Failure {
            cause: Box::new(error.into()),
            physical_id: identified,
            in_doubt: false,
            about: None,
        };
        if failure.physical_id.is_none() && calls.may_have_acted.load(Ordering::SeqCst) {
            match self.cloud.find(&current.target, desired, incarnation).await {
                Ok(Some(id)) => failure.physical_id = Some(id),
                // A call was answered well, or not at all: that nothing is found yet proves nothing.
                Ok(None) | Err(_) => failure.in_doubt = true,
            }
        }
        self.failed(current, failure).await
    }

    pub(super) async fn adopt(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
    ) -> Result<(), Failure> {
        let resolved = self.resolved(current, None).await?;
        let intent = self.intent(
            current,
            None,
            Some(id.clone()),
            Some(&resolved.written),
            false,
        );
        self.start(current, intent).await?;
        let _ = self.progress.send(Progress::Waits(current.node));
        let result = match self.wait(current, id, Until::Seen).await {
            Ok(Some(observed)) => {
                self.exists(current, &observed).await?;
                self.learn(current, &observed);
                self.settle_down(current, observed).await
            }
            Ok(None) => Ok(false),
            Err(cause) => Err(Failure::of(cause, id)),
        };
        self.conclude(current, result).await
    }
}
