//! Load balancers.

use super::{PAGES, attributes, capacity, invalid, name_well, networks};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{
    Id, Kind, Missing, Reference, Shows, States, Tags, Unique, create, delete, describe, run,
};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// Names that are asked for exist.
pub const NAMES_KNOWN: Law = Law {
    name: "load balancers that are asked for by name exist",
    operations: &["DescribeLoadBalancers"],
    source: "Elastic Load Balancing API Reference, DescribeLoadBalancers: LoadBalancerNotFound",
    fault: LOAD_BALANCER.not_found,
    check: Some(|call, law| {
        match call
            .texts("Names[]")
            .iter()
            .find(|name| call.find("elbv2/load-balancer", name).is_none())
        {
            Some(name) => Err(law.fault.with(&[("id", name)])),
            None => Ok(()),
        }
    }),
};

/// Deletion protection.
pub const PROTECTED: Law = Law {
    name: "a protected load balancer is not deleted",
    operations: &["DeleteLoadBalancer"],
    source: "Application Load Balancers User Guide, Deletion protection",
    fault: Fault::new(
        "OperationNotPermitted",
        "Load balancer '{id}' cannot be deleted because deletion protection is enabled",
    ),
    check: None,
};

/// A load balancer.
pub const LOAD_BALANCER: Kind = Kind {
    name: "elbv2/load-balancer",
    id: Id::Made(|_, body, digits| {
        let kind = match path::text(body, "Type") {
            Some("network") => "net",
            Some("gateway") => "gwy",
            _ => "app",
        };
        let name = path::text(body, "LoadBalancerName").unwrap_or_default();
        Ok(format!("{kind}/{name}/{}", &digits[..16]))
    }),
    arn: "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/{id}",
    arn_member: "LoadBalancerArn",
    aliases: &["LoadBalancerName"],
    created_member: "CreatedTime",
    defaults: Some(|_| json!({"Type": "application"})),
    tags: Tags::Unseen("Tags"),
    states: Some(States {
        member: "State.Code",
        creating: ("provisioning", 120.0),
        ready: "active",
        ..States::NEW
    }),
    refers: &[
        // Its network interfaces are what holds subnets and security groups.
        Reference::new("Subnets[]", "ec2/subnet")
            .unchecked()
            .loose(),
        Reference::new("SecurityGroups[]", "ec2/security-group")
            .unchecked()
            .loose(),
    ],
    unique: &[Unique {
        members: &["LoadBalancerName"],
        fault: Fault::new(
            "DuplicateLoadBalancerName",
            "A load balancer with the same name '{LoadBalancerName}' exists, but with different settings",
        ),
        same_is_fine: true,
    }],
    not_found: Fault::new("LoadBalancerNotFound", "Load balancers '[{id}]' not found"),
    in_use: Fault::new(
        "ResourceInUse",
        "Load balancer '{id}' is currently in use by another service",
    ),
    limit: Some((
        50,
        Fault::new(
            "TooManyLoadBalancers",
            "The maximum number of load balancers has been reached: {limit}",
        ),
    )),
    operations: &[
        create("CreateLoadBalancer", Shows::List("LoadBalancers"))
            .rename(&[("Name", "LoadBalancerName")])
            .before(before_create)
            .prepare(prepare_create),
        describe("DescribeLoadBalancers", "LoadBalancerArns", "LoadBalancers")
            .select(&[("Names", "LoadBalancerName")])
            .paging(PAGES),
        // "If the load balancer does not exist or has already been deleted, the call succeeds": DeleteLoadBalancer.
        delete("DeleteLoadBalancer", "LoadBalancerArn", Shows::Nothing)
            .missing(Missing::LeftOut)
            .prepare(before_delete),
        run("DescribeLoadBalancerAttributes", |call| {
            attributes::describe(call, "elbv2/load-balancer", "LoadBalancerArn")
        }),
        run("ModifyLoadBalancerAttributes", |call| {
            attributes::modify(
                call,
                "elbv2/load-balancer",
                "LoadBalancerArn",
                "Load balancer",
            )
        }),
        run("SetSecurityGroups", set_groups),
        run("SetSubnets", set_subnets),
        run("SetIpAddressType", set_address_type),
        run("ModifyIpPools", modify_pools),
        run("DescribeCapacityReservation", capacity::describe),
        run("ModifyCapacityReservation", capacity::modify),
    ],
    ..Kind::NEW
};

fn before_create(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    name_well(
        "load balancer",
        path::text(members, "Name").unwrap_or_default(),
    )?;
    let of = path::text(members, "Type")
        .unwrap_or("application")
        .to_owned();
    if of != "gateway" {
        members.entry("Scheme").or_insert(json!("internet-facing"));
    }
    members.entry("IpAddressType").or_insert(json!("ipv4"));
    if of == "network" {
        members
            .entry("EnablePrefixForIpv6SourceNat")
            .or_insert(json!("off"));
    }
    let scheme = path::text(members, "Scheme").unwrap_or_default().to_owned();
    if scheme == "internal"
        && path::text(members, "IpAddressType") == Some("dualstack-without-public-ipv4")
    {
        return Err(invalid(
            "The IP address type 'dualstack-without-public-ipv4' is not valid for internal load balancers",
        ));
    }
    let mappings = networks::mappings(members)?;
    let ids: Vec<Json> = mappings
        .iter()
        .filter_map(|mapping| mapping.get("SubnetId").cloned())
        .collect();
    let (vpc, zones) = networks::zones(call, &of, &scheme, &mappings)?;
    members.insert("Subnets".into(), json!(ids));
    let mut groups = path::texts(members, "SecurityGroups[]");
    networks::groups(call, &vpc, &groups)?;
    if groups.is_empty() && of == "application" {
        let default = call
            .list_where("ec2/security-group", "VpcId", &vpc)
            .find(|group| group.is("GroupName", "default"));
        groups.extend(default.map(|group| group.id.clone()));
    }
    members.remove("SecurityGroups");
    if !groups.is_empty() {
        members.insert("SecurityGroups".into(), json!(groups));
    }
    members.insert("VpcId".into(), json!(vpc));
    members.insert("AvailabilityZones".into(), zones);
    Ok(())
}

fn prepare_create(call: &mut Call, balancer: &mut Record) -> Result<(), Refusal> {
    let name = balancer.text("LoadBalancerName").to_owned();
    let hash = balancer
        .id
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned();
    let suffix = if call.partition() == "aws-cn" {
        ".cn"
    } else {
        ""
    };
    let network = balancer.is("Type", "network");
    if network {
        balancer.set(
            "DNSName",
            format!("{name}-{hash}.elb.{}.amazonaws.com{suffix}", call.region),
        );
    } else if !balancer.is("Type", "gateway") {
        let number = u64::from_str_radix(&hash, 16).unwrap_or_default() % 2_147_483_647;
        let internal = if balancer.is("Scheme", "internal") {
            "internal-"
        } else {
            ""
        };
        balancer.set(
            "DNSName",
            format!(
                "{internal}{name}-{number}.{}.elb.amazonaws.com{suffix}",
                call.region
            ),
        );
    }
    if !balancer.is("Type", "gateway") {
        balancer.set(
            "CanonicalHostedZoneId",
            networks::hosted_zone(&call.region, network),
        );
    }
    networks::connect(call, balancer)
}

fn before_delete(call: &mut Call, balancer: &mut Record) -> Result<(), Refusal> {
    if attributes::get(balancer, "deletion_protection.enabled") == "true" {
        return Err(PROTECTED.fault.with(&[("id", &balancer.arn)]));
    }
    networks::disconnect(call, balancer);
    Ok(())
}

pub(super) fn named(call: &Call) -> Result<Record, Refusal> {
    call.need(
        "elbv2/load-balancer",
        call.text("LoadBalancerArn").unwrap_or_default(),
    )
    .cloned()
}

fn set_groups(call: &mut Call) -> Answer {
    let balancer = named(call)?;
    let ids = call.texts("SecurityGroups[]");
    let network = balancer.is("Type", "network");
    if balancer.is("Type", "gateway")
        || (network && balancer.list("SecurityGroups").is_empty() && !ids.is_empty())
    {
        let message =
            "Security groups can't be set on a load balancer that was created without them";
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    networks::groups(call, balancer.text("VpcId"), &ids)?;
    let groups: Vec<Json> = ids
        .iter()
        .filter_map(|id| call.find("ec2/security-group", id))
        .map(|group| json!({"GroupId": group.id, "GroupName": group.text("GroupName")}))
        .collect();
    for interface in networks::each_interface(&balancer) {
        let groups = groups.clone();
        call.update("ec2/network-interface", &interface, |interface| {
            interface.set("Groups", groups)
        });
    }
    let enforce = call
        .input
        .get("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic")
        .cloned();
    call.update("elbv2/load-balancer", &balancer.id, |balancer| {
        balancer.set("SecurityGroups", json!(ids));
        if let Some(enforce) = &enforce {
            balancer.set(
                "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
                enforce.clone(),
            );
        }
    });
    let mut answer = json!({"SecurityGroupIds": ids});
    if let Some(enforce) = enforce {
        answer["EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"] = enforce;
    }
    Ok(answer)
}

fn set_subnets(call: &mut Call) -> Answer {
    let mut balancer = named(call)?;
    let mappings = networks::mappings(&call.input)?;
    let ids: Vec<Json> = mappings
        .iter()
        .filter_map(|mapping| mapping.get("SubnetId").cloned())
        .collect();
    // Addresses that the load balancer itself takes do not count against it.
    let (vpc, zones) = networks::zones(
        call,
        balancer.text("Type"),
        balancer.text("Scheme"),
        &mappings,
    )?;
    if !balancer.is("VpcId", &vpc) {
        let message = "All subnets must belong to the same VPC";
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    balancer.set("Subnets", ids);
    balancer.set("AvailabilityZones", zones.clone());
    for member in [
        "SubnetMappings",
        "IpAddressType",
        "EnablePrefixForIpv6SourceNat",
    ] {
        if let Some(value) = call.input.get(member) {
            balancer.set(member, value.clone());
        }
    }
    networks::connect(call, &mut balancer)?;
    let answer = json!({"AvailabilityZones": zones, "IpAddressType": balancer.text("IpAddressType"),
                        "EnablePrefixForIpv6SourceNat": balancer.body.get("EnablePrefixForIpv6SourceNat")});
    let key = call.key("elbv2/load-balancer", &balancer.id);
    call.world.put(key, balancer);
    Ok(answer)
}

fn set_address_type(call: &mut Call) -> Answer {
    let balancer = named(call)?;
    let asked = call.text("IpAddressType").unwrap_or_default().to_owned();
    call.update("elbv2/load-balancer", &balancer.id, |balancer| {
        balancer.set("IpAddressType", asked.as_str())
    });
    Ok(json!({"IpAddressType": asked}))
}

/// Which pools the addresses come from, or none again.
fn modify_pools(call: &mut Call) -> Answer {
    let balancer = named(call)?;
    if !balancer.is("Type", "application") {
        let message = "IPAM pools are supported for application load balancers only";
        return Err(Refusal::new("InvalidConfigurationRequest", message));
    }
    let removed = call.texts("RemoveIpamPools[]");
    let pools = match (call.input.get("IpamPools").cloned(), removed.is_empty()) {
        (Some(pools), true) => pools,
        (None, false) => Json::Null,
        _ => return Err(invalid("Specify either IpamPools or RemoveIpamPools")),
    };
    call.update("elbv2/load-balancer", &balancer.id, |balancer| {
        balancer.set("IpamPools", pools.clone())
    });
    match pools {
        Json::Null => Ok(json!({})),
        pools => Ok(json!({"IpamPools": pools})),
    }
}
