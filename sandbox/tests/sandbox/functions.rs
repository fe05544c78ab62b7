//! Lambda as a client sees it.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

/// An archive without files would do for Lambda's own check of its first bytes.
const ARCHIVE: &str = "UEsDBAoAAAAAAA==";

fn role(aws: &Client) -> Json {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let input = json!({"RoleName": "f", "AssumeRolePolicyDocument": trust.to_string()});
    aws.did("iam:CreateRole", input)["Role"]["Arn"].clone()
}

fn with(mut input: Json, more: Json) -> Json {
    for (name, value) in more.as_object().into_iter().flatten() {
        input[name] = value.clone();
    }
    input
}

fn function(role: &Json, more: Json) -> Json {
    let plain = json!({"FunctionName": "pay", "Role": role, "Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": ARCHIVE}});
    with(plain, more)
}

#[tokio::test(start_paused = true)]
async fn every_law_refuses_what_breaks_it() {
    let aws = Client::of("lambda");
    let mut book = LawBook::new(&aws);
    let role = role(&aws);
    let create = |more: Json| function(&role, more);
    book.breaks(
        "lambda: a function's role lets Lambda assume it, and is known everywhere",
        "CreateFunction",
        create(json!({})),
    );
    pass(60).await;
    let source = "lambda: code comes as a zip file, from a bucket or as an image, in one way";
    book.breaks(source, "CreateFunction", create(json!({"Code": {}})));
    book.breaks(
        source,
        "CreateFunction",
        create(json!({"Code": {"S3Bucket": "code"}})),
    );
    let package = "lambda: a deployment package has a runtime and a handler, an image has neither, and a function keeps its kind";
    book.breaks(
        package,
        "CreateFunction",
        create(json!({"PackageType": "Image", "Code": {"ImageUri": "r:1"}})),
    );
    let headless = json!({"FunctionName": "pay", "Role": role, "Code": {"ZipFile": ARCHIVE}});
    book.breaks(package, "CreateFunction", headless);
    book.breaks(
        "lambda: a deployment package is a zip archive",
        "CreateFunction",
        create(json!({"Code": {"ZipFile": "bm8="}})),
    );
    let variables = |name: &str, value: &str| json!({"Environment": {"Variables": {name: value}}});
    book.breaks(
        "lambda: environment variables have 4 KB together",
        "CreateFunction",
        create(variables("AB", &"x".repeat(5_000))),
    );
    book.breaks(
        "lambda: environment variables that Lambda sets cannot be set",
        "CreateFunction",
        create(variables("AWS_REGION", "x")),
    );
    let network = "lambda: a function in a VPC has subnets and security groups of one VPC";
    book.breaks(
        network,
        "CreateFunction",
        create(json!({"VpcConfig": {"SubnetIds": ["subnet-0"]}})),
    );
    let vpc = aws.text(
        "ec2:CreateVpc",
        json!({"CidrBlock": "10.0.0.0/16"}),
        "/Vpc/VpcId",
    );
    let subnet = aws.text(
        "ec2:CreateSubnet",
        json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"}),
        "/Subnet/SubnetId",
    );
    let group = aws.text(
        "ec2:CreateSecurityGroup",
        json!({"VpcId": vpc, "GroupName": "g", "Description": "g"}),
        "/GroupId",
    );
    let in_vpc = |subnet: &str, group: &str| {
        create(json!({"VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": [group]}}))
    };
    book.breaks(
        "lambda/function: VpcConfig.SubnetIds[] must exist",
        "CreateFunction",
        in_vpc("subnet-0", &group),
    );
    book.breaks(
        "lambda/function: VpcConfig.SecurityGroupIds[] must exist",
        "CreateFunction",
        in_vpc(&subnet, "sg-0"),
    );
    let key = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000";
    book.breaks(
        "lambda/function: KMSKeyArn must exist",
        "CreateFunction",
        create(json!({"KMSKeyArn": key})),
    );
    let stored = "lambda: code in a bucket is there";
    book.breaks(
        stored,
        "CreateFunction",
        create(json!({"Code": {"S3Bucket": "nobodys-bucket", "S3Key": "a.zip"}})),
    );

    aws.did("CreateFunction", create(json!({})));
    let named = json!({"FunctionName": "pay"});
    let settled =
        "lambda: a function is changed, published and invoked when no change of it is under way";
    book.breaks(
        settled,
        "UpdateFunctionConfiguration",
        with(named.clone(), json!({"Timeout": 4})),
    );
    book.breaks(settled, "PublishVersion", named.clone());
    book.breaks(settled, "Invoke", named.clone());
    pass(60).await;
    aws.did(
        "UpdateFunctionConfiguration",
        with(named.clone(), json!({"Timeout": 4})),
    );
    book.breaks(
        settled,
        "UpdateFunctionCode",
        with(named.clone(), json!({"ZipFile": ARCHIVE})),
    );
    pass(60).await;
    book.breaks(
        "lambda/function: FunctionName is unique",
        "CreateFunction",
        create(json!({})),
    );
    book.breaks(
        package,
        "UpdateFunctionCode",
        with(named.clone(), json!({"ImageUri": "r:1"})),
    );
    let concurrency = |count: u32| {
        with(
            named.clone(),
            json!({"ReservedConcurrentExecutions": count}),
        )
    };
    book.breaks(
        "lambda: 100 concurrent executions stay unreserved",
        "PutFunctionConcurrency",
        concurrency(901),
    );
    aws.did("PutFunctionConcurrency", concurrency(900));
    let other_code = with(named.clone(), json!({"CodeSha256": "other"}));
    book.breaks(
        "lambda: a version is published of the code that the request names",
        "PublishVersion",
        other_code,
    );
    let latest = with(
        named.clone(),
        json!({"Qualifier": "$LATEST", "ProvisionedConcurrentExecutions": 1}),
    );
    book.breaks(
        "lambda: concurrency is provisioned for versions and aliases",
        "PutProvisionedConcurrencyConfig",
        latest,
    );
    let permission = with(
        named.clone(),
        json!({"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}),
    );
    aws.did("AddPermission", permission.clone());
    book.breaks(
        "lambda: a statement's name is used once in a policy",
        "AddPermission",
        permission,
    );
    let unknown = with(named.clone(), json!({"StatementId": "none"}));
    book.breaks(
        "lambda: a statement that is removed is in the policy",
        "RemovePermission",
        unknown,
    );
    // A version is made of a function that is there, by Lambda itself.
    book.is_complete(&["lambda"], &["lambda/version: FunctionName must exist"]);
}

#[tokio::test(start_paused = true)]
async fn a_function_and_its_versions_over_time() {
    let aws = Client::of("lambda");
    let role = role(&aws);
    pass(60).await;
    let named = json!({"FunctionName": "pay"});
    let configuration = || aws.did("GetFunctionConfiguration", named.clone());
    let made = aws.did(
        "CreateFunction",
        function(&role, json!({"Tags": {"a": "1"}})),
    );
    assert_eq!(
        (&made["State"], &made["Version"], &made["Timeout"]),
        (&json!("Pending"), &json!("$LATEST"), &json!(3))
    );
    pass(5).await;
    assert_eq!(configuration()["State"], "Active");
    assert_eq!(configuration().get("StateReason"), None);
    let publish = || aws.did("PublishVersion", named.clone())["Version"].clone();
    assert_eq!(
        (publish(), publish()),
        (json!("1"), json!("1")),
        "nothing has changed"
    );
    let changed = aws.did(
        "UpdateFunctionConfiguration",
        with(named.clone(), json!({"Timeout": 9})),
    );
    assert_eq!(
        (&changed["LastUpdateStatus"], &changed["Timeout"]),
        (&json!("InProgress"), &json!(9))
    );
    pass(5).await;
    assert_eq!(configuration()["LastUpdateStatus"], "Successful");
    assert_eq!(publish(), "2");
    let first = with(named.clone(), json!({"Qualifier": "1"}));
    assert_eq!(
        aws.did("GetFunctionConfiguration", first.clone())["Timeout"],
        3,
        "a version stays as it is"
    );
    aws.did("DeleteFunction", first.clone());
    assert_eq!(
        aws.refused("GetFunctionConfiguration", first),
        "ResourceNotFoundException"
    );
    let versions = aws.did("ListVersionsByFunction", named.clone());
    let versions: Vec<&Json> = versions["Versions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|version| &version["Version"])
        .collect();
    assert_eq!(versions, ["$LATEST", "2"]);
    let found = aws.did("GetFunction", named.clone());
    assert_eq!(found["Tags"], json!({"a": "1"}));
    assert_eq!(found["Code"]["RepositoryType"], "S3");
    aws.did("DeleteFunction", named.clone());
    assert_eq!(
        aws.refused("GetFunction", named.clone()),
        "ResourceNotFoundException"
    );
    assert_eq!(
        aws.refused("GetFunction", with(named, json!({"Qualifier": "2"}))),
        "ResourceNotFoundException"
    );
}

#[tokio::test(start_paused = true)]
async fn a_functions_network_is_held_until_its_interfaces_are_gone() {
    let aws = Client::of("lambda");
    let role = role(&aws);
    pass(60).await;
    let vpc = aws.text(
        "ec2:CreateVpc",
        json!({"CidrBlock": "10.0.0.0/16"}),
        "/Vpc/VpcId",
    );
    let subnet = aws.text(
        "ec2:CreateSubnet",
        json!({"VpcId": vpc, "CidrBlock": "10.0.0.0/24"}),
        "/Subnet/SubnetId",
    );
    let group = aws.text(
        "ec2:CreateSecurityGroup",
        json!({"VpcId": vpc, "GroupName": "g", "Description": "g"}),
        "/GroupId",
    );
    let network = json!({"VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": [group]}});
    aws.did("CreateFunction", function(&role, network));
    pass(5).await;
    let state =
        || aws.did("GetFunctionConfiguration", json!({"FunctionName": "pay"}))["State"].clone();
    assert_eq!(state(), "Pending", "interfaces take their time");
    pass(120).await;
    assert_eq!(state(), "Active");
    let interfaces = aws.did(
        "ec2:DescribeNetworkInterfaces",
        json!({"Filters": [{"Name": "group-id", "Values": [group]}]}),
    );
    assert_eq!(
        interfaces["NetworkInterfaces"][0]["InterfaceType"],
        "lambda"
    );
    aws.did("DeleteFunction", json!({"FunctionName": "pay"}));
    let delete = json!({"GroupId": group});
    assert_eq!(
        aws.refused("ec2:DeleteSecurityGroup", delete.clone()),
        "DependencyViolation"
    );
    pass(20 * 60).await;
    aws.did("ec2:DeleteSecurityGroup", delete);
}
