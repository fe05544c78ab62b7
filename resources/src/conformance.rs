//! Which property of a type is created, read back and updated: computed from the registry, the API models and the type's table.
//!
//! A sample of every property is sent through the mapping, and a sample of every member of the answers is read back; what
//! comes out on the other side is mapped. `payctl schema --json` prints the same.

use std::collections::BTreeMap;

use payctl_api::{Kind as ShapeKind, Service};
use payctl_model::facts::{Kind, Schema, TypeFacts};
use payctl_model::{PhysicalId, PropertyPath, Step};
use serde_json::{Map, Value as Json, json};

use crate::definition::{Definition, Mode, Tags};
use crate::error::Result;
use crate::generic::Type;
use crate::mapping::{Rule, look, merge, pair_names};

/// How one property is carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// It is sent when the resource is made; `None`: it cannot be declared.
    pub created: Option<bool>,
    /// It is read back; `None`: the registry says that AWS never tells it.
    pub read: Option<bool>,
    /// It changes in place; `None`: a change needs a new resource.
    pub updated: Option<bool>,
    /// Why it is refused.
    pub unsupported: Option<&'static str>,
    /// Why one of these is not so.
    pub note: Option<&'static str>,
}

impl Coverage {
    /// What is missing without a reason.
    pub fn gaps(&self) -> Vec<&'static str> {
        if self.unsupported.is_some() {
            return Vec::new();
        }
        let parts = [
            ("create", self.created),
            ("read", self.read),
            ("update", self.updated),
        ];
        parts
            .into_iter()
            .filter(|(_, mapped)| *mapped == Some(false))
            .map(|(name, _)| name)
            .collect()
    }
}

/// Schemas nested deeper than this repeat themselves.
const DEPTH: usize = 12;

/// Every property of a type, nested ones by dotted path (`*` for the items of lists).
pub fn coverage(definition: &'static Definition) -> Result<BTreeMap<String, Coverage>> {
    let of = Type::of(definition)?;
    let facts = &of.facts;
    let mut leaves = Vec::new();
    collect(
        facts,
        &facts.root,
        &PropertyPath::root(),
        &mut leaves,
        DEPTH,
    );
    let told = told(definition, &of);
    let reason = |list: &'static [(&'static str, &'static str)], path: &PropertyPath| {
        list.iter()
            .find(|(pattern, _)| PropertyPath::from(*pattern).is_prefix_of(path))
            .map(|(_, reason)| *reason)
    };
    let mut found = BTreeMap::new();
    for path in leaves {
        let read_only = facts.is_read_only(&path);
        let head = path.head().unwrap_or_default().to_owned();
        let sample = sample_at(facts, &facts.root, path.steps(), DEPTH);
        let properties = match &sample {
            Json::Object(map) => map.clone(),
            _ => Map::new(),
        };
        let is_tags = of.tag_property() == Some(head.as_str());
        let not_told = reason(definition.not_told, &path);
        let create_only = reason(definition.create_only, &path);
        let fixed = facts.is_create_only(&path);
        found.insert(
            path.to_string(),
            Coverage {
                created: (!read_only).then(|| {
                    is_tags && definition.tags != Tags::None
                        || created(&of, definition, &head, &properties)
                }),
                read: (!facts.is_write_only(&path) && not_told.is_none()).then(|| {
                    told.contains(&path.to_string())
                        || computed(definition, &path)
                        || facts.primary_identifier.contains(&path)
                        || in_identity(facts, &path)
                }),
                updated: (!read_only && !fixed && create_only.is_none()).then(|| {
                    is_tags && definition.tags != Tags::None || routed(&of, &head, &properties)
                }),
                unsupported: reason(definition.unsupported, &path),
                note: not_told.or(create_only),
            },
        );
    }
    Ok(found)
}

/// What a function makes of a description depends on texts that no sample has (a gateway id that is an endpoint's): that it
/// is there counts.
fn computed(definition: &Definition, path: &PropertyPath) -> bool {
    definition.rules.iter().any(|rule| matches!(rule, Rule::Computed(property, _) if PropertyPath::from(*property).is_prefix_of(path)))
}

fn in_identity(facts: &TypeFacts, path: &PropertyPath) -> bool {
    facts
        .primary_identifier
        .iter()
        .any(|part| part.head() == path.head())
}

/// The paths of everything in a schema that is no group of others.
fn collect(
    facts: &TypeFacts,
    schema: &Schema,
    path: &PropertyPath,
    leaves: &mut Vec<PropertyPath>,
    depth: usize,
) {
    let Some(depth) = depth.checked_sub(1) else {
        return leaves.push(path.clone());
    };
    let schema = facts.resolve(schema);
    let named = named(facts, schema);
    if !named.is_empty() {
        for (name, property) in named {
            collect(facts, property, &path.key(name), leaves, depth);
        }
    } else if let Some(items) = facts.items(schema) {
        collect(facts, items, &path.step(Step::Any), leaves, depth);
    } else {
        leaves.push(path.clone());
    }
}

fn named<'a>(facts: &'a TypeFacts, schema: &'a Schema) -> BTreeMap<&'a str, &'a Schema> {
    let mut all: BTreeMap<&str, &Schema> = BTreeMap::new();
    let own = facts.resolve(schema);
    for part in own
        .all_of
        .iter()
        .chain(&own.any_of)
        .chain(&own.one_of)
        .map(|part| facts.resolve(part))
        .chain([own])
    {
        for (name, property) in &part.properties {
            let property = facts.resolve(property);
            // Alternatives often only say what is required.
            if !all.contains_key(name.as_str()) || !property.kinds.is_empty() {
                all.insert(name, property);
            }
        }
    }
    all
}

/// A value with one leaf, at this path.
fn sample_at(facts: &TypeFacts, schema: &Schema, steps: &[Step], depth: usize) -> Json {
    let schema = facts.resolve(schema);
    let below = |step: &Step| match step {
        Step::Key(name) => facts.property(schema, name),
        _ => facts.items(schema),
    };
    match (steps.split_first(), depth.checked_sub(1)) {
        (Some((step, rest)), Some(depth)) => {
            let inner = below(step).map_or(Json::from("x"), |schema| {
                sample_at(facts, schema, rest, depth)
            });
            match step {
                Step::Key(name) => {
                    // Half a pair is none: a map in the API needs both its key and its value.
                    let mut found = Map::from_iter([(name.clone(), inner)]);
                    let names: Vec<&str> = schema.properties.keys().map(String::as_str).collect();
                    if let (2, Some((key, value))) = (names.len(), pair_names(&names)) {
                        for half in [key, value] {
                            let plain = facts
                                .property(schema, &half)
                                .is_some_and(|half| facts.resolve(half).allows(Kind::String));
                            if plain {
                                found.entry(half).or_insert_with(|| "x".into());
                            }
                        }
                    }
                    Json::Object(found)
                }
                _ => json!([inner]),
            }
        }
        _ => leaf(schema),
    }
}

fn leaf(schema: &Schema) -> Json {
    match schema.kinds.first() {
        Some(Kind::Boolean) => true.into(),
        Some(Kind::Integer | Kind::Number) => 7.into(),
        Some(Kind::Array) => json!(["x"]),
        Some(Kind::Object) => json!({"x": "x"}),
        _ => "x".into(),
    }
}

fn created(of: &Type, definition: &Definition, head: &str, properties: &Map<String, Json>) -> bool {
    if definition.create.own.contains(&head) {
        return true;
    }
    let (input, later) = of.creation(properties);
    match of.creating(properties).build {
        Some(build) => {
            // Beside what is required: some members count only then.
            let mut without = Map::new();
            for name in of.facts.root.required.iter().filter(|name| *name != head) {
                without.insert(name.clone(), "x".into());
            }
            let mut with = without.clone();
            with.extend(properties.clone());
            build(&with) != build(&without)
        }
        None if later.is_empty() => !input.is_empty(),
        None => routed(of, head, properties),
    }
}

fn routed(of: &Type, head: &str, properties: &Map<String, Json>) -> bool {
    let (routes, _) = of.route(&[head], properties);
    routes.iter().any(|(change, _)| {
        let made = change.made.iter().any(|(property, _)| *property == head);
        made || matches!(change.mode, Mode::Step(_) | Mode::Elsewhere) || {
            let placed = of.mapping().input(change.operation, properties);
            placed.unplaced.is_empty() && !placed.input.is_empty()
        }
    })
}

/// Whether a read tells a map of texts.
fn is_attribute_map(service: &'static Service, read: &crate::definition::Read) -> bool {
    let output = service
        .operation(read.load.operation)
        .and_then(|operation| operation.output.as_ref());
    let member =
        output.and_then(|output| service.shape(&output.shape).member_named(read.load.items));
    member.is_some_and(|member| service.shape(&member.shape).kind == ShapeKind::Map)
}

/// The patterns of all leaves of the model that samples of the answers give.
fn told(definition: &'static Definition, of: &Type) -> Vec<String> {
    let mut paths = Vec::new();
    let id = PhysicalId::from("x|x|x");
    let mut description = Map::new();
    let mut parts = Vec::new();
    for read in definition.reads {
        let Some(service) = payctl_api::service(read.load.service) else {
            continue;
        };
        let Some(output) = service
            .operation(read.load.operation)
            .and_then(|operation| operation.output.as_ref())
        else {
            continue;
        };
        let answer = sample(service, &output.shape, true, DEPTH + 6);
        let first = |list: &str| match look(&answer, list) {
            Some(Json::Array(items)) => items.first().cloned().unwrap_or_default(),
            other => other.unwrap_or_default(),
        };
        let mut item = first(read.load.items);
        if let (false, Json::Object(item), Json::Object(more)) =
            (read.load.also.is_empty(), &mut item, first(read.load.also))
        {
            merge(item, more);
        }
        // A selection looks for a certain id, which a sample does not have: what stands in lists of the item counts too.
        let selected = read.select.and_then(|select| select(&item, &id));
        if let (true, None, Json::Object(members)) = (read.into.is_empty(), &selected, &item) {
            parts.extend(members.values().filter_map(|member| member.get(0)).cloned());
        }
        let found = selected.unwrap_or(item);
        let found = if read.all { json!([found]) } else { found };
        match (read.into, found) {
            ("", Json::Object(mut members)) if is_attribute_map(service, read) => {
                // Its names stand in no model: the table names them.
                members.extend(definition.rules.iter().filter_map(|rule| match rule {
                    Rule::Told(_, name) | Rule::Renamed(_, name) if !name.contains(['.', '/']) => {
                        Some(((*name).to_owned(), "x".into()))
                    }
                    _ => None,
                }));
                merge(&mut description, members);
            }
            ("", Json::Object(members)) => merge(&mut description, members),
            (into, found) => {
                description.insert(into.to_owned(), found);
            }
        }
    }
    parts.push(Json::Object(description));
    for part in parts {
        flatten(
            &Json::Object(of.mapping().model(&part)),
            &PropertyPath::root(),
            &mut paths,
        );
    }
    paths
}

fn flatten(json: &Json, path: &PropertyPath, paths: &mut Vec<String>) {
    match json {
        Json::Object(map) if !map.is_empty() => map.iter().for_each(|(name, value)| {
            paths.push(path.key(name).to_string());
            flatten(value, &path.key(name), paths);
        }),
        Json::Array(items) if !items.is_empty() => items.iter().for_each(|item| {
            paths.push(path.step(Step::Any).to_string());
            flatten(item, &path.step(Step::Any), paths);
        }),
        _ => paths.push(path.to_string()),
    }
}

/// A value of a shape with everything in it; lists have one item with all flags set and one with none.
fn sample(service: &'static Service, shape: &str, flags: bool, depth: usize) -> Json {
    let Some(depth) = depth.checked_sub(1) else {
        return Json::Null;
    };
    let shape = service.shape(shape);
    match shape.kind {
        ShapeKind::Structure => Json::Object(
            shape
                .members
                .iter()
                .map(|member| {
                    (
                        member.name.clone(),
                        sample(service, &member.shape, flags, depth),
                    )
                })
                .collect(),
        ),
        ShapeKind::List => shape.member.as_ref().map_or(json!([]), |member| {
            json!([
                sample(service, &member.shape, true, depth),
                sample(service, &member.shape, false, depth)
            ])
        }),
        ShapeKind::Map => shape.value.as_ref().map_or(
            json!({}),
            |value| json!({"x": sample(service, &value.shape, flags, depth)}),
        ),
        ShapeKind::Boolean => flags.into(),
        ShapeKind::Integer
        | ShapeKind::Long
        | ShapeKind::Float
        | ShapeKind::Double
        | ShapeKind::Timestamp => 7.into(),
        ShapeKind::String | ShapeKind::Character | ShapeKind::Blob => {
            shape.variants.first().map_or("x", String::as_str).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every property of every native type is created, read and updated, or its table says why not.
    #[test]
    fn conformance() {
        let mut gaps = Vec::new();
        for resource in crate::TYPES {
            let definition = resource.definition();
            for (path, coverage) in coverage(definition).unwrap() {
                let missing = coverage.gaps();
                if !missing.is_empty() {
                    gaps.push(format!(
                        "{} {path}: {}",
                        definition.type_name,
                        missing.join(", ")
                    ));
                }
            }
        }
        assert!(gaps.is_empty(), "{} gaps:\n{}", gaps.len(), gaps.join("\n"));
    }

    /// Operations, members and properties that the tables name exist.
    #[test]
    fn tables_name_what_exists() {
        let mut wrong = Vec::new();
        for resource in crate::TYPES {
            let definition = resource.definition();
            let of = Type::of(definition).unwrap();
            let exists = |service: &str, operation: &str| {
                operation.is_empty()
                    || payctl_api::service(service)
                        .is_some_and(|service| service.operation(operation).is_some())
            };
            let own = [definition.create.operation, definition.delete.operation];
            let calls = own
                .into_iter()
                .chain(definition.updates.iter().map(|change| change.operation))
                .map(|name| (definition.service, name));
            let loads = definition
                .reads
                .iter()
                .map(|read| (read.load.service, read.load.operation));
            for (service, operation) in calls.chain(loads) {
                if !exists(service, operation) {
                    wrong.push(format!(
                        "{}: no operation {service}:{operation}",
                        definition.type_name
                    ));
                }
            }
            let rules = definition
                .needs
                .iter()
                .map(|need| need.property)
                .chain(definition.completes.iter().copied());
            let sets = definition
                .unique
                .iter()
                .flat_map(|set| set.iter().copied())
                .chain(definition.holds.iter().copied());
            let reasons = [
                definition.unsupported,
                definition.not_told,
                definition.create_only,
                definition.resets,
            ]
            .into_iter()
            .flatten();
            let after = definition
                .after
                .iter()
                .filter_map(|after| after.mine.split('>').next());
            let own = definition.create.own.iter().copied().chain(
                definition
                    .updates
                    .iter()
                    .flat_map(|change| change.takes.iter().copied()),
            );
            for path in rules
                .chain(sets)
                .chain(reasons.map(|(path, _)| *path))
                .chain(after)
                .chain(own)
                .filter(|path| !path.is_empty())
            {
                if of.facts.schema_at(&path.into()).is_none() {
                    wrong.push(format!("{}: no property {path}", definition.type_name));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
