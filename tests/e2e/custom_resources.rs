//! Custom resources: their providers are asked as CloudFormation asks them.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::harness::emulator::Emulator;
use crate::harness::proxy::Proxy;
use crate::harness::{Project, python};

const PROJECT: &str = r#"[project]
name = "shop"
default-env = "dev"

[env.dev]
response-bucket = "answers-${AWS::AccountId}"

[[env.dev.stack]]
name = "main"
template = "template.yaml"
region = "us-east-1"
"#;

const TEMPLATE: &str = r#"Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
  Provider:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Environment: {Variables: {SANDBOX_ANSWER: '{}'}}
      Code:
        ZipFile: |
          import cfnresponse
          def handler(event, context):
              cfnresponse.send(event, context, cfnresponse.SUCCESS, event["ResourceProperties"], "own")
  Own:
    Type: Custom::Answer
    Properties:
      ServiceToken: !GetAtt Provider.Arn
      Name: first
      Count: 3
      Deep: {List: [1, true, x]}
  User:
    Type: AWS::SSM::Parameter
    Properties:
      Name: user
      Type: String
      Value: !Sub '${Own} ${Own.Name} ${Own.Count}'
Outputs:
  Deep: {Value: !GetAtt Own.Deep.Third}
"#;

/// The simulated AWS with a bucket for answers.
fn world() -> Emulator {
    let emulator = Emulator::simulated(20);
    asked(
        &emulator.url,
        "client('s3').create_bucket(Bucket='answers-123456789012')",
    );
    emulator
}

/// What a script of boto3 prints.
fn asked(url: &str, script: &str) -> String {
    let client = "import boto3, json\nfrom botocore.config import Config\ndef client(name): return boto3.client(name, region_name='us-east-1', \
                  endpoint_url=URL, config=Config(s3={'addressing_style': 'path'}))\n";
    let text = format!("URL = {url:?}\n{client}{script}\n");
    let output = std::process::Command::new(python::bin().join("python"))
        .args(["-c", &text])
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .output()
        .expect("python starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn project(at: &str) -> Project {
    let project = Project::empty().at(at);
    project.write("payctl.toml", PROJECT);
    project.write(
        "template.yaml",
        &TEMPLATE.replace("\nOutputs:\n  Deep: {Value: !GetAtt Own.Deep.Third}", ""),
    );
    project
}

fn parameter(url: &str) -> String {
    asked(
        url,
        "print(client('ssm').get_parameter(Name='user')['Parameter']['Value'])",
    )
}

/// A message without where its lines end.
fn words(text: &str) -> String {
    let words = text.split_whitespace().filter(|word| *word != "│");
    words.collect::<Vec<_>>().join(" ")
}

/// The objects in the bucket for answers.
fn answers(url: &str) -> String {
    asked(
        url,
        "print([o['Key'] for o in client('s3').list_objects_v2(Bucket='answers-123456789012').get('Contents', [])])",
    )
}

fn kept(project: &Project) -> Json {
    let state: Json =
        serde_json::from_str(&project.read(".payctl/state/dev.json")).expect("the state is JSON");
    state["resources"]["us-east-1/main.Own"].clone()
}

#[test]
fn a_custom_resource_through_its_life() {
    let emulator = world();
    let url = &emulator.url;
    let project = project(url);
    project.ok("apply --auto-approve");
    let made = parameter(url);
    let id = made.split(' ').next().expect("an identifier").to_owned();
    assert!(id.starts_with("Own-"), "{made}");
    assert_eq!(
        made,
        format!("{id} first 3"),
        "the provider got numbers as texts, and returned them"
    );
    assert_eq!(
        answers(url),
        "[]",
        "an answer is taken away when it was read"
    );
    // Nothing is asked of anybody to know that there is no change.
    let plan = project.plan("");
    assert_eq!(plan["changes"], json!([]), "{plan:#}");
    assert_eq!(plan["drift"], json!([]), "{plan:#}");
    let calls = plan["api_calls"]["by_operation"].to_string();
    assert!(
        !calls.contains("s3:") && !calls.contains("Invoke"),
        "{calls}"
    );

    // Whatever changes is an update, and what others read of it follows.
    project.edit("template.yaml", "Name: first", "Name: second");
    assert_eq!(project.actions(""), ["update Own", "update User"]);
    project.ok("apply --auto-approve");
    assert_eq!(parameter(url), format!("{id} second 3"));
    assert_eq!(project.actions(""), Vec::<String>::new());

    // A function that is changed is another provider, not another resource.
    project.edit(
        "template.yaml",
        "SANDBOX_ANSWER: '{}'",
        "SANDBOX_ANSWER: '{\"PhysicalResourceId\": \"other\"}'",
    );
    assert_eq!(project.actions(""), ["update Provider"]);
    project.ok("apply --auto-approve");
    assert_eq!(parameter(url), format!("{id} second 3"));

    // Another identifier is another resource: whoever uses it moves, and then the old one is deleted.
    project.edit("template.yaml", "Count: 3", "Count: 4");
    let run = project.ok("apply --auto-approve --json");
    assert_eq!(parameter(url), "other second 4");
    let deleted = run
        .out
        .lines()
        .filter(|line| line.contains("\"done\"") && line.contains("\"delete\""))
        .count();
    assert_eq!(deleted, 1, "{}", run.out);
    assert_eq!(kept(&project)["physical_id"], "other");
    let state = project.ok("state list");
    assert!(!state.out.contains("deposed"), "{}", state.out);
    assert_eq!(project.actions(""), Vec::<String>::new());

    // Nobody has such an attribute: the error says what there is.
    project.edit("template.yaml", "${Own.Count}", "${Own.Amount}");
    let run = project.fails("apply --auto-approve", 1);
    let said = words(&run.err);
    assert!(
        said.contains("returned no attribute `Amount`: it returned Count, Deep, Name"),
        "{}",
        run.err
    );
    project.edit("template.yaml", "${Own.Amount}", "${Own.Count}");
    project.ok("destroy --auto-approve");
    assert_eq!(answers(url), "[]");
}

#[test]
fn a_provider_that_fails_says_why_and_is_asked_to_delete_what_it_began() {
    let emulator = world();
    let url = &emulator.url;
    let project = project(url);
    let failing = r#"SANDBOX_ANSWER: '{"Status": "FAILED", "Reason": "no such card", "PhysicalResourceId": "half"}'"#;
    project.edit("template.yaml", "SANDBOX_ANSWER: '{}'", failing);
    let run = project.fails("apply --auto-approve", 1);
    let words = run.err.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains("the provider of Own could not create it: no such card"),
        "{}",
        run.err
    );
    assert!(words.contains("/aws/lambda/"), "{}", run.err);
    assert!(run.err.contains("template.yaml"), "{}", run.err);
    assert_eq!(kept(&project)["status"], "tainted");
    assert_eq!(kept(&project)["physical_id"], "half");
    assert_eq!(answers(url), "[]");
    // Mended, it is made anew, and what the first attempt left is deleted.
    project.edit("template.yaml", failing, "SANDBOX_ANSWER: '{}'");
    project.ok("apply --auto-approve");
    assert!(parameter(url).ends_with(" first 3"));
    // An update that fails changes nothing of what is known, and is planned again.
    let refusing = r#"SANDBOX_ANSWER: '{"Status": "FAILED", "Reason": "not today"}'"#;
    project.edit("template.yaml", "SANDBOX_ANSWER: '{}'", refusing);
    project.ok("apply --auto-approve");
    project.edit("template.yaml", "Count: 3", "Count: 5");
    let run = project.fails("apply --auto-approve", 1);
    assert!(
        run.err.contains("could not update it: not today"),
        "{}",
        run.err
    );
    assert_eq!(project.actions(""), ["update Own", "update User"]);
    // So is a deletion, which must not be taken for done.
    project.fails("destroy --auto-approve", 1);
    assert_eq!(kept(&project)["status"], "ok");
    project.edit("template.yaml", refusing, "SANDBOX_ANSWER: '{}'");
    project.ok("apply --auto-approve");
    assert!(parameter(url).ends_with(" first 5"));
    project.ok("destroy --auto-approve");
}

#[test]
fn a_provider_that_never_answers_is_not_waited_for_for_ever() {
    let emulator = world();
    let project = project(&emulator.url);
    project.edit(
        "template.yaml",
        "SANDBOX_ANSWER: '{}'",
        "SANDBOX_ANSWER: none",
    );
    project.edit(
        "template.yaml",
        "Name: first",
        "Name: first\n      ServiceTimeout: 2",
    );
    let run = project.fails("apply --auto-approve", 1);
    assert!(
        run.err
            .contains("did not answer its Create request within 2 s"),
        "{}",
        run.err
    );
    assert_eq!(kept(&project)["status"], "tainted");
    project.edit(
        "template.yaml",
        "SANDBOX_ANSWER: none",
        "SANDBOX_ANSWER: '{}'",
    );
    project.ok("apply --auto-approve");
    assert!(parameter(&emulator.url).ends_with(" first 3"));
    project.ok("destroy --auto-approve");
}

#[test]
fn without_a_bucket_for_answers_nobody_is_asked() {
    let emulator = Emulator::simulated(20);
    let project = project(&emulator.url);
    let run = project.fails("apply --auto-approve", 1);
    assert!(run.err.contains("answers-123456789012"), "{}", run.err);
    assert!(run.err.contains("response-bucket"), "{}", run.err);
    project.ok("destroy --auto-approve");
}

/// What a provider does not want echoed stands nowhere, and whoever needs it gets it.
#[test]
fn what_is_not_to_be_echoed_is_a_secret() {
    let emulator = world();
    let project = project(&emulator.url);
    let secret =
        r#"SANDBOX_ANSWER: '{"NoEcho": true, "Data": {"Name": "hunter2-hunter2", "Count": 3}}'"#;
    project.edit("template.yaml", "SANDBOX_ANSWER: '{}'", secret);
    project.ok("apply --auto-approve");
    assert!(parameter(&emulator.url).contains("hunter2-hunter2 3"));
    assert!(!kept(&project)["attributes"].to_string().contains("hunter2"));
    // The template itself has it, in what the function is told for this test; where it comes from the answer it is hidden.
    let mut state: Json =
        serde_json::from_str(&project.read(".payctl/state/dev.json")).expect("JSON");
    let user = state["resources"]["us-east-1/main.User"].take();
    assert!(!user.to_string().contains("hunter2"), "{user:#}");
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.ok("destroy --auto-approve");
}

/// A run that dies while it waits is gone on with: the provider is not asked twice.
#[test]
fn killed_while_it_waits_it_takes_the_answer_to_the_first_request() {
    let emulator = world();
    let proxy = Proxy::before(&emulator.url);
    let project = project(&proxy.url);
    let slow = r#"SANDBOX_ANSWER: '{"after": 60}'"#;
    project.edit("template.yaml", "SANDBOX_ANSWER: '{}'", slow);
    let mut child = project
        .command("apply --auto-approve")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    let invocations = || {
        proxy
            .calls()
            .iter()
            .filter(|call| call.contains("Invoke") || call.contains("invocations"))
            .count()
    };
    let until = Instant::now() + Duration::from_secs(60);
    while invocations() == 0 {
        assert!(
            Instant::now() < until,
            "nobody is asked: {:?}",
            proxy.calls()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    // Till the journal has the answer to the call.
    std::thread::sleep(Duration::from_millis(300));
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    project.ok("apply --auto-approve");
    assert_eq!(invocations(), 1, "{:?}", proxy.calls());
    assert!(parameter(&emulator.url).ends_with(" first 3"));
    assert_eq!(project.actions(""), Vec::<String>::new());
    assert_eq!(answers(&emulator.url), "[]");
    project.ok("destroy --auto-approve");
}

const CDK: &str = r#"Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.0.0.0/16}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: "sts:AssumeRole"}]
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: retention
      Roles: [!Ref Role]
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "logs:PutRetentionPolicy", Resource: "*"}]}
  Handler:
    Type: AWS::Lambda::Function
    DependsOn: [Policy, Role]
    Properties: {Runtime: nodejs22.x, Handler: index.handler, Role: !GetAtt Role.Arn, Code: {S3Bucket: nowhere, S3Key: none.zip}}
  Restrict:
    Type: Custom::VpcRestrictDefaultSG
    Properties: {ServiceToken: !GetAtt Handler.Arn, DefaultSecurityGroupId: !GetAtt Vpc.DefaultSecurityGroup, Account: !Ref AWS::AccountId}
  Retention:
    Type: Custom::LogRetention
    Properties: {ServiceToken: !GetAtt Handler.Arn, LogGroupName: /aws/lambda/pay, RetentionInDays: 7, RemovalPolicy: destroy}
  Name:
    Type: AWS::SSM::Parameter
    Properties: {Name: group, Type: String, Value: !GetAtt Retention.LogGroupName}
"#;

/// The rules of the VPC's default group, in and out.
fn rules(url: &str) -> String {
    asked(
        url,
        "ec2 = client('ec2')\nvpc = [v['VpcId'] for v in ec2.describe_vpcs()['Vpcs'] if v['CidrBlock'] == '10.0.0.0/16'][0]\n\
         group = ec2.describe_security_groups(Filters=[{'Name': 'vpc-id', 'Values': [vpc]}, {'Name': 'group-name', 'Values': ['default']}])['SecurityGroups'][0]\n\
         print(len(group['IpPermissions']), len(group['IpPermissionsEgress']))",
    )
}

#[test]
fn what_the_cdk_has_providers_for_payctl_does_itself() {
    let emulator = Emulator::simulated(20);
    let url = &emulator.url;
    let project = project(url);
    project.write("template.yaml", CDK);
    let plan = project.ok("plan");
    let said = plan.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("left out: Handler, Policy, Role"),
        "{}",
        plan.out
    );
    assert_eq!(
        project.actions(""),
        [
            "create Name",
            "create Restrict",
            "create Retention",
            "create Vpc"
        ]
    );
    project.ok("apply --auto-approve");
    assert_eq!(rules(url), "0 0");
    let group = "g = client('logs').describe_log_groups(logGroupNamePrefix='/aws/lambda/pay')['logGroups']\nprint([x.get('retentionInDays') for x in g])";
    assert_eq!(asked(url, group), "[7]");
    assert_eq!(
        asked(
            url,
            "print(client('ssm').get_parameter(Name='group')['Parameter']['Value'])"
        ),
        "/aws/lambda/pay"
    );
    assert_eq!(project.actions(""), Vec::<String>::new());
    // A rule that comes back, and logs that are kept otherwise, are drift, and put right.
    asked(
        url,
        "ec2 = client('ec2')\nvpc = [v['VpcId'] for v in ec2.describe_vpcs()['Vpcs'] if v['CidrBlock'] == '10.0.0.0/16'][0]\n\
         group = ec2.describe_security_groups(Filters=[{'Name': 'vpc-id', 'Values': [vpc]}, {'Name': 'group-name', 'Values': ['default']}])['SecurityGroups'][0]\n\
         ec2.authorize_security_group_egress(GroupId=group['GroupId'], IpPermissions=[{'IpProtocol': '-1', 'IpRanges': [{'CidrIp': '0.0.0.0/0'}]}])\n\
         client('logs').put_retention_policy(logGroupName='/aws/lambda/pay', retentionInDays=30)",
    );
    let plan = project.plan("");
    assert_eq!(plan["drift"].as_array().map(Vec::len), Some(2), "{plan:#}");
    assert_eq!(project.actions(""), ["update Restrict", "update Retention"]);
    project.ok("apply --auto-approve");
    assert_eq!(
        (rules(url), asked(url, group)),
        ("0 0".to_owned(), "[7]".to_owned())
    );
    assert_eq!(project.actions(""), Vec::<String>::new());
    // Without the resource the group has AWS's rules again.
    let text = project.read("template.yaml");
    let restrict = text
        .lines()
        .skip_while(|line| !line.starts_with("  Restrict:"))
        .take(3)
        .collect::<Vec<_>>()
        .join("\n");
    project.edit("template.yaml", &restrict, "");
    project.ok("apply --auto-approve");
    assert_eq!(rules(url), "1 1");
    project.ok("destroy --auto-approve");
    assert_eq!(asked(url, group), "[]");
}

/// What something else uses of a provider stays.
#[test]
fn a_provider_that_somebody_else_uses_stays() {
    let emulator = world();
    let project = project(&emulator.url);
    let source = "Code: {ZipFile: 'exports.handler = 1'}";
    let text = CDK.replace("Code: {S3Bucket: nowhere, S3Key: none.zip}", source);
    let own = "  Own: {Type: Custom::Answer, Properties: {ServiceToken: !GetAtt Handler.Arn}}\n";
    project.write("template.yaml", &format!("{text}{own}"));
    let all = [
        "create Handler",
        "create Name",
        "create Own",
        "create Policy",
        "create Restrict",
        "create Retention",
        "create Role",
        "create Vpc",
    ];
    assert_eq!(project.actions(""), all);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    // It goes when nobody else uses it any more.
    project.write("template.yaml", &text);
    assert_eq!(
        project.actions(""),
        [
            "delete Handler",
            "delete Own",
            "delete Policy",
            "delete Role"
        ]
    );
    project.ok("apply --auto-approve");
    project.ok("destroy --auto-approve");
}
