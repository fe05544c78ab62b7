//! Log streams.

use super::show_created;
use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Paging, Reference, Shows, Unique, create, describe, run};
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// A log stream.
pub(super) const STREAM: Kind = Kind {
    name: "logs/log-stream",
    id: Id::Made(|_, body, _| {
        let text = |member| body.get(member).and_then(Json::as_str).unwrap_or_default();
        // `:` stands in no name.
        Ok(format!(
            "{}:{}",
            text("logGroupName"),
            text("logStreamName")
        ))
    }),
    arn: "arn:{partition}:logs:{region}:{account}:log-group:{logGroupName}:log-stream:{logStreamName}",
    arn_member: "arn",
    defaults: Some(|_| json!({"storedBytes": 0})),
    refers: &[Reference::new("logGroupName", "logs/log-group")],
    unique: &[Unique::new(
        &["logGroupName", "logStreamName"],
        Fault::new(
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        ),
    )],
    not_found: Fault::new(
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    ),
    show: Some(show_created),
    operations: &[
        create("CreateLogStream", Shows::Nothing).prepare(part_of_group),
        describe("DescribeLogStreams", "", "logStreams")
            .keep(|call, stream| {
                super::group(call).is_ok_and(|group| stream.is("logGroupName", &group.id))
                    && call
                        .text("logStreamNamePrefix")
                        .is_none_or(|prefix| stream.text("logStreamName").starts_with(prefix))
            })
            .paging(Paging::lower_limit(50, (1, 50))),
        run("DeleteLogStream", |call| {
            delete_of_group(call, "logs/log-stream", "logStreamName")
        }),
    ],
    ..Kind::NEW
};

/// What belongs to a group goes with it.
pub(super) fn part_of_group(_: &mut Call, record: &mut Record) -> Result<(), Refusal> {
    let group = record.text("logGroupName").to_owned();
    record.hidden.insert("part of".into(), group.into());
    Ok(())
}

/// Deletes what a group's name and another name stand for.
pub(super) fn delete_of_group(call: &mut Call, kind: &str, member: &str) -> Answer {
    let group = super::group(call)?.id.clone();
    let name = call.text(member).unwrap_or_default();
    let id = call.need(kind, &format!("{group}:{name}"))?.id.clone();
    call.delete(kind, &id)?;
    Ok(json!({}))
}

/// Makes it, or puts it in the place of the one of the same name.
pub(super) fn put_of_group(call: &mut Call, kind: &str, member: &str) -> Answer {
    let group = super::group(call)?.id.clone();
    let name = call.text(member).unwrap_or_default();
    let id = format!("{group}:{name}");
    let mut members: Map<String, Json> = call.input.clone();
    members.insert("logGroupName".into(), group.clone().into());
    if call.find(kind, &id).is_some() {
        let mut body = match call.kind(kind).defaults.map(|defaults| defaults(call)) {
            Some(Json::Object(defaults)) => defaults,
            _ => Map::new(),
        };
        body.extend(members);
        call.update(kind, &id, |record| record.body = body);
    } else {
        call.make_part(kind, &group, Json::Object(members))?;
    }
    Ok(json!({}))
}
