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
      VpcId: "{{resolve:ssm:vpc}}"
      Tags: !Length [1]
Outputs:
  Id: {Valu: x}
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
error[unknown-key]: a template has no `Parameter`
 --> shop.yaml:2:1
2 | Parameter: {}
  | ^^^^^^^^^
  help: did you mean `Parameters`?

error[unknown-type]: there is no parameter type `Strng`
 --> shop.yaml:4:16
4 |   Size: {Type: Strng}
  |                ^^^^^
  help: did you mean `String`?

error[bad-parameter]: parameter `Count`: `many` is no number
 --> shop.yaml:5:34
5 |   Count: {Type: Number, Default: many}
  |                                  ^^^^

error[circular]: conditions depend on each other in a circle: A -> B -> A
 --> shop.yaml:8:3
8 |   A: !Not [!Condition B]
  |   ^

error[unknown-reference]: there is no resource `Gatway`
  --> shop.yaml:13:16
13 |     DependsOn: Gatway
   |                ^^^^^^
  help: did you mean `Gateway`?

error[unknown-property]: AWS::EC2::VPC: there is no property `CidrBlok`
  --> shop.yaml:15:7
15 |       CidrBlok: 10.0.0.0/16
   |       ^^^^^^^^
  help: did you mean `CidrBlock`?

error[wrong-type]: EnableDnsSupport: expected true or false, found the text `maybe`
  --> shop.yaml:16:25
16 |       EnableDnsSupport: maybe
   |                         ^^^^^
  help: `payctl schema AWS::EC2::VPC` says what it takes

error[bad-value]: InstanceTenancy: `shared` is none of `dedicated`, `default`, `host`
  --> shop.yaml:17:24
17 |       InstanceTenancy: shared
   |                        ^^^^^^
  help: use one of the allowed values

error[unknown-type]: there is no resource type `AWS::EC2::InternetGatway`
  --> shop.yaml:19:11
19 |     Type: AWS::EC2::InternetGatway
   |           ^^^^^^^^^^^^^^^^^^^^^^^^
  help: did you mean `AWS::EC2::InternetGateway`?

error[unknown-condition]: there is no condition `Bigg`
  --> shop.yaml:22:16
22 |     Condition: Bigg
   |                ^^^^
  help: did you mean `Big`?

error[unknown-reference]: there is no parameter or resource `Vpcc`
  --> shop.yaml:24:14
24 |       VpcId: !Ref Vpcc
   |              ^^^^^^^^^
  help: did you mean `Vpc`?

error[unknown-attribute]: AWS::EC2::VPC has no attribute `CidrBlocks`
  --> shop.yaml:25:18
25 |       CidrBlock: !GetAtt Vpc.CidrBlocks
   |                  ^^^^^^^^^^^^^^^^^^^^^^
  help: did you mean `CidrBlock`? It has: CidrBlock, CidrBlockAssociations, DefaultNetworkAcl, DefaultSecurityGroup, EnableDnsHostnames, EnableDnsSupport, InstanceTenancy, Ipv4IpamPoolId, Ipv4NetmaskLength, Ipv6CidrBlocks, Tags, VpcId

error[unknown-reference]: there is no parameter or resource `AWS::Regio`
  --> shop.yaml:26:33
26 |       AvailabilityZone: !Sub "${AWS::Regio}a"
   |                                 ^^^^^^^^^^
  help: did you mean `AWS::Region`?

error[unknown-property]: AWS::EC2::Subnet: there is no property `Kee`
  --> shop.yaml:28:11
28 |         - Kee: Name
   |           ^^^
  help: did you mean `Key`?

error[null-value]: null is not allowed in templates
  --> shop.yaml:29:18
29 |           Value: null
   |                  ^^^^
  help: give it a value, remove it, or use `!Ref AWS::NoValue`

error[missing-property]: AWS::EC2::SecurityGroup: the property `GroupDescription` is required
  --> shop.yaml:30:3
30 |   Group:
   |   ^^^^^
  help: `payctl schema AWS::EC2::SecurityGroup` says what it takes

error[bad-combination]: SecurityGroupIngress.0: exactly one of `CidrIp`, `CidrIpv6`, `SourcePrefixListId`, `SourceSecurityGroupId`, `SourceSecurityGroupName` is required
  --> shop.yaml:34:11
34 |         - IpProtocol: tcp
   |           ^
  help: `payctl schema AWS::EC2::SecurityGroup` says which properties go together

error[wrong-type]: SecurityGroupIngress.0.FromPort: expected a whole number, found the text `http`
  --> shop.yaml:35:21
35 |           FromPort: http
   |                     ^^^^
  help: `payctl schema AWS::EC2::SecurityGroup` says what it takes

error[bad-function]: the delimiter of Fn::Join must be a plain text
  --> shop.yaml:36:25
36 |       GroupName: !Join [!Ref Size, [a]]
   |                         ^^^^^^^^^

error[unsupported]: dynamic references ({{resolve:…}}) are not supported yet
  --> shop.yaml:37:14
37 |       VpcId: "{{resolve:ssm:vpc}}"
   |              ^^^^^^^^^^^^^^^^^^^^^
  help: pass the value as a parameter with NoEcho

error[unsupported]: `Fn::Length` is not supported
  --> shop.yaml:38:13
38 |       Tags: !Length [1]
   |             ^
  help: it belongs to the transform AWS::LanguageExtensions, which payctl does not support yet

error[unknown-key]: an output has no `Valu`
  --> shop.yaml:40:8
40 |   Id: {Valu: x}
   |        ^^^^
  help: did you mean `Value`?
"#);
}

#[test]
fn syntax_errors_point_at_their_place() {
    insta::assert_snapshot!(mistakes("Resources:\n  A: {Type: x}\n  B: {Type: y}\n  A: {Type: z}\n"), @r#"
error[duplicate-key]: the key `A` stands twice in this map
 --> shop.yaml:4:3
4 |   A: {Type: z}
  |   ^
  = first here: 2:3
  help: rename or remove one of them: a map has each key once
"#);
    insta::assert_snapshot!(mistakes("{\"Resources\": {\n  \"A\": 1,\n}}"), @r#"
error[bad-json]: expected a key, found `}`
 --> shop.yaml:3:1
3 | }}
  | ^
  help: remove the comma before it
"#);
    insta::assert_snapshot!(mistakes("Resources:\n\tA: 1\n"), @r#"
error[bad-yaml]: this is no YAML: tabs disallowed within this context (block indentation)
 --> shop.yaml:2:2
2 | 	A: 1
  | 	^
  help: YAML is indented with spaces, not tabs
"#);
}

#[test]
fn what_conditions_and_parameters_make_wrong() {
    let head = "Parameters:\n  Zone: {Type: String, Description: where it runs}\nConditions:\n  Never: !Equals [a, b]\nMappings:\n  M: {one: {x: 1}}\n";
    insta::assert_snapshot!(mistakes(&format!("{head}Resources:\n  V: {{Type: AWS::EC2::InternetGateway}}\n")), @r#"
error[missing-parameter]: the parameter `Zone` has no value (where it runs)
 --> shop.yaml:2:3
2 |   Zone: {Type: String, Description: where it runs}
  |   ^^^^
  help: give it with `--parameter Zone=…`, or under `parameters` in payctl.toml
"#);
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
    insta::assert_snapshot!(mistakes(&format!("{}{body}", head.replace("String,", "String, Default: z,"))), @r#"
error[conditional-reference]: `Gone` does not exist here: its condition `Never` is false
  --> shop.yaml:15:14
15 |       VpcId: !Ref Gone
   |              ^^^^^^^^^
  help: give it the same condition, or use Fn::If with AWS::NoValue on the other side

error[unknown-mapping-key]: `one` of the mapping `M` has no `y`; did you mean `x`?
  --> shop.yaml:16:38
16 |       CidrBlock: !FindInMap [M, one, y]
   |                                      ^

error[bad-argument]: Fn::Select cannot select index 3 of a list with 2 items (indexes start at 0)
  --> shop.yaml:17:25
17 |       AvailabilityZone: !Select [3, [a, b]]
   |                         ^

error[missing-property]: AWS::EC2::Subnet: the property `VpcId` is required
  --> shop.yaml:18:3
18 |   Ok:
   |   ^^
  help: `payctl schema AWS::EC2::Subnet` says what it takes

error[missing-property]: AWS::EC2::Subnet: one of `CidrBlock`, `Ipv4IpamPoolId`, `Ipv6IpamPoolId`, `Ipv6CidrBlock` is required
  --> shop.yaml:18:3
18 |   Ok:
   |   ^^
  help: `payctl schema AWS::EC2::Subnet` says what it takes

error[wrong-type]: MapPublicIpOnLaunch: expected true or false, found the text `maybe`
  --> shop.yaml:22:28
22 |       MapPublicIpOnLaunch: !Join ['', [may, be]]
   |                            ^
  help: `payctl schema AWS::EC2::Subnet` says what it takes
"#);
}
