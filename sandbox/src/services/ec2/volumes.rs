//! EBS volumes: made for instances, or for themselves and attached.

use super::{PAGES, zones};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, States, Tags, create, delete, describe, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Value as Json, json};

/// A volume is attached where it is.
pub const SAME_ZONE: Law = Law {
    name: "a volume is attached to an instance of its zone",
    operations: &["AttachVolume"],
    source: "Amazon EC2 API Reference, Error codes: InvalidVolume.ZoneMismatch",
    fault: Fault::new(
        "InvalidVolume.ZoneMismatch",
        "The volume '{id}' is not in the same availability zone as instance '{instance}'",
    ),
    check: None,
};

/// A volume is at one instance.
pub const ONE_INSTANCE: Law = Law {
    name: "a volume in use is not attached again",
    operations: &["AttachVolume"],
    source: "Amazon EC2 API Reference, Error codes: VolumeInUse",
    fault: Fault::new("VolumeInUse", "{id} is already attached to an instance"),
    check: None,
};

/// An instance that is being started takes no volume.
pub const ATTACHABLE: Law = Law {
    name: "a volume is attached to a running or stopped instance",
    operations: &["AttachVolume"],
    source: "Amazon EC2 API Reference, Error codes: IncorrectState",
    fault: Fault::new("IncorrectState", "Instance '{id}' is not 'running'."),
    check: None,
};

/// A block device.
pub const VOLUME: Kind = Kind {
    name: "ec2/volume",
    id: Id::Hex("vol-"),
    id_member: "VolumeId",
    arn: "arn:{partition}:ec2:{region}:{account}:volume/{id}",
    created_member: "CreateTime",
    defaults: Some(
        |_| json!({"Attachments": [], "Encrypted": false, "MultiAttachEnabled": false, "VolumeType": "gp2", "SnapshotId": ""}),
    ),
    tags: Tags::List("Tags"),
    states: Some(States {
        creating: ("creating", 2.0),
        ..States::NEW
    }),
    token: "ClientToken",
    refers: &[Reference::new("Attachments[].InstanceId", "ec2/instance")
        .unchecked()
        .loose()],
    not_found: Fault::new(
        "InvalidVolume.NotFound",
        "The volume '{id}' does not exist.",
    ),
    in_use: Fault::new("VolumeInUse", "Volume {id} is currently attached"),
    operations: &[
        create("CreateVolume", Shows::Record).prepare(new_volume),
        describe("DescribeVolumes", "VolumeIds", "Volumes")
            .paging(PAGES)
            .filters(&[
                ("attachment.device", "Attachments[].Device"),
                ("attachment.instance-id", "Attachments[].InstanceId"),
                ("attachment.status", "Attachments[].State"),
                (
                    "attachment.delete-on-termination",
                    "Attachments[].DeleteOnTermination",
                ),
                ("availability-zone", "AvailabilityZone"),
                ("encrypted", "Encrypted"),
                ("size", "Size"),
                ("snapshot-id", "SnapshotId"),
                ("status", "State"),
                ("volume-id", "VolumeId"),
                ("volume-type", "VolumeType"),
            ]),
        delete("DeleteVolume", "VolumeId", Shows::Nothing).prepare(|_, volume| {
            match volume.list("Attachments").is_empty() {
                true => Ok(()),
                false => Err(VOLUME.in_use.with(&[("id", &volume.id)])),
            }
        }),
        run("AttachVolume", attach_volume),
        run("DetachVolume", detach_volume),
    ],
    ..Kind::NEW
};

fn new_volume(call: &mut Call, volume: &mut Record) -> Result<(), Refusal> {
    let zone = volume.text("AvailabilityZone").to_owned();
    match zones::id(&call.region, &zone) {
        Some(id) => volume.set("AvailabilityZoneId", id),
        None => {
            let message = format!("The zone '{zone}' does not exist.");
            return Err(Refusal::new("InvalidZone.NotFound", message));
        }
    }
    settle(call, volume);
    Ok(())
}

/// What AWS fills in (API_CreateVolume, "Iops", "Throughput", "KmsKeyId").
pub(super) fn settle(call: &Call, volume: &mut Record) {
    let size = volume.body.get("Size").and_then(Json::as_i64).unwrap_or(8);
    volume.set("Size", size);
    let iops = match volume.text("VolumeType") {
        "gp3" => Some(3000),
        "gp2" => Some((size * 3).clamp(100, 16_000)),
        _ => None,
    };
    if let (Some(iops), None) = (iops, volume.body.get("Iops")) {
        volume.set("Iops", iops);
    }
    if volume.is("VolumeType", "gp3") && !volume.body.contains_key("Throughput") {
        volume.set("Throughput", 125);
    }
    if volume.body.get("Encrypted") == Some(&json!(true)) && !volume.body.contains_key("KmsKeyId") {
        let digits = crate::call::digest(&["ebs key", &call.account, &call.region]);
        let key = crate::call::uuid(&digits);
        volume.set(
            "KmsKeyId",
            format!(
                "arn:{}:kms:{}:{}:key/{key}",
                call.partition(),
                call.region,
                call.account
            ),
        );
    }
}

/// Puts a volume at an instance's device.
pub(super) fn attach(call: &mut Call, volume: &str, instance: &str, device: &str, deleted: bool) {
    let now = call.now;
    call.update("ec2/volume", volume, |record| {
        record.set("State", "in-use");
        record.set(
            "Attachments",
            json!([{"VolumeId": volume, "InstanceId": instance, "Device": device, "State": "attached", "AttachTime": now,
                    "DeleteOnTermination": deleted}]),
        );
    });
}

/// Takes it away.
pub(super) fn release(call: &mut Call, volume: &str) {
    call.update("ec2/volume", volume, |record| {
        record.set("State", "available");
        record.set("Attachments", json!([]));
    });
}

fn attach_volume(call: &mut Call) -> Answer {
    let volume = call
        .need("ec2/volume", call.text("VolumeId").unwrap_or_default())?
        .clone();
    let instance = call
        .need("ec2/instance", call.text("InstanceId").unwrap_or_default())?
        .clone();
    let device = call.text("Device").unwrap_or_default().to_owned();
    if !volume.list("Attachments").is_empty() {
        return Err(ONE_INSTANCE.fault.with(&[("id", &volume.id)]));
    }
    if !volume.is("State", "available") {
        let message = format!("Volume '{}' is not 'available'.", volume.id);
        return Err(Refusal::new("IncorrectState", message));
    }
    if !matches!(instance.text("State.Name"), "running" | "stopped") {
        return Err(ATTACHABLE.fault.with(&[("id", &instance.id)]));
    }
    if instance.text("Placement.AvailabilityZone") != volume.text("AvailabilityZone") {
        return Err(SAME_ZONE
            .fault
            .with(&[("id", &volume.id), ("instance", &instance.id)]));
    }
    let taken = instance.list("BlockDeviceMappings").iter();
    if taken
        .clone()
        .any(|one| one["DeviceName"] == device.as_str())
    {
        let message = format!(
            "Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    attach(call, &volume.id, &instance.id, &device, false);
    let now = call.now;
    call.update("ec2/instance", &instance.id, |record| {
        record.list_mut("BlockDeviceMappings").push(json!({"DeviceName": device, "Ebs": {
            "VolumeId": volume.id, "Status": "attached", "AttachTime": now, "DeleteOnTermination": false,
        }}));
    });
    Ok(
        json!({"VolumeId": volume.id, "InstanceId": instance.id, "Device": device, "State": "attaching", "AttachTime": now,
              "DeleteOnTermination": false}),
    )
}

fn detach_volume(call: &mut Call) -> Answer {
    let volume = call
        .need("ec2/volume", call.text("VolumeId").unwrap_or_default())?
        .clone();
    let Some(at) = volume.list("Attachments").first().cloned() else {
        let message = format!("Volume '{}' is in the 'available' state.", volume.id);
        return Err(Refusal::new("IncorrectState", message));
    };
    let instance = at["InstanceId"].as_str().unwrap_or_default().to_owned();
    let root = call
        .find("ec2/instance", &instance)
        .is_some_and(|instance| {
            instance.is("State.Name", "running") && at["Device"] == instance.text("RootDeviceName")
        });
    if root {
        let message = format!(
            "Unable to detach root volume '{}' from instance '{instance}'",
            volume.id
        );
        return Err(Refusal::new("OperationNotPermitted", message));
    }
    release(call, &volume.id);
    call.update("ec2/instance", &instance, |record| {
        record
            .list_mut("BlockDeviceMappings")
            .retain(|one| one["Ebs"]["VolumeId"] != volume.id.as_str());
    });
    let mut shown = at;
    shown["State"] = "detaching".into();
    Ok(shown)
}
