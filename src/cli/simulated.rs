//! The project's simulated AWS, in process: behind the SDK's HTTP client, and only there, payctl knows that it exists.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use payctl_model::Clock;
use payctl_resources::AwsError;
use payctl_resources::aws::{Aws, ConnectOptions, in_process};
use payctl_sandbox::Sandbox;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::workflow::partition;
use crate::apply::assets::{ImageError, Images, Target};
use crate::project::Environment;
use crate::project::assembly::assets::{ImageSource, fill_in};
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
        let native = payctl_resources::TYPES.iter();
        sandbox.keep_elsewhere(native.map(|resource| resource.definition().type_name));
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

    /// Makes in the simulated account what `cdk bootstrap` makes in a real one, as far as the environment's assembly counts on
    /// it: the buckets and repositories of its assets, and the note of the bootstrap stack's version.
    pub(super) async fn bootstrap(
        &self,
        environment: &Environment,
        account: &str,
    ) -> Result<(), Failure> {
        for (region, wanted) in Wanted::of(environment, account) {
            let client = Aws::connect(ConnectOptions {
                region: Some(region.clone()),
                http_client: Some(self.http_client()),
                account: Some(account.to_owned()),
                clock: self.clock(),
                ..ConnectOptions::default()
            })
            .await?;
            for (service, operation, input) in wanted.calls(&region) {
                match client.call(service, operation, input).await {
                    Ok(_) => {}
                    Err(error) if is_there_already(&error) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }
}

/// What an assembly counts on in one region.
#[derive(Default)]
struct Wanted {
    buckets: BTreeSet<String>,
    repositories: BTreeSet<String>,
    versions: BTreeSet<String>,
}

/// The version that is noted: any that is not older than what today's CDK asks for will do.
const BOOTSTRAP_VERSION: &str = "30";

impl Wanted {
    /// Of all stacks, by region.
    fn of(environment: &Environment, account: &str) -> BTreeMap<String, Wanted> {
        let mut regions: BTreeMap<String, Wanted> = BTreeMap::new();
        for stack in &environment.stacks {
            let (Some(assembled), Some(own)) = (&stack.assembled, &stack.region) else {
                continue;
            };
            let versions = assembled.bootstrap_version.iter().cloned();
            regions
                .entry(own.clone())
                .or_default()
                .versions
                .extend(versions);
            let place = |region: &Option<String>| region.clone().unwrap_or_else(|| own.clone());
            let named =
                |name: &str, region: &str| fill_in(name, account, region, partition(region));
            for to in assembled
                .assets
                .files
                .values()
                .flat_map(|asset| &asset.destinations)
            {
                let region = place(&to.region);
                let bucket = named(&to.bucket, &region);
                regions.entry(region).or_default().buckets.insert(bucket);
            }
            for to in assembled
                .assets
                .images
                .values()
                .flat_map(|asset| &asset.destinations)
            {
                let region = place(&to.region);
                let repository = named(&to.repository, &region);
                regions
                    .entry(region)
                    .or_default()
                    .repositories
                    .insert(repository);
            }
        }
        regions
    }

    fn calls(&self, region: &str) -> Vec<(&'static str, &'static str, Json)> {
        let mut calls = Vec::new();
        for bucket in &self.buckets {
            let mut input = json!({ "Bucket": bucket });
            if region != "us-east-1" {
                input["CreateBucketConfiguration"] = json!({ "LocationConstraint": region });
            }
            calls.push(("s3", "CreateBucket", input));
        }
        for repository in &self.repositories {
            let input = json!({ "repositoryName": repository, "imageTagMutability": "IMMUTABLE" });
            calls.push(("ecr", "CreateRepository", input));
        }
        for name in &self.versions {
            let input = json!({ "Name": name, "Type": "String", "Value": BOOTSTRAP_VERSION });
            calls.push(("ssm", "PutParameter", input));
        }
        calls
    }
}

fn is_there_already(error: &AwsError) -> bool {
    [
        "BucketAlreadyOwnedByYou",
        "RepositoryAlreadyExistsException",
        "ParameterAlreadyExists",
    ]
    .contains(&error.code.as_str())
}

/// Images in the simulated AWS: its registry takes no layers, so nothing is built, and the image is only made known.
pub(super) struct SimulatedImages;

#[async_trait]
impl Images for SimulatedImages {
    async fn publish(&self, _: &ImageSource, target: &Target<'_>) -> Result<(), ImageError> {
        let name = format!("{}:{}", target.repository, target.tag);
        let digest = Sha256::digest(name.as_bytes());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
            "config": {
                "mediaType": "application/vnd.docker.container.image.v1+json",
                "size": 0,
                "digest": format!("sha256:{digest}"),
            },
            "layers": [],
        });
        let input = json!({
            "registryId": target.account, "repositoryName": target.repository,
            "imageTag": target.tag, "imageManifest": manifest.to_string(),
        });
        let put = target.client.call("ecr", "PutImage", input).await;
        put.map(|_| ()).map_err(ImageError::Aws)
    }
}
