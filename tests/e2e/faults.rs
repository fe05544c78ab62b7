//! What goes wrong on the way costs time, and nothing else: no second resource, none lost, one run.

use std::time::{Duration, Instant};

use crate::harness::emulator::Emulator;
use crate::harness::proxy::Proxy;
use crate::harness::{Project, Run, cloud};

const PROJECT: &str = r#"[project]
name = "shop"
default-env = "dev"

[env.dev]

[[env.dev.stack]]
name = "net"
template = "template.yaml"
region = "us-east-1"
"#;

const TEMPLATE: &str = r#"Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.1.0/24}
  Gateway:
    Type: AWS::EC2::InternetGateway
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {VpcId: !Ref VPC, InternetGatewayId: !Ref Gateway}
  Table:
    Type: AWS::EC2::RouteTable
    Properties: {VpcId: !Ref VPC}
  Route:
    Type: AWS::EC2::Route
    DependsOn: Attachment
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: tasks, VpcId: !Ref VPC}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: shop-tasks
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: "sts:AssumeRole"}]
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: /shop/tasks, RetentionInDays: 7}
  Topic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: shop-alarms}
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: {ClusterName: shop}
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: shop
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: "256"
      Memory: "512"
      ExecutionRoleArn: !GetAtt Role.Arn
      ContainerDefinitions:
        - Name: web
          Image: nginx:latest
          LogConfiguration:
            LogDriver: awslogs
            Options: {awslogs-group: !Ref Logs, awslogs-region: !Ref "AWS::Region", awslogs-stream-prefix: web}
"#;

/// How many resources the template declares, and how many of them stand in AWS by themselves. Besides: a VPC comes with a
/// route table and a group of its own.
const RESOURCES: usize = 12;
const STANDING: usize = 10 + 2;

fn project(at: &str) -> Project {
    let project = Project::empty().at(at);
    project.write("payctl.toml", PROJECT);
    project.write("template.yaml", TEMPLATE);
    project
}

/// One run makes everything once and one run takes everything away, whatever fails on the way.
fn survives(emulator: &str, seed: u64) {
    let proxy = Proxy::before(emulator);
    let project = project(&proxy.url);
    proxy.faulty(Some(seed));
    project.ok("apply --auto-approve");
    assert!(proxy.faults() > 0, "nothing was tried");
    proxy.faulty(None);
    assert_eq!(project.actions(""), Vec::<String>::new(), "seed {seed}");
    let there = cloud::left_over(emulator);
    assert_eq!(there.len(), STANDING, "seed {seed}: {there:#?}");
    proxy.faulty(Some(seed));
    project.ok("destroy --auto-approve");
    cloud::assert_empty(emulator);
}

#[test]
fn whatever_fails_one_run_makes_everything_once() {
    let emulator = Emulator::simulated(1000);
    survives(&emulator.url, 1);
}

#[test]
fn whatever_fails_one_run_makes_everything_once_on_moto() {
    let moto = Emulator::moto();
    survives(&moto.url, 2);
}

/// Sends a signal to a run once so many mutating calls were answered, and once more after that where it is sent twice.
fn interrupted(proxy: &Proxy, project: &Project, signal: &str, after: usize, twice: bool) -> Run {
    proxy.reset();
    let mut command = project.command("apply --auto-approve");
    command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("the binary starts");
    let until = Instant::now() + Duration::from_secs(120);
    while proxy.mutations() < after {
        assert!(Instant::now() < until, "it makes no progress");
        std::thread::sleep(Duration::from_millis(2));
    }
    let send = || {
        let sent = std::process::Command::new("kill")
            .args([signal, &child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    };
    send();
    if twice {
        std::thread::sleep(Duration::from_millis(50));
        send();
    }
    Run::of(child.wait_with_output().expect("it ends"))
}

fn is_completed(emulator: &str, project: &Project) {
    let again = project.ok("apply --auto-approve");
    assert!(!again.err.contains("failed"), "{}", again.err);
    assert_eq!(project.actions(""), Vec::<String>::new());
    assert_eq!(project.plan("")["summary"]["noop"], RESOURCES);
    let there = cloud::left_over(emulator);
    assert_eq!(there.len(), STANDING, "{there:#?}");
    project.ok("destroy --auto-approve");
    cloud::assert_empty(emulator);
}

#[test]
fn an_interrupted_run_finishes_what_it_has_begun_and_another_goes_on() {
    let emulator = Emulator::simulated(1000);
    let proxy = Proxy::before(&emulator.url);
    proxy.slowed(Duration::from_millis(150));
    for signal in ["-INT", "-TERM"] {
        let project = project(&proxy.url);
        let run = interrupted(&proxy, &project, signal, 2, false);
        assert_eq!(run.code, 130, "{}\n{}", run.out, run.err);
        assert!(run.err.contains("nothing new is started"), "{}", run.err);
        let state = project.ok("state list");
        assert!(state.out.contains("VPC"), "{}", state.out);
        // What was begun is finished and saved: nothing is left to find out.
        let next = project.run("plan");
        assert!(!next.err.contains("cut off"), "{}", next.err);
        is_completed(&emulator.url, &project);
    }
}

#[test]
fn interrupted_twice_it_leaves_at_once_and_the_next_run_settles_it() {
    let emulator = Emulator::simulated(1000);
    let proxy = Proxy::before(&emulator.url);
    proxy.slowed(Duration::from_millis(400));
    let project = project(&proxy.url);
    let run = interrupted(&proxy, &project, "-INT", 1, true);
    assert_eq!(run.code, 130, "{}\n{}", run.out, run.err);
    is_completed(&emulator.url, &project);
}

#[test]
fn a_name_that_somebody_else_has_is_never_taken_over() {
    let emulator = Emulator::simulated(1000);
    let theirs = project(&emulator.url);
    theirs.write(
        "template.yaml",
        "Resources:\n  Theirs:\n    Type: AWS::Logs::LogGroup\n    Properties: {LogGroupName: /shop/tasks}\n",
    );
    theirs.ok("apply --auto-approve");

    let ours = project(&emulator.url);
    ours.edit("payctl.toml", "name = \"shop\"", "name = \"other\"");
    let run = ours.fails("apply --auto-approve", 1);
    assert!(
        run.err.contains("cannot create Logs (AWS::Logs::LogGroup)"),
        "{}",
        run.err
    );
    assert!(
        run.err.contains("ResourceAlreadyExistsException"),
        "{}",
        run.err
    );
    assert!(run.err.contains("request"), "{}", run.err);
    assert!(run.err.contains("template.yaml:"), "{}", run.err);
    assert!(run.err.contains("is not payctl's"), "{}", run.err);
    // What was done is recorded, and once the name is free the rest follows.
    let left = ours.actions("");
    assert!(left.contains(&"create Logs".to_owned()), "{left:?}");
    assert!(!left.contains(&"create VPC".to_owned()), "{left:?}");
    theirs.ok("destroy --auto-approve");
    ours.ok("apply --auto-approve");
    assert_eq!(ours.actions(""), Vec::<String>::new());
    ours.ok("destroy --auto-approve");
    cloud::assert_empty(&emulator.url);
}

#[test]
fn an_alarm_of_somebody_else_is_never_overwritten() {
    let emulator = Emulator::simulated(1000);
    let alarm = "Resources:\n  Alarm:\n    Type: AWS::CloudWatch::Alarm\n    Properties: {AlarmName: shop-errors, \
                 Namespace: Shop, MetricName: Errors, Statistic: Sum, Period: 60, EvaluationPeriods: 1, Threshold: 1, \
                 ComparisonOperator: GreaterThanThreshold}\n";
    let theirs = project(&emulator.url);
    theirs.write("template.yaml", alarm);
    theirs.ok("apply --auto-approve");
    let ours = project(&emulator.url);
    ours.edit("payctl.toml", "name = \"shop\"", "name = \"other\"");
    ours.write(
        "template.yaml",
        &alarm.replace("Threshold: 1", "Threshold: 9"),
    );
    let run = ours.fails("apply --auto-approve", 1);
    assert!(run.err.contains("exists already"), "{}", run.err);
    assert_eq!(theirs.actions(""), Vec::<String>::new());
}

#[test]
fn another_logical_id_for_the_same_name_and_range() {
    let emulator = Emulator::simulated(1000);
    let project = project(&emulator.url);
    project.ok("apply --auto-approve");
    project.edit("template.yaml", "  Subnet:\n", "  Front:\n");
    project.edit("template.yaml", "10.0.1.0/24", "10.0.1.0/25");
    project.edit("template.yaml", "  Topic:\n", "  Alarms:\n");
    project.edit("template.yaml", "  Cluster:\n", "  Shop:\n");
    project.ok("apply --auto-approve");
    assert_eq!(project.actions(""), Vec::<String>::new());
    project.ok("destroy --auto-approve");
    cloud::assert_empty(&emulator.url);
}
