//! Instances, launch templates, volumes and interfaces as a client sees them.

use serde_json::{Value as Json, json};
use std::ops::Deref;

use crate::support::{Client, LawBook, pass};

/// The laws that are broken here.
pub(crate) const LAWS: &[&str] = &[
    "ec2: a launch template is named by identifier or by name",
    "ec2: a protected instance is not terminated",
    "ec2: a volume in use is not attached again",
    "ec2: a volume is attached to a running or stopped instance",
    "ec2: a volume is attached to an instance of its zone",
    "ec2: an address is associated in a VPC with an internet gateway",
    "ec2: an address is associated with an instance of one interface",
    "ec2: an address is not associated with an instance that is pending",
    "ec2: an image is there in its region only",
    "ec2: an instance has one instance profile",
    "ec2: an instance profile is known to EC2",
    "ec2: an instance type runs images for its processor",
    "ec2: an instance's tenancy changes from dedicated to host only",
    "ec2: groups and checks of an instance with several interfaces are the interfaces'",
    "ec2: network interfaces stand instead of subnet and groups",
    "ec2: one attribute of an instance is changed by a call",
    "ec2: the default version of a launch template is not deleted",
    "ec2: the primary address of an interface is not unassigned",
    "ec2: type, user data and the like change of a stopped instance only",
    "ec2: versions of all launch templates are the latest or the default ones",
    "ec2/launch-template: LaunchTemplateName is unique",
];

const IMAGE: &str = "ami-0abcdef1234567890";

struct Aws {
    client: Client,
    vpc: String,
    subnet: String,
}

impl Deref for Aws {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Aws {
    fn new() -> Aws {
        let client = Client::of("ec2");
        let vpc = client.text(
            "CreateVpc",
            json!({"CidrBlock": "10.0.0.0/16"}),
            "/Vpc/VpcId",
        );
        let subnet =
            json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24", "AvailabilityZone": "eu-west-1a"});
        let subnet = client.text("CreateSubnet", subnet, "/Subnet/SubnetId");
        Aws {
            client,
            vpc,
            subnet,
        }
    }

    fn gateway(&self) {
        let gateway = self.text(
            "CreateInternetGateway",
            json!({}),
            "/InternetGateway/InternetGatewayId",
        );
        let input = json!({"InternetGatewayId": gateway, "VpcId": self.vpc});
        self.did("AttachInternetGateway", input);
    }

    /// What RunInstances is asked, with these members besides.
    fn launch(&self, more: Json) -> Json {
        let mut input = json!({"ImageId": IMAGE, "InstanceType": "t3.micro", "SubnetId": self.subnet, "MinCount": 1, "MaxCount": 1});
        for (name, value) in more.as_object().into_iter().flatten() {
            match value.is_null() {
                true => drop(input.as_object_mut().and_then(|input| input.remove(name))),
                false => input[name] = value.clone(),
            }
        }
        input
    }

    fn run(&self, more: Json) -> String {
        self.text("RunInstances", self.launch(more), "/Instances/0/InstanceId")
    }

    fn told(&self, id: &str) -> Json {
        let answer = self.did("DescribeInstances", json!({"InstanceIds": [id]}));
        answer["Reservations"][0]["Instances"][0].clone()
    }

    fn state(&self, id: &str) -> Json {
        self.told(id)["State"]["Name"].clone()
    }
}

#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Aws::new();
    let mut book = LawBook::new(&aws);
    let launch = |more: Json| aws.launch(more);
    let (arm, elsewhere) = {
        let parameter = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64";
        let asked = |region: &str| {
            let input = json!({"Name": parameter});
            let answer = aws
                .sandbox
                .invoke("key", region, "ssm", "GetParameter", input);
            answer.expect("a public parameter")["Parameter"]["Value"].clone()
        };
        (asked("eu-west-1"), asked("us-east-1"))
    };
    book.breaks(
        "ec2: an image is there in its region only",
        "RunInstances",
        launch(json!({"ImageId": elsewhere})),
    );
    book.breaks(
        "ec2: an instance type runs images for its processor",
        "RunInstances",
        launch(json!({"ImageId": arm})),
    );
    book.breaks(
        "ec2: network interfaces stand instead of subnet and groups",
        "RunInstances",
        launch(json!({"NetworkInterfaces": [{"DeviceIndex": 0}]})),
    );
    // A profile is not known at once, and only one at an instance.
    aws.did(
        "iam:CreateInstanceProfile",
        json!({"InstanceProfileName": "web"}),
    );
    let profile = json!({"Name": "web"});
    book.breaks(
        "ec2: an instance profile is known to EC2",
        "RunInstances",
        launch(json!({"IamInstanceProfile": profile})),
    );
    pass(10).await;
    let instance = aws.run(json!({"IamInstanceProfile": profile}));
    let associates = json!({"IamInstanceProfile": profile, "InstanceId": instance});
    book.breaks(
        "ec2: an instance has one instance profile",
        "AssociateIamInstanceProfile",
        associates,
    );
    // Volumes.
    let volume = |zone: &str| {
        aws.text(
            "CreateVolume",
            json!({"AvailabilityZone": zone, "Size": 1}),
            "/VolumeId",
        )
    };
    let (near, far) = (volume("eu-west-1a"), volume("eu-west-1b"));
    pass(5).await;
    let attach = |volume: &str, device: &str| json!({"InstanceId": instance, "VolumeId": volume, "Device": device});
    book.breaks(
        "ec2: a volume is attached to a running or stopped instance",
        "AttachVolume",
        attach(&near, "/dev/sdf"),
    );
    // Addresses.
    let address = aws.text("AllocateAddress", json!({}), "/AllocationId");
    let associate = |id: &str| json!({"AllocationId": address, "InstanceId": id});
    book.breaks(
        "ec2: an address is not associated with an instance that is pending",
        "AssociateAddress",
        associate(&instance),
    );
    pass(60).await;
    book.breaks(
        "ec2: an address is associated in a VPC with an internet gateway",
        "AssociateAddress",
        associate(&instance),
    );
    aws.gateway();
    aws.did("AttachVolume", attach(&near, "/dev/sdf"));
    book.breaks(
        "ec2: a volume in use is not attached again",
        "AttachVolume",
        attach(&near, "/dev/sdg"),
    );
    book.breaks(
        "ec2: a volume is attached to an instance of its zone",
        "AttachVolume",
        attach(&far, "/dev/sdg"),
    );
    let listed = |index: u32| json!({"DeviceIndex": index, "SubnetId": aws.subnet});
    let both = aws.run(json!({"SubnetId": null, "NetworkInterfaces": [listed(0), listed(1)]}));
    let large = aws.run(json!({"InstanceType": "m5.large", "DisableApiTermination": true}));
    pass(60).await;
    book.breaks(
        "ec2: an address is associated with an instance of one interface",
        "AssociateAddress",
        associate(&both),
    );
    // What changes when.
    let attribute =
        |id: &str, member: &str, value: Json| json!({"InstanceId": id, member: {"Value": value}});
    book.breaks(
        "ec2: groups and checks of an instance with several interfaces are the interfaces'",
        "ModifyInstanceAttribute",
        attribute(&both, "SourceDestCheck", false.into()),
    );
    book.breaks(
        "ec2: type, user data and the like change of a stopped instance only",
        "ModifyInstanceAttribute",
        attribute(&instance, "InstanceType", "t3.small".into()),
    );
    let mut two = attribute(&instance, "InstanceType", "t3.small".into());
    two["EbsOptimized"] = json!({"Value": true});
    book.breaks(
        "ec2: one attribute of an instance is changed by a call",
        "ModifyInstanceAttribute",
        two,
    );
    // What is refused stands in an answer that is no refusal.
    let credits =
        json!({"InstanceCreditSpecifications": [{"InstanceId": large, "CpuCredits": "unlimited"}]});
    let answer = aws.did("ModifyInstanceCreditSpecification", credits);
    assert_eq!(
        answer["UnsuccessfulInstanceCreditSpecifications"][0]["Error"]["Code"],
        "InstanceCreditSpecification.NotSupported"
    );
    book.breaks(
        "ec2: a protected instance is not terminated",
        "TerminateInstances",
        json!({"InstanceIds": [large]}),
    );
    aws.did("StopInstances", json!({"InstanceIds": [large]}));
    pass(60).await;
    let host = json!({"InstanceId": large, "Tenancy": "host"});
    book.breaks(
        "ec2: an instance's tenancy changes from dedicated to host only",
        "ModifyInstancePlacement",
        host,
    );
    // Interfaces.
    let interface = json!({"SubnetId": aws.subnet, "PrivateIpAddress": "10.0.0.77"});
    let interface = aws.text(
        "CreateNetworkInterface",
        interface,
        "/NetworkInterface/NetworkInterfaceId",
    );
    let primary = json!({"NetworkInterfaceId": interface, "PrivateIpAddresses": ["10.0.0.77"]});
    book.breaks(
        "ec2: the primary address of an interface is not unassigned",
        "UnassignPrivateIpAddresses",
        primary,
    );
    // Launch templates.
    let template =
        json!({"LaunchTemplateName": "web", "LaunchTemplateData": {"InstanceType": "t3.micro"}});
    let id = aws.text(
        "CreateLaunchTemplate",
        template.clone(),
        "/LaunchTemplate/LaunchTemplateId",
    );
    book.breaks(
        "ec2/launch-template: LaunchTemplateName is unique",
        "CreateLaunchTemplate",
        template,
    );
    let named =
        json!({"LaunchTemplateId": id, "LaunchTemplateName": "web", "LaunchTemplateData": {}});
    book.breaks(
        "ec2: a launch template is named by identifier or by name",
        "CreateLaunchTemplateVersion",
        named,
    );
    let default = json!({"LaunchTemplateId": id, "Versions": ["1"]});
    book.breaks(
        "ec2: the default version of a launch template is not deleted",
        "DeleteLaunchTemplateVersions",
        default,
    );
    book.breaks(
        "ec2: versions of all launch templates are the latest or the default ones",
        "DescribeLaunchTemplateVersions",
        json!({"Versions": ["1"]}),
    );
    book.is_complete(LAWS, &[]);
}

/// An instance lives its life by the clock, and what it holds is free only when it is terminated.
#[tokio::test(start_paused = true)]
async fn an_instance_lives_its_life() {
    let aws = Aws::new();
    aws.gateway();
    aws.did(
        "ModifySubnetAttribute",
        json!({"SubnetId": aws.subnet, "MapPublicIpOnLaunch": {"Value": true}}),
    );
    let group = json!({"GroupName": "web", "Description": "d", "VpcId": aws.vpc});
    let group = aws.text("CreateSecurityGroup", group, "/GroupId");
    let sent = aws.launch(json!({
        "ClientToken": "once", "SecurityGroupIds": [group], "UserData": "IyEvYmluL3NoCg==", "Monitoring": {"Enabled": true},
        "BlockDeviceMappings": [
            {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30}},
            {"DeviceName": "/dev/sdb", "Ebs": {"VolumeSize": 5, "DeleteOnTermination": false, "VolumeType": "gp3"}},
        ],
        "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web"}]},
            {"ResourceType": "volume", "Tags": [{"Key": "of", "Value": "web"}]},
        ],
    }));
    let id = aws.text("RunInstances", sent.clone(), "/Instances/0/InstanceId");
    // The token makes one instance, and is not for another request.
    assert_eq!(
        aws.text("RunInstances", sent.clone(), "/Instances/0/InstanceId"),
        id
    );
    let mut other = sent;
    other["InstanceType"] = "t3.large".into();
    assert_eq!(
        aws.refused("RunInstances", other),
        "IdempotentParameterMismatch"
    );
    assert_eq!(aws.state(&id), "pending");
    pass(60).await;
    let told = aws.told(&id);
    assert_eq!(told["State"], json!({"Code": 16, "Name": "running"}));
    assert_eq!(told["Monitoring"]["State"], "enabled");
    assert_eq!(told["MetadataOptions"]["State"], "applied");
    assert_eq!(
        told["SecurityGroups"],
        json!([{"GroupId": group, "GroupName": "web"}])
    );
    assert_eq!(told["Tags"], json!([{"Key": "Name", "Value": "web"}]));
    let first = told["PublicIpAddress"].clone();
    assert_eq!(
        told["NetworkInterfaces"][0]["Association"]["PublicIp"],
        first
    );
    let data = json!({"InstanceId": id, "Attribute": "userData"});
    assert_eq!(
        aws.did("DescribeInstanceAttribute", data),
        json!({"InstanceId": id, "UserData": {"Value": "IyEvYmluL3NoCg=="}})
    );
    let at = json!({"Filters": [{"Name": "attachment.instance-id", "Values": [id]}]});
    let volumes = aws.did("DescribeVolumes", at)["Volumes"].clone();
    let of = |device: &str, member: &str| {
        let all = volumes.as_array().into_iter().flatten();
        let found = all
            .filter(|one| one["Attachments"][0]["Device"] == device)
            .map(|one| one[member].clone());
        found.collect::<Vec<Json>>()
    };
    assert_eq!(of("/dev/xvda", "Size"), [30]);
    assert_eq!(of("/dev/sdb", "Iops"), [3000]);
    assert_eq!(
        of("/dev/sdb", "Tags"),
        [json!([{"Key": "of", "Value": "web"}])]
    );
    // A stop takes the public address, a start gives another.
    aws.did("StopInstances", json!({"InstanceIds": [id]}));
    assert_eq!(aws.state(&id), "stopping");
    pass(60).await;
    assert_eq!(aws.told(&id)["PublicIpAddress"], Json::Null);
    aws.did("StartInstances", json!({"InstanceIds": [id]}));
    pass(60).await;
    let second = aws.told(&id)["PublicIpAddress"].clone();
    assert!(second.is_string() && second != first, "{second}");
    // It holds subnet and group until it is terminated, and is seen for an hour.
    aws.did("TerminateInstances", json!({"InstanceIds": [id]}));
    assert_eq!(aws.state(&id), "shutting-down");
    let busy = [
        ("DeleteSubnet", json!({"SubnetId": aws.subnet})),
        ("DeleteSecurityGroup", json!({"GroupId": group})),
    ];
    for (operation, input) in &busy {
        assert_eq!(aws.refused(operation, input.clone()), "DependencyViolation");
    }
    pass(60).await;
    assert_eq!(aws.state(&id), "terminated");
    let kept = of("/dev/sdb", "VolumeId");
    let left = aws.did("DescribeVolumes", json!({}))["Volumes"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&left[0]["VolumeId"], &left[0]["State"]),
        (&kept[0], &json!("available"))
    );
    for (operation, input) in busy {
        aws.did(operation, input);
    }
    let again = aws.did("TerminateInstances", json!({"InstanceIds": [id]}));
    assert_eq!(
        again["TerminatingInstances"][0]["CurrentState"]["Name"],
        "terminated"
    );
    pass(4_000).await;
    assert_eq!(
        aws.refused("DescribeInstances", json!({"InstanceIds": [id]})),
        "InvalidInstanceID.NotFound"
    );
}

/// Who names no subnet is in the default VPC, in the zone that was asked for, with a public address.
#[tokio::test(start_paused = true)]
async fn every_account_has_a_default_vpc() {
    let aws = Aws::new();
    let zone = json!({"AvailabilityZone": "eu-west-1b"});
    let ids = [0, 1].map(|_| aws.run(json!({"SubnetId": null, "Placement": zone})));
    let [first, second] = ids.map(|id| aws.told(&id));
    assert_eq!(first["Placement"]["AvailabilityZone"], "eu-west-1b");
    assert_eq!(first["SubnetId"], second["SubnetId"]);
    assert!(first["PublicIpAddress"].is_string(), "{first}");
    let vpc = json!({"Filters": [{"Name": "is-default", "Values": ["true"]}]});
    let found = aws.did("DescribeVpcs", vpc)["Vpcs"].clone();
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    assert_eq!(
        (&found[0]["VpcId"], &found[0]["CidrBlock"]),
        (&first["VpcId"], &json!("172.31.0.0/16"))
    );
}

/// A version never changes; the latest is the newest, the default stays until it is set.
#[tokio::test(start_paused = true)]
async fn launch_templates_have_versions() {
    let aws = Aws::new();
    let made = json!({
        "LaunchTemplateName": "web", "VersionDescription": "first", "LaunchTemplateData": {"ImageId": IMAGE, "InstanceType": "t3.micro"},
        "TagSpecifications": [{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "web"}]}],
    });
    let id = aws.text(
        "CreateLaunchTemplate",
        made,
        "/LaunchTemplate/LaunchTemplateId",
    );
    let based = json!({"LaunchTemplateId": id, "SourceVersion": "1", "LaunchTemplateData": {"InstanceType": "t3.large", "KeyName": "ops"}});
    let second = aws.did("CreateLaunchTemplateVersion", based)["LaunchTemplateVersion"].clone();
    assert_eq!(
        (&second["VersionNumber"], &second["DefaultVersion"]),
        (&json!(2), &json!(false))
    );
    assert_eq!(
        second["LaunchTemplateData"],
        json!({"ImageId": IMAGE, "InstanceType": "t3.large", "KeyName": "ops"})
    );
    let alone =
        json!({"LaunchTemplateName": "web", "LaunchTemplateData": {"InstanceType": "t3.small"}});
    aws.did("CreateLaunchTemplateVersion", alone);
    let template = aws.did(
        "DescribeLaunchTemplates",
        json!({"LaunchTemplateNames": ["web"]}),
    )["LaunchTemplates"][0]
        .clone();
    assert_eq!(
        (
            &template["LatestVersionNumber"],
            &template["DefaultVersionNumber"]
        ),
        (&json!(3), &json!(1))
    );
    assert_eq!(template["Tags"], json!([{"Key": "team", "Value": "web"}]));
    let numbers = |input: Json| {
        let answer = aws.did("DescribeLaunchTemplateVersions", input);
        let versions = answer["LaunchTemplateVersions"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        versions
            .iter()
            .map(|one| one["VersionNumber"].clone())
            .collect::<Vec<Json>>()
    };
    assert_eq!(numbers(json!({"LaunchTemplateId": id})), [3, 2, 1]);
    assert_eq!(
        numbers(json!({"Versions": ["$Latest", "$Default"]})),
        [3, 1]
    );
    aws.did(
        "ModifyLaunchTemplate",
        json!({"LaunchTemplateId": id, "DefaultVersion": "2"}),
    );
    assert_eq!(
        numbers(json!({"LaunchTemplateId": id, "Versions": ["$Default"]})),
        [2]
    );
    // An instance takes what its request says, else the version, and is tagged with both.
    let launched = aws.run(
        json!({"ImageId": null, "InstanceType": null, "LaunchTemplate": {"LaunchTemplateId": id}}),
    );
    let told = aws.told(&launched);
    assert_eq!(
        (&told["InstanceType"], &told["KeyName"]),
        (&json!("t3.large"), &json!("ops"))
    );
    assert_eq!(
        told["Tags"],
        json!([{"Key": "aws:ec2launchtemplate:id", "Value": id}, {"Key": "aws:ec2launchtemplate:version", "Value": "2"}])
    );
    aws.did(
        "DeleteLaunchTemplateVersions",
        json!({"LaunchTemplateId": id, "Versions": ["3"]}),
    );
    assert_eq!(
        numbers(json!({"LaunchTemplateId": id, "Versions": ["$Latest"]})),
        [2]
    );
    aws.did("DeleteLaunchTemplate", json!({"LaunchTemplateName": "web"}));
    assert_eq!(
        aws.refused(
            "DescribeLaunchTemplateVersions",
            json!({"LaunchTemplateId": id})
        ),
        "InvalidLaunchTemplateId.NotFound"
    );
}

/// Addresses and prefixes of an interface come and go, and it stays with its instance unless it goes with it.
#[tokio::test(start_paused = true)]
async fn interfaces_have_addresses() {
    let aws = Aws::new();
    let six = json!({"VpcId": aws.vpc, "AmazonProvidedIpv6CidrBlock": true});
    aws.did("AssociateVpcCidrBlock", six);
    pass(30).await;
    let of_vpc = json!({"VpcIds": [aws.vpc]});
    let range = "/Vpcs/0/Ipv6CidrBlockAssociationSet/0/Ipv6CidrBlock";
    let range = aws
        .text("DescribeVpcs", of_vpc, range)
        .replace("/56", "/64");
    let ipv6 = json!({"SubnetId": aws.subnet, "Ipv6CidrBlock": range});
    aws.did("AssociateSubnetCidrBlock", ipv6);
    let made = aws.did("CreateNetworkInterface", json!({
        "SubnetId": aws.subnet, "Description": "d", "Ipv6AddressCount": 1, "EnablePrimaryIpv6": true, "Ipv4PrefixCount": 1,
        "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.30", "Primary": false}, {"PrivateIpAddress": "10.0.0.20", "Primary": true}],
        "TagSpecifications": [{"ResourceType": "network-interface", "Tags": [{"Key": "team", "Value": "web"}]}],
    }))["NetworkInterface"]
        .clone();
    let id = made["NetworkInterfaceId"]
        .as_str()
        .expect("an identifier")
        .to_owned();
    assert_eq!(made["PrivateIpAddress"], "10.0.0.20");
    assert_eq!(made["Ipv6Addresses"][0]["IsPrimaryIpv6"], true);
    assert_eq!(made["Ipv4Prefixes"].as_array().map(Vec::len), Some(1));
    let shown = || {
        let tagged = json!({"Filters": [{"Name": "tag:team", "Values": ["web"]}]});
        aws.did("DescribeNetworkInterfaces", tagged)["NetworkInterfaces"][0].clone()
    };
    let addresses = |shown: &Json| {
        let all = shown["PrivateIpAddresses"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        all.iter()
            .map(|one| one["PrivateIpAddress"].clone())
            .collect::<Vec<Json>>()
    };
    assert_eq!(addresses(&shown()), ["10.0.0.20", "10.0.0.30"]);
    let more = json!({"NetworkInterfaceId": id, "SecondaryPrivateIpAddressCount": 2});
    let added = aws.did("AssignPrivateIpAddresses", more)["AssignedPrivateIpAddresses"].clone();
    assert_eq!(addresses(&shown()).len(), 4);
    let gone = json!({"NetworkInterfaceId": id, "PrivateIpAddresses": [added[0]["PrivateIpAddress"], "10.0.0.30"]});
    aws.did("UnassignPrivateIpAddresses", gone);
    assert_eq!(
        addresses(&shown()),
        [json!("10.0.0.20"), added[1]["PrivateIpAddress"].clone()]
    );
    let taken = json!({"SubnetId": aws.subnet, "PrivateIpAddress": "10.0.0.20"});
    assert_eq!(
        aws.refused("CreateNetworkInterface", taken),
        "InvalidIPAddress.InUse"
    );
    // At an instance that was given it, it stays when the instance goes.
    let instance = aws.run(json!({"SubnetId": null, "NetworkInterfaces": [{"DeviceIndex": 0, "NetworkInterfaceId": id}]}));
    pass(60).await;
    assert_eq!(shown()["Attachment"]["InstanceId"], instance.as_str());
    assert_eq!(
        aws.refused("DeleteNetworkInterface", json!({"NetworkInterfaceId": id})),
        "InvalidNetworkInterface.InUse"
    );
    aws.did("TerminateInstances", json!({"InstanceIds": [instance]}));
    pass(60).await;
    assert_eq!(shown()["Status"], "available");
    aws.did("DeleteNetworkInterface", json!({"NetworkInterfaceId": id}));
}
