//! The project's simulated AWS, in process: behind the SDK's HTTP client, and only there, payctl knows that it exists.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::SharedHttpClient;
use payctl_model::Clock;
use payctl_resources::aws::in_process;
use payctl_sandbox::Sandbox;

use crate::report::failure::Failure;

/// How many times as fast as the wall's clock time runs during a command: a database that takes six minutes to start
/// takes a third of a second.
pub(super) const SPEED: f64 = 1000.0;

/// The simulated AWS of one project, kept in `.payctl/sandbox/` between commands.
#[derive(Clone)]
pub(super) struct Simulated {
    sandbox: Arc<Sandbox>,
    clock: Clock,
}

impl Simulated {
    /// Where a project keeps it.
    pub(super) fn path(project: &Path) -> PathBuf {
        project.join(".payctl").join("sandbox").join("aws.json")
    }

    /// Opens the world that a project's earlier commands left, or an empty one.
    pub(super) fn open(project: &Path, clock: Clock) -> Result<Simulated, Failure> {
        let path = Simulated::path(project);
        let sandbox = Sandbox::open(&path, clock.clone()).map_err(|error| {
            Failure::new(
                "sandbox",
                format!(
                    "cannot open the simulated AWS in {}: {error}",
                    path.display()
                ),
            )
            .help("payctl sandbox reset starts with an empty one")
        })?;
        Ok(Simulated {
            sandbox: Arc::new(sandbox),
            clock,
        })
    }

    /// The world itself.
    pub(super) fn sandbox(&self) -> &Arc<Sandbox> {
        &self.sandbox
    }

    /// Its clock: payctl's waits go by the same one.
    pub(super) fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Writes the world to disk.
    pub(super) fn save(&self) -> Result<(), Failure> {
        self.sandbox.save().map_err(|error| {
            Failure::new("sandbox", format!("cannot save the simulated AWS: {error}"))
        })
    }

    /// The HTTP client under which the SDK reaches it.
    pub(super) fn http_client(&self) -> SharedHttpClient {
        let sandbox = self.sandbox.clone();
        in_process(move |request| {
            let sandbox = sandbox.clone();
            async move { sandbox.handle(request).await }
        })
    }
}
