//! An HTTP client whose other end is in this process.

use std::fmt;
use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use bytes::Bytes;

/// A client that hands each request to a function of this process instead of the network: a simulated AWS.
pub fn in_process<F, A>(answer: F) -> SharedHttpClient
where
    F: Fn(http::Request<Bytes>) -> A + Send + Sync + 'static,
    A: Future<Output = http::Response<Bytes>> + Send + 'static,
{
    let connector = SharedHttpConnector::new(Connector(Arc::new(answer)));
    http_client_fn(move |_, _| connector.clone())
}

struct Connector<F>(Arc<F>);

impl<F> fmt::Debug for Connector<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector(in process)")
    }
}

impl<F, A> HttpConnector for Connector<F>
where
    F: Fn(http::Request<Bytes>) -> A + Send + Sync + 'static,
    A: Future<Output = http::Response<Bytes>> + Send + 'static,
{
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.clone();
        HttpConnectorFuture::new(async move {
            let other = |error: Box<dyn std::error::Error + Send + Sync>| {
                ConnectorError::other(error, None)
            };
            let request = request
                .try_into_http1x()
                .map_err(|error| other(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = match body.bytes() {
                Some(bytes) => Bytes::copy_from_slice(bytes),
                None => {
                    let streamed = ByteStream::new(body).collect().await;
                    streamed.map_err(|error| other(error.into()))?.into_bytes()
                }
            };
            let response = answer(http::Request::from_parts(parts, body)).await;
            HttpResponse::try_from(response.map(SdkBody::from)).map_err(|error| other(error.into()))
        })
    }
}
