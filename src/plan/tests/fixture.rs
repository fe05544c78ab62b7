//! Small environments in memory: stacks, an AWS that keeps what is applied, and plans as text.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::facts::facts;
use payctl_model::{Address, AttributeOf, PhysicalId, PropertyPath, Value};
use payctl_state::{Dependency, Policy, ResourceState, State, Status};
use petgraph::visit::EdgeRef;
use serde_json::{Value as Json, json};

use super::super::*;
use super::empty_state;
use crate::graph::{After, Edge, Mention, Milestone, ResourceGraph, Rules, TypeRules, Why};
use crate::template::dynamic::{Piece, pieces};
use crate::template::expr::Field;
use crate::template::{
    DeletionPolicy, Diagnostic, Expr, Function, Kind, Reference, Source, Span, Stack,
    StackResource, Tree,
};

pub(super) const REGION: &str = "us-east-1";

/// An environment of one stack `app`, its state, and what AWS has.
#[derive(Clone)]
pub(super) struct World {
    pub(super) resources: BTreeMap<String, (String, Json, Vec<String>)>,
    pub(super) policies: BTreeMap<String, (Option<DeletionPolicy>, Option<DeletionPolicy>)>,
    pub(super) rules: Rules,
    pub(super) state: State,
    pub(super) observed: Observed,
    pub(super) targets: BTreeSet<Address>,
    pub(super) destroy: bool,
    pub(super) protect: bool,
    /// The stack's own protection, in the template and where it was applied.
    pub(super) termination_protection: bool,
    pub(super) stack_tags: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) accept_drift: BTreeSet<Address>,
    /// What dynamic references stand for, where it is not the name itself.
    pub(super) values: BTreeMap<String, String>,
    made: usize,
}

pub(super) fn stack() -> World {
    World {
        resources: BTreeMap::new(),
        policies: BTreeMap::new(),
        rules: rules(),
        state: empty_state(),
        observed: Observed::default(),
        targets: BTreeSet::new(),
        destroy: false,
        protect: false,
        termination_protection: false,
        stack_tags: BTreeMap::new(),
        tags: BTreeMap::new(),
        accept_drift: BTreeSet::new(),
        values: BTreeMap::new(),
        made: 0,
    }
}

/// The few rules that these tests need.
pub(super) fn rules() -> Rules {
    let native = || TypeRules {
        native: true,
        provisioned: true,
        ..TypeRules::default()
    };
    [
        (
            "AWS::EC2::Route",
            TypeRules {
                after: vec![After {
                    type_name: "AWS::EC2::VPCGatewayAttachment".into(),
                    mine: "GatewayId".into(),
                    theirs: "InternetGatewayId".into(),
                    milestone: Milestone::Ready,
                }],
                needs_ready: vec!["NatGatewayId".into()],
                unique: vec![vec!["RouteTableId".into(), "DestinationCidrBlock".into()]],
                ..native()
            },
        ),
        (
            "AWS::IAM::Policy",
            TypeRules {
                completes: vec!["Roles".into()],
                ..native()
            },
        ),
        (
            "AWS::ECS::Service",
            TypeRules {
                stands_for: vec![Mention {
                    property: "TaskDefinition".into(),
                    type_name: "AWS::ECS::TaskDefinition".into(),
                    name: "Family".into(),
                }],
                ..native()
            },
        ),
        (
            "AWS::EC2::NatGateway",
            TypeRules {
                after: vec![After {
                    type_name: "AWS::EC2::VPCGatewayAttachment".into(),
                    mine: "SubnetId>VpcId".into(),
                    theirs: "VpcId".into(),
                    milestone: Milestone::Ready,
                }],
                ..native()
            },
        ),
    ]
    .into_iter()
    .collect()
}

pub(super) fn address(id: &str) -> Address {
    Address::new(REGION, "app", id)
}

/// CloudFormation's long forms of `Ref` and `Fn::GetAtt` become references; all else is a value.
pub(super) fn expr(json: &Json) -> Expr {
    let leaf = |id: &str, attribute: &str| {
        Kind::Leaf(Reference::Attribute(address(id).attribute(attribute)))
    };
    let kind = match json {
        Json::Object(map) if map.len() == 1 && map.contains_key("Ref") => {
            leaf(map["Ref"].as_str().unwrap(), "Ref")
        }
        Json::Object(map) if map.len() == 1 && map.contains_key("Fn::GetAtt") => leaf(
            map["Fn::GetAtt"][0].as_str().unwrap(),
            map["Fn::GetAtt"][1].as_str().unwrap(),
        ),
        Json::Object(map) if map.len() == 1 && map.contains_key("Fn::ImportValue") => Kind::Leaf(
            Reference::Import(map["Fn::ImportValue"].as_str().unwrap().to_owned()),
        ),
        Json::Object(map) if map.len() == 1 && map.contains_key("Fn::Join") => {
            let arguments = map["Fn::Join"].as_array().unwrap();
            Kind::Call(Function::Join, arguments.iter().map(expr).collect())
        }
        Json::Object(map) if map.len() == 1 && map.contains_key("$secret") => {
            Kind::Value(Value::secret(map["$secret"].as_str().unwrap()))
        }
        Json::Object(map) => Kind::Map(
            map.iter()
                .map(|(k, v)| {
                    (
                        k.clone(),
                        Field {
                            key: Span::default(),
                            value: expr(v),
                        },
                    )
                })
                .collect(),
        ),
        Json::Array(items) => Kind::List(items.iter().map(expr).collect()),
        other => Kind::Value(Value::from(other.clone())),
    };
    Tree::new(kind, Span::default())
}

pub(super) fn verify(text: &str, hash: &str) -> bool {
    hash == format!("hash of {text}")
}

impl World {
    pub(super) fn with(mut self, id: &str, type_name: &str, properties: Json) -> World {
        self.resources
            .insert(id.into(), (type_name.into(), properties, Vec::new()));
        self
    }

    pub(super) fn policy(
        mut self,
        id: &str,
        deletion: DeletionPolicy,
        replace: DeletionPolicy,
    ) -> World {
        self.policies
            .insert(id.into(), (Some(deletion), Some(replace)));
        self
    }

    pub(super) fn without(mut self, id: &str) -> World {
        self.resources.remove(id);
        self
    }

    /// Sets a property of the template, at a JSON pointer; `null` removes it.
    pub(super) fn edit(mut self, id: &str, pointer: &str, value: Json) -> World {
        let (_, properties, _) = self.resources.get_mut(id).unwrap();
        set(properties, pointer, value);
        self
    }

    /// Changes what is live behind payctl's back.
    pub(super) fn meddle(mut self, id: &str, pointer: &str, value: Json) -> World {
        for ((at, _), live) in &mut self.observed.live {
            if *at == address(id) {
                let live = live.as_mut().unwrap();
                let mut json = live.model.expose_json().unwrap();
                set(&mut json, pointer, value.clone());
                live.model = Value::from(json);
            }
        }
        self
    }

    pub(super) fn lose(mut self, id: &str) -> World {
        for ((at, _), live) in &mut self.observed.live {
            if *at == address(id) {
                *live = None;
            }
        }
        self
    }

    /// Making it failed half way.
    pub(super) fn taint(mut self, id: &str) -> World {
        if let Some(resource) = self.state.resources.get_mut(&address(id)) {
            resource.status = Status::Tainted;
        }
        self
    }

    pub(super) fn stacks(&self) -> Vec<Stack> {
        let resources = self
            .resources
            .iter()
            .map(|(id, (type_name, properties, depends_on))| {
                let (deletion_policy, update_replace_policy) =
                    self.policies.get(id).copied().unwrap_or_default();
                let resource = StackResource {
                    address: address(id),
                    type_name: type_name.clone(),
                    properties: expr(properties),
                    depends_on: depends_on.iter().cloned().collect(),
                    deletion_policy,
                    update_replace_policy,
                    creation_policy: None,
                    update_policy: None,
                    metadata: None,
                    span: Span::default(),
                };
                (id.clone(), resource)
            });
        vec![Stack {
            source: Arc::new(Source::new("app.yaml", "")),
            region: REGION.into(),
            name: "app".into(),
            resources: resources.collect(),
            outputs: BTreeMap::new(),
            exports: BTreeMap::new(),
            nested: BTreeMap::new(),
            placeholders: BTreeMap::new(),
            depends_on: BTreeSet::new(),
            warnings: Vec::new(),
            stack_name: "app".into(),
            assumed: false,
            tags: Arc::new(
                self.stack_tags
                    .iter()
                    .map(|(key, tag)| (key.clone(), Expr::value(Value::from(tag.as_str()))))
                    .collect(),
            ),
            termination_protection: self.termination_protection,
        }]
    }

    /// Its stack has termination protection, and had it when it was applied.
    pub(super) fn protected(mut self) -> World {
        self.termination_protection = true;
        for resource in self.state.resources.values_mut() {
            resource.protected = true;
        }
        self
    }

    /// As after an apply that only accepts drift.
    pub(super) fn accepted(mut self) -> World {
        let plan = self.plan();
        for (address, accepted) in plan.accepted {
            let kept = self.state.resources.get_mut(&address).unwrap();
            kept.accepted = accepted
                .into_iter()
                .map(|one| payctl_state::AcceptedDrift {
                    property: one.property.to_string(),
                    declared: one.declared,
                    live: one.live,
                })
                .collect();
        }
        self.accept_drift.clear();
        self
    }

    pub(super) fn graph(&self) -> Result<ResourceGraph, Vec<Diagnostic>> {
        ResourceGraph::build(&self.stacks(), &self.rules)
    }

    pub(super) fn plan(&self) -> Plan {
        let graph = self.graph().unwrap();
        let options = PlanOptions {
            destroy: self.destroy,
            targets: &self.targets,
            protect: self.protect,
            allow_destructive: false,
            accept_drift: &self.accept_drift,
            environment_tags: &self.tags,
            verify_secret: &verify,
        };
        plan(
            &Desired {
                graph: &graph,
                rules: &self.rules,
            },
            &self.state,
            &self.observed,
            &options,
        )
    }

    /// Carries the plan out in the order of its operations.
    pub(super) fn applied(mut self) -> World {
        let graph = self.graph().unwrap();
        let plan = self.plan();
        let operations = operations(&plan, &graph, &self.state);
        let order = petgraph::algo::toposort(&operations, None).expect("no cycle");
        let mut attributes: BTreeMap<AttributeOf, Value> = BTreeMap::new();
        for ((at, id), live) in &self.observed.live {
            if let (Some(live), Some(resource)) = (live, self.state.resources.get(at)) {
                remember(&mut attributes, at, &resource.type_name, id, &live.model);
            }
        }
        for node in order {
            let Operation { address, kind, .. } = &operations[node];
            match kind {
                OperationKind::Keep => {}
                OperationKind::Create { .. } | OperationKind::Update | OperationKind::Deploy => {
                    let node = graph.get(address).unwrap();
                    let wanted = properties(node, &attributes, &self.tags).unwrap();
                    assert_eq!(
                        wanted.unknowns(),
                        BTreeSet::new(),
                        "{address} was started too early"
                    );
                    let planned = plan.changes[address].after.as_ref().unwrap();
                    assert_eq!(refines(planned, &wanted), Ok(()), "{address}");
                    let old = current(&self.state, address);
                    let (id, mut model) = match (kind, old) {
                        (OperationKind::Update | OperationKind::Deploy, Some(id)) => {
                            let live = self.observed.live[&(address.clone(), id.clone())]
                                .clone()
                                .unwrap();
                            (id, live.model.expose_json().unwrap())
                        }
                        _ => {
                            self.made += 1;
                            made(&node.resource.type_name, &wanted, self.made)
                        }
                    };
                    let (told, written) = self.resolved(&wanted);
                    for (key, value) in told.expose_json().unwrap().as_object().unwrap() {
                        model[key] = value.clone();
                    }
                    let applied = hashed(&written);
                    let model = Value::from(model);
                    let used = graph.producers(address).into_iter();
                    let used = used
                        .map(|(used, edge)| (used.clone(), dependency(edge)))
                        .collect();
                    let kept = &node.resource;
                    let policies = (
                        match kept.deletion_policy {
                            Some(DeletionPolicy::RetainExceptOnCreate) => {
                                Policy::RetainExceptOnCreate
                            }
                            written => policy(deletion_policy(&kept.type_name, &wanted, written)),
                        },
                        policy(deletion_policy("", &wanted, kept.update_replace_policy)),
                    );
                    record(
                        &mut self.state,
                        address,
                        &kept.type_name,
                        &id,
                        &applied,
                        &model,
                        used,
                        policies,
                    );
                    remember(
                        &mut attributes,
                        address,
                        &node.resource.type_name,
                        &id,
                        &model,
                    );
                    self.observed.live.insert(
                        (address.clone(), id),
                        Some(Live {
                            model,
                            failed: None,
                            deploying: false,
                        }),
                    );
                }
                OperationKind::Adopt(_) => unreachable!("nothing is adopted here"),
                OperationKind::Delete { physical_id, .. }
                | OperationKind::Forget { physical_id, .. } => {
                    forget(&mut self.state, address, physical_id);
                    self.observed
                        .live
                        .remove(&(address.clone(), physical_id.clone()));
                }
            }
        }
        self
    }

    /// What AWS is told, and what the state keeps of it.
    fn resolved(&self, wanted: &Value) -> (Value, Value) {
        let value = |leaf: &Value| -> Option<Value> {
            let text = leaf.expose_str().filter(|_| references::is_in(leaf))?;
            let secret = references::is_secret(text);
            let stands_for: String = pieces(text)
                .unwrap()
                .into_iter()
                .map(|piece| match piece {
                    Piece::Plain(plain) => plain.to_owned(),
                    Piece::Reference(reference, _) => match self.values.get(&reference.text) {
                        Some(value) => value.clone(),
                        None => format!("what {} holds", reference.lookup),
                    },
                })
                .collect();
            Some(match secret {
                true => Value::secret(stands_for),
                false => Value::from(stands_for),
            })
        };
        let told = wanted.map_leaves(&mut |leaf| value(leaf).unwrap_or_else(|| leaf.clone()));
        let written = wanted.map_leaves(&mut |leaf| match value(leaf) {
            Some(value) => references::written(leaf.clone(), value),
            None => leaf.clone(),
        });
        (told, written)
    }

    /// The plan as text: what is done, why, and the steps in an order that may happen.
    pub(super) fn show(&self) -> String {
        show(&self.plan())
    }

    /// What waits for what among the steps that do something.
    pub(super) fn steps(&self) -> String {
        let plan = self.plan();
        let operations = operations(&plan, &self.graph().unwrap(), &self.state);
        let name = |node: petgraph::graph::NodeIndex| {
            let operation = &operations[node];
            let verb = match operation.kind {
                OperationKind::Keep => "keep",
                OperationKind::Create { .. } => "create",
                OperationKind::Update => "update",
                OperationKind::Deploy => "deploy",
                OperationKind::Adopt(_) => "adopt",
                OperationKind::Delete { .. } => "delete",
                OperationKind::Forget { .. } => "forget",
            };
            format!("{verb} {}", operation.address.logical_id)
        };
        let mut lines: Vec<String> = operations
            .edge_references()
            .filter(|edge| {
                [edge.source(), edge.target()]
                    .iter()
                    .all(|node| operations[*node].kind != OperationKind::Keep)
            })
            .map(|edge| {
                format!(
                    "{} -> {} ({:?})\n",
                    name(edge.source()),
                    name(edge.target()),
                    edge.weight()
                )
            })
            .collect();
        lines.sort();
        lines.concat()
    }
}

fn set(json: &mut Json, pointer: &str, value: Json) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = json.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Json::Object(map), Json::Null) => {
            map.remove(key);
        }
        (Json::Array(items), value) => match key.parse::<usize>() {
            Ok(index) if index < items.len() => items[index] = value,
            _ => items.push(value),
        },
        (parent, value) => parent[key] = value,
    }
}

/// What AWS makes of it: an identifier and every attribute.
fn made(type_name: &str, wanted: &Value, number: usize) -> (PhysicalId, Json) {
    let facts = facts().get(type_name).unwrap();
    let mut model = wanted.expose_json().unwrap();
    if type_name == "AWS::EC2::VPC" && model.get("EnableDnsSupport").is_none() {
        model["EnableDnsSupport"] = json!(true);
    }
    for path in &facts.primary_identifier {
        let key = path.head().unwrap();
        if model.get(key).is_none() {
            model[key] = json!(format!("{}-{number}", key.to_lowercase()));
        }
    }
    for attribute in facts.attributes() {
        if facts.is_read_only(&attribute.into())
            && !attribute.contains('.')
            && model.get(attribute).is_none()
        {
            model[attribute] = json!(format!("{}-{number}", attribute.to_lowercase()));
        }
    }
    (
        facts.identifier(&Value::from(model.clone())).unwrap(),
        model,
    )
}

fn dependency(edge: &Edge) -> Dependency {
    let read = edge.why.iter().filter_map(|why| match why {
        Why::Reference {
            attribute,
            property,
        } => Some((attribute.clone(), property.to_string())),
        Why::DependsOn | Why::Hidden => None,
    });
    Dependency {
        attributes: read.collect(),
        ..Dependency::default()
    }
}

fn remember(
    known: &mut BTreeMap<AttributeOf, Value>,
    at: &Address,
    type_name: &str,
    id: &PhysicalId,
    model: &Value,
) {
    for (key, value) in model.as_map().unwrap() {
        known.insert(at.attribute(key), value.clone());
    }
    known.extend(
        facts()
            .get(type_name)
            .unwrap()
            .reference(model, id)
            .map(|of| (at.attribute("Ref"), of)),
    );
}

pub(super) fn hashed(value: &Value) -> Value {
    value.map_leaves(&mut |leaf| match leaf {
        Value::Secret(payctl_model::Secret::Plain(text)) => {
            Value::Secret(payctl_model::Secret::Hashed(format!("hash of {text}")))
        }
        other => other.clone(),
    })
}

pub(super) fn show(plan: &Plan) -> String {
    let mut text = String::new();
    let value = |value: &Option<Value>| match value {
        Some(value) => value.to_json().to_string(),
        None => "nothing".into(),
    };
    for change in plan.effective() {
        let sign = match &change.action {
            Action::NoOp => "=",
            Action::Create => "+",
            Action::Update => "~",
            Action::Deploy => "deploy",
            Action::Replace(ReplaceOrder::CreateFirst) => "+/-",
            Action::Replace(ReplaceOrder::DeleteFirst) => "-/+",
            Action::Delete { snapshot: false } => "-",
            Action::Delete { snapshot: true } => "- (snapshot)",
            Action::Retain => "retain",
            Action::Forget => "forget",
            Action::Adopt(_) => "adopt",
        };
        let reasons: Vec<String> = change.reasons.iter().map(reason).collect();
        text += &format!(
            "{sign} {}: {}\n",
            change.address.logical_id,
            reasons.join(", ")
        );
        if let Some(deployment) = &change.deployment {
            text += &format!("    ({})\n", deployment.words);
        }
        for edit in &change.edits {
            text += &format!(
                "    {}: {} -> {}\n",
                edit.property,
                value(&edit.before),
                value(&edit.after)
            );
        }
    }
    for drift in &plan.drift {
        let path = if drift.property == PropertyPath::root() {
            "all of it".into()
        } else {
            drift.property.to_string()
        };
        let undeclared = if drift.undeclared {
            " (undeclared)"
        } else {
            ""
        };
        text += &format!(
            "drift {} {path}{undeclared}, {}: {} -> {}\n",
            drift.address.logical_id,
            match (drift.accepted, drift.effect) {
                (true, _) => "accepted",
                (_, Effect::Nothing) => "stays",
                (_, Effect::Update) => "set back",
                (_, Effect::Replace) => "replaced",
                (_, Effect::Create) => "made again",
                (_, Effect::Delete) => "deleted",
            },
            if drift.property.is_root() {
                "…".into()
            } else {
                value(&drift.declared.clone().or(drift.was.clone()))
            },
            value(&drift.live)
        );
    }
    for one in &plan.managed {
        let owner = one.owner.as_ref().map_or("?", |owner| &owner.logical_id);
        text += &format!(
            "managed {} {} by {} ({owner})\n",
            one.address.logical_id,
            one.property,
            one.by.name()
        );
    }
    for warning in &plan.warnings {
        text += &format!("warning: {warning}\n");
    }
    for problem in &plan.problems {
        text += &format!("problem: {problem}\n");
    }
    if text.is_empty() {
        "nothing to do\n".into()
    } else {
        text
    }
}

fn reason(reason: &Reason) -> String {
    let because = |cause: &Option<Address>| match cause {
        Some(cause) => format!(" follows {}", cause.logical_id),
        None => String::new(),
    };
    match reason {
        Reason::New => "new".into(),
        Reason::GoneFromAws => "gone from AWS".into(),
        Reason::NotInTemplate => "not in the template".into(),
        Reason::Destroy => "destroy".into(),
        Reason::Tainted => "tainted".into(),
        Reason::Property { property, cause } => format!("{property}{}", because(cause)),
        Reason::Deployed { property, cause } => {
            format!("{property} is deployed{}", because(cause))
        }
        Reason::CreateOnly { property, cause } => {
            format!("{property} is create-only{}", because(cause))
        }
        Reason::Holds { property, cause } => format!("{property} holds {}", cause.logical_id),
    }
}

fn policy(removal: Removal) -> Policy {
    match removal {
        Removal::Delete => Policy::Delete,
        Removal::Snapshot => Policy::Snapshot,
        Removal::Retain => Policy::Retain,
    }
}

fn current(state: &State, address: &Address) -> Option<PhysicalId> {
    state
        .resources
        .get(address)
        .and_then(|resource| resource.physical_id.clone())
}

#[expect(clippy::too_many_arguments)]
fn record(
    state: &mut State,
    address: &Address,
    type_name: &str,
    id: &PhysicalId,
    applied: &Value,
    model: &Value,
    dependencies: BTreeMap<Address, Dependency>,
    policies: (Policy, Policy),
) {
    let resource = ResourceState {
        type_name: type_name.into(),
        physical_id: Some(id.clone()),
        incarnation: payctl_model::Incarnation::from_bits(1),
        status: Status::Ok,
        last_applied: applied.clone(),
        attributes: model.clone(),
        dependencies,
        deletion_policy: policies.0,
        update_replace_policy: policies.1,
        protected: false,
        accepted: Vec::new(),
    };
    if let Some(mut old) = state.resources.insert(address.clone(), resource)
        && old.physical_id.as_ref() != Some(id)
    {
        old.status = Status::Deposed;
        state.deposed.entry(address.clone()).or_default().push(old);
    }
}

fn forget(state: &mut State, address: &Address, id: &PhysicalId) {
    if state.remove_deposed(address, id).is_none() {
        state.resources.remove(address);
    }
}
