//! Registry properties into API members and back: the same name, letter case aside. What differs is a [`Rule`].
//!
//! Both directions are directed by what AWS publishes: inputs by the shapes of the API model, models by the registry's schema.
//! Scalars are coerced (CloudFormation takes `"80"` for 80), documents become text where the API wants text, lists of pairs and
//! maps become each other, and a scalar is wrapped in `{Value: …}` where EC2 wants that.

use payctl_api::{Kind as ShapeKind, Service, Shape};
use payctl_model::facts::{Additional, Kind, Schema, TypeFacts};
use payctl_model::{PropertyPath, Step};
use serde_json::{Map, Value as Json};

/// Where a property and an API member differ. Properties are patterns (`A.*.B`). Member paths are dotted and relative to where
/// the property's parent is mapped to; with a leading `/` they start at the input or description itself. In what is read,
/// a number is a position and `*` collects from every item.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// The member is called otherwise, both ways.
    Renamed(&'static str, &'static str),
    /// The member of inputs is called otherwise. Several such rules may stand for one property, for several calls.
    Sent(&'static str, &'static str),
    /// The member of descriptions is called otherwise.
    Told(&'static str, &'static str),
    /// A function makes members of the input from the property's value; they are put at the input's top.
    Built(&'static str, fn(&Json) -> Json),
    /// A function finds the property's value in the description.
    Computed(&'static str, fn(&Json) -> Option<Json>),
    /// A list that the API writes as one text with commas.
    Commas(&'static str),
}

impl Rule {
    fn property(&self) -> &'static str {
        match self {
            Rule::Renamed(property, _) | Rule::Sent(property, _) | Rule::Told(property, _) => {
                property
            }
            Rule::Built(property, _) | Rule::Computed(property, _) | Rule::Commas(property) => {
                property
            }
        }
    }
}

/// What became of properties that were mapped to an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placed {
    /// The input.
    pub input: Map<String, Json>,
    /// Where the properties stand that the operation has no member for. Never to be dropped silently.
    pub unplaced: Vec<PropertyPath>,
}

/// The mapping of one type.
pub struct Mapping<'a> {
    facts: &'a TypeFacts,
    service: &'static Service,
    rules: &'static [Rule],
}

/// Values nested deeper than this are not mapped by name but kept as they are.
const DEPTH: usize = 40;

impl<'a> Mapping<'a> {
    /// Of a type with these facts and rules.
    pub fn new(
        facts: &'a TypeFacts,
        service: &'static Service,
        rules: &'static [Rule],
    ) -> Mapping<'a> {
        Mapping {
            facts,
            service,
            rules,
        }
    }

    /// The input of an operation for these properties.
    pub fn input(&self, operation: &str, properties: &Map<String, Json>) -> Placed {
        let shape = self
            .service
            .operation(operation)
            .and_then(|operation| self.service.input(operation));
        let mut walk = Walk {
            mapping: self,
            root: shape,
            absolute: Map::new(),
            unplaced: Vec::new(),
        };
        let mut input = Map::new();
        for (name, value) in properties {
            let kept = self.kept(name, value);
            walk.place(
                shape,
                name,
                kept.as_ref().unwrap_or(value),
                &PropertyPath::root().key(name),
                &mut input,
                DEPTH,
            );
        }
        let (absolute, unplaced) = (walk.absolute, walk.unplaced);
        merge(&mut input, absolute);
        Placed { input, unplaced }
    }

    /// A text as AWS keeps it, where the registry says that it keeps it in lower case (`MySQL` as an engine, names): not every call
    /// takes it otherwise.
    fn kept(&self, name: &str, value: &Json) -> Option<Json> {
        let lowercase = format!("$lowercase({name})");
        let path = PropertyPath::root().key(name);
        let lower = self
            .facts
            .transforms
            .iter()
            .any(|(property, written)| *property == path && *written == lowercase);
        let text = value.as_str().filter(|_| lower)?;
        Some(text.to_lowercase().into())
    }

    fn rules_at<'s>(
        &'s self,
        path: &PropertyPath,
    ) -> impl Iterator<Item = &'static Rule> + use<'s> {
        let path = path.pattern();
        self.rules
            .iter()
            .filter(move |rule| PropertyPath::from(rule.property()).matches(&path))
    }

    fn rules_below(&self, path: &PropertyPath) -> bool {
        let path = path.pattern();
        self.rules
            .iter()
            .any(|rule| path.is_prefix_of(&PropertyPath::from(rule.property())))
    }

    /// The resource model that a description tells, read-only properties included.
    pub fn model(&self, description: &Json) -> Map<String, Json> {
        let root = self.facts.resolve(&self.facts.root);
        let mut model = Map::new();
        self.tell_properties(
            root,
            description,
            &PropertyPath::root(),
            description,
            &mut model,
            DEPTH,
        );
        model
    }

    fn tell_properties(
        &self,
        schema: &Schema,
        container: &Json,
        path: &PropertyPath,
        root: &Json,
        model: &mut Map<String, Json>,
        depth: usize,
    ) {
        let Some(depth) = depth.checked_sub(1) else {
            return;
        };
        let schema = self.facts.resolve(schema);
        for (name, property) in &schema.properties {
            if model.contains_key(name) {
                continue;
            }
            let path = path.key(name);
            if let Some(value) = self.tell_property(
                self.facts.resolve(property),
                name,
                container,
                &path,
                root,
                depth,
            ) {
                model.insert(name.clone(), value);
            }
        }
        for part in schema
            .all_of
            .iter()
            .chain(&schema.any_of)
            .chain(&schema.one_of)
        {
            self.tell_properties(part, container, path, root, model, depth);
        }
    }

    fn tell_property(
        &self,
        schema: &Schema,
        name: &str,
        container: &Json,
        path: &PropertyPath,
        root: &Json,
        depth: usize,
    ) -> Option<Json> {
        let mut found = None;
        for rule in self.rules_at(path) {
            let raw = match rule {
                Rule::Computed(_, model) => model(root),
                Rule::Told(_, member) | Rule::Renamed(_, member) => {
                    match member.strip_prefix('/') {
                        Some(member) => look(root, member),
                        None => look(container, member),
                    }
                }
                Rule::Commas(_) => member(container, name).and_then(Json::as_str).map(|text| {
                    text.split(',')
                        .map(str::trim)
                        .filter(|part| !part.is_empty())
                        .map(Json::from)
                        .collect()
                }),
                Rule::Sent(..) | Rule::Built(..) => continue,
            };
            found = Some(raw);
            if let Some(Some(raw)) = &found {
                return self.tell(schema, raw, path, root, depth);
            }
        }
        if found.is_some() {
            return None;
        }
        if let Some(raw) = member(container, name) {
            return self.tell(schema, raw, path, root, depth);
        }
        // A group that only the registry knows: its parts stand elsewhere.
        if !schema.properties.is_empty() && self.rules_below(path) {
            let mut inner = Map::new();
            self.tell_properties(schema, &Json::Null, path, root, &mut inner, depth);
            return (!inner.is_empty()).then_some(Json::Object(inner));
        }
        None
    }

    /// An API value in the form that the schema asks for.
    fn tell(
        &self,
        schema: &Schema,
        raw: &Json,
        path: &PropertyPath,
        root: &Json,
        depth: usize,
    ) -> Option<Json> {
        let schema = self.facts.resolve(schema);
        let wants = |kind: Kind| schema.kinds.contains(&kind);
        let object = wants(Kind::Object) || schema.is_object();
        match raw {
            Json::Null => None,
            Json::Object(map) => {
                if !object && (!schema.is_free_form() || !schema.kinds.is_empty()) {
                    if wants(Kind::Array) || schema.items.is_some() {
                        let (key, value) = self.pair_properties(schema)?;
                        let pairs = map.iter().map(|(name, content)| {
                            let mut pair = Map::new();
                            pair.insert(key.clone(), name.as_str().into());
                            pair.insert(value.clone(), content.clone());
                            Json::Object(pair)
                        });
                        return Some(pairs.collect());
                    }
                    if let (Some(value), true) = (member(raw, "Value"), map.len() == 1) {
                        return self.tell(schema, value, path, root, depth);
                    }
                }
                let mut model = Map::new();
                self.tell_properties(schema, raw, path, root, &mut model, depth);
                let named = !schema.properties.is_empty()
                    || [&schema.all_of, &schema.any_of, &schema.one_of]
                        .into_iter()
                        .flatten()
                        .any(|part| !self.facts.resolve(part).properties.is_empty());
                if !named {
                    for (key, value) in map {
                        let value = match (self.facts.property(schema, key), depth.checked_sub(1)) {
                            (Some(property), Some(depth)) => {
                                self.tell(property, value, &path.key(key), root, depth)
                            }
                            _ => Some(value.clone()),
                        };
                        if let Some(value) = value {
                            model.insert(key.clone(), value);
                        }
                    }
                }
                (!model.is_empty() || map.is_empty()).then_some(Json::Object(model))
            }
            Json::Array(items) if object && !wants(Kind::Array) => {
                // A list of pairs for a map; or the only item of a list for a structure.
                if schema.properties.is_empty() {
                    let pairs: Option<Map<String, Json>> = items.iter().map(pair).collect();
                    return pairs.map(Json::Object);
                }
                items
                    .first()
                    .and_then(|item| self.tell(schema, item, path, root, depth))
            }
            Json::Array(items) => {
                let depth = depth.checked_sub(1)?;
                let Some(item_schema) = self.facts.items(schema) else {
                    return Some(raw.clone());
                };
                let told = items.iter().enumerate();
                Some(
                    told.filter_map(|(i, item)| {
                        self.tell(item_schema, item, &path.index(i), root, depth)
                    })
                    .collect(),
                )
            }
            Json::String(text) => {
                if object {
                    if let Some(document) = document(text) {
                        return Some(document);
                    }
                    return Some(raw.clone());
                }
                if wants(Kind::String) || schema.kinds.is_empty() {
                    return Some(raw.clone());
                }
                if wants(Kind::Boolean)
                    && let Some(flag) = flag(text)
                {
                    return Some(flag.into());
                }
                if wants(Kind::Integer) || wants(Kind::Number) {
                    return Some(number(text).unwrap_or_else(|| raw.clone()));
                }
                if wants(Kind::Array) {
                    return Some(Json::Array(vec![raw.clone()]));
                }
                Some(raw.clone())
            }
            Json::Number(_) | Json::Bool(_) => {
                let only_text = wants(Kind::String)
                    && !(raw.is_number() && (wants(Kind::Integer) || wants(Kind::Number))
                        || raw.is_boolean() && wants(Kind::Boolean));
                if only_text {
                    Some(Json::String(raw.to_string()))
                } else {
                    Some(whole(raw))
                }
            }
        }
    }

    /// The names of a list's items' key and value, where they are pairs.
    fn pair_properties(&self, schema: &Schema) -> Option<(String, String)> {
        let item = self.facts.items(schema)?;
        let names: Vec<&str> = item.properties.keys().map(String::as_str).collect();
        pair_names(&names)
    }

    /// The properties' names and whether they can be declared, for samples.
    pub fn facts(&self) -> &TypeFacts {
        self.facts
    }
}

struct Walk<'m> {
    mapping: &'m Mapping<'m>,
    root: Option<&'static Shape>,
    absolute: Map<String, Json>,
    unplaced: Vec<PropertyPath>,
}

impl Walk<'_> {
    fn shape(&self, name: &str) -> &'static Shape {
        self.mapping.service.shape(name)
    }

    /// Puts a property into `out`, the input's part for its parent (whose shape is `container`).
    fn place(
        &mut self,
        container: Option<&'static Shape>,
        name: &str,
        value: &Json,
        path: &PropertyPath,
        out: &mut Map<String, Json>,
        depth: usize,
    ) {
        let Some(depth) = depth.checked_sub(1) else {
            return self.unplaced.push(path.clone());
        };
        if value.is_null() {
            return;
        }
        let rules: Vec<&'static Rule> = self.mapping.rules_at(path).collect();
        for rule in &rules {
            match rule {
                Rule::Built(_, build) => {
                    let Json::Object(members) = build(value) else {
                        continue;
                    };
                    if members.keys().all(|name| {
                        self.root
                            .is_some_and(|root| root.member_named(name).is_some())
                    }) {
                        return merge(&mut self.absolute, members);
                    }
                }
                Rule::Sent(_, member) | Rule::Renamed(_, member) => {
                    let (start, member, absolute) = match member.strip_prefix('/') {
                        Some(member) => (self.root, member, true),
                        None => (container, *member, false),
                    };
                    let Some((names, shape)) = self.find(start, member) else {
                        continue;
                    };
                    if let Some(value) = self.walk(shape, value, path, depth) {
                        if absolute {
                            let mut target = std::mem::take(&mut self.absolute);
                            put(&mut target, &names, value);
                            self.absolute = target;
                        } else {
                            put(out, &names, value);
                        }
                    }
                    return;
                }
                Rule::Commas(_) => {
                    if let (Some(items), Some((names, _))) =
                        (value.as_array(), self.find(container, name))
                    {
                        let text: Vec<String> = items.iter().filter_map(text).collect();
                        return put(out, &names, text.join(",").into());
                    }
                }
                Rule::Told(..) | Rule::Computed(..) => {}
            }
        }
        let renamed = rules.iter().any(|rule| matches!(rule, Rule::Renamed(..)));
        if let Some((names, shape)) = self.find(container, name).filter(|_| !renamed) {
            if let Some(value) = self.walk(shape, value, path, depth) {
                put(out, &names, value);
            }
            return;
        }
        // A group that only the registry knows: its parts go elsewhere.
        if let (Json::Object(parts), true) = (value, self.mapping.rules_below(path)) {
            for (name, value) in parts {
                self.place(None, name, value, &path.key(name), out, depth);
            }
            return;
        }
        self.unplaced.push(path.clone());
    }

    /// The members on a dotted path, by their names in the API model, and the shape of the last one.
    fn find(
        &self,
        container: Option<&'static Shape>,
        member: &str,
    ) -> Option<(Vec<String>, &'static Shape)> {
        let mut shape = container?;
        let mut names = Vec::new();
        for step in member.split('.') {
            // An attribute map takes any name (SNS topics, target groups).
            if let (ShapeKind::Map, Some(value)) = (shape.kind, &shape.value) {
                names.push(step.to_owned());
                shape = self.shape(&value.shape);
                continue;
            }
            let equal = |wanted: &str| {
                shape
                    .members
                    .iter()
                    .find(|member| member.name.eq_ignore_ascii_case(wanted))
            };
            // KMS calls a tag's parts TagKey and TagValue.
            let found = equal(step).or_else(|| equal(&format!("Tag{step}")))?;
            names.push(found.name.clone());
            shape = self.shape(&found.shape);
        }
        Some((names, shape))
    }

    /// A value in the form that the shape asks for.
    fn walk(
        &mut self,
        shape: &'static Shape,
        value: &Json,
        path: &PropertyPath,
        depth: usize,
    ) -> Option<Json> {
        let Some(depth) = depth.checked_sub(1) else {
            self.unplaced.push(path.clone());
            return None;
        };
        let placed = match (shape.kind, value) {
            (_, Json::Null) => return None,
            // A document of any shape.
            (ShapeKind::Structure, value) if shape.members.is_empty() => value.clone(),
            (ShapeKind::Structure, Json::Object(map)) => {
                let mut out = Map::new();
                for (name, value) in map {
                    self.place(Some(shape), name, value, &path.key(name), &mut out, depth);
                }
                Json::Object(out)
            }
            (ShapeKind::Structure, value) => {
                let Some((names, inner)) = self.find(Some(shape), "Value") else {
                    self.unplaced.push(path.clone());
                    return None;
                };
                let mut out = Map::new();
                put(&mut out, &names, self.walk(inner, value, path, depth)?);
                Json::Object(out)
            }
            (ShapeKind::List, value) => {
                let element = self.shape(&shape.member.as_ref()?.shape);
                match value {
                    Json::Array(items) => items
                        .iter()
                        .enumerate()
                        .filter_map(|(i, item)| self.walk(element, item, &path.index(i), depth))
                        .collect(),
                    Json::Object(map) => {
                        let names: Vec<&str> = element
                            .members
                            .iter()
                            .map(|member| member.name.as_str())
                            .collect();
                        let Some((key, content)) = pair_names(&names) else {
                            self.unplaced.push(path.clone());
                            return None;
                        };
                        let content_shape = element
                            .member_named(&content)
                            .map(|member| self.shape(&member.shape));
                        map.iter()
                            .filter_map(|(name, value)| {
                                let value =
                                    self.walk(content_shape?, value, &path.key(name), depth)?;
                                Some(Json::Object(Map::from_iter([
                                    (key.clone(), name.as_str().into()),
                                    (content.clone(), value),
                                ])))
                            })
                            .collect()
                    }
                    one => Json::Array(vec![self.walk(element, one, path, depth)?]),
                }
            }
            (ShapeKind::Map, value) => {
                let content = self.shape(&shape.value.as_ref()?.shape);
                let pairs: Option<Map<String, Json>> = match value {
                    Json::Object(map) => Some(map.clone()),
                    Json::Array(items) => items.iter().map(pair).collect(),
                    _ => None,
                };
                let Some(pairs) = pairs else {
                    self.unplaced.push(path.clone());
                    return None;
                };
                let mapped = pairs.iter().filter_map(|(name, value)| {
                    Some((
                        name.clone(),
                        self.walk(content, value, &path.key(name), depth)?,
                    ))
                });
                Json::Object(mapped.collect())
            }
            (ShapeKind::String | ShapeKind::Character | ShapeKind::Blob, value) => match value {
                Json::String(_) => value.clone(),
                // Documents, and scalars, as text.
                other => Json::String(other.to_string()),
            },
            (
                ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float | ShapeKind::Double,
                Json::String(text),
            ) => number(text).unwrap_or_else(|| value.clone()),
            (ShapeKind::Integer | ShapeKind::Long, value) => whole(value),
            (ShapeKind::Boolean, Json::String(text)) => {
                flag(text).map_or_else(|| value.clone(), Json::from)
            }
            (ShapeKind::Timestamp, Json::String(text)) => {
                timestamp(text).unwrap_or_else(|| value.clone())
            }
            (
                ShapeKind::Float | ShapeKind::Double | ShapeKind::Boolean | ShapeKind::Timestamp,
                value,
            ) => value.clone(),
        };
        Some(placed)
    }
}

/// A map's value under a name, letter case aside. The exact name goes first.
pub fn member<'j>(container: &'j Json, name: &str) -> Option<&'j Json> {
    let map = container.as_object()?;
    map.get(name).or_else(|| {
        let equal = |wanted: &str| {
            map.iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value)
        };
        equal(name).or_else(|| equal(&format!("Tag{name}")))
    })
}

/// What stands at a dotted path; numbers are positions, `*` collects from every item (nested lists are joined). Names are
/// found letter case aside.
pub fn look(json: &Json, path: &str) -> Option<Json> {
    let path = PropertyPath::from(path);
    look_steps(json, path.steps())
}

fn look_steps(json: &Json, steps: &[Step]) -> Option<Json> {
    let Some((step, rest)) = steps.split_first() else {
        return Some(json.clone());
    };
    match step {
        Step::Key(name) => look_steps(member(json, name)?, rest),
        Step::Index(position) => look_steps(json.get(*position)?, rest),
        Step::Any => {
            let mut found = Vec::new();
            for item in json.as_array()? {
                match look_steps(item, rest) {
                    Some(Json::Array(inner)) if rest.contains(&Step::Any) => found.extend(inner),
                    Some(inner) => found.push(inner),
                    None => {}
                }
            }
            Some(Json::Array(found))
        }
    }
}

/// Puts a value at a path of names, making the maps on the way; lists of maps on the way keep their first item.
pub fn put(target: &mut Map<String, Json>, names: &[String], value: Json) {
    match names {
        [] => {}
        [name] => match (target.get_mut(name), value) {
            (Some(Json::Object(have)), Json::Object(more)) => merge(have, more),
            (_, value) => {
                target.insert(name.clone(), value);
            }
        },
        [name, rest @ ..] => {
            let inner = target
                .entry(name.clone())
                .or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Puts the members of `more` into `target`; maps on both sides are joined.
pub fn merge(target: &mut Map<String, Json>, more: Map<String, Json>) {
    for (name, value) in more {
        put(target, &[name], value);
    }
}

/// A pair's key and value, whatever the API calls them.
fn pair(item: &Json) -> Option<(String, Json)> {
    let names: Vec<&str> = item.as_object()?.keys().map(String::as_str).collect();
    let (key, value) = pair_names(&names)?;
    Some((text(item.get(&key)?)?, item.get(&value)?.clone()))
}

/// Which of some names are a pair's key and value: `Key` and `Value`, `name` and `value`, `TagKey` and `TagValue`,
/// `ParameterName` and `ParameterValue`.
pub(crate) fn pair_names(names: &[&str]) -> Option<(String, String)> {
    let ends = |ending: &str| {
        names
            .iter()
            .find(|name| name.to_ascii_lowercase().ends_with(ending))
    };
    let key = ends("key").or_else(|| ends("name"))?;
    Some(((*key).to_owned(), (*ends("value")?).to_owned()))
}

fn text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(json.to_string()),
        _ => None,
    }
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

fn number(text: &str) -> Option<Json> {
    let text = text.trim();
    let whole = text.parse::<i64>().ok().map(Json::from);
    whole
        .or_else(|| serde_json::Number::from_f64(text.parse().ok()?).map(Json::Number))
        .map(|number| whole_of(&number))
}

/// 80.0 as 80.
fn whole(json: &Json) -> Json {
    whole_of(json)
}

fn whole_of(json: &Json) -> Json {
    match json.as_f64() {
        Some(number) if json.is_f64() && number.fract() == 0.0 && number.abs() < 9.0e15 => {
            (number as i64).into()
        }
        _ => json.clone(),
    }
}

fn timestamp(text: &str) -> Option<Json> {
    let at =
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    Some(at.unix_timestamp().into())
}

/// A JSON document in a text; IAM encodes it as in a URL (RFC 3986: IAM API reference, GetRolePolicy).
pub fn document(text: &str) -> Option<Json> {
    let decoded = if text.starts_with('%') {
        percent_encoding::percent_decode_str(text)
            .decode_utf8()
            .ok()?
            .into_owned()
    } else {
        text.to_owned()
    };
    serde_json::from_str(&decoded)
        .ok()
        .filter(|json: &Json| json.is_object() || json.is_array())
}

/// Whether a schema is a map with free keys.
pub fn is_free_map(schema: &Schema) -> bool {
    schema.properties.is_empty()
        && (!schema.pattern_properties.is_empty()
            || matches!(schema.additional, Additional::Schema(_))
            || schema.kinds == [Kind::Object])
}
