//! Service-linked roles: made when asked for, or by the service when it is first used.

use super::unique_id;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Operation, run};
use crate::law::Law;
use serde_json::json;

/// One per service.
pub const LINKED_ONCE: Law = Law {
    name: "a service-linked role is made once",
    operations: &["CreateServiceLinkedRole"],
    source: "IAM API Reference, CreateServiceLinkedRole, Errors: InvalidInput",
    fault: Fault::new(
        "InvalidInput",
        "Service role name {id} has been taken in this account, please try a different suffix.",
    ),
    check: None,
};

pub(super) const OPERATIONS: &[Operation] = &[
    run("CreateServiceLinkedRole", create),
    run("DeleteServiceLinkedRole", delete),
    run("GetServiceLinkedRoleDeletionStatus", |_| {
        Ok(json!({"Status": "SUCCEEDED"}))
    }),
];

/// The names of service-linked roles, from "Using service-linked roles" in each service's guide.
const NAMES: &[(&str, &str)] = &[
    ("autoscaling", "AutoScaling"),
    ("backup", "Backup"),
    ("batch", "Batch"),
    ("dms", "DMSServerless"),
    (
        "dynamodb.application-autoscaling",
        "ApplicationAutoScaling_DynamoDBTable",
    ),
    ("ec2fleet", "EC2Fleet"),
    ("ecs", "ECS"),
    (
        "ecs.application-autoscaling",
        "ApplicationAutoScaling_ECSService",
    ),
    ("eks", "AmazonEKS"),
    ("elasticache", "ElastiCache"),
    ("elasticfilesystem", "AmazonElasticFileSystem"),
    ("elasticloadbalancing", "ElasticLoadBalancing"),
    ("es", "AmazonElasticsearchService"),
    ("events", "CloudWatchEvents"),
    ("globalaccelerator", "GlobalAccelerator"),
    ("guardduty", "AmazonGuardDuty"),
    ("kafka", "Kafka"),
    (
        "lambda.application-autoscaling",
        "ApplicationAutoScaling_LambdaConcurrency",
    ),
    ("ops.apigateway", "APIGateway"),
    ("opensearchservice", "AmazonOpenSearchService"),
    ("rds", "RDS"),
    (
        "rds.application-autoscaling",
        "ApplicationAutoScaling_RDSCluster",
    ),
    ("replication.dynamodb", "DynamoDBReplication"),
    ("replication.ecr", "ECRReplication"),
    ("spot", "EC2Spot"),
    ("vpc-lattice", "VpcLattice"),
    ("vpcorigin.cloudfront", "CloudFrontVPCOrigin"),
    ("wafv2", "WAFV2Logging"),
];

fn role_name(service: &str) -> String {
    let short = service.trim_end_matches(".amazonaws.com");
    let known = NAMES.iter().find(|(name, _)| *name == short);
    let tail = known.map_or_else(
        || short.replace(['.', '-'], "_"),
        |(_, tail)| (*tail).to_owned(),
    );
    format!("AWSServiceRoleFor{tail}")
}

/// The ARN of the service's role (`ecs.amazonaws.com`), which is made when there is none: "you don't need to manually create a
/// service-linked role" (Using service-linked roles, in the services' guides).
pub fn service_linked(call: &mut Call, service: &str) -> String {
    let name = role_name(service);
    if let Some(role) = call.find("iam/role", &name) {
        return role.arn.clone();
    }
    make(call, service, &name, None).unwrap_or_else(|_| {
        format!(
            "arn:{}:iam::{}:role/aws-service-role/{service}/{name}",
            call.partition(),
            call.account
        )
    })
}

fn make(
    call: &mut Call,
    service: &str,
    name: &str,
    description: Option<&str>,
) -> Result<String, Refusal> {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    ]});
    let mut members = json!({
        "RoleName": name, "Path": format!("/aws-service-role/{service}/"), "AssumeRolePolicyDocument": trust.to_string(),
    });
    if let Some(description) = description {
        members["Description"] = json!(description);
    }
    let role = call.make("iam/role", members)?;
    let digits = call.derive(&format!("role id {name}"));
    let now = call.now;
    call.update("iam/role", &role.id, |role| {
        role.set("RoleId", unique_id("AROA", &digits));
        // Services see their own roles at once.
        role.hidden.insert("seen at".into(), json!(now));
    });
    Ok(role.arn)
}

fn create(call: &mut Call) -> Answer {
    let service = call.text("AWSServiceName").unwrap_or_default().to_owned();
    let suffix = call.text("CustomSuffix").map(str::to_owned);
    let description = call.text("Description").map(str::to_owned);
    let mut name = role_name(&service);
    if let Some(suffix) = suffix {
        name = format!("{name}_{suffix}");
    }
    if call.find("iam/role", &name).is_some() {
        return Err(LINKED_ONCE.fault.with(&[("id", &name)]));
    }
    make(call, &service, &name, description.as_deref())?;
    let role = call.need("iam/role", &name)?;
    Ok(json!({"Role": call.show("iam/role", role)}))
}

fn delete(call: &mut Call) -> Answer {
    let name = call.text("RoleName").unwrap_or_default();
    let role = call.need("iam/role", name)?.clone();
    if !role.text("Path").starts_with("/aws-service-role/") {
        let message = format!("{} is not a service-linked role.", role.id);
        return Err(Refusal::new("InvalidInput", message));
    }
    call.remove("iam/role", &role.id);
    let path = role.text("Path").trim_matches('/');
    let digits = call.derive(&format!("deletion {}", role.id));
    let task = format!("task/{path}/{}/{}", role.id, crate::call::uuid(&digits));
    Ok(json!({"DeletionTaskId": task}))
}
