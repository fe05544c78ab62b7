//! Instances: their life. How one is launched stands in `instance_launch.rs`, what changes in `instance_attributes.rs`.

use super::{PAGES, instance_attributes as attributes, instance_launch, interfaces, volumes};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Reference, Tags, run};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::world::{Key, Record, Step};
use serde_json::{Value as Json, json};

/// How many seconds an instance takes to run, to stop and to terminate, and how long it is seen afterwards (TerminateInstances:
/// "Terminated instances remain visible after termination (for approximately one hour)").
pub(super) const STARTS: f64 = 12.0;
const STOPS: f64 = 25.0;
const TERMINATES: f64 = 30.0;
const VISIBLE: f64 = 3_600.0;

/// A protected instance is not terminated.
pub const PROTECTED: Law = Law {
    name: "a protected instance is not terminated",
    operations: &["TerminateInstances"],
    source: "Amazon EC2 API Reference, Error codes: OperationNotPermitted; EC2 User Guide, \"Enable termination protection\"",
    fault: Fault::new(
        "OperationNotPermitted",
        "The instance '{id}' may not be terminated. Modify its 'disableApiTermination' instance attribute and try again.",
    ),
    check: Some(|call, law| {
        for id in call.texts("InstanceIds[]") {
            let instance = call.find("ec2/instance", &id);
            if instance
                .is_some_and(|one| one.hidden.get("DisableApiTermination") == Some(&json!(true)))
            {
                return Err(law.fault.with(&[("id", &id)]));
            }
        }
        Ok(())
    }),
};

/// A virtual machine.
pub const INSTANCE: Kind = Kind {
    name: "ec2/instance",
    id: Id::Hex("i-"),
    id_member: "InstanceId",
    arn: "arn:{partition}:ec2:{region}:{account}:instance/{id}",
    created_member: "LaunchTime",
    tags: Tags::List("Tags"),
    refers: &[
        // Its interface holds them.
        Reference::new("SubnetId", "ec2/subnet").unchecked().loose(),
        Reference::new("VpcId", "ec2/vpc").unchecked().loose(),
    ],
    not_found: Fault::new(
        "InvalidInstanceID.NotFound",
        "The instance ID '{id}' does not exist",
    ),
    show: Some(show),
    on_event: Some(happens),
    operations: &[
        run("RunInstances", instance_launch::run_instances),
        run("DescribeInstances", describe),
        run("DescribeInstanceStatus", describe_status),
        run("TerminateInstances", terminate),
        run("StopInstances", stop),
        run("StartInstances", start),
        run("RebootInstances", |call| {
            for id in call.texts("InstanceIds[]") {
                call.need("ec2/instance", &id)?;
            }
            Ok(json!({}))
        }),
        run("MonitorInstances", |call| attributes::monitor(call, true)),
        run("UnmonitorInstances", |call| {
            attributes::monitor(call, false)
        }),
        run("DescribeInstanceAttribute", attributes::describe),
        run("ModifyInstanceAttribute", attributes::modify),
        run("ModifyInstanceMetadataOptions", attributes::metadata),
        run("ModifyPrivateDnsNameOptions", attributes::private_names),
        run("ModifyInstancePlacement", attributes::placement),
        run(
            "ModifyInstanceCreditSpecification",
            attributes::modify_credits,
        ),
        run(
            "DescribeInstanceCreditSpecifications",
            attributes::describe_credits,
        ),
    ],
    ..Kind::NEW
};

/// The state as the API writes it (API_InstanceState).
pub(super) fn state(name: &str) -> Json {
    let code = match name {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    };
    json!({"Code": code, "Name": name})
}

/// The interfaces as they are now, and what follows from the primary one.
fn show(call: &Call, record: &Record, body: &mut serde_json::Map<String, Json>) {
    let found = call.list_where("ec2/network-interface", "Attachment.InstanceId", &record.id);
    let mut shown: Vec<Json> = found
        .map(|one| {
            let mut body = one.body.clone();
            body.remove("TagSet");
            if let Some(Json::Object(association)) = body.get_mut("Association") {
                let name = public_name(call, association.get("PublicIp"));
                association.insert("PublicDnsName".into(), name.into());
            }
            Json::Object(body)
        })
        .collect();
    shown.sort_by_key(|one| one["Attachment"]["DeviceIndex"].as_i64());
    if let Some(primary) = shown.first() {
        for member in [
            "PrivateIpAddress",
            "PrivateDnsName",
            "SubnetId",
            "VpcId",
            "SourceDestCheck",
        ] {
            body.insert(member.into(), primary[member].clone());
        }
        body.insert("SecurityGroups".into(), primary["Groups"].clone());
        let public = primary["Association"].get("PublicIp").cloned();
        body.insert(
            "PublicDnsName".into(),
            public_name(call, public.as_ref()).into(),
        );
        match public {
            Some(address) => body.insert("PublicIpAddress".into(), address),
            None => body.remove("PublicIpAddress"),
        };
    }
    body.insert("NetworkInterfaces".into(), shown.into());
}

/// `ec2-203-0-113-25.compute-1.amazonaws.com` (EC2 User Guide, "EC2 instance hostnames").
fn public_name(call: &Call, address: Option<&Json>) -> String {
    let Some(address) = address.and_then(Json::as_str) else {
        return String::new();
    };
    let zone = match call.region.as_str() {
        "us-east-1" => "compute-1".to_owned(),
        region => format!("{region}.compute"),
    };
    format!("ec2-{}.{zone}.amazonaws.com", address.replace('.', "-"))
}

/// What time brings.
fn happens(call: &mut Call, key: &Key, event: &str) {
    match event {
        "runs" => {
            call.world
                .update(key, |record| record.set("State", state("running")));
        }
        "stopped" => {
            call.world
                .update(key, |record| record.set("State", state("stopped")));
            release_public(call, &key.id);
        }
        "terminated" => {
            let attached: Vec<(String, bool)> = call
                .list_where("ec2/volume", "Attachments[].InstanceId", &key.id)
                .map(|volume| {
                    let deleted = path::texts(&volume.body, "Attachments[].DeleteOnTermination");
                    (volume.id.clone(), deleted.iter().any(|one| one == "true"))
                })
                .collect();
            for (volume, deleted) in attached {
                match deleted {
                    true => drop(call.remove("ec2/volume", &volume)),
                    false => volumes::release(call, &volume),
                }
            }
            let opened: Vec<String> = call
                .list_where("ec2/network-interface", "Attachment.InstanceId", &key.id)
                .map(|one| one.id.clone())
                .collect();
            for interface in opened {
                interfaces::leave(call, &interface);
            }
            let profiles: Vec<String> = call
                .list_where(
                    super::instance_profiles::ASSOCIATION.name,
                    "InstanceId",
                    &key.id,
                )
                .map(|one| one.id.clone())
                .collect();
            for profile in profiles {
                call.remove(super::instance_profiles::ASSOCIATION.name, &profile);
            }
            let gone = call.now + VISIBLE;
            call.world.update(key, |record| {
                record.set("State", state("terminated"));
                record.set("BlockDeviceMappings", json!([]));
                record.dead = true;
                record.steps.push(Step::gone(gone));
            });
        }
        _ => {}
    }
}

/// An address of Amazon's pool goes with a stop, an Elastic IP address stays (EC2 User Guide, "Stop and start").
fn release_public(call: &mut Call, instance: &str) {
    let opened: Vec<String> = call
        .list_where("ec2/network-interface", "Attachment.InstanceId", instance)
        .filter(|one| one.is("Association.IpOwnerId", "amazon"))
        .map(|one| one.id.clone())
        .collect();
    for interface in opened {
        call.update("ec2/network-interface", &interface, |record| {
            record.hidden.insert("public".into(), true.into());
            record.body.remove("Association");
        });
    }
}

/// DescribeInstances: reservations, each with its instance.
fn describe(call: &mut Call) -> Answer {
    let call = &*call;
    let named = call.texts("InstanceIds[]");
    for id in &named {
        if call.find_any("ec2/instance", id).is_none() {
            return Err(INSTANCE.not_found.with(&[("id", id)]));
        }
    }
    let records = call
        .world
        .records("ec2/instance", &call.account, &call.region);
    let mut shown: Vec<(String, Json)> = records
        .filter(|record| named.is_empty() || named.contains(&record.id))
        .map(|record| (record.id.clone(), call.show("ec2/instance", record)))
        .collect();
    let filters = [
        ("architecture", "Architecture"),
        ("availability-zone", "Placement.AvailabilityZone"),
        (
            "block-device-mapping.device-name",
            "BlockDeviceMappings[].DeviceName",
        ),
        (
            "block-device-mapping.volume-id",
            "BlockDeviceMappings[].Ebs.VolumeId",
        ),
        ("client-token", "ClientToken"),
        ("dns-name", "PublicDnsName"),
        ("group-id", "SecurityGroups[].GroupId"),
        ("iam-instance-profile.arn", "IamInstanceProfile.Arn"),
        ("image-id", "ImageId"),
        ("instance-id", "InstanceId"),
        ("instance-state-code", "State.Code"),
        ("instance-state-name", "State.Name"),
        ("instance-type", "InstanceType"),
        ("instance.group-id", "SecurityGroups[].GroupId"),
        ("instance.group-name", "SecurityGroups[].GroupName"),
        ("ip-address", "PublicIpAddress"),
        ("key-name", "KeyName"),
        ("monitoring-state", "Monitoring.State"),
        (
            "network-interface.network-interface-id",
            "NetworkInterfaces[].NetworkInterfaceId",
        ),
        (
            "network-interface.subnet-id",
            "NetworkInterfaces[].SubnetId",
        ),
        ("placement-group-name", "Placement.GroupName"),
        ("private-dns-name", "PrivateDnsName"),
        ("private-ip-address", "PrivateIpAddress"),
        ("root-device-name", "RootDeviceName"),
        ("root-device-type", "RootDeviceType"),
        ("source-dest-check", "SourceDestCheck"),
        ("subnet-id", "SubnetId"),
        ("tenancy", "Placement.Tenancy"),
        ("vpc-id", "VpcId"),
    ];
    filter::apply(call, &filters, &mut shown)?;
    let service = registry::service("ec2").unwrap_or(&super::SERVICE);
    let next = filter::page(
        call,
        service,
        &PAGES,
        !named.is_empty(),
        "InstanceIds",
        &mut shown,
    )?;
    let reservations: Vec<Json> = shown
        .into_iter()
        .map(|(id, instance)| reservation(call, &id, instance))
        .collect();
    let mut answer = json!({"Reservations": reservations});
    if let Some(next) = next {
        answer["NextToken"] = next.into();
    }
    Ok(answer)
}

/// Each instance is launched by a request of its own here.
pub(super) fn reservation(call: &Call, id: &str, instance: Json) -> Json {
    let digits = crate::call::digest(&["reservation", id]);
    json!({"ReservationId": format!("r-{}", &digits[..17]), "OwnerId": call.account, "Groups": [], "Instances": [instance]})
}

fn describe_status(call: &mut Call) -> Answer {
    let all = call.input.get("IncludeAllInstances") == Some(&json!(true));
    let named = call.texts("InstanceIds[]");
    for id in &named {
        call.need("ec2/instance", id)?;
    }
    let found = call.list("ec2/instance").filter(|one| {
        (named.is_empty() || named.contains(&one.id)) && (all || one.is("State.Name", "running"))
    });
    let shown: Vec<Json> = found
        .map(|one| {
            let passed = json!({"Status": "ok", "Details": [{"Name": "reachability", "Status": "passed"}]});
            json!({"InstanceId": one.id, "AvailabilityZone": one.text("Placement.AvailabilityZone"), "InstanceState": one.body["State"],
                   "InstanceStatus": passed, "SystemStatus": passed})
        })
        .collect();
    Ok(json!({"InstanceStatuses": shown}))
}

/// Changes the state of the named instances and lists what was and is.
fn move_all(
    call: &mut Call,
    member: &str,
    may: fn(&str) -> Result<bool, &'static str>,
    to: &str,
    event: &str,
    after: f64,
) -> Answer {
    let ids = call.texts("InstanceIds[]");
    let mut before = Vec::new();
    // One that is refused keeps all as they are.
    for id in &ids {
        let instance = call.need("ec2/instance", id)?;
        let goes = may(instance.text("State.Name")).map_err(|code| {
            let message =
                format!("The instance '{id}' is not in a state from which it can be {to}.");
            Refusal::new(code, message)
        })?;
        before.push((id.clone(), instance.body["State"].clone(), goes));
    }
    let at = call.now + after;
    let mut shown = Vec::new();
    for (id, was, goes) in before {
        if goes {
            call.update("ec2/instance", &id, |record| {
                record.set("State", state(to));
                record.steps.clear();
                record.steps.push(Step::event(at, event));
            });
        }
        let is = call.need("ec2/instance", &id)?.body["State"].clone();
        shown.push(json!({"InstanceId": id, "PreviousState": was, "CurrentState": is}));
    }
    Ok(json!({member: shown}))
}

fn terminate(call: &mut Call) -> Answer {
    let ids = call.texts("InstanceIds[]");
    // Those that are terminated already are seen still, and named in vain.
    let dead: Vec<Json> = ids
        .iter()
        .filter_map(|id| call.find_any("ec2/instance", id).filter(|one| one.dead))
        .map(|one| json!({"InstanceId": one.id, "PreviousState": state("terminated"), "CurrentState": state("terminated")}))
        .collect();
    let living: Vec<Json> = ids
        .iter()
        .filter(|id| {
            call.find_any("ec2/instance", id)
                .is_none_or(|one| !one.dead)
        })
        .map(|id| json!(id))
        .collect();
    call.input.insert("InstanceIds".into(), living.into());
    let mut answer = move_all(
        call,
        "TerminatingInstances",
        |from| Ok(from != "shutting-down"),
        "shutting-down",
        "terminated",
        TERMINATES,
    )?;
    for id in &ids {
        call.update("ec2/instance", id, |record| {
            record.set("StateReason", json!({"Code": "Client.UserInitiatedShutdown", "Message": "Client.UserInitiatedShutdown: User initiated shutdown"}));
            record.set("StateTransitionReason", "User initiated");
        });
    }
    if let Some(shown) = answer["TerminatingInstances"].as_array_mut() {
        shown.extend(dead);
    }
    Ok(answer)
}

fn stop(call: &mut Call) -> Answer {
    let may = |from: &str| match from {
        "running" => Ok(true),
        "stopped" | "stopping" => Ok(false),
        _ => Err("IncorrectInstanceState"),
    };
    move_all(call, "StoppingInstances", may, "stopping", "stopped", STOPS)
}

fn start(call: &mut Call) -> Answer {
    let may = |from: &str| match from {
        "stopped" => Ok(true),
        "running" | "pending" => Ok(false),
        _ => Err("IncorrectInstanceState"),
    };
    let answer = move_all(call, "StartingInstances", may, "pending", "runs", STARTS)?;
    for id in call.texts("InstanceIds[]") {
        let opened: Vec<String> = call
            .list_where("ec2/network-interface", "Attachment.InstanceId", &id)
            .filter(|one| {
                one.hidden.contains_key("public") && one.text("Association.PublicIp").is_empty()
            })
            .map(|one| one.id.clone())
            .collect();
        for interface in opened {
            // Another one than before.
            let digits = call.derive(&format!("public address {interface}"));
            let address = super::zones::public_address(&digits);
            call.update("ec2/network-interface", &interface, |record| {
                record.set(
                    "Association",
                    json!({"PublicIp": address, "IpOwnerId": "amazon"}),
                );
            });
        }
    }
    Ok(answer)
}
