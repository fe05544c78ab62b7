//! The engine in this process, on a simulated AWS of its own: for tests that look into plans, or break rules, as no command
//! line lets them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl::apply::engine::{Apply, apply};
use payctl::apply::executor::Outcome;
use payctl::apply::poller::Pace;
use payctl::apply::refresh::{Refreshed, refresh};
use payctl::apply::regions::Regions;
use payctl::apply::templates::Templates;
use payctl::apply::{Cloud, Events};
use payctl::graph::{ResourceGraph, Rules};
use payctl::plan::{Desired, Plan, PlanOptions, operations, plan};
use payctl::template::{self, Diagnostic, Inputs};
use payctl_model::{Clock, Value};
use payctl_resources::aws::{Aws, ConnectOptions, in_process};
use payctl_sandbox::Sandbox;
use payctl_state::{Hasher, Paths, State, Store};
use tokio_util::sync::CancellationToken;

/// Where everything is.
pub const REGION: &str = "us-east-1";
/// Whose everything is.
pub const ACCOUNT: &str = "123456789012";
/// The one stack.
pub const STACK: &str = "net";

/// An empty simulated AWS and what applies templates to it.
pub struct World {
    /// What payctl remembers.
    pub state: State,
    cloud: Arc<Regions>,
    clock: Clock,
    store: Store,
    _folder: tempfile::TempDir,
}

/// A plan with what carrying it out needs.
pub struct Planned {
    /// What will be done.
    pub plan: Plan,
    graph: ResourceGraph,
    refreshed: Refreshed,
    destroy: bool,
}

impl World {
    /// With an empty AWS.
    pub async fn new() -> World {
        let clock = Clock::starting_at(std::time::SystemTime::now(), 1000.0);
        let sandbox = Arc::new(Sandbox::new(
            clock.clone(),
            payctl_sandbox::Options::default(),
        ));
        let aws = Aws::connect(ConnectOptions {
            region: Some(REGION.to_owned()),
            http_client: Some(in_process(move |request| {
                let sandbox = sandbox.clone();
                async move { sandbox.handle(request).await }
            })),
            clock: clock.clone(),
            ..ConnectOptions::default()
        })
        .await
        .expect("the simulated AWS answers");
        let folder = tempfile::tempdir().expect("a temporary folder");
        World {
            cloud: Arc::new(Regions::new("shop", "local", clock.clone(), vec![aws])),
            clock,
            store: Store::new(Paths::new(folder.path(), "local")),
            state: State::empty("shop", "local", "lineage".into(), "0123456789abcdef".into()),
            _folder: folder,
        }
    }

    /// The graph of a template with these parameters, or all that is wrong with it.
    pub fn graph(
        text: &str,
        parameters: &BTreeMap<String, Value>,
        rules: &Rules,
    ) -> Result<ResourceGraph, Vec<Diagnostic>> {
        let inputs = Inputs {
            stack: STACK.to_owned(),
            stack_name: format!("shop-local-{STACK}"),
            stack_id: "stack".to_owned(),
            parameters: parameters.clone(),
            partition: "aws".to_owned(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            ..Inputs::default()
        };
        let stack = template::load("template.yaml", text)?.instantiate(&inputs)?;
        ResourceGraph::build(&[stack], rules)
    }

    /// What has to be done so that AWS is as the graph says; without one everything is destroyed.
    pub async fn plan(&self, graph: Option<ResourceGraph>, rules: &Rules) -> Planned {
        let destroy = graph.is_none();
        let graph = graph.unwrap_or_default();
        let refreshed = refresh(&*self.cloud, &self.state, &graph)
            .await
            .expect("it is read");
        let hasher = Hasher::new(&self.state.salt);
        let plan = plan(
            &Desired {
                graph: &graph,
                rules,
            },
            &self.state,
            &refreshed.observed,
            &PlanOptions {
                destroy,
                targets: &BTreeSet::new(),
                protect: false,
                allow_destructive: false,
                accept_drift: &BTreeSet::new(),
                environment_tags: &BTreeMap::new(),
                verify_secret: &|secret, hash| hasher.matches(secret, hash),
            },
        );
        Planned {
            plan,
            graph,
            refreshed,
            destroy,
        }
    }

    /// Carries a plan out.
    pub async fn carry_out(&mut self, planned: Planned) -> Outcome {
        let Planned {
            plan,
            graph,
            refreshed,
            destroy,
        } = planned;
        let steps = operations(&plan, &graph, &self.state);
        let cloud: Arc<dyn Cloud> = self.cloud.clone();
        apply(
            &self.store,
            &mut self.state,
            Apply {
                plan,
                operations: steps,
                templates: Arc::new(Templates {
                    graph,
                    tags: BTreeMap::new(),
                }),
                refreshed,
                cloud,
                events: Events::unheard(self.clock.clone()),
                concurrency: 24,
                pace: Pace::default(),
                force_secrets: false,
                destroy,
            },
            &BTreeMap::new,
            CancellationToken::new(),
        )
        .await
        .expect("the engine runs to its end")
    }

    /// Makes AWS as the template says, or destroys everything where there is none.
    pub async fn apply(&mut self, text: Option<&str>, rules: &Rules) -> Outcome {
        let graph = text.map(|text| {
            World::graph(text, &BTreeMap::new(), rules).expect("a valid template without cycles")
        });
        let planned = self.plan(graph, rules).await;
        self.carry_out(planned).await
    }
}
