//! IAM as a client sees it.

use payctl_model::Clock;
use payctl_sandbox::{Options, Refusal, Sandbox};
use serde_json::{Value as Json, json};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
const MANAGED: &str = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

fn aws() -> Sandbox {
    Sandbox::new(Clock::real(), Options::default())
}

fn ask(aws: &Sandbox, operation: &str, input: Json) -> Result<Json, Refusal> {
    aws.invoke("key", "eu-west-1", "iam", operation, input)
}

fn did(aws: &Sandbox, operation: &str, input: Json) -> Json {
    ask(aws, operation, input.clone())
        .unwrap_or_else(|refusal| panic!("{operation} {input}: {refusal}"))
}

fn code(aws: &Sandbox, operation: &str, input: Json) -> String {
    match ask(aws, operation, input.clone()) {
        Ok(answer) => panic!("{operation} {input}: {answer}"),
        Err(refusal) => refusal.code,
    }
}

#[test]
fn a_role_comes_back_as_it_was_made_in_every_region() {
    let aws = aws();
    let input = json!({"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": TRUST, "Description": "d", "MaxSessionDuration": 7200,
                       "PermissionsBoundary": "arn:aws:iam::aws:policy/PowerUserAccess", "Tags": [{"Key": "a", "Value": "b"}]});
    let made = did(&aws, "CreateRole", input.clone());
    assert_eq!(made["Role"]["Arn"], "arn:aws:iam::123456789012:role/p/r");
    assert!(
        made["Role"]["RoleId"]
            .as_str()
            .is_some_and(|id| id.len() == 21 && id.starts_with("AROA"))
    );
    let role = aws
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
    assert_eq!(code(&aws, "CreateRole", input), "EntityAlreadyExists");
    assert_eq!(
        code(
            &aws,
            "CreateRole",
            json!({"RoleName": "R", "AssumeRolePolicyDocument": TRUST})
        ),
        "EntityAlreadyExists"
    );
    assert_eq!(
        code(&aws, "GetRole", json!({"RoleName": "no"})),
        "NoSuchEntity"
    );
    assert_eq!(
        code(
            &aws,
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
        code(
            &aws,
            "CreateRole",
            json!({"RoleName": "x", "AssumeRolePolicyDocument": absent})
        ),
        "MalformedPolicyDocument"
    );
    did(
        &aws,
        "UpdateRole",
        json!({"RoleName": "r", "Description": "e", "MaxSessionDuration": 3600}),
    );
    did(
        &aws,
        "DeleteRolePermissionsBoundary",
        json!({"RoleName": "r"}),
    );
    did(
        &aws,
        "TagRole",
        json!({"RoleName": "r", "Tags": [{"Key": "c", "Value": "d"}]}),
    );
    did(
        &aws,
        "UntagRole",
        json!({"RoleName": "r", "TagKeys": ["a"]}),
    );
    assert_eq!(
        did(&aws, "ListRoleTags", json!({"RoleName": "r"}))["Tags"],
        json!([{"Key": "c", "Value": "d"}])
    );
    let role = did(&aws, "GetRole", json!({"RoleName": "r"}));
    assert_eq!(role["Role"]["Description"], "e");
    assert!(role["Role"].get("PermissionsBoundary").is_none());
    did(
        &aws,
        "CreateRole",
        json!({"RoleName": "q", "AssumeRolePolicyDocument": TRUST}),
    );
    let listed = did(&aws, "ListRoles", json!({"PathPrefix": "/p/"}));
    assert_eq!(listed["Roles"].as_array().map(Vec::len), Some(1));
    let page = did(&aws, "ListRoles", json!({"MaxItems": 1}));
    assert_eq!(page["IsTruncated"], true);
    let page = did(
        &aws,
        "ListRoles",
        json!({"MaxItems": 1, "Marker": page["Marker"]}),
    );
    assert_eq!(page["IsTruncated"], false);
}

#[test]
fn policies_keep_their_role() {
    let aws = aws();
    did(
        &aws,
        "CreateRole",
        json!({"RoleName": "r", "AssumeRolePolicyDocument": TRUST}),
    );
    did(
        &aws,
        "AttachRolePolicy",
        json!({"RoleName": "r", "PolicyArn": MANAGED}),
    );
    did(
        &aws,
        "AttachRolePolicy",
        json!({"RoleName": "r", "PolicyArn": MANAGED}),
    );
    let none = "arn:aws:iam::aws:policy/Nope";
    assert_eq!(
        code(
            &aws,
            "AttachRolePolicy",
            json!({"RoleName": "r", "PolicyArn": none})
        ),
        "NoSuchEntity"
    );
    let attached = did(&aws, "ListAttachedRolePolicies", json!({"RoleName": "r"}));
    assert_eq!(
        attached["AttachedPolicies"],
        json!([{"PolicyName": "AmazonECSTaskExecutionRolePolicy", "PolicyArn": MANAGED}])
    );
    assert_eq!(
        code(&aws, "DeleteRole", json!({"RoleName": "r"})),
        "DeleteConflict"
    );
    did(
        &aws,
        "DetachRolePolicy",
        json!({"RoleName": "r", "PolicyArn": MANAGED}),
    );
    assert_eq!(
        code(
            &aws,
            "DetachRolePolicy",
            json!({"RoleName": "r", "PolicyArn": MANAGED})
        ),
        "NoSuchEntity"
    );
    did(
        &aws,
        "PutRolePolicy",
        json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": ALLOW}),
    );
    let got = did(
        &aws,
        "GetRolePolicy",
        json!({"RoleName": "r", "PolicyName": "p"}),
    );
    assert!(
        got["PolicyDocument"]
            .as_str()
            .is_some_and(|text| text.starts_with("%7B"))
    );
    assert_eq!(
        did(&aws, "ListRolePolicies", json!({"RoleName": "r"}))["PolicyNames"],
        json!(["p"])
    );
    assert_eq!(
        code(
            &aws,
            "PutRolePolicy",
            json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": "{"})
        ),
        "MalformedPolicyDocument"
    );
    assert_eq!(
        code(&aws, "DeleteRole", json!({"RoleName": "r"})),
        "DeleteConflict"
    );
    did(
        &aws,
        "DeleteRolePolicy",
        json!({"RoleName": "r", "PolicyName": "p"}),
    );
    assert_eq!(
        code(
            &aws,
            "GetRolePolicy",
            json!({"RoleName": "r", "PolicyName": "p"})
        ),
        "NoSuchEntity"
    );
    did(
        &aws,
        "CreateInstanceProfile",
        json!({"InstanceProfileName": "i"}),
    );
    did(
        &aws,
        "AddRoleToInstanceProfile",
        json!({"InstanceProfileName": "i", "RoleName": "r"}),
    );
    assert_eq!(
        code(
            &aws,
            "AddRoleToInstanceProfile",
            json!({"InstanceProfileName": "i", "RoleName": "r"})
        ),
        "LimitExceeded"
    );
    assert_eq!(
        code(&aws, "DeleteRole", json!({"RoleName": "r"})),
        "DeleteConflict"
    );
    assert_eq!(
        code(
            &aws,
            "DeleteInstanceProfile",
            json!({"InstanceProfileName": "i"})
        ),
        "DeleteConflict"
    );
    did(
        &aws,
        "RemoveRoleFromInstanceProfile",
        json!({"InstanceProfileName": "i", "RoleName": "r"}),
    );
    did(
        &aws,
        "DeleteInstanceProfile",
        json!({"InstanceProfileName": "i"}),
    );
    did(&aws, "DeleteRole", json!({"RoleName": "r"}));
}

#[test]
fn managed_policies_have_versions_and_keep_who_has_them() {
    let aws = aws();
    let made = did(
        &aws,
        "CreatePolicy",
        json!({"PolicyName": "p", "PolicyDocument": ALLOW}),
    );
    let arn = made["Policy"]["Arn"].clone();
    assert_eq!(arn, "arn:aws:iam::123456789012:policy/p");
    assert_eq!(
        code(
            &aws,
            "CreatePolicy",
            json!({"PolicyName": "p", "PolicyDocument": ALLOW})
        ),
        "EntityAlreadyExists"
    );
    did(&aws, "CreateUser", json!({"UserName": "u"}));
    did(
        &aws,
        "AttachUserPolicy",
        json!({"UserName": "u", "PolicyArn": arn}),
    );
    assert_eq!(
        did(&aws, "GetPolicy", json!({"PolicyArn": arn}))["Policy"]["AttachmentCount"],
        1
    );
    assert_eq!(
        code(&aws, "DeletePolicy", json!({"PolicyArn": arn})),
        "DeleteConflict"
    );
    did(
        &aws,
        "DetachUserPolicy",
        json!({"UserName": "u", "PolicyArn": arn}),
    );
    for _ in 0..4 {
        did(
            &aws,
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": ALLOW, "SetAsDefault": true}),
        );
    }
    assert_eq!(
        code(
            &aws,
            "CreatePolicyVersion",
            json!({"PolicyArn": arn, "PolicyDocument": ALLOW})
        ),
        "LimitExceeded"
    );
    assert_eq!(
        code(
            &aws,
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": "v5"})
        ),
        "DeleteConflict"
    );
    assert_eq!(
        code(&aws, "DeletePolicy", json!({"PolicyArn": arn})),
        "DeleteConflict"
    );
    for version in ["v1", "v2", "v3", "v4"] {
        did(
            &aws,
            "DeletePolicyVersion",
            json!({"PolicyArn": arn, "VersionId": version}),
        );
    }
    did(&aws, "DeletePolicy", json!({"PolicyArn": arn}));
    assert_eq!(
        did(&aws, "GetPolicy", json!({"PolicyArn": MANAGED}))["Policy"]["Path"],
        "/service-role/"
    );
    did(&aws, "CreateGroup", json!({"GroupName": "g"}));
    did(
        &aws,
        "AddUserToGroup",
        json!({"GroupName": "g", "UserName": "u"}),
    );
    assert_eq!(
        code(&aws, "DeleteGroup", json!({"GroupName": "g"})),
        "DeleteConflict"
    );
    assert_eq!(
        code(&aws, "DeleteUser", json!({"UserName": "u"})),
        "DeleteConflict"
    );
}

#[test]
fn service_linked_roles_are_their_services_own() {
    let aws = aws();
    let made = did(
        &aws,
        "CreateServiceLinkedRole",
        json!({"AWSServiceName": "ecs.amazonaws.com"}),
    );
    assert_eq!(
        made["Role"]["Arn"],
        "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    );
    assert_eq!(
        code(
            &aws,
            "CreateServiceLinkedRole",
            json!({"AWSServiceName": "ecs.amazonaws.com"})
        ),
        "InvalidInput"
    );
    assert_eq!(
        code(
            &aws,
            "DeleteRole",
            json!({"RoleName": "AWSServiceRoleForECS"})
        ),
        "UnmodifiableEntity"
    );
    did(
        &aws,
        "DeleteServiceLinkedRole",
        json!({"RoleName": "AWSServiceRoleForECS"}),
    );
}
