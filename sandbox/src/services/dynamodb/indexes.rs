//! Indexes of tables.

use super::tables::{KIND, sort_definitions, warm};
use crate::call::Call;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// The names of a key's attributes.
pub(super) fn key_names(schema: &[Json]) -> impl Iterator<Item = &str> {
    schema
        .iter()
        .filter_map(|key| key["AttributeName"].as_str())
}

fn schema(of: &Json) -> &[Json] {
    of["KeySchema"].as_array().map_or(&[], Vec::as_slice)
}

fn list<'a>(members: &'a Map<String, Json>, name: &str) -> &'a [Json] {
    let list = members.get(name).and_then(Json::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// The keys of a table and of its indexes: `table`, `local`, `global`.
pub(super) fn schemas(members: &Map<String, Json>) -> Vec<(&'static str, &[Json])> {
    let local = list(members, "LocalSecondaryIndexes")
        .iter()
        .map(|index| ("local", schema(index)));
    let global = list(members, "GlobalSecondaryIndexes")
        .iter()
        .map(|index| ("global", schema(index)));
    let table = ("table", list(members, "KeySchema"));
    std::iter::once(table).chain(local).chain(global).collect()
}

/// The projections of all indexes that a request makes.
pub(super) fn projections(members: &Map<String, Json>) -> Vec<&Json> {
    let made = list(members, "LocalSecondaryIndexes")
        .iter()
        .chain(list(members, "GlobalSecondaryIndexes"));
    let created = list(members, "GlobalSecondaryIndexUpdates")
        .iter()
        .filter_map(|update| update.get("Create"));
    made.chain(created)
        .filter_map(|index| index.get("Projection"))
        .collect()
}

/// The attributes that are keys of a table or of its indexes.
pub(super) fn definitions_used(table: &Record) -> BTreeSet<String> {
    let schemas = schemas(&table.body);
    let names = schemas.iter().flat_map(|(_, schema)| key_names(schema));
    names.map(str::to_owned).collect()
}

/// An index has been filled, changed or deleted.
pub(super) fn settle(call: &mut Call, table: &str, name: &str) {
    call.update(KIND, table, |table| {
        let indexes = table.list_mut("GlobalSecondaryIndexes");
        indexes.retain(|index| index["IndexName"] != name || index["IndexStatus"] != "DELETING");
        for index in indexes
            .iter_mut()
            .filter(|index| index["IndexName"] == name)
        {
            index["IndexStatus"] = json!("ACTIVE");
            if let Some(members) = index.as_object_mut() {
                members.remove("Backfilling");
            }
        }
        sort_definitions(table);
        warm(table);
    });
}
