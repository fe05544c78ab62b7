//! ECR and Cloud Map: the laws that they hold.

use super::support::{Client, LawBook, pass};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn every_law_of_ecr_holds() {
    let client = Client::of("ecr");
    let mut laws = LawBook::new(&client);
    let repository = json!({"repositoryName": "shop", "imageTagMutability": "IMMUTABLE"});
    client.did("CreateRepository", repository.clone());
    laws.breaks(
        "ecr/repository: repositoryName is unique",
        "CreateRepository",
        repository,
    );
    laws.breaks(
        "ecr: tags are excluded from mutability or immutability where that is said, and only there",
        "PutImageTagMutability",
        json!({"repositoryName": "shop", "imageTagMutability": "MUTABLE_WITH_EXCLUSION"}),
    );
    laws.breaks(
        "ecr: a repository's key exists",
        "CreateRepository",
        json!({"repositoryName": "other", "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/none"}}),
    );
    let image = |manifest: &str, tag: &str| json!({"repositoryName": "shop", "imageManifest": manifest, "imageTag": tag});
    client.did("PutImage", image("{}", "1"));
    laws.breaks(
        "ecr: an image that is there under its tag is not put again",
        "PutImage",
        image("{}", "1"),
    );
    laws.breaks(
        "ecr: a tag that is immutable stays at its image",
        "PutImage",
        image("{ }", "1"),
    );
    laws.breaks(
        "ecr: an image's manifest is a JSON document with a media type",
        "PutImage",
        image("none", "1"),
    );
    let mut digest = image("{}", "2");
    digest["imageDigest"] = json!(format!("sha256:{}", "0".repeat(64)));
    laws.breaks(
        "ecr: an image's digest is that of its manifest",
        "PutImage",
        digest,
    );
    laws.breaks(
        "ecr/repository: not deleted while a ecr/image has it as repositoryName",
        "DeleteRepository",
        json!({"repositoryName": "shop"}),
    );
    laws.breaks(
        "ecr: a lifecycle policy has rules, each with a priority of its own, a selection and an action",
        "PutLifecyclePolicy",
        json!({"repositoryName": "shop", "lifecyclePolicyText": format!("{:100}", "{\"rules\": [{\"rulePriority\": 1}]}")}),
    );
    let policy = json!({"Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:role/none"}, "Action": "ecr:PutImage",
    }]});
    laws.breaks(
        "ecr: a repository's policy is a policy, and its principals exist",
        "SetRepositoryPolicy",
        json!({"repositoryName": "shop", "policyText": policy.to_string()}),
    );
    client.did(
        "DeleteRepository",
        json!({"repositoryName": "shop", "force": true}),
    );
    laws.is_complete(&["ecr"], &["ecr/image: repositoryName must exist"]);
}

#[tokio::test(start_paused = true)]
async fn every_law_of_cloud_map_holds() {
    let client = Client::of("servicediscovery");
    let mut laws = LawBook::new(&client);
    let vpc = client.text(
        "ec2:CreateVpc",
        json!({"CidrBlock": "10.0.0.0/16"}),
        "/Vpc/VpcId",
    );
    let private = |name: &str, vpc: &str| json!({"Name": name, "Vpc": vpc});
    let target = |operation: &str| {
        client.text(
            "GetOperation",
            json!({"OperationId": operation}),
            "/Operation/Targets/NAMESPACE",
        )
    };
    let begun = client.text(
        "CreatePrivateDnsNamespace",
        private("shop.local", &vpc),
        "/OperationId",
    );
    // The name is taken before the namespace is there.
    let taken = "servicediscovery: a namespace's name is had once, of private ones once in a VPC";
    laws.breaks(
        taken,
        "CreatePrivateDnsNamespace",
        private("shop.local", &vpc),
    );
    let space = target(&begun);
    assert_eq!(
        client.refused("GetNamespace", json!({"Id": space})),
        "NamespaceNotFound"
    );
    pass(31).await;
    laws.breaks(
        taken,
        "CreatePrivateDnsNamespace",
        private("shop.local", &vpc),
    );
    let none = client.text(
        "CreatePrivateDnsNamespace",
        private("none.local", "vpc-0"),
        "/OperationId",
    );
    pass(31).await;
    let failed = client.did("GetOperation", json!({"OperationId": none}));
    assert_eq!(
        failed["Operation"]["ErrorCode"], "CANNOT_CREATE_HOSTED_ZONE",
        "{failed}"
    );
    let http = |name: &str| json!({"Name": name, "CreatorRequestId": "one"});
    client.did("CreateHttpNamespace", http("calls"));
    laws.breaks(
        "servicediscovery: a request that is made again under its identifier is the same",
        "CreateHttpNamespace",
        http("others"),
    );

    let records = |kind: &str| json!({"DnsRecords": [{"Type": kind, "TTL": 60}]});
    let service = json!({"Name": "api", "NamespaceId": space, "DnsConfig": records("A")});
    laws.breaks(
        "servicediscovery/service: NamespaceId must exist",
        "CreateService",
        json!({"Name": "api", "NamespaceId": "ns-none", "DnsConfig": records("A")}),
    );
    laws.breaks(
        "servicediscovery: DNS records go with DNS namespaces, health checks of Route 53 with public ones, and never with custom ones",
        "CreateService",
        json!({"Name": "api", "NamespaceId": space}),
    );
    laws.breaks(
        "servicediscovery: a service's records have types of their own; a CNAME stands alone and is weighted",
        "CreateService",
        json!({"Name": "api", "NamespaceId": space, "DnsConfig": records("CNAME")}),
    );
    let made = client.text("CreateService", service.clone(), "/Service/Id");
    laws.breaks(
        "servicediscovery: a service's name is had once in its namespace",
        "CreateService",
        service,
    );
    laws.breaks(
        "servicediscovery/namespace: not deleted while a servicediscovery/service has it as NamespaceId",
        "DeleteNamespace",
        json!({"Id": space}),
    );
    let instance =
        |attributes| json!({"ServiceId": made, "InstanceId": "i", "Attributes": attributes});
    laws.breaks(
        "servicediscovery: an instance tells what its service's records are made of",
        "RegisterInstance",
        instance(json!({"port": "80"})),
    );
    client.did(
        "RegisterInstance",
        instance(json!({"AWS_INSTANCE_IPV4": "10.0.0.1"})),
    );
    pass(3).await;
    laws.breaks(
        "servicediscovery: an instance's health is told where its service has custom health checks",
        "UpdateInstanceCustomHealthStatus",
        json!({"ServiceId": made, "InstanceId": "i", "Status": "HEALTHY"}),
    );
    laws.breaks(
        "servicediscovery/service: not deleted while a servicediscovery/instance has it as ServiceId",
        "DeleteService",
        json!({"Id": made}),
    );
    client.did(
        "DeregisterInstance",
        json!({"ServiceId": made, "InstanceId": "i"}),
    );
    pass(3).await;
    client.did("DeleteService", json!({"Id": made}));
    client.did("DeleteNamespace", json!({"Id": space}));
    laws.breaks(
        "servicediscovery: a namespace that is being deleted is not deleted again",
        "DeleteNamespace",
        json!({"Id": space}),
    );
    pass(31).await;
    assert_eq!(
        client.refused("GetNamespace", json!({"Id": space})),
        "NamespaceNotFound"
    );
    // The VPC's law shows in the operation; an instance is registered by its service's identifier, which is looked at first.
    laws.is_complete(
        &["servicediscovery"],
        &[
            "servicediscovery: a private namespace's VPC exists",
            "servicediscovery/instance: ServiceId must exist",
        ],
    );
}
