//! Templates in the style of those that the public writes: samples, quick starts, output of the CDK, templates of ten years
//! ago. One table over `templates/public`: each file is validated and planned. Whatever consists of native types lives its
//! whole life in the simulated AWS; of the others apply names every resource that it cannot make, and makes none.
//!
//! `templates/public/expected.toml` says what parameters a file is given, and which files are wrong: where and why.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::harness::emulator::Emulator;
use crate::harness::{Project, cloud};

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// By file.
    parameters: BTreeMap<String, BTreeMap<String, String>>,
    /// By file.
    wrong: BTreeMap<String, Wrong>,
    /// By file: what destroy leaves, each as [`cloud::left_over`] begins it, because the template says so.
    kept: BTreeMap<String, Vec<String>>,
    /// By file: what AWS says, where the template counts on something that somebody else has to put there.
    outside: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Wrong {
    line: u64,
    /// What the message must contain.
    says: String,
    /// The command that finds it; what comes before it is content.
    #[serde(default)]
    command: Finder,
}

#[derive(Default, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
enum Finder {
    #[default]
    Validate,
    Plan,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/templates/public")
}

fn expected() -> Expected {
    let text = std::fs::read_to_string(folder().join("expected.toml")).expect("expected.toml");
    toml::from_str(&text).unwrap_or_else(|error| panic!("expected.toml: {error}"))
}

fn names() -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the folder");
    let names = entries.map(|entry| {
        entry
            .expect("an entry")
            .file_name()
            .to_string_lossy()
            .into_owned()
    });
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".toml")).collect();
    names.sort();
    names
}

/// A project of the one template, in the simulated AWS.
fn project(name: &str, expected: &Expected) -> Project {
    let project = Project::empty();
    let text = std::fs::read_to_string(folder().join(name)).expect(name);
    let parameters: toml::Table = expected
        .parameters
        .get(name)
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.clone(), toml::Value::from(value.as_str())))
        .collect();
    project.write(name, &text).write(
        "payctl.toml",
        &format!(
            "[project]\nname = \"public\"\ndefault-env = \"local\"\n[env.local]\nsandbox = true\nparameters = {}\n[[stack]]\nname = \"main\"\ntemplate = \"{name}\"\nregion = \"us-east-1\"\n",
            toml::Value::Table(parameters)
        ),
    );
    project
}

fn fails_as_it_should(name: &str, project: &Project, wrong: &Wrong) {
    if wrong.command == Finder::Plan {
        project.ok("validate");
    }
    let command = match wrong.command {
        Finder::Validate => "validate --json",
        Finder::Plan => "plan --json",
    };
    let json = project.fails(command, 1).json();
    let error = &json["error"];
    assert_eq!(
        (error["file"].as_str(), error["line"].as_u64()),
        (Some(name), Some(wrong.line)),
        "{name}: {json:#}"
    );
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(&wrong.says), "{name}: {message}");
    project.fails("plan", 1);
}

/// Nobody makes some of its types: apply says which, where, and makes nothing.
fn is_refused(name: &str, project: &Project, foreign: &[&str]) {
    let json = project.fails("apply --auto-approve --json", 1).json();
    let all = json["errors"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![json["error"].clone()]);
    assert_eq!(all.len(), foreign.len(), "{name}: {json:#}");
    for error in &all {
        assert_eq!(error["code"], "not-native", "{name}: {error}");
        assert_eq!(error["file"], name, "{error}");
        let line = error["line"].as_u64().expect("a line") as usize;
        let address = error["address"].as_str().expect("an address");
        let text = project.read(name);
        let written = text.lines().nth(line - 1).unwrap_or_default();
        assert!(
            written.contains(address.rsplit('.').next().unwrap_or(address)),
            "{name}:{line} is not {address}"
        );
    }
    assert_eq!(
        project.ok("state list").out.trim(),
        "The environment has no resources."
    );
}

/// What it counts on is not there: AWS refuses, and all that was made goes away again.
fn lacks(name: &str, project: &Project, says: &str) {
    let run = project.fails("apply --auto-approve", 1);
    let said = run.err.replace(['│', '\n'], " ");
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(says), "{name}: {}", run.err);
    project.ok("destroy --auto-approve");
    let world = Emulator::world_of(project);
    assert_eq!(cloud::left_over(&world.url), Vec::<String>::new(), "{name}");
}

fn lives(name: &str, project: &Project, resources: usize, kept: &[String]) {
    project.ok("apply --auto-approve");
    let plan = project.plan("");
    assert_eq!(
        plan["changes"],
        serde_json::json!([]),
        "{name} planned again"
    );
    assert_eq!(plan["drift"], serde_json::json!([]), "{name} planned again");
    project.ok("destroy --auto-approve");
    assert_eq!(
        project.plan("")["summary"]["create"],
        resources,
        "{name} after its end"
    );
    let world = Emulator::world_of(project);
    let mut left = cloud::left_over(&world.url);
    for kind in kept {
        assert!(
            left.iter().any(|found| found.starts_with(kind)),
            "{name}: {kind} was to stay"
        );
    }
    left.retain(|found| !kept.iter().any(|kind| found.starts_with(kind)));
    assert_eq!(left, Vec::<String>::new(), "{name}");
}

/// Those of every `SHARDS` files that begin with the `shard`th: tests run side by side.
fn run(shard: usize) {
    let expected = expected();
    for name in names().iter().skip(shard).step_by(SHARDS) {
        let project = project(name, &expected);
        if let Some(wrong) = expected.wrong.get(name) {
            fails_as_it_should(name, &project, wrong);
            continue;
        }
        project.ok("validate");
        let plan = project.plan("");
        project.ok("plan");
        let changes = plan["changes"].as_array().expect("changes");
        let types = changes
            .iter()
            .map(|change| change["type"].as_str().expect("a type"));
        let foreign: Vec<&str> = types
            .filter(|name| payctl_resources::resource(name).is_none())
            .collect();
        match foreign.as_slice() {
            [] => match expected.outside.get(name) {
                Some(says) => lacks(name, &project, says),
                None => {
                    let kept = expected.kept.get(name).map_or(&[][..], Vec::as_slice);
                    lives(name, &project, changes.len(), kept);
                }
            },
            foreign => is_refused(name, &project, foreign),
        }
    }
}

const SHARDS: usize = 4;

#[test]
fn every_fourth_from_the_first() {
    run(0);
}

#[test]
fn every_fourth_from_the_second() {
    run(1);
}

#[test]
fn every_fourth_from_the_third() {
    run(2);
}

#[test]
fn every_fourth_from_the_fourth() {
    run(3);
}

#[test]
fn what_is_expected_is_of_files_that_are_there() {
    let (expected, names) = (expected(), names());
    assert!(names.len() >= 40, "{}", names.len());
    for name in expected.parameters.keys().chain(expected.wrong.keys()) {
        assert!(names.contains(name), "{name}");
    }
}
