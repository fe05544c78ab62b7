//! What people read when a template is wrong.

use super::*;

fn mistakes(text: &str) -> String {
    let diagnostics = match load("shop.yaml", text) {
        Err(diagnostics) => diagnostics,
        Ok(template) => {
            let inputs = Inputs {
                region: "us-east-1".into(),
                stack: "shop".into(),
                ..Inputs::default()
            };
            template
                .instantiate(&inputs)
                .expect_err("the template is wrong")
        }
    };
    diagnostics
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}

#[test]
fn all_mistakes_of_a_template_are_told_in_one_run() {
    let text = r#"AWSTemplateFormatVersion: "2010-09-09"
Parameter: {}
Parameters:
  Size: {Type: Strng}
  Count: {Type: Number, Default: many}
Conditions:
  Big: !Equals [!Ref Size, big]
  A: !Not [!Condition B]
  B: !Not [!Condition A]
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    DependsOn: Gatway
    Properties:
      CidrBlok: 10.0.0.0/16
      EnableDnsSupport: maybe
      InstanceTenancy: shared
  Gateway:
    Type: AWS::EC2::InternetGatway
  Subnet:
    Type: AWS::EC2::Subnet
    Condition: Bigg
    Properties:
      VpcId: !Ref Vpcc
      CidrBlock: !GetAtt Vpc.CidrBlocks
      AvailabilityZone: !Sub "${AWS::Regio}a"
      Tags:
        - Kee: Name
          Value: null
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      SecurityGroupIngress:
        - IpProtocol: tcp
          FromPort: http
      GroupName: !Join [!Ref Size, [a]]
      VpcId: "{{resolve:ssn:vpc}}"
      Tags: !Length [1]
Outputs:
  Id: {Valu: x}
"#;
    insta::assert_snapshot!(mistakes(text));
}

#[test]
fn syntax_errors_point_at_their_place() {
    insta::assert_snapshot!(mistakes(
        "Resources:\n  A: {Type: x}\n  B: {Type: y}\n  A: {Type: z}\n"
    ));
    insta::assert_snapshot!(mistakes("{\"Resources\": {\n  \"A\": 1,\n}}"));
    insta::assert_snapshot!(mistakes("Resources:\n\tA: 1\n"));
}

#[test]
fn what_conditions_and_parameters_make_wrong() {
    let head = "Parameters:\n  Zone: {Type: String, Description: where it runs}\nConditions:\n  Never: !Equals [a, b]\nMappings:\n  M: {one: {x: 1}}\n";
    insta::assert_snapshot!(mistakes(&format!(
        "{head}Resources:\n  V: {{Type: AWS::EC2::InternetGateway}}\n"
    )));
    let body = "Resources:
  Gone:
    Type: AWS::EC2::VPC
    Condition: Never
    Properties: {CidrBlock: 10.0.0.0/16}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref Gone
      CidrBlock: !FindInMap [M, one, y]
      AvailabilityZone: !Select [3, [a, b]]
  Ok:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !If [Never, !Ref Gone, !Ref AWS::NoValue]
      MapPublicIpOnLaunch: !Join ['', [may, be]]
";
    insta::assert_snapshot!(mistakes(&format!(
        "{}{body}",
        head.replace("String,", "String, Default: z,")
    )));
}
