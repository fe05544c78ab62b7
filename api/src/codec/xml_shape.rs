//! Shapes as XML: the answers of query and EC2, both directions of rest-xml.

use serde_json::{Map, Value as Json};

use super::xml::{Element, Writer};
use super::{EncodeError, Malformed, known, scalar};
use crate::model::{Kind, Member, Service, Shape, TimestampFormat, XmlNamespace};

/// The name of a member's element. A flattened list's elements are called after the list's element, if that has a name.
fn element_name<'a>(service: &'a Service, member: &'a Member) -> &'a str {
    let shape = service.shape(&member.shape);
    let flattened = shape
        .member
        .as_deref()
        .filter(|_| shape.kind == Kind::List && member.flattened);
    flattened
        .and_then(|element| element.location_name.as_deref())
        .unwrap_or_else(|| member.wire_name())
}

/// The attribute that declares a namespace.
pub(super) fn declaration(namespace: Option<&XmlNamespace>) -> Option<(String, String)> {
    let namespace = namespace?;
    let name = match &namespace.prefix {
        Some(prefix) => format!("xmlns:{prefix}"),
        None => String::from("xmlns"),
    };
    Some((name, namespace.uri.clone()))
}

/// Writes the members of a structure that stand in the body, in the model's order.
pub(super) fn write_members(
    service: &Service,
    writer: &mut Writer,
    shape: &Shape,
    members: &Map<String, Json>,
) -> Result<(), EncodeError> {
    known(shape, members)?;
    for member in &shape.members {
        if member.location.is_some() || member.xml_attribute {
            continue;
        }
        if let Some(value) = members.get(&member.name).filter(|value| !value.is_null()) {
            write(
                service,
                writer,
                element_name(service, member),
                member,
                value,
            )
            .map_err(|error| error.under(&member.name))?;
        }
    }
    Ok(())
}

/// Writes one value as an element of a name (a flattened list: as one for each of its elements).
pub(super) fn write(
    service: &Service,
    writer: &mut Writer,
    name: &str,
    member: &Member,
    value: &Json,
) -> Result<(), EncodeError> {
    let shape = service.shape(&member.shape);
    match (shape.kind, value) {
        (Kind::Structure, Json::Object(members)) => {
            let mut attributes: Vec<(String, String)> = declaration(member.xml_namespace.as_ref())
                .into_iter()
                .collect();
            for attribute in shape
                .members
                .iter()
                .filter(|attribute| attribute.xml_attribute)
            {
                if let Some(value) = members.get(&attribute.name) {
                    let kind = service.shape(&attribute.shape).kind;
                    let text = scalar::format(kind, value, TimestampFormat::Iso8601)
                        .map_err(|error| error.under(&attribute.name))?;
                    attributes.push((attribute.wire_name().to_owned(), text));
                }
            }
            open(writer, name, &attributes);
            write_members(service, writer, shape, members)?;
            writer.close(name);
            Ok(())
        }
        (Kind::List, Json::Array(elements)) => {
            let Some(element) = shape.member.as_deref() else {
                return Ok(());
            };
            let inner = if member.flattened {
                name
            } else {
                let attributes: Vec<(String, String)> = declaration(member.xml_namespace.as_ref())
                    .into_iter()
                    .collect();
                open(writer, name, &attributes);
                element.location_name.as_deref().unwrap_or("member")
            };
            for (index, value) in elements.iter().enumerate() {
                write(service, writer, inner, element, value)
                    .map_err(|error| error.under(&format!("[{index}]")))?;
            }
            if !member.flattened {
                writer.close(name);
            }
            Ok(())
        }
        (Kind::Map, Json::Object(entries)) => {
            let (Some(key), Some(value)) = (shape.key.as_deref(), shape.value.as_deref()) else {
                return Ok(());
            };
            let entry = if member.flattened { name } else { "entry" };
            if !member.flattened {
                writer.open(name, &[]);
            }
            for (text, each) in entries {
                writer.open(entry, &[]);
                writer.leaf(key.location_name.as_deref().unwrap_or("key"), text);
                let value_name = value.location_name.as_deref().unwrap_or("value");
                write(service, writer, value_name, value, each)
                    .map_err(|error| error.under(text))?;
                writer.close(entry);
            }
            if !member.flattened {
                writer.close(name);
            }
            Ok(())
        }
        (Kind::Structure | Kind::Map, other) => Err(EncodeError::wrong("an object", other)),
        (Kind::List, other) => Err(EncodeError::wrong("a list", other)),
        (kind, value) => {
            let format = member.timestamp_format.unwrap_or(TimestampFormat::Iso8601);
            let text = scalar::format(kind, value, format)?;
            let attributes: Vec<(String, String)> = declaration(member.xml_namespace.as_ref())
                .into_iter()
                .collect();
            open(writer, name, &attributes);
            writer.content(&text);
            writer.close(name);
            Ok(())
        }
    }
}

fn open(writer: &mut Writer, name: &str, attributes: &[(String, String)]) {
    let attributes: Vec<(&str, &str)> = attributes
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    writer.open(name, &attributes);
}

/// Reads values out of elements.
pub(super) struct Reader<'a> {
    pub service: &'a Service,
}

impl Reader<'_> {
    /// A structure's members that stand in the body. What is absent stays absent.
    pub fn structure(&self, shape: &Shape, element: &Element) -> Result<Json, Malformed> {
        let mut members = Map::new();
        for member in &shape.members {
            if member.location.is_some() {
                continue;
            }
            if let Some(value) = self.member(member, element)? {
                members.insert(member.name.clone(), value);
            }
        }
        Ok(Json::Object(members))
    }

    fn member(&self, member: &Member, element: &Element) -> Result<Option<Json>, Malformed> {
        if member.xml_attribute {
            let text = element.attribute(member.wire_name());
            return text
                .map(|text| scalar::parse(self.service.shape(&member.shape).kind, text))
                .transpose();
        }
        let name = element_name(self.service, member);
        let mut found = element
            .children
            .iter()
            .filter(|child| child.name == name)
            .peekable();
        let Some(first) = found.peek().copied() else {
            return Ok(None);
        };
        let shape = self.service.shape(&member.shape);
        if member.flattened
            && shape.kind == Kind::List
            && let Some(inner) = shape.member.as_deref()
        {
            let values: Result<Vec<Json>, Malformed> =
                found.map(|child| self.value(inner, child)).collect();
            return Ok(Some(Json::Array(values?)));
        }
        if member.flattened && shape.kind == Kind::Map {
            return self.map(shape, found).map(Some);
        }
        self.value(member, first).map(Some)
    }

    /// The value of an element.
    pub fn value(&self, member: &Member, element: &Element) -> Result<Json, Malformed> {
        let shape = self.service.shape(&member.shape);
        match shape.kind {
            Kind::Structure => self.structure(shape, element),
            Kind::List => {
                let Some(inner) = shape.member.as_deref() else {
                    return Ok(Json::Array(Vec::new()));
                };
                // Whatever their name: only the elements of the list stand here.
                let values: Result<Vec<Json>, Malformed> = element
                    .children
                    .iter()
                    .map(|child| self.value(inner, child))
                    .collect();
                Ok(Json::Array(values?))
            }
            Kind::Map => self.map(shape, element.children.iter()),
            kind => scalar::parse(kind, &element.text)
                .map_err(|error| Malformed::new(format!("<{}>: {error}", element.name))),
        }
    }

    fn map<'e>(
        &self,
        shape: &Shape,
        entries: impl Iterator<Item = &'e Element>,
    ) -> Result<Json, Malformed> {
        let mut values = Map::new();
        if let (Some(key), Some(value)) = (shape.key.as_deref(), shape.value.as_deref()) {
            let key_name = key.location_name.as_deref().unwrap_or("key");
            let value_name = value.location_name.as_deref().unwrap_or("value");
            for entry in entries {
                let key = entry
                    .child_text(key_name)
                    .ok_or_else(|| Malformed::new("a map's entry has no key"))?;
                if let Some(child) = entry.child(value_name) {
                    values.insert(key.to_owned(), self.value(value, child)?);
                }
            }
        }
        Ok(Json::Object(values))
    }
}
