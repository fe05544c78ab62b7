//! Databases: subnet groups, Aurora and Multi-AZ clusters, instances.

pub mod db_cluster;
pub mod db_cluster_parameter_group;
pub mod db_instance;
pub mod db_parameter_group;
pub mod db_subnet_group;
pub mod option_group;
mod parameters;

use crate::context::Context;
use crate::loaders::{By, Load};
use crate::prelude::*;

/// An answer has up to 100 records (API_DescribeDBClusters, MaxRecords); filters name as many.
const BATCH: usize = 100;

pub(crate) static CLUSTERS: Load = Load {
    gone: &["DBClusterNotFoundFault"],
    ..Load::of(
        "rds",
        "DescribeDBClusters",
        By::Filter("db-cluster-id"),
        BATCH,
        "DBClusters",
        "DBClusterIdentifier",
    )
};
pub(crate) static INSTANCES: Load = Load {
    gone: &["DBInstanceNotFound", "DBInstanceNotFoundFault"],
    ..Load::of(
        "rds",
        "DescribeDBInstances",
        By::Filter("db-instance-id"),
        BATCH,
        "DBInstances",
        "DBInstanceIdentifier",
    )
};
/// Its filters are "not currently supported" (API_DescribeDBSubnetGroups); an account has 50 groups unless its quota was raised.
pub(crate) static SUBNET_GROUPS: Load = Load::of(
    "rds",
    "DescribeDBSubnetGroups",
    By::All,
    1,
    "DBSubnetGroups",
    "DBSubnetGroupName",
);
pub(crate) static TAGS: Load = Load {
    gone: &[
        "DBSubnetGroupNotFoundFault",
        "DBParameterGroupNotFound",
        "OptionGroupNotFoundFault",
    ],
    ..Load::of(
        "rds",
        "ListTagsForResource",
        By::One(&["ResourceName"]),
        1,
        "",
        "",
    )
};

/// Their filters are "not currently supported" (API_DescribeDBParameterGroups); an account has 50 of each kind unless its quota was raised.
pub(crate) static PARAMETER_GROUPS: Load = Load::of(
    "rds",
    "DescribeDBParameterGroups",
    By::All,
    1,
    "DBParameterGroups",
    "DBParameterGroupName",
);
pub(crate) static CLUSTER_PARAMETER_GROUPS: Load = Load::of(
    "rds",
    "DescribeDBClusterParameterGroups",
    By::All,
    1,
    "DBClusterParameterGroups",
    "DBClusterParameterGroupName",
);
pub(crate) static OPTION_GROUPS: Load = Load::of(
    "rds",
    "DescribeOptionGroups",
    By::All,
    1,
    "OptionGroupsList",
    "OptionGroupName",
);

const fn parameters_of(
    operation: &'static str,
    members: &'static [&'static str],
    fixed: &'static [(&'static str, Fixed)],
) -> Load {
    Load {
        gone: &["DBParameterGroupNotFound"],
        fixed,
        ..Load::of("rds", operation, By::One(members), 1, "Parameters", "")
    }
}

/// Engines have hundreds of parameters; those that somebody has set are few (API_DescribeDBParameters, Source).
const SET: &[(&str, Fixed)] = &[("Source", Fixed::Text("user"))];

pub(crate) static PARAMETERS: Load =
    parameters_of("DescribeDBParameters", &["DBParameterGroupName"], &[]);
pub(crate) static USER_PARAMETERS: Load =
    parameters_of("DescribeDBParameters", &["DBParameterGroupName"], SET);
pub(crate) static CLUSTER_PARAMETERS: Load = parameters_of(
    "DescribeDBClusterParameters",
    &["DBClusterParameterGroupName"],
    &[],
);
pub(crate) static USER_CLUSTER_PARAMETERS: Load = parameters_of(
    "DescribeDBClusterParameters",
    &["DBClusterParameterGroupName"],
    SET,
);

/// The log types to switch on and off, as both modify calls take them.
fn log_exports(update: &Update<'_>) -> Json {
    const PROPERTY: &str = "EnableCloudwatchLogsExports";
    let list = |value: &Value| -> Vec<String> {
        let items = value.get(PROPERTY).and_then(Value::as_list);
        items
            .into_iter()
            .flatten()
            .filter_map(Value::to_text)
            .collect()
    };
    let (wanted, live) = (list(update.desired), list(update.live));
    let more = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter()
            .filter(|one| !others.contains(one))
            .cloned()
            .collect()
    };
    let mut types = Map::new();
    for (name, some) in [
        ("EnableLogTypes", more(&wanted, &live)),
        ("DisableLogTypes", more(&live, &wanted)),
    ] {
        if !some.is_empty() {
            types.insert(name.to_owned(), json!(some));
        }
    }
    if types.is_empty() {
        return json!({});
    }
    json!({"CloudwatchLogsExportConfiguration": types})
}

/// Roles by ARN and feature.
fn roles(value: &Value) -> Vec<(String, Option<String>)> {
    let roles = value.get("AssociatedRoles").and_then(Value::as_list);
    roles
        .into_iter()
        .flatten()
        .filter_map(|role| {
            let feature = role.get("FeatureName").and_then(Value::to_text);
            Some((
                role.get("RoleArn")?.to_text()?,
                feature.filter(|name| !name.is_empty()),
            ))
        })
        .collect()
}

/// Roles come and go one by one; one that is there or gone already is fine.
async fn change_roles(
    context: &Context,
    definition: &Definition,
    (member, id): (&str, &PhysicalId),
    update: &Update<'_>,
    (add, remove): (&'static str, &'static str),
) -> crate::error::Result<()> {
    let (wanted, live) = (roles(update.desired), roles(update.live));
    let gone = live.iter().filter(|role| !wanted.contains(role));
    let new = wanted.iter().filter(|role| !live.contains(role));
    let calls = gone
        .map(|role| (remove, role))
        .chain(new.map(|role| (add, role)));
    for (operation, (arn, feature)) in calls {
        let mut input = Map::from_iter([
            (member.to_owned(), json!(id.as_str())),
            ("RoleArn".to_owned(), json!(arn)),
        ]);
        if let Some(feature) = feature {
            input.insert("FeatureName".to_owned(), json!(feature));
        }
        match generic::write(definition, context, operation, input).await {
            Err(error)
                if error.code().is_some_and(|code| {
                    code.contains("RoleAlreadyExists") || code.contains("RoleNotFound")
                }) => {}
            done => {
                done?;
            }
        }
    }
    Ok(())
}

/// A flag of the declared or last applied properties.
fn flag(properties: Option<&Value>, name: &str) -> Option<bool> {
    match properties?.get(name)?.to_text()?.as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
