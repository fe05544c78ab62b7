//! What templates need to know of AWS before they mean anything: availability zones and parameters of Systems Manager. Both are
//! kept in the state, so that they do not change by themselves.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::facts::facts;
use payctl_state::State;

use super::Global;
use super::session::{Connected, Session};
use super::workflow::{self, Loaded};
use crate::apply::regions::SsmAnswer;
use crate::report::failure::Failure;
use crate::template::{Diagnostic, SsmParameter, SsmWanted};

/// What is known of AWS.
#[derive(Clone, Debug, Default)]
pub(super) struct LookedUp {
    /// The availability zones by region.
    pub(super) zones: BTreeMap<String, Vec<String>>,
    /// The parameters of Systems Manager by region and name.
    pub(super) ssm_parameters: BTreeMap<String, BTreeMap<String, SsmParameter>>,
}

impl LookedUp {
    /// What the state has, without asking AWS. Zones that it does not have get names like AWS's: for checking any do.
    pub(super) fn recorded(session: &Session) -> LookedUp {
        let mut known = LookedUp {
            zones: session.state.availability_zones.clone(),
            ssm_parameters: recorded(&session.state),
        };
        for region in session.regions() {
            known.zones.entry(region.clone()).or_insert_with(|| {
                ["a", "b", "c", "d", "e", "f"]
                    .map(|letter| format!("{region}{letter}"))
                    .to_vec()
            });
        }
        known
    }
}

fn recorded(state: &State) -> BTreeMap<String, BTreeMap<String, SsmParameter>> {
    let known = |parameter: &payctl_state::SsmParameter| match &parameter.value {
        Some(text) => SsmParameter::Text(text.clone()),
        None => SsmParameter::Exists,
    };
    let regions = state.ssm_parameters.iter().map(|(region, parameters)| {
        let parameters = parameters
            .iter()
            .map(|(name, parameter)| (name.clone(), known(parameter)));
        (region.clone(), parameters.collect())
    });
    regions.collect()
}

/// Asks AWS for what the templates need; what the state has is not asked for again unless `anew`.
pub(super) async fn look_up(
    session: &mut Session,
    global: &Global,
    loaded: &Loaded,
    connected: &Connected,
    anew: bool,
) -> Result<LookedUp, Failure> {
    let mut known = LookedUp {
        zones: session.state.availability_zones.clone(),
        ssm_parameters: BTreeMap::new(),
    };
    let mut wanted: BTreeMap<String, BTreeMap<String, SsmWanted>> = BTreeMap::new();
    for ((_, template), inputs) in loaded
        .stacks
        .iter()
        .zip(workflow::inputs(session, global, loaded, &known, true)?)
    {
        let region = wanted.entry(inputs.region.clone()).or_default();
        for (name, more) in template.lookups(&inputs).ssm_parameters {
            let wanted = region.entry(name).or_default();
            *wanted = wanted.and(more);
        }
    }
    wanted.retain(|_, names| !names.is_empty());
    let before = std::mem::take(&mut session.state.ssm_parameters);
    for (region, names) in wanted {
        let (kept, found) = parameters(&region, &names, &before, connected, anew).await?;
        if !kept.is_empty() {
            session.state.ssm_parameters.insert(region.clone(), kept);
        }
        known.ssm_parameters.insert(region, found);
    }
    // Which regions' zones are needed can hang on these parameters.
    let mut regions = BTreeSet::new();
    for ((_, template), inputs) in loaded
        .stacks
        .iter()
        .zip(workflow::inputs(session, global, loaded, &known, true)?)
    {
        regions.extend(template.lookups(&inputs).availability_zones);
    }
    known.zones = connected
        .regions
        .zones(&regions, &known.zones, anew)
        .await?;
    session.state.availability_zones = known.zones.clone();
    Ok(known)
}

/// What the registry says of a type is known from now on. A text that is no schema says nothing.
pub(super) fn learn(type_name: &str, schema: &str) {
    if let Ok(schema) = serde_json::from_str::<serde_json::Value>(schema) {
        facts().learn(type_name, &schema);
    }
}

/// Asks the account's registry about the types in the templates that are not AWS's own; what the state has is not asked for again
/// unless `anew`. What is learned is checked: the templates are read again then.
pub(super) async fn with_types(
    session: &mut Session,
    loaded: Loaded,
    connected: &Connected,
    anew: bool,
) -> Result<Loaded, Failure> {
    let mut wanted = BTreeMap::new();
    for (stack, template) in &loaded.stacks {
        let region = stack.region.as_deref().unwrap_or_default();
        for (name, (resource, span)) in template.foreign_types() {
            wanted
                .entry(name)
                .or_insert((region, template, resource, span));
        }
    }
    let used: BTreeSet<&str> = session
        .state
        .all()
        .map(|(_, resource)| resource.type_name.as_str())
        .collect();
    let mut kept = session.state.type_schemas.clone();
    kept.retain(|name, _| wanted.contains_key(name.as_str()) || used.contains(name.as_str()));
    let mut learned = false;
    let mut missing = Vec::new();
    for (name, (region, template, resource, span)) in wanted {
        // Modules are refused when they are read.
        if !anew && kept.contains_key(name) || name.ends_with("::MODULE") {
            continue;
        }
        match connected.regions.type_schema(region, name).await? {
            Some(schema) => {
                learn(name, &schema);
                kept.insert(name.to_owned(), schema);
                learned = true;
            }
            None => {
                let account = session.state.account.as_deref().unwrap_or("this one");
                let message = format!(
                    "the resource type {name} is neither registered nor activated in account {account}, {region}"
                );
                missing.push(
                    Diagnostic::error("unknown-type", message)
                        .at(&template.source, span)
                        .address(resource)
                        .help(
                            "activate a published type with `aws cloudformation activate-type`, or register one of your own with `cfn submit`; in the simulated AWS: payctl sandbox register-type SCHEMA.json",
                        ),
                );
            }
        }
    }
    if !missing.is_empty() {
        return Err(Failure::of_diagnostics(missing));
    }
    session.state.type_schemas = kept;
    match learned {
        true => workflow::load(session),
        false => Ok(loaded),
    }
}

type Kept = BTreeMap<String, payctl_state::SsmParameter>;

/// The parameters of one region: what the state keeps, and what the templates see.
async fn parameters(
    region: &str,
    wanted: &BTreeMap<String, SsmWanted>,
    before: &BTreeMap<String, Kept>,
    connected: &Connected,
    anew: bool,
) -> Result<(Kept, BTreeMap<String, SsmParameter>), Failure> {
    let before = before.get(region).filter(|_| !anew);
    let (mut kept, mut found) = (Kept::new(), BTreeMap::new());
    let mut asked = Vec::new();
    for (name, want) in wanted {
        let old = before.and_then(|before| before.get(name));
        match old.filter(|old| !want.value || old.value.is_some() && !want.secret) {
            Some(old) => {
                let seen = match &old.value {
                    Some(text) => SsmParameter::Text(text.clone()),
                    None => SsmParameter::Exists,
                };
                found.insert(name.clone(), seen);
                kept.insert(name.clone(), old.clone());
            }
            None => asked.push(name.clone()),
        }
    }
    let answers = match asked.is_empty() {
        true => BTreeMap::new(),
        false => connected.regions.ssm_parameters(region, &asked).await?,
    };
    for name in asked {
        let want = wanted.get(&name).copied().unwrap_or_default();
        let seen = match answers.get(&name) {
            None => SsmParameter::Missing,
            Some(SsmAnswer::Secure) => SsmParameter::Secure,
            Some(SsmAnswer::Text { value, version }) => {
                let record = payctl_state::SsmParameter {
                    value: (want.value && !want.secret).then(|| value.clone()),
                    version: *version,
                };
                kept.insert(name.clone(), record);
                match want.value {
                    true => SsmParameter::Text(value.clone()),
                    false => SsmParameter::Exists,
                }
            }
        };
        found.insert(name, seen);
    }
    Ok((kept, found))
}
