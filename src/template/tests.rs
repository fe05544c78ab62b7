//! Whole templates through [`load`], [`Template::instantiate`] and evaluation.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, AttributeOf, Value};
use proptest::prelude::*;

use super::expr::{Field, Function, Kind, Tree};
use super::*;

fn inputs() -> Inputs {
    Inputs {
        region: "us-east-1".into(),
        account: "123456789012".into(),
        partition: "aws".into(),
        stack: "primary".into(),
        stack_name: "shop-test-primary".into(),
        stack_id: "arn:aws:cloudformation:us-east-1:123456789012:stack/shop-test-primary/1-2-3"
            .into(),
        parameters: BTreeMap::new(),
        availability_zones: BTreeMap::from([(
            "us-east-1".to_owned(),
            ["a", "b", "c"]
                .map(|zone| format!("us-east-1{zone}"))
                .to_vec(),
        )]),
        ssm_parameters: BTreeMap::new(),
        ..Inputs::default()
    }
}

fn show(diagnostics: Vec<Diagnostic>) -> String {
    diagnostics
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

fn instantiate(text: &str, parameters: &[(&str, &str)]) -> Stack {
    let template = load("t.yaml", text).map_err(show).unwrap();
    let mut inputs = inputs();
    inputs.parameters = parameters
        .iter()
        .map(|(name, value)| (name.to_string(), Value::from(*value)))
        .collect();
    template.instantiate(&inputs).map_err(show).unwrap()
}

fn of(logical_id: &str, attribute: &str) -> AttributeOf {
    Address::new("us-east-1", "primary", logical_id).attribute(attribute)
}

fn properties(stack: &Stack, logical_id: &str) -> serde_json::Value {
    stack.resources[logical_id]
        .properties
        .evaluate(&NoAttributes)
        .unwrap()
        .to_json()
}

const NETWORK: &str = r#"
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Block: {Type: String, Default: 10.0.0.0/16}
  Public: {Type: String, Default: no, AllowedValues: [yes, no]}
  Names: {Type: CommaDelimitedList, Default: "a, b"}
  Secret: {Type: String, NoEcho: true, Default: s3cr3t}
  Port: {Type: Number, Default: 080}
Mappings:
  Sizes:
    us-east-1: {Bits: 8, Names: [x, y]}
Conditions:
  IsPublic: !Equals [!Ref Public, "true"]
  IsPrivate: !Not [!Condition IsPublic]
  Both: !And [!Condition IsPublic, !Condition IsPrivate]
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    DeletionPolicy: Retain
    Properties:
      CidrBlock: !Ref Block
      EnableDnsSupport: "true"
      InstanceTenancy: !If [IsPublic, dedicated, !Ref AWS::NoValue]
      Tags:
        - Key: Name
          Value: !Sub "${AWS::StackName}-${Block}-${!Kept}-${Port}"
        - !If [Both, {Key: Never, Value: x}, !Ref AWS::NoValue]
  Subnet:
    Type: AWS::EC2::Subnet
    DependsOn: [Vpc, Gateway]
    Properties:
      VpcId: !Ref Vpc
      AvailabilityZone: !Select [1, !GetAZs ""]
      CidrBlock: !Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 4, !FindInMap [Sizes, !Ref AWS::Region, Bits]]]
      Tags: [{Key: Names, Value: !Join ["+", !Ref Names]}, {Key: More, Value: !Join ["", [!Ref Vpc, !Ref Secret]]}]
  Gateway:
    Type: AWS::EC2::InternetGateway
    Condition: IsPublic
  Log:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: !Sub ["/${x}/${AWS::URLSuffix}", {x: !Select [5, !Split ["-", a-b-c-d-e-f]]}]
      KmsKeyId: !ImportValue {"Fn::Sub": "${AWS::Region}-key"}
      Tags: [{Key: Secret, Value: !Base64 {Ref: Secret}}]
Outputs:
  VpcId:
    Value: !Ref Vpc
    Export: {Name: !Sub "${AWS::StackName}-vpc"}
  Gateway: {Condition: IsPublic, Value: !Ref Gateway}
"#;

#[test]
fn a_template_is_folded_to_what_only_aws_can_tell() {
    let stack = instantiate(NETWORK, &[]);
    assert_eq!(
        stack.resources.keys().collect::<Vec<_>>(),
        ["Log", "Subnet", "Vpc"]
    );
    assert_eq!(
        properties(&stack, "Vpc"),
        serde_json::json!({"CidrBlock": "10.0.0.0/16", "EnableDnsSupport": "true",
            "Tags": [{"Key": "Name", "Value": "shop-test-primary-10.0.0.0/16-${Kept}-080"}]})
    );
    let subnet = &stack.resources["Subnet"];
    assert_eq!(subnet.depends_on, BTreeSet::from(["Vpc".to_owned()]));
    let wanted: Vec<String> = subnet
        .properties
        .references()
        .into_iter()
        .map(|(path, of)| format!("{path} <- {of}"))
        .collect();
    assert_eq!(
        wanted,
        [
            "CidrBlock <- us-east-1/primary.Vpc.CidrBlock",
            "Tags.1.Value <- us-east-1/primary.Vpc.Ref",
            "VpcId <- us-east-1/primary.Vpc.Ref",
        ]
    );
    assert_eq!(
        properties(&stack, "Subnet")["CidrBlock"],
        serde_json::json!({"$unknown": "us-east-1/primary.Vpc.CidrBlock"})
    );
    let known = BTreeMap::from([
        (of("Vpc", "CidrBlock"), Value::from("10.0.0.0/16")),
        (of("Vpc", "Ref"), Value::from("vpc-1")),
    ]);
    let value = subnet.properties.evaluate(&known).unwrap();
    assert_eq!(
        value.at(&"CidrBlock".into()),
        Some(&Value::from("10.0.1.0/24"))
    );
    assert_eq!(
        value.at(&"AvailabilityZone".into()),
        Some(&Value::from("us-east-1b"))
    );
    assert_eq!(value.at(&"Tags.0.Value".into()), Some(&Value::from("a+b")));
    assert_eq!(
        value.at(&"Tags.1.Value".into()),
        Some(&Value::secret("vpc-1s3cr3t"))
    );
    assert_eq!(
        stack.exports,
        BTreeMap::from([("shop-test-primary-vpc".to_owned(), "VpcId".to_owned())])
    );

    let log = &stack.resources["Log"].properties;
    assert_eq!(
        log.links()
            .into_iter()
            .map(|(path, link, _)| format!("{path} {link:?}"))
            .collect::<Vec<_>>(),
        ["KmsKeyId Import(\"us-east-1-key\")"]
    );
    assert_eq!(
        log.evaluate(&NoAttributes).unwrap_err().code,
        "unknown-export"
    );
    let linked = log
        .linked(&mut |_| Some(Expr::value("arn:key".into())))
        .evaluate(&NoAttributes)
        .unwrap();
    assert_eq!(
        linked.get("LogGroupName"),
        Some(&Value::from("/f/amazonaws.com"))
    );
    assert_eq!(
        linked.at(&"Tags.0.Value".into()),
        Some(&Value::secret("czNjcjN0"))
    );
}

#[test]
fn parameters_decide_conditions() {
    let stack = instantiate(NETWORK, &[("Public", "true")]);
    assert!(stack.resources.contains_key("Gateway") && stack.outputs.contains_key("Gateway"));
    assert_eq!(properties(&stack, "Vpc")["InstanceTenancy"], "dedicated");
    assert_eq!(stack.resources["Subnet"].depends_on.len(), 2);
}

#[test]
fn lookups_are_told_before_instantiation() {
    let text = "Resources:\n  S:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: !Join ['', [!Select [0, !GetAZs eu-west-1], !Select [0, !GetAZs {Ref: AWS::Region}]]]\n";
    let template = load("t.yaml", text).map_err(show).unwrap();
    let wanted: Vec<String> = template
        .lookups(&inputs())
        .availability_zones
        .into_iter()
        .collect();
    assert_eq!(wanted, ["eu-west-1", "us-east-1"]);
    assert!(
        show(template.instantiate(&inputs()).unwrap_err())
            .contains("zones of the region `eu-west-1` are not known")
    );
}

#[test]
fn json_and_yaml_are_one() {
    let yaml = "\u{feff}Resources:\r\n  V:\r\n    Type: AWS::EC2::VPC\r\n    Properties: {CidrBlock: !Sub '${AWS::AccountId}'}\r\n";
    let json = "\u{feff}\t{\"Resources\": {\"V\": {\"Type\": \"AWS::EC2::VPC\",\n\t\"Properties\": {\"CidrBlock\": {\"Fn::Sub\": \"${AWS::AccountId}\"}}}}}";
    assert_eq!(
        properties(&instantiate(yaml, &[]), "V"),
        properties(&instantiate(json, &[]), "V")
    );
}

#[test]
fn attribute_that_is_only_hashed_is_no_argument() {
    let text = "Resources:\n  V:\n    Type: Custom::Thing\n    Properties: {ServiceToken: t, Plain: !GetAtt W.Secret, Made: !Sub 'x${W.Secret}'}\n  W: {Type: Custom::Thing, Properties: {ServiceToken: t}}\n";
    let stack = instantiate(text, &[]);
    let hashed = Value::Secret(payctl_model::Secret::Hashed("h".into()));
    let known = BTreeMap::from([(of("W", "Secret"), hashed.clone())]);
    let value = stack.resources["V"].properties.evaluate(&known).unwrap();
    assert_eq!(value.get("Plain"), Some(&hashed));
    assert_eq!(value.get("Made"), Some(&Value::unknown(of("W", "Secret"))));
}

fn attribute(index: usize) -> AttributeOf {
    Address::new("r", "s", "R").attribute(format!("A{index}"))
}

fn expr(kind: Kind<Reference>) -> Expr {
    Tree::new(kind, Span::default())
}

/// Expressions over four attributes: well-formed ones and such that fail.
fn any_expr() -> impl Strategy<Value = Expr> {
    let leaf = prop_oneof![
        (0..4usize).prop_map(|index| expr(Kind::Leaf(Reference::Attribute(attribute(index))))),
        prop_oneof![
            "[a-c,]{0,4}".prop_map(Value::from),
            (-1..3i64).prop_map(Value::from),
            any::<bool>().prop_map(Value::from)
        ]
        .prop_map(|value| expr(Kind::Value(value))),
        Just(expr(Kind::Value(Value::secret("s,t")))),
        Just(expr(Kind::NoValue)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list =
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| expr(Kind::List(items)));
        let text = |text: &str| expr(Kind::Value(Value::from(text)));
        let call = |function, arguments| expr(Kind::Call(function, arguments));
        let condition = prop_oneof![
            any::<bool>().prop_map(|flag| expr(Kind::Value(Value::from(flag)))),
            (inner.clone(), inner.clone())
                .prop_map(move |(a, b)| call(Function::Equals, vec![a, b])),
        ];
        let condition = prop_oneof![
            condition.clone(),
            (condition.clone(), condition.clone())
                .prop_map(move |(a, b)| call(Function::And, vec![a, b])),
            (condition.clone(), condition.clone())
                .prop_map(move |(a, b)| call(Function::Or, vec![a, b])),
            condition.prop_map(move |a| call(Function::Not, vec![a])),
        ];
        prop_oneof![
            list.clone(),
            (
                prop::collection::btree_map("[xyz]", inner.clone(), 0..3),
                any::<bool>()
            )
                .prop_map(|(map, backwards)| {
                    let count = map.len();
                    let fields = map.into_iter().enumerate().map(|(index, (key, value))| {
                        let offset = if backwards { count - index } else { index };
                        let key_span = Span { offset, length: 1 };
                        (
                            key,
                            Field {
                                key: key_span,
                                value,
                            },
                        )
                    });
                    expr(Kind::Map(fields.collect()))
                }),
            list.clone()
                .prop_map(move |items| call(Function::Join, vec![text("-"), items])),
            prop::collection::vec(inner.clone(), 0..3)
                .prop_map(move |pieces| call(Function::Sub, pieces)),
            inner
                .clone()
                .prop_map(move |piece| call(Function::Split, vec![text(","), piece])),
            list.clone()
                .prop_map(move |items| call(Function::Length, vec![items])),
            (0..3i64, list).prop_map(move |(index, items)| call(
                Function::Select,
                vec![Expr::value(index.into()), items]
            )),
            (inner.clone(), inner.clone())
                .prop_map(move |(index, items)| call(Function::Select, vec![index, items])),
            inner
                .clone()
                .prop_map(move |piece| call(Function::Base64, vec![piece])),
            inner
                .clone()
                .prop_map(move |piece| call(Function::Length, vec![piece])),
            inner
                .clone()
                .prop_map(move |piece| call(Function::ToJsonString, vec![piece])),
            (
                prop::sample::select(vec![
                    Function::Contains,
                    Function::EachMemberEquals,
                    Function::EachMemberIn
                ]),
                inner.clone(),
                inner.clone()
            )
                .prop_map(move |(function, a, b)| call(function, vec![a, b])),
            (
                prop_oneof![Just("10.0.0.0/24"), Just("2001:db8::/56"), Just("x")],
                inner.clone(),
                inner.clone()
            )
                .prop_map(move |(block, count, bits)| call(
                    Function::Cidr,
                    vec![text(block), count, bits]
                )),
            (condition.clone(), inner.clone(), inner.clone())
                .prop_map(move |(c, a, b)| call(Function::If, vec![c, a, b])),
            condition,
        ]
    })
}

fn any_attribute() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-c,]{0,4}".prop_map(Value::from),
        (0..3i64).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::secret("p,q")),
        prop::collection::vec("[a-c]".prop_map(Value::from), 0..3).prop_map(Value::List),
    ]
}

/// Whether what is known of `partial` is so in `full`.
fn agrees(partial: &Value, full: &Value) -> bool {
    match (partial, full) {
        (Value::Unknown(_), _) => true,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agrees(a, b))
        }
        (Value::Map(a), Value::Map(b)) => {
            // What is unknown may turn out to be AWS::NoValue.
            a.iter().all(|(key, a)| match b.get(key) {
                Some(b) => agrees(a, b),
                None => matches!(a, Value::Unknown(_)),
            }) && b.keys().all(|key| a.contains_key(key))
        }
        _ => partial == full,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn two_steps_give_what_one_gives(
        expr in any_expr(),
        values in prop::collection::vec(any_attribute(), 4),
        first in prop::collection::vec(any::<bool>(), 4),
    ) {
        let all: BTreeMap<AttributeOf, Value> =
            values.into_iter().enumerate().map(|(index, value)| (attribute(index), value)).collect();
        let some: BTreeMap<AttributeOf, Value> = all
            .iter()
            .zip(&first)
            .filter(|(_, known)| **known)
            .map(|((of, value), _)| (of.clone(), value.clone()))
            .collect();
        let rest: BTreeMap<AttributeOf, Value> =
            all.iter().filter(|(of, _)| !some.contains_key(*of)).map(|(of, value)| (of.clone(), value.clone())).collect();
        let one = expr.evaluate(&all);
        let two = expr.reduce(&some).evaluate(&rest);
        match (&one, &two) {
            (Ok(one), Ok(two)) => prop_assert_eq!(one, two),
            (one, two) => prop_assert_eq!(one.is_err(), two.is_err(), "{:?} {:?}", one, two),
        }
        if let Ok(one) = &one {
            prop_assert!(!one.has_unknown());
            let partial = expr.evaluate(&some);
            prop_assert!(partial.is_ok(), "{:?}", partial);
            prop_assert!(agrees(&partial.unwrap(), one));
        }
    }

    #[test]
    fn loops_never_panic(text in "(Fn::ForEach::L|: |\\[X, |\\[a, b\\]|!Ref P|, |\\{|\\}|\\]|K\\$\\{X\\}|K&\\{X\\}|Type: AWS::SNS::Topic|Properties|!Ref X|!GetAtt|\\[!Sub 'K\\$\\{X\\}', TopicName\\]|\n    |\n  ){0,40}") {
        let head = "Transform: AWS::LanguageExtensions\nParameters:\n  P: {Type: CommaDelimitedList, Default: 'a,b-c'}\nResources:\n  ";
        if let Ok(template) = load("t", &format!("{head}{text}")) {
            let _ = template.instantiate(&inputs());
        }
    }

    #[test]
    fn loading_never_panics(text in "(Resources|Outputs|Conditions|A|Type|Ref|!Sub|!GetAtt|!If|\\$\\{|\\}|: |\n|\n  |\n    |\\[|\\]|\\{|\\}|,|AWS::EC2::VPC|Properties|Fn::Join|'|\"|- |a\\.b){0,40}") {
        if let Ok(template) = load("t", &text) {
            let _ = template.instantiate(&inputs());
        }
    }
}

#[test]
fn the_platforms_have_nothing_wrong() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/platforms");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path().join("template.yaml");
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let template = load(&path.to_string_lossy(), &text).map_err(show).unwrap();
        let mut inputs = inputs();
        let missing = template
            .parameters
            .iter()
            .filter(|(_, parameter)| parameter.default.is_none());
        // Long enough for a password, and with no character that a name forbids.
        inputs.parameters = missing
            .map(|(name, _)| (name.clone(), Value::from("abcdefgh12345678")))
            .collect();
        template.instantiate(&inputs).map_err(show).unwrap();
    }
}

const LOOPS: &str = r#"
Transform: [AWS::LanguageExtensions]
Parameters:
  Names: {Type: CommaDelimitedList, Default: "audit,order-events"}
  Keep: {Type: String, Default: Retain}
Mappings:
  Settings:
    audit: {Days: 7, Zones: [a, b]}
Conditions:
  Fn::ForEach::Is:
    - Name
    - !Ref Names
    - Is&{Name}: !Equals [!Ref Name, audit]
Resources:
  Fn::ForEach::Topics:
    - Name
    - !Ref Names
    - Topic&{Name}:
        Type: AWS::SNS::Topic
        DeletionPolicy: !Ref Keep
        Properties:
          DisplayName: !Sub "${Name} of ${AWS::Region}"
          TopicName: ${Name}
          Tags:
            - {Key: Index, Value: !If ["Is&{Name}", first, other]}
      Fn::ForEach::Alarms:
        - Level
        - [Low, High]
        - Policy&{Name}${Level}:
            Type: AWS::SNS::TopicPolicy
            DependsOn: Topic&{Name}
            Properties:
              Topics: [!Ref {"Fn::Sub": "Topic&{Name}"}]
              PolicyDocument:
                Fn::ForEach::Parts:
                  - Part
                  - [Version, Id]
                  - ${Part}: !Sub "${Part}-${Level}"
  Log:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: !FindInMap [Settings, !Select [0, !Ref Names], Days, {DefaultValue: 3}]
      LogGroupName:
        Fn::ToJsonString:
          zeta: !Length {Ref: Names}
          alpha: [1, true, "q\"", !Ref AWS::NoValue, !If [Isaudit, {y: 1, x: 2}, 3]]
          gone: !Ref AWS::NoValue
          topic: !GetAtt [!Sub "Topic${Zone}", TopicName]
  Other:
    Type: AWS::Logs::LogGroup
    Properties:
      RetentionInDays: !FindInMap [Settings, nobody, Days, {DefaultValue: !Length [1, 2, 3]}]
Outputs:
  Fn::ForEach::Out:
    - Name
    - !Ref Names
    - Out&{Name}:
        Value: !GetAtt
          - !Sub Topic&{Name}
          - TopicArn
"#;

#[test]
fn loops_are_written_out() {
    let text = LOOPS.replace("Topic${Zone}", "Topic${AWS::Partition}");
    let text = text.replace(
        "!Sub \"Topic${AWS::Partition}\"",
        "!Join ['', [Topic, audit]]",
    );
    let stack = instantiate(&text, &[]);
    assert_eq!(
        stack.resources.keys().collect::<Vec<_>>(),
        [
            "Log",
            "Other",
            "PolicyauditHigh",
            "PolicyauditLow",
            "PolicyordereventsHigh",
            "PolicyordereventsLow",
            "Topicaudit",
            "Topicorderevents"
        ]
    );
    let topic = &stack.resources["Topicorderevents"];
    assert_eq!(topic.deletion_policy, Some(DeletionPolicy::Retain));
    assert_eq!(
        properties(&stack, "Topicorderevents"),
        serde_json::json!({"DisplayName": "order-events of us-east-1", "TopicName": "order-events",
            "Tags": [{"Key": "Index", "Value": "other"}]})
    );
    let policy = &stack.resources["PolicyordereventsHigh"];
    assert_eq!(
        policy.depends_on,
        BTreeSet::from(["Topicorderevents".to_owned()])
    );
    assert_eq!(
        properties(&stack, "PolicyordereventsHigh")["PolicyDocument"],
        serde_json::json!({"Version": "Version-High", "Id": "Id-High"})
    );
    assert_eq!(
        policy.properties.references()[0].1,
        of("Topicorderevents", "Ref")
    );
    assert_eq!(properties(&stack, "Log")["RetentionInDays"], 7);
    assert_eq!(properties(&stack, "Other")["RetentionInDays"], 3);
    let log = &stack.resources["Log"].properties;
    let name = |known: &dyn Attributes| {
        let value = log.evaluate(known).unwrap();
        value.get("LogGroupName").cloned().unwrap()
    };
    assert_eq!(
        name(&NoAttributes),
        Value::unknown(of("Topicaudit", "TopicName"))
    );
    let known = BTreeMap::from([(of("Topicaudit", "TopicName"), Value::secret("audit"))]);
    assert_eq!(
        name(&known),
        Value::secret(r#"{"zeta":2,"alpha":[1,true,"q\"",{"y":1,"x":2}],"topic":"audit"}"#)
    );
    assert_eq!(
        stack.outputs.keys().collect::<Vec<_>>(),
        ["Outaudit", "Outorderevents"]
    );
    // Other values, other resources.
    let stack = instantiate(&text, &[("Names", "audit"), ("Keep", "Delete")]);
    assert_eq!(stack.resources.len(), 5);
    assert_eq!(
        stack.resources["Topicaudit"].deletion_policy,
        Some(DeletionPolicy::Delete)
    );
}

#[test]
fn a_template_with_loops_over_what_is_not_given_can_be_checked() {
    let text = LOOPS.replace(", Default: \"audit,order-events\"", "");
    let text = text.replace("!Sub \"Topic${Zone}\"", "!Sub \"Topicanything\"");
    let template = load("t.yaml", &text).map_err(show).unwrap();
    assert!(
        template
            .resource_types()
            .any(|(_, kind)| kind == "AWS::SNS::TopicPolicy")
    );
    let wrong = text
        .replace("TopicArn", "Arn")
        .replace("Level}\"", "Levle}\"");
    let found = show(load("t.yaml", &wrong).unwrap_err());
    assert!(
        found.contains("AWS::SNS::Topic has no attribute `Arn`"),
        "{found}"
    );
    assert!(
        found.contains("there is no parameter or resource `Levle`"),
        "{found}"
    );
}

#[test]
fn parameters_of_systems_manager_are_looked_up_first() {
    let text = "
Parameters:
  Image: {Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>, Default: /images/app}
  Subnets: {Type: AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>, Default: /net/subnets}
  Name: {Type: AWS::SSM::Parameter::Name, Default: /app/config}
  Key: {Type: AWS::SSM::Parameter::Value<String>, Default: /app/key, NoEcho: true}
Conditions:
  Big: !Equals [!Ref Image, ami-big]
Resources:
  V:
    Type: Custom::Thing
    Condition: Big
    Properties: {ServiceToken: !Ref Image, Subnets: !Ref Subnets, Name: !Ref Name, Key: !Ref Key}
";
    let template = load("t.yaml", text).map_err(show).unwrap();
    let wanted = template.lookups(&inputs()).ssm_parameters;
    let asked: Vec<String> = wanted
        .iter()
        .map(|(name, wanted)| format!("{name} {} {}", wanted.value, wanted.secret))
        .collect();
    assert_eq!(
        asked,
        [
            "/app/config false false",
            "/app/key true true",
            "/images/app true false",
            "/net/subnets true false"
        ]
    );
    // Nobody has looked: what hangs on it is taken to hold, and its values are not known.
    let stack = template.instantiate(&inputs()).map_err(show).unwrap();
    assert!(stack.assumed);
    assert!(
        stack.resources["V"]
            .properties
            .evaluate(&NoAttributes)
            .unwrap()
            .has_unknown()
    );
    let text = |text: &str| SsmParameter::Text(text.to_owned());
    let mut inputs = inputs();
    inputs.ssm_parameters = BTreeMap::from([
        ("/images/app".to_owned(), text("ami-big")),
        ("/net/subnets".to_owned(), text("subnet-1,subnet-2")),
        ("/app/config".to_owned(), SsmParameter::Exists),
        ("/app/key".to_owned(), text("k")),
    ]);
    let stack = template.instantiate(&inputs).map_err(show).unwrap();
    assert!(!stack.assumed);
    let value = stack.resources["V"]
        .properties
        .evaluate(&NoAttributes)
        .unwrap();
    assert_eq!(value.get("Key"), Some(&Value::secret("k")));
    assert_eq!(value.get("Name"), Some(&Value::from("/app/config")));
    assert_eq!(
        value.get("Subnets"),
        Some(&Value::List(vec![
            Value::from("subnet-1"),
            Value::from("subnet-2")
        ]))
    );
    inputs
        .ssm_parameters
        .insert("/images/app".to_owned(), SsmParameter::Secure);
    inputs
        .ssm_parameters
        .insert("/app/config".to_owned(), SsmParameter::Missing);
    insta::assert_snapshot!(show(template.instantiate(&inputs).unwrap_err()), @r#"
error[ssm-parameter]: parameter `Image`: `/images/app` is a SecureString, which parameters cannot read
 --> t.yaml:3:3
3 |   Image: {Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>, Default: /images/app}
  |   ^^^^^
  help: read it in the property itself, with {{resolve:ssm-secure:NAME}} or {{resolve:secretsmanager:NAME}}
error[ssm-parameter]: parameter `Name`: Systems Manager has no parameter `/app/config` in us-east-1
 --> t.yaml:5:3
5 |   Name: {Type: AWS::SSM::Parameter::Name, Default: /app/config}
  |   ^^^^
  help: create it, or give the name of another one with `--parameter` or in payctl.toml
"#);
}

#[test]
fn blocks_of_an_ipv6_block_that_aws_gives() {
    let text = "
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Vpc
      CidrBlock: 10.0.1.0/24
      Ipv6CidrBlock: !Select [2, !Cidr [!Select [0, !GetAtt Vpc.Ipv6CidrBlocks], 256, 64]]
";
    let stack = instantiate(text, &[]);
    let blocks = Value::List(vec![Value::from("2600:1f18:22ba:8c00::/56")]);
    let known = BTreeMap::from([(of("Vpc", "Ipv6CidrBlocks"), blocks)]);
    let subnet = stack.resources["Subnet"]
        .properties
        .evaluate(&known)
        .unwrap();
    assert_eq!(
        subnet.get("Ipv6CidrBlock"),
        Some(&Value::from("2600:1f18:22ba:8c02::/64"))
    );
}

#[test]
fn what_does_not_exist_is_nothing_everywhere() {
    let text = r#"
Parameters:
  Stage: {Type: String, Default: test}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Test: !Not [{Condition: Prod}]
  Either: !Or [!Condition Prod, !And [!Condition Test, !Not [!Equals [a, b]]]]
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Condition: Either
    Metadata: {Kept: 1, Gone: !If [Prod, x, !Ref AWS::NoValue], Null: null}
    Properties: !If
      - Test
      - CidrBlock: 10.0.0.0/16
        InstanceTenancy: !If [Prod, dedicated, !If [Test, !Ref AWS::NoValue, default]]
        Tags:
          - !If [Prod, !Ref AWS::NoValue, {Key: a, Value: !Sub "x${AWS::NoValue}y"}]
          - !If [Test, !Ref AWS::NoValue, {Key: b, Value: x}]
          - {Key: c, Value: !Join ["-", [p, !If [Prod, q, !Ref AWS::NoValue], r]]}
      - !Ref AWS::NoValue
Outputs:
  Vpc: {Value: !If [Test, !If [Prod, x, !Ref Vpc], y]}
  Nothing: {Condition: Prod, Value: !Ref Vpc}
"#;
    let stack = instantiate(text, &[]);
    assert_eq!(
        properties(&stack, "Vpc"),
        serde_json::json!({"CidrBlock": "10.0.0.0/16",
            "Tags": [{"Key": "a", "Value": "xy"}, {"Key": "c", "Value": "p-r"}]})
    );
    let metadata = stack.resources["Vpc"].metadata.as_ref().unwrap();
    assert_eq!(
        metadata.evaluate(&NoAttributes).unwrap().to_json(),
        serde_json::json!({"Kept": 1, "Null": null})
    );
    assert_eq!(stack.outputs.keys().collect::<Vec<_>>(), ["Vpc"]);
    assert_eq!(stack.outputs["Vpc"].value.references().len(), 1);
}

/// The rule of templates that the CDK writes.
#[test]
fn rules_are_kept() {
    let text = r#"{"Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}},
      "Rules": {"CheckBootstrapVersion": {"Assertions": [{
        "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]},
        "AssertDescription": "CDK bootstrap stack version 6 required. Please run 'cdk bootstrap' with a recent version of the CDK CLI."}]}},
      "Resources": {"T": {"Type": "AWS::SNS::Topic"}}}"#;
    let template = load("t.json", text).map_err(show).unwrap();
    let with = |version: &str| {
        let mut inputs = inputs();
        let version = SsmParameter::Text(version.to_owned());
        inputs
            .ssm_parameters
            .insert("/cdk-bootstrap/hnb659fds/version".to_owned(), version);
        template.instantiate(&inputs)
    };
    assert!(with("21").is_ok());
    insta::assert_snapshot!(show(with("5").unwrap_err()), @r#"
error[rule-failed]: the rule `CheckBootstrapVersion`: CDK bootstrap stack version 6 required. Please run 'cdk bootstrap' with a recent version of the CDK CLI
 --> t.json:3:19
3 |         "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]},
  |                   ^
  help: it looks at BootstrapVersion, which is `5`
"#);
    // Before anybody has looked nothing is held against it.
    assert!(template.instantiate(&inputs()).unwrap().assumed);
    // Where there is no bootstrap stack nothing but the rule misses it.
    let mut without = inputs();
    without.ssm_parameters.insert(
        "/cdk-bootstrap/hnb659fds/version".to_owned(),
        SsmParameter::Missing,
    );
    let stack = template.instantiate(&without).map_err(show).unwrap();
    assert!(!stack.assumed);
    let warnings: Vec<&str> = stack.warnings.iter().map(|it| it.code).collect();
    assert_eq!(warnings, ["unchecked-rule"]);
    let used = text.replace(
        r#""AWS::SNS::Topic""#,
        r#""AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "BootstrapVersion"}}"#,
    );
    let template = load("t.json", &used).map_err(show).unwrap();
    assert_eq!(
        template.instantiate(&without).unwrap_err()[0].code,
        "ssm-parameter"
    );
}

/// The CDK writes its version into each template; there is nothing of it in AWS.
#[test]
fn the_note_of_the_cdk_is_no_resource() {
    let text = r#"{"Conditions": {"Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, {"Ref": "AWS::Region"}]}},
      "Resources": {"T": {"Type": "AWS::SNS::Topic"}, "CDKMetadata": {"Type": "AWS::CDK::Metadata",
        "Properties": {"Analytics": "v2:deflate64:H4s"}, "Metadata": {"aws:cdk:path": "S/CDKMetadata/Default"}, "Condition": "Here"}}}"#;
    let template = load("t.json", text).map_err(show).unwrap();
    let stack = template.instantiate(&inputs()).map_err(show).unwrap();
    assert_eq!(stack.resources.keys().collect::<Vec<_>>(), ["T"]);
}

#[test]
fn rules_that_ask_the_account_are_told_of() {
    let text = "
Parameters:
  Vpc: {Type: AWS::EC2::VPC::Id, Default: vpc-1}
  Stage: {Type: String, Default: test}
Rules:
  Owned:
    RuleCondition: !Equals [!Ref Stage, prod]
    Assertions:
      - Assert: !EachMemberIn [!ValueOfAll [AWS::EC2::VPC::Id, Tags.Owner], !RefAll AWS::EC2::VPC::Id]
  Tagged:
    Assertions:
      - Assert: !Or [!Equals [!ValueOf [Vpc, Tags.Owner], me], !Equals [!Ref Stage, test]]
      - Assert: !Equals [!ValueOf [Vpc, Tags.Owner], me]
Resources:
  T: {Type: AWS::SNS::Topic}
";
    let stack = instantiate(text, &[]);
    insta::assert_snapshot!(show(stack.warnings), @r#"
warning[unchecked-rule]: the rule `Tagged` is not checked: payctl does not know what Fn::ValueOf would tell of the account
  --> t.yaml:13:17
13 |       - Assert: !Equals [!ValueOf [Vpc, Tags.Owner], me]
   |                 ^^^^^^^
"#);
    assert_eq!(instantiate(text, &[("Stage", "prod")]).warnings.len(), 3);
}
