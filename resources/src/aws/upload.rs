//! Files as the bodies of requests: streamed from the disk, never in memory as a whole.

use std::path::Path;

use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::Value as Json;

use super::retry::Resend;
use super::{Aws, ErrorKind};
use crate::error::AwsError;

/// A file that is the body of a request.
pub(super) struct Payload {
    pub(super) length: u64,
    /// Opens the file anew each time that it is cloned.
    body: SdkBody,
}

impl Payload {
    async fn of(file: &Path) -> std::io::Result<Payload> {
        let length = tokio::fs::metadata(file).await?.len();
        let stream = ByteStream::from_path(file).await;
        let body = stream.map_err(std::io::Error::other)?.into_inner();
        Ok(Payload { length, body })
    }

    /// The body of one request.
    pub(super) fn body(&self) -> Result<SdkBody, std::io::Error> {
        let body = self.body.try_clone();
        // A stream that is read from a path can always be begun again.
        body.ok_or_else(|| std::io::Error::other("the file cannot be read again"))
    }
}

impl Aws {
    /// S3's PutObject with a file as the object (`input` without `Body`). It is sent again where AWS did not answer: the same
    /// bytes under the same key are the same object.
    ///
    /// # Errors
    /// What AWS answered after all retries, or why it was not reached; also where the file cannot be read.
    pub async fn put_object(&self, input: Json, file: &Path) -> Result<Json, AwsError> {
        const SERVICE: &str = "s3";
        const OPERATION: &str = "PutObject";
        let unable = |error: std::io::Error| {
            let message = format!("cannot read {}: {error}", file.display());
            self.error(SERVICE, OPERATION, "Request", message, ErrorKind::NotSent)
        };
        let payload = Payload::of(file).await.map_err(unable)?;
        let no_model = || {
            let message = "payctl has no model of it";
            self.error(
                SERVICE,
                OPERATION,
                "UnknownOperation",
                message,
                ErrorKind::Codec,
            )
        };
        let model = payctl_api::service(SERVICE).ok_or_else(no_model)?;
        let shape = model.operation(OPERATION).ok_or_else(no_model)?;
        let lane = self.lane(SERVICE);
        let call = self.assemble_call(model, shape, None, Resend::Always, &lane, Some(payload))?;
        self.invoke(SERVICE, OPERATION, &call, input, &lane).await
    }
}
