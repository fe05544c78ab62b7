//! What every kind has in common: create, describe, modify, delete and tags, driven by the declarations.

mod delete;
mod describe;

use delete::delete;
pub(crate) use delete::remove;
use describe::describe;

use crate::call::{Call, digest, uuid};
use crate::error::{Answer, Refusal};
use crate::kind::{Does, Id, Kind, Operation, Shows};
use crate::path;
use crate::registry;
use crate::tags;
use crate::world::{Key, Record, Step, Token, World};
use serde_json::{Map, Value as Json, json};

/// Runs the call's operation.
pub(crate) fn dispatch(call: &mut Call) -> Answer {
    let Some((service, kind, operation)) = registry::operation(call.service, &call.operation)
    else {
        let message = format!(
            "The simulated AWS does not know {} of {}.",
            call.operation, call.service
        );
        return Err(Refusal::new("NotImplemented", message).status(501));
    };
    let token = kind.map_or("", |kind| {
        if matches!(operation.does, Does::Create) {
            kind.token
        } else {
            ""
        }
    });
    let token = call.text(token).map(str::to_owned);
    let name = token.as_ref().map(|token| {
        format!(
            "{} {} {}:{} {token}",
            call.account, call.region, call.service, call.operation
        )
    });
    let parameters = digest(&[&path::canonical(&Json::Object(call.input.clone()))]);
    if let Some(used) = name.as_ref().and_then(|name| call.world.tokens.get(name)) {
        if used.parameters == parameters {
            return Ok(used.answer.clone());
        }
        return Err(service
            .token_mismatch
            .with(&[("token", token.as_deref().unwrap_or_default())]));
    }
    if let Some(summon) = kind.and_then(|kind| kind.on_demand) {
        for name in named(&call.input, operation.key) {
            summon(call, &name);
        }
    }
    for law in service.laws {
        if law.operations.contains(&operation.name)
            && let Some(check) = law.check
        {
            check(call, law)?;
        }
    }
    if call.input.get("DryRun") == Some(&Json::Bool(true)) && call.service == "ec2" {
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::new("DryRunOperation", message).status(412));
    }
    let answer = match (operation.does, kind) {
        (Does::Run(code), _) => code(call),
        (Does::Tag | Does::Untag | Does::ListTags, kind) => tags::operate(call, kind, operation),
        (Does::Create, Some(kind)) => create(call, kind, operation),
        (Does::Describe, Some(kind)) => describe(call, service, kind, operation),
        (Does::Get, Some(kind)) => get(call, kind, operation),
        (Does::Modify, Some(kind)) => modify(call, kind, operation),
        (Does::Delete, Some(kind)) => delete(call, kind, operation),
        (_, None) => Err(Refusal::new(
            "NotImplemented",
            "The operation is declared without a kind.",
        )
        .status(501)),
    }?;
    if let Some(name) = name {
        call.world.tokens.insert(
            name,
            Token {
                parameters,
                answer: answer.clone(),
            },
        );
    }
    Ok(answer)
}

/// The record as the API shows it.
pub(crate) fn show(call: &Call, kind: &'static Kind, record: &Record) -> Json {
    let mut body = record.body.clone();
    tags::show(kind, record, &mut body);
    if let Some(code) = kind.show {
        code(call, record, &mut body);
    }
    Json::Object(body)
}

/// The answer that shows one record.
pub(crate) fn answer(
    call: &Call,
    kind: &'static Kind,
    operation: &Operation,
    record: &Record,
) -> Json {
    match operation.shows {
        Shows::Nothing => json!({}),
        Shows::Return => json!({"Return": true}),
        Shows::Record => show(call, kind, record),
        Shows::In(member) => json!({member: show(call, kind, record)}),
        Shows::List(member) => json!({member: [show(call, kind, record)]}),
        Shows::Listed(member, what) => json!({member: path::texts(&record.body, what)}),
        Shows::With(code) => code(call, record),
    }
}

fn create(call: &mut Call, kind: &'static Kind, operation: &'static Operation) -> Answer {
    let mut members = call.input.clone();
    if let Some(before) = operation.before {
        before(call, &mut members)?;
    }
    let (key, new) = make(call, kind, Some(operation), members)?;
    if let Some(done) = operation.done.filter(|_| new) {
        done(call, &key)?;
    }
    let record = call
        .world
        .get(&key)
        .ok_or_else(|| kind.not_found.with(&[("id", &key.id)]))?;
    Ok(answer(call, kind, operation, record))
}

/// Makes a record of members; says whether it is new, or an existing one that AWS answers with (`same_is_fine`). (The members come tags in the form in which the kind's requests carry them.)
pub(crate) fn make(
    call: &mut Call,
    kind: &'static Kind,
    operation: Option<&'static Operation>,
    mut members: Map<String, Json>,
) -> Result<(Key, bool), Refusal> {
    let asked = path::canonical(&Json::Object(members.clone()));
    let tags = tags::take(kind, &mut members)?;
    let token = members.remove(kind.token);
    let mut body = match kind.defaults.map(|defaults| defaults(call)) {
        Some(Json::Object(defaults)) => defaults,
        _ => Map::new(),
    };
    merge(&mut body, members, operation);
    summon_references(call, kind, &body);
    check_references(call, kind, &body, None)?;
    if let Some(other) = check_unique(call, kind, &body, None)? {
        return Ok((other, false));
    }
    if let Some((limit, fault)) = &kind.limit
        && call.list(kind.name).count() >= *limit
    {
        return Err(fault.with(&[("limit", &limit.to_string())]));
    }
    let digits = match kind.id {
        Id::Member(_) => String::new(),
        _ => call.derive(&format!("{} {asked}", kind.name)),
    };
    let id = match &kind.id {
        Id::Hex(prefix) => format!("{prefix}{}", &digits[..17]),
        Id::Uuid => uuid(&digits),
        Id::Member(member) => path::text(&body, member).unwrap_or_default().to_owned(),
        Id::Made(code) => code(call, &body, &digits)?,
    };
    let mut record = Record {
        id: id.clone(),
        body,
        tags,
        created: call.now,
        ..Record::default()
    };
    if !kind.id_member.is_empty() {
        record.set(kind.id_member, id.as_str());
    }
    if !kind.arn.is_empty() {
        record.arn = arn(call, kind, &record);
        if !kind.arn_member.is_empty() {
            record.set(kind.arn_member, record.arn.clone());
        }
    }
    if !kind.created_member.is_empty() {
        record.set(kind.created_member, call.now);
    }
    if let Some(token) = token {
        record.hidden.insert("token".into(), token);
    }
    if let Some(states) = &kind.states {
        let (state, seconds) = states.creating;
        if seconds > 0.0 {
            record.set(states.member, state);
            let event = Some("ready".to_owned());
            record.steps.push(Step {
                event,
                ..Step::set(call.now + seconds, states.member, states.ready)
            });
        } else {
            record.set(states.member, states.ready);
        }
    }
    if let Some(prepare) = operation.and_then(|operation| operation.prepare) {
        prepare(call, &mut record)?;
    }
    let key = World::key(kind, &call.account, &call.region, &record.id);
    if call.world.get(&key).is_some_and(|other| !other.dead) {
        // A kind whose identifier is a name declares what AWS answers (`unique`); this keeps one that forgot from losing the first.
        let message = format!("{} already exists.", record.id);
        return Err(Refusal::new("ResourceAlreadyExistsException", message));
    }
    call.world.put(key.clone(), record);
    Ok((key, true))
}

fn arn(call: &Call, kind: &Kind, record: &Record) -> String {
    let mut arn = kind
        .arn
        .replace("{partition}", call.partition())
        .replace("{region}", &call.region)
        .replace("{account}", &call.account)
        .replace("{id}", &record.id);
    while let Some((head, rest)) = arn.split_once('{') {
        let Some((member, tail)) = rest.split_once('}') else {
            break;
        };
        arn = format!("{head}{}{tail}", record.text(member));
    }
    arn
}

/// Puts what was sent over what is there: renamed, without what only steers the request.
pub(crate) fn merge(
    body: &mut Map<String, Json>,
    members: Map<String, Json>,
    operation: Option<&Operation>,
) {
    for (name, value) in members {
        let steers = matches!(
            name.as_str(),
            "DryRun" | "ClientToken" | "TagSpecifications"
        );
        let control = operation.is_some_and(|operation| operation.control.contains(&name.as_str()));
        if steers || control || value.is_null() {
            continue;
        }
        let renamed =
            operation.and_then(|operation| operation.rename.iter().find(|(from, _)| *from == name));
        match renamed {
            Some((_, to)) => path::set(body, to, value),
            None => {
                body.insert(name, value);
            }
        }
    }
}

/// Makes what AWS makes when it is first named, for what the record refers to.
fn summon_references(call: &mut Call, kind: &'static Kind, body: &Map<String, Json>) {
    for reference in kind.refers {
        if let Some(summon) = registry::kind(reference.to).and_then(|other| other.on_demand) {
            for name in path::texts(body, reference.path) {
                summon(call, &name);
            }
        }
    }
}

fn check_references(
    call: &Call,
    kind: &'static Kind,
    body: &Map<String, Json>,
    before: Option<&Map<String, Json>>,
) -> Result<(), Refusal> {
    for reference in kind.refers.iter().filter(|reference| reference.must_exist) {
        let Some(other) = registry::kind(reference.to) else {
            continue;
        };
        let known = before
            .map(|before| path::texts(before, reference.path))
            .unwrap_or_default();
        for name in path::texts(body, reference.path) {
            if !known.contains(&name) && call.find(other.name, &name).is_none() {
                return Err(reference
                    .missing
                    .as_ref()
                    .unwrap_or(&other.not_found)
                    .with(&[("id", &name)]));
            }
        }
    }
    Ok(())
}

/// Refuses a second record with the same unique members; gives the first where AWS answers with it.
fn check_unique(
    call: &Call,
    kind: &'static Kind,
    body: &Map<String, Json>,
    own: Option<&str>,
) -> Result<Option<Key>, Refusal> {
    for unique in kind.unique {
        let values: Vec<Vec<String>> = unique
            .members
            .iter()
            .map(|member| path::texts(body, member))
            .collect();
        if values.iter().all(Vec::is_empty) {
            continue;
        }
        let ids = call
            .world
            .sharing(kind, unique, body, &call.account, &call.region);
        let others = ids.iter().filter(|id| Some(id.as_str()) != own);
        let mut others = others.filter_map(|id| call.world.get(&call.key(kind.name, id)));
        let Some(other) = others.find(|other| !other.dead) else {
            continue;
        };
        if unique.same_is_fine
            && body
                .iter()
                .all(|(name, value)| other.body.get(name) == Some(value))
        {
            return Ok(Some(World::key(
                kind,
                &call.account,
                &call.region,
                &other.id,
            )));
        }
        let mut names = vec![("id", other.id.as_str())];
        let joined: Vec<String> = values.iter().map(|values| values.join(", ")).collect();
        names.extend(
            unique
                .members
                .iter()
                .copied()
                .zip(joined.iter().map(String::as_str)),
        );
        return Err(unique.fault.with(&names));
    }
    Ok(None)
}

/// The records that a member names: a text, or a list of texts.
pub(crate) fn named(input: &Map<String, Json>, member: &str) -> Vec<String> {
    match input.get(member) {
        Some(Json::Array(names)) => names.iter().map(path::plain).collect(),
        Some(Json::String(name)) => vec![name.clone()],
        _ => path::texts(input, member),
    }
}

/// The record that the operation's key names; the kind's not-found when there is none.
fn the_record<'a>(
    call: &'a Call,
    kind: &'static Kind,
    operation: &Operation,
) -> Result<&'a Record, Refusal> {
    let name = call.text(operation.key).unwrap_or_default();
    call.find(kind.name, name)
        .ok_or_else(|| kind.not_found.with(&[("id", name)]))
}

fn get(call: &mut Call, kind: &'static Kind, operation: &'static Operation) -> Answer {
    let record = the_record(call, kind, operation)?;
    Ok(answer(call, kind, operation, record))
}

fn modify(call: &mut Call, kind: &'static Kind, operation: &'static Operation) -> Answer {
    let mut record = the_record(call, kind, operation)?.clone();
    let id = record.id.clone();
    let mut members = call.input.clone();
    members.remove(operation.key);
    if let Some(before) = operation.before {
        before(call, &mut members)?;
    }
    let old = record.body.clone();
    merge(&mut record.body, members, Some(operation));
    summon_references(call, kind, &record.body);
    check_references(call, kind, &record.body, Some(&old))?;
    check_unique(call, kind, &record.body, Some(&id))?;
    if let Some(states) = &kind.states
        && let Some((state, seconds)) = states.modifying
    {
        record.set(states.member, state);
        let of_state = |step: &Step| step.set.iter().any(|(path, _)| path == states.member);
        record.steps.retain(|step| !of_state(step));
        let event = Some("ready".to_owned());
        record.steps.push(Step {
            event,
            ..Step::set(call.now + seconds, states.member, states.ready)
        });
    }
    if let Some(prepare) = operation.prepare {
        prepare(call, &mut record)?;
    }
    let key = World::key(kind, &call.account, &call.region, &id);
    if record.id != id {
        call.world.remove(&key);
    }
    let key = Key {
        id: record.id.clone(),
        ..key
    };
    call.world.put(key.clone(), record);
    if let Some(done) = operation.done {
        done(call, &key)?;
    }
    let record = call
        .world
        .get(&key)
        .ok_or_else(|| kind.not_found.with(&[("id", &key.id)]))?;
    Ok(answer(call, kind, operation, record))
}
