//! What deployments do and own: what of a service under CODE_DEPLOY changes by a deployment, in which steps traffic shifts, and what
//! CodeDeploy, ECS and auto scaling have moved since the last apply
//! ([decision 0006](../../docs/decisions/0006-what-a-deployment-moves-is-its-own.md)).

use payctl_model::{Address, PropertyPath, Step, Value};

use super::decide::Planner;
use super::differences::{self, Difference, Sides};
use super::ownership::{APP_SPEC, Deployer, Manager, UNDEPLOYABLE};
use super::prior::{Prior, Seen};
use super::{Action, Change, Drift, Problem, Reason};
use crate::graph::{Why, touches};

/// How a service's change is rolled out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Who shifts the traffic.
    pub by: Manager,
    /// CodeDeploy's deployment group.
    pub group: Option<Address>,
    /// In words: `blue/green, linear 10 % every minute`.
    pub words: String,
}

/// A property that another system has moved: neither drift nor change.
#[derive(Clone, Debug, PartialEq)]
pub struct Managed {
    /// Which resource.
    pub address: Address,
    /// Where.
    pub property: PropertyPath,
    /// What was last applied.
    pub declared: Option<Value>,
    /// What is live.
    pub live: Option<Value>,
    /// Who moved it.
    pub by: Manager,
    /// The resource by which it does; `None` where the environment does not have it.
    pub owner: Option<Address>,
}

impl Planner<'_> {
    /// The differences of a service under CODE_DEPLOY. What an AppSpec says changes where the template says something else than was
    /// applied last, and that is not what runs: whatever another deployment left there is CodeDeploy's.
    pub(super) fn deployed(
        &self,
        address: &Address,
        prior: &Prior,
        wanted: &Value,
        changes: Vec<Difference>,
    ) -> Vec<Difference> {
        let (on_live, mut found): (Vec<Difference>, Vec<Difference>) =
            changes.into_iter().partition(is_app_spec);
        let live = prior.model(address, self.observed);
        let is_fresh = |of: &_| self.known.is_fresh(of);
        let rules = self.rules.of(&prior.type_name);
        let since = differences::differences(&Sides {
            remembered: false,
            type_name: &prior.type_name,
            declared: &self.ownership.yielding(address, wanted, &prior.applied),
            live: &prior.applied,
            applied: &prior.applied,
            verify_secret: self.options.verify_secret,
            is_fresh: &is_fresh,
            not_told: &rules.not_told,
            create_only: &rules.create_only,
            conditional: &rules.conditional,
            only_withdrawn: &rules.only_withdrawn,
            resets: &rules.resets,
        });
        // While a deployment is going on, what is live is not what stays.
        let is_moving = matches!(
            prior.seen(address, self.observed),
            Seen::Live {
                deploying: true,
                ..
            }
        );
        let differs = |one: &Difference| {
            let head = one.property.head();
            on_live.iter().any(|live| live.property.head() == head)
        };
        let edited = since.changes.into_iter().filter(is_app_spec);
        found.extend(
            edited
                .filter(|one| is_moving || differs(one))
                .map(|one| Difference {
                    live: live.at(&one.property).cloned(),
                    deploys: true,
                    ..one
                }),
        );
        for one in on_live {
            let is_told = found
                .iter()
                .any(|other| other.property.head() == one.property.head());
            if !is_told && !self.is_code_deploys(address, &one.property) {
                found.push(Difference {
                    deploys: true,
                    ..one
                });
            }
        }
        found.sort_by(|a, b| a.property.cmp(&b.property));
        found
    }

    /// Whether a deployment of CodeDeploy may have moved this property of a service: all that an AppSpec says. Between which target
    /// groups it shifts traffic its group says; another one is nothing of its doing.
    fn is_code_deploys(&self, address: &Address, property: &PropertyPath) -> bool {
        let Some(Deployer::CodeDeploy(group)) = self.ownership.deployer(address) else {
            return false;
        };
        let Some(head) = property.head().filter(|head| APP_SPEC.contains(head)) else {
            return false;
        };
        let of_container = || {
            let last = property.steps().last();
            ["ContainerName", "ContainerPort"]
                .iter()
                .any(|key| last == Some(&Step::Key((*key).to_owned())))
        };
        group.is_none() || head != "LoadBalancers" || of_container()
    }

    /// Notes that deployments have moved forwards since the last apply.
    pub(super) fn tell_moved(&mut self, address: &Address, prior: &Prior, live: &Value) {
        let mut moved = Vec::new();
        for (by, owner, yielding) in self.ownership.movers(address, &prior.applied, live) {
            for list in ["Actions", "DefaultActions", "LoadBalancers"] {
                if yielding.get(list) != prior.applied.get(list) && !self.is_same(prior, list, live)
                {
                    moved.push(Managed {
                        address: address.clone(),
                        property: list.into(),
                        declared: prior.applied.get(list).cloned(),
                        live: live.get(list).cloned(),
                        by,
                        owner: Some(owner.clone()),
                    });
                }
            }
        }
        self.plan.managed.extend(moved);
    }

    /// Whether what was applied means what is live, however both are written.
    fn is_same(&self, prior: &Prior, list: &str, live: &Value) -> bool {
        let only = |of: &Value| {
            let value = of.get(list).cloned();
            Value::Map(
                value
                    .map(|value| (list.to_owned(), value))
                    .into_iter()
                    .collect(),
            )
        };
        let found = differences::differences(&Sides {
            remembered: false,
            type_name: &prior.type_name,
            declared: &only(&prior.applied),
            live: &only(live),
            applied: &Value::Null,
            verify_secret: self.options.verify_secret,
            is_fresh: &|_| false,
            not_told: &[],
            create_only: &[],
            conditional: &[],
            only_withdrawn: &[],
            resets: &[],
        });
        found.changes.is_empty()
    }

    /// Whether a difference is another system's doing; that of one of which people want to hear is noted.
    pub(super) fn is_managed(&mut self, drift: &Drift) -> bool {
        let Drift {
            address, property, ..
        } = drift;
        let manager = self
            .ownership
            .manager(address, property)
            .map(|(by, owner)| (by, Some(owner.clone())));
        let deployer = || match self.ownership.deployer(address) {
            Some(Deployer::CodeDeploy(group)) if self.is_code_deploys(address, property) => {
                Some((Manager::CodeDeploy, group.clone()))
            }
            _ => None,
        };
        let Some((by, owner)) = manager.or_else(deployer) else {
            return self.ownership.owner(address, property).is_some();
        };
        let leaves = |owner: &Address| !self.graph.is_empty() && !self.graph.contains(owner);
        let is_edited = self.plan.changes.get(address).is_some_and(|change| {
            change
                .edits
                .iter()
                .any(|edit| touches(&edit.property, property))
        });
        let is_given_back = owner.as_ref().is_some_and(leaves) || is_edited;
        if !drift.undeclared && !is_given_back {
            self.plan.managed.push(Managed {
                address: address.clone(),
                property: property.clone(),
                declared: drift.declared.clone(),
                live: drift.live.clone(),
                by,
                owner,
            });
        }
        true
    }

    /// Says how a service's change is rolled out, and what stands in the way of it.
    pub(super) fn decide_deployment(&mut self, change: &mut Change, prior: &Prior, wanted: &Value) {
        if !matches!(change.action, Action::Update | Action::Deploy) {
            return;
        }
        self.tell_revisions(change, prior, wanted);
        match self.ownership.deployer(&change.address) {
            Some(Deployer::Ecs) => {
                change.deployment = Some(Deployment {
                    by: Manager::Ecs,
                    group: None,
                    words: ecs_words(wanted),
                });
            }
            Some(Deployer::CodeDeploy(group)) => {
                let group = group.clone();
                self.decide_code_deploy(change, group);
            }
            None => {}
        }
    }

    fn decide_code_deploy(&mut self, change: &mut Change, group: Option<Address>) {
        for edit in &change.edits {
            if edit
                .property
                .head()
                .is_some_and(|head| UNDEPLOYABLE.contains(&head))
            {
                self.plan.problems.push(Problem::NotDeployable {
                    address: change.address.clone(),
                    property: edit.property.clone(),
                });
            }
        }
        let deployed = change.reasons.iter().find_map(|reason| match reason {
            Reason::Deployed { property, .. } => Some(property.clone()),
            _ => None,
        });
        let Some(property) = deployed else { return };
        let group = group.filter(|group| self.graph.contains(group));
        let is_live = |group: &Address| {
            self.prior
                .get(group)
                .is_some_and(|prior| !matches!(prior.seen(group, self.observed), Seen::Gone))
        };
        let why = match &group {
            Some(group) if is_live(group) => {
                change.deployment = Some(Deployment {
                    by: Manager::CodeDeploy,
                    group: Some(group.clone()),
                    words: self.code_deploy_words(group),
                });
                return;
            }
            Some(group) => format!(
                "its deployment group {group} does not exist yet: apply once with the former values, which makes the group, then \
                 change them"
            ),
            None => "no deployment group of this environment names the service: declare an AWS::CodeDeploy::DeploymentGroup whose \
                     ECSServices does"
                .to_owned(),
        };
        self.plan.problems.push(Problem::NoDeploymentGroup {
            address: change.address.clone(),
            property,
            why,
        });
    }

    /// Why a service is to run another revision although its task definition does not change: what was applied last is another one.
    fn tell_revisions(&mut self, change: &Change, prior: &Prior, wanted: &Value) {
        let revision = |of: &Value| {
            let arn = of.get("TaskDefinition")?.as_str()?;
            let (family, revision) = arn.rsplit_once(':')?;
            Some((family.to_owned(), revision.parse::<u64>().ok()?))
        };
        let is_edited = change
            .edits
            .iter()
            .any(|edit| edit.property.head() == Some("TaskDefinition"));
        let (Some(was), Some(is), true) = (revision(&prior.applied), revision(wanted), is_edited)
        else {
            return;
        };
        if was.0 != is.0 || was.1 == is.1 {
            return;
        }
        let short = |(family, revision): &(String, u64)| {
            let family = family.rsplit('/').next().unwrap_or(family);
            format!("{family}:{revision}")
        };
        let (address, was_name, is_name) = (&change.address, short(&was), short(&is));
        let is_moving = matches!(
            prior.seen(address, self.observed),
            Seen::Live {
                deploying: true,
                ..
            }
        );
        self.plan.warnings.push(match was.1 > is.1 {
            _ if is_moving => format!(
                "a deployment to {address} is going on; where it brings {is_name}, apply follows it to its end"
            ),
            true => format!(
                "{address} runs {was_name}, which was deployed without the template (payctl deploy or rollback); apply goes back to \
                 {is_name}, which the template declares: to keep what runs, write its image into the template"
            ),
            false => format!(
                "{address}: {was_name} is what was deployed last; {is_name}, which the template declares, was not deployed \
                 successfully yet, or was rolled back"
            ),
        });
    }

    /// A group's deployment configuration in words.
    fn code_deploy_words(&self, group: &Address) -> String {
        let node = self.graph.get(group);
        let live = self
            .prior
            .get(group)
            .map(|prior| prior.model(group, self.observed));
        let models = || node.map(|node| &node.shape).into_iter().chain(&live);
        let name = models().find_map(|model| model.get("DeploymentConfigName")?.as_str());
        let by_reference = || {
            let producers = self.graph.producers(group).into_iter();
            producers
                .filter(|(_, edge)| {
                    edge.why.iter().any(|why| {
                        matches!(why, Why::Reference { property, .. } if property.head() == Some("DeploymentConfigName"))
                    })
                })
                .find_map(|(producer, _)| self.graph.get(producer))
        };
        let by_name = || {
            let mut nodes = self.graph.nodes();
            nodes.find_map(|(_, node)| {
                let config = node.shape.get("DeploymentConfigName")?.as_str();
                let is_config = node.resource.type_name == "AWS::CodeDeploy::DeploymentConfig";
                (is_config && name.is_some() && config == name).then_some(node)
            })
        };
        let shift = match by_reference().or_else(by_name) {
            Some(config) => routing_words(&config.shape),
            None => predefined_words(name.unwrap_or("CodeDeployDefault.ECSAllAtOnce")),
        };
        let wait: PropertyPath =
            "BlueGreenDeploymentConfiguration.TerminateBlueInstancesOnDeploymentSuccess".into();
        let wait = models().find_map(|model| {
            let minutes = model.at(&wait)?.get("TerminationWaitTimeInMinutes")?;
            minutes.as_i64()
        });
        match wait {
            Some(minutes) if minutes > 0 => format!(
                "blue/green, {shift}, the old tasks {} longer",
                amount(minutes, "minute")
            ),
            _ => format!("blue/green, {shift}"),
        }
    }
}

fn is_app_spec(difference: &Difference) -> bool {
    difference
        .property
        .head()
        .is_some_and(|head| APP_SPEC.contains(&head))
}

/// `1 minute`, `5 minutes`.
fn amount(count: i64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn every(minutes: i64) -> String {
    match minutes {
        1 => "minute".to_owned(),
        _ => format!("{minutes} minutes"),
    }
}

/// The predefined configurations say in their names what they do (CodeDeploy user guide, "Predefined deployment configurations for
/// an Amazon ECS compute platform").
fn predefined_words(name: &str) -> String {
    let short = name
        .strip_prefix("CodeDeployDefault.ECS")
        .unwrap_or_default();
    let numbers = |text: &str, between: &str, end: &str| {
        let (percent, minutes) = text.strip_suffix(end)?.split_once(between)?;
        Some((percent.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?))
    };
    let linear = short
        .strip_prefix("Linear")
        .and_then(|rest| numbers(rest, "PercentEvery", "Minutes"));
    let canary = short
        .strip_prefix("Canary")
        .and_then(|rest| numbers(rest, "Percent", "Minutes"));
    match (short, linear, canary) {
        ("AllAtOnce", ..) => "all at once".to_owned(),
        (_, Some((percent, minutes)), _) => format!("linear {percent} % every {}", every(minutes)),
        (_, _, Some((percent, minutes))) => {
            format!("canary {percent} % for {}", amount(minutes, "minute"))
        }
        _ => format!("as {name} says"),
    }
}

/// A configuration of the templates.
fn routing_words(config: &Value) -> String {
    let number = |path: &str| {
        let value = config.at(&format!("TrafficRoutingConfig.{path}").as_str().into());
        value.and_then(|value| value.to_text()?.parse::<i64>().ok())
    };
    let linear =
        number("TimeBasedLinear.LinearPercentage").zip(number("TimeBasedLinear.LinearInterval"));
    let canary =
        number("TimeBasedCanary.CanaryPercentage").zip(number("TimeBasedCanary.CanaryInterval"));
    match (linear, canary) {
        (Some((percent, minutes)), _) => format!("linear {percent} % every {}", every(minutes)),
        (_, Some((percent, minutes))) => {
            format!("canary {percent} % for {}", amount(minutes, "minute"))
        }
        _ => "all at once".to_owned(),
    }
}

/// ECS's own strategies, with the defaults of API_LinearConfiguration and API_CanaryConfiguration.
fn ecs_words(service: &Value) -> String {
    let number = |path: &str| {
        let value = service.at(&format!("DeploymentConfiguration.{path}").as_str().into());
        value.and_then(|value| value.to_text()?.parse::<f64>().ok())
    };
    let strategy = service.at(&"DeploymentConfiguration.Strategy".into());
    let shift = match strategy.and_then(Value::as_str) {
        Some("LINEAR") => format!(
            "linear {} % every {}",
            number("LinearConfiguration.StepPercent").unwrap_or(10.0),
            every(number("LinearConfiguration.StepBakeTimeInMinutes").unwrap_or(6.0) as i64)
        ),
        Some("CANARY") => format!(
            "canary {} % for {}",
            number("CanaryConfiguration.CanaryPercent").unwrap_or(5.0),
            amount(
                number("CanaryConfiguration.CanaryBakeTimeInMinutes").unwrap_or(10.0) as i64,
                "minute"
            )
        ),
        _ => "all at once".to_owned(),
    };
    match number("BakeTimeInMinutes") {
        Some(minutes) if minutes > 0.0 => format!(
            "blue/green by ECS, {shift}, the old tasks {} longer",
            amount(minutes as i64, "minute")
        ),
        _ => format!("blue/green by ECS, {shift}"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shifts_are_told_in_words() {
        for (name, words) in [
            (
                "CodeDeployDefault.ECSLinear10PercentEvery1Minutes",
                "linear 10 % every minute",
            ),
            (
                "CodeDeployDefault.ECSLinear10PercentEvery3Minutes",
                "linear 10 % every 3 minutes",
            ),
            (
                "CodeDeployDefault.ECSCanary10Percent5Minutes",
                "canary 10 % for 5 minutes",
            ),
            (
                "CodeDeployDefault.ECSCanary10Percent15Minutes",
                "canary 10 % for 15 minutes",
            ),
            ("CodeDeployDefault.ECSAllAtOnce", "all at once"),
            ("Careful", "as Careful says"),
        ] {
            assert_eq!(predefined_words(name), words);
        }
        let config = |json| routing_words(&Value::from(json));
        let linear = json!({"TrafficRoutingConfig": {"Type": "TimeBasedLinear", "TimeBasedLinear": {
            "LinearInterval": 2, "LinearPercentage": "25"}}});
        assert_eq!(config(linear), "linear 25 % every 2 minutes");
        let canary = json!({"TrafficRoutingConfig": {"Type": "TimeBasedCanary", "TimeBasedCanary": {
            "CanaryInterval": 1, "CanaryPercentage": 5}}});
        assert_eq!(config(canary), "canary 5 % for 1 minute");
        let service = json!({"DeploymentConfiguration": {"Strategy": "CANARY", "BakeTimeInMinutes": 5,
            "CanaryConfiguration": {"CanaryPercent": 2.5}}});
        assert_eq!(
            ecs_words(&Value::from(service)),
            "blue/green by ECS, canary 2.5 % for 10 minutes, the old tasks 5 minutes longer"
        );
    }
}
