import json

dynamodb = client("dynamodb")


def defined(*names):
    return [{"AttributeName": name, "AttributeType": "S"} for name in names]


def key(*names):
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"))]


def found(name="orders"):
    return dynamodb.describe_table(TableName=name)["Table"]


def active(name="orders"):
    table = found(name)
    indexes = table.get("GlobalSecondaryIndexes", [])
    return table["TableStatus"] == "ACTIVE" and all(i["IndexStatus"] == "ACTIVE" for i in indexes)


made = dynamodb.create_table(
    TableName="orders", AttributeDefinitions=defined("shop", "id", "day", "customer"), KeySchema=key("shop", "id"),
    ProvisionedThroughput={"ReadCapacityUnits": 5, "WriteCapacityUnits": 6},
    LocalSecondaryIndexes=[{"IndexName": "by-day", "KeySchema": key("shop", "day"), "Projection": {"ProjectionType": "KEYS_ONLY"}}],
    GlobalSecondaryIndexes=[{
        "IndexName": "by-customer", "KeySchema": key("customer"), "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total"]},
    }],
    StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}, DeletionProtectionEnabled=True,
    Tags=tags({"Name": "shop"}),
)
same("being made", made["TableDescription"]["TableStatus"], "CREATING")
dynamodb.get_waiter("table_exists").wait(TableName="orders", WaiterConfig={"Delay": 1})
until("active", active)
table = found()
arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/orders"
holds("table", table, TableArn=arn, KeySchema=key("shop", "id"), DeletionProtectionEnabled=True)
same("definitions", table["AttributeDefinitions"], defined("customer", "day", "id", "shop"))
same("units", table["ProvisionedThroughput"]["WriteCapacityUnits"], 6)
same("index", table["GlobalSecondaryIndexes"][0]["Projection"], {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["total"]})
same("index arn", table["GlobalSecondaryIndexes"][0]["IndexArn"], arn + "/index/by-customer")
true("stream", table["LatestStreamArn"].startswith(arn + "/stream/"))
refused(
    "ResourceInUseException", dynamodb.create_table, TableName="orders", AttributeDefinitions=defined("a"), KeySchema=key("a"),
    BillingMode="PAY_PER_REQUEST",
)
refused(
    "ValidationException", dynamodb.create_table, TableName="wrong", AttributeDefinitions=defined("a", "b"), KeySchema=key("a"),
    BillingMode="PAY_PER_REQUEST",
)
refused("ValidationException", dynamodb.delete_table, TableName="orders")
refused("ResourceNotFoundException", dynamodb.describe_table, TableName="nobody")
refused("ValidationException", dynamodb.update_table, TableName="orders", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})

dynamodb.update_table(
    TableName="orders", AttributeDefinitions=defined("shop", "id", "day", "customer", "state"),
    GlobalSecondaryIndexUpdates=[{"Create": {
        "IndexName": "by-state", "KeySchema": key("state"), "Projection": {"ProjectionType": "ALL"},
        "ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    }}],
)
until("active", active)
same("two indexes", sorted(i["IndexName"] for i in found()["GlobalSecondaryIndexes"]), ["by-customer", "by-state"])
dynamodb.update_table(TableName="orders", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-customer"}}])
until("one index", lambda: active() and len(found()["GlobalSecondaryIndexes"]) == 1)
dynamodb.update_table(TableName="orders", BillingMode="PAY_PER_REQUEST")
until("active", active)
same("by request", found()["BillingModeSummary"]["BillingMode"], "PAY_PER_REQUEST")
same("no units", found()["ProvisionedThroughput"]["ReadCapacityUnits"], 0)

same("tags", dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"], tags({"Name": "shop"}))
dynamodb.tag_resource(ResourceArn=arn, Tags=tags({f"t{n:02}": "x" for n in range(15)}))
dynamodb.untag_resource(ResourceArn=arn, TagKeys=["Name"])
items, count = [], 0
for page in dynamodb.get_paginator("list_tags_of_resource").paginate(ResourceArn=arn):
    items, count = items + page["Tags"], count + 1
same("tags by pages", (len(items), count), (15, 2))

dynamodb.update_time_to_live(TableName="orders", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
ttl = lambda: dynamodb.describe_time_to_live(TableName="orders")["TimeToLiveDescription"]
until("time to live", lambda: ttl() == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"})
refused("ValidationException", dynamodb.update_time_to_live, TableName="orders", TimeToLiveSpecification={"Enabled": True, "AttributeName": "ttl"})
dynamodb.update_continuous_backups(TableName="orders", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": 7})
backups = dynamodb.describe_continuous_backups(TableName="orders")["ContinuousBackupsDescription"]
holds("recovery", backups["PointInTimeRecoveryDescription"], PointInTimeRecoveryStatus="ENABLED", RecoveryPeriodInDays=7)
policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": arn}]})
refused("PolicyNotFoundException", dynamodb.get_resource_policy, ResourceArn=arn)
dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy)
same("policy", dynamodb.get_resource_policy(ResourceArn=arn)["Policy"], policy)
dynamodb.delete_resource_policy(ResourceArn=arn)
dynamodb.update_contributor_insights(TableName="orders", ContributorInsightsAction="ENABLE")
until("insights", lambda: dynamodb.describe_contributor_insights(TableName="orders")["ContributorInsightsStatus"] == "ENABLED")

for name in ("aaa", "bbb"):
    dynamodb.create_table(TableName=name, AttributeDefinitions=defined("a"), KeySchema=key("a"), BillingMode="PAY_PER_REQUEST")
names, count = pages(dynamodb, "list_tables", "TableNames", 2)
same("by pages", (names, count), (["aaa", "bbb", "orders"], 2))
dynamodb.update_table(TableName="orders", DeletionProtectionEnabled=False)
dynamodb.delete_table(TableName="orders")
dynamodb.get_waiter("table_not_exists").wait(TableName="orders", WaiterConfig={"Delay": 1})
