//! Generated passwords.

use super::secrets::flag;
use crate::call::{Call, digest};
use crate::error::{Answer, Fault};
use crate::law::Law;
use serde_json::{Value as Json, json};

/// A character of each kind needs room.
pub(super) const LONG_ENOUGH: Law = Law {
    name: "a password has room for a character of each kind",
    operations: &["GetRandomPassword"],
    source: "Secrets Manager API Reference, GetRandomPassword, RequireEachIncludedType",
    fault: Fault::new(
        "InvalidParameterException",
        "Password length is too short based on the required types.",
    ),
    check: None,
};

/// Something must be left to choose from.
pub(super) const SOMETHING_LEFT: Law = Law {
    name: "a password is made of characters that are not all excluded",
    operations: &["GetRandomPassword"],
    source: "Secrets Manager API Reference, GetRandomPassword, ExcludeCharacters",
    fault: Fault::new(
        "InvalidRequestException",
        "You can't exclude all characters from the password.",
    ),
    check: None,
};

/// The punctuation of GetRandomPassword ("ExcludePunctuation": the set is written down there).
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// 32 characters of four kinds, unless asked for otherwise.
pub(super) fn random(call: &mut Call) -> Answer {
    let length = call
        .input
        .get("PasswordLength")
        .and_then(Json::as_u64)
        .unwrap_or(32) as usize;
    let excluded = call.text("ExcludeCharacters").unwrap_or_default();
    let mut kinds: Vec<Vec<char>> = [
        ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
        ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
        ("ExcludeNumbers", "0123456789"),
        ("ExcludePunctuation", PUNCTUATION),
    ]
    .into_iter()
    .filter(|(exclude, _)| !flag(call, exclude))
    .map(|(_, kind)| kind.chars().collect())
    .collect();
    if flag(call, "IncludeSpace") {
        kinds.push(vec![' ']);
    }
    for kind in &mut kinds {
        kind.retain(|char| !excluded.contains(*char));
    }
    kinds.retain(|kind| !kind.is_empty());
    let all: Vec<char> = kinds.iter().flatten().copied().collect();
    if all.is_empty() {
        return Err(SOMETHING_LEFT.fault.with(&[]));
    }
    // "If you don't include this switch, the password contains at least one of every character type."
    let each = call.input.get("RequireEachIncludedType") != Some(&Json::Bool(false));
    if each && length < kinds.len() {
        return Err(LONG_ENOUGH.fault.with(&[]));
    }
    let seed = call.derive("random password");
    let draw = |purpose: &str, at: usize, from: usize| {
        let digits = digest(&[&seed, purpose, &at.to_string()]);
        // Eight digits of a hash are a number.
        usize::from_str_radix(&digits[..8], 16).unwrap_or_default() % from
    };
    let mut password: Vec<char> = (0..length)
        .map(|at| match kinds.get(at).filter(|_| each) {
            Some(kind) => kind[draw("kind", at, kind.len())],
            None => all[draw("any", at, all.len())],
        })
        .collect();
    for at in (1..password.len()).rev() {
        password.swap(at, draw("order", at, at + 1));
    }
    Ok(json!({"RandomPassword": password.into_iter().collect::<String>()}))
}
