//! Checksums of JSON: they tell a damaged file from a whole one, not a forged one.

use sha2::{Digest, Sha256};

/// The first 16 bytes of the SHA-256 of the JSON with sorted keys, in hexadecimal digits.
pub(crate) fn of(json: &serde_json::Value) -> String {
    let digest = Sha256::digest(json.to_string().as_bytes());
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
