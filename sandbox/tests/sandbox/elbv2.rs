//! Elastic Load Balancing as a client sees it: what comes back, what is refused, what takes time.

use serde_json::{Value as Json, json};
use std::ops::Deref;

use crate::support::{Client, LawBook, REGION, pass};

#[tokio::test(start_paused = true)]
async fn capacity_and_address_pools_are_reserved_and_given_back() {
    let aws = Aws::new();
    let network = aws.network(0, true);
    let arn = aws.balancer(&network);
    let described = || {
        aws.did(
            "DescribeCapacityReservation",
            json!({"LoadBalancerArn": arn}),
        )
    };
    assert_eq!(described(), json!({"DecreaseRequestsRemaining": 2}));
    let capacity =
        json!({"LoadBalancerArn": arn, "MinimumLoadBalancerCapacity": {"CapacityUnits": 300}});
    aws.did("ModifyCapacityReservation", capacity);
    let pending = described();
    assert_eq!(
        pending["MinimumLoadBalancerCapacity"],
        json!({"CapacityUnits": 300})
    );
    assert_eq!(
        pending.pointer("/CapacityReservationState/0/State/Code"),
        Some(&json!("pending"))
    );
    pass(600).await;
    let there = described();
    let zones = there["CapacityReservationState"]
        .as_array()
        .map_or(0, Vec::len);
    assert_eq!(zones, 3);
    let zone = json!({"AvailabilityZone": format!("{REGION}a"), "EffectiveCapacityUnits": 100.0, "State": {"Code": "provisioned"}});
    assert_eq!(there["CapacityReservationState"][0], zone);
    aws.did(
        "ModifyCapacityReservation",
        json!({"LoadBalancerArn": arn, "ResetCapacityReservation": true}),
    );
    let reset = described();
    assert_eq!(reset["DecreaseRequestsRemaining"], 1);
    assert!(
        reset.get("MinimumLoadBalancerCapacity").is_none(),
        "{reset}"
    );
    let pools = json!({"Ipv4IpamPoolId": "ipam-pool-0123456789abcdef0"});
    aws.did(
        "ModifyIpPools",
        json!({"LoadBalancerArn": arn, "IpamPools": pools}),
    );
    let described = |member: &str| {
        aws.did("DescribeLoadBalancers", json!({"LoadBalancerArns": [arn]}))["LoadBalancers"][0]
            .get(member)
            .cloned()
    };
    assert_eq!(described("IpamPools"), Some(pools));
    aws.did(
        "ModifyIpPools",
        json!({"LoadBalancerArn": arn, "RemoveIpamPools": ["ipv4"]}),
    );
    assert_eq!(described("IpamPools"), None);
    let both = json!({"LoadBalancerArn": arn, "ResetCapacityReservation": true, "MinimumLoadBalancerCapacity": {"CapacityUnits": 300}});
    assert_eq!(
        aws.refused("ModifyCapacityReservation", both),
        "ValidationError"
    );
}

struct Network {
    vpc: String,
    subnets: Vec<String>,
    group: String,
}

struct Aws(Client);

impl Deref for Aws {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Aws {
    fn new() -> Aws {
        Aws(Client::of("elbv2"))
    }

    fn network(&self, block: u8, gateway: bool) -> Network {
        let vpc = self.text(
            "ec2:CreateVpc",
            json!({"CidrBlock": format!("10.{block}.0.0/16")}),
            "/Vpc/VpcId",
        );
        if gateway {
            let id = self.text(
                "ec2:CreateInternetGateway",
                json!({}),
                "/InternetGateway/InternetGatewayId",
            );
            self.did(
                "ec2:AttachInternetGateway",
                json!({"InternetGatewayId": id, "VpcId": vpc}),
            );
        }
        let subnets = ["a", "b", "c"]
            .iter()
            .enumerate()
            .map(|(at, letter)| self.subnet(&vpc, &format!("10.{block}.{at}.0/24"), letter))
            .collect();
        let group = self.text(
            "ec2:CreateSecurityGroup",
            json!({"GroupName": "g", "Description": "d", "VpcId": vpc}),
            "/GroupId",
        );
        Network {
            vpc,
            subnets,
            group,
        }
    }

    fn subnet(&self, vpc: &str, block: &str, letter: &str) -> String {
        let input = json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": format!("{REGION}{letter}")});
        self.text("ec2:CreateSubnet", input, "/Subnet/SubnetId")
    }

    fn made(&self, operation: &str, input: Json, path: &str) -> String {
        let answer = self.did(operation, input);
        answer
            .pointer(path)
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    fn balancer(&self, network: &Network) -> String {
        let input =
            json!({"Name": "front", "Subnets": network.subnets, "SecurityGroups": [network.group]});
        self.made(
            "CreateLoadBalancer",
            input,
            "/LoadBalancers/0/LoadBalancerArn",
        )
    }

    fn group(&self, network: &Network, name: &str) -> String {
        let input = json!({"Name": name, "VpcId": network.vpc, "Protocol": "HTTP", "Port": 80, "TargetType": "ip"});
        self.made("CreateTargetGroup", input, "/TargetGroups/0/TargetGroupArn")
    }

    fn listener(&self, balancer: &str, group: &str) -> String {
        self.made(
            "CreateListener",
            listener(balancer, group),
            "/Listeners/0/ListenerArn",
        )
    }
}

fn listener(balancer: &str, group: &str) -> Json {
    json!({"LoadBalancerArn": balancer, "Port": 80, "Protocol": "HTTP", "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}]})
}

fn with(mut input: Json, more: Json) -> Json {
    for (name, value) in more.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    input
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_comes_up_serves_and_goes() {
    let aws = Aws::new();
    let network = aws.network(0, true);
    let arn = aws.balancer(&network);
    assert_eq!(
        aws.balancer(&network),
        arn,
        "the same request gives the same load balancer"
    );
    let shown = |names: &str| {
        aws.did("DescribeLoadBalancers", json!({"Names": [names]}))["LoadBalancers"][0].clone()
    };
    let first = shown("front");
    assert_eq!(first["State"]["Code"], "provisioning");
    assert_eq!(first["CanonicalHostedZoneId"], "Z32O12XQLNTSW2");
    assert_eq!(first["VpcId"], json!(network.vpc));
    assert_eq!(first["AvailabilityZones"].as_array().map(Vec::len), Some(3));
    assert!(
        first["DNSName"]
            .as_str()
            .unwrap_or_default()
            .ends_with(".eu-west-1.elb.amazonaws.com")
    );
    pass(130).await;
    assert_eq!(shown("front")["State"]["Code"], "active");

    let group = aws.group(&network, "web");
    let target = json!({"TargetGroupArn": group, "Targets": [{"Id": "10.0.0.9"}]});
    aws.did("RegisterTargets", target.clone());
    let state = || {
        aws.did("DescribeTargetHealth", json!({"TargetGroupArn": group}))["TargetHealthDescriptions"][0]["TargetHealth"]["State"].clone()
    };
    assert_eq!(state(), "unused");
    let made = aws.did("CreateListener", listener(&arn, &group))["Listeners"][0].clone();
    assert_eq!(
        made["DefaultActions"][0]["ForwardConfig"]["TargetGroups"],
        json!([{"TargetGroupArn": group, "Weight": 1}])
    );
    let described = aws.did("DescribeTargetGroups", json!({"LoadBalancerArn": arn}));
    assert_eq!(
        described["TargetGroups"][0]["LoadBalancerArns"],
        json!([arn])
    );
    assert_eq!(described["TargetGroups"][0]["Matcher"]["HttpCode"], "200");
    aws.did("DeregisterTargets", target.clone());
    assert_eq!(state(), "draining");
    aws.did("RegisterTargets", target.clone());
    assert_eq!(state(), "initial");
    pass(160).await;
    assert_eq!(state(), "healthy");
    aws.did("DeregisterTargets", target);
    pass(310).await;
    assert_eq!(
        aws.did("DescribeTargetHealth", json!({"TargetGroupArn": group}))["TargetHealthDescriptions"],
        json!([])
    );

    // Listeners and rules go with it; its interfaces drain.
    let listener = made["ListenerArn"].clone();
    aws.did("DeleteLoadBalancer", json!({"LoadBalancerArn": arn}));
    assert_eq!(
        aws.refused("DescribeRules", json!({"ListenerArn": listener})),
        "ListenerNotFound"
    );
    aws.did("DeleteTargetGroup", json!({"TargetGroupArn": group}));
    let busy = aws.sandbox.invoke(
        "key",
        REGION,
        "ec2",
        "DeleteSecurityGroup",
        json!({"GroupId": network.group}),
    );
    assert_eq!(busy.unwrap_err().code, "DependencyViolation");
    pass(100).await;
    aws.did("ec2:DeleteSecurityGroup", json!({"GroupId": network.group}));
    aws.did("DeleteLoadBalancer", json!({"LoadBalancerArn": arn}));
}

#[tokio::test(start_paused = true)]
async fn attributes_have_full_default_sets() {
    let aws = Aws::new();
    let network = aws.network(0, true);
    let arn = aws.balancer(&network);
    let all = aws.did(
        "DescribeLoadBalancerAttributes",
        json!({"LoadBalancerArn": arn}),
    );
    assert_eq!(all["Attributes"].as_array().map(Vec::len), Some(22));
    let change = json!({"LoadBalancerArn": arn, "Attributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "90"}]});
    let all = aws.did("ModifyLoadBalancerAttributes", change);
    let set = json!({"Key": "idle_timeout.timeout_seconds", "Value": "90"});
    assert!(
        all["Attributes"]
            .as_array()
            .is_some_and(|all| all.contains(&set))
    );
    let group = aws.group(&network, "web");
    let all = aws.did(
        "DescribeTargetGroupAttributes",
        json!({"TargetGroupArn": group}),
    );
    assert_eq!(all["Attributes"].as_array().map(Vec::len), Some(14));
    let listener = aws.listener(&arn, &group);
    let all = aws.did(
        "DescribeListenerAttributes",
        json!({"ListenerArn": listener}),
    );
    assert_eq!(all["Attributes"].as_array().map(Vec::len), Some(11));
    let input = json!({"Name": "tcp", "VpcId": network.vpc, "Protocol": "TCP", "Port": 53, "TargetType": "ip"});
    let tcp = aws.did("CreateTargetGroup", input)["TargetGroups"][0].clone();
    assert_eq!(
        (
            &tcp["HealthCheckTimeoutSeconds"],
            &tcp["HealthCheckProtocol"]
        ),
        (&json!(10), &json!("TCP"))
    );
    assert!(tcp.get("HealthCheckPath").is_none());
    let input = json!({"Name": "net", "Type": "network", "Scheme": "internal", "Subnets": [network.subnets[0]]});
    let net = aws.did("CreateLoadBalancer", input)["LoadBalancers"][0].clone();
    assert!(
        net["LoadBalancerArn"]
            .as_str()
            .unwrap_or_default()
            .contains(":loadbalancer/net/net/")
    );
    let all = aws.did(
        "SetSubnets",
        json!({"LoadBalancerArn": net["LoadBalancerArn"], "Subnets": network.subnets}),
    );
    assert_eq!(all["AvailabilityZones"].as_array().map(Vec::len), Some(3));
}

#[tokio::test(start_paused = true)]
async fn rules_stand_in_their_order() {
    let aws = Aws::new();
    let network = aws.network(0, true);
    let (arn, group) = (aws.balancer(&network), aws.group(&network, "web"));
    let listener = aws.listener(&arn, &group);
    let rule = |priority: u32, condition: Json| {
        let input = json!({"ListenerArn": listener, "Priority": priority, "Conditions": [condition],
                           "Actions": [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301", "Host": "x"}}]});
        aws.did("CreateRule", input)["Rules"][0].clone()
    };
    let first = rule(20, json!({"Field": "path-pattern", "Values": ["/a"]}));
    assert_eq!(
        first["Conditions"][0]["PathPatternConfig"],
        json!({"Values": ["/a"]})
    );
    assert_eq!(first["Actions"][0]["RedirectConfig"]["Path"], "/#{path}");
    assert_eq!(first["Priority"], "20");
    let second = rule(
        3,
        json!({"Field": "host-header", "HostHeaderConfig": {"Values": ["h"]}}),
    );
    assert_eq!(second["Conditions"][0]["Values"], json!(["h"]));
    let order = || -> Vec<String> {
        let all = aws.did("DescribeRules", json!({"ListenerArn": listener}));
        all["Rules"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|rule| rule["Priority"].as_str().unwrap_or_default().to_owned())
            .collect()
    };
    assert_eq!(order(), ["3", "20", "default"]);
    let change = json!({"RulePriorities": [{"RuleArn": first["RuleArn"], "Priority": 3}, {"RuleArn": second["RuleArn"], "Priority": 4}]});
    aws.did("SetRulePriorities", change);
    assert_eq!(order(), ["3", "4", "default"]);
    aws.did(
        "AddTags",
        json!({"ResourceArns": [arn, first["RuleArn"]], "Tags": [{"Key": "a", "Value": "b"}]}),
    );
    let tags = aws.did(
        "DescribeTags",
        json!({"ResourceArns": [first["RuleArn"], arn]}),
    );
    assert_eq!(
        tags["TagDescriptions"][1]["Tags"],
        json!([{"Key": "a", "Value": "b"}])
    );
    aws.did("DeleteRule", json!({"RuleArn": first["RuleArn"]}));
    assert_eq!(
        aws.refused("DescribeTags", json!({"ResourceArns": [first["RuleArn"]]})),
        "RuleNotFound"
    );
    let certificate = "arn:aws:acm:eu-west-1:000000000000:certificate/a";
    let secure = json!({"ListenerArn": listener, "Protocol": "HTTPS", "Port": 443, "Certificates": [{"CertificateArn": certificate}]});
    assert_eq!(
        aws.did("ModifyListener", secure)["Listeners"][0]["SslPolicy"],
        "ELBSecurityPolicy-2016-08"
    );
    aws.did("AddListenerCertificates", json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": format!("{certificate}b")}]}));
    let all = aws.did(
        "DescribeListenerCertificates",
        json!({"ListenerArn": listener}),
    );
    assert_eq!(all["Certificates"].as_array().map(Vec::len), Some(2));
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Aws::new();
    let network = aws.network(0, true);
    let other = aws.network(1, false);
    let tiny = aws.subnet(&network.vpc, "10.0.9.0/28", "a");
    let same = aws.subnet(&network.vpc, "10.0.8.0/24", "a");
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    let balancer = |subnets: Json| json!({"Name": "x", "Subnets": subnets});
    breaks(
        "elbv2: an Application Load Balancer has subnets in two availability zones",
        "CreateLoadBalancer",
        balancer(json!([network.subnets[0]])),
    );
    breaks(
        "elbv2: a load balancer has one subnet in each zone",
        "CreateLoadBalancer",
        balancer(json!([network.subnets[0], same])),
    );
    breaks(
        "elbv2: an internet-facing load balancer needs an internet gateway in its VPC",
        "CreateLoadBalancer",
        balancer(json!(other.subnets)),
    );
    let crowd: Vec<String> = (0..5)
        .map(|at| {
            aws.text(
                "ec2:CreateNetworkInterface",
                json!({"SubnetId": tiny, "Description": format!("{at}")}),
                "/NetworkInterface/NetworkInterfaceId",
            )
        })
        .collect();
    assert_eq!(crowd.len(), 5);
    breaks(
        "elbv2: an Application Load Balancer's subnets have eight free addresses",
        "CreateLoadBalancer",
        balancer(json!([tiny, network.subnets[1]])),
    );
    breaks(
        "elbv2: a load balancer's security groups are of its VPC",
        "CreateLoadBalancer",
        with(
            balancer(json!(network.subnets)),
            json!({"SecurityGroups": [other.group]}),
        ),
    );
    let arn = aws.balancer(&network);
    breaks(
        "elbv2/load-balancer: LoadBalancerName is unique",
        "CreateLoadBalancer",
        json!({"Name": "front", "Subnets": [network.subnets[0], network.subnets[1]]}),
    );
    breaks(
        "elbv2: load balancers that are asked for by name exist",
        "DescribeLoadBalancers",
        json!({"Names": ["none"]}),
    );
    breaks(
        "elbv2: target groups that are asked for by name exist",
        "DescribeTargetGroups",
        json!({"Names": ["none"]}),
    );
    breaks(
        "elbv2: attributes are ones of the resource's type",
        "ModifyLoadBalancerAttributes",
        json!({"LoadBalancerArn": arn, "Attributes": [{"Key": "x", "Value": "y"}]}),
    );
    let target = |more: Json| {
        with(
            json!({"Name": "web", "VpcId": network.vpc, "Protocol": "HTTP", "Port": 80, "TargetType": "ip"}),
            more,
        )
    };
    breaks(
        "elbv2: a health check's timeout is smaller than its interval",
        "CreateTargetGroup",
        target(json!({"HealthCheckIntervalSeconds": 5})),
    );
    breaks(
        "elbv2/target-group: VpcId must exist",
        "CreateTargetGroup",
        target(json!({"VpcId": "vpc-0"})),
    );
    let group = aws.group(&network, "web");
    breaks(
        "elbv2/target-group: TargetGroupName is unique",
        "CreateTargetGroup",
        target(json!({"Port": 81})),
    );
    breaks(
        "elbv2: listeners are described of a load balancer or by ARN",
        "DescribeListeners",
        json!({}),
    );
    breaks(
        "elbv2/listener: LoadBalancerArn must exist",
        "CreateListener",
        listener("none", &group),
    );
    breaks(
        "elbv2/listener: DefaultActions[].ForwardConfig.TargetGroups[].TargetGroupArn must exist",
        "CreateListener",
        listener(&arn, "none"),
    );
    let foreign = aws.group(&other, "foreign");
    breaks(
        "elbv2: target groups are of the load balancer's VPC",
        "CreateListener",
        listener(&arn, &foreign),
    );
    let tcp = aws.made(
        "CreateTargetGroup",
        target(json!({"Name": "tcp", "Protocol": "TCP"})),
        "/TargetGroups/0/TargetGroupArn",
    );
    breaks(
        "elbv2: a target group's protocol fits its load balancer",
        "CreateListener",
        listener(&arn, &tcp),
    );
    breaks(
        "elbv2: a listener's protocol is one of its load balancer's type",
        "CreateListener",
        with(listener(&arn, &group), json!({"Protocol": "TCP"})),
    );
    let https = with(listener(&arn, &group), json!({"Protocol": "HTTPS"}));
    breaks(
        "elbv2: HTTPS and TLS listeners have a certificate",
        "CreateListener",
        https.clone(),
    );
    let elsewhere = json!([{"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/a"}]);
    breaks(
        "elbv2: a listener's certificate exists",
        "CreateListener",
        with(https.clone(), json!({"Certificates": elsewhere})),
    );
    let here = json!([{"CertificateArn": "arn:aws:acm:eu-west-1:000000000000:certificate/a"}]);
    breaks(
        "elbv2: a listener's security policy exists",
        "CreateListener",
        with(https, json!({"Certificates": here, "SslPolicy": "none"})),
    );
    let heard = aws.listener(&arn, &group);
    let spare = aws.group(&network, "spare");
    breaks(
        "elbv2/listener: LoadBalancerArn, Port is unique",
        "CreateListener",
        listener(&arn, &spare),
    );
    breaks(
        "elbv2/target-group: not deleted while a elbv2/listener has it as DefaultActions[].ForwardConfig.TargetGroups[].TargetGroupArn",
        "DeleteTargetGroup",
        json!({"TargetGroupArn": group}),
    );
    let rule = |priority: u32, group: &str| {
        json!({"ListenerArn": heard, "Priority": priority, "Conditions": [{"Field": "path-pattern", "Values": ["/"]}],
                                                   "Actions": [{"Type": "forward", "TargetGroupArn": group}]})
    };
    breaks(
        "elbv2/rule: ListenerArn must exist",
        "CreateRule",
        with(rule(1, &spare), json!({"ListenerArn": "none"})),
    );
    breaks(
        "elbv2/rule: Actions[].ForwardConfig.TargetGroups[].TargetGroupArn must exist",
        "CreateRule",
        rule(1, "none"),
    );
    aws.did("CreateRule", rule(1, &spare));
    breaks(
        "elbv2: a priority is one rule's of its listener",
        "CreateRule",
        rule(1, &spare),
    );
    breaks(
        "elbv2/target-group: not deleted while a elbv2/rule has it as Actions[].ForwardConfig.TargetGroups[].TargetGroupArn",
        "DeleteTargetGroup",
        json!({"TargetGroupArn": spare}),
    );
    let rules = aws.did("DescribeRules", json!({"ListenerArn": heard}));
    breaks(
        "elbv2: a listener's default rule is neither changed nor deleted",
        "DeleteRule",
        json!({"RuleArn": rules["Rules"][1]["RuleArn"]}),
    );
    breaks(
        "elbv2: tags of at most 20 resources are described at once",
        "DescribeTags",
        json!({"ResourceArns": vec![arn.clone(); 21]}),
    );
    let reserve = |units: u32| json!({"LoadBalancerArn": arn, "MinimumLoadBalancerCapacity": {"CapacityUnits": units}});
    aws.did("ModifyCapacityReservation", reserve(300));
    breaks(
        "elbv2: a reservation changes once the request before it is provisioned or failed",
        "ModifyCapacityReservation",
        reserve(200),
    );
    for units in [200, 100] {
        pass(600).await;
        aws.did("ModifyCapacityReservation", reserve(units));
    }
    pass(600).await;
    breaks(
        "elbv2: reserved capacity decreases twice a day at most",
        "ModifyCapacityReservation",
        json!({"LoadBalancerArn": arn, "ResetCapacityReservation": true}),
    );
    let protect = json!({"LoadBalancerArn": arn, "Attributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]});
    aws.did("ModifyLoadBalancerAttributes", protect);
    breaks(
        "elbv2: a protected load balancer is not deleted",
        "DeleteLoadBalancer",
        json!({"LoadBalancerArn": arn}),
    );
    let inner = |name: String| json!({"Name": name, "Type": "network", "Scheme": "internal", "Subnets": [network.subnets[2]]});
    for number in 1..50 {
        aws.did("CreateLoadBalancer", inner(format!("n{number}")));
    }
    breaks(
        "elbv2/load-balancer: as many as the quota allows",
        "CreateLoadBalancer",
        inner("more".into()),
    );
    for number in 5..3001 {
        aws.did(
            "CreateTargetGroup",
            target(json!({"Name": format!("t{number}")})),
        );
    }
    breaks(
        "elbv2/target-group: as many as the quota allows",
        "CreateTargetGroup",
        target(json!({"Name": "more"})),
    );
    book.is_complete(&["elbv2"], &[]);
}
