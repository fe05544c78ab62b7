//! Which failed requests are sent again, and what a failure means for what comes next.

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::retry::ErrorKind;
use payctl_api::{Operation, Service};
use serde_json::Value as Json;

use crate::error::{AwsError, AwsErrorKind};

/// AWS's codes for being asked too often (the SDKs' retry behaviour, "Standard mode"): nothing was done.
const THROTTLING: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottledException",
    "RequestThrottled",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "ProvisionedThroughputExceededException",
    "TransactionInProgressException",
    "BandwidthLimitExceeded",
    "LimitExceededException.Throttling",
    "PriorRequestNotComplete",
    "SlowDown",
    "EC2ThrottledException",
];

/// Codes of requests that AWS took for signed too early or too late, or whose credentials it does not know yet.
const CREDENTIALS: &[&str] = &[
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Whether a request may be sent again although the first one may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resend {
    /// A second time does no harm: it reads, it sets, it deletes, or it carries a token.
    Always,
    /// It would make a second one: only where AWS surely did nothing. What is in doubt then is settled by `find`.
    WhenRefused,
}

impl Resend {
    /// Of one call: by its name, and by whether it carries an idempotency token.
    pub(super) fn of(service: &Service, operation: &Operation, input: &Json) -> Resend {
        const MAKES: &[&str] = &[
            "Create",
            "Allocate",
            "Register",
            "Run",
            "Start",
            "Associate",
            "Attach",
            "Authorize",
            "Add",
        ];
        const SETS: &[&str] = &["CreateTags", "AddTagsToResource", "AddTags"];
        let name = operation.name.as_str();
        if SETS.contains(&name) || !MAKES.iter().any(|prefix| name.starts_with(prefix)) {
            return Resend::Always;
        }
        let Some(shape) = service.input(operation) else {
            return Resend::WhenRefused;
        };
        let mut tokens = shape
            .members
            .iter()
            .filter(|member| member.idempotency_token);
        if tokens.any(|member| input.get(&member.name).is_some()) {
            Resend::Always
        } else {
            Resend::WhenRefused
        }
    }
}

/// What an error answer means.
pub(super) fn kind_of(code: &str, status: u16) -> AwsErrorKind {
    if CREDENTIALS.contains(&code) {
        AwsErrorKind::Credentials
    } else if status >= 500 && !THROTTLING.contains(&code) {
        AwsErrorKind::Lost
    } else {
        AwsErrorKind::Service
    }
}

/// Classifies the SDK runtime's errors for its standard retry strategy.
#[derive(Debug)]
pub(super) struct Retry {
    resend: Resend,
}

impl Retry {
    pub(super) fn new(resend: Resend) -> Retry {
        Retry { resend }
    }

    fn transient(&self) -> RetryAction {
        match self.resend {
            Resend::Always => RetryAction::transient_error(),
            Resend::WhenRefused => RetryAction::RetryForbidden,
        }
    }
}

impl ClassifyRetry for Retry {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        if let Some(refused) = error.as_operation_error() {
            let Some(answer) = refused.downcast_ref::<AwsError>() else {
                return RetryAction::NoActionIndicated;
            };
            return if THROTTLING.contains(&answer.code.as_str()) {
                RetryAction::retryable_error(ErrorKind::ThrottlingError)
            } else if answer.kind == AwsErrorKind::Lost {
                self.transient()
            } else {
                RetryAction::RetryForbidden
            };
        }
        let broken = error
            .as_connector_error()
            .is_some_and(|connector| connector.is_io() || connector.is_timeout());
        if broken || error.is_timeout_error() || error.is_response_error() {
            self.transient()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "payctl: never makes a second one"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resend(service: &str, operation: &str, input: Json) -> Resend {
        let service = payctl_api::service(service).unwrap();
        Resend::of(service, service.operation(operation).unwrap(), &input)
    }

    #[test]
    fn only_what_cannot_make_a_second_one_is_sent_again() {
        assert_eq!(resend("ec2", "DescribeVpcs", json!({})), Resend::Always);
        assert_eq!(resend("ec2", "CreateVpc", json!({})), Resend::WhenRefused);
        assert_eq!(resend("ec2", "CreateTags", json!({})), Resend::Always);
        assert_eq!(
            resend("ec2", "CreateNatGateway", json!({"ClientToken": "t"})),
            Resend::Always
        );
        assert_eq!(
            resend("ec2", "CreateNatGateway", json!({})),
            Resend::WhenRefused
        );
        assert_eq!(resend("rds", "DeleteDBCluster", json!({})), Resend::Always);
    }

    #[test]
    fn a_server_error_leaves_doubt_and_a_refusal_does_not() {
        assert_eq!(kind_of("InternalError", 500), AwsErrorKind::Lost);
        assert_eq!(kind_of("SlowDown", 503), AwsErrorKind::Service);
        assert_eq!(kind_of("InvalidParameterValue", 400), AwsErrorKind::Service);
        assert_eq!(kind_of("ExpiredToken", 403), AwsErrorKind::Credentials);
    }
}
