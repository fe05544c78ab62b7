//! Properties that belong to another system, or to another resource, once both exist: their differences are neither drift
//! nor change.

mod deployments;

use std::collections::BTreeMap;

use payctl_model::{Address, PropertyPath, Value};

use crate::graph::touches;

use deployments::Deployments;
pub(crate) use deployments::{APP_SPEC, Deployer, UNDEPLOYABLE};

/// What is there of one resource, for finding who owns what.
pub(super) struct Owned<'a> {
    pub(super) type_name: &'a str,
    /// What it declares, unknowns included; of what left the template, what was last applied.
    pub(super) declared: &'a Value,
    /// What is live, where anything is.
    pub(super) live: Option<&'a Value>,
    /// AWS's identifier, where it is live.
    pub(super) id: Option<&'a str>,
    /// Which resources it uses, with the properties that name them.
    pub(super) uses: BTreeMap<Address, Vec<PropertyPath>>,
}

/// The systems that take properties over, of which people want to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Manager {
    /// CodeDeploy, by a deployment group.
    CodeDeploy,
    /// ECS itself, by a deployment that shifts traffic.
    Ecs,
    /// Application or EC2 Auto Scaling.
    AutoScaling,
}

impl Manager {
    /// The name in plans and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Manager::CodeDeploy => "CodeDeploy",
            Manager::Ecs => "Amazon ECS",
            Manager::AutoScaling => "auto scaling",
        }
    }
}

/// Who owns which property of which resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Ownership {
    moved: BTreeMap<Address, Vec<Moved>>,
    satellites: BTreeMap<(Address, &'static str), Vec<Satellite>>,
    deployments: Deployments,
}

/// A property that another resource has taken over.
#[derive(Clone, Debug, PartialEq)]
struct Moved {
    pattern: PropertyPath,
    owner: Address,
    /// `None` where one resource of the templates is only another form of it: nobody has to be told.
    by: Option<Manager>,
}

/// A resource of its own that shows up as an item of another's list.
#[derive(Clone, Debug, PartialEq)]
struct Satellite {
    live: Value,
    id: Option<String>,
}

/// Scalable dimensions: what a scalable target takes over, of which type.
/// Source: Application Auto Scaling API reference, RegisterScalableTarget, `ScalableDimension`.
const SCALED: &[(&str, &str, &str)] = &[
    (
        "ecs:service:DesiredCount",
        "AWS::ECS::Service",
        "DesiredCount",
    ),
    (
        "ec2:spot-fleet-request:TargetCapacity",
        "AWS::EC2::SpotFleet",
        "SpotFleetRequestConfigData.TargetCapacity",
    ),
    (
        "dynamodb:table:ReadCapacityUnits",
        "AWS::DynamoDB::Table",
        "ProvisionedThroughput.ReadCapacityUnits",
    ),
    (
        "dynamodb:table:WriteCapacityUnits",
        "AWS::DynamoDB::Table",
        "ProvisionedThroughput.WriteCapacityUnits",
    ),
    (
        "sagemaker:variant:DesiredInstanceCount",
        "AWS::SageMaker::EndpointConfig",
        "ProductionVariants.*.InitialInstanceCount",
    ),
    (
        "kafka:broker-storage:VolumeSize",
        "AWS::MSK::Cluster",
        "BrokerNodeGroupInfo.StorageInfo.EBSStorageInfo.VolumeSize",
    ),
    (
        "elasticache:replication-group:NodeGroups",
        "AWS::ElastiCache::ReplicationGroup",
        "NumNodeGroups",
    ),
    (
        "elasticache:replication-group:Replicas",
        "AWS::ElastiCache::ReplicationGroup",
        "ReplicasPerNodeGroup",
    ),
    (
        "lambda:function:ProvisionedConcurrency",
        "AWS::Lambda::Alias",
        "ProvisionedConcurrencyConfig",
    ),
];

/// Scalable dimensions of a table's indexes, and the units that they are.
const SCALED_INDEXES: &[(&str, &str)] = &[
    ("dynamodb:index:ReadCapacityUnits", "ReadCapacityUnits"),
    ("dynamodb:index:WriteCapacityUnits", "WriteCapacityUnits"),
];

/// Who takes over what: the owner's type, its property that names the owned one, the owned type and property.
const TAKES_OVER: &[(&str, &str, &str, &str)] = &[
    (
        "AWS::AutoScaling::ScalingPolicy",
        "AutoScalingGroupName",
        "AWS::AutoScaling::AutoScalingGroup",
        "DesiredCapacity",
    ),
    // An ECS service registers and deregisters its tasks (ECS developer guide, "Use load balancing").
    (
        "AWS::ECS::Service",
        "LoadBalancers",
        "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Targets",
    ),
    // One call sets both, all at once (ECS API reference, PutClusterCapacityProviders).
    (
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "Cluster",
        "AWS::ECS::Cluster",
        "CapacityProviders",
    ),
    (
        "AWS::ECS::ClusterCapacityProviderAssociations",
        "Cluster",
        "AWS::ECS::Cluster",
        "DefaultCapacityProviderStrategy",
    ),
    // An association says where the address is (EC2 API reference, AssociateAddress).
    (
        "AWS::EC2::EIPAssociation",
        "AllocationId",
        "AWS::EC2::EIP",
        "InstanceId",
    ),
    (
        "AWS::EC2::EIPAssociation",
        "EIP",
        "AWS::EC2::EIP",
        "InstanceId",
    ),
];

/// Resources that show up in another one's list: type, its property that names the other, the other's type and list.
const SATELLITES: &[(&str, &str, &str, &str)] = &[
    (
        "AWS::EC2::SecurityGroupIngress",
        "GroupId",
        "AWS::EC2::SecurityGroup",
        "SecurityGroupIngress",
    ),
    (
        "AWS::EC2::SecurityGroupEgress",
        "GroupId",
        "AWS::EC2::SecurityGroup",
        "SecurityGroupEgress",
    ),
    (
        "AWS::EC2::VolumeAttachment",
        "InstanceId",
        "AWS::EC2::Instance",
        "Volumes",
    ),
    (
        "AWS::SNS::Subscription",
        "TopicArn",
        "AWS::SNS::Topic",
        "Subscription",
    ),
    ("AWS::IAM::Policy", "Roles", "AWS::IAM::Role", "Policies"),
    (
        "AWS::IAM::RolePolicy",
        "RoleName",
        "AWS::IAM::Role",
        "Policies",
    ),
    (
        "AWS::IAM::ManagedPolicy",
        "Roles",
        "AWS::IAM::Role",
        "ManagedPolicyArns",
    ),
    ("AWS::IAM::Policy", "Users", "AWS::IAM::User", "Policies"),
    ("AWS::IAM::Policy", "Groups", "AWS::IAM::Group", "Policies"),
    (
        "AWS::IAM::ManagedPolicy",
        "Users",
        "AWS::IAM::User",
        "ManagedPolicyArns",
    ),
    (
        "AWS::IAM::ManagedPolicy",
        "Groups",
        "AWS::IAM::Group",
        "ManagedPolicyArns",
    ),
    // Who names a managed policy is attached to it.
    (
        "AWS::IAM::Role",
        "ManagedPolicyArns",
        "AWS::IAM::ManagedPolicy",
        "Roles",
    ),
    (
        "AWS::IAM::User",
        "ManagedPolicyArns",
        "AWS::IAM::ManagedPolicy",
        "Users",
    ),
    (
        "AWS::IAM::Group",
        "ManagedPolicyArns",
        "AWS::IAM::ManagedPolicy",
        "Groups",
    ),
];

impl Ownership {
    /// Of all resources of the templates and of the state.
    pub(super) fn of(resources: &BTreeMap<Address, Owned<'_>>) -> Ownership {
        let mut ownership = Ownership {
            deployments: Deployments::of(resources),
            ..Ownership::default()
        };
        for (address, resource) in resources {
            if resource.type_name == "AWS::ApplicationAutoScaling::ScalableTarget" {
                ownership.scaled(resources, address, resource);
            }
            for (owner, property, owned_type, owned_property) in TAKES_OVER {
                if resource.type_name == *owner {
                    let scales = *owner == "AWS::AutoScaling::ScalingPolicy";
                    let by = scales.then_some(Manager::AutoScaling);
                    for owned in used(resources, resource, property, owned_type) {
                        ownership.take(owned, owned_property, address, by);
                    }
                }
            }
            for (satellite, property, hub_type, list) in SATELLITES {
                if resource.type_name != *satellite {
                    continue;
                }
                let Some(live) = resource.live else { continue };
                for hub in used(resources, resource, property, hub_type) {
                    let id = resource.id.map(str::to_owned);
                    let list = ownership.satellites.entry((hub.clone(), list)).or_default();
                    list.push(Satellite {
                        live: live.clone(),
                        id,
                    });
                }
            }
        }
        ownership
    }

    fn take(&mut self, owned: &Address, property: &str, owner: &Address, by: Option<Manager>) {
        self.moved.entry(owned.clone()).or_default().push(Moved {
            pattern: PropertyPath::from(property),
            owner: owner.clone(),
            by,
        });
    }

    fn scaled(
        &mut self,
        resources: &BTreeMap<Address, Owned<'_>>,
        address: &Address,
        target: &Owned<'_>,
    ) {
        let Some(dimension) = target
            .declared
            .get("ScalableDimension")
            .and_then(Value::as_str)
        else {
            return;
        };
        if let Some((_, units)) = SCALED_INDEXES.iter().find(|(known, _)| *known == dimension) {
            return self.scaled_index(resources, address, target, units);
        }
        let Some((_, scaled_type, property)) =
            SCALED.iter().find(|(known, _, _)| *known == dimension)
        else {
            return;
        };
        let by_reference: Vec<&Address> =
            used(resources, target, "ResourceId", scaled_type).collect();
        if !by_reference.is_empty() {
            for scaled in by_reference {
                self.take(scaled, property, address, Some(Manager::AutoScaling));
            }
            return;
        }
        // Named in plain text: service/CLUSTER/SERVICE, table/TABLE …: the last part is the name.
        let id = target
            .live
            .and_then(|live| live.get("ResourceId"))
            .or(target.declared.get("ResourceId"));
        let Some((scope, name)) = id
            .and_then(Value::as_str)
            .and_then(|id| id.rsplit_once('/'))
        else {
            return;
        };
        for (scaled, resource) in resources
            .iter()
            .filter(|(a, r)| a.region == address.region && r.type_name == *scaled_type)
        {
            let model = resource.live.unwrap_or(resource.declared);
            let named = [
                "ServiceName",
                "TableName",
                "ReplicationGroupId",
                "ClusterName",
            ]
            .iter()
            .any(|key| model.get(key).and_then(Value::as_str) == Some(name));
            // Service names are unique only in their cluster, which is named or given by its ARN.
            let in_scope = match (
                scope.split_once('/'),
                model.get("Cluster").and_then(Value::as_str),
            ) {
                (Some((_, cluster)), Some(of)) => of.rsplit('/').next() == Some(cluster),
                _ => true,
            };
            if named && in_scope {
                self.take(scaled, property, address, Some(Manager::AutoScaling));
            }
        }
    }

    /// An index's throughput: `table/TABLE/index/INDEX`. Which item of the list that is, the live table says.
    fn scaled_index(
        &mut self,
        resources: &BTreeMap<Address, Owned<'_>>,
        address: &Address,
        target: &Owned<'_>,
        units: &str,
    ) {
        let id = target
            .live
            .and_then(|live| live.get("ResourceId"))
            .or(target.declared.get("ResourceId"));
        let parts: Vec<&str> = id
            .and_then(Value::as_str)
            .unwrap_or_default()
            .split('/')
            .collect();
        let ["table", table, "index", index] = parts.as_slice() else {
            return;
        };
        let tables = resources
            .iter()
            .filter(|(a, r)| a.region == address.region && r.type_name == "AWS::DynamoDB::Table");
        for (scaled, resource) in tables {
            let Some(live) = resource.live else { continue };
            let text =
                |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
            if text(live, "TableName").as_deref() != Some(*table) {
                continue;
            }
            let indexes = live.get("GlobalSecondaryIndexes").and_then(Value::as_list);
            let position = indexes.and_then(|indexes| {
                indexes
                    .iter()
                    .position(|one| text(one, "IndexName").as_deref() == Some(*index))
            });
            if let Some(position) = position {
                let path =
                    format!("GlobalSecondaryIndexes.{position}.ProvisionedThroughput.{units}");
                self.take(scaled, &path, address, Some(Manager::AutoScaling));
            }
        }
    }

    /// Who owns this property instead of its template.
    pub(super) fn owner(&self, address: &Address, property: &PropertyPath) -> Option<&Address> {
        self.moved(address, property).map(|moved| &moved.owner)
    }

    /// The system that moves this property, with the resource by which it does, where people want to hear of it.
    pub(super) fn manager(
        &self,
        address: &Address,
        property: &PropertyPath,
    ) -> Option<(Manager, &Address)> {
        let moved = self.moved(address, property)?;
        Some((moved.by?, &moved.owner))
    }

    fn moved(&self, address: &Address, property: &PropertyPath) -> Option<&Moved> {
        let moved = self.moved.get(address)?;
        moved
            .iter()
            .find(|moved| moved.pattern.is_prefix_of(property))
    }

    /// Who deploys this service, where that is more than a rolling update.
    pub(crate) fn deployer(&self, address: &Address) -> Option<&Deployer> {
        self.deployments.services.get(address)
    }

    /// What each of those that move the traffic of this listener, rule or service makes of it.
    pub(super) fn movers<'a>(
        &'a self,
        address: &Address,
        wanted: &'a Value,
        live: &'a Value,
    ) -> impl Iterator<Item = (Manager, &'a Address, Value)> {
        self.deployments.movers(address, wanted, live)
    }

    /// What is wanted, with the target groups between which a deployment moves traffic as they are live: a rule that is changed
    /// otherwise must not send the traffic back to where no task runs.
    pub(crate) fn yielding(&self, address: &Address, wanted: &Value, live: &Value) -> Value {
        self.deployments.yielding(address, wanted, live)
    }

    /// The live model without the items of its lists that are resources of their own.
    pub(crate) fn without_owned(&self, address: &Address, live: &Value) -> Value {
        let mut live = live.clone();
        let Some(map) = live.as_map_mut() else {
            return live;
        };
        for ((hub, list), satellites) in self.satellites.range((address.clone(), "")..) {
            if hub != address {
                break;
            }
            if let Some(Value::List(items)) = map.get_mut(*list) {
                // Each satellite stands for one item at most.
                for satellite in satellites {
                    if let Some(position) = items.iter().position(|item| satellite.is(item)) {
                        items.remove(position);
                    }
                }
            }
        }
        live
    }
}

impl Satellite {
    /// Whether a list's item is this resource: its identifier, or equal in all that both say.
    fn is(&self, item: &Value) -> bool {
        match item {
            Value::String(text) => {
                self.id.as_deref() == Some(text.as_str())
                    || self
                        .live
                        .as_map()
                        .is_some_and(|map| map.values().any(|value| value.as_str() == Some(text)))
            }
            Value::Map(item) => {
                let common: Vec<(&Value, &Value)> = item
                    .iter()
                    .filter_map(|(key, value)| Some((value, self.live.get(key)?)))
                    .collect();
                !common.is_empty() && common.iter().all(|(a, b)| same(a, b))
            }
            _ => false,
        }
    }
}

fn same(a: &Value, b: &Value) -> bool {
    a == b || matches!((a.to_text(), b.to_text()), (Some(a), Some(b)) if a == b)
}

fn names(resource: &Owned<'_>, address: &Address, property: &str) -> bool {
    let pattern = PropertyPath::from(property);
    resource
        .uses
        .get(address)
        .is_some_and(|at| at.is_empty() || at.iter().any(|path| touches(&pattern, path)))
}

/// The resources of a type that `resource` names at `property`.
fn used<'a>(
    resources: &'a BTreeMap<Address, Owned<'_>>,
    resource: &'a Owned<'_>,
    property: &'a str,
    type_name: &'a str,
) -> impl Iterator<Item = &'a Address> {
    resource
        .uses
        .keys()
        .filter(move |used| {
            resources
                .get(used)
                .is_some_and(|used| used.type_name == type_name)
        })
        .filter(move |used| names(resource, used, property))
}

fn text_at<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    value.at(&PropertyPath::from(path)).and_then(Value::as_str)
}
