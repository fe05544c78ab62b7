//! Where the registry's schemas are known to be wrong or silent, each with its source.

use crate::path::{PropertyPath, Step};

use super::TypeFacts;
use super::schema::{Additional, Schema};

/// What is corrected.
enum Fact {
    /// AWS never gives it back.
    WriteOnly,
    /// AWS gives it back, though not to CloudFormation.
    Readable,
    /// The order of its items means nothing.
    Unordered,
    /// It is a secret.
    Sensitive,
    /// Its replacement is one call that leaves nothing open in between, whatever the registry says of the order: the successor
    /// goes first. (Of the type; the property does not matter.)
    SuccessorFirst,
    /// AWS writes it otherwise: a rule in the form of the registry's `propertyTransform`.
    Rewritten(&'static str),
    /// What AWS takes where nothing is declared, as a text.
    Default(&'static str),
    /// A map of names to texts, to which others may add, and no document.
    Names,
}

/// Type, property, fact.
const OVERRIDES: &[(&str, &str, Fact)] = &[
    // User guides of each service: "NoEcho", "sensitive" or a password in the API reference, though the schema does not list
    // them as write-only.
    ("AWS::AmazonMQ::Broker", "Users.*.Password", Fact::Sensitive),
    (
        "AWS::ElastiCache::ReplicationGroup",
        "AuthToken",
        Fact::Sensitive,
    ),
    ("AWS::ElastiCache::User", "Passwords", Fact::Sensitive),
    (
        "AWS::MemoryDB::User",
        "AuthenticationMode.Passwords",
        Fact::Sensitive,
    ),
    (
        "AWS::SecretsManager::Secret",
        "SecretString",
        Fact::Sensitive,
    ),
    ("AWS::IAM::User", "LoginProfile.Password", Fact::Sensitive),
    ("AWS::DMS::Endpoint", "Password", Fact::Sensitive),
    (
        "AWS::Redshift::Cluster",
        "MasterUserPassword",
        Fact::Sensitive,
    ),
    ("AWS::RDS::DBCluster", "MasterUserPassword", Fact::Sensitive),
    (
        "AWS::RDS::DBInstance",
        "MasterUserPassword",
        Fact::Sensitive,
    ),
    (
        "AWS::RDS::DBInstance",
        "TdeCredentialPassword",
        Fact::Sensitive,
    ),
    (
        "AWS::DocDB::DBCluster",
        "MasterUserPassword",
        Fact::Sensitive,
    ),
    (
        "AWS::OpenSearchService::Domain",
        "AdvancedSecurityOptions.MasterUserOptions.MasterUserPassword",
        Fact::Sensitive,
    ),
    (
        "AWS::Elasticsearch::Domain",
        "AdvancedSecurityOptions.MasterUserOptions.MasterUserPassword",
        Fact::Sensitive,
    ),
    (
        "AWS::DirectoryService::MicrosoftAD",
        "Password",
        Fact::Sensitive,
    ),
    (
        "AWS::DirectoryService::SimpleAD",
        "Password",
        Fact::Sensitive,
    ),
    (
        "AWS::EC2::VPNConnection",
        "VpnTunnelOptionsSpecifications.*.PreSharedKey",
        Fact::Sensitive,
    ),
    (
        "AWS::Cognito::UserPoolIdentityProvider",
        "ProviderDetails.client_secret",
        Fact::Sensitive,
    ),
    (
        "AWS::ElasticLoadBalancingV2::Listener",
        "DefaultActions.*.AuthenticateOidcConfig.ClientSecret",
        Fact::Sensitive,
    ),
    (
        "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Actions.*.AuthenticateOidcConfig.ClientSecret",
        Fact::Sensitive,
    ),
    // DescribeSecurityGroups returns rules sorted by AWS; a group's rules are a set (EC2 user guide, "Security group rules").
    (
        "AWS::EC2::SecurityGroup",
        "SecurityGroupIngress",
        Fact::Unordered,
    ),
    (
        "AWS::EC2::SecurityGroup",
        "SecurityGroupEgress",
        Fact::Unordered,
    ),
    ("AWS::EC2::SecurityGroup", "Tags", Fact::Unordered),
    // DescribeDBSubnetGroups, "Subnets": a set of subnets.
    ("AWS::RDS::DBSubnetGroup", "SubnetIds", Fact::Unordered),
    // GetRole and ListAttachedRolePolicies return policies by name, in no declared order.
    ("AWS::IAM::Role", "ManagedPolicyArns", Fact::Unordered),
    ("AWS::IAM::Role", "Policies", Fact::Unordered),
    // AWS Cloud Map and CloudFormation API: settings that only steer one call.
    ("AWS::RDS::DBCluster", "SnapshotIdentifier", Fact::WriteOnly),
    // API_DescribeLaunchTemplateVersions: "launchTemplateData", "versionDescription".
    (
        "AWS::EC2::LaunchTemplate",
        "LaunchTemplateData",
        Fact::Readable,
    ),
    (
        "AWS::EC2::LaunchTemplate",
        "VersionDescription",
        Fact::Readable,
    ),
    // Route 53 API reference, ResourceRecordSet: the values of a record are a set.
    (
        "AWS::Route53::RecordSet",
        "ResourceRecords",
        Fact::Unordered,
    ),
    (
        "AWS::Route53::RecordSetGroup",
        "RecordSets.*.ResourceRecords",
        Fact::Unordered,
    ),
    // DynamoDB API reference, Projection; IoT API reference, ThingTypeProperties; Cognito API reference, CreateUserPool: names
    // in a set, returned in another order.
    (
        "AWS::DynamoDB::Table",
        "GlobalSecondaryIndexes.*.Projection.NonKeyAttributes",
        Fact::Unordered,
    ),
    (
        "AWS::DynamoDB::Table",
        "LocalSecondaryIndexes.*.Projection.NonKeyAttributes",
        Fact::Unordered,
    ),
    (
        "AWS::DynamoDB::GlobalTable",
        "GlobalSecondaryIndexes.*.Projection.NonKeyAttributes",
        Fact::Unordered,
    ),
    (
        "AWS::DynamoDB::GlobalTable",
        "LocalSecondaryIndexes.*.Projection.NonKeyAttributes",
        Fact::Unordered,
    ),
    (
        "AWS::IoT::ThingType",
        "ThingTypeProperties.SearchableAttributes",
        Fact::Unordered,
    ),
    ("AWS::Cognito::UserPool", "Schema", Fact::Unordered),
    // DescribeAnomalyDetectors does not return the labels of a metric math detector's queries.
    (
        "AWS::CloudWatch::AnomalyDetector",
        "MetricMathAnomalyDetector.MetricDataQueries.*.Label",
        Fact::WriteOnly,
    ),
    // "Stored as a lowercase string": API references of RDS, DocumentDB, Neptune and Redshift, Create… operations.
    (
        "AWS::RDS::DBParameterGroup",
        "Family",
        Fact::Rewritten("$lowercase(Family)"),
    ),
    (
        "AWS::RDS::DBClusterParameterGroup",
        "Family",
        Fact::Rewritten("$lowercase(Family)"),
    ),
    (
        "AWS::RDS::DBParameterGroup",
        "DBParameterGroupName",
        Fact::Rewritten("$lowercase(DBParameterGroupName)"),
    ),
    (
        "AWS::RDS::OptionGroup",
        "EngineName",
        Fact::Rewritten("$lowercase(EngineName)"),
    ),
    (
        "AWS::RDS::OptionGroup",
        "OptionGroupName",
        Fact::Rewritten("$lowercase(OptionGroupName)"),
    ),
    (
        "AWS::DocDB::DBCluster",
        "DBClusterIdentifier",
        Fact::Rewritten("$lowercase(DBClusterIdentifier)"),
    ),
    (
        "AWS::DocDB::DBInstance",
        "DBInstanceIdentifier",
        Fact::Rewritten("$lowercase(DBInstanceIdentifier)"),
    ),
    (
        "AWS::DocDB::DBSubnetGroup",
        "DBSubnetGroupName",
        Fact::Rewritten("$lowercase(DBSubnetGroupName)"),
    ),
    (
        "AWS::Neptune::DBCluster",
        "DBClusterIdentifier",
        Fact::Rewritten("$lowercase(DBClusterIdentifier)"),
    ),
    (
        "AWS::Neptune::DBInstance",
        "DBInstanceIdentifier",
        Fact::Rewritten("$lowercase(DBInstanceIdentifier)"),
    ),
    (
        "AWS::Neptune::DBSubnetGroup",
        "DBSubnetGroupName",
        Fact::Rewritten("$lowercase(DBSubnetGroupName)"),
    ),
    (
        "AWS::Redshift::Cluster",
        "ClusterIdentifier",
        Fact::Rewritten("$lowercase(ClusterIdentifier)"),
    ),
    (
        "AWS::Redshift::Cluster",
        "DBName",
        Fact::Rewritten("$lowercase(DBName)"),
    ),
    (
        "AWS::Redshift::ClusterParameterGroup",
        "ParameterGroupName",
        Fact::Rewritten("$lowercase(ParameterGroupName)"),
    ),
    (
        "AWS::Redshift::ClusterSubnetGroup",
        "ClusterSubnetGroupName",
        Fact::Rewritten("$lowercase(ClusterSubnetGroupName)"),
    ),
    // Given by prefix, answered in full, as the registry says of RDS.
    (
        "AWS::DocDB::DBCluster",
        "EngineVersion",
        Fact::Rewritten("$join([$string(EngineVersion), \".*\"])"),
    ),
    (
        "AWS::Neptune::DBCluster",
        "EngineVersion",
        Fact::Rewritten("$join([$string(EngineVersion), \".*\"])"),
    ),
    (
        "AWS::ElastiCache::ReplicationGroup",
        "EngineVersion",
        Fact::Rewritten("$join([$string(EngineVersion), \".*\"])"),
    ),
    (
        "AWS::MemoryDB::Cluster",
        "EngineVersion",
        Fact::Rewritten("$join([$string(EngineVersion), \".*\"])"),
    ),
    // DMS takes "source" (API reference, CreateEndpoint) and DescribeEndpoints answers "SOURCE".
    (
        "AWS::DMS::Endpoint",
        "EndpointType",
        Fact::Rewritten("$uppercase(EndpointType)"),
    ),
    // CloudFormation takes the action in any letter case; EC2 knows small letters (API_NetworkAclEntry).
    (
        "AWS::EC2::NetworkAclEntry",
        "RuleAction",
        Fact::Rewritten("$lowercase(RuleAction)"),
    ),
    // A log group's Arn attribute ends in ":*"; DescribeFlowLogs tells the group's own ARN.
    (
        "AWS::EC2::FlowLog",
        "LogDestination",
        Fact::Rewritten("$replace(LogDestination, \":*\", \"\")"),
    ),
    // "not-specified" leaves it to AWS, which tells what it has chosen.
    (
        "AWS::EC2::VPCEndpoint",
        "IpAddressType",
        Fact::Rewritten("$replace(IpAddressType, \"not-specified\", \"[a-z0-9-]+\")"),
    ),
    (
        "AWS::EC2::VPCEndpoint",
        "DnsOptions.DnsRecordIpType",
        Fact::Rewritten("$replace(DnsOptions.DnsRecordIpType, \"not-specified\", \"[a-z0-9-]+\")"),
    ),
    // A subnet moves from one list to another, and a VPC from one set to another, in one call (API_ReplaceNetworkAclAssociation,
    // API_AssociateDhcpOptions). To delete first would leave a subnet behind the VPC's default list, which lets everything through.
    (
        "AWS::EC2::SubnetNetworkAclAssociation",
        "NetworkAclId",
        Fact::SuccessorFirst,
    ),
    (
        "AWS::EC2::VPCDHCPOptionsAssociation",
        "DhcpOptionsId",
        Fact::SuccessorFirst,
    ),
    // "If you don't specify this value, then Secrets Manager uses the key aws/secretsmanager", and DescribeSecret leaves it out then
    // (Secrets Manager API reference, CreateSecret and DescribeSecret, KmsKeyId).
    (
        "AWS::SecretsManager::Secret",
        "KmsKeyId",
        Fact::Default("alias/aws/secretsmanager"),
    ),
    // A secret may be named by its name; its ARN ends in a hyphen and six characters of AWS's (CreateSecret, Name).
    (
        "AWS::SecretsManager::ResourcePolicy",
        "SecretId",
        Fact::Rewritten(ARN_OF_SECRET),
    ),
    (
        "AWS::SecretsManager::SecretTargetAttachment",
        "SecretId",
        Fact::Rewritten(ARN_OF_SECRET),
    ),
    // RDS keeps identifiers in lower case, and so they stand in secrets.
    (
        "AWS::SecretsManager::SecretTargetAttachment",
        "TargetId",
        Fact::Rewritten("$lowercase(TargetId)"),
    ),
    // Each parameter stands alone (RDS API reference, Parameter): what others set is theirs.
    ("AWS::RDS::DBParameterGroup", "Parameters", Fact::Names),
    (
        "AWS::RDS::DBClusterParameterGroup",
        "Parameters",
        Fact::Names,
    ),
    // "LATEST" is resolved when tasks start (ECS developer guide, "Fargate platform versions").
    (
        "AWS::ECS::Service",
        "PlatformVersion",
        Fact::Rewritten("$replace(PlatformVersion, \"LATEST\", \"[0-9]+[.][0-9]+[.][0-9]+\")"),
    ),
    (
        "AWS::ECS::TaskSet",
        "PlatformVersion",
        Fact::Rewritten("$replace(PlatformVersion, \"LATEST\", \"[0-9]+[.][0-9]+[.][0-9]+\")"),
    ),
];

/// `arn:aws:secretsmanager:us-east-1:123456789012:secret:name-AbCdEf`.
const ARN_OF_SECRET: &str =
    "$join([\"arn:[^:]+:secretsmanager:[^:]+:[0-9]+:secret:\", SecretId, \"-[A-Za-z0-9]{6}\"])";

/// Types that hold data, besides those that cfn-lint lists (AdditionalSpecs/StatefulResources.json): each service's guide says
/// that deleting one deletes its data.
/// Types whose tags cost a plan a call for each resource, because no description tells them (CloudWatch API Reference, GetDashboard;
/// Application Auto Scaling API Reference, DescribeScalableTargets): they have the tags that they declare, and are found by their natural
/// key.
pub(super) const TAGGED_AS_DECLARED: &[&str] = &[
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::CloudWatch::Dashboard",
];

pub(super) const STATEFUL: &[&str] = &[
    "AWS::Cassandra::Table",
    "AWS::DSQL::Cluster",
    "AWS::DocDBElastic::Cluster",
    "AWS::ECR::Repository",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::KMS::ReplicaKey",
    "AWS::MSK::Cluster",
    "AWS::MemoryDB::Cluster",
    "AWS::NeptuneGraph::Graph",
    "AWS::OpenSearchServerless::Collection",
    "AWS::RDS::GlobalCluster",
    "AWS::RedshiftServerless::Namespace",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::Table",
    "AWS::S3Tables::TableBucket",
    "AWS::Timestream::Database",
    "AWS::Timestream::InfluxDBInstance",
    "AWS::Timestream::Table",
];

/// Puts the corrections into a type's facts.
pub(super) fn apply(facts: &mut TypeFacts) {
    let secrets = facts
        .write_only
        .iter()
        .filter(|path| names_a_secret(path))
        .cloned();
    facts.sensitive = secrets.collect();
    for (name, property, fact) in OVERRIDES {
        if *name != facts.name {
            continue;
        }
        let list = match fact {
            Fact::WriteOnly => &mut facts.write_only,
            Fact::Readable => {
                let readable = PropertyPath::from(*property);
                facts.write_only.retain(|path| *path != readable);
                continue;
            }
            Fact::Unordered => &mut facts.unordered,
            Fact::Sensitive => &mut facts.sensitive,
            Fact::SuccessorFirst => {
                facts.delete_then_create = false;
                continue;
            }
            Fact::Names => {
                if let Some(schema) = facts.root.properties.get_mut(*property) {
                    schema.additional =
                        Additional::Schema(Box::new(Schema::parse(&serde_json::json!({}))));
                }
                continue;
            }
            Fact::Default(text) => {
                if let Some(schema) = facts.root.properties.get_mut(*property) {
                    schema.default = Some((*text).into());
                }
                continue;
            }
            Fact::Rewritten(rule) => {
                facts
                    .transforms
                    .push((PropertyPath::from(*property), (*rule).to_owned()));
                continue;
            }
        };
        let path = PropertyPath::from(*property);
        if !list.contains(&path) {
            list.push(path);
        }
    }
}

/// Whether a write-only property holds a secret, by its name: `MasterUserPassword`, `SecretString`, `AuthToken`, `ApiKey` …, but not
/// the name or ARN of one, nor a setting about one (`ManageMasterUserPassword`, `PasswordRotation…`).
fn names_a_secret(path: &PropertyPath) -> bool {
    let last = path.steps().iter().rev().find_map(|step| match step {
        Step::Key(key) => Some(key.as_str()),
        _ => None,
    });
    let Some(name) = last else { return false };
    let name = name.to_ascii_lowercase();
    !name.starts_with("manage")
        && !name.starts_with("generate")
        && [
            "password",
            "passwords",
            "secret",
            "secretstring",
            "secretkey",
            "secretaccesskey",
            "authtoken",
            "accesstoken",
        ]
        .into_iter()
        .chain([
            "apikey",
            "privatekey",
            "oauthtoken",
            "clientsecret",
            "passphrase",
            "presharedkey",
            "accesskeyid",
        ])
        .any(|ending| name.ends_with(ending))
}
