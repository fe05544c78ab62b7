//! Changing a table by UpdateTable: one kind of change a call, and one index, each when the table has come to rest.

use std::collections::BTreeSet;
use std::time::Duration;

use payctl_model::{PhysicalId, PropertyPath, Value};
use serde_json::{Map, Value as Json, json};

use super::table::DEFINITION;
use super::{description, satellites};
use crate::context::Context;
use crate::definition::StepFuture;
use crate::error::{Error, Result};
use crate::generic::{self, described};
use crate::mapping::look;
use crate::resource::{Status, Update};

/// How long an index may be filled (DynamoDB developer guide, "Managing global secondary indexes": it depends on the size of the
/// table), or a table be imported.
pub(super) const BACKFILL: Duration = Duration::from_secs(24 * 3_600);
/// How long a table that was just made may not be known yet ("DescribeTable uses an eventually consistent query":
/// API_DescribeTable).
const UNKNOWN: Duration = Duration::from_secs(60);

/// The table as soon as it may be changed ("while it's UPDATING, you can't issue another UpdateTable request":
/// API_UpdateTable).
pub(super) async fn active(context: &Context, table: &str) -> Result<Json> {
    let start = context.clock().now();
    loop {
        let spent = || {
            context
                .clock()
                .now()
                .duration_since(start)
                .unwrap_or(BACKFILL)
        };
        let input = json!({"TableName": table});
        match context.read("dynamodb", "DescribeTable", input).await {
            Ok(answer) => {
                let table = look(&answer, "Table").unwrap_or_default();
                match description::status(&table) {
                    Status::Ready | Status::Deploying => return Ok(table),
                    Status::Failed(reason) => return Err(Error::Failed(reason)),
                    Status::Pending | Status::Gone => {}
                }
            }
            Err(error)
                if error.code() == Some("ResourceNotFoundException") && spent() < UNKNOWN => {}
            Err(error) => return Err(error),
        }
        if spent() >= BACKFILL {
            let what = format!("AWS::DynamoDB::Table: {table} does not come to rest");
            return Err(Error::Failed(what));
        }
        context.clock().sleep(Duration::from_secs(5)).await;
    }
}

pub(super) fn alter<'a>(
    context: &'a Context,
    id: &'a PhysicalId,
    update: &'a Update<'a>,
) -> StepFuture<'a> {
    Box::pin(async move {
        let mut alteration = Alteration {
            context,
            table: id.as_str(),
            update,
            want: wanted(update.desired)?,
        };
        alteration.carry_out().await
    })
}

/// What is declared, as CreateTable takes it.
fn wanted(desired: &Value) -> Result<Map<String, Json>> {
    let properties = desired
        .expose_json()
        .ok_or_else(|| Error::Unknown(DEFINITION.type_name.to_owned()))?;
    let properties = properties.as_object().cloned().unwrap_or_default();
    generic::input(&DEFINITION, "CreateTable", &properties)
}

fn list<'j>(of: &'j Map<String, Json>, name: &str) -> &'j [Json] {
    let list = of.get(name).and_then(Json::as_array);
    list.map_or(&[], Vec::as_slice)
}

fn name(index: &Json) -> &str {
    described(index, "IndexName").unwrap_or_default()
}

fn named<'j>(indexes: &'j [Json], wanted: &Json) -> Option<&'j Json> {
    indexes.iter().find(|index| name(index) == name(wanted))
}

/// Whether an index is what is declared, throughput aside. Nothing else of one can change (API_UpdateTable,
/// "GlobalSecondaryIndexUpdates").
fn same_index(one: &Json, other: &Json) -> bool {
    let attributes = |index: &Json| -> BTreeSet<String> {
        let list = look(index, "Projection.NonKeyAttributes");
        let texts = list.as_ref().and_then(Json::as_array).into_iter().flatten();
        texts.filter_map(Json::as_str).map(str::to_owned).collect()
    };
    let projection = |index: &Json| look(index, "Projection.ProjectionType");
    one.get("KeySchema") == other.get("KeySchema")
        && projection(one) == projection(other)
        && attributes(one) == attributes(other)
}

/// Whether throughput is as declared; what AWS tells besides does not count.
fn same_units(wanted: &Json, live: Option<&Json>) -> bool {
    let wanted = wanted.as_object().into_iter().flatten();
    wanted
        .into_iter()
        .all(|(name, units)| live.and_then(|live| live.get(name)) == Some(units))
}

struct Alteration<'a> {
    context: &'a Context,
    table: &'a str,
    update: &'a Update<'a>,
    want: Map<String, Json>,
}

impl Alteration<'_> {
    async fn carry_out(&mut self) -> Result<()> {
        for (property, member, default) in [
            (
                "DeletionProtectionEnabled",
                "DeletionProtectionEnabled",
                json!(false),
            ),
            (
                "SSESpecification",
                "SSESpecification",
                json!({"Enabled": false}),
            ),
            ("TableClass", "TableClass", json!("STANDARD")),
        ] {
            if self.update.touches(property) {
                let value = self.want.get(member).cloned().unwrap_or(default);
                self.send(json!({member: value})).await?;
            }
        }
        if self.update.touches("GlobalSecondaryIndexes") {
            self.remove_indexes().await?;
        }
        self.pay().await?;
        if self.update.touches("GlobalSecondaryIndexes") {
            self.add_indexes().await?;
        }
        for member in ["OnDemandThroughput", "WarmThroughput"] {
            self.limit(member).await?;
        }
        self.stream().await?;
        let attached = ["GlobalSecondaryIndexes", "StreamSpecification"];
        if attached
            .iter()
            .any(|property| self.update.touches(property))
        {
            let table = self.active().await?;
            attachments(self.context, &table, self.update.desired, self.update.live).await?;
        } else if self.update.touches("Tags") {
            // Tags are refused, too, while it changes (API_TagResource, ResourceInUseException).
            self.active().await?;
        }
        Ok(())
    }

    async fn active(&self) -> Result<Json> {
        active(self.context, self.table).await
    }

    /// One UpdateTable when the table is at rest.
    async fn send(&self, input: Json) -> Result<()> {
        self.active().await?;
        let mut input = input.as_object().cloned().unwrap_or_default();
        input.insert("TableName".to_owned(), self.table.into());
        generic::write(&DEFINITION, self.context, "UpdateTable", input).await?;
        Ok(())
    }

    /// Whether this part of an index is to change. What auto scaling sets is not, although it differs.
    fn touches_index(&self, index: &Json, part: &str) -> bool {
        let live = self.update.live.get("GlobalSecondaryIndexes");
        let position = live.and_then(Value::as_list).and_then(|indexes| {
            indexes
                .iter()
                .position(|live| live.get("IndexName").and_then(Value::as_str) == Some(name(index)))
        });
        let path = PropertyPath::from("GlobalSecondaryIndexes");
        let path = match position {
            Some(position) => path.index(position).key(part),
            None => return true,
        };
        let changed = self.update.changed.iter();
        changed
            .into_iter()
            .any(|changed| changed.is_prefix_of(&path) || path.is_prefix_of(changed))
    }

    async fn remove_indexes(&self) -> Result<()> {
        let table = self.active().await?;
        let table = table.as_object().cloned().unwrap_or_default();
        for index in list(&table, "GlobalSecondaryIndexes") {
            let wanted = named(list(&self.want, "GlobalSecondaryIndexes"), index);
            if wanted.is_none_or(|wanted| !same_index(wanted, index)) {
                let delete = json!({"Delete": {"IndexName": name(index)}});
                self.send(json!({"GlobalSecondaryIndexUpdates": [delete]}))
                    .await?;
            }
        }
        Ok(())
    }

    /// "You can create or delete only one global secondary index per UpdateTable operation", and the definitions are those of the
    /// keys that there are then (API_UpdateTable, "AttributeDefinitions").
    async fn add_indexes(&self) -> Result<()> {
        for index in list(&self.want, "GlobalSecondaryIndexes") {
            let table = self.active().await?;
            let table = table.as_object().cloned().unwrap_or_default();
            let live = list(&table, "GlobalSecondaryIndexes");
            if named(live, index).is_some() {
                continue;
            }
            let keyed = list(&table, "LocalSecondaryIndexes").iter().chain(live);
            let keys = keyed
                .chain([index])
                .filter_map(|index| index.get("KeySchema"));
            let used: BTreeSet<&str> = keys
                .chain(table.get("KeySchema"))
                .filter_map(Json::as_array)
                .flatten()
                .filter_map(|key| described(key, "AttributeName"))
                .collect();
            let definitions: Vec<&Json> = list(&self.want, "AttributeDefinitions")
                .iter()
                .filter(|one| {
                    described(one, "AttributeName").is_some_and(|name| used.contains(name))
                })
                .collect();
            self.send(json!({
                "AttributeDefinitions": definitions,
                "GlobalSecondaryIndexUpdates": [{"Create": index}],
            }))
            .await?;
        }
        Ok(())
    }

    /// The billing mode and provisioned throughput: a table that comes to be provisioned gets its and its indexes' in the same call
    /// (API_UpdateTable, "BillingMode").
    async fn pay(&self) -> Result<()> {
        let touched = |property: &str| self.update.touches(property);
        if ![
            "BillingMode",
            "ProvisionedThroughput",
            "GlobalSecondaryIndexes",
        ]
        .iter()
        .any(|property| touched(property))
        {
            return Ok(());
        }
        let table = self.active().await?;
        let have = description::billing_mode(&table).unwrap_or_default();
        let want = self
            .want
            .get("BillingMode")
            .cloned()
            .unwrap_or_else(|| "PROVISIONED".into());
        let switches = touched("BillingMode") && want != have;
        let mut input = Map::new();
        if switches {
            input.insert("BillingMode".to_owned(), want.clone());
        }
        if want == "PROVISIONED" {
            if let Some(units) = self.want.get("ProvisionedThroughput")
                && (switches || touched("ProvisionedThroughput"))
                && !same_units(units, table.get("ProvisionedThroughput"))
            {
                input.insert("ProvisionedThroughput".to_owned(), units.clone());
            }
            let updates = self.index_updates(&table, "ProvisionedThroughput", switches);
            if !updates.is_empty() {
                input.insert("GlobalSecondaryIndexUpdates".to_owned(), updates.into());
            }
        }
        if input.is_empty() {
            return Ok(());
        }
        self.send(Json::Object(input)).await
    }

    /// The changes of one member of the indexes that there are.
    fn index_updates(&self, table: &Json, member: &str, all: bool) -> Vec<Json> {
        let table = table.as_object().cloned().unwrap_or_default();
        let live = list(&table, "GlobalSecondaryIndexes");
        let changed = list(&self.want, "GlobalSecondaryIndexes")
            .iter()
            .filter_map(|index| {
                let units = index.get(member)?;
                let have = named(live, index)?;
                ((all || self.touches_index(index, member)) && !same_units(units, have.get(member)))
                    .then(|| json!({"Update": {"IndexName": name(index), member: units}}))
            });
        changed.collect()
    }

    /// Limits on demand, and what the table is kept warm for. A limit that is declared no more is lifted with -1
    /// (API_OnDemandThroughput); a table does not cool down by a call.
    async fn limit(&self, member: &str) -> Result<()> {
        let touched = |property: &str| self.update.touches(property);
        if !touched(member) && !touched("GlobalSecondaryIndexes") {
            return Ok(());
        }
        let table = self.active().await?;
        let mut input = Map::new();
        if touched(member) {
            let limits = member == "OnDemandThroughput";
            let unlimited = json!({"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": -1});
            let mut units = if limits { unlimited } else { json!({}) };
            if let (Some(units), Some(Json::Object(want))) =
                (units.as_object_mut(), self.want.get(member))
            {
                units.extend(want.clone());
            }
            if !same_units(&units, table.get(member)) {
                input.insert(member.to_owned(), units);
            }
        }
        let updates = self.index_updates(&table, member, false);
        if !updates.is_empty() {
            input.insert("GlobalSecondaryIndexUpdates".to_owned(), updates.into());
        }
        if input.is_empty() {
            return Ok(());
        }
        self.send(Json::Object(input)).await
    }

    /// A stream has one view for ever: for another it is switched off and on again (API_UpdateTable, "StreamSpecification").
    async fn stream(&self) -> Result<()> {
        if !self.update.touches("StreamSpecification") {
            return Ok(());
        }
        let table = self.active().await?;
        let view = |of: &Json| look(of, "StreamSpecification.StreamViewType");
        let have = description::stream_arn(&table).and_then(|_| view(&table));
        let want = view(&Json::Object(self.want.clone()));
        if have == want {
            return Ok(());
        }
        if have.is_some() {
            self.send(json!({"StreamSpecification": {"StreamEnabled": false}}))
                .await?;
        }
        if let Some(stream) = self.want.get("StreamSpecification") {
            self.send(json!({"StreamSpecification": stream})).await?;
        }
        Ok(())
    }
}

/// What indexes and the stream have by calls of their own: contributor insights, and a policy.
pub(super) async fn attachments(
    context: &Context,
    table: &Json,
    desired: &Value,
    live: &Value,
) -> Result<()> {
    let table_name = described(table, "TableName").unwrap_or_default();
    let insights = |of: &Value, index: &str| -> Option<Json> {
        let indexes = of.get("GlobalSecondaryIndexes")?.as_list()?;
        let is_it = |one: &&Value| one.get("IndexName").and_then(Value::as_str) == Some(index);
        let index = indexes.iter().find(is_it)?;
        index.get("ContributorInsightsSpecification")?.expose_json()
    };
    let indexes = desired
        .get("GlobalSecondaryIndexes")
        .and_then(Value::as_list);
    for index in indexes.into_iter().flatten() {
        let Some(name) = index.get("IndexName").and_then(Value::as_str) else {
            continue;
        };
        let (want, have) = (insights(desired, name), insights(live, name));
        satellites::watch(
            context,
            table_name,
            Some(name),
            want.as_ref(),
            have.as_ref(),
        )
        .await?;
    }
    let policy = |of: &Value| -> Option<Json> {
        of.at(&"StreamSpecification.ResourcePolicy".into())?
            .expose_json()
    };
    if let Some(Json::String(arn)) = description::stream_arn(table) {
        let (want, have) = (policy(desired), policy(live));
        // A new stream has no policy.
        let same_stream = live.get("StreamArn").and_then(Value::as_str) == Some(arn.as_str());
        let have = have.filter(|_| same_stream);
        satellites::protect(context, &arn, want.as_ref(), have.as_ref()).await?;
    }
    Ok(())
}
