//! The laws of the simulated AWS stand for AWS's own refusals: a graph that has lost one of its hidden edges does not
//! get through, and with the edge the same template does.

use payctl::graph::Rules;

use crate::harness::world::World;

/// A gateway whose attachment comes late: it waits for a chain of groups that nobody else waits for.
const LATE_ATTACHMENT: &str = r#"Resources:
  VPC:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.0.0.0/16}
  Gateway:
    Type: AWS::EC2::InternetGateway
  One:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: one, VpcId: !Ref VPC}
  Two:
    Type: AWS::EC2::SecurityGroup
    DependsOn: One
    Properties: {GroupDescription: two, VpcId: !Ref VPC}
  Three:
    Type: AWS::EC2::SecurityGroup
    DependsOn: Two
    Properties: {GroupDescription: three, VpcId: !Ref VPC}
  Four:
    Type: AWS::EC2::SecurityGroup
    DependsOn: Three
    Properties: {GroupDescription: four, VpcId: !Ref VPC}
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    DependsOn: Four
    Properties: {VpcId: !Ref VPC, InternetGatewayId: !Ref Gateway}
"#;

const NAT: &str = r#"  Subnet:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.1.0/24}
  Address:
    Type: AWS::EC2::EIP
    Properties: {Domain: vpc}
  Nat:
    Type: AWS::EC2::NatGateway
    Properties: {SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId}
"#;

const ROUTE: &str = r#"  Table:
    Type: AWS::EC2::RouteTable
    Properties: {VpcId: !Ref VPC}
  Internet:
    Type: AWS::EC2::Route
    Properties: {RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway}
"#;

/// A service behind a load balancer whose listener comes late.
const SERVICE: &str = r#"  SubnetA:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.1.0/24, AvailabilityZone: us-east-1a}
  SubnetB:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref VPC, CidrBlock: 10.0.2.0/24, AvailabilityZone: us-east-1b}
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: {Scheme: internal, Subnets: [!Ref SubnetA, !Ref SubnetB], SecurityGroups: [!Ref One]}
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: {VpcId: !Ref VPC, TargetType: ip, Protocol: HTTP, Port: 80}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    DependsOn: Four
    Properties:
      LoadBalancerArn: !Ref Balancer
      Port: 80
      Protocol: HTTP
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Targets}]
  Cluster:
    Type: AWS::ECS::Cluster
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: '256'
      Memory: '512'
      ContainerDefinitions: [{Name: web, Image: nginx, PortMappings: [{ContainerPort: 80}]}]
  Service:
    Type: AWS::ECS::Service
    Properties:
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: 1
      LaunchType: FARGATE
      NetworkConfiguration: {AwsvpcConfiguration: {Subnets: [!Ref SubnetA], SecurityGroups: [!Ref One]}}
      LoadBalancers: [{ContainerName: web, ContainerPort: 80, TargetGroupArn: !Ref Targets}]
"#;

/// The rules of all types, but this one comes after nothing that it does not refer to.
fn without_after(type_name: &str) -> Rules {
    let mut rules = Rules::native();
    let mut broken = rules.of(type_name).clone();
    assert!(!broken.after.is_empty(), "{type_name} has no hidden need");
    broken.after.clear();
    rules.insert(type_name, broken);
    rules
}

/// Without its hidden needs a resource of this type fails by the law with this code; with them the same template is
/// applied, and what the broken graph left half done is mended by it.
async fn is_needed(template: &str, type_name: &str, logical_id: &str, code: &str) {
    let mut world = World::new().await;
    let broken = world.apply(Some(template), &without_after(type_name)).await;
    let failed: Vec<String> = broken
        .failures
        .iter()
        .map(|(address, failure)| format!("{address}: {failure}"))
        .collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert!(failed[0].contains(logical_id), "{failed:?}");
    assert!(failed[0].contains(code), "{failed:?}");

    let whole = world.apply(Some(template), &Rules::native()).await;
    assert!(whole.is_complete(), "{:?}", whole.failures);
    let gone = world.apply(None, &Rules::native()).await;
    assert!(gone.is_complete(), "{:?}", gone.failures);

    let mut world = World::new().await;
    let whole = world.apply(Some(template), &Rules::native()).await;
    assert!(whole.is_complete(), "{:?}", whole.failures);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nat_gateway_needs_the_attachment_of_its_vpc() {
    let template = format!("{LATE_ATTACHMENT}{NAT}");
    is_needed(
        &template,
        "AWS::EC2::NatGateway",
        "Nat",
        "Gateway.NotAttached",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_needs_the_attachment_of_its_gateway() {
    let template = format!("{LATE_ATTACHMENT}{ROUTE}");
    is_needed(
        &template,
        "AWS::EC2::Route",
        "Internet",
        "belong to different networks",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_needs_the_listener_of_its_target_group() {
    let template = format!("{LATE_ATTACHMENT}{SERVICE}");
    is_needed(
        &template,
        "AWS::ECS::Service",
        "Service",
        "does not have an associated load balancer",
    )
    .await;
}
