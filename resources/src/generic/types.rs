//! What every operation needs to know of a type.

use std::sync::Arc;

use payctl_api::Service;
use payctl_model::facts::{Kind, TypeFacts, facts};
use payctl_model::{PhysicalId, Value};
use serde_json::{Map, Value as Json, json};

use crate::definition::{Change, Create, Definition, Fixed, Mode, Tags};
use crate::error::{Error, Result};
use crate::mapping::{Mapping, look, merge};
use crate::resource::Observed;

/// The parts that every operation on a type needs.
pub(crate) struct Type {
    pub(super) definition: &'static Definition,
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
        if let Tags::Listed(property, _) = self.definition.tags {
            return Some(property);
        }
        self.facts
            .tagging
            .property
            .as_ref()
            .and_then(|path| path.head())
    }

    /// The physical id that a model tells.
    pub(super) fn id(&self, model: &Map<String, Json>) -> Option<PhysicalId> {
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

    pub(super) fn observed(&self, id: Option<&PhysicalId>, description: &Json) -> Option<Observed> {
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
    pub(super) fn identity(
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

    pub(super) fn input(&self, operation: &str) -> Option<&'static payctl_api::Shape> {
        self.service.input(self.service.operation(operation)?)
    }

    pub(super) fn shape(&self, name: &str) -> &'static payctl_api::Shape {
        self.service.shape(name)
    }

    /// Refuses what the type does not support.
    pub(super) fn check(&self, properties: &Map<String, Json>) -> Result<()> {
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
    pub(super) fn empty(&self, name: &str) -> Json {
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
    pub(super) fn default_of(&self, name: &str) -> Option<Json> {
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

pub(super) fn text(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(_) | Json::Bool(_) => Some(json.to_string()),
        _ => None,
    }
}

pub(super) fn expose(type_name: &str, value: &Value) -> Result<Map<String, Json>> {
    match value.expose_json() {
        Some(Json::Object(map)) => Ok(map),
        _ => Err(Error::Unknown(type_name.to_owned())),
    }
}

/// What can be shown of a value to calls that only name a resource: leaves that are not known are left out.
pub(super) fn known(value: &Value) -> Map<String, Json> {
    let map = value.as_map().into_iter().flatten();
    map.filter_map(|(name, value)| Some((name.clone(), value.expose_json()?)))
        .collect()
}

pub(super) fn add_fixed(input: &mut Map<String, Json>, fixed: &[(&str, Fixed)]) {
    for (name, value) in fixed {
        input.insert((*name).to_owned(), value.to_json());
    }
}
