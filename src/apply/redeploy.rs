//! [`redeploy`]: another revision for one service, without its template: journalled, followed and recorded like any operation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, PropertyPath, Value};
use payctl_state::{Dependency, Hasher, Journal, Policy, ResourceState, State, Store};
use tokio_util::sync::CancellationToken;

use super::cloud::Cloud;
use super::engine::{EngineError, before, incarnations};
use super::events::{Events, Happened, Summary};
use super::executor::{Outcome, Run, Wanted, execute};
use super::journal::Recorder;
use super::keep::take_in;
use super::ledger::Ledger;
use super::models::Known;
use super::poller::Pace;
use super::recovery::{self, Patience};
use crate::graph::ResourceGraph;
use crate::plan::references::values;
use crate::plan::{
    Action, Change, Deployment, Edit, OperationGraph, Plan, Reason, Removal, operations,
};
use crate::template::{Attributes, EvalError};

/// What is to run.
pub struct Redeploy {
    /// The service.
    pub service: Address,
    /// The task definition's ARN.
    pub task_definition: String,
    /// CodeDeploy's part; `None`: ECS deploys it.
    pub deployment: Option<Deployment>,
    /// The models of the service and of its deployment group, as they are live.
    pub known: BTreeMap<Address, Known>,
    /// AWS.
    pub cloud: Arc<dyn Cloud>,
    /// Who listens.
    pub events: Events,
    /// How often is looked.
    pub pace: Pace,
}

/// Deploys it and saves what came of it. The caller holds the lock and has recovered.
///
/// # Errors
/// Where journal or state cannot be written, or AWS not be asked about what is in doubt.
pub async fn redeploy(
    store: &Store,
    state: &mut State,
    redeploy: Redeploy,
    calls: &(dyn Fn() -> BTreeMap<String, u64> + Sync),
    stop: CancellationToken,
) -> Result<Outcome, EngineError> {
    let Some(kept) = state.resources.get(&redeploy.service).cloned() else {
        return Err(EngineError::NotNative(vec![redeploy.service.to_string()]));
    };
    let (plan, steps) = one_step(state, &kept, &redeploy);
    let journal = Journal::create(&store.paths().journal, state)?;
    let recorder = Arc::new(Recorder::new(
        journal,
        redeploy.cloud.clock().clone(),
        Ledger::default(),
    ));
    let hasher = Arc::new(Hasher::new(&state.salt));
    let (seal, seal_observed) = (hasher.clone(), hasher.clone());
    let run = Run {
        wanted: Arc::new(Standing {
            desired: plan.changes[&redeploy.service].after.clone(),
            kept,
        }),
        draw: incarnations(&steps)?,
        plan,
        operations: steps,
        before: before(state),
        known: redeploy.known,
        pending: BTreeSet::new(),
        cloud: redeploy.cloud.clone(),
        log: recorder.clone(),
        events: redeploy.events.clone(),
        // What the state has is sealed already.
        seal: Arc::new(move |value: &Value| seal.hash_secrets(value)),
        seal_observed: Arc::new(move |value: &Value| seal_observed.hash_observed(value)),
        concurrency: 1,
        pace: redeploy.pace,
        force_secrets: false,
    };
    let outcome = execute(run, stop).await;
    let mut ledger = recorder.ledger();
    recovery::settle(
        &mut ledger,
        redeploy.cloud.clone(),
        &*recorder,
        &redeploy.events,
        Patience::default(),
    )
    .await?;
    take_in(state, &ledger);
    store.save_run(state, recorder.journal())?;
    redeploy.events.send(Happened::Summary(Summary {
        counts: outcome.counts,
        seconds: outcome.took.as_secs_f64(),
        api_calls: calls(),
        interrupted: outcome.counts.interrupted > 0,
    }));
    if let Ok(recorder) = Arc::try_unwrap(recorder) {
        recorder.into_journal().clear()?;
    }
    Ok(outcome)
}

fn one_step(state: &State, kept: &ResourceState, redeploy: &Redeploy) -> (Plan, OperationGraph) {
    let property = PropertyPath::from("TaskDefinition");
    let wanted = Value::from(redeploy.task_definition.as_str());
    let mut after = values(&kept.last_applied);
    if let Some(properties) = after.as_map_mut() {
        properties.insert("TaskDefinition".to_owned(), wanted.clone());
    }
    let known = redeploy.known.get(&redeploy.service);
    let reason = |property| match redeploy.deployment {
        Some(_) => Reason::Deployed {
            property,
            cause: None,
        },
        None => Reason::Property {
            property,
            cause: None,
        },
    };
    let change = Change {
        address: redeploy.service.clone(),
        type_name: kept.type_name.clone(),
        physical_id: kept.physical_id.clone(),
        action: match redeploy.deployment {
            Some(_) => Action::Deploy,
            None => Action::Update,
        },
        reasons: vec![reason(property.clone())],
        edits: vec![Edit {
            before: known.and_then(|known| known.model.at(&property).cloned()),
            after: Some(wanted),
            property,
            replaces: false,
            default: None,
        }],
        before: known.map(|known| known.model.clone()),
        after: Some(after),
        removal: Removal::default(),
        native: true,
        provisioned: true,
        stateful: false,
        deployment: redeploy.deployment.clone(),
    };
    let plan = Plan {
        changes: BTreeMap::from([(redeploy.service.clone(), change)]),
        ..Plan::default()
    };
    let steps = operations(&plan, &ResourceGraph::default(), state);
    (plan, steps)
}

/// A service as it was applied, with another revision: what it needs of others and what becomes of it stay as they are.
struct Standing {
    desired: Option<Value>,
    kept: ResourceState,
}

impl Wanted for Standing {
    fn properties(&self, _: &Address, _: &dyn Attributes) -> Option<Result<Value, EvalError>> {
        self.desired.clone().map(Ok)
    }

    fn needs(&self, _: &Address) -> BTreeMap<Address, Dependency> {
        self.kept.dependencies.clone()
    }

    fn policies(&self, _: &Address) -> (Policy, Policy) {
        (self.kept.deletion_policy, self.kept.update_replace_policy)
    }
}
