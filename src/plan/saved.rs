//! [`SavedPlan`]: what `plan --out` writes. Applying plans again and goes on only where everything is as it was; what is
//! applied is then exactly what was shown.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, Secret, Value};
use payctl_state::State;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Change, Drift, Plan};

/// The version of the file's format.
pub const SAVED_PLAN_VERSION: u32 = 1;

/// A plan as it is kept in a file: no secret, no property, only what tells whether it still holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// The format's version.
    pub format_version: u32,
    /// The payctl that planned.
    pub payctl_version: String,
    /// The environment.
    pub environment: String,
    /// The state's lineage.
    pub lineage: String,
    /// The state's serial.
    pub serial: u64,
    /// The salt of the hashed parameters. An environment that has no state yet takes lineage and salt from here.
    pub salt: String,
    /// `--destroy`.
    pub destroy: bool,
    /// `--target`.
    pub targets: BTreeSet<Address>,
    /// `--allow-destructive`.
    pub allow_destructive: bool,
    /// Digests of the templates' texts, by `region/stack`.
    pub templates: BTreeMap<String, String>,
    /// The parameters, by `region/stack.Name`: digests, of secrets salted hashes.
    pub parameters: BTreeMap<String, String>,
    /// Digests of what is done to each resource and what is live of it, by address; no-ops without drift left out.
    pub changes: BTreeMap<Address, String>,
    /// The digest of the whole plan.
    pub fingerprint: String,
}

/// What a plan was made from besides the state and what is live.
#[derive(Clone, Debug, Default)]
pub struct PlanInputs {
    /// The environment.
    pub environment: String,
    /// `--destroy`.
    pub destroy: bool,
    /// `--target`.
    pub targets: BTreeSet<Address>,
    /// `--allow-destructive`.
    pub allow_destructive: bool,
    /// The templates' texts, by `region/stack`.
    pub templates: BTreeMap<String, String>,
    /// The parameters, by `region/stack.Name`, secrets as [`Value::Secret`].
    pub parameters: BTreeMap<String, Value>,
}

/// Why a saved plan cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// It is no saved plan.
    #[error("this is no saved plan: {0}")]
    Unreadable(String),
    /// Another version wrote it.
    #[error("this plan was saved in format {0}, which this payctl does not read: plan again")]
    Format(u32),
    /// Something is not as it was.
    #[error("this plan is stale: {}: plan again", .0.join("; "))]
    Stale(Vec<String>),
}

/// A stable digest of a plan: the same for the same decisions, whatever secrets are.
pub fn fingerprint(plan: &Plan) -> String {
    let changes = digests(plan)
        .into_iter()
        .map(|(address, digest)| format!("{address} {digest}\n"));
    let deposed = plan
        .deposed
        .iter()
        .map(|old| format!("{} {} {:?}\n", old.address, old.physical_id, old.removal));
    let outputs = plan
        .outputs
        .iter()
        .map(|(name, value)| format!("{name} {}\n", value.to_json()));
    digest(&changes.chain(deposed).chain(outputs).collect::<String>())
}

impl SavedPlan {
    /// Of a plan. `hash_secret` makes the salted hash that the state uses too.
    pub fn new(
        plan: &Plan,
        inputs: &PlanInputs,
        state: &State,
        hash_secret: &dyn Fn(&str) -> String,
    ) -> SavedPlan {
        let parameters = inputs.parameters.iter().map(|(name, value)| {
            let hashed = value.map_leaves(&mut |leaf| match leaf {
                Value::Secret(Secret::Plain(text)) => {
                    Value::Secret(Secret::Hashed(hash_secret(text)))
                }
                other => other.clone(),
            });
            let kept = match &hashed {
                Value::Secret(Secret::Hashed(hash)) => hash.clone(),
                other => digest(&other.to_json().to_string()),
            };
            (name.clone(), kept)
        });
        SavedPlan {
            format_version: SAVED_PLAN_VERSION,
            payctl_version: env!("CARGO_PKG_VERSION").to_owned(),
            environment: inputs.environment.clone(),
            lineage: state.lineage.clone(),
            serial: state.serial,
            salt: state.salt.clone(),
            destroy: inputs.destroy,
            targets: inputs.targets.clone(),
            allow_destructive: inputs.allow_destructive,
            templates: inputs
                .templates
                .iter()
                .map(|(name, text)| (name.clone(), digest(text)))
                .collect(),
            parameters: parameters.collect(),
            changes: digests(plan),
            fingerprint: fingerprint(plan),
        }
    }

    /// The file's text.
    pub fn to_text(&self) -> String {
        // Strings, numbers and maps with text keys always serialize.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Where it is no saved plan, or one of another format.
    pub fn from_text(text: &str) -> Result<SavedPlan, SavedPlanError> {
        let json: serde_json::Value = serde_json::from_str(text)
            .map_err(|error| SavedPlanError::Unreadable(error.to_string()))?;
        match json["format_version"].as_u64() {
            Some(version) if version == u64::from(SAVED_PLAN_VERSION) => {}
            Some(version) => {
                return Err(SavedPlanError::Format(
                    u32::try_from(version).unwrap_or(u32::MAX),
                ));
            }
            None => {
                return Err(SavedPlanError::Unreadable(
                    "it has no format_version".into(),
                ));
            }
        }
        serde_json::from_value(json).map_err(|error| SavedPlanError::Unreadable(error.to_string()))
    }

    /// A state that was never written has its lineage and salt anew in every process: it takes on those that the plan was
    /// made with, so that the first plan of an environment can be applied, once.
    pub fn found(&self, state: &mut State) {
        if state.serial == 0 && self.serial == 0 {
            state.lineage.clone_from(&self.lineage);
            state.salt.clone_from(&self.salt);
        }
    }

    /// Checks that a plan made now is this one. `verify_secret` tells whether a text is what a hash was made from.
    ///
    /// # Errors
    /// [`SavedPlanError::Stale`], naming everything that changed.
    pub fn check(
        &self,
        plan: &Plan,
        inputs: &PlanInputs,
        state: &State,
        verify_secret: &dyn Fn(&str, &str) -> bool,
    ) -> Result<(), SavedPlanError> {
        let now = SavedPlan::new(plan, inputs, state, &|text| {
            // A hash may differ from one made before of the same text: ask, and keep the saved one where it fits.
            self.parameters
                .values()
                .find(|hash| verify_secret(text, hash))
                .cloned()
                .unwrap_or_default()
        });
        let mut stale = Vec::new();
        if self.environment != now.environment {
            stale.push(format!(
                "it is for environment `{}`, not `{}`",
                self.environment, now.environment
            ));
        }
        if self.payctl_version != now.payctl_version {
            stale.push(format!(
                "payctl {} made it, this is {}",
                self.payctl_version, now.payctl_version
            ));
        }
        if self.lineage != now.lineage {
            stale.push("the state is another one".to_owned());
        } else if self.serial != now.serial {
            stale.push(format!(
                "the state has serial {}, it was {}",
                now.serial, self.serial
            ));
        }
        if (self.destroy, &self.targets, self.allow_destructive)
            != (now.destroy, &now.targets, now.allow_destructive)
        {
            stale.push("it was made with other options".to_owned());
        }
        for name in other(&self.templates, &now.templates) {
            stale.push(format!("the template of {name} changed"));
        }
        for name in other(&self.parameters, &now.parameters) {
            stale.push(format!("parameter {name} changed"));
        }
        if stale.is_empty() {
            for address in other(&self.changes, &now.changes) {
                stale.push(format!("{address} has changed in AWS"));
            }
            if stale.is_empty() && self.fingerprint != now.fingerprint {
                stale.push("what would be done is not what was planned".to_owned());
            }
        }
        if stale.is_empty() {
            Ok(())
        } else {
            Err(SavedPlanError::Stale(stale))
        }
    }
}

/// The keys at which two maps differ.
fn other<'a, K: Ord>(a: &'a BTreeMap<K, String>, b: &'a BTreeMap<K, String>) -> Vec<&'a K> {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    keys.into_iter()
        .filter(|key| a.get(key) != b.get(key))
        .collect()
}

fn digests(plan: &Plan) -> BTreeMap<Address, String> {
    let mut drifted: BTreeMap<&Address, Vec<&Drift>> = BTreeMap::new();
    for drift in &plan.drift {
        drifted.entry(&drift.address).or_default().push(drift);
    }
    plan.changes
        .values()
        .map(|change| (change, drifted.remove(&change.address).unwrap_or_default()))
        .filter(|(change, drift)| change.action != super::Action::NoOp || !drift.is_empty())
        .map(|(change, drift)| (change.address.clone(), digest(&written(change, &drift))))
        .collect()
}

fn written(change: &Change, drift: &[&Drift]) -> String {
    let shown = |value: &Option<Value>| {
        value
            .as_ref()
            .map(|value| value.to_json().to_string())
            .unwrap_or_default()
    };
    let mut text = format!(
        "{} {} {:?} {:?} {:?}\n{:?}\n{}\n",
        change.address,
        change.type_name,
        change.physical_id,
        change.action,
        change.removal,
        change.reasons,
        shown(&change.after),
    );
    for edit in &change.edits {
        text += &format!(
            "{} {} {} {}\n",
            edit.property,
            shown(&edit.before),
            shown(&edit.after),
            edit.replaces
        );
    }
    for drift in drift {
        text += &format!(
            "{} {} {}\n",
            drift.property,
            shown(&drift.declared),
            shown(&drift.live)
        );
    }
    text
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
