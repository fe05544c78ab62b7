//! The mechanism on EC2's types, with a caller that answers from a table.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use payctl_model::{Clock, Incarnation, PhysicalId, Value};
use serde_json::{Value as Json, json};

use crate::context::{CallJournal, Caller, Context};
use crate::error::{AwsError, Result};
use crate::{Status, Update, least_calls, read_many, resource};

/// Answers by operation; what was called, in order.
#[derive(Default)]
struct Fake {
    answers: BTreeMap<&'static str, Json>,
    calls: Mutex<Vec<(String, Json)>>,
}

#[async_trait]
impl Caller for Fake {
    async fn call(&self, _: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        self.calls
            .lock()
            .unwrap()
            .push((operation.to_owned(), input));
        Ok(self
            .answers
            .get(operation)
            .cloned()
            .unwrap_or_else(|| json!({})))
    }
}

struct NoJournal;

#[async_trait]
impl CallJournal for NoJournal {
    async fn intent(&self, _: &str) -> Result<u64> {
        Ok(0)
    }
    async fn result(&self, _: u64, _: Result<&Json, &AwsError>) -> Result<()> {
        Ok(())
    }
}

fn context(answers: &[(&'static str, Json)]) -> (Context, Arc<Fake>) {
    let fake = Arc::new(Fake {
        answers: answers.iter().cloned().collect(),
        ..Fake::default()
    });
    let context = Context::new(fake.clone(), Clock::real()).with_journal(Arc::new(NoJournal));
    (context, fake)
}

#[tokio::test]
async fn many_resources_of_several_types_share_one_call() {
    let table = json!({
        "RouteTableId": "rtb-1", "VpcId": "vpc-1",
        "Routes": [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "State": "active"}],
        "Associations": [{"RouteTableAssociationId": "rtbassoc-1", "RouteTableId": "rtb-1", "SubnetId": "subnet-1"}],
    });
    let (context, fake) = context(&[("DescribeRouteTables", json!({"RouteTables": [table]}))]);
    let of = |name: &str| resource(name).unwrap();
    let wanted = vec![
        (of("AWS::EC2::RouteTable"), PhysicalId::from("rtb-1")),
        (of("AWS::EC2::Route"), PhysicalId::from("rtb-1|0.0.0.0/0")),
        (of("AWS::EC2::Route"), PhysicalId::from("rtb-1|10.9.0.0/16")),
        (
            of("AWS::EC2::SubnetRouteTableAssociation"),
            PhysicalId::from("rtbassoc-1"),
        ),
    ];
    let types: Vec<_> = wanted.iter().map(|(resource, _)| (*resource, 1)).collect();
    let found: Vec<_> = read_many(&context, wanted)
        .await
        .into_iter()
        .map(|read| read.unwrap())
        .collect();
    assert_eq!(fake.calls.lock().unwrap().len(), 1);
    assert_eq!(
        least_calls(&types),
        BTreeMap::from([("ec2:DescribeRouteTables".to_owned(), 1)])
    );
    let route = found[1].as_ref().unwrap();
    assert_eq!(route.model.get("NatGatewayId"), Some(&"nat-1".into()));
    assert_eq!(route.model.get("CidrBlock"), Some(&"0.0.0.0/0".into()));
    assert_eq!(found[2], None);
    let association = found[3].as_ref().unwrap();
    assert_eq!(association.model.get("SubnetId"), Some(&"subnet-1".into()));
    assert_eq!(association.model.get("Id"), Some(&"rtbassoc-1".into()));
}

#[tokio::test]
async fn what_create_does_not_take_is_sent_after_it() {
    let made = json!({"Subnet": {"SubnetId": "subnet-1", "VpcId": "vpc-1", "State": "pending", "CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": false}});
    let (context, fake) = context(&[("CreateSubnet", made)]);
    let desired = Value::from(json!({
        "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": "true",
        "PrivateDnsNameOptionsOnLaunch": {"HostnameType": "resource-name"},
        "Tags": [{"Key": "a", "Value": "b"}],
    }));
    let subnet = resource("AWS::EC2::Subnet").unwrap();
    let observed = subnet
        .create(&context, &desired, &Incarnation("i".into()))
        .await
        .unwrap();
    assert_eq!(
        (observed.id.as_str(), observed.status),
        ("subnet-1", Status::Pending)
    );
    assert_eq!(
        *fake.calls.lock().unwrap(),
        [
            (
                "CreateSubnet".to_owned(),
                json!({"VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "TagSpecifications": [{"ResourceType": "subnet", "Tags": [{"Key": "a", "Value": "b"}]}]})
            ),
            (
                "ModifySubnetAttribute".to_owned(),
                json!({"SubnetId": "subnet-1", "MapPublicIpOnLaunch": {"Value": true}})
            ),
            (
                "ModifySubnetAttribute".to_owned(),
                json!({"SubnetId": "subnet-1", "PrivateDnsHostnameTypeOnLaunch": "resource-name"})
            ),
        ]
    );
}

#[tokio::test]
async fn an_update_changes_tags_by_their_difference_and_leaves_reserved_ones() {
    let (context, fake) = context(&[]);
    let tags = |pairs: &[(&str, &str)]| -> Value {
        let pairs: Vec<Json> = pairs
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        Value::from(json!({"VpcId": "vpc-1", "Tags": pairs}))
    };
    let desired = tags(&[("keep", "1"), ("change", "2")]);
    let live = tags(&[
        ("keep", "1"),
        ("change", "1"),
        ("gone", "x"),
        ("payctl:address", "r/s.L"),
        ("aws:x", "y"),
    ]);
    let update = Update {
        desired: &desired,
        live: &live,
        changed: &["Tags.1.Value".into()],
    };
    resource("AWS::EC2::VPC")
        .unwrap()
        .update(&context, &"vpc-1".into(), &update)
        .await
        .unwrap();
    assert_eq!(
        *fake.calls.lock().unwrap(),
        [
            (
                "CreateTags".to_owned(),
                json!({"Resources": ["vpc-1"], "Tags": [{"Key": "change", "Value": "2"}]})
            ),
            (
                "DeleteTags".to_owned(),
                json!({"Resources": ["vpc-1"], "Tags": [{"Key": "gone"}]})
            ),
        ]
    );
}

#[tokio::test]
async fn a_declared_egress_rule_takes_the_place_of_the_default_one() {
    let group = json!({"GroupId": "sg-1", "IpPermissions": [], "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]});
    let (context, fake) = context(&[
        ("CreateSecurityGroup", json!({"GroupId": "sg-1"})),
        ("DescribeSecurityGroups", json!({"SecurityGroups": [group]})),
    ]);
    let desired = Value::from(json!({
        "GroupName": "n", "GroupDescription": "d", "VpcId": "vpc-1",
        "SecurityGroupEgress": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}],
    }));
    let made = resource("AWS::EC2::SecurityGroup")
        .unwrap()
        .create(&context, &desired, &Incarnation("i".into()))
        .await
        .unwrap();
    assert_eq!(made.id.as_str(), "sg-1");
    let calls: Vec<String> = fake
        .calls
        .lock()
        .unwrap()
        .iter()
        .map(|(operation, _)| operation.clone())
        .collect();
    assert_eq!(
        calls,
        [
            "CreateSecurityGroup",
            "DescribeSecurityGroups",
            "AuthorizeSecurityGroupEgress",
            "RevokeSecurityGroupEgress"
        ]
    );
}

/// A restored cluster takes no password: it is changed once the cluster is available, with nothing that the snapshot decides.
#[tokio::test(start_paused = true)]
async fn a_restore_is_another_call_and_the_rest_follows_when_it_is_ready() {
    let cluster =
        |state: &str| json!({"DBClusterIdentifier": "c", "Status": state, "DBClusterArn": "arn:c"});
    let (context, fake) = context(&[
        (
            "RestoreDBClusterFromSnapshot",
            json!({"DBCluster": cluster("creating")}),
        ),
        (
            "DescribeDBClusters",
            json!({"DBClusters": [cluster("available")]}),
        ),
    ]);
    let desired = Value::from(json!({
        "DBClusterIdentifier": "c", "Engine": "aurora-postgresql", "SnapshotIdentifier": "s",
        "MasterUsername": "old", "MasterUserPassword": "new", "Port": 5433, "DeleteAutomatedBackups": true,
    }));
    let made = resource("AWS::RDS::DBCluster")
        .unwrap()
        .create(&context, &desired, &Incarnation("i".into()))
        .await
        .unwrap();
    assert_eq!(made.id, PhysicalId::from("c"));
    let calls = fake.calls.lock().unwrap().clone();
    let restore = json!({"DBClusterIdentifier": "c", "Engine": "aurora-postgresql", "SnapshotIdentifier": "s", "Port": 5433});
    let change =
        json!({"DBClusterIdentifier": "c", "MasterUserPassword": "new", "ApplyImmediately": true});
    assert_eq!(
        calls[0],
        ("RestoreDBClusterFromSnapshot".to_owned(), restore)
    );
    assert_eq!(calls[1].0, "DescribeDBClusters");
    assert_eq!(calls[2..], [("ModifyDBCluster".to_owned(), change)]);
}

/// What the cluster decides is not sent for its members; a replica is made from its source.
#[tokio::test]
async fn members_and_replicas_send_only_what_is_theirs() {
    let made = json!({"DBInstance": {"DBInstanceIdentifier": "d", "DBInstanceStatus": "creating"}});
    let (context, fake) = context(&[
        ("CreateDBInstance", made.clone()),
        ("CreateDBInstanceReadReplica", made),
    ]);
    let module = resource("AWS::RDS::DBInstance").unwrap();
    let properties = [
        json!({"DBInstanceIdentifier": "d", "DBClusterIdentifier": "c", "Engine": "aurora-mysql", "DBInstanceClass": "db.r5.large",
            "BackupRetentionPeriod": 3, "VPCSecurityGroups": ["sg-1"]}),
        json!({"DBInstanceIdentifier": "d", "SourceDBInstanceIdentifier": "s", "Engine": "mysql", "DBInstanceClass": "db.r5.large",
            "VPCSecurityGroups": ["sg-1"]}),
    ];
    for properties in properties {
        module
            .create(&context, &properties.into(), &Incarnation("i".into()))
            .await
            .unwrap();
    }
    let calls = fake.calls.lock().unwrap().clone();
    let member = json!({"DBInstanceIdentifier": "d", "DBClusterIdentifier": "c", "Engine": "aurora-mysql", "DBInstanceClass": "db.r5.large"});
    let replica = json!({"DBInstanceIdentifier": "d", "SourceDBInstanceIdentifier": "s", "DBInstanceClass": "db.r5.large",
        "VpcSecurityGroupIds": ["sg-1"]});
    assert_eq!(
        calls,
        [
            ("CreateDBInstance".to_owned(), member),
            ("CreateDBInstanceReadReplica".to_owned(), replica)
        ]
    );
}

/// What AWS keeps in lower case is sent so: not every call takes it otherwise.
#[tokio::test]
async fn what_is_kept_in_lower_case_is_sent_in_lower_case() {
    let made = json!({"DBInstance": {"DBInstanceIdentifier": "d", "DBInstanceStatus": "creating"}});
    let (context, fake) = context(&[("CreateDBInstance", made)]);
    let module = resource("AWS::RDS::DBInstance").unwrap();
    let properties = json!({"DBInstanceIdentifier": "Orders-DB", "Engine": "MySQL", "DBInstanceClass": "db.r5.large",
        "DBName": "Orders", "MasterUsername": "Admin", "AllocatedStorage": "20"});
    module
        .create(&context, &properties.into(), &Incarnation("i".into()))
        .await
        .unwrap();
    let calls = fake.calls.lock().unwrap().clone();
    let (_, input) = &calls[0];
    assert_eq!(input["DBInstanceIdentifier"], "orders-db");
    assert_eq!(input["Engine"], "mysql");
    assert_eq!(input["DBName"], "Orders");
    assert_eq!(input["MasterUsername"], "Admin");
}

/// Answers call after call; what was told to the journal and called, in order.
#[derive(Default)]
struct Story {
    answers: Mutex<std::collections::VecDeque<Result<Json, AwsError>>>,
    heard: Mutex<Vec<String>>,
}

#[async_trait]
impl Caller for Arc<Story> {
    async fn call(&self, _: &str, operation: &str, _: Json) -> Result<Json, AwsError> {
        self.heard.lock().unwrap().push(operation.to_owned());
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(json!({})))
    }
}

#[async_trait]
impl CallJournal for Arc<Story> {
    async fn intent(&self, _: &str) -> Result<u64> {
        Ok(0)
    }
    async fn result(&self, _: u64, _: Result<&Json, &AwsError>) -> Result<()> {
        Ok(())
    }
    async fn identified(&self, id: &PhysicalId) -> Result<()> {
        self.heard.lock().unwrap().push(format!("is {id}"));
        Ok(())
    }
    fn retrying(&self, because: &crate::Error) {
        let code = because.code().unwrap_or_default().to_owned();
        self.heard.lock().unwrap().push(format!("again: {code}"));
    }
}

fn told(answers: Vec<Result<Json, AwsError>>) -> (Context, Arc<Story>) {
    let story = Arc::new(Story {
        answers: Mutex::new(answers.into()),
        ..Story::default()
    });
    let clock = Clock::starting_at(std::time::SystemTime::UNIX_EPOCH, 1000.0);
    let context = Context::new(Arc::new(story.clone()), clock);
    (context.with_journal(Arc::new(story.clone())), story)
}

fn refusal(operation: &str, code: &str) -> AwsError {
    AwsError {
        service: "ec2".into(),
        operation: operation.into(),
        code: code.into(),
        message: "no".into(),
        request_id: None,
        kind: crate::AwsErrorKind::Service,
    }
}

#[tokio::test]
async fn the_id_is_told_before_further_calls_and_what_has_not_spread_is_waited_for() {
    let vpc = json!({"Vpc": {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "State": "available"}});
    let missing = || Err(refusal("ModifyVpcAttribute", "InvalidVpcID.NotFound"));
    let (context, story) = told(vec![Ok(vpc), missing(), missing()]);
    let desired = Value::from(
        json!({"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": true, "EnableDnsSupport": true}),
    );
    resource("AWS::EC2::VPC")
        .unwrap()
        .create(&context, &desired, &Incarnation("i".into()))
        .await
        .unwrap();
    let heard = story.heard.lock().unwrap().clone();
    let again = "again: InvalidVpcID.NotFound";
    let call = "ModifyVpcAttribute";
    assert_eq!(
        heard,
        [
            "CreateVpc",
            "is vpc-1",
            call,
            again,
            call,
            again,
            call,
            call
        ]
    );
}

#[tokio::test]
async fn what_this_run_has_not_made_is_missing_at_once() {
    let missing = || Err(refusal("CreateSubnet", "InvalidVpcID.NotFound"));
    let (context, story) = told(vec![missing()]);
    let create = || context.write("ec2", "CreateSubnet", json!({"VpcId": "vpc-1"}));
    assert!(create().await.is_err());
    context.identified(&"vpc-2".into()).await.unwrap();
    story.answers.lock().unwrap().push_back(missing());
    assert!(create().await.is_err());
    context.identified(&"vpc-1".into()).await.unwrap();
    story.answers.lock().unwrap().push_back(missing());
    assert!(create().await.is_ok());
    // For ever it is not waited.
    story
        .answers
        .lock()
        .unwrap()
        .extend((0..100).map(|_| missing()));
    assert!(create().await.is_err());
}

#[tokio::test]
async fn a_cut_off_create_is_completed_by_what_differs() {
    let live = json!({"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "State": "available",
        "CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": false}]});
    let (context, story) = told(vec![Ok(live)]);
    let desired = Value::from(
        json!({"VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "MapPublicIpOnLaunch": true}),
    );
    let subnet = resource("AWS::EC2::Subnet").unwrap();
    let done = crate::generic::complete(subnet, &context, &"subnet-1".into(), &desired).await;
    assert!(done.unwrap());
    let heard = story.heard.lock().unwrap().clone();
    assert_eq!(heard[..2], ["is subnet-1", "DescribeSubnets"], "{heard:?}");
    assert!(
        heard.contains(&"ModifySubnetAttribute".to_owned()),
        "{heard:?}"
    );
}
