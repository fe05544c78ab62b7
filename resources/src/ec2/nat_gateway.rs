//! `AWS::EC2::NatGateway`: the way out of private subnets.

use super::NAT_GATEWAYS;
use crate::context::Context;
use crate::prelude::*;

native!(
    /// `AWS::EC2::NatGateway`.
    NatGateway,
    Definition {
        create: Create::of("CreateNatGateway", "NatGateway"),
        reads: &[Read::of(&NAT_GATEWAYS)],
        updates: &[Change {
            takes: &[
                "SecondaryAllocationIds",
                "SecondaryPrivateIpAddresses",
                "SecondaryPrivateIpAddressCount",
                "AvailabilityZoneAddresses",
                // How long the addresses that go may finish their connections: part of the same calls.
                "MaxDrainDurationSeconds",
            ],
            mode: Mode::Step(addresses),
            ..Change::of("AssociateNatGatewayAddress", &["NatGatewayId"])
        }],
        delete: Delete::of("DeleteNatGateway", &["NatGatewayId"], &["NatGatewayNotFound"]),
        rules: &[
            Rule::Computed("AllocationId", |nat| primary(nat, "AllocationId")),
            Rule::Computed("PrivateIpAddress", |nat| primary(nat, "PrivateIp")),
            Rule::Computed("EniId", |nat| primary(nat, "NetworkInterfaceId")),
            Rule::Computed("SecondaryAllocationIds", |nat| secondary(nat, "AllocationId")),
            Rule::Computed("SecondaryPrivateIpAddresses", |nat| secondary(nat, "PrivateIp")),
            Rule::Computed("SecondaryPrivateIpAddressCount", |nat| Some(secondary(nat, "PrivateIp")?.as_array()?.len().into())),
            Rule::Computed("AvailabilityZoneAddresses", zones),
        ],
        tags: Tags::Specification("natgateway"),
        status,
        after: &[After {
            type_name: "AWS::EC2::VPCGatewayAttachment",
            mine: "SubnetId>VpcId",
            theirs: "VpcId",
            milestone: Milestone::Ready,
            reason: "a public NAT gateway needs an internet gateway attached to its VPC, else it fails with Gateway.NotAttached (VPC \
                     user guide, \"Troubleshoot NAT gateways\"); the gateway can be detached only when its addresses are gone",
        }],
        // An address is of one NAT gateway at a time: the second one fails with Resource.AlreadyAssociated (VPC user guide,
        // "Troubleshoot NAT gateways", "Elastic IP address is already associated").
        unique: &[&["AllocationId"]],
        patience: std::time::Duration::from_secs(10 * 60),
        ..Definition::new("AWS::EC2::NatGateway", "ec2")
    }
);

/// pending | failed | available | deleting | deleted (API_NatGateway). Deleted ones stay visible for about an hour.
fn status(description: &Json) -> Status {
    match described(description, "State") {
        Some("available") => Status::Ready,
        Some("deleted") => Status::Gone,
        Some("failed") => {
            let text = |name| described(description, name).unwrap_or_default().to_owned();
            Status::Failed(format!(
                "{}: {}",
                text("FailureCode"),
                text("FailureMessage")
            ))
        }
        // While it is being deleted its addresses and its network interface are in use still.
        _ => Status::Pending,
    }
}

fn all(nat: &Json) -> impl Iterator<Item = &Json> {
    nat.get("NatGatewayAddresses")
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
}

/// Before AWS told which is the primary address, the first one is.
fn is_primary(nat: &Json, position: usize, address: &Json) -> bool {
    match address.get("IsPrimary") {
        Some(flag) => *flag == json!(true),
        None => position == 0 && described(nat, "AvailabilityMode") != Some("regional"),
    }
}

fn primary(nat: &Json, member: &str) -> Option<Json> {
    all(nat)
        .enumerate()
        .find(|(position, address)| is_primary(nat, *position, address))
        .and_then(|(_, address)| look(address, member))
}

fn secondary(nat: &Json, member: &str) -> Option<Json> {
    let others: Vec<Json> = all(nat)
        .enumerate()
        .filter(|(position, address)| !is_primary(nat, *position, address) && is_staying(address))
        .filter_map(|(_, address)| look(address, member))
        .collect();
    (!others.is_empty()).then_some(Json::Array(others))
}

fn is_staying(address: &Json) -> bool {
    !matches!(
        described(address, "Status"),
        Some("unassigning" | "disassociating" | "failed")
    )
}

/// Of a regional gateway: its addresses by zone.
fn zones(nat: &Json) -> Option<Json> {
    let mut zones: Vec<(Json, Vec<Json>)> = Vec::new();
    for address in all(nat).filter(|address| is_staying(address)) {
        let mut zone = Map::new();
        for name in ["AvailabilityZone", "AvailabilityZoneId"] {
            if let Some(value) = look(address, name) {
                zone.insert(name.to_owned(), value);
            }
        }
        let Some(allocation) = look(address, "AllocationId").filter(|_| !zone.is_empty()) else {
            continue;
        };
        let zone = Json::Object(zone);
        match zones.iter_mut().find(|(known, _)| *known == zone) {
            Some((_, allocations)) => allocations.push(allocation),
            None => zones.push((zone, vec![allocation])),
        }
    }
    let zones: Vec<Json> = zones
        .into_iter()
        .map(|(mut zone, allocations)| {
            if let Some(members) = zone.as_object_mut() {
                members.insert("AllocationIds".to_owned(), Json::Array(allocations));
            }
            zone
        })
        .collect();
    (!zones.is_empty()).then_some(Json::Array(zones))
}

fn texts(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_list)
        .into_iter()
        .flatten()
        .filter_map(Value::to_text)
        .collect()
}

/// Secondary addresses come and go one by one (API_AssociateNatGatewayAddress, API_AssignPrivateNatGatewayAddress).
fn addresses<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let found = generic::items_of(context, &NAT_GATEWAYS, id.as_str()).await?;
        let Some(nat) = found.first() else {
            return Ok(());
        };
        let drain = update
            .desired
            .get("MaxDrainDurationSeconds")
            .and_then(Value::as_i64);
        let with_drain = |mut input: Json| {
            if let (Some(seconds), Some(members)) = (drain, input.as_object_mut()) {
                members.insert("MaxDrainDurationSeconds".to_owned(), seconds.into());
            }
            input
        };
        if update.touches("SecondaryAllocationIds") || update.touches("AvailabilityZoneAddresses") {
            let mut wanted: Vec<(String, Option<(&str, String)>)> =
                texts(update.desired.get("SecondaryAllocationIds"))
                    .into_iter()
                    .map(|allocation| (allocation, None))
                    .collect();
            for zone in update
                .desired
                .get("AvailabilityZoneAddresses")
                .and_then(Value::as_list)
                .into_iter()
                .flatten()
            {
                let name = ["AvailabilityZone", "AvailabilityZoneId"]
                    .into_iter()
                    .find_map(|name| Some((name, zone.get(name)?.to_text()?)));
                let allocations = texts(zone.get("AllocationIds"));
                wanted.extend(
                    allocations
                        .into_iter()
                        .map(|allocation| (allocation, name.clone())),
                );
            }
            let have = |allocation: &str| {
                all(nat).any(|address| described(address, "AllocationId") == Some(allocation))
            };
            for (allocation, zone) in wanted.iter().filter(|(allocation, _)| !have(allocation)) {
                let mut input = json!({"NatGatewayId": id.as_str(), "AllocationIds": [allocation]});
                if let (Some((name, zone)), Some(members)) = (zone, input.as_object_mut()) {
                    members.insert((*name).to_owned(), zone.as_str().into());
                }
                context
                    .write("ec2", "AssociateNatGatewayAddress", input)
                    .await?;
            }
            let gone: Vec<Json> = all(nat)
                .enumerate()
                .filter(|(position, address)| {
                    !is_primary(nat, *position, address) && is_staying(address)
                })
                .filter(|(_, address)| {
                    described(address, "AllocationId").is_some_and(|have| {
                        !wanted.iter().any(|(allocation, _)| allocation == have)
                    })
                })
                .filter_map(|(_, address)| look(address, "AssociationId"))
                .collect();
            if !gone.is_empty() {
                let input = json!({"NatGatewayId": id.as_str(), "AssociationIds": gone});
                context
                    .write("ec2", "DisassociateNatGatewayAddress", with_drain(input))
                    .await?;
            }
        }
        if update.touches("SecondaryPrivateIpAddresses")
            || update.touches("SecondaryPrivateIpAddressCount")
        {
            let have: Vec<String> = secondary(nat, "PrivateIp")
                .as_ref()
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(|ip| ip.as_str().map(str::to_owned))
                .collect();
            let mut wanted = texts(update.desired.get("SecondaryPrivateIpAddresses"));
            let count = update
                .desired
                .get("SecondaryPrivateIpAddressCount")
                .and_then(Value::as_i64);
            if let (true, Some(count)) = (
                wanted.is_empty(),
                count.and_then(|count| usize::try_from(count).ok()),
            ) {
                if count > have.len() {
                    let input = json!({"NatGatewayId": id.as_str(), "PrivateIpAddressCount": count - have.len()});
                    context
                        .write("ec2", "AssignPrivateNatGatewayAddress", input)
                        .await?;
                }
                wanted = have.iter().take(count).cloned().collect();
            }
            let more: Vec<&String> = wanted.iter().filter(|ip| !have.contains(ip)).collect();
            if !more.is_empty() {
                let input = json!({"NatGatewayId": id.as_str(), "PrivateIpAddresses": more});
                context
                    .write("ec2", "AssignPrivateNatGatewayAddress", input)
                    .await?;
            }
            let less: Vec<&String> = have.iter().filter(|ip| !wanted.contains(ip)).collect();
            if !less.is_empty() {
                let input = json!({"NatGatewayId": id.as_str(), "PrivateIpAddresses": less});
                context
                    .write("ec2", "UnassignPrivateNatGatewayAddress", with_drain(input))
                    .await?;
            }
        }
        Ok(())
    })
}
