//! `AWS::KMS::Key`: a key, its policy and its rotation.

use super::{ALL_KEYS, KEYS, POLICIES, ROTATIONS, TAGS};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::prelude::*;
use crate::tags;

native!(
    /// `AWS::KMS::Key`.
    Key,
    Definition {
        create: Create::of("CreateKey", "KeyMetadata"),
        reads: &[
            Read::of(&KEYS),
            Read { key: crate::definition::Key::Described(&["Arn"]), select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read::of(&POLICIES),
            Read::of(&ROTATIONS),
            Read { when: Some(unlabelled), ..Read::of(&TAGS) },
        ],
        updates: &[
            Change {
                takes: &["KeyPolicy", "BypassPolicyLockoutSafetyCheck"],
                mode: Mode::Step(policy),
                ..Change::of("PutKeyPolicy", &["KeyId"])
            },
            Change::of("UpdateKeyDescription", &["KeyId"]),
            Change {
                takes: &["Enabled", "EnableKeyRotation", "RotationPeriodInDays"],
                mode: Mode::Step(switches),
                ..Change::of("EnableKeyRotation", &["KeyId"])
            },
            // Nothing to send now: the deletion takes it.
            Change { takes: &["PendingWindowInDays"], mode: Mode::Step(kept), ..Change::of("ScheduleKeyDeletion", &["KeyId"]) },
        ],
        delete: Delete::of(
            "ScheduleKeyDeletion",
            &["KeyId", "PendingWindowInDays"],
            &["NotFoundException", "KMSInvalidStateException"],
        ),
        find: Find::Search(search),
        rules: &[
            Rule::Renamed("KeyPolicy", "Policy"),
            Rule::Told("EnableKeyRotation", "KeyRotationEnabled"),
        ],
        tags: Tags::Member,
        status,
        propagation: &[
            // A principal of the policy that was made a moment ago (API_CreateKey, "Policy": "you might need to enforce a delay").
            ("MalformedPolicyDocumentException", "invalid principals"),
        ],
        create_only: &[
            ("KeySpec", "no call changes it: \"You can't change the KeySpec after the KMS key is created\" (API_CreateKey)"),
            ("KeyUsage", "no call changes it: \"You can't change the KeyUsage value after the KMS key is created\" (API_CreateKey)"),
            ("Origin", "no call changes it: \"You cannot change the origin after you create the KMS key\" (API_CreateKey)"),
            ("MultiRegion", "no call changes it: \"You can't change this value after you create the KMS key\" (API_CreateKey)"),
        ],
        resets: &[
            ("Description", "\"\""),
            ("Enabled", "true"),
            ("EnableKeyRotation", "false"),
            ("RotationPeriodInDays", "365"),
            ("BypassPolicyLockoutSafetyCheck", "false"),
        ],
        ..Definition::new("AWS::KMS::Key", "kms")
    }
);

/// Creating | Enabled | Disabled | PendingDeletion | PendingImport | PendingReplicaDeletion | Unavailable | Updating
/// (API_KeyMetadata). A key that waits for its deletion can be used no more, and AWS keeps it for the waiting period.
fn status(key: &Json) -> Status {
    match described(key, "KeyState") {
        Some("Creating" | "Updating") => Status::Pending,
        Some("PendingDeletion" | "PendingReplicaDeletion") => Status::Gone,
        Some("Unavailable") => Status::Failed("AWS reports the key as unavailable".to_owned()),
        _ => Status::Ready,
    }
}

/// KMS's own names for a tag's parts, too.
fn unlabelled(key: &Json) -> bool {
    status(key) != Status::Gone && tags::untagged(key)
}

fn kept<'a>(_: &'a Context, _: &'a PhysicalId, _: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async { Ok(()) })
}

/// The policy that AWS gives a key for which none is declared (KMS developer guide, "Default key policy").
fn default_policy(arn: &str) -> Json {
    let parts: Vec<&str> = arn.split(':').collect();
    let part = |position: usize| parts.get(position).copied().unwrap_or_default();
    json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:{}:iam::{}:root", part(1), part(4))},
            "Action": "kms:*",
            "Resource": "*",
        }],
    })
}

fn policy<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        // The safety check is a matter of the call alone.
        if !update.touches("KeyPolicy") {
            return Ok(());
        }
        let arn = update
            .live
            .get("Arn")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let policy = match update.desired.get("KeyPolicy") {
            Some(policy) => policy
                .expose_json()
                .ok_or_else(|| crate::error::Error::Unknown("AWS::KMS::Key".to_owned()))?,
            None => default_policy(arn),
        };
        let text = policy
            .as_str()
            .map_or_else(|| policy.to_string(), str::to_owned);
        let mut input = Map::from_iter([
            ("KeyId".to_owned(), id.as_str().into()),
            ("Policy".to_owned(), text.into()),
        ]);
        if let Some(bypass) = flag(update.desired, "BypassPolicyLockoutSafetyCheck") {
            input.insert("BypassPolicyLockoutSafetyCheck".to_owned(), bypass.into());
        }
        generic::write(Key.definition(), context, "PutKeyPolicy", input).await?;
        Ok(())
    })
}

fn flag(properties: &Value, name: &str) -> Option<bool> {
    let text = properties.get(name)?.to_text()?;
    text.to_ascii_lowercase().parse().ok()
}

/// Rotation can change only while the key is enabled (DisabledException: API_EnableKeyRotation).
fn switches<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let call = |operation: &'static str, input: Json| context.write("kms", operation, input);
        let key = json!({"KeyId": id.as_str()});
        let enabled = flag(update.desired, "Enabled").unwrap_or(true);
        if enabled && flag(update.live, "Enabled") == Some(false) {
            call("EnableKey", key.clone()).await?;
        }
        let rotates = flag(update.desired, "EnableKeyRotation").unwrap_or(false);
        let rotated = flag(update.live, "EnableKeyRotation").unwrap_or(false);
        if update.touches("EnableKeyRotation") || update.touches("RotationPeriodInDays") {
            if rotates {
                let mut input = key.clone();
                let days = update
                    .desired
                    .get("RotationPeriodInDays")
                    .and_then(Value::to_text)
                    .and_then(|days| days.trim().parse::<i64>().ok());
                // "If you do not specify a value, the default value is 365 days" (API_EnableKeyRotation).
                let days = days.or(update.touches("RotationPeriodInDays").then_some(365));
                if let (Some(days), Some(members)) = (days, input.as_object_mut()) {
                    members.insert("RotationPeriodInDays".to_owned(), days.into());
                }
                call("EnableKeyRotation", input).await?;
            } else if rotated {
                call("DisableKeyRotation", key.clone()).await?;
            }
        }
        if !enabled && flag(update.live, "Enabled") != Some(false) {
            call("DisableKey", key).await?;
        }
        Ok(())
    })
}

/// The tagging API knows tags after some seconds; KMS itself at once, key by key.
fn search<'a>(context: &'a Context, _: &'a Value, incarnation: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        for arn in tags::tagged(context, "kms:key", incarnation).await? {
            let id = arn.rsplit('/').next().unwrap_or_default();
            let found = generic::items_of(context, &KEYS, id).await?;
            if found.iter().any(|key| status(key) != Status::Gone) {
                return Ok(Some(id.into()));
            }
        }
        let keys = crate::loaders::items(context, &ALL_KEYS, Map::new()).await?;
        for key in keys.iter().filter_map(|key| described(key, "KeyId")) {
            let answer = match generic::items_of(context, &TAGS, key).await {
                // Keys of others may not let us look.
                Err(error) if error.code() == Some("AccessDeniedException") => continue,
                answer => answer?,
            };
            if answer
                .iter()
                .any(|answer| tags::carries(answer.get("Tags"), incarnation))
            {
                let found = generic::items_of(context, &KEYS, key).await?;
                if found.iter().any(|key| status(key) != Status::Gone) {
                    return Ok(Some(key.into()));
                }
            }
        }
        Ok(None)
    })
}
