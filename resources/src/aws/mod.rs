//! The AWS client: any operation of any service, driven by AWS's API models, on the AWS SDK's own runtime
//! (docs/decisions/0001).
//!
//! The runtime resolves credentials, signs, sends, times out and retries; `payctl-api` writes requests and reads answers.

mod connect;
mod in_process;
mod pace;
mod pages;
mod presign;
mod retry;
mod upload;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::auth::{SigV4OperationSigningConfig, SigningOptions};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::identity::{SharedIdentityCache, SharedIdentityResolver};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use payctl_api::codec::{decode_response, encode_request};
use payctl_api::{Operation as Shape, Service};
use payctl_model::Clock;
use serde_json::{Value as Json, json};
use tokio::sync::{OnceCell, Semaphore};

use crate::context::{Caller, Elsewhere, Place};
use crate::error::{AwsError, AwsErrorKind as ErrorKind};
pub use connect::{ConnectOptions, configured_region};
pub use in_process::in_process;
use pace::Lane;
use retry::{Refusal, Resend, Retry};

/// How many requests may be under way at once in one region.
const CONCURRENT_REQUESTS: usize = 32;
/// How often a request is tried in all before payctl gives up.
const ATTEMPTS: u32 = 8;

/// Bytes a second below which an upload is given up.
const SLOWEST_UPLOAD: u64 = 64 * 1024;

/// How payctl names itself to AWS.
const USER_AGENT: &str = concat!("payctl/", env!("CARGO_PKG_VERSION"));

type Call = Operation<Json, Json, Refusal>;

/// One account and region. Cheap to clone; clones share credentials, connections and counts.
#[derive(Clone)]
pub struct Aws(Arc<Inner>);

struct Inner {
    region: String,
    clock: Clock,
    http: SharedHttpClient,
    credentials: SharedCredentialsProvider,
    identities: SharedIdentityCache,
    endpoints: connect::Endpoints,
    account: OnceCell<String>,
    calls: Arc<Mutex<BTreeMap<String, u64>>>,
    operations: Mutex<HashMap<(String, String), Arc<Call>>>,
    permits: Semaphore,
    lanes: Mutex<HashMap<String, Arc<Lane>>>,
}

/// The SDK's sleeps on payctl's clock.
#[derive(Debug)]
struct ClockSleep(Clock);

impl AsyncSleep for ClockSleep {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(self.0.sleep(duration))
    }
}

impl Aws {
    /// The region.
    pub fn region(&self) -> &str {
        &self.0.region
    }

    /// The partition of the region: `aws`, `aws-cn`, `aws-us-gov`.
    pub fn partition(&self) -> &'static str {
        match &self.0.region {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// The clock of waits and retries.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// How often each operation was called, by `ec2:DescribeVpcs`; retries do not count.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.0
            .calls
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// The account that the credentials belong to; asked for once.
    ///
    /// # Errors
    /// Where there are no credentials or AWS does not accept them.
    pub async fn account(&self) -> Result<&str, AwsError> {
        let ask = || async {
            let answer = self.call("sts", "GetCallerIdentity", json!({})).await?;
            let account = answer["Account"].as_str().map(str::to_owned);
            account.ok_or_else(|| {
                self.error(
                    "sts",
                    "GetCallerIdentity",
                    "Answer",
                    "the answer names no account",
                    ErrorKind::Codec,
                )
            })
        };
        Ok(self.0.account.get_or_try_init(ask).await?)
    }

    /// The account, where it was asked for already.
    pub fn known_account(&self) -> Option<&str> {
        self.0.account.get().map(String::as_str)
    }

    /// Calls one operation: the input under the API's member names, the answer likewise.
    ///
    /// # Errors
    /// What AWS answered after all retries, or why it was not reached.
    pub async fn call(
        &self,
        service: &str,
        operation: &str,
        input: Json,
    ) -> Result<Json, AwsError> {
        let lane = self.lane(service);
        let call = self.operation(service, operation, &input, &lane)?;
        self.invoke(service, operation, &call, input, &lane).await
    }

    /// Makes one call, when it is its turn.
    async fn invoke(
        &self,
        service: &str,
        operation: &str,
        call: &Call,
        input: Json,
        lane: &Arc<Lane>,
    ) -> Result<Json, AwsError> {
        let _slot = lane.enter().await;
        // The semaphore is never closed.
        let _permit = self.0.permits.acquire().await;
        {
            let mut calls = self
                .0
                .calls
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            *calls.entry(format!("{service}:{operation}")).or_default() += 1;
        }
        let answer = call.invoke(input).await;
        if answer.is_ok() {
            lane.answered();
        }
        answer.map_err(|error| self.describe(service, operation, error))
    }

    fn error(
        &self,
        service: &str,
        operation: &str,
        code: &str,
        message: impl ToString,
        kind: ErrorKind,
    ) -> AwsError {
        AwsError {
            service: service.to_owned(),
            operation: operation.to_owned(),
            code: code.to_owned(),
            message: message.to_string(),
            request_id: None,
            kind,
        }
    }

    fn lane(&self, service: &str) -> Arc<Lane> {
        let mut lanes = self
            .0
            .lanes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let lane = || Arc::new(Lane::new(CONCURRENT_REQUESTS));
        lanes.entry(service.to_owned()).or_insert_with(lane).clone()
    }

    fn operation(
        &self,
        service: &str,
        operation: &str,
        input: &Json,
        lane: &Arc<Lane>,
    ) -> Result<Arc<Call>, AwsError> {
        let wrong = |message: &str| {
            self.error(
                service,
                operation,
                "UnknownOperation",
                message,
                ErrorKind::Codec,
            )
        };
        let model = payctl_api::service(service)
            .ok_or_else(|| wrong("payctl has no model of this service"))?;
        let shape = model
            .operation(operation)
            .ok_or_else(|| wrong("the service's model has no such operation"))?;
        let resend = Resend::of(shape, input);
        // A label may be filled in from the input.
        let prefix = match shape.host_prefix() {
            None => None,
            Some(_) => {
                encode_request(model, shape, input)
                    .map_err(|error| {
                        self.error(service, operation, "Request", error, ErrorKind::Codec)
                    })?
                    .host_prefix
            }
        };
        let key = (
            service.to_owned(),
            format!("{operation}/{resend:?}/{prefix:?}"),
        );
        let mut operations = self
            .0
            .operations
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(call) = operations.get(&key) {
            return Ok(call.clone());
        }
        let call = Arc::new(self.assemble_call(model, shape, prefix, resend, lane, None)?);
        operations.insert(key, call.clone());
        Ok(call)
    }

    /// Puts one operation together; with `payload`, that is the body of its requests.
    fn assemble_call(
        &self,
        model: &'static Service,
        shape: &'static Shape,
        prefix: Option<String>,
        resend: Resend,
        lane: &Arc<Lane>,
        payload: Option<upload::Payload>,
    ) -> Result<Call, AwsError> {
        let (service, operation) = (model.name.as_str(), shape.name.as_str());
        let endpoint = self
            .0
            .endpoints
            .resolve(model, shape, &self.0.region)
            .map_err(|error| {
                self.error(service, operation, "Endpoint", error, ErrorKind::NotSent)
            })?;

        let mut layer = Layer::new("signing");
        let mut signing = SigningOptions::default();
        signing.double_uri_encode = !endpoint.disable_double_encoding;
        signing.content_sha256_header = service == "s3";
        signing.normalize_uri_path = service != "s3";
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        // The SDK's quota of retries is for servers that must go on failing fast; a run of payctl has to end. Its attempts
        // and its lane bound what it asks.
        layer.store_put(
            RetryPartition::custom("payctl")
                .token_bucket(TokenBucket::unlimited())
                .build(),
        );
        layer.store_put(SigV4OperationSigningConfig {
            region: Some(SigningRegion::from(Region::new(
                endpoint.signing_region.clone(),
            ))),
            name: Some(SigningName::from(endpoint.signing_name.clone())),
            signing_options: signing,
            ..SigV4OperationSigningConfig::default()
        });
        let auth = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        let components = RuntimeComponentsBuilder::new("credentials")
            .with_auth_scheme(SharedAuthScheme::new(SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(auth)))
            .with_identity_cache(Some(self.0.identities.clone()))
            .with_identity_resolver(
                SCHEME_ID,
                SharedIdentityResolver::new(self.0.credentials.clone()),
            );
        let plugin = StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(components);

        let base = with_prefix(endpoint.url.trim_end_matches('/'), prefix.as_deref());
        let extra_headers = endpoint.headers;
        let sdk_retries = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS)
            .with_max_backoff(Duration::from_secs(20));
        let (named, called) = (service.to_owned(), operation.to_owned());
        let call = Operation::builder()
            .service_name(service.to_owned())
            .operation_name(operation.to_owned())
            .http_client(self.0.http.clone())
            .endpoint_url(&base)
            .runtime_plugin(plugin)
            .standard_retry(&sdk_retries)
            .retry_classifier(Retry::new(resend, lane.clone()))
            .sleep_impl(ClockSleep(self.0.clock.clone()))
            .time_source(aws_smithy_async::time::SystemTimeSource::new())
            .timeout_config(self.timeouts(payload.as_ref().map_or(0, |payload| payload.length)))
            .with_connection_poisoning()
            .serializer(move |input: Json| {
                let encoded = encode_request(model, shape, &input)?;
                let mut request = http::Request::builder()
                    .method(encoded.method)
                    .uri(encoded.uri);
                for (name, value) in &encoded.headers {
                    request = request.header(name, value);
                }
                for (name, value) in &extra_headers {
                    request = request.header(name, value);
                }
                request = request.header(http::header::USER_AGENT, USER_AGENT);
                let (length, body) = match &payload {
                    Some(payload) => (payload.length, payload.body()?),
                    None => (encoded.body.len() as u64, SdkBody::from(encoded.body)),
                };
                if length > 0 || payload.is_some() {
                    request = request.header(http::header::CONTENT_LENGTH, length);
                }
                Ok(HttpRequest::try_from(request.body(body)?)?)
            })
            .deserializer(move |response: &HttpResponse| {
                let status = response.status().as_u16();
                let mut headers = http::HeaderMap::new();
                for (name, value) in response.headers() {
                    if let (Ok(name), Ok(value)) = (
                        http::HeaderName::try_from(name),
                        http::HeaderValue::from_str(value),
                    ) {
                        headers.append(name, value);
                    }
                }
                let body = response.body().bytes().unwrap_or_default();
                decode_response(model, shape, status, &headers, body).map_err(|answer| {
                    let kind = retry::kind_of(&answer.code, answer.status);
                    let status = answer.status;
                    let error = AwsError {
                        service: named.clone(),
                        operation: called.clone(),
                        code: answer.code,
                        message: answer.message,
                        request_id: answer.request_id,
                        kind,
                    };
                    OrchestratorError::operation(Refusal { error, status })
                })
            })
            .build();
        Ok(call)
    }

    /// On a clock that runs faster than the wall's, the other end is in this process: there is nothing to time out.
    fn timeouts(&self, length: u64) -> TimeoutConfig {
        if self.0.clock.speed() != 1.0 {
            return TimeoutConfig::disabled();
        }
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            // What is long takes long; slower than this nobody waits for.
            .operation_attempt_timeout(Duration::from_secs(60 + length / SLOWEST_UPLOAD))
            .build()
    }

    /// The SDK's error in payctl's terms.
    fn describe(
        &self,
        service: &str,
        operation: &str,
        error: SdkError<Refusal, HttpResponse>,
    ) -> AwsError {
        let ours = |code: &str, kind: ErrorKind, cause: &dyn std::error::Error| {
            let causes = std::iter::successors(Some(cause), |error| error.source());
            let mut texts: Vec<String> = causes.map(ToString::to_string).collect();
            texts.dedup();
            self.error(service, operation, code, texts.join(": "), kind)
        };
        if connect::is_about_credentials(&error) {
            let mut error = ours("NoCredentials", ErrorKind::Credentials, &error);
            error.message = format!("{} ({})", connect::NO_CREDENTIALS, error.message);
            return error;
        }
        match &error {
            SdkError::ServiceError(refused) => refused.err().error.clone(),
            SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                Some(connector) if connector.is_user() => {
                    ours("Request", ErrorKind::NotSent, connector)
                }
                Some(connector) if retry::not_sent(connector) => {
                    ours("Unreachable", ErrorKind::NotSent, connector)
                }
                Some(connector) => ours("Network", ErrorKind::Lost, connector),
                None => ours("Network", ErrorKind::Lost, &error),
            },
            SdkError::TimeoutError(_) => ours("Timeout", ErrorKind::Lost, &error),
            SdkError::ResponseError(_) => ours("Answer", ErrorKind::Lost, &error),
            // Built wrongly, or not signed: it was not sent.
            _ => ours("Request", ErrorKind::NotSent, &error),
        }
    }
}

#[async_trait]
impl Caller for Aws {
    async fn call(&self, service: &str, operation: &str, input: Json) -> Result<Json, AwsError> {
        Aws::call(self, service, operation, input).await
    }

    async fn place(&self) -> Result<Place, AwsError> {
        Ok(Place {
            partition: self.partition().to_owned(),
            region: self.region().to_owned(),
            account: self.account().await?.to_owned(),
        })
    }

    async fn elsewhere(&self, place: &Elsewhere) -> Result<Arc<dyn Caller>, AwsError> {
        Ok(Arc::new(self.moved(place).await?))
    }

    async fn presigned(
        &self,
        service: &str,
        operation: &str,
        input: Json,
        lifetime: Duration,
    ) -> Result<String, AwsError> {
        self.presign(service, operation, &input, lifetime).await
    }
}

/// An operation's own label before the endpoint's host. Where payctl is told to go to an address of this machine there are
/// no names below it.
fn with_prefix(url: &str, prefix: Option<&str>) -> String {
    match (prefix, url.split_once("://")) {
        (Some(prefix), Some((scheme, host))) if !is_local(host) => {
            format!("{scheme}://{prefix}{host}")
        }
        _ => url.to_owned(),
    }
}

fn is_local(host: &str) -> bool {
    let host = host.split('/').next().unwrap_or(host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests;
