//! Changing a service by a deployment, and following the deployments that AWS carries out, to their end
//! ([decision 0006](../../../docs/decisions/0006-what-a-deployment-moves-is-its-own.md)).

use super::update::InPlace;
use super::*;
use crate::plan::APP_SPEC;

/// Errors in a row of looking at a deployment that are taken for a passing disturbance.
const TOLERATED: u32 = 4;
/// How long ECS may need to show a deployment that an update has started.
const SHOWN_WITHIN: Duration = Duration::from_secs(30);

impl Doing {
    /// What UpdateService may change is changed in controller, the rest by a CodeDeploy deployment.
    pub(super) async fn deploy(&self, current: &Current<'_>) -> Result<(), Failure> {
        let edit = self.begin(current).await?;
        let is_deployed =
            |path: &PropertyPath| path.head().is_some_and(|head| APP_SPEC.contains(&head));
        let (deployed, in_place): (Vec<_>, Vec<_>) =
            edit.changed.iter().cloned().partition(is_deployed);
        self.send(current, &edit, in_place).await?;
        let _ = self.progress.send(Progress::Waits(current.node));
        match self.roll_out(current, &edit, &deployed).await {
            Ok(true) => {}
            // It goes on without payctl: the intent stays open, and the next run finds the deployment.
            Ok(false) => return Ok(()),
            Err(cause) => return Err(self.failed(current, Failure::of(cause, &edit.id)).await),
        }
        let result = self.changed(current, &edit.id).await;
        self.conclude(current, result).await
    }

    /// Deploys, or follows who deploys the same already. `false` where the run was interrupted meanwhile.
    async fn roll_out(
        &self,
        current: &Current<'_>,
        edit: &InPlace,
        deployed: &[PropertyPath],
    ) -> Result<bool, Cause> {
        let address = &current.target.address;
        let rollout = self.rollout(current, edit)?;
        let calls = self.calls(current);
        let (mut attempt, mut pause) = (1, PAUSE);
        let id = loop {
            // A group has one deployment at a time (DeploymentLimitExceededException).
            let running = self
                .cloud
                .deployments(&address.region, &rollout.controller, true, 10)
                .await?;
            let is_mine = |one: &&Deployment| {
                let spec = one.app_spec.as_ref();
                spec.is_some_and(|spec| spec.does_the_same_as(&rollout.app_spec))
            };
            if let Some(mine) = running.iter().find(is_mine) {
                break mine.id.clone();
            }
            if let Some(other) = running.first() {
                return Err(Cause::Deployment(in_the_way(other)));
            }
            if self.is_there(current, edit, deployed).await? {
                return Ok(true);
            }
            let started = self
                .cloud
                .deploy(&address.region, &rollout, calls.clone())
                .await;
            match started {
                Ok(id) => break id,
                Err(error) if !is_limit(&error) && (error.refused || attempt >= ATTEMPTS) => {
                    return Err(error.into());
                }
                Err(error) if attempt >= ATTEMPTS => return Err(error.into()),
                // Whether it was started shows in what is running.
                Err(error) => {
                    attempt += 1;
                    calls.retrying(&error.message);
                    self.cloud.clock().sleep(pause).await;
                    pause *= 2;
                }
            }
        };
        let Some(ended) = self.follow(current, &rollout.controller, &id).await? else {
            return Ok(false);
        };
        self.judge(current, &rollout.controller, ended).await
    }

    /// What CodeDeploy is asked for.
    fn rollout(&self, current: &Current<'_>, edit: &InPlace) -> Result<Rollout, Cause> {
        let change = self.change(current).map_err(|_| Cause::NotPlanned)?;
        let deployment = change.deployment.as_ref();
        let group = deployment
            .and_then(|deployment| deployment.group.as_ref())
            .ok_or(Cause::NotPlanned)?;
        let known = self.models.get(group).ok_or(Cause::NotPlanned)?;
        let service = self
            .models
            .get(&current.target.address)
            .ok_or(Cause::NotPlanned)?;
        let controller = code_deploy_controller(&known.model, &service.model).ok_or_else(|| {
            Cause::Deployment(format!(
                "{group} does not say which application and group it is"
            ))
        })?;
        let app_spec = AppSpec::of(&edit.desired).ok_or_else(|| {
            Cause::Deployment(
                "CodeDeploy needs the service's TaskDefinition, and in LoadBalancers the container and port that take the traffic"
                    .to_owned(),
            )
        })?;
        // The group itself changes after the service, to which it refers; the plan promised its new steps.
        let config = self.plan.changes.get(group).and_then(|change| {
            let mut edits = change.edits.iter();
            let is_edited = edits.any(|edit| edit.property.head() == Some("DeploymentConfigName"));
            let after = change
                .after
                .as_ref()?
                .get("DeploymentConfigName")?
                .as_str()?;
            is_edited.then(|| after.to_owned())
        });
        let incarnation = edit.incarnation.as_ref().map_or("", |one| one.0.as_str());
        Ok(Rollout {
            controller,
            app_spec,
            config,
            description: format!("payctl {} {incarnation}", current.target.address),
        })
    }

    /// Whether all that the deployment is to change is so already: an earlier run, or somebody else, has deployed it.
    async fn is_there(
        &self,
        current: &Current<'_>,
        edit: &InPlace,
        deployed: &[PropertyPath],
    ) -> Result<bool, Cause> {
        if deployed.is_empty() {
            return Ok(true);
        }
        let seen = self.seen(current, &edit.id).await?;
        let Some(seen) = seen else {
            return Err(Cause::Vanished);
        };
        let exposed = |value: &Value, path| value.at(path).and_then(Value::expose_json);
        Ok(deployed
            .iter()
            .all(|path| exposed(&seen.model, path) == exposed(&edit.desired, path)))
    }

    /// The newest deployment of a service.
    pub(super) async fn newest(
        &self,
        current: &Current<'_>,
        controller: &Controller,
    ) -> Result<Option<String>, CloudError> {
        let region = &current.target.address.region;
        let newest = self.cloud.deployments(region, controller, false, 1).await?;
        Ok(newest.into_iter().next().map(|one| one.id))
    }

    /// Follows the deployment that an update has started after the one `before`. `false` where the run was interrupted meanwhile.
    /// Where ECS shows none, the service's own state has to tell.
    pub(super) async fn follow_next(
        &self,
        current: &Current<'_>,
        controller: &Controller,
        before: Option<&str>,
    ) -> Result<bool, Cause> {
        let clock = self.cloud.clock();
        let asked = clock.now();
        loop {
            let sent = clock.now();
            let newest = self.newest(current, controller).await?;
            if let Some(id) = newest.filter(|id| Some(id.as_str()) != before) {
                let Some(ended) = self.follow(current, controller, &id).await? else {
                    return Ok(false);
                };
                return self.judge(current, controller, ended).await;
            }
            if sent.duration_since(asked).unwrap_or_default() >= SHOWN_WITHIN {
                return Ok(true);
            }
            tokio::select! {
                () = clock.sleep(self.pace.interval) => {}
                () = self.stop.cancelled() => return Ok(false),
            }
        }
    }

    /// Looks at a deployment until it has ended, and tells what moves. `None` where the run was interrupted meanwhile.
    async fn follow(
        &self,
        current: &Current<'_>,
        controller: &Controller,
        id: &str,
    ) -> Result<Option<Deployment>, Cause> {
        let address = &current.target.address;
        let tell = |seen: &Deployment, state: String| {
            self.events.send(Happened::Deployment {
                address: address.clone(),
                verb: current.verb,
                deployment: Box::new(seen.clone()),
                state,
            });
        };
        let mut told: Option<Deployment> = None;
        let (mut errors, mut interval) = (0, self.pace.interval);
        loop {
            match self.cloud.deployment(&address.region, controller, id).await {
                Ok(seen) => {
                    errors = 0;
                    let is_new = told.as_ref().is_none_or(|told| {
                        (&told.status, &told.progress) != (&seen.status, &seen.progress)
                    });
                    if is_new {
                        tell(&seen, format!("{}: {}", seen.status, seen.progress));
                    }
                    if !seen.is_running() {
                        return Ok(Some(seen));
                    }
                    told = Some(seen);
                }
                Err(error) => {
                    errors += 1;
                    if errors > TOLERATED {
                        return Err(Cause::Deployment(format!(
                            "{id} cannot be looked at, and goes on without payctl: {error}"
                        )));
                    }
                }
            }
            tokio::select! {
                () = self.cloud.clock().sleep(interval) => {}
                () = self.stop.cancelled() => {
                    if let Some(seen) = &told {
                        let name = &address.logical_id;
                        tell(seen, format!(
                            "{id} goes on without payctl: payctl deployments {name} --follow shows it, payctl rollback {name} stops it"
                        ));
                    }
                    return Ok(None);
                }
            }
            interval = interval.mul_f64(self.pace.growth).min(self.pace.longest);
        }
    }

    /// What came of a deployment that has ended. One that is rolled back is over when that is.
    async fn judge(
        &self,
        current: &Current<'_>,
        controller: &Controller,
        ended: Deployment,
    ) -> Result<bool, Cause> {
        if ended.stage == Stage::Succeeded {
            return Ok(true);
        }
        let rollback = match &ended.rollback {
            Some(id) => match self.follow(current, controller, id).await? {
                Some(rollback) => Some(rollback),
                None => return Ok(false),
            },
            None => None,
        };
        Err(Cause::Deployment(failure(
            controller,
            &ended,
            rollback.as_ref(),
        )))
    }
}

/// CodeDeploy's names for a service, from the models of its deployment group and of itself.
pub(crate) fn code_deploy_controller(group: &Value, service: &Value) -> Option<Controller> {
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
    let last = |text: String| text.rsplit('/').next().unwrap_or_default().to_owned();
    Some(Controller::CodeDeploy {
        application: text(group, "ApplicationName")?,
        group: text(group, "DeploymentGroupName")?,
        cluster: last(text(service, "Cluster")?),
        service: text(service, "ServiceName")
            .or(text(service, "Name"))
            .or_else(|| text(service, "ServiceArn").map(last))?,
    })
}

/// Why a deployment failed, and what came of the rollback.
pub(crate) fn failure(
    controller: &Controller,
    ended: &Deployment,
    rollback: Option<&Deployment>,
) -> String {
    let id = ended.id.rsplit('/').next().unwrap_or(&ended.id);
    let mut told = format!("{}'s deployment {id} is {}", controller.by(), ended.status);
    if let Some(reason) = &ended.reason {
        told += &format!(" ({reason})");
    }
    match (rollback, &ended.rollback_message) {
        (Some(rollback), _) if rollback.stage == Stage::Succeeded => {
            format!("{told}; it was rolled back by {}", rollback.id)
        }
        (Some(rollback), _) => {
            format!(
                "{told}; its rollback {} is {}",
                rollback.id, rollback.status
            )
        }
        (None, Some(message)) => format!("{told}: {message}"),
        (None, None) => told,
    }
}

fn in_the_way(other: &Deployment) -> String {
    let revision = other.revision.as_deref().unwrap_or("another revision");
    let revision = revision.rsplit('/').next().unwrap_or(revision);
    let who = match other.creator.as_deref() {
        Some("codeDeployRollback") => "a rollback",
        _ => "somebody else",
    };
    format!(
        "{who} is deploying {revision} to it ({} is {}), and a deployment group has one deployment at a time: apply again when that \
         is over (payctl deployments shows it), or stop it (payctl rollback)",
        other.id, other.status
    )
}

fn is_limit(error: &CloudError) -> bool {
    let aws = error.aws.as_ref();
    aws.is_some_and(|aws| aws.code.starts_with("DeploymentLimitExceeded"))
}
