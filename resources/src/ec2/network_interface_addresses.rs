//! The further addresses and the prefixes of a network interface: what is told of them, and how they change
//! (API_AssignPrivateIpAddresses, API_AssignIpv6Addresses and their opposites).

use super::NETWORK_INTERFACES;
use crate::context::Context;
use crate::error::Result;
use crate::prelude::*;

/// The calls and names of IPv4 and of IPv6.
pub(super) struct Family {
    assign: &'static str,
    unassign: &'static str,
    addresses: Kind,
    prefixes: Kind,
}

/// Addresses or prefixes: each is declared by list or by number.
struct Kind {
    /// The property with the list, and its items' member.
    list: &'static str,
    item: &'static str,
    /// The property with the number.
    count: &'static str,
    /// The calls' members for the list and the number.
    sent: &'static str,
    counted: &'static str,
}

impl Family {
    pub(super) const V4: Family = Family {
        assign: "AssignPrivateIpAddresses",
        unassign: "UnassignPrivateIpAddresses",
        addresses: Kind {
            list: "PrivateIpAddresses",
            item: "PrivateIpAddress",
            count: "SecondaryPrivateIpAddressCount",
            sent: "PrivateIpAddresses",
            counted: "SecondaryPrivateIpAddressCount",
        },
        prefixes: Kind {
            list: "Ipv4Prefixes",
            item: "Ipv4Prefix",
            count: "Ipv4PrefixCount",
            sent: "Ipv4Prefixes",
            counted: "Ipv4PrefixCount",
        },
    };
    pub(super) const V6: Family = Family {
        assign: "AssignIpv6Addresses",
        unassign: "UnassignIpv6Addresses",
        addresses: Kind {
            list: "Ipv6Addresses",
            item: "Ipv6Address",
            count: "Ipv6AddressCount",
            sent: "Ipv6Addresses",
            counted: "Ipv6AddressCount",
        },
        prefixes: Kind {
            list: "Ipv6Prefixes",
            item: "Ipv6Prefix",
            count: "Ipv6PrefixCount",
            sent: "Ipv6Prefixes",
            counted: "Ipv6PrefixCount",
        },
    };
}

/// The private addresses but the primary one.
pub(super) fn secondary(interface: &Json) -> Option<Json> {
    let addresses = interface.get("PrivateIpAddresses")?.as_array()?.iter();
    let further = addresses.filter(|address| address.get("Primary") != Some(&Json::Bool(true)));
    Some(
        further
            .filter_map(|address| look(address, "PrivateIpAddress"))
            .collect(),
    )
}

/// The primary IPv6 address.
pub(super) fn primary_ipv6(interface: &Json) -> Option<Json> {
    let mut addresses = interface.get("Ipv6Addresses")?.as_array()?.iter();
    let primary =
        addresses.find(|address| address.get("IsPrimaryIpv6") == Some(&Json::Bool(true)))?;
    look(primary, "Ipv6Address")
}

/// How many there are.
pub(super) fn count(list: &Json) -> Option<Json> {
    Some(list.as_array()?.len().into())
}

/// Assigns what is new, takes away what is declared no more.
pub(super) async fn change(
    context: &Context,
    id: &PhysicalId,
    update: &Update<'_>,
    family: &Family,
) -> Result<()> {
    let found = generic::items_of(context, &NETWORK_INTERFACES, id.as_str()).await?;
    let Some(interface) = found.first() else {
        return Ok(());
    };
    for kind in [&family.addresses, &family.prefixes] {
        if !update.touches(kind.list) && !update.touches(kind.count) {
            continue;
        }
        let have = have(interface, kind);
        let (gone, more, count) = wanted(update.desired, kind, &have, interface);
        if !gone.is_empty() {
            let input = json!({"NetworkInterfaceId": id.as_str(), kind.sent: gone});
            context.write("ec2", family.unassign, input).await?;
        }
        if !more.is_empty() {
            let input = json!({"NetworkInterfaceId": id.as_str(), kind.sent: more});
            context.write("ec2", family.assign, input).await?;
        }
        if count > 0 {
            let input = json!({"NetworkInterfaceId": id.as_str(), kind.counted: count});
            context.write("ec2", family.assign, input).await?;
        }
        // The primary address has gone: the first that is left becomes it.
        let primary = primary_ipv6(interface);
        let has_gone = primary.is_some_and(|primary| gone.iter().any(|gone| primary == *gone));
        let enabled = update
            .desired
            .get("EnablePrimaryIpv6")
            .and_then(Value::to_text);
        if has_gone && enabled.as_deref() == Some("true") {
            let input = json!({"NetworkInterfaceId": id.as_str(), "EnablePrimaryIpv6": true});
            context
                .write("ec2", "ModifyNetworkInterfaceAttribute", input)
                .await?;
        }
    }
    Ok(())
}

/// What the interface has besides its primary IPv4 address.
fn have(interface: &Json, kind: &Kind) -> Vec<String> {
    let list = match kind.list {
        "PrivateIpAddresses" => secondary(interface),
        _ => look(interface, &format!("{}.*.{}", kind.list, kind.item)),
    };
    let texts = list.as_ref().and_then(Json::as_array).into_iter().flatten();
    texts
        .filter_map(|text| text.as_str().map(str::to_owned))
        .collect()
}

/// What goes, what comes, and how many more of AWS's choice.
fn wanted(
    desired: &Value,
    kind: &Kind,
    have: &[String],
    interface: &Json,
) -> (Vec<String>, Vec<String>, usize) {
    let primary = described(interface, "PrivateIpAddress");
    let items = desired.get(kind.list).and_then(Value::as_list);
    let named: Vec<String> = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get(kind.item)?.to_text())
        .filter(|text| primary != Some(text))
        .collect();
    let count = desired
        .get(kind.count)
        .and_then(Value::to_text)
        .and_then(|text| text.trim().parse::<usize>().ok());
    let more: Vec<String> = named
        .iter()
        .filter(|text| !have.contains(text))
        .cloned()
        .collect();
    match count {
        // What is named stands in the number; AWS chooses the rest, and keeps what it has chosen.
        Some(count) => {
            let chosen: Vec<&String> = have.iter().filter(|text| !named.contains(text)).collect();
            let keep = count.saturating_sub(named.len());
            let gone = chosen
                .iter()
                .skip(keep)
                .map(|text| (*text).clone())
                .collect();
            (gone, more, keep.saturating_sub(chosen.len()))
        }
        None => {
            let gone = have
                .iter()
                .filter(|text| !named.contains(text))
                .cloned()
                .collect();
            (gone, more, 0)
        }
    }
}
