//! Publishing what templates need beside themselves: files to S3, container images to ECR, before the resources that use them
//! are made. [`needed`] says what a plan needs, [`publish`] sees to it.
//!
//! Names are made from contents: what is there already is right, what was cut off is done again, and the journal need not
//! know of any of it.

mod archive;
mod docker;
mod error;
mod files;
mod images;
mod needed;

use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use docker::Docker;
pub use error::AssetError;
pub use images::{ImageError, Images, Target};
pub use needed::{Place, Publication, needed};

use super::events::{AssetStep, Events, Happened};
use super::regions::Regions;

/// Files that are packed and sent at once.
const FILES_AT_ONCE: usize = 4;

/// Publishes what is not there yet, files and images at once. Nothing is left half done in AWS when it fails or is stopped: an
/// object or a tag is there as a whole or not at all.
///
/// # Errors
/// The first failure; what else is under way is given up.
pub async fn publish(
    publications: Vec<Publication>,
    cloud: &Arc<Regions>,
    account: &str,
    images: Arc<dyn Images>,
    events: &Events,
    stop: &CancellationToken,
) -> Result<(), AssetError> {
    let files_at_once = Arc::new(Semaphore::new(FILES_AT_ONCE));
    // Builders share one daemon and one cache, and use all of the machine by themselves.
    let images_at_once = Arc::new(Semaphore::new(1));
    let mut running = JoinSet::new();
    for publication in publications {
        let places = match &publication.place {
            Place::Object { .. } => files_at_once.clone(),
            Place::Image { .. } => images_at_once.clone(),
        };
        let one = One {
            publication,
            cloud: cloud.clone(),
            account: account.to_owned(),
            images: images.clone(),
            events: events.clone(),
        };
        running.spawn(async move {
            // The semaphores are never closed.
            let _place = places.acquire_owned().await;
            one.publish().await
        });
    }
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                None => return Ok(()),
                Some(Ok(result)) => result?,
                Some(Err(error)) => return Err(AssetError::Defect(error.to_string())),
            },
            () = stop.cancelled() => return Err(AssetError::Interrupted),
        }
    }
}

/// One publication under way.
struct One {
    publication: Publication,
    cloud: Arc<Regions>,
    account: String,
    images: Arc<dyn Images>,
    events: Events,
}

impl One {
    async fn publish(&self) -> Result<(), AssetError> {
        let publication = &self.publication;
        let client = self.cloud.client(&publication.region);
        let client = client.map_err(|error| AssetError::Defect(error.message))?;
        match &publication.place {
            Place::Object {
                source,
                bucket,
                key,
            } => {
                let object = files::Object {
                    bucket,
                    key,
                    account: &self.account,
                };
                if files::exists(client, &object)
                    .await
                    .map_err(|error| self.aws(error))?
                {
                    self.tell(AssetStep::Exists, None);
                    return Ok(());
                }
                let started = self.tell(AssetStep::Uploading, None);
                let packed = files::pack(source).await;
                let packed = packed.map_err(|error| self.source(error))?;
                let put = files::put(client, &object, &packed).await;
                put.map_err(|error| self.aws(error))?;
                self.tell(AssetStep::Published, Some(started));
            }
            Place::Image {
                source,
                repository,
                tag,
            } => {
                let target = Target {
                    client,
                    account: &self.account,
                    repository,
                    tag,
                };
                let exists = images::exists(&target).await;
                if exists.map_err(|error| self.aws(error))? {
                    self.tell(AssetStep::Exists, None);
                    return Ok(());
                }
                let started = self.tell(AssetStep::Building, None);
                let published = self.images.publish(source, &target).await;
                published.map_err(|error| match error {
                    ImageError::Aws(error) => self.aws(error),
                    error => AssetError::Image {
                        asset: publication.name.clone(),
                        error,
                    },
                })?;
                self.tell(AssetStep::Published, Some(started));
            }
        }
        Ok(())
    }

    /// Tells how far it has come; the result is when.
    fn tell(&self, step: AssetStep, since: Option<SystemTime>) -> SystemTime {
        let now = self.cloud.now();
        let took = since.and_then(|since| now.duration_since(since).ok());
        self.events.send(Happened::Asset {
            name: self.publication.name.clone(),
            destination: self.publication.destination(),
            step,
            seconds: took.map(|took| took.as_secs_f64()),
        });
        now
    }

    fn source(&self, error: std::io::Error) -> AssetError {
        AssetError::Source {
            asset: self.publication.name.clone(),
            error,
        }
    }

    /// What AWS refused. What is not there was not bootstrapped.
    fn aws(&self, error: payctl_resources::AwsError) -> AssetError {
        let asset = self.publication.name.clone();
        let region = self.publication.region.clone();
        match (&self.publication.place, error.code.as_str()) {
            (Place::Object { bucket, .. }, "NoSuchBucket") => AssetError::NotBootstrapped {
                asset,
                what: format!("bucket {bucket}"),
                account: self.account.clone(),
                region,
            },
            (Place::Image { repository, .. }, "RepositoryNotFoundException") => {
                AssetError::NotBootstrapped {
                    asset,
                    what: format!("repository {repository}"),
                    account: self.account.clone(),
                    region,
                }
            }
            _ => AssetError::Aws {
                asset,
                destination: self.publication.destination(),
                error: Box::new(error),
            },
        }
    }
}
