//! What `Ref` returns for a resource, and attributes that the registry does not list.
//!
//! The registry does not say what `Ref` returns; for most types it is the primary identifier. The table holds the others. Source of
//! every line: the type's page in the CloudFormation template reference, section "Return values".

use crate::address::PhysicalId;
use crate::value::Value;

/// What `Ref` returns.
enum Rule {
    /// A property of the model.
    Property(&'static str),
    /// An event rule: its name, after its bus and `|` where that is not the default bus.
    EventsName,
}

use Rule::{EventsName, Property};

const RULES: &[(&str, Rule)] = &[
    ("AWS::ApiGateway::Authorizer", Property("AuthorizerId")),
    ("AWS::ApiGateway::Deployment", Property("DeploymentId")),
    (
        "AWS::ApiGateway::DocumentationPart",
        Property("DocumentationPartId"),
    ),
    ("AWS::ApiGateway::GatewayResponse", Property("Id")),
    ("AWS::ApiGateway::Model", Property("Name")),
    (
        "AWS::ApiGateway::RequestValidator",
        Property("RequestValidatorId"),
    ),
    ("AWS::ApiGateway::Resource", Property("ResourceId")),
    ("AWS::ApiGateway::Stage", Property("StageName")),
    ("AWS::ApiGatewayV2::Authorizer", Property("AuthorizerId")),
    ("AWS::ApiGatewayV2::Deployment", Property("DeploymentId")),
    ("AWS::ApiGatewayV2::Integration", Property("IntegrationId")),
    ("AWS::ApiGatewayV2::Model", Property("ModelId")),
    ("AWS::ApiGatewayV2::Route", Property("RouteId")),
    (
        "AWS::AppConfig::ConfigurationProfile",
        Property("ConfigurationProfileId"),
    ),
    ("AWS::AppConfig::Environment", Property("EnvironmentId")),
    (
        "AWS::AppConfig::HostedConfigurationVersion",
        Property("VersionNumber"),
    ),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        Property("Arn"),
    ),
    (
        "AWS::AutoScaling::LifecycleHook",
        Property("LifecycleHookName"),
    ),
    (
        "AWS::CodeDeploy::DeploymentGroup",
        Property("DeploymentGroupName"),
    ),
    ("AWS::Cognito::UserPoolClient", Property("ClientId")),
    ("AWS::Cognito::UserPoolDomain", Property("Domain")),
    ("AWS::Cognito::UserPoolGroup", Property("GroupName")),
    (
        "AWS::Cognito::UserPoolIdentityProvider",
        Property("ProviderName"),
    ),
    (
        "AWS::Cognito::UserPoolResourceServer",
        Property("Identifier"),
    ),
    ("AWS::Cognito::UserPoolUser", Property("Username")),
    // "Ref returns the Elastic IP address."
    ("AWS::EC2::EIP", Property("PublicIp")),
    ("AWS::EC2::VPCCidrBlock", Property("Id")),
    // "Ref returns the ARN of the service."
    ("AWS::ECS::Service", Property("ServiceArn")),
    ("AWS::ECS::TaskSet", Property("Id")),
    ("AWS::Events::Rule", EventsName),
    // The registry's identifier is made up; "Ref returns the resource name."
    ("AWS::IAM::GroupPolicy", Property("PolicyName")),
    ("AWS::IAM::Policy", Property("PolicyName")),
    ("AWS::IAM::RolePolicy", Property("PolicyName")),
    ("AWS::IAM::UserPolicy", Property("PolicyName")),
    ("AWS::Lambda::Permission", Property("Id")),
    ("AWS::Logs::MetricFilter", Property("FilterName")),
    ("AWS::Logs::SubscriptionFilter", Property("FilterName")),
    ("AWS::Logs::LogStream", Property("LogStreamName")),
    // "Ref returns the domain name."
    ("AWS::Route53::RecordSet", Property("Name")),
    // "Ref returns the username and server identifiers", as the user's ARN.
    ("AWS::Transfer::User", Property("Arn")),
];

/// Attributes of `Fn::GetAtt` besides those that the registry and cfn-lint know; the same source.
pub(super) fn more_attributes(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "AWS::CloudFormation::Stack" => &["Outputs"],
        "AWS::EC2::EIP" => &["AllocationId", "PublicIp"],
        "AWS::ECS::Service" => &["Name", "ServiceArn"],
        "AWS::Lambda::LayerVersion" => &["LayerVersionArn"],
        _ => &[],
    }
}

/// What `Ref` returns for a resource of this type; `None` while the model does not tell.
pub(super) fn reference(type_name: &str, model: &Value, id: &PhysicalId) -> Option<Value> {
    let rule = RULES
        .iter()
        .find(|(name, _)| *name == type_name)
        .map(|(_, rule)| rule);
    match rule {
        None => Some(Value::from(id.as_str())),
        Some(Property(name)) => model.get(name).cloned(),
        // "arn:aws:events:us-east-1:123456789012:rule/name", or "…:rule/bus/name"; a partner's bus has slashes in its own name.
        Some(EventsName) => {
            let name = model
                .get("Arn")
                .and_then(Value::as_str)
                .unwrap_or(id.as_str());
            let name = name.split_once(":rule/").map_or(name, |(_, name)| name);
            Some(Value::from(match name.rsplit_once('/') {
                Some((bus, name)) => format!("{bus}|{name}"),
                None => name.to_owned(),
            }))
        }
    }
}

/// The property that `Ref` returns, where the table names one.
pub(super) fn property(type_name: &str) -> Option<&'static str> {
    RULES
        .iter()
        .find(|(name, _)| *name == type_name)
        .and_then(|(_, rule)| match rule {
            Property(property) => Some(*property),
            _ => None,
        })
}

/// Whether `Ref` returns the identifier itself.
pub(super) fn is_identifier(type_name: &str) -> bool {
    RULES.iter().all(|(name, _)| *name != type_name)
}

/// The types of the table, for the test that holds them against the registry.
#[cfg(test)]
pub(super) fn properties() -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
    RULES.iter().map(|(name, rule)| match rule {
        Property(property) => (*name, Some(*property)),
        _ => (*name, None),
    })
}
