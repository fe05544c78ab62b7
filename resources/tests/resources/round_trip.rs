//! The native types against the simulated AWS: what is made reads as it was declared, changes read as changed, a lost answer
//! is found again, and what is deleted twice is gone.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use payctl_model::compare::{CompareOptions, compare};
use payctl_model::{Address, Clock, Incarnation, PhysicalId, PropertyPath, Value};
use payctl_resources::aws::{Aws, ConnectOptions, in_process};
use payctl_resources::mapping::look;
use payctl_resources::{
    AwsError, AwsErrorKind, Caller, Context, Deletion, Observed, Owner, Place, Resource, Result,
    Status, Update, declared_names, prepare, read_declared, resource,
};
use payctl_sandbox::Sandbox;
use serde_json::{Value as Json, json};

use crate::trip::NoJournal;

/// AWS, but for one answer that gets lost.
struct Losing {
    aws: Aws,
    /// The operation whose next answer is lost.
    armed: Mutex<Option<&'static str>>,
    lost: AtomicBool,
}

#[async_trait]
impl Caller for Losing {
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        let answer = Caller::call(&self.aws, service, operation, input).await;
        let mut armed = self.armed.lock().unwrap();
        if answer.is_ok() && *armed == Some(operation) {
            *armed = None;
            self.lost.store(true, Ordering::Relaxed);
            return Err(AwsError {
                service: service.to_owned(),
                operation: operation.to_owned(),
                code: String::new(),
                message: "the connection broke".to_owned(),
                request_id: None,
                kind: AwsErrorKind::Lost,
            });
        }
        answer
    }

    async fn place(&self) -> Result<Place, AwsError> {
        self.aws.place().await
    }
}

/// One resource of a scenario. Texts like `{Vpc}` and `{Cluster.Arn}` stand for another one's id or attribute.
pub(crate) struct Declared {
    name: &'static str,
    type_name: &'static str,
    properties: Json,
    /// Properties that are declared otherwise later.
    change: Json,
}

pub(crate) fn declared(
    name: &'static str,
    type_name: &'static str,
    properties: Json,
    change: Json,
) -> Declared {
    Declared {
        name,
        type_name,
        properties,
        change,
    }
}

struct Made {
    name: &'static str,
    module: &'static dyn Resource,
    id: PhysicalId,
    applied: Value,
}

struct Trip {
    context: Context,
    caller: Arc<Losing>,
    made: Vec<Made>,
    known: BTreeMap<String, Json>,
    bits: u128,
}

impl Trip {
    async fn start() -> Trip {
        let origin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_760_000_000);
        let clock = Clock::starting_at(origin, 1.0);
        let sandbox = Arc::new(Sandbox::new(clock.clone(), Default::default()));
        let aws = Aws::connect(ConnectOptions {
            region: Some("us-east-1".to_owned()),
            http_client: Some(in_process(move |request| {
                let sandbox = sandbox.clone();
                async move { sandbox.handle(request).await }
            })),
            clock: clock.clone(),
            ..ConnectOptions::default()
        })
        .await
        .unwrap();
        let caller = Arc::new(Losing {
            aws,
            armed: Mutex::default(),
            lost: AtomicBool::new(false),
        });
        Trip {
            context: Context::new(caller.clone(), clock).with_journal(Arc::new(NoJournal)),
            caller,
            made: Vec::new(),
            known: BTreeMap::new(),
            bits: 7,
        }
    }

    /// Texts with what they stand for.
    fn filled(&self, json: &Json) -> Json {
        match json {
            Json::String(text) => match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
                Some(path) => look(&json!(self.known), path)
                    .unwrap_or_else(|| panic!("nothing is known as {path}")),
                None => json.clone(),
            },
            Json::Array(items) => items.iter().map(|item| self.filled(item)).collect(),
            Json::Object(map) => Json::Object(
                map.iter()
                    .map(|(name, value)| (name.clone(), self.filled(value)))
                    .collect(),
            ),
            other => other.clone(),
        }
    }

    async fn read(
        &self,
        module: &'static dyn Resource,
        id: &PhysicalId,
        desired: &Value,
    ) -> Option<Observed> {
        let names = Some(declared_names(desired));
        let wanted = vec![(module, id.clone(), names)];
        let mut answers = read_declared(&self.context, wanted).await;
        let found = answers.pop().unwrap();
        let found = found.unwrap_or_else(|error| panic!("reading {id}: {error}"));
        found.filter(|found| found.status != Status::Gone)
    }

    async fn ready(
        &self,
        module: &'static dyn Resource,
        id: &PhysicalId,
        desired: &Value,
    ) -> Observed {
        for _ in 0..2_000 {
            match self.read(module, id, desired).await {
                Some(found) if found.status == Status::Ready => return found,
                Some(Observed {
                    status: Status::Failed(reason),
                    ..
                }) => panic!("{id}: {reason}"),
                _ => self.context.clock().sleep(Duration::from_secs(5)).await,
            }
        }
        panic!("{id} does not become ready");
    }

    /// What a plan would change.
    fn differences(
        module: &'static dyn Resource,
        desired: &Value,
        live: &Value,
        applied: &Value,
    ) -> Vec<PropertyPath> {
        let facts = payctl_model::facts::facts()
            .get(module.definition().type_name)
            .unwrap();
        let not_told: Vec<PropertyPath> = module
            .definition()
            .not_told
            .iter()
            .map(|(path, _)| PropertyPath::from(*path))
            .collect();
        let options = CompareOptions {
            last_applied: Some(applied),
            not_read: &not_told,
            ..CompareOptions::default()
        };
        let found = compare(&facts, desired, live, &options).changes;
        found.into_iter().map(|change| change.property).collect()
    }

    async fn update(
        &self,
        module: &'static dyn Resource,
        id: &PhysicalId,
        desired: &Value,
        live: &Value,
        changed: &[PropertyPath],
    ) {
        let update = Update {
            desired,
            live,
            changed,
        };
        let done = module.update(&self.context, id, &update).await;
        done.unwrap_or_else(|error| panic!("changing {changed:?} of {id}: {error}"));
    }

    async fn make(&mut self, declared: &Declared, loses: bool) {
        let module = resource(declared.type_name).unwrap();
        let definition = module.definition();
        let name = declared.name;
        self.bits = self
            .bits
            .wrapping_mul(0x5851_f42d_4c95_7f2d_1405_7b7e_f767_814f)
            | 1;
        let incarnation = Incarnation::from_bits(self.bits);
        let address = Address::new("us-east-1", "main", name);
        let owner = Owner {
            project: "trip",
            environment: "test",
            address: &address,
            incarnation: &incarnation,
        };
        let properties = Value::from(self.filled(&declared.properties));
        let desired = prepare(definition, &properties, &owner, &BTreeMap::new());
        let asks_again = matches!(definition.find, payctl_resources::definition::Find::Token);
        if !asks_again {
            let absent = module.find(&self.context, &desired, &incarnation).await;
            assert_eq!(absent.unwrap(), None, "{name} before it is made");
        }
        if loses {
            *self.caller.armed.lock().unwrap() = Some(definition.create.operation);
        }
        let id = match module.create(&self.context, &desired, &incarnation).await {
            Ok(made) => made.id,
            Err(error) if loses => {
                assert!(
                    self.caller.lost.swap(false, Ordering::Relaxed),
                    "{name}: {error}"
                );
                let found = module.find(&self.context, &desired, &incarnation).await;
                found
                    .unwrap_or_else(|error| panic!("finding {name}: {error}"))
                    .unwrap_or_else(|| panic!("{name} is not found after a lost answer"))
            }
            Err(error) => panic!("making {name}: {error}"),
        };
        let mut live = self.ready(module, &id, &desired).await;
        let mut open = Trip::differences(module, &desired, &live.model, &desired);
        if loses && !open.is_empty() {
            self.update(module, &id, &desired, &live.model, &open).await;
            live = self.ready(module, &id, &desired).await;
            open = Trip::differences(module, &desired, &live.model, &desired);
        }
        assert!(
            open.is_empty(),
            "{name} differs when it was made at {open:?}\nwanted {desired:?}\nlive {:?}",
            live.model
        );
        let mut id = id;
        let mut applied = desired;
        if declared
            .change
            .as_object()
            .is_some_and(|change| !change.is_empty())
        {
            let mut changed = applied.clone();
            if let (Some(map), Json::Object(more)) =
                (changed.as_map_mut(), self.filled(&declared.change))
            {
                for (name, value) in more {
                    map.insert(name, Value::from(value));
                }
            }
            let paths = Trip::differences(module, &changed, &live.model, &applied);
            assert!(!paths.is_empty(), "{name}: the change is not seen");
            self.update(module, &id, &changed, &live.model, &paths)
                .await;
            live = self.ready(module, &id, &changed).await;
            let open = Trip::differences(module, &changed, &live.model, &changed);
            assert!(
                open.is_empty(),
                "{name} differs when it was changed at {open:?}\nwanted {changed:?}\nlive {:?}",
                live.model
            );
            // An update may give another id.
            id = live.id.clone();
            applied = changed;
        }
        let reference = payctl_model::facts::facts()
            .get(declared.type_name)
            .unwrap()
            .reference(&live.model, &id)
            .and_then(|value| value.expose_json());
        let mut told = live.model.expose_json().unwrap_or_default();
        if let Some(members) = told.as_object_mut() {
            members.insert("Ref".to_owned(), json!(reference));
        }
        self.known.insert(name.to_owned(), told);
        self.made.push(Made {
            name,
            module,
            id,
            applied,
        });
    }

    async fn delete_all(&mut self) {
        while let Some(made) = self.made.pop() {
            let deletion = Deletion {
                final_snapshot: None,
                without_recovery: true,
                last_applied: Some(made.applied.clone()),
            };
            let name = made.name;
            for time in ["once", "twice"] {
                let done = made.module.delete(&self.context, &made.id, &deletion).await;
                done.unwrap_or_else(|error| panic!("deleting {name} {time}: {error}"));
            }
            let mut left = 2_000;
            while self
                .read(made.module, &made.id, &made.applied)
                .await
                .is_some()
            {
                left -= 1;
                assert!(left > 0, "{name} does not go");
                self.context.clock().sleep(Duration::from_secs(5)).await;
            }
            let done = made.module.delete(&self.context, &made.id, &deletion).await;
            done.unwrap_or_else(|error| panic!("deleting {name}, which is gone: {error}"));
        }
    }
}

pub(crate) async fn trip(all: &[Declared]) {
    for loses in [false, true] {
        let mut trip = Trip::start().await;
        for declared in all {
            trip.make(declared, loses).await;
        }
        trip.delete_all().await;
    }
}

pub(crate) fn network() -> Vec<Declared> {
    let subnet = |name, block: &str, zone: &str| {
        let properties =
            json!({"VpcId": "{Vpc.Ref}", "CidrBlock": block, "AvailabilityZone": zone});
        declared(name, "AWS::EC2::Subnet", properties, json!({}))
    };
    vec![
        declared(
            "Vpc",
            "AWS::EC2::VPC",
            json!({"CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": true}),
            json!({}),
        ),
        declared("Gateway", "AWS::EC2::InternetGateway", json!({}), json!({})),
        declared(
            "Attachment",
            "AWS::EC2::VPCGatewayAttachment",
            json!({"VpcId": "{Vpc.Ref}", "InternetGatewayId": "{Gateway.Ref}"}),
            json!({}),
        ),
        subnet("SubnetA", "10.0.1.0/24", "us-east-1a"),
        subnet("SubnetB", "10.0.2.0/24", "us-east-1b"),
        declared(
            "Group",
            "AWS::EC2::SecurityGroup",
            json!({
                "GroupDescription": "of a test", "VpcId": "{Vpc.Ref}",
                "SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}],
            }),
            json!({}),
        ),
    ]
}

pub(crate) fn trust(service: &str) -> Json {
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    })
}

pub(crate) fn allow(action: &str) -> Json {
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}],
    })
}

#[tokio::test(start_paused = true)]
async fn networks() {
    trip(&network()).await;
}

#[tokio::test(start_paused = true)]
async fn roles_and_their_policies() {
    let role = |name| {
        declared(
            name,
            "AWS::IAM::Role",
            json!({
                "AssumeRolePolicyDocument": trust("ecs-tasks.amazonaws.com"),
                "Description": "of a test",
                "ManagedPolicyArns": ["arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"],
                "Policies": [
                    {"PolicyName": "own", "PolicyDocument": allow("s3:GetObject")},
                    {"PolicyName": "second", "PolicyDocument": allow("sqs:SendMessage")},
                ],
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({
                "AssumeRolePolicyDocument": trust("ec2.amazonaws.com"),
                "Description": "of another test",
                "MaxSessionDuration": 7200,
                "ManagedPolicyArns": [],
                "Policies": [{"PolicyName": "own", "PolicyDocument": allow("s3:PutObject")}],
                "Tags": [{"Key": "team", "Value": "b"}],
            }),
        )
    };
    // Without inline policies of its own: those of the policy would be told as its.
    let bare = |name| {
        let properties = json!({"AssumeRolePolicyDocument": trust("ec2.amazonaws.com")});
        declared(name, "AWS::IAM::Role", properties, json!({}))
    };
    trip(&[
        role("Role"),
        bare("One"),
        bare("Other"),
        declared(
            "Policy",
            "AWS::IAM::Policy",
            json!({"PolicyName": "shared", "PolicyDocument": allow("s3:GetObject"), "Roles": ["{One.Ref}"]}),
            json!({"PolicyName": "renamed", "PolicyDocument": allow("s3:ListBucket"), "Roles": ["{Other.Ref}"]}),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn databases() {
    let mut all = network();
    all.extend([
        declared(
            "Subnets",
            "AWS::RDS::DBSubnetGroup",
            json!({
                "DBSubnetGroupDescription": "of a test",
                "SubnetIds": ["{SubnetA.Ref}", "{SubnetB.Ref}"],
            }),
            json!({"DBSubnetGroupDescription": "of another test"}),
        ),
        declared(
            "Cluster",
            "AWS::RDS::DBCluster",
            json!({
                "DBClusterIdentifier": "Aurora-Test",
                "Engine": "aurora-postgresql",
                "EngineVersion": "15.4",
                "DatabaseName": "payments",
                "MasterUsername": "dbadmin",
                "MasterUserPassword": "not-a-secret",
                "DBSubnetGroupName": "{Subnets.Ref}",
                "VpcSecurityGroupIds": ["{Group.Ref}"],
                "BackupRetentionPeriod": 1,
                "EnableCloudwatchLogsExports": ["postgresql"],
                "AssociatedRoles": [{"RoleArn": "arn:aws:iam::123456789012:role/import", "FeatureName": "s3Import"}],
                "DeletionProtection": true,
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({
                "BackupRetentionPeriod": 3,
                "AssociatedRoles": [{"RoleArn": "arn:aws:iam::123456789012:role/export", "FeatureName": "s3Export"}],
                "DeletionProtection": false,
                "Tags": [{"Key": "team", "Value": "b"}],
            }),
        ),
        declared(
            "Writer",
            "AWS::RDS::DBInstance",
            json!({
                "DBClusterIdentifier": "{Cluster.Ref}",
                "Engine": "aurora-postgresql",
                "DBInstanceClass": "db.t3.medium",
                "PromotionTier": 0,
                "PubliclyAccessible": false,
            }),
            json!({"PromotionTier": 1}),
        ),
    ]);
    trip(&all).await;
}

#[tokio::test(start_paused = true)]
async fn load_balancers() {
    let mut all = network();
    all.extend([
        declared(
            "Balancer",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            json!({
                "Type": "application",
                "Scheme": "internet-facing",
                "SecurityGroups": ["{Group.Ref}"],
                "Subnets": ["{SubnetB.Ref}", "{SubnetA.Ref}"],
                "LoadBalancerAttributes": [
                    {"Key": "load_balancing.cross_zone.enabled", "Value": "true"},
                    {"Key": "deletion_protection.enabled", "Value": "true"},
                ],
                "Ipv4IpamPoolId": "ipam-pool-0123456789abcdef0",
                "MinimumLoadBalancerCapacity": {"CapacityUnits": 300},
                "EnableCapacityReservationProvisionStabilize": true,
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({
                "LoadBalancerAttributes": [
                    {"Key": "load_balancing.cross_zone.enabled", "Value": "true"},
                    {"Key": "deletion_protection.enabled", "Value": "false"},
                ],
                "Ipv4IpamPoolId": "ipam-pool-0123456789abcdef1",
                "MinimumLoadBalancerCapacity": {"CapacityUnits": 500},
                "Tags": [{"Key": "team", "Value": "b"}],
            }),
        ),
        declared(
            "Targets",
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            json!({
                "VpcId": "{Vpc.Ref}",
                "TargetType": "ip",
                "Protocol": "HTTP",
                "Port": 80,
                "HealthCheckPath": "/",
                "HealthCheckIntervalSeconds": 5,
                "HealthCheckTimeoutSeconds": 2,
                "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
                "Targets": [{"Id": "10.0.1.10"}],
            }),
            json!({
                "HealthCheckPath": "/health",
                "TargetGroupAttributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "60"}],
                "Targets": [{"Id": "10.0.1.11", "Port": 8080}],
            }),
        ),
        declared(
            "Listener",
            "AWS::ElasticLoadBalancingV2::Listener",
            json!({
                "LoadBalancerArn": "{Balancer.Ref}",
                "Port": 80,
                "Protocol": "HTTP",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": "{Targets.Ref}"}],
            }),
            json!({
                "Port": 8080,
                "DefaultActions": [{
                    "Type": "fixed-response",
                    "FixedResponseConfig": {"StatusCode": "200", "ContentType": "text/plain"},
                }],
            }),
        ),
    ]);
    trip(&all).await;
}

#[tokio::test(start_paused = true)]
async fn what_watches_and_schedules() {
    let alarm = |name: &'static str| {
        let properties = json!({
            "Namespace": "payments", "MetricName": name, "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
            "ComparisonOperator": "GreaterThanThreshold", "Threshold": 1,
        });
        declared(
            name,
            "AWS::CloudWatch::Alarm",
            properties,
            json!({"Threshold": 2}),
        )
    };
    trip(&[
        alarm("Errors"),
        alarm("Latency"),
        declared(
            "Composite",
            "AWS::CloudWatch::CompositeAlarm",
            json!({
                "AlarmRule": "TRUE", "AlarmDescription": "of a test",
                "ActionsSuppressor": "{Errors.Arn}", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60,
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({"AlarmRule": "FALSE", "ActionsSuppressor": "{Latency.Ref}", "Tags": [{"Key": "team", "Value": "b"}]}),
        ),
        declared("Group", "AWS::Logs::LogGroup", json!({}), json!({"RetentionInDays": 7})),
        declared(
            "Filter",
            "AWS::Logs::MetricFilter",
            json!({
                "LogGroupName": "{Group.Ref}", "FilterPattern": "error",
                "MetricTransformations": [{"MetricName": "Errors", "MetricNamespace": "payments", "MetricValue": "1"}],
            }),
            json!({"FilterPattern": "fatal"}),
        ),
        declared(
            "Subscription",
            "AWS::Logs::SubscriptionFilter",
            json!({
                "LogGroupName": "{Group.Ref}", "FilterPattern": "",
                "DestinationArn": "arn:aws:logs:us-east-1:210987654321:destination:central",
            }),
            json!({"FilterPattern": "error"}),
        ),
        declared(
            "Query",
            "AWS::Logs::QueryDefinition",
            json!({"Name": "errors", "QueryString": "fields @message"}),
            json!({"QueryString": "fields @timestamp", "LogGroupNames": ["a"]}),
        ),
        declared(
            "Rule",
            "AWS::Events::Rule",
            json!({
                "ScheduleExpression": "rate(5 minutes)",
                "Targets": [{"Id": "a", "Arn": "arn:aws:sqs:us-east-1:123456789012:a"}, {"Id": "b", "Arn": "arn:aws:sqs:us-east-1:123456789012:b"}],
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({
                "Description": "of a test",
                "Targets": [{"Id": "b", "Arn": "arn:aws:sqs:us-east-1:123456789012:c"}],
                "Tags": [{"Key": "team", "Value": "b"}],
            }),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn hosts() {
    let mut all = network();
    all.extend([
        declared(
            "Interface",
            "AWS::EC2::NetworkInterface",
            json!({"SubnetId": "{SubnetA.Ref}", "GroupSet": ["{Group.Ref}"], "SourceDestCheck": false, "SecondaryPrivateIpAddressCount": 1}),
            json!({"SecondaryPrivateIpAddressCount": 2, "Description": "of a test"}),
        ),
        declared(
            "Template",
            "AWS::EC2::LaunchTemplate",
            json!({"LaunchTemplateData": {"ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.micro", "SecurityGroupIds": ["{Group.Ref}"]}}),
            json!({"LaunchTemplateData": {"ImageId": "ami-0abcdef1234567890", "InstanceType": "t3.small"}, "VersionDescription": "next"}),
        ),
        declared(
            "Host",
            "AWS::EC2::Instance",
            json!({
                "SubnetId": "{SubnetA.Ref}", "SourceDestCheck": false,
                "LaunchTemplate": {"LaunchTemplateId": "{Template.Ref}", "Version": "{Template.LatestVersionNumber}"},
            }),
            json!({"InstanceType": "t3.large", "DisableApiTermination": false, "Monitoring": true}),
        ),
        declared("Address", "AWS::EC2::EIP", json!({}), json!({})),
        declared(
            "Association",
            "AWS::EC2::EIPAssociation",
            json!({"AllocationId": "{Address.AllocationId}", "InstanceId": "{Host.Ref}"}),
            json!({}),
        ),
    ]);
    trip(&all).await;
}
