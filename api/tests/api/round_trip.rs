//! Every operation of every packed service, in every protocol that it speaks: what one end writes, the other end reads.

use bytes::Bytes;
use http::{HeaderMap, Request};
use payctl_api::codec::{self, EncodedRequest};
use payctl_api::{Kind, Location, Member, Operation, Service, Shape};
use serde_json::{Map, Value as Json, json};

/// A generator of values that fit a shape; the same seed gives the same values.
struct Generator<'a> {
    service: &'a Service,
    seed: u64,
}

impl Generator<'_> {
    fn roll(&mut self, sides: u64) -> u64 {
        // Knuth's MMIX generator; its high bits are good enough here.
        self.seed = self
            .seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.seed >> 33) % sides
    }

    fn structure(&mut self, shape: &Shape, depth: u32) -> Map<String, Json> {
        let mut members = Map::new();
        let only = shape
            .union
            .then(|| self.roll(shape.members.len().max(1) as u64) as usize);
        for (index, member) in shape.members.iter().enumerate() {
            let wanted = match only {
                Some(only) => index == only,
                None => shape.requires(&member.name) || (depth < 5 && self.roll(10) < 6),
            };
            let streams = self.service.shape(&member.shape).eventstream;
            if (wanted || member.location == Some(Location::Uri) || member.host_label)
                && depth < 9
                && !streams
            {
                let value = self.value(member, depth + 1);
                members.insert(member.name.clone(), value);
            }
        }
        members
    }

    fn value(&mut self, member: &Member, depth: u32) -> Json {
        let shape = self.service.shape(&member.shape);
        if member.jsonvalue {
            return json!({"a": [1, "b"]});
        }
        match shape.kind {
            Kind::Structure if shape.document => json!({"any": ["thing", 1, true, null]}),
            Kind::Structure => Json::Object(self.structure(shape, depth)),
            Kind::List => {
                let element = shape.member.as_deref().expect("a list has an element");
                let count = if depth > 7 { 1 } else { 1 + self.roll(2) };
                let inside = Member {
                    location: member.location,
                    ..clone(element)
                };
                Json::Array((0..count).map(|_| self.value(&inside, depth + 1)).collect())
            }
            Kind::Map => {
                let (key, value) = (
                    shape.key.as_deref().expect("a key"),
                    shape.value.as_deref().expect("a value"),
                );
                let variants = &self.service.shape(&key.shape).variants;
                let names = match (variants.as_slice(), member.location) {
                    ([first, second, ..], _) => [first.clone(), second.clone()],
                    (_, None) => [String::from("one.two"), String::from("Three <&>")],
                    _ => [String::from("one"), String::from("two")],
                };
                let inside = Member {
                    location: member.location,
                    ..clone(value)
                };
                Json::Object(
                    names
                        .into_iter()
                        .map(|name| (name, self.value(&inside, depth + 1)))
                        .collect(),
                )
            }
            Kind::String | Kind::Character => match (shape.variants.is_empty(), member.location) {
                (false, _) => {
                    let index = self.roll(shape.variants.len() as u64) as usize;
                    Json::from(shape.variants[index].as_str())
                }
                (true, Some(Location::Uri)) => Json::from(format!("label {}%", self.roll(100))),
                (true, Some(Location::Header | Location::Headers)) => {
                    Json::from(format!("text{}", self.roll(100)))
                }
                (true, _) if member.host_label => Json::from("label"),
                (true, _) => Json::from(format!(" é<&>\"'\n+=%\t{} ", self.roll(100))),
            },
            Kind::Integer | Kind::Long if member.location == Some(Location::StatusCode) => {
                json!(200)
            }
            Kind::Integer | Kind::Long => Json::from(self.roll(1_000_000) as i64 - 1000),
            Kind::Float | Kind::Double => Json::from(self.roll(1000) as f64 + 0.25),
            Kind::Boolean => Json::from(self.roll(2) == 0),
            Kind::Blob => json!("AP/+YWJj"),
            Kind::Timestamp if member.location.is_some() || member.timestamp_format.is_some() => {
                json!(1_704_164_645)
            }
            Kind::Timestamp => json!(1_704_164_645.25),
        }
    }
}

fn clone(member: &Member) -> Member {
    Member {
        name: member.name.clone(),
        shape: member.shape.clone(),
        location_name: member.location_name.clone(),
        query_name: None,
        location: None,
        flattened: member.flattened,
        xml_attribute: false,
        xml_namespace: None,
        idempotency_token: false,
        host_label: false,
        streaming: false,
        jsonvalue: false,
        deprecated: false,
        timestamp_format: member.timestamp_format,
        context_param: None,
    }
}

/// Without empty structures, which forms cannot carry.
fn without_empty(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(name, value)| (name.clone(), without_empty(value)));
            Json::Object(
                members
                    .filter(|(_, value)| *value != json!({}) && *value != json!([]))
                    .collect(),
            )
        }
        Json::Array(elements) => {
            let elements = elements.iter().map(without_empty);
            Json::Array(
                elements
                    .filter(|value| *value != json!({}) && *value != json!([]))
                    .collect(),
            )
        }
        other => other.clone(),
    }
}

/// Without what one end adds of its own: the status, an empty stream, the body's type and its checksum.
fn comparable(service: &Service, shape: Option<&Shape>, value: &Json) -> Json {
    let added = [
        "Content-Type",
        "x-amz-sdk-checksum-algorithm",
        "x-amz-checksum-sha256",
    ];
    let mut value = without_empty(value);
    for member in shape.into_iter().flat_map(|shape| &shape.members) {
        let streams = member.streaming || service.shape(&member.shape).streaming;
        let header =
            member.location == Some(Location::Header) && added.contains(&member.wire_name());
        let empty_stream = streams && value.get(&member.name) == Some(&json!(""));
        if let Some(members) = value.as_object_mut()
            && (header || empty_stream || member.location == Some(Location::StatusCode))
        {
            members.remove(&member.name);
        }
    }
    value
}

fn request(service: &Service, encoded: EncodedRequest) -> Request<Bytes> {
    let mut request = Request::new(encoded.body);
    *request.method_mut() = encoded.method;
    *request.uri_mut() = encoded
        .uri
        .parse()
        .unwrap_or_else(|error| panic!("{}: {error}", encoded.uri));
    *request.headers_mut() = encoded.headers;
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential=AKID/20240102/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0",
        service.metadata.signing_name()
    );
    request
        .headers_mut()
        .insert("authorization", scope.parse().expect("a header"));
    request
}

/// Pairs that nothing on the wire tells apart: AWS kept an older operation beside its successor, at the same address.
fn same_address(one: &Operation, other: &Operation) -> bool {
    let address = |operation: &Operation| {
        let uri = operation.http.request_uri.replace("x-id=", "");
        (
            operation.http.method.clone(),
            uri.replace(&operation.name, "")
                .trim_end_matches(['?', '&'])
                .to_owned(),
        )
    };
    address(one) == address(other)
}

/// What does not go both ways: streams of events, and S3's first notifications, two of whose members share an element's name.
fn one_way(service: &Service, operation: &Operation, shape: Option<&Shape>) -> bool {
    operation.name.ends_with("BucketNotification")
        || shape.is_some_and(|shape| {
            shape
                .members
                .iter()
                .any(|member| service.shape(&member.shape).eventstream)
        })
}

#[test]
fn requests() {
    let mut count = 0;
    for service in payctl_api::services() {
        for protocol in service.metadata.protocols.iter().copied() {
            for (number, operation) in service.operations.values().enumerate() {
                if one_way(service, operation, service.input(operation)) {
                    continue;
                }
                for round in 0..3 {
                    let mut generator = Generator {
                        service,
                        seed: number as u64 * 1000 + round,
                    };
                    let input = service
                        .input(operation)
                        .map(|shape| generator.structure(shape, 0))
                        .unwrap_or_default();
                    let input = Json::Object(input);
                    let name = format!("{} {} {protocol:?}", service.name, operation.name);
                    let encoded = codec::encode_request_in(service, operation, protocol, &input)
                        .unwrap_or_else(|error| panic!("{name}: {error}"));
                    let shown = format!(
                        "{} {}\n{}",
                        encoded.method,
                        encoded.uri,
                        String::from_utf8_lossy(&encoded.body)
                    );
                    let incoming = codec::decode_request(&request(service, encoded))
                        .unwrap_or_else(|error| panic!("{name}: {error}\n{shown}"));
                    assert_eq!(incoming.service.name, service.name);
                    assert_eq!(incoming.protocol, protocol, "{name}");
                    assert_eq!(
                        (incoming.region.as_deref(), incoming.access_key.as_deref()),
                        (Some("eu-west-1"), Some("AKID"))
                    );
                    if incoming.operation.name != operation.name {
                        assert!(
                            same_address(operation, incoming.operation),
                            "{name}: taken for {}\n{shown}",
                            incoming.operation.name
                        );
                        continue;
                    }
                    let shape = service.input(operation);
                    assert_eq!(
                        comparable(service, shape, &incoming.input),
                        comparable(service, shape, &input),
                        "{name}\n{shown}"
                    );
                    count += 1;
                }
            }
        }
    }
    assert!(count > 7000, "{count}");
}

#[test]
fn answers() {
    let mut count = 0;
    for service in payctl_api::services() {
        for protocol in service.metadata.protocols.iter().copied() {
            for (number, operation) in service.operations.values().enumerate() {
                if one_way(service, operation, service.output(operation)) {
                    continue;
                }
                for round in 0..3 {
                    let mut generator = Generator {
                        service,
                        seed: number as u64 * 1000 + round + 77,
                    };
                    let output = service
                        .output(operation)
                        .map(|shape| generator.structure(shape, 0))
                        .unwrap_or_default();
                    let output = Json::Object(output);
                    let name = format!("{} {} {protocol:?}", service.name, operation.name);
                    let response =
                        codec::encode_response(service, operation, protocol, &output, "r-1");
                    let shown = format!(
                        "{:?}\n{}",
                        response.headers(),
                        String::from_utf8_lossy(response.body())
                    );
                    let (parts, body) = response.into_parts();
                    let read = codec::decode_response_in(
                        service,
                        operation,
                        protocol,
                        parts.status.as_u16(),
                        &parts.headers,
                        &body,
                    );
                    let read = read.unwrap_or_else(|error| panic!("{name}: {error}\n{shown}"));
                    let shape = service.output(operation);
                    assert_eq!(
                        comparable(service, shape, &read),
                        comparable(service, shape, &output),
                        "{name}\n{shown}"
                    );
                    count += 1;
                }
            }
        }
    }
    assert!(count > 7000, "{count}");
}

#[test]
fn errors() {
    for service in payctl_api::services() {
        let Some(operation) = service.operations.values().next() else {
            continue;
        };
        for protocol in service.metadata.protocols.iter().copied() {
            let names: Vec<&String> = service
                .shapes
                .iter()
                .filter(|(_, shape)| shape.exception)
                .map(|(name, _)| name)
                .collect();
            for name in names
                .into_iter()
                .cloned()
                .chain([String::from("Unmodelled.Code")])
            {
                let error = codec::ApiError::new(name.as_str(), "it <broke> & \"fell\"");
                let response = codec::encode_error(service, protocol, &error, "r-1");
                let (parts, body) = response.into_parts();
                let result = codec::decode_response_in(
                    service,
                    operation,
                    protocol,
                    parts.status.as_u16(),
                    &parts.headers,
                    &body,
                );
                let read = result.expect_err("an error");
                let coded = service
                    .shapes
                    .get(&name)
                    .and_then(|shape| shape.error.as_ref()?.code.clone());
                let codes = [Some(name.clone()), coded];
                assert!(
                    codes.contains(&Some(read.code.clone())),
                    "{} {protocol:?} {name}: {read:?}",
                    service.name
                );
                assert_eq!(
                    read.message, error.message,
                    "{} {protocol:?} {name}",
                    service.name
                );
                assert_eq!(read.request_id.as_deref(), Some("r-1"));
                assert_eq!(read.status, parts.status.as_u16());
            }
        }
    }
}

#[test]
fn garbage_is_an_error_with_words() {
    let page = b"<html>\n<body><h1>502 Bad\n Gateway</h1><br></body></html>";
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "text/html".parse().expect("a header"));
    for service in payctl_api::services() {
        for protocol in service.metadata.protocols.iter().copied() {
            for operation in service.operations.values() {
                let error =
                    codec::decode_response_in(service, operation, protocol, 502, &headers, page)
                        .expect_err("an error");
                assert_eq!(error.code, "HTTP 502");
                assert_eq!(
                    error.message,
                    "502 Bad Gateway, text/html: <html> <body><h1>502 Bad Gateway</h1><br></body></html>"
                );
                for garbage in [
                    &b""[..],
                    b"null",
                    b"[]",
                    b"<",
                    b"\xff\xfe",
                    b"{\"a\":",
                    page,
                ] {
                    // Whatever it is, it must not panic.
                    let _ = codec::decode_response_in(
                        service, operation, protocol, 200, &headers, garbage,
                    );
                    let _ = codec::decode_response_in(
                        service, operation, protocol, 400, &headers, garbage,
                    );
                }
            }
        }
    }
}
