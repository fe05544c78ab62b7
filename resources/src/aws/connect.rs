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
use payctl_api::Service;
use payctl_api::endpoint::{self, Endpoint, EndpointError};
use payctl_model::Clock;
use tokio::sync::{OnceCell, Semaphore};

use super::{Aws, CONCURRENT_REQUESTS, Inner};
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
    /// The connection to use instead of HTTPS of its own: the simulated AWS. Credentials are made up then.
    pub http_client: Option<SharedHttpClient>,
    /// The clock of waits and retries.
    pub clock: Clock,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            region: None,
            profile: None,
            role: None,
            http_client: None,
            clock: Clock::real(),
        }
    }
}

/// The endpoints of services, the user's own ones before AWS's.
pub(super) struct Endpoints {
    config: Option<SdkConfig>,
    fips: bool,
    dual_stack: bool,
}

impl Endpoints {
    /// Where a service listens in a region. The user's own endpoint (`AWS_ENDPOINT_URL_ECS`, `AWS_ENDPOINT_URL`, the
    /// profile's `endpoint_url` and services section) goes before AWS's rules.
    pub(super) fn resolve(
        &self,
        service: &Service,
        region: &str,
    ) -> Result<Endpoint, EndpointError> {
        let own = self
            .config
            .as_ref()
            .and_then(|config| own_endpoint(config, service));
        let options = endpoint::Options {
            fips: self.fips,
            dual_stack: self.dual_stack,
            endpoint_url: own,
            parameters: BTreeMap::new(),
        };
        endpoint::resolve(service, region, &options)
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
    /// Where there is no region.
    pub async fn connect(options: ConnectOptions) -> Result<Aws, AwsError> {
        if let Some(http) = options.http_client {
            let region = options.region.unwrap_or_else(|| "us-east-1".to_owned());
            let made_up = Credentials::new("SIMULATED", "simulated", None, None, "simulated AWS");
            let endpoints = Endpoints {
                config: None,
                fips: false,
                dual_stack: false,
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
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .build_https();
        let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http.clone());
        if let Some(profile) = &options.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = &options.region {
            loader = loader.region(Region::new(region.clone()));
        }
        let config = loader.load().await;
        let none = |code: &str, message: &str, kind| AwsError {
            service: "sts".to_owned(),
            operation: "GetCallerIdentity".to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: None,
            kind,
        };
        let Some(region) = config.region().map(|region| region.as_ref().to_owned()) else {
            let message =
                "no region is configured (AWS_REGION, the profile, --region, payctl.toml)";
            return Err(none("NoRegion", message, AwsErrorKind::NotSent));
        };
        let Some(own) = config.credentials_provider() else {
            return Err(none(
                "NoCredentials",
                "no credentials provider is configured",
                AwsErrorKind::Credentials,
            ));
        };
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

    fn assemble(
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
        }))
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
