//! Log groups.

use super::{group, millis};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{
    Id, Kind, Missing, Paging, Reference, Shows, Tags, Unique, create, delete, describe, list_tags,
    modify, run, tag, untag,
};
use crate::law::Law;
use crate::services::kms;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// A log group.
pub(super) const GROUP: Kind = Kind {
    name: "logs/log-group",
    id: Id::Member("logGroupName"),
    arn: "arn:{partition}:logs:{region}:{account}:log-group:{id}",
    arn_member: "logGroupArn",
    // ARNs of groups are given out with `:*` too (CloudWatch Logs API Reference, LogGroup, arn).
    resolve: Some(|_, name| name.strip_suffix(":*").unwrap_or(name).to_owned()),
    defaults: Some(|_| {
        json!({
            "logGroupClass": "STANDARD",
            "storedBytes": 0,
            "deletionProtectionEnabled": false,
            "bearerTokenAuthenticationEnabled": false,
        })
    }),
    tags: Tags::UnseenMap("tags"),
    refers: &[Reference::new("kmsKeyId", "kms/key").loose().unchecked()],
    unique: &[Unique::new(
        &["logGroupName"],
        Fault::new(
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ),
    )],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    ),
    show: Some(show),
    operations: &[
        create("CreateLogGroup", Shows::Nothing).prepare(prepare),
        describe("DescribeLogGroups", "logGroupIdentifiers", "logGroups")
            .missing(Missing::LeftOut)
            .keep(asked)
            .paging(Paging::lower_limit(50, (1, 50))),
        describe("ListLogGroups", "", "logGroups")
            .keep(listed)
            .paging(Paging::lower_limit(50, (1, 1000))),
        delete("DeleteLogGroup", "logGroupName", Shows::Nothing),
        modify("PutRetentionPolicy", "logGroupName", Shows::Nothing).prepare(|_, group| {
            if group.is("logGroupClass", "DELIVERY") {
                group.set("retentionInDays", 2);
            }
            Ok(())
        }),
        modify("DeleteRetentionPolicy", "logGroupName", Shows::Nothing).prepare(|_, group| {
            if !group.is("logGroupClass", "DELIVERY") {
                group.set("retentionInDays", Json::Null);
            }
            Ok(())
        }),
        run("AssociateKmsKey", associate),
        run("DisassociateKmsKey", disassociate),
        modify(
            "PutLogGroupDeletionProtection",
            "logGroupIdentifier",
            Shows::Nothing,
        ),
        modify(
            "PutBearerTokenAuthentication",
            "logGroupIdentifier",
            Shows::Nothing,
        ),
        tag("TagLogGroup", "logGroupName", "tags"),
        untag("UntagLogGroup", "logGroupName", "tags"),
        list_tags("ListTagsLogGroup", "logGroupName", "tags"),
        run("PutDataProtectionPolicy", super::policies::put_protection),
        run("GetDataProtectionPolicy", super::policies::get_protection),
        run(
            "DeleteDataProtectionPolicy",
            super::policies::delete_protection,
        ),
        run("PutIndexPolicy", super::policies::put_index),
        run("DescribeIndexPolicies", super::policies::describe_index),
        run("DeleteIndexPolicy", super::policies::delete_index),
    ],
    ..Kind::NEW
};

const DAYS: &[u64] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// Only these numbers of days.
pub(super) const RETENTION: Law = Law {
    name: "retention is one of AWS's numbers of days",
    operations: &["PutRetentionPolicy"],
    source: "CloudWatch Logs API Reference, PutRetentionPolicy, retentionInDays",
    fault: Fault::new(
        "InvalidParameterException",
        "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set: {allowed}",
    ),
    check: Some(|call, law| {
        let days = call.input.get("retentionInDays").and_then(Json::as_u64);
        if days.is_some_and(|days| DAYS.contains(&days)) {
            return Ok(());
        }
        let days = call
            .input
            .get("retentionInDays")
            .map(Json::to_string)
            .unwrap_or_default();
        Err(law
            .fault
            .with(&[("days", &days), ("allowed", &format!("{DAYS:?}"))]))
    }),
};

/// The key must let Logs in: policies come first.
pub(super) const KEY: Law = Law {
    name: "the key is there, enabled, symmetric, and its policy lets Logs of the region use it for the group",
    operations: &["CreateLogGroup", "AssociateKmsKey"],
    source: "CloudWatch Logs User Guide, Encrypt log data in CloudWatch Logs using AWS KMS, Step 2: Set permissions on the KMS key",
    fault: Fault::new(
        "AccessDeniedException",
        "The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'",
    ),
    check: Some(|call, law| {
        let Some(key) = call.text("kmsKeyId") else {
            return Ok(());
        };
        if !key.starts_with("arn:") || !key.contains(":key/") {
            // The identifier alone is not taken (API reference: the ARN).
            let message =
                "Invalid KMS key ARN: kmsKeyId must be the Amazon Resource Name (ARN) of a key.";
            return Err(Refusal::new("InvalidParameterException", message));
        }
        let arn = match (call.text("logGroupName"), call.text("resourceIdentifier")) {
            (Some(name), _) => format!(
                "arn:{}:logs:{}:{}:log-group:{name}",
                call.partition(),
                call.region,
                call.account
            ),
            (None, Some(arn)) => arn.to_owned(),
            (None, None) => return Ok(()),
        };
        let service = format!("logs.{}.amazonaws.com", call.region);
        let context = [
            ("kms:EncryptionContext:aws:logs:arn", arn.as_str()),
            ("aws:SourceArn", arn.as_str()),
            ("aws:SourceAccount", call.account.as_str()),
        ];
        // The guide's policy has kms:Describe* besides; what `grantEncryptDecrypt` of the CDK gives is without it.
        let actions = ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey"];
        if kms::usable(call, key, &service, &actions, &context) {
            return Ok(());
        }
        Err(law.fault.with(&[("arn", &arn)]))
    }),
};

/// Protected groups stay.
pub(super) const PROTECTED: Law = Law {
    name: "a group with deletion protection is not deleted",
    operations: &["DeleteLogGroup"],
    source: "CloudWatch Logs API Reference, PutLogGroupDeletionProtection",
    fault: Fault::new(
        "ValidationException",
        "The log group {id} cannot be deleted because deletion protection is enabled. Disable deletion protection first.",
    ),
    check: Some(|call, law| {
        let protected = group(call)
            .ok()
            .filter(|group| group.body.get("deletionProtectionEnabled") == Some(&Json::Bool(true)));
        match protected {
            Some(group) => Err(law.fault.with(&[("id", &group.id)])),
            None => Ok(()),
        }
    }),
};

/// One way to look for groups.
pub(super) const PREFIX_OR_PATTERN: Law = Law {
    name: "groups are looked for by prefix or by pattern",
    operations: &["DescribeLogGroups"],
    source: "CloudWatch Logs API Reference, DescribeLogGroups, logGroupNamePattern",
    fault: Fault::new(
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
    ),
    check: Some(|call, law| {
        if call.text("logGroupNamePrefix").is_some() && call.text("logGroupNamePattern").is_some() {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

fn prepare(_: &mut Call, group: &mut Record) -> Result<(), Refusal> {
    // The Delivery class keeps events for two days, whatever is asked for (AWS::Logs::LogGroup, LogGroupClass).
    if group.is("logGroupClass", "DELIVERY") {
        group.set("retentionInDays", 2);
    }
    Ok(())
}

fn show(call: &Call, group: &Record, body: &mut Map<String, Json>) {
    body.insert("arn".into(), format!("{}:*", group.arn).into());
    body.insert("creationTime".into(), json!(millis(group.created)));
    let filters = call
        .list_where("logs/metric-filter", "logGroupName", &group.id)
        .count();
    body.insert("metricFilterCount".into(), json!(filters));
    if group.hidden.contains_key("protection") {
        body.insert("dataProtectionStatus".into(), "ACTIVATED".into());
    }
}

fn asked(call: &Call, group: &Record) -> bool {
    call.text("logGroupNamePrefix")
        .is_none_or(|prefix| group.id.starts_with(prefix))
        && call
            .text("logGroupNamePattern")
            .is_none_or(|pattern| group.id.contains(pattern))
        && of_class(call, group)
}

fn of_class(call: &Call, group: &Record) -> bool {
    call.text("logGroupClass")
        .is_none_or(|class| group.is("logGroupClass", class))
}

/// `^begins|contains` (CloudWatch Logs API Reference, ListLogGroups, logGroupNamePattern).
fn listed(call: &Call, group: &Record) -> bool {
    let one = |pattern: &str| match pattern.strip_prefix('^') {
        Some(prefix) => group.id.starts_with(prefix),
        None => group.id.contains(pattern),
    };
    call.text("logGroupNamePattern")
        .is_none_or(|pattern| pattern.split('|').any(one))
        && of_class(call, group)
}

fn associate(call: &mut Call) -> Answer {
    let id = group(call)?.id.clone();
    let key = call.text("kmsKeyId").unwrap_or_default().to_owned();
    call.update("logs/log-group", &id, |group| group.set("kmsKeyId", key));
    Ok(json!({}))
}

fn disassociate(call: &mut Call) -> Answer {
    let id = group(call)?.id.clone();
    call.update("logs/log-group", &id, |group| {
        group.set("kmsKeyId", Json::Null)
    });
    Ok(json!({}))
}
