//! `AWS::EC2::InternetGateway`: a VPC's way to the internet, once attached.

use super::INTERNET_GATEWAYS;
use crate::prelude::*;

native!(
    /// `AWS::EC2::InternetGateway`.
    InternetGateway,
    Definition {
        create: Create::of("CreateInternetGateway", "InternetGateway"),
        reads: &[Read::of(&INTERNET_GATEWAYS)],
        delete: Delete {
            busy: &["DependencyViolation"],
            ..Delete::of("DeleteInternetGateway", &["InternetGatewayId"], &["InvalidInternetGatewayID.NotFound"])
        },
        tags: Tags::Specification("internet-gateway"),
        ..Definition::new("AWS::EC2::InternetGateway", "ec2")
    }
);
