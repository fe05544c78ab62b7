//! Parameters of Systems Manager that templates read: looked up once, kept in the state.

use crate::harness::Project;
use crate::harness::emulator::Emulator;

const FILE: &str = r#"[project]
name = "shop"
default-env = "local"

[env.local]
sandbox = true

[env.dev]

[[stack]]
name = "config"
template = "config.yaml"
region = "us-east-1"
"#;

const APP_STACK: &str = r#"
[[stack]]
name = "app"
template = "app.yaml"
region = "us-east-1"
"#;

const CONFIG: &str = "Resources:
  Days: {Type: AWS::SSM::Parameter, Properties: {Name: /shop/days, Type: String, Value: '30'}}
  Cidrs: {Type: AWS::SSM::Parameter, Properties: {Name: /shop/cidrs, Type: StringList, Value: '10.9.0.0/16,10.9.1.0/24'}}
";

/// Rules like those of the CDK, and more than ten parameters at once.
const APP: &str = "Parameters:
  Days: {Type: 'AWS::SSM::Parameter::Value<Number>', Default: /shop/days}
  Cidrs: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /shop/cidrs}
  Token: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/days, NoEcho: true}
  There: {Type: 'AWS::SSM::Parameter::Name', Default: /shop/cidrs}
  Image: {Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64}
Rules:
  Long:
    Assertions:
      - Assert: !Not [!Contains [['1', '3'], !Ref Days]]
        AssertDescription: logs are kept for at least five days.
Conditions:
  Network: !Equals [!Select [0, !Ref Cidrs], 10.9.0.0/16]
Resources:
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub 'x-${Image}', RetentionInDays: !Ref Days}}
  Vpc: {Type: AWS::EC2::VPC, Condition: Network, Properties: {CidrBlock: !Select [0, !Ref Cidrs], Tags: [{Key: P, Value: !Ref There}]}}
";

fn lives(project: &Project, environment: &str) {
    project.ok("apply --auto-approve");
    project.write("payctl.toml", &format!("{FILE}{APP_STACK}"));
    // Offline everything that can be told is: conditions that wait for a look-up are taken to hold.
    let offline = project.ok("validate --json").json();
    assert_eq!(offline["not_looked_up"], serde_json::json!(["app"]));
    assert_eq!(project.actions(""), ["create Logs", "create Vpc"]);
    project.ok("apply --auto-approve");
    let state = project.read(&format!(".payctl/state/{environment}.json"));
    let looked_up = &serde_json::from_str::<serde_json::Value>(&state).expect("JSON")["ssm_parameters"]
        ["us-east-1"];
    assert_eq!(looked_up["/shop/cidrs"]["value"], "10.9.0.0/16,10.9.1.0/24");
    // NoEcho: the same value must not reach the disk.
    assert_eq!(looked_up["/shop/days"]["value"], serde_json::Value::Null);

    // A value that is nobody's secret changes when it is looked up anew, and only then.
    project.edit("app.yaml", "NoEcho: true", "NoEcho: false");
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.ok("apply --auto-approve");
    project.edit("config.yaml", "'30'", "'60'");
    assert_eq!(project.actions(""), ["update Days"]);
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    assert_eq!(project.actions("--refresh-lookups"), ["update Logs"]);

    // A rule that the new value breaks, with its place.
    project.edit("config.yaml", "'60'", "'3'");
    project.ok("apply --auto-approve");
    let broken = project.fails("plan --refresh-lookups --json", 1).json();
    assert_eq!(broken["error"]["code"], "rule-failed");
    assert_eq!(broken["error"]["line"], 10);
    assert_eq!(
        broken["error"]["message"],
        "the rule `Long`: logs are kept for at least five days"
    );

    // A name that nobody has.
    let missing = project
        .fails("plan --json --parameter Days=/shop/day", 1)
        .json();
    assert_eq!(missing["error"]["code"], "ssm-parameter");
    assert_eq!(missing["error"]["file"], "app.yaml");
    assert_eq!(missing["error"]["line"], 2);
    project.ok("destroy --auto-approve");
}

fn project() -> Project {
    let project = Project::empty();
    project
        .write("payctl.toml", FILE)
        .write("config.yaml", CONFIG)
        .write("app.yaml", APP);
    project
}

#[test]
fn parameters_of_systems_manager_stay_as_they_were_looked_up() {
    lives(&project(), "local");
}

#[test]
fn the_same_on_moto() {
    let moto = Emulator::moto();
    let project = project().at(&moto.url).environment("dev");
    project.edit(
        "app.yaml",
        "al2023-ami-kernel-default-x86_64",
        "amzn2-ami-hvm-x86_64-gp2",
    );
    lives(&project, "dev");
}
