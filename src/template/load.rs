//! [`load`]: a template's text to a [`Template`], or everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::Value;

use super::diagnostic::{Diagnostic, MAX_MISTAKES, did_you_mean, is_full, warn};
use super::expr::Kind;
use super::node::{Entry, MAX_BYTES, Node, NodeKind};
use super::parameter::{Parameter, shape};
use super::source::{Source, Span};
use super::syntax::{Names, Syntax, Term, Within};
use super::{Mapping, Template, json, yaml};

/// Reads a template, JSON where its text starts with `{`, else YAML. `name` is the file as the user named it.
///
/// # Errors
/// All mistakes that can be found without parameters, in the order of the text.
pub fn load(name: &str, text: &str) -> Result<Template, Vec<Diagnostic>> {
    let source = Arc::new(Source::new(name, text));
    if text.len() > MAX_BYTES {
        let message = format!(
            "the template has {} bytes, at most {MAX_BYTES} are read",
            text.len()
        );
        return Err(vec![
            Diagnostic::error("too-large", message).at(&source, Span::default()),
        ]);
    }
    let start = if text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8()
    } else {
        0
    };
    let mut diagnostics = Vec::new();
    let root = match text[start..].trim_start().starts_with('{') {
        true => json::parse(&source, start, &mut diagnostics),
        false => yaml::parse(&source, start, &mut diagnostics),
    };
    let Some(root) = root else {
        diagnostics.sort_by_key(|diagnostic| diagnostic.place.as_ref().map(|place| place.span));
        return Err(diagnostics);
    };
    let mut loader = Loader {
        source: &source,
        names: Names::default(),
        diagnostics,
        copied: 0,
    };
    let template = loader.template(&root);
    let mut diagnostics = loader.diagnostics;
    diagnostics.sort_by_key(|diagnostic| diagnostic.place.as_ref().map(|place| place.span));
    if is_full(&diagnostics) {
        diagnostics.truncate(MAX_MISTAKES);
        let message = format!("reading ended after {MAX_MISTAKES} mistakes");
        diagnostics.push(Diagnostic::error("too-many-mistakes", message));
    }
    match diagnostics.iter().any(Diagnostic::is_error) {
        true => Err(diagnostics),
        false => Ok(Template {
            warnings: diagnostics,
            ..template
        }),
    }
}

const SECTIONS: [&str; 7] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Mappings",
    "Conditions",
    "Resources",
];
const REFUSED_SECTIONS: [&str; 4] = ["Transform", "Rules", "Hooks", "Globals"];
const PARAMETER_KEYS: [&str; 11] = [
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "NoEcho",
    "Description",
    "ConstraintDescription",
];

mod condition_order;
mod limits;
mod resources;

struct Loader<'a> {
    source: &'a Arc<Source>,
    names: Names,
    diagnostics: Vec<Diagnostic>,
    /// How much of the template Fn::Sub has copied so far.
    copied: usize,
}

impl Loader<'_> {
    /// Whether nothing more need be said.
    fn is_full(&self) -> bool {
        is_full(&self.diagnostics)
    }

    fn report(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
    ) -> &mut Diagnostic {
        self.diagnostics
            .push(Diagnostic::error(code, message).at(self.source, span));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// The entries of what must be a map; reported where it is none.
    fn entries<'n>(&mut self, what: &str, node: &'n Node) -> &'n [Entry] {
        match &node.kind {
            NodeKind::Map(entries) => entries,
            NodeKind::Null => {
                self.report("null-value", format!("{what} is empty (null)"), node.span)
                    .help = Some("give it a value or remove the key".to_owned());
                &[]
            }
            _ => {
                self.report(
                    "wrong-type",
                    format!("{what} must be a map, not {}", node.kind_name()),
                    node.span,
                );
                &[]
            }
        }
    }

    fn text(&mut self, what: &str, node: &Node) -> Option<String> {
        let text = node.scalar_text();
        if text.is_none() {
            self.report(
                "wrong-type",
                format!("{what} must be a text, not {}", node.kind_name()),
                node.span,
            );
        }
        text
    }

    fn unknown_key(&mut self, what: &str, entry: &Entry, known: &[&str]) {
        let help = match did_you_mean(&entry.key, known.iter().copied()) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None => format!("it may have: {}", known.join(", ")),
        };
        self.report(
            "unknown-key",
            format!("{what} has no `{}`", entry.key),
            entry.key_span,
        )
        .help = Some(help);
    }

    fn template(&mut self, root: &Node) -> Template {
        let mut template = Template {
            source: self.source.clone(),
            description: None,
            parameters: BTreeMap::new(),
            mappings: BTreeMap::new(),
            conditions: BTreeMap::new(),
            condition_order: Vec::new(),
            resources: BTreeMap::new(),
            outputs: BTreeMap::new(),
            metadata: None,
            warnings: Vec::new(),
        };
        let Some(sections) = root.as_map() else {
            self.report(
                "wrong-type",
                format!("a template is a map, not {}", root.kind_name()),
                root.span,
            );
            return template;
        };
        let section = |name: &str| sections.iter().find(|entry| entry.key == name);
        for entry in sections {
            if REFUSED_SECTIONS.contains(&entry.key.as_str()) {
                let message = match entry.key.as_str() {
                    "Transform" => match transforms(&entry.value).join("`, `") {
                        names if names.is_empty() => "transforms are not supported yet".to_owned(),
                        names => format!("the transform `{names}` is not supported yet"),
                    },
                    section => format!("the section `{section}` is not supported yet"),
                };
                self.report("unsupported", message, entry.key_span).help =
                    Some("take it out and write what it stands for".to_owned());
            } else if !SECTIONS.contains(&entry.key.as_str()) && entry.key != "Outputs" {
                let known: Vec<&str> = SECTIONS.iter().copied().chain(["Outputs"]).collect();
                self.unknown_key("a template", entry, &known);
            }
        }
        self.limits(sections);
        self.collect_names(sections);
        if let Some(entry) = section("AWSTemplateFormatVersion")
            && entry.value.scalar_text().as_deref() != Some("2010-09-09")
        {
            self.report(
                "bad-value",
                "the only template format version is 2010-09-09",
                entry.value.span,
            );
        }
        if let Some(entry) = section("Description") {
            template.description = self.text("Description", &entry.value);
        }
        template.metadata = section("Metadata").map(|entry| entry.value.to_value());
        if let Some(entry) = section("Parameters") {
            for entry in self.entries("Parameters", &entry.value) {
                if self.is_full() {
                    break;
                }
                self.alphanumeric("a parameter", entry);
                let parameter = self.parameter(entry);
                template.parameters.insert(entry.key.clone(), parameter);
            }
        }
        if let Some(entry) = section("Mappings") {
            for entry in self.entries("Mappings", &entry.value) {
                if self.is_full() {
                    break;
                }
                let mapping = self.mapping(entry);
                template.mappings.insert(entry.key.clone(), mapping);
            }
        }
        if let Some(entry) = section("Conditions") {
            for entry in self.entries("Conditions", &entry.value) {
                if self.is_full() {
                    break;
                }
                let term = self.term(&entry.value, None, Within::Condition);
                if matches!(&term.kind, Kind::Value(_) | Kind::Map(_) | Kind::List(_))
                    && !self.failed_within(entry.value.span)
                {
                    self.report(
                        "wrong-type",
                        format!("the condition `{}` is no condition function", entry.key),
                        entry.value.span,
                    )
                    .help =
                        Some("use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition".to_owned());
                }
                template
                    .conditions
                    .insert(entry.key.clone(), (entry.key_span, term));
            }
        }
        template.condition_order = self.condition_order(&template.conditions);
        match section("Resources") {
            None => {
                self.report(
                    "missing-key",
                    "a template has at least one resource",
                    Span::default(),
                )
                .help = Some("add a section Resources".to_owned());
            }
            Some(entry) => {
                for entry in self.entries("Resources", &entry.value) {
                    if self.is_full() {
                        break;
                    }
                    self.alphanumeric("a resource", entry);
                    if let Some(resource) = self.resource(entry) {
                        template.resources.insert(entry.key.clone(), resource);
                    }
                }
            }
        }
        if let Some(entry) = section("Outputs") {
            for entry in self.entries("Outputs", &entry.value) {
                if self.is_full() {
                    break;
                }
                if let Some(output) = self.output(entry) {
                    template.outputs.insert(entry.key.clone(), output);
                }
            }
        }
        template
    }

    fn failed_within(&self, span: Span) -> bool {
        self.diagnostics.iter().any(|diagnostic| {
            diagnostic.place.as_ref().is_some_and(|place| {
                place.span.offset >= span.offset && place.span.offset <= span.end()
            })
        })
    }

    fn collect_names(&mut self, sections: &[Entry]) {
        for section in sections {
            let entries = section.value.as_map().unwrap_or_default();
            let keys = || {
                entries
                    .iter()
                    .map(|entry| entry.key.clone())
                    .collect::<BTreeSet<String>>()
            };
            match section.key.as_str() {
                "Parameters" => self.names.parameters = keys(),
                "Mappings" => self.names.mappings = keys(),
                "Conditions" => self.names.conditions = keys(),
                "Resources" => {
                    for entry in entries {
                        let parts = entry.value.as_map().unwrap_or_default();
                        let kind = parts
                            .iter()
                            .find(|part| part.key == "Type")
                            .and_then(|part| part.value.as_text());
                        self.names
                            .resources
                            .insert(entry.key.clone(), kind.unwrap_or_default().to_owned());
                    }
                }
                _ => {}
            }
        }
        let clash: Vec<Entry> = sections
            .iter()
            .filter(|section| section.key == "Resources")
            .flat_map(|section| section.value.as_map().unwrap_or_default())
            .filter(|entry| self.names.parameters.contains(&entry.key))
            .cloned()
            .collect();
        for entry in clash {
            let message = format!(
                "`{}` is the name of a parameter and of a resource",
                entry.key
            );
            self.report("duplicate-name", message, entry.key_span).help =
                Some("rename one of them".to_owned());
        }
    }

    /// CloudFormation takes letters and digits only.
    fn alphanumeric(&mut self, what: &str, entry: &Entry) {
        if let Some(why) = super::syntax::refusal(&entry.key) {
            self.report(
                "unsupported",
                format!("`{}` is not supported", entry.key),
                entry.key_span,
            )
            .help = Some(why.to_owned());
        } else if entry.key.is_empty()
            || entry.key.len() > 255
            || !entry.key.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            self.report(
                "bad-name",
                format!("`{}` is no name for {what}", entry.key),
                entry.key_span,
            )
            .help = Some("use letters and digits only, at most 255".to_owned());
        }
    }

    fn term(&mut self, node: &Node, resource: Option<&str>, within: Within) -> Term {
        Syntax {
            source: self.source,
            names: &self.names,
            diagnostics: &mut self.diagnostics,
            resource,
            within,
            copied: &mut self.copied,
        }
        .term(node)
    }

    fn parameter(&mut self, entry: &Entry) -> Parameter {
        let name = &entry.key;
        let mut parameter = Parameter {
            type_name: "String".to_owned(),
            default: None,
            allowed_values: Vec::new(),
            allowed_pattern: None,
            min_length: None,
            max_length: None,
            min_value: None,
            max_value: None,
            no_echo: false,
            description: None,
            constraint_description: None,
            span: entry.key_span,
        };
        let before = self.diagnostics.len();
        let mut default_at = entry.key_span;
        let mut has_type = false;
        for part in self.entries(&format!("the parameter `{name}`"), &entry.value) {
            let value = &part.value;
            let what = format!("{} of the parameter `{name}`", part.key);
            match part.key.as_str() {
                "Type" => {
                    has_type = true;
                    parameter.type_name = self.text(&what, value).unwrap_or_default();
                    if value.scalar_text().is_some()
                        && let Err((message, help)) = shape(&parameter.type_name)
                    {
                        let code = if message.contains("not supported") {
                            "unsupported"
                        } else {
                            "unknown-type"
                        };
                        self.report(code, message, value.span).help = help;
                    }
                }
                "Default" => {
                    default_at = value.span;
                    // The value as written, so that `Default: 0123` and numbers keep their form.
                    let list = value
                        .as_list()
                        .map(|items| items.iter().all(|item| item.scalar_text().is_some()));
                    match list {
                        Some(true) => parameter.default = Some(value.to_value()),
                        _ => parameter.default = self.text(&what, value).map(Value::String),
                    }
                }
                "AllowedValues" => match value.as_list() {
                    Some(items) => {
                        for item in items {
                            parameter.allowed_values.extend(self.text(&what, item));
                        }
                    }
                    None => {
                        self.report(
                            "wrong-type",
                            format!("{what} must be a list, not {}", value.kind_name()),
                            value.span,
                        );
                    }
                },
                "AllowedPattern" => {
                    parameter.allowed_pattern = self.text(&what, value);
                    if let Some(pattern) = &parameter.allowed_pattern
                        && fancy_regex::Regex::new(pattern).is_err()
                    {
                        let message = format!(
                            "the pattern of `{name}` is not understood, so values are not checked with it"
                        );
                        let warning =
                            Diagnostic::warning("bad-pattern", message).at(self.source, value.span);
                        warn(&mut self.diagnostics, warning);
                    }
                }
                "MinLength" => parameter.min_length = self.number(&what, value),
                "MaxLength" => parameter.max_length = self.number(&what, value),
                "MinValue" => parameter.min_value = self.number(&what, value),
                "MaxValue" => parameter.max_value = self.number(&what, value),
                "NoEcho" => match value.to_value().as_bool() {
                    Some(flag) => parameter.no_echo = flag,
                    None => {
                        self.report(
                            "wrong-type",
                            format!("{what} must be true or false"),
                            value.span,
                        );
                    }
                },
                "Description" => parameter.description = self.text(&what, value),
                "ConstraintDescription" => {
                    parameter.constraint_description = self.text(&what, value)
                }
                _ => self.unknown_key("a parameter", part, &PARAMETER_KEYS),
            }
        }
        if !has_type && self.diagnostics.len() == before {
            self.report(
                "missing-key",
                format!("the parameter `{name}` has no Type"),
                entry.key_span,
            )
            .help = Some("add `Type: String`".to_owned());
        }
        if self.diagnostics[before..]
            .iter()
            .all(|diagnostic| !diagnostic.is_error())
            && let Some(default) = &parameter.default
            && let Err(message) = parameter.accept(name, default)
        {
            let diagnostic = parameter.refuse(self.source, message, default_at);
            self.diagnostics.push(diagnostic);
        }
        parameter
    }

    fn number<T: std::str::FromStr>(&mut self, what: &str, node: &Node) -> Option<T> {
        let number = node.scalar_text().and_then(|text| text.trim().parse().ok());
        if number.is_none() {
            self.report("wrong-type", format!("{what} must be a number"), node.span);
        }
        number
    }

    fn mapping(&mut self, entry: &Entry) -> Mapping {
        let mut mapping = Mapping::new();
        let name = &entry.key;
        for first in self.entries(&format!("the mapping `{name}`"), &entry.value) {
            if first.key == "Fn::Transform" {
                self.report(
                    "unsupported",
                    "`Fn::Transform` is not supported",
                    first.key_span,
                );
                continue;
            }
            let inner = self.entries(
                &format!("`{}` of the mapping `{name}`", first.key),
                &first.value,
            );
            let mut values = BTreeMap::new();
            for second in inner {
                let plain = match &second.value.kind {
                    NodeKind::List(items) => items.iter().all(|item| item.scalar_text().is_some()),
                    _ => second.value.scalar_text().is_some(),
                };
                if !plain {
                    let message = format!(
                        "`{}.{}` of the mapping `{name}` must be a text or a list of texts, not {}",
                        first.key,
                        second.key,
                        second.value.kind_name()
                    );
                    self.report("wrong-type", message, second.value.span).help =
                        Some("mappings hold plain values, no functions".to_owned());
                }
                values.insert(second.key.clone(), second.value.to_value());
            }
            mapping.insert(first.key.clone(), values);
        }
        mapping
    }
}

/// The names in a section Transform: one, several, or a map with a Name.
fn transforms(node: &Node) -> Vec<String> {
    match &node.kind {
        NodeKind::List(items) => items.iter().flat_map(transforms).collect(),
        NodeKind::Map(entries) => {
            let names = entries
                .iter()
                .filter(|entry| matches!(entry.key.as_str(), "Name" | "Fn::Transform"));
            names.flat_map(|entry| transforms(&entry.value)).collect()
        }
        _ => node.scalar_text().into_iter().collect(),
    }
}
