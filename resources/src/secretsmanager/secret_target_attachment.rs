//! `AWS::SecretsManager::SecretTargetAttachment`: writes into a database's secret where the database is.
//!
//! AWS has no such thing; what there is of it stands in the secret's value. So a read looks into the value, in memory, and tells only whether it
//! names the database as it is now. Who may not look (`secretsmanager:GetSecretValue`) sees it as it was last applied.

use async_trait::async_trait;

use super::target::{self, Kind, Target};
use super::{SECRETS, VALUES, put_value, text, value_of};
use crate::context::Context;
use crate::definition::FindFuture;
use crate::error::{Error, Result};
use crate::loaders;
use crate::prelude::*;

/// `AWS::SecretsManager::SecretTargetAttachment`.
pub struct SecretTargetAttachment;

static DEFINITION: Definition = Definition {
    create: Create {
        own: &["SecretId", "TargetId", "TargetType"],
        ..Create::of("UpdateSecret", "")
    },
    reads: &[
        Read::of(&SECRETS),
        Read {
            when: Some(|_| false),
            ..Read::of(&VALUES)
        },
        Read {
            when: Some(|_| false),
            ..Read::of(&crate::rds::INSTANCES)
        },
        Read {
            when: Some(|_| false),
            ..Read::of(&crate::rds::CLUSTERS)
        },
    ],
    updates: &[Change {
        takes: &["TargetId", "TargetType"],
        mode: Mode::Step(change),
        ..Change::of("UpdateSecret", &[])
    }],
    delete: Delete::of("UpdateSecret", &[], &["ResourceNotFoundException"]),
    find: Find::Search(find),
    rules: &[Rule::Told("Id", "ARN"), Rule::Told("SecretId", "ARN")],
    needs: &[Need {
        property: "TargetId",
        reason: "A database has an endpoint only when it is available (RDS API reference, DBInstance, Endpoint: it \"appears only after the DB instance is created\")",
    }],
    // Whoever reads the secret for the database's host finds it there.
    completes: &["SecretId"],
    unique: &[&["SecretId"]],
    not_told: &[
        (
            "TargetId",
            "it stands in the secret's value: who may not read that sees it as it was applied",
        ),
        (
            "TargetType",
            "it follows from the secret's value: who may not read that sees it as it was applied",
        ),
    ],
    ..Definition::new(
        "AWS::SecretsManager::SecretTargetAttachment",
        "secretsmanager",
    )
};

fn unsupported(type_name: &str) -> Error {
    Error::Unsupported {
        type_name: DEFINITION.type_name.to_owned(),
        property: "TargetType".into(),
        reason: format!(
            "`{type_name}` is none of {}",
            target::TYPES
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

fn kind(properties: &Value) -> Result<Kind> {
    let type_name = text(properties, "TargetType").unwrap_or_default();
    let found = target::TYPES.iter().find(|(name, _)| *name == type_name);
    found
        .map(|(_, kind)| *kind)
        .ok_or_else(|| unsupported(&type_name))
}

/// The database that is declared.
async fn wanted(context: &Context, desired: &Value) -> Result<Target> {
    let kind = kind(desired)?;
    let id = text(desired, "TargetId").unwrap_or_default();
    let found = target::describe(context, kind, &id).await?;
    let found = found.ok_or_else(|| {
        Error::Failed(format!("there is no database `{id}` to link the secret to"))
    })?;
    if !found.members.contains_key("host") {
        return Err(Error::Failed(format!(
            "the database `{id}` has no endpoint"
        )));
    }
    Ok(found)
}

/// Writes the database into the secret's value; nothing where it stands there already.
async fn link(context: &Context, secret: &str, desired: &Value) -> Result<()> {
    let target = wanted(context, desired).await?;
    let value = value_of(context, secret).await?.unwrap_or_default();
    let linked = target::linked(&value, &target)?;
    if target::members(&value) == target::members(&linked) {
        return Ok(());
    }
    put_value(&DEFINITION, context, secret, &linked).await
}

fn change<'a>(context: &'a Context, id: &'a PhysicalId, update: &'a Update<'a>) -> StepFuture<'a> {
    Box::pin(link(context, id.as_str(), update.desired))
}

/// It has no tags: a secret that names the declared database is linked to it.
fn find<'a>(context: &'a Context, desired: &'a Value, _: &'a Incarnation) -> FindFuture<'a> {
    Box::pin(async move {
        let secret = text(desired, "SecretId").unwrap_or_default();
        let Some(found) = generic::items_of(context, &SECRETS, &secret).await?.pop() else {
            return Ok(None);
        };
        let Some(arn) = described(&found, "ARN") else {
            return Ok(None);
        };
        let value = value_of(context, arn).await?.unwrap_or_default();
        let wanted = text(desired, "TargetId").unwrap_or_default();
        let named = target::members(&value).and_then(|members| target::named(&members));
        let ours = named.is_some_and(|(_, id)| id == target::identifier(&wanted));
        Ok(ours.then(|| arn.into()))
    })
}

#[async_trait]
impl Resource for SecretTargetAttachment {
    fn definition(&self) -> &'static Definition {
        &DEFINITION
    }

    async fn create(
        &self,
        context: &Context,
        desired: &Value,
        _: &Incarnation,
    ) -> Result<Observed> {
        let secret = text(desired, "SecretId").unwrap_or_default();
        let found = generic::items_of(context, &SECRETS, &secret).await?;
        let arn = found.first().and_then(|secret| described(secret, "ARN"));
        let arn = arn.ok_or_else(|| Error::Failed(format!("there is no secret `{secret}`")))?;
        link(context, arn, desired).await?;
        let mut model = desired.clone();
        if let Some(members) = model.as_map_mut() {
            members.insert("Id".to_owned(), arn.into());
            members.insert("SecretId".to_owned(), arn.into());
        }
        Ok(Observed {
            id: arn.into(),
            model,
            status: Status::Ready,
        })
    }

    async fn read(&self, context: &Context, id: &PhysicalId) -> Result<Option<Observed>> {
        let secrets = loaders::load(context, &SECRETS, id.as_str()).await?;
        let gone = |secret: &Json| look(secret, "DeletedDate").is_some_and(|date| !date.is_null());
        let Some(secret) = secrets.first().filter(|secret| !gone(secret)) else {
            return Ok(None);
        };
        let arn = described(secret, "ARN").unwrap_or(id.as_str());
        let mut description = json!({"ARN": arn});
        let values = match loaders::load(context, &VALUES, id.as_str()).await {
            Err(error) if error.code() == Some("AccessDeniedException") => {
                return generic::observed(&DEFINITION, id, &description);
            }
            values => values?,
        };
        let value = values
            .first()
            .and_then(|value| described(value, "SecretString"))
            .and_then(target::members);
        let Some((kind, identifier)) = value.as_ref().and_then(target::named) else {
            return Ok(None);
        };
        let found = target::describe(context, kind, &identifier).await?;
        let up_to_date = match (&found, &value) {
            (Some(found), Some(value)) => target::says(value, &found.members),
            _ => true,
        };
        // A link to where the database no longer is, is none.
        description["TargetId"] = json!(if up_to_date { identifier.as_str() } else { "" });
        let guess = match kind {
            Kind::Instance => "AWS::RDS::DBInstance",
            Kind::Cluster => "AWS::RDS::DBCluster",
        };
        description["TargetType"] = json!(found.as_ref().map_or(guess, |found| found.type_name));
        generic::observed(&DEFINITION, id, &description)
    }

    /// Takes away what it wrote, and nothing else.
    async fn delete(&self, context: &Context, id: &PhysicalId, deletion: &Deletion) -> Result<()> {
        let Some(value) = value_of(context, id.as_str()).await? else {
            return Ok(());
        };
        let applied = deletion.last_applied.as_ref();
        let named = target::members(&value).and_then(|members| target::named(&members));
        let Some((kind, now)) = named else {
            return Ok(());
        };
        let linked = applied.and_then(|applied| text(applied, "TargetId"));
        let linked = linked.map_or_else(|| now.clone(), |id| target::identifier(&id));
        let found: Option<Target> = target::describe(context, kind, &now).await?;
        match target::unlinked(&value, &linked, found.as_ref()) {
            Some(value) => put_value(&DEFINITION, context, id.as_str(), &value).await,
            None => Ok(()),
        }
    }
}
