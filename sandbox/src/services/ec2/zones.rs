//! Availability zones.

use crate::call::{Call, digest};
use crate::error::{Answer, Refusal};
use crate::filter;
use serde_json::{Value as Json, json};

/// Letters and identifiers of a region's zones. Which letter is which zone differs from account to account; here the mapping is
/// fixed. Source: "Availability Zones" in the AWS Global Infrastructure pages and DescribeAvailabilityZones answers.
pub fn of(region: &str) -> Vec<(String, String)> {
    let (prefix, zones): (&str, &[(char, u8)]) = match region {
        "us-east-1" => (
            "use1",
            &[('a', 1), ('b', 2), ('c', 4), ('d', 6), ('e', 3), ('f', 5)],
        ),
        "us-east-2" => ("use2", &[('a', 1), ('b', 2), ('c', 3)]),
        "us-west-1" => ("usw1", &[('a', 1), ('c', 3)]),
        "us-west-2" => ("usw2", &[('a', 1), ('b', 2), ('c', 3), ('d', 4)]),
        "ca-central-1" => ("cac1", &[('a', 1), ('b', 2), ('d', 4)]),
        "ap-northeast-1" => ("apne1", &[('a', 4), ('c', 1), ('d', 2)]),
        "ap-northeast-2" => ("apne2", &[('a', 1), ('b', 2), ('c', 3), ('d', 4)]),
        _ => ("", &[('a', 1), ('b', 2), ('c', 3)]),
    };
    let short = if prefix.is_empty() {
        shorten(region)
    } else {
        prefix.to_owned()
    };
    zones
        .iter()
        .map(|(letter, number)| (format!("{region}{letter}"), format!("{short}-az{number}")))
        .collect()
}

/// `eu-central-1` is `euc1` in zone identifiers.
fn shorten(region: &str) -> String {
    let mut parts = region.split('-');
    let area = parts.next().unwrap_or_default();
    let rest: Vec<&str> = parts.collect();
    let (number, words) = rest
        .split_last()
        .map_or(("", &[][..]), |(number, words)| (*number, words));
    let directions: String = words
        .iter()
        .map(|word| match *word {
            "northeast" => "ne".to_owned(),
            "southeast" => "se".to_owned(),
            "northwest" => "nw".to_owned(),
            "southwest" => "sw".to_owned(),
            "gov" => "g".to_owned(),
            word => word[..1.min(word.len())].to_owned(),
        })
        .collect();
    format!("{area}{directions}{number}")
}

/// The identifier of a zone.
pub fn id(region: &str, zone: &str) -> Option<String> {
    of(region)
        .into_iter()
        .find(|(name, _)| name == zone)
        .map(|(_, id)| id)
}

/// DescribeAvailabilityZones.
pub(super) fn describe(call: &mut Call) -> Answer {
    let names = call.texts("ZoneNames[]");
    let ids = call.texts("ZoneIds[]");
    let zones = of(&call.region);
    if let Some(unknown) = names
        .iter()
        .find(|name| !zones.iter().any(|(zone, _)| zone == *name))
    {
        return Err(Refusal::new(
            "InvalidParameterValue",
            format!("Invalid availability zone: [{unknown}]"),
        ));
    }
    if let Some(unknown) = ids
        .iter()
        .find(|id| !zones.iter().any(|(_, zone)| zone == *id))
    {
        return Err(Refusal::new(
            "InvalidParameterValue",
            format!("Invalid availability zone-id: [{unknown}]"),
        ));
    }
    let mut shown: Vec<(String, Json)> = zones
        .into_iter()
        .filter(|(name, id)| (names.is_empty() || names.contains(name)) && (ids.is_empty() || ids.contains(id)))
        .map(|(name, id)| {
            let zone = json!({
                "ZoneName": name, "ZoneId": id, "State": "available", "RegionName": call.region, "OptInStatus": "opt-in-not-required",
                "ZoneType": "availability-zone", "GroupName": format!("{}-zg-1", call.region), "NetworkBorderGroup": call.region, "Messages": [],
            });
            (name, zone)
        })
        .collect();
    let filters = [
        ("zone-name", "ZoneName"),
        ("zone-id", "ZoneId"),
        ("zone-type", "ZoneType"),
        ("region-name", "RegionName"),
        ("state", "State"),
        ("opt-in-status", "OptInStatus"),
        ("group-name", "GroupName"),
        ("message", "Messages[].Message"),
    ];
    filter::apply(call, &filters, &mut shown)?;
    Ok(json!({"AvailabilityZones": shown.into_iter().map(|(_, zone)| zone).collect::<Vec<_>>()}))
}

/// An address that looks public, derived from digits: EC2's 3.0.0.0/9 without first and last of any /24.
pub(super) fn public_address(digits: &str) -> String {
    let spread = digest(&[digits]);
    let byte = |at: usize| u8::from_str_radix(&spread[at..at + 2], 16).unwrap_or_default();
    format!("3.{}.{}.{}", byte(0) & 0x7f, byte(2), 1 + byte(4) % 254)
}
