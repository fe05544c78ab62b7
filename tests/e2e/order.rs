//! Each native type has its place in the order of things: what is made before that which it refers to, or deleted before what
//! refers to it, AWS refuses. Here payctl's order is broken for every resource of templates that have every native type; the
//! simulated AWS catches it by a law, or it stands below why AWS itself would not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use payctl::graph::Rules;
use payctl_model::{Address, Clock, Incarnation, Secret, Value};
use payctl_resources::{
    AwsError, AwsErrorKind, CallJournal, Caller, Context, Deletion, Owner, Place, TYPES, prepare,
    resource,
};
use payctl_sandbox::{Options, Sandbox};
use payctl_state::ResourceState;
use serde_json::Value as Json;

use crate::harness::world::{REGION, World};

/// Templates under `tests/e2e/templates`, and their parameters.
const TEMPLATES: &[(&str, &[(&str, &str)])] = &[
    (
        "../../../platforms/high-availability/template.yaml",
        &[
            ("EnvironmentSuffix", "dev"),
            ("DBMasterPassword", "correct-horse-9"),
        ],
    ),
    ("blue_green.yaml", &[]),
    ("archive.yaml", &[]),
    ("capacity.yaml", &[]),
    ("card_network.yaml", &[]),
    ("data/alarms.yaml", &[]),
    (
        "data/database_secret.yaml",
        &[
            ("MasterPassword", "correct-horse-9"),
            ("ApiKey", "correct-horse-8"),
        ],
    ),
    ("data/keys.yaml", &[]),
    ("data/log_groups.yaml", &[]),
    ("data/mysql_standalone.yaml", &[]),
    (
        "data/parameter_groups.yaml",
        &[("Password", "correct-horse-9")],
    ),
    ("data/scaling.yaml", &[]),
    ("data/topics.yaml", &[]),
    ("data/watching.yaml", &[]),
    ("edge.yaml", &[]),
    ("functions.yaml", &[]),
    ("gateway_nlb.yaml", &[]),
    ("hosts.yaml", &[]),
    ("images.yaml", &[]),
    ("launch_template.yaml", &[]),
    ("ledger.yaml", &[]),
    ("messages.yaml", &[]),
    ("private_network.yaml", &[]),
    ("registry.yaml", &[]),
    ("roles.yaml", &[]),
    ("routing.yaml", &[("OidcSecret", "correct-horse-9")]),
    ("schedules.yaml", &[]),
    ("security_groups.yaml", &[]),
    ("settlement.yaml", &[]),
    ("shop.yaml", &[]),
    ("staff.yaml", &[]),
    ("workers.yaml", &[]),
];

/// What no template of these has: policies that stand alone.
const POLICIES: &str = r#"Resources:
  Topic:
    Type: AWS::SNS::Topic
  Publishers:
    Type: AWS::SNS::TopicInlinePolicy
    Properties:
      TopicArn: !Ref Topic
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: events.amazonaws.com}, Action: sns:Publish, Resource: !Ref Topic}]
  Queue:
    Type: AWS::SQS::Queue
  Senders:
    Type: AWS::SQS::QueueInlinePolicy
    Properties:
      Queue: !Ref Queue
      PolicyDocument:
        Version: 2012-10-17
        Statement: [{Effect: Allow, Principal: {Service: sns.amazonaws.com}, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn}]
"#;

/// Types that AWS lets go although something refers to them, and why.
const LET_GO: &[(&str, &str)] = &[
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "its policies go with it (API_DeregisterScalableTarget)",
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        "alarms keep the ARN of an action that is gone (API_DeleteScalingPolicy names no such error)",
    ),
    (
        "AWS::Events::Rule",
        "a function's permission keeps the ARN of a rule that is gone (API_DeleteRule asks for the removal of targets only)",
    ),
    (
        "AWS::Lambda::Function",
        "its versions and its policy go with it (API_DeleteFunction)",
    ),
    (
        "AWS::CodeDeploy::Application",
        "its deployment groups go with it (API_DeleteApplication)",
    ),
    (
        "AWS::DynamoDB::Table",
        "who names a table is told nothing (API_DeleteTable)",
    ),
    (
        "AWS::EC2::Instance",
        "its address is free again when it is terminated (EC2 user guide, \"Elastic IP addresses\")",
    ),
    (
        "AWS::EC2::LaunchTemplate",
        "instances that were launched from it do not need it (API_DeleteLaunchTemplate)",
    ),
    (
        "AWS::EC2::NatGateway",
        "its routes stay, as black holes (API_DeleteNatGateway)",
    ),
    (
        "AWS::EC2::VPCPeeringConnection",
        "its routes stay, as black holes (VPC peering guide, \"Delete a VPC peering connection\")",
    ),
    (
        "AWS::ECS::Service",
        "scalable targets and alarms name it by text (API_DeleteService)",
    ),
    (
        "AWS::ECS::TaskDefinition",
        "an INACTIVE revision goes on serving services that have it (API_DeregisterTaskDefinition)",
    ),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        "its rules and certificates go with it (API_DeleteListener)",
    ),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "its listeners go with it (API_DeleteLoadBalancer)",
    ),
    (
        "AWS::KMS::Key",
        "it is scheduled for deletion whoever uses it, which is what its waiting period is for (API_ScheduleKeyDeletion)",
    ),
    (
        "AWS::Logs::LogGroup",
        "its filters go with it; whoever writes into it is not known (API_DeleteLogGroup)",
    ),
    (
        "AWS::S3::Bucket",
        "its policy goes with it, and what is delivered to it is not (API_DeleteBucket)",
    ),
    (
        "AWS::SNS::Topic",
        "its subscriptions go with it; alarms and rules name it by text (API_DeleteTopic)",
    ),
    (
        "AWS::SQS::Queue",
        "it goes whether or not something sends to it (API_DeleteQueue)",
    ),
    (
        "AWS::SecretsManager::Secret",
        "it is scheduled for deletion whoever reads it (API_DeleteSecret)",
    ),
];

/// Types that AWS makes although what they refer to is not there, and why.
const MADE_BEFOREHAND: &[(&str, &str)] = &[
    (
        "AWS::CloudWatch::Alarm",
        "dimensions are texts, and an action that is no topic only fails when it is taken (API_PutMetricAlarm)",
    ),
    (
        "AWS::CloudWatch::Dashboard",
        "its body is a text: warnings at most (API_PutDashboard)",
    ),
    (
        "AWS::EC2::LaunchTemplate",
        "what its data names is looked at when an instance is launched (EC2 user guide, \"Create a launch template\")",
    ),
    (
        "AWS::ECS::Cluster",
        "its log group and key are looked at when somebody runs a command (API_ExecuteCommandConfiguration)",
    ),
    (
        "AWS::ECS::TaskDefinition",
        "roles, log groups and parameters are looked at when a task starts (API_RegisterTaskDefinition)",
    ),
    (
        "AWS::Logs::QueryDefinition",
        "log groups are looked at when the query runs (API_PutQueryDefinition)",
    ),
    (
        "AWS::SNS::Topic",
        "its key is looked at when something is published (SNS developer guide, \"Key management\")",
    ),
    (
        "AWS::SSM::Parameter",
        "its value is a text (API_PutParameter)",
    ),
];

/// A simulated AWS without the SDK in between.
struct Direct(Sandbox);

#[async_trait]
impl Caller for Direct {
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        self.0
            .invoke("key", REGION, service, operation, input)
            .map_err(|refusal| AwsError {
                service: service.to_owned(),
                operation: operation.to_owned(),
                code: refusal.code,
                message: refusal.message,
                request_id: None,
                kind: AwsErrorKind::Service,
            })
    }

    async fn place(&self) -> Result<Place, AwsError> {
        let who = self.call("sts", "GetCallerIdentity", Json::Null).await?;
        Ok(Place {
            partition: "aws".to_owned(),
            region: REGION.to_owned(),
            account: who["Account"].as_str().unwrap_or_default().to_owned(),
        })
    }
}

/// Nothing is written down of these calls.
struct Unwritten;

#[async_trait]
impl CallJournal for Unwritten {
    async fn intent(&self, _: &str) -> payctl_resources::Result<u64> {
        Ok(0)
    }

    async fn result(
        &self,
        _: u64,
        _: payctl_resources::Result<&Json, &AwsError>,
    ) -> payctl_resources::Result<()> {
        Ok(())
    }
}

fn context(sandbox: Sandbox, clock: &Clock) -> Context {
    Context::new(Arc::new(Direct(sandbox)), clock.clone()).with_journal(Arc::new(Unwritten))
}

/// What was caught, and what was not: by type.
#[derive(Default)]
struct Caught {
    created: BTreeMap<String, BTreeSet<String>>,
    deleted: BTreeMap<String, BTreeSet<String>>,
    accepted: BTreeSet<String>,
    let_go: BTreeSet<String>,
    seen: BTreeSet<String>,
}

impl Caught {
    /// Deletes what others refer to, while they are there.
    async fn delete_early(&mut self, world: &World, snapshot: &Path, clock: &Clock) {
        let referred: BTreeSet<&Address> = world
            .state
            .resources
            .values()
            .flat_map(|user| &user.dependencies)
            .filter(|(_, dependency)| !dependency.attributes.is_empty())
            .map(|(used, _)| used)
            .collect();
        for address in referred {
            let Some(kept) = world.state.resources.get(address) else {
                continue;
            };
            let (Some(module), Some(id)) = (resource(&kept.type_name), &kept.physical_id) else {
                continue;
            };
            let sandbox = Sandbox::open(snapshot, clock.clone()).expect("a snapshot");
            let context = context(sandbox, clock);
            let deletion = Deletion {
                final_snapshot: None,
                last_applied: Some(kept.last_applied.clone()),
                without_recovery: false,
            };
            match module.delete(&context, id, &deletion).await {
                Err(error) => {
                    let code = error.code().map(str::to_owned);
                    let code = code.unwrap_or_else(|| error.to_string());
                    self.deleted
                        .entry(kept.type_name.clone())
                        .or_default()
                        .insert(code);
                }
                Ok(()) => {
                    self.let_go.insert(kept.type_name.clone());
                }
            }
        }
    }

    /// Makes what refers to others, in an AWS that has none of them.
    async fn create_early(&mut self, world: &World, clock: &Clock) {
        for (address, kept) in &world.state.resources {
            let refers = kept
                .dependencies
                .values()
                .any(|dependency| !dependency.attributes.is_empty());
            let Some(module) = resource(&kept.type_name).filter(|_| refers) else {
                continue;
            };
            let sandbox = Sandbox::new(clock.clone(), Options::default());
            let context = context(sandbox, clock);
            let incarnation = Incarnation::from_bits(7);
            let owner = Owner {
                project: "shop",
                environment: "local",
                address,
                incarnation: &incarnation,
            };
            let properties = in_the_open(kept);
            let desired = prepare(module.definition(), &properties, &owner, &BTreeMap::new());
            match module.create(&context, &desired, &incarnation).await {
                Err(error) => {
                    // What it is to be made of is looked at first: there is none.
                    let code = error.code().map(str::to_owned);
                    let code = code.unwrap_or_else(|| error.to_string());
                    self.created
                        .entry(kept.type_name.clone())
                        .or_default()
                        .insert(code);
                }
                Ok(_) => {
                    self.accepted.insert(kept.type_name.clone());
                }
            }
        }
    }
}

/// What was applied, with something in the place of its secrets.
fn in_the_open(kept: &ResourceState) -> Value {
    kept.last_applied.map_leaves(&mut |leaf| match leaf {
        Value::Secret(Secret::Hashed(_)) => Value::secret("correct-horse-9"),
        other => other.clone(),
    })
}

fn listed(list: &[(&str, &str)], type_name: &str) -> bool {
    list.iter()
        .any(|(of, reason)| *of == type_name && !reason.is_empty())
}

#[tokio::test(start_paused = true)]
async fn whatever_comes_too_early_or_goes_too_early_is_caught() {
    let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/templates");
    let rules = Rules::native();
    let mut caught = Caught::default();
    for (file, parameters) in [("", &[][..])].iter().chain(TEMPLATES) {
        let text = match *file {
            "" => POLICIES.to_owned(),
            file => std::fs::read_to_string(folder.join(file)).expect(file),
        };
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Value::from(*value)))
            .collect();
        let graph = World::graph(&text, &parameters, &rules)
            .unwrap_or_else(|wrong| panic!("{file}: {wrong:?}"));
        let mut world = World::new().await;
        let planned = world.plan(Some(graph), &rules).await;
        let outcome = world.carry_out(planned).await;
        assert!(outcome.is_complete(), "{file}: {:?}", outcome.failures);
        let (kept, clock) = (tempfile::tempdir().expect("a folder"), world.clock.clone());
        let snapshot = kept.path().join("world.json");
        std::fs::write(&snapshot, world.sandbox.dump().to_string()).expect("a snapshot");
        caught.delete_early(&world, &snapshot, &clock).await;
        caught.create_early(&world, &clock).await;
        let types = world.state.resources.values();
        caught.seen.extend(types.map(|kept| kept.type_name.clone()));
    }
    for (what, by_type) in [("made", &caught.created), ("deleted", &caught.deleted)] {
        for (type_name, codes) in by_type {
            eprintln!("{type_name} {what} too early: {codes:?}");
        }
    }
    let mut wrong = Vec::new();
    // What one resource of a type uses AWS may not look at, where it looks at what another one uses.
    for type_name in caught.accepted.iter() {
        if !caught.created.contains_key(type_name) && !listed(MADE_BEFOREHAND, type_name) {
            wrong.push(format!("{type_name} is made before what it refers to"));
        }
    }
    for type_name in caught.let_go.iter() {
        if !caught.deleted.contains_key(type_name) && !listed(LET_GO, type_name) {
            wrong.push(format!("{type_name} is deleted before what refers to it"));
        }
    }
    for definition in TYPES.iter().map(|resource| resource.definition()) {
        let name = definition.type_name;
        let has_place = caught.created.contains_key(name)
            || caught.deleted.contains_key(name)
            || listed(LET_GO, name)
            || listed(MADE_BEFOREHAND, name);
        if !caught.seen.contains(name) {
            wrong.push(format!("no template has {name}"));
        } else if !has_place {
            wrong.push(format!("nothing holds {name} in its place"));
        }
    }
    for (list, what) in [
        (LET_GO, &caught.let_go),
        (MADE_BEFOREHAND, &caught.accepted),
    ] {
        let stale = list.iter().filter(|(name, _)| !what.contains(*name));
        wrong.extend(
            stale.map(|(name, _)| format!("{name} is caught: it has no place in the list")),
        );
    }
    let laws = caught.created.len() + caught.deleted.len();
    eprintln!("{laws} places in the order are held by laws");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(laws >= 40, "only {laws}");
}
