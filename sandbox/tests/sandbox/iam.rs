//! IAM as a client sees it.

use serde_json::json;

use crate::support::{Client, LawBook};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
const MANAGED: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

#[test]
fn a_role_comes_back_as_it_was_made_in_every_region() {
    let aws = Client::of("iam");
    let input = json!({"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": TRUST, "Description": "d", "MaxSessionDuration": 7200,
                       "PermissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess", "Tags": [{"Key": "a", "Value": "b"}]});
    let made = aws.did("CreateRole", input.clone());
    assert_eq!(made["Role"]["Arn"], "arn:aws:iam::123456789012:role/p/r");
    assert!(
        made["Role"]["RoleId"]
            .as_str()
            .is_some_and(|id| id.len() == 21 && id.starts_with("AROA"))
    );
    let role = aws
        .sandbox
        .invoke(
            "key",
            "us-east-1",
            "iam",
            "GetRole",
            json!({"RoleName": "r"}),
        )
        .expect("global");
    let role = &role["Role"];
    assert!(
        role["AssumeRolePolicyDocument"]
            .as_str()
            .is_some_and(|text| text.starts_with("%7B%22Version%22"))
    );
    assert_eq!(
        role["PermissionsBoundary"]["PermissionsBoundaryArn"],
        "arn:aws:iam::aws:policy/PowerUserAccess"
    );
    assert_eq!(role["Tags"], json!([{"Key": "a", "Value": "b"}]));
    assert_eq!(role["MaxSessionDuration"], 7200);
    assert_eq!(aws.refused("CreateRole", input), "EntityAlreadyExists");
    assert_eq!(
        aws.refused(
            "CreateRole",
            json!({"RoleName": "R", "AssumeRolePolicyDocument": TRUST})
        ),
        "EntityAlreadyExists"
    );
    assert_eq!(
        aws.refused("GetRole", json!({"RoleName": "no"})),
        "NoSuchEntity"
    );
    assert_eq!(
        aws.refused(
            "CreateRole",
            json!({"RoleName": "x", "AssumeRolePolicyDocument": ALLOW})
        ),
        "MalformedPolicyDocument"
    );
    let absent = TRUST.replace(
        r#""Service":"ecs-tasks.amazonaws.com""#,
        r#""AWS":"arn:aws:iam::123456789012:role/none""#,
    );
    assert_eq!(
        aws.refused(
            "CreateRole",
            json!({"RoleName": "x", "AssumeRolePolicyDocument": absent})
        ),
        "MalformedPolicyDocument"
    );
    aws.did(
        "UpdateRole",
        json!({"RoleName": "r", "Description": "e", "MaxSessionDuration": 3600}),
    );
    aws.did("DeleteRolePermissionsBoundary", json!({"RoleName": "r"}));
    aws.did(
        "TagRole",
        json!({"RoleName": "r", "Tags": [{"Key": "c", "Value": "d"}]}),
    );
    aws.did("UntagRole", json!({"RoleName": "r", "TagKeys": ["a"]}));
    assert_eq!(
        aws.did("ListRoleTags", json!({"RoleName": "r"}))["Tags"],
        json!([{"Key": "c", "Value": "d"}])
    );
    let role = aws.did("GetRole", json!({"RoleName": "r"}));
    assert_eq!(role["Role"]["Description"], "e");
    assert!(role["Role"].get("PermissionsBoundary").is_none());
    aws.did(
        "CreateRole",
        json!({"RoleName": "q", "AssumeRolePolicyDocument": TRUST}),
    );
    let listed = aws.did("ListRoles", json!({"PathPrefix": "/p/"}));
    assert_eq!(listed["Roles"].as_array().map(Vec::len), Some(1));
    let page = aws.did("ListRoles", json!({"MaxItems": 1}));
    assert_eq!(page["IsTruncated"], true);
    let page = aws.did(
        "ListRoles",
        json!({"MaxItems": 1, "Marker": page["Marker"]}),
    );
    assert_eq!(page["IsTruncated"], false);
}

#[test]
fn policies_keep_their_role() {
    let aws = Client::of("iam");
    aws.did(
        "CreateRole",
        json!({"RoleName": "r", "AssumeRolePolicyDocument": TRUST}),
    );
    aws.did(
        "AttachRolePolicy",
        json!({"RoleName": "r", "PolicyArn": MANAGED}),
    );
    aws.did(
        "AttachRolePolicy",
        json!({"RoleName": "r", "PolicyArn": MANAGED}),
    );
    let none = "arn:aws:iam::aws:policy/Nope";
    assert_eq!(
        aws.refused(
            "AttachRolePolicy",
            json!({"RoleName": "r", "PolicyArn": none})
        ),
        "NoSuchEntity"
    );
    let attached = aws.did("ListAttachedRolePolicies", json!({"RoleName": "r"}));
    assert_eq!(
        attached["AttachedPolicies"],
        json!([{"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": MANAGED}])
    );
    assert_eq!(
        aws.refused("DeleteRole", json!({"RoleName": "r"})),
        "DeleteConflict"
    );
    aws.did(
        "DetachRolePolicy",
        json!({"RoleName": "r", "PolicyArn": MANAGED}),
    );
    assert_eq!(
        aws.refused(
            "DetachRolePolicy",
            json!({"RoleName": "r", "PolicyArn": MANAGED})
        ),
        "NoSuchEntity"
    );
    aws.did(
        "PutRolePolicy",
        json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": ALLOW}),
    );
    let got = aws.did("GetRolePolicy", json!({"RoleName": "r", "PolicyName": "p"}));
    assert!(
        got["PolicyDocument"]
            .as_str()
            .is_some_and(|text| text.starts_with("%7B"))
    );
    assert_eq!(
        aws.did("ListRolePolicies", json!({"RoleName": "r"}))["PolicyNames"],
        json!(["p"])
    );
    assert_eq!(
        aws.refused(
            "PutRolePolicy",
            json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": "{"})
        ),
        "MalformedPolicyDocument"
    );
    assert_eq!(
        aws.refused("DeleteRole", json!({"RoleName": "r"})),
        "DeleteConflict"
    );
    aws.did(
        "DeleteRolePolicy",
        json!({"RoleName": "r", "PolicyName": "p"}),
    );
    assert_eq!(
        aws.refused("GetRolePolicy", json!({"RoleName": "r", "PolicyName": "p"})),
        "NoSuchEntity"
    );
    aws.did("CreateInstanceProfile", json!({"InstanceProfileName": "i"}));
    aws.did(
        "AddRoleToInstanceProfile",
        json!({"InstanceProfileName": "i", "RoleName": "r"}),
    );
    assert_eq!(
        aws.refused(
            "AddRoleToInstanceProfile",
            json!({"InstanceProfileName": "i", "RoleName": "r"})
        ),
        "LimitExceeded"
    );
    assert_eq!(
        aws.refused("DeleteRole", json!({"RoleName": "r"})),
        "DeleteConflict"
    );
    assert_eq!(
        aws.refused("DeleteInstanceProfile", json!({"InstanceProfileName": "i"})),
        "DeleteConflict"
    );
    aws.did(
        "RemoveRoleFromInstanceProfile",
        json!({"InstanceProfileName": "i", "RoleName": "r"}),
    );
    aws.did("DeleteInstanceProfile", json!({"InstanceProfileName": "i"}));
    aws.did("DeleteRole", json!({"RoleName": "r"}));
}

#[test]
fn managed_policies_have_versions_and_keep_who_has_them() {
    let aws = Client::of("iam");
    let made = aws.did(
        "CreatePolicy",
        json!({"PolicyName": "p", "PolicyDocument": ALLOW}),
    );
    let arn = made["Policy"]["Arn"].clone();
    assert_eq!(arn, "arn:aws:iam::123456789012:policy/p");
    assert_eq!(
        aws.refused(
            "CreatePolicy",
            json!({"PolicyName": "p", "PolicyDocument": ALLOW})
        ),
        "EntityAlreadyExists"
    );
    aws.did("CreateUser", json!({"UserName": "u"}));
    aws.did(
        "AttachUserPolicy",
        json!({"UserName": "u", "PolicyArn": arn}),
    );
    assert_eq!(
        aws.did("GetPolicy", json!({"PolicyArn": arn}))["Policy"]["AttachmentCount"],
        1
    );
    assert_eq!(
        aws.refused("DeletePolicy", json!({"PolicyArn": arn})),
        "DeleteConflict"
    );
    aws.did(
        "DetachUserPolicy",
        json!({"UserName": "u", "PolicyArn": arn}),
    );
    for _ in 0..4 {
        aws.did(
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": ALLOW, "SetAsDefault": true}),
        );
    }
    assert_eq!(
        aws.refused(
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": ALLOW})
        ),
        "LimitExceeded"
    );
    assert_eq!(
        aws.refused(
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": "v5"})
        ),
        "DeleteConflict"
    );
    assert_eq!(
        aws.refused("DeletePolicy", json!({"PolicyArn": arn})),
        "DeleteConflict"
    );
    for version in ["v1", "v2", "v3", "v4"] {
        aws.did(
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": version}),
        );
    }
    aws.did("DeletePolicy", json!({"PolicyArn": arn}));
    assert_eq!(
        aws.did("GetPolicy", json!({"PolicyArn": MANAGED}))["Policy"]["Path"],
        "/service-role/"
    );
    aws.did("CreateGroup", json!({"GroupName": "g"}));
    aws.did("AddUserToGroup", json!({"GroupName": "g", "UserName": "u"}));
    assert_eq!(
        aws.refused("DeleteGroup", json!({"GroupName": "g"})),
        "DeleteConflict"
    );
    assert_eq!(
        aws.refused("DeleteUser", json!({"UserName": "u"})),
        "DeleteConflict"
    );
}

#[test]
fn service_linked_roles_are_their_services_own() {
    let aws = Client::of("iam");
    let made = aws.did(
        "CreateServiceLinkedRole",
        json!({"AWSServiceName": "ecs.amazonaws.com"}),
    );
    assert_eq!(
        made["Role"]["Arn"],
        "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    );
    assert_eq!(
        aws.refused(
            "CreateServiceLinkedRole",
            json!({"AWSServiceName": "ecs.amazonaws.com"})
        ),
        "InvalidInput"
    );
    assert_eq!(
        aws.refused("DeleteRole", json!({"RoleName": "AWSServiceRoleForECS"})),
        "UnmodifiableEntity"
    );
    aws.did(
        "DeleteServiceLinkedRole",
        json!({"RoleName": "AWSServiceRoleForECS"}),
    );
}

#[test]
fn users_have_passwords_and_may_move() {
    let aws = Client::of("iam");
    let mut book = LawBook::new(&aws);
    aws.did("CreateUser", json!({"UserName": "u"}));
    aws.did("CreateGroup", json!({"GroupName": "g", "Path": "/a/"}));
    aws.did("AddUserToGroup", json!({"GroupName": "g", "UserName": "u"}));
    assert_eq!(
        aws.refused("GetLoginProfile", json!({"UserName": "u"})),
        "NoSuchEntity"
    );
    let login = json!({"UserName": "u", "Password": "Sesame-0pen", "PasswordResetRequired": true});
    let made = aws.did("CreateLoginProfile", login.clone());
    assert_eq!(made["LoginProfile"]["PasswordResetRequired"], true);
    assert!(made["LoginProfile"].get("Password").is_none());
    book.breaks(
        "iam: a user has one login profile",
        "CreateLoginProfile",
        login,
    );
    book.breaks(
        "iam: a password keeps to the default password policy",
        "UpdateLoginProfile",
        json!({"UserName": "u", "Password": "sesame"}),
    );
    aws.did(
        "UpdateLoginProfile",
        json!({"UserName": "u", "PasswordResetRequired": false}),
    );
    let found = aws.did("GetLoginProfile", json!({"UserName": "u"}));
    assert_eq!(found["LoginProfile"]["PasswordResetRequired"], false);
    aws.did(
        "UpdateGroup",
        json!({"GroupName": "g", "NewGroupName": "h", "NewPath": "/b/"}),
    );
    let groups = aws.did("ListGroupsForUser", json!({"UserName": "u"}));
    assert_eq!(
        groups["Groups"][0]["Arn"],
        "arn:aws:iam::123456789012:group/b/h"
    );
    aws.did(
        "UpdateUser",
        json!({"UserName": "u", "NewUserName": "v", "NewPath": "/c/"}),
    );
    let user = aws.did("GetUser", json!({"UserName": "v"}));
    assert_eq!(user["User"]["Arn"], "arn:aws:iam::123456789012:user/c/v");
    let members = aws.did("GetGroup", json!({"GroupName": "h"}));
    assert_eq!(members["Users"][0]["UserName"], "v");
    aws.did(
        "RemoveUserFromGroup",
        json!({"GroupName": "h", "UserName": "v"}),
    );
    book.breaks(
        "iam: a user is deleted after its login profile",
        "DeleteUser",
        json!({"UserName": "v"}),
    );
    aws.did("DeleteLoginProfile", json!({"UserName": "v"}));
    aws.did("DeleteUser", json!({"UserName": "v"}));
}
