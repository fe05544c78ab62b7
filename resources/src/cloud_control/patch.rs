//! The patch document of an update (RFC 6902). Cloud Control reads the resource, applies the patch to what its read handler
//! told, and gives the result to the update handler (User Guide, "Updating a resource"). So:
//! - only what changes is in it; lists go as a whole, since nothing says which item of the live ones is which;
//! - what reading does not tell has to be in every patch, or the handler does not see it (the same page: write-only properties);
//! - what is not there when AWS reads can be added and not replaced.

use std::collections::BTreeSet;

use payctl_model::facts::{Kind, TypeFacts};
use payctl_model::{PropertyPath, Step};
use serde_json::{Value as Json, json};

/// The operations that make `live` what is desired at the changed places; none where nothing has to change.
pub(super) fn of(
    facts: &TypeFacts,
    live: &Json,
    desired: &Json,
    changed: &[PropertyPath],
) -> Vec<Json> {
    let mut places: BTreeSet<Vec<String>> = changed
        .iter()
        .map(|path| place(facts, live, path))
        .filter(|place| !place.is_empty())
        .filter(|place| at(live, place).is_some() || at(desired, place).is_some())
        .collect();
    if places.is_empty() {
        return Vec::new();
    }
    places = places
        .into_iter()
        .map(|place| whole_choice(facts, live, desired, place))
        .collect();
    places.extend(untold(facts, live, desired));
    places.extend(refused(facts, live, desired));
    // What stands within another place goes with it.
    let within =
        |place: &[String]| (1..place.len()).any(|length| places.contains(&place[..length]));
    let places = places.iter().filter(|place| !within(place));
    places
        .filter_map(|place| operation(facts, live, desired, place))
        .collect()
}

fn operation(facts: &TypeFacts, live: &Json, desired: &Json, place: &[String]) -> Option<Json> {
    let is_empty = |value: &Json| {
        value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(serde_json::Map::is_empty)
    };
    let path = pointer(place);
    let told = at(live, place);
    match at(desired, place) {
        // AWS leaves empty ones out of what it applies the patch to, and adding writes over what is there (RFC 6902, 4.1).
        Some(value) => {
            let write_only = facts.is_write_only(&property(place));
            let replaces = told.is_some_and(|told| !is_empty(told)) && !write_only;
            let op = if replaces { "replace" } else { "add" };
            Some(json!({"op": op, "path": path, "value": value}))
        }
        None => told.map(|_| json!({"op": "remove", "path": path})),
    }
}

/// Where a change is written: as deep as what is live goes in maps of named properties.
fn place(facts: &TypeFacts, live: &Json, path: &PropertyPath) -> Vec<String> {
    let mut place = Vec::new();
    let mut here = Some(live);
    for step in path.steps() {
        let Step::Key(key) = step else { break };
        if !here.is_some_and(Json::is_object) || !place.is_empty() && is_document(facts, &place) {
            break;
        }
        here = here.and_then(|here| here.get(key));
        place.push(key.clone());
    }
    place
}

/// What is one of several things becomes another one as a whole: the member that said what it was does not stay beside the new one.
fn whole_choice(facts: &TypeFacts, live: &Json, desired: &Json, place: Vec<String>) -> Vec<String> {
    let is_choice = |place: &[String]| {
        let Some(schema) = facts.schema_at(&property(place)) else {
            return false;
        };
        let alternatives = !schema.one_of.is_empty() || schema.max_properties == Some(1);
        let mut members = schema.properties.values();
        let all_maps = schema.required.is_empty()
            && members.len() > 1
            && members.all(|member| facts.resolve(member).is_object());
        alternatives || all_maps
    };
    let chooses_other = |place: &[String]| {
        let (Some(Json::Object(live)), Some(Json::Object(desired))) =
            (at(live, place), at(desired, place))
        else {
            return false;
        };
        desired.keys().any(|key| !live.contains_key(key))
            && live.keys().any(|key| !desired.contains_key(key))
    };
    let cut = (1..place.len())
        .find(|length| is_choice(&place[..*length]) && chooses_other(&place[..*length]));
    match cut {
        Some(length) => place[..length].to_vec(),
        None => place,
    }
}

/// Whether a document stands there, which means something as a whole only.
fn is_document(facts: &TypeFacts, place: &[String]) -> bool {
    let schema = facts.schema_at(&property(place));
    schema.is_none_or(|schema| {
        schema.is_free_form() || !schema.kinds.is_empty() && schema.allows(Kind::String)
    })
}

/// What is declared and AWS does not tell. What only a new resource can have is left out: adding it would be a change of it.
fn untold(facts: &TypeFacts, live: &Json, desired: &Json) -> Vec<Vec<String>> {
    let declared = facts
        .write_only
        .iter()
        .filter(|path| !facts.is_create_only(path) && reaches(desired, path.steps()));
    declared.map(|path| place(facts, live, path)).collect()
}

/// Whether something stands at a pattern.
fn reaches(value: &Json, steps: &[Step]) -> bool {
    match (steps.split_first(), value) {
        (None, _) => true,
        (Some((Step::Key(key), rest)), Json::Object(map)) => {
            map.get(key).is_some_and(|inner| reaches(inner, rest))
        }
        (Some((Step::Index(at), rest)), Json::Array(items)) => {
            items.get(*at).is_some_and(|inner| reaches(inner, rest))
        }
        (Some((Step::Any, rest)), Json::Array(items)) => {
            items.iter().any(|inner| reaches(inner, rest))
        }
        (Some((Step::Any, rest)), Json::Object(map)) => {
            map.values().any(|inner| reaches(inner, rest))
        }
        _ => false,
    }
}

/// What AWS tells in a way that its own schema refuses (empty lists of tags where the service tells none), so that no patch would be
/// accepted that leaves it as it is.
fn refused(facts: &TypeFacts, live: &Json, desired: &Json) -> Vec<Vec<String>> {
    let members = live.as_object().into_iter().flatten();
    let members = members.filter(|(name, value)| {
        let path = PropertyPath::root().key(name.as_str());
        let least = facts.schema_at(&path).and_then(|schema| schema.min_items);
        let is_tags = facts.tagging.property.as_ref() == Some(&path);
        let hidden = is_tags && desired.get(name.as_str()).is_some();
        value.as_array().is_some_and(Vec::is_empty)
            && (least.is_some_and(|least| least > 0) || hidden)
            && !facts.is_read_only(&path)
            && !facts.is_create_only(&path)
    });
    members.map(|(name, _)| vec![name.clone()]).collect()
}

fn at<'j>(value: &'j Json, place: &[String]) -> Option<&'j Json> {
    place.iter().try_fold(value, |value, key| value.get(key))
}

fn property(place: &[String]) -> PropertyPath {
    place
        .iter()
        .fold(PropertyPath::root(), |path, key| path.key(key.as_str()))
}

/// RFC 6901.
fn pointer(place: &[String]) -> String {
    place
        .iter()
        .map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1")))
        .collect()
}

#[cfg(test)]
mod tests {
    use payctl_model::facts::facts;

    use super::*;

    fn patch(type_name: &str, live: Json, desired: Json, changed: &[&str]) -> Json {
        let facts = facts().get(type_name).unwrap();
        let changed: Vec<PropertyPath> = changed.iter().map(|path| (*path).into()).collect();
        of(&facts, &live, &desired, &changed).into()
    }

    #[test]
    fn only_what_changes_is_sent_as_deep_as_maps_go() {
        let live = json!({"Name": "w", "State": "ENABLED", "WorkGroupConfiguration": {
            "EnforceWorkGroupConfiguration": true, "ResultConfiguration": {"OutputLocation": "s3://old"}}});
        let desired = json!({"Name": "w", "WorkGroupConfiguration": {
            "ResultConfiguration": {"OutputLocation": "s3://new"}, "BytesScannedCutoffPerQuery": 10_000_000}});
        let changed = [
            "WorkGroupConfiguration.ResultConfiguration.OutputLocation",
            "WorkGroupConfiguration.BytesScannedCutoffPerQuery",
        ];
        assert_eq!(
            patch("AWS::Athena::WorkGroup", live, desired, &changed),
            json!([
                {"op": "add", "path": "/WorkGroupConfiguration/BytesScannedCutoffPerQuery", "value": 10_000_000},
                {"op": "replace", "path": "/WorkGroupConfiguration/ResultConfiguration/OutputLocation", "value": "s3://new"},
            ])
        );
    }

    #[test]
    fn what_is_declared_no_more_is_removed_and_what_was_never_there_is_not() {
        let live = json!({"Name": "w", "Description": "old"});
        let desired = json!({"Name": "w"});
        let changed = ["Description", "State"];
        assert_eq!(
            patch("AWS::Athena::WorkGroup", live, desired, &changed),
            json!([{"op": "remove", "path": "/Description"}])
        );
    }

    /// <https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2236>
    #[test]
    fn what_is_empty_is_added_to_and_not_replaced() {
        let live = json!({"RestApiId": "r", "Tags": []});
        let desired = json!({"RestApiId": "r", "Tags": [{"Key": "a", "Value": "b"}]});
        assert_eq!(
            patch("AWS::ApiGateway::Stage", live, desired, &["Tags.0"]),
            json!([{"op": "add", "path": "/Tags", "value": [{"Key": "a", "Value": "b"}]}])
        );
    }

    /// <https://github.com/go-to-k/cdkd/issues/809>, terraform-provider-awscc pull request 1737.
    #[test]
    fn what_aws_never_tells_is_in_every_patch_and_alone_in_none() {
        let type_name = "AWS::ElastiCache::ReplicationGroup";
        let live = json!({"ReplicationGroupId": "g", "ReplicationGroupDescription": "a"});
        let desired = json!({"ReplicationGroupDescription": "b", "AuthToken": "t"});
        let changed = ["ReplicationGroupDescription"];
        assert_eq!(
            patch(type_name, live.clone(), desired.clone(), &changed),
            json!([
                {"op": "add", "path": "/AuthToken", "value": "t"},
                {"op": "replace", "path": "/ReplicationGroupDescription", "value": "b"},
            ])
        );
        assert_eq!(patch(type_name, live, desired, &[]), json!([]));
    }

    #[test]
    fn another_choice_takes_the_place_of_the_first_one() {
        let live =
            json!({"DefaultAction": {"Allow": {"CustomRequestHandling": {"InsertHeaders": []}}}});
        let desired =
            json!({"DefaultAction": {"Block": {"CustomResponse": {"ResponseCode": 403}}}});
        let changed = [
            "DefaultAction.Allow.CustomRequestHandling",
            "DefaultAction.Block.CustomResponse.ResponseCode",
        ];
        assert_eq!(
            patch("AWS::WAFv2::WebACL", live, desired.clone(), &changed),
            json!([{"op": "replace", "path": "/DefaultAction", "value": desired["DefaultAction"]}])
        );
    }

    #[test]
    fn names_are_escaped_as_pointers_are() {
        assert_eq!(pointer(&["a/b".into(), "c~d".into()]), "/a~1b/c~0d");
    }
}
