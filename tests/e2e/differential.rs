//! The simulated AWS and moto, made the same by the same templates, are described alike: every difference (identifiers,
//! times and addresses aside) stands in docs/emulators.md, with AWS's documentation as the judge.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::harness::emulator::Emulator;
use crate::harness::{Project, python};

/// Kind and path of a difference, with what both say.
type Differences = BTreeMap<(String, String), (Value, Value)>;

/// Everything that an emulator describes once it holds the project.
fn described(emulator: &Emulator) -> Value {
    let text = python::script(include_str!("described.py"), &[&emulator.url]);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn compare(kind: &str, path: &str, simulated: &Value, moto: &Value, found: &mut Differences) {
    match (simulated, moto) {
        (a, b) if a == b => {}
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(name).cloned().unwrap_or(Value::Null)
                };
                compare(kind, &path, &of(a), &of(b), found);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (a, b) in a.iter().zip(b) {
                compare(kind, &format!("{path}[]"), a, b, found);
            }
        }
        (a, b) => {
            found
                .entry((kind.to_owned(), path.to_owned()))
                .or_insert_with(|| (a.clone(), b.clone()));
        }
    }
}

fn differences(simulated: &Value, moto: &Value) -> Differences {
    let mut found = Differences::new();
    let empty = Value::Object(serde_json::Map::new());
    let kinds = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default()
    };
    for kind in kinds(simulated).union(&kinds(moto)) {
        let of = |value: &Value| value.get(kind).unwrap_or(&empty).clone();
        let (a, b) = (of(simulated), of(moto));
        for name in kinds(&a).union(&kinds(&b)) {
            match (a.get(name), b.get(name)) {
                (Some(a), Some(b)) => compare(kind, "", a, b, &mut found),
                (a, b) => {
                    let told = (a.cloned().into(), b.cloned().into());
                    found.insert((kind.clone(), format!("({name})")), told);
                }
            }
        }
    }
    found
}

/// The rows of docs/emulators.md's table "described otherwise": `| kind | paths | … |`, a path with `*` at its end stands
/// for all that begin so.
fn documented() -> Vec<(String, String)> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/emulators.md");
    let text = std::fs::read_to_string(file).expect("docs/emulators.md");
    let (_, table) = text
        .split_once("## Described otherwise")
        .expect("a section of its own");
    let rows = table.lines().filter(|line| line.starts_with("| "));
    rows.flat_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let kind = cells.next().unwrap_or_default().to_owned();
        let paths = cells.next().unwrap_or_default();
        let paths: Vec<String> = paths
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        paths.into_iter().map(move |path| (kind.clone(), path))
    })
    .collect()
}

fn is_documented(rows: &[(String, String)], kind: &str, path: &str) -> bool {
    rows.iter().any(|(of, row)| {
        of == kind
            && match row.strip_suffix('*') {
                Some(start) => path.starts_with(start),
                None => row == path,
            }
    })
}

fn alike(project: impl Fn() -> Project) {
    let (simulated, moto) = (Emulator::simulated(1000), Emulator::moto());
    let [a, b] = [&simulated, &moto].map(|emulator| {
        let project = project().at(&emulator.url).environment("dev");
        project
            .variable("DB_PASSWORD", "correct-horse-9")
            .ok("apply --auto-approve");
        described(emulator)
    });
    let rows = documented();
    let unexplained: Vec<String> = differences(&a, &b)
        .into_iter()
        .filter(|((kind, path), _)| !is_documented(&rows, kind, path))
        .map(|((kind, path), (simulated, moto))| {
            format!("{kind} {path}\n    simulated: {simulated}\n    moto:      {moto}")
        })
        .collect();
    assert!(
        unexplained.is_empty(),
        "described otherwise, and docs/emulators.md does not say why:\n{}",
        unexplained.join("\n")
    );
}

#[test]
fn the_platform_is_described_alike() {
    alike(|| Project::platform("high-availability"));
}

/// A project whose stacks are these templates.
fn project(names: &[&str]) -> Project {
    let project = Project::empty();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/templates");
    let mut file = "[project]\nname = \"shop\"\n[env.dev]\n".to_owned();
    for name in names {
        let template = format!("{name}.yaml");
        let text = std::fs::read_to_string(folder.join(&template)).expect("a template");
        project.write(&template, &text);
        file += &format!(
            "[[stack]]\nname = \"{name}\"\ntemplate = \"{template}\"\nregion = \"us-east-1\"\n"
        );
    }
    project.write("payctl.toml", &file);
    project
}

#[test]
fn a_shop_is_described_alike() {
    alike(|| project(&["shop"]));
}

#[test]
fn a_staff_a_ledger_and_schedules_are_described_alike() {
    alike(|| project(&["ledger", "schedules", "staff"]));
}
