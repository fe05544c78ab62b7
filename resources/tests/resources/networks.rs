//! What belongs to a VPC beside subnets and gateways, in the simulated AWS.

use payctl_model::{Incarnation, Value};
use payctl_resources::{Deletion, Status, resource};
use serde_json::{Value as Json, json};

use crate::trip::Trip;

fn vpc(trip: &Trip, block: &str) -> String {
    let answer = trip.did("ec2", "CreateVpc", json!({"CidrBlock": block}));
    answer["Vpc"]["VpcId"].as_str().unwrap().to_owned()
}

fn subnet(trip: &Trip, vpc: &str, block: &str, zone: &str) -> String {
    let input = json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": zone});
    let answer = trip.did("ec2", "CreateSubnet", input);
    answer["Subnet"]["SubnetId"].as_str().unwrap().to_owned()
}

fn policy(action: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"}]})
}

fn tags(value: &str) -> Json {
    json!([{"Key": "a", "Value": value}])
}

#[tokio::test(start_paused = true)]
async fn ranges_and_options_of_a_vpc() {
    let trip = Trip::new();
    let vpc = vpc(&trip, "10.0.0.0/16");
    let four = json!({"VpcId": vpc, "CidrBlock": "10.1.0.0/16"});
    let four = trip.make("AWS::EC2::VPCCidrBlock", four).await;
    let six = json!({"VpcId": vpc, "AmazonProvidedIpv6CidrBlock": true});
    let six = trip.make("AWS::EC2::VPCCidrBlock", six).await;
    let live = trip.ready(&six).await.model;
    // As real AWS is told by CloudFormation: the pool that is Amazon's own is no pool.
    let text = |name: &str| live.get(name).and_then(Value::as_str);
    assert_eq!(
        (
            text("IpSource"),
            text("Ipv6AddressAttribute"),
            text("Ipv6Pool")
        ),
        (Some("amazon"), Some("public"), None)
    );
    assert_eq!(text("Ipv6CidrBlockNetworkBorderGroup"), Some("us-east-1"));
    assert_eq!(live.get("CidrBlock"), None);
    trip.delete(&six).await;
    trip.delete(&four).await;

    let options = json!({
        "DomainName": "payments.internal", "DomainNameServers": ["10.0.0.2", "AmazonProvidedDNS"], "NtpServers": ["169.254.169.123"],
        "NetbiosNameServers": ["10.0.0.9"], "NetbiosNodeType": "2", "Ipv6AddressPreferredLeaseTime": 1800, "Tags": tags("1"),
    });
    let mut made = trip.make("AWS::EC2::DHCPOptions", options.clone()).await;
    let mut tagged = options;
    tagged["Tags"] = tags("2");
    trip.change(&mut made, tagged, &["Tags"]).await;
    let association = json!({"DhcpOptionsId": made.id.as_str(), "VpcId": vpc});
    let association = trip
        .make("AWS::EC2::VPCDHCPOptionsAssociation", association)
        .await;
    let busy = trip.aws.sandbox.invoke(
        "key",
        "us-east-1",
        "ec2",
        "DeleteDhcpOptions",
        json!({"DhcpOptionsId": made.id.as_str()}),
    );
    assert_eq!(busy.unwrap_err().code, "DependencyViolation");
    trip.delete(&association).await;
    trip.delete(&made).await;
    // The default is there before anything is done, and stays.
    let default = resource("AWS::EC2::VPCDHCPOptionsAssociation").unwrap();
    let id = format!("default|{vpc}").into();
    assert!(default.read(&trip.context, &id).await.unwrap().is_some());
    let deletion = Deletion::default();
    let done = default.delete(&trip.context, &id, &deletion).await;
    done.unwrap();
}

#[tokio::test(start_paused = true)]
async fn lists_their_entries_and_their_subnets() {
    let trip = Trip::new();
    let vpc = vpc(&trip, "10.0.0.0/16");
    let subnet = subnet(&trip, &vpc, "10.0.0.0/24", "us-east-1a");
    let list = json!({"VpcId": vpc, "Tags": tags("1")});
    let mut acl = trip.make("AWS::EC2::NetworkAcl", list).await;
    let list = json!({"VpcId": vpc, "Tags": tags("2")});
    trip.change(&mut acl, list, &["Tags"]).await;
    let entry = |more: Json| {
        let mut entry = json!({"NetworkAclId": acl.id.as_str(), "RuleNumber": "100", "CidrBlock": "10.9.9.9/8"});
        for (name, value) in more.as_object().into_iter().flatten() {
            entry[name] = value.clone();
        }
        entry
    };
    let first =
        json!({"Protocol": "6", "RuleAction": "ALLOW", "PortRange": {"From": "443", "To": 443}});
    let mut inward = trip.make("AWS::EC2::NetworkAclEntry", entry(first)).await;
    assert_eq!(inward.id.as_str(), format!("{}|ingress|100", acl.id));
    let second = json!({"Protocol": 17, "RuleAction": "deny", "PortRange": {"From": 53, "To": 54}});
    trip.change(
        &mut inward,
        entry(second),
        &["PortRange", "Protocol", "RuleAction"],
    )
    .await;
    // The same number outward is another entry; one of somebody else's with that number is not taken.
    let outward = json!({"Protocol": 1, "RuleAction": "allow", "Egress": "true", "Icmp": {"Type": 8, "Code": -1}});
    let outward = trip.make("AWS::EC2::NetworkAclEntry", entry(outward)).await;
    let other = json!({"Protocol": 6, "RuleAction": "allow", "PortRange": {"From": 1, "To": 2}});
    let other = Value::from(entry(other));
    let module = inward.resource;
    let incarnation = Incarnation("other".to_owned());
    let found = module.find(&trip.context, &other, &incarnation).await;
    assert_eq!(found.unwrap(), None);
    let refused = module.create(&trip.context, &other, &incarnation).await;
    assert_eq!(
        refused.unwrap_err().code(),
        Some("NetworkAclEntryAlreadyExists")
    );

    let behind = |acl: &str| json!({"NetworkAclId": acl, "SubnetId": subnet});
    let association = trip
        .make(
            "AWS::EC2::SubnetNetworkAclAssociation",
            behind(acl.id.as_str()),
        )
        .await;
    // The successor replaces it in one call; what is left of the old one is nothing.
    let next = trip.did("ec2", "CreateNetworkAcl", json!({"VpcId": vpc}));
    let next = next["NetworkAcl"]["NetworkAclId"].as_str().unwrap();
    let moved = association
        .resource
        .create(&trip.context, &Value::from(behind(next)), &incarnation)
        .await
        .unwrap();
    trip.delete(&association).await;
    let seen = association.resource.read(&trip.context, &moved.id).await;
    let seen = seen.unwrap().expect("the successor stays");
    assert_eq!(seen.model.get("NetworkAclId"), Some(&next.into()));
    let deletion = Deletion::default();
    let done = association
        .resource
        .delete(&trip.context, &moved.id, &deletion)
        .await;
    done.unwrap();
    let gone = association.resource.read(&trip.context, &moved.id).await;
    assert_eq!(gone.unwrap(), None);
    trip.delete(&outward).await;
    trip.delete(&inward).await;
    trip.delete(&acl).await;
}

#[tokio::test(start_paused = true)]
async fn endpoints() {
    let trip = Trip::new();
    let vpc = vpc(&trip, "10.0.0.0/16");
    let input = json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": true}});
    trip.did("ec2", "ModifyVpcAttribute", input);
    let (a, b) = (
        subnet(&trip, &vpc, "10.0.0.0/24", "us-east-1a"),
        subnet(&trip, &vpc, "10.0.1.0/24", "us-east-1b"),
    );
    let group = |name: &str| {
        let input = json!({"GroupName": name, "Description": "d", "VpcId": vpc});
        trip.did("ec2", "CreateSecurityGroup", input)["GroupId"].clone()
    };
    let (web, admin) = (group("web"), group("admin"));
    let endpoint = |more: Json| {
        let mut endpoint = json!({"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.kms", "VpcEndpointType": "Interface"});
        for (name, value) in more.as_object().into_iter().flatten() {
            endpoint[name] = value.clone();
        }
        endpoint
    };
    let first = endpoint(json!({
        "SubnetIds": [a], "SecurityGroupIds": [web], "PrivateDnsEnabled": true, "PolicyDocument": policy("kms:*"),
        "IpAddressType": "ipv4", "Tags": tags("1"),
        "DnsOptions": {"DnsRecordIpType": "ipv4", "PrivateDnsOnlyForInboundResolverEndpoint": "AllResolvers"},
    }));
    let mut made = trip.make("AWS::EC2::VPCEndpoint", first).await;
    let live = trip.ready(&made).await.model;
    let entries = live.get("DnsEntries").and_then(Value::as_list).unwrap();
    let private = |entry: &Value| {
        let text = entry.as_str().unwrap_or_default();
        text.starts_with('Z') && text.ends_with(":kms.us-east-1.amazonaws.com")
    };
    assert!(entries.iter().any(private), "{entries:?}");
    let second = endpoint(json!({
        "SubnetIds": [b, a], "SecurityGroupIds": [admin], "PrivateDnsEnabled": "false", "PolicyDocument": policy("kms:Decrypt").to_string(),
        "IpAddressType": "dualstack", "Tags": tags("2"), "DnsOptions": {"DnsRecordIpType": "dualstack"},
    }));
    let changes = [
        "DnsOptions",
        "IpAddressType",
        "PolicyDocument",
        "PrivateDnsEnabled",
        "SecurityGroupIds",
        "SubnetIds",
        "Tags",
    ];
    trip.change(&mut made, second, &changes).await;
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn gateway_endpoints() {
    let trip = Trip::new();
    let vpc = vpc(&trip, "10.0.0.0/16");
    let table = trip.did("ec2", "CreateRouteTable", json!({"VpcId": vpc}));
    let table = table["RouteTable"]["RouteTableId"].clone();
    let gateway = |more: Json| {
        let mut gateway = json!({"VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3"});
        for (name, value) in more.as_object().into_iter().flatten() {
            gateway[name] = value.clone();
        }
        gateway
    };
    let first = gateway(json!({"RouteTableIds": [table], "PolicyDocument": policy("s3:*")}));
    let mut made = trip.make("AWS::EC2::VPCEndpoint", first).await;
    trip.change(
        &mut made,
        gateway(json!({})),
        &["PolicyDocument", "RouteTableIds"],
    )
    .await;
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn flow_logs() {
    let trip = Trip::new();
    let vpc = vpc(&trip, "10.0.0.0/16");
    let log = json!({
        "ResourceId": vpc, "ResourceType": "VPC", "TrafficType": "REJECT", "LogDestinationType": "s3", "LogDestination": "arn:aws:s3:::flows",
        "LogFormat": "${srcaddr} ${dstaddr}", "MaxAggregationInterval": "60", "Tags": tags("1"),
        "DestinationOptions": {"FileFormat": "parquet", "HiveCompatiblePartitions": true, "PerHourPartition": "true"},
    });
    let mut made = trip.make("AWS::EC2::FlowLog", log.clone()).await;
    // An error that stands in an answer of success is one.
    let other = Incarnation("other".to_owned());
    let twice = Value::from(log.clone());
    let again = made.resource.create(&trip.context, &twice, &other).await;
    assert_eq!(again.unwrap_err().code(), Some("FlowLogAlreadyExists"));
    let mut tagged = log;
    tagged["Tags"] = tags("2");
    trip.change(&mut made, tagged, &["Tags"]).await;
    trip.delete(&made).await;

    // A role that was just made cannot be assumed at once.
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let input = json!({"RoleName": "flows", "AssumeRolePolicyDocument": trust.to_string()});
    let role = trip.did("iam", "CreateRole", input)["Role"]["Arn"].clone();
    trip.did(
        "logs",
        "CreateLogGroup",
        json!({"logGroupName": "/vpc/flows"}),
    );
    let log = json!({
        "ResourceId": vpc, "ResourceType": "VPC", "TrafficType": "ALL", "DeliverLogsPermissionArn": role, "LogGroupName": "/vpc/flows",
    });
    let made = trip.make("AWS::EC2::FlowLog", log).await;
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn a_peering_is_accepted_wherever_the_other_vpc_is() {
    for region in ["us-east-1", "us-west-2"] {
        let trip = Trip::new();
        let mine = vpc(&trip, "10.0.0.0/16");
        let input = json!({"CidrBlock": "10.1.0.0/16"});
        let theirs = trip.did_in(region, "ec2", "CreateVpc", input)["Vpc"]["VpcId"].clone();
        let mut peering = json!({"VpcId": mine, "PeerVpcId": theirs, "Tags": tags("1")});
        if region != "us-east-1" {
            peering["PeerRegion"] = json!(region);
        }
        let mut made = trip
            .make("AWS::EC2::VPCPeeringConnection", peering.clone())
            .await;
        let input = json!({"VpcPeeringConnectionIds": [made.id.as_str()]});
        let seen = trip.did_in(region, "ec2", "DescribeVpcPeeringConnections", input);
        assert_eq!(seen["VpcPeeringConnections"][0]["Status"]["Code"], "active");
        peering["Tags"] = tags("2");
        trip.change(&mut made, peering, &["Tags"]).await;
        trip.delete(&made).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_peering_with_another_account_is_accepted_by_a_role_of_it_or_waits() {
    let trip = Trip::new();
    let mine = vpc(&trip, "10.0.0.0/16");
    let peering = |account: &str, vpc: &str, more: Json| {
        let mut peering = json!({"VpcId": mine, "PeerVpcId": vpc, "PeerOwnerId": account});
        for (name, value) in more.as_object().into_iter().flatten() {
            peering[name] = value.clone();
        }
        Value::from(peering)
    };
    let module = resource("AWS::EC2::VPCPeeringConnection").unwrap();
    let waits = peering("222222222222", "vpc-0123456789abcdef0", json!({}));
    let made = module
        .create(&trip.context, &waits, &Incarnation("waits".to_owned()))
        .await
        .unwrap();
    assert_eq!(made.status, Status::Ready);
    let role = json!({"PeerRoleArn": "arn:aws:iam::333333333333:role/peer"});
    let accepted = peering("333333333333", "vpc-0123456789abcdef1", role);
    let incarnation = Incarnation("accepted".to_owned());
    let made = module
        .create(&trip.context, &accepted, &incarnation)
        .await
        .unwrap();
    let input = json!({"VpcPeeringConnectionIds": [made.id.as_str()]});
    let seen = trip.did("ec2", "DescribeVpcPeeringConnections", input);
    let code = seen["VpcPeeringConnections"][0]["Status"]["Code"]
        .as_str()
        .unwrap();
    assert!(matches!(code, "provisioning" | "active"), "{code}");
    // What was cut off before the acceptance is completed by it.
    let input = json!({"VpcId": mine, "PeerVpcId": vpc(&trip, "10.3.0.0/16")});
    let cut = trip.did("ec2", "CreateVpcPeeringConnection", input.clone());
    let id = cut["VpcPeeringConnection"]["VpcPeeringConnectionId"]
        .as_str()
        .unwrap()
        .into();
    let desired = Value::from(input);
    let completed = module.complete(&trip.context, &id, &desired).await;
    assert!(completed.unwrap());

    let overlapping = json!({"VpcId": mine, "PeerVpcId": vpc(&trip, "10.0.0.0/17")});
    let overlapping = Value::from(overlapping);
    let failing = module.create(&trip.context, &overlapping, &incarnation);
    let error = failing.await.unwrap_err().to_string();
    assert!(error.contains("overlapping CIDR range"), "{error}");
}
