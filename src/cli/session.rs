//! What most commands begin with: the project, its environment, AWS, the state.

use std::path::{Path, PathBuf};

use crate::project::{Environment, Project, ProjectError};
use crate::report::failure::Failure;

use super::Global;

/// The folder that a command works in.
pub(super) fn folder(global: &Global) -> PathBuf {
    global.directory.clone().unwrap_or_else(|| PathBuf::from("."))
}

/// The project: of `--template`, else of the nearest payctl.toml.
pub(super) fn project(global: &Global) -> Result<Project, Failure> {
    let folder = folder(global);
    let Some(template) = &global.template else {
        return Project::find(&folder).map_err(Failure::from);
    };
    let template = folder.join(template);
    // Inside a project the template belongs to it: its environments say account, role, tags and parameters.
    match Project::find(&folder) {
        Ok(mut project) => {
            for environment in project.environments.values_mut() {
                with_one_template(environment, &template);
            }
            Ok(project)
        }
        Err(ProjectError::NotFound(_)) => Ok(Project::for_template(&template, global.env.as_deref())?),
        Err(error) => Err(error.into()),
    }
}
