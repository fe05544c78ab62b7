//! Deployments to instances. What an agent does on one is not simulated: it succeeds.

use super::deployments::{self, DEPLOYMENT};
use super::groups::{self, GROUP};
use crate::call::Call;
use crate::world::{Key, Record, Step};
use serde_json::{Value as Json, json};

/// How long the agents take, in seconds.
const TAKES: f64 = 30.0;

/// Begins with the instances that the group's tags choose, and ends.
pub(super) fn advance(call: &mut Call, key: &Key, event: &str) {
    let Some(deployment) = call.world.get(key).cloned() else {
        return;
    };
    if event != "begins" {
        let count = deployment.hidden.get("instances").cloned();
        call.world.update(key, |deployment| {
            deployment.set("deploymentOverview.InProgress", 0);
            deployment.set("deploymentOverview.Succeeded", count.unwrap_or(json!(0)));
        });
        deployments::end(call, key, "Succeeded", None);
        return;
    }
    let group = call
        .find(GROUP.name, &groups::id_of(&deployment.body))
        .cloned();
    let count = group.map_or(0, |group| chosen(call, &group));
    if count == 0 {
        let message = "The deployment failed because no instances were found for your deployment group. Check your deployment group \
                       settings to make sure the tags for your Amazon EC2 instances or Auto Scaling groups correctly identify the \
                       instances you want to deploy to, and then try again.";
        deployments::end(call, key, "Failed", Some(("NO_INSTANCES", message)));
        return;
    }
    let at = call.now + TAKES;
    call.update(DEPLOYMENT.name, &key.id, |deployment| {
        deployment.hidden.insert("instances".into(), json!(count));
        deployment.set("deploymentOverview.InProgress", count);
        deployment.steps.push(Step::event(at, "deployed"));
    });
}

/// How many running instances have the tags: one of the filters, or one of each set (CodeDeploy User Guide, Tagging instances
/// for deployments).
fn chosen(call: &Call, group: &Record) -> usize {
    let matches = |instance: &Record, filter: &Json| {
        let text = |name: &str| filter[name].as_str().unwrap_or_default().to_owned();
        let (key, value) = (text("Key"), text("Value"));
        match filter["Type"].as_str() {
            Some("KEY_ONLY") => instance.tags.contains_key(&key),
            Some("VALUE_ONLY") => instance.tags.values().any(|one| *one == value),
            _ => instance.tags.get(&key) == Some(&value),
        }
    };
    let filters = group.list("ec2TagFilters");
    let sets: Vec<Vec<Json>> = match group.body.get("ec2TagSet") {
        Some(set) => set["ec2TagSetList"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|list| list.as_array().cloned())
            .collect(),
        None if filters.is_empty() => Vec::new(),
        None => vec![filters.to_vec()],
    };
    if sets.is_empty() {
        return 0;
    }
    call.list("ec2/instance")
        .filter(|instance| instance.is("State.Name", "running"))
        .filter(|instance| {
            let mut all = sets.iter();
            all.all(|set| set.iter().any(|filter| matches(instance, filter)))
        })
        .count()
}
