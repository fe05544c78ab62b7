//! The code that a request brings: kept is only what it is known by.

use super::laws::{ARCHIVE, STORED, code_of};
use crate::call::Call;
use crate::error::Refusal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

/// What is known of a function's code.
pub(super) struct Taken {
    /// SHA-256 in base64; of an image its digest.
    pub(super) sha256: String,
    /// Bytes.
    pub(super) size: u64,
    /// How GetFunction says where it lies.
    pub(super) location: Json,
}

/// Takes the code that the request names.
///
/// # Errors
/// Where it is not there, or is no archive.
pub(super) fn take(call: &mut Call, function: &str) -> Result<Taken, Refusal> {
    let code = code_of(call).clone();
    let text = |name: &str| code.get(name).and_then(Json::as_str);
    if let Some(uri) = text("ImageUri") {
        let digest = match uri.split_once("@sha256:") {
            Some((_, digest)) => digest.to_owned(),
            // A tag stands for what it names now.
            None => crate::call::digest(&["image", uri]),
        };
        let repository = uri.split('@').next().unwrap_or(uri);
        let repository = match repository.rsplit_once('/') {
            Some((host, name)) => {
                format!("{host}/{}", name.split(':').next().unwrap_or(name))
            }
            None => repository.to_owned(),
        };
        return Ok(Taken {
            location: json!({"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": format!("{repository}@sha256:{digest}")}),
            sha256: digest,
            size: 0,
        });
    }
    let bytes = match (text("ZipFile"), text("S3Bucket"), text("S3Key")) {
        (Some(base64), _, _) => STANDARD.decode(base64).unwrap_or_default(),
        (None, Some(bucket), Some(key)) => {
            let mut input = json!({"Bucket": bucket, "Key": key});
            if let Some(version) = text("S3ObjectVersion") {
                input["VersionId"] = version.into();
            }
            let answer = call.call("s3", "GetObject", input).map_err(|refusal| {
                let message = refusal.message.as_str();
                STORED
                    .fault
                    .with(&[("code", &refusal.code), ("message", message)])
            })?;
            let body = answer["Body"].as_str().unwrap_or_default();
            STANDARD.decode(body).unwrap_or_default()
        }
        _ => Vec::new(),
    };
    // The signature of a zip archive's first file.
    if !bytes.starts_with(b"PK\x03\x04") {
        return Err(ARCHIVE.fault.with(&[]));
    }
    let location = format!(
        "https://awslambda-{0}-tasks.s3.{0}.amazonaws.com/snapshots/{1}/{function}",
        call.region, call.account
    );
    Ok(Taken {
        sha256: STANDARD.encode(Sha256::digest(&bytes)),
        size: bytes.len() as u64,
        location: json!({"RepositoryType": "S3", "Location": location}),
    })
}
