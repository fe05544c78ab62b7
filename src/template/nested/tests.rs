//! Nested stacks as people and the CDK write them: what stands for what, and what is wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use insta::assert_snapshot;
use payctl_model::{Address, AttributeOf, Value};
use proptest::prelude::*;

use super::super::*;
use crate::graph::{ResourceGraph, Rules};

type Files<'a> = &'a [(&'a str, &'a str)];

/// The template of the first file, with those of its nested stacks.
fn read(files: Files<'_>) -> Result<Template, Vec<Diagnostic>> {
    fn one(name: &str, files: Files<'_>) -> Result<Template, Vec<Diagnostic>> {
        let (_, text) = files.iter().find(|(file, _)| *file == name).unwrap();
        let template = load(name, text)?;
        let mut found = BTreeMap::new();
        for nested in template.nested_stacks() {
            let file = nested.location.file.clone().unwrap();
            found.insert(nested.location, Arc::new(one(&file, files)?));
        }
        template.with_nested(found)
    }
    one(files[0].0, files)
}

fn inputs() -> Inputs {
    Inputs {
        region: "us-east-1".into(),
        account: "123456789012".into(),
        partition: "aws".into(),
        stack: "shop".into(),
        stack_name: "payments-test-shop".into(),
        stack_id: "arn:aws:cloudformation:us-east-1:123456789012:stack/payments-test-shop/6f5a5d2c-8f0a-5c8e-9d33-2f1f5e0b7a11".into(),
        availability_zones: BTreeMap::from([(
            "us-east-1".to_owned(),
            vec!["us-east-1a".to_owned(), "us-east-1b".to_owned()],
        )]),
        ..Inputs::default()
    }
}

fn show(mistakes: Vec<Diagnostic>) -> String {
    let shown = mistakes.iter().map(|mistake| {
        let address = mistake.address.as_deref().unwrap_or("-");
        format!("{address}: {mistake}")
    });
    shown.collect::<Vec<_>>().join("\n\n")
}

fn stack(files: Files<'_>) -> Stack {
    let template = read(files).map_err(show).unwrap();
    template.instantiate(&inputs()).map_err(show).unwrap()
}

fn mistakes(files: Files<'_>) -> String {
    show(match read(files) {
        Err(mistakes) => mistakes,
        Ok(template) => template.instantiate(&inputs()).expect_err("it is wrong"),
    })
}

fn graph(stack: &Stack) -> ResourceGraph {
    ResourceGraph::build(std::slice::from_ref(stack), &Rules::default())
        .map_err(show)
        .unwrap()
}

/// `producer -> consumer`, with what is read or why it waits.
fn edges(stack: &Stack) -> String {
    let graph = graph(stack);
    let short = |address: &Address| format!("{}.{}", address.stack, address.logical_id);
    let line = |(from, to, edge): (&Address, &Address, &crate::graph::Edge)| {
        let read: Vec<&str> = edge.attributes().into_iter().collect();
        let why = match read.is_empty() {
            true => "DependsOn".to_owned(),
            false => read.join(", "),
        };
        format!("{} -> {}: {why}\n", short(from), short(to))
    };
    graph.edges().into_iter().map(line).collect()
}

fn properties(stack: &Stack, logical_id: &str) -> serde_json::Value {
    let properties = &stack.resources[logical_id].properties;
    properties.evaluate(&NoAttributes).unwrap().to_json()
}

fn of(stack: &str, logical_id: &str, attribute: &str) -> AttributeOf {
    Address::new("us-east-1", stack, logical_id).attribute(attribute)
}

const NETWORK: &str = "
Parameters:
  Cidr: {Type: String}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: !Ref Cidr}}
  One: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}
  Two: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24}}
Outputs:
  VpcId: {Value: !Ref Vpc}
  Subnets: {Value: !Join [', ', [!Ref One, !Ref Two]]}
";

const SERVICE: &str = "
Parameters:
  VpcId: {Type: 'AWS::EC2::VPC::Id'}
  Subnets: {Type: 'List<AWS::EC2::Subnet::Id>'}
  Name: {Type: String, Default: api}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: !Sub '${AWS::StackName} ${Name}', VpcId: !Ref VpcId}
  First:
    Type: AWS::EC2::NetworkInterface
    Properties: {SubnetId: !Select [0, !Ref Subnets], GroupSet: [!Ref Group]}
  Database:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: all, SubnetIds: !Ref Subnets}
";

const SHOP: &str = "
Resources:
  Network:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: network.yaml, Parameters: {Cidr: 10.0.0.0/16}}
  Service:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: service.yaml
      Parameters:
        VpcId: !GetAtt Network.Outputs.VpcId
        Subnets: !GetAtt Network.Outputs.Subnets
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Network}}
Outputs:
  Vpc: {Value: !Sub 'is ${Network.Outputs.VpcId}'}
";

#[test]
fn what_stands_in_a_nested_stack_waits_for_what_its_parameters_come_from() {
    let shop = stack(&[
        ("shop.yaml", SHOP),
        ("network.yaml", NETWORK),
        ("service.yaml", SERVICE),
    ]);
    // Who takes the first of two subnets does not wait for the second.
    assert_snapshot!(edges(&shop), @r#"
    shop/Network.One -> shop/Service.Database: Ref
    shop/Network.One -> shop/Service.First: Ref
    shop/Network.Two -> shop/Service.Database: Ref
    shop/Network.Vpc -> shop/Network.One: Ref
    shop/Network.Vpc -> shop/Network.Two: Ref
    shop/Network.Vpc -> shop/Service.Group: Ref
    shop/Service.Group -> shop/Service.First: Ref
    "#);
    assert_eq!(
        shop.outputs["Vpc"].value.references()[0].1,
        of("shop/Network", "Vpc", "Ref")
    );
    assert_eq!(
        properties(&shop.nested["Network"], "Vpc")["CidrBlock"],
        "10.0.0.0/16"
    );
}

#[test]
fn a_nested_stack_has_a_name_and_an_identifier_of_its_own() {
    let files = [
        ("shop.yaml", SHOP),
        ("network.yaml", NETWORK),
        ("service.yaml", SERVICE),
    ];
    let shop = stack(&files);
    let (network, service) = (&shop.nested["Network"], &shop.nested["Service"]);
    assert_snapshot!(network.stack_name, @r#"payments-test-shop-Network-CVEZF8M45NZ2"#);
    assert_snapshot!(properties(&shop, "Topic")["DisplayName"].as_str().unwrap(), @r#"arn:aws:cloudformation:us-east-1:123456789012:stack/payments-test-shop-Network-CVEZF8M45NZ2/cc2ba83e-5bd9-5f58-879a-5c8371842508"#);
    assert_eq!(
        properties(service, "Group")["GroupDescription"],
        format!("{} api", service.stack_name)
    );
    assert_eq!(stack(&files), shop, "the same names each time");
    let mut inputs = inputs();
    inputs.stack_name = "n".repeat(120);
    let (name, id) = inputs.names_of_nested("Network");
    assert_eq!(name.len(), 128);
    assert!(name.starts_with("nnn") && id.contains(&name), "{id}");
}

/// One nested stack with these parameters and this resource, given that.
fn given(declared: &str, given: &str, resource: &str) -> String {
    let parent = format!(
        "
Resources:
  Key: {{Type: AWS::KMS::Key, Properties: {{KeyPolicy: {{}}}}}}
  Queue: {{Type: AWS::SQS::Queue}}
  Own: {{Type: Custom::Own, Properties: {{ServiceToken: 'arn:aws:sns:us-east-1:123456789012:own'}}}}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {{TemplateURL: inner.yaml, Parameters: {given}}}
"
    );
    let inner = format!("Parameters: {declared}\n{resource}");
    let files = [("shop.yaml", parent.as_str()), ("inner.yaml", &inner)];
    let template = match read(&files) {
        Ok(template) => template,
        Err(mistakes) => return show(mistakes),
    };
    match template.instantiate(&inputs()) {
        Err(mistakes) => show(mistakes),
        Ok(stack) => stack.nested["Inner"]
            .resources
            .values()
            .map(|resource| {
                let value = resource.properties.evaluate(&NoAttributes).unwrap();
                format!("{} {}\n", resource.address.logical_id, value.to_json())
            })
            .collect(),
    }
}

const TOPIC: &str = "
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref P}}
";

#[test]
fn parameters_take_what_their_types_say() {
    let of_type = |type_name: &str, value: &str| {
        given(
            &format!("{{P: {{Type: {type_name}}}}}"),
            &format!("{{P: {value}}}"),
            TOPIC,
        )
    };
    assert_snapshot!(of_type("String", "!Ref Queue"), @r#"Topic {"DisplayName":{"$unknown":"us-east-1/shop.Queue.Ref"}}"#);
    assert_snapshot!(of_type("Number", "!GetAtt Queue.QueueName"), @r#"Topic {"DisplayName":{"$unknown":"us-east-1/shop.Queue.QueueName"}}"#);
    assert_snapshot!(of_type("String", "!Join [',', [a, !Ref Queue]]"), @r#"Topic {"DisplayName":{"$unknown":"us-east-1/shop.Queue.Ref"}}"#);
    let list = "
Resources:
  Pair: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: d, SubnetIds: !Ref P}}
";
    let listed = |value: &str| {
        given(
            "{P: {Type: CommaDelimitedList}}",
            &format!("{{P: {value}}}"),
            list,
        )
    };
    assert_snapshot!(listed("!Sub 'a , ${Queue.Arn}/x,b'"), @r#"Pair {"DBSubnetGroupDescription":"d","SubnetIds":["a",{"$unknown":"us-east-1/shop.Queue.Arn"},"b"]}"#);
    assert_snapshot!(listed("!Join [', ', [!Ref Queue, b, !GetAtt Key.Arn]]"), @r#"Pair {"DBSubnetGroupDescription":"d","SubnetIds":[{"$unknown":"us-east-1/shop.Queue.Ref"},"b",{"$unknown":"us-east-1/shop.Key.Arn"}]}"#);
    // What may have commas in it is cut when it is known.
    assert_snapshot!(listed("!Join [',', [!GetAtt Own.Answer, b]]"), @r#"Pair {"DBSubnetGroupDescription":"d","SubnetIds":{"$unknown":"us-east-1/shop.Own.Answer"}}"#);
    // Of what may be one and of what may not.
    assert_snapshot!(of_type("String", "!Split [',', !Ref Queue]"), @r#"
    us-east-1/shop.Inner: error[bad-parameter]: the parameter `P` takes a text, not a list; join the list by Fn::Join
     --> shop.yaml:8:59
    8 |     Properties: {TemplateURL: inner.yaml, Parameters: {P: !Split [',', !Ref Queue]}}
      |                                                           ^^^^^^
      help: inner.yaml:1:14 says what it takes
    "#);
    assert_snapshot!(of_type("'AWS::SSM::Parameter::Value<String>'", "!Ref Queue"), @r#"
    us-east-1/shop.Inner: error[bad-parameter]: the parameter `P` names a parameter of Systems Manager: the name must be known before anything is created
     --> shop.yaml:8:59
    8 |     Properties: {TemplateURL: inner.yaml, Parameters: {P: !Ref Queue}}
      |                                                           ^^^^^^^^^^
      help: inner.yaml:1:14 says what it takes
    "#);
    assert_snapshot!(given("{P: {Type: String, AllowedValues: [a, b]}}", "{P: c}", TOPIC), @r#"
    us-east-1/shop.Inner: error[bad-parameter]: parameter `P`: `c` is none of the allowed values: a, b
     --> shop.yaml:8:59
    8 |     Properties: {TemplateURL: inner.yaml, Parameters: {P: c}}
      |                                                           ^
      help: inner.yaml:1:14 says what it takes
    "#);
    assert_snapshot!(given("{P: {Type: Number, MaxValue: 3, Description: how many}}", "{P: 4}", TOPIC), @r#"
    us-east-1/shop.Inner: error[bad-parameter]: parameter `P`: `4` is more than MaxValue 3
     --> shop.yaml:8:59
    8 |     Properties: {TemplateURL: inner.yaml, Parameters: {P: 4}}
      |                                                           ^
      help: inner.yaml:1:14 says what it takes; what it is for: how many
    "#);
    assert_snapshot!(given("{P: {Type: String}}", "{Q: c}", TOPIC), @r#"
    Inner: error[missing-parameter]: the parameter `P` of the nested stack has no value
     --> shop.yaml:6:3
    6 |   Inner:
      |   ^^^^^
      help: give it under Parameters of `Inner`; inner.yaml:1:14 declares it without a default

    Inner: error[unknown-parameter]: there is no parameter `Q` in inner.yaml
     --> shop.yaml:8:56
    8 |     Properties: {TemplateURL: inner.yaml, Parameters: {Q: c}}
      |                                                        ^
      help: did you mean `P`?
    "#);
    // What a dynamic reference stands for is not looked into.
    assert_snapshot!(given("{P: {Type: String, MaxLength: 3}}", "{P: '{{resolve:ssm:/name}}'}", TOPIC), @r#"Topic {"DisplayName":"{{resolve:ssm:/name}}"}"#);
}

#[test]
fn what_a_parameter_without_echo_is_given_is_secret_once_it_is_known() {
    let parent = "
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner.yaml, Parameters: {P: !GetAtt Queue.QueueName}}
";
    let inner = format!("Parameters: {{P: {{Type: String, NoEcho: true}}}}\n{TOPIC}");
    let shop = stack(&[("shop.yaml", parent), ("inner.yaml", &inner)]);
    let topic = &shop.nested["Inner"].resources["Topic"].properties;
    let known = BTreeMap::from([(of("shop", "Queue", "QueueName"), Value::from("orders"))]);
    let value = topic.evaluate(&known).unwrap();
    assert_eq!(value.get("DisplayName"), Some(&Value::secret("orders")));
    assert_eq!(topic.references().len(), 1);
}

const CONDITIONED: &str = "
Conditions:
  Has: !Not [!Equals [!Ref P, '']]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Condition: Has
    Properties: {DisplayName: !Ref P}
";

#[test]
fn conditions_are_decided_where_what_is_known_is_enough() {
    let has = |value: &str| given("{P: {Type: String, Default: ''}}", value, CONDITIONED);
    assert_snapshot!(has("{}"), @"");
    assert_snapshot!(has("{P: !GetAtt Key.Arn}"), @r#"Topic {"DisplayName":{"$unknown":"us-east-1/shop.Key.Arn"}}"#);
    assert_snapshot!(has("{P: !Sub 'arn:${Queue.QueueName}'}"), @r#"Topic {"DisplayName":{"$unknown":"us-east-1/shop.Queue.QueueName"}}"#);
    assert_snapshot!(has("{P: !GetAtt Queue.QueueName}"), @r#"
    us-east-1/shop.Inner: error[not-known-yet]: whether `Topic` exists must be known before anything is created, but its condition `Has` is made from `QueueName` of `us-east-1/shop.Queue`, which only AWS can tell
     --> inner.yaml:4:8
    4 |   Has: !Not [!Equals [!Ref P, '']]
      |        ^^^^
      help: give the nested stack a value that is known at once: a text, a parameter, or the name of something rather than what AWS calls it
    "#);
    // A property may be made with a condition that is only known later.
    let inner = "
Parameters: {P: {Type: String}}
Conditions: {Is: !Equals [!Ref P, orders], Not: !Not [!Condition Is]}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !If [Not, other, !Ref P], TopicName: !If [Not, !Ref AWS::NoValue, x]}
";
    let parent = "
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner.yaml, Parameters: {P: !GetAtt Queue.QueueName}}
";
    let shop = stack(&[("shop.yaml", parent), ("inner.yaml", inner)]);
    let topic = &shop.nested["Inner"].resources["Topic"].properties;
    let with = |name: &str| {
        let known = BTreeMap::from([(of("shop", "Queue", "QueueName"), Value::from(name))]);
        topic.evaluate(&known).unwrap().to_json().to_string()
    };
    assert_eq!(
        with("orders"),
        r#"{"DisplayName":"orders","TopicName":"x"}"#
    );
    assert_eq!(with("jobs"), r#"{"DisplayName":"other"}"#);
    assert_snapshot!(edges(&shop), @r#"shop.Queue -> shop/Inner.Topic: QueueName"#);
}

#[test]
fn depends_on_a_nested_stack_means_all_that_is_in_it() {
    let inner = "
Parameters: {Some: {Type: String, Default: 'yes'}}
Conditions: {Some: !Equals [!Ref Some, 'yes']}
Resources:
  A: {Type: AWS::SNS::Topic, Condition: Some}
  B: {Type: AWS::SNS::Topic, Condition: Some, Properties: {DisplayName: !If [Some, !Ref A, '']}}
";
    let parent = "
Resources:
  Before: {Type: AWS::SQS::Queue}
  One: {Type: AWS::CloudFormation::Stack, DependsOn: Before, Properties: {TemplateURL: inner.yaml}}
  Two:
    Type: AWS::CloudFormation::Stack
    DependsOn: One
    Properties: {TemplateURL: inner.yaml, Parameters: {Some: 'no'}}
  Three: {Type: AWS::CloudFormation::Stack, DependsOn: Two, Properties: {TemplateURL: inner.yaml}}
  After: {Type: AWS::SQS::Queue, DependsOn: Three}
";
    let shop = stack(&[("shop.yaml", parent), ("inner.yaml", inner)]);
    assert!(shop.nested["Two"].resources.is_empty());
    assert_snapshot!(edges(&shop), @r#"
    shop.Before -> shop/One.A: DependsOn
    shop/One.A -> shop/One.B: Ref
    shop/One.A -> shop/Three.A: DependsOn
    shop/One.B -> shop/Three.A: DependsOn
    shop/Three.A -> shop.After: DependsOn
    shop/Three.A -> shop/Three.B: Ref
    shop/Three.B -> shop.After: DependsOn
    "#);
}

#[test]
fn a_handle_is_no_resource_and_hands_on_what_it_waits_for() {
    let text = "
Resources:
  Before: {Type: AWS::SQS::Queue}
  Handle: {Type: AWS::CloudFormation::WaitConditionHandle, DependsOn: Before}
  After: {Type: AWS::SNS::Topic, DependsOn: Handle, Properties: {DisplayName: !Ref Handle}}
";
    let shop = stack(&[("shop.yaml", text)]);
    assert_eq!(shop.resources.len(), 2);
    assert_snapshot!(edges(&shop), @"shop.Before -> shop.After: DependsOn");
    assert_snapshot!(properties(&shop, "After")["DisplayName"].as_str().unwrap(), @"https://cloudformation-waitcondition-us-east-1.s3.us-east-1.amazonaws.com/arn:aws:cloudformation:us-east-1:123456789012:stack/payments-test-shop/6f5a5d2c-8f0a-5c8e-9d33-2f1f5e0b7a11/Handle");
}

#[test]
fn what_a_nested_stack_is_told_holds_for_all_that_is_in_it() {
    let parent = "
Conditions: {Never: !Equals [a, b]}
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Kept:
    Type: AWS::CloudFormation::Stack
    DeletionPolicy: Retain
    Properties:
      TemplateURL: middle.yaml
      TimeoutInMinutes: 10
      NotificationARNs: ['arn:aws:sns:us-east-1:123456789012:all']
      Tags: [{Key: team, Value: orders}, {Key: from, Value: !GetAtt Queue.Arn}]
  Left: {Type: AWS::CloudFormation::Stack, Condition: Never, Properties: {TemplateURL: inner.yaml}}
";
    let middle = "
Resources:
  Own: {Type: AWS::SNS::Topic, DeletionPolicy: Delete}
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner.yaml, Tags: [{Key: team, Value: ledger}]}
";
    let inner = "
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Metadata: {Type: AWS::CDK::Metadata, Properties: {Analytics: x}}
Outputs:
  Arn: {Value: !Ref Topic, Export: {Name: !Sub '${AWS::StackName}-topic'}}
";
    let shop = stack(&[
        ("shop.yaml", parent),
        ("middle.yaml", middle),
        ("inner.yaml", inner),
    ]);
    assert_eq!(shop.nested.keys().collect::<Vec<_>>(), ["Kept"]);
    let (kept, inner) = (&shop.nested["Kept"], &shop.nested["Kept"].nested["Inner"]);
    for resource in kept.resources.values().chain(inner.resources.values()) {
        assert_eq!(resource.deletion_policy, Some(DeletionPolicy::Retain));
    }
    let tags = |stack: &Stack| -> BTreeMap<String, String> {
        let tags = stack.tags.iter();
        tags.map(|(key, tag)| {
            let value = tag.evaluate(&NoAttributes).unwrap();
            (key.clone(), value.to_json().to_string())
        })
        .collect()
    };
    assert_snapshot!(format!("{:?}\n{:?}", tags(kept), tags(inner)), @r#"
    {"from": "{\"$unknown\":\"us-east-1/shop.Queue.Arn\"}", "team": "\"orders\""}
    {"from": "{\"$unknown\":\"us-east-1/shop.Queue.Arn\"}", "team": "\"ledger\""}
    "#);
    // A tag is a property like others: who has it waits for what it is made from.
    assert_snapshot!(edges(&shop), @r#"
    shop.Queue -> shop/Kept.Own: Arn
    shop.Queue -> shop/Kept/Inner.Topic: Arn
    "#);
    let warnings: Vec<String> = shop.warnings.iter().map(Diagnostic::in_one_line).collect();
    assert_snapshot!(warnings.join("\n"), @r#"
    shop.yaml:11:7: NotificationARNs: payctl notifies nobody of a stack's events
    shop.yaml:10:7: TimeoutInMinutes: each resource has a time limit of its own, a nested stack none
    "#);
    assert!(
        inner
            .exports
            .contains_key(&format!("{}-topic", inner.stack_name))
    );
}

#[test]
fn loops_make_nested_stacks() {
    let parent = "
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: 'Orders,Ledger'}}
Resources:
  Fn::ForEach::Each:
    - Name
    - !Ref Names
    - '${Name}Stack':
        Type: AWS::CloudFormation::Stack
        Properties: {TemplateURL: inner.yaml, Parameters: {P: !Sub '${Name}'}}
";
    let inner = format!("Parameters: {{P: {{Type: String}}}}\n{TOPIC}");
    let shop = stack(&[("shop.yaml", parent), ("inner.yaml", &inner)]);
    let names: Vec<_> = shop.nested.keys().collect();
    assert_eq!(names, ["LedgerStack", "OrdersStack"]);
    assert_eq!(
        properties(&shop.nested["OrdersStack"], "Topic")["DisplayName"],
        "Orders"
    );
}

#[test]
fn look_ups_of_nested_stacks_are_told() {
    let parent = "
Parameters: {Path: {Type: String, Default: /net}}
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner.yaml, Parameters: {Vpc: !Sub '${Path}/vpc', Region: eu-west-1}}
";
    let inner = "
Parameters: {Vpc: {Type: 'AWS::SSM::Parameter::Value<String>'}, Region: {Type: String}}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: !Select [0, !GetAZs {Ref: Region}], VpcId: !Ref Vpc}
";
    let template = read(&[("shop.yaml", parent), ("inner.yaml", inner)])
        .map_err(show)
        .unwrap();
    let wanted = template.lookups(&inputs());
    assert_eq!(
        wanted.ssm_parameters.keys().collect::<Vec<_>>(),
        ["/net/vpc"]
    );
    assert_eq!(
        wanted.availability_zones,
        BTreeSet::from(["eu-west-1".to_owned()])
    );
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let service = SERVICE.replace("!Ref VpcId", "!GetAtt Nothing.Arn");
    assert_snapshot!(mistakes(&[("shop.yaml", SHOP), ("network.yaml", NETWORK), ("service.yaml", &service)]), @r#"
    Group: error[unknown-reference]: there is no resource `Nothing`
     --> service.yaml:9:85
    9 |     Properties: {GroupDescription: !Sub '${AWS::StackName} ${Name}', VpcId: !GetAtt Nothing.Arn}
      |                                                                                     ^^^^^^^
      help: resources of this template: Database, First, Group
    "#);
    let shop = SHOP
        .replace("Network.Outputs.VpcId", "Network.Outputs.VpcID")
        .replace("{Cidr: 10.0.0.0/16}", "{Cider: 10.0.0.0/16}");
    let files = [
        ("shop.yaml", shop.as_str()),
        ("network.yaml", NETWORK),
        ("service.yaml", SERVICE),
    ];
    assert_snapshot!(mistakes(&files), @r#"
    Network: error[missing-parameter]: the parameter `Cidr` of the nested stack has no value
     --> shop.yaml:3:3
    3 |   Network:
      |   ^^^^^^^
      help: give it under Parameters of `Network`; network.yaml:3:3 declares it without a default

    Network: error[unknown-parameter]: there is no parameter `Cider` in network.yaml
     --> shop.yaml:5:58
    5 |     Properties: {TemplateURL: network.yaml, Parameters: {Cider: 10.0.0.0/16}}
      |                                                          ^^^^^
      help: did you mean `Cidr`?

    Service: error[unknown-attribute]: the nested stack `Network` has no output `VpcID`
      --> shop.yaml:11:32
    11 |         VpcId: !GetAtt Network.Outputs.VpcID
       |                                ^^^^^^^^^^^^^
      help: did you mean `Outputs.VpcId`?

    -: error[unknown-attribute]: the nested stack `Network` has no output `VpcID`
      --> shop.yaml:15:27
    15 |   Vpc: {Value: !Sub 'is ${Network.Outputs.VpcID}'}
       |                           ^^^^^^^^^^^^^^^^^^^^^
      help: did you mean `Outputs.VpcId`?
    "#);
    let round = "
Resources:
  A:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner.yaml, Parameters: {P: !GetAtt B.Outputs.Out}}
  B:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: inner.yaml, Parameters: {P: !GetAtt A.Outputs.Out}}
";
    let inner = format!(
        "Parameters: {{P: {{Type: String}}}}\nConditions: {{Never: !Equals [a, b]}}\n{TOPIC}Outputs: {{Out: {{Value: !Ref Topic}}, Not: {{Condition: Never, Value: x}}}}\n"
    );
    assert_snapshot!(mistakes(&[("shop.yaml", round), ("inner.yaml", &inner)]), @r#"
    us-east-1/shop.B: error[cycle]: nested stacks need each other's outputs: `A` is given what is made from its own output `Out`
     --> shop.yaml:8:59
    8 |     Properties: {TemplateURL: inner.yaml, Parameters: {P: !GetAtt A.Outputs.Out}}
      |                                                           ^^^^^^^^^^^^^^^^^^^^^
    "#);
    let conditional = "
Conditions: {Never: !Equals [a, b]}
Resources:
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml, Parameters: {P: x}}}
  B: {Type: AWS::CloudFormation::Stack, Condition: Never, Properties: {TemplateURL: inner.yaml, Parameters: {P: x}}}
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.Outputs.Not, TopicName: !GetAtt B.Outputs.Out}}
";
    assert_snapshot!(mistakes(&[("shop.yaml", conditional), ("inner.yaml", &inner)]), @r#"
    us-east-1/shop.Topic: error[conditional-reference]: the output `Not` of the nested stack `A` does not exist here: its condition is false
     --> shop.yaml:6:60
    6 |   Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.Outputs.Not, TopicName: !GetAtt B.Outputs.Out}}
      |                                                            ^^^^^^^^^^^^^^^^^^^^^
      help: give it the same condition, or use Fn::If with AWS::NoValue on the other side

    us-east-1/shop.Topic: error[conditional-reference]: `B` does not exist here: its condition `Never` is false
     --> shop.yaml:6:94
    6 |   Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.Outputs.Not, TopicName: !GetAtt B.Outputs.Out}}
      |                                                                                              ^^^^^^^^^^^^^^^^^^^^^
      help: give it the same condition, or use Fn::If with AWS::NoValue on the other side
    "#);
    // What the inner template's own functions make of what it is given.
    let wrong = "
Resources:
  A: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: inner.yaml, Parameters: {P: x}}}
";
    let inner = "
Parameters: {P: {Type: String}}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [1, !Split [',', !Ref P]], FifoTopic: !Ref P}}
";
    assert_snapshot!(mistakes(&[("shop.yaml", wrong), ("inner.yaml", inner)]), @r#"
    us-east-1/shop/A.Topic: error[bad-argument]: Fn::Select cannot select index 1 of a list with 1 item (indexes start at 0)
     --> inner.yaml:4:60
    4 |   Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [1, !Split [',', !Ref P]], FifoTopic: !Ref P}}
      |                                                            ^^^^^^^
    "#);
}

#[test]
fn stacks_are_not_nested_for_ever() {
    let outer = |inner: &str| {
        format!(
            "
Resources:
  A: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {inner}}}}}
  B: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: {inner}}}}}
"
        )
    };
    let files: Vec<(String, String)> = (0..30)
        .map(|level| {
            let text = match level {
                29 => "Resources: {T: {Type: AWS::SNS::Topic}}".to_owned(),
                _ => outer(&format!("{}.yaml", level + 1)),
            };
            (format!("{level}.yaml"), text)
        })
        .collect();
    let mut template = Arc::new(load(&files[29].0, &files[29].1).unwrap());
    for (name, text) in files[..29].iter().rev() {
        let outer = load(name, text).unwrap();
        let locations = outer
            .nested_stacks()
            .into_iter()
            .map(|nested| nested.location);
        let found = locations
            .map(|location| (location, template.clone()))
            .collect();
        match outer.with_nested(found) {
            Ok(outer) => template = Arc::new(outer),
            Err(mistakes) => {
                assert_snapshot!(show(mistakes), @r#"
                -: error[nested-stack]: with its nested stacks this template makes more than 100000 resources
                 --> 12.yaml:1:1
                1 | 
                  | ^
                  help: stacks that are nested twice on each level double with each: nest less
                "#);
                return;
            }
        }
    }
    panic!("a billion topics");
}

/// Topics that name each other, the later the earlier, and which of them stand together in a nested stack.
fn topics() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<usize>)> {
    (2..9usize).prop_flat_map(|count| {
        let uses = (0..count)
            .map(|index| {
                prop::collection::vec(0..count, 0..3).prop_map(move |all| {
                    let earlier = all.into_iter().filter(|other| *other < index);
                    earlier
                        .collect::<BTreeSet<_>>()
                        .into_iter()
                        .collect::<Vec<_>>()
                })
            })
            .collect::<Vec<_>>();
        // Neighbours stand together, so that stacks need no circle. 0 is the parent.
        let groups = prop::collection::vec(0..3usize, count).prop_map(|steps| {
            let mut group = 0;
            let step = |step: usize| match step {
                0 => 0,
                1 => group,
                _ => {
                    group += 1;
                    group
                }
            };
            steps.into_iter().map(step).collect::<Vec<_>>()
        });
        (uses, groups)
    })
}

/// The topics as one template, or with a nested stack for each group.
fn written(uses: &[Vec<usize>], groups: &[usize]) -> Vec<(String, String)> {
    let topic = |index: usize, here: &dyn Fn(usize) -> String| {
        let parts: Vec<String> = uses[index].iter().map(|other| here(*other)).collect();
        format!(
            "  T{index}: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !Sub 'x{}'}}}}\n",
            parts.concat()
        )
    };
    let mut parent = "Resources:\n".to_owned();
    let mut files = Vec::new();
    let own = |group: usize| (0..groups.len()).filter(move |index| groups[*index] == group);
    for index in own(0) {
        parent += &topic(index, &|other| match groups[other] {
            0 => format!("${{T{other}.TopicArn}}"),
            group => format!("${{G{group}.Outputs.T{other}}}"),
        });
    }
    let all: BTreeSet<usize> = groups.iter().copied().filter(|group| *group > 0).collect();
    for group in all {
        let needed: BTreeSet<usize> = own(group)
            .flat_map(|index| uses[index].iter().copied())
            .filter(|other| groups[*other] != group)
            .collect();
        let mut text = String::new();
        parent += &format!(
            "  G{group}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: g{group}.yaml\n"
        );
        if !needed.is_empty() {
            parent += "      Parameters:\n";
            text += "Parameters:\n";
        }
        for other in needed {
            let given = match groups[other] {
                0 => format!("T{other}.TopicArn"),
                from => format!("G{from}.Outputs.T{other}"),
            };
            parent += &format!("        P{other}: !GetAtt {given}\n");
            text += &format!("  P{other}: {{Type: String}}\n");
        }
        text += "Resources:\n";
        for index in own(group) {
            text += &topic(index, &|other| match groups[other] == group {
                true => format!("${{T{other}.TopicArn}}"),
                false => format!("${{P{other}}}"),
            });
        }
        text += "Outputs:\n";
        for index in own(group) {
            text += &format!("  T{index}: {{Value: !GetAtt T{index}.TopicArn}}\n");
        }
        files.push((format!("g{group}.yaml"), text));
    }
    files.insert(0, ("parent.yaml".to_owned(), parent));
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nesting_changes_addresses_and_nothing_else((uses, groups) in topics()) {
        // An earlier group must not need a later one through the parent: it cannot, the later name the earlier.
        let edges = |groups: &[usize]| {
            let files = written(&uses, groups);
            let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            let stack = stack(&files);
            let graph = graph(&stack);
            let nodes: BTreeMap<String, String> = graph
                .nodes()
                .map(|(address, node)| {
                    let mut attributes = BTreeMap::new();
                    for (_, of) in node.resource.properties.references() {
                        attributes.insert(of.clone(), Value::from(of.address.logical_id.as_str()));
                    }
                    let value = node.resource.properties.evaluate(&attributes).unwrap();
                    (address.logical_id.clone(), value.to_json().to_string())
                })
                .collect();
            let edges: BTreeSet<(String, String)> = graph
                .edges()
                .into_iter()
                .map(|(from, to, _)| (from.logical_id.clone(), to.logical_id.clone()))
                .collect();
            (nodes, edges)
        };
        prop_assert_eq!(edges(&groups), edges(&vec![0; groups.len()]));
    }
}
