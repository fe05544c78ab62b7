//! The codecs: API value to HTTP message and back, for both ends of the wire.
//!
//! The client encodes requests and decodes answers; the simulated AWS decodes requests and encodes answers. Sources: the Smithy
//! specifications of the AWS protocols (smithy.io, "AWS Protocols") and botocore's serializers and parsers.

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::{Map, Value as Json};

use crate::model::{Operation, Protocol, Service, Shape};

mod cbor;
mod chunked;
mod error;
mod form;
mod json;
mod query;
mod rest;
mod rest_read;
mod route;
mod scalar;
mod xml;
mod xml_shape;

pub(crate) use form::encode as percent_encode;

pub use error::{ApiError, encode_error};
pub use route::{Incoming, RequestError, decode_request};

/// A request, ready to be sent once it has a host and a signature.
#[derive(Debug, Clone)]
pub struct EncodedRequest {
    /// The HTTP method.
    pub method: Method,
    /// Path and query, percent-encoded: `/2013-04-01/hostedzone/Z1?maxitems=10`.
    pub uri: String,
    /// Headers of the protocol and of the input's header members.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// A label to put before the endpoint's host (`sync-`), its placeholders filled in.
    pub host_prefix: Option<String>,
}

/// Why a value cannot be written as a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The shape has no such member.
    #[error("{path}: the API has no such member")]
    UnknownMember {
        /// Where: `Filters[0].Nam`.
        path: String,
    },
    /// The value is of another type than the shape.
    #[error("{path}: expected {expected}, found {found}")]
    Type {
        /// Where.
        path: String,
        /// What the shape wants.
        expected: &'static str,
        /// The kind of the value (never the value: it may be secret).
        found: &'static str,
    },
    /// A member that the URI needs is absent or empty.
    #[error("{path}: the request's URI needs it")]
    MissingLabel {
        /// The member.
        path: String,
    },
    /// The value cannot stand in an HTTP header.
    #[error("{path}: cannot stand in an HTTP header")]
    Header {
        /// The member.
        path: String,
    },
    /// The operation streams events, which these codecs do not do.
    #[error("{path}: event streams are not supported")]
    EventStream {
        /// The member.
        path: String,
    },
}

impl EncodeError {
    /// The same error, seen from one level further out.
    pub(crate) fn under(mut self, outer: &str) -> Self {
        let (Self::UnknownMember { path }
        | Self::Type { path, .. }
        | Self::MissingLabel { path }
        | Self::Header { path }
        | Self::EventStream { path }) = &mut self;
        if path.is_empty() {
            *path = outer.to_owned();
        } else if path.starts_with('[') {
            *path = format!("{outer}{path}");
        } else {
            *path = format!("{outer}.{path}");
        }
        self
    }

    pub(crate) fn wrong(expected: &'static str, found: &Json) -> Self {
        let found = match found {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Number(_) => "a number",
            Json::String(_) => "text",
            Json::Array(_) => "a list",
            Json::Object(_) => "an object",
        };
        Self::Type {
            path: String::new(),
            expected,
            found,
        }
    }
}

/// An answer that is an error: AWS's, or one that is no answer of AWS at all (`code` is then `HTTP 502` or the like).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ErrorAnswer {
    /// `InvalidVpcID.NotFound`, `ThrottlingException`.
    pub code: String,
    /// AWS's text; may be empty.
    pub message: String,
    /// AWS's name of the request, if told.
    pub request_id: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// The other members of the error.
    pub extra: Json,
}

/// What the wire said where it does not fit the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Malformed(pub String);

impl Malformed {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Writes a request in the protocol of [`Service::client_protocol`].
///
/// # Errors
/// When the input does not fit the operation's input shape.
pub fn encode_request(
    service: &Service,
    operation: &Operation,
    input: &Json,
) -> Result<EncodedRequest, EncodeError> {
    encode_request_in(service, operation, service.client_protocol(), input)
}

/// Writes a request in a protocol that is chosen by the caller.
///
/// # Errors
/// When the input does not fit the operation's input shape.
pub fn encode_request_in(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    input: &Json,
) -> Result<EncodedRequest, EncodeError> {
    let members = object(input)?;
    let mut request = match protocol {
        Protocol::Query | Protocol::Ec2 => {
            query::encode_request(service, operation, protocol, members)?
        }
        Protocol::Json => json::encode_request(service, operation, members)?,
        Protocol::RestJson | Protocol::RestXml => {
            rest::encode_request(service, operation, protocol, members)?
        }
        Protocol::SmithyRpcV2Cbor => cbor::encode_request(service, operation, members)?,
    };
    request.host_prefix = host_prefix(service, operation, members)?;
    Ok(request)
}

/// Reads an answer that is in the protocol of [`Service::client_protocol`]. Members that the model does not know are ignored.
///
/// # Errors
/// When the answer is an error, or no answer of AWS.
pub fn decode_response(
    service: &Service,
    operation: &Operation,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json, ErrorAnswer> {
    decode_response_in(
        service,
        operation,
        service.client_protocol(),
        status,
        headers,
        body,
    )
}

/// Reads an answer in a protocol that is chosen by the caller.
///
/// # Errors
/// When the answer is an error, or no answer of AWS.
pub fn decode_response_in(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json, ErrorAnswer> {
    if !(200..300).contains(&status) {
        return Err(error::decode(service, protocol, status, headers, body));
    }
    let answer = match protocol {
        Protocol::Query | Protocol::Ec2 => {
            query::decode_response(service, operation, protocol, body)
        }
        Protocol::Json => json::decode_response(service, operation, body),
        Protocol::RestJson | Protocol::RestXml => {
            rest_read::decode_response(service, operation, protocol, status, headers, body)
        }
        Protocol::SmithyRpcV2Cbor => cbor::decode_response(service, operation, body),
    };
    answer.map_err(|malformed| error::unreadable(status, headers, body, &malformed))
}

/// Writes an answer, as the simulated AWS gives it. An output that does not fit the model becomes an `InternalFailure`: it is a
/// fault of the server.
pub fn encode_response(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    output: &Json,
    request_id: &str,
) -> http::Response<Bytes> {
    let response = object(output).and_then(|members| match protocol {
        Protocol::Query | Protocol::Ec2 => {
            query::encode_response(service, operation, protocol, members, request_id)
        }
        Protocol::Json => json::encode_response(service, operation, members),
        Protocol::RestJson | Protocol::RestXml => {
            rest::encode_response(service, operation, protocol, members)
        }
        Protocol::SmithyRpcV2Cbor => cbor::encode_response(service, operation, members),
    });
    match response {
        Ok(mut response) => {
            error::put_request_id(&mut response, protocol, request_id);
            response
        }
        Err(error) => {
            let error = ApiError {
                code: "InternalFailure".to_owned(),
                message: format!(
                    "the answer to {} does not fit its model: {error}",
                    operation.name
                ),
                status: 500,
                members: Json::Null,
            };
            encode_error(service, protocol, &error, request_id)
        }
    }
}

/// A response with a content type and a body.
pub(crate) fn answer(
    status: u16,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> http::Response<Bytes> {
    let mut response = http::Response::new(body.into());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if !content_type.is_empty() {
        let content_type = http::HeaderValue::from_static(content_type);
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, content_type);
    }
    response
}

/// The members of an input or output; null stands for none.
pub(crate) fn object(value: &Json) -> Result<&Map<String, Json>, EncodeError> {
    static NONE: std::sync::OnceLock<Map<String, Json>> = std::sync::OnceLock::new();
    match value {
        Json::Object(members) => Ok(members),
        Json::Null => Ok(NONE.get_or_init(Map::new)),
        other => Err(EncodeError::wrong("an object", other)),
    }
}

/// Refuses members that a structure does not have.
pub(crate) fn known(shape: &Shape, members: &Map<String, Json>) -> Result<(), EncodeError> {
    match members
        .keys()
        .find(|name| shape.member_named(name).is_none())
    {
        Some(name) => Err(EncodeError::UnknownMember { path: name.clone() }),
        None => Ok(()),
    }
}

fn host_prefix(
    service: &Service,
    operation: &Operation,
    members: &Map<String, Json>,
) -> Result<Option<String>, EncodeError> {
    let Some(template) = operation.host_prefix() else {
        return Ok(None);
    };
    let mut prefix = template.to_owned();
    let labels = service
        .input(operation)
        .into_iter()
        .flat_map(|shape| &shape.members);
    for label in labels.filter(|member| member.host_label) {
        let value = members
            .get(&label.name)
            .and_then(Json::as_str)
            .filter(|value| !value.is_empty());
        let value = value.ok_or_else(|| EncodeError::MissingLabel {
            path: label.name.clone(),
        })?;
        prefix = prefix.replace(&format!("{{{}}}", label.name), value);
    }
    Ok(Some(prefix))
}
