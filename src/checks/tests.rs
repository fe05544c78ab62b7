//! Every check with its message, each in a template that is right but for one thing.

use std::collections::BTreeMap;

use insta::assert_snapshot;

use super::check;
use crate::graph::{ResourceGraph, Rules};
use crate::template::{Inputs, load};

/// A platform in which nothing is wrong.
const RIGHT: &str = "
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: { CapacityProviders: [FARGATE] }
  Secret: { Type: AWS::SecretsManager::Secret }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {}
  Reads:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: reads
      Roles: [!Ref Role]
      PolicyDocument:
        Statement: { Effect: Allow, Action: 'secretsmanager:Get*', Resource: !Ref Secret }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: pay
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: '256'
      Memory: '512'
      ExecutionRoleArn: !GetAtt Role.Arn
      ContainerDefinitions:
        - Name: app
          Image: app
          PortMappings: [{ContainerPort: 8080}]
          Secrets: [{Name: KEY, ValueFrom: !Sub '${Secret}:key::'}]
  Blue:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Name: blue }
  Green:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Name: green }
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: arn:balancer
      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: '404'}}]
  Rule:
    Type: AWS::ElasticLoadBalancingV2::ListenerRule
    Properties:
      ListenerArn: !Ref Listener
      Priority: 1
      Conditions: [{Field: path-pattern, Values: [/pay]}]
      Actions: [{Type: forward, TargetGroupArn: !Ref Blue}]
  Service:
    Type: AWS::ECS::Service
    Properties:
      Cluster: !Ref Cluster
      TaskDefinition: pay
      DeploymentController: { Type: CODE_DEPLOY }
      HealthCheckGracePeriodSeconds: 60
      CapacityProviderStrategy: [{CapacityProvider: FARGATE, Weight: 1}]
      LoadBalancers: [{ContainerName: app, ContainerPort: 8080, TargetGroupArn: !Ref Blue}]
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }
  Group:
    Type: AWS::CodeDeploy::DeploymentGroup
    Properties:
      ApplicationName: pay
      ServiceRoleArn: arn:role
      ECSServices: [{ClusterName: !Ref Cluster, ServiceName: !GetAtt Service.Name}]
      LoadBalancerInfo:
        TargetGroupPairInfoList:
          - TargetGroups: [{Name: !GetAtt Blue.TargetGroupName}, {Name: !GetAtt Green.TargetGroupName}]
            ProdTrafficRoute: { ListenerArns: [!Ref Listener] }
  Target:
    Type: AWS::ApplicationAutoScaling::ScalableTarget
    Properties:
      ServiceNamespace: ecs
      ScalableDimension: ecs:service:DesiredCount
      ResourceId: !Sub 'service/${Cluster}/${Service.Name}'
      MinCapacity: 1
      MaxCapacity: 2
  Scaling:
    Type: AWS::ApplicationAutoScaling::ScalingPolicy
    Properties:
      PolicyName: scaling
      PolicyType: TargetTrackingScaling
      ScalingTargetId: !Ref Target
      TargetTrackingScalingPolicyConfiguration:
        TargetValue: 70
        PredefinedMetricSpecification: { PredefinedMetricType: ECSServiceAverageCPUUtilization }
";

/// What the checks say of the template after these edits, each of which must find its text.
fn found(edits: &[(&str, &str)]) -> String {
    let mut text = RIGHT.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let template = load("pay.yaml", &text).unwrap();
    let inputs = Inputs {
        region: "eu-west-1".into(),
        account: "111122223333".into(),
        partition: "aws".into(),
        stack: "pay".into(),
        parameters: BTreeMap::new(),
        ..Inputs::default()
    };
    let stack = template.instantiate(&inputs).unwrap();
    let graph = ResourceGraph::build(&[stack], &Rules::native()).unwrap();
    check(&graph).iter().map(|one| format!("{one}\n")).collect()
}

#[test]
fn what_is_right_is_left_alone() {
    assert_eq!(found(&[]), "");
    // What only AWS can tell is taken to be right.
    let elsewhere: &[&[(&str, &str)]] = &[
        &[("Cluster: !Ref Cluster\n", "Cluster: other\n")],
        &[(
            "ExecutionRoleArn: !GetAtt Role.Arn",
            "ExecutionRoleArn: arn:aws:iam::111122223333:role/x",
        )],
        &[("TaskDefinition: pay", "TaskDefinition: other:7")],
        &[(
            "ListenerArns: [!Ref Listener]",
            "ListenerArns: [arn:listener]",
        )],
        &[
            ("Cpu: '256'", "Cpu: .25 vCPU"),
            ("Memory: '512'", "Memory: 2 GB"),
        ],
        &[("Cpu: '256'", "Cpu: '65536'")],
        &[("Resource: !Ref Secret", "Resource: '*'")],
        &[
            ("Roles: [!Ref Role]", "Roles: [someone]"),
            (
                "AssumeRolePolicyDocument: {}",
                "AssumeRolePolicyDocument: {}\n      ManagedPolicyArns: ['arn:aws:iam::111122223333:policy/ours']",
            ),
        ],
    ];
    for edits in elsewhere {
        assert_eq!(found(edits), "", "{edits:?}");
    }
}

#[test]
fn what_a_resource_allows_is_not_told() {
    let breaker = (
        "HealthCheckGracePeriodSeconds: 60",
        "DeploymentConfiguration: {DeploymentCircuitBreaker: {Enable: true, Rollback: true}}",
    );
    assert!(!found(&[breaker]).is_empty());
    let allow = (
        "Type: AWS::ECS::Service\n",
        "Type: AWS::ECS::Service\n    Metadata: { payctl: { allow: [circuit-breaker] } }\n",
    );
    assert_eq!(found(&[breaker, allow]), "");
}

#[test]
fn controllers() {
    assert_snapshot!(found(&[("HealthCheckGracePeriodSeconds: 60", "DeploymentConfiguration: {DeploymentCircuitBreaker: {Enable: true, Rollback: true}}")]), @r#"
    error[circuit-breaker]: a service with the CODE_DEPLOY deployment controller takes no deployment circuit breaker
      --> pay.yaml:56:59
    56 |       DeploymentConfiguration: {DeploymentCircuitBreaker: {Enable: true, Rollback: true}}
       |                                                           ^
      help: take DeploymentCircuitBreaker out; AutoRollbackConfiguration of the deployment group is what rolls back here
    "#);
    assert_snapshot!(found(&[("HealthCheckGracePeriodSeconds: 60", "DeploymentConfiguration: {MinimumHealthyPercent: 50, MaximumPercent: 200}")]), @r#"
    warning[healthy-percent]: MinimumHealthyPercent has no effect under CODE_DEPLOY: CodeDeploy starts a whole second set of tasks
      --> pay.yaml:56:56
    56 |       DeploymentConfiguration: {MinimumHealthyPercent: 50, MaximumPercent: 200}
       |                                                        ^^
      help: take it out; how fast traffic moves is the deployment group's DeploymentConfigName
    "#);
    assert_snapshot!(found(&[("Type: CODE_DEPLOY", "Type: ECS")]), @r#"
    error[deployment-controller]: Service has the ECS deployment controller: CodeDeploy cannot deploy it
      --> pay.yaml:65:62
    65 |       ECSServices: [{ClusterName: !Ref Cluster, ServiceName: !GetAtt Service.Name}]
       |                                                              ^^^^^^^^^^^^^^^^^^^^
      help: give Service DeploymentController: {Type: CODE_DEPLOY}
    "#);
    assert_snapshot!(found(&[("ECSServiceAverageCPUUtilization", "ALBRequestCountPerTarget")]), @r#"
    warning[request-count]: ALBRequestCountPerTarget does not follow Service from one target group to the other
      --> pay.yaml:86:64
    86 |         PredefinedMetricSpecification: { PredefinedMetricType: ALBRequestCountPerTarget }
       |                                                                ^^^^^^^^^^^^^^^^^^^^^^^^
      help: AWS does not support it for blue/green services: use CustomizedMetricSpecification over both target groups
    "#);
}

#[test]
fn target_groups() {
    assert_snapshot!(found(&[(", {Name: !GetAtt Green.TargetGroupName}]", "]")]), @r#"
    error[target-group-pair]: a blue/green deployment needs two target groups, here is 1
      --> pay.yaml:68:11
    68 |           - TargetGroups: [{Name: !GetAtt Blue.TargetGroupName}]
       |           ^
      help: name two target groups of one load balancer: one serves, the other takes the new tasks
    "#);
    assert_snapshot!(found(&[("{Name: !GetAtt Green.TargetGroupName}", "{Name: !GetAtt Blue.TargetGroupName}")]), @r#"
    error[target-group-pair]: both target groups of the pair are the same
      --> pay.yaml:68:11
    68 |           - TargetGroups: [{Name: !GetAtt Blue.TargetGroupName}, {Name: !GetAtt Blue.TargetGroupName}]
       |           ^
      help: name two target groups of one load balancer: one serves, the other takes the new tasks
    "#);
    assert_snapshot!(found(&[("      LoadBalancerInfo:\n        TargetGroupPairInfoList:\n          - TargetGroups: [{Name: !GetAtt Blue.TargetGroupName}, {Name: !GetAtt Green.TargetGroupName}]\n            ProdTrafficRoute: { ListenerArns: [!Ref Listener] }\n", "")]), @r#"
    error[target-group-pair]: a deployment group of an ECS service needs a pair of target groups
      --> pay.yaml:60:3
    60 |   Group:
       |   ^^^^^
      help: name two target groups of one load balancer: one serves, the other takes the new tasks
    "#);
    let other = (
        "  Listener:\n",
        "  Other:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties: { Name: other }\n  Listener:\n",
    );
    assert_snapshot!(found(&[other, ("Type: forward, TargetGroupArn: !Ref Blue", "Type: forward, TargetGroupArn: !Ref Other")]), @r#"
    error[target-group-not-used]: the listener Listener and its rules forward to neither target group of the pair
      --> pay.yaml:72:48
    72 |             ProdTrafficRoute: { ListenerArns: [!Ref Listener] }
       |                                                ^^^^^^^^^^^^^
      help: forward to one of the two, in the listener's default action or in one of its rules; CodeDeploy shifts from there
    "#);
    assert_snapshot!(found(&[other, ("ContainerPort: 8080, TargetGroupArn: !Ref Blue", "ContainerPort: 8080, TargetGroupArn: !Ref Other")]), @r#"
    error[target-group-pair]: Other is none of the two target groups of Group
      --> pay.yaml:61:81
    61 |       LoadBalancers: [{ContainerName: app, ContainerPort: 8080, TargetGroupArn: !Ref Other}]
       |                                                                                 ^^^^^^^^^^
      help: the service begins in one of Blue, Green
    "#);
}

#[test]
fn containers() {
    assert_snapshot!(found(&[("ContainerName: app", "ContainerName: ap")]), @r#"
    error[unknown-container]: the task definition Task has no container `ap`
      --> pay.yaml:58:39
    58 |       LoadBalancers: [{ContainerName: ap, ContainerPort: 8080, TargetGroupArn: !Ref Blue}]
       |                                       ^^
      help: it has app
    "#);
    assert_snapshot!(found(&[("ContainerName: app, ContainerPort: 8080", "ContainerName: app, ContainerPort: 80")]), @r#"
    error[unknown-port]: the container `app` of Task has no port 80
      --> pay.yaml:58:59
    58 |       LoadBalancers: [{ContainerName: app, ContainerPort: 80, TargetGroupArn: !Ref Blue}]
       |                                                           ^^
      help: it has 8080
    "#);
    assert_snapshot!(found(&[("          PortMappings: [{ContainerPort: 8080}]\n", "")]), @r#"
    error[unknown-port]: the container `app` of Task has no port 8080
      --> pay.yaml:57:59
    57 |       LoadBalancers: [{ContainerName: app, ContainerPort: 8080, TargetGroupArn: !Ref Blue}]
       |                                                           ^^^^
      help: add PortMappings with ContainerPort: 8080 to the container
    "#);
}

#[test]
fn sizes_and_networks() {
    assert_snapshot!(found(&[("Memory: '512'", "Memory: '1536'")]), @r#"
    error[fargate-size]: Fargate has no task of 256 CPU units with 1536 MiB of memory
      --> pay.yaml:25:15
    25 |       Memory: '1536'
       |               ^^^^^^
      help: with 256 CPU units go 512, 1024 or 2048 MiB
    "#);
    assert_snapshot!(found(&[("Cpu: '256'", "Cpu: 1 vCPU")]), @r#"
    error[fargate-size]: Fargate has no task of 1024 CPU units with 512 MiB of memory
      --> pay.yaml:25:15
    25 |       Memory: '512'
       |               ^^^^^
      help: with 1024 CPU units go 2048 to 8192 MiB in steps of 1024
    "#);
    assert_snapshot!(found(&[("Cpu: '256'", "Cpu: 300")]), @r#"
    error[fargate-size]: Fargate has no task of 300 CPU units
      --> pay.yaml:24:12
    24 |       Cpu: 300
       |            ^^^
      help: CPU units can be 256, 512, 1024, 2048, 4096, 8192, 16384
    "#);
    assert_snapshot!(found(&[("      Cpu: '256'\n", "")]), @r#"
    error[fargate-size]: a Fargate task needs CPU units for the whole task: there is no Cpu
      --> pay.yaml:18:3
    18 |   Task:
       |   ^^^^
      help: CPU units can be 256, 512, 1024, 2048, 4096, 8192, 16384
    "#);
    assert_snapshot!(found(&[("NetworkMode: awsvpc", "NetworkMode: bridge")]), @r#"
    error[network-configuration]: tasks of Task have the network mode bridge, which takes no NetworkConfiguration
      --> pay.yaml:59:29
    59 |       NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }
       |                             ^
      help: take it out, or give the task definition NetworkMode: awsvpc
    error[fargate-network-mode]: a Fargate task has the network mode awsvpc, this one has bridge
      --> pay.yaml:23:20
    23 |       NetworkMode: bridge
       |                    ^^^^^^
      help: write NetworkMode: awsvpc
    "#);
    assert_snapshot!(found(&[("      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-1] } }\n", "")]), @r#"
    error[network-configuration]: tasks of Task have the network mode awsvpc, and the service says no network
      --> pay.yaml:54:23
    54 |       TaskDefinition: pay
       |                       ^^^
      help: add NetworkConfiguration.AwsvpcConfiguration with Subnets and SecurityGroups
    "#);
}

#[test]
fn where_tasks_run() {
    assert_snapshot!(found(&[("CapacityProviders: [FARGATE]", "CapacityProviders: [FARGATE_SPOT]")]), @r#"
    error[capacity-provider]: the capacity provider FARGATE is not associated with the cluster Cluster
      --> pay.yaml:57:53
    57 |       CapacityProviderStrategy: [{CapacityProvider: FARGATE, Weight: 1}]
       |                                                     ^^^^^^^
      help: add FARGATE to the cluster's CapacityProviders, or to an AWS::ECS::ClusterCapacityProviderAssociations
    "#);
    assert_snapshot!(found(&[("HealthCheckGracePeriodSeconds: 60", "LaunchType: FARGATE")]), @r#"
    error[launch-type]: LaunchType and CapacityProviderStrategy exclude each other
      --> pay.yaml:56:19
    56 |       LaunchType: FARGATE
       |                   ^^^^^^^
      help: take LaunchType out: the capacity providers say where the tasks run
    "#);
    assert_snapshot!(found(&[("CapacityProviderStrategy: [{CapacityProvider: FARGATE, Weight: 1}]", "LaunchType: FARGATE"), ("RequiresCompatibilities: [FARGATE]", "RequiresCompatibilities: [EC2]")]), @r#"
    error[launch-type]: the task definition Task does not run on FARGATE
      --> pay.yaml:57:19
    57 |       LaunchType: FARGATE
       |                   ^^^^^^^
      help: add FARGATE to its RequiresCompatibilities
    "#);
    assert_snapshot!(found(&[("      LoadBalancers: [{ContainerName: app, ContainerPort: 8080, TargetGroupArn: !Ref Blue}]\n", "")]), @r#"
    warning[grace-period]: HealthCheckGracePeriodSeconds without a load balancer: there is no health check to hold off
      --> pay.yaml:56:38
    56 |       HealthCheckGracePeriodSeconds: 60
       |                                      ^^
      help: take it out, or add LoadBalancers; a container's own health check has StartPeriod
    "#);
}

#[test]
fn secrets() {
    assert_snapshot!(found(&[("Roles: [!Ref Role]", "Roles: [someone]")]), @r#"
    error[secret-unreadable]: the execution role Role may not read Secret: no task would start
      --> pay.yaml:31:44
    31 |           Secrets: [{Name: KEY, ValueFrom: !Sub '${Secret}:key::'}]
       |                                            ^^^^^^^^^^^^^^^^^^^^^^
      help: allow secretsmanager:GetSecretValue on it in a policy of Role
    "#);
    assert_snapshot!(found(&[("secretsmanager:Get*", "secretsmanager:Describe*")]), @r#"
    error[secret-unreadable]: the execution role Role may not read Secret: no task would start
      --> pay.yaml:31:44
    31 |           Secrets: [{Name: KEY, ValueFrom: !Sub '${Secret}:key::'}]
       |                                            ^^^^^^^^^^^^^^^^^^^^^^
      help: allow secretsmanager:GetSecretValue on it in a policy of Role
    "#);
    assert_snapshot!(found(&[("      ExecutionRoleArn: !GetAtt Role.Arn\n", "")]), @r#"
    error[secret-unreadable]: a task definition with secrets needs an execution role that reads them
      --> pay.yaml:30:44
    30 |           Secrets: [{Name: KEY, ValueFrom: !Sub '${Secret}:key::'}]
       |                                            ^^^^^^^^^^^^^^^^^^^^^^
      help: add ExecutionRoleArn: a role for ecs-tasks.amazonaws.com that may read the secrets
    "#);
    assert_snapshot!(found(&[("!Sub '${Secret}:key::'", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:keys-aBcDeF")]), @"");
}
