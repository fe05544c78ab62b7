//! The further addresses and the prefixes of a network interface.

use super::interfaces::{INTERFACE, free_address};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// The primary address stays.
pub const PRIMARY_STAYS: Law = Law {
    name: "the primary address of an interface is not unassigned",
    operations: &["UnassignPrivateIpAddresses"],
    source: "Amazon EC2 API Reference, UnassignPrivateIpAddresses: \"Unassigns the specified secondary private IP addresses\"",
    fault: Fault::new(
        "InvalidParameterValue",
        "The primary IP address '{id}' of an interface cannot be unassigned.",
    ),
    check: None,
};

fn count(input: &Map<String, Json>, member: &str) -> usize {
    let count = input.get(member).and_then(Json::as_u64).unwrap_or_default();
    usize::try_from(count).unwrap_or_default()
}

/// Lists of texts, or of items with a text (as creation takes them).
fn texts(input: &Map<String, Json>, list: &str, item: &str) -> Vec<String> {
    let plain = path::texts(input, &format!("{list}[].{item}"));
    match plain.is_empty() {
        true => input
            .get(list)
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
            .filter_map(|text| text.as_str().map(str::to_owned))
            .collect(),
        false => plain,
    }
}

/// What a request asks for besides the primary address, which the interface has.
pub(super) fn furnish(
    call: &mut Call,
    record: &mut Record,
    input: &Map<String, Json>,
    further: &[String],
) -> Result<(), Refusal> {
    add_ipv4(
        call,
        record,
        further,
        count(input, "SecondaryPrivateIpAddressCount"),
    )?;
    for member in ["Ipv4Prefixes", "Ipv6Addresses", "Ipv6Prefixes"] {
        record.set(member, json!([]));
    }
    add_prefixes(
        record,
        "Ipv4",
        &texts(input, "Ipv4Prefixes", "Ipv4Prefix"),
        count(input, "Ipv4PrefixCount"),
    );
    add_prefixes(
        record,
        "Ipv6",
        &texts(input, "Ipv6Prefixes", "Ipv6Prefix"),
        count(input, "Ipv6PrefixCount"),
    );
    let addresses = texts(input, "Ipv6Addresses", "Ipv6Address");
    add_ipv6(call, record, &addresses, count(input, "Ipv6AddressCount"))?;
    if input.get("EnablePrimaryIpv6") == Some(&Json::Bool(true)) {
        enable_primary(record);
    }
    Ok(())
}

/// "The first IPv6 GUA will be made the primary IPv6 address" (CreateNetworkInterface, EnablePrimaryIpv6).
pub(super) fn enable_primary(record: &mut Record) {
    if let Some(Json::Object(first)) = record.list_mut("Ipv6Addresses").first_mut() {
        first.insert("IsPrimaryIpv6".into(), true.into());
        let address = first.get("Ipv6Address").cloned().unwrap_or_default();
        record.set("Ipv6Address", address);
    }
}

fn add_ipv4(
    call: &Call,
    record: &mut Record,
    named: &[String],
    more: usize,
) -> Result<Vec<String>, Refusal> {
    let subnet = call.need("ec2/subnet", record.text("SubnetId"))?.clone();
    let region = &call.region;
    let mut added = Vec::new();
    let wanted = named
        .iter()
        .map(Some)
        .chain(std::iter::repeat_n(None, more));
    for (nth, wanted) in wanted.enumerate() {
        let mut address = None;
        // The interface may not be stored yet: what it has itself is not free either.
        for attempt in 0..1_000 {
            let digits = digest(&[
                "further address",
                &record.id,
                &nth.to_string(),
                &attempt.to_string(),
            ]);
            let free = free_address(call, &subnet, wanted.map(String::as_str), &digits)?;
            let have = path::texts(&record.body, "PrivateIpAddresses[].PrivateIpAddress");
            if !have.contains(&free) {
                address = Some(free);
                break;
            }
            if wanted.is_some() {
                break;
            }
        }
        let Some(address) = address else { continue };
        let suffix = match region.as_str() {
            "us-east-1" => "ec2.internal".to_owned(),
            other => format!("{other}.compute.internal"),
        };
        let name = format!("ip-{}.{suffix}", address.replace('.', "-"));
        record
            .list_mut("PrivateIpAddresses")
            .push(json!({"Primary": false, "PrivateIpAddress": address, "PrivateDnsName": name}));
        added.push(address);
    }
    Ok(added)
}

/// Prefixes are /28 of IPv4 and /80 of IPv6 (EC2 User Guide, "Prefix delegation"), of AWS's choice here far from what addresses use.
fn add_prefixes(record: &mut Record, family: &str, named: &[String], more: usize) -> Vec<String> {
    let member = format!("{family}Prefixes");
    let mut added = named.to_vec();
    for nth in 0..more {
        let digits = digest(&[
            "prefix",
            family,
            &record.id,
            &nth.to_string(),
            &record.list(&member).len().to_string(),
        ]);
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap_or_default();
        added.push(match family {
            "Ipv4" => format!("10.{}.{}.{}/28", byte(0), byte(2), byte(4) & 0xf0),
            _ => format!(
                "2600:1f{:02x}:{:x}:{:x}:{:x}::/80",
                byte(0),
                byte(2),
                byte(4),
                byte(6)
            ),
        });
    }
    for prefix in &added {
        record
            .list_mut(&member)
            .push(json!({format!("{family}Prefix"): prefix}));
    }
    added
}

fn add_ipv6(
    call: &Call,
    record: &mut Record,
    named: &[String],
    more: usize,
) -> Result<Vec<String>, Refusal> {
    let subnet = call.need("ec2/subnet", record.text("SubnetId"))?;
    let block =
        path::text(&subnet.body, "Ipv6CidrBlockAssociationSet[].Ipv6CidrBlock").map(str::to_owned);
    let mut added = named.to_vec();
    if more > 0 {
        let Some(block) = block else {
            let message = format!("The subnet '{}' has no IPv6 CIDR block.", subnet.id);
            return Err(Refusal::new("InvalidParameterValue", message));
        };
        let start = block.split("::").next().unwrap_or_default();
        for nth in 0..more {
            let have = record.list("Ipv6Addresses").len() + added.len();
            let digits = digest(&["ipv6", &record.id, &have.to_string(), &nth.to_string()]);
            added.push(format!(
                "{start}:{}:{}:{}:{}",
                &digits[..4],
                &digits[4..8],
                &digits[8..12],
                &digits[12..16]
            ));
        }
    }
    for address in &added {
        record
            .list_mut("Ipv6Addresses")
            .push(json!({"Ipv6Address": address, "IsPrimaryIpv6": false}));
    }
    Ok(added)
}

fn changed(
    call: &mut Call,
    change: impl FnOnce(&Call, &mut Record) -> Result<Json, Refusal>,
) -> Answer {
    let name = call.text("NetworkInterfaceId").unwrap_or_default();
    let mut record = call.need(INTERFACE.name, name)?.clone();
    let mut answer = change(call, &mut record)?;
    answer["NetworkInterfaceId"] = record.id.as_str().into();
    let key = call.key(INTERFACE.name, &record.id);
    call.world.put(key, record);
    Ok(answer)
}

pub(super) fn assign_ipv4(call: &mut Call) -> Answer {
    changed(call, |call, record| {
        let input = &call.input;
        let named = texts(input, "PrivateIpAddresses", "PrivateIpAddress");
        let added = add_ipv4(
            call,
            record,
            &named,
            count(input, "SecondaryPrivateIpAddressCount"),
        )?;
        let prefixes = add_prefixes(
            record,
            "Ipv4",
            &texts(input, "Ipv4Prefixes", "Ipv4Prefix"),
            count(input, "Ipv4PrefixCount"),
        );
        let addresses: Vec<Json> = added
            .iter()
            .map(|one| json!({"PrivateIpAddress": one}))
            .collect();
        let prefixes: Vec<Json> = prefixes
            .iter()
            .map(|one| json!({"Ipv4Prefix": one}))
            .collect();
        Ok(json!({"AssignedPrivateIpAddresses": addresses, "AssignedIpv4Prefixes": prefixes}))
    })
}

pub(super) fn unassign_ipv4(call: &mut Call) -> Answer {
    changed(call, |call, record| {
        let gone = texts(&call.input, "PrivateIpAddresses", "PrivateIpAddress");
        if gone
            .iter()
            .any(|address| record.is("PrivateIpAddress", address))
        {
            return Err(PRIMARY_STAYS
                .fault
                .with(&[("id", record.text("PrivateIpAddress"))]));
        }
        let have = path::texts(&record.body, "PrivateIpAddresses[].PrivateIpAddress");
        if let Some(unknown) = gone.iter().find(|address| !have.contains(address)) {
            let message = format!(
                "Some of the specified addresses are not assigned to interface {}: {unknown}",
                record.id
            );
            return Err(Refusal::new("InvalidParameterValue", message));
        }
        let is_gone = |one: &Json, member: &str, gone: &[String]| {
            one[member]
                .as_str()
                .is_some_and(|text| gone.iter().any(|gone| gone == text))
        };
        record
            .list_mut("PrivateIpAddresses")
            .retain(|one| !is_gone(one, "PrivateIpAddress", &gone));
        let prefixes = texts(&call.input, "Ipv4Prefixes", "Ipv4Prefix");
        record
            .list_mut("Ipv4Prefixes")
            .retain(|one| !is_gone(one, "Ipv4Prefix", &prefixes));
        Ok(json!({}))
    })
}

pub(super) fn assign_ipv6(call: &mut Call) -> Answer {
    changed(call, |call, record| {
        let input = &call.input;
        let named = texts(input, "Ipv6Addresses", "Ipv6Address");
        let added = add_ipv6(call, record, &named, count(input, "Ipv6AddressCount"))?;
        let prefixes = add_prefixes(
            record,
            "Ipv6",
            &texts(input, "Ipv6Prefixes", "Ipv6Prefix"),
            count(input, "Ipv6PrefixCount"),
        );
        Ok(json!({"AssignedIpv6Addresses": added, "AssignedIpv6Prefixes": prefixes}))
    })
}

pub(super) fn unassign_ipv6(call: &mut Call) -> Answer {
    changed(call, |call, record| {
        let gone = texts(&call.input, "Ipv6Addresses", "Ipv6Address");
        let prefixes = texts(&call.input, "Ipv6Prefixes", "Ipv6Prefix");
        record
            .list_mut("Ipv6Addresses")
            .retain(|one| !gone.iter().any(|gone| one["Ipv6Address"] == gone.as_str()));
        record.list_mut("Ipv6Prefixes").retain(|one| {
            !prefixes
                .iter()
                .any(|gone| one["Ipv6Prefix"] == gone.as_str())
        });
        Ok(json!({"UnassignedIpv6Addresses": gone, "UnassignedIpv6Prefixes": prefixes}))
    })
}
