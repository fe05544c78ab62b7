//! A simulated AWS: models, not services. Requests arrive decoded by `payctl_api` into JSON members, are validated against
//! AWS's API model, and are carried out by ONE generic store that is driven by tables. Only real behaviour is code.
//!
//! # How to add a service
//! 1. Write `services/<name>.rs` (a folder when it grows beyond 600 lines) with a `pub const SERVICE: Service`.
//! 2. Add its `mod` line and its entry in [`services::SERVICES`]. Nothing else: operations, tags, laws and snapshots follow.
//!
//! # How to add a kind, in twenty lines
//! ```ignore
//! use crate::kind::*;
//! use crate::error::Fault;
//! use serde_json::json;
//!
//! pub const SERVICE: Service = Service {
//!     name: "rds",                                     // botocore's folder name
//!     kinds: &[&SUBNET_GROUP],
//!     operations: &[tag("AddTagsToResource", "ResourceName", "Tags"),
//!                   untag("RemoveTagsFromResource", "ResourceName", "TagKeys"),
//!                   list_tags("ListTagsForResource", "ResourceName", "TagList")],
//!     invalid: Fault::new("InvalidParameterValue", "{message}"),
//!     ..Service::NEW
//! };
//!
//! const SUBNET_GROUP: Kind = Kind {
//!     name: "rds/subnet-group",                        // references from anywhere use this name
//!     id: Id::Member("DBSubnetGroupName"),
//!     arn: "arn:{partition}:rds:{region}:{account}:subgrp:{id}",
//!     arn_member: "DBSubnetGroupArn",
//!     defaults: Some(|_| json!({"SubnetGroupStatus": "Complete"})),
//!     tags: Tags::Unseen("Tags"),
//!     refers: &[Reference::new("SubnetIds[]", "ec2/subnet")
//!                   .missing(Fault::new("InvalidSubnet", "Subnet IDs are required: {id}.")).source("CreateDBSubnetGroup, Errors")],
//!     unique: &[Unique::new(&["DBSubnetGroupName"],
//!                   Fault::new("DBSubnetGroupAlreadyExists", "The DB subnet group '{DBSubnetGroupName}' already exists."))],
//!     not_found: Fault::new("DBSubnetGroupNotFoundFault", "DB subnet group '{id}' not found.").status(404),
//!     in_use: Fault::new("InvalidDBSubnetGroupStateFault", "Cannot delete the subnet group '{id}' because {by} uses it."),
//!     operations: &[
//!         create("CreateDBSubnetGroup", Shows::In("DBSubnetGroup")),
//!         describe("DescribeDBSubnetGroups", "DBSubnetGroupName", "DBSubnetGroups").paging(Paging::marker(100, (20, 100))),
//!         modify("ModifyDBSubnetGroup", "DBSubnetGroupName", Shows::In("DBSubnetGroup")),
//!         delete("DeleteDBSubnetGroup", "DBSubnetGroupName", Shows::Nothing),
//!     ],
//!     ..Kind::NEW
//! };
//! ```
//! - **Records** ([`world::Record`]) hold members under the API's OUTPUT names in `body`. A create stores every member that was sent;
//!   `rename` where the output has another name or path, `control` for members that only steer. Members that the output shape
//!   does not have are harmless: they are left out of the answer (so `SubnetIds` above may stay, for references). `hidden` is for bookkeeping.
//! - **Hooks** of an operation, in this order: `before` (the request's members, may be changed or refused), `prepare` (the record, before it
//!   is stored; on delete: before it goes), `done` (after: side effects). `Kind::show` computes members whenever a record is shown.
//!   An operation that fits nothing is `run("Name", code)`: `fn(&mut Call) -> Answer`. See [`call::Call`] for what code can do:
//!   `call.text("Member")`, `call.need("ec2/subnet", id)?`, `call.list(kind)`, `call.update(kind, id, |record| …)`, `call.make(kind, json!({…}))`,
//!   `call.delete(kind, id)`, `call.call("ec2", "CreateTags", json!({…}))`, `call.derive("…")` for identifiers.
//! - **States**: [`kind::States`] covers creating, ready, modifying, deleting, deleted; anything else is a [`world::Step`] pushed onto
//!   `record.steps`: members set at a time, an `event` for the kind's `on_event`, or `gone`. `call.now` is the simulated time. There are no tasks.
//! - **References** ([`kind::Reference`]) are laws both ways: the other must exist, and cannot be deleted meanwhile (its `in_use`, or the
//!   reference's). A path in `body` holds its identifier, ARN or alias. `.loose()` does not block, `.unchecked()` need not exist.
//! - **Laws** ([`law::Law`]) that need code: a const in the service's `laws`, checked before its operations; or used in a hook as
//!   `LAW.fault.with(&[("id", id)])` with `check: None` (list it all the same). Each names its AWS page and has a test.
//! - **Refusals**: [`error::Fault`] (code, message with `{names}`, HTTP status) and [`error::Refusal`].
//! - **Network interfaces** of other services: [`services::ec2::interfaces`].
//! - **Identifiers** derive from the request, not from arrival order or chance; `Call::derive` keeps that so.

pub mod call;
pub mod error;
mod filter;
mod generic;
pub mod kind;
pub mod law;
mod model;
pub mod path;
pub mod registry;
mod sandbox;
pub mod services;
mod snapshot;
pub mod tags;
mod wire;
pub mod world;

pub use error::Refusal;
pub use law::laws;
pub use sandbox::{Options, Sandbox, SandboxError, serve};
pub use services::ecs::images::Failure;
