//! What a change of an instance or a launch template means depends on the change, and on what is live.

use serde_json::{Value as Json, json};

use super::fixture::{World, address, stack};
use crate::graph::Rules;
use crate::plan::{Action, ReplaceOrder};

const ROOT: &str = "/dev/xvda";

/// An instance of a launch template's latest version.
fn hosts() -> World {
    let mut world = stack()
        .with(
            "Template",
            "AWS::EC2::LaunchTemplate",
            json!({"LaunchTemplateData": {"KeyName": "ops", "UserData": "YQ=="},
                   "TagSpecifications": [{"ResourceType": "launch-template", "Tags": [{"Key": "team", "Value": "cards"}]}]}),
        )
        .with(
            "Host",
            "AWS::EC2::Instance",
            json!({"ImageId": "ami-1", "InstanceType": "t3.micro", "Tenancy": "dedicated",
                   "BlockDeviceMappings": [{"DeviceName": ROOT, "Ebs": {"VolumeSize": 8, "DeleteOnTermination": true}}],
                   "LaunchTemplate": {"LaunchTemplateId": {"Ref": "Template"},
                                      "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]}}}),
        )
        .with(
            "Name",
            "AWS::SSM::Parameter",
            json!({"Name": "host", "Type": "String", "Value": {"Fn::GetAtt": ["Host", "PublicIp"]}}),
        );
    world.rules = Rules::native();
    world.applied()
}

fn actions(world: World) -> Vec<String> {
    let plan = world.plan();
    assert!(plan.problems.is_empty(), "{:?}", plan.problems);
    let change = |id: &str| {
        let action = &plan.changes[&address(id)].action;
        match action {
            Action::NoOp => None,
            Action::Update => Some(format!("update {id}")),
            Action::Replace(ReplaceOrder::CreateFirst) => Some(format!("replace {id}")),
            other => Some(format!("{other:?} {id}")),
        }
    };
    ["Host", "Name", "Template"]
        .into_iter()
        .filter_map(change)
        .collect()
}

fn edited(pointer: &str, value: Json) -> Vec<String> {
    actions(hosts().edit("Host", pointer, value))
}

#[test]
fn only_another_version_of_a_launch_template_replaces_who_uses_the_latest() {
    assert_eq!(actions(hosts()), [""; 0]);
    let tag = hosts().edit(
        "Template",
        "/TagSpecifications/0/Tags/0/Value",
        json!("ledger"),
    );
    assert_eq!(actions(tag), ["update Template"]);
    let version = ["replace Host", "update Name", "update Template"];
    let data = hosts().edit("Template", "/LaunchTemplateData/UserData", json!("Yg=="));
    assert_eq!(actions(data), version);
    // What leaves the data leaves the next version.
    let less = hosts().edit("Template", "/LaunchTemplateData/KeyName", Json::Null);
    assert_eq!(actions(less), version);
    // Somebody else's version is not the declared one.
    let theirs = hosts().meddle("Template", "/LaunchTemplateData/UserData", json!("Yg=="));
    assert_eq!(theirs.plan().drift.len(), 1);
    assert_eq!(actions(theirs), version);
}

#[test]
fn an_instance_is_replaced_where_it_cannot_change() {
    // Its public address goes with the stop.
    assert_eq!(
        edited("/InstanceType", json!("t3.large")),
        ["update Host", "update Name"]
    );
    assert_eq!(edited("/Monitoring", json!(true)), ["update Host"]);
    let replaced = ["replace Host", "update Name"];
    let on_disk = hosts().meddle("Host", "/BlockDeviceMappings", json!([]));
    let on_disk = on_disk.edit("Host", "/BlockDeviceMappings", Json::Null);
    assert_eq!(
        actions(on_disk.edit("Host", "/InstanceType", json!("t3.large"))),
        replaced
    );
    let kept = "/BlockDeviceMappings/0/Ebs/DeleteOnTermination";
    assert_eq!(edited(kept, json!(false)), ["update Host"]);
    assert_eq!(
        edited("/BlockDeviceMappings/0/Ebs/VolumeSize", json!(9)),
        replaced
    );
    let more = json!({"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 1}});
    assert_eq!(edited("/BlockDeviceMappings/1", more), replaced);
    assert_eq!(
        edited(
            "/BlockDeviceMappings/1",
            json!({"DeviceName": "/dev/sdb", "NoDevice": {}})
        ),
        [""; 0]
    );
    assert_eq!(
        edited("/Tenancy", json!("host")),
        ["update Host", "update Name"]
    );
    assert_eq!(edited("/Tenancy", json!("default")), replaced);
    assert_eq!(edited("/ImageId", json!("ami-2")), replaced);
}
