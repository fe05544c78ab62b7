//! [`Node`]: the text of a template as a tree in which every key and every value has its place.

use payctl_model::Value;
use serde_json::Number;

use super::source::Span;

/// How many bytes a template may have. CloudFormation takes 1 MB; cloud assemblies may hold more before they are packed.
pub(super) const MAX_BYTES: usize = 8 << 20;
/// How deep lists and maps may be nested.
pub(super) const MAX_DEPTH: usize = 100;

/// A value of the document.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Node {
    pub kind: NodeKind,
    pub span: Span,
}

/// The kinds of values, short forms of functions written out (`!Ref x` is `{"Ref": "x"}`).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum NodeKind {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    /// In the order of the text; keys are unique.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub key: String,
    pub key_span: Span,
    pub value: Node,
}

impl Node {
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A text, number or boolean as text.
    pub fn scalar_text(&self) -> Option<String> {
        match &self.kind {
            NodeKind::Text(text) => Some(text.clone()),
            NodeKind::Number(number) => Some(number.to_string()),
            NodeKind::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }

    pub fn as_map(&self) -> Option<&[Entry]> {
        match &self.kind {
            NodeKind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Name and argument, where it is an intrinsic function.
    pub fn function(&self) -> Option<(&str, &Node)> {
        match self.as_map()? {
            [entry] if entry.key == "Ref" || entry.key.starts_with("Fn::") => {
                Some((entry.key.as_str(), &entry.value))
            }
            _ => None,
        }
    }

    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn kind_name(&self) -> &'static str {
        match &self.kind {
            NodeKind::Null => "null",
            NodeKind::Bool(_) => "a boolean",
            NodeKind::Number(_) => "a number",
            NodeKind::Text(_) => "a text",
            NodeKind::List(_) => "a list",
            NodeKind::Map(_) => "a map",
        }
    }

    /// The plain value, functions not understood.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            NodeKind::Null => Value::Null,
            NodeKind::Bool(flag) => Value::Bool(*flag),
            NodeKind::Number(number) => Value::Number(number.clone()),
            NodeKind::Text(text) => Value::String(text.clone()),
            NodeKind::List(items) => Value::List(items.iter().map(Node::to_value).collect()),
            NodeKind::Map(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_value()))
                    .collect(),
            ),
        }
    }
}

/// A number, where writing the number gives the text again. All else stays text and keeps every character: account ids
/// (`012345678901`), versions (`1.10`), `1e3`, `0x1F`, `1_000`, `12:30:45`, and what no number holds exactly. Nothing is
/// lost by that: where AWS takes a number, CloudFormation and payctl read it from text as well.
pub(super) fn number(text: &str) -> Option<Number> {
    // The longest that an `f64` is written with has 24 characters.
    let may_be = text.len() <= 24
        && text
            .trim_start_matches('-')
            .starts_with(|first: char| first.is_ascii_digit());
    let number: Number = match may_be.then_some(text)?.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) => match text.parse::<u64>() {
            Ok(number) => number.into(),
            Err(_) => serde_json::from_str(text).ok()?,
        },
    };
    (number.to_string() == text).then_some(number)
}
