//! The REST protocols, written: members in the URI, the query string, headers and the body, which is JSON or XML.

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::xml::Writer;
use super::xml_shape;
use super::{EncodeError, EncodedRequest, answer, form, json, known, scalar};
use crate::model::{
    Kind, Location, Member, Operation, OperationRef, Protocol, Service, Shape, TimestampFormat,
};

/// Operations whose answer is the element of their only member, without the element of the output around it (Smithy's trait
/// `s3UnwrappedXmlOutput`, which botocore's models do not carry).
pub(super) const UNWRAPPED: &[(&str, &str)] = &[("S3", "GetBucketLocation")];

pub(super) fn encode_request(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    members: &Map<String, Json>,
) -> Result<EncodedRequest, EncodeError> {
    let (path, literal) = operation
        .http
        .request_uri
        .split_once('?')
        .unwrap_or((&operation.http.request_uri, ""));
    let mut query: Vec<String> = literal
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(String::from)
        .collect();
    let mut headers = HeaderMap::new();
    let mut path = path.to_owned();
    let mut body = Bytes::new();
    if let Some(shape) = service.input(operation) {
        known(shape, members)?;
        for member in &shape.members {
            let value = members.get(&member.name).filter(|value| !value.is_null());
            let under = |error: EncodeError| error.under(&member.name);
            match (member.location, value) {
                (Some(Location::Uri), value) => path = fill(service, &path, member, value)?,
                (Some(Location::QueryString), Some(value)) => {
                    put_query(service, &mut query, member, value).map_err(under)?
                }
                (Some(Location::Header | Location::Headers), Some(value)) => {
                    put_header(service, &mut headers, member, value).map_err(under)?;
                }
                _ => {}
            }
        }
        if let Some((content_type, bytes)) = write_body(
            service,
            protocol,
            shape,
            operation.input.as_ref(),
            members,
            true,
        )? {
            if !content_type.is_empty() && !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
            }
            body = bytes;
        }
    } else {
        known(service.shape(""), members)?;
    }
    if operation
        .http_checksum
        .as_ref()
        .is_some_and(|checksum| checksum.request_checksum_required)
    {
        let sum = scalar::base64(&Sha256::digest(&body));
        if let Ok(sum) = HeaderValue::from_str(&sum) {
            headers.insert(HeaderName::from_static("x-amz-checksum-sha256"), sum);
            let algorithm = HeaderName::from_static("x-amz-sdk-checksum-algorithm");
            headers.insert(algorithm, HeaderValue::from_static("SHA256"));
        }
    }
    let uri = if query.is_empty() {
        path
    } else {
        format!("{path}?{}", query.join("&"))
    };
    Ok(EncodedRequest {
        method: Method::from_bytes(operation.http.method.as_bytes()).unwrap_or(Method::POST),
        uri,
        headers,
        body,
        host_prefix: None,
    })
}

/// Puts a label into the path.
fn fill(
    service: &Service,
    path: &str,
    member: &Member,
    value: Option<&Json>,
) -> Result<String, EncodeError> {
    let missing = || EncodeError::MissingLabel {
        path: member.name.clone(),
    };
    let format = member.timestamp_format.unwrap_or(TimestampFormat::Iso8601);
    let text = scalar::format(
        service.shape(&member.shape).kind,
        value.ok_or_else(missing)?,
        format,
    );
    let mut text = text.map_err(|error| error.under(&member.name))?;
    // Route 53 answers `/hostedzone/Z1` where it wants `Z1` (all SDKs strip it: botocore's handler `fix_route53_ids`).
    if service.metadata.service_id == "Route 53"
        && ["ResourceId", "DelegationSetId", "ChangeId"].contains(&member.shape.as_str())
    {
        text = text.rsplit('/').next().unwrap_or_default().to_owned();
    }
    if text.is_empty() {
        return Err(missing());
    }
    let label = member.wire_name();
    Ok(path
        .replace(&format!("{{{label}+}}"), &form::encode_path(&text))
        .replace(&format!("{{{label}}}"), &form::encode(&text)))
}

fn put_query(
    service: &Service,
    query: &mut Vec<String>,
    member: &Member,
    value: &Json,
) -> Result<(), EncodeError> {
    let shape = service.shape(&member.shape);
    let format = member.timestamp_format.unwrap_or(TimestampFormat::Iso8601);
    let mut put = |name: &str, kind: Kind, value: &Json| -> Result<(), EncodeError> {
        query.push(format!(
            "{}={}",
            form::encode(name),
            form::encode(&scalar::format(kind, value, format)?)
        ));
        Ok(())
    };
    match (value, shape.member.as_deref(), shape.value.as_deref()) {
        (Json::Array(elements), Some(element), _) => {
            let kind = service.shape(&element.shape).kind;
            elements
                .iter()
                .try_for_each(|element| put(member.wire_name(), kind, element))
        }
        (Json::Object(entries), _, Some(entry)) => {
            let entry = service.shape(&entry.shape);
            for (name, value) in entries {
                match (value, entry.member.as_deref()) {
                    (Json::Array(elements), Some(element)) => {
                        let kind = service.shape(&element.shape).kind;
                        elements
                            .iter()
                            .try_for_each(|element| put(name, kind, element))?;
                    }
                    (value, _) => put(name, entry.kind, value)?,
                }
            }
            Ok(())
        }
        (value, ..) => put(member.wire_name(), shape.kind, value),
    }
}

fn put_header(
    service: &Service,
    headers: &mut HeaderMap,
    member: &Member,
    value: &Json,
) -> Result<(), EncodeError> {
    let bad = || EncodeError::Header {
        path: String::new(),
    };
    let mut put = |name: &str, text: &str| -> Result<(), EncodeError> {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
        headers.insert(name, HeaderValue::from_str(text).map_err(|_| bad())?);
        Ok(())
    };
    let shape = service.shape(&member.shape);
    let format = member.timestamp_format.unwrap_or(TimestampFormat::Rfc822);
    match (value, shape.kind) {
        (value, _) if member.jsonvalue => put(
            member.wire_name(),
            &scalar::base64(value.to_string().as_bytes()),
        ),
        (Json::Object(entries), Kind::Map) => entries.iter().try_for_each(|(name, value)| {
            let text = value
                .as_str()
                .ok_or_else(|| EncodeError::wrong("text", value).under(name))?;
            put(&format!("{}{name}", member.wire_name()), text)
        }),
        (Json::Array(elements), Kind::List) => {
            let kind = shape
                .member
                .as_deref()
                .map_or(Kind::String, |element| service.shape(&element.shape).kind);
            let texts: Result<Vec<String>, EncodeError> = elements
                .iter()
                .map(|element| {
                    let text = scalar::format(kind, element, format)?;
                    Ok(if text.contains([',', '"']) {
                        format!("{text:?}")
                    } else {
                        text
                    })
                })
                .collect();
            put(member.wire_name(), &texts?.join(","))
        }
        (value, kind) => put(member.wire_name(), &scalar::format(kind, value, format)?),
    }
}

/// Content type and bytes of a body, if there is one.
fn write_body(
    service: &Service,
    protocol: Protocol,
    shape: &Shape,
    root: Option<&OperationRef>,
    members: &Map<String, Json>,
    request: bool,
) -> Result<Option<(&'static str, Bytes)>, EncodeError> {
    if let Some(member) = shape
        .payload
        .as_ref()
        .and_then(|name| shape.member_named(name))
    {
        let payload = service.shape(&member.shape);
        let given = members.get(&member.name).filter(|value| !value.is_null());
        let Some(value) = given else {
            // A JSON structure that is absent is written as one without members.
            let structure =
                request && protocol == Protocol::RestJson && payload.kind == Kind::Structure;
            return Ok(structure.then(|| ("application/json", Bytes::from_static(b"{}"))));
        };
        if payload.eventstream {
            return Err(EncodeError::EventStream {
                path: member.name.clone(),
            });
        }
        let written = match (payload.kind, protocol) {
            (Kind::Blob, _) => {
                scalar::bytes(value).map(|bytes| ("application/octet-stream", Bytes::from(bytes)))
            }
            (Kind::String, _) => match value {
                Json::String(text) => Ok(("text/plain", Bytes::from(text.clone()))),
                other => Err(EncodeError::wrong("text", other)),
            },
            (_, Protocol::RestXml) => {
                let mut writer = if request {
                    Writer::fragment()
                } else {
                    Writer::document()
                };
                let name = member.location_name.as_deref().unwrap_or(&member.shape);
                xml_shape::write(service, &mut writer, name, member, value)
                    .map(|()| ("application/xml", Bytes::from(writer.finish())))
            }
            _ => json::write(service, member, value)
                .map(|value| ("application/json", Bytes::from(value.to_string()))),
        };
        return written.map(Some).map_err(|error| error.under(&member.name));
    }
    let mut inner = shape
        .members
        .iter()
        .filter(|member| member.location.is_none())
        .peekable();
    if inner.peek().is_none() {
        return Ok(None);
    }
    if protocol == Protocol::RestJson {
        let body = json::write_members(service, shape, members)?;
        return Ok(Some(("application/json", Bytes::from(body.to_string()))));
    }
    let given = inner.any(|member| {
        members
            .get(&member.name)
            .is_some_and(|value| !value.is_null())
    });
    if request && !given {
        return Ok(None);
    }
    let Some(root) = root else {
        return Ok(None);
    };
    let name = root
        .location_name
        .as_deref()
        .or(shape.location_name.as_deref())
        .unwrap_or(&root.shape);
    let service_namespace = service.metadata.xml_namespace.as_ref();
    let namespace = root
        .xml_namespace
        .as_ref()
        .or(shape.xml_namespace.as_ref())
        .or(service_namespace);
    let declared = xml_shape::declaration(namespace);
    let attributes: Vec<(&str, &str)> = declared
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let mut writer = if request {
        Writer::fragment()
    } else {
        Writer::document()
    };
    writer.open(name, &attributes);
    xml_shape::write_members(service, &mut writer, shape, members)?;
    writer.close(name);
    Ok(Some(("application/xml", Bytes::from(writer.finish()))))
}

pub(super) fn encode_response(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    members: &Map<String, Json>,
) -> Result<Response<Bytes>, EncodeError> {
    let mut response = answer(
        operation.http.response_code.unwrap_or(200),
        "",
        Bytes::new(),
    );
    let Some(shape) = service.output(operation) else {
        return Ok(response);
    };
    known(shape, members)?;
    for member in &shape.members {
        let Some(value) = members.get(&member.name).filter(|value| !value.is_null()) else {
            continue;
        };
        match member.location {
            Some(Location::Header | Location::Headers) => {
                put_header(service, response.headers_mut(), member, value)
                    .map_err(|error| error.under(&member.name))?;
            }
            Some(Location::StatusCode) => {
                let status = value.as_u64().and_then(|status| u16::try_from(status).ok());
                if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
                    *response.status_mut() = status;
                }
            }
            _ => {}
        }
    }
    let bare = UNWRAPPED.contains(&(
        service.metadata.service_id.as_str(),
        operation.name.as_str(),
    ));
    let body = match shape.members.first().filter(|_| bare) {
        Some(member) => {
            let mut writer = Writer::document();
            let declared = xml_shape::declaration(service.metadata.xml_namespace.as_ref());
            let attributes: Vec<(&str, &str)> = declared
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect();
            writer.open(member.wire_name(), &attributes);
            if let Some(text) = members.get(&member.name).and_then(Json::as_str) {
                writer.content(text);
            }
            writer.close(member.wire_name());
            Some(("application/xml", Bytes::from(writer.finish())))
        }
        None => write_body(
            service,
            protocol,
            shape,
            operation.output.as_ref(),
            members,
            false,
        )?,
    };
    if let Some((content_type, bytes)) = body {
        if !content_type.is_empty() && !response.headers().contains_key(CONTENT_TYPE) {
            response
                .headers_mut()
                .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        *response.body_mut() = bytes;
    }
    // Part of what was asked for (RFC 9110, 15.3.7): no model says so.
    if response.headers().contains_key(CONTENT_RANGE) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}
