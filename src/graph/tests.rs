//! Edges, imports and cycles, from templates as people write them.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use payctl_model::Address;

use super::{After, Milestone, ResourceGraph, Rules, TypeRules, Why};
use crate::template::{Diagnostic, Inputs, Stack, load};

fn stack(region: &str, name: &str, text: &str) -> Stack {
    let template = load(&format!("{name}.yaml"), text).unwrap();
    let inputs = Inputs {
        region: region.into(),
        account: "111122223333".into(),
        partition: "aws".into(),
        stack: name.into(),
        stack_name: format!("shop-test-{name}"),
        stack_id: "arn:aws:cloudformation:us-east-1:111122223333:stack/x/1".into(),
        parameters: BTreeMap::new(),
        ..Inputs::default()
    };
    template.instantiate(&inputs).unwrap()
}

fn edges(graph: &ResourceGraph) -> String {
    let why = |why: &Why| match why {
        Why::Reference {
            attribute,
            property,
        } => format!("{property} <- {attribute}"),
        Why::DependsOn => "DependsOn".into(),
        Why::Hidden => "hidden".into(),
    };
    let line = |(from, to, edge): (&Address, &Address, &super::Edge)| {
        let why: Vec<String> = edge.why.iter().map(why).collect();
        format!(
            "{from} -> {to} ({:?}): {}\n",
            edge.milestone,
            why.join(", ")
        )
    };
    graph.edges().into_iter().map(line).collect()
}

fn messages(errors: &[Diagnostic]) -> String {
    errors.iter().map(|error| format!("{error}\n")).collect()
}

const NETWORK: &str = "
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Gateway: { Type: AWS::EC2::InternetGateway }
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: { VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway }
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !GetAtt Vpc.VpcId, CidrBlock: 10.0.1.0/24 }
  Other: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.1.0.0/16 } }
  Elsewhere:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Other, CidrBlock: 10.1.1.0/24 }
  Nat:
    Type: AWS::EC2::NatGateway
    Properties: { SubnetId: !Ref Subnet, AllocationId: eipalloc-1 }
  OtherNat:
    Type: AWS::EC2::NatGateway
    Properties: { SubnetId: !Ref Elsewhere, AllocationId: eipalloc-2 }
";

#[test]
fn hidden_needs_follow_what_resources_have_in_common() {
    let mut rules = Rules::default();
    rules.insert(
        "AWS::EC2::NatGateway",
        TypeRules {
            after: vec![After {
                type_name: "AWS::EC2::VPCGatewayAttachment".into(),
                mine: "SubnetId>VpcId".into(),
                theirs: "VpcId".into(),
                milestone: Milestone::Ready,
            }],
            ..TypeRules::default()
        },
    );
    let graph = ResourceGraph::build(&[stack("us-east-1", "net", NETWORK)], &rules).unwrap();
    assert_snapshot!(edges(&graph), @r#"
    us-east-1/net.Attachment -> us-east-1/net.Nat (Ready): hidden
    us-east-1/net.Elsewhere -> us-east-1/net.OtherNat (Accepted): SubnetId <- Ref
    us-east-1/net.Gateway -> us-east-1/net.Attachment (Accepted): InternetGatewayId <- Ref
    us-east-1/net.Other -> us-east-1/net.Elsewhere (Accepted): VpcId <- Ref
    us-east-1/net.Subnet -> us-east-1/net.Nat (Accepted): SubnetId <- Ref
    us-east-1/net.Vpc -> us-east-1/net.Attachment (Accepted): VpcId <- Ref
    us-east-1/net.Vpc -> us-east-1/net.Subnet (Accepted): VpcId <- VpcId
    "#);
}

#[test]
fn who_uses_a_role_waits_for_its_policies_unless_they_need_it() {
    let mut rules = Rules::default();
    rules.insert(
        "AWS::IAM::Policy",
        TypeRules {
            completes: vec!["Roles".into()],
            ..TypeRules::default()
        },
    );
    rules.insert(
        "AWS::ECS::Service",
        TypeRules {
            needs_ready: vec!["Cluster".into()],
            ..TypeRules::default()
        },
    );
    let text = "
Resources:
  Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {} } }
  Policy:
    Type: AWS::IAM::Policy
    Properties: { PolicyName: p, PolicyDocument: { Resource: !GetAtt Topic.TopicArn }, Roles: [!Ref Role] }
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !GetAtt Role.Arn } }
  Cluster: { Type: AWS::ECS::Cluster }
  Service:
    Type: AWS::ECS::Service
    Properties: { Cluster: !Ref Cluster, Role: !GetAtt Role.Arn, TaskDefinition: 'x:1' }
";
    let graph = ResourceGraph::build(&[stack("us-east-1", "app", text)], &rules).unwrap();
    assert_snapshot!(edges(&graph), @r#"
    us-east-1/app.Cluster -> us-east-1/app.Service (Ready): Cluster <- Ref
    us-east-1/app.Policy -> us-east-1/app.Service (Accepted): hidden
    us-east-1/app.Role -> us-east-1/app.Policy (Accepted): Roles.0 <- Ref
    us-east-1/app.Role -> us-east-1/app.Service (Accepted): Role <- Arn
    us-east-1/app.Role -> us-east-1/app.Topic (Accepted): DisplayName <- Arn
    us-east-1/app.Topic -> us-east-1/app.Policy (Accepted): PolicyDocument.Resource <- TopicArn
    "#);
}

#[test]
fn who_reads_an_attribute_waits_for_what_gives_it_another_value() {
    let mut rules = Rules::default();
    rules.insert(
        "AWS::EC2::VPCCidrBlock",
        TypeRules {
            renews: vec![("VpcId".into(), vec!["Ipv6CidrBlocks".to_owned()])],
            ..TypeRules::default()
        },
    );
    let text = "
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Six: { Type: AWS::EC2::VPCCidrBlock, Properties: { VpcId: !Ref Vpc, AmazonProvidedIpv6CidrBlock: true } }
  Dual:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, Ipv6CidrBlock: !Select [0, !GetAtt Vpc.Ipv6CidrBlocks] }
  Single: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24 } }
";
    let graph = ResourceGraph::build(&[stack("us-east-1", "net", text)], &rules).unwrap();
    let found = edges(&graph);
    let hidden: Vec<&str> = found
        .lines()
        .filter(|line| line.ends_with("hidden"))
        .collect();
    assert_eq!(
        hidden,
        ["us-east-1/net.Six -> us-east-1/net.Dual (Ready): hidden"]
    );
    let six = payctl_model::Address::new("us-east-1", "net", "Six");
    let vpc = payctl_model::Address::new("us-east-1", "net", "Vpc");
    assert_eq!(
        graph.renewed_by(&rules, &six),
        [vpc.attribute("Ipv6CidrBlocks")]
    );
}

#[test]
fn an_import_is_an_edge_to_the_exporting_stack() {
    let exporter = "
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
Outputs:
  Id: { Value: !Ref Vpc, Export: { Name: vpc } }
";
    let importer = "
Resources:
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !ImportValue vpc, CidrBlock: 10.0.1.0/24 }
";
    let stacks = [
        stack("us-east-1", "net", exporter),
        stack("us-east-1", "app", importer),
    ];
    assert_snapshot!(edges(&ResourceGraph::build(&stacks, &Rules::default()).unwrap()), @r#"us-east-1/net.Vpc -> us-east-1/app.Subnet (Accepted): VpcId <- Ref"#);
    let elsewhere = [
        stack("us-east-1", "net", exporter),
        stack("us-west-2", "app", importer),
    ];
    assert_snapshot!(messages(&ResourceGraph::build(&elsewhere, &Rules::default()).unwrap_err()), @r#"
    error[unknown-import]: no stack of this environment exports `vpc` in us-west-2
     --> app.yaml:5:26
    5 |     Properties: { VpcId: !ImportValue vpc, CidrBlock: 10.0.1.0/24 }
      |                          ^^^^^^^^^^^^^^^^
      help: no stack of this environment exports anything in us-west-2
    "#);
}

#[test]
fn a_cycle_is_shown_with_its_path() {
    let text = "
Resources:
  A:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: a
      SecurityGroupIngress:
        - { IpProtocol: tcp, SourceSecurityGroupId: !GetAtt B.GroupId }
  B:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: b
      SecurityGroupIngress:
        - { IpProtocol: tcp, SourceSecurityGroupId: !GetAtt A.GroupId }
";
    let errors =
        ResourceGraph::build(&[stack("us-east-1", "app", text)], &Rules::default()).unwrap_err();
    assert_snapshot!(messages(&errors), @r#"
    error[cycle]: resources need each other: B -> A -> B
      --> app.yaml:14:53
    14 |         - { IpProtocol: tcp, SourceSecurityGroupId: !GetAtt A.GroupId }
       |                                                     ^^^^^^^^^^^^^^^^^
      help: one of these must go:
    B needs A through SecurityGroupIngress.0.SourceSecurityGroupId (its GroupId) at app.yaml:14:53
    A needs B through SecurityGroupIngress.0.SourceSecurityGroupId (its GroupId) at app.yaml:8:53
    "#);
}

#[test]
fn outputs_of_other_stacks_are_edges_in_any_region() {
    let network = stack(
        "eu-west-1",
        "network",
        "
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
Outputs:
  VpcId: { Value: !Ref Vpc }
",
    );
    let of = |name: &str| {
        format!(
            "
Parameters:
  Stage: {{ Type: String, Default: test }}
Resources:
  Subnet:
    Type: AWS::EC2::Subnet
    Properties:
      CidrBlock: 10.0.1.0/24
      VpcId:
        Fn::GetStackOutput: {{ StackName: {name}, OutputName: VpcId, Region: eu-west-1 }}
Outputs:
  Again:
    Value: !GetStackOutput {{ StackName: network, OutputName: VpcId, Region: eu-west-1 }}
"
        )
    };
    for name in [
        "network",
        "shop-test-network",
        "!Sub 'shop-${Stage}-network'",
    ] {
        let app = stack("us-east-1", "app", &of(name));
        let graph = ResourceGraph::build(&[network.clone(), app], &Rules::default()).unwrap();
        assert_eq!(
            edges(&graph),
            "eu-west-1/network.Vpc -> us-east-1/app.Subnet (Accepted): VpcId <- Ref\n"
        );
        let again = &graph.outputs()["us-east-1/app.Again"].value;
        assert_eq!(again.references().len(), 1);
    }
}

#[test]
fn outputs_that_nobody_has_are_told_with_those_there_are() {
    let network = stack(
        "us-east-1",
        "network",
        "
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
Outputs:
  VpcId: { Value: !Ref Vpc }
  Circle: { Value: !GetStackOutput { StackName: app, OutputName: Circle } }
",
    );
    let app = stack(
        "us-east-1",
        "app",
        "
Resources:
  A: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !GetStackOutput { StackName: netwrk, OutputName: VpcId } } }
  B: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !GetStackOutput { StackName: network, OutputName: Vpc } } }
  C:
    Type: AWS::EC2::VPC
    Properties: { CidrBlock: !GetStackOutput { StackName: network, OutputName: VpcId, Region: eu-west-1 } }
Outputs:
  Circle: { Value: !GetStackOutput { StackName: network, OutputName: Circle } }
",
    );
    let errors = ResourceGraph::build(&[network, app], &Rules::default()).unwrap_err();
    assert_snapshot!(messages(&errors), @r#"
error[cycle]: outputs need each other: us-east-1/app.Circle -> us-east-1/network.Circle -> us-east-1/app.Circle
 --> network.yaml:6:20
6 |   Circle: { Value: !GetStackOutput { StackName: app, OutputName: Circle } }
  |                    ^^^^^^^^^^^^^^^
error[unknown-stack]: this environment has no stack `netwrk` in us-east-1
 --> app.yaml:3:54
3 |   A: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !GetStackOutput { StackName: netwrk, OutputName: VpcId } } }
  |                                                      ^^^^^^^^^^^^^^^
  help: stacks in us-east-1: network, app; payctl reads no other stacks
error[unknown-output]: the stack `network` has no output `Vpc`
 --> app.yaml:4:54
4 |   B: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !GetStackOutput { StackName: network, OutputName: Vpc } } }
  |                                                      ^^^^^^^^^^^^^^^
  help: it has Circle, VpcId
error[unknown-stack]: this environment has no stack `network` in eu-west-1
 --> app.yaml:7:30
7 |     Properties: { CidrBlock: !GetStackOutput { StackName: network, OutputName: VpcId, Region: eu-west-1 } }
  |                              ^^^^^^^^^^^^^^^
  help: this environment has no stack in eu-west-1; payctl reads no other stacks
error[cycle]: outputs need each other: us-east-1/network.Circle -> us-east-1/app.Circle -> us-east-1/network.Circle
 --> app.yaml:9:20
9 |   Circle: { Value: !GetStackOutput { StackName: network, OutputName: Circle } }
  |                    ^^^^^^^^^^^^^^^
"#);
}
