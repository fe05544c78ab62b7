//! Applications.

use super::{SERVER, groups, listing};
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, Tags, Unique, create, describe, get, run};
use crate::world::Record;
use serde_json::{Value as Json, json};

/// An application.
pub const APPLICATION: Kind = Kind {
    name: "codedeploy/application",
    id: Id::Member("applicationName"),
    arn: "arn:{partition}:codedeploy:{region}:{account}:application:{id}",
    created_member: "createTime",
    defaults: Some(|_| json!({"computePlatform": SERVER, "linkedToGitHub": false})),
    tags: Tags::Unseen("tags"),
    unique: &[Unique::new(
        &["applicationName"],
        Fault::new(
            "ApplicationAlreadyExistsException",
            "Application name already exists: {applicationName}",
        ),
    )],
    not_found: Fault::new(
        "ApplicationDoesNotExistException",
        "No application found for name: {id}",
    ),
    operations: &[
        create(
            "CreateApplication",
            Shows::With(|_, record| json!({"applicationId": record.text("applicationId")})),
        )
        .prepare(identified),
        get(
            "GetApplication",
            "applicationName",
            Shows::In("application"),
        ),
        describe(
            "BatchGetApplications",
            "applicationNames",
            "applicationsInfo",
        ),
        run("ListApplications", list),
        run("UpdateApplication", rename),
        run("DeleteApplication", delete),
    ],
    ..Kind::NEW
};

fn identified(call: &mut Call, application: &mut Record) -> Result<(), Refusal> {
    let digits = call.derive(&format!("application {}", application.id));
    application.set("applicationId", uuid(&digits));
    Ok(())
}

fn list(call: &mut Call) -> Answer {
    let names = call.list(APPLICATION.name).map(|one| one.id.clone());
    listing(call, "applications", names).map(Json::Object)
}

/// Renaming is all that can be changed of an application; its groups go along.
fn rename(call: &mut Call) -> Answer {
    let name = call.text("applicationName").unwrap_or_default().to_owned();
    let application = call.need(APPLICATION.name, &name)?.clone();
    let Some(new) = call.text("newApplicationName").map(str::to_owned) else {
        return Ok(json!({}));
    };
    if call.find(APPLICATION.name, &new).is_some() {
        return Err(APPLICATION.unique[0]
            .fault
            .with(&[("applicationName", &new)]));
    }
    call.remove(APPLICATION.name, &name);
    let mut renamed = application;
    renamed.set("applicationName", new.as_str());
    renamed.arn = renamed_arn(&renamed.arn, &name, &new);
    let key = call.key(APPLICATION.name, &new);
    call.world.put(key, renamed);
    let mine: Vec<Record> = call
        .list(groups::GROUP.name)
        .filter(|group| group.is("applicationName", &name))
        .cloned()
        .collect();
    for mut group in mine {
        call.remove(groups::GROUP.name, &group.id);
        group.set("applicationName", new.as_str());
        let id = format!("{new}/{}", group.text("deploymentGroupName"));
        group.arn = renamed_arn(&group.arn, &group.id, &id);
        let key = call.key(groups::GROUP.name, &id);
        call.world.put(key, group);
    }
    Ok(json!({}))
}

fn renamed_arn(arn: &str, old: &str, new: &str) -> String {
    let head = arn.strip_suffix(old).unwrap_or(arn);
    format!("{head}{new}")
}

/// Deleting what is not there is no error (API_DeleteApplication, Errors); its groups go with it.
fn delete(call: &mut Call) -> Answer {
    let name = call.text("applicationName").unwrap_or_default().to_owned();
    let mine: Vec<String> = call
        .list(groups::GROUP.name)
        .filter(|group| group.is("applicationName", &name))
        .map(|group| group.id.clone())
        .collect();
    for id in mine {
        call.remove(groups::GROUP.name, &id);
    }
    call.remove(APPLICATION.name, &name);
    Ok(json!({}))
}
