//! Task definition revisions: their records outlive them, so that one that was deregistered can be registered again
//! (API_DescribeTaskDefinition describes INACTIVE ones as well).

use serde_json::{Map, Value as Json, json};

use super::{items, text};
use crate::context::Context;
use crate::error::{Error, Result};

/// Members of a description that no registration takes (API_TaskDefinition, API_RegisterTaskDefinition).
const TOLD_ONLY: &[&str] = &[
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];

/// One revision of a task definition.
#[derive(Clone, PartialEq)]
pub struct Revision {
    /// Its ARN.
    pub arn: String,
    /// Whether it is registered.
    pub active: bool,
    /// What registers the same once more. It may hold secrets, which is why it is never shown.
    registration: Map<String, Json>,
}

impl Revision {
    /// The ARN without its revision.
    pub fn family(&self) -> &str {
        self.arn
            .rsplit_once(':')
            .map_or(self.arn.as_str(), |(family, _)| family)
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        let number = self
            .arn
            .rsplit_once(':')
            .and_then(|(_, number)| number.parse().ok());
        number.unwrap_or_default()
    }

    /// The names of its containers.
    pub fn containers(&self) -> Vec<&str> {
        let containers = self
            .registration
            .get("containerDefinitions")
            .and_then(Json::as_array);
        containers
            .into_iter()
            .flatten()
            .filter_map(|container| container["name"].as_str())
            .collect()
    }

    /// The image of a container.
    pub fn image(&self, container: &str) -> Option<&str> {
        let containers = self.registration.get("containerDefinitions")?.as_array()?;
        let found = containers
            .iter()
            .find(|one| one["name"] == json!(container))?;
        found["image"].as_str()
    }

    /// The same with another image in one container.
    pub fn with_image(mut self, container: &str, image: &str) -> Revision {
        let containers = self
            .registration
            .get_mut("containerDefinitions")
            .and_then(Json::as_array_mut);
        for one in containers.into_iter().flatten() {
            if one["name"] == json!(container) {
                one["image"] = json!(image);
            }
        }
        self
    }
}

/// One revision, by ARN, family and number, or family alone (its newest).
///
/// # Errors
/// What AWS says.
pub async fn describe(context: &Context, name: &str) -> Result<Revision> {
    let input = json!({"taskDefinition": name, "include": ["TAGS"]});
    let answer = context.read("ecs", "DescribeTaskDefinition", input).await?;
    let arn = text(&answer, "/taskDefinition/taskDefinitionArn")
        .ok_or_else(|| Error::Failed(format!("ECS does not say which revision {name} is")))?;
    let mut registration = answer["taskDefinition"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    registration.retain(|name, value| !TOLD_ONLY.contains(&name.as_str()) && !is_nothing(value));
    // Whose revision it is say tags of ours: this one is nobody's resource.
    let tags: Vec<Json> = items(&answer, "/tags")
        .filter(|tag| {
            let key = tag["key"].as_str().unwrap_or_default();
            !key.starts_with("payctl:") && !key.starts_with("aws:")
        })
        .cloned()
        .collect();
    if !tags.is_empty() {
        registration.insert("tags".to_owned(), json!(tags));
    }
    Ok(Revision {
        active: text(&answer, "/taskDefinition/status").as_deref() == Some("ACTIVE"),
        arn,
        registration,
    })
}

/// Registers a revision with this content; its ARN.
///
/// # Errors
/// What AWS says.
pub async fn register(context: &Context, revision: &Revision) -> Result<String> {
    let input = Json::Object(revision.registration.clone());
    let answer = context
        .write("ecs", "RegisterTaskDefinition", input)
        .await?;
    text(&answer, "/taskDefinition/taskDefinitionArn")
        .ok_or_else(|| Error::Failed("ECS does not say what it registered".to_owned()))
}

/// The task definitions that service revisions run, in the order of the question; what ECS has forgotten is left out.
///
/// # Errors
/// What AWS says.
pub async fn of_service_revisions(context: &Context, arns: &[String]) -> Result<Vec<String>> {
    let mut found = Vec::new();
    // 20 a call (API_DescribeServiceRevisions).
    for arns in arns.chunks(20) {
        let input = json!({"serviceRevisionArns": arns});
        let answer = context
            .read("ecs", "DescribeServiceRevisions", input)
            .await?;
        for arn in arns {
            let revision = items(&answer, "/serviceRevisions")
                .find(|one| one["serviceRevisionArn"] == json!(arn));
            found.extend(revision.and_then(|one| text(one, "/taskDefinition")));
        }
    }
    Ok(found)
}

/// An empty list says the same as none, and some members do not take it back.
fn is_nothing(value: &Json) -> bool {
    value.is_null() || value.as_array().is_some_and(Vec::is_empty)
}
