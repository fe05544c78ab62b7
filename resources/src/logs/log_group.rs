//! `AWS::Logs::LogGroup`: log streams with one retention, key and set of policies.

use super::{DATA_PROTECTION, INDEX_POLICIES, LOG_GROUPS, RESOURCE_POLICIES, TAGS};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::tags;

const ARN: Key = Key::Described(&["logGroupArn"]);

native!(
    /// `AWS::Logs::LogGroup`.
    LogGroup,
    Definition {
        create: Create::of("CreateLogGroup", ""),
        reads: &[
            Read::of(&LOG_GROUPS),
            Read { key: ARN, select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read { key: ARN, when: Some(tags::untagged), select: Some(tags::mapped), ..Read::of(&TAGS) },
            Read { when: Some(protected), select: Some(document), into: "DataProtectionPolicy", ..Read::of(&DATA_PROTECTION) },
            Read {
                key: ARN,
                only_for: &["FieldIndexPolicies"],
                select: Some(own_index),
                all: true,
                into: "FieldIndexPolicies",
                ..Read::of(&INDEX_POLICIES)
            },
            Read {
                key: ARN,
                only_for: &["ResourcePolicyDocument"],
                select: Some(document),
                into: "ResourcePolicyDocument",
                ..Read::of(&RESOURCE_POLICIES)
            },
        ],
        updates: &[
            Change { takes: &["RetentionInDays"], mode: Mode::Step(retention), ..Change::of("PutRetentionPolicy", &[]) },
            Change { takes: &["KmsKeyId"], mode: Mode::Step(key), ..Change::of("AssociateKmsKey", &[]) },
            Change { takes: &["DataProtectionPolicy"], mode: Mode::Step(data_protection), ..Change::of("PutDataProtectionPolicy", &[]) },
            Change { takes: &["FieldIndexPolicies"], mode: Mode::Step(index), ..Change::of("PutIndexPolicy", &[]) },
            Change { takes: &["ResourcePolicyDocument"], mode: Mode::Step(resource_policy), ..Change::of("PutResourcePolicy", &[]) },
            Change::of("PutBearerTokenAuthentication", &["logGroupIdentifier=LogGroupName"]),
            Change::of("PutLogGroupDeletionProtection", &["logGroupIdentifier=LogGroupName"]),
        ],
        delete: Delete {
            // "The operation conflicts with another": API_DeleteLogGroup.
            busy: &["OperationAbortedException"],
            ..Delete::of("DeleteLogGroup", &["logGroupName=LogGroupName"], &["ResourceNotFoundException"])
        },
        find: Find::Key(&["LogGroupName"]),
        tags: Tags::Member,
        // a-z, A-Z, 0-9 and "_-/.#" (API_CreateLogGroup).
        name: Some(Name { also: "_.", ..Name::of("LogGroupName", 512) }),
        unique: &[&["LogGroupName"]],
        propagation: &[("OperationAbortedException", "")],
        create_only: &[("LogGroupClass", "\"After a log group is created, its class can't be changed\" (API_CreateLogGroup)")],
        resets: &[("BearerTokenAuthenticationEnabled", "false"), ("DeletionProtectionEnabled", "false")],
        ..Definition::new("AWS::Logs::LogGroup", "logs")
    }
);

/// Groups that never had a data protection policy have no status for it (API_LogGroup).
fn protected(group: &Json) -> bool {
    matches!(
        described(group, "dataProtectionStatus"),
        Some("ACTIVATED" | "DISABLED")
    )
}

fn document(answer: &Json, _: &PhysicalId) -> Option<Json> {
    look(answer, "policyDocument").filter(|text| text.as_str() != Some(""))
}

/// The policy of the group itself, not the account's.
fn own_index(policy: &Json, _: &PhysicalId) -> Option<Json> {
    let text = described(policy, "policyDocument")?;
    (described(policy, "source") != Some("ACCOUNT"))
        .then(|| serde_json::from_str::<Json>(text).unwrap_or_else(|_| text.into()))
}

fn declared(update: &Update<'_>, property: &str) -> Result<Option<Json>> {
    match update.desired.get(property) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .expose_json()
            .map(Some)
            .ok_or_else(|| Error::Unknown(format!("AWS::Logs::LogGroup {property}"))),
    }
}

fn text(document: &Json) -> String {
    document
        .as_str()
        .map_or_else(|| document.to_string(), str::to_owned)
}

async fn call(context: &Context, operation: &str, input: Json) -> Result<()> {
    let Json::Object(input) = input else {
        return Ok(());
    };
    match generic::write(LogGroup.definition(), context, operation, input).await {
        // What is to be taken away is not there.
        Err(error)
            if operation.starts_with("Delete")
                && error.code() == Some("ResourceNotFoundException") =>
        {
            Ok(())
        }
        done => done.map(|_| ()),
    }
}

fn retention<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let days = declared(update, "RetentionInDays")?;
        let days =
            days.and_then(|days| days.as_i64().or_else(|| days.as_str()?.trim().parse().ok()));
        match days {
            Some(days) => {
                let input = json!({"logGroupName": id.as_str(), "retentionInDays": days});
                call(context, "PutRetentionPolicy", input).await
            }
            // Logs are kept for ever.
            None => {
                call(
                    context,
                    "DeleteRetentionPolicy",
                    json!({"logGroupName": id.as_str()}),
                )
                .await
            }
        }
    })
}

fn key<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        match declared(update, "KmsKeyId")? {
            Some(key) => {
                let input = json!({"logGroupName": id.as_str(), "kmsKeyId": key});
                call(context, "AssociateKmsKey", input).await
            }
            None => {
                call(
                    context,
                    "DisassociateKmsKey",
                    json!({"logGroupName": id.as_str()}),
                )
                .await
            }
        }
    })
}

fn data_protection<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let group = json!({"logGroupIdentifier": id.as_str()});
        match declared(update, "DataProtectionPolicy")? {
            Some(policy) => {
                let input =
                    json!({"logGroupIdentifier": id.as_str(), "policyDocument": text(&policy)});
                call(context, "PutDataProtectionPolicy", input).await
            }
            None => call(context, "DeleteDataProtectionPolicy", group).await,
        }
    })
}

/// A group has one index policy (API_PutIndexPolicy: it "creates or updates" the group's); the registry makes a list of it.
fn index<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let policies = declared(update, "FieldIndexPolicies")?;
        let policies = policies.as_ref().and_then(Json::as_array);
        match policies.map(Vec::as_slice).unwrap_or_default() {
            [] => {
                call(
                    context,
                    "DeleteIndexPolicy",
                    json!({"logGroupIdentifier": id.as_str()}),
                )
                .await
            }
            [policy] => {
                let input =
                    json!({"logGroupIdentifier": id.as_str(), "policyDocument": text(policy)});
                call(context, "PutIndexPolicy", input).await
            }
            _ => Err(Error::Failed(
                "AWS::Logs::LogGroup: a log group has one field index policy (API_PutIndexPolicy)"
                    .to_owned(),
            )),
        }
    })
}

fn resource_policy<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let groups = generic::items_of(context, &LOG_GROUPS, id.as_str()).await?;
        let Some(arn) = groups
            .first()
            .and_then(|group| described(group, "logGroupArn"))
        else {
            return Err(Error::Answer {
                call: "logs:DescribeLogGroups".to_owned(),
                missing: "logGroupArn".to_owned(),
            });
        };
        match declared(update, "ResourcePolicyDocument")? {
            Some(policy) => {
                let input = json!({"resourceArn": arn, "policyDocument": text(&policy)});
                call(context, "PutResourcePolicy", input).await
            }
            None => call(context, "DeleteResourcePolicy", json!({"resourceArn": arn})).await,
        }
    })
}
