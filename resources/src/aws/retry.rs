//! Which failed requests are sent again, and what a failure means for what comes next.

use std::io::ErrorKind as ErrorKindOfIo;
use std::sync::Arc;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_types::retry::ErrorKind;
use payctl_api::Operation;
use serde_json::Value as Json;

use super::pace::Lane;
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
    "RequestRateLimitExceeded",
    "ThrottlingError",
    "TooManyRequests",
];

/// Codes of requests that did not reach AWS whole.
const CUT_OFF: &[&str] = &["RequestTimeout", "RequestTimeoutException"];

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

/// Verbs of operations that only read.
const READS: &[&str] = &[
    "Describe",
    "List",
    "Get",
    "BatchGet",
    "BatchDescribe",
    "BatchCheck",
    "Head",
    "Search",
    "Lookup",
    "Query",
    "Scan",
    "Filter",
    "Check",
    "Validate",
    "Simulate",
    "Decode",
];
/// Verbs of operations that take away: a second time there is nothing left to take.
const TAKES_AWAY: &[&str] = &[
    "Delete",
    "BatchDelete",
    "Remove",
    "Detach",
    "Disassociate",
    "Deregister",
    "Revoke",
    "Release",
    "Terminate",
    "Unassign",
    "Unsubscribe",
    "ScheduleKeyDeletion",
];
/// Verbs of operations that make something: where AWS's models call them idempotent, they count on a token.
const MAKES: &[&str] = &[
    "Create", "Allocate", "Copy", "Import", "Register", "Request", "Restore", "Run", "Start",
];
/// Verbs of operations that say how something shall be: a second time it is so already.
const SETS: &[&str] = &[
    "Modify",
    "Update",
    "Put",
    "Set",
    "Reset",
    "Tag",
    "Untag",
    "Enable",
    "Disable",
    "AddTags",
    "CreateTags",
    "CreateOrUpdateTags",
    "ChangeTagsForResource",
    "RegisterTargets",
    "RegisterScalableTarget",
    "AttachRolePolicy",
    "AttachUserPolicy",
    "AttachGroupPolicy",
];
/// Operations that are called as if they set, but add something each time, or refuse the second time what they made the
/// first time.
const ADDS: &[&str] = &[
    "PutEvents",
    "PutPartnerEvents",
    "PutImage",
    "PutItem",
    "PutLogEvents",
    "PutMetricData",
    "PutObject",
    "PutParameter",
    "PutRecord",
    "PutRecordBatch",
    "PutRecords",
    "PutSecretValue",
    "UpdateItem",
    "UpdateSecret",
];

/// Whether a request may be sent again although the first one may have been carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resend {
    /// A second time does no harm: it reads, it sets, or it takes away.
    Always,
    /// It may make a second one: only where AWS surely did nothing. What is in doubt then is settled by `find`.
    WhenRefused,
}

impl Resend {
    /// Of one call. What is not known to be harmless is not sent again.
    ///
    /// A create's idempotency token is no reason: how long it is heeded, and whether at all, differs by service, while a
    /// search for the incarnation is sure. Whoever creates searches first, and creates again with the same token.
    pub(super) fn of(operation: &Operation, input: &Json) -> Resend {
        let name = operation.name.as_str();
        let begins = |verbs: &[&str]| verbs.iter().any(|verb| begins_with(name, verb));
        let sets = begins(SETS) && !ADDS.contains(&name);
        let harmless = operation.readonly
            || (operation.idempotent && !begins(MAKES))
            || begins(READS)
            || begins(TAKES_AWAY)
            || sets
            || overwrites(name, input);
        if harmless {
            Resend::Always
        } else {
            Resend::WhenRefused
        }
    }
}

/// Whether a name begins with these words: `Set` begins `SetSubnets`, not `SetupThis`.
fn begins_with(name: &str, verb: &str) -> bool {
    name.strip_prefix(verb)
        .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_lowercase()))
}

/// Operations that set only where their input says so.
fn overwrites(name: &str, input: &Json) -> bool {
    match name {
        "PutParameter" => input["Overwrite"] == Json::Bool(true),
        // CREATE and DELETE are refused the second time (Route 53 API reference, "Change").
        "ChangeResourceRecordSets" => {
            let changes = input["ChangeBatch"]["Changes"].as_array();
            changes.is_some_and(|changes| changes.iter().all(|one| one["Action"] == "UPSERT"))
        }
        _ => false,
    }
}

/// What an error answer means.
pub(super) fn kind_of(code: &str, status: u16) -> AwsErrorKind {
    if CREDENTIALS.contains(&code) {
        AwsErrorKind::Credentials
    } else if is_throttling(code, status) || (300..500).contains(&status) {
        AwsErrorKind::Service
    } else {
        // An error of AWS's making says nothing of what was done, and a success that cannot be read was one.
        AwsErrorKind::Lost
    }
}

fn is_throttling(code: &str, status: u16) -> bool {
    status == 429 || THROTTLING.contains(&code)
}

/// Whether the request never left.
pub(super) fn not_sent(error: &ConnectorError) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source()).any(|error| {
        let io = error.downcast_ref::<std::io::Error>();
        let unreachable = io.is_some_and(|io| {
            matches!(
                io.kind(),
                ErrorKindOfIo::ConnectionRefused
                    | ErrorKindOfIo::HostUnreachable
                    | ErrorKindOfIo::NetworkUnreachable
                    | ErrorKindOfIo::AddrNotAvailable
            )
        });
        // The HTTP client's own types for these are private; these are their texts: hyper-util's for a connection that was
        // never made (whatever the reason: name, network, TLS), and the SDK's for one that took too long.
        let text = error.to_string();
        unreachable
            || text.starts_with("client error (Connect)")
            || text.starts_with("dns error")
            || text.starts_with("HTTP connect timeout")
    })
}

/// The answer in the SDK's terms: the error and the status that came with it.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What payctl makes of it.
    pub(super) error: AwsError,
    /// HTTP's status.
    pub(super) status: u16,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refusal {}

/// Classifies the SDK runtime's errors for its standard retry strategy.
#[derive(Debug)]
pub(super) struct Retry {
    resend: Resend,
    lane: Arc<Lane>,
}

impl Retry {
    pub(super) fn new(resend: Resend, lane: Arc<Lane>) -> Retry {
        Retry { resend, lane }
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
            let Some(answer) = refused.downcast_ref::<Refusal>() else {
                return RetryAction::RetryForbidden;
            };
            let code = answer.error.code.as_str();
            return if is_throttling(code, answer.status) {
                self.lane.throttled();
                RetryAction::retryable_error(ErrorKind::ThrottlingError)
            } else if answer.status >= 500 || CUT_OFF.contains(&code) {
                self.transient()
            } else {
                RetryAction::RetryForbidden
            };
        }
        if let Some(connector) = error.as_connector_error() {
            return if not_sent(connector) {
                RetryAction::transient_error()
            } else if connector.is_user() {
                RetryAction::RetryForbidden
            } else {
                self.transient()
            };
        }
        if error.is_timeout_error() || error.is_response_error() {
            self.transient()
        } else {
            RetryAction::RetryForbidden
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
        Resend::of(service.operation(operation).unwrap(), &input)
    }

    #[test]
    fn only_what_cannot_make_a_second_one_is_sent_again() {
        let token = json!({"ClientToken": "t"});
        let overwrite = json!({"Overwrite": true});
        let change = |action: &str| json!({"ChangeBatch": {"Changes": [{"Action": action}]}});
        for (service, operation, input) in [
            ("ec2", "DescribeVpcs", json!({})),
            ("ec2", "CreateTags", json!({})),
            ("rds", "DeleteDBCluster", json!({})),
            ("ec2", "DetachInternetGateway", json!({})),
            ("ecs", "UpdateService", json!({})),
            ("elbv2", "SetSubnets", json!({})),
            ("elbv2", "RegisterTargets", json!({})),
            ("iam", "PutRolePolicy", json!({})),
            ("ssm", "PutParameter", overwrite),
            ("route53", "ChangeResourceRecordSets", change("UPSERT")),
        ] {
            assert_eq!(
                resend(service, operation, input),
                Resend::Always,
                "{operation}"
            );
        }
        for (service, operation, input) in [
            ("ec2", "CreateVpc", json!({})),
            ("ec2", "CreateNatGateway", json!({})),
            ("ec2", "CreateNatGateway", token.clone()),
            ("ec2", "CreateRouteTable", token),
            ("ecs", "CreateCapacityProvider", json!({})),
            ("ec2", "AllocateAddress", json!({})),
            ("ec2", "CopySnapshot", json!({})),
            ("ec2", "ReplaceRouteTableAssociation", json!({})),
            ("ecs", "RegisterTaskDefinition", json!({})),
            ("acm", "RequestCertificate", json!({})),
            ("rds", "RestoreDBClusterFromSnapshot", json!({})),
            ("sns", "Publish", json!({})),
            ("kms", "ReplicateKey", json!({})),
            ("ssm", "PutParameter", json!({})),
            ("route53", "ChangeResourceRecordSets", change("CREATE")),
        ] {
            assert_eq!(
                resend(service, operation, input),
                Resend::WhenRefused,
                "{operation}"
            );
        }
    }

    #[test]
    fn a_server_error_leaves_doubt_and_a_refusal_does_not() {
        assert_eq!(kind_of("InternalError", 500), AwsErrorKind::Lost);
        assert_eq!(kind_of("", 200), AwsErrorKind::Lost);
        assert_eq!(kind_of("Whatever", 429), AwsErrorKind::Service);
        assert_eq!(kind_of("SlowDown", 503), AwsErrorKind::Service);
        assert_eq!(kind_of("InvalidParameterValue", 400), AwsErrorKind::Service);
        assert_eq!(kind_of("ExpiredToken", 403), AwsErrorKind::Credentials);
    }
}
