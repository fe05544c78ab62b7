//! How an instance changes in place.

use std::time::Duration;

use super::instance::DEFINITION;
use super::instance_described::{UNFINISHED, associated, attribute, unfinished};
use super::{INSTANCE_PROFILES, INSTANCE_USER_DATA, INSTANCES};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

/// How long it may take to stop, or a volume to be detached, before payctl gives up.
const STOPPING: Duration = Duration::from_secs(20 * 60);
const PAUSE: Duration = Duration::from_secs(5);

/// The instance as DescribeInstances tells it.
async fn described_instance(context: &Context, id: &PhysicalId) -> Result<Json> {
    let found = generic::items_of(context, &INSTANCES, id.as_str()).await?;
    found
        .into_iter()
        .next()
        .ok_or_else(|| Error::Failed(format!("there is no instance {id} any more")))
}

fn state(instance: &Json) -> String {
    let state = look(instance, "State.Name");
    state
        .as_ref()
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn text<'v>(update: &'v Update<'_>, property: &str) -> Option<&'v str> {
    update.desired.get(property).and_then(Value::as_str)
}

/// Detailed monitoring has calls of its own (API_MonitorInstances, API_UnmonitorInstances).
pub(super) fn monitoring<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let on = update.desired.get("Monitoring").and_then(Value::to_text);
        let operation = match on.as_deref() {
            Some("true") => "MonitorInstances",
            _ => "UnmonitorInstances",
        };
        let input = json!({"InstanceIds": [id.as_str()]});
        context.write("ec2", operation, input).await?;
        Ok(())
    })
}

/// Declared no more, it goes back to the type's own: `standard` of T2, `unlimited` of the others (API_RunInstances,
/// CreditSpecification). What was refused stands in an answer that is no error.
pub(super) fn credits<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let model = |name: &str| update.desired.get(name).or_else(|| update.live.get(name));
        let declared = update.desired.at(&"CreditSpecification.CPUCredits".into());
        let declared = declared.and_then(Value::to_text);
        let of_type = match model("InstanceType").and_then(Value::as_str) {
            Some(name) if name.starts_with("t2.") => "standard",
            _ => "unlimited",
        };
        let credits = declared.as_deref().unwrap_or(of_type);
        let operation = "ModifyInstanceCreditSpecification";
        let one = json!({"InstanceId": id.as_str(), "CpuCredits": credits});
        let input = json!({"InstanceCreditSpecifications": [one]});
        let answer = context.write("ec2", operation, input).await?;
        match look(&answer, "UnsuccessfulInstanceCreditSpecifications.0.Error") {
            Some(error) => {
                let text = |name| described(&error, name).unwrap_or_default();
                let (code, message) = (text("Code"), text("Message"));
                Err(Error::Failed(format!(
                    "ec2:{operation} of {id}: {code}: {message}"
                )))
            }
            None => Ok(()),
        }
    })
}

/// A running instance changes its profile in one call, a stopped one only loses one and gets another
/// (API_ReplaceIamInstanceProfileAssociation: "for the specified running instance").
pub(super) fn profile<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let all = generic::items_of(context, &INSTANCE_PROFILES, id.as_str()).await?;
        let have: Vec<&str> = all
            .iter()
            .filter(|one| generic::state_is(one, "State", &["associating", "associated"]))
            .filter_map(|one| described(one, "AssociationId"))
            .collect();
        let wanted = text(update, "IamInstanceProfile").map(|name| json!({"Name": name}));
        let running = matches!(
            state(&described_instance(context, id).await?).as_str(),
            "running" | "pending"
        );
        if let (Some(profile), [association], true) = (&wanted, have.as_slice(), running) {
            let input = Map::from_iter([
                ("AssociationId".to_owned(), (*association).into()),
                ("IamInstanceProfile".to_owned(), profile.clone()),
            ]);
            let operation = "ReplaceIamInstanceProfileAssociation";
            generic::write(&DEFINITION, context, operation, input).await?;
            return Ok(());
        }
        for association in have {
            let input = json!({"AssociationId": association});
            context
                .write("ec2", "DisassociateIamInstanceProfile", input)
                .await?;
        }
        if let Some(profile) = wanted {
            let input = Map::from_iter([
                ("InstanceId".to_owned(), id.as_str().into()),
                ("IamInstanceProfile".to_owned(), profile),
            ]);
            generic::write(&DEFINITION, context, "AssociateIamInstanceProfile", input).await?;
        }
        Ok(())
    })
}

/// Groups and checks are the primary interface's; of an instance with several interfaces it has to be named
/// (API_ModifyInstanceAttribute).
pub(super) fn primary_interface<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let instance = described_instance(context, id).await?;
        let interfaces = instance.get("NetworkInterfaces").and_then(Json::as_array);
        let several = interfaces.filter(|interfaces| interfaces.len() > 1);
        let primary = several.and_then(|interfaces| {
            let first = |one: &&Json| look(one, "Attachment.DeviceIndex") == Some(0.into());
            described(interfaces.iter().find(first)?, "NetworkInterfaceId")
        });
        let (operation, member, name) = match primary {
            Some(interface) => (
                "ModifyNetworkInterfaceAttribute",
                "NetworkInterfaceId",
                interface,
            ),
            None => ("ModifyInstanceAttribute", "InstanceId", id.as_str()),
        };
        // Groups that are declared no more stay: an instance cannot be without.
        if update.touches("SecurityGroupIds")
            && let Some(groups) = update
                .desired
                .get("SecurityGroupIds")
                .and_then(Value::expose_json)
        {
            let input = json!({member: name, "Groups": groups});
            context.write("ec2", operation, input).await?;
        }
        if update.touches("SourceDestCheck") {
            let declared = update
                .desired
                .get("SourceDestCheck")
                .and_then(Value::to_text);
            let check = declared.is_none_or(|text| text != "false");
            let input = json!({member: name, "SourceDestCheck": {"Value": check}});
            context.write("ec2", operation, input).await?;
        }
        Ok(())
    })
}

/// Whether volumes outlive the instance: all of a mapping that changes in place.
pub(super) fn devices<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let instance = described_instance(context, id).await?;
        let have = instance.get("BlockDeviceMappings").and_then(Json::as_array);
        let mut changed = Vec::new();
        for declared in list(update.desired, "BlockDeviceMappings") {
            let device = declared.get("DeviceName").and_then(Value::to_text);
            let deleted = declared.at(&"Ebs.DeleteOnTermination".into());
            let (Some(device), Some(deleted)) = (device, deleted.and_then(Value::to_text)) else {
                continue;
            };
            let deleted = Json::Bool(deleted == "true");
            let differs = have.into_iter().flatten().any(|one| {
                described(one, "DeviceName") == Some(&device)
                    && look(one, "Ebs.DeleteOnTermination").as_ref() != Some(&deleted)
            });
            if differs {
                changed
                    .push(json!({"DeviceName": device, "Ebs": {"DeleteOnTermination": deleted}}));
            }
        }
        if !changed.is_empty() {
            let input = json!({"InstanceId": id.as_str(), "BlockDeviceMappings": changed});
            context
                .write("ec2", "ModifyInstanceAttribute", input)
                .await?;
        }
        Ok(())
    })
}

fn list<'v>(properties: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    properties
        .get(name)
        .and_then(Value::as_list)
        .into_iter()
        .flatten()
}

/// Volumes that are attached besides the image's. The root volume is never detached.
pub(super) fn volumes<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let instance = described_instance(context, id).await?;
        let root = described(&instance, "RootDeviceName");
        let have: Vec<(String, String)> = instance
            .get("BlockDeviceMappings")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(|one| {
                let volume = look(one, "Ebs.VolumeId")?.as_str()?.to_owned();
                Some((described(one, "DeviceName")?.to_owned(), volume))
            })
            .collect();
        let wanted: Vec<(String, String)> = list(update.desired, "Volumes")
            .filter_map(|one| {
                Some((
                    one.get("Device")?.to_text()?,
                    one.get("VolumeId")?.to_text()?,
                ))
            })
            .collect();
        let new: Vec<&(String, String)> = wanted.iter().filter(|one| !have.contains(one)).collect();
        // What left the template: the change names the whole item of what is live.
        let withdrawn: Vec<String> = update
            .changed
            .iter()
            .filter(|path| path.head() == Some("Volumes") && path.steps().len() == 2)
            .filter_map(|path| update.live.at(path)?.get("VolumeId")?.to_text())
            .collect();
        for (device, volume) in &have {
            let is_wanted = wanted
                .iter()
                .any(|(at, name)| at == device && name == volume);
            let in_the_way = new.iter().any(|(at, name)| at == device || name == volume);
            if is_wanted
                || Some(device.as_str()) == root
                || !in_the_way && !withdrawn.contains(volume)
            {
                continue;
            }
            let input = json!({"InstanceId": id.as_str(), "VolumeId": volume});
            context.write("ec2", "DetachVolume", input).await?;
            detached(context, volume).await?;
        }
        for (device, volume) in new {
            let input = json!({"InstanceId": id.as_str(), "Device": device, "VolumeId": volume});
            context.write("ec2", "AttachVolume", input).await?;
        }
        Ok(())
    })
}

async fn detached(context: &Context, volume: &str) -> Result<()> {
    let start = context.clock().now();
    loop {
        let input = json!({"VolumeIds": [volume]});
        let answer = context.read("ec2", "DescribeVolumes", input).await?;
        if look(&answer, "Volumes.0.State") == Some("available".into()) {
            return Ok(());
        }
        wait(context, start, &format!("volume {volume} to be detached")).await?;
    }
}

async fn wait(context: &Context, start: std::time::SystemTime, what: &str) -> Result<()> {
    let spent = context
        .clock()
        .now()
        .duration_since(start)
        .unwrap_or(STOPPING);
    if spent >= STOPPING {
        let minutes = STOPPING.as_secs() / 60;
        return Err(Error::Failed(format!(
            "waited {minutes} minutes for {what}"
        )));
    }
    context.clock().sleep(PAUSE).await;
    Ok(())
}

/// What Systems Manager applies to the instance.
pub(super) fn associations<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        for association in associated(context, id).await? {
            let input = json!({"AssociationId": association.get("AssociationId")});
            context.write("ssm", "DeleteAssociation", input).await?;
        }
        for declared in list(update.desired, "SsmAssociations") {
            let mut parameters = Map::new();
            for parameter in list(declared, "AssociationParameters") {
                let key = parameter.get("Key").and_then(Value::to_text);
                if let (Some(key), Some(value)) =
                    (key, parameter.get("Value").and_then(Value::expose_json))
                {
                    parameters.insert(key, value);
                }
            }
            let name = declared.get("DocumentName").and_then(Value::to_text);
            let mut input = json!({"Name": name, "InstanceId": id.as_str()});
            if !parameters.is_empty() {
                input["Parameters"] = parameters.into();
            }
            context.write("ssm", "CreateAssociation", input).await?;
        }
        Ok(())
    })
}

/// Stops a running instance, changes what changes only then, and starts it again. A tag says what is under way, so that a run
/// that is cut off in between is completed: `Instance::read` does not tell these properties while it is there.
pub(super) fn stopped<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let instance = described_instance(context, id).await?;
        let calls = calls(context, id, update).await?;
        let interrupted = !unfinished(&instance).is_empty();
        let was_running = interrupted || matches!(state(&instance).as_str(), "running" | "pending");
        let stops = interrupted || was_running && calls.iter().any(|call| call.stopped);
        if stops {
            if !interrupted {
                let names: Vec<&str> = calls.iter().map(|call| call.property).collect();
                let tag = json!({"Key": UNFINISHED, "Value": names.join(" ")});
                let input = json!({"Resources": [id.as_str()], "Tags": [tag]});
                context.write("ec2", "CreateTags", input).await?;
            }
            let input = json!({"InstanceIds": [id.as_str()]});
            context.write("ec2", "StopInstances", input).await?;
            let start = context.clock().now();
            while state(&described_instance(context, id).await?) != "stopped" {
                wait(context, start, &format!("instance {id} to stop")).await?;
            }
        }
        let mut outcome = Ok(());
        for call in calls {
            outcome = context
                .write("ec2", call.operation, call.input)
                .await
                .map(|_| ());
            if outcome.is_err() {
                break;
            }
        }
        if stops {
            // Whatever was refused: what ran before runs again.
            let input = json!({"InstanceIds": [id.as_str()]});
            let started = context.write("ec2", "StartInstances", input).await;
            if outcome.is_ok() {
                started?;
            }
            let input = json!({"Resources": [id.as_str()], "Tags": [{"Key": UNFINISHED}]});
            let untagged = context.write("ec2", "DeleteTags", input).await;
            if outcome.is_ok() {
                untagged?;
            }
        }
        outcome
    })
}

struct Call {
    property: &'static str,
    operation: &'static str,
    input: Json,
    /// Whether AWS takes it of a stopped instance only.
    stopped: bool,
}

async fn calls(context: &Context, id: &PhysicalId, update: &Update<'_>) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    let mut attribute_call = |property: &'static str, member: &str, value: Option<Json>| {
        if let (true, Some(value)) = (update.touches(property), value) {
            calls.push(Call {
                property,
                operation: "ModifyInstanceAttribute",
                input: json!({"InstanceId": id.as_str(), member: {"Value": value}}),
                stopped: true,
            });
        }
    };
    let declared = |name: &str| update.desired.get(name).and_then(Value::to_text);
    attribute_call(
        "InstanceType",
        "InstanceType",
        declared("InstanceType").map(Json::from),
    );
    attribute_call(
        "EbsOptimized",
        "EbsOptimized",
        Some(Json::Bool(
            declared("EbsOptimized").as_deref() == Some("true"),
        )),
    );
    attribute_call("KernelId", "Kernel", declared("KernelId").map(Json::from));
    attribute_call(
        "RamdiskId",
        "Ramdisk",
        declared("RamdiskId").map(Json::from),
    );
    let data = update.desired.get("UserData").and_then(Value::expose_str);
    attribute_call(
        "UserData",
        "UserData",
        Some(data.unwrap_or_default().into()),
    );
    // The hostname's type changes while it is stopped, what DNS answers at any time (EC2 user guide, "Change the hostname type").
    if update.touches("PrivateDnsNameOptions") {
        let option = |name: &str| {
            let path = format!("PrivateDnsNameOptions.{name}");
            let value = |side: &Value| side.at(&path.as_str().into()).and_then(Value::to_text);
            (value(update.desired), value(update.live))
        };
        let mut input = Map::from_iter([("InstanceId".to_owned(), id.as_str().into())]);
        let (wanted, live) = option("HostnameType");
        let another = wanted.is_some() && wanted != live;
        if let Some(wanted) = wanted.filter(|_| another) {
            input.insert("PrivateDnsHostnameType".to_owned(), wanted.into());
        }
        for name in [
            "EnableResourceNameDnsARecord",
            "EnableResourceNameDnsAAAARecord",
        ] {
            if let (Some(wanted), live) = option(name)
                && Some(&wanted) != live.as_ref()
            {
                input.insert(name.to_owned(), (wanted == "true").into());
            }
        }
        if input.len() > 1 {
            calls.push(Call {
                property: "PrivateDnsNameOptions",
                operation: "ModifyPrivateDnsNameOptions",
                input: Json::Object(input),
                stopped: another,
            });
        }
    }
    let placed = ["Affinity", "HostId", "Tenancy"];
    let changed: Vec<&'static str> = placed
        .into_iter()
        .filter(|name| update.touches(name))
        .collect();
    if let Some(first) = changed.first() {
        let mut input = Map::from_iter([("InstanceId".to_owned(), id.as_str().into())]);
        for name in &changed {
            // Without a wish an instance comes back on any host.
            let value =
                declared(name).or_else(|| (*name == "Affinity").then(|| "default".to_owned()));
            if let Some(value) = value {
                input.insert((*name).to_owned(), value.into());
            }
        }
        if input.len() > 1 {
            calls.push(Call {
                property: first,
                operation: "ModifyInstancePlacement",
                input: Json::Object(input),
                stopped: changed.iter().any(|name| *name != "Affinity"),
            });
        }
    }
    // What is there already, after a run that was cut off, needs no call.
    if calls.iter().any(|call| call.property == "UserData") {
        let items = generic::items_of(context, &INSTANCE_USER_DATA, id.as_str()).await?;
        let live = items.first().and_then(|item| attribute(item, "UserData"));
        let live = live.and_then(|live| look(&live, "UserData.Value")?.as_str().map(str::to_owned));
        let same = live.unwrap_or_default() == data.unwrap_or_default();
        calls.retain(|call| call.property != "UserData" || !same);
    }
    Ok(calls)
}
