//! DynamoDB as a client sees it.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

fn table(name: &str, more: Json) -> Json {
    let mut table = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    });
    for (member, value) in more.as_object().into_iter().flatten() {
        table[member] = value.clone();
    }
    table
}

fn index(name: &str, key: &str) -> Json {
    json!({"IndexName": name, "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}})
}

fn defined(names: &str) -> Json {
    let one = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    names.split(' ').map(one).collect()
}

fn units(read: u32, write: u32) -> Json {
    json!({"ReadCapacityUnits": read, "WriteCapacityUnits": write})
}

async fn made(aws: &Client, table: Json) {
    aws.did("CreateTable", table);
    pass(30).await;
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Client::of("dynamodb");
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);
    let create = "CreateTable";
    breaks(
        "dynamodb: a table's name has letters, digits, _, - and ., 3 to 255 of them",
        create,
        table("a b", json!({})),
    );
    let keys = "dynamodb: a key is a HASH and then perhaps a RANGE attribute; a local index shares the table's HASH";
    let range = json!([{"AttributeName": "pk", "KeyType": "RANGE"}]);
    breaks(keys, create, table("one", json!({"KeySchema": range})));
    let local = json!({"LocalSecondaryIndexes": [index("local", "pk")]});
    breaks(keys, create, table("one", local));
    let definitions = "dynamodb: the attributes of keys, and no others, are defined";
    for names in ["pk other", "other"] {
        let more = json!({"AttributeDefinitions": defined(names)});
        breaks(definitions, create, table("one", more));
    }
    let throughput =
        "dynamodb: a provisioned table and its indexes have throughput, one on demand has none";
    let more = json!({"ProvisionedThroughput": units(1, 1)});
    breaks(throughput, create, table("one", more));
    let more = json!({"BillingMode": "PROVISIONED"});
    breaks(throughput, create, table("one", more));
    let mut some = index("one", "pk");
    some["Projection"] = json!({"ProjectionType": "INCLUDE"});
    breaks(
        "dynamodb: an index includes attributes that are named, or is of keys or all",
        create,
        table("one", json!({"GlobalSecondaryIndexes": [some]})),
    );
    let twice = json!({"GlobalSecondaryIndexes": [index("one", "pk"), index("one", "pk")]});
    breaks(
        "dynamodb: a table has at most 20 global and 5 local indexes, no two of one name",
        create,
        table("one", twice),
    );
    let sse = json!({"SSESpecification": {"Enabled": true, "SSEType": "KMS", "KMSMasterKeyId": "alias/none"}});
    breaks(
        "dynamodb: the key that encrypts a table is there and enabled",
        create,
        table("one", sse),
    );
    breaks(
        "dynamodb: a resource policy is a JSON policy with statements",
        create,
        table("one", json!({"ResourcePolicy": "{}"})),
    );
    let protected = json!({
        "DeletionProtectionEnabled": true, "AttributeDefinitions": defined("pk a"), "GlobalSecondaryIndexes": [index("one", "a")],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"},
    });
    aws.did(create, table("one", protected));
    breaks(
        "dynamodb/table: TableName is unique",
        create,
        table("one", json!({})),
    );
    let named = |more: Json| {
        let mut input = json!({"TableName": "one"});
        for (member, value) in more.as_object().into_iter().flatten() {
            input[member] = value.clone();
        }
        input
    };
    breaks(
        "dynamodb: a table that is being made, changed or deleted is left alone",
        "UpdateTable",
        named(json!({"DeletionProtectionEnabled": false})),
    );
    pass(12).await;
    breaks(
        "dynamodb: recovery is switched when continuous backups are there, some time after the table",
        "UpdateContinuousBackups",
        named(json!({"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}})),
    );
    breaks(
        "dynamodb: a table with deletion protection is not deleted",
        "DeleteTable",
        named(json!({})),
    );
    let update = "UpdateTable";
    breaks(
        "dynamodb: an update changes something",
        update,
        named(json!({})),
    );
    let indexes = |changes: Vec<Json>| json!({"GlobalSecondaryIndexUpdates": changes});
    let delete = json!({"Delete": {"IndexName": "one"}});
    let create_index = json!({"Create": index("two", "b")});
    breaks(
        "dynamodb: one index of a table is made or deleted at a time",
        update,
        named(indexes(vec![delete.clone(), create_index.clone()])),
    );
    let of_index = "dynamodb: an index that is changed or deleted exists, one that is made does not, and its keys are defined and no others";
    breaks(of_index, update, named(indexes(vec![create_index])));
    let none = json!({"Delete": {"IndexName": "none"}});
    breaks(of_index, update, named(indexes(vec![none])));
    let mut unused = indexes(vec![json!({"Create": index("two", "b")})]);
    unused["AttributeDefinitions"] = defined("b c");
    breaks(of_index, update, named(unused));
    let stream = "dynamodb: a stream is switched on where there is none, with a view, and off where there is one";
    let on = json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}});
    breaks(stream, update, named(on));
    breaks(
        "dynamodb: warm throughput is never decreased",
        update,
        named(json!({"WarmThroughput": {"ReadUnitsPerSecond": 1}})),
    );
    breaks(
        throughput,
        update,
        named(json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units(1, 1)})),
    );
    let ttl = "dynamodb: time to live is switched on where it is off, off where it is on, and not while it is being switched";
    let switch = |on: bool| {
        named(json!({"TimeToLiveSpecification": {"Enabled": on, "AttributeName": "ttl"}}))
    };
    breaks(ttl, "UpdateTimeToLive", switch(false));
    aws.did("UpdateTimeToLive", switch(true));
    breaks(ttl, "UpdateTimeToLive", switch(false));
    pass(3_600).await;
    breaks(ttl, "UpdateTimeToLive", switch(true));
    breaks(
        "dynamodb: a stream to Kinesis is enabled where it is not, and disabled or changed where it is",
        "DisableKinesisStreamingDestination",
        named(json!({"StreamArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s"})),
    );
    book.is_complete(&["dynamodb"], &[]);
}

#[tokio::test(start_paused = true)]
async fn tables_come_back_as_they_were_made() {
    let aws = Client::of("dynamodb");
    let told = || aws.did("DescribeTable", json!({"TableName": "one"}))["Table"].clone();
    let more = json!({
        "BillingMode": "PROVISIONED", "ProvisionedThroughput": units(5, 6), "AttributeDefinitions": defined("pk b a"),
        "GlobalSecondaryIndexes": [
            {"IndexName": "one", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units(1, 1)},
            {"IndexName": "two", "KeySchema": [{"AttributeName": "b", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units(1, 1)},
        ],
        "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"}, "SSESpecification": {"Enabled": true},
        "TableClass": "STANDARD_INFREQUENT_ACCESS", "Tags": [{"Key": "a", "Value": "1"}],
    });
    let made = aws.did("CreateTable", table("one", more))["TableDescription"].clone();
    assert_eq!(made["TableStatus"], "CREATING");
    assert_eq!(
        made["TableArn"],
        "arn:aws:dynamodb:eu-west-1:123456789012:table/one"
    );
    pass(30).await;
    let live = told();
    assert_eq!(live["TableStatus"], "ACTIVE");
    assert_eq!(live["AttributeDefinitions"], defined("a b pk"));
    assert_eq!(live["ProvisionedThroughput"]["ReadCapacityUnits"], 5);
    assert_eq!(live["ProvisionedThroughput"]["NumberOfDecreasesToday"], 0);
    assert_eq!(live["WarmThroughput"]["WriteUnitsPerSecond"], 6);
    assert_eq!(live["GlobalSecondaryIndexes"][1]["IndexStatus"], "ACTIVE");
    assert_eq!(live["SSEDescription"]["Status"], "ENABLED");
    assert_eq!(
        live["TableClassSummary"]["TableClass"],
        "STANDARD_INFREQUENT_ACCESS"
    );
    assert_eq!(live.get("BillingModeSummary"), None);
    let stream = live["LatestStreamArn"].clone();
    let arn = live["TableArn"].clone();
    assert_eq!(
        aws.did("ListTagsOfResource", json!({"ResourceArn": arn}))["Tags"],
        json!([{"Key": "a", "Value": "1"}])
    );
    assert_eq!(
        aws.did(
            "resourcegroupstaggingapi:GetResources",
            json!({"ResourceTypeFilters": ["dynamodb:table"]})
        )["ResourceTagMappingList"][0]["ResourceARN"],
        arn
    );
    let update = |input: Json| {
        let mut input = input;
        input["TableName"] = json!("one");
        aws.did("UpdateTable", input)["TableDescription"].clone()
    };
    let updated =
        update(json!({"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "one"}}]}));
    assert_eq!(updated["TableStatus"], "UPDATING");
    assert_eq!(
        updated["GlobalSecondaryIndexes"][0]["IndexStatus"],
        "DELETING"
    );
    pass(120).await;
    let live = told();
    assert_eq!(
        live["GlobalSecondaryIndexes"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(live["AttributeDefinitions"], defined("b pk"));
    update(json!({"StreamSpecification": {"StreamEnabled": false}}));
    pass(30).await;
    update(json!({"StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"}}));
    pass(30).await;
    assert_ne!(
        told()["LatestStreamArn"],
        stream,
        "a new stream has another label"
    );
    update(json!({"BillingMode": "PAY_PER_REQUEST"}));
    pass(30).await;
    let live = told();
    assert_eq!(live["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(live["ProvisionedThroughput"]["ReadCapacityUnits"], 0);
    assert_eq!(live["WarmThroughput"]["ReadUnitsPerSecond"], 12_000);

    let named = json!({"TableName": "one"});
    let backups = |input: Json| aws.did("UpdateContinuousBackups", input);
    backups(
        json!({"TableName": "one", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}),
    );
    let told_backups = aws.did("DescribeContinuousBackups", named.clone());
    assert_eq!(
        told_backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]["RecoveryPeriodInDays"],
        35
    );
    aws.did(
        "UpdateContributorInsights",
        json!({"TableName": "one", "IndexName": "two", "ContributorInsightsAction": "ENABLE"}),
    );
    pass(30).await;
    let insights = aws.did("ListContributorInsights", named.clone());
    assert_eq!(
        insights["ContributorInsightsSummaries"][0]["ContributorInsightsStatus"],
        "ENABLED"
    );
    assert_eq!(
        aws.did("DescribeContributorInsights", named.clone())["ContributorInsightsStatus"],
        "DISABLED"
    );
    let kinesis =
        json!({"TableName": "one", "StreamArn": "arn:aws:kinesis:eu-west-1:123456789012:stream/s"});
    aws.did("EnableKinesisStreamingDestination", kinesis.clone());
    pass(30).await;
    aws.did("DisableKinesisStreamingDestination", kinesis);
    pass(30).await;
    let streaming = aws.did("DescribeKinesisStreamingDestination", named.clone());
    assert_eq!(
        streaming["KinesisDataStreamDestinations"][0]["DestinationStatus"],
        "DISABLED"
    );
    assert_eq!(
        aws.refused("GetResourcePolicy", json!({"ResourceArn": arn})),
        "PolicyNotFoundException"
    );
    aws.did("DeleteTable", named.clone());
    pass(30).await;
    assert_eq!(
        aws.refused("DescribeTable", named.clone()),
        "ResourceNotFoundException"
    );
    assert_eq!(
        aws.refused("DescribeContinuousBackups", named),
        "TableNotFoundException"
    );
}

#[tokio::test(start_paused = true)]
async fn tables_are_listed_in_pages_and_imported() {
    let aws = Client::of("dynamodb");
    for name in ["aaa", "bbb", "ccc"] {
        made(&aws, table(name, json!({}))).await;
    }
    let page = aws.did("ListTables", json!({"Limit": 2}));
    assert_eq!(page["TableNames"], json!(["aaa", "bbb"]));
    let rest = aws.did(
        "ListTables",
        json!({"ExclusiveStartTableName": page["LastEvaluatedTableName"]}),
    );
    assert_eq!(
        (&rest["TableNames"], rest.get("LastEvaluatedTableName")),
        (&json!(["ccc"]), None)
    );
    let import = json!({
        "ClientToken": "token", "S3BucketSource": {"S3Bucket": "archive"}, "InputFormat": "ION", "TableCreationParameters": table("imported", json!({})),
    });
    let first = aws.did("ImportTable", import.clone())["ImportTableDescription"].clone();
    let again = aws.did("ImportTable", import)["ImportTableDescription"]["ImportArn"].clone();
    assert_eq!(
        again, first["ImportArn"],
        "the same token gives the same import"
    );
    let status = || {
        aws.did("DescribeTable", json!({"TableName": "imported"}))["Table"]["TableStatus"].clone()
    };
    pass(60).await;
    assert_eq!(status(), "CREATING");
    pass(120).await;
    assert_eq!(status(), "ACTIVE");
    let told = aws.did("DescribeImport", json!({"ImportArn": first["ImportArn"]}))["ImportTableDescription"].clone();
    assert_eq!(
        (&told["ImportStatus"], &told["ClientToken"]),
        (&json!("COMPLETED"), &json!("token"))
    );
    let listed = aws.did("ListImports", json!({"TableArn": told["TableArn"]}));
    assert_eq!(
        listed["ImportSummaryList"][0]["ImportArn"],
        first["ImportArn"]
    );
}
