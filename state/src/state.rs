//! [`State`]: the resources of one environment as the last run left them.

use std::collections::BTreeMap;

use payctl_model::{Address, Incarnation, PhysicalId, Value};
use serde::{Deserialize, Serialize};

use crate::secrets::is_open;

/// The version of the state file's format that this program writes.
pub const FORMAT_VERSION: u32 = 1;

/// Everything payctl knows of one environment between runs. Secrets stand in it as salted hashes only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The format's version.
    pub format_version: u32,
    /// The payctl that wrote it.
    pub payctl_version: String,
    /// Counts the writes; a saved plan and a journal name the one they were made from.
    pub serial: u64,
    /// Drawn once at random: tells this environment's history from any other.
    pub lineage: String,
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The AWS account; `None` until the first apply.
    pub account: Option<String>,
    /// The salt of the secrets' hashes.
    pub salt: String,
    /// The journal that was taken in last: left over by a kill after the save, it is not settled again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absorbed: Option<Absorbed>,
    /// What was looked up in AWS before planning and must not change by itself (availability zones by region).
    #[serde(default)]
    pub availability_zones: BTreeMap<String, Vec<String>>,
    /// The parameters of Systems Manager that templates read, by region and name: as they were when first looked up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ssm_parameters: BTreeMap<String, BTreeMap<String, SsmParameter>>,
    /// The registry schemas of types that are not AWS's own, as JSON texts by the types' names: as they were when first looked up.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub type_schemas: BTreeMap<String, String>,
    /// The outputs, by `region/stack.Name`.
    #[serde(default)]
    pub outputs: BTreeMap<String, Value>,
    /// The exports, by `region/Name`: which output holds their value.
    #[serde(default)]
    pub exports: BTreeMap<String, String>,
    /// The resources.
    #[serde(default)]
    pub resources: BTreeMap<Address, ResourceState>,
    /// Replaced resources that are still there, beside their successors.
    #[serde(default)]
    pub deposed: BTreeMap<Address, Vec<ResourceState>>,
}

/// A parameter of Systems Manager, as it was looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SsmParameter {
    /// Its text; `None` where only its existence was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Its version.
    pub version: i64,
}

/// Which records of which journal a state has taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Absorbed {
    /// The journal's name, drawn at random.
    pub journal: String,
    /// How many of its records.
    pub records: u64,
}

/// One resource as the last run left it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceState {
    /// The CloudFormation type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// AWS's identifier; `None` only while it is in doubt.
    pub physical_id: Option<PhysicalId>,
    /// The incarnation that its ownership tags carry.
    pub incarnation: Incarnation,
    /// How it stands.
    pub status: Status,
    /// What the template asked for, evaluated, secrets as hashes.
    pub last_applied: Value,
    /// The model that AWS gave, read-only properties included, secrets as hashes.
    pub attributes: Value,
    /// What it needs of others, so that it is deleted in the right order even when it has left the template.
    #[serde(default)]
    pub dependencies: BTreeMap<Address, Dependency>,
    /// What becomes of it when it is no longer wanted.
    #[serde(default)]
    pub deletion_policy: Policy,
    /// What becomes of it when a successor takes its place.
    #[serde(default)]
    pub update_replace_policy: Policy,
    /// Whether its stack had termination protection when it was last applied.
    #[serde(default)]
    pub protected: bool,
    /// Differences between template and AWS that somebody accepted (`apply --accept-drift`), secrets as hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<AcceptedDrift>,
}

/// A live value that stays although the template declares another. It holds until either of them changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedDrift {
    /// The property's path.
    pub property: String,
    /// What the template declared then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Value>,
    /// What AWS had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Value>,
}

/// How a resource stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It was made and, as far as payctl knows, is whole.
    Ok,
    /// Making it failed half way: the next apply replaces it.
    Tainted,
    /// A successor has taken its place; it is still to be deleted.
    Deposed,
    /// A run died while calling AWS: the next apply finds out what exists.
    InDoubt,
}

/// What a resource needs of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dependency {
    /// How far the other one must have come.
    pub needs: Need,
    /// The attributes that it reads, each with the property that is made from it.
    #[serde(default)]
    pub attributes: Vec<(String, String)>,
}

/// How far a resource must have come for another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// AWS has accepted it.
    #[default]
    Accepted,
    /// It is ready for use.
    Ready,
}

/// `DeletionPolicy` and `UpdateReplacePolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// It is deleted.
    #[default]
    Delete,
    /// It stays in AWS.
    Retain,
    /// It stays in AWS unless the run that made it failed.
    RetainExceptOnCreate,
    /// A final snapshot is taken, then it is deleted.
    Snapshot,
}

impl State {
    /// The state of an environment that has nothing yet. `lineage` and `salt` are drawn by the caller.
    pub fn empty(project: &str, environment: &str, lineage: String, salt: String) -> State {
        State {
            format_version: FORMAT_VERSION,
            payctl_version: env!("CARGO_PKG_VERSION").to_owned(),
            serial: 0,
            lineage,
            project: project.to_owned(),
            environment: environment.to_owned(),
            account: None,
            salt,
            absorbed: None,
            availability_zones: BTreeMap::new(),
            ssm_parameters: BTreeMap::new(),
            type_schemas: BTreeMap::new(),
            outputs: BTreeMap::new(),
            exports: BTreeMap::new(),
            resources: BTreeMap::new(),
            deposed: BTreeMap::new(),
        }
    }

    /// Every resource that may exist in AWS, deposed ones included.
    pub fn all(&self) -> impl Iterator<Item = (&Address, &ResourceState)> {
        let deposed = self
            .deposed
            .iter()
            .flat_map(|(address, list)| list.iter().map(move |old| (address, old)));
        self.resources.iter().chain(deposed)
    }

    /// Whether nothing is left of the environment.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.deposed.is_empty()
    }

    /// Where a secret stands in the open: what must not be written.
    pub(crate) fn open_secret(&self) -> Option<String> {
        let of_resource = |(address, resource): (&Address, &ResourceState)| {
            let accepted = resource.accepted.iter();
            let open = is_open(&resource.last_applied)
                || is_open(&resource.attributes)
                || accepted
                    .flat_map(|accepted| accepted.declared.iter().chain(&accepted.live))
                    .any(is_open);
            open.then(|| address.to_string())
        };
        let of_output =
            |(name, value): (&String, &Value)| is_open(value).then(|| format!("output {name}"));
        let found = self.all().find_map(of_resource);
        found.or_else(|| self.outputs.iter().find_map(of_output))
    }

    /// Takes a deposed resource out, by its identifier.
    pub fn remove_deposed(&mut self, address: &Address, id: &PhysicalId) -> Option<ResourceState> {
        let list = self.deposed.get_mut(address)?;
        let position = list
            .iter()
            .position(|old| old.physical_id.as_ref() == Some(id))?;
        let old = list.remove(position);
        if list.is_empty() {
            self.deposed.remove(address);
        }
        Some(old)
    }
}
