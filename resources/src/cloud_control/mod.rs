//! Every type without a module of its own: made, read, changed and deleted through the Cloud Control API, which runs the
//! handlers that CloudFormation itself would run, on the same properties.
//!
//! Nothing here is about one type: what a type needs follows from the registry's facts.

mod desired;
mod find;
mod patch;
mod progress;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use async_trait::async_trait;
use payctl_model::facts::check::check_at;
use payctl_model::facts::{Provisioning, TypeFacts, facts};
use payctl_model::{Address, Incarnation, PhysicalId, Value};
use serde_json::{Map, Value as Json, json};

use crate::context::Context;
use crate::definition::{Create, Definition, Delete, Find, Fixed, Read, Tags};
use crate::error::{AwsErrorKind, Error, Result};
use crate::loaders::{By, Load, load};
use crate::resource::{Deletion, Observed, Resource, Status, Update};
use crate::tags;

use progress::{Event, PAUSE_MOST, RETRIED};

/// The API model's name of the service.
const SERVICE: &str = "cloudcontrol";

/// A resource type that is provisioned through Cloud Control.
#[derive(Debug)]
pub struct CloudControl {
    definition: &'static Definition,
    load: &'static Load,
}

/// Types that only CloudFormation itself carries out: there is nothing of them in AWS.
const CLOUDFORMATION_ALONE: &[&str] = &[
    "AWS::CDK::Metadata",
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::Stack",
];

/// Why a type cannot be provisioned; `None` where it can, by a module or through Cloud Control.
pub fn refusal(type_name: &str) -> Option<String> {
    if crate::native(type_name).is_some() {
        return None;
    }
    if type_name.ends_with("::MODULE") {
        return Some(format!(
            "{type_name} is a CloudFormation module, which only CloudFormation resolves"
        ));
    }
    let Some(facts) = facts().get(type_name) else {
        return Some(format!("{type_name} is not known"));
    };
    if CLOUDFORMATION_ALONE.contains(&facts.name.as_str()) {
        return Some(format!("{type_name} cannot be provisioned yet"));
    }
    (facts.provisioning == Provisioning::NonProvisionable).then(|| {
        format!(
            "{type_name} has no module in payctl, and AWS registers no handlers of it, so that the Cloud Control API cannot make it"
        )
    })
}

/// How a type without a module is provisioned; `None` where it has one, or cannot be at all ([`refusal`] says why).
pub fn of(type_name: &str) -> Option<&'static CloudControl> {
    static KNOWN: LazyLock<Mutex<HashMap<String, &'static CloudControl>>> =
        LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(type_name) {
        return Some(found);
    }
    if crate::native(type_name).is_some() || refusal(type_name).is_some() {
        return None;
    }
    let facts = facts().get(type_name)?;
    // A definition lives as long as the program, as those of modules do: one for each type that its templates name.
    let made: &'static CloudControl = Box::leak(Box::new(CloudControl::new(&facts)));
    known.insert(type_name.to_owned(), made);
    Some(made)
}

impl CloudControl {
    fn new(facts: &TypeFacts) -> CloudControl {
        let name: &'static str = Box::leak(facts.name.clone().into_boxed_str());
        let fixed = Box::leak(Box::new([("TypeName", Fixed::Text(name))]));
        let load: &'static Load = Box::leak(Box::new(Load {
            fixed,
            gone: &["ResourceNotFoundException"],
            ..Load::of(
                SERVICE,
                "GetResource",
                By::One(&["Identifier"]),
                1,
                "ResourceDescription",
                "",
            )
        }));
        let reads: &'static [Read] = Box::leak(Box::new([Read::of(load)]));
        let tagged = facts.tagging.taggable && facts.tagging.on_create && takes_marks(facts);
        let definition = Box::leak(Box::new(Definition {
            create: Create::of("CreateResource", "ProgressEvent"),
            reads,
            delete: Delete::of(
                "DeleteResource",
                &["TypeName", "Identifier"],
                &["ResourceNotFoundException", "NotFound"],
            ),
            find: Find::Token,
            tags: if tagged { Tags::Member } else { Tags::None },
            ..Definition::new(name, SERVICE)
        }));
        CloudControl { definition, load }
    }

    fn type_name(&self) -> &'static str {
        self.definition.type_name
    }

    fn facts(&self) -> Result<Arc<TypeFacts>> {
        facts()
            .get(self.type_name())
            .ok_or_else(|| Error::definition(self.type_name(), "the registry has no such type"))
    }

    /// Whether what is read shows whose it is.
    fn shows_owner(&self, facts: &TypeFacts) -> bool {
        let property = facts.tagging.property.as_ref();
        self.definition.tags != Tags::None
            && property.is_some_and(|property| !facts.is_write_only(property))
    }

    /// What a create request that failed has left and is surely ours; AWS's handlers do not always take back what they began.
    async fn remnant(
        &self,
        context: &Context,
        facts: &TypeFacts,
        event: &Event,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        let Some(id) = event.identifier() else {
            return Ok(None);
        };
        let Some(found) = self.read(context, &id).await? else {
            return Ok(None);
        };
        let ours = if self.shows_owner(facts) {
            let tags = tags::tags_of(facts, &found.model);
            tags.get(tags::INCARNATION).map(String::as_str) == Some(incarnation.as_str())
        } else {
            // What the template names may have been there before; what AWS names was made by this request.
            event.code() != "AlreadyExists"
                && facts
                    .primary_identifier
                    .iter()
                    .any(|path| facts.is_read_only(path))
        };
        Ok(ours.then_some(id))
    }

    /// One create request, followed to its end; of one that failed also whether it left something, which is written down then.
    async fn attempt(
        &self,
        context: &Context,
        facts: &TypeFacts,
        state: &str,
        token: &str,
        incarnation: &Incarnation,
    ) -> (Result<Event>, bool) {
        let input =
            json!({"TypeName": self.type_name(), "DesiredState": state, "ClientToken": token});
        let left = AtomicBool::new(false);
        let left_of = &left;
        let follow = |answer: Json| async move {
            let event = progress::follow(context, "CreateResource", answer).await?;
            if event.succeeded() {
                return Ok(event.into_json());
            }
            let mut error = event.error("CreateResource");
            match self.remnant(context, facts, &event, incarnation).await {
                // Durable before the failure is: the next run has to replace it.
                Ok(Some(id)) => {
                    left_of.store(true, Ordering::Relaxed);
                    if context.identified(&id).await.is_err() {
                        error.kind = AwsErrorKind::Lost;
                    }
                }
                Ok(None) => {}
                Err(_) => error.kind = AwsErrorKind::Lost,
            }
            Err(error)
        };
        let done = context.write_followed(SERVICE, "CreateResource", input, follow);
        let done = done.await.map(Event::new);
        (done, left.load(Ordering::Relaxed))
    }

    /// A request that changes or deletes, repeated while something else works on the resource.
    async fn request(&self, context: &Context, operation: &'static str, input: Json) -> Result<()> {
        let start = context.clock().now();
        let mut pause = std::time::Duration::from_secs(2);
        loop {
            let sent = context.clock().now();
            let follow = |answer: Json| async move {
                let event = progress::follow(context, operation, answer).await?;
                match event.succeeded() {
                    true => Ok(event.into_json()),
                    false => Err(event.error(operation)),
                }
            };
            let done = context.write_followed(SERVICE, operation, input.clone(), follow);
            match done.await {
                Ok(_) => return Ok(()),
                Err(error) if progress::is_busy(&error) => {
                    if sent.duration_since(start).unwrap_or(RETRIED) >= RETRIED {
                        return Err(error);
                    }
                    context.retrying(&error);
                }
                Err(error) => return Err(error),
            }
            context.clock().sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MOST);
        }
    }

    /// Rewrites the address tag of a resource that was given another address.
    pub async fn set_address(
        &self,
        context: &Context,
        id: &PhysicalId,
        live: &Value,
        address: &Address,
    ) -> Result<()> {
        let facts = self.facts()?;
        let Some(property) = facts.tagging.property.clone() else {
            return Ok(());
        };
        let mut tags = tags::tags_of(&facts, live);
        if !tags.contains_key(tags::ADDRESS)
            || !facts.tagging.updatable
            || facts.is_create_only(&property)
        {
            return Ok(());
        }
        tags.insert(tags::ADDRESS.to_owned(), address.to_string());
        tags.retain(|key, _| !key.starts_with("aws:"));
        let mut desired = live.clone();
        if let (Some(map), Some(head)) = (desired.as_map_mut(), property.head()) {
            map.remove(head);
        }
        let desired = tags::with_tags(&facts, &desired, &tags);
        let changed = [property];
        let update = Update {
            desired: &desired,
            live,
            changed: &changed,
        };
        self.update(context, id, &update).await
    }
}

/// Whether the type's tags may be ours: some schemas allow no `:` in a key, and some call a list of lists of tags its tags.
fn takes_marks(facts: &TypeFacts) -> bool {
    let Some(property) = &facts.tagging.property else {
        return false;
    };
    let marks = [
        tags::PROJECT,
        tags::ENVIRONMENT,
        tags::ADDRESS,
        tags::INCARNATION,
    ];
    let marks = marks.map(|key| (key.to_owned(), "us-east-1/stack.Resource".to_owned()));
    let marked = tags::with_tags(facts, &Value::map(), &marks.into());
    let (Some(schema), Some(value)) = (facts.schema_at(property), marked.at(property)) else {
        return false;
    };
    check_at(facts, schema, property, value).is_empty()
}

/// A resource from what GetResource describes it as.
fn observed(id: &PhysicalId, description: &Json) -> Result<Observed> {
    let told = description["Properties"].as_str().unwrap_or("{}");
    let model: Json = serde_json::from_str(told).map_err(|_| Error::Answer {
        call: format!("{SERVICE}:GetResource"),
        missing: "properties that are JSON".to_owned(),
    })?;
    Ok(Observed {
        id: id.clone(),
        model: Value::from(without_nulls(model)),
        status: Status::Ready,
    })
}

/// A property that is null is none.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(members) => members
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect::<Map<String, Json>>()
            .into(),
        Json::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

#[async_trait]
impl Resource for CloudControl {
    fn definition(&self) -> &'static Definition {
        self.definition
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let facts = self.facts()?;
        let properties = desired::state(&facts, desired)?;
        let state = properties.to_string();
        let start = context.clock().now();
        let mut pause = std::time::Duration::from_secs(2);
        let mut attempt = 0;
        let event = loop {
            let token = progress::token(incarnation, attempt);
            let sent = context.clock().now();
            let made = self.attempt(context, &facts, &state, &token, incarnation);
            let (error, left) = match made.await {
                (Ok(event), _) => break event,
                (Err(error), left) => (error, left),
            };
            let passing = progress::is_busy(&error)
                || progress::may_spread(&error) && context.names_new(&properties);
            if left || !passing || sent.duration_since(start).unwrap_or(RETRIED) >= RETRIED {
                return Err(error);
            }
            context.retrying(&error);
            context.clock().sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MOST);
            // A token stands for one request: what failed under it stays failed.
            attempt += usize::from(progress::was_carried_out(&error));
        };
        let id = event.identifier().ok_or_else(|| Error::Answer {
            call: format!("{SERVICE}:CreateResource"),
            missing: "identifier".to_owned(),
        })?;
        context.identified(&id).await?;
        match self.read(context, &id).await {
            Ok(Some(observed)) => Ok(observed),
            // Not everywhere yet: it is looked for until it is there.
            Ok(None) | Err(_) => Ok(Observed {
                model: event.model().unwrap_or_else(|| desired.clone()),
                id,
                status: Status::Pending,
            }),
        }
    }

    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let found = load(context, self.load, id.as_str()).await?;
        found.first().map(|one| observed(id, one)).transpose()
    }

    async fn update(&self, context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<()> {
        let facts = self.facts()?;
        let desired = desired::state(&facts, update.desired)?;
        let live = desired::known(update.live);
        let patch = patch::of(&facts, &live, &desired, update.changed);
        if patch.is_empty() {
            return Ok(());
        }
        let input = json!({
            "TypeName": self.type_name(),
            "Identifier": id.as_str(),
            "PatchDocument": Json::Array(patch).to_string(),
        });
        self.request(context, "UpdateResource", input).await
    }

    async fn delete(&self, context: &Context, id: &PhysicalId, _: &Deletion) -> Result<()> {
        let input = json!({"TypeName": self.type_name(), "Identifier": id.as_str()});
        match self.request(context, "DeleteResource", input).await {
            Err(error)
                if error
                    .code()
                    .is_some_and(|code| self.definition.delete.gone.contains(&code)) =>
            {
                Ok(())
            }
            done => done,
        }
    }

    /// One request makes all of it: nothing is left undone.
    async fn complete(&self, _: &Context, _: &PhysicalId, _: &Value) -> Result<bool> {
        Ok(false)
    }

    async fn find(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Option<PhysicalId>> {
        find::find(self, context, desired, incarnation).await
    }
}

#[cfg(test)]
mod tests;
