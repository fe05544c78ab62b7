//! Wrong input: every mistake says where it is and what to do. The snapshots are what a user sees on an 80 column
//! terminal without colours, and what a program gets with `--json`.

use crate::harness::emulator::Emulator;
use crate::harness::{Project, seen};

const PROJECT: &str = r#"[project]
name = "shop"
default-env = "local"

[env.local]
sandbox = true

[env.dev]

[env.prod]
account = "999999999999"

[env.guarded]
sandbox = true
protect = true

[[stack]]
name = "net"
template = "template.yaml"
region = "us-east-1"
"#;

const NETWORK: &str = r#"Parameters:
  Range:
    Type: String
    Default: 10.0.0.0/16
    AllowedPattern: '[0-9./]+'
    ConstraintDescription: an address range such as 10.0.0.0/16
Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties:
      CidrBlock: !Ref Range
  Subnet:
    Type: AWS::EC2::Subnet
    Properties:
      VpcId: !Ref VPC
      CidrBlock: 10.0.1.0/24
Outputs:
  Vpc:
    Value: !Ref VPC
"#;

/// A project with this template.
fn project(template: &str) -> Project {
    let project = Project::empty();
    project
        .write("payctl.toml", PROJECT)
        .write("template.yaml", template);
    project
}

/// Fails, and looks to people and programs like the snapshot of this name.
fn wrong(name: &str, project: &Project, arguments: &str) {
    let run = project.fails(arguments, 1);
    let json = project.fails(&format!("{arguments} --json"), 1).json();
    assert!(json["error"]["code"].is_string(), "{json}");
    assert!(json["error"]["message"].is_string(), "{json}");
    let json = serde_json::to_string_pretty(&json).expect("JSON");
    let text = format!("$ payctl {arguments}\n{}\n--json: {json}", run.err);
    insta::assert_snapshot!(name, seen(project, &text));
}

/// `validate` finds this wrong, at this place.
fn template(name: &str, text: &str, line: u64, column: u64) {
    let project = project(text);
    let json = project.fails("validate --json", 1).json();
    let place = (
        json["error"]["line"].as_u64(),
        json["error"]["column"].as_u64(),
    );
    assert_eq!(place, (Some(line), Some(column)), "{name}: {json:#}");
    assert_eq!(json["error"]["file"], "template.yaml", "{name}");
    wrong(name, &project, "validate");
}

#[test]
fn properties_of_resources() {
    template(
        "unknown_property",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\n      EnableDnsSupports: true\n",
        6,
        7,
    );
    template(
        "unknown_nested_property",
        "Resources:\n  Group:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      GroupDescription: web\n      SecurityGroupIngress:\n        - IpProtocol: tcp\n          FromPort: 443\n          ToPrt: 443\n          CidrIp: 0.0.0.0/0\n",
        9,
        11,
    );
    template(
        "missing_property",
        "Resources:\n  Gateway:\n    Type: AWS::EC2::VPCGatewayAttachment\n    Properties:\n      InternetGatewayId: igw-1\n",
        2,
        3,
    );
    template(
        "wrong_type",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\n      EnableDnsSupport: maybe\n",
        6,
        25,
    );
    template(
        "not_a_list",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\n      Tags:\n        Name: shop\n",
        7,
        9,
    );
    template(
        "bad_enum",
        "Resources:\n  Logs:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupClass: STANDART\n",
        5,
        22,
    );
    template(
        "bad_pattern",
        "Resources:\n  Logs:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName: 'shop logs!'\n",
        5,
        21,
    );
    template(
        "out_of_bounds",
        "Resources:\n  Database:\n    Type: AWS::RDS::DBCluster\n    Properties:\n      Engine: aurora-mysql\n      BackupRetentionPeriod: 0\n",
        6,
        30,
    );
    template(
        "unknown_type",
        "Resources:\n  Nat:\n    Type: AWS::EC2::NatGatewai\n",
        3,
        11,
    );
}

#[test]
fn references() {
    template(
        "unknown_reference",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties: {CidrBlock: 10.0.0.0/16}\n  Subnet:\n    Type: AWS::EC2::Subnet\n    Properties:\n      VpcId: !Ref VPCC\n      CidrBlock: 10.0.1.0/24\n",
        8,
        19,
    );
    template(
        "unknown_attribute",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties: {CidrBlock: 10.0.0.0/16}\nOutputs:\n  Group:\n    Value: !GetAtt VPC.DefaultSecurtyGroup\n",
        7,
        24,
    );
    template(
        "unknown_in_sub",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\n      Tags:\n        - Key: Name\n          Value: !Sub 'shop-${Sufix}'\nParameters:\n  Suffix:\n    Type: String\n    Default: a\n",
        8,
        31,
    );
    template(
        "unknown_depends_on",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    DependsOn: Gatway\n    Properties: {CidrBlock: 10.0.0.0/16}\n  Gateway:\n    Type: AWS::EC2::InternetGateway\n",
        4,
        16,
    );
    template(
        "cycle",
        "Resources:\n  A:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      GroupDescription: !Ref B\n  B:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      GroupDescription: !GetAtt C.GroupId\n  C:\n    Type: AWS::EC2::SecurityGroup\n    DependsOn: A\n    Properties:\n      GroupDescription: c\n",
        9,
        25,
    );
}

#[test]
fn syntax() {
    template(
        "duplicate_key",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: 10.0.0.0/16\n      CidrBlock: 10.1.0.0/16\n",
        6,
        7,
    );
    template(
        "broken_yaml",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: [10.0.0.0/16\nOutputs: {}\n",
        5,
        18,
    );
    template(
        "unsupported_transform",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties: {CidrBlock: 10.0.0.0/16}\n",
        1,
        12,
    );
    template(
        "unknown_function",
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlock: !Joins ['', [10.0.0.0/16]]\n",
        5,
        18,
    );
    template(
        "unknown_section",
        "Resource:\n  VPC:\n    Type: AWS::EC2::VPC\n",
        1,
        1,
    );
}

#[test]
fn several_mistakes_are_told_at_once() {
    let project = project(
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties:\n      CidrBlok: 10.0.0.0/16\n      EnableDnsSupport: 3\n",
    );
    wrong("several_mistakes", &project, "validate");
}

#[test]
fn parameters() {
    let named = project(NETWORK);
    named.edit("template.yaml", "    Default: 10.0.0.0/16\n", "");
    wrong("parameter_without_value", &named, "plan");
    wrong(
        "parameter_violates_pattern",
        &named,
        "plan --parameter Range=wide",
    );
    wrong(
        "parameter_unknown",
        &named,
        "plan --parameter Rang=10.0.0.0/16",
    );
    wrong("parameter_without_name", &named, "plan --parameter Range");
    let from_variable = project(NETWORK);
    from_variable.edit(
        "payctl.toml",
        "[env.dev]",
        "parameters = { Range = { env = \"RANGE\" } }\n\n[env.dev]",
    );
    wrong("parameter_from_unset_variable", &from_variable, "plan");
    let generated = project(NETWORK);
    generated.edit(
        "payctl.toml",
        "[env.dev]",
        "[env.dev]\nparameters = { Range = { generate = true } }",
    );
    wrong(
        "parameter_generated_outside_sandbox",
        &generated,
        "plan --env dev",
    );
}

#[test]
fn projects_and_environments() {
    wrong("no_project", &Project::empty(), "plan");
    wrong("no_template", &Project::empty(), "plan --template net.yaml");
    let named = project(NETWORK);
    wrong("unknown_environment", &named, "plan --env prodd");
    wrong("unknown_command", &named, "plann");
    named.edit(
        "payctl.toml",
        "template = \"template.yaml\"",
        "template = \"templat.yaml\"",
    );
    wrong("missing_template", &named, "plan");
    let unknown_key = project(NETWORK);
    unknown_key.edit("payctl.toml", "sandbox = true", "sandbx = true");
    wrong("unknown_project_key", &unknown_key, "plan");
    let broken = project(NETWORK);
    broken.edit("payctl.toml", "[env.local]", "[env.local");
    wrong("broken_project_file", &broken, "plan");
}

#[test]
fn credentials_and_accounts() {
    let nobody = project(NETWORK);
    wrong("no_credentials", &nobody, "plan --env dev");
    let emulator = Emulator::simulated(1000);
    let other = project(NETWORK).at(&emulator.url);
    wrong("wrong_account", &other, "plan --env prod");
    let gone = {
        let emulator = Emulator::simulated(1000);
        emulator.url.clone()
    };
    let unreachable = project(NETWORK).at(&gone);
    let run = unreachable.fails("plan --env dev", 1);
    assert!(
        run.err.contains("did not answer sts:GetCallerIdentity"),
        "{}",
        run.err
    );
    assert!(run.err.contains("AWS_ENDPOINT_URL"), "{}", run.err);
}

#[test]
fn addresses_and_outputs() {
    let project = project(NETWORK);
    project.ok("apply --auto-approve");
    wrong("unknown_address", &project, "show VPCC");
    wrong("unknown_target", &project, "plan --target Subnets");
    wrong("unknown_output", &project, "outputs Vcp");
    wrong("unknown_schema", &project, "schema AWS::EC2::VPCC");
    wrong("nobody_approves", &project, "destroy");
}

#[test]
fn locks() {
    let project = project(NETWORK);
    project.ok("apply --auto-approve");
    let holder = payctl_state::Holder {
        who: "ann".to_owned(),
        host: "build-7".to_owned(),
        pid: 4711,
        command: "apply".to_owned(),
        since: "2026-01-02T03:04:05Z".to_owned(),
    };
    let lock = payctl_state::Lock::take(&project.path(".payctl/state/local.lock"), &holder)
        .expect("nobody holds it");
    wrong("locked", &project, "apply --auto-approve");
    wrong("unlock_while_held", &project, "unlock");
    // Reading needs no lock.
    project.ok("plan");
    drop(lock);
    project.ok("unlock");
    project.ok("apply --auto-approve");
}

#[test]
fn state_files() {
    let project = project(NETWORK);
    project.ok("apply --auto-approve");
    let state = project.read(".payctl/state/local.json");
    let with = |from: &str, to: &str| {
        project.write(".payctl/state/local.json", &state);
        project.edit(".payctl/state/local.json", from, to);
    };
    with("\"10.0.1.0/24\"", "\"10.0.2.0/24\"");
    wrong("state_changed_by_hand", &project, "plan");
    project.write(".payctl/state/local.json", &state[..state.len() / 2]);
    wrong("state_cut_off", &project, "plan");
    with("\"format_version\": 1", "\"format_version\": 99");
    wrong("state_of_a_newer_payctl", &project, "plan");
    project.write(".payctl/state/local.json", &state);
    project.edit("payctl.toml", "name = \"shop\"", "name = \"store\"");
    wrong("state_of_another_project", &project, "plan");
    project.edit("payctl.toml", "name = \"store\"", "name = \"shop\"");
    project.write(
        ".payctl/state/local.journal",
        "{\"lineage\":\"0123456789abcdef0123456789abcdef\",\"serial\":7}\n",
    );
    let run = project.fails("plan", 1);
    assert!(run.err.contains("local.journal"), "{}", run.err);
    // What cannot be read is left as it is.
    assert!(
        project
            .read(".payctl/state/local.journal")
            .contains("0123456789abcdef")
    );
}

#[test]
fn saved_plans() {
    let prepared = || {
        let project = project(NETWORK);
        project.ok("plan --out first.plan");
        project.ok("apply first.plan");
        project.edit("template.yaml", "10.0.1.0/24", "10.0.2.0/24");
        project.ok("plan --out saved.plan");
        project
    };
    // The state moved on.
    let project = prepared();
    project.ok("apply saved.plan");
    wrong("plan_of_an_older_state", &project, "apply saved.plan");
    // The template changed.
    let project = prepared();
    project.edit("template.yaml", "10.0.2.0/24", "10.0.3.0/24");
    wrong("plan_of_another_template", &project, "apply saved.plan");
    // A parameter changed.
    let project = prepared();
    wrong(
        "plan_of_another_parameter",
        &project,
        "apply saved.plan --parameter Range=10.0.0.0/20",
    );
    // AWS changed.
    let project = prepared();
    {
        let world = Emulator::world_of(&project);
        crate::harness::python::script(
            "import sys, boto3, time\n\
             ec2 = boto3.client('ec2', region_name='us-east-1', endpoint_url=sys.argv[1])\n\
             for s in ec2.describe_subnets(Filters=[{'Name': 'cidr-block', 'Values': ['10.0.1.0/24']}])['Subnets']:\n\
             \x20   ec2.modify_subnet_attribute(SubnetId=s['SubnetId'], MapPublicIpOnLaunch={'Value': True})\n",
            &[&world.url],
        );
        world.stop();
    }
    wrong("plan_of_another_world", &project, "apply saved.plan");
    // No plan at all.
    project.write("saved.plan", "hello");
    wrong("plan_is_no_plan", &project, "apply saved.plan");
    wrong("plan_is_missing", &project, "apply other.plan");
}

#[test]
fn types_that_nobody_provisions() {
    let project = project(
        "Resources:\n  Catalog:\n    Type: AWS::QLDB::Ledger\n    Properties:\n      Name: catalog\n      PermissionsMode: STANDARD\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties: {CidrBlock: 10.0.0.0/16}\n",
    );
    let plan = project.plan("");
    assert_eq!(plan["summary"]["create"], 2);
    wrong("not_native", &project, "apply --auto-approve");
    // Nothing was made, not even what could be.
    assert!(project.run("state list").out.trim().lines().count() <= 1);
    assert!(!project.ok("sandbox dump").out.contains("10.0.0.0/16"));
}

#[test]
fn protected_environments() {
    let project = project(
        "Resources:\n  VPC:\n    Type: AWS::EC2::VPC\n    Properties: {CidrBlock: 10.0.0.0/16}\n  SubnetA:\n    Type: AWS::EC2::Subnet\n    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1a}\n  SubnetB:\n    Type: AWS::EC2::Subnet\n    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1b}\n  Subnets:\n    Type: AWS::RDS::DBSubnetGroup\n    Properties:\n      DBSubnetGroupDescription: of the database\n      SubnetIds: [!Ref SubnetA, !Ref SubnetB]\n  Database:\n    Type: AWS::RDS::DBCluster\n    DeletionPolicy: Delete\n    Properties:\n      DBSubnetGroupName: !Ref Subnets\n      Engine: aurora-mysql\n      MasterUsername: admin\n      MasterUserPassword: correct-horse-9\n      DatabaseName: orders\n",
    )
    .environment("guarded");
    project.ok("apply --auto-approve");
    wrong("protected_from_destroy", &project, "destroy --auto-approve");
    project.edit(
        "template.yaml",
        "DatabaseName: orders",
        "DatabaseName: payments",
    );
    wrong(
        "protected_from_replacement",
        &project,
        "apply --auto-approve",
    );
    project.ok("destroy --auto-approve --allow-destructive");
}
