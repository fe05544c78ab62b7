//! Changing a resource in place.

use payctl_model::{PhysicalId, PropertyPath, Value};
use serde_json::{Map, Value as Json};

use super::types::{Type, expose, known};
use super::write;
use crate::context::Context;
use crate::definition::{Change, Definition, Mode, Tags};
use crate::error::{Error, Result};
use crate::loaders::{self};
use crate::mapping::merge;
use crate::resource::{Resource, Update};
use crate::tags;

/// The type's changes that take what differs.
pub async fn update(
    definition: &'static Definition,
    context: &Context,
    id: &PhysicalId,
    update: &Update<'_>,
) -> Result<()> {
    let of = Type::of(definition)?;
    let desired = expose(definition.type_name, update.desired)?;
    of.check(&desired)?;
    let mut names: Vec<&str> = update
        .changed
        .iter()
        .filter_map(PropertyPath::head)
        .collect();
    names.sort_unstable();
    names.dedup();
    let tagged = definition.tags != Tags::None
        && of
            .tag_property()
            .is_some_and(|property| names.contains(&property));
    names.retain(|name| !tagged || of.tag_property() != Some(name));
    let elsewhere = (definition.decided_elsewhere)(&desired);
    names.retain(|name| !elsewhere.contains(name));
    let mut with_resets = desired.clone();
    for name in &names {
        if !with_resets.contains_key(*name)
            && let Some(default) = of.default_of(name)
        {
            with_resets.insert((*name).to_owned(), default);
        }
    }
    let (routed, nowhere) = of.route(&names, &with_resets);
    if !nowhere.is_empty() {
        return Err(Error::Unmapped {
            type_name: definition.type_name.to_owned(),
            properties: nowhere.into_iter().map(PropertyPath::from).collect(),
        });
    }
    let mut named = known(update.live);
    named.extend(with_resets.clone());
    of.add_identity(&mut named, id);
    for (change, mine) in routed {
        if let Mode::Step(step) = change.mode {
            step(context, id, update).await?;
            continue;
        }
        if !change.calls(&mine) {
            continue;
        }
        for mut input in change_inputs(&of, change, &mine, &with_resets, elsewhere, update) {
            // Only what is declared no more and has no default: nothing can be said to AWS.
            if input.is_empty() && !matches!(change.mode, Mode::All) {
                continue;
            }
            of.identity(change.operation, change.ids, &named, &mut input)?;
            for (name, value) in change.fixed {
                input
                    .entry((*name).to_owned())
                    .or_insert_with(|| value.to_json());
            }
            write(definition, context, change.operation, input).await?;
        }
    }
    if tagged {
        tags::update(
            context,
            definition,
            &of.facts,
            id,
            update.desired,
            &Value::from(Json::Object(with_live(update.live, id, &of))),
        )
        .await?;
    }
    Ok(())
}

fn with_live(live: &Value, id: &PhysicalId, of: &Type) -> Map<String, Json> {
    let mut map = known(live);
    of.add_identity(&mut map, id);
    map
}

/// The inputs of one change's calls, without what names the resource.
fn change_inputs(
    of: &Type,
    change: &Change,
    mine: &[&str],
    desired: &Map<String, Json>,
    elsewhere: &[&str],
    update: &Update<'_>,
) -> Vec<Map<String, Json>> {
    let mapping = of.mapping();
    let is_made = |name: &str| change.made.iter().any(|(property, _)| *property == name);
    // What changes, and what goes along with it.
    let goes = |name: &str| {
        let along = change.along.iter().any(|(property, others)| {
            *property == name
                && (others.is_empty() || others.iter().any(|other| mine.contains(other)))
        });
        let only_along = change.along.iter().any(|(property, _)| *property == name);
        let together = change
            .together
            .iter()
            .any(|set| set.contains(&name) && set.iter().any(|other| mine.contains(other)));
        !is_made(name)
            && !elsewhere.contains(&name)
            && (along || !only_along && (together || mine.contains(&name)))
    };
    let pick = |wanted: &dyn Fn(&str) -> bool| -> Map<String, Json> {
        desired
            .iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    match change.mode {
        Mode::All => {
            // What this call does not take stands in other calls.
            let mut input = Map::new();
            for (name, value) in
                pick(&|name| of.tag_property() != Some(name) && !elsewhere.contains(&name))
            {
                let placed = mapping.input(change.operation, &Map::from_iter([(name, value)]));
                if placed.unplaced.is_empty() {
                    merge(&mut input, placed.input);
                }
            }
            vec![input]
        }
        Mode::OneAtATime => {
            let placed = mapping.input(change.operation, &pick(&goes));
            placed
                .input
                .into_iter()
                .map(|(name, value)| Map::from_iter([(name, value)]))
                .collect()
        }
        Mode::Changed | Mode::Step(_) | Mode::Elsewhere => {
            let mut input = mapping.input(change.operation, &pick(&goes)).input;
            for (property, make) in change.made {
                if let (true, Json::Object(members)) = (mine.contains(property), make(update)) {
                    merge(&mut input, members);
                }
            }
            vec![input]
        }
    }
}

/// What a create whose answer was lost, or that was cut off, has left undone: changes what differs from `desired`. Whether
/// anything did.
pub async fn complete<R: Resource + ?Sized>(
    resource: &R,
    context: &Context,
    id: &PhysicalId,
    desired: &Value,
) -> Result<bool> {
    let definition = resource.definition();
    let of = Type::of(definition)?;
    context.identified(id).await?;
    let declared = loaders::declared_names(desired);
    let reading = loaders::declared_alone(declared, resource.read(context, id));
    let Some(live) = reading.await? else {
        return Ok(false);
    };
    let properties = expose(definition.type_name, desired)?;
    let (_, later) = of.creation(&properties);
    let options = payctl_model::compare::CompareOptions::default();
    let compared = payctl_model::compare::compare(&of.facts, desired, &live.model, &options);
    // What AWS does not tell was in the create call, or it is sent once more.
    let sent = |path: &PropertyPath| {
        let late = path
            .head()
            .is_some_and(|head| later.iter().any(|name| name == head));
        !late && live.model.at(path).is_none_or(|live| *live == Value::Null)
    };
    let changed: Vec<PropertyPath> = compared
        .changes
        .into_iter()
        .filter(|change| !change.replaces && !sent(&change.property))
        .map(|change| change.property)
        .collect();
    if changed.is_empty() {
        return Ok(false);
    }
    let update = Update {
        desired,
        live: &live.model,
        changed: &changed,
    };
    resource.update(context, id, &update).await?;
    Ok(true)
}
