//! How a client comes by region, credentials, endpoints and connections: as every AWS tool does (aws-config).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_http_client::tls;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::service_config::ServiceConfigKey;
use payctl_api::endpoint::{self, Endpoint, EndpointError};
use payctl_api::{Operation, Service};
use payctl_model::Clock;
use tokio::sync::{OnceCell, Semaphore};

use serde_json::json;

use super::{Aws, CONCURRENT_REQUESTS, Inner};
use crate::context::Elsewhere;
use crate::error::{AwsError, AwsErrorKind};

/// Where to connect to, and as whom.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// The region; `None`: the one of the environment, the profile or the machine.
    pub region: Option<String>,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// A role to assume with what the profile gives.
    pub role: Option<String>,
    /// The endpoint of all services, before `AWS_ENDPOINT_URL` and the profile's.
    pub endpoint_url: Option<String>,
    /// The connection to use instead of HTTPS of its own: the simulated AWS. Credentials are made up then.
    pub http_client: Option<SharedHttpClient>,
    /// Whose credentials are made up; `None`: of the account that the simulated AWS takes by itself.
    pub account: Option<String>,
    /// The clock of waits and retries.
    pub clock: Clock,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            region: None,
            profile: None,
            role: None,
            endpoint_url: None,
            http_client: None,
            account: None,
            clock: Clock::real(),
        }
    }
}

/// The region that the environment, the profile or the machine names, as every AWS tool looks for it (AWS SDKs and Tools
/// reference guide, "AWS Region").
pub async fn configured_region(profile: Option<&str>) -> Option<String> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https());
    if let Some(profile) = profile {
        loader = loader.profile_name(profile);
    }
    let config = loader.load().await;
    config.region().map(|region| region.as_ref().to_owned())
}

fn https() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https()
}

/// The endpoints of services, the user's own ones before AWS's.
#[derive(Clone, Default)]
pub(super) struct Endpoints {
    explicit: Option<String>,
    config: Option<SdkConfig>,
    fips: bool,
    dual_stack: bool,
}

impl Endpoints {
    /// Where an operation's service listens in a region. The user's own endpoint (`AWS_ENDPOINT_URL_ECS`,
    /// `AWS_ENDPOINT_URL`, the profile's `endpoint_url` and services section) goes before AWS's rules (AWS SDKs and Tools
    /// reference guide, "Service-specific endpoints").
    pub(super) fn resolve(
        &self,
        service: &Service,
        operation: &Operation,
        region: &str,
    ) -> Result<Endpoint, EndpointError> {
        let configured = || own_endpoint(self.config.as_ref()?, service);
        let own = self.explicit.clone().or_else(configured);
        let options = endpoint::Options {
            fips: self.fips,
            dual_stack: self.dual_stack,
            endpoint_url: own,
            parameters: BTreeMap::new(),
        };
        endpoint::resolve_for(service, operation, region, &options)
    }
}

fn own_endpoint(config: &SdkConfig, service: &Service) -> Option<String> {
    let id = service.metadata.service_id.as_str();
    let key = ServiceConfigKey::builder()
        .service_id(id)
        .profile("endpoint_url")
        .env("AWS_ENDPOINT_URL")
        .build()
        .ok();
    let specific = key.and_then(|key| config.service_config()?.load_config(key));
    specific.or_else(|| config.endpoint_url().map(str::to_owned))
}

impl Aws {
    /// Connects: finds region and credentials. Nothing is sent yet.
    ///
    /// # Errors
    /// Where nothing names a region or gives credentials.
    pub async fn connect(options: ConnectOptions) -> Result<Aws, AwsError> {
        if let Some(http) = options.http_client {
            let named = || {
                let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"];
                let mut values = variables.iter().filter_map(|name| std::env::var(name).ok());
                values.find(|region| !region.is_empty())
            };
            let region = options.region.or_else(named).ok_or_else(no_region)?;
            // An access key of 12 digits names the account.
            let key = options.account.as_deref().unwrap_or("SIMULATED");
            let made_up = Credentials::new(key, "simulated", None, None, "simulated AWS");
            let endpoints = Endpoints {
                explicit: options.endpoint_url,
                ..Endpoints::default()
            };
            let credentials = SharedCredentialsProvider::new(made_up);
            return Ok(Aws::assemble(
                region,
                options.clock,
                http,
                credentials,
                endpoints,
            ));
        }
        let http = https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
        if let Some(url) = &options.endpoint_url {
            // The calls that fetch credentials go there too.
            loader = loader.endpoint_url(url);
        }
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        let region = config.region().ok_or_else(no_region)?.as_ref().to_owned();
        let own = config.credentials_provider().ok_or_else(|| {
            let kind = AwsErrorKind::Credentials;
            unable("NoCredentials", NO_CREDENTIALS, kind)
        })?;
        let credentials = match &options.role {
            None => own,
            Some(role) => {
                let provider = aws_config::sts::AssumeRoleProvider::builder(role)
                    .session_name("payctl")
                    .configure(&config);
                SharedCredentialsProvider::new(provider.build_from_provider(own).await)
            }
        };
        let endpoints = Endpoints {
            explicit: options.endpoint_url,
            fips: config.use_fips().unwrap_or_default(),
            dual_stack: config.use_dual_stack().unwrap_or_default(),
            config: Some(config),
        };
        Ok(Aws::assemble(
            region,
            options.clock,
            http,
            credentials,
            endpoints,
        ))
    }

    /// The same connections in another region, or as a role that these credentials may assume.
    pub(super) async fn moved(&self, place: &Elsewhere) -> Result<Aws, AwsError> {
        let in_region = |region: &Option<String>| match region {
            Some(region) => self.with(region.clone(), self.0.credentials.clone()),
            None => self.clone(),
        };
        let Some(role) = &place.role else {
            return Ok(in_region(&place.region));
        };
        let input = json!({"RoleArn": role, "RoleSessionName": "payctl"});
        let answer = in_region(&place.role_region)
            .call("sts", "AssumeRole", input)
            .await?;
        let text = |name: &str| answer["Credentials"][name].as_str().map(str::to_owned);
        let (Some(key), Some(secret)) = (text("AccessKeyId"), text("SecretAccessKey")) else {
            let message = "the answer has no credentials";
            return Err(unable("Answer", message, AwsErrorKind::Codec));
        };
        // Sessions last for an hour at least, and this one is used for one call.
        let session = Credentials::new(key, secret, text("SessionToken"), None, "assumed role");
        let region = place.region.clone().unwrap_or(self.0.region.clone());
        Ok(self.with(region, SharedCredentialsProvider::new(session)))
    }

    fn with(&self, region: String, credentials: SharedCredentialsProvider) -> Aws {
        let mut moved = Aws::assemble(
            region,
            self.0.clock.clone(),
            self.0.http.clone(),
            credentials,
            self.0.endpoints.clone(),
        );
        // Nobody else has it yet.
        if let Some(inner) = Arc::get_mut(&mut moved.0) {
            inner.calls = Arc::clone(&self.0.calls);
        }
        moved
    }

    pub(super) fn assemble(
        region: String,
        clock: Clock,
        http: SharedHttpClient,
        credentials: SharedCredentialsProvider,
        endpoints: Endpoints,
    ) -> Aws {
        Aws(Arc::new(Inner {
            region,
            clock,
            http,
            credentials,
            identities: IdentityCache::lazy().build(),
            endpoints,
            account: OnceCell::new(),
            calls: Arc::default(),
            operations: Mutex::default(),
            permits: Semaphore::new(CONCURRENT_REQUESTS),
            lanes: Mutex::default(),
        }))
    }
}

/// What to do where there are no credentials.
pub(super) const NO_CREDENTIALS: &str = "no AWS credentials could be had: name a profile (AWS_PROFILE), sign in \
    with `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

fn no_region() -> AwsError {
    let message = "no AWS region is known: give --region, `region` to the stack in payctl.toml, AWS_REGION, or a region to \
        the profile";
    unable("NoRegion", message, AwsErrorKind::NotSent)
}

fn unable(code: &str, message: &str, kind: AwsErrorKind) -> AwsError {
    AwsError {
        service: "sts".to_owned(),
        operation: "GetCallerIdentity".to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        request_id: None,
        kind,
    }
}

/// Whether an error came about because there are no credentials.
pub(super) fn is_about_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<CredentialsError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
