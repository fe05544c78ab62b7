//! [`load`]: a template's text to a [`Template`], or everything that is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, MAX_MISTAKES, did_you_mean, in_order, is_full};
use super::foreach::{Expander, Known};
use super::instantiate::Binder;
use super::node::{Entry, MAX_BYTES, Node, NodeKind};
use super::source::{Source, Span};
use super::stack::Inputs;
use super::syntax::{Names, Syntax, Term, USE_EXTENSIONS, Within, refusal};
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
    read(source, root, diagnostics, None)
}

/// The template of a document; with `inputs`, its loops over parameters are written out for these.
pub(super) fn read(
    source: Arc<Source>,
    root: Node,
    diagnostics: Vec<Diagnostic>,
    inputs: Option<&Inputs>,
) -> Result<Template, Vec<Diagnostic>> {
    let mut loader = Loader {
        source: source.clone(),
        names: Names::default(),
        diagnostics,
        copied: 0,
        open_places: BTreeSet::new(),
        loops_depend: false,
    };
    let mut template = loader.template(&root, inputs);
    if inputs.is_none() && loader.loops_depend {
        template.loops = Some(Arc::new((source, root)));
    }
    // What was made with a value that only stands for one that is not known yet says nothing about the template.
    let is_made_up = |diagnostic: &Diagnostic| {
        let span = match &diagnostic.place {
            Some(place) => place.span,
            None => return false,
        };
        let mut inside = loader.open_places.range(Span { length: 0, ..span }..);
        inside.next().is_some_and(|open| open.offset <= span.end())
    };
    let full = loader.is_full();
    let diagnostics = loader.diagnostics.iter().filter(|found| !is_made_up(found));
    let mut diagnostics = in_order(diagnostics.cloned().collect());
    if full {
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

const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Transform",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Resources",
    "Outputs",
];
mod condition_order;
mod conditions;
mod limits;
mod parameters;
mod policies;
mod resources;
mod rules;
mod transforms;

struct Loader {
    source: Arc<Source>,
    names: Names,
    diagnostics: Vec<Diagnostic>,
    /// How much of the template Fn::Sub has copied so far.
    copied: usize,
    /// See [`Expander::open_places`].
    open_places: BTreeSet<Span>,
    /// Whether what the loops make depends on the inputs.
    loops_depend: bool,
}

impl Loader {
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
            .push(Diagnostic::error(code, message).at(&self.source, span));
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// The entries of what must be a map; reported where it is none.
    fn entries<'n>(&mut self, what: &str, node: &'n Node) -> &'n [Entry] {
        match &node.kind {
            NodeKind::Map(entries) => entries,
            NodeKind::Null => {
                self.report("null-value", format!("{what} is empty (null)"), node.span)
                    .help = Some(
                    "indent what belongs to it deeper than itself, or remove the key".to_owned(),
                );
                &[]
            }
            _ => {
                self.report(
                    "wrong-type",
                    format!("{what} must be a map, not {}", node.kind_name()),
                    node.span,
                )
                .help = Some(match node.kind {
                    NodeKind::List(_) => "remove the `- ` in front of its keys".to_owned(),
                    _ => "write its keys below it, each as `key: value`".to_owned(),
                });
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

    fn template(&mut self, root: &Node, inputs: Option<&Inputs>) -> Template {
        let mut template = Template {
            source: self.source.clone(),
            description: None,
            parameters: BTreeMap::new(),
            mappings: BTreeMap::new(),
            conditions: BTreeMap::new(),
            condition_order: Vec::new(),
            rules: BTreeMap::new(),
            resources: BTreeMap::new(),
            outputs: BTreeMap::new(),
            metadata: None,
            warnings: Vec::new(),
            loops: None,
            nested: BTreeMap::new(),
        };
        let Some(sections) = root.as_map() else {
            self.report(
                "wrong-type",
                format!("a template is a map, not {}", root.kind_name()),
                root.span,
            );
            return template;
        };
        for entry in sections {
            match entry.key.as_str() {
                "Transform" => self.transforms(&entry.value),
                section if SECTIONS.contains(&section) => {}
                section => match transforms::section(section) {
                    Some((message, help)) => {
                        self.report("unsupported", message, entry.key_span).help =
                            Some(help.to_owned());
                    }
                    None => self.unknown_key("a template", entry, &SECTIONS),
                },
            }
        }
        self.collect_names(sections);
        self.head(sections, &mut template);
        let written_out = match self.names.extensions {
            true => self.without_loops(sections, &mut template, inputs),
            false => Vec::new(),
        };
        let sections = match written_out.is_empty() {
            true => sections,
            false => &written_out,
        };
        self.limits(sections);
        self.conditions(sections, &mut template);
        self.clashes(sections);
        self.rules(sections, &mut template);
        match find(sections, "Resources") {
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
                    if self.alphanumeric("a resource", entry)
                        && let Some(resource) = self.resource(entry)
                    {
                        template.resources.insert(entry.key.clone(), resource);
                    }
                }
            }
        }
        if let Some(entry) = find(sections, "Outputs") {
            for entry in self.entries("Outputs", &entry.value) {
                if self.is_full() {
                    break;
                }
                if self.alphanumeric("an output", entry)
                    && let Some(output) = self.output(entry)
                {
                    template.outputs.insert(entry.key.clone(), output);
                }
            }
        }
        template.source = self.source.clone();
        template
    }

    /// What stands before all else: format, description, parameters, mappings.
    fn head(&mut self, sections: &[Entry], template: &mut Template) {
        if let Some(entry) = find(sections, "AWSTemplateFormatVersion")
            && entry.value.scalar_text().as_deref() != Some("2010-09-09")
        {
            self.report(
                "bad-value",
                "the only template format version is 2010-09-09",
                entry.value.span,
            );
        }
        if let Some(entry) = find(sections, "Description") {
            template.description = self.text("Description", &entry.value);
        }
        template.metadata = find(sections, "Metadata").map(|entry| entry.value.to_value());
        if let Some(entry) = find(sections, "Parameters") {
            for entry in self.entries("Parameters", &entry.value) {
                if self.is_full() {
                    break;
                }
                if !self.alphanumeric("a parameter", entry) {
                    continue;
                }
                let parameter = self.parameter(entry);
                template.parameters.insert(entry.key.clone(), parameter);
            }
        }
        if let Some(entry) = find(sections, "Mappings") {
            for entry in self.entries("Mappings", &entry.value) {
                if self.is_full() {
                    break;
                }
                if entry.key.starts_with("Fn::") && !self.alphanumeric("a mapping", entry) {
                    continue;
                }
                let mapping = self.mapping(entry);
                template.mappings.insert(entry.key.clone(), mapping);
            }
        }
    }

    /// The sections with all loops written out: those of the conditions first, for a collection can hang on a condition.
    fn without_loops(
        &mut self,
        sections: &[Entry],
        template: &mut Template,
        inputs: Option<&Inputs>,
    ) -> Vec<Entry> {
        let mut expander = Expander::new(&self.source, inputs.is_some());
        let mut made = sections.to_vec();
        let nothing = Inputs::default();
        let inputs = inputs.unwrap_or(&nothing);
        let (parameters, _) = template.accept_parameters(inputs);
        for part in [&["Conditions"][..], &["Resources", "Outputs"]] {
            let known = Known {
                binder: &Binder::new(template, inputs, parameters.clone()),
                names: &self.names,
            };
            for entry in made
                .iter_mut()
                .filter(|entry| part.contains(&entry.key.as_str()))
            {
                *entry = expander.section(entry, &known);
            }
            self.source = expander.source();
            template.source = self.source.clone();
            self.names.open = expander.open.clone();
            self.collect_names(&made);
            if part == ["Conditions"] {
                let told = self.diagnostics.len();
                self.conditions(&made, template);
                // They are read again, with all names.
                self.diagnostics.truncate(told);
            }
        }
        self.diagnostics.append(&mut expander.diagnostics);
        self.open_places = std::mem::take(&mut expander.open_places);
        self.loops_depend = expander.depends;
        made
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
                    self.names.resources = entries
                        .iter()
                        .map(|entry| {
                            let parts = entry.value.as_map().unwrap_or_default();
                            let kind = find(parts, "Type").and_then(|part| part.value.as_text());
                            (entry.key.clone(), kind.unwrap_or_default().to_owned())
                        })
                        .collect();
                }
                _ => {}
            }
        }
    }

    fn clashes(&mut self, sections: &[Entry]) {
        let resources = find(sections, "Resources").and_then(|section| section.value.as_map());
        for entry in resources.unwrap_or_default() {
            if self.names.parameters.contains(&entry.key) {
                let message = format!(
                    "`{}` is the name of a parameter and of a resource",
                    entry.key
                );
                self.report("duplicate-name", message, entry.key_span).help =
                    Some("rename one of them".to_owned());
            }
        }
    }

    /// CloudFormation takes letters and digits only. Whether it is a name at all, and no function.
    fn alphanumeric(&mut self, what: &str, entry: &Entry) -> bool {
        if let Some(why) = refusal(&entry.key) {
            self.report(
                "unsupported",
                format!("`{}` is not supported", entry.key),
                entry.key_span,
            )
            .help = Some(why.to_owned());
        } else if entry.key.starts_with("Fn::ForEach::") {
            let (message, help) = match self.names.extensions {
                true => (
                    "there are no loops in this section",
                    "Fn::ForEach stands in Conditions, Resources and Outputs",
                ),
                false => (
                    "Fn::ForEach needs the transform AWS::LanguageExtensions",
                    USE_EXTENSIONS,
                ),
            };
            let code = match self.names.extensions {
                true => "bad-function",
                false => "needs-transform",
            };
            self.report(code, message, entry.key_span).help = Some(help.to_owned());
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
        !entry.key.starts_with("Fn::")
    }

    fn term(&mut self, node: &Node, resource: Option<&str>, within: Within) -> Term {
        Syntax {
            source: &self.source,
            names: &self.names,
            diagnostics: &mut self.diagnostics,
            resource,
            within,
            copied: &mut self.copied,
        }
        .term(node)
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

fn find<'e>(entries: &'e [Entry], key: &str) -> Option<&'e Entry> {
    entries.iter().find(|entry| entry.key == key)
}
