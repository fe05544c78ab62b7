//! From templates to a plan: what `plan`, `apply`, `destroy`, `drift` and `graph` share.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, Value};
use payctl_state::{Hasher, State};

use super::Global;
use super::arguments::Selection;
use super::lookups::LookedUp;
use super::parameters::Parameters;
use super::session::{Connected, Session};
use super::templates::Reader;
use crate::apply::references::look_up_anew;
use crate::apply::refresh::{Refreshed, refresh, without_reading};
use crate::apply::templates::Templates;
use crate::checks;
use crate::graph::{NameError, Names, ResourceGraph, Rules};
use crate::plan::{Desired, Plan, PlanInputs, PlanOptions, plan};
use crate::project::assembly::names_stack;
use crate::project::{StackSpec, stack_id, stack_name};
use crate::report::failure::Failure;
use crate::template::diagnostic::did_you_mean;
use crate::template::{Diagnostic, Expr, Inputs, Stack, Template};

/// The templates of an environment, read and found right.
pub(super) struct Loaded {
    /// Each stack with its template.
    pub(super) stacks: Vec<(StackSpec, Arc<Template>)>,
}

/// A plan, and what carrying it out needs.
pub(super) struct Planned {
    /// What will be done.
    pub(super) plan: Plan,
    /// What the templates want.
    pub(super) templates: Arc<Templates>,
    /// What is live.
    pub(super) refreshed: Refreshed,
    /// What the plan was made from, for saving it.
    pub(super) inputs: PlanInputs,
    /// For showing addresses short.
    pub(super) names: Names,
}

/// Reads all templates of the environment.
///
/// # Errors
/// All mistakes of all templates.
pub(super) fn load(session: &Session) -> Result<Loaded, Failure> {
    if session.environment.stacks.is_empty() {
        return Err(Failure::new(
            "no-stack",
            format!("the environment {} has no stack", session.environment.name),
        )
        .help("add [[stack]] with a template, or `assembly` with a CDK assembly, to payctl.toml, or give --template FILE or --assembly DIR"));
    }
    let mut stacks = Vec::new();
    let mut reader = Reader::default();
    for stack in &session.environment.stacks {
        if let Some(template) = reader.stack(stack)? {
            stacks.push((stack.clone(), template));
        }
    }
    match reader.mistakes() {
        mistakes if mistakes.is_empty() => Ok(Loaded { stacks }),
        mistakes => Err(Failure::of_diagnostics(mistakes)),
    }
}

/// The templates with everything filled in.
pub(super) struct Instantiated {
    /// Each stack with those that are nested in it.
    pub(super) stacks: Vec<Stack>,
    /// What they were made from, for saving a plan.
    pub(super) inputs: PlanInputs,
}

/// Fills in parameters and decides conditions.
///
/// # Errors
/// All that is wrong with the values.
pub(super) fn instantiate(
    session: &Session,
    global: &Global,
    loaded: &Loaded,
    known: &LookedUp,
    ask: bool,
) -> Result<Instantiated, Failure> {
    let inputs = inputs(session, global, loaded, known, ask)?;
    let (mut stacks, mut mistakes): (Vec<Stack>, Vec<_>) = (Vec::new(), Vec::new());
    let mut made_from = PlanInputs {
        environment: session.environment.name.clone(),
        ..PlanInputs::default()
    };
    for ((_, template), inputs) in loaded.stacks.iter().zip(&inputs) {
        let stack = format!("{}/{}", inputs.region, inputs.stack);
        for (name, value) in &inputs.parameters {
            made_from
                .parameters
                .insert(format!("{stack}.{name}"), value.clone());
        }
        match template.instantiate(inputs) {
            Ok(stack) => {
                for one in stack.with_nested() {
                    let name = format!("{}/{}", one.region, one.name);
                    let text = one.source.text().to_owned();
                    made_from.templates.insert(name, text);
                }
                stacks.push(stack);
            }
            Err(found) => mistakes.extend(found),
        }
    }
    match mistakes.is_empty() {
        true => Ok(Instantiated {
            stacks,
            inputs: made_from,
        }),
        false => Err(Failure::of_diagnostics(mistakes)),
    }
}

/// Fills in parameters, decides conditions, links the stacks.
///
/// # Errors
/// All that is wrong with the values, and cycles.
pub(super) fn graph(
    session: &Session,
    global: &Global,
    loaded: &Loaded,
    known: &LookedUp,
    ask: bool,
) -> Result<(ResourceGraph, PlanInputs), Failure> {
    let made = instantiate(session, global, loaded, known, ask)?;
    let exported = &session.state.exports;
    let mut graph = ResourceGraph::build_after(&made.stacks, &Rules::native(), exported)
        .map_err(Failure::of_diagnostics)?;
    let warnings = checked(&graph)?;
    graph.warn(&warnings);
    Ok((graph, made.inputs))
}

/// What is wrong between the resources of a graph.
///
/// # Errors
/// What AWS would refuse, or what would never work; the result is what is only worth knowing.
pub(super) fn checked(graph: &ResourceGraph) -> Result<Vec<Diagnostic>, Failure> {
    let (errors, warnings): (Vec<_>, Vec<_>) = checks::check(graph)
        .into_iter()
        .partition(Diagnostic::is_error);
    match errors.is_empty() {
        true => Ok(warnings),
        false => Err(Failure::of_diagnostics(errors)),
    }
}

/// The values that are given for each stack's parameters, without asking for any.
pub(super) fn given(
    session: &Session,
    global: &Global,
    loaded: &Loaded,
) -> Result<Vec<BTreeMap<String, Value>>, Failure> {
    let all = inputs(session, global, loaded, &LookedUp::default(), false)?;
    Ok(all.into_iter().map(|inputs| inputs.parameters).collect())
}

/// `AWS::Partition`.
pub(super) fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// What each stack is instantiated with.
pub(super) fn inputs(
    session: &Session,
    global: &Global,
    loaded: &Loaded,
    known: &LookedUp,
    ask: bool,
) -> Result<Vec<Inputs>, Failure> {
    let (project, environment) = (&session.project.name, &session.environment.name);
    let mut parameters = Parameters::new(
        &global.parameters,
        &session.project.root,
        environment,
        &session.asked,
    )?;
    parameters.check(loaded.stacks.iter().map(|(_, template)| &**template))?;
    let account = session
        .state
        .account
        .clone()
        .or_else(|| session.environment.account.clone());
    // Only commands that never reach AWS know no account.
    let account = account.unwrap_or_else(|| "123456789012".to_owned());
    let mut all = Vec::new();
    for (stack, template) in &loaded.stacks {
        let region = stack.region.clone().unwrap_or_default();
        let partition = partition(&region);
        let assembled = stack.assembled.clone().unwrap_or_default();
        let stack_name = match &stack.assembled {
            Some(assembled) => assembled.stack_name.clone(),
            None => stack_name(project, environment, &stack.name),
        };
        all.push(Inputs {
            stack: stack.name.clone(),
            stack_id: stack_id(
                partition,
                &account,
                &region,
                project,
                environment,
                &stack.name,
                &stack_name,
            ),
            stack_name,
            tags: assembled
                .tags
                .into_iter()
                .map(|(key, value)| (key, Expr::value(Value::from(value))))
                .collect(),
            termination_protection: assembled.termination_protection,
            parameters: parameters.of(stack, template, ask)?,
            availability_zones: known.zones.clone(),
            ssm_parameters: known
                .ssm_parameters
                .get(&region)
                .cloned()
                .unwrap_or_default(),
            partition: partition.to_owned(),
            account: account.clone(),
            region,
            ..Inputs::default()
        });
    }
    Ok(all)
}

/// Makes the plan of the whole environment, or of its destruction.
pub(super) async fn make(
    session: &Session,
    state: &State,
    graph: ResourceGraph,
    mut inputs: PlanInputs,
    connected: Option<&Connected>,
    selection: &Selection,
    destroy: bool,
) -> Result<Planned, Failure> {
    let mut refreshed = match connected {
        Some(connected) if !selection.no_refresh => {
            refresh(&*connected.regions, state, &graph).await?
        }
        _ => without_reading(state),
    };
    if let Some(connected) = connected.filter(|_| selection.refresh_lookups) {
        refreshed.observed.looked_up = look_up_anew(&*connected.regions, &graph).await;
    }
    let names = Names::new(
        graph
            .nodes()
            .map(|(address, _)| address)
            .chain(state.all().map(|(address, _)| address)),
    );
    let targets = targets(session, state, &graph, &names, selection)?;
    let accept_drift = selection
        .accept_drift
        .iter()
        .map(|text| names.find(text))
        .collect::<Result<BTreeSet<Address>, _>>()?;
    let hasher = Hasher::new(&state.salt);
    let verify = |secret: &str, hash: &str| hasher.matches(secret, hash);
    let rules = Rules::native();
    let mut plan = plan(
        &Desired {
            graph: &graph,
            rules: &rules,
        },
        state,
        &refreshed.observed,
        &PlanOptions {
            destroy,
            targets: &targets,
            protect: session.environment.protect,
            allow_destructive: selection.allow_destructive,
            accept_drift: &accept_drift,
            environment_tags: &session.environment.tags,
            verify_secret: &verify,
        },
    );
    plan.warnings.splice(0..0, graph.warnings().iter().cloned());
    inputs.destroy = destroy;
    inputs.targets = targets;
    inputs.allow_destructive = selection.allow_destructive;
    let templates = Arc::new(Templates {
        graph,
        tags: session.environment.tags.clone(),
    });
    Ok(Planned {
        plan,
        templates,
        refreshed,
        inputs,
        names,
    })
}

/// What `--target` and `--region` select; empty: everything.
fn targets(
    session: &Session,
    state: &State,
    graph: &ResourceGraph,
    names: &Names,
    selection: &Selection,
) -> Result<BTreeSet<Address>, Failure> {
    let all = || {
        graph
            .nodes()
            .map(|(address, _)| address)
            .chain(state.all().map(|(address, _)| address))
    };
    let mut targets = BTreeSet::new();
    for text in &selection.targets {
        // What stands in a nested stack belongs to the stacks around it.
        let in_stack = |address: &&Address| {
            is_in_stack(address, text)
                || session.environment.stacks.iter().any(|spec| {
                    let assembled = spec.assembled.as_ref();
                    assembled.is_some_and(|assembled| names_stack(text, &assembled.path))
                        && spec.region.as_deref() == Some(address.region.as_str())
                        && is_in_stack(address, &spec.name)
                })
        };
        let stack: Vec<&Address> = all().filter(in_stack).collect();
        if stack.is_empty() {
            let found = names
                .find(text)
                .map_err(|error| no_such(session, text, error));
            targets.insert(found?);
        }
        targets.extend(stack.into_iter().cloned());
    }
    if let Some(region) = &session.only_region {
        if targets.is_empty() {
            targets.extend(all().filter(|address| address.region == *region).cloned());
        } else {
            targets.retain(|address| address.region == *region);
        }
        if targets.is_empty() {
            return Err(Failure::new(
                "no-target",
                format!("nothing that --target names is in {region}"),
            ));
        }
    }
    Ok(targets)
}

/// What `--target` names is neither a resource nor a stack.
fn no_such(session: &Session, text: &str, error: NameError) -> Failure {
    let stacks = session.environment.stacks.iter();
    let stacks: Vec<&str> = stacks
        .map(|stack| match &stack.assembled {
            Some(assembled) => assembled.path.as_str(),
            None => stack.name.as_str(),
        })
        .collect();
    let failure = Failure::from(error);
    match did_you_mean(text, stacks.iter().copied()) {
        Some(similar) => failure.help(format!("did you mean the stack `{similar}`?")),
        None if stacks.len() > 1 => failure.help(format!(
            "payctl state list shows the addresses; the stacks are {}",
            stacks.join(", ")
        )),
        None => failure,
    }
}

/// Whether a resource stands in the stack that a text names, or in one that is nested in it: by the stack's name (nested ones
/// as `stack/Nested` or, as other resources are named, `stack.Nested`), with or without the region.
fn is_in_stack(address: &Address, text: &str) -> bool {
    let text = text
        .strip_prefix(address.region.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .unwrap_or(text);
    let mut stack = address.stack.as_str();
    loop {
        let Some((parent, name)) = stack.rsplit_once('/') else {
            return stack == text;
        };
        if stack == text || text.strip_prefix(parent) == Some(format!(".{name}").as_str()) {
            return true;
        }
        stack = parent;
    }
}

/// The outputs of the state as people and programs see them: secrets masked.
pub(super) fn outputs_json(outputs: &BTreeMap<String, Value>) -> serde_json::Value {
    use crate::report::values::{SecretChange, to_json};
    let shown = |value: &Value| {
        to_json(value, &payctl_model::PropertyPath::root(), &|_| {
            SecretChange::Same
        })
    };
    serde_json::Value::Object(
        outputs
            .iter()
            .map(|(name, value)| (name.clone(), shown(value)))
            .collect(),
    )
}
