//! The JSON protocols (`X-Amz-Target` and a JSON body), and shapes as JSON, which rest-json shares.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response};
use serde_json::{Map, Value as Json};

use super::{EncodeError, EncodedRequest, Malformed, answer, known, scalar};
use crate::model::{Kind, Member, Operation, Service, Shape, TimestampFormat};

pub(super) fn encode_request(
    service: &Service,
    operation: &Operation,
    members: &Map<String, Json>,
) -> Result<EncodedRequest, EncodeError> {
    let body = match service.input(operation) {
        Some(shape) => write_members(service, shape, members)?,
        None => known(service.shape(""), members).map(|()| Json::Object(Map::new()))?,
    };
    let mut headers = HeaderMap::new();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(content_type(service)),
    );
    let prefix = service
        .metadata
        .target_prefix
        .as_deref()
        .unwrap_or_default();
    if let Ok(target) = HeaderValue::from_str(&format!("{prefix}.{}", operation.name)) {
        headers.insert(HeaderName::from_static("x-amz-target"), target);
    }
    Ok(EncodedRequest {
        method: Method::POST,
        uri: String::from("/"),
        headers,
        body: Bytes::from(body.to_string()),
        host_prefix: None,
    })
}

/// The content type of the service's version of the protocol.
pub(super) fn content_type(service: &Service) -> &'static str {
    match service.metadata.json_version.as_deref() {
        Some("1.1") => "application/x-amz-json-1.1",
        _ => "application/x-amz-json-1.0",
    }
}

pub(super) fn decode_request(
    service: &Service,
    operation: &Operation,
    body: &[u8],
) -> Result<Json, Malformed> {
    read_body(service, service.input(operation), body)
}

pub(super) fn decode_response(
    service: &Service,
    operation: &Operation,
    body: &[u8],
) -> Result<Json, Malformed> {
    read_body(service, service.output(operation), body)
}

pub(super) fn encode_response(
    service: &Service,
    operation: &Operation,
    members: &Map<String, Json>,
) -> Result<Response<Bytes>, EncodeError> {
    let body = match service.output(operation) {
        Some(shape) => write_members(service, shape, members)?.to_string(),
        None => String::new(),
    };
    Ok(answer(200, content_type(service), body))
}

fn read_body(service: &Service, shape: Option<&Shape>, body: &[u8]) -> Result<Json, Malformed> {
    let Some(shape) = shape else {
        return Ok(Json::Object(Map::new()));
    };
    read_members(service, shape, &parse(body)?)
}

/// A body as JSON; an empty one is an empty object.
pub(super) fn parse(body: &[u8]) -> Result<Json, Malformed> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Json::Object(Map::new()));
    }
    serde_json::from_slice(body).map_err(|error| Malformed::new(format!("not JSON: {error}")))
}

/// A structure's members that stand in the body, under their names on the wire.
pub(super) fn write_members(
    service: &Service,
    shape: &Shape,
    members: &Map<String, Json>,
) -> Result<Json, EncodeError> {
    known(shape, members)?;
    let mut body = Map::new();
    for member in shape
        .members
        .iter()
        .filter(|member| member.location.is_none())
    {
        if let Some(value) = members.get(&member.name).filter(|value| !value.is_null()) {
            let value = write(service, member, value).map_err(|error| error.under(&member.name))?;
            body.insert(member.wire_name().to_owned(), value);
        }
    }
    Ok(Json::Object(body))
}

/// One value.
pub(super) fn write(service: &Service, member: &Member, value: &Json) -> Result<Json, EncodeError> {
    let shape = service.shape(&member.shape);
    if member.jsonvalue {
        return Ok(Json::from(value.to_string()));
    }
    match (shape.kind, value) {
        (Kind::Structure, value) if shape.document => Ok(value.clone()),
        (Kind::Structure, Json::Object(members)) => write_members(service, shape, members),
        (Kind::List, Json::Array(elements)) => {
            let Some(element) = shape.member.as_deref() else {
                return Ok(value.clone());
            };
            let elements: Result<Vec<Json>, EncodeError> = elements
                .iter()
                .enumerate()
                .map(|(index, value)| {
                    nullable(service, element, value)
                        .map_err(|error| error.under(&format!("[{index}]")))
                })
                .collect();
            elements.map(Json::Array)
        }
        (Kind::Map, Json::Object(entries)) => {
            let Some(each) = shape.value.as_deref() else {
                return Ok(value.clone());
            };
            let mut written = Map::new();
            for (key, value) in entries {
                let value = nullable(service, each, value).map_err(|error| error.under(key))?;
                written.insert(key.clone(), value);
            }
            Ok(Json::Object(written))
        }
        (Kind::Structure | Kind::Map, other) => Err(EncodeError::wrong("an object", other)),
        (Kind::List, other) => Err(EncodeError::wrong("a list", other)),
        (Kind::Integer | Kind::Long, value) => scalar::integer(value).map(Json::from),
        (Kind::Float | Kind::Double, value) => scalar::float(value),
        (Kind::Boolean, Json::Bool(_)) | (Kind::String | Kind::Character, Json::String(_)) => {
            Ok(value.clone())
        }
        (Kind::Boolean, other) => Err(EncodeError::wrong("a boolean", other)),
        (Kind::String | Kind::Character, other) => Err(EncodeError::wrong("text", other)),
        (Kind::Blob, value) => scalar::blob(value).map(Json::from),
        (Kind::Timestamp, value) => match member.timestamp_format {
            None | Some(TimestampFormat::UnixTimestamp) => {
                scalar::nanoseconds(value).map(scalar::seconds)
            }
            Some(format) => scalar::format_timestamp(value, format).map(Json::from),
        },
    }
}

/// JSON lists and maps may hold nulls.
fn nullable(service: &Service, member: &Member, value: &Json) -> Result<Json, EncodeError> {
    match value {
        Json::Null => Ok(Json::Null),
        value => write(service, member, value),
    }
}

/// A structure's members out of a body.
pub(super) fn read_members(
    service: &Service,
    shape: &Shape,
    body: &Json,
) -> Result<Json, Malformed> {
    let Json::Object(body) = body else {
        return Err(Malformed::new("expected a JSON object"));
    };
    let mut members = Map::new();
    for member in shape
        .members
        .iter()
        .filter(|member| member.location.is_none())
    {
        if let Some(value) = body
            .get(member.wire_name())
            .filter(|value| !value.is_null())
        {
            let value = read(service, member, value)
                .map_err(|error| Malformed::new(format!("{}: {error}", member.name)))?;
            members.insert(member.name.clone(), value);
        }
    }
    Ok(Json::Object(members))
}

/// One value.
pub(super) fn read(service: &Service, member: &Member, value: &Json) -> Result<Json, Malformed> {
    let shape = service.shape(&member.shape);
    if value.is_null() {
        return Ok(Json::Null);
    }
    if let (true, Json::String(text)) = (member.jsonvalue, value) {
        return serde_json::from_str(text).map_err(|error| Malformed::new(error.to_string()));
    }
    match (shape.kind, value) {
        (Kind::Structure, value) if shape.document => Ok(value.clone()),
        (Kind::Structure, value) => read_members(service, shape, value),
        (Kind::List, Json::Array(elements)) => match shape.member.as_deref() {
            Some(element) => {
                let elements: Result<Vec<Json>, Malformed> = elements
                    .iter()
                    .map(|value| read(service, element, value))
                    .collect();
                elements.map(Json::Array)
            }
            None => Ok(value.clone()),
        },
        (Kind::Map, Json::Object(entries)) => match shape.value.as_deref() {
            Some(each) => {
                let mut values = Map::new();
                for (key, value) in entries {
                    values.insert(key.clone(), read(service, each, value)?);
                }
                Ok(Json::Object(values))
            }
            None => Ok(value.clone()),
        },
        (Kind::Timestamp, Json::Number(_)) => scalar::nanoseconds(value)
            .map(scalar::seconds)
            .map_err(|error| Malformed::new(error.to_string())),
        (Kind::Timestamp, Json::String(text)) => scalar::parse_timestamp(text),
        (Kind::Boolean, Json::Bool(_)) | (Kind::String | Kind::Character, Json::String(_)) => {
            Ok(value.clone())
        }
        (Kind::Integer | Kind::Long, Json::Number(_)) => scalar::integer(value)
            .map(Json::from)
            .or_else(|_| Ok(value.clone())),
        (Kind::Float | Kind::Double, Json::Number(_) | Json::String(_)) => {
            scalar::float(value).map_err(|error| Malformed::new(error.to_string()))
        }
        (Kind::Blob, Json::String(text)) => scalar::parse(Kind::Blob, text),
        (kind, _) => Err(Malformed::new(format!("expected {kind:?}"))),
    }
}
