//! The default VPC that every account has in every region, here made when it is first used (Amazon VPC User Guide, "Default VPC
//! components").

use super::zones;
use crate::call::Call;
use crate::error::Refusal;
use crate::world::Record;
use serde_json::{Value as Json, json};

/// The default subnet of a zone, or of any.
///
/// # Errors
/// AWS's code where somebody has deleted it.
pub(super) fn subnet(call: &mut Call, zone: Option<&str>) -> Result<Record, Refusal> {
    let is_default = |record: &Record, member: &str| record.body.get(member) == Some(&json!(true));
    if !call.list("ec2/vpc").any(|vpc| is_default(vpc, "IsDefault")) {
        make(call)?;
    }
    let found = call.list("ec2/subnet").find(|subnet| {
        is_default(subnet, "DefaultForAz")
            && zone.is_none_or(|zone| subnet.is("AvailabilityZone", zone))
    });
    found.cloned().ok_or_else(|| {
        let message = "No subnets found for the default VPC. Please specify a subnet.";
        Refusal::new("MissingInput", message)
    })
}

fn make(call: &mut Call) -> Result<(), Refusal> {
    let text = |answer: Json, path: &str| {
        let found = answer.pointer(path).and_then(Json::as_str);
        found.unwrap_or_default().to_owned()
    };
    let made = call.call("ec2", "CreateVpc", json!({"CidrBlock": "172.31.0.0/16"}))?;
    let vpc = text(made, "/Vpc/VpcId");
    let names = json!({"VpcId": vpc, "EnableDnsHostnames": {"Value": true}});
    call.call("ec2", "ModifyVpcAttribute", names)?;
    call.update("ec2/vpc", &vpc, |record| {
        record.set("IsDefault", true);
        record.set("State", "available");
        record.steps.clear();
    });
    let gateway = call.call("ec2", "CreateInternetGateway", json!({}))?;
    let gateway = text(gateway, "/InternetGateway/InternetGatewayId");
    let attached = json!({"InternetGatewayId": gateway, "VpcId": vpc});
    call.call("ec2", "AttachInternetGateway", attached)?;
    let main = json!({"Filters": [{"Name": "vpc-id", "Values": [vpc]}]});
    let table = text(
        call.call("ec2", "DescribeRouteTables", main)?,
        "/RouteTables/0/RouteTableId",
    );
    let out =
        json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway});
    call.call("ec2", "CreateRoute", out)?;
    for (nth, (zone, _)) in zones::of(&call.region).into_iter().enumerate() {
        let block = format!("172.31.{}.0/20", nth * 16);
        let input = json!({"VpcId": vpc, "CidrBlock": block, "AvailabilityZone": zone});
        let subnet = text(call.call("ec2", "CreateSubnet", input)?, "/Subnet/SubnetId");
        call.update("ec2/subnet", &subnet, |record| {
            record.set("DefaultForAz", true);
            record.set("MapPublicIpOnLaunch", true);
            record.set("State", "available");
            record.steps.clear();
        });
    }
    Ok(())
}
