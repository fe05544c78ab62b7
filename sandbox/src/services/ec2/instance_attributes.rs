//! What changes of an instance, and what is told apart from DescribeInstances.

use super::interfaces;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

/// Some things change only while it is stopped.
pub const STOPPED: Law = Law {
    name: "type, user data and the like change of a stopped instance only",
    operations: &[
        "ModifyInstanceAttribute",
        "ModifyInstancePlacement",
        "ModifyPrivateDnsNameOptions",
    ],
    source: "Amazon EC2 API Reference, ModifyInstanceAttribute: \"To modify some attributes, the instance must be stopped\"; Error codes: IncorrectInstanceState",
    fault: Fault::new(
        "IncorrectInstanceState",
        "The instance '{id}' is not in the 'stopped' state.",
    ),
    check: None,
};

/// One attribute a call.
pub const ONE_ATTRIBUTE: Law = Law {
    name: "one attribute of an instance is changed by a call",
    operations: &["ModifyInstanceAttribute"],
    source: "Amazon EC2 API Reference, ModifyInstanceAttribute: \"You can specify only one attribute at a time\"",
    fault: Fault::new(
        "InvalidParameterCombination",
        "Fields for multiple attribute types specified: {names}",
    ),
    check: Some(|call, law| {
        let steers = ["InstanceId", "Attribute", "Value", "DryRun"];
        let names: Vec<&str> = call
            .input
            .keys()
            .map(String::as_str)
            .filter(|name| !steers.contains(name))
            .collect();
        match names.len() {
            0 | 1 => Ok(()),
            _ => Err(law.fault.with(&[("names", &names.join(", "))])),
        }
    }),
};

/// Of several interfaces one has to be named.
pub const ONE_INTERFACE: Law = Law {
    name: "groups and checks of an instance with several interfaces are the interfaces'",
    operations: &["ModifyInstanceAttribute"],
    source: "Amazon EC2 API Reference, ModifyInstanceAttribute: \"can result in an error if the instance has more than one ENI\"",
    fault: Fault::new(
        "InvalidInstanceID",
        "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead.",
    ),
    check: None,
};

/// Tenancy changes one way.
pub const TENANCY: Law = Law {
    name: "an instance's tenancy changes from dedicated to host only",
    operations: &["ModifyInstancePlacement"],
    source: "Amazon EC2 API Reference, ModifyInstancePlacement: Tenancy, \"You can't change the tenancy from host to dedicated or default\"; EC2 User Guide, \"Change the tenancy of an instance\"",
    fault: Fault::new(
        "InvalidRequest",
        "The tenancy of '{id}' cannot be changed from {from} to {to}.",
    ),
    check: None,
};

fn instance(call: &Call) -> Result<Record, Refusal> {
    call.need("ec2/instance", call.text("InstanceId").unwrap_or_default())
        .cloned()
}

fn only_stopped(record: &Record) -> Result<(), Refusal> {
    match record.is("State.Name", "stopped") {
        true => Ok(()),
        false => Err(STOPPED.fault.with(&[("id", &record.id)])),
    }
}

/// MonitorInstances and its opposite.
pub(super) fn monitor(call: &mut Call, on: bool) -> Answer {
    let ids = call.texts("InstanceIds[]");
    let (now, later) = if on {
        ("pending", "enabled")
    } else {
        ("disabling", "disabled")
    };
    let at = call.now + 5.0;
    let mut shown = Vec::new();
    for id in ids {
        let instance = call.need("ec2/instance", &id)?.id.clone();
        call.update("ec2/instance", &instance, |record| {
            record.set("Monitoring.State", now);
            record.steps.push(Step::set(at, "Monitoring.State", later));
        });
        shown.push(json!({"InstanceId": instance, "Monitoring": {"State": now}}));
    }
    Ok(json!({"InstanceMonitorings": shown}))
}

/// `instanceType` is `InstanceType`.
fn member(attribute: &str) -> String {
    let mut letters = attribute.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// DescribeInstanceAttribute: one of them.
pub(super) fn describe(call: &mut Call) -> Answer {
    let record = instance(call)?;
    let attribute = call.text("Attribute").unwrap_or_default();
    let value = |value: Json| match value.is_null() {
        true => json!({}),
        false => json!({"Value": value}),
    };
    let hidden =
        |name: &str, default: Json| value(record.hidden.get(name).cloned().unwrap_or(default));
    let shown = call.show("ec2/instance", &record);
    let (name, told) = match attribute {
        "userData" => ("UserData", hidden("UserData", Json::Null)),
        "disableApiTermination" => (
            "DisableApiTermination",
            hidden("DisableApiTermination", false.into()),
        ),
        "disableApiStop" => ("DisableApiStop", hidden("DisableApiStop", false.into())),
        "instanceInitiatedShutdownBehavior" => (
            "InstanceInitiatedShutdownBehavior",
            hidden("InstanceInitiatedShutdownBehavior", "stop".into()),
        ),
        "kernel" => ("KernelId", value(shown["KernelId"].clone())),
        "ramdisk" => ("RamdiskId", value(shown["RamdiskId"].clone())),
        "groupSet" => ("Groups", shown["SecurityGroups"].clone()),
        "blockDeviceMapping" => ("BlockDeviceMappings", shown["BlockDeviceMappings"].clone()),
        "enclaveOptions" => ("EnclaveOptions", shown["EnclaveOptions"].clone()),
        "productCodes" => ("ProductCodes", json!([])),
        "instanceType" => ("InstanceType", value(shown["InstanceType"].clone())),
        "ebsOptimized" => ("EbsOptimized", value(shown["EbsOptimized"].clone())),
        "rootDeviceName" => ("RootDeviceName", value(shown["RootDeviceName"].clone())),
        "sourceDestCheck" => ("SourceDestCheck", value(shown["SourceDestCheck"].clone())),
        "sriovNetSupport" => ("SriovNetSupport", value("simple".into())),
        other => {
            let message = format!("The attribute {} is not supported here.", member(other));
            return Err(Refusal::new("InvalidParameterValue", message));
        }
    };
    Ok(json!({"InstanceId": record.id, name: told}))
}

/// ModifyInstanceAttribute.
pub(super) fn modify(call: &mut Call) -> Answer {
    let record = instance(call)?;
    let id = record.id.clone();
    let input = call.input.clone();
    let sent = |name: &str| input.get(name).and_then(|sent| sent.get("Value")).cloned();
    for (name, shown) in [
        ("InstanceType", "InstanceType"),
        ("EbsOptimized", "EbsOptimized"),
        ("Kernel", "KernelId"),
        ("Ramdisk", "RamdiskId"),
        ("EnaSupport", "EnaSupport"),
    ] {
        if let Some(value) = sent(name) {
            only_stopped(&record)?;
            call.update("ec2/instance", &id, |record| record.set(shown, value));
        }
    }
    if let Some(data) = sent("UserData") {
        only_stopped(&record)?;
        call.update("ec2/instance", &id, |record| {
            record.hidden.insert("UserData".into(), data);
        });
    }
    for name in [
        "DisableApiTermination",
        "DisableApiStop",
        "InstanceInitiatedShutdownBehavior",
    ] {
        if let Some(value) = sent(name) {
            call.update("ec2/instance", &id, |record| {
                record.hidden.insert(name.into(), value);
            });
        }
    }
    let groups = call.texts("Groups[]");
    let check = sent("SourceDestCheck");
    if !groups.is_empty() || check.is_some() {
        let opened: Vec<Record> = call
            .list_where("ec2/network-interface", "Attachment.InstanceId", &id)
            .cloned()
            .collect();
        let [interface] = opened.as_slice() else {
            return Err(ONE_INTERFACE.fault.with(&[("id", &id)]));
        };
        if !groups.is_empty() {
            let shown = interfaces::groups(call, interface.text("VpcId"), &groups)?;
            call.update("ec2/network-interface", &interface.id, |record| {
                record.set("Groups", shown)
            });
        }
        if let Some(check) = check {
            call.update("ec2/network-interface", &interface.id, |record| {
                record.set("SourceDestCheck", check)
            });
        }
    }
    devices(call, &id, &input)?;
    Ok(json!({}))
}

/// Whether volumes go with the instance.
fn devices(call: &mut Call, id: &str, input: &Map<String, Json>) -> Result<(), Refusal> {
    for mapping in input
        .get("BlockDeviceMappings")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
    {
        let name = mapping["DeviceName"].as_str().unwrap_or_default();
        let deleted = mapping["Ebs"]["DeleteOnTermination"]
            .as_bool()
            .unwrap_or(true);
        let record = call.need("ec2/instance", id)?;
        let found = record
            .list("BlockDeviceMappings")
            .iter()
            .find(|one| one["DeviceName"] == name);
        let Some(volume) = found.and_then(|one| one["Ebs"]["VolumeId"].as_str().map(str::to_owned))
        else {
            let message = format!("No device is currently mapped at {name}");
            return Err(Refusal::new("InvalidInstanceAttributeValue", message));
        };
        call.update("ec2/instance", id, |record| {
            for one in record.list_mut("BlockDeviceMappings") {
                if one["DeviceName"] == name {
                    one["Ebs"]["DeleteOnTermination"] = deleted.into();
                }
            }
        });
        call.update("ec2/volume", &volume, |record| {
            for one in record.list_mut("Attachments") {
                one["DeleteOnTermination"] = deleted.into();
            }
        });
    }
    Ok(())
}

/// ModifyInstanceMetadataOptions.
pub(super) fn metadata(call: &mut Call) -> Answer {
    let id = instance(call)?.id;
    let input = call.input.clone();
    let at = call.now + 5.0;
    call.update("ec2/instance", &id, |record| {
        for name in [
            "HttpTokens",
            "HttpPutResponseHopLimit",
            "HttpEndpoint",
            "HttpProtocolIpv6",
            "InstanceMetadataTags",
        ] {
            if let Some(value) = input.get(name) {
                record.set(&format!("MetadataOptions.{name}"), value.clone());
            }
        }
        record.set("MetadataOptions.State", "pending");
        record
            .steps
            .push(Step::set(at, "MetadataOptions.State", "applied"));
    });
    let record = call.need("ec2/instance", &id)?;
    Ok(json!({"InstanceId": id, "InstanceMetadataOptions": record.body["MetadataOptions"]}))
}

/// ModifyPrivateDnsNameOptions.
pub(super) fn private_names(call: &mut Call) -> Answer {
    let record = instance(call)?;
    let input = call.input.clone();
    if input.contains_key("PrivateDnsHostnameType") {
        only_stopped(&record)?;
    }
    call.update("ec2/instance", &record.id, |record| {
        for (name, shown) in [
            ("PrivateDnsHostnameType", "HostnameType"),
            (
                "EnableResourceNameDnsARecord",
                "EnableResourceNameDnsARecord",
            ),
            (
                "EnableResourceNameDnsAAAARecord",
                "EnableResourceNameDnsAAAARecord",
            ),
        ] {
            if let Some(value) = input.get(name) {
                record.set(&format!("PrivateDnsNameOptions.{shown}"), value.clone());
            }
        }
    });
    Ok(json!({"Return": true}))
}

/// ModifyInstancePlacement.
pub(super) fn placement(call: &mut Call) -> Answer {
    let record = instance(call)?;
    let input = call.input.clone();
    let only_affinity = ![
        "HostId",
        "Tenancy",
        "GroupName",
        "GroupId",
        "PartitionNumber",
        "HostResourceGroupArn",
    ]
    .iter()
    .any(|name| input.contains_key(*name));
    if !only_affinity {
        only_stopped(&record)?;
    }
    if let Some(tenancy) = call.text("Tenancy") {
        let from = record.text("Placement.Tenancy");
        if (from, tenancy) != ("dedicated", "host") && from != tenancy {
            return Err(TENANCY
                .fault
                .with(&[("id", &record.id), ("from", from), ("to", tenancy)]));
        }
    }
    call.update("ec2/instance", &record.id, |record| {
        for name in [
            "Affinity",
            "HostId",
            "Tenancy",
            "GroupName",
            "GroupId",
            "PartitionNumber",
            "HostResourceGroupArn",
        ] {
            if let Some(value) = input.get(name) {
                record.set(&format!("Placement.{name}"), value.clone());
            }
        }
    });
    Ok(json!({"Return": true}))
}

fn is_burstable(record: &Record) -> bool {
    ["t2.", "t3.", "t3a.", "t4g."]
        .iter()
        .any(|family| record.text("InstanceType").starts_with(family))
}

/// ModifyInstanceCreditSpecification: what is refused stands in the answer (API_UnsuccessfulInstanceCreditSpecificationItemError).
pub(super) fn modify_credits(call: &mut Call) -> Answer {
    let sent = call
        .input
        .get("InstanceCreditSpecifications")
        .and_then(Json::as_array)
        .cloned();
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for one in sent.unwrap_or_default() {
        let id = one["InstanceId"].as_str().unwrap_or_default();
        let record = call.need("ec2/instance", id)?.clone();
        if !is_burstable(&record) {
            let message = format!(
                "The instance type {} is not burstable.",
                record.text("InstanceType")
            );
            let error =
                json!({"Code": "InstanceCreditSpecification.NotSupported", "Message": message});
            refused.push(json!({"InstanceId": id, "Error": error}));
            continue;
        }
        let credits = one["CpuCredits"].clone();
        call.update("ec2/instance", id, |record| {
            record.hidden.insert("CpuCredits".into(), credits);
        });
        done.push(json!({"InstanceId": id}));
    }
    Ok(
        json!({"SuccessfulInstanceCreditSpecifications": done, "UnsuccessfulInstanceCreditSpecifications": refused}),
    )
}

/// DescribeInstanceCreditSpecifications: of the named ones, else of those with unlimited credits.
pub(super) fn describe_credits(call: &mut Call) -> Answer {
    let named = call.texts("InstanceIds[]");
    for id in &named {
        call.need("ec2/instance", id)?;
    }
    let found = call
        .list("ec2/instance")
        .filter(|one| match named.is_empty() {
            true => one.hidden.get("CpuCredits") == Some(&json!("unlimited")),
            false => named.contains(&one.id),
        });
    let shown: Vec<Json> = found
        .map(|one| json!({"InstanceId": one.id, "CpuCredits": one.hidden.get("CpuCredits")}))
        .collect();
    Ok(json!({"InstanceCreditSpecifications": shown}))
}
