//! `AWS::SecretsManager::Secret`: a secret, and its value for as long as only the template gives it one.

use std::time::Duration;

use async_trait::async_trait;

use super::{REFUSED, SECRETS, generated, put_value, target, value_of};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::prelude::*;
use crate::tags;

/// `AWS::SecretsManager::Secret`.
pub struct Secret;

/// How long copies in other regions may take, and a deletion without recovery; AWS gives no times, both are moments.
const COPYING: Duration = Duration::from_secs(600);
/// How long a name may stay taken after a deletion without recovery: "use appropriate back off and retry logic" (API_DeleteSecret).
const PURGING: Duration = Duration::from_secs(60);

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["GenerateSecretString"],
        ..Create::of("CreateSecret", "")
    },
    reads: &[Read::of(&SECRETS)],
    updates: &[
        Change::of("UpdateSecret", &["SecretId=Id"]),
        Change {
            takes: &["SecretString", "GenerateSecretString"],
            mode: Mode::Step(value),
            ..Change::of("UpdateSecret", &["SecretId=Id"])
        },
        Change {
            takes: &["ReplicaRegions"],
            mode: Mode::Step(replicas),
            ..Change::of("ReplicateSecretToRegions", &["SecretId=Id"])
        },
    ],
    delete: Delete::of(
        "DeleteSecret",
        &["SecretId=Id"],
        &["ResourceNotFoundException"],
    ),
    find: Find::Search(search),
    rules: &[
        Rule::Told("Id", "ARN"),
        Rule::Sent("ReplicaRegions", "AddReplicaRegions"),
        Rule::Computed("ReplicaRegions", copies),
    ],
    tags: Tags::Member,
    // "The secret name can contain ASCII letters, numbers, and the following characters: /_+=.@-" (API_CreateSecret).
    name: Some(Name {
        also: "/_+=.@",
        ..Name::of("Name", 512)
    }),
    status,
    unique: &[&["Name"]],
    resets: &[
        ("Description", r#""""#),
        // "If you set this to an empty string, Secrets Manager uses the AWS managed key aws/secretsmanager" (API_UpdateSecret).
        ("KmsKeyId", r#""""#),
        ("Type", r#""""#),
        ("ReplicaRegions", "[]"),
    ],
    ..Definition::new("AWS::SecretsManager::Secret", "secretsmanager")
};

/// What waits for its deletion can be used no more, and AWS keeps it for the recovery window (API_DescribeSecret, DeletedDate). The copies
/// come after the secret itself.
fn status(secret: &Json) -> Status {
    if look(secret, "DeletedDate").is_some_and(|date| !date.is_null()) {
        return Status::Gone;
    }
    match copying(secret) {
        true => Status::Pending,
        false => Status::Ready,
    }
}

fn copying(secret: &Json) -> bool {
    each_copy(secret).any(|copy| state_is(&copy, "Status", &["InProgress", "Pending"]))
}

fn each_copy(secret: &Json) -> impl Iterator<Item = Json> {
    let list = look(secret, "ReplicationStatus");
    let list = match list {
        Some(Json::Array(list)) => list,
        _ => Vec::new(),
    };
    list.into_iter()
}

/// A copy that failed is none: it is asked for again.
fn copies(secret: &Json) -> Option<Json> {
    let copies: Vec<Json> = each_copy(secret)
        .filter(|copy| !state_is(copy, "Status", &["Failed"]))
        .map(|copy| {
            let parts = ["Region", "KmsKeyId"].into_iter();
            let parts = parts.filter_map(|name| Some((name.to_owned(), look(&copy, name)?)));
            Json::Object(parts.collect())
        })
        .collect();
    (!copies.is_empty()).then_some(Json::Array(copies))
}

/// What is generated is drawn once, here, and told nobody: neither the journal nor the model has it.
fn value<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(async move {
        let Some(mut value) = generated::value(context, update.desired).await? else {
            return Ok(());
        };
        if update.desired.get("SecretString").is_none()
            && let Some(now) = value_of(context, id.as_str()).await?
        {
            // What a SecretTargetAttachment wrote into a generated value is its, and stays.
            value = target::carried_over(&now, value);
        }
        put_value(&DEFINITION, context, id.as_str(), &value).await
    })
}

/// Region and key of each.
fn declared(properties: &Value) -> Vec<(String, Option<String>)> {
    let regions = properties.get("ReplicaRegions").and_then(Value::as_list);
    regions
        .into_iter()
        .flatten()
        .filter_map(|one| {
            let key = one.get("KmsKeyId").and_then(Value::to_text);
            Some((one.get("Region")?.to_text()?, key))
        })
        .collect()
}

/// Copies that shall have another key, or failed, are made anew: no call changes one (API_ReplicateSecretToRegions).
fn replicas<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let wanted = declared(update.desired);
        let Some(secret) = fresh(context, id.as_str()).await? else {
            return Ok(());
        };
        let mut kept = Vec::new();
        let mut gone = Vec::new();
        for copy in each_copy(&secret) {
            let region = described(&copy, "Region").unwrap_or_default().to_owned();
            let key = described(&copy, "KmsKeyId").unwrap_or_default();
            let stays = wanted.iter().any(|(wanted, wanted_key)| {
                // A key may be given by its identifier and told by its ARN.
                let same = |wanted: &String| {
                    key == wanted || key.rsplit('/').next() == Some(wanted.as_str())
                };
                *wanted == region && wanted_key.as_ref().is_none_or(same)
            });
            if stays && !state_is(&copy, "Status", &["Failed"]) {
                kept.push(region);
            } else {
                gone.push(region);
            }
        }
        if !gone.is_empty() {
            remove_copies(context, id.as_str(), &gone).await?;
        }
        let more: Vec<Json> = wanted
            .iter()
            .filter(|(region, _)| !kept.contains(region))
            .map(|(region, key)| match key {
                Some(key) => json!({"Region": region, "KmsKeyId": key}),
                None => json!({"Region": region}),
            })
            .collect();
        if more.is_empty() {
            return Ok(());
        }
        let input = Map::from_iter([
            ("SecretId".to_owned(), json!(id.as_str())),
            ("AddReplicaRegions".to_owned(), json!(more)),
        ]);
        generic::write(&DEFINITION, context, "ReplicateSecretToRegions", input).await?;
        let done = until(context, id.as_str(), |secret| !copying(secret)).await?;
        let failed = each_copy(&done).find(|copy| state_is(copy, "Status", &["Failed"]));
        match failed {
            None => Ok(()),
            Some(copy) => Err(Error::Failed(format!(
                "the copy of {id} in {} failed: {}",
                described(&copy, "Region").unwrap_or_default(),
                described(&copy, "StatusMessage").unwrap_or("AWS does not say why")
            ))),
        }
    })
}

/// The secret as it is now, past the round's loaders.
async fn fresh(context: &Context, id: &str) -> Result<Option<Json>> {
    Ok(generic::items_of(context, &SECRETS, id)
        .await?
        .into_iter()
        .next())
}

/// Looks until the secret is so; gives it as it is then.
async fn until(context: &Context, id: &str, done: impl Fn(&Json) -> bool) -> Result<Json> {
    let start = context.clock().now();
    loop {
        let secret = fresh(context, id).await?.unwrap_or_default();
        let spent = context.clock().now().duration_since(start);
        if done(&secret) || spent.unwrap_or(COPYING) >= COPYING {
            return Ok(secret);
        }
        context.clock().sleep(Duration::from_secs(2)).await;
    }
}

async fn remove_copies(context: &Context, id: &str, regions: &[String]) -> Result<()> {
    let input = json!({"SecretId": id, "RemoveReplicaRegions": regions});
    context
        .write("secretsmanager", "RemoveRegionsFromReplication", input)
        .await?;
    let left = |secret: &Json| {
        each_copy(secret).any(|copy| {
            described(&copy, "Region").is_some_and(|one| regions.iter().any(|gone| gone == one))
        })
    };
    until(context, id, |secret| !left(secret)).await?;
    Ok(())
}

/// The secret of this name, if it carries the incarnation's tag: DescribeSecret tells tags at once.
fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    incarnation: &'a Incarnation,
) -> FindFuture<'a> {
    Box::pin(async move {
        let Some(name) = super::text(desired, "Name") else {
            return Ok(None);
        };
        let Some(secret) = fresh(context, &name).await? else {
            return Ok(None);
        };
        let ours =
            status(&secret) != Status::Gone && tags::carries(secret.get("Tags"), incarnation);
        let arn = described(&secret, "ARN").filter(|_| ours);
        Ok(arn.map(PhysicalId::from))
    })
}

/// Whether AWS says that the name waits for its last owner's deletion.
fn is_taken_still(error: &Error) -> bool {
    error
        .aws()
        .is_some_and(|aws| aws.code == REFUSED && aws.message.contains("scheduled for deletion"))
}

/// The same error with what to do about it.
fn with_advice(error: Error, name: &str) -> Error {
    match error.aws() {
        Some(aws) if is_taken_still(&error) => {
            let mut aws = aws.clone();
            aws.message = format!(
                "{} It is kept for its recovery window: choose another name, delete it for good with `aws secretsmanager delete-secret \
                 --secret-id {name} --force-delete-without-recovery`, or restore it with `aws secretsmanager restore-secret --secret-id \
                 {name}` and give it another name's place",
                aws.message
            );
            aws.into()
        }
        _ => error,
    }
}

#[async_trait]
impl Resource for Secret {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        incarnation: &Incarnation,
    ) -> Result<Observed> {
        let value = generated::value(context, desired).await?;
        let mut whole = desired.clone();
        if let Some(members) = whole.as_map_mut() {
            members.remove("GenerateSecretString");
            if let Some(value) = value {
                members.insert("SecretString".to_owned(), Value::secret(value));
            }
        }
        let name = super::text(desired, "Name").unwrap_or_default();
        let start = context.clock().now();
        let mut made = loop {
            match generic::create(&DEFINITION, context, &whole, incarnation).await {
                Err(error) if is_taken_still(&error) => {
                    let spent = context.clock().now().duration_since(start);
                    let waits = fresh(context, &name).await?.is_some_and(|secret| {
                        // A secret that can be restored stays for a week at least.
                        look(&secret, "DeletedDate").is_some()
                    });
                    if waits && spent.unwrap_or(PURGING) >= PURGING {
                        return Err(with_advice(error, &name));
                    }
                    context.retrying(&error);
                    context.clock().sleep(Duration::from_secs(5)).await;
                }
                done => break done?,
            }
        };
        if let Some(members) = made.model.as_map_mut() {
            members.remove("SecretString");
        }
        Ok(made)
    }

    /// Copies first: "You can't delete a primary secret that is replicated to other Regions" (API_DeleteSecret). Without a word about it
    /// AWS keeps the secret for thirty days.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let Some(secret) = fresh(context, id.as_str()).await? else {
            return Ok(());
        };
        if status(&secret) == Status::Gone {
            return Ok(());
        }
        let regions: Vec<String> = each_copy(&secret)
            .filter_map(|copy| described(&copy, "Region").map(str::to_owned))
            .collect();
        if !regions.is_empty() {
            remove_copies(context, id.as_str(), &regions).await?;
        }
        let mut input = Map::from_iter([("SecretId".to_owned(), json!(id.as_str()))]);
        if deletion.without_recovery {
            input.insert("ForceDeleteWithoutRecovery".to_owned(), true.into());
        }
        generic::delete_with(&DEFINITION, context, "DeleteSecret", input).await
    }
}
