//! `AWS::CodeDeploy::DeploymentConfig`: how fast a deployment shifts traffic, or how many hosts it leaves healthy. Nothing of it
//! can be changed.

use super::CONFIGURATIONS;
use crate::prelude::*;

native!(
    /// `AWS::CodeDeploy::DeploymentConfig`.
    DeploymentConfig,
    Definition {
        create: Create::of("CreateDeploymentConfig", ""),
        reads: &[Read::of(&CONFIGURATIONS)],
        delete: Delete {
            // The groups that used it go at the same time.
            busy: &["DeploymentConfigInUseException"],
            ..Delete::of(
                "DeleteDeploymentConfig",
                &["deploymentConfigName=DeploymentConfigName"],
                &["DeploymentConfigDoesNotExistException"],
            )
        },
        find: Find::Key(&["DeploymentConfigName"]),
        // 1 to 100 characters (API_CreateDeploymentConfig).
        name: Some(Name { also: "_", ..Name::of("DeploymentConfigName", 100) }),
        unique: &[&["DeploymentConfigName"]],
        ..Definition::new("AWS::CodeDeploy::DeploymentConfig", "codedeploy")
    }
);
