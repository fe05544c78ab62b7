use serde_json::{Value as Json, json};

use super::*;
use crate::address::Address;
use crate::facts::facts;

fn compared(
    type_name: &str,
    declared: Json,
    live: Json,
    options: &CompareOptions<'_>,
) -> Comparison {
    let facts = facts().get(type_name).unwrap();
    compare(&facts, &Value::from(declared), &Value::from(live), options)
}

fn changes(type_name: &str, declared: Json, live: Json) -> Vec<String> {
    let found = compared(type_name, declared, live, &CompareOptions::default());
    found
        .changes
        .iter()
        .map(|change| change.property.to_string())
        .collect()
}

#[track_caller]
fn same(type_name: &str, property: &str, declared: Json, live: Json) {
    let none: Vec<String> = Vec::new();
    assert_eq!(
        changes(
            type_name,
            json!({property: declared}),
            json!({property: live})
        ),
        none
    );
}

#[track_caller]
fn different(type_name: &str, property: &str, declared: Json, live: Json) {
    assert!(
        !changes(
            type_name,
            json!({property: declared}),
            json!({property: live})
        )
        .is_empty()
    );
}

#[test]
fn numbers_and_booleans_may_be_texts() {
    same(
        "AWS::EC2::VPC",
        "EnableDnsSupport",
        json!("true"),
        json!(true),
    );
    same(
        "AWS::SQS::Queue",
        "VisibilityTimeout",
        json!("30"),
        json!(30),
    );
    different(
        "AWS::SQS::Queue",
        "VisibilityTimeout",
        json!("30"),
        json!(31),
    );
    different(
        "AWS::RDS::DBCluster",
        "EngineVersion",
        json!("8.0"),
        json!("8"),
    );
}

#[test]
fn networks_keys_names_and_versions_may_be_written_otherwise() {
    same(
        "AWS::EC2::VPC",
        "CidrBlock",
        json!("10.0.3.4/16"),
        json!("10.0.0.0/16"),
    );
    different(
        "AWS::EC2::VPC",
        "CidrBlock",
        json!("10.0.0.0/16"),
        json!("10.0.0.0/17"),
    );
    let key = "arn:aws:kms:us-east-1:111111111111:key/76039e55-2469-4c94-95ab-e12d8615bb98";
    same(
        "AWS::SQS::Queue",
        "KmsMasterKeyId",
        json!("alias/aws/sqs"),
        json!(key),
    );
    same(
        "AWS::SQS::Queue",
        "KmsMasterKeyId",
        json!("76039e55-2469-4c94-95ab-e12d8615bb98"),
        json!(key),
    );
    different(
        "AWS::SQS::Queue",
        "KmsMasterKeyId",
        json!("e12d8615bb98"),
        json!(key),
    );
    same(
        "AWS::RDS::DBInstance",
        "EngineVersion",
        json!("8.0"),
        json!("8.0.45"),
    );
    different(
        "AWS::RDS::DBInstance",
        "EngineVersion",
        json!("8.0"),
        json!("8.01"),
    );
    different(
        "AWS::RDS::DBInstance",
        "EngineVersion",
        json!("8.0"),
        json!("8.4.1"),
    );
    same(
        "AWS::RDS::DBInstance",
        "DBInstanceIdentifier",
        json!("Main"),
        json!("main"),
    );
    different(
        "AWS::EC2::VPC",
        "InstanceTenancy",
        json!("Default"),
        json!("default"),
    );
}

#[test]
fn a_statement_by_itself_means_what_it_means_in_a_policy() {
    let statement = |action: Json, resource: Json| json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": action, "Resource": resource}});
    let check = |declared, live| changes("AWS::Events::EventBusPolicy", declared, live).len();
    let (put, bus) = (json!("events:PutEvents"), json!("bus"));
    let declared = statement(put.clone(), bus.clone());
    assert_eq!(
        check(declared.clone(), statement(json!([put]), json!([bus]))),
        0
    );
    assert_eq!(
        check(declared, statement(json!([put, "events:PutRule"]), bus)),
        1
    );
}

#[test]
fn policies_mean_what_they_mean() {
    let policy = |principal: Json, action: Json| json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "*"}]});
    let property = |document: Json| json!({"KeyPolicy": document});
    let check =
        |declared: Json, live: Json| changes("AWS::KMS::Key", property(declared), property(live));
    let root = json!({"AWS": "arn:aws:iam::111111111111:root"});
    assert_eq!(
        check(
            policy(root.clone(), json!("kms:*")),
            policy(json!({"AWS": ["111111111111"]}), json!(["kms:*"]))
        )
        .len(),
        0
    );
    let statements = policy(root.clone(), json!("kms:*"))["Statement"].clone();
    let version = |version: &str| json!({"Version": version, "Statement": statements});
    let none = json!({"Statement": statements});
    assert_eq!(check(none.clone(), version("2008-10-17")).len(), 0);
    assert_eq!(check(none, version("2012-10-17")).len(), 1);
    let text = policy(root.clone(), json!(["kms:b", "kms:a"])).to_string();
    assert_eq!(
        check(policy(root.clone(), json!(["kms:a", "kms:b"])), json!(text)).len(),
        0
    );
    assert_eq!(
        check(
            policy(json!("*"), json!("kms:*")),
            policy(json!({"AWS": "*"}), json!("kms:*"))
        )
        .len(),
        0
    );
    let mut narrowed = policy(root.clone(), json!("kms:*"));
    narrowed["Statement"][0]["Condition"] = json!({"Bool": {"aws:SecureTransport": "true"}});
    assert_eq!(
        check(policy(root.clone(), json!("kms:*")), narrowed),
        ["KeyPolicy"]
    );
    assert_eq!(
        check(
            policy(root.clone(), json!(["kms:a"])),
            policy(root, json!(["kms:a", "kms:b"]))
        ),
        ["KeyPolicy"]
    );
}

#[test]
fn rules_are_a_set_and_commands_are_a_list() {
    let rule = |port: u16| json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "10.0.0.0/8"});
    same(
        "AWS::EC2::SecurityGroup",
        "SecurityGroupIngress",
        json!([rule(1), rule(2)]),
        json!([rule(2), rule(1)]),
    );
    different(
        "AWS::EC2::SecurityGroup",
        "SecurityGroupIngress",
        json!([rule(1), rule(2)]),
        json!([rule(2), rule(3)]),
    );
    let live = json!({"SecurityGroupIngress": [rule(2), rule(1)]});
    let found = compared(
        "AWS::EC2::SecurityGroup",
        json!({"SecurityGroupIngress": [rule(1)]}),
        live,
        &CompareOptions::default(),
    );
    assert_eq!(
        (
            found.changes.len(),
            found.undeclared[0].property.to_string().as_str()
        ),
        (0, "SecurityGroupIngress.0")
    );
    let container = |command: Json| json!([{"Name": "a", "Image": "b", "Command": command}]);
    let property = "ContainerDefinitions";
    different(
        "AWS::ECS::TaskDefinition",
        property,
        container(json!(["a", "b"])),
        container(json!(["b", "a"])),
    );
}

#[test]
fn tags_are_a_map_in_which_aws_and_payctl_have_their_own() {
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let live = json!({"Tags": [tag("aws:cloudformation:stack-name", "s"), tag("payctl:id", "x"), tag("b", "2"), tag("a", "1"), tag("team", "t")]});
    let stack = BTreeMap::from([("team".to_owned(), "t".to_owned())]);
    let options = CompareOptions {
        stack_tags: Some(&stack),
        ..CompareOptions::default()
    };
    let found = compared(
        "AWS::EC2::VPC",
        json!({"Tags": [tag("a", "1"), tag("b", "2")]}),
        live.clone(),
        &options,
    );
    assert_eq!(found, Comparison::default());
    let found = compared(
        "AWS::EC2::VPC",
        json!({"Tags": [tag("a", "9")]}),
        live,
        &options,
    );
    assert_eq!(found.changes.len(), 1);
    assert_eq!(found.undeclared.len(), 1);
}

#[test]
fn a_change_says_whether_it_needs_a_new_resource() {
    let found = compared(
        "AWS::EC2::Subnet",
        json!({"CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": true}),
        json!({"CidrBlock": "10.0.0.0/24", "MapPublicIpOnLaunch": false, "SubnetId": "subnet-1"}),
        &CompareOptions::default(),
    );
    let told: Vec<(String, bool)> = found
        .changes
        .iter()
        .map(|change| (change.property.to_string(), change.replaces))
        .collect();
    assert_eq!(
        told,
        [
            ("CidrBlock".to_owned(), true),
            ("MapPublicIpOnLaunch".to_owned(), false)
        ]
    );
}

#[test]
fn what_cannot_be_read_is_compared_with_what_was_applied() {
    let facts = facts().get("AWS::RDS::DBCluster").unwrap();
    let declared = Value::Map(BTreeMap::from([(
        "MasterUserPassword".to_owned(),
        Value::secret("new"),
    )]));
    let last = Value::Map(BTreeMap::from([(
        "MasterUserPassword".to_owned(),
        Value::Secret(Secret::Hashed("#old".into())),
    )]));
    let same_secret = |text: &str, hash: &str| format!("#{text}") == hash;
    let unknown = compare(&facts, &declared, &Value::map(), &CompareOptions::default());
    assert_eq!(unknown.changes.len(), 0);
    let options = CompareOptions {
        last_applied: Some(&last),
        same_secret: Some(&same_secret),
        ..CompareOptions::default()
    };
    let found = compare(&facts, &declared, &Value::map(), &options);
    assert_eq!(found.changes[0].property.to_string(), "MasterUserPassword");
    assert!(!format!("{found:?}").contains("new"));
}

#[test]
fn what_is_declared_no_more_goes_back() {
    let last = Value::from(json!({"QueueName": "q", "KmsMasterKeyId": "alias/aws/sqs"}));
    let options = CompareOptions {
        last_applied: Some(&last),
        ..CompareOptions::default()
    };
    let live = json!({"QueueName": "q", "KmsMasterKeyId": "alias/aws/sqs", "DelaySeconds": 0});
    let found = compared("AWS::SQS::Queue", json!({"QueueName": "q"}), live, &options);
    assert_eq!(found.changes.len(), 1);
    assert_eq!(
        (
            found.changes[0].property.to_string().as_str(),
            found.changes[0].declared.clone()
        ),
        ("KmsMasterKeyId", None)
    );
}

#[test]
fn what_is_not_known_yet_follows() {
    let unknown = Value::unknown(Address::new("r", "s", "Vpc").attribute("Ref"));
    let facts = facts().get("AWS::EC2::Subnet").unwrap();
    let declared = Value::Map(BTreeMap::from([("VpcId".to_owned(), unknown)]));
    let found = compare(
        &facts,
        &declared,
        &Value::from(json!({"VpcId": "vpc-1"})),
        &CompareOptions::default(),
    );
    assert_eq!(
        (found.changes.len(), found.follows.as_slice()),
        (0, &[PropertyPath::from("VpcId")][..])
    );
}

proptest::proptest! {
    #[test]
    fn nothing_makes_it_panic_and_a_value_equals_itself(text in "[ -~]{0,12}", number in -9i64..99, deep in 0usize..80) {
        let nested = (0..deep).fold(json!(text), |inner, level| if level % 2 == 0 { json!([inner]) } else { json!({"A": inner}) });
        let value = json!({"QueueName": text, "DelaySeconds": number, "RedrivePolicy": nested, "Tags": [nested, text]});
        let none: Vec<String> = Vec::new();
        proptest::prop_assert_eq!(changes("AWS::SQS::Queue", value.clone(), value.clone()), none);
        changes("AWS::EC2::SecurityGroup", value.clone(), nested.clone());
        crate::facts::check(&facts().get("AWS::SQS::Queue").unwrap(), &Value::from(value));
    }
}

/// The registry writes an expression with variables and a table for the protocols and ports of rules.
#[test]
fn protocols_by_number_and_ports_that_mean_nothing_are_as_aws_tells_them() {
    let list = |rule: Json| json!([{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "CidrIp": "10.0.0.0/8"}, rule]);
    let (group, ingress) = ("AWS::EC2::SecurityGroup", "SecurityGroupIngress");
    let rule = |protocol: &str, from: i64, to: i64| json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to, "CidrIp": "10.1.0.0/16"});
    let told = [
        (rule("17", 161, 162), rule("udp", 161, 162)),
        (rule("-1", 0, 65535), rule("-1", -1, -1)),
        (rule("50", 0, 0), rule("50", -1, -1)),
        (rule("TCP", 5, 6), rule("tcp", 5, 6)),
    ];
    for (declared, live) in told {
        same(group, ingress, list(declared), list(live));
    }
    different(
        group,
        ingress,
        list(rule("17", 161, 162)),
        list(rule("udp", 161, 163)),
    );
    different(
        group,
        ingress,
        list(rule("17", 161, 162)),
        list(rule("tcp", 161, 162)),
    );
    same(
        "AWS::EC2::SecurityGroupIngress",
        "IpProtocol",
        json!("6"),
        json!("tcp"),
    );
}

/// What was applied, is declared no more and is still live is taken back, in lists too; what nobody ever declared is not.
#[test]
fn items_that_left_the_template_are_taken_back() {
    let rule = |port: i64| json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "10.0.0.0/8"});
    let found = |type_name: &str, property: &str, last: Json, declared: Json, live: Json| {
        let last = Value::from(json!({property: last}));
        let options = CompareOptions {
            last_applied: Some(&last),
            ..CompareOptions::default()
        };
        let found = compared(
            type_name,
            json!({property: declared}),
            json!({property: live}),
            &options,
        );
        let changes = found.changes.into_iter();
        changes
            .map(|change| change.property.to_string())
            .collect::<Vec<String>>()
    };
    let group = ("AWS::EC2::SecurityGroup", "SecurityGroupIngress");
    let rules = |live: Json| {
        found(
            group.0,
            group.1,
            json!([rule(1), rule(2)]),
            json!([rule(2)]),
            live,
        )
    };
    assert_eq!(
        rules(json!([rule(3), rule(2), rule(1)])),
        ["SecurityGroupIngress.2"]
    );
    // Somebody took it away already; another one was never the template's.
    assert_eq!(rules(json!([rule(3), rule(2)])), Vec::<String>::new());
    let forward = |sticky: bool| {
        let mut config = json!({"TargetGroups": [{"TargetGroupArn": "arn:1", "Weight": 1}]});
        if sticky {
            config["TargetGroupStickinessConfig"] =
                json!({"Enabled": true, "DurationSeconds": 600});
        }
        json!([{"Type": "forward", "ForwardConfig": config}])
    };
    assert_eq!(
        found(
            "AWS::ElasticLoadBalancingV2::Listener",
            "DefaultActions",
            forward(true),
            forward(false),
            forward(true)
        ),
        ["DefaultActions.0.ForwardConfig.TargetGroupStickinessConfig"]
    );
    // Several groups, the declared one among them, are a deployment's: unless it is known what deployments moved.
    let listener = facts()
        .get("AWS::ElasticLoadBalancingV2::Listener")
        .unwrap();
    let declared =
        Value::from(json!({"DefaultActions": [{"Type": "forward", "TargetGroupArn": "arn:1"}]}));
    let groups = |arns: &[&str]| {
        let groups: Vec<Json> = arns
            .iter()
            .map(|arn| json!({"TargetGroupArn": arn, "Weight": 1}))
            .collect();
        Value::from(
            json!({"DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]}),
        )
    };
    for (arns, known, same) in [
        (&["arn:1"][..], true, true),
        (&["arn:1", "arn:2"], false, true),
        (&["arn:1", "arn:2"], true, false),
        (&["arn:2"], false, false),
    ] {
        let options = CompareOptions {
            deployments_known: known,
            ..CompareOptions::default()
        };
        let compared = compare(&listener, &declared, &groups(arns), &options);
        assert_eq!(compared.changes.is_empty(), same, "{arns:?} {known}");
    }
    // A setting keeps its value: AWS cannot be asked to forget it.
    let setting = |value: &str| json!({"Key": "idle_timeout.timeout_seconds", "Value": value});
    assert_eq!(
        found(
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "LoadBalancerAttributes",
            json!([setting("60"), {"Key": "routing.http2.enabled", "Value": "true"}]),
            json!([setting("60")]),
            json!([setting("60"), {"Key": "routing.http2.enabled", "Value": "true"}])
        ),
        Vec::<String>::new()
    );
}

#[test]
fn a_task_is_as_large_with_its_unit_as_without() {
    let task = "AWS::ECS::TaskDefinition";
    same(task, "Memory", json!("2 GB"), json!("2048"));
    same(task, "Memory", json!("0.5gb"), json!("512"));
    same(task, "Cpu", json!("1 vCPU"), json!("1024"));
    different(task, "Memory", json!("2 GB"), json!("4096"));
    different(task, "Cpu", json!("1 GB"), json!("1024"));
}

/// An empty map that says which of several actions it is means something.
#[test]
fn another_choice_is_a_change_although_it_is_empty() {
    let found = |declared: serde_json::Value, live: serde_json::Value| {
        let facts = crate::facts::facts().get("AWS::WAFv2::WebACL").unwrap();
        let found = compare(
            &facts,
            &Value::from(declared),
            &Value::from(live),
            &CompareOptions::default(),
        );
        let changes = found.changes.into_iter();
        changes
            .map(|change| change.property.to_string())
            .collect::<Vec<_>>()
    };
    let action = |action: &str| serde_json::json!({"DefaultAction": {action: {}}});
    assert_eq!(found(action("Block"), action("Allow")), ["DefaultAction"]);
    assert_eq!(found(action("Block"), action("Block")), [""; 0]);
    let with = serde_json::json!({"DefaultAction": {"Allow": {"CustomRequestHandling": {"InsertHeaders": [{"Name": "a", "Value": "b"}]}}}});
    assert_eq!(found(action("Block"), with.clone()), ["DefaultAction"]);
    assert_eq!(
        found(action("Allow"), with),
        [""; 0],
        "what AWS adds is no change"
    );
}
