//! Errors on the wire, both ways.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value as Json};

use super::xml::{self, Element, Writer};
use super::xml_shape::{self, Reader};
use super::{ErrorAnswer, Malformed, answer, cbor, json, query, scalar};
use crate::model::{Protocol, Service, Shape};

/// An error as the simulated AWS means it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The code as AWS documents it, or the error's name in the model.
    pub code: String,
    /// The text.
    pub message: String,
    /// The HTTP status; with 0 the model's (400 where it names none).
    pub status: u16,
    /// Further members of the error, under the model's names; null for none.
    pub members: Json,
}

impl ApiError {
    /// An error of the caller's without further members; its status is the model's, else 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            status: 0,
            members: Json::Null,
        }
    }

    /// The same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }
}

/// The model of an error, by its code or its name.
fn modelled<'a>(service: &'a Service, code: &str) -> Option<(&'a str, &'a Shape)> {
    let by_name = service
        .shapes
        .get_key_value(code)
        .filter(|(_, shape)| shape.exception);
    let found = by_name.or_else(|| {
        let coded = |shape: &Shape| {
            shape.error.as_ref().and_then(|error| error.code.as_deref()) == Some(code)
        };
        service
            .shapes
            .iter()
            .find(|(_, shape)| shape.exception && coded(shape))
    });
    found.map(|(name, shape)| (name.as_str(), shape))
}

/// The member that holds an error's text: `message` or `Message`.
fn message_member(shape: Option<&Shape>) -> &'static str {
    match shape {
        Some(shape) if shape.member_named("Message").is_some() => "Message",
        _ => "message",
    }
}

/// Writes an error as AWS writes it in a protocol.
pub fn encode_error(
    service: &Service,
    protocol: Protocol,
    error: &ApiError,
    request_id: &str,
) -> http::Response<Bytes> {
    let model = modelled(service, &error.code);
    let shape = model.map(|(_, shape)| shape);
    let traits = shape.and_then(|shape| shape.error.as_ref());
    let coded = traits.and_then(|error| error.code.as_deref());
    let name = model.map_or(error.code.as_str(), |(name, _)| name);
    let status = match (
        error.status,
        traits.and_then(|error| error.http_status_code),
        shape,
    ) {
        (0, Some(status), _) => status,
        (0, None, Some(shape)) if shape.fault => 500,
        (0, None, _) => 400,
        (status, ..) => status,
    };
    let fault = if status >= 500 { "Receiver" } else { "Sender" };
    let mut members = error.members.as_object().cloned().unwrap_or_default();
    members.remove("message");
    members.remove("Message");
    let mut response = match protocol {
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => {
            let code = coded.unwrap_or(name);
            let text = xml_error(
                service,
                protocol,
                code,
                fault,
                &error.message,
                shape,
                &members,
                request_id,
            );
            answer(status, "text/xml;charset=UTF-8", text)
        }
        Protocol::Json | Protocol::RestJson | Protocol::SmithyRpcV2Cbor => {
            let mut body = Map::new();
            body.insert(
                message_member(shape).to_owned(),
                Json::from(error.message.as_str()),
            );
            body.extend(members.clone());
            if protocol == Protocol::SmithyRpcV2Cbor {
                answer(
                    status,
                    "application/cbor",
                    cbor::encode_error(service, name, shape, &body),
                )
            } else {
                // Members that do not fit the model are left out: an error must always arrive.
                let body = shape
                    .and_then(|shape| json::write_members(service, shape, &body).ok())
                    .unwrap_or(Json::Object(body));
                let mut body = body.as_object().cloned().unwrap_or_default();
                let content_type = if protocol == Protocol::Json {
                    body.insert("__type".to_owned(), Json::from(name));
                    json::content_type(service)
                } else {
                    "application/json"
                };
                answer(status, content_type, Json::Object(body).to_string())
            }
        }
    };
    let mut put = |header: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(header), value);
        }
    };
    if matches!(protocol, Protocol::Json | Protocol::RestJson) {
        put("x-amzn-errortype", name);
    }
    if service.metadata.aws_query_compatible.is_some()
        && matches!(protocol, Protocol::Json | Protocol::SmithyRpcV2Cbor)
    {
        put(
            "x-amzn-query-error",
            &format!(
                "{};{fault}",
                coded.unwrap_or_else(|| older_code(service, name))
            ),
        );
    }
    // Clients that asked in the wrong region learn the right one here ("Making requests": redirects).
    if is_s3(service)
        && let Some(region) = members.get("Region").and_then(Json::as_str)
        && let Ok(value) = HeaderValue::from_str(region)
    {
        let name = HeaderName::from_static("x-amz-bucket-region");
        response.headers_mut().insert(name, value);
    }
    put_request_id(&mut response, protocol, request_id);
    response
}

fn is_s3(service: &Service) -> bool {
    service.metadata.service_id == "S3"
}

/// What errors of SQS were called while it was a query API, where that is not their name; botocore's model has it no more. Source: AWS's
/// Smithy model of SQS, `awsQueryError`.
const OLDER: &[(&str, &str)] = &[
    (
        "BatchEntryIdsNotDistinct",
        "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
    ),
    (
        "EmptyBatchRequest",
        "AWS.SimpleQueueService.EmptyBatchRequest",
    ),
    (
        "MessageNotInflight",
        "AWS.SimpleQueueService.MessageNotInflight",
    ),
    (
        "PurgeQueueInProgress",
        "AWS.SimpleQueueService.PurgeQueueInProgress",
    ),
    (
        "QueueDeletedRecently",
        "AWS.SimpleQueueService.QueueDeletedRecently",
    ),
    (
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
    ),
    ("QueueNameExists", "QueueAlreadyExists"),
    (
        "TooManyEntriesInBatchRequest",
        "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
    ),
    (
        "UnsupportedOperation",
        "AWS.SimpleQueueService.UnsupportedOperation",
    ),
];

fn older_code<'a>(service: &Service, name: &'a str) -> &'a str {
    let older = OLDER.iter().find(|(newer, _)| *newer == name);
    match older {
        Some((_, older)) if service.name == "sqs" => older,
        _ => name,
    }
}

#[allow(clippy::too_many_arguments)]
fn xml_error(
    service: &Service,
    protocol: Protocol,
    code: &str,
    fault: &str,
    message: &str,
    shape: Option<&Shape>,
    members: &Map<String, Json>,
    request_id: &str,
) -> String {
    let mut writer = Writer::document();
    let body = |writer: &mut Writer, typed: bool| {
        if typed {
            writer.leaf("Type", fault);
        }
        writer.leaf("Code", code);
        writer.leaf("Message", message);
        if is_s3(service) {
            // Its errors carry more than the models say: the bucket, the key, the region.
            for (name, value) in members {
                if let Some(text) = value.as_str() {
                    writer.leaf(name, text);
                }
            }
        } else if let Some(shape) = shape {
            let mut fields = Writer::fragment();
            // Members that do not fit the model are left out: an error must always arrive.
            if xml_shape::write_members(service, &mut fields, shape, members).is_ok() {
                writer.append(&fields.finish());
            }
        }
    };
    match protocol {
        Protocol::Ec2 => {
            writer.open("Response", &[]);
            writer.open("Errors", &[]);
            writer.open("Error", &[]);
            body(&mut writer, false);
            writer.close("Error");
            writer.close("Errors");
            writer.leaf("RequestID", request_id);
            writer.close("Response");
        }
        // S3's errors have nothing around them (Smithy's trait `restXml(noErrorWrapping)`).
        Protocol::RestXml if is_s3(service) => {
            writer.open("Error", &[]);
            body(&mut writer, false);
            writer.leaf("RequestId", request_id);
            writer.close("Error");
        }
        _ => {
            let namespace = query::namespace(service, protocol);
            writer.open("ErrorResponse", &[("xmlns", namespace.as_str())]);
            writer.open("Error", &[]);
            body(&mut writer, true);
            writer.close("Error");
            writer.leaf("RequestId", request_id);
            writer.close("ErrorResponse");
        }
    }
    writer.finish()
}

/// Puts the request's id where the protocol has it in the headers.
pub(super) fn put_request_id(
    response: &mut http::Response<Bytes>,
    protocol: Protocol,
    request_id: &str,
) {
    let name = match protocol {
        Protocol::RestXml => "x-amz-request-id",
        _ => "x-amzn-requestid",
    };
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
}

/// Reads an answer whose status is that of an error.
pub(super) fn decode(
    service: &Service,
    protocol: Protocol,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> ErrorAnswer {
    let error = match protocol {
        Protocol::Query | Protocol::Ec2 | Protocol::RestXml => decode_xml(service, body),
        Protocol::Json | Protocol::RestJson => {
            decode_json(service, headers, json::parse(body).ok())
        }
        Protocol::SmithyRpcV2Cbor => decode_json(service, headers, cbor::parse(body).ok()),
    };
    let mut error = error.unwrap_or_else(|| ErrorAnswer {
        code: bare_code(service, status, body),
        message: described(status, headers, body),
        request_id: None,
        status,
        extra: Json::Null,
    });
    error.status = status;
    error.request_id = error.request_id.or_else(|| request_id(headers));
    error
}

/// The code of an error that has none: S3 answers HEAD without a body, and SDKs call it by HTTP's name of the status (`NotFound`).
fn bare_code(service: &Service, status: u16, body: &[u8]) -> String {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .filter(|_| is_s3(service) && body.is_empty());
    match reason {
        Some(reason) => reason.replace(' ', ""),
        None => format!("HTTP {status}"),
    }
}

/// A success that cannot be read.
pub(super) fn unreadable(
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
    malformed: &Malformed,
) -> ErrorAnswer {
    ErrorAnswer {
        code: String::from("UnreadableAnswer"),
        message: format!("{malformed}: {}", described(status, headers, body)),
        request_id: request_id(headers),
        status,
        extra: Json::Null,
    }
}

/// What an answer that is not AWS's says, in a line: a proxy's page, a load balancer's text.
fn described(status: u16, headers: &HeaderMap, body: &[u8]) -> String {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("no content type");
    let text = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = scalar::excerpt(&words.join(" "));
    let reason = reason.unwrap_or("unknown status");
    if text.is_empty() {
        format!("{status} {reason}, without a body")
    } else {
        format!("{status} {reason}, {content_type}: {text}")
    }
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"]
        .into_iter()
        .find_map(|name| headers.get(name)?.to_str().ok())
        .map(String::from)
}

fn decode_xml(service: &Service, body: &[u8]) -> Option<ErrorAnswer> {
    let root = xml::parse(body).ok()?;
    let error = match root.name.as_str() {
        "Error" => &root,
        _ => root
            .child("Error")
            .or_else(|| root.child("Errors")?.child("Error"))
            .unwrap_or(&root),
    };
    let code = match error
        .child_text("Code")
        .map(str::trim)
        .filter(|code| !code.is_empty())
    {
        Some(code) => code,
        // Route 53's InvalidChangeBatch stands alone, with its messages.
        None => modelled(service, &error.name)?.0,
    };
    let text = |element: &Element, names: &[&str]| {
        names
            .iter()
            .find_map(|name| element.child_text(name))
            .map(str::trim)
            .map(String::from)
    };
    let messages = || {
        let messages = error.child("Messages")?;
        let texts: Vec<&str> = messages
            .children
            .iter()
            .map(|message| message.text.trim())
            .collect();
        Some(texts.join("; "))
    };
    let request_id = text(&root, &["RequestId", "RequestID"])
        .or_else(|| text(error, &["RequestId", "RequestID"]))
        .or_else(|| text(root.child("ResponseMetadata")?, &["RequestId"]));
    let extra = modelled(service, code)
        .and_then(|(_, shape)| Reader { service }.structure(shape, error).ok());
    Some(ErrorAnswer {
        code: code.to_owned(),
        message: text(error, &["Message", "message"])
            .or_else(messages)
            .unwrap_or_default(),
        request_id: request_id.filter(|id| !id.is_empty()),
        status: 0,
        extra: extra.map_or(Json::Null, without_message),
    })
}

/// JSON and CBOR: the code is in a header or in `__type`, with a namespace before `#` and a URL after `:`.
fn decode_json(service: &Service, headers: &HeaderMap, body: Option<Json>) -> Option<ErrorAnswer> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| body.as_ref()?.get(name)?.as_str())
    };
    let named = header("x-amzn-errortype").or_else(|| text(&["__type", "code", "Code"]))?;
    let named = named.split(':').next().unwrap_or(named);
    let name = named.rsplit('#').next().unwrap_or(named).trim();
    // Services that were query APIs tell an older code too, but only some servers do, and only when asked (`x-amzn-query-mode`):
    // a name that the model has is the same everywhere.
    let told = header("x-amzn-query-error")
        .and_then(|value| value.split(';').next())
        .filter(|code| !code.is_empty());
    let model = modelled(service, name);
    let code = match (model, told) {
        (None, Some(older)) => older,
        _ => name,
    };
    if code.is_empty() {
        return None;
    }
    let message = text(&["message", "Message", "errorMessage"])
        .unwrap_or_default()
        .to_owned();
    let extra = body
        .as_ref()
        .zip(model)
        .and_then(|(body, (_, shape))| json::read_members(service, shape, body).ok());
    Some(ErrorAnswer {
        code: code.to_owned(),
        message,
        request_id: None,
        status: 0,
        extra: extra.map_or(Json::Null, without_message),
    })
}

fn without_message(mut members: Json) -> Json {
    if let Json::Object(members) = &mut members {
        members.remove("message");
        members.remove("Message");
    }
    match &members {
        Json::Object(left) if left.is_empty() => Json::Null,
        _ => members,
    }
}
