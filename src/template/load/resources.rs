//! The sections Resources and Outputs.

use std::collections::{BTreeMap, BTreeSet};

use super::super::diagnostic::{Diagnostic, did_you_mean, warn};
use super::super::expr::{Kind, Tree};
use super::super::node::{Entry, Node, NodeKind};
use super::super::source::Span;
use super::super::syntax::Within;
use super::super::{OutputTerm, ResourceTerm, check, dynamic};
use super::Loader;

const RESOURCE_KEYS: [&str; 10] = [
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "Version",
];

impl Loader {
    pub(super) fn resource(&mut self, entry: &Entry) -> Option<ResourceTerm> {
        let name = entry.key.as_str();
        let mut resource = ResourceTerm {
            type_name: String::new(),
            properties: Tree::new(Kind::Map(BTreeMap::new()), entry.key_span),
            depends_on: BTreeSet::new(),
            condition: None,
            deletion_policy: None,
            update_replace_policy: None,
            creation_policy: None,
            update_policy: None,
            metadata: None,
            checked: false,
            span: entry.key_span,
        };
        let what = format!("the resource `{name}`");
        let before = self.diagnostics.len();
        let parts = entry.value.as_map().unwrap_or_default();
        if RESOURCE_KEYS.contains(&name) && !parts.iter().any(|part| part.key == "Type") {
            // The resource's own keys stand beside it: told once, not by what follows from it.
            self.report(
                "bad-name",
                format!("`{name}` stands where the name of a resource belongs"),
                entry.key_span,
            )
            .help = Some(format!(
                "indent it and what belongs to it below the resource whose {name} it is"
            ));
            return None;
        }
        let mut has_properties = true;
        for part in self.entries(&what, &entry.value) {
            let value = &part.value;
            match part.key.as_str() {
                "Type" => {
                    resource.type_name = self.resource_type(value).map(|(name, checked)| {
                        resource.checked = checked;
                        name
                    })?
                }
                "Properties" => {
                    let is_map = matches!(value.kind, NodeKind::Map(_));
                    if is_map {
                        resource.properties = self.term(value, Some(name), Within::Value);
                    } else {
                        has_properties = false;
                        self.entries("Properties", value);
                    }
                }
                "DependsOn" => resource.depends_on = self.depends_on(name, value),
                "Condition" => match value.as_text() {
                    Some(condition)
                        if self.names.conditions.contains(condition)
                            || self.names.may_exist(condition) =>
                    {
                        resource.condition = Some(condition.to_owned());
                    }
                    Some(condition) => {
                        let help = did_you_mean(
                            condition,
                            self.names.conditions.iter().map(String::as_str),
                        )
                        .map(|similar| format!("did you mean `{similar}`?"))
                        .or(Some("define it in the section Conditions".to_owned()));
                        self.report(
                            "unknown-condition",
                            format!("there is no condition `{condition}`"),
                            value.span,
                        )
                        .help = help;
                    }
                    None => {
                        self.report(
                            "wrong-type",
                            format!("Condition of {what} must be the name of a condition"),
                            value.span,
                        );
                    }
                },
                "DeletionPolicy" => {
                    resource.deletion_policy = self.policy(name, part);
                }
                "UpdateReplacePolicy" => {
                    resource.update_replace_policy = self.policy(name, part);
                }
                "Metadata" => {
                    resource.metadata = Some(self.term(value, Some(name), Within::Metadata))
                }
                "CreationPolicy" => {
                    self.check_policy(name, part);
                    resource.creation_policy = Some(self.term(value, Some(name), Within::Value))
                }
                "UpdatePolicy" => {
                    self.check_policy(name, part);
                    resource.update_policy = Some(self.term(value, Some(name), Within::Value))
                }
                "Version" => {}
                property if self.is_property(name, property) => {
                    self.report(
                        "unknown-key",
                        format!("`{property}` stands beside Properties"),
                        part.key_span,
                    )
                    .help = Some("it is a property: indent it below Properties".to_owned());
                    has_properties = false;
                }
                _ => self.unknown_key("a resource", part, &RESOURCE_KEYS),
            }
        }
        if resource.type_name.is_empty() && self.diagnostics.len() == before {
            self.report("missing-key", format!("{what} has no Type"), entry.key_span);
        }
        if resource.checked && has_properties {
            let found = check::properties(
                &self.source,
                name,
                &resource.type_name,
                entry.key_span,
                &resource.properties,
            );
            // What the reader of functions has reported already looks like a wrong value to the facts.
            let reported: BTreeSet<Span> = self.diagnostics[before..]
                .iter()
                .filter_map(|known| Some(known.place.as_ref()?.span))
                .collect();
            self.diagnostics.extend(found.into_iter().filter(|new| {
                new.place
                    .as_ref()
                    .is_none_or(|place| !reported.contains(&place.span))
            }));
        }
        for found in dynamic::check(&self.source, &resource.type_name, &resource.properties) {
            self.diagnostics.push(found.diagnostic(&self.source));
        }
        for diagnostic in &mut self.diagnostics[before..] {
            diagnostic.address.get_or_insert_with(|| name.to_owned());
        }
        Some(resource)
    }

    /// Whether the type of a resource has such a property.
    fn is_property(&self, logical_id: &str, name: &str) -> bool {
        let type_name = self.names.resources.get(logical_id);
        type_name
            .and_then(|type_name| payctl_model::facts::facts().get(type_name))
            .is_some_and(|facts| facts.root.properties.contains_key(name))
    }

    fn resource_type(&mut self, node: &Node) -> Option<(String, bool)> {
        let name = self.text("Type", node)?;
        match check::type_name(&name) {
            Ok(true) => Some((name, true)),
            Ok(false) => {
                let message = match check::is_foreign(&name) {
                    true => format!(
                        "the properties of `{name}` are not checked: payctl plan asks the account's registry what they are"
                    ),
                    false => format!(
                        "the properties of `{name}` are not checked: it is not in the CloudFormation registry"
                    ),
                };
                let warning =
                    Diagnostic::warning("unchecked-type", message).at(&self.source, node.span);
                warn(&mut self.diagnostics, warning);
                Some((name, false))
            }
            Err((message, help)) => {
                let code = if message.contains("not supported") {
                    "unsupported"
                } else {
                    "unknown-type"
                };
                self.report(code, message, node.span).help = help;
                Some((name, false))
            }
        }
    }

    fn depends_on(&mut self, resource: &str, node: &Node) -> BTreeSet<String> {
        let items = node.as_list().unwrap_or(std::slice::from_ref(node));
        let mut found = BTreeSet::new();
        for item in items {
            let Some(name) = item.as_text() else {
                self.report(
                    "wrong-type",
                    "DependsOn takes names of resources",
                    item.span,
                );
                continue;
            };
            if name == resource {
                self.report("circular", format!("`{name}` depends on itself"), item.span);
            } else if self.names.resources.contains_key(name) || self.names.may_exist(name) {
                found.insert(name.to_owned());
            } else {
                let help = did_you_mean(name, self.names.resources.keys().map(String::as_str))
                    .map(|similar| format!("did you mean `{similar}`?"));
                self.report(
                    "unknown-reference",
                    format!("there is no resource `{name}`"),
                    item.span,
                )
                .help = help;
            }
        }
        found
    }

    pub(super) fn output(&mut self, entry: &Entry) -> Option<OutputTerm> {
        let name = &entry.key;
        let what = format!("the output `{name}`");
        let mut output = OutputTerm {
            value: None,
            description: None,
            export: None,
            condition: None,
            span: entry.key_span,
        };
        let before = self.diagnostics.len();
        for part in self.entries(&what, &entry.value) {
            match part.key.as_str() {
                "Value" => {
                    let value = self.term(&part.value, None, Within::Value);
                    // What an output shows must not be a secret: CloudFormation gives the reference as it is written.
                    if dynamic::stands_in(&value) {
                        let message = format!(
                            "the dynamic reference in {what} is shown as it is written: references are resolved in properties of resources"
                        );
                        self.diagnostics.push(
                            Diagnostic::warning("dynamic-reference", message)
                                .at(&self.source, part.value.span),
                        );
                    }
                    output.value = Some(value);
                }
                "Description" => {
                    output.description = self.text(&format!("Description of {what}"), &part.value)
                }
                "Condition" => {
                    let condition = self.text(&format!("Condition of {what}"), &part.value);
                    if let Some(condition) = condition {
                        if !self.names.conditions.contains(&condition)
                            && !self.names.may_exist(&condition)
                        {
                            let message = format!("there is no condition `{condition}`");
                            let help = did_you_mean(
                                &condition,
                                self.names.conditions.iter().map(String::as_str),
                            )
                            .map(|similar| format!("did you mean `{similar}`?"))
                            .or(Some("define it in the section Conditions".to_owned()));
                            self.report("unknown-condition", message, part.value.span)
                                .help = help;
                        }
                        output.condition = Some(condition);
                    }
                }
                "Export" => {
                    if let Some(text) = part.value.scalar_text() {
                        let message = format!("Export of {what} must be a map, not a text");
                        self.report("wrong-type", message, part.value.span).help =
                            Some(format!("write `Export: {{Name: {text}}}`"));
                        continue;
                    }
                    for export in self.entries(&format!("Export of {what}"), &part.value) {
                        match export.key.as_str() {
                            "Name" => {
                                output.export = Some(self.term(&export.value, None, Within::Value))
                            }
                            _ => self.unknown_key("an export", export, &["Name"]),
                        }
                    }
                }
                _ => self.unknown_key(
                    "an output",
                    part,
                    &["Value", "Description", "Condition", "Export"],
                ),
            }
        }
        let misspelt = self.diagnostics[before..]
            .iter()
            .any(|diagnostic| diagnostic.code == "unknown-key");
        if output.value.is_none() && entry.value.as_map().is_some() && !misspelt {
            self.report(
                "missing-key",
                format!("{what} has no Value"),
                entry.key_span,
            )
            .help = Some("add `Value: …`".to_owned());
        }
        Some(output)
    }
}
