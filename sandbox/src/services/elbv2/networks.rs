//! Where a load balancer stands: subnets, zones, security groups, network interfaces.

use super::{invalid, text};
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use crate::path;
use crate::services::ec2::cidr::Block;
use crate::services::ec2::{gateways, interfaces};
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Two zones for an Application Load Balancer.
pub const TWO_ZONES: Law = Law {
    name: "an Application Load Balancer has subnets in two availability zones",
    operations: &["CreateLoadBalancer", "SetSubnets"],
    source: "Elastic Load Balancing API Reference, CreateLoadBalancer: Subnets",
    fault: Fault::new(
        "ValidationError",
        "At least two subnets in two different Availability Zones must be specified",
    ),
    check: None,
};

/// One subnet in each zone.
pub const ONE_SUBNET_A_ZONE: Law = Law {
    name: "a load balancer has one subnet in each zone",
    operations: &["CreateLoadBalancer", "SetSubnets"],
    source: "Elastic Load Balancing API Reference, CreateLoadBalancer: \"You can specify only one subnet per Availability Zone\"",
    fault: Fault::new(
        "InvalidConfigurationRequest",
        "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
    ),
    check: None,
};

/// Internet-facing ones need an internet gateway.
pub const NEEDS_GATEWAY: Law = Law {
    name: "an internet-facing load balancer needs an internet gateway in its VPC",
    operations: &["CreateLoadBalancer", "SetSubnets"],
    source: "Elastic Load Balancing API Reference, CreateLoadBalancer: InvalidSubnet",
    fault: Fault::new("InvalidSubnet", "VPC {id} has no internet gateway"),
    check: None,
};

/// Eight free addresses.
pub const ROOM: Law = Law {
    name: "an Application Load Balancer's subnets have eight free addresses",
    operations: &["CreateLoadBalancer", "SetSubnets"],
    source: "Application Load Balancers User Guide, Subnets for your load balancer",
    fault: Fault::new(
        "InvalidSubnet",
        "Not enough IP space available in {id}. ELB requires at least 8 free IP addresses in each subnet.",
    ),
    check: None,
};

/// Groups are of the same VPC.
pub const GROUPS_OF_VPC: Law = Law {
    name: "a load balancer's security groups are of its VPC",
    operations: &["CreateLoadBalancer", "SetSecurityGroups"],
    source: "Elastic Load Balancing API Reference, CreateLoadBalancer: InvalidConfigurationRequest",
    fault: Fault::new(
        "InvalidConfigurationRequest",
        "One or more security groups are invalid",
    ),
    check: None,
};

/// The subnets asked for, each with its mapping, from `Subnets` or `SubnetMappings`.
pub(super) fn mappings(members: &Map<String, Json>) -> Result<Vec<Json>, Refusal> {
    let plain = path::texts(members, "Subnets[]");
    let mapped = members
        .get("SubnetMappings")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    match (plain.is_empty(), mapped.is_empty()) {
        (false, false) => Err(invalid(
            "You must specify either subnets or subnet mappings",
        )),
        (true, true) => Err(invalid("At least one subnet must be specified")),
        (false, true) => Ok(plain.iter().map(|id| json!({"SubnetId": id})).collect()),
        (true, false) => Ok(mapped),
    }
}

/// Checks subnets for a load balancer; gives the VPC and `AvailabilityZones`.
pub(super) fn zones(
    call: &Call,
    of: &str,
    scheme: &str,
    mappings: &[Json],
) -> Result<(String, Json), Refusal> {
    let mut vpc = String::new();
    let mut zones: Vec<Json> = Vec::new();
    for mapping in mappings {
        let id = text(mapping, "SubnetId");
        let Some(subnet) = call.find("ec2/subnet", id) else {
            return Err(Refusal::new(
                "SubnetNotFound",
                format!("The subnet ID '{id}' does not exist"),
            ));
        };
        if vpc.is_empty() {
            vpc = subnet.text("VpcId").to_owned();
        } else if !subnet.is("VpcId", &vpc) {
            let message = "All subnets must belong to the same VPC";
            return Err(Refusal::new("InvalidConfigurationRequest", message));
        }
        if zones
            .iter()
            .any(|zone| subnet.is("AvailabilityZone", text(zone, "ZoneName")))
        {
            return Err(ONE_SUBNET_A_ZONE.fault.with(&[]));
        }
        let mut addresses = Vec::new();
        if let Some(allocation) = mapping.get("AllocationId").and_then(Json::as_str) {
            let Some(address) = call.find("ec2/elastic-ip", allocation) else {
                let message = format!("The allocation ID '{allocation}' does not exist");
                return Err(Refusal::new("AllocationIdNotFound", message));
            };
            addresses
                .push(json!({"AllocationId": allocation, "IpAddress": address.text("PublicIp")}));
        }
        if let Some(private) = mapping.get("PrivateIPv4Address") {
            addresses.push(json!({"PrivateIPv4Address": private}));
        }
        let size = Block::parse(subnet.text("CidrBlock")).map_or(0, |block| block.size());
        let free = size.saturating_sub(5 + interfaces::addresses_in(call, &subnet.id).len() as u64);
        if of == "application" && free < 8 {
            return Err(ROOM.fault.with(&[("id", &subnet.id)]));
        }
        zones.push(json!({"ZoneName": subnet.text("AvailabilityZone"), "SubnetId": subnet.id, "LoadBalancerAddresses": addresses}));
    }
    if of == "application" && zones.len() < 2 {
        return Err(TWO_ZONES.fault.with(&[]));
    }
    if scheme == "internet-facing" && of != "gateway" && gateways::attached_to(call, &vpc).is_none()
    {
        return Err(NEEDS_GATEWAY.fault.with(&[("id", &vpc)]));
    }
    zones.sort_by(|a, b| text(a, "ZoneName").cmp(text(b, "ZoneName")));
    Ok((vpc, json!(zones)))
}

/// Checks that security groups are there and of the VPC.
pub(super) fn groups(call: &Call, vpc: &str, ids: &[String]) -> Result<(), Refusal> {
    for id in ids {
        let Some(group) = call.find("ec2/security-group", id) else {
            let message = format!("Security group '{id}' does not exist");
            return Err(Refusal::new("InvalidSecurityGroup", message));
        };
        if !group.is("VpcId", vpc) {
            return Err(GROUPS_OF_VPC.fault.with(&[]));
        }
    }
    Ok(())
}

/// Opens an interface in each subnet that has none yet, and lets go of those in subnets that are no longer the load balancer's.
pub(super) fn connect(call: &mut Call, balancer: &mut Record) -> Result<(), Refusal> {
    let mut open = match balancer.hidden.get("interfaces") {
        Some(Json::Object(open)) => open.clone(),
        _ => Map::new(),
    };
    let subnets = path::texts(&balancer.body, "AvailabilityZones[].SubnetId");
    let groups = path::texts(&balancer.body, "SecurityGroups[]");
    let description = format!("ELB {}", balancer.id);
    let kind = match balancer.text("Type") {
        "network" => "network_load_balancer",
        "gateway" => "gateway_load_balancer",
        _ => "interface",
    };
    for subnet in &subnets {
        if open.contains_key(subnet) {
            continue;
        }
        let opening = interfaces::Opening {
            subnet,
            groups: &groups,
            description: &description,
            interface_type: kind,
            requester: "amazon-elb",
            public: balancer.is("Scheme", "internet-facing") && !balancer.is("Type", "gateway"),
            address: None,
        };
        let opened = interfaces::open(call, &opening)?;
        open.insert(subnet.clone(), json!(opened.id));
    }
    let left: Vec<String> = open
        .keys()
        .filter(|subnet| !subnets.contains(subnet))
        .cloned()
        .collect();
    for subnet in left {
        if let Some(Json::String(interface)) = open.remove(&subnet) {
            interfaces::close(call, &interface, DRAINING);
        }
    }
    balancer
        .hidden
        .insert("interfaces".into(), Json::Object(open));
    Ok(())
}

/// How long interfaces are still there after their load balancer has gone.
const DRAINING: f64 = 90.0;

/// Lets all interfaces go after a while.
pub(super) fn disconnect(call: &mut Call, balancer: &Record) {
    for interface in each_interface(balancer) {
        interfaces::close(call, &interface, DRAINING);
    }
}

/// The identifiers of a load balancer's interfaces.
pub(super) fn each_interface(balancer: &Record) -> Vec<String> {
    let open = balancer.hidden.get("interfaces").and_then(Json::as_object);
    open.into_iter()
        .flat_map(|open| open.values())
        .map(path::plain)
        .collect()
}

/// Route 53's hosted zones of load balancers ("Elastic Load Balancing endpoints and quotas", AWS General Reference): region,
/// Application Load Balancers, Network Load Balancers.
const HOSTED_ZONES: &[(&str, &str, &str)] = &[
    ("us-east-1", "Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"),
    ("us-east-2", "Z3AADJGX6KTTL2", "ZLMOA37VPKANP"),
    ("us-west-1", "Z368ELLRRE2KJ0", "Z24FKFUX50B4VW"),
    ("us-west-2", "Z1H1FL5HABSF5", "Z18D5FSROUN65G"),
    ("ca-central-1", "ZQSVJUPU6J1EY", "Z2EPGBW3API2WT"),
    ("ap-south-1", "ZP97RAFLXTNZK", "ZVDDRBQ08TROA"),
    ("ap-northeast-1", "Z14GRHDCWA56QT", "Z31USIVHYNEOWT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX", "ZIBE1TIR4HY56"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5", "ZKVM4W9LS7TM"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65", "ZCT6FZBF4DROD"),
    ("eu-central-1", "Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"),
    ("eu-west-1", "Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"),
    ("eu-west-2", "ZHURV8PSTC4K8", "ZD4D7Y8KGAS4G"),
    ("eu-west-3", "Z3Q77PNBQS71R4", "Z1CMS0P5QUZ6D5"),
    ("eu-north-1", "Z23TAZ6LKFMNIO", "Z1UDT6IFJ4EJM"),
    ("sa-east-1", "Z2P70J7HTTTPLU", "ZTK26PT1VY4CU"),
];

/// The hosted zone of a load balancer's name; of regions that are not listed, one that looks like it.
pub(super) fn hosted_zone(region: &str, network: bool) -> String {
    match HOSTED_ZONES.iter().find(|(known, ..)| *known == region) {
        Some((_, application, other)) => if network { other } else { application }.to_string(),
        None => {
            let digits = crate::call::digest(&[
                "load balancers",
                region,
                if network { "network" } else { "application" },
            ]);
            format!("Z{}", digits[..13].to_ascii_uppercase())
        }
    }
}
