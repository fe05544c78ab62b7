//! A trip through the simulated AWS: what every type must do there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use payctl_model::compare::{CompareOptions, Comparison, compare};
use payctl_model::facts::facts;
use payctl_model::{Address, Clock, Incarnation, PhysicalId, PropertyPath, Value};
use payctl_resources::{
    AwsError, AwsErrorKind, CallJournal, Caller, Context, Deletion, Elsewhere, Observed, Owner,
    Place, Resource, Result, Status, Update, declared_names, prepare, read_declared, resource,
};
use payctl_sandbox::{Options, Sandbox};
use serde_json::Value as Json;

const REGION: &str = "us-east-1";

pub struct Simulated {
    pub sandbox: Arc<Sandbox>,
    pub calls: Mutex<Vec<String>>,
    region: String,
    /// The access key: an account's number stands for that account.
    key: String,
}

#[async_trait]
impl Caller for Simulated {
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        let call = format!("{service}:{operation}");
        self.calls
            .lock()
            .expect("no test panics with it")
            .push(call);
        self.sandbox
            .invoke(&self.key, &self.region, service, operation, input)
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
            region: self.region.clone(),
            account: who["Account"].as_str().unwrap_or_default().to_owned(),
        })
    }

    async fn elsewhere(&self, place: &Elsewhere) -> Result<Arc<dyn Caller>, AwsError> {
        let account = place.role.as_ref().and_then(|role| role.split(':').nth(4));
        Ok(Arc::new(Simulated {
            sandbox: Arc::clone(&self.sandbox),
            calls: Mutex::default(),
            region: place.region.clone().unwrap_or(self.region.clone()),
            key: account.map_or(self.key.clone(), str::to_owned),
        }))
    }
}

pub struct NoJournal;

#[async_trait]
impl CallJournal for NoJournal {
    async fn intent(&self, _: &str) -> Result<u64> {
        Ok(0)
    }
    async fn result(&self, _: u64, _: Result<&Json, &AwsError>) -> Result<()> {
        Ok(())
    }
}

/// Resources of one simulated AWS.
pub struct Trip {
    pub context: Context,
    pub aws: Arc<Simulated>,
    /// How many resources it has made: each is another incarnation.
    made: std::sync::atomic::AtomicUsize,
}

/// One resource of a trip.
#[derive(Clone)]
pub struct Made {
    pub resource: &'static dyn Resource,
    address: Address,
    incarnation: Incarnation,
    desired: Value,
    pub id: PhysicalId,
}

impl Trip {
    /// What no native type makes.
    pub fn ask(&self, service: &str, operation: &str, input: Json) -> Json {
        let answer = self
            .aws
            .sandbox
            .invoke("key", REGION, service, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{service}:{operation}: {refusal}"))
    }

    pub fn new() -> Trip {
        let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(1_700_000_000), 1.0);
        let aws = Arc::new(Simulated {
            sandbox: Arc::new(Sandbox::new(clock.clone(), Options::default())),
            calls: Mutex::default(),
            region: REGION.to_owned(),
            key: "key".to_owned(),
        });
        let context = Context::new(aws.clone(), clock).with_journal(Arc::new(NoJournal));
        Trip {
            context,
            aws,
            made: std::sync::atomic::AtomicUsize::default(),
        }
    }

    /// A call for what is only in the way.
    pub fn did(&self, service: &str, operation: &str, input: Json) -> Json {
        self.did_in(REGION, service, operation, input)
    }

    /// The same in any region.
    pub fn did_in(&self, region: &str, service: &str, operation: &str, input: Json) -> Json {
        let answer = self
            .aws
            .sandbox
            .invoke("key", region, service, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{service}:{operation}: {}", refusal.message))
    }

    pub async fn observe(&self, made: &Made) -> Option<Observed> {
        let declared = declared_names(&made.desired);
        let wanted = vec![(made.resource, made.id.clone(), Some(declared))];
        let read = read_declared(&self.context, wanted).await;
        read.into_iter()
            .next()
            .expect("one was asked")
            .unwrap_or_else(|error| panic!("read {}: {error}", made.id))
    }

    pub async fn ready(&self, made: &Made) -> Observed {
        for _ in 0..2_000 {
            match self.observe(made).await {
                Some(observed) if observed.status == Status::Ready => return observed,
                Some(Observed {
                    status: Status::Failed(reason),
                    ..
                }) => panic!("{}: {reason}", made.id),
                _ => self.context.clock().sleep(Duration::from_secs(5)).await,
            }
        }
        panic!("{} does not become ready", made.id);
    }

    fn differences(made: &Made, observed: &Observed, last_applied: Option<&Value>) -> Comparison {
        let facts = facts()
            .get(made.resource.definition().type_name)
            .expect("a native type is registered");
        let not_told = made.resource.definition().not_told.iter();
        let not_told: Vec<PropertyPath> = not_told.map(|(path, _)| (*path).into()).collect();
        let options = CompareOptions {
            last_applied,
            not_read: &not_told,
            ..CompareOptions::default()
        };
        compare(&facts, &made.desired, &observed.model, &options)
    }

    pub async fn make(&self, type_name: &str, properties: Json) -> Made {
        let resource = resource(type_name).expect("a native type");
        let logical = type_name.rsplit(':').next().unwrap_or(type_name);
        let address = Address::new(REGION, "stack", logical);
        let count = self.made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let start = format!("i{count}{}", logical.to_ascii_lowercase());
        let incarnation = Incarnation(format!("{start:x<26}"));
        let desired = self.prepared_at(resource, &address, &incarnation, properties);
        let before = resource.find(&self.context, &desired, &incarnation).await;
        let before = before.unwrap_or_else(|error| panic!("find {type_name}: {error}"));
        assert_eq!(before, None, "{type_name} is found before it is made");
        let observed = resource.create(&self.context, &desired, &incarnation).await;
        let observed = observed.unwrap_or_else(|error| panic!("create {type_name}: {error}"));
        let made = Made {
            resource,
            address,
            incarnation,
            desired,
            id: observed.id,
        };
        let found = resource
            .find(&self.context, &made.desired, &made.incarnation)
            .await;
        let found = found.unwrap_or_else(|error| panic!("find {type_name}: {error}"));
        assert_eq!(found.as_ref(), Some(&made.id), "{type_name} is found again");
        let live = self.ready(&made).await;
        let compared = Self::differences(&made, &live, Some(&made.desired));
        assert_eq!(
            compared.changes,
            [],
            "{type_name} reads as declared: {:#?}",
            live.model
        );
        made
    }

    /// Why a resource is not made.
    pub async fn refused(&self, type_name: &str, properties: Json) -> String {
        let resource = resource(type_name).expect("a native type");
        let address = Address::new(REGION, "stack", "Refused");
        let incarnation = Incarnation(format!("i{:x<25}", "refused"));
        let desired = self.prepared_at(resource, &address, &incarnation, properties);
        match resource.create(&self.context, &desired, &incarnation).await {
            Ok(made) => panic!("{type_name} {} was made", made.id),
            Err(error) => error.to_string(),
        }
    }

    /// What goes to AWS of a resource of this incarnation.
    pub fn prepared(
        &self,
        resource: &dyn Resource,
        incarnation: &Incarnation,
        properties: Json,
    ) -> Value {
        let address = Address::new(REGION, "stack", "Any");
        self.prepared_at(resource, &address, incarnation, properties)
    }

    fn prepared_at(
        &self,
        resource: &dyn Resource,
        address: &Address,
        incarnation: &Incarnation,
        properties: Json,
    ) -> Value {
        let owner = Owner {
            project: "project",
            environment: "env",
            address,
            incarnation,
        };
        prepare(
            resource.definition(),
            &Value::from(properties),
            &owner,
            &BTreeMap::new(),
        )
    }

    /// Makes it what is declared now: these are the paths that change.
    pub async fn change(&self, made: &mut Made, properties: Json, expected: &[&str]) {
        let type_name = made.resource.definition().type_name;
        let last = made.desired.clone();
        let live = self.ready(made).await;
        made.desired =
            self.prepared_at(made.resource, &made.address, &made.incarnation, properties);
        let compared = Self::differences(made, &live, Some(&last));
        let changed: Vec<PropertyPath> = compared
            .changes
            .iter()
            .map(|change| change.property.clone())
            .collect();
        let heads: BTreeSet<&str> = changed.iter().filter_map(PropertyPath::head).collect();
        assert_eq!(heads, expected.iter().copied().collect(), "{type_name}");
        assert!(
            compared.changes.iter().all(|change| !change.replaces),
            "{type_name}: {:?}",
            compared.changes
        );
        let update = Update {
            desired: &made.desired,
            live: &live.model,
            changed: &changed,
        };
        let done = made.resource.update(&self.context, &made.id, &update).await;
        done.unwrap_or_else(|error| panic!("update {type_name}: {error}"));
        let live = self.ready(made).await;
        let compared = Self::differences(made, &live, Some(&made.desired));
        assert_eq!(
            compared.changes,
            [],
            "{type_name} reads as declared: {:#?}",
            live.model
        );
    }

    pub async fn delete(&self, made: &Made) {
        let type_name = made.resource.definition().type_name;
        let deletion = Deletion {
            last_applied: Some(made.desired.clone()),
            ..Deletion::default()
        };
        for again in [false, true] {
            let done = made
                .resource
                .delete(&self.context, &made.id, &deletion)
                .await;
            done.unwrap_or_else(|error| panic!("delete {type_name} (again: {again}): {error}"));
            self.gone(made).await;
        }
        let found = made
            .resource
            .find(&self.context, &made.desired, &made.incarnation)
            .await;
        assert_eq!(found.expect("nothing refuses to look"), None, "{type_name}");
    }

    pub async fn gone(&self, made: &Made) {
        if made.resource.definition().delete.lingers {
            return;
        }
        for _ in 0..2_000 {
            match self.observe(made).await {
                None
                | Some(Observed {
                    status: Status::Gone,
                    ..
                }) => return,
                _ => self.context.clock().sleep(Duration::from_secs(5)).await,
            }
        }
        panic!("{} does not go away", made.id);
    }
}
