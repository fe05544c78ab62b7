//! [`Context`]: what a resource's module works with: AWS of one account and region, the journal, the clock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use payctl_model::{Clock, PhysicalId, Value};
use serde_json::Value as Json;

use crate::error::{AwsError, AwsErrorKind, Error, Result};

/// How long what this run has made may seem not to exist to calls that name it. EC2 and IAM are eventually consistent (EC2
/// developer guide, "Eventual consistency": to retry with growing pauses, "up to five minutes").
const CONSISTENCY: Duration = Duration::from_secs(300);

/// Makes calls: AWS, or what stands in for it in tests.
#[async_trait]
pub trait Caller: Send + Sync {
    /// One call, values under the API model's member names.
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError>;

    /// Where calls go, and whose they are.
    async fn place(&self) -> Result<Place, AwsError> {
        Err(not_connected("sts", "GetCallerIdentity", "no account"))
    }

    /// Who makes calls in another region, or as a role that this one may assume.
    async fn elsewhere(&self, place: &Elsewhere) -> Result<Arc<dyn Caller>, AwsError> {
        let message = format!("there is no connection to {place:?}");
        Err(not_connected("sts", "AssumeRole", &message))
    }
}

fn not_connected(service: &str, operation: &str, message: &str) -> AwsError {
    AwsError {
        service: service.to_owned(),
        operation: operation.to_owned(),
        code: "NotConnected".to_owned(),
        message: message.to_owned(),
        request_id: None,
        kind: AwsErrorKind::NotSent,
    }
}

/// What every ARN of an account's regional resources is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// The region.
    pub region: String,
    /// The account, 12 digits.
    pub account: String,
}

impl Place {
    /// An ARN from a pattern: see [`Key::Arn`](crate::definition::Key::Arn).
    pub fn arn(&self, pattern: &str, id: &PhysicalId) -> String {
        let mut arn = pattern
            .replace("{partition}", &self.partition)
            .replace("{region}", &self.region)
            .replace("{account}", &self.account);
        for (position, part) in id.parts().iter().enumerate() {
            arn = arn.replace(&format!("{{{position}}}"), part);
        }
        arn
    }
}

/// Where else a resource has to make a call: the other end of what spans regions or accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// The region; `None`: the same.
    pub region: Option<String>,
    /// The ARN of a role to assume.
    pub role: Option<String>,
    /// The region in which it is assumed; `None`: where the call is made from.
    pub role_region: Option<String>,
}

/// Where mutating calls are written down before and after they are made.
#[async_trait]
pub trait CallJournal: Send + Sync {
    /// Durable when it returns. The number names the intent in [`CallJournal::result`].
    async fn intent(&self, call: &str) -> Result<u64>;
    /// What became of it. Durable when it returns.
    async fn result(&self, intent: u64, outcome: Result<&Json, &AwsError>) -> Result<()>;
    /// What is being made has this id. Durable when it returns; told as soon as AWS has told it, before any further call.
    async fn identified(&self, id: &PhysicalId) -> Result<()> {
        let _ = id;
        Ok(())
    }
    /// A call is going to be made again, because of this passing error.
    fn retrying(&self, because: &Error) {
        let _ = because;
    }
}

/// What a run is going to do to a resource that is live.
#[derive(Clone, Debug)]
pub enum Intention {
    /// It will have these properties; what only AWS can tell is unknown in them.
    Update(Value),
    /// It goes.
    Delete,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Context {
    caller: Arc<dyn Caller>,
    journal: Option<Arc<dyn CallJournal>>,
    clock: Clock,
    renamed: Arc<Mutex<BTreeMap<PhysicalId, PhysicalId>>>,
    /// What was made through this context and its copies, and when.
    made: Arc<Mutex<BTreeMap<PhysicalId, SystemTime>>>,
    intentions: Arc<Mutex<BTreeMap<PhysicalId, Intention>>>,
}

impl Context {
    /// Tells what this run is going to do to a resource: where AWS changes several in one call alone (rules that exchange their
    /// priorities), whoever comes first has to know of the others.
    pub fn intends(&self, id: PhysicalId, intention: Intention) {
        self.intentions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, intention);
    }

    /// What this run is going to do to a resource, or has done; `None` where it leaves it alone.
    pub fn intention(&self, id: &PhysicalId) -> Option<Intention> {
        self.intentions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned()
    }

    /// An update has given a resource another id: reads under the old one tell the new one from now on.
    pub fn rename(&self, old: &PhysicalId, new: PhysicalId) {
        let mut renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        renamed.remove(&new);
        if *old != new {
            renamed.insert(old.clone(), new);
        }
    }

    /// The id that a resource has now.
    pub fn current(&self, id: &PhysicalId) -> PhysicalId {
        let renamed = self.renamed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut id = id;
        // Each step is a later name; more steps than names would be a circle.
        for _ in 0..renamed.len() {
            match renamed.get(id) {
                Some(new) => id = new,
                None => break,
            }
        }
        id.clone()
    }

    /// For reading only: [`Context::write`] fails.
    pub fn new(caller: Arc<dyn Caller>, clock: Clock) -> Context {
        Context {
            caller,
            journal: None,
            clock,
            renamed: Arc::default(),
            made: Arc::default(),
            intentions: Arc::default(),
        }
    }

    /// The same with a journal for mutating calls: one per operation of the executor.
    pub fn with_journal(&self, journal: Arc<dyn CallJournal>) -> Context {
        Context {
            journal: Some(journal),
            ..self.clone()
        }
    }

    /// The clock that waits go by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where calls go, and whose they are.
    pub async fn place(&self) -> Result<Place> {
        Ok(self.caller.place().await?)
    }

    /// An ARN that AWS does not tell: see [`Key::Arn`](crate::definition::Key::Arn).
    pub async fn arn(&self, pattern: &str, id: &PhysicalId) -> Result<String> {
        Ok(self.caller.place().await?.arn(pattern, id))
    }

    /// A call that changes nothing.
    pub async fn read(&self, service: &str, operation: &str, input: Json) -> Result<Json> {
        Ok(self.caller.call(service, operation, input).await?)
    }

    /// A call that changes something, written to the journal before and after.
    pub async fn write(&self, service: &str, operation: &str, input: Json) -> Result<Json> {
        let Some(journal) = &self.journal else {
            return Err(Error::Journal("this run only reads".to_owned()));
        };
        let call = format!("{service}:{operation}");
        let start = self.clock.now();
        let mut pause = Duration::from_secs(1);
        loop {
            let intent = journal.intent(&call).await?;
            let outcome = self.caller.call(service, operation, input.clone()).await;
            let outcome = outcome.and_then(|answer| successful(service, operation, answer));
            journal.result(intent, outcome.as_ref()).await?;
            let error = match outcome {
                Err(error) if self.is_not_known_yet(operation, &error, &input) => error,
                done => return Ok(done?),
            };
            let spent = self.clock.now().duration_since(start).unwrap_or_default();
            if spent + pause > CONSISTENCY {
                return Err(error.into());
            }
            let error = Error::from(error);
            self.retrying(&error);
            self.clock.sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
    }

    /// A call that AWS only takes in and carries out by itself afterwards: `follow` sees from its answer what comes of it, and
    /// only that is written down as the call's result.
    pub async fn write_followed<F>(
        &self,
        service: &str,
        operation: &str,
        input: Json,
        follow: impl FnOnce(Json) -> F,
    ) -> Result<Json>
    where
        F: Future<Output = Result<Json, AwsError>>,
    {
        let Some(journal) = &self.journal else {
            return Err(Error::Journal("this run only reads".to_owned()));
        };
        let intent = journal.intent(&format!("{service}:{operation}")).await?;
        let outcome = match self.caller.call(service, operation, input).await {
            Ok(answer) => follow(answer).await,
            Err(error) => Err(error),
        };
        journal.result(intent, outcome.as_ref()).await?;
        Ok(outcome?)
    }

    /// Whether an input names something that was made a moment ago, so that what it is given to may not know it yet.
    pub fn names_new(&self, input: &Json) -> bool {
        let now = self.clock.now();
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.iter().any(|(id, when)| {
            now.duration_since(*when).unwrap_or_default() <= CONSISTENCY
                && names(input, id.as_str())
        })
    }

    /// The same elsewhere: with the same journal and clock.
    pub async fn elsewhere(&self, place: &Elsewhere) -> Result<Context> {
        if *place == Elsewhere::default() {
            return Ok(self.clone());
        }
        Ok(Context {
            caller: self.caller.elsewhere(place).await?,
            ..self.clone()
        })
    }

    /// AWS has made something with this id: written down before any further call is made.
    pub async fn identified(&self, id: &PhysicalId) -> Result<()> {
        self.made
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), self.clock.now());
        match &self.journal {
            Some(journal) => journal.identified(id).await,
            None => Ok(()),
        }
    }

    /// Tells that a call is going to be made again.
    pub fn retrying(&self, because: &Error) {
        if let Some(journal) = &self.journal {
            journal.retrying(because);
        }
    }

    /// Whether AWS says that something does not exist that it has itself just made, so that it only has not spread yet. Of
    /// deletions the same answer is success.
    fn is_not_known_yet(&self, operation: &str, error: &AwsError, input: &Json) -> bool {
        let missing = ["NotFound", "NoSuch", "DoesNotExist", "NotExist"]
            .iter()
            .any(|part| error.code.contains(part));
        if error.kind != AwsErrorKind::Service || !missing || operation.starts_with("Delete") {
            return false;
        }
        self.names_new(input)
    }
}

/// Calls of EC2 that take several resources answer 200 and list those with which they failed, each with an error of its own
/// (EC2 API reference, UnsuccessfulItem). payctl names one resource a call: its error is the call's.
fn successful(service: &str, operation: &str, answer: Json) -> Result<Json, AwsError> {
    let failed = answer["Unsuccessful"].as_array().and_then(|items| {
        let failed = items.iter().find(|item| item["Error"].is_object())?;
        let text = |name: &str| {
            failed["Error"][name]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        Some((text("Code"), text("Message")))
    });
    match failed {
        None => Ok(answer),
        Some((code, message)) => Err(AwsError {
            service: service.to_owned(),
            operation: operation.to_owned(),
            code,
            message,
            request_id: None,
            kind: AwsErrorKind::Service,
        }),
    }
}

/// Whether an input names this id: as a whole, or as the last part of an ARN.
fn names(input: &Json, id: &str) -> bool {
    match input {
        Json::String(text) => text
            .strip_suffix(id)
            .is_some_and(|before| before.is_empty() || before.ends_with(['/', ':'])),
        Json::Array(items) => items.iter().any(|item| names(item, id)),
        Json::Object(members) => members.values().any(|member| names(member, id)),
        _ => false,
    }
}
