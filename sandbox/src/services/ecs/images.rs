//! Images that cannot be pulled, and those that a rehearsal calls bad.

use crate::call::Call;
use crate::error::Refusal;
use crate::kind::{Id, Kind};
use crate::world::{Key, Record, World};
use serde_json::{Value as Json, json};
use std::fmt;
use std::str::FromStr;

/// What a rehearsal calls bad: an image, or a function that CodeDeploy calls. It is no resource of AWS's, but kept with them.
pub const BROKEN: Kind = Kind {
    name: "ecs/broken-image",
    global: true,
    id: Id::Member("image"),
    ..Kind::NEW
};

/// How an image is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Its tasks run, but never get healthy.
    Health,
    /// It cannot be pulled.
    Pull,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Failure::Health => "health",
            Failure::Pull => "pull",
        })
    }
}

impl FromStr for Failure {
    type Err = ();

    fn from_str(text: &str) -> Result<Failure, ()> {
        match text {
            "health" => Ok(Failure::Health),
            "pull" => Ok(Failure::Pull),
            _ => Err(()),
        }
    }
}

fn key(account: &str, image: &str) -> Key {
    World::key(&BROKEN, account, "", image)
}

/// Calls an image bad, or good again.
pub(crate) fn mark(
    world: &mut World,
    account: &str,
    image: &str,
    failure: Option<Failure>,
) -> bool {
    let key = key(account, image);
    let known = world.remove(&key).is_some();
    if let Some(failure) = failure {
        let mut record = Record {
            id: image.to_owned(),
            ..Record::default()
        };
        record.set("image", image);
        record.set("failure", failure.to_string());
        world.put(key, record);
    }
    known
}

/// What is called bad, and how.
pub(crate) fn marked(world: &World, account: &str) -> Vec<(String, Failure)> {
    world
        .records(BROKEN.name, account, "")
        .filter_map(|one| Some((one.id.clone(), one.text("failure").parse().ok()?)))
        .collect()
}

/// How this image, or function, was called bad: by its name, or by that of its repository for whatever tag.
pub fn failure(call: &Call, image: &str) -> Option<Failure> {
    let all = marked(call.world, &call.account);
    let found = all.into_iter().find(|(bad, _)| {
        image
            .strip_prefix(bad.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '@']))
    });
    found.map(|(_, failure)| failure)
}

/// Why an image cannot be pulled, in ECS's words (Amazon ECS Developer Guide, CannotPullContainer task errors). What is in
/// registries elsewhere is believed to be there; so is a repository that the simulated ECR does not have.
pub fn cannot_be_pulled(call: &mut Call, image: &str) -> Option<String> {
    let words = |found: &str| {
        format!(
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {found}: {found}: not found"
        )
    };
    if failure(call, image) == Some(Failure::Pull) {
        return Some(words(image));
    }
    let registry = format!("{}.dkr.ecr.{}.", call.account, call.region);
    let (_, name) = image.strip_prefix(&registry)?.split_once('/')?;
    let (repository, wanted) = match (name.split_once('@'), name.rsplit_once(':')) {
        (Some((repository, digest)), _) => (repository, json!({"imageDigest": digest})),
        (None, Some((repository, tag))) => (repository, json!({"imageTag": tag})),
        (None, None) => (name, json!({"imageTag": "latest"})),
    };
    let asked: Json = json!({"repositoryName": repository, "imageIds": [wanted]});
    match call.call("ecr", "DescribeImages", asked) {
        Err(Refusal { code, .. }) if code == "ImageNotFoundException" => Some(words(image)),
        _ => None,
    }
}
