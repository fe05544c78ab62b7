//! A resource's description, from all of its type's reads.

use std::task::Poll;

use payctl_model::PhysicalId;
use serde_json::{Value as Json, json};

use super::types::{Type, text};
use crate::context::Context;
use crate::definition::{Definition, Key};
use crate::error::Result;
use crate::loaders::{self, load};
use crate::mapping::{look, merge};
use crate::resource::Observed;

/// The description from all the type's reads, merged.
pub async fn description(
    definition: &'static Definition,
    context: &Context,
    id: &PhysicalId,
) -> Result<Option<Json>> {
    let mut description = Json::Null;
    for (position, read) in definition.reads.iter().enumerate() {
        if position > 0
            && (read.when.is_some_and(|when| !when(&description))
                || !read.only_for.is_empty() && !loaders::is_declared(read.only_for))
        {
            continue;
        }
        let key = match read.key {
            Key::Arn(pattern) => Some(context.arn(pattern, id).await?),
            told => key(told, id, &description),
        };
        let Some(key) = key else {
            if position == 0 {
                return Ok(None);
            } else {
                continue;
            }
        };
        let items = if read.each.is_empty() {
            load(context, read.load, &key).await?
        } else {
            let texts = look(&description, read.each);
            let texts = texts.iter().filter_map(Json::as_array).flatten();
            let loads = texts.filter_map(text).map(|one| {
                let key = format!("{key}|{one}");
                async move { load(context, read.load, &key).await }
            });
            let mut told = Vec::new();
            for items in together(loads).await {
                told.extend(items?);
            }
            told
        };
        let select = |item: &Json| match read.select {
            Some(select) => select(item, id),
            None => Some(item.clone()),
        };
        let found = if read.all {
            let all: Vec<Json> = items.iter().filter_map(select).collect();
            (!all.is_empty()).then_some(Json::Array(all))
        } else {
            items.iter().find_map(select)
        };
        match (position, found) {
            (0, None) => return Ok(None),
            (0, Some(found)) if read.into.is_empty() => description = found,
            (_, None) => {}
            (_, Some(found)) => {
                if !description.is_object() {
                    description = json!({});
                }
                if let Json::Object(target) = &mut description {
                    match (read.into, found) {
                        ("", Json::Object(members)) => merge(target, members),
                        ("", _) => {}
                        (into, found) => {
                            target.insert(into.to_owned(), found);
                        }
                    }
                }
            }
        }
    }
    Ok(Some(description))
}

/// The answers of futures that wait for the same round of calls, in their order.
pub async fn together<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut open: Vec<_> = futures
        .into_iter()
        .map(|future| (Some(Box::pin(future)), None))
        .collect();
    std::future::poll_fn(|cx| {
        let mut waiting = false;
        for (future, slot) in &mut open {
            match future.as_mut().map(|future| future.as_mut().poll(cx)) {
                Some(Poll::Ready(answer)) => {
                    *slot = Some(answer);
                    *future = None;
                }
                Some(Poll::Pending) => waiting = true,
                None => {}
            }
        }
        if waiting {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    open.into_iter().filter_map(|(_, answer)| answer).collect()
}

/// What a read asks for.
pub(super) fn key(key: Key, id: &PhysicalId, description: &Json) -> Option<String> {
    match key {
        Key::Id([]) => Some(id.as_str().to_owned()),
        Key::Id(positions) => {
            let parts = id.parts();
            let parts: Option<Vec<&str>> = positions
                .iter()
                .map(|position| parts.get(*position).copied())
                .collect();
            parts.map(|parts| parts.join("|"))
        }
        Key::Made(make) => make(id),
        Key::Described(paths) => {
            let parts: Option<Vec<String>> = paths
                .iter()
                .map(|path| text(&look(description, path)?))
                .collect();
            parts.map(|parts| parts.join("|"))
        }
        // Where the calls go has to be asked for: nothing is read first by an ARN that AWS does not tell.
        Key::Arn(_) => None,
    }
}

/// The reads, through the round's loaders.
pub async fn read(
    definition: &'static Definition,
    context: &Context,
    id: &PhysicalId,
) -> Result<Option<Observed>> {
    let of = Type::of(definition)?;
    let description = description(definition, context, id).await?;
    Ok(description.and_then(|description| of.observed(Some(id), &description)))
}
