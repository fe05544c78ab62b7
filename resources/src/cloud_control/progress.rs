//! Requests to Cloud Control: asynchronous, told of by progress events (User Guide, "Managing resource operation requests").

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use payctl_model::{Incarnation, PhysicalId, Value};
use serde_json::{Value as Json, json};

use super::SERVICE;
use crate::context::Context;
use crate::error::{AwsError, AwsErrorKind, Error, Result};

/// How long a request is made again while something else works on the resource, or what it names has not spread yet.
pub(super) const RETRIED: Duration = Duration::from_secs(20 * 60);
/// The longest pause between two requests, or two looks at one.
pub(super) const PAUSE_MOST: Duration = Duration::from_secs(15);
/// No handler may take longer (CloudFormation CLI user guide, "Resource type schema", timeoutInMinutes: at most 2,160).
const LONGEST: Duration = Duration::from_secs(36 * 3_600);

/// The client token of one of an incarnation's create requests.
pub(super) fn token(incarnation: &Incarnation, attempt: usize) -> String {
    match attempt {
        0 => incarnation.token(""),
        again => incarnation.token(&format!("again-{again}")),
    }
}

/// A progress event.
#[derive(Clone, Debug)]
pub(super) struct Event(Json);

impl Event {
    pub(super) fn new(json: Json) -> Event {
        Event(json)
    }

    pub(super) fn into_json(self) -> Json {
        self.0
    }

    fn text(&self, member: &str) -> &str {
        self.0[member].as_str().unwrap_or_default()
    }

    pub(super) fn is_of(&self, type_name: &str) -> bool {
        self.text("TypeName") == type_name
    }

    /// The handler's error code (HandlerErrorCode).
    pub(super) fn code(&self) -> &str {
        self.text("ErrorCode")
    }

    pub(super) fn request_token(&self) -> &str {
        self.text("RequestToken")
    }

    pub(super) fn succeeded(&self) -> bool {
        self.text("OperationStatus") == "SUCCESS"
    }

    pub(super) fn is_over(&self) -> bool {
        ["SUCCESS", "FAILED", "CANCEL_COMPLETE"].contains(&self.text("OperationStatus"))
    }

    pub(super) fn identifier(&self) -> Option<PhysicalId> {
        let id = self.text("Identifier");
        (!id.is_empty()).then(|| PhysicalId::from(id))
    }

    /// The resource's model, where the event has it.
    pub(super) fn model(&self) -> Option<Value> {
        let model: Json = serde_json::from_str(self.text("ResourceModel")).ok()?;
        model.is_object().then(|| Value::from(model))
    }

    /// When the request was made.
    pub(super) fn time(&self) -> SystemTime {
        time(&self.0["EventTime"]).unwrap_or(UNIX_EPOCH)
    }

    /// A request that failed as the error that AWS would have answered at once.
    pub(super) fn error(&self, operation: &str) -> AwsError {
        let (code, message) = match self.text("OperationStatus") {
            "CANCEL_COMPLETE" => ("CANCEL_COMPLETE", "the request was cancelled"),
            _ => (self.code(), self.text("StatusMessage")),
        };
        AwsError {
            service: SERVICE.to_owned(),
            operation: operation.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: Some(self.request_token().to_owned()).filter(|token| !token.is_empty()),
            kind: AwsErrorKind::Service,
        }
    }
}

fn time(json: &Json) -> Option<SystemTime> {
    let seconds = json.as_f64().filter(|seconds| *seconds >= 0.0)?;
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}

/// Looks at a request until it is over.
pub(super) async fn follow(
    context: &Context,
    operation: &str,
    answer: Json,
) -> Result<Event, AwsError> {
    let lost = |message: String| AwsError {
        service: SERVICE.to_owned(),
        operation: operation.to_owned(),
        code: String::new(),
        message,
        request_id: None,
        kind: AwsErrorKind::Lost,
    };
    let start = context.clock().now();
    let mut event = Event(answer["ProgressEvent"].clone());
    let token = event.request_token().to_owned();
    let mut pause = Duration::from_secs(1);
    while !event.is_over() {
        if token.is_empty() {
            return Err(lost("the answer has no request token".to_owned()));
        }
        let now = context.clock().now();
        if now.duration_since(start).unwrap_or(LONGEST) >= LONGEST {
            return Err(lost(format!("the request {token} does not come to an end")));
        }
        // "When to next request the status of this resource operation request" (API reference, ProgressEvent, RetryAfter).
        let asked = time(&event.0["RetryAfter"]);
        let asked = asked.and_then(|after| after.duration_since(now).ok());
        let wait = asked.map_or(pause, |asked| asked.clamp(pause, PAUSE_MOST));
        context.clock().sleep(wait).await;
        pause = pause.mul_f64(1.5).min(PAUSE_MOST);
        let input = json!({"RequestToken": token});
        let asked = context.read(SERVICE, "GetResourceRequestStatus", input);
        event = match asked.await {
            Ok(answer) => Event(answer["ProgressEvent"].clone()),
            Err(error) => {
                // What AWS does goes on whether it can be asked or not.
                let why = error.to_string();
                return Err(lost(format!(
                    "the request {token} cannot be followed: {why}"
                )));
            }
        };
    }
    Ok(event)
}

/// Whether something else works on the resource, or AWS was asked too often: the same request may succeed later.
pub(super) fn is_busy(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        [
            "ConcurrentOperationException",
            "ConcurrentModificationException",
            "ResourceConflict",
            "ResourceConflictException",
            "Throttling",
            "ThrottlingException",
        ]
        .contains(&code)
    })
}

/// Whether a handler's refusal may mean that what it was given is not known everywhere yet: a role that its service cannot
/// assume so far, a queue that does not exist there so far. Services say it in words of their own, so only the code can be told.
pub(super) fn may_spread(error: &Error) -> bool {
    error.code().is_some_and(|code| {
        [
            "AccessDenied",
            "GeneralServiceException",
            "InvalidRequest",
            "NotFound",
            "NotStabilized",
        ]
        .contains(&code)
    }) && error.aws().is_some_and(|error| says_so(&error.message))
}

/// IAM user guide, "Troubleshooting IAM": changes are eventually consistent.
fn says_so(message: &str) -> bool {
    let message = message.to_lowercase();
    [
        "assume",
        "not authorized",
        "permission",
        "access denied",
        "does not exist",
        "not found",
        "cannot find",
        "could not find",
        "invalid principal",
        "not exist",
    ]
    .iter()
    .any(|part| message.contains(part))
}

/// Whether AWS took the request in before it failed, so that its token stands for the failure.
pub(super) fn was_carried_out(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| !code.ends_with("Exception") || code == "GeneralServiceException")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_request_is_told_with_its_token() {
        let event = Event(json!({
            "OperationStatus": "FAILED",
            "ErrorCode": "ServiceLimitExceeded",
            "StatusMessage": "too many workgroups",
            "RequestToken": "11-22",
        }));
        assert!(event.is_over() && !event.succeeded());
        assert_eq!(
            event.error("CreateResource").to_string(),
            "cloudcontrol:CreateResource ServiceLimitExceeded: too many workgroups (request 11-22)"
        );
        let cancelled = Event(json!({"OperationStatus": "CANCEL_COMPLETE"}));
        assert_eq!(cancelled.error("DeleteResource").code, "CANCEL_COMPLETE");
    }

    #[test]
    fn only_words_of_what_is_new_are_taken_for_passing() {
        let refused = |code: &str, message: &str| {
            Error::from(AwsError {
                service: SERVICE.into(),
                operation: "CreateResource".into(),
                code: code.into(),
                message: message.into(),
                request_id: None,
                kind: AwsErrorKind::Service,
            })
        };
        let role = "The role defined for the function cannot be assumed by Lambda.";
        assert!(may_spread(&refused("InvalidRequest", role)));
        assert!(!may_spread(&refused(
            "InvalidRequest",
            "Model validation failed"
        )));
        assert!(!may_spread(&refused(
            "AlreadyExists",
            "a role may assume it"
        )));
        assert!(is_busy(&refused("ConcurrentOperationException", "")));
        assert!(!was_carried_out(&refused(
            "ConcurrentOperationException",
            ""
        )));
        assert!(was_carried_out(&refused("Throttling", "")));
    }
}
