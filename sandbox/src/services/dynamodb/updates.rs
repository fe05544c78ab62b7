//! UpdateTable.

use super::indexes::key_names;
use super::tables::{KIND, SECONDS, encryption, open_stream, sort_definitions, the_table, warm};
use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::law::Law;
use crate::world::{Record, Step};
use serde_json::{Value as Json, json};

const PAGE: &str = "DynamoDB API Reference, UpdateTable";
/// An index of an empty table is filled, or deleted, within so many seconds.
const BACKFILL: f64 = 60.0;

/// Whether a table is paid for by request.
pub(super) fn on_demand(table: &Record) -> bool {
    table.is("BillingModeSummary.BillingMode", "PAY_PER_REQUEST")
}

fn updates(call: &Call) -> Vec<Json> {
    let updates = call.input.get("GlobalSecondaryIndexUpdates");
    updates
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default()
}

pub(super) fn update(call: &mut Call) -> Answer {
    let id = the_table(call)?.id;
    let now = call.now;
    let input = call.input.clone();
    let sse = match input.get("SSESpecification") {
        Some(sse) => Some(encryption(call, sse)?),
        None => None,
    };
    let updates = updates(call);
    call.update(KIND, &id, |table| {
        for member in ["DeletionProtectionEnabled", "ProvisionedThroughput", "WarmThroughput"] {
            if let Some(value) = input.get(member) {
                table.set(member, value.clone());
            }
        }
        if let Some(limits) = input.get("OnDemandThroughput") {
            for (name, units) in limits.as_object().into_iter().flatten() {
                table.set(&format!("OnDemandThroughput.{name}"), units.clone());
            }
        }
        if let Some(sse) = sse {
            table.set("SSEDescription", sse);
        }
        if let Some(class) = input.get("TableClass") {
            table.set("TableClassSummary", json!({"TableClass": class, "LastUpdateDateTime": now}));
        }
        match input.get("BillingMode").and_then(Json::as_str) {
            Some("PAY_PER_REQUEST") => {
                table.set("BillingModeSummary", json!({"BillingMode": "PAY_PER_REQUEST", "LastUpdateToPayPerRequestDateTime": now}));
                table.set("ProvisionedThroughput", Json::Null);
                for index in table.list_mut("GlobalSecondaryIndexes").iter_mut().filter_map(Json::as_object_mut) {
                    index.remove("ProvisionedThroughput");
                }
            }
            Some(mode) => {
                table.set("BillingModeSummary", json!({"BillingMode": mode}));
                table.set("OnDemandThroughput", Json::Null);
            }
            None => {}
        }
        if let Some(stream) = input.get("StreamSpecification") {
            if stream["StreamEnabled"] == true {
                table.set("StreamSpecification", stream.clone());
                open_stream(now, table);
            } else {
                table.set("StreamSpecification", Json::Null);
            }
        }
        if let Some(Json::Array(definitions)) = input.get("AttributeDefinitions") {
            for one in definitions {
                let known = table.list_mut("AttributeDefinitions");
                known.retain(|other| other["AttributeName"] != one["AttributeName"]);
                known.push(one.clone());
            }
        }
        for update in &updates {
            change_index(table, update, now);
        }
        sort_definitions(table);
        warm(table);
        // Protection is a matter of the moment; all else takes time.
        let instant = input.keys().all(|name| matches!(name.as_str(), "TableName" | "DeletionProtectionEnabled"));
        if !instant {
            table.set("TableStatus", "UPDATING");
            table.steps.push(Step::set(now + SECONDS, "TableStatus", "ACTIVE"));
        }
    });
    let table = call.need(KIND, &id)?;
    Ok(json!({"TableDescription": call.show(KIND, table)}))
}

fn change_index(table: &mut Record, update: &Json, now: f64) {
    let settles = |name: &Json, seconds: f64| {
        let name = name.as_str().unwrap_or_default();
        Step::event(now + seconds, &format!("index {name}"))
    };
    if let Some(index) = update.get("Create") {
        let mut index = index.clone();
        index["IndexStatus"] = json!("CREATING");
        index["Backfilling"] = json!(true);
        let step = settles(&index["IndexName"], BACKFILL);
        table.list_mut("GlobalSecondaryIndexes").push(index);
        table.steps.push(step);
    }
    for (what, state, seconds) in [
        ("Update", "UPDATING", SECONDS),
        ("Delete", "DELETING", BACKFILL),
    ] {
        let Some(change) = update.get(what) else {
            continue;
        };
        let name = &change["IndexName"];
        for index in table
            .list_mut("GlobalSecondaryIndexes")
            .iter_mut()
            .filter(|index| index["IndexName"] == *name)
        {
            index["IndexStatus"] = json!(state);
            for (member, value) in change.as_object().into_iter().flatten() {
                index[member] = value.clone();
            }
        }
        table.steps.push(settles(name, seconds));
    }
}

/// One kind of change.
pub(super) const ONE_AT_A_TIME: Law = Law {
    name: "one index of a table is made or deleted at a time",
    operations: &["UpdateTable"],
    source: "DynamoDB API Reference, UpdateTable: You can create or delete only one global secondary index per UpdateTable operation; Developer Guide, Managing global secondary indexes",
    fault: Fault::new(
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
    ),
    check: Some(|call, law| {
        let changes = updates(call);
        let online = changes
            .iter()
            .filter(|one| one.get("Create").is_some() || one.get("Delete").is_some())
            .count();
        let table = the_table(call).ok();
        let indexes = table
            .as_ref()
            .map_or(&[][..], |table| table.list("GlobalSecondaryIndexes"));
        let busy = indexes
            .iter()
            .any(|index| index["IndexStatus"] == "CREATING" || index["IndexStatus"] == "DELETING");
        if online > 1 || online == 1 && busy {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// What is changed is there, what is made is not, and its keys are defined.
pub(super) const INDEX: Law = Law {
    name: "an index that is changed or deleted exists, one that is made does not, and its keys are defined and no others",
    operations: &["UpdateTable"],
    source: PAGE,
    fault: Fault::new(
        "ValidationException",
        "One or more parameter values were invalid: {message}",
    ),
    check: Some(|call, law| {
        let Ok(table) = the_table(call) else {
            return Ok(());
        };
        let known = |name: &Json| {
            table
                .list("GlobalSecondaryIndexes")
                .iter()
                .any(|index| index["IndexName"] == *name)
        };
        let defined = call.texts("AttributeDefinitions[].AttributeName");
        let mut used = super::indexes::definitions_used(&table);
        for update in updates(call) {
            let message = if let Some(index) = update.get("Create") {
                let schema = index["KeySchema"].as_array().cloned().unwrap_or_default();
                let open = key_names(&schema).find(|name| !defined.iter().any(|one| one == name));
                used.extend(key_names(&schema).map(str::to_owned));
                match open {
                    _ if known(&index["IndexName"]) => format!(
                        "Attempting to create an index which already exists: {}",
                        index["IndexName"]
                    ),
                    Some(name) => format!(
                        "Some index key attributes are not defined in AttributeDefinitions. Keys: [{name}]"
                    ),
                    None => continue,
                }
            } else {
                let change = update.get("Update").or(update.get("Delete"));
                match change.map(|change| &change["IndexName"]) {
                    Some(name) if !known(name) => {
                        format!("Requested resource not found: index {name}")
                    }
                    _ => continue,
                }
            };
            return Err(law.fault.with(&[("message", &message)]));
        }
        match defined.iter().find(|name| !used.contains(*name)) {
            Some(name) => Err(law.fault.with(&[(
                "message",
                &format!("Some AttributeDefinitions are not used: [{name}]"),
            )])),
            None => Ok(()),
        }
    }),
};

/// On or off.
pub(super) const STREAM: Law = Law {
    name: "a stream is switched on where there is none, with a view, and off where there is one",
    operations: &["UpdateTable"],
    source: "DynamoDB API Reference, UpdateTable, StreamSpecification: You receive a ValidationException if you try to enable a stream on a table that already has a stream, or if you try to disable a stream on a table that doesn't have a stream",
    fault: Fault::new("ValidationException", "{message}"),
    check: Some(|call, law| {
        let (Some(stream), Ok(table)) = (call.input.get("StreamSpecification"), the_table(call))
        else {
            return Ok(());
        };
        let on = stream["StreamEnabled"] == true;
        let was = table.body.contains_key("StreamSpecification");
        let message = match (on, was) {
            (true, true) => format!(
                "Table already has an enabled stream: TableName: {}",
                table.id
            ),
            (false, false) => format!("Table has no stream to disable: TableName: {}", table.id),
            (true, false) if stream.get("StreamViewType").is_none() => {
                "StreamViewType is required when StreamEnabled is true".to_owned()
            }
            _ => return Ok(()),
        };
        Err(law.fault.with(&[("message", &message)]))
    }),
};

/// Something must be asked for, and other than it is.
pub(super) const NOTHING: Law = Law {
    name: "an update changes something",
    operations: &["UpdateTable"],
    source: PAGE,
    fault: Fault::new("ValidationException", "{message}"),
    check: Some(|call, law| {
        let Ok(table) = the_table(call) else {
            return Ok(());
        };
        let asked = call
            .input
            .keys()
            .any(|name| name != "TableName" && name != "AttributeDefinitions");
        let units = call.input.get("ProvisionedThroughput");
        let alone = call
            .input
            .keys()
            .all(|name| name == "TableName" || name == "ProvisionedThroughput");
        let message = if !asked {
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required".to_owned()
        } else if alone && units.is_some() && units == table.body.get("ProvisionedThroughput") {
            format!(
                "The provisioned throughput for the table will not change. The requested value equals the current value. Table: {}",
                table.id
            )
        } else {
            return Ok(());
        };
        Err(law.fault.with(&[("message", &message)]))
    }),
};

/// Warm throughput grows.
pub(super) const WARM: Law = Law {
    name: "warm throughput is never decreased",
    operations: &["UpdateTable"],
    source: "DynamoDB Developer Guide, Increase your DynamoDB table's warm throughput: Warm throughput values can't be decreased",
    fault: Fault::new(
        "ValidationException",
        "One or more parameter values were invalid: Requested {name} for WarmThroughput is lower than the current value",
    ),
    check: Some(|call, law| {
        let (Some(Json::Object(asked)), Ok(table)) =
            (call.input.get("WarmThroughput"), the_table(call))
        else {
            return Ok(());
        };
        let now = &table.body["WarmThroughput"];
        match asked
            .iter()
            .find(|(name, units)| units.as_u64() < now[name.as_str()].as_u64())
        {
            Some((name, _)) => Err(law.fault.with(&[("name", name)])),
            None => Ok(()),
        }
    }),
};
