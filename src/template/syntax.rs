//! From the document's [`Node`]s to [`Term`]s: intrinsic functions are recognised, and every name they use is looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, AttributeOf, Value};

use super::diagnostic::{Diagnostic, did_you_mean, is_full};
use super::expr::{Field, Function, Kind, Tree};
use super::node::{Entry, Node, NodeKind};
use super::source::{Source, Span};

mod substitution;

/// An expression of a template before it is instantiated.
pub(super) type Term = Tree<Local>;

/// What an expression of a template refers to, by the template's own names.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Local {
    Parameter(String),
    Pseudo(Pseudo),
    /// `Ref` or `Fn::GetAtt` of a resource; the attribute may be computed from parameters.
    Resource {
        logical_id: String,
        attribute: Box<Term>,
    },
    Condition(String),
    /// Map, first key, second key.
    FindInMap(Box<[Term; 3]>),
    /// `Fn::GetAZs` of a region; the empty text is the stack's own.
    Zones(Box<Term>),
}

/// The pseudo parameters except `AWS::NoValue`, which is a kind of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pseudo {
    AccountId,
    NotificationArns,
    Partition,
    Region,
    StackId,
    StackName,
    UrlSuffix,
}

const PSEUDO: [(&str, Pseudo); 7] = [
    ("AWS::AccountId", Pseudo::AccountId),
    ("AWS::NotificationARNs", Pseudo::NotificationArns),
    ("AWS::Partition", Pseudo::Partition),
    ("AWS::Region", Pseudo::Region),
    ("AWS::StackId", Pseudo::StackId),
    ("AWS::StackName", Pseudo::StackName),
    ("AWS::URLSuffix", Pseudo::UrlSuffix),
];
const NO_VALUE: &str = "AWS::NoValue";

/// The functions that are understood, by their long names.
pub(super) const FUNCTIONS: [&str; 17] = [
    "Ref",
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Not",
    "Fn::Or",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Condition",
];

/// Why a function that CloudFormation knows is refused; `None` for every other name.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    let name = if name.starts_with("Fn::ForEach::") {
        "Fn::ForEach"
    } else {
        name
    };
    Some(match name {
        "Fn::ForEach" | "Fn::Length" | "Fn::ToJsonString" => {
            "it belongs to the transform AWS::LanguageExtensions, which payctl does not support yet"
        }
        "Fn::GetStackOutput" => {
            "payctl does not support it yet: export the output and use Fn::ImportValue"
        }
        "Fn::Transform" => "payctl runs no macros: give it the template after the macro has run",
        "Fn::Contains"
        | "Fn::EachMemberEquals"
        | "Fn::EachMemberIn"
        | "Fn::RefAll"
        | "Fn::ValueOf"
        | "Fn::ValueOfAll" => "it belongs to Rules, which payctl does not support yet",
        _ => return None,
    })
}

/// In the place of what has been reported: as unknown it causes no second message.
fn broken() -> Kind<Local> {
    Kind::Value(Value::unknown(
        Address::new("", "", "").attribute(AttributeOf::REF),
    ))
}

/// The names of a template.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub parameters: BTreeSet<String>,
    /// Each resource with its type.
    pub resources: BTreeMap<String, String>,
    pub conditions: BTreeSet<String>,
    pub mappings: BTreeSet<String>,
}

/// In which part of a template an expression stands; it decides what may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// Properties and outputs.
    Value,
    /// Conditions: no resources, and the condition functions.
    Condition,
    /// Metadata: `null` is allowed.
    Metadata,
}

/// Turns nodes into terms and collects what is wrong with them.
pub(super) struct Syntax<'a> {
    pub source: &'a Arc<Source>,
    pub names: &'a Names,
    pub diagnostics: &'a mut Vec<Diagnostic>,
    /// The resource in which the expression stands.
    pub resource: Option<&'a str>,
    pub within: Within,
    /// How much of the template Fn::Sub has copied so far, in expressions.
    pub copied: &'a mut usize,
}

impl Syntax<'_> {
    fn report(
        &mut self,
        code: &'static str,
        message: impl Into<String>,
        span: Span,
        help: Option<String>,
    ) {
        let mut diagnostic = Diagnostic::error(code, message)
            .at(self.source, span)
            .maybe_help(help);
        diagnostic.address = self.resource.map(str::to_owned);
        self.diagnostics.push(diagnostic);
    }

    /// The expression of a node. What is wrong with it is reported; the result then has no meaning.
    pub fn term(&mut self, node: &Node) -> Term {
        if is_full(self.diagnostics) {
            return Tree::new(broken(), node.span);
        }
        let kind = match &node.kind {
            NodeKind::Null => {
                if self.within != Within::Metadata {
                    let help = "give it a value, remove it, or use `!Ref AWS::NoValue`".to_owned();
                    self.report(
                        "null-value",
                        "null is not allowed in templates",
                        node.span,
                        Some(help),
                    );
                }
                if self.within == Within::Metadata {
                    Kind::Value(Value::Null)
                } else {
                    broken()
                }
            }
            NodeKind::Bool(flag) => Kind::Value(Value::Bool(*flag)),
            NodeKind::Number(number) => Kind::Value(Value::Number(number.clone())),
            NodeKind::Text(text) => Kind::Value(Value::String(text.clone())),
            NodeKind::List(items) => Kind::List(items.iter().map(|item| self.term(item)).collect()),
            NodeKind::Map(entries) => return self.map(node, entries),
        };
        Tree::new(kind, node.span)
    }

    fn map(&mut self, node: &Node, entries: &[Entry]) -> Term {
        let is_function = |key: &str| {
            key == "Ref"
                || key.starts_with("Fn::")
                || key == "Condition" && self.within == Within::Condition
        };
        if let [
            Entry {
                key,
                key_span,
                value,
            },
        ] = entries
            && is_function(key)
        {
            return Tree::new(self.function(key, *key_span, value), node.span);
        }
        if let Some(stray) = entries.iter().find(|entry| entry.key.starts_with("Fn::")) {
            match refusal(&stray.key) {
                Some(why) => self.refuse(&stray.key, why, stray.key_span),
                None => self.report(
                    "bad-function",
                    format!("`{}` stands beside other keys", stray.key),
                    stray.key_span,
                    Some("a function is the only key of its map".to_owned()),
                ),
            }
            return Tree::new(broken(), node.span);
        }
        let fields = entries
            .iter()
            .map(|entry| {
                (
                    entry.key.clone(),
                    Field {
                        key: entry.key_span,
                        value: self.term(&entry.value),
                    },
                )
            })
            .collect();
        Tree::new(Kind::Map(fields), node.span)
    }

    fn refuse(&mut self, name: &str, why: &str, span: Span) {
        self.report(
            "unsupported",
            format!("`{name}` is not supported"),
            span,
            Some(why.to_owned()),
        );
    }

    fn function(&mut self, name: &str, at: Span, argument: &Node) -> Kind<Local> {
        let nothing = broken();
        let in_conditions = self.within == Within::Condition;
        match name {
            "Ref" => match argument.scalar_text() {
                Some(target) => self.reference(&target, argument.span),
                None => {
                    let message = format!("Ref takes a name, not {}", argument.kind_name());
                    self.report("bad-function", message, argument.span, None);
                    nothing
                }
            },
            "Condition" => self.condition(argument),
            "Fn::GetAtt" => self.get_att(argument),
            "Fn::Sub" => self.sub(argument),
            "Fn::If" => match self.arguments(
                name,
                argument,
                3,
                3,
                "[condition, value if true, value if false]",
            ) {
                Some(items) => {
                    let condition = Tree::new(self.condition(&items[0]), items[0].span);
                    Kind::Call(
                        Function::If,
                        vec![condition, self.term(&items[1]), self.term(&items[2])],
                    )
                }
                None => nothing,
            },
            "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" => {
                let (function, least, most, form) = match name {
                    "Fn::And" => (Function::And, 2, 10, "a list of 2 to 10 conditions"),
                    "Fn::Or" => (Function::Or, 2, 10, "a list of 2 to 10 conditions"),
                    "Fn::Not" => (Function::Not, 1, 1, "a list of one condition"),
                    _ => (Function::Equals, 2, 2, "[value, value]"),
                };
                if !in_conditions {
                    let help = "define the condition under Conditions and use Fn::If with its name"
                        .to_owned();
                    self.report(
                        "bad-function",
                        format!("`{name}` can be used only in conditions"),
                        at,
                        Some(help),
                    );
                    return nothing;
                }
                match self.arguments(name, argument, least, most, form) {
                    Some(items) => {
                        Kind::Call(function, items.iter().map(|item| self.term(item)).collect())
                    }
                    None => nothing,
                }
            }
            "Fn::Join" | "Fn::Split" => {
                let (function, form) = match name {
                    "Fn::Join" => (Function::Join, "[delimiter, list]"),
                    _ => (Function::Split, "[delimiter, text]"),
                };
                let Some([delimiter, rest]) = self.arguments(name, argument, 2, 2, form) else {
                    return nothing;
                };
                if delimiter.scalar_text().is_none() {
                    let message = format!("the delimiter of {name} must be a plain text");
                    self.report("bad-function", message, delimiter.span, None);
                }
                let text = Value::String(delimiter.scalar_text().unwrap_or_default());
                Kind::Call(
                    function,
                    vec![
                        Tree::new(Kind::Value(text), delimiter.span),
                        self.term(rest),
                    ],
                )
            }
            "Fn::Select" => self.call(name, Function::Select, argument, 2, 2, "[index, list]"),
            "Fn::Cidr" => self.call(
                name,
                Function::Cidr,
                argument,
                2,
                3,
                "[block, count, host bits]",
            ),
            "Fn::FindInMap" => {
                if argument.as_list().is_some_and(|items| items.len() == 4) {
                    let why = "its DefaultValue belongs to the transform AWS::LanguageExtensions, which payctl does not support yet";
                    self.refuse("Fn::FindInMap with a DefaultValue", why, at);
                    return nothing;
                }
                match self.arguments(name, argument, 3, 3, "[mapping, first key, second key]") {
                    Some([map, first, second]) => {
                        if let Some(text) = map.as_text() {
                            self.check_mapping(text, map.span);
                        }
                        Kind::Leaf(Local::FindInMap(Box::new([
                            self.term(map),
                            self.term(first),
                            self.term(second),
                        ])))
                    }
                    _ => nothing,
                }
            }
            "Fn::GetAZs" => Kind::Leaf(Local::Zones(Box::new(self.term(argument)))),
            "Fn::Base64" => Kind::Call(Function::Base64, vec![self.term(argument)]),
            "Fn::ImportValue" => Kind::Call(Function::ImportValue, vec![self.term(argument)]),
            other => {
                match refusal(other) {
                    Some(why) => self.refuse(other, why, at),
                    None => {
                        // Named as the template names it: by its short form or its long one.
                        let short = self.source.slice(at).starts_with('!');
                        let plain = |name: &'static str| name.trim_start_matches("Fn::");
                        let name = other.trim_start_matches("Fn::");
                        let similar =
                            did_you_mean(name, FUNCTIONS.map(plain)).and_then(|similar| {
                                let long =
                                    FUNCTIONS.into_iter().find(|long| plain(long) == similar)?;
                                Some(match short {
                                    true => format!("did you mean `!{similar}`?"),
                                    false => format!("did you mean `{long}`?"),
                                })
                            });
                        let shown = if short {
                            format!("!{name}")
                        } else {
                            other.to_owned()
                        };
                        self.report(
                            "unknown-function",
                            format!("there is no function `{shown}`"),
                            at,
                            similar,
                        );
                    }
                }
                nothing
            }
        }
    }

    fn call(
        &mut self,
        name: &str,
        function: Function,
        argument: &Node,
        least: usize,
        most: usize,
        form: &str,
    ) -> Kind<Local> {
        match self.arguments(name, argument, least, most, form) {
            Some(items) => Kind::Call(function, items.iter().map(|item| self.term(item)).collect()),
            None => broken(),
        }
    }

    fn arguments<'n>(
        &mut self,
        name: &str,
        argument: &'n Node,
        least: usize,
        most: usize,
        form: &str,
    ) -> Option<&'n [Node]> {
        match argument.as_list() {
            Some(items) if (least..=most).contains(&items.len()) => Some(items),
            found => {
                let found = match found {
                    Some(items) => format!("a list with {} items", items.len()),
                    None => argument.kind_name().to_owned(),
                };
                self.report(
                    "bad-function",
                    format!("{name} takes {form}, not {found}"),
                    argument.span,
                    None,
                );
                None
            }
        }
    }

    fn condition(&mut self, node: &Node) -> Kind<Local> {
        match node.scalar_text() {
            Some(name) => {
                if !self.names.conditions.contains(&name) {
                    let help = self.advice(&name, self.names.conditions.iter(), "conditions");
                    self.report(
                        "unknown-condition",
                        format!("there is no condition `{name}`"),
                        node.span,
                        help,
                    );
                }
                Kind::Leaf(Local::Condition(name))
            }
            None => {
                let message = format!("a condition is named by a text, not {}", node.kind_name());
                self.report("bad-function", message, node.span, None);
                broken()
            }
        }
    }

    fn check_mapping(&mut self, name: &str, span: Span) {
        if !self.names.mappings.contains(name) {
            let help = self.advice(name, self.names.mappings.iter(), "mappings");
            self.report(
                "unknown-mapping",
                format!("there is no mapping `{name}`"),
                span,
                help,
            );
        }
    }

    /// "Did you mean", or which names there are.
    fn advice<'n>(
        &self,
        name: &str,
        all: impl Iterator<Item = &'n String> + Clone,
        what: &str,
    ) -> Option<String> {
        if let Some(similar) = did_you_mean(name, all.clone().map(String::as_str)) {
            return Some(format!("did you mean `{similar}`?"));
        }
        let list: Vec<&str> = all.map(String::as_str).take(12).collect();
        (!list.is_empty()).then(|| format!("{what} of this template: {}", list.join(", ")))
    }

    fn reference(&mut self, name: &str, span: Span) -> Kind<Local> {
        if name == NO_VALUE {
            return Kind::NoValue;
        }
        if let Some((_, pseudo)) = PSEUDO.iter().find(|(known, _)| *known == name) {
            return Kind::Leaf(Local::Pseudo(*pseudo));
        }
        if self.names.parameters.contains(name) {
            return Kind::Leaf(Local::Parameter(name.to_owned()));
        }
        if self.names.resources.contains_key(name) {
            let attribute = Tree::new(Kind::Value(Value::from(AttributeOf::REF)), span);
            return self.resource(name, attribute, span);
        }
        let pseudo = PSEUDO.iter().map(|(name, _)| *name).chain([NO_VALUE]);
        let all = self
            .names
            .parameters
            .iter()
            .chain(self.names.resources.keys())
            .map(String::as_str)
            .chain(pseudo);
        let help = match did_you_mean(name, all) {
            Some(similar) => format!("did you mean `{similar}`?"),
            None if name.contains('.') => {
                "Ref takes a name alone; use Fn::GetAtt for attributes".to_owned()
            }
            None => "Ref takes the name of a parameter or resource of this template".to_owned(),
        };
        let message = format!("there is no parameter or resource `{name}`");
        self.report("unknown-reference", message, span, Some(help));
        broken()
    }

    fn resource(&mut self, logical_id: &str, attribute: Term, span: Span) -> Kind<Local> {
        if self.within == Within::Condition {
            let message = format!("a condition cannot refer to the resource `{logical_id}`");
            let help = "conditions are decided before anything exists: use parameters and mappings"
                .to_owned();
            self.report("bad-reference", message, span, Some(help));
        }
        if self.resource == Some(logical_id) && self.within == Within::Value {
            self.report(
                "circular",
                format!("`{logical_id}` refers to itself"),
                span,
                None,
            );
        }
        Kind::Leaf(Local::Resource {
            logical_id: logical_id.to_owned(),
            attribute: Box::new(attribute),
        })
    }

    fn get_att(&mut self, argument: &Node) -> Kind<Local> {
        if let Some(text) = argument.as_text() {
            return match text.split_once('.') {
                Some((logical_id, attribute)) => {
                    // Where the text stands in the template as it is, each part has its own place.
                    let span = argument.span;
                    let (at, attribute_at) = match self.source.slice(span) == text {
                        true => {
                            let split = span.offset + logical_id.len();
                            (
                                Span::between(span.offset, split),
                                Span::between(split + 1, span.end()),
                            )
                        }
                        false => (span, span),
                    };
                    self.attribute(logical_id, attribute, at, attribute_at)
                }
                None => {
                    let message =
                        "Fn::GetAtt takes a resource and an attribute, such as `Vpc.CidrBlock`";
                    self.report("bad-function", message, argument.span, None);
                    broken()
                }
            };
        }
        let Some([logical_id, attribute]) =
            self.arguments("Fn::GetAtt", argument, 2, 2, "[resource, attribute]")
        else {
            return broken();
        };
        match (logical_id.as_text(), attribute.scalar_text()) {
            (Some(name), Some(text)) => {
                self.attribute(name, &text, logical_id.span, attribute.span)
            }
            (Some(name), None) if self.names.resources.contains_key(name) => {
                let term = self.term(attribute);
                self.resource(name, term, logical_id.span)
            }
            (Some(name), None) => self.attribute(name, "", logical_id.span, attribute.span),
            (None, _) => {
                self.report(
                    "bad-function",
                    "Fn::GetAtt takes the name of a resource",
                    logical_id.span,
                    None,
                );
                broken()
            }
        }
    }

    fn attribute(
        &mut self,
        logical_id: &str,
        attribute: &str,
        at: Span,
        attribute_at: Span,
    ) -> Kind<Local> {
        let Some(type_name) = self.names.resources.get(logical_id) else {
            let help = match self.names.parameters.contains(logical_id) {
                true => Some("it is a parameter, which has no attributes: use Ref".to_owned()),
                false => self.advice(logical_id, self.names.resources.keys(), "resources"),
            };
            self.report(
                "unknown-reference",
                format!("there is no resource `{logical_id}`"),
                at,
                help,
            );
            return broken();
        };
        if let Some((message, help)) = super::check::attribute(type_name, attribute) {
            self.report("unknown-attribute", message, attribute_at, Some(help));
        }
        self.resource(
            logical_id,
            Tree::new(Kind::Value(Value::from(attribute)), attribute_at),
            at,
        )
    }
}
