//! What DescribeTable and its siblings tell, as the registry has it.

use serde_json::{Map, Value as Json, json};

use crate::generic::described;
use crate::mapping::look;
use crate::resource::Status;

/// CREATING | UPDATING | DELETING | ACTIVE and more (API_TableDescription, "TableStatus"). A table is ready when its indexes and its
/// stream to Kinesis are. Time to live may be ENABLING for an hour; it is taken to be enabled.
pub(super) fn status(table: &Json) -> Status {
    match described(table, "TableStatus") {
        Some("ACTIVE") => {}
        Some("INACCESSIBLE_ENCRYPTION_CREDENTIALS") => {
            return Status::Failed("DynamoDB cannot use the table's KMS key".to_owned());
        }
        Some("ARCHIVING" | "ARCHIVED") => {
            return Status::Failed(
                "DynamoDB has archived the table because it cannot use its KMS key".to_owned(),
            );
        }
        _ => return Status::Pending,
    }
    let indexes = list(table, "GlobalSecondaryIndexes");
    let settled = indexes
        .iter()
        .all(|index| described(index, "IndexStatus").is_none_or(|status| status == "ACTIVE"));
    let destinations = list(table, "KinesisDestinations");
    let streams = destinations.iter().all(|destination| {
        !matches!(
            described(destination, "DestinationStatus"),
            Some("ENABLING" | "DISABLING" | "UPDATING")
        )
    });
    if let Some(failed) = destinations
        .iter()
        .find(|one| described(one, "DestinationStatus") == Some("ENABLE_FAILED"))
    {
        let why = described(failed, "DestinationStatusDescription");
        return Status::Failed(format!(
            "the stream to Kinesis cannot be enabled: {}",
            why.unwrap_or("DynamoDB does not say why")
        ));
    }
    if settled && streams {
        Status::Ready
    } else {
        Status::Pending
    }
}

fn list<'j>(description: &'j Json, name: &str) -> &'j [Json] {
    let list = description.get(name).and_then(Json::as_array);
    list.map_or(&[], Vec::as_slice)
}

/// Tables that never changed it have no summary (API_TableDescription, "BillingModeSummary").
pub(super) fn billing_mode(table: &Json) -> Option<Json> {
    // The answers of other calls tell no table.
    described(table, "TableStatus")?;
    let mode = look(table, "BillingModeSummary.BillingMode");
    Some(mode.unwrap_or_else(|| "PROVISIONED".into()))
}

/// On demand both are told as 0.
pub(super) fn throughput(of: &Json) -> Option<Json> {
    let throughput = of.get("ProvisionedThroughput")?;
    let units = |name: &str| throughput.get(name).and_then(Json::as_i64);
    let is_set = units("ReadCapacityUnits") != Some(0) || units("WriteCapacityUnits") != Some(0);
    is_set.then(|| throughput.clone())
}

/// No limit is told as -1 (API_OnDemandThroughput).
pub(super) fn on_demand(of: &Json) -> Option<Json> {
    let mut told = of.get("OnDemandThroughput")?.as_object()?.clone();
    told.retain(|_, units| units.as_i64() != Some(-1));
    (!told.is_empty()).then_some(Json::Object(told))
}

pub(super) fn indexes(table: &Json) -> Option<Json> {
    let indexes = table.get("GlobalSecondaryIndexes")?.as_array()?;
    let told = indexes.iter().map(|index| {
        let mut told = index.as_object().cloned().unwrap_or_default();
        for (name, value) in [
            ("ProvisionedThroughput", throughput(index)),
            ("OnDemandThroughput", on_demand(index)),
        ] {
            match value {
                Some(value) => told.insert(name.to_owned(), value),
                None => told.remove(name),
            };
        }
        let insights = insights(table, described(index, "IndexName"));
        if let Some(insights) = insights {
            told.insert("ContributorInsightsSpecification".to_owned(), insights);
        }
        Json::Object(told)
    });
    Some(told.collect())
}

/// Whether contributor insights are on, of the table or of an index; `None` where it was not asked.
pub(super) fn insights(table: &Json, index: Option<&str>) -> Option<Json> {
    let summaries = table.get("ContributorInsights")?.as_array()?;
    let mine = summaries
        .iter()
        .find(|one| described(one, "IndexName") == index);
    let is_on = matches!(
        mine.and_then(|one| described(one, "ContributorInsightsStatus")),
        Some("ENABLED" | "ENABLING")
    );
    let mut told = Map::from_iter([("Enabled".to_owned(), is_on.into())]);
    if let (true, Some(mode)) = (
        is_on,
        mine.and_then(|one| one.get("ContributorInsightsMode")),
    ) {
        told.insert("Mode".to_owned(), mode.clone());
    }
    Some(Json::Object(told))
}

/// A table without is encrypted under a key of DynamoDB's own (API_SSEDescription).
pub(super) fn encryption(table: &Json) -> Option<Json> {
    described(table, "TableStatus")?;
    let sse = table.get("SSEDescription");
    let is_on = matches!(
        sse.and_then(|sse| described(sse, "Status")),
        Some("ENABLED" | "ENABLING" | "UPDATING")
    );
    let mut told = Map::from_iter([("SSEEnabled".to_owned(), is_on.into())]);
    for (name, member) in [
        ("SSEType", "SSEType"),
        ("KMSMasterKeyId", "KMSMasterKeyArn"),
    ] {
        if let (true, Some(value)) = (is_on, sse.and_then(|sse| sse.get(member))) {
            told.insert(name.to_owned(), value.clone());
        }
    }
    Some(Json::Object(told))
}

fn streams(table: &Json) -> bool {
    look(table, "StreamSpecification.StreamEnabled") == Some(true.into())
}

/// The ARN of a stream that is off is told for a day.
pub(super) fn stream_arn(table: &Json) -> Option<Json> {
    table
        .get("LatestStreamArn")
        .filter(|_| streams(table))
        .cloned()
}

pub(super) fn stream(table: &Json) -> Option<Json> {
    let view = look(table, "StreamSpecification.StreamViewType").filter(|_| streams(table))?;
    let mut told = Map::from_iter([("StreamViewType".to_owned(), view)]);
    if let Some(policy) = table.get("StreamPolicy") {
        told.insert("ResourcePolicy".to_owned(), document(policy));
    }
    Some(Json::Object(told))
}

fn document(policy: &Json) -> Json {
    let text = policy.as_str().unwrap_or_default();
    let parsed = serde_json::from_str::<Json>(text);
    json!({"PolicyDocument": parsed.unwrap_or_else(|_| policy.clone())})
}

pub(super) fn policy(table: &Json) -> Option<Json> {
    table.get("TablePolicy").map(document)
}

/// ENABLING | DISABLING | ENABLED | DISABLED (API_TimeToLiveDescription).
pub(super) fn time_to_live(table: &Json) -> Option<Json> {
    let told = table.get("TimeToLive")?;
    let is_on = matches!(
        described(told, "TimeToLiveStatus"),
        Some("ENABLED" | "ENABLING")
    );
    Some(match told.get("AttributeName").filter(|_| is_on) {
        Some(name) => json!({"Enabled": true, "AttributeName": name}),
        None => json!({"Enabled": is_on}),
    })
}

pub(super) fn recovery(table: &Json) -> Option<Json> {
    let told = table.get("PointInTimeRecovery")?;
    let is_on = described(told, "PointInTimeRecoveryStatus") == Some("ENABLED");
    Some(match told.get("RecoveryPeriodInDays").filter(|_| is_on) {
        Some(days) => json!({"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": days}),
        None => json!({"PointInTimeRecoveryEnabled": is_on}),
    })
}

/// ENABLING | ACTIVE | DISABLING | DISABLED | ENABLE_FAILED | UPDATING (API_KinesisDataStreamDestination): those that are off are
/// told, too.
pub(super) fn kinesis(table: &Json) -> Option<Json> {
    let destinations = list(table, "KinesisDestinations");
    let one = destinations.iter().find(|one| {
        matches!(
            described(one, "DestinationStatus"),
            Some("ENABLING" | "ACTIVE" | "UPDATING")
        )
    })?;
    Some(one.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_ready_with_its_indexes_and_its_stream() {
        let of = |more: Json| {
            let mut table = json!({"TableStatus": "ACTIVE"});
            if let (Some(table), Json::Object(more)) = (table.as_object_mut(), more) {
                table.extend(more);
            }
            status(&table)
        };
        assert_eq!(of(json!({})), Status::Ready);
        assert_eq!(of(json!({"TableStatus": "DELETING"})), Status::Pending);
        let index = |state: &str| json!({"GlobalSecondaryIndexes": [{"IndexStatus": state}]});
        assert_eq!(of(index("CREATING")), Status::Pending);
        assert_eq!(of(index("ACTIVE")), Status::Ready);
        let stream = |state: &str| json!({"KinesisDestinations": [{"DestinationStatus": state}]});
        assert_eq!(of(stream("ENABLING")), Status::Pending);
        assert_eq!(of(stream("DISABLED")), Status::Ready);
        assert!(matches!(of(stream("ENABLE_FAILED")), Status::Failed(_)));
        let key = json!({"TableStatus": "INACCESSIBLE_ENCRYPTION_CREDENTIALS"});
        assert!(matches!(of(key), Status::Failed(_)));
    }

    #[test]
    fn what_is_off_is_told_as_in_the_registry() {
        let table = json!({
            "TableStatus": "ACTIVE", "LatestStreamArn": "a", "StreamSpecification": {"StreamEnabled": false},
            "ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0, "NumberOfDecreasesToday": 0},
            "OnDemandThroughput": {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 5},
            "TimeToLive": {"TimeToLiveStatus": "DISABLING", "AttributeName": "ttl"},
            "PointInTimeRecovery": {"PointInTimeRecoveryStatus": "DISABLED"},
            "ContributorInsights": [],
        });
        assert_eq!(stream_arn(&table), None);
        assert_eq!(throughput(&table), None);
        assert_eq!(on_demand(&table), Some(json!({"MaxWriteRequestUnits": 5})));
        assert_eq!(time_to_live(&table), Some(json!({"Enabled": false})));
        let off = json!({"PointInTimeRecoveryEnabled": false});
        assert_eq!(recovery(&table), Some(off));
        assert_eq!(insights(&table, None), Some(json!({"Enabled": false})));
        assert_eq!(encryption(&table), Some(json!({"SSEEnabled": false})));
        assert_eq!(billing_mode(&table), Some("PROVISIONED".into()));
    }
}
