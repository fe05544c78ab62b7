//! What a table has by calls of its own: time to live, recovery, insights, a stream to Kinesis, policies; and its import.

use std::time::Duration;

use payctl_model::{Incarnation, PhysicalId, PropertyPath, Value};
use serde_json::{Map, Value as Json, json};

use super::alteration::{BACKFILL, active};
use super::table::DEFINITION;
use super::{IMPORT, IMPORTS, description};
use crate::context::Context;
use crate::definition::StepFuture;
use crate::error::{Error, Result};
use crate::generic::{self, described};
use crate::mapping::look;
use crate::resource::{Observed, Status, Update};

/// How long DynamoDB may take to switch time to live off ("it can take up to one hour": API_UpdateTimeToLive).
const SWITCHING: Duration = Duration::from_secs(3_600);

async fn write(context: &Context, operation: &str, input: Json) -> Result<Json> {
    let input = input.as_object().cloned().unwrap_or_default();
    generic::write(&DEFINITION, context, operation, input).await
}

fn part(of: &Value, property: &str) -> Result<Option<Json>> {
    match of.get(property) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .expose_json()
            .map(Some)
            .ok_or_else(|| Error::Unknown(format!("{} {property}", DEFINITION.type_name))),
    }
}

/// A flag, also where a template writes it as a text.
fn flag(of: Option<&Json>, name: &str) -> bool {
    let value = of.and_then(|of| of.get(name));
    value.is_some_and(|value| {
        value.as_bool().unwrap_or_else(|| {
            value
                .as_str()
                .is_some_and(|text| text.eq_ignore_ascii_case("true"))
        })
    })
}

pub(super) fn time_to_live<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    const PROPERTY: &str = "TimeToLiveSpecification";
    Box::pin(async move {
        let (want, have) = (
            part(update.desired, PROPERTY)?,
            part(update.live, PROPERTY)?,
        );
        let attribute = |of: &Option<Json>| -> Option<String> {
            let of = of.as_ref().filter(|of| flag(Some(of), "Enabled"))?;
            described(of, "AttributeName").map(str::to_owned)
        };
        let (want, have) = (attribute(&want), attribute(&have));
        if want == have {
            return Ok(());
        }
        active(context, id.as_str()).await?;
        if let Some(name) = &have {
            switch(context, id, name, false).await?;
            if want.is_some() {
                // Under another attribute it is switched on again only when it is off (API_UpdateTimeToLive).
                switched_off(context, id).await?;
            }
        }
        match &want {
            Some(name) => switch(context, id, name, true).await,
            None => Ok(()),
        }
    })
}

async fn switch(context: &Context, id: &PhysicalId, attribute: &str, on: bool) -> Result<()> {
    let input = json!({
        "TableName": id.as_str(),
        "TimeToLiveSpecification": {"Enabled": on, "AttributeName": attribute},
    });
    match write(context, "UpdateTimeToLive", input).await {
        // It was before.
        Err(error)
            if error.aws().is_some_and(|aws| {
                aws.code == "ValidationException" && aws.message.contains("TimeToLive is already")
            }) =>
        {
            Ok(())
        }
        done => done.map(|_| ()),
    }
}

async fn switched_off(context: &Context, id: &PhysicalId) -> Result<()> {
    let start = context.clock().now();
    loop {
        let input = json!({"TableName": id.as_str()});
        let answer = context
            .read("dynamodb", "DescribeTimeToLive", input)
            .await?;
        let status = look(&answer, "TimeToLiveDescription.TimeToLiveStatus");
        if status.as_ref().and_then(Json::as_str) == Some("DISABLED") {
            return Ok(());
        }
        let spent = context.clock().now().duration_since(start);
        if spent.unwrap_or(SWITCHING) >= SWITCHING {
            return Err(Error::Failed(format!(
                "{}: time to live of {id} is still being switched off; apply again to switch it on under its new attribute",
                DEFINITION.type_name
            )));
        }
        context.clock().sleep(Duration::from_secs(15)).await;
    }
}

pub(super) fn recovery<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    const PROPERTY: &str = "PointInTimeRecoverySpecification";
    const ENABLED: &str = "PointInTimeRecoveryEnabled";
    Box::pin(async move {
        let (want, have) = (
            part(update.desired, PROPERTY)?,
            part(update.live, PROPERTY)?,
        );
        let on = flag(want.as_ref(), ENABLED);
        if !on && !flag(have.as_ref(), ENABLED) {
            return Ok(());
        }
        active(context, id.as_str()).await?;
        let properties = Map::from_iter([(PROPERTY.to_owned(), want.unwrap_or_default())]);
        let mut input = generic::input(&DEFINITION, "UpdateContinuousBackups", &properties)?;
        if !on {
            input.insert(PROPERTY.to_owned(), json!({ENABLED: false}));
        }
        input.insert("TableName".to_owned(), id.as_str().into());
        write(context, "UpdateContinuousBackups", Json::Object(input)).await?;
        Ok(())
    })
}

pub(super) fn insights<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    const PROPERTY: &str = "ContributorInsightsSpecification";
    Box::pin(async move {
        let (want, have) = (
            part(update.desired, PROPERTY)?,
            part(update.live, PROPERTY)?,
        );
        active(context, id.as_str()).await?;
        watch(context, id.as_str(), None, want.as_ref(), have.as_ref()).await
    })
}

/// Switches contributor insights of a table or an index.
pub(super) async fn watch(
    context: &Context,
    table: &str,
    index: Option<&str>,
    want: Option<&Json>,
    have: Option<&Json>,
) -> Result<()> {
    let (on, was) = (flag(want, "Enabled"), flag(have, "Enabled"));
    let mode = want.and_then(|want| want.get("Mode"));
    let other_mode = mode.is_some() && mode != have.and_then(|have| have.get("Mode"));
    if on == was && !(on && other_mode) {
        return Ok(());
    }
    let action = if on { "ENABLE" } else { "DISABLE" };
    let mut input = json!({"TableName": table, "ContributorInsightsAction": action});
    if let Some(members) = input.as_object_mut() {
        if let Some(index) = index {
            members.insert("IndexName".to_owned(), index.into());
        }
        if let Some(mode) = mode.filter(|_| on) {
            members.insert("ContributorInsightsMode".to_owned(), mode.clone());
        }
    }
    write(context, "UpdateContributorInsights", input).await?;
    Ok(())
}

pub(super) fn kinesis<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    const PROPERTY: &str = "KinesisStreamSpecification";
    const PRECISION: &str = "ApproximateCreationDateTimePrecision";
    Box::pin(async move {
        let (want, have) = (
            part(update.desired, PROPERTY)?,
            part(update.live, PROPERTY)?,
        );
        let stream = |of: &Option<Json>| of.as_ref()?.get("StreamArn").cloned();
        let precision = |of: &Option<Json>| of.as_ref()?.get(PRECISION).cloned();
        active(context, id.as_str()).await?;
        let call = |operation: &'static str, arn: &Json, configuration: Option<(&str, Json)>| {
            let mut input = json!({"TableName": id.as_str(), "StreamArn": arn});
            if let (Some(members), Some((member, precision))) =
                (input.as_object_mut(), configuration)
            {
                members.insert(member.to_owned(), json!({PRECISION: precision}));
            }
            write(context, operation, input)
        };
        match (stream(&want), stream(&have)) {
            (Some(new), Some(old)) if new == old => {
                if let Some(precision) = precision(&want) {
                    let configuration = ("UpdateKinesisStreamingConfiguration", precision);
                    let operation = "UpdateKinesisStreamingDestination";
                    call(operation, &new, Some(configuration)).await?;
                }
            }
            (new, old) => {
                if let Some(old) = old {
                    call("DisableKinesisStreamingDestination", &old, None).await?;
                }
                if let Some(new) = new {
                    let configuration = precision(&want)
                        .map(|precision| ("EnableKinesisStreamingConfiguration", precision));
                    let operation = "EnableKinesisStreamingDestination";
                    call(operation, &new, configuration).await?;
                }
            }
        }
        Ok(())
    })
}

/// A policy as the calls take it.
pub(super) fn policy_text(policy: &Json) -> String {
    match policy.get("PolicyDocument") {
        Some(Json::String(text)) => text.clone(),
        Some(document) => document.to_string(),
        None => String::new(),
    }
}

pub(super) fn policy<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    const PROPERTY: &str = "ResourcePolicy";
    Box::pin(async move {
        let (want, have) = (
            part(update.desired, PROPERTY)?,
            part(update.live, PROPERTY)?,
        );
        let table = active(context, id.as_str()).await?;
        let arn = described(&table, "TableArn").unwrap_or_default();
        protect(context, arn, want.as_ref(), have.as_ref()).await
    })
}

/// Gives a table or a stream its policy, or takes it away.
pub(super) async fn protect(
    context: &Context,
    arn: &str,
    want: Option<&Json>,
    have: Option<&Json>,
) -> Result<()> {
    if want == have {
        return Ok(());
    }
    let done = match want {
        Some(policy) => {
            let input = json!({"ResourceArn": arn, "Policy": policy_text(policy)});
            write(context, "PutResourcePolicy", input).await
        }
        None => write(context, "DeleteResourcePolicy", json!({"ResourceArn": arn})).await,
    };
    match done {
        Err(error) if want.is_none() && error.code() == Some("PolicyNotFoundException") => Ok(()),
        done => done.map(|_| ()),
    }
}

/// What ImportTable takes of a table (API_TableCreationParameters). All else follows when the import is over.
const IMPORTED: &[&str] = &[
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "OnDemandThroughput",
    "ProvisionedThroughput",
    "SSESpecification",
    "TableName",
];

/// Makes a table of what lies in a bucket.
pub(super) async fn import(
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Observed> {
    let properties = desired
        .expose_json()
        .and_then(|json| json.as_object().cloned())
        .ok_or_else(|| Error::Unknown(DEFINITION.type_name.to_owned()))?;
    let table: Map<String, Json> = properties
        .iter()
        .filter(|(name, _)| IMPORTED.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut input = match properties.get("ImportSourceSpecification") {
        Some(Json::Object(source)) => source.clone(),
        _ => Map::new(),
    };
    // It names the members of a table as CreateTable does; what indexes have besides comes afterwards.
    let mut table = generic::input(&DEFINITION, "CreateTable", &table)?;
    if let Some(Json::Array(indexes)) = table.get_mut("GlobalSecondaryIndexes") {
        for index in indexes.iter_mut().filter_map(Json::as_object_mut) {
            index.remove("ContributorInsightsSpecification");
        }
    }
    input.insert("TableCreationParameters".to_owned(), table.into());
    input.insert("ClientToken".to_owned(), incarnation.token("").into());
    let answer = write(context, "ImportTable", Json::Object(input)).await?;
    let id = PhysicalId::from(
        properties
            .get("TableName")
            .and_then(Json::as_str)
            .unwrap_or_default(),
    );
    context.identified(&id).await?;
    let arn = look(&answer, "ImportTableDescription.ImportArn").unwrap_or_default();
    over(context, arn.as_str().unwrap_or_default()).await?;
    let table = active(context, id.as_str()).await?;
    let made = generic::observed(&DEFINITION, &id, &table)?.ok_or_else(|| Error::Answer {
        call: "dynamodb:ImportTable".to_owned(),
        missing: "TableName".to_owned(),
    })?;
    // Indexes are there; what they have by calls of their own is not.
    let follows = |name: &&String| {
        *name != "ImportSourceSpecification"
            && (!IMPORTED.contains(&name.as_str()) || *name == "GlobalSecondaryIndexes")
    };
    let changed: Vec<PropertyPath> = properties
        .keys()
        .filter(follows)
        .map(|name| PropertyPath::root().key(name))
        .collect();
    let update = Update {
        desired,
        live: &made.model,
        changed: &changed,
    };
    generic::update(&DEFINITION, context, &id, &update).await?;
    Ok(made)
}

/// IN_PROGRESS | COMPLETED | CANCELLING | CANCELLED | FAILED (API_ImportTableDescription).
async fn over(context: &Context, import: &str) -> Result<()> {
    let start = context.clock().now();
    loop {
        let told = generic::items_of(context, &IMPORT, import).await?;
        let told = told.first().cloned().unwrap_or_default();
        match described(&told, "ImportStatus") {
            Some("COMPLETED") => return Ok(()),
            Some(status @ ("FAILED" | "CANCELLED")) => {
                let why = described(&told, "FailureMessage").unwrap_or("DynamoDB does not say why");
                return Err(Error::Failed(format!(
                    "{}: the import is {status}: {why}",
                    DEFINITION.type_name
                )));
            }
            _ => {}
        }
        let spent = context.clock().now().duration_since(start);
        if spent.unwrap_or(BACKFILL) >= BACKFILL {
            let what = format!("{}: the import does not end", DEFINITION.type_name);
            return Err(Error::Failed(what));
        }
        context.clock().sleep(Duration::from_secs(30)).await;
    }
}

/// The table whose import carries this incarnation's token.
pub(super) async fn imported(
    context: &Context,
    desired: &Value,
    incarnation: &Incarnation,
) -> Result<Option<PhysicalId>> {
    let Some(name) = desired.get("TableName").and_then(Value::as_str) else {
        return Ok(None);
    };
    let tables = generic::items_of(context, &super::TABLES, name).await?;
    let Some(table) = tables.first() else {
        return Ok(None);
    };
    if description::status(table) == Status::Gone {
        return Ok(None);
    }
    let arn = described(table, "TableArn").unwrap_or_default();
    for import in generic::items_of(context, &IMPORTS, arn).await? {
        let Some(import) = described(&import, "ImportArn") else {
            continue;
        };
        let told = generic::items_of(context, &IMPORT, import).await?;
        let token = incarnation.token("");
        if told
            .iter()
            .any(|told| described(told, "ClientToken") == Some(token.as_str()))
        {
            return Ok(Some(name.into()));
        }
    }
    Ok(None)
}
