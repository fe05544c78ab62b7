//! Tables.

use super::indexes::{self, definitions_used, key_names};
use super::{NOT_FOUND, attachments, updates};
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Shows, States, Tags, Unique, create, delete, get, run};
use crate::law::Law;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

pub(super) const KIND: &str = "dynamodb/table";

/// How long changes take, in seconds. AWS gives no numbers; small tables take about so long.
pub(super) const SECONDS: f64 = 10.0;

/// A table.
pub(super) const TABLE: Kind = Kind {
    name: KIND,
    id: Id::Member("TableName"),
    arn: "arn:{partition}:dynamodb:{region}:{account}:table/{id}",
    arn_member: "TableArn",
    created_member: "CreationDateTime",
    defaults: Some(|_| {
        json!({
            "TableSizeBytes": 0,
            "ItemCount": 0,
            "DeletionProtectionEnabled": false,
        })
    }),
    tags: Tags::Unseen("Tags"),
    states: Some(States {
        member: "TableStatus",
        creating: ("CREATING", SECONDS),
        ready: "ACTIVE",
        deleting: Some(("DELETING", SECONDS)),
        ..States::NEW
    }),
    unique: &[Unique::new(
        &["TableName"],
        Fault::new(
            "ResourceInUseException",
            "Table already exists: {TableName}",
        ),
    )],
    not_found: NOT_FOUND,
    show: Some(show),
    on_event: Some(on_event),
    operations: &[
        create("CreateTable", Shows::In("TableDescription"))
            .before(before)
            .prepare(prepare)
            .control(&["ResourcePolicy"]),
        get("DescribeTable", "TableName", Shows::In("Table")),
        run("UpdateTable", updates::update),
        delete("DeleteTable", "TableName", Shows::In("TableDescription")),
        run("ListTables", list),
        run("DescribeLimits", |_| {
            Ok(json!({
                "AccountMaxReadCapacityUnits": 80_000, "AccountMaxWriteCapacityUnits": 80_000,
                "TableMaxReadCapacityUnits": 40_000, "TableMaxWriteCapacityUnits": 40_000,
            }))
        }),
        run("TagResource", |call| attachments::tag(call, true)),
        run("UntagResource", |call| attachments::tag(call, false)),
        run("ListTagsOfResource", attachments::list_tags),
        run("UpdateTimeToLive", attachments::update_time_to_live),
        run("DescribeTimeToLive", attachments::describe_time_to_live),
        run("UpdateContinuousBackups", attachments::update_backups),
        run("DescribeContinuousBackups", attachments::describe_backups),
        run("UpdateContributorInsights", attachments::update_insights),
        run(
            "DescribeContributorInsights",
            attachments::describe_insights,
        ),
        run("ListContributorInsights", attachments::list_insights),
        run("EnableKinesisStreamingDestination", |call| {
            attachments::stream(call, "ENABLING", "ACTIVE")
        }),
        run("DisableKinesisStreamingDestination", |call| {
            attachments::stream(call, "DISABLING", "DISABLED")
        }),
        run("UpdateKinesisStreamingDestination", |call| {
            attachments::stream(call, "UPDATING", "ACTIVE")
        }),
        run(
            "DescribeKinesisStreamingDestination",
            attachments::describe_streaming,
        ),
        run("PutResourcePolicy", attachments::put_policy),
        run("GetResourcePolicy", attachments::get_policy),
        run("DeleteResourcePolicy", attachments::delete_policy),
    ],
    ..Kind::NEW
};

/// The members that are shown but for those that are only kept.
fn show(_: &Call, table: &Record, body: &mut Map<String, Json>) {
    let flat = |units: &Json| {
        let mut units = units.clone();
        units["NumberOfDecreasesToday"] = json!(0);
        units
    };
    let none = json!({"ReadCapacityUnits": 0, "WriteCapacityUnits": 0});
    let told = flat(table.body.get("ProvisionedThroughput").unwrap_or(&none));
    body.insert("ProvisionedThroughput".into(), told);
    for list in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
        let Some(Json::Array(indexes)) = body.get_mut(list) else {
            continue;
        };
        for index in indexes.iter_mut() {
            let name = index["IndexName"].as_str().unwrap_or_default();
            index["IndexArn"] = json!(format!("{}/index/{name}", table.arn));
            index["IndexSizeBytes"] = json!(0);
            index["ItemCount"] = json!(0);
            if list == "GlobalSecondaryIndexes" {
                let units = index.get("ProvisionedThroughput").unwrap_or(&none).clone();
                index["ProvisionedThroughput"] = flat(&units);
            }
        }
        if indexes.is_empty() {
            body.remove(list);
        }
    }
}

fn before(call: &mut Call, members: &mut Map<String, Json>) -> Result<(), Refusal> {
    // A table may be named by its ARN (CreateTable, TableName).
    let name = call.text("TableName").unwrap_or_default();
    let name = name.rsplit('/').next().unwrap_or(name).to_owned();
    members.insert("TableName".into(), name.clone().into());
    if let Some(sse) = members.remove("SSESpecification") {
        let told = encryption(call, &sse)?;
        members.insert("SSEDescription".into(), told);
    }
    let digits = call.derive(&format!("table {name}"));
    members.insert("TableId".into(), uuid(&digits).into());
    Ok(())
}

/// What a table has when it is made of these members; of imported ones, too.
pub(super) fn prepare(call: &mut Call, table: &mut Record) -> Result<(), Refusal> {
    if let Some(policy) = call.text("ResourcePolicy") {
        let policy = policy.to_owned();
        table.hidden.insert("policy".into(), policy.into());
    }
    if let Some(class) = table.body.remove("TableClass") {
        table.set("TableClassSummary", json!({"TableClass": class}));
    }
    if table.is("BillingMode", "PAY_PER_REQUEST") {
        let summary = json!({"BillingMode": "PAY_PER_REQUEST", "LastUpdateToPayPerRequestDateTime": call.now});
        table.set("BillingModeSummary", summary);
    }
    table.set("BillingMode", Json::Null);
    sort_definitions(table);
    warm(table);
    if table
        .body
        .get("StreamSpecification")
        .is_some_and(|stream| stream["StreamEnabled"] == true)
    {
        open_stream(call.now, table);
    } else {
        table.set("StreamSpecification", Json::Null);
    }
    for index in table.list_mut("GlobalSecondaryIndexes").iter_mut() {
        index["IndexStatus"] = json!("CREATING");
    }
    table
        .steps
        .push(Step::event(call.now + SECONDS, "indexes ready"));
    Ok(())
}

/// AWS tells definitions in the order of the names.
pub(super) fn sort_definitions(table: &mut Record) {
    let used = definitions_used(table);
    let name = |one: &Json| one["AttributeName"].as_str().unwrap_or_default().to_owned();
    let definitions = table.list_mut("AttributeDefinitions");
    definitions.retain(|one| used.contains(&name(one)));
    definitions.sort_by_key(name);
}

/// What a table or an index can take at once: on demand "4,000 write units and 12,000 read units", else what is provisioned (DynamoDB
/// Developer Guide, Understanding DynamoDB warm throughput).
pub(super) fn warm(table: &mut Record) {
    let on_demand = updates::on_demand(table);
    let of = |units: Option<&Json>, declared: Option<&Json>| {
        let (read, write) = match units {
            Some(units) if !on_demand => (
                units["ReadCapacityUnits"].as_u64().unwrap_or_default(),
                units["WriteCapacityUnits"].as_u64().unwrap_or_default(),
            ),
            _ => (12_000, 4_000),
        };
        let asked = |name: &str, least: u64| {
            let asked = declared.and_then(|declared| declared[name].as_u64());
            asked.unwrap_or(least).max(least)
        };
        json!({
            "ReadUnitsPerSecond": asked("ReadUnitsPerSecond", read),
            "WriteUnitsPerSecond": asked("WriteUnitsPerSecond", write),
            "Status": "ACTIVE",
        })
    };
    let told = of(
        table.body.get("ProvisionedThroughput"),
        table.body.get("WarmThroughput"),
    );
    table.set("WarmThroughput", told);
    for index in table.list_mut("GlobalSecondaryIndexes").iter_mut() {
        let told = of(
            index.get("ProvisionedThroughput"),
            index.get("WarmThroughput"),
        );
        index["WarmThroughput"] = told;
    }
}

/// A new stream has a label of its own: the time.
pub(super) fn open_stream(now: f64, table: &mut Record) {
    let at = time::OffsetDateTime::from_unix_timestamp_nanos((now * 1e9) as i128)
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let label = format!(
        "{}T{:02}:{:02}:{:02}.{:03}",
        at.date(),
        at.hour(),
        at.minute(),
        at.second(),
        at.millisecond()
    );
    let arn = format!("{}/stream/{label}", table.arn);
    table.set("LatestStreamLabel", label);
    table.set("LatestStreamArn", arn);
    table.hidden.remove("stream policy");
}

/// The description of an encryption that is asked for.
pub(super) fn encryption(call: &Call, sse: &Json) -> Result<Json, Refusal> {
    if sse["Enabled"] != true {
        return Ok(Json::Null);
    }
    let named = sse["KMSMasterKeyId"].as_str().unwrap_or_default();
    let arn = match call.find("kms/key", named) {
        Some(key) if key.body.get("Enabled") == Some(&Json::Bool(true)) => key.arn.clone(),
        _ if named.is_empty() || named == "alias/aws/dynamodb" => format!(
            "arn:{}:kms:{}:{}:key/{}",
            call.partition(),
            call.region,
            call.account,
            uuid(&crate::call::digest(&[
                &call.account,
                &call.region,
                "aws/dynamodb"
            ]))
        ),
        _ => return Err(KEY.fault.with(&[("id", named)])),
    };
    Ok(json!({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": arn}))
}

fn on_event(call: &mut Call, key: &Key, event: &str) {
    let id = key.id.clone();
    match event.split_once(' ') {
        Some(("indexes", "ready")) => call.update(KIND, &id, |table| {
            for index in table.list_mut("GlobalSecondaryIndexes").iter_mut() {
                index["IndexStatus"] = json!("ACTIVE");
            }
        }),
        Some(("index", name)) => indexes::settle(call, &id, name),
        Some((what, "settles")) => attachments::settle(call, &id, what),
        _ => {}
    }
}

/// The table that a request names, by name or ARN; AWS's refusal where there is none.
pub(super) fn the_table(call: &Call) -> Result<Record, Refusal> {
    let name = call.text("TableName").unwrap_or_default();
    call.need(KIND, name).cloned()
}

/// By their names, which are the pages' tokens.
fn list(call: &mut Call) -> Answer {
    let after = call.text("ExclusiveStartTableName").unwrap_or_default();
    let mut names: Vec<String> = call
        .list(KIND)
        .map(|table| table.id.clone())
        .filter(|name| name.as_str() > after)
        .collect();
    names.sort();
    let limit = call.input.get("Limit").and_then(Json::as_u64);
    let limit = limit.unwrap_or(100) as usize;
    let last = (names.len() > limit).then(|| names[limit - 1].clone());
    names.truncate(limit);
    Ok(json!({"TableNames": names, "LastEvaluatedTableName": last}))
}

/// Pages of DynamoDB.
pub(super) fn page(
    call: &Call,
    list: &str,
    paging: &Paging,
    mut shown: Vec<(String, Json)>,
) -> Answer {
    let next = filter::page(call, &super::SERVICE, paging, false, "", &mut shown)?;
    let items: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({list: items, "NextToken": next}))
}

/// What a table is called.
pub(super) const NAME: Law = Law {
    name: "a table's name has letters, digits, _, - and ., 3 to 255 of them",
    operations: &["CreateTable"],
    source: "DynamoDB Developer Guide, Supported data types and naming rules: Naming rules",
    fault: Fault::new(
        "ValidationException",
        "Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'",
    ),
    check: Some(|call, law| {
        let name = call.text("TableName").unwrap_or_default();
        let name = name.rsplit('/').next().unwrap_or(name);
        let fits = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
        if (3..=255).contains(&name.len()) && name.chars().all(fits) {
            return Ok(());
        }
        Err(law.fault.with(&[]))
    }),
};

/// A partition key, and perhaps a sort key.
pub(super) const KEYS: Law = Law {
    name: "a key is a HASH and then perhaps a RANGE attribute; a local index shares the table's HASH",
    operations: &["CreateTable"],
    source: "DynamoDB API Reference, CreateTable, KeySchema and LocalSecondaryIndexes",
    fault: Fault::new("ValidationException", "{message}"),
    check: Some(|call, law| {
        let schemas = indexes::schemas(&call.input);
        for (what, schema) in &schemas {
            let types: Vec<&str> = schema
                .iter()
                .map(|key| key["KeyType"].as_str().unwrap_or_default())
                .collect();
            let hashes = types.iter().filter(|kind| **kind == "HASH").count();
            if hashes == 0
                || types.first() != Some(&"HASH")
                || (*what == "table" && types.len() > 2)
            {
                let message =
                    "Invalid KeySchema: The first KeySchemaElement is not a HASH key type";
                return Err(law.fault.with(&[("message", message)]));
            }
        }
        let hash = schemas
            .first()
            .and_then(|(_, schema)| schema.first())
            .map(|key| &key["AttributeName"]);
        let local = schemas.iter().filter(|(what, _)| *what == "local");
        for (_, schema) in local {
            if schema.first().map(|key| &key["AttributeName"]) != hash || schema.len() != 2 {
                let message = "One or more parameter values were invalid: Index KeySchema does not have the same leading hash key as table KeySchema, or no range key";
                return Err(law.fault.with(&[("message", message)]));
            }
        }
        Ok(())
    }),
};

/// Only what is a key is defined.
pub(super) const DEFINITIONS: Law = Law {
    name: "the attributes of keys, and no others, are defined",
    operations: &["CreateTable"],
    source: "DynamoDB API Reference, CreateTable, KeySchema: the attributes in KeySchema must also be defined in the AttributeDefinitions array",
    fault: Fault::new(
        "ValidationException",
        "One or more parameter values were invalid: Some AttributeDefinitions are not used or keys are not defined. AttributeDefinitions: [{definitions}], keys used: [{keys}]",
    ),
    check: Some(|call, law| {
        let defined = call.texts("AttributeDefinitions[].AttributeName");
        let mut defined: Vec<&str> = defined.iter().map(String::as_str).collect();
        let schemas = indexes::schemas(&call.input);
        let mut used: Vec<&str> = schemas
            .iter()
            .flat_map(|(_, schema)| key_names(schema))
            .collect();
        for names in [&mut defined, &mut used] {
            names.sort_unstable();
            names.dedup();
        }
        if defined == used {
            return Ok(());
        }
        Err(law.fault.with(&[
            ("definitions", &defined.join(", ")),
            ("keys", &used.join(", ")),
        ]))
    }),
};

/// Provisioned, or on demand.
pub(super) const THROUGHPUT: Law = Law {
    name: "a provisioned table and its indexes have throughput, one on demand has none",
    operations: &["CreateTable", "UpdateTable"],
    source: "DynamoDB API Reference, CreateTable, BillingMode and ProvisionedThroughput",
    fault: Fault::new(
        "ValidationException",
        "One or more parameter values were invalid: {message}",
    ),
    check: Some(|call, law| {
        let table = call
            .text("TableName")
            .and_then(|name| call.find(KIND, name));
        let was = table.map(updates::on_demand);
        let on_demand = match (call.text("BillingMode"), was) {
            (Some(mode), _) => mode == "PAY_PER_REQUEST",
            (None, was) => was.unwrap_or(false),
        };
        let given = |of: &Map<String, Json>| of.contains_key("ProvisionedThroughput");
        let of_indexes = |list: &str| -> Vec<bool> {
            let items = call.input.get(list).and_then(Json::as_array);
            items
                .into_iter()
                .flatten()
                .filter_map(|item| Some(given(item.get("Create").unwrap_or(item).as_object()?)))
                .collect()
        };
        let switching = call.operation == "UpdateTable"
            && call.text("BillingMode") == Some("PROVISIONED")
            && was == Some(true);
        let mut parts = Vec::new();
        if call.operation == "CreateTable" {
            parts.push(given(&call.input));
            parts.extend(of_indexes("GlobalSecondaryIndexes"));
        } else if switching || given(&call.input) {
            parts.push(given(&call.input));
        }
        let creates = call
            .input
            .get("GlobalSecondaryIndexUpdates")
            .and_then(Json::as_array)
            .into_iter()
            .flatten();
        parts.extend(creates.filter_map(|one| Some(given(one.get("Create")?.as_object()?))));
        if on_demand && parts.contains(&true) {
            let message = "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST";
            return Err(law.fault.with(&[("message", message)]));
        }
        if !on_demand && parts.contains(&false) {
            let message = "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED";
            return Err(law.fault.with(&[("message", message)]));
        }
        if switching {
            let updated = call.texts("GlobalSecondaryIndexUpdates[].Update.IndexName");
            let indexes = table.map_or(&[][..], |table| table.list("GlobalSecondaryIndexes"));
            if indexes
                .iter()
                .any(|index| !updated.iter().any(|name| index["IndexName"] == **name))
            {
                let message = "ProvisionedThroughput must be specified for every index";
                return Err(law.fault.with(&[("message", message)]));
            }
        }
        Ok(())
    }),
};

/// Attributes are named where some are included.
pub(super) const PROJECTION: Law = Law {
    name: "an index includes attributes that are named, or is of keys or all",
    operations: &["CreateTable", "UpdateTable"],
    source: "DynamoDB API Reference, Projection, NonKeyAttributes",
    fault: Fault::new(
        "ValidationException",
        "One or more parameter values were invalid: ProjectionType is {type}, but NonKeyAttributes is {what}",
    ),
    check: Some(|call, law| {
        for projection in indexes::projections(&call.input) {
            let kind = projection["ProjectionType"].as_str().unwrap_or_default();
            let named = projection.get("NonKeyAttributes").is_some();
            if (kind == "INCLUDE") != named {
                let what = if named { "specified" } else { "not specified" };
                return Err(law.fault.with(&[("type", kind), ("what", what)]));
            }
        }
        Ok(())
    }),
};

/// Twenty global ones, five local ones, each with a name of its own.
pub(super) const INDEXES: Law = Law {
    name: "a table has at most 20 global and 5 local indexes, no two of one name",
    operations: &["CreateTable"],
    source: "DynamoDB Developer Guide, Quotas: Secondary indexes per table",
    fault: Fault::new(
        "ValidationException",
        "One or more parameter values were invalid: {message}",
    ),
    check: Some(|call, law| {
        let of = |list: &str| call.texts(&format!("{list}[].IndexName"));
        let (global, local) = (of("GlobalSecondaryIndexes"), of("LocalSecondaryIndexes"));
        let mut names: Vec<&String> = global.iter().chain(&local).collect();
        names.sort();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        let message = if global.len() > 20 {
            "GlobalSecondaryIndex count exceeds the per-table limit of 20".to_owned()
        } else if local.len() > 5 {
            "Number of LocalSecondaryIndexes exceeds per-table limit of 5".to_owned()
        } else if let Some(pair) = twice {
            format!("Duplicate index name: {}", pair[0])
        } else {
            return Ok(());
        };
        Err(law.fault.with(&[("message", &message)]))
    }),
};

/// The key is there. Only the operation knows which one is meant.
pub(super) const KEY: Law = Law {
    name: "the key that encrypts a table is there and enabled",
    operations: &["CreateTable", "UpdateTable"],
    source: "DynamoDB Developer Guide, Encryption at rest: usage notes",
    fault: Fault::new(
        "ValidationException",
        "KMS validation error: com.amazonaws.services.kms.model.NotFoundException: Key '{id}' does not exist or is not enabled",
    ),
    check: Some(|call, law| match call.input.get("SSESpecification") {
        Some(sse) => encryption(call, sse).map(|_| ()).map_err(|_| {
            law.fault
                .with(&[("id", sse["KMSMasterKeyId"].as_str().unwrap_or_default())])
        }),
        None => Ok(()),
    }),
};

/// What is protected stays.
pub(super) const PROTECTED: Law = Law {
    name: "a table with deletion protection is not deleted",
    operations: &["DeleteTable"],
    source: "DynamoDB Developer Guide, Using deletion protection",
    fault: Fault::new(
        "ValidationException",
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.",
    ),
    check: Some(|call, law| {
        let table = the_table(call).ok();
        if table
            .is_some_and(|table| table.body.get("DeletionProtectionEnabled") == Some(&json!(true)))
        {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// One after the other.
pub(super) const BUSY: Law = Law {
    name: "a table that is being made, changed or deleted is left alone",
    operations: &[
        "UpdateTable",
        "DeleteTable",
        "UpdateTimeToLive",
        "UpdateContinuousBackups",
        "UpdateContributorInsights",
        "EnableKinesisStreamingDestination",
        "DisableKinesisStreamingDestination",
        "UpdateKinesisStreamingDestination",
    ],
    source: "DynamoDB API Reference, UpdateTable and DeleteTable, Errors: ResourceInUseException",
    fault: Fault::new(
        "ResourceInUseException",
        "Attempt to change a resource which is still in use: Table is being {what}: {id}",
    ),
    check: Some(|call, law| {
        let Ok(table) = the_table(call) else {
            return Ok(());
        };
        let what = match table.text("TableStatus") {
            "CREATING" => "created",
            "UPDATING" => "updated",
            "DELETING" if call.operation != "DeleteTable" => "deleted",
            _ => return Ok(()),
        };
        Err(law.fault.with(&[("what", what), ("id", &table.id)]))
    }),
};
