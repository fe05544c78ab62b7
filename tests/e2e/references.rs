//! Dynamic references: values that Parameter Store and Secrets Manager keep reach AWS and nothing else.

use crate::commands::PROJECT;
use crate::harness::emulator::Emulator;
use crate::harness::{Project, python};
use crate::secrecy::files;

const PASSWORD: &str = "correct-horse-battery-9";
const TOKEN: &str = "token-staple-17";

/// A database whose password, port and a tag are kept elsewhere; a parameter that this template makes and another resource
/// names; and one who reads what was made of a reference.
const TEMPLATE: &str = r#"Resources:
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      DBClusterIdentifier: main
      Engine: aurora-postgresql
      MasterUsername: "{{resolve:ssm:/shop/user}}"
      MasterUserPassword: "PASSWORD"
      DBSubnetGroupName: !Ref Subnets
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: "{{resolve:ssm:/shop/made}} {{resolve:ssm:/shop/user:1}}"
      Tags: [TAGS]
  Made:
    Type: AWS::SSM::Parameter
    Properties: {Name: /shop/made, Type: String, Value: Orders of}
  Copy:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !GetAtt Topic.DisplayName}
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1a}
  SubnetB:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1b}
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: two zones, SubnetIds: [!Ref SubnetA, !Ref SubnetB]}
"#;

/// Parameters and secrets as somebody else keeps them.
const KEPT: &str = r#"
import sys, json, boto3
url, password, token = sys.argv[1:4]
ssm = boto3.client('ssm', region_name='us-east-1', endpoint_url=url)
ssm.put_parameter(Name='/shop/user', Type='String', Value='shop', Overwrite=True)
ssm.put_parameter(Name='/shop/password', Type='SecureString', Value=password, Overwrite=True)
if len(sys.argv) > 4:
    secrets = boto3.client('secretsmanager', region_name='us-east-1', endpoint_url=url)
    text = json.dumps({'password': password, 'token': token})
    try:
        secrets.create_secret(Name='shop/db', SecretString=text)
    except secrets.exceptions.ResourceExistsException:
        secrets.put_secret_value(SecretId='shop/db', SecretString=text)
"#;

/// The tags of all topics, and the display names.
const TOPICS: &str = r#"
import sys, json, boto3
sns = boto3.client('sns', region_name='us-east-1', endpoint_url=sys.argv[1])
for topic in sns.list_topics()['Topics']:
    arn = topic['TopicArn']
    print(sns.get_topic_attributes(TopicArn=arn)['Attributes']['DisplayName'])
    print(json.dumps(sns.list_tags_for_resource(ResourceArn=arn)['Tags']))
"#;

fn quiet(project: &Project, secrets: &[&str], commands: &[&str]) -> String {
    let mut said = String::new();
    for arguments in commands {
        let run = project.ok(arguments);
        for secret in secrets {
            assert!(
                !run.out.contains(secret) && !run.err.contains(secret),
                "payctl {arguments} tells a secret\n{}\n{}",
                run.out,
                run.err
            );
        }
        said.push_str(&run.out);
    }
    for (name, text) in files(project) {
        for secret in secrets {
            assert!(!text.contains(secret), "{name} holds a secret");
        }
    }
    said
}

fn project(password: &str, tags: &str, file: &str) -> Project {
    let project = Project::empty();
    let template = TEMPLATE.replace("PASSWORD", password).replace("TAGS", tags);
    project
        .write("payctl.toml", file)
        .write("template.yaml", &template);
    project
}

/// A secret of Secrets Manager, made by somebody else.
#[test]
fn secrets_of_others_reach_aws_and_nothing_else() {
    let moto = Emulator::moto();
    python::script(KEPT, &[&moto.url, PASSWORD, TOKEN, "secrets"]);
    let reference = "{{resolve:secretsmanager:shop/db:SecretString:password}}";
    let project = project(
        reference,
        r#"{Key: token, Value: "t {{resolve:secretsmanager:shop/db:SecretString:token}}"}"#,
        &PROJECT.replace("[env.local]\nsandbox = true", "[env.local]"),
    )
    .at(&moto.url);
    let secrets = [PASSWORD, TOKEN];
    let said = quiet(
        &project,
        &secrets,
        &[
            "validate",
            "plan",
            "plan --json",
            "plan --out saved.plan",
            "apply saved.plan --json",
            "plan --detailed-exitcode",
            "show Cluster",
            "show Topic --json",
            "state list --json",
            "drift --json",
        ],
    );
    assert!(said.contains(reference), "{said}");
    let seen = python::script(TOPICS, &[&moto.url]);
    assert!(seen.contains("Orders of shop"), "{seen}");
    assert!(seen.contains(&format!("t {TOKEN}")), "{seen}");

    // Another value behind the same reference is no change. Who is updated for another reason gets it.
    const NEXT: &str = "next-staple-18";
    python::script(KEPT, &[&moto.url, "next-horse-10", NEXT, "secrets"]);
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.edit(
        "template.yaml",
        "[{Key: token,",
        "[{Key: team, Value: orders}, {Key: token,",
    );
    let run = project.ok("plan --json");
    let json = run.json();
    let warning = json["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("read again for it"), "{}", run.out);
    quiet(
        &project,
        &[PASSWORD, TOKEN, NEXT],
        &[
            "apply --auto-approve",
            "plan --detailed-exitcode",
            "drift --json",
        ],
    );
    let seen = python::script(TOPICS, &[&moto.url]);
    assert!(seen.contains(&format!("t {NEXT}")), "{seen}");

    // What was changed behind its back is seen without being shown, and put back.
    python::script(
        "import sys, boto3\n\
         sns = boto3.client('sns', region_name='us-east-1', endpoint_url=sys.argv[1])\n\
         for t in sns.list_topics()['Topics']:\n\
         \x20   sns.tag_resource(ResourceArn=t['TopicArn'], Tags=[{'Key': 'token', 'Value': 'meddled'}])\n",
        &[&moto.url],
    );
    assert_eq!(project.actions(""), ["update Topic"]);
    let run = project.ok("drift --json");
    assert!(
        !run.out.contains("meddled") && !run.out.contains(NEXT),
        "{}",
        run.out
    );
    project.ok("apply --auto-approve");
    let seen = python::script(TOPICS, &[&moto.url]);
    assert!(seen.contains(&format!("t {NEXT}")), "{seen}");
    // Neither the references' values nor the secrets are needed for this.
    python::script(
        "import sys, boto3\n\
         s = boto3.client('secretsmanager', region_name='us-east-1', endpoint_url=sys.argv[1])\n\
         s.delete_secret(SecretId='shop/db', ForceDeleteWithoutRecovery=True)\n",
        &[&moto.url],
    );
    project.ok("destroy --auto-approve");
    moto.stop();
}

/// Parameters, encrypted and not, in the simulated AWS; and what is missing.
#[test]
fn parameters_are_read_when_they_are_needed() {
    let project = project(
        "{{resolve:ssm-secure:/shop/password}}",
        "{Key: user, Value: 'u-{{resolve:ssm:/shop/user}}'}",
        PROJECT,
    );
    // Nothing is kept yet: the plan does not ask, and apply says what is missing, where it is named.
    let said = quiet(&project, &[], &["plan"]);
    assert!(
        said.contains("{{resolve:ssm-secure:/shop/password}}"),
        "{said}"
    );
    let run = project.fails("apply --auto-approve", 1);
    for words in [
        "failed Topic: cannot resolve {{resolve:ssm:/shop/user:1}} of `DisplayName`: there is no parameter `/shop/user`, \
         version 1 in us-east-1",
        "[template.yaml:14:20]",
        "cannot create Cluster (AWS::RDS::DBCluster): cannot resolve",
        "[template.yaml:9:27]",
    ] {
        let flat: Vec<&str> = run
            .err
            .split_whitespace()
            .filter(|word| *word != "│")
            .collect();
        let flat = flat.join(" ");
        assert!(flat.contains(words), "{words}\n{}", run.err);
    }
    let world = Emulator::world_of(&project);
    python::script(KEPT, &[&world.url, PASSWORD, TOKEN]);
    world.stop();
    quiet(
        &project,
        &[PASSWORD],
        &[
            "apply --auto-approve --json",
            "plan --detailed-exitcode",
            "show Cluster --json",
            "drift --detailed-exitcode",
        ],
    );
    // What was applied stays applied; another text around the same reference is another text.
    project.edit(
        "template.yaml",
        "Value: 'u-{{resolve:ssm:/shop/user}}'",
        "Value: 'v-{{resolve:ssm:/shop/user}}'",
    );
    assert_eq!(project.actions(""), ["update Topic"]);
    project.ok("apply --auto-approve");
    project.ok("plan --detailed-exitcode");

    // Another value behind a plain reference is a change only where look-ups are read anew; a version stays what it is.
    let world = Emulator::world_of(&project);
    python::script(
        "import sys, boto3\n\
         ssm = boto3.client('ssm', region_name='us-east-1', endpoint_url=sys.argv[1])\n\
         ssm.put_parameter(Name='/shop/user', Type='String', Value='other', Overwrite=True)\n",
        &[&world.url],
    );
    world.stop();
    assert_eq!(project.actions(""), Vec::<String>::new());
    assert_eq!(
        project.actions("--refresh-lookups"),
        ["replace Cluster", "update Topic"]
    );
    project.edit("template.yaml", "{{resolve:ssm:/shop/user}}\"", "shop\"");
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.ok("apply --auto-approve --refresh-lookups");
    project.ok("plan --detailed-exitcode --refresh-lookups");
    let world = Emulator::world_of(&project);
    let seen = python::script(TOPICS, &[&world.url]);
    world.stop();
    assert!(
        seen.contains("v-other") && seen.contains("Orders of shop"),
        "{seen}"
    );
    project.ok("destroy --auto-approve");
}

/// A database whose user and password Secrets Manager draws in the same run, the address that the attachment writes into the
/// secret, and one who names the secret by its name.
const DRAWN: &str = r#"Resources:
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: shop/drawn
      GenerateSecretString:
        SecretStringTemplate: '{"username": "shop"}'
        GenerateStringKey: password
        PasswordLength: 30
        ExcludePunctuation: true
  Cluster:
    Type: AWS::RDS::DBCluster
    DeletionPolicy: Delete
    Properties:
      DBClusterIdentifier: main
      Engine: aurora-postgresql
      MasterUsername: !Sub "{{resolve:secretsmanager:${Secret}:SecretString:username}}"
      MasterUserPassword: !Join ["", ["{{resolve:secretsmanager:", !Ref Secret, ":SecretString:password}}"]]
      DBSubnetGroupName: !Ref Subnets
  Attachment:
    Type: AWS::SecretsManager::SecretTargetAttachment
    Properties: {SecretId: !Ref Secret, TargetId: !Ref Cluster, TargetType: AWS::RDS::DBCluster}
  ByArn:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "at {{resolve:secretsmanager:${Secret}:SecretString:host}}"}
  ByName:
    Type: AWS::SNS::Topic
    Properties: {Tags: [{Key: token, Value: "{{resolve:secretsmanager:shop/drawn:SecretString:password}}"}]}
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  SubnetA:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1a}
  SubnetB:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1b}
  Subnets:
    Type: AWS::RDS::DBSubnetGroup
    Properties: {DBSubnetGroupDescription: two zones, SubnetIds: [!Ref SubnetA, !Ref SubnetB]}
"#;

/// What the secrets hold.
const HELD: &str = r#"
import sys, boto3
secrets = boto3.client('secretsmanager', region_name='us-east-1', endpoint_url=sys.argv[1])
for secret in secrets.list_secrets()['SecretList']:
    print(secrets.get_secret_value(SecretId=secret['ARN'])['SecretString'])
"#;

#[test]
fn a_secret_may_be_drawn_in_the_same_run() {
    let project = Project::empty();
    project
        .write("payctl.toml", PROJECT)
        .write("template.yaml", DRAWN);
    let run = project.ok("plan --json");
    let json = run.json();
    let cluster = json["changes"]
        .as_array()
        .and_then(|all| {
            all.iter()
                .find(|change| change["address"] == "us-east-1/net.Cluster")
        })
        .unwrap_or_else(|| panic!("{}", run.out));
    assert_eq!(
        cluster["after"]["MasterUserPassword"],
        serde_json::json!({ "$unknown": "us-east-1/net.Secret.Ref" })
    );
    let run = project.ok("apply --auto-approve --json");
    let world = Emulator::world_of(&project);
    let held = python::script(HELD, &[&world.url]);
    let seen = python::script(TOPICS, &[&world.url]);
    world.stop();
    let held: serde_json::Value = serde_json::from_str(held.trim()).expect("a secret in JSON");
    let password = held["password"].as_str().expect("a password").to_owned();
    assert_eq!(password.chars().count(), 30);
    assert!(!run.out.contains(&password) && !run.err.contains(&password));
    // It was resolved after the attachment had written the host, and by its name after it was made.
    let host = held["host"].as_str().expect("a host");
    assert!(seen.contains(&format!("at {host}")), "{seen}");
    assert!(seen.contains(&password), "{seen}");
    quiet(
        &project,
        &[&password],
        &[
            "plan --detailed-exitcode",
            "drift --detailed-exitcode",
            "show Cluster --json",
            "show ByName",
        ],
    );
    // Another secret is another reference.
    project.edit("template.yaml", "shop/drawn", "shop/other");
    assert_eq!(
        project.actions(""),
        [
            "replace Attachment",
            "replace Cluster",
            "replace Secret",
            "update ByArn",
            "update ByName"
        ]
    );
    project.ok("destroy --auto-approve");
}
