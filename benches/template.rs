//! How long a template takes: `cargo bench --bench template`. `payctl validate` of 500 resources is to take less than 50 ms,
//! the start of the process included.

use std::fmt::Write as _;

use payctl::graph::{ResourceGraph, Rules};
use payctl::template::{Inputs, Stack, load};

fn main() {
    divan::main();
}

/// A template of this many resources of the usual types, with references, conditions and nested lists.
fn text(resources: usize) -> String {
    let mut text = "AWSTemplateFormatVersion: '2010-09-09'\nParameters:\n  Stage: {Type: String, Default: prod}\nConditions:\n  Prod: !Equals [!Ref Stage, prod]\nResources:\n  Vpc:\n    Type: AWS::EC2::VPC\n    Properties: {CidrBlock: 10.0.0.0/16}\n".to_owned();
    let bodies = [
        "AWS::EC2::Subnet\n    Properties:\n      VpcId: !Ref Vpc\n      CidrBlock: !Select [3, !Cidr [!GetAtt Vpc.CidrBlock, 16, 8]]\n      Tags: [{Key: Name, Value: !Sub '${AWS::StackName}-INDEX'}]",
        "AWS::EC2::SecurityGroup\n    Properties:\n      GroupDescription: !Sub 'INDEX of ${Stage}'\n      VpcId: !Ref Vpc\n      SecurityGroupIngress:\n        - {IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8}\n        - {IpProtocol: tcp, FromPort: 80, ToPort: 80, CidrIp: 10.0.0.0/8}",
        "AWS::SQS::Queue\n    Properties:\n      QueueName: !Join ['-', [!Ref Stage, queue, INDEX]]\n      VisibilityTimeout: 30",
        "AWS::Logs::LogGroup\n    Properties:\n      RetentionInDays: !If [Prod, 365, 7]",
        "AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n        Version: 2012-10-17\n        Statement:\n          - {Effect: Allow, Principal: {Service: ecs-tasks.amazonaws.com}, Action: sts:AssumeRole}",
        "AWS::ECS::TaskDefinition\n    Properties:\n      RequiresCompatibilities: [FARGATE]\n      NetworkMode: awsvpc\n      Cpu: 256\n      Memory: 512\n      ContainerDefinitions:\n        - Name: app\n          Image: nginx\n          PortMappings: [{ContainerPort: 8080}]",
        "AWS::CloudWatch::Alarm\n    Properties:\n      MetricName: Errors\n      Namespace: Shop\n      Statistic: Sum\n      Period: 60\n      EvaluationPeriods: 5\n      Threshold: 1\n      ComparisonOperator: GreaterThanThreshold",
        "AWS::Lambda::Function\n    Properties:\n      Runtime: python3.13\n      Handler: index.handler\n      Code: {ZipFile: 'def handler(event, context): pass'}\n      Role: arn:aws:iam::123456789012:role/shop",
    ];
    for index in 1..resources {
        let body = bodies[index % bodies.len()].replace("INDEX", &index.to_string());
        let _ = writeln!(text, "  R{index}:\n    Type: {body}");
    }
    text
}

fn instantiated(text: &str) -> Stack {
    let inputs = Inputs {
        region: "us-east-1".into(),
        account: "123456789012".into(),
        partition: "aws".into(),
        stack: "main".into(),
        stack_name: "main".into(),
        ..Inputs::default()
    };
    let template = load("template.yaml", text).expect("it is right");
    template.instantiate(&inputs).expect("it is right")
}

/// Twice as many resources take twice as long.
#[divan::bench(args = [250, 500, 1000])]
fn read_and_check(bencher: divan::Bencher, resources: usize) {
    let text = text(resources);
    bencher.bench(|| instantiated(&text));
}

#[divan::bench(args = [250, 500, 1000])]
fn graph(bencher: divan::Bencher, resources: usize) {
    let stacks = [instantiated(&text(resources))];
    let rules = Rules::native();
    bencher.bench(|| ResourceGraph::build(&stacks, &rules).is_ok());
}
