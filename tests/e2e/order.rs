//! Each native type has its place in the order of things: what is made before that which it refers to, or deleted before what
//! refers to it, AWS refuses. Here payctl's order is broken for every resource of templates that have every native type; the
//! simulated AWS catches it by a law, or it stands below why AWS itself would not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use payctl::graph::Rules;
use payctl_model::{Address, Clock, Incarnation, Secret, Value};
use payctl_resources::{
    AwsError, AwsErrorKind, Caller, Context, Deletion, Owner, TYPES, prepare, resource,
};
use payctl_sandbox::{Options, Sandbox};
use payctl_state::ResourceState;
use serde_json::Value as Json;

use crate::harness::world::{REGION, World};

/// Templates under `tests/e2e/templates`, and their parameters.
const TEMPLATES: &[(&str, &[(&str, &str)])] = &[
    (
        "../../../platforms/high-availability/template.yaml",
        &[
            ("EnvironmentSuffix", "dev"),
            ("DBMasterPassword", "correct-horse-9"),
        ],
    ),
    ("data/alarms.yaml", &[]),
    ("data/keys.yaml", &[]),
    ("data/log_groups.yaml", &[]),
    ("data/mysql_standalone.yaml", &[]),
    ("data/scaling.yaml", &[]),
    ("data/topics.yaml", &[]),
    ("data/watching.yaml", &[]),
    ("edge.yaml", &[]),
    ("gateway_nlb.yaml", &[]),
    ("private_network.yaml", &[]),
    ("roles.yaml", &[]),
    ("schedules.yaml", &[]),
    ("security_groups.yaml", &[]),
    ("settlement.yaml", &[]),
    ("shop.yaml", &[]),
    ("workers.yaml", &[]),
];

/// Types that AWS lets go although something refers to them, and why.
const LET_GO: &[(&str, &str)] = &[];

/// Types that AWS makes although what they refer to is not there, and why.
const MADE_BEFOREHAND: &[(&str, &str)] = &[];

/// Types that refer to nothing and to which nothing refers.
const ALONE: &[&str] = &[];

/// A simulated AWS without the SDK in between.
struct Direct(Sandbox);

#[async_trait]
impl Caller for Direct {
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        self.0
            .invoke("key", REGION, service, operation, input)
            .map_err(|refusal| AwsError {
                service: service.to_owned(),
                operation: operation.to_owned(),
                code: refusal.code,
                message: refusal.message,
                request_id: None,
                kind: AwsErrorKind::Service,
            })
    }
}

/// What was caught, and what was not: by type.
#[derive(Default)]
struct Caught {
    created: BTreeMap<String, BTreeSet<String>>,
    deleted: BTreeMap<String, BTreeSet<String>>,
    accepted: BTreeSet<String>,
    let_go: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Caught {
    /// Deletes what others refer to, while they are there.
    async fn delete_early(&mut self, world: &World, snapshot: &Path, clock: &Clock) {
        let referred: BTreeSet<&Address> = world
            .state
            .resources
            .values()
            .flat_map(|user| &user.dependencies)
            .filter(|(_, dependency)| !dependency.attributes.is_empty())
            .map(|(used, _)| used)
            .collect();
        for address in referred {
            let Some(kept) = world.state.resources.get(address) else {
                continue;
            };
            let (Some(module), Some(id)) = (resource(&kept.type_name), &kept.physical_id) else {
                continue;
            };
            let sandbox = Sandbox::open(snapshot, clock.clone()).expect("a snapshot");
            let context = Context::new(std::sync::Arc::new(Direct(sandbox)), clock.clone());
            let deletion = Deletion {
                final_snapshot: None,
                last_applied: Some(kept.last_applied.clone()),
                without_recovery: false,
            };
            match module.delete(&context, id, &deletion).await {
                Err(error) => {
                    let code = error.code().map(str::to_owned);
                    let code = code.unwrap_or_else(|| panic!("deleting {address}: {error}"));
                    self.deleted
                        .entry(kept.type_name.clone())
                        .or_default()
                        .insert(code);
                }
                Ok(()) => {
                    self.let_go.insert(kept.type_name.clone());
                }
            }
        }
    }

    /// Makes what refers to others, in an AWS that has none of them.
    async fn create_early(&mut self, world: &World, clock: &Clock) {
        for (address, kept) in &world.state.resources {
            let refers = kept
                .dependencies
                .values()
                .any(|dependency| !dependency.attributes.is_empty());
            let Some(module) = resource(&kept.type_name).filter(|_| refers) else {
                continue;
            };
            let sandbox = Sandbox::new(clock.clone(), Options::default());
            let context = Context::new(std::sync::Arc::new(Direct(sandbox)), clock.clone());
            let incarnation = Incarnation::from_bits(7);
            let owner = Owner {
                project: "shop",
                environment: "local",
                address,
                incarnation: &incarnation,
            };
            let properties = in_the_open(kept);
            let desired = prepare(module.definition(), &properties, &owner, &BTreeMap::new());
            match module.create(&context, &desired, &incarnation).await {
                Err(error) => {
                    let code = error.code().map(str::to_owned);
                    let code = code.unwrap_or_else(|| panic!("making {address}: {error}"));
                    self.created
                        .entry(kept.type_name.clone())
                        .or_default()
                        .insert(code);
                }
                Ok(_) => {
                    self.accepted.insert(kept.type_name.clone());
                }
            }
        }
    }
}

/// What was applied, with something in the place of its secrets.
fn in_the_open(kept: &ResourceState) -> Value {
    kept.last_applied.map_leaves(&mut |leaf| match leaf {
        Value::Secret(Secret::Hashed(_)) => Value::secret("correct-horse-9"),
        other => other.clone(),
    })
}

fn listed(list: &[(&str, &str)], type_name: &str) -> bool {
    list.iter()
        .any(|(of, reason)| *of == type_name && !reason.is_empty())
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_too_early_or_goes_too_early_is_caught() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/templates");
    let rules = Rules::native();
    let mut caught = Caught::default();
    for (file, parameters) in TEMPLATES {
        let text = std::fs::read_to_string(folder.join(file)).expect(file);
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let graph = World::graph(&text, &parameters, &rules)
            .unwrap_or_else(|wrong| panic!("{file}: {wrong:?}"));
        let mut world = World::new().await;
        let planned = world.plan(Some(graph), &rules).await;
        let outcome = world.carry_out(planned).await;
        assert!(outcome.is_complete(), "{file}: {:?}", outcome.failures);
        let (kept, clock) = (tempfile::tempdir().expect("a folder"), world.clock.clone());
        let snapshot = kept.path().join("world.json");
        std::fs::write(&snapshot, world.sandbox.dump().to_string()).expect("a snapshot");
        caught.delete_early(&world, &snapshot, &clock).await;
        caught.create_early(&world, &clock).await;
        let types = world.state.resources.values();
        caught.seen.extend(types.map(|kept| kept.type_name.clone()));
    }
    for (what, by_type) in [("made", &caught.created), ("deleted", &caught.deleted)] {
        for (type_name, codes) in by_type {
            eprintln!("{type_name} {what} too early: {codes:?}");
        }
    }
    let mut wrong = Vec::new();
    for type_name in caught.accepted.iter() {
        if !listed(MADE_BEFOREHAND, type_name) {
            wrong.push(format!("{type_name} is made before what it refers to"));
        }
    }
    for type_name in caught.let_go.iter() {
        if !listed(LET_GO, type_name) {
            wrong.push(format!("{type_name} is deleted before what refers to it"));
        }
    }
    for definition in TYPES.iter().map(|resource| resource.definition()) {
        let name = definition.type_name;
        let has_place = caught.created.contains_key(name)
            || caught.deleted.contains_key(name)
            || listed(LET_GO, name)
            || listed(MADE_BEFOREHAND, name)
            || ALONE.contains(&name);
        if !caught.seen.contains(name) {
            wrong.push(format!("no template has {name}"));
        } else if !has_place {
            wrong.push(format!("nothing holds {name} in its place"));
        }
    }
    let laws = caught.created.len() + caught.deleted.len();
    eprintln!("{laws} places in the order are held by laws");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(laws >= 40, "only {laws}");
}
