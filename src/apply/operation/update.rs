//! Changing a resource in controller.

use super::*;

/// A change in controller, ready to be sent.
pub(super) struct InPlace {
    pub(super) id: PhysicalId,
    /// What it shall be; what others move as they left it.
    pub(super) desired: Value,
    /// What AWS told of it.
    live: Value,
    /// What differs.
    pub(super) changed: Vec<PropertyPath>,
    pub(super) incarnation: Option<Incarnation>,
}

impl Doing {
    pub(super) async fn update(&self, current: &Current<'_>) -> Result<(), Failure> {
        let edit = self.begin(current).await?;
        // Which deployment is the newest one before, where ECS is going to start one.
        let controller = ecs_controller(current, &edit);
        let before = match &controller {
            Some(controller) => self.newest(current, controller).await.ok(),
            None => None,
        };
        self.send(current, &edit, edit.changed.clone()).await?;
        let _ = self.progress.send(Progress::Waits(current.node));
        if let (Some(controller), Some(before)) = (&controller, before) {
            match self
                .follow_next(current, controller, before.as_deref())
                .await
            {
                Ok(true) => {}
                Ok(false) => return self.conclude(current, Ok(false)).await,
                Err(cause) => {
                    return Err(self.failed(current, Failure::of(cause, &edit.id)).await);
                }
            }
        }
        let result = self.changed(current, &edit.id).await;
        self.conclude(current, result).await
    }

    /// What is to be changed, evaluated, checked and written down.
    pub(super) async fn begin(&self, current: &Current<'_>) -> Result<InPlace, Failure> {
        let change = self.change(current)?;
        let id = change
            .physical_id
            .clone()
            .ok_or(Failure::from(Cause::NotPlanned))?;
        let address = &current.target.address;
        let before = self.before.get(&(address.clone(), id.clone()));
        let mut resolved = self.resolved(current, before).await?;
        let renewed = self.renewed(current, change, before, &mut resolved);
        // AWS is held against what it told.
        let live = self
            .models
            .get(address)
            .map_or_else(Value::map, |known| in_the_open(&known.model));
        let live = self.plan.ownership.without_owned(address, &live);
        // What a deployment moves stays where it is, whatever else is sent.
        let desired = self
            .plan
            .ownership
            .yielding(address, &resolved.values, &live);
        let mut changed = still_different(change, &desired, &live);
        changed.extend(renewed);
        let incarnation = before.and_then(|before| before.incarnation.clone());
        let intent = self.intent(
            current,
            incarnation.clone(),
            Some(id.clone()),
            Some(&resolved.written),
            false,
        );
        self.start(current, intent).await?;
        Ok(InPlace {
            id,
            desired,
            live,
            changed,
            incarnation,
        })
    }

    /// Sends what is to be changed until AWS has all of it.
    pub(super) async fn send(
        &self,
        current: &Current<'_>,
        edit: &InPlace,
        mut changed: Vec<PropertyPath>,
    ) -> Result<(), Failure> {
        let id = &edit.id;
        let own = |live: &Value| {
            let address = &current.target.address;
            self.plan.ownership.without_owned(address, live)
        };
        let calls = self.calls(current);
        let mut live = edit.live.clone();
        let remembered = self.cloud.is_remembered(&current.target.type_name);
        let (mut attempt, mut pause) = (1, PAUSE);
        while !changed.is_empty() {
            let update = Update {
                desired: &edit.desired,
                live: &live,
                changed: &changed,
            };
            let incarnation = edit.incarnation.as_ref();
            let done = self
                .cloud
                .update(&current.target, id, incarnation, &update, calls.clone())
                .await;
            let error = match done {
                Ok(()) => break,
                // Nothing can be seen of it.
                Err(error) if remembered && error.refused => {
                    return Err(self.failed(current, Failure::of(error, id)).await);
                }
                // The refusal of a call that was sent again may mean that the one before, whose answer was lost, has done it.
                Err(error) if error.refused && attempt < ATTEMPTS => {
                    match self.seen(current, id).await {
                        Ok(Some(seen)) if own(&seen.model) != live => error,
                        _ => return Err(self.failed(current, Failure::of(error, id)).await),
                    }
                }
                Err(error) if attempt >= ATTEMPTS => {
                    return Err(self.failed(current, Failure::of(error, id)).await);
                }
                Err(error) => error,
            };
            // Part of it may be done: what still differs is looked up, and done again.
            attempt += 1;
            calls.retrying(&error.message);
            self.cloud.clock().sleep(pause).await;
            pause *= 2;
            if remembered {
                continue;
            }
            match self
                .poller
                .wait(&current.target, id, current.verb, Until::Seen)
                .await
            {
                Ok(Some(seen)) => live = own(&seen.model),
                Ok(None) => {}
                Err(cause) => return Err(self.failed(current, Failure::of(cause, id)).await),
            }
            changed.retain(|property| {
                let wanted = edit.desired.at(property);
                wanted.is_none() && live.at(property).is_some() || wanted != live.at(property)
            });
        }
        Ok(())
    }

    /// From changed to ready: an update may renew attributes, and what consumers hear of was read after it.
    pub(super) async fn changed(
        &self,
        current: &Current<'_>,
        id: &PhysicalId,
    ) -> Result<bool, Failure> {
        match self.wait(current, id, Until::Seen).await {
            Ok(Some(observed)) => match self.exists(current, &observed).await {
                Ok(()) => {
                    self.learn(current, &observed);
                    self.supersede(current, id, &observed.id);
                    self.settle_down(current, observed).await
                }
                Err(error) => Err(error.into()),
            },
            Ok(None) => Ok(false),
            Err(cause) => Err(Failure::of(cause, id)),
        }
    }

    /// The properties of an update whose secret is another than when it was applied last, although the template says the
    /// same: CloudFormation gives it to whatever it updates. What only a new resource can have keeps what it has.
    pub(super) fn renewed(
        &self,
        current: &Current<'_>,
        change: &Change,
        before: Option<&Before>,
        resolved: &mut Resolution,
    ) -> Vec<PropertyPath> {
        let Some(before) = before else {
            return Vec::new();
        };
        let facts = payctl_model::facts::facts().get(&current.target.type_name);
        let kept = applied::Resolved::of(&before.last_applied);
        let verify = |text: &str, hash: &str| {
            let sealed = (self.seal)(&Value::secret(text));
            sealed == Value::Secret(Secret::Hashed(hash.to_owned()))
        };
        let mut renewed = Vec::new();
        let leaves: Vec<(PropertyPath, Value)> =
            applied::leaves(&applied::texts(&resolved.written))
                .into_iter()
                .map(|(property, leaf)| (property, leaf.clone()))
                .collect();
        for (property, leaf) in leaves {
            let Some(stood_for) = kept.get(&leaf, &verify) else {
                continue;
            };
            let now = resolved
                .values
                .at(&property)
                .map(|value| (self.seal)(value));
            if is_edited(change, &property) || now.as_ref() == Some(stood_for) {
                continue;
            }
            if facts
                .as_ref()
                .is_some_and(|facts| facts.is_create_only(&property))
            {
                let written = applied::written(leaf, stood_for.clone());
                crate::apply::references::replace(&mut resolved.written, &property, written);
            } else {
                renewed.push(property);
            }
        }
        renewed
    }
}

/// The planned edits that still are some, now that everything is known: an unknown may have become what is live.
fn still_different(change: &Change, desired: &Value, live: &Value) -> Vec<PropertyPath> {
    change
        .edits
        .iter()
        .filter(|edit| {
            let after = edit.after.as_ref();
            let was_unknown =
                after.is_some_and(|after| after.has_unknown() || applied::is_anywhere_in(after));
            let exposed = |value: &Value| value.at(&edit.property)?.expose_json();
            !was_unknown || exposed(desired) != exposed(live)
        })
        .map(|edit| edit.property.clone())
        .collect()
}

/// Members of UpdateService that start a deployment (API_UpdateService, "This parameter triggers a new service deployment").
const DEPLOYED_BY_ECS: &[&str] = &[
    "CapacityProviderStrategy",
    "DeploymentController",
    "ForceNewDeployment",
    "LoadBalancers",
    "NetworkConfiguration",
    "PlatformVersion",
    "ServiceConnectConfiguration",
    "ServiceRegistries",
    "TaskDefinition",
    "VolumeConfigurations",
    "VpcLatticeConfigurations",
];

/// Where ECS is going to deploy this change; `None` where it does not.
fn ecs_controller(current: &Current<'_>, edit: &InPlace) -> Option<Controller> {
    let of = |path: &str| edit.desired.at(&path.into()).and_then(Value::as_str);
    let is_ecs = current.target.type_name == "AWS::ECS::Service"
        && matches!(of("DeploymentController.Type"), None | Some("ECS"));
    let deploys = edit.changed.iter().any(|path| {
        path.head()
            .is_some_and(|head| DEPLOYED_BY_ECS.contains(&head))
    });
    let live = |name: &str| edit.live.get(name).and_then(Value::as_str);
    (is_ecs && deploys).then(|| {
        Some(Controller::Ecs {
            cluster: live("Cluster")
                .or(of("Cluster"))
                .unwrap_or("default")
                .to_owned(),
            service: live("ServiceArn")?.to_owned(),
        })
    })?
}
