//! The query protocol and EC2's kind of it: form parameters in, XML out.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, Response};
use serde_json::{Map, Value as Json};

use super::form::{self, Node};
use super::xml::{self, Writer};
use super::xml_shape::{self, Reader};
use super::{EncodeError, EncodedRequest, Malformed, answer, known, scalar};
use crate::model::{Kind, Member, Operation, Protocol, Service, Shape, TimestampFormat};

pub(super) fn encode_request(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    members: &Map<String, Json>,
) -> Result<EncodedRequest, EncodeError> {
    let mut encoder = Encoder {
        service,
        dialect: Dialect(protocol),
        body: String::new(),
    };
    encoder.put("Action", &operation.name);
    encoder.put("Version", &service.metadata.api_version);
    match service.input(operation) {
        Some(shape) => encoder.structure("", shape, members)?,
        None if members.is_empty() => {}
        None => known(service.shape(""), members)?,
    }
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"),
    );
    Ok(EncodedRequest {
        method: Method::POST,
        uri: String::from("/"),
        headers,
        body: Bytes::from(encoder.body),
        host_prefix: None,
    })
}

/// Where EC2's names and lists differ from those of the other query services.
#[derive(Clone, Copy)]
struct Dialect(Protocol);

impl Dialect {
    fn is_ec2(self) -> bool {
        self.0 == Protocol::Ec2
    }

    /// EC2: `queryName`, else the XML name with a capital, else the model's name.
    fn name(self, member: &Member, default: &str) -> String {
        if !self.is_ec2() {
            return member
                .location_name
                .as_deref()
                .unwrap_or(default)
                .to_owned();
        }
        match (&member.query_name, &member.location_name) {
            (Some(name), _) => name.clone(),
            (None, Some(name)) => {
                let mut letters = name.chars();
                letters.next().map_or_else(String::new, |first| {
                    first.to_uppercase().chain(letters).collect()
                })
            }
            (None, None) => default.to_owned(),
        }
    }

    /// A flattened list is called after its element, if that has a name.
    fn member_name(self, member: &Member, shape: &Shape) -> String {
        if !self.is_ec2()
            && shape.kind == Kind::List
            && member.flattened
            && let Some(name) = shape
                .member
                .as_ref()
                .and_then(|element| element.location_name.clone())
        {
            return name;
        }
        self.name(member, &member.name)
    }
}

struct Encoder<'a> {
    service: &'a Service,
    dialect: Dialect,
    body: String,
}

impl Encoder<'_> {
    fn put(&mut self, name: &str, value: &str) {
        if !self.body.is_empty() {
            self.body.push('&');
        }
        self.body.push_str(&form::encode(name));
        self.body.push('=');
        self.body.push_str(&form::encode(value));
    }

    fn structure(
        &mut self,
        prefix: &str,
        shape: &Shape,
        members: &Map<String, Json>,
    ) -> Result<(), EncodeError> {
        known(shape, members)?;
        for member in &shape.members {
            let Some(value) = members.get(&member.name).filter(|value| !value.is_null()) else {
                continue;
            };
            let name = self
                .dialect
                .member_name(member, self.service.shape(&member.shape));
            let prefix = join(prefix, &name);
            self.value(&prefix, member, value)
                .map_err(|error| error.under(&member.name))?;
        }
        Ok(())
    }

    fn value(&mut self, prefix: &str, member: &Member, value: &Json) -> Result<(), EncodeError> {
        let service = self.service;
        let shape = service.shape(&member.shape);
        match (shape.kind, value) {
            (Kind::Structure, Json::Object(members)) => self.structure(prefix, shape, members),
            (Kind::Structure | Kind::Map, other) if !other.is_object() => {
                Err(EncodeError::wrong("an object", other))
            }
            (Kind::List, Json::Array(elements)) => {
                let Some(element) = shape.member.as_deref() else {
                    return Ok(());
                };
                if elements.is_empty() && !self.dialect.is_ec2() {
                    // query writes an empty list as an empty parameter; EC2 has no way to say it.
                    self.put(prefix, "");
                }
                let prefix = match (
                    self.dialect.is_ec2() || member.flattened,
                    &element.location_name,
                ) {
                    (true, _) => prefix.to_owned(),
                    (false, name) => join(prefix, name.as_deref().unwrap_or("member")),
                };
                for (index, value) in elements.iter().enumerate() {
                    self.value(&join(&prefix, &(index + 1).to_string()), element, value)
                        .map_err(|error| error.under(&format!("[{index}]")))?;
                }
                Ok(())
            }
            (Kind::List, other) => Err(EncodeError::wrong("a list", other)),
            (Kind::Map, Json::Object(entries)) => {
                let (Some(key), Some(value)) = (shape.key.as_deref(), shape.value.as_deref())
                else {
                    return Ok(());
                };
                let prefix = if member.flattened {
                    prefix.to_owned()
                } else {
                    join(prefix, "entry")
                };
                for (index, (name, entry)) in entries.iter().enumerate() {
                    let prefix = join(&prefix, &(index + 1).to_string());
                    self.put(&join(&prefix, &self.dialect.name(key, "key")), name);
                    self.value(
                        &join(&prefix, &self.dialect.name(value, "value")),
                        value,
                        entry,
                    )
                    .map_err(|error| error.under(name))?;
                }
                Ok(())
            }
            (kind, value) => {
                let format = member.timestamp_format.unwrap_or(TimestampFormat::Iso8601);
                let text = scalar::format(kind, value, format)?;
                self.put(prefix, &text);
                Ok(())
            }
        }
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        name.to_owned()
    } else {
        format!("{prefix}.{name}")
    }
}

/// The input from the form of a request.
pub(super) fn decode_request(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    form: &Node,
) -> Result<Json, Malformed> {
    let decoder = Decoder {
        service,
        dialect: Dialect(protocol),
    };
    match service.input(operation) {
        Some(shape) => decoder.structure(shape, form),
        None => Ok(Json::Object(Map::new())),
    }
}

struct Decoder<'a> {
    service: &'a Service,
    dialect: Dialect,
}

impl Decoder<'_> {
    fn structure(&self, shape: &Shape, node: &Node) -> Result<Json, Malformed> {
        let mut members = Map::new();
        for member in &shape.members {
            let name = self
                .dialect
                .member_name(member, self.service.shape(&member.shape));
            if let Some(child) = node.children.get(&name)
                && let Some(value) = self.value(member, child)?
            {
                members.insert(member.name.clone(), value);
            }
        }
        Ok(Json::Object(members))
    }

    fn value(&self, member: &Member, node: &Node) -> Result<Option<Json>, Malformed> {
        let shape = self.service.shape(&member.shape);
        let value = match shape.kind {
            Kind::Structure => self.structure(shape, node)?,
            Kind::List => {
                let Some(element) = shape.member.as_deref() else {
                    return Ok(None);
                };
                // Clients are known to leave the `member` out, and to use it where the model has another name.
                let entries = match (&element.location_name, node.children.get("member")) {
                    (Some(name), _) if node.children.contains_key(name) => &node.children[name],
                    (_, Some(member)) => member,
                    _ => node,
                };
                let elements: Result<Vec<Option<Json>>, Malformed> = entries
                    .numbered()
                    .into_iter()
                    .map(|entry| self.value(element, entry))
                    .collect();
                Json::Array(elements?.into_iter().flatten().collect())
            }
            Kind::Map => {
                let (Some(key), Some(value)) = (shape.key.as_deref(), shape.value.as_deref())
                else {
                    return Ok(None);
                };
                let (key_name, value_name) = (
                    self.dialect.name(key, "key"),
                    self.dialect.name(value, "value"),
                );
                let mut entries = Map::new();
                for entry in node.children.get("entry").unwrap_or(node).numbered() {
                    let key = entry
                        .text(&key_name)
                        .ok_or_else(|| Malformed::new("a map's entry has no key"))?;
                    if let Some(child) = entry.children.get(&value_name)
                        && let Some(value) = self.value(value, child)?
                    {
                        entries.insert(key.to_owned(), value);
                    }
                }
                Json::Object(entries)
            }
            kind => match &node.value {
                Some(text) => scalar::parse(kind, text)?,
                None => return Ok(None),
            },
        };
        Ok(Some(value))
    }
}

/// The output from the XML of an answer.
pub(super) fn decode_response(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    body: &[u8],
) -> Result<Json, Malformed> {
    let (Some(output), Some(shape)) = (&operation.output, service.output(operation)) else {
        return Ok(Json::Object(Map::new()));
    };
    let root = xml::parse(body)?;
    let result = match &output.result_wrapper {
        Some(wrapper) if protocol == Protocol::Query => root.child(wrapper),
        _ => Some(&root),
    };
    match result {
        Some(result) => Reader { service }.structure(shape, result),
        None => Err(Malformed::new(format!(
            "no {} in the answer",
            operation.name
        ))),
    }
}

/// The XML of an answer.
pub(super) fn encode_response(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    members: &Map<String, Json>,
    request_id: &str,
) -> Result<Response<Bytes>, EncodeError> {
    let mut writer = Writer::document();
    let response = format!("{}Response", operation.name);
    let namespace = namespace(service, protocol);
    writer.open(&response, &[("xmlns", namespace.as_str())]);
    if protocol == Protocol::Ec2 {
        writer.leaf("requestId", request_id);
    }
    if let (Some(output), Some(shape)) = (&operation.output, service.output(operation)) {
        let wrapper = output
            .result_wrapper
            .as_deref()
            .filter(|_| protocol == Protocol::Query);
        if let Some(wrapper) = wrapper {
            writer.open(wrapper, &[]);
        }
        xml_shape::write_members(service, &mut writer, shape, members)?;
        if let Some(wrapper) = wrapper {
            writer.close(wrapper);
        }
    }
    if protocol == Protocol::Query {
        writer.open("ResponseMetadata", &[]);
        writer.leaf("RequestId", request_id);
        writer.close("ResponseMetadata");
    }
    writer.close(&response);
    Ok(answer(200, "text/xml;charset=UTF-8", writer.finish()))
}

/// The namespace of a service's XML.
pub(super) fn namespace(service: &Service, protocol: Protocol) -> String {
    match &service.metadata.xml_namespace {
        Some(namespace) => namespace.uri.clone(),
        // The EC2 protocol's namespace carries the version; services that came to query lately name none.
        None if protocol == Protocol::Ec2 => format!(
            "http://ec2.amazonaws.com/doc/{}/",
            service.metadata.api_version
        ),
        None => format!(
            "http://{}.amazonaws.com/doc/{}/",
            service.metadata.endpoint_prefix, service.metadata.api_version
        ),
    }
}
