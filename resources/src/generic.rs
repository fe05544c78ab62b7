//! Create, read, update, delete and find as a [`Definition`] describes them.

use std::task::Poll;
use std::time::Duration;

use payctl_api::Service;
use payctl_model::facts::{Kind, TypeFacts, facts};
use payctl_model::{Incarnation, PhysicalId, PropertyPath, Value};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;

use crate::context::Context;
use crate::definition::{Change, Create, Definition, Find, Fixed, Key, Mode, Tags};
use crate::error::{Error, Result};
use crate::loaders::{self, Load, load};
use crate::mapping::{Mapping, look, member, merge};
use crate::resource::{Deletion, Observed, Resource, Status, Update};
use crate::tags;

/// How long a call is repeated while AWS has not yet spread what it depends on (IAM: "usually seconds"; minutes happen).
const PROPAGATION: Duration = Duration::from_secs(180);
/// How long a deletion is repeated while something that is going away uses the resource (a NAT gateway's or a load balancer's
/// network interfaces take minutes).
const DRAINING: Duration = Duration::from_secs(1_200);

/// How long a resource may take until calls for what its create call did not take are accepted (a restored database: hours).
const SETTLING: Duration = Duration::from_secs(4 * 3_600);

/// The parts that every operation on a type needs.
pub(crate) struct Type {
    definition: &'static Definition,
    pub(crate) facts: Arc<TypeFacts>,
    service: &'static Service,
}

impl Type {
    pub(crate) fn of(definition: &'static Definition) -> Result<Type> {
        let missing =
            |what: &str| Error::definition(definition.type_name, format!("there is no {what}"));
        Ok(Type {
            definition,
            facts: facts()
                .get(definition.type_name)
                .ok_or_else(|| missing("such type in the registry"))?,
            service: payctl_api::service(definition.service)
                .ok_or_else(|| missing("API model of its service"))?,
        })
    }

    pub(crate) fn mapping(&self) -> Mapping<'_> {
        Mapping::new(&self.facts, self.service, self.definition.rules)
    }

    /// The top-level property with the tags.
    pub(crate) fn tag_property(&self) -> Option<&str> {
        self.facts
            .tagging
            .property
            .as_ref()
            .and_then(|path| path.head())
    }

    /// The physical id that a model tells.
    fn id(&self, model: &Map<String, Json>) -> Option<PhysicalId> {
        let model = Json::Object(model.clone());
        let parts = self
            .facts
            .primary_identifier
            .iter()
            .map(|path| text(&look(&model, &path.to_string())?));
        let parts: Option<Vec<String>> = parts.collect();
        parts
            .filter(|parts| !parts.is_empty())
            .map(|parts| parts.join("|").into())
    }

    /// Puts the parts of the id where the model does not tell them.
    pub(crate) fn add_identity(&self, model: &mut Map<String, Json>, id: &PhysicalId) {
        let paths = &self.facts.primary_identifier;
        for (path, part) in paths
            .iter()
            .zip(id.as_str().splitn(paths.len().max(1), '|'))
        {
            if let [payctl_model::Step::Key(name)] = path.steps() {
                model.entry(name.clone()).or_insert_with(|| part.into());
            }
        }
    }

    fn observed(&self, id: Option<&PhysicalId>, description: &Json) -> Option<Observed> {
        let mut model = self.mapping().model(description);
        if let Some(id) = id {
            self.add_identity(&mut model, id);
        }
        let id = id.cloned().or_else(|| self.id(&model))?;
        let status = (self.definition.status)(description);
        Some(Observed {
            id,
            model: Value::from(Json::Object(model)),
            status,
        })
    }

    /// Members that name the resource: `SubnetId`, or `GroupId=Id`.
    fn identity(
        &self,
        operation: &str,
        ids: &[&str],
        model: &Map<String, Json>,
        input: &mut Map<String, Json>,
    ) -> Result<()> {
        let model = Json::Object(model.clone());
        for spec in ids {
            let (name, property) = spec.split_once('=').unwrap_or((spec, spec));
            let Some(value) = look(&model, property) else {
                // A name that is one of several (an Ipv4 or an Ipv6 destination) is left out; AWS's model says which are needed.
                let required = self
                    .input(operation)
                    .is_some_and(|shape| shape.requires(name));
                if required {
                    let what = format!("{operation} needs {name}, but `{property}` is not known");
                    return Err(Error::definition(self.definition.type_name, what));
                }
                continue;
            };
            let kind = self
                .input(operation)
                .and_then(|shape| shape.member_named(name))
                .map(|member| self.service.shape(&member.shape).kind);
            let number = match (kind, value.as_str()) {
                (Some(payctl_api::Kind::Integer | payctl_api::Kind::Long), Some(text)) => {
                    text.trim().parse::<i64>().ok()
                }
                _ => None,
            };
            input.insert(
                name.to_owned(),
                match number {
                    Some(number) => number.into(),
                    None if kind == Some(payctl_api::Kind::List) && !value.is_array() => {
                        json!([value])
                    }
                    None => value,
                },
            );
        }
        Ok(())
    }

    fn input(&self, operation: &str) -> Option<&'static payctl_api::Shape> {
        self.service.input(self.service.operation(operation)?)
    }

    /// Refuses what the type does not support.
    fn check(&self, properties: &Map<String, Json>) -> Result<()> {
        for (pattern, reason) in self.definition.unsupported {
            if let Some(found) = look(&Json::Object(properties.clone()), pattern)
                && !found.is_null()
                && found != json!([])
            {
                return Err(Error::Unsupported {
                    type_name: self.definition.type_name.to_owned(),
                    property: (*pattern).into(),
                    reason: (*reason).to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The call that makes a resource with these properties.
    pub(crate) fn creating(&self, properties: &Map<String, Json>) -> &'static Create {
        let create = &self.definition.create;
        let instead = create.instead.and_then(|instead| instead(properties));
        instead.unwrap_or(create)
    }

    /// The properties that the create call takes, its input, and the rest by top-level name.
    pub(crate) fn creation(
        &self,
        properties: &Map<String, Json>,
    ) -> (Map<String, Json>, Vec<String>) {
        let mapping = self.mapping();
        let create = self.creating(properties);
        let elsewhere = (self.definition.decided_elsewhere)(properties);
        let (mut now, mut later) = (Map::new(), Vec::new());
        if let Some(build) = create.build {
            return (build(properties), later);
        }
        for (name, value) in properties {
            if elsewhere.contains(&name.as_str()) {
                continue;
            }
            let is_tags = self.tag_property() == Some(name.as_str());
            if is_tags && matches!(self.definition.tags, Tags::Specification(_)) {
                continue;
            }
            if is_tags && self.definition.tags == Tags::Afterwards {
                later.push(name.clone());
                continue;
            }
            // A step of its own takes precedence over a member of the same name.
            let by_step = self.definition.updates.iter().any(|change| {
                matches!(change.mode, Mode::Step(_)) && change.takes.contains(&name.as_str())
            });
            let one = Map::from_iter([(name.clone(), value.clone())]);
            let placed = mapping.input(create.operation, &one);
            if by_step && placed.input.is_empty() || !placed.unplaced.is_empty() {
                later.push(name.clone());
            } else {
                merge(&mut now, placed.input);
            }
        }
        (now, later)
    }

    /// The changes that take these top-level properties, in the definition's order, and what none takes.
    pub(crate) fn route<'n>(
        &self,
        names: &[&'n str],
        desired: &Map<String, Json>,
    ) -> (Vec<(&'static Change, Vec<&'n str>)>, Vec<&'n str>) {
        let mapping = self.mapping();
        let mut open: Vec<&str> = names.to_vec();
        let mut routed = Vec::new();
        for change in self.definition.updates {
            let (mine, rest): (Vec<&str>, Vec<&str>) = open.into_iter().partition(|name| {
                if change.made.iter().any(|(property, _)| property == name) {
                    return true;
                }
                if !change.takes.is_empty() {
                    return change.takes.contains(name);
                }
                let sample = desired
                    .get(*name)
                    .cloned()
                    .unwrap_or_else(|| self.empty(name));
                let placed = mapping.input(
                    change.operation,
                    &Map::from_iter([((*name).to_owned(), sample)]),
                );
                placed.unplaced.is_empty() && !placed.input.is_empty()
            });
            open = rest;
            if !mine.is_empty() {
                routed.push((change, mine));
            }
        }
        (routed, open)
    }

    /// A value of a property's kind with nothing in it: what may be sent of a property that is declared no more.
    fn empty(&self, name: &str) -> Json {
        let schema = self.facts.schema_at(&name.into());
        match schema.and_then(|schema| schema.kinds.first()) {
            Some(Kind::Array) => json!([]),
            Some(Kind::Object) => json!({}),
            Some(Kind::Boolean) => false.into(),
            Some(Kind::Integer | Kind::Number) => 0.into(),
            _ => "".into(),
        }
    }

    /// What a property goes back to when it is declared no more.
    fn default_of(&self, name: &str) -> Option<Json> {
        let own = self
            .definition
            .resets
            .iter()
            .find(|(property, _)| *property == name);
        if let Some((_, json)) = own {
            return serde_json::from_str(json).ok();
        }
        let schema = self.facts.schema_at(&name.into())?;
        schema.default.as_ref().and_then(Value::expose_json)
    }
}

fn text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(json.to_string()),
        _ => None,
    }
}

fn expose(type_name: &str, value: &Value) -> Result<Map<String, Json>> {
    match value.expose_json() {
        Some(Json::Object(map)) => Ok(map),
        _ => Err(Error::Unknown(type_name.to_owned())),
    }
}

/// What can be shown of a value to calls that only name a resource: leaves that are not known are left out.
fn known(value: &Value) -> Map<String, Json> {
    let map = value.as_map().into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), value.expose_json()?)))
        .collect()
}

fn add_fixed(input: &mut Map<String, Json>, fixed: &[(&str, Fixed)]) {
    for (name, value) in fixed {
        input.insert((*name).to_owned(), value.to_json());
    }
}

/// Makes a mutating call; repeats it while AWS answers with one of the type's propagation errors.
pub async fn write(
    definition: &Definition,
    context: &Context,
    operation: &str,
    input: Map<String, Json>,
) -> Result<Json> {
    let transient = |error: &Error| {
        let Some(error) = error.aws() else {
            return false;
        };
        definition
            .propagation
            .iter()
            .any(|(code, part)| error.code == *code && error.message.contains(part))
    };
    repeat(context, PROPAGATION, transient, || {
        context.write(definition.service, operation, Json::Object(input.clone()))
    })
    .await
}

/// Repeats a call while its error is a passing one, with growing pauses, for at most `limit` of the clock's time.
pub async fn repeat<F: Future<Output = Result<Json>>>(
    context: &Context,
    limit: Duration,
    passing: impl Fn(&Error) -> bool,
    mut call: impl FnMut() -> F,
) -> Result<Json> {
    let start = context.clock().now();
    let mut pause = Duration::from_secs(1);
    loop {
        match call().await {
            Err(error) if passing(&error) => {
                let spent = context.clock().now().duration_since(start).unwrap_or(limit);
                if spent + pause > limit {
                    return Err(error);
                }
                context.retrying(&error);
                context.clock().sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(15));
            }
            done => return done,
        }
    }
}

/// The create call, and what it does not take afterwards.
pub async fn create(
    definition: &'static Definition,
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
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
        && let Some(first) = definition.reads.first()
        && let Some(name) = definition
            .name
            .and_then(|name| properties.get(name.property)?.as_str())
        && !items_of(context, first.load, name).await?.is_empty()
        && find(definition, context, desired, incarnation)
            .await?
            .is_none()
    {
        return Err(Error::Failed(format!(
            "{} `{name}` exists already and is not this resource's: choose another name, or delete it",
            definition.type_name
        )));
    }
    let answer = write(
        definition,
        context,
        create.operation,
        create_input(&of, input, &properties, incarnation),
    )
    .await?;
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
            Status::Ready => return Ok(last),
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

fn create_input(
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
        input.insert(
            "TagSpecifications".to_owned(),
            json!([{"ResourceType": kind, "Tags": tags}]),
        );
    }
    let marked = of
        .input(create.operation)
        .and_then(|shape| shape.members.iter().find(|member| member.idempotency_token));
    if let Some(name) = create.token.or(marked.map(|member| member.name.as_str())) {
        input
            .entry(name.to_owned())
            .or_insert_with(|| incarnation.token("").into());
    }
    input
}

/// What the create call's answer tells. What is not in it but declared (a name that is the id) counts as declared.
fn created(of: &Type, answer: &Json, properties: &Map<String, Json>) -> Result<Observed> {
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
        let Some(key) = key(read.key, id, &description) else {
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

fn key(key: Key, id: &PhysicalId, description: &Json) -> Option<String> {
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
pub async fn complete(
    resource: &dyn Resource,
    context: &Context,
    id: &PhysicalId,
    desired: &Value,
) -> Result<bool> {
    let definition = resource.definition();
    let of = Type::of(definition)?;
    context.identified(id).await?;
    let declared = desired.as_map().into_iter().flat_map(|map| map.keys());
    let declared = declared.cloned().collect();
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

/// The delete call. Success where it is gone already.
pub async fn delete(
    definition: &'static Definition,
    context: &Context,
    id: &PhysicalId,
    deletion: &Deletion,
) -> Result<()> {
    let of = Type::of(definition)?;
    let call = &definition.delete;
    let mut named = deletion
        .last_applied
        .as_ref()
        .map(known)
        .unwrap_or_default();
    of.add_identity(&mut named, id);
    let mut input = Map::new();
    of.identity(call.operation, call.ids, &named, &mut input)?;
    add_fixed(&mut input, call.fixed);
    delete_with(definition, context, call.operation, input).await
}

/// A delete call with this input, repeated while the resource is in use by what is going away.
pub async fn delete_with(
    definition: &Definition,
    context: &Context,
    operation: &str,
    input: Map<String, Json>,
) -> Result<()> {
    let busy = |error: &Error| {
        error
            .code()
            .is_some_and(|code| definition.delete.busy.contains(&code))
    };
    let call = || context.write(definition.service, operation, Json::Object(input.clone()));
    match repeat(context, DRAINING, busy, call).await {
        Err(error)
            if error
                .code()
                .is_some_and(|code| definition.delete.gone.contains(&code)) =>
        {
            Ok(())
        }
        done => done.map(|_| ()),
    }
}

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

/// An operation's input for some properties: for steps.
pub fn input(
    definition: &'static Definition,
    operation: &str,
    properties: &Map<String, Json>,
) -> Result<Map<String, Json>> {
    Ok(Type::of(definition)?
        .mapping()
        .input(operation, properties)
        .input)
}

/// Whether a resource carries the incarnation's tag; what cannot be tagged is known by its key alone.
fn is_ours(of: &Type, model: &Value, incarnation: &Incarnation) -> bool {
    if of.definition.tags == Tags::None {
        return true;
    }
    tags::tags_of(&of.facts, model)
        .get(tags::INCARNATION)
        .is_some_and(|tag| tag == incarnation.as_str())
}

/// Whether a description's member is one of these texts: for status functions.
pub fn state_is(description: &Json, path: &str, states: &[&str]) -> bool {
    look(description, path)
        .as_ref()
        .and_then(Json::as_str)
        .is_some_and(|state| states.contains(&state))
}

/// A text of a description, by dotted path.
pub fn described<'j>(description: &'j Json, name: &str) -> Option<&'j str> {
    member(description, name).and_then(Json::as_str)
}

/// A resource from its description, for modules that read by themselves.
pub fn observed(
    definition: &'static Definition,
    id: &PhysicalId,
    description: &Json,
) -> Result<Option<Observed>> {
    Ok(Type::of(definition)?.observed(Some(id), description))
}

/// All items of a load for one key, fresh: for steps and searches.
pub async fn items_of(context: &Context, by: &'static Load, key: &str) -> Result<Vec<Json>> {
    load(context, by, key).await
}
