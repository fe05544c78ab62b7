//! Operations: what is asked for is done some time later.

use super::{instances, namespaces, services};
use crate::call::{Call, digest};
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, run};
use crate::law::Law;
use crate::path;
use crate::registry;
use crate::world::{Key, Record, Step};
use serde_json::{Map, Value as Json, json};

/// An operation.
pub(super) const OPERATION: Kind = Kind {
    name: "servicediscovery/operation",
    id: Id::Made(|_, _, digits| Ok(format!("{}-{}", super::short(digits), &digits[40..48]))),
    id_member: "Id",
    created_member: "CreateDate",
    not_found: Fault::new("OperationNotFound", "Operation with ID {id} does not exist"),
    on_event: Some(finish),
    operations: &[
        run("GetOperation", |call| {
            let id = call.text("OperationId").unwrap_or_default();
            let operation = call.need(OPERATION.name, id)?;
            Ok(json!({"Operation": operation.body}))
        }),
        run("ListOperations", |call| {
            let call = &*call;
            let mut shown: Vec<(String, Json)> = call
                .list(OPERATION.name)
                .filter(|operation| is_asked(call, operation))
                .map(|operation| {
                    (
                        operation.id.clone(),
                        json!({"Id": operation.id, "Status": operation.text("Status")}),
                    )
                })
                .collect();
            let next = page(call, &mut shown)?;
            let listed: Vec<Json> = shown.into_iter().map(|(_, one)| one).collect();
            Ok(json!({"Operations": listed, "NextToken": next}))
        }),
    ],
    ..Kind::NEW
};

/// A token is for one request.
pub(super) const TOKEN: Law = Law {
    name: "a request that is made again under its identifier is the same",
    operations: &[],
    source: "Cloud Map API Reference, CreateHttpNamespace, CreatorRequestId; DuplicateRequest",
    fault: Fault::new("DuplicateRequest", "The operation is already in progress."),
    check: None,
};

/// What a page holds (ListNamespaces, MaxResults).
pub(super) fn page(
    call: &Call,
    shown: &mut Vec<(String, Json)>,
) -> Result<Option<String>, Refusal> {
    let service = registry::service("servicediscovery").unwrap_or(&super::SERVICE);
    filter::page(
        call,
        service,
        &Paging::next_token(100, (1, 100)),
        false,
        "",
        shown,
    )
}

/// The filters of a list: a name, values, and how they are compared.
pub(super) fn passes(call: &Call, value: impl Fn(&str) -> Vec<String>) -> bool {
    let filters = call.input.get("Filters").and_then(Json::as_array);
    filters.into_iter().flatten().all(|filter| {
        let members = filter.as_object().cloned().unwrap_or_default();
        let values = path::texts(&members, "Values[]");
        let found = value(filter["Name"].as_str().unwrap_or_default());
        match filter["Condition"].as_str() {
            Some("BEGINS_WITH") => found
                .iter()
                .any(|one| values.iter().any(|start| one.starts_with(start))),
            _ => found.iter().any(|one| values.contains(one)),
        }
    })
}

fn is_asked(call: &Call, operation: &Record) -> bool {
    passes(call, |name| match name {
        "NAMESPACE_ID" => vec![operation.text("Targets.NAMESPACE").to_owned()],
        "SERVICE_ID" => vec![operation.text("Targets.SERVICE").to_owned()],
        "STATUS" => vec![operation.text("Status").to_owned()],
        "TYPE" => vec![operation.text("Type").to_owned()],
        _ => Vec::new(),
    })
}

/// Begins an operation, unless the same request began one already: it is done after some seconds.
pub(super) fn begin(
    call: &mut Call,
    kind: &str,
    targets: Json,
    seconds: f64,
    work: Json,
) -> Answer {
    let members = json!({
        "Type": kind, "Status": "SUBMITTED", "UpdateDate": call.now, "Targets": targets,
    });
    let made = call.make(OPERATION.name, members)?;
    let token = token(call);
    let asked = asked(call);
    let now = call.now;
    call.update(OPERATION.name, &made.id, |operation| {
        operation.hidden.insert("work".into(), work);
        if let Some(token) = token {
            operation.hidden.insert("token".into(), json!(token));
            operation.hidden.insert("asked".into(), json!(asked));
        }
        operation
            .steps
            .push(Step::set(now + 0.5, "Status", "PENDING"));
        operation.steps.push(Step::event(now + seconds, "done"));
    });
    Ok(json!({"OperationId": made.id}))
}

fn token(call: &Call) -> Option<String> {
    let token = call
        .text("CreatorRequestId")
        .or(call.text("UpdaterRequestId"));
    token.map(str::to_owned)
}

fn asked(call: &Call) -> String {
    digest(&[
        &call.operation,
        &path::canonical(&Json::Object(call.input.clone())),
    ])
}

/// The answer that the same request had before.
pub(super) fn repeated(call: &Call) -> Option<Answer> {
    let token = token(call)?;
    let mut operations = call.list(OPERATION.name);
    let before = operations.find(|one| one.hidden.get("token") == Some(&json!(token)))?;
    if before.hidden.get("asked") == Some(&json!(asked(call))) {
        return Some(Ok(json!({"OperationId": before.id})));
    }
    let mut refusal = TOKEN.fault.with(&[]);
    refusal
        .members
        .insert("DuplicateOperationId".into(), json!(before.id));
    Some(Err(refusal))
}

/// The operation under way that has this target.
pub(super) fn under_way(call: &Call, kind: &str, target: &str, id: &str) -> Option<String> {
    let mut operations = call.list(OPERATION.name);
    let found = operations.find(|one| {
        one.is("Type", kind)
            && one.text(&format!("Targets.{target}")) == id
            && matches!(one.text("Status"), "SUBMITTED" | "PENDING")
    });
    found.map(|one| one.id.clone())
}

fn finish(call: &mut Call, key: &Key, _: &str) {
    let Some(operation) = call.world.get(key).cloned() else {
        return;
    };
    let work = operation.hidden.get("work").cloned().unwrap_or_default();
    let target = |name: &str| operation.text(&format!("Targets.{name}")).to_owned();
    let done = match operation.text("Type") {
        "CREATE_NAMESPACE" => namespaces::made(call, &target("NAMESPACE"), work),
        "UPDATE_NAMESPACE" => namespaces::changed(call, &target("NAMESPACE"), &work),
        "DELETE_NAMESPACE" => namespaces::gone(call, &target("NAMESPACE")),
        "UPDATE_SERVICE" => services::changed(call, &target("SERVICE"), &work),
        "REGISTER_INSTANCE" => {
            let attributes = work.as_object().cloned().unwrap_or_default();
            instances::register(call, &target("SERVICE"), &target("INSTANCE"), &attributes)
        }
        _ => {
            instances::deregister(call, &target("SERVICE"), &target("INSTANCE"));
            Ok(())
        }
    };
    let now = call.now;
    call.world.update(key, |operation| {
        operation.set("UpdateDate", now);
        operation.hidden.remove("work");
        match done {
            Ok(()) => operation.set("Status", "SUCCESS"),
            Err(refusal) => {
                operation.set("Status", "FAIL");
                operation.set("ErrorCode", refusal.code);
                operation.set("ErrorMessage", refusal.message);
            }
        }
    });
}

/// The members of a map.
pub(super) fn object(json: &Json) -> Map<String, Json> {
    json.as_object().cloned().unwrap_or_default()
}
