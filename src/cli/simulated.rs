//! The project's simulated AWS, in process: behind the SDK's HTTP client, and only there, payctl knows that it exists.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use payctl_model::Clock;
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
        let connector = SharedHttpConnector::new(Connector(self.sandbox.clone()));
        http_client_fn(move |_, _| connector.clone())
    }
}

/// A connector whose other end is the simulated AWS.
struct Connector(Arc<Sandbox>);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(simulated AWS)")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sandbox = self.0.clone();
        HttpConnectorFuture::new(async move {
            let other = |error: Box<dyn std::error::Error + Send + Sync>| {
                ConnectorError::other(error, None)
            };
            let request = request
                .try_into_http1x()
                .map_err(|error| other(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = body
                .bytes()
                .map(Bytes::copy_from_slice)
                .ok_or_else(|| other("a streaming request".into()))?;
            let answer = sandbox.handle(http::Request::from_parts(parts, body)).await;
            HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| other(error.into()))
        })
    }
}
