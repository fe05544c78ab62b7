//! The services of an environment, as its state knows them, and who deploys each.

use payctl_model::{Address, PhysicalId, PropertyPath, Value};
use payctl_state::{ResourceState, State};

use crate::apply::cloud::Controller;
use crate::apply::operation::deployment::code_deploy_controller;
use crate::graph::Names;
use crate::report::failure::Failure;

const SERVICE: &str = "AWS::ECS::Service";
const GROUP: &str = "AWS::CodeDeploy::DeploymentGroup";

/// A service that is live.
pub(super) struct Service {
    pub(super) address: Address,
    pub(super) id: PhysicalId,
    /// CodeDeploy's deployment group, with its identifier.
    pub(super) group: Option<(Address, PhysicalId)>,
    /// Who deploys it.
    pub(super) controller: Controller,
}

/// The names of all that the state has.
pub(super) fn names(state: &State) -> Names {
    Names::new(state.all().map(|(address, _)| address))
}

/// The service of this name.
///
/// # Errors
/// Where there is none, or nothing deploys it.
pub(super) fn find(state: &State, text: &str) -> Result<Service, Failure> {
    let names = names(state);
    let address = names.find(text)?;
    let Some(kept) = state.resources.get(&address) else {
        return Err(Failure::new(
            "unknown-address",
            format!("the state has no {address}"),
        ));
    };
    if kept.type_name != SERVICE {
        let services: Vec<String> = state
            .resources
            .iter()
            .filter(|(_, kept)| kept.type_name == SERVICE)
            .map(|(address, _)| names.show(address))
            .collect();
        let failure = Failure::new(
            "not-a-service",
            format!(
                "{} is an {}, not a service",
                names.show(&address),
                kept.type_name
            ),
        );
        return Err(match services.is_empty() {
            true => failure.help("the environment has no AWS::ECS::Service"),
            false => failure.help(format!("services: {}", services.join(", "))),
        });
    }
    service(state, &address, kept)
}

/// Every service that something deploys.
pub(super) fn all(state: &State) -> Vec<Service> {
    let services = state
        .resources
        .iter()
        .filter(|(_, kept)| kept.type_name == SERVICE);
    services
        .filter_map(|(address, kept)| service(state, address, kept).ok())
        .collect()
}

fn service(state: &State, address: &Address, kept: &ResourceState) -> Result<Service, Failure> {
    let text = |of: &Value, path: &str| {
        let value = of.at(&PropertyPath::from(path)).and_then(Value::as_str);
        value.map(str::to_owned)
    };
    let said = |path: &str| text(&kept.last_applied, path).or_else(|| text(&kept.attributes, path));
    let id = kept.physical_id.clone().ok_or_else(|| {
        Failure::new("in-doubt", format!("whether {address} exists is not known"))
            .help("payctl apply finds out")
    })?;
    let found = |group, controller| Service {
        address: address.clone(),
        id: id.clone(),
        group,
        controller,
    };
    match said("DeploymentController.Type").as_deref() {
        Some("CODE_DEPLOY") => {
            let name = text(&kept.attributes, "ServiceName").or_else(|| said("ServiceName"));
            let group = state.resources.iter().find(|(at, group)| {
                let services = [&group.attributes, &group.last_applied];
                group.type_name == GROUP
                    && at.region == address.region
                    && name.is_some()
                    && services
                        .iter()
                        .any(|of| text(of, "ECSServices.0.ServiceName") == name)
            });
            let placed = group.and_then(|(at, group)| {
                let controller = code_deploy_controller(&group.attributes, &kept.attributes)?;
                Some(found(
                    Some((at.clone(), group.physical_id.clone()?)),
                    controller,
                ))
            });
            placed.ok_or_else(|| {
                Failure::new(
                    "no-deployment-group",
                    format!("{address} is deployed by CodeDeploy, and no deployment group of this environment names it"),
                )
                .help("declare an AWS::CodeDeploy::DeploymentGroup whose ECSServices does, and apply")
            })
        }
        Some("EXTERNAL") => Err(Failure::new(
            "external-controller",
            format!(
                "{address} has the deployment controller EXTERNAL: whoever makes its task sets deploys it"
            ),
        )),
        _ => {
            let service = text(&kept.attributes, "ServiceArn");
            let service = service.or_else(|| id.as_str().split('|').next().map(str::to_owned));
            let cluster = text(&kept.attributes, "Cluster").or_else(|| said("Cluster"));
            Ok(found(
                None,
                Controller::Ecs {
                    cluster: cluster.unwrap_or_else(|| "default".to_owned()),
                    service: service.unwrap_or_default(),
                },
            ))
        }
    }
}
