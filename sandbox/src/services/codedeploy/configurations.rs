//! Deployment configurations: AWS's own, and the account's.

use super::{ECS, LAMBDA, SERVER, listing};
use crate::call::{Call, uuid};
use crate::error::{Answer, Fault, Refusal};
use crate::kind::{Id, Kind, Shows, Unique, create, get, run};
use crate::law::Law;
use crate::world::Record;
use serde_json::{Map, Value as Json, json};

/// AWS's names are AWS's.
pub const RESERVED: Law = Law {
    name: "the names of predefined deployment configurations are AWS's",
    operations: &["CreateDeploymentConfig"],
    source: "CodeDeploy API Reference, CreateDeploymentConfig, Errors: InvalidDeploymentConfigNameException",
    fault: Fault::new(
        "InvalidDeploymentConfigNameException",
        "The deployment configuration name begins with a reserved prefix: CodeDeployDefault.",
    ),
    check: Some(|call, law| {
        let name = call.text("deploymentConfigName").unwrap_or_default();
        if name.starts_with(PREFIX) {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

/// AWS's stay.
pub const PREDEFINED: Law = Law {
    name: "predefined deployment configurations cannot be deleted",
    operations: &["DeleteDeploymentConfig"],
    source: "CodeDeploy API Reference, DeleteDeploymentConfig: predefined configurations cannot be deleted",
    fault: Fault::new(
        "InvalidOperationException",
        "Predefined deployment configurations cannot be deleted: {id}",
    ),
    check: Some(|call, law| {
        let name = call.text("deploymentConfigName").unwrap_or_default();
        if name.starts_with(PREFIX) {
            return Err(law.fault.with(&[("id", name)]));
        }
        Ok(())
    }),
};

/// How many hosts stay healthy.
pub const HOSTS: Law = Law {
    name: "hosts are deployed to with a minimum of healthy ones",
    operations: &["CreateDeploymentConfig"],
    source: "CodeDeploy API Reference, MinimumHealthyHosts; CreateDeploymentConfig, Errors",
    fault: Fault::new(
        "InvalidMinimumHealthyHostValueException",
        "The minimum healthy instance value is missing or was specified in an invalid format.",
    ),
    check: Some(|call, law| {
        if platform(call) != SERVER {
            return Ok(());
        }
        let hosts = call.input.get("minimumHealthyHosts");
        let value = hosts.and_then(|hosts| hosts["value"].as_i64());
        let percent = hosts.is_some_and(|hosts| hosts["type"] == json!("FLEET_PERCENT"));
        match value {
            Some(value) if value >= 0 && (!percent || value < 100) => Ok(()),
            _ => Err(law.fault.with(&[])),
        }
    }),
};

/// How traffic shifts.
pub const ROUTED: Law = Law {
    name: "traffic shifts by the configuration of its type",
    operations: &["CreateDeploymentConfig"],
    source: "CodeDeploy API Reference, TrafficRoutingConfig; CreateDeploymentConfig, Errors",
    fault: Fault::new(
        "InvalidTrafficRoutingConfigurationException",
        "The traffic routing configuration was specified in an invalid format.",
    ),
    check: Some(|call, law| {
        let routing = call.input.get("trafficRoutingConfig");
        let fine = match (platform(call), routing) {
            (SERVER, routing) => routing.is_none(),
            (_, None) => false,
            (_, Some(routing)) => {
                let share = |member: &str, percentage: &str, interval: &str| {
                    let percentage = routing[member][percentage].as_i64();
                    let interval = routing[member][interval].as_i64();
                    percentage.is_some_and(|share| (1..100).contains(&share))
                        && interval.is_some_and(|minutes| minutes >= 0)
                };
                let none = |member: &str| routing[member].is_null();
                match routing["type"].as_str() {
                    Some("TimeBasedCanary") => {
                        share("timeBasedCanary", "canaryPercentage", "canaryInterval")
                            && none("timeBasedLinear")
                    }
                    Some("TimeBasedLinear") => {
                        share("timeBasedLinear", "linearPercentage", "linearInterval")
                            && none("timeBasedCanary")
                    }
                    Some("AllAtOnce") => none("timeBasedCanary") && none("timeBasedLinear"),
                    _ => false,
                }
            }
        };
        if fine {
            Ok(())
        } else {
            Err(law.fault.with(&[]))
        }
    }),
};

/// Zones are hosts'.
pub const ZONAL: Law = Law {
    name: "only deployments to hosts go zone by zone",
    operations: &["CreateDeploymentConfig"],
    source: "CodeDeploy API Reference, ZonalConfig; CreateDeploymentConfig, Errors",
    fault: Fault::new(
        "InvalidZonalDeploymentConfigurationException",
        "The ZonalConfig object is not valid for this compute platform.",
    ),
    check: Some(|call, law| {
        if platform(call) != SERVER && call.input.contains_key("zonalConfig") {
            return Err(law.fault.with(&[]));
        }
        Ok(())
    }),
};

fn platform<'a>(call: &'a Call<'_>) -> &'a str {
    call.text("computePlatform").unwrap_or(SERVER)
}

const PREFIX: &str = "CodeDeployDefault.";

/// A deployment configuration.
pub const CONFIGURATION: Kind = Kind {
    name: "codedeploy/configuration",
    id: Id::Member("deploymentConfigName"),
    created_member: "createTime",
    on_demand: Some(summon),
    defaults: Some(|_| json!({"computePlatform": SERVER})),
    unique: &[Unique::new(
        &["deploymentConfigName"],
        Fault::new(
            "DeploymentConfigAlreadyExistsException",
            "A deployment configuration with the specified name already exists: {deploymentConfigName}",
        ),
    )],
    not_found: Fault::new(
        "DeploymentConfigDoesNotExistException",
        "No deployment configuration found for name: {id}",
    ),
    in_use: Fault::new(
        "DeploymentConfigInUseException",
        "The deployment configuration {id} is still in use by {by}.",
    ),
    operations: &[
        create(
            "CreateDeploymentConfig",
            Shows::With(
                |_, record| json!({"deploymentConfigId": record.text("deploymentConfigId")}),
            ),
        )
        .prepare(identified),
        get(
            "GetDeploymentConfig",
            "deploymentConfigName",
            Shows::In("deploymentConfigInfo"),
        ),
        run("ListDeploymentConfigs", list),
        run("DeleteDeploymentConfig", delete),
    ],
    ..Kind::NEW
};

fn identified(call: &mut Call, configuration: &mut Record) -> Result<(), Refusal> {
    let digits = call.derive(&format!("deployment configuration {}", configuration.id));
    configuration.set("deploymentConfigId", uuid(&digits));
    Ok(())
}

/// Deleting what is not there is no error (API_DeleteDeploymentConfig, Errors).
fn delete(call: &mut Call) -> Answer {
    let name = call
        .text("deploymentConfigName")
        .unwrap_or_default()
        .to_owned();
    if call.find(CONFIGURATION.name, &name).is_some() {
        call.delete(CONFIGURATION.name, &name)?;
    }
    Ok(json!({}))
}

fn list(call: &mut Call) -> Answer {
    for (name, _) in predefined() {
        summon(call, &name);
    }
    let names = call.list(CONFIGURATION.name).map(|one| one.id.clone());
    listing(call, "deploymentConfigsList", names).map(Json::Object)
}

/// Makes AWS's configuration of this name.
fn summon(call: &mut Call, name: &str) {
    if !name.starts_with(PREFIX) || call.find(CONFIGURATION.name, name).is_some() {
        return;
    }
    let Some((_, mut members)) = predefined().into_iter().find(|(known, _)| known == name) else {
        return;
    };
    let digits = call.derive(&format!("deployment configuration {name}"));
    members.insert("deploymentConfigId".into(), uuid(&digits).into());
    members.insert("deploymentConfigName".into(), name.into());
    // No member of it can be wrong: the table below is made of the same words as the kind.
    if let Err(refusal) = call.make(CONFIGURATION.name, Json::Object(members)) {
        tracing::debug!(%refusal, name, "a predefined deployment configuration");
    }
}

/// AWS's configurations (CodeDeploy User Guide, Working with deployment configurations: the tables of the three platforms).
fn predefined() -> Vec<(String, Map<String, Json>)> {
    let mut all = Vec::new();
    let mut add = |name: String, members: Json| {
        if let Json::Object(members) = members {
            all.push((format!("{PREFIX}{name}"), members));
        }
    };
    for (name, kind, value) in [
        ("AllAtOnce", "HOST_COUNT", 0),
        ("HalfAtATime", "FLEET_PERCENT", 50),
        ("OneAtATime", "FLEET_PERCENT", 99),
    ] {
        let hosts = json!({"type": kind, "value": value});
        add(
            name.to_owned(),
            json!({"computePlatform": SERVER, "minimumHealthyHosts": hosts}),
        );
    }
    for (platform, canaries, linears) in [
        (ECS, &[5, 15][..], &[1, 3][..]),
        (LAMBDA, &[5, 10, 15, 30], &[1, 2, 3, 10]),
    ] {
        let routed =
            |routing: Json| json!({"computePlatform": platform, "trafficRoutingConfig": routing});
        add(
            format!("{platform}AllAtOnce"),
            routed(json!({"type": "AllAtOnce"})),
        );
        for minutes in canaries {
            let canary = json!({"canaryPercentage": 10, "canaryInterval": minutes});
            add(
                format!("{platform}Canary10Percent{minutes}Minutes"),
                routed(json!({"type": "TimeBasedCanary", "timeBasedCanary": canary})),
            );
        }
        for minutes in linears {
            let linear = json!({"linearPercentage": 10, "linearInterval": minutes});
            // "ECSLinear10PercentEvery1Minutes", but "LambdaLinear10PercentEvery1Minute".
            let unit = if platform == LAMBDA && *minutes == 1 {
                "Minute"
            } else {
                "Minutes"
            };
            add(
                format!("{platform}Linear10PercentEvery{minutes}{unit}"),
                routed(json!({"type": "TimeBasedLinear", "timeBasedLinear": linear})),
            );
        }
    }
    all
}
