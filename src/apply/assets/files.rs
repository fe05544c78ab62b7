//! File assets in S3.

use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payctl_resources::aws::Aws;
use payctl_resources::{AwsError, AwsErrorKind};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use super::archive;
use super::images::{self, ImageError};
use crate::project::assembly::assets::FileSource;

/// An object of S3. Its bucket must be the account's own: anybody could have made a bucket of that name before.
pub(super) struct Object<'a> {
    pub bucket: &'a str,
    pub key: &'a str,
    pub account: &'a str,
}

/// A file that is ready to be sent.
pub(super) struct Packed {
    path: PathBuf,
    content_type: &'static str,
    /// In base64, as S3 checks it.
    sha256: String,
    /// Goes with the value, where it was made for it.
    _temporary: Option<NamedTempFile>,
}

/// Whether the object is there.
pub(super) async fn exists(client: &Aws, object: &Object<'_>) -> Result<bool, AwsError> {
    let input = json!({
        "Bucket": object.bucket, "Key": object.key, "ExpectedBucketOwner": object.account,
    });
    match client.call("s3", "HeadObject", input).await {
        Ok(_) => Ok(true),
        // Without the right to list the bucket, what is not there is answered with 403 (API_HeadObject, "Permissions"). If it is
        // not allowed to put it there either, that will be said. Answers to HEAD have no body, and so no code.
        Err(error)
            if error.kind == AwsErrorKind::Service
                && ["HTTP 404", "HTTP 403", "NotFound", "NoSuchKey"]
                    .contains(&error.code.as_str()) =>
        {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// The file to be sent: as it is, packed, or made by a command.
pub(super) async fn pack(source: &FileSource) -> io::Result<Packed> {
    let made = match source {
        FileSource::Command { command, folder } => {
            let printed = images::run(command, folder, None).await;
            let printed =
                printed.map_err(|error: ImageError| io::Error::other(error.to_string()))?;
            Some(folder.join(printed.trim()))
        }
        _ => None,
    };
    let source = source.clone();
    // Packing and digesting keep a processor busy.
    let packing = tokio::task::spawn_blocking(move || {
        let (path, content_type, temporary) = match (made, source) {
            (Some(path), _) => (path, "application/zip", None),
            (None, FileSource::Folder(folder)) if folder.is_dir() => {
                let packed = archive::pack(&folder)?;
                (packed.path().to_owned(), "application/zip", Some(packed))
            }
            (None, FileSource::Folder(path) | FileSource::File(path)) => {
                (path, "application/octet-stream", None)
            }
            (None, FileSource::Command { .. }) => {
                return Err(io::Error::other("its command made nothing"));
            }
        };
        Ok(Packed {
            sha256: digest(&path)?,
            path,
            content_type,
            _temporary: temporary,
        })
    });
    packing.await.map_err(io::Error::other)?
}

fn digest(path: &Path) -> io::Result<String> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let mut file = std::fs::File::open(path).map_err(named)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        let read = io::Read::read(&mut file, &mut buffer).map_err(named)?;
        if read == 0 {
            return Ok(STANDARD.encode(digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}

/// Sends it.
pub(super) async fn put(
    client: &Aws,
    object: &Object<'_>,
    packed: &Packed,
) -> Result<(), AwsError> {
    let input = json!({
        "Bucket": object.bucket, "Key": object.key, "ExpectedBucketOwner": object.account,
        "ContentType": packed.content_type, "ChecksumAlgorithm": "SHA256", "ChecksumSHA256": packed.sha256,
    });
    client.put_object(input, &packed.path).await.map(|_| ())
}
