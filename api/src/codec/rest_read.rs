//! The REST protocols, read: which operation a request's method and URI name, and members out of URI, query string, headers
//! and body.

use http::Method;
use http::header::HeaderMap;
use serde_json::{Map, Value as Json};

use super::rest::UNWRAPPED;
use super::xml;
use super::xml_shape::Reader;
use super::{Malformed, form, json, scalar};
use crate::model::{Kind, Location, Member, Operation, Protocol, Service, Shape};

pub(super) fn decode_response(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    status: u16,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json, Malformed> {
    let Some(shape) = service.output(operation) else {
        return Ok(Json::Object(Map::new()));
    };
    let mut members = Map::new();
    if UNWRAPPED.contains(&(
        service.metadata.service_id.as_str(),
        operation.name.as_str(),
    )) {
        let root = xml::parse(body)?;
        if let Some(member) = shape.members.first().filter(|_| !root.text.is_empty()) {
            members.insert(member.name.clone(), Json::from(root.text));
        }
        return Ok(Json::Object(members));
    }
    read_headers(service, shape, headers, &mut members)?;
    for member in shape
        .members
        .iter()
        .filter(|member| member.location == Some(Location::StatusCode))
    {
        members.insert(member.name.clone(), Json::from(status));
    }
    read_body(service, protocol, shape, body, &mut members)?;
    Ok(Json::Object(members))
}

fn read_headers(
    service: &Service,
    shape: &Shape,
    headers: &HeaderMap,
    members: &mut Map<String, Json>,
) -> Result<(), Malformed> {
    for member in &shape.members {
        let name = member.wire_name();
        match member.location {
            Some(Location::Header) => {
                if let Some(text) = headers
                    .get(name)
                    .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
                {
                    members.insert(member.name.clone(), read_header(service, member, &text)?);
                }
            }
            Some(Location::Headers) => {
                let prefix = name.to_ascii_lowercase();
                let found: Map<String, Json> = headers
                    .iter()
                    .filter_map(|(key, value)| {
                        let key = key.as_str().strip_prefix(&prefix)?;
                        Some((key.to_owned(), Json::from(value.to_str().ok()?)))
                    })
                    .collect();
                if !found.is_empty() {
                    members.insert(member.name.clone(), Json::Object(found));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn read_header(service: &Service, member: &Member, text: &str) -> Result<Json, Malformed> {
    let shape = service.shape(&member.shape);
    if member.jsonvalue {
        let plain =
            scalar::bytes(&Json::from(text)).map_err(|error| Malformed::new(error.to_string()))?;
        return serde_json::from_slice(&plain).map_err(|error| Malformed::new(error.to_string()));
    }
    match (shape.kind, shape.member.as_deref()) {
        (Kind::List, Some(element)) => {
            let kind = service.shape(&element.shape).kind;
            let texts = text
                .split(',')
                .map(|part| part.trim().trim_matches('"'))
                .filter(|part| !part.is_empty());
            let values: Result<Vec<Json>, Malformed> =
                texts.map(|part| scalar::parse(kind, part)).collect();
            values.map(Json::Array)
        }
        (kind, _) => scalar::parse(kind, text),
    }
}

/// The members of the body, or the member that is the body.
fn read_body(
    service: &Service,
    protocol: Protocol,
    shape: &Shape,
    body: &[u8],
    members: &mut Map<String, Json>,
) -> Result<(), Malformed> {
    if let Some(member) = shape
        .payload
        .as_ref()
        .and_then(|name| shape.member_named(name))
    {
        let payload = service.shape(&member.shape);
        if payload.eventstream {
            return Err(Malformed::new(format!(
                "{}: event streams are not supported",
                member.name
            )));
        }
        let streams = member.streaming || payload.streaming;
        if body.is_empty() && !streams {
            return Ok(());
        }
        let value = match (payload.kind, protocol) {
            (Kind::Blob, _) => Json::from(scalar::base64(body)),
            (Kind::String, _) => Json::from(String::from_utf8_lossy(body).into_owned()),
            (_, Protocol::RestXml) => Reader { service }.value(member, &xml::parse(body)?)?,
            _ => json::read(service, member, &json::parse(body)?)?,
        };
        members.insert(member.name.clone(), value);
        return Ok(());
    }
    if shape.members.iter().all(|member| member.location.is_some())
        || body.iter().all(u8::is_ascii_whitespace)
    {
        return Ok(());
    }
    let read = match protocol {
        Protocol::RestXml => Reader { service }.structure(shape, &xml::parse(body)?)?,
        _ => json::read_members(service, shape, &json::parse(body)?)?,
    };
    if let Json::Object(read) = read {
        members.extend(read);
    }
    Ok(())
}

/// What a request's path and query string say about an operation.
pub(super) struct Match {
    labels: Vec<(String, String)>,
    /// How much of the template is literal: the most literal of the templates that match is meant.
    pub literal: usize,
}

/// Whether a request is one of an operation's, by method, path and the literal parts of the query string.
pub(super) fn matches(
    operation: &Operation,
    method: &Method,
    path: &str,
    query: &[(String, String)],
) -> Option<Match> {
    if operation.http.method != method.as_str() {
        return None;
    }
    let (template, literal) = operation
        .http
        .request_uri
        .split_once('?')
        .unwrap_or((&operation.http.request_uri, ""));
    let mut found = Match {
        labels: Vec::new(),
        literal: 0,
    };
    for (name, value) in form::pairs(literal) {
        // `x-id` only tells operations apart in logs; clients need not send it.
        if name == "x-id" {
            continue;
        }
        query
            .iter()
            .find(|(key, given)| *key == name && (value.is_empty() || *given == value))?;
        found.literal += 1000;
    }
    let template: Vec<&str> = template.trim_matches('/').split('/').collect();
    let given: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let given = match given.as_slice() {
        // A slash at the end says nothing, unless a greedy label takes it.
        [rest @ .., ""]
            if !template.last().is_some_and(|part| part.ends_with("+}")) && !rest.is_empty() =>
        {
            rest.to_vec()
        }
        _ => given,
    };
    for (index, part) in template.iter().enumerate() {
        let Some(label) = part
            .strip_prefix('{')
            .and_then(|part| part.strip_suffix('}'))
        else {
            if given.get(index) != Some(part) {
                return None;
            }
            found.literal += 10;
            continue;
        };
        let text = match label.strip_suffix('+') {
            Some(_) => given.get(index..)?.join("/"),
            None => (*given.get(index)?).to_owned(),
        };
        if text.is_empty() {
            return None;
        }
        let greedy = label.ends_with('+');
        found
            .labels
            .push((label.trim_end_matches('+').to_owned(), form::decode(&text)));
        found.literal += usize::from(!greedy);
        if greedy {
            return Some(found);
        }
    }
    (template.len() == given.len()).then_some(found)
}

/// The input of a request.
pub(super) fn decode_request(
    service: &Service,
    operation: &Operation,
    protocol: Protocol,
    found: &Match,
    query: &[(String, String)],
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Json, Malformed> {
    let mut members = Map::new();
    let Some(shape) = service.input(operation) else {
        return Ok(Json::Object(members));
    };
    let named: Vec<&str> = shape
        .members
        .iter()
        .filter(|member| member.location == Some(Location::QueryString))
        .map(Member::wire_name)
        .collect();
    for member in &shape.members {
        let value = match member.location {
            Some(Location::Uri) => {
                let label = found
                    .labels
                    .iter()
                    .find(|(label, _)| label == member.wire_name());
                label
                    .map(|(_, text)| scalar::parse(service.shape(&member.shape).kind, text))
                    .transpose()?
            }
            Some(Location::QueryString) => read_query(service, member, query, &named)?,
            _ => None,
        };
        if let Some(value) = value {
            members.insert(member.name.clone(), value);
        }
    }
    read_headers(service, shape, headers, &mut members)?;
    read_body(service, protocol, shape, body, &mut members)?;
    Ok(Json::Object(members))
}

fn read_query(
    service: &Service,
    member: &Member,
    query: &[(String, String)],
    named: &[&str],
) -> Result<Option<Json>, Malformed> {
    let shape = service.shape(&member.shape);
    let mut given = query
        .iter()
        .filter(|(name, _)| name == member.wire_name())
        .map(|(_, value)| value)
        .peekable();
    match (shape.kind, shape.member.as_deref(), shape.value.as_deref()) {
        (Kind::List, Some(element), _) => {
            if given.peek().is_none() {
                return Ok(None);
            }
            let kind = service.shape(&element.shape).kind;
            let values: Result<Vec<Json>, Malformed> =
                given.map(|text| scalar::parse(kind, text)).collect();
            values.map(|values| Some(Json::Array(values)))
        }
        (Kind::Map, _, Some(value)) => {
            let value = service.shape(&value.shape);
            let mut entries = Map::new();
            for (name, text) in query
                .iter()
                .filter(|(name, _)| !named.contains(&name.as_str()))
            {
                if value.kind == Kind::List {
                    let list = entries
                        .entry(name.clone())
                        .or_insert_with(|| Json::Array(Vec::new()));
                    if let Json::Array(list) = list {
                        list.push(Json::from(text.as_str()));
                    }
                } else {
                    entries.insert(name.clone(), scalar::parse(value.kind, text)?);
                }
            }
            Ok((!entries.is_empty()).then_some(Json::Object(entries)))
        }
        (kind, ..) => given
            .next()
            .map(|text| scalar::parse(kind, text))
            .transpose(),
    }
}
