//! Secrets, their policies, and what links them to databases. Values are read and made in memory alone: no model holds one.

mod generated;
pub mod resource_policy;
pub mod secret;
pub mod secret_target_attachment;
mod target;

use crate::context::Context;
use crate::definition::Definition;
use crate::error::{Error, Result};
use crate::loaders::{By, Load};
use crate::prelude::*;

/// AWS answers so to what does not exist, and to a secret without a value.
const MISSING: &str = "ResourceNotFoundException";
/// AWS answers so to what waits for its deletion, among others.
const REFUSED: &str = "InvalidRequestException";

/// One secret a call: what ListSecrets tells of many "might not reflect changes from the last five minutes" (API_ListSecrets).
pub(crate) static SECRETS: Load = Load {
    gone: &[MISSING],
    ..Load::of(
        "secretsmanager",
        "DescribeSecret",
        By::One(&["SecretId"]),
        1,
        "",
        "",
    )
};
pub(crate) static POLICIES: Load = Load {
    gone: &[MISSING, REFUSED],
    ..Load::of(
        "secretsmanager",
        "GetResourcePolicy",
        By::One(&["SecretId"]),
        1,
        "",
        "",
    )
};
pub(crate) static VALUES: Load = Load {
    gone: &[MISSING, REFUSED],
    ..Load::of(
        "secretsmanager",
        "GetSecretValue",
        By::One(&["SecretId"]),
        1,
        "",
        "",
    )
};

fn text(properties: &Value, name: &str) -> Option<String> {
    properties.get(name).and_then(Value::to_text)
}

/// Gives a secret another value. The token of the new version follows from the version that it takes over from: a call that is sent
/// twice makes one version.
async fn put_value(
    definition: &Definition,
    context: &Context,
    id: &str,
    value: &str,
) -> Result<()> {
    let secrets = generic::items_of(context, &SECRETS, id).await?;
    let stages = secrets
        .first()
        .and_then(|secret| look(secret, "VersionIdsToStages"));
    let current = stages
        .as_ref()
        .and_then(Json::as_object)
        .and_then(|stages| {
            let is_current = |labels: &Json| {
                let mut labels = labels.as_array().into_iter().flatten();
                labels.any(|label| label == "AWSCURRENT")
            };
            let found = stages.iter().find(|(_, labels)| is_current(labels));
            found.map(|(version, _)| version.clone())
        });
    let input = Map::from_iter([
        ("SecretId".to_owned(), json!(id)),
        ("SecretString".to_owned(), json!(value)),
        (
            "ClientRequestToken".to_owned(),
            json!(next_token(current.as_deref().unwrap_or_default())),
        ),
    ]);
    generic::write(definition, context, "UpdateSecret", input).await?;
    Ok(())
}

/// A token of 32 characters that follows from another one: what comes after it, wherever it is made.
fn next_token(after: &str) -> String {
    // FNV-1a twice, with two starts: tokens only have to differ, they protect nothing.
    let hash = |start: u64| {
        after.bytes().fold(start, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        })
    };
    format!(
        "{:016x}{:016x}",
        hash(0xcbf2_9ce4_8422_2325),
        hash(0x6c62_272e_07bb_0142)
    )
}

/// The value of a secret as a JSON object. `None`: it has no value, or is not there.
async fn value_of(context: &Context, id: &str) -> Result<Option<String>> {
    let values = generic::items_of(context, &VALUES, id).await?;
    let value = values.first();
    Ok(value
        .and_then(|value| described(value, "SecretString"))
        .map(str::to_owned))
}

fn unknown(property: &str) -> Error {
    Error::Unknown(format!("AWS::SecretsManager::Secret {property}"))
}

#[cfg(test)]
mod tests {
    use super::next_token;

    #[test]
    fn tokens_follow_from_what_they_come_after() {
        let first = next_token("");
        assert_eq!(first.len(), 32);
        assert_eq!(next_token(""), first);
        assert_ne!(next_token(&first), first);
    }
}
