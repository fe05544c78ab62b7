//! RunInstances.

use super::instances::{STARTS, reservation, state};
use super::{images, instance_profiles, interfaces, launch_templates, volumes, zones};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::tags;
use crate::world::{Record, Step, Token};
use serde_json::{Map, Value as Json, json};

/// Processor of image and type.
pub const PROCESSOR: Law = Law {
    name: "an instance type runs images for its processor",
    operations: &["RunInstances"],
    source: "Amazon EC2 User Guide, \"Instance type compatibility\": architecture; Error codes: InvalidParameterValue",
    fault: Fault::new(
        "InvalidParameterValue",
        "The architecture '{type}' of the specified instance type does not match the architecture '{image}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.",
    ),
    check: None,
};

/// Interfaces say what else the instance would.
pub const INTERFACES_APART: Law = Law {
    name: "network interfaces stand instead of subnet and groups",
    operations: &["RunInstances"],
    source: "Amazon EC2 API Reference, RunInstances: SubnetId, \"If you specify a network interface, you must specify any subnets as part of the network interface instead\"",
    fault: Fault::new(
        "InvalidParameterCombination",
        "Network interfaces and an instance-level {what} may not be specified on the same request",
    ),
    check: Some(|call, law| {
        let has = |member: &str| match call.input.get(member) {
            Some(Json::Array(items)) => !items.is_empty(),
            other => other.is_some(),
        };
        let both = [
            ("SubnetId", "subnet ID"),
            ("SecurityGroupIds", "security groups"),
            ("PrivateIpAddress", "private address"),
        ]
        .into_iter()
        .find(|(member, _)| has("NetworkInterfaces") && has(member));
        match both {
            Some((_, what)) => Err(law.fault.with(&[("what", what)])),
            None => Ok(()),
        }
    }),
};

/// A profile is known some seconds after it was made.
pub const PROFILE_KNOWN: Law = Law {
    name: "an instance profile is known to EC2",
    operations: &[
        "RunInstances",
        "AssociateIamInstanceProfile",
        "ReplaceIamInstanceProfileAssociation",
    ],
    source: "Amazon EC2 User Guide, \"Troubleshoot instance launch issues\"; IAM User Guide, \"Changes that I make are not always immediately visible\"",
    fault: Fault::new(
        "InvalidParameterValue",
        "Value ({id}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
    ),
    check: None,
};

/// The members that are the instance's as they were sent.
const KEPT: &[&str] = &[
    "CapacityReservationSpecification",
    "CpuOptions",
    "EbsOptimized",
    "EnclaveOptions",
    "HibernationOptions",
    "ImageId",
    "InstanceType",
    "KernelId",
    "KeyName",
    "MaintenanceOptions",
    "NetworkPerformanceOptions",
    "RamdiskId",
];

/// Kept beside, for DescribeInstanceAttribute.
const ATTRIBUTES: &[&str] = &[
    "DisableApiStop",
    "DisableApiTermination",
    "InstanceInitiatedShutdownBehavior",
    "UserData",
];

pub(super) fn run_instances(call: &mut Call) -> Answer {
    let asked = call.input.clone();
    let token = call.text("ClientToken").map(str::to_owned);
    let used = token
        .as_ref()
        .map(|token| format!("{} {} ec2:RunInstances {token}", call.account, call.region));
    let parameters = digest(&[&crate::path::canonical(&Json::Object(asked.clone()))]);
    if let Some(known) = used.as_ref().and_then(|name| call.world.tokens.get(name)) {
        if known.parameters != parameters {
            let service = crate::registry::service("ec2").unwrap_or(&super::SERVICE);
            return Err(service
                .token_mismatch
                .with(&[("token", token.as_deref().unwrap_or_default())]));
        }
        return Ok(known.answer.clone());
    }
    let (wanted, template) = with_template(call, &asked)?;
    let mut shown = Vec::new();
    let mut last = String::new();
    for _ in 0..wanted
        .get("MaxCount")
        .and_then(Json::as_u64)
        .unwrap_or(1)
        .clamp(1, 100)
    {
        let id = launch(call, &wanted, template.as_ref())?;
        let record = call.need("ec2/instance", &id)?.clone();
        shown.push(call.show("ec2/instance", &record));
        last = id;
    }
    let mut answer = reservation(call, &last, Json::Null);
    answer["Instances"] = shown.into();
    if let Some(name) = used {
        call.world.tokens.insert(
            name,
            Token {
                parameters,
                answer: answer.clone(),
            },
        );
    }
    Ok(answer)
}

/// A launch template's identifier and a version's number.
type Version = (String, i64);

/// The launch template's data under what the request says.
fn with_template(
    call: &Call,
    asked: &Map<String, Json>,
) -> Result<(Map<String, Json>, Option<Version>), Refusal> {
    let Some(named) = asked.get("LaunchTemplate") else {
        return Ok((asked.clone(), None));
    };
    let (data, id, version) = launch_templates::launched(call, named)?;
    let mut wanted = data.as_object().cloned().unwrap_or_default();
    for (name, value) in asked {
        // Tags of both are set.
        let tags = name == "TagSpecifications";
        match (wanted.get_mut(name), value) {
            (Some(Json::Array(have)), Json::Array(more)) if tags => have.extend(more.clone()),
            _ => drop(wanted.insert(name.clone(), value.clone())),
        }
    }
    Ok((wanted, Some((id, version))))
}

fn text<'j>(wanted: &'j Map<String, Json>, name: &str) -> Option<&'j str> {
    wanted.get(name).and_then(Json::as_str)
}

fn texts(wanted: &Map<String, Json>, name: &str) -> Vec<String> {
    crate::path::texts(wanted, &format!("{name}[]"))
}

fn launch(
    call: &mut Call,
    wanted: &Map<String, Json>,
    template: Option<&Version>,
) -> Result<String, Refusal> {
    let Some(image_id) = text(wanted, "ImageId") else {
        let message = "The request must contain the parameter ImageId";
        return Err(Refusal::new("MissingParameter", message));
    };
    let image = images::need(call, image_id)?;
    let kind = text(wanted, "InstanceType")
        .unwrap_or("m1.small")
        .to_owned();
    let processor = images::architecture(&kind);
    if let Some(other) = image["Architecture"]
        .as_str()
        .filter(|other| *other != processor)
    {
        return Err(PROCESSOR
            .fault
            .with(&[("type", processor), ("image", other)]));
    }
    let profile = match wanted.get("IamInstanceProfile") {
        Some(profile) => Some(instance_profiles::known(call, profile)?),
        None => None,
    };
    let nothing = Json::Null;
    let listed = wanted.get("NetworkInterfaces").unwrap_or(&nothing);
    let listed: Vec<Json> = listed.as_array().cloned().unwrap_or_default();
    let subnet = subnet_of(call, wanted, &listed)?;
    if let Some(zone) = wanted
        .get("Placement")
        .and_then(|at| at["AvailabilityZone"].as_str())
        && zone != subnet.text("AvailabilityZone")
    {
        let message = format!(
            "The availability zone '{zone}' is not that of the subnet '{}'.",
            subnet.id
        );
        return Err(Refusal::new("InvalidParameterValue", message));
    }
    let mut members = described(call, wanted, &image, &kind, processor, &subnet);
    if let Some((id, arn)) = &profile {
        members.insert("IamInstanceProfile".into(), json!({"Arn": arn, "Id": id}));
    }
    let mut record = call.make("ec2/instance", Json::Object(members))?;
    let id = record.id.clone();
    match furnish(
        call,
        &mut record,
        wanted,
        &image,
        &listed,
        &subnet,
        template,
    ) {
        Ok(()) => {
            if let Some((profile, arn)) = profile {
                instance_profiles::associate(call, &id, &profile, &arn);
            }
            Ok(id)
        }
        Err(refusal) => {
            let opened: Vec<String> = call
                .list_where("ec2/network-interface", "Attachment.InstanceId", &id)
                .map(|one| one.id.clone())
                .collect();
            for interface in opened {
                interfaces::leave(call, &interface);
            }
            call.remove("ec2/instance", &id);
            Err(refusal)
        }
    }
}

/// The subnet of the primary interface. Who names none gets one of the default VPC's (API_RunInstances).
fn subnet_of(
    call: &mut Call,
    wanted: &Map<String, Json>,
    listed: &[Json],
) -> Result<Record, Refusal> {
    let primary = listed
        .iter()
        .find(|one| one["DeviceIndex"] == 0)
        .or(listed.first());
    if let Some(interface) = primary.and_then(|one| one["NetworkInterfaceId"].as_str()) {
        let interface = call.need("ec2/network-interface", interface)?;
        return call.need("ec2/subnet", interface.text("SubnetId")).cloned();
    }
    let named = primary
        .and_then(|one| one["SubnetId"].as_str())
        .or(text(wanted, "SubnetId"));
    if let Some(named) = named {
        return call.need("ec2/subnet", named).cloned();
    }
    let zone = wanted
        .get("Placement")
        .and_then(|at| at["AvailabilityZone"].as_str());
    super::default_vpc::subnet(call, zone)
}

/// The members of the instance: what was sent, and AWS's defaults.
fn described(
    call: &Call,
    wanted: &Map<String, Json>,
    image: &Json,
    kind: &str,
    processor: &str,
    subnet: &Record,
) -> Map<String, Json> {
    let zone = subnet.text("AvailabilityZone");
    let tenancy = "default";
    let tokens = match image["ImdsSupport"].as_str() {
        Some("v2.0") => ("required", 2),
        _ => ("optional", 1),
    };
    let mut members = json!({
        "AmiLaunchIndex": 0, "Architecture": processor, "EbsOptimized": false, "EnaSupport": true, "Hypervisor": "xen",
        "InstanceType": kind, "Monitoring": {"State": "disabled"}, "RootDeviceName": image["RootDeviceName"], "RootDeviceType": "ebs",
        "VirtualizationType": "hvm", "SourceDestCheck": true, "StateTransitionReason": "", "State": state("pending"), "ProductCodes": [],
        "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": if processor == "arm64" { 1 } else { 2 }},
        "CapacityReservationSpecification": {"CapacityReservationPreference": "open"},
        "HibernationOptions": {"Configured": false}, "EnclaveOptions": {"Enabled": false}, "MaintenanceOptions": {"AutoRecovery": "default"},
        "MetadataOptions": {"State": "pending", "HttpTokens": tokens.0, "HttpPutResponseHopLimit": tokens.1, "HttpEndpoint": "enabled",
                            "HttpProtocolIpv6": "disabled", "InstanceMetadataTags": "disabled"},
        "PrivateDnsNameOptions": subnet.body.get("PrivateDnsNameOptionsOnLaunch"),
        "Placement": {"AvailabilityZone": zone, "AvailabilityZoneId": zones::id(&call.region, zone), "GroupName": "", "Tenancy": tenancy},
        "PlatformDetails": "Linux/UNIX", "UsageOperation": "RunInstances", "BootMode": image["BootMode"], "CurrentInstanceBootMode": "uefi",
        "ImageId": image["ImageId"], "SubnetId": subnet.id, "VpcId": subnet.text("VpcId"),
    });
    if let Some(members) = members.as_object_mut() {
        for name in KEPT {
            if let Some(value) = wanted.get(*name) {
                members.insert((*name).into(), value.clone());
            }
        }
        for name in ["MetadataOptions", "Placement", "PrivateDnsNameOptions"] {
            if let (Some(Json::Object(have)), Some(Json::Object(more))) =
                (members.get_mut(name), wanted.get(name))
            {
                have.extend(more.clone());
            }
        }
        let monitored = wanted
            .get("Monitoring")
            .is_some_and(|one| one["Enabled"] == true);
        if monitored {
            members.insert("Monitoring".into(), json!({"State": "pending"}));
        }
        if let Some(token) = text(wanted, "ClientToken") {
            members.insert("ClientToken".into(), token.into());
        }
        if let Some(licenses) = wanted.get("LicenseSpecifications") {
            members.insert("Licenses".into(), licenses.clone());
        }
    }
    members.as_object().cloned().unwrap_or_default()
}

/// Interfaces, volumes, tags, and what happens next.
fn furnish(
    call: &mut Call,
    record: &mut Record,
    wanted: &Map<String, Json>,
    image: &Json,
    listed: &[Json],
    subnet: &Record,
    template: Option<&Version>,
) -> Result<(), Refusal> {
    let id = record.id.clone();
    open_interfaces(call, &id, wanted, listed, subnet)?;
    let mappings = open_volumes(call, &id, wanted, image, subnet)?;
    let specified = |kind: &str| -> Vec<Json> {
        let all = wanted
            .get("TagSpecifications")
            .and_then(Json::as_array)
            .into_iter()
            .flatten();
        all.filter(|one| one["ResourceType"] == kind)
            .filter_map(|one| one["Tags"].as_array())
            .flatten()
            .cloned()
            .collect()
    };
    for mapping in &mappings {
        let volume = mapping["Ebs"]["VolumeId"].as_str().unwrap_or_default();
        let sent = tags::read(&Json::Array(specified("volume")));
        let key = call.key("ec2/volume", volume);
        tags::add(call, &key, &sent)?;
    }
    let opened: Vec<String> = call
        .list_where("ec2/network-interface", "Attachment.InstanceId", &id)
        .map(|one| one.id.clone())
        .collect();
    for interface in opened {
        let sent = tags::read(&Json::Array(specified("network-interface")));
        let key = call.key("ec2/network-interface", &interface);
        tags::add(call, &key, &sent)?;
    }
    record.set("BlockDeviceMappings", json!(mappings));
    record
        .tags
        .extend(tags::read(&Json::Array(specified("instance"))));
    if let Some((template, version)) = template {
        record
            .tags
            .insert("aws:ec2launchtemplate:id".into(), template.clone());
        record
            .tags
            .insert("aws:ec2launchtemplate:version".into(), version.to_string());
    }
    for name in ATTRIBUTES {
        if let Some(value) = wanted.get(*name) {
            record.hidden.insert((*name).into(), value.clone());
        }
    }
    let credits = wanted
        .get("CreditSpecification")
        .and_then(|one| one["CpuCredits"].as_str());
    let unlimited = ["t3.", "t3a.", "t4g."]
        .iter()
        .any(|family| record.text("InstanceType").starts_with(family));
    let credits = credits.unwrap_or(if unlimited { "unlimited" } else { "standard" });
    record.hidden.insert("CpuCredits".into(), credits.into());
    let runs = call.now + STARTS;
    record.steps.push(Step {
        set: vec![("MetadataOptions.State".into(), "applied".into())],
        ..Step::event(runs, "runs")
    });
    if record.is("Monitoring.State", "pending") {
        record
            .steps
            .push(Step::set(runs, "Monitoring.State", "enabled"));
    }
    call.world
        .put(call.key("ec2/instance", &id), record.clone());
    Ok(())
}

fn open_interfaces(
    call: &mut Call,
    instance: &str,
    wanted: &Map<String, Json>,
    listed: &[Json],
    subnet: &Record,
) -> Result<(), Refusal> {
    let maps = subnet.body.get("MapPublicIpOnLaunch") == Some(&json!(true));
    let alone = json!({
        "DeviceIndex": 0, "SubnetId": subnet.id, "Groups": group_ids(call, wanted, subnet)?, "PrivateIpAddress": wanted.get("PrivateIpAddress"),
        "Ipv6AddressCount": wanted.get("Ipv6AddressCount"), "Ipv6Addresses": wanted.get("Ipv6Addresses"),
    });
    let listed = match listed.is_empty() {
        true => vec![alone],
        false => listed.to_vec(),
    };
    let one_only = listed.len() == 1;
    for (position, asked) in listed.iter().enumerate() {
        let index = asked["DeviceIndex"].as_i64().unwrap_or(position as i64);
        if let Some(id) = asked["NetworkInterfaceId"].as_str() {
            let interface = call.need("ec2/network-interface", id)?.clone();
            if interface.is("Status", "in-use") {
                return Err(interfaces::INTERFACE.in_use.with(&[("id", &interface.id)]));
            }
            interfaces::attach_to(call, &interface.id, instance, index, false);
            continue;
        }
        let mut input = asked.clone();
        if let Some(members) = input.as_object_mut() {
            members.retain(|name, value| {
                !value.is_null()
                    && !matches!(
                        name.as_str(),
                        "DeviceIndex"
                            | "DeleteOnTermination"
                            | "AssociatePublicIpAddress"
                            | "NetworkCardIndex"
                            | "AssociateCarrierIpAddress"
                            | "EnaSrdSpecification"
                            | "PrimaryIpv6"
                            | "EnaQueueCount"
                    )
            });
            members
                .entry("SubnetId")
                .or_insert_with(|| subnet.id.as_str().into());
        }
        let answer = call.call("ec2", "CreateNetworkInterface", input)?;
        let id = answer["NetworkInterface"]["NetworkInterfaceId"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        // "By default, network interfaces that are created with an instance are deleted with it" (EC2 User Guide, "Preserve data").
        let deleted = asked["DeleteOnTermination"].as_bool().unwrap_or(true);
        interfaces::attach_to(call, &id, instance, index, deleted);
        // Only a single new interface gets a public address (API_InstanceNetworkInterfaceSpecification).
        let public = asked["AssociatePublicIpAddress"].as_bool().unwrap_or(maps) && one_only;
        if public {
            let address = zones::public_address(&id);
            call.update("ec2/network-interface", &id, |record| {
                record.set(
                    "Association",
                    json!({"PublicIp": address, "IpOwnerId": "amazon"}),
                );
            });
        }
    }
    Ok(())
}

/// Identifiers, of names too.
fn group_ids(
    call: &Call,
    wanted: &Map<String, Json>,
    subnet: &Record,
) -> Result<Vec<String>, Refusal> {
    let mut ids = texts(wanted, "SecurityGroupIds");
    for name in texts(wanted, "SecurityGroups") {
        let mut of_vpc = call.list_where("ec2/security-group", "VpcId", subnet.text("VpcId"));
        let found = of_vpc.find(|group| group.is("GroupName", &name));
        match found {
            Some(group) => ids.push(group.id.clone()),
            None => {
                let message = format!("The security group '{name}' does not exist");
                return Err(Refusal::new("InvalidGroup.NotFound", message));
            }
        }
    }
    Ok(ids)
}

/// The image's volumes as the request wants them, and those that it adds.
fn open_volumes(
    call: &mut Call,
    instance: &str,
    wanted: &Map<String, Json>,
    image: &Json,
    subnet: &Record,
) -> Result<Vec<Json>, Refusal> {
    let mut devices: Vec<(String, Json)> = Vec::new();
    let of_image = image["BlockDeviceMappings"]
        .as_array()
        .into_iter()
        .flatten();
    let of_request = wanted
        .get("BlockDeviceMappings")
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    for mapping in of_image.chain(of_request) {
        let name = mapping["DeviceName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if mapping.get("NoDevice").is_some() {
            devices.retain(|(device, _)| *device != name);
            continue;
        }
        let Some(Json::Object(ebs)) = mapping.get("Ebs") else {
            continue;
        };
        match devices.iter_mut().find(|(device, _)| *device == name) {
            Some((_, Json::Object(have))) => {
                if ebs.contains_key("VolumeType") && !ebs.contains_key("Iops") {
                    have.remove("Iops");
                }
                have.extend(ebs.clone());
            }
            Some(_) => {}
            None => devices.push((name, Json::Object(ebs.clone()))),
        }
    }
    let mut mappings = Vec::new();
    for (device, ebs) in devices {
        let deleted = ebs["DeleteOnTermination"].as_bool().unwrap_or(true);
        let mut members =
            json!({"AvailabilityZone": subnet.text("AvailabilityZone"), "Size": ebs["VolumeSize"]});
        for name in [
            "VolumeType",
            "Iops",
            "Throughput",
            "Encrypted",
            "KmsKeyId",
            "SnapshotId",
        ] {
            if !ebs[name].is_null() {
                members[name] = ebs[name].clone();
            }
        }
        // Two alike of one request are two.
        members["Device of"] = format!("{instance} {device}").into();
        let mut volume = call.make("ec2/volume", members)?;
        volume.body.remove("Device of");
        volume.steps.clear();
        volumes::settle(call, &mut volume);
        let id = volume.id.clone();
        call.world.put(call.key("ec2/volume", &id), volume);
        volumes::attach(call, &id, instance, &device, deleted);
        mappings.push(json!({"DeviceName": device, "Ebs": {
            "VolumeId": id, "Status": "attached", "AttachTime": call.now, "DeleteOnTermination": deleted,
        }}));
    }
    Ok(mappings)
}
