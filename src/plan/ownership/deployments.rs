//! Who deploys which service, and between which pair of target groups it moves the traffic of which listeners and rules.

use std::collections::{BTreeMap, BTreeSet};

use payctl_model::{Address, PropertyPath, Value};

use super::{Manager, Owned, text_at, used};
use crate::graph::each_at;

pub(super) const SERVICE: &str = "AWS::ECS::Service";
const GROUP: &str = "AWS::CodeDeploy::DeploymentGroup";
const TARGET_GROUP: &str = "AWS::ElasticLoadBalancingV2::TargetGroup";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const LISTENER_RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";

/// What an AppSpec says of a service (CodeDeploy user guide, "AppSpec 'resources' section for Amazon ECS deployments"), besides a
/// deployment for its own sake. Under CODE_DEPLOY UpdateService changes none of it (API_UpdateService).
pub(crate) const APP_SPEC: &[&str] = &[
    "CapacityProviderStrategy",
    "ForceNewDeployment",
    "LoadBalancers",
    "NetworkConfiguration",
    "PlatformVersion",
    "TaskDefinition",
];

/// What neither UpdateService nor an AppSpec changes under CODE_DEPLOY (the same pages).
pub(crate) const UNDEPLOYABLE: &[&str] = &[
    "ServiceConnectConfiguration",
    "ServiceRegistries",
    "VolumeConfigurations",
    "VpcLatticeConfigurations",
];

/// Who deploys a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deployer {
    /// CodeDeploy, by this deployment group; `None`: no group of the environment names the service.
    CodeDeploy(Option<Address>),
    /// ECS itself, shifting traffic between two target groups.
    Ecs,
}

/// Target groups between which somebody moves traffic.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pair(BTreeSet<String>);

/// What the deployments of an environment own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Deployments {
    /// Who deploys a service, where that is more than a rolling update.
    pub(super) services: BTreeMap<Address, Deployer>,
    /// Whose forwards move between which groups: of listeners, rules, and the service's own load balancers.
    forwards: BTreeMap<Address, Vec<Forward>>,
}

/// Whose forward moves within which pair, and by which resource. A listener may stand before several services.
#[derive(Clone, Debug, PartialEq)]
struct Forward {
    pair: Pair,
    by: Manager,
    owner: Address,
}

impl Deployments {
    pub(super) fn of(resources: &BTreeMap<Address, Owned<'_>>) -> Deployments {
        let mut found = Deployments::default();
        for (address, service) in resources {
            if service.type_name != SERVICE {
                continue;
            }
            match text_at(service.declared, "DeploymentController.Type") {
                Some("CODE_DEPLOY") => {
                    let group = group_of(resources, address, service);
                    if let Some((group, owned)) = group {
                        found.by_code_deploy(resources, address, group, owned);
                    }
                    let group = group.map(|(group, _)| group.clone());
                    let deployer = Deployer::CodeDeploy(group);
                    found.services.insert(address.clone(), deployer);
                }
                None | Some("ECS") => found.by_ecs(resources, address, service),
                Some(_) => {}
            }
        }
        found
    }

    fn by_code_deploy(
        &mut self,
        resources: &BTreeMap<Address, Owned<'_>>,
        service: &Address,
        group: &Address,
        owned: &Owned<'_>,
    ) {
        const PAIRS: &str = "LoadBalancerInfo.TargetGroupPairInfoList";
        let by_reference = used(resources, owned, PAIRS, TARGET_GROUP)
            .filter_map(|group| resources.get(group)?.id.map(str::to_owned));
        let names = texts(owned, &format!("{PAIRS}.*.TargetGroups.*.Name"));
        let by_name = of_type(resources, group, TARGET_GROUP)
            .filter(|(_, other)| {
                ["Name", "TargetGroupName"]
                    .iter()
                    .any(|key| text_at(model(other), key).is_some_and(|n| names.contains(n)))
            })
            .filter_map(|(_, other)| other.id.map(str::to_owned));
        let pair = Pair(by_reference.chain(by_name).collect());
        let routes = ["ProdTrafficRoute", "TestTrafficRoute"]
            .map(|route| format!("{PAIRS}.*.{route}.ListenerArns"));
        let arns: BTreeSet<&str> = routes
            .iter()
            .flat_map(|route| texts(owned, &format!("{route}.*")))
            .collect();
        let named = of_type(resources, group, LISTENER)
            .filter(|(_, other)| other.id.is_some_and(|id| arns.contains(id)))
            .map(|(address, _)| address);
        let listeners: BTreeSet<&Address> = used(resources, owned, PAIRS, LISTENER)
            .chain(named)
            .collect();
        let forward = Forward {
            pair,
            by: Manager::CodeDeploy,
            owner: group.clone(),
        };
        for listener in &listeners {
            self.moves(listener, forward.clone());
        }
        for (rule, other) in of_type(resources, group, LISTENER_RULE) {
            let is_of_these = used(resources, other, "ListenerArn", LISTENER)
                .any(|listener| listeners.contains(listener))
                || text_at(model(other), "ListenerArn").is_some_and(|arn| {
                    arns.contains(arn)
                        || listeners
                            .iter()
                            .filter_map(|listener| resources.get(*listener)?.id)
                            .any(|id| id == arn)
                });
            if is_of_these {
                self.moves(rule, forward.clone());
            }
        }
        self.moves(service, forward);
    }

    /// ECS rewrites the production rule, and the test rule, into a weighted forward over both groups (ECS developer guide, "Amazon
    /// ECS blue/green deployments", "Application Load Balancer resources").
    fn by_ecs(
        &mut self,
        resources: &BTreeMap<Address, Owned<'_>>,
        address: &Address,
        service: &Owned<'_>,
    ) {
        let strategy = text_at(service.declared, "DeploymentConfiguration.Strategy");
        if !matches!(strategy, Some("BLUE_GREEN" | "LINEAR" | "CANARY")) {
            return;
        }
        self.services.insert(address.clone(), Deployer::Ecs);
        let used_at = |property: &str, of: &'static str| -> BTreeSet<Address> {
            used(resources, service, property, of).cloned().collect()
        };
        let balancers = service.declared.get("LoadBalancers");
        let count = balancers.and_then(Value::as_list).map_or(0, <[Value]>::len);
        for at in 0..count {
            let item = format!("LoadBalancers.{at}");
            let advanced = format!("{item}.AdvancedConfiguration");
            let groups = [
                format!("{item}.TargetGroupArn"),
                format!("{advanced}.AlternateTargetGroupArn"),
            ];
            let mut pair = Pair::default();
            for property in &groups {
                let by_reference = used_at(property, TARGET_GROUP).into_iter();
                pair.0.extend(
                    by_reference.filter_map(|one| resources.get(&one)?.id.map(str::to_owned)),
                );
                pair.0
                    .extend(text_at(service.declared, property).map(str::to_owned));
            }
            for property in ["ProductionListenerRule", "TestListenerRule"] {
                let property = format!("{advanced}.{property}");
                for of in [LISTENER_RULE, LISTENER] {
                    let arn = text_at(service.declared, &property);
                    let named = of_type(resources, address, of)
                        .filter(|(_, other)| arn.is_some() && other.id == arn)
                        .map(|(named, _)| named.clone());
                    for moved in used_at(&property, of).into_iter().chain(named) {
                        let forward = Forward {
                            pair: pair.clone(),
                            by: Manager::Ecs,
                            owner: address.clone(),
                        };
                        self.moves(&moved, forward);
                    }
                }
            }
        }
    }

    fn moves(&mut self, address: &Address, forward: Forward) {
        let forwards = self.forwards.entry(address.clone()).or_default();
        forwards.push(forward);
    }

    /// What is wanted of a resource, with what its deployments own taken as it is live.
    pub(super) fn yielding(&self, address: &Address, wanted: &Value, live: &Value) -> Value {
        let forwards = self.forwards.get(address).into_iter().flatten();
        forwards.fold(wanted.clone(), |wanted, forward| {
            forward.pair.yielding(&wanted, live)
        })
    }

    /// What each of those that move this resource's forwards makes of it.
    pub(super) fn movers<'a>(
        &'a self,
        address: &Address,
        wanted: &'a Value,
        live: &'a Value,
    ) -> impl Iterator<Item = (Manager, &'a Address, Value)> {
        let forwards = self.forwards.get(address).into_iter().flatten();
        forwards.map(|forward| {
            let moved = forward.pair.yielding(wanted, live);
            (forward.by, &forward.owner, moved)
        })
    }
}

impl Pair {
    fn yielding(&self, wanted: &Value, live: &Value) -> Value {
        let mut yielding = wanted.clone();
        let Some(map) = yielding.as_map_mut() else {
            return yielding;
        };
        for list in ["Actions", "DefaultActions"] {
            if let (Some(Value::List(wanted)), Some(live)) =
                (map.get_mut(list), live.get(list).and_then(Value::as_list))
            {
                self.yield_forwards(wanted, live);
            }
        }
        if let (Some(Value::List(wanted)), Some(live)) = (
            map.get_mut("LoadBalancers"),
            live.get("LoadBalancers").and_then(Value::as_list),
        ) {
            self.yield_balancers(wanted, live);
        }
        yielding
    }

    fn has(&self, arn: &str) -> bool {
        self.0.contains(arn)
    }

    /// Whether all the groups to which an action forwards are of this pair.
    fn owns(&self, action: &Value) -> bool {
        let mut groups = Vec::new();
        for path in [
            "TargetGroupArn",
            "ForwardConfig.TargetGroups.*.TargetGroupArn",
        ] {
            each_at(action, PropertyPath::from(path).steps(), &mut |arn| {
                groups.push(arn.as_str());
            });
        }
        !groups.is_empty()
            && groups
                .into_iter()
                .all(|arn| arn.is_some_and(|arn| self.has(arn)))
    }

    /// A rule has one action that forwards at most (API_CreateRule, `Actions`).
    fn yield_forwards(&self, wanted: &mut [Value], live: &[Value]) {
        let Some(live) = live.iter().find(|action| self.owns(action)) else {
            return;
        };
        let Some(wanted) = wanted.iter_mut().find(|action| self.owns(action)) else {
            return;
        };
        let Some(wanted) = wanted.as_map_mut() else {
            return;
        };
        match live.get("TargetGroupArn") {
            Some(arn) => wanted.insert("TargetGroupArn".to_owned(), arn.clone()),
            None => wanted.remove("TargetGroupArn"),
        };
        let groups = live.at(&"ForwardConfig.TargetGroups".into());
        let mut config = wanted
            .remove("ForwardConfig")
            .and_then(|config| config.as_map().cloned())
            .unwrap_or_default();
        config.remove("TargetGroups");
        config.extend(groups.map(|groups| ("TargetGroups".to_owned(), groups.clone())));
        if !config.is_empty() {
            wanted.insert("ForwardConfig".to_owned(), Value::Map(config));
        }
    }

    /// Which of both groups a service's load balancer is.
    fn yield_balancers(&self, wanted: &mut [Value], live: &[Value]) {
        let of_pair = |item: &Value| {
            let arn = item.get("TargetGroupArn").and_then(Value::as_str);
            arn.filter(|arn| self.has(arn)).map(str::to_owned)
        };
        let Some(arn) = live.iter().find_map(of_pair) else {
            return;
        };
        let mine = wanted.iter_mut().find(|item| of_pair(item).is_some());
        if let Some(map) = mine.and_then(Value::as_map_mut) {
            map.insert("TargetGroupArn".to_owned(), Value::from(arn));
        }
    }
}

/// The deployment group that names a service: by reference, or by the names of cluster and service.
fn group_of<'a>(
    resources: &'a BTreeMap<Address, Owned<'a>>,
    address: &Address,
    service: &Owned<'_>,
) -> Option<(&'a Address, &'a Owned<'a>)> {
    let name = text_at(model(service), "ServiceName").or(text_at(model(service), "Name"));
    of_type(resources, address, GROUP).find(|(_, group)| {
        if used(resources, group, "ECSServices", SERVICE).any(|named| named == address) {
            return true;
        }
        let names = texts(group, "ECSServices.*.ServiceName");
        let clusters = texts(group, "ECSServices.*.ClusterName");
        let cluster = text_at(model(service), "Cluster").and_then(|arn| arn.rsplit('/').next());
        name.is_some_and(|name| names.contains(name))
            && cluster.is_none_or(|cluster| clusters.is_empty() || clusters.contains(cluster))
    })
}

fn of_type<'a>(
    resources: &'a BTreeMap<Address, Owned<'a>>,
    beside: &Address,
    type_name: &'a str,
) -> impl Iterator<Item = (&'a Address, &'a Owned<'a>)> {
    let region = beside.region.clone();
    resources
        .iter()
        .filter(move |(address, one)| address.region == region && one.type_name == type_name)
}

fn model<'a>(owned: &'a Owned<'_>) -> &'a Value {
    owned.live.unwrap_or(owned.declared)
}

/// The texts at a path of what is declared.
fn texts<'a>(owned: &'a Owned<'_>, path: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    each_at(
        owned.declared,
        PropertyPath::from(path).steps(),
        &mut |leaf| {
            found.extend(leaf.as_str());
        },
    );
    found
}
