//! Cloud Control and CloudFormation's registry as a client sees them.

use serde_json::{Value as Json, json};

use crate::support::{Client, LawBook, pass};

const GROUP: &str = "AWS::Athena::WorkGroup";

fn create(aws: &Client, type_name: &str, state: &Json, token: Option<&str>) -> Json {
    let mut input = json!({"TypeName": type_name, "DesiredState": state.to_string()});
    if let Some(token) = token {
        input["ClientToken"] = token.into();
    }
    aws.did("CreateResource", input)["ProgressEvent"].clone()
}

/// What a request came to.
async fn over(aws: &Client, event: &Json) -> Json {
    pass(10).await;
    let input = json!({"RequestToken": event["RequestToken"]});
    aws.did("GetResourceRequestStatus", input)["ProgressEvent"].clone()
}

fn read(aws: &Client, type_name: &str, id: &str) -> Json {
    let told = aws.text(
        "GetResource",
        json!({"TypeName": type_name, "Identifier": id}),
        "/ResourceDescription/Properties",
    );
    serde_json::from_str(&told).expect("properties are JSON")
}

fn patch(type_name: &str, id: &str, operations: Json) -> Json {
    json!({"TypeName": type_name, "Identifier": id, "PatchDocument": operations.to_string()})
}

#[tokio::test(start_paused = true)]
async fn a_resource_is_made_read_changed_and_deleted() {
    let aws = Client::of("cloudcontrol");
    let state = json!({"ProtocolType": "HTTP", "Name": "door", "Tags": {"team": "a"}});
    let first = create(&aws, "AWS::ApiGatewayV2::Api", &state, None);
    assert_eq!(first["OperationStatus"], "IN_PROGRESS");
    assert_eq!(first["Identifier"], Json::Null, "not known yet");
    let made = over(&aws, &first).await;
    assert_eq!(made["OperationStatus"], "SUCCESS");
    let id = made["Identifier"].as_str().expect("an identifier");
    let told = read(&aws, "AWS::ApiGatewayV2::Api", id);
    assert_eq!(told["ApiId"], id);
    assert_eq!(told["Tags"], json!({"team": "a"}));
    assert!(
        told["ApiEndpoint"]
            .as_str()
            .is_some_and(|url| url.contains("eu-west-1")),
        "{told}"
    );

    let operations = json!([{"op": "replace", "path": "/Name", "value": "gate"}, {"op": "add", "path": "/Tags/owner", "value": "b"}]);
    let event = aws.did(
        "UpdateResource",
        patch("AWS::ApiGatewayV2::Api", id, operations),
    );
    assert_eq!(
        read(&aws, "AWS::ApiGatewayV2::Api", id)["Name"],
        "door",
        "not yet"
    );
    assert_eq!(
        over(&aws, &event["ProgressEvent"]).await["OperationStatus"],
        "SUCCESS"
    );
    let told = read(&aws, "AWS::ApiGatewayV2::Api", id);
    assert_eq!(
        (&told["Name"], &told["Tags"]),
        (&json!("gate"), &json!({"team": "a", "owner": "b"}))
    );

    // The Tagging API sees it, and changes it.
    let found = aws.did(
        "resourcegroupstaggingapi:GetResources",
        json!({"TagFilters": [{"Key": "owner"}]}),
    );
    let arn = found["ResourceTagMappingList"][0]["ResourceARN"].clone();
    aws.did(
        "resourcegroupstaggingapi:TagResources",
        json!({"ResourceARNList": [arn], "Tags": {"team": "c"}}),
    );
    assert_eq!(
        read(&aws, "AWS::ApiGatewayV2::Api", id)["Tags"]["team"],
        "c"
    );

    let delete = json!({"TypeName": "AWS::ApiGatewayV2::Api", "Identifier": id});
    let event = aws.did("DeleteResource", delete.clone());
    assert_eq!(
        over(&aws, &event["ProgressEvent"]).await["OperationStatus"],
        "SUCCESS"
    );
    assert_eq!(
        aws.refused("GetResource", delete.clone()),
        "ResourceNotFoundException"
    );
    let again = aws.did("DeleteResource", delete);
    let again = over(&aws, &again["ProgressEvent"]).await;
    assert_eq!(
        (&again["OperationStatus"], &again["ErrorCode"]),
        (&json!("FAILED"), &json!("NotFound"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_stands_for_its_request_for_36_hours() {
    let aws = Client::of("cloudcontrol");
    let state = json!({"ApiId": "a1b2c3d4", "RouteKey": "GET /"});
    let first = create(&aws, "AWS::ApiGatewayV2::Route", &state, Some("once"));
    let made = over(&aws, &first).await;
    let again = create(&aws, "AWS::ApiGatewayV2::Route", &state, Some("once"));
    assert_eq!(again, made);
    pass(36 * 3_600).await;
    let later = create(&aws, "AWS::ApiGatewayV2::Route", &state, Some("once"));
    assert_ne!(later["RequestToken"], made["RequestToken"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_told_is_lost_unless_the_patch_has_it() {
    const TYPE: &str = "AWS::ElastiCache::ReplicationGroup";
    let aws = Client::of("cloudcontrol");
    let state = json!({"ReplicationGroupId": "sessions", "ReplicationGroupDescription": "a", "Engine": "redis",
        "CacheNodeType": "cache.t4g.micro", "TransitEncryptionEnabled": true, "AuthToken": "0123456789abcdef"});
    let event = create(&aws, TYPE, &state, None);
    over(&aws, &event).await;
    assert_eq!(read(&aws, TYPE, "sessions")["AuthToken"], Json::Null);
    let kept = |aws: &Client| {
        aws.sandbox.inspect(|world| {
            let mut all = world
                .all()
                .filter(|(key, _)| key.kind == "cloudcontrol/resource");
            all.next()
                .map(|(_, record)| record.body.contains_key("AuthToken"))
        })
    };
    assert_eq!(kept(&aws), Some(true));
    let operations =
        json!([{"op": "replace", "path": "/ReplicationGroupDescription", "value": "b"}]);
    let event = aws.did("UpdateResource", patch(TYPE, "sessions", operations));
    over(&aws, &event["ProgressEvent"]).await;
    assert_eq!(kept(&aws), Some(false));
}

#[tokio::test(start_paused = true)]
async fn requests_are_listed_and_cancelled() {
    let aws = Client::of("cloudcontrol");
    for at in 0..3 {
        let event = create(&aws, GROUP, &json!({"Name": format!("g{at}")}), None);
        if at == 2 {
            let token = json!({"RequestToken": event["RequestToken"]});
            let cancelled = aws.did("CancelResourceRequest", token.clone());
            assert_eq!(
                cancelled["ProgressEvent"]["OperationStatus"],
                "CANCEL_IN_PROGRESS"
            );
            assert_eq!(
                over(&aws, &event).await["OperationStatus"],
                "CANCEL_COMPLETE"
            );
            assert_eq!(
                aws.refused("CancelResourceRequest", token),
                "ConcurrentModificationException"
            );
        }
    }
    pass(10).await;
    let page = aws.did("ListResources", json!({"TypeName": GROUP, "MaxResults": 1}));
    assert_eq!(page["ResourceDescriptions"][0]["Identifier"], "g0");
    let next = json!({"TypeName": GROUP, "NextToken": page["NextToken"]});
    let rest = aws.did("ListResources", next);
    assert_eq!(
        rest["ResourceDescriptions"].as_array().map(Vec::len),
        Some(1),
        "one was cancelled"
    );
    let filter = |statuses: Json| {
        let input = json!({"ResourceRequestStatusFilter": {"Operations": ["CREATE"], "OperationStatuses": statuses}});
        let listed = aws.did("ListResourceRequests", input);
        listed["ResourceRequestStatusSummaries"]
            .as_array()
            .map(Vec::len)
    };
    assert_eq!(filter(json!(["SUCCESS"])), Some(2));
    assert_eq!(filter(json!(["CANCEL_COMPLETE"])), Some(1));
    assert_eq!(filter(json!([])), Some(3));
    pass(8 * 86_400).await;
    assert_eq!(filter(json!([])), Some(0), "AWS forgets them");
}

fn schema() -> Json {
    json!({
        "typeName": "Org::Ledger::Account",
        "properties": {
            "Name": {"type": "string", "pattern": "^[a-z]+$"},
            "Currency": {"type": "string", "enum": ["EUR", "USD"]},
            "Limit": {"type": "integer"},
            "Id": {"type": "string"},
        },
        "required": ["Name"],
        "additionalProperties": false,
        "readOnlyProperties": ["/properties/Id"],
        "createOnlyProperties": ["/properties/Currency"],
        "primaryIdentifier": ["/properties/Id"],
        "tagging": {"taggable": false},
        "handlers": {"create": {}, "read": {}, "update": {}, "delete": {}, "list": {}},
    })
}

#[tokio::test(start_paused = true)]
async fn a_type_of_ones_own_is_known_once_it_is_registered() {
    let aws = Client::of("cloudcontrol");
    let describe = json!({"Type": "RESOURCE", "TypeName": "Org::Ledger::Account"});
    assert_eq!(
        aws.refused("cloudformation:DescribeType", describe.clone()),
        "TypeNotFoundException"
    );
    let state = json!({"Name": "cash", "Limit": 5});
    let input = json!({"TypeName": "Org::Ledger::Account", "DesiredState": state.to_string()});
    assert_eq!(
        aws.refused("CreateResource", input),
        "TypeNotFoundException"
    );
    aws.sandbox
        .register_type(&schema())
        .expect("it is a schema");
    let told = aws.did("cloudformation:DescribeType", describe);
    assert_eq!(
        (&told["ProvisioningType"], &told["Visibility"]),
        (&json!("FULLY_MUTABLE"), &json!("PRIVATE"))
    );
    let text = told["Schema"].as_str().expect("a schema");
    assert_eq!(
        serde_json::from_str::<Json>(text).expect("it is JSON"),
        schema()
    );
    let event = create(&aws, "Org::Ledger::Account", &state, None);
    let id = over(&aws, &event).await["Identifier"].clone();
    let told = read(
        &aws,
        "Org::Ledger::Account",
        id.as_str().expect("an identifier"),
    );
    assert_eq!((&told["Name"], &told["Id"]), (&json!("cash"), &id));
    for wrong in [
        json!({}),
        json!({"typeName": "AWS::EC2::VPC"}),
        json!({"typeName": "Org::Ledger::Other"}),
    ] {
        assert!(aws.sandbox.register_type(&wrong).is_err(), "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn laws() {
    let aws = Client::of("cloudcontrol");
    let mut book = LawBook::new(&aws);
    let input = |type_name: &str, state: Json| json!({"TypeName": type_name, "DesiredState": state.to_string()});
    let event = create(&aws, GROUP, &json!({"Name": "g"}), Some("t"));
    let busy = patch(
        GROUP,
        "g",
        json!([{"op": "add", "path": "/Description", "value": "d"}]),
    );
    book.breaks(
        "cloudcontrol: one request on a resource at a time",
        "UpdateResource",
        busy,
    );
    over(&aws, &event).await;
    let other = json!({"TypeName": GROUP, "DesiredState": "{\"Name\": \"h\"}", "ClientToken": "t"});
    book.breaks(
        "cloudcontrol: a client token stands for one request",
        "CreateResource",
        other,
    );
    book.breaks(
        "cloudcontrol: types are registered",
        "CreateResource",
        input("AWS::Nope::Nope", json!({})),
    );
    book.breaks(
        "cloudcontrol: types have a handler for what is asked",
        "CreateResource",
        input("AWS::WAF::Rule", json!({})),
    );
    aws.sandbox.keep_elsewhere(["AWS::EC2::VPC"]);
    let vpc = input("AWS::EC2::VPC", json!({"CidrBlock": "10.0.0.0/16"}));
    book.breaks(
        "cloudcontrol: what another simulated service keeps is asked there",
        "CreateResource",
        vpc,
    );
    for wrong in [
        json!({}),
        json!({"Name": "x", "Nope": 1}),
        json!({"Name": 5}),
    ] {
        book.breaks(
            "cloudcontrol: a model fits the type's schema",
            "CreateResource",
            input(GROUP, wrong),
        );
    }
    let text =
        json!({"Name": "x", "WorkGroupConfiguration": {"BytesScannedCutoffPerQuery": "10000000"}});
    book.breaks(
        "cloudcontrol: a model fits the type's schema",
        "CreateResource",
        input(GROUP, text),
    );
    let given = input(GROUP, json!({"Name": "x", "CreationTime": "now"}));
    book.breaks(
        "cloudcontrol: read-only properties are not given",
        "CreateResource",
        given,
    );
    let rename = patch(
        GROUP,
        "g",
        json!([{"op": "replace", "path": "/Name", "value": "h"}]),
    );
    book.breaks(
        "cloudcontrol: create-only properties do not change",
        "UpdateResource",
        rename,
    );
    let set = patch(
        GROUP,
        "g",
        json!([{"op": "add", "path": "/CreationTime", "value": "now"}]),
    );
    assert_eq!(aws.refused("UpdateResource", set), "ValidationException");
    let immutable = patch("AWS::ApiGateway::UsagePlanKey", "k", json!([]));
    assert_eq!(
        aws.refused("UpdateResource", immutable),
        "UnsupportedActionException"
    );
    book.breaks(
        "cloudformation: types are registered",
        "cloudformation:DescribeType",
        json!({"Type": "RESOURCE", "TypeName": "Org::No::Type"}),
    );
    // What only a handler can tell is told by the request's progress.
    let role =
        json!({"RoleArn": "arn:aws:iam::123456789012:role/nobody", "DefinitionString": "{}"});
    let event = create(&aws, "AWS::StepFunctions::StateMachine", &role, None);
    let failed = over(&aws, &event).await;
    assert_eq!(failed["ErrorCode"], "InvalidRequest", "{failed}");
    let again = create(&aws, GROUP, &json!({"Name": "g"}), None);
    assert_eq!(over(&aws, &again).await["ErrorCode"], "AlreadyExists");
    let told =
        ["cloudcontrol: roles, subnets, security groups and VPCs that a resource names exist"];
    book.is_complete(&["cloudcontrol", "cloudformation"], &told);
    assert_eq!(
        aws.refused("GetResourceRequestStatus", json!({"RequestToken": "no"})),
        "RequestTokenNotFoundException"
    );
}
