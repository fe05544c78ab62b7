//! Templates that no platform has: databases, keys, logs, alarms, topics, parameters, scaling, and the breadth of the
//! language. Each lives its whole life: validated, planned, applied, changed, destroyed.
//!
//! `templates/data/NAME.toml` says what shall happen to `templates/data/NAME.yaml` (or what `file` names):
//! - `resources`: how many it declares;
//! - `secret`: parameters that come from variables of the environment;
//! - `hidden`: texts that nobody may ever see, besides the secrets: on the terminal, in the state, in a saved plan;
//! - `parameters`: other parameters;
//! - `snapshots`: how many snapshots of databases outlive it;
//! - `outputs`: what the outputs are in the end;
//! - `edit`: changes of the template, one after the other, with the plan's actions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::harness::emulator::Emulator;
use crate::harness::{Project, Run, cloud, python};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    resources: usize,
    file: Option<String>,
    #[serde(default)]
    secret: BTreeMap<String, String>,
    #[serde(default)]
    hidden: Vec<String>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    snapshots: usize,
    #[serde(default)]
    outputs: BTreeMap<String, serde_json::Value>,
    #[serde(default)]
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    what: String,
    replace: Vec<(String, String)>,
    actions: Vec<String>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/templates/data")
}

/// A case on its way.
struct Life {
    case: Case,
    file: String,
    project: Project,
}

impl Life {
    fn new(name: &str, endpoint: Option<&str>) -> Life {
        let text = std::fs::read_to_string(folder().join(format!("{name}.toml"))).expect("a case");
        let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let file = case.file.clone().unwrap_or_else(|| format!("{name}.yaml"));
        let mut project = Project::empty();
        let template = std::fs::read_to_string(folder().join(&file)).expect("a template");
        let mut parameters = Vec::new();
        for (name, value) in &case.secret {
            let variable = format!("SECRET_{name}");
            parameters.push(format!("{name} = {{ env = \"{variable}\" }}"));
            project = project.variable(&variable, value);
        }
        for (name, value) in &case.parameters {
            parameters.push(format!("{name} = {}", toml::Value::from(value.as_str())));
        }
        let environments: String = [("local", "sandbox = true\n"), ("dev", "")]
            .iter()
            .map(|(environment, kind)| {
                format!(
                    "[env.{environment}]\n{kind}parameters = {{ {} }}\n\n[[env.{environment}.stack]]\nname = \"main\"\ntemplate = \"{file}\"\nregion = \"us-east-1\"\n\n",
                    parameters.join(", ")
                )
            })
            .collect();
        project.write(
            "payctl.toml",
            &format!("[project]\nname = \"data\"\ndefault-env = \"local\"\n\n{environments}"),
        );
        project.write(&file, &template);
        if let Some(endpoint) = endpoint {
            project = project.at(endpoint).environment("dev");
        }
        Life {
            case,
            file,
            project,
        }
    }

    /// Nothing that the case hides stands on the terminal or in the project.
    fn discreet(&self, what: &str, run: &Run) {
        let hidden: Vec<&String> = self.case.secret.values().chain(&self.case.hidden).collect();
        for word in &hidden {
            assert!(
                !run.out.contains(*word),
                "{what} prints {word}:\n{}",
                run.out
            );
            assert!(
                !run.err.contains(*word),
                "{what} prints {word}:\n{}",
                run.err
            );
        }
        let mut folders = vec![self.project.path("")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("a readable folder") {
                let path = entry.expect("an entry").path();
                // The simulated AWS holds secrets as AWS does; defaults stand in the template.
                if path.ends_with(".payctl/sandbox") || path == self.project.path(&self.file) {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text =
                    String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
                for word in &hidden {
                    assert!(
                        !text.contains(*word),
                        "after {what} {} holds {word}",
                        path.display()
                    );
                }
            }
        }
    }

    fn ok(&self, arguments: &str) -> Run {
        let run = self.project.ok(arguments);
        self.discreet(arguments, &run);
        run
    }

    /// No change, no drift.
    fn rests(&self, what: &str) {
        let plan = self.ok("plan --json").json();
        assert_eq!(
            plan["changes"],
            serde_json::json!([]),
            "a second plan after {what}:\n{}",
            self.ok("plan").out
        );
        assert_eq!(plan["drift"], serde_json::json!([]), "after {what}");
    }

    fn live(&self) {
        self.ok("validate");
        let plan = self.ok("plan --json").json();
        assert_eq!(plan["summary"]["create"], self.case.resources);
        self.ok("plan");
        self.ok("plan --out saved.plan");
        self.ok("apply --auto-approve saved.plan");
        self.rests("the first apply");
        self.ok("show --json");
        for edit in &self.case.edit {
            for (from, to) in &edit.replace {
                self.project.edit(&self.file, from, to);
            }
            self.ok("plan --json");
            assert_eq!(
                self.project.actions(""),
                edit.actions,
                "{}:\n{}",
                edit.what,
                self.ok("plan").out
            );
            self.ok("apply --auto-approve");
            self.rests(&edit.what);
        }
        let outputs = self.ok("outputs --json").json();
        for (name, expected) in &self.case.outputs {
            let found = &outputs[format!("us-east-1/main.{name}")];
            assert_eq!(found, expected, "{name} in {outputs}");
        }
        self.ok("destroy --auto-approve");
        let plan = self.ok("plan --json").json();
        let declared = plan["changes"].as_array().map_or(0, Vec::len);
        assert_eq!(plan["summary"]["create"], declared, "after the destruction");
    }

    fn leaves_nothing(&self, url: &str) {
        cloud::assert_empty(url);
        let snapshots = python::script(
            "import sys, boto3\nc = boto3.client('rds', region_name='us-east-1', endpoint_url=sys.argv[1])\nprint(len([s for s in c.describe_db_snapshots()['DBSnapshots'] + c.describe_db_cluster_snapshots()['DBClusterSnapshots'] if s['SnapshotType'] == 'manual']))",
            &[url],
        );
        assert_eq!(
            snapshots.trim(),
            self.case.snapshots.to_string(),
            "snapshots"
        );
    }
}

fn in_the_simulated_aws(name: &str) {
    let life = Life::new(name, None);
    life.live();
    let served = Emulator::world_of(&life.project);
    life.leaves_nothing(&served.url);
}

fn on_moto(name: &str) {
    let moto = Emulator::moto();
    let life = Life::new(name, Some(&moto.url));
    life.live();
    life.leaves_nothing(&moto.url);
}

macro_rules! cases {
    ($emulator:ident, $run:ident: $($name:ident),* $(,)?) => {
        mod $emulator { $(#[test] fn $name() { super::$run(stringify!($name)); })* }
    };
}

cases!(
    simulated, in_the_simulated_aws:
    alarms,
    aurora_mysql,
    aurora_postgresql_serverless,
    database_secret,
    keys,
    language_json,
    language_yaml,
    log_groups,
    mysql_standalone,
    parameter_groups,
    parameters,
    postgresql_standalone,
    scaling,
    secrets,
    topics,
    watching,
);

// Those that moto carries as AWS does; what it does otherwise with the others has not been judged case by case.
cases!(moto, on_moto: language_json, language_yaml, parameters);
