//! What requests do: the registry's handlers, for every type alike.

use std::collections::BTreeMap;

use payctl_model::facts::TypeFacts;
use payctl_model::{PropertyPath, Value};
use serde_json::{Map, Value as Json, json};

use super::requests::{self, Outcome};
use super::{
    CREATE_ONLY, ONE_AT_A_TIME, RESOURCE, key_of, model, object, page, patch, progress, type_of,
};
use crate::call::{Call, uuid};
use crate::error::{Answer, Refusal};
use crate::tags;
use crate::world::{Key, Record, Step};

/// How many seconds a request takes.
const TAKES: f64 = 4.0;

pub(super) fn create(call: &mut Call) -> Answer {
    let facts = type_of(call, "CREATE")?;
    let mut desired = Json::Object(object(call, "DesiredState")?);
    let said = json!({"TypeName": facts.name, "DesiredState": desired});
    if let Some(event) = requests::before(call, &said)? {
        return progress(event);
    }
    model::check_desired(&facts, &desired)?;
    let failure = model::missing_name(call, &facts, &desired);
    let digits = call.derive(&format!("cloudcontrol {said}"));
    model::complete(call, &facts, &mut desired, &digits);
    let id = facts.identifier(&Value::from(desired.clone()));
    let id = id.map_or_else(|| uuid(&digits), |id| id.to_string());
    let key = key_of(call, &facts.name, &id);
    let taken = call.world.get(&key).is_some();
    let failure = failure.or_else(|| {
        let message = format!(
            "Resource of type '{}' with identifier '{id}' already exists.",
            facts.name
        );
        taken.then(|| ("AlreadyExists".to_owned(), message))
    });
    let failed = failure.is_some();
    let outcome = Outcome {
        operation: "CREATE",
        type_name: &facts.name,
        // A handler that refuses what is there already tells of it all the same.
        identifier: (!failed || taken).then_some(id.as_str()),
        takes: TAKES,
        failure,
        said: &said,
    };
    let event = requests::begin(call, &outcome);
    if failed {
        return progress(event);
    }
    let (tags, body) = split_tags(&facts, desired);
    let arn = model::arn(call, &facts, &Json::Object(body.clone()), &id);
    let record = Record {
        id: key.id.clone(),
        arn,
        body,
        tags,
        created: call.now,
        hidden: busy(&facts.name, &id),
        steps: vec![Step::event(call.now + TAKES, "done")],
        ..Record::default()
    };
    call.world.put(key, record);
    requests::concerns(call, &event, &id);
    progress(event)
}

/// What a resource is known by, and that a request is under way.
fn busy(type_name: &str, id: &str) -> Map<String, Json> {
    Map::from_iter([
        ("Type".to_owned(), type_name.into()),
        ("Identifier".to_owned(), id.into()),
        ("Busy".to_owned(), true.into()),
    ])
}

/// A request on a resource comes to its end.
pub(super) fn on_event(call: &mut Call, key: &Key, _: &str) {
    call.world.update(key, |record| {
        record.hidden.remove("Busy");
        if let Some(Json::Object(next)) = record.hidden.remove("Next") {
            record.body = next;
        }
        if let Some(next) = record.hidden.remove("NextTags") {
            record.tags = tags::read(&next);
        }
    });
}

/// The tags of a model, and the model, whose tags stay in it as they were sent.
fn split_tags(facts: &TypeFacts, model: Json) -> (BTreeMap<String, String>, Map<String, Json>) {
    let body = model.as_object().cloned().unwrap_or_default();
    let member = facts.tagging.property.as_ref().and_then(PropertyPath::head);
    let sent = member.and_then(|name| body.get(name));
    (sent.map(tags::read).unwrap_or_default(), body)
}

/// The model as it is read: tags as they are now, without what AWS never tells.
fn told(facts: &TypeFacts, record: &Record) -> Json {
    let mut body = record.body.clone();
    let member = facts.tagging.property.as_ref().and_then(PropertyPath::head);
    if let Some(name) = member {
        let sent = body.remove(name);
        let shown = match sent {
            Some(Json::Object(_)) => json!(record.tags),
            sent if !record.tags.is_empty() => listed(sent.as_ref(), &record.tags),
            sent => sent
                .filter(Json::is_array)
                .map_or(Json::Null, |_| json!([])),
        };
        if !shown.is_null() {
            body.insert(name.to_owned(), shown);
        }
    }
    let mut body = Json::Object(body);
    for path in &facts.write_only {
        model::take(&mut body, path.steps());
    }
    body
}

/// A list of tags: what was sent of each stays beside its key.
fn listed(sent: Option<&Json>, tags: &BTreeMap<String, String>) -> Json {
    let sent = sent.and_then(Json::as_array);
    let known = |key: &str| {
        let mut items = sent.into_iter().flatten();
        items.find(|item| item["Key"] == key).cloned()
    };
    let items = tags.iter().map(|(key, value)| {
        let mut item = known(key).unwrap_or_else(|| json!({"Key": key}));
        item["Value"] = value.as_str().into();
        item
    });
    items.collect()
}

/// The resource that a request names.
fn named(call: &Call, facts: &TypeFacts) -> Result<(String, Key, Record), Refusal> {
    let id = identifier(call, facts);
    let key = key_of(call, &facts.name, &id);
    let record = call.world.get(&key).cloned();
    let missing = || {
        RESOURCE
            .not_found
            .with(&[("type", &facts.name), ("id", &id)])
    };
    let record = record.ok_or_else(missing)?;
    Ok((id, key, record))
}

/// "Primary identifiers can be specified as a string or JSON" (API reference, GetResource, Identifier).
fn identifier(call: &Call, facts: &TypeFacts) -> String {
    let text = call.text("Identifier").unwrap_or_default();
    match serde_json::from_str::<Json>(text) {
        Ok(json @ Json::Object(_)) => facts
            .identifier(&Value::from(json))
            .map_or_else(|| text.to_owned(), |id| id.to_string()),
        _ => text.to_owned(),
    }
}

pub(super) fn get(call: &mut Call) -> Answer {
    let facts = type_of(call, "READ")?;
    let (id, _, record) = named(call, &facts)?;
    let properties = told(&facts, &record).to_string();
    Ok(json!({
        "TypeName": facts.name,
        "ResourceDescription": {"Identifier": id, "Properties": properties},
    }))
}

fn check_free(facts: &TypeFacts, id: &str, record: &Record) -> Result<(), Refusal> {
    match record.hidden.contains_key("Busy") {
        true => Err(ONE_AT_A_TIME
            .fault
            .with(&[("type", &facts.name), ("id", id)])),
        false => Ok(()),
    }
}

pub(super) fn update(call: &mut Call) -> Answer {
    let facts = type_of(call, "UPDATE")?;
    let (id, key, record) = named(call, &facts)?;
    let document = call.text("PatchDocument").unwrap_or_default();
    let Ok(Json::Array(operations)) = serde_json::from_str(document) else {
        let message = "PatchDocument must be a JSON array of operations";
        return Err(Refusal::new("InvalidRequestException", message));
    };
    let said = json!({"TypeName": facts.name, "Identifier": id, "PatchDocument": operations});
    if let Some(event) = requests::before(call, &said)? {
        return progress(event);
    }
    check_free(&facts, &id, &record)?;
    // The patch is applied to what reading tells: what it does not tell is lost unless the patch has it.
    let before = without_empty_tags(&facts, told(&facts, &record));
    let refused = |message: String| Refusal::new("ValidationException", message);
    let mut after = patch::apply(&before, &operations).map_err(refused)?;
    let set_by_aws = |path: &&PropertyPath| !facts.is_create_only(path);
    let read_only = facts.read_only.iter().filter(set_by_aws);
    let read_only = changed(read_only, &before, &after);
    if let Some(path) = read_only {
        let what = format!(
            "readOnlyProperties [/properties/{}]",
            path.to_string().replace('.', "/")
        );
        return Err(refused(format!(
            "Invalid patch update: {what} cannot be updated"
        )));
    }
    if let Some(path) = changed(facts.create_only.iter(), &before, &after) {
        let what = format!("/properties/{}", path.to_string().replace('.', "/"));
        return Err(CREATE_ONLY.fault.with(&[("what", &what)]));
    }
    model::check_patched(&facts, &before, &after)?;
    let failure = model::missing_name(call, &facts, &model::changed_alone(&before, &after));
    let failed = failure.is_some();
    let outcome = Outcome {
        operation: "UPDATE",
        type_name: &facts.name,
        identifier: Some(&id),
        takes: TAKES,
        failure,
        said: &said,
    };
    let event = requests::begin(call, &outcome);
    if !failed {
        let digits = call.derive(&format!("cloudcontrol update {said}"));
        model::complete(call, &facts, &mut after, &digits);
        let (tags, body) = split_tags(&facts, after);
        let done = Step::event(call.now + TAKES, "done");
        call.world.update(&key, |record| {
            record.hidden.insert("Busy".into(), true.into());
            record.hidden.insert("Next".into(), Json::Object(body));
            record.hidden.insert("NextTags".into(), json!(tags));
            record.steps.push(done);
        });
        requests::concerns(call, &event, &id);
    }
    progress(event)
}

/// AWS leaves an empty list of tags out of what it applies a patch to
/// (<https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2236>).
fn without_empty_tags(facts: &TypeFacts, mut model: Json) -> Json {
    let member = facts.tagging.property.as_ref().and_then(PropertyPath::head);
    if let (Some(name), Some(members)) = (member, model.as_object_mut()) {
        let is_empty = members.get(name) == Some(&json!([]));
        members.retain(|key, _| !(is_empty && key == name));
    }
    model
}

/// The first of these properties that a patch changes.
fn changed<'p>(
    mut paths: impl Iterator<Item = &'p PropertyPath>,
    before: &Json,
    after: &Json,
) -> Option<&'p PropertyPath> {
    let (before, after) = (Value::from(before.clone()), Value::from(after.clone()));
    paths.find(|path| before.at(path) != after.at(path))
}

pub(super) fn delete(call: &mut Call) -> Answer {
    let facts = type_of(call, "DELETE")?;
    let id = identifier(call, &facts);
    let said = json!({"TypeName": facts.name, "Identifier": id});
    if let Some(event) = requests::before(call, &said)? {
        return progress(event);
    }
    let key = key_of(call, &facts.name, &id);
    let record = call.world.get(&key).cloned();
    if let Some(record) = &record {
        check_free(&facts, &id, record)?;
    }
    // What is not there is told by the handler (CloudFormation CLI User Guide, "Resource type handler contract", delete).
    let failure = record.is_none().then(|| {
        let message = format!(
            "Resource of type '{}' with identifier '{id}' was not found.",
            facts.name
        );
        ("NotFound".to_owned(), message)
    });
    let outcome = Outcome {
        operation: "DELETE",
        type_name: &facts.name,
        identifier: Some(&id),
        takes: TAKES,
        failure,
        said: &said,
    };
    let event = requests::begin(call, &outcome);
    let gone = Step::gone(call.now + TAKES);
    call.world.update(&key, |record| {
        record.hidden.insert("Busy".into(), true.into());
        record.steps.push(gone);
    });
    requests::concerns(call, &event, &id);
    progress(event)
}

pub(super) fn list(call: &mut Call) -> Answer {
    let facts = type_of(call, "LIST")?;
    let records = call.list(RESOURCE.name).filter(|record| {
        record.hidden.get("Type").and_then(Json::as_str) == Some(facts.name.as_str())
    });
    let mut shown: Vec<(String, Json)> = records
        .map(|record| {
            let id = record.hidden.get("Identifier").cloned().unwrap_or_default();
            let properties = told(&facts, record).to_string();
            (
                record.id.clone(),
                json!({"Identifier": id, "Properties": properties}),
            )
        })
        .collect();
    let next = page(call, &mut shown)?;
    let shown: Vec<Json> = shown.into_iter().map(|(_, one)| one).collect();
    Ok(json!({"TypeName": facts.name, "ResourceDescriptions": shown, "NextToken": next}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_keep_what_was_sent_beside_them() {
        let sent = json!([{"Key": "a", "Value": "1", "PropagateAtLaunch": true}]);
        let tags = BTreeMap::from([
            ("a".to_owned(), "2".to_owned()),
            ("b".to_owned(), "3".to_owned()),
        ]);
        let shown = listed(Some(&sent), &tags);
        let expected = json!([
            {"Key": "a", "Value": "2", "PropagateAtLaunch": true},
            {"Key": "b", "Value": "3"},
        ]);
        assert_eq!(shown, expected);
    }
}
