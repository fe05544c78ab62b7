//! Instances and what belongs to them in the simulated AWS: made, read back as declared, found again, changed in place and deleted.

use payctl_resources::Status;
use serde_json::{Value as Json, json};

use crate::trip::{Made, Trip};

fn tags(pairs: &[(&str, &str)]) -> Json {
    pairs
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

/// A VPC with a gateway, a subnet and two groups.
struct Network {
    trip: Trip,
    vpc: String,
    subnet: String,
    /// How its IPv6 addresses begin.
    six: String,
    groups: [String; 2],
}

impl Network {
    fn new() -> Network {
        let trip = Trip::new();
        let text = |answer: Json, path: &str| {
            let found = answer.pointer(path).and_then(Json::as_str);
            found.expect(path).to_owned()
        };
        let did = |operation: &str, input: Json, path: &str| {
            text(trip.did("ec2", operation, input), path)
        };
        let range = json!({"CidrBlock": "10.0.0.0/16", "AmazonProvidedIpv6CidrBlock": true});
        let made = trip.did("ec2", "CreateVpc", range)["Vpc"].clone();
        let vpc = text(made, "/VpcId");
        let gateway = did(
            "CreateInternetGateway",
            json!({}),
            "/InternetGateway/InternetGatewayId",
        );
        trip.did(
            "ec2",
            "AttachInternetGateway",
            json!({"InternetGatewayId": gateway, "VpcId": vpc}),
        );
        let subnet =
            json!({"VpcId": vpc, "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "us-east-1a"});
        let subnet = did("CreateSubnet", subnet, "/Subnet/SubnetId");
        let of_vpc = trip.did("ec2", "DescribeVpcs", json!({"VpcIds": [vpc]}));
        let range = text(
            of_vpc,
            "/Vpcs/0/Ipv6CidrBlockAssociationSet/0/Ipv6CidrBlock",
        );
        let six = range.trim_end_matches("::/56").to_owned();
        let ipv6 = json!({"SubnetId": subnet, "Ipv6CidrBlock": format!("{six}::/64")});
        trip.did("ec2", "AssociateSubnetCidrBlock", ipv6);
        let groups = ["web", "ops"].map(|name| {
            let input = json!({"GroupName": name, "Description": name, "VpcId": vpc});
            did("CreateSecurityGroup", input, "/GroupId")
        });
        Network {
            trip,
            vpc,
            subnet,
            six,
            groups,
        }
    }

    async fn profile(&self, name: &str) {
        let iam = |operation: &str, input: Json| self.trip.did("iam", operation, input);
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
        iam(
            "CreateRole",
            json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()}),
        );
        iam(
            "CreateInstanceProfile",
            json!({"InstanceProfileName": name}),
        );
        iam(
            "AddRoleToInstanceProfile",
            json!({"InstanceProfileName": name, "RoleName": name}),
        );
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.trip.aws.calls.lock().expect("no test panics with it"))
    }

    fn told(&self, made: &Made) -> Json {
        let input = json!({"InstanceIds": [made.id.as_str()]});
        self.trip.did("ec2", "DescribeInstances", input)["Reservations"][0]["Instances"][0].clone()
    }

    async fn attribute(&self, made: &Made, name: &str) -> Json {
        let live = self.trip.ready(made).await;
        let value = live
            .model
            .at(&name.into())
            .and_then(payctl_model::Value::expose_json);
        value.unwrap_or_default()
    }
}

#[tokio::test(start_paused = true)]
async fn network_interfaces() {
    let network = Network::new();
    let trip = &network.trip;
    let [web, ops] = &network.groups;
    let mut interface = trip
        .make("AWS::EC2::NetworkInterface", json!({
            "SubnetId": network.subnet, "Description": "of the card switch", "GroupSet": [web], "SourceDestCheck": false,
            "InterfaceType": "interface", "PrivateIpAddress": "10.0.1.20", "SecondaryPrivateIpAddressCount": 2, "Ipv4PrefixCount": 1,
            "Ipv6AddressCount": 1, "EnablePrimaryIpv6": true, "ConnectionTrackingSpecification": {"TcpEstablishedTimeout": 600},
            "PublicIpDnsHostnameTypeSpecification": "public-ipv4-dns-name", "Tags": tags(&[("a", "1")]),
        }))
        .await;
    assert_eq!(
        network
            .attribute(&interface, "PrimaryPrivateIpAddress")
            .await,
        "10.0.1.20"
    );
    assert_eq!(
        network.attribute(&interface, "VpcId").await,
        network.vpc.as_str()
    );
    let chosen = network
        .attribute(&interface, "SecondaryPrivateIpAddresses")
        .await;
    assert_eq!(chosen.as_array().map(Vec::len), Some(2));
    trip.change(
        &mut interface,
        json!({
            "SubnetId": network.subnet, "Description": "of the switch", "GroupSet": [web, ops], "SourceDestCheck": true,
            "InterfaceType": "interface", "PrivateIpAddress": "10.0.1.20", "SecondaryPrivateIpAddressCount": 1, "Ipv4PrefixCount": 2,
            "Ipv6AddressCount": 2, "EnablePrimaryIpv6": true,
            "ConnectionTrackingSpecification": {"TcpEstablishedTimeout": 700, "UdpTimeout": 45},
            "PublicIpDnsHostnameTypeSpecification": "public-ipv6-dns-name", "Tags": tags(&[("a", "2"), ("b", "1")]),
        }),
        &[
            "Description", "GroupSet", "SourceDestCheck", "SecondaryPrivateIpAddressCount", "Ipv4PrefixCount", "Ipv6AddressCount",
            "ConnectionTrackingSpecification", "PublicIpDnsHostnameTypeSpecification", "Tags",
        ],
    )
    .await;
    // What AWS chose is kept.
    let kept = network
        .attribute(&interface, "SecondaryPrivateIpAddresses")
        .await;
    assert_eq!(kept, json!([chosen[0]]));
    // By list from now on, and what is declared no more goes back to AWS's defaults.
    let address =
        |address: &str, primary: bool| json!({"PrivateIpAddress": address, "Primary": primary});
    trip.change(
        &mut interface,
        json!({
            "SubnetId": network.subnet, "GroupSet": [ops], "InterfaceType": "interface", "PrivateIpAddress": "10.0.1.20",
            "PrivateIpAddresses": [address("10.0.1.20", true), address("10.0.1.31", false), address("10.0.1.32", false)],
            "Ipv6Addresses": [{"Ipv6Address": format!("{}::9", network.six)}], "EnablePrimaryIpv6": true,
        }),
        &[
            "Description", "GroupSet", "SourceDestCheck", "PrivateIpAddresses", "SecondaryPrivateIpAddressCount", "Ipv4PrefixCount",
            "Ipv6AddressCount", "Ipv6Addresses", "ConnectionTrackingSpecification", "Tags",
        ],
    )
    .await;
    let all = network
        .attribute(&interface, "SecondaryPrivateIpAddresses")
        .await;
    assert_eq!(all, json!(["10.0.1.31", "10.0.1.32"]));
    assert_eq!(network.attribute(&interface, "Description").await, "");
    trip.delete(&interface).await;
}

#[tokio::test(start_paused = true)]
async fn launch_templates() {
    let network = Network::new();
    let trip = &network.trip;
    let data = |kind: &str| {
        json!({
            "ImageId": "ami-0abcdef1234567890", "InstanceType": kind, "KeyName": "ops", "EbsOptimized": true, "DisableApiStop": true,
            "IamInstanceProfile": {"Name": "card-switch"}, "Monitoring": {"Enabled": true}, "UserData": "IyEvYmluL3NoCg==",
            "BlockDeviceMappings": [
                {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "VolumeType": "gp3", "Throughput": 250, "Encrypted": true}},
                {"DeviceName": "/dev/sdb", "NoDevice": ""},
            ],
            "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 2}, "CreditSpecification": {"CpuCredits": "unlimited"},
            "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 2, "InstanceMetadataTags": "enabled"},
            "NetworkInterfaces": [{
                "DeviceIndex": 0, "Groups": [network.groups[0]], "SubnetId": network.subnet, "AssociatePublicIpAddress": false,
                "Ipv6Addresses": [{"Ipv6Address": "2600:1f18:1:100::5"}],
                "ConnectionTrackingSpecification": {"UdpTimeout": 40},
            }],
            "InstanceMarketOptions": {"MarketType": "spot", "SpotOptions": {"MaxPrice": "0.05", "ValidUntil": "2030-01-02T03:04:05Z"}},
            "Placement": {"Tenancy": "default", "GroupName": "close"}, "PrivateDnsNameOptions": {"HostnameType": "resource-name"},
            "TagSpecifications": [{"ResourceType": "instance", "Tags": tags(&[("role", "switch")])}],
            "MaintenanceOptions": {"AutoRecovery": "default"}, "HibernationOptions": {"Configured": false},
        })
    };
    let own =
        |pairs: &[(&str, &str)]| json!([{"ResourceType": "launch-template", "Tags": tags(pairs)}]);
    let mut template = trip
        .make("AWS::EC2::LaunchTemplate", json!({
            "LaunchTemplateData": data("t3.micro"), "VersionDescription": "first", "TagSpecifications": own(&[("team", "cards")]),
        }))
        .await;
    assert_eq!(
        network.attribute(&template, "LatestVersionNumber").await,
        "1"
    );
    trip.change(
        &mut template,
        json!({
            "LaunchTemplateData": data("t3.small"), "VersionDescription": "second", "TagSpecifications": own(&[("team", "cards"), ("tier", "1")]),
        }),
        &["LaunchTemplateData", "VersionDescription", "TagSpecifications"],
    )
    .await;
    assert_eq!(
        network.attribute(&template, "LatestVersionNumber").await,
        "2"
    );
    assert_eq!(
        network.attribute(&template, "DefaultVersionNumber").await,
        "1"
    );
    // What leaves the data leaves the next version; tags alone make none.
    let mut less = data("t3.small");
    less.as_object_mut().expect("data").remove("KeyName");
    trip.change(
        &mut template,
        json!({"LaunchTemplateData": less, "TagSpecifications": own(&[("team", "cards")])}),
        &[
            "LaunchTemplateData",
            "VersionDescription",
            "TagSpecifications",
        ],
    )
    .await;
    assert_eq!(
        network.attribute(&template, "LatestVersionNumber").await,
        "3"
    );
    trip.change(
        &mut template,
        json!({"LaunchTemplateData": less, "TagSpecifications": own(&[("team", "ledger")])}),
        &["TagSpecifications"],
    )
    .await;
    assert_eq!(
        network.attribute(&template, "LatestVersionNumber").await,
        "3"
    );
    assert_eq!(
        network
            .attribute(&template, "LaunchTemplateData.KeyName")
            .await,
        Json::Null
    );
    trip.delete(&template).await;
}

#[tokio::test(start_paused = true)]
async fn instances_change_in_place() {
    let network = Network::new();
    let trip = &network.trip;
    let [web, ops] = &network.groups;
    network.profile("card-switch").await;
    network.profile("ledger").await;
    let device = |size: u32, deleted: bool| {
        json!([
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": size, "VolumeType": "gp3", "Encrypted": true, "DeleteOnTermination": deleted}},
            {"DeviceName": "/dev/sdb", "NoDevice": {}},
        ])
    };
    let volume = json!({"AvailabilityZone": "us-east-1a", "Size": 5});
    let volume = trip.did("ec2", "CreateVolume", volume)["VolumeId"].clone();
    let first = json!({
        "ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.micro", "SubnetId": network.subnet, "SecurityGroupIds": [web],
        "AvailabilityZone": "us-east-1a", "BlockDeviceMappings": device(8, true), "CreditSpecification": {"CPUCredits": "standard"},
        "DisableApiTermination": true, "EbsOptimized": false, "IamInstanceProfile": "card-switch", "KeyName": "ops",
        "InstanceInitiatedShutdownBehavior": "stop", "Monitoring": true, "PrivateIpAddress": "10.0.1.9", "SourceDestCheck": false,
        "MetadataOptions": {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}, "Tenancy": "default",
        "PrivateDnsNameOptions": {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": false}, "PropagateTagsToVolumeOnCreation": true,
        "CpuOptions": {"CoreCount": 1, "ThreadsPerCore": 1}, "UserData": "IyEvYmluL3NoCg==", "Tags": tags(&[("role", "switch")]),
        "Volumes": [{"Device": "/dev/sdf", "VolumeId": volume}],
        "SsmAssociations": [{"DocumentName": "AWS-RunPatchBaseline", "AssociationParameters": [{"Key": "Operation", "Value": ["Scan"]}]}],
    });
    let mut instance = trip.make("AWS::EC2::Instance", first.clone()).await;
    let told = network.told(&instance);
    assert_eq!(told["SourceDestCheck"], false);
    assert_eq!(network.attribute(&instance, "PrivateIp").await, "10.0.1.9");
    assert_eq!(network.attribute(&instance, "State.Name").await, "running");
    assert_eq!(
        network.attribute(&instance, "VpcId").await,
        network.vpc.as_str()
    );
    let root = told["BlockDeviceMappings"][0]["Ebs"]["VolumeId"].clone();
    let found = trip.did("ec2", "DescribeVolumes", json!({"VolumeIds": [root]}));
    // The instance's tags, but not whose it is.
    assert_eq!(found["Volumes"][0]["Tags"], tags(&[("role", "switch")]));
    // What changes while it runs: it is never stopped for it.
    network.calls();
    let mut second = first.clone();
    for (name, value) in [
        ("SecurityGroupIds", json!([web, ops])),
        ("BlockDeviceMappings", device(8, false)),
        ("CreditSpecification", json!({"CPUCredits": "unlimited"})),
        ("DisableApiTermination", json!(false)),
        ("IamInstanceProfile", json!("ledger")),
        ("InstanceInitiatedShutdownBehavior", json!("terminate")),
        ("Monitoring", json!(false)),
        ("SourceDestCheck", json!(true)),
        (
            "MetadataOptions",
            json!({"HttpTokens": "optional", "HttpPutResponseHopLimit": 3}),
        ),
        ("Tags", tags(&[("role", "ledger")])),
        ("Volumes", json!([])),
        (
            "SsmAssociations",
            json!([{"DocumentName": "AWS-UpdateSSMAgent"}]),
        ),
    ] {
        second[name] = value;
    }
    trip.change(
        &mut instance,
        second.clone(),
        &[
            "SecurityGroupIds",
            "BlockDeviceMappings",
            "CreditSpecification",
            "DisableApiTermination",
            "IamInstanceProfile",
            "InstanceInitiatedShutdownBehavior",
            "Monitoring",
            "SourceDestCheck",
            "MetadataOptions",
            "Tags",
            "Volumes",
            "SsmAssociations",
        ],
    )
    .await;
    assert!(!network.calls().contains(&"ec2:StopInstances".to_owned()));
    // What only a stopped one takes: stopped once, started again.
    let mut third = second.clone();
    for (name, value) in [
        ("InstanceType", json!("t3.large")),
        ("EbsOptimized", json!(true)),
        ("UserData", json!("IyEvYmluL2Jhc2gK")),
        (
            "PrivateDnsNameOptions",
            json!({"HostnameType": "resource-name", "EnableResourceNameDnsARecord": true}),
        ),
    ] {
        third[name] = value;
    }
    trip.change(
        &mut instance,
        third.clone(),
        &[
            "InstanceType",
            "EbsOptimized",
            "UserData",
            "PrivateDnsNameOptions",
        ],
    )
    .await;
    let calls = network.calls();
    let count = |name: &str| {
        calls
            .iter()
            .filter(|call| **call == format!("ec2:{name}"))
            .count()
    };
    assert_eq!(
        (count("StopInstances"), count("StartInstances")),
        (1, 1),
        "{calls:?}"
    );
    let told = network.told(&instance);
    assert_eq!(told["State"]["Name"], "running");
    assert!(
        !told["Tags"].to_string().contains("payctl:stopped-for"),
        "{told}"
    );
    // What DNS answers changes while it runs.
    third["PrivateDnsNameOptions"]["EnableResourceNameDnsARecord"] = false.into();
    trip.change(&mut instance, third.clone(), &["PrivateDnsNameOptions"])
        .await;
    assert!(!network.calls().contains(&"ec2:StopInstances".to_owned()));
    // Who stopped it by hand finds it stopped.
    trip.did(
        "ec2",
        "StopInstances",
        json!({"InstanceIds": [instance.id.as_str()]}),
    );
    trip.context
        .clock()
        .sleep(std::time::Duration::from_secs(60))
        .await;
    third["InstanceType"] = "t3.xlarge".into();
    trip.change(&mut instance, third.clone(), &["InstanceType"])
        .await;
    assert_eq!(network.told(&instance)["State"]["Name"], "stopped");
    // A profile of a stopped instance, and none at all.
    third["IamInstanceProfile"] = "card-switch".into();
    trip.change(&mut instance, third.clone(), &["IamInstanceProfile"])
        .await;
    third
        .as_object_mut()
        .expect("properties")
        .remove("IamInstanceProfile");
    trip.change(&mut instance, third.clone(), &["IamInstanceProfile"])
        .await;
    trip.delete(&instance).await;
    let left = trip.did("ec2", "DescribeVolumes", json!({"VolumeIds": [root]}));
    assert_eq!(left["Volumes"][0]["State"], "available");
}

/// A run that was cut off between stop and start is completed by the next one.
#[tokio::test(start_paused = true)]
async fn an_instance_that_was_left_stopped_is_started_again() {
    let network = Network::new();
    let trip = &network.trip;
    let properties = |kind: &str| json!({"ImageId": "ami-0abcdef1234567890", "InstanceType": kind, "SubnetId": network.subnet, "UserData": "IyEvYmluL3NoCg=="});
    let mut instance = trip
        .make("AWS::EC2::Instance", properties("t3.micro"))
        .await;
    let id = instance.id.as_str().to_owned();
    let did = |operation: &str, input: Json| trip.did("ec2", operation, input);
    let tag = json!([{"Key": "payctl:stopped-for", "Value": "InstanceType"}]);
    did("CreateTags", json!({"Resources": [id], "Tags": tag}));
    did("StopInstances", json!({"InstanceIds": [id]}));
    trip.context
        .clock()
        .sleep(std::time::Duration::from_secs(60))
        .await;
    did(
        "ModifyInstanceAttribute",
        json!({"InstanceId": id, "InstanceType": {"Value": "t3.small"}}),
    );
    trip.change(&mut instance, properties("t3.small"), &["InstanceType"])
        .await;
    assert_eq!(network.told(&instance)["State"]["Name"], "running");
    trip.delete(&instance).await;
}

#[tokio::test(start_paused = true)]
async fn addresses_of_instances() {
    let network = Network::new();
    let trip = &network.trip;
    let instance = trip
        .make("AWS::EC2::Instance", json!({
            "ImageId": "ami-0abcdef1234567890", "InstanceType": "m7g.large",
            "NetworkInterfaces": [
                {"DeviceIndex": "1", "SubnetId": network.subnet, "Description": "second", "DeleteOnTermination": true},
                {"DeviceIndex": "0", "SubnetId": network.subnet, "GroupSet": [network.groups[0]], "AssociatePublicIpAddress": false,
                 "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.1.40", "Primary": true}, {"PrivateIpAddress": "10.0.1.41", "Primary": false}]},
            ],
        }))
        .await;
    let told = network.told(&instance);
    let primary = told["NetworkInterfaces"][0]["NetworkInterfaceId"].clone();
    let address = trip.did("ec2", "AllocateAddress", json!({}));
    let allocation = address["AllocationId"].clone();
    let association = trip
        .make("AWS::EC2::EIPAssociation", json!({
            "AllocationId": allocation, "NetworkInterfaceId": primary, "PrivateIpAddress": "10.0.1.41",
        }))
        .await;
    assert_eq!(
        network.attribute(&association, "InstanceId").await,
        instance.id.as_str()
    );
    assert_eq!(
        network.attribute(&association, "EIP").await,
        address["PublicIp"]
    );
    trip.delete(&association).await;
    trip.delete(&instance).await;
}

#[tokio::test(start_paused = true)]
async fn an_address_of_an_instance_with_one_interface() {
    let network = Network::new();
    let trip = &network.trip;
    let address = trip.did("ec2", "AllocateAddress", json!({}));
    let single = trip
        .make("AWS::EC2::Instance", json!({
            "ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.micro", "SubnetId": network.subnet,
        }))
        .await;
    let association = trip
        .make(
            "AWS::EC2::EIPAssociation",
            json!({"EIP": address["PublicIp"], "InstanceId": single.id.as_str()}),
        )
        .await;
    assert_eq!(
        network.attribute(&single, "PublicIp").await,
        address["PublicIp"]
    );
    trip.delete(&association).await;
    trip.delete(&single).await;
    let observed = trip.observe(&single).await.expect("seen for an hour");
    assert_eq!(observed.status, Status::Gone);
}

/// A NAT gateway has an allocation, whose tags are not its own.
#[tokio::test(start_paused = true)]
async fn tags_of_a_nat_gateway_are_its_own() {
    let network = Network::new();
    let trip = &network.trip;
    let allocation = trip.did("ec2", "AllocateAddress", json!({}))["AllocationId"].clone();
    let properties = |value: &str| json!({"SubnetId": network.subnet, "AllocationId": allocation, "Tags": tags(&[("team", value)])});
    let mut nat = trip.make("AWS::EC2::NatGateway", properties("cards")).await;
    trip.change(&mut nat, properties("ledger"), &["Tags"]).await;
    let found = trip.did(
        "ec2",
        "DescribeAddresses",
        json!({"AllocationIds": [allocation]}),
    );
    assert_eq!(
        found["Addresses"][0]
            .get("Tags")
            .cloned()
            .unwrap_or(json!([])),
        json!([])
    );
    trip.delete(&nat).await;
}
