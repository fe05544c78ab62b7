//! Secrets, their policies and their links to databases.

use payctl_model::Value;
use payctl_resources::resource;
use serde_json::{Value as Json, json};

use crate::round_trip::{allow, declared, network, trip};
use crate::trip::Trip;

fn reader(action: &str) -> Json {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
            "Action": action,
            "Resource": "*",
        }],
    })
}

#[tokio::test(start_paused = true)]
async fn secrets_and_their_policies() {
    trip(&[
        declared(
            "Key",
            "AWS::KMS::Key",
            json!({"Description": "of secrets"}),
            json!({}),
        ),
        declared(
            "Given",
            "AWS::SecretsManager::Secret",
            json!({
                "Name": "shop/given",
                "Description": "of a test",
                "SecretString": "hunter2",
                "KmsKeyId": "{Key.Ref}",
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({
                "Description": "of another test",
                "SecretString": "hunter3",
                "KmsKeyId": "alias/aws/secretsmanager",
                "Tags": [{"Key": "team", "Value": "b"}],
            }),
        ),
        declared(
            "Generated",
            "AWS::SecretsManager::Secret",
            json!({
                "GenerateSecretString": {
                    "SecretStringTemplate": " {\"username\":\"admin\"}",
                    "GenerateStringKey": "password",
                    "PasswordLength": "20",
                    "ExcludePunctuation": true,
                },
                "ReplicaRegions": [{"Region": "us-west-2"}],
            }),
            json!({"ReplicaRegions": [{"Region": "eu-west-1"}]}),
        ),
        declared(
            "Policy",
            "AWS::SecretsManager::ResourcePolicy",
            json!({
                "SecretId": "shop/given",
                "ResourcePolicy": reader("secretsmanager:GetSecretValue"),
                "BlockPublicPolicy": true,
            }),
            json!({"ResourcePolicy": reader("secretsmanager:DescribeSecret")}),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_secret_and_its_database() {
    let mut all = network();
    all.extend([
        declared(
            "Subnets",
            "AWS::RDS::DBSubnetGroup",
            json!({
                "DBSubnetGroupDescription": "of a test",
                "SubnetIds": ["{SubnetA.Ref}", "{SubnetB.Ref}"],
            }),
            json!({}),
        ),
        declared(
            "Secret",
            "AWS::SecretsManager::Secret",
            json!({"GenerateSecretString": {
                "SecretStringTemplate": " {\"username\":\"dbadmin\"}",
                "GenerateStringKey": "password",
                "ExcludeCharacters": "\"@/\\",
            }}),
            json!({}),
        ),
        declared(
            "Cluster",
            "AWS::RDS::DBCluster",
            json!({
                "DBClusterIdentifier": "Payments",
                "Engine": "aurora-postgresql",
                "DatabaseName": "payments",
                "MasterUsername": "dbadmin",
                "MasterUserPassword": "not-a-secret",
                "DBSubnetGroupName": "{Subnets.Ref}",
                "VpcSecurityGroupIds": ["{Group.Ref}"],
            }),
            json!({}),
        ),
        declared(
            "Other",
            "AWS::RDS::DBCluster",
            json!({
                "DBClusterIdentifier": "other",
                "Engine": "aurora-mysql",
                "MasterUsername": "dbadmin",
                "MasterUserPassword": "not-a-secret",
                "DBSubnetGroupName": "{Subnets.Ref}",
                "VpcSecurityGroupIds": ["{Group.Ref}"],
            }),
            json!({}),
        ),
        declared(
            "Attachment",
            "AWS::SecretsManager::SecretTargetAttachment",
            json!({
                "SecretId": "{Secret.Ref}",
                "TargetId": "Payments",
                "TargetType": "AWS::RDS::DBCluster",
            }),
            json!({"TargetId": "{Other.Ref}"}),
        ),
    ]);
    trip(&all).await;
}

/// The value of a secret, as AWS has it.
fn value(trip: &Trip, secret: &str) -> String {
    let answer = trip.did(
        "secretsmanager",
        "GetSecretValue",
        json!({"SecretId": secret}),
    );
    answer["SecretString"].as_str().expect("a value").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_generated_value_is_made_once_and_anew_when_it_shall_be_another() {
    let trip = Trip::new();
    let asked = |length: u32, note: &str| {
        json!({
            "Name": "generated",
            "Description": note,
            "GenerateSecretString": {
                "SecretStringTemplate": " {\"username\":\"admin\"}",
                "GenerateStringKey": "password",
                "PasswordLength": length,
                "ExcludeCharacters": "abc",
            },
        })
    };
    let mut made = trip
        .make("AWS::SecretsManager::Secret", asked(40, "one"))
        .await;
    let first = value(&trip, "generated");
    let members: Json = serde_json::from_str(&first).expect("an object");
    assert_eq!(members["username"], "admin");
    let password = members["password"].as_str().expect("a password");
    assert_eq!(password.len(), 40);
    assert!(!password.contains(['a', 'b', 'c']), "{password}");
    let read = trip.observe(&made).await.expect("it is there");
    let model = format!("{:?}", read.model);
    assert!(!model.contains(password), "the model tells the password");

    trip.change(&mut made, asked(40, "two"), &["Description"])
        .await;
    assert_eq!(
        value(&trip, "generated"),
        first,
        "nothing was asked for anew"
    );
    trip.change(&mut made, asked(20, "two"), &["GenerateSecretString"])
        .await;
    let second = value(&trip, "generated");
    assert_ne!(second, first);
    let previous = json!({"SecretId": "generated", "VersionStage": "AWSPREVIOUS"});
    let previous = trip.did("secretsmanager", "GetSecretValue", previous);
    assert_eq!(previous["SecretString"], json!(first));
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_in_its_recovery_window_is_refused_with_advice() {
    let trip = Trip::new();
    let input = json!({"Name": "kept", "SecretString": "x"});
    trip.did("secretsmanager", "CreateSecret", input.clone());
    trip.did(
        "secretsmanager",
        "DeleteSecret",
        json!({"SecretId": "kept"}),
    );
    let module = resource("AWS::SecretsManager::Secret").expect("a native type");
    let incarnation = payctl_model::Incarnation::from_bits(7);
    let made = module
        .create(&trip.context, &Value::from(input), &incarnation)
        .await;
    let error = made.expect_err("the name is taken");
    assert_eq!(error.code(), Some("InvalidRequestException"));
    let text = error.to_string();
    assert!(text.contains("restore-secret --secret-id kept"), "{text}");

    // After a deletion without recovery the name is free within moments: that is waited for.
    let brief = json!({"Name": "brief", "SecretString": "x"});
    trip.did("secretsmanager", "CreateSecret", brief.clone());
    let force = json!({"SecretId": "brief", "ForceDeleteWithoutRecovery": true});
    trip.did("secretsmanager", "DeleteSecret", force);
    let made = module
        .create(&trip.context, &Value::from(brief), &incarnation)
        .await;
    assert!(made.is_ok(), "{made:?}");
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_somebody_else_is_left_alone() {
    let trip = Trip::new();
    trip.did("secretsmanager", "CreateSecret", json!({"Name": "s"}));
    let theirs = reader("secretsmanager:*").to_string();
    let put = json!({"SecretId": "s", "ResourcePolicy": theirs});
    trip.did("secretsmanager", "PutResourcePolicy", put);
    let module = resource("AWS::SecretsManager::ResourcePolicy").expect("a native type");
    let incarnation = payctl_model::Incarnation::from_bits(7);
    let wanted =
        json!({"SecretId": "s", "ResourcePolicy": reader("secretsmanager:GetSecretValue")});
    let made = module
        .create(&trip.context, &Value::from(wanted), &incarnation)
        .await;
    assert!(made.is_err());
    let now = trip.did(
        "secretsmanager",
        "GetResourcePolicy",
        json!({"SecretId": "s"}),
    );
    assert_eq!(now["ResourcePolicy"], json!(theirs));
    assert_ne!(allow("s3:*"), reader("s3:*"));
}

#[tokio::test(start_paused = true)]
async fn a_failed_copy_is_asked_for_again() {
    let trip = Trip::new();
    let there = json!({"Name": "copied", "SecretString": "theirs"});
    trip.aws
        .sandbox
        .invoke("key", "us-west-2", "secretsmanager", "CreateSecret", there)
        .expect("the other region is free");
    let module = resource("AWS::SecretsManager::Secret").expect("a native type");
    let incarnation = payctl_model::Incarnation::from_bits(7);
    let wanted = json!({
        "Name": "copied", "SecretString": "ours", "ReplicaRegions": [{"Region": "us-west-2"}],
    });
    let wanted = Value::from(wanted);
    let made = module
        .create(&trip.context, &wanted, &incarnation)
        .await
        .expect("the secret itself is made");
    let live = module
        .read(&trip.context, &made.id)
        .await
        .expect("it is read")
        .expect("it is there");
    assert_eq!(live.model.get("ReplicaRegions"), None, "{:?}", live.model);
    let changed = ["ReplicaRegions".into()];
    let update = payctl_resources::Update {
        desired: &wanted,
        live: &live.model,
        changed: &changed,
    };
    let error = module
        .update(&trip.context, &made.id, &update)
        .await
        .expect_err("the name is taken there still");
    assert!(error.to_string().contains("us-west-2"), "{error}");
    trip.aws
        .sandbox
        .invoke(
            "key",
            "us-west-2",
            "secretsmanager",
            "DeleteSecret",
            json!({"SecretId": "copied", "ForceDeleteWithoutRecovery": true}),
        )
        .expect("it goes");
    trip.context
        .clock()
        .sleep(std::time::Duration::from_secs(10))
        .await;
    module
        .update(&trip.context, &made.id, &update)
        .await
        .expect("the name is free");
    let live = module.read(&trip.context, &made.id).await;
    let live = live.expect("it is read").expect("it is there");
    assert!(live.model.get("ReplicaRegions").is_some());
}
