//! Messages as AWS documents them, letter by letter: a codec that is wrong in both directions passes a round trip, not this.

use bytes::Bytes;
use http::{HeaderMap, Request};
use payctl_api::codec::{self, ApiError, EncodedRequest};
use payctl_api::{Operation, Protocol, Service};
use serde_json::{Value as Json, json};

fn find(service: &str, operation: &str) -> (&'static Service, &'static Operation) {
    let service = payctl_api::service(service).expect("packed");
    (service, service.operation(operation).expect("modelled"))
}

fn encode(service: &str, operation: &str, input: Json) -> EncodedRequest {
    let (service, operation) = find(service, operation);
    codec::encode_request(service, operation, &input).expect("fits the model")
}

fn text(body: &[u8]) -> &str {
    std::str::from_utf8(body).expect("text")
}

fn decode(
    service: &str,
    operation: &str,
    status: u16,
    body: &str,
) -> Result<Json, codec::ErrorAnswer> {
    let (service, operation) = find(service, operation);
    codec::decode_response(
        service,
        operation,
        status,
        &HeaderMap::new(),
        body.as_bytes(),
    )
}

#[test]
fn ec2_requests_capitalise_and_flatten() {
    let input = json!({
        "CidrBlock": "10.0.0.0/24", "VpcId": "vpc-1", "DryRun": false,
        "TagSpecifications": [{"ResourceType": "subnet", "Tags": [{"Key": "a b", "Value": ""}]}],
    });
    assert_eq!(
        text(&encode("ec2", "CreateSubnet", input).body),
        "Action=CreateSubnet&Version=2016-11-15&TagSpecification.1.ResourceType=subnet&TagSpecification.1.Tag.1.Key=a%20b\
         &TagSpecification.1.Tag.1.Value=&CidrBlock=10.0.0.0%2F24&VpcId=vpc-1&DryRun=false"
    );
    let empty = encode("ec2", "DescribeVpcs", json!({"VpcIds": []}));
    assert_eq!(text(&empty.body), "Action=DescribeVpcs&Version=2016-11-15");
}

#[test]
fn query_requests_number_members_and_entries() {
    let input = json!({"Names": ["a", "b"]});
    let request = encode("elbv2", "DescribeLoadBalancers", input);
    let form = "Action=DescribeLoadBalancers&Version=2015-12-01&Names.member.1=a&Names.member.2=b";
    assert_eq!(text(&request.body), form);
    let input = json!({"Name": "t", "Attributes": {"FifoTopic": "true"}, "Tags": []});
    assert_eq!(
        text(&encode("sns", "CreateTopic", input).body),
        "Action=CreateTopic&Version=2010-03-31&Name=t&Attributes.entry.1.key=FifoTopic&Attributes.entry.1.value=true&Tags="
    );
}

#[test]
fn json_requests_name_their_target() {
    let request = encode("ecs", "DescribeClusters", json!({"clusters": ["c"]}));
    assert_eq!(
        request.headers["x-amz-target"],
        "AmazonEC2ContainerServiceV20141113.DescribeClusters"
    );
    assert_eq!(
        request.headers["content-type"],
        "application/x-amz-json-1.1"
    );
    assert_eq!(text(&request.body), r#"{"clusters":["c"]}"#);
}

#[test]
fn rest_requests_fill_their_uri() {
    let request = encode(
        "route53",
        "ListResourceRecordSets",
        json!({"HostedZoneId": "/hostedzone/Z1", "StartRecordName": "a.b", "MaxItems": "5"}),
    );
    assert_eq!(
        request.uri,
        "/2013-04-01/hostedzone/Z1/rrset?name=a.b&maxitems=5"
    );
    let request = encode(
        "route53",
        "CreateHostedZone",
        json!({"Name": "a.example", "CallerReference": "r"}),
    );
    assert_eq!(
        text(&request.body),
        "<CreateHostedZoneRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Name>a.example</Name>\
         <CallerReference>r</CallerReference></CreateHostedZoneRequest>"
    );
    let request = encode(
        "lambda",
        "GetFunction",
        json!({"FunctionName": "arn:aws:lambda:x:1:function:f", "Qualifier": "1"}),
    );
    assert_eq!(
        request.uri,
        "/2015-03-31/functions/arn%3Aaws%3Alambda%3Ax%3A1%3Afunction%3Af?Qualifier=1"
    );
    let (service, operation) = find("lambda", "GetFunction");
    let missing = codec::encode_request(service, operation, &json!({})).expect_err("no label");
    assert_eq!(
        missing.to_string(),
        "FunctionName: the request's URI needs it"
    );
}

#[test]
fn values_that_do_not_fit_are_named() {
    let (service, operation) = find("ec2", "CreateVpc");
    let told = |input: Json| {
        codec::encode_request(service, operation, &input)
            .expect_err("refused")
            .to_string()
    };
    assert_eq!(
        told(json!({"CidrBlok": "x"})),
        "CidrBlok: the API has no such member"
    );
    assert_eq!(
        told(json!({"TagSpecifications": [{"Tags": [{"Key": 3}]}]})),
        "TagSpecifications[0].Tags[0].Key: expected text, found a number"
    );
}

#[test]
fn answers_are_typed_and_absence_is_kept() {
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
    <requestId>r</requestId>
    <vpcSet><item><vpcId>vpc-1</vpcId><isDefault>false</isDefault><tagSet/><unheardOf>1</unheardOf></item></vpcSet>
</DescribeVpcsResponse>"#;
    assert_eq!(
        decode("ec2", "DescribeVpcs", 200, body),
        Ok(json!({"Vpcs": [{"VpcId": "vpc-1", "IsDefault": false, "Tags": []}]}))
    );
    let body = "<GetRoleResponse><GetRoleResult><Role><RoleName>r</RoleName><CreateDate>2024-01-02T03:04:05Z</CreateDate>\
                <MaxSessionDuration>3600</MaxSessionDuration></Role></GetRoleResult></GetRoleResponse>";
    assert_eq!(
        decode("iam", "GetRole", 200, body),
        Ok(
            json!({"Role": {"RoleName": "r", "CreateDate": 1_704_164_645, "MaxSessionDuration": 3600}})
        )
    );
}

#[test]
fn errors_of_every_kind() {
    let told = |service: &str, operation: &str, status: u16, body: &str| {
        let error = decode(service, operation, status, body).expect_err("an error");
        (
            error.code,
            error.message,
            error.request_id.unwrap_or_default(),
        )
    };
    let three =
        |code: &str, message: &str, id: &str| (code.to_owned(), message.to_owned(), id.to_owned());
    assert_eq!(
        told(
            "ec2",
            "DescribeVpcs",
            400,
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no &apos;v&apos;</Message></Error></Errors><RequestID>r</RequestID></Response>"
        ),
        three("InvalidVpcID.NotFound", "no 'v'", "r")
    );
    assert_eq!(
        told(
            "iam",
            "GetRole",
            404,
            "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>m</Message></Error><RequestId>r</RequestId></ErrorResponse>"
        ),
        three("NoSuchEntity", "m", "r")
    );
    assert_eq!(
        told(
            "s3",
            "GetBucketPolicy",
            404,
            "<Error><Code>NoSuchBucketPolicy</Code><Message>m</Message><BucketName>b</BucketName><RequestId>r</RequestId></Error>"
        ),
        three("NoSuchBucketPolicy", "m", "r")
    );
    assert_eq!(
        told(
            "route53",
            "ChangeResourceRecordSets",
            400,
            "<InvalidChangeBatch><Messages><Message>one</Message><Message>two</Message></Messages></InvalidChangeBatch>"
        ),
        three("InvalidChangeBatch", "one; two", "")
    );
    assert_eq!(
        told(
            "ecs",
            "DescribeClusters",
            400,
            r#"{"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"m"}"#
        ),
        three("ClusterNotFoundException", "m", "")
    );
    // SQS was a query API and may tell its older code in a header: the model's name goes before it.
    assert_eq!(
        told(
            "sqs",
            "GetQueueUrl",
            400,
            r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}"#
        ),
        three("QueueDoesNotExist", "m", "")
    );
    let (service, _) = find("ec2", "DescribeVpcs");
    let response = codec::encode_error(
        service,
        Protocol::Ec2,
        &ApiError::new("InvalidVpcID.NotFound", "m"),
        "r",
    );
    assert_eq!(response.status(), 400);
    assert_eq!(
        text(response.body()),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>m</Message></Error></Errors><RequestID>r</RequestID></Response>"
    );
    let (service, _) = find("iam", "GetRole");
    let response = codec::encode_error(
        service,
        Protocol::Query,
        &ApiError::new("NoSuchEntityException", "m"),
        "r",
    );
    assert_eq!(response.status(), 404);
    assert!(
        text(response.body()).contains("<Type>Sender</Type><Code>NoSuchEntity</Code>"),
        "{response:?}"
    );
}

fn request(
    method: &str,
    uri: &str,
    headers: &[(&str, &str)],
    body: &'static str,
) -> Request<Bytes> {
    let builder = Request::builder().method(method).uri(uri);
    let builder = headers.iter().fold(builder, |builder, (name, value)| {
        builder.header(*name, *value)
    });
    builder
        .body(Bytes::from_static(body.as_bytes()))
        .expect("a request")
}

#[test]
fn requests_find_their_service() {
    let signed = |name: &str| {
        format!(
            "AWS4-HMAC-SHA256 Credential=AKID/20240102/eu-west-1/{name}/aws4_request, SignedHeaders=host, Signature=0"
        )
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let (authorization, s3) = (signed("elasticloadbalancing"), signed("s3"));
    let told = |request: Request<Bytes>| {
        let incoming = codec::decode_request(&request).unwrap_or_else(|error| panic!("{error}"));
        (
            incoming.service.name.as_str(),
            incoming.operation.name.as_str(),
            incoming.input,
        )
    };
    let body = "Action=DescribeLoadBalancers&Version=2015-12-01&LoadBalancerArns.1=a&LoadBalancerArns.member.2=b";
    let found = told(request(
        "POST",
        "/",
        &[form, ("authorization", &authorization)],
        body,
    ));
    assert_eq!((found.0, found.1), ("elbv2", "DescribeLoadBalancers"));
    // The older load balancers sign the same name; their version tells.
    let body = "Action=DescribeLoadBalancers&Version=2012-06-01";
    let refused = codec::decode_request(&request(
        "POST",
        "/",
        &[form, ("authorization", &authorization)],
        body,
    ))
    .expect_err("not packed");
    assert_eq!(refused.error.code, "InvalidAction");
    assert!(text(refused.response("r").body()).contains("<Code>InvalidAction</Code>"));
    // Not signed at all.
    let body = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=a&RoleSessionName=s&WebIdentityToken=t";
    assert_eq!(told(request("POST", "/", &[form], body)).0, "sts");
    // The bucket in the host, and in the path.
    let host = ("host", "my.bucket.s3.eu-west-1.amazonaws.com");
    let wanted = ("s3", "GetBucketPolicy", json!({"Bucket": "my.bucket"}));
    assert_eq!(
        told(request(
            "GET",
            "/?policy",
            &[host, ("authorization", &s3)],
            ""
        )),
        wanted
    );
    assert_eq!(
        told(request(
            "GET",
            "/my.bucket?policy",
            &[("authorization", &s3)],
            ""
        )),
        wanted
    );
    // A garbled body is refused, not a panic.
    let target = (
        "x-amz-target",
        "AmazonEC2ContainerServiceV20141113.DescribeClusters",
    );
    let refused =
        codec::decode_request(&request("POST", "/", &[target], "{")).expect_err("garbled");
    assert_eq!(
        (refused.error.code.as_str(), refused.protocol),
        ("SerializationException", Protocol::Json)
    );
}
