//! `AWS::CloudFormation::Stack` in a template: where the nested stack's template is, and what can be checked of the two together
//! before any value is given. [`super::Template::instantiate`] makes one stack of both.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::Value;

use super::diagnostic::{Diagnostic, did_you_mean, in_order};
use super::expr::{Function, Kind, Tree};
use super::source::Span;
use super::syntax::{Local, Term};
use super::{ResourceTerm, Template};

/// The type of nested stacks.
pub const NESTED_STACK: &str = "AWS::CloudFormation::Stack";

/// How deep stacks may be nested. CloudFormation names no limit; nobody reads a chain that is longer.
const MAX_DEPTH: usize = 20;

/// How many resources one template may bring with all that is nested in it: templates that nest each other twice, ten levels
/// deep, would never end. CloudFormation stops at 2,500 resources of one operation (User Guide, "Understand CloudFormation
/// quotas").
const MAX_RESOURCES: usize = 100_000;

/// Where the template of a nested stack is, as its parent says. Two that are equal name the same file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateLocation {
    /// A file, from the folder of the parent's template.
    pub file: Option<String>,
    /// A URL, or as much of its end as stands in the template: of an asset it ends with the object's key.
    pub url: Option<String>,
}

/// One nested stack of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NestedStack<'t> {
    /// Its name in the template.
    pub logical_id: &'t str,
    /// Where its template is.
    pub location: TemplateLocation,
    /// The place of `TemplateURL`.
    pub place: Span,
    /// Whether the nested stack may not exist: it stands in a loop over values that are not known yet.
    pub tentative: bool,
}

impl Template {
    /// The nested stacks, whatever their conditions.
    pub fn nested_stacks(&self) -> Vec<NestedStack<'_>> {
        let nested = self.resources.iter().filter(|(_, term)| term.is_nested());
        nested
            .map(|(logical_id, term)| {
                let url = property(&term.properties, "TemplateURL");
                let place = url.map_or(term.span, |term| term.span);
                NestedStack {
                    logical_id,
                    location: location(term),
                    place,
                    tentative: self.loops.is_some()
                        && !self.source.turns(term.span.offset).is_empty(),
                }
            })
            .collect()
    }

    /// How many resources it can make, those of its nested stacks included.
    pub fn resource_count(&self) -> usize {
        let counts = self.resources.values().map(|term| match term.is_nested() {
            true => self
                .nested
                .get(&location(term))
                .map_or(0, |nested| nested.resource_count),
            false => 1,
        });
        counts.fold(0, usize::saturating_add)
    }

    /// The same with the templates of its nested stacks.
    ///
    /// # Errors
    /// Parameters that a nested template does not have or that are missing, outputs that it does not have, stacks that are nested
    /// too deep.
    pub fn with_nested(
        mut self,
        found: BTreeMap<TemplateLocation, Arc<Template>>,
    ) -> Result<Template, Vec<Diagnostic>> {
        self.nested = found
            .into_iter()
            .map(|(location, template)| {
                let nested = Nested {
                    resource_count: template.resource_count(),
                    depth: template.depth() + 1,
                    template,
                };
                (location, nested)
            })
            .collect();
        let mut diagnostics = Vec::new();
        self.check_size(&mut diagnostics);
        for (logical_id, term) in &self.resources {
            if let Some(nested) = self.nested_template(term) {
                let names = given_names(term);
                let span = term.span;
                nested.check_names(&self, logical_id, span, names, &mut diagnostics);
            }
        }
        self.check_outputs(&mut diagnostics);
        match diagnostics.is_empty() {
            true => Ok(self),
            false => Err(in_order(diagnostics)),
        }
    }

    /// The template of a nested stack.
    pub(super) fn nested_template(&self, term: &ResourceTerm) -> Option<&Arc<Template>> {
        let nested = term.is_nested().then(|| self.nested.get(&location(term)))?;
        nested.map(|nested| &nested.template)
    }

    fn depth(&self) -> usize {
        let depths = self.nested.values().map(|nested| nested.depth);
        depths.max().unwrap_or_default()
    }

    fn check_size(&self, diagnostics: &mut Vec<Diagnostic>) {
        let first = self.nested_stacks().into_iter().find(|stack| {
            let depth = self.nested.get(&stack.location).map(|nested| nested.depth);
            depth.is_some_and(|depth| depth > MAX_DEPTH)
        });
        if let Some(stack) = first {
            let message =
                format!("stacks are nested deeper than {MAX_DEPTH} levels, beginning here");
            diagnostics.push(
                Diagnostic::error("nested-stack", message)
                    .at(&self.source, stack.place)
                    .help("make one of them a stack of its own")
                    .address(stack.logical_id),
            );
        }
        if self.resource_count() > MAX_RESOURCES {
            let message = format!(
                "with its nested stacks this template makes more than {MAX_RESOURCES} resources"
            );
            diagnostics.push(
                Diagnostic::error("nested-stack", message)
                    .at(&self.source, Span::default())
                    .help("stacks that are nested twice on each level double with each: nest less"),
            );
        }
    }

    /// Whether these are the names of this template's parameters, and all that must be given. `names` is `None` where
    /// functions make the map.
    fn check_names(
        &self,
        parent: &Template,
        logical_id: &str,
        span: Span,
        names: Option<BTreeMap<&str, Span>>,
        diagnostics: &mut Vec<Diagnostic>,
    ) {
        let Some(names) = names else { return };
        let mut report = |diagnostic: Diagnostic, span| {
            diagnostics.push(diagnostic.at(&parent.source, span).address(logical_id));
        };
        for (name, span) in &names {
            if !self.parameters.contains_key(*name) {
                report(self.unknown_parameter(name), *span);
            }
        }
        for (name, parameter) in &self.parameters {
            if parameter.default.is_none() && !names.contains_key(name.as_str()) {
                report(self.not_given(logical_id, name), span);
            }
        }
    }

    /// A parameter that this template does not have.
    pub(super) fn unknown_parameter(&self, name: &str) -> Diagnostic {
        let help = match did_you_mean(name, self.parameters.keys().map(String::as_str)) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => {
                let all: Vec<&str> = self.parameters.keys().map(String::as_str).collect();
                match all.is_empty() {
                    true => format!("{} has no parameters", self.source.name()),
                    false => format!("parameters of {}: {}", self.source.name(), all.join(", ")),
                }
            }
        };
        let message = format!("there is no parameter `{name}` in {}", self.source.name());
        Diagnostic::error("unknown-parameter", message).help(help)
    }

    /// A parameter of this template that its parent does not give.
    pub(super) fn not_given(&self, logical_id: &str, name: &str) -> Diagnostic {
        let parameter = self.parameters.get(name);
        let purpose = parameter.and_then(|parameter| parameter.description.as_ref());
        let purpose = purpose.map(|text| format!(" ({text})")).unwrap_or_default();
        let at = self
            .source
            .position(parameter.map_or(0, |parameter| parameter.span.offset));
        let message = format!("the parameter `{name}`{purpose} of the nested stack has no value");
        Diagnostic::error("missing-parameter", message).help(format!(
            "give it under Parameters of `{logical_id}`; {}:{}:{} declares it without a default",
            self.source.name(),
            at.line,
            at.column
        ))
    }

    /// Whether all outputs that are read of nested stacks exist, whatever the conditions.
    fn check_outputs(&self, diagnostics: &mut Vec<Diagnostic>) {
        for (address, term) in self.terms() {
            term.visit_locals(&mut |local, _| {
                let Local::Resource {
                    logical_id,
                    attribute,
                } = local
                else {
                    return;
                };
                let nested = self.resources.get(logical_id);
                let Some(nested) = nested.and_then(|term| self.nested_template(term)) else {
                    return;
                };
                let Some(name) = attribute.constant() else {
                    return;
                };
                let Some(output) = name.strip_prefix("Outputs.") else {
                    return;
                };
                // What loops make with values that are not known yet is not known either.
                if nested.loops.is_none() && !nested.outputs.contains_key(output) {
                    let (message, help) = nested.no_output(logical_id, output);
                    let mut found = Diagnostic::error("unknown-attribute", message)
                        .at(&self.source, attribute.span)
                        .help(help);
                    found.address = address.map(str::to_owned);
                    diagnostics.push(found);
                }
            });
        }
    }

    /// Message and advice where this template, of the nested stack `logical_id`, has no such output.
    pub(super) fn no_output(&self, logical_id: &str, output: &str) -> (String, String) {
        let names: BTreeSet<&str> = self.outputs.keys().map(String::as_str).collect();
        let help = match did_you_mean(output, names.iter().copied()) {
            Some(similar) => format!("did you mean `Outputs.{similar}`?"),
            None if names.is_empty() => format!("{} has no outputs", self.source.name()),
            None => {
                let names: Vec<&str> = names.into_iter().collect();
                format!("outputs of {}: {}", self.source.name(), names.join(", "))
            }
        };
        (
            format!("the nested stack `{logical_id}` has no output `{output}`"),
            help,
        )
    }

    /// Every expression of resources and outputs, with the resource in which it stands.
    fn terms(&self) -> impl Iterator<Item = (Option<&str>, &Term)> {
        let resources = self.resources.iter().flat_map(|(name, resource)| {
            let more = [
                &resource.creation_policy,
                &resource.update_policy,
                &resource.metadata,
            ];
            let more = more.into_iter().flatten();
            std::iter::once(&resource.properties)
                .chain(more)
                .map(move |term| (Some(name.as_str()), term))
        });
        let outputs = self.outputs.values();
        let outputs = outputs.flat_map(|output| [&output.value, &output.export]);
        resources.chain(outputs.flatten().map(|term| (None, term)))
    }
}

/// The template of a nested stack, and how large it makes its parent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Nested {
    pub template: Arc<Template>,
    resource_count: usize,
    depth: usize,
}

impl ResourceTerm {
    /// Whether it stands for a nested stack.
    pub(super) fn is_nested(&self) -> bool {
        self.type_name == NESTED_STACK
    }
}

/// One of a resource's properties.
fn property<'t>(properties: &'t Term, name: &str) -> Option<&'t Term> {
    match &properties.kind {
        Kind::Map(fields) => fields.get(name).map(|field| &field.value),
        _ => None,
    }
}

/// The names of the parameters that a nested stack is given, where they are written out.
fn given_names(term: &ResourceTerm) -> Option<BTreeMap<&str, Span>> {
    match property(&term.properties, "Parameters") {
        None => Some(BTreeMap::new()),
        Some(Tree {
            kind: Kind::Map(fields),
            ..
        }) => {
            let names = fields.iter();
            Some(
                names
                    .map(|(name, field)| (name.as_str(), field.key))
                    .collect(),
            )
        }
        Some(_) => None,
    }
}

/// Where a nested stack's template is: what the CDK notes beside it, else what its `TemplateURL` says.
///
/// Source: AWS CLI reference, `cloudformation package` (local paths of TemplateURL); CDK API reference, `CfnResource.addMetadata`
/// with `ASSET_RESOURCE_METADATA_PATH_KEY` and `ASSET_RESOURCE_METADATA_PROPERTY_KEY`.
fn location(term: &ResourceTerm) -> TemplateLocation {
    let noted = |key: &str| match &property(term.metadata.as_ref()?, key)?.kind {
        Kind::Value(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let mut location = TemplateLocation::default();
    if noted("aws:asset:property").as_deref() == Some("TemplateURL") {
        location.file = noted("aws:asset:path");
    }
    let Some(url) = property(&term.properties, "TemplateURL") else {
        return location;
    };
    match url.constant() {
        Some(text) if is_url(&text) => location.url = Some(text),
        Some(text) => location.file = location.file.or(Some(text)),
        None => location.url = end_of(url),
    }
    location
}

fn is_url(text: &str) -> bool {
    ["http://", "https://", "s3://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

/// The text with which a computed text ends.
fn end_of(term: &Term) -> Option<String> {
    match &term.kind {
        Kind::Value(value) => value.to_text(),
        Kind::Call(Function::Sub, pieces) => end_of(pieces.last()?),
        Kind::Call(Function::Join, arguments) => match arguments.as_slice() {
            [
                _,
                Tree {
                    kind: Kind::List(items),
                    ..
                },
            ] => end_of(items.last()?),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
