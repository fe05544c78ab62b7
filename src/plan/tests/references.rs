//! Dynamic references in plans.

use insta::assert_snapshot;
use serde_json::json;

use super::fixture::{REGION, World, stack};
use crate::template::Lookup;

const PASSWORD: &str = "{{resolve:secretsmanager:db:SecretString:password}}";

/// A cluster whose password and a topic whose name others keep.
fn kept_elsewhere() -> World {
    let mut world = stack()
        .with(
            "Db",
            "AWS::RDS::DBCluster",
            json!({ "Engine": "aurora-postgresql", "DBClusterIdentifier": "main", "MasterUserPassword": PASSWORD }),
        )
        .with(
            "Topic",
            "AWS::SNS::Topic",
            json!({ "DisplayName": "{{resolve:ssm:title}}", "Tags": [
                { "Key": "Token", "Value": "t-{{resolve:secretsmanager:token}}" }, { "Key": "Team", "Value": "shop" },
            ] }),
        );
    world.values = [
        (PASSWORD, "hunter2"),
        ("{{resolve:secretsmanager:token}}", "hunter3"),
        ("{{resolve:ssm:title}}", "Title"),
    ]
    .map(|(text, value)| (text.to_owned(), value.to_owned()))
    .into();
    world
}

#[test]
fn references_are_compared_as_they_are_written() {
    let mut world = kept_elsewhere().applied();
    assert_snapshot!(world.show(), @"nothing to do");
    // What they stand for by now is nobody's business.
    world.values.clear();
    assert_snapshot!(world.show(), @"nothing to do");
    let edited = world
        .edit(
            "Db",
            "/MasterUserPassword",
            json!("{{resolve:secretsmanager:db:SecretString:password:AWSPREVIOUS}}"),
        )
        .edit("Topic", "/DisplayName", json!("{{resolve:ssm:title:2}}"))
        .edit(
            "Topic",
            "/Tags/0/Value",
            json!("t-{{resolve:secretsmanager:other}}"),
        );
    assert_snapshot!(edited.show(), @r#"
    ~ Db: MasterUserPassword
        MasterUserPassword: "{{resolve:secretsmanager:db:SecretString:password}}" -> "{{resolve:secretsmanager:db:SecretString:password:AWSPREVIOUS}}"
    ~ Topic: DisplayName, Tags.0.Value
        DisplayName: "{{resolve:ssm:title}}" -> "{{resolve:ssm:title:2}}"
        Tags.0.Value: "t-{{resolve:secretsmanager:token}}" -> "t-{{resolve:secretsmanager:other}}"
    "#);
    assert_snapshot!(edited.applied().show(), @"nothing to do");
}

#[test]
fn what_is_live_is_held_against_what_was_applied_and_never_shown() {
    let world = kept_elsewhere().applied();
    let meddled = world
        .meddle("Topic", "/DisplayName", json!("Other"))
        .meddle("Topic", "/Tags/0/Value", json!("t-hunter4"));
    let shown = meddled.show();
    assert!(!shown.contains("hunter4"), "{shown}");
    assert_snapshot!(shown, @r#"
    ~ Topic: DisplayName, Tags.0.Value
        DisplayName: "Other" -> "{{resolve:ssm:title}}"
        Tags.0.Value: {"$secret_hash":null} -> "t-{{resolve:secretsmanager:token}}"
    drift Topic DisplayName, set back: "Title" -> "Other"
    drift Topic Tags.0.Value, set back: {"$secret_hash":"hash of t-hunter3"} -> {"$secret_hash":null}
    "#);
}

#[test]
fn a_reference_that_gives_way_to_a_text_does_not_show_what_it_stood_for() {
    let world = kept_elsewhere()
        .applied()
        .edit("Topic", "/Tags/0/Value", json!("public"));
    let shown = world.show();
    assert!(!shown.contains("hunter"), "{shown}");
    assert_snapshot!(shown, @r#"
    ~ Topic: Tags.0.Value
        Tags.0.Value: "t-{{resolve:secretsmanager:token}}" -> "public"
    "#);
    let before = world.plan().changes[&super::address("Topic")]
        .before
        .clone();
    let before = before.unwrap();
    assert!(
        !before.to_json().to_string().contains("hunter"),
        "{before:?}"
    );
}

#[test]
fn an_update_says_that_it_reads_secrets_again() {
    let world = kept_elsewhere()
        .applied()
        .edit("Db", "/BackupRetentionPeriod", json!(7));
    assert_snapshot!(world.show(), @r#"
    ~ Db: BackupRetentionPeriod
        BackupRetentionPeriod: nothing -> 7
    warning: us-east-1/app.Db is updated, and {{resolve:secretsmanager:db:SecretString:password}} read again for it: if that is another value than when it was last applied, MasterUserPassword gets it too
    "#);
}

#[test]
fn who_reads_an_attribute_made_of_a_reference_waits_for_its_value() {
    let reader = |name: &str| json!({ "DisplayName": { "Fn::GetAtt": [name, "DisplayName"] } });
    let world = kept_elsewhere().with("Reader", "AWS::SNS::Topic", reader("Topic"));
    assert_snapshot!(world.show(), @r#"
    + Db: new
    + Reader: new
    + Topic: new
    "#);
    let world = world.applied();
    assert_snapshot!(world.show(), @"nothing to do");
    let edited = world
        .clone()
        .edit("Topic", "/DisplayName", json!("{{resolve:ssm:other}}"));
    assert_snapshot!(edited.show(), @r#"
    ~ Reader: DisplayName follows Topic
        DisplayName: "Title" -> {"$unknown":"us-east-1/app.Topic.DisplayName"}
    ~ Topic: DisplayName
        DisplayName: "{{resolve:ssm:title}}" -> "{{resolve:ssm:other}}"
    warning: us-east-1/app.Topic is updated, and t-{{resolve:secretsmanager:token}} read again for it: if that is another value than when it was last applied, Tags.0.Value gets it too
    "#);
    // Another property of it changes: this one does not.
    let edited = world.edit("Topic", "/Tags/1/Value", json!("other"));
    assert_snapshot!(edited.show(), @r#"
    ~ Topic: Tags.1.Value
        Tags.1.Value: "shop" -> "other"
    warning: us-east-1/app.Topic is updated, and t-{{resolve:secretsmanager:token}} read again for it: if that is another value than when it was last applied, Tags.0.Value gets it too
    "#);
}

/// What `--refresh-lookups` reads: plain parameters only.
#[test]
fn a_plain_parameter_changes_when_it_is_looked_up_anew() {
    let mut world = kept_elsewhere().applied();
    let lookup = Lookup::Parameter {
        name: "title".to_owned(),
        version: None,
        secure: false,
    };
    let key = (REGION.to_owned(), lookup);
    world
        .observed
        .looked_up
        .insert(key.clone(), "Title".to_owned());
    assert_snapshot!(world.show(), @"nothing to do");
    world.observed.looked_up.insert(key, "Other".to_owned());
    assert_snapshot!(world.show(), @r#"
    ~ Topic: DisplayName
        DisplayName: "Title" -> "Other"
    warning: us-east-1/app.Topic is updated, and t-{{resolve:secretsmanager:token}} read again for it: if that is another value than when it was last applied, Tags.0.Value gets it too
    "#);
}

/// The secret is made in the same run, and its ARN is part of the reference.
#[test]
fn a_reference_may_be_put_together_from_what_only_aws_can_tell() {
    let world = stack()
        .with(
            "Secret",
            "AWS::SecretsManager::Secret",
            json!({ "Name": "db" }),
        )
        .with(
            "Db",
            "AWS::RDS::DBCluster",
            json!({ "Engine": "aurora-postgresql", "MasterUserPassword": { "Fn::Join": ["", [
                "{{resolve:secretsmanager:", { "Ref": "Secret" }, ":SecretString:password}}",
            ]] } }),
        );
    assert_snapshot!(world.show(), @r#"
    + Db: new
    + Secret: new
    "#);
    assert_snapshot!(world.steps(), @r#"
    create Secret -> create Db (Accepted)
    "#);
    let world = world.applied();
    assert_snapshot!(world.show(), @"nothing to do");
    let renamed = world.edit("Secret", "/Name", json!("other"));
    assert_snapshot!(renamed.show(), @r#"
    ~ Db: MasterUserPassword follows Secret
        MasterUserPassword: "{{resolve:secretsmanager:id-1:SecretString:password}}" -> {"$unknown":"us-east-1/app.Secret.Ref"}
    +/- Secret: Name is create-only
        Name: "db" -> "other"
    "#);
    assert_snapshot!(renamed.applied().show(), @"nothing to do");
}

#[test]
fn what_is_named_in_a_reference_is_made_before_it_and_goes_after_it() {
    let world = stack()
        .with("Port", "AWS::SSM::Parameter", json!({ "Name": "/db/port", "Type": "String", "Value": "5432" }))
        .with("Other", "AWS::SSM::Parameter", json!({ "Name": "/db/other", "Type": "String", "Value": "1" }))
        .with("Secret", "AWS::SecretsManager::Secret", json!({ "Name": "db" }))
        .with("Db", "AWS::RDS::DBCluster", json!({
            "Engine": "aurora-postgresql", "Port": "{{resolve:ssm:/db/port}}", "MasterUserPassword": PASSWORD,
        }));
    assert_snapshot!(world.steps(), @r#"
    create Port -> create Db (Ready)
    create Secret -> create Db (Ready)
    "#);
    let mut world = world.applied();
    world.destroy = true;
    assert_snapshot!(world.steps(), @r#"
    delete Db -> delete Port (Ready)
    delete Db -> delete Secret (Ready)
    "#);
}
