//! `payctl.toml`: the project, its environments, and which template with which parameters goes into which region
//! (docs/contracts.md, "Project file"). Reads the file and nothing else: no AWS, no template.

mod file;
mod names;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use file::{FileError, Given};
pub use names::{stack_id, stack_name};

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
    /// How many operations run at once.
    pub concurrency: Option<usize>,
    /// Parameters of all its stacks; they stand in each stack already where it does not say otherwise.
    pub parameters: BTreeMap<String, Given>,
    /// Its stacks.
    pub stacks: Vec<StackSpec>,
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
        let root = path.parent().unwrap_or(Path::new("/")).to_owned();
        let text =
            |part: Option<&std::ffi::OsStr>| part.map(|part| part.to_string_lossy().into_owned());
        let name = text(root.file_name()).unwrap_or_else(|| "project".to_owned());
        let stem = text(path.file_stem()).unwrap_or_else(|| "template".to_owned());
        let environment = environment.unwrap_or("default").to_owned();
        let stack = StackSpec {
            name: names::identifier(&stem),
            template: path,
            ..StackSpec::default()
        };
        let sandbox = environment == "local";
        let spec = Environment {
            name: environment.clone(),
            sandbox,
            stacks: vec![stack],
            ..Environment::default()
        };
        Ok(Project {
            root,
            name: names::identifier(&name),
            default_environment: Some(environment.clone()),
            environments: BTreeMap::from([(environment, spec)]),
        })
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

/// Whether two paths lead to one file.
fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
