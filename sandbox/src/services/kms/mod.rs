//! KMS: keys, their policies and states, aliases and grants. No cryptography: what is encrypted elsewhere in the simulated AWS stays plain.

mod aliases;
mod grants;
mod keys;
pub mod policy;

use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::kind::{Service, tag, untag};
use crate::law::Law;
use crate::world::Record;

/// AWS Key Management Service.
pub const SERVICE: Service = Service {
    name: "kms",
    kinds: &[&keys::KEY, &aliases::ALIAS, &grants::GRANT],
    operations: &[],
    laws: &[
        &PENDING,
        &NOT_PENDING,
        &DISABLED,
        &keys::WINDOW,
        &keys::ROTATES,
        &policy::MALFORMED,
        &policy::LOCKOUT,
        &policy::PRINCIPALS,
        &policy::NAMED,
        &aliases::PREFIX,
        &aliases::RESERVED,
        &aliases::KEY_OF_AWS,
    ],
    invalid: Fault::new("ValidationException", "{message}"),
    missing: Fault::new("ValidationException", "{message}"),
    ..Service::NEW
};

/// Tag operations; the key's own are here since they name it by `KeyId`.
const TAG: crate::kind::Operation = tag("TagResource", "KeyId", "Tags");
const UNTAG: crate::kind::Operation = untag("UntagResource", "KeyId", "TagKeys");

const STATES: &str = "KMS Developer Guide, Key states of AWS KMS keys";

/// A key that waits for its deletion cannot be changed.
const PENDING: Law = Law {
    name: "a key that is pending deletion is not changed or used",
    operations: &[
        "EnableKey",
        "DisableKey",
        "EnableKeyRotation",
        "DisableKeyRotation",
        "UpdateKeyDescription",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "CreateGrant",
        "CreateAlias",
        "UpdateAlias",
    ],
    source: STATES,
    fault: Fault::new("KMSInvalidStateException", "{arn} is pending deletion."),
    check: Some(|call, law| {
        let key = named(call)?;
        if key.is("KeyState", "PendingDeletion") {
            return Err(law.fault.with(&[("arn", &key.arn)]));
        }
        Ok(())
    }),
};

/// Only what waits can be kept.
const NOT_PENDING: Law = Law {
    name: "only a pending deletion can be cancelled",
    operations: &["CancelKeyDeletion"],
    source: STATES,
    fault: Fault::new("KMSInvalidStateException", "{arn} is not pending deletion."),
    check: Some(|call, law| {
        let key = named(call)?;
        if !key.is("KeyState", "PendingDeletion") {
            return Err(law.fault.with(&[("arn", &key.arn)]));
        }
        Ok(())
    }),
};

/// A disabled key is not used.
const DISABLED: Law = Law {
    name: "a disabled key is not rotated and gets no grants",
    operations: &["EnableKeyRotation", "DisableKeyRotation", "CreateGrant"],
    source: STATES,
    fault: Fault::new("DisabledException", "{arn} is disabled."),
    check: Some(|call, law| {
        let key = named(call)?;
        if key.is("KeyState", "Disabled") {
            return Err(law.fault.with(&[("arn", &key.arn)]));
        }
        Ok(())
    }),
};

/// The key that the request names.
fn named<'a>(call: &'a Call) -> Result<&'a Record, Refusal> {
    let name = call
        .text("KeyId")
        .or_else(|| call.text("TargetKeyId"))
        .unwrap_or_default();
    call.need("kms/key", name)
}

/// The ARN of a service's default key (`alias/aws/rds`), if this is its alias, identifier or ARN. It need not have been used yet.
pub fn own_key(call: &Call, name: &str) -> Option<String> {
    keys::own_arn(call, name)
}

/// May the service encrypt with this key, for a thing of this ARN? `None` when there is no such key, or it cannot be used.
pub fn usable(
    call: &Call,
    key: &str,
    service: &str,
    actions: &[&str],
    context: &[(&str, &str)],
) -> bool {
    let Some(key) = call.find("kms/key", key) else {
        return false;
    };
    if !key.is("KeyState", "Enabled") || !key.is("KeySpec", "SYMMETRIC_DEFAULT") {
        return false;
    }
    let text = key
        .hidden
        .get("policy")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    let principal = policy::Principal::Service(service);
    actions
        .iter()
        .all(|action| policy::allows(text, &principal, action, context))
}
