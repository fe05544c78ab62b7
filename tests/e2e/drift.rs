//! What somebody changes behind the templates' back: told, set back, or accepted.

use serde_json::{Value, json};

use crate::harness::emulator::Emulator;
use crate::harness::{Project, python};

const TEMPLATE: &str = r#"Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: clerk
      AssumeRolePolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: sts:AssumeRole}]
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: own
      Roles: [!Ref Role]
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Action: s3:GetObject, Resource: '*'}]
  VPC:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupName: web
      GroupDescription: of a test
      VpcId: !Ref VPC
  Rule:
    Type: AWS::EC2::SecurityGroupIngress
    Properties: {GroupId: !Ref Group, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}
  Parameter:
    Type: AWS::SSM::Parameter
    Properties: {Name: /shop/limit, Type: String, Value: '100'}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: alerts}
"#;

/// An inline policy, a rule for everybody, another value, and a topic that is gone.
const MEDDLE: &str = r#"
import sys, boto3
def client(service):
    return boto3.client(service, region_name="us-east-1", endpoint_url=sys.argv[1])
document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'
client("iam").put_role_policy(RoleName="clerk", PolicyName="stranger", PolicyDocument=document)
ec2 = client("ec2")
group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["web"]}])["SecurityGroups"][0]["GroupId"]
ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
client("ssm").put_parameter(Name="/shop/limit", Value="999", Overwrite=True)
client("sns").delete_topic(TopicArn="arn:aws:sns:us-east-1:123456789012:alerts")
"#;

const MEDDLE_AGAIN: &str = r#"
import sys, boto3
ssm = boto3.client("ssm", region_name="us-east-1", endpoint_url=sys.argv[1])
ssm.put_parameter(Name="/shop/limit", Value="1000", Overwrite=True)
"#;

/// `LogicalId property effect`, with `(undeclared)` behind what no template speaks of.
fn told(drift: &Value) -> Vec<String> {
    let mut told: Vec<String> = drift["drift"]
        .as_array()
        .expect("drift")
        .iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().expect("a text").to_owned();
            let address = text("address");
            let id = address.rsplit('.').next().unwrap_or_default().to_owned();
            let mark = if one["undeclared"] == true {
                " (undeclared)"
            } else {
                ""
            };
            format!("{id} {} {}{mark}", text("property"), text("effect"))
        })
        .collect();
    told.sort();
    told
}

fn meddled() -> (Emulator, Project) {
    let emulator = Emulator::simulated(1000);
    let project = Project::empty();
    project.write("template.yaml", TEMPLATE).write(
        "payctl.toml",
        "[project]\nname = \"shop\"\ndefault-env = \"dev\"\n[env.dev]\n[[stack]]\nname = \"main\"\ntemplate = \"template.yaml\"\nregion = \"us-east-1\"\n",
    );
    let project = project.at(&emulator.url).environment("dev");
    project.ok("apply --auto-approve");
    assert_eq!(
        told(&project.ok("drift --json").json()),
        Vec::<String>::new()
    );
    python::script(MEDDLE, &[&emulator.url]);
    (emulator, project)
}

#[test]
fn what_changed_is_told_with_what_becomes_of_it() {
    let (_emulator, project) = meddled();
    let expected = [
        "Group SecurityGroupIngress.0 nothing (undeclared)",
        "Parameter Value update",
        "Role Policies.0 nothing (undeclared)",
        "Topic  create",
    ];
    assert_eq!(told(&project.ok("drift --json").json()), expected);
    project.fails("drift --detailed-exitcode", 2);
    let plan = project.plan("");
    assert_eq!(told(&plan), expected);
    assert_eq!(project.actions(""), ["create Topic", "update Parameter"]);
    insta::assert_snapshot!(project.ok("drift").out);

    // Set back; what nobody declares stays, and is still told.
    project.ok("apply --auto-approve");
    let left = [
        "Group SecurityGroupIngress.0 nothing (undeclared)",
        "Role Policies.0 nothing (undeclared)",
    ];
    assert_eq!(told(&project.ok("drift --json").json()), left);
    assert_eq!(project.plan("")["changes"], json!([]));
}

#[test]
fn what_is_accepted_is_neither_drift_nor_change() {
    let (emulator, project) = meddled();
    let gone = project.fails("apply --json --auto-approve --accept-drift Topic", 1);
    assert!(
        gone.out.contains("there is nothing to accept"),
        "{}",
        gone.out
    );
    project.ok("apply --auto-approve --accept-drift Parameter --accept-drift Role --accept-drift main.Group");
    let after = project.ok("drift --json").json();
    assert_eq!(told(&after), Vec::<String>::new());
    assert_eq!(after["accepted"].as_array().map(Vec::len), Some(1));
    let plan = project.plan("");
    assert_eq!(plan["changes"], json!([]));
    assert_eq!(plan["accepted"][0]["live"], "999");

    // Until somebody changes it again, or the template says something else.
    python::script(MEDDLE_AGAIN, &[&emulator.url]);
    assert_eq!(
        told(&project.ok("drift --json").json()),
        ["Parameter Value update"]
    );
    project.ok("apply --auto-approve --accept-drift Parameter");
    project.edit("template.yaml", "Value: '100'", "Value: '200'");
    assert_eq!(project.actions(""), ["update Parameter"]);
    project.ok("apply --auto-approve");
    assert_eq!(project.plan("")["accepted"], json!([]));
}
