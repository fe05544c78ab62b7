//! Making a resource.

use std::time::Duration;

use payctl_model::{Incarnation, PropertyPath, Value};
use serde_json::{Map, Value as Json, json};

use super::find::find;
use super::read::{key, read};
use super::types::{Type, add_fixed, expose};
use super::update::update;
use super::{items_of, write};
use crate::context::Context;
use crate::definition::{Definition, Find, Tags};
use crate::error::{Error, Result};
use crate::mapping::look;
use crate::resource::{Observed, Status, Update};
use crate::tags;

/// How long a resource may take until calls for what its create call did not take are accepted (a restored database: hours).
const SETTLING: Duration = Duration::from_secs(4 * 3_600);

/// The create call, and what it does not take afterwards.
pub async fn create(
    definition: &'static Definition,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Observed> {
    create_with(definition, context, desired, incarnation, Map::new()).await
}

/// The same with more members in the create call than the properties give.
pub async fn create_with(
    definition: &'static Definition,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
    more: Map<String, Json>,
) -> Result<Observed> {
    let of = Type::of(definition)?;
    let properties = expose(definition.type_name, desired)?;
    of.check(&properties)?;
    let (input, later) = of.creation(&properties);
    // Before the first call: nothing may be dropped silently.
    let names: Vec<&str> = later
        .iter()
        .map(String::as_str)
        .filter(|name| of.tag_property() != Some(name))
        .collect();
    let (_, nowhere) = of.route(&names, &properties);
    let create = of.creating(&properties);
    if !nowhere.is_empty() {
        return Err(Error::Unmapped {
            type_name: definition.type_name.to_owned(),
            properties: nowhere.into_iter().map(PropertyPath::from).collect(),
        });
    }
    if create.overwrites
        && is_taken(&of, context, &properties).await?
        && (definition.tags == Tags::None && !matches!(definition.find, Find::Search(_))
            || find(definition, context, desired, incarnation)
                .await?
                .is_none())
    {
        let name = of.id(&properties).map(|id| id.as_str().to_owned());
        return Err(taken(definition, &name.unwrap_or_default()));
    }
    let mut input = create_input(&of, input, &properties, incarnation);
    input.extend(more);
    let answer = write(definition, context, create.operation, input).await?;
    let mut observed = created(&of, &answer, &properties)?;
    context.identified(&observed.id).await?;
    if !later.is_empty() {
        let changed: Vec<PropertyPath> = later
            .iter()
            .filter(|name| {
                observed
                    .model
                    .get(name)
                    .is_none_or(|told| told.expose_json().as_ref() != properties.get(*name))
            })
            .map(|name| PropertyPath::root().key(name.as_str()))
            .collect();
        let heads: Vec<&str> = changed.iter().filter_map(PropertyPath::head).collect();
        let (routed, _) = of.route(&heads, &properties);
        if create.settles && routed.iter().any(|(change, names)| change.calls(names)) {
            observed = settled(definition, context, observed).await?;
        }
        let live = observed.model.clone();
        update(
            definition,
            context,
            &observed.id,
            &Update {
                desired,
                live: &live,
                changed: &changed,
            },
        )
        .await?;
    }
    // What the answer did not tell is as it was asked for, until it is read.
    if let (Some(model), Some(desired)) = (observed.model.as_map_mut(), desired.as_map()) {
        for (name, value) in desired {
            if later.contains(name) {
                model.insert(name.clone(), value.clone());
            } else {
                model.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
    }
    Ok(observed)
}

/// Whether AWS has something already where the call would put this one. What a create whose answer was lost has made is looked
/// for before this is asked.
async fn is_taken(of: &Type, context: &Context, properties: &Map<String, Json>) -> Result<bool> {
    let (Some(first), Some(id)) = (of.definition.reads.first(), of.id(properties)) else {
        return Ok(false);
    };
    let Some(key) = key(first.key, &id, &Json::Null) else {
        return Ok(false);
    };
    let items = items_of(context, first.load, &key).await?;
    let is_it = |item: &Json| {
        first
            .select
            .is_none_or(|select| select(item, &id).is_some())
    };
    Ok(items.iter().any(is_it))
}

/// The error where a call would overwrite what is somebody else's.
pub fn taken(definition: &Definition, name: &str) -> Error {
    Error::Failed(format!(
        "{} `{name}` exists already and is not this resource's: choose another name, or delete it",
        definition.type_name
    ))
}

/// The resource when it is ready for more calls.
async fn settled(
    definition: &'static Definition,
    context: &Context,
    made: Observed,
) -> Result<Observed> {
    let start = context.clock().now();
    let mut last = made;
    loop {
        match &last.status {
            Status::Ready | Status::Deploying => return Ok(last),
            Status::Failed(reason) => return Err(Error::Failed(reason.clone())),
            Status::Gone => {
                let what = format!("{}: {} is gone", definition.type_name, last.id);
                return Err(Error::Failed(what));
            }
            Status::Pending => {}
        }
        let spent = context.clock().now().duration_since(start);
        if spent.unwrap_or(SETTLING) >= SETTLING {
            let what = format!(
                "{}: {} does not become ready",
                definition.type_name, last.id
            );
            return Err(Error::Failed(what));
        }
        context.clock().sleep(Duration::from_secs(10)).await;
        // Not in the list yet: AWS has answered with it, so it comes.
        if let Some(found) = read(definition, context, &last.id).await? {
            last = found;
        }
    }
}

pub(super) fn create_input(
    of: &Type,
    mut input: Map<String, Json>,
    properties: &Map<String, Json>,
    incarnation: &Incarnation,
) -> Map<String, Json> {
    let create = of.creating(properties);
    add_fixed(&mut input, create.fixed);
    if let (Tags::Specification(kind), Some(tags)) = (
        of.definition.tags,
        of.tag_property().and_then(|name| properties.get(name)),
    ) && tags.as_array().is_some_and(|tags| !tags.is_empty())
    {
        let mut specifications = vec![json!({"ResourceType": kind, "Tags": tags})];
        // Ownership is one resource's: what is made along with it carries what the template declares.
        let declared = tags.as_array().into_iter().flatten().filter(|tag| {
            let key = tag.get("Key").and_then(Json::as_str);
            key.is_some_and(|key| !tags::is_reserved(key))
        });
        let declared: Vec<&Json> = declared.collect();
        for (kind, property) in create.tags_too {
            if properties.get(*property) == Some(&Json::Bool(true)) && !declared.is_empty() {
                specifications.push(json!({"ResourceType": kind, "Tags": declared}));
            }
        }
        input.insert("TagSpecifications".to_owned(), json!(specifications));
    }
    let shape = of.input(create.operation);
    let marked =
        shape.and_then(|shape| shape.members.iter().find(|member| member.idempotency_token));
    if let Some(name) = create.token.or(marked.map(|member| member.name.as_str())) {
        let member = shape.and_then(|shape| shape.member_named(name));
        let least = member.and_then(|member| of.shape(&member.shape).min);
        let short = incarnation.token("");
        // Some services take UUIDs and nothing shorter (Logs, PutQueryDefinition: 36 characters at least).
        let token = if least.is_some_and(|least| (short.len() as f64) < least) {
            incarnation.token(create.operation)
        } else {
            short
        };
        input.entry(name.to_owned()).or_insert_with(|| token.into());
    }
    input
}

/// What the create call's answer tells. What is not in it but declared (a name that is the id) counts as declared.
pub(super) fn created(
    of: &Type,
    answer: &Json,
    properties: &Map<String, Json>,
) -> Result<Observed> {
    let definition = of.definition;
    let create = of.creating(properties);
    let missing = |what: &str| Error::Answer {
        call: format!("{}:{}", definition.service, create.operation),
        missing: what.to_owned(),
    };
    let description =
        look(answer, create.description).ok_or_else(|| missing(create.description))?;
    // A function of the mapping may make the identifier of what was declared (a route's destination).
    let mut told = properties.clone();
    if let Json::Object(members) = &description {
        told.extend(members.clone());
    }
    let mut model = of.mapping().model(&Json::Object(told));
    for (name, value) in properties {
        model.entry(name.clone()).or_insert_with(|| value.clone());
    }
    let id = of.id(&model).ok_or_else(|| missing("identifier"))?;
    of.observed(Some(&id), &description)
        .ok_or_else(|| missing("identifier"))
}
