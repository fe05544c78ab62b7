//! `payctl sandbox serve|register-type|reset|dump|fail|heal`: the project's simulated AWS, from outside.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use payctl_model::Clock;
use payctl_sandbox::Failure as Bad;

use super::arguments::SandboxCommand;
use super::simulated::Simulated;
use super::{Exit, Global, Outcome};
use crate::project::{Project, ProjectError};
use crate::report::failure::Failure;

pub(super) async fn run(global: &Global, command: &SandboxCommand) -> Outcome {
    let root = root(global)?;
    match command {
        SandboxCommand::Serve { port, speed } => serve(&root, *port, *speed).await,
        SandboxCommand::RegisterType { schema } => register_type(&root, schema),
        SandboxCommand::Reset => reset(&root),
        SandboxCommand::Dump => {
            let simulated = Simulated::open(&root, Clock::real())?;
            super::print_json(&simulated.sandbox().dump());
            Ok(Exit::Success)
        }
        SandboxCommand::Fail { image: None, .. } => {
            for (image, failure) in Simulated::open(&root, Clock::real())?.sandbox().bad() {
                super::print(&format!("{image} ({failure})"));
            }
            Ok(Exit::Success)
        }
        SandboxCommand::Fail {
            image: Some(image),
            pull,
            ..
        } => {
            let bad = if *pull { Bad::Pull } else { Bad::Health };
            call_bad(&root, image, Some(bad))
        }
        SandboxCommand::Heal { image } => call_bad(&root, image, None),
    }
}

/// Kept with the project's simulated AWS: the next command that works with it finds it so.
fn call_bad(root: &Path, image: &str, bad: Option<Bad>) -> Outcome {
    let simulated = Simulated::open(root, Clock::real())?;
    let known = simulated.sandbox().call_bad(image, bad);
    if bad.is_none() && !known {
        return Err(
            Failure::new("sandbox", format!("the image `{image}` was not called bad"))
                .help("payctl sandbox fail lists what is"),
        );
    }
    simulated.save()?;
    super::say(&match bad {
        Some(Bad::Health) => {
            format!("tasks with the image `{image}` do not get healthy from now on")
        }
        Some(Bad::Pull) => format!("the image `{image}` cannot be pulled from now on"),
        None => format!("the image `{image}` is good again"),
    });
    Ok(Exit::Success)
}

/// Where the simulated AWS is kept: with the project, and where there is none in the folder itself.
fn root(global: &Global) -> Result<PathBuf, Failure> {
    if global.template.is_some() {
        return Ok(super::session::project(global)?.root);
    }
    match Project::find(&super::session::folder(global)) {
        Ok(project) => Ok(project.root),
        Err(ProjectError::NotFound(folder)) => Ok(folder),
        Err(error) => Err(error.into()),
    }
}

async fn serve(root: &Path, port: u16, speed: f64) -> Outcome {
    if !(speed.is_finite() && speed > 0.0) {
        return Err(Failure::new(
            "usage",
            "--speed must be a number greater than 0",
        ));
    }
    let clock = Clock::starting_at(SystemTime::now(), speed);
    let simulated = Simulated::open(root, clock)?;
    let io = |error: std::io::Error| {
        Failure::new("io", format!("cannot listen on 127.0.0.1:{port}: {error}"))
            .help("--port 0 takes a free one")
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .map_err(io)?;
    let address = listener.local_addr().map_err(io)?;
    super::print(&format!("The simulated AWS listens on http://{address}"));
    super::say(&format!(
        "AWS_ENDPOINT_URL=http://{address} and any keys; Ctrl-C ends it.\n\
         It holds what it is told, secrets included: it is no place for production secrets."
    ));
    let saving = async {
        // What a killed server has been told is kept to within a second.
        let mut saved = serde_json::Value::Null;
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            let now = simulated.sandbox().dump();
            if now != saved {
                if let Err(failure) = simulated.save() {
                    super::say(&failure.render());
                }
                saved = now;
            }
        }
    };
    let mut interrupts = super::Interrupts::listen();
    let stop = async {
        tokio::select! {
            _ = interrupts.next() => {}
            () = saving => {}
        }
    };
    payctl_sandbox::serve(Arc::clone(simulated.sandbox()), listener, stop)
        .await
        .map_err(io)?;
    simulated.save()?;
    Ok(Exit::Success)
}

fn register_type(root: &Path, path: &Path) -> Outcome {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(
            "io",
            format!("cannot read the schema {}: {error}", path.display()),
        )
    })?;
    let wrong = |what: String| {
        let message = format!("{} is no schema of a resource type: {what}", path.display());
        Failure::new("schema", message)
            .help("CloudFormation CLI user guide, \"Resource type schema\", says what a schema has")
    };
    let schema = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let simulated = Simulated::open(root, Clock::real())?;
    let name = simulated.sandbox().register_type(&schema).map_err(wrong)?;
    simulated.save()?;
    super::say(&format!("{name} is registered in the simulated AWS"));
    Ok(Exit::Success)
}

/// Also where the snapshot cannot be read: this is the way out then.
fn reset(root: &Path) -> Outcome {
    let path = Simulated::path(root);
    match std::fs::remove_file(&path) {
        Ok(()) => super::say("the simulated AWS is empty"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            super::say("the simulated AWS was empty already")
        }
        Err(error) => {
            return Err(Failure::new(
                "io",
                format!("cannot remove {}: {error}", path.display()),
            ));
        }
    }
    super::say(
        "states of its environments still name what is gone: payctl plan shows it as gone from AWS",
    );
    Ok(Exit::Success)
}
