//! What Secrets Manager refuses of secrets.

use super::secrets::KIND;
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use crate::services::kms;

/// What a secret is called.
pub(super) const NAME: Law = Law {
    name: "a secret's name has letters, digits and /_+=.@-, 512 at most",
    operations: &["CreateSecret"],
    source: "Secrets Manager API Reference, CreateSecret, Name",
    fault: Fault::new(
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        let fits = |char: char| char.is_ascii_alphanumeric() || "/_+=.@-!".contains(char);
        if name.chars().all(fits) {
            return Ok(());
        }
        Err(law.fault.with(&[]))
    }),
};

/// A version is a text or bytes.
pub(super) const ONE_VALUE: Law = Law {
    name: "a version holds a text or bytes, not both",
    operations: &["CreateSecret", "PutSecretValue", "UpdateSecret"],
    source: "Secrets Manager API Reference, CreateSecret, SecretBinary: either SecretString or SecretBinary, but not both",
    fault: Fault::new(
        "InvalidParameterException",
        "You can't specify both SecretString and SecretBinary.",
    ),
    check: Some(|call, law| {
        if call.input.contains_key("SecretString") && call.input.contains_key("SecretBinary") {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// A name is taken for as long as its secret can be restored.
pub(super) const PENDING_NAME: Law = Law {
    name: "a secret's name is taken until its deletion is over",
    operations: &["CreateSecret"],
    source: "Secrets Manager API Reference, CreateSecret, Errors: InvalidRequestException; DeleteSecret: if you delete a secret and then immediately create a secret with the same name, use appropriate back off and retry logic",
    fault: Fault::new(
        "InvalidRequestException",
        "You can't create this secret because a secret with this name is already scheduled for deletion.",
    ),
    check: Some(|call, law| {
        let name = call.text("Name").unwrap_or_default();
        match call.find(KIND, name) {
            Some(secret) if secret.body.contains_key("DeletedDate") => Err(law.fault.with(&[])),
            _ => Ok(()),
        }
    }),
};

/// What is marked for deletion is only described and restored.
pub(super) const MARKED: Law = Law {
    name: "a secret that is marked for deletion is not used or changed",
    operations: &[
        "GetSecretValue",
        "PutSecretValue",
        "UpdateSecret",
        "UpdateSecretVersionStage",
        "DeleteSecret",
        "TagResource",
        "UntagResource",
        "PutResourcePolicy",
        "GetResourcePolicy",
        "DeleteResourcePolicy",
        "ReplicateSecretToRegions",
        "RemoveRegionsFromReplication",
    ],
    source: "Secrets Manager API Reference, GetSecretValue, Errors: InvalidRequestException, the secret is scheduled for deletion",
    fault: Fault::new(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    ),
    check: Some(|call, law| {
        let Some(secret) = named(call) else {
            return Ok(());
        };
        if secret.body.contains_key("DeletedDate") {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// How long it can be restored.
pub(super) const WINDOW: Law = Law {
    name: "a secret can be restored for 7 to 30 days",
    operations: &["DeleteSecret"],
    source: "Secrets Manager API Reference, DeleteSecret, RecoveryWindowInDays",
    fault: Fault::new(
        "InvalidParameterException",
        "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
    ),
    check: Some(|call, law| {
        let days = call.input.get("RecoveryWindowInDays");
        match days.and_then(serde_json::Value::as_i64) {
            None | Some(7..=30) => Ok(()),
            Some(_) => Err(law.fault.with(&[])),
        }
    }),
};

/// With a window or without.
pub(super) const WINDOW_OR_FORCE: Law = Law {
    name: "a deletion without recovery has no recovery window",
    operations: &["DeleteSecret"],
    source: "Secrets Manager API Reference, DeleteSecret, ForceDeleteWithoutRecovery",
    fault: Fault::new(
        "InvalidParameterException",
        "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    ),
    check: Some(|call, law| {
        if super::secrets::flag(call, "ForceDeleteWithoutRecovery")
            && call.input.contains_key("RecoveryWindowInDays")
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// Replicas go first.
pub(super) const REPLICATED: Law = Law {
    name: "a secret is deleted after its replicas",
    operations: &["DeleteSecret"],
    source: "Secrets Manager API Reference, DeleteSecret: you can't delete a primary secret that is replicated to other Regions",
    fault: Fault::new(
        "InvalidRequestException",
        "You can't delete secret {id} that still has replica regions [{regions}]",
    ),
    check: Some(|call, law| {
        let Some(secret) = named(call) else {
            return Ok(());
        };
        let regions = super::replicas::regions(secret);
        if regions.is_empty() {
            return Ok(());
        }
        Err(law
            .fault
            .with(&[("id", &secret.id), ("regions", &regions.join(", "))]))
    }),
};

/// Replicas follow their primary.
pub(super) const PRIMARY_ONLY: Law = Law {
    name: "a replica is changed through its primary secret",
    operations: &[
        "PutSecretValue",
        "UpdateSecret",
        "UpdateSecretVersionStage",
        "ReplicateSecretToRegions",
        "RemoveRegionsFromReplication",
        "TagResource",
        "UntagResource",
    ],
    source: "Secrets Manager User Guide, Replicate a secret to other Regions: to change a replica, change its primary secret",
    fault: Fault::new(
        "InvalidParameterException",
        "Operation not permitted on a replica secret. Call must be made in primary secret's region.",
    ),
    check: Some(|call, law| {
        let Some(secret) = named(call) else {
            return Ok(());
        };
        if super::replicas::is_replica(secret, &call.region) {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// The key can be used.
pub(super) const KEY_USABLE: Law = Law {
    name: "a secret is encrypted with a key that can be used",
    operations: &["CreateSecret", "UpdateSecret"],
    source: "Secrets Manager API Reference, CreateSecret, Errors: EncryptionFailure",
    fault: Fault::new(
        "EncryptionFailure",
        "Secrets Manager can't encrypt the protected secret text using the provided KMS key {id}. Check that the key is available, enabled, and not in an invalid state.",
    ),
    check: Some(|call, law| {
        let key = call.text("KmsKeyId").unwrap_or_default();
        let foreign = key.starts_with("arn:")
            && !key.contains(&format!(":kms:{}:{}:", call.region, call.account));
        if key.is_empty() || foreign || kms::own_key(call, key).is_some() {
            return Ok(());
        }
        match call.find("kms/key", key) {
            Some(found) if found.is("KeyState", "Enabled") => Ok(()),
            _ => Err(law.fault.with(&[("id", key)])),
        }
    }),
};

/// A token names one version.
pub(super) const TOKEN: Law = Law {
    name: "a version's token is used again only for the same value",
    operations: &["PutSecretValue", "UpdateSecret", "CreateSecret"],
    source: "Secrets Manager API Reference, PutSecretValue, ClientRequestToken",
    fault: Fault::new(
        "ResourceExistsException",
        "You can't use ClientRequestToken {token} because that value is already in use for a version of secret {arn}.",
    ),
    check: None,
};

/// The secret that the request names.
pub(super) fn named<'a>(call: &'a Call) -> Option<&'a crate::world::Record> {
    call.find(KIND, call.text("SecretId")?)
}

/// The ARN of the key that a request names, in the form in which DescribeSecret tells it.
pub(super) fn key_arn(call: &Call, key: &str) -> String {
    kms::own_key(call, key)
        .or_else(|| call.find("kms/key", key).map(|found| found.arn.clone()))
        .unwrap_or_else(|| key.to_owned())
}

/// AWS's not-found.
pub(super) fn needed(call: &Call) -> Result<crate::world::Record, Refusal> {
    call.need(KIND, call.text("SecretId").unwrap_or_default())
        .cloned()
}
