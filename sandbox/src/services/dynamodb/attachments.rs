//! What a table has by calls of its own: tags, time to live, recovery, insights, streams to Kinesis, policies.

use super::NOT_FOUND;
use super::tables::{KIND, SECONDS, page, the_table};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::Paging;
use crate::law::Law;
use crate::tags;
use crate::world::{Record, Step};
use serde_json::{Map, Value as Json, json};

/// Backups of a new table are there after so many seconds.
const BACKUPS: f64 = 20.0;
/// Time to live is switched within an hour (UpdateTimeToLive); of an empty table sooner.
const SWITCHING: f64 = 60.0;

fn arn_of(call: &Call, arn: &str) -> Result<Record, Refusal> {
    let (table, _) = arn.split_once("/stream/").unwrap_or((arn, ""));
    let found = call.find(KIND, table);
    found
        .cloned()
        .ok_or_else(|| NOT_FOUND.with(&[("id", table)]))
}

fn resource(call: &Call) -> Result<Record, Refusal> {
    arn_of(call, call.text("ResourceArn").unwrap_or_default())
}

pub(super) fn tag(call: &mut Call, add: bool) -> Answer {
    let table = resource(call)?;
    if table.text("TableStatus") != "ACTIVE" {
        let message = format!(
            "Attempt to change a resource which is still in use: Table is in {} state: {}",
            table.text("TableStatus"),
            table.id
        );
        return Err(Refusal::new("ResourceInUseException", message));
    }
    let key = call.key(KIND, &table.id);
    if add {
        let sent = tags::read(call.input.get("Tags").unwrap_or(&Json::Null));
        tags::add(call, &key, &sent)?;
    } else {
        let gone = call.texts("TagKeys[]");
        call.world.update(&key, |table| {
            table.tags.retain(|name, _| !gone.contains(name))
        });
    }
    Ok(json!({}))
}

/// Ten a page (ListTagsOfResource).
pub(super) fn list_tags(call: &mut Call) -> Answer {
    let table = resource(call)?;
    let shown = table
        .tags
        .iter()
        .map(|(key, value)| (key.clone(), json!({"Key": key, "Value": value})));
    let paging = Paging {
        size: "",
        ..Paging::next_token(10, (1, 10))
    };
    page(call, "Tags", &paging, shown.collect())
}

fn keep(call: &mut Call, id: &str, what: &str, value: Json, settles: Option<f64>) {
    let at = settles.map(|seconds| call.now + seconds);
    call.update(KIND, id, |table| {
        table.hidden.insert(what.to_owned(), value);
        table
            .steps
            .extend(at.map(|at| Step::event(at, &format!("{what} settles"))));
    });
}

/// What was being switched is.
pub(super) fn settle(call: &mut Call, id: &str, what: &str) {
    let settled = |state: &str| {
        match state {
            "ENABLING" if what == "streaming" => "ACTIVE",
            "ENABLING" => "ENABLED",
            "DISABLING" => "DISABLED",
            "UPDATING" => "ACTIVE",
            other => other,
        }
        .to_owned()
    };
    let member = match what {
        "ttl" => "TimeToLiveStatus",
        "streaming" => "DestinationStatus",
        _ => "ContributorInsightsStatus",
    };
    call.update(KIND, id, |table| {
        let states = match table.hidden.get_mut(what) {
            Some(Json::Array(items)) => items.iter_mut().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for state in states {
            if let Some(text) = state[member].as_str() {
                state[member] = json!(settled(text));
            }
        }
        if what == "ttl" && table.hidden["ttl"]["TimeToLiveStatus"] == "DISABLED" {
            table.hidden.remove("ttl");
        }
    });
}

pub(super) fn update_time_to_live(call: &mut Call) -> Answer {
    let id = the_table(call)?.id;
    let asked = call.input["TimeToLiveSpecification"].clone();
    let status = if asked["Enabled"] == true {
        "ENABLING"
    } else {
        "DISABLING"
    };
    let told = json!({"TimeToLiveStatus": status, "AttributeName": asked["AttributeName"]});
    keep(call, &id, "ttl", told, Some(SWITCHING));
    Ok(json!({"TimeToLiveSpecification": asked}))
}

pub(super) fn describe_time_to_live(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let told = table.hidden.get("ttl").cloned();
    let told = told.unwrap_or_else(|| json!({"TimeToLiveStatus": "DISABLED"}));
    Ok(json!({"TimeToLiveDescription": told}))
}

/// Switched on where it is off, and off where it is on.
pub(super) const TIME_TO_LIVE: Law = Law {
    name: "time to live is switched on where it is off, off where it is on, and not while it is being switched",
    operations: &["UpdateTimeToLive"],
    source: "DynamoDB API Reference, UpdateTimeToLive: additional UpdateTimeToLive calls for the same table during this one hour duration result in a ValidationException",
    fault: Fault::new("ValidationException", "{message}"),
    check: Some(|call, law| {
        let Ok(table) = the_table(call) else {
            return Ok(());
        };
        let told = table.hidden.get("ttl");
        let status = told.map_or("DISABLED", |ttl| {
            ttl["TimeToLiveStatus"].as_str().unwrap_or_default()
        });
        let asked = &call.input["TimeToLiveSpecification"];
        let message = match (asked["Enabled"] == true, status) {
            (_, "ENABLING" | "DISABLING") => {
                "Time to live has been modified multiple times within a fixed interval"
            }
            (true, "ENABLED") => "TimeToLive is already enabled",
            (false, "DISABLED") => "TimeToLive is already disabled",
            (false, _)
                if told.is_some_and(|ttl| ttl["AttributeName"] != asked["AttributeName"]) =>
            {
                "TimeToLive is active on a different AttributeName"
            }
            _ => return Ok(()),
        };
        Err(law.fault.with(&[("message", message)]))
    }),
};

pub(super) fn update_backups(call: &mut Call) -> Answer {
    let id = the_table(call)?.id;
    let asked = call.input["PointInTimeRecoverySpecification"].clone();
    let on = asked["PointInTimeRecoveryEnabled"] == true;
    let told = if on {
        let days = asked.get("RecoveryPeriodInDays").cloned();
        json!({
            "PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": days.unwrap_or_else(|| json!(35)),
            "EarliestRestorableDateTime": call.now, "LatestRestorableDateTime": call.now,
        })
    } else {
        json!({"PointInTimeRecoveryStatus": "DISABLED"})
    };
    keep(call, &id, "recovery", told, None);
    describe_backups(call)
}

pub(super) fn describe_backups(call: &mut Call) -> Answer {
    let table = the_table(call)
        .map_err(|refusal| Refusal::new("TableNotFoundException", refusal.message))?;
    let told = table.hidden.get("recovery").cloned();
    let told = told.unwrap_or_else(|| json!({"PointInTimeRecoveryStatus": "DISABLED"}));
    Ok(json!({"ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED", "PointInTimeRecoveryDescription": told,
    }}))
}

/// Backups come some time after the table.
pub(super) const BACKUPS_LATER: Law = Law {
    name: "recovery is switched when continuous backups are there, some time after the table",
    operations: &["UpdateContinuousBackups"],
    source: "DynamoDB API Reference, UpdateContinuousBackups, Errors: ContinuousBackupsUnavailableException: Backups have not yet been enabled for this table",
    fault: Fault::new(
        "ContinuousBackupsUnavailableException",
        "Backups are being enabled for the table: {id}. Please retry later",
    ),
    check: Some(|call, law| match the_table(call) {
        Ok(table) if call.now < table.created + BACKUPS => {
            Err(law.fault.with(&[("id", &table.id)]))
        }
        _ => Ok(()),
    }),
};

fn insights(table: &Record) -> Vec<Json> {
    let told = table.hidden.get("insights").and_then(Json::as_array);
    told.cloned().unwrap_or_default()
}

fn of_index(summary: &Json, index: Option<&str>) -> bool {
    summary.get("IndexName").and_then(Json::as_str) == index
}

/// The index that a request names is one of the table's.
fn known_index(call: &Call, table: &Record) -> Result<Option<String>, Refusal> {
    let Some(name) = call.text("IndexName") else {
        return Ok(None);
    };
    let indexes = table.list("GlobalSecondaryIndexes");
    if indexes.iter().any(|index| index["IndexName"] == name) {
        return Ok(Some(name.to_owned()));
    }
    let message = format!(
        "Requested resource not found: Index: {name} of table {}",
        table.id
    );
    Err(Refusal::new("ResourceNotFoundException", message))
}

pub(super) fn update_insights(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let index = known_index(call, &table)?;
    let on = call.text("ContributorInsightsAction") == Some("ENABLE");
    let mut all = insights(&table);
    let before = all.iter().find(|one| of_index(one, index.as_deref()));
    let mode = call.text("ContributorInsightsMode").map(Json::from);
    let mode = mode.or_else(|| before?.get("ContributorInsightsMode").cloned());
    let mode = mode.unwrap_or_else(|| "ACCESSED_AND_THROTTLED_KEYS".into());
    all.retain(|one| !of_index(one, index.as_deref()));
    let status = if on { "ENABLING" } else { "DISABLING" };
    let told = json!({
        "TableName": table.id, "IndexName": index, "ContributorInsightsStatus": status, "ContributorInsightsMode": mode,
    });
    let told: Map<String, Json> = told
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    all.push(Json::Object(told.clone()));
    keep(call, &table.id, "insights", all.into(), Some(SECONDS));
    Ok(Json::Object(told))
}

pub(super) fn describe_insights(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let index = known_index(call, &table)?;
    let told = insights(&table)
        .into_iter()
        .find(|one| of_index(one, index.as_deref()));
    Ok(told.unwrap_or_else(|| {
        json!({"TableName": table.id, "IndexName": index, "ContributorInsightsStatus": "DISABLED"})
    }))
}

pub(super) fn list_insights(call: &mut Call) -> Answer {
    let tables: Vec<Record> = match call.text("TableName") {
        Some(_) => vec![the_table(call)?],
        None => call.list(KIND).cloned().collect(),
    };
    let summaries = tables.iter().flat_map(insights);
    let shown = summaries.map(|one| {
        let name = |member: &str| one[member].as_str().unwrap_or_default().to_owned();
        (format!("{} {}", name("TableName"), name("IndexName")), one)
    });
    let paging = Paging::next_token(100, (1, 100));
    page(
        call,
        "ContributorInsightsSummaries",
        &paging,
        shown.collect(),
    )
}

fn destinations(table: &Record) -> Vec<Json> {
    let told = table.hidden.get("streaming").and_then(Json::as_array);
    told.cloned().unwrap_or_default()
}

/// Switches a stream to Kinesis, or changes it.
pub(super) fn stream(call: &mut Call, status: &str, _: &str) -> Answer {
    const PRECISION: &str = "ApproximateCreationDateTimePrecision";
    let table = the_table(call)?;
    let arn = call.text("StreamArn").unwrap_or_default().to_owned();
    let mut all = destinations(&table);
    let before = all.iter().find(|one| one["StreamArn"] == arn.as_str());
    let configuration = [
        "EnableKinesisStreamingConfiguration",
        "UpdateKinesisStreamingConfiguration",
    ]
    .iter()
    .find_map(|member| call.input.get(*member)?.get(PRECISION).cloned());
    let precision = configuration.or_else(|| before?.get(PRECISION).cloned());
    let precision = precision.unwrap_or_else(|| "MILLISECOND".into());
    all.retain(|one| one["StreamArn"] != arn.as_str());
    all.push(json!({"StreamArn": arn, "DestinationStatus": status, PRECISION: precision}));
    keep(call, &table.id, "streaming", all.into(), Some(SECONDS));
    Ok(json!({"TableName": table.id, "StreamArn": arn, "DestinationStatus": status}))
}

pub(super) fn describe_streaming(call: &mut Call) -> Answer {
    let table = the_table(call)?;
    let all = destinations(&table);
    Ok(json!({"TableName": table.id, "KinesisDataStreamDestinations": all}))
}

/// One stream at a time, and none twice.
pub(super) const DESTINATION: Law = Law {
    name: "a stream to Kinesis is enabled where it is not, and disabled or changed where it is",
    operations: &[
        "EnableKinesisStreamingDestination",
        "DisableKinesisStreamingDestination",
        "UpdateKinesisStreamingDestination",
    ],
    source: "DynamoDB API Reference, EnableKinesisStreamingDestination and DisableKinesisStreamingDestination",
    fault: Fault::new(
        "ValidationException",
        "Table is not in a valid state to {what} Kinesis Streaming Destination: {arn}",
    ),
    check: Some(|call, law| {
        let Ok(table) = the_table(call) else {
            return Ok(());
        };
        let arn = call.text("StreamArn").unwrap_or_default();
        let all = destinations(&table);
        let active = all
            .iter()
            .any(|one| one["StreamArn"] == arn && one["DestinationStatus"] == "ACTIVE");
        let (what, fits) = match call.operation.as_str() {
            "EnableKinesisStreamingDestination" => (
                "enable",
                !all.iter()
                    .any(|one| one["StreamArn"] == arn && one["DestinationStatus"] != "DISABLED"),
            ),
            "DisableKinesisStreamingDestination" => ("disable", active),
            _ => ("update", active),
        };
        if fits {
            return Ok(());
        }
        Err(law.fault.with(&[("what", what), ("arn", arn)]))
    }),
};

/// Whose policy a request is about: the table's or its stream's.
fn policy_of(call: &Call) -> Result<(Record, &'static str), Refusal> {
    let table = resource(call)?;
    let arn = call.text("ResourceArn").unwrap_or_default();
    if !arn.contains("/stream/") {
        return Ok((table, "policy"));
    }
    if table.is("LatestStreamArn", arn) && table.body.contains_key("StreamSpecification") {
        return Ok((table, "stream policy"));
    }
    Err(NOT_FOUND.with(&[("id", arn)]))
}

fn revision(text: &str) -> Json {
    digest(&[text])[..32].into()
}

pub(super) fn put_policy(call: &mut Call) -> Answer {
    let (table, which) = policy_of(call)?;
    let text = call.text("Policy").unwrap_or_default().to_owned();
    let answer = json!({"RevisionId": revision(&text)});
    keep(call, &table.id, which, text.into(), None);
    Ok(answer)
}

fn no_policy(arn: &str) -> Refusal {
    Refusal::new(
        "PolicyNotFoundException",
        format!("Resource-based policy not found for the provided ResourceArn: {arn}"),
    )
}

pub(super) fn get_policy(call: &mut Call) -> Answer {
    let (table, which) = policy_of(call)?;
    let text = table.hidden.get(which).and_then(Json::as_str);
    let Some(text) = text else {
        return Err(no_policy(call.text("ResourceArn").unwrap_or_default()));
    };
    Ok(json!({"Policy": text, "RevisionId": revision(text)}))
}

pub(super) fn delete_policy(call: &mut Call) -> Answer {
    let (table, which) = policy_of(call)?;
    if !table.hidden.contains_key(which) {
        return Err(no_policy(call.text("ResourceArn").unwrap_or_default()));
    }
    call.update(KIND, &table.id, |table| {
        table.hidden.remove(which);
    });
    Ok(json!({}))
}

/// A policy is one.
pub(super) const POLICY: Law = Law {
    name: "a resource policy is a JSON policy with statements",
    operations: &["CreateTable", "PutResourcePolicy"],
    source: "DynamoDB API Reference, PutResourcePolicy, Policy: An Amazon Web Services resource-based policy document in JSON format",
    fault: Fault::new("ValidationException", "Resource policy is malformed."),
    check: Some(|call, law| {
        let Some(text) = call.text("Policy").or(call.text("ResourcePolicy")) else {
            return Ok(());
        };
        match serde_json::from_str::<Json>(text) {
            Ok(policy) if policy.get("Statement").is_some() => Ok(()),
            _ => Err(law.fault.with(&[])),
        }
    }),
};
