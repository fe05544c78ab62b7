//! From HTTP to a call and back: decoding and encoding are `payctl_api`'s.

use crate::call::{digest, uuid};
use crate::sandbox::Sandbox;
use bytes::Bytes;
use payctl_api::codec::{self, ApiError};
use serde_json::Value as Json;

/// The region of a request that is not signed.
const REGION: &str = "us-east-1";

/// Answers an HTTP request as AWS would.
pub(crate) fn answer(sandbox: &Sandbox, request: &http::Request<Bytes>) -> http::Response<Bytes> {
    let mut response = respond(sandbox, request);
    if request.method() == http::Method::HEAD {
        // Not even an error has one then (RFC 9110, 9.3.2).
        *response.body_mut() = Bytes::new();
    }
    response
}

fn respond(sandbox: &Sandbox, request: &http::Request<Bytes>) -> http::Response<Bytes> {
    // The same request at the same time has the same id; ids need be unique to the eye only.
    let parts = [
        request.method().as_str(),
        &request.uri().to_string(),
        &sandbox.now().to_string(),
    ];
    let id = uuid(&digest(&parts));
    let incoming = match codec::decode_request(request) {
        Ok(incoming) => incoming,
        Err(error) => return error.response(&id),
    };
    let region = incoming
        .region
        .as_deref()
        .filter(|region| !region.is_empty())
        .unwrap_or(REGION);
    let key = incoming.access_key.as_deref().unwrap_or_default();
    let (service, operation) = (incoming.service, incoming.operation);
    tracing::trace!(
        service = service.name,
        operation = operation.name,
        region,
        "sandbox"
    );
    match sandbox.invoke(key, region, &service.name, &operation.name, incoming.input) {
        Ok(output) => codec::encode_response(service, operation, incoming.protocol, &output, &id),
        Err(refusal) => {
            let members = if refusal.members.is_empty() {
                Json::Null
            } else {
                Json::Object(refusal.members)
            };
            let error = ApiError {
                code: refusal.code,
                message: refusal.message,
                status: refusal.status,
                members,
            };
            codec::encode_error(service, incoming.protocol, &error, &id)
        }
    }
}
