//! The simulated AWS as a whole: its clock, its two doors, and how it is kept.

use crate::call::{Call, digest};
use crate::error::{Answer, Refusal};
use crate::generic;
use crate::model;
use crate::path;
use crate::registry;
use crate::services::ecs::images::{self, Failure};
use crate::snapshot;
use crate::world::World;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use payctl_model::Clock;
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// How a simulated AWS is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// The account of callers whose access key says nothing else (an access key of 12 digits names the account).
    pub account: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            account: "123456789012".into(),
        }
    }
}

/// What goes wrong in keeping the simulated AWS.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The snapshot cannot be read or written.
    #[error("cannot access the sandbox's snapshot {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The snapshot is not one.
    #[error(
        "the sandbox's snapshot {path} cannot be understood: {reason}; `payctl sandbox reset` starts afresh"
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// A simulated AWS. See the crate's documentation.
#[derive(Debug)]
pub struct Sandbox {
    world: Mutex<World>,
    clock: Clock,
    /// Seconds that its time is ahead of the clock's: simulated time goes on where it stopped.
    ahead: f64,
    options: Options,
    file: Option<PathBuf>,
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

impl Sandbox {
    /// An empty one, kept in memory only.
    pub fn new(clock: Clock, options: Options) -> Sandbox {
        Sandbox {
            world: Mutex::default(),
            clock,
            ahead: 0.0,
            options,
            file: None,
        }
    }

    /// The one kept in this file; empty when there is no file. Between the last [`Sandbox::save`] and now the wall's
    /// time has passed.
    ///
    /// # Errors
    /// When the file cannot be read or understood.
    pub fn open(path: &Path, clock: Clock) -> Result<Sandbox, SandboxError> {
        let mut sandbox = Sandbox::new(clock, Options::default());
        sandbox.file = Some(path.to_owned());
        let Some(snapshot) = snapshot::load(path)? else {
            return Ok(sandbox);
        };
        let (world, times, account) =
            snapshot::restore(snapshot).map_err(|reason| SandboxError::Corrupt {
                path: path.to_owned(),
                reason,
            })?;
        let passed = (seconds(SystemTime::now()) - times.wall).max(0.0);
        sandbox.ahead = (times.simulated + passed - seconds(sandbox.clock.now())).max(0.0);
        sandbox.options.account = account;
        sandbox.world = Mutex::new(world);
        Ok(sandbox)
    }

    /// Writes the file that it was opened from, atomically and readable by its owner only. Nothing happens to one that was
    /// never in a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self) -> Result<(), SandboxError> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        snapshot::store(file, &self.dump())
    }

    /// Empties it.
    pub fn reset(&self) {
        let mut world = self.lock();
        let elsewhere = std::mem::take(&mut world.elsewhere);
        *world = World::default();
        world.elsewhere = elsewhere;
    }

    /// Resource types that its services keep themselves: the simulated Cloud Control, which knows every other type, refuses these
    /// rather than keeping things that their services would not see.
    pub fn keep_elsewhere<'t>(&self, types: impl IntoIterator<Item = &'t str>) {
        let mut world = self.lock();
        world.elsewhere.extend(types.into_iter().map(str::to_owned));
    }

    /// Registers a resource type of one's own in every region of its account, so that Cloud Control knows it: the schema as
    /// RegisterType takes it. Tells the type's name.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub fn register_type(&self, schema: &Json) -> Result<String, String> {
        let now = self.now();
        let mut world = self.lock();
        crate::services::cloudformation::register(&mut world, &self.options.account, now, schema)
    }

    /// All that it keeps, as `save` writes it.
    pub fn dump(&self) -> Json {
        let now = self.now();
        let mut world = self.lock();
        world.advance(now);
        let times = snapshot::Times {
            simulated: now,
            wall: seconds(SystemTime::now()),
        };
        snapshot::take(&world, &times, &self.options.account)
    }

    /// The simulated time, in epoch seconds, to the millisecond (so that a snapshot's JSON gives back the same number).
    pub fn now(&self) -> f64 {
        ((seconds(self.clock.now()) + self.ahead) * 1000.0).round() / 1000.0
    }

    /// From now on an image is bad in this way, or a function that deployments call fails: for rehearsals. `None`: no more.
    /// Whether it was before.
    pub fn call_bad(&self, image: &str, failure: Option<Failure>) -> bool {
        let now = self.now();
        let mut world = self.lock();
        world.advance(now);
        images::mark(&mut world, &self.options.account, image, failure)
    }

    /// What is bad, and how.
    pub fn bad(&self) -> Vec<(String, Failure)> {
        images::marked(&self.lock(), &self.options.account)
    }

    /// Looks at the world as it is now, for tests and reports.
    pub fn inspect<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        let now = self.now();
        let mut world = self.lock();
        world.advance(now);
        look(&world)
    }

    /// Runs one operation with its decoded members, as the wire's door does after decoding: what unit tests call.
    ///
    /// # Errors
    /// AWS's refusal.
    pub fn invoke(
        &self,
        access_key: &str,
        region: &str,
        service: &str,
        operation: &str,
        input: Json,
    ) -> Answer {
        let Some(declared) = registry::service(service) else {
            let message = format!(
                "The simulated AWS does not know the service {service} (asked for {operation})."
            );
            return Err(Refusal::new("NotImplemented", message).status(501));
        };
        if registry::operation(service, operation).is_some() {
            model::check(declared, operation, &input)?;
        }
        let input: Map<String, Json> = match input {
            Json::Object(members) => members,
            _ => Map::new(),
        };
        let now = self.now();
        let mut world = self.lock();
        world.advance(now);
        let account = match world.sessions.get(access_key) {
            Some(session) => session.account.clone(),
            None if access_key.len() == 12
                && access_key.bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                access_key.to_owned()
            }
            None => self.options.account.clone(),
        };
        let request = digest(&[
            &account,
            region,
            service,
            operation,
            &path::canonical(&Json::Object(input.clone())),
        ]);
        let mut call = Call {
            world: &mut world,
            account,
            region: region.to_owned(),
            service: declared.name,
            operation: operation.to_owned(),
            input,
            access_key: access_key.to_owned(),
            now,
            request_id: crate::call::uuid(&request),
        };
        let answer = generic::dispatch(&mut call)?;
        drop(world);
        Ok(model::fit(service, operation, answer))
    }

    /// The in-process door: answers an HTTP request as AWS would.
    pub async fn handle(&self, request: http::Request<Bytes>) -> http::Response<Bytes> {
        crate::wire::answer(self, &request)
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        // A panic in another call leaves the world as that call left it: there is nothing to repair.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The other door: HTTP/1.1 on a listener, until `stop` ends. Give it a listener on the loopback interface.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    sandbox: Arc<Sandbox>,
    listener: tokio::net::TcpListener,
    stop: impl Future<Output = ()>,
) -> std::io::Result<()> {
    tokio::pin!(stop);
    loop {
        let stream = tokio::select! {
            () = &mut stop => return Ok(()),
            accepted = listener.accept() => accepted?.0,
        };
        let sandbox = sandbox.clone();
        tokio::spawn(async move {
            let service =
                hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                    let sandbox = sandbox.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await?.to_bytes();
                        let answer = sandbox.handle(http::Request::from_parts(head, body)).await;
                        Ok::<_, hyper::Error>(answer.map(Full::new))
                    }
                });
            let io = hyper_util::rt::TokioIo::new(stream);
            if let Err(error) = hyper::server::conn::http1::Builder::new()
                .serve_connection(io, service)
                .await
            {
                tracing::debug!(%error, "a connection to the sandbox ended early");
            }
        });
    }
}
