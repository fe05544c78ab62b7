//! A replica of a database: made when its source is ready, promoted where it gets no source any more, and replaced for another one.

use crate::harness::Project;

const TEMPLATE: &str = "
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.1.0.0/16}}
  A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.1.0/24, AvailabilityZone: us-east-1a}}
  B: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.1.2.0/24, AvailabilityZone: us-east-1b}}
  Group: {Type: AWS::RDS::DBSubnetGroup, Properties: {DBSubnetGroupDescription: g, SubnetIds: [!Ref A, !Ref B]}}
  Source:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      DBInstanceIdentifier: Orders
      Engine: MySQL
      DBInstanceClass: db.m6g.large
      DBSubnetGroupName: !Ref Group
      AllocatedStorage: 100
      BackupRetentionPeriod: 1
      MasterUsername: admin
      MasterUserPassword: correct-horse-9
  Replica:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      DBInstanceClass: db.m6g.large
      SourceDBInstanceIdentifier: !Ref Source
";

const WORLD: &str = "--env local --region us-east-1 --template t.yaml";

fn applied() -> Project {
    let project = Project::empty();
    project.write("t.yaml", TEMPLATE);
    project.ok(&format!("apply --auto-approve {WORLD}"));
    rests(&project);
    project
}

fn rests(project: &Project) {
    let plan = project.plan(WORLD);
    assert_eq!(plan["changes"], serde_json::json!([]), "{plan:#}");
    assert_eq!(plan["drift"], serde_json::json!([]), "{plan:#}");
}

#[test]
fn a_replica_waits_for_its_source_and_is_promoted() {
    let project = applied();
    project.edit(
        "t.yaml",
        "      SourceDBInstanceIdentifier: !Ref Source\n",
        "",
    );
    let plan = project.plan(WORLD);
    assert_eq!(plan["summary"]["update"], 1, "{plan:#}");
    assert_eq!(plan["summary"]["replace"], 0, "{plan:#}");
    project.ok(&format!("apply --auto-approve {WORLD}"));
    rests(&project);
    // A promoted one is a source's no more: the source goes alone.
    let dump = project.ok(&format!("sandbox dump {WORLD}"));
    assert!(
        !dump
            .out
            .contains("\"ReadReplicaSourceDBInstanceIdentifier\": \"orders\""),
        "{}",
        dump.out
    );
    project.ok(&format!("destroy --auto-approve {WORLD}"));
}

#[test]
fn a_replica_of_another_source_is_another_one() {
    let project = applied();
    project.edit("t.yaml", "Identifier: Orders", "Identifier: Payments");
    let plan = project.plan(WORLD);
    assert_eq!(plan["summary"]["replace"], 2, "{plan:#}");
    project.ok(&format!("apply --auto-approve {WORLD}"));
    rests(&project);
    project.ok(&format!("destroy --auto-approve {WORLD}"));
}
