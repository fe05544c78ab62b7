//! Replacements that a failure cut off, and a template that goes back to what it was.

use crate::harness::Project;

const TEMPLATE: &str = "
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16}}
  Group: {Type: AWS::ElasticLoadBalancingV2::TargetGroup, Properties: {Name: A, Protocol: HTTP, Port: 80, TargetType: ip, VpcId: !Ref Vpc}}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties:
      LogGroupName: L
      Tags: [{Key: group, Value: !GetAtt Group.TargetGroupName}]
";

/// CreateTargetGroup returns the one that has the name already: what was replaced is live again, and must not be deleted as what an
/// earlier replacement left.
#[test]
fn what_a_create_takes_over_is_not_deleted_as_left_over() {
    let world = "--env local --region us-east-1 --template t.yaml";
    let project = Project::empty();
    project.write("t.yaml", TEMPLATE);
    project.ok(&format!("apply --auto-approve {world}"));
    project.edit("t.yaml", "Name: A,", "Name: B,");
    let key = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555";
    let foreign = format!("LogGroupName: L\n      KmsKeyId: {key}\n");
    project.edit("t.yaml", "LogGroupName: L\n", &foreign);
    // The user of the old one fails: it stays, deposed.
    project.fails(&format!("apply --auto-approve {world}"), 1);
    project.write("t.yaml", TEMPLATE);
    project.ok(&format!("apply --auto-approve {world}"));
    let plan = project.plan(world);
    assert_eq!(plan["changes"], serde_json::json!([]), "{plan:#}");
    assert_eq!(plan["drift"], serde_json::json!([]), "{plan:#}");
    let list = project.ok(&format!("state list {world}"));
    assert!(!list.out.contains("deposed"), "{}", list.out);
    project.ok(&format!("destroy --auto-approve {world}"));
}
