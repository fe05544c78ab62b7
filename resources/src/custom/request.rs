//! What a provider is asked (CloudFormation user guide, "Custom resource request and response reference", Request object), and where
//! it answers: an object in a bucket, written by a URL that is signed beforehand.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use payctl_model::facts::CUSTOM;
use payctl_model::{Incarnation, PhysicalId, Secret, Value};
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::response::Response;
use crate::context::{Context, Subject};
use crate::error::{Error, Result};
use crate::generic;
use crate::resource::{Observed, Update};

/// How long the URL for the answer holds: longer than any provider may take.
const LIFETIME: Duration = Duration::from_secs(2 * 3_600);
/// How long a function may not be ready to be invoked.
const NOT_READY: Duration = Duration::from_secs(180);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Create,
    Update,
    Delete,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Asked::Create => "Create",
            Asked::Update => "Update",
            Asked::Delete => "Delete",
        })
    }
}

/// One request to a provider.
pub(super) struct Request {
    asked: Asked,
    id: String,
    token: String,
    members: Map<String, Json>,
    sent: AtomicBool,
}

impl Request {
    /// Make one. The same incarnation makes the same request, in whatever run.
    pub(super) fn create(
        subject: &Subject,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Request> {
        let id = request_id(subject, &["Create", incarnation.as_str()]);
        Request::of(subject, Asked::Create, id, desired)
    }

    /// Change one. The same change of the same resource is the same request, in whatever run.
    pub(super) fn update(
        subject: &Subject,
        physical_id: &PhysicalId,
        update: &Update<'_>,
    ) -> Result<Request> {
        let mut old = properties(update.live);
        old.remove(payctl_model::facts::custom::DATA);
        let new = properties(update.desired);
        let id = request_id(
            subject,
            &[
                "Update",
                physical_id.as_str(),
                &Json::Object(old.clone()).to_string(),
                &shown(update.desired).to_string(),
            ],
        );
        let mut request = Request::of(subject, Asked::Update, id, update.desired)?;
        request.add("PhysicalResourceId", physical_id.as_str());
        request.add("ResourceProperties", Json::Object(new));
        request.add("OldResourceProperties", Json::Object(old));
        Ok(request)
    }

    /// Delete one.
    pub(super) fn delete(
        subject: &Subject,
        physical_id: &PhysicalId,
        applied: &Value,
    ) -> Result<Request> {
        let id = request_id(subject, &["Delete", physical_id.as_str()]);
        let mut request = Request::of(subject, Asked::Delete, id, applied)?;
        request.add("PhysicalResourceId", physical_id.as_str());
        Ok(request)
    }

    fn of(subject: &Subject, asked: Asked, id: String, declared: &Value) -> Result<Request> {
        let token = declared.get("ServiceToken").and_then(Value::to_text);
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
            Error::Failed(format!(
                "{CUSTOM}: it is not known who its provider is: `ServiceToken` names none"
            ))
        })?;
        let members = json!({
            "RequestType": asked.to_string(), "ServiceToken": token, "StackId": subject.stack_id, "RequestId": id,
            "LogicalResourceId": subject.address.logical_id, "ResourceType": subject.type_name,
            "ResourceProperties": properties(declared),
        });
        Ok(Request {
            asked,
            id,
            token,
            members: members.as_object().cloned().unwrap_or_default(),
            sent: AtomicBool::new(false),
        })
    }

    fn add(&mut self, member: &str, value: impl Into<Json>) {
        self.members.insert(member.to_owned(), value.into());
    }

    pub(super) fn kind(&self) -> Asked {
        self.asked
    }

    /// Whether the provider may have got it.
    pub(super) fn was_sent(&self) -> bool {
        self.sent.load(Ordering::SeqCst)
    }

    /// Where to look for more.
    pub(super) fn hint(&self) -> String {
        match function_name(&self.token) {
            Some(name) => format!("its log is in CloudWatch, /aws/lambda/{name}"),
            None => format!("its provider reads {}", self.token),
        }
    }

    /// Sends it: a function is invoked without waiting for its end, as CloudFormation does.
    pub(super) async fn send(&self, context: &Context, subject: &Subject) -> Result<()> {
        self.check_bucket(context, subject).await?;
        let object = json!({"Bucket": subject.response_bucket, "Key": key(subject, &self.id)});
        let url = context
            .presigned("s3", "PutObject", object, LIFETIME)
            .await?;
        let mut members = self.members.clone();
        members.insert("ResponseURL".to_owned(), url.into());
        let payload = Json::Object(members).to_string();
        self.sent.store(true, Ordering::SeqCst);
        let call = || async {
            match is_topic(&self.token) {
                true => {
                    let input = json!({"TopicArn": self.token, "Subject": "AWS CloudFormation custom resource request", "Message": payload});
                    context.write("sns", "Publish", input).await
                }
                false => {
                    let input = json!({"FunctionName": self.token, "InvocationType": "Event", "Payload": STANDARD.encode(&payload)});
                    context.write("lambda", "Invoke", input).await
                }
            }
        };
        let passing = |error: &Error| error.code() == Some("ResourceConflictException");
        match generic::repeat(context, NOT_READY, passing, call).await {
            Ok(_) => Ok(()),
            Err(error) => {
                if let Some(aws) = error.aws() {
                    // What AWS refused never reached the provider.
                    let refused = aws.kind == crate::error::AwsErrorKind::Service;
                    self.sent.store(!refused, Ordering::SeqCst);
                }
                Err(error)
            }
        }
    }

    /// Without its bucket the provider could not answer, and would be waited for in vain.
    async fn check_bucket(&self, context: &Context, subject: &Subject) -> Result<()> {
        let bucket = &subject.response_bucket;
        match context
            .read("s3", "HeadBucket", json!({"Bucket": bucket}))
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::Failed(format!(
                "{} is a custom resource, whose provider answers into the bucket {bucket}, and that cannot be used ({error}): make \
                 one with `cdk bootstrap`, or name another one in payctl.toml by `response-bucket`",
                subject.address.logical_id
            ))),
        }
    }

    /// The answer, where it is there.
    pub(super) async fn look(
        &self,
        context: &Context,
        subject: &Subject,
    ) -> Result<Option<Response>> {
        let input = json!({"Bucket": subject.response_bucket, "Key": key(subject, &self.id)});
        let body = match context.read("s3", "GetObject", input).await {
            Ok(answer) => answer["Body"].as_str().unwrap_or_default().to_owned(),
            // Who may not list the bucket is not told whether there is such an object (API_GetObject, Permissions).
            Err(error)
                if matches!(
                    error.code(),
                    Some("NoSuchKey" | "NotFound" | "404" | "AccessDenied" | "NoSuchBucket")
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let body = STANDARD.decode(body).unwrap_or_default();
        // Written in one piece; an empty one is a part of no protocol.
        if body.is_empty() {
            return Ok(None);
        }
        match Response::read(&body, &self.id) {
            Ok(response) => Ok(Some(response)),
            Err(error) => {
                // The next run asks again instead of finding it once more.
                self.forget(context, subject).await?;
                Err(error)
            }
        }
    }

    /// The answer, once it is there; `None` where it does not come in time.
    pub(super) async fn answer(
        &self,
        context: &Context,
        subject: &Subject,
        patience: Duration,
    ) -> Result<Option<Response>> {
        let start = context.clock().now();
        let mut pause = Duration::from_secs(1);
        loop {
            let asked = context.clock().now();
            if let Some(response) = self.look(context, subject).await? {
                return Ok(Some(response));
            }
            if asked.duration_since(start).unwrap_or(patience) >= patience {
                return Ok(None);
            }
            context.clock().sleep(pause).await;
            pause = pause.mul_f64(1.3).min(Duration::from_secs(10));
        }
    }

    /// Takes the answer away: it may hold secrets, and the next request of this kind has another one.
    pub(super) async fn forget(&self, context: &Context, subject: &Subject) -> Result<()> {
        forget(context, subject, &self.id).await
    }
}

async fn forget(context: &Context, subject: &Subject, id: &str) -> Result<()> {
    let input = json!({"Bucket": subject.response_bucket, "Key": key(subject, id)});
    context.write("s3", "DeleteObject", input).await.map(|_| ())
}

/// Where an answer goes.
fn key(subject: &Subject, id: &str) -> String {
    format!(
        "payctl/responses/{}/{}/{id}.json",
        subject.address.stack, subject.address.logical_id
    )
}

/// The answer to the request that made this one, where a run that died has left it.
pub(super) async fn left_by_create(
    context: &Context,
    subject: &Subject,
    id: &PhysicalId,
    desired: &Value,
) -> Result<Option<Observed>> {
    let Some(incarnation) = subject.incarnation.as_ref() else {
        return Ok(None);
    };
    let request = Request::create(subject, desired, incarnation)?;
    let response = request.look(context, subject).await?;
    Ok(response
        .filter(|response| response.failed.is_none())
        .map(|response| response.observed(id.clone(), desired)))
}

/// Takes that answer away.
pub(super) async fn forget_create(context: &Context, subject: &Subject) -> Result<()> {
    match subject.incarnation.as_ref() {
        Some(incarnation) => {
            let id = request_id(subject, &["Create", incarnation.as_str()]);
            forget(context, subject, &id).await
        }
        None => Ok(()),
    }
}

/// A UUID that says which request of which resource this is.
fn request_id(subject: &Subject, parts: &[&str]) -> String {
    let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"payctl:custom-resource");
    let mut text = format!("{}\n{}", subject.stack_id, subject.address.logical_id);
    for part in parts {
        text.push('\n');
        text.push_str(part);
    }
    Uuid::new_v5(&space, text.as_bytes()).to_string()
}

fn is_topic(token: &str) -> bool {
    token.split(':').nth(2) == Some("sns")
}

/// The name in a function's ARN.
fn function_name(token: &str) -> Option<&str> {
    let (_, name) = token.split_once(":function:")?;
    Some(name.split(':').next().unwrap_or(name))
}

/// Properties as CloudFormation passes them: every number and flag is a text, at any depth. What is only known as a hash (a secret
/// that an earlier run gave) cannot be told again.
fn properties(declared: &Value) -> Map<String, Json> {
    match texts(declared, false) {
        Json::Object(members) => members,
        _ => Map::new(),
    }
}

/// The same without secrets, to know a request by.
fn shown(declared: &Value) -> Json {
    texts(declared, true)
}

fn texts(value: &Value, hide: bool) -> Json {
    match value {
        Value::Map(map) => Json::Object(
            map.iter()
                .filter(|(_, value)| **value != Value::Null)
                .map(|(name, value)| (name.clone(), texts(value, hide)))
                .collect(),
        ),
        Value::List(items) => items.iter().map(|item| texts(item, hide)).collect(),
        Value::Secret(Secret::Plain(text)) if !hide => text.to_string().into(),
        Value::Secret(_) => "****".into(),
        other => other.to_text().map_or(Json::Null, Json::from),
    }
}

#[cfg(test)]
mod tests {
    use payctl_model::Address;

    use super::*;

    fn subject() -> Subject {
        let address = Address::new("us-east-1", "main", "Answer");
        let stack = "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1".to_owned();
        Subject::new(address, "Custom::Answer", stack, "bucket".to_owned())
    }

    #[test]
    fn a_provider_gets_texts_at_any_depth() {
        let declared = Value::from(json!({
            "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:f", "Count": 3, "Ratio": 1.5, "On": true,
            "Deep": {"List": [1, false, "x", {"N": 0}]}, "Nothing": null,
        }));
        let request = Request::create(&subject(), &declared, &Incarnation("i1".into())).unwrap();
        assert_eq!(
            request.members["ResourceProperties"],
            json!({
                "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:f", "Count": "3", "Ratio": "1.5", "On": "true",
                "Deep": {"List": ["1", "false", "x", {"N": "0"}]},
            })
        );
        assert_eq!(request.members["ResourceType"], "Custom::Answer");
        assert_eq!(request.hint(), "its log is in CloudWatch, /aws/lambda/f");
    }

    #[test]
    fn the_same_request_has_the_same_name_in_every_run() {
        let declared = Value::from(json!({"ServiceToken": "t"}));
        let create = |incarnation: &str| {
            Request::create(&subject(), &declared, &Incarnation(incarnation.into()))
                .unwrap()
                .id
        };
        assert_eq!(create("i1"), create("i1"));
        assert_ne!(create("i1"), create("i2"));
        let update = |from: Json, to: Json| {
            let (live, desired) = (Value::from(from), Value::from(to));
            let update = Update {
                desired: &desired,
                live: &live,
                changed: &[],
            };
            Request::update(&subject(), &"p".into(), &update)
                .unwrap()
                .id
        };
        let (a, b) = (
            json!({"ServiceToken": "t", "A": 1}),
            json!({"ServiceToken": "t", "A": 2}),
        );
        assert_eq!(update(a.clone(), b.clone()), update(a.clone(), b.clone()));
        assert_ne!(update(a.clone(), b.clone()), update(b, a));
    }

    #[test]
    fn without_a_provider_nobody_can_be_asked() {
        let made = Request::create(&subject(), &Value::map(), &Incarnation("i1".into()));
        assert!(made.err().unwrap().to_string().contains("ServiceToken"));
    }
}
