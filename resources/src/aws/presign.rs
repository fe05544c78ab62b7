//! URLs that are signed beforehand: whoever has one can make one call.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use payctl_api::codec::encode_request;
use serde_json::Value as Json;

use super::{Aws, with_prefix};
use crate::error::{AwsError, AwsErrorKind as ErrorKind};

impl Aws {
    /// The URL of one call, signed for whatever body (`UNSIGNED-PAYLOAD`: Amazon S3 API Reference, "Authenticating Requests: Using
    /// Query Parameters").
    ///
    /// # Errors
    /// Where the request cannot be written, or there are no credentials.
    pub async fn presign(
        &self,
        service: &str,
        operation: &str,
        input: &Json,
        lifetime: Duration,
    ) -> Result<String, AwsError> {
        let wrong = |what: String, kind| self.error(service, operation, "Presign", what, kind);
        let model = payctl_api::service(service).ok_or_else(|| {
            wrong(
                "payctl has no model of this service".to_owned(),
                ErrorKind::Codec,
            )
        })?;
        let shape = model.operation(operation).ok_or_else(|| {
            wrong(
                "the service's model has no such operation".to_owned(),
                ErrorKind::Codec,
            )
        })?;
        let encoded = encode_request(model, shape, input)
            .map_err(|error| wrong(error.to_string(), ErrorKind::Codec))?;
        let endpoint = self
            .0
            .endpoints
            .resolve(model, shape, &self.0.region)
            .map_err(|error| wrong(error.to_string(), ErrorKind::NotSent))?;
        let base = with_prefix(
            endpoint.url.trim_end_matches('/'),
            encoded.host_prefix.as_deref(),
        );
        let url = format!("{base}{}", encoded.uri);
        let credentials = self
            .0
            .credentials
            .provide_credentials()
            .await
            .map_err(|error| wrong(error.to_string(), ErrorKind::Credentials))?;
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(lifetime);
        settings.percent_encoding_mode = PercentEncodingMode::Single;
        settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        let failed = |what: String| wrong(what, ErrorKind::NotSent);
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&endpoint.signing_region)
            .name(&endpoint.signing_name)
            .time(self.time_of_signing())
            .settings(settings)
            .build()
            .map_err(|error| failed(error.to_string()))?
            .into();
        let method = encoded.method.as_str();
        let request = SignableRequest::new(
            method,
            &url,
            std::iter::empty(),
            SignableBody::UnsignedPayload,
        )
        .map_err(|error| failed(error.to_string()))?;
        let (instructions, _) = sign(request, &parameters)
            .map_err(|error| failed(error.to_string()))?
            .into_parts();
        let mut signed = http::Request::builder()
            .method(method)
            .uri(url)
            .body(())
            .map_err(|error| failed(error.to_string()))?;
        instructions.apply_to_request_http1x(&mut signed);
        Ok(signed.uri().to_string())
    }

    /// What the other end takes for now.
    fn time_of_signing(&self) -> SystemTime {
        self.0.clock.now()
    }
}
