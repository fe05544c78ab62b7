//! Finding what an interrupted create has made.

use payctl_model::{Incarnation, PhysicalId, Value};
use serde_json::{Map, Value as Json, json};

use super::create::{create_input, created};
use super::read::read;
use super::types::Type;
use super::write;
use crate::context::Context;
use crate::definition::{Definition, Find, Tags};
use crate::error::Result;
use crate::loaders::{self, load};
use crate::resource::Status;
use crate::tags;

/// What an interrupted create of this incarnation has made.
pub async fn find(
    definition: &'static Definition,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Option<PhysicalId>> {
    let of = Type::of(definition)?;
    match definition.find {
        Find::Tag => {
            let Some(first) = definition.reads.first() else {
                return Ok(None);
            };
            let filter = json!({"Name": format!("tag:{}", tags::INCARNATION), "Values": [incarnation.as_str()]});
            let input = Map::from_iter([(
                loaders::filter_member(first.load).to_owned(),
                json!([filter]),
            )]);
            let items = loaders::items(context, first.load, input).await?;
            Ok(items
                .iter()
                .find_map(|item| live_and_ours(&of, item, incarnation)))
        }
        Find::Key(properties) => {
            let parts: Option<Vec<String>> = properties
                .iter()
                .map(|property| desired.at(&(*property).into())?.to_text())
                .collect();
            let Some(parts) = parts else { return Ok(None) };
            let mut id = PhysicalId::from(parts.join("|"));
            if definition.name.is_some_and(|name| name.lower) {
                id = id.as_str().to_lowercase().into();
            }
            if_ours(definition, context, id, incarnation).await
        }
        Find::Token => {
            // A journal has secrets as hashes only: with them the call would be another one. Then it is looked for among all.
            let Some(Json::Object(properties)) = desired.expose_json() else {
                let Some(first) = definition.reads.first() else {
                    return Ok(None);
                };
                let items = loaders::items(context, first.load, Map::new()).await?;
                return Ok(items
                    .iter()
                    .find_map(|item| live_and_ours(&of, item, incarnation)));
            };
            let (input, _) = of.creation(&properties);
            let answer = write(
                definition,
                context,
                of.creating(&properties).operation,
                create_input(&of, input, &properties, incarnation),
            )
            .await?;
            created(&of, &answer, &properties).map(|observed| Some(observed.id))
        }
        Find::Lookup(by, key) => {
            let Some(key) = key(desired) else {
                return Ok(None);
            };
            let items = load(context, by, &key).await?;
            Ok(items
                .iter()
                .find_map(|item| live_and_ours(&of, item, incarnation)))
        }
        Find::Search(search) => search(context, desired, incarnation).await,
    }
}

fn live_and_ours(of: &Type, item: &Json, incarnation: &Incarnation) -> Option<PhysicalId> {
    let found = of.observed(None, item)?;
    (found.status != crate::resource::Status::Gone && is_ours(of, &found.model, incarnation))
        .then_some(found.id)
}

/// The id of a resource that is there and carries the incarnation's tag.
pub async fn if_ours(
    definition: &'static Definition,
    context: &Context,
    id: PhysicalId,
    incarnation: &Incarnation,
) -> Result<Option<PhysicalId>> {
    let of = Type::of(definition)?;
    let found = loaders::undeclared(read(definition, context, &id)).await?;
    let ours = found.is_some_and(|found| {
        found.status != Status::Gone && is_ours(&of, &found.model, incarnation)
    });
    Ok(ours.then_some(id))
}

/// Whether a resource carries the incarnation's tag; what cannot be tagged is known by its key alone.
fn is_ours(of: &Type, model: &Value, incarnation: &Incarnation) -> bool {
    if of.definition.tags == Tags::None || of.facts.tagging.declared_only {
        return true;
    }
    tags::of_type(of.definition, &of.facts, model)
        .get(tags::INCARNATION)
        .is_some_and(|tag| tag == incarnation.as_str())
}
