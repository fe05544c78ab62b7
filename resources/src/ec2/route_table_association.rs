//! `AWS::EC2::SubnetRouteTableAssociation`: which route table a subnet uses.

use super::{ROUTE_TABLES_OF_ASSOCIATIONS, ROUTE_TABLES_OF_SUBNETS};
use crate::context::Context;
use crate::prelude::*;

native!(
    /// `AWS::EC2::SubnetRouteTableAssociation`.
    SubnetRouteTableAssociation,
    Definition {
        create: Create::of("AssociateRouteTable", ""),
        reads: &[Read { select: Some(by_id), ..Read::of(&ROUTE_TABLES_OF_ASSOCIATIONS) }],
        delete: Delete::of("DisassociateRouteTable", &["AssociationId=Id"], &["InvalidAssociationID.NotFound"]),
        find: Find::Search(search),
        rules: &[Rule::Told("Id", "RouteTableAssociationId"), Rule::Told("Id", "AssociationId")],
        status,
        // "A subnet can only be associated with one route table" (VPC user guide, "Subnet route tables"): Resource.AlreadyAssociated.
        unique: &[&["SubnetId"]],
        ..Definition::new("AWS::EC2::SubnetRouteTableAssociation", "ec2")
    }
);

/// associating | associated | disassociating | disassociated | failed (API_RouteTableAssociationState).
fn status(description: &Json) -> Status {
    let state = look(description, "AssociationState.State");
    match state.as_ref().and_then(Json::as_str) {
        Some("associating" | "disassociating") => Status::Pending,
        Some("disassociated") => Status::Gone,
        Some("failed") => Status::Failed("AWS reports the association as failed".to_owned()),
        _ => Status::Ready,
    }
}

fn association<'j>(table: &'j Json, member: &str, wanted: &str) -> Option<&'j Json> {
    let mut associations = table.get("Associations")?.as_array()?.iter();
    associations.find(|association| described(association, member) == Some(wanted))
}

fn by_id(table: &Json, id: &PhysicalId) -> Option<Json> {
    association(table, "RouteTableAssociationId", id.as_str()).cloned()
}

fn search<'a>(
    context: &'a Context,
    desired: &'a Value,
    _: &'a Incarnation,
) -> crate::definition::FindFuture<'a> {
    Box::pin(async move {
        let named = |name: &str| desired.get(name).and_then(Value::as_str);
        let (Some(subnet), Some(table)) = (named("SubnetId"), named("RouteTableId")) else {
            return Ok(None);
        };
        let tables = generic::items_of(context, &ROUTE_TABLES_OF_SUBNETS, subnet).await?;
        let found = tables
            .iter()
            .filter_map(|table| association(table, "SubnetId", subnet))
            .find(|association| {
                described(association, "RouteTableId") == Some(table)
                    && status(association) != Status::Gone
            });
        Ok(found
            .and_then(|association| described(association, "RouteTableAssociationId"))
            .map(PhysicalId::from))
    })
}
