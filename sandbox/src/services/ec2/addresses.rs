//! Elastic IP addresses.

use super::zones;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, Shows, Tags, create, delete, describe, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::json;

/// An address in use is not released.
pub const ADDRESS_IN_USE: Law = Law {
    name: "an address in use is not released",
    operations: &["ReleaseAddress"],
    source: "Amazon EC2 API Reference, ReleaseAddress: \"you must use DisassociateAddress before you can release the Elastic IP address. Otherwise, Amazon EC2 returns an error (InvalidIPAddress.InUse)\"",
    fault: Fault::new("InvalidIPAddress.InUse", "Address {id} is in use."),
    check: Some(|call, law| {
        let address = call
            .text("AllocationId")
            .and_then(|id| call.find("ec2/elastic-ip", id));
        match address {
            Some(address) if !address.text("AssociationId").is_empty() => {
                Err(law.fault.with(&[("id", address.text("PublicIp"))]))
            }
            _ => Ok(()),
        }
    }),
};

/// An associated address is not associated again unasked.
pub const ADDRESS_TAKEN: Law = Law {
    name: "an address is associated once",
    operations: &["AssociateAddress"],
    source: "Amazon EC2 API Reference, AssociateAddress: Resource.AlreadyAssociated",
    fault: Fault::new(
        "Resource.AlreadyAssociated",
        "resource {id} is already associated with associate-id {association}",
    ),
    check: None,
};

/// A public address needs a way out of its VPC.
pub const NEEDS_GATEWAY: Law = Law {
    name: "an address is associated in a VPC with an internet gateway",
    operations: &["AssociateAddress"],
    source: "Amazon EC2 API Reference, Error codes: Gateway.NotAttached",
    fault: Fault::new(
        "Gateway.NotAttached",
        "Network {vpc} is not attached to any internet gateway",
    ),
    check: None,
};

/// An Elastic IP address.
pub const ADDRESS: Kind = Kind {
    name: "ec2/elastic-ip",
    id: Id::Hex("eipalloc-"),
    id_member: "AllocationId",
    arn: "arn:{partition}:ec2:{region}:{account}:elastic-ip/{id}",
    aliases: &["PublicIp"],
    defaults: Some(
        |call| json!({"Domain": "vpc", "PublicIpv4Pool": "amazon", "NetworkBorderGroup": call.region}),
    ),
    tags: Tags::List("Tags"),
    refers: &[
        Reference::new("NetworkInterfaceId", "ec2/network-interface")
            .unchecked()
            .loose(),
    ],
    not_found: Fault::new(
        "InvalidAllocationID.NotFound",
        "The allocation ID '{id}' does not exist",
    ),
    in_use: Fault::new("InvalidIPAddress.InUse", "Address {id} is in use."),
    operations: &[
        create("AllocateAddress", Shows::Record)
            .control(&["Address"])
            .prepare(new_address),
        describe("DescribeAddresses", "AllocationIds", "Addresses")
            .select(&[("PublicIps", "PublicIp")])
            .filters(&[
                ("allocation-id", "AllocationId"),
                ("association-id", "AssociationId"),
                ("domain", "Domain"),
                ("network-border-group", "NetworkBorderGroup"),
                ("network-interface-id", "NetworkInterfaceId"),
                ("network-interface-owner-id", "NetworkInterfaceOwnerId"),
                ("instance-id", "InstanceId"),
                ("private-ip-address", "PrivateIpAddress"),
                ("public-ip", "PublicIp"),
            ]),
        delete("ReleaseAddress", "AllocationId", Shows::Nothing),
        run("AssociateAddress", associate_address),
        run("DisassociateAddress", disassociate_address),
    ],
    ..Kind::NEW
};

fn new_address(call: &mut Call, address: &mut Record) -> Result<(), Refusal> {
    // Identifiers differ, addresses might not: the first free one from where the identifier points.
    let free = (0..u32::MAX).map(|nth| zones::public_address(&format!("{} {nth}", address.id)));
    let free = free
        .into_iter()
        .find(|ip| call.find("ec2/elastic-ip", ip).is_none());
    address.set("PublicIp", free.unwrap_or_default());
    Ok(())
}

/// Associates; gives the association's identifier.
pub(super) fn associate(
    call: &mut Call,
    allocation: &str,
    interface: &str,
    private: &str,
) -> String {
    let digits = call.derive(&format!("association {allocation} {interface} {private}"));
    let association = format!("eipassoc-{}", &digits[..17]);
    let account = call.account.clone();
    let instance = call
        .find("ec2/network-interface", interface)
        .map(|found| found.text("Attachment.InstanceId").to_owned())
        .unwrap_or_default();
    let public = call
        .find("ec2/elastic-ip", allocation)
        .map(|found| found.text("PublicIp").to_owned())
        .unwrap_or_default();
    call.update("ec2/elastic-ip", allocation, |address| {
        address.set("AssociationId", association.as_str());
        address.set("NetworkInterfaceId", interface);
        address.set("NetworkInterfaceOwnerId", account.as_str());
        address.set("PrivateIpAddress", private);
        if !instance.is_empty() {
            address.set("InstanceId", instance);
        }
    });
    let shown = json!({"AllocationId": allocation, "AssociationId": association, "PublicIp": public, "IpOwnerId": account});
    call.update("ec2/network-interface", interface, |record| {
        for one in record.list_mut("PrivateIpAddresses") {
            if one["PrivateIpAddress"] == private {
                one["Association"] = shown.clone();
            }
        }
        if record.is("PrivateIpAddress", private) {
            record.set("Association", shown);
        }
    });
    association
}

/// Takes the association away.
pub(super) fn forget(call: &mut Call, allocation: &str) {
    let Some(interface) = call
        .find("ec2/elastic-ip", allocation)
        .map(|address| address.text("NetworkInterfaceId").to_owned())
    else {
        return;
    };
    call.update("ec2/elastic-ip", allocation, |address| {
        for member in [
            "AssociationId",
            "InstanceId",
            "NetworkInterfaceId",
            "NetworkInterfaceOwnerId",
            "PrivateIpAddress",
        ] {
            address.body.remove(member);
        }
    });
    call.update("ec2/network-interface", &interface, |record| {
        for one in record.list_mut("PrivateIpAddresses") {
            if one["Association"]["AllocationId"] == allocation
                && let Some(one) = one.as_object_mut()
            {
                one.remove("Association");
            }
        }
        if record.is("Association.AllocationId", allocation) {
            record.body.remove("Association");
        }
    });
}

/// An instance takes an address when it runs.
pub const INSTANCE_RUNS: Law = Law {
    name: "an address is not associated with an instance that is pending",
    operations: &["AssociateAddress"],
    source: "Amazon EC2 API Reference, Error codes: InvalidInstanceID, \"The pending instance is not in a valid state for this operation\"",
    fault: Fault::new(
        "InvalidInstanceID",
        "The pending instance '{id}' is not in a valid state for this operation.",
    ),
    check: None,
};

/// An instance is named where it has one interface.
pub const ONE_INTERFACE: Law = Law {
    name: "an address is associated with an instance of one interface",
    operations: &["AssociateAddress"],
    source: "Amazon EC2 API Reference, AssociateAddress: \"The instance must have exactly one attached network interface\"",
    fault: Fault::new(
        "InvalidInstanceID",
        "There are multiple interfaces attached to instance '{id}'. Please specify an interface ID for the operation instead.",
    ),
    check: None,
};

fn only_interface(call: &Call, instance: &str) -> Result<Record, Refusal> {
    let instance = call.need("ec2/instance", instance)?;
    if !matches!(
        instance.text("State.Name"),
        "running" | "stopped" | "stopping"
    ) {
        return Err(INSTANCE_RUNS.fault.with(&[("id", &instance.id)]));
    }
    let mut interfaces = call.list_where(
        "ec2/network-interface",
        "Attachment.InstanceId",
        &instance.id,
    );
    match (interfaces.next(), interfaces.next()) {
        (Some(interface), None) => Ok(interface.clone()),
        _ => Err(ONE_INTERFACE.fault.with(&[("id", &instance.id)])),
    }
}

fn associate_address(call: &mut Call) -> Answer {
    let named = call
        .text("AllocationId")
        .or(call.text("PublicIp"))
        .unwrap_or_default();
    let address = call.need("ec2/elastic-ip", named)?.clone();
    let interface = match (call.text("NetworkInterfaceId"), call.text("InstanceId")) {
        (Some(interface), _) => call.need("ec2/network-interface", interface)?.clone(),
        (None, Some(instance)) => only_interface(call, instance)?,
        (None, None) => {
            return Err(Refusal::new(
                "MissingParameter",
                "Either 'NetworkInterfaceId' or 'InstanceId' must be specified",
            ));
        }
    };
    let private = call
        .text("PrivateIpAddress")
        .unwrap_or(interface.text("PrivateIpAddress"))
        .to_owned();
    if super::gateways::attached_to(call, interface.text("VpcId")).is_none() {
        return Err(NEEDS_GATEWAY
            .fault
            .with(&[("vpc", interface.text("VpcId"))]));
    }
    let association = address.text("AssociationId");
    if !association.is_empty() {
        if address.is("NetworkInterfaceId", &interface.id)
            && address.is("PrivateIpAddress", &private)
        {
            return Ok(json!({"AssociationId": association}));
        }
        if call.input.get("AllowReassociation") != Some(&json!(true)) {
            return Err(ADDRESS_TAKEN
                .fault
                .with(&[("id", &address.id), ("association", association)]));
        }
        forget(call, &address.id);
    }
    Ok(json!({"AssociationId": associate(call, &address.id, &interface.id, &private)}))
}

fn disassociate_address(call: &mut Call) -> Answer {
    let asked = call.text("AssociationId").unwrap_or_default();
    let found = match call.text("PublicIp") {
        Some(ip) => call.find("ec2/elastic-ip", ip),
        None => call
            .list("ec2/elastic-ip")
            .find(|address| address.is("AssociationId", asked)),
    };
    let Some(address) = found else {
        return Err(Refusal::new(
            "InvalidAssociationID.NotFound",
            format!("The association ID '{asked}' does not exist"),
        ));
    };
    let (id, interface) = (
        address.id.clone(),
        address.text("NetworkInterfaceId").to_owned(),
    );
    let managed = call
        .find("ec2/network-interface", &interface)
        .is_some_and(|one| one.body.get("RequesterManaged") == Some(&json!(true)));
    if managed {
        return Err(Refusal::new(
            "AuthFailure",
            "You do not have permission to access the specified resource.",
        ));
    }
    forget(call, &id);
    Ok(json!({}))
}
