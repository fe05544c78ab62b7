//! [`View`]: the graph as checks look at it: which resource a property names, by reference or by its fixed name.

use payctl_model::{Address, PropertyPath, Value};

use crate::graph::{Node, ResourceGraph};
use crate::template::{Diagnostic, NoAttributes};

pub(super) const SECRET: &str = "AWS::SecretsManager::Secret";

/// Of which types the name that others may write as a text stands in which property.
const NAMES: &[(&str, &str)] = &[
    ("AWS::ECS::Cluster", "ClusterName"),
    ("AWS::ECS::Service", "ServiceName"),
    ("AWS::ECS::TaskDefinition", "Family"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
];

/// The resources of an environment.
pub(super) struct View<'g> {
    graph: &'g ResourceGraph,
}

impl<'g> View<'g> {
    pub(super) fn new(graph: &'g ResourceGraph) -> View<'g> {
        View { graph }
    }

    /// All resources of a type.
    pub(super) fn all(&self, type_name: &str) -> impl Iterator<Item = &'g Node> {
        self.graph
            .nodes()
            .map(|(_, node)| node)
            .filter(move |node| node.resource.type_name == type_name)
    }

    /// The resource of a type that a value names: it is made from one of its attributes, or is the name that it is given, in the
    /// region of `by`.
    pub(super) fn named(&self, by: &Node, value: &Value, type_name: &str) -> Option<&'g Node> {
        if let Value::Unknown(of) = value {
            let addresses: Vec<Address> = match type_name {
                SECRET => of.iter().map(|of| self.secret_of(&of.address)).collect(),
                _ => of.iter().map(|of| of.address.clone()).collect(),
            };
            return addresses
                .iter()
                .filter_map(|address| self.graph.get(address))
                .find(|node| node.resource.type_name == type_name);
        }
        let text = value.as_str()?;
        let name = text.rsplit('/').next().unwrap_or(text);
        let (_, property) = NAMES.iter().find(|(of, _)| *of == type_name)?;
        self.all(type_name).find(|node| {
            node.resource.address.region == by.resource.address.region
                && text_at(node, property) == Some(name)
        })
    }

    /// A secret's attachment stands for the secret, whose ARN its Ref is; every other resource for itself.
    pub(super) fn secret_of(&self, address: &Address) -> Address {
        let attachment = self.graph.get(address).filter(|node| {
            node.resource.type_name == "AWS::SecretsManager::SecretTargetAttachment"
        });
        let secret = attachment.and_then(|node| self.at(node, "SecretId", SECRET));
        secret
            .map_or(address, |secret| &secret.resource.address)
            .clone()
    }

    /// The resource of a type that this property of `by` names.
    pub(super) fn at(&self, by: &Node, path: &str, type_name: &str) -> Option<&'g Node> {
        self.named(by, by.shape.at(&path.into())?, type_name)
    }
}

/// The text at a path, where it is written in the template.
pub(super) fn text_at<'n>(node: &'n Node, path: &str) -> Option<&'n str> {
    node.shape.at(&path.into())?.as_str()
}

/// The items of the list at a path; none where there is no list.
pub(super) fn items<'n>(node: &'n Node, path: &str) -> &'n [Value] {
    let list = node.shape.at(&path.into()).and_then(Value::as_list);
    list.unwrap_or_default()
}

/// Whether something is declared there, known or not.
pub(super) fn declares(node: &Node, path: &str) -> bool {
    node.shape.at(&path.into()).is_some()
}

/// A finding at a property of a resource (where it is not written, at the nearest thing above it). `None` where the resource
/// allows it.
pub(super) fn tell(node: &Node, path: &str, diagnostic: Diagnostic) -> Option<Diagnostic> {
    if allows(node, diagnostic.code) {
        return None;
    }
    let path = PropertyPath::from(path);
    let mut span = node.resource.properties.place_of(&path);
    if path.is_root() || span == node.resource.properties.span {
        span = node.resource.span;
    }
    let address: &Address = &node.resource.address;
    Some(
        diagnostic
            .at(&node.source, span)
            .address(address.to_string()),
    )
}

/// Whether the resource's own metadata allows what a check calls `code`.
fn allows(node: &Node, code: &str) -> bool {
    let metadata = node.resource.metadata.as_ref();
    let metadata = metadata.and_then(|metadata| metadata.evaluate(&NoAttributes).ok());
    let allowed = metadata
        .as_ref()
        .and_then(|value| value.at(&"payctl.allow".into()));
    let allowed = allowed.and_then(Value::as_list).unwrap_or_default();
    allowed.iter().any(|allowed| allowed.as_str() == Some(code))
}
