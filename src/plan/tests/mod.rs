//! The planner on small environments.

mod changes;
mod deployments;
mod fixture;
mod instances;
mod random;
mod references;

use std::collections::BTreeSet;

use fixture::{World, address, stack};
use insta::assert_snapshot;
use serde_json::json;

use super::{PlanInputs, SavedPlan};
use crate::template::DeletionPolicy;
use payctl_state::State;

fn empty_state() -> State {
    State::empty("test", "test", String::new(), String::new())
}

/// A VPC, a subnet in it and a NAT gateway in that.
fn network() -> World {
    stack()
        .with(
            "Vpc",
            "AWS::EC2::VPC",
            json!({ "CidrBlock": "10.0.0.0/16" }),
        )
        .with(
            "A",
            "AWS::EC2::Subnet",
            json!({ "VpcId": { "Ref": "Vpc" }, "CidrBlock": "10.0.1.0/24" }),
        )
        .with(
            "Nat",
            "AWS::EC2::NatGateway",
            json!({ "SubnetId": { "Ref": "A" }, "ConnectivityType": "private" }),
        )
}

/// A target group with a fixed name, the listener and the load balancer in front of it.
fn web() -> World {
    stack()
        .with("Lb", "AWS::ElasticLoadBalancingV2::LoadBalancer", json!({ "Name": "web", "Scheme": "internal" }))
        .with("Group", "AWS::ElasticLoadBalancingV2::TargetGroup", json!({ "Name": "web", "Port": 80, "Protocol": "HTTP" }))
        .with(
            "Listener",
            "AWS::ElasticLoadBalancingV2::Listener",
            json!({ "LoadBalancerArn": { "Ref": "Lb" }, "Port": 80, "Protocol": "HTTP",
                    "DefaultActions": [{ "Type": "forward", "TargetGroupArn": { "Ref": "Group" } }] }),
        )
}

#[test]
fn what_was_never_made_is_made_and_then_left_alone() {
    assert_snapshot!(network().show(), @r#"
    + A: new
    + Nat: new
    + Vpc: new
    "#);
    assert_snapshot!(network().applied().show(), @r#"nothing to do"#);
}

/// CloudFormation template reference, "DeletionPolicy attribute", RetainExceptOnCreate.
#[test]
fn what_failed_to_be_made_is_not_retained() {
    use crate::plan::Removal;
    use crate::template::DeletionPolicy::{Retain, RetainExceptOnCreate};
    let logs = |policy, update| {
        let world = stack().with("Logs", "AWS::Logs::LogGroup", json!({}));
        world.policy("Logs", policy, update).applied()
    };
    let removal = |world: &World| world.plan().changes[&address("Logs")].removal;
    let leaving = |world: World| removal(&world.without("Logs"));
    assert_eq!(leaving(logs(RetainExceptOnCreate, Retain)), Removal::Retain);
    // Half made, and still wanted: made anew, and what is there goes.
    let half = logs(RetainExceptOnCreate, Retain).taint("Logs");
    assert_eq!(removal(&half), Removal::Delete);
    assert_eq!(leaving(half), Removal::Delete);
    let half = logs(Retain, Retain).taint("Logs");
    assert_eq!(removal(&half), Removal::Retain);
    assert_eq!(leaving(half), Removal::Retain);
}

#[test]
fn changing_a_range_replaces_the_subnet_and_what_follows_it() {
    let edited = network()
        .applied()
        .edit("A", "/CidrBlock", json!("10.0.9.0/24"));
    assert_snapshot!(edited.show(), @r#"
    +/- A: CidrBlock is create-only
        CidrBlock: "10.0.1.0/24" -> "10.0.9.0/24"
    +/- Nat: SubnetId is create-only follows A
        SubnetId: "subnetid-2" -> {"$unknown":"us-east-1/app.A.Ref"}
    "#);
    assert_snapshot!(edited.steps(), @r#"
    create A -> create Nat (Accepted)
    create A -> delete A (Ready)
    create Nat -> delete A (Ready)
    create Nat -> delete Nat (Ready)
    delete Nat -> delete A (Ready)
    "#);
    assert_snapshot!(edited.applied().show(), @r#"nothing to do"#);
}

#[test]
fn a_fixed_name_is_given_free_before_it_is_taken_again() {
    let edited = web().applied().edit("Group", "/Port", json!(8080));
    assert_snapshot!(edited.show(), @r#"
    -/+ Group: Port is create-only
        Port: 80 -> 8080
    -/+ Listener: DefaultActions.0.TargetGroupArn follows Group, DefaultActions.0.TargetGroupArn holds Group
        DefaultActions.0.TargetGroupArn: "targetgrouparn-2" -> {"$unknown":"us-east-1/app.Group.Ref"}
    "#);
    assert_snapshot!(edited.steps(), @r#"
    create Group -> create Listener (Accepted)
    delete Group -> create Group (Ready)
    delete Listener -> create Listener (Ready)
    delete Listener -> delete Group (Ready)
    "#);
    assert_snapshot!(edited.applied().show(), @r#"nothing to do"#);
}

#[test]
fn another_logical_id_makes_room_before_it_takes_it() {
    let renamed = network()
        .applied()
        .without("A")
        .with(
            "B",
            "AWS::EC2::Subnet",
            json!({ "VpcId": { "Ref": "Vpc" }, "CidrBlock": "10.0.1.0/25" }),
        )
        .edit("Nat", "/SubnetId", json!({ "Ref": "B" }));
    assert_snapshot!(renamed.steps(), @r#"
    create B -> create Nat (Accepted)
    delete A -> create B (Ready)
    delete Nat -> create Nat (Ready)
    delete Nat -> delete A (Ready)
    "#);
    assert_snapshot!(renamed.applied().show(), @r#"nothing to do"#);

    let apart = network().applied().without("A").without("Nat").with(
        "B",
        "AWS::EC2::Subnet",
        json!({ "VpcId": { "Ref": "Vpc" }, "CidrBlock": "10.0.2.0/24" }),
    );
    assert_snapshot!(apart.steps(), @r#"delete Nat -> delete A (Ready)"#);

    let listened = web()
        .applied()
        .without("Group")
        .with(
            "Pool",
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            json!({ "Name": "web", "Port": 80, "Protocol": "HTTP" }),
        )
        .edit(
            "Listener",
            "/DefaultActions/0/TargetGroupArn",
            json!({ "Ref": "Pool" }),
        );
    assert_snapshot!(listened.steps(), @r#"
    create Pool -> create Listener (Accepted)
    delete Group -> create Pool (Ready)
    delete Listener -> create Listener (Ready)
    delete Listener -> delete Group (Ready)
    "#);
}

#[test]
fn two_that_exchange_their_names_both_go_first() {
    let alarm = |name: &str| json!({ "AlarmName": name, "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1 });
    let swapped = stack()
        .with("A", "AWS::CloudWatch::Alarm", alarm("one"))
        .with("B", "AWS::CloudWatch::Alarm", alarm("two"))
        .applied()
        .edit("A", "/AlarmName", json!("two"))
        .edit("B", "/AlarmName", json!("one"));
    assert_snapshot!(swapped.steps(), @r#"
    delete A -> create A (Ready)
    delete A -> create B (Ready)
    delete B -> create A (Ready)
    delete B -> create B (Ready)
    "#);
    assert_snapshot!(swapped.applied().show(), @r#"nothing to do"#);
    // In a chain nobody has to wait for a name without one.
    let moved = stack()
        .with("A", "AWS::CloudWatch::Alarm", alarm("one"))
        .applied()
        .edit("A", "/AlarmName", json!("two"))
        .with("B", "AWS::CloudWatch::Alarm", alarm("one"));
    assert_snapshot!(moved.steps(), @r#"
    create A -> delete A (Ready)
    delete A -> create B (Ready)
    "#);
}

#[test]
fn another_name_leaves_room_for_both() {
    let edited =
        web()
            .applied()
            .edit("Group", "/Port", json!(8080))
            .edit("Group", "/Name", json!("web-2"));
    assert_snapshot!(edited.show(), @r#"
    +/- Group: Name is create-only, Port is create-only
        Name: "web" -> "web-2"
        Port: 80 -> 8080
    ~ Listener: DefaultActions.0.TargetGroupArn follows Group
        DefaultActions.0.TargetGroupArn: "targetgrouparn-2" -> {"$unknown":"us-east-1/app.Group.Ref"}
    "#);
    assert_snapshot!(edited.steps(), @r#"
    create Group -> delete Group (Ready)
    create Group -> update Listener (Accepted)
    update Listener -> delete Group (Ready)
    "#);
}

#[test]
fn tags_change_in_place_and_an_environment_has_its_own() {
    let mut world = network().applied();
    world.tags.insert("owner".into(), "payments".into());
    assert_snapshot!(world.show(), @r#"
    ~ A: Tags
        Tags: nothing -> [{"Key":"owner","Value":"payments"}]
    ~ Nat: Tags
        Tags: nothing -> [{"Key":"owner","Value":"payments"}]
    ~ Vpc: Tags
        Tags: nothing -> [{"Key":"owner","Value":"payments"}]
    "#);
    let world = world
        .applied()
        .edit("Vpc", "/Tags", json!([{ "Key": "owner", "Value": "me" }]));
    assert_snapshot!(world.show(), @r#"
    ~ Vpc: Tags.0.Value
        Tags.0.Value: "payments" -> "me"
    "#);
}

#[test]
fn what_leaves_the_template_goes_in_reverse_order_as_its_policy_says() {
    let world = network()
        .with(
            "Db",
            "AWS::RDS::DBCluster",
            json!({ "Engine": "aurora-postgresql", "DBClusterIdentifier": "main" }),
        )
        .with(
            "Logs",
            "AWS::Logs::LogGroup",
            json!({ "LogGroupName": "/app" }),
        )
        .policy("Logs", DeletionPolicy::Retain, DeletionPolicy::Retain)
        .applied();
    let emptied = world
        .clone()
        .without("Nat")
        .without("A")
        .without("Vpc")
        .without("Db")
        .without("Logs");
    assert_snapshot!(emptied.show(), @r#"
    - A: not in the template
    - (snapshot) Db: not in the template
    retain Logs: not in the template
    - Nat: not in the template
    - Vpc: not in the template
    "#);
    assert_snapshot!(emptied.steps(), @r#"
    delete A -> delete Vpc (Ready)
    delete Nat -> delete A (Ready)
    "#);
    let mut destroyed = world;
    destroyed.destroy = true;
    destroyed.protect = true;
    assert_snapshot!(destroyed.show(), @r#"
    - A: destroy
    - (snapshot) Db: destroy
    retain Logs: destroy
    - Nat: destroy
    - Vpc: destroy
    problem: the environment is protected: it is not destroyed
    problem: us-east-1/app.Db (AWS::RDS::DBCluster) would be deleted, and the environment is protected
    "#);
}

#[test]
fn drift_is_told_apart_from_change() {
    let world = network().applied();
    assert_snapshot!(world.clone().meddle("Vpc", "/EnableDnsSupport", json!(false)).show(), @r#"drift Vpc EnableDnsSupport (undeclared), stays: true -> false"#);
    assert_snapshot!(world.clone().meddle("A", "/MapPublicIpOnLaunch", json!(true)).show(), @r#"nothing to do"#);
    let declared = world
        .edit("A", "/MapPublicIpOnLaunch", json!(false))
        .applied();
    assert_snapshot!(declared.clone().meddle("A", "/MapPublicIpOnLaunch", json!(true)).show(), @r#"
    ~ A: MapPublicIpOnLaunch
        MapPublicIpOnLaunch: true -> false
    drift A MapPublicIpOnLaunch, set back: false -> true
    "#);
    // A tag is an item by itself; payctl's own are not anybody's.
    let tags = json!([{ "Key": "payctl:project", "Value": "p" }, { "Key": "who", "Value": "me" }]);
    assert_snapshot!(declared.clone().meddle("A", "/Tags", tags).show(), @r#"drift A Tags.1 (undeclared), stays: nothing -> {"Key":"who","Value":"me"}"#);
    assert_snapshot!(declared.lose("Nat").show(), @r#"
    + Nat: gone from AWS
    drift Nat all of it, made again: … -> nothing
    "#);
}

#[test]
fn drift_says_what_becomes_of_it_and_can_be_accepted() {
    let world = stack()
        .with("Vpc", "AWS::EC2::VPC", json!({ "CidrBlock": "10.0.0.0/16", "EnableDnsSupport": true, "InstanceTenancy": "default" }))
        .with("Group", "AWS::EC2::SecurityGroup", json!({ "GroupDescription": "web" }))
        .applied()
        .meddle("Vpc", "/EnableDnsSupport", json!(false))
        .meddle("Group", "/SecurityGroupIngress", json!([{ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0" }]));
    assert_snapshot!(world.show(), @r#"
    ~ Vpc: EnableDnsSupport
        EnableDnsSupport: false -> true
    drift Group SecurityGroupIngress (undeclared), stays: nothing -> [{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}]
    drift Vpc EnableDnsSupport, set back: true -> false
    "#);
    let mut accepting = world.clone();
    accepting.accept_drift = [address("Vpc"), address("Group")].into();
    assert_snapshot!(accepting.show(), @r#"
    drift Group SecurityGroupIngress (undeclared), accepted: nothing -> [{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}]
    drift Vpc EnableDnsSupport, accepted: true -> false
    "#);
    // What was accepted is left alone for as long as both sides stay as they are.
    let accepted = accepting.accepted();
    assert_snapshot!(accepted.show(), @r#"drift Group SecurityGroupIngress (undeclared), stays: nothing -> [{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}]"#);
    assert_snapshot!(accepted.clone().edit("Vpc", "/EnableDnsHostnames", json!(true)).show(), @r#"
    ~ Vpc: EnableDnsHostnames
        EnableDnsHostnames: nothing -> true
    drift Group SecurityGroupIngress (undeclared), stays: nothing -> [{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}]
    "#);
    assert_snapshot!(accepted.clone().edit("Vpc", "/EnableDnsSupport", json!("true")).show(), @r#"
    ~ Vpc: EnableDnsSupport
        EnableDnsSupport: false -> "true"
    drift Group SecurityGroupIngress (undeclared), stays: nothing -> [{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}]
    "#);
    assert_snapshot!(accepted.without("Vpc").show(), @r#"
    - Vpc: not in the template
    drift Group SecurityGroupIngress (undeclared), stays: nothing -> [{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}]
    "#);
    let mut gone = network().applied().lose("Nat");
    gone.accept_drift = [address("Nat")].into();
    assert_snapshot!(gone.show(), @r#"
    + Nat: gone from AWS
    drift Nat all of it, made again: … -> nothing
    problem: us-east-1/app.Nat is gone from AWS: there is nothing to accept; take it out of the template, or let apply make it again
    "#);
}

#[test]
fn a_protected_environment_keeps_what_holds_data() {
    let mut world = stack()
        .with("Db", "AWS::RDS::DBCluster", json!({ "Engine": "aurora-postgresql", "DBClusterIdentifier": "main", "StorageEncrypted": false }))
        .applied()
        .edit("Db", "/StorageEncrypted", json!(true));
    world.protect = true;
    assert_snapshot!(world.show(), @r#"
    -/+ Db: StorageEncrypted is create-only
        StorageEncrypted: false -> true
    problem: us-east-1/app.Db (AWS::RDS::DBCluster) would be replaced, and the environment is protected
    "#);
}

#[test]
fn a_protected_stack_keeps_what_holds_data_and_is_not_destroyed() {
    let applied = || {
        stack()
            .with("Db", "AWS::RDS::DBCluster", json!({ "Engine": "aurora-postgresql", "DBClusterIdentifier": "main", "StorageEncrypted": false }))
            .with("Topic", "AWS::SNS::Topic", json!({ "TopicName": "one" }))
            .applied()
            .protected()
    };
    // What holds no data may be replaced.
    let replaced = applied().edit("Db", "/StorageEncrypted", json!(true)).edit(
        "Topic",
        "/TopicName",
        json!("two"),
    );
    assert_snapshot!(replaced.show(), @r#"
    -/+ Db: StorageEncrypted is create-only
        StorageEncrypted: false -> true
    +/- Topic: TopicName is create-only
        TopicName: "one" -> "two"
    problem: us-east-1/app.Db (AWS::RDS::DBCluster) would be replaced, and its stack has termination protection
    "#);
    // Turning the protection off and replacing it may be one change.
    let mut off = applied().edit("Db", "/StorageEncrypted", json!(true));
    off.termination_protection = false;
    assert_snapshot!(off.show(), @r#"
    -/+ Db: StorageEncrypted is create-only
        StorageEncrypted: false -> true
    "#);
    let mut destroyed = applied();
    destroyed.destroy = true;
    assert_snapshot!(destroyed.show(), @r#"
    - (snapshot) Db: destroy
    - Topic: destroy
    problem: the stack us-east-1/app has termination protection: it is not destroyed
    problem: us-east-1/app.Db (AWS::RDS::DBCluster) would be deleted, and its stack has termination protection
    "#);
    // What leaves the template leaves AWS, but for what holds data.
    let mut gone = applied().without("Db").without("Topic");
    gone.resources.insert(
        "Other".into(),
        ("AWS::SNS::Topic".into(), json!({}), Vec::new()),
    );
    assert_snapshot!(gone.show(), @r#"
    - (snapshot) Db: not in the template
    + Other: new
    - Topic: not in the template
    problem: us-east-1/app.Db (AWS::RDS::DBCluster) would be deleted, and its stack has termination protection
    "#);
}

#[test]
fn a_tag_has_the_value_of_who_is_nearest() {
    let mut world = stack().with(
        "Topic",
        "AWS::SNS::Topic",
        json!({ "TopicName": "one", "Tags": [{ "Key": "a", "Value": "template" }] }),
    );
    let tags = |of: &str, keys: &[&str]| {
        let tag = |key: &&str| ((*key).to_owned(), of.to_owned());
        keys.iter().map(tag).collect()
    };
    world.stack_tags = tags("stack", &["a", "b"]);
    world.tags = tags("environment", &["a", "b", "c"]);
    assert_snapshot!(world.plan().changes[&address("Topic")].after.as_ref().unwrap().to_json(), @r#"{"Tags":[{"Key":"a","Value":"template"},{"Key":"b","Value":"stack"},{"Key":"c","Value":"environment"}],"TopicName":"one"}"#);
}

#[test]
fn the_desired_count_belongs_to_auto_scaling() {
    let world = stack()
        .with("Service", "AWS::ECS::Service", json!({ "ServiceName": "web", "Cluster": "main", "TaskDefinition": "web:1", "DesiredCount": 2 }))
        .with(
            "Scaling",
            "AWS::ApplicationAutoScaling::ScalableTarget",
            json!({ "ResourceId": "service/main/web", "ScalableDimension": "ecs:service:DesiredCount",
                    "ServiceNamespace": "ecs", "MinCapacity": 2, "MaxCapacity": 10 }),
        )
        .applied()
        .meddle("Service", "/DesiredCount", json!(7));
    assert_snapshot!(world.show(), @r#"managed Service DesiredCount by auto scaling (Scaling)"#);
    // Who edits it in the template means it.
    assert_snapshot!(world.clone().edit("Service", "/DesiredCount", json!(3)).show(), @r#"
    ~ Service: DesiredCount
        DesiredCount: 7 -> 3
    "#);
    assert_snapshot!(world.without("Scaling").show(), @r#"
    - Scaling: not in the template
    ~ Service: DesiredCount
        DesiredCount: 7 -> 2
    "#);
}

#[test]
fn throughput_of_an_index_belongs_to_auto_scaling() {
    let index = |name: &str, write: u32| {
        json!({ "IndexName": name, "KeySchema": [{ "AttributeName": name, "KeyType": "HASH" }], "Projection": { "ProjectionType": "ALL" },
                "ProvisionedThroughput": { "ReadCapacityUnits": 2, "WriteCapacityUnits": write } })
    };
    let world = stack()
        .with(
            "Table",
            "AWS::DynamoDB::Table",
            json!({ "TableName": "ledger", "GlobalSecondaryIndexes": [index("a", 2), index("b", 2)],
                    "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }] }),
        )
        .with(
            "Scaling",
            "AWS::ApplicationAutoScaling::ScalableTarget",
            json!({ "ResourceId": "table/ledger/index/b", "ScalableDimension": "dynamodb:index:WriteCapacityUnits",
                    "ServiceNamespace": "dynamodb", "MinCapacity": 2, "MaxCapacity": 10 }),
        )
        .applied();
    // The other index, and the other units of this one, are the template's.
    assert_snapshot!(world.clone().meddle("Table", "/GlobalSecondaryIndexes", json!([index("b", 9), index("a", 2)])).show(), @r#"managed Table GlobalSecondaryIndexes.0.ProvisionedThroughput.WriteCapacityUnits by auto scaling (Scaling)"#);
    assert_snapshot!(world.meddle("Table", "/GlobalSecondaryIndexes", json!([index("b", 9), index("a", 3)])).show(), @r#"
    ~ Table: GlobalSecondaryIndexes.1.ProvisionedThroughput.WriteCapacityUnits
        GlobalSecondaryIndexes.1.ProvisionedThroughput.WriteCapacityUnits: 3 -> 2
    drift Table GlobalSecondaryIndexes.1.ProvisionedThroughput.WriteCapacityUnits, set back: 2 -> 3
    managed Table GlobalSecondaryIndexes.0.ProvisionedThroughput.WriteCapacityUnits by auto scaling (Scaling)
    "#);
}

/// A table's stream is another only when it shows something else.
#[test]
fn an_arn_is_renewed_by_the_property_that_it_hangs_on() {
    let mut world = stack()
        .with(
            "Table",
            "AWS::DynamoDB::Table",
            json!({ "TableName": "ledger", "StreamSpecification": { "StreamViewType": "KEYS_ONLY" }, "TableClass": "STANDARD" }),
        )
        .with("Reader", "AWS::SSM::Parameter", json!({ "Type": "String", "Name": "stream", "Value": { "Fn::GetAtt": ["Table", "StreamArn"] } }))
        .applied();
    world.rules = crate::graph::Rules::native();
    let other = world
        .clone()
        .edit("Table", "/TableClass", json!("STANDARD_INFREQUENT_ACCESS"));
    assert_snapshot!(other.show(), @r#"
    ~ Table: TableClass
        TableClass: "STANDARD" -> "STANDARD_INFREQUENT_ACCESS"
    "#);
    let stream = world.edit(
        "Table",
        "/StreamSpecification/StreamViewType",
        json!("NEW_IMAGE"),
    );
    assert_snapshot!(stream.show(), @r#"
    ~ Reader: Value follows Table
        Value: "streamarn-1" -> {"$unknown":"us-east-1/app.Table.StreamArn"}
    ~ Table: StreamSpecification.StreamViewType
        StreamSpecification.StreamViewType: "KEYS_ONLY" -> "NEW_IMAGE"
    "#);
}

#[test]
fn a_rule_of_its_own_is_no_drift_of_its_group() {
    let world = stack()
        .with("Group", "AWS::EC2::SecurityGroup", json!({ "GroupDescription": "web" }))
        .with(
            "Rule",
            "AWS::EC2::SecurityGroupIngress",
            json!({ "GroupId": { "Fn::GetAtt": ["Group", "GroupId"] }, "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8" }),
        )
        .applied();
    let own = json!({ "IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.0.0.0/8" });
    let foreign =
        json!({ "IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "0.0.0.0/0" });
    assert_snapshot!(world.clone().meddle("Group", "/SecurityGroupIngress", json!([own])).show(), @r#"nothing to do"#);
    assert_snapshot!(world.meddle("Group", "/SecurityGroupIngress", json!([own, foreign])).show(), @r#"drift Group SecurityGroupIngress (undeclared), stays: nothing -> [{"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}]"#);
}

#[test]
fn what_is_at_its_default_already_has_nowhere_to_go_back_to() {
    let mut world = stack();
    world.rules = crate::graph::Rules::native();
    let world = world
        .with(
            "Queue",
            "AWS::SQS::Queue",
            json!({ "FifoQueue": false, "DelaySeconds": 5, "VisibilityTimeout": "30" }),
        )
        .applied()
        .edit("Queue", "/FifoQueue", json!(null))
        .edit("Queue", "/VisibilityTimeout", json!(null));
    assert_snapshot!(world.show(), @r#"nothing to do"#);
    assert_snapshot!(world.edit("Queue", "/DelaySeconds", json!(null)).show(), @r#"
    ~ Queue: DelaySeconds
        DelaySeconds: 5 -> nothing
    "#);
}

#[test]
fn a_replica_is_promoted_in_place_and_replaced_for_another_source() {
    let mut world = stack();
    world.rules = crate::graph::Rules::native();
    let world = world
        .with(
            "Replica",
            "AWS::RDS::DBInstance",
            json!({ "SourceDBInstanceIdentifier": "orders", "DBInstanceClass": "db.m6g.large" }),
        )
        .applied();
    let source = "/SourceDBInstanceIdentifier";
    assert_snapshot!(world.clone().edit("Replica", source, json!("payments")).show(), @r#"
    +/- Replica: SourceDBInstanceIdentifier is create-only
        SourceDBInstanceIdentifier: nothing -> "payments"
    "#);
    assert_snapshot!(world.edit("Replica", source, json!(null)).show(), @r#"
    ~ Replica: SourceDBInstanceIdentifier
        SourceDBInstanceIdentifier: "orders" -> nothing
    "#);
}

#[test]
fn capacity_providers_belong_to_who_associates_them() {
    let mut world = stack();
    world.rules = crate::graph::Rules::native();
    let world = world
        .with("Cluster", "AWS::ECS::Cluster", json!({ "CapacityProviders": ["FARGATE"] }))
        .applied()
        // The usual move: out of the cluster, into a resource of their own.
        .edit("Cluster", "/CapacityProviders", json!(null))
        .with(
            "Providers",
            "AWS::ECS::ClusterCapacityProviderAssociations",
            json!({ "Cluster": { "Ref": "Cluster" }, "CapacityProviders": ["FARGATE", "FARGATE_SPOT"], "DefaultCapacityProviderStrategy": [] }),
        );
    assert_snapshot!(world.show(), @r#"+ Providers: new"#);
    let world = world.applied().meddle(
        "Cluster",
        "/CapacityProviders",
        json!(["FARGATE", "FARGATE_SPOT"]),
    );
    assert_snapshot!(world.show(), @r#"nothing to do"#);
}

#[test]
fn secrets_compare_by_their_hash_and_never_show() {
    let world = stack()
        .with(
            "Db",
            "AWS::RDS::DBCluster",
            json!({ "Engine": "aurora-postgresql", "DBClusterIdentifier": "main", "MasterUserPassword": { "$secret": "hunter2" } }),
        )
        .applied()
        .meddle("Db", "/MasterUserPassword", json!(null));
    assert_snapshot!(world.show(), @r#"nothing to do"#);
    assert_snapshot!(world.edit("Db", "/MasterUserPassword", json!({ "$secret": "hunter3" })).show(), @r#"
    ~ Db: MasterUserPassword
        MasterUserPassword: nothing -> {"$secret_hash":null}
    "#);
}

#[test]
fn a_target_takes_what_it_needs_and_leaves_the_rest() {
    let mut world = network()
        .applied()
        .edit("Vpc", "/EnableDnsHostnames", json!(true))
        .edit("A", "/CidrBlock", json!("10.0.9.0/24"));
    world.targets = BTreeSet::from([address("Vpc")]);
    assert_snapshot!(world.show(), @r#"
    ~ Vpc: EnableDnsHostnames
        EnableDnsHostnames: nothing -> true
    "#);
}

#[test]
fn a_saved_plan_holds_only_while_nothing_changes() {
    let world = network()
        .applied()
        .edit("Vpc", "/EnableDnsHostnames", json!(true));
    let hash = |text: &str| format!("hash of {text}");
    let mut inputs = PlanInputs {
        environment: "prod".into(),
        ..PlanInputs::default()
    };
    inputs.templates.insert("us-east-1/app".into(), "a".into());
    inputs.parameters.insert(
        "us-east-1/app.Password".into(),
        payctl_model::Value::secret("hunter2"),
    );
    let saved = SavedPlan::new(&world.plan(), &inputs, &world.state, &hash);
    assert!(!saved.to_text().contains("\"hunter2\""));
    let saved = SavedPlan::from_text(&saved.to_text()).unwrap();
    let check = |world: &World, inputs: &PlanInputs| match saved.check(
        &world.plan(),
        inputs,
        &world.state,
        &fixture::verify,
    ) {
        Ok(()) => "it holds".to_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(check(&world, &inputs), "it holds");
    let meddled = world
        .clone()
        .meddle("Vpc", "/EnableDnsSupport", json!(false));
    assert_snapshot!(check(&meddled, &inputs), @r#"this plan is stale: us-east-1/app.Vpc has changed in AWS: plan again"#);
    let mut other = world.clone();
    other.state.serial += 1;
    inputs.parameters.insert(
        "us-east-1/app.Password".into(),
        payctl_model::Value::secret("hunter3"),
    );
    inputs.templates.insert("us-east-1/app".into(), "b".into());
    assert_snapshot!(check(&other, &inputs), @r#"this plan is stale: the state has serial 1, it was 0; the template of us-east-1/app changed; parameter us-east-1/app.Password changed: plan again"#);
}
