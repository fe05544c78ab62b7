//! Checksums of text as it is written: they tell a damaged file from a whole one, not a forged one.

use serde::Serialize;
use sha2::{Digest, Sha256};

const SEAL: &str = ",\"checksum\":\"";

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The first 16 bytes of the text's SHA-256, in hexadecimal digits.
pub(crate) fn of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..16])
}

/// A line: the JSON of an object that has members, with the checksum of that text as one more member.
pub(crate) fn seal(value: &impl Serialize) -> serde_json::Result<String> {
    let text = serde_json::to_string(value)?;
    let open = text.strip_suffix('}').unwrap_or(&text);
    Ok(format!("{open}{SEAL}{}\"}}\n", of(&text)))
}

/// The JSON that was sealed, from a line without its end.
pub(crate) fn unseal(line: &[u8]) -> Result<String, String> {
    let line = std::str::from_utf8(line).map_err(|_| "it is no text".to_owned())?;
    let (open, rest) = line
        .rsplit_once(SEAL)
        .ok_or_else(|| "it has no checksum".to_owned())?;
    let text = format!("{open}}}");
    if rest.strip_suffix("\"}") == Some(of(&text).as_str()) {
        Ok(text)
    } else {
        Err("its checksum is wrong".to_owned())
    }
}
