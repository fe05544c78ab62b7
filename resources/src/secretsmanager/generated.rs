//! `GenerateSecretString`: a value that AWS draws when the secret is made, and anew when the property changes.

use super::{text, unknown};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;

const PROPERTY: &str = "GenerateSecretString";

/// What of it GetRandomPassword takes, under its own names.
const OPTIONS: &[&str] = &[
    "ExcludeCharacters",
    "ExcludeLowercase",
    "ExcludeNumbers",
    "ExcludePunctuation",
    "ExcludeUppercase",
    "IncludeSpace",
    "PasswordLength",
    "RequireEachIncludedType",
];

/// The value of a secret whose properties are these: a password, or a JSON object with it under `GenerateStringKey`. `None` where
/// none is to be generated.
pub(super) async fn generate(context: &Context, desired: &Value) -> Result<Option<String>> {
    let Some(asked) = desired.get(PROPERTY) else {
        return Ok(None);
    };
    let asked = asked.expose_json().ok_or_else(|| unknown(PROPERTY))?;
    let mut options = Map::new();
    for name in OPTIONS {
        if let Some(value) = asked.get(*name) {
            options.insert((*name).to_owned(), value.clone());
        }
    }
    let input = sent(&options);
    let answer = context
        .read("secretsmanager", "GetRandomPassword", Json::Object(input))
        .await?;
    let password = described(&answer, "RandomPassword").ok_or_else(|| Error::Answer {
        call: "secretsmanager:GetRandomPassword".to_owned(),
        missing: "RandomPassword".to_owned(),
    })?;
    let part = |name: &str| asked.get(name).and_then(Json::as_str);
    match (part("SecretStringTemplate"), part("GenerateStringKey")) {
        (None, None) => Ok(Some(password.to_owned())),
        (Some(template), Some(key)) => {
            // The template's own text may be a secret: it is not shown.
            let Ok(Json::Object(mut members)) = serde_json::from_str(template) else {
                return Err(refused(
                    "SecretStringTemplate",
                    "it must be the text of a JSON object",
                ));
            };
            members.insert(key.to_owned(), json!(password));
            Ok(Some(Json::Object(members).to_string()))
        }
        // "If you specify SecretStringTemplate, you must also specify GenerateStringKey", and the other way round
        // (AWS::SecretsManager::Secret GenerateSecretString).
        (Some(_), None) => Err(refused(
            "GenerateStringKey",
            "SecretStringTemplate needs it: the key of the password",
        )),
        (None, Some(_)) => Err(refused(
            "SecretStringTemplate",
            "GenerateStringKey needs it: the JSON object that the password goes into",
        )),
    }
}

/// Flags and numbers may be written as texts.
fn sent(options: &Map<String, Json>) -> Map<String, Json> {
    let typed = options.iter().map(|(name, value)| {
        let value = match (name.as_str(), value.as_str()) {
            ("ExcludeCharacters", _) | (_, None) => value.clone(),
            ("PasswordLength", Some(text)) => text
                .trim()
                .parse::<i64>()
                .map_or_else(|_| value.clone(), Json::from),
            (_, Some(text)) => match text.to_ascii_lowercase().as_str() {
                "true" => true.into(),
                "false" => false.into(),
                _ => value.clone(),
            },
        };
        (name.clone(), value)
    });
    typed.collect()
}

fn refused(property: &str, reason: &str) -> Error {
    Error::Unsupported {
        type_name: "AWS::SecretsManager::Secret".to_owned(),
        property: format!("{PROPERTY}.{property}").as_str().into(),
        reason: reason.to_owned(),
    }
}

/// The declared value, or the one to generate; both is refused, as CloudFormation does.
pub(super) async fn value(context: &Context, desired: &Value) -> Result<Option<String>> {
    let declared = desired.get("SecretString");
    match (declared, desired.get(PROPERTY)) {
        (Some(_), Some(_)) => Err(Error::Unsupported {
            type_name: "AWS::SecretsManager::Secret".to_owned(),
            property: PROPERTY.into(),
            reason: "SecretString is declared too: a value is either given or generated".to_owned(),
        }),
        (Some(_), None) => exposed(desired).map(Some),
        (None, _) => generate(context, desired).await,
    }
}

fn exposed(desired: &Value) -> Result<String> {
    let declared = desired.get("SecretString").and_then(Value::expose_json);
    match declared {
        Some(Json::String(text)) => Ok(text),
        Some(other) => Ok(other.to_string()),
        None => text(desired, "SecretString").ok_or_else(|| unknown("SecretString")),
    }
}
