//! `AWS::EC2::RouteTable`: the routes of the subnets that are associated with it.

use super::ROUTE_TABLES;
use crate::prelude::*;

native!(
    /// `AWS::EC2::RouteTable`.
    RouteTable,
    Definition {
        create: Create::of("CreateRouteTable", "RouteTable"),
        reads: &[Read::of(&ROUTE_TABLES)],
        delete: Delete {
            busy: &["DependencyViolation"],
            ..Delete::of("DeleteRouteTable", &["RouteTableId"], &["InvalidRouteTableID.NotFound"])
        },
        tags: Tags::Specification("route-table"),
        ..Definition::new("AWS::EC2::RouteTable", "ec2")
    }
);
