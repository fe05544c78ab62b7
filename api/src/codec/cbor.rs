//! Smithy RPC v2 with CBOR (smithy.io, "Smithy RPC v2 CBOR protocol").

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response};
use serde_json::{Map, Number, Value as Json};

use super::{EncodeError, EncodedRequest, Malformed, answer, known, scalar};
use crate::model::{Kind, Member, Operation, Service, Shape};

/// CBOR's tag for epoch seconds.
const EPOCH: u64 = 1;
const PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");

pub(super) fn encode_request(
    service: &Service,
    operation: &Operation,
    members: &Map<String, Json>,
) -> Result<EncodedRequest, EncodeError> {
    let mut headers = HeaderMap::new();
    headers.insert(PROTOCOL, HeaderValue::from_static("rpc-v2-cbor"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/cbor"));
    let body = match service.input(operation) {
        Some(shape) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/cbor"));
            serialize(&write_members(service, shape, members)?)
        }
        None => known(service.shape(""), members).map(|()| Vec::new())?,
    };
    let target = service
        .metadata
        .target_prefix
        .as_deref()
        .unwrap_or_default();
    Ok(EncodedRequest {
        method: Method::POST,
        uri: format!("/service/{target}/operation/{}", operation.name),
        headers,
        body: Bytes::from(body),
        host_prefix: None,
    })
}

pub(super) fn encode_response(
    service: &Service,
    operation: &Operation,
    members: &Map<String, Json>,
) -> Result<Response<Bytes>, EncodeError> {
    let mut response = match service.output(operation) {
        Some(shape) => answer(
            200,
            "application/cbor",
            serialize(&write_members(service, shape, members)?),
        ),
        None => answer(200, "", Vec::new()),
    };
    response
        .headers_mut()
        .insert(PROTOCOL, HeaderValue::from_static("rpc-v2-cbor"));
    Ok(response)
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

/// The body of an error. Members that do not fit the model are left out: an error must always arrive.
pub(super) fn encode_error(
    service: &Service,
    name: &str,
    shape: Option<&Shape>,
    members: &Map<String, Json>,
) -> Vec<u8> {
    let modelled = shape.and_then(|shape| write_members(service, shape, members).ok());
    let body = modelled.unwrap_or_else(|| {
        let texts = members.iter().filter_map(|(key, value)| {
            Some((Cbor::from(key.as_str()), Cbor::from(value.as_str()?)))
        });
        Cbor::Map(texts.collect())
    });
    let mut entries = match body {
        Cbor::Map(entries) => entries,
        _ => Vec::new(),
    };
    entries.push((Cbor::from("__type"), Cbor::from(name)));
    serialize(&Cbor::Map(entries))
}

fn serialize(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

fn deserialize(body: &[u8]) -> Result<Cbor, Malformed> {
    if body.is_empty() {
        return Ok(Cbor::Map(Vec::new()));
    }
    ciborium::de::from_reader_with_recursion_limit(body, 100)
        .map_err(|error| Malformed::new(format!("not CBOR: {error}")))
}

/// Any CBOR as JSON, without a model: for errors.
pub(super) fn parse(body: &[u8]) -> Result<Json, Malformed> {
    deserialize(body).map(|value| plain(&value))
}

fn read_body(service: &Service, shape: Option<&Shape>, body: &[u8]) -> Result<Json, Malformed> {
    match shape {
        Some(shape) => read_members(service, shape, &deserialize(body)?),
        None => Ok(Json::Object(Map::new())),
    }
}

fn write_members(
    service: &Service,
    shape: &Shape,
    members: &Map<String, Json>,
) -> Result<Cbor, EncodeError> {
    known(shape, members)?;
    let mut entries = Vec::new();
    for member in &shape.members {
        if let Some(value) = members.get(&member.name).filter(|value| !value.is_null()) {
            let value = write(service, member, value).map_err(|error| error.under(&member.name))?;
            entries.push((Cbor::from(member.name.as_str()), value));
        }
    }
    Ok(Cbor::Map(entries))
}

fn write(service: &Service, member: &Member, value: &Json) -> Result<Cbor, EncodeError> {
    let shape = service.shape(&member.shape);
    match (shape.kind, value) {
        (_, Json::Null) => Ok(Cbor::Null),
        (Kind::Structure, value) if shape.document => Ok(unmodelled(value)),
        (Kind::Structure, Json::Object(members)) => write_members(service, shape, members),
        (Kind::List, Json::Array(elements)) => {
            let Some(element) = shape.member.as_deref() else {
                return Ok(unmodelled(value));
            };
            let mut written = Vec::with_capacity(elements.len());
            for (index, value) in elements.iter().enumerate() {
                written.push(
                    write(service, element, value)
                        .map_err(|error| error.under(&format!("[{index}]")))?,
                );
            }
            Ok(Cbor::Array(written))
        }
        (Kind::Map, Json::Object(entries)) => {
            let Some(each) = shape.value.as_deref() else {
                return Ok(unmodelled(value));
            };
            let mut written = Vec::with_capacity(entries.len());
            for (key, value) in entries {
                let value = write(service, each, value).map_err(|error| error.under(key))?;
                written.push((Cbor::from(key.as_str()), value));
            }
            Ok(Cbor::Map(written))
        }
        (Kind::Structure | Kind::Map, other) => Err(EncodeError::wrong("an object", other)),
        (Kind::List, other) => Err(EncodeError::wrong("a list", other)),
        (Kind::Integer | Kind::Long, value) => scalar::integer(value).map(Cbor::from),
        (Kind::Float | Kind::Double, value) => Ok(Cbor::Float(match scalar::float(value)? {
            Json::String(text) => match text.as_str() {
                "Infinity" => f64::INFINITY,
                "-Infinity" => f64::NEG_INFINITY,
                _ => f64::NAN,
            },
            number => number.as_f64().unwrap_or(f64::NAN),
        })),
        (Kind::Boolean, Json::Bool(flag)) => Ok(Cbor::Bool(*flag)),
        (Kind::Boolean, other) => Err(EncodeError::wrong("a boolean", other)),
        (Kind::String | Kind::Character, Json::String(text)) => Ok(Cbor::from(text.as_str())),
        (Kind::String | Kind::Character, other) => Err(EncodeError::wrong("text", other)),
        (Kind::Blob, value) => scalar::bytes(value).map(Cbor::Bytes),
        (Kind::Timestamp, value) => {
            let seconds = scalar::seconds(scalar::nanoseconds(value)?);
            Ok(Cbor::Tag(EPOCH, Box::new(unmodelled(&seconds))))
        }
    }
}

fn read_members(service: &Service, shape: &Shape, value: &Cbor) -> Result<Json, Malformed> {
    let Cbor::Map(entries) = value else {
        return Err(Malformed::new("expected a CBOR map"));
    };
    let mut members = Map::new();
    for (key, value) in entries {
        let member = key.as_text().and_then(|name| shape.member_named(name));
        if let Some(member) = member.filter(|_| !value.is_null()) {
            let value = read(service, member, value)
                .map_err(|error| Malformed::new(format!("{}: {error}", member.name)))?;
            members.insert(member.name.clone(), value);
        }
    }
    Ok(Json::Object(members))
}

fn read(service: &Service, member: &Member, value: &Cbor) -> Result<Json, Malformed> {
    let shape = service.shape(&member.shape);
    match (shape.kind, value) {
        (_, Cbor::Null) => Ok(Json::Null),
        (Kind::Structure, value) if !shape.document => read_members(service, shape, value),
        (Kind::List, Cbor::Array(elements)) => match shape.member.as_deref() {
            Some(element) => {
                let elements: Result<Vec<Json>, Malformed> = elements
                    .iter()
                    .map(|value| read(service, element, value))
                    .collect();
                elements.map(Json::Array)
            }
            None => Ok(plain(value)),
        },
        (Kind::Map, Cbor::Map(entries)) => {
            let mut values = Map::new();
            for (key, value) in entries {
                if let (Some(key), Some(each)) = (key.as_text(), shape.value.as_deref()) {
                    values.insert(key.to_owned(), read(service, each, value)?);
                }
            }
            Ok(Json::Object(values))
        }
        (Kind::Timestamp, Cbor::Tag(EPOCH, inner)) => {
            let seconds = plain(inner);
            scalar::nanoseconds(&seconds)
                .map(scalar::seconds)
                .map_err(|error| Malformed::new(error.to_string()))
        }
        (Kind::Structure, value) => Ok(plain(value)),
        (Kind::Float | Kind::Double, Cbor::Float(_) | Cbor::Integer(_))
        | (Kind::Integer | Kind::Long, Cbor::Integer(_))
        | (Kind::Boolean, Cbor::Bool(_))
        | (Kind::String | Kind::Character, Cbor::Text(_))
        | (Kind::Blob, Cbor::Bytes(_)) => Ok(plain(value)),
        (Kind::Integer | Kind::Long, Cbor::Float(number)) => scalar::integer(&Json::from(*number))
            .map(Json::from)
            .map_err(|error| Malformed::new(error.to_string())),
        (kind, _) => Err(Malformed::new(format!("expected {kind:?}"))),
    }
}

fn unmodelled(value: &Json) -> Cbor {
    match value {
        Json::Null => Cbor::Null,
        Json::Bool(flag) => Cbor::Bool(*flag),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Cbor::from(integer),
            (None, Some(float)) => Cbor::Float(float),
            (None, None) => Cbor::Null,
        },
        Json::String(text) => Cbor::from(text.as_str()),
        Json::Array(elements) => Cbor::Array(elements.iter().map(unmodelled).collect()),
        Json::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (Cbor::from(key.as_str()), unmodelled(value)));
            Cbor::Map(entries.collect())
        }
    }
}

fn plain(value: &Cbor) -> Json {
    match value {
        Cbor::Integer(integer) => i64::try_from(*integer).map_or(Json::Null, Json::from),
        Cbor::Bytes(bytes) => Json::from(scalar::base64(bytes)),
        Cbor::Float(float) => match Number::from_f64(*float) {
            Some(number) => Json::Number(number),
            None if float.is_nan() => Json::from("NaN"),
            None if *float > 0.0 => Json::from("Infinity"),
            None => Json::from("-Infinity"),
        },
        Cbor::Text(text) => Json::from(text.as_str()),
        Cbor::Bool(flag) => Json::Bool(*flag),
        Cbor::Tag(_, inner) => plain(inner),
        Cbor::Array(elements) => Json::Array(elements.iter().map(plain).collect()),
        Cbor::Map(entries) => {
            let entries = entries
                .iter()
                .filter_map(|(key, value)| Some((key.as_text()?.to_owned(), plain(value))));
            Json::Object(entries.collect())
        }
        _ => Json::Null,
    }
}
