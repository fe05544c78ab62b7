//! The section Transform, and what else payctl does not run.

use super::super::node::{Node, NodeKind};
use super::Loader;

const EXTENSIONS: &str = "AWS::LanguageExtensions";

/// Transforms of AWS by how their names begin, each with what to do instead.
///
/// Source: CloudFormation template reference, "Transform reference".
const REFUSED: [(&str, &str); 6] = [
    (
        "AWS::Serverless",
        "give payctl the template after the transform: `sam build` and `sam package`, then `aws cloudformation get-template --template-stage Processed` of a deployed stack; or write the resources it stands for",
    ),
    ("AWS::Include", "write the included part into the template"),
    (
        "AWS::CodeDeployBlueGreen",
        "remove the transform and the section Hooks; AWS::ECS::Service with a DeploymentController of its own deploys without CloudFormation",
    ),
    (
        "AWS::SecretsManager",
        "write the rotation function as a resource and name it in RotationLambdaARN instead of HostedRotationLambda",
    ),
    (
        "AWS::ServiceCatalog",
        "write the outputs of the provisioned product as parameters",
    ),
    (
        "AWS::",
        "write what it stands for, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)",
    ),
];
const MACRO: &str = "payctl runs no macros: write what it stands for, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)";

/// Why a section that CloudFormation or a tool before it knows is refused, with advice.
pub(super) fn section(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "Hooks" => Some((
            "the section `Hooks` is not supported",
            "it belongs to the transform AWS::CodeDeployBlueGreen: remove both",
        )),
        "Globals" => Some((
            "the section `Globals` is not supported",
            "it belongs to the transform AWS::Serverless: give payctl the template after the transform",
        )),
        "Modules" => Some((
            "the section `Modules` is not supported",
            "give payctl the template after `aws cloudformation package`, which puts the modules in",
        )),
        _ => None,
    }
}

impl Loader {
    /// Takes note of AWS::LanguageExtensions and reports every other transform.
    pub(super) fn transforms(&mut self, node: &Node) {
        let items = match &node.kind {
            NodeKind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        for item in items {
            let inside = |node: &'_ Node, key: &str| {
                let entries = node.as_map()?;
                Some(entries.iter().find(|entry| entry.key == key)?.value.clone())
            };
            let named = inside(item, "Fn::Transform").unwrap_or_else(|| item.clone());
            let name = inside(&named, "Name").unwrap_or(named);
            match name.as_text() {
                Some(EXTENSIONS) => self.names.extensions = true,
                Some(text) => {
                    let known = REFUSED.iter().find(|(start, _)| text.starts_with(start));
                    let help = known.map_or(MACRO, |(_, help)| help);
                    let message = match known {
                        Some(_) => format!("the transform `{text}` is not supported"),
                        None => format!("the macro `{text}` is not supported"),
                    };
                    self.report("unsupported", message, name.span).help = Some(help.to_owned());
                }
                None => {
                    let message =
                        format!("a transform is named by a text, not {}", name.kind_name());
                    self.report("wrong-type", message, name.span);
                }
            }
        }
    }
}
