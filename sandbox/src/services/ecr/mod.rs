//! ECR: repositories and the manifests of their images. Layers are not kept: docker pushes them to the registry's own HTTP API.

mod images;
mod policies;
mod repositories;

use crate::call::{Call, digest};
use crate::error::{Answer, Fault};
use crate::kind::{Service, list_tags, run, tag, untag};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

/// Amazon Elastic Container Registry.
pub const SERVICE: Service = Service {
    name: "ecr",
    kinds: &[&repositories::REPOSITORY, &images::IMAGE],
    operations: &[
        run("GetAuthorizationToken", authorize),
        tag("TagResource", "resourceArn", "tags"),
        untag("UntagResource", "resourceArn", "tagKeys"),
        list_tags("ListTagsForResource", "resourceArn", "tags"),
    ],
    laws: &[
        &repositories::EXCLUSIONS,
        &repositories::KEY,
        &images::MANIFEST,
        &images::DIGEST,
        &images::TAKEN,
        &images::THERE,
        &policies::LIFECYCLE,
        &policies::ACCESS,
    ],
    invalid: Fault::new("InvalidParameterException", "{message}"),
    missing: Fault::new("InvalidParameterException", "{message}"),
    ..Service::NEW
};

/// A registry's address.
fn registry(call: &Call) -> String {
    let domain = match call.partition() {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    format!("{}.dkr.ecr.{}.{domain}", call.account, call.region)
}

/// "The authorization token is valid for 12 hours" (GetAuthorizationToken).
fn authorize(call: &mut Call) -> Answer {
    let secret = digest(&[
        "registry",
        &call.account,
        &call.region,
        &call.now.to_string(),
    ]);
    Ok(json!({"authorizationData": [{
        "authorizationToken": STANDARD.encode(format!("AWS:{secret}")),
        "expiresAt": call.now + 12.0 * 3600.0,
        "proxyEndpoint": format!("https://{}", registry(call)),
    }]}))
}
