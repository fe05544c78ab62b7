//! Users, groups, and policies that stand alone.

use serde_json::json;

use crate::round_trip::{allow, declared, trip, trust};
use crate::trip::Trip;

fn role(name: &'static str) -> crate::round_trip::Declared {
    let properties = json!({"AssumeRolePolicyDocument": trust("ec2.amazonaws.com")});
    declared(name, "AWS::IAM::Role", properties, json!({}))
}

#[tokio::test(start_paused = true)]
async fn users_and_groups() {
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    trip(&[
        declared(
            "Group",
            "AWS::IAM::Group",
            json!({
                "GroupName": "auditors",
                "Path": "/staff/",
                "ManagedPolicyArns": [read_only],
                "Policies": [{"PolicyName": "own", "PolicyDocument": allow("s3:GetObject")}],
            }),
            json!({
                "Path": "/",
                "ManagedPolicyArns": [],
                "Policies": [
                    {"PolicyName": "own", "PolicyDocument": allow("s3:PutObject")},
                    {"PolicyName": "more", "PolicyDocument": allow("s3:ListBucket")},
                ],
            }),
        ),
        declared("Other", "AWS::IAM::Group", json!({}), json!({})),
        declared(
            "User",
            "AWS::IAM::User",
            json!({
                "UserName": "alice",
                "Path": "/staff/",
                "Groups": ["{Group.Ref}"],
                "LoginProfile": {"Password": "Sesame-0pen", "PasswordResetRequired": true},
                "ManagedPolicyArns": [read_only],
                "PermissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess",
                "Policies": [{"PolicyName": "own", "PolicyDocument": allow("s3:GetObject")}],
                "Tags": [{"Key": "team", "Value": "a"}],
            }),
            json!({
                "Path": "/",
                "Groups": ["{Other.Ref}"],
                "LoginProfile": {"Password": "Sesame-0pened"},
                "ManagedPolicyArns": [],
                "PermissionsBoundary": "arn:aws:iam::aws:policy/ReadOnlyAccess",
                "Policies": [],
                "Tags": [{"Key": "team", "Value": "b"}],
            }),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn policies_that_stand_alone() {
    trip(&[
        role("One"),
        role("Two"),
        declared("Group", "AWS::IAM::Group", json!({}), json!({})),
        declared("User", "AWS::IAM::User", json!({}), json!({})),
        declared(
            "Managed",
            "AWS::IAM::ManagedPolicy",
            json!({
                "Description": "of a test",
                "Path": "/payments/",
                "PolicyDocument": allow("s3:GetObject"),
                "Roles": ["{One.Ref}"],
                "Groups": ["{Group.Ref}"],
            }),
            json!({
                "PolicyDocument": allow("s3:PutObject"),
                "Roles": ["{Two.Ref}"],
                "Groups": [],
                "Users": ["{User.Ref}"],
            }),
        ),
        declared(
            "Inline",
            "AWS::IAM::RolePolicy",
            json!({
                "RoleName": "{One.Ref}",
                "PolicyName": "inline",
                "PolicyDocument": allow("sqs:SendMessage"),
            }),
            json!({"PolicyDocument": allow("sqs:ReceiveMessage")}),
        ),
        declared(
            "Profile",
            "AWS::IAM::InstanceProfile",
            json!({"Path": "/payments/", "Roles": ["{One.Ref}"]}),
            json!({"Roles": ["{Two.Ref}"]}),
        ),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_makes_room_for_its_sixth_version() {
    let trip = Trip::new();
    let policy = |action: &str| json!({"ManagedPolicyName": "p", "PolicyDocument": allow(action)});
    let mut made = trip
        .make("AWS::IAM::ManagedPolicy", policy("s3:Action0"))
        .await;
    for number in 1..=6 {
        let action = format!("s3:Action{number}");
        trip.change(&mut made, policy(&action), &["PolicyDocument"])
            .await;
    }
    let arn = json!({"PolicyArn": made.id.as_str()});
    let versions = trip.did("iam", "ListPolicyVersions", arn);
    let mut ids: Vec<&str> = versions["Versions"]
        .as_array()
        .expect("versions")
        .iter()
        .filter_map(|version| version["VersionId"].as_str())
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, ["v3", "v4", "v5", "v6", "v7"]);
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn what_others_gave_a_user_keeps_it() {
    let trip = Trip::new();
    let made = trip
        .make("AWS::IAM::User", json!({"UserName": "alice"}))
        .await;
    let key = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    trip.did(
        "iam",
        "AttachUserPolicy",
        json!({"UserName": "alice", "PolicyArn": key}),
    );
    let deletion = payctl_resources::Deletion {
        last_applied: Some(json!({"UserName": "alice"}).into()),
        ..Default::default()
    };
    let gone = made
        .resource
        .delete(&trip.context, &made.id, &deletion)
        .await;
    let error = gone.expect_err("somebody else's policy is attached");
    assert_eq!(error.code(), Some("DeleteConflict"));
}
