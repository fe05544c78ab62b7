//! The comparison against recordings of real AWS accounts: `PAYCTL_RECORDINGS` names their folder (one JSON object a line: `type`,
//! `declared`, `live`, `stack_tags`, `drift`, `not_read`). Without it the test says that it was skipped.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::compare::{CompareOptions, compare};
use payctl_model::facts::{check, facts};
use payctl_model::{Address, PropertyPath, Step, Value};
use serde_json::Value as Json;

struct Recording {
    id: String,
    type_name: String,
    declared: Value,
    live: Value,
    stack_tags: BTreeMap<String, String>,
    drift: Vec<PropertyPath>,
    not_read: Vec<PropertyPath>,
}

fn recordings() -> Option<Vec<Recording>> {
    let Some(folder) = std::env::var_os("PAYCTL_RECORDINGS") else {
        eprintln!("skipped: PAYCTL_RECORDINGS names no folder of recordings");
        return None;
    };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "jsonl")
    });
    files.sort();
    let lines = files.iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).unwrap();
        text.lines()
            .map(|line| serde_json::from_str::<Json>(line).unwrap())
            .collect::<Vec<_>>()
    });
    Some(lines.map(|line| read(&line)).collect())
}

fn read(line: &Json) -> Recording {
    let paths = |key: &str| {
        line[key]
            .as_array()
            .unwrap()
            .iter()
            .map(|path| path.as_str().unwrap().into())
            .collect()
    };
    let unknown = Value::unknown(Address::new("r", "s", "Other").attribute("Ref"));
    let declared =
        Value::from(line["declared"].clone()).map_leaves(&mut |leaf| match leaf.as_str() {
            Some("__unknown__") => unknown.clone(),
            _ => leaf.clone(),
        });
    Recording {
        id: line["id"].as_str().unwrap().to_owned(),
        type_name: line["type"].as_str().unwrap().to_owned(),
        declared,
        live: Value::from(line["live"].clone()),
        stack_tags: serde_json::from_value(line["stack_tags"].clone()).unwrap(),
        drift: paths("drift"),
        not_read: paths("not_read"),
    }
}

fn changes(
    recording: &Recording,
    live: &Value,
) -> Vec<(PropertyPath, Option<Value>, Option<Value>)> {
    let facts = facts().get(&recording.type_name).unwrap();
    let options = CompareOptions {
        stack_tags: Some(&recording.stack_tags),
        not_read: &recording.not_read,
        ..CompareOptions::default()
    };
    let found = compare(&facts, &recording.declared, live, &options);
    found
        .changes
        .into_iter()
        .map(|change| (change.property, change.declared, change.live))
        .collect()
}

#[test]
fn clean_recordings_show_no_change_and_drifted_ones_their_drift() {
    let Some(recordings) = recordings() else {
        return;
    };
    let (mut wrong, mut clean) = (0, 0);
    for recording in &recordings {
        let found = changes(recording, &recording.live);
        let touches = |path: &PropertyPath, drift: &PropertyPath| {
            path.is_prefix_of(drift) || drift.is_prefix_of(path)
        };
        let stray = found
            .iter()
            .filter(|(path, ..)| !recording.drift.iter().any(|drift| touches(path, drift)));
        for (path, declared, live) in stray {
            wrong += 1;
            let show =
                |value: &Option<Value>| value.as_ref().map(|value| value.to_json().to_string());
            eprintln!(
                "FALSE {} {path}\n    {:?}\n    {:?}",
                recording.id,
                show(declared),
                show(live)
            );
        }
        for drift in &recording.drift {
            if !found.iter().any(|(path, ..)| touches(path, drift)) {
                wrong += 1;
                eprintln!("MISSED {} {drift}", recording.id);
            }
        }
        clean += usize::from(found.is_empty());
    }
    eprintln!("{} recordings, {clean} without a change", recordings.len());
    assert_eq!(wrong, 0);
}

/// Every scalar that is declared and live at the same path is altered, one at a time.
#[test]
fn every_altered_value_is_a_change() {
    let Some(recordings) = recordings() else {
        return;
    };
    let (mut missed, mut altered, mut records) = (0, 0, BTreeSet::new());
    for recording in &recordings {
        let facts = facts().get(&recording.type_name).unwrap();
        let mut leaves = Vec::new();
        collect(&recording.declared, PropertyPath::root(), &mut leaves);
        let clean = changes(recording, &recording.live);
        for (path, declared) in leaves {
            let Some(live) = recording.live.at(&path) else {
                continue;
            };
            // A list without order has something else at this position.
            if live.to_text() != declared.to_text() {
                continue;
            }
            let tag = path
                .steps()
                .iter()
                .any(|step| matches!(step, Step::Key(key) if key.ends_with("Tags")));
            let unreadable = facts.is_write_only(&path) || facts.is_read_only(&path);
            if tag
                || unreadable
                || matches!(declared, Value::Unknown(_))
                || clean.iter().any(|(found, ..)| found.is_prefix_of(&path))
            {
                continue;
            }
            // So has a set of which AWS or somebody else has more.
            let aligned = (0..path.steps().len()).all(|length| {
                let parent: PropertyPath = path.steps()[..length].iter().cloned().collect();
                let count = |value: &Value| {
                    value
                        .at(&parent)
                        .and_then(Value::as_list)
                        .map(<[Value]>::len)
                };
                count(&recording.declared) == count(&recording.live)
            });
            if !aligned {
                continue;
            }
            let Some(other) = alter(live) else { continue };
            altered += 1;
            let live = replaced(&recording.live, path.steps(), &other);
            if changes(recording, &live).len() <= clean.len() {
                missed += 1;
                records.insert(&recording.id);
                eprintln!(
                    "MISSED {} {path}: {:?} for {:?}",
                    recording.id,
                    other.to_json(),
                    declared.to_json()
                );
            }
        }
    }
    eprintln!(
        "{altered} values altered, {missed} missed in {} recordings",
        records.len()
    );
    assert_eq!(missed, 0);
}

/// The other way round: every declared scalar that AWS gives back at the same path is altered in the template.
#[test]
fn every_altered_declaration_is_a_change() {
    let Some(recordings) = recordings() else {
        return;
    };
    let (mut missed, mut altered) = (0, 0);
    for mut recording in recordings {
        let facts = facts().get(&recording.type_name).unwrap();
        let mut leaves = Vec::new();
        collect(&recording.declared, PropertyPath::root(), &mut leaves);
        let clean = changes(&recording, &recording.live);
        let original = recording.declared.clone();
        for (path, declared) in leaves {
            // Which key an alias stands for, and what a public key's comment was, AWS does not tell; a rule of the registry
            // without the declared value means that AWS takes any.
            let untold = declared
                .as_str()
                .is_some_and(|text| text.starts_with("alias/") || text.starts_with("ssh-"));
            let fixed = facts
                .transforms
                .iter()
                .any(|(of, rule)| of.matches(&path) && !rule.contains(&of.to_string()));
            if untold
                || fixed
                || !recording.drift.is_empty()
                || recording.live.at(&path).is_none()
                || facts.is_write_only(&path)
                || facts.is_read_only(&path)
                || matches!(declared, Value::Unknown(_))
                || clean.iter().any(|(found, ..)| found.is_prefix_of(&path))
            {
                continue;
            }
            let Some(other) = alter(&declared) else {
                continue;
            };
            altered += 1;
            recording.declared = replaced(&original, path.steps(), &other);
            if changes(&recording, &recording.live).len() <= clean.len() {
                missed += 1;
                eprintln!(
                    "MISSED {} {path}: {:?} declared",
                    recording.id,
                    other.to_json()
                );
            }
        }
    }
    eprintln!("{altered} declarations altered, {missed} missed");
    assert_eq!(missed, 0);
}

/// What real templates declare is not refused.
#[test]
fn what_was_deployed_passes_the_check() {
    let Some(recordings) = recordings() else {
        return;
    };
    let mut wrong = 0;
    for recording in &recordings {
        for finding in check(
            &facts().get(&recording.type_name).unwrap(),
            &recording.declared,
        ) {
            // Some recordings are parts of a resource, and stack tags stand among what was declared.
            let tags = finding.path.to_string() == "Tags";
            if finding.kind == payctl_model::facts::FindingKind::Missing || tags {
                continue;
            }
            wrong += 1;
            eprintln!(
                "{} {}: {:?} {}",
                recording.id, finding.path, finding.kind, finding.message
            );
        }
    }
    assert_eq!(wrong, 0);
}

fn collect(value: &Value, path: PropertyPath, leaves: &mut Vec<(PropertyPath, Value)>) {
    match value {
        Value::Map(map) => map
            .iter()
            .for_each(|(key, value)| collect(value, path.key(key), leaves)),
        Value::List(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(position, value)| collect(value, path.index(position), leaves));
        }
        leaf => leaves.push((path, leaf.clone())),
    }
}

fn alter(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Bool(flag) => Value::Bool(!flag),
        Value::Number(number) => Value::from(number.as_i64()? + 7),
        Value::String(text) => match text.as_str() {
            "true" => Value::from("false"),
            "false" => Value::from("true"),
            text => Value::from(format!("{text}-altered")),
        },
        _ => return None,
    })
}

fn replaced(value: &Value, steps: &[Step], with: &Value) -> Value {
    let Some((first, rest)) = steps.split_first() else {
        return with.clone();
    };
    match (value, first) {
        (Value::Map(map), Step::Key(key)) => Value::Map(
            map.iter()
                .map(|(k, v)| {
                    (
                        k.clone(),
                        if k == key {
                            replaced(v, rest, with)
                        } else {
                            v.clone()
                        },
                    )
                })
                .collect(),
        ),
        (Value::List(items), Step::Index(index)) => Value::List(
            items
                .iter()
                .enumerate()
                .map(|(at, v)| {
                    if at == *index {
                        replaced(v, rest, with)
                    } else {
                        v.clone()
                    }
                })
                .collect(),
        ),
        _ => value.clone(),
    }
}
