//! Cloud Control: every registered type by the facts of the registry. Requests are asynchronous: the answer is a progress
//! event, and what is asked for has happened some seconds later.
//!
//! What a service of the simulated AWS keeps itself is not to be had here ([`crate::Options::elsewhere`]): nobody would see it
//! there.

mod handlers;
mod model;
mod patch;
mod requests;
mod shapes;

use std::sync::Arc;

use payctl_model::facts::{Provisioning, TypeFacts, facts};
use serde_json::{Map, Value as Json, json};

use crate::call::Call;
use crate::error::{Answer, Fault, Refusal};
use crate::filter;
use crate::kind::{Id, Kind, Paging, Service, run};
use crate::law::Law;
use crate::registry;
use crate::world::{Key, World};

/// AWS Cloud Control API.
pub const SERVICE: Service = Service {
    name: "cloudcontrol",
    kinds: &[&RESOURCE, &REQUEST],
    operations: &[
        run("CreateResource", handlers::create),
        run("GetResource", handlers::get),
        run("UpdateResource", handlers::update),
        run("DeleteResource", handlers::delete),
        run("ListResources", handlers::list),
        run("GetResourceRequestStatus", requests::status),
        run("ListResourceRequests", requests::list),
        run("CancelResourceRequest", requests::cancel),
    ],
    laws: &[
        &REGISTERED,
        &PROVISIONABLE,
        &KEPT_ELSEWHERE,
        &ONE_AT_A_TIME,
        &VALID,
        &CREATE_ONLY,
        &READ_ONLY,
        &NAMES_EXIST,
        &ONE_REQUEST_A_TOKEN,
    ],
    ..Service::NEW
};

/// A resource. Its identifier here: the type's name, a blank, and the identifier that AWS tells.
pub(super) const RESOURCE: Kind = Kind {
    name: "cloudcontrol/resource",
    id: Id::Uuid,
    not_found: Fault::new(
        "ResourceNotFoundException",
        "Resource of type '{type}' with identifier '{id}' was not found.",
    ),
    on_event: Some(handlers::on_event),
    ..Kind::NEW
};

/// A request, by its token.
pub(super) const REQUEST: Kind = Kind {
    name: "cloudcontrol/request",
    id: Id::Uuid,
    not_found: Fault::new(
        "RequestTokenNotFoundException",
        "Request with token {id} was not found.",
    ),
    ..Kind::NEW
};

/// Types are in the registry.
pub const REGISTERED: Law = Law {
    name: "types are registered",
    operations: &[],
    source: "Cloud Control API Reference, CreateResource, Errors: TypeNotFoundException",
    fault: Fault::new(
        "TypeNotFoundException",
        "The type '{type}' cannot be found.",
    ),
    check: None,
};

/// Types have handlers.
pub const PROVISIONABLE: Law = Law {
    name: "types have a handler for what is asked",
    operations: &[],
    source: "Cloud Control API User Guide, Determining if a resource type supports Cloud Control API; CreateResource, Errors: UnsupportedActionException",
    fault: Fault::new(
        "UnsupportedActionException",
        "Resource type {type} does not support {action} action",
    ),
    check: None,
};

/// A law of the simulated AWS alone: docs/emulators.md.
pub const KEPT_ELSEWHERE: Law = Law {
    name: "what another simulated service keeps is asked there",
    operations: &[],
    source: "docs/emulators.md: the simulated Cloud Control does not bridge to other simulated services",
    fault: Fault::new(
        "UnsupportedActionException",
        "The simulated AWS keeps {type} in the service itself: call that instead of Cloud Control",
    ),
    check: None,
};

/// No two requests at once.
pub const ONE_AT_A_TIME: Law = Law {
    name: "one request on a resource at a time",
    operations: &[],
    source: "Cloud Control API Reference, UpdateResource, Errors: ConcurrentOperationException",
    fault: Fault::new(
        "ConcurrentOperationException",
        "There is already an active request on resource with type {type} and primaryId {id}",
    ),
    check: None,
};

/// Models fit their schema.
pub const VALID: Law = Law {
    name: "a model fits the type's schema",
    operations: &[],
    source: "Cloud Control API User Guide, Creating a resource: the desired state must be valid against the resource type schema",
    fault: Fault::new("ValidationException", "Model validation failed ({what})"),
    check: None,
};

/// What only a new resource can have.
pub const CREATE_ONLY: Law = Law {
    name: "create-only properties do not change",
    operations: &[],
    source: "CloudFormation CLI User Guide, Resource type schema, createOnlyProperties",
    fault: Fault::new(
        "ValidationException",
        "Invalid patch update: createOnlyProperties [{what}] cannot be updated",
    ),
    check: None,
};

/// What AWS sets.
pub const READ_ONLY: Law = Law {
    name: "read-only properties are not given",
    operations: &[],
    source: "CloudFormation CLI User Guide, Resource type schema, readOnlyProperties",
    fault: Fault::new(
        "ValidationException",
        "Invalid request: readOnlyProperties [{what}] cannot be specified",
    ),
    check: None,
};

/// What a handler is given exists; told by the request's progress, as handlers do.
pub const NAMES_EXIST: Law = Law {
    name: "roles, subnets, security groups and VPCs that a resource names exist",
    operations: &[],
    source: "CloudFormation CLI User Guide, Resource type handler error codes: InvalidRequest",
    fault: Fault::new("InvalidRequest", "{what} does not exist"),
    check: None,
};

/// A token stands for one request.
pub const ONE_REQUEST_A_TOKEN: Law = Law {
    name: "a client token stands for one request",
    operations: &[],
    source: "Cloud Control API Reference, CreateResource, Errors: ClientTokenConflictException",
    fault: Fault::new(
        "ClientTokenConflictException",
        "The specified client token has already been used in another resource request: {token}",
    ),
    check: None,
};

/// The facts of the type that a request names.
fn type_of(call: &Call, action: &str) -> Result<Arc<TypeFacts>, Refusal> {
    let name = call.text("TypeName").unwrap_or_default();
    if call.world.elsewhere.contains(name) {
        return Err(KEPT_ELSEWHERE.fault.with(&[("type", name)]));
    }
    let unknown = || REGISTERED.fault.with(&[("type", name)]);
    if !name.starts_with("AWS::") {
        // A type of somebody's own is there for who has registered it.
        super::cloudformation::registered(call, name).ok_or_else(unknown)?;
    }
    let facts = facts().get(name).ok_or_else(unknown)?;
    let lacks = match facts.provisioning {
        Provisioning::NonProvisionable => true,
        Provisioning::Immutable => action == "UPDATE",
        Provisioning::FullyMutable => false,
    };
    // These are CloudFormation's own.
    let lacks = lacks
        || [
            "AWS::CloudFormation::CustomResource",
            "AWS::CloudFormation::Stack",
            "AWS::CDK::Metadata",
        ]
        .contains(&facts.name.as_str());
    if lacks {
        return Err(PROVISIONABLE
            .fault
            .with(&[("type", name), ("action", action)]));
    }
    Ok(facts)
}

/// Where a resource is kept.
fn key_of(call: &Call, type_name: &str, id: &str) -> Key {
    World::key(
        &RESOURCE,
        &call.account,
        &call.region,
        &format!("{type_name} {id}"),
    )
}

/// A page of items by name.
fn page(call: &Call, shown: &mut Vec<(String, Json)>) -> Result<Option<String>, Refusal> {
    let service = registry::service(SERVICE.name).unwrap_or(&SERVICE);
    filter::page(
        call,
        service,
        &Paging::next_token(20, (1, 100)),
        false,
        "",
        shown,
    )
}

/// A text member that holds a JSON object.
fn object(call: &Call, member: &str) -> Result<Map<String, Json>, Refusal> {
    match serde_json::from_str(call.text(member).unwrap_or_default()) {
        Ok(Json::Object(members)) => Ok(members),
        _ => Err(Refusal::new(
            "InvalidRequestException",
            format!("{member} must be a JSON object"),
        )),
    }
}

/// An answer with a progress event.
fn progress(event: Json) -> Answer {
    Ok(json!({"ProgressEvent": event}))
}
