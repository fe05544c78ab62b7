//! Services: their controller, network, containers, capacity.

use payctl_model::Value;

use super::view::{View, declares, items, tell, text_at};
use crate::graph::Node;
use crate::template::Diagnostic;

pub(super) const SERVICE: &str = "AWS::ECS::Service";
pub(super) const TASK_DEFINITION: &str = "AWS::ECS::TaskDefinition";

pub(super) fn check(view: &View<'_>, found: &mut Vec<Diagnostic>) {
    for service in view.all(SERVICE) {
        found.extend(circuit_breaker(service));
        found.extend(healthy_percent(service));
        found.extend(launch_type(view, service));
        found.extend(network(view, service));
        found.extend(containers(view, service));
        found.extend(grace_period(view, service));
        found.extend(capacity_providers(view, service));
    }
    for policy in view.all("AWS::ApplicationAutoScaling::ScalingPolicy") {
        found.extend(request_count(view, policy));
    }
}

/// The controller of a service, `ECS` where it names none; `None` where only AWS can tell.
pub(super) fn controller(service: &Node) -> Option<&str> {
    match service.shape.at(&"DeploymentController.Type".into()) {
        None => Some("ECS"),
        Some(value) => value.as_str(),
    }
}

/// Source: ECS Developer Guide, "How the Amazon ECS deployment circuit breaker detects failures": rolling updates only.
fn circuit_breaker(service: &Node) -> Option<Diagnostic> {
    let controller = controller(service)?;
    let path = "DeploymentConfiguration.DeploymentCircuitBreaker";
    let enabled = service
        .shape
        .at(&format!("{path}.Enable").as_str().into())?;
    if controller == "ECS" || enabled.as_bool() != Some(true) {
        return None;
    }
    let message = format!(
        "a service with the {controller} deployment controller takes no deployment circuit breaker"
    );
    let help = match controller {
        "CODE_DEPLOY" => {
            "take DeploymentCircuitBreaker out; AutoRollbackConfiguration of the deployment group is what rolls back here"
        }
        _ => "take DeploymentCircuitBreaker out, or use the ECS controller",
    };
    tell(
        service,
        path,
        Diagnostic::error("circuit-breaker", message).help(help),
    )
}

/// Source: ECS API Reference, DeploymentConfiguration: with CODE_DEPLOY and Fargate both are stored and not used.
fn healthy_percent(service: &Node) -> Option<Diagnostic> {
    if controller(service)? != "CODE_DEPLOY" {
        return None;
    }
    let property = ["MinimumHealthyPercent", "MaximumPercent"]
        .into_iter()
        .find(|one| declares(service, &format!("DeploymentConfiguration.{one}")))?;
    let message = format!(
        "{property} has no effect under CODE_DEPLOY: CodeDeploy starts a whole second set of tasks"
    );
    let help = "take it out; how fast traffic moves is the deployment group's DeploymentConfigName";
    tell(
        service,
        &format!("DeploymentConfiguration.{property}"),
        Diagnostic::warning("healthy-percent", message).help(help),
    )
}

/// Source: ECS API Reference, CreateService, `launchType` and `capacityProviderStrategy`.
fn launch_type(view: &View<'_>, service: &Node) -> Option<Diagnostic> {
    let launch_type = text_at(service, "LaunchType")?;
    if !items(service, "CapacityProviderStrategy").is_empty() {
        let message = "LaunchType and CapacityProviderStrategy exclude each other";
        let help = "take LaunchType out: the capacity providers say where the tasks run";
        return tell(
            service,
            "LaunchType",
            Diagnostic::error("launch-type", message).help(help),
        );
    }
    let task = view.at(service, "TaskDefinition", TASK_DEFINITION)?;
    let compatible = task.shape.get("RequiresCompatibilities")?.as_list()?;
    let fits = launch_type != "FARGATE" || compatible.iter().any(|one| one.as_str() != Some("EC2"));
    let message = format!(
        "the task definition {} does not run on FARGATE",
        task.resource.address.logical_id
    );
    let help = "add FARGATE to its RequiresCompatibilities";
    (!fits)
        .then(|| {
            tell(
                service,
                "LaunchType",
                Diagnostic::error("launch-type", message).help(help),
            )
        })
        .flatten()
}

/// Source: ECS API Reference, CreateService, `networkConfiguration`: awsvpc needs it, other modes take none.
fn network(view: &View<'_>, service: &Node) -> Option<Diagnostic> {
    let task = view.at(service, "TaskDefinition", TASK_DEFINITION)?;
    let mode = match task.shape.get("NetworkMode") {
        None => "bridge",
        Some(mode) => mode.as_str()?,
    };
    let name = &task.resource.address.logical_id;
    let (path, message, help) = match (mode, declares(service, "NetworkConfiguration")) {
        ("awsvpc", false) => (
            "TaskDefinition",
            format!(
                "tasks of {name} have the network mode awsvpc, and the service says no network"
            ),
            "add NetworkConfiguration.AwsvpcConfiguration with Subnets and SecurityGroups",
        ),
        (mode, true) if mode != "awsvpc" => (
            "NetworkConfiguration",
            format!(
                "tasks of {name} have the network mode {mode}, which takes no NetworkConfiguration"
            ),
            "take it out, or give the task definition NetworkMode: awsvpc",
        ),
        _ => return None,
    };
    tell(
        service,
        path,
        Diagnostic::error("network-configuration", message).help(help),
    )
}

/// Every load balancer's and registry's container is one of the task definition's, with that port.
fn containers(view: &View<'_>, service: &Node) -> Vec<Diagnostic> {
    let Some(task) = view.at(service, "TaskDefinition", TASK_DEFINITION) else {
        return Vec::new();
    };
    let lists = ["LoadBalancers", "ServiceRegistries"];
    let entries = lists.into_iter().flat_map(|list| {
        let entries = items(service, list).iter().enumerate();
        entries.map(move |(index, entry)| (format!("{list}.{index}"), entry))
    });
    entries
        .filter_map(|(path, entry)| container(service, task, &path, entry))
        .collect()
}

fn container(service: &Node, task: &Node, path: &str, entry: &Value) -> Option<Diagnostic> {
    let wanted = entry.get("ContainerName")?.as_str()?;
    let containers = task.shape.get("ContainerDefinitions")?.as_list()?;
    let names: Option<Vec<&str>> = containers
        .iter()
        .map(|container| container.get("Name")?.as_str())
        .collect();
    let task_name = &task.resource.address.logical_id;
    let Some(index) = names.as_ref()?.iter().position(|name| *name == wanted) else {
        let message = format!("the task definition {task_name} has no container `{wanted}`");
        let help = format!("it has {}", names?.join(", "));
        let diagnostic = Diagnostic::error("unknown-container", message).help(help);
        return tell(service, &format!("{path}.ContainerName"), diagnostic);
    };
    let port = entry.get("ContainerPort")?.as_i64()?;
    let mappings = match containers[index].get("PortMappings") {
        None => &[],
        Some(mappings) => mappings.as_list()?,
    };
    let mut open = Vec::new();
    for mapping in mappings {
        match (
            mapping.get("ContainerPort"),
            mapping.get("ContainerPortRange"),
        ) {
            (Some(port), _) => open.push(port.as_i64()?),
            // A range may have it; it is for ports that no load balancer sees.
            (None, _) => return None,
        }
    }
    if open.contains(&port) {
        return None;
    }
    let message = format!("the container `{wanted}` of {task_name} has no port {port}");
    let help = match open.is_empty() {
        true => format!("add PortMappings with ContainerPort: {port} to the container"),
        false => {
            let open: Vec<String> = open.iter().map(i64::to_string).collect();
            format!("it has {}", open.join(", "))
        }
    };
    let diagnostic = Diagnostic::error("unknown-port", message).help(help);
    tell(service, &format!("{path}.ContainerPort"), diagnostic)
}

/// Source: ECS API Reference, CreateService, `healthCheckGracePeriodSeconds`: it holds off the health checks of load balancers,
/// of VPC Lattice and of containers. Older regions of the service refuse it without a load balancer.
fn grace_period(view: &View<'_>, service: &Node) -> Option<Diagnostic> {
    let period = service
        .shape
        .get("HealthCheckGracePeriodSeconds")?
        .as_i64()?;
    let checked = ["LoadBalancers", "VpcLatticeConfigurations"]
        .into_iter()
        .any(|list| {
            declares(service, list) && service.shape.get(list) != Some(&Value::List(Vec::new()))
        });
    if period == 0 || checked {
        return None;
    }
    let task = view.at(service, "TaskDefinition", TASK_DEFINITION)?;
    let containers = items(task, "ContainerDefinitions");
    if containers
        .iter()
        .any(|container| container.get("HealthCheck").is_some())
    {
        return None;
    }
    let message = "HealthCheckGracePeriodSeconds without a load balancer: there is no health check to hold off";
    let help = "take it out, or add LoadBalancers; a container's own health check has StartPeriod";
    tell(
        service,
        "HealthCheckGracePeriodSeconds",
        Diagnostic::warning("grace-period", message).help(help),
    )
}

/// Source: ECS Developer Guide, "Amazon ECS clusters for Fargate": a provider is used only once it is associated with the
/// cluster, the Fargate ones too.
fn capacity_providers(view: &View<'_>, service: &Node) -> Vec<Diagnostic> {
    const ASSOCIATIONS: &str = "AWS::ECS::ClusterCapacityProviderAssociations";
    let Some(cluster) = view.at(service, "Cluster", "AWS::ECS::Cluster") else {
        return Vec::new();
    };
    let associations = view.all(ASSOCIATIONS).filter(|node| {
        view.at(node, "Cluster", "AWS::ECS::Cluster")
            .is_some_and(|of| of.resource.address == cluster.resource.address)
    });
    let declaring: Vec<&Node> = std::iter::once(cluster).chain(associations).collect();
    let lists: Vec<&Value> = declaring
        .iter()
        .filter_map(|node| node.shape.get("CapacityProviders"))
        .collect();
    if lists.iter().any(|list| list.as_list().is_none()) {
        return Vec::new();
    }
    let known: Vec<&Value> = lists
        .into_iter()
        .filter_map(Value::as_list)
        .flatten()
        .collect();
    let wanted = items(service, "CapacityProviderStrategy")
        .iter()
        .enumerate();
    let missing = wanted.filter_map(|(index, item)| {
        let provider = item.get("CapacityProvider")?;
        let name = match provider {
            Value::String(name) => name.clone(),
            Value::Unknown(of) => of.first()?.address.logical_id.clone(),
            _ => return None,
        };
        // A text may be the name of what stands there as a reference.
        let is_known = known.iter().any(|one| {
            *one == provider
                || (one.as_str().is_none()
                    && provider
                        .as_str()
                        .is_some_and(|name| !name.starts_with("FARGATE")))
        });
        (!is_known).then_some((index, name))
    });
    missing
        .filter_map(|(index, name)| {
            let cluster = &cluster.resource.address.logical_id;
            let message = format!(
                "the capacity provider {name} is not associated with the cluster {cluster}"
            );
            let help =
                format!("add {name} to the cluster's CapacityProviders, or to an {ASSOCIATIONS}");
            tell(
                service,
                &format!("CapacityProviderStrategy.{index}.CapacityProvider"),
                Diagnostic::error("capacity-provider", message).help(help),
            )
        })
        .collect()
}

/// Source: Application Auto Scaling User Guide, "Target tracking scaling policies", considerations: not for services that use the
/// blue/green deployment type.
fn request_count(view: &View<'_>, policy: &Node) -> Option<Diagnostic> {
    let path = "TargetTrackingScalingPolicyConfiguration.PredefinedMetricSpecification.PredefinedMetricType";
    if text_at(policy, path)? != "ALBRequestCountPerTarget" {
        return None;
    }
    let target = view.at(
        policy,
        "ScalingTargetId",
        "AWS::ApplicationAutoScaling::ScalableTarget",
    );
    let service = view.at(target.unwrap_or(policy), "ResourceId", SERVICE)?;
    if controller(service)? != "CODE_DEPLOY" {
        return None;
    }
    let message = format!(
        "ALBRequestCountPerTarget does not follow {} from one target group to the other",
        service.resource.address.logical_id
    );
    let help = "AWS does not support it for blue/green services: use CustomizedMetricSpecification over both target groups";
    tell(
        policy,
        path,
        Diagnostic::warning("request-count", message).help(help),
    )
}
