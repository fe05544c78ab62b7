//! [`Expr`]: what a property's value is made of once a stack's parameters, mappings and conditions are decided.

use std::collections::BTreeMap;

use payctl_model::{AttributeOf, PropertyPath, Value};

use super::source::Span;

/// A value, or how to make it from values, with its place in the template. `L` is what it may refer to.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree<L> {
    /// What it is.
    pub kind: Kind<L>,
    /// Where it stands in the template.
    pub span: Span,
}

/// An expression of an instantiated stack: it refers to attributes of resources by absolute address, and to exports.
pub type Expr = Tree<Reference>;

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<L> {
    /// A value, with nothing left to compute.
    Value(Value),
    /// `AWS::NoValue`: the property or list item that it stands for does not exist.
    NoValue,
    /// A list with something to compute in it.
    List(Vec<Tree<L>>),
    /// A map with something to compute in it, or whose keys' places still matter.
    Map(BTreeMap<String, Field<L>>),
    /// A reference.
    Leaf(L),
    /// A function of its arguments.
    Call(Function, Vec<Tree<L>>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Field<L> {
    /// Where the key stands.
    pub key: Span,
    /// What stands under it.
    pub value: Tree<L>,
}

/// What an instantiated expression refers to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// `Ref` or `Fn::GetAtt` of a resource.
    Attribute(AttributeOf),
    /// `Fn::ImportValue` of the export with this name, until it is linked to the exporting stack's output.
    Import(String),
    /// `Fn::GetStackOutput`, until it is linked to the output.
    Output(StackOutput),
}

/// What `Fn::GetStackOutput` names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StackOutput {
    /// The stack, as the template calls it.
    pub stack: String,
    /// Its output.
    pub output: String,
    /// Its region; `None` is the stack's own.
    pub region: Option<String>,
}

impl Reference {
    /// Whether it names another stack's output, which the graph links to it.
    pub fn is_link(&self) -> bool {
        matches!(self, Reference::Import(_) | Reference::Output(_))
    }
}

/// The functions that can remain in an instantiated expression; all others are folded in by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// `Fn::Join`: delimiter, list.
    Join,
    /// `Fn::Sub`: the pieces of the text, one after the other.
    Sub,
    /// `Fn::Split`: delimiter, text.
    Split,
    /// `Fn::Select`: index, list.
    Select,
    /// `Fn::Base64`: text.
    Base64,
    /// `Fn::Cidr`: block, count, and perhaps host bits.
    Cidr,
    /// `Fn::If`: a truth value, what it is if true, what if false.
    If,
    /// `Fn::And` of all arguments.
    And,
    /// `Fn::Or` of all arguments.
    Or,
    /// `Fn::Not` of one argument.
    Not,
    /// `Fn::Equals` of two arguments.
    Equals,
    /// `Fn::ImportValue` whose name is not computed yet. Never in an instantiated stack.
    ImportValue,
    /// `Fn::GetStackOutput` whose names are not computed yet: stack, output, and perhaps region. Never in an instantiated stack.
    GetStackOutput,
    /// `Fn::Length`: list.
    Length,
    /// `Fn::ToJsonString`: list or map.
    ToJsonString,
    /// `Fn::Contains`: list, text.
    Contains,
    /// `Fn::EachMemberEquals`: list, text.
    EachMemberEquals,
    /// `Fn::EachMemberIn`: list, list.
    EachMemberIn,
    /// The items of a text that is given for a parameter of a nested stack whose type is a list: text.
    Items,
    /// The text given for a parameter of a nested stack that is NoEcho: text.
    NoEcho,
}

/// Where evaluation finds attributes of resources.
pub trait Attributes {
    /// The attribute's value; `None` while only AWS could tell it.
    fn attribute(&self, of: &AttributeOf) -> Option<Value>;
}

/// Knows no attribute.
pub struct NoAttributes;

impl Attributes for NoAttributes {
    fn attribute(&self, _: &AttributeOf) -> Option<Value> {
        None
    }
}

impl Attributes for BTreeMap<AttributeOf, Value> {
    fn attribute(&self, of: &AttributeOf) -> Option<Value> {
        self.get(of).cloned()
    }
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EvalError {
    /// A stable name for programs.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// Where in the template.
    pub span: Span,
}

impl<L> Tree<L> {
    /// A tree of this kind at this place.
    pub fn new(kind: Kind<L>, span: Span) -> Tree<L> {
        Tree { kind, span }
    }

    /// The value, where nothing is left to compute.
    pub fn as_value(&self) -> Option<&Value> {
        match &self.kind {
            Kind::Value(value) => Some(value),
            _ => None,
        }
    }

    /// Calls `see` for every reference with the path of the property value in which it stands.
    pub fn visit_leaves<'a>(
        &'a self,
        path: &PropertyPath,
        see: &mut impl FnMut(&PropertyPath, &'a L, Span),
    ) {
        match &self.kind {
            Kind::Value(_) | Kind::NoValue => {}
            Kind::Leaf(leaf) => see(path, leaf, self.span),
            Kind::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    item.visit_leaves(&path.index(index), see);
                }
            }
            Kind::Map(fields) => {
                for (key, field) in fields {
                    field.value.visit_leaves(&path.key(key), see);
                }
            }
            Kind::Call(_, arguments) => {
                for argument in arguments {
                    argument.visit_within(path, see);
                }
            }
        }
    }

    /// Like [`Tree::visit_leaves`], for what is inside a function: all of it makes one property value.
    fn visit_within<'a>(
        &'a self,
        path: &PropertyPath,
        see: &mut impl FnMut(&PropertyPath, &'a L, Span),
    ) {
        match &self.kind {
            Kind::Value(_) | Kind::NoValue => {}
            Kind::Leaf(leaf) => see(path, leaf, self.span),
            Kind::List(items) | Kind::Call(_, items) => {
                items.iter().for_each(|item| item.visit_within(path, see))
            }
            Kind::Map(fields) => fields
                .values()
                .for_each(|field| field.value.visit_within(path, see)),
        }
    }
}

impl Expr {
    /// An expression that is a value already, at no particular place.
    pub fn value(value: Value) -> Expr {
        Tree::new(Kind::Value(value), Span::default())
    }

    /// Every attribute that it refers to, with the path of the property value that needs it.
    pub fn references(&self) -> Vec<(PropertyPath, AttributeOf)> {
        let mut found = Vec::new();
        self.visit_leaves(&PropertyPath::root(), &mut |path, leaf, _| {
            if let Reference::Attribute(of) = leaf {
                found.push((path.clone(), of.clone()));
            }
        });
        found
    }

    /// Every import and every other stack's output in it, with the path of the property value that needs it and its place.
    pub fn links(&self) -> Vec<(PropertyPath, &Reference, Span)> {
        let mut found = Vec::new();
        self.visit_leaves(&PropertyPath::root(), &mut |path, leaf, span| {
            if leaf.is_link() {
                found.push((path.clone(), leaf, span));
            }
        });
        found
    }

    /// The same with every import and every other stack's output replaced by what `link` gives for it (the output's
    /// expression); one for which it gives nothing stays.
    pub fn linked(&self, link: &mut dyn FnMut(&Reference) -> Option<Expr>) -> Expr {
        let kind = match &self.kind {
            Kind::Leaf(leaf) if leaf.is_link() => match link(leaf) {
                // Its own places are in the other stack's template.
                Some(expr) => return expr.placed(self.span),
                None => self.kind.clone(),
            },
            Kind::List(items) => Kind::List(items.iter().map(|item| item.linked(link)).collect()),
            Kind::Call(function, items) => Kind::Call(
                *function,
                items.iter().map(|item| item.linked(link)).collect(),
            ),
            Kind::Map(fields) => Kind::Map(
                fields
                    .iter()
                    .map(|(key, field)| {
                        (
                            key.clone(),
                            Field {
                                key: field.key,
                                value: field.value.linked(link),
                            },
                        )
                    })
                    .collect(),
            ),
            Kind::Value(_) | Kind::NoValue | Kind::Leaf(_) => self.kind.clone(),
        };
        Tree::new(kind, self.span)
    }

    /// The same with everything in it at one place: where another template names it.
    pub(super) fn placed(&self, span: Span) -> Expr {
        let all = |items: &[Expr]| items.iter().map(|item| item.placed(span)).collect();
        let kind = match &self.kind {
            Kind::List(items) => Kind::List(all(items)),
            Kind::Call(function, items) => Kind::Call(*function, all(items)),
            Kind::Map(fields) => Kind::Map(
                fields
                    .iter()
                    .map(|(name, field)| {
                        let value = field.value.placed(span);
                        (name.clone(), Field { key: span, value })
                    })
                    .collect(),
            ),
            Kind::Value(_) | Kind::NoValue | Kind::Leaf(_) => self.kind.clone(),
        };
        Tree::new(kind, span)
    }

    /// The place of the value at a path (or of the deepest value above it that is written out).
    pub fn place_of(&self, path: &PropertyPath) -> Span {
        let mut tree = self;
        for step in path.steps() {
            let inner = match (&tree.kind, step) {
                (Kind::Map(fields), payctl_model::Step::Key(key)) => {
                    fields.get(key).map(|field| &field.value)
                }
                (Kind::List(items), payctl_model::Step::Index(index)) => items.get(*index),
                _ => None,
            };
            match inner {
                Some(inner) => tree = inner,
                None => break,
            }
        }
        tree.span
    }
}
