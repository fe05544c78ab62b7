//! Event buses.

use super::SERVICE;
use super::rules::PAGES;
use crate::call::Call;
use crate::error::{Answer, Fault};
use crate::filter;
use crate::kind::{Id, Kind, Shows, Tags, Unique, create, modify, run};
use crate::law::Law;
use serde_json::{Value as Json, json};

const KIND: &str = "events/bus";

/// A bus. Every account has one called `default`.
pub(super) const BUS: Kind = Kind {
    name: KIND,
    id: Id::Member("Name"),
    arn: "arn:{partition}:events:{region}:{account}:event-bus/{id}",
    arn_member: "Arn",
    on_demand: Some(summon),
    created_member: "CreationTime",
    defaults: Some(|call| json!({"LastModifiedTime": call.now})),
    tags: Tags::Unseen("Tags"),
    tag_type: "event-bus",
    unique: &[Unique::new(
        &["Name"],
        Fault::new(
            "ResourceAlreadyExistsException",
            "Event bus {Name} already exists.",
        ),
    )],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "Event bus {id} does not exist.",
    ),
    in_use: Fault::new(
        "ValidationException",
        "Event bus {id} cannot be deleted because it has rules.",
    ),
    operations: &[
        create(
            "CreateEventBus",
            Shows::With(|_, bus| {
                let mut answer = bus.body.clone();
                answer.insert("EventBusArn".into(), bus.arn.clone().into());
                answer.into()
            }),
        )
        .before(|call, _| {
            summon(call, "default");
            Ok(())
        }),
        run("DescribeEventBus", |call| {
            let name = call.text("Name").unwrap_or("default").to_owned();
            summon(call, &name);
            let bus = call.need(KIND, &name)?;
            Ok(call.show(KIND, bus))
        }),
        run("ListEventBuses", list),
        modify("UpdateEventBus", "Name", Shows::Record),
        run("DeleteEventBus", delete),
    ],
    ..Kind::NEW
};

/// Every account has a default bus in every region.
pub(super) fn summon(call: &mut Call, name: &str) {
    let is_default = name == "default" || name.ends_with(":event-bus/default");
    if is_default && call.find(KIND, "default").is_none() {
        let made = call.make(KIND, json!({"Name": "default"}));
        tracing::debug!(?made, "the default event bus");
    }
}

fn list(call: &mut Call) -> Answer {
    summon(call, "default");
    let prefix = call.text("NamePrefix").unwrap_or_default();
    let buses = call.list(KIND).filter(|bus| bus.id.starts_with(prefix));
    let mut shown = buses
        .map(|bus| (bus.id.clone(), call.show(KIND, bus)))
        .collect();
    let next = filter::page(call, &SERVICE, &PAGES, false, "", &mut shown)?;
    let items: Vec<Json> = shown.into_iter().map(|(_, json)| json).collect();
    Ok(json!({"EventBuses": items, "NextToken": next}))
}

/// It stays.
pub(super) const DEFAULT: Law = Law {
    name: "the default bus is not deleted",
    operations: &["DeleteEventBus"],
    source: "EventBridge API Reference, DeleteEventBus: You can't delete your account's default event bus",
    fault: Fault::new("ValidationException", "Cannot delete event bus default."),
    check: Some(|call, law| match call.text("Name") {
        Some("default") => Err(law.fault.with(&[])),
        _ => Ok(()),
    }),
};

/// A bus that is not there is deleted already.
fn delete(call: &mut Call) -> Answer {
    let name = call.text("Name").unwrap_or_default();
    if let Some(bus) = call.find(KIND, name) {
        let id = bus.id.clone();
        call.delete(KIND, &id)?;
    }
    Ok(json!({}))
}
