//! Rules of security groups: CloudFormation's form (one source or destination each) and EC2's (`IpPermissions`, several each).

use serde_json::{Map, Value as Json, json};

use crate::mapping::member;

/// Which way a rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    fn group(self) -> &'static str {
        if self == Direction::Ingress {
            "SourceSecurityGroupId"
        } else {
            "DestinationSecurityGroupId"
        }
    }

    fn prefix_list(self) -> &'static str {
        if self == Direction::Ingress {
            "SourcePrefixListId"
        } else {
            "DestinationPrefixListId"
        }
    }

    pub(super) fn authorize(self) -> &'static str {
        if self == Direction::Ingress {
            "AuthorizeSecurityGroupIngress"
        } else {
            "AuthorizeSecurityGroupEgress"
        }
    }

    pub(super) fn revoke(self) -> &'static str {
        if self == Direction::Ingress {
            "RevokeSecurityGroupIngress"
        } else {
            "RevokeSecurityGroupEgress"
        }
    }

    pub(super) fn describe(self) -> &'static str {
        if self == Direction::Ingress {
            "UpdateSecurityGroupRuleDescriptionsIngress"
        } else {
            "UpdateSecurityGroupRuleDescriptionsEgress"
        }
    }

    pub(super) fn property(self) -> &'static str {
        if self == Direction::Ingress {
            "SecurityGroupIngress"
        } else {
            "SecurityGroupEgress"
        }
    }

    fn permissions(self) -> &'static str {
        if self == Direction::Ingress {
            "IpPermissions"
        } else {
            "IpPermissionsEgress"
        }
    }
}

/// `-1`, or a name where AWS knows one for the number (API_IpPermission).
fn protocol(json: &Json) -> String {
    let text = json
        .as_str()
        .map_or_else(|| json.to_string(), str::to_ascii_lowercase);
    match text.as_str() {
        "6" => "tcp".to_owned(),
        "17" => "udp".to_owned(),
        "1" => "icmp".to_owned(),
        "58" => "icmpv6".to_owned(),
        "all" => "-1".to_owned(),
        _ => text,
    }
}

/// "Specifying -1 or a protocol number other than tcp, udp, icmp, or icmpv6 allows traffic on all ports, regardless of any port
/// range you specify" (API_IpPermission).
fn has_ports(protocol: &str) -> bool {
    matches!(protocol, "tcp" | "udp" | "icmp" | "icmpv6")
}

fn number(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| json.as_str()?.trim().parse().ok())
}

/// One rule as an item of `IpPermissions`.
pub(super) fn permission(direction: Direction, rule: &Map<String, Json>) -> Json {
    let mut out = Map::new();
    let protocol = rule
        .get("IpProtocol")
        .map_or_else(|| "-1".to_owned(), protocol);
    // With -1 all ports are meant, whatever is said (API_IpPermission).
    if protocol != "-1" {
        for name in ["FromPort", "ToPort"] {
            if let Some(port) = rule.get(name).and_then(number) {
                out.insert(name.to_owned(), port.into());
            }
        }
    }
    out.insert("IpProtocol".to_owned(), protocol.into());
    let mut peer = Map::new();
    if let Some(text) = rule.get("Description") {
        peer.insert("Description".to_owned(), text.clone());
    }
    let mut put = |from: &str, to: &str| match rule.get(from).filter(|value| !value.is_null()) {
        Some(value) => {
            peer.insert(to.to_owned(), value.clone());
            true
        }
        None => false,
    };
    let list = if put("CidrIp", "CidrIp") {
        "IpRanges"
    } else if put("CidrIpv6", "CidrIpv6") {
        "Ipv6Ranges"
    } else if put(direction.prefix_list(), "PrefixListId") {
        "PrefixListIds"
    } else {
        put(direction.group(), "GroupId");
        put("SourceSecurityGroupName", "GroupName");
        put("SourceSecurityGroupOwnerId", "UserId");
        "UserIdGroupPairs"
    };
    out.insert(list.to_owned(), json!([peer]));
    Json::Object(out)
}

/// The rules that a group's description tells, one for each peer.
pub(super) fn rules(direction: Direction, group: &Json) -> Option<Vec<Map<String, Json>>> {
    let mut found = Vec::new();
    for permission in group.get(direction.permissions())?.as_array()? {
        let mut common = Map::new();
        for name in ["IpProtocol", "FromPort", "ToPort"] {
            if let Some(value) = permission.get(name) {
                common.insert(name.to_owned(), value.clone());
            }
        }
        // The registry's form has -1 for the ports of what has none (`propertyTransform` of the type).
        if !has_ports(
            &permission
                .get("IpProtocol")
                .map_or_else(String::new, protocol),
        ) {
            for name in ["FromPort", "ToPort"] {
                common.insert(name.to_owned(), json!(-1));
            }
        }
        let lists = [
            ("IpRanges", "CidrIp", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
            ("PrefixListIds", "PrefixListId", direction.prefix_list()),
        ];
        for (list, from, to) in lists {
            for peer in permission
                .get(list)
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
            {
                found.push(one(&common, peer, &[(from, to)]));
            }
        }
        let pair: &[(&str, &str)] = match direction {
            Direction::Ingress => &[
                ("GroupId", "SourceSecurityGroupId"),
                ("GroupName", "SourceSecurityGroupName"),
                ("UserId", "SourceSecurityGroupOwnerId"),
            ],
            Direction::Egress => &[("GroupId", "DestinationSecurityGroupId")],
        };
        for peer in permission
            .get("UserIdGroupPairs")
            .and_then(Json::as_array)
            .into_iter()
            .flatten()
        {
            found.push(one(&common, peer, pair));
        }
    }
    Some(found)
}

fn one(common: &Map<String, Json>, peer: &Json, names: &[(&str, &str)]) -> Map<String, Json> {
    let mut rule = common.clone();
    for (from, to) in names.iter().chain(&[("Description", "Description")]) {
        if let Some(value) = member(peer, from).filter(|value| !value.is_null()) {
            rule.insert((*to).to_owned(), value.clone());
        }
    }
    rule
}

/// What makes two rules the same for AWS: all but the description.
pub(super) fn identity(direction: Direction, rule: &Map<String, Json>) -> Json {
    let mut rule = rule.clone();
    rule.remove("Description");
    // A group's id says all; AWS adds its owner and, outside of a VPC, its name.
    if rule.contains_key(direction.group()) {
        rule.remove("SourceSecurityGroupName");
        rule.remove("SourceSecurityGroupOwnerId");
    }
    permission(direction, &rule)
}

/// The first rule that is equal in all but the description.
pub(super) fn find<'r>(
    direction: Direction,
    rules: &'r [Map<String, Json>],
    wanted: &Map<String, Json>,
) -> Option<&'r Map<String, Json>> {
    let wanted = identity(direction, wanted);
    rules
        .iter()
        .find(|rule| identity(direction, rule) == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_reads_back_as_it_was_declared() {
        let declared = [
            json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0", "Description": "web"}),
            json!({"IpProtocol": "-1", "FromPort": -1, "ToPort": -1, "SourceSecurityGroupId": "sg-1"}),
            json!({"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "SourcePrefixListId": "pl-1"}),
        ];
        let declared: Vec<Map<String, Json>> = declared
            .iter()
            .filter_map(|rule| rule.as_object().cloned())
            .collect();
        let sent: Vec<Json> = declared
            .iter()
            .map(|rule| permission(Direction::Ingress, rule))
            .collect();
        assert_eq!(
            rules(Direction::Ingress, &json!({"IpPermissions": sent})),
            Some(declared)
        );
    }

    #[test]
    fn numbers_of_protocols_and_ports_of_all_traffic_make_no_difference() {
        let rules = [
            (
                json!({"IpProtocol": 6, "FromPort": "80", "ToPort": 80, "CidrIp": "10.0.0.0/8"}),
                json!({"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8", "Description": "x"}),
            ),
            (
                json!({"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "CidrIp": "10.0.0.0/8"}),
                json!({"IpProtocol": "-1", "CidrIp": "10.0.0.0/8"}),
            ),
        ];
        for (a, b) in rules {
            let of = |json: &Json| {
                identity(
                    Direction::Ingress,
                    json.as_object().expect("an object, above"),
                )
            };
            assert_eq!(of(&a), of(&b));
        }
    }
}
