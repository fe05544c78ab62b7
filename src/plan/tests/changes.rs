//! What a change means downstream: what change sets of CloudFormation say of the same templates, in miniature.

use insta::assert_snapshot;
use serde_json::json;

use super::fixture::{World, stack};

/// A topic and three that read it: its ARN, its name, its title.
fn readers() -> World {
    let join = |of: serde_json::Value| json!({ "Fn::Join": ["-", ["of", of]] });
    stack()
        .with("Topic", "AWS::SNS::Topic", json!({ "TopicName": "one", "DisplayName": "first" }))
        .with("ByArn", "AWS::SNS::Topic", json!({ "TopicName": "arn", "DisplayName": { "Ref": "Topic" } }))
        .with("ByName", "AWS::SNS::Topic", json!({ "TopicName": "name", "DisplayName": join(json!({ "Fn::GetAtt": ["Topic", "TopicName"] })) }))
        .with("ByTitle", "AWS::SNS::Topic", json!({ "TopicName": "title", "DisplayName": join(json!({ "Fn::GetAtt": ["Topic", "DisplayName"] })) }))
}

/// CloudFormation's change set with property values leaves `ByTitle` out, because it is computed with the attributes as they
/// are; the one without lists it (`ResourceAttribute`, `Dynamic`), and executing it updates both.
#[test]
fn a_change_in_place_reaches_who_reads_what_changes_and_nobody_else() {
    let world = readers().applied();
    let edited = world.edit("Topic", "/DisplayName", json!("second"));
    assert_snapshot!(edited.show(), @r#"
    ~ ByTitle: DisplayName follows Topic
        DisplayName: "of-first" -> "of-second"
    ~ Topic: DisplayName
        DisplayName: "first" -> "second"
    "#);
    assert_snapshot!(edited.applied().show(), @"nothing to do");
}

#[test]
fn a_replacement_reaches_who_reads_what_it_changes() {
    let world = readers().applied();
    let edited = world.edit("Topic", "/TopicName", json!("two"));
    assert_snapshot!(edited.show(), @r#"
    ~ ByArn: DisplayName follows Topic
        DisplayName: "topicarn-1" -> {"$unknown":"us-east-1/app.Topic.Ref"}
    ~ ByName: DisplayName follows Topic
        DisplayName: "of-one" -> "of-two"
    +/- Topic: TopicName is create-only
        TopicName: "one" -> "two"
    "#);
    assert_snapshot!(edited.applied().show(), @"nothing to do");
}

#[test]
fn what_only_the_order_is_about_changes_nothing() {
    let mut world = readers().applied();
    for (_, _, depends_on) in world.resources.values_mut() {
        depends_on.clear();
    }
    world.resources.get_mut("ByArn").unwrap().2 = vec!["ByName".to_owned()];
    assert_snapshot!(world.show(), @"nothing to do");
}

/// A version is another after each update, whatever the update was about.
#[test]
fn an_attribute_that_an_update_renews_is_not_known_before_it() {
    let mut world = stack()
        .with(
            "Parameter",
            "AWS::SSM::Parameter",
            json!({ "Name": "p", "Type": "String", "Value": "1" }),
        )
        .with(
            "Reader",
            "AWS::SNS::Topic",
            json!({ "DisplayName": { "Fn::GetAtt": ["Parameter", "Type"] } }),
        )
        .with(
            "Version",
            "AWS::SNS::Topic",
            json!({ "DisplayName": { "Fn::GetAtt": ["Parameter", "Value"] } }),
        );
    let mut rules = world.rules.of("AWS::SSM::Parameter").clone();
    rules.renewed_by_update = vec!["Value".to_owned()];
    world.rules.insert("AWS::SSM::Parameter", rules);
    let edited = world
        .applied()
        .edit("Parameter", "/Description", json!("new"));
    assert_snapshot!(edited.show(), @r#"
    ~ Parameter: Description
        Description: nothing -> "new"
    ~ Version: DisplayName follows Parameter
        DisplayName: "1" -> {"$unknown":"us-east-1/app.Parameter.Value"}
    "#);
}
