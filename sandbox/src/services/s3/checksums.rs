//! The sums by which S3 and its clients know that nothing was lost on the way.

use super::buckets::told;
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256, Sha512};

/// A sum that does not fit.
pub(super) const DIGEST: Law = Law {
    name: "a body has the sum that its request says",
    operations: &[],
    source: "Amazon S3 User Guide, Checking object integrity; Error responses, BadDigest",
    fault: Fault::new(
        "BadDigest",
        "The {name} you specified did not match the calculated checksum.",
    ),
    check: None,
};

/// 32 hexadecimal digits: what an `ETag` is of an object that came in one piece.
pub(super) fn md5(bytes: &[u8]) -> String {
    Md5::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The members in which sums are sent and told.
const MEMBERS: [&str; 11] = [
    "ChecksumCRC32",
    "ChecksumCRC32C",
    "ChecksumCRC64NVME",
    "ChecksumSHA1",
    "ChecksumSHA256",
    "ChecksumSHA512",
    "ChecksumMD5",
    "ChecksumXXHASH64",
    "ChecksumXXHASH3",
    "ChecksumXXHASH128",
    "ChecksumType",
];

/// The sum of a kind, where it is one that is computed here; the others are believed.
fn computed(member: &str, bytes: &[u8]) -> Option<String> {
    Some(match member {
        "ChecksumCRC32" => STANDARD.encode(crc32fast::hash(bytes).to_be_bytes()),
        "ChecksumSHA256" => STANDARD.encode(Sha256::digest(bytes)),
        "ChecksumSHA512" => STANDARD.encode(Sha512::digest(bytes)),
        "ChecksumMD5" => STANDARD.encode(Md5::digest(bytes)),
        _ => return None,
    })
}

/// The sums that a request sends with its body, checked; with the one that it only names.
pub(super) fn check(call: &Call, bytes: &[u8]) -> Result<Map<String, Json>, Refusal> {
    if let Some(sum) = call.text("ContentMD5")
        && sum != STANDARD.encode(Md5::digest(bytes))
    {
        return Err(DIGEST.fault.with(&[("name", "Content-MD5")]));
    }
    let mut sums = Map::new();
    for member in MEMBERS {
        let Some(sent) = call.text(member) else {
            continue;
        };
        if let Some(sum) = computed(member, bytes)
            && sum != sent
        {
            let name = member.trim_start_matches("Checksum");
            return Err(told(
                DIGEST.fault.with(&[("name", name)]),
                &[("CalculatedDigest", &sum)],
            ));
        }
        sums.insert(member.to_owned(), json!(sent));
    }
    if let Some(algorithm) = call.text("ChecksumAlgorithm") {
        let member = format!("Checksum{algorithm}");
        if !sums.contains_key(&member)
            && let Some(sum) = computed(&member, bytes)
        {
            sums.insert(member, json!(sum));
        }
    }
    if !sums.is_empty() {
        sums.entry("ChecksumType")
            .or_insert_with(|| json!("FULL_OBJECT"));
    }
    Ok(sums)
}

/// Those of a record's members that are sums.
pub(super) fn of(members: &Map<String, Json>) -> Map<String, Json> {
    let sums = members
        .iter()
        .filter(|(name, _)| MEMBERS.contains(&name.as_str()));
    sums.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_everybody_else() {
        assert_eq!(md5(b""), "d41d8cd98f00b204e9800998ecf8427e");
        // The check value of CRC-32/ISO-HDLC.
        let crc = STANDARD.encode(0xcbf4_3926_u32.to_be_bytes());
        assert_eq!(computed("ChecksumCRC32", b"123456789"), Some(crc));
        assert_eq!(
            computed("ChecksumSHA256", b"").as_deref(),
            Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
        );
        assert_eq!(computed("ChecksumXXHASH3", b""), None);
    }
}
