//! State Manager: documents that are applied to instances.

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, create, run};
use crate::world::Record;
use serde_json::{Value as Json, json};

/// A document applied to what it names.
pub const ASSOCIATION: Kind = Kind {
    name: "ssm/association",
    id: Id::Uuid,
    id_member: "AssociationId",
    arn: "arn:{partition}:ssm:{region}:{account}:association/{id}",
    created_member: "Date",
    defaults: Some(|call| {
        json!({"AssociationVersion": "1", "DocumentVersion": "$DEFAULT", "LastUpdateAssociationDate": call.now,
               "Overview": {"Status": "Pending"}})
    }),
    not_found: Fault::new(
        "AssociationDoesNotExist",
        "The specified association does not exist.",
    ),
    operations: &[
        create("CreateAssociation", Shows::In("AssociationDescription")).prepare(new_association),
        run("DescribeAssociation", |call| {
            let found = named(call)?;
            Ok(json!({"AssociationDescription": call.show(ASSOCIATION.name, &found)}))
        }),
        run("ListAssociations", list),
        run("DeleteAssociation", |call| {
            let found = named(call)?;
            call.remove(ASSOCIATION.name, &found.id);
            Ok(json!({}))
        }),
    ],
    ..Kind::NEW
};

fn new_association(call: &mut Call, association: &mut Record) -> Result<(), Refusal> {
    let instance = association.text("InstanceId").to_owned();
    if instance.is_empty() {
        return Ok(());
    }
    if call.find("ec2/instance", &instance).is_none() {
        let message = format!("The instance {instance} is not valid.");
        return Err(Refusal::new("InvalidInstanceId", message));
    }
    let same = call.list(ASSOCIATION.name).any(|other| {
        other.is("InstanceId", &instance) && other.is("Name", association.text("Name"))
    });
    if same {
        return Err(Refusal::new(
            "AssociationAlreadyExists",
            "Association already exists.",
        ));
    }
    association.set(
        "Targets",
        json!([{"Key": "InstanceIds", "Values": [instance]}]),
    );
    Ok(())
}

fn named(call: &Call) -> Result<Record, Refusal> {
    let (id, name, instance) = (
        call.text("AssociationId"),
        call.text("Name"),
        call.text("InstanceId"),
    );
    let found = call.list(ASSOCIATION.name).find(|one| match id {
        Some(id) => one.id == id,
        None => {
            name.is_some_and(|name| one.is("Name", name))
                && instance.is_some_and(|id| one.is("InstanceId", id))
        }
    });
    found
        .cloned()
        .ok_or_else(|| ASSOCIATION.not_found.with(&[]))
}

fn list(call: &mut Call) -> Answer {
    let filters = call
        .input
        .get("AssociationFilterList")
        .and_then(Json::as_array)
        .cloned();
    let passes = |one: &&Record| {
        filters.iter().flatten().all(|filter| {
            let member = match filter["key"].as_str().unwrap_or_default() {
                "AssociationId" => "AssociationId",
                "AssociationName" => "AssociationName",
                "Name" => "Name",
                _ => "InstanceId",
            };
            filter["value"]
                .as_str()
                .is_some_and(|value| one.is(member, value))
        })
    };
    let shown: Vec<Json> = call
        .list(ASSOCIATION.name)
        .filter(passes)
        .map(|one| call.show(ASSOCIATION.name, one))
        .collect();
    Ok(json!({"Associations": shown}))
}
