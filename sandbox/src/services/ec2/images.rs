//! Machine images: those that AWS keeps for everyone.
//!
//! AWS and its users have published more images than a simulation can list, and templates name them by identifier. So every well-formed
//! identifier is an image here, but one that is known to belong to another region; the images of Systems Manager's public
//! parameters have the names and processors that these say.

use super::PAGES;
use crate::call::{Call, digest};
use crate::error::{Answer, Refusal};
use crate::filter;
use crate::law::Law;
use crate::registry;
use crate::services::ssm::public;
use serde_json::{Value as Json, json};

/// An image is one region's.
pub const REGIONAL: Law = Law {
    name: "an image is there in its region only",
    operations: &["RunInstances"],
    source: "Amazon EC2 User Guide, Amazon Machine Images: \"AMIs are a regional resource\"; API Reference, Error codes: InvalidAMIID.NotFound",
    fault: crate::error::Fault::new(
        "InvalidAMIID.NotFound",
        "The image id '[{id}]' does not exist",
    ),
    check: None,
};

/// Regions whose public images are known.
const REGIONS: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-2",
    "eu-north-1",
    "ap-northeast-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-south-1",
    "sa-east-1",
];

/// The name under which Systems Manager knows an image of a region.
fn published(region: &str, id: &str) -> Option<&'static str> {
    public::LINUX
        .iter()
        .find(|name| public::image(region, &format!("{}{name}", public::LINUX_AT)) == id)
        .copied()
}

fn well_formed(id: &str) -> bool {
    id.strip_prefix("ami-").is_some_and(|digits| {
        matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// An image as DescribeImages shows it.
///
/// # Errors
/// AWS's codes for what is no identifier, and for an image of another region.
pub(super) fn need(call: &Call, id: &str) -> Result<Json, Refusal> {
    if !well_formed(id) {
        let message = format!("Invalid id: \"{id}\" (expecting \"ami-...\")");
        return Err(Refusal::new("InvalidAMIID.Malformed", message));
    }
    let name = published(&call.region, id);
    let elsewhere = name.is_none() && REGIONS.iter().any(|region| published(region, id).is_some());
    if elsewhere {
        return Err(REGIONAL.fault.with(&[("id", id)]));
    }
    Ok(show(id, name))
}

fn show(id: &str, name: Option<&str>) -> Json {
    let digits = digest(&["image", id]);
    let old = name.is_some_and(|name| name.starts_with("amzn2"));
    let mut image = json!({
        "ImageId": id, "Name": name.unwrap_or(id), "ImageLocation": format!("amazon/{}", name.unwrap_or(id)),
        "OwnerId": "137112412989", "ImageOwnerAlias": "amazon", "Public": true, "State": "available", "ImageType": "machine",
        "VirtualizationType": "hvm", "Hypervisor": "xen", "EnaSupport": true, "SriovNetSupport": "simple", "RootDeviceType": "ebs",
        "RootDeviceName": "/dev/xvda", "CreationDate": "2023-11-14T22:13:20.000Z", "PlatformDetails": "Linux/UNIX",
        "UsageOperation": "RunInstances", "BootMode": "uefi-preferred",
        "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {
            "DeleteOnTermination": true, "Encrypted": false, "SnapshotId": format!("snap-{}", &digits[..17]), "VolumeSize": 8,
            "VolumeType": if old { "gp2" } else { "gp3" }, "Iops": if old { Json::Null } else { 3000.into() },
        }}],
    });
    if let Some(name) = name {
        image["Architecture"] = if name.contains("arm64") {
            "arm64"
        } else {
            "x86_64"
        }
        .into();
        image["PublicSsmParameterName"] = format!("{}{name}", public::LINUX_AT).into();
    }
    // Amazon Linux 2023 asks for tokens (EC2 User Guide, "Order of precedence for instance metadata options").
    if !old {
        image["ImdsSupport"] = "v2.0".into();
    }
    image
}

/// DescribeImages: the named ones, else those that Systems Manager knows.
pub(super) fn describe(call: &mut Call) -> Answer {
    let call = &*call;
    let named = call.texts("ImageIds[]");
    let ids: Vec<String> = match named.is_empty() {
        true => public::LINUX
            .iter()
            .map(|name| public::image(&call.region, &format!("{}{name}", public::LINUX_AT)))
            .collect(),
        false => named.clone(),
    };
    let mut shown = Vec::new();
    for id in ids {
        let mut image = need(call, &id)?;
        if image.get("Architecture").is_none() {
            image["Architecture"] = "x86_64".into();
        }
        shown.push((id, image));
    }
    let owners = call.texts("Owners[]");
    shown.retain(|(_, image)| {
        owners.is_empty()
            || owners.iter().any(|owner| {
                image["OwnerId"] == owner.as_str() || image["ImageOwnerAlias"] == owner.as_str()
            })
    });
    let filters = [
        ("architecture", "Architecture"),
        ("image-id", "ImageId"),
        ("image-type", "ImageType"),
        ("is-public", "Public"),
        ("name", "Name"),
        ("owner-alias", "ImageOwnerAlias"),
        ("owner-id", "OwnerId"),
        ("root-device-type", "RootDeviceType"),
        ("root-device-name", "RootDeviceName"),
        ("state", "State"),
        ("virtualization-type", "VirtualizationType"),
        ("hypervisor", "Hypervisor"),
        ("ena-support", "EnaSupport"),
    ];
    filter::apply(call, &filters, &mut shown)?;
    let service = registry::service("ec2").unwrap_or(&super::SERVICE);
    let next = filter::page(
        call,
        service,
        &PAGES,
        !named.is_empty(),
        "ImageIds",
        &mut shown,
    )?;
    let mut answer =
        json!({"Images": shown.into_iter().map(|(_, image)| image).collect::<Vec<_>>()});
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

/// The processor that an instance type has, by the letters of its family (EC2 User Guide, "Instance type naming conventions": `g`
/// stands for Graviton).
pub(super) fn architecture(instance_type: &str) -> &'static str {
    let family = instance_type.split('.').next().unwrap_or_default();
    let attributes = family.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let attributes = attributes.trim_start_matches(|digit: char| digit.is_ascii_digit());
    match family == "a1" || attributes.starts_with('g') {
        true => "arm64",
        false => "x86_64",
    }
}
