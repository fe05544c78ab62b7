//! What belongs to a VPC beside subnets and gateways: ranges, DHCP options, network ACLs, endpoints, flow logs, peerings.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, REGION, pass};

fn vpc(aws: &Client, block: &str) -> String {
    aws.text("ec2:CreateVpc", json!({"CidrBlock": block}), "/Vpc/VpcId")
}

fn subnet(aws: &Client, vpc: &str, block: &str, zone: &str) -> String {
    let zone = format!("{REGION}{zone}");
    let input = json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": zone});
    aws.text("ec2:CreateSubnet", input, "/Subnet/SubnetId")
}

fn acl(aws: &Client, vpc: &str) -> String {
    aws.text(
        "ec2:CreateNetworkAcl",
        json!({"VpcId": vpc}),
        "/NetworkAcl/NetworkAclId",
    )
}

fn table(aws: &Client, vpc: &str) -> String {
    aws.text(
        "ec2:CreateRouteTable",
        json!({"VpcId": vpc}),
        "/RouteTable/RouteTableId",
    )
}

fn entry(acl: &str, number: i64, more: Json) -> Json {
    let mut entry = json!({"NetworkAclId": acl, "RuleNumber": number, "Protocol": "6", "RuleAction": "allow", "Egress": false,
                           "CidrBlock": "10.0.0.0/8", "PortRange": {"From": 443, "To": 443}});
    for (name, value) in more.as_object().into_iter().flatten() {
        entry[name] = value.clone();
    }
    entry
}

/// The association that a subnet has, and with which list.
fn association(aws: &Client, subnet: &str) -> (String, String) {
    let filter = json!({"Filters": [{"Name": "association.subnet-id", "Values": [subnet]}]});
    let acls = aws.did("ec2:DescribeNetworkAcls", filter);
    let acls = acls["NetworkAcls"].as_array().unwrap();
    assert_eq!(acls.len(), 1, "a subnet has one list: {acls:?}");
    let associations = acls[0]["Associations"].as_array().unwrap();
    let mine = associations
        .iter()
        .find(|one| one["SubnetId"] == subnet)
        .unwrap();
    let text = |name: &str| mine[name].as_str().unwrap().to_owned();
    (text("NetworkAclAssociationId"), text("NetworkAclId"))
}

fn endpoint(vpc: &str, service: &str, more: Json) -> Json {
    let mut input =
        json!({"VpcId": vpc, "ServiceName": format!("com.amazonaws.{REGION}.{service}")});
    for (name, value) in more.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    input
}

fn with_names(aws: &Client, vpc: &str) {
    let input = json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": true}});
    aws.did("ec2:ModifyVpcAttribute", input);
}

fn role(aws: &Client) -> String {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let input = json!({"RoleName": "flow-logs", "AssumeRolePolicyDocument": trust.to_string()});
    aws.text("iam:CreateRole", input, "/Role/Arn")
}

/// Breaks the laws of all of these.
pub(crate) async fn break_laws(aws: &Client, book: &mut LawBook<'_>) {
    break_laws_of_ranges_and_lists(aws, book).await;
    break_laws_of_endpoints(aws, book);
    break_laws_of_logs_and_peerings(aws, book).await;
}

async fn break_laws_of_ranges_and_lists(aws: &Client, book: &mut LawBook<'_>) {
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    let net = vpc(aws, "10.20.0.0/16");
    let range = |block: &str| json!({"VpcId": net, "CidrBlock": block});
    breaks(
        "ec2: ranges of a VPC do not overlap",
        "AssociateVpcCidrBlock",
        range("10.20.128.0/17"),
    );
    let answer = aws.did("AssociateVpcCidrBlock", range("10.21.0.0/16"));
    let second = answer["CidrBlockAssociation"]["AssociationId"].clone();
    // A range can be used when it is associated, not when that has begun.
    breaks(
        "ec2: a subnet lies within its VPC",
        "CreateSubnet",
        range("10.21.1.0/24"),
    );
    pass(6).await;
    aws.did("CreateSubnet", range("10.21.1.0/24"));
    breaks(
        "ec2: a range in which a subnet lies stays with its VPC",
        "DisassociateVpcCidrBlock",
        json!({"AssociationId": second}),
    );
    let found = aws.did("DescribeVpcs", json!({"VpcIds": [net]}));
    let primary = &found["Vpcs"][0]["CidrBlockAssociationSet"][0]["AssociationId"];
    breaks(
        "ec2: the range with which a VPC was made stays",
        "DisassociateVpcCidrBlock",
        json!({"AssociationId": primary}),
    );
    for block in ["10.22.0.0/16", "10.23.0.0/16", "10.24.0.0/16"] {
        aws.did("AssociateVpcCidrBlock", range(block));
    }
    breaks(
        "ec2: a VPC has at most five IPv4 ranges",
        "AssociateVpcCidrBlock",
        range("10.25.0.0/16"),
    );
    breaks(
        "ec2: a set of DHCP options has options that DHCP of a VPC knows",
        "CreateDhcpOptions",
        json!({"DhcpConfigurations": [{"Key": "colour", "Values": ["red"]}]}),
    );

    let (a, list) = (subnet(aws, &net, "10.20.1.0/24", "a"), acl(aws, &net));
    breaks(
        "ec2/network-acl: VpcId must exist",
        "CreateNetworkAcl",
        json!({"VpcId": "vpc-0"}),
    );
    aws.did("CreateNetworkAclEntry", entry(&list, 100, json!({})));
    // The same once more is no mistake (hence the second one says something else).
    aws.did("CreateNetworkAclEntry", entry(&list, 100, json!({})));
    breaks(
        "ec2: a network ACL has one entry with a number in each direction",
        "CreateNetworkAclEntry",
        entry(&list, 100, json!({"RuleAction": "deny"})),
    );
    breaks(
        "ec2: an entry that is replaced or deleted is there",
        "ReplaceNetworkAclEntry",
        entry(&list, 101, json!({})),
    );
    breaks(
        "ec2: an entry that is replaced or deleted is there",
        "DeleteNetworkAclEntry",
        json!({"NetworkAclId": list, "RuleNumber": 32767, "Egress": true}),
    );
    let mut bare = entry(&list, 102, json!({}));
    bare.as_object_mut().unwrap().remove("PortRange");
    breaks(
        "ec2: an entry for TCP or UDP has ports, one for ICMP type and code",
        "CreateNetworkAclEntry",
        bare,
    );
    breaks(
        "ec2: an entry's number is between 1 and 32766",
        "CreateNetworkAclEntry",
        entry(&list, 32767, json!({})),
    );
    for number in 1..20 {
        aws.did("CreateNetworkAclEntry", entry(&list, number, json!({})));
    }
    breaks(
        "ec2: a network ACL has at most 20 entries in each direction",
        "CreateNetworkAclEntry",
        entry(&list, 200, json!({})),
    );
    let (first, default) = association(aws, &a);
    breaks(
        "ec2: the default network ACL is not deleted",
        "DeleteNetworkAcl",
        json!({"NetworkAclId": default}),
    );
    let other = vpc(aws, "10.30.0.0/16");
    let foreign = acl(aws, &other);
    breaks(
        "ec2: a network ACL and its subnet belong to one network",
        "ReplaceNetworkAclAssociation",
        json!({"AssociationId": first, "NetworkAclId": foreign}),
    );
    breaks(
        "ec2/vpc: not deleted while a ec2/network-acl has it as VpcId",
        "DeleteVpc",
        json!({"VpcId": other}),
    );
    aws.did(
        "ReplaceNetworkAclAssociation",
        json!({"AssociationId": first, "NetworkAclId": list}),
    );
    breaks(
        "ec2: a network ACL that a subnet has is not deleted",
        "DeleteNetworkAcl",
        json!({"NetworkAclId": list}),
    );
}

fn break_laws_of_endpoints(aws: &Client, book: &mut LawBook<'_>) {
    let mut breaks = |law: &str, input: Json| book.breaks(law, "CreateVpcEndpoint", input);
    let (net, other) = (vpc(aws, "10.40.0.0/16"), vpc(aws, "10.41.0.0/16"));
    let (a, again) = (
        subnet(aws, &net, "10.40.1.0/24", "a"),
        subnet(aws, &net, "10.40.2.0/24", "a"),
    );
    let routes = table(aws, &net);
    breaks(
        "ec2: an endpoint is of a service that there is, and of a type that it has",
        endpoint(&net, "kms", json!({})),
    );
    let interface = |more: Json| {
        let mut input = endpoint(&net, "kms", json!({"VpcEndpointType": "Interface"}));
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        input
    };
    breaks(
        "ec2/vpc-endpoint: VpcId must exist",
        endpoint("vpc-0", "s3", json!({})),
    );
    breaks(
        "ec2/vpc-endpoint: SubnetIds[] must exist",
        interface(json!({"SubnetIds": ["subnet-0"]})),
    );
    breaks(
        "ec2/vpc-endpoint: Groups[].GroupId must exist",
        interface(json!({"SecurityGroupIds": ["sg-0"]})),
    );
    breaks(
        "ec2/vpc-endpoint: RouteTableIds[] must exist",
        endpoint(&net, "s3", json!({"RouteTableIds": ["rtb-0"]})),
    );
    breaks(
        "ec2: an endpoint has one subnet in each zone",
        interface(json!({"SubnetIds": [a, again]})),
    );
    breaks(
        "ec2: an endpoint's subnets, groups and route tables are of its VPC",
        endpoint(&net, "s3", json!({"RouteTableIds": [table(aws, &other)]})),
    );
    breaks(
        "ec2: private names of an endpoint need a VPC with DNS support and hostnames",
        interface(json!({"SubnetIds": [a]})),
    );
    with_names(aws, &net);
    let inbound = endpoint(
        &net,
        "s3",
        json!({"VpcEndpointType": "Interface", "DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": true}}),
    );
    breaks(
        "ec2: private names for inbound resolvers alone need a gateway endpoint of the service",
        inbound,
    );
    aws.did("CreateVpcEndpoint", interface(json!({"SubnetIds": [a]})));
    breaks(
        "ec2: one endpoint of a service has its private names in a VPC",
        interface(json!({})),
    );
    let gateway = endpoint(&net, "s3", json!({"RouteTableIds": [routes]}));
    aws.did("CreateVpcEndpoint", gateway.clone());
    breaks(
        "ec2: a route table has one gateway endpoint of a service",
        gateway,
    );
    let lone = vpc(aws, "10.42.0.0/16");
    aws.did("CreateVpcEndpoint", endpoint(&lone, "dynamodb", json!({})));
    book.breaks(
        "ec2/vpc: not deleted while a ec2/vpc-endpoint has it as VpcId",
        "DeleteVpc",
        json!({"VpcId": lone}),
    );
}

async fn break_laws_of_logs_and_peerings(aws: &Client, book: &mut LawBook<'_>) {
    let net = vpc(aws, "10.50.0.0/16");
    let log = |more: Json| {
        let mut input = json!({"ResourceIds": [net], "ResourceType": "VPC", "TrafficType": "ALL"});
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        input
    };
    let role = role(aws);
    let to_logs = log(json!({"LogGroupName": "flows", "DeliverLogsPermissionArn": role}));
    book.breaks(
        "ec2: a flow log's role can be assumed by the flow logs service",
        "CreateFlowLogs",
        to_logs.clone(),
    );
    book.breaks(
        "ec2: a flow log has a destination that fits its type",
        "CreateFlowLogs",
        log(json!({})),
    );
    book.breaks(
        "ec2: a flow log aggregates for one minute or ten",
        "CreateFlowLogs",
        log(json!({"LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::b", "MaxAggregationInterval": 90})),
    );
    pass(20).await;
    let first = aws.did("CreateFlowLogs", to_logs.clone());
    assert_eq!(first["FlowLogIds"].as_array().map(Vec::len), Some(1));
    // One of several that fails is listed in an answer that is none of an error.
    let again = aws.did("CreateFlowLogs", to_logs);
    let code = &again["Unsuccessful"][0]["Error"]["Code"];
    assert_eq!(code, "FlowLogAlreadyExists");

    let (mine, theirs) = (vpc(aws, "10.60.0.0/16"), vpc(aws, "10.61.0.0/16"));
    let peer = json!({"VpcId": mine, "PeerVpcId": theirs});
    let id = aws.text(
        "CreateVpcPeeringConnection",
        peer.clone(),
        "/VpcPeeringConnection/VpcPeeringConnectionId",
    );
    book.breaks(
        "ec2: two VPCs have one peering connection",
        "CreateVpcPeeringConnection",
        peer,
    );
    book.breaks(
        "ec2: a peering connection is accepted while it waits for that",
        "AcceptVpcPeeringConnection",
        json!({"VpcPeeringConnectionId": id}),
    );
    let overlapping = vpc(aws, "10.60.128.0/17");
    let failing = aws.text(
        "CreateVpcPeeringConnection",
        json!({"VpcId": mine, "PeerVpcId": overlapping}),
        "/VpcPeeringConnection/VpcPeeringConnectionId",
    );
    pass(3).await;
    book.breaks(
        "ec2: a peering connection that has failed is not deleted",
        "DeleteVpcPeeringConnection",
        json!({"VpcPeeringConnectionId": failing}),
    );
}

/// The laws that show in an answer instead of a refusal.
pub(crate) const SHOWN: &str = "ec2: one flow log of the same traffic to the same destination";

#[tokio::test(start_paused = true)]
async fn a_subnet_always_has_one_network_acl() {
    let aws = Client::of("ec2");
    let net = vpc(&aws, "10.0.0.0/16");
    let (a, b) = (
        subnet(&aws, &net, "10.0.0.0/24", "a"),
        subnet(&aws, &net, "10.0.1.0/24", "b"),
    );
    let (first, default) = association(&aws, &a);
    let own = acl(&aws, &net);
    let replace = |association: &str, acl: &str| {
        aws.text(
            "ReplaceNetworkAclAssociation",
            json!({"AssociationId": association, "NetworkAclId": acl}),
            "/NewAssociationId",
        )
    };
    let second = replace(&first, &own);
    assert_ne!(first, second);
    assert_eq!(association(&aws, &a), (second.clone(), own.clone()));
    assert_eq!(association(&aws, &b).1, default);
    let stale = json!({"AssociationId": first, "NetworkAclId": own});
    assert_eq!(
        aws.refused("ReplaceNetworkAclAssociation", stale),
        "InvalidAssociationID.NotFound"
    );
    let third = replace(&second, &default);
    assert_eq!(association(&aws, &a), (third, default));
    aws.did("DeleteNetworkAcl", json!({"NetworkAclId": own}));
    aws.did("DeleteSubnet", json!({"SubnetId": a}));
    aws.did("DeleteSubnet", json!({"SubnetId": b}));
    aws.did("DeleteVpc", json!({"VpcId": net}));
}

#[tokio::test(start_paused = true)]
async fn entries_come_back_without_what_ec2_ignores() {
    let aws = Client::of("ec2");
    let net = vpc(&aws, "10.0.0.0/16");
    let own = acl(&aws, &net);
    aws.did(
        "CreateNetworkAclEntry",
        entry(
            &own,
            100,
            json!({"Protocol": "-1", "CidrBlock": "10.9.9.9/8"}),
        ),
    );
    aws.did(
        "CreateNetworkAclEntry",
        entry(
            &own,
            90,
            json!({"Protocol": "1", "IcmpTypeCode": {"Type": 8, "Code": -1}}),
        ),
    );
    let list = |aws: &Client| {
        aws.did("DescribeNetworkAcls", json!({"NetworkAclIds": [own]}))["NetworkAcls"][0]["Entries"]
            .clone()
    };
    assert_eq!(
        list(&aws),
        json!([
            {"CidrBlock": "0.0.0.0/0", "Egress": true, "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767},
            {"CidrBlock": "10.0.0.0/8", "Egress": false, "Protocol": "1", "RuleAction": "allow", "RuleNumber": 90, "IcmpTypeCode": {"Type": 8, "Code": -1}},
            {"CidrBlock": "10.0.0.0/8", "Egress": false, "Protocol": "-1", "RuleAction": "allow", "RuleNumber": 100},
            {"CidrBlock": "0.0.0.0/0", "Egress": false, "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767},
        ])
    );
    let mut six = entry(&own, 100, json!({"Ipv6CidrBlock": "::/0"}));
    six.as_object_mut().unwrap().remove("CidrBlock");
    aws.did("ReplaceNetworkAclEntry", six);
    assert_eq!(list(&aws)[2]["Ipv6CidrBlock"], "::/0");
    assert_eq!(list(&aws)[2]["PortRange"], json!({"From": 443, "To": 443}));
    assert_eq!(
        aws.refused(
            "CreateNetworkAclEntry",
            entry(&own, 110, json!({"Protocol": "tcp"}))
        ),
        "InvalidParameterValue"
    );
}

#[tokio::test(start_paused = true)]
async fn ranges_come_and_go_and_are_told_for_a_while() {
    let aws = Client::of("ec2");
    let net = vpc(&aws, "10.0.0.0/16");
    let sets = || aws.did("DescribeVpcs", json!({"VpcIds": [net]}))["Vpcs"][0].clone();
    let answer = aws.did(
        "AssociateVpcCidrBlock",
        json!({"VpcId": net, "AmazonProvidedIpv6CidrBlock": true}),
    );
    let made = answer["Ipv6CidrBlockAssociation"].clone();
    assert_eq!(made["Ipv6CidrBlockState"]["State"], "associating");
    pass(6).await;
    let state = || sets()["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlockState"]["State"].clone();
    assert_eq!(state(), "associated");
    let range = made["Ipv6CidrBlock"].as_str().unwrap();
    let inner = range.replace("00::/56", "01::/64");
    let mut input = json!({"VpcId": net, "CidrBlock": "10.0.1.0/24", "Ipv6CidrBlock": inner});
    let subnet = aws.text("CreateSubnet", input.clone(), "/Subnet/SubnetId");
    input["CidrBlock"] = json!("10.0.2.0/24");
    input["Ipv6CidrBlock"] = json!("2001:db8::/64");
    assert_eq!(aws.refused("CreateSubnet", input), "InvalidSubnet.Range");
    let gone = json!({"AssociationId": made["AssociationId"]});
    assert_eq!(
        aws.refused("DisassociateVpcCidrBlock", gone.clone()),
        "InvalidCidrBlock.InUse"
    );
    aws.did("DeleteSubnet", json!({"SubnetId": subnet}));
    aws.did("DisassociateVpcCidrBlock", gone.clone());
    assert_eq!(state(), "disassociating");
    pass(6).await;
    assert_eq!(state(), "disassociated");
    assert_eq!(
        aws.refused("DisassociateVpcCidrBlock", gone),
        "InvalidVpcCidrBlockAssociationID.NotFound"
    );
    pass(6000).await;
    assert_eq!(sets()["Ipv6CidrBlockAssociationSet"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_keeps_subnets_and_groups_until_its_interfaces_are_gone() {
    let aws = Client::of("ec2");
    let net = vpc(&aws, "10.0.0.0/16");
    with_names(&aws, &net);
    let (a, b) = (
        subnet(&aws, &net, "10.0.0.0/24", "a"),
        subnet(&aws, &net, "10.0.1.0/24", "b"),
    );
    let group = aws.text(
        "CreateSecurityGroup",
        json!({"GroupName": "ends", "Description": "d", "VpcId": net}),
        "/GroupId",
    );
    let input = endpoint(
        &net,
        "ecr.api",
        json!({"VpcEndpointType": "Interface", "SubnetIds": [a], "SecurityGroupIds": [group], "ClientToken": "once"}),
    );
    let made = aws.did("CreateVpcEndpoint", input.clone());
    assert_eq!(made, aws.did("CreateVpcEndpoint", input.clone()));
    let mut other = input.clone();
    other["SubnetIds"] = json!([b]);
    assert_eq!(
        aws.refused("CreateVpcEndpoint", other),
        "IdempotentParameterMismatch"
    );
    let id = made["VpcEndpoint"]["VpcEndpointId"].clone();
    let look = || {
        aws.did("DescribeVpcEndpoints", json!({"VpcEndpointIds": [id]}))["VpcEndpoints"][0].clone()
    };
    assert_eq!(look()["State"], "pending");
    pass(61).await;
    assert_eq!(look()["State"], "available");
    assert_eq!(look()["PrivateDnsEnabled"], true);
    let names: Vec<String> = look()["DnsEntries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["DnsName"].as_str().unwrap().to_owned())
        .collect();
    assert!(names.contains(&format!("api.ecr.{REGION}.amazonaws.com")));
    aws.did(
        "ModifyVpcEndpoint",
        json!({"VpcEndpointId": id, "AddSubnetIds": [b], "RemoveSubnetIds": [a], "PolicyDocument": "{\"Statement\": []}"}),
    );
    assert_eq!(look()["SubnetIds"], json!([b]));
    assert_eq!(
        look()["NetworkInterfaceIds"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(look()["PolicyDocument"], "{\"Statement\": []}");
    let delete = |subnet: &str| aws.ask("DeleteSubnet", json!({"SubnetId": subnet}));
    assert_eq!(delete(&a).unwrap_err().code, "DependencyViolation");
    pass(60).await;
    delete(&a).unwrap();
    aws.did("DeleteVpcEndpoints", json!({"VpcEndpointIds": [id]}));
    assert_eq!(look()["State"], "deleting");
    pass(31).await;
    assert_eq!(
        aws.refused("DescribeVpcEndpoints", json!({"VpcEndpointIds": [id]})),
        "InvalidVpcEndpointId.NotFound"
    );
    let drop = || aws.ask("DeleteSecurityGroup", json!({"GroupId": group}));
    assert_eq!(drop().unwrap_err().code, "DependencyViolation");
    pass(60).await;
    drop().unwrap();
    delete(&b).unwrap();
    let again = aws.did("DeleteVpcEndpoints", json!({"VpcEndpointIds": [id]}));
    let code = &again["Unsuccessful"][0]["Error"]["Code"];
    assert_eq!(code, "InvalidVpcEndpoint.NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_gateway_endpoint_shows_in_route_tables() {
    let aws = Client::of("ec2");
    let net = vpc(&aws, "10.0.0.0/16");
    let routes = table(&aws, &net);
    let input = endpoint(&net, "s3", json!({"RouteTableIds": [routes]}));
    let id = aws.text("CreateVpcEndpoint", input, "/VpcEndpoint/VpcEndpointId");
    let through = || {
        let tables = aws.did(
            "DescribeRouteTables",
            json!({"Filters": [{"Name": "route.gateway-id", "Values": [id]}]}),
        );
        tables["RouteTables"].as_array().map(Vec::len)
    };
    assert_eq!(through(), Some(1));
    let change = json!({"VpcEndpointId": id, "RemoveRouteTableIds": [routes]});
    aws.did("ModifyVpcEndpoint", change);
    assert_eq!(through(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_peering_is_seen_and_accepted_on_the_other_side() {
    let aws = Client::of("ec2");
    let there = |operation: &str, input: Json| {
        let answer = aws
            .sandbox
            .invoke("key", "us-west-2", "ec2", operation, input);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal}"))
    };
    let mine = vpc(&aws, "10.0.0.0/16");
    let theirs = there("CreateVpc", json!({"CidrBlock": "10.1.0.0/16"}))["Vpc"]["VpcId"].clone();
    let input = json!({"VpcId": mine, "PeerVpcId": theirs, "PeerRegion": "us-west-2"});
    let made = aws.did("CreateVpcPeeringConnection", input)["VpcPeeringConnection"].clone();
    assert_eq!(made["Status"]["Code"], "initiating-request");
    assert_eq!(made["AccepterVpcInfo"]["CidrBlock"], "10.1.0.0/16");
    let id = made["VpcPeeringConnectionId"].clone();
    let routes = table(&aws, &mine);
    let route = json!({"RouteTableId": routes, "DestinationCidrBlock": "10.1.0.0/16", "VpcPeeringConnectionId": id});
    aws.did("CreateRoute", route);
    let state = || {
        let tables = aws.did("DescribeRouteTables", json!({"RouteTableIds": [routes]}));
        tables["RouteTables"][0]["Routes"][1]["State"].clone()
    };
    assert_eq!(state(), "blackhole");
    pass(3).await;
    let accept = json!({"VpcPeeringConnectionId": id});
    assert_eq!(
        aws.refused("AcceptVpcPeeringConnection", accept.clone()),
        "OperationNotPermitted"
    );
    there("AcceptVpcPeeringConnection", accept.clone());
    pass(3).await;
    assert_eq!(state(), "active");
    aws.did("DeleteVpcPeeringConnection", accept);
    pass(3).await;
    let ids = json!({"VpcPeeringConnectionIds": [id]});
    let seen = there("DescribeVpcPeeringConnections", ids);
    let status = &seen["VpcPeeringConnections"][0]["Status"]["Code"];
    assert_eq!(status, "deleted");
}
