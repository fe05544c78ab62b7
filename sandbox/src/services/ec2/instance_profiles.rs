//! Instance profiles at instances.

use super::PAGES;
use super::instance_launch::PROFILE_KNOWN;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Reference, describe, run};
use crate::law::Law;
use serde_json::{Value as Json, json};

/// For how many seconds a new profile is not known yet.
const SPREADS: f64 = 6.0;

/// An instance has one profile.
pub const ONE_PROFILE: Law = Law {
    name: "an instance has one instance profile",
    operations: &["AssociateIamInstanceProfile"],
    source: "Amazon EC2 API Reference, AssociateIamInstanceProfile: \"You cannot associate more than one IAM instance profile with an instance\"",
    fault: Fault::new(
        "IncorrectState",
        "There is an existing association for instance {id}",
    ),
    check: Some(|call, law| {
        let instance = call.text("InstanceId").unwrap_or_default();
        let mut found = call.list_where(ASSOCIATION.name, "InstanceId", instance);
        match found.next() {
            Some(_) => Err(law.fault.with(&[("id", instance)])),
            None => Ok(()),
        }
    }),
};

/// A profile at an instance.
pub const ASSOCIATION: Kind = Kind {
    name: "ec2/iam-instance-profile-association",
    id: Id::Hex("iip-assoc-"),
    id_member: "AssociationId",
    created_member: "Timestamp",
    refers: &[Reference::new("InstanceId", "ec2/instance")
        .unchecked()
        .loose()],
    not_found: Fault::new(
        "InvalidAssociationID.NotFound",
        "An invalid association-id of '{id}' was given",
    ),
    operations: &[
        describe(
            "DescribeIamInstanceProfileAssociations",
            "AssociationIds",
            "IamInstanceProfileAssociations",
        )
        .paging(PAGES)
        .filters(&[("instance-id", "InstanceId"), ("state", "State")]),
        run("AssociateIamInstanceProfile", |call| {
            let instance = call
                .need("ec2/instance", call.text("InstanceId").unwrap_or_default())?
                .id
                .clone();
            let (id, arn) = known(call, &asked(call))?;
            associate(call, &instance, &id, &arn);
            shown(call, &instance)
        }),
        run("ReplaceIamInstanceProfileAssociation", |call| {
            let (instance, association) = named(call)?;
            let (id, arn) = known(call, &asked(call))?;
            call.remove(ASSOCIATION.name, &association);
            associate(call, &instance, &id, &arn);
            shown(call, &instance)
        }),
        run("DisassociateIamInstanceProfile", |call| {
            let (instance, association) = named(call)?;
            let mut answer = shown(call, &instance)?;
            answer["IamInstanceProfileAssociation"]["State"] = "disassociating".into();
            call.remove(ASSOCIATION.name, &association);
            call.update("ec2/instance", &instance, |record| {
                record.body.remove("IamInstanceProfile");
            });
            Ok(answer)
        }),
    ],
    ..Kind::NEW
};

fn asked(call: &Call) -> Json {
    call.input
        .get("IamInstanceProfile")
        .cloned()
        .unwrap_or_default()
}

fn named(call: &Call) -> Result<(String, String), Refusal> {
    let found = call.need(
        ASSOCIATION.name,
        call.text("AssociationId").unwrap_or_default(),
    )?;
    Ok((found.text("InstanceId").to_owned(), found.id.clone()))
}

fn shown(call: &Call, instance: &str) -> Answer {
    let mut found = call.list_where(ASSOCIATION.name, "InstanceId", instance);
    let shown = found.next().map(|one| call.show(ASSOCIATION.name, one));
    Ok(json!({"IamInstanceProfileAssociation": shown}))
}

/// Identifier and ARN of the named profile, once EC2 knows it.
pub(super) fn known(call: &Call, asked: &Json) -> Result<(String, String), Refusal> {
    let name = asked["Name"]
        .as_str()
        .or(asked["Arn"].as_str())
        .unwrap_or_default();
    let found = call
        .find("iam/instance-profile", name)
        .filter(|profile| profile.created + SPREADS <= call.now);
    match found {
        Some(profile) => Ok((
            profile.text("InstanceProfileId").to_owned(),
            profile.arn.clone(),
        )),
        None => Err(PROFILE_KNOWN.fault.with(&[("id", name)])),
    }
}

/// Puts a profile at an instance.
pub(super) fn associate(call: &mut Call, instance: &str, id: &str, arn: &str) {
    let profile = json!({"Arn": arn, "Id": id});
    let members =
        json!({"InstanceId": instance, "IamInstanceProfile": profile, "State": "associated"});
    // Nothing is referred to that must exist: nothing refuses it.
    let _ = call.make(ASSOCIATION.name, members);
    call.update("ec2/instance", instance, |record| {
        record.set("IamInstanceProfile", profile)
    });
}
