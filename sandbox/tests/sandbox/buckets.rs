//! S3: buckets and objects, and the laws that keep them.

use super::support::{Client, LawBook, REGION};
use serde_json::{Value as Json, json};

const ROLE: &str = "arn:aws:iam::123456789012:role/copies";

fn made(name: &str) -> Json {
    json!({"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": REGION}})
}

fn replicated(to: &str) -> Json {
    json!({"Bucket": "versioned", "ReplicationConfiguration": {"Role": ROLE, "Rules": [{
        "Status": "Enabled", "Priority": 1, "Filter": {"Prefix": ""}, "DeleteMarkerReplication": {"Status": "Disabled"},
        "Destination": {"Bucket": format!("arn:aws:s3:::{to}")},
    }]}})
}

fn policy(principal: Json, resource: &str) -> Json {
    let statement = json!({"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": resource});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    json!({"Bucket": "plain", "Policy": policy.to_string()})
}

#[tokio::test(start_paused = true)]
async fn every_law_of_s3_holds() {
    let client = Client::of("s3");
    for name in ["plain", "versioned", "replica"] {
        client.did("CreateBucket", made(name));
    }
    let versions = |bucket: &str, status: &str| json!({"Bucket": bucket, "VersioningConfiguration": {"Status": status}});
    let mut laws = LawBook::new(&client);
    laws.breaks(
        "s3: a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens, and is no IP address",
        "CreateBucket",
        made("192.168.0.1"),
    );
    laws.breaks(
        "s3: a region's endpoint makes buckets of that region alone, which us-east-1 never names",
        "CreateBucket",
        json!({"Bucket": "other"}),
    );
    // The name is another account's.
    client
        .sandbox
        .invoke(
            "999999999999",
            REGION,
            "s3",
            "CreateBucket",
            made("foreign"),
        )
        .unwrap();
    laws.breaks(
        "s3: a bucket's name is had once in a partition, whoever has it",
        "CreateBucket",
        made("foreign"),
    );
    let east = json!({"Bucket": "east"});
    client
        .sandbox
        .invoke("key", "us-east-1", "s3", "CreateBucket", east.clone())
        .unwrap();
    laws.breaks(
        "s3: a bucket is asked at the endpoint of its region",
        "GetBucketVersioning",
        east,
    );
    laws.breaks(
        "s3: a bucket whose owner owns all objects has no ACLs",
        "PutBucketAcl",
        json!({"Bucket": "plain", "ACL": "public-read"}),
    );

    let object = json!({"Bucket": "plain", "Key": "k", "Body": "aGVsbG8="});
    client.did("PutObject", object.clone());
    laws.breaks(
        "s3/bucket: not deleted while a s3/object has it as Bucket",
        "DeleteBucket",
        json!({"Bucket": "plain"}),
    );
    let sum = json!({"Bucket": "plain", "Key": "k", "Body": "aGVsbG8=", "ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg=="});
    laws.breaks(
        "s3: a body has the sum that its request says",
        "PutObject",
        sum,
    );
    let large = "A".repeat(64 * 1024 * 1024 / 3 * 4 + 8);
    let large = json!({"Bucket": "plain", "Key": "large", "Body": large});
    laws.breaks(
        "s3: an object is not larger than what is taken",
        "PutObject",
        large,
    );

    laws.breaks(
        "s3: a bucket that is replicated keeps versions",
        "PutBucketReplication",
        replicated("replica"),
    );
    client.did("PutBucketVersioning", versions("versioned", "Enabled"));
    laws.breaks(
        "s3: what a bucket is replicated to is another bucket that keeps versions",
        "PutBucketReplication",
        replicated("replica"),
    );
    assert_eq!(
        client.refused("PutBucketReplication", replicated("nowhere")),
        "InvalidRequest"
    );
    assert_eq!(
        client.refused("PutBucketReplication", replicated("versioned")),
        "InvalidRequest"
    );
    client.did("PutBucketVersioning", versions("replica", "Enabled"));
    client.did("PutBucketReplication", replicated("replica"));
    assert_eq!(
        client.refused("PutBucketVersioning", versions("versioned", "Suspended")),
        "InvalidBucketState"
    );

    let lock = json!({"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}});
    let locks = |bucket: &str| json!({"Bucket": bucket, "ObjectLockConfiguration": lock});
    assert_eq!(
        client.refused("PutObjectLockConfiguration", locks("plain")),
        "InvalidBucketState"
    );
    client.did("PutObjectLockConfiguration", locks("replica"));
    laws.breaks(
        "s3: a bucket with Object Lock keeps versions for good",
        "PutBucketVersioning",
        versions("replica", "Suspended"),
    );
    let kept = json!({"Bucket": "replica", "Key": "kept", "Body": ""});
    let version = client.text("PutObject", kept, "/VersionId");
    laws.breaks(
        "s3: a version that is retained or held is not deleted",
        "DeleteObject",
        json!({"Bucket": "replica", "Key": "kept", "VersionId": version}),
    );
    super::support::pass(86_401).await;
    client.did(
        "DeleteObject",
        json!({"Bucket": "replica", "Key": "kept", "VersionId": version}),
    );

    let log = |target: &str| json!({"Bucket": "plain", "BucketLoggingStatus": {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": ""}}});
    laws.breaks(
        "s3: a bucket's log goes to a bucket of the same account and region",
        "PutBucketLogging",
        log("east"),
    );
    client.did("PutBucketLogging", log("replica"));
    client.did("CreateBucket", made("with.dot"));
    laws.breaks(
        "s3: a bucket with a dot in its name is not accelerated",
        "PutBucketAccelerateConfiguration",
        json!({"Bucket": "with.dot", "AccelerateConfiguration": {"Status": "Enabled"}}),
    );
    let twice = json!([{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]);
    laws.breaks(
        "s3: a bucket has each tag once, 50 at most, and none of AWS's",
        "PutBucketTagging",
        json!({"Bucket": "plain", "Tagging": {"TagSet": twice}}),
    );
    let rule = json!({"ID": "one", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}});
    laws.breaks(
        "s3: rules of a bucket have identifiers of their own, and lifecycle rules do something to objects that they name",
        "PutBucketLifecycleConfiguration",
        json!({"Bucket": "plain", "LifecycleConfiguration": {"Rules": [rule, rule]}}),
    );
    let idle = json!({"Status": "Enabled", "Prefix": ""});
    let idle = json!({"Bucket": "plain", "LifecycleConfiguration": {"Rules": [idle]}});
    assert_eq!(
        client.refused("PutBucketLifecycleConfiguration", idle),
        "InvalidRequest"
    );

    let queue = format!("arn:aws:sqs:{REGION}:123456789012:events");
    let told = |events: &[&str]| {
        let each = events
            .iter()
            .map(|event| json!({"QueueArn": queue, "Events": [event]}));
        json!({"Bucket": "plain", "NotificationConfiguration": {"QueueConfigurations": each.collect::<Json>()}})
    };
    laws.breaks(
        "s3: a bucket's notifications go where S3 may send them",
        "PutBucketNotificationConfiguration",
        told(&["s3:ObjectCreated:*"]),
    );
    laws.breaks(
        "s3: two notifications of a bucket have no event and no keys in common",
        "PutBucketNotificationConfiguration",
        told(&["s3:ObjectCreated:*", "s3:ObjectCreated:Put"]),
    );
    laws.breaks(
        "s3: a bucket's policy has principals that exist, actions, and resources in the bucket",
        "PutBucketPolicy",
        policy(json!({"AWS": ROLE}), "arn:aws:s3:::plain/*"),
    );
    assert_eq!(
        client.refused(
            "PutBucketPolicy",
            policy(
                json!({"Service": "a.amazonaws.com"}),
                "arn:aws:s3:::plainly/*"
            )
        ),
        "MalformedPolicy"
    );
    laws.breaks(
        "s3: a bucket that blocks public policies takes none",
        "PutBucketPolicy",
        policy(json!("*"), "arn:aws:s3:::plain/*"),
    );
    laws.is_complete(
        &["s3"],
        &[
            "s3/object: Bucket must exist",
            "s3/upload: Bucket must exist",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn suspended_versions_are_replaced_and_markers_come_on_top() {
    let client = Client::of("s3");
    client.did("CreateBucket", made("shop"));
    let versions =
        |status: &str| json!({"Bucket": "shop", "VersioningConfiguration": {"Status": status}});
    let put = |body: &str| {
        client.did(
            "PutObject",
            json!({"Bucket": "shop", "Key": "k", "Body": body}),
        )
    };
    assert_eq!(put("AAAA").get("VersionId"), None);
    client.did("PutBucketVersioning", versions("Enabled"));
    let first = put("BBBB")["VersionId"].clone();
    client.did("PutBucketVersioning", versions("Suspended"));
    assert_eq!(put("CCCC")["VersionId"], "null");
    let ids = |list: &str| -> Vec<Json> {
        let all = client.did("ListObjectVersions", json!({"Bucket": "shop"}));
        let all = all[list].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .map(|mut one| one["VersionId"].take())
            .collect()
    };
    assert_eq!(ids("Versions"), [json!("null"), first.clone()]);
    client.did("DeleteObject", json!({"Bucket": "shop", "Key": "k"}));
    assert_eq!(
        (ids("Versions"), ids("DeleteMarkers")),
        (vec![first.clone()], vec![json!("null")])
    );
    // Without its marker the object is back.
    client.did(
        "DeleteObject",
        json!({"Bucket": "shop", "Key": "k", "VersionId": "null"}),
    );
    let back = client.did("GetObject", json!({"Bucket": "shop", "Key": "k"}));
    assert_eq!(
        (&back["Body"], &back["VersionId"]),
        (&json!("BBBB"), &first)
    );
}

#[tokio::test(start_paused = true)]
async fn objects_outlive_the_program() {
    let client = Client::of("s3");
    client.did("CreateBucket", made("shop"));
    client.did(
        "PutObject",
        json!({"Bucket": "shop", "Key": "a/b", "Body": "aGVsbG8=", "ContentType": "text/plain"}),
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("aws.json");
    std::fs::write(&file, client.sandbox.dump().to_string()).unwrap();
    let clock = payctl_model::Clock::starting_at(std::time::SystemTime::now(), 1.0);
    let again = Client::to(payctl_sandbox::Sandbox::open(&file, clock).unwrap(), "s3");
    let back = again.did("GetObject", json!({"Bucket": "shop", "Key": "a/b"}));
    assert_eq!(
        (&back["Body"], &back["ContentType"]),
        (&json!("aGVsbG8="), &json!("text/plain"))
    );
    assert_eq!(
        again.refused("DeleteBucket", json!({"Bucket": "shop"})),
        "BucketNotEmpty"
    );
}

#[tokio::test(start_paused = true)]
async fn virtual_hosts_and_heads_are_understood_over_http() {
    let client = Client::of("s3");
    client.did("CreateBucket", made("shop"));
    let ask = |method: &str, host: &str, path: &str, body: &'static [u8]| {
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential=key/20240101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"),
            )
            .body(bytes::Bytes::from_static(body))
            .unwrap();
        client.sandbox.handle(request)
    };
    let host = format!("shop.s3.{REGION}.amazonaws.com");
    assert_eq!(ask("PUT", &host, "/a/b", b"hello").await.status(), 200);
    let got = ask(
        "GET",
        &format!("s3.{REGION}.amazonaws.com"),
        "/shop/a/b",
        b"",
    )
    .await;
    assert_eq!(
        (got.status().as_u16(), got.body().as_ref()),
        (200, &b"hello"[..])
    );
    let head = ask("HEAD", &host, "/a/b", b"").await;
    assert_eq!(head.headers()["content-length"], "5");
    assert!(head.body().is_empty());
    let none = ask("HEAD", &host, "/none", b"").await;
    assert_eq!((none.status().as_u16(), none.body().len()), (404, 0));
    let elsewhere = ask("GET", "s3.amazonaws.com", "/nobody?versioning", b"").await;
    assert_eq!(elsewhere.status(), 404);
    assert!(String::from_utf8_lossy(elsewhere.body()).contains("<BucketName>nobody</BucketName>"));
}
