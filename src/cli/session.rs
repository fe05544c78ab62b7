//! What most commands begin with: the project, its environment, the state, AWS in every region.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use payctl_model::Clock;
use payctl_resources::aws::{Aws, ConnectOptions};
use payctl_state::{Holder, Lock, Paths, State, Store};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Global;
use super::parameters::Asked;
use crate::apply::assets::{Docker, Images};
use crate::apply::regions::Regions;
use crate::project::assembly::synth::{self, Stale};
use crate::project::{Environment, Project, ProjectError, StackSpec};
use crate::report::failure::Failure;

#[cfg(feature = "sandbox")]
use super::simulated::{SPEED, Simulated, SimulatedImages};

/// The project and the environment that a command is about, and the state as its file has it. Nothing was asked of AWS.
pub(super) struct Session {
    /// The project.
    pub(super) project: Project,
    /// The environment, every stack with its region.
    pub(super) environment: Environment,
    /// Where state, journal and lock are.
    pub(super) store: Store,
    /// The state, empty where there is none yet.
    pub(super) state: State,
    /// `--region`, where the environment has several: only what is in it.
    pub(super) only_region: Option<String>,
    /// The parameters that were asked for on the terminal.
    pub(super) asked: Asked,
}

/// AWS, or the simulated one, in every region of the environment.
pub(super) struct Connected {
    /// One client per region.
    pub(super) regions: Arc<Regions>,
    /// The clock of waits.
    pub(super) clock: Clock,
    #[cfg(feature = "sandbox")]
    simulated: Option<Simulated>,
}

/// The folder that a command works in.
pub(super) fn folder(global: &Global) -> PathBuf {
    global
        .directory
        .clone()
        .unwrap_or_else(|| PathBuf::from("."))
}

/// The project: of the nearest payctl.toml; with `--template` or `--assembly` its environments have only this template or the
/// stacks of this assembly, and where there is no payctl.toml that is the project.
pub(super) fn project(global: &Global) -> Result<Project, Failure> {
    let folder = folder(global);
    if let Some(assembly) = &global.assembly {
        let assembly = folder.join(assembly);
        return match Project::find(&folder) {
            Ok(mut project) => {
                project.only_assembly(&assembly)?;
                Ok(project)
            }
            Err(ProjectError::NotFound(_)) => {
                Ok(Project::for_assembly(&assembly, global.env.as_deref())?)
            }
            Err(error) => Err(error.into()),
        };
    }
    let Some(template) = &global.template else {
        return Ok(Project::find(&folder)?);
    };
    let template = folder.join(template);
    match Project::find(&folder) {
        Ok(mut project) => {
            project.only_template(&template)?;
            Ok(project)
        }
        Err(ProjectError::NotFound(_)) => {
            Ok(Project::for_template(&template, global.env.as_deref())?)
        }
        Err(error) => Err(error.into()),
    }
}

/// What a command needs of the templates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Templates {
    /// Nothing: the state knows enough. A CDK assembly is not even looked at.
    Unneeded,
    /// All of them, as they are now: an assembly that is older than its sources is made anew.
    Current,
    /// All of them, as they were when a plan was made: an assembly is made only where there is none.
    AsPlanned,
}

impl Session {
    /// Reads the project file and the state, for a command that needs no template.
    pub(super) fn open(global: &Global) -> Result<Session, Failure> {
        Session::opened(global, Templates::Unneeded, true)
    }

    /// The same with the templates' stacks.
    pub(super) fn with_templates(
        global: &Global,
        templates: Templates,
    ) -> Result<Session, Failure> {
        Session::opened(global, templates, true)
    }

    /// The same for a look at the templates that asks nothing of AWS: without a region any will do.
    pub(super) fn for_checking(global: &Global) -> Result<Session, Failure> {
        Session::opened(global, Templates::Current, false)
    }

    fn opened(
        global: &Global,
        templates: Templates,
        needs_region: bool,
    ) -> Result<Session, Failure> {
        let project = project(global)?;
        let mut environment = project.environment(global.env.as_deref())?.clone();
        let store = Store::new(Paths::new(&project.state_folder(), &environment.name));
        let state = match store.load(&project.name, &environment.name)? {
            Some(state) => state,
            None => State::empty(&project.name, &environment.name, random()?, random()?),
        };
        if templates != Templates::Unneeded {
            synthesize(&project.root, &environment, templates)?;
            environment.assemble(state.account.as_deref())?;
        }
        let only_region = settle_regions(
            &mut environment,
            &state,
            global.region.as_deref(),
            needs_region,
        )?;
        if environment.assembly.is_some() {
            environment.check_names()?;
        }
        for (name, schema) in &state.type_schemas {
            super::lookups::learn(name, schema);
        }
        Ok(Session {
            project,
            environment,
            store,
            state,
            only_region,
            asked: Asked::default(),
        })
    }

    /// Reads the state anew: another run may have ended since.
    pub(super) fn reread(&mut self) -> Result<(), Failure> {
        if let Some(state) = self
            .store
            .load(&self.project.name, &self.environment.name)?
        {
            self.state = state;
        }
        Ok(())
    }

    /// Every region that the environment has or had something in, or publishes assets to.
    pub(super) fn regions(&self) -> BTreeSet<String> {
        let stacks = self.environment.stacks.iter();
        let stacks = stacks.flat_map(|stack| {
            let assembled = stack.assembled.iter();
            let assets = assembled.flat_map(|assembled| assembled.assets.regions());
            stack.region.iter().cloned().chain(assets)
        });
        stacks
            .chain(self.state.all().map(|(address, _)| address.region.clone()))
            .collect()
    }

    /// Connects to every region and checks that the credentials belong to the environment's account.
    pub(super) async fn connect(&mut self) -> Result<Connected, Failure> {
        let environment = &self.environment;
        #[cfg(not(feature = "sandbox"))]
        if environment.sandbox {
            return Err(
                Failure::new("sandbox", "this payctl was built without the simulated AWS")
                    .help("build it with the feature `sandbox`"),
            );
        }
        #[cfg(feature = "sandbox")]
        let simulated = match environment.sandbox {
            true => Some(Simulated::open(
                &self.project.root,
                Clock::starting_at(std::time::SystemTime::now(), SPEED),
            )?),
            false => None,
        };
        #[cfg(feature = "sandbox")]
        let (clock, http) = match &simulated {
            Some(simulated) => (simulated.clock(), Some(simulated.http_client())),
            None => (Clock::real(), None),
        };
        #[cfg(not(feature = "sandbox"))]
        let (clock, http) = (Clock::real(), None);
        let mut clients = Vec::new();
        for region in self.regions() {
            let options = ConnectOptions {
                region: Some(region),
                profile: environment.profile.clone(),
                role: environment.role.clone(),
                http_client: http.clone(),
                clock: clock.clone(),
                account: environment.account.clone().or(self.state.account.clone()),
                ..ConnectOptions::default()
            };
            clients.push(Aws::connect(options).await?);
        }
        let regions = Regions::new(
            &self.project.name,
            &environment.name,
            clock.clone(),
            clients,
        );
        if !self.regions().is_empty() {
            let expected = environment
                .account
                .as_deref()
                .or(self.state.account.as_deref());
            self.state.account = Some(regions.account(expected).await?);
        }
        #[cfg(feature = "sandbox")]
        if let (Some(simulated), Some(account)) = (&simulated, &self.state.account) {
            simulated.bootstrap(&self.environment, account).await?;
        }
        Ok(Connected {
            regions: Arc::new(regions),
            clock,
            #[cfg(feature = "sandbox")]
            simulated,
        })
    }

    /// Takes the environment's lock.
    pub(super) fn lock(&self, command: &str) -> Result<Lock, Failure> {
        let user = std::env::var("USER").or_else(|_| std::env::var("LOGNAME"));
        let holder = Holder {
            who: user.unwrap_or_else(|_| "unknown".to_owned()),
            host: gethostname::gethostname().to_string_lossy().into_owned(),
            pid: std::process::id(),
            command: command.to_owned(),
            since: OffsetDateTime::now_utc()
                .format(&Rfc3339)
                .unwrap_or_default(),
        };
        Ok(Lock::take(&self.store.paths().lock, &holder)?)
    }

    /// `project / environment`, for headings.
    pub(super) fn title(&self) -> String {
        let what = if self.environment.sandbox {
            " (simulated AWS)"
        } else {
            ""
        };
        format!("{} / {}{what}", self.project.name, self.environment.name)
    }
}

impl Connected {
    /// Who builds container images and brings them to their repositories: docker, for AWS.
    pub(super) fn images(&self) -> Arc<dyn Images> {
        #[cfg(feature = "sandbox")]
        if self.simulated.is_some() {
            return Arc::new(SimulatedImages);
        }
        Arc::new(Docker::from_environment())
    }

    /// What outlives the command is written: the simulated AWS, where this is one.
    pub(super) fn close(&self) -> Result<(), Failure> {
        #[cfg(feature = "sandbox")]
        if let Some(simulated) = &self.simulated {
            return simulated.save();
        }
        Ok(())
    }
}

/// Runs the command that makes the environment's assembly, where it has one and it is time.
fn synthesize(root: &Path, environment: &Environment, templates: Templates) -> Result<(), Failure> {
    let Some((spec, command)) = environment
        .assembly
        .as_ref()
        .and_then(|spec| Some((spec, spec.synth.as_deref()?)))
    else {
        return Ok(());
    };
    let why = match synth::stale(root, &spec.folder) {
        None => return Ok(()),
        Some(Stale::Missing) => "there is no assembly yet".to_owned(),
        Some(Stale::Changed(_)) if templates == Templates::AsPlanned => return Ok(()),
        Some(Stale::Changed(source)) => format!("{} is younger than the assembly", shown(&source)),
    };
    super::say(&format!("{command} ({why})"));
    synth::run(command, root, &spec.folder)?;
    Ok(())
}

/// Gives every stack its region. The result: with `--region` and stacks in several regions, the selected one.
fn settle_regions(
    environment: &mut Environment,
    state: &State,
    given: Option<&str>,
    needed: bool,
) -> Result<Option<String>, Failure> {
    let mut named: BTreeSet<String> = environment
        .stacks
        .iter()
        .filter_map(|stack| stack.region.clone())
        .collect();
    // Where the stacks of an assembly were not needed, the state alone knows where something is.
    if environment.assembly.is_some() && environment.stacks.is_empty() {
        named.extend(state.all().map(|(address, _)| address.region.clone()));
    }
    // A template that the CDK wrote for a region names its zones: it fits no other one.
    let is_fixed = |stack: &StackSpec| stack.assembled.is_some() && stack.region.is_some();
    let selects = named.len() > 1 || environment.stacks.iter().any(is_fixed);
    let is_open = environment
        .stacks
        .iter()
        .any(|stack| stack.region.is_none());
    if let Some(region) = given
        && selects
        && !is_open
        && !named.contains(region)
    {
        let regions: Vec<&str> = named.iter().map(String::as_str).collect();
        return Err(Failure::new(
            "unknown-region",
            format!("the environment has no stack in {region}"),
        )
        .help(format!("it has stacks in {}", regions.join(", "))));
    }
    let any = environment.sandbox || !needed;
    let is_missing = given.is_none()
        && environment
            .stacks
            .iter()
            .any(|stack| stack.region.is_none());
    let configured = match is_missing {
        true => configured_region(environment.profile.clone(), !any),
        false => None,
    };
    for stack in &mut environment.stacks {
        stack.region = match (given, &stack.region) {
            (Some(region), _) if !selects => Some(region.to_owned()),
            (_, Some(region)) => Some(region.clone()),
            (Some(region), None) => Some(region.to_owned()),
            (None, None) => configured.clone(),
        };
        if stack.region.is_none() && any {
            stack.region = Some("us-east-1".to_owned());
        }
        if stack.region.is_none() {
            return Err(Failure::new(
                "no-region",
                format!("the stack {} has no region", stack.name),
            )
            .help("write `region` into payctl.toml, give --region, set AWS_REGION, or choose a profile that has one"));
        }
    }
    named.extend(
        environment
            .stacks
            .iter()
            .filter_map(|stack| stack.region.clone()),
    );
    Ok(given
        .filter(|_| selects && named.len() > 1)
        .map(str::to_owned))
}

/// The region of the environment's variables, else of the AWS profile, else of the machine.
fn configured_region(profile: Option<String>, ask_the_profile: bool) -> Option<String> {
    let variable = ["AWS_REGION", "AWS_DEFAULT_REGION"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|region| !region.is_empty());
    if variable.is_some() || !ask_the_profile {
        return variable;
    }
    // Some commands come here from within a runtime, some without one: a thread of its own suits both.
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        runtime.block_on(payctl_resources::aws::configured_region(profile.as_deref()))
    });
    asking.join().ok().flatten()
}

/// 128 random bits in hexadecimal digits.
fn random() -> Result<String, Failure> {
    let mut bits = [0u8; 16];
    getrandom::fill(&mut bits).map_err(|error| {
        Failure::new(
            "randomness",
            format!("the system gives no random numbers: {error}"),
        )
    })?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// How a template is named in messages: from the working folder where it is below it.
pub(super) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here)
        .unwrap_or(path)
        .display()
        .to_string()
}
