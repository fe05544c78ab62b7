//! Secrets Manager as a client sees it.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

fn allow_everybody() -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    ]})
    .to_string()
}

/// Breaks each law and checks AWS's code; a law that nobody breaks here fails the test.
#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Client::of("secretsmanager");
    let token = "t".repeat(32);
    aws.did(
        "CreateSecret",
        json!({"Name": "a", "SecretString": "1", "ClientRequestToken": token}),
    );
    aws.did(
        "CreateSecret",
        json!({"Name": "copied", "SecretString": "1", "AddReplicaRegions": [{"Region": "us-west-2"}]}),
    );
    aws.did("CreateSecret", json!({"Name": "gone", "SecretString": "1"}));
    aws.did("DeleteSecret", json!({"SecretId": "gone"}));
    let other = "u".repeat(32);
    let version = aws.text(
        "PutSecretValue",
        json!({"SecretId": "a", "SecretString": "2", "ClientRequestToken": other}),
        "/VersionId",
    );
    let name = "secretsmanager/secret: Name is unique";
    let mut book = LawBook::new(&aws);
    let s = |law: &str| format!("secretsmanager: {law}");
    let policy =
        |text: &str| json!({"SecretId": "a", "ResourcePolicy": text, "BlockPublicPolicy": true});
    let cases: Vec<(String, &str, Json)> = vec![
        (
            name.into(),
            "CreateSecret",
            json!({"Name": "a", "SecretString": "1"}),
        ),
        (
            "secretsmanager/secret: as many as the quota allows".into(),
            "",
            json!({}),
        ),
        (
            s("a secret's name has letters, digits and /_+=.@-, 512 at most"),
            "CreateSecret",
            json!({"Name": "a b"}),
        ),
        (
            s("a version holds a text or bytes, not both"),
            "CreateSecret",
            json!({"Name": "b", "SecretString": "1", "SecretBinary": "MQ=="}),
        ),
        (
            s("a secret's name is taken until its deletion is over"),
            "CreateSecret",
            json!({"Name": "gone"}),
        ),
        (
            s("a secret that is marked for deletion is not used or changed"),
            "GetSecretValue",
            json!({"SecretId": "gone"}),
        ),
        (
            s("a secret can be restored for 7 to 30 days"),
            "DeleteSecret",
            json!({"SecretId": "a", "RecoveryWindowInDays": 3}),
        ),
        (
            s("a deletion without recovery has no recovery window"),
            "DeleteSecret",
            json!({"SecretId": "a", "RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true}),
        ),
        (
            s("a secret is deleted after its replicas"),
            "DeleteSecret",
            json!({"SecretId": "copied"}),
        ),
        (
            s("a secret is encrypted with a key that can be used"),
            "CreateSecret",
            json!({"Name": "b", "KmsKeyId": "alias/none"}),
        ),
        (
            s("a version's token is used again only for the same value"),
            "PutSecretValue",
            json!({"SecretId": "a", "SecretString": "3", "ClientRequestToken": token}),
        ),
        (
            s("a password has room for a character of each kind"),
            "GetRandomPassword",
            json!({"PasswordLength": 3}),
        ),
        (
            s("a password is made of characters that are not all excluded"),
            "GetRandomPassword",
            json!({"ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludeNumbers": true, "ExcludePunctuation": true}),
        ),
        (
            s("a resource policy is JSON"),
            "PutResourcePolicy",
            policy("{"),
        ),
        (
            s("a statement of a resource policy says for whom, what, and whether"),
            "PutResourcePolicy",
            policy("{\"Statement\": [{\"Effect\": \"Allow\"}]}"),
        ),
        (
            s("a policy for everybody is blocked where it is asked for"),
            "PutResourcePolicy",
            policy(&allow_everybody()),
        ),
        (
            s("a secret is replicated to other regions, to each once"),
            "ReplicateSecretToRegions",
            json!({"SecretId": "a", "AddReplicaRegions": [{"Region": "eu-west-1"}]}),
        ),
        (
            s("a version that is asked for by label and identifier has both"),
            "GetSecretValue",
            json!({"SecretId": "a", "VersionId": version, "VersionStage": "AWSPREVIOUS"}),
        ),
    ];
    for (law, operation, input) in cases {
        // A quota of half a million is not reached here.
        if !operation.is_empty() {
            book.breaks(&law, operation, input);
        }
    }
    let refusal = aws
        .sandbox
        .invoke(
            "key",
            "us-west-2",
            "secretsmanager",
            "PutSecretValue",
            json!({"SecretId": "copied", "SecretString": "2"}),
        )
        .expect_err("a copy follows its primary");
    assert_eq!(refusal.code, "InvalidParameterException");
    book.is_complete(
        &["secretsmanager"],
        &[
            "secretsmanager/secret: as many",
            "secretsmanager: a replica is changed through its primary",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn secrets_come_back_as_they_were_made() {
    let aws = Client::of("secretsmanager");
    let made = aws.did(
        "CreateSecret",
        json!({"Name": "shop/db", "Description": "of the shop", "SecretString": "one",
               "Tags": [{"Key": "team", "Value": "a"}]}),
    );
    let arn = made["ARN"].as_str().expect("an ARN").to_owned();
    let (partial, suffix) = arn.rsplit_once('-').expect("a suffix");
    assert_eq!(
        partial,
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:shop/db"
    );
    assert_eq!(suffix.len(), 6);
    for name in ["shop/db", &arn, partial] {
        let found = aws.did("DescribeSecret", json!({"SecretId": name}));
        assert_eq!(found["Name"], "shop/db", "{name}");
        assert_eq!(found["Tags"], json!([{"Key": "team", "Value": "a"}]));
        assert!(found.get("KmsKeyId").is_none(), "{found}");
        assert!(found.get("SecretString").is_none());
    }
    let second = aws.did(
        "UpdateSecret",
        json!({"SecretId": "shop/db", "SecretString": "two", "Description": "d"}),
    );
    let current = aws.did("GetSecretValue", json!({"SecretId": "shop/db"}));
    assert_eq!(current["SecretString"], "two");
    assert_eq!(current["VersionId"], second["VersionId"]);
    let previous = json!({"SecretId": "shop/db", "VersionStage": "AWSPREVIOUS"});
    assert_eq!(aws.did("GetSecretValue", previous)["SecretString"], "one");
    let first = json!({"SecretId": "shop/db", "VersionId": made["VersionId"]});
    assert_eq!(aws.did("GetSecretValue", first)["SecretString"], "one");
    let third = json!({"SecretId": "shop/db", "SecretString": "three"});
    aws.did("PutSecretValue", third);
    let stages = aws.did("DescribeSecret", json!({"SecretId": "shop/db"}));
    assert_eq!(
        stages["VersionIdsToStages"]
            .as_object()
            .map(|map| map.len()),
        Some(2)
    );
    let back = json!({"SecretId": "shop/db", "VersionStage": "AWSCURRENT", "MoveToVersionId": second["VersionId"]});
    assert_eq!(
        aws.refused("UpdateSecretVersionStage", back.clone()),
        "InvalidParameterException"
    );
    let now = aws.did("GetSecretValue", json!({"SecretId": "shop/db"}));
    let mut back = back;
    back["RemoveFromVersionId"] = now["VersionId"].clone();
    aws.did("UpdateSecretVersionStage", back);
    assert_eq!(
        aws.did("GetSecretValue", json!({"SecretId": "shop/db"}))["SecretString"],
        "two"
    );
    aws.did("CreateSecret", json!({"Name": "empty"}));
    assert_eq!(
        aws.refused("GetSecretValue", json!({"SecretId": "empty"})),
        "ResourceNotFoundException"
    );
    let many = aws.did(
        "BatchGetSecretValue",
        json!({"SecretIdList": ["shop/db", "empty", "none"]}),
    );
    assert_eq!(many["SecretValues"][0]["SecretString"], "two");
    assert_eq!(many["Errors"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_secret_waits_and_can_be_restored() {
    let aws = Client::of("secretsmanager");
    aws.did("CreateSecret", json!({"Name": "s", "SecretString": "1"}));
    aws.did(
        "DeleteSecret",
        json!({"SecretId": "s", "RecoveryWindowInDays": 7}),
    );
    let found = aws.did("DescribeSecret", json!({"SecretId": "s"}));
    assert!(found["DeletedDate"].is_number());
    assert_eq!(aws.did("ListSecrets", json!({}))["SecretList"], json!([]));
    let all = aws.did("ListSecrets", json!({"IncludePlannedDeletion": true}));
    assert_eq!(all["SecretList"][0]["Name"], "s");
    aws.did("RestoreSecret", json!({"SecretId": "s"}));
    assert_eq!(
        aws.did("GetSecretValue", json!({"SecretId": "s"}))["SecretString"],
        "1"
    );
    aws.did(
        "DeleteSecret",
        json!({"SecretId": "s", "RecoveryWindowInDays": 7}),
    );
    pass(8 * 86_400).await;
    assert_eq!(
        aws.refused("DescribeSecret", json!({"SecretId": "s"})),
        "ResourceNotFoundException"
    );
    aws.did("CreateSecret", json!({"Name": "s"}));
    aws.did(
        "DeleteSecret",
        json!({"SecretId": "s", "ForceDeleteWithoutRecovery": true}),
    );
    assert_eq!(
        aws.refused("CreateSecret", json!({"Name": "s"})),
        "InvalidRequestException"
    );
    pass(5).await;
    aws.did("CreateSecret", json!({"Name": "s"}));
    aws.did(
        "DeleteSecret",
        json!({"SecretId": "never", "ForceDeleteWithoutRecovery": true}),
    );
}

#[tokio::test(start_paused = true)]
async fn copies_follow_their_secret() {
    let aws = Client::of("secretsmanager");
    let made = aws.did(
        "CreateSecret",
        json!({"Name": "s", "SecretString": "1", "AddReplicaRegions": [{"Region": "us-west-2"}]}),
    );
    assert_eq!(made["ReplicationStatus"][0]["Status"], "InProgress");
    pass(10).await;
    let found = aws.did("DescribeSecret", json!({"SecretId": "s"}));
    assert_eq!(found["ReplicationStatus"][0]["Status"], "InSync");
    assert_eq!(
        found["ReplicationStatus"][0]["KmsKeyId"],
        "alias/aws/secretsmanager"
    );
    let there = |operation: &str, input: Json| {
        aws.sandbox
            .invoke("key", "us-west-2", "secretsmanager", operation, input)
    };
    aws.did(
        "PutSecretValue",
        json!({"SecretId": "s", "SecretString": "2"}),
    );
    let copy = there("GetSecretValue", json!({"SecretId": "s"})).expect("the copy");
    assert_eq!(copy["SecretString"], "2");
    let arn = made["ARN"]
        .as_str()
        .unwrap()
        .replace("eu-west-1", "us-west-2");
    assert_eq!(copy["ARN"], json!(arn));
    aws.did(
        "RemoveRegionsFromReplication",
        json!({"SecretId": "s", "RemoveReplicaRegions": ["us-west-2"]}),
    );
    assert!(there("DescribeSecret", json!({"SecretId": "s"})).is_err());
    aws.did("DeleteSecret", json!({"SecretId": "s"}));
}

#[tokio::test(start_paused = true)]
async fn passwords_have_what_was_asked_for() {
    let aws = Client::of("secretsmanager");
    let ask = |input: Json| aws.text("GetRandomPassword", input, "/RandomPassword");
    let plain = ask(json!({}));
    assert_eq!(plain.chars().count(), 32);
    assert_ne!(plain, ask(json!({})), "each is another one");
    let digits = ask(
        json!({"PasswordLength": 12, "ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludePunctuation": true}),
    );
    assert!(digits.chars().all(|char| char.is_ascii_digit()) && digits.len() == 12);
    for _ in 0..50 {
        let four = ask(json!({"PasswordLength": 4}));
        let has = |test: fn(&char) -> bool| four.chars().any(|char| test(&char));
        assert!(
            has(char::is_ascii_lowercase)
                && has(char::is_ascii_uppercase)
                && has(char::is_ascii_digit)
                && has(char::is_ascii_punctuation),
            "{four}"
        );
    }
}
