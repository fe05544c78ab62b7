//! Buckets, repositories of images, names of services.

use serde_json::{Value as Json, json};

use crate::trip::Trip;

const TAG: &str = r#"[{"Key": "a", "Value": "1"}]"#;

fn tags() -> Json {
    serde_json::from_str(TAG).unwrap()
}

#[tokio::test(start_paused = true)]
async fn buckets() {
    let trip = Trip::new();
    // What is not said counts as said by the registry: that nothing is told has to be seen.
    let logs = |told: bool| {
        json!({
            "BucketName": "shop-logs", "VersioningConfiguration": {"Status": "Enabled"}, "LoggingConfiguration": {},
            "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": told}},
        })
    };
    let mut log = trip.make("AWS::S3::Bucket", logs(false)).await;
    trip.change(&mut log, logs(true), &["NotificationConfiguration"])
        .await;

    let role = trip.did(
        "iam",
        "CreateRole",
        json!({"RoleName": "copies", "AssumeRolePolicyDocument": json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}],
        }).to_string()}),
    );
    let role = role["Role"]["Arn"].as_str().unwrap_or_default();
    let declared = json!({
        "BucketName": "shop-data",
        "AbacStatus": "Enabled",
        "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
        "AnalyticsConfigurations": [{"Id": "all", "StorageClassAnalysis": {}}],
        "BucketEncryption": {"ServerSideEncryptionConfiguration": [{
            "BucketKeyEnabled": "true",
            "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/aws/s3"},
        }]},
        "CorsConfiguration": {"CorsRules": [{
            "Id": "web", "AllowedHeaders": ["*"], "AllowedMethods": ["GET"], "AllowedOrigins": ["https://example.com"],
            "ExposedHeaders": ["ETag"], "MaxAge": "60",
        }]},
        "IntelligentTieringConfigurations": [{"Id": "cold", "Status": "Enabled", "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}],
        "InventoryConfigurations": [{
            "Id": "daily", "Enabled": true, "IncludedObjectVersions": "All", "ScheduleFrequency": "Daily",
            "Destination": {"BucketArn": "arn:aws:s3:::shop-logs", "Format": "CSV"},
        }],
        "LifecycleConfiguration": {"Rules": [
            {"Id": "old", "Prefix": "old/", "Status": "Enabled", "ExpirationInDays": "30"},
            {"Id": "parts", "Status": "Enabled", "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        ]},
        "LoggingConfiguration": {"DestinationBucketName": "shop-logs", "LogFilePrefix": "data/"},
        "MetadataConfiguration": {
            "JournalTableConfiguration": {"RecordExpiration": {"Expiration": "DISABLED"}},
            "InventoryTableConfiguration": {"ConfigurationState": "ENABLED"},
            "AnnotationTableConfiguration": {"ConfigurationState": "ENABLED"},
        },
        "MetricsConfigurations": [{"Id": "all"}, {"Id": "in", "Prefix": "in/"}],
        "NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": true}},
        "ObjectLockEnabled": true,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1, "DefaultEventHold": {"Days": 2}}}},
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]},
        "AccessControl": "PublicRead",
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": false, "IgnorePublicAcls": false},
        "ReplicationConfiguration": {"Role": role, "Rules": [{
            "Id": "all", "Priority": 1, "Status": "Enabled", "Filter": {"And": {"Prefix": "in/", "TagFilters": tags()}},
            "Destination": {"Bucket": "arn:aws:s3:::shop-logs", "StorageClass": "STANDARD_IA"},
        }]},
        "Tags": tags(),
        "VersioningConfiguration": {"Status": "Enabled"},
        "WebsiteConfiguration": {
            "IndexDocument": "index.html", "ErrorDocument": "error.html",
            "RoutingRules": [{"RedirectRule": {"ReplaceKeyPrefixWith": "new/"}, "RoutingRuleCondition": {"KeyPrefixEquals": "old/"}}],
        },
    });
    let mut made = trip.make("AWS::S3::Bucket", declared).await;
    let attribute = |name: &'static str| {
        let made = made.clone();
        let trip = &trip;
        async move {
            let observed = trip.observe(&made).await.unwrap();
            observed
                .model
                .get(name)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
                .to_owned()
        }
    };
    assert_eq!(attribute("Arn").await, "arn:aws:s3:::shop-data");
    assert_eq!(attribute("DomainName").await, "shop-data.s3.amazonaws.com");
    assert_eq!(
        attribute("RegionalDomainName").await,
        "shop-data.s3.us-east-1.amazonaws.com"
    );
    assert_eq!(
        attribute("DualStackDomainName").await,
        "shop-data.s3.dualstack.us-east-1.amazonaws.com"
    );
    assert_eq!(
        attribute("WebsiteURL").await,
        "http://shop-data.s3-website-us-east-1.amazonaws.com"
    );
    let acl = trip.did("s3", "GetBucketAcl", json!({"Bucket": "shop-data"}));
    assert_eq!(acl["Grants"].as_array().map(Vec::len), Some(2), "{acl}");
    // Somebody else's tag stays.
    trip.did(
        "s3",
        "PutBucketTagging",
        json!({"Bucket": "shop-logs", "Tagging": {"TagSet": [{"Key": "theirs", "Value": "1"}]}}),
    );
    // All that can be withdrawn at once, in the order that S3 demands.
    trip.change(
        &mut made,
        json!({"BucketName": "shop-data", "ObjectLockEnabled": true, "VersioningConfiguration": {"Status": "Enabled"}, "Tags": [{"Key": "b", "Value": "2"}]}),
        &[
            "AbacStatus", "AccelerateConfiguration", "AnalyticsConfigurations", "BucketEncryption", "CorsConfiguration",
            "IntelligentTieringConfigurations", "InventoryConfigurations", "LifecycleConfiguration", "LoggingConfiguration",
            "MetadataConfiguration", "MetricsConfigurations", "NotificationConfiguration", "ObjectLockConfiguration",
            "OwnershipControls", "PublicAccessBlockConfiguration", "ReplicationConfiguration", "Tags",
            "WebsiteConfiguration",
        ],
    )
    .await;
    let blocked = trip.did("s3", "GetPublicAccessBlock", json!({"Bucket": "shop-data"}));
    assert_eq!(
        blocked["PublicAccessBlockConfiguration"]["BlockPublicAcls"],
        true
    );
    trip.change(
        &mut made,
        json!({
            "BucketName": "shop-data", "ObjectLockEnabled": true, "VersioningConfiguration": {"Status": "Enabled"},
            "Tags": [{"Key": "b", "Value": "2"}],
            "MetricsConfigurations": [{"Id": "all"}],
        }),
        &["MetricsConfigurations"],
    )
    .await;
    // What somebody else has is not taken over, although us-east-1 would answer.
    let taken = trip
        .refused("AWS::S3::Bucket", json!({"BucketName": "shop-data"}))
        .await;
    assert!(taken.contains("exists already"), "{taken}");
    trip.did(
        "s3",
        "PutObject",
        json!({"Bucket": "shop-logs", "Key": "k", "Body": ""}),
    );
    let deletion = payctl_resources::Deletion::default();
    let full = log.resource.delete(&trip.context, &log.id, &deletion).await;
    assert_eq!(full.unwrap_err().code(), Some("BucketNotEmpty"));
    let listed = trip.did("s3", "ListObjectVersions", json!({"Bucket": "shop-logs"}));
    let version = listed["Versions"][0]["VersionId"].clone();
    trip.did(
        "s3",
        "DeleteObject",
        json!({"Bucket": "shop-logs", "Key": "k", "VersionId": version}),
    );
    trip.delete(&made).await;
    trip.delete(&log).await;
}

#[tokio::test(start_paused = true)]
async fn policies_of_buckets() {
    let trip = Trip::new();
    let bucket = trip.make("AWS::S3::Bucket", json!({})).await;
    assert!(
        bucket.id.as_str().starts_with("project-env-stack-bucket-"),
        "{}",
        bucket.id
    );
    let document = |effect: &str| {
        let resource = format!("arn:aws:s3:::{}/*", bucket.id);
        json!({"Version": "2012-10-17", "Statement": [{
            "Effect": effect, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "s3:GetObject", "Resource": resource,
        }]})
    };
    let declared =
        |effect: &str| json!({"Bucket": bucket.id.as_str(), "PolicyDocument": document(effect)});
    let mut made = trip.make("AWS::S3::BucketPolicy", declared("Allow")).await;
    trip.change(&mut made, declared("Deny"), &["PolicyDocument"])
        .await;
    let taken = trip
        .refused("AWS::S3::BucketPolicy", declared("Allow"))
        .await;
    assert!(taken.contains("has a policy already"), "{taken}");
    trip.delete(&made).await;
    trip.delete(&bucket).await;
}

#[tokio::test(start_paused = true)]
async fn repositories() {
    let trip = Trip::new();
    let lifecycle = json!({"rules": [{
        "rulePriority": 1, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3}, "action": {"type": "expire"},
    }]});
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "ecr:BatchGetImage",
    }]});
    let mut made = trip
        .make(
            "AWS::ECR::Repository",
            json!({
                "RepositoryName": "shop/api", "EmptyOnDelete": true, "EncryptionConfiguration": {"EncryptionType": "KMS"},
                "ImageScanningConfiguration": {"ScanOnPush": "true"}, "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                "ImageTagMutabilityExclusionFilters": [{
                    "ImageTagMutabilityExclusionFilterType": "WILDCARD", "ImageTagMutabilityExclusionFilterValue": "latest*",
                }],
                "LifecyclePolicy": {"LifecyclePolicyText": lifecycle.to_string()},
                "RepositoryPolicyText": policy, "Tags": tags(),
            }),
        )
        .await;
    let put = json!({"repositoryName": "shop/api", "imageManifest": "{\"schemaVersion\": 2}", "imageTag": "1"});
    trip.did("ecr", "PutImage", put);
    let kept = trip.did(
        "ecr",
        "GetLifecyclePolicy",
        json!({"repositoryName": "shop/api"}),
    );
    assert_eq!(kept["lifecyclePolicyText"], lifecycle.to_string());
    trip.change(
        &mut made,
        json!({
            "RepositoryName": "shop/api", "EncryptionConfiguration": {"EncryptionType": "KMS"}, "Tags": [{"Key": "b", "Value": "1"}],
            "EmptyOnDelete": false,
        }),
        &[
            "EmptyOnDelete", "ImageScanningConfiguration", "ImageTagMutability", "ImageTagMutabilityExclusionFilters", "LifecyclePolicy",
            "RepositoryPolicyText", "Tags",
        ],
    )
    .await;
    let deletion = payctl_resources::Deletion::default();
    let full = made
        .resource
        .delete(&trip.context, &made.id, &deletion)
        .await;
    assert_eq!(
        full.unwrap_err().code(),
        Some("RepositoryNotEmptyException")
    );
    trip.change(
        &mut made,
        json!({
            "RepositoryName": "shop/api", "EncryptionConfiguration": {"EncryptionType": "KMS"}, "Tags": [{"Key": "b", "Value": "1"}],
            "EmptyOnDelete": true,
        }),
        &["EmptyOnDelete"],
    )
    .await;
    trip.delete(&made).await;
}

#[tokio::test(start_paused = true)]
async fn names_of_services() {
    let trip = Trip::new();
    let vpc = trip.did("ec2", "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    let vpc = vpc["Vpc"]["VpcId"].clone();
    let mut space = trip
        .make(
            "AWS::ServiceDiscovery::PrivateDnsNamespace",
            json!({"Name": "shop.local", "Vpc": vpc, "Description": "one", "Tags": tags()}),
        )
        .await;
    let zone = trip
        .observe(&space)
        .await
        .unwrap()
        .model
        .get("HostedZoneId")
        .cloned();
    assert!(
        zone.and_then(|zone| zone.to_text())
            .is_some_and(|zone| zone.starts_with('Z'))
    );
    trip.change(
        &mut space,
        json!({
            "Name": "shop.local", "Vpc": vpc, "Properties": {"DnsProperties": {"SOA": {"TTL": "60"}}}, "Tags": [{"Key": "b", "Value": "2"}],
        }),
        &["Description", "Properties", "Tags"],
    )
    .await;
    let declared = |ttl: u64, description: &str| {
        json!({
            "Name": "api", "Description": description, "NamespaceId": space.id.as_str(),
            "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": ttl.to_string()}], "RoutingPolicy": "MULTIVALUE"},
            "HealthCheckCustomConfig": {"FailureThreshold": 1}, "ServiceAttributes": {"port": "80"}, "Tags": tags(),
        })
    };
    let mut service = trip
        .make("AWS::ServiceDiscovery::Service", declared(60, "one"))
        .await;
    let mut changed = declared(10, "two");
    changed["ServiceAttributes"] = json!({"path": "/"});
    trip.change(
        &mut service,
        changed,
        &["Description", "DnsConfig", "ServiceAttributes"],
    )
    .await;
    // While something is registered it stays; the deletion is repeated, and given up.
    trip.did(
        "servicediscovery",
        "RegisterInstance",
        json!({"ServiceId": service.id.as_str(), "InstanceId": "i", "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1"}}),
    );
    trip.context
        .clock()
        .sleep(std::time::Duration::from_secs(5))
        .await;
    let deletion = payctl_resources::Deletion::default();
    let used = service
        .resource
        .delete(&trip.context, &service.id, &deletion)
        .await;
    assert_eq!(used.unwrap_err().code(), Some("ResourceInUse"));
    trip.did(
        "servicediscovery",
        "DeregisterInstance",
        json!({"ServiceId": service.id.as_str(), "InstanceId": "i"}),
    );
    trip.context
        .clock()
        .sleep(std::time::Duration::from_secs(5))
        .await;
    trip.delete(&service).await;
    trip.delete(&space).await;

    let mut http = trip
        .make(
            "AWS::ServiceDiscovery::HttpNamespace",
            json!({"Name": "shop", "Tags": tags()}),
        )
        .await;
    trip.change(
        &mut http,
        json!({"Name": "shop", "Description": "two", "Tags": tags()}),
        &["Description"],
    )
    .await;
    let service = trip
        .make(
            "AWS::ServiceDiscovery::Service",
            json!({"Name": "api", "NamespaceId": http.id.as_str(), "Type": "HTTP"}),
        )
        .await;
    trip.delete(&service).await;
    trip.delete(&http).await;
    let mut public = trip
        .make(
            "AWS::ServiceDiscovery::PublicDnsNamespace",
            json!({"Name": "shop.example.com"}),
        )
        .await;
    trip.change(
        &mut public,
        json!({"Name": "shop.example.com", "Description": "two"}),
        &["Description"],
    )
    .await;
    trip.delete(&public).await;
    // Without its VPC there is no hosted zone: what the operation says is told.
    let none = trip
        .refused(
            "AWS::ServiceDiscovery::PrivateDnsNamespace",
            json!({"Name": "none.local", "Vpc": "vpc-00000000"}),
        )
        .await;
    assert!(none.contains("CANNOT_CREATE_HOSTED_ZONE"), "{none}");
}
