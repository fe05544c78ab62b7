//! The public parameters that AWS keeps for everyone: images, by their names (Systems Manager User Guide, Discovering public parameters).

use crate::call::{Call, digest};
use serde_json::{Value as Json, json};

/// Amazon Linux (`/aws/service/ami-amazon-linux-latest/…`).
pub(crate) const LINUX: &[&str] = &[
    "al2023-ami-kernel-6.1-arm64",
    "al2023-ami-kernel-6.1-x86_64",
    "al2023-ami-kernel-default-arm64",
    "al2023-ami-kernel-default-x86_64",
    "al2023-ami-minimal-kernel-6.1-arm64",
    "al2023-ami-minimal-kernel-6.1-x86_64",
    "al2023-ami-minimal-kernel-default-arm64",
    "al2023-ami-minimal-kernel-default-x86_64",
    "amzn2-ami-hvm-arm64-gp2",
    "amzn2-ami-hvm-x86_64-ebs",
    "amzn2-ami-hvm-x86_64-gp2",
    "amzn2-ami-kernel-5.10-hvm-arm64-gp2",
    "amzn2-ami-kernel-5.10-hvm-x86_64-ebs",
    "amzn2-ami-kernel-5.10-hvm-x86_64-gp2",
    "amzn2-ami-minimal-hvm-arm64-ebs",
    "amzn2-ami-minimal-hvm-x86_64-ebs",
];

/// Where they stand.
pub(crate) const LINUX_AT: &str = "/aws/service/ami-amazon-linux-latest/";

/// The public parameter of this name (or ARN), if AWS has such.
pub(super) fn parameter(call: &Call, asked: &str) -> Option<Json> {
    let name = match asked.split_once(":parameter/") {
        Some((_, path)) => format!("/{path}"),
        None => asked.to_owned(),
    };
    let image = match name.strip_prefix("/aws/service/")?.split_once('/')? {
        ("ami-amazon-linux-latest", image) => LINUX.contains(&image),
        ("ami-windows-latest", image) => image.starts_with("Windows_Server-"),
        ("ecs", rest) => {
            rest.starts_with("optimized-ami/") && rest.ends_with("/recommended/image_id")
        }
        ("eks", rest) => rest.starts_with("optimized-ami/") && rest.ends_with("/image_id"),
        ("bottlerocket", rest) => rest.ends_with("/image_id"),
        ("canonical", rest) => rest.starts_with("ubuntu/") && rest.ends_with("/ami-id"),
        ("debian", rest) => rest.starts_with("release/"),
        ("freebsd", rest) => rest.ends_with("/release") || rest.contains("/release/"),
        _ => false,
    };
    image.then(|| show(call, &name))
}

/// An image's identifier, another in each region.
pub(crate) fn image(region: &str, parameter: &str) -> String {
    format!("ami-0{}", &digest(&[region, parameter])[..16])
}

fn show(call: &Call, name: &str) -> Json {
    let id = image(&call.region, name);
    json!({
        "Name": name,
        "Type": "String",
        "Value": id,
        "Version": 1,
        // The past, so that it does not change with every look.
        "LastModifiedDate": 1_700_000_000.0,
        "ARN": format!("arn:{}:ssm:{}::parameter{name}", call.partition(), call.region),
        "DataType": "aws:ec2:image",
    })
}

/// The public parameters below a path.
pub(super) fn below(call: &Call, path: &str) -> Vec<(String, Json)> {
    if path.trim_end_matches('/') != LINUX_AT.trim_end_matches('/') {
        return Vec::new();
    }
    LINUX
        .iter()
        .map(|image| {
            let name = format!("{LINUX_AT}{image}");
            (name.clone(), show(call, &name))
        })
        .collect()
}
