//! What deploys the services of the fake cloud: one deployment at a time, each of which takes its time and may fail.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use payctl_model::Value;
use payctl_resources::deployments::{Progress, Tasks};

use super::{FakeCloud, World, lost_answer, refusal};
use crate::apply::cloud::{Calls, CloudError, Deployment, Rollout, Stage};

/// How a service is deployed.
#[derive(Clone, Debug, Default)]
pub(in crate::apply) struct Deploys {
    /// How long a deployment takes, in seconds.
    pub lasts: u64,
    /// Which versions fail.
    pub fails: Vec<i64>,
    /// The answers of the first requests are lost, and whether each was carried out.
    pub lost: Vec<bool>,
}

/// A deployment that was asked for.
#[derive(Clone, Debug)]
pub(in crate::apply) struct Asked {
    pub id: String,
    pub service: String,
    pub rollout: Rollout,
    pub at: SystemTime,
}

impl FakeCloud {
    pub(super) async fn start(
        &self,
        rollout: &Rollout,
        calls: Arc<dyn Calls>,
    ) -> Result<String, CloudError> {
        let number = calls.intent("codedeploy:CreateDeployment").await?;
        let (started, lost) = {
            let mut world = self.world.lock().unwrap();
            let service = self.natures.keys().find(|name| {
                let whose = format!(".{name} ");
                rollout.description.contains(&whose)
            });
            let service = service.cloned().unwrap_or_default();
            let deploys = self.natures[&service].deploys.clone().unwrap_or_default();
            let lost = deploys.lost.get(world.requests).copied();
            world.requests += 1;
            let busy = world.deployments.iter().any(|one| self.left(one) > 0.0);
            let started = match (lost, busy) {
                (Some(false), _) => Err(lost_answer()),
                (_, true) => Err(refusal("DeploymentLimitExceededException")),
                _ => {
                    let id = format!("d-{}", world.deployments.len() + 1);
                    world.deployments.push(Asked {
                        id: id.clone(),
                        service,
                        rollout: rollout.clone(),
                        at: self.clock.now(),
                    });
                    Ok(id)
                }
            };
            (started, lost)
        };
        let started = match lost {
            Some(_) => Err(lost_answer()),
            None => started,
        };
        calls.answered(number, started.as_ref().map(|_| ())).await?;
        started
    }

    /// How many seconds a deployment still takes.
    fn left(&self, asked: &Asked) -> f64 {
        let lasts = self.natures[&asked.service].deploys.clone();
        let lasts = Duration::from_secs(lasts.unwrap_or_default().lasts);
        let age = self.clock.now().duration_since(asked.at);
        lasts.as_secs_f64() - age.unwrap_or_default().as_secs_f64()
    }

    fn fails(&self, asked: &Asked) -> bool {
        let fails = self.natures[&asked.service].deploys.clone();
        fails.unwrap_or_default().fails.iter().any(|version| {
            asked.rollout.app_spec.task_definition() == Some(&format!("api:{version}"))
        })
    }

    /// What has succeeded by now runs.
    pub(super) fn pass(&self, world: &mut World) {
        for asked in world.deployments.clone() {
            if self.left(&asked) > 0.0 || self.fails(&asked) {
                continue;
            }
            let arn = asked.rollout.app_spec.task_definition().unwrap().to_owned();
            for thing in world.things.values_mut() {
                if thing.address == super::address(&asked.service) {
                    let model = thing.model.as_map_mut().unwrap();
                    model.insert("TaskDefinition".into(), Value::from(arn.as_str()));
                }
            }
        }
    }

    pub(super) fn told(&self, running: bool) -> Vec<Deployment> {
        let world = self.world.lock().unwrap();
        let all = world.deployments.iter().rev().map(|asked| {
            let stage = match (self.left(asked) > 0.0, self.fails(asked)) {
                (true, _) => Stage::Running,
                (false, true) => Stage::Failed,
                (false, false) => Stage::Succeeded,
            };
            Deployment {
                id: asked.id.clone(),
                stage,
                status: format!("{stage:?}"),
                created: None,
                finished: None,
                revision: asked.rollout.app_spec.task_definition().map(str::to_owned),
                app_spec: Some(asked.rollout.app_spec.clone()),
                description: Some(asked.rollout.description.clone()),
                creator: None,
                reason: (stage == Stage::Failed).then(|| "UNHEALTHY: no task stays up".to_owned()),
                rollback: None,
                rollback_message: None,
                progress: Progress {
                    traffic: None,
                    lifecycle: Vec::new(),
                    tasks: vec![Tasks::default()],
                },
            }
        });
        all.filter(|one| !running || one.is_running()).collect()
    }
}
