//! From the document's [`Node`]s to [`Term`]s: intrinsic functions are recognised, and every name they use is looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use payctl_model::{Address, AttributeOf, Value};

use super::diagnostic::{Diagnostic, did_you_mean, is_full};
use super::expr::{Expr, Field, Function, Kind, NoAttributes, Tree};
use super::node::{Entry, Node, NodeKind};
use super::source::{Source, Span};

mod references;
mod rules;
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
    /// `Ref` of a computed name, or `Fn::GetAtt` of a resource with a computed name.
    Named {
        name: Box<Term>,
        attribute: Option<Box<Term>>,
    },
    Condition(String),
    /// Map, first key, second key; and what it is where one of the keys is missing.
    FindInMap {
        keys: Box<[Term; 3]>,
        default: Option<Box<Term>>,
    },
    /// `Fn::GetAZs` of a region; the empty text is the stack's own.
    Zones(Box<Term>),
    /// What a rule asks the account, by the function's name: payctl does not know it.
    Account(&'static str),
}

impl Local {
    /// The terms inside it.
    pub fn parts(&self) -> Vec<&Term> {
        match self {
            Local::Resource { attribute, .. } => vec![attribute],
            Local::Named { name, attribute } => std::iter::once(&**name)
                .chain(attribute.as_deref())
                .collect(),
            Local::FindInMap { keys, default } => keys.iter().chain(default.as_deref()).collect(),
            Local::Zones(region) => vec![region],
            Local::Parameter(_) | Local::Pseudo(_) | Local::Condition(_) | Local::Account(_) => {
                Vec::new()
            }
        }
    }
}

impl Term {
    /// Calls `see` for every reference, those inside other references included.
    pub fn visit_locals<'t>(&'t self, see: &mut impl FnMut(&'t Local, Span)) {
        match &self.kind {
            Kind::Leaf(local) => {
                see(local, self.span);
                local
                    .parts()
                    .into_iter()
                    .for_each(|part| part.visit_locals(see));
            }
            Kind::List(items) | Kind::Call(_, items) => {
                items.iter().for_each(|item| item.visit_locals(see))
            }
            Kind::Map(fields) => fields
                .values()
                .for_each(|field| field.value.visit_locals(see)),
            Kind::Value(_) | Kind::NoValue => {}
        }
    }

    /// The text that it is whatever the inputs are, where that can be told.
    pub fn constant(&self) -> Option<String> {
        let value = self.closed()?.evaluate(&NoAttributes).ok()?;
        value
            .as_str()
            .map(str::to_owned)
            .or_else(|| value.to_text())
    }

    /// The same, where it refers to nothing.
    fn closed(&self) -> Option<Expr> {
        let all = |items: &[Term]| items.iter().map(Term::closed).collect::<Option<Vec<_>>>();
        let kind = match &self.kind {
            Kind::Value(value) => Kind::Value(value.clone()),
            Kind::NoValue => Kind::NoValue,
            Kind::List(items) => Kind::List(all(items)?),
            Kind::Call(function, items) => Kind::Call(*function, all(items)?),
            Kind::Map(_) | Kind::Leaf(_) => return None,
        };
        Some(Tree::new(kind, self.span))
    }
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

pub(super) const PSEUDO: [(&str, Pseudo); 7] = [
    ("AWS::AccountId", Pseudo::AccountId),
    ("AWS::NotificationARNs", Pseudo::NotificationArns),
    ("AWS::Partition", Pseudo::Partition),
    ("AWS::Region", Pseudo::Region),
    ("AWS::StackId", Pseudo::StackId),
    ("AWS::StackName", Pseudo::StackName),
    ("AWS::URLSuffix", Pseudo::UrlSuffix),
];
pub(super) const NO_VALUE: &str = "AWS::NoValue";

/// The functions that are understood, by their long names.
pub(super) const FUNCTIONS: [&str; 26] = [
    "Ref",
    "Fn::And",
    "Fn::Base64",
    "Fn::Cidr",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::Equals",
    "Fn::FindInMap",
    "Fn::GetAZs",
    "Fn::GetAtt",
    "Fn::GetStackOutput",
    "Fn::If",
    "Fn::ImportValue",
    "Fn::Join",
    "Fn::Length",
    "Fn::Not",
    "Fn::Or",
    "Fn::RefAll",
    "Fn::Select",
    "Fn::Split",
    "Fn::Sub",
    "Fn::ToJsonString",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
    "Condition",
];

/// Why a function that CloudFormation knows is refused where it stands; `None` for every other name.
pub(super) fn refusal(name: &str) -> Option<&'static str> {
    match name {
        "Fn::ForEach" => Some(
            "a loop has a name, and is a key: `Fn::ForEach::Name: [identifier, collection, body]`",
        ),
        "Fn::Transform" => Some(
            "payctl runs no macros and includes no files: write what it stands for, or give payctl the processed template (`aws cloudformation get-template --template-stage Processed`)",
        ),
        _ => None,
    }
}

/// How a template gets the functions of AWS::LanguageExtensions.
pub(super) const USE_EXTENSIONS: &str =
    "add `Transform: AWS::LanguageExtensions` at the top level of the template";

/// How a function is written.
fn example(name: &str) -> Option<&'static str> {
    Some(match name {
        "Fn::Join" => "!Join ['-', [a, b]]",
        "Fn::Split" => "!Split [',', 'a,b']",
        "Fn::Select" => "!Select [0, [a, b]]",
        "Fn::If" => "!If [IsProd, 3, 1]",
        "Fn::Equals" => "!Equals [!Ref Stage, prod]",
        "Fn::Not" => "!Not [!Condition IsProd]",
        "Fn::And" => "!And [!Condition IsProd, !Condition IsLarge]",
        "Fn::Or" => "!Or [!Condition IsProd, !Condition IsLarge]",
        "Fn::FindInMap" => "!FindInMap [Images, !Ref AWS::Region, arm64]",
        "Fn::Cidr" => "!Cidr [10.0.0.0/16, 4, 8]",
        "Fn::GetAtt" => "!GetAtt Vpc.CidrBlock",
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
    /// Whether the template has the transform AWS::LanguageExtensions.
    pub extensions: bool,
    /// Keys that a loop will make of values that are not known yet, cut where these stand.
    pub open: Vec<Vec<String>>,
}

impl Names {
    /// Whether a loop whose values are not known yet may make a thing of this name.
    pub fn may_exist(&self, name: &str) -> bool {
        self.open.iter().any(|pieces| {
            let [first, middle @ .., last] = pieces.as_slice() else {
                return false;
            };
            let inside = name
                .strip_prefix(first.as_str())
                .and_then(|rest| rest.strip_suffix(last.as_str()));
            inside.is_some_and(|mut rest| {
                middle
                    .iter()
                    .all(|piece| match rest.split_once(piece.as_str()) {
                        Some((_, after)) => {
                            rest = after;
                            true
                        }
                        None => false,
                    })
            })
        })
    }
}

/// In which part of a template an expression stands; it decides what may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// Properties and outputs.
    Value,
    /// Conditions: no resources, and the condition functions.
    Condition,
    /// Rules: no resources, the condition functions and those of rules.
    Rule,
    /// Collections of loops: no resources.
    Collection,
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
                || key == "Condition" && matches!(self.within, Within::Condition | Within::Rule)
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
                None if stray.key.starts_with("Fn::ForEach::") => {
                    self.needs_extensions("Fn::ForEach", stray.key_span);
                }
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

    /// Reports what the transform AWS::LanguageExtensions would allow; whether it does.
    ///
    /// Source: CloudFormation template reference, "AWS::LanguageExtensions transform".
    fn needs_extensions(&mut self, what: &str, at: Span) -> bool {
        if !self.names.extensions {
            self.report(
                "needs-transform",
                format!("{what} needs the transform AWS::LanguageExtensions"),
                at,
                Some(USE_EXTENSIONS.to_owned()),
            );
        }
        self.names.extensions
    }

    fn function(&mut self, name: &str, at: Span, argument: &Node) -> Kind<Local> {
        let nothing = broken();
        let in_conditions = matches!(self.within, Within::Condition | Within::Rule);
        match name {
            "Ref" => match argument.scalar_text() {
                Some(target) => self.reference(&target, argument.span),
                None => self.computed_reference(argument),
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
                if function == Function::Join && rest.scalar_text().is_some() {
                    let message = "Fn::Join takes [delimiter, list]; this is no list";
                    let help = "for example `!Join ['-', [a, b]]`".to_owned();
                    self.report("bad-function", message, rest.span, Some(help));
                    return nothing;
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
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::Length" | "Fn::ToJsonString" => {
                if !self.needs_extensions(&format!("`{name}`"), at) {
                    return nothing;
                }
                let plain = argument.as_list().is_some() || argument.as_map().is_some();
                let (function, form) = match name {
                    "Fn::Length" => (Function::Length, "a list"),
                    _ => (Function::ToJsonString, "a list or a map"),
                };
                if !plain {
                    let message = format!("{name} takes {form}, not {}", argument.kind_name());
                    self.report("bad-function", message, argument.span, None);
                    return nothing;
                }
                Kind::Call(function, vec![self.term(argument)])
            }
            "Fn::GetStackOutput" => self.stack_output(argument),
            "Fn::Contains"
            | "Fn::EachMemberEquals"
            | "Fn::EachMemberIn"
            | "Fn::RefAll"
            | "Fn::ValueOf"
            | "Fn::ValueOfAll" => self.rule_function(name, at, argument),
            "Fn::GetAZs" => Kind::Leaf(Local::Zones(Box::new(self.term(argument)))),
            "Fn::Base64" => Kind::Call(Function::Base64, vec![self.term(argument)]),
            "Fn::ImportValue" => Kind::Call(Function::ImportValue, vec![self.term(argument)]),
            "Fn::Transform" => {
                let name = argument.as_map().and_then(|entries| {
                    entries
                        .iter()
                        .find(|entry| entry.key == "Name")?
                        .value
                        .as_text()
                });
                let what = match name {
                    Some(name) => format!("the transform `{name}`"),
                    None => "`Fn::Transform`".to_owned(),
                };
                let message = format!("{what} is not supported");
                self.report(
                    "unsupported",
                    message,
                    at,
                    refusal("Fn::Transform").map(str::to_owned),
                );
                nothing
            }
            other => {
                match refusal(other) {
                    Some(why) => self.refuse(other, why, at),
                    None if other.starts_with("Fn::ForEach::") => {
                        if self.needs_extensions("Fn::ForEach", at) {
                            let message = "there are no loops here";
                            let help = "Fn::ForEach stands in Conditions, Resources and Outputs";
                            self.report("bad-function", message, at, Some(help.to_owned()));
                        }
                    }
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
                    Some([_]) => "a list with 1 item".to_owned(),
                    Some(items) => format!("a list with {} items", items.len()),
                    None => argument.kind_name().to_owned(),
                };
                self.report(
                    "bad-function",
                    format!("{name} takes {form}, not {found}"),
                    argument.span,
                    example(name).map(|example| format!("for example `{example}`")),
                );
                None
            }
        }
    }

    fn condition(&mut self, node: &Node) -> Kind<Local> {
        match node.scalar_text() {
            Some(name) => {
                if !self.names.conditions.contains(&name) && !self.names.may_exist(&name) {
                    let help = self
                        .advice(&name, self.names.conditions.iter(), "conditions")
                        .or(Some("define it in the section Conditions".to_owned()));
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
}
