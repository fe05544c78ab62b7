//! What a template means, held against real CloudFormation: `PAYCTL_SCENARIOS` names a folder of scenarios (JSON: two versions
//! of a template with their parameters, and the change sets that CloudFormation computed from nothing to the first and from
//! the first to the second). The repository keeps no copy of them.
//!
//! The first template is applied in the simulated AWS, the second one is planned against it, and the plan must say what the
//! change set says: the same resources, the same actions, the same properties, the same values. payctl may know more: a value
//! where CloudFormation says that only AWS can tell it, or a change in place that CloudFormation left out of the change set
//! although it carried it out (the property values of a change set are computed with the attributes as they were before).
//! Whatever it knows more is checked by applying the second template: what the plan said must then be so, and a third plan
//! must have nothing to do.

use std::collections::{BTreeMap, BTreeSet};

use payctl::graph::Rules;
use payctl::plan::{Action, Change, Plan, Reason};
use payctl_model::{Address, PropertyPath, Value};
use serde_json::Value as Json;

use crate::harness::world::{ACCOUNT, REGION, STACK, World};

/// What stands in a change set for a value that only AWS can tell.
const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// How a scenario went.
enum Verdict {
    /// Planned as CloudFormation did, and applied; with what payctl knew besides.
    Same { more: Vec<String> },
    /// Refused, as templates with foreign transforms must be; with the message.
    Refused(String),
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_say_what_change_sets_of_cloudformation_say() {
    let Some(folder) = std::env::var_os("PAYCTL_SCENARIOS") else {
        eprintln!("skipped: PAYCTL_SCENARIOS names no folder of scenarios");
        return;
    };
    let mut files: Vec<std::path::PathBuf> = std::fs::read_dir(&folder)
        .expect("the folder that PAYCTL_SCENARIOS names")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} has no scenario", folder.display());
    let (mut same, mut more, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for file in &files {
        let name = file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = std::fs::read_to_string(file).expect("a readable scenario");
        let scenario: Json = serde_json::from_str(&unmasked(&text)).expect("a scenario in JSON");
        match play(&scenario).await {
            Ok(Verdict::Same { more: known }) => {
                same += 1;
                more += usize::from(!known.is_empty());
                for what in known {
                    println!("{name}: knows more: {what}");
                }
            }
            Ok(Verdict::Refused(message)) => {
                refused += 1;
                println!("{name}: refused: {message}");
            }
            Err(differences) => wrong.push(format!("{name}\n{}", differences.join("\n"))),
        }
    }
    println!(
        "{} scenarios: {same} applied and planned as CloudFormation planned them ({more} of them with more known), \
         {refused} with transforms refused, {} planned otherwise",
        files.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The masks of the recordings replaced by what is so here.
fn unmasked(text: &str) -> String {
    text.replace("<partition>", "aws")
        .replace("<region>", REGION)
        .replace("111111111111", ACCOUNT)
        .replace("<stack-name:1>", &format!("shop-local-{STACK}"))
}

/// Plays one scenario; `Err`: everything in which payctl differs.
async fn play(scenario: &Json) -> Result<Verdict, Vec<String>> {
    let rules = Rules::native();
    let templates = [&scenario["template_1"], &scenario["template_2"]];
    let graph = |step: usize| {
        let parameters = &scenario[["parameters_1", "parameters_2"][step]];
        let parameters: BTreeMap<String, Value> = parameters
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), Value::from(value.clone())))
            .collect();
        World::graph(&templates[step].to_string(), &parameters, &rules)
    };
    if templates.iter().any(|template| is_transformed(template)) {
        return refusal((0..2).filter_map(|step| graph(step).err()).flatten());
    }
    let (first, second) = match (graph(0), graph(1)) {
        (Ok(first), Ok(second)) => (first, second),
        (first, second) => {
            let all = [first.err(), second.err()].into_iter().flatten().flatten();
            return Err(all.map(|diagnostic| diagnostic.message).collect());
        }
    };
    let mut found = Findings::default();
    let mut world = World::new().await;
    let planned = world.plan(Some(first), &rules).await;
    found.compare("create", &scenario["create"], &planned.plan);
    found
        .applied(&mut world, planned, &scenario["outputs_1"])
        .await;
    let planned = world.plan(Some(second.clone()), &rules).await;
    found.compare("change", &scenario["change"], &planned.plan);
    found
        .applied(&mut world, planned, &scenario["outputs_2"])
        .await;
    let again = world.plan(Some(second), &rules).await;
    if !again.plan.is_noop() {
        found.wrong("the second template, applied, is not what its next plan wants");
    }
    match found.wrong.is_empty() {
        true => Ok(Verdict::Same { more: found.more }),
        false => Err(found.wrong),
    }
}

/// Whether a template names a transform that is not one of the language itself.
fn is_transformed(template: &Json) -> bool {
    let foreign = |name: &Json| name.as_str() != Some("AWS::LanguageExtensions");
    let of_template = match &template["Transform"] {
        Json::Null => false,
        Json::Array(names) => names.iter().any(foreign),
        name => foreign(name),
    };
    fn embedded(value: &Json) -> bool {
        match value {
            Json::Object(map) => map.contains_key("Fn::Transform") || map.values().any(embedded),
            Json::Array(items) => items.iter().any(embedded),
            _ => false,
        }
    }
    of_template || embedded(template)
}

/// Templates with transforms are refused by a message that says so, at its place.
fn refusal(
    found: impl Iterator<Item = payctl::template::Diagnostic>,
) -> Result<Verdict, Vec<String>> {
    let found: Vec<_> = found.collect();
    let clear = found.iter().find(|diagnostic| {
        let message = diagnostic.message.to_lowercase();
        diagnostic.code == "unsupported"
            && diagnostic.place.is_some()
            && (message.contains("transform") || message.contains("macro"))
    });
    match clear {
        Some(diagnostic) => Ok(Verdict::Refused(diagnostic.message.clone())),
        None => {
            let said = found.iter().map(|diagnostic| diagnostic.message.as_str());
            let said = said.collect::<Vec<_>>().join("; ");
            Err(vec![format!("a transform is not refused as one: {said}")])
        }
    }
}

#[derive(Default)]
struct Findings {
    wrong: Vec<String>,
    more: Vec<String>,
    /// What the plan said that CloudFormation did not: it must be so once it is applied.
    foretold: Vec<(String, PropertyPath, Value)>,
}

impl Findings {
    fn wrong(&mut self, what: impl Into<String>) {
        self.wrong.push(what.into());
    }

    fn compare(&mut self, step: &str, change_set: &Json, plan: &Plan) {
        for problem in &plan.problems {
            self.wrong(format!("{step}: the plan has a problem: {problem}"));
        }
        let mut expected = BTreeSet::new();
        for entry in change_set.as_array().into_iter().flatten() {
            let id = entry["logical_id"].as_str().unwrap_or_default();
            expected.insert(id);
            let address = Address::new(REGION, STACK, id);
            match plan.changes.get(&address) {
                Some(change) => self.entry(&format!("{step} of {id}"), entry, change, plan),
                None => self.wrong(format!("{step}: {id} is in no plan")),
            }
        }
        for change in plan.effective() {
            let id = &change.address.logical_id;
            if expected.contains(id.as_str()) {
                continue;
            }
            // Only a consequence, in place, of what the change set has.
            let follows = change.reasons.iter().all(|reason| match reason {
                Reason::Property { cause, .. } => {
                    cause.as_ref().is_some_and(|cause| is_done(plan, cause))
                }
                _ => false,
            });
            if change.action != Action::Update || !follows {
                self.wrong(format!(
                    "{step}: CloudFormation leaves {id} alone, payctl would {} it: {:?}",
                    change.action.name(),
                    change.reasons
                ));
                continue;
            }
            for edit in &change.edits {
                if let Some(after) = &edit.after {
                    self.foretell(id, &edit.property, after);
                }
            }
            self.more.push(format!(
                "{id} follows a change of {}",
                causes(change).into_iter().collect::<Vec<_>>().join(", ")
            ));
        }
    }

    /// One resource of a change set.
    fn entry(&mut self, what: &str, entry: &Json, change: &Change, plan: &Plan) {
        let action = entry["action"].as_str().unwrap_or_default();
        let replacement = entry["replacement"].as_str().unwrap_or_default();
        let same = match (action, replacement) {
            ("Add", _) => change.action == Action::Create,
            ("Remove", _) => matches!(change.action, Action::Delete { .. }),
            ("Modify", "True") => matches!(change.action, Action::Replace(_)),
            ("Modify", "False") => change.action == Action::Update,
            // payctl knows whether it is one, or that there is nothing to do at all.
            ("Modify", "Conditional") => matches!(
                change.action,
                Action::Replace(_) | Action::Update | Action::NoOp
            ),
            _ => false,
        };
        if !same {
            self.wrong(format!(
                "{what}: CloudFormation: {action} (replacement {replacement}), payctl: {}",
                change.action.name()
            ));
        }
        if replacement == "Conditional" {
            self.more.push(format!("{what}: {}", change.action.name()));
        }
        if change.type_name != entry["type"].as_str().unwrap_or_default() {
            self.wrong(format!("{what}: it is a {}", change.type_name));
        }
        if action == "Modify" && change.action != Action::NoOp {
            self.details(what, &entry["details"], change);
        }
        let before = change.before.clone().unwrap_or(Value::Null);
        // What is no longer declared is not in the desired form, but in the edits.
        let before = |key: &str| {
            let edit = change
                .edits
                .iter()
                .find(|edit| edit.property == PropertyPath::from(key));
            before
                .get(key)
                .cloned()
                .or_else(|| edit.and_then(|edit| edit.before.clone()))
        };
        for (key, expected) in entry["before"].as_object().into_iter().flatten() {
            self.value(
                &format!("{what}: {key} before"),
                expected,
                before(key),
                false,
            );
        }
        let after = change.after.as_ref();
        let id = &change.address.logical_id;
        for (key, expected) in entry["after"].as_object().into_iter().flatten() {
            let planned = after.and_then(|after| after.get(key)).cloned();
            // An attribute of a resource that changes in the same run: the change set has the value before it.
            let stale = follows_change(plan, change, key);
            if let Some(planned) = &planned
                && !planned.has_unknown()
            {
                self.foretell(id, &PropertyPath::from(key.as_str()), planned);
            }
            self.value(&format!("{what}: {key} after"), expected, planned, stale);
        }
        let declared = after.and_then(Value::as_map).into_iter().flatten();
        for (key, value) in declared {
            if entry["after"].get(key).is_none() {
                self.wrong(format!("{what}: payctl plans {key}: {value:?}"));
            }
        }
    }

    /// The properties that change, and whether that takes a new resource.
    fn details(&mut self, what: &str, details: &Json, change: &Change) {
        let mut expected: BTreeMap<String, bool> = BTreeMap::new();
        let mut because: BTreeSet<String> = BTreeSet::new();
        for detail in details.as_array().into_iter().flatten() {
            let path = detail["path"].as_str().unwrap_or_default();
            let path = path.trim_start_matches("/Properties/").replace('/', ".");
            expected.insert(path, detail["requires_recreation"] == "Always");
            if matches!(
                detail["source"].as_str(),
                Some("ResourceReference" | "ResourceAttribute")
            ) {
                let cause = detail["cause"].as_str().unwrap_or_default();
                because.extend(cause.split('.').next().map(str::to_owned));
            }
        }
        let mut planned: BTreeMap<String, bool> = BTreeMap::new();
        for reason in &change.reasons {
            match reason {
                Reason::Property { property, .. } => {
                    planned.entry(property.to_string()).or_insert(false);
                }
                Reason::CreateOnly { property, .. } => {
                    planned.insert(property.to_string(), true);
                }
                other => self.wrong(format!("{what}: {other:?}")),
            }
        }
        if expected != planned {
            self.wrong(format!(
                "{what}: changed properties (and whether they replace): CloudFormation {expected:?}, payctl {planned:?}"
            ));
        }
        if because != causes(change) {
            self.wrong(format!(
                "{what}: CloudFormation: because of {because:?}, payctl: {:?}",
                causes(change)
            ));
        }
    }

    fn value(&mut self, what: &str, expected: &Json, planned: Option<Value>, stale: bool) {
        let planned = planned.unwrap_or(Value::Null);
        let empty = |value: &Value| match value {
            Value::Null => true,
            Value::List(items) => items.is_empty(),
            _ => false,
        };
        let wanted = Value::from(expected.clone());
        if expected.as_str() == Some(KNOWN_AFTER_APPLY) {
            if !planned.has_unknown() {
                self.more.push(format!("{what}: {planned:?}"));
            }
        } else if planned == wanted || empty(&planned) && empty(&wanted) {
        } else if stale && !planned.has_unknown() {
            self.more
                .push(format!("{what}: {planned:?}, not {wanted:?}"));
        } else {
            self.wrong(format!(
                "{what}: CloudFormation {wanted:?}, payctl {planned:?}"
            ));
        }
    }

    fn foretell(&mut self, id: &str, property: &PropertyPath, value: &Value) {
        if !value.has_unknown() {
            self.foretold
                .push((id.to_owned(), property.clone(), value.clone()));
        }
    }

    /// Carries a plan out; what it foretold must have come true.
    async fn applied(
        &mut self,
        world: &mut World,
        planned: crate::harness::world::Planned,
        outputs: &Json,
    ) {
        let outcome = world.carry_out(planned).await;
        for (address, failure) in &outcome.failures {
            self.wrong(format!("{address} was not applied: {failure}"));
        }
        for (id, property, value) in std::mem::take(&mut self.foretold) {
            let address = Address::new(REGION, STACK, &id);
            let kept = world.state.resources.get(&address);
            let applied = kept.and_then(|kept| kept.last_applied.at(&property));
            if applied != Some(&value) {
                self.wrong(format!(
                    "{id}.{property} was to be {value:?} and is {applied:?}"
                ));
            }
        }
        for output in outputs.as_array().into_iter().flatten() {
            let name = output["OutputKey"].as_str().unwrap_or_default();
            let is = world.state.outputs.get(&format!("{REGION}/{STACK}.{name}"));
            let wanted = &output["OutputValue"];
            // A mask hides what AWS drew at random.
            let masked = wanted.as_str().is_some_and(|text| text.starts_with('<'));
            let same = is.is_some_and(|is| masked || *is == Value::from(wanted.clone()));
            if !same {
                self.wrong(format!(
                    "output {name}: CloudFormation {wanted}, payctl {is:?}"
                ));
            }
        }
    }
}

/// The other resources because of which a resource changes.
fn causes(change: &Change) -> BTreeSet<String> {
    let causes = change.reasons.iter().filter_map(Reason::cause);
    causes.map(|cause| cause.logical_id.clone()).collect()
}

fn is_done(plan: &Plan, address: &Address) -> bool {
    plan.changes
        .get(address)
        .is_some_and(|change| change.action != Action::NoOp)
}

/// Whether a property of something new may come from the attribute of a resource that the same plan changes.
fn follows_change(plan: &Plan, change: &Change, key: &str) -> bool {
    let Some(planned) = change.after.as_ref().and_then(|after| after.get(key)) else {
        return false;
    };
    plan.effective().any(|other| {
        other.address != change.address
            && other
                .edits
                .iter()
                .any(|edit| edit.after.as_ref() == Some(planned))
    })
}
