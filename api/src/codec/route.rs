//! Which service and operation an HTTP request is for, as AWS's front end decides it.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Request};
use serde_json::Value as Json;

use super::error::ApiError;
use super::form::{self, Node};
use super::{Malformed, cbor, chunked, json, query, rest_read};
use crate::model::{Location, Operation, Protocol, Service};
use crate::pack;

/// A request that the simulated AWS understood.
#[derive(Debug)]
pub struct Incoming {
    /// The service.
    pub service: &'static Service,
    /// The operation.
    pub operation: &'static Operation,
    /// The protocol of the request, and so of its answer.
    pub protocol: Protocol,
    /// The input, under the model's names.
    pub input: Json,
    /// The region of the signature; None when the request is not signed.
    pub region: Option<String>,
    /// The access key of the signature; None when the request is not signed.
    pub access_key: Option<String>,
}

/// A request that the simulated AWS cannot serve.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct RequestError {
    /// What to answer.
    pub error: ApiError,
    /// The service, as far as it is known: it decides how the error is written.
    pub service: Option<&'static Service>,
    /// The protocol, as far as it is known.
    pub protocol: Protocol,
}

impl RequestError {
    /// The answer: the error in the protocol of the request, or plain XML where no service is known.
    pub fn response(&self, request_id: &str) -> http::Response<Bytes> {
        match self.service.or_else(|| pack::service("sts")) {
            Some(service) => super::encode_error(service, self.protocol, &self.error, request_id),
            None => super::answer(self.error.status, "text/plain", self.error.to_string()),
        }
    }
}

/// The signature's scope: `AKID/20240102/us-east-1/ec2/aws4_request`.
struct Scope {
    access_key: String,
    region: String,
    signing_name: String,
}

fn scope(headers: &HeaderMap, query: &[(String, String)]) -> Option<Scope> {
    let header = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let credential = match header.and_then(|header| header.split_once("Credential=")) {
        Some((_, rest)) => rest.split([',', ' ']).next()?,
        None => query
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("X-Amz-Credential"))?
            .1
            .as_str(),
    };
    // Access keys have no slash, but test keys may: count from the end.
    let mut parts = credential.rsplitn(5, '/');
    let _terminator = parts.next()?;
    let signing_name = parts.next()?.to_owned();
    let region = parts.next()?.to_owned();
    let _date = parts.next()?;
    let access_key = parts.next()?.to_owned();
    Some(Scope {
        access_key,
        region,
        signing_name,
    })
}

/// Reads a request. The service comes from the signature's scope, the protocol and the operation from the request's form.
/// Signatures are not verified.
///
/// # Errors
/// When no packed service has such an operation, or the input does not fit its model.
pub fn decode_request(request: &Request<Bytes>) -> Result<Incoming, RequestError> {
    let plain = chunked::plain(request).map_err(|malformed| RequestError {
        error: ApiError::new("IncompleteBody", malformed.to_string()),
        service: pack::service("s3"),
        protocol: Protocol::RestXml,
    })?;
    let request = plain.as_ref().unwrap_or(request);
    let headers = request.headers();
    let pairs: Vec<(String, String)> =
        form::pairs(request.uri().query().unwrap_or_default()).collect();
    let scope = scope(headers, &pairs);
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let signed: Vec<&'static Service> = match &scope {
        Some(scope) => pack::signed_as(&scope.signing_name).collect(),
        None => Vec::new(),
    };
    // Unsigned calls exist (AssumeRoleWithWebIdentity), and what is signed under an unknown name may still be told by its target.
    let everywhere = || signed.iter().copied().chain(pack::services());
    let refuse = |service: Option<&'static Service>, protocol, error| RequestError {
        error,
        service: service.or_else(|| signed.first().copied()),
        protocol,
    };

    // CBOR's paths and JSON's header name service and operation alike.
    let by_target = |target: &str, name: &str, protocol| {
        everywhere()
            .filter(|service| service.metadata.target_prefix.as_deref() == Some(target))
            .find_map(|service| Some((service, service.operation(name)?)))
            .ok_or_else(|| {
                let error =
                    ApiError::new("UnknownOperationException", format!("no operation {name}"));
                refuse(None, protocol, error)
            })
    };

    let path = request.uri().path();
    let found: (
        &'static Service,
        &'static Operation,
        Protocol,
        Result<Json, Malformed>,
    );
    if let Some((target, name)) = path
        .strip_prefix("/service/")
        .and_then(|rest| rest.split_once("/operation/"))
    {
        let protocol = Protocol::SmithyRpcV2Cbor;
        let (service, operation) = by_target(target, name, protocol)?;
        found = (
            service,
            operation,
            protocol,
            cbor::decode_request(service, operation, request.body()),
        );
    } else if let Some((prefix, name)) = text("x-amz-target").rsplit_once('.') {
        let protocol = Protocol::Json;
        let (service, operation) = by_target(prefix, name, protocol)?;
        found = (
            service,
            operation,
            protocol,
            json::decode_request(service, operation, request.body()),
        );
    } else {
        let form = if text(CONTENT_TYPE.as_str()).starts_with("application/x-www-form-urlencoded") {
            Node::from_form(&String::from_utf8_lossy(request.body()))
        } else {
            Node::from_form(request.uri().query().unwrap_or_default())
        };
        found = match form.text("Action") {
            Some(action) => by_action(action, &form, &signed).map_err(|(service, error)| {
                let protocol = service
                    .or_else(|| signed.first().copied())
                    .map_or(Protocol::Query, query_protocol);
                refuse(service, protocol, error)
            })?,
            None => by_uri(request, &pairs, &signed).ok_or_else(|| {
                let protocol = signed
                    .first()
                    .map_or(Protocol::RestXml, |service| service.client_protocol());
                let message = format!("no operation answers {} {path}", request.method());
                refuse(
                    None,
                    protocol,
                    ApiError::new("UnknownOperationException", message).with_status(404),
                )
            })?,
        };
    }
    let (service, operation, protocol, input) = found;
    let input = input.map_err(|malformed| {
        let code = match protocol {
            Protocol::Query | Protocol::Ec2 => "MalformedInput",
            Protocol::RestXml => "MalformedXML",
            _ => "SerializationException",
        };
        refuse(
            Some(service),
            protocol,
            ApiError::new(code, malformed.to_string()),
        )
    })?;
    let (region, access_key) = scope.map(|scope| (scope.region, scope.access_key)).unzip();
    Ok(Incoming {
        service,
        operation,
        protocol,
        input,
        region,
        access_key,
    })
}

fn query_protocol(service: &Service) -> Protocol {
    if service.metadata.protocols.contains(&Protocol::Ec2) {
        Protocol::Ec2
    } else {
        Protocol::Query
    }
}

type Found = (
    &'static Service,
    &'static Operation,
    Protocol,
    Result<Json, Malformed>,
);

/// Several services share a signing name (the load balancers): the version tells them apart.
fn by_action(
    action: &str,
    form: &Node,
    signed: &[&'static Service],
) -> Result<Found, (Option<&'static Service>, ApiError)> {
    let speaks = |service: &Service| {
        service
            .metadata
            .protocols
            .iter()
            .any(|it| matches!(it, Protocol::Query | Protocol::Ec2))
    };
    let version = form.text("Version");
    let fits = |service: &Service| {
        speaks(service)
            && service.operation(action).is_some()
            && version.is_none_or(|version| version == service.metadata.api_version)
    };
    let mut candidates: Vec<&'static Service> = signed.to_vec();
    if candidates.is_empty() {
        candidates = pack::services().collect();
    }
    let found = candidates.iter().copied().find(|service| fits(service));
    let unknown = || {
        let message = match version {
            Some(version) => format!(
                "The action {action} is not valid for this web service (version {version})."
            ),
            None => format!("The action {action} is not valid for this web service."),
        };
        let service = candidates
            .iter()
            .copied()
            .find(|service| speaks(service))
            .filter(|_| !signed.is_empty());
        (service, ApiError::new("InvalidAction", message))
    };
    let service = found.ok_or_else(unknown)?;
    let operation = service.operation(action).ok_or_else(unknown)?;
    let protocol = query_protocol(service);
    Ok((
        service,
        operation,
        protocol,
        query::decode_request(service, operation, protocol, form),
    ))
}

fn by_uri(
    request: &Request<Bytes>,
    pairs: &[(String, String)],
    signed: &[&'static Service],
) -> Option<Found> {
    let candidates: Vec<&'static Service> = if signed.is_empty() {
        pack::services().collect()
    } else {
        signed.to_vec()
    };
    let mut best: Option<(
        &'static Service,
        &'static Operation,
        Protocol,
        rest_read::Match,
    )> = None;
    for service in candidates {
        let rest = [Protocol::RestJson, Protocol::RestXml];
        let Some(protocol) = rest
            .into_iter()
            .find(|protocol| service.metadata.protocols.contains(protocol))
        else {
            continue;
        };
        let path = bucket_in_path(service, request);
        for operation in service.operations.values() {
            // What makes an operation S3's `CopyObject` rather than `PutObject` is a required header; `UploadPart`, a parameter.
            let Some(mut found) = rest_read::matches(operation, request.method(), &path, pairs)
            else {
                continue;
            };
            let Some(required) = required(service, operation, request.headers(), pairs) else {
                continue;
            };
            // An older operation at the same address gives way to its successor.
            found.literal = 2 * (found.literal + required) + usize::from(!operation.deprecated);
            if best
                .as_ref()
                .is_none_or(|(.., other)| found.literal > other.literal)
            {
                best = Some((service, operation, protocol, found));
            }
        }
    }
    let (service, operation, protocol, found) = best?;
    let input = rest_read::decode_request(
        service,
        operation,
        protocol,
        &found,
        pairs,
        request.headers(),
        request.body(),
    );
    Some((service, operation, protocol, input))
}

/// How many headers and parameters the operation requires, or None if one of them is absent.
fn required(
    service: &Service,
    operation: &Operation,
    headers: &HeaderMap,
    query: &[(String, String)],
) -> Option<usize> {
    let Some(shape) = service.input(operation) else {
        return Some(0);
    };
    let mut count = 0;
    for member in shape
        .members
        .iter()
        .filter(|member| shape.requires(&member.name))
    {
        let given = match member.location {
            Some(Location::Header) => headers.contains_key(member.wire_name()),
            Some(Location::QueryString) => query.iter().any(|(name, _)| name == member.wire_name()),
            _ => continue,
        };
        if !given {
            return None;
        }
        count += 1;
    }
    Some(count)
}

/// The path with S3's bucket in front, where a client put it into the host (`bucket.s3.us-east-1.amazonaws.com`).
fn bucket_in_path(service: &Service, request: &Request<Bytes>) -> String {
    let path = request.uri().path();
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .or_else(|| request.uri().host());
    if service.metadata.service_id == "S3" {
        let cut = host.and_then(|host| {
            [".s3.", ".s3-"]
                .iter()
                .find_map(|mark| host.find(mark).map(|at| &host[..at]))
        });
        if let Some(bucket) = cut {
            return format!("/{bucket}{path}");
        }
    }
    path.to_owned()
}
