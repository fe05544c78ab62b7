//! What services and tasks ask of the network, and of load balancers.

use super::{fill, invalid};
use crate::call::Call;
use crate::error::{Fault, Refusal};
use crate::law::Law;
use crate::path;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// awsvpc needs subnets.
pub const NETWORK_GIVEN: Law = Law {
    name: "a network configuration goes with networkMode awsvpc, and only with it",
    operations: &["CreateService", "UpdateService", "RunTask"],
    source: "Amazon ECS API Reference, CreateService: networkConfiguration is required for task definitions that use the awsvpc network mode",
    fault: Fault::new("InvalidParameterException", "{message}"),
    check: None,
};

/// Subnets and groups exist, in one VPC.
pub const NETWORK_THERE: Law = Law {
    name: "the subnets and security groups exist, in one VPC",
    operations: &["CreateService", "UpdateService", "RunTask"],
    source: "Amazon ECS API Reference, AwsVpcConfiguration: all must be from the same VPC",
    fault: Fault::new("InvalidParameterException", "{message}"),
    check: None,
};

/// A target group must hang on a load balancer first.
pub const BALANCED: Law = Law {
    name: "a service's target group exists, takes addresses and has a load balancer",
    operations: &["CreateService", "UpdateService"],
    source: "Amazon ECS Developer Guide, Service event messages and load balancer troubleshooting",
    fault: Fault::new(
        "InvalidParameterException",
        "The target group with targetGroupArn {id} does not have an associated load balancer.",
    ),
    check: None,
};

/// Refuses a network configuration that does not fit the task definition; fills in its default.
///
/// # Errors
/// InvalidParameterException.
pub fn check(
    call: &Call,
    body: &mut Map<String, Json>,
    definition: &Record,
) -> Result<(), Refusal> {
    let said = |law: &Law, message: &str| Err(law.fault.with(&[("message", message)]));
    let awsvpc = definition.is("networkMode", "awsvpc");
    let subnets = path::texts(body, "networkConfiguration.awsvpcConfiguration.subnets[]");
    if awsvpc && subnets.is_empty() {
        let message =
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.";
        return said(&NETWORK_GIVEN, message);
    }
    if !awsvpc {
        if !subnets.is_empty() {
            let message = "Network Configuration is not valid for the given networkMode of this task definition.";
            return said(&NETWORK_GIVEN, message);
        }
        return Ok(());
    }
    let mut vpc = String::new();
    for id in &subnets {
        let Some(subnet) = call.find("ec2/subnet", id) else {
            let message = format!(
                "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist (ErrorCode: InvalidSubnetID.NotFound)"
            );
            return said(&NETWORK_THERE, &message);
        };
        if vpc.is_empty() {
            vpc = subnet.text("VpcId").to_owned();
        } else if !subnet.is("VpcId", &vpc) {
            return said(&NETWORK_THERE, "subnets must belong to the same VPC.");
        }
    }
    for id in path::texts(
        body,
        "networkConfiguration.awsvpcConfiguration.securityGroups[]",
    ) {
        let Some(group) = call.find("ec2/security-group", &id) else {
            let message = format!(
                "Error retrieving security group information for [{id}]: The security group '{id}' does not exist (ErrorCode: InvalidGroup.NotFound)"
            );
            return said(&NETWORK_THERE, &message);
        };
        if !group.is("VpcId", &vpc) {
            let message = format!(
                "Security group {id} does not appear to belong to the same VPC as the input subnets."
            );
            return said(&NETWORK_THERE, &message);
        }
    }
    if let Some(network) = body.get_mut("networkConfiguration") {
        fill(
            network,
            &json!({"awsvpcConfiguration": {"assignPublicIp": "DISABLED", "securityGroups": []}}),
        );
    }
    Ok(())
}

/// Refuses load balancers that do not fit.
///
/// # Errors
/// InvalidParameterException.
pub fn check_balancers(
    call: &mut Call,
    body: &Map<String, Json>,
    definition: &Record,
) -> Result<(), Refusal> {
    let balancers = body.get("loadBalancers").and_then(Json::as_array).cloned();
    for balancer in balancers.into_iter().flatten() {
        let container = balancer["containerName"].as_str().unwrap_or_default();
        let port = &balancer["containerPort"];
        let of_name = definition
            .list("containerDefinitions")
            .iter()
            .find(|one| one["name"] == json!(container));
        let Some(of_name) = of_name else {
            let message =
                format!("The container {container} does not exist in the task definition.");
            return Err(invalid(message));
        };
        let ports = of_name["portMappings"].as_array();
        if !ports
            .into_iter()
            .flatten()
            .any(|one| one["containerPort"] == *port)
        {
            let message =
                format!("The container {container} did not have a container port {port} defined.");
            return Err(invalid(message));
        }
        let Some(arn) = balancer["targetGroupArn"].as_str() else {
            continue;
        };
        let asked = json!({"TargetGroupArns": [arn]});
        let group = match call.call("elbv2", "DescribeTargetGroups", asked) {
            Ok(answer) => answer["TargetGroups"][0].clone(),
            Err(refusal) if refusal.code == "NotImplemented" => continue,
            Err(_) => return Err(invalid("The specified target group does not exist.")),
        };
        if group["LoadBalancerArns"]
            .as_array()
            .is_none_or(Vec::is_empty)
        {
            return Err(BALANCED.fault.with(&[("id", arn)]));
        }
        let kind = group["TargetType"].as_str().unwrap_or("instance");
        if definition.is("networkMode", "awsvpc") && kind != "ip" {
            let message = format!(
                "The provided target group {arn} has target type {kind}, which is incompatible with the awsvpc network mode specified in the task definition."
            );
            return Err(invalid(message));
        }
    }
    Ok(())
}
