//! `AWS::CodeDeploy::Application`: the name under which deployment groups of one compute platform stand.

use super::{APPLICATIONS, TAGS};
use crate::prelude::*;
use crate::tags;

/// The form of its ARN, which no call tells (service authorization reference, "Actions, resources, and condition keys for AWS
/// CodeDeploy").
const ARN: Key = Key::Arn("arn:{partition}:codedeploy:{region}:{account}:application:{0}");

native!(
    /// `AWS::CodeDeploy::Application`.
    Application,
    Definition {
        create: Create::of("CreateApplication", ""),
        reads: &[
            Read::of(&APPLICATIONS),
            Read { key: ARN, select: Some(tags::swept), ..Read::of(&tags::SWEEP) },
            Read { key: ARN, when: Some(tags::untagged), ..Read::of(&TAGS) },
        ],
        delete: Delete::of("DeleteApplication", &["applicationName=ApplicationName"], &["ApplicationDoesNotExistException"]),
        find: Find::Key(&["ApplicationName"]),
        tags: Tags::Member,
        // 1 to 100 characters (API_CreateApplication).
        name: Some(Name { also: "_", ..Name::of("ApplicationName", 100) }),
        // "This name must be unique with the applicable user or AWS account" (API_CreateApplication).
        unique: &[&["ApplicationName"]],
        ..Definition::new("AWS::CodeDeploy::Application", "codedeploy")
    }
);
