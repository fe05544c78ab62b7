//! Lambda's types in the simulated AWS.

use serde_json::{Value as Json, json};

use crate::trip::Trip;

fn trust(service: &str) -> Json {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
    ]})
}

/// The ARN of a role that Lambda will be able to assume.
fn role(trip: &Trip, name: &str) -> String {
    let policy = trust("lambda.amazonaws.com").to_string();
    let input = json!({"RoleName": name, "AssumeRolePolicyDocument": policy});
    let answer = trip.did("iam", "CreateRole", input);
    answer["Role"]["Arn"].as_str().expect("an ARN").to_owned()
}

fn with(mut properties: Json, more: Json) -> Json {
    for (name, value) in more.as_object().into_iter().flatten() {
        properties[name] = value.clone();
    }
    properties
}

fn python(role: &str, more: Json) -> Json {
    let plain = json!({
        "Code": {"ZipFile": "def handler(event, context):\n    return 1\n"}, "Handler": "index.handler", "Runtime": "python3.13", "Role": role,
    });
    with(plain, more)
}

#[tokio::test(start_paused = true)]
async fn functions() {
    let trip = Trip::new();
    let (role, other) = (role(&trip, "first"), role(&trip, "other"));
    let vpc =
        trip.did("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}))["Vpc"]["VpcId"].clone();
    let subnet = trip.did(
        "ec2",
        "CreateSubnet",
        json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"}),
    );
    let subnet = subnet["Subnet"]["SubnetId"].clone();
    let group = trip.did(
        "ec2",
        "CreateSecurityGroup",
        json!({"VpcId": vpc, "GroupName": "f", "Description": "f"}),
    );
    let group = group["GroupId"].clone();
    let signing = trip.did(
        "lambda",
        "CreateCodeSigningConfig",
        json!({"AllowedPublishers": {"SigningProfileVersionArns": [
        "arn:aws:signer:us-east-1:123456789012:/signing-profiles/profile/abcdefghij"]}}),
    );
    let signing = signing["CodeSigningConfig"]["CodeSigningConfigArn"].clone();
    let queue = "arn:aws:sqs:us-east-1:123456789012:dead";
    let layer = "arn:aws:lambda:us-east-1:123456789012:layer:tools:3";
    let full = python(
        &role,
        json!({
            "FunctionName": "pay_out", "Description": "pays", "Timeout": 20, "MemorySize": "256", "Architectures": ["arm64"],
            "Environment": {"Variables": {"STAGE": "test"}}, "DeadLetterConfig": {"TargetArn": queue}, "Layers": [layer],
            "EphemeralStorage": {"Size": 1024}, "TracingConfig": {"Mode": "Active"}, "ReservedConcurrentExecutions": 5,
            "LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "WARN", "LogGroup": "/pay"},
            "SnapStart": {"ApplyOn": "PublishedVersions"}, "RuntimeManagementConfig": {"UpdateRuntimeOn": "FunctionUpdate"},
            "RecursiveLoop": "Allow", "CodeSigningConfigArn": signing,
            "VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": [group]},
            "Tags": [{"Key": "team", "Value": "payments"}],
        }),
    );
    let mut function = trip.make("AWS::Lambda::Function", full.clone()).await;
    assert_eq!(function.id.as_str(), "pay_out");
    let live = trip
        .ready(&function)
        .await
        .model
        .expose_json()
        .expect("nothing secret");
    assert_eq!(
        live["Arn"],
        "arn:aws:lambda:us-east-1:123456789012:function:pay_out"
    );
    assert_eq!(
        live["SnapStartResponse"],
        json!({"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"})
    );
    assert_eq!(
        live.get("Code"),
        None,
        "a signed URL is no part of the model"
    );
    let changed = with(
        full,
        json!({
            "Code": {"ZipFile": "def handler(event, context):\n    return 2\n"}, "Description": "pays out", "Role": other, "MemorySize": 512,
            "Architectures": ["x86_64"], "Environment": {"Variables": {"STAGE": "prod", "MORE": "1"}}, "ReservedConcurrentExecutions": 7,
            "RuntimeManagementConfig": {"UpdateRuntimeOn": "Auto"}, "RecursiveLoop": "Terminate", "TracingConfig": {"Mode": "PassThrough"},
            "Tags": [{"Key": "team", "Value": "ledger"}],
        }),
    );
    let heads = [
        "Code",
        "Description",
        "Role",
        "MemorySize",
        "Architectures",
        "Environment",
        "ReservedConcurrentExecutions",
        "RuntimeManagementConfig",
        "RecursiveLoop",
        "TracingConfig",
        "Tags",
    ];
    trip.change(&mut function, changed, &heads).await;
    // Everything that is declared no more goes back to what Lambda has of itself.
    let plain = python(
        &other,
        json!({"FunctionName": "pay_out", "Code": {"ZipFile": "def handler(event, context):\n    return 2\n"}}),
    );
    let gone = [
        "Architectures",
        "CodeSigningConfigArn",
        "DeadLetterConfig",
        "Description",
        "Environment",
        "EphemeralStorage",
        "Layers",
        "LoggingConfig",
        "MemorySize",
        "RecursiveLoop",
        "ReservedConcurrentExecutions",
        "RuntimeManagementConfig",
        "Tags",
        "Timeout",
        "TracingConfig",
        "VpcConfig",
    ];
    trip.change(&mut function, plain, &gone).await;
    let live = trip
        .ready(&function)
        .await
        .model
        .expose_json()
        .expect("nothing secret");
    assert_eq!(
        (&live["Timeout"], &live["MemorySize"], &live["Description"]),
        (&json!(3), &json!(128), &json!(""))
    );
    assert_eq!(live.get("Layers"), None);
    assert_eq!(live.get("ReservedConcurrentExecutions"), None);
    // The interfaces of the network that it left are still there; the group can be deleted when they are gone.
    trip.delete(&function).await;
}

#[tokio::test(start_paused = true)]
async fn functions_of_images() {
    let trip = Trip::new();
    let role = role(&trip, "images");
    let uri = |tag: &str| format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/pay:{tag}");
    let image = |tag: &str, command: &str| json!({"PackageType": "Image", "Code": {"ImageUri": uri(tag)}, "Role": role, "ImageConfig": {"Command": [command]}});
    let mut function = trip
        .make("AWS::Lambda::Function", image("1", "app.handler"))
        .await;
    trip.change(
        &mut function,
        image("2", "app.main"),
        &["Code", "ImageConfig"],
    )
    .await;
    trip.delete(&function).await;
}

#[tokio::test(start_paused = true)]
async fn source_text_is_for_two_runtimes() {
    let trip = Trip::new();
    let role = role(&trip, "java");
    let refused = trip
        .refused(
            "AWS::Lambda::Function",
            python(&role, json!({"Runtime": "java21"})),
        )
        .await;
    assert!(refused.contains("not java21"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn permissions_and_versions() {
    let trip = Trip::new();
    let role = role(&trip, "versions");
    let mut function = trip
        .make(
            "AWS::Lambda::Function",
            python(&role, json!({"FunctionName": "pay"})),
        )
        .await;
    for properties in [
        json!({"FunctionName": "pay", "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com",
               "SourceArn": "arn:aws:events:us-east-1:123456789012:rule/r"}),
        json!({"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:pay", "Action": "lambda:InvokeFunction",
               "Principal": "123456789012", "EventSourceToken": "token-1"}),
        json!({"FunctionName": "pay", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}),
        json!({"FunctionName": "pay", "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true}),
        json!({"FunctionName": "pay", "Action": "lambda:*", "Principal": "s3.amazonaws.com", "SourceAccount": "123456789012",
               "SourceArn": "arn:aws:s3:::b"}),
        json!({"FunctionName": "pay", "Action": "lambda:InvokeFunction", "Principal": "arn:aws:iam::111122223333:role/r",
               "PrincipalOrgID": "o-abcdefghij"}),
    ] {
        let permission = trip.make("AWS::Lambda::Permission", properties).await;
        trip.delete(&permission).await;
    }
    let declared = json!({"FunctionName": "pay", "Description": "first", "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2},
                          "RuntimePolicy": {"UpdateRuntimeOn": "FunctionUpdate"}});
    let version = trip.make("AWS::Lambda::Version", declared).await;
    assert_eq!(
        version.id.as_str(),
        "arn:aws:lambda:us-east-1:123456789012:function:pay:1"
    );
    // Nothing has changed since: Lambda would answer with the version that is there.
    let refused = trip
        .refused("AWS::Lambda::Version", json!({"FunctionName": "pay"}))
        .await;
    assert!(refused.contains("those of its version 1"), "{refused}");
    let changed = python(&role, json!({"FunctionName": "pay", "Timeout": 9}));
    trip.change(&mut function, changed, &["Timeout"]).await;
    let second = trip
        .make("AWS::Lambda::Version", json!({"FunctionName": "pay"}))
        .await;
    assert!(second.id.as_str().ends_with(":pay:2"));
    trip.delete(&second).await;
    trip.delete(&version).await;
    assert!(
        trip.observe(&function).await.is_some(),
        "only the versions are gone"
    );
    trip.delete(&function).await;
}
