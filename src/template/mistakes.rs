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

#[test]
fn what_needs_the_transform_says_so() {
    let text = r#"Resources:
  Topic:
    Type: AWS::SNS::Topic
    DeletionPolicy: !If [A, Retain, Delete]
    Properties:
      TopicName: !ToJsonString {a: 1}
      DisplayName: !FindInMap [M, !Sub "${AWS::Region}", k]
      KmsMasterKeyId: !FindInMap [M, a, k, {DefaultValue: x}]
      Tags:
        - Key: !Ref {"Fn::Sub": Topic}
          Value: !GetAtt [!Sub Topic, TopicArn]
        - Key: !Length [1]
          Value: !GetAtt [Other, !Sub TopicArn]
        - Fn::ForEach::Tags: [X, [a], {"${X}": y}]
  Other: {Type: AWS::SNS::Topic}
  Fn::ForEach::Topics: [Name, [a, b], {"T${Name}": {Type: AWS::SNS::Topic}}]
Mappings:
  M: {a: {k: v}}
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
error[needs-transform]: a function in DeletionPolicy needs the transform AWS::LanguageExtensions
 --> shop.yaml:4:21
4 |     DeletionPolicy: !If [A, Retain, Delete]
  |                     ^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: `Fn::ToJsonString` needs the transform AWS::LanguageExtensions
 --> shop.yaml:6:18
6 |       TopicName: !ToJsonString {a: 1}
  |                  ^^^^^^^^^^^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: a function other than Ref and Fn::FindInMap in Fn::FindInMap needs the transform AWS::LanguageExtensions
 --> shop.yaml:7:35
7 |       DisplayName: !FindInMap [M, !Sub "${AWS::Region}", k]
  |                                   ^^^^^^^^^^^^^^^^^^^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: the DefaultValue of Fn::FindInMap needs the transform AWS::LanguageExtensions
 --> shop.yaml:8:44
8 |       KmsMasterKeyId: !FindInMap [M, a, k, {DefaultValue: x}]
  |                                            ^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: Ref of a function needs the transform AWS::LanguageExtensions
  --> shop.yaml:10:22
10 |         - Key: !Ref {"Fn::Sub": Topic}
   |                      ^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: a function as the resource of Fn::GetAtt needs the transform AWS::LanguageExtensions
  --> shop.yaml:11:27
11 |           Value: !GetAtt [!Sub Topic, TopicArn]
   |                           ^^^^^^^^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: `Fn::Length` needs the transform AWS::LanguageExtensions
  --> shop.yaml:12:16
12 |         - Key: !Length [1]
   |                ^^^^^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: a function other than Ref in the attribute of Fn::GetAtt needs the transform AWS::LanguageExtensions
  --> shop.yaml:13:34
13 |           Value: !GetAtt [Other, !Sub TopicArn]
   |                                  ^^^^^^^^^^^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: Fn::ForEach needs the transform AWS::LanguageExtensions
  --> shop.yaml:14:11
14 |         - Fn::ForEach::Tags: [X, [a], {"${X}": y}]
   |           ^^^^^^^^^^^^^^^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template

error[needs-transform]: Fn::ForEach needs the transform AWS::LanguageExtensions
  --> shop.yaml:16:3
16 |   Fn::ForEach::Topics: [Name, [a, b], {"T${Name}": {Type: AWS::SNS::Topic}}]
   |   ^^^^^^^^^^^^^^^^^^^
  help: add `Transform: AWS::LanguageExtensions` at the top level of the template
"#);
}

#[test]
fn mistakes_in_loops_say_for_which_value() {
    let text = r#"Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: "a,b"}
  Word: {Type: String, Default: x}
  Secret: {Type: CommaDelimitedList, Default: "a,b", NoEcho: true}
Resources:
  Fn::ForEach::Groups:
    - Port
    - ["80", http, "443", smtp]
    - Group${Port}:
        Type: AWS::EC2::SecurityGroup
        Properties:
          GroupDescription: !Sub "${Prt}"
          SecurityGroupIngress: [{IpProtocol: tcp, FromPort: !Ref Port, ToPort: 1, CidrIp: 10.0.0.0/8}]
  Fn::ForEach::Same: [X, [a, b], {Same: {Type: AWS::SNS::Topic}}]
  Fn::ForEach::Group: [X, [a-b], {"T${X}": {Type: AWS::SNS::Topic}}]
  Fn::ForEach::Group: [X, [c], {"T${X}": {Type: AWS::SNS::Topic}}]
  Fn::ForEach::Word: [X, !Split ["", x], {"U${X}": {Type: AWS::SNS::Topic}}]
  Fn::ForEach::Short: [X, [a]]
  Fn::ForEach::Late: [X, [!GetAtt Topic.TopicArn], {"V${X}": {Type: AWS::SNS::Topic}}]
  Topic: {Type: AWS::SNS::Topic}
Mappings:
  Fn::ForEach::M: [X, [a], {"${X}": {b: {c: d}}}]
"#;
    insta::assert_snapshot!(mistakes(&text.replace("Group: [X, [c]", "Group2: [X, [c]")), @r#"
error[unknown-reference]: there is no parameter or resource `Prt` (Port = 80; Port = http; Port = 443; and 1 more)
  --> shop.yaml:13:37
13 |           GroupDescription: !Sub "${Prt}"
   |                                     ^^^
  help: Ref takes the name of a parameter or resource of this template

error[wrong-type]: SecurityGroupIngress.0.FromPort: expected a whole number, found the text `http` (Port = http)
  --> shop.yaml:14:62
14 |           SecurityGroupIngress: [{IpProtocol: tcp, FromPort: !Ref Port, ToPort: 1, CidrIp: 10.0.0.0/8}]
   |                                                              ^^^^^^^^^
  help: `payctl schema AWS::EC2::SecurityGroup` says what it takes

error[wrong-type]: SecurityGroupIngress.0.FromPort: expected a whole number, found the text `smtp` (Port = smtp)
  --> shop.yaml:14:62
14 |           SecurityGroupIngress: [{IpProtocol: tcp, FromPort: !Ref Port, ToPort: 1, CidrIp: 10.0.0.0/8}]
   |                                                              ^^^^^^^^^
  help: `payctl schema AWS::EC2::SecurityGroup` says what it takes

error[duplicate-key]: the key `Same` is made twice in this map (X = b)
  --> shop.yaml:15:35
15 |   Fn::ForEach::Same: [X, [a, b], {Same: {Type: AWS::SNS::Topic}}]
   |                                   ^^^^
   = first here: 15:35
  help: write the loop's identifier into the key, such as `Name${Identifier}`, and no value twice into its collection

error[bad-name]: `Ta-b` is no name for a resource (X = a-b)
  --> shop.yaml:16:35
16 |   Fn::ForEach::Group: [X, [a-b], {"T${X}": {Type: AWS::SNS::Topic}}]
   |                                   ^^^^^^^
  help: use letters and digits only, at most 255

error[bad-argument]: Fn::Split needs a delimiter that is not empty
  --> shop.yaml:18:26
18 |   Fn::ForEach::Word: [X, !Split ["", x], {"U${X}": {Type: AWS::SNS::Topic}}]
   |                          ^^^^^^

error[bad-function]: Fn::ForEach::Short takes a list of an identifier, a collection and a map to repeat
  --> shop.yaml:19:23
19 |   Fn::ForEach::Short: [X, [a]]
   |                       ^

error[bad-reference]: a loop's collection cannot refer to the resource `Topic`
  --> shop.yaml:20:35
20 |   Fn::ForEach::Late: [X, [!GetAtt Topic.TopicArn], {"V${X}": {Type: AWS::SNS::Topic}}]
   |                                   ^^^^^
  help: loops are written out before anything exists: use parameters and mappings

error[bad-function]: there are no loops in this section
  --> shop.yaml:23:3
23 |   Fn::ForEach::M: [X, [a], {"${X}": {b: {c: d}}}]
   |   ^^^^^^^^^^^^^^
  help: Fn::ForEach stands in Conditions, Resources and Outputs
"#);
    let late = |collection: &str| {
        let text = format!(
            "Transform: AWS::LanguageExtensions\nParameters:\n  Names: {{Type: CommaDelimitedList, Default: 'a,b'}}\n  Word: {{Type: String, Default: x}}\n  Secret: {{Type: CommaDelimitedList, Default: 'a,b', NoEcho: true}}\nResources:\n  Fn::ForEach::T:\n    - X\n    - {collection}\n    - T${{X}}:\n        Type: AWS::SNS::Topic\n        Properties: {{TopicNam: x}}\n"
        );
        mistakes(&text)
    };
    insta::assert_snapshot!(late("!Ref Names"), @r#"
error[unknown-property]: AWS::SNS::Topic: there is no property `TopicNam` (X = a; X = b)
  --> shop.yaml:12:22
12 |         Properties: {TopicNam: x}
   |                      ^^^^^^^^
  help: did you mean `TopicName`?
"#);
    insta::assert_snapshot!(late("!Ref Word"), @r#"
error[unknown-property]: AWS::SNS::Topic: there is no property `TopicNam` (any X)
  --> shop.yaml:12:22
12 |         Properties: {TopicNam: x}
   |                      ^^^^^^^^
  help: did you mean `TopicName`?
"#);
    insta::assert_snapshot!(late("!Ref Secret"), @r#"
error[wrong-type]: a loop cannot go through secrets: its values make names
 --> shop.yaml:9:7
9 |     - !Ref Secret
  |       ^^^^^^^^^^^
"#);
}

#[test]
fn what_payctl_does_not_run_is_named() {
    let text = r#"Transform:
  - AWS::LanguageExtensions
  - AWS::Serverless-2016-10-31
  - AWS::SecretsManager-2020-07-23
  - Name: MyMacro
    Parameters: {A: b}
  - 'Fn::Transform': {Name: AWS::Include}
  - AWS::CodeDeployBlueGreen
Hooks: {}
Globals: {}
Modules: {}
Resources:
  Module: {Type: My::Own::Thing::MODULE}
  Wait: {Type: AWS::CloudFormation::WaitCondition}
  Function: {Type: AWS::Serverless::Function}
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x/y}}
  Bad: {Type: AWS::SNS::Topic, Properties: {TopicName: !Transform {Name: Upper}}}
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
error[unsupported]: the transform `AWS::Serverless-2016-10-31` is not supported
 --> shop.yaml:3:5
3 |   - AWS::Serverless-2016-10-31
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: give payctl the template after the transform: `sam build` and `sam package`, then `aws cloudformation get-template --template-stage Processed` of a deployed stack; or write the resources it stands for

error[unsupported]: the transform `AWS::SecretsManager-2020-07-23` is not supported
 --> shop.yaml:4:5
4 |   - AWS::SecretsManager-2020-07-23
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: write the rotation function as a resource and name it in RotationLambdaARN instead of HostedRotationLambda

error[unsupported]: the macro `MyMacro` is not supported
 --> shop.yaml:5:11
5 |   - Name: MyMacro
  |           ^^^^^^^
  help: payctl runs no macros: write what it stands for, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)

error[unsupported]: the transform `AWS::Include` is not supported
 --> shop.yaml:7:29
7 |   - 'Fn::Transform': {Name: AWS::Include}
  |                             ^^^^^^^^^^^^
  help: write the included part into the template

error[unsupported]: the transform `AWS::CodeDeployBlueGreen` is not supported
 --> shop.yaml:8:5
8 |   - AWS::CodeDeployBlueGreen
  |     ^^^^^^^^^^^^^^^^^^^^^^^^
  help: remove the transform and the section Hooks; AWS::ECS::Service with a DeploymentController of its own deploys without CloudFormation

error[unsupported]: the section `Hooks` is not supported
 --> shop.yaml:9:1
9 | Hooks: {}
  | ^^^^^
  help: it belongs to the transform AWS::CodeDeployBlueGreen: remove both

error[unsupported]: the section `Globals` is not supported
  --> shop.yaml:10:1
10 | Globals: {}
   | ^^^^^^^
  help: it belongs to the transform AWS::Serverless: give payctl the template after the transform

error[unsupported]: the section `Modules` is not supported
  --> shop.yaml:11:1
11 | Modules: {}
   | ^^^^^^^
  help: give payctl the template after `aws cloudformation package`, which puts the modules in

error[unsupported]: `My::Own::Thing::MODULE` is a module, and modules are not supported
  --> shop.yaml:13:18
13 |   Module: {Type: My::Own::Thing::MODULE}
   |                  ^^^^^^^^^^^^^^^^^^^^^^
  help: write the resources of the module, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)

error[unsupported]: `AWS::CloudFormation::WaitCondition` waits for signals (cfn-signal), which is not supported
  --> shop.yaml:14:16
14 |   Wait: {Type: AWS::CloudFormation::WaitCondition}
   |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  help: take it out: payctl waits for every resource until AWS reports it ready; for an order alone use DependsOn, or an AWS::CloudFormation::WaitConditionHandle in the middle of it

error[unsupported]: `AWS::Serverless::Function` needs the transform AWS::Serverless, which is not supported
  --> shop.yaml:15:20
15 |   Function: {Type: AWS::Serverless::Function}
   |                    ^^^^^^^^^^^^^^^^^^^^^^^^^
  help: transform the template first (`sam build` and `sam package`), or use the types it stands for

error[unsupported]: the transform `AWS::Include` is not supported
  --> shop.yaml:19:7
19 |       Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://x/y}}
   |       ^^^^^^^^^^^^^
  help: payctl runs no macros and includes no files: write what it stands for, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)

error[unsupported]: the transform `Upper` is not supported
  --> shop.yaml:20:56
20 |   Bad: {Type: AWS::SNS::Topic, Properties: {TopicName: !Transform {Name: Upper}}}
   |                                                        ^^^^^^^^^^
  help: payctl runs no macros and includes no files: write what it stands for, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)
"#);
}

#[test]
fn policies_and_rules_that_cannot_be() {
    let text = r#"Parameters:
  Type: {Type: AWS::EC2::Subnet}
  Size: {Type: String, Default: s}
Rules:
  Empty: {}
  Odd:
    RuleConditon: true
    Assertions:
      - Assert: yes please
        Description: x
      - AssertDescription: nothing
      - Assert: !Contains [a]
      - Assert: !Equals [!Ref Topic, !ValueOf [Siz, Tags.a]]
      - Assert: !Not [!Contains [!RefAll AWS::EC2::Vpc::Id, x]]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    DeletionPolicy: Snapshot
    UpdateReplacePolicy: RetainExceptOnCreate
    CreationPolicy: {ResourceSignal: {Count: 1}}
    Properties: {TopicName: !Contains [[a], a]}
  Group:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {ResourceSignal: {Count: many, Timeout: 15M}}
    UpdatePolicy:
      AutoScalingRolingUpdate: {MinInstancesInService: 1}
      AutoScalingReplacingUpdate: {WillReplace: perhaps}
      AutoScalingRollingUpdate: {SuspendProcesses: [Lanch, !Ref Size], PauseTime: !Ref Size}
    Properties: {MinSize: 1, MaxSize: 1}
  Reads:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !GetStackOutput {Stack: a, StackName: b}
      DisplayName: !GetStackOutput {StackName: a, OutputName: b, RoleArn: c}
      KmsMasterKeyId: !GetStackOutput a.b
  Last: {Type: AWS::SNS::Topic, UpdatePolicy: {EnableVersionUpgrade: true}}
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
error[unknown-type]: there is no parameter type `AWS::EC2::Subnet`
 --> shop.yaml:2:16
2 |   Type: {Type: AWS::EC2::Subnet}
  |                ^^^^^^^^^^^^^^^^
  help: did you mean `AWS::EC2::Subnet::Id`?

error[missing-key]: the rule `Empty` has no Assertions
 --> shop.yaml:5:3
5 |   Empty: {}
  |   ^^^^^
  help: add what must hold: `Assertions: [{Assert: …}]`

error[unknown-key]: a rule has no `RuleConditon`
 --> shop.yaml:7:5
7 |     RuleConditon: true
  |     ^^^^^^^^^^^^
  help: did you mean `RuleCondition`?

error[wrong-type]: Assert must be a condition, not a text
 --> shop.yaml:9:17
9 |       - Assert: yes please
  |                 ^
  help: use Fn::Equals, Fn::Not, Fn::And, Fn::Or, Fn::Contains, Fn::EachMemberEquals or Fn::EachMemberIn

error[unknown-key]: an assertion has no `Description`
  --> shop.yaml:10:9
10 |         Description: x
   |         ^^^^^^^^^^^
  help: it may have: Assert, AssertDescription

error[missing-key]: an assertion of the rule `Odd` has no Assert
  --> shop.yaml:11:9
11 |       - AssertDescription: nothing
   |         ^

error[bad-function]: Fn::Contains takes [list, text], not a list with 1 item
  --> shop.yaml:12:28
12 |       - Assert: !Contains [a]
   |                            ^

error[bad-reference]: a rule cannot refer to the resource `Topic`
  --> shop.yaml:13:31
13 |       - Assert: !Equals [!Ref Topic, !ValueOf [Siz, Tags.a]]
   |                               ^^^^^
  help: rules are checked before anything exists: use parameters and mappings

error[unknown-reference]: there is no parameter `Siz`
  --> shop.yaml:13:48
13 |       - Assert: !Equals [!Ref Topic, !ValueOf [Siz, Tags.a]]
   |                                                ^^^
  help: did you mean `Size`?

error[unknown-type]: there is no parameter type `AWS::EC2::Vpc::Id`
  --> shop.yaml:14:42
14 |       - Assert: !Not [!Contains [!RefAll AWS::EC2::Vpc::Id, x]]
   |                                          ^^^^^^^^^^^^^^^^^
  help: name one of AWS's own, such as AWS::EC2::VPC::Id

error[bad-value]: DeletionPolicy Snapshot: AWS takes no snapshot of AWS::SNS::Topic
  --> shop.yaml:18:21
18 |     DeletionPolicy: Snapshot
   |                     ^^^^^^^^
  help: use Retain, which keeps it, or Delete

error[bad-value]: there is no UpdateReplacePolicy `RetainExceptOnCreate`
  --> shop.yaml:19:26
19 |     UpdateReplacePolicy: RetainExceptOnCreate
   |                          ^^^^^^^^^^^^^^^^^^^^
  help: use Delete, Retain or Snapshot

warning[no-effect]: AWS::SNS::Topic has no CreationPolicy
  --> shop.yaml:20:5
20 |     CreationPolicy: {ResourceSignal: {Count: 1}}
   |     ^^^^^^^^^^^^^^
  help: remove it: CreationPolicy is for AWS::AutoScaling::AutoScalingGroup, AWS::EC2::Instance, AWS::CloudFormation::WaitCondition, AWS::AppStream::Fleet

error[bad-function]: `Fn::Contains` can be used only in Rules
  --> shop.yaml:21:29
21 |     Properties: {TopicName: !Contains [[a], a]}
   |                             ^^^^^^^^^
  help: elsewhere use Fn::Equals, Fn::And, Fn::Or and Fn::Not in Conditions

error[bad-combination]: exactly one of `InstanceId`, `LaunchConfigurationName`, `LaunchTemplate`, `MixedInstancesPolicy` is required
  --> shop.yaml:22:3
22 |   Group:
   |   ^^^^^
  help: `payctl schema AWS::AutoScaling::AutoScalingGroup` says which properties go together

warning[no-signals]: payctl does not wait for signals (cfn-signal): the resource counts as ready when AWS says so
  --> shop.yaml:24:22
24 |     CreationPolicy: {ResourceSignal: {Count: many, Timeout: 15M}}
   |                      ^^^^^^^^^^^^^^

error[wrong-type]: CreationPolicy.ResourceSignal.Count must be a whole number, not `many`
  --> shop.yaml:24:46
24 |     CreationPolicy: {ResourceSignal: {Count: many, Timeout: 15M}}
   |                                              ^^^^

error[wrong-type]: CreationPolicy.ResourceSignal.Timeout must be a duration such as PT15M (15 minutes), not `15M`
  --> shop.yaml:24:61
24 |     CreationPolicy: {ResourceSignal: {Count: many, Timeout: 15M}}
   |                                                             ^^^

error[unknown-key]: UpdatePolicy has no `AutoScalingRolingUpdate`
  --> shop.yaml:26:7
26 |       AutoScalingRolingUpdate: {MinInstancesInService: 1}
   |       ^^^^^^^^^^^^^^^^^^^^^^^
  help: did you mean `AutoScalingRollingUpdate`?

error[wrong-type]: UpdatePolicy.AutoScalingReplacingUpdate.WillReplace must be true or false, not `perhaps`
  --> shop.yaml:27:49
27 |       AutoScalingReplacingUpdate: {WillReplace: perhaps}
   |                                                 ^^^^^^^

error[bad-value]: UpdatePolicy.AutoScalingRollingUpdate.SuspendProcesses cannot have `Lanch`
  --> shop.yaml:28:53
28 |       AutoScalingRollingUpdate: {SuspendProcesses: [Lanch, !Ref Size], PauseTime: !Ref Size}
   |                                                     ^^^^^
  help: it may have: AZRebalance, AddToLoadBalancer, AlarmNotification, HealthCheck, InstanceRefresh, Launch, ReplaceUnhealthy, ScheduledActions, Terminate

error[missing-key]: Fn::GetStackOutput has no OutputName
  --> shop.yaml:33:35
33 |       TopicName: !GetStackOutput {Stack: a, StackName: b}
   |                                   ^

error[unknown-key]: Fn::GetStackOutput has no `Stack`
  --> shop.yaml:33:35
33 |       TopicName: !GetStackOutput {Stack: a, StackName: b}
   |                                   ^^^^^
  help: it has StackName, OutputName and perhaps Region

error[unsupported]: Fn::GetStackOutput of another account (RoleArn) is not supported
  --> shop.yaml:34:66
34 |       DisplayName: !GetStackOutput {StackName: a, OutputName: b, RoleArn: c}
   |                                                                  ^^^^^^^
  help: payctl reads outputs of its own environment only: pass the value as a parameter

error[bad-function]: Fn::GetStackOutput takes a map with StackName, OutputName and perhaps Region, not a text
  --> shop.yaml:35:39
35 |       KmsMasterKeyId: !GetStackOutput a.b
   |                                       ^^^

error[bad-policy]: AWS::SNS::Topic has no UpdatePolicy
  --> shop.yaml:36:33
36 |   Last: {Type: AWS::SNS::Topic, UpdatePolicy: {EnableVersionUpgrade: true}}
   |                                 ^^^^^^^^^^^^
  help: remove it: UpdatePolicy is for AWS::AutoScaling::AutoScalingGroup, AWS::Lambda::Alias, AWS::Elasticsearch::Domain, AWS::OpenSearchService::Domain, AWS::ElastiCache::ReplicationGroup, AWS::AppStream::Fleet
"#);
}

#[test]
fn what_is_only_known_with_parameters_can_be_wrong() {
    let text = r#"Transform: AWS::LanguageExtensions
Parameters:
  Name: {Type: String, Default: Topik}
  Policy: {Type: String, Default: Snapshot}
Mappings:
  M: {one: {x: 1}}
Resources:
  Topic:
    Type: AWS::SNS::Topic
    DeletionPolicy: !Ref Policy
    UpdateReplacePolicy: !Ref Name
    Properties:
      TopicName: !GetAtt [!Ref Name, TopicName]
      DisplayName: !Ref {"Fn::Sub": "${Name}"}
      KmsMasterKeyId: !FindInMap [!Ref Name, one, x, {DefaultValue: y}]
      Tags: [{Key: !Length {Ref: Name}, Value: !ToJsonString {Ref: Name}}]
  Other:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !FindInMap [M, one, !Ref Name]}
"#;
    insta::assert_snapshot!(mistakes(text), @r#"
error[bad-value]: DeletionPolicy Snapshot: AWS takes no snapshot of AWS::SNS::Topic: use Retain, which keeps it, or Delete
  --> shop.yaml:10:21
10 |     DeletionPolicy: !Ref Policy
   |                     ^^^^^^^^^^^

error[bad-value]: there is no UpdateReplacePolicy `Topik`: use Delete, Retain or Snapshot
  --> shop.yaml:11:26
11 |     UpdateReplacePolicy: !Ref Name
   |                          ^^^^^^^^^

error[unknown-reference]: there is no resource `Topik`; did you mean `Topic`?
  --> shop.yaml:13:27
13 |       TopicName: !GetAtt [!Ref Name, TopicName]
   |                           ^^^^^^^^^

error[unknown-reference]: there is no parameter or resource `Topik`; did you mean `Topic`?
  --> shop.yaml:14:26
14 |       DisplayName: !Ref {"Fn::Sub": "${Name}"}
   |                          ^

error[unknown-mapping-key]: the template's section Mappings has no `Topik`; it has M
  --> shop.yaml:15:35
15 |       KmsMasterKeyId: !FindInMap [!Ref Name, one, x, {DefaultValue: y}]
   |                                   ^^^^^^^^^

error[bad-argument]: Fn::Length takes a list, not a text
  --> shop.yaml:16:20
16 |       Tags: [{Key: !Length {Ref: Name}, Value: !ToJsonString {Ref: Name}}]
   |                    ^^^^^^^

error[bad-argument]: Fn::ToJsonString takes a list or a map
  --> shop.yaml:16:63
16 |       Tags: [{Key: !Length {Ref: Name}, Value: !ToJsonString {Ref: Name}}]
   |                                                               ^

error[unknown-mapping-key]: `one` of the mapping `M` has no `Topik`; it has x
  --> shop.yaml:19:51
19 |     Properties: {DisplayName: !FindInMap [M, one, !Ref Name]}
   |                                                   ^^^^^^^^^
"#);
}
