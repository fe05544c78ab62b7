//! Templates as users of payment platforms write them: `templates/NAME.yaml` (or several files, for several stacks), and
//! beside it `templates/NAME.toml` with the changes that its user makes one after the other.
//!
//! Every template is validated, planned, applied, planned again without change or drift, changed, and destroyed without a
//! trace: on the simulated AWS, and on moto where moto can.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::emulator::Emulator;
use crate::harness::{Project, cloud};

/// `templates/NAME.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// How many resources the templates make.
    resources: usize,
    /// The files of the stacks, in the order of payctl.toml; a stack is named after its file, with hyphens.
    stacks: Vec<String>,
    /// The files of nested stacks.
    #[serde(default)]
    files: Vec<String>,
    /// Why moto cannot.
    not_on_moto: Option<String>,
    /// The stacks' parameters.
    #[serde(default)]
    parameters: toml::Table,
    /// What destroy leaves because the template says so, each as [`cloud::left_over`] begins it.
    #[serde(default)]
    left: Vec<String>,
    #[serde(default)]
    edit: Vec<Edit>,
}

/// One change of the templates.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    what: String,
    /// The file; the first stack's, if not said.
    file: Option<String>,
    /// Each a text and what takes its place.
    replace: Vec<(String, String)>,
    /// What the plan must say, sorted: `action LogicalId`, with ` (create-first)` or ` (delete-first)` behind a replacement.
    actions: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/templates")
}

fn scenario(name: &str) -> Scenario {
    let text = std::fs::read_to_string(folder().join(format!("{name}.toml"))).expect(name);
    toml::from_str(&text).unwrap_or_else(|error| panic!("{name}.toml: {error}"))
}

/// A project of the scenario's templates: environment `local` in the simulated AWS, `dev` outside.
fn project(name: &str, scenario: &Scenario) -> Project {
    let project = Project::empty();
    let project_name = name.replace('_', "-");
    let mut file = format!(
        "[project]\nname = \"{project_name}\"\ndefault-env = \"local\"\n[env.local]\nsandbox = true\n[env.dev]\n"
    );
    for file in &scenario.files {
        let template = std::fs::read_to_string(folder().join(file)).expect(file);
        project.write(file, &template);
    }
    for stack in &scenario.stacks {
        let template = std::fs::read_to_string(folder().join(stack)).expect(stack);
        project.write(stack, &template);
        let stem = stack
            .rsplit_once('.')
            .map_or(stack.as_str(), |(stem, _)| stem);
        let stem = stem.replace('_', "-");
        file.push_str(&format!(
            "[[stack]]\nname = \"{stem}\"\ntemplate = \"{stack}\"\nregion = \"us-east-1\"\nparameters = {}\n",
            toml::Value::Table(scenario.parameters.clone())
        ));
    }
    project.write("payctl.toml", &file);
    project
}

/// The plan's changes, as [`Edit::actions`] says them.
fn actions(plan: &Value) -> Vec<String> {
    let mut actions: Vec<String> = plan["changes"]
        .as_array()
        .expect("changes")
        .iter()
        .map(|change| {
            let address = change["address"].as_str().expect("an address");
            let logical_id = address.rsplit('.').next().unwrap_or(address);
            let action = change["action"].as_str().expect("an action");
            match change["order"].as_str() {
                Some(order) => format!("{action} {logical_id} ({order})"),
                None => format!("{action} {logical_id}"),
            }
        })
        .collect();
    actions.sort();
    actions
}

/// A plan must have nothing to do, and see nothing that differs.
fn assert_clean(project: &Project, when: &str) {
    let plan = project.plan("");
    assert_eq!(
        plan["changes"],
        serde_json::json!([]),
        "a change {when}: {plan:#}"
    );
    assert_eq!(plan["drift"], serde_json::json!([]), "drift {when}");
}

fn lifecycle(project: &Project, scenario: &Scenario) {
    project.ok("validate");
    assert_eq!(project.plan("")["summary"]["create"], scenario.resources);
    project.ok("apply --auto-approve");
    assert_clean(project, "after the first apply");
    for edit in &scenario.edit {
        let file = edit.file.as_ref().unwrap_or(&scenario.stacks[0]);
        for (from, to) in &edit.replace {
            project.edit(file, from, to);
        }
        let plan = project.plan("");
        assert_eq!(
            actions(&plan),
            edit.actions,
            "{}: {:#}",
            edit.what,
            plan["changes"]
        );
        project.ok("apply --auto-approve");
        assert_clean(project, &format!("after {}", edit.what));
    }
    project.ok("destroy --auto-approve");
}

fn assert_left(url: &str, scenario: &Scenario) {
    let left = cloud::left_over(url);
    let expected = |found: &String| scenario.left.iter().any(|kind| found.starts_with(kind));
    let surplus: Vec<&String> = left.iter().filter(|found| !expected(found)).collect();
    assert!(surplus.is_empty(), "left over: {surplus:?}");
    for kind in &scenario.left {
        assert!(
            left.iter().any(|found| found.starts_with(kind)),
            "{kind} was to stay: {left:?}"
        );
    }
}

fn in_the_simulated_aws(name: &str) {
    let scenario = scenario(name);
    let project = project(name, &scenario);
    lifecycle(&project, &scenario);
    assert_left(&Emulator::world_of(&project).url, &scenario);
}

fn on_moto(name: &str) {
    let scenario = scenario(name);
    if let Some(reason) = &scenario.not_on_moto {
        eprintln!("{name}: not on moto: {reason}");
        return;
    }
    let moto = Emulator::moto();
    let project = project(name, &scenario).at(&moto.url).environment("dev");
    lifecycle(&project, &scenario);
    assert_left(&moto.url, &scenario);
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        const SCENARIOS: &[&str] = &[$(stringify!($name)),*];
        mod simulated { $(#[test] fn $name() { super::in_the_simulated_aws(stringify!($name)); })* }
        mod moto { $(#[test] fn $name() { super::on_moto(stringify!($name)); })* }
    };
}

scenarios! {
    three_zones
    private_network
    security_groups
    roles
    staff
    workers
    shop
    gateway_nlb
    unnamed
    settlement
    edge
    hosts
    launch_template
    two_stacks
    schedules
    card_network
    routing
    messages
    capacity
    ledger
    blue_green
    loops
    archive
    images
    registry
    nested_shop
    functions
    reporting
    front_door
}

#[test]
fn every_scenario_in_the_folder_is_run() {
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .expect("the folder")
        .filter_map(|entry| {
            let name = entry.expect("an entry").file_name().into_string().ok()?;
            Some(name.strip_suffix(".toml")?.to_owned())
        })
        .collect();
    found.sort();
    let mut run: Vec<&str> = SCENARIOS.to_vec();
    run.sort_unstable();
    assert_eq!(found, run);
}
