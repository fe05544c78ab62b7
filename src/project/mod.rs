//! `payctl.toml`: the project, its environments, and which template with which parameters goes into which region
//! (docs/contracts.md, "Project file"). Reads the file and, where the stacks come from the CDK, the assembly: no AWS, no
//! template.

pub mod assembly;
mod file;
mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use assembly::assets::AssetManifest;
use assembly::{Assembly, AssemblyError};

pub use file::{FileError, Given};
pub use names::{partition, stack_id, stack_name};

/// The name of the project file.
pub const PROJECT_FILE: &str = "payctl.toml";

/// A project: a folder, a name and environments.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Where payctl.toml stands, or the template of a project without one.
    pub root: PathBuf,
    /// The project's name.
    pub name: String,
    /// The environment that is meant where none is named.
    pub default_environment: Option<String>,
    /// The environments, by name.
    pub environments: BTreeMap<String, Environment>,
}

/// One environment: one state, one plan, one graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Whether it runs in the simulated AWS.
    pub sandbox: bool,
    /// The account that it must be; `None`: whatever the credentials belong to.
    pub account: Option<String>,
    /// The role that is assumed.
    pub role: Option<String>,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// Whether destroying it, and losing its stateful resources, is refused.
    pub protect: bool,
    /// Tags of every resource.
    pub tags: BTreeMap<String, String>,
    /// The bucket in which providers of custom resources leave their answers, `${AWS::AccountId}` and `${AWS::Region}` to be filled in;
    /// `None`: the one of `cdk bootstrap`.
    pub response_bucket: Option<String>,
    /// How many operations run at once.
    pub concurrency: Option<usize>,
    /// Parameters of all its stacks; they stand in each stack already where it does not say otherwise.
    pub parameters: BTreeMap<String, Given>,
    /// Its stacks: those of payctl.toml, and after [`Environment::assemble`] those of the assembly.
    pub stacks: Vec<StackSpec>,
    /// The CDK assembly whose stacks it has.
    pub assembly: Option<AssemblySpec>,
}

/// Where stacks come from that the CDK writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssemblySpec {
    /// The assembly's folder.
    pub folder: PathBuf,
    /// The command that makes it anew.
    pub synth: Option<String>,
    /// Patterns of the stacks that are taken; empty: all.
    pub stacks: Vec<String>,
}

/// One stack: a template, where it goes, what it is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StackSpec {
    /// Its name in addresses.
    pub name: String,
    /// The template's path, absolute or from the working folder.
    pub template: PathBuf,
    /// The region; `None`: the one of the AWS configuration.
    pub region: Option<String>,
    /// The parameters, those of the environment included where the stack does not say otherwise.
    pub parameters: BTreeMap<String, Given>,
    /// What an assembly says of it; `None`: it stands in payctl.toml.
    pub assembled: Option<Assembled>,
}

/// What an assembly says of a stack besides its template, region and parameters.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assembled {
    /// Its path in the app, such as `Prod/Network`.
    pub path: String,
    /// `AWS::StackName`.
    pub stack_name: String,
    /// Tags of all its resources.
    pub tags: BTreeMap<String, String>,
    /// Whether it is guarded as by `protect`.
    pub termination_protection: bool,
    /// What it needs beside its template.
    pub assets: Arc<AssetManifest>,
    /// The parameter of Systems Manager in which the account's bootstrap stack notes its version.
    pub bootstrap_version: Option<String>,
}

/// Why there is no such project or environment.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// No payctl.toml here or above.
    #[error("there is no {PROJECT_FILE} in {0} or above it")]
    NotFound(PathBuf),
    /// The template that was named is not there.
    #[error("there is no template {}", .0.display())]
    NoTemplate(PathBuf),
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It says something that makes no sense.
    #[error("{path}:{}:{}: {}", error.line, error.column, error.message)]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What, where, and what to do.
        error: FileError,
    },
    /// The project has no such environment.
    #[error("the project has no environment `{name}`; it has {}", names.join(", "))]
    UnknownEnvironment {
        /// What was asked for.
        name: String,
        /// What there is.
        names: Vec<String>,
        /// The most similar one.
        similar: Option<String>,
    },
    /// The CDK assembly cannot be used.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// No environment was named, and the project has no default.
    #[error("no environment is named; the project has {}", names.join(", "))]
    NoEnvironment {
        /// What there is.
        names: Vec<String>,
    },
}

impl Project {
    /// The project whose payctl.toml stands in `folder` or the nearest folder above it.
    pub fn find(folder: &Path) -> Result<Project, ProjectError> {
        let start = std::path::absolute(folder).map_err(|error| ProjectError::Unreadable {
            path: folder.to_owned(),
            error,
        })?;
        let found = start
            .ancestors()
            .map(|folder| folder.join(PROJECT_FILE))
            .find(|path| path.is_file());
        let path = found.ok_or(ProjectError::NotFound(start))?;
        let text = std::fs::read_to_string(&path).map_err(|error| ProjectError::Unreadable {
            path: path.clone(),
            error,
        })?;
        let root = path.parent().unwrap_or(Path::new(".")).to_owned();
        file::parse(&root, &text).map_err(|error| ProjectError::Wrong { path, error })
    }

    /// The project of a template that stands alone: the folder's name, one stack with the file's stem as its name, and
    /// one environment. `local` is the simulated AWS, every other one is AWS.
    pub fn for_template(
        template: &Path,
        environment: Option<&str>,
    ) -> Result<Project, ProjectError> {
        let unreadable = |error| ProjectError::Unreadable {
            path: template.to_owned(),
            error,
        };
        let path = std::path::absolute(template).map_err(unreadable)?;
        if !path.is_file() {
            return Err(ProjectError::NoTemplate(path));
        }
        let stem = path.file_stem().map(|stem| stem.to_string_lossy());
        let stack = StackSpec {
            name: names::identifier(stem.as_deref().unwrap_or("template")),
            template: path.clone(),
            ..StackSpec::default()
        };
        let spec = Environment {
            stacks: vec![stack],
            ..Environment::default()
        };
        Ok(Project::alone(&path, environment, spec))
    }

    /// The project of an assembly that stands alone: the name of the folder in which the assembly's folder stands, and one
    /// environment as for a template.
    ///
    /// # Errors
    /// Where the working folder is gone.
    pub fn for_assembly(
        assembly: &Path,
        environment: Option<&str>,
    ) -> Result<Project, ProjectError> {
        let spec = AssemblySpec {
            folder: absolute(assembly)?,
            ..AssemblySpec::default()
        };
        let folder = spec.folder.clone();
        let spec = Environment {
            assembly: Some(spec),
            ..Environment::default()
        };
        Ok(Project::alone(&folder, environment, spec))
    }

    /// A project without a payctl.toml, beside the file or folder that it is about. `local` is the simulated AWS, every other
    /// environment is AWS.
    fn alone(path: &Path, environment: Option<&str>, spec: Environment) -> Project {
        let root = path.parent().unwrap_or(Path::new("/")).to_owned();
        let name = root.file_name().map(|name| name.to_string_lossy());
        let name = names::identifier(name.as_deref().unwrap_or("project"));
        let environment = environment.unwrap_or("default").to_owned();
        let spec = Environment {
            name: environment.clone(),
            sandbox: environment == "local",
            ..spec
        };
        Project {
            root,
            name,
            default_environment: Some(environment.clone()),
            environments: BTreeMap::from([(environment, spec)]),
        }
    }

    /// Leaves every environment with the stacks of this assembly, which is taken as it is.
    ///
    /// # Errors
    /// Where the working folder is gone.
    pub fn only_assembly(&mut self, assembly: &Path) -> Result<(), ProjectError> {
        let folder = absolute(assembly)?;
        for environment in self.environments.values_mut() {
            environment.stacks.clear();
            let stacks = environment.assembly.take().map(|spec| spec.stacks);
            environment.assembly = Some(AssemblySpec {
                folder: folder.clone(),
                synth: None,
                stacks: stacks.unwrap_or_default(),
            });
        }
        Ok(())
    }

    /// Leaves every environment with this one template. What its stack is called and given stays as it is where the project
    /// has a stack of this template.
    ///
    /// # Errors
    /// Where there is no such file.
    pub fn only_template(&mut self, template: &Path) -> Result<(), ProjectError> {
        let alone = Project::for_template(template, None)?;
        let stacks = alone
            .environments
            .into_values()
            .flat_map(|environment| environment.stacks);
        let stacks: Vec<StackSpec> = stacks.collect();
        for environment in self.environments.values_mut() {
            let is_it = |stack: &&StackSpec| {
                stacks
                    .iter()
                    .any(|alone| same_file(&alone.template, &stack.template))
            };
            let known: Vec<StackSpec> = environment.stacks.iter().filter(is_it).cloned().collect();
            let parameters = environment.parameters.clone();
            let new = || {
                stacks
                    .iter()
                    .map(|alone| StackSpec {
                        parameters: parameters.clone(),
                        ..alone.clone()
                    })
                    .collect()
            };
            environment.stacks = if known.is_empty() { new() } else { known };
            environment.assembly = None;
        }
        Ok(())
    }

    /// The environment of this name, or the default one, or the only one.
    pub fn environment(&self, name: Option<&str>) -> Result<&Environment, ProjectError> {
        let names = || self.environments.keys().cloned().collect::<Vec<_>>();
        let only = || {
            (self.environments.len() == 1)
                .then(|| self.environments.keys().next().map(String::as_str))
                .flatten()
        };
        let Some(name) = name.or(self.default_environment.as_deref()).or_else(only) else {
            return Err(ProjectError::NoEnvironment { names: names() });
        };
        self.environments
            .get(name)
            .ok_or_else(|| ProjectError::UnknownEnvironment {
                name: name.to_owned(),
                similar: file::similar(name, self.environments.keys().map(String::as_str)),
                names: names(),
            })
    }

    /// Where state, journal and lock of the project's environments stand.
    pub fn state_folder(&self) -> PathBuf {
        self.root.join(".payctl").join("state")
    }
}

impl Environment {
    /// Takes in the stacks of the assembly, where it has one, and with them the account that they are for. `account` is the
    /// one that it is known to be in.
    ///
    /// # Errors
    /// Where the assembly cannot be used, or is for another account.
    pub fn assemble(&mut self, account: Option<&str>) -> Result<(), AssemblyError> {
        let Some(spec) = &self.assembly else {
            return Ok(());
        };
        let mut assembly = Assembly::read(&spec.folder)?;
        assembly.select(&spec.stacks)?;
        assembly.check()?;
        self.account = assembly.account(self.account.as_deref().or(account))?;
        for stack in assembly.stacks {
            let given = stack.parameters.into_iter();
            let given = given.map(|(name, text)| (name, Given::Text(text)));
            let mut parameters: BTreeMap<String, Given> = given.collect();
            parameters.extend(self.parameters.clone());
            self.stacks.push(StackSpec {
                name: stack.name.clone(),
                template: stack.template,
                region: stack.region,
                parameters,
                assembled: Some(Assembled {
                    path: stack.path,
                    stack_name: stack.name,
                    tags: stack.tags,
                    termination_protection: stack.termination_protection,
                    assets: stack.assets,
                    bootstrap_version: stack.bootstrap_version,
                }),
            });
        }
        Ok(())
    }

    /// Checks that no two stacks have the same address. Regions have been settled.
    ///
    /// # Errors
    /// The first two that have.
    pub fn check_names(&self) -> Result<(), AssemblyError> {
        let path = |stack: &StackSpec| match &stack.assembled {
            Some(assembled) => assembled.path.clone(),
            None => format!("{} of payctl.toml", stack.name),
        };
        let mut seen: BTreeMap<(&Option<String>, &str), &StackSpec> = BTreeMap::new();
        for stack in &self.stacks {
            if let Some(other) = seen.insert((&stack.region, &stack.name), stack) {
                return Err(AssemblyError::Twice {
                    name: stack.name.clone(),
                    region: stack.region.clone().unwrap_or_default(),
                    paths: [path(other), path(stack)],
                });
            }
        }
        Ok(())
    }
}

/// A path from the root, without steps up.
fn absolute(path: &Path) -> Result<PathBuf, ProjectError> {
    let absolute = std::path::absolute(path).map_err(|error| ProjectError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    Ok(assembly::assets::joined(
        Path::new("/"),
        &absolute.to_string_lossy(),
    ))
}

/// Whether two paths lead to one file.
fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
