//! Reading in batches: every read of a round asks its [`Load`]s, and the round makes the fewest calls that answer them all.
//!
//! [`read_many`] polls all reads until each is waiting for a load (or done), then makes the calls of all loads at once, wakes
//! the reads, and starts the next round. So the number of calls depends on nothing but what is read: equal keys are asked
//! once, types that name the same [`Load`] share its calls, and [`least_calls`] computes the number beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

use payctl_model::{PhysicalId, Value};
use serde_json::{Map, Value as Json, json};
use tokio::task::JoinSet;

use crate::context::Context;
use crate::definition::Fixed;
use crate::error::{Error, Result};
use crate::mapping::{look, put};
use crate::resource::{Observed, Resource};

/// A call that reads many things at once (or one), written down once for all types that use it.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// The API model's name of the service.
    pub service: &'static str,
    /// `DescribeSubnets`.
    pub operation: &'static str,
    /// Where the keys go.
    pub by: By,
    /// How many keys a call takes (AWS's limit, or what makes a handy call).
    pub batch: usize,
    /// Where the items stand in the answer, dotted, `*` for what is in lists (`Reservations.*.Instances.*`); empty: the answer
    /// itself is the one item.
    pub items: &'static str,
    /// A second list of the answer whose items count like those of the first (composite alarms beside metric alarms); empty: none.
    pub also: &'static str,
    /// Where an item has its key, dotted. `Associations.*.SubnetId`: it answers several keys. Not for [`By::One`].
    pub key: &'static str,
    /// Members that are always sent.
    pub fixed: &'static [(&'static str, Fixed)],
    /// Error codes that mean a key is unknown. A batch that fails with one is split until only the unknown is left out.
    pub gone: &'static [&'static str],
    /// Another load with the same operation and items whose items of this round may answer the keys: only the others are asked.
    pub within: Option<&'static Load>,
}

impl Load {
    /// A batched call of one operation.
    pub const fn of(
        service: &'static str,
        operation: &'static str,
        by: By,
        batch: usize,
        items: &'static str,
        key: &'static str,
    ) -> Load {
        Load {
            service,
            operation,
            by,
            batch,
            items,
            also: "",
            key,
            fixed: &[],
            gone: &[],
            within: None,
        }
    }

    fn name(&self) -> String {
        format!(
            "{}:{}:{:?}:{:?}:{}",
            self.service, self.operation, self.by, self.fixed, self.key
        )
    }
}

/// Where a load's keys go in its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// EC2: `Filters` with this name. Unknown values do no harm, so this goes before ids wherever there is a filter.
    Filter(&'static str),
    /// Systems Manager: a list of filters in this member, `Key` and `Values`.
    KeyFilter(&'static str, &'static str),
    /// A list member.
    Ids(&'static str),
    /// A list member, of things within another that stands in front of the key (`cluster|service`).
    Within(&'static str, &'static str),
    /// One thing a call: the parts of the key (at `|`) go to these members.
    One(&'static [&'static str]),
    /// A call without keys that tells everything (paged); items are found by their key.
    All,
}

impl By {
    /// The member for a thing that is named by itself.
    pub(crate) fn first(self) -> Option<&'static str> {
        match self {
            By::One(members) => members.first().copied(),
            _ => None,
        }
    }
}

/// The loads of one [`read_many`].
#[derive(Default)]
struct Loaders {
    tables: Mutex<BTreeMap<String, Table>>,
    parked: AtomicBool,
}

struct Table {
    load: &'static Load,
    waiting: BTreeSet<String>,
    wakers: Vec<Waker>,
    answers: BTreeMap<String, Answer>,
    items: Vec<Json>,
}

type Answer = std::result::Result<Vec<Json>, Arc<Error>>;

tokio::task_local! {
    static LOADERS: Arc<Loaders>;
    static DECLARED: Option<BTreeSet<String>>;
}

/// A reading that needs nothing that only some declared properties ask for.
pub(crate) async fn undeclared<T>(reading: impl Future<Output = T>) -> T {
    DECLARED.scope(Some(BTreeSet::new()), reading).await
}

/// Whether one of these properties is declared by what is being read, or it is not known what is.
pub(crate) fn is_declared(properties: &[&str]) -> bool {
    let is_named = |declared: &BTreeSet<String>, name: &str| {
        let (head, inner) = name.split_once('.').unwrap_or((name, ""));
        declared.contains(name) || !inner.is_empty() && declared.contains(&format!("{head}.**"))
    };
    DECLARED
        .try_with(|declared| match declared {
            Some(declared) => properties.iter().any(|name| is_named(declared, name)),
            None => true,
        })
        .unwrap_or(true)
}

/// The names that [`read_declared`] takes: top-level properties, and what stands in them one level deeper (`A.B`, in lists `A.*.B`).
/// `A.**` stands for what is not known yet.
pub fn declared_names(properties: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (head, value) in properties.as_map().into_iter().flatten() {
        names.insert(head.clone());
        let mut inner = |value: &Value, path: &str| match value {
            Value::Map(map) => names.extend(map.keys().map(|key| format!("{path}.{key}"))),
            Value::Unknown(_) => {
                names.insert(format!("{head}.**"));
            }
            _ => {}
        };
        match value {
            Value::List(items) => items
                .iter()
                .for_each(|item| inner(item, &format!("{head}.*"))),
            other => inner(other, head),
        }
    }
    names
}

/// The items that a key names. Within [`read_many`] it waits for the round's call, else it makes the call at once.
pub async fn load(context: &Context, load: &'static Load, key: &str) -> Result<Vec<Json>> {
    let Ok(loaders) = LOADERS.try_with(Arc::clone) else {
        let (_, mut answers) = fetch(context, load, vec![key.to_owned()]).await;
        return answers
            .remove(key)
            .unwrap_or_else(|| Ok(Vec::new()))
            .map_err(shared);
    };
    let name = load.name();
    poll_fn(|cx| {
        let mut tables = loaders
            .tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(name.clone()).or_insert_with(|| Table {
            load,
            waiting: BTreeSet::new(),
            wakers: Vec::new(),
            answers: BTreeMap::new(),
            items: Vec::new(),
        });
        if let Some(answer) = table.answers.get(key) {
            return Poll::Ready(answer.clone().map_err(shared));
        }
        table.waiting.insert(key.to_owned());
        table.wakers.push(cx.waker().clone());
        loaders.parked.store(true, Ordering::Relaxed);
        Poll::Pending
    })
    .await
}

fn shared(error: Arc<Error>) -> Error {
    Error::Shared(error)
}

/// A reading for which only these properties are declared: what AWS tells of others by calls of their own is not asked for.
pub(crate) async fn declared_alone<F: Future>(declared: BTreeSet<String>, reading: F) -> F::Output {
    DECLARED.scope(Some(declared), reading).await
}

/// Reads many resources with the fewest calls. The answers are in the order of `wanted`.
pub async fn read_many(
    context: &Context,
    wanted: Vec<(&'static dyn Resource, PhysicalId)>,
) -> Vec<Result<Option<Observed>>> {
    let wanted = wanted
        .into_iter()
        .map(|(resource, id)| (resource, id, None));
    read_declared(context, wanted.collect()).await
}

/// The same where it is known what is or was declared ([`declared_names`]): what is only for others is not asked.
pub async fn read_declared(
    context: &Context,
    wanted: Vec<(&'static dyn Resource, PhysicalId, Option<BTreeSet<String>>)>,
) -> Vec<Result<Option<Observed>>> {
    let loaders = Arc::new(Loaders::default());
    type Reading = Pin<Box<dyn Future<Output = Result<Option<Observed>>> + Send>>;
    let mut readings: Vec<Option<Reading>> = wanted
        .into_iter()
        .map(|(resource, id, declared)| {
            let context = context.clone();
            let reading = async move { resource.read(&context, &id).await };
            let reading: Reading =
                Box::pin(LOADERS.scope(Arc::clone(&loaders), DECLARED.scope(declared, reading)));
            Some(reading)
        })
        .collect();
    let mut done: Vec<Option<Result<Option<Observed>>>> = readings.iter().map(|_| None).collect();
    loop {
        // Until each is done or waits for a load. One that waits for something else wakes this task by itself.
        poll_fn(|cx| {
            let mut all_parked = true;
            for (reading, slot) in readings.iter_mut().zip(&mut done) {
                let Some(future) = reading else { continue };
                loaders.parked.store(false, Ordering::Relaxed);
                match future.as_mut().poll(cx) {
                    Poll::Ready(answer) => {
                        *slot = Some(answer);
                        *reading = None;
                    }
                    Poll::Pending => all_parked &= loaders.parked.load(Ordering::Relaxed),
                }
            }
            if all_parked {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        if readings.iter().all(Option::is_none) {
            // Every slot was filled when its reading was taken away.
            return done.into_iter().flatten().collect();
        }
        round(context, &loaders).await;
    }
}

/// Makes the calls for everything that is waited for.
async fn round(context: &Context, loaders: &Arc<Loaders>) {
    // Loads that may find their keys in another load's items go after it.
    for after_others in [false, true] {
        let mut calls = JoinSet::new();
        let mut names = Vec::new();
        {
            let mut tables = loaders
                .tables
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let waiting: Vec<String> = tables
                .iter()
                .filter(|(_, table)| {
                    !table.waiting.is_empty() && table.load.within.is_some() == after_others
                })
                .map(|(name, _)| name.clone())
                .collect();
            for name in waiting {
                let others = tables
                    .get(&name)
                    .and_then(|table| table.load.within)
                    .and_then(|within| tables.get(&within.name()))
                    .map(|table| table.items.clone())
                    .unwrap_or_default();
                let Some(table) = tables.get_mut(&name) else {
                    continue;
                };
                let mut keys = std::mem::take(&mut table.waiting);
                for (key, items) in by_key(table.load, &others) {
                    if keys.remove(&key) {
                        table.answers.insert(key, Ok(items));
                    }
                }
                let load = table.load;
                for batch in batches(load, keys) {
                    let (context, name) = (context.clone(), name.clone());
                    calls.spawn(async move {
                        let asked = batch.clone();
                        let (items, answers) = fetch(&context, load, batch).await;
                        (name, asked, items, answers)
                    });
                }
                names.push(name);
            }
        }
        while let Some(ended) = calls.join_next().await {
            // A task that panicked has no answers; its keys are asked again by nobody, so they count as failed below.
            let Ok((name, asked, items, mut answers)) = ended else {
                continue;
            };
            let mut tables = loaders
                .tables
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            if let Some(table) = tables.get_mut(&name) {
                table.items.extend(items);
                for key in asked {
                    let answer = answers.remove(&key).unwrap_or_else(|| Ok(Vec::new()));
                    table.answers.insert(key, answer);
                }
            }
        }
        let mut tables = loaders
            .tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if let Some(table) = tables.get_mut(&name) {
                table.wakers.drain(..).for_each(Waker::wake);
            }
        }
    }
}

/// Keys as the calls take them.
fn batches(load: &Load, keys: impl IntoIterator<Item = String>) -> Vec<Vec<String>> {
    let keys: Vec<String> = keys.into_iter().collect();
    match load.by {
        By::All if keys.is_empty() => Vec::new(),
        By::All => vec![keys],
        By::One(_) => keys.into_iter().map(|key| vec![key]).collect(),
        By::Within(..) => {
            let mut scopes: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for key in keys {
                let scope = key
                    .split_once('|')
                    .map_or("", |(scope, _)| scope)
                    .to_owned();
                scopes.entry(scope).or_default().push(key);
            }
            let chunks = scopes
                .values()
                .flat_map(|keys| keys.chunks(load.batch.max(1)));
            chunks.map(<[String]>::to_vec).collect()
        }
        By::Filter(_) | By::KeyFilter(..) | By::Ids(_) => keys
            .chunks(load.batch.max(1))
            .map(<[String]>::to_vec)
            .collect(),
    }
}

/// How many calls the first reads of so many distinct resources of some types take, by `service:Operation`, when all exist.
/// Keys within a scope count as one scope; conditional reads and those for each part of a resource are not counted.
pub fn least_calls(wanted: &[(&'static dyn Resource, usize)]) -> BTreeMap<String, usize> {
    let mut keys: BTreeMap<String, (&'static Load, usize)> = BTreeMap::new();
    for (resource, count) in wanted.iter().filter(|(_, count)| *count > 0) {
        for read in resource
            .definition()
            .reads
            .iter()
            .filter(|read| read.when.is_none() && read.only_for.is_empty())
        {
            keys.entry(read.load.name()).or_insert((read.load, 0)).1 += count;
        }
    }
    let mut calls: BTreeMap<String, usize> = BTreeMap::new();
    for (load, count) in keys.values() {
        if load
            .within
            .is_some_and(|within| keys.contains_key(&within.name()))
        {
            continue;
        }
        let needed = match load.by {
            By::One(_) => *count,
            By::All => 1,
            _ => count.div_ceil(load.batch.max(1)),
        };
        *calls
            .entry(format!("{}:{}", load.service, load.operation))
            .or_default() += needed;
    }
    calls
}

/// Items by the keys that they answer.
fn by_key(load: &Load, items: &[Json]) -> BTreeMap<String, Vec<Json>> {
    let mut found: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for item in items {
        let keys: BTreeSet<String> = match look(item, load.key) {
            Some(Json::Array(keys)) => keys
                .iter()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect(),
            Some(Json::String(key)) => BTreeSet::from([key]),
            _ => BTreeSet::new(),
        };
        for key in keys {
            found.entry(key).or_default().push(item.clone());
        }
    }
    found
}

type Fetched = (Vec<Json>, BTreeMap<String, Answer>);

/// One call for these keys (several where a batch must be split); the answers by key.
async fn fetch(context: &Context, load: &'static Load, keys: Vec<String>) -> Fetched {
    let (mut all, mut answers) = (Vec::new(), BTreeMap::new());
    let mut open = vec![keys];
    // Each pass halves what failed, so it ends.
    while let Some(keys) = open.pop() {
        match items(context, load, request(load, &keys)).await {
            Ok(items) => {
                match load.by {
                    By::One(_) => {
                        answers.extend(keys.into_iter().map(|key| (key, Ok(items.clone()))))
                    }
                    By::Within(..) => {
                        let found = by_key(load, &items);
                        for key in keys {
                            let id = key.split_once('|').map_or(key.as_str(), |(_, id)| id);
                            let items = found.get(id).cloned().unwrap_or_default();
                            answers.insert(key, Ok(items));
                        }
                    }
                    By::Filter(_) | By::KeyFilter(..) | By::Ids(_) | By::All => {
                        let mut found = by_key(load, &items);
                        for key in keys {
                            let items = found.remove(&key).unwrap_or_default();
                            answers.insert(key, Ok(items));
                        }
                    }
                }
                all.extend(items);
            }
            Err(error) if error.code().is_some_and(|code| load.gone.contains(&code)) => {
                if keys.len() < 2 {
                    answers.extend(keys.into_iter().map(|key| (key, Ok(Vec::new()))));
                } else {
                    let (left, right) = keys.split_at(keys.len() / 2);
                    open.push(right.to_vec());
                    open.push(left.to_vec());
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                answers.extend(keys.into_iter().map(|key| (key, Err(Arc::clone(&error)))));
            }
        }
    }
    (all, answers)
}

fn request(load: &Load, keys: &[String]) -> Map<String, Json> {
    let mut input = Map::new();
    for (name, value) in load.fixed {
        input.insert((*name).to_owned(), value.to_json());
    }
    match load.by {
        By::Filter(name) => {
            let filter = json!({"Name": name, "Values": keys});
            let member = filter_member(load);
            match input.get_mut(member) {
                Some(Json::Array(filters)) => filters.push(filter),
                _ => {
                    input.insert(member.to_owned(), json!([filter]));
                }
            }
        }
        By::KeyFilter(member, name) => {
            input.insert(member.to_owned(), json!([{"Key": name, "Values": keys}]));
        }
        By::Ids(name) => put(&mut input, &[name.to_owned()], json!(keys)),
        By::Within(scope, ids) => {
            let split = keys
                .iter()
                .map(|key| key.split_once('|').unwrap_or(("", key)));
            let (scopes, names): (Vec<&str>, Vec<&str>) = split.unzip();
            if let Some(first) = scopes.first() {
                input.insert(scope.to_owned(), (*first).into());
            }
            input.insert(ids.to_owned(), json!(names));
        }
        By::One(members) => {
            let parts = keys
                .first()
                .map(|key| key.splitn(members.len().max(1), '|').collect::<Vec<_>>())
                .unwrap_or_default();
            for (name, part) in members.iter().zip(parts) {
                let list = member_is_list(load, name);
                input.insert(
                    (*name).to_owned(),
                    if list { json!([part]) } else { part.into() },
                );
            }
        }
        By::All => {}
    }
    input
}

/// EC2 calls it `Filters`, DescribeNatGateways `Filter`.
pub(crate) fn filter_member(load: &Load) -> &'static str {
    if has_member(load, "Filters") {
        "Filters"
    } else {
        "Filter"
    }
}

fn has_member(load: &Load, name: &str) -> bool {
    let service = payctl_api::service(load.service);
    let input = service.and_then(|service| service.input(service.operation(load.operation)?));
    input.is_some_and(|shape| shape.member_named(name).is_some())
}

fn member_is_list(load: &Load, name: &str) -> bool {
    let Some(service) = payctl_api::service(load.service) else {
        return false;
    };
    let input = service
        .operation(load.operation)
        .and_then(|operation| service.input(operation));
    let member = input.and_then(|shape| shape.member_named(name));
    member.is_some_and(|member| service.shape(&member.shape).kind == payctl_api::Kind::List)
}

/// No answer of AWS has more pages; a server that never ends must not hang payctl.
const PAGES: usize = 10_000;

/// All items of all pages.
pub(crate) async fn items(
    context: &Context,
    load: &Load,
    mut input: Map<String, Json>,
) -> Result<Vec<Json>> {
    let paginator =
        payctl_api::service(load.service).and_then(|service| service.paginator(load.operation));
    let mut found = Vec::new();
    for _ in 0..PAGES {
        let answer = context
            .read(load.service, load.operation, Json::Object(input.clone()))
            .await?;
        match (load.items, look(&answer, load.items)) {
            ("", _) => found.push(answer.clone()),
            (_, Some(Json::Array(items))) => found.extend(items),
            (_, Some(Json::Null) | None) => {}
            (_, Some(item)) => found.push(item),
        }
        if !load.also.is_empty()
            && let Some(Json::Array(more)) = look(&answer, load.also)
        {
            found.extend(more);
        }
        let Some(paginator) = paginator.filter(|_| !load.items.is_empty()) else {
            break;
        };
        let mut more = false;
        for (output, input_name) in paginator.output_token.iter().zip(&paginator.input_token) {
            match look(&answer, output) {
                Some(Json::String(token)) if !token.is_empty() => {
                    input.insert(input_name.clone(), token.into());
                    more = true;
                }
                _ => {
                    input.remove(input_name);
                }
            }
        }
        if !more {
            break;
        }
    }
    Ok(found)
}
