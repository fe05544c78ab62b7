//! Deployment groups of ECS services: their pair of target groups, the listener, the service.

use std::collections::BTreeSet;

use payctl_model::{Address, Value};

use super::service::{SERVICE, controller};
use super::view::{View, items, tell, text_at};
use crate::graph::Node;
use crate::template::Diagnostic;

const GROUP: &str = "AWS::CodeDeploy::DeploymentGroup";
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const PAIRS: &str = "LoadBalancerInfo.TargetGroupPairInfoList";

pub(super) fn check(view: &View<'_>, found: &mut Vec<Diagnostic>) {
    for group in view.all(GROUP) {
        if items(group, "ECSServices").is_empty() {
            continue;
        }
        found.extend(wrong_controller(view, group));
        match two_groups(group) {
            Some(mistake) => found.extend(tell(group, PAIRS, mistake)),
            None => {
                found.extend(outside_of_the_listener(view, group));
                found.extend(service_outside_of_the_pair(view, group));
            }
        }
    }
}

/// Source: CodeDeploy API Reference, CreateDeploymentGroup, InvalidECSServiceException.
fn wrong_controller(view: &View<'_>, group: &Node) -> Option<Diagnostic> {
    let path = "ECSServices.0.ServiceName";
    let service = view.at(group, path, SERVICE)?;
    let controller = controller(service)?;
    let name = &service.resource.address.logical_id;
    let message =
        format!("{name} has the {controller} deployment controller: CodeDeploy cannot deploy it");
    let help = format!("give {name} DeploymentController: {{Type: CODE_DEPLOY}}");
    (controller != "CODE_DEPLOY")
        .then(|| {
            tell(
                group,
                path,
                Diagnostic::error("deployment-controller", message).help(help),
            )
        })
        .flatten()
}

/// Source: CodeDeploy User Guide, "Create a deployment group for an Amazon ECS deployment": two groups, one of which the
/// original task set has.
fn two_groups(group: &Node) -> Option<Diagnostic> {
    let error = |message: String| {
        Diagnostic::error("target-group-pair", message)
            .help("name two target groups of one load balancer: one serves, the other takes the new tasks")
    };
    let pairs = match group.shape.at(&PAIRS.into()) {
        None => {
            return Some(error(
                "a deployment group of an ECS service needs a pair of target groups".to_owned(),
            ));
        }
        Some(pairs) => pairs.as_list()?,
    };
    let [pair] = pairs else {
        let message = "a deployment group of an ECS service has one pair of target groups";
        return Some(error(format!("{message}, not {}", pairs.len())));
    };
    let groups = match pair.get("TargetGroups") {
        None => &[],
        Some(groups) => groups.as_list()?,
    };
    let names: Vec<Option<&Value>> = groups.iter().map(|group| group.get("Name")).collect();
    match names.as_slice() {
        [one, other] if one == other => Some(error(
            "both target groups of the pair are the same".to_owned(),
        )),
        [_, _] => None,
        _ => Some(error(format!(
            "a blue/green deployment needs two target groups, here is {}",
            groups.len()
        ))),
    }
}

/// The target groups of the pair that the templates have, in order.
fn pair<'g>(view: &View<'g>, group: &Node) -> Option<Vec<&'g Node>> {
    (0..2)
        .map(|index| {
            view.at(
                group,
                &format!("{PAIRS}.0.TargetGroups.{index}.Name"),
                TARGET_GROUP,
            )
        })
        .collect()
}

/// The first group of what the listener forwards to must be one of the pair, by its default action or by one of its rules: what
/// CodeDeploy shifts is exactly that.
fn outside_of_the_listener(view: &View<'_>, group: &Node) -> Option<Diagnostic> {
    let path = format!("{PAIRS}.0.ProdTrafficRoute.ListenerArns.0");
    let listener = view.at(group, &path, LISTENER)?;
    let pair: BTreeSet<&Address> = pair(view, group)?
        .iter()
        .map(|one| &one.resource.address)
        .collect();
    let of_listener = |rule: &&Node| {
        view.at(rule, "ListenerArn", LISTENER)
            .is_some_and(|of| of.resource.address == listener.resource.address)
    };
    let rules = view
        .all("AWS::ElasticLoadBalancingV2::ListenerRule")
        .filter(of_listener);
    let mut forwards = forwards(view, listener, "DefaultActions")?;
    for rule in rules {
        forwards.extend(self::forwards(view, rule, "Actions")?);
    }
    if forwards.iter().any(|address| pair.contains(address)) {
        return None;
    }
    let name = &listener.resource.address.logical_id;
    let message =
        format!("the listener {name} and its rules forward to neither target group of the pair");
    let help = "forward to one of the two, in the listener's default action or in one of its rules; CodeDeploy shifts from there";
    tell(
        group,
        &path,
        Diagnostic::error("target-group-not-used", message).help(help),
    )
}

/// The target groups that the actions forward to; `None` where one of them is not of these templates.
fn forwards<'g>(view: &View<'g>, node: &Node, actions: &str) -> Option<BTreeSet<&'g Address>> {
    let mut found = BTreeSet::new();
    for action in items(node, actions) {
        let listed = action
            .at(&"ForwardConfig.TargetGroups".into())
            .and_then(Value::as_list);
        let listed = listed.unwrap_or_default().iter();
        let arns = action.get("TargetGroupArn").into_iter();
        for arn in arns.chain(listed.filter_map(|group| group.get("TargetGroupArn"))) {
            found.insert(&view.named(node, arn, TARGET_GROUP)?.resource.address);
        }
    }
    Some(found)
}

fn service_outside_of_the_pair(view: &View<'_>, group: &Node) -> Option<Diagnostic> {
    let service = view.at(group, "ECSServices.0.ServiceName", SERVICE)?;
    let path = "LoadBalancers.0.TargetGroupArn";
    let used = view.at(service, path, TARGET_GROUP)?;
    let pair = pair(view, group)?;
    if pair
        .iter()
        .any(|one| one.resource.address == used.resource.address)
    {
        return None;
    }
    let message = format!(
        "{} is none of the two target groups of {}",
        used.resource.address.logical_id,
        text_at(group, "DeploymentGroupName").unwrap_or(&group.resource.address.logical_id)
    );
    let names: Vec<&str> = pair
        .iter()
        .map(|one| one.resource.address.logical_id.as_str())
        .collect();
    let help = format!("the service begins in one of {}", names.join(", "));
    tell(
        service,
        path,
        Diagnostic::error("target-group-pair", message).help(help),
    )
}
