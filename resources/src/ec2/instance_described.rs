//! What AWS tells of an instance, under CloudFormation's names.

use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// The tag that an instance has while it is stopped for a change: the properties that change, with spaces between.
pub(super) const UNFINISHED: &str = "payctl:stopped-for";

/// pending | running | stopping | stopped | shutting-down | terminated (API_InstanceState). A terminated one stays visible for an
/// hour (API_TerminateInstances); while it shuts down its interfaces hold subnets and groups still.
pub(super) fn status(description: &Json) -> Status {
    let state = look(description, "State.Name");
    match state.as_ref().and_then(Json::as_str) {
        Some("pending" | "shutting-down") => Status::Pending,
        Some("terminated") => Status::Gone,
        _ => Status::Ready,
    }
}

/// The properties whose change is not complete while the instance is stopped.
pub(super) fn unfinished(description: &Json) -> Vec<String> {
    let tags = description.get("Tags").and_then(Json::as_array);
    let tag = tags
        .into_iter()
        .flatten()
        .find(|tag| described(tag, "Key") == Some(UNFINISHED));
    let names = tag
        .and_then(|tag| described(tag, "Value"))
        .unwrap_or_default();
    names.split_whitespace().map(str::to_owned).collect()
}

/// One member of an answer of DescribeInstanceAttribute.
pub(super) fn attribute(item: &Json, name: &str) -> Option<Json> {
    Some(json!({name: item.get(name)?}))
}

/// disabled | disabling | enabled | pending (API_Monitoring).
pub(super) fn monitoring(instance: &Json) -> Option<Json> {
    let state = look(instance, "Monitoring.State")?;
    Some(matches!(state.as_str()?, "enabled" | "pending").into())
}

/// The name at the end of the profile's ARN, behind its path.
pub(super) fn profile(instance: &Json) -> Option<Json> {
    let arn = look(instance, "IamInstanceProfile.Arn")?;
    arn.as_str()?.rsplit('/').next().map(Json::from)
}

fn list<'j>(json: &'j Json, name: &str) -> impl Iterator<Item = &'j Json> {
    json.get(name)
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
}

fn copy(from: &Json, names: &[&str], to: &mut Map<String, Json>) {
    for name in names {
        if let Some(value) = from.get(*name).filter(|value| !value.is_null()) {
            to.insert((*name).to_owned(), value.clone());
        }
    }
}

/// The volumes by device, with what they are where that was asked.
pub(super) fn devices(instance: &Json) -> Option<Json> {
    instance.get("BlockDeviceMappings")?;
    let shown = list(instance, "BlockDeviceMappings").map(|device| {
        let mut ebs = Map::new();
        if let Some(at) = device.get("Ebs") {
            copy(at, &["DeleteOnTermination"], &mut ebs);
            let volume = list(instance, "AttachedVolumes")
                .find(|volume| volume.get("VolumeId") == at.get("VolumeId"));
            if let Some(volume) = volume {
                copy(
                    volume,
                    &["Encrypted", "Iops", "KmsKeyId", "SnapshotId", "VolumeType"],
                    &mut ebs,
                );
                if let Some(size) = volume.get("Size") {
                    ebs.insert("VolumeSize".to_owned(), size.clone());
                }
            }
        }
        json!({"DeviceName": device.get("DeviceName"), "Ebs": ebs})
    });
    Some(shown.collect())
}

/// The same as attachments.
pub(super) fn volumes(instance: &Json) -> Option<Json> {
    instance.get("BlockDeviceMappings")?;
    let shown = list(instance, "BlockDeviceMappings").filter_map(|device| {
        let volume = look(device, "Ebs.VolumeId")?;
        Some(json!({"Device": device.get("DeviceName"), "VolumeId": volume}))
    });
    Some(shown.collect())
}

/// The interfaces as CloudFormation shows them.
pub(super) fn interfaces(instance: &Json) -> Option<Json> {
    instance.get("NetworkInterfaces")?;
    Some(list(instance, "NetworkInterfaces").map(interface).collect())
}

fn interface(interface: &Json) -> Json {
    let mut shown = Map::new();
    copy(
        interface,
        &[
            "Description",
            "NetworkInterfaceId",
            "PrivateIpAddress",
            "SubnetId",
        ],
        &mut shown,
    );
    if let Some(attachment) = interface.get("Attachment") {
        copy(
            attachment,
            &["DeleteOnTermination", "EnaSrdSpecification"],
            &mut shown,
        );
        if let Some(index) = attachment.get("DeviceIndex").and_then(Json::as_i64) {
            shown.insert("DeviceIndex".to_owned(), index.to_string().into());
        }
    }
    let addresses: Vec<&Json> = list(interface, "Ipv6Addresses").collect();
    let ipv6 = addresses
        .iter()
        .map(|address| json!({"Ipv6Address": address.get("Ipv6Address")}));
    let private: Vec<&Json> = list(interface, "PrivateIpAddresses").collect();
    let secondary = private
        .iter()
        .filter(|address| address.get("Primary") != Some(&Json::Bool(true)));
    let addresses_shown = private.iter().map(|address| {
        json!({"Primary": address.get("Primary"), "PrivateIpAddress": address.get("PrivateIpAddress")})
    });
    let has = |name: &str| {
        let association = interface.get("Association");
        association.is_some_and(|association| described(association, name).is_some())
    };
    let groups = list(interface, "Groups").filter_map(|group| group.get("GroupId"));
    for (name, value) in [
        ("GroupSet", groups.cloned().collect()),
        ("Ipv6AddressCount", Json::from(addresses.len())),
        ("Ipv6Addresses", ipv6.collect()),
        ("SecondaryPrivateIpAddressCount", secondary.count().into()),
        ("PrivateIpAddresses", addresses_shown.collect()),
        ("AssociatePublicIpAddress", has("PublicIp").into()),
        ("AssociateCarrierIpAddress", has("CarrierIp").into()),
    ] {
        shown.insert(name.to_owned(), value);
    }
    Json::Object(shown)
}

/// What Systems Manager applies to the instance, with the parameters (API_ListAssociations, API_DescribeAssociation).
pub(super) async fn associations(context: &Context, id: &PhysicalId) -> Result<Json> {
    let mut shown = Vec::new();
    for association in associated(context, id).await? {
        let input = json!({"AssociationId": association.get("AssociationId")});
        let answer = context.read("ssm", "DescribeAssociation", input).await?;
        let parameters = look(&answer, "AssociationDescription.Parameters");
        let parameters = parameters.as_ref().and_then(Json::as_object);
        let parameters: Vec<Json> = parameters
            .into_iter()
            .flatten()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        let mut one = Map::from_iter([("DocumentName".to_owned(), json!(association.get("Name")))]);
        if !parameters.is_empty() {
            one.insert("AssociationParameters".to_owned(), parameters.into());
        }
        shown.push(Json::Object(one));
    }
    Ok(shown.into())
}

/// The associations of documents with this instance.
pub(super) async fn associated(context: &Context, id: &PhysicalId) -> Result<Vec<Json>> {
    let mut input = json!({"AssociationFilterList": [{"key": "InstanceId", "value": id.as_str()}]});
    let mut found = Vec::new();
    loop {
        let answer = context
            .read("ssm", "ListAssociations", input.clone())
            .await?;
        let page = answer.get("Associations").and_then(Json::as_array);
        found.extend(page.into_iter().flatten().cloned());
        match described(&answer, "NextToken") {
            Some(token) if !token.is_empty() => input["NextToken"] = token.into(),
            _ => return Ok(found),
        }
    }
}
