//! EC2's network as a client sees it: what comes back, what is refused, what takes time, what is kept.

use payctl_model::Clock;
use payctl_sandbox::Sandbox;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::ops::Deref;
use std::time::SystemTime;

use crate::ec2_networks;
use crate::support::{Client, LawBook, pass};

struct Aws(Client);

impl Deref for Aws {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Aws {
    fn new() -> Aws {
        Aws(Client::of("ec2"))
    }

    fn vpc(&self, block: &str) -> String {
        self.text("CreateVpc", json!({"CidrBlock": block}), "/Vpc/VpcId")
    }

    fn subnet(&self, vpc: &str, block: &str) -> String {
        let input = json!({"VpcId": vpc, "CidrBlock": block});
        self.text("CreateSubnet", input, "/Subnet/SubnetId")
    }

    fn gateway(&self, vpc: &str) -> String {
        let id = self.text(
            "CreateInternetGateway",
            json!({}),
            "/InternetGateway/InternetGatewayId",
        );
        self.did(
            "AttachInternetGateway",
            json!({"InternetGatewayId": id, "VpcId": vpc}),
        );
        id
    }

    fn address(&self) -> String {
        self.text("AllocateAddress", json!({}), "/AllocationId")
    }

    fn nat(&self, subnet: &str, address: &str) -> String {
        let input = json!({"SubnetId": subnet, "AllocationId": address});
        self.text("CreateNatGateway", input, "/NatGateway/NatGatewayId")
    }

    fn table(&self, vpc: &str) -> String {
        self.text(
            "CreateRouteTable",
            json!({"VpcId": vpc}),
            "/RouteTable/RouteTableId",
        )
    }

    fn group(&self, vpc: &str, name: &str) -> String {
        let input = json!({"GroupName": name, "Description": "d", "VpcId": vpc});
        self.text("CreateSecurityGroup", input, "/GroupId")
    }

    fn nat_state(&self, nat: &str) -> Json {
        let answer = self.did("DescribeNatGateways", json!({"NatGatewayIds": [nat]}));
        answer["NatGateways"][0]["State"].clone()
    }
}

fn rule(port: u16, peer: Json) -> Json {
    let mut permission = json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port});
    for (name, value) in peer.as_object().into_iter().flatten() {
        permission[name] = value.clone();
    }
    json!([permission])
}

/// Breaks each law of EC2 and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Aws::new();
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);

    let vpc = aws.vpc("10.0.0.0/16");
    let other = aws.vpc("10.1.0.0/16");
    let (a, b) = (
        aws.subnet(&vpc, "10.0.0.0/24"),
        aws.subnet(&vpc, "10.0.1.0/24"),
    );
    let foreign = aws.subnet(&other, "10.1.0.0/24");
    let subnet = |block: &str| json!({"VpcId": vpc, "CidrBlock": block});
    breaks(
        "ec2: a VPC's block is a /16 to /28",
        "CreateVpc",
        json!({"CidrBlock": "10.0.0.0/8"}),
    );
    breaks(
        "ec2: a subnet lies within its VPC",
        "CreateSubnet",
        subnet("10.2.0.0/24"),
    );
    breaks(
        "ec2: subnets of a VPC do not overlap",
        "CreateSubnet",
        subnet("10.0.0.128/25"),
    );
    let mut zone = subnet("10.0.9.0/24");
    zone["AvailabilityZone"] = json!("eu-west-1z");
    breaks(
        "ec2: a subnet's zone exists in the region",
        "CreateSubnet",
        zone,
    );
    breaks(
        "ec2/subnet: VpcId must exist",
        "CreateSubnet",
        json!({"VpcId": "vpc-0", "CidrBlock": "10.0.0.0/24"}),
    );
    breaks(
        "ec2/vpc: not deleted while a ec2/subnet has it as VpcId",
        "DeleteVpc",
        json!({"VpcId": vpc}),
    );

    // A public NAT gateway is accepted and fails later.
    let address = aws.address();
    let failing = aws.nat(&foreign, &address);
    pass(20).await;
    let failed = aws.did("DescribeNatGateways", json!({"NatGatewayIds": [failing]}))["NatGateways"]
        [0]
    .clone();
    assert_eq!(
        (&failed["State"], &failed["FailureCode"]),
        (&json!("failed"), &json!("Gateway.NotAttached"))
    );

    let lonely = aws.text(
        "CreateVpc",
        json!({"CidrBlock": "10.7.0.0/16"}),
        "/Vpc/VpcId",
    );
    let table = aws.table(&vpc);
    let elsewhere = aws.table(&other);
    let route = |table: &str, through: &str, id: &str| json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", through: id});
    let gateway = aws.gateway(&vpc);
    breaks(
        "ec2: a route leads to an internet gateway that is attached to the table's VPC",
        "CreateRoute",
        route(&elsewhere, "GatewayId", &gateway),
    );
    breaks(
        "ec2: an internet gateway is attached once, a VPC has one",
        "AttachInternetGateway",
        json!({"InternetGatewayId": gateway, "VpcId": other}),
    );
    breaks(
        "ec2: only an attached internet gateway is detached",
        "DetachInternetGateway",
        json!({"InternetGatewayId": gateway, "VpcId": other}),
    );
    let vpn = |kind: &str| {
        aws.text(
            "CreateVpnGateway",
            json!({"Type": kind}),
            "/VpnGateway/VpnGatewayId",
        )
    };
    let (vpn, spare) = (vpn("ipsec.1"), vpn("ipsec.1"));
    let of = |gateway: &str, vpc: &str| json!({"VpnGatewayId": gateway, "VpcId": vpc});
    breaks(
        "ec2/vpn-gateway: VpcAttachments[].VpcId must exist",
        "AttachVpnGateway",
        of(&vpn, "vpc-0"),
    );
    breaks(
        "ec2: only an attached virtual private gateway is detached",
        "DetachVpnGateway",
        of(&vpn, &other),
    );
    aws.did("AttachVpnGateway", of(&vpn, &lonely));
    breaks(
        "ec2/vpc: not deleted while a ec2/vpn-gateway has it as VpcAttachments[].VpcId",
        "DeleteVpc",
        json!({"VpcId": lonely}),
    );
    breaks(
        "ec2: a virtual private gateway is attached once, a VPC has one",
        "AttachVpnGateway",
        of(&spare, &lonely),
    );
    breaks(
        "ec2: an attached virtual private gateway is not deleted",
        "DeleteVpnGateway",
        json!({"VpnGatewayId": vpn}),
    );
    let states = || {
        aws.did("DescribeVpnGateways", json!({"VpnGatewayIds": [vpn]}))["VpnGateways"][0]["VpcAttachments"].clone()
    };
    assert_eq!(states()[0]["State"], "attaching");
    pass(60).await;
    assert_eq!(states()[0]["State"], "attached");
    aws.did("DetachVpnGateway", of(&vpn, &lonely));
    assert_eq!(states()[0]["State"], "detaching");
    pass(60).await;
    aws.did("DeleteVpnGateway", json!({"VpnGatewayId": vpn}));
    aws.did("DeleteVpc", json!({"VpcId": lonely}));
    aws.did("CreateRoute", route(&table, "GatewayId", &gateway));
    breaks(
        "ec2: a destination has one route in a table",
        "CreateRoute",
        route(&table, "GatewayId", &gateway),
    );
    breaks(
        "ec2: the local route is not deleted",
        "DeleteRoute",
        json!({"RouteTableId": table, "DestinationCidrBlock": "10.0.0.0/16"}),
    );
    aws.did(
        "AssociateRouteTable",
        json!({"RouteTableId": table, "SubnetId": a}),
    );
    breaks(
        "ec2: the main route table is neither deleted nor disassociated",
        "DeleteRouteTable",
        json!({"RouteTableId": table}),
    );
    let second = aws.table(&vpc);
    breaks(
        "ec2: a subnet is associated with one route table",
        "AssociateRouteTable",
        json!({"RouteTableId": second, "SubnetId": a}),
    );
    breaks(
        "ec2: a route table and its subnet belong to one network",
        "AssociateRouteTable",
        json!({"RouteTableId": table, "SubnetId": foreign}),
    );
    breaks(
        "ec2/route-table: VpcId must exist",
        "CreateRouteTable",
        json!({"VpcId": "vpc-0"}),
    );

    let nat = aws.nat(&a, &address);
    breaks(
        "ec2: an address in use is not released",
        "ReleaseAddress",
        json!({"AllocationId": address}),
    );
    breaks(
        "ec2: an internet gateway stays while public addresses are mapped",
        "DetachInternetGateway",
        json!({"InternetGatewayId": gateway, "VpcId": vpc}),
    );
    breaks(
        "ec2/nat-gateway: SubnetId must exist",
        "CreateNatGateway",
        json!({"SubnetId": "subnet-0", "AllocationId": address}),
    );
    breaks(
        "ec2/nat-gateway: NatGatewayAddresses[].AllocationId must exist",
        "CreateNatGateway",
        json!({"SubnetId": a, "AllocationId": "eipalloc-0"}),
    );
    // Its interface keeps the subnet, and so does the gateway itself.
    breaks(
        "ec2/subnet: not deleted while a ec2/nat-gateway has it as SubnetId",
        "DeleteSubnet",
        json!({"SubnetId": a}),
    );
    breaks(
        "ec2/elastic-ip: not deleted while a ec2/nat-gateway has it as NatGatewayAddresses[].AllocationId",
        "ReleaseAddress",
        json!({"AllocationId": address}),
    );
    let pending = aws.ask("CreateRoute", route(&second, "NatGatewayId", &nat));
    assert_eq!(pending.unwrap_err().code, "InvalidNatGatewayID.NotFound");
    pass(100).await;
    aws.did("CreateRoute", route(&second, "NatGatewayId", &nat));

    let (web, db) = (aws.group(&vpc, "web"), aws.group(&vpc, "db"));
    breaks(
        "ec2/security-group: GroupName, VpcId is unique",
        "CreateSecurityGroup",
        json!({"GroupName": "web", "Description": "d", "VpcId": vpc}),
    );
    breaks(
        "ec2/security-group: VpcId must exist",
        "CreateSecurityGroup",
        json!({"GroupName": "web", "Description": "d", "VpcId": "vpc-0"}),
    );
    let open = json!({"GroupId": web, "IpPermissions": rule(443, json!({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}))});
    aws.did("AuthorizeSecurityGroupIngress", open.clone());
    breaks(
        "ec2: a rule exists once in a security group",
        "AuthorizeSecurityGroupIngress",
        open.clone(),
    );
    let mut absent = open.clone();
    absent["IpPermissions"][0]["ToPort"] = json!(444);
    breaks(
        "ec2: a rule that is revoked exists",
        "RevokeSecurityGroupIngress",
        absent,
    );
    let many: Vec<Json> = (0..60)
        .map(|nth| json!({"CidrIp": format!("10.0.{nth}.0/24")}))
        .collect();
    breaks(
        "ec2: a security group has at most 60 rules each way",
        "AuthorizeSecurityGroupIngress",
        json!({"GroupId": web, "IpPermissions": rule(80, json!({"IpRanges": many}))}),
    );
    let from = |group: &str| json!({"GroupId": db, "IpPermissions": rule(3306, json!({"UserIdGroupPairs": [{"GroupId": group}]}))});
    breaks(
        "ec2/security-group-rule: ReferencedGroupInfo.GroupId must exist",
        "AuthorizeSecurityGroupIngress",
        from("sg-0"),
    );
    aws.did("AuthorizeSecurityGroupIngress", from(&web));
    breaks(
        "ec2/security-group: not deleted while a ec2/security-group-rule has it as ReferencedGroupInfo.GroupId",
        "DeleteSecurityGroup",
        json!({"GroupId": web}),
    );
    let groups = aws.did(
        "DescribeSecurityGroups",
        json!({"Filters": [{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [vpc]}]}),
    );
    breaks(
        "ec2: a VPC's default security group is not deleted",
        "DeleteSecurityGroup",
        json!({"GroupId": groups["SecurityGroups"][0]["GroupId"]}),
    );

    let interface = aws.text(
        "CreateNetworkInterface",
        json!({"SubnetId": b, "Groups": [db]}),
        "/NetworkInterface/NetworkInterfaceId",
    );
    breaks(
        "ec2/network-interface: SubnetId must exist",
        "CreateNetworkInterface",
        json!({"SubnetId": "subnet-0"}),
    );
    breaks(
        "ec2/network-interface: Groups[].GroupId must exist",
        "CreateNetworkInterface",
        json!({"SubnetId": b, "Groups": ["sg-0"]}),
    );
    breaks(
        "ec2/subnet: not deleted while a ec2/network-interface has it as SubnetId",
        "DeleteSubnet",
        json!({"SubnetId": b}),
    );
    breaks(
        "ec2/security-group: not deleted while a ec2/network-interface has it as Groups[].GroupId",
        "DeleteSecurityGroup",
        json!({"GroupId": db}),
    );
    breaks(
        "ec2: an address is associated once",
        "AssociateAddress",
        json!({"AllocationId": address, "NetworkInterfaceId": interface}),
    );

    // Laws that show through another of the same code, or in a state instead of a refusal.
    let empty = aws.vpc("10.3.0.0/16");
    let lone = aws.gateway(&empty);
    breaks(
        "ec2/vpc: not deleted while a ec2/internet-gateway has it as Attachments[].VpcId",
        "DeleteVpc",
        json!({"VpcId": empty}),
    );
    assert_eq!(
        aws.ask("DeleteInternetGateway", json!({"InternetGatewayId": lone}))
            .unwrap_err()
            .code,
        "DependencyViolation"
    );
    let idle = aws.text(
        "CreateInternetGateway",
        json!({}),
        "/InternetGateway/InternetGatewayId",
    );
    breaks(
        "ec2/internet-gateway: Attachments[].VpcId must exist",
        "AttachInternetGateway",
        json!({"InternetGatewayId": idle, "VpcId": "vpc-0"}),
    );
    let third = aws.vpc("10.4.0.0/16");
    aws.table(&third);
    breaks(
        "ec2/vpc: not deleted while a ec2/route-table has it as VpcId",
        "DeleteVpc",
        json!({"VpcId": third}),
    );
    let fourth = aws.vpc("10.5.0.0/16");
    aws.group(&fourth, "any");
    breaks(
        "ec2/vpc: not deleted while a ec2/security-group has it as VpcId",
        "DeleteVpc",
        json!({"VpcId": fourth}),
    );
    let options = aws.text(
        "CreateDhcpOptions",
        json!({"DhcpConfigurations": [{"Key": "domain-name", "Values": ["example.com"]}]}),
        "/DhcpOptions/DhcpOptionsId",
    );
    aws.did(
        "AssociateDhcpOptions",
        json!({"DhcpOptionsId": options, "VpcId": fourth}),
    );
    breaks(
        "ec2/dhcp-options: not deleted while a ec2/vpc has it as DhcpOptionsId",
        "DeleteDhcpOptions",
        json!({"DhcpOptionsId": options}),
    );
    let taken = aws.nat(&a, &address);
    pass(20).await;
    let failed =
        aws.did("DescribeNatGateways", json!({"NatGatewayIds": [taken]}))["NatGateways"][0].clone();
    assert_eq!(failed["FailureCode"], "Resource.AlreadyAssociated");

    ec2_networks::break_laws(&aws, &mut book).await;

    // Shown above as states (NAT gateways), in an answer, or never alone: an interface has a subnet that refers to the VPC as well.
    let elsewhere = [
        ec2_networks::SHOWN,
        "ec2: a public NAT gateway needs an internet gateway in its VPC",
        "ec2: a public NAT gateway needs an address of its own",
        "ec2/vpc: not deleted while a ec2/network-interface has it as VpcId",
        "ec2/security-group: not deleted while a ec2/security-group-rule has it as GroupId",
    ];
    let elsewhere = [&elsewhere[..], crate::instances::LAWS].concat();
    book.is_complete(&["ec2"], &elsewhere);
}

/// Deleting a NAT gateway takes time; its address, interface and subnet are free only then.
#[tokio::test(start_paused = true)]
async fn a_nat_gateway_lets_go_when_it_is_deleted() {
    let aws = Aws::new();
    let vpc = aws.vpc("10.0.0.0/16");
    let subnet = aws.subnet(&vpc, "10.0.0.0/24");
    aws.gateway(&vpc);
    let address = aws.address();
    let nat = aws.nat(&subnet, &address);
    let table = aws.table(&vpc);
    assert_eq!(aws.nat_state(&nat), "pending");
    pass(91).await;
    assert_eq!(aws.nat_state(&nat), "available");
    aws.did(
        "CreateRoute",
        json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": nat}),
    );
    aws.did("DeleteNatGateway", json!({"NatGatewayId": nat}));
    assert_eq!(aws.nat_state(&nat), "deleting");
    let release = || aws.ask("ReleaseAddress", json!({"AllocationId": address}));
    assert_eq!(release().unwrap_err().code, "InvalidIPAddress.InUse");
    pass(60).await;
    assert_eq!(aws.nat_state(&nat), "deleted");
    let routes = aws.did("DescribeRouteTables", json!({"RouteTableIds": [table]}));
    assert_eq!(routes["RouteTables"][0]["Routes"][1]["State"], "blackhole");
    release().unwrap();
    aws.did("DeleteSubnet", json!({"SubnetId": subnet}));
    pass(3700).await;
    let gone = aws.ask("DescribeNatGateways", json!({"NatGatewayIds": [nat]}));
    assert_eq!(gone.unwrap_err().code, "NatGatewayNotFound");
}

/// The same token gives the first answer; with other parameters it is refused.
#[tokio::test(start_paused = true)]
async fn tokens_are_remembered() {
    let aws = Aws::new();
    let vpc = aws.vpc("10.0.0.0/16");
    let make = |tag: &str| {
        let tags =
            json!([{"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": tag}]}]);
        let input = json!({"VpcId": vpc, "ClientToken": "t", "TagSpecifications": tags});
        aws.ask("CreateRouteTable", input)
    };
    let first = make("a").unwrap();
    assert_eq!(make("a").unwrap(), first);
    assert_eq!(make("b").unwrap_err().code, "IdempotentParameterMismatch");
}

/// Identifiers come from what is asked for: in whatever order it is asked.
#[tokio::test(start_paused = true)]
async fn identifiers_do_not_depend_on_order() {
    let blocks = ["10.0.0.0/16", "10.1.0.0/16", "10.0.0.0/16"];
    let ids = |order: &[usize]| -> BTreeSet<String> {
        let aws = Aws::new();
        order.iter().map(|at| aws.vpc(blocks[*at])).collect()
    };
    assert_eq!(ids(&[0, 1, 2]), ids(&[2, 1, 0]));
    assert_eq!(ids(&[0, 1, 2]).len(), 3);
}

/// What was saved is there again, with its references and its timeline.
#[tokio::test(start_paused = true)]
async fn a_snapshot_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sandbox/aws.json");
    let open = || {
        let clock = Clock::starting_at(SystemTime::now(), 1.0);
        Aws(Client::to(Sandbox::open(&file, clock).unwrap(), "ec2"))
    };
    let aws = open();
    let vpc = aws.vpc("10.0.0.0/16");
    let subnet = aws.subnet(&vpc, "10.0.0.0/24");
    let input = json!({"SubnetId": subnet, "ConnectivityType": "private"});
    let nat = aws.text("CreateNatGateway", input, "/NatGateway/NatGatewayId");
    aws.sandbox.save().unwrap();
    let before = aws.sandbox.dump();

    let again = open();
    assert_eq!(again.sandbox.dump()["records"], before["records"]);
    assert_eq!(again.nat_state(&nat), "pending");
    assert_eq!(
        again
            .ask("DeleteSubnet", json!({"SubnetId": subnet}))
            .unwrap_err()
            .code,
        "DependencyViolation"
    );
    pass(100).await;
    assert_eq!(again.nat_state(&nat), "available");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(&file, "{").unwrap();
    let corrupt = Sandbox::open(&file, Clock::real()).unwrap_err();
    assert!(corrupt.to_string().contains("payctl sandbox reset"));
}

/// Regions and accounts know nothing of each other, and give no identifier twice.
#[tokio::test(start_paused = true)]
async fn regions_and_accounts_are_apart() {
    let aws = Aws::new();
    let make = |key: &str, region: &str| {
        let answer = aws
            .sandbox
            .invoke(
                key,
                region,
                "ec2",
                "CreateVpc",
                json!({"CidrBlock": "10.0.0.0/16"}),
            )
            .unwrap();
        answer["Vpc"]["VpcId"].as_str().unwrap().to_owned()
    };
    let ids = BTreeSet::from([
        make("key", "eu-west-1"),
        make("key", "us-east-1"),
        make("111122223333", "eu-west-1"),
    ]);
    assert_eq!(ids.len(), 3);
    let seen = aws.did("DescribeVpcs", json!({}));
    assert_eq!(seen["Vpcs"].as_array().unwrap().len(), 1);
}

/// Nothing is left of a VPC when its parts are gone.
#[tokio::test(start_paused = true)]
async fn a_vpc_takes_its_parts_with_it() {
    let aws = Aws::new();
    let vpc = aws.vpc("10.0.0.0/16");
    aws.did("DeleteVpc", json!({"VpcId": vpc}));
    assert_eq!(aws.sandbox.dump()["records"], json!([]));
}

/// What is not simulated says so.
#[tokio::test(start_paused = true)]
async fn unknown_operations_are_named() {
    let aws = Aws::new();
    let refusal = aws
        .ask("CreateCapacityReservationFleet", json!({}))
        .unwrap_err();
    assert_eq!(
        (refusal.code.as_str(), refusal.status),
        ("NotImplemented", 501)
    );
    assert!(
        refusal
            .message
            .contains("CreateCapacityReservationFleet of ec2")
    );
}

/// The in-process door: a signed query goes in, EC2's XML comes out.
#[tokio::test(start_paused = true)]
async fn the_door_speaks_http() {
    let aws = Aws::new();
    let ask = |body: &'static str| {
        let scope = "AWS4-HMAC-SHA256 Credential=AK/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
        let request = http::Request::post("https://ec2.eu-west-1.amazonaws.com/")
            .header("authorization", scope)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(bytes::Bytes::from_static(body.as_bytes()))
            .unwrap();
        aws.sandbox.handle(request)
    };
    let made = ask("Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0%2F16").await;
    let body = String::from_utf8(made.body().to_vec()).unwrap();
    assert_eq!(made.status(), 200, "{body}");
    assert!(
        body.contains("<cidrBlock>10.0.0.0/16</cidrBlock>"),
        "{body}"
    );
    let refused = ask("Action=DeleteVpc&Version=2016-11-15&VpcId=vpc-0").await;
    let body = String::from_utf8(refused.body().to_vec()).unwrap();
    assert_eq!(refused.status(), 400);
    assert!(
        body.contains("<Code>InvalidVpcID.NotFound</Code>"),
        "{body}"
    );
}
