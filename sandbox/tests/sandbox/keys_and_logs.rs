//! KMS and Logs as a client sees them.

use serde_json::{Value as Json, json};
use std::ops::Deref;

use crate::support::{Client, LawBook, pass};

struct Aws(Client);

impl Deref for Aws {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0
    }
}

impl Aws {
    fn new() -> Aws {
        Aws(Client::of(""))
    }

    fn key(&self, input: Json) -> Json {
        self.did("kms:CreateKey", input)["KeyMetadata"].clone()
    }
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

async fn days(days: u64) {
    pass(days * 86_400 + 1).await;
}

fn policy(extra: Json) -> String {
    let mut statements = vec![json!({
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "kms:*", "Resource": "*"
    })];
    statements.extend(extra.as_array().cloned().unwrap_or_default());
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn logs_policy() -> String {
    policy(json!([{
        "Effect": "Allow", "Principal": {"Service": "logs.eu-west-1.amazonaws.com"}, "Resource": "*",
        "Action": ["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": "arn:aws:logs:eu-west-1:123456789012:*"}},
    }]))
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Aws::new();
    let mut book = LawBook::new(&aws);
    let mut breaks = |law: &str, operation: &str, input: Json| book.breaks(law, operation, input);

    let key = aws.key(json!({}));
    let (id, arn) = (text(&key["KeyId"]), text(&key["Arn"]));
    breaks(
        "kms: a key's deletion waits between 7 and 30 days",
        "kms:ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 5}),
    );
    breaks(
        "kms: only a pending deletion can be cancelled",
        "kms:CancelKeyDeletion",
        json!({"KeyId": id}),
    );
    breaks(
        "kms: a key policy is a policy document",
        "kms:CreateKey",
        json!({"Policy": "{"}),
    );
    let nobody = json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}]});
    breaks(
        "kms: a key policy lets its author change it",
        "kms:PutKeyPolicy",
        json!({"KeyId": id, "PolicyName": "default", "Policy": nobody.to_string()}),
    );
    let unknown = json!([{"Effect": "Allow", "Principal": {"AWS": "not an arn"}, "Action": "kms:*", "Resource": "*"}]);
    breaks(
        "kms: the roles that a key policy names exist",
        "kms:CreateKey",
        json!({"Policy": policy(unknown)}),
    );
    breaks(
        "kms: a key's policy is called default",
        "kms:GetKeyPolicy",
        json!({"KeyId": id, "PolicyName": "other"}),
    );
    breaks(
        "kms: an alias begins with alias/",
        "kms:CreateAlias",
        json!({"AliasName": "app", "TargetKeyId": id}),
    );
    breaks(
        "kms: alias/aws/ is AWS's",
        "kms:CreateAlias",
        json!({"AliasName": "alias/aws/app", "TargetKeyId": id}),
    );
    breaks(
        "kms/alias: TargetKeyId must exist",
        "kms:CreateAlias",
        json!({"AliasName": "alias/none", "TargetKeyId": "none"}),
    );
    aws.did(
        "kms:CreateAlias",
        json!({"AliasName": "alias/app", "TargetKeyId": arn}),
    );
    breaks(
        "kms/alias: AliasArn is unique",
        "kms:CreateAlias",
        json!({"AliasName": "alias/app", "TargetKeyId": id}),
    );
    let managed = aws.did("kms:DescribeKey", json!({"KeyId": "alias/aws/rds"}));
    let managed = text(&managed["KeyMetadata"]["KeyId"]).to_owned();
    let fresh = Aws::new();
    let same = fresh.did("kms:DescribeKey", json!({"KeyId": managed}));
    assert_eq!(same["KeyMetadata"]["KeyManager"], "AWS");
    breaks(
        "kms: an alias does not stand for a key that AWS manages",
        "kms:CreateAlias",
        json!({"AliasName": "alias/mine", "TargetKeyId": managed}),
    );
    let hmac = aws.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    breaks(
        "kms: only symmetric encryption keys with AWS's material rotate by themselves",
        "kms:EnableKeyRotation",
        json!({"KeyId": hmac["KeyId"]}),
    );
    aws.did("kms:DisableKey", json!({"KeyId": id}));
    breaks(
        "kms: a disabled key is not rotated and gets no grants",
        "kms:EnableKeyRotation",
        json!({"KeyId": id}),
    );
    breaks(
        "logs: the key is there, enabled, symmetric, and its policy lets Logs of the region use it for the group",
        "logs:CreateLogGroup",
        json!({"logGroupName": "a", "kmsKeyId": arn}),
    );
    aws.did("kms:ScheduleKeyDeletion", json!({"KeyId": id}));
    breaks(
        "kms: a key that is pending deletion is not changed or used",
        "kms:EnableKey",
        json!({"KeyId": id}),
    );

    aws.did(
        "logs:CreateLogGroup",
        json!({"logGroupName": "a", "deletionProtectionEnabled": true}),
    );
    breaks(
        "logs/log-group: logGroupName is unique",
        "logs:CreateLogGroup",
        json!({"logGroupName": "a"}),
    );
    breaks(
        "logs: retention is one of AWS's numbers of days",
        "logs:PutRetentionPolicy",
        json!({"logGroupName": "a", "retentionInDays": 4}),
    );
    breaks(
        "logs: a group with deletion protection is not deleted",
        "logs:DeleteLogGroup",
        json!({"logGroupName": "a"}),
    );
    breaks(
        "logs: groups are looked for by prefix or by pattern",
        "logs:DescribeLogGroups",
        json!({"logGroupNamePrefix": "a", "logGroupNamePattern": "b"}),
    );
    breaks(
        "logs: a policy is a JSON document",
        "logs:PutIndexPolicy",
        json!({"logGroupIdentifier": "a", "policyDocument": "x"}),
    );
    breaks(
        "logs/log-stream: logGroupName must exist",
        "logs:CreateLogStream",
        json!({"logGroupName": "none", "logStreamName": "s"}),
    );
    aws.did(
        "logs:CreateLogStream",
        json!({"logGroupName": "a", "logStreamName": "s"}),
    );
    breaks(
        "logs/log-stream: logGroupName, logStreamName is unique",
        "logs:CreateLogStream",
        json!({"logGroupName": "a", "logStreamName": "s"}),
    );
    let transform = json!([{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]);
    breaks(
        "logs/metric-filter: logGroupName must exist",
        "logs:PutMetricFilter",
        json!({"logGroupName": "none", "filterName": "f", "filterPattern": "", "metricTransformations": transform}),
    );
    let subscribe = |group: &str, name: &str| json!({"logGroupName": group, "filterName": name, "filterPattern": "", "destinationArn": "arn:aws:lambda:eu-west-1:123456789012:function:f"});
    breaks(
        "logs/subscription-filter: logGroupName must exist",
        "logs:PutSubscriptionFilter",
        subscribe("none", "x"),
    );
    aws.did("logs:PutSubscriptionFilter", subscribe("a", "1"));
    aws.did("logs:PutSubscriptionFilter", subscribe("a", "2"));
    aws.did("logs:PutSubscriptionFilter", subscribe("a", "2"));
    breaks(
        "logs: a group has at most two subscription filters",
        "logs:PutSubscriptionFilter",
        subscribe("a", "3"),
    );
    let destination = "logs: a subscription's destination is a stream, a function or a destination of Logs, and streams come with a role that Logs can assume";
    for (arn, role) in [
        ("arn:aws:kinesis:eu-west-1:123456789012:stream/s", None),
        (
            "arn:aws:firehose:eu-west-1:123456789012:deliverystream/s",
            Some("arn:aws:iam::123456789012:role/nobody"),
        ),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:f",
            Some("arn:aws:iam::210987654321:role/r"),
        ),
        ("arn:aws:lambda:eu-west-2:123456789012:function:f", None),
        ("arn:aws:sqs:eu-west-1:123456789012:q", None),
        ("nonsense", None),
    ] {
        let mut input = subscribe("a", "1");
        input["destinationArn"] = json!(arn);
        if let Some(role) = role {
            input["roleArn"] = json!(role);
        }
        breaks(destination, "logs:PutSubscriptionFilter", input);
    }
    breaks(
        "logs: filters are told of a group that exists",
        "logs:DescribeSubscriptionFilters",
        json!({"logGroupName": "none"}),
    );
    breaks(
        "logs: a metric name is asked for with its namespace, and a prefix with its group",
        "logs:DescribeMetricFilters",
        json!({"metricName": "m"}),
    );
    let metric = |name: &str, transform: Json| json!({"logGroupName": "a", "filterName": name, "filterPattern": "", "metricTransformations": [transform]});
    let one = json!({"metricName": "m", "metricNamespace": "n", "metricValue": "1", "defaultValue": 0.0, "dimensions": {"a": "$.a"}});
    breaks(
        "logs: a metric has a default value or dimensions, three at most, taken from the event's fields",
        "logs:PutMetricFilter",
        metric("f", one),
    );
    for number in 0..100 {
        aws.did(
            "logs:PutMetricFilter",
            metric(&number.to_string(), transform[0].clone()),
        );
    }
    breaks(
        "logs: a group has at most 100 metric filters",
        "logs:PutMetricFilter",
        metric("f", transform[0].clone()),
    );
    for number in 0..10 {
        aws.did(
            "logs:PutResourcePolicy",
            json!({"policyName": format!("p{number}"), "policyDocument": "{}"}),
        );
    }
    breaks(
        "logs: an account has at most ten resource policies in a region",
        "logs:PutResourcePolicy",
        json!({"policyName": "p10", "policyDocument": "{}"}),
    );

    // What goes with its group cannot keep it.
    book.is_complete(&["kms", "logs"], &["logs/log-group: not deleted while"]);
}

#[tokio::test(start_paused = true)]
async fn keys_come_back_as_they_were_made() {
    let aws = Aws::new();
    let key = aws.key(json!({"Description": "data", "Policy": logs_policy(), "Tags": [{"TagKey": "a", "TagValue": "b"}]}));
    assert_eq!(key["KeyState"], "Enabled");
    assert_eq!(key["KeyManager"], "CUSTOMER");
    assert_eq!(key["CustomerMasterKeySpec"], "SYMMETRIC_DEFAULT");
    assert_eq!(key["EncryptionAlgorithms"], json!(["SYMMETRIC_DEFAULT"]));
    assert_eq!(key["Origin"], "AWS_KMS");
    assert_eq!(key["MultiRegion"], false);
    let id = key["KeyId"].clone();
    aws.did(
        "kms:CreateAlias",
        json!({"AliasName": "alias/data", "TargetKeyId": id}),
    );
    for name in [
        "alias/data",
        "arn:aws:kms:eu-west-1:123456789012:alias/data",
        text(&id),
        text(&key["Arn"]),
    ] {
        assert_eq!(
            aws.did("kms:DescribeKey", json!({"KeyId": name}))["KeyMetadata"],
            key,
            "{name}"
        );
    }
    assert_eq!(
        aws.did("kms:GetKeyPolicy", json!({"KeyId": id}))["Policy"],
        logs_policy()
    );
    aws.did(
        "kms:TagResource",
        json!({"KeyId": id, "Tags": [{"TagKey": "c", "TagValue": "d"}]}),
    );
    aws.did("kms:UntagResource", json!({"KeyId": id, "TagKeys": ["a"]}));
    let tags = aws.did("kms:ListResourceTags", json!({"KeyId": id}));
    assert_eq!(
        tags,
        json!({"Tags": [{"TagKey": "c", "TagValue": "d"}], "Truncated": false})
    );
    aws.did(
        "kms:EnableKeyRotation",
        json!({"KeyId": id, "RotationPeriodInDays": 100}),
    );
    let rotation = aws.did("kms:GetKeyRotationStatus", json!({"KeyId": id}));
    assert_eq!(rotation["RotationPeriodInDays"], 100);
    assert_eq!(rotation["KeyRotationEnabled"], true);
    let multi = aws.key(json!({"MultiRegion": true}));
    assert!(text(&multi["KeyId"]).starts_with("mrk-"));
    let default = aws.did("kms:GetKeyPolicy", json!({"KeyId": multi["KeyId"]}));
    assert!(text(&default["Policy"]).contains("Enable IAM User Permissions"));
    let page = aws.did("kms:ListKeys", json!({"Limit": 1}));
    assert_eq!(page["Truncated"], true);
    let rest = aws.did(
        "kms:ListKeys",
        json!({"Limit": 1, "Marker": page["NextMarker"]}),
    );
    assert_eq!(rest["Truncated"], false);
    assert_ne!(page["Keys"], rest["Keys"]);
    let grant = json!({"KeyId": id, "GranteePrincipal": "arn:aws:iam::123456789012:root", "Operations": ["Decrypt"]});
    let grant = aws.did("kms:CreateGrant", grant);
    let grants = aws.did("kms:ListGrants", json!({"KeyId": id}));
    assert_eq!(grants["Grants"][0]["GrantId"], grant["GrantId"]);
    assert_eq!(grants["Grants"][0]["KeyId"], key["Arn"]);
    aws.did(
        "kms:RetireGrant",
        json!({"GrantToken": grant["GrantToken"]}),
    );
    assert_eq!(
        aws.did("kms:ListGrants", json!({"KeyId": id}))["Grants"],
        json!([])
    );
    let wrong = aws.ask("kms:CreateKey", json!({"KeySpec": "RSA_2048"}));
    assert_eq!(
        wrong.map_err(|refusal| refusal.code),
        Err("ValidationException".into())
    );
}

#[tokio::test(start_paused = true)]
async fn deleted_keys_wait_and_take_their_aliases_along() {
    let aws = Aws::new();
    let id = aws.key(json!({}))["KeyId"].clone();
    aws.did(
        "kms:CreateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": id}),
    );
    let deletion = aws.did(
        "kms:ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    );
    assert_eq!(deletion["KeyState"], "PendingDeletion");
    aws.did("kms:CancelKeyDeletion", json!({"KeyId": id}));
    assert_eq!(
        aws.did("kms:DescribeKey", json!({"KeyId": id}))["KeyMetadata"]["KeyState"],
        "Disabled"
    );
    days(8).await;
    aws.did(
        "kms:ScheduleKeyDeletion",
        json!({"KeyId": id, "PendingWindowInDays": 7}),
    );
    days(6).await;
    assert_eq!(
        aws.did("kms:ListAliases", json!({"KeyId": id}))["Aliases"][0]["AliasName"],
        "alias/a"
    );
    days(1).await;
    let gone = aws.ask("kms:DescribeKey", json!({"KeyId": id}));
    assert_eq!(
        gone.map_err(|refusal| refusal.code),
        Err("NotFoundException".into())
    );
    assert_eq!(aws.did("kms:ListAliases", json!({}))["Aliases"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn log_groups_come_back_as_they_were_made() {
    let aws = Aws::new();
    let key = aws.key(json!({"Policy": logs_policy()}))["Arn"].clone();
    aws.did(
        "logs:CreateLogGroup",
        json!({"logGroupName": "/app/a", "kmsKeyId": key, "tags": {"x": "y"}}),
    );
    aws.did(
        "logs:CreateLogGroup",
        json!({"logGroupName": "/app/b", "logGroupClass": "DELIVERY"}),
    );
    aws.did("logs:CreateLogGroup", json!({"logGroupName": "/other"}));
    aws.did(
        "logs:PutRetentionPolicy",
        json!({"logGroupName": "/app/a", "retentionInDays": 30}),
    );
    let groups = aws.did(
        "logs:DescribeLogGroups",
        json!({"logGroupNamePrefix": "/app"}),
    );
    let group = &groups["logGroups"][0];
    assert_eq!(groups["logGroups"].as_array().map(Vec::len), Some(2));
    assert_eq!(groups["logGroups"][1]["retentionInDays"], 2);
    assert_eq!(group["retentionInDays"], 30);
    assert_eq!(group["kmsKeyId"], key);
    assert_eq!(
        group["arn"],
        "arn:aws:logs:eu-west-1:123456789012:log-group:/app/a:*"
    );
    assert_eq!(
        group["logGroupArn"],
        "arn:aws:logs:eu-west-1:123456789012:log-group:/app/a"
    );
    assert_eq!(group["creationTime"], 1_700_000_000_000_i64);
    assert_eq!(group["metricFilterCount"], 0);
    assert_eq!(
        aws.did(
            "logs:ListTagsForResource",
            json!({"resourceArn": group["logGroupArn"]})
        ),
        json!({"tags": {"x": "y"}})
    );
    aws.did(
        "logs:TagLogGroup",
        json!({"logGroupName": "/app/a", "tags": {"z": "1"}}),
    );
    aws.did(
        "logs:UntagResource",
        json!({"resourceArn": group["logGroupArn"], "tagKeys": ["x"]}),
    );
    assert_eq!(
        aws.did("logs:ListTagsLogGroup", json!({"logGroupName": "/app/a"})),
        json!({"tags": {"z": "1"}})
    );
    aws.did("logs:DisassociateKmsKey", json!({"logGroupName": "/app/a"}));
    aws.did(
        "logs:DeleteRetentionPolicy",
        json!({"logGroupName": "/app/a"}),
    );
    let document = json!({"Fields": ["id"]}).to_string();
    aws.did(
        "logs:PutIndexPolicy",
        json!({"logGroupIdentifier": group["logGroupArn"], "policyDocument": document}),
    );
    let policies = aws.did(
        "logs:DescribeIndexPolicies",
        json!({"logGroupIdentifiers": ["/app/a"]}),
    );
    assert_eq!(policies["indexPolicies"][0]["policyDocument"], document);
    aws.did(
        "logs:PutDataProtectionPolicy",
        json!({"logGroupIdentifier": "/app/a", "policyDocument": "{}"}),
    );
    let transform = json!([{"metricName": "m", "metricNamespace": "n", "metricValue": "1"}]);
    aws.did("logs:PutMetricFilter", json!({"logGroupName": "/app/a", "filterName": "f", "filterPattern": "ERROR", "metricTransformations": transform}));
    let page = aws.did("logs:DescribeLogGroups", json!({"limit": 1}));
    let group = &page["logGroups"][0];
    assert_eq!(
        (group.get("kmsKeyId"), group.get("retentionInDays")),
        (None, None)
    );
    assert_eq!(group["metricFilterCount"], 1);
    assert_eq!(group["dataProtectionStatus"], "ACTIVATED");
    let next = aws.did(
        "logs:DescribeLogGroups",
        json!({"limit": 50, "nextToken": page["nextToken"]}),
    );
    assert_eq!(next["logGroups"].as_array().map(Vec::len), Some(2));
    aws.did(
        "logs:CreateLogStream",
        json!({"logGroupName": "/app/a", "logStreamName": "s"}),
    );
    aws.did("logs:DeleteLogGroup", json!({"logGroupName": "/app/a"}));
    aws.did("logs:CreateLogGroup", json!({"logGroupName": "/app/a"}));
    assert_eq!(
        aws.did("logs:DescribeLogStreams", json!({"logGroupName": "/app/a"}))["logStreams"],
        json!([])
    );
    assert_eq!(
        aws.did(
            "logs:DescribeMetricFilters",
            json!({"logGroupName": "/app/a"})
        )["metricFilters"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn filters_and_queries_come_back_as_they_were_put() {
    let aws = Aws::new();
    aws.did("logs:CreateLogGroup", json!({"logGroupName": "a"}));
    let put = json!({
        "logGroupName": "a", "filterName": "f", "filterPattern": "ERROR", "applyOnTransformedLogs": true,
        "fieldSelectionCriteria": "@aws.region = \"eu-west-1\"", "emitSystemFieldDimensions": ["@aws.account"],
        "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": "1", "unit": "Count", "dimensions": {"a": "$.a"}}],
    });
    aws.did("logs:PutMetricFilter", put.clone());
    let filters =
        |input: Json| aws.did("logs:DescribeMetricFilters", input)["metricFilters"].clone();
    let first = filters(json!({"metricName": "m", "metricNamespace": "n"}))[0].clone();
    for (member, value) in put.as_object().into_iter().flatten() {
        assert_eq!(&first[member], value, "{member}");
    }
    // What is put again without a member has its default.
    let again = json!({"logGroupName": "a", "filterName": "f", "filterPattern": "", "metricTransformations": put["metricTransformations"]});
    aws.did("logs:PutMetricFilter", again);
    let second = filters(json!({"logGroupName": "a", "filterNamePrefix": "f"}))[0].clone();
    assert_eq!(
        (
            &second["applyOnTransformedLogs"],
            second.get("fieldSelectionCriteria")
        ),
        (&json!(false), None)
    );
    assert_eq!(second["creationTime"], first["creationTime"]);
    let subscribe = json!({
        "logGroupName": "a", "filterName": "s", "filterPattern": "", "destinationArn": "arn:aws:logs:eu-west-1:210987654321:destination:d",
        "emitSystemFields": ["@aws.account"],
    });
    aws.did("logs:PutSubscriptionFilter", subscribe);
    let listed = aws.did(
        "logs:DescribeSubscriptionFilters",
        json!({"logGroupName": "a"}),
    );
    assert_eq!(
        listed["subscriptionFilters"][0]["distribution"],
        "ByLogStream"
    );
    for (operation, name) in [
        ("logs:DeleteMetricFilter", "f"),
        ("logs:DeleteSubscriptionFilter", "s"),
    ] {
        let input = json!({"logGroupName": "a", "filterName": name});
        aws.did(operation, input.clone());
        assert_eq!(aws.refused(operation, input), "ResourceNotFoundException");
    }

    let put = |more: Json| {
        let mut input = json!({"name": "q", "queryString": "fields @message"});
        for (name, value) in more.as_object().into_iter().flatten() {
            input[name] = value.clone();
        }
        aws.did("logs:PutQueryDefinition", input)["queryDefinitionId"].clone()
    };
    let token = json!({"clientToken": "a".repeat(36), "logGroupNames": ["a"]});
    let id = put(token.clone());
    assert_eq!(put(token), id, "the same token gives the same query");
    assert_ne!(put(json!({"name": "other"})), id);
    let found =
        |input: Json| aws.did("logs:DescribeQueryDefinitions", input)["queryDefinitions"].clone();
    let query = found(json!({"queryDefinitionNamePrefix": "q"}))[0].clone();
    assert_eq!(
        (
            &query["queryDefinitionId"],
            &query["queryLanguage"],
            &query["logGroupNames"]
        ),
        (&id, &json!("CWLI"), &json!(["a"]))
    );
    assert_eq!(put(json!({"queryDefinitionId": id, "name": "renamed"})), id);
    assert_eq!(
        found(json!({"queryDefinitionNamePrefix": "re"}))[0]["logGroupNames"],
        json!([])
    );
    assert_eq!(
        found(json!({"maxResults": 1})).as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        aws.did(
            "logs:DeleteQueryDefinition",
            json!({"queryDefinitionId": id})
        )["success"],
        true
    );
    for operation in ["logs:DeleteQueryDefinition", "logs:PutQueryDefinition"] {
        let mut input = json!({"queryDefinitionId": id});
        if operation.contains("Put") {
            input["name"] = json!("q");
            input["queryString"] = json!("fields @message");
        }
        assert_eq!(aws.refused(operation, input), "ResourceNotFoundException");
    }
}
