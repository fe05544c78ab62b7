//! Tables of metadata that S3 keeps of a bucket's objects.

use super::buckets::{bucket, the_bucket};
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use serde_json::{Value as Json, json};

const NONE: Fault = Fault::new(
    "MetadataConfigurationNotFound",
    "The metadata configuration does not exist",
)
.status(404);

fn taken() -> Refusal {
    let message = "A metadata configuration already exists on this bucket";
    Refusal::new("MetadataConfigurationAlreadyExists", message).status(409)
}

/// Journal and inventory are tables of the account's own table bucket for AWS, `aws-s3` (Amazon S3 User Guide, "S3 Metadata tables").
pub(super) fn create(call: &mut Call) -> Answer {
    if bucket(call)?.body.contains_key("Metadata") {
        return Err(taken());
    }
    let key = the_bucket(call)?;
    let sent = call
        .input
        .get("MetadataConfiguration")
        .cloned()
        .unwrap_or_default();
    let place = format!(
        "arn:{}:s3tables:{}:{}:bucket/aws-s3",
        call.partition(),
        key.region,
        key.account
    );
    let table = |name: &str| json!({"TableStatus": "ACTIVE", "TableName": name, "TableArn": format!("{place}/table/{name}")});
    let mut journal = table("journal");
    journal["RecordExpiration"] = sent["JournalTableConfiguration"]["RecordExpiration"].clone();
    let mut kept = json!({
        "DestinationResult": {
            "TableBucketType": "aws", "TableBucketArn": place, "TableNamespace": format!("b_{}", key.id),
        },
        "JournalTableConfigurationResult": journal,
    });
    let state = sent["InventoryTableConfiguration"]["ConfigurationState"].as_str();
    kept["InventoryTableConfigurationResult"] =
        inventory(state.unwrap_or("DISABLED"), &table("inventory"));
    if let Some(annotations) = sent.get("AnnotationTableConfiguration") {
        let state = annotations["ConfigurationState"].as_str();
        let mut shown = inventory(state.unwrap_or("DISABLED"), &table("annotation"));
        shown["Role"] = annotations["Role"].clone();
        kept["AnnotationTableConfigurationResult"] = shown;
    }
    call.world
        .update(&key, |bucket| bucket.set("Metadata", kept));
    Ok(json!({}))
}

fn inventory(state: &str, table: &Json) -> Json {
    match state {
        "ENABLED" => {
            let mut table = table.clone();
            table["ConfigurationState"] = json!("ENABLED");
            table
        }
        state => json!({"ConfigurationState": state}),
    }
}

pub(super) fn get(call: &mut Call) -> Answer {
    let kept = bucket(call)?
        .body
        .get("Metadata")
        .ok_or_else(|| NONE.with(&[]))?;
    Ok(json!({"GetBucketMetadataConfigurationResult": {"MetadataConfigurationResult": kept}}))
}

pub(super) fn delete(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    call.world
        .update(&key, |bucket| bucket.set("Metadata", Json::Null));
    Ok(json!({}))
}

pub(super) fn update_inventory(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    if !bucket(call)?.body.contains_key("Metadata") {
        return Err(NONE.with(&[]));
    }
    let state = call
        .text("InventoryTableConfiguration.ConfigurationState")
        .unwrap_or("DISABLED");
    let arn = format!(
        "arn:{}:s3tables:{}:{}:bucket/aws-s3/table/inventory",
        call.partition(),
        key.region,
        key.account
    );
    let table = json!({"TableStatus": "ACTIVE", "TableName": "inventory", "TableArn": arn});
    let shown = inventory(state, &table);
    call.world.update(&key, |bucket| {
        bucket.set("Metadata.InventoryTableConfigurationResult", shown)
    });
    Ok(json!({}))
}

pub(super) fn update_annotations(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    if !bucket(call)?.body.contains_key("Metadata") {
        return Err(NONE.with(&[]));
    }
    let sent = call.input.get("AnnotationTableConfiguration").cloned();
    let sent = sent.unwrap_or_default();
    let arn = format!(
        "arn:{}:s3tables:{}:{}:bucket/aws-s3/table/annotation",
        call.partition(),
        key.region,
        key.account
    );
    let table = json!({"TableStatus": "ACTIVE", "TableName": "annotation", "TableArn": arn});
    let state = sent["ConfigurationState"].as_str();
    let mut shown = inventory(state.unwrap_or("DISABLED"), &table);
    shown["Role"] = sent["Role"].clone();
    call.world.update(&key, |bucket| {
        bucket.set("Metadata.AnnotationTableConfigurationResult", shown)
    });
    Ok(json!({}))
}

pub(super) fn update_journal(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    if !bucket(call)?.body.contains_key("Metadata") {
        return Err(NONE.with(&[]));
    }
    let expiration = call
        .input
        .get("JournalTableConfiguration")
        .map(|journal| journal["RecordExpiration"].clone());
    call.world.update(&key, |bucket| {
        bucket.set(
            "Metadata.JournalTableConfigurationResult.RecordExpiration",
            expiration.unwrap_or_default(),
        );
    });
    Ok(json!({}))
}

/// The older form: a table in a table bucket of the account.
pub(super) fn create_table(call: &mut Call) -> Answer {
    if bucket(call)?.body.contains_key("MetadataTable") {
        return Err(taken());
    }
    let key = the_bucket(call)?;
    let mut destination = call
        .input
        .get("MetadataTableConfiguration")
        .map(|sent| sent["S3TablesDestination"].clone())
        .unwrap_or_default();
    let of = |name: &str| destination[name].as_str().unwrap_or_default().to_owned();
    let arn = format!("{}/table/{}", of("TableBucketArn"), of("TableName"));
    destination["TableArn"] = json!(arn);
    destination["TableNamespace"] = json!("aws_s3_metadata");
    call.world
        .update(&key, |bucket| bucket.set("MetadataTable", destination));
    Ok(json!({}))
}

pub(super) fn get_table(call: &mut Call) -> Answer {
    let kept = bucket(call)?
        .body
        .get("MetadataTable")
        .ok_or_else(|| NONE.with(&[]))?;
    Ok(json!({"GetBucketMetadataTableConfigurationResult": {
        "MetadataTableConfigurationResult": {"S3TablesDestinationResult": kept}, "Status": "ACTIVE",
    }}))
}

pub(super) fn delete_table(call: &mut Call) -> Answer {
    let key = the_bucket(call)?;
    call.world
        .update(&key, |bucket| bucket.set("MetadataTable", Json::Null));
    Ok(json!({}))
}
